"""Vectors of the ring, its shares and the `quorum` scheme."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.crypto import params, ring, sampling, sealing, shamir
from cipherward.crypto.hashing import digest
from cipherward.crypto.params import SumParameters
from cipherward.crypto.quorum import QuorumScheme, parameters_of
from cipherward.crypto.scheme import DealtShare, Protected, SumTask, payload_digest
from vectors.primitives import Content, fixed
from vectors.recorded import SEALED_SEED

U32 = NDArray[np.uint32]

SMALL = SumParameters(params.ring(16, 2), n_hospitals=4, threshold=3, bits=6, n_lanes=40)
"""A ring small enough to be written down. Not secure."""
A_KEY, RHO_KEY = fixed("a"), fixed("rho")
DEALERS = (1, 2, 4)


def small_lanes(i: int) -> U32:
    return np.frombuffer(fixed("lanes", i, size=SMALL.n_lanes), np.uint8).astype(np.uint32) % (1 << SMALL.bits)


def small_secret(i: int) -> NDArray[np.int8]:
    return sampling.centred_binomial(fixed("secret", i), SMALL.ring.ring_degree)


def small_payload(i: int) -> bytes:
    return ring.encrypt(SMALL, A_KEY, small_secret(i), fixed("error", i), small_lanes(i), n_threads=1)


@cache
def small_total() -> tuple[bytes, NDArray[np.int64]]:
    total = ring.zero_sum(SMALL)
    for i in DEALERS:
        ring.add_payload(SMALL, total, small_payload(i))
    return ring.pack_sum(SMALL, total), np.sum([small_secret(i).astype(np.int64) for i in DEALERS], axis=0)


def small_ring() -> Content:
    """Encryption, addition, opening and fingerprints over a ring of degree 16, everything written out."""
    total, secret_sum = small_total()
    sums = ring.open_sum(SMALL, A_KEY, ring.unpack_sum(SMALL, total), secret_sum, len(DEALERS), n_threads=1)
    return {
        "about": "a ring for reading along, far too small to protect anything",
        "ring_degree": SMALL.ring.ring_degree,
        "primes": list(SMALL.ring.primes),
        "n_hospitals": SMALL.n_hospitals,
        "threshold": SMALL.threshold,
        "bits": SMALL.bits,
        "n_lanes": SMALL.n_lanes,
        "a_key": A_KEY.hex(),
        "rho_key": RHO_KEY.hex(),
        "updates": [
            {
                "hospital": i,
                "lanes": small_lanes(i).tolist(),
                "secret_key": fixed("secret", i).hex(),
                "secret": small_secret(i).tolist(),
                "error_key": fixed("error", i).hex(),
                "payload": small_payload(i).hex(),
                "fingerprint": ring.fingerprint(SMALL, RHO_KEY, small_payload(i), n_threads=1).tolist(),
            }
            for i in DEALERS
        ],
        "total": total.hex(),
        "total_fingerprint": ring.fingerprint(SMALL, RHO_KEY, total, n_threads=1).tolist(),
        "secret_sum": secret_sum.tolist(),
        "sums": sums.tolist(),
    }


def bad_payloads() -> Content:
    """Payloads that are not added to a sum over the small ring."""
    good = small_payload(1)
    prime = SMALL.ring.primes[0]
    word = int.from_bytes(good[:4], "little")
    at_prime = ((word >> 30 << 30) | prime).to_bytes(4, "little") + good[4:]
    cases = [
        ("empty", b"", "bytes"),
        ("cut by one byte", good[:-1], "bytes"),
        ("one byte more", good + b"\x00", "bytes"),
        ("one ciphertext more", good + good[: SMALL.ring.n_primes * SMALL.ring.row_bytes], "bytes"),
        ("first residue equal to its prime", at_prime, "1 residue(s) that are not below their prime"),
        ("every bit set", b"\xff" * len(good), "not below their prime"),
    ]
    return {
        "good": good.hex(),
        "cases": [
            {"name": name, "payload": data.hex(), "error": "WireError", "says": says} for name, data, says in cases
        ],
    }


def bad_sums() -> Content:
    """Totals and sums of secrets that do not open."""
    total, secret_sum = small_total()
    flipped = bytearray(total)
    flipped[9] ^= 2
    off, large = secret_sum.copy(), secret_sum.copy()
    off[3] += 1
    large[0] = 3 * params.ETA + 1
    full = ring.zero_sum(SMALL)
    # 63 x 4 is the largest sum of four lanes of 6 bits; three contributors give at most 63 x 3.
    largest = np.full(SMALL.n_lanes, (1 << SMALL.bits) - 1, np.uint32)
    for i in (1, 2, 3, 4):
        ring.add_payload(SMALL, full, ring.encrypt(SMALL, A_KEY, small_secret(i), fixed("error", i), largest))
    of_four = np.sum([small_secret(i).astype(np.int64) for i in (1, 2, 3, 4)], axis=0)
    cases: list[tuple[str, bytes, NDArray[np.int64], str]] = [
        ("a flipped bit", bytes(flipped), secret_sum, "coefficient(s) with noise beyond 126"),
        ("a secret off by one", total, off, "coefficient(s) with noise beyond 126"),
        ("a secret out of bounds", total, large, "1 coefficient(s) of the sum of secrets exceed 126"),
        ("a contributor left out of the secrets", total, secret_sum - small_secret(2), "with noise beyond 126"),
        ("one update alone", small_payload(1), secret_sum, "coefficient(s) with noise beyond 126"),
        ("more in a lane than three can give", ring.pack_sum(SMALL, full), of_four, "40 lane(s) above 3 x 63"),
    ]
    return {
        "cases": [
            {
                "name": name,
                "total": data.hex(),
                "secret_sum": secrets.tolist(),
                "n_contributors": len(DEALERS),
                "error": "ProtocolError",
                "says": says,
            }
            for name, data, secrets, says in cases
        ]
    }


def small_shares(i: int) -> dict[int, U32]:
    seeds = {holder: fixed("share", i, holder) for holder in (1, 2, 3, 4) if holder != i}
    seeds.popitem()
    seeded = {holder: shamir.expand_share(SMALL, seed) for holder, seed in seeds.items()}
    return seeded | shamir.share(SMALL, small_secret(i), seeded, [h for h in (1, 2, 3, 4) if h not in seeds])


def small_release(holder: int) -> U32:
    return shamir.add_shares(SMALL, [small_shares(i)[holder] for i in DEALERS])


def shares() -> Content:
    """Shares of the small ring's secrets, releases, and the sum of secrets that they open to."""
    dealt = []
    for i in DEALERS:
        each = small_shares(i)
        seeds = [holder for holder in (1, 2, 3, 4) if holder != i][:2]
        dealt.append(
            {
                "dealer": i,
                "secret": small_secret(i).tolist(),
                "seeds": {str(holder): fixed("share", i, holder).hex() for holder in seeds},
                "shares": {str(holder): shamir.pack(SMALL, each[holder]).hex() for holder in sorted(each)},
            }
        )
    return {
        "n_hospitals": SMALL.n_hospitals,
        "threshold": SMALL.threshold,
        "share_modulus": SMALL.share_modulus,
        "dealt": dealt,
        "releases": {str(h): shamir.pack(SMALL, small_release(h)).hex() for h in (1, 2, 3, 4)},
        "secret_sum": small_total()[1].tolist(),
    }


def bad_releases() -> Content:
    """Packed shares that are malformed, and a set of releases that lie on no polynomial."""
    good = shamir.pack(SMALL, small_release(2))
    out_of_range = SMALL.share_modulus.to_bytes(2, "little") + good[2:]
    wrong = small_release(2).copy()
    wrong[5] = (wrong[5] + 1) % SMALL.share_modulus
    cases = [("empty", b""), ("cut", good[:-1]), ("longer", good + b"\x00"), ("a value not in the field", out_of_range)]
    return {
        "cases": [
            {"name": name, "release": data.hex(), "error": "WireError", "says": "a share"} for name, data in cases
        ],
        "inconsistent": {str(h): shamir.pack(SMALL, wrong if h == 2 else small_release(h)).hex() for h in (1, 2, 3, 4)},
    }


# the real ring

SCHEME = QuorumScheme()
TASK = SumTask(fixed("context"), n_hospitals=5, threshold=4, bits=16, n_lanes=60, n_values=60, n_real=60)
CONTRIBUTORS = (1, 2, 3, 5)


def lanes_of(i: int) -> U32:
    return np.frombuffer(fixed("16-bit lanes", i, size=2 * TASK.n_lanes), "<u2").astype(np.uint32)


@cache
def keys() -> Mapping[int, tuple[bytes, bytes]]:
    return {i: SCHEME.make_key(fixed("one-time key", i, size=96)) for i in range(1, 6)}


@cache
def dealt_by(i: int) -> Protected:
    holders = {holder: public for holder, (_, public) in keys().items()}
    return SCHEME.protect(TASK, i, lanes_of(i), holders, fixed("randomness and device key", i, size=64))


def quorum() -> Content:
    """A sum of five hospitals, four of them contributing, over a secure ring; long values by digest.

    Sealed shares are not here: HPKE draws its own randomness. What they open to is determined by the rest.
    """
    running = SCHEME.accumulator(TASK, np.zeros(TASK.n_lanes))
    for i in CONTRIBUTORS:
        running.add(dealt_by(i).payload)
    total = running.total()
    releases = {}
    for holder in (1, 2, 3, 4, 5):
        own = {i: DealtShare(dealt_by(i).shares[holder], payload_digest(dealt_by(i).payload)) for i in CONTRIBUTORS}
        releases[holder] = SCHEME.release(TASK, holder, keys()[holder][0], own)
    witness = SCHEME.open(TASK, total, {h: releases[h] for h in (1, 2, 4, 5)}, np.zeros(0), len(CONTRIBUTORS))
    manifest = fixed("manifest")
    parameters = parameters_of(TASK)
    return {
        "context": TASK.context.hex(),
        "n_hospitals": TASK.n_hospitals,
        "threshold": TASK.threshold,
        "bits": TASK.bits,
        "n_lanes": TASK.n_lanes,
        "ring_degree": parameters.ring.ring_degree,
        "primes": list(parameters.ring.primes),
        "manifest": manifest.hex(),
        "keys": [
            {"hospital": i, "private": private.hex(), "public_sha256": digest("vector", public).hex()}
            for i, (private, public) in keys().items()
        ],
        "updates": [
            {
                "hospital": i,
                "lanes": lanes_of(i).tolist(),
                "randomness": fixed("randomness and device key", i, size=64).hex(),
                "payload_start": dealt_by(i).payload[:32].hex(),
                "payload_digest": payload_digest(dealt_by(i).payload).hex(),
                "seed_holders": sorted(h for h, s in dealt_by(i).shares.items() if len(s) == params.SEALING_BYTES + 32),
                "commitments": {str(h): s[:32].hex() for h, s in sorted(dealt_by(i).shares.items())},
                "fingerprint": SCHEME.fingerprint(TASK, manifest, dealt_by(i).payload).hex(),
            }
            for i in CONTRIBUTORS
        ],
        "total_digest": payload_digest(total).hex(),
        "releases": {str(h): digest("vector", release).hex() for h, release in releases.items()},
        "witness": np.frombuffer(witness, "<i4")[:64].tolist(),
        "witness_digest": digest("vector", witness).hex(),
        "sums": SCHEME.sums(TASK, total, witness, len(CONTRIBUTORS)).astype(np.int64).tolist(),
    }


SEALED_FOR, SEALED_BY = 2, 1
SEALED_PAYLOAD_DIGEST = fixed("payload digest")


@cache
def recorded_share() -> bytes:
    """The commitment to the share that was sealed once, and the sealed share."""
    private = sealing.private_key(keys()[SEALED_FOR][0])
    plain = sealing.unseal(SEALED_SEED, private, sealing.info(TASK, SEALED_BY, SEALED_FOR, SEALED_PAYLOAD_DIGEST))
    parameters = parameters_of(TASK)
    values = shamir.pack(parameters, shamir.expand_share(parameters, plain))
    return sealing.commitment(TASK, SEALED_BY, SEALED_FOR, values) + SEALED_SEED


def sealed_shares() -> Content:
    """A share that was sealed once, with the library's own randomness, and has opened ever since."""
    release = SCHEME.release(
        TASK, SEALED_FOR, keys()[SEALED_FOR][0], {SEALED_BY: DealtShare(recorded_share(), SEALED_PAYLOAD_DIGEST)}
    )
    return {
        "about": "HPKE, ML-KEM-768 + X25519, HKDF-SHA256, AES-256-GCM; the plaintext is a 32-byte seed",
        **_sealed(),
        "sealed": recorded_share().hex(),
        "share_start": release[:64].hex(),
        "share_digest": digest("vector", release).hex(),
    }


def bad_sealed_shares() -> Content:
    """The same share where it does not belong, or altered: each must not open."""
    good, sealed = recorded_share(), 32
    cases: list[tuple[str, dict[str, Any], bytes]] = [
        ("another holder", {"holder": 3}, good),
        ("another dealer", {"dealer": 3}, good),
        ("another sum", {"context": fixed("another context").hex()}, good),
        ("another ciphertext", {"payload_digest": fixed("another payload").hex()}, good),
        ("another private key", {"private": fixed("another key", size=96).hex()}, good),
        ("commitment altered", {}, _flip(good, 0)),
        ("ML-KEM ciphertext altered", {}, _flip(good, sealed)),
        ("X25519 share altered", {}, _flip(good, sealed + 1088)),
        ("X25519 share of low order", {}, good[: sealed + 1088] + bytes(32) + good[sealed + 1120 :]),
        ("sealed bytes altered", {}, _flip(good, sealed + 1120)),
        ("tag altered", {}, _flip(good, len(good) - 1)),
        ("cut", {}, good[:-1]),
        ("longer", {}, good + b"\x00"),
        ("only a commitment", {}, good[:sealed]),
        ("empty", {}, b""),
    ]
    return {"cases": [{"name": name, **_sealed(), **changes, "sealed": data.hex()} for name, changes, data in cases]}


def _sealed() -> Content:
    return {
        "context": TASK.context.hex(),
        "n_hospitals": TASK.n_hospitals,
        "threshold": TASK.threshold,
        "dealer": SEALED_BY,
        "holder": SEALED_FOR,
        "private": keys()[SEALED_FOR][0].hex(),
        "payload_digest": SEALED_PAYLOAD_DIGEST.hex(),
    }


def _flip(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
