"""Malformed inputs from valid ones: flips, cuts, insertions, forged lengths, splices, swapped types, noise.

Seeded and cheap, a few microseconds each: quantity finds what a person would not write down.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

SIZES = (
    0,
    1,
    23,
    24,
    255,
    256,
    2**15,
    2**16 - 1,
    2**16,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**32,
    2**63 - 1,
    2**63,
    2**64 - 1,
)
TEXT_TOKENS = (
    b"[" * 5000, b'{"a":' * 2000, b"[", b"]", b"{", b"}", b'"', b"'", b'"""', b"\\", b"\\u0000", b"\\ud800", b"\x00", b"\xff",
    b"null", b"true", b"nan", b"inf", b"-inf", b"NaN", b"Infinity", b"1e999", b"-1", b"0", b"9" * 5000, b"1" * 400,
    b"1.5", b"1e308", b"0x", b"1979-05-27T07:32:00Z", b"=", b"\n", b"#", b",", b":", b".", b"[]", b"{}", b'""', b"a.b.c",
)  # fmt: skip

Mutation = Callable[[bytes, Random, Sequence[bytes]], bytes]


def place(data: bytes | bytearray, rng: Random) -> int:
    """Anywhere, but half the time near the start, where the structure is."""
    return rng.randrange(min(len(data), 64) if rng.random() < 0.5 else len(data)) if data else 0


def flip(data: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        changed[place(changed, rng)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def set_byte(data: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    at = place(data, rng)
    return (
        data[:at]
        + bytes([rng.choice((0, 1, 0x17, 0x18, 0x1B, 0x1F, 0x3B, 0x5F, 0x7F, 0x80, 0x9F, 0xFF))])
        + data[at + 1 :]
    )


def cut(data: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    return data[: place(data, rng)]


def insert(data: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    at = place(data, rng)
    return data[:at] + rng.randbytes(rng.choice((1, 1, 2, 4, 8, 100))) + data[at:]


def remove(data: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    at = place(data, rng)
    return data[:at] + data[at + rng.choice((1, 1, 2, 4, 8, 100)) :]


def repeat(data: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    at, size = place(data, rng), rng.choice((1, 2, 8, 64, 1000))
    return data[:at] + data[at : at + size] * rng.choice((2, 2, 3, 50)) + data[at + size :]


def append(data: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    return data + rng.choice((b"\0", data, rng.randbytes(rng.randint(1, 40))))


def forge_head(data: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    """A CBOR head of any type with any length, of any width, in place of what is there or before it."""
    at, value, major = place(data, rng), rng.choice(SIZES), rng.randrange(8)
    code, size = rng.choice([(c, s) for c, s in ((24, 1), (25, 2), (26, 4), (27, 8)) if value < 1 << 8 * s])
    head = bytes([major << 5 | code]) + value.to_bytes(size, "big")
    if rng.random() < 0.3:
        head = bytes([major << 5 | rng.randrange(32)])
    return data[:at] + head + data[at + rng.choice((0, 1, 1, 2, 3, 5, 9)) :]


def forge_number(data: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    """A fixed-width number at any place, either way round, with a value at which things break."""
    size, at = rng.choice((2, 4, 8)), place(data, rng)
    value = min(rng.choice((*SIZES, len(data), len(data) + 1, max(len(data) - 8, 0))), (1 << 8 * size) - 1)
    return data[:at] + value.to_bytes(size, rng.choice(("big", "little"))) + data[at + size :]


def splice(data: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    """The start of one valid input and the end of another, or one inside the other."""
    other = rng.choice(others)
    at, start = place(data, rng), place(other, rng)
    if rng.random() < 0.5:
        return data[:at] + other[start:]
    return data[:at] + other[start : start + rng.choice((1, 8, 64, 1000))] + data[at + rng.choice((0, 1, 8, 64)) :]


def another(data: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    """Something valid, but elsewhere."""
    return others[rng.randrange(len(others))]


def noise(data: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    return rng.randbytes(rng.choice((0, 1, 2, 3, 8, 16, 33, 100, len(data) % 5000)))


def text_token(data: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    at = place(data, rng)
    return data[:at] + rng.choice(TEXT_TOKENS) + data[at + rng.choice((0, 0, 1, 2, 10)) :]


def text_value(data: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    """Another value where one stands: after '=' or ':'."""
    marks = [i for i, byte in enumerate(data) if byte in b"=:"]
    if not marks:
        return text_token(data, rng, others)
    at = rng.choice(marks) + 1
    end = min((data.find(stop, at) for stop in (b"\n", b",", b"}") if data.find(stop, at) >= 0), default=len(data))
    return data[:at] + rng.choice(TEXT_TOKENS) + data[end:]


BINARY: tuple[Mutation, ...] = (
    flip, flip, set_byte, cut, insert, remove, repeat, append, forge_head, forge_head, forge_number, splice, another, noise,
)  # fmt: skip
TEXT: tuple[Mutation, ...] = (
    flip,
    cut,
    insert,
    remove,
    repeat,
    append,
    splice,
    noise,
    text_token,
    text_value,
    text_value,
)


def at_the_edges(mutation: Mutation, head: int, tail: int) -> Mutation:
    """Mostly in the first or last bytes, for inputs whose middle is noise that is costly to refuse."""

    def edged(data: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
        where = rng.random()
        if where < 0.6:
            return mutation(data[:head], rng, [other[:head] for other in others]) + data[head:]
        if where < 0.95:
            return data[:-tail] + mutation(data[-tail:], rng, [other[-tail:] for other in others])
        return mutation(data, rng, others)

    return edged


class Mutator:
    """Calls give malformed inputs, one after the other, for ever; the same ones for the same seed."""

    def __init__(
        self, seed: object, valid: Sequence[bytes], others: Sequence[bytes], mutations: Sequence[Mutation]
    ) -> None:
        self._rng = Random(repr(seed))
        self._valid, self._others, self._mutations = valid, others or valid, mutations

    def __call__(self) -> bytes:
        rng = self._rng
        data = rng.choice(self._valid)
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3))):
            data = rng.choice(self._mutations)(data, rng, self._others)
        return data
