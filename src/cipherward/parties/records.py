"""What the coordinator's node writes down, and the one place where such a node is made on a folder of files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Literal, Protocol

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import Identity
from cipherward.errors import StorageError
from cipherward.parties.coordinator_node import CoordinatorNode
from cipherward.store import files
from cipherward.store.journal import Journal
from cipherward.sums.votes import Rules
from cipherward.tasks.state import StudyState


class Folder(Protocol):
    """Where a study's openings, receipts and journal are: a run directory."""

    coordinator: Path
    journal: Path

    def opening(self, round: int) -> Path: ...

    def receipt(self, round: int, hospital: int) -> Path: ...


@dataclass(frozen=True)
class Evidence:
    """What a hospital has signed twice, differently, where it may say one thing only."""

    round: int
    hospital: int
    reason: str
    messages: tuple[bytes, ...]


class Records:
    """`breaches/`, `quarantine/` and `evidence/` in a folder: what hospitals did wrong, or say that others did."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep_breach(self, hospital: int, receipt: bytes) -> None:
        """A hospital's signed report of a breach."""
        files.write(self._folder / "breaches" / f"{hospital}.signed", receipt)

    def keep_quarantine(self, round: int, hospital: int, packet: bytes, reason: str) -> None:
        """A faulty message as it came."""
        Quarantine(self._folder / "quarantine").keep(round, hospital, packet, reason)

    def keep_evidence(self, round: int, hospital: int, messages: tuple[bytes, bytes], reason: str) -> None:
        """Two signed messages of one hospital that contradict each other, for people."""
        name = digest("evidence", *messages).hex()[:12]
        data = wire.encode(Evidence(round, hospital, reason, messages))
        files.write(self._folder / "evidence" / f"sum-{round}-hospital-{hospital}-{name}.cbor", data)


def make_coordinator(
    folder: Folder,
    records: Records,
    *,
    rules: Rules,
    identity: Identity,
    state: StudyState,
    log: Callable[[str, dict[str, object]], None],
    closed: Iterable[bytes],
    on_breach: Literal["stop", "exclude"] = "stop",
    excluded: Iterable[int] = (),
    kept_updates: Path | None = None,
    ahead: bool = False,
) -> CoordinatorNode:
    """The coordinator's node, which keeps everything in `folder`. `kept_updates`: as in `Spool`. `closed` and the rest: as in
    `CoordinatorNode`."""
    return CoordinatorNode(
        rules=rules,
        identity=identity,
        state=state,
        payloads=lambda: Spool(folder.coordinator / "spool", kept_updates),
        keep_opening=lambda round, data: files.write(folder.opening(round), data),
        load_opening=lambda round: files.read(folder.opening(round)),
        keep_receipt=lambda round, hospital, data: files.write(folder.receipt(round, hospital), data),
        load_receipt=lambda round, hospital: _read_if_there(folder.receipt(round, hospital)),
        log=log,
        clock=perf_counter,
        journal=Journal(folder.journal),
        on_breach=on_breach,
        keep_breach=records.keep_breach,
        keep_quarantine=records.keep_quarantine,
        keep_evidence=records.keep_evidence,
        closed=closed,
        excluded=set(excluded),
        ahead=ahead,
    )


def _read_if_there(path: Path) -> bytes:
    return files.read(path) if path.exists() else b""


class Quarantine:
    """Faulty messages as they came, each with its reason beside it; the oldest go when there are too many."""

    def __init__(self, folder: Path, *, max_files: int = 64, max_bytes: int = 1 << 28) -> None:
        self._folder, self._max_files, self._max_bytes = folder, max_files, max_bytes

    def keep(self, round: int, hospital: int, packet: bytes, reason: str) -> None:
        """Keep one message; of one larger than `max_bytes` the reason alone.

        Raises:
            StorageError: no space or no permission.
        """
        room = self._max_bytes - len(packet)
        try:
            kept = sorted(self._folder.glob("*.packet"))
            number = int(kept[-1].name.split("-")[0]) + 1 if kept else 0
            while kept and (len(kept) >= self._max_files or sum(path.stat().st_size for path in kept) > room):
                oldest = kept.pop(0)
                oldest.with_suffix(".json").unlink(missing_ok=True)
                oldest.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"cannot use {self._folder}: {error.strerror or error}", hint="check space and permissions"
            ) from None
        path = self._folder / f"{number:06d}-sum-{round}-hospital-{hospital}.packet"
        facts = {"sum": round, "hospital": hospital, "bytes": len(packet), "reason": reason}
        files.write(path.with_suffix(".json"), (json.dumps(facts) + "\n").encode())
        files.write(path, packet if room >= 0 else b"", private=True)


class Spool(MutableMapping[int, bytes]):
    """One attempt's encrypted payloads on disk, so that the coordinator's memory does not grow with the hospitals.

    `kept`: a folder in which they stay, under the same names, until the next attempt; for a vault.
    """

    def __init__(self, folder: Path, kept: Path | None = None) -> None:
        self._folder, self._kept = folder, kept
        self._held: set[int] = set()
        try:
            for each in (folder, kept) if kept else (folder,):
                each.mkdir(parents=True, exist_ok=True)
                for stale in each.glob("*.payload"):
                    stale.unlink()
        except OSError as error:
            raise StorageError(
                f"cannot use {folder}: {error.strerror or error}", hint="check space and permissions"
            ) from None

    def _file(self, hospital: int) -> Path:
        return self._folder / f"{hospital}.payload"

    def __getitem__(self, hospital: int) -> bytes:
        if hospital not in self._held:
            raise KeyError(hospital)
        return files.read(self._file(hospital))

    def __setitem__(self, hospital: int, payload: bytes) -> None:
        try:
            self._file(hospital).unlink(missing_ok=True)  # a kept one shares its bytes
            self._file(hospital).write_bytes(payload)
            if self._kept:
                files.link(self._file(hospital), self._kept / self._file(hospital).name)
        except OSError as error:
            raise StorageError(
                f"cannot keep an update in {self._folder}: {error.strerror}", hint="free space"
            ) from None
        self._held.add(hospital)

    def __delitem__(self, hospital: int) -> None:
        if hospital not in self._held:
            raise KeyError(hospital)
        self._held.discard(hospital)
        self._file(hospital).unlink(missing_ok=True)

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._held))

    def __len__(self) -> int:
        return len(self._held)
