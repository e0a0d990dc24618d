"""A table of points: one for each bin of a column and each cell of a pair of columns; task "points" fits it."""

from __future__ import annotations

from typing import cast

import numpy as np

from cipherward.graph import Graph
from cipherward.learning.model_kind import Factory, ModelKind, Module
from cipherward.learning.points import Points
from cipherward.study import Model


class PointsTable(ModelKind):
    words = "table of points"
    is_linear = True
    fitted_by = "points"

    def build(self, model: Model, n_features: int, seed: int, factory: Factory | None) -> Points:
        return Points(np.zeros(n_features + 1, dtype=np.float32))

    def exported(self, module: Module, graph: Graph, features: str, width: int) -> str:
        return cast(Points, module).exported(graph, features)
