"""What the coordinator says of its own disk: passed on by the server and stored nowhere, so that a full disk cannot hold it back.

For people only. It is not signed, and nothing is decided by it.
"""

from __future__ import annotations

import contextlib

import nats.errors

from cipherward.consortium.service.signs_of_life import DISK_FULL, THE_COORDINATOR
from cipherward.transport import subjects
from cipherward.transport.link import Link
from cipherward.transport.troubles import Troubles

FULL, ROOM = b"disk full", b"disk has room"
LASTS_SECONDS = 30.0
"""How long a full disk is believed without being said again; its service says it every few seconds."""


async def say(link: Link, *, is_full: bool) -> None:
    """At the coordinator. A lost connection is no error: it is said again."""
    with contextlib.suppress(nats.errors.Error):
        await link.client.publish(subjects.STATE, FULL if is_full else ROOM)


async def listen(link: Link, troubles: Troubles) -> None:
    """At a hospital, while the connection stands."""
    said = await link.client.subscribe(subjects.STATE)
    while not link.lost.is_set():
        try:
            message = await said.next_msg(timeout=LASTS_SECONDS)
        except TimeoutError:
            troubles.end(THE_COORDINATOR)
        except nats.errors.Error:  # the connection is gone; whoever sends letters says why
            return
        else:
            if message.data == FULL:
                troubles.add(THE_COORDINATOR, DISK_FULL)
            else:
                troubles.end(THE_COORDINATOR)
