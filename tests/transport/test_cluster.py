"""Three servers as one: a study of real processes goes on, in the same round, when one of them is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import public_split, simulator
from tests.consortium import consortium
from tests.ports import free_port
from tests.transport.test_services import Deployment, N, same_as

from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.membership import enrolment
from cipherward.transport.configuration import Route, ServerSettings
from cipherward.transport.server import ManagedServer

pytestmark = pytest.mark.slow
TRAINING = {"rounds": 30, "batch_size": 32, "learning_rate": 0.5}


class Cluster(Deployment):
    """A consortium whose three servers are somebody else's."""

    def __post_init__(self) -> None:
        self.names = [f"clinic-{i}" for i in range(1, N + 1)]
        self.server_pid = 0
        self.paths = {name: self.folder / name for name in ("coordinator", *self.names)}
        ports = [free_port() for _ in range(3)]
        home = enrolment.create_coordinator(
            self.paths["coordinator"],
            name="Test consortium",
            servers=[f"tls://localhost:{port}" for port in ports],
            listen="127.0.0.1:4222",
            hosts=["127.0.0.1"],
            managed=False,
        )
        assert home.replicas == 3
        tables = simulator.write_tables(self.folder / "tables", N)
        for name in self.names:
            consortium.join(self.folder, home, name, tables / f"{name}.csv")
        for name in self.names:
            hospital = HospitalHome(self.folder / name)
            hospital.confirm_members(hospital.receive_members(home.chain()))
            public_split.deal(hospital, simulator.study(N))
        routes = [f"127.0.0.1:{free_port()}" for _ in range(3)]
        self.servers = [
            ManagedServer(
                ServerSettings(
                    folder=self.folder / f"server-{i}",
                    listen=f"127.0.0.1:{ports[i]}",
                    certificate=home.server_certificate,
                    key=home.server_key,
                    authority=home.authority_certificate,
                    name=f"server-{i}",
                    route=Route("cipherward", routes[i], tuple(other for other in routes if other != routes[i])),
                )
            )
            for i in range(3)
        ]
        for server in self.servers:
            server.start(home.users())

    def close(self) -> None:
        super().close()
        for server in self.servers:
            server.stop()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same study with the same tables and seeds on the local engine."""
    return simulator.run(tmp_path_factory.mktemp("local"), simulator.study(N, training=TRAINING)).path


def test_a_study_goes_on_when_one_of_three_servers_is_killed_in_a_round(cluster: Cluster, local: Path) -> None:
    cluster.serve()
    cluster.until(lambda: bool(cluster.status("coordinator").get("connected")), "connected")
    folder = cluster.start(training=TRAINING)
    cluster.approve()
    cluster.until(lambda: cluster.study().get("step") is not None, "in a round")
    pid = cluster.servers[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert not (folder / "result.json").exists()
    cluster.until(lambda: cluster.study().get("phase") == "finished", "finished")
    same_as(local, folder)
    assert CoordinatorHome(cluster.paths["coordinator"]).alarms() == []
    cluster.until(lambda: all(cluster.study(name).get("phase") == "finished" for name in cluster.names), "told all")
