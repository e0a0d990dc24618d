"""The original design's 14 steps against plain FedAvg, and against a network and a coordinator that lie."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples.original_algorithm import OriginalRun, run_original_algorithm
from numpy.typing import NDArray

from cipherward.crypto import wire
from cipherward.errors import FaultyCoordinatorError, ProtocolError, QuorumError, StudyError
from cipherward.sums import hospital_steps
from cipherward.sums.coordinator_steps import Collection
from cipherward.sums.messages import ConsentRequest, Opening
from examples import original_algorithm

pytest.importorskip("tenseal", reason='TenSEAL is not installed (pip install "cipherward[ckks]")')

Table = tuple[NDArray[np.float64], NDArray[np.float64]]

WEIGHT_CAP = 400


def hospitals(n: int) -> list[Table]:
    rng = np.random.default_rng(7)
    truth = np.array([1.0, -2.0, 0.5, 0.0, 0.3])
    tables = []
    for index in range(n):
        x = np.hstack([rng.normal(0.2 * index, 1.0, (100 + 80 * index, 4)), np.ones((100 + 80 * index, 1))])
        tables.append((x, (rng.random(len(x)) < 1 / (1 + np.exp(-x @ truth))).astype(np.float64)))
    return tables


def train(table: Table, model: NDArray[np.float32]) -> tuple[NDArray[np.float64], int]:
    """Ten steps of gradient descent on the logistic loss."""
    x, y = table
    weights = model.astype(np.float64)
    for _ in range(10):
        weights = weights - 0.5 * x.T @ (predict(table, weights) - y) / len(y)
    return weights, len(y)


def predict(table: Table, model: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-table[0] @ model.astype(np.float64))))


def plain_fedavg(tables: list[Table], rounds: int) -> NDArray[np.float64]:
    model = np.zeros(5)
    for _ in range(rounds):
        trained = [train(table, model.astype(np.float32)) for table in tables]
        model = np.average([local for local, _ in trained], axis=0, weights=[n for _, n in trained])
    return model


def run(folder: Path, said: list[str], *, n: int = 3, rounds: int = 3, **options: Any) -> OriginalRun:
    return run_original_algorithm(
        hospitals(n),
        np.zeros(5, dtype=np.float32),
        train,
        rounds,
        weight_cap=WEIGHT_CAP,
        folder=folder,
        say=said.append,
        bound=4.0,
        **options,
    )


def test_ten_encrypted_rounds_give_the_model_of_plain_weighted_fedavg(tmp_path: Path) -> None:
    said: list[str] = []
    result = run(tmp_path, said, rounds=10, predict=predict)
    assert result.rounds == 10
    assert np.abs(result.model - plain_fedavg(hospitals(3), 10)).max() < 1e-3
    assert [len(p) for p in result.predictions] == [100, 180, 260]
    assert [line.split(" (")[0] for line in said] == [f"Privacy Preserved for Client {i}" for i in (1, 2, 3)] * 10
    assert "own contribution listed unaltered" in said[0]
    assert "model recomputed" in said[0]
    assert "assumed: the coordinator, who holds the decryption key" in said[0]


def test_encrypted_updates_and_a_log_of_every_opening_are_stored(tmp_path: Path) -> None:
    run(tmp_path, [], rounds=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.jsonl", "round-0001", "round-0002"]
    stored = sorted(path.name for path in (tmp_path / "round-0002").iterdir())
    assert stored == ["client-1.update", "client-2.update", "client-3.update", "opening"]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    opened = [line for line in lines if line["event"] == "aggregate decrypted"]
    assert [line["opening"] for line in opened] == [1, 2]
    assert {line["n_contributors"] for line in opened} == {3}


def test_training_stops_when_the_mean_update_is_within_the_tolerance(tmp_path: Path) -> None:
    assert run(tmp_path, [], rounds=10, tolerance=10.0).rounds == 1


def test_a_lost_update_is_resent_and_a_corrupt_one_is_set_aside_by_name(tmp_path: Path) -> None:
    lost: list[bytes] = []

    def unreliable(kind: str, client: int, data: bytes) -> bytes | None:
        if kind == "Update" and client == 1 and len(lost) == 0:
            lost.append(data)
            return None
        if kind == "Update" and client == 2:
            return data[:-100] + bytes([data[-100] ^ 1]) + data[-99:]
        return data

    said: list[str] = []
    result = run(tmp_path, said, n=4, rounds=1, network=unreliable)
    assert said[0].startswith("Set aside an update of client 2: the ciphertext is not the one that the header signs")
    others = [table for index, table in enumerate(hospitals(4), start=1) if index != 2]
    assert np.abs(result.model - plain_fedavg(others, 1)).max() < 1e-3
    assert any(line.startswith("Privacy Preserved for Client 2") for line in said)


def test_the_round_stops_when_too_few_updates_arrive(tmp_path: Path) -> None:
    with pytest.raises(QuorumError):
        run(tmp_path, [], network=lambda kind, client, data: None if client == 3 else data)
    assert "aggregate decrypted" not in (tmp_path / "log.jsonl").read_text()


def test_a_wrong_model_is_a_breach_that_ends_the_run(tmp_path: Path) -> None:
    def wrong_model_for_client_2(kind: str, client: int, data: bytes) -> bytes:
        if kind == "Opening" and client == 2:
            return wire.encode(dataclasses.replace(wire.decode(Opening, data), next_model=bytes(32)))
        return data

    said: list[str] = []
    with pytest.raises(FaultyCoordinatorError, match="announced model"):
        run(tmp_path, said, network=wrong_model_for_client_2)
    assert said[0].startswith("Privacy Preserved for Client 1")
    assert said[1].startswith("Privacy Breach Detected for Client 2: the announced model")
    assert len(said) == 2


def test_an_altered_encrypted_sum_fails_verification(tmp_path: Path) -> None:
    def altered_total(kind: str, client: int, data: bytes) -> bytes:
        if kind != "Opening":
            return data
        opening = wire.decode(Opening, data)
        return wire.encode(dataclasses.replace(opening, total=opening.total[:-1] + bytes([opening.total[-1] ^ 1])))

    said: list[str] = []
    with pytest.raises(ProtocolError, match="not the one in the manifest"):
        run(tmp_path, said, network=altered_total)
    assert said[0].startswith("Verification failed for Client 1")


def test_a_coordinator_that_swaps_in_an_old_contribution_is_caught_before_anything_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old: list[bytes] = []

    class Swapping(Collection):
        def close(self, total: bytes = b"") -> dict[int, ConsentRequest]:
            if old:
                self.updates.headers[2] = old[0]
            old.append(self.updates.headers[2])
            return super().close(total)

    monkeypatch.setattr(original_algorithm, "Collection", Swapping)
    said: list[str] = []
    with pytest.raises(FaultyCoordinatorError, match="belongs to another sum"):
        run(tmp_path, said)
    assert said[-1].startswith("Privacy Breach Detected for Client 1")
    assert (tmp_path / "log.jsonl").read_text().count("aggregate decrypted") == 1


def test_a_client_recognises_that_its_own_contribution_was_altered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Even with a header that client 1 really signed for this very sum: it compares with what it sent.
    real_deal = hospital_steps.deal
    first: list[Any] = []

    def deals_twice(me: Any, *rest: Any) -> Any:
        dealt = real_deal(me, *rest)
        if me.index == 1:
            first.append(dealt)
            return real_deal(me, *rest)
        return dealt

    class Swapping(Collection):
        def add_update(self, sender: int, data: bytes | memoryview) -> None:
            super().add_update(sender, first[0].update if sender == 1 else data)

    monkeypatch.setattr(hospital_steps, "deal", deals_twice)
    monkeypatch.setattr(original_algorithm, "Collection", Swapping)
    said: list[str] = []
    with pytest.raises(FaultyCoordinatorError, match="altered contribution of mine"):
        run(tmp_path, said)
    assert said == ["Privacy Breach Detected for Client 1: the manifest lists an altered contribution of mine"]


def test_two_clients_are_refused_because_each_could_subtract_itself(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="subtraction"):
        run(tmp_path, [], n=2)
