"""A table of points: one for each bin of a column and each cell of a pair of columns; task "points" fits it."""

from __future__ import annotations

import numpy as np

from cipherward.learning.model_kind import Factory, ModelKind
from cipherward.learning.points import Points
from cipherward.study import Model


class PointsTable(ModelKind):
    words = "table of points"
    is_linear = True
    fitted_by = "points"

    def build(self, model: Model, n_features: int, seed: int, factory: Factory | None) -> Points:
        return Points(np.zeros(n_features + 1, dtype=np.float32))
