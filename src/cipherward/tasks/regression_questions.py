"""What a regression asks, and a hospital's answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data.rare_categories import n_cells
from cipherward.data.sources import HospitalData
from cipherward.errors import DataError, ProtocolError, UnfitUpdateError
from cipherward.learning import cox, likelihood, linear, wald
from cipherward.learning.cox import InTime
from cipherward.learning.newton import MOST_LOSS, Sums
from cipherward.learning.picking import logits, picks_out_few
from cipherward.privacy import records
from cipherward.privacy.randomness import Randomness
from cipherward.privacy.records import Sensitivity
from cipherward.study import Column, Study
from cipherward.tasks import fixed_point, moves
from cipherward.tasks.fixed_point import Scale
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import CountSegment
from cipherward.tasks.measurement import PICKS_OUT
from cipherward.tasks.regression_settings import Settings
from cipherward.tasks.regression_terms import Terms, complete, counts
from cipherward.tasks.task import Sums as Opened
from cipherward.tasks.task import Values, limbs_for

TITLES = {
    "terms": "Before the fit: rows, and rows by category",
    "fit": "In each step of the fit",
    "hazards": "Once, at the estimates: whether hazards are proportional",
    "spread": "Once, at the estimates: how far outcomes are from what is expected",
}

MEANING = {
    "rows": "how many rows there are, how many of them have a value in every column, and how many of these the outcome",
    "categories": "for each categorical column: how many rows have each category; those that few have are merged",
    "fit/rows": "how many rows there are, how many of them are used, and how many of these have the outcome",
    "fit/loss": "the negative logarithm of the likelihood of the rows",
    "fit/gradient": "for each term: its derivative, the sum over rows of term x (predicted - actual outcome)",
    "fit/curvature": "for each pair of terms: its second derivative, the sum over rows of their product, weighted by how unsure the "
    "model is; at the first step these are counts of patients by pairs of categories",
    "hazards/score": "for each term: the sum over events of (the patient's term - its mean among those at risk) x time",
    "hazards/mixed": "for each pair of terms: the sum over events of their covariance among those at risk, x time",
    "hazards/squared": "the same x time squared",
    "spread/pearson": "the sum over rows of (expected - actual count) squared / expected",
    "spread/scatter": "for each pair of terms: the sum over rows of their product x (predicted - actual outcome) squared",
}
OF_COX = {
    "fit/gradient": "for each term: its derivative, the sum over events of (its mean among those at risk - the patient's)",
    "fit/curvature": "for each pair of terms: its second derivative, the sum over events of their covariance among those at risk",
}
OF_POISSON = {
    "fit/gradient": "for each term: its derivative, the sum over rows of term x (expected - actual count)",
    "fit/curvature": "for each pair of terms: its second derivative, the sum over rows of their product x the expected count; at the first "
    "step these are sums of exposures, or counts of patients, by pairs of categories",
}

_PEARSON = 1024.0
_HOSPITALS = 64.0  # each rounds its part of a sum; of more the last digits of a loss decide
_FINE = 1.5  # as in `moves.of_statistics`: merging needs more precise counts than rows


@dataclass(frozen=True)
class Rows:
    """A hospital's rows as a regression sees them: x float64[n, p], outcome int8[n], or float64[n] where it is a number (of a linear
    regression in [-1/2, 1/2] of its declared range), time float64[n] (of a Cox regression; of a Poisson regression the logarithm of the
    exposure). `n_all`: with those that lack a value. `most`: the largest declared count."""

    x: NDArray[np.float64] = field(repr=False)
    outcome: NDArray[Any] = field(repr=False)
    time: NDArray[np.float64] = field(repr=False)
    n_all: int
    most: float = 1.0


@dataclass(frozen=True)
class Spread:
    """Over all rows at the estimates: `pearson`, of counts, the sum of squared residuals by expected counts; `scatter` float64[p (p + 1) / 2],
    of robust errors: see `likelihood.scatter`."""

    pearson: float
    scatter: NDArray[np.float64] = field(repr=False)


@dataclass(frozen=True)
class Units:
    """The largest mean of a row in the sums of losses, of first and second derivatives, of squared residuals, and of these by the expected
    count."""

    loss: float
    slope: float
    square: float
    pearson: float


def units(study: Study, chosen: Settings) -> Units:
    if not chosen.is_poisson:
        return Units(MOST_LOSS, 1.0, 1.0, 1.0)
    most = outcome_range(study)[1]
    return Units(MOST_LOSS + most, most, most * most, _PEARSON * most)


def outcome_range(study: Study) -> tuple[float, float]:
    """Of an outcome that is a number, as declared."""
    return float(study.data.outcome_minimum or 0.0), float(study.data.outcome_maximum or 1.0)


def inputs(study: Study, chosen: Settings) -> tuple[Column, ...]:
    """The columns that terms are made of."""
    return tuple(column for column in study.columns if column.name not in (chosen.time, chosen.exposure))


def first_weights(study: Study, chosen: Settings, p: int) -> NDArray[np.float64]:
    """Where the fit begins, float64[p]: zeros; of a Poisson regression the largest declared count at the longest exposure, so that nothing
    larger is expected of a row."""
    found = np.zeros(p)
    if chosen.is_poisson:
        longest = next((column.maximum or 1.0 for column in study.columns if column.name == chosen.exposure), 1.0)
        found[0] = wald.rounded(math.log(outcome_range(study)[1] / longest), 12)
    return found


def without_inputs(weights: NDArray[np.float64], found: Sums) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Of a Poisson regression, from sums at `first_weights`: the weights of the model with one rate for everybody, which the fit goes on
    from, and the counts and exposures of all rows together."""
    expected = float(found.curvature[0])
    events = expected - float(found.gradient[0])
    if not (expected > 0.0 and events >= 0.5):
        return weights, (max(events, 0.0), 0.0)
    rate = wald.rounded(math.exp(weights[0]), 12)
    moved = weights.copy()
    moved[0] += wald.rounded(math.log(events / expected), 12)
    return moved, (events, expected / rate)


def of_terms(study: Study, chosen: Settings) -> tuple[tuple[CountSegment, ...], Sensitivity]:
    """The first question's numbers, and how far a row moves them."""
    limbs, columns = limbs_for(48, study.bits), inputs(study, chosen)
    parts, moved = [CountSegment("rows", 3, limbs)], moves.of_counts("rows", 3, 3)
    if cells := n_cells(columns):
        parts.append(CountSegment("categories", cells, limbs))
        n_categorical = sum(column.kind == "categorical" for column in columns)
        moved = moved.and_also(moves.of_counts("categories", cells, n_categorical, _FINE))
    return tuple(parts), moved


def counted(study: Study, chosen: Settings, data: HospitalData, randomness: Randomness) -> tuple[Values, int]:
    """One hospital's answer to it, and how many rows were left out, of one patient beyond `noise.rows_per_patient`."""
    columns = inputs(study, chosen)
    kept, dropped = np.ones(len(data.outcome), dtype=bool), 0
    if study.own_noise:
        kept, dropped = records.kept_rows(data.cluster, kept, study.own_noise.rows_per_patient, randomness)
    used = kept & complete(data.table, [column.name for column in study.columns])
    found = {"rows": np.array([kept.sum(), used.sum(), _events(data.outcome[used])], dtype=np.int64)}
    if n_cells(columns):
        found["categories"] = counts(data.table, columns, used)
    return found, dropped


def of_fit(study: Study, chosen: Settings, p: int) -> tuple[CountSegment, ...]:
    sizes = {"loss": 1, "gradient": p, "curvature": p * (p + 1) // 2}
    exact = CountSegment("fit/rows", 3, limbs_for(32, study.bits))
    return (exact, *(_segment(study, f"fit/{name}", size) for name, size in sizes.items()))


def of_hazards(study: Study, chosen: Settings, p: int) -> tuple[CountSegment, ...]:
    sizes = {"score": p, "mixed": p * (p + 1) // 2, "squared": p * (p + 1) // 2}
    exact = CountSegment("fit/rows", 3, limbs_for(32, study.bits))
    return (exact, *(_segment(study, f"hazards/{name}", size) for name, size in sizes.items()))


def of_spread(study: Study, chosen: Settings, p: int) -> tuple[CountSegment, ...]:
    exact = CountSegment("fit/rows", 3, limbs_for(32, study.bits))
    sizes = {"pearson": int(chosen.is_poisson), "scatter": p * (p + 1) // 2 if chosen.is_robust else 0}
    return (exact, *(_segment(study, f"spread/{name}", size) for name, size in sizes.items() if size))


def rows_of(study: Study, chosen: Settings, terms: Terms, at: HospitalWork) -> Rows:
    """Made once for a hospital."""

    def made() -> Rows:
        x, used = terms.design(at.data.table)
        outcome, time = at.data.outcome, np.zeros(len(used))
        if chosen.is_cox:
            time = at.data.table[chosen.time].to_numpy()
            used &= ~np.isnan(time)
        if chosen.exposure:
            column = next(each for each in study.columns if each.name == chosen.exposure)
            time = np.log(np.clip(at.data.table[chosen.exposure].to_numpy(), column.minimum, column.maximum))
            used &= ~np.isnan(time)
        x, outcome, time = x[used], outcome[used], time[used]
        if chosen.is_linear:
            low, high = outcome_range(study)
            outcome = np.clip((outcome - low) / (high - low), 0.0, 1.0) - 0.5
        if chosen.is_cox:
            longest = next(column.maximum for column in study.columns if column.name == chosen.time) or 0.0
            event = (outcome == 1) & (time <= longest)
            time, event = cox.ended(np.clip(time, 0.0, longest), event, max(chosen.risk_rows, at.cell_min))
            outcome = event.astype(np.int8)
        return Rows(x, outcome, time, len(used), outcome_range(study)[1] if chosen.is_poisson else 1.0)

    return at.kept(("regression", terms), made)


def fitted(
    study: Study, chosen: Settings, weights: NDArray[np.float64], scale: Scale, rows: Rows, at: HospitalWork
) -> Values:
    """One hospital's sums over its rows at these weights.

    Raises:
        DataError: more rows than a sum has room for. UnfitUpdateError: the weights set few rows apart.
    """
    _check(weights, scale, rows, at)
    found, n = sums_of(chosen, weights, rows), len(rows.outcome)
    unit = units(study, chosen)
    parts = {
        "loss": np.array([found.loss / unit.loss]),
        "gradient": found.gradient / unit.slope,
        "curvature": found.curvature / unit.slope,
    }
    return _numbers(rows) | {f"fit/{name}": scale.whole(part, n) for name, part in parts.items()}


def sums_of(chosen: Settings, weights: NDArray[np.float64], rows: Rows) -> Sums:
    """The sums themselves, before they are put in fixed point."""
    if chosen.is_cox:
        return cox.sums_at(weights, rows.x, rows.time, rows.outcome == 1, chosen.ties)
    if chosen.is_linear:
        return likelihood.linear_least_squares(weights, rows.x, rows.outcome)
    if chosen.is_poisson:
        return likelihood.poisson(weights, rows.x, rows.outcome, rows.time, rows.most)
    return likelihood.logistic(weights, rows.x, rows.outcome)


def residuals(chosen: Settings, weights: NDArray[np.float64], rows: Rows) -> tuple[NDArray[np.float64], float]:
    """float64[n], predicted less actual outcome; and of counts the sum of its squares by the expected counts, else 0."""
    eta = rows.x @ weights
    if chosen.is_linear:
        return eta - rows.outcome, 0.0
    if not chosen.is_poisson:
        return linear.sigmoid(eta) - rows.outcome, 0.0
    expected = likelihood.expected_counts(eta + rows.time, rows.most)
    found = expected - rows.outcome
    return found, float((found * found / np.maximum(expected, 1e-300)).sum())


def spread(
    study: Study, chosen: Settings, weights: NDArray[np.float64], scale: Scale, rows: Rows, at: HospitalWork
) -> Values:
    """One hospital's sums of residuals at the estimates. Raises: as `fitted`."""
    _check(weights, scale, rows, at)
    found, pearson = residuals(chosen, weights, rows)
    unit, n = units(study, chosen), len(rows.outcome)
    parts = _numbers(rows)
    if chosen.is_poisson:
        parts["spread/pearson"] = scale.whole(np.array([pearson / unit.pearson]), n)
    if chosen.is_robust:
        parts["spread/scatter"] = scale.whole(likelihood.scatter(rows.x, found) / unit.square, n)
    return parts


def exact(chosen: Settings, weights: NDArray[np.float64], hospitals: Sequence[Rows]) -> Sums:
    """Those of several hospitals together, where all rows are in one place."""
    each = [sums_of(chosen, weights, rows) for rows in hospitals]
    gradient, curvature = (
        np.sum([one.gradient for one in each], axis=0),
        np.sum([one.curvature for one in each], axis=0),
    )
    return Sums(sum(one.rows for one in each), sum(one.loss for one in each), gradient, curvature)


def in_time(
    study: Study, chosen: Settings, weights: NDArray[np.float64], scale: Scale, rows: Rows, at: HospitalWork
) -> Values:
    """One hospital's sums for the test of proportional hazards. Raises: as `fitted`."""
    _check(weights, scale, rows, at)
    longest = next(column.maximum for column in study.columns if column.name == chosen.time) or 1.0
    g = rows.time / longest if chosen.clock == "linear" else np.log1p(rows.time) / np.log1p(longest)
    found = cox.in_time(weights, rows.x, rows.time, rows.outcome == 1, g, chosen.ties)
    parts = {"score": found.score, "mixed": found.mixed, "squared": found.squared}
    n = len(rows.outcome)
    return _numbers(rows) | {f"hazards/{name}": scale.whole(part, n) for name, part in parts.items()}


def opened_fit(
    study: Study, chosen: Settings, scale: Scale, opened: Opened
) -> tuple[tuple[int, int, int], Sums, float]:
    """All rows, those used and their events, the sums over these, and how much fixed point may have changed the loss.

    Raises:
        ProtocolError: sums that no rows give.
    """
    n_all, n, events = _rows(scale, opened)
    parts = {name: scale.real(opened[f"fit/{name}"], n) for name in ("loss", "gradient", "curvature")}
    unit = units(study, chosen)
    gradient, curvature = (parts[name] * unit.slope for name in ("gradient", "curvature"))
    rounding = (unit.loss - MOST_LOSS) * _HOSPITALS / scale.unit
    return (n_all, n, events), Sums(n, float(parts["loss"][0]) * unit.loss, gradient, curvature), rounding


def opened_hazards(scale: Scale, opened: Opened) -> InTime:
    """Raises: as `opened_fit`."""
    _, n, _ = _rows(scale, opened)
    return InTime(*(scale.real(opened[f"hazards/{name}"], n) for name in ("score", "mixed", "squared")))


def opened_spread(study: Study, chosen: Settings, scale: Scale, opened: Opened) -> Spread:
    """Raises: as `opened_fit`."""
    _, n, _ = _rows(scale, opened)
    unit = units(study, chosen)
    pearson = scale.real(opened["spread/pearson"], n)[0] * unit.pearson if chosen.is_poisson else 0.0
    both = scale.real(opened["spread/scatter"], n) * unit.square if chosen.is_robust else np.zeros(0)
    return Spread(float(pearson), both)


def _segment(study: Study, name: str, size: int) -> CountSegment:
    return CountSegment(name, size, limbs_for(fixed_point.BITS, study.bits))


def _numbers(rows: Rows) -> Values:
    return {"fit/rows": np.array([rows.n_all, len(rows.outcome), _events(rows.outcome)], dtype=np.int64)}


def _events(outcome: NDArray[Any]) -> int:
    """Rows with the outcome; 0 of a number."""
    return int(outcome.sum()) if outcome.dtype.kind in "iu" else 0


def _rows(scale: Scale, opened: Opened) -> Sequence[int]:
    n_all, n, events = (int(value) for value in opened["fit/rows"])
    if not 0 <= events <= n <= n_all or not 0 < n < scale.most:
        raise ProtocolError(f"the opened sums of a regression are of {n} rows and {events} outcomes")
    return n_all, n, events


def _check(weights: NDArray[np.float64], scale: Scale, rows: Rows, at: HospitalWork) -> None:
    if len(rows.outcome) >= scale.most:
        raise DataError(
            f"{len(rows.outcome)} rows are more than the sums of this regression have room for ({scale.most - 1})",
            hint="the count that began the study was of other rows; start a new study",
        )
    if at.cell_min and weights.any() and picks_out_few(logits(linear.sigmoid(rows.x @ weights)), at.cell_min):
        raise UnfitUpdateError(
            f"the estimates so far set fewer than {at.cell_min} rows of this hospital apart from all others: sums about them would be "
            "about these rows, so nothing is sent",
            reason=PICKS_OUT,
            hint="merge rare categories and start a new study, or leave columns with few different values out",
        )
