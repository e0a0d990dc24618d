"""Logistic regression: one weight per input, and an intercept."""

from __future__ import annotations

from torch import nn

from cipherward.learning.model_kind import Factory, ModelKind
from cipherward.study import Model


class LogisticRegression(ModelKind):
    words = "logistic regression"
    is_linear = True

    def build(self, model: Model, n_features: int, factory: Factory | None) -> nn.Module:
        return nn.Linear(n_features, 1)
