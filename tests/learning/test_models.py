from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from cipherward.errors import ProtocolError, StudyError
from cipherward.learning import catalogue, models, networks
from cipherward.learning.linear import Linear
from cipherward.learning.model_kind import Factory
from cipherward.study import Model

LOGISTIC = Model()
MLP = Model(kind="mlp", hidden=(8, 4))
CUSTOM = Model(kind="custom")


def test_logistic_regression_is_one_linear_layer() -> None:
    module = models.build(LOGISTIC, 7, seed=1)
    assert models.groups(module) == (("weight", 7), ("bias", 1))
    assert models.n_parameters(module) == 8
    assert isinstance(module, Linear)
    network = networks.linear(module)
    assert models.groups(network) == models.groups(module)
    assert np.array_equal(models.flatten(network), models.flatten(module))
    assert network(torch.zeros(3, 7)).shape == (3, 1)


def test_an_mlp_has_the_widths_of_the_study_and_relu_between_them() -> None:
    module = models.build(MLP, 7, seed=1)
    assert isinstance(module, nn.Module)
    assert [name for name, _ in models.groups(module)][::2] == ["hidden1.weight", "hidden2.weight", "output.weight"]
    assert models.n_parameters(module) == 7 * 8 + 8 + 8 * 4 + 4 + 4 + 1
    assert sum(isinstance(layer, nn.ReLU) for layer in module.modules()) == 2


def test_logistic_regression_starts_from_zeros_whatever_the_seed() -> None:
    for seed in (0, 5):
        assert not models.flatten(models.build(LOGISTIC, 7, seed=seed)).any()


def test_the_first_weights_of_an_mlp_are_small_random_and_follow_from_the_seed_alone() -> None:
    first = models.flatten(models.build(MLP, 16, seed=5))
    torch.manual_seed(99)
    assert np.array_equal(first, models.flatten(models.build(MLP, 16, seed=5)))
    assert not np.array_equal(first, models.flatten(models.build(MLP, 16, seed=6)))
    assert np.abs(first).max() <= 0.5
    assert len(np.unique(first)) > 0.9 * len(first)


def test_the_first_weights_are_the_same_bits_on_every_machine() -> None:
    vector = models.flatten(models.build(Model(kind="mlp", hidden=(1,)), 4, seed=2**63 - 1))
    assert vector[:5].astype("<f4").tobytes().hex() == "d925c1be88fcd1be2b61febe26b5e5bec65ea43d"


@pytest.mark.parametrize("factory", [None, lambda n: nn.Sequential(nn.Linear(n, 3), nn.Dropout(), nn.Linear(3, 1))])
def test_building_leaves_the_global_generator_alone(factory: Factory | None) -> None:
    before = torch.get_rng_state()
    models.build(CUSTOM if factory else MLP, 5, seed=3, factory=factory)
    assert torch.equal(before, torch.get_rng_state())


def test_a_custom_module_starts_from_the_seed_too() -> None:
    def factory(n: int) -> nn.Module:
        return nn.Sequential(nn.Linear(n, 3), nn.LayerNorm(3), nn.Linear(3, 1), nn.Flatten(0))

    one, two = (models.flatten(models.build(CUSTOM, 5, seed=3, factory=factory)) for _ in range(2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, models.flatten(models.build(CUSTOM, 5, seed=4, factory=factory)))


def test_a_vector_loaded_and_flattened_is_the_same_vector() -> None:
    module = models.build(MLP, 6, seed=1)
    vector = np.random.default_rng(0).normal(size=models.n_parameters(module)).astype(np.float32)
    models.load(module, vector)
    assert np.array_equal(models.flatten(module), vector)
    vector[:] = 0
    assert models.flatten(module).any()


def test_a_vector_of_another_model_is_refused() -> None:
    module = models.build(LOGISTIC, 6, seed=1)
    vectors: list[Any] = [np.zeros(6, np.float32), np.zeros((7, 1), np.float32), np.zeros(7, np.float64)]
    for wrong in vectors:
        with pytest.raises(ProtocolError, match="does not fit"):
            models.load(module, wrong)


class Frozen(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.layer = nn.Linear(n, 1)
        self.layer.bias.requires_grad_(False)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layer(rows)
        return out


class Parameterless(nn.Module):
    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows[:, 0]


class Own(nn.Module):
    """One linear layer, and what somebody has written around it."""

    def __init__(self, n: int, around: Callable[[nn.Module, torch.Tensor], Any]) -> None:
        super().__init__()
        self.layer, self.around, self.calls = nn.Linear(n, 1), around, 0

    def forward(self, rows: torch.Tensor) -> Any:
        self.calls += 1
        return self.around(self, rows)


def own(around: Callable[[Any, torch.Tensor], Any]) -> Callable[[int], nn.Module]:
    return lambda n: Own(n, around)


def leaves(module: Any, rows: torch.Tensor) -> Any:
    raise SystemExit(0)


class Unlisted(Own):
    def parameters(self, recurse: bool = True) -> Any:
        raise KeyError(recurse)


def hooked(n: int) -> nn.Module:
    layer = nn.Linear(n, 1)
    layer.weight.register_hook(lambda gradient: gradient[:, :1])  # type: ignore[no-untyped-call]
    return layer


class SpeechlessError(Exception):
    """As somebody's code may define it: making its text fails, too."""

    def __str__(self) -> str:
        raise SystemExit


def raising(error: Exception) -> Factory:
    def factory(n_features: int) -> nn.Module:
        raise error

    return factory


@pytest.mark.parametrize(
    ("factory", "reason"),
    [
        (own(lambda m, rows: m.layer(rows.mul_(0.5))), "changes the rows that it is given"),
        (own(lambda m, rows: m.layer(rows) + m.calls), "another prediction when it is asked again"),
        (own(lambda m, rows: m.layer(rows) * float("nan")), "NaN or infinity for ordinary rows"),
        (own(lambda m, rows: m.layer(rows).detach()), "its output has no gradient"),
        (own(lambda m, rows: torch.from_numpy(m.layer(rows).detach().numpy())), "its output has no gradient"),
        (own(lambda m, rows: m.layer(rows.argsort(0).float())), "differently beside other rows"),
        (own(lambda m, rows: (m.layer(rows), rows)), "gave tuple"),
        (own(lambda m, rows: m(rows)), "RecursionError"),
        (
            own(lambda m, rows: m.layer(rows) if len(rows) > 1 else m.no_such_layer),
            "cannot take a row alone.*AttributeError",
        ),
        (own(leaves), "cannot take float32.*SystemExit"),
        (lambda n: Unlisted(n, leaves), "failed when it was looked at: KeyError"),
        (lambda n: nn.Linear(n, 1, device="meta"), "failed when it was looked at: NotImplementedError"),
        (hooked, "failed on rows to try it: RuntimeError"),
        (lambda n: nn.Sequential(nn.Linear(n, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)), r"of 1 \(BatchNorm1d\)"),
        (lambda n: nn.Linear(n, 1).double(), "float64"),
        (lambda n: nn.Linear(n, 1).to(torch.float16), "float16"),
        (lambda n: nn.Linear(n, 2), r"\(2, 2\)"),
        (lambda n: nn.Sequential(nn.Linear(n, 1), nn.Flatten(0), nn.Softmax(0), nn.Unflatten(0, (1, 2))), r"\(1, 2\)"),
        (lambda n: nn.Linear(n + 1, 1), "cannot take"),
        (Frozen, r"not trained \('layer.bias'\), and the study does not state them"),
        (lambda n: Parameterless(), "no parameters"),
        (lambda n: "a module", "returned str"),
        (lambda n: {1: nn.Linear(n, 1)}[2], "factory failed: KeyError"),
        (raising(SpeechlessError()), "factory failed: SpeechlessError: it cannot say what happened"),
        (raising(ValueError("\x1b[2J" + "x" * 10_000)), "factory failed: ValueError:  \\[2Jx{496}$"),
    ],
)
def test_a_custom_module_that_cannot_be_summed_is_refused_with_the_reason(
    factory: Callable[[int], nn.Module], reason: str
) -> None:
    with pytest.raises(StudyError, match=reason):
        models.build(CUSTOM, 5, seed=0, factory=factory)


def test_a_factory_and_the_kind_custom_belong_together() -> None:
    with pytest.raises(StudyError, match="needs a module factory"):
        models.build(CUSTOM, 5, seed=0)
    with pytest.raises(StudyError, match="does not take"):
        models.build(LOGISTIC, 5, seed=0, factory=lambda n: nn.Linear(n, 1))
    with pytest.raises(StudyError, match="at least one"):
        models.build(LOGISTIC, 0, seed=0)


class Centred(nn.Module):
    """Looks at the mean of the rows beside it, without a buffer and without a layer that says so."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.layer = nn.Linear(n_features, 1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layer(rows - rows.mean(dim=0))
        return found


def test_a_module_that_predicts_a_row_by_its_company_is_refused_by_name() -> None:
    def batch_norm(n: int) -> nn.Module:
        norm = nn.BatchNorm1d(8, track_running_stats=False)
        return nn.Sequential(OrderedDict(first=nn.Linear(n, 8), norm=norm, last=nn.Linear(8, 1)))

    with pytest.raises(StudyError, match=r"differently beside other rows: norm \(BatchNorm1d\)"):
        models.build(CUSTOM, 5, 1, batch_norm)
    with pytest.raises(StudyError, match="Centred predicts a row differently"):
        models.build(CUSTOM, 5, 1, Centred)
    models.build(
        CUSTOM, 5, 1, lambda n: nn.Sequential(nn.Linear(n, 8), nn.GroupNorm(2, 8), nn.Dropout(), nn.Linear(8, 1))
    )


class _Pretrained(nn.Module):
    """A module whose first weights somebody chose: it looks at one input alone."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(n_features)
        self.out = nn.Linear(n_features, 1)
        with torch.no_grad():
            self.out.weight.zero_()
            self.out.weight[0, 1] = 30.0

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.out(self.norm(rows)))


def test_a_module_that_brings_first_values_is_refused_by_name() -> None:
    with pytest.raises(
        StudyError, match=r"_Pretrained brings first values of its own: 'out\.weight' do not follow"
    ) as caught:
        models.build(CUSTOM, 3, 7, _Pretrained)
    assert "trained elsewhere" in caught.value.hint
    models.build(CUSTOM, 3, 7, lambda n: nn.Sequential(nn.LayerNorm(n), nn.Linear(n, 1)))


@pytest.mark.parametrize("name", ["initial", "weights", "checkpoint", "start_from"])
@pytest.mark.parametrize("kind", ["logistic-regression", "mlp", "custom"])
def test_no_setting_of_a_study_names_a_first_model(kind: str, name: str) -> None:
    model = Model.model_validate({"kind": kind, "hidden": [4] if kind == "mlp" else [], name: "model.safetensors"})
    assert any(f"model.{name}: kind '{kind}' has no such setting" in problem for problem in catalogue.problems(model))
