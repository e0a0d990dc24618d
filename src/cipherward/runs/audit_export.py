"""Audit logs for people, and in one file that can be checked with nothing but cipherward."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cipherward import study as study_document
from cipherward.audit import entries, notes, proofs, reading
from cipherward.audit.entries import Entry
from cipherward.audit.notes import SignedCheckpoint
from cipherward.audit.reading import CHECKPOINTS, LOG
from cipherward.crypto.merkle import Tree, leaf_hash
from cipherward.errors import AuditError, StorageError, StudyError
from cipherward.runs import audit_check
from cipherward.runs.audit_trail import author, origin, witnesses
from cipherward.runs.verify import Line
from cipherward.store import files
from cipherward.study import Study

FORMAT = "cipherward audit log 1"
_WORDS = {
    "study": "the frozen study came: {study}",
    "study offered": "the study was offered to its hospitals",
    "approved": "{hospital} approved; {person} signed",
    "withdrawn": "{hospital} withdrew",
    "refused": "{hospital} refuses: {reasons}",
    "refusal taken back": "{hospital} refuses no more",
    "hospitals taking part": "who takes part was fixed",
    "sum opened": "sum {sum} was opened; in it: {hospitals}; consented: {consents}",
    "receipt": "{hospital} verified sum {sum}: {outcome}",
    "sum noted": "times and metrics of sum {sum} ({purpose}) were noted",
    "study ended": "the study ended; model and result were written",
    "study stopped": "the study was ended: {reason}",
    "privacy charge": "privacy was spent for sum {sum}",
    "breach reported": "{hospital} reported a breach",
    "message set aside": "a message was set aside: {reason}",
    "file was changed": "{file} is another one than it was; the earlier one counts",
}


@dataclass(frozen=True)
class Wanted:
    """Which entries; an empty field is every one. `since`, `until`: as entries have times, or their beginning."""

    hospital: str = ""
    event: str = ""
    since: str = ""
    until: str = ""

    def has(self, entry: Entry) -> bool:
        text = json.dumps(dict(entry.facts), ensure_ascii=False)
        return (
            (not self.hospital or json.dumps(self.hospital, ensure_ascii=False) in text)
            and self.event in ("", entry.event)
            and self.since <= entry.at
            and (not self.until or entry.at[: len(self.until)] <= self.until)
        )


@dataclass(frozen=True)
class Log:
    """The log in a run's or study's folder, read but not checked. `hospital`: whose it is, 0 for the coordinator's."""

    folder: Path
    study: Study
    hospital: int

    @property
    def entries(self) -> Iterator[Entry]:
        """Raises AuditError: damaged."""
        return (entries.read(line) for line in self.lines)

    @property
    def lines(self) -> Iterator[bytes]:
        return reading.lines(self.folder / LOG, 0)

    @property
    def heads(self) -> list[SignedCheckpoint]:
        return [reading.read_checkpoint(path) for path in reading.checkpoint_files(self.folder)]


def open_log(folder: Path) -> Log:
    """The log in a folder.

    Raises:
        StorageError: there is none. AuditError: its head is of another log. StudyError: the study cannot be read.
    """
    if not (folder / LOG).exists():
        raise StorageError(
            f"{folder} has no audit log", hint="give the folder of a run, or of a study in a home's studies/ or models/"
        )
    study = study_document.load(folder / "study.toml")
    heads = reading.checkpoint_files(folder)
    name = reading.read_checkpoint(heads[-1]).checkpoint.origin if heads else origin(study.digest())
    found = [i for i in range(study.n_hospitals + 1) if origin(study.digest(), i) == name]
    if not found:
        raise AuditError(f"the log in {folder} is not of the study beside it")
    return Log(folder, study, found[0])


def home_entries(home: Path) -> Iterator[Entry]:
    """Of a home's own log; none where the folder is no home."""
    path = home / "audit" / LOG
    return (entries.read(line) for line in reading.lines(path, 0)) if path.exists() else iter(())


def words(entry: Entry) -> str:
    """An entry for people."""
    facts = {
        key: ", ".join(map(str, value)) if isinstance(value, list) else str(value) for key, value in entry.facts.items()
    }
    said = _WORDS.get(entry.event, entry.event)
    try:
        text = said.format(**facts)
    except KeyError:
        text = entry.event + "".join(f"; {key} {value}" for key, value in facts.items())
    return "".join(character if character.isprintable() else "?" for character in text)


def to_json(log: Log) -> bytes:
    """The whole log in one file, with the study whose keys its heads are signed with: what `verify_export` checks."""
    document = {
        "format": FORMAT,
        "study": log.study.to_toml(),
        "hospital": log.hospital,
        "checkpoints": [head.text for head in log.heads],
        "entries": [line.decode() for line in log.lines],
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def to_csv(log: Log, wanted: Wanted = Wanted()) -> bytes:
    """A table of the entries, for people."""
    out = io.StringIO(newline="")
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["entry", "time", "event", "hospital", "sum", "in words", "files"])
    for entry in log.entries:
        if wanted.has(entry):
            named = entry.facts.get("hospital", ""), entry.facts.get("sum", "")
            listed = " ".join(f"{name}={digest}" for name, digest in entry.files.items())
            row = [entry.number, entry.at, entry.event, *named, words(entry), listed]
            table.writerow([_harmless(str(cell)) for cell in row])
    return out.getvalue().encode()


def verify_export(path: Path) -> Iterator[Line]:
    """Check a file that `to_json` made: the log's tree, heads and signatures, with the keys of the study in it.

    Raises:
        AuditError: not such a file. StudyError: the study in it cannot be read.
    """
    document = _document(path)
    study = study_document.parse(files.toml_table(document["study"].encode()), origin=str(path))
    if not study.is_frozen or document["hospital"] not in range(study.n_hospitals + 1):
        raise AuditError(f"{path} is no exported audit log of a frozen study")
    hospital = document["hospital"]
    with tempfile.TemporaryDirectory(prefix="cipherward-") as name:
        folder = Path(name)
        (folder / CHECKPOINTS).mkdir()
        (folder / LOG).write_bytes(b"".join(line.encode() + b"\n" for line in document["entries"]))
        for text in document["checkpoints"]:
            size = notes.parse(text).checkpoint.size
            reading.checkpoint_file(folder, size).write_text(text, "utf-8")
        found = reading.read(
            folder / LOG,
            reading.checkpoint_files(folder),
            author(study, hospital),
            {} if hospital else witnesses(study),
        )
    yield from audit_check.log_lines(study, found, hospital)


def prove(log: Log, number: int, since: int | None = None) -> str:
    """The proof that entry `number` is in the log; with `since`, that the first so many entries are its beginning.

    Raises:
        AuditError: no signed head covers it. StudyError: there is no such entry.
    """
    tree = Tree()
    for line in log.lines:
        tree.append(leaf_hash(line))
    if not 0 <= number < tree.size:
        raise StudyError(
            f"there is no entry {number}: the log has {tree.size}", hint="cipherward audit show lists them"
        )
    best = _best_head(log)
    return proofs.inclusion(tree, number, best) if since is None else proofs.consistency(tree, since, best)


def _best_head(log: Log) -> SignedCheckpoint:
    """Of the newest heads, the one that most have cosigned, with as many cosignatures as a quorum has: a proof stays small."""
    heads = log.heads
    if not heads:
        raise AuditError("the log has no signed head yet")
    keys = {} if log.hospital else witnesses(log.study)
    newest = max(heads[-2:], key=lambda head: (len(head.signers(keys)), head.checkpoint.size))
    needed = log.study.thresholds.threshold
    return SignedCheckpoint(newest.checkpoint, newest.lines[: 1 + needed])


def _document(path: Path) -> dict[str, Any]:
    try:
        found = files.json_object(files.read(path))
        lists = found["entries"], found["checkpoints"]
        texts = [found["study"], *lists[0], *lists[1]]
        if found["format"] != FORMAT or not all(isinstance(text, str) for text in texts):
            raise ValueError
        if any("\n" in line for line in lists[0]) or not isinstance(found["hospital"], int):
            raise ValueError
        return found
    except (ValueError, KeyError, TypeError):
        raise AuditError(
            f"{path} is no exported audit log", hint="make one with: cipherward audit export DIR --out FILE.json"
        ) from None


def _harmless(cell: str) -> str:
    """A spreadsheet takes what begins so for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell
