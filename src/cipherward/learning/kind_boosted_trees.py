"""Boosted trees: a value for each leaf of each tree; task "boost" grows them. The trees themselves are the model's inputs."""

from __future__ import annotations

from typing import cast

import numpy as np

from cipherward.graph import Graph
from cipherward.learning.model_kind import Factory, ModelKind, Module
from cipherward.learning.points import Points
from cipherward.study import Model


class BoostedTrees(ModelKind):
    words = "boosted trees"
    is_linear = True
    fitted_by = "boost"

    def build(self, model: Model, n_features: int, seed: int, factory: Factory | None) -> Points:
        return Points(np.zeros(n_features + 1, dtype=np.float32))

    def exported(self, module: Module, graph: Graph, features: str, width: int) -> str:
        return cast(Points, module).exported(graph, features)
