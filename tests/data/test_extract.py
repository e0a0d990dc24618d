"""An extract stands wherever a table file can, and a wrong one is refused with every mistake."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cipherward.data import extract
from cipherward.data.database import Database, placed
from cipherward.data.extract_chain import innermost
from cipherward.data.sources import load_hospitals
from cipherward.data.tables import read_table
from cipherward.errors import DataError
from cipherward.study import Study


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "`source` is one of"),
        ('source = "other"', "`source` is one of"),
        ("source = [", "is not TOML"),
        ('source = "fhir"\npath = "x"', "give view, a file with a ViewDefinition"),
        ('source = "fhir"\npath = ""\ntable = "readmission"', "path (line 2): String should have at least 1 character"),
        ('source = "fhir"\npath = "x"\ntable = "admission"', "table (line 3)"),
        ('source = "fhir"\npath = "x"\ntable = "readmission"\ndais = 30', "dais (line 4): unknown setting"),
        ('source = "fhir"\npath = "x"\ntable = "readmission"\ndays = 0', "days (line 4)"),
        ('source = "fhir"\npath = "x"\ntable = "readmission"\ndays = true', "days (line 4): a number is wanted"),
        ('source = "fhir"\npath = "x"\nview = "v.json"\ndays = 3', "belong to table"),
        ('source = "fhir"\npath = "x"\ntable = "readmission"\nviews = { visits = "v.json" }', "views"),
        ('source = "fhir"\npath = "x"\nview = "nowhere.json"', "cannot read"),
        ('source = "fhir"\npath = "nowhere"\ntable = "readmission"', "cannot read"),
    ],
)
def test_a_wrong_extract_is_refused_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "extract.toml"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        extract.read(path)
    assert words in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "url"),
        ('url = "sqlite:///x.db"', "give query, or query_file"),
        ('url = "sqlite:///x.db"\nquery = "SELECT 1"\nquery_file = "q.sql"', "give query, or query_file"),
        ('url = "sqlite:///x.db"\nquery = "SELECT 1"\npassword_env = "A"\npassword_file = "b"', "at most one"),
        ('url = "sqlite:///x.db"\nquery = "SELECT 1"\npassword = "x"', "password (line 4): unknown setting"),
        ('url = "sqlite:///x.db"\nquery_file = "nowhere.sql"', "cannot read"),
        ('url = "sqlite:///x.db"\nquery_file = "empty.sql"', "is empty"),
        ('url = "sqlite:///nowhere.db"\nquery = "SELECT 1"', "there is no database file"),
    ],
)
def test_a_wrong_extract_of_a_database_is_refused(tmp_path: Path, text: str, words: str) -> None:
    pytest.importorskip("sqlalchemy")
    path = tmp_path / "extract.toml"
    path.write_text(f'source = "database"\n{text}\n')
    (tmp_path / "empty.sql").write_text(" \n")
    with pytest.raises(DataError) as caught:
        extract.read(path)
    assert words in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("scheme", ["sqlite", "duckdb"])
def test_a_relative_database_file_starts_at_the_extract_s_folder(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sqlalchemy")
    duckdb = pytest.importorskip("duckdb")
    folder, elsewhere = tmp_path / "one 100%", tmp_path / "other"
    for place, value in ((folder, 1), (elsewhere, 2)):
        place.mkdir()
        connect = sqlite3.connect if scheme == "sqlite" else duckdb.connect
        connection = connect(str(place / "c.db"))
        connection.execute(f"CREATE TABLE t AS SELECT {value} AS a")
        if scheme == "sqlite":
            connection.commit()
        connection.close()
    path = folder / "extract.toml"
    (folder / "q.sql").write_text("SELECT a FROM t")
    path.write_text(f'source = "database"\nurl = "{scheme}:///c.db"\nquery_file = "q.sql"\n')
    monkeypatch.chdir(elsewhere)
    assert extract.read(path).table["a"].cast(int).to_list() == [1]
    found = innermost(path)
    assert isinstance(found, Database)
    assert found.url.endswith("/c.db")
    assert found.url.startswith(f"{scheme}:////")


def test_only_a_relative_file_is_placed(tmp_path: Path) -> None:
    for url in (
        "sqlite:////a/c.db",
        "sqlite:///:memory:",
        "sqlite://",
        "duckdb://",
        "duckdb:///:memory:",
        "sqlite:///C:/a/c.db",
        "postgresql://reader@db/clinic",
    ):
        assert placed(url, tmp_path) == url


def test_a_query_stands_in_a_file_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("duckdb")
    (tmp_path / "q.sql").write_text("\ufeffSELECT 1 AS a, 'x' AS b -- :not a parameter\n")
    path = tmp_path / "extract.toml"
    path.write_text('source = "database"\nurl = "duckdb://"\nquery_file = "q.sql"\n')
    assert extract.read(path).table.rows() == [("1", "x")]


def test_what_an_extract_could_read_is_refused_with_a_word_about_it(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"resourceType": "Patient"}')
    (tmp_path / "a.db").write_bytes(b"SQLite format 3\x00" + b"x" * 100)
    (tmp_path / "a.duckdb").write_bytes(b"\x00\x01" * 4 + b"DUCK" + b"\x00" * 100)
    for name, source in (("", "fhir"), ("a.json", "fhir"), ("a.db", "database"), ("a.duckdb", "database")):
        with pytest.raises(DataError) as caught:
            read_table(tmp_path / name)
        assert f'an extract with source = "{source}"' in caught.value.hint, name


@pytest.mark.parametrize(
    ("package", "text", "extra"),
    [
        ("fhirpathpy", 'source = "fhir"\npath = "x"\ntable = "readmission"', "fhir"),
        ("duckdb", 'source = "database"\nurl = "duckdb://"\nquery = "SELECT 1"', "duckdb"),
        ("sqlalchemy", 'source = "database"\nurl = "sqlite:///x.db"\nquery = "SELECT 1"', "sql"),
    ],
)
def test_a_package_that_is_not_installed_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, text: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / "extract.toml").write_text(text)
    with pytest.raises(DataError, match="not installed") as caught:
        read_table(tmp_path / "extract.toml")
    assert caught.value.hint.startswith(f"pip install 'cipherward[{extra}]'")


def test_every_mistake_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "extract.toml"
    path.write_text('source = "fhir"\npath = 5\ntable = 7\ndays = "x"\n')
    with pytest.raises(DataError) as caught:
        extract.load(path)
    assert len(caught.value.problems) == 3


def test_a_study_reads_an_extract_like_a_table(make_study: Callable[..., Study], tmp_path: Path) -> None:
    pytest.importorskip("fhirpathpy")
    study = make_study(hospitals=[{"name": name, "path": f"{name}.toml"} for name in ("north", "south", "west")])
    (tmp_path / "north.toml").write_text('source = "fhir"\npath = "nowhere"\ntable = "readmission"\n')
    with pytest.raises(DataError, match=r"north: cannot read .*nowhere: No such file or directory"):
        load_hospitals(study, None, tmp_path, only=["north"])
