"""The tutorial, word for word: every command is run in one shell, every file is saved, and what is shown is seen."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
BLOCK = re.compile(r"^```(sh|toml)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
FAILS = "The run stops."


def blocks() -> list[tuple[str, str, str, str]]:
    """(kind, content, the line before, the text after) of every block."""
    found = list(BLOCK.finditer(TUTORIAL))
    ends = [later.start() for later in found[1:]] + [len(TUTORIAL)]
    return [
        (block[1], block[2], TUTORIAL[: block.start()].strip().splitlines()[-1], TUTORIAL[block.end() : end])
        for block, end in zip(found, ends, strict=True)
    ]


def _copy_of_the_repository(folder: Path) -> None:
    for name in ("pyproject.toml", "constraints.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(
        ROOT / "src" / "cipherward", folder / "src" / "cipherward", ignore=shutil.ignore_patterns("__pycache__")
    )


def _run(commands: str, folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    text = f"set -e\n[ ! -d cipherward-venv ] || . cipherward-venv/bin/activate\n{commands}"
    done = subprocess.run(
        ["bash", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def _stand_in(folder: Path) -> None:
    """Where pip reaches no registry for what builds a package: the command from the source instead."""
    command = folder / "cipherward-venv" / "bin" / "cipherward"
    command.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from cipherward.cli import main; main()' \"$@\"\n")
    command.chmod(0o755)


@pytest.mark.slow
def test_every_command_of_the_tutorial_shows_what_it_says(tmp_path: Path) -> None:
    _copy_of_the_repository(tmp_path)
    # What is installed here counts as installed there, so that pip fetches nothing big.
    here = os.pathsep.join(path for path in sys.path if "site-packages" in path)
    environment = os.environ | {"PYTHONPATH": here, "OMP_NUM_THREADS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    for kind, content, before, after in blocks():
        if kind == "toml":
            (named,) = re.findall(r"^Save this as `([^`]+)`:$", before)
            (tmp_path / named).write_text(content)
            continue
        code, shown = _run(content, tmp_path, environment)
        if "pip install" in content and code and "setuptools" in shown:
            _stand_in(tmp_path)
            environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), here])
            continue
        assert (code != 0) == after.strip().startswith(FAILS), shown
        for expected in re.findall(r"It shows `([^`]+)`", after):
            assert expected in shown, f"{content}\n{shown}"
    for run, kind in (("first-run", "federated"), ("first-run", "centralised"), ("second-run", "federated")):
        reached = json.loads((tmp_path / run / "result.json").read_text("utf-8"))[f"auroc_{kind}"]
        stated = [float(text) for text in re.findall(r"\babout (0\.\d\d)", TUTORIAL)]
        assert min(abs(reached - each) for each in stated) < 0.01, (run, kind)  # noise moves it from run to run


def test_the_tutorial_meets_no_cryptography() -> None:
    steps = TUTORIAL.split("## What next")[0].lower()
    words = r"\b(encrypt\w*|cipher|cryptograph\w*|secret\w*|keys?|signatures?|quorum|ring|hash\w*)\b"
    assert [found.group() for found in re.finditer(words, steps)] == []
