"""From an outbox into a mailbox: chunks with exactly-once ids, some of them under way at a time."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import nats.errors
import nats.js.errors
from nats.aio.msg import Msg

from cipherward.errors import TransportError
from cipherward.store import files
from cipherward.store.outbox import Outbox, Progress, Waiting
from cipherward.transport import chunks, subjects
from cipherward.transport.chunks import CHUNK_BYTES, Label
from cipherward.transport.link import Link, Log, foreign
from cipherward.transport.waking import Wake

WINDOW = 16
_ACK_SECONDS = 30.0
_POLL_SECONDS = 30.0
_STORE_ERRORS = {10077, 10047, 10023, 10056}  # limits of the stream, of the account, of the server


@dataclass(frozen=True)
class _Stored:
    """What the server says of a chunk: its place in the stream, and whether it was there before."""

    sequence: int
    is_repeat: bool


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
        self._inbox = link.client.new_inbox()
        self._numbers = itertools.count()
        self._answers: dict[str, asyncio.Future[Msg]] = {}

    async def run(self) -> None:
        """Send until cancelled.

        Raises:
            TransportError: the server does not take a chunk (mailbox full or missing); go on by calling again.
            StorageError: the outbox cannot be read.
        """
        loop, awake = asyncio.get_running_loop(), Wake()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is gone: the letter waits for the next start
                loop.call_soon_threadsafe(awake.set)

        with foreign(self._link.url):
            subscription = await self._link.client.subscribe(f"{self._inbox}.*", cb=self._answer)
        self._outbox.on_put = wake
        try:
            while True:
                awake.clear()
                for letter in self._outbox.pending():
                    await self._send(letter)
                await awake.wait(loop.time() + _POLL_SECONDS)
        finally:
            with contextlib.suppress(nats.errors.Error, OSError):
                await subscription.unsubscribe()

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
        under_way: deque[asyncio.Task[_Stored]] = deque()
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

    async def _publish(self, label: Label, body: bytes) -> _Stored:
        # Not nats-py's publish, which takes half as much time again, nor its publish_async, whose futures never end when the
        # server answers with an error.
        loop, reply = asyncio.get_running_loop(), f"{self._inbox}.{next(self._numbers)}"
        answer = self._answers[reply] = loop.create_future()
        timer = loop.call_later(_ACK_SECONDS, _give_up, answer)
        try:
            await self._link.client.publish(
                self._subject, chunks.encode(label, body), reply, {"Nats-Msg-Id": label.message_id}
            )
            return _stored(await answer)
        finally:
            timer.cancel()
            del self._answers[reply]

    async def _answer(self, message: Msg) -> None:
        answer = self._answers.get(message.subject)
        if answer is not None and not answer.done():
            answer.set_result(message)

    async def _acknowledged(self, letter: Waiting, publishing: Awaitable[_Stored], progress: Progress) -> Progress:
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
        if progress.chunks and not ack.is_repeat and ack.sequence <= progress.sequence:
            # A new stream: what it acknowledged before is gone.
            self._outbox.mark(letter, Progress())
            raise TransportError(f"the mailbox {self._mailbox} was made anew", hint="the letter is sent from its start")
        self._passes()
        progress = Progress(progress.chunks + 1, max(progress.sequence, ack.sequence))
        if progress.chunks < chunks.n_chunks(letter.size):
            self._outbox.mark(letter, progress)
        return progress


def _give_up(answer: asyncio.Future[Msg]) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())


def _stored(answer: Msg) -> _Stored:
    """Raises nats.js.errors.Error: the server has not stored it. ValueError: an answer that no server gives."""
    if (answer.headers or {}).get("Status") == "503":
        raise nats.js.errors.NoStreamResponseError
    found = files.json_object(answer.data)
    if "error" in found:
        raise nats.js.errors.APIError.from_error(found["error"])
    return _Stored(int(found.get("seq", "")), bool(found.get("duplicate")))


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
