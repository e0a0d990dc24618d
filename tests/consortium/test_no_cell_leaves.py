"""Marked cells are planted in a hospital's table, the table is damaged in every way, and all that was written or sent is
searched for them. The hospital's own terminal may quote a cell; nothing else may."""

from __future__ import annotations

import gzip
import io
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from tests.consortium.consortium import Consortium, document
from typer.testing import CliRunner

from cipherward import cli
from cipherward.data.database import Database
from cipherward.data.sources import load_hospitals
from cipherward.errors import CipherwardError

ME = "clinic-4"
MARK = "Quitzow-7741"
NUMBER = "774177.41"

Damage = Callable[[str], bytes]


def _first_row(text: str, place: int, value: str) -> bytes:
    header, first, rest = text.split("\n", 2)
    fields = first.split(",")
    fields[place] = value
    return "\n".join([header, ",".join(fields), rest]).encode()


def _parquet(text: str, **columns: pl.Expr) -> bytes:
    out = io.BytesIO()
    pl.read_csv(io.StringIO(text)).with_columns(**columns).write_parquet(out)
    return out.getvalue()


DAMAGES: dict[str, Damage] = {
    "text in a numeric column": lambda t: _first_row(t, 0, MARK),
    "a number with a comma": lambda t: _first_row(t, 0, f'"{MARK},5"'),
    "a number outside the range that repeats": lambda t: "\n".join(
        f"{NUMBER},{row.split(',', 1)[1]}" if number in (1, 2) else row for number, row in enumerate(t.splitlines())
    ).encode(),
    "an unknown category": lambda t: _first_row(t, 2, MARK),
    "an unknown outcome": lambda t: _first_row(t, 3, MARK),
    "several unknown outcomes": lambda t: "\n".join(f"{r}{MARK}{i}" for i, r in enumerate(t.splitlines())).encode(),
    "no outcome": lambda t: _first_row(_first_row(t, 2, MARK).decode(), 3, ""),
    "a header that is a row": lambda t: f"{MARK},{NUMBER},{MARK}x,1\n".encode() + t.split("\n", 1)[1].encode(),
    "a header with one name": lambda t: (MARK + "\n" + t.split("\n", 1)[1]).encode(),
    "names twice": lambda t: t.replace("age,dose", f"{MARK},{MARK}").encode(),
    "a column under another name": lambda t: t.replace("dose", f"dose {MARK}").encode(),
    "a row cut short": lambda t: t.encode() + MARK.encode(),
    "a row too long": lambda t: t.encode() + f"1,2,A,1,{MARK}\n".encode(),
    "an open quotation mark": lambda t: t.encode() + f'1,2,"{MARK},1\n'.encode(),
    "a quotation mark inside": lambda t: t.encode() + f'1,2,{MARK}" tube,1\n'.encode(),
    "Latin-1": lambda t: t.encode() + f"1,2,{MARK}\xf6,1\n".encode("latin-1"),
    "UTF-16 with a strange cell": lambda t: _first_row(t, 0, MARK).decode().encode("utf-16"),
    "a gzip cut short": lambda t: gzip.compress(_first_row(t, 0, MARK))[:-9],
    "binary": lambda t: b"\x00\x01" + MARK.encode() * 9,
    "a web page": lambda t: f"<html>{MARK}".encode(),
    "Parquet with text": lambda t: _parquet(t, age=pl.lit(MARK)),
    "Parquet with lists": lambda t: _parquet(t, age=pl.lit([MARK])),
    "Parquet cut short": lambda t: _parquet(t, ward=pl.lit(MARK))[:-20],
    "one class": lambda t: _first_row(
        "\n".join(r[:-1] + ("0" if i else "e") for i, r in enumerate(t.splitlines())), 0, MARK
    ),
}


AT_HOSPITAL = [
    ["review", "tiny"], ["review", "tiny", "--json"], ["health"], ["approve", "tiny", "--as", "Dr Example", "--yes"], ["retry", "tiny"],
    ["register"], ["predict", "tiny", "{table}"],
]  # fmt: skip
"""Every command of a hospital that reads the table, or shows what was found in it."""

AFTERWARDS = [
    ["hospital", "status"], ["hospital", "status", "--json"], ["hospital", "review"], ["hospital", "alarms", "--seen"], ["hospital", "models"],
    ["hospital", "doctor"], ["coordinator", "status"], ["coordinator", "health"], ["coordinator", "alarms", "--seen"],
]  # fmt: skip
"""Commands that show what the services have written, and write themselves."""


def _files(folder: Path, but: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file() and path != but:
            yield path, path.read_bytes()


def marked(content: bytes) -> bool:
    return any(mark.encode(code) in content for mark in (MARK, NUMBER) for code in ("utf-8", "utf-16-le"))


@pytest.fixture
def approved(four: Consortium) -> Consortium:
    """A study that everybody has approved and that has not begun."""
    four.begin(document(4))
    return four


def test_no_cell_is_written_or_sent_whatever_is_wrong_with_the_table(approved: Consortium, tmp_path: Path) -> None:
    table = tmp_path / "tables" / f"{ME}.csv"
    good = table.read_text()
    for name, damage in DAMAGES.items():
        table.write_bytes(damage(good))
        approved.restart_hospital(ME)
        approved.poll()
        (seat,) = approved.desks[ME].status()
        assert seat["why_not"], f"{name} was not noticed"
        for words in AT_HOSPITAL:
            given = [word.format(table=table) for word in words]
            CliRunner().invoke(cli.app, ["hospital", *given, "--home", str(tmp_path / ME)])
        for path, content in _files(tmp_path, table):
            assert not marked(content), f"{name}: {path.relative_to(tmp_path)}"
        assert not any(marked(letter) for _, _, letter in [*approved.queue, *approved.carried]), name
        assert not marked(str(approved.desks[ME].status()).encode()), name
    for role, *words in AFTERWARDS:
        home = tmp_path / (ME if role == "hospital" else "coordinator")
        shown = CliRunner().invoke(cli.app, [role, *words, "--home", str(home)])
        assert not marked(shown.output.encode()), words
    assert not any(marked(content) for _, content in _files(tmp_path, table))


def test_no_cell_is_in_the_loggable_words_of_any_error(tmp_path: Path) -> None:
    from tests import simulator

    good = (simulator.write_tables(tmp_path, 3) / "clinic-1.csv").read_text()
    for name, damage in DAMAGES.items():
        (tmp_path / "clinic-1.csv").write_bytes(damage(good))
        with pytest.raises(CipherwardError) as error:
            load_hospitals(simulator.study(3), None, tmp_path)
        assert not marked(error.value.logged.encode()), name
        assert "clinic-1" in error.value.logged, name
        assert ".csv" not in error.value.logged, name


def test_a_simulation_over_a_damaged_table_leaves_no_cell_behind(tmp_path: Path) -> None:
    from tests import simulator

    tables = simulator.write_tables(tmp_path / "tables", 3)
    (tmp_path / "tables" / "study.toml").write_text(simulator.study(3).to_toml())
    good = (tables / "clinic-1.csv").read_text()
    for name, damage in DAMAGES.items():
        (tables / "clinic-1.csv").write_bytes(damage(good))
        for command in ("run", "cohort", "compare"):
            out = tmp_path / f"{command}-out"
            CliRunner().invoke(cli.app, [command, str(tables / "study.toml"), "--out", str(out)])
            for path, content in _files(out, tables) if out.exists() else ():
                assert not marked(content), f"{name}: {path.name}"


def test_a_query_that_fails_on_a_cell_logs_no_cell(tmp_path: Path) -> None:
    from cipherward.data.database import read_query

    connection = sqlite3.connect(tmp_path / "t.db")
    connection.execute("create table t (a text)")
    connection.execute("insert into t values (?)", [MARK])
    connection.commit()
    connection.close()
    for query in (
        "select json_extract(a, '$.x') from t",
        "select 'x' from nowhere",
        'select "Quitzow-7741" from nowhere',
    ):
        with pytest.raises(CipherwardError) as error:
            read_query(Database(f"sqlite:///{tmp_path}/t.db", query))
        assert not marked(error.value.logged.encode())


def test_predictions_and_resumed_runs_over_a_damaged_table_leave_no_cell_behind(tmp_path: Path) -> None:
    from tests import simulator

    tables = simulator.write_tables(tmp_path / "tables", 3)
    (tables / "study.toml").write_text(simulator.study(3).to_toml())
    out = tmp_path / "out"
    assert CliRunner().invoke(cli.app, ["run", str(tables / "study.toml"), "--out", str(out)]).exit_code == 0
    good = (tables / "clinic-1.csv").read_text()
    for name, damage in DAMAGES.items():
        (tables / "clinic-1.csv").write_bytes(damage(good))
        CliRunner().invoke(cli.app, ["predict", str(out), str(tables / "clinic-1.csv"), "--id", "ward"])
        CliRunner().invoke(cli.app, ["run", "--resume", str(out)])
        for path, content in _files(out, tables):
            assert not marked(content), f"{name}: {path.name}"
