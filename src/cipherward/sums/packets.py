"""A packet is what an engine carries: one byte that names wire version and message kind, then the message's bytes."""

from __future__ import annotations

from cipherward.errors import WireError

WIRE_VERSION = 6
"""Goes up whenever a message of a sum, or what it means, changes; no party reads another version than its own.

1: sealed shares came without a commitment. 2: with one, which the digests in the header cover.
3: a sum that does not open is attributed by a challenge; a header says how its register stands in the sum.
4: messages name the last opening. 5: a header holds its digests of shares in one piece; contributors attest fingerprints of silent ones.
6: commitments are roots over slices of a share; answers to a challenge sign digests of tables, and evidence is of single slices.
"""

KINDS = (
    "Announce", "Behind", "Join", "Joined", "Update", "ConsentRequest", "Vote", "Complaint",
    "VoidRequest", "Certificate", "Release", "Opening", "Receipt", "Notice", "Declined",
    "Challenge", "Answered", "ShowRequest", "Shown", "Attested",
)  # fmt: skip
_PER_VERSION = 32
_CODES = {_PER_VERSION * (WIRE_VERSION - 1) + number: kind for number, kind in enumerate(KINDS, start=1)}
_CODE = {kind: bytes([code]) for code, kind in _CODES.items()}


def pack(kind: str, data: bytes) -> bytes:
    """The packet that carries `data` as a message of `kind`."""
    return _CODE[kind] + data


def unpack(packet: bytes | memoryview) -> tuple[str, bytes]:
    """Kind and bytes of a packet.

    Raises:
        WireError: empty, of a kind that does not exist, or of another wire version, which it names.
    """
    kind, data = view(packet)
    return kind, bytes(data)


def view(packet: bytes | memoryview) -> tuple[str, memoryview]:
    """As `unpack`, but the bytes stay where they are: for packets that may be large.

    Raises:
        WireError: as `unpack`.
    """
    if not packet or not packet[0] % _PER_VERSION:
        raise WireError("a packet of no known kind")
    version = packet[0] // _PER_VERSION + 1
    if version != WIRE_VERSION:
        raise WireError(
            f"a packet of wire version {version}, and this side speaks version {WIRE_VERSION}: "
            "coordinator and hospitals need the same release of cipherward"
        )
    if packet[0] not in _CODES:
        raise WireError("a packet of no known kind")
    return _CODES[packet[0]], memoryview(packet)[1:]
