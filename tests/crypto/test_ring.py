import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cipherward.crypto import _crt, _kernels, _ntt, params, ring, sampling
from cipherward.crypto._jit import U32
from cipherward.crypto.params import RINGS, RingParameters, SumParameters
from cipherward.errors import ProtocolError, WireError

A_KEY = hashlib.sha256(b"a").digest()
RHO_KEY = hashlib.sha256(b"rho").digest()


def key(i: int, purpose: str = "error") -> bytes:
    return hashlib.sha256(f"{purpose} {i}".encode()).digest()


def lanes_of(p: SumParameters, seed: int) -> U32:
    return np.random.default_rng(seed).integers(0, 2**p.bits, p.n_lanes, dtype=np.uint32)


def secret_of(p: SumParameters, i: int) -> NDArray[np.int8]:
    return sampling.centred_binomial(key(i, "secret"), p.ring.ring_degree)


def update(p: SumParameters, i: int, lanes: U32, n_threads: int = 1) -> bytes:
    return ring.encrypt(p, A_KEY, secret_of(p, i), key(i), lanes, n_threads=n_threads)


def secret_sum(p: SumParameters, contributors: range) -> NDArray[np.int64]:
    total: NDArray[np.int64] = np.sum([secret_of(p, i).astype(np.int64) for i in contributors], axis=0)
    return total


def total_of(p: SumParameters, contributors: range) -> tuple[U32, NDArray[np.int64]]:
    total, exact = ring.zero_sum(p), np.zeros(p.n_lanes, np.int64)
    for i in contributors:
        ring.add_payload(p, total, update(p, i, lanes_of(p, i)))
        exact += lanes_of(p, i)
    return total, exact


def transformed(each: RingParameters, j: int, polynomial: list[int]) -> U32:
    tables, prime = _ntt.tables(each), each.primes[j]
    x = np.array([value % prime for value in polynomial], np.uint32)
    _ntt.forward(x, np.empty_like(x), tables.primes[j], *(part[j] for part in tables.up))
    return (x.astype(np.uint64) % np.uint64(prime)).astype(np.uint32)


def transformed_back(each: RingParameters, j: int, values: U32) -> list[int]:
    tables, prime = _ntt.tables(each), each.primes[j]
    x = values.copy()
    _ntt.inverse(x, np.empty_like(x), tables.primes[j], *(part[j] for part in tables.down))
    return [int(value) * int(tables.scale[j, 0]) % prime for value in x]


def negacyclic(left: list[int], right: list[int], prime: int) -> list[int]:
    n = len(left)
    product = [0] * n
    for i, x in enumerate(left):
        for j, y in enumerate(right):
            product[(i + j) % n] += x * y if i + j < n else -x * y
    return [value % prime for value in product]


def exponents(degree: int) -> list[int]:
    """The powers of psi that the documentation of the NTT form names."""
    n_bits = degree.bit_length() - 1
    row_bits = n_bits // 2
    rows = 1 << row_bits

    def reverse(value: int, width: int) -> int:
        return int(f"{value:0{width}b}"[::-1], 2)

    return [2 * (reverse(j // rows, n_bits - row_bits) * rows + reverse(j % rows, row_bits)) + 1 for j in range(degree)]


@pytest.mark.parametrize("degree", [16, 32, 128])
def test_the_ntt_form_holds_the_documented_evaluations(degree: int) -> None:
    each = params.ring(degree, 2)
    polynomial = np.random.default_rng(degree).integers(0, 2**29, degree).tolist()
    for j, prime in enumerate(each.primes):
        psi = _ntt.root_of_unity(degree, prime)
        assert pow(psi, degree, prime) == prime - 1
        points = [pow(psi, exponent, prime) for exponent in exponents(degree)]
        expected = [sum(c * pow(x, i, prime) for i, c in enumerate(polynomial)) % prime for x in points]
        assert transformed(each, j, polynomial).tolist() == expected


@pytest.mark.parametrize("each", [params.ring(16, 3), params.ring(64, 2), *RINGS], ids=lambda r: str(r.ring_degree))
def test_the_inverse_transform_undoes_the_transform(each: RingParameters) -> None:
    for j, prime in enumerate(each.primes):
        polynomial = np.random.default_rng(j).integers(0, prime, each.ring_degree).tolist()
        polynomial[:3] = [prime - 1, 0, prime - 1]
        assert transformed_back(each, j, transformed(each, j, polynomial)) == polynomial


@pytest.mark.parametrize("degree", [16, 32, 256])
def test_products_in_ntt_form_are_negacyclic_convolutions(degree: int) -> None:
    each = params.ring(degree, 2)
    for j, prime in enumerate(each.primes):
        left, right = np.random.default_rng(j).integers(0, prime, (2, degree)).tolist()
        product = transformed(each, j, left).astype(np.uint64) * transformed(each, j, right) % np.uint64(prime)
        assert transformed_back(each, j, product.astype(np.uint32)) == negacyclic(left, right, prime)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 12), st.data())
def test_residues_become_the_integer_that_they_came_from(n_primes: int, data: st.DataObject) -> None:
    each = params.ring(16, n_primes)
    value = data.draw(st.sampled_from([0, 1, each.modulus - 1, each.modulus // 2]) | st.integers(0, each.modulus - 1))
    garner = _crt.tables(each)
    digits = np.array([[value % prime] for prime in each.primes], np.uint32)
    limbs = np.empty((n_primes + _crt.SPARE_LIMBS, 1), np.uint32)
    primes = np.array(each.primes, np.uint32)
    _crt.digits(digits, primes, garner.inverse, garner.inverse_shoup)
    _crt.limbs_of(digits, primes, limbs)
    assert sum(int(limb) << (32 * i) for i, limb in enumerate(limbs[:, 0])) == value


def test_an_update_is_a_s_plus_noise_plus_scaled_message() -> None:
    p = SumParameters(params.ring(32, 3), 5, 4, 16, 200)
    lanes, secret = lanes_of(p, 1), secret_of(p, 1)
    found = ring.unpack_sum(p, update(p, 1, lanes))
    words, noise = np.empty(64, np.uint64), np.empty(32, np.int8)
    errors, public = sampling.Xof(key(1)), sampling.Xof(A_KEY)
    a = np.empty((3, 32), np.uint32)
    padded = [*lanes.tolist(), *([0] * p.lanes_per_ciphertext)]
    for k in range(p.n_ciphertexts):
        errors.start(k)
        errors.fill(words)
        sampling.binomial_into(words, noise)
        sampling.expand_uniform(public, p.ring, k, a)
        message = [
            sum(
                padded[(k * p.lanes_per_coefficient + f) * 32 + c] * p.lane_weight(f)
                for f in range(p.lanes_per_coefficient)
            )
            for c in range(32)
        ]
        for j, prime in enumerate(p.ring.primes):
            masked = negacyclic(transformed_back(p.ring, j, a[j]), secret.tolist(), prime)
            plain = [int(noise[c]) + (message[c] << p.delta_bits) for c in range(32)]
            expected = [(x + y) % prime for x, y in zip(masked, plain, strict=True)]
            assert transformed_back(p.ring, j, found[k, j]) == expected


def test_the_bytes_of_an_update_do_not_change_between_versions() -> None:
    p = SumParameters(params.ring(64, 3), 5, 4, 16, 1000)
    payload = update(p, 1, np.arange(1000, dtype=np.uint32))
    assert hashlib.sha256(payload).hexdigest() == "058daf441c962c85c4a4a7345cd232122df7173e35fb2c47d2b3e78c57504f1f"


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(1, 40),
    bits=st.integers(1, 24),
    n_lanes=st.integers(1, 400),
    n_primes=st.integers(2, 12),
    log_degree=st.integers(4, 6),
    data=st.data(),
)
def test_opened_sums_are_the_integer_sums(
    n: int, bits: int, n_lanes: int, n_primes: int, log_degree: int, data: st.DataObject
) -> None:
    p = SumParameters(params.ring(1 << log_degree, n_primes), n, 1, bits, n_lanes)
    contributors = range(data.draw(st.integers(1, min(n, 4))))
    total, exact = total_of(p, contributors)
    opened = ring.open_sum(p, A_KEY, total, secret_sum(p, contributors), len(contributors))
    assert opened.dtype == np.int64
    assert np.array_equal(opened, exact)


@pytest.mark.parametrize(
    ("each", "n", "bits"),
    [(RINGS[0], 3, 16), (RINGS[0], 8, 16), (RINGS[0], 50, 10)]
    + [(each, n, bits) for each in RINGS[1:] for n, bits in ((3, 16), (8, 24), (1000, 24), (2**20, 24))],
)
def test_the_secure_rings_add_the_largest_lanes_exactly(each: RingParameters, n: int, bits: int) -> None:
    room = (each.modulus.bit_length() - 1) // (bits + 1) * each.ring_degree
    p = SumParameters(each, n, 2, bits, room + 77)
    largest = np.full(p.n_lanes, 2**bits - 1, np.uint32)
    total = ring.zero_sum(p)
    for i in range(3):
        ring.add_payload(p, total, update(p, i, largest, n_threads=2))
    opened = ring.open_sum(p, A_KEY, total, secret_sum(p, range(3)), 3)
    assert np.array_equal(opened, np.full(p.n_lanes, 3 * (2**bits - 1)))


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    p = SumParameters(params.ring(64, 3), 5, 4, 16, 3000)
    assert p.n_ciphertexts > 8
    lanes = lanes_of(p, 1)
    payloads = {update(p, 1, lanes, n_threads=n) for n in (0, 1, 2, 3, 100)}
    assert len(payloads) == 1
    payload = payloads.pop()
    total = ring.unpack_sum(p, payload)
    for n in (1, 2, 7):
        opened = ring.open_sum(p, A_KEY, total, secret_of(p, 1).astype(np.int32), 1, n_threads=n)
        assert np.array_equal(opened, lanes)
        marks = ring.fingerprint(p, RHO_KEY, payload, n_threads=n)
        assert np.array_equal(marks, ring.fingerprint(p, RHO_KEY, total, n_threads=1))


def test_the_sum_is_the_same_in_any_order_and_a_packed_sum_is_an_update_of_its_own() -> None:
    p = SumParameters(params.ring(32, 3), 5, 4, 16, 500)
    payloads = [update(p, i, lanes_of(p, i)) for i in range(4)]
    forwards, backwards = ring.zero_sum(p), ring.zero_sum(p)
    for payload in payloads:
        ring.add_payload(p, forwards, payload)
    for payload in reversed(payloads):
        ring.add_payload(p, backwards, memoryview(payload))
    assert np.array_equal(forwards, backwards)
    again = ring.zero_sum(p)
    ring.add_payload(p, again, ring.pack_sum(p, forwards))
    assert np.array_equal(forwards, again)


@settings(deadline=None, max_examples=60)
@given(position=st.integers(0, 10**9), excess=st.integers(0, 10**9))
def test_a_residue_that_is_not_below_its_prime_leaves_the_sum_unchanged(position: int, excess: int) -> None:
    p = SumParameters(params.ring(32, 3), 5, 4, 16, 300)
    total, _ = total_of(p, range(2))
    before = total.copy()
    bad = ring.unpack_sum(p, update(p, 3, lanes_of(p, 3))).reshape(-1)
    position %= bad.size
    prime = p.ring.primes[position // 32 % 3]
    bad[position] = prime + excess % (2**30 - prime)
    payload = ring.pack_sum(p, bad.reshape(total.shape))
    for refuse in (
        lambda: ring.add_payload(p, total, payload),
        lambda: ring.check_payload(p, payload),
        lambda: ring.fingerprint(p, RHO_KEY, payload),
    ):
        with pytest.raises(WireError, match="below"):
            refuse()
    assert np.array_equal(total, before)


@pytest.mark.parametrize("change", [b"", b"\0", b"\0" * 120])
def test_an_update_of_another_length_leaves_the_sum_unchanged(change: bytes) -> None:
    p = SumParameters(params.ring(32, 3), 5, 4, 16, 300)
    total, _ = total_of(p, range(2))
    before = total.copy()
    payload = update(p, 3, lanes_of(p, 3))
    wrong = payload + change if change else payload[:-1]
    with pytest.raises(WireError, match="expected"):
        ring.add_payload(p, total, wrong)
    with pytest.raises(WireError, match="expected"):
        ring.fingerprint(p, RHO_KEY, wrong)
    assert np.array_equal(total, before)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**9))
def test_one_flipped_bit_is_refused_or_keeps_the_sum_from_opening(position: int) -> None:
    p = SumParameters(params.ring(32, 3), 5, 4, 16, 300)
    payload = bytearray(update(p, 1, lanes_of(p, 1)))
    payload[position // 8 % len(payload)] ^= 1 << position % 8
    total = ring.zero_sum(p)
    try:
        ring.add_payload(p, total, payload)
    except WireError:
        return
    with pytest.raises(ProtocolError, match="does not open"):
        ring.open_sum(p, A_KEY, total, secret_sum(p, range(1, 2)), 1)


def open_values(p: SumParameters, values: list[int], n_contributors: int) -> NDArray[np.int64]:
    """Open a sum whose one ciphertext hides exactly these coefficients under a secret of 0."""
    total = np.stack([transformed(p.ring, j, values) for j in range(p.ring.n_primes)])[None]
    zero = np.zeros(p.ring.ring_degree, np.int64)
    return ring.open_sum(p, A_KEY, np.ascontiguousarray(total), zero, n_contributors)


ONE = SumParameters(params.ring(32, 3), 5, 4, 16, 100)


def test_noise_up_to_its_worst_case_is_accepted_and_one_more_is_not() -> None:
    for n in (1, 3, 5):
        for sign in (-1, 1):
            values = [0] * 32
            values[31] = sign * 42 * n
            assert not open_values(ONE, values, n).any()
            values[31] += sign
            with pytest.raises(ProtocolError, match=r"1 coefficient.*noise"):
                open_values(ONE, values, n)


def test_a_lane_up_to_its_largest_sum_is_accepted_and_one_more_is_not() -> None:
    assert ONE.lanes_per_coefficient == 4
    limit = 2 * 65535
    for f in range(3):
        values = [0] * 32
        values[5] = limit * ONE.lane_weight(f) << ONE.delta_bits
        opened = open_values(ONE, values, 2)
        assert opened[f * 32 + 5] == limit
        assert np.count_nonzero(opened) == 1
        values[5] += ONE.lane_weight(f) << ONE.delta_bits
        with pytest.raises(ProtocolError, match=r"1 lane\(s\) above 2 x 65535"):
            open_values(ONE, values, 2)


def test_anything_but_zero_in_an_unused_lane_is_refused() -> None:
    top = ONE.lane_weight(3) << ONE.delta_bits
    values = [0] * 32
    values[3] = 9 * top
    assert open_values(ONE, values, 1)[99] == 9
    values[4] = top
    with pytest.raises(ProtocolError, match="1 unused lane"):
        open_values(ONE, values, 1)


def test_bits_above_the_top_lane_are_refused() -> None:
    values = [0] * 32
    values[31] = 1 << (ONE.delta_bits + ONE.field_bits)
    assert values[31] < ONE.ring.modulus
    with pytest.raises(ProtocolError, match="1 with bits above"):
        open_values(ONE, values, 5)


def test_the_wrong_secret_key_or_contributor_count_does_not_open_the_sum() -> None:
    p = SumParameters(params.ring(64, 3), 5, 4, 16, 500)
    total, _ = total_of(p, range(3))
    right = secret_sum(p, range(3))
    wrong = right.copy()
    wrong[0] -= np.sign(wrong[0]) or 1
    for opening in (
        (A_KEY, wrong, 3),
        (A_KEY, secret_sum(p, range(2)), 3),
        (RHO_KEY, right, 3),
        (A_KEY, right, 1),
    ):
        with pytest.raises(ProtocolError):
            ring.open_sum(p, opening[0], total, opening[1], opening[2])
    wrong[0] = 42 * 3 + 1
    with pytest.raises(ProtocolError, match=r"1 coefficient.* sum of secrets"):
        ring.open_sum(p, A_KEY, total, wrong, 3)
    wrong[0] = -(2**62)
    with pytest.raises(ProtocolError, match=r"1 coefficient.* sum of secrets"):
        ring.open_sum(p, A_KEY, total, wrong, 3)


def test_a_negated_copy_of_an_update_does_not_open_under_its_senders_own_secret() -> None:
    p = SumParameters(params.ring(32, 3), 5, 4, 16, 100)
    payload = ring.unpack_sum(p, update(p, 1, lanes_of(p, 1)))
    primes = np.array(p.ring.primes, np.uint32)[None, :, None]
    negated = np.where(payload == 0, payload, primes - payload)
    total = ring.zero_sum(p)
    ring.add_payload(p, total, ring.pack_sum(p, payload))
    ring.add_payload(p, total, ring.pack_sum(p, np.ascontiguousarray(negated)))
    assert not total.any()
    with pytest.raises(ProtocolError):
        ring.open_sum(p, A_KEY, total, secret_sum(p, range(1, 3)), 2)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 5), st.integers(1, 600))
def test_fingerprints_of_updates_add_up_to_that_of_their_sum(n: int, n_lanes: int) -> None:
    p = SumParameters(params.ring(32, 3), 5, 4, 16, n_lanes)
    total, _ = total_of(p, range(n))
    marks = [ring.fingerprint(p, RHO_KEY, update(p, i, lanes_of(p, i))) for i in range(n)]
    expected = ring.fingerprint(p, RHO_KEY, total)
    assert expected.shape == (5, 3)
    assert np.array_equal(ring.add_fingerprints(p, marks), expected)
    assert np.array_equal(ring.fingerprint(p, RHO_KEY, ring.pack_sum(p, total)), expected)


def test_a_fingerprint_is_the_documented_inner_product() -> None:
    p = SumParameters(params.ring(16, 2), 3, 3, 8, 150)
    total, _ = total_of(p, range(1))
    xof, words = sampling.Xof(RHO_KEY), np.empty(5 * 16, np.uint32)
    expected = np.zeros((5, 2), object)
    for k in range(p.n_ciphertexts):
        xof.start(k)
        xof.fill(words)
        rho = [[int(word) % 2**30 for word in row] for row in words.reshape(5, 16)]
        for v in range(5):
            for j in range(2):
                expected[v, j] += sum(x * y for x, y in zip(rho[v], total[k, j].tolist(), strict=True))
    found = ring.fingerprint(p, RHO_KEY, total)
    assert found.tolist() == [[int(expected[v, j]) % p.ring.primes[j] for j in range(2)] for v in range(5)]


@pytest.mark.parametrize("n", [16, 64, 2048, 65536])
def test_inner_products_of_the_largest_values_are_exact(n: int) -> None:
    prime = params.ring(n, 1).primes[0]
    rows, rho = np.full((1, n), prime - 1, np.uint32), np.full((5, n), 2**32 - 1, np.uint32)
    found = np.full((5, 1), prime - 1, np.uint32)
    assert _kernels.inner_products(rows, rho, np.array([prime], np.uint32), np.empty(n, np.uint32), found)
    assert set(found.ravel().tolist()) == {(prime - 1 + n * (prime - 1) * (2**30 - 1)) % prime}


@pytest.mark.parametrize("ring_degree", [16, 2048, 16384])
def test_companions_are_quotients_of_whole_numbers(ring_degree: int) -> None:
    prime = params.ring(ring_degree, 1).primes[0]
    values = np.random.default_rng(3).integers(0, prime, 5000, np.uint32)
    values[:6] = 0, 1, 2, prime // 2, prime - 2, prime - 1
    found = np.empty_like(values)
    _kernels.companions(values, np.uint32(prime), found)
    assert found.tolist() == [(value << 32) // prime for value in values.tolist()]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**9), st.integers(1, 2**29))
def test_changing_one_residue_changes_the_fingerprint_of_its_prime_only(position: int, change: int) -> None:
    p = SumParameters(params.ring(32, 3), 5, 4, 16, 300)
    total, _ = total_of(p, range(1))
    before = ring.fingerprint(p, RHO_KEY, total)
    flat = total.reshape(-1)
    position %= flat.size
    j = position // 32 % 3
    flat[position] = (int(flat[position]) + change) % p.ring.primes[j]
    after = ring.fingerprint(p, RHO_KEY, total)
    assert (after[:, j] != before[:, j]).all()
    assert np.array_equal(np.delete(after, j, axis=1), np.delete(before, j, axis=1))
    assert not np.array_equal(before, ring.fingerprint(p, A_KEY, total))


def test_arguments_that_no_honest_caller_passes_are_refused() -> None:
    p = SumParameters(params.ring(32, 3), 5, 4, 8, 300)
    lanes, secret = lanes_of(p, 1), secret_of(p, 1)
    for bad_lanes in (lanes[:-1], lanes.astype(np.int64), np.repeat(lanes, 2)[::2], lanes + np.uint32(256)):
        with pytest.raises(ValueError, match="lane"):
            ring.encrypt(p, A_KEY, secret, key(1), bad_lanes)  # type: ignore[arg-type]
    for bad_secret in (secret[:-1], secret.astype(np.int16), np.full(32, 43, np.int8), np.full(32, -128, np.int8)):
        with pytest.raises(ValueError, match="secret"):
            ring.encrypt(p, A_KEY, bad_secret, key(1), lanes)  # type: ignore[arg-type]
    total = ring.zero_sum(p)
    for n_contributors in (0, 6):
        with pytest.raises(ValueError, match="contributors"):
            ring.open_sum(p, A_KEY, total, secret.astype(np.int64), n_contributors)
    with pytest.raises(ValueError, match="signed integers"):
        ring.open_sum(p, A_KEY, total, secret[:-1].astype(np.int64), 1)
    with pytest.raises(ValueError, match="a sum is"):
        ring.add_payload(p, total[:1, :1], update(p, 1, lanes))
