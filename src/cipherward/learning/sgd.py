"""Local training and scoring at one hospital.

FedAvg's local step (McMahan et al. 2017, algorithm 1, ClientUpdate) with FedProx's proximal term (Li et al. 2020,
algorithm 2): minimise mean BCE + proximal / 2 * ||w - w_0||^2 by minibatch SGD. On the CPU the result depends on the
arguments alone; on CUDA some user modules have kernels that torch does not make deterministic.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from cipherward.errors import DataError, UnfitUpdateError
from cipherward.learning import models
from cipherward.learning.devices import Device, resolve_device
from cipherward.privacy import dpsgd
from cipherward.privacy.noise import RecordNoise
from cipherward.privacy.randomness import Randomness, Words
from cipherward.study import Training

_SCORE_ROWS = 1 << 15
_WORTH_THREADS = 1 << 24  # multiplications in one forward pass


def train(
    module: nn.Module,
    start: NDArray[np.float32],
    features: NDArray[np.float32],
    labels: NDArray[np.integer[Any]],
    settings: Training,
    *,
    seed: int | Sequence[int],
    device: Device | torch.device = "cpu",
) -> NDArray[np.float32]:
    """Train from `start` for `settings.local_epochs` epochs and return the new weights.

    The update rule is that of torch.optim.SGD (weight decay on every parameter, momentum from zero at each call) with
    the proximal gradient added; the last, shorter minibatch of an epoch is kept.

    Args:
        module: from `models.build`; used as scratch, its parameters end as the returned weights.
        start: float32[n_parameters].
        features: float32[n, n_features], finite.
        labels: integers[n], 0 or 1.
        settings: epochs, batch size, learning rate, momentum, weight decay, proximal.
        seed: one or more non-negative integers; decides shuffling and the module's own randomness (dropout).
        device: "auto", "cpu" or "cuda".

    Returns:
        float32[n_parameters].

    Raises:
        DataError: unusable rows, or training that diverged; the text names the first tensor that is not finite.
        StudyError: the device is not there.
        ProtocolError: `start` does not fit the module.
    """
    target = resolve_device(device)
    models.check_vector(module, start)
    _check_rows(features, labels)
    shuffle_seed, module_seed = _seeds(seed)
    order_source = torch.Generator().manual_seed(shuffle_seed)
    x, y = _tensor(features, target), _tensor(labels.astype(np.float32), target)

    weights, gradient = _flat_views(module, start, target)
    origin = weights.clone() if settings.proximal else weights
    scratch = torch.empty_like(weights)
    velocity = torch.zeros_like(weights)
    was_training = module.training
    module.train()
    with models.seeded_rng(module_seed, target), _threads(settings.batch_size * len(start)):
        for epoch in range(settings.local_epochs):
            order = torch.randperm(len(labels), generator=order_source).to(target)
            for rows in torch.split(order, settings.batch_size):
                _set_gradient(module, gradient, x[rows], y[rows])
                if settings.weight_decay:
                    gradient.add_(weights, alpha=settings.weight_decay)
                if settings.proximal:
                    torch.sub(weights, origin, out=scratch)
                    gradient.add_(scratch, alpha=settings.proximal)
                step = velocity.mul_(settings.momentum).add_(gradient) if settings.momentum else gradient
                weights.add_(step, alpha=-settings.learning_rate)
            _check_finite(module, weights, epoch)
    module.train(was_training)
    trained: NDArray[np.float32] = weights.cpu().numpy().copy()
    return trained


def train_privately(
    module: nn.Module,
    start: NDArray[np.float32],
    features: NDArray[np.float32],
    labels: NDArray[np.integer[Any]],
    settings: Training,
    noise: RecordNoise,
    *,
    randomness: Randomness,
    device: Device | torch.device = "cpu",
) -> NDArray[np.float32]:
    """As `train`, by DP-SGD. Minibatches, noise and the module's own randomness come from `randomness`, no seed.

    Raises:
        as `train`, and StudyError for a module whose gradients Opacus cannot give record by record.
    """
    target = resolve_device(device)
    _check_rows(features, labels)
    module.to(target)
    models.load(module, start)
    words = Words(randomness)
    was_training = module.training
    threads = _threads(settings.batch_size * len(start))
    with models.seeded_rng(int(words.take(1)[0]) >> 1, target), threads:
        dpsgd.fit(module, _tensor(features, target), _tensor(labels.astype(np.float32), target), settings, noise, words)
    module.train(was_training)
    trained = models.flatten(module)
    _check_finite(module, torch.from_numpy(trained), settings.local_epochs - 1)
    return trained


def scores(
    module: nn.Module,
    vector: NDArray[np.float32],
    features: NDArray[np.float32],
    device: Device | torch.device = "cpu",
) -> NDArray[np.float64]:
    """Predicted probability of the outcome for each row, float64[n], from float32 logits in evaluation mode.

    Raises:
        DataError: a score is not finite.
        StudyError, ProtocolError: as `train`.
    """
    found: NDArray[np.float64] = torch.sigmoid(torch.from_numpy(_outputs(module, vector, features, device))).numpy()
    if not np.isfinite(found).all():
        raise DataError("the model gives a score that is not a number; look for missing values in the table")
    return found


def mean_loss(
    module: nn.Module,
    vector: NDArray[np.float32],
    features: NDArray[np.float32],
    labels: NDArray[np.integer[Any]],
    device: Device | torch.device = "cpu",
) -> float:
    """Mean binary cross-entropy of the model on these rows, from its logits, without any limit: NaN or infinity included."""
    outputs = _outputs(module, vector, features, device)
    with np.errstate(invalid="ignore"):
        losses = np.logaddexp(0.0, outputs) - labels * outputs
    return float(losses.mean()) if len(losses) else 0.0


def _outputs(
    module: nn.Module,
    vector: NDArray[np.float32],
    features: NDArray[np.float32],
    device: Device | torch.device,
) -> NDArray[np.float64]:
    """Float64[n] logits in evaluation mode."""
    target = resolve_device(device)
    module.to(target)
    models.load(module, vector)
    was_training = module.training
    module.eval()
    found = np.empty(len(features), dtype=np.float64)
    with torch.inference_mode(), _threads(min(_SCORE_ROWS, len(features)) * len(vector)):
        for start in range(0, len(features), _SCORE_ROWS):
            part = _tensor(features[start : start + _SCORE_ROWS], target)
            found[start : start + len(part)] = logits(module, part).double().cpu().numpy()
    module.train(was_training)
    return found


def logits(module: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    """The module's output as one logit per row, shape (n,)."""
    output: torch.Tensor = module(rows)
    return output.view(len(rows))


def _check_rows(features: NDArray[Any], labels: NDArray[Any]) -> None:
    if features.ndim != 2 or features.dtype != np.float32:
        raise DataError(f"training rows must be float32[n, n_features], not {features.dtype} {features.shape}")
    if labels.shape != (len(features),) or labels.dtype.kind not in "iu":
        raise DataError(f"training labels must be integers[{len(features)}], not {labels.dtype} {labels.shape}")
    if len(labels) == 0:
        raise DataError("there are no rows to train on; nothing is sent")
    if int(labels.min()) < 0 or int(labels.max()) > 1:
        raise DataError("training labels must be 0 or 1")
    if not np.isfinite(features).all():
        raise DataError("a training feature is NaN or infinite; nothing is sent")


@contextlib.contextmanager
def _threads(multiplications: int) -> Iterator[None]:
    """One thread for small steps: waking others costs more than they save, and far more on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(before if multiplications >= _WORTH_THREADS else 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _seeds(seed: int | Sequence[int]) -> tuple[int, int]:
    parts = (seed,) if isinstance(seed, int) else tuple(seed)
    first, second = np.random.SeedSequence(parts).generate_state(2, np.uint64)
    return int(first) >> 1, int(second) >> 1


def _tensor(array: NDArray[Any], device: torch.device) -> torch.Tensor:
    usable = np.ascontiguousarray(array)
    return torch.from_numpy(usable if usable.flags.writeable else usable.copy()).to(device)


def _flat_views(
    module: nn.Module, start: NDArray[np.float32], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Lay all parameters, and all gradients, in one vector each: a step is then a few calls, however many layers."""
    module.to(device)
    weights = torch.tensor(start, device=device)
    gradient = torch.zeros_like(weights)
    first = 0
    for parameter in module.parameters():
        last = first + parameter.numel()
        parameter.data = weights[first:last].view(parameter.shape)
        parameter.grad = gradient[first:last].view(parameter.shape)
        first = last
    return weights, gradient


def _set_gradient(module: nn.Module, gradient: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> None:
    if type(module) is nn.Linear:
        _set_linear_gradient(module, gradient, x, y)
        return
    gradient.zero_()
    torch.autograd.backward(binary_cross_entropy_with_logits(logits(module, x), y))


@torch.no_grad()
def _set_linear_gradient(module: nn.Linear, gradient: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> None:
    """The operations of torch's own backward pass, and so its bits, without autograd: it costs six times as much."""
    error = module(x).sigmoid_().sub_(y[:, None]).div_(len(y))
    torch.mm(error.t(), x, out=gradient[:-1].view(1, -1))
    torch.sum(error, 0, out=gradient[-1:])


def _check_finite(module: nn.Module, weights: torch.Tensor, epoch: int) -> None:
    if bool(torch.isfinite(weights).all()):
        return
    name = next(name for name, value in module.named_parameters() if not bool(torch.isfinite(value).all()))
    raise UnfitUpdateError(
        f"training diverged in local epoch {epoch + 1}: tensor {name!r} holds values that are not finite; "
        "nothing is sent",
        reason="training diverged: not finite",
        hint="lower training.learning_rate or training.momentum, and check the columns' ranges",
    )
