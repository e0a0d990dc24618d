"""Honest parties: the sum comes out, also when some leave, and everybody sees the same."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from tests.sums.sum_parties import (
    QUERY,
    STUDY,
    Parties,
    Sum,
    certified_sum,
    closed_sum,
    opened_sum,
    parties,
    plain_parties,
    run_secure_sum,
)

from cipherward.crypto import wire
from cipherward.errors import FaultyCoordinatorError, ProtocolError, QuorumError, SuspectError
from cipherward.sums import hospital_steps
from cipherward.sums.hospital_steps import Consent
from cipherward.sums.messages import Query, Vote, context


@pytest.mark.parametrize("n", [3, 4, 5, 10])
def test_hospitals_get_the_exact_sum_of_what_they_put_in(n: int) -> None:
    run = run_secure_sum(parties(n))
    assert run.collection.contributors == frozenset(range(1, n + 1))


@pytest.mark.parametrize("make", [parties, plain_parties])
@pytest.mark.parametrize("absent", [1, 5])
def test_a_hospital_may_leave_before_dealing_or_after_it(make: Callable[[], Parties], absent: int) -> None:
    before = run_secure_sum(make(), absent_before_deal=frozenset([absent]))
    assert absent not in before.collection.contributors
    after = run_secure_sum(make(), absent_after_deal=frozenset([absent]))
    assert absent in after.collection.contributors


def test_every_set_of_enough_contributors_and_voters_gives_its_sum() -> None:
    for contributors, voters in itertools.product(itertools.combinations(range(1, 6), 4), repeat=2):
        everyone = frozenset(range(1, 6))
        run = Sum(parties())
        run.join()
        run.deal(contributors)
        run.close()
        run.consent(voters)
        run.release()
        run.open()
        assert np.array_equal(run.verify(min(everyone)).sums, run.expected(contributors))


def test_the_same_contributions_give_the_same_sums_and_witness_in_any_order_of_messages() -> None:
    runs = []
    for order in ((1, 2, 3, 4, 5), (5, 3, 1, 4, 2)):
        run = Sum(parties())
        run.join(order)
        run.deal(order)
        run.close()
        run.consent(reversed(order))
        run.release(order)
        run.open()
        runs.append(run)
    assert runs[0].witness == runs[1].witness
    assert np.array_equal(runs[0].verify(1).sums, runs[1].verify(1).sums)
    assert runs[0].joined == runs[1].joined


def test_one_set_of_updates_makes_one_manifest_in_any_order_of_arrival() -> None:
    run = Sum(parties())
    run.join()
    run.deal()
    run.close()
    other = run.parties.collection()
    for i in (4, 2, 5, 1, 3):
        other.add_join(i, run.joined.joins[i - 1])
    other.close_joins()
    for i in (3, 1, 5, 2, 4):
        other.add_update(i, run.dealt[i].update)
    assert other.close() == run.requests


def test_a_hospital_that_was_away_verifies_from_the_opening_alone() -> None:
    run = opened_sum(voters=(1, 2, 3, 4))
    verified = hospital_steps.verify(
        run.member(5), run.task, run.opening, own_header=run.dealt[5].header, consented=None
    )
    assert verified.contributors == (1, 2, 3, 4, 5)
    assert "sum of fingerprints matches (4 signed, 1 recomputed)" in verified.checks
    assert [item.hospital for item in run.opening.unsigned] == [5]


def test_a_hospital_that_contributed_nothing_is_told_so() -> None:
    run = closed_sum(contributors=(1, 2, 3, 4))
    run.consent()
    run.release()
    run.open()
    assert "took no part in this sum" in run.verify(5).checks
    assert "own contribution listed unaltered" in run.verify(4).checks
    assert run.consents[5].vote.fingerprint == b""


def test_what_a_scheme_cannot_check_is_said() -> None:
    assert run_secure_sum(parties()).verify(1).assumed == ()
    assert run_secure_sum(plain_parties()).verify(1).assumed == (
        "nothing is protected: the coordinator reads every update",
    )


def test_two_hospitals_with_the_same_numbers_are_no_accident_in_an_unprotected_sum() -> None:
    run = Sum(plain_parties())
    run.join()
    for i in run.parties.everyone:
        dealt = hospital_steps.deal(run.member(i), run.task, run.joined, np.ones(12), b"")
        run.dealt[i], run.vectors[i] = dealt, np.ones(12)
        run.collection.add_update(i, dealt.update)
    run.close()
    run.consent()
    run.release()
    assert np.array_equal(run.verify(1, run.open()).sums, np.full(12, 5.0))


def test_too_few_joins_start_no_dealing() -> None:
    run = Sum(parties())
    run.join((1, 2, 3))
    with pytest.raises(ProtocolError, match="only 3 hospitals joined"):
        run.deal_one(1)


def test_too_few_contributions_are_never_put_into_a_manifest() -> None:
    run = Sum(parties())
    run.join()
    run.deal((1, 2, 3))
    with pytest.raises(
        QuorumError, match=r"3 contribution\(s\) that may be opened together, where the study asks for at least 4"
    ):
        run.close()
    run.deal((4,))
    run.close()


def test_the_certificate_is_there_with_the_threshold_of_votes_and_not_before() -> None:
    run = closed_sum()
    for n_votes, i in enumerate((2, 5, 1, 4), start=1):
        run.consent((i,))
        assert run.collection.is_certified == (n_votes == 4)


def test_the_sum_opens_with_the_threshold_of_releases_and_not_before() -> None:
    run = certified_sum()
    for n_releases, i in enumerate((2, 5, 1, 4), start=1):
        run.release((i,))
        assert run.collection.can_open == (n_releases == 4)


def test_asked_again_a_hospital_releases_the_same_bytes() -> None:
    run = certified_sum()
    assert run.release_of(2) == run.release_of(2)
    run.release()
    run.release()
    run.open()


def test_the_release_of_a_set_is_the_only_thing_a_holder_says_about_its_shares() -> None:
    run = certified_sum()
    assert isinstance(run.consents[1], Consent)
    assert b"".join(share.sealed for share in run.consents[1].dealt.values()) not in run.release_of(1)
    assert "sealed" not in repr(run.consents[1])


def test_a_context_differs_with_study_query_round_and_attempt() -> None:
    base = (STUDY, QUERY.digest(), 3, 0)
    others = [(b"another", *base[1:]), (STUDY, b"another", 3, 0), (STUDY, QUERY.digest(), 4, 0), (*base[:3], 1)]
    assert len({context(*each) for each in (base, *others)}) == 5
    assert context(STUDY, QUERY.digest(), 0, 3) != context(STUDY, QUERY.digest(), 3, 0)


def test_a_query_differs_with_purpose_parameters_and_model() -> None:
    queries = [QUERY, Query("evaluate", b"parameters", QUERY.model), Query("train", b"", QUERY.model)]
    queries += [Query("train", b"parameters", b""), Query("train", b"parameters", b"other")]
    assert len({query.digest() for query in queries}) == 5


def test_a_vote_travels_as_its_canonical_bytes() -> None:
    run = certified_sum()
    vote = run.consents[1].vote
    assert wire.decode(Vote, wire.encode(vote)) == vote
    assert vote.context == run.task.context


def test_a_certified_sum_that_does_not_open_is_reported_with_its_witness_and_refused_by_everybody() -> None:
    run = closed_sum()
    # A holder releases something else among exactly the threshold, so that nobody can say who lied.
    run.consent()
    run.release((1, 2, 3))
    wrong = run.consents[4].dealt
    run.consents[4] = Consent(run.consents[4].vote, run.consents[4].manifest, {i: wrong[i] for i in (1, 2, 3)})
    run.release((4,))
    found = run.collection.open()
    assert found.sums is None
    assert "sum of secrets exceed" in found.reason
    run.witness = found.witness
    for i in run.parties.everyone:
        with pytest.raises(SuspectError, match="the certified sum does not open") as caught:
            run.verify(i)
        assert not isinstance(caught.value, FaultyCoordinatorError)
