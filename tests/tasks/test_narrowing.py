"""Under noise a column whose values fill a small part of its declared range keeps its resolution, within the same budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import simulator

from cipherward.data.partition import TRAIN
from cipherward.data.preprocess import Preprocessor
from cipherward.data.robust_constants import BINS
from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.errors import DataError, StudyError
from cipherward.privacy import records
from cipherward.runs import exposure
from cipherward.simulation.simulate import run_study
from cipherward.study import Study, load_builtin
from cipherward.tasks import narrowing, noise, preparing, statistics
from cipherward.tasks.catalogue import begin, make_task
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.narrowing import WHOLE

WIDE = (-235.0, 265.0)
"""Of which 95 % of ages fill one hundredth."""


def study(*, narrow: bool = True, age: tuple[float, float] = WIDE, **more: Any) -> Study:
    columns = simulator.document(5)["columns"]
    columns[0] |= {"minimum": age[0], "maximum": age[1]}
    asked = {"enabled": True, "epsilon": 1.0, "delta": 1e-6, "narrow": narrow}
    return simulator.study(5, **({"columns": columns, "noise": asked, "training": {"rounds": 2}} | more))


def frozen(chosen: Study) -> Study:
    return chosen.with_overrides(noise=noise.stated(chosen, make_task(chosen)))


def scaling_of(chosen: Study, hospitals: list[HospitalData]) -> Preprocessor:
    """What the sums before training lead to, noise included."""
    state = begin(frozen(chosen))
    works = [HospitalWork(k, data, "cpu", lambda: 0.0) for k, data in enumerate(hospitals)]
    while state.asked.purpose in ("ranges", "statistics"):
        lanes = [state.layout.encode(at.values(state)) for at in works]
        opened = np.sum(np.stack(lanes).astype(np.int64), axis=0)
        state = state.after(state.layout.decode(opened, len(works)), len(works))
    found = state.model.preprocessor if state.model else None
    assert isinstance(found, Preprocessor)
    return found


@pytest.fixture(scope="module")
def hospitals(tmp_path_factory: pytest.TempPathFactory) -> list[HospitalData]:
    folder = simulator.write_tables(tmp_path_factory.mktemp("tables"), 5, rows=4_000)
    return load_hospitals(study(), None, folder)


@pytest.mark.parametrize("scale", ["standard", "robust"])
def test_a_column_that_fills_a_hundredth_of_its_range_keeps_its_scale(
    hospitals: list[HospitalData], scale: str
) -> None:
    ages = np.concatenate([each.table["age"].to_numpy()[each.split == TRAIN] for each in hospitals])
    found = {}
    for narrow in (False, True):
        scaling = scaling_of(study(narrow=narrow, training={"rounds": 2, "scale": scale}), hospitals)
        width = WIDE[1] - WIDE[0]
        found[narrow] = WIDE[0] + width * scaling.mean[0], width * scaling.stddev[0]
    assert found[True][1] == pytest.approx(ages.std(), rel=0.4)
    assert found[True][0] == pytest.approx(ages.mean(), abs=0.2)
    assert found[False][1] > (5.0 if scale == "standard" else 1.25) * ages.std()


def test_a_fit_by_newton_steps_over_narrowed_ranges_knows_of_which_columns_few_rows_lack_a_value(
    hospitals: list[HospitalData],
) -> None:
    slight = {"enabled": True, "epsilon": 50.0, "delta": 1e-6, "narrow": True}
    by_newton = study(training={"rounds": 10, "batch_size": 0, "learning_rate": 0.05}, noise=slight)
    assert by_newton.fits_by_newton
    assert scaling_of(by_newton, hospitals).unmarked == ("age", "dose", "ward")
    assert scaling_of(study(), hospitals).unmarked is None


def test_a_column_that_fills_its_range_is_asked_as_before(hospitals: list[HospitalData]) -> None:
    chosen = frozen(study(age=(-4.0, 4.0)))
    sums = {
        name: np.sum([narrowing.answer(chosen, each)[0][name] for each in hospitals], axis=0) for name in ("histogram",)
    }
    parts = narrowing.parts(chosen, sums, 5)
    assert parts[0] == WHOLE
    assert narrowing.narrowed(chosen, (WHOLE,) * len(parts)) == chosen
    plain = frozen(study(narrow=False, age=(-4.0, 4.0)))
    assert (
        statistics.question(narrowing.narrowed(chosen, (WHOLE,) * len(parts))).parameters
        == statistics.question(plain).parameters
    )


@given(st.lists(st.integers(0, BINS - 1), min_size=1, max_size=400), st.integers(0, 200), st.integers(1, 60))
@settings(max_examples=200)
def test_without_noise_no_value_lies_beyond_the_part_that_is_left(places: list[int], start: int, width: int) -> None:
    inside = [start + place % width for place in places]
    counts = np.bincount(np.minimum(inside, BINS - 1), minlength=BINS)
    low, high = narrowing.part(counts, 0.0)
    assert counts[:low].sum() == counts[high:].sum() == 0
    used = np.flatnonzero(counts)
    assert (low, high) == WHOLE or high - low <= min(2 * (used[-1] - used[0] + 1) + 2, BINS // 4)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ({120: 65}, (119, 122)),
        ({120: 64}, WHOLE),
        ({100: 100, 119: 100}, (90, 130)),
        ({50: 32, 120: 100}, (119, 122)),
        ({50: 33, 120: 100}, WHOLE),
    ],
    ids=["rows enough", "too few", "half as many bins on either side", "noise, surely not rows", "rows far apart"],
)
def test_a_part_is_left_where_rows_are_surely_there_and_enough_of_them(
    rows: dict[int, int], found: tuple[int, int]
) -> None:
    """Noise of one row on a bin: 4 x 16 on all, and 4.5 x sqrt(51) = 32.1 on the first 51."""
    counts = np.zeros(BINS, np.int64)
    counts[list(rows)] = list(rows.values())
    assert narrowing.part(counts, 1.0) == found


@pytest.mark.parametrize("seed", range(20))
def test_noise_alone_narrows_nothing_and_few_rows_lie_beyond_what_is_left(seed: int) -> None:
    source, stddev = np.random.default_rng(seed), 40.0
    drawn = np.rint(source.normal(0.0, stddev, BINS)).astype(np.int64)
    counts = np.bincount(
        np.clip(np.rint(source.normal(100.0, 2.0, 20_000)), 0, BINS - 1).astype(np.int64), minlength=BINS
    )
    low, high = narrowing.part(counts + drawn, stddev)
    assert (low, high) != WHOLE
    assert counts[:low].sum() + counts[high:].sum() < 2 * 4.5 * stddev * np.sqrt(BINS)
    assert narrowing.part(drawn, stddev) == WHOLE


def test_the_budget_is_shared_by_both_sums_and_each_is_charged(tmp_path: Path) -> None:
    chosen = study(noise={"enabled": True, "epsilon": 8.0, "delta": 1e-6, "narrow": True})
    task = make_task(chosen)
    assert task.noisy_answers() == 2
    assert make_task(study(narrow=False)).noisy_answers() == 1
    assert frozen(chosen).noise.noise_multiplier == records.multiplier(8.0, 1e-6, 2)
    asked = [question for question, _ in task.plan()]
    assert [each.purpose for each in asked] == ["ranges", "statistics", "train", "evaluate"]
    assert all((each.sensitivity is not None) == (each.purpose in ("ranges", "statistics")) for each in asked)
    tables = simulator.write_tables(tmp_path / "tables", 5, rows=600)
    result = run_study(chosen, base=tables, out=tmp_path / "run", device="cpu")
    assert simulator.holds(result.path)
    low, high = result.summary["narrowed"]["age"]
    assert WIDE[0] < low < -2.0
    assert 2.0 < high < WIDE[1]
    found = exposure.of_path(result.path)
    assert [bool(one.noise) for one in found.sums][:3] == [True, True, False]
    assert found.budget[0].spent == pytest.approx(8.0, rel=0.01)


def test_an_outcome_that_is_a_number_is_narrowed_too(hospitals: list[HospitalData]) -> None:
    data = {"outcome": "dose", "outcome_type": "continuous", "outcome_minimum": -300.0, "outcome_maximum": 300.0}
    columns = [
        {**simulator.document(5)["columns"][0], "minimum": WIDE[0], "maximum": WIDE[1]},
        simulator.document(5)["columns"][2],
    ]
    found = {}
    for narrow in (False, True):
        chosen = study(narrow=narrow, data=data, columns=columns, model={"kind": "linear"}, training={})
        own = [
            HospitalData(h.name, h.table.select("age", "ward"), h.table["dose"].to_numpy(), h.split, cluster=h.cluster)
            for h in hospitals
        ]
        found[narrow] = 600.0 * scaling_of(chosen, own).outcome[1]
    doses = np.concatenate([each.table["dose"].to_numpy()[each.split == TRAIN] for each in hospitals])
    assert found[True] == pytest.approx(doses.std(), rel=0.4)
    assert found[False] > 5.0 * doses.std()


def test_logarithms_are_not_narrowed_and_sums_of_other_columns_are_refused() -> None:
    columns = simulator.document(5)["columns"]
    columns[0] |= {"minimum": 0.0, "maximum": 8.0, "transform": "log1p"}
    chosen = frozen(study(columns=columns))
    assert [column.name for column in narrowing.columns_of(chosen)] == ["dose"]
    with pytest.raises(DataError, match="one histogram"):
        narrowing.parts(chosen, {"histogram": np.zeros(3, dtype=np.int64)}, 5)


def test_without_noise_nothing_more_is_asked() -> None:
    exact = study(noise={"enabled": False, "narrow": True})
    assert preparing.question(exact, begin(exact).inner.model, None) == statistics.question(exact)


def test_a_task_that_scales_nothing_refuses_it_and_other_studies_are_the_documents_that_they_were() -> None:
    with pytest.raises(StudyError, match="narrows no ranges"):
        make_task(study(task="describe", training={}))
    assert "narrow" not in load_builtin("readmission").model_dump(mode="json")["noise"]
