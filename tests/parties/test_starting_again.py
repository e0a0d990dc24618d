"""A sum whose holders vanish before its manifest is left for a new attempt with those who are there, and only then."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import simulator
from tests.parties.test_journal_recovery import reborn
from tests.simulator import World, exposed, kind_of, lines_of

from cipherward.errors import QuorumError
from cipherward.parties import asking
from cipherward.parties.coordinator_node import Outgoing, Phase
from cipherward.store.ledger import Ledger
from cipherward.sums.messages import Joined, VoidRequest
from cipherward.sums.packets import pack

GONE = 4
OUTSIDE = (5, 6)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Six hospitals; four make a quorum, three a sum."""
    with World(tmp_path, simulator.agreed(6, training={"rounds": 1}, aggregation={"threshold": 4})) as made:
        yield made


def deliver(world: World, outgoing: list[Outgoing], away: tuple[int, ...]) -> None:
    """Everything that follows from these packets while some hospitals hear and say nothing."""
    queue = list(outgoing)
    while queue:
        hospital, packet = queue.pop(0)
        if hospital not in away:
            for reply in world.sites[hospital].handle(packet):
                queue += world.hub.handle(hospital, reply)


def dealt_without(world: World, joins: tuple[int, ...], deals: tuple[int, ...]) -> None:
    """The first sum up to where it waits: who joined, and who sent an update."""
    everyone = tuple(world.sites)
    deliver(world, world.hub.begin(), tuple(i for i in everyone if i not in joins))
    deliver(world, world.hub.expire(), tuple(i for i in everyone if i not in deals))
    assert world.hub.phase is Phase.DEAL


def waits(world: World) -> None:
    with pytest.raises(QuorumError):
        world.hub.expire()


def come_back(world: World) -> None:
    for hospital in OUTSIDE:
        deliver(world, world.hub.outstanding(hospital), ())


def finish(world: World, away: tuple[int, ...]) -> None:
    hub = world.hub
    outgoing = hub.outstanding()
    while not hub.finished:
        deliver(world, outgoing, away)
        outgoing = hub.begin() if hub.phase is Phase.IDLE else (hub.expire() if hub.waiting else hub.advance())


@pytest.mark.parametrize("deals", [(1, 2), (1, 2, 3)], ids=["too few updates", "too few holders"])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_hospital_that_joined_and_is_gone_for_good_does_not_stop_the_sum_once_another_is_back(
    world: World, deals: tuple[int, ...], restarts: bool
) -> None:
    dealt_without(world, (1, 2, 3, GONE), deals)
    assert not world.hub.enough
    waits(world)
    assert world.hub.phase is Phase.DEAL  # nothing to be gained by leaving yet: nobody new is there
    assert world.hub.waiting >= set(OUTSIDE)
    come_back(world)
    assert world.hub.enough
    if restarts:
        reborn(world).recover()
        assert world.hub.enough
    away = (GONE,)
    deliver(world, world.hub.expire(), away)
    assert world.hub.phase is Phase.VOID
    if restarts:
        reborn(world).recover()
    finish(world, away)
    assert world.hub.reports[0].contributors == (1, 2, 3, 5, 6)
    assert [report.attempt for report in world.hub.reports] == [1, 0, 0]
    assert all(world.sites[i].state.digest() == world.hub.state.digest() for i in (1, 2, 3, 5, 6))
    assert all(line.holds for line in lines_of(world.run.path) if line.hospital != "everyone")
    # It comes back, still believing in the attempt that was left, and catches up.
    deliver(world, world.hub.last_call(), ())
    assert world.sites[GONE].state.digest() == world.hub.state.digest()
    assert world.hub.set_aside == [] or {item.verdict for item in world.hub.set_aside} == {"late"}


def test_who_dealt_deals_again_only_with_the_void_certificate(world: World) -> None:
    dealt_without(world, (1, 2, 3, GONE), (1, 2))
    waits(world)
    come_back(world)
    query = asking.query_of(world.first).digest()
    (first,) = exposed(world.sites[1].ledger, query)
    outgoing = world.hub.expire()
    assert {kind_of(packet) for _, packet in outgoing} == {"VoidRequest"}
    deliver(world, outgoing, (GONE,))
    assert exposed(world.sites[1].ledger, query) == [world.sites[1].ledger.sum(first.context)]
    announced = world.hub.expire()
    deliver(world, announced, (GONE,))
    assert exposed(world.sites[1].ledger, query) == []
    deliver(world, world.hub.expire(), (GONE,))
    (second,) = exposed(world.sites[1].ledger, query)
    assert (first.attempt, second.attempt) == (0, 1)
    assert second.update != first.update


def test_attempts_that_nobody_could_vote_on_do_not_count_and_training_is_not_repeated(world: World) -> None:
    hub, site = world.hub, world.sites[1]
    asked: list[int] = []
    honest = site.work.values
    site.work.values = lambda state: asked.append(1) or honest(state)  # type: ignore[method-assign,func-returns-value]
    outgoing = hub.begin()
    most = world.study.aggregation.max_attempts
    for attempt in range(most + 2):
        gone = 4 + attempt % 3
        outside = tuple({4, 5, 6} - {gone})
        deliver(world, outgoing, outside)  # joins
        deliver(world, hub.expire(), (4, 5, 6))  # deals
        waits(world)
        for hospital in outside:
            deliver(world, hub.outstanding(hospital), ())
        deliver(world, hub.expire(), (gone,))
        assert hub.phase is Phase.VOID
        outgoing = hub.expire()
    assert (hub.phase, len(hub._steps.sum.voids)) == (Phase.JOIN, most + 2)
    deliver(world, outgoing, (GONE,))
    finish(world, (GONE,))
    assert hub.reports[0].contributors == (1, 2, 3, 5, 6)
    assert len(asked) == hub.state.sums_done
    assert all(line.holds for line in lines_of(world.run.path) if line.hospital != "everyone")


def test_attempts_end_somewhere_for_the_coordinator_and_for_a_hospital(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MAX_ATTEMPTS", 1)
    dealt_without(world, (1, 2, 3, GONE), (1, 2, 3))
    waits(world)
    come_back(world)
    assert not world.hub.enough
    waits(world)
    assert world.hub.phase is Phase.DEAL
    (ahead,) = asking.contexts_of(world.hub.rules, world.first, 2)[1:]
    assert world.sites[1].handle(world.packet(VoidRequest(ahead))) == []
    finish(world, ())


def test_a_late_join_that_is_repeated_is_noted_once(world: World) -> None:
    dealt_without(world, (1, 2, 3, GONE), (1, 2, 3))
    waits(world)
    (announce,) = (packet for _, packet in world.hub.outstanding(5))
    (join,) = world.sites[5].handle(announce)
    world.hub.handle(5, join)
    assert world.hub.journal is not None
    written = len(world.hub.journal)
    world.hub.handle(5, join)
    assert len(world.hub.journal) == written


def test_a_list_of_joins_of_the_attempt_that_was_left_gets_no_contribution(world: World) -> None:
    dealt_without(world, (1, 2, 3, GONE), (1, 2, 3))
    joined = pack(
        "Joined",
        world.signed(Joined(world.hub._steps.sum.task.context, tuple(world.hub._steps.sum.collection._joins.values()))),
    )
    waits(world)
    come_back(world)
    deliver(world, world.hub.expire(), ())
    assert [kind_of(reply) for reply in world.sites[5].handle(joined)] == ["Vote"]


def test_who_asks_for_an_opening_that_it_has_signed_for_is_shown_its_receipt_and_takes_no_further_part(
    tmp_path: Path,
) -> None:
    """Its ledger and its run directory are both older than its word: an old copy of the whole home."""
    with World(tmp_path, simulator.agreed(4)) as world:
        world.run_sums(2)
        world.sites[1].ledger.close()
        world.sites[1] = dataclasses.replace(
            world.sites[1], ledger=Ledger(tmp_path / "old.sqlite"), state=world.first, outcomes=[]
        )
        world.run_sums(1)
        assert world.sites[1].stopped
        assert world.sites[1].state.sums_done == 0
        assert any("the ledger is older than my receipt for sum 1" in reason for reason in world.refusals())
        assert world.hub.reports[-1].contributors == (2, 3, 4)
