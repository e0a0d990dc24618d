"""A network for series of one length: 1-D convolutions, or gated recurrent units (Cho et al. 2014)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from cipherward.learning.kind_cnn import Widths
from cipherward.learning.model_kind import KindSettings, ShapedKind
from cipherward.study import Model

if TYPE_CHECKING:
    from torch import nn

    from cipherward.learning.outcome import Outputs


class Settings(KindSettings):
    """`cell`: "cnn" with blocks of `channels` and convolutions over `width` steps, each block halving the series; or "gru" with
    `units`, which reads the series from its beginning, `steps` values at a time."""

    cell: Literal["cnn", "gru"] = "cnn"
    channels: Widths = (16, 32)
    width: Annotated[int, Field(ge=1, le=99)] = 7
    norm: Literal["group", "none"] = "group"
    units: Annotated[int, Field(ge=1, le=2_048)] = 32
    steps: Annotated[int, Field(ge=1, le=10_000)] = 1


class Sequence(ShapedKind):
    words = "network for series"
    takes = "columns of kind series, all of one length"
    dimensions = 2
    Settings = Settings

    def describe(self, model: Model) -> str:
        chosen = Settings.model_validate(model.settings)
        if chosen.cell == "gru":
            return f"recurrent network for series, {chosen.units} gated units, {chosen.steps} values at a time"
        return f"1-D convolutional network for series, blocks of {', '.join(map(str, chosen.channels))} channels"

    def shape_problems(self, model: Model, shape: tuple[int, ...]) -> list[str]:
        if (found := super().shape_problems(model, shape)) or self.problems(model):
            return found
        chosen = Settings.model_validate(model.settings)
        if chosen.cell == "gru" and shape[1] % chosen.steps:
            return [f"model.steps: {shape[1]} values cannot be read {chosen.steps} at a time"]
        if chosen.cell == "cnn" and shape[1] >> len(chosen.channels) < 1:
            return [f"model.channels: each of {len(chosen.channels)} blocks halves the series of {shape[1]} values"]
        return []

    def build_shaped(self, model: Model, shape: tuple[int, ...], seed: int, outputs: Outputs) -> nn.Module:
        from cipherward.learning import networks, shaped_networks

        chosen = Settings.model_validate(model.settings)
        make = shaped_networks.recurrent if chosen.cell == "gru" else shaped_networks.series
        return networks.made(lambda: make(shape, chosen, outputs), math.prod(shape), seed, outputs=outputs)
