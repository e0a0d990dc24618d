"""A hospital whose table is made by an extract: the study runs, and does not run through another extract than it was approved with."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.consortium.consortium import Consortium, document

from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.errors import StorageError

pytest.importorskip("duckdb")


def asked(three: Consortium, folder: Path, name: str) -> Path:
    """That hospital's table through a query that stands in a file of its own; gives that file."""
    table = folder / "tables" / f"{name}.csv"
    query = folder / "stays.sql"
    query.write_text(f"SELECT * FROM read_csv('{table}', all_varchar = true)")  # noqa: S608
    file = folder / "extract.toml"
    file.write_text('source = "database"\nurl = "duckdb://"\nquery_file = "stays.sql"\n')
    three.give_table(name, f'path = "{file}"')
    return query


def test_a_study_runs_on_a_table_that_an_extract_makes(three: Consortium, tmp_path: Path) -> None:
    query = asked(three, tmp_path, "clinic-2")
    three.start(document(3))
    three.approve()
    three.pump()
    assert three.status()["phase"] == "finished"
    carried = b"".join(letter for _, _, letter in three.carried)
    assert query.name.encode() not in carried
    assert b"read_csv" not in carried


def test_a_query_that_was_changed_after_the_approval_is_noticed(three: Consortium, tmp_path: Path) -> None:
    query = asked(three, tmp_path, "clinic-2")
    three.start(document(3))
    three.approve()
    query.write_text(query.read_text() + " WHERE age IS NOT NULL")
    three.pump()
    assert three.status()["phase"] != "finished"
    assert "is not the one that the study was approved with" in str(three.alarms("clinic-2"))


def test_two_extracts_of_one_place_are_one_table(three: Consortium, tmp_path: Path) -> None:
    asked(three, tmp_path, "clinic-2")
    other = tmp_path / "other.toml"
    other.write_text('source = "omop"\nurl = "duckdb://"\ndefinition = "cohort.toml"\n')
    home = three.hospital("clinic-2")
    settings = home.path / "hospital.toml"
    settings.write_text(f'{settings.read_text()}\n[registers.second]\npath = "{other}"\n')
    with pytest.raises(StorageError, match="are one table"):
        HospitalHome(home.path).source_of("second")
