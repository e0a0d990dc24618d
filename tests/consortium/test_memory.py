"""What a round leaves in memory, at both sides: a few numbers. The record of a study is on the disk."""

from __future__ import annotations

import functools
import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import hasty
from tests.consortium.consortium import Consortium, document
from tests.schedules.world import TOY_RING, forget

from cipherward.consortium.service.coordinator_study import CoordinatorStudy
from cipherward.consortium.service.hospital_study import HospitalStudy
from cipherward.crypto import params
from cipherward.store.ledger import Ledger
from cipherward.store.marked import MarkedTables
from cipherward.tasks.state import StudyState

N = 3
WARM, ROUNDS = 10, 30
"""What the first rounds load is no growth."""

LIMIT = 4_000
"""Bytes per round that the coordinator and its hospitals together may keep (about 2,400 were measured): at a hospital the
outcome of the sum (100, of the last 100; their words are the same), everywhere AUROC, loss and some small numbers. The model alone has 5,000."""

_NOT_OURS = [tracemalloc.Filter(False, tracemalloc.__file__), tracemalloc.Filter(False, hasty.__file__)]


def growth(folder: Path) -> float:
    """Bytes per round that stay in memory, of everybody together."""
    consortium = Consortium(folder, N)
    try:
        consortium.start(document(N, training={"rounds": ROUNDS}, model={"kind": "mlp", "hidden": [32, 32]}))
        consortium.approve()
        _run_until(consortium, 2)  # what is loaded and compiled once takes long to trace
        tracemalloc.start()
        _run_until(consortium, WARM)
        before = _in_use()
        _run_until(consortium, ROUNDS)
        return (_in_use() - before) / (ROUNDS - WARM)
    finally:
        tracemalloc.stop()
        consortium.close()


def _run_until(consortium: Consortium, sums: int) -> None:
    """Carry letters until so many sums are opened, and the last receipt has come."""
    while len(list(consortium.home.studies.glob("*/receipts/*/hospital-*.cbor"))) < sums * N:
        if not consortium.queue:
            consortium.poll()
        consortium.step()
        consortium.carried.clear()


def _in_use() -> int:
    """What is left when memories of bounded length are empty: how full they are is no growth."""
    gc.unfreeze()  # what was there before the first test
    for found in gc.get_objects():
        if isinstance(found, functools._lru_cache_wrapper) and found.cache_parameters()["maxsize"] is not None:
            found.cache_clear()
        elif isinstance(found, MarkedTables):
            found._seen, found._seen_bytes = {}, 0
            if isinstance(found, Ledger):
                found._under.clear()
    gc.collect()
    return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(_NOT_OURS).traces)


@pytest.fixture(autouse=True)
def _toy_ring(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(params, "RINGS", (TOY_RING,))
    forget()
    yield
    forget()


@pytest.mark.slow
def test_a_round_leaves_a_few_numbers_in_memory(tmp_path: Path) -> None:
    assert growth(tmp_path) < LIMIT


def _weights(state: StudyState) -> object:
    return state.inner.model.weights.copy()


def _counts(state: StudyState) -> object:
    return np.zeros(state.layout.n_lanes, np.int64)


@pytest.mark.slow
@pytest.mark.parametrize(("side", "left"), [("coordinator", _weights), ("hospital", _counts)])
def test_a_model_or_the_counts_of_every_round_would_be_noticed_at_either_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: str, left: Callable[[StudyState], object]
) -> None:
    kept: list[object] = []
    record, keep = CoordinatorStudy._record, HospitalStudy._keep

    def leaky_record(self: Any, hub: Any) -> None:
        if hub.reports:
            kept.append(left(hub.state))
        record(self, hub)

    def leaky_keep(self: Any, candidate: Path, round: int) -> None:
        if self.home.name == "clinic-1":
            kept.append(left(self._node.state))
        keep(self, candidate, round)

    if side == "coordinator":
        monkeypatch.setattr(CoordinatorStudy, "_record", leaky_record)
    else:
        monkeypatch.setattr(HospitalStudy, "_keep", leaky_keep)
    assert growth(tmp_path) > LIMIT
