"""What a member needs to dial the server, and the TLS 1.3 context made of it."""

from __future__ import annotations

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from cipherward.consortium.membership.authority import MALFORMED
from cipherward.errors import StorageError, TransportError

_EXPIRED, _NOT_YET, _NAMES = (
    10,
    9,
    {62, 64},
)  # OpenSSL's numbers of verification errors; 64: an address that does not match


@dataclass(frozen=True)
class Connection:
    """A member's name ("coordinator" or a hospital's), the servers it may dial, and its PEM files.

    `servers` are `tls://host:port`; nothing else is ever dialled, whatever a server advertises.
    """

    name: str
    servers: tuple[str, ...]
    certificate: Path
    key: Path
    authority: Path


def server_address(url: str) -> str:
    """`url` if it is `tls://host[:port]`.

    Raises:
        TransportError: another scheme, a password or a path in it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 4222
    except ValueError:
        port = 0
    if not port or parts.scheme != "tls" or not parts.hostname or parts.username or parts.path or parts.query:
        raise TransportError(f"{url!r} is not the address of a server", hint="write it as tls://host:4222")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"tls://{host}:{port}"


def client_context(connection: Connection) -> ssl.SSLContext:
    """TLS 1.3, the consortium's authority only, and this member's certificate.

    Raises:
        StorageError: a file is missing or not PEM.
        TransportError: key and certificate do not belong together, or the certificate is not valid today.
    """
    check_validity(connection.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(cafile=connection.authority)
    except (ssl.SSLError, OSError) as error:
        raise StorageError(
            f"cannot read the consortium's certificate {connection.authority}: {_reason(error)}",
            hint="restore it from the admission file",
        ) from None
    try:
        context.load_cert_chain(connection.certificate, connection.key)
    except (ssl.SSLError, OSError) as error:
        raise TransportError(
            f"cannot use {connection.certificate} with {connection.key}: {_reason(error)}",
            hint="certificate and key must come from the same enrolment",
        ) from None
    return context


def check_validity(certificate: Path) -> None:
    """Refuse a certificate that no server would accept today.

    Raises:
        StorageError: missing or not PEM.
        TransportError: expired or not valid yet.
    """
    try:
        loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
        begin, end = loaded.not_valid_before_utc, loaded.not_valid_after_utc
    except (OSError, *MALFORMED) as error:
        raise StorageError(
            f"cannot read the certificate {certificate}: {_reason(error)}", hint="enrol again or restore a backup"
        ) from None
    now = datetime.datetime.now(datetime.UTC)
    if now > end:
        raise TransportError(
            f"the certificate {certificate} expired on {end:%Y-%m-%d}",
            hint="ask the coordinator to admit this member again",
        )
    if now < begin:
        raise TransportError(
            f"the certificate {certificate} is valid from {begin:%Y-%m-%d %H:%M} UTC",
            hint="check this machine's clock",
        )


def not_verified(host: str, error: ssl.SSLCertVerificationError, now: datetime.datetime) -> tuple[str, str]:
    """Why the certificate of who answers as `host` is not believed, and what to do. `now`: this machine's time."""
    said = f"{now:%Y-%m-%d %H:%M} UTC"
    if error.verify_code == _EXPIRED:
        return (
            f"the server's certificate has expired, by this machine's clock ({said})",
            "if that clock is right: the coordinator renews it (cipherward coordinator renew); if not, set the clock",
        )
    if error.verify_code == _NOT_YET:
        return (
            f"wrong clock: the server's certificate begins later than this machine's time ({said})",
            "set the clock (NTP)",
        )
    if error.verify_code in _NAMES:
        return (
            f"the name {host} is not in the server's certificate",
            "dial a name that it holds (servers in hospital.toml), or the coordinator adds this one to hosts and renews",
        )
    return (
        f"who answers there is not the consortium's server: {error.verify_message}",
        "a proxy that replaces certificates, or another server: have this address left out of inspection",
    )


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or getattr(error, "reason", None) or type(error).__name__
