"""Parts of a table of numbers, and slices of a share, are shown by themselves and lead to the digest of the whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from cipherward.crypto import slices
from cipherward.errors import ProtocolError, WireError
from cipherward.sums.evidence import Excerpt
from cipherward.sums.tables import Shape

SHAPES = [Shape(n_slices, n_columns, 65521) for n_slices in (1, 2, 5) for n_columns in (1, 3, 8)]
SHAPES.append(Shape(3, 4, 2**31 - 1))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_row_and_entry_of_a_table_is_that_of_its_digest_and_no_altered_one_is(shape: Shape) -> None:
    table = np.random.default_rng(7).integers(0, shape.modulus, (shape.n_slices, shape.n_columns, 8), np.uint32)
    root = shape.root(table)
    assert np.array_equal(shape.read(shape.pack(table)), table)
    for place in range(shape.n_slices):
        row = shape.row(table, place)
        assert np.array_equal(shape.read_row(root, row, place), table[place])
        no_others(row, lambda said, place=place: shape.read_row(root, said, place))  # type: ignore[misc]
        for column in range(shape.n_columns):
            entry = shape.entry(table, place, column)
            assert np.array_equal(shape.read_entry(root, entry, place, column), table[place, column])
            no_others(entry, lambda said, p=place, c=column: shape.read_entry(root, said, p, c))  # type: ignore[misc]
            for other in ((place + 1, column), (place, column + 1), (place - 1, column), (place, column - 1)):
                with pytest.raises((ProtocolError, WireError)):
                    shape.read_entry(root, entry, *other)


def no_others(said: Excerpt, read: Callable[[Excerpt], object]) -> None:
    for name in ("numbers", "path", "above"):
        value = getattr(said, name)
        for lie in (value[:-1], value + bytes(32), bytes([value[0] ^ 1]) + value[1:] if value else b"?"):
            if lie != value:
                with pytest.raises((ProtocolError, WireError)):
                    read(dataclasses.replace(said, **{name: lie}))


def test_a_table_has_the_right_size_and_numbers_of_its_field() -> None:
    shape = Shape(2, 3, 65521)
    for packed in (b"", bytes(95), bytes(97), b"\xff\xff" + bytes(94)):
        with pytest.raises(ProtocolError):
            shape.read(packed)


@pytest.mark.parametrize("size", [0, 1, 2048, 2049, 8192, 9000])
def test_every_slice_of_a_value_leads_to_its_digest_from_its_own_place_only(size: int) -> None:
    value = np.random.default_rng(size).bytes(size)
    cut = slices.cut(value)
    assert b"".join(cut) == value
    assert len(cut) == slices.n_slices(size)
    for place, piece in enumerate(cut):
        path = slices.path(cut, place)
        assert slices.root_from(piece, place, len(cut), path) == slices.root(cut)
        assert slices.root_from(piece + b"?", place, len(cut), path) != slices.root(cut)
        for other in set(range(-1, len(cut) + 1)) - {place}:
            try:
                found = slices.root_from(piece, other, len(cut), path)
            except WireError:
                continue
            assert found != slices.root(cut)
