"""Waiting in the event loop until something happens or a time comes, without the tasks that `asyncio.wait_for` makes each time."""

from __future__ import annotations

import asyncio


class Wake:
    """For one that waits: `set` wakes it, or keeps it from falling asleep."""

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: asyncio.Future[None] | None = None

    def set(self) -> None:
        self._is_set = True
        if self._waiting is not None:
            end(self._waiting)

    def clear(self) -> None:
        self._is_set = False

    async def wait(self, until: float) -> None:
        """Until it is set, or until this time by the loop's clock."""
        if self._is_set:
            return
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        timer = loop.call_at(until, end, self._waiting)
        try:
            await self._waiting
        finally:
            timer.cancel()
            self._waiting = None


def end(waiting: asyncio.Future[None]) -> None:
    """What was waited for is there; a second time changes nothing."""
    if not waiting.done():
        waiting.set_result(None)
