"""Systems of linear equations solved in one order of operations, so that all machines get the same bits: no BLAS."""

from __future__ import annotations

import hashlib
import threading

import numpy as np
from numpy.typing import NDArray

from cipherward.compiled import Out1, Out2, inlined, kernel
from cipherward.errors import ProtocolError

_PANEL = 32
_TILE = 512
"""Columns of a tile: those of `_PANEL` rows of it stay in the cache."""
_LARGE = 512
_KEPT = 4
_solved: dict[bytes, NDArray[np.float64]] = {}
"""Of the last large systems, by their digest: in a simulation every party solves the very same one after each sum."""
_one_at_a_time = threading.Lock()


def solved(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """x float64[p] of matrix x = right, a positive definite matrix float64[p, p], by LDL^T without pivoting (Golub and Van Loan,
    Matrix Computations, section 4.1.2).

    Raises:
        ProtocolError: the matrix is not positive definite, which sums over rows with a ridge always are.
    """
    if len(right) < _LARGE:
        return _found(matrix, right)
    asked = hashlib.sha256(np.ascontiguousarray(matrix).tobytes())
    asked.update(right.tobytes())
    with _one_at_a_time:
        if asked.digest() not in _solved:
            _solved[asked.digest()] = _found(matrix, right)
            if len(_solved) > _KEPT:
                del _solved[next(iter(_solved))]
        return _solved[asked.digest()].copy()


def _found(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    rest = np.array(matrix, dtype=np.float64, order="C")
    x = np.array(right, dtype=np.float64)
    if _eliminate(rest, x):
        raise ProtocolError("the opened sums are no second derivatives or products that rows have")
    return x


@kernel
def _eliminate(rest: Out2[np.float64], x: Out1[np.float64]) -> int:
    """The solution in place of `x`; 1: a pivot is not above 0.

    Every entry has the products of columns 0, 1, 2, ... subtracted in this order, each rounded, as if column after column were done
    with. Panels of columns and tiles of entries only decide when that happens.
    """
    p = x.size
    for start in range(0, p, _PANEL):
        end = min(start + _PANEL, p)
        for j in range(start, end):
            pivot = rest[j, j]
            if not pivot > 0.0:
                return 1
            for a in range(j + 1, p):
                rest[a, j] /= pivot
                for b in range(j + 1, p if a < end else end):
                    rest[a, b] -= rest[a, j] * rest[j, b]
        for first in range(end, p, _TILE):
            last = min(first + _TILE, p)
            # Behind a panel that is not full there is nothing.
            for a in range(end, p - 1, 2):
                for j in range(start, end, 4):
                    _subtract_four(rest, a, a + 1, j, first, last)
            if (p - end) % 2:
                for j in range(start, end, 4):
                    _subtract_four(rest, p - 1, p - 1, j, first, last)
    for j in range(p):
        for a in range(j + 1, p):
            x[a] -= rest[a, j] * x[j]
    for j in range(p):
        x[j] /= rest[j, j]
    for j in range(p - 1, -1, -1):
        for a in range(j):
            x[a] -= rest[j, a] * x[j]
    return 0


@inlined
def _subtract_four(rest: NDArray[np.float64], a: int, c: int, j: int, first: int, last: int) -> None:
    """Four columns' products from two rows, which may be one."""
    a1, a2, a3, a4 = rest[a, j], rest[a, j + 1], rest[a, j + 2], rest[a, j + 3]
    c1, c2, c3, c4 = rest[c, j], rest[c, j + 1], rest[c, j + 2], rest[c, j + 3]
    for b in range(first, last):
        b1, b2, b3, b4 = rest[j, b], rest[j + 1, b], rest[j + 2, b], rest[j + 3, b]
        upper = (((rest[a, b] - a1 * b1) - a2 * b2) - a3 * b3) - a4 * b4
        lower = (((rest[c, b] - c1 * b1) - c2 * b2) - c3 * b3) - c4 * b4
        rest[a, b] = upper
        rest[c, b] = lower
