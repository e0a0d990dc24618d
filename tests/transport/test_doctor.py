"""`hospital doctor` tells apart what stands between a hospital and its server."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.consortium import enrolled
from tests.ports import closed_port
from typer.testing import CliRunner

from cipherward.cli import app
from cipherward.consortium.homes import health
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.homes.health import Finding
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.membership import authority
from cipherward.consortium.membership.authority import COORDINATOR_NAME
from cipherward.store import files
from cipherward.transport import doctor, link

QUIET: dict[str, str] = {}


@pytest.fixture
def both(tmp_path: Path) -> tuple[CoordinatorHome, HospitalHome]:
    home = enrolled.coordinator(tmp_path / "c")
    own = enrolled.hospital(tmp_path / "north")
    enrolled.join(home, own, "north")
    return home, HospitalHome(own.path)


def dial(own: HospitalHome, *servers: str) -> HospitalHome:
    own.settings["servers"] = list(servers)
    return own


def found(own: HospitalHome, now: datetime | None = None, seconds: float = 60.0) -> dict[str, Finding]:
    listed = doctor.examine(own, now=now, environment=QUIET, seconds=seconds)
    return {finding.what.rpartition(": ")[2]: finding for finding in listed}


@contextmanager
def listening(talk: object = None) -> Iterator[int]:
    """A port on which `talk(connection)` answers one caller."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                connection, _ = server.accept()
                with connection:
                    if callable(talk):
                        talk(connection)
            except OSError:
                pass

        threading.Thread(target=serve, daemon=True).start()
        yield int(server.getsockname()[1])


def server_tls(home: CoordinatorHome, certificate: bytes | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    path = home.server_certificate
    if certificate:
        path = home.path / "other.crt"
        path.write_bytes(certificate)
    context.load_cert_chain(path, home.server_key)
    return context


def test_a_machine_in_order_has_only_findings_that_hold_and_a_dead_coordinator_behind_it_is_one_that_does_not(
    both: tuple[CoordinatorHome, HospitalHome], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, own = both

    def talk(plain: socket.socket) -> None:
        with server_tls(home).wrap_socket(plain, server_side=True) as secure:
            secure.sendall(b"INFO {}\r\n")
            secure.recv(4096)
            secure.sendall(b"PONG\r\n")

    with listening(talk) as port:
        dialled = dial(own, f"tls://localhost:{port}")
        everything = found(dialled)
        own.write_status({"connected": True, "seen": {COORDINATOR_NAME: 1_000_000.0}})
        monkeypatch.setattr(health, "is_served", lambda home: True)
        # Nobody answers a second caller.
        assert "no sign of life since 1970" in found(dialled, seconds=0.1)["coordinator"].detail
    assert {name for name, finding in everything.items() if not finding.holds} <= {"disk", "memory"}
    assert "knows this hospital" in everything["TLS"].detail


def test_a_refused_port_a_blocked_port_and_no_route_are_told_apart(
    both: tuple[CoordinatorHome, HospitalHome], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, own = both
    with closed_port() as closed:
        assert "refused port" in found(dial(own, f"tls://127.0.0.1:{closed}"))["port"].detail

    def dropped(*_: object, **__: object) -> socket.socket:
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", dropped)
    assert "blocked port" in found(dial(own, "tls://127.0.0.1:4222"))["port"].detail

    def no_route(*_: object, **__: object) -> socket.socket:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", no_route)
    assert "unreachable network" in found(dial(own, "tls://127.0.0.1:4222"))["port"].detail


def test_a_port_that_was_taken_for_granted_is_said_to_be(both: tuple[CoordinatorHome, HospitalHome]) -> None:
    listed = doctor.examine(dial(both[1], "tls://127.0.0.1"), environment=QUIET, seconds=2.0)
    assert any("127.0.0.1 port 4222 (the address names none)" in finding.what for finding in listed)


def test_a_name_that_nobody_knows_is_not_taken_for_a_port_that_is_closed(
    both: tuple[CoordinatorHome, HospitalHome],
) -> None:
    everything = found(dial(both[1], "tls://no-such-host.invalid:4222"))
    assert "is not known here" in everything["name"].detail
    assert "port" not in everything


@pytest.mark.parametrize(
    ("hosts", "days", "dialled", "words"),
    [
        (["hub.example.org"], 30, "localhost", "the name localhost is not in the server's certificate"),
        (["127.0.0.2"], 30, "127.0.0.1", "the name 127.0.0.1 is not in the server's certificate"),
        (["localhost"], -1, "localhost", "the server's certificate has expired"),
        (["localhost"], 30, "localhost", "does not know this hospital"),
    ],
)
def test_names_and_certificates_of_the_server_are_told_apart(
    both: tuple[CoordinatorHome, HospitalHome], hosts: list[str], days: int, dialled: str, words: str
) -> None:
    home, own = both
    made = authority.server_certificate(
        files.read(home.authority_certificate),
        files.read(home.authority_key),
        files.read(home.server_key),
        hosts,
        valid_days=days,
    )

    def talk(plain: socket.socket) -> None:
        with server_tls(home, made).wrap_socket(plain, server_side=True) as secure:
            secure.recv(4096)
            secure.sendall(b"-ERR 'Authorization Violation'\r\n")

    with listening(talk) as port:
        assert words in found(dial(own, f"tls://{dialled}:{port}"))["TLS"].detail


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connect call failed ('10.0.0.1', 4222)"), "refused port: nobody listens there"),
        (OSError(101, "Connect call failed"), "unreachable network: Network is unreachable"),
        (socket.gaierror(-2, "Name or service not known"), "its name is not known here"),
        (TimeoutError(), "does not answer, neither yes nor no"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "does not speak TLS 1.3"),
    ],
)
def test_the_service_s_own_words_tell_the_same_causes_apart(error: Exception, words: str) -> None:
    said = link.translated(error, "tls://hub:4222")
    assert words in said.message
    assert said.hint


def test_who_shows_another_authority_s_certificate_is_not_the_consortium_s_server(
    both: tuple[CoordinatorHome, HospitalHome], tmp_path: Path
) -> None:
    other = enrolled.coordinator(tmp_path / "other")

    def talk(plain: socket.socket) -> None:
        with server_tls(other).wrap_socket(plain, server_side=True):
            pass

    with listening(talk) as port:
        assert "is not the consortium's server" in found(dial(both[1], f"tls://localhost:{port}"))["TLS"].detail


def test_who_speaks_no_tls_is_said_to(both: tuple[CoordinatorHome, HospitalHome]) -> None:
    def talk(plain: socket.socket) -> None:
        plain.sendall(b"SSH-2.0-x\r\n")
        plain.recv(4096)

    with listening(talk) as port:
        assert "does not speak TLS 1.3" in found(dial(both[1], f"tls://localhost:{port}"))["TLS"].detail


def test_a_wrong_clock_an_expired_certificate_and_a_pending_renewal_are_told_apart(
    both: tuple[CoordinatorHome, HospitalHome],
) -> None:
    own = dial(both[1])
    now = datetime.now(UTC)
    assert found(own, now)["clock"].holds
    assert "wrong clock" in found(own, now - timedelta(days=3))["clock"].detail
    late = found(own, now + timedelta(days=4000))
    assert "expired certificate" in late["certificate"].detail
    assert late["clock"].holds
    assert "renewal" not in late
    own.next_tls_key.write_bytes(b"key")
    assert "admission has not come" in found(own, now)["renewal"].detail


def test_a_proxy_is_found_and_said_not_to_be_used(both: tuple[CoordinatorHome, HospitalHome]) -> None:
    own = dial(both[1])
    (finding,) = [f for f in doctor.examine(own, environment={"HTTPS_PROXY": "http://p:8080"}) if f.what == "proxy"]
    assert "https_proxy is set and not used" in finding.detail


def test_the_command_says_what_the_network_team_has_to_know(both: tuple[CoordinatorHome, HospitalHome]) -> None:
    _, own = both
    settings = own.path / "hospital.toml"
    with closed_port() as closed:
        settings.write_text(settings.read_text().replace("localhost:4222", f"127.0.0.1:{closed}"))
        result = CliRunner().invoke(app, ["hospital", "doctor", "--home", str(own.path)], env=dict(os.environ))
    assert result.exit_code == 1
    assert f"opens TCP connections to 127.0.0.1 port {closed}" in result.output
    assert "refused port" in result.output
