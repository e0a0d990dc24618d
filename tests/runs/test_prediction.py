from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from tests import simulator

from cipherward.errors import DataError
from cipherward.runs.prediction import EMPTY, predict, predict_rows
from cipherward.simulation.simulate import run_study

HEADER = "id,age,dose,ward"
ROWS = ["a,0.5,1.25,A", 'b,,"",', "c,99,-1,B", "d,nan,2,A", "=e,-3.5,0,B"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulator.run(tmp_path_factory.mktemp("predict"), simulator.study(3, training={"rounds": 1})).path


def write(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def test_a_row_alone_and_among_others_gets_the_same(run: Path, tmp_path: Path) -> None:
    together = predict_rows(run, write(tmp_path / "all.csv", ROWS * 300), id_column="id")
    for place, row in enumerate(ROWS):
        alone = predict_rows(run, write(tmp_path / "one.csv", [row]), id_column="id")
        assert alone.scores.tolist() == [together.scores[place]]
        assert alone.assumed == together.assumed[place : place + 1]
        assert (
            alone.to_csv().splitlines()[1].split(",", 1)[1]
            == together.to_csv().splitlines()[place + 1].split(",", 1)[1]
        )


def test_each_row_says_what_was_assumed_for_it_and_keeps_its_number_and_id(run: Path, tmp_path: Path) -> None:
    table = write(tmp_path / "t.csv", [*ROWS[:2], "", *ROWS[2:]])
    found = predict_rows(run, table, id_column="id")
    lines = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert [line["row"] for line in lines] == ["1", "2", "4", "5", "6"]
    assert [line["id"] for line in lines] == ["a", "b", "c", "d", "=e"]
    assert lines[0]["assumed"] == ""
    assert lines[1]["assumed"] == EMPTY
    assert lines[2]["assumed"] == "age 99 outside the declared range, cut to 8"
    assert lines[3]["assumed"] == "age missing"
    assert np.array_equal(predict(run, table), found.scores)


def test_how_numbers_are_written_is_said_once_and_no_row_rests_on_it(run: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id;age;dose;ward\na;0,5;1,25;A\nb;-0,5;1;A\nc;;2,5;B\n")
    found = predict_rows(run, tmp_path / "t.csv")
    assert found.assumed == ("", "", "age missing")
    assert found.notes[1:] == (
        "column 'age': number with a decimal comma, read as that number, in 2 row(s)",
        "column 'dose': number with a decimal comma, read as that number, in 2 row(s)",
    )
    (tmp_path / "many.csv").write_text("id;age;dose;ward\na;0,5;1.234.567;A\n")
    many = predict_rows(run, tmp_path / "many.csv")
    assert many.assumed[0].startswith("dose 1.23457e+06 outside the declared range, cut to")
    assert "column 'dose': number with marks between thousands, read as that number, in 1 row(s)" in many.notes
    plain = write(tmp_path / "plain.csv", ["a,0.5,1.25,A", "b,-0.5,1,A", "c,,2.5,B"])
    assert found.scores.tolist() == predict_rows(run, plain).scores.tolist()


def test_a_missing_category_that_counts_as_another_one_is_said(tmp_path: Path) -> None:
    unset = {"rounds": 10, "batch_size": 0, "learning_rate": 0.05}  # so it is fitted by Newton steps
    path = simulator.run(tmp_path, simulator.study(3, training=unset)).path
    assert json.loads((path / "result.json").read_text())["missing_is_no_input"] == ["age", "dose", "ward"]
    found = predict_rows(path, write(tmp_path / "t.csv", ["a,0.5,,", "b,0.5,1,B", "c,0.5,1,"]))
    assert found.assumed == ("dose missing; ward missing, counts as 'B'", "", "ward missing, counts as 'B'")
    assert found.scores[1] == found.scores[2]


QUICK_TREES = {"floors": False, "leaf_rows": 20, "stages": 2, "trees": 4, "max_depth": 3}


@pytest.mark.parametrize(("task", "kind"), [("points", "points"), ("boost", "boosted-trees")])
def test_models_of_bins_say_what_a_rare_unknown_or_missing_value_counts_as(
    task: str, kind: str, tmp_path: Path
) -> None:
    columns = [
        {"name": "age", "kind": "numeric", "minimum": -8.0, "maximum": 8.0},
        {"name": "dose", "kind": "numeric", "minimum": 1000.0, "maximum": 9000.0},
        {"name": "ward", "kind": "categorical", "categories": ["A", "B", "C", "other"]},
    ]
    sections = {"task": task, "model": {"kind": kind}, "columns": columns}
    if task == "boost":
        sections |= {"settings": QUICK_TREES, "training": {}}
    folder = simulator.write_tables(tmp_path / "tables", 4)
    for table in folder.glob("*.csv"):  # nearly everybody has the same
        header, *rows = [line.split(",") for line in table.read_text().splitlines()]
        table.write_text("\n".join(",".join(each) for each in [header, *([a, "5000", w, o] for a, _, w, o in rows)]))
    path = run_study(simulator.study(4, **sections), base=folder, out=tmp_path / "run", device="cpu").path
    found = predict_rows(path, write(tmp_path / "t.csv", ["a,0,2000,A", "b,0,,C", "c,0,,X", "d,,2000,", "e,,,"]))
    shared = "A" if "A" in found.assumed[0] else "B"  # the rarest that is kept
    together = {"C": f"'{shared}', 'other', no value", "other": f"'{shared}', 'C', no value"}
    own = "ward 'A' counts as one with 'C', 'other', no value" if shared == "A" else ""
    assert found.assumed[0] == own
    assert found.assumed[1] == f"ward 'C' counts as one with {together['C']}"
    assert found.assumed[2] == (
        f"ward: category not declared, read as other; ward 'other' counts as one with {together['other']}"
    )
    age, _, ward = found.assumed[3].partition("; ")
    assert age.startswith("age missing, counts as ")
    assert ward == f"ward missing, counts as one with '{shared}', 'C', 'other'"
    assert found.assumed[4] == EMPTY
    assert "not looked at by this model: 'dose'" in found.notes


def test_values_that_are_all_outside_the_range_are_flagged_not_refused(run: Path, tmp_path: Path) -> None:
    found = predict_rows(run, write(tmp_path / "t.csv", ["a,50,50,A", "b,50,50,B"]))
    assert all("cut to 8" in text for text in found.assumed)


def test_a_column_to_carry_must_be_there(run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column 'name'"):
        predict_rows(run, write(tmp_path / "t.csv", ROWS), id_column="name")


def test_a_column_to_carry_is_not_called_like_one_of_the_output(run: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("row,age,dose,ward\nr1,0.5,1.25,A\n")
    with pytest.raises(DataError, match="a column 'row' of its own"):
        predict_rows(run, table, id_column="row")


def test_order_further_columns_and_separators_change_no_prediction_and_a_missing_column_is_named(
    run: Path, tmp_path: Path
) -> None:
    table = tmp_path / "t.csv"
    wanted = predict(run, write(table, ROWS[:1]))
    for text in ("ward;note;dose;age\nA;x,y;1.25;0.5\n", "age,dose,ward,event,patient\n0.5,1.25,A,1,p\n"):
        table.write_text(text)
        assert predict(run, table).tolist() == wanted.tolist()
    table.write_text("Age,dose,ward\n0.5,1.25,A\n")
    with pytest.raises(DataError, match="'age' is missing; did you mean 'Age'"):
        predict(run, table)
    table.write_text("age,dose,ward\n")
    with pytest.raises(DataError, match="has no rows"):
        predict(run, table)
