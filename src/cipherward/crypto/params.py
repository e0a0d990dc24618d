"""Parameters of the secure sum: which ring, how many lanes per coefficient, how wide the noise gap, which share field.

Ring R_q = Z_q[X] / (X^N + 1), q a product of distinct 30-bit primes p = 1 mod 2N, the largest there are:

| N | primes | log2 q | limit of eprint 2024/463 | core-SVP, error and secret std 3.24: classical / quantum |
|---|---|---|---|---|
| 2048 | 1 | 30 | 53 | 238 / 216 |
| 4096 | 3 | 90 | 106 | 130 / 118 |
| 8192 | 6 | 180 | 214 | 127 / 115 |
| 16384 | 12 | 360 | 430 | 126 / 114 |

These are the most primes of each degree; fewer make q smaller and attacks harder (4096 with 2: 228 / 207).

Secrets and errors are centred binomial with eta = 42 (std 4.58, never beyond 42). 3.24 is what two honest parties keep
when only the sum of their secrets is opened; that step is a heuristic, the clean proof is for Gaussians.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from cipherward.crypto import slices

ETA = 42
"""Bound of every secret and error coefficient."""

SEED_BYTES = 32
SEALING_BYTES = 32 + 1088 + 32 + 16
"""ML-KEM-768 ciphertext, X25519 public key and AES-GCM tag that sealing adds to each share."""

SHARE_MODULI = (65521, 2**31 - 1)
MAX_HOSPITALS = 1 << 20
MAX_BITS = 24
WORD_BITS = 62
"""A word of lanes is read in 64-bit arithmetic, from three 32-bit limbs."""
MAX_PRIMES = 64


@dataclass(frozen=True)
class RingParameters:
    """Z_q[X] / (X^N + 1) in residue form; `primes` are distinct, between 2^29 and 2^30, and 1 mod 2N.

    Raises:
        ValueError: ring_degree is not a power of two between 16 and 65536, or a prime is unsuitable. Small degrees
            are for tests; only the members of `RINGS` are secure.
    """

    ring_degree: int
    primes: tuple[int, ...]

    def __post_init__(self) -> None:
        n = self.ring_degree
        if not (16 <= n <= 65536 and n & (n - 1) == 0):
            raise ValueError(f"ring degree {n} is not a power of two between 16 and 65536")
        if not 1 <= len(self.primes) <= MAX_PRIMES or len(set(self.primes)) != len(self.primes):
            raise ValueError(f"a ring has between 1 and {MAX_PRIMES} primes, all distinct")
        for prime in self.primes:
            if not (2**29 < prime < 2**30 and prime % (2 * n) == 1 and is_prime(prime)):
                raise ValueError(f"{prime} is not a 30-bit prime that is 1 modulo {2 * n}")

    @cached_property
    def modulus(self) -> int:
        """q, the exact product of the primes."""
        return math.prod(self.primes)

    @property
    def n_primes(self) -> int:
        return len(self.primes)

    @property
    def row_bytes(self) -> int:
        """Bytes of N packed residues of one prime, 30 bits each."""
        return self.ring_degree * 30 // 8


@dataclass(frozen=True)
class SumParameters:
    """Everything both sides of one secure sum must agree on; the first five fields determine the rest.

    ring: the ring. n_hospitals: roster size n. threshold: t shares open a sum. bits: each hospital's lane is below
    2^bits. n_lanes: length of the summed vector.

    Derived: lane_base B = n (2^bits - 1) + 1, so that a digit in base B holds a lane's sum; lanes_per_word g and word_bits
    w: g such digits in w <= 62 whole bits, chosen for the most lanes_per_coefficient F; last_word_bits: of the last word,
    which may hold fewer; delta_bits d (words sit above d bits of noise room, 2^(d-1) > 42 n); n_ciphertexts;
    share_modulus (smallest of 65521 and 2^31 - 1 above 84 n).

    Raises:
        ValueError: a value is out of range, or the ring cannot hold one lane. Construction proves, over the real q,
            that no honest sum carries from a lane into the next, wraps around q, or drowns in its noise.
    """

    ring: RingParameters
    n_hospitals: int
    threshold: int
    bits: int
    n_lanes: int
    lane_base: int = field(init=False)
    lanes_per_word: int = field(init=False)
    word_bits: int = field(init=False)
    last_word_bits: int = field(init=False)
    lanes_per_coefficient: int = field(init=False)
    delta_bits: int = field(init=False)
    n_ciphertexts: int = field(init=False)
    share_modulus: int = field(init=False)

    def __post_init__(self) -> None:
        n = self.n_hospitals
        if not 1 <= n <= MAX_HOSPITALS:
            raise ValueError(f"{n} hospitals: between 1 and {MAX_HOSPITALS} can be summed")
        if not 1 <= self.threshold <= n:
            raise ValueError(f"threshold {self.threshold} is not between 1 and the {n} hospitals")
        if not 1 <= self.bits <= MAX_BITS:
            raise ValueError(f"{self.bits} bits per lane: between 1 and {MAX_BITS} are supported")
        if not 1 <= self.n_lanes < 2**40:
            raise ValueError(f"a vector of {self.n_lanes} lanes cannot be summed")
        lane_base = n * ((1 << self.bits) - 1) + 1
        delta_bits = (ETA * n).bit_length() + 1
        room = self.ring.modulus.bit_length() - 1
        lanes, per_word = max(
            (_lanes_in(room - delta_bits, lane_base, g), -g) for g in range(1, WORD_BITS + 1) if _fits(lane_base, g)
        )
        if lanes < 1:
            raise ValueError(
                f"a {room}-bit ring cannot hold a lane of {_width(lane_base, 1)} bits above {delta_bits} bits of noise"
            )
        derived = {
            "lane_base": lane_base,
            "lanes_per_word": -per_word,
            "word_bits": _width(lane_base, -per_word),
            "last_word_bits": _width(lane_base, lanes % -per_word or -per_word),
            "delta_bits": delta_bits,
            "lanes_per_coefficient": lanes,
            "n_ciphertexts": -(-self.n_lanes // (lanes * self.ring.ring_degree)),
            "share_modulus": min(modulus for modulus in SHARE_MODULI if modulus > 2 * ETA * n),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)
        self._prove()

    def _prove(self) -> None:
        n, d, lanes = self.n_hospitals, self.delta_bits, self.lanes_per_coefficient
        lane_sum = n * (2**self.bits - 1)
        packed = sum(lane_sum * self.lane_weight(f) for f in range(lanes))
        facts = {
            "a lane's sum fits its digit": lane_sum < self.lane_base,
            "a word of digits fits its bits": self.lane_base**self.lanes_per_word <= 2**self.word_bits <= 2**WORD_BITS,
            "packed sums fit their field": packed < 2**self.field_bits,
            "noise stays inside half a step": ETA * n < 2 ** (d - 1),
            "the field fits the ring": self.field_bits + d <= self.ring.modulus.bit_length() - 1,
            "the largest honest value does not wrap": (packed << d) + ETA * n + 2 ** (d - 1) < self.ring.modulus,
            "a sum of secrets is determined by its share residue": 2 * ETA * n < self.share_modulus,
            "every hospital has its own evaluation point": n < self.share_modulus,
        }
        broken = [fact for fact, holds in facts.items() if not holds]
        if broken:
            raise ValueError(f"unsound sum parameters, not true: {'; '.join(broken)}")

    @property
    def field_bits(self) -> int:
        """Bits of all words of a coefficient."""
        n_words = -(-self.lanes_per_coefficient // self.lanes_per_word)
        return (n_words - 1) * self.word_bits + self.last_word_bits

    def lane_weight(self, field: int) -> int:
        """What lane `field` of a coefficient, 0 .. F - 1, is multiplied by: 2^(w (field // g)) B^(field mod g)."""
        word, digit = divmod(field, self.lanes_per_word)
        weight: int = self.lane_base**digit << (word * self.word_bits)
        return weight

    @property
    def lanes_per_ciphertext(self) -> int:
        return self.lanes_per_coefficient * self.ring.ring_degree

    @property
    def n_residues(self) -> int:
        """Residues of one update or sum: n_ciphertexts * n_primes * ring_degree."""
        return self.n_ciphertexts * self.ring.n_primes * self.ring.ring_degree

    @property
    def payload_bytes(self) -> int:
        """Length of an encrypted update, and of a packed sum."""
        return self.n_ciphertexts * self.ring.n_primes * self.ring.row_bytes

    @property
    def share_value_bytes(self) -> int:
        return 2 if self.share_modulus < 2**16 else 4

    @property
    def share_bytes(self) -> int:
        """Length of one full, packed share vector: N values."""
        return self.ring.ring_degree * self.share_value_bytes

    @property
    def n_slices(self) -> int:
        """Of a packed share."""
        return slices.n_slices(self.share_bytes)

    @property
    def slice_values(self) -> int:
        """Values of a share in one slice."""
        return min(self.ring.ring_degree, slices.SLICE_BYTES // self.share_value_bytes)

    @property
    def n_full_shares(self) -> int:
        """Shares of one secret that travel in full; the other threshold - 1 travel as seeds."""
        return self.n_hospitals - self.threshold + 1

    @property
    def update_bytes(self) -> int:
        """Payload and all sealed shares of one hospital's update, without headers."""
        return (
            self.payload_bytes
            + self.n_full_shares * self.share_bytes
            + (self.threshold - 1) * SEED_BYTES
            + self.n_hospitals * SEALING_BYTES
        )


def _width(base: int, n_digits: int) -> int:
    """Bits of the largest number of `n_digits` digits."""
    largest: int = base**n_digits - 1
    return largest.bit_length()


def _fits(base: int, n_digits: int) -> bool:
    return _width(base, n_digits) <= WORD_BITS


def _lanes_in(room: int, base: int, per_word: int) -> int:
    """How many digits fit `room` bits, in words of `per_word` and a shorter last one."""
    words, rest = divmod(max(room, 0), _width(base, per_word))
    return words * per_word + max(e for e in range(per_word) if _width(base, e) <= rest)


def is_prime(value: int) -> bool:
    """Miller-Rabin with bases that decide every value below 3.2 * 10^9 (Jaeschke 1993, bases 2, 3, 5, 7)."""
    if value < 2 or value >= 3_200_000_000:
        raise ValueError(f"primality of {value} is not decided here")
    for base in (2, 3, 5, 7):
        if value % base == 0:
            return value == base
    twos = ((value - 1) & -(value - 1)).bit_length() - 1
    for base in (2, 3, 5, 7):
        x = pow(base, (value - 1) >> twos, value)
        if x in (1, value - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % value
            if x == value - 1:
                break
        else:
            return False
    return True


def largest_primes(ring_degree: int, n_primes: int) -> tuple[int, ...]:
    """The `n_primes` largest primes below 2^30 that are 1 mod 2 * ring_degree, largest first."""
    step = 2 * ring_degree
    found: list[int] = []
    candidate = 2**30 - step + 1
    while len(found) < n_primes:
        if candidate <= 2**29:
            raise ValueError(f"there are only {len(found)} 30-bit primes that are 1 modulo {step}")
        if is_prime(candidate):
            found.append(candidate)
        candidate -= step
    return tuple(found)


@lru_cache(maxsize=64)
def ring(ring_degree: int, n_primes: int) -> RingParameters:
    """The ring of that degree over the largest primes."""
    return RingParameters(ring_degree, largest_primes(ring_degree, n_primes))


RINGS = (ring(2048, 1), ring(4096, 3), ring(8192, 6), ring(16384, 12))
"""The secure sets of the table above."""


def choose(n_lanes: int, *, bits: int, n_hospitals: int, threshold: int) -> SumParameters:
    """Of `candidates` the parameters with the fewest `update_bytes` (the smaller ring on a tie).

    Raises:
        ValueError: a value is out of range.
    """
    found = candidates(n_lanes, bits=bits, n_hospitals=n_hospitals, threshold=threshold)
    return min(found, key=lambda parameters: parameters.update_bytes)


def candidates(n_lanes: int, *, bits: int, n_hospitals: int, threshold: int) -> list[SumParameters]:
    """The parameters over each of `RINGS`, and over its first primes alone, smaller rings first; without those that hold no lane.

    Raises:
        ValueError: a value is out of range.
    """
    found = [SumParameters(RINGS[-1], n_hospitals, threshold, bits, n_lanes)]  # holds a lane if any does
    for each in reversed([smaller for largest in RINGS for smaller in _with_fewer_primes(largest)][:-1]):
        try:
            found.append(SumParameters(each, n_hospitals, threshold, bits, n_lanes))
        except ValueError:
            continue
    return found[::-1]


@lru_cache(maxsize=64)
def _with_fewer_primes(largest: RingParameters) -> tuple[RingParameters, ...]:
    return tuple(RingParameters(largest.ring_degree, largest.primes[:k]) for k in range(1, largest.n_primes + 1))
