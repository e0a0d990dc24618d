"""`cipherward audit`: show, export and prove what an audit log says; a study's page for the privacy officer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cipherward.cli.homes import HOME, JSON

if TYPE_CHECKING:
    from cipherward.runs.audit_export import Log

app = typer.Typer(help="What was done in runs and studies: show, export, prove.", no_args_is_help=True)

DIR = typer.Argument(
    Path(), metavar="[DIR]", help="A run, a study's folder, or a home: all its studies. Default: the current folder."
)
HOSPITAL = typer.Option("", "--hospital", help="Only entries that name this hospital.")
EVENT = typer.Option("", "--event", help='Only this kind of entry, such as "sum opened".')
SINCE = typer.Option("", "--since", help="Only from this time on, such as 2026-03-01.")
UNTIL = typer.Option("", "--until", help="Only until this time, the day included.")
STUDY = typer.Option("", "--study", help="In a home: only the study of this name, or digest.")
OUT = typer.Option(..., "--out", help="The file to write.")


@app.command("show")
def show(
    path: Path = DIR,
    hospital: str = HOSPITAL,
    event: str = EVENT,
    since: str = SINCE,
    until: str = UNTIL,
    study: str = STUDY,
    json: bool = JSON,
) -> None:
    """Say in words what a log holds. `cipherward verify` checks that it is whole and everything is as it says."""
    from cipherward.cli.terminal import print_json
    from cipherward.runs.audit_export import Wanted, home_entries, words

    wanted = Wanted(hospital, event, since, until)
    rows = []
    for entry in home_entries(path) if not study else ():
        if wanted.has(entry) and json:
            rows.append({"log": "home", "n": entry.number, "at": entry.at, "event": entry.event, **entry.facts})
        elif wanted.has(entry):
            typer.echo(f"  home {entry.number:>6}  {entry.at[:19]}  {words(entry)}")
    logs = [(one, one is not log) for log in _logs(path, study) for one in (*log.earlier, log)]
    for log, is_earlier in logs:
        if not json:
            by = log.study.hospitals[log.hospital - 1].name if log.hospital else "the coordinator"
            which = "earlier log" if is_earlier else "log"
            typer.echo(f"Study {log.study.name} ({log.study.digest().hex()[:12]}), {which} of {by}:")
        for entry in log.entries:
            if wanted.has(entry):
                if json:
                    facts = {"n": entry.number, "at": entry.at, "event": entry.event, **entry.facts}
                    rows.append({"log": log.study.name, **facts, "files": dict(entry.files)})
                else:
                    typer.echo(f"  {entry.number:>6}  {entry.at[:19]}  {words(entry)}")
    if json:
        print_json(rows)


@app.command("export")
def export(path: Path = DIR, out: Path = OUT) -> None:
    """Write one log to one file: FILE.json, which `cipherward verify FILE.json` checks anywhere, or FILE.csv, for people. That it
    was exported comes into the log of whose it is."""
    from cipherward.cli.vault_log import home_at, tell
    from cipherward.errors import StorageError
    from cipherward.runs import audit_export
    from cipherward.runs.audit_trail import sha256
    from cipherward.simulation import witnessed
    from cipherward.store import files

    log = audit_export.open_log(path)
    if out.suffix not in (".json", ".csv"):
        raise StorageError(f"{out}: neither .json nor .csv", hint="the name's end says which it is to be")
    data = audit_export.to_json(log) if out.suffix == ".json" else audit_export.to_csv(log)
    files.write(out, data)
    typer.echo(f"{out}: {sum(1 for _ in log.lines)} entries")
    if out.suffix == ".json":
        typer.echo(f"Check it anywhere with: cipherward verify {out}")
    facts = {"study": log.study.name, "file": out.name, "sha256": sha256(data)}
    home = path.resolve().parent.parent
    if home_at(home):
        tell(home, "exported", facts)
    else:
        witnessed.look(path, "exported", facts)


@app.command("prove")
def prove(
    path: Path = DIR,
    entry: int = typer.Option(..., "--entry", min=0, help="The entry's number."),
    since: int = typer.Option(
        None, "--since-size", min=0, help="Prove instead that the first so many entries are the beginning of the log."
    ),
    out: Path = OUT,
) -> None:
    """Write a proof that an entry is in the log, as c2sp.org/tlog-proof has it; the keys that check it are printed."""
    from cipherward.runs import audit_export
    from cipherward.runs.log_names import witnesses
    from cipherward.store import files

    log = audit_export.open_log(path)
    proof, head = audit_export.prove(log, entry, since)
    files.write(out, proof.encode())
    if head:
        beside = out.with_name(f"{out.name}.head")
        files.write(beside, head.encode())
        typer.echo(f"{beside}: the same head with all its cosignatures; the proof has as many as fit into 2 kB")
    typer.echo(f"{out}: {out.stat().st_size} bytes. It is about this line, which is the leaf:")
    typer.echo(next(line for number, line in enumerate(log.lines) if number == entry).decode())
    typer.echo("Keys:")
    for key in (log.author, *([] if log.hospital else witnesses(log.study).values())):
        typer.echo(f"  {key.words}")


@app.command("study")
def study_page(
    name: str = typer.Argument(metavar="STUDY", help="Name of the study, or the first digits of its digest."),
    home: Path = HOME,
) -> None:
    """At a hospital, one page for the privacy officer: which columns were used, on whose approval, what left, what is left."""
    from cipherward.cli.terminal import doing, terminal_width
    from cipherward.consortium.homes.hospital_home import HospitalHome
    from cipherward.consortium.service import officers_page

    doing("  checking the files of the study")
    typer.echo(officers_page.of(HospitalHome(home), name, min(officers_page.WIDTH, terminal_width())), nl=False)


@app.command("record")
def record(
    study: str = typer.Argument(metavar="STUDY", help="A study.toml, a run or study folder, or a built-in study."),
    out: Path = typer.Option(None, "--out", help="File to write; default: the screen."),
) -> None:
    """Write the study's record of processing activities (GDPR Art. 30) as Markdown; what only people know is left open in it."""
    from cipherward.cli.choosing import study_named
    from cipherward.runs import processing_record
    from cipherward.store import files

    path = Path(study)
    chosen, _ = study_named(str(path / "study.toml") if path.is_dir() else study)
    text = processing_record.of(chosen)
    if out is None:
        typer.echo(text, nl=False)
    else:
        files.write(out, text.encode())
        typer.echo(f"{out}: fill in what is marked with [ ]")


def _logs(path: Path, study: str) -> Iterator[Log]:
    """The log of a folder, or of every study of a home."""
    from cipherward.errors import StorageError
    from cipherward.runs.audit_export import open_log

    inside = [folder for name in ("studies", "models") for folder in sorted(path.glob(f"{name}/*/audit.jsonl"))]
    if (path / "audit.jsonl").exists() or not inside:
        yield open_log(path)
        return
    found = [log for log in map(open_log, (file.parent for file in inside)) if _is_of(log, study)]
    if not found:
        raise StorageError(f"no audit log of a study {study!r} in {path}", hint="leave --study out to see all")
    yield from found


def _is_of(log: Log, study: str) -> bool:
    digest = log.study.digest().hex()
    return study in ("", log.study.name) or (len(study) >= 4 and digest.startswith(study.lower()))
