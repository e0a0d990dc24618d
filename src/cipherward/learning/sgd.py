"""Local training and scoring at one hospital.

FedAvg's local step (McMahan et al. 2017, algorithm 1, ClientUpdate) with FedProx's proximal term (Li et al. 2020,
algorithm 2): minimise mean BCE + proximal / 2 * ||w - w_0||^2 by minibatch SGD. Logistic regression is trained by
compiled kernels (`linear`), everything else by torch (`network_sgd`). On the CPU the result depends on the arguments
alone; on CUDA some user modules have kernels that torch does not make deterministic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import DataError
from cipherward.learning import checks, linear, models
from cipherward.learning.devices import Device, check_device
from cipherward.learning.linear import Linear
from cipherward.learning.model_kind import Module
from cipherward.privacy.noise import RecordNoise
from cipherward.privacy.randomness import Randomness
from cipherward.study import Training

if TYPE_CHECKING:
    import torch


def train(
    module: Module,
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
        module: from `models.build`; scratch.
        start: float32[n_parameters].
        features: float32[n, n_features], finite.
        labels: integers[n], 0 or 1.
        settings: epochs, batch size, learning rate, momentum, weight decay, proximal.
        seed: one or more non-negative integers; decides shuffling and the module's own randomness (dropout).
        device: "auto", "cpu" or "cuda"; logistic regression is always trained and scored on the CPU.

    Returns:
        float32[n_parameters].

    Raises:
        DataError: unusable rows, or training that diverged; the text names the first tensor that is not finite.
        StudyError: the device is not there.
        ProtocolError: `start` does not fit the module.
    """
    check_device(device)
    models.check_vector(module, start)
    checks.rows(features, labels)
    order_seed, module_seed = _seeds(seed)
    if isinstance(module, Linear):
        return linear.train(module, start, features, labels.astype(np.uint8), settings, order_seed)
    from cipherward.learning import network_sgd

    y = labels.astype(np.float32)
    return network_sgd.train(module, start, features, y, settings, order_seed, module_seed, device)


def train_privately(
    module: Module,
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
    models.check_vector(module, start)
    checks.rows(features, labels)
    from cipherward.learning import network_sgd, networks

    network = networks.linear(module) if isinstance(module, Linear) else module
    y = labels.astype(np.float32)
    return network_sgd.train_privately(network, start, features, y, settings, noise, randomness, device)


def scores(
    module: Module,
    vector: NDArray[np.float32],
    features: NDArray[np.float32],
    device: Device | torch.device = "cpu",
) -> NDArray[np.float64]:
    """Predicted probability of the outcome for each row, float64[n], from float32 logits in evaluation mode.

    Raises:
        DataError: a score is not finite.
        StudyError, ProtocolError: as `train`.
    """
    found = linear.sigmoid(_outputs(module, vector, features, device))
    if not np.isfinite(found).all():
        raise DataError("the model gives a score that is not a number; look for missing values in the table")
    return found


def mean_loss(
    module: Module,
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
    module: Module,
    vector: NDArray[np.float32],
    features: NDArray[np.float32],
    device: Device | torch.device,
) -> NDArray[np.float64]:
    """Float64[n] logits in evaluation mode."""
    check_device(device)
    models.check_vector(module, vector)
    if isinstance(module, Linear):
        return module.logits(vector, features)
    from cipherward.learning import network_sgd

    return network_sgd.outputs(module, vector, features, device)


def _seeds(seed: int | Sequence[int]) -> tuple[int, int]:
    parts = (seed,) if isinstance(seed, int) else tuple(seed)
    first, second = np.random.SeedSequence(parts).generate_state(2, np.uint64)
    return int(first) >> 1, int(second) >> 1
