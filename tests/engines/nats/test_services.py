"""The services as they are deployed: one process each, a real message server, TLS, commands acting through files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import simulator
from tests.deployment import consortium
from tests.deployment.consortium import opened

from cipherward.deployment import approvals, starting
from cipherward.deployment.homes import CoordinatorHome, Home, HospitalHome

pytestmark = pytest.mark.slow

N = 4
SECONDS = 150.0


@dataclass
class Deployment:
    """A coordinator's and four hospitals' homes, and their processes."""

    folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        consortium.found(self.folder, N, url=f"tls://127.0.0.1:{port}")
        self.names = [f"clinic-{i}" for i in range(1, N + 1)]
        self.server_pid = 0

    def home(self, name: str) -> Home:
        return CoordinatorHome(self.folder / name) if name == "coordinator" else HospitalHome(self.folder / name)

    def serve(self, *names: str) -> None:
        for name in names or ("coordinator", *self.names):
            role = "coordinator" if name == "coordinator" else "hospital"
            command = [sys.executable, "-c", "from cipherward.cli import main; main()", role, "serve", "--home"]
            with (self.folder / f"{name}.out").open("ab") as out:
                self.processes[name] = subprocess.Popen(
                    [*command, str(self.folder / name)],
                    stdout=out,
                    stderr=out,
                    env=os.environ | {"OMP_NUM_THREADS": "1", "CIPHERWARD_HOME": ""},
                )

    def status(self, name: str) -> dict[str, Any]:
        found = self.home(name).read_status() or {}
        self.server_pid = found.get("server_pid") or self.server_pid
        return found

    def study(self, name: str = "coordinator") -> dict[str, Any]:
        """The newest study as this party sees it."""
        return (self.status(name).get("studies") or [{}])[-1]

    def until(self, what: Callable[[], bool], words: str, seconds: float = SECONDS) -> float:
        started = time.monotonic()
        while not what():
            for name, process in self.processes.items():
                assert process.poll() is None, f"{name} ended: {self.said(name)}"
            assert time.monotonic() < started + seconds, f"not {words} after {seconds} s: {self.everything()}"
            time.sleep(0.05)
        return time.monotonic() - started

    def start(self, **sections: Any) -> Path:
        home = CoordinatorHome(self.folder / "coordinator")
        return starting.start(home, consortium.document(N, **sections), time.time())

    def approve(self, *names: str) -> None:
        for name in names or self.names:
            home = HospitalHome(self.folder / name)
            self.until(lambda home=home: bool(approvals.offers(home)), f"offered to {name}")  # type: ignore[misc]
            approvals.approve(home, approvals.offers(home)[-1])

    def stop(self, name: str) -> int:
        process = self.processes.pop(name)
        process.terminate()
        return process.wait(30)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.out").read_text(errors="replace")[-2000:]

    def everything(self) -> str:
        return json.dumps(self.study()) + "\n" + "\n".join(self.said(name) for name in self.processes)

    def close(self) -> None:
        for name in list(self.processes):
            self.kill(name)
        pid_file = self.folder / "coordinator" / "server" / "nats.pid"
        if pid_file.exists():
            try:
                os.kill(int(pid_file.read_text()), signal.SIGKILL)
            except (ProcessLookupError, ValueError):
                pass


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    pytest.importorskip("nats")
    if not (Path(sys.executable).parent / "nats-server").exists() and not shutil.which("nats-server"):
        pytest.skip("no nats-server")
    made = Deployment(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same study with the same tables and seeds on the local engine."""
    return simulator.run(tmp_path_factory.mktemp("local"), simulator.study(N)).path


def same_as(local: Path, path: Path) -> None:
    ours, theirs = opened(path), opened(local)
    assert [digest for digest, _ in ours] == [digest for digest, _ in theirs]
    for (_, mine), (_, other) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert simulator.weights(path).tobytes() == simulator.weights(local).tobytes()
    assert simulator.holds(path)


def test_a_study_across_processes_gives_the_sums_and_the_model_of_the_local_engine(
    deployment: Deployment, local: Path
) -> None:
    deployment.serve()
    folder = deployment.start()
    deployment.approve()
    deployment.until(lambda: deployment.study().get("phase") == "finished", "finished")
    for name in deployment.names:
        deployment.until(lambda name=name: deployment.study(name).get("phase") == "finished", "received")  # type: ignore[misc]
    same_as(local, folder)
    for name in (*deployment.names, "coordinator"):
        assert deployment.stop(name) == 0
        assert deployment.home(name).alarms() == []
        assert deployment.status(name)["running"] is False
