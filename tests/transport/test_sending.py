"""What a sender makes of a server's answers, and that it leaves nothing behind on the connection."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from nats.aio.msg import Msg

from cipherward.errors import TransportError
from cipherward.store.outbox import Outbox, Progress
from cipherward.transport import sending
from cipherward.transport.chunks import CHUNK_BYTES

STORED = {"stream": "UP", "seq": 7}


class Server:
    """A connection and the server behind it, which gives these answers, one for each chunk; None: silence."""

    def __init__(self, answers: list[dict[str, Any] | str | None]) -> None:
        self.url, self.client, self.subscriptions = "tls://server:4222", self, 0
        self._answers = answers
        self._callback: Callable[[Msg], Awaitable[None]]

    def new_inbox(self) -> str:
        return "_INBOX.1"

    async def subscribe(self, _subject: str, cb: Callable[[Msg], Awaitable[None]]) -> Server:
        self._callback = cb
        self.subscriptions += 1
        return self

    async def unsubscribe(self) -> None:
        self.subscriptions -= 1

    async def publish(self, _subject: str, _body: bytes, reply: str, _headers: dict[str, str]) -> None:
        match self._answers.pop(0):
            case None:
                return
            case str(status):
                await self._callback(Msg(self, reply, headers={"Status": status}))  # type: ignore[arg-type]
            case answer:
                await self._callback(Msg(self, reply, data=json.dumps(answer).encode()))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_ACK_SECONDS", 0.1)


def sent(outbox: Outbox, *answers: dict[str, Any] | str | None) -> None:
    """Until nothing is left to send. Raises what the sender raises."""
    server = Server(list(answers))
    sender = sending.Sender(server, outbox, "UP", "alpha", lambda *_: None)  # type: ignore[arg-type]

    async def story() -> None:
        running = asyncio.create_task(sender.run())
        async with asyncio.timeout(20):
            while outbox.pending() and not running.done():
                await asyncio.sleep(0.01)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    try:
        asyncio.run(story())
    finally:
        assert server.subscriptions == 0
        assert sender._answers == {}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"error": {"code": 503, "err_code": 10077, "description": "maximum bytes exceeded"}}, "is full"),
        ({"error": {"code": 503, "err_code": 10023, "description": "insufficient resources"}}, "no room"),
        ({"error": {"code": 500, "err_code": 1, "description": "no space left on device"}}, "disk is full"),
        ({"error": {"code": 400, "err_code": 10003, "description": "bad request"}}, "answers: bad request"),
        ("503", "mailbox does not exist"),
        (None, "has not said within"),
    ],
)
def test_a_letter_that_is_not_stored_waits_and_the_reason_is_said(
    tmp_path: Path, answer: dict[str, Any] | str | None, said: str
) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(b"a letter")
    with pytest.raises(TransportError, match=said):
        sent(outbox, answer)
    assert len(outbox.pending()) == 1
    sent(outbox, STORED)
    assert outbox.pending() == []


def test_a_chunk_that_was_stored_before_is_told_from_a_mailbox_that_was_made_anew(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(bytes(2 * CHUNK_BYTES))
    (letter,) = outbox.pending()
    outbox.mark(letter, Progress(1, 7))
    with pytest.raises(TransportError, match="made anew"):
        sent(outbox, STORED)
    assert outbox.progress(letter) == Progress()
    outbox.mark(letter, Progress(1, 7))
    sent(outbox, STORED | {"duplicate": True})
    assert outbox.pending() == []
