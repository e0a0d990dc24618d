"""Out of a mailbox: chunks are put together, on disk where a letter is large, whole letters handed over, and only then
acknowledged.

The consumer is rewound to its last acknowledgement at the start of every connection and whenever a message seems to
have been lost, so everything that is not acknowledged comes again, in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import nats.errors
from nats.aio.msg import Msg

from cipherward.errors import StorageError, TransportError, WireError
from cipherward.store import files
from cipherward.store.handled import Handled
from cipherward.transport import chunks, subjects
from cipherward.transport.chunks import CHUNK_BYTES, Label
from cipherward.transport.link import Link, Log, foreign
from cipherward.transport.waking import Wake

Content = bytes | Path
"""A letter that has come: its bytes, or the file that holds a large one."""

Handle = Callable[[str, bytes, Content], Awaitable[None]]
"""`handle(mailbox, letter id, content)`."""

BATCH = 8
SMALL = 128 << 10
"""Bytes up to which a letter of one chunk stays in memory, and all letters together that the server may send unasked for more."""
LATE_SECONDS, _MOST_OWED = 1.0, 16
"""How long a small letter that is handled waits for its acknowledgement, and how many may: a mailbox that is not emptied by each
letter keeps its file on the server. Whoever is cut off meanwhile gets them again, and knows that they are handled."""
_WAIT_SECONDS = 15.0
_PING_SECONDS = 5
_REWIND_SECONDS = 60.0
_NEEDED = "nats-server 2.14 or later is needed"
_NOT_GENUINE = "a letter's content does not match its digest"
_names = itertools.count()


class Assembly:
    """A letter on its way in: a file with the chunks that are there, in whatever order they came."""

    def __init__(self, label: Label, mailbox: str, folder: Path) -> None:
        self.label = label
        self.acknowledgements: list[str] = []
        self._mailbox = mailbox
        self._missing = set(range(label.count))
        self._state = chunks.hasher(mailbox, label.nonce, label.size)
        self._hashed = 0  # chunks that came in order, and are in the state
        self.path = folder / f"{mailbox}.{os.getpid()}.{next(_names)}.part"
        with _storage(self.path):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = files.create(self.path, buffering=0)

    @property
    def is_complete(self) -> bool:
        return not self._missing

    def add(self, label: Label, body: memoryview) -> None:
        """Write one chunk in its place; a repeat changes nothing."""
        if label.index in self._missing:
            with _storage(self.path):
                self._file.seek(label.index * CHUNK_BYTES)
                files.write_whole(self._file.fileno(), body)
            self._missing.remove(label.index)
            if label.index == self._hashed:
                self._state.update(body)
                self._hashed += 1

    def is_genuine(self) -> bool:
        """Whether the finished file is the letter that its id names."""
        self._file.close()
        if self._hashed < self.label.count:
            self._state = chunks.hasher(self._mailbox, self.label.nonce, self.label.size)
            with _storage(self.path), self.path.open("rb", buffering=0) as file:
                while piece := file.read(CHUNK_BYTES):
                    self._state.update(piece)
        return self._state.digest() == self.label.letter

    def discard(self) -> None:
        self._file.close()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


class Receiver:
    """Takes the letters of one mailbox, one after another, until cancelled.

    Args:
        bulk: bounds how many mailboxes may have a batch of chunks in memory at the same time.
        handle: called for every whole letter; it removes the file, where there is one.
        passes: called when the server has answered about this mailbox.
    """

    def __init__(
        self,
        link: Link,
        direction: str,
        member: str,
        folder: Path,
        handled: Handled,
        bulk: asyncio.Semaphore,
        handle: Handle,
        log: Log,
        max_letter_bytes: int,
        passes: Callable[[], None] = lambda: None,
    ) -> None:
        self._passes = passes
        self._link, self._direction, self._member, self._folder = link, direction, member, folder
        self._mailbox = subjects.mailbox(direction, member)
        self._handled, self._bulk, self._handle, self._log = handled, bulk, handle, log
        self._max_letter_bytes = max_letter_bytes
        self._assembly: Assembly | None = None
        self._inbox = link.client.new_inbox()
        self._requests = itertools.count()
        self._expected = 0
        self._hole: tuple[int, int] | None = None
        self._arrived: deque[Msg] = deque()
        self._arrival = Wake()
        self._owed: list[str] = []
        self._owed_until = 0.0

    async def run(self) -> None:
        """Receive until cancelled.

        Raises:
            TransportError: the mailbox does not answer; go on by calling again.
            StorageError: no room for a letter; nothing is acknowledged, so it comes again.
        """
        with foreign(self._link.url):
            subscription = await self._link.client.subscribe(f"{self._inbox}.*", cb=self._arrive)
        self._subscription = subscription
        loop = asyncio.get_running_loop()
        try:
            await self._rewind()
            rewound = loop.time()
            while True:
                taken = await self._pull(BATCH, _WAIT_SECONDS, SMALL)
                if taken is None:  # a large one is next, and comes alone
                    taken = await self._pull(1, _WAIT_SECONDS)
                while taken and self._assembly is not None:
                    async with self._bulk:
                        taken = await self._pull(BATCH, 0)
                if taken:
                    rewound = loop.time()
                elif self._assembly is None and loop.time() - rewound > _REWIND_SECONDS:
                    # Something may have been delivered to a connection of ours that died unnoticed.
                    await self._rewind()
                    rewound = loop.time()
        finally:
            self._abandon()
            with contextlib.suppress(nats.errors.Error, OSError, TransportError):
                await self._pay()
                await subscription.unsubscribe()

    async def _arrive(self, message: Msg) -> None:
        self._arrived.append(message)
        self._arrival.set()

    async def _next(self, timeout: float) -> Msg:
        """The next message. Not nats-py's next_msg: it makes two tasks for each.

        Raises:
            TimeoutError: none came.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        while not self._arrived:
            now = loop.time()
            if self._owed and now >= self._owed_until:
                await self._pay()
                continue
            if now >= until:
                raise TimeoutError
            self._arrival.clear()
            await self._arrival.wait(min(until, self._owed_until) if self._owed else until)
        return self._arrived.popleft()

    async def _rewind(self) -> None:
        """Have everything that is not acknowledged delivered again."""
        self._abandon()
        with foreign(self._link.url):
            answer = await self._link.client.request(subjects.reset(self._direction, self._member), b"", timeout=2)
        try:
            document = files.json_object(answer.data)
            problem = dict(document.get("error") or {})
            self._expected = int(document.get("reset_seq", 0))
        except (ValueError, TypeError, OverflowError):
            raise TransportError(f"{self._link.url} answers nonsense", hint=_NEEDED) from None
        if problem:
            raise TransportError(
                f"{self._link.url} cannot rewind {self._mailbox}: {problem.get('description', problem)}",
                hint="nats-server 2.14 or later is needed, and the coordinator's service to make the mailbox",
            )
        self._passes()

    async def _pull(self, batch: int, wait: float, most: int = 0) -> int | None:
        """Ask for up to `batch` messages, of `most` bytes together where that is given; take them as they come. Returns how many
        came; None where the next one alone is larger than `most`."""
        request: dict[str, object] = {"batch": batch}
        request |= {"expires": int(wait * 1e9)} if wait else {"no_wait": True}
        request |= {"max_bytes": most} if most else {}
        reply = f"{self._inbox}.{next(self._requests)}"
        came = 0
        with foreign(self._link.url):
            await self._link.client.publish(
                subjects.next_message(self._direction, self._member), json.dumps(request).encode(), reply=reply
            )
        while came < batch:
            try:
                message = await self._next(timeout=wait + 5)
            except TimeoutError:
                if wait and not came:
                    await self._notice_silence()
                return came
            status = (message.headers or {}).get("Status")
            if not message.reply.startswith("$JS.ACK."):
                if message.subject == reply and status == "503":
                    raise _silent()
                if message.subject == reply and status not in (None, "100"):
                    return None if most and not came and status == "409" else came
                continue
            came += 1
            await self._take(message)
        return came

    async def _notice_silence(self) -> None:
        """A server that keeps the mailbox says at the end of each request that nothing came. If it answers a ping now and
        has not said so, which would have arrived before, nobody keeps the mailbox at the moment.

        Raises:
            TransportError: that is so.
        """
        try:
            await self._link.client.flush(timeout=_PING_SECONDS)
        except (nats.errors.Error, TimeoutError, OSError):
            return  # the line is slow or gone, which others notice
        if not self._subscription.pending_msgs and not self._arrived:
            raise _silent()

    async def _take(self, message: Msg) -> None:
        try:
            sequence = message.metadata.sequence.stream
        except (nats.errors.Error, ValueError, ArithmeticError, OSError):  # the place holds numbers and a time
            raise TransportError(f"{self._link.url} answers nonsense", hint=_NEEDED) from None
        if sequence < self._expected:
            await self._repeat(message)
            return
        if sequence > self._expected > 0 and self._hole != (self._expected, sequence):
            self._hole = (self._expected, sequence)  # seen twice, it is a real hole and not a lost message
            await self._rewind()
            return
        self._expected = sequence + 1
        try:
            label, body = chunks.decode(message.data, self._max_letter_bytes)
        except WireError as error:
            await self._refuse(error.message, [message.reply])
            return
        if self._handled.has(self._mailbox, label.letter):
            await self._acknowledge([message.reply])
            return
        assembly = self._assembly
        if assembly is None and label.count == 1 and label.size <= SMALL:
            await self._take_small(message, label, body)
            return
        if assembly is not None and assembly.label.letter != label.letter:
            await self._refuse("a letter was left incomplete", assembly.acknowledgements)
            self._abandon()
            assembly = None
        if assembly is None:
            assembly = self._assembly = Assembly(label, self._mailbox, self._folder)
        elif (assembly.label.nonce, assembly.label.size) != (label.nonce, label.size):
            await self._refuse("chunks of one letter contradict each other", [message.reply])
            return
        assembly.add(label, body)
        assembly.acknowledgements.append(message.reply)
        if assembly.is_complete:
            await self._finish(assembly)

    async def _take_small(self, message: Msg, label: Label, body: memoryview) -> None:
        if chunks.letter_id(self._mailbox, label.nonce, label.size, [body]) == label.letter:
            now = asyncio.get_running_loop().time()
            if len(self._owed) >= _MOST_OWED or (self._owed and now >= self._owed_until):
                await self._pay()  # handling may take hours
            await self._handle(self._mailbox, label.letter, bytes(body))
            if not self._owed:
                self._owed_until = asyncio.get_running_loop().time() + LATE_SECONDS
            self._owed.append(message.reply)
        else:
            await self._refuse(_NOT_GENUINE, [message.reply])

    async def _repeat(self, message: Msg) -> None:
        """A message that this connection has seen: acknowledged only if its letter is handled, else still needed."""
        with contextlib.suppress(WireError):
            label, _ = chunks.decode(message.data, self._max_letter_bytes)
            if self._handled.has(self._mailbox, label.letter):
                await self._acknowledge([message.reply])

    async def _finish(self, assembly: Assembly) -> None:
        if await asyncio.to_thread(assembly.is_genuine):
            self._assembly = None  # the file is the handler's now
            await self._handle(self._mailbox, assembly.label.letter, assembly.path)
            await self._acknowledge(assembly.acknowledgements)
        else:
            await self._refuse(_NOT_GENUINE, assembly.acknowledgements)
            self._abandon()

    async def _refuse(self, reason: str, acknowledgements: list[str]) -> None:
        self._log("alarm", {"kind": "bad chunk", "member": self._member, "mailbox": self._mailbox, "reason": reason})
        await self._acknowledge(acknowledgements)

    async def _pay(self) -> None:
        """Acknowledge the small letters that were handled since."""
        owed, self._owed = self._owed, []
        await self._acknowledge(owed)

    async def _acknowledge(self, replies: list[str]) -> None:
        with foreign(self._link.url):
            for reply in replies:
                await self._link.client.publish(reply, b"+ACK")

    def _abandon(self) -> None:
        if self._assembly is not None:
            self._assembly.discard()
            self._assembly = None


def _silent() -> TransportError:
    return TransportError(
        "the mailbox does not answer: the server keeps none, or cannot store at the moment",
        hint="the coordinator's service makes the mailboxes; a cluster needs more than half of its servers",
    )


@contextlib.contextmanager
def _storage(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot keep a letter in {path}: {error.strerror or error}", hint="free space; the letter will come again"
        ) from None
