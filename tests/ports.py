"""Ports for servers that tests start."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


def free_port() -> int:
    """A port that the system gives nobody else for a minute: it has just served a connection, which was closed from here. A server
    that asks for it by its number gets it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
        with socket.create_connection(address), listening.accept()[0]:
            pass  # closed in the reverse order: the end of the server waits for packets that are late
    return int(address[1])


@contextmanager
def closed_port() -> Iterator[int]:
    """A port at which nobody listens, and nobody can, while the block runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])
