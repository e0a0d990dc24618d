import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cipherward.crypto import params
from cipherward.crypto.params import RINGS, RingParameters, SumParameters, candidates, choose


def divides_nothing(value: int) -> bool:
    return all(value % divisor for divisor in range(2, math.isqrt(value) + 1))


@pytest.mark.parametrize("ring", RINGS, ids=lambda ring: str(ring.ring_degree))
def test_a_secure_ring_uses_the_largest_thirty_bit_primes_there_are(ring: RingParameters) -> None:
    step = 2 * ring.ring_degree
    candidates = range(2**30 - step + 1, min(ring.primes) - 1, -step)
    assert tuple(value for value in candidates if divides_nothing(value)) == ring.primes


def test_the_secure_rings_stay_below_the_modulus_limit_of_their_degree() -> None:
    limits = {2048: 53, 4096: 106, 8192: 214, 16384: 430}
    assert [(ring.ring_degree, ring.n_primes) for ring in RINGS] == [(2048, 1), (4096, 3), (8192, 6), (16384, 12)]
    assert all(ring.modulus.bit_length() <= limits[ring.ring_degree] for ring in RINGS)
    assert all(ring.modulus.bit_length() == 30 * ring.n_primes for ring in RINGS)


@pytest.mark.parametrize(
    ("degree", "primes"),
    [
        (24, RINGS[1].primes),
        (8, RINGS[1].primes),
        (4096, ()),
        (4096, RINGS[1].primes[:1] * 2),
        (4096, (12289,)),
        (16, (2**30 - 31,)),
        (8192, (536903681 + 8192,)),
    ],
    ids=["degree", "tiny degree", "none", "twice", "too small", "composite", "wrong residue"],
)
def test_an_unsuitable_ring_is_refused(degree: int, primes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"prime|power of two"):
        RingParameters(degree, primes)


@given(
    n_hospitals=st.integers(1, 5000),
    bits=st.integers(1, 24),
    n_lanes=st.integers(1, 10**9),
    data=st.data(),
)
def test_the_largest_honest_sum_neither_carries_nor_wraps(
    n_hospitals: int, bits: int, n_lanes: int, data: st.DataObject
) -> None:
    threshold = data.draw(st.integers(1, n_hospitals))
    p = data.draw(st.sampled_from(candidates(n_lanes, bits=bits, n_hospitals=n_hospitals, threshold=threshold)))
    ring = p.ring
    lane = n_hospitals * (2**bits - 1)
    packed = sum(lane * p.lane_weight(f) for f in range(p.lanes_per_coefficient))
    value = (packed << p.delta_bits) + 42 * n_hospitals
    assert lane < p.lane_base
    assert packed < 2**p.field_bits
    assert value + 2 ** (p.delta_bits - 1) < math.prod(ring.primes)
    assert 42 * n_hospitals < 2 ** (p.delta_bits - 1)
    assert p.lanes_per_coefficient >= (math.prod(ring.primes).bit_length() - 1 - p.delta_bits) // lane.bit_length()
    assert p.n_ciphertexts == math.ceil(n_lanes / (p.lanes_per_coefficient * ring.ring_degree))
    assert p.share_modulus > 84 * n_hospitals


def test_the_share_field_grows_with_the_number_of_hospitals() -> None:
    fields = {n: SumParameters(RINGS[1], n, 1, 16, 10).share_modulus for n in (3, 50, 780, 781, 100_000)}
    assert fields == {3: 65521, 50: 65521, 780: 65521, 781: 2**31 - 1, 100_000: 2**31 - 1}


@pytest.mark.parametrize(
    ("n_hospitals", "threshold", "bits", "n_lanes"),
    [(0, 1, 16, 5), (5, 6, 16, 5), (5, 0, 16, 5), (5, 3, 25, 5), (5, 3, 0, 5), (5, 3, 16, 0), (2**21, 3, 16, 5)],
)
def test_parameters_out_of_range_are_refused(n_hospitals: int, threshold: int, bits: int, n_lanes: int) -> None:
    with pytest.raises(ValueError):
        SumParameters(RINGS[1], n_hospitals, threshold, bits, n_lanes)


def test_a_ring_too_small_for_one_lane_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot hold a lane"):
        SumParameters(params.ring(16, 1), 8, 6, 24, 5)


def test_bytes_are_counted_as_they_travel() -> None:
    p = SumParameters(RINGS[2], 8, 6, 16, 1_000_000)
    assert (p.lane_base, p.delta_bits, p.lanes_per_coefficient, p.n_ciphertexts) == (8 * 65535 + 1, 10, 8, 16)
    assert p.payload_bytes == 16 * 6 * 8192 * 30 // 8 == p.n_residues * 30 // 8
    assert p.share_bytes == 16384
    assert p.update_bytes == p.payload_bytes + 3 * 16384 + 5 * 32 + 8 * 1168


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("n_hospitals", [3, 8, 50, 1000])
def test_the_chosen_ring_has_the_fewest_bytes_in_all(n_hospitals: int, bits: int) -> None:
    threshold = 2 * n_hospitals // 3 + 1
    for n_lanes in (1, 500, 20_000, 40_000, 300_000, 1_000_000, 10_000_000, 100_000_000):
        chosen = choose(n_lanes, bits=bits, n_hospitals=n_hospitals, threshold=threshold)
        others = [
            SumParameters(params.ring(degree, k), n_hospitals, threshold, bits, n_lanes)
            for degree, most in ((4096, 3), (8192, 6), (16384, 12))
            for k in range(2, most + 1)
        ]
        assert chosen.update_bytes <= min(other.update_bytes for other in others)


def test_a_short_vector_goes_over_the_small_ring_and_one_that_its_lanes_do_not_fit_over_another() -> None:
    short = choose(1_000, bits=16, n_hospitals=8, threshold=6)
    assert (short.ring, short.lanes_per_coefficient, short.n_ciphertexts) == (RINGS[0], 1, 1)
    assert choose(1_000, bits=16, n_hospitals=50, threshold=34).ring == params.ring(4096, 2)


def test_every_ring_that_may_be_chosen_is_one_of_the_table_or_has_a_smaller_modulus_at_its_degree() -> None:
    largest = {ring.ring_degree: ring for ring in RINGS}
    for p in candidates(10, bits=4, n_hospitals=3, threshold=3):
        assert p.ring.primes == largest[p.ring.ring_degree].primes[: p.ring.n_primes]


def test_an_update_is_smaller_than_plain_float32_above_sixty_thousand_parameters() -> None:
    for n_lanes in (60_000, 100_000, 1_000_000):
        assert choose(n_lanes, bits=16, n_hospitals=5, threshold=4).update_bytes < 4 * n_lanes


@given(st.integers(2, 200_000))
def test_primality_agrees_with_trial_division(value: int) -> None:
    assert params.is_prime(value) == divides_nothing(value)
