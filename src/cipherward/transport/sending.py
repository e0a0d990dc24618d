"""From an outbox into a mailbox: chunks with exactly-once ids, some of them under way at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable

import nats.js.errors
from nats.js.api import PubAck

from cipherward.errors import TransportError
from cipherward.store.outbox import Outbox, Progress, Waiting
from cipherward.transport import chunks, subjects
from cipherward.transport.chunks import CHUNK_BYTES, Label
from cipherward.transport.link import Link, Log, foreign

WINDOW = 16
_ACK_SECONDS = 30.0
_POLL_SECONDS = 30.0
_STORE_ERRORS = {10077, 10047, 10023, 10056}  # limits of the stream, of the account, of the server


class Sender:
    """Delivers the letters of one outbox, one after another, until cancelled. `passes` is called when the server has
    stored something."""

    def __init__(
        self,
        link: Link,
        outbox: Outbox,
        direction: str,
        member: str,
        log: Log,
        passes: Callable[[], None] = lambda: None,
    ) -> None:
        self._link, self._outbox, self._log, self._passes = link, outbox, log, passes
        self._mailbox = subjects.mailbox(direction, member)
        self._subject = subjects.chunks(direction, member)
        self._jetstream = link.client.jetstream(timeout=_ACK_SECONDS)

    async def run(self) -> None:
        """Send until cancelled.

        Raises:
            TransportError: the server does not take a chunk (mailbox full or missing); go on by calling again.
            StorageError: the outbox cannot be read.
        """
        awake = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is gone: the letter waits for the next start
                loop.call_soon_threadsafe(awake.set)

        self._outbox.on_put = wake
        while True:
            awake.clear()
            for letter in self._outbox.pending():
                await self._send(letter)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(awake.wait(), _POLL_SECONDS)

    async def _send(self, letter: Waiting) -> None:
        if chunks.n_chunks(letter.size) == 1:
            (body,) = letter.pieces(CHUNK_BYTES)
            identity = chunks.letter_id(self._mailbox, letter.nonce, letter.size, [body])
            await self._acknowledged(
                letter, self._publish(Label(letter.nonce, identity, 0, letter.size), body), Progress()
            )
        else:
            await self._send_chunks(letter, await asyncio.to_thread(self._identity, letter))
        self._outbox.done(letter)

    async def _send_chunks(self, letter: Waiting, identity: bytes) -> None:
        progress = self._outbox.progress(letter)
        under_way: deque[asyncio.Task[PubAck]] = deque()
        try:
            for index, body in enumerate(letter.pieces(CHUNK_BYTES, progress.chunks), start=progress.chunks):
                if len(under_way) == WINDOW:
                    progress = await self._acknowledged(letter, under_way.popleft(), progress)
                label = Label(letter.nonce, identity, index, letter.size)
                under_way.append(asyncio.create_task(self._publish(label, body)))
            while under_way:
                progress = await self._acknowledged(letter, under_way.popleft(), progress)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    def _identity(self, letter: Waiting) -> bytes:
        return chunks.letter_id(self._mailbox, letter.nonce, letter.size, letter.pieces(CHUNK_BYTES))

    async def _publish(self, label: Label, body: bytes) -> PubAck:
        # Not nats-py's publish_async: its futures never end when the server answers with an error.
        return await self._jetstream.publish(
            self._subject, chunks.encode(label, body), headers={"Nats-Msg-Id": label.message_id}
        )

    async def _acknowledged(self, letter: Waiting, publishing: Awaitable[PubAck], progress: Progress) -> Progress:
        with foreign(self._link.url):
            try:
                ack = await publishing
            except TimeoutError:
                raise TransportError(
                    f"the server has not said within {_ACK_SECONDS:.0f} s that it stored a letter: it stores nothing at the "
                    "moment (its disk may be full), or the line is slow",
                    hint="look at the server; sending goes on by itself",
                ) from None
            except nats.js.errors.APIError as error:
                if error.err_code not in _STORE_ERRORS:
                    raise
                raise _refused(self._mailbox, str(error.description)) from None
        if progress.chunks and not ack.duplicate and ack.seq <= progress.sequence:
            # A new stream: what it acknowledged before is gone.
            self._outbox.mark(letter, Progress())
            raise TransportError(f"the mailbox {self._mailbox} was made anew", hint="the letter is sent from its start")
        self._passes()
        progress = Progress(progress.chunks + 1, max(progress.sequence, ack.seq))
        if progress.chunks < chunks.n_chunks(letter.size):
            self._outbox.mark(letter, progress)
        return progress


def _refused(mailbox: str, said: str) -> TransportError:
    """A server that does not store a chunk: this mailbox is full, or the server is."""
    if "maximum" in said:
        return TransportError(
            f"the mailbox {mailbox} is full: whoever reads it is away or slow",
            hint="it empties as letters are handled; sending goes on by itself",
        )
    return TransportError(
        f"the message server has no room for letters: {said}",
        hint="the coordinator's people free space on its disk, or allow it more; sending goes on by itself",
    )
