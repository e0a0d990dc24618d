"""The part of `sgd` that needs torch: training and scoring of modules. Arguments and errors are those of `sgd`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from cipherward.errors import CipherwardError, UnfitUpdateError, words_of
from cipherward.learning import backbones, checks, frozen, models, networks
from cipherward.learning.devices import Device, resolve_device
from cipherward.learning.outcome import Outcome
from cipherward.learning.outcome_binary import BINARY
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
    labels: NDArray[np.float32],
    settings: Training,
    order_seed: int,
    module_seed: int,
    device: Device | torch.device = "cpu",
    outcome: Outcome = BINARY,
) -> NDArray[np.float32]:
    """Minibatch SGD; the module's parameters end as the returned weights."""
    target = resolve_device(device)
    order_source = torch.Generator().manual_seed(order_seed)
    weights, gradient = _flat_views(module, start, target)
    layers, x = _layers(module, features, target)
    y = _tensor(labels, target)
    origin = weights.clone() if settings.proximal else weights
    scratch = torch.empty_like(weights)
    velocity = torch.zeros_like(weights)
    was_training = module.training
    module.train()
    with networks.seeded_rng(module_seed, target), _threads(settings.batch_size * len(start)), frozen.kept(layers):
        for epoch in range(settings.local_epochs):
            order = torch.randperm(len(labels), generator=order_source).to(target)
            for rows in torch.split(order, settings.batch_size):
                gradient.zero_()
                loss = outcome.torch_loss(logits(layers, x[rows]), y[rows], "mean")
                with _own_code(module, "the gradient"):
                    _backward(loss)
                if settings.weight_decay:
                    gradient.add_(weights, alpha=settings.weight_decay)
                if settings.proximal:
                    torch.sub(weights, origin, out=scratch)
                    gradient.add_(scratch, alpha=settings.proximal)
                step = velocity.mul_(settings.momentum).add_(gradient) if settings.momentum else gradient
                weights.add_(step, alpha=-settings.learning_rate)
            checks.finite(weights.cpu().numpy(), models.groups(module), epoch)
    module.train(was_training)
    trained: NDArray[np.float32] = weights.cpu().numpy().copy()
    return trained


def train_privately(
    module: nn.Module,
    start: NDArray[np.float32],
    features: NDArray[np.float32],
    labels: NDArray[np.float32],
    settings: Training,
    noise: RecordNoise,
    randomness: Randomness,
    device: Device | torch.device = "cpu",
    outcome: Outcome = BINARY,
) -> NDArray[np.float32]:
    """DP-SGD."""
    target = resolve_device(device)
    module.to(target)
    networks.load(module, start)
    layers, x = _layers(module, features, target)
    words = Words(randomness)
    was_training = module.training
    threads = _threads(settings.batch_size * len(start))
    with networks.seeded_rng(int(words.take(1)[0]) >> 1, target), threads, frozen.kept(layers):
        y = _tensor(labels, target)
        dpsgd.fit(layers, x, y, settings, noise, words, lambda given, wanted: outcome.torch_loss(given, wanted, "sum"))
    module.train(was_training)
    trained = networks.flatten(module)
    checks.finite(trained, models.groups(module), settings.local_epochs - 1)
    return trained


def outputs(
    module: nn.Module, vector: NDArray[np.float32], features: NDArray[np.float32], device: Device | torch.device = "cpu"
) -> NDArray[np.float64]:
    """Float64[n], of several outputs float64[n, outputs], in evaluation mode."""
    target = resolve_device(device)
    module.to(target)
    networks.load(module, vector)
    was_training = module.training
    module.eval()
    found: list[NDArray[np.float64]] = []
    with torch.inference_mode(), _threads(min(_SCORE_ROWS, len(features)) * len(vector)):
        for start in range(0, len(features), _SCORE_ROWS):
            layers, given = _layers(module, features[start : start + _SCORE_ROWS], target)
            found.append(logits(layers, given).double().cpu().numpy())
    module.train(was_training)
    return np.concatenate(found) if found else np.empty(0, dtype=np.float64)


def logits(module: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    """The module's output, shape (n,), of several numbers per row (n, outputs).

    Raises:
        UnfitUpdateError: the module's own code failed on these rows.
    """
    with _own_code(module, f"a batch of {len(rows)} row(s)"):
        output: torch.Tensor = module(rows)
        return output.reshape((len(rows), -1) if output.numel() > len(rows) else (len(rows),)).float()


@contextlib.contextmanager
def _own_code(module: nn.Module, what: str) -> Iterator[None]:
    """Whatever a study's module raises is a reason to decline, and nobody's crash."""
    try:
        yield
    except (CipherwardError, KeyboardInterrupt):
        raise
    except BaseException as error:
        failure = UnfitUpdateError(
            f"the model's module {type(module).__name__} failed on {what}: {words_of(error)}; nothing is sent",
            reason="the model failed",
            hint="correct the module; try it on single rows and on batches of every size that the tables leave",
        )
        failure.logged = f"the model's module {type(module).__name__} failed on {what}: {type(error).__name__}"
        raise failure from error


@contextlib.contextmanager
def _threads(multiplications: int) -> Iterator[None]:
    """One thread for small steps: waking others costs more than they save, and far more on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(before if multiplications >= _WORTH_THREADS else 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _layers(module: nn.Module, rows: NDArray[np.float32], device: torch.device) -> tuple[nn.Module, torch.Tensor]:
    """What is called in the module's place, and with what: after a frozen network only the layers that are trained."""
    if isinstance(module, backbones.Frozen):
        return module.output, module.inputs(_tensor(rows, torch.device("cpu")))
    return module, _tensor(rows, device)


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
    for _, parameter in networks.trained_parameters(module):
        last = first + parameter.numel()
        parameter.data = weights[first:last].view(parameter.shape)
        parameter.grad = gradient[first:last].view(parameter.shape)
        first = last
    return weights, gradient


def _backward(loss: torch.Tensor) -> None:
    torch.autograd.backward(loss)
