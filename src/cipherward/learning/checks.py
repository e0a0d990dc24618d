"""What training refuses: rows that cannot be trained on, and weights that have diverged."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import DataError, UnfitUpdateError


def rows(features: NDArray[Any], labels: NDArray[Any]) -> None:
    """Raise DataError unless these are finite float32[n, n_features] and labels 0 or 1, and there are some."""
    if features.ndim != 2 or features.dtype != np.float32:
        raise DataError(f"training rows must be float32[n, n_features], not {features.dtype} {features.shape}")
    if labels.shape != (len(features),) or labels.dtype.kind not in "iu":
        raise DataError(f"training labels must be integers[{len(features)}], not {labels.dtype} {labels.shape}")
    if len(labels) == 0:
        raise DataError("there are no rows to train on; nothing is sent")
    if int(labels.min()) < 0 or int(labels.max()) > 1:
        raise DataError("training labels must be 0 or 1")
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
