"""What all parties know of a model that is trained, between two sums."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cipherward.learning.measured import Measured
from cipherward.learning.newton import Fit
from cipherward.learning.server import Moments
from cipherward.tasks.narrowing import Parts
from cipherward.tasks.task import Model


@dataclass(frozen=True)
class TrainState:
    """`ranges` holds one clipping bound per parameter tensor; `history` the headline metric of the model at the start
    of each round that opened, `losses` its validation loss: a round adds two numbers, so a long study stays small in
    memory.

    `measured`: what the newest sum measured of the model that came into it; None where it measured nothing. `fit`: of
    a model that is fitted by Newton steps, after the first of them. `moments`: of a server that keeps some
    (`training.server`). `parts`: of `narrowing`.
    """

    model: Model
    ranges: tuple[float, ...]
    weight_cap: float = 0.0
    rounds_done: int = 0
    losses: tuple[float, ...] = ()
    history: tuple[float, ...] = ()
    measured: Measured | None = None
    final: Measured | None = None
    fit: Fit | None = None
    moments: Moments | None = None
    parts: Parts | None = None

    def digest(self) -> bytes:
        """SHA-256 over everything that the next question or the result depends on; 32 bytes."""
        return self._digest

    @cached_property
    def _digest(self) -> bytes:
        scaling = self.model.preprocessor
        facts = {
            "preprocessor": scaling.to_json() if scaling else None,
            "ranges": [bound.hex() for bound in self.ranges],
            "weight_cap": float(self.weight_cap).hex(),
            "groups": self.model.groups,
            "losses": [loss.hex() for loss in self.losses],
            "rounds_done": self.rounds_done,
            "final": self.final is not None,
            "fit": [self.fit.objective.hex(), self.fit.step] if self.fit else None,
        } | ({"parts": self.parts} if self.parts else {})
        found = hashlib.sha256(b"train\x00" + json.dumps(facts, sort_keys=True).encode() + b"\x00")
        found.update(np.ascontiguousarray(self.model.weights, "<f4").data)
        if self.fit:
            found.update(np.ascontiguousarray(self.fit.weights, "<f4").data)
            found.update(np.ascontiguousarray(self.fit.direction, "<f8").data)
        if self.moments:
            found.update(np.ascontiguousarray(self.moments.first, "<f8").data)
            found.update(np.ascontiguousarray(self.moments.second, "<f8").data)
        return found.digest()
