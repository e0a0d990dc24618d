"""One hospital's table against a study, for its own people: what fits, what does not, what each rule changed, and how to mend it.

Counts are exact: this is said in the hospital's own terminal and nowhere else. What may be passed on is `consortium.approval.review`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cipherward.data import carried_units, catalogue, unit_hints, units
from cipherward.data.problems import problems_of
from cipherward.data.schema import declared_range
from cipherward.data.sources import admit
from cipherward.data.tables import RawTable
from cipherward.data.values import Change
from cipherward.errors import DataError
from cipherward.study import Column, Study


@dataclass(frozen=True)
class ColumnFound:
    """A column of the study in this table. Counts are rows; `described` says what the study declares."""

    name: str
    role: str
    described: str
    is_there: bool
    is_required: bool
    n_missing: int
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Checked:
    """`problems`: why the table cannot be used, each with its remedy; `about`: what anyone would see first in it; `units`: of the
    study's units, what is no UCUM code, and where a column is called by another; `n_patients`: None without a patient column; `n_outcome`: rows with the outcome, None
    where the outcome has no two sides or cannot be read."""

    origin: str
    n_rows: int
    n_patients: int | None
    n_outcome: int | None
    columns: tuple[ColumnFound, ...]
    unused: tuple[str, ...]
    assumed: tuple[str, ...]
    problems: tuple[str, ...]
    about: tuple[str, ...]
    units: tuple[str, ...]

    @property
    def fits(self) -> bool:
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        columns = [
            {
                "name": column.name,
                "role": column.role,
                "declared": column.described,
                "present": column.is_there,
                "required": column.is_required,
                "missing": column.n_missing,
                "changed": {str(change.rule): change.count for change in column.changes},
            }
            for column in self.columns
        ]
        return {
            "fits": self.fits,
            "table": self.origin,
            "rows": self.n_rows,
            "patients": self.n_patients,
            "rows_with_outcome": self.n_outcome,
            "columns": columns,
            "columns_not_read": list(self.unused),
            "how_it_was_read": list(self.assumed),
            "problems": list(self.problems),
            "about": list(self.about),
            "units": list(self.units),
        }


def check(raw: RawTable, study: Study, name: str = "") -> Checked:
    """Lay the study's data dictionary against a table; reads nothing else, and never raises for what the table holds.

    Args:
        name: what the table is called in problems; "": the table.
    """
    admitted = admit(raw, study, name or "the table")
    examined = admitted.examined
    data = study.data
    there = {*admitted.columns}
    changes = examined.changes
    found = [
        _column(column, examined.table[column.name].null_count(), column.name in there, changes)
        for column in study.columns
    ]
    for key, role in ((data.outcome, "outcome"), (data.patient_column, "patient")):
        if key:
            own = tuple(change for change in changes if change.column == key)
            found.append(ColumnFound(key, role, _key_words(study, role), key in there, True, 0, own))
    for key, role in ((data.index_date, "index date"), (data.outcome_date, "day of the outcome")):
        if key:
            found.append(ColumnFound(key, role, "a date", key in there, True, 0, ()))
    days = {column.recorded for column in study.columns}
    known = {column.name for column in found} | days | {data.hospital_column}
    problems = [*catalogue_problems(study), *map(str, admitted.problems)]
    has_patients = bool(data.patient_column) and data.patient_column in there
    is_sided = data.form == "sides" and data.outcome in there
    return Checked(
        origin=raw.origin,
        n_rows=raw.table.height,
        n_patients=len(examined.patients.distinct) if has_patients else None,
        n_outcome=int(examined.outcome.sum()) if is_sided else None,
        columns=tuple(found),
        unused=tuple(name for name in admitted.columns if name not in known),
        assumed=admitted.assumed,
        problems=tuple(problems),
        about=tuple(finding.text for finding in admitted.data.about) if admitted.data else (),
        units=tuple(_units(study, raw)),
    )


def unreadable(origin: str, error: DataError) -> Checked:
    """What is said of a table that cannot be read."""
    return Checked(origin, 0, None, None, (), (), (), tuple(map(str, problems_of(error))), (), ())


def catalogue_problems(study: Study) -> Iterator[str]:
    """What the study itself says that no table can fit; that it lists no hospitals yet is none of a table's business."""
    yield from (text for text in catalogue.problems(study) if "[[hospitals]]" not in text and "no path for" not in text)


def _column(column: Column, n_missing: int, is_there: bool, changes: tuple[Change, ...]) -> ColumnFound:
    if column.kind == "categorical":
        described = f"one of {len(column.categories)} categories"
    elif column.is_array:
        described = f"{column.kind} of {column.size:,} numbers"
    else:
        low, high = declared_range(column)
        described = f"{low:g} to {high:g} {column.unit_words}".rstrip()
    own = tuple(change for change in changes if change.column == column.name)
    return ColumnFound(column.name, "feature", described, is_there, column.required, n_missing, own)


def _key_words(study: Study, role: str) -> str:
    data = study.data
    if role == "patient":
        return "the patient's id"
    if data.form == "sides":
        return "0 or 1" if data.positive == "1" else f"{data.positive!r}, or the other value"
    if data.form == "labels":
        return f"one of {len(data.classes)} classes"
    return f"{data.outcome_minimum or 0:g} to {data.outcome_maximum:g}"


def _units(study: Study, raw: RawTable) -> Iterator[str]:
    named = [column for column in study.columns if column.unit]
    if not named:
        pass
    elif units.can_be_told():
        yield from (f"{text}. No unit can be converted to it" for text in carried_units.undeclared(named))
    else:
        yield "units were not looked at: pip install 'cipherward[units]' (pint, ucumvert)"
    told = {*raw.carried, *raw.units}
    yield from unit_hints.hints([column for column in study.columns if column.name not in told], raw.titles)
