"""Systems of linear equations solved in one order of operations, so that all machines get the same bits: no BLAS."""

from __future__ import annotations

import hashlib
import threading

import numpy as np
from numpy.typing import NDArray

from cipherward.compiled import Out2, inlined, kernel
from cipherward.errors import ProtocolError

_PANEL = 48
_TILE = 512
"""Columns of a tile: those of `_PANEL` rows of it stay in the cache. A panel is a whole number of threes of rows."""
_LARGE = 512
_KEPT = 32
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
        return _one(matrix, right)
    whole = hashlib.sha256(np.ascontiguousarray(matrix).data)
    whole.update(np.ascontiguousarray(right).data)
    asked = whole.digest()
    with _one_at_a_time:
        if asked not in _solved:
            _solved[asked] = _one(matrix, right)
            if len(_solved) > _KEPT:
                del _solved[next(iter(_solved))]
        return _solved[asked].copy()


def solved_each(matrix: NDArray[np.float64], rights: NDArray[np.float64]) -> NDArray[np.float64]:
    """As `solved` for each of some right sides, float64[m, p], to the same bits; the matrix is eliminated once.

    Raises:
        ProtocolError: as `solved`.
    """
    rest = np.array(matrix, dtype=np.float64, order="C")
    x = np.array(rights, dtype=np.float64, order="C")
    if _eliminate(rest, x):
        raise ProtocolError("the opened sums are no second derivatives or products that rows have")
    return x


def _one(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(solved_each(matrix, right[None])[0])


@kernel
def _eliminate(rest: Out2[np.float64], x: Out2[np.float64]) -> int:
    """The solutions in place of `x`; 1: a pivot is not above 0.

    Every entry has the products of columns 0, 1, 2, ... subtracted in this order, each rounded, as if column after column were done
    with. Panels of columns and tiles of entries only decide when that happens.
    """
    p = x.shape[1]
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
                for j in range(start, end, 3):
                    _subtract_three(rest, a, a + 1, j, first, last)
            if (p - end) % 2:
                for j in range(start, end, 3):
                    _subtract_three(rest, p - 1, p - 1, j, first, last)
    for k in range(x.shape[0]):
        for j in range(p):
            for a in range(j + 1, p):
                x[k, a] -= rest[a, j] * x[k, j]
        for j in range(p):
            x[k, j] /= rest[j, j]
        for j in range(p - 1, -1, -1):
            for a in range(j):
                x[k, a] -= rest[j, a] * x[k, j]
    return 0


@inlined
def _subtract_three(rest: NDArray[np.float64], a: int, c: int, j: int, first: int, last: int) -> None:
    """Three columns' products from two rows, which may be one. With a fourth column LLVM takes one entry after the other: it would
    have to compare too many addresses first."""
    a1, a2, a3 = rest[a, j], rest[a, j + 1], rest[a, j + 2]
    c1, c2, c3 = rest[c, j], rest[c, j + 1], rest[c, j + 2]
    upper, lower = rest[a, first:last], rest[c, first:last]
    row1, row2, row3 = rest[j, first:last], rest[j + 1, first:last], rest[j + 2, first:last]
    for b in range(upper.size):
        b1, b2, b3 = row1[b], row2[b], row3[b]
        of_upper = ((upper[b] - a1 * b1) - a2 * b2) - a3 * b3
        of_lower = ((lower[b] - c1 * b1) - c2 * b2) - c3 * b3
        upper[b] = of_upper
        lower[b] = of_lower
