"""The part of a study that says how its model is measured, and for whom."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any

import pydantic
from pydantic import Field

from cipherward.study_columns import Column
from cipherward.study_sections import Section

MOST_LEVELS = 100
"""Of all subgroups of a study together."""


class Subgroup(Section):
    """Rows apart by the values of one column: its categories, or bands of its numbers that begin at each of `edges`. Not `input`: the model does
    not see the column."""

    column: str = Field(min_length=1)
    edges: tuple[float, ...] = ()
    input: bool = True

    def problems(self, columns: Sequence[Column]) -> Iterator[str]:
        place = f"evaluation.subgroups, column {self.column!r}"
        column = next((each for each in columns if each.name == self.column), None)
        if column is None:
            yield f"{place}: the study has no such column; declare it under [[columns]]"
        elif column.is_array:
            yield f"{place}: numbers and categories have subgroups, not a column of kind {column.kind!r}"
        elif column.kind == "categorical" and self.edges:
            yield f"{place}: edges are of numbers; a categorical column has a subgroup for each category"
        elif column.kind == "numeric":
            low, high = float(column.minimum or 0.0), float(column.maximum or 0.0)
            if not self.edges:
                yield f"{place}: name the edges of its bands: edges = [40, 65, 75]"
            elif not all(a < b for a, b in pairwise((low, *self.edges, high))):
                yield f"{place}: edges have to ascend, inside the declared range {low:g} to {high:g}"

    def size(self, column: Column) -> int:
        """How many subgroups."""
        return len(column.categories) if column.kind == "categorical" else len(self.edges) + 1


class Evaluation(Section):
    """`threshold`: the predicted risk from which on a row is taken for positive; or `alerts`: the share of validation rows that shall lie at or above
    it. `coverage`: the share of rows whose prediction set is to hold their outcome. `subgroups`: for whom the model is measured apart."""

    bins: int = Field(default=2_048, ge=64, le=65_536)
    group_rows: int | None = Field(default=None, ge=1, le=1_000, description="10; 1 in a simulation with few test rows")
    threshold: float | None = Field(default=None, gt=0.0, lt=1.0)
    alerts: float | None = Field(default=None, gt=0.0, lt=1.0)
    coverage: float | None = Field(default=None, ge=0.5, lt=1.0)
    subgroups: tuple[Subgroup, ...] = ()

    @pydantic.model_serializer(mode="wrap")
    def _without_what_is_not_said(self, write: pydantic.SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A study that asks for none of these is the same document, with the same digest, as before there were any."""
        found: dict[str, Any] = write(self)
        for name in ("threshold", "alerts", "coverage", "subgroups"):
            if name in found and not getattr(self, name):
                del found[name]
        return found

    @property
    def apart(self) -> frozenset[str]:
        """The columns that only subgroups are made of."""
        return frozenset(each.column for each in self.subgroups if not each.input)

    def without(self, names: Collection[str]) -> Evaluation:
        """The same without subgroups of these columns."""
        kept = tuple(each for each in self.subgroups if each.column not in names)
        return self.model_copy(update={"subgroups": kept}) if len(kept) < len(self.subgroups) else self

    @property
    def asks_for_more(self) -> bool:
        """Whether more is said of a model than its metrics on all test rows."""
        return bool(self.threshold or self.asks_validation or self.subgroups)

    @property
    def asks_validation(self) -> bool:
        """Whether it takes the scores of validation rows."""
        return self.alerts is not None or self.coverage is not None

    def n_subgroups(self, columns: Sequence[Column]) -> int:
        """Of these columns together."""
        by_name = {column.name: column for column in columns}
        return sum(each.size(by_name[each.column]) for each in self.subgroups if each.column in by_name)

    def problems(self, columns: Sequence[Column]) -> Iterator[str]:
        """What does not go together here, in words."""
        if self.threshold is not None and self.alerts is not None:
            yield "evaluation.threshold and evaluation.alerts: give one of them, since each is a threshold"
        names = [each.column for each in self.subgroups]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"evaluation.subgroups lists column {name!r} twice: two bands of one column can be subtracted"
        if columns and self.apart >= {column.name for column in columns}:
            yield "evaluation.subgroups leaves the model no input: one column at least has to be one"
        found = [problem for each in self.subgroups for problem in each.problems(columns)]
        yield from found
        if not found and (levels := self.n_subgroups(columns)) > MOST_LEVELS:
            yield f"evaluation.subgroups: {levels} subgroups are too many (at most {MOST_LEVELS})"
