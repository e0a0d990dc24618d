"""`points`: a table of points for a binary outcome, from a handful of sums.

1. rows by fine value of each column, with noise of each hospital's own: what bins there are;
2. rows in every two bins: bins below the floor are put together, and so are cells of two columns;
3. rows with the outcome in each bin: the first Newton step, from counts alone;
4. for cells of every two columns what the model so far misses: the pairs that say most beyond their columns;
5. a Newton step over bins and cells of those pairs, and another while it pays; 6. how good the model is.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data import binning
from cipherward.data.coding import Coding, Pair
from cipherward.data.coding import n_values as values_of
from cipherward.errors import DataError, ProtocolError, StudyError
from cipherward.learning.model_kind import Factory
from cipherward.learning.outcome_binary import BINARY
from cipherward.learning.points import Points
from cipherward.study import Study
from cipherward.tasks import (
    evaluation_tables,
    fitted_yardsticks,
    measurement,
    points_fit,
    points_settings,
    points_tables,
    statistics,
)
from cipherward.tasks.binned_task import BinnedTask
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import Layout
from cipherward.tasks.points_questions import MEANING, TITLES, bounds, entries_of, segments, sums, values
from cipherward.tasks.points_state import PointsState, model_of
from cipherward.tasks.reservations import NOISE_GIVEN_UP, of_binned
from cipherward.tasks.row_groups import RowGroup, by_outcome
from cipherward.tasks.rows import TRAIN
from cipherward.tasks.task import (
    ROWS,
    Model,
    Question,
    ResultTable,
    Sums,
    Values,
    canonical,
    refuse_other_kinds,
)

_BETTER = (
    'a numeric column with few bins in points.csv needs a narrower range or transform = "log1p"; else raise settings.pairs, or try '
    'model.kind = "mlp" in task "train"'
)
_PAYS = 1e-5
"""A step that lowers the mean loss by less is the last."""


class PointsTask(BinnedTask[PointsState]):
    """Bins and their counts, the pairs, Newton steps, measurement."""

    def __init__(self, study: Study, factory: Factory | None = None, first: Model | None = None) -> None:
        refuse_other_kinds(study)
        if study.privacy:
            raise StudyError(
                "task 'points' has no [privacy] for its steps", hint="remove the section, or use task 'train'"
            )
        self._settings = points_settings.parse(study)
        self._study = study

    def weights(self) -> str:
        return ROWS

    def weight_cut(self, state: PointsState, at: HospitalWork) -> int | None:
        return 0 if state.stage in ("outcomes", "pairs", "fit") else None

    def first(self) -> PointsState:
        return PointsState(model_of(np.zeros(1, np.float32), None))

    def ask(self, state: PointsState) -> Question | None:
        if state.stage == "done":
            return None
        parameters = canonical(statistics.shared_parameters(self._study) | {"settings": self._settings.model_dump()})
        if state.stage == "evaluate":
            return measurement.question(self._study, BINARY, parameters)
        layout = Layout(tuple(segments(self._study, state)), self._study.bits)
        is_first = state.stage == "values"
        moved = self._sensitivity if is_first else None
        about = (RowGroup(TRAIN),) if state.stage in ("values", "counts") else by_outcome(BINARY, TRAIN)
        rest: dict[str, Any] = {"on_model": not is_first, "sensitivity": moved, "about": about}
        return Question(state.stage, TITLES[state.stage], parameters, layout, MEANING, **rest)

    def answer(self, state: PointsState, at: HospitalWork) -> Values:
        if state.stage in ("fit", "evaluate"):
            measurement.check_not_picking(Points(state.model.weights), state.model, at, BINARY)
        if state.stage == "evaluate":
            with at.timed("evaluate"):
                return measurement.answer(self._study, Points(state.model.weights), state.model, at, BINARY)
        with at.timed("train"):
            if state.stage == "values":
                found, dropped = values(self._study, at)
                at.note("rows_not_counted", dropped)
                return found
            return sums(state, at)

    def after(self, state: PointsState, sums: Sums, n_contributors: int) -> PointsState:
        if state.stage == "values":
            return self._binned(sums)
        if state.stage == "counts":
            return self._counted(state, sums)
        if state.stage == "outcomes":
            return self._first_step(state, sums)
        if state.stage == "pairs":
            return self._paired(state, sums)
        if state.stage == "fit":
            return self._stepped(state, sums)
        return dataclasses.replace(state, stage="done", final=BINARY.from_counts(sums), loss=measurement.loss(sums))

    def digest(self, state: PointsState) -> bytes:
        scaling = state.model.preprocessor
        facts = {
            "inputs": scaling.to_json() if scaling else None,
            "stage": state.stage,
            "steps": state.steps,
            "candidates": [[pair.first, pair.second, *pair.cells] for pair in state.candidates],
            "loss": state.loss.hex(),
        }
        found = hashlib.sha256(b"points\x00" + json.dumps(facts, sort_keys=True).encode() + b"\x00")
        found.update(np.ascontiguousarray(state.model.weights, "<f4").data)
        for counts in (state.rows, state.positive, state.joint.astype(np.int64)):
            found.update(b"\x00")
            found.update(np.ascontiguousarray(counts, "<i8").data)
        return found.digest()

    def result(self, state: PointsState) -> Mapping[str, Any]:
        final = state.final
        if final is None:
            raise DataError("the study has no final evaluation")
        return {
            "n_train_rows": state.coding.n_rows,
            "n_test_rows": final.n,
            "rounds": state.steps,
            "converged_early": state.steps < self._settings.steps,
            "auroc_federated": final.auroc,
            "auroc_by_round": [*[None] * state.steps, final.auroc],
            "validation_loss_by_round": [state.loss if np.isfinite(state.loss) else None],
            "federated": dataclasses.asdict(final),
            "points": points_tables.facts(state.coding, state.model.weights, state.rows, state.positive),
        }

    def tables(self, result: Mapping[str, Any]) -> tuple[ResultTable, ...]:
        return (*points_tables.tables(result["points"]), *evaluation_tables.tables(result["federated"]))

    def warnings(self, result: Mapping[str, Any]) -> tuple[str, ...]:
        given_up = (NOISE_GIVEN_UP,) if self._study.noise.given_up else ()
        names = {column.name for column in self._study.columns}
        unknown = [name for family in self._settings.families for name in family if name not in names]
        said = (f"settings.families names {name!r}, which is no column that was used" for name in unknown)
        return (*given_up, *said, *of_binned(result, _BETTER))

    def shown(self, state: PointsState) -> Mapping[str, Any]:
        return {
            "metrics_of_incoming_model": dataclasses.asdict(state.final) if state.final else None,
            "validation_loss": state.loss if state.final and np.isfinite(state.loss) else None,
        }

    def so_far(self, state: PointsState) -> Mapping[str, Any]:
        return {"rounds": state.steps, "auroc_by_round": []}

    def words(self, state: PointsState) -> tuple[str, str]:
        if state.final:
            return "final model", f"AUROC {state.final.auroc:.4f}   validation loss {state.loss:.4f}"
        coding = state.coding
        if state.stage == "counts":
            return "values", f"about {coding.n_rows:,} training rows{points_tables.many_pairs(coding.n_bins)}"
        if state.stage == "outcomes":
            return "bins", f"{coding.n_bins} bins of {len(coding.binned)} columns"
        if state.stage == "pairs":
            return "first step", f"{len(state.candidates)} pairs of columns to compare"
        if state.steps == 1:
            return "pairs", f"{len(coding.pairs)} pairs of columns, {coding.n_features - coding.n_bins} cells"
        return f"step {state.steps}", ""

    def model(self, state: PointsState) -> Model:
        return state.model

    def pooled(self, state: PointsState, hospitals: Sequence[HospitalWork], known: Any = None) -> Mapping[str, Any]:
        """The same rules over all rows in one place, and over each hospital's alone, on the same test rows."""
        return fitted_yardsticks.beside(self._exact, state.model, hospitals)

    def own(self, state: PointsState, at: HospitalWork) -> Mapping[str, Any]:
        return fitted_yardsticks.own(self._exact, state.model, at)

    @cached_property
    def _exact(self) -> PointsTask:
        return PointsTask(self._study.with_overrides(noise={"enabled": False}))

    def _binned(self, sums: Sums) -> PointsState:
        coding = binning.coding_of(self._study.columns, sums["rows"], sums["values"], self._settings.bins, self._floor)
        return PointsState(model_of(np.zeros(coding.n_features + 1, np.float32), coding), "counts")

    def _counted(self, state: PointsState, sums: Sums) -> PointsState:
        before = state.coding
        joint = entries_of(before).matrix(np.asarray(sums["joint"], dtype=np.float64))
        rows = np.diagonal(joint).astype(np.int64)
        of_columns = {int(rows[start : start + size].sum()) for start, size in before.terms}
        if len(of_columns) > 1:
            raise ProtocolError("the opened counts of bins contradict each other: a hospital has sent false ones")
        (n_rows,) = of_columns
        coding, rows = binning.with_floor(before, rows, self._floor(n_rows))
        joint = binning.rearranged(joint, before, coding)
        wide_floor = self._settings.coarse_rows or points_settings.default_coarse_rows(n_rows)
        binned = tuple(
            binning.widened(each, rows[start : start + size], self._settings.coarse_bins, wide_floor)
            for each, (start, size) in zip(coding.binned, coding.terms, strict=True)
        )
        coding = dataclasses.replace(coding, binned=binned)
        pairs, of_cells = self._candidates(coding, joint)
        model = model_of(np.zeros(coding.n_features + 1, np.float32), coding)
        return PointsState(model, "outcomes", 0, np.concatenate([rows, of_cells]), candidates=pairs, joint=joint)

    def _first_step(self, state: PointsState, sums: Sums) -> PointsState:
        positive = np.asarray(sums["positive"], dtype=np.int64)
        n_bins = state.coding.n_bins
        rows = state.rows[:n_bins]
        of_columns = {int(positive[start : start + size].sum()) for start, size in state.coding.terms}
        if len(of_columns) > 1 or (positive > rows).any():
            raise ProtocolError("the opened counts of outcomes contradict each other: a hospital has sent false ones")
        (n_positive,) = of_columns
        coding = dataclasses.replace(state.coding, n_positive=n_positive)
        chance = n_positive / coding.n_rows
        entries = entries_of(coding)
        weights = np.zeros(n_bins + 1, np.float32)
        weights[-1] = points_fit.log_odds(n_positive, coding.n_rows)
        curvature = state.joint[entries.there] * (chance * (1.0 - chance))
        error = rows.astype(np.float64) * chance - positive
        weights, _ = points_fit.step(weights, error, curvature, entries, points_fit.penalty(coding))
        found = dataclasses.replace(
            state, model=model_of(weights, coding), steps=1, positive=positive, joint=np.zeros((0, 0))
        )
        return dataclasses.replace(found, stage="pairs") if state.candidates else self._with_pairs(found, ())

    def _paired(self, state: PointsState, sums: Sums) -> PointsState:
        rows = state.rows[state.coding.n_bins :]
        gradient, curvature = (np.asarray(sums[name], np.float64) * rows for name in ("gradient", "curvature"))
        # A fixed-point sum of nearly nothing may be below it.
        curvature = np.maximum(curvature, 0.0)
        most = self._settings.pairs
        return self._with_pairs(state, points_fit.best_pairs(state.coding, state.candidates, gradient, curvature, most))

    def _with_pairs(self, state: PointsState, pairs: tuple[Pair, ...]) -> PointsState:
        n_bins, terms = state.coding.n_bins, state.compared.terms[len(state.coding.binned) :]
        chosen = {(pair.first, pair.second) for pair in pairs}
        of_cells = [
            state.rows[start : start + size]
            for pair, (start, size) in zip(state.candidates, terms, strict=True)
            if (pair.first, pair.second) in chosen
        ]
        coding = dataclasses.replace(state.coding, pairs=pairs)
        weights = state.model.weights
        cells = np.zeros(coding.n_features - n_bins, np.float32)
        return dataclasses.replace(
            state,
            model=model_of(np.concatenate([weights[:-1], cells, weights[-1:]]), coding),
            stage="fit" if self._settings.steps > 1 else "evaluate",
            rows=np.concatenate([state.rows[:n_bins], *of_cells]),
            candidates=(),
        )

    def _candidates(self, coding: Coding, joint: NDArray[np.float64]) -> tuple[tuple[Pair, ...], NDArray[np.int64]]:
        """Every pair of columns of different families with two cells or more, and the rows of their cells."""
        found, rows = [], [np.zeros(0, np.int64)]
        wide_counts = binning.wide_counts(coding, joint)
        for first, second in self._to_compare(coding):
            wide = wide_counts(first, second)
            pair = binning.cells_of(first, second, wide, self._settings.cell_rows)
            if pair:
                found.append(pair)
                rows.append(np.bincount(pair.cells, weights=wide.reshape(-1), minlength=pair.size).astype(np.int64))
        return tuple(found), np.concatenate(rows)

    def _to_compare(self, coding: Coding) -> Iterator[tuple[int, int]]:
        """Every two columns of different families."""
        family = {name: at for at, names in enumerate(self._settings.families) for name in names}
        names = [each.column.name for each in coding.binned]
        for first, second in itertools.combinations(range(len(names)) if self._settings.pairs else (), 2):
            if family.get(names[first], -1) != family.get(names[second], -2):
                yield first, second

    def _floor(self, n_rows: int) -> int:
        return self._settings.bin_rows or points_settings.default_bin_rows(n_rows)

    def _stepped(self, state: PointsState, sums: Sums) -> PointsState:
        coding = state.coding
        entries = entries_of(coding)
        gradient = np.asarray(sums["gradient"], np.float64) * state.rows
        curvature = np.asarray(sums["curvature"], np.float64) * bounds(state.rows, entries)
        weights, gain = points_fit.step(state.model.weights, gradient, curvature, entries, points_fit.penalty(coding))
        steps = state.steps + 1
        is_last = steps >= self._settings.steps or gain < _PAYS * coding.n_rows
        return dataclasses.replace(
            state, model=model_of(weights, coding), steps=steps, stage="evaluate" if is_last else "fit"
        )

    def _largest(self) -> Iterator[tuple[PointsState, int]]:
        """The largest state before each question, and how often it can be asked."""
        yield self.first(), 1
        many = 1 << 20
        full = [
            binning.bins_of(column, np.full(values_of(column), many), self._settings.bins, 1)
            for column in self._study.columns
        ]
        coding = Coding(self._study.columns, tuple(each for each in full if each), (), many, many // 2)
        yield PointsState(model_of(np.zeros(coding.n_features + 1, np.float32), coding), "counts"), 1
        wide = tuple(
            binning.widened(each, np.full(each.size, many), self._settings.coarse_bins, 1) for each in coding.binned
        )
        coding = dataclasses.replace(coding, binned=wide)
        sizes = [each.coarse_size for each in coding.binned]
        candidates = tuple(
            Pair(first, second, tuple(range(sizes[first] * sizes[second])))
            for first, second in self._to_compare(coding)
            if sizes[first] * sizes[second] > 1
        )
        model = model_of(np.zeros(coding.n_features + 1, np.float32), coding)
        yield PointsState(model, "outcomes"), 1
        if candidates:
            yield PointsState(model, "pairs", candidates=candidates), 1
        largest = sorted(candidates, key=lambda pair: -pair.size)[: self._settings.pairs]
        coding = dataclasses.replace(coding, pairs=tuple(largest))
        model = model_of(np.zeros(coding.n_features + 1, np.float32), coding)
        if self._settings.steps > 1:
            yield PointsState(model, "fit", 1), self._settings.steps - 1
        yield PointsState(model, "evaluate", 1), 1
