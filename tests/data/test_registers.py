"""What studies read of a register differs by whole batches, whatever happens to its table."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from pathlib import Path
from random import Random

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import simulator

from cipherward.data import row_digests
from cipherward.data.partition import TEST, TRAIN, VALIDATION
from cipherward.data.problems import Problem
from cipherward.data.registers import Reading, Register, TableToRead, Terms, read
from cipherward.data.sources import load_hospitals
from cipherward.data.values import names_of
from cipherward.privacy import records
from cipherward.privacy.randomness import SYSTEM

KEY = bytes(range(32))
ROWS_MIN = 2
PARTS = (TRAIN, VALIDATION, TEST)
COLUMNS = ("age", "ward", "outcome")
SEEDS = st.integers(0, 2**32)

Row = dict[str, object]


def person(number: int, rng: Random) -> Row:
    """A row with something in it that no study reads, by which a test knows it again."""
    return {"mrn": f"P{number}", "age": rng.randrange(90), "ward": rng.choice("AB"), "outcome": rng.randrange(2)}


def people(numbers: Iterable[int], seed: int = 1) -> list[Row]:
    rng = Random(seed)
    return [person(number, rng) for number in numbers]


def asked(rows: list[Row], columns: Iterable[str] = COLUMNS, patient_column: str = "mrn") -> TableToRead:
    return TableToRead(pl.DataFrame(rows), tuple(columns), patient_column, 0.2, 0.2)


def terms(register: Register | None, refresh: int = 0, **others: object) -> Terms:
    return dataclasses.replace(Terms(KEY, register, refresh, ROWS_MIN), **others)  # type: ignore[arg-type]


def reading(found: TableToRead, on: Terms) -> Reading:
    result = read(found, on)
    assert isinstance(result, Reading), result
    return result


def who(rows: list[Row], found: Reading) -> set[object]:
    return {rows[place]["mrn"] for place in found.rows}


def digests_of(ids: Iterable[str], key: bytes = KEY) -> row_digests.Digests:
    return row_digests.of_patients(names_of(pl.Series(list(ids), dtype=pl.String)), key)


# the batch rule, over random histories of a table


class History:
    """A table to which random things happen, and everything that was read of it: row numbers that never come again."""

    def __init__(self, seed: int, *, with_ids: bool) -> None:
        self.rng = Random(seed)
        self.with_ids = with_ids
        self.made = 0
        self.rows: list[tuple[int, Row]] = []
        self.register: Register | None = None
        self.refresh = 0
        self.reads: list[tuple[frozenset[int], int]] = []
        self.part: dict[int, int] = {}
        self.who: dict[int, object] = {}
        self.add(self.rng.randint(10, 60))

    def add(self, n: int) -> None:
        for _ in range(n):
            again = self.rows and self.rng.random() < 0.2
            number = int(str(self.rng.choice(self.rows)[1]["mrn"])[1:]) if again else self.made
            self.rows.append((self.made, person(number, self.rng) | {"age": self.made}))
            self.made += 1

    def correct(self) -> None:
        place = self.rng.randrange(len(self.rows))
        _, row = self.rows[place]
        self.rows[place] = self.made, row | {"age": self.made}
        self.made += 1

    def remove(self) -> None:
        self.rows.pop(self.rng.randrange(len(self.rows)))

    def happen(self) -> None:
        kind = self.rng.random()
        if kind < 0.4:
            self.add(self.rng.randint(1, 30))
        elif kind < 0.55 and len(self.rows) > 10:
            self.remove()
        elif kind < 0.7:
            self.correct()
        self.rng.shuffle(self.rows)
        self.refresh = max(0, self.refresh + self.rng.choice([-1, 0, 0, 1]))

    def look(self) -> None:
        columns = [*COLUMNS[:2], "outcome"] if self.rng.random() < 0.5 else ["age", "outcome"]
        table = [row for _, row in self.rows]
        patient = "mrn" if self.with_ids else ""
        if not self.with_ids:
            table = [{"age": row["age"], "ward": row["ward"], "outcome": row["outcome"]} for row in table]
        found = read(asked(table, columns, patient), terms(self.register, self.refresh, accepts_loss=True))
        if isinstance(found, Problem):
            return  # nothing may be read
        self.register = found.register
        numbers = [self.rows[place][0] for place in found.rows]
        self.who |= {number: row["mrn"] for number, row in self.rows}
        self.reads.append((frozenset(numbers), self.refresh))
        for number, part in zip(numbers, found.parts, strict=True):
            assert self.part.setdefault(number, int(part)) == part or not self.with_ids


def atoms(reads: list[frozenset[int]]) -> list[set[int]]:
    """The finest sets that were in every reading together or not at all."""
    found: dict[tuple[bool, ...], set[int]] = {}
    for number in set().union(*reads):
        found.setdefault(tuple(number in each for each in reads), set()).add(number)
    return list(found.values())


def differ_by_whole_batches(seed: int) -> None:
    history = History(seed, with_ids=True)
    for _ in range(12):
        history.look()
        history.happen()
    if not history.reads:
        return
    for atom in atoms([rows for rows, _ in history.reads]):
        patients = {part: {history.who[n] for n in atom if history.part[n] == part} for part in PARTS}
        assert all(len(each) >= ROWS_MIN for each in patients.values())


@pytest.mark.parametrize("examples", [40, pytest.param(150, marks=pytest.mark.thorough)])
def test_readings_of_a_register_differ_by_whole_batches_of_enough_patients_in_every_part(examples: int) -> None:
    settings(max_examples=examples)(given(SEEDS)(differ_by_whole_batches))()


def are_dealt_once_without_ids(seed: int) -> None:
    history = History(seed, with_ids=False)
    sizes = []
    for _ in range(12):
        history.look()
        history.happen()
        if history.register is not None:
            sizes.append(np.bincount(history.register.batches, minlength=len(history.register.entered)))
    for earlier, later in itertools.pairwise(sizes):
        assert (earlier == later[: len(earlier)]).all()  # dealt once and for ever
        assert (later[len(earlier) :] >= 3 * ROWS_MIN).all()


@pytest.mark.parametrize("examples", [30, pytest.param(100, marks=pytest.mark.thorough)])
def test_and_so_do_those_of_a_register_without_patient_ids(examples: int) -> None:
    settings(max_examples=examples)(given(SEEDS)(are_dealt_once_without_ids))()


def test_a_register_begins_with_enough_patients_in_every_part_or_not_at_all() -> None:
    refused = read(asked(people(range(9))), terms(None))
    assert isinstance(refused, Problem)
    assert "each part of the split takes 2 (rows_min of policy.toml), which is about 10 together" in refused
    assert "Wait until the table has as many" in refused
    begun = reading(asked(people(range(10))), terms(None))
    assert len(begun.rows) == 10
    assert {part: int((begun.parts == part).sum()) for part in PARTS} == {TRAIN: 6, VALIDATION: 2, TEST: 2}


# what a row is

ROWS = people(range(40))


def test_a_table_in_another_order_or_with_numbers_written_otherwise_is_the_same() -> None:
    first = reading(asked(ROWS), terms(None))
    again = [row | {"age": f"{row['age']}.0", "ward": f" {row['ward']} "} for row in reversed(ROWS)]
    found = reading(asked(again), terms(first.register))
    assert (found.lost, found.wait) == (0, 0)
    assert [again[place]["mrn"] for place in found.rows] == [ROWS[place]["mrn"] for place in first.rows]


@pytest.mark.parametrize("zeros", [(0.0, -0.0), ("0", "-0"), ("0.00", "-0.0")])
@pytest.mark.parametrize("others", [(1.5, 2.0), (0.0, 2.0), (-0.0, 2.0), (None, None)])
def test_zero_is_zero_with_its_sign_whatever_else_is_in_the_column(
    zeros: tuple[object, object], others: tuple[float | None, ...]
) -> None:
    is_text = isinstance(zeros[0], str)
    digests = {
        row_digests.of_cells(
            pl.DataFrame({"x": [zero, *(str(one) if is_text and one is not None else one for one in others)]}),
            ["x"],
            KEY,
        )[0]
        for zero in zeros
    }
    assert len(digests) == 1


def test_columns_say_the_same_in_a_short_table_and_in_a_long_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long one each distinct cell is read once."""
    cells = ["1", "1.0", " 1 ", "01", "-0.5", "", None, "NA", "nan", "E11", "e\u0301", "\u00e9", "1e5", "+2", "2"]
    table = pl.DataFrame(
        {"text": cells, "number": [float(n % 4) for n in range(len(cells))], "none": pl.Series([None] * len(cells))}
    )
    table = pl.concat([table, table])
    short = [row_digests.of_cells(table, [name], KEY).tolist() for name in table.columns]
    monkeypatch.setattr(row_digests, "_FEW", 0)
    assert [row_digests.of_cells(table, [name], KEY).tolist() for name in table.columns] == short
    text = dict(zip(cells, short[0], strict=False))
    assert text["1"] == text["1.0"] == text[" 1 "]
    assert text[""] == text[None] == text["NA"] == text["nan"]
    assert text["e\u0301"] == text["\u00e9"]
    assert text["+2"] == text["2"]
    assert len({text[cell] for cell in ("1", "01", "-0.5", "", "E11", "1e5", "\u00e9", "2")}) == 8


def test_a_column_counts_from_the_first_study_that_reads_it_and_stays() -> None:
    first = reading(asked(ROWS, ["age", "outcome"]), terms(None))
    moved = [row | {"ward": "C"} for row in ROWS]
    second = reading(asked(moved), terms(first.register))
    assert (second.lost, second.wait) == (0, 0)  # no study had read the ward
    changed = [moved[0] | {"ward": "A"}, *moved[1:]]
    third = reading(asked(changed, ["age", "outcome"]), terms(second.register))
    assert (third.lost, third.wait) == (1, 1)
    said = read(asked([{k: v for k, v in row.items() if k != "ward"} for row in ROWS], ["age"]), terms(second.register))
    assert isinstance(said, Problem)
    assert "column 'ward', which an earlier study read, is missing" in said


def test_equal_rows_are_as_many_as_they_are() -> None:
    nameless = [{"age": 1, "ward": "A", "outcome": 1}] * 30
    first = reading(asked(nameless, patient_column=""), terms(None))
    assert len(first.rows) == 30
    assert reading(asked([*nameless, nameless[0]], patient_column=""), terms(first.register)).wait == 1
    assert reading(asked(nameless[1:], patient_column=""), terms(first.register)).lost == 1


def test_a_new_row_of_a_known_patient_waits_and_stays_in_its_part() -> None:
    first = reading(asked(ROWS), terms(None))
    parts = {ROWS[place]["mrn"]: part for place, part in zip(first.rows, first.parts, strict=True)}
    visits = [*ROWS, *(row | {"age": 200} for row in ROWS)]
    waits = reading(asked(visits), terms(first.register))
    assert (waits.wait, waits.lost) == (40, 0)
    found = reading(asked(visits), terms(waits.register, refresh=1))
    assert len(found.rows) == 80
    assert all(parts[visits[place]["mrn"]] == part for place, part in zip(found.rows, found.parts, strict=True))


def test_the_split_of_a_register_follows_from_its_key_and_not_from_the_study() -> None:
    first = reading(asked(ROWS), terms(None))
    moved = dataclasses.replace(asked(ROWS), test_fraction=0.5, validation_fraction=0.3)
    assert (reading(moved, terms(first.register)).parts == first.parts).all()
    other = reading(asked(ROWS), dataclasses.replace(terms(None), key=bytes(32)))
    assert who(ROWS, other) == who(ROWS, first)
    assert {ROWS[p]["mrn"]: x for p, x in zip(other.rows, other.parts, strict=True)} != {
        ROWS[p]["mrn"]: x for p, x in zip(first.rows, first.parts, strict=True)
    }


def test_a_refresh_before_the_register_began_has_no_rows() -> None:
    first = reading(asked(ROWS), terms(None, refresh=2))
    said = read(asked(ROWS), terms(first.register, refresh=1))
    assert isinstance(said, Problem)
    assert "no row may be read at refresh 1" in said


@pytest.mark.parametrize("named", ["", "visit"])
def test_noise_hides_the_patients_whom_the_register_knows_whatever_a_study_takes_for_one(
    tmp_path: Path, named: str
) -> None:
    """With a row, or a visit, for a patient, noise for one row would hide the tenth part of somebody with ten."""
    rows = ["mrn,visit,age,ward,dose,outcome"]
    rows += [f"P{n % 20},V{n},{n % 7}.5,{'AB'[n % 2]},{n % 5}.5,{n // 3 % 2}" for n in range(200)]
    (tmp_path / "clinic-1.csv").write_text("\n".join(rows) + "\n")
    study = simulator.study(3, data={"patient_column": "mrn"})
    terms = Terms(KEY, None, 0, 2)
    (first,) = load_hospitals(study, None, tmp_path, only=["clinic-1"], terms=terms)
    assert first.reading is not None
    later = simulator.study(3, data={"patient_column": named}, name="second")
    on = dataclasses.replace(terms, register=first.reading.register)
    (second,) = load_hospitals(later, None, tmp_path, only=["clinic-1"], terms=on)
    assert second.cluster is not None
    assert len(np.unique(second.cluster)) == 20
    kept, dropped = records.kept_rows(second.cluster, np.ones(200, np.bool_), 1, SYSTEM)
    assert (int(kept.sum()), dropped) == (20, 180)
