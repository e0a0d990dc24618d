"""Examples for a hospital's own report: which rows, their pictures, and where the model looks."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from tests import simulator

from cipherward.data import png
from cipherward.data.sources import load_hospitals
from cipherward.learning import models, saliency, sgd
from cipherward.learning.model_kind import Module
from cipherward.study import Study, Training
from cipherward.tasks import yardsticks
from cipherward.tasks.examples import examples
from cipherward.tasks.rows import TEST, TRAIN
from cipherward.tasks.task import Model

IMAGE = {"name": "scan", "kind": "image", "shape": [1, 8, 8], "minimum": 0, "maximum": 255}
WAVES = [{"name": name, "kind": "series", "shape": [12], "minimum": 0.0, "maximum": 10.0} for name in ("rate", "steps")]


def pixels_of(encoded: bytes) -> NDArray[np.uint8]:
    """A PNG of this package, read back."""
    assert encoded.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, depth, colours = struct.unpack(">IIBB", encoded[16:26])
    assert (depth, colours) == (8, 2)
    start = encoded.index(b"IDAT")
    (size,) = struct.unpack(">I", encoded[start - 4 : start])
    lines = np.frombuffer(zlib.decompress(encoded[start + 4 : start + 4 + size]), np.uint8).reshape(height, -1)
    assert not lines[:, 0].any()
    return lines[:, 1:].reshape(height, width, 3)


def test_a_png_is_read_back_by_this_test_and_by_pillow() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert np.array_equal(pixels_of(png.encoded(pixels)), pixels)
    pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    import io

    assert np.array_equal(np.asarray(pillow.open(io.BytesIO(png.encoded(pixels)))), pixels)


def test_a_map_is_the_size_of_the_chosen_output_s_slope() -> None:
    import torch

    class Known(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = torch.nn.Parameter(torch.tensor([[2.0, 0.0, -3.0], [0.0, 0.5, 0.0]]))

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return rows**2 @ self.weights.T

    module = Known()
    x = np.array([[1.0, 2.0, 1.0], [1.0, 2.0, 1.0]], np.float32)
    moved = np.zeros(3, bool)
    found = saliency.gradients(module, models.flatten(module), x, np.array([0, 1]), moved=moved)
    assert np.allclose(found, [[4.0, 0.0, 6.0], [0.0, 2.0, 0.0]])
    smooth = saliency.gradients(module, models.flatten(module), x, np.array([0, 1]))
    assert np.allclose(smooth, found, atol=0.5)
    assert not np.allclose(smooth, found, atol=1e-3)


def scans(folder: Path) -> Path:
    """Four hospitals whose images are bright in one corner where the outcome is 1."""
    for index in range(1, 5):
        rng = np.random.default_rng(index)
        outcome = rng.integers(0, 2, 120)
        images = rng.integers(0, 90, (120, 8, 8)).astype(np.uint8)
        images[outcome == 1, :3, 5:] += 110
        column = pl.Series("scan", images.reshape(120, -1), dtype=pl.Array(pl.UInt8, 64))
        pl.DataFrame([column, pl.Series("outcome", outcome)]).write_parquet(folder / f"clinic-{index}.parquet")
    return folder


def waves(folder: Path) -> Path:
    for index in range(1, 5):
        rng = np.random.default_rng(index)
        outcome = rng.integers(0, 2, 120)
        rate, steps = rng.uniform(3.0, 5.0, (2, 120, 12))
        rate[outcome == 1, 8:] += 3.0
        texts = {
            name: [";".join(f"{v:.2f}" for v in row) for row in each]
            for name, each in (("rate", rate), ("steps", steps))
        }
        pl.DataFrame(texts | {"outcome": outcome}).write_csv(folder / f"clinic-{index}.csv")
    return folder


def trained(folder: Path, study: Study) -> tuple[Module, Model, Any]:
    hospitals = load_hospitals(study, None, folder)
    scaling, works = yardsticks.prepare(study, hospitals, "cpu")
    module = models.build(study.model, scaling.n_features, 1, shape=study.input_shape)
    x, y = (np.concatenate(part) for part in zip(*yardsticks.rows_of_all(works, scaling, TRAIN), strict=True))
    settings = Training(local_epochs=12, batch_size=16, learning_rate=0.1, momentum=0.9)
    weights = sgd.train(module, models.flatten(module), x, y, settings, seed=2)
    return module, Model((("all", len(weights)),), weights, scaling), works[0]


def image_study() -> Study:
    hospitals = [{"name": f"clinic-{i}", "path": f"clinic-{i}.parquet"} for i in range(1, 5)]
    return simulator.study(4, columns=[IMAGE], model={"kind": "cnn", "channels": [8]}, hospitals=hospitals)


def test_examples_are_told_best_and_worst_in_turn_with_picture_and_map(tmp_path: Path) -> None:
    study = image_study()
    module, model, at = trained(scans(tmp_path), study)
    outcome = yardsticks.outcome_at(study, model.scaling)
    found = examples(study, module, model, at, outcome, 6)
    assert len(found) == 6
    assert [each["told"] for each in found] == ["best", "best", "worst", "worst", "best", "best"]
    assert {each["observed"] for each in found} == {"outcome is 1", "outcome is not 1"}
    assert found == examples(study, module, model, at, outcome, 6)
    for each in found:
        picture, drawn = (pixels_of(base64.b64decode(each[name])) for name in ("picture", "map"))
        assert picture.shape == drawn.shape == (each["height"], each["width"], 3)
        assert (picture[..., 0] == picture[..., 1]).all()  # grey
        assert (drawn[..., 0] >= drawn[..., 1]).all()  # red on grey


def test_the_map_of_series_names_the_hours_that_matter(tmp_path: Path) -> None:
    study = simulator.study(4, columns=WAVES, model={"kind": "sequence", "channels": [8], "width": 3, "norm": "none"})
    module, model, at = trained(waves(tmp_path), study)
    found = examples(study, module, model, at, yardsticks.outcome_at(study, model.scaling), 4)
    assert len(found) == 4
    assert all(each["strongest"].startswith("rate, value ") for each in found)
    assert all(each["strongest"].endswith("of 12") for each in found)


def test_large_images_are_drawn_smaller_and_their_maps_take_no_more_memory() -> None:
    from cipherward.study import Column
    from cipherward.tasks.examples import _of_image

    column = Column(name="scan", kind="image", shape=(1, 600, 500), minimum=0.0, maximum=1.0)
    picture, drawn = _of_image(column, np.linspace(0.0, 1.0, 300_000), np.zeros(300_000))
    assert picture.shape == drawn.shape == (200, 167, 3)
    assert picture[0, 0, 0] < picture[-1, -1, 0]


def test_no_more_rows_are_shown_than_there_are_and_each_once(tmp_path: Path) -> None:
    study = image_study()
    module, model, at = trained(scans(tmp_path), study)
    outcome = yardsticks.outcome_at(study, model.scaling)
    found = examples(study, module, model, at, outcome, 10_000)
    assert len(found) == int((at.data.split == TEST).sum()) == len({each["picture"] for each in found})
    assert examples(study, module, model, at, outcome, 0) == []


def test_tables_of_numbers_have_no_pictures(tmp_path: Path) -> None:
    study = simulator.study(4)
    hospitals = load_hospitals(study, None, simulator.write_tables(tmp_path, 4))
    scaling, works = yardsticks.prepare(study, hospitals, "cpu")
    module = models.build(study.model, scaling.n_features, 1)
    model = Model((("all", 1),), models.flatten(module), scaling)
    assert examples(study, module, model, works[0], yardsticks.outcome_at(study, scaling), 6) == []
