"""Who spoiled a sum: liars among holders and dealers are named by what they signed, and nobody honest ever is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.sums.sum_parties import STUDY, certified_sum, random_bytes

from cipherward import thresholds
from cipherward.crypto import sealing, shamir, slices
from cipherward.crypto.quorum import QuorumScheme, one_time_key, parameters_of
from cipherward.crypto.scheme import share_digest
from cipherward.sums import attribution
from cipherward.sums.attribution import Dispute, Numbers, Verdict
from cipherward.sums.messages import Header, Release, unsign

Vector = NDArray[np.uint32]

FIELDS = (65521, 2**31 - 1)
SIZE = 6  # coefficients; a real sum has thousands, and the vectors are as wide
SLICES = 3


@dataclass
class Failed:
    """A sum that was certified: what everybody dealt and committed to, and what liars make of it.

    `committed[dealer, holder]` is the share whose digest is in the dealer's header. Honest holders have consented, so
    it is the one that they hold.
    """

    rng: Random
    modulus: int
    n: int
    threshold: int
    liars: frozenset[int]
    dealers: list[int]
    holders: list[int]
    vectors: Vector = field(init=False)  # those of each slice in turn, 0 outside of it
    numpy: np.random.Generator = field(init=False)
    committed: dict[tuple[int, int], Vector] = field(default_factory=dict)
    released: dict[int, Vector] = field(default_factory=dict)
    held: dict[int, Numbers] = field(default_factory=dict)
    dealt: dict[int, Numbers] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.numpy = np.random.default_rng(self.rng.getrandbits(64))

    def random_vector(self) -> Vector:
        return self.numpy.integers(0, self.modulus, SIZE, dtype=np.uint32)

    def numbers(self, values: Vector) -> Numbers:
        """Slice by slice."""
        return shamir.inner_products(self.vectors, values, self.modulus).reshape(SLICES, shamir.N_CHALLENGES)

    def lie(self) -> Numbers:
        """Any numbers, of one slice or of all."""
        any_numbers = self.numpy.integers(0, self.modulus, (SLICES, shamir.N_CHALLENGES), dtype=np.uint32)
        if self.rng.random() < 0.5:
            any_numbers[np.arange(SLICES) != self.rng.randrange(SLICES)] = 0
        return any_numbers

    def plus(self, numbers: Numbers, more: Numbers) -> Numbers:
        return attribution.total(self.modulus, np.stack([numbers, more], axis=-2))

    def honest_shares(self) -> dict[int, Vector]:
        known = np.stack([self.random_vector() for _ in range(self.threshold)])
        points, others = self.holders[: self.threshold], self.holders[self.threshold :]
        values = (*known, *shamir.evaluate(points, known, others, self.modulus))
        return dict(zip(self.holders, values, strict=True))

    def total(self, holder: int) -> Vector:
        shares = [self.committed[dealer, holder].astype(np.uint64) for dealer in self.dealers]
        total: Vector = (np.sum(shares, axis=0) % self.modulus).astype(np.uint32)
        return total

    def bent(self, values: Vector) -> Vector:
        """Another vector, in one coefficient or in all."""
        if self.rng.random() < 0.3:
            return self.random_vector()
        other = values.copy()
        other[self.rng.randrange(SIZE)] = self.rng.randrange(self.modulus)
        return other

    def is_honest(self, hospital: int) -> bool:
        return hospital not in self.liars

    def is_inconsistent(self) -> bool:
        points = sorted(self.released)
        values = np.stack([self.released[i] for i in points])
        t = self.threshold
        return not np.array_equal(shamir.evaluate(points[:t], values[:t], points[t:], self.modulus), values[t:])

    def judged(self, shown: dict[Dispute, Numbers] | None = None) -> Verdict:
        return attribution.judge(
            self.modulus,
            self.threshold,
            self.holders,
            self.dealers,
            {i: self.numbers(values) for i, values in self.released.items()},
            self.held,
            self.dealt,
            shown or {},
        )

    def settled(self, shows: Callable[[int], bool]) -> Verdict:
        """The verdict once each slice that is worth it has been shown by whoever shows it."""
        numbers = thresholds.derive(self.n)
        shown = {
            one: self.numbers(self.committed[one.dealer, one.holder])[one.place]
            for one in attribution.to_decide(self.judged().disputes, numbers.corrupt)
            if shows(one.dealer) or shows(one.holder)
        }
        return self.judged(shown)


def failed(
    rng: Random, lies: tuple[str, ...] = ("deal", "release", "answer", "polynomial", "silent"), f: int = -1
) -> Failed:
    """A random sum in which liars, among holders and dealers at once, do some of these."""
    n = rng.randint(4, 9)
    numbers = thresholds.derive(n)
    liars = frozenset(rng.sample(range(1, n + 1), numbers.corrupt if f < 0 else f))
    holders = list(range(1, n + 1))
    dealers = sorted(rng.sample(holders, rng.randint(numbers.min_contributors, n)))
    made = Failed(rng, rng.choice(FIELDS), n, numbers.threshold, liars, dealers, holders)
    for dealer in dealers:
        for holder, values in made.honest_shares().items():
            lie = dealer in liars and "deal" in lies and rng.random() < 0.2
            made.committed[dealer, holder] = made.bent(values) if lie else values
    releasing = rng.sample(holders, rng.randint(numbers.threshold, n))
    for holder in releasing:
        lie = holder in liars and "release" in lies and rng.random() < 0.6
        made.released[holder] = made.bent(made.total(holder)) if lie else made.total(holder)
    vectors = np.stack([made.random_vector() for _ in range(shamir.N_CHALLENGES)])  # after the releases
    inside = np.arange(SIZE) // (SIZE // SLICES) == np.arange(SLICES)[:, None, None]
    made.vectors = np.where(inside, vectors, np.uint32(0)).reshape(-1, SIZE)
    for holder in releasing:
        answer = np.stack([made.numbers(made.committed[dealer, holder]) for dealer in dealers], axis=1)
        if holder in liars and "silent" in lies and rng.random() < 0.1:
            continue
        if holder in liars and "answer" in lies and rng.random() < 0.7:
            # It blames one dealer, honest or not, for what it released; or anything at all.
            blamed = rng.randrange(len(dealers))
            off = made.lie()
            if rng.random() < 0.7:
                wanted = made.numbers(made.released[holder]).astype(np.int64)
                off = ((wanted - attribution.total(made.modulus, answer)) % made.modulus).astype(np.uint32)
            answer[:, blamed] = made.plus(answer[:, blamed], off)
        made.held[holder] = answer
    for dealer in dealers:
        points = holders[: made.threshold]
        answers = np.stack([made.numbers(made.committed[dealer, point]) for point in points], axis=1)
        if dealer in liars and "silent" in lies and rng.random() < 0.1:
            continue
        if dealer in liars and "polynomial" in lies and rng.random() < 0.5:
            # It agrees with what a liar answered, or with nobody.
            for row, point in enumerate(points):
                if point in made.held and rng.random() < 0.5:
                    answers[:, row] = made.held[point][:, dealers.index(dealer)]
                elif rng.random() < 0.2:
                    answers[:, row] = made.lie()
        made.dealt[dealer] = answers
    return made


def test_the_polynomial_of_numbers_at_known_points_at_others_and_at_none() -> None:
    modulus, points = 65521, [1, 2, 3]
    at = np.array([[5 + 7 * x + 11 * x * x for _ in range(8)] for x in range(8)], np.uint32)
    for wanted in ([], [2], [0, 7], [3, 5, 1]):
        assert np.array_equal(attribution.polynomial_at(at[points], points, wanted, modulus), at[wanted])


@pytest.mark.parametrize(
    ("block", "seeds"),
    [
        (0, range(200)),
        pytest.param(0, range(200, 1000), marks=pytest.mark.thorough),
        *(pytest.param(k, range(1000), marks=pytest.mark.slow) for k in range(1, 10)),
    ],
)
def test_an_honest_party_is_never_named_in_ten_thousand_sums(block: int, seeds: range) -> None:
    named_somebody = 0
    for seed in seeds:
        rng = Random(f"{block}/{seed}")
        sums = failed(rng)
        silent = frozenset(i for i in range(1, sums.n + 1) if rng.random() < 0.2)  # crashed, honest or not
        sums.held = {i: answer for i, answer in sums.held.items() if i not in silent}
        sums.dealt = {i: answer for i, answer in sums.dealt.items() if i not in silent}
        verdict = sums.settled(lambda i, silent=silent: i not in silent)  # type: ignore[misc]
        assert verdict.named <= sums.liars, f"{block}/{seed}: {verdict}"
        named_somebody += bool(verdict.culprits)
    assert named_somebody > 0.3 * len(seeds)


def test_where_everybody_answers_somebody_is_named() -> None:
    for seed in range(500):
        sums = failed(Random(f"all/{seed}"), ("deal", "release", "answer", "polynomial"))
        if sums.is_inconsistent():
            verdict = sums.settled(lambda i: True)
            assert verdict.named, seed
            assert verdict.named <= sums.liars, seed
            assert not verdict.disputes, seed


def test_a_single_liar_who_released_something_else_is_always_named() -> None:
    for seed in range(500):
        sums = failed(Random(f"single/{seed}"), ("release", "answer"), f=1)
        (liar,) = sums.liars
        honest = liar not in sums.released or np.array_equal(sums.released[liar], sums.total(liar))
        if not honest:
            # Whether it owns up to its release, or blames a dealer, or all of this with the liar showing nothing.
            assert sums.settled(sums.is_honest).named == {liar}, seed


def test_a_dealer_who_dealt_no_polynomial_is_named_whatever_it_answers() -> None:
    for seed in range(300):
        rng = Random(f"dealer/{seed}")
        sums = failed(rng, ("deal", "polynomial"), f=1)
        (liar,) = sums.liars
        if sums.is_inconsistent():
            assert sums.settled(sums.is_honest).named == {liar}


def test_who_is_silent_is_not_named() -> None:
    for seed in range(200):
        sums = failed(Random(f"silent/{seed}"), ("release", "deal"))
        sums.held = {i: answer for i, answer in sums.held.items() if i not in sums.liars}
        sums.dealt = {i: answer for i, answer in sums.dealt.items() if i not in sums.liars}
        assert not sums.settled(sums.is_honest).culprits


def test_the_vectors_follow_from_the_manifest_every_signed_release_and_the_witness() -> None:
    releases = {1: b"one", 2: b"two", 5: b"five"}
    seed = attribution.challenge_seed(bytes(32), releases, b"witness")
    assert seed == attribution.challenge_seed(bytes(32), dict(sorted(releases.items(), reverse=True)), b"witness")
    others = [
        (b"\x01" * 32, releases, b"witness"),
        (bytes(32), releases | {5: b"four"}, b"witness"),
        (bytes(32), {1: b"one", 2: b"two"}, b"witness"),
        (bytes(32), releases, b"another"),
    ]
    assert len({seed, *(attribution.challenge_seed(*other) for other in others)}) == 5


@pytest.mark.parametrize("modulus", FIELDS)
def test_inner_products_are_those_of_whole_numbers(modulus: int) -> None:
    rng = np.random.default_rng(modulus)
    vectors = rng.integers(0, modulus, (shamir.N_CHALLENGES, 9000)).astype(np.uint32)
    values = rng.integers(0, modulus, 9000).astype(np.uint32)
    values[:10] = modulus - 1
    vectors[:, :10] = modulus - 1
    expected = [sum(int(a) * int(b) for a, b in zip(row, values, strict=True)) % modulus for row in vectors]
    assert list(shamir.inner_products(vectors, values, modulus)) == expected


def test_of_many_hospitals_that_differ_with_more_others_than_may_lie_each_has_enough_disputes_decided_spread_evenly() -> (
    None
):
    f, n = 12, 40
    loud, quiet = range(1, f + 1), range(f + 1, n + 1)
    disputes = [Dispute(dealer, holder, 0) for dealer in quiet for holder in loud]
    chosen = attribution.to_decide(disputes, f)
    assert set(chosen) <= set(disputes)
    assert {sum(one.holder == i for one in chosen) for i in loud} == {f}
    assert {sum(one.dealer == i for one in chosen) for i in quiet} <= {5, 6}


@pytest.mark.parametrize("n_loud", [1, attribution.FEW])
def test_where_few_hospitals_differ_with_everybody_all_disputes_are_decided(n_loud: int) -> None:
    loud, quiet = range(1, n_loud + 1), range(n_loud + 1, 41)
    disputes = [Dispute(dealer, holder, 0) for dealer in quiet for holder in loud]
    disputes += [Dispute(1, 40, 1), Dispute(39, 40, 2)]
    assert attribution.to_decide(disputes, 10) == sorted(disputes)


def test_in_a_real_sum_the_holder_of_a_false_release_is_named_and_so_is_one_who_blames_a_dealer_falsely() -> None:
    run = certified_sum()
    run.release()
    scheme, task, liar = QuorumScheme(), run.task, 3
    parameters, modulus = parameters_of(task), scheme.share_modulus(task)
    bodies = {i: unsign(run.release_of(i), Release, study=STUDY, keys=run.parties.rules.keys) for i in range(1, 6)}
    shares = {i: body.shares for i, body in bodies.items()}
    false = shamir.unpack(parameters, shares[liar])
    false[17] = (false[17] + 1) % modulus
    seed = attribution.challenge_seed(run.certificate.manifest_digest, shares, b"witness")
    kept = {i: one_time_key(task, run.vectors[i], random_bytes("deal", i, task.context)) for i in range(1, 6)}
    tables = (scheme.numbers_held(task, seed, i, run.private[i], run.consents[i].dealt) for i in range(1, 6))
    held = {i: np.stack(list(table.values()), axis=1) for i, table in enumerate(tables, start=1)}
    dealt = {i: np.stack(scheme.numbers_dealt(task, seed, i, kept[i], range(1, 6)), axis=1) for i in range(1, 6)}
    released = {i: scheme.numbers_released(task, seed, data) for i, data in shares.items()}

    def judged(shown: Any = None) -> Verdict:
        everyone, t = range(1, 6), parameters.threshold
        return attribution.judge(modulus, t, everyone, everyone, released, held, dealt, shown or {})

    assert judged() == Verdict((), ())
    true, released[liar] = released[liar], scheme.numbers_released(task, seed, shamir.pack(parameters, false))
    assert judged().named == {liar}
    # It says that dealer 2 gave it another share.
    held[liar][:, 1] = (held[liar][:, 1].astype(np.int64) + released[liar] - true) % modulus
    assert judged() == Verdict((), (Dispute(2, liar, 0),))
    packed = scheme.share_shown(task, 2, kept[2], range(1, 6), liar)
    header = unsign(run.dealt[2].header, Header, study=STUDY, keys=run.parties.rules.keys)
    sealed = run.consents[liar].dealt[2].sealed
    assert header.shares.get(liar) == share_digest(sealed)
    assert sealed[:32] == sealing.commitment(task, 2, liar, packed)
    piece = slices.cut(packed)[0]
    assert judged({Dispute(2, liar, 0): scheme.numbers_shown(task, seed, 0, piece)}).named == {liar}
