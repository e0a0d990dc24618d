"""Too few patients for a study's noise are refused before anything is asked or charged, whoever notices first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests import simulator
from tests.consortium.consortium import Consortium, document

from cipherward.consortium.approval import approvals, review, review_text
from cipherward.consortium.service import letters
from cipherward.consortium.service.letters import Begun
from cipherward.crypto import wire
from cipherward.errors import DataError
from cipherward.parties.inventories import Shown

FAINT = {"enabled": True, "epsilon": 0.5, "delta": 1e-6}
DESCRIBE: dict[str, Any] = {"task": "describe", "training": {}, "settings": {"bins": 8}}


@pytest.mark.parametrize("sections", [{}, DESCRIBE], ids=["train", "describe"])
def test_hospitals_whose_patients_are_too_few_are_asked_nothing_and_charged_nothing(
    four: Consortium, sections: dict[str, Any]
) -> None:
    four.start(document(4, noise=FAINT, **sections))
    home = four.hospital("clinic-1")
    told = review_text.to_text(review.review(home, approvals.whole_offers(home)[0][-1]))
    assert "Noise of epsilon 0.5 needs at least" in " ".join(told.split())
    four.approve()
    offered = [approvals.whole_offers(four.hospital(name))[0][-1] for name in four.names]
    shown = wire.encode(Shown(tuple(each.inventory for each in offered)))
    letter = letters.seal(four.home.identity, "clinic-1", offered[0].digest, Begun(shown), from_coordinator=True)
    assert four.desks["clinic-1"].receive(letter) == []
    assert any("too few for noise of epsilon 0.5" in reason for reason in four.alarms("clinic-1"))
    four.pump()
    assert four.status()["phase"] == "failed"
    assert "declare at least" in four.status()["reason"]
    assert "noise.enabled = false" in four.status()["reason"]
    assert four.status()["sums_opened"] == 0
    assert all(desk._ledger.charges() == [] for desk in four.desks.values())


def test_a_run_on_one_machine_is_refused_before_there_is_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"too few for noise of epsilon 0\.5"):
        simulator.run(tmp_path, simulator.study(5, noise=FAINT, **DESCRIBE))
    assert not (tmp_path / "run").exists()
