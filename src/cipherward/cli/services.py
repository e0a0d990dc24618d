"""`serve`, `start`, `stop` and `status`: the running side of coordinator and hospital."""

from __future__ import annotations

import json as json_format
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cipherward.cli.homes import HOME, JSON

if TYPE_CHECKING:
    from cipherward.deployment.home import Home

JSON_LOG = typer.Option(False, "--json", help="Write the log to standard output as JSON lines.")
_THEN = "What follows is how it was then."
_HIDDEN = {"time", "level", "event", "digest"}


def coordinator_serve(json: bool = JSON_LOG, home: Path = HOME) -> None:
    """Run the consortium: message server (where this folder says so), offers, studies. SIGTERM stops it at any moment."""
    from cipherward.deployment.homes import CoordinatorHome
    from cipherward.engines.nats import coordinator

    _run(coordinator.serve(CoordinatorHome(home), _teller(json)))


def hospital_serve(json: bool = JSON_LOG, home: Path = HOME) -> None:
    """Take part in approved studies. Dials out to the consortium's server only. SIGTERM stops it at any moment."""
    from cipherward.deployment.homes import HospitalHome
    from cipherward.engines.nats import hospital

    _run(hospital.serve(HospitalHome(home), _teller(json)))


def coordinator_start(
    study: Path = typer.Argument(help="The study.toml that people wrote; its hospitals are members."),
    begin_after: float = typer.Option(
        None, "--begin-after", min=0.0, help="Seconds after which a quorum is enough; default: wait for all listed."
    ),
    home: Path = HOME,
) -> None:
    """Freeze a study with its members' keys and offer it to its hospitals. It begins when they have approved it."""
    import time

    from cipherward import study as document
    from cipherward.deployment import starting
    from cipherward.deployment.homes import CoordinatorHome
    from cipherward.deployment.serving import is_served

    own = CoordinatorHome(home)
    folder = starting.start(own, document.load(study, deployed=True), time.time(), begin_after=begin_after)
    typer.echo(f"Study digest, which every hospital approves:  {folder.name}")
    typer.echo(f"Files: {folder}")
    if not is_served(own):
        typer.echo(f"The service is not running: cipherward coordinator serve --home {home}")


def coordinator_stop(
    study: str = typer.Argument(help="Name, or the first digits of the digest."),
    reason: str = typer.Option("stopped by the coordinator", "--reason", help="What hospitals are told."),
    home: Path = HOME,
) -> None:
    """End a study after its current sum. What was certified stays verified; there is no way back."""
    from cipherward.deployment import starting
    from cipherward.deployment.homes import CoordinatorHome

    folder = starting.stop(CoordinatorHome(home), study, reason)
    typer.echo(f"{folder.name[:12]} stops after its current sum.")


def coordinator_status(json: bool = JSON, home: Path = HOME) -> None:
    """Show the service and every study: its step, who has answered, for whom it waits."""
    from cipherward.deployment.homes import CoordinatorHome

    _status(CoordinatorHome(home), json=json)


def hospital_status(json: bool = JSON, home: Path = HOME) -> None:
    """Show the service, its connection, and every study offered to this hospital."""
    from cipherward.deployment.homes import HospitalHome

    _status(HospitalHome(home), json=json)


def register(coordinator: typer.Typer, hospital: typer.Typer) -> None:
    """Add these commands to the two sub-apps."""
    coordinator.command("serve")(coordinator_serve)
    coordinator.command("start")(coordinator_start)
    coordinator.command("stop")(coordinator_stop)
    coordinator.command("status")(coordinator_status)
    hospital.command("serve")(hospital_serve)
    hospital.command("status")(hospital_status)


def _run(service: Any) -> None:
    import asyncio

    finished = asyncio.run(service)
    sys.stdout.flush()
    if not finished:
        # The thread that computes cannot be stopped; what it was doing is done again after the next start.
        os._exit(0)


def _teller(json: bool) -> Any:
    def say(entry: dict[str, Any]) -> None:
        typer.echo(json_format.dumps(entry) if json else _line(entry))
        sys.stdout.flush()

    return say


def _line(entry: dict[str, Any]) -> str:
    facts = ", ".join(f"{key} {_short(value)}" for key, value in entry.items() if key not in _HIDDEN)
    mark = "ALARM " if entry.get("level") == "alarm" else ""
    return f"{str(entry.get('time', ''))[:19]}  {mark}{entry.get('event', '?')}{': ' if facts else ''}{facts}"


def _short(value: object) -> str:
    if isinstance(value, dict):
        value = [f"{name} ({_short(what)})" for name, what in value.items()]
    text = ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)
    return text if len(text) <= 200 else text[:197] + "..."


def _status(home: Home, *, json: bool) -> None:
    from cipherward.deployment.serving import SILENT_SECONDS, is_served, silence

    running, silent = is_served(home), silence(home)
    status = home.read_status() or {}
    if json:
        from cipherward.cli.terminal import print_json

        print_json(status | {"running": running})
        return
    last = str(status.get("time", ""))[:19]
    if not running:
        typer.echo(f"Service: not running{f'; last seen {last}. {_THEN}' if last else ''}")
    elif silent > SILENT_SECONDS:
        typer.echo(f"Service: running, but silent{f' since {last}' if last else ''}: busy, or it stands still. {_THEN}")
    else:
        connected = "connected" if status.get("connected") else f"not connected: {status.get('reason', '')}"
        typer.echo(f"Service: running, {connected}" + (f", {status['doing']}" if status.get("doing") else ""))
    typer.echo(f"Alarms so far: {status.get('alarms', 0)} (log.jsonl)")
    for study in status.get("studies", []):
        _show(study)
    if not status.get("studies"):
        typer.echo("No study yet.")


def _show(study: dict[str, Any]) -> None:
    done = study.get("sums_opened", study.get("sums_verified", 0))
    typer.echo(f"{study['study']} ({study['digest'][:12]}): {study['phase']}, {done} of {study['sums_planned']} sums")
    if study.get("step"):
        typer.echo(f"  sum {study['sum']} ({study['purpose']}), step {study['step']}, since {study['since']}")
    for key, words in (
        ("waiting_for", "waiting for"),
        ("answered", "answered"),
        ("approved", "approved"),
        ("withdrawn", "withdrawn"),
        ("refused", "refused by the hospital's own rules"),
        ("away", "away since"),
        ("breached", "reported a breach"),
        ("alerts", "breaches reported by others"),
        ("reason", "why"),
        ("why_not", "does not take part"),
        ("last_error", "last problem"),
        ("model", "model"),
    ):
        if study.get(key):
            typer.echo(f"  {words}: {_short(study[key])}")
