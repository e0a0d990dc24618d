"""What has moved between two cohort tables of the same columns, from the sums that both runs have opened and verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cipherward.errors import AuditError, DataError
from cipherward.learning import drift
from cipherward.learning.drift import Histogram, Moved
from cipherward.runs import verify
from cipherward.study import Column, Study
from cipherward.tasks.task import ResultTable

_ORDER = ("stable", "watch", "retrain")


@dataclass(frozen=True)
class Drift:
    """`moved`: by column, in the study's order, and of the outcome; `unlike`: columns that the two studies describe otherwise, or that were
    too few rows to compare. `watch`, `retrain`: from which index on."""

    earlier: str
    later: str
    moved: Mapping[str, Moved]
    unlike: tuple[str, ...]
    watch: float
    retrain: float

    def of(self, name: str) -> str:
        return self.moved[name].verdict(self.watch, self.retrain)

    @property
    def verdict(self) -> str:
        """That of the column that has moved most: one is enough."""
        return max((self.of(name) for name in self.moved), key=_ORDER.index, default="stable")

    def to_json(self) -> dict[str, Any]:
        each = {
            name: {"psi": one.psi, "chance": one.chance, "bins": one.bins, "verdict": self.of(name)}
            for name, one in self.moved.items()
        }
        limits = {"watch": self.watch, "retrain": self.retrain}
        return {
            "earlier": self.earlier,
            "later": self.later,
            "limits": limits,
            "columns": each,
            "not_compared": list(self.unlike),
            "verdict": self.verdict,
        }

    def table(self) -> ResultTable:
        lines = tuple(
            (name, f"{one.psi:.3f}", f"{one.chance:.3f}", str(one.bins), self.of(name))
            for name, one in self.moved.items()
        )
        title = f"Population stability index: from {self.watch:g} on watch, from {self.retrain:g} on retrain; what chance explains is stable"
        return ResultTable("drift", title, ("column", "index", "by chance up to", "bins", "verdict"), lines)


def between(earlier: Path, later: Path, *, watch: float = drift.WATCH, retrain: float = drift.RETRAIN) -> Drift:
    """Compare two finished runs of task `describe`.

    Args:
        watch, retrain: of the index; above 0, and the second not below the first.

    Raises:
        DataError: a run has opened no histograms, the studies have no column in common, or limits that do not fit. AuditError, StorageError: as
            `verify.open_run` and `verify.replay`.
    """
    if not 0.0 < watch <= retrain:
        raise DataError("the limits do not fit: 0 < watch <= retrain", hint="the usual ones are 0.1 and 0.25")
    first, second = _opened(earlier), _opened(later)
    study, other = first[0], second[0]
    known = {column.name: column for column in other.columns}
    moved, unlike = {}, []
    for name in (*(column.name for column in study.columns), ""):
        shown = name or f"outcome {study.data.outcome}"
        mine = next((column for column in study.columns if column.name == name), None)
        same = _outcome(study) == _outcome(other) if mine is None else name in known and _alike(mine, known[name])
        both = first[1].get(name), second[1].get(name)
        found = drift.moved(both[0], both[1]) if same and both[0] is not None and both[1] is not None else None
        if found is None:
            unlike.append(shown)
        else:
            moved[shown] = found
    if not moved:
        raise DataError(
            f"the studies {study.name!r} and {other.name!r} have no column that can be compared",
            hint="describe the columns alike in both: range, transform, categories, settings.bins",
        )
    return Drift(study.name, other.name, moved, tuple(unlike), watch, retrain)


def _opened(path: Path) -> tuple[Study, Mapping[str, Histogram]]:
    run = verify.open_run(path)
    last = run.first
    for replayed in verify.replay(run):
        last = replayed.state
    if last.question is not None:
        raise AuditError(f"the run {path} is not finished", hint="wait for its last sum")
    found = last.task.histograms(last.inner)
    if not found:
        raise DataError(
            f"the run {path} has opened no histograms of its columns",
            hint='run a study of the same columns with task = "describe" (`cipherward cohort STUDY`) on the rows of then and of now',
        )
    return last.study, found


def _alike(one: Column, other: Column) -> bool:
    names = ("kind", "minimum", "maximum", "transform", "categories")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _outcome(study: Study) -> tuple[str, str]:
    return study.data.outcome, study.data.positive
