"""`cipherward data check` and `data draft`, as people run them."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pyreadstat
import pytest
from tests.cli.test_cli import call

from cipherward import study as study_document
from cipherward.data import drafting
from cipherward.data.tables import read_table
from cipherward.errors import DataError

N = 400
SECRET = "Zaphod-Beeblebrox"


class Done(NamedTuple):
    """As `subprocess.CompletedProcess` has it."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """One command, in the folder of the table."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: Done(*call(capsys, *arguments))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    frame = pl.DataFrame(
        {
            "patient_id": [f"p{i // 2}" for i in range(N)],
            "age": [20 + i * 7 % 70 if i != 5 else 119 for i in range(N)],
            "crp": ["-9" if i % 16 == 0 else f"{i * 7 % 90},5" for i in range(N)],
            "ward": [SECRET if i == 7 else ("medical", "surgical", "")[i % 3] for i in range(N)],
            "admitted": [f"2024-0{1 + i % 9}-1{i % 10}" for i in range(N)],
            "note": [f"seen {SECRET} {i}" for i in range(N)],
            "sex": [1 + i % 2 for i in range(N)],
            "readmitted": [int(i % 5 == 0) for i in range(N)],
        }
    )
    frame.write_csv(tmp_path / "t.csv", separator=";")
    return tmp_path / "t.csv"


def test_a_draft_fits_its_own_table_and_holds_no_rare_cell(run: Run, table: Path) -> None:
    done = run("data", "draft", table)
    assert done.returncode == 0, done.stderr
    text = (table.parent / "study.toml").read_text()
    study = study_document.load(table.parent / "study.toml")
    assert SECRET not in text + done.stdout
    assert "119" not in text
    found = {column.name: column for column in study.columns}
    assert set(found) == {"age", "crp", "ward", "sex"}
    assert (study.data.outcome, study.data.patient_column) == ("readmitted", "patient_id")
    assert found["ward"].categories == ("medical", "surgical", "other")
    assert found["crp"].missing == ("-9",)
    assert found["sex"].categories == ("1", "2")
    assert "column 'admitted': left out, a date" in done.stdout
    assert "column 'note': left out" in done.stdout
    checked = run("data", "check", table, "--study", "study.toml")
    assert checked.returncode == 0, checked.stdout
    assert f"{N} rows of {N // 2} patients; {N // 5} with the outcome" in checked.stdout
    assert f"{N // 16} changed: declared code for missing, read as no value" in checked.stdout
    assert f"{N - N // 16} changed: number with a decimal comma" in checked.stdout


def test_a_draft_of_a_statistics_file_names_the_labels_of_its_codes(run: Run, tmp_path: Path) -> None:
    frame = pl.DataFrame({"sex": [1.0 + i % 2 for i in range(N)], "died": [float(i % 5 == 0) for i in range(N)]})
    pyreadstat.write_sav(frame, str(tmp_path / "t.sav"), variable_value_labels={"sex": {1.0: "female", 2.0: "male"}})
    assert run("data", "draft", "t.sav").returncode == 0
    (column,) = study_document.load(tmp_path / "study.toml").columns
    assert column.categories == ("female", "male")
    done = run("data", "check", "t.sav", "--study", "study.toml")
    assert done.returncode == 0, done.stdout
    assert f"{N} changed: code with a label in the file, read as that label" in done.stdout


def test_a_draft_is_never_written_over_a_file(run: Run, table: Path) -> None:
    out = table.parent / "study.toml"
    out.write_text("mine")
    done = run("data", "draft", table)
    assert done.returncode == 1
    assert out.read_text() == "mine"
    assert run("data", "draft", table, "--force").returncode == 0
    assert tomllib.loads(out.read_text())["data"]["outcome"] == "readmitted"


def test_a_draft_without_an_outcome_says_which_columns_could_be(run: Run, table: Path) -> None:
    pl.read_csv(table, separator=";").rename({"readmitted": "back"}).write_csv(table)
    done = run("data", "draft", table)
    assert done.returncode == 1
    assert "columns with two values: sex, back" in done.stderr
    assert not (table.parent / "study.toml").exists()
    assert run("data", "draft", table, "--outcome", "back").returncode == 0
    wrong = run("data", "draft", table, "--outcome", "none", "--out", "x.toml")
    assert "has no column 'none' (--outcome)" in wrong.stderr


def test_a_table_that_does_not_fit_is_told_every_problem_with_its_remedy(run: Run, table: Path) -> None:
    run("data", "draft", table)
    frame = pl.read_csv(table, separator=";", infer_schema=False)
    frame = frame.rename({"age": "Age"}).with_columns(sex=pl.col("sex").replace("1", "3")).drop("ward")
    frame.write_csv(table)
    done = run("data", "check", table, "--study", "study.toml")
    assert done.returncode == 1
    assert "column 'age' is missing; did you mean 'Age'? Rename it" in done.stdout
    assert "column 'sex', row 1: unknown category: '3' (200 such row(s)); known: 1, 2" in done.stdout
    assert "ward" in done.stdout
    assert "not in the table, which may be" in done.stdout
    assert "does not fit the study: 2 problem(s)" in done.stdout
    told = json.loads(run("data", "check", table, "--study", "study.toml", "--json").stdout)
    assert told["fits"] is False
    assert len(told["problems"]) == 2
    assert told["rows"] == N
    assert {column["name"]: column["present"] for column in told["columns"]}["ward"] is False


def test_units_that_are_no_ucum_codes_are_said(run: Run, table: Path) -> None:
    run("data", "draft", table)
    study = table.parent / "study.toml"
    study.write_text(study.read_text().replace('name = "age"\n', 'name = "age"\nunit = "years"\n'))
    done = run("data", "check", table, "--study", "study.toml")
    assert "column 'age': the unit 'years' is no UCUM code; in UCUM it is 'a'" in done.stdout


@pytest.mark.parametrize(("name", "content"), [("none.csv", None), ("empty.csv", b""), ("t.bin", b"\x00\x01" * 99)])
def test_a_file_that_is_no_table_is_an_error_in_words(run: Run, name: str, content: bytes | None, table: Path) -> None:
    run("data", "draft", table)
    if content is not None:
        (table.parent / name).write_bytes(content)
    for command in (("data", "check", name, "--study", "study.toml"), ("data", "draft", name, "--out", "x.toml")):
        done = run(*command)
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert "what to do: " in done.stderr
        assert "Traceback" not in done.stderr
        assert not (table.parent / "x.toml").exists()
    told = run("data", "check", name, "--study", "study.toml", "--json")
    assert told.returncode == 1
    found = json.loads(told.stdout)
    assert found["fits"] is False
    assert name in found["problems"][0]


def test_a_model_with_more_parameters_than_the_table_has_rows_is_noted(run: Run, table: Path) -> None:
    assert run("data", "draft", table).returncode == 0
    path = table.parent / "study.toml"
    small = run("data", "check", table, "--study", "study.toml")
    assert "parameters" not in small.stdout
    path.write_text(path.read_text().replace("[data]", '[model]\nkind = "mlp"\nhidden = [64, 32]\n\n[data]', 1))
    large = run("data", "check", table, "--study", "study.toml")
    assert large.returncode == 0, large.stdout
    assert f"parameters and this table has at most {N} training rows" in " ".join(large.stdout.split())


@pytest.mark.parametrize("name", ["Patienten-Nr", "PatientenID", "IPP", "Nr pacjenta", "numéro patient", "pat_id"])
def test_a_patient_column_is_known_by_its_german_french_or_polish_name(name: str, table: Path) -> None:
    raw = read_table(table)
    found = drafting.draft(dataclasses.replace(raw, table=raw.table.rename({"patient_id": name})))
    assert found.document["data"]["patient_column"] == name


def test_a_draft_takes_the_logarithm_of_a_column_with_a_long_tail(table: Path) -> None:
    raw = read_table(table)
    skewed = pl.Series("crp", np.exp(2.0 * np.random.default_rng(1).normal(size=raw.table.height)))
    found = drafting.draft(dataclasses.replace(raw, table=raw.table.with_columns(skewed)))
    by_name = {entry["name"]: entry for entry in found.document["columns"]}
    assert by_name["crp"]["transform"] == "log1p"
    assert [name for name, entry in by_name.items() if "transform" in entry] == ["crp"]


def test_a_draft_tells_counts_from_measurements_and_asks_for_the_order_of_grades(table: Path) -> None:
    raw, rng = read_table(table), np.random.default_rng(1)
    n = raw.table.height
    with_outcomes = raw.table.with_columns(
        visits=pl.Series(rng.poisson(6.0, n) * (rng.random(n) < 0.7)),
        pressure=pl.Series(rng.integers(90, 180, n)),
        days=pl.Series([f"{value:.1f}".replace(".", ",") for value in rng.uniform(1.0, 30.0, n)]),
        falls=pl.Series([*[3] * 4, *rng.integers(0, 3, n - 4).tolist()]),
        stage=pl.Series(rng.integers(0, 3, n)),
        scale=pl.Series([*[4] * 4, *rng.integers(1, 4, n - 4).tolist()]),
        grade=pl.Series(rng.choice(["none", "mild", "severe"], n)),
    )

    def draft(outcome: str) -> drafting.Draft:
        return drafting.draft(dataclasses.replace(raw, table=with_outcomes), outcome=outcome)

    assert draft("visits").document["data"]["outcome_type"] == "counts"
    assert draft("pressure").document["data"]["outcome_type"] == "continuous"
    with pytest.raises(DataError, match="too few to guess its range without naming any"):
        drafting.draft(dataclasses.replace(raw, table=with_outcomes.head(25)), outcome="pressure", least=13)
    assert draft("falls").document["data"]["outcome_type"] == "counts", "of few values, one of them rare"
    assert draft("stage").document["data"]["classes"] == ["0", "1", "2"], "each of many patients"
    with pytest.raises(DataError, match="no type of outcome can be guessed"):
        draft("scale")
    days = draft("days")
    assert days.document["data"]["outcome_type"] == "continuous"
    assert f"column 'days': {n} value(s): number with a decimal comma, read as that number" in days.counts
    with_none = with_outcomes.with_columns(grade=pl.col("grade").replace("none", "moderate"))
    graded = drafting.draft(dataclasses.replace(raw, table=with_none), outcome="grade")
    assert graded.document["data"]["classes"] == ["mild", "moderate", "severe"]
    assert "if they are grades" in graded.said[1]
    assert "'none'" not in graded.said[1]
    four = with_outcomes.with_columns(grade=pl.Series(rng.choice(["none", "mild", "moderate", "severe"], n)))
    assert (
        "'none' was read as no value" in drafting.draft(dataclasses.replace(raw, table=four), outcome="grade").said[1]
    )
