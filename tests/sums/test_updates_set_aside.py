"""What the coordinator does not add to a sum: late, repeated, replayed, forged, malformed. The sum never changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from tests.sums.sum_parties import (
    STUDY,
    Parties,
    Sum,
    altered,
    contribution,
    parties,
    plain_parties,
    random_bytes,
    shares_in,
    update_of,
    vector_of,
)

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR, Signed
from cipherward.crypto.scheme import share_digest
from cipherward.errors import (
    CipherwardError,
    FaultyCoordinatorError,
    ProtocolError,
    QuorumError,
    StorageError,
    WireError,
)
from cipherward.sums import hospital_steps
from cipherward.sums.digests import Digests
from cipherward.sums.messages import Complaint, Header, Join, Joined, Query, ShareFor, Update


def waiting_for_4_and_5() -> Sum:
    """A sum with the updates of hospitals 1 to 3 in; those of 4 and 5 are dealt and not sent."""
    run = Sum(parties())
    run.join()
    run.deal((1, 2, 3))
    run.deal_one(4)
    run.deal_one(5)
    return run


def refused(run: Sum, sender: int, update: bytes, reason: str, error: type[CipherwardError] = ProtocolError) -> None:
    """The update is refused for that reason, and honest updates still open to the honest sum."""
    with pytest.raises(error, match=reason):
        run.collection.add_update(sender, update)
    assert run.collection.contributors == {1, 2, 3}
    run.collection.add_update(4, run.dealt[4].update)
    run.collection.add_update(5, run.dealt[5].update)
    run.close()
    run.consent()
    run.release()
    assert np.array_equal(run.verify(1, run.open()).sums, run.expected(range(1, 6)))


def test_a_duplicate_update_is_set_aside() -> None:
    run = waiting_for_4_and_5()
    refused(run, 3, run.dealt[3].update, "duplicate")


def test_a_second_different_update_of_one_hospital_is_set_aside() -> None:
    run = waiting_for_4_and_5()
    other = hospital_steps.deal(run.member(3), run.task, run.joined, vector_of(run.parties, 9), random_bytes("again"))
    refused(run, 3, other.update, "duplicate")


def test_an_update_after_the_sum_was_closed_is_set_aside() -> None:
    run = waiting_for_4_and_5()
    run.collection.add_update(4, run.dealt[4].update)
    run.close()
    with pytest.raises(ProtocolError, match="after the sum was closed"):
        run.collection.add_update(5, run.dealt[5].update)
    assert [entry.hospital for entry in run.manifest.entries] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "elsewhere",
    [
        lambda p: p.in_another(round=2),
        lambda p: p.in_another(attempt=1),
        lambda p: p.in_another(query=Query("train", b"parameters", digest("model", b"another"))),
        lambda p: p.in_another(query=Query("evaluate", b"parameters", digest("model", b"model 0"))),
        lambda p: p.in_another(study=digest("study", b"another")),
    ],
    ids=["older round", "other attempt", "another model", "another question", "another study"],
)
def test_an_update_for_another_sum_is_set_aside(elsewhere: Callable[[Parties], Parties]) -> None:
    run = waiting_for_4_and_5()
    other = Sum(elsewhere(run.parties))
    other.join()
    refused(run, 4, other.deal_one(4).update, "another stud")


def test_a_replayed_update_with_a_new_signed_header_does_not_open() -> None:
    # Hospital 4 signs a header for this sum over the ciphertext and the shares that it made for the last one.
    run = waiting_for_4_and_5()
    last = Sum(run.parties.in_another(round=2))
    last.join()
    old = last.deal_one(4)
    replayed = contribution(run.parties, 4, run.joined, old.payload, shares_in(old))
    run.collection.add_update(4, replayed.update)
    run.close()
    answer = run.consent_of(1)
    assert isinstance(answer, Complaint)
    assert answer.dealer == 4


def test_a_forged_signature_is_set_aside() -> None:
    run = waiting_for_4_and_5()
    forger = run.parties.members[5].identity
    update = wire.decode(Update, run.dealt[4].update)
    header = wire.decode(Header, _body(update.header))
    forged = forger.sign("Header", STUDY, 4, wire.encode(header))
    refused(run, 4, wire.encode(dataclasses.replace(update, header=forged)), "forged signature")


def _body(envelope: bytes) -> bytes:
    return wire.decode(Signed, envelope).body


def test_an_update_in_another_hospitals_name_is_set_aside() -> None:
    run = waiting_for_4_and_5()
    refused(run, 4, run.dealt[5].update, "of hospital 5 where one of 4 belongs")


def test_an_update_of_somebody_who_is_not_on_the_roster_is_set_aside() -> None:
    run = waiting_for_4_and_5()
    with pytest.raises(ProtocolError, match="unknown sender"):
        run.collection.add_update(9, update_as(run, 9))
    with pytest.raises(ProtocolError, match="did not join"):
        run.collection.add_update(COORDINATOR, update_of(run.parties, COORDINATOR, run.dealt[4]))


def update_as(run: Sum, sender: int) -> bytes:
    update = wire.decode(Update, run.dealt[4].update)
    header = run.parties.members[4].identity.sign("Header", STUDY, sender, _body(update.header))
    return wire.encode(dataclasses.replace(update, header=header))


def test_an_update_of_a_hospital_that_did_not_join_is_set_aside() -> None:
    run = Sum(parties())
    run.join((1, 2, 3, 4))
    run.deal((1, 2, 3))
    stranger = contribution(run.parties, 5, run.joined, run.dealt[1].payload, shares_in(run.dealt[1]))
    with pytest.raises(ProtocolError, match="did not join"):
        run.collection.add_update(5, stranger.update)


def test_an_update_for_another_list_of_holders_is_set_aside() -> None:
    run = waiting_for_4_and_5()
    shorter = Joined(run.task.context, run.joined.joins[:4])
    dealt = hospital_steps.deal(run.member(4), run.task, shorter, vector_of(run.parties, 4), random_bytes("deal"))
    refused(run, 4, dealt.update, "another list of holders")


def test_a_tampered_ciphertext_is_set_aside() -> None:
    run = waiting_for_4_and_5()
    payload = bytearray(run.dealt[4].payload)
    payload[1000] ^= 1
    refused(run, 4, altered(run.dealt[4].update, Update, payload=bytes(payload)), "not the one that the header signs")


def test_a_tampered_share_is_set_aside() -> None:
    run = waiting_for_4_and_5()
    shares = list(wire.decode(Update, run.dealt[4].update).shares)
    shares[2] = ShareFor(shares[2].hospital, shares[2].sealed[:-1] + b"\x00")
    refused(run, 4, altered(run.dealt[4].update, Update, shares=tuple(shares)), "not the ones that the header signs")


@pytest.mark.parametrize("kept", [[], [1, 2, 3, 4], [1, 2, 3, 4, 5, 5], [2, 1, 3, 4, 5], [1, 2, 3, 4, 6]])
def test_an_update_without_exactly_one_share_for_every_holder_is_set_aside(kept: list[int]) -> None:
    run = waiting_for_4_and_5()
    sealed = shares_in(run.dealt[4]) | {6: b"sealed to nobody"}
    shares = tuple(ShareFor(holder, sealed[holder]) for holder in kept)
    listed = Digests.of({item.hospital: share_digest(item.sealed) for item in shares})
    unsigned = altered(run.dealt[4].update, Update, shares=shares)
    dealt = dataclasses.replace(run.dealt[4], update=unsigned)
    refused(run, 4, update_of(run.parties, 4, dealt, shares=listed), "one share for every hospital that joined")


def test_a_signed_ciphertext_out_of_range_is_set_aside() -> None:
    run = waiting_for_4_and_5()
    payload = b"\xff" * len(run.dealt[4].payload)
    bad = contribution(run.parties, 4, run.joined, payload, shares_in(run.dealt[4]))
    refused(run, 4, bad.update, "not below their prime", WireError)


@pytest.mark.parametrize("size", [0, 1, 46079, 46081])
def test_a_signed_ciphertext_of_another_length_is_set_aside(size: int) -> None:
    run = waiting_for_4_and_5()
    bad = contribution(run.parties, 4, run.joined, bytes(size), shares_in(run.dealt[4]))
    refused(run, 4, bad.update, "bytes", WireError)


def test_a_copy_of_another_hospitals_ciphertext_is_set_aside_and_names_it() -> None:
    run = waiting_for_4_and_5()
    copy = contribution(run.parties, 4, run.joined, run.dealt[1].payload, shares_in(run.dealt[4]))
    refused(run, 4, copy.update, "copies the ciphertext of hospital 1")


@pytest.mark.parametrize("cut", [0, 1, 100, 20_000, -1])
def test_bytes_that_are_no_update_are_set_aside(cut: int) -> None:
    run = waiting_for_4_and_5()
    refused(run, 4, run.dealt[4].update[:cut], "early|longer", WireError)


def test_an_unprotected_update_carries_no_shares() -> None:
    run = Sum(plain_parties())
    run.join()
    run.deal_one(4)
    shares = dict.fromkeys(range(1, 6), b"something")
    with pytest.raises(ProtocolError, match="one share for every hospital that joined"):
        run.collection.add_update(4, contribution(run.parties, 4, run.joined, run.dealt[4].payload, shares).update)
    run.collection.add_update(4, run.dealt[4].update)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_unprotected_update_that_is_not_finite_is_set_aside(value: float) -> None:
    run = Sum(plain_parties())
    run.join()
    bad = hospital_steps.deal(run.member(4), run.task, run.joined, np.full(12, value), b"")
    with pytest.raises(WireError):
        run.collection.add_update(4, bad.update)
    assert run.collection.contributors == frozenset()


# joins


def a_join(who: Parties, i: int, key: bytes = b"", salt: int = 0) -> bytes:
    return who.sign(i, Join(who.task.context, key or who.rules.scheme.make_key(random_bytes("key", i, salt))[1]))


def test_a_join_with_a_key_that_nothing_can_be_sealed_to_is_set_aside() -> None:
    who = parties()
    collection = who.collection()
    good = who.rules.scheme.make_key(random_bytes("key"))[1]
    for key in (b"x", good[:-1], good[:-32] + bytes(32), good[:-32] + (1).to_bytes(32, "little")):
        with pytest.raises(WireError, match="nothing can be sealed to"):
            collection.add_join(1, a_join(who, 1, key))
    collection.add_join(1, a_join(who, 1))
    assert collection.joined == {1}


def test_a_second_different_join_does_not_replace_the_first() -> None:
    who = parties()
    collection = who.collection()
    for i in who.everyone:
        collection.add_join(i, a_join(who, i))
    with pytest.raises(ProtocolError, match="second, different join"):
        collection.add_join(1, a_join(who, 1, salt=1))
    collection.add_join(1, a_join(who, 1))
    assert collection.close_joins().joins == tuple(a_join(who, i) for i in who.everyone)


def test_a_late_forged_foreign_or_excluded_join_is_set_aside() -> None:
    who = parties()
    collection = who.collection(excluded=[2])
    collection.add_join(1, a_join(who, 1))
    with pytest.raises(ProtocolError, match="set aside for this attempt"):
        collection.add_join(2, a_join(who, 2))
    with pytest.raises(ProtocolError, match="where one of 3 belongs"):
        collection.add_join(3, a_join(who, 4))
    with pytest.raises(ProtocolError, match="another study, query, round or attempt"):
        collection.add_join(3, a_join(who.in_another(attempt=1), 3))
    collection.close_joins()
    with pytest.raises(ProtocolError, match="too late"):
        collection.add_join(3, a_join(who, 3))
    assert collection.joined == {1}


def test_a_hospital_that_is_left_out_of_the_list_deals_nothing() -> None:
    run = Sum(parties())
    run.join((1, 2, 3, 4))
    with pytest.raises(FaultyCoordinatorError, match="leaves me out"):
        run.deal_one(5)


@pytest.mark.parametrize("what", ["repeated", "foreign", "by the coordinator", "of another sum"])
def test_a_list_of_joins_with_an_entry_that_does_not_belong_is_evidence(what: str) -> None:
    run = Sum(parties())
    run.join()
    elsewhere = run.parties.in_another(attempt=1)
    joins = {
        "repeated": (*run.joined.joins, a_join(run.parties, 5, salt=1)),
        "foreign": (*run.joined.joins[:4], a_join(elsewhere, 5)),
        "by the coordinator": (*run.joined.joins, a_join(run.parties, COORDINATOR)),
        "of another sum": run.joined.joins,
    }[what]
    run.joined = Joined(elsewhere.task.context if what == "of another sum" else run.task.context, joins)
    with pytest.raises(FaultyCoordinatorError):
        run.deal_one(1)


def test_a_list_of_joins_with_a_forged_entry_is_refused() -> None:
    run = Sum(parties())
    run.join()
    forged = run.parties.members[COORDINATOR].identity.sign(
        "Join", STUDY, 5, wire.encode(Join(run.task.context, run.parties.rules.scheme.make_key(random_bytes())[1]))
    )
    run.joined = Joined(run.task.context, (*run.joined.joins[:4], forged))
    with pytest.raises(ProtocolError, match="forged"):
        run.deal_one(1)


def test_a_holders_key_of_low_order_that_reaches_a_dealer_stops_the_dealer_and_not_the_program() -> None:
    # Coordinator and hospital 5 collude: an honest coordinator sets this join aside.
    run = Sum(parties())
    run.join()
    good = run.parties.rules.scheme.make_key(random_bytes("key"))[1]
    run.joined = Joined(run.task.context, (*run.joined.joins[:4], a_join(run.parties, 5, good[:-32] + bytes(32))))
    with pytest.raises(WireError, match="nothing can be sealed"):
        run.deal_one(1)


def test_with_everything_set_aside_nothing_is_closed() -> None:
    run = Sum(parties())
    run.join()
    with pytest.raises(QuorumError, match=r"0 contribution\(s\)"):
        run.close()


class _Full(dict[int, bytes]):
    """A disk that is full for the second update that comes."""

    asked = 0

    def __setitem__(self, hospital: int, payload: bytes) -> None:
        self.asked += 1
        if self.asked == 2:
            raise StorageError("no space left")
        super().__setitem__(hospital, payload)


def test_an_update_for_which_there_is_no_room_changes_nothing_and_is_taken_when_it_comes_again() -> None:
    run = Sum(parties())
    run.collection.updates.payloads = _Full()
    run.join()
    dealt = {i: run.deal_one(i).update for i in run.parties.everyone}
    run.collection.add_update(1, dealt[1])
    with pytest.raises(StorageError, match="no space left"):
        run.collection.add_update(2, dealt[2])
    assert set(run.collection.updates.headers) == {1}
    for i in run.parties.everyone[1:]:
        run.collection.add_update(i, dealt[i])
    run.close()
    run.consent()
    run.release()
    opened = run.verify(1, run.open())
    assert np.array_equal(opened.sums, run.expected(run.parties.everyone))
