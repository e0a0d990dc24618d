"""The Merkle tree of RFC 6962, section 2.1: SHA-256, leaves and nodes hashed apart, inclusion and consistency proofs.

`Tree` keeps every hash and gives proofs; `Range` keeps log2(n) of them and gives the root only, for reading a log of any length.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from cipherward.errors import AuditError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Hash = Callable[[int, int], bytes]
"""The Merkle tree hash of the leaves from `start` to before `end`."""


def leaf_hash(leaf: bytes) -> bytes:
    """RFC 6962: SHA-256(0x00 || leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_over(hashes: Sequence[bytes]) -> bytes:
    """The root of a tree with these leaf hashes, as `Tree.root` gives it, where nothing else of the tree is wanted."""
    level = hashes
    while len(level) > 1:
        above = [node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=False)]
        level = [*above, level[-1]] if len(level) & 1 else above
    return level[0] if level else EMPTY_ROOT


class Range:
    """The hashes of the largest whole subtrees over all leaves so far, largest first: enough to go on, and for the root."""

    def __init__(self) -> None:
        self.size = 0
        self._hashes: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Add the hash of a leaf."""
        found, size = leaf, self.size
        while size & 1:
            found = node_hash(self._hashes.pop(), found)
            size >>= 1
        self._hashes.append(found)
        self.size += 1

    @property
    def root(self) -> bytes:
        if not self._hashes:
            return EMPTY_ROOT
        found = self._hashes[-1]
        for left in reversed(self._hashes[:-1]):
            found = node_hash(left, found)
        return found


class Tree:
    """All whole subtrees, 64 bytes for each leaf."""

    def __init__(self) -> None:
        self._levels: list[bytearray] = [bytearray()]

    @property
    def size(self) -> int:
        return len(self._levels[0]) // HASH_BYTES

    def append(self, leaf: bytes) -> None:
        """Add the hash of a leaf."""
        self._levels[0] += leaf
        level, count = 0, self.size
        while not count & 1:
            if level + 1 == len(self._levels):
                self._levels.append(bytearray())
            pair = self._levels[level][-2 * HASH_BYTES :]
            self._levels[level + 1] += node_hash(bytes(pair[:HASH_BYTES]), bytes(pair[HASH_BYTES:]))
            level, count = level + 1, count >> 1

    def leaf(self, index: int) -> bytes:
        """The hash of a leaf."""
        return self._stored(0, index)

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` leaves; over all without it."""
        size = self.size if size is None else size
        return self._hash(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """PATH(index, D[size]): that leaf `index` is in the tree of the first `size` leaves, from the leaf's sibling upwards.

        Raises:
            ValueError: there is no such leaf or tree.
        """
        if not 0 <= index < size <= self.size:
            raise ValueError(f"no leaf {index} in a tree of {size}")
        return _path(self._hash, index, 0, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """PROOF(old, D[new]): that the tree of `old` leaves is the beginning of the one of `new`; empty for 0.

        Raises:
            ValueError: there are no such trees.
        """
        if not 0 <= old <= new <= self.size:
            raise ValueError(f"no trees of {old} and {new} leaves")
        return _subproof(self._hash, old, 0, new, True) if old else []

    def _stored(self, level: int, number: int) -> bytes:
        at = number * HASH_BYTES
        return bytes(self._levels[level][at : at + HASH_BYTES])

    def _hash(self, start: int, end: int) -> bytes:
        size = end - start
        if size & (size - 1) == 0 and start % size == 0:
            level = size.bit_length() - 1
            return self._stored(level, start >> level)
        middle = start + _split(size)
        return node_hash(self._hash(start, middle), self._hash(middle, end))


def root_of(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root of the tree of `size` leaves of which the leaf with this hash is number `index`, by an inclusion proof.

    Raises:
        AuditError: there is no such leaf, or the proof has another length.
    """
    if not 0 <= index < size:
        raise AuditError(f"entry {index} is not in a log of {size} entries")
    found, at, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            raise AuditError("the inclusion proof is too long")
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while at and not at & 1:  # a last leaf without siblings on these levels
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise AuditError("the inclusion proof is too short")
    return found


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf with this hash is number `index` of the tree of `size` leaves with this root.

    Raises:
        AuditError: it is not, or the proof is not one.
    """
    if root_of(leaf, index, size, proof) != root:
        raise AuditError(f"entry {index} is not the one in the log of {size} entries")


def check_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the log of `new` entries begins with the one of `old` entries (RFC 9162, 2.1.4.2).

    Raises:
        AuditError: it does not, or the proof is not one.
    """
    if not 0 < old <= new:
        raise AuditError(f"nothing proves that a log of {new} entries begins with one of {old}")
    if old == new:
        if proof or old_root != new_root:
            raise AuditError(f"a log of {new} entries is not the one of {old} entries that was seen")
        return
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise AuditError("the consistency proof is too short")
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise AuditError("the consistency proof is too long")
        if at & 1 or at == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        at, last = at >> 1, last >> 1
    if last or first != old_root or second != new_root:
        raise AuditError(f"the log of {new} entries does not begin with the {old} entries that were seen")


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def _path(tree: Hash, index: int, start: int, end: int) -> list[bytes]:
    if end - start == 1:
        return []
    middle = start + _split(end - start)
    if index < middle:
        return [*_path(tree, index, start, middle), tree(middle, end)]
    return [*_path(tree, index, middle, end), tree(start, middle)]


def _subproof(tree: Hash, old: int, start: int, end: int, is_whole: bool) -> list[bytes]:
    """SUBPROOF(old, D[start:end], is_whole); `old` counts from 0 of the log."""
    if old == end:
        return [] if is_whole else [tree(start, end)]
    middle = start + _split(end - start)
    if old <= middle:
        return [*_subproof(tree, old, start, middle, is_whole), tree(middle, end)]
    return [*_subproof(tree, old, middle, end, False), tree(start, middle)]
