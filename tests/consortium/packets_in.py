"""What the letters of a consortium carry."""

from __future__ import annotations

from cipherward.consortium.service import letters
from cipherward.sums.packets import unpack


def packets_in(letter: bytes) -> tuple[bytes, ...]:
    """The packets of a letter, of whoever signed it; none where it carries something else."""
    signed, payload = letters._parts(letter)
    return tuple(map(bytes, letters._taken_apart(payload))) if signed.kind == "letter/Packets" else ()


def kinds_in(letter: bytes) -> tuple[str, ...]:
    """The kinds of the packets in a letter; of another letter its own."""
    kinds = tuple(unpack(packet)[0] for packet in packets_in(letter))
    return kinds or (letters._parts(letter)[0].kind.removeprefix("letter/"),)
