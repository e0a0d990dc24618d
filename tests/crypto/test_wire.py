"""The wire format: canonical CBOR and nothing else, checked against cbor2."""

from __future__ import annotations

import dataclasses
import os
import tracemalloc
import typing
from dataclasses import dataclass
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cipherward.crypto import wire
from cipherward.crypto.identity import Signed
from cipherward.errors import WireError
from cipherward.sums import messages
from cipherward.sums.digests import Digests, Entry
from cipherward.sums.messages import (
    KINDS,
    Announce,
    Manifest,
    Opening,
    Query,
    Receipt,
    ShareFor,
    Update,
    VoidCertificate,
    Vote,
)

ALL_KINDS: tuple[type, ...] = (*KINDS.values(), Signed, Query, Entry, ShareFor, VoidCertificate, messages.Contribution)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
COUNT = st.one_of(st.integers(0, 300), st.integers(0, 2**63 - 1))


@dataclass(frozen=True)
class Number:
    """One number."""

    value: int


@dataclass(frozen=True)
class Pair:
    """Two byte strings."""

    one: bytes
    other: bytes


@dataclass(frozen=True)
class Nested:
    """Every type that a field can have, two levels deep."""

    number: int
    data: bytes
    text: str
    numbers: tuple[int, ...]
    entries: tuple[Entry, ...]
    groups: tuple[VoidCertificate, ...]


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    if kind is int:
        return COUNT
    if kind is bytes:
        return st.binary(max_size=40)
    if kind is str:
        return TEXT
    if typing.get_origin(kind) is tuple:
        return st.lists(values_of(typing.get_args(kind)[0]), max_size=3).map(tuple)
    if kind is Digests:
        return st.dictionaries(st.integers(1, 40), st.binary(min_size=32, max_size=32), max_size=4).map(Digests.of)
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{field.name: values_of(hints[field.name]) for field in dataclasses.fields(kind)})


def messages_of_any_kind() -> st.SearchStrategy[Any]:
    return st.sampled_from([*ALL_KINDS, Nested]).flatmap(values_of)


def as_lists(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return [as_lists(getattr(value, field.name)) for field in dataclasses.fields(value)]
    return [as_lists(item) for item in value] if isinstance(value, tuple) else value


SAMPLE = Nested(
    1_000_000,
    b"\x00" * 30,
    "Grüße",
    (0, 23, 24, 255, 256, 65535, 65536, 2**32, 2**63 - 1),
    (Entry(1, b"one"), Entry(2, b"")),
    (VoidCertificate((b"a", b"b")), VoidCertificate(())),
)
SAMPLE_BYTES = wire.encode(SAMPLE)


@settings(deadline=None)
@given(message=messages_of_any_kind())
def test_what_was_encoded_decodes_to_the_same_message(message: Any) -> None:
    assert wire.decode(type(message), wire.encode(message)) == message


@settings(deadline=None)
@given(message=messages_of_any_kind())
def test_the_bytes_are_those_of_another_canonical_cbor_implementation(message: Any) -> None:
    encoded = wire.encode(message)
    assert encoded == cbor2.dumps(as_lists(message), canonical=True)
    assert cbor2.loads(encoded) == as_lists(message)


@settings(deadline=None)
@given(message=messages_of_any_kind())
def test_a_memoryview_decodes_like_bytes_and_owns_nothing_of_it(message: Any) -> None:
    buffer = bytearray(wire.encode(message))
    decoded = wire.decode(type(message), memoryview(buffer))
    buffer[:] = bytes(len(buffer))
    assert decoded == message


@given(size=st.sampled_from([0, 65_535, 65_536, 200_000]))
def test_large_byte_strings_can_stay_where_they_are(size: int) -> None:
    message = Update(b"header", os.urandom(size), ())
    buffer = bytearray(wire.encode(message))
    kept = wire.decode(Update, memoryview(buffer), copies=False)
    assert kept == message
    assert wire.encode(kept) == buffer
    buffer[:] = bytes(len(buffer))
    assert (kept == message) == (size < 65_536)


def test_every_flipped_bit_is_refused_or_is_another_message_with_exactly_those_bytes() -> None:
    accepted = 0
    for position in range(8 * len(SAMPLE_BYTES)):
        flipped = bytearray(SAMPLE_BYTES)
        flipped[position // 8] ^= 1 << position % 8
        try:
            message = wire.decode(Nested, bytes(flipped))
        except WireError:
            continue
        accepted += 1
        assert message != SAMPLE
        assert wire.encode(message) == flipped
    assert 0 < accepted < 8 * len(SAMPLE_BYTES)


@settings(max_examples=400, deadline=None)
@given(message=messages_of_any_kind(), data=st.data())
def test_mutated_bytes_are_refused_or_encode_to_themselves(message: Any, data: st.DataObject) -> None:
    encoded = wire.encode(message)
    start = data.draw(st.integers(0, len(encoded)))
    end = data.draw(st.integers(start, min(len(encoded), start + 4)))
    mutated = encoded[:start] + data.draw(st.binary(max_size=4)) + encoded[end:]
    try:
        decoded = wire.decode(type(message), mutated)
    except WireError:
        return
    assert wire.encode(decoded) == mutated


@settings(max_examples=400, deadline=None)
@given(kind=st.sampled_from(ALL_KINDS), data=st.binary(max_size=120))
def test_random_bytes_are_a_wire_error_and_never_anything_else(kind: type, data: bytes) -> None:
    fields = len(dataclasses.fields(kind))
    for candidate in (data, bytes([0x80 | fields]) + data):
        try:
            decoded: Any = wire.decode(kind, candidate)
        except WireError:
            continue
        assert wire.encode(decoded) == candidate


@settings(deadline=None)
@given(kind=st.sampled_from(ALL_KINDS), other=messages_of_any_kind())
def test_a_message_read_as_another_kind_is_refused_or_has_the_same_bytes(kind: type, other: Any) -> None:
    try:
        decoded: Any = wire.decode(kind, wire.encode(other))
    except WireError:
        return
    assert as_lists(decoded) == as_lists(other)


@pytest.mark.parametrize("kind", ALL_KINDS, ids=lambda kind: str(kind.__name__))
def test_every_proper_beginning_of_a_message_is_refused(kind: type) -> None:
    encoded = wire.encode(_smallest(kind))
    for size in range(len(encoded)):
        with pytest.raises(WireError):
            wire.decode(kind, encoded[:size])


def _smallest(kind: Any) -> Any:
    if kind is int:
        return 300
    if kind is bytes:
        return b"bytes"
    if kind is str:
        return "text"
    if kind is Digests:
        return Digests.of({2: bytes(32)})
    if typing.get_origin(kind) is tuple:
        return (_smallest(typing.get_args(kind)[0]),)
    hints = typing.get_type_hints(kind)
    return kind(**{field.name: _smallest(hints[field.name]) for field in dataclasses.fields(kind)})


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Pair, "82 5b 7fffffffffffffff"),
        (Pair, "82 5a ffffffff 00"),
        (Pair, "82 59 ffff 00"),
        (Vote, "85 40 01 40 5b 7ffffffffffffff0 00"),
        (Receipt, "87 40 00 40 7b 7fffffffffffffff 61"),
        (Manifest, "83 40 9b 7fffffffffffffff 40"),
        (Update, "83 40 40 9a ffffffff 82 01 40"),
        (Announce, "85 40 00 00 9b 00000001 00000000 81 80"),
        (VoidCertificate, "81 9a 00ffffff 40 40 40"),
        (VoidCertificate, "81 84 40 40 40"),
    ],
)
def test_a_length_that_lies_is_refused_before_anything_is_allocated(kind: type, data: str) -> None:
    lying = bytes.fromhex(data)
    tracemalloc.start()
    try:
        with pytest.raises(WireError):
            wire.decode(kind, lying)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ALL_KINDS, ids=lambda kind: str(kind.__name__))
@pytest.mark.parametrize("opening", [b"\x81", b"\x9f", b"\x5f", b"\xd8\x18", b"\xa1", b"\x82\x81"])
def test_deep_nesting_is_refused_at_the_depth_of_the_declared_type(kind: type, opening: bytes) -> None:
    fields = len(dataclasses.fields(kind))
    for data in (opening * 50_000, bytes([0x80 | fields]) + opening * 50_000):
        with pytest.raises(WireError):
            wire.decode(kind, data)


@pytest.mark.parametrize("tail", [b"\x00", b"\xf6", b"\x80", SAMPLE_BYTES])
def test_bytes_after_the_end_are_refused(tail: bytes) -> None:
    with pytest.raises(WireError, match="after the end"):
        wire.decode(Nested, SAMPLE_BYTES + tail)


@pytest.mark.parametrize("data", ["81 1817", "81 1900ff", "81 1a0000ffff", "81 1b00000000ffffffff", "9801 00"])
def test_a_number_that_is_not_in_its_shortest_form_is_refused(data: str) -> None:
    with pytest.raises(WireError, match="shortest"):
        wire.decode(Number, bytes.fromhex(data))


@pytest.mark.parametrize(
    "data", ["82 5800 40", "82 40 5900ff" + 255 * "00", "82 40 5b0000000000000001 00", "9802 40 40"]
)
def test_a_length_that_is_not_in_its_shortest_form_is_refused(data: str) -> None:
    with pytest.raises(WireError, match="shortest"):
        wire.decode(Pair, bytes.fromhex(data))


@pytest.mark.parametrize(
    "item",
    ["f4", "f5", "f6", "f7", "20", "3903e7", "3bffffffffffffffff", "f90000", "fb3ff0000000000000", "c11a00000001"],
    ids=["false", "true", "null", "undefined", "-1", "-1000", "-2^64", "0.0", "1.0", "tag"],
)
def test_what_is_no_unsigned_integer_is_refused_where_one_belongs(item: str) -> None:
    with pytest.raises(WireError, match="expected CBOR type 0"):
        wire.decode(Number, b"\x81" + bytes.fromhex(item))


@pytest.mark.parametrize("data", ["8118", "811c", "811f", "9f00ff", "bf6100", "5f4100ff", "811b8000000000000000"])
def test_heads_outside_the_subset_are_refused(data: str) -> None:
    with pytest.raises(WireError):
        wire.decode(Number, bytes.fromhex(data))


@pytest.mark.parametrize("text", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"])
def test_text_that_is_not_utf8_is_refused(text: bytes) -> None:
    data = b"\x88\x40\x00\x40" + bytes([0x60 | len(text)]) + text + b"\x60\x40\x40\x00"
    with pytest.raises(WireError, match="UTF-8"):
        wire.decode(Receipt, data)


@pytest.mark.parametrize("data", ["80", "8200 00", "00", "40", "60", "a0", ""])
def test_another_number_of_fields_is_refused(data: str) -> None:
    with pytest.raises(WireError):
        wire.decode(Number, bytes.fromhex(data))


@pytest.mark.parametrize(
    "value", [True, -1, 2**63, 2**64, 1.0, None, [1], {"a": 1}, {1}, object()], ids=lambda value: type(value).__name__
)
def test_what_has_no_place_on_the_wire_is_not_encoded(value: Any) -> None:
    with pytest.raises(TypeError):
        wire.encode(Number(value))
    with pytest.raises(TypeError):
        wire.encode(Manifest(b"", (Entry(1, value),), b""))


def test_the_largest_message_of_many_small_items_is_read_in_linear_memory() -> None:
    data = wire.encode(VoidCertificate((b"",) * 20_000))
    assert len(wire.decode(VoidCertificate, data).votes) == 20_000


def test_reprs_of_messages_show_no_payload_or_share() -> None:
    update = Update(b"header", b"SECRETBYTES", (ShareFor(1, b"SECRETBYTES"),))
    opening = Opening(
        0, 0, b"", (), (), b"SECRETBYTES", b"SECRETBYTES", (messages.Contribution(1, b"SECRETBYTES"),), b""
    )
    release = messages.Release(b"", b"", b"SECRETBYTES")
    assert "SECRETBYTES" not in f"{update!r}{update.shares!r}{opening!r}{release!r}"
