"""A real S3 server over HTTP (moto's), in this process, with what a network can do to it in between."""

from __future__ import annotations

import contextlib
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from tests.faults.proxy import Proxy

BUCKET = "bucket"
KEY, SECRET = "AKIAEXAMPLE", "hunter2hunter2"


class Server:
    """`url` of the server itself, `proxy` in front of it."""

    def __init__(self, url: str, proxy: Proxy) -> None:
        self.url, self.proxy = url, proxy

    def options(self, *, direct: bool = False) -> dict[str, Any]:
        """For s3fs: through the proxy, tried once."""
        address = self.url if direct else f"http://127.0.0.1:{self.proxy.port}"
        limits = {"connect_timeout": 60, "read_timeout": 60, "retries": {"max_attempts": 1}}
        return {"endpoint_url": address, "key": KEY, "secret": SECRET, "config_kwargs": limits}


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """The server with one bucket."""
    moto = pytest.importorskip("moto.server", reason="moto is not installed: it is in the extra dev")
    s3fs = pytest.importorskip("s3fs", reason="the extra s3 is not installed")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    proxy = Proxy(port)
    try:
        found = Server(f"http://{host}:{port}", proxy)
        # What an earlier server of this process was given is still there: another worker may have done a part of the tests.
        urllib.request.urlopen(f"{found.url}/moto-api/reset", b"").close()  # noqa: S310
        s3fs.S3FileSystem(**found.options(direct=True), skip_instance_cache=True).mkdir(BUCKET)
        yield found
    finally:
        proxy.close()
        server.stop()
