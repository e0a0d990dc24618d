"""Modules for images and series. Each takes flat rows, float32[n, n_features], and folds them itself.

Normalisation is by groups of channels of one row (Wu and He 2018), never over a batch: nothing is kept outside the parameters.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from cipherward.learning import networks

if TYPE_CHECKING:
    from cipherward.learning import kind_cnn, kind_sequence
    from cipherward.learning.outcome import Outputs

_CHANNELS = 4  # of a group, at least: one normalised alone would forget how bright the image, how high the series is
_SHIFT = 0.1  # of height and width, at most, to either side


def images(shape: tuple[int, ...], chosen: kind_cnn.Settings, outputs: Outputs) -> nn.Module:
    """Blocks of 3 x 3 convolution, normalisation, ReLU and 2 x 2 pooling; then the mean over the image, and a linear layer."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(fold=nn.Unflatten(1, shape))
    if chosen.augment:
        layers["augment"] = Augment(frozenset(chosen.augment))
    before = shape[0]
    for depth, width in enumerate(chosen.channels, start=1):
        layers[f"convolution{depth}"] = nn.Conv2d(before, width, 3, padding=1)
        if chosen.norm == "group":
            layers[f"norm{depth}"] = _norm(width)
        layers[f"relu{depth}"] = nn.ReLU()
        layers[f"pool{depth}"] = nn.MaxPool2d(2)
        before = width
    layers |= OrderedDict(mean=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), output=networks.head(before, outputs))
    return nn.Sequential(layers)


def series(shape: tuple[int, ...], chosen: kind_sequence.Settings, outputs: Outputs) -> nn.Module:
    """The same in one dimension."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(fold=nn.Unflatten(1, shape))
    before = shape[0]
    for depth, width in enumerate(chosen.channels, start=1):
        layers[f"convolution{depth}"] = nn.Conv1d(before, width, chosen.width, padding=chosen.width // 2)
        if chosen.norm == "group":
            layers[f"norm{depth}"] = _norm(width)
        layers[f"relu{depth}"] = nn.ReLU()
        layers[f"pool{depth}"] = nn.MaxPool1d(2, ceil_mode=True)
        before = width
    layers |= OrderedDict(mean=nn.AdaptiveAvgPool1d(1), flat=nn.Flatten(), output=networks.head(before, outputs))
    return nn.Sequential(layers)


def recurrent(shape: tuple[int, ...], chosen: kind_sequence.Settings, outputs: Outputs) -> nn.Module:
    """Gated recurrent units over the series, and a linear layer on their last state."""
    return _Recurrent(shape, chosen.units, chosen.steps, outputs)


class _Recurrent(nn.Module):
    def __init__(self, shape: tuple[int, ...], units: int, steps: int, outputs: Outputs) -> None:
        super().__init__()
        self.shape, self.steps = shape, steps
        self.units = nn.GRU(shape[0] * steps, units, batch_first=True)
        self.output = networks.head(units, outputs)

    def forward(self, rows: Tensor) -> Tensor:
        channels, length = self.shape
        folded = rows.view(-1, channels, length // self.steps, self.steps)
        _, last = self.units(folded.permute(0, 2, 1, 3).flatten(2))
        logit: Tensor = self.output(last[0])
        return logit


class Augment(nn.Module):
    """Changes each training image at random, in torch's generator: mirrored, and moved by up to a tenth, edges repeated."""

    def __init__(self, kinds: frozenset[str]) -> None:
        super().__init__()
        self.kinds = kinds

    def forward(self, folded: Tensor) -> Tensor:
        if not self.training:
            return folded
        for kind, axis in (("flip-horizontal", 3), ("flip-vertical", 2)):
            if kind in self.kinds:
                turned = torch.rand(len(folded), 1, 1, 1, device=folded.device) < 0.5
                folded = torch.where(turned, folded.flip(axis), folded)
        if "shift" in self.kinds:
            for axis in (2, 3):
                folded = _moved(folded, axis)
        return folded


def _moved(folded: Tensor, axis: int) -> Tensor:
    size = folded.shape[axis]
    most = max(1, int(size * _SHIFT))
    by = torch.randint(-most, most + 1, (len(folded), 1), device=folded.device)
    places = (torch.arange(size, device=folded.device) + by).clamp(0, size - 1)
    view = [len(folded), 1, 1, 1]
    view[axis] = size
    return folded.gather(axis, places.view(view).expand(folded.shape))


def _norm(width: int) -> nn.Module:
    groups = [count for count in (4, 3, 2) if width % count == 0 and width // count >= _CHANNELS]
    return nn.GroupNorm(max(groups, default=1), width)
