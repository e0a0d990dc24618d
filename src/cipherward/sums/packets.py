"""A packet is what an engine carries: one byte that names the message kind, then the message's bytes."""

from __future__ import annotations

from cipherward.errors import WireError

KINDS = (
    "Announce", "Behind", "Join", "Joined", "Update", "ConsentRequest", "Vote", "Complaint",
    "VoidRequest", "Certificate", "Release", "Opening", "Receipt", "Notice", "Declined",
)  # fmt: skip
_CODE = {kind: bytes([code]) for code, kind in enumerate(KINDS, start=1)}


def pack(kind: str, data: bytes) -> bytes:
    """The packet that carries `data` as a message of `kind`."""
    return _CODE[kind] + data


def unpack(packet: bytes | memoryview) -> tuple[str, bytes]:
    """Kind and bytes of a packet.

    Raises:
        WireError: empty, or of a kind that does not exist.
    """
    kind, data = view(packet)
    return kind, bytes(data)


def view(packet: bytes | memoryview) -> tuple[str, memoryview]:
    """As `unpack`, but the bytes stay where they are: for packets that may be large.

    Raises:
        WireError: empty, or of a kind that does not exist.
    """
    if not packet or not 1 <= packet[0] <= len(KINDS):
        raise WireError("a packet of no known kind")
    return KINDS[packet[0] - 1], memoryview(packet)[1:]
