"""A consortium in a temporary folder: authority, a real nats-server, and members with certificates."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from pathlib import Path
from typing import Any

from tests.ports import free_port

from cipherward.consortium.membership import authority
from cipherward.store import files
from cipherward.store.outbox import Outbox
from cipherward.transport import serving
from cipherward.transport.chunks import CHUNK_BYTES
from cipherward.transport.configuration import Route, ServerSettings
from cipherward.transport.link import Dialer
from cipherward.transport.post import CoordinatorPost, HospitalPost
from cipherward.transport.receiving import Content
from cipherward.transport.server import ManagedServer
from cipherward.transport.tls import Connection

THREE_CHUNKS = os.urandom(2 * CHUNK_BYTES + 5)


class Log:
    """Collects structured log events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def __call__(self, event: str, facts: dict[str, object]) -> None:
        self.events.append((event, facts))

    def alarms(self, kind: str = "") -> list[dict[str, object]]:
        return [facts for event, facts in self.events if event == "alarm" and facts["kind"] in (kind or facts["kind"],)]


class Letters:
    """A `receive` that keeps what it is given."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.before: Callable[[str, bytes], object] = lambda member, data: None

    async def __call__(self, member: str, letter: Content) -> None:
        data = bytes(serving.read(letter))
        waited = self.before(member, data)
        if asyncio.iscoroutine(waited):
            await waited
        self.got.append((member, data))

    def of(self, member: str) -> list[bytes]:
        return [data for sender, data in self.got if sender == member]


class Consortium:
    """`consortium.server` is a real server once started; `coordinator()` and `hospital(name)` are its posts."""

    def __init__(self, folder: Path, members: Iterable[str] = ("alpha", "beta"), port: int = 0) -> None:
        self.folder = folder
        self.members = list(members)
        self.authority_cert, self.authority_key = authority.create_authority("Test consortium")
        self.authority_file = folder / "authority.crt"
        files.write(self.authority_file, self.authority_cert)
        key = authority.new_tls_key()
        files.write(folder / "server.key", key, private=True)
        files.write(folder / "server.crt", self.server_certificate(key))
        self.settings = ServerSettings(
            folder=folder / "server",
            listen=f"127.0.0.1:{port or free_port()}",
            certificate=folder / "server.crt",
            key=folder / "server.key",
            authority=self.authority_file,
        )
        self.server = ManagedServer(self.settings)
        self.url = f"tls://localhost:{self.settings.port}"
        self.log = Log()

    def users(self, *names: str) -> dict[str, str]:
        """Who may connect: the coordinator and `names`, or all members."""
        everyone = ("coordinator", *(names or self.members))
        return {name: authority.subject(files.read(self.connection(name).certificate)) for name in everyone}

    def server_certificate(self, key: bytes) -> bytes:
        return authority.server_certificate(self.authority_cert, self.authority_key, key, ["localhost", "127.0.0.1"])

    def connection(self, name: str, *, valid_days: int = 30, servers: tuple[str, ...] = ()) -> Connection:
        """PEM files for `name`, made on the first call, and for another validity."""
        home = self.folder / name
        if not (home / "tls.key").exists() or valid_days != 30:
            key = authority.new_tls_key()
            request = authority.signing_request(key, name)
            certificate = authority.client_certificate(
                self.authority_cert, self.authority_key, request, name, valid_days=valid_days
            )
            files.write(home / "tls.key", key, private=True)
            files.write(home / "tls.crt", certificate)
        return Connection(name, servers or (self.url,), home / "tls.crt", home / "tls.key", self.authority_file)

    def outbox(self, name: str) -> Outbox:
        return Outbox(self.folder / name / "outbox")

    def hospital(self, name: str, log: Log | None = None) -> HospitalPost:
        return HospitalPost(self.connection(name), self.outbox(name), self.folder / name / "post", log or self.log)

    def coordinator(self, log: Log | None = None, mailbox_bytes: int = 256 << 20) -> CoordinatorPost:
        return CoordinatorPost(
            self.connection("coordinator"),
            self.folder / "coordinator" / "post",
            log or self.log,
            self.members,
            mailbox_bytes=mailbox_bytes,
        )


@contextlib.asynccontextmanager
async def running(post: HospitalPost | CoordinatorPost, receive: Letters | None = None) -> AsyncIterator[Letters]:
    """The post at work while the block runs."""
    letters = receive or Letters()
    task = asyncio.create_task(post.run(letters))
    try:
        yield letters
    finally:
        await post.close()
        await task


async def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for `condition`, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.01)


async def until_mailboxes_exist(made: Consortium, seconds: float = 60.0) -> None:
    """Wait until the coordinator, which is at work, has made those of all members."""
    link = await Dialer(made.connection("coordinator"), made.log).dial()
    deadline = time.monotonic() + seconds
    while (await link.client.jsm().account_info()).consumers < 2 * len(made.members):
        assert time.monotonic() < deadline, "no mailbox was made"
        await asyncio.sleep(0.01)
    await link.close()


def three_servers(made: Consortium, folder: Path) -> list[ManagedServer]:
    """A cluster, not started yet."""
    routes = [f"127.0.0.1:{free_port()}" for _ in range(3)]
    return [
        ManagedServer(
            dataclasses.replace(
                made.settings,
                folder=folder / f"server-{i}",
                listen=f"127.0.0.1:{free_port()}",
                name=f"server-{i}",
                route=Route("cipherward", routes[i], tuple(other for other in routes if other != routes[i])),
            )
        )
        for i in range(3)
    ]


def on(cluster: list[ManagedServer], made: Consortium, story: Coroutine[Any, Any, None]) -> None:
    """Play a story on a running cluster, and stop what is left of the cluster."""
    try:
        for server in cluster:
            server.start(made.users())
        asyncio.run(story)
    finally:
        for server in cluster:
            server.stop()
