"""What is asked before a model is trained: the sums by which its inputs are scaled, and missing numbers predicted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cipherward.data.imputation import predicted
from cipherward.data.preprocess import Preprocessor
from cipherward.study import Study
from cipherward.tasks import imputation, narrowing, statistics
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.narrowing import WHOLE, Parts
from cipherward.tasks.task import Model, Question, Sums, Values


def asks_ranges(study: Study, model: Model, parts: Parts | None) -> bool:
    """Whether the next sum says where values lie. `parts`: what it said."""
    return model.preprocessor is None and parts is None and narrowing.is_wanted(study)


def question(study: Study, model: Model, parts: Parts | None) -> Question | None:
    """The next of these sums; None when the model's inputs are known."""
    if asks_ranges(study, model, parts):
        return narrowing.question(study)
    if model.preprocessor is None:
        return statistics.question(_as_narrow(study, parts))
    return imputation.question(study, model) if imputation.is_wanted(study, model) else None


def is_done(study: Study, model: Model) -> bool:
    """Whether nothing more is asked before training."""
    return model.preprocessor is not None and not imputation.is_wanted(study, model)


def sums_inputs(study: Study, model: Model) -> bool:
    """Whether the next of these sums adds up inputs that are scaled already."""
    return model.preprocessor is not None and imputation.is_wanted(study, model)


def answer(study: Study, model: Model, parts: Parts | None, at: HospitalWork) -> Values:
    """One hospital's sums for the next question."""
    if model.preprocessor is not None:
        return imputation.answer(study, model, at.data, at.cell_min, at.cuts)
    if asks_ranges(study, model, parts):
        found, dropped = narrowing.answer(study, at.data, at.randomness)
    else:
        found, dropped = statistics.answer(_as_narrow(study, parts), at.data, at.randomness, at.cell_min)
    at.note("rows_not_counted", dropped)
    return found


def after(
    study: Study, model: Model, parts: Parts | None, sums: Sums, n_contributors: int
) -> tuple[Preprocessor | None, Parts | None]:
    """What is known of the inputs, and of where values lie, when the sums of the next question have been opened.
    Raises: as `statistics.fit`, `imputation.fit`, `narrowing.parts`."""
    if model.preprocessor is not None:
        return imputation.fit(study, model, sums), parts
    if asks_ranges(study, model, parts):
        return None, narrowing.parts(study, sums, n_contributors)
    found = statistics.fit(_as_narrow(study, parts), sums, n_contributors)
    return (narrowing.widened(study, parts, found) if parts else found), parts


def noisy_sums(study: Study) -> int:
    """How many of these sums carry noise, where the study has it."""
    return 1 + narrowing.is_wanted(study)


def facts(study: Study, model: Model, parts: Parts | None) -> Mapping[str, Any]:
    """What the result says of them."""
    found = model.preprocessor
    merged = found.merged if isinstance(found, Preprocessor) else ()
    narrow = {"narrowed": narrowing.facts(study, parts)} if parts else {}
    unmarked = found.unmarked if isinstance(found, Preprocessor) else None
    missing = {} if unmarked is None else {"missing_is_no_input": list(unmarked)}
    said = {"categories_merged": {name: dict(pairs) for name, pairs in merged}, **missing}
    return said | narrow | dict(imputation.facts(found))


def words(model: Model, parts: Parts | None) -> tuple[str, str]:
    """The newest of these sums for a person at a terminal."""
    if model.preprocessor is None:
        narrow = sum(each != WHOLE for each in parts or ())
        return "ranges", f"{narrow} of {len(parts or ())} columns fill a small part of theirs"
    if said := imputation.words(model.preprocessor):
        return "imputation", said
    return "statistics", f"{model.scaling.n_rows:,} training rows"


def planned(study: Study, model: Model) -> Iterator[tuple[Model, Parts | None]]:
    """The model and the parts of ranges before each of these sums, and after the last, as far as what is asked depends
    on it."""
    zeros = tuple(0.0 for column in study.columns if column.kind != "categorical")
    scaling, parts = Preprocessor(study.columns, zeros, tuple(1.0 for _ in zeros), 1, 1), None
    if model.preprocessor is None:
        if narrowing.is_wanted(study):
            yield model, None
            parts = (WHOLE,) * len(narrowing.columns_of(study))
        yield model, parts
        if predicted(study.columns):
            yield dataclasses.replace(model, preprocessor=scaling), parts
            scaling = imputation.planned(study, scaling)
    yield dataclasses.replace(model, preprocessor=scaling), parts


def pooled(study: Study, hospitals: Sequence[HospitalWork]) -> Preprocessor:
    """What is known of the inputs after these sums, added up in the clear and without noise.

    Raises:
        DataError: as `after`.
    """
    model, parts = Model((), np.zeros(0, dtype=np.float32)), None
    while not is_done(study, model):
        each = [answer(study, model, parts, at) for at in hospitals]
        sums = {name: np.stack([values[name] for values in each]).sum(axis=0) for name in each[0]}
        scaling, parts = after(study, model, parts, sums, len(hospitals))
        model = dataclasses.replace(model, preprocessor=scaling)
    if not isinstance(model.preprocessor, Preprocessor):
        raise TypeError("these sums give a scaling")
    return model.preprocessor


def _as_narrow(study: Study, parts: Parts | None) -> Study:
    return narrowing.narrowed(study, parts) if parts else study
