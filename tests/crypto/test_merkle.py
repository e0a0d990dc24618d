"""The tree against published vectors, and against the definition of RFC 6962, 2.1, written down once more."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cipherward.crypto.merkle import EMPTY_ROOT, Range, Tree, check_consistency, check_inclusion, leaf_hash, root_over
from cipherward.errors import AuditError

# github.com/transparency-dev/merkle (Apache-2.0), testdata: proofs that hold, and every third of those that do not.
VECTORS = [json.loads(line) for line in Path(__file__).with_name("rfc6962-vectors.jsonl").read_text().splitlines()]
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def tree_of(leaves: list[bytes]) -> Tree:
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf_hash(leaf))
    return tree


def by_definition(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + by_definition(leaves[:k]) + by_definition(leaves[k:])).digest()


def test_the_roots_are_those_of_the_published_tree() -> None:
    tree, ranged = tree_of([bytes.fromhex(leaf) for leaf in LEAVES]), Range()
    for size, root in enumerate(ROOTS):
        assert tree.root(size).hex() == root == ranged.root.hex()
        if size < len(LEAVES):
            ranged.append(leaf_hash(bytes.fromhex(LEAVES[size])))


def binary(text: str | None) -> bytes:
    return base64.b64decode(text or "")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["file"])
def test_published_proofs_are_accepted_and_refused_as_published(vector: dict[str, Any]) -> None:
    proof = [binary(each) for each in vector["proof"] or ()]

    def check() -> None:
        if vector["kind"] == "inclusion":
            leaf, root = binary(vector["leafHash"]), binary(vector["root"])
            check_inclusion(leaf, vector["leafIdx"], vector["treeSize"], proof, root)
        else:
            roots = binary(vector["root1"]), binary(vector["root2"])
            check_consistency(vector["size1"], vector["size2"], *roots, proof)

    if vector["wantErr"]:
        with pytest.raises(AuditError):
            check()
    else:
        check()


@given(st.integers(0, 70), st.data())
def test_every_proof_that_a_tree_gives_holds_and_for_nothing_else(size: int, data: st.DataObject) -> None:
    leaves = [bytes([number]) for number in range(size)]
    tree = tree_of(leaves)
    assert tree.root() == by_definition(leaves) == root_over([leaf_hash(leaf) for leaf in leaves])
    old = data.draw(st.integers(0, size))
    proof = tree.consistency(old, size)
    if old:
        check_consistency(old, size, tree.root(old), tree.root(), proof)
    if 0 < old < size:
        with pytest.raises(AuditError):
            check_consistency(old, size, EMPTY_ROOT, tree.root(), proof)
        with pytest.raises(AuditError):
            check_consistency(old, size, tree.root(old), tree.root(), proof[:-1])
    if old < size:
        found = tree.inclusion(old, size)
        check_inclusion(tree.leaf(old), old, size, found, tree.root())
        with pytest.raises(AuditError):
            check_inclusion(leaf_hash(b"another"), old, size, found, tree.root())
        if size > 1:
            with pytest.raises(AuditError):
                check_inclusion(tree.leaf(old), (old + 1) % size, size, found, tree.root())
