"""`cipherward compare` as a person or a script meets it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests import simulator
from tests.cli.test_cli import call, called

from cipherward.cli.compare import cards

ARMS = "centralised,local-only,plain,quorum"


@pytest.fixture(scope="module")
def study_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small study with its tables."""
    tables = simulator.write_tables(tmp_path_factory.mktemp("compare") / "tables", 5)
    path = tables / "study.toml"
    path.write_text(simulator.study(5).to_toml())
    return path


def given(study_file: Path, out: Path, *more: object) -> list[object]:
    fixed = ["--seeds", 2, "--device", "cpu", "--no-sizes", "--no-shift", "--out", out]
    return ["compare", study_file, "--schemes", ARMS, *fixed, *more]


@pytest.fixture(scope="module")
def compared(study_file: Path) -> tuple[Path, str]:
    """A comparison that has ended, and what was said."""
    code, out, err = called(*given(study_file, study_file.parent / "compared"))
    assert code == 0, err
    return study_file.parent / "compared", out


@pytest.fixture
def copied(compared: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(compared[0], tmp_path / "c"))


def test_it_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "compare", "--help")
    assert code == 0
    assert "quorum-dp" in out.replace("\n", " ")


def test_a_comparison_ends_with_a_table_and_says_where_everything_is(compared: tuple[Path, str]) -> None:
    folder, out = compared
    lines = [line for line in out.splitlines() if str(folder) not in line and not line.startswith("warning: ")]
    assert [line for line in lines if len(line) > 120] == []
    assert "1 of 6" in out
    assert "6 of 6" in out
    header = next(line for line in out.splitlines() if line.startswith("arm "))
    assert all(word in header for word in ("AUROC", "AUPRC", "Brier", "to centralised", "s/round", "kB up"))
    for arm in ARMS.split(","):
        assert any(line.startswith(f"{arm} ") for line in out.splitlines())
    assert "nobody, while at most" in out
    assert "quorum: AUROC differs from plain by at most" in out or "quorum: AUROC as of plain" in out
    narrow = cards(json.loads((folder / "comparison.json").read_text()))
    assert max(map(len, narrow[:-2])) <= 80
    assert [line.split()[0] for line in narrow if " AUROC " in line] == ARMS.split(",")
    for name in ("report.html", "comparison.csv", "comparison.json", "study.toml"):
        assert (folder / name).stat().st_size > 0
    command = json.loads((folder / "comparison.json").read_text())["command"]
    assert command.startswith("cipherward compare ")
    assert "--seeds 2" in command
    assert "--out" not in command


def test_json_is_the_comparison_and_nothing_else(
    capsys: pytest.CaptureFixture[str], study_file: Path, tmp_path: Path
) -> None:
    code, out, err = call(capsys, *given(study_file, tmp_path / "c", "--json"))
    assert code == 0
    assert json.loads(out) == json.loads((tmp_path / "c" / "comparison.json").read_text())
    assert "6 of 6" in err


def test_the_same_command_again_keeps_every_run(
    capsys: pytest.CaptureFixture[str], study_file: Path, copied: Path
) -> None:
    table = (copied / "comparison.csv").read_bytes()
    code, out, _ = call(capsys, *given(study_file, copied))
    assert code == 0
    assert out.count("done before") == 6
    assert (copied / "comparison.csv").read_bytes() == table


def test_other_rounds_in_the_same_folder_are_refused(
    capsys: pytest.CaptureFixture[str], study_file: Path, copied: Path
) -> None:
    code, _, err = call(capsys, *given(study_file, copied, "--rounds", 1))
    assert code == 1
    assert "another comparison: the study or an override" in err
    assert "what to do:" in err


def test_an_unknown_arm_is_an_error_with_a_hint(
    capsys: pytest.CaptureFixture[str], study_file: Path, tmp_path: Path
) -> None:
    code, _, err = call(capsys, "compare", study_file, "--schemes", "plain,fhe", "--out", tmp_path / "c")
    assert code == 1
    assert "'fhe'" in err
    assert not (tmp_path / "c").exists()


def test_the_report_is_made_again_from_the_folder(capsys: pytest.CaptureFixture[str], copied: Path) -> None:
    page = copied / "report.html"
    before = page.read_bytes()
    page.unlink()
    code, _, _ = call(capsys, "report", copied)
    assert code == 0
    assert page.read_bytes() == before


@pytest.mark.thorough
def test_ctrl_c_stops_it_and_the_same_command_goes_on(
    capsys: pytest.CaptureFixture[str], study_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "c"
    many = simulator.study(5, training={"rounds": 40, "batch_size": 32, "learning_rate": 0.5})
    own = study_file.with_name("many.toml")
    own.write_text(many.to_toml())
    study_file = own
    command = [sys.executable, "-c", "from cipherward.cli import main; main()", *map(str, given(study_file, out))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    receipts = out / "arms" / "plain" / "seed-3" / "receipts"
    while process.poll() is None and len(list(receipts.glob("*/opening.cbor"))) < 3:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130, err
    assert f"--out {out}" in err
    assert not (out / "arms" / "plain" / "seed-3" / "result.json").exists()
    opened = len(list(receipts.glob("*/opening.cbor")))
    first = (receipts / "0000" / "opening.cbor").read_bytes()
    code, said, _ = call(capsys, *given(study_file, out))
    assert code == 0
    assert opened < 42
    assert (receipts / "0000" / "opening.cbor").read_bytes() == first
    assert simulator.holds(out / "arms" / "plain" / "seed-3")
    assert said.count("done before") == 2
