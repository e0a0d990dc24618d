"""What anyone would see first in a hospital's table: said before anything is trained. Column names and counts, no cells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import preprocess
from cipherward.data.partition import TEST, TRAIN
from cipherward.data.values import OTHER
from cipherward.study import Column

NEAR_PERFECT = 0.995
"""The AUROC of one column alone from which on it is taken for the outcome itself."""
_FEW = 10
_ID_ROWS = 30
_ID_NAME = re.compile(r"(^|[_\s-])(id|nr|no|number|mrn|key|uid|uuid)($|[_\s-])", re.IGNORECASE)


@dataclass(frozen=True)
class Finding:
    """One sentence about one hospital's table. `must_confirm`: the study has to list the column before anything runs."""

    column: str
    text: str
    must_confirm: bool = False


def findings(
    table: pl.DataFrame,
    outcome: NDArray[np.int8],
    split: NDArray[np.uint8],
    cluster: NDArray[np.uint32] | None,
    columns: Sequence[Column],
) -> tuple[Finding, ...]:
    """What to say about a typed table (see `HospitalData` for the arguments)."""
    found = []
    for column in columns:
        found += _column(table[column.name], column, outcome, split, cluster)
    n_test, positive = int((split == TEST).sum()), int(outcome[split == TEST].sum())
    if n_test < _FEW:
        size = f"fewer than {_FEW} rows" if n_test else "no row"
        found.append(Finding("", f"the test set has {size}: what is measured on it says little"))
    elif positive in (0, n_test):
        found.append(Finding("", "the test rows have one outcome only"))
    return tuple(found)


def _column(
    values: pl.Series,
    column: Column,
    outcome: NDArray[np.int8],
    split: NDArray[np.uint8],
    cluster: NDArray[np.uint32] | None,
) -> list[Finding]:
    name, present = column.name, values.drop_nulls()
    if not len(values):
        return []
    if not len(present):
        return [Finding(name, f"column {name!r} has no value in any row")]
    if column.kind == "categorical" and (present == OTHER).all():
        return [
            Finding(name, f"column {name!r} is {OTHER!r} in every row that has a value: is it coded otherwise here?")
        ]
    if present.n_unique() == 1 and not values.null_count():
        return [Finding(name, f"column {name!r} has the same value in every row")]
    found = []
    best = _alone(values, column, outcome)
    if best >= NEAR_PERFECT:
        same = (
            "equals the outcome" if best == 1.0 else f"alone tells the outcome almost without error (AUROC {best:.4f})"
        )
        found.append(Finding(name, f"column {name!r} {same}: is it known before the outcome is?", must_confirm=True))
    if _is_id(values, column, cluster):
        found.append(
            Finding(name, f"column {name!r} looks like an id or a row number: a model should not learn from it")
        )
    if column.kind == "numeric" and preprocess.is_too_wide(values.to_numpy()[split == TRAIN], column):
        found.append(
            Finding(
                name, f"column {name!r}: the declared range is so wide that these values cannot be told apart in it"
            )
        )
    return found


def _alone(values: pl.Series, column: Column, outcome: NDArray[np.int8]) -> float:
    """The AUROC of the column by itself, in whichever direction is better; 0 where the rows are too few to say."""
    positive = int(outcome.sum())
    if min(positive, len(outcome) - positive) < _FEW:
        return 0.0
    if column.kind == "numeric":
        missing = float(np.nanmin(values.to_numpy())) - 1.0
        ranks = [values.fill_null(missing), values.is_null().cast(pl.Float64)]
    elif values.n_unique() * _FEW > len(values):
        ranks = [values.is_null().cast(pl.Float64)]
    else:
        rates = pl.DataFrame({"value": values, "outcome": outcome}).with_columns(
            pl.col("outcome").mean().over("value").alias("rate")
        )
        ranks = [rates["rate"]]
    areas = [_auroc(rank, outcome) for rank in ranks]
    return max(max(area, 1.0 - area) for area in areas)


def _auroc(values: pl.Series, outcome: NDArray[np.int8]) -> float:
    ranks = values.rank("average").to_numpy()
    positive = int(outcome.sum())
    above = float(ranks[outcome == 1].sum()) - positive * (positive + 1) / 2
    return above / (positive * (len(outcome) - positive))


def _is_id(values: pl.Series, column: Column, cluster: NDArray[np.uint32] | None) -> bool:
    """Whole numbers, or labels, of which no two rows (or no two patients) share one."""
    present = values.drop_nulls()
    if len(present) < _ID_ROWS:
        return False
    if column.kind == "numeric" and not bool((present == present.round(0)).all()):
        return False
    if present.n_unique() == len(present):
        if column.kind == "categorical":
            return True
        span = float(np.ptp(present.to_numpy())) + 1.0
        return bool(_ID_NAME.search(column.name)) or span <= 1.1 * len(present) or present.is_sorted()
    if cluster is None or values.null_count() or len(np.unique(cluster)) == len(cluster):
        return False
    pairs = pl.DataFrame({"value": values, "patient": cluster}).unique().height
    return pairs == values.n_unique() == len(np.unique(cluster)) >= _ID_ROWS
