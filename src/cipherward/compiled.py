"""Compiled kernels: the one place that touches numba's untyped decorator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import event

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = {"nopython": True, "nogil": True, "fastmath": False, "boundscheck": False}


def kernels(*sources: Path) -> Callable[[F], F]:
    """A decorator that compiles a function on first use, without the GIL, keeping its type for the reader and for mypy.

    Compiled code is cached next to the source; where no cache folder is writable it is compiled in every process.

    Args:
        sources: every file whose kernels are inlined into each other. Numba looks at the mtime of a kernel's own file
            only: cached code would survive a change of what it calls.
    """
    stamp = tuple((fact.st_mtime, fact.st_size) for fact in (source.stat() for source in sources))

    def compiled(function: F) -> F:
        jit: Any = numba.jit
        try:
            found = jit(cache=True, **_OPTIONS)(function)
        except RuntimeError:
            return cast(F, jit(cache=False, **_OPTIONS)(function))
        index: Any = getattr(getattr(found, "_cache", None), "_cache_file", None)
        if hasattr(index, "_source_stamp"):
            index._source_stamp = stamp
        return cast(F, found)

    return compiled


class _Once(event.Listener):
    def __init__(self, say: Callable[[], None]) -> None:
        self._say = say
        self._said = False

    def on_start(self, event: Any) -> None:
        if not self._said:
            self._said = True
            self._say()

    def on_end(self, event: Any) -> None:
        pass


def before_compiling(say: Callable[[], None]) -> None:
    """Call `say` once, when a kernel is about to be compiled because no cache holds it."""
    register: Any = event.register
    register("numba:compile", _Once(say))
