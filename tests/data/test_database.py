"""A hospital's table from a query: the same gate as a file, and no password anywhere."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from tests import postgres_server, simulator
from tests.installed import needs
from tests.ports import closed_port

from cipherward.consortium.membership.settings_file import data_settings
from cipherward.data.database import BATCH, Database, asked, check_url, read_query
from cipherward.data.sources import load_hospitals
from cipherward.data.tables import read_table
from cipherward.errors import DataError

pytestmark = needs("sql", "sqlalchemy")

SECRET = "Xk29-very-secret"


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """The table of one hospital of the tiny study, in SQLite; returns the database's path."""
    source = read_table(simulator.write_tables(tmp_path / "tables", 1) / "clinic-1.csv").table
    path = tmp_path / "clinic.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE stays (age REAL, dose REAL, ward TEXT, outcome INTEGER)")
        connection.executemany(
            "INSERT INTO stays VALUES (?, ?, ?, ?)", source.select("age", "dose", "ward", "outcome").rows()
        )
    connection.close()
    return path


def ask(path: Path, query: str = "SELECT age, dose, ward, outcome FROM stays") -> Database:
    return Database(f"sqlite:///{path}", query)


def test_a_query_gives_the_same_rows_as_the_file(clinic: Path, tmp_path: Path) -> None:
    study = simulator.study(1 + 2)
    file = tmp_path / "tables" / "clinic-1.csv"
    (by_file,) = load_hospitals(study, file, Path(), only=["clinic-1"])
    (by_query,) = load_hospitals(study, ask(clinic), Path(), only=["clinic-1"])
    assert by_query.table.equals(by_file.table)
    assert by_query.outcome.tolist() == by_file.outcome.tolist()
    assert by_query.split.tolist() == by_file.split.tolist()


def test_what_a_query_answers_passes_the_same_checks(clinic: Path) -> None:
    study = simulator.study(3)
    for query, words in (
        ("SELECT age, dose, ward FROM stays", "column 'outcome' is missing"),
        ("SELECT age, dose, 'Z' AS ward, outcome FROM stays", "unknown category"),
        ("SELECT age * 1000 AS age, dose, ward, outcome FROM stays", "outside the declared range"),
        ("SELECT * FROM stays WHERE age > 1e9", "no rows"),
        ("SELECT age, age, ward, outcome FROM stays", "more than once"),
        ("SELECT 'a:b' AS age, dose, ward, outcome FROM stays", "'a:b' is not a number"),
    ):
        with pytest.raises(DataError, match=words) as caught:
            load_hospitals(study, ask(clinic, query), Path(), only=["clinic-1"])
        assert caught.value.hint


def test_a_query_changes_nothing_and_makes_no_file(clinic: Path, tmp_path: Path) -> None:
    before = clinic.read_bytes()
    for query in ("DELETE FROM stays", "DROP TABLE stays", "INSERT INTO stays VALUES (1, 2, 'A', 1)"):
        with pytest.raises(DataError):
            read_query(ask(clinic, query))
    assert clinic.read_bytes() == before
    with pytest.raises(DataError, match="no database file"):
        read_query(ask(tmp_path / "other.db"))
    assert not (tmp_path / "other.db").exists()


def test_a_wrong_query_is_named_with_its_reason(clinic: Path) -> None:
    with pytest.raises(DataError, match="no such table: visits"):
        read_query(ask(clinic, "SELECT * FROM visits"))


def test_a_text_that_is_not_utf_8_is_refused_and_not_quoted(clinic: Path) -> None:
    query = "SELECT age, CAST(CAST('Muller' AS BLOB) || x'fc' AS TEXT) AS name FROM stays"
    with pytest.raises(DataError, match=r"Could not decode to UTF-8 column 'name'$") as caught:
        read_query(ask(clinic, query))
    assert "Muller" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://reader:{SECRET}@db/clinic",
        f"postgresql://reader@db/clinic?password={SECRET}",
        f"not a url {SECRET}",
        f"mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BUID%3Dreader%3BPWD%3D{SECRET}",
        f"mssql+pyodbc:///?odbc_connect=Driver={{x}};Pass Word ={SECRET}".replace("Pass Word", "Password"),
        f"postgresql://db/clinic?options=-c%20a.token%3D{SECRET}",
    ],
)
def test_a_url_with_a_password_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(DataError) as caught:
        check_url(url)
    assert SECRET not in str(caught.value) + caught.value.hint + repr(caught.value.__cause__)


def test_a_password_that_is_missing_or_open_to_others_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLINIC_PASSWORD", raising=False)
    url, file = "postgresql+psycopg://reader@127.0.0.1:1/clinic", tmp_path / "password"
    with pytest.raises(DataError, match=r"CLINIC_PASSWORD .* is not set"):
        read_query(Database(url, "SELECT 1", password_env="CLINIC_PASSWORD"))
    with pytest.raises(DataError, match="cannot read the password file"):
        read_query(Database(url, "SELECT 1", password_file=file))
    file.write_text(SECRET)
    file.chmod(0o640)
    with pytest.raises(DataError, match="open to other users") as caught:
        read_query(Database(url, "SELECT 1", password_file=file))
    assert caught.value.hint == f"chmod 600 {file}"


def test_an_unreachable_server_is_said_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv("CLINIC_PASSWORD", SECRET)
    with closed_port() as port:
        url = f"postgresql+psycopg://reader@127.0.0.1:{port}/clinic"
        with pytest.raises(DataError, match="does not answer the query") as caught:
            read_query(Database(url, "SELECT 1", password_env="CLINIC_PASSWORD"))
    error: BaseException | None = caught.value
    assert caught.value.__suppress_context__
    assert SECRET not in str(error) + repr(error)


def test_an_unknown_kind_of_database_and_a_missing_driver_are_said() -> None:
    with pytest.raises(DataError, match="no such kind of database"):
        read_query(Database("clinicdb://db/x", "SELECT 1"))
    with pytest.raises(DataError, match="not installed"):
        read_query(Database("mysql+pymysql://db/x", "SELECT 1"))


def test_values_are_bound_and_never_part_of_the_query(clinic: Path) -> None:
    query = "SELECT :text AS t, count(*) AS n FROM stays WHERE ward <> :text"
    with asked(ask(clinic, query), {"text": "x'; DROP TABLE stays; --"}) as answer:
        assert [tuple(row) for rows in answer.batches for row in rows] == [
            ("x'; DROP TABLE stays; --", read_query(ask(clinic)).table.filter(pl.col("ward").is_not_null()).height)
        ]


# DuckDB


@pytest.fixture
def duck(tmp_path: Path) -> str:
    """URL of a DuckDB file with the table `stays`."""
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "a clinic.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE stays AS SELECT i, i / 4 AS f, 'patient-' || i AS t FROM range(25_000) AS s(i)"
        )
    return f"duckdb:///{path}"


def test_a_duckdb_file_answers_like_any_database(duck: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    query = (
        "SELECT 1.5::DECIMAL(5, 2) AS n, 2::SMALLINT AS s, 0.5::REAL AS r, true AS b, 'A%:x' AS t, NULL AS z, "
        "DATE '2024-02-03' AS d, [1, 2] AS l, 1::HUGEINT << 100 AS h UNION ALL "
        "SELECT NULL, 3, NULL, false, NULL, NULL, NULL, NULL, NULL"
    )
    assert read_query(Database(duck, query)).table.to_dict(as_series=False) == {
        "n": [1.5, None],
        "s": ["2", "3"],
        "r": [0.5, None],
        "b": [True, False],
        "t": ["A%:x", None],
        "z": [None, None],
        "d": ["2024-02-03", None],
        "l": [[1.0, 2.0], None],
        "h": [str(1 << 100), None],
    }
    whole = read_query(Database(duck, "SELECT * FROM stays ORDER BY i"))
    assert whole.table.height == 25_000
    assert whole.table.row(-1) == ("24999", 24999 / 4, "patient-24999")
    (tmp_path / "x.csv").write_text("a,b\n1,x\n")
    monkeypatch.chdir(tmp_path)
    free = read_query(Database("duckdb://", "SELECT * FROM read_csv('x.csv')"))
    assert free.table.rows() == [("1", "x")]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT", "Parser Error"),
        ("SELECT * FROM nowhere", "Table with name nowhere does not exist"),
        ("SELECT a FROM stays", 'Referenced column "a" not found'),
        ("SELECT CAST(t AS INT) FROM stays", "ConversionException"),
        ("SELECT i, i FROM stays", "more than once"),
        ("DELETE FROM stays", "returns no table"),
        ("SELECT 1; DELETE FROM stays", "returns no table"),
        ("COPY stays TO '/tmp/x.csv'", "returns no table"),
        ("INSTALL httpfs", "returns no table"),
        ("", "returns no table"),
    ],
)
def test_a_wrong_query_on_duckdb_is_named_and_no_value_quoted(duck: str, query: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        read_query(Database(duck, query))
    assert words in caught.value.message
    assert "patient-0" not in caught.value.message
    assert caught.value.hint
    assert read_query(Database(duck, "SELECT count(*) AS n FROM stays")).table.rows() == [("25000",)]


def test_a_duckdb_file_that_cannot_be_opened_is_named(duck: str, tmp_path: Path) -> None:
    (tmp_path / "other.duckdb").write_bytes(b"not a database" * 1_000)
    for url, words in (
        (f"duckdb:///{tmp_path}/nowhere.duckdb", "there is no database file"),
        (f"duckdb:///{tmp_path}/other.duckdb", "cannot be opened"),
        ("duckdb:/x", "is not a URL of DuckDB"),
        (f"{duck}?password={SECRET}", "is not a URL of DuckDB"),
    ):
        with pytest.raises(DataError, match=words) as caught:
            read_query(Database(url, "SELECT 1"))
        assert SECRET not in caught.value.message
    assert not (tmp_path / "nowhere.duckdb").exists()
    with pytest.raises(DataError, match="has no password"):
        read_query(Database(duck, "SELECT 1", password_env="CLINIC_PASSWORD"))


def test_a_home_keeps_the_whole_path_of_a_file(duck: str, clinic: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clinic.parent)
    for url, whole in (
        ("duckdb:///a clinic.duckdb", f"duckdb:///{clinic.parent}/a%20clinic.duckdb"),
        ("duckdb://", "duckdb://"),
        ("sqlite:///clinic.db", f"sqlite:///{clinic}"),
    ):
        assert data_settings(Database(url, "SELECT 1"))["database"] == whole
    kept = data_settings(Database("duckdb:///a clinic.duckdb", "SELECT count(*) AS n FROM stays"))
    assert read_query(Database(kept["database"], kept["query"])).table.rows() == [("25000",)]


# a real server


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """host:port of a PostgreSQL of our own, in which the user `reader` may read, with a password."""
    pytest.importorskip("psycopg")
    if not postgres_server.is_installed():
        pytest.skip("no PostgreSQL server binaries (initdb, pg_ctl) on this machine")
    with postgres_server.running("reader", SECRET) as address:
        yield address


def test_a_postgresql_server_answers_with_every_type_that_a_table_can_hold(postgres: str, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(SECRET + "\n")
    password.chmod(0o600)
    url = f"postgresql+psycopg://reader@{postgres}/postgres"
    query = (
        "SELECT 1.5::numeric AS n, 2::smallint AS s, 0.5::real AS r, true AS b, 'A%:x' AS t, NULL::int AS z, "
        "DATE '2024-02-03' AS d UNION ALL SELECT NULL, 3, NULL, false, NULL, NULL, NULL"
    )
    raw = read_query(Database(url, query, password_file=password))
    assert raw.table.to_dict(as_series=False) == {
        "n": [1.5, None],
        "s": ["2", "3"],
        "r": [0.5, None],
        "b": [True, False],
        "t": ["A%:x", None],
        "z": [None, None],
        "d": ["2024-02-03", None],
    }
    with pytest.raises(DataError, match="ReadOnlySqlTransaction"):
        read_query(Database(url, "SELECT relname FROM pg_class FOR UPDATE", password_file=password))
    for writing in ("CREATE TABLE x (a int)", "WITH x AS (DELETE FROM y RETURNING a) SELECT a FROM x", "COMMIT"):
        with pytest.raises(DataError, match="does not answer the query"):
            read_query(Database(url, writing, password_file=password))
    endless = Database(url, "SELECT generate_series(1, 2000000000) AS n", password_file=password)
    with asked(endless) as answer:  # the server would send for hours; only what is read is fetched
        rows = next(iter(answer.batches))
    assert (len(rows), tuple(rows[-1])) == (BATCH, (BATCH,))
    password.write_text("wrong")
    with pytest.raises(DataError, match="password authentication failed") as caught:
        read_query(Database(url, query, password_file=password))
    assert SECRET not in str(caught.value)
    password.write_text(SECRET)
    with pytest.raises(DataError) as caught:
        read_query(Database(url, "SELECT CAST(t AS int) FROM (VALUES ('Jane Doe')) AS p(t)", password_file=password))
    assert "Jane Doe" not in str(caught.value)


def test_the_benchmark_s_peak_of_memory_is_that_of_its_own_process() -> None:
    held = bytearray(400 << 20)
    code = "import sys; sys.path.insert(0, 'benchmarks'); import memory; print(memory.peak_mib())"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert float(done.stdout) < 200
    assert "ru_maxrss" not in (root / "benchmarks" / "database.py").read_text()
    del held
