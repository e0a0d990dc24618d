"""The border between a service and what a study brings to it: model code, tables, drivers. A study can fail, a service cannot.

`Boundary.around` runs such a piece of work. Whatever it raises comes out as BroughtError, with the kind of the exception
and never its text, which may hold cells of the table; the whole trace is in a private file for this hospital's people.
While it runs, a file says so. A process that finds that file at its start knows that the one before it died there; after
DEATHS of them in a row, or one that took longer than the hospital allows, the study is set aside until people say otherwise.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cipherward.errors import CipherwardError, UnfitUpdateError
from cipherward.store import files

DEATHS = 3
"""How often in a row a service may die in the same study before it leaves that study alone."""

MODEL, DATA, SET_ASIDE = "model", "data", "set-aside"
"""What failed, as the coordinator is told it, and no word more."""


class BroughtError(UnfitUpdateError):
    """Code or data that a study brought has failed; the study goes without this hospital, everything else goes on."""


class Boundary:
    """Around everything foreign in one study. `folder`: the study's in the home."""

    def __init__(self, folder: Path) -> None:
        self._running = folder / "in-hand.json"
        self._aside = folder / "set-aside"
        self._trace = folder / "failure.txt"
        self._since: float | None = None
        self._what = ""
        self._deaths = 0
        self._look_back()

    @property
    def set_aside(self) -> str:
        """Why people have to look at this study before it is touched again; empty: it may run."""
        try:
            return files.read(self._aside).decode("utf-8", "replace").strip() if self._aside.exists() else ""
        except CipherwardError:
            return "its files cannot be read"

    @property
    def watched(self) -> Path:
        """The file that people remove, with `hospital retry`, to let the study run again."""
        return self._aside

    @property
    def seconds(self) -> float:
        """For how long the work in hand has been running; 0: nothing is in hand."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    @contextlib.contextmanager
    def around(self, what: str) -> Iterator[None]:
        """Run what a study brought.

        Raises:
            BroughtError: it raised something that is not ours, whatever it was.
        """
        if self._since is not None:  # within another one
            with self.translated(what):
                yield
            return
        note = {"what": what, "deaths": self._deaths}
        files.write(self._running, json.dumps(note).encode(), private=True)
        self._since, self._what = time.monotonic(), what
        try:
            with self.translated(what):
                yield
        finally:
            self._since = None
            self.let_go()
        self._deaths = 0

    @contextlib.contextmanager
    def around_packet(self, what: str) -> Iterator[None]:
        """Our own code that handles a packet. `what`: it calls that several times, for which one note on the disk is enough."""
        with self.around(what) if what else contextlib.nullcontext(), self.translated("this study"):
            yield

    def let_go(self) -> None:
        """Nothing is in hand, or the service is being stopped: that the process ends now says nothing about the study."""
        with contextlib.suppress(CipherwardError):
            files.remove(self._running)

    def give_up(self) -> str:
        """The work in hand takes longer than this hospital allows: the study is set aside; why, for people."""
        reason = f"{self._what} took longer than {self.seconds:.0f} s, which is more than this hospital allows"
        self._put_aside(reason)
        return reason

    def retry(self) -> None:
        """People want the study to be tried again."""
        for path in (self._running, self._aside):
            files.remove(path)

    def _look_back(self) -> None:
        try:
            left = files.json_object(files.read(self._running)) if self._running.exists() else None
        except (CipherwardError, ValueError):
            left = {}
        if left is None:
            return
        deaths = left.get("deaths")
        self._deaths = 1 + (deaths if isinstance(deaths, int) else 0)
        what = str(left.get("what") or "something of this study")
        if self._deaths >= DEATHS and not self._aside.exists():
            self._put_aside(f"the service ended {self._deaths} times in a row while {what} was running")

    def _put_aside(self, reason: str) -> None:
        files.write(self._aside, f"{reason}\n".encode())
        self.let_go()

    @contextlib.contextmanager
    def translated(self, what: str) -> Iterator[None]:
        """The same without a note on the disk: for our own code that handles what a study brought."""
        try:
            yield
        except CipherwardError:
            raise
        except BaseException as error:  # also what ends a process: SystemExit, and panics of native code
            if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
                raise  # a person's; a service works in another thread, where only the study can have raised it
            self._keep_trace(error)
            raise BroughtError(
                f"{what} failed: {kind_of(error)}",
                reason=f"{what} failed",
                hint=f"the whole message is in {self._trace}, which stays here",
            ) from None

    def _keep_trace(self, error: BaseException) -> None:
        with contextlib.suppress(CipherwardError, Exception):
            text = "".join(traceback.format_exception(error))
            files.write(self._trace, text.encode("utf-8", "replace"), private=True)


class Guarded:
    """An object of which every call goes through the boundary; otherwise it is the object itself."""

    def __init__(self, inner: Any, boundary: Boundary, what: str) -> None:
        self.__dict__.update(_inner=inner, _boundary=boundary, _what=what)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._inner, name, value)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found) or name == "module":
            return found

        def call(*given: Any, **named: Any) -> Any:
            with self._boundary.around(self._what):
                return found(*given, **named)

        return call


def kind_of(error: BaseException) -> str:
    """The exception's class and where it was raised: what a log may hold of somebody else's exception."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


def said_of(error: BaseException) -> str:
    """An error in a line of a log: our own words where it is ours."""
    return error.logged if isinstance(error, CipherwardError) else kind_of(error)
