"""What a study's training rows count for by their outcome (`training.class_weights`): stated, or from the opened counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cipherward.data.inputs import Inputs
from cipherward.data.preprocess import Preprocessor
from cipherward.errors import DataError
from cipherward.learning.class_weights import balanced
from cipherward.study import Study


def problems(study: Study) -> Iterator[str]:
    """Where the setting does not fit the study."""
    stated = study.training.class_weights
    if stated is None:
        return
    if study.task != "train":
        yield f'training.class_weights: task {study.task!r} weighs no rows; it is for task "train"'
    elif study.data.form not in ("sides", "labels"):
        yield (
            "training.class_weights: the outcome has no classes to weigh; data.outcome_type is "
            f'"{study.data.outcome_type}"'
        )
    elif stated != "balanced":
        names = study.data.classes or ("another value", study.data.positive)
        if len(stated) != len(names):
            yield (
                f"training.class_weights: {len(names)} numbers are wanted, one for each of {', '.join(map(repr, names))} in this "
                f'order, or "balanced"; there are {len(stated)}'
            )


def of(study: Study, scaling: Preprocessor) -> tuple[float, ...]:
    """The weight of each class, in the order of `Outcome.classes`; (): rows count alike.

    Raises:
        DataError: no counts of classes are known.
    """
    stated = study.training.class_weights
    if stated is None:
        return ()
    if stated != "balanced":
        return stated
    if study.data.form == "sides":
        return balanced((scaling.n_rows - scaling.n_positive, scaling.n_positive))
    if len(scaling.class_rows) != len(study.data.classes):
        raise DataError(
            "how many training rows each class has is not known: the constants that are carried over do not say it",
            hint="state training.class_weights as numbers, or leave carry_over out",
        )
    return balanced(scaling.class_rows)


def facts(study: Study, scaling: Inputs | None) -> Mapping[str, Any]:
    """What result.json says of rows that do not count alike; of others nothing."""
    found = of(study, scaling) if isinstance(scaling, Preprocessor) else ()
    return {"class_weights": list(found)} if found else {}
