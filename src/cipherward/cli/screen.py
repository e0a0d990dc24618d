"""What a terminal adds to text: lines broken between words, and a line that says what is going on now."""

from __future__ import annotations

import re
import shutil
import textwrap
import threading
import time
from typing import TextIO

_STYLED = re.compile(r"((?:\x1b\[[\d;]*m)*)(.*?)((?:\x1b\[[\d;]*m|\n)*)", re.DOTALL)
_COMMAND = re.compile(r"(?<=: )\s*cipherward [a-z]")
_EVERY_SECONDS = 1.0


def width() -> int:
    """Columns of the terminal, at least 40."""
    return max(shutil.get_terminal_size().columns, 40)


def folded(text: str, columns: int) -> str:
    """One line of text, broken between words where it is longer than the terminal is wide.

    A command to copy stands whole on a line of its own, and no word is broken. Several lines, and JSON, stay as they are.
    """
    before, line, after = _STYLED.fullmatch(text).groups()  # type: ignore[union-attr]
    if len(line) <= columns or "\n" in line or line.lstrip().startswith(("{", "[")):
        return text
    indent = " " * (len(line) - len(line.lstrip()))
    command = _COMMAND.search(line)
    prose = line[: command.start()] if command else line
    lines = textwrap.wrap(
        prose.strip(),
        columns,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    if command:
        lines.append(f"{indent}  {line[command.start() :].lstrip()}")
    return before + "\n".join(lines) + after


class Live:
    """The last line of a terminal, which says what is going on and for how many seconds, until other output takes its place."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.RLock()
        self._text, self._since = "", 0.0
        self._is_drawn, self._ticks = False, False

    def show(self, text: str, *, if_slow: bool = False) -> None:
        """Draw it now and again every second; `if_slow`: not before a second has passed without output."""
        with self._lock:
            self._text, self._since = text, time.monotonic()
            if not if_slow:
                self._draw()
            if not self._ticks:
                self._ticks = True
                threading.Thread(target=self._tick, daemon=True).start()

    def clear(self) -> None:
        """Make room for a line that stays."""
        with self._lock:
            self._text = ""
            if self._is_drawn:
                self._is_drawn = False
                self._put(f"\r{' ' * (width() - 1)}\r")

    def _tick(self) -> None:
        while True:
            time.sleep(_EVERY_SECONDS)
            with self._lock:
                if self._text:
                    self._draw()

    def _draw(self) -> None:
        seconds = int(time.monotonic() - self._since)
        spent = f" {seconds} s" if seconds else ""
        room = width() - 1
        self._put(f"\r{f'{self._text} ...{spent}'[:room]:<{room}}")
        self._is_drawn = True

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # nobody looks any more
            self._text = ""
