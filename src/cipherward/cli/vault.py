"""`cipherward vault`: encrypted copies of runs, in a folder or at a storage provider."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cipherward.cli.homes import JSON
from cipherward.cli.vault_log import OWNER, tell

if TYPE_CHECKING:
    from cipherward.runs.archive import Archive
    from cipherward.vault.catalogue import Catalogue, Entry
    from cipherward.vault.vault import Vault

app = typer.Typer(
    help="Keep encrypted copies of runs in a vault: a folder, s3:// or gdrive://.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

URL = typer.Argument(
    metavar="URL", help="The vault: a folder, s3://BUCKET/PATH, gdrive://FOLDER, or another of fsspec."
)
KEY_FILE = typer.Option(
    None,
    "--key-file",
    envvar="CIPHERWARD_VAULT_KEY_FILE",
    help="File with the vault key; default: the environment, or the file beside a local vault.",
)
STUDY = typer.Option("", "--study", help="Of this study only: its name's or its digest's first characters.")
KIND = typer.Option("", "--kind", help="Of this kind only.")


@app.command("init")
def init(
    url: str = URL,
    key_file: Path = KEY_FILE,
    new_key: bool = typer.Option(False, "--new-key", help="Make the file of --key-file, with a new key."),
) -> None:
    """Make a vault. Without a key, a local vault gets a key file beside it; keep a copy of it elsewhere."""
    from cipherward.vault import access, keys

    if new_key:
        if not key_file:
            raise typer.BadParameter("--new-key makes the file that --key-file names")
        keys.make_file(key_file)
    vault, made = access.create_at(access.Address(url, key_file))
    typer.echo(f"Vault {vault.id.hex()[:8]} in {vault.store.shown}")
    say_key(made or (key_file if new_key else None))


@app.command("ls")
def ls(url: str = URL, study: str = STUDY, kind: str = KIND, json: bool = JSON, key_file: Path = KEY_FILE) -> None:
    """List what is in the vault: study, kind, sum, size, time, file."""
    from cipherward.cli.terminal import print_json

    _, catalogue = _opened(url, key_file)
    found = catalogue.of(study=study, kind=kind)
    if json:
        print_json([_row(entry) for entry in found])
        return
    for entry in found:
        row = _row(entry)
        typer.echo(f"{entry.label.study[:12]:12}  {row['kind']:9} {row['size']:>11}  {row['stored']}  {row['path']}")
    total = sum(entry.size for entry in found)
    typer.echo(f"{len(found)} object(s), {total / 1e6:.1f} MB; {len(catalogue.tombstones)} erased")


@app.command("get")
def get(
    url: str = URL,
    path: str = typer.Argument(help="The file, as `ls` shows it; its newest version."),
    out: Path = typer.Argument(help="Where to write it."),
    study: str = STUDY,
    key_file: Path = KEY_FILE,
) -> None:
    """Read one file from the vault. It is written only when all of it is intact."""
    from cipherward.errors import StorageError
    from cipherward.vault.copying import copy_out

    vault, catalogue = _opened(url, key_file)
    found = catalogue.of(study=study, path=path)
    if not found:
        raise StorageError(f"the vault has no {path}", hint="`cipherward vault ls URL` lists its files")
    if len({entry.label.study for entry in found}) > 1:
        raise StorageError(f"{path} is there of several studies", hint="choose one with --study")
    newest = max(found, key=lambda entry: (entry.stored, catalogue.places[entry.name][1]))
    copy_out(vault, newest, catalogue, out)
    typer.echo(f"{out}: {newest.size} bytes, stored {_when(newest.stored)}")


@app.command("check")
def check(
    url: str = URL,
    fast: bool = typer.Option(False, "--fast", help="Whether every object is there; none is read."),
    verbose: bool = typer.Option(False, "--verbose", "-v", help="A line for each object."),
    json: bool = JSON,
    key_file: Path = KEY_FILE,
) -> None:
    """Read everything in the vault and say what is missing, damaged, older than it was, or not erased."""
    from dataclasses import asdict

    from cipherward.cli.terminal import NOT_VERIFIED, print_json, say
    from cipherward.vault import access
    from cipherward.vault.vault import Finding

    address = access.Address(url, key_file)
    vault = access.open_at(address)
    problems: list[str] = []
    memory = address.memory()
    catalogue = vault.read_catalogue(memory, problems)
    findings = [Finding("catalogue", False, text) for text in problems]
    findings += list(vault.check(catalogue, deep=not fast))
    bad = [finding for finding in findings if not finding.holds]
    if json:
        print_json({"holds": not bad, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings if verbose else bad:
            mark = "ok " if finding.holds else "BAD"
            say(f"{mark} {finding.what}: {finding.detail}", fg=None if finding.holds else "red")
        verdict = f"{len(bad)} problem(s)" if bad else "all hold"
        say(f"{len(findings)} object(s) checked, {verdict}", fg="red" if bad else "green", bold=True)
        if memory.path is None:
            say("Nothing here remembers this vault: an older state of all of it would not be noticed.")
    if bad:
        raise typer.Exit(NOT_VERIFIED)


@app.command("restore")
def restore(
    url: str = URL,
    folder: Path = typer.Argument(help="New folder: it becomes the run folder. Or a coordinator's home."),
    study: str = typer.Option("", "--study", help="First digits of the study's digest, where the vault has several."),
    key_file: Path = KEY_FILE,
) -> None:
    """Write all that the vault has of a study into a run folder, then verify it. Keys and ledgers are in no vault.

    In a coordinator's home the study goes to its place, and the service goes on with it.
    """
    from time import time

    from cipherward.cli.terminal import NOT_VERIFIED, quoted, say
    from cipherward.consortium.homes.coordinator_home import CoordinatorHome
    from cipherward.errors import StorageError
    from cipherward.runs import earlier_logs, in_vault, restoring

    vault, catalogue = _opened(url, key_file)
    found = restoring.studies_in(catalogue, study)
    if len(found) != 1:
        listed = ", ".join(digest[:12] for digest in found) or "none"
        raise StorageError(f"the vault has of this: {listed}", hint="choose one study with --study DIGEST")
    home = CoordinatorHome(folder) if (folder / CoordinatorHome.settings_file).exists() else None
    folder = home.study_folder(bytes.fromhex(found[0])) if home else folder
    files = restoring.restore(vault, catalogue, found[0], folder)
    earlier_logs.note_restore(folder, vault.store.shown, time())
    if home:
        home.log("study restored", {"digest": found[0], "from": vault.store.shown, "files": files})
    lines = list(in_vault.run_lines(folder, catalogue))
    bad = [line for line in lines if not line.holds]
    typer.echo(f"{files} file(s) of study {found[0][:12]} in {folder}")
    for line in bad:
        say(f"BAD sum {line.round} {line.purpose} {line.hospital}: {line.outcome} ({line.detail})", fg="red")
    for line in lines:
        if line.gap:
            say(f"GAP {line.outcome}: {line.detail}", fg="yellow")
    if bad:
        raise typer.Exit(NOT_VERIFIED)
    typer.echo(f"Verified. Again at any time: {quoted('cipherward', 'verify', folder)}")


@app.command("put")
def put(
    url: str = URL,
    file: Path = typer.Argument(metavar="FILE|RUN", help="A file, or a run folder: all of it that the vault lacks."),
    name: str = typer.Option("", "--as", help="A file's name in the vault; default: its own."),
    key_file: Path = KEY_FILE,
) -> None:
    """Keep a file or a run in the vault, encrypted. The same content under the same name is kept once."""
    from cipherward.vault import access
    from cipherward.vault.catalogue import Label

    if file.is_dir():
        _put_run(url, file, key_file)
        return

    writer = access.writer_at(access.Address(url, key_file))
    stored = writer.add(Label("file", "", name or file.name), file)
    writer.commit()
    typer.echo(f"{stored} bytes stored" if stored else "it was there already")


@app.command("prune")
def prune(
    url: str = URL,
    study: str = STUDY,
    kind: str = KIND,
    older_than: float = typer.Option(
        None, "--older-than", min=0, help="Erase what was stored more than so many days ago; 0: all of it."
    ),
    reason: str = typer.Option("", "--reason", help="Why, for tombstones and audit log: no patient, no name."),
    key_file: Path = KEY_FILE,
    owner: Path = OWNER,
) -> None:
    """Finish erasures that were interrupted, and erase what --older-than says; without it, what each study keeps no longer."""
    from cipherward.runs import restoring
    from cipherward.vault import access, retention

    address = access.Address(url, key_file)
    writer = access.writer_at(address)
    catalogue = writer.vault.read_catalogue(address.memory())
    chosen = catalogue.of(study=study, kind=kind)
    before = set(catalogue.tombstones)
    if older_than is not None:
        erased = retention.erase_older(writer, catalogue, chosen, older_than, reason=reason)
    else:
        rules = {
            each: restoring.rules_of(writer.vault, catalogue, each) for each in restoring.studies_in(catalogue, study)
        }
        erased = sum(
            retention.apply(writer, found, each, catalogue=catalogue) for each, found in rules.items() if found
        )
    left = retention.tidy(writer.vault, catalogue)
    typer.echo(f"{erased} object(s) erased with their data keys; {left} left over removed")
    if erased:
        typer.echo("A provider that keeps old copies: `cipherward vault rotate-key` makes it final.")
        stones = writer.vault.read_catalogue().tombstones
        reasons = "; ".join(sorted({stone.reason for name, stone in stones.items() if name not in before}))
        tell(owner, "vault objects erased", {"objects": erased, "reason": reasons}, stones.values())


@app.command("rotate-key")
def rotate_key(
    url: str = URL,
    key_file: Path = KEY_FILE,
    new_key_file: Path = typer.Option(
        None, "--new-key-file", help="File with the new key, where the present one is not in a file."
    ),
    owner: Path = OWNER,
) -> None:
    """Give the vault a new key. Objects stay as they are; what was erased before cannot be opened by anybody any more."""
    from cipherward.errors import StorageError
    from cipherward.vault import access, keys

    address = access.Address(url, key_file)
    vault = access.open_at(address)
    source = address.source()
    vault.read_catalogue(address.memory())
    if new_key_file:
        rotated = vault.rotate(keys.from_file(new_key_file))
        typer.echo(f"The vault opens with {new_key_file} now; destroy the old key.")
    elif source and source.file:
        rotated = access.change_key(vault, source.file)
        typer.echo(f"The key in {source.file} is a new one; earlier copies of that file open nothing any more.")
    else:
        raise StorageError(
            "the present key is not in a file, so it cannot be replaced here",
            hint="make a key with `cipherward vault init --new-key`, or give --new-key-file",
        )
    tell(owner, "vault key rotated", {"vault": rotated.id.hex(), "generation": rotated.generation})


def say_key(made: Path | None) -> None:
    """Where a new key is, and that nothing replaces it."""
    if made:
        typer.echo(f"Vault key: {made}", err=True)
        typer.echo(
            "Keep a copy of this file elsewhere: without it nobody reads the vault, with it everybody does.", err=True
        )


def _opened(url: str, key_file: Path | None) -> tuple[Vault, Catalogue]:
    from cipherward.vault import access

    address = access.Address(url, key_file)
    vault = access.open_at(address)
    return vault, vault.read_catalogue(address.memory())


def _row(entry: Entry) -> dict[str, str | int]:
    label = entry.label
    return {
        "study": label.study,
        "kind": label.kind,
        "sum": label.sum,
        "size": entry.size,
        "stored": _when(entry.stored),
        "path": label.path,
        "name": entry.name.hex(),
    }


def _when(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def archive_for(url: str | None, key_file: Path | None, resume: Path | None) -> Archive | None:
    """The way into the vault that a run was given, or that the run to be resumed had; None where there is none.

    Raises:
        StorageError, AuditError: it cannot be used.
    """
    if url is None and resume is None:
        return None
    from cipherward.runs import archive
    from cipherward.vault.access import Address

    address = Address(url, key_file) if url else archive.address_of(resume) if resume else None
    if address is None:
        return None
    found = archive.Archive(address, apart=True)
    found.check()
    say_key(found.made_key)
    return found


def tell_vault(archive: Archive, run: Path) -> None:
    """At the end of a run: where its copies are, and how far behind they are."""
    from cipherward.cli.terminal import quoted, say

    left, where = archive.left, archive.shown
    if not left.objects:
        say(f"Vault:    {where}", err=True)
        return
    why = f": {left.reason}" if left.reason else ""
    say(
        f"Vault:    {left.objects} object(s), {left.size / 1e6:.1f} MB, are not in {where} yet{why}",
        err=True,
        fg="yellow",
    )
    if archive.is_apart and not left.reason:
        say("  A process of its own is storing them. If it is stopped before it has ended:", err=True)
    say(f"  They wait in {run / 'vault'}; go on with: {quoted('cipherward', 'vault', 'put', where, run)}", err=True)


def _put_run(url: str, path: Path, key_file: Path | None) -> None:
    from cipherward import study
    from cipherward.errors import StorageError
    from cipherward.runs import carrier
    from cipherward.runs.archive import FOLDER, Archive
    from cipherward.runs.folder import RunDirectory
    from cipherward.vault.access import Address

    run = RunDirectory(path)
    if not run.study.exists():
        raise StorageError(
            f"{path} is not a run directory: it has no study.toml", hint="give a file, or a run's folder"
        )
    archive = Archive(Address(url, key_file))
    archive.check()
    say_key(archive.made_key)
    with carrier.alone(path / FOLDER):
        archive.begin(run, study.load(run.study))
        archive.end()
        left = archive.close(86_400.0)
    if left.objects:
        raise StorageError(f"{left.objects} object(s) wait still: {left.reason}", hint="repeat the command")
    typer.echo(f"{path}: everything is in {archive.shown}")
