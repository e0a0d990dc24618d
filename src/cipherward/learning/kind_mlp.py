"""A multilayer perceptron: hidden layers with ReLU between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from cipherward.graph import Graph
from cipherward.learning.model_kind import Factory, KindSettings, ModelKind, Module
from cipherward.study import Model

if TYPE_CHECKING:
    from torch import nn

    from cipherward.learning.outcome import Outputs


class _Settings(KindSettings):
    hidden: tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...] = Field(min_length=1)


class MultilayerPerceptron(ModelKind):
    words = "multilayer perceptron"
    takes_outputs = True
    Settings = _Settings

    def describe(self, model: Model) -> str:
        return f"small neural network, hidden layers of {', '.join(map(str, model.hidden))}"

    def build(self, model: Model, n_features: int, seed: int, factory: Factory | None) -> nn.Module:
        from cipherward.learning import networks

        return networks.made(lambda: networks.perceptron((n_features, *model.hidden, 1)), n_features, seed)

    def build_for(
        self, model: Model, n_features: int, seed: int, factory: Factory | None, outputs: Outputs
    ) -> nn.Module:
        from cipherward.learning import networks

        def build() -> nn.Module:
            found = networks.perceptron((n_features, *model.hidden, 1))
            return networks.with_head(found, "output", model.hidden[-1], outputs)

        return networks.made(build, n_features, seed, outputs=outputs)

    def exported(self, module: Module, graph: Graph, features: str, width: int) -> str:
        from cipherward.learning import network_graphs

        return network_graphs.layers(graph, module, features)
