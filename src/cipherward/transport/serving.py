"""What both services share: one process per home, one worker thread, signals, a heartbeat, and a log that people read.

Network and timers live in the event loop; everything that touches a node, a ledger or a study's files happens in the one
worker thread, a letter at a time. All of it is durable at every instant, so a stop may come at any moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import os
import signal
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from cipherward.consortium.homes.home import Home
from cipherward.consortium.service import letters
from cipherward.consortium.service.boundary import said_of
from cipherward.errors import StorageError, TransportError
from cipherward.store import files
from cipherward.store.outbox import Outbox
from cipherward.transport.post import Status
from cipherward.transport.receiving import Content
from cipherward.transport.troubles import Trouble

POLL_SECONDS = 1.0
IDLE_SECONDS = 5.0
"""Between two looks round when nothing has happened for `QUIET_SECONDS`."""
QUIET_SECONDS = 20.0
HEARTBEAT_SECONDS = 2.0
GRACE_SECONDS = 8.0
"""How long a stop waits for the work in hand. What is cut off is done again after the next start."""

WATCH_SECONDS = 5.0
AGAIN_SECONDS = 2.0
"""Until a part of the service that has failed is started again."""

_UNWRITTEN = 20

UNSENT = 64
"""Letters for one member that are kept in memory while its outbox cannot take them."""

Say = Callable[[dict[str, Any]], None]
"""Shown every line of the home's log as it is written."""

T = TypeVar("T")


class Post(Protocol):
    """What is watched, and closed at the end."""

    @property
    def status(self) -> Status: ...

    async def close(self) -> None: ...


class Follower:
    """Reads the lines that are added to a home's log, by this process or another."""

    def __init__(self, home: Home) -> None:
        self._path = home.path / "log.jsonl"
        self.alarms = len(home.alarms())
        self._stamp = files.stamp(self._path)
        self._offset = self._path.stat().st_size if self._path.exists() else 0

    def new_lines(self) -> list[dict[str, Any]]:
        """Whole lines written since the last call."""
        stamp = files.stamp(self._path)
        if stamp is None or stamp == self._stamp:
            return []
        self._stamp = stamp
        with self._path.open("rb") as file:
            if file.seek(0, os.SEEK_END) < self._offset:
                self._offset = 0  # the log was turned
            file.seek(self._offset)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self._offset += end
        found = []
        for line in data[:end].splitlines():
            with contextlib.suppress(ValueError):
                found.append(files.json_object(line))
        self.alarms += sum(entry.get("level") == "alarm" for entry in found)
        return found


class Worker:
    """The one thread in which nodes live."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "cipherward-node")
        self._busy = 0

    @property
    def is_busy(self) -> bool:
        return self._busy > 0

    async def do(self, work: Callable[..., T], *given: Any) -> T:
        """Run `work` in the thread, after what it has in hand."""
        self._busy += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, work, *given)
        future.add_done_callback(lambda _: self._idle())
        return await asyncio.shield(future)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _idle(self) -> None:
        self._busy -= 1


class Dispatch:
    """Letters on their way into outboxes. What an outbox cannot take stays here, in order, and is tried again: a node
    that has answered once may not answer the same letter with the same packets again.

    Where more than UNSENT wait they are dropped; once the outbox takes letters again, `remind` gives those from which
    the member finds out what it has missed."""

    def __init__(
        self,
        outbox: Callable[[str], Outbox],
        home: Home,
        remind: Callable[[str], Iterable[tuple[str, bytes]]] = lambda name: (),
    ) -> None:
        self._outbox = outbox
        self._home = home
        self._remind = remind
        self._missed: set[str] = set()
        self._unsent: dict[str, deque[bytes]] = {}

    def put(self, letters: Iterable[tuple[str, bytes]]) -> None:
        """Add letters and put what can be put.

        Raises:
            StorageError: an outbox is full or the disk is; everybody else's letters are put.
        """
        for name, letter in letters:
            self._unsent.setdefault(name, deque()).append(letter)
        failure: StorageError | None = None
        for name in sorted(self._unsent.keys() | self._missed):
            try:
                if name not in self._unsent:
                    self._unsent[name] = deque(letter for _, letter in self._remind(name))
                self._flush(name)
            except StorageError as error:
                failure = error
        if failure:
            raise failure

    def _flush(self, name: str) -> None:
        waiting = self._unsent[name]
        try:
            outbox = self._outbox(name)
            while waiting:
                outbox.put(waiting[0])
                waiting.popleft()
            self._missed.discard(name)
        except TransportError:
            waiting.clear()  # no member any more
            self._missed.discard(name)
        finally:
            if len(waiting) > UNSENT:
                # Whoever misses packets says so when it is back, and catches up from the openings.
                self._home.alarm("letters dropped", {"hospital": name, "letters": len(waiting)})
                waiting.clear()
                self._missed.add(name)
            if not waiting:
                del self._unsent[name]


def transport_log(home: Home) -> Callable[[str, dict[str, object]], None]:
    """Where the post says what happens; what it calls an alarm is one. It goes on when the disk does not take the line."""

    def log(event: str, facts: dict[str, object]) -> None:
        with contextlib.suppress(StorageError):
            if event == "alarm":
                home.alarm(str(facts.get("kind", "transport")), {k: v for k, v in facts.items() if k != "kind"})
            else:
                home.log(event, facts)

    return log


class Complaints:
    """Alarms about failures of this machine, each only once in a row. One that the disk does not take, since it is full
    perhaps, is shown at once and written when there is room again. `say`: shows a line that no log holds yet."""

    def __init__(self, home: Home, say: Say = lambda line: None) -> None:
        self._home = home
        self._say = say
        self._last = ""
        self._unwritten: list[dict[str, object]] = []

    def add(self, error: Exception) -> None:
        reason = said_of(error)
        if reason != self._last:
            self._last = reason
            since = datetime.now(UTC).isoformat(timespec="seconds")
            self._unwritten.append({"reason": reason, "hint": getattr(error, "hint", ""), "since": since})
            if not self._write():
                self._say({"time": since, "level": "alarm", "event": "trouble here", "reason": reason})
                del self._unwritten[:-_UNWRITTEN]

    def clear(self) -> None:
        """It went well."""
        if self._write():
            self._last = ""

    def _write(self) -> bool:
        try:
            while self._unwritten:
                self._home.alarm("trouble here", self._unwritten[0])
                self._unwritten.pop(0)
        except StorageError:
            return False
        return True


class Pace:
    """How often a service looks round: every `busy` seconds while letters come, seldom when it is quiet."""

    def __init__(self, busy: float) -> None:
        self._busy = busy
        self._noticed = time.monotonic()

    def notice(self, letter: bytes | memoryview) -> None:
        """A letter has come; a sign of life, which comes every minute, says that nothing else happens."""
        if letters.describe(letter)["letter"] != letters.Alive.__name__:
            self._noticed = time.monotonic()

    @property
    def seconds(self) -> float:
        """Until the next look."""
        return self._busy if time.monotonic() < self._noticed + QUIET_SECONDS else max(self._busy, IDLE_SECONDS)


async def keep_running(work: Callable[[], Awaitable[None]], complaints: Complaints) -> None:
    """Run a part of a service until it ends by itself; whatever it raises is said, and it is started again."""
    while True:
        try:
            return await work()
        except Exception as error:
            complaints.add(error)
            await asyncio.sleep(AGAIN_SECONDS)


def status_of(
    post: Post, follower: Follower, studies: list[Any], *, running: bool, own: Mapping[str, Trouble] | None = None
) -> dict[str, object]:
    """What both services say of themselves. `own`: troubles that the post does not know of."""
    status = post.status
    troubles = {**status.troubles, **(own or {})} if running else {}
    return {
        "running": running,
        "connected": status.connected,
        "since": status.since,
        "reason": status.reason,
        "doing": status.doing,
        "troubles": {what: {"reason": found.reason, "since": found.since} for what, found in troubles.items()},
        "alarms": follower.alarms,
        "studies": studies,
    }


def stop_event() -> asyncio.Event:
    """Set by SIGTERM or SIGINT."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, event.set)
        except NotImplementedError:  # a loop of Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(event.set))
    return event


async def until_stopped(stop: asyncio.Event, *tasks: asyncio.Task[Any]) -> None:
    """Wait for the stop; a task that fails before is raised here."""
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for task in done - {stopping}:
        task.result()
        if not stop.is_set():
            raise StorageError("a part of the service ended by itself", hint="start it again; nothing is lost")


_MAPPED = 1 << 20
"""Bytes from which a letter is looked at where it lies: the system can take its pages back when memory is short."""


def read(letter: Content) -> bytes | memoryview:
    """A letter's bytes.

    Raises:
        StorageError: it cannot be read.
    """
    if isinstance(letter, bytes):
        return letter
    path = letter
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < _MAPPED:
                return file.read()
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}", hint="check the disk") from None


async def close(post: Post, worker: Worker, tasks: tuple[asyncio.Task[Any], ...]) -> bool:
    """End the post and the tasks; whether the work in hand was finished within the time of grace."""
    closing = asyncio.create_task(post.close())
    await asyncio.wait({closing}, timeout=GRACE_SECONDS)
    closing.cancel()
    for task in tasks:
        task.cancel()
    await asyncio.gather(closing, *tasks, return_exceptions=True)
    for _ in range(10):
        if not worker.is_busy:
            return True
        await asyncio.sleep(0.05)
    return False
