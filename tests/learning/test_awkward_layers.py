"""Normalisation, tied and frozen weights, buffers and adapters: each works, or is refused by name before anything runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests import simulator
from torch import Tensor, nn

from cipherward import predict
from cipherward.errors import StudyError, UnfitUpdateError
from cipherward.learning import catalogue, frozen, models, sgd
from cipherward.learning.model_kind import Factory
from cipherward.study import Model, Training

N = 6
SETTINGS = Training(local_epochs=3, batch_size=16, learning_rate=0.2)
RNG = np.random.default_rng(3)
ROWS = RNG.normal(size=(64, N)).astype(np.float32)
LABELS = (ROWS[:, 0] > 0).astype(np.int64)


class Of(nn.Module):
    """A module of some parts, and what its forward pass makes of them."""

    def __init__(self, forward: Callable[[Any, Tensor], Tensor], **parts: Any) -> None:
        super().__init__()
        self.of = forward
        for name, part in parts.items():
            self.register_buffer(name, part) if type(part) is Tensor else setattr(self, name, part)

    def forward(self, rows: Tensor) -> Tensor:
        return self.of(self, rows)


def fixed(layer: nn.Module) -> nn.Module:
    """As somebody trained it elsewhere."""
    draw = torch.Generator().manual_seed(11)
    for tensor in layer.parameters():
        tensor.data = torch.randn(tensor.shape, generator=draw)
    return layer.requires_grad_(False)


class Adapted(nn.Module):
    """A frozen layer and a low-rank adapter beside it (Hu et al. 2021)."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.base = fixed(nn.Linear(n, 8))
        self.down, self.up = nn.Linear(n, 2, bias=False), nn.Linear(2, 8, bias=False)
        nn.init.zeros_(self.up.weight)
        self.head = nn.Linear(8, 1)

    def forward(self, rows: Tensor) -> Tensor:
        return torch.as_tensor(self.head(torch.relu(self.base(rows) + self.up(self.down(rows)))))


class Still(nn.BatchNorm1d):
    """Normalises by statistics that are given."""

    def train(self, mode: bool = True) -> Still:
        return super().train(False)


def tied(n: int) -> nn.Module:
    one, two = nn.Linear(n, n), nn.Linear(n, n)
    two.weight = one.weight
    return nn.Sequential(one, nn.Tanh(), two, nn.Tanh(), nn.Linear(n, 1))


def buffered(n: int) -> nn.Module:
    places, scale = torch.arange(n).flip(0), torch.full((n,), 0.5, dtype=torch.float64)
    return Of(
        lambda m, rows: m.layer(rows[:, m.places]) * m.scale.mean(), layer=nn.Linear(n, 1), places=places, scale=scale
    )


def still(n: int) -> nn.Module:
    return nn.Sequential(nn.Linear(n, 4), Still(4), nn.ReLU(), nn.Linear(4, 1))


def with_digest(factory: Factory) -> Model:
    with pytest.raises(StudyError, match="the study does not state them") as caught:
        models.build(Model(kind="custom"), N, 5, factory)
    stated = re.search('frozen = "([0-9a-f]{64})"', caught.value.hint)
    assert stated
    return Model.model_validate({"kind": "custom", "frozen": stated[1]})


def trained(module: Any) -> np.ndarray:
    return sgd.train(module, models.flatten(module), ROWS, LABELS, SETTINGS, seed=1)


def test_tied_weights_are_sent_once_and_stay_tied() -> None:
    module = models.build(Model(kind="custom"), N, 5, tied)
    assert [name for name, _ in models.groups(module)] == ["0.weight", "0.bias", "2.bias", "4.weight", "4.bias"]
    before = models.flatten(module)
    after = trained(module)
    assert isinstance(module, nn.Module)
    layers = [*module.children()]
    assert torch.equal(layers[0].get_parameter("weight"), layers[2].get_parameter("weight"))
    assert not np.array_equal(before[: N * N], after[: N * N])
    loss = sgd.mean_loss(module, after, ROWS, LABELS)
    assert loss < sgd.mean_loss(module, before, ROWS, LABELS)


@pytest.mark.parametrize("factory", [Adapted, buffered, still], ids=["adapter", "buffers", "still norm"])
def test_frozen_values_are_not_sent_stay_as_they_are_and_are_stated_in_the_study(factory: Factory) -> None:
    model = with_digest(factory)
    assert catalogue.problems(model) == []
    assert "frozen values that are not trained (digest " in catalogue.describe(model)
    module = models.build(model, N, 5, factory)
    assert isinstance(module, nn.Module)
    held = frozen.copies(module)
    assert held
    assert not set(held) & {name for name, _ in models.groups(module)}
    before = models.flatten(module)
    after = trained(module)
    assert frozen.digest(module) == model.settings["frozen"]
    assert sgd.mean_loss(module, after, ROWS, LABELS) < sgd.mean_loss(module, before, ROWS, LABELS)
    assert np.isfinite(sgd.scores(module, after, ROWS)).all()


def test_an_adapter_sends_a_tenth_of_the_network_that_it_adapts() -> None:
    module = models.build(with_digest(Adapted), N, 5, Adapted)
    assert models.groups(module) == (
        ("down.weight", 12), ("up.weight", 16), ("head.weight", 8), ("head.bias", 1),
    )  # fmt: skip


def test_other_frozen_values_than_the_studys_are_refused_before_anything_runs() -> None:
    model = with_digest(Adapted)

    def other(n: int) -> nn.Module:
        module = Adapted(n)
        with torch.no_grad():
            module.base.get_parameter("bias")[0] += 2.0**-20
        return module

    with pytest.raises(StudyError, match="are not those of the study: digest"):
        models.build(model, N, 5, other)
    with pytest.raises(StudyError, match="has none"):
        models.build(model, N, 5, tied)
    with pytest.raises(StudyError, match="brings first values of its own: 'base"):
        models.build(Model(kind="custom"), N, 5, lambda n: fixed(Adapted(n)).requires_grad_(True))
    text = "model.frozen: String should match"
    assert text in catalogue.problems(Model.model_validate({"kind": "custom", "frozen": "abc"}))[0]


@pytest.mark.parametrize(
    ("factory", "reason", "hint"),
    [
        (
            lambda n: nn.Sequential(nn.Linear(n, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)),
            r"changes what is not trained when it is trained: buffer '1\.num_batches_tracked'.* of 1 \(BatchNorm1d\); statistics",
            "GroupNorm or LayerNorm",
        ),
        (
            lambda n: Of(lambda m, x: m.layer(x) + 0 * m.calls.add_(1), layer=nn.Linear(n, 1), calls=torch.zeros(1)),
            r"changes what is not trained when it predicts: buffer 'calls' of itself \(Of\)",
            "keep nothing",
        ),
        (lambda n: nn.Linear(n, 1).requires_grad_(False), "cannot be trained here: everything in it is frozen", ""),
        (lambda n: nn.Linear(n, 1).double(), r"'weight' is torch\.float64, not float32; make it \.float\(\)", ""),
        (
            lambda n: Of(lambda m, x: m.layer(x) + m.kept.sum(), layer=(a := nn.Linear(n, 1)), kept=a.weight.detach()),
            r"'(layer\.weight|kept)' and '(layer\.weight|kept)' share memory and are two tensors",
            "",
        ),
        (lambda n: nn.Sequential(nn.Linear(n, 4), nn.Linear(4, 1), nn.Identity()).apply(shared), "share memory", ""),
    ],
    ids=["batch norm", "counter", "all frozen", "float64", "buffer of a weight", "two views"],
)  # fmt: skip
def test_what_cannot_be_the_same_everywhere_is_refused_by_name(factory: Factory, reason: str, hint: str) -> None:
    with pytest.raises(StudyError, match=reason) as caught:
        models.build(Model(kind="custom"), N, 5, factory)
    assert hint in caught.value.hint


def shared(module: nn.Module) -> None:
    if isinstance(module, nn.Sequential):
        first, second = module[0], module[1]
        second.weight = nn.Parameter(first.get_parameter("weight").data.view(-1)[2:6].view(1, 4))


def test_a_module_that_changes_its_frozen_values_on_some_rows_alone_sends_nothing() -> None:
    def forward(module: Any, rows: Tensor) -> Tensor:
        if bool((rows > 100).any()):
            module.largest.fill_(100.0)
        return torch.as_tensor(module.layer(rows))

    def factory(n: int) -> nn.Module:
        return Of(forward, layer=nn.Linear(n, 1), largest=torch.zeros(1))

    module = models.build(with_digest(factory), N, 5, factory)
    trained(module)
    rows = ROWS.copy()
    rows[7, 2] = 1000.0
    with pytest.raises(UnfitUpdateError, match="changed values that are not trained"):
        sgd.train(module, models.flatten(module), rows, LABELS, SETTINGS, seed=1)


def test_frozen_values_get_no_noise_and_no_gradient_in_private_training() -> None:
    pytest.importorskip("opacus")
    from cipherward.privacy import dpsgd

    module = models.build(with_digest(Adapted), N, 5, Adapted)
    assert isinstance(module, nn.Module)
    wrapped = dpsgd.per_record(module)
    total = dpsgd.clipped_sum(wrapped, torch.from_numpy(ROWS), torch.from_numpy(LABELS).float(), 1.0)
    dpsgd.release(wrapped)
    assert total.shape == (models.n_parameters(module),)
    assert bool(total.any())
    assert frozen.digest(module)


def test_a_study_of_an_adapter_runs_is_verified_and_predicts_with_its_own_frozen_values_only(tmp_path: Path) -> None:
    def wide(n: int) -> nn.Module:
        return nn.Sequential(Adapted(n), nn.Flatten(0))

    document = {"kind": "custom"}
    with pytest.raises(StudyError, match="does not state them") as caught:
        simulator.run(tmp_path, simulator.study(3, model=document), name="first", module=wide)
    assert not (tmp_path / "first").exists()
    stated = re.findall("[0-9a-f]{64}", caught.value.hint)
    study = simulator.study(3, model=document | {"frozen": stated[0]}, aggregation={"scheme": "plain"})
    result = simulator.run(tmp_path, study, module=wide)
    assert result.summary["n_parameters"] == 7 * 2 + 2 * 8 + 8 + 1
    assert simulator.holds(result.path)
    table = tmp_path / "tables" / "clinic-1.csv"
    assert np.ptp(predict(result.path, table, module=wide(7))) > 0
    other = wide(7)
    other.register_buffer("more", torch.zeros(1))
    with pytest.raises(StudyError, match="are not those of the study"):
        predict(result.path, table, module=other)
