"""Every command that the README shows is run, and its study of one's own as well."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.public_data import SHARED

README = Path(__file__).parents[2] / "README.md"


def commands() -> list[str]:
    """The cipherward commands in the README's tables, in order, but for those of a consortium: see test_operations_runs."""
    rows = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    found = re.findall(r"`cipherward ([^`]+)`", "\n".join(rows))
    elsewhere = ("coordinator", "hospital", "audit study")  # at a party's home
    return [shown for shown in dict.fromkeys(found) if not shown.startswith(elsewhere)]


def execute(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from cipherward.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=900)


@pytest.fixture(scope="module")
def quick_start(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with the quick start's run, two cohorts of its study and example tables, and the run's place in it."""
    path = tmp_path_factory.mktemp("readme")
    begun = (
        ["run"],
        ["cohort", "--out", "cohort-then"],
        ["cohort", "--out", "cohort-now"],
        ["data", "example", "tables"],
    )
    for arguments in begun:
        done = execute(arguments, path)
        assert done.returncode == 0, done.stderr
    return path, f"runs/{(path / 'runs' / 'latest.txt').read_text().strip()}"


@pytest.mark.slow
@pytest.mark.parametrize("shown", commands())
def test_a_command_of_the_readme_does_what_it_says(shown: str, quick_start: tuple[Path, str]) -> None:
    folder, run = quick_start
    if "FILE.json" in shown:
        exported = execute(["audit", "export", run, "--out", "FILE.json"], folder)
        assert exported.returncode == 0, exported.stderr
    if shown == "verify URL" and not (folder / "URL").exists():
        stored = execute(["run", "breast-cancer", "--vault", "URL"], folder)
        assert stored.returncode == 0, stored.stderr
    text = (
        shown.replace("RUN_DIR LATER_RUN_DIR", "cohort-then cohort-now")
        .replace("run STUDY --continue", "run readmission --continue")  # the study of the run that it goes on from
        .replace("data check TABLE --study STUDY", "data check tables/hospital-1.csv --study tables/study.toml")
        .replace("data draft TABLE", "data draft tables/hospital-1.csv")
        .replace("example DIR", "example new-folder")
        .replace("init URL", "init new-vault")  # the one that a run was given is there already
        .replace("RUN_DIR", run)
        .replace("report DIR", f"report {run}")
        .replace("audit show DIR", f"audit show {run}")
        .replace("TABLE.csv", f"{run}/example-rows.csv")
        .replace("STUDY", "breast-cancer")
    )
    downloads = text.startswith(("data fetch", "run tcga-brca"))
    if text.startswith("run tcga-brca") and (SHARED / "tcga_brca" / "brca.csv").is_file():
        text += f" --data {SHARED / 'tcga_brca'}"
    done = execute(text.split(), folder)
    if "--resume" in text:
        assert "is finished" in done.stderr
    elif downloads and "--data" not in text and done.returncode:
        assert "CIPHERWARD_DATA" in done.stderr, "without a network the error says what stands in for it"
    else:
        assert done.returncode == 0, done.stderr
        assert done.stdout


@pytest.mark.slow
def test_the_study_of_ones_own_in_the_readme_runs(tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "my-study.toml").write_text(blocks[0])
    rng = np.random.default_rng(5)
    for name in ("north", "south", "west"):
        rows = ["patient,age,sex,readmitted"]
        for patient in range(300):
            age = int(rng.integers(20, 100))
            sex = "female" if rng.random() < 0.5 else "male"
            rows.append(f"{name}{patient},{age},{sex},{int(rng.random() < age / 150)}")
        (tmp_path / f"{name}.csv").write_text("\n".join(rows) + "\n")
    done = execute(["run", "my-study.toml"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Privacy Preserved for Client 3" in done.stdout
