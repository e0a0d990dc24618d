"""What can be worked out from a family of opened sums by adding and subtracting them: exact linear algebra."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from fractions import Fraction
from typing import TypeVar

T = TypeVar("T", bound=Hashable)
Row = list[Fraction]


def groups(sums: Sequence[Collection[T]]) -> tuple[frozenset[T], ...]:
    """The finest sets that stood in every one of these sums together or not at all.

    No combination of the sums weighs two members of a group differently.
    """
    columns: dict[T, list[int]] = {}
    for number, members in enumerate(sums):
        for member in members:
            columns.setdefault(member, []).append(number)
    found: dict[tuple[int, ...], set[T]] = {}
    for member, column in columns.items():
        found.setdefault(tuple(column), set()).add(member)
    return tuple(frozenset(group) for group in found.values())


def readable(sums: Sequence[Collection[T]], known: Iterable[T] = ()) -> tuple[frozenset[T], ...]:
    """The groups whose own total follows from the sums and from what colluders `known` add of themselves."""
    told = frozenset(known)
    left = [frozenset(members) - told for members in sums]
    found = groups(left)
    basis = _echelon([[Fraction(group <= members) for group in found] for members in left])
    return tuple(
        group for i, group in enumerate(found) if not any(_reduce([Fraction(i == j) for j in range(len(found))], basis))
    )


def _echelon(rows: Iterable[Row]) -> list[tuple[int, Row]]:
    basis: list[tuple[int, Row]] = []
    for row in rows:
        rest = _reduce(row, basis)
        pivot = next((i for i, value in enumerate(rest) if value), None)
        if pivot is not None:
            basis.append((pivot, [value / rest[pivot] for value in rest]))
    return basis


def _reduce(row: Row, basis: Iterable[tuple[int, Row]]) -> Row:
    for pivot, base in basis:
        factor = row[pivot]
        if factor:
            row = [value - factor * other for value, other in zip(row, base, strict=True)]
    return row
