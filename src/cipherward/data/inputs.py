"""What turns a typed table into a model's inputs: scaled columns, bins of columns, or leaves of trees over such bins."""

from __future__ import annotations

from typing import TypeAlias

from cipherward.data.coding import Coding
from cipherward.data.forest import Forest
from cipherward.data.preprocess import Preprocessor

Inputs: TypeAlias = Preprocessor | Coding | Forest


def from_json(text: str) -> Inputs:
    """The inverse of either's `to_json`.

    Raises:
        DataError: none of them wrote it.
    """
    if '"roots":' in text:
        return Forest.from_json(text)
    return Coding.from_json(text) if '"binned":' in text else Preprocessor.from_json(text)
