"""Yardsticks for a simulation: what pooling all rows would give, and what each hospital gets alone.

They see every hospital's rows, so they exist only where one process holds them all anyway. Both spend the federated
budget, from the same initial weights: rounds x local_epochs epochs with the same local optimiser, or at most as many Newton
steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cipherward.learning import averaging, newton, sgd
from cipherward.learning.devices import Device
from cipherward.learning.measured import Measured
from cipherward.learning.model_kind import Module
from cipherward.learning.outcome import Outcome
from cipherward.learning.outcome_binary import BINARY
from cipherward.study import Training

if TYPE_CHECKING:
    import torch

Rows = tuple[NDArray[np.float32], NDArray[Any]]
"""Features float32[n, n_features] and labels [n], as the type of outcome has them."""

_CENTRAL, _LOCAL = 0, 1  # keeps the two kinds' shuffling apart


@dataclass(frozen=True)
class Yardstick:
    """A model trained without federation, evaluated exactly on the pooled test rows.

    `by_round`: the headline metric before training and after each round's worth of epochs; empty for local models.
    """

    metrics: Measured
    by_round: tuple[float, ...]
    weights: NDArray[np.float32]


def centralised(
    module: Module,
    start: NDArray[np.float32],
    train_rows: Sequence[Rows],
    test_rows: Sequence[Rows],
    settings: Training,
    *,
    seed: int,
    device: Device | torch.device = "cpu",
    outcome: Outcome = BINARY,
    validation_rows: Sequence[Rows] = (),
) -> Yardstick:
    """Train one model on all hospitals' training rows pooled.

    Args:
        module: from `models.build`; scratch.
        start: float32[n_parameters], the federated run's first model.
        train_rows, test_rows: one (features, labels) per hospital.
        settings: the federated run's; it stops early as that does, by `validation_rows`, where there are some.
        seed: non-negative; decides shuffling.
        device: "auto", "cpu" or "cuda".
        outcome: its type, with the constants of one that is a number.

    Raises:
        DataError: rows that cannot be trained or evaluated on (one class in the test rows, divergence).
    """
    test_features, test_labels = _pooled(test_rows)
    weights = start
    reached = [_evaluate(module, weights, test_features, test_labels, device, outcome)]
    held = _pooled(validation_rows) if validation_rows else None
    for weights in _trained(module, start, _pooled(train_rows), settings, (seed, _CENTRAL), device, outcome, held):
        reached.append(_evaluate(module, weights, test_features, test_labels, device, outcome))
    return Yardstick(reached[-1], tuple(result.headline for result in reached), weights)


def local_only(
    module: Module,
    start: NDArray[np.float32],
    train_rows: Sequence[Rows],
    test_rows: Sequence[Rows],
    settings: Training,
    *,
    seed: int,
    device: Device | torch.device = "cpu",
    outcome: Outcome = BINARY,
    validation_rows: Sequence[Rows] = (),
) -> tuple[Yardstick, ...]:
    """One model per hospital, trained on its own rows alone; arguments and errors as `centralised`."""
    test_features, test_labels = _pooled(test_rows)
    found = []
    for hospital, rows in enumerate(train_rows):
        held = validation_rows[hospital] if validation_rows else None
        *_, weights = _trained(module, start, rows, settings, (seed, _LOCAL, hospital), device, outcome, held)
        found.append(Yardstick(_evaluate(module, weights, test_features, test_labels, device, outcome), (), weights))
    return tuple(found)


def _trained(
    module: Module,
    start: NDArray[np.float32],
    rows: Rows,
    settings: Training,
    seed: tuple[int, ...],
    device: Device | torch.device,
    outcome: Outcome,
    validation: Rows | None,
) -> Iterator[NDArray[np.float32]]:
    """The weights after each round, or each Newton step of a fit."""
    features, labels = rows
    if settings.method == "newton":
        ridge = newton.default_ridge(max(len(labels), 1), settings.weight_decay)
        yield from newton.fitted(start, features, labels, settings.rounds, ridge, outcome.steps)
        return
    weights, losses = start, list[float]()
    looks = validation is not None and len(validation[1]) > 0 and (settings.patience > 0 or settings.halves_rate)
    for index in range(settings.rounds):
        chosen = settings
        if validation is not None and looks:
            losses.append(sgd.mean_loss(module, weights, *validation, device, outcome))
            if index and averaging.has_converged(losses, settings.patience, settings.min_improvement):
                return
            if settings.halves_rate:
                rate = settings.learning_rate * averaging.rate_factor(losses)
                chosen = settings.model_copy(update={"learning_rate": rate})
        options: dict[str, Any] = {"seed": (*seed, index), "device": device, "outcome": outcome}
        weights = sgd.train(module, weights, features, labels, chosen, **options)
        yield weights


def _pooled(rows: Sequence[Rows]) -> Rows:
    return np.concatenate([features for features, _ in rows]), np.concatenate([labels for _, labels in rows])


def _evaluate(
    module: Module,
    weights: NDArray[np.float32],
    features: NDArray[np.float32],
    labels: NDArray[Any],
    device: Device | torch.device,
    outcome: Outcome,
) -> Measured:
    return outcome.exact(sgd.scores(module, weights, features, device, outcome), labels)
