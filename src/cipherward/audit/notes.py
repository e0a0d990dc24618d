"""Signed notes (c2sp.org/signed-note) that are checkpoints (c2sp.org/tlog-checkpoint), and witnesses' cosignatures on them
(c2sp.org/tlog-cosignature, Ed25519).

A key signs what it signs elsewhere as a digest of 32 bytes; a note is always longer, so no signature serves two purposes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from cipherward.crypto import signatures
from cipherward.crypto.identity import Identity
from cipherward.crypto.merkle import HASH_BYTES
from cipherward.errors import AuditError

LOG, WITNESS = 1, 4
"""Signature types: Ed25519 over the note; Ed25519 with a time, over a cosigned checkpoint."""
MAX_BYTES = 1 << 16
_MAX_SIZE = 1 << 63
_DASH = "— "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_ID_BYTES, _TIME_BYTES = 4, 8


@dataclass(frozen=True)
class Key:
    """Whose signature is believed: name (no spaces, no plus), Ed25519 public key (32 bytes), and LOG or WITNESS."""

    name: str
    public: bytes
    kind: int = LOG

    @property
    def id(self) -> bytes:
        return hashlib.sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.public).digest()[:_ID_BYTES]

    @property
    def words(self) -> str:
        """The verifier key, as other tools read it."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log: which log, how many entries, the root of their tree (32 bytes)."""

    origin: str
    size: int
    root: bytes

    @property
    def body(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True)
class SignedCheckpoint:
    """A checkpoint with signature lines, which are not checked yet."""

    checkpoint: Checkpoint
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return self.checkpoint.body + "\n" + "".join(f"{line}\n" for line in self.lines)

    def with_line(self, line: str) -> SignedCheckpoint:
        """With one more signature, unless it is there."""
        return self if line in self.lines else SignedCheckpoint(self.checkpoint, (*self.lines, line))

    def signed_by(self, key: Key) -> int | None:
        """When this key signed (Unix seconds; 0 for the log's own), None where it did not.

        Raises:
            AuditError: a signature in its name is not its.
        """
        found = None
        for line in self.lines:
            name, _, data = line.removeprefix(_DASH).rpartition(" ")
            blob = _base64(data)
            if name == key.name and blob[:_ID_BYTES] == key.id:
                found = _check(key, blob[_ID_BYTES:], self.checkpoint.body)
        return found

    def signers(self, keys: Mapping[int, Key]) -> dict[int, int]:
        """Which of these keys signed, and when. Raises: as `signed_by`."""
        return {index: at for index, key in keys.items() if (at := self.signed_by(key)) is not None}


def sign(identity: Identity, checkpoint: Checkpoint) -> SignedCheckpoint:
    """The log's own signature, under the origin's name."""
    key = Key(checkpoint.origin, identity.public_key)
    signature = identity.sign_note(checkpoint.body.encode())
    return SignedCheckpoint(checkpoint, (_line(key, signature),))


def cosign(identity: Identity, name: str, checkpoint: Checkpoint, now: int) -> str:
    """The signature line of a witness: that at `now` (Unix seconds) this is the newest head that it has seen of the log."""
    signature = identity.sign_note(_cosigned(checkpoint.body, now))
    return _line(Key(name, identity.public_key, WITNESS), now.to_bytes(_TIME_BYTES, "big") + signature)


def parse(text: str) -> SignedCheckpoint:
    """Read a signed checkpoint; no signature is checked.

    Raises:
        AuditError: not one.
    """
    body, gap, signatures = text.rpartition("\n\n")
    lines = body.split("\n")
    is_text = len(text) <= MAX_BYTES and not _CONTROL.search(text)
    if not is_text or not gap or len(lines) < 3 or not all(lines) or not signatures.endswith("\n"):
        raise AuditError("not a signed checkpoint")
    signed = tuple(signatures[:-1].split("\n"))
    root = _base64(lines[2])
    if not all(line.startswith(_DASH) for line in signed) or len(root) != HASH_BYTES or len(lines) != 3:
        raise AuditError("not a signed checkpoint without extensions")
    return SignedCheckpoint(Checkpoint(lines[0], number(lines[1]), root), signed)


def number(text: str) -> int:
    """A size as checkpoints write it. Raises AuditError."""
    if not (text.isascii() and text.isdecimal()) or (text[0] == "0" and text != "0") or len(text) > 19:
        raise AuditError("not the size of a log")
    found = int(text)
    if found >= _MAX_SIZE:
        raise AuditError("not the size of a log")
    return found


def hashes(lines: list[str]) -> list[bytes]:
    """The hashes of a proof, one a line in base64. Raises AuditError."""
    found = [_base64(line) for line in lines]
    if any(len(each) != HASH_BYTES for each in found) or len(found) > 63:
        raise AuditError("not the hashes of a proof")
    return found


def hash_lines(proof: list[bytes]) -> str:
    """A proof's hashes as `hashes` reads them."""
    return "".join(f"{base64.b64encode(each).decode()}\n" for each in proof)


def _line(key: Key, signature: bytes) -> str:
    return f"{_DASH}{key.name} {base64.b64encode(key.id + signature).decode()}"


def _cosigned(body: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{body}".encode()


@lru_cache(256)
def _check(key: Key, signature: bytes, body: str) -> int:
    at, covered = 0, body.encode()
    if key.kind == WITNESS:
        at = int.from_bytes(signature[:_TIME_BYTES], "big")
        signature, covered = signature[_TIME_BYTES:], _cosigned(body, at)
    forged = AuditError(f"the signature of {key.name} on the checkpoint is not its own")
    if at >= _MAX_SIZE:
        raise forged
    try:
        signatures.check(key.public, signature, covered)
    except signatures.BadSignatureError:
        raise forged from None
    return at


def _base64(text: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise AuditError("a checkpoint with something that is not base64") from None
    if base64.b64encode(found).decode() != text:
        raise AuditError("a checkpoint with base64 in another form than the only one")
    return found
