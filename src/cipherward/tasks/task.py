"""What a study asks: one secure sum after another. Pure, the same at every party, and ignorant of cryptography.

A *question* is one secure sum. A *task* is a state machine that asks one question after another: every party holds the
same state and applies the same rule to the same opened integers, so what follows is recomputed everywhere and trusted
nowhere. `tasks/catalogue.py` lists the tasks; nothing outside this package knows which there are.
"""

from __future__ import annotations

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from cipherward.data.inputs import Inputs
from cipherward.data.sources import HospitalData
from cipherward.errors import DataError, StudyError
from cipherward.learning import catalogue
from cipherward.learning.catalogue import kind_of
from cipherward.learning.drift import Histogram
from cipherward.privacy.accounting import Event
from cipherward.privacy.records import Sensitivity
from cipherward.study import Study
from cipherward.tasks.lanes import Layout
from cipherward.tasks.result_figures import Drawn
from cipherward.tasks.row_groups import RowGroup

if TYPE_CHECKING:
    from cipherward.tasks.hospital_work import HospitalWork
    from cipherward.tasks.sent_update import SentUpdate

Sums = Mapping[str, NDArray[Any]]
"""Segment name -> float64[size] or int64[size], see `Layout.decode`."""

Values = dict[str, NDArray[Any]]
S = TypeVar("S")


ROWS = "rows"
"""How sums weigh hospitals that add up over rows."""


@dataclass(frozen=True)
class Question:
    """One secure sum.

    Args:
        purpose: a short name, "statistics", "train"; it stands in every record of the sum.
        title: the same for a person who reviews the study.
        parameters: what is asked, in canonical bytes: equal questions have equal bytes, in any study.
        layout: names, sizes, ranges and limbs of the numbers that every hospital sends.
        meaning: for each segment, or for the part of its name before "/", the words of review and report.
        on_model: whether the state's digest is part of the question.
        sensitivity: how far one row can move the answer (`privacy.records` plans the noise from it); None: this answer
            cannot carry noise, so nothing is promised to a single patient.
        about: the groups of rows that it is about. A hospital with fewer than its `cell_min` rows in one of them
            declares so in its header, and does not count among those of its block that hide each other (disclosure
            rule 1).
        asked: roster indices of the hospitals whose contributions it adds; () for the whole roster.
    """

    purpose: str
    title: str
    parameters: bytes
    layout: Layout
    meaning: Mapping[str, str]
    on_model: bool = True
    sensitivity: Sensitivity | None = None
    about: tuple[RowGroup, ...] = (RowGroup(),)
    asked: tuple[int, ...] = ()

    def words(self, segment: str) -> str:
        """What a segment means."""
        return self.meaning.get(segment) or self.meaning[segment.split("/")[0]]


@dataclass(frozen=True)
class Model:
    """A model that predictions can be made with. `weights`: float32[n_parameters], in the order of `groups`."""

    groups: tuple[tuple[str, int], ...]
    weights: NDArray[np.float32] = field(repr=False)
    preprocessor: Inputs | None = None

    @property
    def scaling(self) -> Inputs:
        """The preprocessing, of a model that has it.

        Raises:
            DataError: the statistics that it follows from are not known yet.
        """
        if self.preprocessor is None:
            raise DataError("the preprocessing statistics are not known yet")
        return self.preprocessor


@dataclass(frozen=True)
class ResultTable:
    """A part of the result as a table for people: for terminal, report, and a CSV file called `name`."""

    name: str
    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def to_csv(self) -> str:
        """CSV text, the header first."""
        lines = io.StringIO(newline="")
        csv.writer(lines, lineterminator="\n").writerows([self.header, *self.rows])
        return lines.getvalue()


class Task(ABC, Generic[S]):
    """A pure state machine over frozen states `S`. What has a default here, a task may leave out."""

    is_comparable: ClassVar[bool] = False
    """Whether `cipherward compare` can run it beside central, local and private training of the same model."""
    takes_arrays: ClassVar[bool] = False
    """Whether it can ask about columns of images and series."""
    carries_over: ClassVar[bool] = False
    """Whether the task can begin from constants that an earlier study opened (`Study.carry_over`)."""
    takes_imputation: ClassVar[bool] = False
    """Whether columns may have `impute = "regression"`: the task predicts missing numbers, or shows how many there
    are."""

    @abstractmethod
    def first(self) -> S:
        """The state before the first sum."""

    @abstractmethod
    def ask(self, state: S) -> Question | None:
        """The next question; None when the task is done."""

    @abstractmethod
    def answer(self, state: S, at: HospitalWork) -> Values:
        """One hospital's values for the next question, named as in its layout. Called at that hospital only.

        Raises:
            DataError: these rows give no answer; nothing may be sent. UnfitUpdateError adds a reason for everybody.
        """

    @abstractmethod
    def after(self, state: S, sums: Sums, n_contributors: int) -> S:
        """The state after the next question's sum over `n_contributors` hospitals has been opened.

        Raises:
            ProtocolError: honest contributions never give such sums. DataError: nothing follows from them.
        """

    @abstractmethod
    def digest(self, state: S) -> bytes:
        """SHA-256 over everything that the next question, or what is made of the result, depends on; 32 bytes."""

    @abstractmethod
    def result(self, state: S) -> Mapping[str, Any]:
        """What result.json says, all of it recomputable from the opened sums. JSON values; asked when the task is
        done."""

    @abstractmethod
    def plan(self) -> Iterable[tuple[Question, int]]:
        """Every question that can be asked, and at most how often: for review, status and policy."""

    def noisy_answers(self) -> int:
        """How many of the task's answers can carry a hospital's own noise (`Question.sensitivity`), at most."""
        return sum(times for question, times in self.plan() if question.sensitivity)

    def exact_answers(self) -> int:
        """How many answers carry no noise of a hospital's own, at most, in a study that adds it where it can."""
        return sum(times for question, times in self.plan() if question.sensitivity is None)

    def measured_models(self) -> int:
        """How many models are measured, at most."""
        return 0

    def has_floors(self) -> bool:
        """Whether the least rows of what is counted by outcome are those that the task has by default, or more."""
        return True

    def bins(self) -> int:
        """Into how many bins an answer divides the range of a numeric column, at most; 0: into none."""
        return 0

    def groupings(self) -> Mapping[str, Sequence[float]]:
        """The columns by whose values rows are counted apart by outcome: of a numeric one where its bands begin; ()
        for categories."""
        return {}

    def predicted(self) -> tuple[str, ...]:
        """The columns whose missing numbers are predicted from sums over the rows that have a value of them."""
        return ()

    def weights(self) -> str:
        """How the task weighs hospitals' updates, and steps that follow from exact sums by outcome: "class", "equal",
        `ROWS`, or "" where it has none, or where they carry noise for all of it."""
        return ""

    def clip_norm(self) -> float:
        """To which L2 norm a hospital cuts its updates; 0: it does not."""
        return 0.0

    def sizing(self) -> Mapping[str, Any]:
        """Where it does, the settings on which the size of an update depends, as JSON values."""
        return {}

    def weight_cut(self, state: S, at: HospitalWork) -> int | None:
        """Of the next answer: at how many rows the weight of this hospital's update or step is cut off, 0 where it is
        not; None: it is neither."""
        return None

    def sums_inputs(self, state: S, at: HospitalWork) -> bool:
        """Whether the next answer adds up standardised inputs over rows, or their products, or is an update that is
        nearly such a sum: it cuts them at the same values in all studies (`parties.cut_inputs`)."""
        return False

    def sent(self, state: S, at: HospitalWork, values: Values) -> SentUpdate | None:
        """What a hospital's answer is as an update of the model; None: it is none, or nothing of it is cut at a
        range."""
        return None

    def cost(self, state: S, at: HospitalWork) -> Event | None:
        """What the next answer costs this hospital's privacy budget; None: an exact sum, which it does not cover."""
        return None

    def base(self, state: S) -> Sums:
        """Where a sum starts under a scheme that adds to something, by real segment; {}: zeros."""
        return {}

    def model(self, state: S) -> Model | None:
        """The model so far; None where the task makes none."""
        return None

    def shown(self, state: S) -> Mapping[str, Any]:
        """What the newest sum showed, as JSON values for rounds.jsonl."""
        return {}

    def so_far(self, state: S) -> Mapping[str, Any]:
        """What the report of a study that stopped says of the sums that were opened, as JSON values."""
        return {}

    def words(self, state: S) -> tuple[str, str]:
        """The newest sum for a person at a terminal: what it was, and what it showed."""
        return "sum", ""

    def bears_noise(self, hospitals: Sequence[HospitalData]) -> bool:
        """Whether these rows, all in one place, bear the noise of the study's answers."""
        return True

    def bears_groups(self, hospitals: Sequence[HospitalData]) -> bool:
        """Whether these rows, all in one place, are enough for scores to be counted in groups of rows."""
        return True

    def patients_needed(self, n_contributors: int) -> int:
        """Patients of all hospitals together below which the study's noise would spoil the answers; 0: however few."""
        return 0

    def check(self, hospitals: Sequence[HospitalData]) -> None:
        """What can be found wrong before anything runs, where all rows are in one place.

        Raises:
            DataError: the rows cannot give a result.
        """

    def tables(self, result: Mapping[str, Any]) -> tuple[ResultTable, ...]:
        """The result as tables; () where a model is the result.

        Args:
            result: what result.json holds.
        """
        return ()

    def histograms(self, state: S) -> Mapping[str, Histogram]:
        """Rows by value of each column, and under "" by outcome, as far as the task has opened them; asked when it is
        done."""
        return {}

    def figures(self, state: S) -> tuple[Drawn, ...]:
        """The result as figures for the report, asked when the task is done; () where it has none."""
        return ()

    def warnings(self, result: Mapping[str, Any]) -> tuple[str, ...]:
        """What makes the result less than it could be, in sentences that name the setting to change; () for nothing.

        Args:
            result: what result.json holds otherwise.
        """
        return ()

    def own(self, state: S, at: HospitalWork) -> Mapping[str, Any]:
        """What a hospital finds out for itself when the study has ended, as JSON values. It stays there."""
        return {}

    def examples(self, state: S, at: HospitalWork, most: int) -> Sequence[Mapping[str, Any]]:
        """At most so many of a hospital's test rows as pictures, for its own report, as JSON values. They stay
        there."""
        return ()

    def pooled(self, state: S, hospitals: Sequence[HospitalWork], known: Any = None) -> Mapping[str, Any]:
        """What only a simulation can add to result.json: the same computed from all rows in one place, by hospital, ...

        `known`: what the caller has computed already, see the task.
        """
        return {}


def canonical(parameters: Mapping[str, object]) -> bytes:
    """Parameters as canonical JSON."""
    return json.dumps(parameters, sort_keys=True, separators=(",", ":")).encode()


def limbs_for(bits_of_count: int, lane_bits: int) -> int:
    """How many lanes hold a count below 2^bits_of_count."""
    return -(-bits_of_count // lane_bits)


def refuse_other_kinds(study: Study) -> None:
    """For tasks that fit a model.

    Raises:
        StudyError: another task fits the study's kind of model, or it has no models of the study's type of outcome.
    """
    kind = kind_of(study.model)
    if kind.fitted_by != study.task:
        kinds = " or ".join(f'"{name}"' for name in catalogue.fitted_by(study.task))
        raise StudyError(
            f"task {study.task!r} does not fit a model of kind {study.model.kind!r}",
            hint=f'set model.kind = {kinds} for this task, or task = "{kind.fitted_by}" for this kind',
        )
    way_out = 'task = "train" with ' * (study.task != "train") + 'model.kind = "linear" or "mlp"'
    if study.data.form in ("range", "whole") and not kind.has_numbers:
        raise StudyError(
            f"a model of kind {study.model.kind!r} is for an outcome of classes; data.outcome_type is "
            f'"{study.data.outcome_type}"',
            hint=f"set {way_out}",
        )
    if study.data.outcome_type != "binary" and not kind.takes_outputs:
        raise StudyError(
            f"a model of kind {study.model.kind!r} is for a binary outcome; data.outcome_type is "
            f'"{study.data.outcome_type}"',
            hint=f"set {way_out}",
        )


def refuse_other_outcomes(study: Study, what: str = "") -> None:
    """For tasks of a binary outcome, and for `what` else there is for no other.

    Raises:
        StudyError: the study's outcome is of another type.
    """
    if study.data.outcome_type != "binary":
        raise StudyError(
            f'{what or f"task {study.task!r}"} is for a binary outcome; data.outcome_type is "{study.data.outcome_type}"',
            hint=("leave it out for this study" if what else 'set task = "train"') + ", or declare a binary outcome",
        )


def refuse_robust_scale(study: Study, *, takes_it: bool) -> None:
    """For `training.scale = "robust"`.

    Raises:
        StudyError: the task scales nothing, or the study has columns or an outcome that have no histogram.
    """
    if not takes_it:
        raise StudyError(f"task {study.task!r} scales no numbers", hint="remove training.scale from the study")
    if any(column.is_array for column in study.columns) or study.data.form in ("range", "whole"):
        raise StudyError(
            'training.scale "robust" is for columns of numbers and categories and an outcome of classes',
            hint='leave training.scale out: images, series and outcomes that are numbers have "standard"',
        )


def refuse_columns_apart(study: Study, what: str) -> None:
    """For what trains models of its own on all columns of a study.

    Raises:
        StudyError: some are no inputs.
    """
    if study.evaluation.apart:
        raise StudyError(
            f"{what} takes every column for an input, and {', '.join(sorted(study.evaluation.apart))} is for subgroups only",
            hint="leave evaluation.subgroups out of the study, or input = false",
        )


def refuse_settings(task: str, settings: Mapping[str, object]) -> None:
    """For tasks without settings of their own.

    Raises:
        StudyError: there are some.
    """
    if settings:
        raise StudyError(
            f"task {task!r} takes no [settings]: {', '.join(sorted(settings))}", hint="remove them from the study file"
        )
