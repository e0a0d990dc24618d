"""A second machine takes over as coordinator, as docs/operations.md says: stop, copy the home, serve."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from tests import simulator
from tests.transport.test_services import Deployment, N, deployment, same_as

from cipherward.consortium.homes.coordinator_home import CoordinatorHome

pytestmark = pytest.mark.slow
__all__ = ["deployment"]
TRAINING = {"rounds": 40, "batch_size": 32, "learning_rate": 0.5}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same study with the same tables and seeds on the local engine."""
    return simulator.run(tmp_path_factory.mktemp("local"), simulator.study(N, training=TRAINING)).path


def test_a_copy_of_the_home_goes_on_in_the_same_sum_on_another_machine(
    deployment: Deployment, local: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.serve()
    digest = deployment.start(training=TRAINING).name
    deployment.approve()
    deployment.until(lambda: deployment.study().get("sums_opened", 0) >= 2, "two sums")
    server = int((deployment.paths["coordinator"] / "server" / "nats.pid").read_text())
    deployment.kill("coordinator")
    os.kill(server, signal.SIGKILL)
    assert not (deployment.paths["coordinator"] / "studies" / digest / "result.json").exists()
    done = len(list((deployment.paths["coordinator"] / "studies" / digest / "receipts").iterdir()))

    began = time.monotonic()
    second = deployment.folder / "second-machine"
    shutil.copytree(deployment.paths["coordinator"], second)
    deployment.paths["coordinator"].rename(deployment.folder / "switched-off")
    deployment.paths["coordinator"] = second
    deployment.serve("coordinator")
    deployment.until(lambda: deployment.study().get("sums_opened", 0) > done, "another sum")
    seconds = time.monotonic() - began

    deployment.until(lambda: deployment.study().get("phase") == "finished", "finished")
    deployment.until(lambda: all(deployment.study(n).get("phase") == "finished" for n in deployment.names), "told all")
    same_as(local, second / "studies" / digest)
    assert [alarm["event"] for alarm in CoordinatorHome(second).alarms()] == []
    with capsys.disabled():
        print(f"taking over: {seconds:.1f} s from the copy to the next opened sum")
