"""Logistic regression: one weight per input, and an intercept."""

from __future__ import annotations

from typing import cast

import numpy as np

from cipherward.graph import Graph
from cipherward.learning import linear_outputs
from cipherward.learning.linear import Linear
from cipherward.learning.linear_outputs import LinearOutputs
from cipherward.learning.model_kind import Factory, ModelKind, Module
from cipherward.learning.outcome import Outputs
from cipherward.study import Model


class LogisticRegression(ModelKind):
    words = "logistic regression"
    is_linear = True
    has_numbers = False
    takes_outputs = True

    def build(self, model: Model, n_features: int, seed: int, factory: Factory | None) -> Linear:
        return Linear(np.zeros(n_features + 1, dtype=np.float32))

    def build_for(
        self, model: Model, n_features: int, seed: int, factory: Factory | None, outputs: Outputs
    ) -> LinearOutputs:
        return linear_outputs.zeros(n_features, outputs)

    def exported(self, module: Module, graph: Graph, features: str, width: int) -> str:
        return cast(Linear, module).exported(graph, features)
