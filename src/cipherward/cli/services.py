"""`serve`, `start`, `stop` and `status`: the running side of coordinator and hospital."""

from __future__ import annotations

import json as json_format
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cipherward.cli.homes import HOME, JSON

if TYPE_CHECKING:
    from cipherward.consortium.homes.home import Home

JSON_LOG = typer.Option(False, "--json", help="Write the log to standard output as JSON lines.")
_REFUSALS = {
    "policy": "policy: it cannot be read",
    "members": "members: not all of the roster are confirmed there",
    "offer": "offer: it cannot be used there, or is not for that hospital",
    "data": "data: its table cannot be read, or does not fit the study",
    "files": "files: what it kept of the study is damaged",
}
"""Reasons that are no clause of a policy."""

_THEN = "What follows is how it was then."
_HIDDEN = {"time", "level", "event", "digest"}


def coordinator_serve(json: bool = JSON_LOG, home: Path = HOME) -> None:
    """Run the consortium: message server (where this folder says so), offers, studies. SIGTERM stops it at any moment."""
    from cipherward.consortium.homes.homes import CoordinatorHome
    from cipherward.transport import coordinator_service as coordinator

    _run(coordinator.serve(CoordinatorHome(home), _teller(json)))


def hospital_serve(json: bool = JSON_LOG, home: Path = HOME) -> None:
    """Take part in approved studies. Dials out to the consortium's server only. SIGTERM stops it at any moment."""
    from cipherward.consortium.homes.homes import HospitalHome
    from cipherward.transport import hospital_service as hospital

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
    from cipherward.consortium.homes.homes import CoordinatorHome
    from cipherward.consortium.homes.lock import is_served
    from cipherward.consortium.service import offering

    own = CoordinatorHome(home)
    folder = offering.start(own, document.load(study, deployed=True), time.time(), begin_after=begin_after)
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
    from cipherward.consortium.homes.homes import CoordinatorHome
    from cipherward.consortium.service import offering

    folder = offering.stop(CoordinatorHome(home), study, reason)
    typer.echo(f"{folder.name[:12]} stops after its current sum.")


def coordinator_status(json: bool = JSON, home: Path = HOME) -> None:
    """Show the service and every study: its step, who has answered, for whom it waits."""
    from cipherward.consortium.homes.homes import CoordinatorHome

    _status(CoordinatorHome(home), json=json)


def hospital_status(json: bool = JSON, home: Path = HOME) -> None:
    """Show the service, its connection, and every study offered to this hospital."""
    from cipherward.consortium.homes.homes import HospitalHome

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
    from cipherward.consortium.homes.lock import SILENT_SECONDS, is_served, silence

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
        typer.echo(f"Service: running, {_connection(status)}" + (f", {status['doing']}" if status.get("doing") else ""))
        _show_troubles(status.get("troubles") or {})
    typer.echo(f"Alarms so far: {status.get('alarms', 0)} (log.jsonl)")
    for study in status.get("studies", []):
        _show(study)
    if not status.get("studies"):
        typer.echo("No study yet.")


def _connection(status: dict[str, Any]) -> str:
    if not status.get("connected"):
        return f"not connected{_since(status)}: {status.get('reason', '')}; it dials again by itself"
    return "connected, but letters do not pass" if status.get("troubles") else "connected"


def _show_troubles(troubles: dict[str, Any]) -> None:
    reasons: dict[str, list[str]] = {}
    for what, trouble in troubles.items():
        reasons.setdefault(trouble["reason"], []).append(what)
    for reason, affected in reasons.items():
        first = min((troubles[what] for what in affected), key=lambda trouble: trouble["since"])
        typer.echo(f"  {_short(affected)}{_since(first)}: {reason}")
    if troubles:
        typer.echo("  Letters wait, nothing is lost; it is tried again by itself.")


def _since(facts: dict[str, Any]) -> str:
    try:
        return f" since {datetime.fromtimestamp(float(facts['since']), UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (KeyError, TypeError, ValueError, OverflowError):
        return ""


def _show(study: dict[str, Any]) -> None:
    done = study.get("sums_opened", study.get("sums_verified", 0))
    typer.echo(f"{study['study']} ({study['digest'][:12]}): {study['phase']}, {done} of {study['sums_planned']} sums")
    if study.get("step"):
        typer.echo(f"  sum {study['sum']} ({study['purpose']}), step {study['step']}, since {study['since']}")
    refused = study.get("refused") or {}
    study = study | {
        "refused": {name: [_REFUSALS.get(why, why) for why in reasons] for name, reasons in refused.items()}
    }
    for key, words in (
        ("waiting_for", "waiting for"),
        ("answered", "answered"),
        ("only", "a question that was answered before; it needs all of"),
        ("approved", "approved"),
        ("withdrawn", "withdrawn"),
        ("refused", "refused by the hospital itself"),
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
