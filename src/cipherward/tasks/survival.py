"""`survival`: Kaplan-Meier curves with intervals and a risk table, and the log-rank test, stratified by hospital.

1. rows by length of follow-up, without outcomes, with noise of each hospital's own: cells of time in which enough rows leave;
2. who leaves in these cells, exactly, and without outcomes;
3. events in a few wide cells, 4. and in as many as these allow: cells that hold too few are put together;
5. the curves, in cells with enough events; 6. the log-rank test.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data import rare_categories
from cipherward.data.sources import HospitalData
from cipherward.errors import DataError, ProtocolError
from cipherward.learning.model_kind import Factory
from cipherward.learning.survival import AtRisk
from cipherward.privacy.randomness import Randomness
from cipherward.study import Study
from cipherward.tasks import noise, statistics, survival_grid, survival_questions, survival_result, survival_settings
from cipherward.tasks.counted_task import CountedTask
from cipherward.tasks.fixed_point import Scale
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import Layout
from cipherward.tasks.regression_terms import CompleteRows, merged_names
from cipherward.tasks.reservations import NOISE_GIVEN_UP
from cipherward.tasks.result_figures import Curves
from cipherward.tasks.survival_questions import MEANING, PLACE, TITLES
from cipherward.tasks.survival_result import EVERYBODY
from cipherward.tasks.survival_state import Curve, Stage, SurvivalState
from cipherward.tasks.task import (
    Model,
    Question,
    ResultTable,
    Sums,
    Values,
    canonical,
    refuse_other_outcomes,
)

_BEARS = 100.0
"""Rows of a curve in standard deviations of the noise on the rows that leave in a step, from which on cells are about as many with noise
as without."""


class Survival(CountedTask[SurvivalState]):
    """Follow-up, who is at risk, events twice, curves, and the test."""

    def __init__(self, study: Study, factory: Factory | None = None, first: Model | None = None) -> None:
        refuse_other_outcomes(study)
        self._settings = survival_settings.parse(study)
        self._study = study

    def weight_cut(self, state: SurvivalState, at: HospitalWork) -> int | None:
        return None if state.stage in ("follow_up", "at_risk") else 0

    def first(self) -> SurvivalState:
        return SurvivalState()

    def ask(self, state: SurvivalState) -> Question | None:
        if state.stage == "done":
            return None
        study, chosen, moved = self._study, self._settings, None
        asked = statistics.shared_parameters(study) | {"settings": chosen.model_dump(mode="json"), "stage": state.stage}
        if state.stage == "follow_up":
            segments, moved = survival_questions.of_follow_up(study, chosen)
        else:
            segments = survival_questions.sums(study, self._sizes(state))
        names = (chosen.time, *([chosen.group] if chosen.group else []))
        is_counted = state.stage in ("follow_up", "at_risk")
        about = tuple(CompleteRows(None, outcome, columns=names) for outcome in ((None,) if is_counted else (0, 1)))
        purpose = "events" if state.stage in ("coarse", "fine") else state.stage
        layout = Layout(segments, study.bits)
        rest: dict[str, Any] = {"on_model": state.stage != "follow_up", "sensitivity": moved, "about": about}
        return Question(purpose, TITLES[purpose], canonical(asked), layout, MEANING, **rest)

    def answer(self, state: SurvivalState, at: HospitalWork) -> Values:
        study, chosen = self._study, self._settings
        survival_questions.check_cells(chosen, at)
        with at.timed("describe"):
            if state.stage == "follow_up":
                found, dropped = self._counts(at.data, at.randomness)
                at.note("rows_not_counted", dropped)
                return found
            rows = survival_questions.rows_of(study, chosen, state.merged, at)
            if state.stage == "at_risk":
                numbers = np.array([at.n_rows, len(rows.time)], dtype=np.int64)
                by_curve = np.bincount(rows.curve[rows.curve >= 0], minlength=len(state.curves)).astype(np.int64)
                left = survival_questions.left([curve.risk.ends for curve in state.curves], rows)
                return {"rows": np.concatenate([numbers, by_curve]), **left}
            if state.stage in ("coarse", "fine"):
                return {"events": survival_questions.events([curve.grid for curve in state.curves], rows)}
            if state.stage == "curve":
                return survival_questions.curves(state.curves, state.scale, rows)
            least = max(chosen.least, at.cell_min)
            return survival_questions.compared(least, len(state.curves), state.scale, rows)

    def after(self, state: SurvivalState, sums: Sums, n_contributors: int) -> SurvivalState:
        if state.stage == "follow_up":
            return self._followed(sums, n_contributors)
        if state.stage == "at_risk":
            return self._at_risk(state, sums)
        if state.stage in ("coarse", "fine"):
            return self._with_events(state, np.asarray(sums["events"], dtype=np.int64))
        n = state.used[1]
        if state.stage == "curve":
            steps, variances = (state.scale.real(sums[name], n) for name in ("curve/steps", "curve/variances"))
            curves, start = [], 0
            for curve in state.curves:
                part = slice(start, start + len(curve.ends))
                start += len(curve.ends)
                both = tuple(steps[part].tolist()), tuple(variances[part].tolist())
                curves.append(dataclasses.replace(curve, steps=both[0], variances=both[1]))
            stage: Stage = "log_rank" if len(curves) > 1 else "done"
            return dataclasses.replace(state, curves=tuple(curves), stage=stage)
        score, covariance = (state.scale.real(sums[f"log_rank/{name}"], n) for name in ("score", "covariance"))
        return dataclasses.replace(state, score=score, covariance=covariance, stage="done")

    def digest(self, state: SurvivalState) -> bytes:
        curves = [
            [
                each.name,
                each.rows,
                each.risk.rows,
                *each.ends,
                "",
                *each.events,
                "",
                *_hex(each.steps),
                *_hex(each.variances),
            ]
            for each in state.curves
        ]
        facts = {
            "stage": state.stage,
            "merged": state.merged,
            "scale": state.scale.most,
            "rows": state.rows,
            "used": state.used,
        }
        found = hashlib.sha256(b"survival\x00" + json.dumps(facts | {"curves": curves}, sort_keys=True).encode())
        arrays: list[NDArray[Any]] = [each for curve in state.curves for each in (curve.risk.ends, curve.risk.place)]
        arrays += [curve.risk.leaving.astype(np.float64) for curve in state.curves]
        arrays += [each for each in (state.score, state.covariance) if each is not None]
        for each in arrays:
            found.update(b"\x00" + np.ascontiguousarray(each, "<f8").tobytes())
        return found.digest()

    def result(self, state: SurvivalState) -> Mapping[str, Any]:
        chosen = self._settings
        return {
            "time": chosen.time,
            "group": chosen.group,
            "level": chosen.level,
            "least": chosen.least,
            "rows": state.used[1],
            "rows_left_out": state.used[0] - state.used[1],
            "categories_merged": merged_names(state.merged),
            "curves": [survival_result.of_curve(chosen, curve) for curve in state.curves],
            "log_rank": survival_result.of_test(state),
        }

    def tables(self, result: Mapping[str, Any]) -> tuple[ResultTable, ...]:
        return tuple(survival_result.tables(result))

    def figures(self, state: SurvivalState) -> tuple[Curves, ...]:
        return (survival_result.drawn(self._settings, state.curves, self._study),)

    def warnings(self, result: Mapping[str, Any]) -> tuple[str, ...]:
        given_up = (NOISE_GIVEN_UP,) if self._study.noise.given_up else ()
        return (*given_up, *survival_result.warnings(result))

    def words(self, state: SurvivalState) -> tuple[str, str]:
        curves = f"{len(state.curves)} curve{'s' if len(state.curves) > 1 else ''}"
        if state.stage == "at_risk":
            return "follow-up", f"about {state.rows[1]:,} rows with a value in every column"
        if state.stage == "coarse":
            return "at risk", f"{sum(len(curve.risk.ends) for curve in state.curves)} cells of time, {curves}"
        if state.stage in ("fine", "curve"):
            return "events", f"in {sum(len(curve.ends) for curve in state.curves)} cells"
        if state.score is None:
            return "curves", f"{sum(len(curve.steps) for curve in state.curves)} points, {curves}"
        return "log-rank test", ""

    def plan(self) -> Iterator[tuple[Question, int]]:
        for state, times in self._largest():
            if question := self.ask(state):
                yield question, times

    def bins(self) -> int:
        return len(survival_settings.ends(self._settings, survival_questions.longest(self._study, self._settings)))

    def pooled(self, state: SurvivalState, hospitals: Sequence[HospitalWork], known: Any = None) -> Mapping[str, Any]:
        """The largest difference of a point of a curve from that of all rows in one place."""
        rows = [survival_questions.rows_of(self._study, self._settings, state.merged, at) for at in hospitals]
        shown = [survival_result.of_curve(self._settings, curve)["points"] for curve in state.curves]
        return {"largest_difference": survival_questions.largest_difference(shown, rows)}

    def _sizes(self, state: SurvivalState) -> dict[str, int]:
        n = len(state.curves)
        if state.stage == "at_risk":
            cells = sum(len(curve.risk.ends) for curve in state.curves)
            return {"rows": 2 + n, "leaving": cells, "place": cells}
        cells = sum(len(curve.ends) for curve in state.curves)
        if state.stage in ("coarse", "fine"):
            return {"events": cells}
        if state.stage == "curve":
            return {"curve/steps": cells, "curve/variances": cells}
        return {"log_rank/score": n - 1, "log_rank/covariance": n * (n - 1) // 2}

    def _followed(self, sums: Sums, n_contributors: int) -> SurvivalState:
        study, chosen = self._study, self._settings
        n_all, n, events = (int(value) for value in sums["rows"])
        self._check_rows(study, n, n_contributors)
        sds = noise.stddevs(study, self, n_contributors)
        _, group = survival_questions.columns_of(study, chosen)
        merged: rare_categories.Merged = ()
        names, rows = [EVERYBODY], [n]
        counts = np.asarray(sums["follow_up"], dtype=np.int64).reshape(survival_questions.n_groups(study, chosen), -1)
        if group:
            of_groups = np.asarray(sums["groups"], dtype=np.int64)
            least = statistics.least_rows(study, sds.get("groups", 0.0))
            merged = rare_categories.merged([group], of_groups, least)
            gone = dict(dict(merged).get(group.name, ()))
            names = survival_questions.kept_groups(group, merged)
            places = [[i for i, each in enumerate(group.categories) if gone.get(each, each) == name] for name in names]
            rows = [int(of_groups[place].sum()) for place in places]
            counts = np.stack([counts[place].sum(axis=0) for place in places]) if names else counts[:0]
        if not names:
            raise DataError(
                f"every category of {chosen.group!r} was merged: too few rows of each",
                hint="group rows by another column",
            )
        steps = np.array(survival_settings.ends(chosen, survival_questions.longest(study, chosen)))
        curves = []
        for name, own, count in zip(names, rows, counts, strict=True):
            at = np.array(survival_grid.leaving(count, chosen.least, sds.get("follow_up", 0.0)), dtype=np.int64)
            grid = steps[at - 1]
            curves.append(Curve(name, own, AtRisk(grid, np.zeros(len(grid), np.int64), np.full(len(grid), 0.5), own)))
        if not any(len(curve.risk.ends) for curve in curves):
            raise DataError(
                f"too few rows of every group leave to count any by time (settings.least is {chosen.least})",
                hint="ask more hospitals, or lower settings.least",
            )
        return SurvivalState("at_risk", merged, Scale.of(n), (n_all, n, events), curves=tuple(curves))

    def _at_risk(self, state: SurvivalState, sums: Sums) -> SurvivalState:
        n_all, n, *by_curve = (int(value) for value in sums["rows"])
        if not 0 < n < state.scale.most or sum(by_curve) > n or n > n_all:
            raise ProtocolError(f"the opened rows at risk contradict each other: {n} rows")
        least, curves, start, total = self._settings.least, [], 0, max(state.rows[1], 1)
        for curve, rows in zip(state.curves, by_curve, strict=True):
            part = slice(start, start + len(curve.risk.ends))
            start += len(curve.risk.ends)
            leaving = np.asarray(sums["leaving"][part], dtype=np.int64)
            if int(leaving.sum()) > rows:
                raise ProtocolError("more rows leave than there are: a hospital has sent false counts")
            place = np.asarray(sums["place"][part], np.float64) / PLACE / np.maximum(leaving, 1)
            risk = survival_grid.watched(AtRisk(curve.risk.ends, leaving, place, rows), least)
            expected = max(state.rows[2], 0) * min(max(curve.rows, 0) / total, 1.0)
            ends = tuple(survival_grid.coarse(risk, expected, least))
            curves.append(dataclasses.replace(curve, risk=risk, ends=ends))
        found = dataclasses.replace(state, stage="coarse", used=(n_all, n), curves=tuple(curves))
        if not any(curve.ends for curve in curves):
            raise DataError(
                f"fewer than {2 * least} rows of every group are at risk when {least} have left",
                hint="ask more hospitals, or lower settings.least",
            )
        return found

    def _with_events(self, state: SurvivalState, events: NDArray[np.int64]) -> SurvivalState:
        least, start, curves = self._settings.least, 0, []
        for curve in state.curves:
            own = events[start : start + len(curve.ends)].tolist()
            start += len(curve.ends)
            leaving, first = curve.risk.leaving, 0
            for end, count in zip(curve.ends, own, strict=True):
                if count > int(leaving[first:end].sum()):
                    raise ProtocolError("more events than rows that leave: a hospital has sent false counts")
                first = end
            if state.stage == "coarse":
                ends = survival_grid.fine(curve.risk, curve.ends, own, least)
                curves.append(dataclasses.replace(curve, ends=tuple(ends)))
            else:
                ends, counts = survival_grid.released(curve.ends, own, least)
                curves.append(dataclasses.replace(curve, ends=tuple(ends), events=tuple(counts)))
        stage: Stage = "fine" if state.stage == "coarse" else "curve"
        if stage == "curve" and not any(curve.ends for curve in curves):
            raise DataError(
                f"no group has {least} events while enough rows are at risk",
                hint="ask more hospitals, or lower settings.least",
            )
        return dataclasses.replace(state, stage=stage, curves=tuple(curves))

    def _largest(self) -> Iterator[tuple[SurvivalState, int]]:
        yield self.first(), 1
        study, chosen = self._study, self._settings
        grid = np.array(survival_settings.ends(chosen, survival_questions.longest(study, chosen)))
        k, n = len(grid), survival_questions.n_groups(study, chosen)
        risk = AtRisk(grid, np.full(k, chosen.least, np.int64), np.full(k, 0.5), 1 << 20)
        curve = Curve(EVERYBODY, 1 << 20, risk, tuple(range(1, k + 1)))
        full = SurvivalState("at_risk", scale=Scale.of(1 << 20), curves=(curve,) * n)
        stages: tuple[Stage, ...] = ("at_risk", "coarse", "fine", "curve", *(("log_rank",) if n > 1 else ()))
        for stage in stages:
            yield dataclasses.replace(full, stage=stage), 1

    def _counts(self, data: HospitalData, randomness: Randomness) -> tuple[Values, int]:
        return survival_questions.counted(self._study, self._settings, data, randomness)

    def _rows_wanted(self, study: Study, n_contributors: int) -> int:
        groups = survival_questions.n_groups(study, self._settings)
        return math.ceil(_BEARS * groups * noise.stddevs(study, self, n_contributors).get("follow_up", 0.0))

    def _check_rows(self, study: Study, n_rows: int, n_contributors: int) -> None:
        needed = max(self._rows_needed(study, n_contributors), 2 * self._settings.least)
        if n_rows < needed:
            raise DataError(
                f"about {max(n_rows, 0):,} rows of all hospitals together have a value in every column; {needed:,} are needed",
                hint="ask more hospitals; or start a new study with a larger noise.epsilon, or with noise.enabled = false for exact counts, "
                "which promise no patient anything",
            )


def _hex(values: Sequence[float]) -> list[str]:
    return [value.hex() for value in values]
