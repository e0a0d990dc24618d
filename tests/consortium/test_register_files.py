"""The files of a home's registers: lost, set back, damaged, half written, or of two tables with the same patients."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.data.test_registers import asked, digests_of, people, who

from cipherward.consortium.homes.registers import LOST, Registers
from cipherward.data.aside import set_aside
from cipherward.data.problems import Problem
from cipherward.data.registers import Reading, read
from cipherward.errors import RefusedError, StorageError, TableError
from cipherward.store import files
from cipherward.store.ledger import Ledger

ROWS = people(range(60))
GROWN = [*ROWS, *people(range(60, 120), seed=2)]
ROWS_MIN = 2


@pytest.fixture
def registers(tmp_path: Path) -> Iterator[Registers]:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    yield Registers(tmp_path / "registers", ledger)
    ledger.close()


def begin(at: Registers, rows: list[dict[str, object]], refresh: int = 0, name: str = "table") -> Reading:
    """A study begins: it reads, and what it made of the register is kept."""
    found = read(asked(rows), at.terms(name, refresh, ROWS_MIN))
    assert isinstance(found, Reading), found
    at.keep(name, found.register)
    return found


def damage(path: Path) -> None:
    """One bit of the digest at its end; any byte there may be any other by chance."""
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def test_a_register_is_read_as_it_was_kept(registers: Registers) -> None:
    kept = begin(registers, ROWS).register
    found = registers.load("table")
    assert found is not None
    assert (found.groups, found.patient_column, found.refresh) == (kept.groups, "mrn", 0)
    for name in ("patients", "cells", "batches", "parts", "entered", "out"):
        np.testing.assert_array_equal(getattr(found, name), getattr(kept, name))


def test_nothing_in_the_files_is_a_cell_or_an_id_and_only_the_owner_reads_them(registers: Registers) -> None:
    one = "patient-7741"  # long: digests and keys hold any two letters by chance
    rows = [row | {"mrn": one} if row["mrn"] == "P7" else row for row in ROWS]
    begin(registers, rows)
    registers.withdraw([one])
    for path in registers.folder.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
        assert one.encode() not in path.read_bytes()


@pytest.mark.parametrize("how", ["lost", "older", "damaged", "key lost", "another key"])
def test_a_register_file_that_is_lost_or_older_is_refused(registers: Registers, how: str) -> None:
    begin(registers, ROWS)
    path, key = registers.folder / "table.register", registers.folder / "key"
    older = path.read_bytes()
    begin(registers, GROWN, refresh=1)
    if how == "older":
        path.write_bytes(older)
    elif how == "damaged":
        damage(path)
    elif how == "another key":
        key.write_bytes(os.urandom(32))
    else:
        (path if how == "lost" else key).unlink()
    with pytest.raises(TableError) as error:
        registers.terms("table", 1, ROWS_MIN)
    assert error.value.hint == LOST
    # Nor is a register of another name begun: nobody knows who was in the first.
    if how in ("lost", "older", "damaged"):
        assert isinstance(read(asked(ROWS), registers.terms("other", 1, ROWS_MIN)), Problem)


def test_patients_of_another_register_are_left_out(registers: Registers) -> None:
    begin(registers, ROWS)
    found = begin(registers, GROWN, name="second")
    assert who(GROWN, found) == {row["mrn"] for row in GROWN[60:]}
    assert found.elsewhere == 60
    again = begin(registers, GROWN, refresh=1)  # and the first register leaves out who is in the second
    assert who(GROWN, again) == {row["mrn"] for row in ROWS}
    said = read(asked(ROWS), registers.terms("third", 0, ROWS_MIN))
    assert isinstance(said, Problem)
    assert "60 wait, or are of patients who are in another register" in said


def test_a_second_register_needs_patient_ids_in_both(registers: Registers) -> None:
    begin(registers, ROWS)
    nameless = [{name: row[name] for name in ("age", "ward", "outcome")} for row in GROWN]
    said = read(asked(nameless, patient_column=""), registers.terms("second", 0, ROWS_MIN))
    assert isinstance(said, Problem)
    assert "no patient column tells" in said


def test_after_a_register_without_ids_every_other_table_is_old(registers: Registers) -> None:
    nameless = [{name: row[name] for name in ("age", "ward", "outcome")} for row in ROWS]
    found = read(asked(nameless, patient_column=""), registers.terms("first", 0, ROWS_MIN))
    assert isinstance(found, Reading)
    registers.keep("first", found.register)
    said = read(asked(GROWN), registers.terms("second", 0, ROWS_MIN))
    assert isinstance(said, Problem)
    assert "every row of this table counts as one of its" in said


@pytest.mark.parametrize("when", ["the register", "the note before", "the note after"])
def test_a_full_disk_leaves_the_register_as_it_was_or_whole(
    registers: Registers, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    begin(registers, ROWS)
    before = (registers.folder / "table.register").read_bytes()
    real, real_note, notes = files.write, registers._note, []

    def write(path: Path, data: bytes, *, private: bool = False) -> None:
        if when == "the register" and path.suffix == ".register":
            raise StorageError(os.strerror(errno.ENOSPC))
        real(path, data, private=private)

    def note(noted: object) -> None:
        notes.append(noted)
        if len(notes) == {"the note before": 1, "the note after": 2}.get(when, 0):
            raise StorageError(os.strerror(errno.ENOSPC))
        real_note(noted)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(files, "write", write)
        patched.setattr(registers, "_note", note)
        with pytest.raises(StorageError):
            begin(registers, GROWN, refresh=1)
    is_there = (registers.folder / "table.register").read_bytes()
    assert (is_there == before) == (when != "the note after")
    found = registers.load("table")  # what lies there is what it is
    assert found is not None
    assert found.refresh == (1 if when == "the note after" else 0)
    begin(registers, GROWN, refresh=1)  # and with room it goes on
    (registers.folder / "table.register").write_bytes(before)
    with pytest.raises(TableError):
        registers.load("table")


def test_a_ledger_that_was_lost_leaves_the_register_that_lies_there(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    first = begin(Registers(tmp_path / "registers", ledger), ROWS)
    ledger.close()
    new = Ledger(tmp_path / "new.sqlite")
    found = begin(Registers(tmp_path / "registers", new), GROWN)
    np.testing.assert_array_equal(found.parts, first.parts)
    new.close()


def test_whoever_only_looks_writes_nothing(tmp_path: Path) -> None:
    looking = Registers(tmp_path / "registers")
    assert isinstance(read(asked(ROWS), looking.terms("table", 0, ROWS_MIN)), Reading)
    assert not looking.folder.exists()


def test_a_withdrawn_patient_takes_its_batches_out_and_never_comes_back(registers: Registers) -> None:
    before = begin(registers, ROWS)
    gone = registers.withdraw([" P7 ", "P8", "nobody"])
    assert (gone.named, gone.known) == (3, 2)
    assert gone.batches in (1, 2)
    of_them = np.isin(before.register.patients, digests_of(["P7", "P8"], (registers.folder / "key").read_bytes()))
    batches = set(before.register.batches[of_them])
    after = begin(registers, ROWS)
    assert after.lost == gone.batches == len(batches)
    assert who(ROWS, before) - who(ROWS, after) == {
        ROWS[place]["mrn"]
        for place, batch in zip(before.rows, before.register.batches, strict=True)
        if batch in batches
    }
    back = [*ROWS, *({"mrn": "P7", "age": age, "ward": "A", "outcome": 1} for age in range(100, 140))]
    assert "P7" not in who(back, begin(registers, back, refresh=1))


def test_nobody_is_withdrawn_by_an_id_that_is_none_or_where_none_are_known(registers: Registers) -> None:
    with pytest.raises(RefusedError, match="no register"):
        registers.withdraw(["P7"])
    begin(registers, ROWS)
    for nothing in ([], ["-"], ["P7", ""]):
        with pytest.raises(RefusedError, match="no patient id"):
            registers.withdraw(nothing)


def test_a_copied_home_without_its_newest_register_is_noticed(registers: Registers, tmp_path: Path) -> None:
    begin(registers, ROWS)
    shutil.copytree(registers.folder, tmp_path / "backup")
    begin(registers, ROWS[1:])  # somebody has gone, and with it a batch
    shutil.rmtree(registers.folder)
    shutil.copytree(tmp_path / "backup", registers.folder)
    with pytest.raises(TableError, match="not the newest"):
        registers.terms("table", 0, ROWS_MIN)


@pytest.mark.parametrize("lacks", ["", "a refresh", "a column", "the file"])
def test_after_a_rebuilt_ledger_only_a_file_that_can_be_the_newest_is_taken(tmp_path: Path, lacks: str) -> None:
    lost = Ledger(tmp_path / "lost.sqlite")
    begin(Registers(tmp_path / "registers", lost), ROWS, refresh=1)
    lost.close()
    ledger = Ledger(tmp_path / "ledger.sqlite")
    found, path = Registers(tmp_path / "registers", ledger), tmp_path / "registers" / "table.register"
    away = path.rename(tmp_path / "away") if lacks == "the file" else path
    stood = {"age"} | ({"weight"} if lacks == "a column" else set())
    taken = found.adopt("table", 2 if lacks == "a refresh" else 1, stood)
    assert taken == (not lacks)
    if lacks:
        with pytest.raises(TableError):
            found.terms("table", 2, ROWS_MIN)
        assert isinstance(read(asked(ROWS), found.terms("other", 1, ROWS_MIN)), Problem) or lacks == "the file"
        away.rename(path)
        assert found.adopt("table", 1, {"age"})  # the right one was brought
    assert found.load("table") is not None
    damage(path)
    assert found.adopt("table", 0, ())  # the ledger knows better
    with pytest.raises(TableError):
        found.load("table")
    ledger.close()


def test_a_part_is_set_aside_before_a_study_reads_the_table_and_later_with_the_same_key(
    registers: Registers, tmp_path: Path
) -> None:
    table, sides = tmp_path / "table.csv", (tmp_path / "part.csv", tmp_path / "rest.csv")
    pl.DataFrame(GROWN).write_csv(table)

    def part(key: str) -> None:
        for path in sides:
            path.unlink(missing_ok=True)
        part, rest = sides
        set_aside(table, "mrn", 0.3, tmp_path / key, part=part, rest=rest, check=registers.check_parting)

    part("key")
    begin(registers, pl.read_csv(sides[1]).to_dicts())
    begin(registers, pl.read_csv(sides[0]).to_dicts(), name="trial")
    part("key")  # a later extract
    with pytest.raises(RefusedError, match="'table' with patients of both sides") as error:
        part("another key")
    assert "with the key that parted the first" in error.value.hint
    assert not sides[0].exists()


def test_a_table_that_a_study_has_read_whole_is_not_parted_afterwards(registers: Registers, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    pl.DataFrame(ROWS).write_csv(table)
    begin(registers, ROWS)
    files_of = {"part": tmp_path / "part.csv", "rest": tmp_path / "rest.csv"}
    with pytest.raises(RefusedError, match="patients of both sides"):
        set_aside(table, "mrn", 0.3, tmp_path / "key", check=registers.check_parting, **files_of)
