"""Exact sums count a column on one grid in all studies over a register: two grids show the few rows between two edges."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from tests import simulator
from tests.simulator import World

from cipherward.errors import DeclinedError, UnfitUpdateError
from cipherward.parties.grids import ANOTHER_GRID, OTHER_GROUPS, OTHER_PREDICTED, Grids
from cipherward.parties.policy import SIMULATION, Policy
from cipherward.store.ledger import Ledger
from cipherward.study import Study
from cipherward.tasks import imputation
from cipherward.tasks.catalogue import begin, make_task

ONE_GRID = dataclasses.replace(SIMULATION, one_grid=True)


def over(maximum: float = 8.0, missing: list[str] | None = None, **more: Any) -> Study:
    """The cohort table with another range of ages, or another code for no value."""
    columns = simulator.document(5)["columns"]
    columns[0] |= {"maximum": maximum, "missing": missing or []}
    return simulator.study(5, columns=columns, **({"task": "describe", "name": "first"} | more))


def again(first: World, folder: Path, chosen: Study, policy: Policy) -> World:
    """Another study of the same hospitals with the same ledgers and rows."""
    second = World(folder, chosen, policy=policy, identities={i: first.keys.identities[i] for i in range(6)})
    for i in second.sites:
        first.sites[i].ledger.close()
        second.give_ledger(i, Ledger(first.sites[i].ledger.path))
    return second


def next_sum(world: World) -> str:
    """Runs the next sum; why it is not opened, where hospitals decline it."""
    try:
        world.run_sums(1)
    except DeclinedError as error:
        return error.message
    return ""


def counted(world: World) -> NDArray[np.int64]:
    """Ages that were counted, by outcome."""
    return np.asarray(world.hub.state.inner.first["present"])[:2]


def patients_age(world: World) -> tuple[str, int]:
    """An age that one patient of clinic-2 has, and the outcome."""
    data = world.sites[2].work.data
    return f"{data.table['age'][5]:.4f}", int(data.outcome[5])


def test_two_lists_of_missing_codes_show_one_patients_outcome_and_are_refused(tmp_path: Path) -> None:
    for policy, is_refused in ((SIMULATION, False), (ONE_GRID, True)):
        folder = tmp_path / str(is_refused)
        with World(folder / "first", over(), policy=policy) as first:
            assert next_sum(first) == ""
            age, outcome = patients_age(first)
            with again(first, folder / "second", over(missing=[age], name="second"), policy) as second:
                said = next_sum(second)
                if is_refused:
                    assert ANOTHER_GRID in said
                    assert second.run.rounds_with_openings() == []
                else:
                    assert (counted(first) - counted(second)).tolist() == [1 - outcome, outcome]


OTHERS: dict[str, dict[str, Any]] = {
    "range": {"maximum": 2.0},
    "bins": {"settings": {"bins": 32}},
    "range, for training": {"maximum": 2.0, "task": "train"},
    "range, for Newton steps": {
        "maximum": 2.0,
        "task": "train",
        "training": {"batch_size": 0, "learning_rate": 0.05},
    },
}


@pytest.mark.parametrize("edit", OTHERS)
def test_another_grid_is_refused_whatever_asks_and_the_way_out_is_the_first_one(tmp_path: Path, edit: str) -> None:
    with World(tmp_path / "first", over(), policy=ONE_GRID) as first:
        assert next_sum(first) == ""
        with again(first, tmp_path / "second", over(name="second", **OTHERS[edit]), ONE_GRID) as second:
            assert ANOTHER_GRID in next_sum(second)
            (told, *_) = simulator.log(second.run.path, "declined")
            assert "column 'age' was counted before with" in told["reason"]
            assert "use the column as it was used before" in told["hint"]
            with again(second, tmp_path / "third", over(name="third", task="train"), ONE_GRID) as third:
                assert next_sum(third) == ""


def test_the_same_range_in_another_unit_is_another_grid_and_a_ledger_of_before_learns_the_unit(tmp_path: Path) -> None:
    """Where tables become what a study declares, a unit of a suitable size cuts one patient's value alone."""

    def in_unit(unit: str) -> Study:
        columns = simulator.document(5)["columns"]
        columns[0] |= {"unit": unit}
        return simulator.study(5, columns=columns, task="describe")

    grids, name = Grids(Ledger(tmp_path / "ledger.db"), "table"), "grid table age"
    grids.hold(begin(in_unit("a")))
    (problem,) = grids.problems(in_unit("101.a/100"), make_task(in_unit("101.a/100")))
    assert problem == "column 'age' was counted before with unit a, and now with 101.a/100"
    known = json.loads(grids.ledger.standing(name))
    del known["unit"]
    grids.ledger.record_standing(name, json.dumps(known).encode())
    grids.hold(begin(in_unit("mo")))
    assert json.loads(grids.ledger.standing(name))["unit"] == "mo"


def test_bins_stay_through_a_study_that_counts_in_none(tmp_path: Path) -> None:
    grids = Grids(Ledger(tmp_path / "ledger.db"), "table")
    for chosen in (over(), over(task="train")):
        grids.hold(begin(chosen))
    other = over(settings={"bins": 32})
    assert "column 'age' was counted before with bins 64, and now with 32" in grids.problems(other, make_task(other))


def test_columns_that_were_left_out_may_be_listed_again_and_are_then_left_out_or_refused(tmp_path: Path) -> None:
    columns = simulator.document(5)["columns"]
    for column in columns[:2]:
        column["impute"] = "regression"
    chosen = simulator.study(5, columns=columns)
    grids = Grids(Ledger(tmp_path / "ledger.db"), "table")
    kept = {"columns": ["age"], "listed": ["age", "dose"], "rows": 0}
    grids.ledger.record_standing("predicted table", json.dumps(kept).encode())
    assert grids.problems(chosen, make_task(chosen)) == {}
    with pytest.raises(UnfitUpdateError, match="predicted before of age, and now of age, dose"):
        grids.hold(begin(chosen))


def with_rare_wards(world: World) -> World:
    """Clinic-2 has a patient in ward D, whom nobody else has, and three in ward E."""
    for index, site in world.sites.items():
        data = site.work.data
        wards = ["AABC"[place % 4] for place in range(len(data.outcome))]
        if index == 2:
            wards[:4] = ["D", "E", "E", "E"]
        site.work.data = dataclasses.replace(data, table=data.table.with_columns(pl.Series("ward", wards)))
    return world


def wards(*categories: str, name: str = "first") -> Study:
    """The cohort table by these wards; those that it does not list are `other`."""
    columns = [
        *simulator.document(5)["columns"][:2],
        {"name": "ward", "kind": "categorical", "categories": [*categories, "other"]},
    ]
    return simulator.study(5, task="describe", name=name, columns=columns)


def in_wards(world: World, study: Study) -> dict[str, NDArray[np.int64]]:
    """What clinic-2 counts by outcome in each ward that the study lists, under `cell_min` 10."""
    site, task = world.sites[2], make_task(study)
    work = dataclasses.replace(site.work, cell_min=10)
    listed = study.columns[2].categories
    known = [ward if ward in listed else "other" for ward in site.work.data.table["ward"]]
    work.data = dataclasses.replace(work.data, table=work.data.table.with_columns(pl.Series("ward", known)))
    counts = task.answer(task.first(), work)["categories"].reshape(2, -1)
    return {ward: counts[:, place] for place, ward in enumerate(listed)}


def test_two_lists_of_categories_show_one_patients_outcome_and_are_refused(tmp_path: Path) -> None:
    ten = dataclasses.replace(ONE_GRID, cell_min=10)
    with with_rare_wards(World(tmp_path / "first", wards("A", "B", "C", "D", "E"), policy=ten)) as first:
        # Others are C, D and E; or C and E, while D counts as without a value: each of these cells has ten rows.
        whole, less = (in_wards(first, wards(*listed))["other"] for listed in (("A", "B"), ("A", "B", "D")))
        outcome = int(first.sites[2].work.data.outcome[0])
        assert (whole - less).tolist() == [1 - outcome, outcome]
        assert next_sum(first) == ""
        for listed in (("A", "B"), ("A", "B", "C", "D")):
            with with_rare_wards(again(first, tmp_path / listed[-1], wards(*listed, name="second"), ten)) as second:
                assert ANOTHER_GRID in next_sum(second)
                (told, *_) = simulator.log(second.run.path, "declined")
                assert "column 'ward' was counted before with categories A, B, C, D, E, other" in told["reason"]


def test_numbers_are_not_counted_as_categories_afterwards(tmp_path: Path) -> None:
    with World(tmp_path / "first", over(), policy=ONE_GRID) as first:
        assert next_sum(first) == ""
        columns = simulator.document(5)["columns"]
        columns[0] = {"name": "age", "kind": "categorical", "categories": ["1", "other"]}
        grids = Grids(first.sites[2].ledger, "table")
        asked = simulator.study(5, task="describe", columns=columns)
        (problem,) = grids.problems(asked, make_task(asked))
        assert problem == "column 'age' was counted before as numbers, and now as categories"


def test_groups_of_scores_that_differ_by_one_row_show_its_outcome_and_are_refused(tmp_path: Path) -> None:
    def study(rows: int, name: str) -> Study:
        return simulator.study(5, name=name, evaluation={"group_rows": rows, "bins": 2048}, training={"rounds": 1})

    with World(tmp_path / "first", study(10, "first"), policy=ONE_GRID, rows=200) as first:
        first.run_sums(2)
        state, work = first.hub.state, first.sites[2].work
        tens, elevens = (make_task(study(rows, "any")).answer(state.inner, work)["test/positive"] for rows in (10, 11))
        up_to_ten, up_to_eleven = (int(found[np.flatnonzero(found)[:1]].sum()) for found in (tens, elevens))
        assert up_to_eleven - up_to_ten in (0, 1)  # the outcome of one row, where both first groups have some
        first.run_sums()
        with again(first, tmp_path / "second", study(11, "second"), ONE_GRID) as second:
            assert OTHER_GROUPS in next_sum(second)
            (told, *_) = simulator.log(second.run.path, "declined")
            assert told["reason"] == "scores were counted before in groups of 10 rows, and now of 11"
            assert "evaluation.group_rows" in told["hint"]
            fives = study(5, "third")
            of_ten, of_five = (Grids(second.sites[2].ledger, "table", least) for least in (10, 5))
            assert of_ten.problems(fives, make_task(fives)) == {}, "a group has as many rows as the policy asks for"
            assert list(of_five.problems(fives, make_task(fives))) == [
                "scores were counted before in groups of 10 rows, and now of 5"
            ]


def test_other_bands_and_other_categories_of_subgroups_are_refused(tmp_path: Path) -> None:
    """Two edges of a band show the outcomes of the few rows between them; so do two lists of categories."""

    def study(name: str, edge: float, *categories: str) -> Study:
        columns = simulator.document(5)["columns"]
        columns[2]["categories"] = list(categories)
        subgroups = [{"column": "age", "edges": [edge]}, {"column": "ward"}]
        chosen = {"evaluation": {"subgroups": subgroups}, "training": {"rounds": 1}}
        return simulator.study(5, name=name, columns=columns, **chosen)

    with World(tmp_path / "first", study("first", 0.0, "A", "B"), policy=ONE_GRID, rows=200) as first:
        assert next_sum(first) == ""
        others = {
            "column 'age' was counted before in bands that begin at 0, and now at 0.01": study("bands", 0.01, "A", "B"),
            "column 'ward' was counted before with categories A, B, and now with A, B, C": study(
                "c", 0.0, "A", "B", "C"
            ),
        }
        for said, other in others.items():
            with again(first, tmp_path / other.name, other, ONE_GRID) as second:
                assert ANOTHER_GRID in next_sum(second)
                (told, *_) = simulator.log(second.run.path, "declined")
                assert told["reason"] == said
                first = second
        with again(first, tmp_path / "same", study("same", 0.0, "A", "B"), ONE_GRID) as second:
            assert next_sum(second) == ""


def test_missing_values_of_other_columns_predicted_show_few_rows_and_are_refused(tmp_path: Path) -> None:
    """Rows with a value of one column less rows with a value of the other: each of two studies may have one of these sums."""

    def study(name: str, *predicted: str) -> Study:
        columns = simulator.document(5)["columns"]
        for column in columns:
            column |= {"impute": "regression"} if column["name"] in predicted else {}
        return simulator.study(5, name=name, columns=columns, training={"rounds": 1})

    def one_lacks_a_dose(world: World) -> World:
        data = world.sites[2].work.data
        dose = data.table["dose"].to_numpy().copy()
        dose[np.flatnonzero(data.split == 0)[3]] = np.nan
        table = data.table.with_columns(pl.Series("dose", dose).fill_nan(None))
        world.sites[2].work.data = dataclasses.replace(data, table=table)
        return world

    with one_lacks_a_dose(World(tmp_path / "first", study("first", "age"), policy=ONE_GRID, rows=200)) as first:
        first.run_sums(2)
        asked = [begin(study("any", name)) for name in ("age", "dose")]
        work = first.sites[2].work
        rows = [imputation.counted(work.data.table, each.task.predicted(), 0).sum() for each in asked]
        assert rows[0] - rows[1] == 1
        with one_lacks_a_dose(again(first, tmp_path / "second", study("second", "dose"), ONE_GRID)) as second:
            assert OTHER_PREDICTED in next_sum(second)
            (told, *_) = simulator.log(second.run.path, "declined")
            assert told["reason"] == "missing values were predicted before of age, and now of dose"
            assert "(impute)" in told["hint"]
            grids = Grids(second.sites[2].ledger, "table")
            both = study("both", "age", "dose")
            (problem,) = grids.problems(both, make_task(both))
            assert problem == "missing values were predicted before of age, and now of age, dose"
            other = Grids(second.sites[2].ledger, "table", cell_min=10)
            *_, problem = other.problems(both, make_task(study("x", "age")))
            assert problem.endswith("counted before in groups of 0, and now of 10")
            with one_lacks_a_dose(again(second, tmp_path / "third", study("third", "age"), ONE_GRID)) as third:
                assert next_sum(third) == ""
                with one_lacks_a_dose(again(third, tmp_path / "fourth", study("fourth"), ONE_GRID)) as fourth:
                    assert next_sum(fourth) == ""


def test_sums_with_noise_need_no_grid_and_set_none(tmp_path: Path) -> None:
    noisy = {"enabled": True, "epsilon": 40.0, "delta": 1e-5}
    with World(tmp_path / "first", over(noise=noisy), policy=ONE_GRID, rows=300) as first:
        assert next_sum(first) == ""
        with again(first, tmp_path / "second", over(maximum=2.0, name="second"), ONE_GRID) as second:
            assert next_sum(second) == ""
