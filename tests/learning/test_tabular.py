"""A network that embeds categories: what goes where, and that it runs, is verified and predicts, also where a column is left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests import simulator

from cipherward.errors import StudyError
from cipherward.learning import catalogue, models, tabular_networks
from cipherward.learning.outcome import Outputs
from cipherward.runs.prediction import predict
from cipherward.study import Model
from cipherward.tasks.catalogue import make_task

TABULAR = Model.model_validate({"kind": "tabular", "hidden": [6, 4], "embedding": 3})
WARDS = {"name": "ward", "kind": "categorical", "categories": ["A", "B", "C", "D", "other"]}


def test_only_columns_of_more_than_two_categories_are_embedded_and_every_input_reaches_the_output() -> None:
    module = models.build(TABULAR, 2 + 3 + 9 + 5, seed=1, shape=(0, 2, 3, 9, 5))
    assert dict(models.groups(module)) == {
        "embeddings.2.weight": 9 * 3,
        "embeddings.3.weight": 5 * 2,
        "deep.hidden1.weight": (2 + 3 + 3 + 2) * 6,
        "deep.hidden1.bias": 6,
        "deep.hidden2.weight": 24,
        "deep.hidden2.bias": 4,
        "output.weight": 4 + 19,
        "output.bias": 1,
    }


def test_a_categorys_embedding_is_a_column_of_its_layer_as_large_as_it_was_drawn_for() -> None:
    module = models.build(TABULAR, 9, seed=1, shape=(0, 9))
    assert isinstance(module, tabular_networks.Tabular)
    rows = torch.eye(9)
    layer = module.embeddings["0"]
    embedded = layer(rows).detach() * 3.0
    assert torch.equal(embedded.T, 3.0 * layer.get_parameter("weight").detach())
    assert 0.7 < float(embedded.abs().max()) <= 1.0
    logits = module(rows).detach().reshape(-1)
    deep = module.deep(embedded)
    by_hand = torch.cat([deep, rows], dim=1) @ module.output.get_parameter("weight").T + module.output.get_parameter(
        "bias"
    )
    assert torch.allclose(logits, by_hand.detach().reshape(-1))


def test_outcomes_of_several_classes_get_an_output_each() -> None:
    module = models.build(TABULAR, 9, seed=1, shape=(0, 9), outputs=Outputs(4))
    assert isinstance(module, torch.nn.Module)
    assert module(torch.zeros(5, 9)).shape == (5, 4)


def test_it_takes_tables_and_nothing_else_and_an_image_kind_takes_no_table() -> None:
    assert "takes a table" in catalogue.problems(TABULAR, (1, 28, 28))[0]
    assert catalogue.problems(TABULAR, (0, 2, 3)) == []
    assert "takes one column of kind image" in catalogue.problems(Model(kind="cnn"), (0, 28, 28))[0]
    assert (
        "embedding" in catalogue.problems(Model.model_validate({"kind": "tabular", "hidden": [4], "embedding": 0}))[0]
    )


def test_a_study_with_it_runs_is_verified_and_predicts(tmp_path: Path) -> None:
    columns = [*simulator.document()["columns"][:2], WARDS]
    study = simulator.study(3, columns=columns, model={"kind": "tabular", "hidden": [4]})
    path = simulator.run(tmp_path, study).path
    assert simulator.holds(path)
    assert np.ptp(predict(path, tmp_path / "tables" / "clinic-1.csv")) > 0.05
    assert "embeddings of at most 8, hidden layers of 4" in catalogue.describe(study.model)


def test_it_needs_its_layers(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"model\.hidden"):
        make_task(simulator.study(3, model={"kind": "tabular", "hidden": []}))
