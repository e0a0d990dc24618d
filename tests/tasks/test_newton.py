from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import simulator

from cipherward.data.preprocess import Preprocessor
from cipherward.data.sources import load_hospitals
from cipherward.errors import ProtocolError, StudyError
from cipherward.learning import newton as steps
from cipherward.learning.outcome_binary import BINARY
from cipherward.runs.verify import verify_sums
from cipherward.study import Study
from cipherward.study_sections import CarryOver
from cipherward.tasks import newton, statistics, yardsticks
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


def lacking(folder: Path, rows: dict[int, int]) -> Path:
    """Tables of four hospitals; so many training and test rows of each of these have no dose and no ward."""
    tables = simulator.write_tables(folder, 4)
    for index, n in rows.items():
        path = tables / f"clinic-{index}.csv"
        head, *lines = path.read_text().splitlines()
        for k in range(n):
            age, _, _, outcome = lines[k].split(",")
            lines[k] = f"{age},,,{outcome}"
        path.write_text("\n".join([head, *lines]) + "\n")
    return tables


def curvature(chosen: Study, tables: Path) -> tuple[Any, dict[str, np.ndarray]]:
    """The scaling, and by input its sums with every input that the first step opens."""
    scaling, works = yardsticks.prepare(chosen, load_hospitals(chosen, None, tables), "cpu")
    model = Model((("weight", 7), ("bias", 1)), np.zeros(8, np.float32), scaling)
    answers = [newton.answer(model, at, BINARY) for at in works]
    sums = [BINARY.steps.sums_at(model.weights, *rows_at(at, scaling, TRAIN)).curvature for at in works]
    total = np.zeros((8, 8))
    total[np.triu_indices(8)] = np.sum(sums, axis=0)
    assert len(answers[0]["fit/curvature"]) == len(sums[0])
    return scaling, dict(zip((*scaling.feature_names, "intercept"), total + np.triu(total, 1).T, strict=True))


def test_few_rows_that_lack_a_value_stand_in_no_sum_of_their_own(tmp_path: Path) -> None:
    """Without the floor the sums of "dose is missing" are all inputs of the one row that lacks it."""
    for scale in ("standard", "robust"):
        chosen = study(noise={"enabled": False}).with_overrides(training={"scale": scale})
        scaling, few = curvature(chosen, lacking(tmp_path / f"few-{scale}", {1: 1, 2: 3}))
        assert scaling.unmarked == ("age", "dose", "ward")
        for name in ("age", "dose", "ward"):
            assert not few[f"{name} is missing"].any()
        n = few["intercept"][-1]
        assert few["ward = A"][-1] + few["ward = B"][-1] == pytest.approx(n)  # nor does it follow from the others
        scaling, many = curvature(chosen, lacking(tmp_path / f"many-{scale}", {1: 60, 2: 60, 3: 60}))
        assert scaling.unmarked == ("age",)
        for name in ("dose", "ward"):
            assert many[f"{name} is missing"][-1] > 0.25 * statistics.least_rows(chosen)


def test_counts_with_noise_leave_an_input_only_where_noise_alone_does_not_make_it() -> None:
    noisy = study(noise={"enabled": True, "epsilon": 8.0})
    scaling = Preprocessor(noisy.columns, (0.5, 0.5), (0.1, 0.1), 400, 100)
    sums = {"rows": np.array([400, 100]), "present": np.array([350, 350]), "categories": np.array([200, 150])}
    assert statistics.least_rows(noisy) < 50
    assert statistics._marking(noisy, scaling, sums, {}).unmarked == ()
    wide = {"rows": 20.0, "present": 30.0, "categories": 5.0}  # 1.645 times 36 and 21
    assert statistics._marking(noisy, scaling, sums, wide).unmarked == ("age", "dose")
    of_categories = {"rows": 1.0, "present": 1.0, "categories": 25.0}  # two of them: 1.645 times 35
    assert statistics._marking(noisy, scaling, sums, of_categories).unmarked == ("ward",)


def test_constants_that_do_not_say_how_many_rows_lack_a_value_leave_no_such_input(tmp_path: Path) -> None:
    chosen = study(noise={"enabled": False})
    tables = lacking(tmp_path, {1: 60, 2: 60, 3: 60})
    by_sgd = chosen.with_overrides(training={"method": "sgd"})
    for earlier, unmarked in ((by_sgd, ("age", "dose", "ward")), (chosen, ("age",))):
        scaling, _ = yardsticks.prepare(earlier, load_hospitals(earlier, None, tables), "cpu")
        later = chosen.model_copy(update={"carry_over": CarryOver(study="ab" * 32, constants=scaling.to_json())})
        carried = statistics.carried(later)
        assert carried is not None
        assert carried.unmarked == unmarked
    assert scaling.unmarked == ("age",)


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
