"""The array types that the crypto half's kernels share."""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
U32 = NDArray[np.uint32]
U64 = NDArray[np.uint64]
BytesLike = bytes | bytearray | memoryview

if sys.byteorder != "little":
    raise ImportError("cipherward's kernels read and write wire bytes in place and need a little-endian machine")
