"""Boosted trees as plain arrays over binned columns: the inputs of a model that adds one value for each tree.

A row ends in one leaf of every tree. `Forest.transform` gives the places of these leaves, so that the rest of a model is a
table of values, one for each leaf, and a bias.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.compiled import In1, In2, Out2, kernel
from cipherward.data.coding import Coding
from cipherward.errors import DataError
from cipherward.study import Column

I32 = NDArray[np.int32]
U16 = NDArray[np.uint16]

_LARGEST = 1 << 24
"""A place of a leaf is a whole number that float32 holds."""


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees over the bins of `coding`, all nodes in one list, each after its parent.

    Args:
        roots: int32[n_trees], the first node of each tree, ascending.
        feature: int32[n_nodes], which of `coding.binned` a node asks about; -1: it is a leaf.
        left, right: int32[n_nodes], its children; -1 at a leaf.
        goes_left: bool[n_nodes, width], by the row's bin; false at a leaf. width: bins of the column that has most.
        leaf: int32[n_nodes], the leaf's place among all leaves, in the order of nodes; -1 at others.
    """

    coding: Coding
    roots: I32 = field(repr=False)
    feature: I32 = field(repr=False)
    left: I32 = field(repr=False)
    right: I32 = field(repr=False)
    goes_left: NDArray[np.bool_] = field(repr=False)
    leaf: I32 = field(repr=False)

    @classmethod
    def empty(cls, coding: Coding) -> Forest:
        """Without trees."""
        none = np.zeros(0, np.int32)
        return cls(coding, none, none, none, none, np.zeros((0, width_of(coding)), np.bool_), none)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Forest):
            return NotImplemented
        return self.coding == other.coding and all(
            np.array_equal(one, two) for one, two in zip(self.arrays, other.arrays, strict=True)
        )

    def __hash__(self) -> int:
        return hash((self.coding, self.n_trees, len(self.feature)))

    @property
    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """All of it but the coding."""
        return self.roots, self.feature, self.left, self.right, self.goes_left

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.coding.columns

    @property
    def n_rows(self) -> int:
        return self.coding.n_rows

    @property
    def n_trees(self) -> int:
        return len(self.roots)

    @property
    def n_features(self) -> int:
        """Leaves of all trees."""
        return int((self.feature < 0).sum())

    def grown(self, roots: I32, feature: I32, left: I32, right: I32, goes_left: NDArray[np.bool_]) -> Forest:
        """With more trees, whose nodes count from 0."""
        offset, leaves = len(self.feature), self.n_features
        is_leaf = feature < 0
        leaf = np.where(is_leaf, np.cumsum(is_leaf) - 1 + leaves, -1).astype(np.int32)
        moved = [np.where(child < 0, -1, child + offset).astype(np.int32) for child in (left, right)]
        return Forest(
            self.coding,
            np.concatenate([self.roots, (roots + offset).astype(np.int32)]),
            np.concatenate([self.feature, feature]),
            np.concatenate([self.left, moved[0]]),
            np.concatenate([self.right, moved[1]]),
            np.concatenate([self.goes_left, goes_left]),
            np.concatenate([self.leaf, leaf]),
        )

    def places(self, bins: U16, first: int = 0) -> I32:
        """The leaf that each row ends in, int32[n_rows, n_trees - first], for the trees from `first` on.

        Args:
            bins: uint16[n_rows, n_binned], as `bins_of_rows` gives them.
        """
        found = np.empty((len(bins), self.n_trees - first), np.int32)
        _leaves(bins, self.roots[first:], self.feature, self.left, self.right, self.goes_left, self.leaf, found)
        return found

    def transform(self, table: pl.DataFrame) -> NDArray[np.float32]:
        """float32[n_rows, n_trees]: for each tree the place of the row's leaf among all leaves, a whole number below 2^24."""
        return self.places(bins_of_rows(self.coding, table)).astype(np.float32)

    def to_json(self) -> str:
        """JSON text; `from_json` gives the same forest back."""
        document = {
            "coding": self.coding.to_json(),
            "roots": self.roots.tolist(),
            "feature": self.feature.tolist(),
            "left": self.left.tolist(),
            "right": self.right.tolist(),
            "goes_left": [
                np.packbits(row, bitorder="little").tobytes().hex() if own >= 0 else ""
                for row, own in zip(self.goes_left, self.feature.tolist(), strict=True)
            ],
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Forest:
        """The inverse of `to_json`.

        Raises:
            DataError: not such a document, or nodes that are no trees.
        """
        try:
            document: dict[str, Any] = json.loads(text)
            coding = Coding.from_json(document.pop("coding"))
            roots, feature, left, right = (
                np.array([int(each) for each in document.pop(name)], np.int32)
                for name in ("roots", "feature", "left", "right")
            )
            masks, width = document.pop("goes_left"), width_of(coding)
            goes_left = np.zeros((len(feature), width), np.bool_)
            for node, mask in enumerate(masks):
                if mask:
                    bits = np.unpackbits(np.frombuffer(bytes.fromhex(mask), np.uint8), bitorder="little")
                    goes_left[node] = bits[:width]
                    if bits[width:].any():
                        raise ValueError("more bins than a column has")
            if document or len(masks) != len(feature):
                raise ValueError("other parts than a forest has")
            _check(coding, roots, feature, left, right, goes_left)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, DataError):
            raise DataError("not a document of trees", hint="use the file that the run wrote, unchanged") from None
        return cls.empty(coding).grown(roots, feature, left, right, goes_left)


def width_of(coding: Coding) -> int:
    """Bins of the column that has most."""
    return max(each.size for each in coding.binned)


def bins_of_rows(coding: Coding, table: pl.DataFrame) -> U16:
    """uint16[n_rows, n_binned]: each row's bin of each column, counted from 0 in every column."""
    places = coding.transform(table)[:, : len(coding.binned)]
    return np.ascontiguousarray(places - np.array(coding.starts[: len(coding.binned)], np.float32)).astype(np.uint16)


def _check(coding: Coding, roots: I32, feature: I32, left: I32, right: I32, goes_left: NDArray[np.bool_]) -> None:
    """Raise ValueError unless every node but the roots is the child of one earlier node of the same tree."""
    n = len(feature)
    if not (len(left) == len(right) == n < _LARGEST) or (n > 0) != (len(roots) > 0):
        raise ValueError("lists of different lengths")
    if len(roots) and (roots[0] != 0 or (np.diff(roots) <= 0).any() or roots[-1] >= n):
        raise ValueError("roots out of order")
    inner = np.flatnonzero(feature >= 0)
    ends = feature < 0
    if (feature < -1).any() or (feature >= len(coding.binned)).any():
        raise ValueError("a column that is not there")
    if (left[ends] != -1).any() or (right[ends] != -1).any() or goes_left[ends].any():
        raise ValueError("a leaf with children")
    children = np.concatenate([left[inner], right[inner]])
    tree = np.searchsorted(roots, np.arange(n), side="right")
    if (children < 0).any() or (children >= n).any() or (children <= np.concatenate([inner, inner])).any():
        raise ValueError("a child before its parent")
    if (tree[children] != np.concatenate([tree[inner], tree[inner]])).any():
        raise ValueError("a child in another tree")
    if not np.array_equal(np.sort(np.concatenate([children, roots])), np.arange(n)):
        raise ValueError("a node that has not one parent")


@kernel
def _leaves(
    bins: In2[np.uint16],
    roots: In1[np.int32],
    feature: In1[np.int32],
    left: In1[np.int32],
    right: In1[np.int32],
    goes_left: In2[np.bool_],
    leaf: In1[np.int32],
    found: Out2[np.int32],
) -> None:
    for row in range(bins.shape[0]):
        for tree in range(roots.size):
            node = roots[tree]
            while feature[node] >= 0:
                node = left[node] if goes_left[node, bins[row, feature[node]]] else right[node]
            found[row, tree] = leaf[node]
