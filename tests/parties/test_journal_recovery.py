"""A coordinator that is killed after any input goes on from its journal: same attempt, same bytes, same model."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

import pytest
from tests import simulator
from tests.simulator import World, holds, kind_of, lines_of

from cipherward.crypto import wire
from cipherward.errors import QuorumError, StorageError
from cipherward.parties import sumlog
from cipherward.parties.coordinator_node import CoordinatorNode, Phase
from cipherward.runs import verify
from cipherward.simulation import make_parties
from cipherward.simulation.network import LocalEngine
from cipherward.study import Study
from cipherward.sums.messages import Certificate, Complaint
from cipherward.sums.packets import unpack
from cipherward.tasks.state import StudyState

SAID = ("Joined", "ConsentRequest", "Certificate", "Opening")


class Mortal:
    """Runs a study's sums, and replaces the coordinator by one from disk before the inputs that `dies` names.

    An input is a packet that arrives or the end of waiting. Packets between the parties survive: a post that carries
    letters until they are handled. `said` holds, by sum, attempt, kind and hospital, every distinct packet sent.
    """

    def __init__(self, world: World, dies: Callable[[int], bool], *, hospitals_too: bool = False) -> None:
        self.world = world
        self.dies = dies
        self.hospitals_too = hospitals_too
        self.inputs = 0
        self.said: dict[tuple[int, bytes, str, int], set[bytes]] = {}
        self.queue: deque[tuple[int, bytes]] = deque()

    def run(self) -> None:
        world = self.world
        while not world.hub.finished:
            if world.hub.phase is Phase.IDLE:
                self._send(world.hub.begin())
                self._maybe_die()
                continue
            while self.queue:
                hospital, packet = self.queue.popleft()
                for reply in world.sites[hospital].handle(packet):
                    self._maybe_die()
                    self._send(world.hub.handle(hospital, reply))
            self._maybe_die()
            if not self.queue:
                self._send(world.hub.expire() if world.hub.waiting else world.hub.advance())
                self._maybe_die()

    def _send(self, outgoing: list[tuple[int, bytes]]) -> None:
        for hospital, packet in outgoing:
            kind = kind_of(packet)
            if kind in SAID:
                key = (
                    self.world.hub.round,
                    self.world.hub._steps.sum.task.context if kind != "Opening" else b"",
                    kind,
                    hospital,
                )
                self.said.setdefault(key, set()).add(packet)
        self.queue.extend(outgoing)

    def _maybe_die(self) -> None:
        self.inputs += 1
        if not self.dies(self.inputs):
            return
        reborn(self.world)
        self.queue.clear()
        if self.hospitals_too:
            for index, site in list(self.world.sites.items()):
                site.ledger.close()
                self.world.sites[index] = self.world.make_hospital(index, site.state)
            self.world.engine.sites = self.world.sites
        self._send(self.world.hub.recover())


class Moments:
    """True at these inputs."""

    def __init__(self, chosen: Collection[int]) -> None:
        self.chosen = chosen

    def __call__(self, number: int) -> bool:
        return number in self.chosen


def written(world: World) -> int:
    assert world.hub.journal is not None
    return len(world.hub.journal)


def packets_in_journal(world: World) -> int:
    assert world.hub.journal is not None
    return sum(kind == sumlog.PACKET for kind, _ in world.hub.journal.index())


def reborn(world: World) -> CoordinatorNode:
    """A coordinator as it starts from the run directory."""
    states = [world.first]
    if world.run.rounds_with_openings():
        states = [replayed.state for replayed in verify.replay(verify.open_run(world.run.path))]
    world.hub = make_parties.make_coordinator(world.study, world.keys, states[-1], world.run)
    world.engine = LocalEngine(world.hub, world.sites)
    return world.hub


def small(scheme: str = "quorum") -> Study:
    return simulator.agreed(4, training={"rounds": 1}, aggregation={"scheme": scheme})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[StudyState, int]]:
    """Per scheme: the end of a study without faults, and the number of its inputs."""
    found = {}
    for scheme in ("quorum", "masks", "plain"):
        with World(tmp_path_factory.mktemp(scheme), small(scheme)) as world:
            mortal = Mortal(world, lambda k: False)
            mortal.run()
            found[scheme] = (world.hub.state, mortal.inputs)
    return found


def check(world: World, mortal: Mortal, whole: StudyState) -> None:
    assert world.hub.state.inner.model.weights.tobytes() == whole.inner.model.weights.tobytes()
    assert {site.state.digest() for site in world.sites.values()} == {world.hub.state.digest()}
    signed = [line for line in lines_of(world.run.path) if line.hospital != "everyone"]  # a World writes no result.json
    assert len(signed) == 12
    assert all(line.holds and line.outcome not in ("no receipt", "bad receipt") for line in signed), signed
    assert {len(packets) for packets in mortal.said.values()} == {1}  # nobody was told two things
    assert not any(site.stopped for site in world.sites.values())


@pytest.mark.parametrize(
    "stride", [34, pytest.param(17, marks=pytest.mark.thorough), pytest.param(1, marks=pytest.mark.thorough)]
)
@pytest.mark.parametrize(
    ("scheme", "hospitals_too"), [("quorum", True), ("masks", False), ("quorum", False), ("masks", True)]
)
def test_a_kill_at_any_one_input_changes_nothing(
    tmp_path: Path, whole: dict[str, tuple[StudyState, int]], scheme: str, hospitals_too: bool, stride: int
) -> None:
    end, inputs = whole[scheme]
    assert inputs > 60
    for k in range(1 + 4 * hospitals_too, inputs + 1, stride):
        with World(tmp_path / str(k), small(scheme)) as world:
            mortal = Mortal(world, Moments({k}), hospitals_too=hospitals_too)
            mortal.run()
            check(world, mortal, end)
            assert {report.attempt for report in world.hub.reports} <= {0}


@pytest.mark.parametrize(
    "step", [1, pytest.param(2, marks=pytest.mark.thorough), pytest.param(3, marks=pytest.mark.thorough)]
)
def test_a_kill_at_every_input_changes_nothing(
    tmp_path: Path, whole: dict[str, tuple[StudyState, int]], step: int
) -> None:
    with World(tmp_path, small()) as world:
        mortal = Mortal(world, Moments(range(0, 1000, step)))
        mortal.run()
        check(world, mortal, whole["quorum"][0])


@pytest.mark.thorough
def test_a_ckks_sum_keeps_its_total_over_a_kill_and_is_opened_once(tmp_path: Path) -> None:
    pytest.importorskip("tenseal")
    with World(tmp_path, small("ckks")) as world:
        mortal = Mortal(world, lambda n: True)
        mortal.run()
        check(world, mortal, world.hub.state)
        openings = world.run.openings()
        assert len({opening["context"] for opening in openings}) == 3
        assert len({(opening["context"], opening["total"]) for opening in openings}) == 3


def test_a_kill_in_a_second_attempt_keeps_the_void_certificate_of_the_first(tmp_path: Path) -> None:
    with World(tmp_path, small()) as world:
        world.run_sums(1)
        requests = world.until("ConsentRequest")
        context = world.hub._steps.sum.task.context
        for index in (1, 2, 3):
            world.hub.handle(index, world.packet(Complaint(context, 4, "no reason"), index))
        assert requests
        void = dict(world.hub.expire())
        votes = {index: world.sites[index].handle(packet)[0] for index, packet in void.items()}
        for index, vote in votes.items():
            world.hub.handle(index, vote)
        announced = dict(world.hub.advance())
        assert {kind_of(packet) for packet in announced.values()} == {"Announce"}
        assert dict(reborn(world).recover()) == announced
        assert sorted(announced) == [1, 2, 3, 4], "a complaint proves nothing"
        world.engine.run_sum()
        assert (world.hub.reports[-1].attempt, world.hub.reports[-1].contributors) == (1, (1, 2, 3, 4))
        assert holds(world.run.path)


def test_a_recovered_coordinator_asks_only_those_who_have_not_answered(tmp_path: Path) -> None:
    with World(tmp_path, small()) as world:
        packets = world.until("Joined")
        (update,) = world.sites[2].handle(packets[2])
        world.hub.handle(2, update)
        hub = reborn(world)
        again = dict(hub.recover())
        assert again == {i: packets[i] for i in (1, 3, 4)}
        assert hub.phase is Phase.DEAL
        assert hub.waiting_for == ("clinic-1", "clinic-3", "clinic-4")
        assert hub.outstanding(3) == [(3, packets[3])]
        assert hub.outstanding(2) == []


def test_what_was_set_aside_is_not_in_the_journal(tmp_path: Path) -> None:
    with World(tmp_path, small()) as world:
        packets = world.until("Joined")
        before = packets_in_journal(world)
        (update,) = world.sites[2].handle(packets[2])
        world.hub.handle(1, update)
        world.hub.handle(2, update[:-5] + bytes(5))
        world.hub.handle(2, b"")
        assert packets_in_journal(world) == before
        world.hub.handle(2, update)
        world.hub.handle(2, update)
        assert packets_in_journal(world) == before + 1
        assert [item.verdict for item in world.hub.set_aside] == ["faulty"] * 3 + ["duplicate"]


def test_the_journal_is_cleared_when_the_next_sum_begins(tmp_path: Path) -> None:
    with World(tmp_path, small()) as world:
        world.run_sums(1)
        sizes = []
        for _ in range(2):
            sizes.append(sum(path.stat().st_size for path in world.run.journal.iterdir()))
            assert list(world.run.journal.glob("*.payload")) == []
            world.run_sums(1)
        assert max(sizes) < 1.01 * min(sizes), "nothing of the sum before"


def test_after_a_full_disk_the_object_is_of_no_more_use_and_its_successor_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with World(tmp_path, small()) as world:
        packets = world.until("Joined")
        updates = {i: world.sites[i].handle(packet)[0] for i, packet in packets.items()}
        world.hub.handle(1, updates[1])
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
            with pytest.raises(StorageError, match="No space left"):
                world.hub.handle(2, updates[2])
        with pytest.raises(StorageError, match="No space left"):
            world.hub.handle(3, updates[3])
        with pytest.raises(StorageError, match="No space left"):
            world.hub.expire()
        assert set(dict(reborn(world).recover())) - {2} == {3, 4}, "the disk may have kept what could not be synced"
        world.engine.run_sum()
        assert world.hub.reports[-1].contributors == (1, 2, 3, 4)
        assert holds(world.run.path)


def test_a_journal_of_another_study_or_ahead_of_the_openings_is_refused(tmp_path: Path) -> None:
    with World(tmp_path / "a", small()) as world, World(tmp_path / "b", small()) as other:
        world.until("Joined")
        other.until("Joined")
        content = (other.run.journal / "journal").read_bytes()
        honest = (world.run.journal / "journal").read_bytes()
        (world.run.journal / "journal").write_bytes(content)
        with pytest.raises(StorageError, match="does not belong to this study"):
            reborn(world).recover()
        (world.run.journal / "journal").write_bytes(honest)
        reborn(world).recover()
        world.engine.run_sum()
        world.until("Joined")
        world.run.opening(0).unlink()
        with pytest.raises(StorageError, match=r"about sum 1, but only 0 opening\(s\)") as caught:
            reborn(world).recover()
        assert "restore the openings" in caught.value.hint


# waiting


def expire_until_it_cannot(hub: CoordinatorNode) -> None:
    for _ in range(5):  # an opening is sent twice before anybody is missing
        hub.expire()


@pytest.mark.parametrize("phase", ["Joined", "ConsentRequest", "Certificate", "Opening"])
def test_a_sum_without_its_quorum_waits_says_for_whom_and_goes_on_when_they_answer(tmp_path: Path, phase: str) -> None:
    with World(tmp_path, small()) as world:
        packets = world.until(phase)
        for index in (1, 2):
            for reply in world.sites[index].handle(packets[index]):
                world.hub.handle(index, reply)
        assert not world.hub.enough
        for _ in range(3):
            with pytest.raises(QuorumError, match="missing: clinic-3, clinic-4") as caught:
                expire_until_it_cannot(world.hub)
            assert "the study waits" in caught.value.hint
            assert world.hub.waiting_for == ("clinic-3", "clinic-4")
        assert dict(world.hub.outstanding()) == {i: packets[i] for i in (3, 4)}
        (reply,) = world.sites[4].handle(packets[4])
        world.hub.handle(4, reply)
        assert world.hub.enough
        assert world.hub.waiting_for == ("clinic-3",)
        assert world.hub.advance() == []
        before = world.hub.phase
        after = world.hub.expire()
        assert world.hub.phase is not before or phase == "Opening"
        world.engine.run_sum()
        assert after or phase == "Opening"
        assert holds(world.run.path)


def test_a_holder_that_consents_late_releases_in_the_place_of_one_that_is_gone(tmp_path: Path) -> None:
    with World(tmp_path, small()) as world:
        requests = world.until("ConsentRequest")
        late = requests.pop(4)
        certificates = world.continue_until(requests, "Certificate")
        assert sorted(certificates) == [1, 2, 3]
        for index in (1, 2):
            for reply in world.sites[index].handle(certificates[index]):
                world.hub.handle(index, reply)
        with pytest.raises(QuorumError, match="missing: clinic-3"):
            world.hub.expire()
        assert world.hub.waiting_for == ("clinic-3", "clinic-4")
        assert dict(world.hub.outstanding())[4] == late
        (vote,) = world.sites[4].handle(late)
        ((hospital, certificate),) = world.hub.handle(4, vote)
        known, sent = (wire.decode(Certificate, unpack(packet)[1]) for packet in (certificates[1], certificate))
        assert (hospital, replace(known, served=())) == (4, sent), "what clinic-1 attests is its own to read"
        (release,) = world.sites[4].handle(certificate)
        world.hub.handle(4, release)
        assert world.hub.enough
        reborn(world).recover()
        assert world.hub.enough
        world.hub.expire()
        assert world.hub.phase is Phase.VERIFY
        world.engine.run_sum()
        assert holds(world.run.path)
