"""Images from a gradient, by gradient matching: look for images whose gradient points where the one that was seen does.

Zhu et al. 2019 (arXiv 1906.08935) with the loss, the prior and the signed steps of Geiping et al. 2020 (arXiv 2003.14053, section 4): one minus
the cosine of both gradients, plus the images' total variation, by Adam on the sign of its gradient. Several gradients are attacked at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import nn

F64 = NDArray[np.float64]
_FALLS = (0.375, 0.625, 0.875)  # of the steps: where the step is divided by ten, as Geiping et al. do
_WINDOW = 7


@dataclass(frozen=True)
class Search:
    """`steps`: of the optimiser; `rate`: its first step, in the inputs' units; `variation`: weight of the total variation."""

    steps: int = 400
    rate: float = 0.1
    variation: float = 0.01


def reconstruct(
    module: nn.Module,
    gradients: F64,
    labels: NDArray[np.float32],
    shape: tuple[int, int, int],
    limits: tuple[float, float],
    search: Search,
    seed: int,
    may_go_on: Callable[[int], None] = lambda _: None,
) -> F64:
    """Images for each gradient: float64[n, k, channels, height, width] between `limits`.

    Args:
        module: with the weights at which the gradients were taken; one logit per row.
        gradients: float64[n, n_parameters], each the sum over k rows, of any length: only its direction is used.
        labels: float32[n, k], the outcome of every image; an attacker who does not know them can try all, or read them off the
            last layer's bias.
        may_go_on: called with the number of each step.
    """
    import torch
    from torch.func import functional_call, grad, vmap

    parameters = {name: each.detach() for name, each in module.named_parameters() if each.requires_grad}
    n, k = labels.shape
    channels, height, width = shape
    wanted = torch.nn.functional.normalize(torch.tensor(gradients, dtype=torch.float32), dim=1)
    outcome = torch.tensor(labels)

    def loss(weights: dict[str, torch.Tensor], rows: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        logits = functional_call(module, weights, (rows,)).reshape(len(rows))
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="sum")

    each = vmap(grad(loss), in_dims=(None, 0, 0))
    generator = torch.Generator().manual_seed(seed)
    middle, spread = (limits[0] + limits[1]) / 2, (limits[1] - limits[0]) / 10
    rows = middle + spread * torch.randn(n, k, channels * height * width, generator=generator)
    rows.requires_grad_()
    optimiser = torch.optim.Adam([rows], lr=search.rate)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, [int(search.steps * part) for part in _FALLS], 0.1)
    was_training = module.training
    module.eval()
    for step in range(search.steps):
        may_go_on(step)
        optimiser.zero_grad()
        found = each(parameters, rows, outcome)
        flat = torch.cat([found[name].reshape(n, -1) for name in parameters], dim=1)
        apart = 1.0 - torch.nn.functional.cosine_similarity(flat, wanted, dim=1)
        images = rows.reshape(n, k * channels, height, width)
        variation = (images[:, :, 1:] - images[:, :, :-1]).abs().mean() + (
            images[..., 1:] - images[..., :-1]
        ).abs().mean()
        torch.autograd.backward(apart.sum() + search.variation * n * variation)
        assert rows.grad is not None  # noqa: S101  for the type checker
        rows.grad.sign_()
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            rows.clamp_(*limits)
    module.train(was_training)
    images64: F64 = rows.detach().double().numpy().reshape(n, k, channels, height, width)
    return images64


def ssim(one: F64, other: F64) -> float:
    """Structural similarity of two pictures float[height, width] from 0 to 1 (Wang et al. 2004, IEEE Transactions on Image
    Processing 13:600-612), in windows of 7 x 7 pixels of equal weight: 1 is the same picture, 0 is none of its structure."""
    from numpy.lib.stride_tricks import sliding_window_view

    a, b = (sliding_window_view(each, (_WINDOW, _WINDOW)).reshape(-1, _WINDOW**2) for each in (one, other))
    mean_a, mean_b = a.mean(axis=1), b.mean(axis=1)
    both = ((a - mean_a[:, None]) * (b - mean_b[:, None])).sum(axis=1) / (_WINDOW**2 - 1)
    light, contrast = 0.01**2, 0.03**2
    top = (2 * mean_a * mean_b + light) * (2 * both + contrast)
    bottom = (mean_a**2 + mean_b**2 + light) * (a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1) + contrast)
    return float((top / bottom).mean())
