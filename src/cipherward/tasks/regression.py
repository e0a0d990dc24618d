"""`regression`: estimates with standard errors, intervals and p-values, equal to those of all rows in one place.

1. rows by category, with noise of each hospital's own: categories that few have are merged;
2. Newton steps over exact sums, until the likelihood cannot be raised;
3. of a Cox regression, which is stratified by hospital: the test of proportional hazards.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
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
from cipherward.privacy.randomness import SYSTEM
from cipherward.study import Study
from cipherward.tasks import noise, regression_questions, regression_result, regression_settings, statistics
from cipherward.tasks.fixed_point import Scale
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import Layout
from cipherward.tasks.regression_questions import MEANING, OF_COX, TITLES
from cipherward.tasks.regression_terms import CompleteRows, Terms, merged_names
from cipherward.tasks.reservations import NOISE_GIVEN_UP
from cipherward.tasks.task import (
    ROWS,
    Model,
    Question,
    ResultTable,
    Sums,
    Task,
    Values,
    canonical,
)

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class RegressionState:
    """`weights` float64[p]: what the next sums are taken at; `rows`: all, those used, and of these those with the outcome, as the
    newest sum says; `hazards`: the opened sums of the test of proportional hazards."""

    terms: Terms | None = None
    scale: Scale = field(default_factory=lambda: Scale(1))
    weights: F64 = field(default_factory=lambda: np.zeros(0), repr=False)
    fit: Fit | None = None
    steps: int = 0
    rows: tuple[int, int, int] = (0, 0, 0)
    hazards: InTime | None = None


class Regression(Task[RegressionState]):
    """Counts by category, Newton steps, and the test of proportional hazards."""

    def __init__(self, study: Study, factory: Factory | None = None, first: Model | None = None) -> None:
        self._settings = regression_settings.parse(study)
        self._study = study

    def weights(self) -> str:
        return ROWS

    def weight_cut(self, state: RegressionState, at: HospitalWork) -> int | None:
        return None if state.terms is None else 0

    def first(self) -> RegressionState:
        return RegressionState()

    def ask(self, state: RegressionState) -> Question | None:
        study, chosen, purpose = self._study, self._settings, self._purpose(state)
        if purpose is None:
            return None
        asked = statistics.shared_parameters(study) | {"settings": chosen.model_dump(mode="json")}
        moved, p = None, len(state.weights)
        if purpose == "terms":
            segments, moved = regression_questions.of_terms(study, chosen)
        else:
            of = regression_questions.of_fit if purpose == "fit" else regression_questions.of_hazards
            segments = of(study, p)
        meaning = MEANING | (OF_COX if chosen.is_cox else {})
        names = tuple(column.name for column in study.columns)
        about = tuple(
            CompleteRows(None, outcome, columns=names) for outcome in ((None,) if chosen.is_linear else (0, 1))
        )
        layout = Layout(segments, study.bits)
        rest: dict[str, Any] = {"on_model": purpose != "terms", "sensitivity": moved, "about": about}
        return Question(purpose, TITLES[purpose], canonical(asked), layout, meaning, **rest)

    def answer(self, state: RegressionState, at: HospitalWork) -> Values:
        study, chosen = self._study, self._settings
        with at.timed("train"):
            if state.terms is None:
                found, dropped = regression_questions.counted(study, chosen, at.data, at.randomness)
                at.note("rows_not_counted", dropped)
                return found
            rows = regression_questions.rows_of(study, chosen, state.terms, at)
            if self._purpose(state) == "fit":
                return regression_questions.fitted(chosen, state.weights, state.scale, rows, at)
            return regression_questions.in_time(study, chosen, state.weights, state.scale, rows, at)

    def after(self, state: RegressionState, sums: Sums, n_contributors: int) -> RegressionState:
        if state.terms is None:
            return self._counted(sums, n_contributors)
        if self._purpose(state) == "fit":
            return self._stepped(state, *regression_questions.opened_fit(state.scale, sums))
        return dataclasses.replace(state, hazards=regression_questions.opened_hazards(state.scale, sums))

    def digest(self, state: RegressionState) -> bytes:
        facts = {
            "merged": state.terms.merged if state.terms else None,
            "scale": state.scale.most,
            "steps": state.steps,
            "rows": state.rows,
            "fit": [state.fit.loss.hex(), state.fit.step, state.fit.is_done] if state.fit else None,
        }
        found = hashlib.sha256(b"regression\x00" + json.dumps(facts, sort_keys=True).encode() + b"\x00")
        arrays = [state.weights]
        if state.fit:
            arrays += [state.fit.weights, state.fit.direction, state.fit.information]
        if state.hazards:
            arrays += [state.hazards.score, state.hazards.mixed, state.hazards.squared]
        for each in arrays:
            found.update(b"\x00" + np.ascontiguousarray(each, "<f8").tobytes())
        return found.digest()

    def result(self, state: RegressionState) -> Mapping[str, Any]:
        if state.fit is None or state.terms is None:
            raise DataError("the study has no estimates")
        chosen, (n_all, n, events) = self._settings, state.rows
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
            "terms": regression_result.estimates(chosen, state.terms, state.fit, n, self._range),
            **regression_result.of_fit(chosen, state.fit, n, events, self._range),
            "hazards": regression_result.hazards(state.terms, state.fit, state.hazards) if state.hazards else None,
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
        ended = ", converged" if state.fit and state.fit.has_converged else ""
        return f"step {state.steps}", f"{state.rows[1]:,} rows{ended}"

    def plan(self) -> Iterator[tuple[Question, int]]:
        first = self.first()
        terms = self._terms(())
        fitted = RegressionState(terms, Scale.of(1 << 20), np.zeros(len(terms.names)))
        states = [(first, 1), (fitted, self._settings.steps)]
        if self._settings.is_cox:
            p = len(terms.names)
            kept = np.ones(p, dtype=bool)
            done = Fit(fitted.weights, 0.0, np.eye(p), fitted.weights, kept, 0.0, is_done=True, has_converged=True)
            states.append((dataclasses.replace(fitted, fit=done), 1))
        for state, times in states:
            if question := self.ask(state):
                yield question, times

    def bears_noise(self, hospitals: Sequence[HospitalData]) -> bool:
        if not self._study.own_noise:
            return True
        frozen = self._study.with_overrides(noise=noise.stated(self._study, self))
        return self._n_counted(hospitals) >= self._rows_needed(frozen, len(hospitals))

    def patients_needed(self, n_contributors: int) -> int:
        return self._rows_needed(self._study, n_contributors) if self._study.own_noise else 0

    def check(self, hospitals: Sequence[HospitalData]) -> None:
        frozen = self._study
        if frozen.own_noise:
            frozen = frozen.with_overrides(noise=noise.stated(frozen, self))
        self._check_rows(frozen, self._n_counted(hospitals), len(hospitals))

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
        chosen, fit, weights = self._settings, None, np.zeros(len(terms.names))
        rows = [regression_questions.rows_of(self._study, chosen, terms, at) for at in hospitals]
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
        return "hazards" if self._settings.is_cox and at_end and state.hazards is None else None

    def _counted(self, sums: Sums, n_contributors: int) -> RegressionState:
        n_all, n, events = (int(value) for value in sums["rows"])
        self._check_rows(self._study, n, n_contributors)
        columns = regression_questions.inputs(self._study, self._settings)
        counts, stddev = np.asarray(sums.get("categories", np.zeros(0)), dtype=np.int64), 0.0
        if self._study.own_noise:
            stddev = self._stddevs(self._study, n_contributors).get("categories", 0.0)
        merged = rare_categories.merged(columns, counts, statistics.least_rows(self._study, stddev))
        terms = self._terms(merged)
        if not terms.names:
            raise DataError(
                "every category was merged, so no term is left", hint="ask more hospitals, or other columns"
            )
        self._check_outcomes(len(terms.names), n, events)
        return RegressionState(terms, Scale.of(n), np.zeros(len(terms.names)), rows=(n_all, n, events))

    def _check_outcomes(self, n_terms: int, n: int, events: int) -> None:
        """Estimates, and the sums that they follow from, are of enough rows with the outcome, and (but for events in time) without."""
        if self._settings.is_linear:
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

    def _stepped(self, state: RegressionState, rows: tuple[int, int, int], found: StepSums) -> RegressionState:
        fit = likelihood.advance(state.fit, state.weights, found)
        return dataclasses.replace(state, fit=fit, weights=fit.next_weights, steps=state.steps + 1, rows=rows)

    def _terms(self, merged: rare_categories.Merged) -> Terms:
        chosen = self._settings
        columns = regression_questions.inputs(self._study, chosen)
        return Terms(columns, merged, tuple(sorted(chosen.reference.items())), has_intercept=not chosen.is_cox)

    def _n_counted(self, hospitals: Sequence[HospitalData]) -> int:
        found = [regression_questions.counted(self._study, self._settings, each, SYSTEM)[0] for each in hospitals]
        return sum(int(each["rows"][1]) for each in found)

    @cached_property
    def _question(self) -> Question | None:
        return self.ask(self.first())

    def _stddevs(self, study: Study, n_contributors: int) -> dict[str, float]:
        plan = noise.noise_of(study, self._question) if self._question else None
        return plan.stddevs(n_contributors) if plan else {}

    def _rows_needed(self, study: Study, n_contributors: int) -> int:
        return math.ceil(statistics.BEARABLE * self._stddevs(study, n_contributors).get("rows", 0.0))

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
