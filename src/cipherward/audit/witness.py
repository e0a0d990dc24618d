"""A witness: it cosigns a head of somebody's log only if the log goes on from the head that it cosigned before.

What a witness answers to is a request as in c2sp.org/tlog-witness (add-checkpoint): `old N`, a consistency proof, a checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable

from cipherward.audit import notes
from cipherward.audit.notes import Checkpoint, Key
from cipherward.crypto.identity import Identity
from cipherward.crypto.merkle import EMPTY_ROOT, check_consistency
from cipherward.errors import AuditError

MEMORY = "witnessed"
"""The file with the newest head that a hospital has cosigned: in its folder of a simulation; in its home a folder, with one for each study."""


class ForkError(AuditError):
    """The author of a log has signed a head that does not go on from an earlier one; `request` shows it."""

    def __init__(self, message: str, request: str) -> None:
        super().__init__(
            message, hint="keep both heads: together they prove that the log was rewritten", culprit="author"
        )
        self.request = request


class Witness:
    """Of one log.

    Args:
        name: under which it signs.
        memory: the newest head that it cosigned, as `answer` gave it; empty if none.
        keep: told the next one, before it is said; what it raises passes.

    Raises:
        AuditError: the memory is not this witness's.
    """

    def __init__(
        self,
        identity: Identity,
        name: str,
        author: Key,
        memory: str = "",
        keep: Callable[[str], None] = lambda head: None,
    ) -> None:
        self._identity, self._name, self._author, self._keep = identity, name, author, keep
        self.known = Checkpoint(author.name, 0, EMPTY_ROOT)
        if memory:
            kept = notes.parse(memory)
            own = Key(name, identity.public_key, notes.WITNESS)
            if kept.checkpoint.origin != author.name or kept.signed_by(own) is None:
                raise AuditError("the head that was cosigned last is damaged", hint="restore it from a backup")
            self.known = kept.checkpoint

    def answer(self, request: str, now: int) -> str:
        """The checkpoint with this witness's cosignature; or the size it knows, where the request begins elsewhere.

        Args:
            now: Unix seconds.

        Raises:
            ForkError: the log was rewritten. AuditError: not a request about this log by its author.
        """
        first, gap, rest = request.partition("\n")
        proof, separator, text = rest.rpartition(f"\n{self._author.name}\n")
        if not gap or not separator or not first.startswith("old ") or (proof and not proof.endswith("\n")):
            raise AuditError("not a request to cosign a head of this log")
        old = notes.number(first.removeprefix("old "))
        signed = notes.parse(f"{self._author.name}\n{text}")
        head = signed.checkpoint
        if signed.signed_by(self._author) is None:
            raise AuditError(f"a head of the log that {self._author.name} has not signed")
        if old != self.known.size:
            return f"{self.known.size}\n"
        try:
            hashes = notes.hashes(proof.splitlines())
            if old:
                check_consistency(old, head.size, self.known.root, head.root, hashes)
            elif hashes:
                raise AuditError("the empty log is the beginning of every log, without proof")
        except AuditError as error:
            raise ForkError(error.message, request) from None
        line = notes.cosign(self._identity, self._name, head, now)
        answer = notes.SignedCheckpoint(head, (signed.lines[0], line)).text
        self._keep(answer)
        self.known = head
        return answer
