"""Which rows a cohort table is of: rules one after another, and how many rows each leaves, for a flow diagram.

Two exact tables with other rules can be subtracted, and what is left may be few rows; so rules need noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from cipherward.data.sources import HospitalData
from cipherward.study import Column
from cipherward.tasks.result_figures import Step, Steps
from cipherward.tasks.row_groups import RowGroup
from cipherward.tasks.task import ResultTable

MOST = 20

Bools = NDArray[np.bool_]


class Rule(BaseModel):
    """Rows with a value of this column stay; with `minimum` or `maximum`, or with `categories`, those with such a value. `name`: for people."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    column: str
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] = ()
    name: str = Field(default="", max_length=200)

    @property
    def words(self) -> str:
        return self.name or self.meaning

    @property
    def meaning(self) -> str:
        """What the rule does, whatever it is called."""
        if self.categories:
            return f"{self.column} is {' or '.join(self.categories)}"
        ends = [f"at least {self.minimum:g}"] if self.minimum is not None else []
        ends += [f"at most {self.maximum:g}"] if self.maximum is not None else []
        return f"{self.column} is {' and '.join(ends) or 'known'}"

    def problems(self, columns: Mapping[str, Column]) -> Iterator[str]:
        column, ends = columns.get(self.column), [end for end in (self.minimum, self.maximum) if end is not None]
        if column is None or column.is_array:
            yield f"settings.include: {self.column!r} is no column of numbers or categories of the study"
        elif column.kind == "numeric" and self.categories:
            yield f"settings.include: column {self.column!r} is numeric; give minimum or maximum"
        elif column.kind == "categorical" and ends:
            yield f"settings.include: column {self.column!r} is categorical; give categories"
        elif unknown := [name for name in self.categories if name not in column.categories]:
            yield f"settings.include: {unknown[0]!r} is no category of {self.column!r}"
        elif len(ends) == 2 and not ends[0] <= ends[1]:
            yield f"settings.include: column {self.column!r} has a minimum above its maximum"

    def holds(self, data: HospitalData) -> Bools:
        """Which rows stay, bool[n_rows]."""
        values = data.table[self.column]
        if self.categories:
            return np.asarray(values.is_in(list(self.categories)).fill_null(value=False).to_numpy())
        found = values.is_not_null().to_numpy().copy()
        if self.minimum is not None or self.maximum is not None:
            numbers = values.to_numpy()
            found &= ~np.isnan(numbers)
            found &= np.nan_to_num(numbers) >= (-np.inf if self.minimum is None else self.minimum)
            found &= np.nan_to_num(numbers) <= (np.inf if self.maximum is None else self.maximum)
        return found


@dataclass(frozen=True)
class IncludedRows(RowGroup):
    """Rows that all these rules leave, and of them those with this outcome. Where one hospital alone has them, the table is its own."""

    rules: tuple[Rule, ...] = ()

    @property
    def words(self) -> str:
        rows = "rows that the rules of inclusion leave"
        return rows if self.outcome is None else f"{rows}, {'with' if self.outcome else 'without'} the outcome"

    def chosen(self, data: HospitalData) -> Bools:
        return left(self.rules, data, super().chosen(data))[-1]


def left(rules: Sequence[Rule], data: HospitalData, rows: Bools) -> list[Bools]:
    """`rows`, and what each rule leaves of them, one after another."""
    found = [rows]
    for rule in rules:
        found.append(found[-1] & rule.holds(data))
    return found


def flow(rules: Sequence[Rule], counts: Sequence[int], reach: float, least: int) -> list[dict[str, Any]]:
    """The steps of the flow, with counts that may be shown; noise alone leaves no more rows than before. `reach`: by how much noise may move
    a count."""
    found: list[dict[str, Any]] = []
    before = None
    for name, n in zip(["rows"] + [rule.words for rule in rules], counts, strict=True):
        now = max(n, 0) if before is None else min(max(n, 0), before)
        gone = None if before is None else before - now
        few = now < least
        found.append(
            {
                "step": name,
                "rows": None if few else now,
                "excluded": None if few or _few(gone, least) else gone,
                "noise": reach,
            }
        )
        before = now
    return found


def table(steps: Sequence[Mapping[str, Any]]) -> ResultTable:
    """`flow.csv`."""
    lines = tuple(
        (each["step"], _shown(each["rows"]), "" if n == 0 else _shown(each["excluded"]), f"± {each['noise']:.0f}")
        for n, each in enumerate(steps)
    )
    title = "Which rows are in the table: rows that each rule leaves, and excludes, of all hospitals together"
    return ResultTable("flow", title, ("rule", "rows left", "excluded", "noise may move rows left by"), lines)


def drawn(steps: Sequence[Mapping[str, Any]]) -> Steps:
    """The flow for a report."""
    found = tuple(
        Step(each["step"], _shown(each["rows"]), _shown(each["excluded"]) if n else "") for n, each in enumerate(steps)
    )
    reach = steps[0]["noise"]
    shows = (
        f"Rows of all hospitals together that each rule leaves and excludes; noise may move a number of rows by ± {reach:.0f}, and what a "
        f"rule excludes by ± {reach * math.sqrt(2.0):.0f}."
    )
    return Steps("Which rows are in the table", shows, found, "flow.csv")


def _few(count: int | None, least: int) -> bool:
    return count is not None and 0 < count < least


def _shown(count: int | None) -> str:
    return "–" if count is None else f"{count:,}"
