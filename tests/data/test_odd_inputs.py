"""Odd and broken inputs through `cipherward data check`: an error with the place and the remedy, or the right values with a count of
what was changed. Never a traceback, never a silent change."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.data.more_odd_inputs import MORE
from tests.data.odd_inputs import ALL as FIRST
from tests.data.odd_inputs import HEADER, ROWS, STUDY, Case

from cipherward.cli import main
from cipherward.data.local_mapping import of_table
from cipherward.data.sources import admit
from cipherward.data.tables import RawTable, read_table
from cipherward.errors import CipherwardError
from cipherward.study import load

ALL = FIRST | MORE


def check(folder: Path, case: Case, *more: str) -> list[str]:
    """The command's arguments, with table, study and mapping file written."""
    case.write(folder / case.name)
    (folder / "study.toml").write_text(STUDY)
    command = ["data", "check", str(folder / case.name), "--study", str(folder / "study.toml"), *more]
    if not case.mapping:
        return command
    (folder / "map.toml").write_text(f'source = "mapping"\ntable = "elsewhere.csv"\n{case.mapping}')
    return [*command, "--mapping", str(folder / "map.toml")]


def run(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", ["cipherward", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


@pytest.mark.parametrize(
    "case", [case for case in ALL.values() if not case.said], ids=[n for n, c in ALL.items() if not c.said]
)
def test_an_odd_table_is_read_rightly_and_every_change_is_counted(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(check(tmp_path, case, "--json"), monkeypatch, capsys)
    assert (code, err) == (0, ""), out
    told = json.loads(out)
    assert told["rows"] == case.rows
    counted = {(column["name"], rule): n for column in told["columns"] for rule, n in column["changed"].items()}
    assert counted == {(column, str(rule)): n for (column, rule), n in case.changed.items()}
    assert case.assumed in " / ".join(told["how_it_was_read"])
    assert values(tmp_path, case) == expected(case)


def raw(folder: Path, case: Case) -> RawTable:
    table = folder / case.name
    return of_table(folder / "map.toml", table) if case.mapping else read_table(table)


def values(folder: Path, case: Case) -> dict[str, list[Any]]:
    found = admit(raw(folder, case), load(folder / "study.toml"), "here").data
    assert found is not None
    return found.table.to_dict(as_series=False) | {"y": found.outcome.tolist()}


def expected(case: Case) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {
        name: [row[at] for row in ROWS] for at, name in enumerate(HEADER) if name != "patient"
    }
    for name in ("age", "crp"):
        found[name] = [float(value) for value in found[name]]
    found["y"] = [int(value) for value in found["y"]]
    for (name, row), value in case.values.items():
        found[name][row - 1] = value
    return found


@pytest.mark.parametrize(
    "case", [case for case in ALL.values() if case.said], ids=[n for n, c in ALL.items() if c.said]
)
def test_a_broken_table_is_refused_with_place_and_remedy_and_nothing_of_it_is_logged(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(check(tmp_path, case), monkeypatch, capsys)
    assert code == 1
    assert "Traceback" not in out + err
    for text in case.said:
        assert text in out + err
    assert err.startswith("error: ") or "PROBLEM: " in out
    assert err == "" or "what to do: " in err
    logged_without_a_cell_or_a_path(tmp_path, case)
    # A draft of such a table is another refusal, or a draft; never a traceback, and nothing half written.
    draft = ["data", "draft", str(tmp_path / case.name), "--outcome", "y", "--out", str(tmp_path / "draft.toml")]
    code, out, err = run(draft, monkeypatch, capsys)
    assert (code, (tmp_path / "draft.toml").exists()) in ((0, True), (1, False))
    assert "Traceback" not in out + err


def logged_without_a_cell_or_a_path(folder: Path, case: Case) -> None:
    cells = {cell for row in ROWS for cell in row if len(cell) > 3 and not cell.isdigit()}
    study = load(folder / "study.toml")
    names = {column.name for column in study.columns} | {text for column in study.columns for text in column.categories}
    try:
        logged = [problem.logged for problem in admit(raw(folder, case), study, "here").problems]
    except CipherwardError as error:
        logged = [error.logged]
    assert logged
    for text in logged:
        assert str(folder) not in text
        assert [cell for cell in cells - names if cell in text] == []


def test_there_are_at_least_a_hundred_and_sixty_of_them() -> None:
    assert len(ALL) == len(FIRST) + len(MORE) >= 160
