"""Unit record: DP-SGD at one hospital (Abadi et al. 2016, arXiv 1607.00133, algorithm 1).

Opacus computes the gradient of every record. Clipping and noise are done here, in integers: each clipped gradient is
rounded towards zero onto a grid, the sum gets exact discrete Gaussian noise from the operating system's randomness.
Opacus' own noise is floating-point and its generator is not a cryptographic one. What depends on floating-point
arithmetic is the gradients themselves: in which batch a record stands may change their last bits.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from cipherward.errors import StudyError
from cipherward.privacy import accounting, discrete
from cipherward.privacy.noise import RECORD_GRID, RecordNoise
from cipherward.privacy.randomness import Words
from cipherward.study import Training

_ENTRIES_AT_ONCE = 1 << 24  # float64 gradients held at a time: 128 MiB

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def _logistic(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return binary_cross_entropy_with_logits(outputs, labels, reduction="sum")


def fit(
    module: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    settings: Training,
    noise: RecordNoise,
    words: Words,
    loss: Loss = _logistic,
) -> None:
    """Train the module's parameters in place for `settings.local_epochs` epochs.

    Momentum, weight decay and the proximal term act on the noisy gradient and the public start: they cost nothing.

    Args:
        x, y: float32[n, n_features] and float32[n] on the module's device.
        words: secret; decides the minibatches and the noise.
        loss: of outputs and y, summed over records.

    Raises:
        StudyError: Opacus is missing or cannot give this module's gradients record by record.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    origin = [parameter.detach().clone() for parameter in parameters]
    velocity = [torch.zeros_like(parameter) for parameter in parameters]
    wrapped = per_record(module)
    try:
        for _ in range(settings.local_epochs * noise.steps_per_epoch):
            rows = torch.from_numpy(words.sample(len(y), noise.threshold)).to(x.device)
            total = clipped_sum(wrapped, x[rows], y[rows], noise.clipping_norm, loss)
            drawn = discrete.gaussian(words, noise.stddev, total.numel())
            total += torch.from_numpy(drawn).to(total.device)
            total *= noise.clipping_norm / RECORD_GRID / noise.expected_batch
            with torch.no_grad():
                start = 0
                for parameter, first, speed in zip(parameters, origin, velocity, strict=True):
                    gradient = total[start : start + parameter.numel()].view(parameter.shape).to(parameter.dtype)
                    start += parameter.numel()
                    if settings.weight_decay:
                        gradient = gradient + settings.weight_decay * parameter
                    if settings.proximal:
                        gradient = gradient + settings.proximal * (parameter - first)
                    speed.mul_(settings.momentum).add_(gradient)
                    parameter.sub_(settings.learning_rate * speed)
    finally:
        release(wrapped)


def per_record(module: nn.Module) -> Any:
    """The module inside Opacus' GradSampleModule, which leaves every record's gradient in `grad_sample`.

    Raises:
        StudyError: Opacus is missing, or the module mixes records or has layers that Opacus does not know.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from opacus import GradSampleModule
            from opacus.validators import ModuleValidator
    except ImportError:
        raise accounting.missing("opacus") from None
    module.train()
    problems = [str(error) for error in ModuleValidator.validate(module, strict=False)]
    try:
        wrapped = None if problems else GradSampleModule(module, loss_reduction="sum")
    except (NotImplementedError, ValueError) as error:
        problems.append(str(error))
    if problems:
        raise StudyError(
            "the model cannot be trained with privacy of records: " + "; ".join(problems),
            problems=tuple(problems),
            hint="use layers that treat every record by itself, such as Linear, LayerNorm and GroupNorm",
        )
    return wrapped


def clipped_sum(
    wrapped: Any, x: torch.Tensor, y: torch.Tensor, clipping_norm: float, loss: Loss = _logistic
) -> torch.Tensor:
    """The sum over records of the gradient of the loss, each clipped: float64[n_parameters], whole grid units."""
    parameters = [parameter for parameter in wrapped.parameters() if parameter.requires_grad]
    n_parameters = sum(parameter.numel() for parameter in parameters)
    total = torch.zeros(n_parameters, dtype=torch.float64, device=x.device)
    at_once = max(1, _ENTRIES_AT_ONCE // n_parameters)
    for first in range(0, len(y), at_once):
        part, outcome = x[first : first + at_once], y[first : first + at_once]
        with warnings.catch_warnings():
            # Gradients with respect to the rows are not wanted, and torch says so once for every hooked layer.
            warnings.simplefilter("ignore")
            given = wrapped(part)
            rows = (len(part), -1) if given.numel() > len(part) else (len(part),)
            torch.autograd.backward(loss(given.reshape(rows).float(), outcome))
        gradients = torch.cat([p.grad_sample.reshape(len(part), -1) for p in parameters], dim=1)
        total += clipped(gradients, clipping_norm).sum(dim=0)
        wrapped.zero_grad(set_to_none=True)
    return total


def clipped(gradients: torch.Tensor, clipping_norm: float) -> torch.Tensor:
    """float64[n, n_parameters] of whole grid units, each row with L2 norm at most `RECORD_GRID`; exact sums below 2^53.

    A gradient that is not a number counts as zero: an error would tell that the record is there.
    """
    scaled = torch.nan_to_num(gradients.double(), nan=0.0, posinf=0.0, neginf=0.0) * (RECORD_GRID / clipping_norm)
    norm = scaled.norm(dim=1, keepdim=True)
    rounded = torch.trunc(scaled * (RECORD_GRID / norm.clamp(min=RECORD_GRID)))
    over = rounded.square().sum(dim=1) > RECORD_GRID**2
    rounded[over] = torch.trunc(rounded[over] * (1.0 - 2.0**-20))
    return rounded


def release(wrapped: Any) -> None:
    """Take Opacus' hooks and leftovers off the module."""
    wrapped.remove_hooks()
    for parameter in wrapped.parameters():
        for name in ("grad_sample", "_forward_counter", "_current_grad_sample"):
            if hasattr(parameter, name):
                delattr(parameter, name)
        parameter.grad = None
