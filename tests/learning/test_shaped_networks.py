"""Networks for images and series: checked, run over encrypted sums, verified, reported and predicted with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from tests import simulator

from cipherward.errors import StudyError
from cipherward.learning import models, sgd, shaped_networks
from cipherward.report import page
from cipherward.runs.prediction import predict
from cipherward.study import Model, Training
from cipherward.tasks.catalogue import make_task

CNN = Model.model_validate({"kind": "cnn", "channels": [4, 6]})
SERIES = Model.model_validate({"kind": "sequence", "channels": [8], "width": 3, "norm": "none"})
GRU = Model.model_validate({"kind": "sequence", "cell": "gru", "units": 5, "steps": 2})


@pytest.mark.parametrize(("model", "shape"), [(CNN, (3, 8, 8)), (SERIES, (2, 12)), (GRU, (2, 12))])
def test_a_network_starts_from_its_seed_and_learns_where_something_is(model: Model, shape: tuple[int, ...]) -> None:
    size = int(np.prod(shape))
    module = models.build(model, size, 7, shape=shape)
    first = models.flatten(module)
    assert np.array_equal(first, models.flatten(models.build(model, size, 7, shape=shape)))
    assert not np.array_equal(first, models.flatten(models.build(model, size, 8, shape=shape)))
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(120, size)).astype(np.float32), np.arange(120) % 2
    rows.reshape(120, *shape)[labels == 1, 0, ..., :4] += 2.0
    settings = Training(local_epochs=8, batch_size=16, learning_rate=0.1, momentum=0.9)
    trained = sgd.train(module, first, rows, labels, settings, seed=1)
    assert np.array_equal(trained, sgd.train(module, first, rows, labels, settings, seed=1))
    scores = sgd.scores(module, trained, rows)
    assert ((scores > 0.5) == (labels == 1)).mean() > 0.9


def test_training_images_are_changed_at_random_and_others_are_not() -> None:
    module = shaped_networks.Augment(frozenset({"flip-horizontal", "flip-vertical", "shift"}))
    images = torch.arange(2 * 3 * 10 * 10, dtype=torch.float32).view(2, 3, 10, 10)
    module.eval()
    assert torch.equal(module(images), images)
    module.train()
    torch.manual_seed(0)
    seen = [module(images) for _ in range(20)]
    assert any(not torch.equal(one, images) for one in seen)
    assert all(
        one.shape == images.shape and set(one.flatten().tolist()) <= set(images.flatten().tolist()) for one in seen
    )


def shaped(columns: list[dict[str, Any]], model: dict[str, Any], **sections: Any) -> Any:
    return simulator.study(4, columns=columns, model=model, **sections)


IMAGE = {"name": "scan", "kind": "image", "shape": [1, 8, 8], "minimum": 0, "maximum": 255}
HOURS = {"name": "rate", "kind": "series", "shape": [8], "minimum": 0, "maximum": 100}
AGE = {"name": "age", "kind": "numeric", "minimum": 0, "maximum": 100}


@pytest.mark.parametrize(
    ("columns", "model", "sections", "words"),
    [
        ([AGE], {"kind": "cnn"}, {}, "'cnn' takes one column of kind image"),
        ([IMAGE, AGE], {"kind": "cnn"}, {}, "'cnn' takes one column of kind image"),
        ([IMAGE], {"kind": "cnn", "channels": [4, 4, 4, 4]}, {}, "each of 4 blocks halves the image"),
        ([IMAGE], {"kind": "cnn", "norm": "batch"}, {}, "model.norm: Input should be 'group' or 'none'"),
        ([IMAGE], {"kind": "sequence"}, {}, "'sequence' takes columns of kind series"),
        ([HOURS, HOURS | {"name": "b", "shape": [9]}], {"kind": "sequence"}, {}, "all of one length"),
        ([HOURS], {"kind": "sequence", "cell": "gru", "steps": 3}, {}, "8 values cannot be read 3 at a time"),
        ([HOURS], {}, {"task": "describe"}, "task 'describe' does not take columns of kind 'series'"),
        ([HOURS], {"kind": "points"}, {"task": "points"}, "task 'points' does not take columns of kind 'series'"),
    ],
)
def test_what_does_not_fit_is_refused_by_name_before_anything_runs(
    columns: list[dict[str, Any]], model: dict[str, Any], sections: dict[str, Any], words: str
) -> None:
    with pytest.raises(StudyError) as caught:
        make_task(shaped(columns, model, **sections))
    assert words in "\n".join(caught.value.problems or (caught.value.message,))


def write_series(folder: Path, rows: int = 60) -> None:
    folder.mkdir(exist_ok=True)
    for index in range(1, 5):
        rng = np.random.default_rng(index)
        values = np.round(rng.uniform(20, 60, (rows, 8)), 1)
        outcome = rng.integers(0, 2, rows)
        values[outcome == 1, 2:5] += 25
        cells = [";".join("" if rng.random() < 0.1 else f"{v:g}" for v in row) for row in values]
        pl.DataFrame({"rate": cells, "outcome": outcome}).write_csv(folder / f"clinic-{index}.csv")


def test_a_study_of_series_runs_and_is_verified_reported_and_predicted_with(tmp_path: Path) -> None:
    from cipherward.simulation.simulate import run_study

    write_series(tmp_path / "tables")
    study = shaped(
        [HOURS],
        {"kind": "sequence", "channels": [4], "width": 3},
        training={"rounds": 3, "local_epochs": 3, "batch_size": 8, "learning_rate": 0.1, "momentum": 0.9},
    )
    path = run_study(study, base=tmp_path / "tables", out=tmp_path / "run").path
    assert simulator.holds(path)
    page.write(path)
    report = (path / "report.html").read_text()
    assert "network for series, " in report
    probabilities = predict(path, tmp_path / "tables" / "clinic-1.csv")
    outcome = pl.read_csv(tmp_path / "tables" / "clinic-1.csv")["outcome"].to_numpy()
    assert probabilities[outcome == 1].mean() > probabilities[outcome == 0].mean() + 0.1
