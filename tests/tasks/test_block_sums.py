"""Rounds whose blocks are sums of their own: real parties, one block of which is led by a liar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests import simulator
from tests.simulator import World, contributors, holds, lines_of
from tests.tasks.liars import boosted
from tests.tasks.test_defended import CHOSEN, ended, inner, weights

from cipherward.errors import InterruptedRunError, QuorumError, StudyError
from cipherward.learning import robust
from cipherward.runs import exposure
from cipherward.simulation.simulate import RunResult, resume_study
from cipherward.study import Study
from cipherward.sums.messages import Joined
from cipherward.tasks.catalogue import make_task

BLOCKS = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def study(scheme: str = "quorum", *, rounds: int = 2, n: int = 9, **defence: Any) -> Study:
    return simulator.study(
        n,
        training={"rounds": rounds, "batch_size": 32, "learning_rate": 0.5, "defence": {"combine": "median"} | defence},
        aggregation={"scheme": scheme, "corrupt": 1},
    )


@pytest.mark.parametrize("scheme", CHOSEN)
def test_a_round_asks_one_block_after_the_other_and_goes_on_from_the_median_of_their_means(
    scheme: str, tmp_path: Path
) -> None:
    with World(tmp_path, study(scheme)) as world:
        world.run_sums(1)
        before, seen = world.hub.state, list[NDArray[np.float64]]()
        groups = before.model.groups if before.model else ()
        for block in BLOCKS:
            asked = world.hub.state
            assert list(asked.admitted) == block
            (at, *_) = [site for index, site in world.sites.items() if index in block]
            assert at.work.has_rows(at.state, 1)
            values = [world.sites[i].work.values(world.sites[i].state) for i in block]
            updates = [np.concatenate([v[f"update/{name}"] for name, _ in groups]) for v in values]
            total = np.sum(updates, axis=0)
            seen.append(total / sum(float(v["weight"][0]) for v in values))
            assert np.array_equal(weights(world.hub.state), weights(before))
            world.run_sums(1)
        moved = weights(world.hub.state) - weights(before)
        assert np.allclose(moved, np.median(seen, axis=0), atol=1e-4)
        assert not np.allclose(moved, np.mean(seen, axis=0), atol=1e-4)
        world.run_sums()
        assert [list(report.contributors) for report in world.hub.reports] == [
            list(range(1, 10)), *BLOCKS, *BLOCKS, list(range(1, 10)),
        ]  # fmt: skip
        assert {site.state.digest() for site in world.sites.values()} == {world.hub.state.digest()}


@pytest.mark.parametrize("scheme", CHOSEN)
def test_one_liar_among_three_blocks_does_not_carry_the_median_away(scheme: str, tmp_path: Path) -> None:
    honest = weights(ended(tmp_path / "honest", study(scheme, rounds=1)))
    median = weights(ended(tmp_path / "median", study(scheme, rounds=1), {5: boosted(-30.0)}))
    trimmed = weights(ended(tmp_path / "trimmed", study(scheme, rounds=1, combine="trimmed"), {5: boosted(-30.0)}))
    plain = study(scheme, rounds=1).with_overrides(training={"defence": None})
    mean = weights(ended(tmp_path / "mean", plain, {5: boosted(-30.0)}))
    assert np.linalg.norm(median - honest) < 0.5 * np.linalg.norm(honest)
    assert np.array_equal(median, trimmed)  # of three, both keep the middle one
    assert np.linalg.norm(mean - honest) > np.linalg.norm(honest)


def test_a_block_beyond_the_bound_is_left_out_and_the_others_go_on(tmp_path: Path) -> None:
    found = ended(tmp_path, study(clip_norm=0.3, bounds=True), {5: boosted(100.0)})
    assert inner(found).blocks_refused == ((1, 2), (2, 2))
    assert inner(found).refused == ()
    assert 0.0 < np.linalg.norm(weights(found)) <= 0.61
    (words,) = [said for said in found.task.warnings(found.task.result(found.inner)) if "left out" in said]
    assert "block 2 in round 1" in words


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """A whole run with blocks; nobody changes it."""
    return simulator.run(tmp_path_factory.mktemp("ran"), study())


def test_a_run_with_blocks_verifies_and_says_who_was_asked(ran: RunResult) -> None:
    assert holds(ran.path)
    assert contributors(ran.path) == [list(range(1, 10)), *BLOCKS, *BLOCKS, list(range(1, 10))]
    assert {line.detail for line in lines_of(ran.path) if "was not asked" in line.detail}
    assert ran.summary["rounds_refused"] == ran.summary["blocks_refused"] == []
    assert ran.summary["auroc_federated"] > 0.6
    (page,) = [path.read_text() for path in [ran.path / "rounds.jsonl"]]
    assert page.count('"train-block"') == 4


def test_no_hospital_is_read_apart_by_sums_of_blocks(ran: RunResult) -> None:
    found = exposure.of_path(ran.path)
    assert found.inferred.alone == ()
    assert sorted(len(group) for group in found.inferred.readable) == [3, 3, 3]


def test_a_hospital_of_another_block_contributes_nothing_whatever_the_coordinator_sends(tmp_path: Path) -> None:
    with World(tmp_path, study()) as world:
        world.run_sums(1)
        packets = world.until("Joined")
        assert sorted(packets) == BLOCKS[0]
        stolen = simulator.body(packets[1], Joined)
        assert world.sites[9].handle(world.packet(stolen)) == []
        assert "this sum is for contributions of others" in world.refusals()[-1]
        world.finish(packets)


def test_a_block_that_lacks_a_member_holds_up_the_round_until_it_is_back(tmp_path: Path) -> None:
    network = simulator.BentNetwork(simulator.lost({5}, rounds={2}))
    with pytest.raises(
        QuorumError, match="2 hospital\\(s\\) of the block joined its sum, 3 are needed; missing: clinic-5"
    ):
        simulator.run(tmp_path, study(), network=network)
    found = resume_study(tmp_path / "run", device="cpu")
    assert holds(found.path)
    assert contributors(found.path)[2] == BLOCKS[1]


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (lambda: study(n=8), "compares blocks, and this study has 2; 3 are needed"),
        (lambda: study().with_overrides(aggregation={"corrupt": None}), "this study has 1"),
        (lambda: study().with_overrides(top={"singled_out": ["clinic-4"]}), "1 of 9 hospitals are in none: clinic-4"),
    ],
)
def test_a_study_whose_blocks_are_too_few_is_refused_with_the_way_out(chosen: Any, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        make_task(chosen())


def test_blocks_that_people_wrote_are_used(tmp_path: Path) -> None:
    members = [[{"hospital": f"clinic-{i}"} for i in range(k, 10, 3)] for k in (1, 2, 3)]
    chosen = study().with_overrides(top={"blocks": [{"members": each, "least": 3} for each in members]})
    with World(tmp_path, chosen) as world:
        world.run_sums(2)
        assert list(world.hub.reports[-1].contributors) == [1, 4, 7]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8])
def test_medians_and_trimmed_means_are_those_of_numpy(n: int) -> None:
    means: list[NDArray[np.float64]] = list(np.random.default_rng(n).normal(size=(n, 7)))
    assert np.allclose(robust.combined(means, "median"), np.median(means, axis=0))
    ordered = np.sort(means, axis=0)
    assert np.allclose(robust.combined(means, "trimmed"), (ordered[1:-1] if n > 2 else ordered).mean(axis=0))
    shuffled = [means[i] for i in np.random.default_rng(0).permutation(n)]
    assert np.array_equal(robust.combined(means, "trimmed"), robust.combined(shuffled, "trimmed"))


def test_the_plan_counts_every_blocks_sum() -> None:
    planned = [(question.purpose, times) for question, times in make_task(study()).plan()]
    assert planned == [("statistics", 1), ("train-block", 6), ("evaluate", 1)]
    assert make_task(study()).exact_answers() == 6 + 1


def test_a_run_that_is_stopped_between_blocks_goes_on_to_the_same_model(tmp_path: Path) -> None:
    chosen = study(rounds=1, vote=True, clip_norm=1.0, bounds=True)
    asked = iter(range(1000))
    with pytest.raises(InterruptedRunError):
        simulator.run(
            tmp_path, chosen, should_stop=lambda: next(asked) == 3
        )  # two blocks of the first round are opened
    assert contributors(tmp_path / "run")[1:] == BLOCKS[:2]
    resumed = resume_study(tmp_path / "run", device="cpu")
    whole = simulator.run(tmp_path, chosen, name="whole")
    assert holds(resumed.path)
    assert np.array_equal(simulator.weights(resumed.path), simulator.weights(whole.path))
