"""Local training and scoring at one hospital.

FedAvg's local step (McMahan et al. 2017, algorithm 1, ClientUpdate) with FedProx's proximal term (Li et al. 2020,
algorithm 2): minimise mean loss + proximal / 2 * ||w - w_0||^2 by minibatch SGD; the loss is that of the type of outcome.
Logistic regression is trained by compiled kernels (`linear`), other linear models by numpy (`linear_outputs`), everything else
by torch (`network_sgd`). On the CPU the result depends on the arguments
alone; on CUDA some user modules have kernels that torch does not make deterministic.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import DataError
from cipherward.learning import checks, linear, linear_outputs, models
from cipherward.learning.devices import Device, check_device
from cipherward.learning.linear import Linear
from cipherward.learning.linear_outputs import LinearOutputs
from cipherward.learning.model_kind import Module
from cipherward.learning.outcome import Outcome
from cipherward.learning.outcome_binary import BINARY
from cipherward.privacy.noise import RecordNoise
from cipherward.privacy.randomness import Randomness
from cipherward.study import Training

if TYPE_CHECKING:
    import torch


def train(
    module: Module,
    start: NDArray[np.float32],
    features: NDArray[np.float32],
    labels: NDArray[Any],
    settings: Training,
    *,
    seed: int | Sequence[int],
    device: Device | torch.device = "cpu",
    outcome: Outcome = BINARY,
) -> NDArray[np.float32]:
    """Train from `start` for `settings.local_epochs` epochs and return the new weights.

    The update rule is that of torch.optim.SGD (weight decay on every parameter, momentum from zero at each call) with
    the proximal gradient added; the last, shorter minibatch of an epoch is kept.

    Args:
        module: from `models.build`; scratch.
        start: float32[n_parameters].
        features: float32[n, n_features], finite.
        labels: [n], as the type of outcome has them; of a binary one integers, 0 or 1.
        settings: epochs, batch size, learning rate, momentum, weight decay, proximal.
        seed: one or more non-negative integers; decides shuffling and the module's own randomness (dropout).
        device: "auto", "cpu" or "cuda"; linear models are always trained and scored on the CPU.
        outcome: its type, with the constants of one that is a number, and what rows count for.

    Returns:
        float32[n_parameters].

    Raises:
        DataError: unusable rows, or training that diverged; the text names the first tensor that is not finite.
        StudyError: the device is not there.
        ProtocolError: `start` does not fit the module.
    """
    check_device(device)
    models.check_vector(module, start)
    checks.rows(features, labels, outcome)
    order_seed, module_seed = _seeds(seed)
    if isinstance(module, LinearOutputs):
        return linear_outputs.train(module, start, features, labels, settings, order_seed, outcome)
    if isinstance(module, Linear):
        sides = labels.astype(np.uint8)
        return linear.train(module, start, features, sides, settings, order_seed, outcome.class_weights)
    from cipherward.learning import network_sgd

    y = outcome.targets(labels)
    return network_sgd.train(module, start, features, y, settings, order_seed, module_seed, device, outcome)


def train_privately(
    module: Module,
    start: NDArray[np.float32],
    features: NDArray[np.float32],
    labels: NDArray[Any],
    settings: Training,
    noise: RecordNoise,
    *,
    randomness: Randomness,
    device: Device | torch.device = "cpu",
    outcome: Outcome = BINARY,
) -> NDArray[np.float32]:
    """As `train`, by DP-SGD. Minibatches, noise and the module's own randomness come from `randomness`, no seed.

    Raises:
        as `train`, and StudyError for a module whose gradients Opacus cannot give record by record.
    """
    models.check_vector(module, start)
    checks.rows(features, labels, outcome)
    from cipherward.learning import network_sgd, networks

    network = networks.linear(module) if isinstance(module, Linear) else module
    y = outcome.targets(labels)
    return network_sgd.train_privately(network, start, features, y, settings, noise, randomness, device, outcome)


def scores(
    module: Module,
    vector: NDArray[np.float32],
    features: NDArray[np.float32],
    device: Device | torch.device = "cpu",
    outcome: Outcome = BINARY,
) -> NDArray[np.float64]:
    """Predictions for each row, see `Outcome.scores`: of a binary outcome its probability, float64[n]; in evaluation mode, from
    float32 outputs.

    Raises:
        DataError: a score is not finite.
        StudyError, ProtocolError: as `train`.
    """
    found = outcome.scores(_outputs(module, vector, features, device))
    if not np.isfinite(found).all():
        raise DataError("the model gives a score that is not a number; look for missing values in the table")
    return found


def mean_loss(
    module: Module,
    vector: NDArray[np.float32],
    features: NDArray[np.float32],
    labels: NDArray[Any],
    device: Device | torch.device = "cpu",
    outcome: Outcome = BINARY,
) -> float:
    """Mean loss of the model on these rows, from its outputs, without any limit: NaN or infinity included."""
    found = losses(module, vector, features, labels, device, outcome)
    return float(found.mean()) if len(found) else 0.0


def losses(
    module: Module,
    vector: NDArray[np.float32],
    features: NDArray[np.float32],
    labels: NDArray[Any],
    device: Device | torch.device = "cpu",
    outcome: Outcome = BINARY,
) -> NDArray[np.float64]:
    """Each row's loss, float64[n], as `mean_loss`."""
    return outcome.losses(_outputs(module, vector, features, device), labels)


def _outputs(
    module: Module,
    vector: NDArray[np.float32],
    features: NDArray[np.float32],
    device: Device | torch.device,
) -> NDArray[np.float64]:
    """Float64[n] or float64[n, outputs] in evaluation mode."""
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
