"""A table from a FHIR export: of one view, or the shipped derivation of 30-day readmission."""

from __future__ import annotations

import json
from collections.abc import Collection
from importlib import resources as packaged
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from cipherward.data.extract import Extract
from cipherward.data.fhir import readmission, views
from cipherward.data.fhir.resources import Export
from cipherward.data.fhir.views import View
from cipherward.data.tables import RawTable
from cipherward.data.typed import column
from cipherward.errors import TableError

_OF_READMISSION = {
    "encounters": ("Encounter", "encounter status class patient hospital admitted discharged"),
    "patients": ("Patient", "patient sex born died"),
    "conditions": ("Condition", "patient code onset recorded"),
}
"""The views of the derivation: the resource, and the columns that it reads."""


class FhirExtract(Extract):
    """`path`: a folder of ndjson files and bundles, or one file. `view`: a ViewDefinition, whose rows are the table; or
    `table = "readmission"`, with views of one's own in place of the shipped ones where `views` names files."""

    source: Literal["fhir"]
    path: str = Field(min_length=1)
    view: str = ""
    table: Literal["", "readmission"] = ""
    views: dict[Literal["encounters", "patients", "conditions"], str] = Field(default_factory=dict)
    days: int = Field(default=30, ge=1, le=366)
    inpatient: tuple[str, ...] = ("IMP", "ACUTE", "NONAC")

    @model_validator(mode="after")
    def _one_table(self) -> FhirExtract:
        if bool(self.view) == bool(self.table):
            raise ValueError('give view, a file with a ViewDefinition, or table = "readmission"')
        if self.view and (self.views or {"days", "inpatient"} & self.model_fields_set):
            raise ValueError('views, days and inpatient belong to table = "readmission"')
        return self

    def inner(self, folder: Path) -> Path:
        return folder / self.path

    def files(self, folder: Path) -> tuple[Path, ...]:
        return tuple(folder / name for name in (*([self.view] if self.view else []), *sorted(self.views.values())))

    def read(self, folder: Path, wanted: Collection[str] | None = None) -> RawTable:
        export = Export(folder / self.path)
        if self.view:
            view = views.load(folder / self.view)
            rows, carried = _of_view(view, export)
            said: tuple[str, ...] = (f"{len(rows)} row(s) of the view {self.view}",)
            names = view.names
        else:
            names, carried = readmission.COLUMNS, {}
            rows, said = self._readmission(export, folder)
        if not rows:
            raise TableError(
                f"{export.path} gives no row: {'; '.join((*said, *export.notes))}",
                logged="the FHIR export gives no row",
                hint="compare the resources with the view, or the classes of encounters with `inpatient`",
            )
        columns = [column(name, [row[place] for row in rows]) for place, name in enumerate(names)]
        numbers = np.arange(1, len(rows) + 1)
        notes = (*said, *export.notes)
        return RawTable(pl.DataFrame(columns), numbers, str(export.path), notes, folder, carried=carried)

    def _readmission(self, export: Export, folder: Path) -> tuple[list[tuple[Any, ...]], tuple[str, ...]]:
        chosen = {name: self._view(name, folder) for name in _OF_READMISSION}
        made = readmission.Readmissions(days=self.days, inpatient=self.inpatient)
        takes = {"encounters": made.encounters, "patients": made.patients, "conditions": made.conditions}
        by_type = {view.resource: (view, takes[name]) for name, view in chosen.items()}
        for resource in export.resources(set(by_type)):
            view, take = by_type[resource.type]
            for row in view.rows(resource):
                texts = [None if value is None else str(value) for value in row]
                take(dict(zip(view.names, texts, strict=True)), resource.place)
        return made.table()

    def _view(self, name: str, folder: Path) -> View:
        resource, columns = _OF_READMISSION[name]
        given = self.views.get(name)  # type: ignore[call-overload]
        if given:
            view = views.load(folder / given)
        else:
            shipped = packaged.files("cipherward.data.fhir") / "views" / f"{name}.json"
            view = views.parse(json.loads(shipped.read_bytes()), f"the view {name}")
        if view.resource != resource or set(columns.split()) - set(view.names):
            raise views.WrongViewError(
                f"the view {given or name} is not one of {resource} with the columns {columns}",
                hint="the shipped views are in cipherward/data/fhir/views",
            )
        return view


def _of_view(view: View, export: Export) -> tuple[list[tuple[Any, ...]], dict[str, str]]:
    """The rows, and the one unit of each column of Quantities.

    Raises:
        TableError: a column is in several units.
    """
    rows, seen = [], dict[str, tuple[str, str]]()
    for resource in export.resources({view.resource}):
        for row, units in view.with_units(resource):
            rows.append(row)
            for name, unit in units.items():
                before, where = seen.setdefault(name, (unit, resource.place))
                if before != unit:
                    told = [f"in {each!r}" if each else "without a unit" for each in (unit, before)]
                    raise TableError(
                        f"{resource.place} gives column {name!r} {told[0]}, and {where} gives it {told[1]}",
                        logged=f"a FHIR resource gives column {name!r} in another unit than one before",
                        hint="make a column of each unit in the view, such as value.ofType(Quantity).where(code = 'mmol/L').value, or convert "
                        "one of them in the export",
                    )
    return rows, {name: unit for name, (unit, _) in seen.items() if unit}
