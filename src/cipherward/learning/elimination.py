"""Systems of linear equations solved in one order of operations, so that all machines get the same bits: no BLAS."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cipherward.compiled import Out1, Out2, inlined, kernel
from cipherward.errors import ProtocolError

_PANEL = 32
_TILE = 512
"""Columns of a tile: those of `_PANEL` rows of it stay in the cache."""


def solved(matrix: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """x float64[p] of matrix x = right, a positive definite matrix float64[p, p], by LDL^T without pivoting (Golub and Van Loan,
    Matrix Computations, section 4.1.2).

    Raises:
        ProtocolError: the matrix is not positive definite, which sums over rows with a ridge always are.
    """
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
            for a in range(end, p):
                for j in range(start, end, 4):
                    if j + 4 <= end:
                        _subtract_four(rest, a, j, first, last)
                    else:
                        for k in range(j, end):
                            for b in range(first, last):
                                rest[a, b] -= rest[a, k] * rest[k, b]
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
def _subtract_four(rest: NDArray[np.float64], a: int, j: int, first: int, last: int) -> None:
    one, two, three, four = rest[a, j], rest[a, j + 1], rest[a, j + 2], rest[a, j + 3]
    for b in range(first, last):
        value = rest[a, b] - one * rest[j, b]
        value -= two * rest[j + 1, b]
        value -= three * rest[j + 2, b]
        rest[a, b] = value - four * rest[j + 3, b]
