"""Compiled kernels, and the array types they share: the one place that touches numba's untyped decorator."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
BytesLike = bytes | bytearray | memoryview

F = TypeVar("F", bound=Callable[..., Any])

_KERNEL_FILES = (
    "_jit.py", "params.py", "_ntt.py", "_crt.py", "_kernels.py", "masks.py", "packing.py", "sampling.py", "shamir.py",
)  # fmt: skip

if sys.byteorder != "little":
    raise ImportError("cipherward's kernels read and write wire bytes in place and need a little-endian machine")


def _stamp() -> tuple[tuple[float, int], ...]:
    facts = [(Path(__file__).parent / name).stat() for name in _KERNEL_FILES]
    return tuple((fact.st_mtime, fact.st_size) for fact in facts)


def kernel(function: F) -> F:
    """Compile `function` on first use, without the GIL, keeping its type for the reader and for mypy.

    Compiled code is cached next to the source; where no cache folder is writable it is compiled in every process.
    """
    jit: Any = numba.jit
    options = {"nopython": True, "nogil": True, "fastmath": False, "boundscheck": False}
    try:
        compiled = jit(cache=True, **options)(function)
    except RuntimeError:
        return cast(F, jit(cache=False, **options)(function))
    # numba looks at the mtime of a kernel's own file only, but kernels of several files are inlined into each other:
    # without this, cached code would survive a change of what it calls.
    index: Any = getattr(compiled._cache, "_cache_file", None)
    if hasattr(index, "_source_stamp"):
        index._source_stamp = _STAMP
    return cast(F, compiled)


_STAMP = _stamp()
