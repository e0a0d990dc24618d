from __future__ import annotations

import asyncio
import os

from tests.engines.nats.consortium import Consortium, running, until


def test_letters_go_both_ways_in_the_order_in_which_they_were_put(consortium: Consortium) -> None:
    async def story() -> None:
        coordinator, alpha = consortium.coordinator(), consortium.hospital("alpha")
        large = os.urandom(3_000_000)
        outbox = consortium.outbox("alpha")
        for letter in (b"first", large, b"", b"first"):
            alpha._outbox.put(letter)
        for letter in (b"to alpha", large):
            coordinator.outbox("alpha").put(letter)
        async with running(coordinator) as up, running(alpha) as down:
            await until(lambda: len(up.got) == 4 and len(down.got) == 2)
        assert up.got == [("alpha", b"first"), ("alpha", large), ("alpha", b""), ("alpha", b"first")]
        assert down.got == [("coordinator", b"to alpha"), ("coordinator", large)]
        assert not outbox.pending()
        assert not consortium.log.alarms()

    asyncio.run(story())
