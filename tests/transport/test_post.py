from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest
from nats.js.api import ConsumerConfig
from tests.transport.consortium import Consortium, Letters, running, until

from cipherward.transport import mailboxes, receiving, subjects
from cipherward.transport.post import CoordinatorPost


def test_letters_go_both_ways_in_the_order_in_which_they_were_put(consortium: Consortium) -> None:
    async def story() -> None:
        coordinator, alpha = consortium.coordinator(), consortium.hospital("alpha")
        large = os.urandom(3_000_000)
        # More together than the server sends unasked, and one that alone is more.
        others = [os.urandom(size) for size in (100_000, 100_000, 100_000, 200_000, 10)]
        outbox = consortium.outbox("alpha")
        for letter in (b"first", large, b"", b"first"):
            alpha._outbox.put(letter)
        for letter in (b"to alpha", large, *others):
            coordinator.outbox("alpha").put(letter)
        async with running(coordinator) as up, running(alpha) as down:
            await until(lambda: len(up.got) == 4 and len(down.got) == 7)
        assert up.got == [("alpha", b"first"), ("alpha", large), ("alpha", b""), ("alpha", b"first")]
        assert down.got == [("coordinator", letter) for letter in (b"to alpha", large, *others)]
        assert not outbox.pending()
        assert not consortium.log.alarms()

    asyncio.run(story())


def test_small_letters_are_acknowledged_together_and_handled_once_where_that_is_lost(
    consortium: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = [b"one", b"two", b"three"]

    async def left(post: CoordinatorPost) -> int:
        assert post._link is not None
        found = await post._link.client.jsm().stream_info(subjects.stream(subjects.UP, "alpha"))
        return int(found.state.messages)

    async def nothing(receiver: receiving.Receiver) -> None:
        """The machine stops before it has acknowledged anything."""

    async def story() -> None:
        alpha, letters = consortium.hospital("alpha"), Letters()
        with monkeypatch.context() as stopped:
            stopped.setattr(receiving, "LATE_SECONDS", 600.0)
            stopped.setattr(receiving.Receiver, "_pay", nothing)
            first = consortium.coordinator()
            async with running(first, letters), running(alpha):
                for letter in sent:
                    alpha._outbox.put(letter)
                await until(lambda: len(letters.got) == 3 and not alpha._outbox.pending())
                assert await left(first) == 3
        second, again = consortium.coordinator(), consortium.hospital("alpha")
        async with running(second, letters), running(again):
            again._outbox.put(b"four")
            await until(lambda: len(letters.got) > 3)
            deadline = asyncio.get_running_loop().time() + 60
            while await left(second):
                assert asyncio.get_running_loop().time() < deadline, "not acknowledged"
                await asyncio.sleep(0.05)
        assert letters.of("alpha") == [*sent, b"four"]

    asyncio.run(story())


def test_mailboxes_of_before_are_read_on_and_no_letter_in_them_is_lost(
    consortium: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What readers had acknowledged was on the server's disk; it is in its memory now, and may be gone after a restart."""
    made = ConsumerConfig

    async def where(post: CoordinatorPost) -> object:
        assert post._link is not None
        info = await post._link.client.jsm().consumer_info(subjects.stream(subjects.UP, "alpha"), subjects.CONSUMER)
        return info.config.mem_storage

    async def story() -> None:
        letters = Letters()
        with monkeypatch.context() as before:
            before.setattr(mailboxes, "ConsumerConfig", lambda **given: made(**given | {"mem_storage": None}))
            first, alpha = consortium.coordinator(), consortium.hospital("alpha")
            async with running(first, letters), running(alpha):
                alpha._outbox.put(b"one")
                await until(lambda: letters.got)
                assert not await where(first)
        for letter in (b"two", b"three"):
            second, again = consortium.coordinator(), consortium.hospital("alpha")
            async with running(again):
                again._outbox.put(letter)
                await until(lambda post=again: not post._outbox.pending())  # type: ignore[misc]
            consortium.server.stop()
            consortium.server.start(consortium.users())
            async with running(second, letters):
                await until(lambda wanted=letter: letters.of("alpha")[-1] == wanted)  # type: ignore[misc]
                assert await where(second)
        assert letters.of("alpha") == [b"one", b"two", b"three"]

    asyncio.run(story())


def test_a_post_that_is_closed_acknowledges_what_it_has_handled(
    consortium: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "LATE_SECONDS", 600.0)

    async def story() -> None:
        alpha, first, letters = consortium.hospital("alpha"), consortium.coordinator(), Letters()
        async with running(alpha):
            async with running(first, letters):
                alpha._outbox.put(b"one")
                await until(lambda: letters.got)
            second = consortium.coordinator()
            async with running(second, letters):
                await until(lambda: second.status.connected)
                assert second._link is not None
                found = await second._link.client.jsm().stream_info(subjects.stream(subjects.UP, "alpha"))
                assert not found.state.messages

    asyncio.run(story())


def test_letters_sent_again_after_the_server_has_forgotten_their_ids_are_handled_once(
    consortium: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailboxes, "_DUPLICATES_SECONDS", 0.2)
    sent = [b"small", os.urandom(2_000_000), b"after it"]

    async def story() -> None:
        coordinator, alpha = consortium.coordinator(), consortium.hospital("alpha")
        for letter in sent:
            alpha._outbox.put(letter)
        folder, copy = alpha._outbox.folder, tmp_path / "copy"
        shutil.copytree(folder, copy)
        letters = Letters()
        async with running(coordinator, letters):
            async with running(alpha):
                await until(lambda: len(letters.got) == 3 and not alpha._outbox.pending())
            # A power failure forgets that letters left the outbox; by the restart the server has forgotten them, too.
            await asyncio.sleep(1.0)
            shutil.rmtree(folder)
            shutil.copytree(copy, folder)
            again = consortium.hospital("alpha")
            assert len(again._outbox.pending()) == 3
            again._outbox.put(b"new")
            async with running(again):
                await until(lambda: len(letters.got) > 3 and not again._outbox.pending())
            assert coordinator._link is not None
            stream = await coordinator._link.client.jsm().stream_info(subjects.stream(subjects.UP, "alpha"))
            assert stream.state.last_seq == 5 + 6  # it took them all a second time
        assert letters.of("alpha") == [*sent, b"new"]

    asyncio.run(story())
