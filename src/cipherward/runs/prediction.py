"""Local prediction: a table in, a probability per row out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cipherward.data.sources import load_table_for_prediction
from cipherward.errors import DataError
from cipherward.learning import sgd
from cipherward.learning.models import Module
from cipherward.runs import modelfile


def predict(path: Path, table: Path, *, module: Module | None = None) -> NDArray[np.float64]:
    """Probability of the study's outcome for each row of a CSV or Parquet file.

    Args:
        path: a run directory, or a model file.
        table: a file with the study's columns; others are ignored.
        module: the torch module of a study with model.kind "custom".

    Returns:
        float64[n_rows], in the file's row order.

    Raises:
        StorageError, DataError: the model or the table cannot be read, or columns are missing.
    """
    model = modelfile.load(path / "model.safetensors" if path.is_dir() else path)
    if model.preprocessor is None:
        raise DataError(
            f"{path} is an initial model without preprocessing", hint="use the model.safetensors of a finished run"
        )
    rows = load_table_for_prediction(table, model.study.columns)
    return sgd.scores(model.module(module), model.weights, model.preprocessor.transform(rows))


def to_csv(probabilities: NDArray[np.float64]) -> str:
    """CSV text: row number (from 0) and probability, nine significant digits."""
    lines = [f"{row},{probability:.9g}" for row, probability in enumerate(probabilities)]
    return "\n".join(["row,probability", *lines]) + "\n"
