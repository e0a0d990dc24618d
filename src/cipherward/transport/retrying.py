"""Works of one connection: together, ended for good, and again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

_LONGEST_PAUSE = 15.0  # seconds


async def both(*works: Awaitable[None]) -> None:
    """Run until one fails; the others are cancelled."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        await stop(*tasks)


async def stop(*tasks: asyncio.Future[Any]) -> None:
    """Cancel and wait. Again and again: nats-py swallows a cancellation that meets it while it writes."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=0.2)


def forever(note: Callable[[RetryCallState], None], *errors: type[BaseException]) -> AsyncRetrying:
    """Retries with exponential back-off and full jitter, without end."""
    return AsyncRetrying(
        # The base is small so that whoever was gone for some seconds is found again within about a second.
        wait=wait_random_exponential(multiplier=0.2, max=_LONGEST_PAUSE, exp_base=1.3),
        retry=retry_if_exception_type(errors),
        before_sleep=note,
    )
