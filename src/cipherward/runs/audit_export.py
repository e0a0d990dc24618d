"""Audit logs for people, and in one file that can be checked with nothing but cipherward."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cipherward import study as study_document
from cipherward.audit import entries, notes, proofs, reading
from cipherward.audit.entries import Entry
from cipherward.audit.notes import Key, SignedCheckpoint
from cipherward.audit.reading import CHECKPOINTS, LOG
from cipherward.crypto.merkle import Tree, leaf_hash
from cipherward.errors import AuditError, StorageError, StudyError
from cipherward.runs import audit_check, earlier_check, earlier_logs
from cipherward.runs.log_names import author, origin, witnesses
from cipherward.runs.verify import Line
from cipherward.store import files
from cipherward.study import Study

FORMAT = "cipherward audit log 1"
MOST_BYTES = 2_000
"""Of a proof."""
_EARLIER = re.compile(
    rf"{earlier_logs.FOLDER}/[0-9]{{1,6}}/({LOG}|{CHECKPOINTS}/[0-9]+|[a-z]+\.(json|signed)|{earlier_logs.REMEMBERED}/[0-9]{{1,6}})"
)
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
    "vault objects erased": "{objects} object(s) were erased from the vault: {reason}",
    "vault key rotated": "the vault of this party has a new key",
    "exported": "the log was exported to {file}",
    "hospital's own log": "{hospital} showed the head of its own log: {entries} entries",
    "restored from a backup": "the folder was restored from {from}",
    "log begun again": "this log follows {log}, of which {entries} entries are left",
    "earlier log remembered": "{hospital} remembers {entries} entries of the earlier log",
    "coordinator's audit log begun again": "the coordinator was {reason}; {lost} entries that were cosigned here are lost there",
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
    """The log in a run's or study's folder, read but not checked. `hospital`: whose it is, 0 for the coordinator's; `name`: its
    name."""

    folder: Path
    study: Study
    hospital: int
    name: str

    @property
    def author(self) -> Key:
        """Whose signature its heads have to have."""
        return author(self.study, self.hospital, self.name)

    @property
    def earlier(self) -> list[Log]:
        """The coordinator's logs before it, oldest first, where it was restored from a copy."""
        found = [] if self.hospital else earlier_logs.of(self.folder, self.study)
        return [Log(one.folder, self.study, 0, one.said.log) for one in found if (one.folder / LOG).exists()]

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
    name = reading.read_checkpoint(heads[-1]).checkpoint.origin if heads else earlier_logs.name_of(folder, study)
    names = {origin(study.digest(), i): i for i in range(1, study.n_hospitals + 1)}
    if name not in names and name != earlier_logs.name_of(folder, study):
        raise AuditError(f"the log in {folder} is not of the study beside it")
    return Log(folder, study, names.get(name, 0), name)


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
        "earlier": {} if log.hospital else _earlier(log.folder),
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def _earlier(folder: Path) -> dict[str, str]:
    """The files of earlier logs by path, in base64."""
    names = earlier_logs.stored_files(folder)
    return {name: base64.b64encode(files.read(folder / name)).decode() for name in names}


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
        for path, data in document["earlier"].items():
            files.write(folder / path, base64.b64decode(data))
        earlier = [] if hospital else earlier_logs.of(folder, study)
        name = earlier[-1].successor if earlier else ""
        covered: set[str] = set()
        found = reading.read(
            folder / LOG,
            reading.checkpoint_files(folder),
            author(study, hospital, name),
            {} if hospital else witnesses(study),
            lambda index, entry: covered.update(entry.files),
        )
        yield from earlier_check.lines(folder, study, earlier, (), covered)
    yield from audit_check.log_lines(study, found, hospital)


def prove(log: Log, number: int, since: int | None = None) -> tuple[str, str]:
    """The proof that entry `number` is in the log; with `since`, that the first so many entries are its beginning. Where the
    cosignatures of a quorum would make it longer than `MOST_BYTES`, it has as many as fit, and the head with all of them comes second.

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
    best, needed = _best_head(log), 0 if log.hospital else log.study.thresholds.threshold
    most = min(needed, len(best.lines) - 1)
    for count in range(most, -1, -1):
        head = SignedCheckpoint(best.checkpoint, best.lines[: 1 + count])
        text = proofs.inclusion(tree, number, head) if since is None else proofs.consistency(tree, since, head)
        if len(text.encode()) <= MOST_BYTES or not count:
            break
    return text, "" if count == most else best.text


def _best_head(log: Log) -> SignedCheckpoint:
    """Of the newest heads, the one that most have cosigned."""
    heads = log.heads
    if not heads:
        raise AuditError("the log has no signed head yet")
    keys = {} if log.hospital else witnesses(log.study)
    return max(heads[-2:], key=lambda head: (len(head.signers(keys)), head.checkpoint.size))


def _document(path: Path) -> dict[str, Any]:
    try:
        found = files.json_object(files.read(path))
        lists = found["entries"], found["checkpoints"]
        texts = [found["study"], *lists[0], *lists[1]]
        if found["format"] != FORMAT or not all(isinstance(text, str) for text in texts):
            raise ValueError
        earlier = found.setdefault("earlier", {})
        if not all(_EARLIER.fullmatch(name) and isinstance(text, str) for name, text in earlier.items()):
            raise ValueError
        for text in earlier.values():
            base64.b64decode(text, validate=True)
        if any("\n" in line for line in lists[0]) or not isinstance(found["hospital"], int):
            raise ValueError
        return found
    except (ValueError, KeyError, TypeError, AttributeError):
        raise AuditError(
            f"{path} is no exported audit log", hint="make one with: cipherward audit export DIR --out FILE.json"
        ) from None


def _harmless(cell: str) -> str:
    """A spreadsheet takes what begins so for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@") else cell
