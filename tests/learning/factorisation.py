"""A kind of model of its own, as somebody else would write one: a factorisation machine (Rendle 2010)."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from cipherward.learning import networks
from cipherward.learning.model_kind import Factory, KindSettings, ModelKind
from cipherward.study import Model


class Settings(KindSettings):
    rank: int = Field(ge=1, le=64)


class FactorisationMachine(ModelKind):
    words = "factorisation machine"
    Settings = Settings

    def describe(self, model: Model) -> str:
        return f"{self.words} of rank {model.settings['rank']}"

    def build(self, model: Model, n_features: int, seed: int, factory: Factory | None) -> nn.Module:
        return networks.made(lambda: _Machine(n_features, model.settings["rank"]), n_features, seed)


class _Machine(nn.Module):
    def __init__(self, n_features: int, rank: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n_features, 1)
        self.factors = nn.Parameter(0.01 * torch.randn(n_features, rank))

    def forward(self, rows: Tensor) -> Tensor:
        pairs = (rows @ self.factors).square() - rows.square() @ self.factors.square()
        logit: Tensor = self.linear(rows).squeeze(1) + 0.5 * pairs.sum(1)
        return logit
