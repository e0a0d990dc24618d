"""`boost`: gradient-boosted trees for a binary outcome, a forest in each stage, grown level by level from histograms.

1. rows by fine value of each column, with noise of each hospital's own: what bins there are;
2. rows in each bin, and all rows with the outcome, exact: bins below the floor are put together;
3. for each stage and level: sums of first and second derivatives, and of rows, by bin in every open node of all trees of the stage; of two
   children the smaller one only, as the other follows; 4. how good the model is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from cipherward.data import binning
from cipherward.data.coding import Coding, n_values
from cipherward.data.forest import Forest, bins_of_rows, width_of
from cipherward.errors import DataError, ProtocolError, StudyError
from cipherward.learning.model_kind import Factory
from cipherward.learning.outcome_binary import BINARY
from cipherward.learning.points import Points
from cipherward.study import Study
from cipherward.tasks import (
    boost_fit,
    boost_questions,
    boost_settings,
    boost_tables,
    evaluation_tables,
    fitted_yardsticks,
    measurement,
    points_fit,
    points_questions,
    statistics,
)
from cipherward.tasks.binned_task import BinnedTask
from cipherward.tasks.boost_state import BoostState, Growing, model_of
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import Layout
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


class Boost(BinnedTask[BoostState]):
    """Bins and their counts, the levels of each stage, measurement."""

    def __init__(self, study: Study, factory: Factory | None = None, first: Model | None = None) -> None:
        refuse_other_kinds(study)
        if study.privacy:
            raise StudyError(
                "task 'boost' has no [privacy] for its histograms",
                hint="remove the section, or use task 'train'; docs/security.md says what histograms show",
            )
        self._settings = boost_settings.parse(study)
        self._study = study

    def weights(self) -> str:
        return ROWS

    def weight_cut(self, state: BoostState, at: HospitalWork) -> int | None:
        return 0 if state.stage in ("counts", "grow") else None

    def first(self) -> BoostState:
        return BoostState(model_of(np.zeros(0, np.float32), 0.0, None))

    def ask(self, state: BoostState) -> Question | None:
        if state.stage == "done":
            return None
        shared = statistics.shared_parameters(self._study) | {"settings": self._settings.model_dump()}
        if state.stage == "evaluate":
            return measurement.question(self._study, BINARY, canonical(shared))
        layout = Layout(tuple(boost_questions.segments(self._study, state)), self._study.bits)
        is_first, grows = state.stage == "values", state.stage == "grow"
        parameters = canonical(shared | ({"unit": boost_questions.UNIT} if grows else {}))
        title = (
            boost_questions.title(state.grown.level, self._settings) if grows else boost_questions.TITLES[state.stage]
        )
        rest: dict[str, Any] = {
            "on_model": not is_first,
            "sensitivity": self._sensitivity if is_first else None,
            "about": by_outcome(BINARY, TRAIN) if grows else (RowGroup(TRAIN),),
        }
        return Question(state.stage, title, parameters, layout, boost_questions.MEANING, **rest)

    def answer(self, state: BoostState, at: HospitalWork) -> Values:
        if state.stage == "evaluate":
            measurement.check_not_picking(Points(state.model.weights), state.model, at, BINARY)
            with at.timed("evaluate"):
                return measurement.answer(self._study, Points(state.model.weights), state.model, at, BINARY)
        with at.timed("train"):
            if state.stage == "values":
                found, dropped = points_questions.values(self._study, at)
                at.note("rows_not_counted", dropped)
                return found
            if state.stage == "counts":
                return boost_questions.inside(state, at)
            self._check_not_picking(state, at)
            return boost_questions.histograms(self._study, state, self._settings, at)

    def _check_not_picking(self, state: BoostState, at: HospitalWork) -> None:
        """Once for each stage, before anything is said of the trees so far."""
        if not at.cell_min or state.grown.level or not state.stages:
            return
        bins_of = at.kept(("bins of all rows", state.coding), lambda: bins_of_rows(state.coding, at.data.table))
        measurement.check_scores(boost_questions.scores(state.model, bins_of), at, BINARY)

    def after(self, state: BoostState, sums: Sums, n_contributors: int) -> BoostState:
        if state.stage == "values":
            return self._binned(sums)
        if state.stage == "counts":
            return self._counted(state, sums)
        if state.stage == "grow":
            return self._next(boost_fit.grown(state, boost_questions.opened(state, sums), self._settings))
        return dataclasses.replace(state, stage="done", final=BINARY.from_counts(sums), loss=measurement.loss(sums))

    def digest(self, state: BoostState) -> bytes:
        return state.digest()

    def result(self, state: BoostState) -> Mapping[str, Any]:
        final = state.final
        if final is None:
            raise DataError("the study has no final evaluation")
        return {
            "n_train_rows": state.coding.n_rows,
            "n_test_rows": final.n,
            "rounds": state.stages,
            "converged_early": state.stages < self._settings.stages,
            "auroc_federated": final.auroc,
            "auroc_by_round": [*[None] * state.stages, final.auroc],
            "validation_loss_by_round": [state.loss if np.isfinite(state.loss) else None],
            "federated": dataclasses.asdict(final),
            "boost": boost_tables.facts(state, self._settings),
        }

    def tables(self, result: Mapping[str, Any]) -> tuple[ResultTable, ...]:
        return (*boost_tables.tables(result["boost"]), *evaluation_tables.tables(result["federated"]))

    def warnings(self, result: Mapping[str, Any]) -> tuple[str, ...]:
        given_up = (NOISE_GIVEN_UP,) if self._study.noise.given_up else ()
        return (*given_up, *boost_tables.warnings(result["boost"]), *of_binned(result, boost_tables.BETTER))

    def shown(self, state: BoostState) -> Mapping[str, Any]:
        return {
            "metrics_of_incoming_model": dataclasses.asdict(state.final) if state.final else None,
            "validation_loss": state.loss if state.final and np.isfinite(state.loss) else None,
        }

    def so_far(self, state: BoostState) -> Mapping[str, Any]:
        return {"rounds": state.stages, "auroc_by_round": []}

    def _lower_floor(self) -> str:
        if not self._settings.floors:
            return "lower settings.leaf_rows"
        return "set settings.floors = false and lower settings.leaf_rows: every hospital's review says so, and its policy has to allow it"

    def words(self, state: BoostState) -> tuple[str, str]:
        if state.final:
            return "final model", f"AUROC {state.final.auroc:.4f}   validation loss {state.loss:.4f}"
        if state.stage == "counts":
            return "values", f"about {state.coding.n_rows:,} training rows"
        if state.growing and (state.stages or state.growing.level):
            done = f"{state.forest.n_trees:,} trees, {state.forest.n_features:,} leaves"
            return (
                f"stage {state.stages + 1}, level {state.growing.level}",
                f"{done}, {len(state.growing.open):,} open nodes",
            )
        if state.stage == "evaluate":
            return f"stage {state.stages}", f"{state.forest.n_trees:,} trees, {state.forest.n_features:,} leaves"
        return "bins", f"{state.coding.n_bins} bins of {len(state.coding.binned)} columns"

    def model(self, state: BoostState) -> Model:
        return state.model

    def has_floors(self) -> bool:
        return self._settings.floors

    def pooled(self, state: BoostState, hospitals: Sequence[HospitalWork], known: Any = None) -> Mapping[str, Any]:
        """The same rules over all rows in one place, and over each hospital's alone, on the same test rows."""
        return fitted_yardsticks.beside(self._exact, state.model, hospitals, self._alone)

    def own(self, state: BoostState, at: HospitalWork) -> Mapping[str, Any]:
        return fitted_yardsticks.own(self._alone, state.model, at)

    @cached_property
    def _exact(self) -> Boost:
        return Boost(self._study.with_overrides(noise={"enabled": False}))

    @cached_property
    def _alone(self) -> Boost:
        """What a hospital trains alone needs no floors: nothing of it leaves."""
        return Boost(self._exact._study.with_overrides(settings={"floors": False}))

    def _binned(self, sums: Sums) -> BoostState:
        coding = binning.coding_of(
            self._study.columns, sums["rows"], sums["values"], self._settings.bins, self._settings.bin_floor
        )
        return BoostState(model_of(np.zeros(0, np.float32), 0.0, Forest.empty(coding)), "counts")

    def _counted(self, state: BoostState, sums: Sums) -> BoostState:
        before = state.coding
        rows = np.asarray(sums["inside"], dtype=np.int64)
        of_columns = {int(rows[start : start + size].sum()) for start, size in before.terms}
        if len(of_columns) > 1:
            raise ProtocolError("the opened counts of bins contradict each other: a hospital has sent false ones")
        coding, rows = binning.with_floor(before, rows, self._settings.bin_floor(of_columns.pop()))
        coding = dataclasses.replace(coding, n_positive=int(sums["positive"][0]))
        bias = points_fit.log_odds(coding.n_positive, coding.n_rows)
        n = len(coding.binned)
        found = BoostState(
            model_of(np.zeros(0, np.float32), bias, Forest.empty(coding)),
            "grow",
            rows,
            gain=np.zeros(n),
            splits=np.zeros(n, np.int64),
        )
        return dataclasses.replace(found, growing=boost_fit.begun(coding, self._settings, self._study.seed, 0))

    def _next(self, state: BoostState) -> BoostState:
        """The next stage where one is done and another follows."""
        if state.growing:
            return state
        said_nothing = not boost_fit.has_splits(state.forest, state.forest.n_trees - self._settings.trees)
        if said_nothing and state.forest.n_trees == self._settings.trees and not state.cut_short:
            floor = self._settings.leaf_floor(state.coding.n_rows)
            raise DataError(
                f"no tree can be grown: no column parts {floor} training rows of all hospitals together from {floor} others",
                hint=f'use task = "points", start a study with more rows, or {self._lower_floor()} (docs/study.md)',
            )
        if state.stages >= self._settings.stages or said_nothing:
            return dataclasses.replace(state, stage="evaluate")
        growing = boost_fit.begun(state.coding, self._settings, self._study.seed, state.stages)
        return dataclasses.replace(state, growing=growing)

    def _largest(self) -> Iterator[tuple[BoostState, int]]:
        """The largest state before each question, and how often it can be asked."""
        yield self.first(), 1
        many, settings = 1 << 20, self._settings
        full = [
            binning.bins_of(column, np.full(n_values(column), many), settings.bins, 1) for column in self._study.columns
        ]
        coding = Coding(self._study.columns, tuple(each for each in full if each), (), many, many // 2)
        model = model_of(np.zeros(0, np.float32), 0.0, Forest.empty(coding))
        yield BoostState(model, "counts"), 1
        state = BoostState(model, "grow", np.full(coding.n_features, many))
        widest = np.argsort([-each.size for each in coding.binned], kind="stable")
        drawn = np.sort(widest[: boost_fit.drawn_columns(coding, settings)])
        roots = boost_fit.roots_of(np.tile(drawn, (settings.trees, 1)).astype(np.int32), width_of(coding))
        for level in range(settings.max_depth):
            pairs = min(2 ** (level - 1), settings.max_leaves - level) if level else 1
            if pairs < 1:
                break
            yield dataclasses.replace(state, growing=_of_many(roots, level, pairs)), settings.stages
        yield BoostState(model, "evaluate"), 1


def _of_many(roots: Growing, level: int, pairs: int) -> Growing:
    """A stage at this level with so many nodes asked in each tree."""
    tree = np.repeat(np.arange(roots.n_trees, dtype=np.int32), pairs)
    rows = np.full(len(tree), 1 << 20)
    return dataclasses.replace(roots, tree=tree, rows=rows, level=level, asked=np.arange(len(tree), dtype=np.int32))
