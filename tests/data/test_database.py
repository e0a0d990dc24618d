"""A hospital's table from a query: the same gate as a file, and no password anywhere."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import simulator

from cipherward.data.database import Database, check_url, read_query
from cipherward.data.sources import load_hospitals
from cipherward.data.tables import read_table
from cipherward.errors import DataError

pytest.importorskip("sqlalchemy")

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


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://reader:{SECRET}@db/clinic",
        f"postgresql://reader@db/clinic?password={SECRET}",
        f"not a url {SECRET}",
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
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        url = f"postgresql+psycopg://reader@127.0.0.1:{taken.getsockname()[1]}/clinic"
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


# a real server


def _binary(name: str) -> str | None:
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(installed[-1]) if installed else None)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """host:port of a PostgreSQL of our own, in which the user `reader` may read, with a password."""
    pytest.importorskip("psycopg")
    initdb, pg_ctl = _binary("initdb"), _binary("pg_ctl")
    if not initdb or not pg_ctl:
        pytest.skip("no PostgreSQL server binaries (initdb, pg_ctl) on this machine")
    user = None if os.geteuid() else "nobody"  # the server refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="cipherward-pg-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    if user:
        shutil.chown(folder, user)
    (folder / "pw").write_text(SECRET)
    (folder / "pw").chmod(0o644)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"

    def run(*command: str) -> None:
        subprocess.run(command, check=True, user=user, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    made = ["-D", f"{folder}/data", "-A", "scram-sha-256", "-U", "reader", f"--pwfile={folder}/pw", "-E", "UTF8"]
    try:
        run(initdb, *made)
        run(pg_ctl, "-D", f"{folder}/data", "-o", options, "-l", f"{folder}/log", "-w", "start")
        yield f"127.0.0.1:{port}"
        run(pg_ctl, "-D", f"{folder}/data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
        read_query(Database(url, "CREATE TABLE x (a int)", password_file=password))
    password.write_text("wrong")
    with pytest.raises(DataError, match="password authentication failed") as caught:
        read_query(Database(url, query, password_file=password))
    assert SECRET not in str(caught.value)
    password.write_text(SECRET)
    with pytest.raises(DataError) as caught:
        read_query(Database(url, "SELECT CAST(t AS int) FROM (VALUES ('Jane Doe')) AS p(t)", password_file=password))
    assert "Jane Doe" not in str(caught.value)
