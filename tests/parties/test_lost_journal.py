"""A coordinator whose journal is gone asks for the sum from its beginning; what hospitals kept of it is nobody's fault."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
from tests import simulator
from tests.parties.test_journal_recovery import reborn
from tests.simulator import World, lines_of, signed_body

from cipherward.crypto import wire
from cipherward.errors import QuorumError
from cipherward.parties import asking
from cipherward.parties.coordinator_node import Phase
from cipherward.study import Study
from cipherward.sums.checks import Check
from cipherward.sums.messages import Header, Notice, Update
from cipherward.sums.packets import pack, unpack

EVERYONE = (1, 2, 3, 4)


def small(scheme: str = "quorum", **aggregation: int) -> Study:
    return simulator.agreed(4, training={"rounds": 1}, aggregation={"scheme": scheme, **aggregation})


def dealt_by(world: World, joining: tuple[int, ...]) -> None:
    """The first sum up to the updates, with only these hospitals on the list of joins."""
    announced = dict(world.hub.begin())
    for i in joining:
        world.hub.handle(i, world.sites[i].handle(announced[i])[0])
    for i, packet in world.hub.expire():
        world.hub.handle(i, world.sites[i].handle(packet)[0])
    assert (world.hub.phase, world.hub._steps.sum.collection.contributors) == (Phase.DEAL, frozenset(joining))


@pytest.mark.parametrize("scheme", ["quorum", "masks"])
def test_a_journal_lost_between_update_and_close_makes_nobody_faulty_and_the_study_goes_on(
    tmp_path: Path, scheme: str
) -> None:
    with World(tmp_path, small(scheme)) as world:
        dealt_by(world, (1, 2, 3))
        shutil.rmtree(world.run.journal)
        assert reborn(world).recover() == []
        world.run_sums()
        assert [report.contributors for report in world.hub.reports] == [EVERYONE] * 3
        assert [report.attempt for report in world.hub.reports] == [1, 0, 0]
        assert {(item.sender, item.check, item.verdict) for item in world.hub.set_aside} == {
            (i, Check.HOLDERS, "late") for i in (1, 2, 3)
        }
        assert not (world.run.coordinator / "quarantine").exists()
        assert not (world.run.coordinator / "evidence").exists()
        assert {notice.code for site in world.sites.values() for notice in site.notices} == {"late"}
        (left,) = simulator.log(world.run.path, "attempt cannot be used")
        assert (left["left"], left["other holders"]) == ([], [1, 2, 3])
        assert {site.state.digest() for site in world.sites.values()} == {world.hub.state.digest()}
        assert all(line.holds for line in lines_of(world.run.path) if line.hospital != "everyone")


def test_the_same_hospitals_joining_again_need_no_other_attempt(tmp_path: Path) -> None:
    with World(tmp_path, small()) as world:
        dealt_by(world, EVERYONE)
        shutil.rmtree(world.run.journal)
        reborn(world).recover()
        world.run_sums()
        assert [report.attempt for report in world.hub.reports] == [0, 0, 0]
        assert world.hub.set_aside == []


def claims_other_holders(world: World, joined: bytes, liar: int = 4) -> bytes:
    """The liar's update for this list of joins, with a header that names another one."""
    (honest,) = world.sites[liar].handle(joined)
    update = wire.decode(Update, unpack(honest)[1])
    header = dataclasses.replace(signed_body(update.header, Header), joined=bytes(32))
    return pack("Update", wire.encode(dataclasses.replace(update, header=world.signed(header, liar))))


def test_a_liar_that_claims_it_gets_no_attempt_while_the_others_suffice(tmp_path: Path) -> None:
    with World(tmp_path, small()) as world:
        packets = world.until("Joined")
        world.hub.handle(4, claims_other_holders(world, packets.pop(4)))
        world.finish(packets)
        assert (world.hub.reports[0].attempt, world.hub.reports[0].contributors) == (0, (1, 2, 3))


@pytest.mark.parametrize("restarts", [False, True])
def test_liars_that_claim_it_in_every_attempt_use_up_the_attempts_and_are_named(
    tmp_path: Path, restarts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MAX_ATTEMPTS", 3)
    with World(tmp_path, small(min_contributors=3)) as world:
        packets = world.until("Joined")
        for attempt in range(asking.MAX_ATTEMPTS):
            assert len(world.hub._steps.sum.voids) == attempt
            for liar in (3, 4):
                ((_, notice),) = world.hub.handle(liar, claims_other_holders(world, packets[liar], liar))
                assert simulator.body(notice, Notice).code == "late"
            for i in (1, 2):
                world.hub.handle(i, world.sites[i].handle(packets[i])[0])
            if attempt < asking.MAX_ATTEMPTS - 1:
                assert world.hub.enough
                packets = world.continue_until(dict(world.hub.expire()), "Joined")
        if restarts:
            reborn(world).recover()
        assert not world.hub.enough
        for _ in range(2):
            with pytest.raises(QuorumError, match="missing: clinic-3, clinic-4"):
                world.hub.expire()
        assert world.hub.phase is Phase.DEAL
        # They think better of it.
        world.finish({i: packets[i] for i in (3, 4)})
        assert (world.hub.reports[0].attempt, world.hub.reports[0].contributors) == (2, EVERYONE)
