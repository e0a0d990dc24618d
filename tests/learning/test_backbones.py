"""Networks that were trained elsewhere: they stay as they are, one layer is trained, and a study means one file."""

from __future__ import annotations

import gc
import hashlib
import sys
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import polars as pl
import pytest
import safetensors.torch
import torch
from tests import simulator
from tests.installed import needs

from cipherward.errors import StudyError
from cipherward.learning import (
    baselines,
    catalogue,
    frozen,
    kept_features,
    models,
    network_sgd,
    personal,
    sgd,
    weight_files,
)
from cipherward.learning.outcome import Outputs
from cipherward.learning.outcome_binary import BINARY
from cipherward.learning.outcomes import outcome_of
from cipherward.privacy.noise import record_noise
from cipherward.privacy.randomness import SYSTEM
from cipherward.runs.prediction import predict_rows
from cipherward.runs.verify import verify_sums
from cipherward.study import Data, Model, Training
from cipherward.tasks import rounds
from cipherward.tasks.catalogue import make_task

pytestmark = needs("backbones", "monai")

SHAPE = (1, 16, 16)
CLASSES = Data(source="files", outcome="y", outcome_type="multiclass", classes=("a", "b", "c"))
PRIVATE = {"unit": "record", "epsilon": 8.0, "delta": 1e-6, "clipping_norm": 1.0}
SETTINGS = Training(local_epochs=3, batch_size=16, learning_rate=0.1)
IMAGE = {"name": "scan", "kind": "image", "shape": list(SHAPE), "minimum": 0, "maximum": 255}


def kind(**settings: Any) -> Model:
    return Model.model_validate({"kind": "backbone", "network": "resnet10", "weights": "seeded"} | settings)


def built(model: Model, seed: int = 3, outputs: Outputs | None = None, shape: tuple[int, ...] = SHAPE) -> Any:
    return models.build(model, int(np.prod(shape)), seed, outputs=outputs, shape=shape)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """No module of another test has features of the same network."""
    monkeypatch.setattr(kept_features, "_of_networks", WeakValueDictionary())


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    """The network's weights of another seed."""
    everything = built(kind(), 8).state_dict()
    return {name.removeprefix("network."): each for name, each in everything.items() if name.startswith("network.")}


def saved(
    folder: Path, published: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch, **changes: Any
) -> dict[str, str]:
    """A file with those weights, as somebody would publish it; what a study states of it."""
    tensors = published | {"fc.weight": torch.zeros(5, 512)} | changes
    safetensors.torch.save_file(
        {k: v.contiguous() for k, v in tensors.items() if v is not None}, folder / "net.safetensors"
    )
    monkeypatch.setenv(weight_files.FOLDER, str(folder))
    digest = hashlib.sha256((folder / "net.safetensors").read_bytes()).hexdigest()
    return {"weights": "net.safetensors", "sha256": digest}


def images(seed: int, n: int = 60) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    rows = rng.normal(0.0, 1.0, (n, 16, 16)).astype(np.float32)
    rows[labels == 1, 4:12, 4:12] += 2.0
    return rows.reshape(n, -1), labels


@pytest.mark.parametrize(
    "network",
    [
        *("resnet10", "resnet50", "densenet121"),
        *(pytest.param(name, marks=pytest.mark.thorough) for name in ("resnet18", "resnet34")),
    ],
)
def test_every_network_gives_one_number_for_a_row_and_trains_its_last_layer_alone(network: str) -> None:
    module = built(kind(network=network), shape=(3, 32, 32))
    assert {name for name, _ in models.groups(module)} == {"output.weight", "output.bias"}
    assert any(isinstance(each, torch.nn.BatchNorm2d) for each in module.modules())
    assert module(torch.zeros(2, 3072)).shape == (2, 1)


def test_training_changes_the_last_layer_and_nothing_else_and_learns() -> None:
    module = built(kind())
    held = frozen.copies(module)
    x, y = images(1)
    settings = Training(local_epochs=3, batch_size=10, learning_rate=0.1)
    trained = sgd.train(module, models.flatten(module), x, y, settings, seed=1)
    assert frozen.changed(held, module) == []
    assert not any(each.training for each in module.network.modules())
    fresh, labels = images(2)
    assert ((sgd.scores(module, trained, fresh) > 0.5) == (labels == 1)).mean() > 0.9


def test_a_row_is_predicted_alike_alone_and_beside_others_while_training() -> None:
    module = built(kind())
    module.train()
    rows = torch.from_numpy(images(3)[0])
    assert torch.allclose(module(rows[:1]), module(rows)[:1], atol=1e-5)


def counted(module: Any) -> list[int]:
    """Of every call of its network the number of images, as it happens."""
    seen: list[int] = []
    module.network.register_forward_hook(lambda _, given, __: seen.append(len(given[0])))
    return seen


def test_rows_of_a_hospital_go_through_the_network_once_however_often_they_are_trained_on_and_scored() -> None:
    module = built(kind(), outputs=Outputs(3))
    seen, classes = counted(module), outcome_of(CLASSES)
    (x, _), (fresh, _) = images(1, 60), images(2, 7)
    y, weights = np.arange(60) % 3, models.flatten(module)
    for round_ in range(3):
        weights = sgd.train(module, weights, x, y, SETTINGS, seed=round_, outcome=classes)
        for rows in (x, fresh):
            models.load(module, weights)
            with torch.no_grad():
                direct = module.eval().forward(torch.from_numpy(rows)).double().numpy()
            del seen[-1]
            assert np.allclose(network_sgd.outputs(module, weights, rows), direct, atol=1e-4)
    assert seen == [32, 32, 32]


class _Whole(torch.nn.Module):
    """Not known to be frozen in part, so that each minibatch goes through the whole module."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module

    def forward(self, rows: torch.Tensor) -> Any:
        return self.module(rows)


@pytest.mark.parametrize("n", [60, 61, 64])
def test_the_trained_weights_are_those_of_training_through_the_network(n: int) -> None:
    module = built(kind())
    x, y = images(1, n)
    start = models.flatten(module)
    kept = sgd.train(module, start, x, y, SETTINGS, seed=5)
    direct = sgd.train(_Whole(module), start, x, y, SETTINGS, seed=5)
    assert np.abs(direct - start).max() > 0.01
    assert np.abs(kept - direct).max() < 1e-5


def test_weights_are_the_same_bits_whatever_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = images(1)
    module = built(kind())
    start = models.flatten(module)
    first = sgd.train(module, start, x, y, SETTINGS, seed=5)
    assert np.array_equal(first, sgd.train(module, start, x, y, SETTINGS, seed=5))
    del module
    after_a_restart = built(kind())
    sgd.scores(after_a_restart, start, x[7:])
    assert np.array_equal(first, sgd.train(after_a_restart, start, x, y, SETTINGS, seed=5))
    del after_a_restart
    monkeypatch.setattr(kept_features, "MOST_BYTES", 32 * 512 * 4)
    one_block = built(kind())
    seen = counted(one_block)
    for _ in range(2):
        assert np.array_equal(first, sgd.train(one_block, start, x, y, SETTINGS, seed=5))
        sgd.scores(one_block, start, x)
    # Of two blocks one is kept, and the other worked out in each of four calls: not in each epoch.
    assert seen == [32] * 5


def test_features_of_a_row_are_the_same_bits_on_any_number_of_threads() -> None:
    x = torch.from_numpy(images(1, 5)[0])
    found, before = [], torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            module = built(kind())
            found.append(module.inputs(x))
            assert torch.get_num_threads() == threads
            del module
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*found)


def test_modules_with_one_network_share_its_features_and_others_have_their_own() -> None:
    x = torch.from_numpy(images(1)[0])
    one, same, other_seed, other_size = built(kind()), built(kind()), built(kind(), 4), built(kind(size=32))
    calls = [counted(module) for module in (one, same, other_seed, other_size)]
    found = [module.inputs(x) for module in (one, same, other_seed, other_size)]
    assert calls == [[32, 32], [], [32, 32], [32, 32]]
    assert torch.equal(found[0], found[1])
    assert not torch.allclose(found[0], found[2])
    found[0].zero_()
    assert torch.equal(one.inputs(x), found[1])
    assert len(kept_features._of_networks) == 3
    del one, same, other_seed, other_size
    gc.collect()
    assert len(kept_features._of_networks) == 0


def test_more_rounds_and_epochs_of_the_yardsticks_cost_the_network_nothing() -> None:
    hospitals = [images(seed, 40) for seed in (1, 2)]
    seen = {}
    for rounds_ in (1, 4):
        module = built(kind())
        calls = counted(module)
        settings = SETTINGS.model_copy(update={"rounds": rounds_})
        start = models.flatten(module)
        for compute in (baselines.centralised, baselines.local_only):
            compute(module, start, hospitals, [images(3, 20)], settings, seed=1)
        seen[rounds_] = sum(calls)
        del module
    first_of_all = 32  # a block of the pooled rows and of the first hospital's
    assert seen[1] == seen[4] == 96 + 32 + 2 * 64 - first_of_all


def test_a_model_is_personalised_without_another_look_at_rows_that_were_trained_on() -> None:
    module = built(kind())
    calls, (train, validation) = counted(module), (images(1, 60), images(2, 64))
    shared = sgd.train(module, models.flatten(module), *train, SETTINGS, seed=1)
    found = personal.personalise(module, shared, train, validation, SETTINGS, seed=(1,), least=5)
    assert np.isfinite(found.gain)
    assert sum(calls) == 64 + 64


@pytest.mark.parametrize("size", [1, 3])
def test_privacy_of_records_draws_and_clips_as_if_each_batch_went_through_the_network(size: int) -> None:
    pytest.importorskip("opacus", reason="Opacus is not installed")
    classes = outcome_of(CLASSES) if size == 3 else BINARY
    module = built(kind(), outputs=Outputs(size))
    calls = counted(module)
    x, _ = images(1)
    y, start = np.arange(60) % max(size, 2), models.flatten(module)
    noise = record_noise(simulator.study(4, privacy=PRIVATE), len(y))
    found = [
        sgd.train_privately(each, start, x, y, SETTINGS, noise, randomness=lambda count: bytes(count), outcome=classes)
        for each in (module, _Whole(module))
    ]
    assert np.abs(found[0] - found[1]).max() < 1e-5
    assert np.abs(found[0] - start).max() > 0.01
    assert calls[:2] == [32, 32]
    assert len(calls) == 2 + SETTINGS.local_epochs * noise.steps_per_epoch


def test_seeded_weights_follow_from_the_seed_bit_by_bit() -> None:
    first, again, other = (frozen.digest(built(kind(), seed)) for seed in (3, 3, 4))
    assert first == again != other
    assert "never trained" in catalogue.describe(kind())


def test_images_are_scaled_and_grey_is_shown_in_all_colours() -> None:
    small = built(kind(size=32), outputs=Outputs(3))
    assert small(torch.zeros(2, 256)).shape == (2, 3)
    grey, colour = built(kind()), built(kind(), shape=(3, 16, 16))
    row = torch.from_numpy(images(1)[0][:1])
    assert torch.allclose(grey(row), colour(row.repeat(1, 3)), atol=1e-5)


def test_weights_of_a_file_are_those_of_the_network(
    published: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated = saved(tmp_path, published, monkeypatch)
    module = built(kind(**stated))
    assert torch.equal(module.network.conv1.weight, published["conv1.weight"])
    assert not torch.equal(module.network.conv1.weight, built(kind(), 3).network.conv1.weight)
    assert stated["sha256"][:12] in catalogue.describe(kind(**stated))
    address = kind(weights="https://example.org/a/net.safetensors", sha256=stated["sha256"])
    assert torch.equal(built(address).network.conv1.weight, module.network.conv1.weight)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"conv1.weight": None}, "lack 'conv1.weight'"),
        ({"conv1.weight": torch.zeros(64, 1, 7, 7)}, "'conv1.weight' is torch.float32"),
        ({"layer9.weight": torch.zeros(2)}, "hold 'layer9.weight'"),
        ({"bn1.bias": torch.full((64,), float("nan"))}, "NaN"),
    ],
)
def test_other_weights_are_refused_by_name(
    published: dict[str, torch.Tensor],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    said: str,
) -> None:
    with pytest.raises(StudyError, match="not those of the network") as refused:
        built(kind(**saved(tmp_path, published, monkeypatch, **changes)))
    assert said in str(refused.value)


def test_a_file_that_is_absent_another_or_no_weights_is_refused(
    published: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated = saved(tmp_path, published, monkeypatch)
    with pytest.raises(StudyError, match="are not here") as refused:
        built(kind(weights="https://example.org/other.safetensors", sha256=stated["sha256"]))
    assert "https://example.org/other.safetensors" in refused.value.hint
    with pytest.raises(StudyError, match="another file than the study means"):
        built(kind(weights="net.safetensors", sha256="0" * 64))
    (tmp_path / "net.safetensors").write_bytes(b"no weights")
    with pytest.raises(StudyError, match="no safetensors file"):
        built(kind(weights="net.safetensors", sha256=hashlib.sha256(b"no weights").hexdigest()))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"network": "resnet10"}, 'or "seeded" for features that were never trained'),
        ({"network": "resnet10", "weights": "net.safetensors"}, "model.sha256: state the SHA-256"),
        ({"network": "resnet10", "weights": "seeded", "sha256": "0" * 64}, "model.sha256"),
        ({"network": "resnet10", "weights": "../net.safetensors", "sha256": "0" * 64}, "model.weights"),
        ({"network": "resnet10", "weights": "/etc/passwd", "sha256": "0" * 64}, "model.weights"),
        ({"network": "vgg", "weights": "seeded"}, "model.network"),
        ({"network": "resnet10", "weights": "seeded", "size": 8}, "16 x 16 pixels or more"),
        ({"network": "densenet121", "weights": "seeded"}, "32 x 32 pixels or more"),
    ],
)
def test_a_study_that_does_not_say_which_weights_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyError) as refused:
        make_task(simulator.study(4, columns=[IMAGE], model={"kind": "backbone"} | settings))
    assert said in str(refused.value)


def test_without_monai_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "monai"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "monai", None)
    with pytest.raises(StudyError, match="MONAI") as refused:
        built(kind())
    assert "cipherward[backbones]" in refused.value.hint


def test_the_last_layer_is_trained_with_privacy_of_records_as_batch_normalisation_stands_still() -> None:
    pytest.importorskip("opacus", reason="Opacus is not installed")
    study = simulator.study(
        4, columns=[IMAGE], model={"kind": "backbone", "network": "resnet10", "weights": "seeded"}, privacy=PRIVATE
    )
    module = built(study.model)
    rounds.check_module(study, module)
    held = frozen.copies(module)
    x, y = images(1)
    start, noise = models.flatten(module), record_noise(study, len(y))
    moved = sgd.train_privately(module, start, x, y, study.training, noise, randomness=SYSTEM)
    assert np.isfinite(moved).all()
    assert not np.array_equal(moved, start)
    assert frozen.changed(held, module) == []


def test_a_whole_study_runs_is_verified_predicts_and_is_exported(
    published: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cipherward.simulation.simulate import run_study

    stated = saved(tmp_path, published, monkeypatch)
    hospitals = [{"name": f"clinic-{i}", "path": f"clinic-{i}.parquet"} for i in range(1, 5)]
    for index in range(1, 5):
        rows, labels = images(index, 48)
        pixels = np.clip(rows * 30 + 100, 0, 255).astype(np.uint8)
        scan = pl.Series("scan", pixels, dtype=pl.Array(pl.UInt8, 256))
        pl.DataFrame([scan, pl.Series("outcome", labels)]).write_parquet(tmp_path / f"clinic-{index}.parquet")
    model = {"kind": "backbone", "network": "resnet10"} | stated
    gently = {"rounds": 2, "local_epochs": 2, "batch_size": 16, "learning_rate": 0.1}
    study = simulator.study(
        4, columns=[IMAGE], model=model, hospitals=hospitals, data={"test_fraction": 0.3}, training=gently
    )
    result = run_study(study, base=tmp_path, out=tmp_path / "run", device="cpu")
    assert result.summary["n_parameters"] == 513
    assert result.summary["auroc_federated_exact"] > 0.9
    assert all(line.holds for line in verify_sums(result.path))
    assert len(predict_rows(result.path, tmp_path / "clinic-1.parquet").scores) == 48
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    from cipherward import export_onnx

    found = export_onnx(result.path, tmp_path / "model.onnx")
    assert found.difference is not None
    assert found.difference < 1e-5
    monkeypatch.setenv(weight_files.FOLDER, str(tmp_path / "elsewhere"))
    with pytest.raises(StudyError, match="are not here"):
        predict_rows(result.path, tmp_path / "clinic-1.parquet")
