"""Model files: whole or refused, and nothing in them but numbers and text."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from tests import simulator

from cipherward.data.preprocess import Preprocessor
from cipherward.errors import DataError, StorageError
from cipherward.learning import models
from cipherward.runs import modelfile
from cipherward.runs.modelfile import ModelFile


@pytest.fixture
def model() -> ModelFile:
    study = simulator.study(3, model={"kind": "mlp", "hidden": [2]})
    preprocessor = Preprocessor(study.columns, (0.25, 0.1), (1.0, 3.0), 10, 4)
    module = models.build(study.model, preprocessor.n_features, study.seed)
    return ModelFile(study, models.groups(module), models.flatten(module), preprocessor)


def test_a_model_file_gives_the_same_model_back_bit_for_bit(tmp_path: Path, model: ModelFile) -> None:
    path = tmp_path / "model.safetensors"
    modelfile.save(path, model)
    loaded = modelfile.load(path)
    assert loaded.weights.tobytes() == model.weights.tobytes()
    assert (loaded.groups, loaded.preprocessor) == (model.groups, model.preprocessor)
    assert loaded.study.digest() == model.study.digest()
    np.testing.assert_array_equal(models.flatten(loaded.module()), model.weights)


def test_one_model_is_the_same_bytes_at_every_party(model: ModelFile) -> None:
    data = modelfile.to_bytes(model)
    facts = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    assert list(facts) == sorted(facts)  # eight keys that are shuffled come in order by chance in one of 40,320 cases
    assert {modelfile.to_bytes(model) for _ in range(20)} == {data}


@pytest.mark.parametrize("kept", [0, 1, 8, 100, -1, -4])
def test_a_truncated_model_file_is_refused_with_what_to_do(tmp_path: Path, model: ModelFile, kept: int) -> None:
    path = tmp_path / "model.safetensors"
    modelfile.save(path, model)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match="not a complete cipherward model file") as caught:
        modelfile.load(path)
    assert "copy it again" in caught.value.hint


def test_a_missing_model_file_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot read"):
        modelfile.load(tmp_path / "model.safetensors")


def test_a_safetensors_file_of_somebody_else_is_no_model_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors.numpy.save({"weight": np.zeros(3, np.float32)}))
    with pytest.raises(DataError, match="not a complete cipherward model file"):
        modelfile.load(path)


@pytest.mark.parametrize("key", ["study", "study_digest", "groups", "preprocessor", "format"])
def test_a_model_file_whose_facts_contradict_each_other_is_refused(tmp_path: Path, model: ModelFile, key: str) -> None:
    path = tmp_path / "model.safetensors"
    modelfile.save(path, model)
    with safetensors.safe_open(path, framework="numpy") as opened:
        facts = dict(opened.metadata())
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    other = dataclasses.replace(model, study=model.study.with_overrides(top={"seed": 5}))
    modelfile.save(tmp_path / "other", other)
    with safetensors.safe_open(tmp_path / "other", framework="numpy") as opened:
        facts[key] = opened.metadata()[key] if key.startswith("study") else '[["output.weight", 3]]'
    path.write_bytes(safetensors.numpy.save(tensors, metadata=facts))
    with pytest.raises(DataError, match="not a complete cipherward model file"):
        modelfile.load(path)


def test_a_users_own_module_is_not_in_the_file_and_has_to_be_given(model: ModelFile) -> None:
    custom = dataclasses.replace(model, study=simulator.study(3, model={"kind": "custom"}))
    with pytest.raises(DataError, match="a torch module of the user's own"):
        custom.module()


def test_a_model_file_with_statistics_of_one_hospital_beside_the_weights_is_refused(
    tmp_path: Path, model: ModelFile
) -> None:
    path = tmp_path / "model.safetensors"
    modelfile.save(path, model)
    with safetensors.safe_open(path, framework="numpy") as opened:
        facts = opened.metadata()
    tensors = safetensors.numpy.load_file(path) | {"norm.running_mean": np.zeros(2, dtype=np.float32)}
    safetensors.numpy.save_file(tensors, path, metadata=facts)
    with pytest.raises(DataError):
        modelfile.load(path)


def test_a_published_model_holds_nothing_but_the_weights_that_opened_sums_give(tmp_path: Path) -> None:
    run = simulator.run(tmp_path, simulator.study(5, model={"kind": "mlp", "hidden": [3]})).path
    names = set(safetensors.numpy.load_file(run / "model.safetensors"))
    assert names == {name for name, _ in modelfile.load(run / "model.safetensors").groups}
    assert simulator.weights(run).tobytes() == simulator.replayed(run).inner.model.weights.tobytes()
