"""Mailboxes: letters of opaque bytes between hospitals and coordinator, stored by the server on the way.

    post = HospitalPost(connection, outbox, folder, log)
    await post.start()            # one attempt to connect; a clear error when the server refuses this member
    await post.run(receive)       # until close(): sends what is in the outbox, hands over what arrives
    await post.close()

Sending is `outbox.put(letter)`, from any thread, connected or not; the letter is durable before its first byte leaves.
Letters of one sender are handled in the order in which they were put, one at a time, at least once: a letter counts as
handled when `receive` has returned, and is not handed over again unless a crash fell in between. Handling may take
hours. A letter that `receive` raises for is set aside with an alarm, except for StorageError: then it is tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tenacity import RetryCallState

from cipherward.consortium.membership.authority import check_name
from cipherward.consortium.service.signs_of_life import THE_COORDINATOR
from cipherward.errors import CipherwardError, StorageError, TransportError
from cipherward.store.handled import Handled
from cipherward.store.outbox import MAX_LETTER_BYTES, Outbox
from cipherward.transport import state_words, subjects
from cipherward.transport.configuration import MAILBOX_BYTES
from cipherward.transport.link import Dialer, Link, Log
from cipherward.transport.mailboxes import make_mailboxes, remove_mailboxes
from cipherward.transport.receiving import Content, Receiver
from cipherward.transport.retrying import both, forever, stop
from cipherward.transport.sending import Sender
from cipherward.transport.tls import Connection
from cipherward.transport.troubles import Trouble, Troubles

Receive = Callable[[str, Content], Awaitable[None]]
"""`receive(member, letter)`: the sender's name and the letter's bytes, or of a large one a file that is removed when the call
returns (it may be moved)."""

_LOOK_SECONDS = 10.0
_TO, _FROM = "letters to the coordinator", "letters from the coordinator"
_BULK = 2  # mailboxes with a batch of chunks in memory at a time: 2 * 8 * 0.9 MB, whatever the number of hospitals


@dataclass
class Status:
    """What `status` commands show. `since` is Unix time in seconds; `waiting` counts letters by receiver; `troubles` says
    which letters do not pass although the connection stands."""

    connected: bool = False
    since: float = field(default_factory=time.time)
    reason: str = "not started"
    doing: str = ""
    waiting: dict[str, int] = field(default_factory=dict)
    troubles: Mapping[str, Trouble] = field(default_factory=dict)


class _Post(ABC):
    def __init__(self, connection: Connection, folder: Path, log: Log, max_letter_bytes: int) -> None:
        self._connection, self._folder, self._log = connection, folder, log
        self._max_letter_bytes = max_letter_bytes
        self._dialer = Dialer(connection, log)
        self._handled = Handled(folder / "handled")
        self._incoming = folder / "incoming"
        self._gate = asyncio.Lock()
        self._bulk = asyncio.Semaphore(_BULK)
        self._closing = asyncio.Event()
        self._changed = asyncio.Event()
        self._finished = asyncio.Event()
        self._finished.set()
        self._link: Link | None = None
        self._handling: set[asyncio.Task[None]] = set()
        self._status = Status()
        self._troubles = Troubles()

    @property
    def status(self) -> Status:
        """The state of this moment."""
        self._status.waiting = {name: len(outbox.pending()) for name, outbox in self._outboxes().items()}
        self._status.troubles = self._troubles.found
        return self._status

    async def start(self) -> None:
        """Connect, once.

        Raises:
            TransportError: no server can be reached, or it refuses this member; `run` would go on trying.
            StorageError: certificate or key cannot be read.
        """
        self._incoming.mkdir(parents=True, exist_ok=True)
        for left in self._incoming.glob("*.part"):
            left.unlink()
        self._link = await self._dialer.dial()
        self._connected(self._link)

    async def run(self, receive: Receive) -> None:
        """Send and receive until `close`, through every loss of connection.

        Raises:
            StorageError: certificate or key cannot be read.
        """
        self._finished.clear()
        try:
            while not self._closing.is_set():
                link = self._link if self._link is not None and not self._link.lost.is_set() else await self._redial()
                if link is not None:
                    await self._session(link, receive)
        finally:
            if self._handling:
                await asyncio.wait(self._handling)
            if self._link is not None:
                await self._link.close()
            self._change(connected=False, reason="stopped", doing="")
            self._finished.set()

    async def close(self) -> None:
        """Stop after the letter in hand; what has not been sent stays in the outbox."""
        self._closing.set()
        await self._finished.wait()
        if self._link is not None:
            await self._link.close()

    @abstractmethod
    def _outboxes(self) -> dict[str, Outbox]: ...

    @abstractmethod
    def _serve(self, link: Link, receive: Receive) -> dict[str, Callable[[], Awaitable[None]]]:
        """What has to run while `link` lives, by a name that is unique."""

    async def _session(self, link: Link, receive: Receive) -> None:
        """Everything that runs on one connection; ends when it is lost or `close` is called."""
        running: dict[str, asyncio.Task[None]] = {}
        ends = {asyncio.create_task(link.lost.wait()), asyncio.create_task(self._closing.wait())}
        try:
            while not (link.lost.is_set() or self._closing.is_set()):
                wanted = self._serve(link, receive)
                for name in running.keys() - wanted.keys():
                    running.pop(name).cancel()
                for name in wanted.keys() - running.keys():
                    running[name] = asyncio.create_task(self._keep(name, wanted[name]))
                changed = asyncio.create_task(self._changed.wait())
                await asyncio.wait({*ends, changed}, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                if not link.client.is_connected:
                    link.lost.set()  # nats-py does not always say so
                self._changed.clear()
        finally:
            await stop(*running.values(), *ends)
            await link.close()
        if not self._closing.is_set():
            reason = link.reason or "nothing came from the server any more"
            self._change(connected=False, reason=reason, doing="")
            self._log("connection lost", {"server": link.url, "reason": reason})

    async def _redial(self) -> Link | None:
        """A new connection, however long it takes; None when `close` is called meanwhile."""
        dialling = asyncio.create_task(self._dial_forever())
        closing = asyncio.create_task(self._closing.wait())
        await asyncio.wait({dialling, closing}, return_when=asyncio.FIRST_COMPLETED)
        closing.cancel()
        if not dialling.done():
            await stop(dialling)
            return None
        self._link = dialling.result()
        self._connected(self._link)
        return self._link

    async def _dial_forever(self) -> Link:
        async for attempt in forever(self._note_failure, TransportError):
            with attempt:
                return await self._dialer.dial()
        raise AssertionError("retries never end")

    async def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` again and again until cancelled; says once why it fails.

        `work` itself ends the trouble of this name when the server has done something for it."""
        said = ""

        def note(state: RetryCallState) -> None:
            nonlocal said
            error = state.outcome.exception() if state.outcome else None
            reason = error.message if isinstance(error, CipherwardError) else type(error).__name__
            self._troubles.add(name, reason)
            if reason != said:
                said = reason
                self._log("waiting", {"for": name, "reason": reason, "hint": getattr(error, "hint", "")})

        try:
            async for attempt in forever(note, Exception):
                with attempt:
                    await work()
        finally:
            self._troubles.end(name)

    def _sender(self, name: str, link: Link, outbox: Outbox, direction: str, member: str) -> Sender:
        return Sender(link, outbox, direction, member, self._log, partial(self._troubles.end, name))

    def _receiver(self, name: str, link: Link, direction: str, member: str, sender: str, receive: Receive) -> Receiver:
        async def handle(mailbox: str, letter: bytes, content: Content) -> None:
            # Shielded: a lost connection must not stop a letter half way and hand it over a second time meanwhile.
            task = asyncio.create_task(self._hand_over(mailbox, letter, content, sender, receive))
            self._handling.add(task)
            task.add_done_callback(self._handling.discard)
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            await asyncio.shield(task)

        return Receiver(
            link,
            direction,
            member,
            self._incoming,
            self._handled,
            self._bulk,
            handle,
            self._log,
            self._max_letter_bytes,
            partial(self._troubles.end, name),
        )

    async def _hand_over(self, mailbox: str, letter: bytes, content: Content, sender: str, receive: Receive) -> None:
        try:
            async with self._gate:
                if self._handled.has(mailbox, letter):
                    return
                if self._closing.is_set():
                    raise asyncio.CancelledError  # not handled: it comes again after the next start
                self._status.doing = f"handling a letter from {sender}"
                try:
                    await receive(sender, content)
                except StorageError:
                    raise
                except Exception as error:
                    reason = error.message if isinstance(error, CipherwardError) else type(error).__name__
                    self._log("alarm", {"kind": "letter set aside", "member": sender, "reason": reason})
                finally:
                    self._status.doing = ""
                self._handled.add(mailbox, letter)
        finally:
            if isinstance(content, Path):
                with contextlib.suppress(OSError):
                    content.unlink(missing_ok=True)

    def _connected(self, link: Link) -> None:
        self._change(connected=True, reason=f"connected to {link.url}", doing="")

    def _note_failure(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, CipherwardError):
            self._status.reason = error.message

    def _change(self, *, connected: bool, reason: str, doing: str) -> None:
        if connected != self._status.connected:
            self._status.since = time.time()
        self._status.connected, self._status.reason, self._status.doing = connected, reason, doing


class HospitalPost(_Post):
    """A hospital's end: `outbox` goes to the coordinator. `folder` holds letters while they arrive and handled ids."""

    def __init__(
        self,
        connection: Connection,
        outbox: Outbox,
        folder: Path,
        log: Log,
        *,
        max_letter_bytes: int = MAX_LETTER_BYTES,
    ) -> None:
        super().__init__(connection, folder, log, max_letter_bytes)
        self._outbox = outbox

    def _outboxes(self) -> dict[str, Outbox]:
        return {"coordinator": self._outbox}

    def _serve(self, link: Link, receive: Receive) -> dict[str, Callable[[], Awaitable[None]]]:
        name = self._connection.name
        return {
            _TO: self._sender(_TO, link, self._outbox, subjects.UP, name).run,
            _FROM: self._receiver(_FROM, link, subjects.DOWN, name, "coordinator", receive).run,
            THE_COORDINATOR: partial(state_words.listen, link, self._troubles),
        }


class CoordinatorPost(_Post):
    """The coordinator's end: one mailbox pair and one `outbox(member)` for each member.

    Args:
        members: those to serve from the start; `admit` and `dismiss` change it.
        mailbox_bytes: what one mailbox may take on the server's disk; a full one makes its sender wait.
        replicas: copies of every mailbox in a cluster (1, 3 or 5).
    """

    def __init__(
        self,
        connection: Connection,
        folder: Path,
        log: Log,
        members: Iterable[str] = (),
        *,
        mailbox_bytes: int = MAILBOX_BYTES,
        replicas: int = 1,
        max_letter_bytes: int = MAX_LETTER_BYTES,
    ) -> None:
        super().__init__(connection, folder, log, max_letter_bytes)
        self._mailbox_bytes, self._replicas = mailbox_bytes, replicas
        self._members: dict[str, Outbox] = {}
        for member in members:
            self.admit(member)

    @property
    def members(self) -> tuple[str, ...]:
        """The members served."""
        return tuple(self._members)

    def outbox(self, member: str) -> Outbox:
        """Where letters for `member` are put.

        Raises:
            TransportError: not a member.
        """
        try:
            return self._members[member]
        except KeyError:
            raise TransportError(f"{member} has no mailbox", hint="admit the member first") from None

    def admit(self, member: str) -> None:
        """Serve a member from now on; its mailboxes are made on the next occasion, and found if they are there.

        Raises:
            ProtocolError: not a member's name.
            StorageError: no outbox can be made.
        """
        check_name(member)
        if member not in self._members:
            self._members[member] = Outbox(self._folder / "outboxes" / member)
            self._changed.set()

    async def dismiss(self, member: str) -> None:
        """Stop serving a member; its mailboxes and what is in them are deleted, its outbox stays on disk.

        Raises:
            TransportError: the server cannot be reached; the mailboxes are still there.
        """
        self._members.pop(member, None)
        self._changed.set()
        if self._link is not None:
            await remove_mailboxes(self._link, member)

    async def say_state(self, *, disk_is_full: bool) -> None:
        """Tell every hospital that is connected, without storing anything."""
        if self._link is not None:
            await state_words.say(self._link, is_full=disk_is_full)

    def _outboxes(self) -> dict[str, Outbox]:
        return dict(self._members)

    def _serve(self, link: Link, receive: Receive) -> dict[str, Callable[[], Awaitable[None]]]:
        return {f"letters from {member}": self._serve_member(link, member, receive) for member in self._members}

    def _serve_member(self, link: Link, member: str, receive: Receive) -> Callable[[], Awaitable[None]]:
        to, back = f"letters to {member}", f"letters from {member}"

        async def work() -> None:
            await make_mailboxes(link, member, self._mailbox_bytes, self._replicas)
            sender = self._sender(to, link, self._members[member], subjects.DOWN, member)
            receiver = self._receiver(back, link, subjects.UP, member, member, receive)
            await both(self._keep(to, sender.run), receiver.run())

        return work
