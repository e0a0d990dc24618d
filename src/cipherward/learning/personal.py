"""A shared model moved towards one hospital's own rows, as far as that hospital's validation rows bear it.

The model is trained on from the shared weights, and what is kept is a point on the way: shared + share x (trained - shared)
(interpolation of models: Mansour et al. 2020, section 5; Wortsman et al. 2022). The share with the lowest validation loss is
taken, and only if it gains more than one standard error (Hastie, Tibshirani and Friedman, section 7.10): on few rows nearly
everything that looks like a gain is chance. Nothing of this leaves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import CipherwardError
from cipherward.learning import sgd
from cipherward.learning.baselines import Rows
from cipherward.learning.devices import Device
from cipherward.learning.linear import Linear
from cipherward.learning.model_kind import Module
from cipherward.learning.outcome import Outcome
from cipherward.learning.outcome_binary import BINARY
from cipherward.learning.points import Points
from cipherward.study import Training

if TYPE_CHECKING:
    import torch

EPOCHS = 10
"""Of training on from the shared model."""
SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)

_LEAST = 1e-12  # a probability in a logarithm


@dataclass(frozen=True)
class Personal:
    """What became of the shared model at one hospital.

    `weights`: float32[n_parameters], the shared ones where `share` is 0; `share`: how far they were moved, 0 to 1; `gain`: by
    how much that lowers the mean validation loss, and `error` its standard error, nan where nothing was tried; `why_not`: why
    the shared model is kept, "" where it is not.
    """

    weights: NDArray[np.float32] = field(repr=False)
    share: float
    gain: float
    error: float
    why_not: str = ""


def personalise(
    module: Module,
    shared: NDArray[np.float32],
    train: Rows,
    validation: Rows,
    settings: Training,
    *,
    seed: Sequence[int],
    least: int,
    patients: NDArray[np.integer[Any]] | None = None,
    device: Device | torch.device = "cpu",
    outcome: Outcome = BINARY,
) -> Personal:
    """Fine-tune on one hospital's training rows.

    Args:
        module: from `models.build`; scratch.
        shared: float32[n_parameters], the shared model.
        train, validation: features and labels, as the module takes them.
        settings: minibatches and learning rate; the epochs are `EPOCHS`.
        least: validation rows with, and without, the outcome below which nothing is tried.
        outcome: a binary one, with what rows count for.
        patients: integers[n_validation_rows], the same for rows of one patient; None: each row is its own.
    """
    labels = validation[1]
    if min(int(labels.sum()), len(labels) - int(labels.sum())) < least:
        return _kept(shared, f"fewer than {least} validation rows with, or without, the outcome")
    chosen = settings.model_copy(update={"local_epochs": EPOCHS, "proximal": 0.0})
    try:
        trained = _trained(module, shared, train, chosen, seed, device, outcome)
        before = _losses(module, shared, validation, device, outcome)
        found = []
        for share in SHARES:
            weights = (shared + np.float32(share) * (trained - shared)).astype(np.float32)
            gain, error = _gain(before - _losses(module, weights, validation, device, outcome), patients)
            found.append(Personal(weights, share, gain, error))
    except CipherwardError as error:
        return _kept(shared, f"training on stopped: {error.message}")
    best = max(found, key=lambda each: each.gain)
    if best.gain > best.error:
        return best
    why = "no gain on validation rows" if best.gain <= 0 else "the gain on validation rows is within its error"
    return Personal(shared, 0.0, best.gain, best.error, why)


def _kept(shared: NDArray[np.float32], why: str) -> Personal:
    return Personal(shared, 0.0, math.nan, math.nan, why)


def _trained(
    module: Module,
    start: NDArray[np.float32],
    rows: Rows,
    settings: Training,
    seed: Sequence[int],
    device: Device | torch.device,
    outcome: Outcome,
) -> NDArray[np.float32]:
    features, labels = rows
    if isinstance(module, Points):  # places of bins: as inputs of 0 and 1 they are a logistic regression
        module, features = Linear(start), _indicators(features, len(start) - 1)
    return sgd.train(module, start, features, labels, settings, seed=seed, device=device, outcome=outcome)


def _indicators(places: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    found = np.zeros((len(places), n), dtype=np.float32)
    np.put_along_axis(found, places.astype(np.int64), 1.0, axis=1)
    return found


def _losses(
    module: Module, weights: NDArray[np.float32], rows: Rows, device: Device | torch.device, outcome: Outcome
) -> NDArray[np.float64]:
    """Cross-entropy of each row times what it counts for, float64[n]."""
    features, labels = rows
    scores = np.clip(sgd.scores(module, weights, features, device), _LEAST, 1.0 - _LEAST)
    return -np.where(labels == 1, np.log(scores), np.log1p(-scores)) * outcome.row_weights(labels)


def _gain(lower: NDArray[np.float64], patients: NDArray[np.integer[Any]] | None) -> tuple[float, float]:
    """Mean of how much lower each row's loss is, and its standard error, in which a patient's rows go together."""
    mean = float(lower.mean())
    apart = lower - mean
    if patients is not None:
        apart = np.bincount(np.unique(patients, return_inverse=True)[1], weights=apart).astype(np.float64)
    n = len(apart)
    return mean, math.sqrt(float((apart * apart).sum()) * n / max(n - 1, 1)) / len(lower)
