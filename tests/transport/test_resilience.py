"""Servers and members are killed, letters are repeated: letters still arrive once and in order."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.transport.consortium import THREE_CHUNKS, Consortium, Letters, running, until, until_mailboxes_exist

from cipherward.errors import StorageError, TransportError
from cipherward.store.outbox import Progress
from cipherward.transport import receiving, sending
from cipherward.transport.chunks import CHUNK_BYTES, Label
from cipherward.transport.server import ManagedServer


def kill(server: ManagedServer) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    assert server._process is not None
    server._process.wait()


def test_a_server_killed_and_started_again_loses_nothing(consortium: Consortium) -> None:
    async def story() -> None:
        coordinator, alpha = consortium.coordinator(), consortium.hospital("alpha")
        async with running(coordinator) as up, running(alpha):
            alpha._outbox.put(b"before")
            await until(lambda: up.got)
            for round in range(2):
                alpha._outbox.put(THREE_CHUNKS)
                kill(consortium.server)
                alpha._outbox.put(b"while down %d" % round)
                await until(lambda: not alpha.status.connected and not coordinator.status.connected)
                await asyncio.to_thread(consortium.server.start, consortium.users())
                await until(lambda: len(up.got) >= 3 + 2 * round)  # noqa: B023
            assert alpha.status.connected
        assert up.of("alpha") == [b"before", THREE_CHUNKS, b"while down 0", THREE_CHUNKS, b"while down 1"]

    asyncio.run(story())


def test_a_connection_that_ends_without_a_word_is_noticed_and_made_again(
    consortium: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cipherward.transport.post._LOOK_SECONDS", 1.0)

    async def story() -> None:
        alpha = consortium.hospital("alpha")
        async with running(consortium.coordinator()) as up, running(alpha):
            alpha._outbox.put(b"before")
            await until(lambda: up.got)
            first = alpha._link
            assert first is not None
            first.client._closed_cb = first.client._disconnected_cb = None
            await first.client.close()
            alpha._outbox.put(b"after")
            await until(lambda: len(up.got) == 2)
            assert alpha._link is not first

    asyncio.run(story())


def test_acknowledged_letters_survive_a_kill_of_the_server_before_anybody_reads_them(consortium: Consortium) -> None:
    async def story() -> None:
        async with running(consortium.coordinator()):
            await until_mailboxes_exist(consortium)
        alpha = consortium.hospital("alpha")
        alpha._outbox.put(THREE_CHUNKS)
        async with running(alpha):
            await until(lambda: not alpha._outbox.pending())
        kill(consortium.server)
        consortium.server.start(consortium.users())
        async with running(consortium.coordinator()) as up:
            await until(lambda: up.got)
        assert up.of("alpha") == [THREE_CHUNKS]

    asyncio.run(story())


def test_an_interrupted_upload_goes_on_at_the_first_unacknowledged_chunk(
    consortium: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    interrupted: list[bool] = []
    publish_chunk = sending.Sender._publish

    async def noting(self: sending.Sender, label: Label, body: bytes) -> sending._Stored:
        sent.append(label.index)
        if label.index == 8 and not interrupted:
            await asyncio.sleep(3600)
        return await publish_chunk(self, label, body)

    monkeypatch.setattr(sending.Sender, "_publish", noting)
    monkeypatch.setattr(sending, "WINDOW", 2)
    data = os.urandom(11 * CHUNK_BYTES + 1)

    async def first_life() -> None:
        post = consortium.hospital("alpha")
        post._outbox.put(data)
        async with running(post):
            await until(lambda: post._outbox.progress(post._outbox.pending()[0]).chunks >= 4)
        interrupted.append(True)

    async def story() -> None:
        async with running(consortium.coordinator()) as up:
            await first_life()
            again = consortium.outbox("alpha")
            acknowledged = again.progress(again.pending()[0]).chunks
            assert 4 <= acknowledged < 12
            sent.clear()
            async with running(consortium.hospital("alpha")):
                await until(lambda: up.got)
            assert sent == list(range(acknowledged, 12))
            assert up.of("alpha") == [data]
        assert not consortium.log.alarms()

    asyncio.run(story())


_SENDER = """
import asyncio, sys
from pathlib import Path
from cipherward.transport.post import HospitalPost
from cipherward.transport.tls import Connection
from cipherward.store.outbox import Outbox
from cipherward.transport import sending
publish = sending.Sender._publish
async def stops_at_chunk_30(self, label, body):
    if label.index == 30:
        await asyncio.sleep(3600)
    return await publish(self, label, body)
sending.Sender._publish = stops_at_chunk_30
home, url, authority = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
connection = Connection("alpha", (url,), home / "tls.crt", home / "tls.key", authority)
async def receive(member, path): pass
post = HospitalPost(connection, Outbox(home / "outbox"), home / "post", lambda event, facts: None)
asyncio.run(post.run(receive))
"""


def test_a_hospital_killed_in_the_middle_of_an_upload_goes_on_after_its_restart(consortium: Consortium) -> None:
    data = os.urandom(60 * CHUNK_BYTES)
    consortium.connection("alpha")
    outbox = consortium.outbox("alpha")
    outbox.put(data)
    arguments = [str(consortium.folder / "alpha"), consortium.url, str(consortium.authority_file)]

    async def story() -> None:
        async with running(consortium.coordinator()) as up:
            process = subprocess.Popen([sys.executable, "-c", _SENDER, *arguments])
            await until(lambda: outbox.pending() and outbox.progress(outbox.pending()[0]).chunks > 3)
            process.kill()
            process.wait()
            assert outbox.pending()
            async with running(consortium.hospital("alpha")):
                await until(lambda: up.got)
        assert up.of("alpha") == [data]

    asyncio.run(story())


def test_a_letter_whose_handling_was_cut_short_comes_again(consortium: Consortium) -> None:
    async def story() -> None:
        began = asyncio.Event()

        class Crash(BaseException):
            pass

        async def dies(member: str, data: bytes) -> None:
            began.set()
            await asyncio.sleep(3600)

        alpha = consortium.hospital("alpha")
        for letter in (b"one", b"two"):
            alpha._outbox.put(letter)
        async with running(alpha):
            dying = Letters()
            dying.before = dies
            coordinator = consortium.coordinator()
            task = asyncio.create_task(coordinator.run(dying))
            await began.wait()
            for handling in list(coordinator._handling):
                handling.cancel()  # as in a crash: nothing is noted, nothing acknowledged
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            async with running(consortium.coordinator()) as up:
                await until(lambda: len(up.got) == 2)
            assert up.of("alpha") == [b"one", b"two"]

    asyncio.run(story())


def test_a_letter_handled_just_before_a_crash_is_not_handled_again(
    consortium: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(self: receiving.Receiver, replies: list[str]) -> None:
        pass

    async def story() -> None:
        alpha = consortium.hospital("alpha")
        alpha._outbox.put(THREE_CHUNKS)
        async with running(alpha):
            with monkeypatch.context() as patch:
                patch.setattr(receiving.Receiver, "_acknowledge", never)
                async with running(consortium.coordinator()) as first:
                    await until(lambda: first.got)
            async with running(consortium.coordinator()) as second:
                alpha._outbox.put(b"next")
                await until(lambda: second.got)
        assert second.of("alpha") == [b"next"]

    asyncio.run(story())


def test_handling_goes_on_while_the_connection_is_lost_and_happens_once(consortium: Consortium) -> None:
    async def story() -> None:
        go, began = asyncio.Event(), []

        async def slow(member: str, data: bytes) -> None:
            began.append(data)
            await go.wait()

        letters = Letters()
        letters.before = slow
        coordinator, alpha = consortium.coordinator(), consortium.hospital("alpha")
        alpha._outbox.put(b"slow")
        async with running(coordinator, letters), running(alpha):
            await until(lambda: began)
            kill(consortium.server)
            await asyncio.to_thread(consortium.server.start, consortium.users())
            await until(lambda: coordinator.status.connected)
            alpha._outbox.put(b"next")
            await asyncio.sleep(1)
            assert began == [b"slow"]
            go.set()
            await until(lambda: len(letters.got) == 2)
        assert letters.of("alpha") == [b"slow", b"next"]
        assert began == [b"slow", b"next"]

    asyncio.run(story())


def test_slow_handling_does_not_bring_the_letter_twice(consortium: Consortium, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cipherward.transport.mailboxes._REDELIVER_SECONDS", 1.0)

    async def story() -> None:
        letters = Letters()
        letters.before = lambda member, data: asyncio.sleep(2.5)
        alpha = consortium.hospital("alpha")
        alpha._outbox.put(THREE_CHUNKS)
        alpha._outbox.put(b"next")
        async with running(consortium.coordinator(), letters), running(alpha):
            await until(lambda: len(letters.got) == 2)
            await asyncio.sleep(1.5)
        assert letters.of("alpha") == [THREE_CHUNKS, b"next"]

    asyncio.run(story())


def test_a_letter_whose_first_chunks_went_with_an_old_stream_is_sent_from_its_start(consortium: Consortium) -> None:
    async def story() -> None:
        alpha = consortium.hospital("alpha")
        alpha._outbox.put(THREE_CHUNKS)
        alpha._outbox.mark(alpha._outbox.pending()[0], Progress(2, 500))
        async with running(consortium.coordinator()) as up, running(alpha):
            await until(lambda: up.got)
        assert up.of("alpha") == [THREE_CHUNKS]

    asyncio.run(story())


def test_a_letter_that_cannot_be_handled_is_set_aside_and_a_full_disk_is_waited_for(consortium: Consortium) -> None:
    async def story() -> None:
        tries: list[bytes] = []

        def troubled(member: str, data: bytes) -> None:
            tries.append(data)
            if data == b"poison":
                raise ValueError("secret details")
            if data == b"disk" and tries.count(b"disk") < 3:
                raise StorageError("the disk is full", hint="free space")

        letters = Letters()
        letters.before = troubled
        alpha = consortium.hospital("alpha")
        for letter in (b"poison", b"disk", b"good"):
            alpha._outbox.put(letter)
        async with running(consortium.coordinator(), letters), running(alpha):
            await until(lambda: len(letters.got) == 2)
        assert letters.of("alpha") == [b"disk", b"good"]
        assert tries == [b"poison", b"disk", b"disk", b"disk", b"good"]

    asyncio.run(story())
    (alarm,) = consortium.log.alarms("letter set aside")
    assert alarm["member"] == "alpha"
    assert "secret" not in str(consortium.log.events)


def test_a_member_admitted_later_is_served_and_one_dismissed_is_not(consortium: Consortium) -> None:
    async def story() -> None:
        coordinator = consortium.coordinator()
        async with running(coordinator) as up:
            await until_mailboxes_exist(consortium)
            consortium.members.append("gamma")
            await asyncio.to_thread(consortium.server.reload, consortium.users())
            coordinator.admit("gamma")
            gamma = consortium.hospital("gamma")
            gamma._outbox.put(b"hello")
            async with running(gamma):
                await until(lambda: up.of("gamma"))
                await coordinator.dismiss("gamma")
                await asyncio.to_thread(consortium.server.reload, consortium.users("alpha", "beta"))
                await until(lambda: not gamma.status.connected)
                assert coordinator.status.connected
                await until(lambda: "revoked" in gamma.status.reason)
            with pytest.raises(TransportError, match="no mailbox"):
                coordinator.outbox("gamma")

    asyncio.run(story())


def test_start_tells_a_member_at_once_why_it_cannot_connect(consortium: Consortium, tmp_path: Path) -> None:
    async def story() -> None:
        with pytest.raises(TransportError, match="never admitted"):
            await consortium.hospital("gamma").start()
        consortium.server.stop()
        with pytest.raises(TransportError, match="cannot reach"):
            await consortium.hospital("alpha").start()

    asyncio.run(story())


def test_a_post_that_was_never_run_can_be_closed(consortium: Consortium) -> None:
    async def story() -> None:
        post = consortium.hospital("alpha")
        await post.start()
        assert post.status.connected
        await post.close()

    asyncio.run(story())
