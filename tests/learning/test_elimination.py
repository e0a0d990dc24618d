"""Systems of equations: solved, and to the bits of the plain order, whatever is done at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cipherward.errors import ProtocolError
from cipherward.learning import elimination
from cipherward.learning.elimination import solved

F64 = NDArray[np.float64]


def system(p: int, seed: int) -> tuple[F64, F64]:
    rng = np.random.default_rng(seed)
    half = rng.normal(0, 1, (p + 5, p))
    return half.T @ half / p + 0.01 * np.eye(p), rng.normal(0, 1, p)


def column_after_column(matrix: F64, right: F64) -> F64:
    rest, p = matrix.copy(), len(right)
    lower, diagonal = np.zeros((p, p)), np.zeros(p)
    for j in range(p):
        diagonal[j] = rest[j, j]
        lower[j + 1 :, j] = rest[j + 1 :, j] / rest[j, j]
        rest[j + 1 :, j + 1 :] -= lower[j + 1 :, j][:, None] * rest[j, j + 1 :][None, :]
    x = right.copy()
    for j in range(p):
        x[j + 1 :] -= lower[j + 1 :, j] * x[j]
    x /= diagonal
    for j in range(p - 1, -1, -1):
        x[:j] -= lower[j, :j] * x[j]
    return x


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 30), st.integers(0, 10**6))
def test_the_linear_system_is_solved(p: int, seed: int) -> None:
    matrix, right = system(p, seed)
    kept = matrix.copy()
    assert np.allclose(solved(matrix, right), np.linalg.solve(matrix, right), rtol=1e-6, atol=1e-8)
    assert np.array_equal(matrix, kept)


@pytest.mark.parametrize("p", [1, 2, 5, 32, 47, 48, 49, 50, 67, 96, 101, 600])
def test_panels_and_tiles_change_no_bit(p: int) -> None:
    matrix, right = system(p, p)
    matrix[0, -1] *= 1.0 + 2.0**-30  # both triangles are read
    assert solved(matrix, right).tobytes() == column_after_column(matrix, right).tobytes()


def test_the_parties_of_one_process_solve_a_large_system_once(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix, right = system(520, 3)
    first = solved(matrix, right)
    first[0] = 7.0  # what one of them does with it is not the others'
    asked: list[int] = []

    def eliminate(_rest: F64, x: F64) -> int:
        asked.append(x.shape[1])
        return 0

    monkeypatch.setattr(elimination, "_eliminate", eliminate)
    again = solved(matrix, right)
    assert again[0] != 7.0
    assert np.array_equal(again[1:], first[1:])
    assert asked == []
    matrix[519, 519] += 2.0**-40
    solved(matrix, right)
    assert asked == [520]
    elimination._solved.clear()
    monkeypatch.setattr(elimination, "_KEPT", 4)
    for seed in range(6):
        solved(*system(512, seed))
    assert len(elimination._solved) == elimination._KEPT


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
@pytest.mark.parametrize("at", [0, 40])
def test_what_rows_cannot_give_is_refused(value: float, at: int) -> None:
    matrix, right = system(45, 1)
    matrix[at, at] = value
    with pytest.raises(ProtocolError, match="no second derivatives"):
        solved(matrix, right)
