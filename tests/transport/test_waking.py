from __future__ import annotations

import asyncio

from cipherward.transport.waking import Wake


def test_who_waits_is_woken_at_once_or_when_the_time_has_come() -> None:
    async def story() -> None:
        loop, wake = asyncio.get_running_loop(), Wake()
        loop.call_later(0.01, wake.set)
        began = loop.time()
        await wake.wait(began + 60)
        await wake.wait(began + 60)  # what was set before is not slept through
        assert loop.time() - began < 30
        wake.clear()
        began = loop.time()
        await wake.wait(loop.time() + 0.05)
        assert loop.time() - began >= 0.04

    asyncio.run(story())
