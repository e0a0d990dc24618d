"""A multilayer perceptron: hidden layers with ReLU between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from cipherward.learning.model_kind import Factory, KindSettings, ModelKind
from cipherward.study import Model

if TYPE_CHECKING:
    from torch import nn


class _Settings(KindSettings):
    hidden: tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...] = Field(min_length=1)


class MultilayerPerceptron(ModelKind):
    words = "multilayer perceptron"
    Settings = _Settings

    def describe(self, model: Model) -> str:
        return f"small neural network, hidden layers of {', '.join(map(str, model.hidden))}"

    def build(self, model: Model, n_features: int, seed: int, factory: Factory | None) -> nn.Module:
        from cipherward.learning import networks

        return networks.made(lambda: networks.perceptron((n_features, *model.hidden, 1)), n_features, seed)
