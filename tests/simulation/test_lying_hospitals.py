"""Hospitals that lie, and networks that forge: what they send is set aside with their name, and the study goes on.

Hospital 5 of 5 is the liar. Where its message is set aside in a round, the model must be the one of a run in which the
message never arrived.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from numpy.typing import NDArray
from tests import simulator
from tests.parties.liars_in_a_sum import lies
from tests.simulator import BentNetwork, Packet, World, altered, contributors, holds, lost, replayed, run, signed_body

from cipherward.crypto import shamir, wire
from cipherward.crypto.identity import Signed
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import Protected, SumTask, payload_digest
from cipherward.errors import FaultyCoordinatorError, SuspectError
from cipherward.parties import asking
from cipherward.sums.evidence import Shown, ShowRequest
from cipherward.sums.messages import Announce, Complaint, Header, Manifest, Receipt, Release, Update, Vote
from cipherward.sums.packets import pack, unpack
from cipherward.tasks.catalogue import make_task
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.state import StudyState

LIAR = 5
TRAIN = 1
HONEST = [1, 2, 3, 4]
EVERYONE = [1, 2, 3, 4, 5]


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> StudyState:
    """The end of a run in which the liar's update of the first training round got lost."""
    folder = tmp_path_factory.mktemp("without")
    network = BentNetwork(lost({LIAR}, kinds={"Update"}, rounds={TRAIN}))
    return replayed(run(folder, simulator.agreed(5), network=network).path)


def flipped(at: int) -> Callable[[bytes], list[bytes]]:
    def change(packet: bytes) -> list[bytes]:
        damaged = bytearray(packet)
        damaged[at] ^= 1
        return [bytes(damaged)]

    return change


def forged_signature(packet: bytes) -> list[bytes]:
    update = wire.decode(Update, unpack(packet)[1])
    envelope = wire.decode(Signed, update.header)
    header = wire.encode(dataclasses.replace(envelope, signature=bytes(64)))
    return [pack("Update", wire.encode(dataclasses.replace(update, header=header)))]


def of_another_study(packet: bytes) -> list[bytes]:
    update = wire.decode(Update, unpack(packet)[1])
    envelope = wire.decode(Signed, update.header)
    header = wire.encode(dataclasses.replace(envelope, study=bytes(32)))
    return [pack("Update", wire.encode(dataclasses.replace(update, header=header)))]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (flipped(-1), "the sealed shares are not the ones that the header signs"),
        (flipped(5000), "the ciphertext is not the one that the header signs"),
        pytest.param(flipped(1), "Update", marks=pytest.mark.thorough),
        pytest.param(lambda packet: [packet[:1000]], "ends", marks=pytest.mark.thorough),
        pytest.param(lambda packet: [packet + b"\x00"], "after the end of the message", marks=pytest.mark.thorough),
        pytest.param(lambda packet: [packet[:1]], "ends", marks=pytest.mark.thorough),
        (forged_signature, "forged signature"),
        (of_another_study, "belongs to another study"),
        pytest.param(lambda packet: [b""], "no known kind", marks=pytest.mark.thorough),
        pytest.param(lambda packet: [b"\xbf" + packet[1:]], "no known kind", marks=pytest.mark.thorough),
        (lambda packet: [b"\x05" + packet[1:]], "of wire version 1, and this side speaks version 6"),
        (lambda packet: [pack("Release", packet[1:])], "no place in phase 'deal'"),
        pytest.param(lambda packet: [pack("Vote", packet[1:])], "wrong number of fields", marks=pytest.mark.thorough),
        pytest.param(lambda packet: [np.random.default_rng(0).bytes(3000)], "", marks=pytest.mark.thorough),
    ],
)
def test_a_spoiled_update_is_set_aside_with_its_senders_name_and_the_rest_is_summed(
    tmp_path: Path, without: StudyState, change: Callable[[bytes], list[bytes]], reason: str
) -> None:
    network = BentNetwork(altered(LIAR, "Update", change, rounds={TRAIN}))
    result = run(tmp_path, simulator.agreed(5), network=network)
    (item,) = result.summary["set_aside"]
    assert item["sender"] == LIAR
    assert reason in item["reason"]
    assert contributors(result.path) == [EVERYONE, HONEST, EVERYONE, EVERYONE]
    assert replayed(result.path).digest() == without.digest()
    assert holds(result.path)


def test_an_update_of_an_older_round_is_no_update_of_this_one(tmp_path: Path, without: StudyState) -> None:
    older: dict[int, bytes] = {}

    def replay(packet: Packet) -> list[bytes] | None:
        if packet.hospital != LIAR or packet.kind != "Update":
            return None
        older[packet.round] = packet.raw
        return [older[0]] if packet.round == TRAIN else None

    result = run(tmp_path, simulator.agreed(5), network=BentNetwork(replay))
    assert [(item["sender"], item["reason"]) for item in result.summary["set_aside"]] == [
        (LIAR, "belongs to a sum or attempt that is over")
    ]
    assert [(item["check"], item["verdict"]) for item in result.summary["set_aside"]] == [(7, "late")]
    (notice,) = simulator.log(result.path, "notice")
    assert (notice["who"], notice["code"]) == ("hospital 5", "late")
    assert replayed(result.path).digest() == without.digest()


def test_an_update_sent_twice_counts_once(tmp_path: Path) -> None:
    result = run(
        tmp_path, simulator.agreed(5), network=BentNetwork(altered(LIAR, "Update", lambda packet: [packet, packet]))
    )
    assert {item["reason"] for item in result.summary["set_aside"]} == {
        "duplicate of an update that is already in the sum"
    }
    assert {item["sender"] for item in result.summary["set_aside"]} == {LIAR}
    honest = run(tmp_path, simulator.agreed(5), name="honest")
    assert replayed(result.path).digest() == replayed(honest.path).digest()


def test_who_signs_a_copy_of_anothers_ciphertext_is_set_aside(tmp_path: Path, without: StudyState) -> None:
    with World(tmp_path, simulator.agreed(5)) as world:
        seen: dict[int, bytes] = {}

        def copy(packet: Packet) -> list[bytes] | None:
            if packet.kind != "Update" or packet.round != TRAIN:
                return None
            seen[packet.hospital] = packet.raw
            if packet.hospital != LIAR:
                return None
            stolen = wire.decode(Update, unpack(seen[1])[1]).payload
            own = wire.decode(Update, unpack(packet.raw)[1])
            header = dataclasses.replace(signed_body(own.header, Header), payload_digest=payload_digest(stolen))
            update = Update(world.signed(header, LIAR), stolen, own.shares)
            return [pack("Update", wire.encode(update))]

        world.engine.network = BentNetwork(copy)
        world.run_sums()
        (item,) = world.hub.set_aside
        assert (item.sender, item.reason) == (LIAR, "copies the ciphertext of hospital 1")
        assert world.hub.state.digest() == without.digest()


@pytest.mark.parametrize("noise", [b"", b"\x00", b"\x05" * 40, bytes(range(256)) * 40])
def test_noise_from_every_hospital_at_every_step_stops_nothing(tmp_path: Path, noise: bytes) -> None:
    result = run(tmp_path, simulator.agreed(3), network=BentNetwork(lambda packet: [noise, packet.raw, noise]))
    assert result.summary["rounds"] == 2
    assert holds(result.path)


def test_a_hospital_cannot_speak_in_anothers_name(tmp_path: Path) -> None:
    def swapped(packet: Packet) -> list[bytes] | None:
        return [seen[packet.kind]] if packet.up and packet.hospital == LIAR and packet.kind in seen else note(packet)

    def note(packet: Packet) -> list[bytes] | None:
        if packet.up and packet.hospital == 1 and packet.kind in ("Join", "Update", "Vote", "Release", "Receipt"):
            seen[packet.kind] = packet.raw
        return None

    seen: dict[str, bytes] = {}
    result = run(tmp_path, simulator.agreed(5), network=BentNetwork(swapped))
    assert contributors(result.path) == [HONEST] * 4
    assert {item["sender"] for item in result.summary["set_aside"]} == {LIAR}
    assert any("of hospital 1 where one of 5 belongs" in item["reason"] for item in result.summary["set_aside"])


# dealers, holders, voters


class Lying(QuorumScheme):
    """A dealer that is honest except in the sums that `when` names (by their context)."""

    def __init__(self, when: Callable[[], bool], lie: Callable[[Protected], Protected] | None = None) -> None:
        self._when, self._lie = when, lie

    def protect(
        self, task: SumTask, sender: int, vector: Any, holders: Any, randomness: bytes, private_key: bytes = b""
    ) -> Protected:
        if not self._when():
            return super().protect(task, sender, vector, holders, randomness)
        if self._lie:
            return self._lie(super().protect(task, sender, vector, holders, randomness))
        honest = shamir.share

        def share(parameters: Any, secret: NDArray[np.int8], *rest: Any) -> Any:
            return honest(parameters, np.roll(secret, 1), *rest)

        with mock.patch.object(shamir, "share", share):
            return super().protect(task, sender, vector, holders, randomness)


def lying_dealer(world: World, round: int, lie: Callable[[Protected], Protected] | None = None) -> None:
    site = world.sites[LIAR]
    attempts: list[bytes] = []

    def when() -> bool:
        attempts.append(b"")
        return site.state.sums_done == round and len(attempts) <= round + 1

    site.rules = dataclasses.replace(site.rules, scheme=Lying(when, lie))
    site._me = dataclasses.replace(site._me, rules=site.rules)


def spoil(holders: list[int]) -> Callable[[Protected], Protected]:
    def lie(protected: Protected) -> Protected:
        shares = {i: bytes(len(s)) if i in holders else s for i, s in protected.shares.items()}
        return dataclasses.replace(protected, shares=shares)

    return lie


def complained(world: World) -> list[tuple[str, int]]:
    return [(line["who"], line["dealer"]) for line in simulator.log(world.run.path, "complaint")]


def test_a_holder_whose_share_does_not_open_is_shown_it_and_consents(tmp_path: Path) -> None:
    """The dealer committed to the right share and sealed another one; the digest says which it is."""

    def lie(protected: Protected) -> Protected:
        shares = {i: s[:32] + bytes(len(s) - 32) if i == 2 else s for i, s in protected.shares.items()}
        return dataclasses.replace(protected, shares=shares)

    with World(tmp_path, simulator.agreed(5)) as world:
        lying_dealer(world, TRAIN, lie)
        world.run_sums()
        assert [(report.attempt, report.contributors) for report in world.hub.reports] == [(0, tuple(EVERYONE))] * 4
        assert complained(world) == [("hospital 2", LIAR)]
        assert {site.state.digest() for site in world.sites.values()} == {world.hub.state.digest()}
        record = world.sites[2].ledger.sum(signed_body(world.opening(TRAIN).manifest, Manifest).context)
        assert record is not None
        assert record.release
    assert not list(world.run.path.rglob("evidence/*"))


def test_a_dealer_that_shows_another_share_than_it_signed_is_proved_and_left_out(tmp_path: Path) -> None:
    with World(tmp_path, simulator.agreed(5)) as world:
        lying_dealer(world, TRAIN, spoil(HONEST))
        world.run_sums()
        assert [(r.attempt, r.contributors) for r in world.hub.reports] == [
            (0, tuple(EVERYONE)),
            (1, tuple(HONEST)),
            (0, tuple(HONEST)),
            (0, tuple(HONEST)),
        ]
        assert set(complained(world)) == {(f"hospital {i}", LIAR) for i in HONEST}
        assert world.hub.state.excluded == (LIAR,)
        assert {site.state.digest() for i, site in world.sites.items() if i != LIAR} == {world.hub.state.digest()}
    assert {path.name[: len("sum-1-hospital-5")] for path in world.run.path.rglob("evidence/*")} == {"sum-1-hospital-5"}


def test_a_dealer_that_shows_nothing_is_not_named_and_people_decide(tmp_path: Path) -> None:
    """It may have lost what the share follows from in a crash."""
    with World(tmp_path, simulator.agreed(5)) as world:
        site = world.sites[LIAR]
        site.rules = dataclasses.replace(site.rules, scheme=Lying(lambda: True, spoil(HONEST)))
        site._me = dataclasses.replace(site._me, rules=site.rules)
        world.engine.network = BentNetwork(lost({LIAR}, kinds={"Shown"}))
        with pytest.raises(SuspectError, match="found 4 hospitals that consent") as caught:
            world.run_sums()
        assert "prove nothing" in caught.value.hint
        assert "clinic-1, clinic-2, clinic-3, clinic-4 about clinic-5" in caught.value.hint
        assert not caught.value.culprit
        assert world.hub.state.excluded == ()
    assert not list(world.run.path.rglob("evidence/*"))


def test_a_false_complaint_alone_excludes_nobody_and_gives_away_the_complainers_own_share_only(tmp_path: Path) -> None:
    shown = []

    def complain(packet: Packet) -> list[bytes] | None:
        if packet.kind == "Shown":
            shown.append((packet.hospital, [item.holder for item in simulator.body(packet.raw, Shown).shares]))
        if packet.kind != "Vote" or packet.hospital != LIAR:
            return None
        context = signed_body(unpack(packet.raw)[1], Vote).context
        return [world.packet(Complaint(context, dealer, "no reason"), LIAR) for dealer in HONEST]

    with World(tmp_path, simulator.agreed(5), network=BentNetwork(complain)) as world:
        world.run_sums()
        assert [report.contributors for report in world.hub.reports] == [tuple(EVERYONE)] * 4
        assert {report.attempt for report in world.hub.reports} == {0}
    assert shown
    assert all(holders == [LIAR] for _, holders in shown)


def test_a_complaint_about_a_share_in_anothers_name_is_not_answered(tmp_path: Path) -> None:
    """Or the coordinator would collect an honest hospital's shares, one holder after the other."""
    with World(tmp_path, simulator.agreed(5)) as world:
        world.run_sums(1)
        packets = world.until("ConsentRequest")
        context = world.hub._steps.sum.task.context
        forged = world.signed(Complaint(context, 1, ""), 0)
        for messages in ((forged,), (world.signed(Complaint(context, 2, ""), 3),), ()):
            request = ShowRequest(context, b"", (), messages)
            assert world.sites[1].handle(world.packet(request)) == []
        honest = world.sites[1].handle(
            world.packet(ShowRequest(context, b"", (), (world.signed(Complaint(context, 1, ""), 3),)))
        )
        assert [item.holder for item in simulator.body(honest[0], Shown).shares] == [3]
        world.finish(packets)
        assert world.hub.reports[-1].opened


@pytest.mark.parametrize("round", [0, TRAIN, 3])
def test_a_sum_whose_shares_are_of_another_secret_stays_closed_and_nobody_is_named(tmp_path: Path, round: int) -> None:
    with World(tmp_path, simulator.agreed(5)) as world:
        lies(world, LIAR, "secret", in_sum=round)
        with pytest.raises(
            SuspectError, match=f"sum {round} was certified, does not open, and nobody is proved"
        ) as caught:
            world.run_sums()
        assert "it stays closed and counts as opened; in it were clinic-1" in caught.value.hint
        report = world.hub.reports[-1]
        assert (report.opened, report.contributors) == (False, tuple(EVERYONE))
        for client, site in world.sites.items():
            assert site.outcomes[-1].phrase == f"Verification failed for Client {client}"
            assert "does not open" in site.outcomes[-1].detail
        announced = Announce(asking.task_of(world.hub.rules, world.hub.state, 0).context, round + 1, 0, ())
        assert world.sites[1].handle(world.packet(announced)) == []
        assert "people decide" in world.refusals()[-1]
    void = [line for line in simulator.lines_of(world.run.path) if line.round == round and line.hospital != "everyone"]
    assert [(line.outcome, line.holds) for line in void] == [("round void", True)] * 5


def test_a_sum_that_opens_to_a_weight_below_zero_ends_with_the_list_of_who_was_in_it(tmp_path: Path) -> None:
    with World(tmp_path, simulator.agreed(5)) as world:
        work = world.sites[LIAR].work

        class Negative(HospitalWork):
            def values(self, state: StudyState) -> dict[str, NDArray[Any]]:
                values = super().values(state)
                return values | {"weight": np.array([-1.0])} if state.sums_done == TRAIN else values

        world.sites[LIAR].work = Negative(LIAR, work.data, "cpu", work.clock)
        with pytest.raises(SuspectError, match="nobody is proved"):
            world.run_sums()
        assert [r.opened for r in world.hub.reports] == [True, False]
        assert "weight sum" in world.hub.reports[TRAIN].reason
        assert {site.state.digest() for site in world.sites.values()} == {world.hub.state.digest()}


@pytest.mark.parametrize(("kind", "liar"), [("Vote", 5), ("Release", 2), ("Release", 5)])
def test_a_false_fingerprint_or_release_of_one_hospital_does_not_stop_the_sum(
    tmp_path: Path, kind: str, liar: int
) -> None:
    with World(tmp_path, simulator.agreed(5)) as world:

        def lie(packet: Packet) -> list[bytes] | None:
            if packet.kind != kind or packet.hospital != liar or packet.round != TRAIN:
                return None
            if kind == "Vote":
                vote = signed_body(unpack(packet.raw)[1], Vote)
                return [world.packet(dataclasses.replace(vote, fingerprint=bytes(len(vote.fingerprint))), liar)]
            release = signed_body(unpack(packet.raw)[1], Release)
            return [world.packet(dataclasses.replace(release, shares=bytes(len(release.shares))), liar)]

        world.engine.network = BentNetwork(lie)
        world.run_sums()
        assert [(r.opened, r.contributors) for r in world.hub.reports] == [(True, tuple(EVERYONE))] * 4
        honest = run(tmp_path, simulator.agreed(5), name="honest")
        assert world.hub.state.digest() == replayed(honest.path).digest()


def test_a_hospital_that_reports_a_breach_ends_the_run_with_its_words(tmp_path: Path) -> None:
    with World(tmp_path, simulator.agreed(5)) as world:

        def report(packet: Packet) -> list[bytes] | None:
            if packet.kind != "Receipt" or packet.hospital != LIAR:
                return None
            return [world.packet(Receipt(b"", 0, b"", "breach", "two certificates", b""), LIAR)]

        world.engine.network = BentNetwork(report)
        with pytest.raises(FaultyCoordinatorError, match="Privacy Breach Detected for Client 5: two certificates"):
            world.run_sums()


# data that does not train


class Diverging(HospitalWork):
    """Training with a learning rate that no float32 survives."""

    def values(self, state: StudyState) -> dict[str, NDArray[Any]]:
        wild = state.study.with_overrides(training={"learning_rate": 1e30, "weight_decay": 1e30})
        return super().values(dataclasses.replace(state, task=make_task(wild)))


class NotANumber(HospitalWork):
    """A model code that returns NaN weights without saying so."""

    def values(self, state: StudyState) -> dict[str, NDArray[Any]]:
        values = super().values(state)
        return {k: v * np.nan if k.startswith("update/") else v for k, v in values.items()}


@pytest.mark.parametrize("broken", [Diverging, NotANumber])
def test_a_hospital_whose_training_diverges_sends_nothing_and_the_others_go_on(
    tmp_path: Path, broken: type[HospitalWork]
) -> None:
    sent: list[Packet] = []

    def watch(packet: Packet) -> list[bytes] | None:
        if packet.up and packet.hospital == LIAR and packet.kind == "Update":
            sent.append(packet)
        return None

    with World(tmp_path, simulator.agreed(5), network=BentNetwork(watch)) as world:
        work = world.sites[LIAR].work
        world.sites[LIAR].work = broken(LIAR, work.data, "cpu", work.clock)
        world.run_sums()
        assert world.hub.finished
        assert [r.contributors for r in world.hub.reports][1:3] == [tuple(HONEST)] * 2
        assert {packet.round for packet in sent} == {0, 3}
        declined = simulator.log(world.run.path, "declined")
        own = [line for line in declined if line["who"] == "hospital 5"]
        assert [line["sum"] for line in own] == [1, 2]
        assert all("nothing is sent" in line["reason"] for line in own)
        told = [line["hospital"] for line in declined if line["who"] == "coordinator"]
        assert told == [LIAR] * 2
        assert simulator.log(world.run.path, "deadline") == []
        assert {site.state.digest() for site in world.sites.values()} == {world.hub.state.digest()}
