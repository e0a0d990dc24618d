"""Mailboxes: letters of opaque bytes between hospitals and coordinator, stored by the server on the way.

    post = HospitalPost(connection, outbox, folder, log)
    await post.start()            # one attempt to connect; a clear error when the server refuses this member
    await post.run(receive)       # until close(): sends what is in the outbox, hands over what arrives
    await post.close()

Sending is `outbox.put(letter)`, from any thread, connected or not; the letter is durable before its first byte leaves.
Letters of one sender are handled in the order in which they were put, one at a time, at least once: a letter counts as
handled when `receive` has returned, and is not handed over again unless a crash fell in between.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cipherward.engines.nats.tls import Connection
from cipherward.store.outbox import Outbox

Log = Callable[[str, dict[str, object]], None]
Receive = Callable[[str, Path], Awaitable[None]]
"""`receive(member, letter)`: the sender's name and a file that is removed when the call returns (it may be moved)."""


@dataclass
class Status:
    """What `status` commands show. `since` is Unix time in seconds; `waiting` counts letters by receiver."""

    connected: bool = False
    since: float = field(default_factory=time.time)
    reason: str = "not started"
    doing: str = ""
    waiting: dict[str, int] = field(default_factory=dict)


class HospitalPost:
    """A hospital's end. `folder` holds letters while they arrive and the ids of those handled."""

    def __init__(self, connection: Connection, outbox: Outbox, folder: Path, log: Log) -> None: ...

    async def start(self) -> None:
        """Connect once. Raises: TransportError, StorageError."""

    async def run(self, receive: Receive) -> None:
        """Send and receive until `close`, through every loss of connection."""

    async def close(self) -> None:
        """Stop after the letter in hand; what has not been sent stays in the outbox."""


class CoordinatorPost:
    """The coordinator's end: one mailbox pair and one `outbox(member)` for each member."""

    def __init__(
        self, connection: Connection, folder: Path, log: Log, members: Iterable[str] = (), *, replicas: int = 1
    ) -> None: ...

    def outbox(self, member: str) -> Outbox:
        """Where letters for `member` are put."""
        raise NotImplementedError

    async def admit(self, member: str) -> None:
        """Make the member's mailboxes (or find them made) and serve them from now on."""

    async def dismiss(self, member: str) -> None:
        """Stop serving a member; its mailboxes and what is in them are deleted."""

    async def start(self) -> None: ...
    async def run(self, receive: Receive) -> None: ...
    async def close(self) -> None: ...
