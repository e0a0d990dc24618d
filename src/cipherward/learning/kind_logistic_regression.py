"""Logistic regression: one weight per input, and an intercept."""

from __future__ import annotations

import numpy as np

from cipherward.learning.linear import Linear
from cipherward.learning.model_kind import Factory, ModelKind
from cipherward.study import Model


class LogisticRegression(ModelKind):
    words = "logistic regression"
    is_linear = True

    def build(self, model: Model, n_features: int, seed: int, factory: Factory | None) -> Linear:
        return Linear(np.zeros(n_features + 1, dtype=np.float32))
