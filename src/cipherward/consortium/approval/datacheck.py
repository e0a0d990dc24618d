"""A hospital's own table against a study's data dictionary, for its own people: nothing here is sent anywhere.

Counts of rows below `SMALL` are not shown, as a review may be printed and passed on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cipherward.data import catalogue as sources
from cipherward.data.database import Source, read_source
from cipherward.data.problems import problems_of
from cipherward.data.registers import Reading, Terms
from cipherward.data.schema import declared_range
from cipherward.data.small_counts import SMALL, shown
from cipherward.data.source_files import names_read
from cipherward.data.sources import admit, load_hospitals
from cipherward.errors import DataError
from cipherward.study import Data, Study
from cipherward.tasks import row_groups
from cipherward.tasks.row_groups import RowGroup


@dataclass(frozen=True)
class ColumnUse:
    """One column that is read and what this table holds of it. Counts are rows; None: between 1 and 9, not shown.

    `outside`: values outside the declared range, which will be clipped to it.
    """

    name: str
    kind: str
    described: str
    present: bool
    missing: int | None
    outside: int | None
    is_empty: bool = False


@dataclass(frozen=True)
class Changed:
    """How many values of a column a reading rule changes; None: between 1 and 9, not shown."""

    column: str
    rule: str
    count: int | None


@dataclass(frozen=True)
class OwnData:
    """`outcome_rate`: share of rows with the outcome, None when a count behind it is small. `patients` is None
    without a patient column. `keys`: outcome, patient id and index date, which are no inputs. `unused`: columns that
    are not read. `problems`: why this table cannot be used, all of them. `about`: what anyone would see first in it.
    `few`: the groups of rows that the study asks about and of which this table has fewer than the policy's
    `cell_min`. `register`: which of its rows studies may read, in words; `used`: how many this one reads."""

    rows: int
    patients: int | None
    outcome_rate: float | None
    columns: tuple[ColumnUse, ...]
    unused: int
    problems: tuple[str, ...]
    changes: tuple[Changed, ...] = ()
    about: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    keys: tuple[ColumnUse, ...] = ()
    register: tuple[str, ...] = ()
    used: int = 0
    few: tuple[str, ...] = ()
    has_rate: bool = True


def check(
    study: Study,
    name: str,
    table: Source,
    asked: Iterable[RowGroup] = (),
    least: int = 0,
    terms: Terms | None = None,
) -> OwnData:
    """Look at this hospital's table as the study will. Reads the table only; an unreadable one is a problem.

    Args:
        asked: the groups of rows that the study's questions are about.
        least: rows of each below which `few` names it.
        terms: of the hospital's register; without, as if it had none.
    """
    try:
        raw = read_source(table, names_read(study))
    except DataError as error:
        return OwnData(0, None, None, (), 0, tuple(problems_of(error)))
    admitted = admit(raw, study, name, terms=terms)
    examined, own, problems = admitted.examined, admitted.data, admitted.problems
    if own and (study.data.hospital_column or not sources.source(study.data.source).is_own_tables):
        try:
            (own,) = load_hospitals(study, table, Path(), only=[name], terms=terms)
        except DataError as error:
            own, problems = None, tuple(problems_of(error))
    uses = []
    for column in study.columns:
        present = column.name in raw.table.columns
        values = examined.table[column.name]
        outside = 0
        if column.kind == "numeric":
            low, high = declared_range(column)
            outside = int(((values < low) | (values > high)).sum())
            described = f"{low:g} to {high:g} {column.unit_words}".strip()
        else:
            described = f"{len(column.categories)} categories"
        missing = int(values.null_count()) if present else raw.table.height
        empty = missing == raw.table.height > 0
        uses.append(ColumnUse(column.name, column.kind, described, present, shown(missing), shown(outside), empty))
    data = study.data
    read = {*names_read(study)}
    has_patients = bool(data.patient_column) and data.patient_column in raw.table.columns
    is_sided = study.data.form == "sides"
    positive = (
        int(examined.outcome.sum()) if is_sided else 0
    )  # a rate is of two sides: none is shown of another outcome
    small = problems or positive < SMALL or len(examined.outcome) - positive < SMALL
    return OwnData(
        rows=raw.table.height,
        patients=len(examined.patients.distinct) if has_patients else None,
        outcome_rate=None if small else positive / len(examined.outcome),
        columns=tuple(uses),
        unused=len([column for column in raw.table.columns if column not in read]),
        problems=tuple(problems),
        changes=tuple(Changed(each.column, str(each.rule), shown(each.count)) for each in examined.changes),
        about=tuple(finding.text for finding in own.about) if own else (),
        assumed=admitted.assumed,
        keys=_keys(study, frozenset(raw.table.columns)),
        register=_register(own.reading, terms) if own and own.reading and terms else (),
        used=len(own.outcome) if own else 0,
        has_rate=is_sided,
        few=tuple(group.words for group in row_groups.small(asked, own, least)) if own else (),
    )


def _register(reading: Reading, terms: Terms) -> tuple[str, ...]:
    """What the register makes of this table, in counts that may be shown."""
    before = terms.register
    said = [
        f"The register lets this study read {len(reading.rows):,} rows, at its refresh {reading.refresh}"
        + ("." if before else ": it begins with them, and with the split that this study asks for.")
    ]
    if reading.wait:
        said.append(
            f"{_rows(reading.wait)} wait: they enter at a refresh at which enough of the block have new patients."
        )
    if reading.elsewhere:
        said.append(
            f"{_rows(reading.elsewhere)} are left out: their patients are in another register of this hospital."
        )
    out = int((before.out if before else reading.register.out).sum())
    if out:
        said.append(
            f"{out} of {len(reading.register.out)} batches are out for good, as rows of theirs had changed or were gone."
        )
    if reading.lost:
        said.append(
            f"{reading.lost} batch(es) with {_rows(reading.lost_rows)} go out with this study, as rows of theirs have changed or are "
            "gone. Whoever sees exact sums from before and after can work out their totals."
        )
    if before and terms.refresh > before.refresh:
        said.append(
            "This study takes the register one refresh on: what has waited enters, in whole batches, together with new patients of "
            "at least as many members of the block as hide each other, or not at all."
        )
    return tuple(said)


def _rows(count: int) -> str:
    found = shown(count)
    return f"fewer than {SMALL} rows" if found is None else f"{found:,} rows"


def _outcome_words(data: Data) -> str:
    if data.form == "sides":
        return f"the outcome, which {data.positive!r} means"
    if data.form == "labels":
        return f"the outcome, one of {', '.join(map(repr, data.classes))}"
    return f"the outcome, a number from {data.outcome_minimum or 0:g} to {data.outcome_maximum:g}"


def _keys(study: Study, there: frozenset[str]) -> tuple[ColumnUse, ...]:
    data = study.data
    patient = "the patient's id, which keeps the rows of one patient together; it is not sent"
    index = "each row's index date: what was recorded after it is refused; it is not sent"
    keys = (
        (data.outcome, "outcome", _outcome_words(data)),
        (data.patient_column, "patient id", patient),
        (data.index_date, "index date", index),
    )
    return tuple(ColumnUse(name, kind, words, name in there, 0, 0) for name, kind, words in keys if name)
