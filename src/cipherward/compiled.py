"""Compiled kernels: the one place that touches numba's untyped decorator."""

from __future__ import annotations

import functools
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = {"nopython": True, "nogil": True, "fastmath": False, "boundscheck": False}


class _Kernel:
    """Calls the compiled function. Numba takes tens of MiB, which a service that waits need not hold: the first call imports it."""

    def __init__(self, function: Callable[..., Any], stamp: tuple[tuple[float, int], ...]) -> None:
        self._function, self._stamp = function, stamp
        functools.update_wrapper(self, function)

    def __call__(self, *given: Any) -> Any:
        return self._dispatcher(*given)

    @property
    def _numba_type_(self) -> Any:
        """What another kernel sees that calls this one."""
        return self._dispatcher._numba_type_

    @cached_property
    def _dispatcher(self) -> Any:
        import numba

        jit: Any = numba.jit
        try:
            found = jit(cache=True, **_OPTIONS)(self._function)
        except RuntimeError:
            return jit(cache=False, **_OPTIONS)(self._function)
        index: Any = getattr(getattr(found, "_cache", None), "_cache_file", None)
        if hasattr(index, "_source_stamp"):
            index._source_stamp = self._stamp
        return found


def kernels(*sources: Path) -> Callable[[F], F]:
    """A decorator that compiles a function on first use, without the GIL, keeping its type for the reader and for mypy.

    Compiled code is cached next to the source; where no cache folder is writable it is compiled in every process.

    Args:
        sources: every file whose kernels are inlined into each other. Numba looks at the mtime of a kernel's own file
            only: cached code would survive a change of what it calls.
    """
    stamp = tuple((fact.st_mtime, fact.st_size) for fact in (source.stat() for source in sources))

    def compiled(function: F) -> F:
        return cast(F, _Kernel(function, stamp))

    return compiled


def before_compiling(say: Callable[[], None]) -> None:
    """Call `say` once, when a kernel is about to be compiled because no cache holds it."""
    from numba.core import event

    class Once(event.Listener):
        is_said = False

        def on_start(self, event: Any) -> None:
            if not self.is_said:
                self.is_said = True
                say()

        def on_end(self, event: Any) -> None:
            pass

    register: Any = event.register
    register("numba:compile", Once())
