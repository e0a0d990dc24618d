"""The crypto half's compiled kernels, and the array types they share."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cipherward import compiled

U8 = NDArray[np.uint8]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
BytesLike = bytes | bytearray | memoryview

_KERNEL_FILES = (
    "_jit.py", "params.py", "_ntt.py", "_crt.py", "_kernels.py", "masks.py", "packing.py", "sampling.py", "shamir.py",
)  # fmt: skip

if sys.byteorder != "little":
    raise ImportError("cipherward's kernels read and write wire bytes in place and need a little-endian machine")

kernel = compiled.kernels(*(Path(__file__).parent / name for name in _KERNEL_FILES))
