"""One Newton step of a linear model as a question: every sum that the step needs, at the weights that all know."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cipherward.data.cuts import CLIP_STDDEV
from cipherward.errors import DataError, ProtocolError
from cipherward.learning import newton
from cipherward.learning.newton import Fit, Steps
from cipherward.learning.outcome import Outcome
from cipherward.study import Study
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.lanes import CountSegment
from cipherward.tasks.rows import TRAIN, rows_at
from cipherward.tasks.task import Model, Sums, Values, limbs_for

TITLE = "In each step of the fit"

MEANING = {
    "fit/rows": "how many training rows there are",
    "fit/loss": "the sum of the model's losses on training rows",
    "fit/gradient": "for each input: the sum over training rows of input x (predicted - actual outcome)",
    "fit/curvature": "for each pair of inputs: the sum over training rows of their product, weighted by how unsure the model "
    "is; at the first step these are counts of patients by pairs of categories. That a value is missing is an input, too, unless few "
    "training rows of all hospitals together lack it",
}

MOST_ROWS = 2**24
"""Rows of all hospitals together: sums of so many are exact in 53 bits."""

_SCALE = 2.0**28
_BITS = 53


def segments(study: Study, n_weights: int, outcome: Outcome) -> tuple[CountSegment, ...]:
    """Sums of terms in [-1, 1], moved by the number of rows so that none is negative, in steps of 2^-28."""
    limbs = limbs_for(_BITS, study.bits)
    first, second = outcome.steps.sizes(newton.n_inputs(n_weights, outcome.steps))
    sizes = {"rows": 1, "loss": 1, "gradient": first, "curvature": second}
    return tuple(CountSegment(f"fit/{name}", size, limbs) for name, size in sizes.items())


def answer(model: Model, at: HospitalWork, outcome: Outcome) -> Values:
    """One hospital's sums over its training rows.

    Raises:
        DataError: more rows than a sum has room for.
    """
    features, labels = rows_at(at, model.scaling, TRAIN)
    if len(labels) >= MOST_ROWS:
        raise DataError(
            f"{len(labels)} training rows: a Newton step sums at most {MOST_ROWS - 1}", hint='training.method = "sgd"'
        )
    found = outcome.steps.sums_at(model.weights, features, labels)
    first, second = _reach(len(model.weights), outcome.steps)
    parts = {"gradient": found.gradient / first, "curvature": found.curvature / second}
    parts["loss"] = np.array([found.loss / _most_loss(outcome.steps)])
    whole = {f"fit/{name}": np.rint((part + found.rows) * _SCALE).astype(np.int64) for name, part in parts.items()}
    return {"fit/rows": np.array([found.rows])} | whole


def advance(study: Study, before: Fit | None, model: Model, sums: Sums, outcome: Outcome) -> Fit:
    """The fit after an opened sum.

    Raises:
        ProtocolError: sums that no rows give.
    """
    n = int(sums["fit/rows"][0])
    if not 0 < n < MOST_ROWS:
        raise ProtocolError(f"the opened sums of a Newton step are of {n} rows")
    steps = outcome.steps
    first, second = _reach(len(model.weights), steps)
    terms = {name: sums[f"fit/{name}"].astype(np.float64) / _SCALE - n for name in ("loss", "gradient", "curvature")}
    found = newton.Sums(
        n, float(terms["loss"][0]) * _most_loss(steps), terms["gradient"] * first, terms["curvature"] * second
    )
    return newton.advance(before, model.weights, found, ridge(study, n), steps)


def ridge(study: Study, rows: int) -> float:
    """The penalty on squared weights, by a public rule."""
    return newton.default_ridge(rows, study.training.weight_decay)


def _reach(n_weights: int, steps: Steps) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How large a row's terms can be, of first and of second derivatives."""
    first, second = steps.reach(np.full(newton.n_inputs(n_weights, steps), CLIP_STDDEV))
    return first * steps.largest_weight, second * steps.largest_weight


def _most_loss(steps: Steps) -> float:
    return steps.most_loss * steps.largest_weight
