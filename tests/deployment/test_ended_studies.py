"""A study that is over, finished or stopped: nothing can be withdrawn from it, and verifying it says what is true."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import simulator
from tests.deployment.consortium import Consortium, document
from tests.deployment.test_host_and_seat import kind_of
from typer.testing import CliRunner, Result

from cipherward.cli import app
from cipherward.deployment import approvals, starting
from cipherward.errors import RefusedError


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    """Four hospitals; the study "stopped" was stopped in its second sum, the study "finished" is finished."""
    four = Consortium(tmp_path_factory.mktemp("ended"), 4)
    four.start(document(4, name="stopped"))
    four.approve()

    def before(sender: str, to: str, letter: bytes) -> None:
        if kind_of(letter) == "Update" and four.status()["sums_opened"] == 1:
            starting.stop(four.home, "stopped", "funding ended")

    four.before = before
    four.pump()
    assert four.status()["phase"] == "stopped"
    four.before = lambda sender, to, letter: None
    four.start(document(4, name="finished", data={"test_fraction": 0.4}))
    four.approve()
    four.pump()
    assert four.host.status()[-1]["phase"] == "finished"
    yield four
    four.close()


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.parametrize(
    ("study", "what", "next_"),
    [
        ("finished", "the study 'finished' is finished: nothing more leaves", "what was opened stays in the model, in"),
        ("stopped", "the coordinator stopped the study 'stopped'", "nothing is left to do"),
    ],
)
def test_nobody_withdraws_from_a_study_that_is_over(ended: Consortium, study: str, what: str, next_: str) -> None:
    home = ended.hospital("clinic-1")
    for words in ((), ("--yes",)):  # refused before anything is asked
        refused = call("hospital", "withdraw", study, *words, "--home", home.path)
        assert isinstance(refused.exception, RefusedError)
        assert what in refused.exception.message
        assert next_ in refused.exception.hint
        assert "for good" not in refused.output
    offered = approvals.find(home, study)
    assert (offered.status, offered.withdrawal) == ("approved", b"")
    folder = home.model_folder(study, offered.digest)
    assert simulator.lines_of(folder)
    assert ended.seats["clinic-1"].poll() == []


def model_folder(ended: Consortium, name: str, study: str) -> Path:
    (found,) = ended.hospital(name).models.glob(f"{study}-*")
    return found
