"""What a binary model is worth for some rows, beside what it is worth for all: from opened histograms of its scores by outcome.

Prediction sets are those of split conformal prediction (Vovk, Gammerman and Shafer 2005; Angelopoulos and Bates 2023): an outcome is in a
row's set if the model does not find it stranger than a share of the validation rows' own outcomes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.learning import binning, clinical, intervals, metrics, wald

F64 = NDArray[np.float64]
Ints = NDArray[np.int64]

FEW = 10
"""Figures are of at least so many rows with the outcome, and as many without."""


@dataclass(frozen=True)
class Counted:
    """Some rows: how many without and with the outcome have a score in each bin, int64[bins] each; sums of squared and logarithmic errors
    in units of `metrics.SCALE`."""

    negative: Ints = field(repr=False)
    positive: Ints = field(repr=False)
    brier: int = 0
    log_loss: int = 0

    @property
    def rows(self) -> int:
        return int(self.negative.sum()) + int(self.positive.sum())

    @property
    def is_few(self) -> bool:
        return min(int(self.negative.sum()), int(self.positive.sum())) < FEW


def risks(bins: int) -> F64:
    """The predicted risk in the middle of each bin, float64[bins]."""
    return np.asarray(1.0 / (1.0 + np.exp(-binning.centres(bins))))


def strangeness(negative: Ints, positive: Ints, coverage: float) -> float:
    """How improbable an outcome may be to the model to be in a prediction set, from validation rows: the smallest bound that, with one row
    more, a share of `coverage` of them keeps to; infinity where they are too few to say."""
    risk = risks(len(negative))
    found = np.concatenate([risk, 1.0 - risk])
    rows = np.concatenate([negative, positive])
    n = int(rows.sum())
    wanted = math.ceil((n + 1) * coverage - 1e-9)
    if wanted > n:
        return math.inf
    order = np.argsort(found, kind="stable")
    place = int(np.searchsorted(np.cumsum(rows[order]), wanted))
    return wald.rounded(float(found[order[place]]))


def alert_threshold(negative: Ints, positive: Ints, share: float) -> float | None:
    """The predicted risk at or above which nearest to `share` of these rows lie, halfway between two scores that occur; None where all
    rows share one score. Of validation rows: test rows then say what an alert is worth."""
    rows = negative + positive
    filled = np.flatnonzero(rows)
    if len(filled) < 2:
        return None
    above = np.cumsum(rows[filled][::-1])[::-1][1:] / rows.sum()
    k = int(np.argmin(np.abs(above - share)))
    risk = risks(len(rows))[filled]
    return wald.rounded(float(risk[k] + risk[k + 1]) / 2.0)


def sets_of(risk: F64, bound: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which predicted risks have "no outcome", and which "outcome", in their prediction set; bool[n] each."""
    room = bound + 1e-9
    return risk <= room, 1.0 - risk <= room


def facts(found: Counted, threshold: float | None = None, bound: float | None = None) -> dict[str, Any]:
    """The figures of some rows, as JSON values; `rows` alone where they are of few.

    Args:
        threshold: of predicted risk. bound: see `strangeness`.
    """
    if found.is_few:
        return {"rows": found.rows}
    measured = metrics.from_histograms(found.negative, found.positive, found.brier, found.log_loss)
    line = measured.calibration_line
    return {
        "rows": found.rows,
        "positive": measured.n_positive,
        "auroc": measured.auroc,
        "auroc_interval": list(measured.auroc_interval or ()),
        "auprc": measured.auprc,
        "brier": measured.brier,
        **{name: getattr(line, name) if line else None for name in _LINE},
        **(_decided(found, threshold) if threshold else {}),
        **(_covered(found, bound) if bound is not None else {}),
    }


_LINE = ("slope", "slope_error", "intercept", "intercept_error", "in_the_large", "in_the_large_error")
_RATES = ("sensitivity", "specificity", "positive_predictive_value", "negative_predictive_value", "net_benefit")


def _decided(found: Counted, threshold: float) -> dict[str, Any]:
    risk = risks(len(found.negative))
    decided = clinical.decision(risk, found.negative, found.positive, threshold)
    if decided is None:
        return {}
    over = risk >= threshold
    shares = {
        "sensitivity_interval": (int(found.positive[over].sum()), int(found.positive.sum())),
        "specificity_interval": (int(found.negative[~over].sum()), int(found.negative.sum())),
    }
    ends = {name: list(intervals.wilson_interval(*share)) for name, share in shares.items()}
    return {name: getattr(decided, name) for name in _RATES} | ends


def _covered(found: Counted, bound: float) -> dict[str, Any]:
    no, yes = sets_of(risks(len(found.negative)), bound)
    rows = found.negative + found.positive
    held = int(found.negative[no].sum()) + int(found.positive[yes].sum())
    size = int(rows[no].sum()) + int(rows[yes].sum())
    return {
        "coverage": held / found.rows,
        "coverage_interval": list(intervals.wilson_interval(held, found.rows)),
        "set_size": size / found.rows,
    }


def worse(of: Mapping[str, Any], everybody: Mapping[str, Any], coverage: float | None = None) -> list[str]:
    """In which ways the model serves some rows worse than everybody, as far as a 95 % interval can tell. Args: as `facts` gives them."""
    return list(_worse(of, everybody, coverage))


def _worse(of: Mapping[str, Any], everybody: Mapping[str, Any], coverage: float | None) -> Iterator[str]:
    def is_below(name: str, value: float | None) -> bool:
        ends: Sequence[float] = of.get(f"{name}_interval") or ()
        return bool(ends) and value is not None and ends[1] < value

    if is_below("auroc", everybody.get("auroc")):
        yield "tells outcomes apart less well"
    large, error = of.get("in_the_large"), of.get("in_the_large_error")
    if large is not None and error and abs(large) > intervals.Z * error:
        yield f"risks too {'low' if large > 0.0 else 'high'}"
    if is_below("sensitivity", everybody.get("sensitivity")):
        yield "misses more outcomes"
    if is_below("specificity", everybody.get("specificity")):
        yield "more false alarms"
    if is_below("coverage", coverage):
        yield "prediction sets hold the outcome too rarely"


def counted(scores: F64, labels: NDArray[np.integer[Any]], bins: int) -> Counted:
    """Of rows held in one place, every score by itself."""
    found = metrics.local_counts(scores, labels, bins)
    return Counted(found["negative"], found["positive"], int(found["brier"][0]), int(found["log_loss"][0]))
