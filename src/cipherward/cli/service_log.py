"""What a running service says: its log as people read it, and the status of its studies."""

from __future__ import annotations

import json as json_format
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from cipherward.consortium.homes.home import Home

JSON_LOG = typer.Option(False, "--json", help="Write the log to standard output as JSON lines.")
_REFUSALS = {
    "policy": "policy: it cannot be read",
    "members": "members: not all of the roster are confirmed there",
    "blocks": "blocks: a block, a key or a founding speaks against it there; people decide",
    "until": "until: the study's last day has passed",
    "offer": "offer: it cannot be used there, or is not for that hospital",
    "data": "data: its table cannot be read, or does not fit the study, or has changed since the study began",
    "model": "model: its code fails there, or is not installed",
    "set-aside": "set-aside: it ended or held up the service there, and waits for people",
    "files": "files: what it kept of the study is damaged",
}
"""Reasons that are no clause of a policy."""

_LINE, _LONG = 200, 4_000
_NOT_CUT = ("waits", "why_not", "reason", "last_error")
"""What people act upon is shown whole."""
_THEN = "What follows is how it was then."
_HIDDEN = {"time", "level", "event", "digest", "line"}


def run_service(service: Any) -> None:
    """Run a service to its end; the process ends with it."""
    import asyncio

    finished = asyncio.run(service)
    sys.stdout.flush()
    if not finished:
        # The thread that computes cannot be stopped; what it was doing is done again after the next start.
        os._exit(0)


def teller(json: bool) -> Callable[[dict[str, Any]], None]:
    """Shows each line of a home's log, for people or as JSON."""

    def say(entry: dict[str, Any]) -> None:
        typer.echo(json_format.dumps(entry) if json else line(entry))
        sys.stdout.flush()

    return say


def line(entry: dict[str, Any]) -> str:
    """One line of a log, as people read it."""
    facts = ", ".join(f"{key} {_short(value)}" for key, value in entry.items() if key not in _HIDDEN)
    mark = "ALARM " if entry.get("level") == "alarm" else ""
    return f"{str(entry.get('time', ''))[:19]}  {mark}{entry.get('event', '?')}{': ' if facts else ''}{facts}"


def _short(value: object, most: int = 200) -> str:
    if isinstance(value, dict):
        value = [f"{name} ({_short(what)})" for name, what in value.items()]
    text = ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)
    return text if len(text) <= most else text[: most - 3] + "..."


def show_status(home: Home, *, json: bool) -> None:
    """Print the service and every study."""
    from cipherward.consortium.homes import health
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
        room = health.disk(home)
        why = "busy, or it stands still" if "full" not in room.detail else f"{room.detail}; {room.hint}"
        typer.echo(f"Service: running, but silent{f' since {last}' if last else ''}: {why}. {_THEN}")
    else:
        typer.echo(f"Service: running, {_connection(status)}" + (f", {status['doing']}" if status.get("doing") else ""))
        _show_troubles(status.get("troubles") or {})
    _show_seen(status, running=running)
    typer.echo(f"Alarms so far: {status.get('alarms', 0)} (log.jsonl)")
    for study in status.get("studies", []):
        _show(study)
    for said in status.get("blocks") or ():
        typer.echo(f"Blocks: {said}")
    if not status.get("studies"):
        typer.echo("No study yet.")


def _show_seen(status: dict[str, Any], *, running: bool) -> None:
    """When the others were last heard of. A hospital hears of other hospitals through the coordinator only."""
    from time import time

    from cipherward.consortium.membership.authority import COORDINATOR_NAME
    from cipherward.consortium.service.signs_of_life import ask_silent, is_silent, moment, seen_words

    seen, now = status.get("seen") or {}, time()
    known = {name: float(at) for name, at in sorted(seen.items()) if isinstance(at, int | float)}
    cut_off = is_silent(known.get(COORDINATOR_NAME), now)
    listens = running and status.get("connected", True)
    for name, at in known.items():
        if not listens:
            typer.echo(f"  {name}: last heard of {moment(at)}")
        elif cut_off and name != COORDINATOR_NAME:
            typer.echo(f"  {name}: not known, since the coordinator is silent; last heard of {moment(at)}")
        else:
            typer.echo(f"  {name}: {seen_words(at, now)}")
    if never := sorted(set(status.get("members") or ()) - known.keys()):
        typer.echo(f"  {_short(never)}: {seen_words(None, now)}")
    silent = [name for name, at in known.items() if is_silent(at, now)] if listens else []
    if silent:
        typer.echo(f"  What to do: {ask_silent(silent)}")


def _connection(status: dict[str, Any]) -> str:
    if not status.get("connected"):
        look = (
            " (`cipherward hospital doctor` tries each step of the way)" if status.get("service") == "hospital" else ""
        )
        return f"not connected{_since(status)}: {status.get('reason', '')}; it dials again by itself{look}"
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
        ("waits", "waits for"),
        ("answered", "answered"),
        ("needed", "did not agree to be singled out; their block waits for"),
        ("approved", "approved"),
        ("approved_by", "approved by"),
        ("agreed", "may be singled out, by their own answer"),
        ("singled_out", "may this hospital be singled out by what is opened?"),
        ("withdrawn", "withdrawn"),
        ("refused", "refused by the hospital itself"),
        ("contested", "waits for people"),
        ("given_up", "the sum that it left"),
        ("away", "away since"),
        ("breached", "reported a breach"),
        ("alerts", "breaches reported by others"),
        ("left_out", "columns left out"),
        ("reason", "why"),
        ("why_not", "does not take part"),
        ("stopped", "stopped by the coordinator"),
        ("keys_erased", "its keys are erased here"),
        ("last_error", "last problem"),
        ("model", "model"),
    ):
        if found := study.get(key):
            said = "yes" if found is True else _short(found, _LONG if key in _NOT_CUT else _LINE)
            typer.echo(f"  {words}: {said}")
    if vault := study.get("vault"):
        why = f", {vault['why']}" if vault["why"] else ""
        behind = (
            f"{vault['objects']} object(s), {vault['bytes'] / 1e6:.1f} MB behind{why}"
            if vault["objects"]
            else "up to date"
        )
        typer.echo(f"  vault: {behind} ({vault['where']})")
    for key, words in (("about_data", "about this data"), ("warnings", "warning")):
        for said in study.get(key) or ():
            typer.echo(f"  {words}: {said}")
    for said in study.get("if_missing") or ():
        typer.echo(f"  {said}")
