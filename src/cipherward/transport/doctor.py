"""`hospital doctor`: one finding for each thing between this machine and the message server, each with its own cause.

Everything is tried here and now, and nothing is changed. What a network team has to know is said at the end.
"""

from __future__ import annotations

import contextlib
import os
import platform
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from cipherward.consortium.homes.health import WARN_DAYS, Finding, clocks, coordinator_seen, disk
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.membership.authority import MALFORMED
from cipherward.errors import CipherwardError
from cipherward.store import files
from cipherward.transport.link import unreached
from cipherward.transport.tls import Connection, client_context, not_verified, server_address

SECONDS = 5.0
"""How long one try waits."""

LEAST_MEMORY = 1 << 30
_PROXIES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_SKEW = timedelta(minutes=5)


class _StuckError(Exception):
    """The chain of tries ends here; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.detail)
        self.finding = finding


@dataclass(frozen=True)
class Server:
    """One configured server."""

    host: str
    port: int
    is_assumed: bool = False

    @property
    def words(self) -> str:
        return f"{self.host} port {self.port}{' (the address names none)' if self.is_assumed else ''}"


def examine(
    home: HospitalHome,
    *,
    now: datetime | None = None,
    environment: Mapping[str, str] = os.environ,
    seconds: float = SECONDS,
) -> list[Finding]:
    """Every finding about this machine and its way to the servers."""
    moment = now or datetime.now(UTC)
    found = [
        Finding("python", True, f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        disk(home),
        _memory(),
        _clock(home, moment),
        *_certificate(home, moment),
        _proxy(environment),
    ]
    for url in home.servers:
        try:
            parts = urlsplit(server_address(url))
        except CipherwardError as error:
            found.append(Finding(f"server {url}", False, error.message, error.hint))
            continue
        server = Server(str(parts.hostname), int(parts.port or 0), is_assumed=urlsplit(url).port is None)
        found += _way_to(home, server, moment, seconds)
    return [*found, coordinator_seen(home, moment)] if home.is_enrolled else found


def for_network_team(home: HospitalHome, found: list[Finding]) -> list[str]:
    """What to send to whoever runs the firewall."""
    lines = ["For the network team:"]
    for url in home.servers:
        with contextlib.suppress(CipherwardError, ValueError):
            parts = urlsplit(server_address(url))
            lines.append(
                f"  this machine ({socket.gethostname()}) opens TCP connections to {parts.hostname} port {parts.port}; "
                "nothing dials in"
            )
    lines.append("  TLS 1.3 from end to end: no proxy, and no inspection that replaces certificates")
    lines += [f"  found now: {f.what}: {f.detail}" for f in found if not f.holds and f.what.startswith("server")]
    return lines


def _memory() -> Finding:
    try:
        text = Path("/proc/meminfo").read_text()
        free = next(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith("MemAvailable"))
    except (OSError, ValueError, StopIteration):
        return Finding("memory", True, "not known on this system")
    return Finding("memory", free >= LEAST_MEMORY, f"{free / 2**30:.1f} GiB available", "close other programs")


def _clock(home: HospitalHome, now: datetime) -> Finding:
    """Against what this home has written, and when its certificate began: time does not go back."""
    said = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    for what, latest in _times(home):
        if now + _SKEW < latest:
            detail = f"wrong clock: it says {said}, but {what} is of {latest:%Y-%m-%d %H:%M} UTC"
            return Finding("clock", False, detail, "set this machine's clock (NTP)")
    others = clocks(home)
    return Finding("clock", True, said) if others.holds else Finding("clock", False, others.detail, others.hint)


def _times(home: HospitalHome) -> Iterator[tuple[str, datetime]]:
    with contextlib.suppress(OSError, *MALFORMED):
        certificate = x509.load_pem_x509_certificate(home.tls_certificate.read_bytes())
        yield "the beginning of this hospital's certificate", certificate.not_valid_before_utc
    for name in ("log.jsonl", "status.json"):
        with contextlib.suppress(OSError):
            yield f"the file {name}", datetime.fromtimestamp((home.path / name).stat().st_mtime, UTC)


def _certificate(home: HospitalHome, now: datetime) -> Iterator[Finding]:
    ask = "ask the coordinator: cipherward coordinator invite NAME --renew; then here: cipherward hospital enroll FILE"
    if home.next_tls_key.exists():
        since = datetime.fromtimestamp(home.next_tls_key.stat().st_mtime, UTC)
        detail = f"a renewal was asked for on {since:%Y-%m-%d}, and its admission has not come"
        yield Finding("renewal", False, detail, "send the request if that is not done; then enroll the admission")
    if not home.is_enrolled:
        yield Finding("certificate", False, "none: this hospital is not enrolled", "cipherward hospital enroll FILE")
        return
    try:
        certificate = x509.load_pem_x509_certificate(files.read(home.tls_certificate))
    except (CipherwardError, *MALFORMED):
        yield Finding("certificate", False, "tls.crt cannot be read", "restore it from a backup, or " + ask)
        return
    end = certificate.not_valid_after_utc
    if now > end:
        yield Finding("certificate", False, f"expired certificate: it ended on {end:%Y-%m-%d}", ask)
    elif now + timedelta(days=WARN_DAYS) > end:
        yield Finding("certificate", False, f"it ends on {end:%Y-%m-%d}, in {(end - now).days} days", ask)
    else:
        yield Finding("certificate", True, f"valid until {end:%Y-%m-%d}")


def _proxy(environment: Mapping[str, str]) -> Finding:
    set_here = sorted({name.lower() for name in _PROXIES if environment.get(name)})
    if not set_here:
        return Finding("proxy", True, "none is set")
    detail = f"{', '.join(set_here)} is set and not used: the server is dialled directly, since its certificate must come through"
    return Finding("proxy", True, detail)


def _way_to(home: HospitalHome, server: Server, now: datetime, seconds: float) -> Iterator[Finding]:
    """Name, port, TLS, and whether the server knows this member: until the first that fails."""
    what = f"server {server.words}"
    try:
        addresses = _resolved(what, server)
        yield Finding(f"{what}: name", True, ", ".join(addresses))
        with _dialled(what, server, seconds) as plain:
            yield Finding(f"{what}: port", True, "open")
            if home.is_enrolled:
                yield _greeted(what, home, server, plain, now)
    except _StuckError as stuck:
        yield stuck.finding


def _resolved(what: str, server: Server) -> list[str]:
    try:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        detail = f"the name {server.host} is not known here: {getattr(error, 'strerror', None) or error}"
        raise _StuckError(
            Finding(f"{what}: name", False, detail, "check the spelling in hospital.toml, and this machine's DNS")
        ) from None
    return sorted({str(entry[4][0]) for entry in found})


@contextlib.contextmanager
def _dialled(what: str, server: Server, seconds: float) -> Iterator[socket.socket]:
    try:
        plain = socket.create_connection((server.host, server.port), timeout=seconds)
    except TimeoutError:
        detail = f"blocked port: no answer within {seconds:.0f} s, neither yes nor no"
        hint = "a firewall drops the connection: have this port opened for this machine, outwards"
        raise _StuckError(Finding(f"{what}: port", False, detail, hint)) from None
    except OSError as error:
        raise _StuckError(Finding(f"{what}: port", False, *unreached(error))) from None
    with plain:
        yield plain


def _greeted(what: str, home: HospitalHome, server: Server, plain: socket.socket, now: datetime) -> Finding:
    """TLS with the consortium's certificates, and the server's first words."""
    name = f"{what}: TLS"
    connection = Connection(home.name, home.servers, home.tls_certificate, home.tls_key, home.authority_certificate)
    try:
        context = client_context(connection)
    except CipherwardError as error:
        return Finding(name, False, error.message, error.hint)
    try:
        with context.wrap_socket(plain, server_hostname=server.host) as secure:
            return _admitted(name, secure)
    except ssl.SSLCertVerificationError as error:
        return Finding(name, False, *not_verified(server.host, error, now))
    except ssl.SSLError as error:
        reason = error.reason or ""
        if "ALERT" in reason:
            return Finding(
                name,
                False,
                f"the server refuses this hospital's certificate ({reason})",
                "ask the coordinator: revoked, or renewed?",
            )
        detail = f"what answers there does not speak TLS 1.3 ({reason or 'no greeting'})"
        return Finding(name, False, detail, "another program listens on this port, or something in between changes TLS")
    except TimeoutError:
        detail = "the port is open, and then nothing comes: no greeting"
        return Finding(
            name, False, detail, "the message server hangs, another program listens, or a firewall holds TLS back"
        )
    except OSError as error:
        detail = f"the connection ends during the greeting: {getattr(error, 'strerror', None) or type(error).__name__}"
        return Finding(name, False, detail, "a firewall that looks into TLS does this; so does another program there")


def _admitted(name: str, secure: ssl.SSLSocket) -> Finding:
    secure.sendall(b'CONNECT {"verbose":false,"pedantic":false,"lang":"python","version":"1"}\r\nPING\r\n')
    text = b""
    with contextlib.suppress(TimeoutError):
        while len(text) < 1 << 16 and b"PONG" not in text and b"-ERR" not in text and (more := secure.recv(4096)):
            text += more
    if b"PONG" in text:
        return Finding(name, True, f"{secure.version()}, and the server knows this hospital")
    if b"-ERR" in text:
        hint = (
            "ask the coordinator: never admitted, revoked, renewed (then: cipherward hospital enroll ADMISSION), or its "
            "server has not taken the newest members"
        )
        return Finding(name, False, "the server does not know this hospital's certificate", hint)
    return Finding(name, False, "the server says nothing after the greeting", "tell the coordinator")
