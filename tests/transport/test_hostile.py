"""Members that write whatever they like into their mailbox: it is dropped, and good letters still arrive."""

from __future__ import annotations

import asyncio
import os

import pytest
from tests.transport.consortium import THREE_CHUNKS, Consortium, running, until, until_mailboxes_exist

from cipherward.transport import chunks, subjects
from cipherward.transport.chunks import CHUNK_BYTES, Label
from cipherward.transport.link import Dialer


async def publish(consortium: Consortium, messages: list[bytes]) -> None:
    """A hostile alpha writes whatever it likes into its own mailbox."""
    link = await Dialer(consortium.connection("alpha"), consortium.log).dial()
    for message in messages:
        await link.client.jetstream(timeout=60).publish(subjects.chunks("up", "alpha"), message)
    await link.close()


def letter_of(data: bytes, mailbox: str = "up.alpha") -> list[bytes]:
    nonce = os.urandom(16)
    state = chunks.hasher(mailbox, nonce, len(data))
    state.update(data)
    return [
        chunks.encode(Label(nonce, state.digest(), i, len(data)), data[i * CHUNK_BYTES : (i + 1) * CHUNK_BYTES])
        for i in range(chunks.n_chunks(len(data)))
    ]


@pytest.mark.parametrize(
    "messages",
    [
        [b"", b"garbage", os.urandom(500), b"CWL1" + bytes(60)],
        [letter_of(THREE_CHUNKS)[0][:-1] + b"", letter_of(THREE_CHUNKS)[1]],
        [letter_of(b"intended for another mailbox", "up.beta")[0]],
        [letter_of(b"x" * 10)[0][:-1] + b"y"],
        [chunks.encode(Label(bytes(16), bytes(32), 0, 1 << 40), b"")],
        [
            chunks.encode(Label(bytes(16), bytes(32), 0, CHUNK_BYTES + 1), bytes(CHUNK_BYTES)),
            chunks.encode(Label(bytes(16), bytes(32), 1, CHUNK_BYTES + 2), b"ab"),
        ],
    ],
    ids=["garbage", "incomplete", "another mailbox", "altered", "gigantic", "contradiction"],
)
def test_what_a_hostile_hospital_writes_is_dropped_with_its_name_and_good_letters_arrive(
    consortium: Consortium, messages: list[bytes]
) -> None:
    async def story() -> None:
        async with running(consortium.coordinator()) as up:
            await until_mailboxes_exist(consortium)
            await publish(consortium, messages)
            alpha, beta = consortium.hospital("alpha"), consortium.hospital("beta")
            alpha._outbox.put(b"good")
            beta._outbox.put(b"from beta")
            async with running(alpha), running(beta):
                await until(lambda: len(up.got) == 2)
        assert sorted(up.got) == [("alpha", b"good"), ("beta", b"from beta")]

    asyncio.run(story())
    alarms = consortium.log.alarms("bad chunk")
    assert alarms
    assert {alarm["member"] for alarm in alarms} == {"alpha"}
    assert not list((consortium.folder / "coordinator").rglob("*.part"))


def test_chunks_out_of_order_and_repeated_make_one_letter(consortium: Consortium) -> None:
    async def story() -> None:
        async with running(consortium.coordinator()) as up:
            await until_mailboxes_exist(consortium)
            a, b, c = letter_of(THREE_CHUNKS)
            await publish(consortium, [c, a, a, c, b, a, b])
            await publish(consortium, letter_of(b"last"))
            await until(lambda: len(up.got) == 2)
        assert up.of("alpha") == [THREE_CHUNKS, b"last"]
        assert not consortium.log.alarms()

    asyncio.run(story())


def test_a_hospital_that_fills_its_mailbox_waits_and_disturbs_nobody(consortium: Consortium) -> None:
    async def story() -> None:
        limit = 4 * CHUNK_BYTES
        setup = consortium.coordinator(mailbox_bytes=limit)
        async with running(setup):
            await until_mailboxes_exist(consortium)
        alpha, beta = consortium.hospital("alpha"), consortium.hospital("beta")
        letters = [os.urandom(CHUNK_BYTES) for _ in range(8)]
        for letter in letters:
            alpha._outbox.put(letter)
        async with running(alpha), running(beta):
            await until(lambda: "is full" in str(alpha.status.troubles))
            assert alpha.status.connected
            beta._outbox.put(b"beta")
            await until(lambda: not beta._outbox.pending())
            async with running(consortium.coordinator(mailbox_bytes=limit)) as up:
                await until(lambda: len(up.got) == 9)
        assert up.of("alpha") == letters
        assert up.of("beta") == [b"beta"]

    asyncio.run(story())
