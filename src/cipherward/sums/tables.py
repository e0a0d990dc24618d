"""Tables of a challenge's numbers, uint32[slices, columns, 8]: their bytes, one digest for each, and what shows a part of one.

A number takes as many bytes as a value of a share. The digest is the root of a tree over the slices, of trees over the columns, so
that a part is shown without the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cipherward.crypto import slices
from cipherward.crypto.shamir import N_CHALLENGES
from cipherward.errors import ProtocolError
from cipherward.sums.attribution import Numbers
from cipherward.sums.evidence import Excerpt


@dataclass(frozen=True)
class Shape:
    """Of a table: how many slices and columns, and the field of its numbers."""

    n_slices: int
    n_columns: int
    modulus: int

    @property
    def bytes_each(self) -> int:
        """Of a number."""
        return 2 if self.modulus < 2**16 else 4

    def read(self, packed: bytes, *axes: int) -> Numbers:
        """The numbers in these bytes, uint32[*axes, 8]; without `axes` those of a whole table.

        Raises:
            ProtocolError: not as many, or one outside of the field.
        """
        shape = (*(axes or (self.n_slices, self.n_columns)), N_CHALLENGES)
        if len(packed) != self.bytes_each * int(np.prod(shape)):
            raise ProtocolError("an answer with another number of numbers")
        values = np.frombuffer(packed, f"<u{self.bytes_each}").astype(np.uint32).reshape(shape)
        if values.size and int(values.max()) >= self.modulus:
            raise ProtocolError("an answer with a number outside of the field")
        return values

    def pack(self, numbers: Numbers) -> bytes:
        """Inverse of `read`."""
        return numbers.astype(f"<u{self.bytes_each}").tobytes()

    def root(self, table: Numbers) -> bytes:
        """The digest of a whole table."""
        return slices.root(self._rows(table))

    def row(self, table: Numbers, place: int) -> Excerpt:
        """All columns of one slice."""
        return Excerpt(self.pack(table[place]), b"", slices.path(self._rows(table), place))

    def entry(self, table: Numbers, place: int, column: int) -> Excerpt:
        """One column of one slice."""
        inner = slices.path(self._columns(table[place]), column)
        return Excerpt(self.pack(table[place, column]), inner, slices.path(self._rows(table), place))

    def read_row(self, root: bytes, said: Excerpt, place: int) -> Numbers:
        """What an excerpt of the table with this digest says of a slice, uint32[columns, 8].

        Raises:
            ProtocolError, WireError: it is none.
        """
        row = self.read(said.numbers, self.n_columns)
        if said.path:
            raise ProtocolError("a path beside the numbers of a whole row")
        self._check(root, slices.root(self._columns(row)), place, said.above)
        return row

    def read_entry(self, root: bytes, said: Excerpt, place: int, column: int) -> Numbers:
        """What it says of one column of a slice, uint32[8]. Raises: as `read_row`."""
        self._check(root, slices.root_from(said.numbers, column, self.n_columns, said.path), place, said.above)
        numbers: Numbers = self.read(said.numbers, 1)[0]
        return numbers

    def _check(self, root: bytes, row: bytes, place: int, above: bytes) -> None:
        if slices.root_from(row, place, self.n_slices, above) != root:
            raise ProtocolError("numbers that are not those of the signed answer")

    def _rows(self, table: Numbers) -> list[bytes]:
        return [slices.root(self._columns(row)) for row in table]

    def _columns(self, row: Iterable[Numbers]) -> list[bytes]:
        return [self.pack(numbers) for numbers in row]
