"""Which of a row's numbers a network's output moves with: gradients by the inputs (Simonyan, Vedaldi and Zisserman 2013, arXiv
1312.6034), averaged over noisy copies of the row (SmoothGrad: Smilkov et al. 2017, arXiv 1706.03825).

It says where the output is steep, and nothing of why: not that a place is the reason, nor that the rest does not matter. Maps of a
network that has learned nothing can look as plausible (Adebayo et al. 2018, Sanity Checks for Saliency Maps).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn

DRAWS = 25
NOISE = 0.15
"""Standard deviation of the noise, as a share of the span of a row's numbers; that paper's choice lies at 0.1 to 0.2."""
_NUMBERS = 1 << 18  # inputs of copies that are in memory at a time, each with all that a network computes from it


def gradients(
    module: nn.Module,
    vector: NDArray[np.float32],
    features: NDArray[np.float32],
    outputs: NDArray[np.int64],
    *,
    moved: NDArray[np.bool_] | None = None,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Magnitude of the smoothed gradient of one output of each row, float64[n, n_features], on the CPU.

    Args:
        module: from `models.build`; scratch.
        vector: float32[n_parameters].
        features: float32[n, n_features].
        outputs: which output of each row, int64[n]; 0 where there is one.
        moved: bool[n_features], the inputs that get noise; None: all.
        seed: of the noise; the same rows give the same maps.
    """
    import torch

    from cipherward.learning import network_sgd, networks

    module.cpu()
    networks.load(module, vector)
    was_training = module.training
    module.eval()
    source = np.random.default_rng(seed)
    found = np.zeros(features.shape, dtype=np.float64)
    at_once = max(1, min(DRAWS, _NUMBERS // features.shape[1]))
    for row, place in enumerate(outputs):
        values = features[row].astype(np.float64)
        drawn = source.normal(0.0, NOISE * (values.max() - values.min()), (DRAWS, len(values)))
        if moved is not None:
            drawn[:, ~moved] = 0.0
        total = np.zeros(len(values))
        for first in range(0, DRAWS, at_once):
            part = (values + drawn[first : first + at_once]).astype(np.float32)
            copies = torch.tensor(part, requires_grad=True)
            given = network_sgd.logits(module, copies).reshape(len(part), -1)
            (slope,) = torch.autograd.grad(given[:, int(place)].sum(), copies)
            total += slope.double().numpy().sum(axis=0)
        found[row] = np.abs(total / DRAWS)
    module.train(was_training)
    return found
