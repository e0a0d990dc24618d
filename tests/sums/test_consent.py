"""What a hospital does not consent to, and what it complains about."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from tests.sums.sum_parties import (
    Parties,
    Sum,
    closed_sum,
    contribution,
    parties,
    plain_parties,
    random_bytes,
    shares_in,
    vector_of,
)

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR
from cipherward.errors import FaultyCoordinatorError, ProtocolError, WireError
from cipherward.sums import hospital_steps
from cipherward.sums.digests import Entry
from cipherward.sums.hospital_steps import Consent
from cipherward.sums.messages import Complaint, ConsentRequest, Header, Manifest, ShareFor, unsign

Lie = Callable[[Manifest], Manifest]


def with_entries(change: Callable[[tuple[Entry, ...]], tuple[Entry, ...]]) -> Lie:
    return lambda manifest: dataclasses.replace(manifest, entries=change(manifest.entries))


def asked(run: Sum, i: int, lie: Lie, headers: tuple[bytes, ...] | None = None) -> Consent | Complaint:
    """What hospital i answers when the coordinator signs another manifest; headers follow its entries."""
    manifest = lie(run.manifest)
    if headers is None:
        by_digest = {digest("header", data): data for data in run.requests[i].headers}
        headers = tuple(by_digest[entry.digest] for entry in manifest.entries)
    return run.consent_of(i, run.request_for(i, manifest, headers))


def test_a_request_as_the_coordinator_made_it_is_consented_to() -> None:
    run = closed_sum()
    assert isinstance(asked(run, 1, lambda manifest: manifest), Consent)


@pytest.mark.parametrize("scheme", [parties, plain_parties])
def test_duplicate_names_in_the_set_are_refused_with_evidence(scheme: Callable[[], Parties]) -> None:
    run = closed_sum(scheme())
    e = run.manifest.entries
    for twice in ((e[0], e[1], e[1], e[2], e[3]), (e[0], *e[:4]), (*e, e[4])):
        with pytest.raises(FaultyCoordinatorError, match="repeats hospitals") as caught:
            run.consent_of(1, run.request_for(1, dataclasses.replace(run.manifest, entries=twice)))
        assert caught.value.culprit == "coordinator"


def test_one_contribution_under_two_names_is_refused() -> None:
    run = closed_sum(contributors=(1, 2, 3, 4))

    def twice(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        return (*entries, Entry(5, entries[0].digest))

    with pytest.raises(ProtocolError, match="of hospital 1 where one of 5 belongs"):
        asked(run, 2, with_entries(twice))


def test_names_out_of_order_are_refused_with_evidence() -> None:
    run = closed_sum()
    with pytest.raises(FaultyCoordinatorError, match="repeats hospitals"):
        asked(run, 1, with_entries(lambda entries: entries[::-1]))


@pytest.mark.parametrize("name", [COORDINATOR, 6, 2**40])
def test_names_that_are_not_on_the_roster_are_refused_with_evidence(name: int) -> None:
    run = closed_sum()
    position = 0 if name == COORDINATOR else 4

    def stranger(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        return tuple(dataclasses.replace(e, hospital=name) if k == position else e for k, e in enumerate(entries))

    with pytest.raises(FaultyCoordinatorError, match="unknown ones"):
        asked(run, 1, with_entries(stranger))


@pytest.mark.parametrize("n_listed", [0, 1, 3])
def test_too_few_contributors_are_refused_with_evidence(n_listed: int) -> None:
    run = closed_sum()
    with pytest.raises(FaultyCoordinatorError, match=f"sums {n_listed} hospitals, the study asks for at least 4"):
        asked(run, 1, with_entries(lambda entries: entries[:n_listed]))


def test_a_manifest_for_another_sum_is_refused_with_evidence() -> None:
    run = closed_sum()
    other = run.parties.in_another(attempt=1).task.context
    with pytest.raises(FaultyCoordinatorError, match="another sum"):
        asked(run, 1, lambda manifest: dataclasses.replace(manifest, context=other))


def test_a_header_from_another_sum_is_refused_with_evidence() -> None:
    run = closed_sum()
    other = Sum(run.parties.in_another(attempt=1))
    other.join()
    old = other.deal_one(5).header
    headers = (*run.requests[1].headers[:4], old)

    def replay(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        return (*entries[:4], Entry(5, digest("header", old)))

    with pytest.raises(FaultyCoordinatorError, match="header of hospital 5 belongs to another sum"):
        asked(run, 1, with_entries(replay), headers)


def test_two_headers_over_one_ciphertext_are_refused_with_evidence() -> None:
    run = closed_sum()
    copy = contribution(run.parties, 5, run.joined, run.dealt[2].payload, shares_in(run.dealt[5]))
    headers = (*run.requests[1].headers[:4], copy.header)

    def double(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        return (*entries[:4], Entry(5, digest("header", copy.header)))

    with pytest.raises(FaultyCoordinatorError, match="two headers of the manifest name one ciphertext"):
        asked(run, 1, with_entries(double), headers)


def test_two_headers_of_one_hospital_over_one_ciphertext_make_two_manifests_and_at_most_one_is_listed() -> None:
    # Hospital 5 signs two headers over its ciphertext, with different shares; the coordinator shows one to each half.
    run = closed_sum()
    again = hospital_steps.deal(run.member(5), run.task, run.joined, vector_of(run.parties, 5), random_bytes("again"))
    twin = contribution(run.parties, 5, run.joined, run.dealt[5].payload, shares_in(again))

    def show_twin(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        return (*entries[:4], Entry(5, digest("header", twin.header)))

    first = run.consent_of(1)
    assert isinstance(first, Consent)
    manifest = dataclasses.replace(run.manifest, entries=show_twin(run.manifest.entries))
    assert digest("manifest", wire.encode(manifest)) != first.vote.manifest_digest
    # The second deal's shares are bound to its own ciphertext, so they do not even open for the twin.
    shares = tuple(
        ShareFor(i, s if i != 5 else shares_in(twin)[2])
        for i, s in ((x.hospital, x.sealed) for x in run.requests[2].shares)
    )
    request = dataclasses.replace(
        run.request_for(2, manifest, (*run.requests[2].headers[:4], twin.header)), shares=shares
    )
    answer = run.consent_of(2, request)
    assert isinstance(answer, Complaint)
    assert answer.dealer == 5


@pytest.mark.parametrize("scheme", [parties, plain_parties])
def test_the_own_header_altered_is_evidence_against_the_coordinator(scheme: Callable[[], Parties]) -> None:
    run = closed_sum(scheme())
    run.dealt[1] = dataclasses.replace(run.dealt[1], header=run.dealt[2].header)
    with pytest.raises(FaultyCoordinatorError, match="altered contribution of mine"):
        run.consent_of(1)


def test_a_hospital_that_remembers_no_contribution_does_not_consent_and_accuses_nobody() -> None:
    run = closed_sum()
    del run.dealt[1]
    with pytest.raises(ProtocolError, match="that I do not remember") as caught:
        run.consent_of(1)
    assert not isinstance(caught.value, FaultyCoordinatorError)


def test_a_hospital_that_is_left_out_may_still_consent_as_a_holder() -> None:
    run = closed_sum()
    answer = asked(run, 1, with_entries(lambda entries: entries[1:]))
    assert isinstance(answer, Consent)
    assert answer.vote.fingerprint == b""
    assert sorted(answer.dealt) == [2, 3, 4, 5]


@pytest.mark.parametrize("left_out", [1, 3, 5])
def test_a_share_is_never_skipped(left_out: int) -> None:
    run = closed_sum()
    request = run.requests[2]
    fewer = tuple(item for item in request.shares if item.hospital != left_out)
    with pytest.raises(ProtocolError, match=f"no share of dealer {left_out} .* a share is never skipped"):
        run.consent_of(2, dataclasses.replace(request, shares=fewer))


@pytest.mark.parametrize("listed", [(), (1, 3, 4, 5)])
def test_a_header_that_lists_no_share_for_a_holder_is_not_consented_to(listed: tuple[int, ...]) -> None:
    # Only a coordinator that colludes with dealer 5 would put such an update into a sum.
    run = closed_sum()
    sealed = {i: shares_in(run.dealt[5])[i] for i in listed}
    short = contribution(run.parties, 5, run.joined, run.dealt[5].payload, sealed)
    headers = (*run.requests[2].headers[:4], short.header)

    def with_short(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        return (*entries[:4], Entry(5, digest("header", short.header)))

    with pytest.raises(ProtocolError, match="no share of dealer 5"):
        asked(run, 2, with_entries(with_short), headers)


def test_a_share_swapped_by_the_coordinator_is_refused_and_no_dealer_is_blamed() -> None:
    run = closed_sum()
    request = run.requests[2]
    sealed = {item.hospital: item.sealed for item in request.shares}
    for wrong in (b"", sealed[4], sealed[3][:-1] + bytes([sealed[3][-1] ^ 1]), shares_in(run.dealt[3])[1]):
        shares = tuple(ShareFor(i, wrong if i == 3 else data) for i, data in sealed.items())
        with pytest.raises(ProtocolError, match="no share of dealer 3"):
            run.consent_of(2, dataclasses.replace(request, shares=shares))


@pytest.mark.parametrize("bad", [b"", b"no share at all", b"\xff" * 1168])
def test_a_bad_share_gives_a_complaint_that_names_the_dealer_and_no_consent(bad: bytes) -> None:
    run = Sum(parties())
    run.join()
    run.deal((1, 2, 3, 4))
    shares = shares_in(run.deal_one(5)) | {2: bad}
    run.dealt[5] = contribution(run.parties, 5, run.joined, run.dealt[5].payload, shares)
    run.collection.add_update(5, run.dealt[5].update)
    run.close()
    answer = run.consent_of(2)
    assert answer == Complaint(run.task.context, 5, "the sealed share does not open to a well-formed share")
    run.collection.add_complaint(2, run.parties.sign(2, answer))
    assert {dealer: set(by) for dealer, by in run.collection.complaints.by_dealer.items()} == {5: {2}}
    assert isinstance(run.consent_of(1), Consent)


def test_a_share_sealed_to_another_holder_gives_a_complaint() -> None:
    run = Sum(parties())
    run.join()
    run.deal((1, 2, 3, 4))
    good = shares_in(run.deal_one(5))
    run.dealt[5] = contribution(run.parties, 5, run.joined, run.dealt[5].payload, good | {1: good[2], 2: good[1]})
    run.collection.add_update(5, run.dealt[5].update)
    run.close()
    for holder in (1, 2):
        answer = run.consent_of(holder)
        assert isinstance(answer, Complaint)
        assert answer.dealer == 5
    assert isinstance(run.consent_of(3), Consent)


def test_a_complaint_about_somebody_who_dealt_nothing_or_in_anothers_name_is_set_aside() -> None:
    run = closed_sum(contributors=(1, 2, 3, 4))
    for dealer in (COORDINATOR, 5, 6, 2**40):
        with pytest.raises(ProtocolError, match="dealt no share"):
            run.collection.add_complaint(2, run.parties.sign(2, Complaint(run.task.context, dealer, "")))
    with pytest.raises(ProtocolError, match="where one of 2 belongs"):
        run.collection.add_complaint(2, run.parties.sign(3, Complaint(run.task.context, 4, "")))
    other = run.parties.in_another(attempt=1)
    with pytest.raises(ProtocolError, match="another study"):
        run.collection.add_complaint(2, other.sign(2, Complaint(other.task.context, 4, "")))
    assert run.collection.complaints.by_dealer == {}


def test_a_manifest_that_the_coordinator_did_not_sign_is_refused() -> None:
    run = closed_sum()
    request = run.requests[1]
    by_hospital = run.parties.sign(2, run.manifest)
    forged = run.parties.members[2].identity.sign(
        "Manifest", run.parties.rules.study, COORDINATOR, wire.encode(run.manifest)
    )
    for manifest in (by_hospital, forged, run.dealt[1].header):
        with pytest.raises(ProtocolError):
            run.consent_of(1, dataclasses.replace(request, manifest=manifest))
    for broken in (b"", request.manifest[:-1]):
        with pytest.raises(WireError):
            run.consent_of(1, dataclasses.replace(request, manifest=broken))


@pytest.mark.parametrize("headers", ["too few", "too many", "swapped", "forged"])
def test_headers_that_do_not_match_the_manifest_are_refused(headers: str) -> None:
    run = closed_sum()
    honest = run.requests[1].headers
    wrong = {
        "too few": honest[:-1],
        "too many": (*honest, honest[0]),
        "swapped": (honest[1], honest[0], *honest[2:]),
        "forged": (*honest[:4], run.parties.sign(4, _header(run, 5))),
    }[headers]
    with pytest.raises(ProtocolError):
        run.consent_of(1, dataclasses.replace(run.requests[1], headers=wrong))


def test_a_header_with_a_forged_signature_is_refused_even_when_the_manifest_lists_it() -> None:
    run = closed_sum()
    forged = run.parties.members[4].identity.sign("Header", run.parties.rules.study, 5, wire.encode(_header(run, 5)))

    def listing(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        return (*entries[:4], Entry(5, digest("header", forged)))

    with pytest.raises(ProtocolError, match="forged signature"):
        asked(run, 1, with_entries(listing), (*run.requests[1].headers[:4], forged))


def _header(run: Sum, i: int) -> Header:
    rules = run.parties.rules
    return unsign(run.dealt[i].header, Header, study=rules.study, keys=rules.keys)


def test_a_request_for_another_holder_is_refused() -> None:
    run = closed_sum()
    with pytest.raises(ProtocolError, match="a share is never skipped"):
        run.consent_of(1, run.requests[2])


def test_a_request_without_anything_is_refused() -> None:
    run = closed_sum()
    with pytest.raises(WireError):
        run.consent_of(1, ConsentRequest(b"", (), ()))


def test_shares_in_an_unprotected_sum_are_ignored() -> None:
    run = closed_sum(plain_parties())
    answer = run.consent_of(1, dataclasses.replace(run.requests[1], shares=(ShareFor(2, b"something"),)))
    assert isinstance(answer, Consent)
    assert answer.dealt == {}
