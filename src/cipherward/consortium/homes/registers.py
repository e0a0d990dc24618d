"""What a hospital's home keeps of its registers: registers/, private, and never sent.

| file | holds |
|---|---|
| `key` | 32 secret bytes that deal patients into batches and turn ids and cells into digests |
| `NAME.register` | a register's batches (`data.registers`): digests of its rows, their parts and batches, which of these are out |
| `withdrawn` | digests of patients who never come back, in any register of this home |
| `NAME.accepted` | until the next study begins: people say that the table is right, whatever of it has changed |

The ledger remembers the digest of each register file, so that a file that was lost or set back is noticed: it would deal the
same patients anew, and the difference would be theirs.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.crypto import wire
from cipherward.crypto.hashing import DIGEST_BYTES, digest
from cipherward.data import row_digests
from cipherward.data.registers import Register, Terms
from cipherward.data.values import Names, names_of
from cipherward.errors import RefusedError, StorageError, TableError, WireError
from cipherward.store import files
from cipherward.store.ledger import Ledger

_KEY_BYTES = 32
_REGISTERS = "registers"
_SUFFIX = ".register"
LOST = (
    "bring the current file back; an older copy is refused, too. Without it nobody can tell which patients were summed "
    "before, so no row of this table is read any more"
)
_MISSING = digest("register-missing")
"""In place of a file's digest where sums are known that stood on one which nobody has; no file has it."""


@dataclass(frozen=True)
class _File:
    """A register as it is kept: arrays little endian, the last field a digest over all the others."""

    key_check: bytes
    patient_column: str
    test: int
    validation: int
    refresh: int
    groups: tuple[tuple[str, ...], ...]
    patients: bytes = field(repr=False)
    cells: bytes = field(repr=False)
    batches: bytes = field(repr=False)
    parts: bytes = field(repr=False)
    entered: bytes = field(repr=False)
    out: bytes = field(repr=False)


@dataclass(frozen=True)
class _Noted:
    """What the ledger says of a register's file: the digest that it has, and the one that it is about to get."""

    name: str
    digest: bytes
    following: bytes


@dataclass(frozen=True)
class _AllNoted:
    registers: tuple[_Noted, ...]


class Registers:
    """The registers of one home.

    Args:
        folder: registers/ of the home; made when something is written.
        ledger: None: nobody checks whether a file is the newest. looks_on: nothing is written.
    """

    def __init__(self, folder: Path, ledger: Ledger | None = None, *, looks_on: bool = False) -> None:
        self.folder = folder
        self._ledger = ledger
        self._looks_on = looks_on or ledger is None
        self._looking = os.urandom(_KEY_BYTES)

    @property
    def names(self) -> tuple[str, ...]:
        """Every register of which this home or its ledger knows."""
        found = {path.name.removesuffix(_SUFFIX) for path in self.folder.glob(f"*{_SUFFIX}")}
        return tuple(sorted(found | self._noted().keys()))

    def load(self, name: str) -> Register | None:
        """The register; None before its first reading.

        Raises:
            TableError: its file is lost, damaged, older than the ledger knows, or of another key.
        """
        path, noted = self._path(name), self._noted().get(name)
        if not path.exists():
            if noted and noted.digest:
                raise _lost(path, "is gone")
            return None
        data = files.read(path)
        if noted and digest(_REGISTERS, data) not in (noted.digest, noted.following):
            raise _lost(path, "is not the newest that this hospital has written")
        return _decoded(data, path, self._key_check())

    def terms(self, name: str, refresh: int, rows_min: int) -> Terms:
        """How a table is read that is this register's, for a study that names this refresh.

        Raises:
            TableError: as `load`. StorageError: the key cannot be made or read.
        """
        register = self.load(name)
        others = [other for other in self.names if other != name]
        return Terms(
            self._key(),
            register,
            refresh,
            rows_min,
            self.withdrawn,
            self._patients_of(others),
            bool(others),
            self._accepted(name).exists(),
        )

    def keep(self, name: str, register: Register) -> None:
        """Keep a register as it is after a reading, before anything of that reading is sent; the ledger first.

        Raises:
            StorageError: the disk; the register is as it was.
        """
        data = _encoded(register, self._key_check())
        found, path = digest(_REGISTERS, data), self._path(name)
        before = self._noted().get(name, _Noted(name, b"", b""))
        if before.digest != found or not path.exists():
            is_there = path.exists()
            self._note(_Noted(name, digest(_REGISTERS, files.read(path)) if is_there else b"", found))
            files.write(path, data, private=True)
            self._note(_Noted(name, found, found))
        files.remove(self._accepted(name))

    def adopt(self, name: str, refresh: int, columns: Collection[str]) -> bool:
        """After the ledger was rebuilt: take the file that is here for the newest, if it can be; else none is until it is brought.

        Args:
            refresh: the newest at which sums were opened. columns: what they were about. A file that knows less would deal
                patients anew, or not notice that one of them has changed.
        """
        noted = self._noted().get(name)
        if noted and _MISSING not in (noted.digest, noted.following):
            return True  # the ledger knows its file itself
        path, found = self._path(name), None
        with contextlib.suppress(TableError):
            found = _decoded(files.read(path), path, self._key_check()) if path.exists() else None
        can_be = found is not None and found.refresh >= refresh and found.columns >= set(columns)
        mark = digest(_REGISTERS, files.read(path)) if can_be else _MISSING
        self._note(_Noted(name, mark, mark))
        return can_be

    def accept(self, name: str) -> None:
        """People say that the table is right, although most of its rows have changed or are gone."""
        files.write(self._accepted(name), b"", private=True)

    @property
    def withdrawn(self) -> row_digests.Digests:
        """uint64: the digests of patients who were withdrawn."""
        path = self.folder / "withdrawn"
        return np.frombuffer(files.read(path), "<u8").astype(np.uint64) if path.exists() else np.zeros(0, np.uint64)

    def withdraw(self, ids: Iterable[str]) -> Withdrawn:
        """Take patients out for good: the batches that they are in are not read any more. Ids are not kept, only digests of them.

        Raises:
            RefusedError: no register here knows patients by an id, or one of the ids is none.
        """
        names = names_of(pl.Series(list(ids), dtype=pl.String))
        if not len(names.distinct) or (names.codes < 0).any():
            raise RefusedError(
                "that is no patient id", hint="give one id a line, as the table's patient column has them"
            )
        registers = [found for name in self.names if (found := self.load(name))]
        if not any(register.patient_column for register in registers):
            raise RefusedError(
                "no register of this hospital knows its patients by an id",
                hint="remove the rows from the table: their batch goes out when the next study begins",
            )
        gone = row_digests.of_patients(names, self._key())
        known = batches = 0
        for register in registers:
            theirs = np.isin(register.patients, gone) & bool(register.patient_column)
            known += len(np.unique(register.patients[theirs]))
            batches += int((~register.out[np.unique(register.batches[theirs])]).sum())
        everyone = np.union1d(self.withdrawn, gone).astype("<u8")
        files.write(self.folder / "withdrawn", everyone.tobytes(), private=True)
        return Withdrawn(len(np.unique(gone)), known, batches)

    def check_parting(self, patients: Names, inside: NDArray[np.bool_]) -> None:
        """Whether a table's patients may be parted so, `inside` bool[n_rows] and the others: no register has some of both.

        Raises:
            RefusedError: one has, or nobody can tell. TableError: as `load`.
        """
        if not self.names:
            return
        digests = row_digests.of_patients(patients, self._key())
        for name in self.names:
            register = self.load(name)
            if register is None:
                continue
            if not register.patient_column:
                raise RefusedError(
                    f"studies have read the register {name!r}, which knows no patients by an id: nobody can tell whether these are in it",
                    hint="part the table of a home that no study has read yet",
                )
            known = np.isin(digests, register.patients)
            if (known & inside).any() and (known & ~inside).any():
                raise RefusedError(
                    f"studies have read the register {name!r} with patients of both sides: those who change sides would take their "
                    "batches out for good, and their rows would be left out of the other register",
                    hint="set a part aside before the first study reads the table; of a later extract, with the key that parted the first",
                )

    def facts(self, register: Register) -> dict[str, int]:
        """Counts of a register, with the batches of patients who were withdrawn."""
        out = register.out.copy()
        if register.patient_column:
            out[register.batches[np.isin(register.patients, self.withdrawn)]] = True
        is_out = out[register.batches]
        return {
            "refresh": register.refresh,
            "rows": len(is_out),
            "batches": len(out),
            "rows_out": int(is_out.sum()),
            "batches_out": int(out.sum()),
        }

    def watched(self) -> tuple[Path, ...]:
        """The files that decide which rows are read."""
        return tuple(sorted(path for path in self.folder.glob("*") if path.suffix != ".tmp"))

    def _patients_of(self, others: Iterable[str]) -> row_digests.Digests | None:
        """Who is in other registers; None where one of them cannot be looked into, or knows no patients."""
        found = [np.zeros(0, np.uint64)]
        for other in others:
            try:
                register = self.load(other)
            except TableError:
                return None
            if register and not register.patient_column:
                return None
            found += [register.patients] if register else []
        return np.unique(np.concatenate(found))

    # files

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{_SUFFIX}"

    def _accepted(self, name: str) -> Path:
        return self.folder / f"{name}.accepted"

    def _key(self) -> bytes:
        path = self.folder / "key"
        if not path.exists() and not self.names:
            if self._looks_on:
                return self._looking
            files.write(path, os.urandom(_KEY_BYTES), private=True)
        key = files.read(path) if path.exists() else b""
        if len(key) != _KEY_BYTES:
            raise _lost(path, "is gone or damaged")
        return key

    def _key_check(self) -> bytes:
        return digest("registers-key", self._key())

    # the ledger

    def _noted(self) -> dict[str, _Noted]:
        data = self._ledger.standing(_REGISTERS) if self._ledger else b""
        if not data:
            return {}
        try:
            return {noted.name: noted for noted in wire.decode(_AllNoted, data).registers}
        except WireError as error:
            raise StorageError(
                f"the ledger does not say which registers this hospital has: {error.message}",
                hint="docs/operations.md says what to do with a damaged ledger",
            ) from None

    def _note(self, noted: _Noted) -> None:
        if self._ledger:
            known = self._noted() | {noted.name: noted}
            self._ledger.record_standing(_REGISTERS, wire.encode(_AllNoted(tuple(known[n] for n in sorted(known)))))


@dataclass(frozen=True)
class Withdrawn:
    """How many patients were named, how many of them registers know, and how many batches go out for them."""

    named: int
    known: int
    batches: int


def _lost(path: Path, what: str) -> TableError:
    said = f"the register's file {path.name} {what}"
    return TableError(f"{path}: {said}", logged=said, hint=LOST)


def _encoded(register: Register, key_check: bytes) -> bytes:
    body = wire.encode(
        _File(
            key_check,
            register.patient_column,
            register.test,
            register.validation,
            register.refresh,
            register.groups,
            register.patients.astype("<u8").tobytes(),
            register.cells.astype("<u8").tobytes(),
            register.batches.astype("<u4").tobytes(),
            register.parts.tobytes(),
            register.entered.astype("<i8").tobytes(),
            register.out.tobytes(),
        )
    )
    return body + digest("register-file", body)


def _decoded(data: bytes, path: Path, key_check: bytes) -> Register:
    body, mark = data[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
    if mark != digest("register-file", body):
        raise _lost(path, "is damaged")
    try:
        kept = wire.decode(_File, body)
    except WireError:
        raise _lost(path, "is of another version") from None
    if kept.key_check != key_check:
        raise _lost(path, "was made with another key than registers/key")
    batches = np.frombuffer(kept.batches, "<u4").astype(np.uint32)
    cells: NDArray[np.uint64] = np.frombuffer(kept.cells, "<u8").astype(np.uint64)
    return Register(
        kept.groups,
        kept.patient_column,
        kept.test,
        kept.validation,
        kept.refresh,
        np.frombuffer(kept.patients, "<u8").astype(np.uint64),
        cells.reshape(len(kept.groups), len(batches)),
        batches,
        np.frombuffer(kept.parts, np.uint8).copy(),
        np.frombuffer(kept.entered, "<i8").astype(np.int64),
        np.frombuffer(kept.out, np.bool_).copy(),
    )
