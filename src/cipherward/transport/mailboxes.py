"""The streams and consumers of a member; only the coordinator may make or remove them."""

from __future__ import annotations

import contextlib

from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import BadRequestError, NotFoundError, ServerError

from cipherward.transport import subjects
from cipherward.transport.link import Link, foreign

_MAX_MESSAGES = 50_000
_DUPLICATES_SECONDS = 30.0
# How long the server remembers the id of every message, in its memory. It spares the repeats of a connection that broke
# and was dialled again at once; nothing depends on it: chunks carry their letter's id and place, and receivers drop what
# they have (`Assembly.add`, `Handled`), however late it comes again.
_REDELIVER_SECONDS = 600.0
_MAX_UNACKNOWLEDGED = 8192  # more than the chunks of the largest letter


async def make_mailboxes(link: Link, member: str, max_bytes: int, replicas: int) -> None:
    """Make both mailboxes of `member`, or bring them up to date.

    A full mailbox refuses new messages: its sender waits, and nobody else's mailbox is touched.

    Raises:
        TransportError: the server does not make them.
    """
    manager = link.client.jsm(timeout=15)
    for direction in (subjects.UP, subjects.DOWN):
        name = subjects.stream(direction, member)
        stream = StreamConfig(
            name=name,
            subjects=[f"{subjects.mailbox(direction, member)}.>"],
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
            max_bytes=max_bytes,
            max_msgs=_MAX_MESSAGES,
            max_consumers=1,
            duplicate_window=_DUPLICATES_SECONDS,
            num_replicas=replicas,
        )
        consumer = ConsumerConfig(
            durable_name=subjects.CONSUMER,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=_REDELIVER_SECONDS,
            max_ack_pending=_MAX_UNACKNOWLEDGED,
            max_deliver=-1,
            mem_storage=True,  # what is acknowledged is no longer in the stream, and readers begin with a rewind: nothing to keep
        )
        with foreign(link.url):
            try:
                await manager.add_stream(stream)
            except BadRequestError:  # there is one with other limits
                await manager.update_stream(stream)
            try:
                await manager.add_consumer(name, consumer)
            except ServerError:  # there is one whose state is on the disk; no letter is lost with it
                await manager.delete_consumer(name, subjects.CONSUMER)
                await manager.add_consumer(name, consumer)


async def remove_mailboxes(link: Link, member: str) -> None:
    """Delete both mailboxes of `member` and everything in them.

    Raises:
        TransportError: the server does not delete them.
    """
    manager = link.client.jsm(timeout=15)
    for direction in (subjects.UP, subjects.DOWN):
        with foreign(link.url), contextlib.suppress(NotFoundError):
            await manager.delete_stream(subjects.stream(direction, member))
