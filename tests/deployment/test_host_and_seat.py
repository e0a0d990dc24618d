"""A consortium's study from the offer to the verified model, in one process, with homes, keys and letters as deployed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests import simulator
from tests.deployment.consortium import Consortium, document, opened

from cipherward.deployment import models as received

ROUNDS = 2


@pytest.fixture
def four(tmp_path: Path) -> Iterator[Consortium]:
    made = Consortium(tmp_path, 4)
    yield made
    made.close()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same study with the same tables and seeds on the local engine."""
    return simulator.run(tmp_path_factory.mktemp("local"), simulator.study(4)).path


def same_as(local: Path, path: Path) -> None:
    """The opened integers and the model after every sum are those of the local run."""
    ours, theirs = opened(path), opened(local)
    assert [digest for digest, _ in ours] == [digest for digest, _ in theirs]
    for (_, mine), (_, other) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert simulator.weights(path).tobytes() == simulator.weights(local).tobytes()


def test_a_study_goes_from_offer_to_verified_model_with_the_sums_of_the_local_engine(
    four: Consortium, local: Path
) -> None:
    folder = four.start(document(4))
    assert four.status()["phase"] == "offered"
    assert four.status()["waiting_for"] == four.names
    four.approve()
    four.pump()
    assert four.status()["phase"] == "finished"
    same_as(local, folder)
    assert simulator.holds(folder)
    for name in four.names:
        (model,) = received.received(four.hospital(name))
        assert model.verified
        assert simulator.holds(model.folder)
        assert simulator.weights(model.folder).tobytes() == simulator.weights(folder).tobytes()
        assert four.alarms(name) == []
    assert four.alarms("coordinator") == []
