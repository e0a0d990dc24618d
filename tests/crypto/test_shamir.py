import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cipherward.crypto import params, shamir
from cipherward.crypto._jit import U32
from cipherward.crypto.params import SumParameters
from cipherward.errors import WireError

DEGREE = 16


def setting(n_hospitals: int, threshold: int) -> SumParameters:
    return SumParameters(params.ring(DEGREE, 3), n_hospitals, threshold, 4, 10)


def secret_of(seed: int, bound: int = 42) -> NDArray[np.int8]:
    return np.random.default_rng(seed).integers(-bound, bound + 1, DEGREE).astype(np.int8)


def all_shares(p: SumParameters, secret: NDArray[np.int8], salt: int = 0) -> dict[int, U32]:
    order = np.random.default_rng(salt).permutation(np.arange(1, p.n_hospitals + 1)).tolist()
    seeds = {holder: (holder + 1000 * salt).to_bytes(32, "big") for holder in order[: p.threshold - 1]}
    seeded = {holder: shamir.expand_share(p, seed) for holder, seed in seeds.items()}
    return seeded | shamir.share(p, secret, seeded, sorted(order[p.threshold - 1 :]))


def interpolated_by_hand(points: list[int], values: list[int], x: int, modulus: int) -> int:
    total = 0
    for i, value in zip(points, values, strict=True):
        for j in points:
            if j != i:
                value = value * (x - j) * pow(i - j, -1, modulus) % modulus
        total += value
    return total % modulus


@pytest.mark.parametrize(("n_hospitals", "threshold"), [(1, 1), (3, 3), (5, 4), (6, 3), (900, 4)])
def test_any_threshold_of_the_shares_give_the_secret(n_hospitals: int, threshold: int) -> None:
    p = setting(n_hospitals, threshold)
    secret = secret_of(n_hospitals)
    shares = all_shares(p, secret, salt=7)
    for points in itertools.islice(itertools.combinations(sorted(shares), threshold), 30):
        opened = shamir.interpolate_at_zero(p, points, [shares[point] for point in points])
        assert opened.dtype == np.int32
        assert np.array_equal(opened, secret)


@pytest.mark.parametrize("n_hospitals", [6, 900])
def test_shares_lie_on_the_polynomial_through_secret_and_seeds(n_hospitals: int) -> None:
    p = setting(n_hospitals, 4)
    secret = secret_of(3)
    seeded = {holder: shamir.expand_share(p, bytes([holder]) * 32) for holder in (2, 3, 6)}
    full = shamir.share(p, secret, seeded, [5, 1])
    assert list(full) == [5, 1]
    for coefficient in range(DEGREE):
        values = [int(secret[coefficient])] + [int(share[coefficient]) for share in seeded.values()]
        for holder, share in full.items():
            assert share[coefficient] == interpolated_by_hand([0, 2, 3, 6], values, holder, p.share_modulus)


def test_one_share_too_few_gives_something_else() -> None:
    secret = secret_of(1)
    shares = all_shares(setting(6, 4), secret)
    points = [1, 4, 6]
    wrong = shamir.interpolate_at_zero(setting(6, 3), points, [shares[point] for point in points])
    assert not np.array_equal(wrong, secret)
    with pytest.raises(ValueError, match="threshold of 4"):
        shamir.interpolate_at_zero(setting(6, 4), points, [shares[point] for point in points])


def test_fewer_shares_than_the_threshold_fit_every_secret() -> None:
    p, modulus = setting(5, 3), 65521
    shares = all_shares(p, secret_of(2))
    for other in (0, 17, -42):
        third = interpolated_by_hand([0, 1, 2], [other, int(shares[1][0]), int(shares[2][0])], 3, modulus)
        assert (
            interpolated_by_hand([1, 2, 3], [int(shares[1][0]), int(shares[2][0]), third], 0, modulus)
            == other % modulus
        )


@settings(deadline=None, max_examples=40)
@given(
    n_contributors=st.integers(1, 9),
    n_hospitals=st.sampled_from([9, 800]),
    seed=st.integers(0, 1000),
)
def test_sums_of_shares_are_shares_of_the_sum(n_contributors: int, n_hospitals: int, seed: int) -> None:
    p = setting(n_hospitals, 5)
    secrets = [secret_of(seed + i) for i in range(n_contributors)]
    dealt = [all_shares(p, secret, salt=seed + i) for i, secret in enumerate(secrets)]
    points = [2, 9, 4, 3, 7, 1]
    sums = [shamir.add_shares(p, [shares[point] for shares in dealt]) for point in points]
    assert shamir.consistent(p, points, sums)
    assert np.array_equal(shamir.interpolate_at_zero(p, points, sums), np.sum(secrets, axis=0, dtype=np.int64))


def test_the_largest_sum_of_secrets_still_fits_the_field() -> None:
    for n_hospitals in (780, 781):
        p = setting(n_hospitals, 2)
        for extreme in (-42 * n_hospitals, 42 * n_hospitals):
            secret = np.full(DEGREE, extreme)
            full = shamir.share(p, secret, {1: shamir.expand_share(p, bytes(32))}, [2, 3])
            assert np.array_equal(shamir.interpolate_at_zero(p, [3, 2], [full[3], full[2]]), secret)


@given(holder=st.integers(1, 6), coefficient=st.integers(0, DEGREE - 1), change=st.integers(1, 65520))
@settings(deadline=None, max_examples=40)
def test_one_wrong_value_among_more_than_threshold_shares_is_noticed(
    holder: int, coefficient: int, change: int
) -> None:
    p = setting(6, 4)
    shares = all_shares(p, secret_of(9))
    assert shamir.consistent(p, list(shares), list(shares.values()))
    shares[holder] = shares[holder].copy()
    shares[holder][coefficient] = (int(shares[holder][coefficient]) + change) % p.share_modulus
    assert not shamir.consistent(p, list(shares), list(shares.values()))


def test_exactly_threshold_shares_are_always_consistent() -> None:
    p = setting(6, 4)
    shares = all_shares(p, secret_of(9))
    shares[1] = (shares[1] + np.uint32(1)) % np.uint32(p.share_modulus)
    assert shamir.consistent(p, [1, 2, 3, 4], [shares[point] for point in (1, 2, 3, 4)])


@pytest.mark.parametrize("n_hospitals", [5, 900])
def test_packed_shares_come_back_and_malformed_ones_are_refused(n_hospitals: int) -> None:
    p = setting(n_hospitals, 3)
    share = all_shares(p, secret_of(4))[2]
    packed = shamir.pack(p, share)
    assert len(packed) == p.share_bytes
    assert np.array_equal(shamir.unpack(p, packed), share)
    width = p.share_value_bytes
    assert [int.from_bytes(packed[i : i + width], "little") for i in range(0, len(packed), width)] == share.tolist()
    with pytest.raises(WireError, match="bytes"):
        shamir.unpack(p, packed[:-1])
    with pytest.raises(WireError, match="not below"):
        shamir.unpack(p, packed[:-width] + p.share_modulus.to_bytes(width, "little"))
    with pytest.raises(ValueError, match="below"):
        shamir.pack(p, np.full(DEGREE, p.share_modulus, np.uint32))


def test_holders_must_be_distinct_and_on_the_roster() -> None:
    p = setting(5, 3)
    shares = all_shares(p, secret_of(5))
    for points in ([1, 1, 2], [0, 1, 2], [1, 2, 6]):
        with pytest.raises(ValueError, match="distinct"):
            shamir.interpolate_at_zero(p, points, [shares[1]] * 3)
    one = shamir.expand_share(p, bytes(32))
    for seeded, holders in (({1: one}, [2, 3]), ({1: one, 2: one}, [2, 3])):
        with pytest.raises(ValueError, match=r"seeds|distinct"):
            shamir.share(p, secret_of(5), seeded, holders)
    with pytest.raises(ValueError, match="integers below"):
        shamir.share(p, np.full(DEGREE, 40_000), {1: one, 2: one}, [3])


@pytest.mark.parametrize("modulus", [32771, 40009, 65521])
def test_sums_of_products_are_reduced_exactly_up_to_their_largest(modulus: int) -> None:
    sums = np.random.default_rng(5).integers(0, 2**52, 4000, np.uint64)
    edges = [0, 1, modulus - 1, modulus, 2**32 - 1, 2**32, 2**52 - 1, 2**52 // modulus * modulus - 1]
    sums[: len(edges)] = edges
    found = np.empty(sums.size, np.uint32)
    with np.errstate(over="ignore"):
        shamir.reduce_short(sums, np.uint64(modulus), found)
    assert found.tolist() == [value % modulus for value in sums.tolist()]


@pytest.mark.parametrize("modulus", [257, 32771, 65521, 2**31 - 1])
@pytest.mark.parametrize(("known", "wanted"), [([0, 1, 2, 200, 7], [3, 99]), (list(range(9)), list(range(9, 200)))])
def test_polynomials_are_evaluated_as_with_whole_numbers(modulus: int, known: list[int], wanted: list[int]) -> None:
    values = np.random.default_rng(6).integers(0, modulus, (len(known), 300), np.uint32)
    values[:, 0] = modulus - 1
    found = shamir.evaluate(known, values, wanted, modulus)
    places = [0, 1, 255, 256, 299]
    columns = [values[:, place].tolist() for place in places]
    expected = [[interpolated_by_hand(known, column, x, modulus) for column in columns] for x in wanted]
    assert found[:, places].tolist() == expected
