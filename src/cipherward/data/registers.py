"""A hospital's register: which rows of its table studies may read, in which part of the split (rule 7 of docs/security.md).

Rows are dealt into batches once. A batch enters at a refresh, with others of its block, and leaves for good when one of its
rows has changed or is gone. So what two studies read differs by whole batches, never by one patient. Pure: keys and
numbers in, a `Reading` out; `consortium.homes.registers` keeps the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data.partition import N_BUCKETS, TEST, TRAIN, VALIDATION
from cipherward.data.problems import Problem
from cipherward.data.row_digests import Digests, occurrences, of_cells, of_patients
from cipherward.data.values import names_of

_ODD = np.uint64(0x9E3779B97F4A7C15)


def _none() -> Digests:
    return np.zeros(0, np.uint64)


@dataclass(frozen=True)
class Register:
    """What is remembered of a register. `groups`: the columns that studies read, each with those that it was first read with;
    `patient_column`: "" where each row counts as a patient of its own; `test`, `validation`: the split, in 1/10,000 of the patients;
    `refresh`: the newest at which rows were dealt.

    Of each row, in the order in which they were dealt: `patients` uint64[n], `cells` uint64[n_groups, n], `batches` uint32[n],
    `parts` uint8[n]. Of each batch: `entered` int64, the refresh at which it entered; `out` bool.
    """

    groups: tuple[tuple[str, ...], ...]
    patient_column: str
    test: int
    validation: int
    refresh: int = -1
    patients: Digests = field(default_factory=_none, repr=False)
    cells: NDArray[np.uint64] = field(default_factory=lambda: np.zeros((0, 0), np.uint64), repr=False)
    batches: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32), repr=False)
    parts: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, np.uint8), repr=False)
    entered: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)
    out: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_), repr=False)

    @property
    def columns(self) -> frozenset[str]:
        """Every column that studies have read."""
        return frozenset(name for group in self.groups for name in group)

    def in_use(self, refresh: int) -> NDArray[np.bool_]:
        """bool[n_rows]: of batches that have entered by then and are not out."""
        return (~self.out & (self.entered <= refresh))[self.batches]


@dataclass(frozen=True)
class Terms:
    """How a table is read. `key`: 32 secret bytes of the hospital; `register`: None before the first reading; `refresh`: the one
    that the study names; `rows_min`: patients that a new batch has in every part of the split, at least.

    `withdrawn`: digests of patients whose batch goes out and who never come back; `elsewhere`: of patients who are in another register
    of this hospital, None where that cannot be known, and `has_others`: whether there is one. `accepts_loss`: people have said that the table is right although
    most of the register's rows have changed or are gone. `is_begun`: the study has begun here, with the rows that it reads.
    """

    key: bytes = field(repr=False)
    register: Register | None
    refresh: int
    rows_min: int
    withdrawn: Digests = field(default_factory=_none, repr=False)
    elsewhere: Digests | None = field(default_factory=_none, repr=False)
    has_others: bool = False
    accepts_loss: bool = False
    is_begun: bool = False


@dataclass(frozen=True)
class Reading:
    """What a study reads: `rows` int64[n], places in the table in the register's order, and their `parts` uint8[n]
    and `patients`, as the register knows them.

    `register`: as it is after this reading, for whoever keeps it; `refresh`: the study's; `steps`: the refreshes at which the batches
    in use entered. Rows that `wait` for a refresh, and those of patients who are in another register; `lost`: batches that
    this reading takes out, with their rows.
    """

    rows: NDArray[np.int64] = field(repr=False)
    parts: NDArray[np.uint8] = field(repr=False)
    patients: Digests = field(repr=False)
    register: Register = field(repr=False)
    refresh: int
    steps: tuple[int, ...]
    wait: int
    elsewhere: int
    lost: int
    lost_rows: int


@dataclass(frozen=True)
class TableToRead:
    """A table, with the columns that the study reads, outcome and patient column included, and what it says of the split."""

    table: pl.DataFrame
    columns: Sequence[str]
    patient_column: str
    test_fraction: float
    validation_fraction: float


def read(found: TableToRead, terms: Terms) -> Reading | Problem:
    """What of this table may be read on these terms, or why nothing may."""
    register = terms.register or Register(
        (), found.patient_column, round(found.test_fraction * N_BUCKETS), round(found.validation_fraction * N_BUCKETS)
    )
    if problem := _unreadable(found.table, register, terms):
        return problem
    patients = _patients(found.table, register, terms.key)
    if isinstance(patients, Problem):
        return patients
    n_known = len(register.groups)
    register, cells = _with_columns(found, register, terms.key)
    present = np.flatnonzero(~np.isin(patients, terms.withdrawn))
    known, places = _matched(register, patients[present], cells[:, present], n_known)
    places = present[places]
    register, lost = _without_lost(_with_new_cells(register, known, cells[:, places]), known)
    new = np.setdiff1d(present, places, assume_unique=True)
    fresh = new[~_is_elsewhere(patients[new], register, terms)]
    n_before = len(register.batches)
    if terms.refresh > register.refresh:
        register = _dealt(register, patients[fresh], cells[:, fresh], terms)
    if entered := len(register.batches) - n_before:
        known, places = np.append(known, np.arange(n_before, n_before + entered)), np.append(places, fresh)
    in_use = register.in_use(terms.refresh)[known]
    order = np.argsort(known[in_use])
    kept, rows = known[in_use][order], places[in_use][order]
    is_lost = np.isin(register.batches, lost)
    lost_rows = int(is_lost.sum())
    if terms.is_begun and (register.entered[register.batches[is_lost]] <= terms.refresh).any():
        said = "the table is not the one that this study was begun with: rows that it reads have changed or are gone"
        return Problem(f"{said}; put the earlier table back, or start a new study with the new one", said)
    if 2 * lost_rows > len(kept) + lost_rows and not terms.accepts_loss:
        return _too_much_lost(lost_rows, len(lost))
    if not register.entered.size and len(fresh):
        return _too_few_to_begin(register, terms.rows_min)
    if not len(rows):
        said = f"no row may be read at refresh {terms.refresh} of its register"
        return Problem(f"{said}: {len(new)} wait, or are of patients who are in another register", said)
    return Reading(
        rows,
        register.parts[kept],
        register.patients[kept],
        register,
        terms.refresh,
        tuple(int(step) for step in np.unique(register.entered[register.batches[kept]])),
        len(fresh) - entered,
        len(new) - len(fresh),
        len(lost),
        lost_rows,
    )


def _unreadable(table: pl.DataFrame, register: Register, terms: Terms) -> Problem | None:
    if missing := sorted((register.columns | {register.patient_column}) - set(table.columns) - {""}):
        said = f"column {missing[0]!r}, which an earlier study read, is missing"
        return Problem(
            f"{said} ({len(missing)} such column(s)): without it nobody can tell whether rows have changed; bring it back, as the "
            "register knows its rows by every column that was ever read",
            said,
        )
    if terms.has_others and not register.patient_column:
        said = (
            "this hospital has another register, and no patient column tells whether patients of this table are in it"
        )
        return Problem(f"{said}; let the study name one (data.patient_column), with ids as in the other register", said)
    if terms.elsewhere is None and terms.register is None:
        said = (
            "another register of this hospital cannot be looked into, so every row of this table counts as one of its"
        )
        return Problem(
            f"{said}; bring its file back (registers/), or, where it has no patient column, go on with it", said
        )
    return None


def _patients(table: pl.DataFrame, register: Register, key: bytes) -> Digests | Problem:
    """uint64[n_rows]; zeros where each row counts as a patient of its own."""
    if not register.patient_column:
        return np.zeros(table.height, np.uint64)
    found = names_of(table[register.patient_column])
    if (found.codes < 0).any():
        said = (
            f"rows without a patient id in column {register.patient_column!r}, by which the register knows its patients"
        )
        return Problem(said, said)
    return of_patients(found, key)


def _is_elsewhere(patients: Digests, register: Register, terms: Terms) -> NDArray[np.bool_]:
    if terms.elsewhere is None:
        return np.ones(len(patients), np.bool_)
    return np.isin(patients, terms.elsewhere) & bool(register.patient_column)


def _too_much_lost(rows: int, batches: int) -> Problem:
    said = f"{batches} batch(es) with most of the register's rows would go out for good, as rows of theirs have changed or are gone"
    return Problem(
        f"{said} ({rows} rows): is this the right table? If it is: cipherward hospital register --accept-changes", said
    )


def _too_few_to_begin(register: Register, rows_min: int) -> Problem:
    smallest = min(register.test, register.validation, N_BUCKETS - register.test - register.validation)
    said = (
        f"too few patients to begin a register: each part of the split takes {rows_min} (rows_min of policy.toml), which is about "
        f"{-(-rows_min * N_BUCKETS // max(smallest, 1)):,} together"
    )
    return Problem(
        f"{said}. Fewer would show by themselves when one of them is corrected or withdrawn. Wait until the table has as many, or ask for a study "
        "with larger parts (data.test_fraction, data.validation_fraction)",
        said,
    )


def _with_columns(found: TableToRead, register: Register, key: bytes) -> tuple[Register, NDArray[np.uint64]]:
    """The register with the columns that are read for the first time as a new group, and the table's digests by group."""
    new = tuple(sorted(set(found.columns) - register.columns - {register.patient_column}))
    if new:
        empty = np.zeros((1, len(register.batches)), np.uint64)
        cells = np.concatenate([register.cells.reshape(len(register.groups), len(register.batches)), empty])
        register = replace(register, groups=(*register.groups, new), cells=cells)
    digests = [of_cells(found.table, group, key) for group in register.groups]
    return register, np.array(digests, np.uint64).reshape(len(digests), found.table.height)


def _keys(patients: Digests, cells: NDArray[np.uint64]) -> Digests:
    """uint64[n]: one number for what a row is; equal rows are told apart by how many stand before them."""
    said = patients.copy()
    for group in cells:
        said ^= group
    return said + occurrences(said).astype(np.uint64) * _ODD


def _matched(
    register: Register, patients: Digests, cells: NDArray[np.uint64], n_known: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places int64[m] in the register and in the table of the rows that are in both, by the columns of the first groups."""
    here, there = _keys(register.patients, register.cells[:n_known]), _keys(patients, cells[:n_known])
    _, i, j = np.intersect1d(here, there, assume_unique=True, return_indices=True)
    return i, j


def _with_new_cells(register: Register, known: NDArray[np.int64], cells: NDArray[np.uint64]) -> Register:
    """The digests of columns that were read for the first time, of the rows that were found."""
    found = register.cells.copy()
    found[:, known] = cells
    return replace(register, cells=found)


def _without_lost(register: Register, known: NDArray[np.int64]) -> tuple[Register, NDArray[np.int64]]:
    """Batches of which a row was not found are out; which of them were not before."""
    is_gone = np.ones(len(register.batches), np.bool_)
    is_gone[known] = False
    lost = np.zeros(len(register.out), np.bool_)
    lost[register.batches[is_gone]] = True
    return replace(register, out=register.out | lost), np.flatnonzero(lost & ~register.out)


def _dealt(register: Register, patients: Digests, cells: NDArray[np.uint64], terms: Terms) -> Register:
    """New rows as batches that enter now, each with at least `rows_min` patients in every part; or they wait on."""
    who = patients if register.patient_column else _keys(patients, cells)
    people, of_row = np.unique(who, return_inverse=True)  # in the order of their digests, which the key alone decides
    part_of = _parts(register, people)
    counts = [int((part_of == part).sum()) for part in (TRAIN, VALIDATION, TEST)]
    n = min(counts) // terms.rows_min
    register = replace(register, refresh=terms.refresh)
    if n == 0:
        return register
    batch_of = np.zeros(len(people), np.int64)
    for part in (TRAIN, VALIDATION, TEST):
        mine = np.flatnonzero(part_of == part)
        batch_of[mine] = np.arange(len(mine)) % n
    first = len(register.entered)
    return replace(
        register,
        patients=np.append(register.patients, patients),
        cells=np.concatenate([register.cells, cells], axis=1),
        batches=np.append(register.batches, (first + batch_of[of_row]).astype(np.uint32)),
        parts=np.append(register.parts, part_of[of_row]),
        entered=np.append(register.entered, np.full(n, terms.refresh, np.int64)),
        out=np.append(register.out, np.zeros(n, np.bool_)),
    )


def _parts(register: Register, people: Digests) -> NDArray[np.uint8]:
    """uint8[n_people]: the part of whoever is known, and the register's fractions of the others."""
    found = np.full(len(people), TRAIN, np.uint8)
    is_new = np.ones(len(people), np.bool_)
    if register.patient_column:
        known, first = np.unique(register.patients, return_index=True)
        _, here, there = np.intersect1d(people, known, assume_unique=True, return_indices=True)
        found[here], is_new[here] = register.parts[first[there]], False
    new = np.flatnonzero(is_new)
    test = len(new) * register.test // N_BUCKETS
    validation = len(new) * (register.test + register.validation) // N_BUCKETS
    found[new[:test]], found[new[test:validation]] = TEST, VALIDATION
    return found
