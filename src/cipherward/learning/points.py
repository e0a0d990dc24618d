"""The module of a table of points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cipherward.graph import Graph
from cipherward.learning.linear import Linear

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


@dataclass
class Points(Linear):
    """One logit per row: the points of its bins and cells, and the bias, which is the last of `vector` float32[p + 1]."""

    def logits(self, vector: F32, x: F32) -> F64:
        """Float64[n], rounded to float32. `x`: float32[n, n_terms], places of bins and cells (`Coding.transform`)."""
        points = vector.astype(np.float64)
        found = np.full(len(x), points[-1])
        for term in range(x.shape[1]):
            found += points[x[:, term].astype(np.intp)]
        return found.astype(np.float32).astype(np.float64)

    def exported(self, graph: Graph, features: str) -> str:
        """The same in a graph, from int64[rows, n_terms]."""
        points = self.vector.astype(np.float64)
        found = graph.looked_up(points[:-1], features)
        total = graph.add("ReduceSum", found, graph.constant([1], "int64"), keepdims=1)
        logit = graph.add("Add", total, graph.constant(points[-1:]))
        return graph.cast(graph.cast(logit, "float32"), "float64")
