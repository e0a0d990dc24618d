"""One random schedule: a whole study over a bad network, with crashes and liars, and what must hold all the way.

Everything that is random about a schedule follows from its seed, except keys and ciphertexts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

import numpy as np
from tests.parties.liars_in_a_sum import Liar
from tests.schedules.liars import LyingCoordinator, LyingHospital, kind_of, lies_within, opened
from tests.schedules.world import Agreed, ForgetfulParties, KilledError, Setting, setting, sum_of

from cipherward import thresholds
from cipherward.crypto import wire
from cipherward.crypto.identity import Signed
from cipherward.disclosure.missing import Effect
from cipherward.errors import FaultyCoordinatorError, ProtocolError, QuorumError, StorageError, SuspectError
from cipherward.parties import asking, who_stands
from cipherward.parties.coordinator_node import Outgoing, Phase
from cipherward.parties.judging import after_failed
from cipherward.runs import verify
from cipherward.sums import challenge
from cipherward.sums.messages import CONSENT, Manifest, Opening
from cipherward.sums.packets import pack
from cipherward.tasks.state import StudyState

SIZES = {n: [t for t in range(2, n + 1) if not thresholds.derive(n, threshold=t).problems()] for n in (3, 4, 5, 6)}
RATES = (0.0, 0.0, 0.03, 0.15)
MOST_STEPS = 4000

Packet = tuple[bool, int, bytes]
"""Whether it goes up to the coordinator, the hospital at the other end, and the bytes."""


class Schedule:
    """Draws everything from `seed`; `run` plays it to its end and checks it on the way."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.rng = rng = Random(seed)
        n = rng.choice(sorted(SIZES))
        threshold, rounds = rng.choice(SIZES[n]), rng.choice([1, 1, 2])
        self.agreed = self._agreed(n, threshold)
        self.setting: Setting = setting(n, threshold, rounds, self.agreed)
        self.world = ForgetfulParties(folder, self.setting, ahead=seed % 2 == 0)
        n_liars = rng.randint(1, self.setting.study.thresholds.corrupt) if rng.random() < 0.5 else 0
        self.liars = {i: LyingHospital(self.setting, i, rng) for i in rng.sample(self.setting.everyone, n_liars)}
        for i in self.liars:
            # Some lie from within: what they deal and release is well formed, and their answers hide it or not.
            if rng.random() < 0.5:
                self.world.make_liar(i, Liar(lambda: rng.random() < 0.7, *lies_within(rng)))
        self.coordinator = LyingCoordinator(self.setting, rng) if rng.random() < 0.2 else None
        self.honest = [i for i in self.setting.everyone if i not in self.liars]
        self.rates = {
            fault: rng.choice(RATES)
            for fault in ("drop", "repeat", "flip", "cut", "replay", "crash", "full", "coordinator", "impatient")
        }
        self.corrupts = bool(self.rates["flip"] or self.rates["cut"])
        self.in_flight: list[Packet] = []
        self.seen: list[Packet] = []
        self.down: set[int] = set()
        self.ended = ""
        self.counts: Counter[str] = Counter()
        # What honest hospitals have said: votes by (hospital, sum), released manifests by query and sum.
        self.votes: dict[tuple[int, bytes], bytes] = {}
        self.released: dict[tuple[bytes, int], set[bytes]] = {}
        self.accepted: dict[tuple[int, bytes], bytes] = {}

    def __str__(self) -> str:
        numbers = self.setting.study.thresholds
        rates = {fault: rate for fault, rate in self.rates.items() if rate}
        who = [*self.liars.values(), *([self.coordinator] if self.coordinator else [])]
        many = f"{numbers.n_hospitals} hospitals, threshold {numbers.threshold}, agreed: {self.agreed}"
        return f"{many}, {rates}, liars {who}, ended {self.ended!r}"

    def _agreed(self, n: int, threshold: int) -> Agreed:
        """Who may be singled out: everybody, nobody, or a few where the others are enough for a block."""
        few = n - thresholds.derive(n, threshold=threshold).min_contributors
        some = tuple(f"clinic-{i}" for i in sorted(self.rng.sample(range(1, n + 1), self.rng.randint(0, few))))
        return self.rng.choice(["all", "never", "never", some or "never"])

    @property
    def must_end(self) -> str:
        """How a study has to end where nobody lies, or only by saying nothing: as the table that people see beforehand says.

        Other lies can stop a study, which is left to people: a dealer's bad shares for fewer holders than make a void
        certificate, a consent taken back, a sum that was certified and does not open. "" for those.
        """
        if self.coordinator or self.world.liars or any(liar.lies != ["silence"] for liar in self.liars.values()):
            return ""
        missing = {self.setting.rules.register(i).hospital for i in self.liars}
        if who_stands.setting_of(self.setting.study).without(missing) is not Effect.WAITS:
            return "finished"
        return "waits" if all(liar.habit == 1.0 for liar in self.liars.values()) else ""

    def run(self) -> None:
        """Faults for a while, then none; afterwards everything that must hold at the end."""
        try:
            for _ in range(self.rng.randrange(10, 300)):
                if self.ended:
                    break
                self._step()
            self._heal()
            self._finish()
            self._check_end()
        finally:
            self.world.close()

    # the scheduler

    def _step(self) -> None:
        rng = self.rng
        if self.seen and rng.random() < self.rates["replay"]:
            self._arrive(*rng.choice(self.seen))
        elif rng.random() < self.rates["crash"] / 4:
            self._light(rng.choice(self.setting.everyone))
        elif rng.random() < self.rates["full"] / 8:
            self.world.fuses[rng.randrange(self.setting.rules.n_hospitals + 1)].is_full = True
        elif self.down and rng.random() < 0.1:
            self._restart(rng.choice(sorted(self.down)))
        elif rng.random() < self.rates["coordinator"] / 4:
            self._light(0)
        elif self.in_flight and rng.random() >= self.rates["impatient"] / 4:
            self._carry()
        else:
            self._go_on(rng.random() < 0.5)

    def _light(self, party: int) -> None:
        """Now, or around one of the next writes, the process is killed."""
        if self.rng.random() < 0.3:
            self._crash(party)
        else:
            self.world.fuses[party].left = self.rng.randrange(8)
            self.world.fuses[party].part = self.rng.random()

    def _carry(self) -> None:
        """One packet that is on its way, in any order, arrives: whole, or as the network left it."""
        rng = self.rng
        place = 0 if rng.random() < 0.5 else rng.randrange(len(self.in_flight))
        up, hospital, packet = self.in_flight.pop(place)
        if rng.random() < self.rates["drop"]:
            self.counts["dropped"] += 1
            return
        if rng.random() < self.rates["repeat"]:
            self.in_flight.append((up, hospital, packet))
        if rng.random() < self.rates["flip"]:
            changed = bytearray(packet)
            changed[rng.randrange(min(len(changed), rng.choice([4, 200, 10**6])))] ^= 1 << rng.randrange(8)
            packet = bytes(changed)
        if rng.random() < self.rates["cut"]:
            packet = packet[: rng.randrange(len(packet))]
        self._arrive(up, hospital, packet)

    def _go_on(self, patient: bool = False) -> None:
        """The coordinator asks again, or loses its patience, or begins the next sum."""
        hub = self.world.hub
        if hub.phase is Phase.IDLE:
            self._coordinator(hub.last_call if hub.finished else hub.begin)
        elif patient and hub.waiting:
            self._coordinator(hub.outstanding)
        else:
            self._coordinator(hub.expire if hub.waiting else hub.advance)

    # the parties

    def _arrive(self, up: bool, hospital: int, packet: bytes) -> None:
        self.counts["arrived"] += 1
        if up:
            if self.coordinator:
                self._send(False, self.coordinator.heard(hospital, packet))
            self._coordinator(lambda: self.world.hub.handle(hospital, packet))
            hub = self.world.hub
            if not self.ended and hub.phase is not Phase.IDLE and not hub.waiting:
                self._coordinator(hub.advance)
        elif hospital not in self.down:
            self._hospital(hospital, packet)

    def _coordinator(self, action: Callable[[], list[Outgoing]]) -> None:
        if self.ended:
            return
        try:
            outgoing = action()
        except QuorumError:
            self.counts["waited"] += 1
            return  # it waits, and goes on when they answer
        except (KilledError, StorageError) as error:
            self.counts[f"coordinator: {type(error).__name__}"] += 1
            self._crash(0)
            return
        except SuspectError as error:
            self.ended = f"suspect: {error.message}"
            return
        except FaultyCoordinatorError as error:
            self._end_by_breach(error.message)
            return
        self.world.note(0)
        assert self.coordinator or self._proved() <= set(self.liars), f"honest hospitals are proved: {self._proved()}"
        for hospital, packet in outgoing:
            said = self.coordinator.said(hospital, packet) if self.coordinator else [packet]
            self._send(False, ((hospital, item) for item in said))

    def _proved(self) -> set[int]:
        """Whom the coordinator holds for proved dealers of bad shares in the present sum."""
        steps = self.world.hub._steps
        return set(steps.sum.proved) if steps.is_summing else set()

    def _end_by_breach(self, message: str) -> None:
        accusers = set(self.world.hub._receipts.breaches)
        assert self.coordinator or accusers <= set(self.liars), f"an honest coordinator is accused: {message}"
        self.ended = "breach" if self.coordinator else "falsely accused"

    def _hospital(self, index: int, packet: bytes) -> None:
        site = self.world.sites[index]
        before = site.state
        try:
            replies = site.handle(packet)
        except (KilledError, StorageError) as error:
            self.counts[f"hospital: {type(error).__name__}"] += 1
            self.world.note(index)  # what it had found out is on its disk, or found out again
            self._crash(index)
            return
        self.world.note(index)
        if index in self.liars:
            self._send(True, ((index, item) for reply in replies for item in self.liars[index].said(reply)))
            return
        if site.state is not before:
            self._check_opening(index, before, site.state, packet)
        for reply in replies:
            self._check_said(index, reply)
        self._send(True, ((index, reply) for reply in replies))

    def _send(self, up: bool, packets: Iterable[Outgoing]) -> None:
        for hospital, packet in packets:
            self.in_flight.append((up, hospital, packet))
            if len(self.seen) < 200 or self.rng.random() < 0.3:
                self.seen.append((up, hospital, packet))

    def _crash(self, party: int) -> None:
        if party:
            self.down.add(party)
            return
        before = self.world.hub
        self._coordinator(self.world.restart_hub)
        assert self.ended or self.world.hub is not before

    def _restart(self, index: int) -> None:
        self.down.discard(index)
        self.world.restart_site(index)

    # the end

    def _heal(self) -> None:
        self.rates = dict.fromkeys(self.rates, 0.0)
        self.world.fuses[0].left, self.world.fuses[0].is_full = -1, False
        for index in self.setting.everyone:
            self._restart(index)

    def _finish(self) -> None:
        """With a perfect network and everybody back, to the end of the study and of its receipts."""
        calls = idle = 0
        last: object = None
        for _ in range(MOST_STEPS):
            if self.ended:
                return
            if self.in_flight:
                self._arrive(*self.in_flight.pop(0))
                continue
            hub = self.world.hub
            progress = self._progress()
            idle, last = idle + 1 if progress == last else 0, progress
            calls += hub.finished
            if calls > 2 or idle > 5:
                self.ended = "finished" if hub.finished else "waits"
                return
            self._go_on(patient=idle % 2 == 0)
        self.ended = "out of steps"

    def _progress(self) -> object:
        """What changes when asking again has led to something."""
        hub = self.world.hub
        assert hub.journal is not None
        verified = [site.state.sums_done for site in self.world.sites.values()]
        return (
            hub.phase,
            hub.state.sums_done,
            len(hub.journal),
            len(hub._receipts.received),
            len(hub._receipts.asked_again),
            verified,
        )

    # what must hold

    def _check_said(self, index: int, reply: bytes) -> None:
        """One vote for a sum, ever; one released manifest for a sum, whichever hospital releases."""
        if kind_of(reply) not in ("Vote", "Release"):
            return
        kind, body = opened(reply)
        if kind == "Vote":
            known = self.votes.setdefault((index, body.context), reply)
            assert known == reply, f"hospital {index} voted twice on one sum"
        else:
            record = self.world.sites[index].ledger.sum(body.context)
            assert record is not None
            # A vote that was recorded just before a crash has been said to nobody; it binds the hospital all the same.
            vote = opened(self.votes.get((index, body.context)) or pack("Vote", record.vote))[1]
            assert (vote.choice, vote.manifest_digest) == (CONSENT, body.manifest_digest), (
                f"hospital {index} released unasked"
            )
            # The same question comes again, as another sum, where one that did not open had a culprit.
            manifests = self.released.setdefault((record.query, record.round), set())
            manifests.add(body.manifest_digest)
            assert len(manifests) == 1, f"two manifests of one sum were released, the second by {index}"

    def _check_opening(self, index: int, before: StudyState, after: StudyState, packet: bytes) -> None:
        """A hospital moves only along the exact sum of the listed contributors, or along the rule for a closed sum."""
        assert kind_of(packet) == "Opening"
        rules, body = self.setting.rules, opened(packet)[1]
        assert isinstance(body, Opening)
        known = self.accepted.setdefault((before.sums_done, before.digest()), after.digest())
        assert known == after.digest(), f"hospital {index} holds another model than those before it"
        manifest = wire.decode(Manifest, wire.decode(Signed, body.manifest).body)
        contributors = [entry.hospital for entry in manifest.entries]
        self._check_blocks(contributors)
        assert set(after.excluded) <= set(self.liars), f"honest hospitals are left out: {after.excluded}"
        task = asking.task_of(rules, before, body.attempt)
        proved = before.proved(
            [hospital for _, hospital in after.false_dealers], frozenset()
        )  # liars all, as seen above
        try:
            sums = rules.scheme.sums(task, body.total, body.witness, len(contributors))
        except ProtocolError:
            found = challenge.verdict(rules, task, body)
            assert after.digest() == after_failed(proved, contributors, found).digest()
            assert found.named <= set(self.liars), f"honest hospitals are named: {found}"
            assert self.liars, "an honest sum did not open"
            self.counts["closed sums"] += 1
            self.counts["named"] += len(found.named)
            return
        expected = sum_of(rules, contributors, before)
        assert np.array_equal(sums, expected), f"the sum over {contributors} is not theirs"
        following = asking.following(rules.scheme, proved, expected, len(contributors))
        assert after.digest() == following.digest(), "not the model that the listed contributors give"

    def _check_blocks(self, contributors: list[int]) -> None:
        """Honest members of a block that said no are in a sum together, two at least, or not at all."""
        names = {hospital.name: i for i, hospital in enumerate(self.setting.study.hospitals, start=1)}
        apart = set(self.honest) - {names[name] for name in names if self.agreed == "all" or name in self.agreed}
        for block in self.setting.study.blocks or ():
            members = apart & {names[member.hospital] for member in block.members}
            assert len(members) >= 2, "the test's block is too small to hide anybody"
            inside = members & set(contributors)
            assert inside in (set(), members), f"{sorted(inside)} are apart from their block, {sorted(members)}"
            apart -= members
        assert not apart & set(contributors), f"{sorted(apart)} said no and stand alone"

    def _check_end(self) -> None:
        states = self.world.states
        for round in range(max(len(states[i]) for i in self.honest)):
            models = {states[i][round].digest() for i in self.honest if len(states[i]) > round}
            assert len(models) == 1, f"hospitals that verified sum {round - 1} hold {len(models)} models"
        assert self.ended != "out of steps", "the parties answer each other without end"
        stopped = [i for i in self.honest if self.world.sites[i].stopped]
        assert self.coordinator or not stopped, f"hospitals {stopped} accuse an honest coordinator"
        if self.coordinator:
            return
        if not self.corrupts:
            wronged = [(i, reason) for i, reason in self.world.quarantined if i in self.honest]
            assert not wronged, f"honest messages are in quarantine: {wronged}"
        for replayed in self.world.replayed():
            for line in verify.receipt_lines(self.world.as_run(), replayed):
                honest = int(line.hospital.removeprefix("clinic-")) in self.honest
                assert line.holds or not honest, f"the receipt of {line.hospital} for sum {line.round}: {line.detail}"
        if self.must_end:
            assert self.ended == self.must_end, f"did not end as foretold: {self.ended}, not {self.must_end}"
        if self.must_end == "finished":
            behind = [i for i in self.honest if len(states[i]) < len(states[0])]
            assert not behind, f"hospitals {behind} never verified the last sum"
