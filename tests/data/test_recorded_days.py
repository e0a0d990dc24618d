"""A study's index date: a value that was recorded after it, or after the outcome, is refused with its row, in a check and in a run."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cipherward.consortium.approval import datacheck
from cipherward.data import checking
from cipherward.data.sources import admit, load_hospitals
from cipherward.data.tables import read_table
from cipherward.data.values import Rule
from cipherward.errors import DataError, StudyError
from cipherward.study import Study, parse

N = 60
COLUMNS: list[dict[str, Any]] = [
    {"name": "patient", "role": "patient"},
    {"name": "discharged", "role": "index-date"},
    {"name": "readmitted", "role": "outcome", "recorded": "back"},
    {"name": "hba1c", "kind": "numeric", "minimum": 0, "maximum": 20, "recorded": "hba1c_day"},
    {"name": "age", "kind": "numeric", "minimum": 0, "maximum": 120},
]
ROSTER = [{"name": name, "path": f"{name}.csv"} for name in ("north", "south", "west")]


def study(*, change: Callable[[list[dict[str, Any]]], Any] = lambda _columns: None, **data: Any) -> Study:
    columns = [dict(column) for column in COLUMNS]
    change(columns)
    document = {"name": "days", "data": {"source": "files"} | data, "columns": columns, "hospitals": ROSTER}
    return parse(document, origin="here")


def table(**columns: list[Any]) -> pl.DataFrame:
    day = datetime.date(2024, 1, 1)
    index = [(day + datetime.timedelta(days=i)) for i in range(N)]
    own: dict[str, list[Any]] = {
        "patient": [f"p{i}" for i in range(N)],
        "discharged": [each.isoformat() for each in index],
        "readmitted": [str(int(i % 5 == 0)) for i in range(N)],
        "back": ["" if i % 5 else (each + datetime.timedelta(days=9)).isoformat() for i, each in enumerate(index)],
        "hba1c": [f"{5 + i % 4}.5" for i in range(N)],
        "hba1c_day": [(each - datetime.timedelta(days=i % 3)).isoformat() for i, each in enumerate(index)],
        "age": [str(40 + i % 30) for i in range(N)],
    }
    return pl.DataFrame(own | columns)


def changed(name: str, **rows: str) -> pl.DataFrame:
    values = table()[name].to_list()
    for row, value in rows.items():
        values[int(row[1:]) - 1] = value
    return table(**{name: values})


def check(frame: pl.DataFrame, folder: Path, chosen: Study | None = None) -> checking.Checked:
    frame.write_csv(folder / "t.csv")
    return checking.check(read_table(folder / "t.csv"), chosen or study())


def test_a_table_whose_values_are_from_before_the_index_date_fits(tmp_path: Path) -> None:
    found = check(table(), tmp_path)
    assert found.problems == ()
    assert {column.name: column.role for column in found.columns}["discharged"] == "index date"
    assert found.unused == ()


WRONG = {
    "recorded later": (changed("hba1c_day", r3="2024-01-04", r8="2024-03-01"), "'hba1c', row 3, 8: recorded after the index date 'discharged' (2 such row(s)); leave"),
    "on no known day": (changed("hba1c_day", r3=""), "'hba1c', row 3: a value without the day of its record ('hba1c_day')"),
    "an outcome from before": (changed("back", r1="2023-12-31"), "'back', row 1: the outcome is from before the index date"),
    "no index date": (changed("discharged", r4="NA"), "'discharged', row 4: no date (1 such row(s)); every row needs one"),
    "a day that does not exist": (changed("hba1c_day", r4="2023-02-29"), "'hba1c_day', row 4: a day or time that does not exist"),
    "another form": (changed("discharged", r4="04.01.2024"), "no date in the form YYYY-MM-DD, with or without a time"),
    "no such columns": (table().drop("discharged", "hba1c_day"), "'discharged' is missing: the index date; add it"),
    "no day of an input": (table().drop("hba1c_day"), "the day on which 'hba1c' was recorded"),
}  # fmt: skip


@pytest.mark.parametrize(("frame", "said"), list(WRONG.values()), ids=list(WRONG))
def test_what_does_not_fit_is_refused_with_its_row_in_check_and_run(
    frame: pl.DataFrame, said: str, tmp_path: Path
) -> None:
    found = check(frame, tmp_path)
    assert said in " / ".join(found.problems)
    (tmp_path / "t.csv").rename(tmp_path / "north.csv")
    with pytest.raises(DataError) as caught:
        load_hospitals(study(), None, tmp_path, only=["north"])
    assert said in " / ".join(map(str, caught.value.problems))
    assert "2024" not in caught.value.logged


def test_a_hospital_that_reviews_the_study_sees_the_index_date_and_what_does_not_fit(tmp_path: Path) -> None:
    table().with_columns(note=pl.lit("x")).write_csv(tmp_path / "t.csv")
    own = datacheck.check(study(), "north", tmp_path / "t.csv")
    assert own.problems == ()
    assert own.unused == 1, "of the dates each is read, and the note is not"
    assert [(key.name, key.kind, key.present) for key in own.keys][2:] == [("discharged", "index date", True)]
    assert "what was recorded after it is refused" in own.keys[2].described
    changed("hba1c_day", r3="2024-01-04").write_csv(tmp_path / "t.csv")
    late = datacheck.check(study(), "north", tmp_path / "t.csv")
    assert "'hba1c', row 3: recorded after the index date 'discharged'" in " ".join(late.problems)
    table().drop("discharged").write_csv(tmp_path / "t.csv")
    without = datacheck.check(study(), "north", tmp_path / "t.csv")
    assert not without.keys[2].present
    assert "'discharged' is missing: the index date" in " ".join(without.problems)


def test_of_one_day_the_time_decides_where_both_have_one(tmp_path: Path) -> None:
    found = check(changed("hba1c_day", r1="2024-01-01 23:00"), tmp_path)
    assert found.fits
    both = changed("hba1c_day", r1="2024-01-01 23:00").with_columns(
        discharged=pl.when(pl.col("patient") == "p0").then(pl.lit("2024-01-01 11:30")).otherwise(pl.col("discharged"))
    )
    assert "row 1: recorded after the index date" in check(both, tmp_path).problems[0]


def test_a_value_after_the_outcome_is_refused_where_both_are_after_no_index_date(tmp_path: Path) -> None:
    frame = table(back=["" if i % 5 else table()["discharged"][i] for i in range(N)])
    frame = frame.with_columns(hba1c_day=pl.Series([f"{day} 10:00" for day in frame["discharged"]]))
    frame = frame.with_columns(pl.Series("back", [f"{day} 09:00" if day else "" for day in frame["back"]]))
    assert "recorded after the outcome 'back'" in check(frame, tmp_path).problems[0]


def test_a_day_beside_no_value_is_the_day_of_nothing(tmp_path: Path) -> None:
    frame = changed("hba1c_day", r3="2024-03-01").with_columns(hba1c=changed("hba1c", r3="")["hba1c"])
    assert check(frame, tmp_path).fits


def test_a_hospital_without_the_input_needs_no_day_of_it(tmp_path: Path) -> None:
    assert check(table().drop("hba1c", "hba1c_day"), tmp_path).fits


def test_a_mapping_file_reads_dates_in_their_form_and_counts_them(tmp_path: Path) -> None:
    days = {
        name: [".".join(reversed(text.split("-"))) for text in table()[name].to_list()]
        for name in ("discharged", "hba1c_day")
    }
    table(**days).write_csv(tmp_path / "t.csv")
    (tmp_path / "map.toml").write_text(
        'source = "mapping"\ntable = "t.csv"\n[columns.discharged]\ndate = "%d.%m.%Y"\n[columns.hba1c_day]\ndate = "%d.%m.%Y"\n'
    )
    raw = read_table(tmp_path / "map.toml")
    assert raw.table["discharged"].to_list() == table()["discharged"].to_list()
    assert [(change.column, change.rule, change.count) for change in raw.changes] == [
        ("discharged", Rule.DATE, N),
        ("hba1c_day", Rule.DATE, N),
    ]
    assert admit(raw, study(), "north").data is not None
    (tmp_path / "map.toml").write_text('source = "mapping"\ntable = "t.csv"\n[columns.discharged]\ndate = "%m/%d/%Y"\n')
    with pytest.raises(DataError, match=r"'discharged', row 1: no date in the form %m/%d/%Y \(60 such row\(s\)\)"):
        read_table(tmp_path / "map.toml")


def test_typed_dates_are_dates(tmp_path: Path) -> None:
    frame = table().with_columns(
        pl.col("discharged", "hba1c_day").str.to_date(), back=pl.col("back").replace("", None).str.to_datetime()
    )
    frame.write_parquet(tmp_path / "north.parquet")
    assert checking.check(read_table(tmp_path / "north.parquet"), study()).fits
    roster = study().with_overrides(top={"hospitals": [{"name": "north", "path": "north.parquet"}, *ROSTER[1:]]})
    (data,) = load_hospitals(roster, None, tmp_path, only=["north"])
    assert data.table.columns == ["hba1c", "age"]


def test_the_role_is_data_index_date_and_a_study_without_it_is_the_same_document() -> None:
    chosen = study()
    assert (chosen.data.index_date, chosen.data.outcome_date) == ("discharged", "back")
    assert chosen == study(index_date="discharged", outcome_date="back")
    plain = study(change=lambda columns: (columns.pop(1), columns[1].pop("recorded"), columns[2].pop("recorded")))
    assert not {"index_date", "outcome_date", "recorded"} & {
        *plain.model_dump()["data"],
        *plain.model_dump()["columns"][0],
    }
    again = Study.model_validate(chosen.model_dump(mode="json"))
    assert again.digest() == chosen.digest()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda columns: columns.pop(1), "recorded needs an index date"),
        (lambda columns: columns[4].update(name="discharged"), "'discharged' cannot be both input and"),
        (lambda columns: columns[3].update(recorded="age"), "'age' cannot be both input and"),
        (lambda columns: columns[2].update(recorded="discharged"), "are two columns"),
        (lambda columns: columns[1].update(kind="numeric"), "kind is not for role 'index-date'"),
        (lambda columns: columns[1].update(name="patient"), "cannot be a date and outcome, patient or hospital"),
    ],
)
def test_an_index_date_that_does_not_fit_the_study_is_refused(change: Callable[[Any], Any], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        study(change=change)
