"""A short soak: handles and what is kept beside the study's record stay as they are. The long one is a benchmark."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from tests.faults import soak


@pytest.mark.slow
def test_thirty_rounds_under_random_faults_leave_nothing_behind() -> None:
    pytest.importorskip("nats")
    if not (Path(sys.executable).parent / "nats-server").exists() and not shutil.which("nats-server"):
        pytest.skip("no nats-server")
    found = soak.run(30, 4, seed=2)
    assert sum(found.faults.values()) > 10
    warm = next(sample for sample in found.samples if sample.round >= soak.WARM_ROUNDS)
    last = found.samples[-1]
    for name in set(last.files) & set(warm.files) - found.killed:
        early, late = found.early_and_late(name, "files")
        assert late <= early + 4, f"{name} keeps files open"
    # Receipts of a few hundred bytes per sum stay; messages and letters do not, once their sum is over.
    quarter = len(found.samples) // 4
    for name in last.disk:
        early = max(sample.disk[name] for sample in found.samples[:quarter])
        late = min(sample.disk[name] for sample in found.samples[-quarter:])
        assert late <= early + 200_000, f"{name} keeps {late - early} bytes more"
