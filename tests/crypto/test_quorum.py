"""The quorum scheme: who can open what, and what a liar cannot do."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from cipherward.crypto import _ntt, ring, sampling, sealing, shamir
from cipherward.crypto.hashing import digest
from cipherward.crypto.params import ETA, SEED_BYTES
from cipherward.crypto.quorum import QuorumScheme, parameters_of
from cipherward.crypto.scheme import DealtShare, Protected, SumTask, payload_digest
from cipherward.errors import ProtocolError, SuspectError, WireError

Lanes = NDArray[np.uint32]

SCHEME = QuorumScheme()
CONTEXT = digest("test-context")
TASK = SumTask(CONTEXT, n_hospitals=5, threshold=4, bits=16, n_lanes=20, n_values=20, n_real=20)
PARAMETERS = parameters_of(TASK)
EVERYONE = (1, 2, 3, 4, 5)
NO_BASE = np.zeros(TASK.n_lanes)


def seed(*parts: object, size: int = 96) -> bytes:
    return hashlib.shake_256(repr(parts).encode()).digest(size)


def lanes_of(i: int, n_lanes: int = TASK.n_lanes) -> Lanes:
    return np.random.default_rng(i).integers(0, 1 << 16, n_lanes, dtype=np.uint32)


KEYS = {i: SCHEME.make_key(seed("key", i)) for i in EVERYONE}
HOLDERS = {i: public for i, (_, public) in KEYS.items()}


def dealt_by(i: int, task: SumTask = TASK, randomness: bytes = b"", lanes: Lanes | None = None) -> Protected:
    lanes = lanes_of(i, task.n_lanes) if lanes is None else lanes
    return SCHEME.protect(task, i, lanes, HOLDERS, randomness or seed("deal", i))


DEALT = {i: dealt_by(i) for i in EVERYONE}


def share_for(holder: int, dealt: Protected) -> DealtShare:
    return DealtShare(dealt.shares[holder], payload_digest(dealt.payload))


def release_of(holder: int, contributors: dict[int, Protected]) -> bytes:
    shares = {i: share_for(holder, dealt) for i, dealt in contributors.items()}
    return SCHEME.release(TASK, holder, KEYS[holder][0], shares)


def total_of(payloads: Sequence[bytes]) -> bytes:
    running = SCHEME.accumulator(TASK, NO_BASE)
    for payload in payloads:
        running.add(payload)
    return running.total()


def opened(contributors: dict[int, Protected], holders: Sequence[int]) -> tuple[bytes, bytes]:
    """Total and witness of the sum over `contributors`, from the releases of `holders`."""
    total = total_of([dealt.payload for dealt in contributors.values()])
    releases = {holder: release_of(holder, contributors) for holder in holders}
    return total, SCHEME.open(TASK, total, releases, NO_BASE, len(contributors))


def secret_of(dealt: Protected, sender: int) -> NDArray[np.int32]:
    """What t colluding holders learn of one dealer: its one-time secret."""
    return np.frombuffer(opened({sender: dealt}, EVERYONE[:4])[1], "<i4")


def test_hospitals_that_drop_out_after_dealing_are_still_in_the_sum() -> None:
    contributors = {i: DEALT[i] for i in EVERYONE}
    expected = np.sum([lanes_of(i).astype(np.int64) for i in EVERYONE], axis=0)
    for holders in itertools.combinations(EVERYONE, TASK.threshold):
        total, witness = opened(contributors, holders)
        assert np.array_equal(SCHEME.sums(TASK, total, witness, 5), expected)


def test_every_quorum_opens_the_same_witness() -> None:
    contributors = {i: DEALT[i] for i in (1, 2, 3, 5)}
    witnesses = {opened(contributors, holders)[1] for holders in (*itertools.combinations(EVERYONE, 4), EVERYONE)}
    assert len(witnesses) == 1


def test_one_release_less_than_the_threshold_opens_nothing() -> None:
    for n_releases in range(TASK.threshold):
        with pytest.raises(ValueError, match="for a threshold of 4"):
            opened({i: DEALT[i] for i in (1, 2, 3, 4)}, EVERYONE[:n_releases])


def test_fewer_shares_than_the_threshold_fit_every_secret() -> None:
    # Three shares and any guess for the fourth open to something in range of the field: nothing tells guesses apart.
    contributors = {i: DEALT[i] for i in (1, 2, 3, 4)}
    releases = {holder: release_of(holder, contributors) for holder in (1, 2, 3)}
    guesses = []
    for guess in range(2):
        made_up = np.random.default_rng(guess).integers(0, PARAMETERS.share_modulus, PARAMETERS.ring.ring_degree)
        releases[4] = shamir.pack(PARAMETERS, made_up.astype(np.uint32))
        guesses.append(SCHEME.open(TASK, b"", dict(releases), NO_BASE, 4))
    assert guesses[0] != guesses[1]


def test_a_wrong_release_among_more_than_the_threshold_is_noticed() -> None:
    contributors = {i: DEALT[i] for i in (1, 2, 3, 4)}
    total = total_of([dealt.payload for dealt in contributors.values()])
    releases = {holder: release_of(holder, contributors) for holder in EVERYONE}
    for liar in EVERYONE:
        wrong = bytearray(releases[liar])
        wrong[2 * 77] ^= 1
        with pytest.raises(SuspectError, match="one polynomial") as caught:
            SCHEME.open(TASK, total, {**releases, liar: bytes(wrong)}, NO_BASE, 4)
        assert "dealer" in caught.value.culprit


def test_a_wrong_release_among_exactly_the_threshold_gives_a_sum_that_does_not_open() -> None:
    contributors = {i: DEALT[i] for i in (1, 2, 3, 4)}
    total = total_of([dealt.payload for dealt in contributors.values()])
    releases = {holder: release_of(holder, contributors) for holder in (1, 2, 3)}
    releases[4] = release_of(4, {i: DEALT[i] for i in (1, 2, 3)})
    witness = SCHEME.open(TASK, total, releases, NO_BASE, 4)
    with pytest.raises(ProtocolError, match="sum of secrets exceed"):
        SCHEME.sums(TASK, total, witness, 4)


@pytest.mark.parametrize("release", [b"", b"\x00" * 10, b"\xff" * PARAMETERS.share_bytes])
def test_a_malformed_release_names_its_holder(release: bytes) -> None:
    contributors = {i: DEALT[i] for i in (1, 2, 3, 4)}
    releases = {holder: release_of(holder, contributors) for holder in (1, 2, 3)}
    with pytest.raises(SuspectError) as caught:
        SCHEME.open(TASK, b"", {**releases, 5: release}, NO_BASE, 4)
    assert caught.value.culprit == "hospital 5"


def test_a_dealer_whose_shares_lie_on_no_polynomial_is_noticed_with_all_releases() -> None:
    liar = dict(DEALT[2].shares)
    liar[5] = SCHEME.protect(TASK, 2, lanes_of(2), HOLDERS, seed("other")).shares[5]
    other = SCHEME.protect(TASK, 2, lanes_of(2), HOLDERS, seed("other"))
    # The share for holder 5 comes from another polynomial; it opens only under the payload that it was dealt with.
    assert SCHEME.open_shares(TASK, 5, KEYS[5][0], {2: DealtShare(liar[5], payload_digest(DEALT[2].payload))})[1] == [2]
    shares = {i: share_for(5, DEALT[i]) for i in (1, 3, 4)} | {2: share_for(5, other)}
    releases = {holder: release_of(holder, {i: DEALT[i] for i in (1, 2, 3, 4)}) for holder in (1, 2, 3, 4)}
    releases[5] = SCHEME.release(TASK, 5, KEYS[5][0], shares)
    with pytest.raises(SuspectError):
        SCHEME.open(TASK, b"", releases, NO_BASE, 4)


def opens(holder: int, dealer: int, share: DealtShare, task: SumTask = TASK) -> bool:
    return SCHEME.open_shares(task, holder, KEYS[holder][0], {dealer: share})[1] == []


def test_a_share_opens_for_its_holder_sum_payload_and_dealer_only() -> None:
    share = share_for(3, DEALT[2])
    assert opens(3, 2, share)
    assert not any(opens(holder, 2, share) for holder in (1, 2, 4, 5))
    assert not any(opens(3, dealer, share) for dealer in (1, 3, 4, 5))
    assert not opens(3, 2, share, dataclasses.replace(TASK, context=digest("another sum")))
    assert not opens(3, 2, dataclasses.replace(share, payload_digest=payload_digest(DEALT[1].payload)))


def test_a_share_for_another_dealing_key_does_not_open() -> None:
    other, _ = SCHEME.make_key(seed("another key"))
    assert SCHEME.open_shares(TASK, 3, other, {2: share_for(3, DEALT[2])})[1] == [2]


def test_every_bad_dealer_is_named() -> None:
    dealt = {i: share_for(3, DEALT[i]) for i in EVERYONE} | {2: share_for(4, DEALT[2]), 5: DealtShare(b"", b"")}
    assert SCHEME.open_shares(TASK, 3, KEYS[3][0], dealt)[1] == [2, 5]
    with pytest.raises(WireError):
        SCHEME.release(TASK, 3, KEYS[3][0], dealt)


@pytest.mark.parametrize("position", [0, 500, 1087, 1088, 1119, 1120, 1151, 1160, -1])
def test_a_flipped_bit_of_a_sealed_share_keeps_it_closed(position: int) -> None:
    for holder in EVERYONE:
        sealed = bytearray(DEALT[1].shares[holder])
        sealed[position] ^= 1
        assert not opens(holder, 1, DealtShare(bytes(sealed), payload_digest(DEALT[1].payload)))


def sealed_to(holder: int, dealer: int, plain: bytes) -> DealtShare:
    marked = payload_digest(DEALT[dealer].payload)
    share = shamir.pack(PARAMETERS, shamir.expand_share(PARAMETERS, plain)) if len(plain) == 32 else plain
    sealed = sealing.seal(plain, HOLDERS[holder], sealing.info(TASK, dealer, holder, marked))
    return DealtShare(sealing.commitment(TASK, dealer, holder, share) + sealed, marked)


def test_a_share_that_its_dealer_did_not_commit_to_is_bad() -> None:
    good, other = sealed_to(3, 2, bytes(PARAMETERS.share_bytes)), sealed_to(3, 2, seed("other")[:32])
    assert opens(3, 2, good)
    assert opens(3, 2, other)
    assert not opens(3, 2, dataclasses.replace(good, sealed=other.sealed[:32] + good.sealed[32:]))


def test_a_share_that_opens_to_something_else_is_bad() -> None:
    good = bytes(PARAMETERS.share_bytes)
    assert opens(3, 2, sealed_to(3, 2, good))
    assert opens(3, 2, sealed_to(3, 2, bytes(SEED_BYTES)))
    out_of_range = good[:-2] + (65521).to_bytes(2, "little")
    for plain in (b"", b"x" * 31, b"x" * 33, good[:-1], good + b"\x00", out_of_range, b"\xff" * len(good)):
        assert not opens(3, 2, sealed_to(3, 2, plain))


def test_the_first_shares_travel_as_seeds_and_which_holders_get_them_rotates() -> None:
    overhead = 32 + 1088 + 32 + 16
    seeded = {
        i: {holder for holder, sealed in DEALT[i].shares.items() if len(sealed) == overhead + SEED_BYTES}
        for i in EVERYONE
    }
    full = {len(sealed) for dealt in DEALT.values() for sealed in dealt.shares.values()} - {overhead + SEED_BYTES}
    assert full == {overhead + PARAMETERS.share_bytes}
    assert all(len(holders) == TASK.threshold - 1 for holders in seeded.values())
    assert sum(holder == 1 for holders in seeded.values() for holder in holders) == TASK.threshold - 1


@pytest.mark.parametrize("point", [0, 1, 2**255 - 19 - 1, 2**255 - 19, 2**255 - 18])
def test_a_curve_point_of_low_order_is_no_usable_key(point: int) -> None:
    weak = HOLDERS[2][:-32] + point.to_bytes(32, "little")
    assert not SCHEME.key_is_usable(weak)
    with pytest.raises(WireError, match="nothing can be sealed"):
        SCHEME.protect(TASK, 1, lanes_of(1), {**HOLDERS, 2: weak}, seed("deal"))


def test_a_lattice_key_that_is_not_reduced_is_no_usable_key() -> None:
    assert not SCHEME.key_is_usable(b"\xff" * 1184 + HOLDERS[2][1184:])
    with pytest.raises(WireError):
        SCHEME.protect(TASK, 1, lanes_of(1), {**HOLDERS, 2: b"\xff" * 1184 + HOLDERS[2][1184:]}, seed("deal"))


@pytest.mark.parametrize("size", [0, 64, 95, 97])
def test_a_key_is_made_from_96_bytes_and_nothing_else(size: int) -> None:
    with pytest.raises(ValueError, match="96"):
        SCHEME.make_key(bytes(size))


def test_a_restored_snapshot_repeats_no_secret_for_another_message() -> None:
    again = dealt_by(1, randomness=seed("deal", 1), lanes=lanes_of(2))
    assert not np.array_equal(secret_of(again, 1), secret_of(DEALT[1], 1))


def test_a_restored_snapshot_repeats_no_secret_for_another_sum() -> None:
    task = dataclasses.replace(TASK, context=digest("another attempt"))
    again = dealt_by(1, task, randomness=seed("deal", 1))
    shares = {holder: {1: share_for(holder, again)} for holder in EVERYONE}
    releases = {holder: SCHEME.release(task, holder, KEYS[holder][0], shares[holder]) for holder in EVERYONE}
    other = np.frombuffer(SCHEME.open(task, again.payload, releases, NO_BASE, 1), "<i4")
    assert not np.array_equal(other, secret_of(DEALT[1], 1))
    assert again.payload != DEALT[1].payload


def test_the_same_randomness_message_and_sum_give_the_same_ciphertext() -> None:
    assert dealt_by(1).payload == DEALT[1].payload
    assert dealt_by(1, randomness=seed("fresh")).payload != DEALT[1].payload


def negated(payload: bytes) -> bytes:
    residues = ring.unpack_sum(PARAMETERS, payload)
    primes = np.array(PARAMETERS.ring.primes, np.uint32)[None, :, None]
    return ring.pack_sum(PARAMETERS, (primes - residues) % primes)


@pytest.mark.parametrize("what", ["copied", "negated"])
def test_a_ciphertext_that_another_hospital_resubmits_does_not_open(what: str) -> None:
    stolen = DEALT[1].payload if what == "copied" else negated(DEALT[1].payload)
    total = total_of([DEALT[1].payload, DEALT[2].payload, DEALT[3].payload, stolen])
    # Hospital 4 does not know the secret inside: it can deal shares of its own secret, or of zero.
    own = {1: DEALT[1], 2: DEALT[2], 3: DEALT[3], 4: DEALT[4]}
    releases = {holder: release_of(holder, own) for holder in EVERYONE}
    of_zero = {holder: release_of(holder, {i: DEALT[i] for i in (1, 2, 3)}) for holder in EVERYONE}
    for dealt in (releases, of_zero):
        with pytest.raises(ProtocolError, match="does not open"):
            SCHEME.sums(TASK, total, SCHEME.open(TASK, total, dealt, NO_BASE, 4), 4)


def test_the_shares_of_one_ciphertext_do_not_serve_a_copy_of_it() -> None:
    # Hospital 4 forwards hospital 1's ciphertext together with hospital 1's own sealed shares.
    assert not any(opens(holder, 4, share_for(holder, DEALT[1])) for holder in EVERYONE)


def test_a_message_added_to_the_sum_opens_but_its_fingerprint_gives_it_away() -> None:
    manifest = digest("manifest", b"test")
    contributors = {i: DEALT[i] for i in (1, 2, 3, 4)}
    total, witness = opened(contributors, EVERYONE)
    residues = ring.unpack_sum(PARAMETERS, total)
    tables = _ntt.tables(PARAMETERS.ring)
    for j, prime in enumerate(PARAMETERS.ring.primes):
        shift = np.zeros(PARAMETERS.ring.ring_degree, np.uint32)
        shift[0] = 1 << PARAMETERS.delta_bits
        _ntt.forward(shift, np.empty_like(shift), tables.primes[j], *(part[j] for part in tables.up))
        residues[0, j] = (residues[0, j].astype(np.uint64) + shift) % prime
    forged = ring.pack_sum(PARAMETERS, residues)
    honest, shifted = (SCHEME.sums(TASK, each, witness, 4).astype(np.int64) for each in (total, forged))
    assert (shifted - honest).tolist() == [1] + [0] * 19
    marks = [SCHEME.fingerprint(TASK, manifest, dealt.payload) for dealt in contributors.values()]
    assert SCHEME.fingerprints_match(TASK, manifest, total, marks)
    assert not SCHEME.fingerprints_match(TASK, manifest, forged, marks)


def noise_of(total: bytes, secret_sum: NDArray[np.int64], n_lanes: int) -> NDArray[np.int64]:
    """C - a S_A modulo Delta, coefficient by coefficient with Python integers: the noise, int64[N]."""
    assert n_lanes <= PARAMETERS.lanes_per_ciphertext
    each, tables = PARAMETERS.ring, _ntt.tables(PARAMETERS.ring)
    residues = ring.unpack_sum(PARAMETERS, total)[0]
    a = np.empty((each.n_primes, each.ring_degree), np.uint32)
    sampling.expand_uniform(sampling.Xof(digest("stream/a", CONTEXT)), each, 0, a)
    value = np.zeros(each.ring_degree, object)
    for j, prime in enumerate(each.primes):
        key = (secret_sum % prime).astype(np.uint32)
        _ntt.forward(key, np.empty_like(key), tables.primes[j], *(part[j] for part in tables.up))
        row = (residues[j].astype(np.uint64) + prime - a[j].astype(np.uint64) * key % prime) % prime
        plain = row.astype(np.uint32)
        _ntt.inverse(plain, np.empty_like(plain), tables.primes[j], *(part[j] for part in tables.down))
        cofactor = each.modulus // prime
        lift = cofactor * pow(cofactor, -1, prime)
        value += (plain.astype(object) * int(tables.scale[j, 0]) % prime) * lift
    q, delta = each.modulus, 1 << PARAMETERS.delta_bits
    centred = [int(x) % q - q if 2 * (int(x) % q) > q else int(x) % q for x in value]
    return np.array([(x + delta // 2) % delta - delta // 2 for x in centred], np.int64)


@pytest.mark.parametrize("contributors", [(1,), (1, 2, 3, 4, 5)])
def test_the_noise_has_the_stated_deviation_and_never_passes_its_bound(contributors: tuple[int, ...]) -> None:
    total, witness = opened({i: DEALT[i] for i in contributors}, EVERYONE)
    noise = noise_of(total, np.frombuffer(witness, "<i4").astype(np.int64), TASK.n_lanes)
    # Centred binomial, eta = 42: variance eta / 2 for each contributor.
    expected = math.sqrt(len(contributors) * ETA / 2)
    assert np.abs(noise).max() <= ETA * len(contributors) < 1 << (PARAMETERS.delta_bits - 1)
    assert noise.std() == pytest.approx(expected, rel=0.06)
    assert abs(noise.mean()) < 5 * expected / math.sqrt(noise.size)


@pytest.mark.parametrize("contributors", [(1,), (2, 3, 4, 5)])
def test_the_witness_is_a_sum_of_small_secrets(contributors: tuple[int, ...]) -> None:
    _, witness = opened({i: DEALT[i] for i in contributors}, EVERYONE)
    secret_sum = np.frombuffer(witness, "<i4")
    assert secret_sum.size == PARAMETERS.ring.ring_degree
    assert np.abs(secret_sum).max() <= ETA * len(contributors)
    assert secret_sum.std() == pytest.approx(math.sqrt(len(contributors) * ETA / 2), rel=0.06)


def test_the_witness_of_a_sum_is_the_sum_of_its_dealers_secrets() -> None:
    _, witness = opened({i: DEALT[i] for i in (1, 2, 4)}, EVERYONE)
    assert np.array_equal(np.frombuffer(witness, "<i4"), sum(secret_of(DEALT[i], i) for i in (1, 2, 4)))


def test_the_witness_of_one_sum_does_not_open_one_update_or_another_set() -> None:
    _, witness = opened({i: DEALT[i] for i in (1, 2, 3, 4)}, EVERYONE)
    for subset in ((1,), (1, 2, 3), (1, 2, 3, 5), (1, 2, 3, 4, 5)):
        total = total_of([DEALT[i].payload for i in subset])
        with pytest.raises(ProtocolError):
            SCHEME.sums(TASK, total, witness, len(subset))


def test_a_witness_for_another_sum_does_not_open_this_one() -> None:
    total, witness = opened({i: DEALT[i] for i in (1, 2, 3, 4)}, EVERYONE)
    with pytest.raises(ProtocolError):
        SCHEME.sums(dataclasses.replace(TASK, context=digest("another")), total, witness, 4)


def test_a_ciphertext_looks_uniform() -> None:
    # Not a proof of anything: it catches a mask that was forgotten.
    residues = ring.unpack_sum(PARAMETERS, DEALT[1].payload).astype(np.float64)
    scaled = residues / np.array(PARAMETERS.ring.primes)[None, :, None]
    assert abs(scaled.mean() - 0.5) < 0.02
    assert abs(scaled.std() - math.sqrt(1 / 12)) < 0.02
