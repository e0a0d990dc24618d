"""A real nats-server for every test here; where there is no binary, they are skipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cipherward.errors import TransportError

pytest.importorskip("nats", reason="nats-py is not installed (extra `network`)")

from tests.transport.consortium import Consortium

from cipherward.transport.server import find_server


@pytest.fixture(scope="session", autouse=True)
def server_binary() -> Path:
    try:
        return find_server()
    except TransportError as error:
        pytest.skip(error.message)


@pytest.fixture
def consortium(tmp_path: Path) -> Iterator[Consortium]:
    """alpha and beta with a running server."""
    made = Consortium(tmp_path)
    made.server.start(made.users())
    yield made
    made.server.stop()
