from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from cipherward.errors import DataError, ProtocolError, StudyError, UnfitUpdateError
from cipherward.learning import averaging, models, networks, sgd
from cipherward.learning.devices import resolve_device
from cipherward.learning.linear import Linear
from cipherward.learning.model_kind import Module
from cipherward.study import Model, Training

Rows = tuple[NDArray[np.float32], NDArray[np.int8]]


def rows(n: int = 600, n_features: int = 9, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, n_features)).astype(np.float32)
    slope = rng.normal(size=n_features)
    return x, (rng.random(n) < 1 / (1 + np.exp(-(x @ slope)))).astype(np.int8)


Made = tuple[Module, NDArray[np.float32]]


def compiled_logistic(n_features: int = 9) -> Made:
    module = models.build(Model(), n_features, seed=1)
    return module, models.flatten(module)


def logistic_network(n_features: int = 9) -> Made:
    """The oracle: the same model as a torch module."""
    module, start = compiled_logistic(n_features)
    assert isinstance(module, Linear)
    return networks.linear(module), start


def mlp(n_features: int = 9) -> Made:
    module = models.build(Model(kind="mlp", hidden=(8, 4)), n_features, seed=1)
    return module, models.flatten(module)


def network_of(made: Made) -> nn.Module:
    module, _ = made
    return networks.linear(module) if isinstance(module, Linear) else module


MadeBy = Callable[..., Made]
LOGISTIC: list[MadeBy] = [compiled_logistic, logistic_network]
EVERY: list[MadeBy] = [*LOGISTIC, mlp]
every_logistic = pytest.mark.parametrize("made_by", LOGISTIC)
every_model = pytest.mark.parametrize("made_by", EVERY)


@every_model
@pytest.mark.parametrize(
    "extra", [{}, {"momentum": 0.9}, {"weight_decay": 0.1}, {"momentum": 0.5, "weight_decay": 0.01}]
)
def test_full_batch_training_is_torchs_own_sgd(made_by: MadeBy, extra: dict[str, Any]) -> None:
    x, y = rows()
    module, start = made_by()
    settings = Training(local_epochs=5, batch_size=len(y), learning_rate=0.3, **extra)
    trained = sgd.train(module, start, x, y, settings, seed=0)

    reference = network_of(made_by())
    optimiser = torch.optim.SGD(reference.parameters(), lr=0.3, **extra)
    for _ in range(5):
        optimiser.zero_grad()
        logit = reference(torch.tensor(x))[:, 0]
        torch.autograd.backward(nn.functional.binary_cross_entropy_with_logits(logit, torch.tensor(y).float()))
        optimiser.step()
    assert np.allclose(trained, models.flatten(reference), atol=2e-6)
    assert not np.allclose(trained, start, atol=1e-3)


@every_logistic
def test_a_proximal_step_is_the_gradient_of_the_penalised_loss(made_by: MadeBy) -> None:
    x, y = rows()
    module, start = made_by()
    settings = Training(local_epochs=2, batch_size=len(y), learning_rate=0.3, proximal=0.7)
    trained = sgd.train(module, start, x, y, settings, seed=0)

    weights = torch.tensor(start, requires_grad=True)
    for _ in range(2):
        logit = torch.tensor(x) @ weights[:-1] + weights[-1]
        loss = nn.functional.binary_cross_entropy_with_logits(logit, torch.tensor(y).float())
        loss = loss + 0.35 * ((weights - torch.tensor(start)) ** 2).sum()
        (gradient,) = torch.autograd.grad(loss, weights)
        weights = (weights - 0.3 * gradient).detach().requires_grad_()
    assert np.allclose(trained, weights.detach().numpy(), atol=2e-6)


def test_a_stronger_proximal_term_keeps_the_weights_nearer_to_the_start() -> None:
    x, y = rows()
    module, start = mlp()
    moved = [
        float(np.linalg.norm(sgd.train(module, start, x, y, settings, seed=0) - start))
        for settings in (
            Training(local_epochs=20, batch_size=256, learning_rate=0.1, proximal=mu) for mu in (0.0, 0.3, 3.0)
        )
    ]
    assert moved[0] > 1.2 * moved[1] > 1.44 * moved[2] > 0


@every_model
def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(made_by: MadeBy) -> None:
    x, y = rows()
    module, start = made_by()
    settings = Training(local_epochs=2, batch_size=64)
    one = sgd.train(module, start, x, y, settings, seed=(3, 4))
    torch.manual_seed(1234)
    other_module, _ = made_by()
    assert np.array_equal(one, sgd.train(other_module, start, x, y, settings, seed=(3, 4)))
    assert not np.array_equal(one, sgd.train(module, start, x, y, settings, seed=(3, 5)))


@every_logistic
def test_the_number_of_threads_does_not_change_logistic_regression(made_by: MadeBy) -> None:
    x, y = rows(5_000, 126)
    module, start = made_by(126)
    before = torch.get_num_threads()
    trained = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            trained.append(sgd.train(module, start, x, y, Training(batch_size=512), seed=0))
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(trained[0], trained[1])


def test_dropout_follows_from_the_seed_and_leaves_the_global_generator_alone() -> None:
    x, y = rows()
    module = models.build(
        Model(kind="custom"), 9, 0, lambda n: nn.Sequential(nn.Linear(n, 8), nn.Dropout(0.5), nn.Linear(8, 1))
    )
    start = models.flatten(module)
    before = torch.get_rng_state()
    one, two = (sgd.train(module, start, x, y, Training(batch_size=256), seed=7) for _ in range(2))
    assert np.array_equal(one, two)
    assert torch.equal(before, torch.get_rng_state())


def test_fedavg_with_one_hospital_is_plain_training() -> None:
    x, y = rows()
    module, start = mlp()
    weights, plain = start, start
    for index in range(3):
        trained = sgd.train(module, weights, x, y, Training(batch_size=256), seed=(0, index))
        update = trained.astype(np.float64) - weights
        weights = averaging.next_weights(weights, averaging.mean_update(0.25 * update, 0.25, 1))
        plain = sgd.train(module, plain, x, y, Training(batch_size=256), seed=(0, index))
    assert np.array_equal(weights, plain)


@every_logistic
def test_logistic_regression_reaches_the_optimum_that_scikit_learn_finds(made_by: MadeBy) -> None:
    from sklearn.linear_model import LogisticRegression

    x, y = rows(3_000)
    module, start = made_by()
    settings = Training(local_epochs=1_000, batch_size=len(y), learning_rate=1.0, momentum=0.9)
    trained = sgd.train(module, start, x, y, settings, seed=0)
    oracle = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1_000).fit(x.astype(np.float64), y)
    assert np.allclose(trained, [*oracle.coef_[0], *oracle.intercept_], atol=1e-4)


@every_logistic
def test_scores_are_probabilities_of_the_given_weights_whatever_the_module_held(made_by: MadeBy) -> None:
    x, _ = rows(40_000, 3)
    module, start = made_by(3)
    models.load(module, np.zeros(4, dtype=np.float32))
    found = sgd.scores(module, start, x)
    expected = 1 / (1 + np.exp(-(x.astype(np.float64) @ start[:3] + start[3])))
    assert found.dtype == np.float64
    assert np.allclose(found, expected, atol=1e-6)
    assert sgd.scores(module, start, x[:0]).shape == (0,)


@every_logistic
def test_read_only_and_transposed_rows_are_fine(made_by: MadeBy) -> None:
    x, y = rows(100)
    module, start = made_by()
    expected = sgd.train(module, start, x, y, Training(batch_size=256), seed=0)
    odd = np.asfortranarray(x)
    odd.flags.writeable = False
    assert np.array_equal(sgd.train(module, start, odd, y, Training(batch_size=256), seed=0), expected)


@every_logistic
def test_the_caller_keeps_the_start_vector(made_by: MadeBy) -> None:
    x, y = rows(100)
    module, start = made_by()
    kept = start.copy()
    trained = sgd.train(module, start, x, y, Training(batch_size=256), seed=0)
    models.load(module, kept)
    assert np.array_equal(start, kept)
    assert not np.array_equal(trained, kept)


def test_diverged_training_sends_nothing_and_names_the_tensor() -> None:
    x, y = rows()
    module, start = mlp()
    with pytest.raises(DataError, match=r"diverged in local epoch .* tensor 'hidden1.weight' .* nothing is sent"):
        sgd.train(module, start, x * 1e18, y, Training(local_epochs=30, batch_size=256, learning_rate=1e20), seed=0)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.zeros((0, 9), np.float32), np.zeros(0, np.int8)),
        (np.zeros((4, 9), np.float64), np.zeros(4, np.int8)),
        (np.zeros((4, 9), np.float32), np.zeros(3, np.int8)),
        (np.zeros((4, 9), np.float32), np.full(4, 2, np.int8)),
        (np.zeros((4, 9), np.float32), np.zeros(4, np.float32)),
        (np.full((4, 9), np.nan, np.float32), np.zeros(4, np.int8)),
    ],
)
def test_rows_that_cannot_be_trained_on_are_refused(x: NDArray[Any], y: NDArray[Any]) -> None:
    module, start = compiled_logistic()
    with pytest.raises(DataError):
        sgd.train(module, start, x, y, Training(batch_size=256), seed=0)


@every_logistic
def test_a_start_vector_of_another_model_is_refused(made_by: MadeBy) -> None:
    x, y = rows(10)
    module, start = made_by()
    with pytest.raises(ProtocolError, match="does not fit"):
        sgd.train(module, start[:-1], x, y, Training(batch_size=256), seed=0)


def test_the_device_is_what_was_asked_for_or_an_error_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == resolve_device("cpu") == torch.device("cpu")
    with pytest.raises(StudyError, match="no CUDA device"):
        resolve_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == resolve_device("cuda") == torch.device("cuda")
    with pytest.raises(StudyError, match="not known"):
        resolve_device("tpu")  # type: ignore[arg-type]


@every_logistic
def test_the_mean_loss_has_no_upper_limit_and_is_not_a_number_where_the_model_is_none(made_by: MadeBy) -> None:
    module, start = made_by()
    x, labels = rows(100)

    def loss(scale: float) -> float:
        return sgd.mean_loss(module, np.full_like(start, scale), x, labels)

    assert loss(0.0) == pytest.approx(np.log(2.0))
    assert loss(1e30) > 1e28
    assert np.isnan(loss(np.nan))


class Picky(nn.Module):
    """Cannot take the last row of an odd number, as normalisation over a minibatch cannot take a single one."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) == 1 and float(x[0, 0]) > 50.0:  # not when it is tried on made-up rows
            raise KeyError(f"first value {float(x[0, 0])}")
        found: torch.Tensor = self.layer(x)
        return found


def test_what_a_users_module_raises_is_a_reason_to_decline_that_logs_no_value() -> None:
    module = models.build(Model(kind="custom"), 3, 1, lambda _: Picky())
    x = np.full((9, 3), 77.5, dtype=np.float32)
    y = (np.arange(9) % 2).astype(np.int8)
    with pytest.raises(UnfitUpdateError, match=r"module Picky failed on a batch of 1 row.*KeyError") as error:
        sgd.train(module, models.flatten(module), x, y, Training(batch_size=4), seed=1)
    assert error.value.reason == "the model failed"
    assert "77.5" not in error.value.logged
    with pytest.raises(UnfitUpdateError, match="Picky"):
        sgd.scores(module, models.flatten(module), x[:1])
