"""Kaplan-Meier curves and log-rank tests from one hospital's rows, and what opened sums make of them.

A product over event times (Kaplan and Meier 1958) needs how many of all hospitals' rows are at risk at each of them, which nobody knows.
Known is that number at the ends of public cells of time, in each of which enough rows leave, and how early in a cell they leave
on average. A hospital adds what it knows itself: its own rows. So the curve is right to about 0.001 where a hundred rows are at risk,
and to about 0.002 where twenty are (docs/study.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_EARLIEST, _LATEST = 0.05, 0.95
_ALIKE = 1e-3


@dataclass(frozen=True)
class AtRisk:
    """Rows of all hospitals at risk. `ends` float64[k]: of the cells of time, the first of which begins at 0; `leaving` int64[k]: rows
    whose follow-up ends in each; `place` float64[k]: how far into the cell on average, 0 to 1; `rows`: at the beginning."""

    ends: F64 = field(repr=False)
    leaving: Ints = field(repr=False)
    place: F64 = field(repr=False)
    rows: int

    @property
    def after(self) -> Ints:
        """int64[k]: rows that are at risk after each cell."""
        return np.asarray(self.rows - np.cumsum(self.leaving))

    @property
    def spent(self) -> F64:
        """float64[k]: time at risk in each cell, of all rows together."""
        widths = np.diff(np.concatenate([[0.0], self.ends]))
        return np.asarray(widths * (self.after + self.place * self.leaving))

    def until(self, least: int) -> AtRisk:
        """The cells after which at least so many rows are at risk."""
        k = int((self.after >= least).sum())
        return AtRisk(self.ends[:k], self.leaving[:k], self.place[:k], self.rows)


def cells(ends: F64, time: F64) -> tuple[Ints, F64]:
    """Of each time up to the last end: its cell int64[n], which holds its end and not its beginning (but for 0), and how far into it."""
    found = np.minimum(np.searchsorted(ends, time, side="left"), max(len(ends) - 1, 0)).astype(np.int64)
    starts = np.concatenate([[0.0], ends[:-1]])
    return found, (time - starts[found]) / (ends[found] - starts[found])


def unit(time: F64) -> float:
    """In what unit times were written down, a day or a month: the least difference of two, if all are multiples of it; else 0."""
    distinct = np.unique(time)
    least = float(np.diff(distinct).min()) if len(distinct) > 1 else 0.0
    number = distinct / least if least else distinct
    return least if least and float(np.abs(number - np.rint(number)).max()) < _ALIKE else 0.0


def places(ends: F64, time: F64, written_in: float) -> tuple[Ints, F64]:
    """Of each time up to the last end: its cell int64[n], and how far into it 0 to 1; a time stands for the whole unit before it."""
    k, into = cells(ends, time)
    widths = np.diff(np.concatenate([[0.0], ends]))
    return k, np.clip(into - written_in / 2.0 / widths[k], 0.0, 1.0)


def steps(risk: AtRisk, time: F64, event: Bools, written_in: float, cell_of: Ints, hazard: F64) -> tuple[F64, F64]:
    """One hospital's part of the curve: by wider cell float64[m] each, the sum over its events of log(1 - 1/n) and of 1/(n (n - 1)), which
    Greenwood's variance is made of. n are the rows at risk just before; of events at one time, one after the other.

    Args:
        written_in: the unit of times. cell_of: int64[k], the wider cell of each cell of `risk`; -1: in none.
        hazard: float64[m], events of all hospitals in each of these, by the time at risk in it.
    """
    ends, m = risk.ends, len(hazard)
    inside = time <= (ends[-1] if len(ends) else -1.0)
    if not (inside & event).any():
        return np.zeros(m), np.zeros(m)
    own_leaving = np.bincount(cells(ends, time[inside])[0], minlength=len(ends))
    own_before = len(time) - (np.cumsum(own_leaving) - own_leaving)
    when = time[inside & event]
    k, into = cells(ends, when)
    widths = np.diff(np.concatenate([[0.0], ends]))
    # Of the others, a share of those who leave has left before: x^(p / (1 - p)) has the mean place p.
    place = np.clip(risk.place[k], _EARLIEST, _LATEST)
    gone = np.clip(into - written_in / widths[k], 0.0, 1.0) ** (place / (1.0 - place))
    before = risk.after[k] + risk.leaving[k]
    others = np.maximum(before - own_before[k] - (risk.leaving[k] - own_leaving[k]) * gone, 0.0)
    own = len(time) - np.searchsorted(np.sort(time), when, side="left")
    wide = cell_of[k]
    # Events at one time come one after the other, its own and those expected of others: half of them before each, on average.
    _, at, own_ties = np.unique(when, return_inverse=True, return_counts=True)
    alive = 1.0 - 0.5 * written_in / widths[k] * risk.leaving[k] / before  # hazards are of the mean number at risk
    ties = own_ties[at] - 1.0 + others * np.where(wide >= 0, hazard[wide], 0.0) * written_in * alive
    n = np.maximum(others + own - ties / 2.0, 2.0)
    shown = wide >= 0
    both = (np.log1p(-1.0 / n), 1.0 / (n * (n - 1.0)))
    first, second = (np.bincount(wide[shown], weights=each[shown], minlength=m) for each in both)
    return np.asarray(first, np.float64), np.asarray(second, np.float64)


def exact(time: F64, event: Bools, at: F64) -> F64:
    """The Kaplan-Meier curve of rows in one place, just after these times: float64[len(at)]."""
    times, died = np.unique(time[event], return_counts=True)
    at_risk = len(time) - np.searchsorted(np.sort(time), times, side="left")
    curve = np.concatenate([[1.0], np.cumprod(1.0 - died / at_risk)])
    return np.asarray(curve[np.searchsorted(times, at, side="right")])


def log_rank(time: F64, event: Bools, group: Ints, n_groups: int) -> tuple[F64, F64]:
    """One hospital's part of the log-rank test (Mantel 1966): observed less expected events of all groups but the last, float64[g - 1], and their covariance float64[(g - 1) g / 2], upper triangle row by row.

    Args:
        group: int64[n] of 0 to n_groups - 1.
    """
    g = n_groups - 1
    upper = np.triu_indices(g)
    times = np.unique(time[event])
    if not len(times):
        return np.zeros(g), np.zeros(len(upper[0]))
    at_risk = np.stack(
        [(group == k).sum() - np.searchsorted(np.sort(time[group == k]), times, side="left") for k in range(n_groups)],
        axis=1,
    ).astype(np.float64)
    place = np.searchsorted(times, time[event])
    died = np.stack([np.bincount(place[group[event] == k], minlength=len(times)) for k in range(n_groups)], axis=1)
    n, d = at_risk.sum(axis=1), died.sum(axis=1).astype(np.float64)
    share = at_risk[:, :g] / n[:, None]
    by = d * (n - d) / np.maximum(n - 1.0, 1.0)
    covariance = np.diag((by[:, None] * share).sum(axis=0)) - (share * by[:, None]).T @ share
    return (died[:, :g] - d[:, None] * share).sum(axis=0), covariance[upper]


def curve(steps_down: Sequence[float], variances: Sequence[float], reach: float) -> list[tuple[float, float, float]]:
    """Survival after each cell with its interval, on the scale of log(-log S) as `log-log` of R and lifelines (Kalbfleisch and Prentice
    2002, 1.4.1).

    Args:
        steps_down, variances: the opened sums of `steps`. reach: standard errors on either side.
    """
    found, total, variance = [], 0.0, 0.0
    for down, more in zip(steps_down, variances, strict=True):
        total, variance = total + min(down, 0.0), variance + max(more, 0.0)
        if total == 0.0:
            found.append((1.0, 1.0, 1.0))
            continue
        spread = math.exp(reach * math.sqrt(variance) / -total)
        found.append((math.exp(total), math.exp(total * spread), math.exp(total / spread)))
    return found
