"""A long value in slices of 2,048 bytes under one digest, so that one slice can be shown and checked without the others.

The digest is the root of a Merkle tree (`crypto.merkle`). A path is its inclusion proof: 32 bytes for each level, in one string.
"""

from __future__ import annotations

from collections.abc import Sequence

from cipherward.crypto.merkle import HASH_BYTES, Tree, leaf_hash, root_of, root_over
from cipherward.errors import AuditError, WireError

SLICE_BYTES = 2048


def n_slices(size: int) -> int:
    """Of a value of `size` bytes; an empty one has one, too."""
    return max(1, -(-size // SLICE_BYTES))


def cut(value: bytes) -> list[bytes]:
    """The slices of a value: all but the last have 2,048 bytes."""
    return [value[at : at + SLICE_BYTES] for at in range(0, len(value), SLICE_BYTES)] or [value]


def root(leaves: Sequence[bytes]) -> bytes:
    """The digest of these slices (or of other leaves), 32 bytes."""
    return root_over([leaf_hash(leaf) for leaf in leaves])


def path(leaves: Sequence[bytes], place: int) -> bytes:
    """What shows that leaf `place` is one of them."""
    return b"".join(_tree(leaves).inclusion(place, len(leaves)))


def root_from(leaf: bytes, place: int, n_leaves: int, shown: bytes) -> bytes:
    """The digest of `n_leaves` leaves that a path leads to from this one.

    Raises:
        WireError: it is no path of that place.
    """
    proof = [shown[at : at + HASH_BYTES] for at in range(0, len(shown), HASH_BYTES)]
    try:
        return root_of(leaf_hash(leaf), place, n_leaves, proof)
    except AuditError:
        raise WireError(f"no path of slice {place} of {n_leaves}") from None


def _tree(leaves: Sequence[bytes]) -> Tree:
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf_hash(leaf))
    return tree
