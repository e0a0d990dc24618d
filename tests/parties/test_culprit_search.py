"""A hospital whose updates spoil sums is found by summing in groups, and no honest one is ever excluded."""

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
from tests.simulator import BentNetwork, Packet, World, lost, signed_body

from cipherward.crypto import shamir
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import Protected, SumTask
from cipherward.parties import asking, culprits
from cipherward.runs import verify
from cipherward.simulation import make_parties
from cipherward.study import Study
from cipherward.sums.messages import Release
from cipherward.sums.packets import unpack
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.state import StudyState

LIAR, OTHER = 3, 6
When = Callable[[int], bool]


class Lying(QuorumScheme):
    """Deals shares of another secret than the one it encrypts under, in the sums for which `when` says so."""

    def __init__(self, when: Callable[[], bool]) -> None:
        self._when = when

    def protect(
        self, task: SumTask, sender: int, vector: Any, holders: Any, randomness: bytes, private_key: bytes = b""
    ) -> Protected:
        honest = shamir.share

        def share(parameters: Any, secret: NDArray[np.int8], *rest: Any) -> Any:
            return honest(parameters, np.roll(secret, 1) if self._when() else secret, *rest)

        with mock.patch.object(shamir, "share", share):
            return super().protect(task, sender, vector, holders, randomness)


def lies(world: World, liar: int, when: When) -> None:
    """Hospital `liar` spoils the training sums for which `when`, called with the sum's number, holds."""
    site = world.sites[liar]
    scheme = Lying(lambda: site.state.purpose == "train" and when(site.state.sums_done))
    site.rules = dataclasses.replace(site.rules, scheme=scheme)
    site._me = dataclasses.replace(site._me, rules=site.rules)


def eight(rounds: int = 12) -> Study:
    numbers = {"threshold": 6, "corrupt": 2, "dropouts": 2, "min_contributors": 4}
    return simulator.agreed(8, training={"rounds": rounds}, aggregation=numbers)


def always(number: int) -> bool:
    return True


def after_bad_round(world: World) -> None:
    """Statistics, then a training sum that does not open."""
    world.run_sums(2)
    assert not world.hub.reports[-1].opened


def test_a_liar_is_found_in_groups_and_excluded_and_the_study_finishes_without_it(tmp_path: Path) -> None:
    with World(tmp_path, eight()) as world:
        lies(world, LIAR, always)
        world.run_sums()
        state, reports = world.hub.state, world.hub.reports
        (exclusion,) = state.search.excluded
        assert exclusion.hospital == LIAR
        failed = {report.round: set(report.contributors) for report in reports if not report.opened}
        assert set.intersection(*failed.values()) == {LIAR}
        assert exclusion.sums == tuple(failed)
        found = max(failed)
        assert all(len(report.contributors) == 4 for report in reports[2 : found + 1])
        assert all(report.contributors == (1, 2, 4, 5, 6, 7, 8) for report in reports[found + 1 :])
        assert all(report.opened for report in reports[found + 1 :])
        assert world.hub.finished
        assert {site.state.digest() for site in world.sites.values()} == {state.digest()}
    lines = simulator.lines_of(world.run.path)
    assert simulator.replayed(world.run.path).digest() == state.digest()
    (line,) = [line for line in lines if line.purpose == "search"]
    assert line.detail.startswith("clinic-3 is excluded: no other can have spoiled each of the failed sums 1, ")
    late = [line for line in lines if line.hospital == "clinic-3" and line.purpose == "evaluate"]
    assert "excluded by the culprit search" in late[0].detail


def test_the_model_of_a_search_is_that_of_its_listed_contributions(tmp_path: Path) -> None:
    """The same sets, in a run in which the liar's rounds fail too, give the same model as the opened sums replayed."""
    with World(tmp_path, eight(4)) as world:
        lies(world, LIAR, always)
        world.run_sums()
        state = world.first
        for report in world.hub.reports:
            opening = world.opening(report.round)
            if not report.opened:
                state = state.after_failed(report.contributors)
                continue
            task = asking.task_of(world.hub.rules, state, report.attempt)
            sums = QuorumScheme().sums(task, opening.total, opening.witness, len(report.contributors))
            state = asking.following(QuorumScheme(), state, sums, len(report.contributors))
        assert state.digest() == world.hub.state.digest()
        assert not all(report.opened for report in world.hub.reports)


def test_groups_are_disjoint_large_enough_and_kept_until_each_has_been_summed_twice(tmp_path: Path) -> None:
    with World(tmp_path, eight(6)) as world:
        lies(world, LIAR, lambda number: number == 1)
        after_bad_round(world)
        first = world.hub.state.search.groups
        assert sorted(hospital for group in first for hospital in group) == list(range(1, 9))
        assert [len(group) for group in first] == [4, 4]
        summed = []
        for _ in range(4):
            assert world.hub.state.search.groups == first
            world.run_sums(1)
            summed.append(world.hub.reports[-1].contributors)
        assert summed == [*first, *first]
        world.run_sums(1)
        assert world.hub.reports[-1].contributors == tuple(range(1, 9))
        assert culprits.facts(world.hub.state)["suspects"] == [f"clinic-{i}" for i in range(1, 9)]


def test_with_five_hospitals_people_are_told_who_is_possible(tmp_path: Path) -> None:
    network = BentNetwork(lost({5}, kinds={"Update"}, rounds={1}))
    with World(tmp_path, simulator.agreed(5, training={"rounds": 3}), network=network) as world:
        lies(world, LIAR, lambda number: number == 1)
        world.run_sums()
        assert world.hub.finished
        assert world.hub.state.search.groups == ()
        assert world.hub.state.search.excluded == ()
    (told,) = simulator.log(world.run.path, "culprit search")
    assert told["suspects"] == ["clinic-1", "clinic-2", "clinic-3", "clinic-4"]
    (line,) = [line for line in simulator.lines_of(world.run.path) if line.purpose == "search"]
    assert line.detail == "one of clinic-1, clinic-2, clinic-3, clinic-4 spoiled the failed sum 1"


@pytest.mark.slow
def test_two_liars_that_always_lie_are_both_found_and_the_study_goes_on_without_them(tmp_path: Path) -> None:
    with World(tmp_path, eight(60)) as world:
        for liar in (LIAR, OTHER):
            lies(world, liar, always)
        world.run_sums(1)
        while {exclusion.hospital for exclusion in world.hub.state.search.excluded} != {LIAR, OTHER}:
            world.run_sums(1)
            assert {exclusion.hospital for exclusion in world.hub.state.search.excluded} <= {LIAR, OTHER}
        failed = tuple(report.round for report in world.hub.reports if not report.opened)
        assert {exclusion.sums for exclusion in world.hub.state.search.excluded} == {failed}
        assert {exclusion.culprits for exclusion in world.hub.state.search.excluded} == {2}
        world.run_sums(2)
        for report in world.hub.reports[-2:]:
            assert (report.opened, report.contributors) == (True, (1, 2, 4, 5, 7, 8))
        assert {site.state.digest() for site in world.sites.values()} == {world.hub.state.digest()}
    assert simulator.replayed(world.run.path).digest() == world.hub.state.digest()
    told = [line.detail for line in simulator.lines_of(world.run.path) if line.purpose == "search"]
    assert len(told) == 2
    assert all("is excluded: at least 2 hospitals spoiled the failed sums 1, " in text for text in told)


def test_a_group_that_lacks_a_hospital_is_left_and_everybody_is_summed_in_its_place(tmp_path: Path) -> None:
    with World(tmp_path, eight(6)) as world:
        lies(world, LIAR, lambda number: number == 1)
        after_bad_round(world)
        away = world.hub.state.search.group[0]
        world.engine.network = BentNetwork(lost({away}))
        world.run_sums(1)
        report = world.hub.reports[-1]
        assert (report.attempt, report.opened) == (1, True)
        assert report.contributors == tuple(i for i in range(1, 9) if i != away)
        world.run_sums(1)
        assert world.hub.reports[-1].contributors == world.hub.state.search.groups[1]
        assert world.hub.reports[-1].attempt == 0
        world.run_sums()
        assert world.hub.finished


def test_a_hospital_outside_of_the_group_does_not_deal_and_is_not_added(tmp_path: Path) -> None:
    with World(tmp_path, eight(6)) as world:
        lies(world, LIAR, lambda number: number == 1)
        after_bad_round(world)
        group = world.hub.state.search.group
        outside = next(i for i in range(1, 9) if i not in group)
        asked = world.until("Joined")
        assert set(asked) == set(group)
        assert world.sites[outside].handle(asked[group[0]]) == []
        assert "for contributions of others" in world.refusals()[-1]
        # Even one that deals in spite of the rule is set aside.
        site = world.sites[outside]
        with mock.patch.object(SumTask, "admits", return_value=True):
            (update,) = site.handle(asked[group[0]])
        world.hub.handle(outside, update)
        assert world.hub.set_aside[-1].reason == "contributes to a sum that does not admit it"
        world.finish(asked)
        assert world.hub.reports[-1].contributors == group


def test_a_manifest_that_lists_others_than_the_group_gets_no_consent(tmp_path: Path) -> None:
    """The coordinator cannot use the search to open a set of its choice."""
    with World(tmp_path, eight(6)) as world:
        lies(world, LIAR, lambda number: number == 1)
        after_bad_round(world)
        group = world.hub.state.search.group
        helper = next(i for i in range(1, 9) if i not in group)
        # A coordinator and a helper that ignore the rule: everybody else keeps to it.
        asked = world.until("Joined")
        wide = dataclasses.replace(world.hub._steps.sum.task, admitted=())
        world.hub._steps.sum.task = world.hub._steps.sum.collection.task = wide
        site = world.sites[helper]
        with mock.patch.object(SumTask, "admits", return_value=True):
            (update,) = site.handle(next(iter(asked.values())))
        world.hub.handle(helper, update)
        world.hub._pending.waiting.add(helper)
        requests = world.continue_until(asked, "ConsentRequest")
        assert world.hub._steps.sum.collection.contributors == {*group, helper}
        answers = [reply for index, packet in requests.items() for reply in world.sites[index].handle(packet)]
        kinds = [simulator.kind_of(reply) for reply in answers]
        assert set(kinds) == {"Receipt"}
        assert all(
            "does not admit" in world.sites[index].outcomes[-1].detail
            and world.sites[index].outcomes[-1].phrase == f"Privacy Breach Detected for Client {index}"
            for index in requests
        )


def test_a_coordinator_that_restarts_in_the_middle_of_a_search_goes_on_with_it(tmp_path: Path) -> None:
    with World(tmp_path, eight()) as world:
        lies(world, LIAR, always)
        after_bad_round(world)
        for stop in ("Joined", "ConsentRequest", "Certificate", "Opening"):
            world.until(stop)
            before = world.hub._steps.sum.task.context
            states = list(verify.replay(verify.open_run(world.run.path)))
            world.hub = make_parties.make_coordinator(world.study, world.keys, states[-1].state, world.run)
            packets = world.hub.recover()
            assert stop == "Opening" or world.hub._steps.sum.task.context == before
            world.finish(dict(packets))
        world.engine.hub = world.hub
        world.run_sums()
        (exclusion,) = world.hub.state.search.excluded
        assert exclusion.hospital == LIAR
        assert simulator.replayed(world.run.path).digest() == world.hub.state.digest()


def test_a_false_release_among_just_enough_makes_the_holders_suspects_too(tmp_path: Path) -> None:
    """Hospitals 7 and 8 are away for the release, so that nobody can tell whose fault it is."""

    def spoiled(packet: Packet) -> list[bytes] | None:
        if packet.kind != "Release" or packet.round != 1:
            return None
        if packet.hospital in (7, 8):
            return []
        release = signed_body(unpack(packet.raw)[1], Release)
        zeros = dataclasses.replace(release, shares=bytes(len(release.shares)))
        return [world.packet(zeros, 6)] if packet.hospital == 6 else None

    network = BentNetwork(spoiled, lost({6}, kinds={"Update"}, rounds={1}))
    with World(tmp_path, eight(2), network=network) as world:
        world.run_sums(2)
        assert world.hub.reports[-1].contributors == (1, 2, 3, 4, 5, 7, 8)
        assert not world.hub.reports[-1].opened
        assert world.hub.state.search.suspects == tuple(range(1, 9))
        assert {site.state.digest() for site in world.sites.values()} == {world.hub.state.digest()}
    assert simulator.replayed(world.run.path).digest() == world.hub.state.digest()


@pytest.mark.parametrize("stop", ["VoidRequest", "Announce", "ConsentRequest"])
def test_a_coordinator_that_restarts_while_it_leaves_a_group_goes_on_with_the_next_attempt(
    tmp_path: Path, stop: str
) -> None:
    with World(tmp_path, eight(6)) as world:
        lies(world, LIAR, lambda number: number == 1)
        after_bad_round(world)
        away = world.hub.state.search.group[0]
        asked = world.until("Joined")
        held = world.continue_until({i: packet for i, packet in asked.items() if i != away}, "VoidRequest")
        if stop != "VoidRequest":
            held = world.continue_until(held, stop)
        states = list(verify.replay(verify.open_run(world.run.path)))
        world.hub = make_parties.make_coordinator(world.study, world.keys, states[-1].state, world.run)
        packets = dict(world.hub.recover())
        assert packets == held
        world.finish(packets)
        assert (world.hub.reports[-1].attempt, world.hub.reports[-1].contributors) == (1, tuple(range(1, 9)))
        assert {site.state.digest() for site in world.sites.values()} == {world.hub.state.digest()}


def test_people_are_told_in_words_whom_the_search_excludes_readmits_and_suspects() -> None:
    excluded = [{"hospital": "b", "sums": [1, 4, 7], "culprits": 2}, {"hospital": "z", "sums": [0], "culprits": 1}]
    told = {"culprits": 2, "suspects": ["c", "d"], "failed_sums": [1, 4, 7], "groups": [["a"]], "excluded": excluded}
    told |= {"readmitted": [{"hospital": "a", "sums": [7]}, {"hospital": "b", "sums": [4]}]}
    told |= {"unexplained": [{"possible": ["a", "b"], "sums": [0], "culprits": 3}]}
    assert culprits.sentences(told) == [
        "b is excluded: at least 2 hospitals spoiled the failed sums 1, 4, 7, and no 2 without it can have done so",
        "z is excluded: no other can have spoiled each of the failed sum 0",
        "a was excluded and is readmitted: sum 7 failed without it",
        "more than 3 hospitals spoiled the failed sum 0, or released false shares, and are not looked for; "
        "possible: a, b",
        "at least 2 hospitals spoiled the failed sums 1, 4, 7; 1 of them among c, d; "
        "training rounds are summed in groups, to find them",
    ]


class Negative(HospitalWork):
    """Trains, and claims a weight below zero, so that the sum opens to what honest hospitals never give."""

    def values(self, state: StudyState) -> dict[str, NDArray[Any]]:
        values = super().values(state)
        return values | {"weight": np.array([-1.0])} if state.purpose == "train" else values


@pytest.mark.parametrize("scheme", ["quorum", "masks", "plain"])
def test_the_search_is_the_same_in_every_scheme(tmp_path: Path, scheme: str) -> None:
    numbers = {"scheme": scheme, "threshold": 6, "corrupt": 2, "dropouts": 2, "min_contributors": 4}
    with World(tmp_path, simulator.agreed(8, training={"rounds": 12}, aggregation=numbers)) as world:
        work = world.sites[LIAR].work
        world.sites[LIAR].work = Negative(LIAR, work.data, "cpu", work.clock)
        world.run_sums()
        assert [exclusion.hospital for exclusion in world.hub.state.search.excluded] == [LIAR]
        assert {site.state.digest() for site in world.sites.values()} == {world.hub.state.digest()}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_an_intermittent_liar_harms_no_honest_hospital_and_the_study_finishes(tmp_path: Path, seed: int) -> None:
    chance = np.random.default_rng(seed)
    liar = int(chance.integers(1, 9))
    with World(tmp_path, eight(15)) as world:
        lies(world, liar, lambda number: np.random.default_rng([seed, number]).random() < 0.6)
        world.run_sums()
        assert world.hub.finished
        assert {exclusion.hospital for exclusion in world.hub.state.search.excluded} <= {liar}
        assert world.hub.state.search.contradictions == ()
        assert {site.state.digest() for site in world.sites.values()} == {world.hub.state.digest()}
    lines = simulator.lines_of(world.run.path)
    assert all(line.holds for line in lines if line.purpose != "model")
