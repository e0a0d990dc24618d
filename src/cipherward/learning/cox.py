"""Cox's partial likelihood of one hospital's rows (Cox 1972; ties as in Efron 1977 or Breslow 1974).

A model that is stratified by hospital compares a patient with others of the same hospital only. So its likelihood, gradient and
second derivatives are sums over hospitals of what each computes from its own risk sets, and no time and no risk set leaves one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cipherward.learning.newton import Sums

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ties = Literal["efron", "breslow"]


@dataclass(frozen=True)
class InTime:
    """What the test of proportional hazards needs, over some rows: with g(t) of each event's time, the sums of g times the event's
    part of the score float64[p], and of g and g^2 times its part of the information, float64[p (p + 1) / 2] each."""

    score: F64 = field(repr=False)
    mixed: F64 = field(repr=False)
    squared: F64 = field(repr=False)


def ended(time: F64, event: Bools, least: int) -> tuple[F64, Bools]:
    """The rows as they are followed up until fewer than `least` of them are at risk: later events are not counted, and who is still
    at risk then is censored then.

    At which time that is depends on the past alone, so estimates stay what they are estimates of (Andersen et al. 1993, III.2.2).
    """
    if least <= 1 or not len(time):
        return time, event
    if len(time) < least:
        return np.zeros(len(time)), np.zeros(len(time), dtype=bool)
    last = float(np.sort(time)[len(time) - least])  # the last time at which `least` rows are at risk
    return np.minimum(time, last), event & (time <= last)


def sums_at(weights: F64, x: F64, time: F64, event: Bools, ties: Ties = "efron") -> Sums:
    """The negative log partial likelihood of these rows with its derivatives: x float64[n, p], time float64[n], event bool[n]."""
    p = len(weights)
    if not event.any():
        return Sums(len(time), 0.0, np.zeros(p), np.zeros(p * (p + 1) // 2))
    risks = _Risks(weights, x, time, event, ties)
    ones = np.ones(len(risks.place))
    return Sums(len(time), risks.loss, -risks.score(ones), risks.information(ones))


def in_time(weights: F64, x: F64, time: F64, event: Bools, g: F64, ties: Ties = "efron") -> InTime:
    """As `sums_at`, each event weighed by g float64[n] of its time."""
    p = len(weights)
    if not event.any():
        empty = np.zeros(p * (p + 1) // 2)
        return InTime(np.zeros(p), empty, empty)
    risks = _Risks(weights, x, time, event, ties)
    of_events = g[risks.order][risks.place]
    return InTime(risks.score(of_events), risks.information(of_events), risks.information(of_events**2))


class _Risks:
    """The risk sets of events, latest first. `place` int[d]: each event's row in that order."""

    def __init__(self, weights: F64, x: F64, time: F64, event: Bools, ties: Ties) -> None:
        self.order = np.argsort(-time, kind="stable")
        self.x, time, event = x[self.order], time[self.order], event[self.order]
        eta = self.x @ weights
        shift = float(eta.max())  # a ratio of sums of e^eta does not know it, and none of them overflows
        self.w = np.exp(eta - shift)
        # Rows of one time are one after the other; `group` is their number.
        starts = np.flatnonzero(np.concatenate([[True], time[1:] != time[:-1]]))
        self.group = np.cumsum(np.concatenate([[0], (time[1:] != time[:-1]).astype(np.int64)]))
        self.ends = np.append(starts[1:], len(time)) - 1
        self.place = np.flatnonzero(event)
        of = self.group[self.place]
        deaths = np.bincount(of, minlength=len(starts))
        rank = np.arange(len(of)) - (np.cumsum(deaths) - deaths)[of]  # 0, 1, ... among events of one time
        self.share = rank / deaths[of] if ties == "efron" else np.zeros(len(of))
        tied_w = np.where(event, self.w, 0.0)
        wx = self.w[:, None] * self.x
        self.tied = tied_w
        risk = np.cumsum(self.w)[self.ends][of]
        dead = np.bincount(self.group, weights=tied_w, minlength=len(starts))[of]
        first = np.cumsum(wx, axis=0)[self.ends][of]
        dead_first = np.add.reduceat(tied_w[:, None] * self.x, starts, axis=0)[of]
        self.denominator = risk - self.share * dead
        self.mean = (first - self.share[:, None] * dead_first) / self.denominator[:, None]
        self.loss = float((np.log(self.denominator) - (eta - shift)[self.place]).sum())

    def score(self, by: F64) -> F64:
        """float64[p]: the sum over events of (x - its mean in the risk set), each times `by`."""
        return np.asarray(((self.x[self.place] - self.mean) * by[:, None]).sum(axis=0))

    def information(self, by: F64) -> F64:
        """float64[p (p + 1) / 2]: the sum over events of the variance of x in the risk set, each times `by`."""
        n_groups = len(self.ends)
        of = self.group[self.place]
        each = by / self.denominator
        whole = np.bincount(of, weights=each, minlength=n_groups)
        less = np.bincount(of, weights=each * self.share, minlength=n_groups)
        # A row is in the risk set of every event at its time or earlier: of this group and all later ones in this order.
        since = np.cumsum(whole[::-1])[::-1]
        of_rows = self.w * since[self.group] - self.tied * less[self.group]
        second = self.x.T @ (self.x * of_rows[:, None]) - self.mean.T @ (self.mean * by[:, None])
        return np.asarray(second[np.triu_indices(self.x.shape[1])])
