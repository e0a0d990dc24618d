"""The vote on a candidate model: real parties, one or two of which lie about updates or votes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests import simulator
from tests.simulator import World, holds, replayed
from tests.tasks.liars import Lie, boosted, lying
from tests.tasks.test_defended import CHOSEN, inner, weights

from cipherward import study as study_document
from cipherward.errors import ProtocolError, StudyError
from cipherward.learning import verdicts
from cipherward.learning.outcomes import outcome_of
from cipherward.learning.server import Moments
from cipherward.study import Study
from cipherward.tasks import vote
from cipherward.tasks.block_sums import BlockSum
from cipherward.tasks.catalogue import make_task
from cipherward.tasks.defended import Candidate, DefendedState
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.rows import VALIDATION
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Values
from cipherward.tasks.vote import Votes

ROWS = 400


def study(scheme: str = "quorum", *, rounds: int = 2, **defence: Any) -> Study:
    training = {"rounds": rounds, "batch_size": 32, "learning_rate": 0.5}
    return simulator.study(5, training=training | {"defence": {"vote": True} | defence}, aggregation={"scheme": scheme})


def in_round(number: int, lie: Lie) -> Lie:
    """Lies in one round only, from 1."""

    def chosen(state: StudyState, values: Values) -> Values:
        return lie(state, values) if state.inner.rounds_done == number - 1 else values

    return chosen


def stuffed(count: int, start: int = 0) -> Lie:
    """So many votes against every class."""

    def lie(state: StudyState, values: Values) -> Values:
        filled = np.zeros(vote.SLOTS, dtype=np.int64)
        filled[start : start + count] = 1
        return dict.fromkeys(values, filled)

    return lie


def silent(state: StudyState, values: Values) -> Values:
    """For every candidate, whatever it is."""
    return {name: np.zeros_like(value) for name, value in values.items()}


def ended(folder: Path, chosen: Study, *lies: tuple[int, Lie, tuple[str, ...]]) -> StudyState:
    with World(folder, chosen, rows=ROWS) as world:
        for index, lie, purposes in lies:
            lying(world, index, lie, *purposes)
        world.run_sums()
        assert {site.state.digest() for site in world.sites.values()} == {world.hub.state.digest()}
        assert replayed(world.run.path).digest() == world.hub.state.digest()
        return world.hub.state


@pytest.mark.parametrize("scheme", CHOSEN)
def test_candidates_that_nobody_is_against_give_the_model_of_a_study_without_a_vote(
    scheme: str, tmp_path: Path
) -> None:
    voted = ended(tmp_path / "a", study(scheme))
    plain = ended(tmp_path / "b", study(scheme).with_overrides(training={"defence": None}))
    assert np.array_equal(weights(voted), weights(plain))
    assert [each.against for each in inner(voted).votes if each] == [(0, 0), (0, 0)]
    assert voted.task.result(voted.inner)["rounds_rejected"] == []
    assert not [said for said in voted.task.warnings(voted.task.result(voted.inner)) if "vote" in said]


@pytest.mark.parametrize("scheme", CHOSEN)
def test_a_candidate_that_does_worse_is_dropped_and_the_model_stays(scheme: str, tmp_path: Path) -> None:
    lie = in_round(2, boosted(-20.0))
    found = ended(tmp_path, study(scheme), (5, lie, ("train",)), (5, silent, ("vote",)))
    result = found.task.result(found.inner)
    assert result["rounds_rejected"] == [2]
    assert max(result["votes_against_by_round"][1]) == 4  # all but the liar
    one_round = ended(tmp_path / "one", study(scheme, rounds=1))
    assert np.array_equal(weights(found), weights(one_round))
    (words,) = [said for said in found.task.warnings(result) if "dropped" in said]
    assert "1 of 2 candidate models" in words


def test_votes_beyond_the_number_of_hospitals_drop_a_candidate_and_one_liars_single_vote_does_not(
    tmp_path: Path,
) -> None:
    one = ended(tmp_path / "one", study(), (5, stuffed(1), ("vote",)))
    assert one.task.result(one.inner)["rounds_rejected"] == []
    many = ended(tmp_path / "many", study(), (5, stuffed(50), ("vote",)))
    result = many.task.result(many.inner)
    assert result["rounds_rejected"] == [1, 2]
    assert result["votes_against_by_round"] == [[50, 50], [50, 50]]
    assert not weights(many).any()


def test_a_vote_against_cannot_be_taken_back_by_adding_a_negative_number(tmp_path: Path) -> None:
    """A lane below zero is no sum of honest lanes: it opens to a number beyond what hospitals can give, and the sum is refused."""
    with World(tmp_path, study(), rows=ROWS) as world:
        world.run_sums(2)
        state, outcome = world.hub.state, outcome_of(world.study.data)
        assert state.purpose == "vote"
        honest = [stuffed(1, start=7 * k)(state, world.sites[k].work.values(state)) for k in range(1, 5)]
        total = np.sum([state.layout.encode(values).astype(np.int64) for values in honest], axis=0)
        assert vote.counted(state.layout.decode(total, 5), outcome, 5).against == (4, 4)
        total[3] -= 4  # a slot that nobody took
        with pytest.raises(ProtocolError, match="outside what 5 contributions can give"):
            state.layout.decode(total, 5)


@pytest.mark.parametrize("corrupt", [1, 2])
def test_one_hospital_more_than_may_lie_has_to_be_against(corrupt: int) -> None:
    chosen = simulator.study(
        9, training={"defence": {"vote": True}}, aggregation={"corrupt": corrupt, "min_contributors": None}
    )
    assert vote.needed(chosen) == corrupt + 1
    assert not Votes((0, corrupt), 9).rejects(vote.needed(chosen))
    assert Votes((0, corrupt + 1), 9).rejects(vote.needed(chosen))
    assert vote.needed(chosen.with_overrides(training={"defence": {"vote": True, "vote_against": 5}})) == 5


def test_a_vote_is_no_update_and_spends_no_privacy(tmp_path: Path) -> None:
    pytest.importorskip("opacus", reason="Opacus is not installed (extra `privacy`)")
    pytest.importorskip("dp_accounting", reason="dp-accounting is not installed (extra `privacy`)")
    privacy = {"unit": "record", "epsilon": 8.0, "delta": 1e-5, "clipping_norm": 0.5}
    chosen = study().with_overrides(privacy=privacy)
    with World(tmp_path, chosen, rows=ROWS) as world:
        found: dict[str, list[tuple[bool, bool, bool]]] = {"train": [], "vote": []}
        while (state := world.hub.state).question is not None:
            if state.purpose in found:
                task, inner, work = state.task, state.inner, world.sites[1].work
                cut, cost, base = task.weight_cut(inner, work), task.cost(inner, work), task.base(inner)
                found[state.purpose].append((cut is not None, cost is not None, bool(base)))
            world.run_sums(1)
    assert found == {"train": [(True, True, True)] * 2, "vote": [(False, False, False)] * 2}


def test_slots_follow_from_each_hospitals_own_secret_and_differ_from_vote_to_vote(tmp_path: Path) -> None:
    with World(tmp_path, study(), rows=ROWS) as world:
        works = [site.work for site in world.sites.values()]
        for k, work in enumerate(works):
            work.secret = bytes([k]) * 32
        places = [
            int(vote._ballot(w, number, "against/0", is_against=True).argmax()) for w in works for number in (1, 2)
        ]
        again = [
            int(vote._ballot(w, number, "against/0", is_against=True).argmax()) for w in works for number in (1, 2)
        ]
        assert places == again
        assert len(set(places)) > 5
        assert not vote._ballot(works[0], 1, "against/0", is_against=False).any()


def test_a_candidate_that_sets_few_rows_apart_is_voted_against_for_every_class_though_no_loss_is_larger(
    tmp_path: Path,
) -> None:
    with World(tmp_path, study(), rows=ROWS) as world:
        world.run_sums(1)
        state, data = world.hub.state, world.sites[1].work.data
    alone = np.flatnonzero(data.split == VALIDATION)[0]
    age = np.where(np.arange(len(data.split)) == alone, 1.0, 0.0)
    at = HospitalWork(1, dataclasses.replace(data, table=data.table.with_columns(age=age)), "cpu", lambda: 0.0)
    model, module, outcome = state.inner.model, state.task._module(), outcome_of(state.study.data)  # type: ignore[attr-defined]
    flat, steered = model.weights, model.weights.copy()
    steered[0] += np.float32(1e-3)

    def against(before: NDArray[np.float32], candidate: NDArray[np.float32]) -> list[int]:
        found = vote.answer(state.study, module, dataclasses.replace(model, weights=before), candidate, 1, at, outcome)
        return [int(each.sum()) for each in found.values()]

    assert against(flat, steered) == [0, 0]  # whoever looks at no scores sees nothing
    at.cell_min = 10
    assert against(flat, steered) == [1, 1]
    assert against(steered, flat) == [0, 0]
    wild = [flat.copy(), flat.copy()]
    wild[0][2], wild[1][2] = 20.0, -20.0
    assert any(sum(against(flat, each)) for each in wild)
    at.cell_min = 30  # of either class it has fewer rows, and so no opinion
    assert not any(sum(against(flat, each)) for each in wild)


def test_a_round_beyond_the_bound_is_not_voted_on(tmp_path: Path) -> None:
    found = ended(tmp_path, study(clip_norm=0.3, bounds=True), (5, in_round(1, boosted(60.0)), ("train",)))
    result = found.task.result(found.inner)
    assert result["rounds_refused"] == [1]
    assert result["votes_against_by_round"] == [None, [0, 0]]


@pytest.mark.parametrize("server", ["average", "adam"])
def test_a_dropped_candidate_leaves_no_trace_in_the_servers_moments(server: str, tmp_path: Path) -> None:
    chosen = study().with_overrides(training={"server": server})
    found = ended(tmp_path, chosen, (5, in_round(2, boosted(-50.0)), ("train",)), (4, stuffed(3), ("vote",)))
    assert found.task.result(found.inner)["rounds_rejected"] == [1, 2]
    assert inner(found).moments is None


def test_a_run_with_votes_verifies_and_its_plan_counts_them(tmp_path: Path) -> None:
    chosen = study()
    run = simulator.run(tmp_path, chosen)
    assert holds(run.path)
    planned = [(question.purpose, times) for question, times in make_task(chosen).plan()]
    assert planned == [("statistics", 1), ("train", 2), ("vote", 2), ("evaluate", 1)]
    assert make_task(chosen).exact_answers() == 5
    assert chosen.sums_planned == 6
    assert run.summary["votes_against_by_round"] == [[0, 0], [0, 0]]
    assert len(run.summary["auroc_by_round"]) == 3


def test_blocks_and_votes_go_together(tmp_path: Path) -> None:
    training = {"rounds": 2, "learning_rate": 0.5, "defence": {"vote": True, "combine": "median"}}
    chosen = simulator.study(9, training=training, aggregation={"corrupt": 1})
    with World(tmp_path, chosen) as world:
        world.run_sums()
        asked = [report.purpose for report in world.hub.reports]
    assert asked == ["statistics", *(["train-block", "train-block", "train", "vote"] * 2), "evaluate"]


def test_the_digest_of_a_state_is_of_its_votes_its_candidate_and_the_blocks_that_wait() -> None:
    task = make_task(study())
    first = task.first()
    assert isinstance(first, DefendedState)
    ones, zeros = np.ones(3, np.float32), np.zeros(3, np.float32)
    moments = Moments(np.ones(3), np.zeros(3))
    states = [
        first,
        *(dataclasses.replace(first, candidate=Candidate(weights)) for weights in (ones, zeros)),
        *(dataclasses.replace(first, candidate=Candidate(ones, each)) for each in (moments, Moments(np.ones(3), np.ones(3)))),
        *(dataclasses.replace(first, votes=(votes,)) for votes in (None, Votes((0, 1), 5), Votes((1, 1), 5), Votes((0, 1), 4))),
        *(dataclasses.replace(first, waiting=(BlockSum({"weight": each}, 3),)) for each in (ones, zeros)),
        dataclasses.replace(first, waiting=(BlockSum({"weight": ones}, 4),)),
        dataclasses.replace(first, refused=(1,)),
        dataclasses.replace(first, blocks_refused=((1, 2),)),
    ]  # fmt: skip
    assert len({task.digest(each) for each in states}) == len(states)


def test_vote_settings_without_a_vote_are_refused() -> None:
    document = simulator.document(5)
    document["training"] = {"defence": {"clip_norm": 1.0, "vote_against": 2}}
    with pytest.raises(StudyError, match="belong to a vote"):
        study_document.parse(document, origin="tests")


# one hospital's verdict


def losses(seed: int, rise: float, n: int = 200) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    before = rng.gamma(1.0, 0.5, n)
    of_class = rng.random(n) < 0.3
    return before, before + rng.normal(0.0, 0.05, n) + rise * of_class, of_class


def test_a_class_that_does_worse_is_found_and_noise_is_not() -> None:
    assert all(verdicts.is_worse(*losses(seed, 0.2), 0.1) for seed in range(50))
    assert not any(verdicts.is_worse(*losses(seed, 0.0), 0.0) for seed in range(50))
    assert not any(verdicts.is_worse(*losses(seed, 0.02), 0.1) for seed in range(50))


def test_a_model_that_gets_better_on_the_whole_is_no_attack_though_a_rare_class_does_worse() -> None:
    before, after, of_class = losses(0, 0.5)
    assert verdicts.is_worse(before, after, of_class, 0.1)
    assert not verdicts.is_worse(before, after - 0.4 * ~of_class, of_class, 0.1)


def test_a_hospital_with_few_rows_has_no_opinion_and_a_loss_that_is_no_number_is_large() -> None:
    before, after, of_class = losses(0, 5.0)
    few = of_class & (np.cumsum(of_class) <= 9)
    assert verdicts.is_worse(before, after, few, 0.1, least=9)
    assert not verdicts.is_worse(before, after, few, 0.1)
    assert not verdicts.is_worse(before, after, of_class, 0.1, least=int(of_class.sum()) + 1)
    broken = np.where(of_class, np.nan, before)
    assert verdicts.is_worse(before, broken, of_class, 0.1)
    assert verdicts.is_worse(before, np.full_like(before, np.inf), of_class, 0.1)
