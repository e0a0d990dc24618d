"""What of a run's folder the audit log covers, and how it comes into it: every file that people are shown, with its digest.

The folder is looked at, rather than each writer of a file told to report it, so that what a crash left between a file and its
entry comes into the log later, and nothing comes into it twice.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cipherward.audit import entries
from cipherward.audit.entries import Event
from cipherward.audit.log import AuditLog
from cipherward.crypto.identity import COORDINATOR, Identity, open_signed
from cipherward.errors import CipherwardError
from cipherward.parties import decisions, roster
from cipherward.runs import earlier_logs, erasures, own_heads, withdrawn
from cipherward.runs.folder import RunDirectory
from cipherward.runs.log_names import origin
from cipherward.runs.result import versions
from cipherward.runs.study_folder import APPROVALS, BREACHES, REFUSALS, WITHDRAWALS
from cipherward.store import files
from cipherward.study import Study
from cipherward.sums.messages import Header, Manifest, Opening, Receipt, read, unsign

OPENED, RECEIPT, NOTED = "sum opened", "receipt", "sum noted"
ENDED, STOPPED, REPORT = "study ended", "study stopped", "report written"
ERASED = "vault objects erased"
GONE = ""
"""In the place of a digest: the file is not there any more, and that was meant."""
BEGINNING = {
    "study": ("study.toml", "study.digest", "ckks-public.key", "simulation.json"),
    "study offered": ("started.json",),
    "hospitals taking part": ("inventories.cbor", "model-initial.safetensors"),
}
ENDING = {
    ENDED: ("model.safetensors", "result.json", "verification.json"),
    STOPPED: ("stopped", "failed"),
    "own results": ("own.json",),
    "model withdrawn": (withdrawn.FILE,),
    REPORT: ("report.html", "auroc.svg", "hospitals.svg"),
}
"""The files in the run's folder itself, by what happened when they came. Tables of the result (*.csv) belong to its end."""
_NOT_COVERED = "example-rows.csv"
IN_HOME = "study/"
"""Before a file of the study's folder in a hospital's home, which is not the folder of what it has verified."""
CHANGED = "file was changed"
"""A file that is written once is another one now. The entry does not cover it: what was there first counts."""
_AGAIN = ("inventories.cbor", "ckks-public.key")
"""Of the files in the run's folder itself, those that may be written anew."""
FOLDERS = {
    APPROVALS: "approved",
    WITHDRAWALS: "withdrawn",
    REFUSALS: "refused",
    BREACHES: "breach reported",
    "quarantine": "message set aside",
    "evidence": "hospital contradicts itself",
    erasures.FOLDER: ERASED,
    own_heads.FOLDER: "hospital's own log",
}
EARLIER = {
    earlier_logs.RESTORED: "restored from a backup",
    earlier_logs.STATEMENT: "log begun again",
    earlier_logs.REMEMBERED: "earlier log remembered",
}
"""In the folder of an earlier log, by the name of a file or of a folder."""
_PLACES = ("", "coordinator/")
"""Where these folders are: a simulation keeps some with its coordinator."""
_FOLDERS = tuple(f"{place}{folder}" for folder in FOLDERS for place in _PLACES)
_MAY_GO = (REFUSALS, "quarantine")
_LAST_SUMS, _WHOLE_SECONDS = 3, 30.0


def covered_files(run: Path) -> Iterator[str]:
    """Every file in a run's folder that the log has to cover, by its path there."""
    for table in (BEGINNING, ENDING):
        yield from (name for name in _names(run, table) if (run / name).exists())
    yield from earlier_logs.kept_files(run)
    for folder in _FOLDERS:
        yield from _in_folder(run, folder)
    for folder in _sum_folders(run):
        yield from _in_sum(run, folder)


class Trail:
    """Brings what a run's folder has got into its log.

    Args:
        identity: of the party whose folder it is.
        hospital: its roster index, or COORDINATOR.

    Raises:
        AuditError, StorageError: as `AuditLog`.
    """

    def __init__(
        self,
        run: RunDirectory,
        study: Study,
        identity: Identity,
        hospital: int = COORDINATOR,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.run, self.study, self.hospital = run, study, hospital
        name = origin(study.digest(), hospital) if hospital else earlier_logs.name_of(run.path, study)
        self.log = AuditLog(run.path, identity, name, clock)
        self._root = str(run.path)
        self._names = [each.name for each in study.hospitals]
        self._stamps: dict[str, files.Stamp | None] = {}
        self._folders: dict[str, files.Stamp | tuple[()] | None] = {}
        self._rounds: tuple[files.Stamp | None, int, int] = (None, 0, 0)
        self._newest: list[str] = []
        self._whole_at = 0.0
        known = self.log.last.get("software") or self.log.last.get("study")
        if known is not None and known.facts.get("software") != versions():
            self.note("software", {"software": versions()})

    def note(self, event: str, facts: dict[str, Any], files_of: dict[str, str] | None = None) -> None:
        """An event that no file of the folder shows. `facts`: as in `Event`."""
        self.log.add([Event(event, facts, files_of or {})])

    def look(self) -> bool:
        """Log everything that the folder has got since; whether there was anything. The head is signed then."""
        run = self.run.path
        self._whole_at = time.monotonic() + _WHOLE_SECONDS
        sums = [folder for folder in _sum_folders(run) if self._is_changed(f"receipts/{folder}")]
        return self._log(
            [
                *self._each(earlier_logs.kept_files(run)),
                *self._together(BEGINNING),
                *self._came_to(_FOLDERS, sums),
                *self._together(ENDING),
            ]
        )

    def _came_to(self, folders: Iterable[str], sums: Iterable[str]) -> Iterator[Event]:
        run = self.run.path
        yield from self._each(name for folder in folders for name in _in_folder(run, folder))
        if any(folder.rpartition("/")[2] in _MAY_GO for folder in folders):
            yield from self._gone()
        yield from self._each(name for folder in sums for name in _in_sum(run, folder))
        yield from self._noted()

    def look_again(self, *, is_over: bool = False) -> bool:
        """The same, where something may have come; what came to the folders of earlier sums only is left to the next `look`, which
        is made at least once in a minute in which something came. `is_over`: nothing more is decided, so a glance at the folder
        itself, at the last sum and at what was erased is enough."""
        if self._is_changed("receipts"):
            self._newest = _sum_folders(self.run.path)[-_LAST_SUMS:]
        last = [folder for folder in self._newest if self._is_changed(f"receipts/{folder}")]
        looked_at = ("", erasures.FOLDER) if is_over else ("", *_FOLDERS)
        changed = [folder for folder in looked_at if self._is_changed(folder)]
        if "" in changed or ((changed or last) and time.monotonic() > self._whole_at):
            for folder in last:
                self._folders[f"receipts/{folder}"] = ()
            return self.look()
        return bool(changed or last) and self._log([*self._came_to(changed, last)])

    def written_anew(self, event: str) -> None:
        """The party itself has written the files of this event again, such as its report."""
        names = {name: sha256(files.read(path)) for name in ENDING[event] if (path := self.run.path / name).exists()}
        if any(self.log.covered.get(name) != digest for name, digest in names.items()):
            self._log([Event(event, {}, names)])

    def _log(self, events: list[Event]) -> bool:
        if not events:
            return False
        self.log.add(events)
        self.log.checkpoint()
        return True

    def _is_changed(self, folder: str) -> bool:
        """Whether something may have been put there since this was asked last."""
        found = files.stamp(f"{self._root}/{folder}")
        if found == self._folders.get(folder, ()):
            return False
        self._folders[folder] = found if files.is_settled(found) else ()
        return True

    def _together(self, table: Mapping[str, tuple[str, ...]]) -> Iterator[Event]:
        """Of files that come together, one event."""
        for event in table:
            names = _names(self.run.path, {event: table[event]})
            changed = {name: sha256(data) for name in names if (data := self._new(name)) is not None}
            if not changed:
                continue
            facts: dict[str, Any] = {}
            if event == "study":
                facts = {"study": self.study.name, "study_digest": self.study.digest().hex(), "software": versions()}
            if other := [name for name in changed if name in self.log.covered and name not in _AGAIN]:
                yield from self._tampered({name: changed.pop(name) for name in other})
                if not changed:
                    continue
            if event == STOPPED:
                facts = {
                    "reason": self.run.path.joinpath(next(iter(changed))).read_text("utf-8", "replace").strip()[:500]
                }
            yield Event(event, facts, changed)

    def _tampered(self, changed: Mapping[str, str]) -> Iterator[Event]:
        last = self.log.last.get(CHANGED)
        for name, digest in changed.items():
            facts = {"file": name, "now": digest}
            if last is None or last.facts != facts:
                yield Event(CHANGED, facts)

    def _each(self, names: Iterable[str]) -> Iterator[Event]:
        for name in names:
            if (data := self._new(name)) is not None:
                yield Event(event_of(name), self._facts(name, data), {name: sha256(data)})

    def _new(self, name: str) -> bytes | None:
        """The content of a file that the newest entry about it does not cover; None for one that is covered or not there."""
        now = files.stamp(f"{self._root}/{name}")
        if now is None or self._stamps.get(name) == now:
            return None
        data = files.read(self.run.path / name)
        self._stamps[name] = now
        return data if self.log.covered.get(name) != sha256(data) else None

    def _gone(self) -> Iterator[Event]:
        """Refusals that were taken back, and faulty messages that made room."""
        for name, digest in list(self.log.covered.items()):
            folder = name.rpartition("/")[0].removeprefix("coordinator/")
            if digest != GONE and folder in _MAY_GO and not (self.run.path / name).exists():
                what = "refusal taken back" if folder == REFUSALS else "message set aside was dropped"
                yield Event(what, self._hospital_of(name), {name: GONE})

    def _noted(self) -> Iterator[Event]:
        """The lines of rounds.jsonl."""
        now = files.stamp(self.run.rounds)
        if now is None or now == self._rounds[0]:
            return
        known, (_, noted, end) = self.log.events.get(NOTED, 0), self._rounds
        if known != noted or now[1] < end:  # somebody else noted them, or there are others now
            noted = end = 0
        data = files.read(self.run.rounds, end)
        lines = data.split(b"\n")[:-1]
        self._rounds = now if files.is_settled(now) else None, noted + len(lines), end + data.rfind(b"\n") + 1
        for line in lines[known - noted :]:
            try:
                found = files.json_object(line)
                facts = {"sum": int(found["sum"]), "purpose": str(found["purpose"])}
            except (ValueError, KeyError, TypeError):
                facts = {}
            yield Event(NOTED, facts | {"line": sha256(line)})

    def _facts(self, name: str, data: bytes) -> dict[str, Any]:
        """What an entry says of a file, as far as it can be read; its digest stands in the entry anyway."""
        try:
            if name.endswith("/opening.cbor"):
                return opening_facts(data, self.study)
            if name.startswith("receipts/"):
                return self._receipt_facts(name, data)
            if name.startswith(f"{earlier_logs.FOLDER}/"):
                return self._earlier_facts(name, data)
            facts = self._hospital_of(name)
            if name.startswith(f"{own_heads.FOLDER}/"):
                facts |= own_heads.facts_of(data)
            if name.startswith(f"{APPROVALS}/"):
                said = decisions.approval_of(data, self.study)[1]
                facts |= {"person": said.approver, "approved_at": said.at, "members": said.members.hex()}
            if name.startswith(f"{REFUSALS}/"):
                facts |= {"reasons": data.decode("ascii", "replace")[:500]}
            if name.startswith(f"{erasures.FOLDER}/"):
                facts |= erasures.facts_of(data)
            if "quarantine/" in name:
                found = files.json_object(data)
                facts |= entries.plain({key: each for key, each in found.items() if isinstance(each, (str, int))})
            return facts
        except (CipherwardError, ValueError) as error:
            return {"unreadable": str(error)[:200]}

    def _earlier_facts(self, name: str, data: bytes) -> dict[str, Any]:
        if name.endswith(f"/{earlier_logs.STATEMENT}"):
            said = earlier_logs.opened(data, self.study)
            return {"log": said.log, "entries": said.size, "reason": said.reason}
        if name.endswith(f"/{earlier_logs.RESTORED}"):
            return {
                key: str(value)[:500] for key, value in files.json_object(data).items() if key in ("from", "restored")
            }
        entries = 0 if data == earlier_logs.NONE.encode() else own_heads.facts_of(data)["entries"]
        return {"entries": entries, "hospital": self._names[int(name.rpartition("/")[2]) - 1]}

    def _receipt_facts(self, name: str, data: bytes) -> dict[str, Any]:
        keys = roster.roster_keys(self.study)
        said = unsign(data, Receipt, study=self.study.digest(), keys=keys)
        return {"sum": said.round, "outcome": said.outcome} | self._hospital_of(name)

    def _hospital_of(self, name: str) -> dict[str, Any]:
        """Of approvals/3.signed or receipts/0001/hospital-3.cbor: the hospital's name."""
        last = name.rpartition("/")[2].split(".")[0].rpartition("-")[2]
        if (
            "quarantine/" in name
            or "evidence/" in name
            or name.startswith(erasures.FOLDER)
            or not last.isdecimal()
            or not 0 < int(last) <= len(self._names)
        ):
            return {}
        return {"hospital": self._names[int(last) - 1]}


def opening_facts(data: bytes, study: Study) -> dict[str, Any]:
    """What an opening says of its sum: who was in it with which encrypted update, who consented, who released.

    Raises:
        WireError, ProtocolError: it is not the coordinator's opening of a sum of this study.
    """
    keys, digest = roster.roster_keys(study), study.digest()
    names = [hospital.name for hospital in study.hospitals]
    opening = unsign(data, Opening, study=digest, keys=keys, sender=COORDINATOR)
    manifest = unsign(opening.manifest, Manifest, study=digest, keys=keys, sender=COORDINATOR)
    signed = [open_signed(each, study=digest, keys=keys, kind="Header") for each in opening.headers]

    def senders(messages: tuple[bytes, ...]) -> list[str]:
        return [names[open_signed(each, study=digest, keys=keys).sender - 1] for each in messages]

    return {
        "sum": opening.round,
        "attempt": opening.attempt,
        "manifest": sha256(opening.manifest),
        "hospitals": [names[entry.hospital - 1] for entry in manifest.entries],
        "updates": [read(each, Header).payload_digest.hex() for each in signed],
        "consents": senders(opening.votes),
        "releases": senders(opening.releases),
    }


def sha256(data: bytes) -> str:
    """The digest of a file, as entries have it."""
    return hashlib.sha256(data).hexdigest()


def event_of(name: str) -> str:
    """What happened when a file of a folder came."""
    if name.startswith("receipts/"):
        return OPENED if name.endswith("/opening.cbor") else RECEIPT
    if name.startswith(f"{earlier_logs.FOLDER}/"):
        return EARLIER[name.split("/")[2]]
    return FOLDERS[name.removeprefix("coordinator/").partition("/")[0]]


def _names(run: Path, table: Mapping[str, tuple[str, ...]]) -> list[str]:
    names = [name for each in table.values() for name in each]
    if ENDED in table:
        names += sorted(path.name for path in run.glob("*.csv") if path.name != _NOT_COVERED)
    return names


def _in_folder(run: Path, folder: str) -> Iterator[str]:
    for name in files.names_in(f"{run}/{folder}"):
        if not name.startswith(".") and not name.endswith(".packet"):
            yield f"{folder}/{name}"


def _in_sum(run: Path, folder: str) -> Iterator[str]:
    """The opening first, then the receipts."""
    names = [name for name in files.names_in(f"{run}/receipts/{folder}") if name.endswith(".cbor") and name[0] != "."]
    yield from (f"receipts/{folder}/{name}" for name in sorted(names, key=lambda name: (name != "opening.cbor", name)))


def _sum_folders(run: Path) -> list[str]:
    return [name for name in files.names_in(f"{run}/receipts") if name.isdecimal()]
