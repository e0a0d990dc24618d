"""A module of the user's own, passed to the Python API or made by an installed package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from cipherward.errors import StudyError
from cipherward.graph import Graph
from cipherward.learning.model_kind import Factory, KindSettings, ModelKind, Module
from cipherward.study import Model

if TYPE_CHECKING:
    from torch import nn

    from cipherward.learning.outcome import Outputs


class _Settings(KindSettings):
    package: str = ""
    frozen: str = Field(default="", pattern="^([0-9a-f]{64})?$")


class Custom(ModelKind):
    words = "custom network"
    is_own_code = True
    takes_outputs = True
    Settings = _Settings

    def describe(self, model: Model) -> str:
        name = f"own code {model.package}" if model.package else self.words
        frozen = str(model.settings.get("frozen", ""))
        return name + (f", with frozen values that are not trained (digest {frozen[:12]})" if frozen else "")

    def build(self, model: Model, n_features: int, seed: int, factory: Factory | None) -> nn.Module:
        from cipherward.learning import networks

        if factory is None:
            raise StudyError("a model of the user's own needs a module factory")
        return networks.custom(factory, n_features, seed, str(model.settings.get("frozen", "")))

    def build_for(
        self, model: Model, n_features: int, seed: int, factory: Factory | None, outputs: Outputs
    ) -> nn.Module:
        from cipherward.learning import networks

        if factory is None:
            raise StudyError("a model of the user's own needs a module factory")
        return networks.custom(factory, n_features, seed, str(model.settings.get("frozen", "")), outputs)

    def exported(self, module: Module, graph: Graph, features: str, width: int) -> str:
        from cipherward.learning import network_graphs

        return network_graphs.traced(graph, module, features, width)
