"""Networks that are not trained here, with a layer that is: frozen, in evaluation mode always, so that the statistics of
BatchNorm are those of the weights. The networks are MONAI's (Cardoso et al. 2022, arXiv 2211.02701): ResNet (He et al. 2016), DenseNet (Huang et al. 2017).
"""

from __future__ import annotations

import hashlib
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cipherward.errors import StudyError
from cipherward.learning import frozen as frozen_values
from cipherward.learning import initial, kept_features, networks

if TYPE_CHECKING:
    from cipherward.learning.kind_backbone import Settings
    from cipherward.learning.outcome import Outputs

_COLOURS = 3
_SEED = 0x6261636B  # keeps these draws apart from those of the layer that is trained
_NAMED = 3
_LAYERS = {"resnet10": (1, 1, 1, 1), "resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3)}


class Frozen(nn.Module):
    """A network without its last layer, whose numbers are brought to one scale row by row, and a layer that is trained."""

    def __init__(self, network: nn.Module, shape: tuple[int, ...], size: int, outputs: Outputs) -> None:
        super().__init__()
        self.shape, self.size = shape, size
        self.network = network.requires_grad_(False)
        self.network.eval()
        with torch.no_grad():
            width = self.features(torch.zeros(1, math.prod(shape))).shape[1]
        self.scale = nn.LayerNorm(width, elementwise_affine=False)
        self.output = networks.head(width, outputs)
        facts = f"{frozen_values.digest(self.network)} {shape} {size} {self.network}"
        self._kept = kept_features.shared(hashlib.sha256(facts.encode()).hexdigest())

    def features(self, rows: Tensor) -> Tensor:
        folded = rows.view(-1, *self.shape)
        if self.shape[0] == 1:
            folded = folded.expand(-1, _COLOURS, -1, -1)
        if self.size:
            folded = nn.functional.interpolate(
                folded, size=(self.size, self.size), mode="bilinear", align_corners=False
            )
        found: Tensor = self.network(folded)
        return found

    def train(self, mode: bool = True) -> Frozen:
        super().train(mode)
        self.network.eval()
        return self

    def forward(self, rows: Tensor) -> Tensor:
        found: Tensor = self.output(self.scale(self.features(rows)))
        return found

    def inputs(self, rows: Tensor) -> Tensor:
        """What `output` is given for rows on the CPU: float32[n, width] on the module's device, without gradients, each row worked out
        once and kept (`kept_features`). `forward` may differ in the last bits, with the number of rows."""
        (width,) = self.scale.normalized_shape
        device = next(self.network.parameters()).device
        with torch.inference_mode(False), torch.no_grad():
            return self._kept.of(rows, width, device, lambda block: self.scale(self.features(block)))


def frozen(
    chosen: Settings,
    shape: tuple[int, ...],
    seed: int,
    outputs: Outputs,
    tensors: dict[str, NDArray[np.generic]] | None,
) -> nn.Module:
    """The module.

    Args:
        shape: of an image: channels, height, width.
        tensors: of the network, by name; None: drawn from the seed, the same bits on every machine.

    Raises:
        StudyError: MONAI is not installed, or the tensors are not those of the network.
    """
    network = _network(chosen.network)
    if tensors is None:
        _draw(network, seed)
    else:
        _fill(network, chosen.network, tensors)
    return Frozen(network, shape, chosen.size, outputs)


def _network(name: str) -> Any:
    """Without its last layer; in MONAI's names, which for ResNets are torchvision's."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from monai.networks.nets.densenet import DenseNet121
            from monai.networks.nets.resnet import ResNet, ResNetBlock, ResNetBottleneck
    except ImportError:
        raise StudyError(
            "a frozen backbone needs MONAI, which is not installed", hint='pip install "cipherward[backbones]"'
        ) from None
    if name == "densenet121":
        dense: Any = DenseNet121(spatial_dims=2, in_channels=_COLOURS, out_channels=1)
        dense.class_layers.out = nn.Identity()
        return dense
    block = ResNetBottleneck if name == "resnet50" else ResNetBlock
    made: Any = ResNet(
        block, list(_LAYERS[name]), [64, 128, 256, 512], spatial_dims=2, n_input_channels=_COLOURS, conv1_t_stride=2,
        shortcut_type="B", feed_forward=False, bias_downsample=False,
    )  # fmt: skip
    return made


def _draw(network: nn.Module, seed: int) -> None:
    """Convolutions from U(-a, a), a = sqrt(6 / fan in) (He et al. 2015), biases zero; BatchNorm as it begins."""
    source = initial.words(seed ^ _SEED)
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d):
                fan_in = math.prod(layer.weight.shape[1:])
                drawn = initial.uniform(source, layer.weight.numel(), fan_in) * np.float32(math.sqrt(6.0))
                layer.weight.copy_(torch.from_numpy(drawn).view(layer.weight.shape))
                if layer.bias is not None:
                    layer.bias.zero_()
            elif isinstance(layer, nn.BatchNorm2d):
                layer.reset_parameters()


def _fill(network: nn.Module, name: str, tensors: dict[str, NDArray[np.generic]]) -> None:
    wanted = network.state_dict()
    read = [key for key in wanted if not key.endswith("num_batches_tracked")]  # which nothing is computed from
    absent = [key for key in read if key not in tensors]
    if absent:
        _refuse(f"the weights lack {_some(absent)} of {name}")
    filled = dict(wanted)
    for key in read:
        value = wanted[key]
        given = torch.from_numpy(np.ascontiguousarray(tensors[key]))
        if given.shape != value.shape or given.is_floating_point() != value.is_floating_point():
            _refuse(f"{key!r} is {given.dtype} {tuple(given.shape)} in the weights, and {tuple(value.shape)} in {name}")
        if not bool(torch.isfinite(given).all()):
            _refuse(f"{key!r} holds NaN or infinity")
        filled[key] = given.to(value.dtype)
    heads = ("fc.", "class_layers.", "classifier.")
    if strange := [key for key in tensors if key not in wanted and not key.startswith(heads)]:
        _refuse(f"the weights hold {_some(strange)}, which {name} has not")
    network.load_state_dict(filled)


def _refuse(said: str) -> None:
    raise StudyError(
        f"the weights are not those of the network: {said}",
        hint="a file for model.network, with the names of MONAI's layers (of ResNets also torchvision's)",
    )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(repr, names[:_NAMED])) + more
