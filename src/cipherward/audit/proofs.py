"""Proofs as files that need nothing else but the log's key and its witnesses' (c2sp.org/tlog-proof, version 1).

That one log is the beginning of another is proved in the form in which a witness is asked (c2sp.org/tlog-witness).
"""

from __future__ import annotations

from collections.abc import Mapping

from cipherward.audit import notes
from cipherward.audit.notes import Checkpoint, Key, SignedCheckpoint
from cipherward.crypto.merkle import Tree, check_consistency, check_inclusion, leaf_hash
from cipherward.errors import AuditError

_FIRST = "c2sp.org/tlog-proof@v1"


def inclusion(tree: Tree, index: int, head: SignedCheckpoint) -> str:
    """That entry `index` is in the log with this head; at most 64 hashes and the head.

    Raises:
        AuditError: the head is of another log, or of an earlier one.
    """
    size = head.checkpoint.size
    if not index < size <= tree.size or tree.root(size) != head.checkpoint.root:
        raise AuditError(f"no signed head of this log has entry {index}")
    return f"{_FIRST}\nindex {index}\n{notes.hash_lines(tree.inclusion(index, size))}\n{head.text}"


def consistency(tree: Tree, old: int, head: SignedCheckpoint) -> str:
    """That the log with this head begins with the first `old` entries. Raises: as `inclusion`."""
    size = head.checkpoint.size
    if not old <= size <= tree.size or tree.root(size) != head.checkpoint.root:
        raise AuditError(f"no signed head of this log has {old} entries")
    return f"old {old}\n{notes.hash_lines(tree.consistency(old, size))}\n{head.text}"


def check(proof: str, entry: bytes, author: Key, witnesses: Mapping[int, Key]) -> tuple[Checkpoint, dict[int, int]]:
    """Check that an entry (its line) is in the log whose head is in the proof. Returns the head, and which witnesses
    cosigned it and when (Unix seconds).

    Raises:
        AuditError: it does not prove that.
    """
    beginning, lines, head = _parts(proof, author)
    version, gap, index = beginning.partition("\nindex ")
    if not gap or version.split("\nextra ")[0] != _FIRST:
        raise AuditError(f"not a proof as {_FIRST}")
    found = head.checkpoint
    check_inclusion(leaf_hash(entry), notes.number(index), found.size, notes.hashes(lines), found.root)
    return found, head.signers(witnesses)


def check_extension(proof: str, old: Checkpoint, author: Key) -> Checkpoint:
    """Check that the log with an older head is the beginning of the one with the head in the proof, which is returned.

    Raises:
        AuditError: it does not prove that.
    """
    beginning, lines, head = _parts(proof, author)
    found = head.checkpoint
    if beginning != f"old {old.size}":
        raise AuditError(f"not a proof for a log of {old.size} entries")
    check_consistency(old.size, found.size, old.root, found.root, notes.hashes(lines))
    return found


def _parts(proof: str, author: Key) -> tuple[str, list[str], SignedCheckpoint]:
    """What stands before the hashes, the hashes, and the head, which the author has signed."""
    before, gap, text = proof.partition(f"\n\n{author.name}\n")
    if not gap:
        raise AuditError(f"no head of the log {author.name}")
    head = notes.parse(f"{author.name}\n{text}")
    if head.signed_by(author) is None:
        raise AuditError(f"a head that {author.name} has not signed")
    lines = before.split("\n")
    first = next((at for at, line in enumerate(lines) if line.startswith(("index ", "old "))), len(lines) - 1)
    return "\n".join(lines[: first + 1]), lines[first + 1 :], head
