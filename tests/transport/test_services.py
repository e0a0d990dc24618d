"""The services as they are deployed: one process each, a real message server, TLS, commands acting through files."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from tests import simulator
from tests.consortium import consortium
from tests.consortium.consortium import opened
from tests.ports import free_port
from tests.tasks.federated_mean import FederatedMean

from cipherward.consortium.approval import approvals
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.homes.home import Home
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.service import offering
from cipherward.tasks import catalogue

pytestmark = pytest.mark.slow

N = 4
SECONDS = 150.0


@dataclass
class Deployment:
    """A coordinator's and four hospitals' homes, and their processes, which run `program`."""

    folder: Path
    program: tuple[str, ...] = ("-c", "from cipherward.cli import main; main()")
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.port = free_port()
        consortium.found(self.folder, N, url=f"tls://127.0.0.1:{self.port}")
        self.names = [f"clinic-{i}" for i in range(1, N + 1)]
        self.server_pid = 0
        self.paths = {name: self.folder / name for name in ("coordinator", *self.names)}

    def home(self, name: str) -> Home:
        path = self.paths[name]
        return CoordinatorHome(path) if name == "coordinator" else HospitalHome(path)

    def serve(self, *names: str) -> None:
        for name in names or ("coordinator", *self.names):
            role = "coordinator" if name == "coordinator" else "hospital"
            command = [sys.executable, *self.program, role, "serve", "--home"]
            with (self.folder / f"{name}.out").open("ab") as out:
                self.processes[name] = subprocess.Popen(
                    [*command, str(self.paths[name])],
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
        studies: list[dict[str, Any]] = self.status(name).get("studies") or [{}]
        return studies[-1]

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
        return offering.start(home, consortium.document(N, **sections), time.time())

    def approve(self, *names: str) -> None:
        for name in names or self.names:
            home = HospitalHome(self.folder / name)
            self.until(lambda home=home: bool(approvals.offers(home)), f"offered to {name}")  # type: ignore[misc]
            consortium.sign(home, approvals.offers(home)[-1])

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
        pid_file = self.paths["coordinator"] / "server" / "nats.pid"
        if pid_file.exists():
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(pid_file.read_text()), signal.SIGKILL)


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
    dialled: dict[str, set[tuple[str, int]]] = {name: set() for name in deployment.names}

    def finished() -> bool:
        for name, seen in dialled.items():
            connections = psutil.Process(deployment.processes[name].pid).net_connections("all")
            seen |= {(c.raddr.ip, c.raddr.port) for c in connections if isinstance(c.raddr, tuple) and c.raddr}
            assert not [c for c in connections if c.status == psutil.CONN_LISTEN]
        return bool(deployment.study().get("phase") == "finished")

    deployment.until(finished, "finished")
    assert list(dialled.values()) == [{("127.0.0.1", deployment.port)}] * N
    for name in deployment.names:
        deployment.until(lambda name=name: deployment.study(name).get("phase") == "finished", "received")  # type: ignore[misc]
    same_as(local, folder)
    for name in (*deployment.names, "coordinator"):
        assert deployment.stop(name) == 0
        assert deployment.home(name).alarms() == []
        assert deployment.status(name)["running"] is False


@pytest.mark.parametrize("victim", ["coordinator", "clinic-3"])
@pytest.mark.parametrize("sums", [1, 2])
def test_a_process_killed_in_the_middle_of_a_sum_and_started_again_finishes_with_the_same_model(
    deployment: Deployment, local: Path, victim: str, sums: int
) -> None:
    deployment.serve()
    folder = deployment.start()
    deployment.approve()
    receipts = folder / "receipts"
    deployment.until(lambda: len(list(receipts.glob("*/opening.cbor"))) >= sums, "under way")
    deployment.kill(victim)
    deployment.serve(victim)
    deployment.until(lambda: deployment.study().get("phase") == "finished", "finished")
    deployment.until(lambda: deployment.study(deployment.names[-2]).get("phase") == "finished", "received")
    same_as(local, folder)


def test_sigterm_while_hospitals_train_stops_at_once_and_nothing_is_lost(deployment: Deployment) -> None:
    deployment.serve()
    # A network that is trained row by row: it takes seconds.
    slow = {"rounds": 1, "local_epochs": 150, "batch_size": 1, "learning_rate": 0.01}
    folder = deployment.start(model={"kind": "mlp", "hidden": [4]}, training=slow)
    deployment.approve()
    deployment.until(lambda: (folder / "receipts" / "0000" / "opening.cbor").exists(), "trains")
    deployment.until(lambda: deployment.study().get("step") == "deal", "trains")
    time.sleep(1.0)
    for name in ("clinic-1", "coordinator", "clinic-2"):
        started = time.monotonic()
        assert deployment.stop(name) == 0
        assert time.monotonic() - started < 20
    deployment.serve("coordinator", "clinic-1", "clinic-2")
    deployment.until(lambda: deployment.study().get("phase") == "finished", "finished")
    assert simulator.holds(folder)


def test_a_dead_message_server_is_started_again(deployment: Deployment, local: Path) -> None:
    deployment.serve()
    folder = deployment.start()
    deployment.approve()
    deployment.until(lambda: bool(list(folder.glob("receipts/*/opening.cbor"))), "under way")
    deployment.until(lambda: bool(deployment.status("coordinator").get("server_pid")), "served")
    os.kill(deployment.server_pid, signal.SIGKILL)
    deployment.until(lambda: deployment.study().get("phase") == "finished", "finished")
    same_as(local, folder)
    assert "server died" in [alarm["event"] for alarm in deployment.home("coordinator").alarms()]


def test_two_services_on_one_home_are_refused(deployment: Deployment) -> None:
    deployment.serve("clinic-1")
    deployment.until(lambda: deployment.status("clinic-1").get("running") is True, "running")
    first = deployment.processes.pop("clinic-1")
    deployment.serve("clinic-1")
    second = deployment.processes.pop("clinic-1")
    assert second.wait(30) == 1
    assert "a service runs on" in deployment.said("clinic-1")
    deployment.processes["clinic-1"] = first
    assert deployment.stop("clinic-1") == 0


def test_another_machine_takes_over_with_a_copy_of_the_folder(deployment: Deployment, local: Path) -> None:
    deployment.serve()
    folder = deployment.start()
    deployment.approve()
    deployment.until(lambda: len(list(folder.glob("receipts/*/opening.cbor"))) >= 2, "under way")
    deployment.kill("coordinator")
    os.kill(int((deployment.folder / "coordinator" / "server" / "nats.pid").read_text()), signal.SIGKILL)
    moved = deployment.folder / "elsewhere" / "home"
    shutil.copytree(deployment.folder / "coordinator", moved)
    shutil.rmtree(deployment.folder / "coordinator")
    deployment.paths["coordinator"] = moved
    deployment.serve("coordinator")
    deployment.until(lambda: deployment.study().get("phase") == "finished", "finished")
    same_as(local, moved / "studies" / folder.name)


def test_a_task_that_the_software_has_never_heard_of_runs_across_processes(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(catalogue.TASKS, "mean", FederatedMean)  # for the commands, which this process gives
    deployment.program = (str(Path(__file__).with_name("mean_service.py")),)
    deployment.serve()
    mean: dict[str, Any] = {"task": "mean", "settings": {"column": "age", "error": 0.1}}
    folder = deployment.start(**mean)
    deployment.approve()
    for name in ("coordinator", *deployment.names):
        deployment.until(lambda name=name: deployment.study(name).get("phase") == "finished", f"finished at {name}")  # type: ignore[misc]
    found = json.loads((folder / "result.json").read_text())
    assert found["error"] <= 0.1
    assert found["batches"] < 10
    alone = simulator.run(tmp_path / "alone", simulator.study(N, **mean))
    assert {name: alone.summary[name] for name in ("mean", "error", "batches")} == {
        name: found[name] for name in ("mean", "error", "batches")
    }
    assert simulator.holds(folder)
    for name in ("coordinator", *deployment.names):
        assert deployment.stop(name) == 0
        assert deployment.home(name).alarms() == []
