"""Training on a GPU gives what the CPU gives, up to rounding. Skipped where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from tests import simulator

from cipherward.learning import models, sgd
from cipherward.learning.outcome_binary import BINARY
from cipherward.learning.outcomes import outcome_of
from cipherward.runs.prediction import predict
from cipherward.runs.verify import verify_sums
from cipherward.simulation.simulate import run_study
from cipherward.study import Data, Model, Training

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no GPU that torch can use (CUDA) on this machine"
)

SETTINGS = Training(local_epochs=2, batch_size=16, learning_rate=0.05, momentum=0.9)
KINDS: list[tuple[dict[str, Any], tuple[int, ...]]] = [
    ({"kind": "mlp", "hidden": [8]}, (24,)),
    ({"kind": "cnn", "channels": [4, 8]}, (3, 8, 8)),
    ({"kind": "sequence", "channels": [8], "width": 3, "norm": "none"}, (2, 12)),
    ({"kind": "sequence", "cell": "gru", "units": 5, "steps": 2}, (2, 12)),
    ({"kind": "backbone", "network": "resnet10", "weights": "seeded"}, (1, 16, 16)),
]


def rows(shape: tuple[int, ...]) -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    labels = np.arange(96) % 2
    x = rng.normal(size=(96, int(np.prod(shape)))).astype(np.float32)
    x[labels == 1, : x.shape[1] // 2] += 1.0
    return x, labels


@pytest.mark.parametrize(("settings", "shape"), KINDS)
def test_a_network_trained_on_a_gpu_is_that_of_the_cpu(settings: dict[str, Any], shape: tuple[int, ...]) -> None:
    if settings["kind"] == "backbone":
        pytest.importorskip("monai", reason="MONAI is not installed")
    x, y = rows(shape)
    weighed = BINARY.weighed((1.0, 3.0))
    found = {}
    for device in ("cpu", "cuda"):
        module = models.build(Model.model_validate(settings), x.shape[1], 7, shape=shape)
        start = models.flatten(module)
        weights = sgd.train(module, start, x, y, SETTINGS, seed=3, device=device, outcome=weighed)
        found[device] = weights - start, sgd.scores(module, weights, x, device)
    moved, scores = zip(*(found[device] for device in ("cpu", "cuda")), strict=True)
    assert np.linalg.norm(moved[0] - moved[1]) < 0.02 * np.linalg.norm(moved[0])
    assert np.allclose(scores[0], scores[1], atol=0.01)


def test_several_weighed_classes_are_trained_on_a_gpu() -> None:
    names = ("a", "b", "c")
    classes = outcome_of(Data(source="files", outcome="y", outcome_type="multiclass", classes=names)).weighed(
        (1.0, 2.0, 3.0)
    )
    x, _ = rows((24,))
    y = np.arange(96) % 3
    model = Model.model_validate({"kind": "mlp", "hidden": [8]})
    module = models.build(model, 24, 7, outputs=classes.model_outputs)
    weights = sgd.train(module, models.flatten(module), x, y, SETTINGS, seed=3, device="cuda", outcome=classes)
    assert sgd.scores(module, weights, x, "cuda", classes).shape == (96, 3)


def test_a_whole_study_runs_on_a_gpu_and_anybody_verifies_it_without_one(tmp_path: Path) -> None:
    wave = {"name": "wave", "kind": "series", "shape": [12], "minimum": 0.0, "maximum": 10.0}
    model = {"kind": "sequence", "channels": [4], "width": 3, "norm": "none"}
    for index in range(1, 5):
        rng = np.random.default_rng(index)
        outcome = rng.integers(0, 2, 120)
        values = rng.uniform(3.0, 5.0, (120, 12)) + 2.0 * outcome[:, None]
        texts = [";".join(f"{v:.2f}" for v in row) for row in values]
        pl.DataFrame({"wave": texts, "outcome": outcome}).write_csv(tmp_path / f"clinic-{index}.csv")
    study = simulator.study(4, columns=[wave], model=model)
    result = run_study(study, base=tmp_path, out=tmp_path / "run", device="cuda")
    assert "cuda" in str(result.summary["device"])
    assert all(line.holds for line in verify_sums(result.path))
    assert len(predict(result.path, tmp_path / "clinic-1.csv")) == 120
