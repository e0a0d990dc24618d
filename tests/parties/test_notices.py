"""What is not used: numbered, kept in quarantine where it is faulty, told to its sender; declines, breaches, evidence."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from numpy.typing import NDArray
from tests import simulator
from tests.parties.test_journal_recovery import reborn
from tests.simulator import World, holds, kind_of, signed_body

from cipherward.crypto import wire
from cipherward.errors import DeclinedError, FaultyCoordinatorError, QuorumError, UnfitUpdateError
from cipherward.parties.coordinator_node import Outgoing
from cipherward.parties.cut_updates import CUT_OTHERWISE
from cipherward.parties.records import Evidence, Quarantine
from cipherward.study import Study
from cipherward.sums.checks import Check
from cipherward.sums.messages import Declined, Header, Notice, Opening, Receipt, Release, Update, Vote
from cipherward.sums.packets import pack, unpack
from cipherward.tasks import rounds
from cipherward.tasks.catalogue import make_task
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.state import StudyState

EVERYONE = (1, 2, 3, 4)


def study(n: int = 4) -> Study:
    return simulator.agreed(n, training={"rounds": 1})


def told(outgoing: list[Outgoing], hospital: int) -> Notice:
    ((to, packet),) = outgoing
    assert to == hospital
    return simulator.body(packet, Notice)


def changed(packet: bytes, **fields: Any) -> bytes:
    update = wire.decode(Update, unpack(packet)[1])
    return pack("Update", wire.encode(dataclasses.replace(update, **fields)))


# the checks


def test_every_update_passes_numbered_checks_and_the_number_is_said(tmp_path: Path) -> None:
    with World(tmp_path, study()) as world:
        packets = world.until("Joined")
        honest = {i: world.sites[i].handle(packet)[0] for i, packet in packets.items()}
        update = wire.decode(Update, unpack(honest[1])[1])
        header = signed_body(update.header, Header)

        def signed(body: Header, **fields: Any) -> bytes:
            return changed(honest[1], header=world.signed(body, 1), **fields)

        shares = (dataclasses.replace(update.shares[0], sealed=b"x"), *update.shares[1:])
        other = wire.decode(Update, unpack(honest[2])[1])
        size = len(update.payload)
        wrong = {
            Check.SIZE: honest[1] + bytes(1 << 20),
            Check.ENCODING: honest[1][:-1],
            Check.STUDY: changed(
                honest[1], header=world.keys.identities[1].sign("Header", bytes(32), 1, wire.encode(header))
            ),
            Check.ROSTER: honest[2],
            Check.SIGNATURE: changed(honest[1], header=update.header[:-1] + bytes([update.header[-1] ^ 1])),
            Check.SUM: signed(dataclasses.replace(header, context=bytes(32))),
            Check.HOLDERS: signed(dataclasses.replace(header, joined=bytes(32))),
            Check.PAYLOAD: changed(honest[1], payload=bytes(size)),
            Check.SHARES: changed(honest[1], shares=shares),
            Check.COPY: signed(
                dataclasses.replace(header, payload_digest=_digest(other.payload)), payload=other.payload
            ),
            Check.RESIDUES: signed(
                dataclasses.replace(header, payload_digest=_digest(b"\xff" * size)), payload=b"\xff" * size
            ),
        }
        world.hub.handle(2, honest[2])
        for number, packet in wrong.items():
            verdict = "late" if number is Check.HOLDERS else "faulty"  # honest hospitals can fail check 9
            notice = told(world.hub.handle(1, packet), 1)
            assert notice.code == verdict
            assert f"check {int(number)}: " in notice.reason, number
            assert world.hub.set_aside[-1].check == number
            assert world.hub.set_aside[-1].verdict == verdict
        kept = sorted((world.run.coordinator / "quarantine").glob("*.packet"))
        assert [path.read_bytes() for path in kept] == [
            wrong[number] for number in wrong if number is not Check.HOLDERS
        ]
        reasons = [json.loads(path.with_suffix(".json").read_text())["reason"] for path in kept]
        assert reasons == [item.reason for item in world.hub.set_aside if item.verdict == "faulty"]
        assert world.hub.handle(1, honest[1]) == []
        assert world.hub.handle(1, honest[1]) == []
        assert (world.hub.set_aside[-1].check, world.hub.set_aside[-1].verdict) == (Check.DUPLICATE, "duplicate")
        for i in (3, 4):
            world.hub.handle(i, honest[i])
        world.engine.run_sum()
        assert world.hub.reports[-1].contributors == (1, 2, 3, 4)
        assert holds(world.run.path)


def _digest(payload: bytes) -> bytes:
    from cipherward.crypto.scheme import payload_digest

    return payload_digest(payload)


def test_who_signs_a_faulty_update_is_not_waited_for(tmp_path: Path) -> None:
    with World(tmp_path, study()) as world:
        packets = world.until("Joined")
        updates = {i: world.sites[i].handle(packet)[0] for i, packet in packets.items()}
        world.hub.handle(4, changed(updates[4], payload=b"cut in transit"))
        assert world.hub.waiting == {1, 2, 3}
        for i in (1, 2, 3):
            world.hub.handle(i, updates[i])
        world.engine.run_sum()
        assert world.hub.reports[-1].contributors == (1, 2, 3)


@pytest.mark.parametrize("kind", ["Join", "Update"])
def test_a_straggler_is_told_that_the_round_is_closed_and_takes_part_in_the_next(tmp_path: Path, kind: str) -> None:
    with World(tmp_path, study()) as world:
        packets = world.until("Joined") if kind == "Update" else dict(world.hub.begin())
        replies = {i: world.sites[i].handle(packet)[0] for i, packet in packets.items()}
        for i in (1, 2, 3):
            world.hub.handle(i, replies[i])
        outgoing = world.hub.expire()
        ((_, notice),) = late = world.hub.handle(4, replies[4])
        assert told(late, 4).code == "late"
        assert world.sites[4].handle(notice) == []
        assert [item.code for item in world.sites[4].notices] == ["late"]
        assert simulator.log(world.run.path, "notice")[0]["who"] == "hospital 4"
        assert world.hub.set_aside[-1].verdict == "late"
        assert not (world.run.coordinator / "quarantine").exists()
        assert outgoing
        world.engine.run_sum()
        world.run_sums()
        assert [report.contributors for report in world.hub.reports] == [(1, 2, 3), EVERYONE, EVERYONE]


def test_a_notice_in_anothers_name_is_refused(tmp_path: Path) -> None:
    with World(tmp_path, study()) as world:
        assert world.sites[1].handle(world.packet(Notice(b"", 0, "late", "x"), 2)) == []
        assert world.sites[1].notices == []
        assert len(world.refusals()) == 1


def test_the_quarantine_is_bounded_and_the_oldest_go(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path, max_files=3, max_bytes=100)
    for number in range(5):
        quarantine.keep(number, 1, bytes([number]) * 10, "reason")
    assert [path.read_bytes()[0] for path in sorted(tmp_path.glob("*.packet"))] == [2, 3, 4]
    quarantine.keep(5, 2, b"\x05" * 85, "reason")
    assert [path.read_bytes()[0] for path in sorted(tmp_path.glob("*.packet"))] == [4, 5]
    quarantine.keep(6, 2, bytes(1000), "too large to keep")
    assert [path.stat().st_size for path in sorted(tmp_path.glob("*.packet"))] == [0]
    assert len(list(tmp_path.glob("*.json"))) == 1


# contradictions


@pytest.mark.parametrize("kind", ["Vote", "Release"])
def test_a_hospital_that_signs_two_things_is_named_with_both_and_the_first_counts(tmp_path: Path, kind: str) -> None:
    with World(tmp_path, study()) as world:
        packets = world.until("ConsentRequest" if kind == "Vote" else "Certificate")
        (first,) = world.sites[2].handle(packets[2])
        second = world.packet(
            dataclasses.replace(simulator.body(first, Vote), fingerprint=b"")
            if kind == "Vote"
            else dataclasses.replace(simulator.body(first, Release), shares=b"something else"),
            2,
        )
        world.hub.handle(2, first)
        assert told(world.hub.handle(2, second), 2).code == "faulty"
        (path,) = (world.run.coordinator / "evidence").iterdir()
        evidence = wire.decode(Evidence, path.read_bytes())
        assert (evidence.hospital, evidence.round) == (2, 0)
        assert evidence.messages == (unpack(first)[1], unpack(second)[1])
        assert simulator.log(world.run.path, "evidence")[0]["hospital"] == 2
        for i in (1, 3, 4):
            world.hub.handle(i, world.sites[i].handle(packets[i])[0])
        world.engine.run_sum()
        assert holds(world.run.path)


# declines


class Diverging(HospitalWork):
    def values(self, state: StudyState) -> dict[str, NDArray[Any]]:
        wild = state.study.with_overrides(training={"learning_rate": 1e30, "weight_decay": 1e30})
        return super().values(dataclasses.replace(state, task=make_task(wild)))


class Moved(HospitalWork):
    """Training that ends this far from where it began, at every weight."""

    distance = 0.0

    def values(self, state: StudyState) -> dict[str, NDArray[Any]]:
        moved = state.inner.model.weights + np.float32(self.distance)
        with mock.patch.object(rounds, "_trained", return_value=moved):
            return super().values(state)


class FarAway(Moved):
    distance = 1e4


class LargerThanTheRange(Moved):
    distance = 2.0


def replace_work(world: World, hospitals: list[int], work: type[HospitalWork]) -> None:
    for index in hospitals:
        old = world.sites[index].work
        world.sites[index].work = work(index, old.data, "cpu", old.clock)


@pytest.mark.parametrize(
    ("work", "code"),
    [(Diverging, "training diverged: not finite"), (FarAway, "training diverged: every entry is clipped")],
)
def test_a_hospital_that_declines_is_not_waited_for_and_keeps_the_reason(
    tmp_path: Path, work: type[HospitalWork], code: str
) -> None:
    with World(tmp_path, study()) as world:
        world.run_sums(1)
        replace_work(world, [4], work)
        packets = world.until("Joined")
        (declined,) = world.sites[4].handle(packets[4])
        assert simulator.body(declined, Declined).reason == code
        assert world.hub.handle(4, declined) == []
        assert world.hub.waiting == {1, 2, 3}
        assert reborn(world).recover()
        assert world.hub.waiting == {1, 2, 3}
        world.engine.run_sum()
        own = [line for line in simulator.log(world.run.path, "declined") if line["who"] == "hospital 4"]
        assert [line["code"] for line in own] == [code]
        world.run_sums()
        assert [report.contributors for report in world.hub.reports] == [(1, 2, 3), EVERYONE]
        assert holds_without_result(world)


def holds_without_result(world: World) -> bool:
    return all(line.holds for line in simulator.lines_of(world.run.path) if line.hospital != "everyone")


def test_an_update_larger_than_the_range_is_clipped_and_sent_since_ranges_grow(tmp_path: Path) -> None:
    with World(tmp_path, study()) as world:
        world.run_sums(1)
        replace_work(world, [4], LargerThanTheRange)
        world.run_sums()
        assert world.hub.reports[1].contributors == (1, 2, 3, 4)


def test_a_loss_that_explodes_is_not_sent(tmp_path: Path) -> None:
    with World(tmp_path, study()) as world:
        world.run_sums(1)
        site = world.sites[1]

        trained = site.state.inner.model.weights.copy()
        trained[0] = 1e5
        work = HospitalWork(1, site.work.data, "cpu", site.work.clock)
        explodes = pytest.raises(UnfitUpdateError, match="the training loss went from")
        with mock.patch.object(rounds, "_trained", return_value=trained), explodes as caught:
            work.values(site.state)
        assert caught.value.reason == "training diverged: exploding loss"


def test_each_reason_of_those_who_cannot_contribute_has_its_way_out(tmp_path: Path) -> None:
    class Cut(HospitalWork):
        def values(self, state: StudyState) -> dict[str, NDArray[Any]]:
            raise UnfitUpdateError("an earlier one was cut", reason=CUT_OTHERWISE)

    with World(tmp_path, study()) as world:
        world.run_sums(1)
        replace_work(world, [1, 2], Cut)
        with pytest.raises(DeclinedError, match="left whose updates may be opened together") as caught:
            world.run_sums()
        assert "training.patience" in caught.value.hint
        assert "learning_rate" not in caught.value.hint


def test_when_training_diverges_everywhere_the_error_says_so(tmp_path: Path) -> None:
    with World(tmp_path, study()) as world:
        world.run_sums(1)
        replace_work(world, [1, 2, 3], Diverging)
        with pytest.raises(DeclinedError, match=r"3 hospital\(s\) cannot contribute.*clinic-1: training diverged") as e:
            world.run_sums()
        assert "learning_rate" in e.value.hint
        assert isinstance(e.value, QuorumError)
        for index in (1, 2, 3):
            replace_work(world, [index], HospitalWork)
        world.engine.run_sum()
        assert world.hub.reports[-1].contributors == (1, 2, 3, 4)


# breaches


def lie_to(world: World, hospital: int, packets: dict[int, bytes]) -> bytes:
    opening = simulator.body(packets[hospital], Opening)
    return world.packet(dataclasses.replace(opening, next_model=bytes(32)))


def test_after_a_breach_a_deployment_goes_on_without_that_hospital(tmp_path: Path) -> None:
    with World(tmp_path, study()) as world:
        world.hub.on_breach = "exclude"
        packets = world.until("Opening")
        packets[3] = lie_to(world, 3, packets)
        (report,) = world.sites[3].handle(packets[3])
        assert simulator.body(report, Receipt).outcome == "breach"
        assert world.hub.handle(3, report) == []
        (kept,) = (world.run.coordinator / "breaches").iterdir()
        assert kept.read_bytes() == unpack(report)[1]
        assert world.hub.excluded == {3}
        hub = reborn(world)
        hub.on_breach = "exclude"
        hub.recover()
        assert hub.excluded == {3}
        assert hub.waiting == {1, 2, 4}
        world.run_sums()
        assert hub.finished
        assert [r.contributors for r in hub.reports][-2:] == [(1, 2, 4)] * 2
        assert [line["hospital"] for line in simulator.log(world.run.path, "breach reported")] == [3]
        assert holds_without_result(world)


def test_after_a_breach_without_a_quorum_the_study_waits_for_people(tmp_path: Path) -> None:
    with World(tmp_path, study(3)) as world:
        world.hub.on_breach = "exclude"
        packets = world.until("Opening")
        packets[3] = lie_to(world, 3, packets)
        for index, packet in packets.items():
            for reply in world.sites[index].handle(packet):
                world.hub.handle(index, reply)
        with pytest.raises(QuorumError, match="excluded after a breach: clinic-3"):
            world.engine.run_sum()
        assert "clinic-3" not in world.hub.waiting_for


def test_in_a_simulation_a_breach_still_stops_the_study_and_is_kept(tmp_path: Path) -> None:
    with World(tmp_path, study()) as world:
        packets = world.until("Opening")
        (report,) = world.sites[3].handle(lie_to(world, 3, packets))
        world.hub.handle(3, report)
        with pytest.raises(FaultyCoordinatorError, match="Privacy Breach Detected for Client 3"):
            world.hub.expire()
        assert (world.run.coordinator / "breaches").exists()
        assert kind_of(report) == "Receipt"
