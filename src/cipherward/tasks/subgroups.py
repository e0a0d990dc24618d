"""Subgroups of test rows: which there are, and what a hospital counts of them.

What two opened sums differ by is rows of a hospital, too: all test rows less all subgroups of a column. So at every hospital a subgroup, and
what is left beside the subgroups of a column, holds at least `least` rows or none (`cells.codes`), and a subgroup is opened only if
enough hospitals have it, and enough have rows in what is then left beside all that are opened, or none has.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import rare_categories
from cipherward.data.schema import declared_range
from cipherward.learning import metrics
from cipherward.learning.score_groups import may_measure
from cipherward.learning.worth import Counted
from cipherward.study import Column, Study
from cipherward.tasks import cells
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import CountSegment
from cipherward.tasks.rows import TEST
from cipherward.tasks.task import Sums, Values, limbs_for

LEAST = 10
"""Test rows of a hospital in a subgroup, or none."""

Ints = NDArray[np.int64]
Kept = tuple[tuple[int, ...], ...]
"""By grouping, the subgroups that are opened, as places among its own."""

TITLES = {
    "subgroup_sizes": "Then: how many hospitals have enough test rows of each subgroup",
    "subgroups": "At the end: how good the model is for each subgroup",
}

MEANING = {
    "hospitals": "for each declared subgroup, and for the rows in none of a column: whether at least 10 test rows here (or cell_min, or a group of "
    "scores) are in it; no rows are counted",
    "of/negative": "for each subgroup that enough hospitals have: histogram of the model's scores on its test rows without the outcome, in groups "
    "of neighbouring scores",
    "of/positive": "likewise: on its test rows with the outcome, in the same groups; a group may hold one such row",
    "of/brier": "likewise: sum of squared errors of the scores",
    "of/log_loss": "likewise: sum of logarithmic errors of the scores",
    "validation/negative": "histogram of the model's scores on validation rows without the outcome, in groups of neighbouring scores",
    "validation/positive": "the same with the outcome",
}
_BITS = {"negative": 24, "positive": 24, "brier": 48, "log_loss": 48}


@dataclass(frozen=True)
class Grouping:
    """The subgroups of one column: its categories, or bands of numbers that begin at `edges`."""

    column: Column
    edges: tuple[float, ...] = ()

    @property
    def levels(self) -> tuple[str, ...]:
        """What each subgroup is, in words without the column's name."""
        if self.column.kind == "categorical":
            return self.column.categories
        edges = [f"{edge:g}" for edge in self.edges]
        between = (f"{a} to under {b}" for a, b in itertools.pairwise(edges))
        return (f"under {edges[0]}", *between, f"{edges[-1]} and over")

    def codes(self, table: pl.DataFrame) -> Ints:
        """int64[n_rows]: each row's subgroup; their number, of a row without a value, or with one that is not declared."""
        n = len(self.levels)
        if self.column.kind == "categorical":
            found = rare_categories.codes(table[self.column.name], self.column.categories)
            return np.where((found < 0) | (found >= n), n, found).astype(np.int64)
        values = table[self.column.name].to_numpy()
        inside = np.clip(values, *declared_range(self.column))
        places = np.searchsorted(np.array(self.edges), np.nan_to_num(inside), side="right")
        return np.where(np.isnan(values), n, places).astype(np.int64)


def groupings(study: Study) -> tuple[Grouping, ...]:
    """Those of the study's columns; of a column that is left out none."""
    columns = {column.name: column for column in study.columns}
    return tuple(
        Grouping(columns[each.column], each.edges) for each in study.evaluation.subgroups if each.column in columns
    )


def enough(hospitals: Sequence[Sequence[int]], needed: int) -> Kept:
    """The subgroups that are opened. `hospitals`: by grouping, how many have each subgroup, and at the end rows in none of them."""
    return tuple(_enough(counts, needed) for counts in hospitals)


def _enough(counts: Sequence[int], needed: int) -> tuple[int, ...]:
    """Those that so many hospitals have. What they leave beside them follows by subtraction: where fewer have any of that, the subgroup that
    the fewest have stays closed, too."""
    found = [place for place, n in enumerate(counts[:-1]) if n >= needed]
    left = max(n for place, n in enumerate(counts) if place not in found)
    if found and 0 < left < needed:
        found.remove(min(reversed(found), key=lambda place: counts[place]))
    return tuple(found)


def of_sizes(study: Study, every: Sequence[Grouping]) -> tuple[CountSegment, ...]:
    return (CountSegment("hospitals", sum(len(each.levels) + 1 for each in every), limbs_for(24, study.bits)),)


def of_worth(study: Study, kept: Kept, *, with_validation: bool) -> tuple[CountSegment, ...]:
    bins = study.evaluation.bins
    found = [
        CountSegment(f"of/{name}/{i}/{k}", bins if bits == 24 else 1, limbs_for(bits, study.bits))
        for i, places in enumerate(kept)
        for k in places
        for name, bits in _BITS.items()
    ]
    if with_validation:
        found += [
            CountSegment(f"validation/{name}", bins, limbs_for(24, study.bits)) for name in ("negative", "positive")
        ]
    return tuple(found)


def meaning(segments: Sequence[CountSegment]) -> Mapping[str, str]:
    """The words of each."""
    return {each.name: MEANING["/".join(each.name.split("/")[:2])] for each in segments}


def least(study: Study, at: HospitalWork) -> int:
    """Test rows of this hospital in a subgroup, at least."""
    return max(LEAST, group(study, at))


def group(study: Study, at: HospitalWork) -> int:
    """Rows that share a score, as where all test rows are counted."""
    return max(study.group_rows, at.cell_min)


def sizes(study: Study, every: Sequence[Grouping], at: HospitalWork) -> Values:
    """One hospital's answer: for each subgroup, and for the rows in none, 1 where it has enough test rows, else 0."""
    rows = [np.bincount(_counted(study, each, at), minlength=len(each.levels) + 1) for each in every]
    return {"hospitals": (np.concatenate(rows) >= least(study, at)).astype(np.int64)}


def worth(
    study: Study,
    every: Sequence[Grouping],
    kept: Kept,
    at: HospitalWork,
    test: tuple[NDArray[np.float64], NDArray[np.integer]],
    validation: tuple[NDArray[np.float64], NDArray[np.integer]] | None,
) -> Values:
    """One hospital's histograms. `test`, `validation`: scores float64[n] and outcomes [n] of these rows."""
    (scores, labels), bins, rows = test, study.evaluation.bins, group(study, at)
    found: Values = {}
    is_measured = may_measure(len(labels), rows)
    for i, (each, places) in enumerate(zip(every, kept, strict=True)):
        own = _counted(study, each, at)
        for k in places:
            chosen = (own == k) & is_measured
            counts = metrics.local_counts(scores[chosen], labels[chosen], bins, group=rows)
            found |= {f"of/{name}/{i}/{k}": values for name, values in counts.items()}
    if validation is not None:
        counts = metrics.local_counts(*validation, bins, prefix="validation/", group=rows)
        found |= {name: counts[name] for name in ("validation/negative", "validation/positive")}
    return found


def opened(kept: Kept, sums: Sums) -> tuple[tuple[Counted, ...], ...]:
    """By grouping, of each subgroup that was opened."""
    return tuple(tuple(counted(sums, "of/", f"/{i}/{k}") for k in places) for i, places in enumerate(kept))


def counted(sums: Sums, before: str, after: str = "") -> Counted:
    """Of opened histograms with these names around "negative" and so on; no errors where they were not summed."""
    negative, positive = (np.asarray(sums[f"{before}{name}{after}"], np.int64) for name in ("negative", "positive"))
    errors = (sums.get(f"{before}{name}{after}", np.zeros(1)) for name in ("brier", "log_loss"))
    return Counted(negative, positive, *(int(each[0]) for each in errors))


def _counted(study: Study, grouping: Grouping, at: HospitalWork) -> Ints:
    """int64[n_test_rows]: each test row's subgroup, as it may be counted. Which subgroups others have does not matter, so that no two
    studies count a row in one and then in the other."""
    table = at.data.table.filter(pl.Series(at.data.split == TEST))
    return cells.codes(grouping.codes(table), len(grouping.levels), least(study, at))
