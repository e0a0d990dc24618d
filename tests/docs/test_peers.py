"""The comparison with peers leaves out what cannot be installed or run, and says why."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

COMPARE = Path(__file__).parents[2] / "benchmarks" / "peers" / "compare.py"


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    monkeypatch.setattr(sys, "path", [str(COMPARE.parents[1]), *sys.path])
    monkeypatch.setattr(sys, "argv", ["compare.py"])
    described = importlib.util.spec_from_file_location("peers_compare", COMPARE)
    assert described is not None
    assert described.loader is not None
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    monkeypatch.setattr(module, "ENVIRONMENTS", tmp_path)
    monkeypatch.setattr(module, "OURS", {})
    return module


@pytest.mark.slow
def test_a_peer_that_cannot_be_installed_is_left_out_with_the_reason(
    compare: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shown = []
    peers = {
        "No such package": ("flower.py", [str(tmp_path / "nowhere")], ""),
        "No such Python": ("flower.py", ["flwr"], "python2.1"),
    }
    monkeypatch.setattr(compare, "PEERS", peers)
    monkeypatch.setattr(compare, "finish", lambda name, section: shown.append(section))
    assert compare.main() == 0
    reasons = {row[0]: row[2] for row in shown[0].rows}
    assert list(reasons) == list(peers)
    assert all(reason.startswith("left out: ") for reason in reasons.values()), json.dumps(reasons)
    assert "nowhere" in reasons["No such package"].lower()
    assert "python2.1" in reasons["No such Python"]
