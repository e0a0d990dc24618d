"""A compact convolutional network for images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from cipherward.learning.model_kind import KindSettings, ShapedKind
from cipherward.study import Model

if TYPE_CHECKING:
    from torch import nn

    from cipherward.learning.outcome import Outputs

Widths = Annotated[tuple[Annotated[int, Field(ge=1, le=2_048)], ...], Field(min_length=1, max_length=12)]


class Settings(KindSettings):
    """`channels`: of each block of convolution, normalisation, ReLU and pooling; `augment`: what is done at random to a
    training image, anew each time it is seen."""

    channels: Widths = (16, 32, 64)
    norm: Literal["group", "none"] = "group"
    augment: tuple[Literal["flip-horizontal", "flip-vertical", "shift"], ...] = ()


class ConvolutionalNetwork(ShapedKind):
    words = "convolutional network"
    takes = "one column of kind image"
    dimensions = 3
    Settings = Settings

    def describe(self, model: Model) -> str:
        chosen = Settings.model_validate(model.settings)
        words = f"{self.words}, blocks of {', '.join(map(str, chosen.channels))} channels"
        return f"{words}, training images changed at random ({', '.join(chosen.augment)})" if chosen.augment else words

    def shape_problems(self, model: Model, shape: tuple[int, ...]) -> list[str]:
        if found := super().shape_problems(model, shape):
            return found
        depth = len(Settings.model_validate(model.settings).channels) if not self.problems(model) else 1
        if min(shape[1:]) >> depth < 1:
            return [
                f"model.channels: each of {depth} blocks halves the image, and it has {shape[1]} x {shape[2]} pixels"
            ]
        return []

    def build_shaped(self, model: Model, shape: tuple[int, ...], seed: int, outputs: Outputs) -> nn.Module:
        from cipherward.learning import networks, shaped_networks

        chosen = Settings.model_validate(model.settings)
        size = shape[0] * shape[1] * shape[2]
        return networks.made(lambda: shaped_networks.images(shape, chosen, outputs), size, seed, outputs=outputs)
