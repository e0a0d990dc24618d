"""A task that fits a model, and then what `[evaluation]` asks beside its metrics: a threshold, prediction sets, subgroups.

After the task's own sums come at most two: how many hospitals have each subgroup; and for those that enough have, the histograms of its
scores, with those of the validation rows where prediction sets or a threshold for alerts are asked for.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data.small_counts import SMALL
from cipherward.data.sources import HospitalData
from cipherward.errors import StudyError
from cipherward.learning import models, sgd, worth
from cipherward.learning.drift import Histogram
from cipherward.learning.model_kind import Factory, Module
from cipherward.learning.outcome_binary import BINARY
from cipherward.learning.worth import Counted
from cipherward.privacy.accounting import Event
from cipherward.study import Study
from cipherward.tasks import measurement, statistics, subgroup_tables, subgroups
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import Layout
from cipherward.tasks.result_figures import Drawn
from cipherward.tasks.row_groups import RowGroup, by_outcome
from cipherward.tasks.rows import TEST, VALIDATION, rows_at
from cipherward.tasks.sent_update import SentUpdate
from cipherward.tasks.subgroups import Grouping, Kept
from cipherward.tasks.task import (
    Model,
    Question,
    ResultTable,
    Sums,
    Task,
    Values,
    canonical,
    refuse_other_outcomes,
)


@dataclass(frozen=True)
class EvaluatedState:
    """`inner`: of the task itself. `everybody`: the newest opened histograms of all test rows. `hospitals`: by grouping and subgroup, how many
    have it, and at the end rows in none; None before it was asked. `found`: by grouping, of each subgroup that was opened; `validation`: likewise of the
    validation rows; None before they were asked."""

    inner: Any
    everybody: Counted | None = None
    hospitals: tuple[tuple[int, ...], ...] | None = None
    found: tuple[tuple[Counted, ...], ...] | None = None
    validation: Counted | None = None


class Evaluated(Task[EvaluatedState]):
    """`task`, and then its model for subgroups."""

    def __init__(self, task: Task[Any], study: Study, factory: Factory | None = None) -> None:
        refuse_other_outcomes(study, "evaluation.threshold, alerts, coverage or subgroups")
        if not task.measured_models():
            raise StudyError(
                f"task {study.task!r} makes no model: there is nothing to measure by [evaluation]",
                hint="remove threshold, alerts, coverage and subgroups from the study",
            )
        self._task, self._study, self._factory = task, study, factory
        self._asked = study.evaluation
        self._seen = study.without_columns(study.evaluation.apart)
        self._groupings = subgroups.groupings(study)
        self.is_comparable, self.takes_arrays, self.carries_over, self.takes_imputation = (  # type: ignore[misc]
            task.is_comparable, task.takes_arrays, task.carries_over, task.takes_imputation,
        )  # fmt: skip

    # The questions of its own.

    def first(self) -> EvaluatedState:
        return EvaluatedState(self._task.first())

    def ask(self, state: EvaluatedState) -> Question | None:
        question = self._task.ask(state.inner)
        purpose = None if question else self._purpose(state)
        if purpose is None:
            return question
        document = self._study.model_dump(mode="json")["evaluation"]
        asked = statistics.shared_parameters(self._study) | {
            "evaluation": document,
            "group_rows": self._study.group_rows,
        }
        return self._question(purpose, self._kept(state), canonical(asked))

    def answer(self, state: EvaluatedState, at: HospitalWork) -> Values:
        if self._task.ask(state.inner) is not None:
            return self._task.answer(state.inner, at)
        with at.timed("evaluate"):
            if self._purpose(state) == "subgroup_sizes":
                return subgroups.sizes(self._study, self._groupings, at)
            model = self._task.model(state.inner)
            if model is None:
                raise StudyError("the study has no model to measure")
            module = self._module(model, at)
            measurement.check_not_picking(module, model, at, BINARY)
            test = self._scored(module, model, at, TEST)
            validation = self._scored(module, model, at, VALIDATION) if self._asked.asks_validation else None
            return subgroups.worth(self._study, self._groupings, self._kept(state), at, test, validation)

    def after(self, state: EvaluatedState, sums: Sums, n_contributors: int) -> EvaluatedState:
        if self._task.ask(state.inner) is not None:
            inner = self._task.after(state.inner, sums, n_contributors)
            everybody = state.everybody
            if "test/negative" in sums:
                everybody = subgroups.counted(sums, "test/")
            return dataclasses.replace(state, inner=inner, everybody=everybody)
        if self._purpose(state) == "subgroup_sizes":
            counts = iter(np.minimum(np.asarray(sums["hospitals"], dtype=np.int64), n_contributors).tolist())
            found = tuple(tuple(next(counts) for _ in (*each.levels, "none")) for each in self._groupings)
            return dataclasses.replace(state, hospitals=found)
        validation = None
        if self._asked.asks_validation:
            validation = subgroups.counted(sums, "validation/")
        return dataclasses.replace(state, found=subgroups.opened(self._kept(state), sums), validation=validation)

    def digest(self, state: EvaluatedState) -> bytes:
        counted = [each for of in state.found or () for each in of]
        counted += [each for each in (state.everybody, state.validation) if each]
        facts = [state.hospitals, state.found is not None, [[each.brier, each.log_loss] for each in counted]]
        found = hashlib.sha256(b"evaluated\x00" + self._task.digest(state.inner) + json.dumps(facts).encode())
        for each in counted:
            found.update(np.ascontiguousarray(np.stack([each.negative, each.positive]), "<i8").tobytes())
        return found.digest()

    def result(self, state: EvaluatedState) -> Mapping[str, Any]:
        asked, limits = self._asked, self._limits(state)
        threshold, bound = limits
        everybody = worth.facts(state.everybody, *limits) if state.everybody else {}
        groups = []
        for each, places, found in zip(self._groupings, self._kept(state), state.found or (), strict=False):
            for place, counted in zip(places, found, strict=True):
                of = worth.facts(counted, *limits)
                words = {"column": each.column.name, "level": each.levels[place]}
                worse = worth.worse(of, everybody, asked.coverage)
                groups.append(words | {"hospitals": self._hospitals(state, each, place), **of, "worse": worse})
        unopened = [
            {"column": each.column.name, "level": level, "hospitals": self._hospitals(state, each, place)}
            for each, places in zip(self._groupings, self._kept(state), strict=True)
            for place, level in enumerate(each.levels)
            if place not in places
        ]
        said = {
            "threshold": threshold,
            **({"alerts": asked.alerts} if asked.alerts else {}),
            "coverage": asked.coverage,
            "bound": bound if bound is None or np.isfinite(bound) else 1.0,
            "hospitals_needed": self._needed,
            "everybody": everybody,
            "groups": groups,
            "not_opened": unopened,
        }
        return {**self._task.result(state.inner), "worth": said}

    def tables(self, result: Mapping[str, Any]) -> tuple[ResultTable, ...]:
        return (*self._task.tables(result), *subgroup_tables.tables(result["worth"], result.get("at_hospitals", ())))

    def warnings(self, result: Mapping[str, Any]) -> tuple[str, ...]:
        return (*self._task.warnings(result), *subgroup_tables.warnings(result["worth"]))

    def words(self, state: EvaluatedState) -> tuple[str, str]:
        if state.found is not None:
            n = sum(map(len, state.found))
            return ("subgroups", f"{n} measured") if n else ("validation", "scores by outcome")
        if state.hospitals is not None:
            n, every = sum(map(len, self._kept(state))), sum(len(each.levels) for each in self._groupings)
            return "subgroups", f"{n} of {every} at enough hospitals"
        return self._task.words(state.inner)

    def shown(self, state: EvaluatedState) -> Mapping[str, Any]:
        is_own = state.hospitals is not None or state.found is not None
        return {"metrics_of_incoming_model": None} if is_own else self._task.shown(state.inner)

    def plan(self) -> Iterator[tuple[Question, int]]:
        yield from self._task.plan()
        yield from self._largest()

    def exact_answers(self) -> int:
        return self._task.exact_answers() + len(list(self._largest()))

    def pooled(self, state: EvaluatedState, hospitals: Sequence[HospitalWork], known: Any = None) -> Mapping[str, Any]:
        found = dict(self._task.pooled(state.inner, hospitals, known))
        limits = self._limits(state)
        return found | {"at_hospitals": [{"name": at.data.name} | self._own(state, at, limits) for at in hospitals]}

    def own(self, state: EvaluatedState, at: HospitalWork) -> Mapping[str, Any]:
        return {**self._task.own(state.inner, at), "worth": self._own(state, at, self._limits(state))}

    def _own(
        self, state: EvaluatedState, at: HospitalWork, limits: tuple[float | None, float | None]
    ) -> dict[str, Any]:
        """The same figures of one hospital's test rows, which stay there; their number alone where they are few."""
        model = self._task.model(state.inner)
        if model is None:
            return {}
        scores, labels = self._scored(self._module(model, at), model, at, TEST)
        if min(int(labels.sum()), len(labels) - int(labels.sum())) < SMALL:
            return {}
        counts = worth.counted(scores, labels, self._asked.bins)
        return worth.facts(counts, *limits)

    def _limits(self, state: EvaluatedState) -> tuple[float | None, float | None]:
        """The threshold of predicted risk, stated or found on validation rows, and `worth.strangeness`; None: not asked for."""
        asked, found = self._asked, state.validation
        if found is None:
            return asked.threshold, None
        rows = (found.negative, found.positive)
        return (
            worth.alert_threshold(*rows, asked.alerts) if asked.alerts else asked.threshold,
            worth.strangeness(*rows, asked.coverage) if asked.coverage else None,
        )

    def _purpose(self, state: EvaluatedState) -> str | None:
        if self._groupings and state.hospitals is None:
            return "subgroup_sizes"
        is_asked = self._asked.asks_validation or any(self._kept(state))
        return "subgroups" if is_asked and state.found is None else None

    @property
    def _needed(self) -> int:
        """Hospitals that a subgroup has to be at: as many as stand in a sum at least."""
        return self._study.thresholds.min_contributors

    def _kept(self, state: EvaluatedState) -> Kept:
        return subgroups.enough(state.hospitals or (), self._needed) or ((),) * len(self._groupings)

    def _hospitals(self, state: EvaluatedState, grouping: Grouping, place: int) -> int:
        return (state.hospitals or ())[self._groupings.index(grouping)][place]

    def _largest(self) -> Iterator[tuple[Question, int]]:
        every = tuple(tuple(range(len(each.levels))) for each in self._groupings)
        purposes = (["subgroup_sizes"] if every else []) + (
            ["subgroups"] if every or self._asked.asks_validation else []
        )
        yield from ((self._question(purpose, every, b""), 1) for purpose in purposes)

    def _question(self, purpose: str, kept: Kept, parameters: bytes) -> Question:
        study, with_validation = self._study, self._asked.asks_validation
        if purpose == "subgroup_sizes":
            segments = subgroups.of_sizes(study, self._groupings)
        else:
            segments = subgroups.of_worth(study, kept, with_validation=with_validation)
        layout, means = Layout(segments, study.bits), subgroups.meaning(segments)
        return Question(purpose, subgroups.TITLES[purpose], parameters, layout, means, about=self._about(purpose))

    def _about(self, purpose: str) -> tuple[RowGroup, ...]:
        """Validation rows are told apart by outcome where their scores are."""
        counts_validation = purpose == "subgroups" and self._asked.asks_validation
        return (*measurement.about(BINARY), *(by_outcome(BINARY, VALIDATION) if counts_validation else ()))

    def _module(self, model: Model, at: HospitalWork) -> Module:
        study = self._study

        def made() -> Module:
            return models.build(
                study.model, model.scaling.n_features, study.seed, self._factory, None, self._seen.input_shape
            )

        return at.kept("module to measure", made)

    def _scored(
        self, module: Module, model: Model, at: HospitalWork, part: int
    ) -> tuple[NDArray[np.float64], NDArray[Any]]:
        features, labels = rows_at(at, model.scaling, part)
        return sgd.scores(module, model.weights, features, at.device, BINARY), labels

    # What is the task's own.

    def noisy_answers(self) -> int:
        return self._task.noisy_answers()

    def measured_models(self) -> int:
        return self._task.measured_models()

    def has_floors(self) -> bool:
        return self._task.has_floors()

    def bins(self) -> int:
        return self._task.bins()

    def groupings(self) -> Mapping[str, Sequence[float]]:
        return {each.column.name: each.edges for each in self._groupings}

    def predicted(self) -> tuple[str, ...]:
        return self._task.predicted()

    def weights(self) -> str:
        return self._task.weights()

    def clip_norm(self) -> float:
        return self._task.clip_norm()

    def sizing(self) -> Mapping[str, Any]:
        return self._task.sizing()

    def histograms(self, state: EvaluatedState) -> Mapping[str, Histogram]:
        return self._task.histograms(state.inner)

    def examples(self, state: EvaluatedState, at: HospitalWork, most: int) -> Sequence[Mapping[str, Any]]:
        return self._task.examples(state.inner, at, most)

    def weight_cut(self, state: EvaluatedState, at: HospitalWork) -> int | None:
        return self._task.weight_cut(state.inner, at) if self._is_inner(state) else None

    def sums_inputs(self, state: EvaluatedState, at: HospitalWork) -> bool:
        return self._is_inner(state) and self._task.sums_inputs(state.inner, at)

    def sent(self, state: EvaluatedState, at: HospitalWork, values: Values) -> SentUpdate | None:
        return self._task.sent(state.inner, at, values)

    def cost(self, state: EvaluatedState, at: HospitalWork) -> Event | None:
        return self._task.cost(state.inner, at) if self._is_inner(state) else None

    def base(self, state: EvaluatedState) -> Sums:
        return self._task.base(state.inner) if self._is_inner(state) else {}

    def model(self, state: EvaluatedState) -> Model | None:
        return self._task.model(state.inner)

    def figures(self, state: EvaluatedState) -> tuple[Drawn, ...]:
        return self._task.figures(state.inner)

    def so_far(self, state: EvaluatedState) -> Mapping[str, Any]:
        return self._task.so_far(state.inner)

    def bears_noise(self, hospitals: Sequence[HospitalData]) -> bool:
        return self._task.bears_noise(hospitals)

    def bears_groups(self, hospitals: Sequence[HospitalData]) -> bool:
        return self._task.bears_groups(hospitals)

    def patients_needed(self, n_contributors: int) -> int:
        return self._task.patients_needed(n_contributors)

    def check(self, hospitals: Sequence[HospitalData]) -> None:
        self._task.check(hospitals)

    def _is_inner(self, state: EvaluatedState) -> bool:
        return self._task.ask(state.inner) is not None
