"""A network for tables with categories: each categorical column is embedded, and every input also goes straight to the output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from cipherward.learning.model_kind import KindSettings, ShapedKind
from cipherward.study import Model

if TYPE_CHECKING:
    from torch import nn

    from cipherward.learning.outcome import Outputs


class _Settings(KindSettings):
    """`hidden`: widths of the layers; `embedding`: numbers that a categorical column becomes, at most."""

    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...], Field(min_length=1)]
    embedding: int = Field(default=8, ge=1, le=1_024)


class TabularNetwork(ShapedKind):
    words = "tabular network"
    takes = "a table of numeric and categorical columns"
    Settings = _Settings

    def describe(self, model: Model) -> str:
        size = model.settings.get("embedding", _Settings.model_fields["embedding"].default)
        return f"{self.words}, embeddings of at most {size}, hidden layers of {', '.join(map(str, model.hidden))}"

    def shape_problems(self, model: Model, shape: tuple[int, ...]) -> list[str]:
        if not shape or shape[0] != 0:
            return [f"model.kind: {model.kind!r} takes {self.takes}, and the study's [[columns]] are something else"]
        return []

    def build_shaped(self, model: Model, shape: tuple[int, ...], seed: int, outputs: Outputs) -> nn.Module:
        from cipherward.learning import networks, tabular_networks

        chosen, widths = _Settings.model_validate(model.settings), shape[1:]
        return networks.made(
            lambda: tabular_networks.Tabular(widths, chosen.hidden, chosen.embedding, outputs),
            sum(widths),
            seed,
            outputs=outputs,
        )
