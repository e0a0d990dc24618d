"""A hospital whose table is a query: the password stands in no file of its home, and the study runs all the same."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from tests import simulator
from tests.consortium import enrolled
from tests.consortium.consortium import Consortium, document
from tests.installed import needs
from typer.testing import CliRunner, Result

from cipherward.cli import app
from cipherward.consortium.approval import datacheck, own_mapping
from cipherward.consortium.homes import health
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.membership import enrolment
from cipherward.data.database import Database
from cipherward.data.tables import read_table
from cipherward.errors import DataError, StorageError
from cipherward.study import load

pytestmark = needs("sql", "sqlalchemy")

SECRET = "Xk29-very-secret"


def put_into_database(table: Path, path: Path) -> None:
    frame = read_table(table).table
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE stays (age REAL, dose REAL, ward TEXT, outcome INTEGER)")
        rows = frame.select("age", "dose", "ward", "outcome").rows()
        connection.executemany("INSERT INTO stays VALUES (?, ?, ?, ?)", rows)
    connection.close()


def test_a_hospital_with_a_database_takes_part_as_one_with_a_file(three: Consortium, tmp_path: Path) -> None:
    put_into_database(tmp_path / "tables" / "clinic-2.csv", tmp_path / "clinic.db")
    query = "SELECT age, dose, ward, outcome FROM stays"
    three.give_table("clinic-2", f'database = "sqlite:///{tmp_path}/clinic.db"\nquery = "{query}"')
    three.start(document(3))
    three.approve()
    three.pump()
    assert three.status()["phase"] == "finished"
    assert three.alarms("clinic-2") == []
    carried = b"".join(letter for _, _, letter in three.carried)
    assert b"clinic.db" not in carried
    assert b"stays" not in carried


def test_a_study_does_not_run_with_another_query_than_it_was_approved_with(three: Consortium, tmp_path: Path) -> None:
    put_into_database(tmp_path / "tables" / "clinic-2.csv", tmp_path / "clinic.db")
    place, query = f"sqlite:///{tmp_path}/clinic.db", "SELECT age, dose, ward, outcome FROM stays"
    three.give_table("clinic-2", f'database = "{place}"\nquery = "{query}"')
    three.start(document(3))
    three.approve()
    (folder,) = three.hospital("clinic-2").study_folders()
    assert (folder / own_mapping.NAME).read_text() == Database(place, query).digest().hex()
    three.give_table("clinic-2", f'database = "{place}"\nquery = "{query} WHERE age > 40"')
    three.pump()
    assert three.status()["phase"] != "finished"
    said = "table cannot be used: the mapping file, extract or query is not the one that the study was approved with"
    assert said in three.alarms("clinic-2")


def test_where_the_password_is_may_change_after_an_approval() -> None:
    found = Database("postgresql://reader@db/clinic", "SELECT 1", "A").digest()
    assert found == Database("postgresql://reader@db/clinic", "SELECT 1", "", Path("p")).digest()
    assert found != Database("postgresql://reader@db/other", "SELECT 1", "A").digest()


@pytest.mark.parametrize("is_file", [True, False])
def test_an_approval_from_before_queries_had_a_digest_still_holds(
    is_file: bool, three: Consortium, tmp_path: Path
) -> None:
    put_into_database(tmp_path / "tables" / "clinic-2.csv", tmp_path / "clinic.db")
    if not is_file:
        query = "SELECT age, dose, ward, outcome FROM stays"
        three.give_table("clinic-2", f'database = "sqlite:///{tmp_path}/clinic.db"\nquery = "{query}"')
    three.start(document(3))
    three.approve()
    (folder,) = three.hospital("clinic-2").study_folders()
    (folder / own_mapping.NAME).write_text("none")
    three.pump()
    assert three.status()["phase"] == "finished"


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_init_and_enrol_keep_the_database_and_never_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINIC_PASSWORD", SECRET)
    url, query = "postgresql+psycopg://reader@127.0.0.1:1/clinic", 'SELECT "Age" AS age FROM stays -- {all}'
    given = ["--database", url, "--query", query, "--password-env", "CLINIC_PASSWORD"]
    made = call("hospital", "init", tmp_path / "h", *given)
    assert made.exit_code == 0, made.output
    home = HospitalHome(tmp_path / "h")
    assert home.data_source == Database(url, query, "CLINIC_PASSWORD")
    enrolled.join(enrolled.coordinator(tmp_path / "c"), home, "north")
    home = HospitalHome(tmp_path / "h")
    assert home.data_source == Database(url, query, "CLINIC_PASSWORD")
    found = next(finding for finding in health.hospital(home) if finding.what == "table")
    assert not found.holds
    assert "does not answer" in found.detail
    for path in home.path.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes(), path
    assert SECRET not in json.dumps(found.detail) + made.output


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["--data", "t.csv", "--database", "sqlite:///x.db"],
        ["--data", "t.csv", "--query", "SELECT 1"],
        ["--database", "sqlite:///x.db", "--query", "SELECT 1", "--password-env", "A", "--password-file", "b"],
    ],
)
def test_init_wants_one_source(given: list[str], tmp_path: Path) -> None:
    assert call("hospital", "init", tmp_path / "h", *given).exit_code == 2
    assert not (tmp_path / "h").exists()


def test_init_refuses_a_password_in_the_url_and_a_missing_query(tmp_path: Path) -> None:
    for url, query in ((f"postgresql://reader:{SECRET}@db/clinic", "SELECT 1"), ("postgresql://db/clinic", " ")):
        with pytest.raises(DataError) as caught:
            enrolment.create_hospital(tmp_path / "h", data=Database(url, query))
        assert SECRET not in str(caught.value) + caught.value.hint
        assert not (tmp_path / "h").exists()


def test_relative_files_start_where_they_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    home = enrolment.create_hospital(tmp_path / "h", data=Database("sqlite:///x.db", "SELECT 1", "", Path("password")))
    source = home.data_source
    assert isinstance(source, Database)
    assert source.url == f"sqlite:///{tmp_path / 'x.db'}"
    assert source.password_file == tmp_path / "password"


@pytest.mark.parametrize(
    "data",
    [
        "",
        "path = 3",
        'database = "sqlite:///x.db"',
        'path = "a"\nquery = "b"',
        'database = "sqlite:///x.db"\nquery = "q"\npassword = "p"',
        'database = "sqlite:///x.db"\nquery = "q"\npassword_env = "A"\npassword_file = "f"',
    ],
)
def test_settings_that_do_not_say_where_the_table_is_are_refused(data: str, tmp_path: Path) -> None:
    home = enrolled.hospital(tmp_path / "h")
    path = home.path / "hospital.toml"
    path.write_text(path.read_text().split("[data]")[0] + "[data]\n" + data + "\n")
    with pytest.raises(StorageError, match="does not say where"):
        _ = HospitalHome(home.path).data_source


def test_a_review_checks_what_the_query_answers(tmp_path: Path) -> None:
    simulator.write_tables(tmp_path / "tables", 1)
    put_into_database(tmp_path / "tables" / "clinic-1.csv", tmp_path / "clinic.db")
    query = "SELECT age, dose, ward, outcome FROM stays"
    source = Database(f"sqlite:///{tmp_path}/clinic.db", query)
    own = datacheck.check(document(3), "clinic-1", source)
    assert own.assumed == (f"by a query, digest {source.digest().hex()[:16]}",)
    assert replace(own, assumed=()) == datacheck.check(document(3), "clinic-1", tmp_path / "tables" / "clinic-1.csv")
    broken = datacheck.check(
        document(3), "clinic-1", Database(f"sqlite:///{tmp_path}/clinic.db", "SELECT beds FROM stays")
    )
    assert "no such column" in broken.problems[0]


def test_a_password_that_is_not_there_stops_the_study_and_not_the_service(three: Consortium) -> None:
    three.start(document(3))
    three.approve()
    data = 'database = "postgresql://reader@db/clinic"\nquery = "SELECT 1"\npassword_env = "NOT_SET_HERE"'
    three.give_table("clinic-2", data)
    home = three.hospital("clinic-2")
    (folder,) = home.study_folders()
    own_mapping.keep(home, load(folder / "study.toml"), folder)  # as if it was approved with that query
    three.pump()
    assert "NOT_SET_HERE" in three.desks["clinic-2"].status()[0]["why_not"]
    assert any("table cannot be used" in reason for reason in three.alarms("clinic-2"))
