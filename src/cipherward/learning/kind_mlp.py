"""A multilayer perceptron: hidden layers with ReLU between them."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from typing import Annotated

from pydantic import Field
from torch import nn

from cipherward.learning.model_kind import Factory, KindSettings, ModelKind
from cipherward.study import Model


class _Settings(KindSettings):
    hidden: tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...] = Field(min_length=1)


class MultilayerPerceptron(ModelKind):
    words = "multilayer perceptron"
    Settings = _Settings

    def describe(self, model: Model) -> str:
        return f"small neural network, hidden layers of {', '.join(map(str, model.hidden))}"

    def build(self, model: Model, n_features: int, factory: Factory | None) -> nn.Module:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for depth, (width, wider) in enumerate(pairwise((n_features, *model.hidden)), start=1):
            layers[f"hidden{depth}"] = nn.Linear(width, wider)
            layers[f"relu{depth}"] = nn.ReLU()
        layers["output"] = nn.Linear(model.hidden[-1], 1)
        return nn.Sequential(layers)
