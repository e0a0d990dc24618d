"""Votes, certificates, releases: what is counted, what is not, and that at most one outcome of a sum is ever proved."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from tests.simulator import signed_body
from tests.sums.sum_parties import Parties, certified_sum, closed_sum, opened_sum, parties

from cipherward import thresholds
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR
from cipherward.errors import CipherwardError, FaultyHospitalError, ProtocolError, WireError
from cipherward.sums import hospital_steps
from cipherward.sums.counted_votes import CountedVotes
from cipherward.sums.messages import CONSENT, VOID, Certificate, Release, Vote
from cipherward.sums.votes import check_void, distinct_votes

MANIFESTS = tuple(digest("manifest", bytes([k])) for k in range(3))
VOIDED = b"void"


def consent_to(who: Parties, i: int, manifest: bytes, fingerprint: bytes = b"") -> bytes:
    return who.sign(i, Vote(who.task.context, CONSENT, manifest, fingerprint))


def void_of(who: Parties, i: int) -> bytes:
    return who.sign(i, hospital_steps.void(who.task))


def is_certified(who: Parties, votes: dict[int, bytes], manifest: bytes) -> bool:
    try:
        distinct_votes(who.rules, who.task, tuple(votes.values()), CONSENT, manifest)
    except ProtocolError:
        return False
    return True


def is_void(who: Parties, votes: dict[int, bytes]) -> bool:
    try:
        check_void(who.rules, who.task.context, tuple(votes.values()))
    except ProtocolError:
        return False
    return True


def outcomes(who: Parties, liars: tuple[int, ...]) -> Iterator[int]:
    """For every way in which honest hospitals can vote once: how many outcomes the coordinator can prove.

    Liars (or hospitals whose ledger was rolled back) sign every manifest and void too.
    """
    honest = [i for i in who.everyone if i not in liars]
    signed = {(i, m): consent_to(who, i, m) for i in who.everyone for m in MANIFESTS}
    void = {i: void_of(who, i) for i in who.everyone}
    proved: dict[tuple[bytes, frozenset[int]], bool] = {}
    for choices in itertools.product([*MANIFESTS, VOIDED], repeat=len(honest)):
        chosen = dict(zip(honest, choices, strict=True))
        n_proved = 0
        for outcome in (*MANIFESTS, VOIDED):
            voters = frozenset(liars) | {i for i in honest if chosen[i] == outcome}
            if (outcome, voters) not in proved:
                proved[outcome, voters] = (
                    is_void(who, {i: void[i] for i in voters})
                    if outcome == VOIDED
                    else is_certified(who, {i: signed[i, outcome] for i in voters}, outcome)
                )
            n_proved += proved[outcome, voters]
        yield n_proved


@pytest.mark.parametrize("n", [3, 4, 5])
def test_at_most_one_of_three_manifests_and_void_is_proved_whatever_the_tolerated_liars_sign(n: int) -> None:
    who = parties(n)
    corrupt = thresholds.derive(n).corrupt
    for liars in itertools.combinations(who.everyone, corrupt):
        counts = set(outcomes(who, liars))
        assert max(counts) == 1


def test_five_hospitals_with_threshold_four_bear_exactly_two_liars() -> None:
    who = parties(5)
    assert (thresholds.derive(5).threshold, thresholds.derive(5).corrupt) == (4, 2)
    assert max(outcomes(who, (1, 2))) == 1
    # One more than the study tolerates, and two manifests can be certified: the bound is tight.
    assert max(outcomes(who, (1, 2, 3))) == 2


def test_three_manifests_that_share_one_holder_get_at_most_one_certificate() -> None:
    # The coordinator shows a different set to each of three groups; hospital 3 is in all of them and signs them all.
    who = parties(5)
    groups = ((1, 2, 3), (3, 4), (3, 5))
    for liars in ((3,), (3, 4), (3, 1)):
        certified = 0
        for manifest, group in zip(MANIFESTS, groups, strict=True):
            voters = set(group) | set(liars)
            certified += is_certified(who, {i: consent_to(who, i, manifest) for i in voters}, manifest)
        assert certified <= 1


def test_the_coordinator_counts_a_vote_for_its_signer_only_and_a_void_certificate_needs_a_threshold() -> None:
    who = parties(5)
    counted = CountedVotes(who.rules, who.task, ())
    vote = consent_to(who, 1, MANIFESTS[0])
    with pytest.raises(ProtocolError, match="a vote of somebody else"):
        counted.first(2, vote)
    assert counted.first(1, vote) is not None
    for i in who.everyone[: who.rules.threshold]:
        assert counted.void_certificate() is None
        counted.voids[i] = void_of(who, i)
    assert counted.void_certificate() is not None


def test_repeated_votes_of_one_hospital_are_not_counted_twice() -> None:
    who = parties(5)
    votes = tuple(consent_to(who, i, MANIFESTS[0]) for i in (1, 2, 3, 3))
    with pytest.raises(ProtocolError, match="hospital 3 is counted twice"):
        distinct_votes(who.rules, who.task, votes, CONSENT, MANIFESTS[0])
    other = consent_to(who, 3, MANIFESTS[0], b"another fingerprint")
    with pytest.raises(ProtocolError, match="hospital 3 is counted twice"):
        distinct_votes(who.rules, who.task, (*votes[:3], other), CONSENT, MANIFESTS[0])
    with pytest.raises(ProtocolError, match="4 void votes, found 3"):
        check_void(who.rules, who.task.context, tuple(void_of(who, i) for i in (1, 2, 3, 3, 3)))


@pytest.mark.parametrize("kind", ["another manifest", "another sum", "void", "forged", "coordinator", "choice 2"])
def test_a_vote_about_something_else_makes_no_certificate(kind: str) -> None:
    who = parties(5)
    manifest = MANIFESTS[0]
    votes = [consent_to(who, i, manifest) for i in (1, 2, 3)]
    vote = Vote(who.task.context, CONSENT, manifest, b"")
    votes.append(
        {
            "another manifest": consent_to(who, 4, MANIFESTS[1]),
            "another sum": consent_to(who.in_another(attempt=1), 4, manifest),
            "void": who.sign(4, dataclasses.replace(vote, choice=VOID)),
            "forged": who.members[1].identity.sign("Vote", who.rules.study, 4, b"\x84"),
            "coordinator": consent_to(who, COORDINATOR, manifest),
            "choice 2": who.sign(4, dataclasses.replace(vote, choice=2)),
        }[kind]
    )
    with pytest.raises(ProtocolError):
        distinct_votes(who.rules, who.task, tuple(votes), CONSENT, manifest)


@pytest.mark.parametrize("kind", ["consent", "another sum", "coordinator"])
def test_a_vote_about_something_else_makes_no_void_certificate(kind: str) -> None:
    who = parties(5)
    votes = [void_of(who, i) for i in (1, 2, 3)]
    votes.append(
        {
            "consent": consent_to(who, 4, MANIFESTS[0]),
            "another sum": void_of(who.in_another(attempt=1), 4),
            "coordinator": void_of(who, COORDINATOR),
        }[kind]
    )
    with pytest.raises(ProtocolError):
        check_void(who.rules, who.task.context, tuple(votes))
    check_void(who.rules, who.task.context, (*votes[:3], void_of(who, 5)))


# what the coordinator counts


def test_the_coordinator_counts_no_consent_to_another_manifest_sum_or_in_anothers_name() -> None:
    run = closed_sum()
    other = run.parties.in_another(attempt=1)
    right = hospital_steps.Consent(Vote(run.task.context, CONSENT, b"", b""), run.manifest, {}).vote
    for i, vote in (
        (1, consent_to(run.parties, 1, MANIFESTS[0])),
        (1, consent_to(other, 1, MANIFESTS[0])),
        (1, consent_to(run.parties, 2, MANIFESTS[0])),
        (1, run.parties.sign(1, right)),
        (COORDINATOR, consent_to(run.parties, COORDINATOR, MANIFESTS[0])),
    ):
        with pytest.raises(ProtocolError):
            run.collection.add_vote(i, vote)
    assert run.collection.voters == frozenset()


def test_a_vote_or_release_that_comes_before_the_manifest_is_not_counted() -> None:
    run = closed_sum()
    early = run.parties.collection()
    for i, join in enumerate(run.joined.joins, start=1):
        early.add_join(i, join)
    early.close_joins()
    for i in run.parties.everyone:
        early.add_update(i, run.dealt[i].update)
        with pytest.raises(ProtocolError):
            early.add_vote(i, consent_to(run.parties, i, b""))
        with pytest.raises(ProtocolError):
            early.add_release(i, run.parties.sign(i, Release(run.task.context, b"", b"")))
    assert early.close() == run.requests
    assert not early.is_certified
    assert not early.can_open


def test_nobody_votes_void_after_a_consent_or_consents_after_a_void_vote() -> None:
    run = closed_sum()
    run.consent((1,))
    with pytest.raises(ProtocolError, match="different vote after a consent"):
        run.collection.add_vote(1, void_of(run.parties, 1))
    run.collection.add_vote(2, void_of(run.parties, 2))
    with pytest.raises(ProtocolError, match="different vote after a void vote"):
        run.consent((2,))
    assert run.collection.voters == {1}


def test_a_void_certificate_is_there_with_the_threshold_of_void_votes_and_not_before() -> None:
    run = closed_sum()
    for n_votes, i in enumerate((5, 2, 4, 1), start=1):
        assert run.collection.void_certificate() is None
        run.collection.add_vote(i, void_of(run.parties, i))
        run.collection.add_vote(i, void_of(run.parties, i))
        assert (run.collection.void_certificate() is not None) == (n_votes == 4)
    certificate = run.collection.void_certificate()
    assert certificate is not None
    check_void(run.parties.rules, run.task.context, certificate.votes)


def test_a_second_different_consent_does_not_replace_the_first() -> None:
    run = closed_sum()
    run.consent((1,))
    first = run.collection.certificate()
    bare = dataclasses.replace(run.consents[1].vote, fingerprint=b"")
    with pytest.raises(ProtocolError, match="second, different consent"):
        run.collection.add_vote(1, run.parties.sign(1, bare))
    run.consent((1,))
    assert run.collection.certificate() == first


def test_a_wrong_fingerprint_is_noticed_while_its_sender_can_still_be_named() -> None:
    run = closed_sum()
    right = run.consent_of(1)
    assert isinstance(right, hospital_steps.Consent)
    other = run.consent_of(2)
    assert isinstance(other, hospital_steps.Consent)
    for wrong in (b"", b"short", other.vote.fingerprint, right.vote.fingerprint[:-1] + b"\x7f"):
        vote = run.parties.sign(1, dataclasses.replace(right.vote, fingerprint=wrong))
        if not wrong:  # none at all is allowed: then the ciphertext is served
            continue
        with pytest.raises(ProtocolError, match="not that of its sender's ciphertext"):
            run.collection.add_vote(1, vote)
    run.consent()
    run.release()
    assert run.open().unsigned == ()


def test_a_fingerprint_of_somebody_who_contributed_nothing_changes_nothing() -> None:
    run = closed_sum(contributors=(1, 2, 3, 4))
    run.consent((1, 2, 3, 4))
    vote = dataclasses.replace(run.consents[1].vote, fingerprint=b"anything")
    run.collection.add_vote(5, run.parties.sign(5, vote))
    run.release()
    assert np.array_equal(run.verify(5, run.open()).sums, run.expected((1, 2, 3, 4)))


# what a holder releases for


def test_a_certificate_over_another_manifest_is_refused() -> None:
    run = certified_sum()
    for manifest in MANIFESTS:
        certificate = Certificate(manifest, tuple(consent_to(run.parties, i, manifest) for i in run.parties.everyone))
        with pytest.raises(ProtocolError, match="a manifest that I did not consent to"):
            run.release_of(1, certificate)


def test_a_certificate_with_the_right_name_and_votes_about_another_manifest_is_refused() -> None:
    run = certified_sum()
    votes = tuple(consent_to(run.parties, i, MANIFESTS[0]) for i in run.parties.everyone)
    with pytest.raises(ProtocolError, match="about something else"):
        run.release_of(1, dataclasses.replace(run.certificate, votes=votes))


@pytest.mark.parametrize("kept", [(), (0,), (0, 1, 2), (0, 0, 1, 2), (0, 1, 2, 2, 2)])
def test_too_few_votes_release_nothing(kept: tuple[int, ...]) -> None:
    run = certified_sum()
    votes = tuple(run.certificate.votes[k] for k in kept)
    with pytest.raises(ProtocolError):
        run.release_of(1, dataclasses.replace(run.certificate, votes=votes))


def test_void_votes_release_nothing() -> None:
    run = certified_sum()
    votes = tuple(void_of(run.parties, i) for i in run.parties.everyone)
    with pytest.raises(ProtocolError):
        run.release_of(1, dataclasses.replace(run.certificate, votes=votes))


def test_two_different_releases_of_one_holder_are_evidence_and_the_first_one_stays() -> None:
    run = certified_sum()
    run.release((1, 2, 3, 4))
    other = Release(run.task.context, run.certificate.manifest_digest, b"something else")
    with pytest.raises(FaultyHospitalError, match="second, different release") as caught:
        run.collection.add_release(2, run.parties.sign(2, other))
    assert caught.value.culprit == "hospital 2"
    first, second = (signed_body(message, Release) for message in caught.value.evidence)
    assert (first.context, first.manifest_digest) == (second.context, second.manifest_digest)
    assert first.shares != second.shares == b"something else"
    run.release((2,))
    assert np.array_equal(run.verify(1, run.open()).sums, run.expected(range(1, 6)))


def test_releases_for_another_manifest_or_sum_or_in_anothers_name_are_not_counted() -> None:
    run = certified_sum()
    other = run.parties.in_another(attempt=1)
    shares = run.release_of(1)
    wrong = [
        (1, run.parties.sign(1, Release(run.task.context, MANIFESTS[0], b""))),
        (1, other.sign(1, Release(other.task.context, run.certificate.manifest_digest, b""))),
        (2, shares),
        (1, run.parties.sign(1, run.consents[1].vote)),
    ]
    for sender, data in wrong:
        with pytest.raises(CipherwardError):
            run.collection.add_release(sender, data)
    assert run.collection.releases == frozenset()


def test_a_hospital_that_holds_no_share_releases_nothing() -> None:
    run = certified_sum(parties(5), voters=(1, 2, 3, 4))
    small = run.parties.collection()
    for i in (1, 2, 3, 4):
        small.add_join(i, run.joined.joins[i - 1])
    with pytest.raises(ProtocolError):
        small.add_release(5, run.parties.sign(5, Release(run.task.context, run.certificate.manifest_digest, b"")))


def test_a_malformed_release_is_refused_as_it_comes_and_the_others_open_the_sum() -> None:
    run = certified_sum()
    run.release((1, 2, 3, 4))
    malformed = run.parties.sign(5, Release(run.task.context, run.certificate.manifest_digest, b"\xff" * 8192))
    with pytest.raises(WireError, match="not a sum of shares"):
        run.collection.add_release(5, malformed)
    assert run.collection.releases == frozenset({1, 2, 3, 4})
    assert run.collection.open().reason == ""


def test_an_opened_sum_stays_the_same_however_often_it_is_opened() -> None:
    run = opened_sum()
    first = run.collection.open()
    second = run.collection.open()
    assert first.witness == second.witness
    assert first.reason == second.reason == ""
