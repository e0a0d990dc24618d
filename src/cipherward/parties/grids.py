"""One grid for all studies over a register: where a column's values are cut off and in which unit, into how many bins
and bands they go, which categories are counted, of how many rows a group of scores is, and which columns' missing
numbers are predicted.

Exact sums on two grids can be subtracted, and what is left is of the few rows between two edges, or in one category, or
of the one row by which two groups differ; or that have one value and lack another, where missing numbers are predicted.
The ledger keeps the grid on which an exact answer first counted; another one is refused, in any study.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cipherward.data.imputation import predicted
from cipherward.errors import UnfitUpdateError
from cipherward.store.ledger import Ledger
from cipherward.study import Column, Study
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Task

ANOTHER_GRID = "a column on another grid than before"
OTHER_GROUPS = "scores in other groups than before"
OTHER_PREDICTED = "missing values of other columns predicted than before"

WAY_OUT = (
    "use the column as it was used before; or leave it out. Sums with noise need no grid, training always does. policy.toml "
    "(one_grid) says whether this rule holds here"
)
SAME_GROUPS = (
    "set evaluation.group_rows as it was, where cell_min of policy.toml is as it was. policy.toml (one_grid) says whether this rule "
    "holds here"
)
SAME_PREDICTED = (
    "predict missing values of the same columns as before (impute), where cell_min of policy.toml is as it was; or of none. policy.toml "
    "(one_grid) says whether this rule holds here"
)


@dataclass(frozen=True)
class Grids:
    """The grids of one register's columns, by name, and of its scores. A column under another name is another column.

    `cell_min`: of the hospital's policy; a group of scores has at least so many rows.
    """

    ledger: Ledger
    register: str
    cell_min: int = 0

    def problems(self, study: Study, task: Task[Any]) -> dict[str, str]:
        """Which columns an exact answer of this study would count on another grid than before, whether it would count
        scores in other groups, and whether it would predict missing values of other columns, each with the way out."""
        found = dict.fromkeys([*self._of_columns(study, task), *self._in_other_bands(task)], WAY_OUT)
        found |= dict.fromkeys(self._in_other_groups(study, task), SAME_GROUPS)
        return found | dict.fromkeys(self._predicts_others(task, ("listed", "columns")), SAME_PREDICTED)

    def hold(self, state: StudyState) -> None:
        """Called before an exact answer leaves: the ledger knows its grid from now on.

        Raises:
            UnfitUpdateError: it is another one than before; nothing may be sent.
        """
        task, asked = state.task, state.study.without_columns(state.left_out)
        if problems := self._of_columns(asked, task):
            raise UnfitUpdateError("; ".join(problems), reason=ANOTHER_GRID, hint=WAY_OUT)
        for problem in self._in_other_bands(task):
            raise UnfitUpdateError(problem, reason=ANOTHER_GRID, hint=WAY_OUT)
        for problem in self._in_other_groups(asked, task):
            raise UnfitUpdateError(problem, reason=OTHER_GROUPS, hint=SAME_GROUPS)
        for problem in self._predicts_others(task, ("columns",)):
            raise UnfitUpdateError(problem, reason=OTHER_PREDICTED, hint=SAME_PREDICTED)
        for column in asked.columns:
            known = self._known(self._name(column))
            found = _grid(column, task.bins(), is_grouped=column.name in task.groupings())
            self._keep(self._name(column), found | ({"bins": known["bins"]} if known.get("bins") else {}))
        for name, edges in _bands(task).items():
            self._keep(self._of_bands(name), {"edges": edges})
        if task.measured_models():
            self._keep(self._of_scores, {"rows": self._group_rows(asked)})
        if counted := sorted(task.predicted()):
            listed = sorted(predicted(state.study.columns))
            self._keep(self._of_predicted, {"columns": counted, "listed": listed, "rows": self.cell_min})

    def _of_columns(self, study: Study, task: Task[Any]) -> list[str]:
        grouped = task.groupings()
        return [
            problem
            for column in study.columns
            for problem in self._problems(column, task.bins(), is_grouped=column.name in grouped)
        ]

    def _problems(self, column: Column, bins: int, *, is_grouped: bool) -> Iterator[str]:
        known, asked = self._known(self._name(column)), _grid(column, bins, is_grouped=is_grouped)
        if known and asked and ("categories" in known) != ("categories" in asked):
            yield f"column {column.name!r} was counted before as {_kind(known)}, and now as {_kind(asked)}"
            return
        for what, value in asked.items() if known else ():
            before = known.get(what, value)  # ledgers of before knew no unit
            if value != before and (what != "bins" or (bins and before)):
                was, now = (", ".join(each) if isinstance(each, list) else each for each in (before, value))
                yield f"column {column.name!r} was counted before with {what} {was or 'none'}, and now with {now or 'none'}"

    def _in_other_bands(self, task: Task[Any]) -> Iterator[str]:
        for name, edges in _bands(task).items():
            known = self._known(self._of_bands(name)).get("edges")
            if known is not None and known != edges:
                was, now = (", ".join(f"{edge:g}" for edge in each) for each in (known, edges))
                yield f"column {name!r} was counted before in bands that begin at {was}, and now at {now}"

    def _in_other_groups(self, study: Study, task: Task[Any]) -> Iterator[str]:
        known, rows = self._known(self._of_scores).get("rows"), self._group_rows(study)
        if known and task.measured_models() and known != rows:
            yield f"scores were counted before in groups of {known} rows, and now of {rows}"

    def _predicts_others(self, task: Task[Any], kept_as: Sequence[str]) -> Iterator[str]:
        """`kept_as`: which of the lists kept the task's has to be: before a study begins, columns may be left out that
        others do not fill."""
        known, asked = self._known(self._of_predicted), sorted(task.predicted())
        if not known or not asked:
            return
        if asked not in [known[name] for name in kept_as]:
            was, now = (", ".join(each) for each in (known[kept_as[0]], asked))
            yield f"missing values were predicted before of {was}, and now of {now}"
        elif known["rows"] != self.cell_min:
            yield f"rows for predicting missing values were counted before in groups of {known['rows']}, and now of {self.cell_min}"

    def _group_rows(self, study: Study) -> int:
        return max(study.group_rows, self.cell_min)

    def _known(self, name: str) -> dict[str, Any]:
        data = self.ledger.standing(name)
        found: dict[str, Any] = json.loads(data) if data else {}
        return found

    def _keep(self, name: str, found: dict[str, Any]) -> None:
        if found and found != self._known(name):
            self.ledger.record_standing(name, json.dumps(found).encode())

    def _name(self, column: Column) -> str:
        return f"grid {self.register} {column.name}"

    def _of_bands(self, name: str) -> str:
        return f"bands {self.register} {name}"

    @property
    def _of_scores(self) -> str:
        return f"score groups {self.register}"

    @property
    def _of_predicted(self) -> str:
        return f"predicted {self.register}"


def _bands(task: Task[Any]) -> dict[str, list[float]]:
    return {name: list(edges) for name, edges in task.groupings().items() if edges}


def _grid(column: Column, bins: int, *, is_grouped: bool = False) -> dict[str, Any]:
    """What has to stay; {} for categories that are in no cell by outcome. In another unit the same ends cut other
    rows."""
    if column.kind == "categorical":
        is_counted = bins or is_grouped
        return {"categories": sorted(column.categories), "missing": sorted(column.missing)} if is_counted else {}
    return {
        "minimum": column.minimum,
        "maximum": column.maximum,
        "missing": sorted(column.missing),
        "unit": column.unit,
        "bins": bins,
    }


def _kind(grid: dict[str, Any]) -> str:
    return "categories" if "categories" in grid else "numbers"
