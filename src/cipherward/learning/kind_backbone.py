"""A network for images that was trained elsewhere and stays as it is, with one layer that is trained and summed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from cipherward.learning import weight_files
from cipherward.learning.model_kind import KindSettings, ShapedKind
from cipherward.study import Model

if TYPE_CHECKING:
    from torch import nn

    from cipherward.learning.outcome import Outputs

SEEDED = "seeded"
"""For `weights`: no file; features that were never trained, drawn from the study's seed."""


class Settings(KindSettings):
    """`weights`: a safetensors file by name, or an https address that ends with it, or `SEEDED`; `sha256` (hex): of its bytes.
    `size`: height and width to which images are scaled first; 0: as they are."""

    network: Literal["resnet10", "resnet18", "resnet34", "resnet50", "densenet121"]
    weights: Annotated[str, Field(pattern=r"^(https://[^\s?#]+/)?[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=500)]
    sha256: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")] = ""
    size: Annotated[int, Field(ge=0, le=512)] = 0


class Backbone(ShapedKind):
    words = "frozen backbone"
    takes = "one column of kind image"
    dimensions = 3
    pins_frozen = True
    Settings = Settings

    def problems(self, model: Model) -> list[str]:
        if found := super().problems(model):
            needs, which = (
                "kind 'backbone' needs it",
                f'a safetensors file by its name, or "{SEEDED}" for features that were never trained',
            )
            return [f"{each}: {which}" if each == f"model.weights: {needs}" else each for each in found]
        chosen = Settings.model_validate(model.settings)
        if chosen.weights == SEEDED and chosen.sha256:
            return [f'model.sha256 is of a file: leave it out with weights = "{SEEDED}"']
        if chosen.weights != SEEDED and not chosen.sha256:
            return [
                "model.sha256: state the SHA-256 of the weights (sha256sum FILE), so that all hospitals hold the same ones"
            ]
        return []

    def describe(self, model: Model) -> str:
        chosen = Settings.model_validate(model.settings)
        held = (
            "weights that were never trained, drawn from the study's seed"
            if chosen.weights == SEEDED
            else f"weights {weight_files.name_of(chosen.weights)}, SHA-256 {chosen.sha256[:12]}"
        )
        return f"{self.words} {chosen.network} ({held}), and one layer that is trained"

    def shape_problems(self, model: Model, shape: tuple[int, ...]) -> list[str]:
        if (found := super().shape_problems(model, shape)) or self.problems(model):
            return found
        chosen = Settings.model_validate(model.settings)
        side, least = chosen.size or min(shape[1:]), 32 if chosen.network == "densenet121" else 16
        if side < least:
            return [f"model.size: {chosen.network} needs images of {least} x {least} pixels or more, not of {side}"]
        return []

    def build_shaped(self, model: Model, shape: tuple[int, ...], seed: int, outputs: Outputs) -> nn.Module:
        from cipherward.learning import backbones, networks

        chosen = Settings.model_validate(model.settings)
        tensors = None if chosen.weights == SEEDED else weight_files.load(chosen.weights, chosen.sha256)
        size = shape[0] * shape[1] * shape[2]
        return networks.made(
            lambda: backbones.frozen(chosen, shape, seed, outputs, tensors), size, seed, stated=None, outputs=outputs
        )
