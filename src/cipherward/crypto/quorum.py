"""`quorum`: one-time-key additive RLWE, opened by a quorum of hospitals as a sum and never one by one.

Every hospital encrypts under a fresh secret s_i and shares s_i among all hospitals with threshold t. Holders release
only the sum of the shares of the manifest's contributors; t releases give S_A = sum of s_i, and C - a S_A is the sum
of the messages plus a small error that is bounded in the worst case. Steps and letters follow docs/protocol.md;
docs/security.md has the argument, its heuristic steps and its limits. Not independently audited.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt

from cipherward.crypto import params, ring, sampling, sealing, shamir
from cipherward.crypto.hashing import digest
from cipherward.crypto.params import SEED_BYTES, SumParameters
from cipherward.crypto.releases import contradiction, is_usable, read
from cipherward.crypto.scheme import (
    Accumulator,
    DealtShare,
    Opened,
    Opener,
    Protected,
    SchemeFacts,
    SumTask,
)
from cipherward.errors import WireError

Numbers = npt.NDArray[np.uint32]
"""Inner products of a challenge, each below the share modulus; the last axis has `shamir.N_CHALLENGES`."""


class _RingSum:
    def __init__(self, parameters: SumParameters) -> None:
        self._parameters = parameters
        self._total = ring.zero_sum(parameters)

    def add(self, payload: bytes) -> None:
        ring.add_payload(self._parameters, self._total, payload)

    def total(self) -> bytes:
        return ring.pack_sum(self._parameters, self._total)


class QuorumScheme(SchemeFacts):
    """See the module. Stateless; every secret is an argument or is wiped before the function returns."""

    name = "quorum"
    protection = (
        "Each hospital encrypts under a fresh one-time secret and deals shares of it to the others. No party holds a key "
        "that opens one hospital's contribution; {threshold} of {n} hospitals must agree before a sum is opened."
    )
    opening = "{consents} hospitals consented ({threshold} needed), and released shares of this one sum."
    opener = Opener.HOSPITALS
    deals_shares = True
    has_fingerprints = True
    for_deployments = True

    def make_key(self, randomness: bytes) -> tuple[bytes, bytes]:
        """Step 1. HPKE key pair (ML-KEM-768 + X25519) from 96 bytes: (96-byte private, 1216-byte public)."""
        return randomness, sealing.public_key(randomness)

    def key_is_usable(self, key: bytes) -> bool:
        """Step 1. A trial seal: some well-formed points (of low order) give no shared secret."""
        return sealing.key_is_usable(key)

    def protect(
        self,
        task: SumTask,
        sender: int,
        vector: npt.NDArray[np.generic],
        holders: Mapping[int, bytes],
        randomness: bytes,
        private_key: bytes = b"",
    ) -> Protected:
        """Step 2. Encrypt the lanes under a one-time secret and seal its Shamir shares.

        Raises:
            WireError: a holder's key is malformed, or nothing can be sealed to it.
            ValueError: not uint32[n_lanes], each below 2^bits.
        """
        parameters = parameters_of(task)
        if vector.dtype != np.uint32:
            raise ValueError(f"lanes are uint32, not {vector.dtype}")
        lanes = np.ascontiguousarray(vector, dtype=np.uint32)
        one_time = one_time_key(task, lanes, randomness)
        secret = sampling.centred_binomial(_stream(one_time, "secret"), parameters.ring.ring_degree)
        payload = ring.encrypt(parameters, _stream(task.context, "a"), secret, _stream(one_time, "error"), lanes)
        secret.fill(0)
        sealed: dict[int, bytes] = {}
        made = Protected(payload, sealed, one_time)
        seeds, shares = _shares(parameters, one_time, sender, sorted(holders))
        packed = {holder: shamir.pack(parameters, values) for holder, values in shares.items()}
        for holder in sorted(holders):
            purpose = sealing.info(task, sender, holder, made.payload_digest)
            share = sealing.seal(seeds.get(holder, packed[holder]), holders[holder], purpose)
            sealed[holder] = sealing.commitment(task, sender, holder, packed[holder]) + share
        return made

    def open_shares(self, task: SumTask, holder: int, private_key: bytes, dealt: Mapping[int, DealtShare]) -> Opened:
        """Step 5. The shares in the clear, and the dealers whose share is not the N values that they committed to."""
        parameters, key = parameters_of(task), sealing.private_key(private_key)
        opened, bad = dict[int, DealtShare](), list[int]()
        for dealer, share in sorted(dealt.items()):
            try:
                packed = _open_share(parameters, task, holder, dealer, key, share)
            except WireError:
                bad.append(dealer)
            else:
                opened[dealer] = replace(share, plain=packed, is_opened=True)
        return opened, bad

    def fingerprint(self, task: SumTask, manifest: bytes, data: bytes) -> bytes:
        """Step 8. Five inner products per prime with vectors that nobody could know before the manifest."""
        parameters = parameters_of(task)
        return ring.fingerprint(parameters, _stream(manifest, "rho"), data).astype("<u4").tobytes()

    def release(self, task: SumTask, holder: int, private_key: bytes, dealt: Mapping[int, DealtShare]) -> bytes:
        """Step 7. The packed sum of this holder's opened shares."""
        parameters = parameters_of(task)
        closed = {dealer: share for dealer, share in dealt.items() if not share.is_opened}
        opened = [share.plain for share in dealt.values() if share.is_opened]
        if closed:
            key = sealing.private_key(private_key)
            opened += [_open_share(parameters, task, holder, dealer, key, share) for dealer, share in closed.items()]
        values = (shamir.unpack(parameters, packed) for packed in opened)
        return shamir.pack(parameters, shamir.add_shares(parameters, values))

    # After a sum whose releases contradict each other: what parties answer to the one challenge (`sums.attribution`).
    # The numbers of a share are uint32[n_slices, N_CHALLENGES]: inner products of each of its slices.

    def numbers_released(self, task: SumTask, seed: bytes, release: bytes) -> Numbers:
        """The challenge's inner products with a release, slice by slice. Raises WireError: malformed."""
        parameters = parameters_of(task)
        return _numbers(parameters, seed, shamir.unpack(parameters, release))

    def numbers_shown(self, task: SumTask, seed: bytes, place: int, piece: bytes) -> Numbers:
        """Those with one slice of a share, uint32[N_CHALLENGES]. Raises WireError: malformed."""
        parameters = parameters_of(task)
        values = shamir.unpack_slice(parameters, piece)
        return shamir.inner_products(_vectors(parameters, seed, place), values, parameters.share_modulus)

    def numbers_witness(self, task: SumTask, seed: bytes, witness: bytes) -> Numbers:
        """Those with a whole witness, as `open` gives it, uint32[N_CHALLENGES]."""
        parameters = parameters_of(task)
        values = (np.frombuffer(witness, "<i4").astype(np.int64) % parameters.share_modulus).astype(np.uint32)
        numbers: Numbers = _numbers(parameters, seed, values).sum(axis=0, dtype=np.uint64) % parameters.share_modulus
        return numbers.astype(np.uint32)

    def numbers_held(
        self, task: SumTask, seed: bytes, holder: int, private_key: bytes, dealt: Mapping[int, DealtShare]
    ) -> dict[int, Numbers]:
        """Those with each share that this holder holds, dealer by dealer."""
        parameters, key = parameters_of(task), sealing.private_key(private_key)
        return {
            dealer: _numbers(
                parameters, seed, shamir.unpack(parameters, _open_share(parameters, task, holder, dealer, key, share))
            )
            for dealer, share in sorted(dealt.items())
        }

    def numbers_dealt(
        self, task: SumTask, seed: bytes, sender: int, one_time: bytes, holders: Iterable[int]
    ) -> list[Numbers]:
        """Those with the shares of a dealer's polynomial, at the first `threshold` holders.

        Args:
            one_time: `one_time_key` of its contribution, kept until the sum is verified.
        """
        parameters, order = parameters_of(task), sorted(holders)
        _, shares = _shares(parameters, one_time, sender, order)
        return [_numbers(parameters, seed, shares[holder]) for holder in order[: parameters.threshold]]

    def share_held(self, task: SumTask, holder: int, private_key: bytes, dealer: int, share: DealtShare) -> bytes:
        """One packed share, as its holder shows it. Raises WireError: it does not open."""
        parameters, key = parameters_of(task), sealing.private_key(private_key)
        return _open_share(parameters, task, holder, dealer, key, share)

    def share_modulus(self, task: SumTask) -> int:
        """What the numbers of a challenge are reduced by."""
        return parameters_of(task).share_modulus

    def share_slices(self, task: SumTask) -> int:
        """In how many slices the shares of this sum are."""
        return parameters_of(task).n_slices

    def share_shown(self, task: SumTask, sender: int, one_time: bytes, holders: Iterable[int], holder: int) -> bytes:
        """One packed share, as its dealer shows it where the holder has answered something else."""
        parameters = parameters_of(task)
        return shamir.pack(parameters, _shares(parameters, one_time, sender, sorted(holders))[1][holder])

    def update_limit(self, task: SumTask) -> int:
        chosen = parameters_of(task)
        return chosen.payload_bytes + task.n_hospitals * (chosen.share_bytes + params.SEALING_BYTES)

    def release_is_usable(self, task: SumTask, data: bytes) -> bool:
        """Step 7. Whether it holds N values below the share modulus."""
        return is_usable(partial(shamir.unpack, parameters_of(task)), data)

    def accumulator(self, task: SumTask, base: npt.NDArray[np.float64]) -> Accumulator:
        """Step 3. An empty running sum; `base` is not used."""
        return _RingSum(parameters_of(task))

    def open(
        self,
        task: SumTask,
        total: bytes,
        releases: Mapping[int, bytes],
        base: npt.NDArray[np.float64],
        n_contributors: int,
    ) -> bytes:
        """Step 7. S_A as N little-endian int32, from at least t releases.

        Raises:
            SuspectError: a release is malformed, or they do not lie on one polynomial: a holder or a dealer cheated.
            ValueError: fewer than t releases.
        """
        parameters = parameters_of(task)
        shares = read(releases, partial(shamir.unpack, parameters))
        points, values = list(shares), list(shares.values())
        if not shamir.consistent(parameters, points, values):
            raise contradiction()
        return shamir.interpolate_at_zero(parameters, points, values).astype("<i4").tobytes()

    def sums(self, task: SumTask, total: bytes, witness: bytes, n_contributors: int) -> npt.NDArray[np.generic]:
        """Step 7 and 8(5). C - a S_A, its noise bound in every coefficient, the exact integer sums.

        Raises:
            WireError: malformed total or witness.
            ProtocolError: does not open.
        """
        parameters = parameters_of(task)
        if len(witness) != 4 * parameters.ring.ring_degree:
            raise WireError("an opened secret sum has four bytes per coefficient")
        secret_sum = np.frombuffer(witness, dtype="<i4").astype(np.int64)
        residues = ring.unpack_sum(parameters, total)
        return ring.open_sum(parameters, _stream(task.context, "a"), residues, secret_sum, n_contributors)

    def fingerprints_match(self, task: SumTask, manifest: bytes, total: bytes, fingerprints: list[bytes]) -> bool:
        """Step 8(4). Whether the sum of f_j equals <rho, C>."""
        parameters = parameters_of(task)
        shape = (ring.N_FINGERPRINTS, parameters.ring.n_primes)
        marks = []
        for data in fingerprints:
            if len(data) != 4 * shape[0] * shape[1]:
                return False
            marks.append(np.frombuffer(data, dtype="<u4").reshape(shape))
            if bool((marks[-1] >= np.array(parameters.ring.primes)).any()):
                return False
        expected = ring.fingerprint(parameters, _stream(manifest, "rho"), total)
        return bool(np.array_equal(ring.add_fingerprints(parameters, marks), expected))


@lru_cache(maxsize=64)
def _parameters(n_lanes: int, bits: int, n_hospitals: int, threshold: int) -> SumParameters:
    return params.choose(n_lanes, bits=bits, n_hospitals=n_hospitals, threshold=threshold)


def parameters_of(task: SumTask) -> SumParameters:
    """The ring and packing of a sum: derived, never sent."""
    return _parameters(task.n_lanes, task.bits, task.n_hospitals, task.threshold)


def one_time_key(task: SumTask, lanes: npt.NDArray[np.uint32], randomness: bytes) -> bytes:
    """What all randomness of one contribution is derived from, 32 bytes; as secret as the contribution itself.

    The message enters, so that even a restored snapshot of this machine repeats no secret.
    """
    return digest("one-time", randomness, task.context, digest("message", lanes.data.cast("B")))


def _shares(
    parameters: SumParameters, one_time: bytes, sender: int, order: list[int]
) -> tuple[dict[int, bytes], dict[int, npt.NDArray[np.uint32]]]:
    """The shares of the contribution's secret: those that travel as seeds, and all of them as values."""
    secret = sampling.centred_binomial(_stream(one_time, "secret"), parameters.ring.ring_degree)
    # t - 1 shares of a random polynomial are uniform: they travel as seeds. Which holders get them rotates.
    first = sender % len(order)
    seeded = (order[first:] + order[:first])[: parameters.threshold - 1]
    seeds = {holder: _stream(one_time, f"share/{holder}") for holder in seeded}
    known = {holder: shamir.expand_share(parameters, seed) for holder, seed in seeds.items()}
    shares = shamir.share(parameters, secret, known, [holder for holder in order if holder not in seeds])
    secret.fill(0)
    return seeds, shares | known


def _numbers(parameters: SumParameters, seed: bytes, values: npt.NDArray[np.uint32]) -> Numbers:
    parts = values.reshape(parameters.n_slices, parameters.slice_values)
    return np.stack(
        [
            shamir.inner_products(_vectors(parameters, seed, place), part, parameters.share_modulus)
            for place, part in enumerate(parts)
        ]
    )


def _vectors(parameters: SumParameters, seed: bytes, place: int) -> npt.NDArray[np.uint32]:
    begin = parameters.slice_values * place
    return shamir.challenge_vectors(parameters, seed)[:, begin : begin + parameters.slice_values]


def _stream(key: bytes, purpose: str) -> bytes:
    return digest(f"stream/{purpose}", key)


def _open_share(
    parameters: SumParameters,
    task: SumTask,
    holder: int,
    dealer: int,
    key: sealing.PrivateKey,
    share: DealtShare,
) -> bytes:
    """The packed share. Raises WireError: it does not open, or is not the one that its dealer committed to."""
    expected, sealed = sealing.committed(share.sealed)
    plain = share.plain or sealing.unseal(sealed, key, sealing.info(task, dealer, holder, share.payload_digest))
    if len(plain) == SEED_BYTES:
        plain = shamir.pack(parameters, shamir.expand_share(parameters, plain))
    else:
        shamir.unpack(parameters, plain)
    sealing.check_commitment(expected, task, dealer, holder, plain)
    return plain
