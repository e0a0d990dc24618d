"""The examples under deploy/: they parse, and what they start exists."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer

from cipherward.cli import app

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
HARDENING = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "KillSignal": "SIGTERM",
    "Restart": "on-failure",
    "UMask": "0077",
    "LimitCORE": "0",
}


def service(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    section = unit.read_text("utf-8").split("[Service]")[1].split("\n[")[0]
    for line in section.splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def command_of(words: list[str]) -> Any:
    """The command, with its options checked."""
    current: Any = typer.main.get_command(app)
    words = list(words)
    while words and hasattr(current, "commands"):
        assert words[0] in current.commands, words
        current = current.commands[words.pop(0)]
    known = {flag for parameter in current.params for flag in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known
    return current


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_a_unit_has_its_sections_and_is_hardened(unit: Path) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.read_string(unit.read_text("utf-8"))
    assert parser.sections() == ["Unit", "Service", "Install"]
    settings = service(unit)
    assert {key: settings[key][-1] for key in HARDENING} == HARDENING
    assert settings["User"] not in (["root"], [""])
    home = f"/var/lib/{settings['StateDirectory'][0]}"
    assert f"CIPHERWARD_HOME={home}" in settings["Environment"]
    assert settings["ReadWritePaths"] == [home]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_a_unit_starts_a_command_that_exists(unit: Path) -> None:
    (line,) = service(unit)["ExecStart"]
    program, *words = line.split()
    assert Path(program).name == "cipherward"
    assert command_of(words).name == "serve"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_systemd_understands_a_unit(unit: Path, tmp_path: Path) -> None:
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text("utf-8"), flags=re.MULTILINE)
    (tmp_path / unit.name).write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not [line for line in done.stderr.splitlines() if unit.name in line], done.stderr
    assert done.returncode == 0, done.stderr


def test_the_container_starts_commands_that_exist_and_is_not_root() -> None:
    compose = (DEPLOY / "container" / "compose.yaml").read_text("utf-8")
    commands = re.findall(r"command: \[(.*)\]", compose)
    assert len(commands) == 2
    for command in commands:
        command_of([word.strip(' "') for word in command.split(",")])
    image = (DEPLOY / "container" / "Dockerfile").read_text("utf-8")
    assert "-c constraints.txt" in image
    assert re.search(r"^USER 10001$", image, re.MULTILINE)


def test_every_command_in_the_readme_exists() -> None:
    text = (DEPLOY / "README.md").read_text("utf-8")
    found = re.findall(r"cipherward ((?:coordinator|hospital) [a-z]+[^`\n]*)", text)
    found += re.findall(r"docker compose run .* (?:coordinator|hospital) ((?:coordinator|hospital) .*)", text)
    assert len(found) >= 4
    for line in found:
        command_of(line.split())


def test_every_file_that_the_readme_lists_exists() -> None:
    for name in re.findall(r"`((?:systemd|container|firewall)/[\w./-]+)`", (DEPLOY / "README.md").read_text("utf-8")):
        assert (DEPLOY / name).exists(), name
