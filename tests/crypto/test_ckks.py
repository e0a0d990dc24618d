"""The textbook scheme: exact sums, strict parsing, and a key holder that opens sums only."""

from __future__ import annotations

import math
import sys
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cipherward.crypto import _seal, _tenseal, ckks
from cipherward.crypto.ckks import CkksScheme, KeyHolder, KeyPair, Record
from cipherward.crypto.scheme import SumTask
from cipherward.errors import (
    AlreadyReleasedError,
    DataError,
    ProtocolError,
    RefusedError,
    StorageError,
    StudyError,
    SuspectError,
    WireError,
)

ts = pytest.importorskip("tenseal", reason='TenSEAL is not installed (pip install "cipherward[ckks]")')

Lanes = npt.NDArray[np.uint32]


@cache
def keys() -> KeyPair:
    return ckks.generate_keys()


def task(n_lanes: int, *, n_hospitals: int = 3, bits: int = 16, context: bytes = b"c" * 32) -> SumTask:
    return SumTask(context, n_hospitals, 2, bits, n_lanes, n_lanes, n_lanes)


def scheme(**options: Any) -> CkksScheme:
    return CkksScheme(
        keys().public_context, KeyHolder(keys().secret_context, options.pop("min_contributors", 1), **options)
    )


def lanes_of(rng: np.random.Generator, sum_task: SumTask) -> Lanes:
    return rng.integers(0, 1 << sum_task.bits, sum_task.n_lanes, dtype=np.uint32)


def encrypted(sum_task: SumTask, lanes: Lanes) -> bytes:
    return CkksScheme(keys().public_context).protect(sum_task, 1, lanes, {}, b"").payload


def opened_sum(sum_task: SumTask, base: npt.NDArray[np.float64], contributions: list[Lanes]) -> npt.NDArray[Any]:
    ckks_scheme = scheme()
    running = ckks_scheme.accumulator(sum_task, base)
    for lanes in contributions:
        running.add(encrypted(sum_task, lanes))
    total = running.total()
    witness = ckks_scheme.open(sum_task, total, {}, base, len(contributions))
    return ckks_scheme.sums(sum_task, total, witness, len(contributions))


def contained(*ciphertexts: bytes) -> bytes:
    return len(ciphertexts).to_bytes(4, "big") + b"".join(len(c).to_bytes(4, "big") + c for c in ciphertexts)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_lanes=st.sampled_from([1, 2, 100, 2047, 2048, 2049, 5000]),
    n_hospitals=st.integers(1, 8),
    bits=st.sampled_from([2, 8, 16, 24]),
    magnitude=st.floats(0, 1),
)
def test_the_opened_sum_equals_the_sum_of_integers_whatever_model_it_starts_from(
    seed: int, n_lanes: int, n_hospitals: int, bits: int, magnitude: float
) -> None:
    rng = np.random.default_rng(seed)
    sum_task = task(n_lanes, n_hospitals=n_hospitals, bits=bits)
    contributions = [lanes_of(rng, sum_task) for _ in range(n_hospitals)]
    base = rng.uniform(-1, 1, n_lanes) * magnitude * ckks.largest_base(sum_task)
    expected = np.sum([lanes.astype(np.int64) for lanes in contributions], axis=0)
    assert (opened_sum(sum_task, base, contributions) == expected).all()


@pytest.mark.parametrize("bits", [16, 24])
def test_fifty_hospitals_sum_exactly_with_all_lanes_full_and_the_largest_model(bits: int) -> None:
    sum_task = task(2049, n_hospitals=50, bits=bits)
    full = np.full(sum_task.n_lanes, (1 << bits) - 1, dtype=np.uint32)
    base = np.full(sum_task.n_lanes, ckks.largest_base(sum_task))
    ckks_scheme = scheme()
    running = ckks_scheme.accumulator(sum_task, base)
    for _ in range(50):
        running.add(encrypted(sum_task, full))
    total = running.total()
    opened = ckks_scheme.sums(sum_task, total, ckks_scheme.open(sum_task, total, {}, base, 50), 50)
    assert (opened == 50 * ((1 << bits) - 1)).all()


def test_a_model_beyond_the_largest_base_changes_nothing() -> None:
    sum_task = task(4)
    lanes = np.array([0, 1, 2, 65535], dtype=np.uint32)
    base = np.array([1e30, -1e30, 0.0, 1.5])
    assert (opened_sum(sum_task, base, [lanes, lanes]) == 2 * lanes.astype(np.int64)).all()


def test_the_noise_of_a_ciphertext_is_what_the_scale_was_chosen_for() -> None:
    sum_task = task(40 * ckks.N_SLOTS)
    lanes = lanes_of(np.random.default_rng(5), sum_task)
    context = _tenseal.load_context(keys().secret_context, secret=True)
    raw = np.concatenate([v.decrypt() for v in ckks._parse(context, sum_task, encrypted(sum_task, lanes))])
    error = (raw * 2.0**sum_task.bits - lanes) * 2.0 ** (ckks.scale_bits(sum_task) - sum_task.bits)
    assert 0.97 < error.std() / ckks.ERROR_STDDEV < 1.03
    assert np.abs(error).max() < 30 * ckks.ERROR_STDDEV


@pytest.mark.parametrize("n_hospitals", [3, 50, 500])
@pytest.mark.parametrize("bits", [16, 24])
def test_the_noise_of_all_ciphertexts_is_forty_standard_deviations_from_a_wrong_integer(
    n_hospitals: int, bits: int
) -> None:
    sum_task = task(1, n_hospitals=n_hospitals, bits=bits)
    grid_step = 2.0 ** (ckks.scale_bits(sum_task) - bits)
    assert 40 * ckks.ERROR_STDDEV * math.sqrt(n_hospitals + 1) <= 0.25 * grid_step
    largest = ckks.largest_base(sum_task) + n_hospitals * 2.0**bits
    assert largest * grid_step <= 2.0**56
    assert ckks.largest_base(sum_task) >= 2.0**30


def test_more_hospitals_than_fit_beside_the_noise_are_refused() -> None:
    for n_hospitals, bits in ((2_000, 24), (100_000, 16)):
        with pytest.raises(StudyError, match="exactly"):
            CkksScheme(keys().public_context).accumulator(task(1, n_hospitals=n_hospitals, bits=bits), np.zeros(1))


def test_an_update_takes_less_than_33_bytes_per_parameter() -> None:
    sum_task = task(20 * ckks.N_SLOTS)
    assert len(encrypted(sum_task, lanes_of(np.random.default_rng(1), sum_task))) < 33 * sum_task.n_lanes


def test_the_parameters_respect_the_128_bit_limit_and_one_bit_more_per_prime_pair_does_not() -> None:
    assert sum(ckks.MODULUS_BITS) <= 109
    with pytest.raises(ValueError, match="not set correctly"):
        ts.context(ts.SCHEME_TYPE.CKKS, ckks.RING_DEGREE, coeff_mod_bit_sizes=[60, 50])


def test_the_public_context_holds_no_secret_and_two_encryptions_differ() -> None:
    with pytest.raises(WireError):
        KeyHolder(keys().public_context, 1)
    with pytest.raises(WireError):
        CkksScheme(keys().secret_context).accumulator(task(3), np.zeros(3))
    lanes = np.zeros(3, dtype=np.uint32)
    assert encrypted(task(3), lanes) != encrypted(task(3), lanes)


@pytest.mark.parametrize(
    "vector",
    [np.zeros(3, dtype=np.uint32), np.zeros(4, dtype=np.int64), np.full(4, 1 << 16, dtype=np.uint32)],
    ids=["wrong length", "wrong dtype", "lane too large"],
)
def test_what_is_not_a_vector_of_lanes_is_not_encrypted(vector: npt.NDArray[Any]) -> None:
    with pytest.raises(DataError):
        CkksScheme(keys().public_context).protect(task(4), 1, vector, {}, b"")


def test_a_model_that_is_not_finite_starts_no_sum() -> None:
    with pytest.raises(DataError):
        CkksScheme(keys().public_context).accumulator(task(2), np.array([0.0, np.nan]))


def _foreign(sum_task: SumTask, *, degree: int, primes: list[int], scale_bits: int) -> bytes:
    context = ts.context(ts.SCHEME_TYPE.CKKS, degree, coeff_mod_bit_sizes=primes)
    wrapped = ts.ckks_vector(context, [0.5] * sum_task.n_lanes, scale=2.0**scale_bits).serialize()
    start = wrapped.index(b"\x5e\xa1\x10")
    return contained(wrapped[start:-9])


def bad_payloads(sum_task: SumTask, good: bytes) -> dict[str, bytes]:
    one = good[8:]
    scale = ckks.scale_bits(sum_task)
    return {
        "nothing": b"",
        "count only": good[:4],
        "no ciphertext": contained(),
        "two ciphertexts": contained(one, one),
        "cut": good[:-1],
        "one byte more": good + b"\x00",
        "one byte more inside": contained(one + b"\x00"),
        "length beyond the end": good[:4] + b"\xff\xff\xff\xff" + one,
        "wrong magic": contained(b"\x00" + one[1:]),
        "no compression claimed": contained(one[:5] + b"\x00" + one[6:]),
        "size field altered": contained(one[:8] + b"\xff" * 8 + one[16:]),
        "incompatible version": contained(one[:3] + b"\xff" + one[4:]),
        "garbage after the header": contained(one[:16] + bytes(len(one) - 16)),
        "far too large": good + bytes(1 << 20),
        "a public key": contained(keys().public_context[:60_000]),
        "ring degree 8192": _foreign(sum_task, degree=8192, primes=[58, 48], scale_bits=scale),
        "other primes": _foreign(sum_task, degree=4096, primes=[57, 49], scale_bits=scale),
        "other scale": _foreign(sum_task, degree=4096, primes=[58, 48], scale_bits=scale + 1),
    }


def test_malformed_payloads_are_wire_errors_and_leave_the_sum_unchanged() -> None:
    sum_task = task(4)
    lanes = np.array([1, 2, 3, 4], dtype=np.uint32)
    good = encrypted(sum_task, lanes)
    ckks_scheme = scheme()
    running = ckks_scheme.accumulator(sum_task, np.zeros(4))
    running.add(good)
    before = running.total()
    for name, payload in bad_payloads(sum_task, good).items():
        with pytest.raises(WireError):
            running.add(payload)
        assert running.total() == before, name
    running.add(good)
    total = running.total()
    assert ckks_scheme.sums(sum_task, total, ckks_scheme.open(sum_task, total, {}, np.zeros(4), 2), 2).tolist() == [
        2, 4, 6, 8,
    ]  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(place=st.one_of(st.integers(0, 200), st.integers(0, 60_000)), flip=st.integers(1, 255))
def test_a_flipped_byte_is_a_wire_error_or_another_valid_ciphertext_and_never_anything_else(
    place: int, flip: int
) -> None:
    # Inside SEAL's data a flip gives another ciphertext: CKKS is malleable, the signed payload digest is what refuses it.
    sum_task = task(4)
    altered = bytearray(encrypted(sum_task, np.zeros(4, dtype=np.uint32)))
    altered[place] ^= flip
    running = CkksScheme(keys().public_context).accumulator(sum_task, np.zeros(4))
    try:
        running.add(bytes(altered))
    except WireError:
        assert running.total()


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=200), kind=st.sampled_from(["payload", "ciphertext", "header"]))
def test_random_bytes_are_wire_errors(data: bytes, kind: str) -> None:
    header = _seal._OUTER.pack(0xA15E, 16, 4, 3, 2, 0, 16 + len(data))
    payload = {"payload": data, "ciphertext": contained(data), "header": contained(header + data)}[kind]
    running = CkksScheme(keys().public_context).accumulator(task(4), np.zeros(4))
    with pytest.raises(WireError):
        running.add(payload)


def test_a_malformed_public_context_is_a_wire_error() -> None:
    other = ts.context(ts.SCHEME_TYPE.CKKS, 4096, coeff_mod_bit_sizes=[57, 49])
    foreign = other.serialize(save_secret_key=False, save_galois_keys=False, save_relin_keys=False)
    for public in (b"", b"x" * 100, keys().public_context[:-5], foreign, bytes(2 << 20)):
        with pytest.raises(WireError):
            CkksScheme(public).accumulator(task(4), np.zeros(4))


def test_only_a_context_in_the_form_of_ours_reaches_the_foreign_library(monkeypatch: pytest.MonkeyPatch) -> None:
    other = ts.context(ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[58, 48])
    foreign = other.serialize(save_secret_key=False, save_galois_keys=False, save_relin_keys=False)
    public, secret = keys().public_context, keys().secret_context
    assert _tenseal.load_context(public, secret=False).is_public()
    assert _tenseal.load_context(secret, secret=True).is_private()
    monkeypatch.setattr(ts, "context_from", pytest.fail)
    for data in (foreign, public[:-1], public + b"\0", public + public, public[:200], b"\x0a" + public, secret):
        with pytest.raises(WireError):
            _tenseal.load_context(data, secret=False)
    with pytest.raises(WireError):
        _tenseal.load_context(public, secret=True)


def test_a_substituted_public_key_is_refused() -> None:
    expected = ckks.public_key_digest(keys().public_context)
    ckks.check_public_key(keys().public_context, expected)
    with pytest.raises(ProtocolError, match="not the one"):
        ckks.check_public_key(ckks.generate_keys().public_context, expected)


def _closed(sum_task: SumTask, *contributions: Lanes) -> bytes:
    running = CkksScheme(keys().public_context).accumulator(sum_task, np.zeros(sum_task.n_lanes))
    for lanes in contributions:
        running.add(encrypted(sum_task, lanes))
    return running.total()


def test_the_key_holder_opens_no_sum_below_min_contributors() -> None:
    ones = np.ones(4, dtype=np.uint32)
    records: list[Record] = []
    holder = KeyHolder(keys().secret_context, 3, record=records.append)
    with pytest.raises(RefusedError, match="2 hospital"):
        holder.open(task(4), _closed(task(4), ones, ones), np.zeros(4), 2)
    assert records == []
    assert holder.log == []


def test_the_key_holder_opens_one_total_per_sum_even_after_a_restart() -> None:
    ones = np.ones(4, dtype=np.uint32)
    first, second = _closed(task(4), ones, ones, ones), _closed(task(4), ones, ones)
    records: list[Record] = []
    holder = KeyHolder(keys().secret_context, 1, record=records.append)
    assert holder.open(task(4), first, np.zeros(4), 3).tolist() == [3, 3, 3, 3]
    assert holder.open(task(4), first, np.zeros(4), 3).tolist() == [3, 3, 3, 3]
    restarted = KeyHolder(keys().secret_context, 1, opened=records)
    for keeper in (holder, restarted):
        for total, base, n in ((second, np.zeros(4), 3), (first, np.ones(4), 3), (first, np.zeros(4), 2)):
            with pytest.raises(AlreadyReleasedError):
                keeper.open(task(4), total, base, n)
    assert [entry["opening"] for entry in records] == [1, 2]
    assert holder.log == records
    assert records[0]["context"] == (b"c" * 32).hex()
    assert records[0]["n_contributors"] == 3
    assert restarted.open(task(4, context=b"d" * 32), second, np.zeros(4), 2).tolist() == [2, 2, 2, 2]


def test_nothing_is_decrypted_when_the_record_cannot_be_kept() -> None:
    def full_disk(record: Record) -> None:
        raise StorageError("disk full")

    holder = KeyHolder(keys().secret_context, 1, record=full_disk)
    with pytest.raises(StorageError):
        holder.open(task(4), _closed(task(4), np.ones(4, dtype=np.uint32)), np.zeros(4), 1)
    assert holder.log == []


def test_a_contribution_off_the_grid_or_under_another_key_does_not_open() -> None:
    sum_task = task(4)
    context = _tenseal.load_context(keys().public_context, secret=False)
    for foreign in (
        ckks._encrypt(context, sum_task, np.array([0.5, 0.0, 0.0, 0.0])),
        CkksScheme(ckks.generate_keys().public_context)
        .protect(sum_task, 1, np.ones(4, dtype=np.uint32), {}, b"")
        .payload,
    ):
        running = scheme().accumulator(sum_task, np.zeros(4))
        running.add(foreign)
        total = running.total()
        with pytest.raises(SuspectError):
            KeyHolder(keys().secret_context, 1).open(sum_task, total, np.zeros(4), 1)
        with pytest.raises(ProtocolError, match="no whole grid units"):
            scheme().sums(sum_task, total, scheme().open(sum_task, total, {}, np.zeros(4), 1), 1)


@pytest.mark.parametrize("beyond", [-1.0, 2.0**16, 2.0**20])
def test_a_total_that_no_honest_contributor_can_make_does_not_open_though_it_is_whole(beyond: float) -> None:
    sum_task = task(4)
    context = _tenseal.load_context(keys().public_context, secret=False)
    running = scheme().accumulator(sum_task, np.zeros(4))
    running.add(ckks._encrypt(context, sum_task, np.array([1.0, beyond, 1.0, 1.0])))
    with pytest.raises(SuspectError, match="out of range"):
        KeyHolder(keys().secret_context, 1).open(sum_task, running.total(), np.zeros(4), 1)


def test_what_leaves_the_key_holder_is_rounded_to_whole_grid_units() -> None:
    sum_task = task(3)
    total = _closed(sum_task, np.array([7, 8, 9], dtype=np.uint32))
    witness = scheme().open(sum_task, total, {}, np.zeros(3), 1)
    assert np.frombuffer(witness, dtype="<i8").tolist() == [7, 8, 9]


@pytest.mark.parametrize(
    "witness",
    [b"", b"\x00" * 15, np.array([0, -1], dtype="<i8").tobytes(), np.array([0, 2 * 65535 + 1], dtype="<i8").tobytes()],
    ids=["empty", "cut", "negative lane", "lane too large"],
)
def test_a_witness_that_two_contributions_cannot_give_is_refused(witness: bytes) -> None:
    with pytest.raises(ProtocolError):
        CkksScheme(keys().public_context).sums(task(2), b"", witness, 2)


def test_only_the_key_holder_opens() -> None:
    with pytest.raises(ProtocolError, match="key holder"):
        CkksScheme(keys().public_context).open(task(1), b"", {}, np.zeros(1), 3)


def test_the_secret_key_is_sealed_at_rest_and_never_shown() -> None:
    key = ckks.key_from_passphrase("correct horse", b"0123456789abcdef")
    sealed = ckks.seal_secret(keys().secret_context, key)
    assert keys().secret_context[:64] not in sealed
    assert ckks.unseal_secret(sealed, key) == keys().secret_context
    for bad in (b"", sealed[:-1], bytes([sealed[0] ^ 1]) + sealed[1:]):
        with pytest.raises(StorageError):
            ckks.unseal_secret(bad, key)
    with pytest.raises(StorageError):
        ckks.unseal_secret(sealed, bytes(32))
    assert repr(keys()) == "KeyPair()"
    assert "key=hidden" in repr(KeyHolder(keys().secret_context, 3))


def test_without_tenseal_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tenseal", None)
    with pytest.raises(StudyError) as caught:
        ckks.generate_keys()
    assert caught.value.hint == 'pip install "cipherward[ckks]"'
