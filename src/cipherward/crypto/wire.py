"""Messages as bytes: the deterministic CBOR subset of RFC 8949 section 4.2, driven by dataclasses.

A message is a frozen dataclass; on the wire it is a CBOR array of its fields in order. Fields are unsigned integers
below 2^63, byte strings, text, tuples of one type, or other such dataclasses. Decoding follows the declared types, so
nothing is allocated from a length field that the data does not back, there are no tags, floats or maps to abuse, and
only the shortest form of every head is accepted: accepted bytes re-encode to themselves.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
import typing
from collections.abc import Callable
from typing import Any, TypeVar

from cipherward.crypto.hashing import DIGEST_BYTES
from cipherward.errors import WireError

T = TypeVar("T")

_LARGE = 1 << 16

_UINT, _BYTES, _TEXT, _ARRAY = 0, 2, 3, 4
_DIGEST_HEAD = bytes([_BYTES << 5 | 24, DIGEST_BYTES])


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
    source = bytes(data) if copies else memoryview(data)
    message, end = _reader(typing.cast(Any, kind))(source, 0)
    if end != len(source):
        raise WireError(f"{kind.__name__}: {len(source) - end} byte(s) after the end of the message")
    return typing.cast(T, message)


_SHORT = [bytes([head]) for head in range(256)]


def _head(major: int, value: int) -> bytes:
    if value < 24:
        return _SHORT[major << 5 | value]
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << (8 * size):
            return bytes([major << 5 | code]) + value.to_bytes(size, "big")
    raise TypeError("integer does not fit in 64 bits")


def _write(out: bytearray, value: Any) -> None:
    kind = type(value)
    if kind is tuple:
        out += _head(_ARRAY, len(value))
        _write_each(out, value)
    elif kind in _KNOWN:
        head, fields_of = _KNOWN[kind]
        out += head
        _write_each(out, fields_of(value))
    elif isinstance(value, (bytes, bytearray, memoryview)):
        out += _head(_BYTES, len(value))
        out += value
    elif isinstance(value, bool):
        raise TypeError("booleans have no place on the wire")
    elif isinstance(value, int):
        if not 0 <= value < 1 << 63:
            raise TypeError("integers on the wire lie in [0, 2^63)")
        out += _head(_UINT, value)
    elif isinstance(value, tuple):
        _write(out, tuple(value))
    elif isinstance(value, str):
        text = str.__str__(value).encode()
        out += _head(_TEXT, len(text))
        out += text
    else:
        _KNOWN[kind] = _known(kind)
        _write(out, value)


def _write_each(out: bytearray, values: tuple[Any, ...]) -> None:
    for value in values:
        kind = type(value)
        if kind is bytes:
            out += _DIGEST_HEAD if len(value) == DIGEST_BYTES else _head(_BYTES, len(value))
            out += value
        elif kind is int and 0 <= value < 24:
            out.append(value)
        elif kind is str and value.isascii() and len(value) < 24:
            out.append(_TEXT << 5 | len(value))
            out += value.encode()
        elif kind in _KNOWN:
            head, fields_of = _KNOWN[kind]
            out += head
            _write_each(out, fields_of(value))
        else:
            _write(out, value)


_KNOWN: dict[Any, tuple[bytes, Callable[[Any], tuple[Any, ...]]]] = {}
"""By message: the head of its array, and what gives the values of its fields, in order."""


def _known(kind: Any) -> tuple[bytes, Callable[[Any], tuple[Any, ...]]]:
    if not dataclasses.is_dataclass(kind):
        raise TypeError(f"{kind.__name__} has no place on the wire")
    names = [field.name for field in dataclasses.fields(kind)]
    head = _head(_ARRAY, len(names))
    if len(names) > 1:
        return head, operator.attrgetter(*names)
    return head, lambda message: tuple(getattr(message, name) for name in names)


_Source = bytes | memoryview
_Read = Callable[[_Source, int], tuple[Any, int]]
"""Reads one item that begins at an index: the item, and the index behind it."""


def _read_head(data: _Source, at: int, major: int) -> tuple[int, int]:
    if at >= len(data):
        raise WireError("message ends 1 byte(s) early")
    code = data[at] - (major << 5)
    if 0 <= code < 24:
        return code, at + 1
    if code >> 5:
        raise WireError(f"expected CBOR type {major}, found {data[at] >> 5} at byte {at}")
    if code > 27:
        raise WireError(f"unsupported CBOR head at byte {at}")
    size = 1 << (code - 24)
    end = at + 1 + size
    _check_end(data, end)
    value = int.from_bytes(data[at + 1 : end], "big")
    if value < (24 if size == 1 else 1 << (4 * size)):
        raise WireError("not the shortest form of a number")
    if value >= 1 << 63:
        raise WireError("number too large")
    return value, end


def _check_end(data: _Source, end: int) -> None:
    if end > len(data):
        raise WireError(f"message ends {end - len(data)} byte(s) early")


def _read_uint(data: _Source, at: int) -> tuple[int, int]:
    if at < len(data) and data[at] < 24:
        return data[at], at + 1
    return _read_head(data, at, _UINT)


def _read_bytes(data: _Source, at: int) -> tuple[_Source, int]:
    start = at + 2
    if data[at:start] == _DIGEST_HEAD:  # what most byte strings are
        end = start + DIGEST_BYTES
        if end <= len(data):
            return bytes(data[start:end]), end
    size, at = _read_head(data, at, _BYTES)
    end = at + size
    _check_end(data, end)
    part = data[at:end]
    return (part if size >= _LARGE else bytes(part)), end


def _read_text(data: _Source, at: int) -> tuple[str, int]:
    size, at = _read_head(data, at, _TEXT)
    _check_end(data, at + size)
    try:
        return str(data[at : at + size], "utf-8"), at + size
    except UnicodeDecodeError:
        raise WireError("text is not UTF-8") from None


@functools.cache
def _reader(kind: Any) -> _Read:
    """What reads an item of a declared type."""
    simple: dict[Any, _Read] = {int: _read_uint, bytes: _read_bytes, str: _read_text}
    if kind in simple:
        return simple[kind]
    if typing.get_origin(kind) is tuple:
        return _array(_reader(typing.get_args(kind)[0]))
    hints = typing.get_type_hints(kind)
    return _message(kind, [_reader(hints[field.name]) for field in dataclasses.fields(kind)])


def _array(read: _Read) -> _Read:
    def array(data: _Source, at: int) -> tuple[tuple[Any, ...], int]:
        count, at = _read_head(data, at, _ARRAY)
        if count > len(data) - at:
            raise WireError("array longer than the message")
        items = []
        for _ in range(count):
            item, at = read(data, at)
            items.append(item)
        return tuple(items), at

    return array


def _message(kind: type, readers: list[_Read]) -> _Read:
    expected = _head(_ARRAY, len(readers))

    def message(data: _Source, at: int) -> tuple[Any, int]:
        if data[at : at + 1] == expected:  # what every such message begins with, if it has few fields
            at += 1
        else:
            count, at = _read_head(data, at, _ARRAY)
            if count != len(readers):
                raise WireError(f"{kind.__name__}: wrong number of fields")
        values = []
        for read in readers:
            value, at = read(data, at)
            values.append(value)
        return kind(*values), at

    return message
