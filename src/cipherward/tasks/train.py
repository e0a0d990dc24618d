"""`train`: one model for an outcome. Column statistics; rounds of federated averaging, or Newton steps;
measurements."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data.imputation import predicted
from cipherward.data.preprocess import Preprocessor, n_features
from cipherward.data.robust_constants import BINS
from cipherward.data.sources import HospitalData
from cipherward.errors import DataError
from cipherward.learning import averaging, models
from cipherward.learning.measured import Measured
from cipherward.learning.model_kind import Factory, Module
from cipherward.learning.outcome import Outcome
from cipherward.learning.outcomes import outcome_of
from cipherward.learning.server import Moments
from cipherward.privacy.accounting import Event
from cipherward.study import Study
from cipherward.tasks import class_weights as weighing
from cipherward.tasks import (
    examples,
    imputation,
    measurement,
    newton,
    noise,
    preparing,
    reservations,
    rounds,
    statistics,
    yardsticks,
)
from cipherward.tasks.evaluation_tables import tables as worth
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import Layout
from cipherward.tasks.row_groups import RowGroup
from cipherward.tasks.rows import TRAIN, check_classes, n_rows_at
from cipherward.tasks.sent_update import SentUpdate, is_nearly_a_sum, sent_update
from cipherward.tasks.settings import refuse_all
from cipherward.tasks.task import (
    ROWS,
    Model,
    Question,
    ResultTable,
    Sums,
    Task,
    Values,
    canonical,
    refuse_other_kinds,
)
from cipherward.tasks.train_state import TrainState

_TRAINED = RowGroup(TRAIN)


class Train(Task[TrainState]):
    """Federated averaging of a study's model."""

    is_comparable = True
    takes_arrays = True
    carries_over = True
    takes_imputation = True

    def __init__(self, study: Study, factory: Factory | None = None, first: Model | None = None) -> None:
        refuse_all(study)
        refuse_other_kinds(study)
        self._study, self._factory, self._given = study, factory, first
        self._of_study = outcome_of(study.data)
        self._carried = statistics.carried(study)
        self._adds_noise_shares = rounds.adds_noise_shares(study)

    @cached_property
    def _first(self) -> Model:
        if self._given:
            return self._given
        module = self._module()
        return Model(models.groups(module), models.flatten(module))

    def noisy_answers(self) -> int:
        return 0 if self._carried else preparing.noisy_sums(self._study)  # the sums of rounds are exact

    def exact_answers(self) -> int:
        return self._study.training.rounds + 1 + bool(self.predicted())

    def predicted(self) -> tuple[str, ...]:
        return predicted(self._study.columns)

    def measured_models(self) -> int:
        return 1 if self._adds_noise_shares else self._study.training.rounds + 1

    def bins(self) -> int:
        return BINS if self._study.training.is_robust and not self._study.own_noise else 0

    def first(self) -> TrainState:
        bound = rounds.first_bound(self._study, self._first)
        state = TrainState(self._first, (bound,) * len(self._first.groups))
        return self._scaled(state, self._carried) if self._carried else state

    def ask(self, state: TrainState) -> Question | None:
        study = self._study
        if before := preparing.question(study, state.model, state.parts):
            return before
        if state.final is not None:
            return None
        document = study.model_dump(mode="json", include={"training", "model", "privacy"})
        asked = statistics.shared_parameters(study) | {
            "bins": study.evaluation.bins,
            "group_rows": study.group_rows,
        }
        outcome = self._of_study
        bits, measured, tested = study.bits, measurement.segments(study, outcome), measurement.about(outcome)
        measures = measurement.meaning(study, outcome)
        if self._trained_out(state):
            return measurement.question(study, outcome, canonical(asked))
        asked |= {"training": document["training"], "model": document["model"], "bits": bits}
        if study.fits_by_newton:
            layout = Layout(newton.segments(study, len(state.model.weights), outcome) + measured, bits)
            meaning = {**newton.MEANING, **measures}
            return Question("train", newton.TITLE, canonical(asked), layout, meaning, about=(_TRAINED, *tested))
        if study.privacy:
            asked["privacy"] = document["privacy"]
        parts = rounds.update_segments(study, state.model, state.ranges)
        about: tuple[RowGroup, ...] = (_TRAINED,)
        if not self._adds_noise_shares:
            parts += rounds.weight_segments(study, state.model) + measured
            about += tested
        meaning = {**rounds.meaning(state.model), **measures}
        return Question("train", rounds.TITLE, canonical(asked), Layout(parts, bits), meaning, about=about)

    def answer(self, state: TrainState, at: HospitalWork) -> Values:
        study, model, outcome = self._study, state.model, self._outcome(state)
        if not preparing.is_done(study, model):
            return preparing.answer(study, model, state.parts, at)
        module = at.kept("module", self._module)
        if self._adds_noise_shares and not self._trained_out(state):
            half = Layout((), study.bits).half
            with at.timed("train"):
                return rounds.noisy_update(study, module, model, at, half, state.rounds_done + 1, outcome)
        with at.timed("evaluate"):
            measurement.check_not_picking(module, model, at, outcome)
            measured = measurement.answer(study, module, model, at, outcome)
        if self._trained_out(state):
            return measured
        if study.fits_by_newton:
            with at.timed("train"):
                return measured | newton.answer(model, at, outcome)
        with at.timed("train"):
            ranges, cap = state.ranges, state.weight_cap
            number = state.rounds_done + 1
            options = (ranges, cap, number, outcome, state.losses)
            return measured | rounds.weighted_update(study, module, model, at, *options)

    def weights(self) -> str:
        if self._study.fits_by_newton:
            return ROWS
        return "" if self._adds_noise_shares else self._study.training.weights

    def weight_cut(self, state: TrainState, at: HospitalWork) -> int | None:
        if not self.weights() or not self._is_round(state):
            return None
        if self._study.fits_by_newton:
            return 0
        return rounds.weight_cut(self._study, n_rows_at(at, TRAIN), state.weight_cap)

    def sums_inputs(self, state: TrainState, at: HospitalWork) -> bool:
        if not self._is_round(state):
            return preparing.sums_inputs(self._study, state.model)
        return self._study.fits_by_newton or is_nearly_a_sum(self._study, state.model, at)

    def sent(self, state: TrainState, at: HospitalWork, values: Values) -> SentUpdate | None:
        return sent_update(self._study, state, at, values)

    def cost(self, state: TrainState, at: HospitalWork) -> Event | None:
        return rounds.cost(self._study, state.model, at) if self._is_round(state) else None

    def base(self, state: TrainState) -> Sums:
        if not self._is_round(state) or self._study.fits_by_newton:
            return {}
        return rounds.by_tensor(state.model, state.model.weights)

    def after(self, state: TrainState, sums: Sums, n_contributors: int) -> TrainState:
        study = self._study
        if not preparing.is_done(study, state.model):
            scaling, parts = preparing.after(study, state.model, state.parts, sums, n_contributors)
            state = dataclasses.replace(state, parts=parts)
            return self._scaled(state, scaling) if scaling else state
        if self._trained_out(state):
            loss = (*state.losses, measurement.loss(sums, self._outcome(state)))
            return dataclasses.replace(state, final=self._measured(state, sums), measured=None, losses=loss)
        if study.fits_by_newton:
            return self._after_newton(state, sums)
        weights, moments = self._next_weights(state, sums, n_contributors)
        model, number = dataclasses.replace(state.model, weights=weights), state.rounds_done + 1
        moved = dataclasses.replace(state, model=model, rounds_done=number, moments=moments)
        if self._adds_noise_shares:
            return moved
        found = measurement.measured_in_brief(sums, self._outcome(state))
        return dataclasses.replace(
            moved,
            ranges=rounds.next_ranges(study, state.model, state.ranges, sums, n_contributors),
            losses=(*state.losses, measurement.loss(sums, self._outcome(state))),
            history=(*state.history, found.headline),
            measured=found,
        )

    def _next_weights(self, state: TrainState, sums: Sums, n: int) -> tuple[NDArray[np.float32], Moments | None]:
        return rounds.next_weights(self._study, state.model, sums, n, state.moments)

    def _after_newton(self, state: TrainState, sums: Sums) -> TrainState:
        """The sum of a step measures the weights that it was taken at: where these are the fit, nothing is left to
        ask."""
        fit = newton.advance(self._study, state.fit, state.model, sums, self._outcome(state))
        losses = (*state.losses, measurement.loss(sums, self._outcome(state)))
        if fit.is_done and fit.weights is state.model.weights:
            return dataclasses.replace(state, fit=fit, final=self._measured(state, sums), measured=None, losses=losses)
        found = measurement.measured_in_brief(sums, self._outcome(state))
        return dataclasses.replace(
            state,
            fit=fit,
            model=dataclasses.replace(state.model, weights=fit.next_weights),
            rounds_done=state.rounds_done + 1,
            losses=losses,
            history=(*state.history, found.headline),
            measured=found,
        )

    def digest(self, state: TrainState) -> bytes:
        return state.digest()

    def result(self, state: TrainState) -> Mapping[str, Any]:
        final = state.final
        if final is None:
            raise DataError("the study has no final evaluation")
        before: list[float | None] = [None] * state.rounds_done if self._adds_noise_shares else [*state.history]
        return {
            "n_train_rows": state.model.scaling.n_rows,
            "n_test_rows": final.n,
            **preparing.facts(self._study, state.model, state.parts),
            "rounds": state.rounds_done,
            "converged_early": state.rounds_done < self._study.training.rounds,
            **self._of_study.facts,
            **weighing.facts(self._study, state.model.preprocessor),
            f"{self._of_study.key}_federated": final.headline,
            f"{self._of_study.key}_by_round": [*before, final.headline],
            "validation_loss_by_round": [measurement.stated(loss) for loss in state.losses],
            "federated": dataclasses.asdict(final),
        }

    def tables(self, result: Mapping[str, Any]) -> tuple[ResultTable, ...]:
        return (*imputation.tables(result), *worth(result["federated"]))

    def warnings(self, result: Mapping[str, Any]) -> tuple[str, ...]:
        study = self._study
        said = reservations.of(result, self._of_study, study.training, is_fitted=study.fits_by_newton)
        return (*reservations.of_study(study), *imputation.warnings(result), *said)

    def shown(self, state: TrainState) -> Mapping[str, Any]:
        found = state.final or state.measured
        return {
            "metrics_of_incoming_model": dataclasses.asdict(found) if found else None,
            "validation_loss": measurement.stated(state.losses[-1]) if found and state.losses else None,
        }

    def so_far(self, state: TrainState) -> Mapping[str, Any]:
        return {"rounds": state.rounds_done, f"{self._of_study.key}_by_round": list(state.history)}

    def words(self, state: TrainState) -> tuple[str, str]:
        if not state.rounds_done:
            return preparing.words(state.model, state.parts)
        found = state.final or state.measured
        loss = "validation loss" if state.final else "loss"  # of training a line has to fit 80 columns
        figures = f"{self._of_study.title} {found.headline:.4f}, {loss} {state.losses[-1]:.4f}" if found else ""
        name, planned = "step" if self._study.fits_by_newton else "round", self._study.training.rounds
        if state.final:
            early = f", converged after {state.rounds_done} of {planned} {name}s" if state.rounds_done < planned else ""
            return "final model", figures + early
        return f"{name} {state.rounds_done:>2}/{planned}", f"before it {figures}" if figures else ""

    def model(self, state: TrainState) -> Model:
        return state.model

    def plan(self) -> Iterator[tuple[Question, int]]:
        first, n_rounds = self.first(), self._study.training.rounds
        known = preparing.planned(self._study, first.model)
        *before, fitted = (dataclasses.replace(first, model=model, parts=parts) for model, parts in known)
        last = dataclasses.replace(fitted, rounds_done=n_rounds)
        for state, times in (*((each, 1) for each in before), (fitted, n_rounds), (last, 1)):
            if question := self.ask(state):
                yield question, times

    def bears_noise(self, hospitals: Sequence[HospitalData]) -> bool:
        asks = self._study.own_noise and not self._carried
        needed = statistics.rows_needed(self._with_noise, len(hospitals)) if asks else 0
        return not needed or statistics.n_counted(self._study, hospitals) >= needed

    def bears_groups(self, hospitals: Sequence[HospitalData]) -> bool:
        return measurement.bears_groups(hospitals)

    @cached_property
    def _with_noise(self) -> Study:
        """The study as freezing makes it, as far as noise goes."""
        return noise.in_numbers(self._study, self)

    def patients_needed(self, n_contributors: int) -> int:
        data = self._study.data
        if self._carried:
            return 0
        share = 1.0 - data.test_fraction - data.validation_fraction  # patients are split, each with all rows
        return math.ceil(statistics.rows_needed(self._study, n_contributors) / share)

    def check(self, hospitals: Sequence[HospitalData]) -> None:
        rounds.check_module(self._study, self._module())
        check_classes(hospitals, self._study.group_rows, self._of_study)
        if self._study.own_noise and not self._carried:
            statistics.check_rows(self._with_noise, statistics.n_counted(self._study, hospitals), len(hospitals))

    def pooled(self, state: TrainState, hospitals: Sequence[HospitalWork], known: Any = None) -> Mapping[str, Any]:
        """The centralised and the local-only models, on the same test rows. `known`: `Yardsticks`, where there are
        some."""
        return yardsticks.beside(self._study, self._module(), self._first, state.model, hospitals, known)

    def own(self, state: TrainState, at: HospitalWork) -> Mapping[str, Any]:
        return yardsticks.own(self._study, at.kept("module", self._module), self._first, state.model, at)

    def examples(self, state: TrainState, at: HospitalWork, most: int) -> Sequence[Mapping[str, Any]]:
        module = at.kept("module", self._module)
        return examples.examples(self._study, module, state.model, at, self._outcome(state), most)

    def _is_round(self, state: TrainState) -> bool:
        return preparing.is_done(self._study, state.model) and not self._trained_out(state)

    def _outcome(self, state: TrainState) -> Outcome:
        """The study's type of outcome, as the statistics let it be known."""
        scaling = state.model.preprocessor
        return self._of_study if scaling is None else yardsticks.outcome_at(self._study, scaling)

    def _measured(self, state: TrainState, sums: Sums) -> Measured:
        return measurement.measured(sums, self._outcome(state))

    def _trained_out(self, state: TrainState) -> bool:
        settings, is_fitted = self._study.training, state.fit is not None and state.fit.is_done
        converged = averaging.has_converged(state.losses, settings.patience, settings.min_improvement)
        return converged or is_fitted or state.rounds_done >= settings.rounds

    def _scaled(self, state: TrainState, scaling: Preprocessor) -> TrainState:
        study = self._study
        # Update and weight share one lane range: the cap leaves room for a hospital of eight times the mean size.
        cap = float(study.aggregation.weight_cap) or 8.0 * scaling.n_rows / study.n_hospitals
        return dataclasses.replace(state, model=dataclasses.replace(state.model, preprocessor=scaling), weight_cap=cap)

    def _module(self) -> Module:
        study = self._study
        outputs = self._of_study.model_outputs
        n_inputs, shape = n_features(study.columns), study.input_shape
        return models.build(study.model, n_inputs, study.seed, self._factory, outputs, shape)
