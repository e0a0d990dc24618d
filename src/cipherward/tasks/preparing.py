"""What is asked before a model is trained: the sums by which its inputs are scaled, and missing numbers predicted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from cipherward.data.imputation import predicted
from cipherward.data.preprocess import Preprocessor
from cipherward.study import Study
from cipherward.tasks import imputation, statistics
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.task import Model, Question, Sums, Values


def question(study: Study, model: Model) -> Question | None:
    """The next of them; None when the model's inputs are known."""
    if model.preprocessor is None:
        return statistics.question(study)
    return imputation.question(study, model) if imputation.is_wanted(study, model) else None


def is_done(study: Study, model: Model) -> bool:
    """Whether nothing more is asked before training."""
    return model.preprocessor is not None and not imputation.is_wanted(study, model)


def answer(study: Study, model: Model, at: HospitalWork) -> Values:
    """One hospital's sums for the next question."""
    if model.preprocessor is not None:
        return imputation.answer(study, model, at.data, at.cell_min)
    found, dropped = statistics.answer(study, at.data, at.randomness, at.cell_min)
    at.note("rows_not_counted", dropped)
    return found


def after(study: Study, model: Model, sums: Sums, n_contributors: int) -> Preprocessor:
    """What is known of the inputs when the next question's sums have been opened. Raises: as `statistics.fit`, `imputation.fit`."""
    if model.preprocessor is not None:
        return imputation.fit(study, model, sums)
    return statistics.fit(study, sums, n_contributors)


def words(model: Model) -> tuple[str, str]:
    """The newest of these sums for a person at a terminal."""
    if said := imputation.words(model.preprocessor):
        return "imputation", said
    return "statistics", f"{model.scaling.n_rows:,} training rows"


def planned(study: Study, model: Model) -> Iterator[Model]:
    """The model before each of these sums, and the one after the last, as far as what is asked depends on it."""
    zeros = tuple(0.0 for column in study.columns if column.kind != "categorical")
    scaling = Preprocessor(study.columns, zeros, tuple(1.0 for _ in zeros), 1, 1)
    if model.preprocessor is None:
        yield model
        if predicted(study.columns):
            yield dataclasses.replace(model, preprocessor=scaling)
            scaling = imputation.planned(study, scaling)
    yield dataclasses.replace(model, preprocessor=scaling)
