"""One grid of a column for all studies over a register: where its values are cut off, and into how many bins they go.

Exact sums on two grids can be subtracted, and what is left is of the few rows between two edges. The ledger keeps the grid
on which an exact answer first counted a column; another one is refused, in any study.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cipherward.errors import UnfitUpdateError
from cipherward.store.ledger import Ledger
from cipherward.study import Column, Study
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Task

ANOTHER_GRID = "a column on another grid than before"

WAY_OUT = (
    "use the column as it was used before; or leave it out. Sums with noise need no grid, training always does. policy.toml "
    "(one_grid) says whether this rule holds here"
)


@dataclass(frozen=True)
class Grids:
    """The grids of one register's columns, by name. A column under another name is another column."""

    ledger: Ledger
    register: str

    def problems(self, study: Study, task: Task[Any]) -> tuple[str, ...]:
        """Which columns an exact answer of this study would count on another grid than before."""
        return tuple(problem for column in study.columns for problem in self._problems(column, task.bins()))

    def hold(self, state: StudyState) -> None:
        """Called before an exact answer leaves: the ledger knows its grid from now on.

        Raises:
            UnfitUpdateError: it is another one than before; nothing may be sent.
        """
        bins, asked = state.task.bins(), state.study.without_columns(state.left_out)
        if problems := self.problems(asked, state.task):
            raise UnfitUpdateError("; ".join(problems), reason=ANOTHER_GRID, hint=WAY_OUT)
        for column in asked.columns:
            if column.kind == "numeric":
                known = self._known(column)
                found = json.dumps(_grid(column, bins) | ({"bins": known["bins"]} if known.get("bins") else {}))
                if json.loads(found) != known:
                    self.ledger.record_standing(self._name(column), found.encode())

    def _problems(self, column: Column, bins: int) -> Iterator[str]:
        known = self._known(column) if column.kind == "numeric" else {}
        for what, value in _grid(column, bins).items() if known else ():
            if value != known[what] and (what != "bins" or (bins and known["bins"])):
                yield f"column {column.name!r} was counted before with {what} {known[what]}, and now with {value}"

    def _known(self, column: Column) -> dict[str, Any]:
        data = self.ledger.standing(self._name(column))
        found: dict[str, Any] = json.loads(data) if data else {}
        return found

    def _name(self, column: Column) -> str:
        return f"grid {self.register} {column.name}"


def _grid(column: Column, bins: int) -> dict[str, Any]:
    return {
        "minimum": column.minimum,
        "maximum": column.maximum,
        "missing": sorted(column.missing),
        "bins": bins,
    }
