"""What turns a typed table into a model's inputs: scaled columns, or bins of columns."""

from __future__ import annotations

from typing import TypeAlias

from cipherward.data.coding import Coding
from cipherward.data.preprocess import Preprocessor

Inputs: TypeAlias = Preprocessor | Coding


def from_json(text: str) -> Inputs:
    """The inverse of either's `to_json`.

    Raises:
        DataError: neither wrote it.
    """
    return Coding.from_json(text) if '"binned":' in text else Preprocessor.from_json(text)
