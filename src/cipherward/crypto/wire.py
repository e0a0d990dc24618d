"""Messages as bytes: the deterministic CBOR subset of RFC 8949 section 4.2, driven by dataclasses.

A message is a frozen dataclass; on the wire it is a CBOR array of its fields in order. Fields are unsigned integers
below 2^63, byte strings, text, tuples of one type, or other such dataclasses. Decoding follows the declared types, so
nothing is allocated from a length field that the data does not back, there are no tags, floats or maps to abuse, and
only the shortest form of every head is accepted: accepted bytes re-encode to themselves.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from typing import Any, TypeVar

from cipherward.errors import WireError

T = TypeVar("T")

_LARGE = 1 << 16

_UINT, _BYTES, _TEXT, _ARRAY = 0, 2, 3, 4


def encode(message: Any) -> bytes:
    """Canonical bytes of a message dataclass.

    Raises:
        TypeError: a field holds something the format has no place for (a mistake of the caller).
    """
    out = bytearray()
    _write(out, message)
    return bytes(out)


def decode(kind: type[T], data: bytes | memoryview, *, copies: bool = True) -> T:
    """The message of type `kind` that `data` is the canonical encoding of.

    Args:
        copies: False leaves byte strings of 64 KiB and more where they are: they are views into `data`.

    Raises:
        WireError: truncated, trailing bytes, wrong type, wrong number of fields, or not canonical.
    """
    reader = _Reader(memoryview(data), copies)
    message = reader.value(kind)
    if reader.position != len(reader.data):
        raise WireError(f"{kind.__name__}: {len(reader.data) - reader.position} byte(s) after the end of the message")
    return typing.cast(T, message)


def _head(major: int, value: int) -> bytes:
    if value < 24:
        return bytes([major << 5 | value])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << (8 * size):
            return bytes([major << 5 | code]) + value.to_bytes(size, "big")
    raise TypeError("integer does not fit in 64 bits")


def _write(out: bytearray, value: Any) -> None:
    if isinstance(value, bool):
        raise TypeError("booleans have no place on the wire")
    if isinstance(value, int):
        if not 0 <= value < 1 << 63:
            raise TypeError("integers on the wire lie in [0, 2^63)")
        out += _head(_UINT, value)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        out += _head(_BYTES, len(value))
        out += value
    elif isinstance(value, str):
        text = value.encode()
        out += _head(_TEXT, len(text))
        out += text
    elif isinstance(value, tuple):
        out += _head(_ARRAY, len(value))
        for item in value:
            _write(out, item)
    elif dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        out += _head(_ARRAY, len(fields))
        for field in fields:
            _write(out, getattr(value, field.name))
    else:
        raise TypeError(f"{type(value).__name__} has no place on the wire")


@functools.cache
def _fields(kind: type) -> tuple[tuple[str, Any], ...]:
    hints = typing.get_type_hints(kind)
    return tuple((field.name, hints[field.name]) for field in dataclasses.fields(kind))


class _Reader:
    def __init__(self, data: memoryview, copies: bool) -> None:
        self.data = data
        self.copies = copies
        self.position = 0

    def take(self, size: int) -> memoryview:
        end = self.position + size
        if end > len(self.data):
            raise WireError(f"message ends {end - len(self.data)} byte(s) early")
        part = self.data[self.position : end]
        self.position = end
        return part

    def head(self, major: int) -> int:
        first = self.take(1)[0]
        if first >> 5 != major:
            raise WireError(f"expected CBOR type {major}, found {first >> 5} at byte {self.position - 1}")
        code = first & 31
        if code < 24:
            return code
        if code > 27:
            raise WireError(f"unsupported CBOR head at byte {self.position - 1}")
        size = 1 << (code - 24)
        value = int.from_bytes(self.take(size), "big")
        if value < (24 if size == 1 else 1 << (4 * size)):
            raise WireError("not the shortest form of a number")
        if value >= 1 << 63:
            raise WireError("number too large")
        return value

    def value(self, kind: Any) -> Any:
        if kind is int:
            return self.head(_UINT)
        if kind is bytes:
            part = self.take(self.head(_BYTES))
            return bytes(part) if self.copies or len(part) < _LARGE else part
        if kind is str:
            try:
                return str(self.take(self.head(_TEXT)), "utf-8")
            except UnicodeDecodeError:
                raise WireError("text is not UTF-8") from None
        if typing.get_origin(kind) is tuple:
            item = typing.get_args(kind)[0]
            count = self.head(_ARRAY)
            if count > len(self.data) - self.position:
                raise WireError("array longer than the message")
            return tuple(self.value(item) for _ in range(count))
        fields = _fields(kind)
        if self.head(_ARRAY) != len(fields):
            raise WireError(f"{kind.__name__}: wrong number of fields")
        return kind(**{name: self.value(hint) for name, hint in fields})
