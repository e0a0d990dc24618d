"""One suite for every scheme: what a secure sum promises, whatever protects it."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cipherward.crypto import ckks, schemes
from cipherward.crypto.ckks import CkksScheme, KeyHolder
from cipherward.crypto.plain import PlainScheme
from cipherward.crypto.scheme import DealtShare, Opener, Protected, Scheme, SchemeFacts, SumTask, payload_digest
from cipherward.crypto.schemes import CATALOGUE
from cipherward.errors import CipherwardError, ProtocolError, WireError

Vector = NDArray[Any]

NO_TENSEAL = pytest.mark.skipif(
    importlib.util.find_spec("tenseal") is None, reason='TenSEAL is not installed (pip install "cipherward[ckks]")'
)


def named(facts: Iterable[type[SchemeFacts]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", [pytest.param(f.name, marks=NO_TENSEAL if f.extra else ()) for f in facts])


every_scheme = named(CATALOGUE.values())
encrypted_schemes = named(facts for facts in CATALOGUE.values() if facts.opener is not Opener.ANYONE)


@cache
def ckks_keys() -> ckks.KeyPair:
    return ckks.generate_keys()


def scheme_of(name: str) -> Scheme:
    if name == "ckks":  # its keys take a second to make: one pair serves all tests
        return CkksScheme(ckks_keys().public_context, KeyHolder(ckks_keys().secret_context, 1))
    return schemes.fresh(name, 1)


def random_bytes(*parts: object, size: int = 96) -> bytes:
    return hashlib.shake_256(repr(parts).encode()).digest(size)


def task_of(n: int, threshold: int, bits: int, length: int) -> SumTask:
    return SumTask(random_bytes("context", size=32), n, threshold, bits, length, length, length // 2)


def vectors_of(scheme: Scheme, task: SumTask, seed: int) -> dict[int, Vector]:
    """One vector per hospital: lanes, or for an unprotected sum reals in [-1, 1] followed by whole numbers."""
    rng = np.random.default_rng(seed)
    if scheme.fixed_point:
        return {
            i: rng.integers(0, 1 << task.bits, task.n_lanes, dtype=np.uint32) for i in range(1, task.n_hospitals + 1)
        }
    vectors = {}
    for i in range(1, task.n_hospitals + 1):
        real, exact = rng.uniform(-1, 1, task.n_real), rng.integers(0, 2**40, task.n_values - task.n_real)
        vectors[i] = np.concatenate([real, exact.astype(np.float64)])
    return vectors


def close_enough(scheme: Scheme, task: SumTask, sums: Vector, vectors: Sequence[Vector]) -> bool:
    """Exact integers; for an unprotected sum, float32 rounding of n reals below 1 in magnitude and exact counts."""
    if scheme.fixed_point:
        return bool(np.array_equal(sums, np.sum([v.astype(np.int64) for v in vectors], axis=0)))
    expected = np.sum(vectors, axis=0)
    error = np.abs(sums - expected)
    return bool((error[: task.n_real] <= len(vectors) * 2.0**-25).all() and (error[task.n_real :] == 0).all())


@dataclass
class Dealing:
    """Everything that the hospitals of one sum have made."""

    scheme: Scheme
    task: SumTask
    private: dict[int, bytes]
    dealt: dict[int, Protected]

    def total(self, contributors: Sequence[int]) -> bytes:
        running = self.scheme.accumulator(self.task, self.base)
        for i in contributors:
            running.add(self.dealt[i].payload)
        return running.total()

    def releases(self, contributors: Sequence[int], holders: Sequence[int]) -> dict[int, bytes]:
        released = {}
        for holder in holders:
            shares = {
                i: DealtShare(self.dealt[i].shares[holder], payload_digest(self.dealt[i].payload))
                for i in contributors
                if self.dealt[i].shares
            }
            assert self.scheme.open_shares(self.task, holder, self.private[holder], shares)[1] == []
            released[holder] = self.scheme.release(self.task, holder, self.private[holder], shares)
        return released

    def witness(self, total: bytes, contributors: Sequence[int], holders: Sequence[int]) -> bytes:
        # A key holder opens one total per sum, so each opening here meets a fresh one.
        judge = scheme_of(self.scheme.name)
        return judge.open(self.task, total, self.releases(contributors, holders), self.base, len(contributors))

    def sums(self, contributors: Sequence[int], holders: Sequence[int]) -> Vector:
        total = self.total(contributors)
        witness = self.witness(total, contributors, holders)
        return self.scheme.sums(self.task, total, witness, len(contributors))

    @property
    def base(self) -> NDArray[np.float64]:
        return np.linspace(-1000, 1000, self.task.n_lanes)


def deal(scheme: Scheme, task: SumTask, vectors: dict[int, Vector], salt: object = 0) -> Dealing:
    keys = {i: scheme.make_key(random_bytes("key", salt, i)) for i in vectors}
    holders = {i: public for i, (_, public) in keys.items()}
    assert all(scheme.key_is_usable(public) for public in holders.values())
    private = {i: secret for i, (secret, _) in keys.items()}
    dealt = {
        i: scheme.protect(task, i, vectors[i], holders, random_bytes("deal", salt, i), private[i]) for i in vectors
    }
    return Dealing(scheme, task, private, dealt)


def small(
    name: str, *, n: int = 4, bits: int = 16, length: int = 9, seed: int = 1
) -> tuple[Dealing, dict[int, Vector]]:
    scheme, task = scheme_of(name), task_of(n, 3, bits, length)
    vectors = vectors_of(scheme, task, seed)
    return deal(scheme, task, vectors, seed), vectors


@every_scheme
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_contributors_and_any_quorum_of_holders_give_the_sum(name: str, data: st.DataObject) -> None:
    n = data.draw(st.integers(3, 8), "hospitals")
    threshold = data.draw(st.integers(2, n), "threshold")
    bits = data.draw(st.sampled_from([16, 24]), "bits")
    length = data.draw(st.one_of(st.integers(1, 40), st.integers(1, 5000)), "length")
    scheme, task = scheme_of(name), task_of(n, threshold, bits, length)
    vectors = vectors_of(scheme, task, data.draw(st.integers(0, 2**32 - 1), "seed"))
    order = data.draw(st.permutations(range(1, n + 1)), "order")
    contributors = order[: data.draw(st.integers(2, n), "contributors")]
    holders = data.draw(st.permutations(range(1, n + 1)), "holders")[: data.draw(st.integers(threshold, n), "releases")]
    sums = deal(scheme, task, vectors).sums(contributors, holders)
    assert close_enough(scheme, task, sums, [vectors[i] for i in contributors])


@every_scheme
@pytest.mark.parametrize("bits", [16, 24])
def test_the_largest_lanes_of_every_hospital_still_sum_exactly(name: str, bits: int) -> None:
    scheme, task = scheme_of(name), task_of(8, 6, bits, 50)
    full = {i: np.full(50, (1 << bits) - 1, np.uint32 if scheme.fixed_point else np.float64) for i in range(1, 9)}
    sums = deal(scheme, task, full).sums(range(1, 9), range(1, 9))
    assert (sums == 8 * ((1 << bits) - 1)).all()


@every_scheme
def test_the_order_of_arrival_changes_nothing(name: str) -> None:
    dealing, _ = small(name)
    orders = [(1, 2, 3, 4), (4, 3, 2, 1), (2, 4, 1, 3)]
    opened = [dealing.sums(order, (1, 2, 3)) for order in orders]
    if dealing.scheme.fixed_point:
        assert all(np.array_equal(opened[0], each) for each in opened[1:])
    else:
        assert all(np.allclose(opened[0], each, rtol=1e-15, atol=1e-15) for each in opened[1:])


@encrypted_schemes
def test_the_same_contributions_give_the_same_integers_under_any_randomness(name: str) -> None:
    scheme, task = scheme_of(name), task_of(5, 4, 16, 300)
    vectors = vectors_of(scheme, task, 3)
    first, second = deal(scheme, task, vectors, "first"), deal(scheme, task, vectors, "second")
    assert first.dealt[1].payload != second.dealt[1].payload
    assert np.array_equal(first.sums((1, 2, 3, 4), (1, 2, 3, 5)), second.sums((4, 2, 3, 1), (5, 4, 3, 2)))


@every_scheme
def test_a_malformed_payload_is_refused_and_leaves_the_sum_unchanged(name: str) -> None:
    dealing, vectors = small(name)
    good = dealing.dealt[3].payload
    longer, _ = small(name, length=40_000)
    running = dealing.scheme.accumulator(dealing.task, dealing.base)
    running.add(dealing.dealt[1].payload)
    before = running.total()
    malformed = {
        "nothing": b"",
        "one byte": b"\x00",
        "cut": good[:-1],
        "one byte more": good + b"\x00",
        "twice": good + good,
        "beyond every bound": b"\xff" * len(good),
        "of another length": longer.dealt[3].payload,
    }
    for what, payload in malformed.items():
        with pytest.raises(WireError):
            running.add(payload)
        assert running.total() == before, what
    running.add(dealing.dealt[2].payload)
    running.add(good)
    total = running.total()
    witness = dealing.witness(total, (1, 2, 3), (1, 2, 3))
    sums = dealing.scheme.sums(dealing.task, total, witness, 3)
    assert close_enough(dealing.scheme, dealing.task, sums, [vectors[i] for i in (1, 2, 3)])


@every_scheme
@settings(max_examples=60, deadline=None)
@given(payload=st.binary(max_size=100))
def test_random_bytes_are_never_added(name: str, payload: bytes) -> None:
    scheme, task = scheme_of(name), task_of(3, 2, 16, 100)
    running = scheme.accumulator(task, np.zeros(100))
    with pytest.raises(WireError):
        running.add(payload)


@every_scheme
@pytest.mark.parametrize("length", [0, 8, 10, 40_000])
def test_a_vector_of_another_length_never_gets_into_a_sum(name: str, length: int) -> None:
    dealing, vectors = small(name)
    wrong = np.zeros(length, vectors[1].dtype)
    running = dealing.scheme.accumulator(dealing.task, dealing.base)
    before = running.total()
    with pytest.raises((ValueError, CipherwardError)):
        running.add(deal(dealing.scheme, dealing.task, {1: wrong, 2: wrong, 3: wrong}).dealt[1].payload)
    assert running.total() == before


@encrypted_schemes
@pytest.mark.parametrize(
    "lanes",
    [
        np.full(9, 1 << 16, np.uint32),
        np.full(9, -1, np.int64),
        np.full(9, (1 << 32) + 1, np.int64),
        np.full(9, 0.5),
        np.zeros((3, 3), np.uint32),
    ],
    ids=["too large", "negative", "would wrap", "not whole", "two dimensions"],
)
def test_what_is_not_a_vector_of_lanes_is_never_encrypted(name: str, lanes: Vector) -> None:
    dealing, _ = small(name)
    with pytest.raises((ValueError, CipherwardError)):
        deal(dealing.scheme, dealing.task, {1: lanes, 2: lanes, 3: lanes})


def test_numbers_that_are_not_finite_never_get_into_an_unprotected_sum() -> None:
    dealing, vectors = small("plain")
    for value in (np.nan, np.inf, -np.inf, 1e39):
        vector = vectors[1].copy()
        vector[0] = value
        with np.errstate(over="ignore"):
            payload = dealing.scheme.protect(dealing.task, 1, vector, {}, b"").payload
        with pytest.raises(WireError, match="NaN or infinity"):
            dealing.scheme.accumulator(dealing.task, dealing.base).add(payload)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("exact", [1e300, -1e300, 2.0**53 + 2])
def test_a_plain_count_that_no_hospital_has_and_a_signalling_nan_are_refused(exact: float) -> None:
    who = task_of(3, 2, 16, 3)
    who = dataclasses.replace(who, n_values=3, n_real=2)
    running = PlainScheme().accumulator(who, np.zeros(3))
    for real in (b"\x01\x00\xa0\x7f" * 2, bytes(8)):
        with pytest.raises(WireError):
            running.add(real + np.array([exact], "<f8").tobytes())
    assert running.total() == bytes(24)


@every_scheme
def test_an_altered_total_does_not_open_where_the_scheme_can_tell(name: str) -> None:
    dealing, _ = small(name)
    scheme, task = dealing.scheme, dealing.task
    total = dealing.total((1, 2, 3))
    for altered in (b"", total[:-1], total + b"\x00", b"\xff" * len(total)):
        with pytest.raises(CipherwardError):
            scheme.sums(task, altered, dealing.witness(altered, (1, 2, 3), (1, 2, 3)), 3)
    if name in ("plain", "masks"):  # nothing in the scheme binds the total: only the manifest's digest does
        return
    refused = 0
    releases = dealing.releases((1, 2, 3), (1, 2, 3))
    for position in range(100, len(total), len(total) // 40):
        changed = bytearray(total)
        changed[position] ^= 4
        try:
            opened = scheme_of(name).open(task, bytes(changed), releases, dealing.base, 3)
            scheme.sums(task, bytes(changed), opened, 3)
        except (WireError, ProtocolError):
            refused += 1
    assert refused >= 40


@every_scheme
def test_an_altered_witness_does_not_open_where_the_scheme_can_tell(name: str) -> None:
    dealing, _ = small(name)
    total = dealing.total((1, 2, 3))
    witness = dealing.witness(total, (1, 2, 3), (1, 2, 3))
    if name == "plain":
        assert witness == b""
        return
    for altered in (b"", witness[:-1], witness + b"\x00", b"\xff" * len(witness), b"\x7f" * len(witness)):
        with pytest.raises((WireError, ProtocolError)):
            dealing.scheme.sums(dealing.task, total, altered, 3)
    if name == "ckks":  # without the key a witness within range cannot be checked against the total
        return
    if name == "masks":  # every bit of a seed counts; the heads around them are in tests/crypto/test_masks.py
        for position in range(len(witness) - 3 * 2 * 36, len(witness)):
            flipped = bytearray(witness)
            flipped[position] ^= 1
            with pytest.raises((WireError, ProtocolError)):
                dealing.scheme.sums(dealing.task, total, bytes(flipped), 3)
        return
    for coefficient in range(0, len(witness), 404):
        changed = np.frombuffer(witness, "<i4").copy()
        changed[coefficient // 4] += 1
        with pytest.raises(ProtocolError):
            dealing.scheme.sums(dealing.task, total, changed.astype("<i4").tobytes(), 3)


@encrypted_schemes
def test_lanes_beyond_what_the_contributors_can_give_are_refused(name: str) -> None:
    scheme, task = scheme_of(name), task_of(4, 3, 16, 9)
    full = {i: np.full(9, 65535, np.uint32) for i in range(1, 5)}
    dealing = deal(scheme, task, full)
    total = dealing.total((1, 2, 3))
    with pytest.raises(ProtocolError):
        scheme.sums(task, total, dealing.witness(total, (1, 2, 3), (1, 2, 3)), 2)


@every_scheme
def test_fingerprints_of_the_contributions_add_up_to_that_of_the_sum(name: str) -> None:
    dealing, _ = small(name)
    scheme, task = dealing.scheme, dealing.task
    manifest = random_bytes("manifest", size=32)
    marks = [scheme.fingerprint(task, manifest, dealing.dealt[i].payload) for i in (1, 2, 3)]
    total = dealing.total((1, 2, 3))
    assert scheme.fingerprints_match(task, manifest, total, marks)
    if name != "quorum":
        assert marks == [b""] * 3
        return
    assert not scheme.fingerprints_match(task, manifest, dealing.total((1, 2, 4)), marks)
    assert not scheme.fingerprints_match(task, manifest, total, marks[:2])
    assert not scheme.fingerprints_match(task, manifest, total, [*marks, marks[0]])
    assert not scheme.fingerprints_match(task, random_bytes("another", size=32), total, marks)
    for malformed in (b"", marks[0][:-1], marks[0] + b"\x00", b"\xff" * len(marks[0])):
        assert not scheme.fingerprints_match(task, manifest, total, [malformed, *marks[1:]])


@every_scheme
def test_a_key_that_the_scheme_did_not_make_is_unusable(name: str) -> None:
    scheme = scheme_of(name)
    assert scheme.key_is_usable(scheme.make_key(random_bytes("key"))[1])
    for key in (b"\x00", bytes(1215), bytes(1217), b"\xff" * 1216):
        assert not scheme.key_is_usable(key)


@every_scheme
def test_what_is_handed_around_shows_no_content(name: str) -> None:
    dealing, _ = small(name)
    share = DealtShare(b"SEALED", b"digest")
    assert "SEALED" not in repr(share)
    assert repr(dealing.dealt[1]) == "Protected()"
