"""A secure sum under `masks`, through the whole protocol."""

from __future__ import annotations

import dataclasses

import pytest
from tests.sums.sum_parties import Sum, closed_sum, opened_sum, parties, random_bytes, run_secure_sum

from cipherward.crypto import wire
from cipherward.crypto.masks import MasksScheme
from cipherward.crypto.scheme import share_digest
from cipherward.errors import ProtocolError, SuspectError
from cipherward.sums.digests import Digests
from cipherward.sums.messages import Complaint, Header, ShareFor, Update, unsign


@pytest.mark.parametrize("before", [frozenset[int](), frozenset({2}), frozenset({5})])
@pytest.mark.parametrize("after", [frozenset[int](), frozenset({1})])
def test_hospitals_may_leave_before_or_after_their_update(before: frozenset[int], after: frozenset[int]) -> None:
    n = 5 if not (before and after) else 7
    run = run_secure_sum(parties(n, scheme=MasksScheme()), absent_before_deal=before, absent_after_deal=after)
    assert run.collection.contributors == frozenset(run.parties.everyone) - before


def test_a_receipt_says_what_masks_cannot_check() -> None:
    verified = opened_sum(parties(scheme=MasksScheme())).verify(1)
    assert "no fingerprints in this scheme" in verified.checks
    assert verified.assumed == ("the coordinator added exactly the listed contributions, and nothing else, to the sum",)


def test_an_opening_serves_no_payload() -> None:
    run = opened_sum(parties(scheme=MasksScheme()), voters=(1, 2, 3, 4))
    assert run.opening.unsigned == ()


def test_a_bad_share_gives_a_signed_complaint_that_names_its_dealer() -> None:
    run = Sum(parties(scheme=MasksScheme()))
    run.join()
    run.deal((1, 3, 4, 5))
    update = wire.decode(Update, run.deal_one(2).update)
    header = unsign(update.header, Header, study=run.parties.rules.study, keys=run.parties.rules.keys)
    junk = random_bytes("junk", size=1200)
    shares = tuple(ShareFor(3, junk) if share.hospital == 3 else share for share in update.shares)
    entries = Digests.of({share.hospital: share_digest(share.sealed) for share in shares})
    signed = run.parties.sign(2, dataclasses.replace(header, shares=entries))
    run.collection.add_update(2, wire.encode(Update(signed, update.payload, shares)))
    run.dealt[2] = dataclasses.replace(run.dealt[2], header=signed)
    run.close()
    answer = run.consent_of(3)
    assert isinstance(answer, Complaint)
    assert answer.dealer == 2
    run.collection.add_complaint(3, run.parties.sign(3, answer))
    assert {dealer: set(by) for dealer, by in run.collection.complaints.by_dealer.items()} == {2: {3}}
    assert not isinstance(run.consent_of(4), Complaint)


def test_an_update_needs_a_share_for_everyone_who_joined() -> None:
    run = Sum(parties(scheme=MasksScheme()))
    run.join()
    update = wire.decode(Update, run.deal_one(1).update)
    header = unsign(update.header, Header, study=run.parties.rules.study, keys=run.parties.rules.keys)
    fewer = Digests.of({share.hospital: share_digest(share.sealed) for share in update.shares[:-1]})
    signed = run.parties.sign(1, dataclasses.replace(header, shares=fewer))
    with pytest.raises(ProtocolError, match="one share for every hospital"):
        run.collection.add_update(1, wire.encode(Update(signed, update.payload, update.shares[:-1])))


def test_a_share_that_the_coordinator_withholds_gives_no_consent() -> None:
    run = closed_sum(parties(scheme=MasksScheme()))
    with pytest.raises(ProtocolError, match="never skipped"):
        run.consent_of(1, dataclasses.replace(run.requests[1], shares=run.requests[1].shares[1:]))


def test_an_altered_witness_does_not_verify() -> None:
    run = opened_sum(parties(scheme=MasksScheme()))
    wrong = bytearray(run.witness)
    wrong[-5] ^= 1
    with pytest.raises(SuspectError, match="does not open"):
        run.verify(1, dataclasses.replace(run.opening, witness=bytes(wrong)))
