"""Every type of outcome by the name that a study gives: a new one is a file and a line here. Types are imported when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cipherward import entries
from cipherward.errors import StudyError
from cipherward.learning import catalogue
from cipherward.learning.outcome import Outcome
from cipherward.study import Data, Study

OUTCOMES: dict[str, str | type[Outcome]] = {
    "binary": "cipherward.learning.outcome_binary:Binary",
    "multiclass": "cipherward.learning.outcome_multiclass:Multiclass",
    "ordinal": "cipherward.learning.outcome_ordinal:Ordinal",
    "continuous": "cipherward.learning.outcome_continuous:Continuous",
    "counts": "cipherward.learning.outcome_counts:CountedOutcome",
}
"""name -> "module:class", or the class itself."""

_DECLARED = {
    "sides": "data.positive, and no data.classes, data.outcome_minimum or data.outcome_maximum",
    "labels": "data.classes, and no data.positive, data.negative, data.outcome_minimum or data.outcome_maximum",
    "range": "data.outcome_minimum and data.outcome_maximum, and no data.positive, data.negative or data.classes",
    "whole": "data.outcome_maximum, and no data.outcome_minimum (which is 0), data.positive, data.negative or data.classes",
}


def outcome_of(data: Data, constants: Sequence[float] = ()) -> Outcome:
    """The type of outcome of a study's data.

    Args:
        constants: mean and standard deviation of an outcome that is a number, in units of its range, where they are known.

    Raises:
        StudyError: there is no such type.
    """
    return _class(data.outcome_type)(data).scaled(constants)


def title_of(name: str) -> str:
    """What the headline metric of a type of outcome is called."""
    return _class(name).title


def model_words(study: Study) -> str:
    """A study's model in words: a linear one by what it is for its type of outcome."""
    weights = study.training.class_weights
    how = weights if isinstance(weights, str) else ", ".join(f"{weight:g}" for weight in weights or ())
    return _words(study) + (f"; rows count by their outcome ({how})" if weights else "")


def _words(study: Study) -> str:
    if study.data.outcome_type in OUTCOMES and study.data.outcome_type != "binary" and study.model.is_linear:
        return _class(study.data.outcome_type).model_words
    return catalogue.describe(study.model)


def problems(data: Data) -> list[str]:
    """Everything that is wrong with what a study's `[data]` says of its outcome, each with its place."""
    if data.outcome_type not in OUTCOMES:
        return [f"data.outcome_type: {entries.unknown(OUTCOMES, data.outcome_type, 'type of outcome')}"]
    chosen = _class(data.outcome_type)
    if any(_strange(data, chosen.form)):
        return [f'data.outcome_type "{data.outcome_type}" declares its column by {_DECLARED[chosen.form]}']
    return chosen.problems(data)


def _class(name: str) -> type[Outcome]:
    if name not in OUTCOMES:
        raise StudyError(f"no type of outcome is called {name!r}", hint=f"types: {', '.join(sorted(OUTCOMES))}")
    return entries.load(OUTCOMES[name])


def _strange(data: Data, form: str) -> Iterator[bool]:
    is_sided = data.positive != type(data).model_fields["positive"].default or bool(data.negative)
    yield data.form != form
    yield form != "sides" and (is_sided or data.allow_single_class)
    yield form == "labels" and (data.outcome_minimum, data.outcome_maximum) != (None, None)
