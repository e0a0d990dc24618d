"""A run on one machine leaves out the columns that a study between hospitals would, and says so."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from tests import simulator

from cipherward.errors import RefusedError
from cipherward.report import page
from cipherward.runs.prediction import predict_rows
from cipherward.simulation.simulate import run_study
from cipherward.study import Study


def tables(folder: Path, *lacking: int) -> Path:
    """The usual tables; these hospitals have no column `dose`."""
    made = simulator.write_tables(folder / "tables", 5)
    for index in lacking:
        path = made / f"clinic-{index}.csv"
        pl.read_csv(path).drop("dose").write_csv(path)
    return made


def one_round(**sections: object) -> Study:
    return simulator.study(5, training={"rounds": 1}, **sections)


def test_a_column_that_too_few_hospitals_fill_is_left_out_and_the_run_says_so(tmp_path: Path) -> None:
    base = tables(tmp_path, 1, 2)
    result = run_study(one_round(), base=base, out=tmp_path / "run", device="cpu")
    assert list(result.summary["columns_left_out"]) == ["dose"]
    assert "3 hospitals fill it in one block of hospitals; at least 4" in result.summary["columns_left_out"]["dose"]
    assert simulator.holds(result.path)
    page.write(result.path)
    assert "Columns of the study that were left out" in (result.path / "report.html").read_text("utf-8")
    pl.read_csv(base / "clinic-1.csv").write_csv(tmp_path / "new.csv")  # which has no dose
    assert len(predict_rows(result.path, tmp_path / "new.csv").scores) == 90


def test_a_hospital_without_a_column_that_enough_others_fill_takes_part(tmp_path: Path) -> None:
    result = run_study(one_round(), base=tables(tmp_path, 1), out=tmp_path / "run", device="cpu")
    assert result.summary["columns_left_out"] == {}
    assert simulator.contributors(result.path)[0] == [1, 2, 3, 4, 5]
    assert simulator.holds(result.path)


def test_where_everybody_may_be_singled_out_nothing_is_left_out(tmp_path: Path) -> None:
    chosen = one_round(singled_out="all")
    result = run_study(chosen, base=tables(tmp_path, 1, 2, 3, 4), out=tmp_path / "run", device="cpu")
    assert result.summary["columns_left_out"] == {}


def test_a_run_without_any_column_left_is_refused(tmp_path: Path) -> None:
    base = tables(tmp_path, 1, 2)
    alone = one_round(columns=[{"name": "dose", "kind": "numeric", "minimum": -8.0, "maximum": 8.0}])
    for index in (1, 2):
        path = base / f"clinic-{index}.csv"
        pl.read_csv(path).with_columns(dose=pl.lit(None)).write_csv(path)
    with pytest.raises(RefusedError, match="no column of the study 'tiny' is left"):
        run_study(alone, base=base, out=tmp_path / "run", device="cpu")
