"""A whole study through the public entry: everybody ends with one model, whatever protects the sums."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests import simulator
from tests.simulator import BentNetwork, World, holds, lost, replayed, run, weights
from torch import nn

import cipherward
from cipherward.errors import DataError, InterruptedRunError, QuorumError, StorageError, StudyError
from cipherward.runs import modelfile, verify
from cipherward.simulation.simulate import Progress, RunResult, resume_study, run_study

needs_tenseal = pytest.mark.skipif(importlib.util.find_spec("tenseal") is None, reason="TenSEAL is not installed")
SCHEMES = ["quorum", "plain", "masks", pytest.param("ckks", marks=needs_tenseal)]
PHASES = {"train", "encrypt", "add", "consent", "release", "open", "verify", "evaluate"}


def scheme(name: str, **aggregation: Any) -> Any:
    return simulator.study(training={"rounds": 3}, aggregation={"scheme": name, **aggregation})


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunResult]:
    """One run per scheme of the same study with the same seed."""
    names = ["quorum", "plain", "masks"] + ["ckks"] * (importlib.util.find_spec("tenseal") is not None)
    return {name: run(tmp_path_factory.mktemp(name), scheme(name)) for name in names}


@pytest.mark.skipif(os.name != "posix", reason="elsewhere everything waits for the disk")
def test_a_run_waits_for_the_disk_before_and_after_its_sums_and_goes_on_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(os, name, synced.append, raising=False)
    after: list[int] = []

    def note(progress: Progress) -> None:
        after.append(len(synced))

    with pytest.raises(InterruptedRunError):
        run(tmp_path, scheme("quorum"), on_progress=note, should_stop=lambda: len(after) == 2)
    assert after[0] == after[1] < len(synced)
    resume_study(tmp_path / "run", device="cpu", on_progress=note)
    assert after[2] == after[-1] < len(synced)
    assert len(after) > 3


@pytest.mark.parametrize("name", SCHEMES)
def test_every_hospital_ends_with_the_coordinators_model(tmp_path: Path, name: str) -> None:
    with World(tmp_path, scheme(name)) as world:
        world.run_sums()
        assert world.hub.finished
        assert {site.state.digest() for site in world.sites.values()} == {world.hub.state.digest()}
        assert [site.outcomes[-1].round for site in world.sites.values()] == [4] * 5
        assert world.hub.set_aside == []
        assert simulator.log(world.run.path, "refused") == [] == simulator.log(world.run.path, "breach")


@pytest.mark.parametrize("name", SCHEMES)
def test_a_run_verifies_from_its_files_and_gives_the_replayed_model(results: dict[str, RunResult], name: str) -> None:
    path = results[name].path
    assert holds(path)
    last = replayed(path)
    assert last.question is None
    np.testing.assert_array_equal(weights(path), last.inner.model.weights)


@pytest.mark.parametrize("name", SCHEMES)
def test_the_result_file_says_what_a_reader_needs(results: dict[str, RunResult], name: str) -> None:
    result = results[name]
    document = json.loads((result.path / "result.json").read_text())
    assert document == json.loads(json.dumps(result.summary))
    assert document["study"] == "tiny"
    assert len(bytes.fromhex(document["study_digest"])) == 32
    assert document["study_digest"] == (result.path / "study.digest").read_text().strip()
    assert (document["scheme"], document["seed"], document["n_hospitals"]) == (name, 3, 5)
    assert document["n_parameters"] == len(weights(result.path)) == 8
    assert document["rounds"] == 3
    assert len(document["auroc_by_round"]) == 4
    assert document["auroc_by_round"][-1] == document["auroc_federated"]
    assert set(document["auroc_local"]) == {f"clinic-{i}" for i in range(1, 6)}
    assert document["verified"] == dict.fromkeys(document["auroc_local"], True)
    for key in ("auroc_federated", "auroc_centralised"):
        assert 0.5 < document[key] <= 1.0
    assert set(document["seconds"]) == PHASES
    assert all(value >= 0 for value in document["seconds"].values())
    assert document["bytes_up_per_parameter"] == document["bytes_up_per_hospital_round"] / 8
    assert document["bytes_down_per_hospital_round"] > 0
    assert document["set_aside"] == []


@pytest.mark.parametrize("name", ["masks", pytest.param("ckks", marks=needs_tenseal)])
def test_every_encrypted_scheme_gives_the_same_model_bit_for_bit(results: dict[str, RunResult], name: str) -> None:
    assert weights(results[name].path).tobytes() == weights(results["quorum"].path).tobytes()
    assert replayed(results[name].path).digest() == replayed(results["quorum"].path).digest()


def test_encryption_costs_a_thousandth_of_the_weight_range_and_no_accuracy(results: dict[str, RunResult]) -> None:
    encrypted, plain = weights(results["quorum"].path), weights(results["plain"].path)
    assert np.abs(encrypted - plain).max() <= 1e-3 * np.ptp(plain)
    difference = results["quorum"].summary["auroc_federated"] - results["plain"].summary["auroc_federated"]
    assert abs(difference) <= 5e-4


def test_the_same_seed_gives_the_same_model_under_other_keys(tmp_path: Path, results: dict[str, RunResult]) -> None:
    again = run(tmp_path, scheme("quorum"))
    assert again.summary["study_digest"] != results["quorum"].summary["study_digest"]
    assert weights(again.path).tobytes() == weights(results["quorum"].path).tobytes()
    assert again.summary["auroc_by_round"] == results["quorum"].summary["auroc_by_round"]


def test_another_seed_gives_another_model(tmp_path: Path, results: dict[str, RunResult]) -> None:
    other = run(tmp_path, scheme("quorum").with_overrides(top={"seed": 4}))
    assert not np.array_equal(weights(other.path), weights(results["quorum"].path))


def test_only_the_unprotected_scheme_says_that_nothing_was_protected(results: dict[str, RunResult]) -> None:
    for name, result in results.items():
        for client, outcome in enumerate(result.outcomes, start=1):
            if name == "plain":
                assert "nothing was protected" in outcome.phrase
            elif name == "ckks":  # the coordinator can read single updates: taking part is a yes
                assert "agreed to be singled out" in outcome.phrase
            else:
                assert outcome.phrase == f"Privacy Preserved for Client {client}"
            assert "next model recomputed" in outcome.detail


def test_training_stops_early_when_the_validation_loss_no_longer_falls(tmp_path: Path) -> None:
    settings = {"rounds": 12, "learning_rate": 3.0, "local_epochs": 4, "patience": 2, "min_improvement": 0.01}
    result = run(tmp_path, simulator.study(3, training=settings))
    losses = result.summary["validation_loss_by_round"]
    assert result.summary["converged_early"]
    assert result.summary["rounds"] < 12
    # the last two training rounds brought no better loss; the final evaluation adds one more value
    assert min(losses[:-3]) - 0.01 <= min(losses[-3:-1])
    assert holds(result.path)


def test_a_hidden_layer_trains_and_verifies_like_a_regression(tmp_path: Path) -> None:
    result = run(tmp_path, simulator.study(3, model={"kind": "mlp", "hidden": [6, 4]}, aggregation={"bits": 24}))
    assert result.summary["n_parameters"] == 7 * 6 + 6 + 6 * 4 + 4 + 4 + 1
    assert holds(result.path)


class Squashed(nn.Module):
    """A user's own module: column-shaped output and a parameter that torch draws."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.first = nn.Linear(n_features, 3)
        self.last = nn.Linear(3, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.tanh(self.first(x)))  # type: ignore[no-any-return]


def test_a_torch_module_of_the_users_own_is_trained_through_the_python_api(tmp_path: Path) -> None:
    study = simulator.study(3, model={"kind": "custom"})
    result = cipherward.run_study(
        study,
        base=simulator.write_tables(tmp_path / "tables", 3),
        out=tmp_path / "run",
        device="cpu",
        module=Squashed,
    )
    assert result.summary["n_parameters"] == 3 * 7 + 3 + 3
    assert holds(result.path)
    assert modelfile.load(result.path / "model.safetensors").groups[0] == ("first.weight", 21)


@pytest.mark.parametrize(("kind", "module"), [("custom", None), ("logistic-regression", Squashed)])
def test_a_module_and_the_study_that_wants_one_belong_together(tmp_path: Path, kind: str, module: Any) -> None:
    with pytest.raises(StudyError, match="belong together"):
        run(tmp_path, simulator.study(model={"kind": kind}), module=module)
    assert not (tmp_path / "run").exists()


def test_a_strong_proximal_term_keeps_the_model_near_its_start(tmp_path: Path) -> None:
    def moved(name: str, proximal: float) -> float:
        settings = {"rounds": 1, "local_epochs": 4, "learning_rate": 0.1, "proximal": proximal}
        path = run(tmp_path, simulator.study(3, training=settings), name=name).path
        assert holds(path)
        return float(np.abs(weights(path) - modelfile.load(path / "model-initial.safetensors").weights).max())

    assert moved("prox", 5.0) < 0.7 * moved("free", 0.0)


def test_every_sum_is_told_to_the_caller_with_its_purpose(tmp_path: Path) -> None:
    seen: list[Progress] = []
    run(tmp_path, simulator.study(3), on_progress=seen.append)
    assert [(p.round, p.purpose) for p in seen] == [(0, "statistics"), (1, "train"), (2, "train"), (3, "evaluate")]
    assert [p.shown["metrics_of_incoming_model"] is None for p in seen] == [True, False, False, False]
    assert {p.contributors for p in seen} == {3}


def test_an_outcome_of_one_class_everywhere_is_a_data_error(tmp_path: Path) -> None:
    simulator.write_tables(tmp_path / "tables", 3)
    for path in (tmp_path / "tables").iterdir():
        header, *lines = path.read_text().splitlines()
        path.write_text("\n".join([header, *(line[:-1] + "0" for line in lines)]) + "\n")
    study = simulator.study(3, data={"allow_single_class": True})
    with pytest.raises(DataError, match="one class only"):
        run_study(study, base=tmp_path / "tables", out=tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_a_coordinator_that_sees_no_rows_finds_the_one_class_in_the_opened_statistics(tmp_path: Path) -> None:
    with World(tmp_path, simulator.study(3)) as world:
        for site in world.sites.values():
            site.work.data.outcome[:] = 0
        with pytest.raises(DataError, match=r"\d+ training rows, 0 with the outcome: one class only"):
            world.run_sums()


def test_a_hospital_without_a_positive_case_is_named_unless_the_study_allows_it(tmp_path: Path) -> None:
    tables = simulator.write_tables(tmp_path / "tables", 4)
    path = tables / "clinic-2.csv"
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([header, *(line[:-1] + "0" for line in lines)]) + "\n")
    with pytest.raises(DataError, match=r"clinic-2 .* no positive case") as caught:
        run_study(simulator.study(4), base=tables, out=tmp_path / "run", device="cpu")
    assert "data.positive" in str(caught.value)
    assert "data.allow_single_class = true" in str(caught.value)
    assert not (tmp_path / "run").exists()
    allowed = simulator.study(4, data={"allow_single_class": True})
    assert holds(run_study(allowed, base=tables, out=tmp_path / "run", device="cpu").path)


def test_a_run_never_writes_into_a_folder_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    with pytest.raises(StorageError, match="not an empty folder"):
        run(tmp_path, simulator.study(3))
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["notes.txt"]


def test_no_hospital_there_is_a_quorum_error_and_nothing_is_opened(tmp_path: Path) -> None:
    with pytest.raises(QuorumError, match=r"clinic-1, clinic-2, clinic-3$"):
        run(tmp_path, simulator.study(3), network=BentNetwork(lost({1, 2, 3})))
    assert [line.outcome for line in verify.verify_sums(tmp_path / "run")] == ["not finished"]
