"""One connection to one of the configured servers, and foreign errors in our own words.

nats-py's own reconnecting is switched off: it would follow addresses that a server advertises. Every connection is made
afresh from the configured list, TLS comes before the first byte, and what a server advertises is never dialled.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import random
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import nats.errors
import nats.js.errors
from nats.aio.client import Client

from cipherward.errors import TransportError
from cipherward.transport import subjects
from cipherward.transport.tls import Connection, client_context, not_verified, server_address

Log = Callable[[str, dict[str, object]], None]
CONNECT_SECONDS = 10
PING_SECONDS = 10
_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}
_ALERTS = {  # OpenSSL's names for what the server's TLS said
    "CERTIFICATE_EXPIRED": "it has expired",
    "UNKNOWN_CA": "another authority issued it",
    "CERTIFICATE_REQUIRED": "none was shown",
    "BAD_CERTIFICATE": "the server does not accept it",
    "CERTIFICATE_UNKNOWN": "the server does not accept it",
    "CERTIFICATE_REVOKED": "it was revoked",
}


def _is_news(record: logging.LogRecord) -> bool:
    # nats-py puts TLS under a stream that does not know of it; asyncio then says so at the end of every connection.
    return "returning true from eof_received()" not in record.msg


class Link:
    """A live connection; `lost` is set when it is gone, with the reason."""

    def __init__(self, url: str, log: Log) -> None:
        self.url = url
        self.client = Client()
        self.lost = asyncio.Event()
        self.reason = ""
        self.last_error: Exception | None = None
        self._log = log
        self._is_open = False
        logging.getLogger("asyncio").addFilter(_is_news)

    async def open(self, connection: Connection, context: ssl.SSLContext) -> None:
        """Connect. Raises: whatever nats-py, ssl and asyncio raise."""
        try:
            await asyncio.wait_for(
                self.client.connect(
                    servers=[self.url],
                    name=connection.name,
                    tls=context,
                    tls_handshake_first=True,
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0,
                    connect_timeout=CONNECT_SECONDS,
                    ping_interval=PING_SECONDS,
                    max_outstanding_pings=2,
                    inbox_prefix=subjects.inbox(connection.name),
                    error_cb=self._on_error,
                    closed_cb=self._on_closed,
                    disconnected_cb=self._on_closed,
                ),
                CONNECT_SECONDS + 5,
            )
            self._is_open = True
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close; never raises."""
        with contextlib.suppress(Exception):
            # Without a connection nothing is flushed, and nats-py would wait for a greeting that never comes.
            await asyncio.wait_for(self.client.close(), 5 if self._is_open else 0.5)
        self.lost.set()

    async def _on_error(self, error: Exception) -> None:
        self.last_error = error
        if not self._is_open:
            return
        text = str(error)
        if "permissions violation" in text.lower():
            self._log("alarm", {"kind": "permission violation", "reason": text.removeprefix("nats: ")})
        elif isinstance(error, nats.errors.SlowConsumerError):
            self._log("slow consumer", {"subject": error.subject})

    async def _on_closed(self) -> None:
        error = self.client.last_error or self.last_error
        self.reason = str(translated(error, self.url)) if error else "the server closed the connection"
        self.lost.set()


class Dialer:
    """Makes connections to the configured servers, in turn, and says once why it cannot.

    Raises:
        TransportError: an address that is not tls://host:port, or no address at all.
    """

    def __init__(self, connection: Connection, log: Log) -> None:
        self.connection = connection
        self._servers = [server_address(url) for url in connection.servers]
        if not self._servers:
            raise TransportError("no server is configured", hint="write servers into the configuration file")
        random.shuffle(self._servers)
        self._log = log
        self._said = ""

    async def dial(self) -> Link:
        """A connection to the first server that takes us.

        Raises:
            TransportError: none does; the error of the last one.
            StorageError: certificate or key cannot be read.
        """
        context = client_context(self.connection)
        failure = TransportError("no server is configured")
        for _ in range(len(self._servers)):
            url = self._servers[0]
            link = Link(url, self._log)
            try:
                await link.open(self.connection, context)
            except (OSError, nats.errors.Error, TimeoutError) as error:
                cause = link.last_error if isinstance(error, nats.errors.NoServersError) else error
                failure = translated(cause or error, url)
                self._say(failure)
                self._servers.append(self._servers.pop(0))
            else:
                self._log("connected", {"server": url})
                self._said = ""
                return link
        raise failure

    def _say(self, failure: TransportError) -> None:
        if failure.message == self._said:
            return
        self._said = failure.message
        kind = "refused by the server" if isinstance(failure, _RefusedByServerError) else ""
        if kind:
            self._log("alarm", {"kind": kind, "reason": failure.message, "hint": failure.hint})
        else:
            self._log("connection failed", {"reason": failure.message, "hint": failure.hint})


class _RefusedByServerError(TransportError):
    """Trying again will not help until a person has acted; deserves an alarm."""


def translated(error: Exception, server: str) -> TransportError:
    """`error` of nats-py, ssl or a socket as ours."""
    text = str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        reason, hint = not_verified(urlsplit(server).hostname or server, error, datetime.now(UTC))
        return _RefusedByServerError(f"{server} does not prove to be the consortium's server: {reason}", hint=hint)
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "reason", None) or text
        for alert, meaning in _ALERTS.items():
            if alert in reason:
                return _RefusedByServerError(
                    f"{server} refuses this member's certificate: {meaning}",
                    hint="ask the coordinator to admit this member again",
                )
        if "PROTOCOL_VERSION" in reason or "UNSUPPORTED_PROTOCOL" in reason:
            return _RefusedByServerError(f"{server} does not speak TLS 1.3", hint="only TLS 1.3 servers are used")
        return TransportError(
            f"what answers at {server} does not speak TLS 1.3 ({reason})",
            hint="another program listens on this port, or something in between changes TLS",
        )
    if "authorization violation" in text.lower() or "authentication" in text.lower():
        return _RefusedByServerError(
            f"{server} does not know this member: never admitted, or revoked, or its certificate was renewed and the admission is not installed here",
            hint="cipherward hospital enroll ADMISSION, where the coordinator has sent one; else ask the coordinator",
        )
    if isinstance(error, TimeoutError):
        return TransportError(
            f"{server} does not answer, neither yes nor no: a firewall drops what is sent, or nothing runs at the address",
            hint="have this port opened for this machine, outwards",
        )
    if isinstance(error, nats.errors.UnexpectedEOF | nats.errors.StaleConnectionError):
        return TransportError(f"the connection to {server} broke", hint="cipherward connects again by itself")
    if isinstance(error, ConnectionResetError):
        return TransportError(
            f"{server} closes the connection during the TLS 1.3 greeting", hint="only servers with TLS 1.3 are used"
        )
    if isinstance(error, OSError):
        reason, hint = unreached(error)
        return TransportError(f"cannot reach {server}: {reason}", hint=hint)
    if isinstance(error, nats.js.errors.APIError) and "no space left" in str(error.description):
        return TransportError(
            "the message server's disk is full", hint="the coordinator's people free space; it goes on by itself"
        )
    if isinstance(error, nats.js.errors.APIError):
        return TransportError(f"{server} answers: {error.description}", hint="see the server's log")
    if isinstance(error, nats.js.errors.NoStreamResponseError | nats.errors.NoRespondersError):
        return TransportError(
            "the mailbox does not exist, or its server is starting or cannot store at the moment",
            hint="the coordinator's service makes the mailboxes; a cluster needs more than half of its servers",
        )
    return TransportError(
        f"{server}: {text.removeprefix('nats: ') or type(error).__name__}", hint="see the server's log"
    )


def unreached(error: OSError) -> tuple[str, str]:
    """Why no connection came about, and what to do."""
    if isinstance(error, socket.gaierror):
        return "its name is not known here", "check the spelling of `servers`, and this machine's DNS"
    if isinstance(error, ConnectionRefusedError):
        return (
            "refused port: nobody listens there, or a firewall rejects",
            "the machine is reached: ask the coordinator whether its service runs, and whether the port was changed; "
            "then correct `servers` in the settings and restart",
        )
    said = os.strerror(error.errno) if error.errno else type(error).__name__
    if error.errno in _NO_ROUTE:
        return f"unreachable network: {said}", "this machine has no route: cable, VPN, gateway"
    return said, "tell the network team"


@contextlib.contextmanager
def foreign(server: str) -> Iterator[None]:
    """Inside, errors of nats-py and sockets become TransportError."""
    try:
        yield
    except (nats.errors.Error, TimeoutError, ConnectionError, ssl.SSLError) as error:
        raise translated(error, server) from None
