"""What training refuses: rows that cannot be trained on, and weights that have diverged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import DataError, UnfitUpdateError

if TYPE_CHECKING:
    from cipherward.learning.outcome import Outcome


def rows(features: NDArray[Any], labels: NDArray[Any], outcome: Outcome) -> None:
    """Raise DataError unless these are finite float32[n, n_features] and labels of this type of outcome, and there are some."""
    if features.ndim != 2 or features.dtype != np.float32:
        raise DataError(f"training rows must be float32[n, n_features], not {features.dtype} {features.shape}")
    if labels.shape != (len(features),):
        raise DataError(f"training labels must be integers[{len(features)}], not {labels.dtype} {labels.shape}")
    if len(labels) == 0:
        raise DataError("there are no rows to train on; nothing is sent")
    if trouble := outcome.check(labels):
        raise DataError(trouble)
    if not np.isfinite(features).all():
        raise DataError("a training feature is NaN or infinite; nothing is sent")


def width(features: NDArray[Any], n_features: int) -> None:
    """Raise DataError where the rows have another width than the model: a kernel checks no bounds."""
    if features.ndim != 2 or features.shape[1] != n_features:
        raise DataError(f"the model takes rows of {n_features} features, not {features.shape}")


def finite(weights: NDArray[np.float32], groups: tuple[tuple[str, int], ...], epoch: int) -> None:
    """Raise UnfitUpdateError, naming the first tensor that is not finite after this epoch (from 0)."""
    if bool(np.isfinite(weights).all()):
        return
    parts = np.split(weights, np.cumsum([size for _, size in groups])[:-1])
    name = next(name for (name, _), part in zip(groups, parts, strict=True) if not np.isfinite(part).all())
    raise UnfitUpdateError(
        f"training diverged in local epoch {epoch + 1}: tensor {name!r} holds values that are not finite; "
        "nothing is sent",
        reason="training diverged: not finite",
        hint="lower training.learning_rate or training.momentum, and check the columns' ranges",
    )
