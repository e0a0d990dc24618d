"""Tagged SHA-256: every digest names its purpose, and parts cannot run into each other."""

from __future__ import annotations

import hashlib

DIGEST_BYTES = 32
_PREFIX = b"cipherward/v1/"


def digest(label: str, *parts: bytes | memoryview) -> bytes:
    """SHA-256 over the label and the length-prefixed parts; 32 bytes."""
    state = hashlib.sha256(_PREFIX + label.encode() + b"\x00")
    for part in parts:
        state.update(memoryview(part).nbytes.to_bytes(8, "big"))
        state.update(part)
    return state.digest()
