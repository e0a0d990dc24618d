"""A TCP proxy between one party and the server: cuts, silences and slows what goes through it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

_PIECE = 16_384


class Proxy:
    """Listens on `port` of the loopback and passes everything to 127.0.0.1:`target`.

    `latency` in seconds and `rate` in bytes per second hold for each direction; 0: as fast as it goes.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self.latency = self.rate = 0.0
        self._is_open = threading.Event()
        self._is_open.set()
        self._refuses = False
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def silence(self) -> None:
        """Nothing gets through, and nobody is told: a cable is out."""
        self._is_open.clear()

    def cut(self) -> None:
        """Close what is connected and refuse what comes: a firewall has shut. What silence has held is lost."""
        self._refuses = True
        self._drop()
        self._is_open.set()

    def heal(self) -> None:
        self.latency = self.rate = 0.0
        self._refuses = False
        self._is_open.set()

    def slow(self, latency: float, rate: float) -> None:
        self.latency, self.rate = latency, rate

    def close(self) -> None:
        self._refuses = True
        self._listener.close()
        self._drop()
        self._is_open.set()

    def _drop(self) -> None:
        with self._lock:
            dropped, self._sockets = self._sockets, set()
        for one in dropped:
            _close(one)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        self._is_open.wait()
        try:
            if self._refuses:
                raise ConnectionRefusedError
            far = socket.create_connection(("127.0.0.1", self._target), timeout=5)
        except OSError:
            _close(near)
            return
        far.settimeout(None)
        with self._lock:
            self._sockets |= {near, far}
        if self._refuses:  # since it was connected
            self._drop()
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(_PIECE):
                self._is_open.wait()
                if self.latency or self.rate:
                    time.sleep(self.latency + (len(data) / self.rate if self.rate else 0.0))
                sink.sendall(data)
        except OSError:
            pass
        _close(source)
        _close(sink)


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        one.close()
