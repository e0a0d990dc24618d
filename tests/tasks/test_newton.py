from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import simulator

from cipherward.data.sources import load_hospitals
from cipherward.errors import ProtocolError, StudyError
from cipherward.learning import newton as steps
from cipherward.learning.outcome_binary import BINARY
from cipherward.runs.verify import verify_sums
from cipherward.study import Study
from cipherward.tasks import newton, yardsticks
from cipherward.tasks.rows import TRAIN, rows_at
from cipherward.tasks.task import Model

UNSET = {"rounds": 10, "batch_size": 0, "learning_rate": 0.05}


def study(**sections: Any) -> Study:
    """A logistic regression whose training section says nothing."""
    return simulator.study(4, training=UNSET, **sections)


def test_a_logistic_regression_is_fitted_by_newton_steps_unless_something_of_sgd_is_set() -> None:
    assert study().fits_by_newton
    for change in ({"local_epochs": 2}, {"learning_rate": 0.1}, {"momentum": 0.9}, {"method": "sgd"}):
        assert not study().with_overrides(training=change).fits_by_newton
    assert not study().with_overrides(model={"kind": "mlp", "hidden": [3]}).fits_by_newton
    private = {"unit": "record", "epsilon": 8.0, "delta": 1e-6, "clipping_norm": 1.0}
    assert not study().with_overrides(privacy=private).fits_by_newton


@pytest.mark.parametrize(
    "sections",
    [
        {"model": {"kind": "mlp", "hidden": [3]}},
        {"training": {"learning_rate": 0.1}},
        {"privacy": {"unit": "record", "epsilon": 8.0, "delta": 1e-6, "clipping_norm": 1.0}},
    ],
)
def test_newton_steps_for_what_has_none_are_refused(sections: dict[str, Any]) -> None:
    with pytest.raises(StudyError, match=r"training\.method"):
        study().with_overrides(training={"method": "newton"}).with_overrides(**sections)


def test_the_opened_sums_are_those_over_all_rows(tmp_path: Path) -> None:
    chosen = study()
    hospitals = load_hospitals(chosen, None, simulator.write_tables(tmp_path, 4))
    scaling, works = yardsticks.prepare(chosen, hospitals, "cpu")
    weights = np.array([0.5, 0.0, -1.0, 0.0, 2.0, 0.0, 0.0, 0.1], np.float32)
    model = Model((("weight", 7), ("bias", 1)), weights, scaling)
    answers = [newton.answer(model, at, BINARY) for at in works]
    total = {name: np.sum([one[name] for one in answers], axis=0) for name in answers[0]}
    x, y = (np.concatenate(part) for part in zip(*(rows_at(at, scaling, TRAIN) for at in works), strict=True))
    exact = steps.advance(
        None, weights, BINARY.steps.sums_at(weights, x, y), newton.ridge(chosen, len(y)), BINARY.steps
    )
    found = newton.advance(chosen, None, model, total, BINARY)
    assert np.allclose(found.direction, exact.direction, atol=1e-5)
    assert found.objective == pytest.approx(exact.objective, abs=1e-7)


def test_the_most_extreme_rows_fill_the_room_of_their_terms_and_no_more() -> None:
    x = np.tile(np.array([[10.0, -10.0]], np.float32), (5, 1))
    found = BINARY.steps.sums_at(np.zeros(3, np.float32), x, np.zeros(5, np.int64))
    first, second = newton._reach(3, BINARY.steps)
    assert np.abs(found.gradient / first).max() <= 5
    assert np.abs(found.curvature / second).max() == pytest.approx(5)
    assert np.abs(found.curvature / second).min() == pytest.approx(5)


def test_sums_of_no_rows_are_refused() -> None:
    chosen = study()
    sums = {segment.name: np.zeros(segment.size, np.int64) for segment in newton.segments(chosen, 8, BINARY)}
    with pytest.raises(ProtocolError, match="0 rows"):
        newton.advance(chosen, None, Model((("weight", 7), ("bias", 1)), np.zeros(8, np.float32)), sums, BINARY)


@pytest.mark.parametrize("scheme", ["quorum", "plain", "masks"])
def test_the_federated_fit_is_the_pooled_fit_in_every_scheme(tmp_path: Path, scheme: str) -> None:
    result = simulator.run(tmp_path, study(aggregation={"scheme": scheme}))
    found = result.summary
    assert found["rounds"] <= 6
    assert found["converged_early"]
    assert not found["warnings"]
    assert found["auroc_federated_exact"] == pytest.approx(found["auroc_centralised"], abs=1e-3)
    assert len(found["auroc_by_round"]) == found["rounds"] + 1
    assert all(line.holds for line in verify_sums(result.path))


def test_a_fit_that_runs_out_of_steps_is_measured_once_more(tmp_path: Path) -> None:
    short = study().with_overrides(training={"rounds": 2})
    found = simulator.run(tmp_path, short).summary
    assert (found["rounds"], found["converged_early"]) == (2, False)
    assert len(found["auroc_by_round"]) == 3


def test_a_sum_that_does_not_open_is_asked_once_more_and_the_fit_goes_on(tmp_path: Path) -> None:
    from cipherward.tasks.catalogue import begin

    chosen = study()
    hospitals = load_hospitals(chosen, None, simulator.write_tables(tmp_path, 4))
    _, works = yardsticks.prepare(chosen, hospitals, "cpu")
    state = begin(chosen)
    digests = set()
    for number in range(20):
        if state.purpose is None:
            break
        digests.add(state.digest())
        if number == 2:
            state = state.after_failed((1, 2, 3, 4), [(4, "proved")])
            continue
        each = [at.values(state) for at in works]
        total = {name: np.sum([one[name] for one in each], axis=0) for name in each[0]}
        state = state.after(total, len(works))
    assert state.purpose is None
    assert len(digests) == state.sums_done
    assert state.task.result(state.inner)["converged_early"]
