"""The masks scheme: what drop-outs, liars and a late update do to it, and where it is weaker than quorum."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cipherward.crypto import masks, sealing, seeds, wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.masks import MasksScheme, form_of
from cipherward.crypto.scheme import DealtShare, Protected, SumTask, payload_digest
from cipherward.crypto.seeds import FIELD, SHARE_BYTES, Dealing, SeedTable
from cipherward.errors import ProtocolError, SuspectError, WireError

Lanes = NDArray[np.uint32]

SCHEME = MasksScheme()
TASK = SumTask(digest("test-context"), n_hospitals=6, threshold=4, bits=16, n_lanes=20, n_values=20, n_real=20)
JOINED = (1, 2, 3, 4, 6)
NO_BASE = np.zeros(TASK.n_lanes)


def random_bytes(*parts: object, size: int = 96) -> bytes:
    return hashlib.shake_256(repr(parts).encode()).digest(size)


def lanes_of(i: int, task: SumTask = TASK) -> Lanes:
    return np.random.default_rng(i).integers(0, 1 << task.bits, task.n_lanes, dtype=np.uint32)


KEYS = {i: SCHEME.make_key(random_bytes("key", i)) for i in range(1, 9)}
HOLDERS = {i: KEYS[i][1] for i in JOINED}


def dealt_by(
    i: int, task: SumTask = TASK, holders: dict[int, bytes] | None = None, salt: object = 0, lanes: Lanes | None = None
) -> Protected:
    chosen = lanes_of(i, task) if lanes is None else lanes
    return SCHEME.protect(task, i, chosen, holders or HOLDERS, random_bytes("deal", salt, i), KEYS[i][0])


DEALT = {i: dealt_by(i) for i in JOINED}


def share_for(holder: int, dealt: Protected) -> DealtShare:
    return DealtShare(dealt.shares[holder], payload_digest(dealt.payload))


def release_of(
    holder: int, contributors: Sequence[int], dealt: dict[int, Protected] = DEALT, task: SumTask = TASK
) -> bytes:
    shares = {i: share_for(holder, dealt[i]) for i in contributors}
    assert SCHEME.open_shares(task, holder, KEYS[holder][0], shares)[1] == []
    return SCHEME.release(task, holder, KEYS[holder][0], shares)


def total_of(contributors: Sequence[int], dealt: dict[int, Protected] = DEALT, task: SumTask = TASK) -> bytes:
    running = SCHEME.accumulator(task, NO_BASE)
    for i in contributors:
        running.add(dealt[i].payload)
    return running.total()


def witness_of(contributors: Sequence[int], holders: Sequence[int] = JOINED) -> bytes:
    releases = {holder: release_of(holder, contributors) for holder in holders}
    return SCHEME.open(TASK, b"", releases, NO_BASE, len(contributors))


def expected(contributors: Sequence[int], task: SumTask = TASK) -> NDArray[np.int64]:
    total: NDArray[np.int64] = np.sum([lanes_of(i, task).astype(np.int64) for i in contributors], axis=0)
    return total


def opens_to(contributors: Sequence[int], witness: bytes) -> bool:
    sums = SCHEME.sums(TASK, total_of(contributors), witness, len(contributors))
    return bool(np.array_equal(sums, expected(contributors)))


# drop-outs


@pytest.mark.parametrize("silent", [(), (1,), (4,), (6,), (2, 4)])
def test_hospitals_that_join_and_send_nothing_leave_no_mask_in_the_sum(silent: tuple[int, ...]) -> None:
    contributors = [i for i in JOINED if i not in silent]
    assert opens_to(contributors, witness_of(contributors))


def test_hospitals_that_vanish_after_sending_are_still_in_the_sum() -> None:
    for holders in itertools.combinations(JOINED, TASK.threshold):
        assert opens_to(JOINED, witness_of(JOINED, holders))


def test_every_quorum_opens_the_same_witness() -> None:
    witnesses = {witness_of((1, 2, 4), each) for each in (*itertools.combinations(JOINED, 4), JOINED)}
    assert len(witnesses) == 1


def test_a_sum_in_which_everyone_who_joined_contributes_opens_no_seed_of_a_pair() -> None:
    table = wire.decode(SeedTable, witness_of(JOINED))
    assert (table.dealers, table.absent) == (JOINED, ())
    assert len(table.values) == SHARE_BYTES * len(JOINED)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_sum_is_exact_whoever_joins_contributes_and_releases(data: st.DataObject) -> None:
    n = data.draw(st.integers(2, 8), "hospitals")
    threshold = data.draw(st.integers(1, n), "threshold")
    joined = data.draw(st.permutations(range(1, n + 1)), "order")[: data.draw(st.integers(threshold, n), "joined")]
    contributors = sorted(joined[: data.draw(st.integers(1, len(joined)), "contributors")])
    releasing = data.draw(st.permutations(joined), "holders")[: data.draw(st.integers(threshold, len(joined)))]
    length = data.draw(st.sampled_from([1, 7, 300, 70_000]), "length")
    bits = data.draw(st.sampled_from([1, 8, 16, 24]), "bits")
    task = SumTask(random_bytes("task", n, size=32), n, threshold, bits, length, length, length)
    holders = {i: KEYS[i][1] for i in joined}
    dealt = {i: dealt_by(i, task, holders) for i in contributors}
    total = total_of(contributors, dealt, task)
    releases = {holder: release_of(holder, contributors, dealt, task) for holder in releasing}
    witness = SCHEME.open(task, total, releases, NO_BASE, len(contributors))
    assert np.array_equal(SCHEME.sums(task, total, witness, len(contributors)), expected(contributors, task))


# who can open what


def test_one_release_less_than_the_threshold_opens_nothing() -> None:
    for n_releases in range(TASK.threshold):
        with pytest.raises(ValueError, match="for a threshold of 4"):
            witness_of(JOINED, JOINED[:n_releases])


def test_fewer_releases_than_the_threshold_fit_every_seed() -> None:
    # Three releases and any guess for a fourth determine some seeds: nothing tells one guess from another.
    releases = {holder: release_of(holder, JOINED) for holder in JOINED[:3]}
    table = wire.decode(SeedTable, releases[1])
    opened = set()
    for guess in range(3):
        values = np.random.default_rng(guess).integers(0, FIELD, len(table.values) // 4).astype("<u4").tobytes()
        made_up = wire.encode(dataclasses.replace(table, values=values))
        opened.add(SCHEME.open(TASK, b"", {**releases, 4: made_up}, NO_BASE, len(JOINED)))
    assert len(opened) == 3


def without_masks(payload: bytes, sender: int, opened: dict[int, bytes]) -> Lanes:
    """A payload of `sender` minus the masks of these seeds (by the other hospital; its own number for b)."""
    words = form_of(TASK).unpack(payload, "payload")
    for other, seed in opened.items():
        masks._add_mask(words, seed, negative=other >= sender)
    return words & form_of(TASK).modulo


def test_an_update_that_comes_late_stays_protected_by_its_own_mask() -> None:
    on_time, late = (1, 2, 3, 6), 4
    table = wire.decode(SeedTable, witness_of(on_time))
    of_pairs = {dealer: seed for dealer, other, seed in seeds.opened(table) if other == late}
    assert sorted(of_pairs) == [1, 2, 3, 6]  # every mask that hospital 4 shares with somebody is open now
    masked = without_masks(DEALT[late].payload, late, of_pairs)
    assert not np.array_equal(masked[: TASK.n_lanes], lanes_of(late))
    assert masked[TASK.n_lanes :].all()
    # With its own seed, which a sum that lists it would open, the same steps give the update.
    own = {dealer: seed for dealer, other, seed in seeds.opened(wire.decode(SeedTable, witness_of(JOINED)))}[late]
    assert np.array_equal(without_masks(DEALT[late].payload, late, of_pairs | {late: own})[:20], lanes_of(late))


def test_the_witness_of_a_sum_opens_no_update_in_it() -> None:
    contributors = (1, 2, 3, 6)
    found = list(seeds.opened(wire.decode(SeedTable, witness_of(contributors))))
    for i in contributors:
        masked = without_masks(DEALT[i].payload, i, {other: seed for dealer, other, seed in found if dealer == i})
        assert masked[TASK.n_lanes :].all()
        assert not np.array_equal(masked[: TASK.n_lanes], lanes_of(i))


def test_the_witness_of_one_sum_does_not_open_another_set() -> None:
    witness = witness_of((1, 2, 3, 4))
    with pytest.raises(ProtocolError, match="does not open"):
        SCHEME.sums(TASK, total_of((1, 2, 3, 6)), witness, 4)
    with pytest.raises(ProtocolError, match="does not open"):
        SCHEME.sums(TASK, total_of((1, 2, 3)), witness, 3)


def test_a_pair_agrees_on_one_seed_that_no_other_pair_or_sum_has() -> None:
    def seed(i: int, j: int, task: SumTask = TASK) -> bytes:
        return seeds.pair_seed(task, i, KEYS[i][0], j, KEYS[j][1])

    pairs = list(itertools.combinations(JOINED, 2))
    assert all(seed(i, j) == seed(j, i) for i, j in pairs)
    assert len({seed(i, j) for i, j in pairs}) == len(pairs)
    assert seed(1, 2) != seed(1, 2, dataclasses.replace(TASK, context=digest("another sum")))


def test_a_restored_snapshot_hides_no_second_message_under_one_mask() -> None:
    other = (lanes_of(1) + 1) % (1 << 16)
    difference = form_of(TASK).unpack(dealt_by(1, lanes=other.astype(np.uint32)).payload, "payload")
    difference = (difference - form_of(TASK).unpack(DEALT[1].payload, "payload")) & form_of(TASK).modulo
    assert difference[TASK.n_lanes :].all()
    assert dealt_by(1).payload == DEALT[1].payload


# liars


def test_a_wrong_release_among_more_than_the_threshold_is_noticed() -> None:
    contributors = (1, 2, 3, 4)
    releases = {holder: release_of(holder, contributors) for holder in JOINED}
    for liar in JOINED:
        wrong = bytearray(releases[liar])
        wrong[-SHARE_BYTES] ^= 1
        with pytest.raises(SuspectError, match="one polynomial") as caught:
            SCHEME.open(TASK, b"", {**releases, liar: bytes(wrong)}, NO_BASE, 4)
        assert "dealer" in caught.value.culprit


def test_a_wrong_release_among_exactly_the_threshold_gives_a_sum_that_does_not_open() -> None:
    contributors = (1, 2, 3, 4)
    releases = {holder: release_of(holder, contributors) for holder in (1, 2, 3, 6)}
    for position in range(1, len(wire.decode(SeedTable, releases[6]).values), 4):
        wrong = bytearray(releases[6])
        wrong[-position - 1] ^= 1
        witness = SCHEME.open(TASK, b"", {**releases, 6: bytes(wrong)}, NO_BASE, 4)
        with pytest.raises(ProtocolError, match="does not open"):
            SCHEME.sums(TASK, total_of(contributors), witness, 4)


def test_a_release_for_another_set_contradicts_the_others() -> None:
    releases = {holder: release_of(holder, (1, 2, 3, 4)) for holder in (1, 2, 3, 4)}
    releases[6] = release_of(6, (1, 2, 3, 6))
    with pytest.raises(SuspectError, match="different sets"):
        SCHEME.open(TASK, b"", releases, NO_BASE, 4)


def test_a_malformed_release_names_its_holder() -> None:
    contributors = (1, 2, 3, 4)
    releases = {holder: release_of(holder, contributors) for holder in (1, 2, 3, 4)}
    good = wire.decode(SeedTable, releases[4])
    malformed = [
        b"",
        releases[4][:-1],
        releases[4] + b"\x00",
        *(
            wire.encode(dataclasses.replace(good, **change))
            for change in (
                {"dealers": (1, 2, 4, 3)},
                {"dealers": (1, 2, 3, 7)},
                {"absent": (0,)},
                {"absent": (4,)},
                {"absent": ()},
                {"values": good.values[:-SHARE_BYTES]},
                {"values": b"\xff" * len(good.values)},
            )
        ),
    ]
    for release in malformed:
        with pytest.raises(SuspectError) as caught:
            SCHEME.open(TASK, b"", {**releases, 6: release}, NO_BASE, 4)
        assert caught.value.culprit == "hospital 6"


def opens(holder: int, dealer: int, share: DealtShare, task: SumTask = TASK) -> bool:
    return SCHEME.open_shares(task, holder, KEYS[holder][0], {dealer: share})[1] == []


def test_a_share_opens_for_its_holder_sum_payload_and_dealer_only() -> None:
    share = share_for(3, DEALT[2])
    assert opens(3, 2, share)
    assert not any(opens(holder, 2, share) for holder in (1, 2, 4, 6))
    assert not any(opens(3, dealer, share) for dealer in (1, 3, 4, 6))
    assert not opens(3, 2, share, dataclasses.replace(TASK, context=digest("another sum")))
    assert not opens(3, 2, dataclasses.replace(share, payload_digest=payload_digest(DEALT[1].payload)))


def sealed_to(holder: int, dealer: int, plain: bytes) -> DealtShare:
    marked = payload_digest(DEALT[dealer].payload)
    public = HOLDERS[holder][: sealing.PUBLIC_BYTES]
    sealed = sealing.seal(plain, public, sealing.info(TASK, dealer, holder, marked))
    return DealtShare(sealing.commitment(TASK, dealer, holder, plain) + sealed, marked)


def test_a_share_that_opens_to_something_else_is_bad() -> None:
    size = SHARE_BYTES * len(JOINED)
    assert opens(3, 2, sealed_to(3, 2, wire.encode(Dealing(JOINED, bytes(size)))))
    bad = [
        b"",
        wire.encode(Dealing(JOINED, bytes(size))) + b"\x00",
        wire.encode(Dealing(JOINED, bytes(size - 4))),
        wire.encode(Dealing(JOINED, FIELD.to_bytes(4, "little") * (size // 4))),
        wire.encode(Dealing((1, 3, 4, 6, 2), bytes(size))),
        wire.encode(Dealing((1, 2, 2, 3, 4), bytes(size))),
        wire.encode(Dealing((1, 2, 3, 4, 7), bytes(size))),
        wire.encode(Dealing((1, 3, 4, 6), bytes(size - SHARE_BYTES))),  # without the dealer
        wire.encode(Dealing((1, 2, 4, 6), bytes(size - SHARE_BYTES))),  # without the holder
    ]
    assert not any(opens(3, 2, sealed_to(3, 2, plain)) for plain in bad)


def test_every_bad_dealer_is_named() -> None:
    dealt = {i: share_for(3, DEALT[i]) for i in JOINED} | {2: share_for(4, DEALT[2]), 6: DealtShare(b"", b"")}
    assert SCHEME.open_shares(TASK, 3, KEYS[3][0], dealt)[1] == [2, 6]
    with pytest.raises(WireError):
        SCHEME.release(TASK, 3, KEYS[3][0], dealt)


def test_a_dealer_that_lists_others_who_joined_than_everybody_else_is_named() -> None:
    # Were its list trusted, all its masks could be opened: none of them is shared with a contributor.
    other = dealt_by(2, holders={i: KEYS[i][1] for i in (2, 3, 4, 5)})
    dealt = {i: share_for(3, DEALT[i]) for i in JOINED} | {2: share_for(3, other)}
    assert SCHEME.open_shares(TASK, 3, KEYS[3][0], dealt)[1] == [2]
    with pytest.raises(WireError, match="disagree"):
        SCHEME.release(TASK, 3, KEYS[3][0], dealt)
    alone = {2: share_for(3, other), 6: share_for(3, dealt_by(6, holders={i: KEYS[i][1] for i in (1, 3, 5, 6)}))}
    assert SCHEME.open_shares(TASK, 3, KEYS[3][0], alone)[1] == [2, 6]


@pytest.mark.parametrize("position", [0, 500, 1087, 1088, 1119, 1120, 1151, 1160, -1])
def test_a_flipped_bit_of_a_sealed_share_keeps_it_closed(position: int) -> None:
    for holder in JOINED:
        sealed = bytearray(DEALT[1].shares[holder])
        sealed[position] ^= 1
        assert not opens(holder, 1, DealtShare(bytes(sealed), payload_digest(DEALT[1].payload)))


@pytest.mark.parametrize("holders", [(1, 2, 3, 4), JOINED], ids=["exactly the threshold", "one more"])
def test_every_flipped_bit_of_a_release_is_noticed(holders: tuple[int, ...]) -> None:
    contributors = (1, 2, 3, 6)
    releases = {holder: release_of(holder, contributors) for holder in holders}
    total = total_of(contributors)
    for bit in range(8 * len(releases[2])):
        wrong = bytearray(releases[2])
        wrong[bit // 8] ^= 1 << bit % 8
        with pytest.raises((SuspectError, ProtocolError)):
            SCHEME.sums(TASK, total, SCHEME.open(TASK, total, {**releases, 2: bytes(wrong)}, NO_BASE, 4), 4)


def test_every_flipped_bit_of_a_witness_is_refused_or_changes_nothing() -> None:
    contributors = (1, 2, 3, 6)
    total, witness = total_of(contributors), witness_of(contributors)
    for bit in range(8 * len(witness)):
        wrong = bytearray(witness)
        wrong[bit // 8] ^= 1 << bit % 8
        try:
            sums = SCHEME.sums(TASK, total, bytes(wrong), 4)
        except (WireError, ProtocolError):
            continue
        # Another number for the absent hospital: the same seeds, added with the same signs.
        assert bytes(wrong)[-SHARE_BYTES:] == witness[-SHARE_BYTES:]
        assert np.array_equal(sums, expected(contributors))


def test_every_flipped_bit_of_a_payload_is_refused_or_changes_the_total() -> None:
    honest = total_of((1,))
    for bit in range(8 * len(honest)):
        wrong = bytearray(DEALT[1].payload)
        wrong[bit // 8] ^= 1 << bit % 8
        running = SCHEME.accumulator(TASK, NO_BASE)
        try:
            running.add(bytes(wrong))
        except WireError:
            assert running.total() == bytes(len(honest))
        else:
            assert running.total() == bytes(wrong) != honest


def test_wrong_seeds_are_noticed_even_where_every_lane_is_in_range() -> None:
    # Eight hospitals of eight, one lane: nearly every 19-bit number is a possible sum.
    task = dataclasses.replace(TASK, n_hospitals=8, threshold=1, n_lanes=1)
    dealt = {i: dealt_by(i, task, {j: key for j, (_, key) in KEYS.items()}) for i in KEYS}
    witness = SCHEME.open(task, b"", {1: release_of(1, list(KEYS), dealt, task)}, NO_BASE, 8)
    total = total_of(list(KEYS), dealt, task)
    assert np.array_equal(SCHEME.sums(task, total, witness, 8), expected(list(KEYS), task))
    refused = 0
    for position in range(1, 8 * SHARE_BYTES, 4):
        wrong = bytearray(witness)
        wrong[-position - 1] ^= 1
        with pytest.raises(ProtocolError, match="does not open"):
            SCHEME.sums(task, total, bytes(wrong), 8)
        refused += 1
    assert refused == 72


def test_a_total_that_the_coordinator_shifted_opens_because_nothing_binds_it() -> None:
    # What masks lacks beside quorum; receipts name it as assumed.
    shifted = form_of(TASK).unpack(total_of(JOINED), "total")
    shifted[0] = (shifted[0] + 1) & form_of(TASK).modulo
    sums = SCHEME.sums(TASK, form_of(TASK).pack(shifted), witness_of(JOINED), 5)
    assert (sums.astype(np.int64) - expected(JOINED)).tolist() == [1] + [0] * 19


# keys and form


@pytest.mark.parametrize("point", [0, 1, 2**255 - 19 - 1, 2**255 - 19, 2**255 - 18])
@pytest.mark.parametrize("place", [slice(-32, None), slice(-64, -32)], ids=["agreement", "sealing"])
def test_a_curve_point_of_low_order_is_no_usable_key(point: int, place: slice) -> None:
    weak = bytearray(HOLDERS[2])
    weak[place] = point.to_bytes(32, "little")
    assert not SCHEME.key_is_usable(bytes(weak))
    with pytest.raises(WireError, match="nothing can be"):
        dealt_by(1, holders={**HOLDERS, 2: bytes(weak)})


def test_only_the_private_key_of_the_join_deals() -> None:
    with pytest.raises(WireError, match="did not join"):
        SCHEME.protect(TASK, 1, lanes_of(1), HOLDERS, random_bytes("deal"), KEYS[2][0])
    with pytest.raises(WireError, match="did not join"):
        SCHEME.protect(TASK, 5, lanes_of(5), HOLDERS, random_bytes("deal"), KEYS[5][0])
    with pytest.raises(ValueError, match="96"):
        SCHEME.protect(TASK, 1, lanes_of(1), HOLDERS, random_bytes("deal"))


def test_fewer_joins_than_the_threshold_are_refused() -> None:
    with pytest.raises(ValueError, match="3 holders for a threshold of 4"):
        dealt_by(1, holders={i: HOLDERS[i] for i in (1, 2, 3)})


@pytest.mark.parametrize(
    ("n", "bits", "lane_bytes"), [(1, 16, 2), (2, 16, 3), (256, 16, 3), (257, 16, 4), (8, 24, 4), (256, 24, 4)]
)
def test_a_lane_takes_as_few_whole_bytes_as_the_largest_sum_needs(n: int, bits: int, lane_bytes: int) -> None:
    form = form_of(dataclasses.replace(TASK, n_hospitals=n, bits=bits))
    assert form.lane_bytes == lane_bytes
    assert n * ((1 << bits) - 1) <= int(form.modulo)
    assert (form.n_words - TASK.n_lanes) * form.lane_bits >= 128


def test_more_hospitals_than_fit_a_lane_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit in 32 bits"):
        form_of(dataclasses.replace(TASK, n_hospitals=257, bits=24))
