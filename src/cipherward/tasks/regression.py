"""`regression`: estimates with standard errors, intervals and p-values, equal to those of all rows in one place.

1. rows by category, with noise of each hospital's own: categories that few have are merged;
2. Newton steps over exact sums, until the likelihood cannot be raised;
3. of a Cox regression, which is stratified by hospital: the test of proportional hazards; of counts, and for robust standard errors:
   how far outcomes are from what the estimates expect.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data import rare_categories
from cipherward.data.sources import HospitalData
from cipherward.errors import DataError
from cipherward.learning import likelihood
from cipherward.learning.cox import InTime
from cipherward.learning.likelihood import Fit
from cipherward.learning.model_kind import Factory
from cipherward.learning.newton import Sums as StepSums
from cipherward.privacy.randomness import Randomness
from cipherward.study import Study
from cipherward.tasks import noise, regression_questions, regression_result, regression_settings, statistics
from cipherward.tasks.counted_task import CountedTask
from cipherward.tasks.fixed_point import Scale
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import Layout
from cipherward.tasks.regression_questions import MEANING, OF_COX, OF_POISSON, TITLES, Spread
from cipherward.tasks.regression_terms import CompleteRows, Terms, merged_names
from cipherward.tasks.reservations import NOISE_GIVEN_UP
from cipherward.tasks.task import (
    Model,
    Question,
    ResultTable,
    Sums,
    Values,
    canonical,
)

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class RegressionState:
    """`weights` float64[p]: what the next sums are taken at; `rows`: all, those used, and of these those with the outcome, as the
    newest sum says; `hazards`: the opened sums of the test of proportional hazards; `totals`: of a Poisson regression, counts and exposures
    of all rows; `spread`: the opened sums of residuals."""

    terms: Terms | None = None
    scale: Scale = field(default_factory=lambda: Scale(1))
    weights: F64 = field(default_factory=lambda: np.zeros(0), repr=False)
    fit: Fit | None = None
    steps: int = 0
    rows: tuple[int, int, int] = (0, 0, 0)
    hazards: InTime | None = None
    totals: tuple[float, float] | None = None
    spread: Spread | None = None


class Regression(CountedTask[RegressionState]):
    """Counts by category, Newton steps, and the test of proportional hazards."""

    def __init__(self, study: Study, factory: Factory | None = None, first: Model | None = None) -> None:
        self._settings = regression_settings.parse(study)
        self._study = study

    def weight_cut(self, state: RegressionState, at: HospitalWork) -> int | None:
        return None if state.terms is None else 0

    def first(self) -> RegressionState:
        return RegressionState()

    def ask(self, state: RegressionState) -> Question | None:
        study, chosen, purpose = self._study, self._settings, self._purpose(state)
        if purpose is None:
            return None
        asked = statistics.shared_parameters(study) | {"settings": chosen.asked()}
        moved, p = None, len(state.weights)
        if purpose == "terms":
            segments, moved = regression_questions.of_terms(study, chosen)
        else:
            segments = {
                "fit": regression_questions.of_fit,
                "hazards": regression_questions.of_hazards,
                "spread": regression_questions.of_spread,
            }[purpose](study, chosen, p)
        meaning = MEANING | (OF_COX if chosen.is_cox else OF_POISSON if chosen.is_poisson else {})
        names = tuple(column.name for column in study.columns)
        about = tuple(
            CompleteRows(None, outcome, columns=names) for outcome in ((None,) if chosen.is_number else (0, 1))
        )
        layout = Layout(segments, study.bits)
        rest: dict[str, Any] = {"on_model": purpose != "terms", "sensitivity": moved, "about": about}
        return Question(purpose, TITLES[purpose], canonical(asked), layout, meaning, **rest)

    def answer(self, state: RegressionState, at: HospitalWork) -> Values:
        study, chosen = self._study, self._settings
        with at.timed("train"):
            if state.terms is None:
                found, dropped = self._counts(at.data, at.randomness)
                at.note("rows_not_counted", dropped)
                return found
            rows = regression_questions.rows_of(study, chosen, state.terms, at)
            found_by = {
                "fit": regression_questions.fitted,
                "hazards": regression_questions.in_time,
                "spread": regression_questions.spread,
            }[self._purpose(state) or "fit"]
            return found_by(study, chosen, state.weights, state.scale, rows, at)

    def after(self, state: RegressionState, sums: Sums, n_contributors: int) -> RegressionState:
        if state.terms is None:
            return self._counted(sums, n_contributors)
        purpose, study, chosen = self._purpose(state), self._study, self._settings
        if purpose == "fit":
            return self._stepped(state, *regression_questions.opened_fit(study, chosen, state.scale, sums))
        if purpose == "spread":
            opened = regression_questions.opened_spread(study, chosen, state.scale, sums)
            return dataclasses.replace(state, spread=opened)
        return dataclasses.replace(state, hazards=regression_questions.opened_hazards(state.scale, sums))

    def digest(self, state: RegressionState) -> bytes:
        facts: dict[str, Any] = {
            "merged": state.terms.merged if state.terms else None,
            "scale": state.scale.most,
            "steps": state.steps,
            "rows": state.rows,
            "fit": [state.fit.loss.hex(), state.fit.step, state.fit.is_done] if state.fit else None,
        }
        if state.totals:
            facts["totals"] = [each.hex() for each in state.totals]
        if state.spread:
            facts["pearson"] = state.spread.pearson.hex()
        found = hashlib.sha256(b"regression\x00" + json.dumps(facts, sort_keys=True).encode() + b"\x00")
        arrays = [state.weights]
        if state.fit:
            arrays += [state.fit.weights, state.fit.direction, state.fit.information]
        if state.hazards:
            arrays += [state.hazards.score, state.hazards.mixed, state.hazards.squared]
        if state.spread:
            arrays.append(state.spread.scatter)
        for each in arrays:
            found.update(b"\x00" + np.ascontiguousarray(each, "<f8").tobytes())
        return found.digest()

    def result(self, state: RegressionState) -> Mapping[str, Any]:
        if state.fit is None or state.terms is None:
            raise DataError("the study has no estimates")
        chosen, (n_all, n, events) = self._settings, state.rows
        if state.totals:
            events = round(state.totals[0])
        return {
            "family": chosen.family,
            "level": chosen.level,
            "rows": n,
            "rows_left_out": n_all - n,
            "events": events,
            "steps": state.steps,
            "converged": state.fit.has_converged,
            "categories_merged": merged_names(state.terms.merged),
            "references": state.terms.references(),
            "terms": regression_result.estimates(chosen, state.terms, state.fit, n, self._range, state.spread),
            **regression_result.of_fit(chosen, state.fit, n, events, self._range),
            "hazards": regression_result.hazards(state.terms, state.fit, state.hazards) if state.hazards else None,
            **regression_result.of_spread(chosen, state.fit, n, state.totals, state.spread),
        } | ({"ties": chosen.ties, "time": chosen.time, "risk_rows": chosen.risk_rows} if chosen.is_cox else {})

    def tables(self, result: Mapping[str, Any]) -> tuple[ResultTable, ...]:
        return tuple(regression_result.tables(result))

    def warnings(self, result: Mapping[str, Any]) -> tuple[str, ...]:
        given_up = (NOISE_GIVEN_UP,) if self._study.noise.given_up else ()
        return (*given_up, *regression_result.warnings(result))

    def words(self, state: RegressionState) -> tuple[str, str]:
        if not state.steps:
            return "categories", f"about {state.rows[1]:,} rows with a value in every column"
        if state.hazards:
            return "proportional hazards", ""
        if state.spread:
            return "spread", "of outcomes around what is expected"
        ended = ", converged" if state.fit and state.fit.has_converged else ""
        return f"step {state.steps}", f"{state.rows[1]:,} rows{ended}"

    def plan(self) -> Iterator[tuple[Question, int]]:
        first = self.first()
        terms = self._terms(())
        fitted = RegressionState(terms, Scale.of(1 << 20), np.zeros(len(terms.names)))
        states = [(first, 1), (fitted, self._settings.steps)]
        if self._settings.is_cox or self._settings.has_spread:
            p = len(terms.names)
            kept = np.ones(p, dtype=bool)
            done = Fit(fitted.weights, 0.0, np.eye(p), fitted.weights, kept, 0.0, is_done=True, has_converged=True)
            states.append((dataclasses.replace(fitted, fit=done), 1))
        for state, times in states:
            if question := self.ask(state):
                yield question, times

    def pooled(self, state: RegressionState, hospitals: Sequence[HospitalWork], known: Any = None) -> Mapping[str, Any]:
        """The same fit without fixed point and secure sums, and the largest difference of an estimate, in standard errors."""
        if state.terms is None or state.fit is None:
            return {}
        found, weights = self._in_one_place(state.terms, hospitals)
        fit = dataclasses.replace(found, direction=np.zeros(len(weights)), weights=weights)
        n = state.rows[1]
        both = [regression_result.estimates(self._settings, state.terms, f, n, self._range) for f in (state.fit, fit)]
        return {"largest_difference": regression_result.largest_difference(*both)}

    @cached_property
    def _range(self) -> tuple[float, float]:
        return regression_questions.outcome_range(self._study)

    def _in_one_place(self, terms: Terms, hospitals: Sequence[HospitalWork]) -> tuple[Fit, F64]:
        chosen, fit = self._settings, None
        weights = regression_questions.first_weights(self._study, chosen, len(terms.names))
        rows = [regression_questions.rows_of(self._study, chosen, terms, at) for at in hospitals]
        if chosen.is_poisson:
            weights, _ = regression_questions.without_inputs(weights, regression_questions.exact(chosen, weights, rows))
        for _ in range(chosen.steps):
            fit = likelihood.advance(fit, weights, regression_questions.exact(chosen, weights, rows))
            weights = fit.next_weights
            if fit.is_done:
                break
        if fit is None:
            raise DataError("no step was taken")
        return fit, weights

    def _purpose(self, state: RegressionState) -> str | None:
        if state.terms is None:
            return "terms"
        if not (state.fit and state.fit.is_done) and state.steps < self._settings.steps:
            return "fit"
        at_end = state.fit is not None and state.fit.has_converged
        if self._settings.has_spread and at_end and state.spread is None:
            return "spread"
        return "hazards" if self._settings.is_cox and at_end and state.hazards is None else None

    def _counted(self, sums: Sums, n_contributors: int) -> RegressionState:
        n_all, n, events = (int(value) for value in sums["rows"])
        self._check_rows(self._study, n, n_contributors)
        columns = regression_questions.inputs(self._study, self._settings)
        counts, stddev = np.asarray(sums.get("categories", np.zeros(0)), dtype=np.int64), 0.0
        if self._study.own_noise:
            stddev = noise.stddevs(self._study, self, n_contributors).get("categories", 0.0)
        merged = rare_categories.merged(columns, counts, statistics.least_rows(self._study, stddev))
        terms = self._terms(merged)
        if not terms.names:
            raise DataError(
                "every category was merged, so no term is left", hint="ask more hospitals, or other columns"
            )
        self._check_outcomes(len(terms.names), n, events)
        first = regression_questions.first_weights(self._study, self._settings, len(terms.names))
        return RegressionState(terms, Scale.of(n), first, rows=(n_all, n, events))

    def _check_outcomes(self, n_terms: int, n: int, events: int) -> None:
        """Estimates, and the sums that they follow from, are of enough rows with the outcome, and (but for events in time) without."""
        if self._settings.is_number:
            if n < max(statistics.CELL_MIN, 2 * n_terms):
                raise DataError(
                    f"{n} rows of all hospitals together are too few for {n_terms} terms", hint="ask for fewer columns"
                )
            return
        rarer = events if self._settings.is_cox else min(events, n - events)
        needed = max(statistics.CELL_MIN, n_terms)
        if rarer < needed:
            raise DataError(
                f"about {max(events, 0)} of {n} rows of all hospitals together have the outcome: {n_terms} terms need at least "
                f"{needed} rows with it" + ("" if self._settings.is_cox else ", and as many without"),
                hint="check data.outcome and data.positive in the study; else ask for fewer columns, or more hospitals",
            )

    def _stepped(
        self, state: RegressionState, rows: tuple[int, int, int], found: StepSums, rounding: float
    ) -> RegressionState:
        if self._settings.is_poisson and state.totals is None:
            weights, totals = regression_questions.without_inputs(state.weights, found)
            needed = max(statistics.CELL_MIN, len(weights))
            if totals[0] < needed:
                raise DataError(
                    f"all {rows[1]} rows together count {totals[0]:.0f}: {len(weights)} terms need at least {needed}",
                    hint="check data.outcome in the study; else ask for fewer columns, or more hospitals",
                )
            return dataclasses.replace(state, weights=weights, totals=totals, steps=state.steps + 1, rows=rows)
        fit = likelihood.advance(state.fit, state.weights, found, rounding)
        return dataclasses.replace(state, fit=fit, weights=fit.next_weights, steps=state.steps + 1, rows=rows)

    def _terms(self, merged: rare_categories.Merged) -> Terms:
        chosen = self._settings
        columns = regression_questions.inputs(self._study, chosen)
        return Terms(columns, merged, tuple(sorted(chosen.reference.items())), has_intercept=not chosen.is_cox)

    def _counts(self, data: HospitalData, randomness: Randomness) -> tuple[Values, int]:
        return regression_questions.counted(self._study, self._settings, data, randomness)

    def _check_rows(self, study: Study, n_rows: int, n_contributors: int) -> None:
        needed = self._rows_needed(study, n_contributors)
        if n_rows < max(needed, 1):
            raise DataError(
                f"about {max(n_rows, 0):,} rows of all hospitals together have a value in every column: too few"
                + (
                    f" for noise of epsilon {study.noise.epsilon:g} at delta {study.noise.delta:g}, which needs {needed:,}"
                    if needed
                    else ""
                ),
                hint="leave out columns that are often missing; or start a new study with a larger noise.epsilon, or with "
                "noise.enabled = false for exact counts, which promise no patient anything",
            )
