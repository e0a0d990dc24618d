"""Tagged SHA-256: every digest names its purpose, and parts cannot run into each other."""

from __future__ import annotations

import hashlib
from functools import lru_cache

DIGEST_BYTES = 32
_PREFIX = b"cipherward/v1/"
_SMALL = 1 << 16
_LENGTHS = [length.to_bytes(8, "big") for length in range(256)]


def digest(label: str, *parts: bytes | memoryview) -> bytes:
    """SHA-256 over the label and the length-prefixed parts; 32 bytes."""
    begun = _begun(label)
    pieces: list[bytes | memoryview] = [begun]
    size = len(begun)
    for part in parts:
        n_bytes = len(part) if type(part) is bytes else memoryview(part).nbytes
        pieces += (_LENGTHS[n_bytes] if n_bytes < len(_LENGTHS) else n_bytes.to_bytes(8, "big"), part)
        size += n_bytes
    if size <= _SMALL:  # one call for all of it
        return hashlib.sha256(b"".join(pieces)).digest()
    state = hashlib.sha256()
    for piece in pieces:
        state.update(piece)
    return state.digest()


@lru_cache(256)
def _begun(label: str) -> bytes:
    return _PREFIX + label.encode() + b"\x00"
