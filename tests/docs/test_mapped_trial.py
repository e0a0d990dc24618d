"""The trial of docs/operations.md by three hospitals whose tables differ in everything, each through its own mapping file."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from tests.docs import own_shapes
from tests.docs.test_operations_runs import SECONDS, Terminal, blocks
from tests.docs.test_operations_runs import terminals as terminals
from tests.installed import needs
from tests.ports import free_port

from cipherward import study
from cipherward.data import checking
from cipherward.data.sources import admit
from cipherward.data.tables import read_table
from cipherward.study import Study

pytestmark = [needs("units", "ucumvert"), needs("sql", "sqlalchemy")]


def example(folder: Path, encounters: int) -> Study:
    command = ["-c", "from cipherward.cli import main; main()", "data", "example", str(folder), "--hospitals", "3"]
    subprocess.run([sys.executable, *command, "--encounters", str(encounters)], check=True, capture_output=True)
    own_shapes.write(folder)
    return study.load(folder / "study.toml")


def test_each_hospital_s_own_shape_is_the_same_table_as_the_plain_one(tmp_path: Path) -> None:
    chosen = example(tmp_path / "example", 200)
    for number in (1, 2, 3):
        plain = admit(read_table(tmp_path / "example" / f"hospital-{number}.csv"), chosen, "plain").data
        raw = read_table(tmp_path / "example" / f"hospital-{number}.toml")
        found = admit(raw, chosen, "mapped").data
        assert plain is not None
        assert found is not None
        assert found.outcome.tolist() == plain.outcome.tolist()
        for name in plain.table.columns:
            own, wanted = found.table[name].to_list(), plain.table[name].to_list()
            if plain.table.schema[name] == pl.Float64:
                own, wanted = (
                    [None if value is None else float(f"{value:.9g}") for value in each] for each in (own, wanted)
                )
            assert own == wanted, (number, name)
        checked = checking.check(raw, chosen)
        assert checked.fits
        assert any("by a mapping file, digest" in text for text in checked.assumed)


@pytest.mark.slow
def test_the_trial_through_mapping_files_ends_with_the_same_predictions_as_on_plain_tables(
    terminals: dict[str, Terminal], tmp_path: Path
) -> None:
    began = time.monotonic()
    folder, port = tmp_path / "trial", free_port()
    verified = []
    for block in blocks():
        commands = block.commands.replace("--name trial", f"--name trial --port {port}")
        commands = commands.replace("example/hospital-$N.csv", "example/hospital-$N.toml")
        for name in block.terminals:
            shown = terminals[name].type(commands, block.until)
            while block.until not in shown:
                assert time.monotonic() - began < SECONDS, terminals[name].said
                time.sleep(0.5)
                shown = terminals[name].type(commands.strip().splitlines()[-1], block.until)
            if "cipherward data example " in commands:
                own_shapes.write(folder / "example")
            if "hospital review readmission-trial" in commands:
                assert "by a mapping file, digest" in shown
            if "hospital predict" in commands:
                terminals[name].type(
                    commands.splitlines()[0].replace(".toml", ".csv").replace("--out ", "--out plain-")
                )
            if "cipherward verify" in commands:
                verified.append(shown)
    assert len(verified) == 4
    assert all("all hold" in shown and "BAD" not in shown for shown in verified)
    for number in (1, 2, 3):
        mapped, plain = (
            [float(row["probability"]) for row in csv.DictReader((folder / f"{before}predictions-{number}.csv").open())]
            for before in ("", "plain-")
        )
        assert mapped == pytest.approx(plain, abs=1e-6)
        home = folder / f"hospital-{number}"
        (kept,) = home.glob("studies/*/mapping.digest")
        assert len(kept.read_text()) == 64
    said = terminals["hospital-1"].said + terminals["coordinator"].said
    assert "Traceback" not in said
    assert "Fallnummer" not in "".join(
        path.read_text("utf-8", "replace") for path in (folder / "coordinator").rglob("*.jsonl")
    )
    (tmp_path / "said.txt").write_text("\n\n".join(terminal.said for terminal in terminals.values()))
