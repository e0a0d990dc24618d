"""Compiled kernels, and the array types they share: the one place that touches numba's untyped decorator."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
BytesLike = bytes | bytearray | memoryview

F = TypeVar("F", bound=Callable[..., Any])

if sys.byteorder != "little":
    raise ImportError("cipherward's kernels read and write wire bytes in place and need a little-endian machine")


def kernel(function: F) -> F:
    """Compile `function` on first use, without the GIL, keeping its type for the reader and for mypy.

    Compiled code is cached next to the source; where no cache folder is writable it is compiled in every process.
    """
    jit: Any = numba.jit
    options = {"nopython": True, "nogil": True, "fastmath": False, "boundscheck": False}
    try:
        return cast(F, jit(cache=True, **options)(function))
    except RuntimeError:
        return cast(F, jit(cache=False, **options)(function))
