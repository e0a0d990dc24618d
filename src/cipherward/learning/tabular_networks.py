"""The module of a tabular network: embeddings of categories (Guo and Berkhahn 2016), layers over them, and a straight way for every
input (Cheng et al. 2016, Wide & Deep)."""

from __future__ import annotations

import math
from collections import OrderedDict
from itertools import accumulate, pairwise

import torch
from torch import nn

from cipherward.learning import networks
from cipherward.learning.outcome import Outputs

_FEW = 3  # a number and whether it is missing, or two categories and missing: nothing to embed


class Tabular(nn.Module):
    """`widths`: how many inputs each column has, in order. A categorical column's inputs are 0 but for one, so a layer without
    bias over them is its embedding, of at most half as many numbers."""

    def __init__(self, widths: tuple[int, ...], hidden: tuple[int, ...], embedding: int, outputs: Outputs) -> None:
        super().__init__()
        self.spans = tuple(pairwise((0, *accumulate(widths))))
        self.embeddings = nn.ModuleDict()
        for place, width in enumerate(widths):
            if width > _FEW:
                self.embeddings[str(place)] = nn.Linear(width, min(embedding, width // 2), bias=False)
        inner = [
            layer.out_features if isinstance(layer := self._embedding(place), nn.Linear) else width
            for place, width in enumerate(widths)
        ]
        sizes = (sum(inner), *hidden)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for depth, (width, wider) in enumerate(pairwise(sizes), start=1):
            layers[f"hidden{depth}"] = nn.Linear(width, wider)
            layers[f"relu{depth}"] = nn.ReLU()
        self.deep = nn.Sequential(layers)
        self.output = networks.head(hidden[-1] + sum(widths), outputs)

    def _embedding(self, place: int) -> nn.Module | None:
        return dict(self.embeddings.items()).get(str(place))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """float32[n, n_features] -> the outputs."""
        parts = []
        for place, (start, stop) in enumerate(self.spans):
            layer, part = self._embedding(place), rows[:, start:stop]
            # one input of many is 1: the layer's first weights, made for inputs that are all of that size, are scaled to it
            parts.append(part if layer is None else layer(part) * math.sqrt(stop - start))
        found: torch.Tensor = self.output(torch.cat([self.deep(torch.cat(parts, dim=1)), rows], dim=1))
        return found
