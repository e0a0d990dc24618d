"""A kind of model that the rest of the software has never heard of is checked, run, verified, reported and predicted with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests import simulator
from tests.learning.factorisation import FactorisationMachine

from cipherward.consortium.approval import policyfile
from cipherward.errors import RefusedError, StorageError, StudyError
from cipherward.learning import catalogue
from cipherward.parties.policy import Policy
from cipherward.report import page
from cipherward.runs.prediction import predict
from cipherward.tasks.catalogue import make_task

KIND = {"kind": "factorisation", "rank": 3}


@pytest.fixture(autouse=True)
def in_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalogue.KINDS, "factorisation", FactorisationMachine)


def test_it_runs_and_is_verified_reported_and_predicted_with(tmp_path: Path) -> None:
    path = simulator.run(tmp_path, simulator.study(5, model=KIND)).path
    assert simulator.holds(path)
    page.write(path)
    assert "factorisation machine, " in (path / "report.html").read_text()
    probabilities = predict(path, tmp_path / "tables" / "clinic-1.csv")
    assert len(probabilities) == 90
    assert np.ptp(probabilities) > 0.1


def test_its_own_settings_are_checked_by_it_and_stand_in_the_digest() -> None:
    with pytest.raises(StudyError) as caught:
        make_task(simulator.study(5, model={"kind": "factorisation", "ranks": 3, "hidden": [4]}))
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["model.rank", "model.hidden", "model.ranks"]
    three, four = (simulator.study(5, model=KIND | {"rank": rank}) for rank in (3, 4))
    assert three.digest() != four.digest()
    assert catalogue.describe(four.model) == "factorisation machine of rank 4"


def test_a_hospital_that_does_not_have_it_refuses_it_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    Policy().check(simulator.study(5, model=KIND))
    text = policyfile.DEFAULT.replace('"mlp"]', '"mlp", "factorisation"]')
    policyfile.parse(text, "policy.toml").check(simulator.study(5, model=KIND))
    monkeypatch.delitem(catalogue.KINDS, "factorisation")
    with pytest.raises(RefusedError, match="model 'factorisation'"):
        Policy().check(simulator.study(5, model=KIND))
    with pytest.raises(StorageError, match="no kind of model is called 'factorisation'"):
        policyfile.parse(text, "policy.toml")
    assert catalogue.describe(simulator.study(5, model=KIND).model) == "factorisation"
