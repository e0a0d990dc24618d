"""A module of the user's own, passed to the Python API or made by an installed package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cipherward.errors import StudyError
from cipherward.learning.model_kind import Factory, KindSettings, ModelKind
from cipherward.study import Model

if TYPE_CHECKING:
    from torch import nn


class _Settings(KindSettings):
    package: str = ""


class Custom(ModelKind):
    words = "custom network"
    is_own_code = True
    Settings = _Settings

    def describe(self, model: Model) -> str:
        return f"own code {model.package}" if model.package else self.words

    def build(self, model: Model, n_features: int, seed: int, factory: Factory | None) -> nn.Module:
        from cipherward.learning import networks

        if factory is None:
            raise StudyError("a model of the user's own needs a module factory")
        return networks.custom(factory, n_features, seed)
