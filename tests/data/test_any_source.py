"""A data source that the rest of the software has never heard of is checked, read, run from and named in the report."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from tests import simulator
from tests.data.one_workbook import Workbook

from cipherward.data import catalogue
from cipherward.data.sources import load_hospitals
from cipherward.errors import DataError, StudyError
from cipherward.report import page
from cipherward.simulation.simulate import run_study
from cipherward.tasks.catalogue import make_task

DATA = {"source": "workbook", "path": "book.json", "sheet": "trial"}


@pytest.fixture(autouse=True)
def in_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalogue.SOURCES, "workbook", Workbook)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    tables = sorted(simulator.write_tables(tmp_path / "tables", 4).glob("*.csv"))
    sheet = {path.stem: pl.read_csv(path).to_dict(as_series=False) for path in tables}
    (tmp_path / "book.json").write_text(json.dumps({"trial": sheet}), "utf-8")
    return tmp_path


def test_it_runs_and_is_verified_and_named_in_the_report(book: Path) -> None:
    path = run_study(simulator.study(4, data=DATA), base=book, out=book / "run", device="cpu").path
    assert simulator.holds(path)
    page.write(path)
    assert "one workbook for all hospitals" in (path / "report.html").read_text()


def test_the_rows_are_those_of_the_same_tables_in_files(book: Path) -> None:
    from_book = load_hospitals(simulator.study(4, data=DATA), None, book)
    from_files = load_hospitals(simulator.study(4), None, book / "tables")
    assert [one.table.equals(other.table) for one, other in zip(from_book, from_files, strict=True)] == [True] * 4


def test_what_does_not_fit_it_is_said_by_name(book: Path) -> None:
    with pytest.raises(StudyError, match=r"data\.sheet: the name of the sheet is needed"):
        make_task(simulator.study(4, data={"source": "workbook"}))
    with pytest.raises(DataError, match=r'data\.sheet: source "files" has no such setting$'):
        load_hospitals(simulator.study(4, data={"sheet": "trial"}), None, book)
    with pytest.raises(DataError, match=r"no such setting; did you mean 'patient_column'\?"):
        load_hospitals(simulator.study(4, data={"patient": "id"}), None, book)
    with pytest.raises(DataError, match="clinic-5: the workbook has no table of this hospital"):
        load_hospitals(simulator.study(5, data=DATA), None, book)
