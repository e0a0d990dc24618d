"""What a measurement says of a model, whatever its outcome."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Self

_NOTHING: dict[str, object] = {"roc": (), "decisions": (), "calibration_line": None}
"""The fields that only a figure of the final model needs, empty."""


@dataclass(frozen=True)
class Measured(ABC):
    """A model's metrics on `n` rows; each type of outcome derives its own."""

    n: int

    @property
    @abstractmethod
    def headline(self) -> float:
        """The metric that figures and comparisons show: more is better, 1 is perfect."""

    def without_curves(self) -> Self:
        """The same without what only a figure of the final model needs, so that the records of a long study stay small."""
        none: dict[str, Any] = {
            field.name: _NOTHING[field.name] for field in dataclasses.fields(self) if field.name in _NOTHING
        }
        return dataclasses.replace(self, **none)
