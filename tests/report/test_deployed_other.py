"""Deployed studies of an outcome that is not binary: reviewed, run, reported at every party."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.report import deployments
from tests.report.deployments import folder_of
from tests.report.test_own_examples import MADE

from cipherward.report import deployed
from cipherward.runs.study_folder import OWN_EXAMPLES, OWN_RESULTS


@pytest.mark.thorough
def test_every_party_reports_a_count_with_its_own_metric_and_no_auroc(tmp_path: Path) -> None:
    counts = {"outcome_type": "counts", "outcome_maximum": 1.0}
    four = deployments.finished(tmp_path, data=counts, model={"kind": "linear"}, training={"rounds": 6})
    try:
        for name in ("coordinator", *four.names):
            home = four.home if name == "coordinator" else four.hospital(name)
            assert home.alarms() == []
            text = (folder_of(four, name) / "report.html").read_text("utf-8")
            assert "D² (explained deviance)" in text
            assert "AUROC" not in text
            assert "Simulation" not in text
            assert ("Seen by the coordinator" in text) == (name == "coordinator")
            (folder_of(four, name) / OWN_EXAMPLES).write_text(json.dumps(MADE))
            deployed.write(folder_of(four, name))
            text = (folder_of(four, name) / "report.html").read_text("utf-8")
            assert ("data:image/png" in text) == (name != "coordinator")
        own = json.loads((folder_of(four, "clinic-2") / OWN_RESULTS).read_text())
        assert own["headline"] == "d2"
        assert set(own["d2"]) == {"federated", "local"}
        assert "positive" not in own
    finally:
        four.close()
