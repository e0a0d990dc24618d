"""A coordinator that was restored from a copy begins a new audit log: nobody could tell whether the one that it has again goes on
where the lost one ended. The earlier log stays beside it, with a signed statement that names it, and what hospitals remember of it.

| in `earlier-logs/NUMBER/` | is |
|---|---|
| `audit.jsonl`, `checkpoints/` | the log as it was restored |
| `succession.signed` | the coordinator's word that another log follows, and how much of this one it has |
| `restored.json` | when it was restored, and from where |
| `remembered/INDEX` | the newest head of this log that a hospital has cosigned; `0` of one that has cosigned none |
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cipherward.audit import notes, reading
from cipherward.audit.notes import SignedCheckpoint
from cipherward.audit.reading import CHECKPOINTS, LOG
from cipherward.crypto import wire
from cipherward.crypto.identity import COORDINATOR, Identity, open_signed
from cipherward.crypto.merkle import Range, leaf_hash
from cipherward.errors import AuditError, ProtocolError, StorageError
from cipherward.parties import roster
from cipherward.parties.days import LAST_SECOND
from cipherward.runs.log_names import author, is_coordinators, origin, witnesses
from cipherward.store import files
from cipherward.study import Study

FOLDER, RESTORED, STATEMENT, REMEMBERED = "earlier-logs", "restored.json", "succession.signed", "remembered"
NONE = "0\n"
"""What a hospital says that has cosigned nothing."""
_KIND = "log succession"
_MAX_TEXT = 500


@dataclass(frozen=True)
class Succession:
    """That the log with the name `log` was lost, of which `size` entries with the root `root` (32 bytes) are there again; `at`:
    Unix seconds."""

    study: bytes
    log: str
    size: int
    root: bytes
    reason: str
    at: int

    @property
    def day(self) -> str:
        return f"{datetime.fromtimestamp(self.at, UTC):%Y-%m-%d}"


@dataclass(frozen=True)
class Earlier:
    """An earlier log and what is known of it. `number`: from 1."""

    folder: Path
    number: int
    statement: bytes
    said: Succession

    @property
    def successor(self) -> str:
        """The name of the log that follows."""
        return successor_of(self.said.study, self.statement)

    def remembered(self) -> dict[int, SignedCheckpoint | None]:
        """What each hospital that was asked has cosigned; None: nothing. Raises AuditError: damaged."""
        found: dict[int, SignedCheckpoint | None] = {}
        for path in sorted((self.folder / REMEMBERED).glob("[0-9]*")):
            text = files.read(path).decode("utf-8", "replace")
            found[int(path.name)] = None if text == NONE else notes.parse(text)
        return found


def successor_of(study: bytes, statement: bytes) -> str:
    """The name of the log that a statement announces: no two restores give the same."""
    return f"{origin(study)}/after-{hashlib.sha256(statement).hexdigest()[:16]}"


def opened(statement: bytes, study: Study) -> Succession:
    """What the coordinator of the study has signed.

    Raises:
        WireError, ProtocolError: malformed, forged, or of another study.
    """
    signed = open_signed(statement, study=study.digest(), keys=roster.roster_keys(study), kind=_KIND)
    said = wire.decode(Succession, signed.body)
    is_words = said.reason.isprintable() and len(said.reason) <= _MAX_TEXT and said.log.isprintable()
    is_numbers = 0 <= said.at <= LAST_SECOND and said.size >= 0 and len(said.root) == 32
    if signed.sender != COORDINATOR or said.study != study.digest() or not is_words or not is_numbers:
        raise ProtocolError("not the coordinator's statement that a log follows an earlier one of this study")
    return said


def of(run: Path, study: Study) -> list[Earlier]:
    """The earlier logs in a coordinator's folder, oldest first.

    Raises:
        WireError, ProtocolError: a statement is not the coordinator's. StorageError: unreadable.
    """
    found = []
    for folder in _folders(run):
        statement = files.read(folder / STATEMENT)
        found.append(Earlier(folder, int(folder.name), statement, opened(statement, study)))
    return found


def name_of(run: Path, study: Study) -> str:
    """The name of the coordinator's log that a folder holds now. Raises as `of`."""
    newest = _folders(run)[-1:]
    return successor_of(study.digest(), files.read(newest[0] / STATEMENT)) if newest else origin(study.digest())


def note_restore(run: Path, source: str, now: float) -> None:
    """A folder was written from a copy: the next service that runs there begins a new log. `source`: an address without credentials.

    Raises:
        StorageError: it cannot be written.
    """
    day = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
    files.write(run / RESTORED, (json.dumps({"from": source, "restored": day}) + "\n").encode())


def is_copy(run: Path) -> bool:
    """Whether a folder was restored, and no log has begun since."""
    return (run / RESTORED).exists()


def begin_again(run: Path, study: Study, identity: Identity, now: float) -> None:
    """Put the log of a restored folder aside and sign what follows; where nothing was restored, nothing. Interrupted, it is
    finished the next time.

    Raises:
        StorageError: the disk failed.
    """
    if not is_copy(run):
        return
    started = _folders(run)[-1:]
    if started and not (started[0] / RESTORED).exists():
        folder = started[0]
    else:
        folder = run / FOLDER / str(1 + max((int(path.name) for path in started), default=0))
        size, root = _counted(run / LOG)
        reason = f"restored from {_source(run)}"[:_MAX_TEXT]
        said = Succession(study.digest(), name_of(run, study), size, root, reason, int(now))
        files.write(folder / STATEMENT, identity.sign(_KIND, study.digest(), COORDINATOR, wire.encode(said)))
    for name in (LOG, CHECKPOINTS, RESTORED):
        if (run / name).exists():
            _move(run / name, folder / name)


def take(run: Path, study: Study, hospital: int, text: str) -> bool:
    """Keep what a hospital (roster index) remembers of an earlier log; whether it is about one.

    Raises:
        AuditError: neither the coordinator nor the hospital signed it.
    """
    newest = of(run, study)[-1:]
    if not newest or (newest[0].folder / REMEMBERED / str(hospital)).exists():
        return False
    if text != NONE:
        head = notes.parse(text)
        if head.checkpoint.origin == newest[0].successor:
            return False
        check(head, study, hospital)
    files.write(newest[0].folder / REMEMBERED / str(hospital), text.encode())
    return True


def check(head: SignedCheckpoint, study: Study, hospital: int) -> None:
    """Raises AuditError: not a head of one of the coordinator's logs of this study that this hospital has cosigned."""
    name = head.checkpoint.origin
    is_signed = head.signed_by(author(study, name=name)) is not None
    if not is_coordinators(name, study.digest()) or not is_signed or head.signed_by(witnesses(study)[hospital]) is None:
        raise AuditError("not a head of this study's log that coordinator and hospital have signed")


def answered(run: Path) -> frozenset[int] | None:
    """Which hospitals have said what they remember of the newest earlier log; None: there is none."""
    newest = _folders(run)[-1:]
    if not newest:
        return None
    return frozenset(int(path.name) for path in (newest[0] / REMEMBERED).glob("[0-9]*"))


def kept_files(run: Path) -> Iterator[str]:
    """What of the earlier logs a new one covers, by path in the run's folder."""
    for folder in _folders(run):
        # In this order: a statement that is stored first would look like a restore that was interrupted.
        for name in (RESTORED, STATEMENT):
            if (folder / name).exists():
                yield f"{FOLDER}/{folder.name}/{name}"
        for path in sorted((folder / REMEMBERED).glob("[0-9]*")):
            yield f"{FOLDER}/{folder.name}/{REMEMBERED}/{path.name}"


def stored_files(run: Path) -> Iterator[str]:
    """The same with the earlier logs themselves: what a vault keeps of them."""
    for folder in _folders(run):
        for path in (folder / LOG, *reading.checkpoint_files(folder)):
            if path.exists():
                yield path.relative_to(run).as_posix()
    yield from kept_files(run)


def _folders(run: Path) -> list[Path]:
    found = [path.parent for path in (run / FOLDER).glob(f"[0-9]*/{STATEMENT}") if path.parent.name.isdecimal()]
    return sorted(found, key=lambda folder: int(folder.name))


def _counted(log: Path) -> tuple[int, bytes]:
    tree = Range()
    if log.exists():
        for line in reading.lines(log, 0):
            tree.append(leaf_hash(line))
    return tree.size, tree.root


def _source(run: Path) -> str:
    try:
        found = str(files.json_object(files.read(run / RESTORED)).get("from"))
    except ValueError:
        found = "a copy"
    return "".join(character if character.isprintable() else "?" for character in found)


def _move(path: Path, to: Path) -> None:
    try:
        path.replace(to)
    except OSError as error:
        raise StorageError(f"cannot move {path}: {error.strerror or error}", hint="check its permissions") from None
