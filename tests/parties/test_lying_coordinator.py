"""A coordinator that lies, with its true key: what a hospital refuses, and what it takes as evidence of a breach.

Hospital 1 of 4 is asked; three must agree. Where a lie needs a hospital's help, the liar has that hospital's key too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import simulator
from tests.simulator import BentNetwork, Packet, World, body, kind_of, signed_body

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.scheme import SumTask
from cipherward.errors import FaultyCoordinatorError, QuorumError
from cipherward.parties import asking
from cipherward.sums.digests import Entry
from cipherward.sums.messages import (
    CONSENT,
    VOID,
    Announce,
    Certificate,
    ConsentRequest,
    Header,
    Joined,
    Manifest,
    Opening,
    Receipt,
    VoidCertificate,
    VoidRequest,
    Vote,
)
from cipherward.sums.packets import pack, unpack

ME = 1


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Four hospitals, of which one may be corrupt, after the statistics."""
    with World(tmp_path, simulator.agreed(4)) as made:
        made.run_sums(1)
        yield made


def task(world: World, attempt: int = 0) -> SumTask:
    site = world.sites[ME]
    return asking.task_of(site.rules, site.state, attempt)


def refused(world: World, packet: bytes, words: str) -> None:
    """The hospital says nothing, notes why, and its memory of the sum is as before."""
    site, context = world.sites[ME], task(world).context
    before = site.ledger.sum(context)
    assert site.handle(packet) == []
    assert words in world.refusals()[-1]
    assert not site.stopped
    assert site.ledger.sum(context) == before


def breach(world: World, packet: bytes, words: str) -> None:
    """The hospital reports the breach once and never answers again, not even after a restart."""
    site = world.sites[ME]
    (reply,) = site.handle(packet)
    receipt = body(reply, Receipt)
    assert receipt.outcome == "breach"
    assert words in receipt.detail
    assert site.outcomes[-1].phrase == "Privacy Breach Detected for Client 1"
    assert site.handle(packet) == []
    restarted = world.make_hospital(ME, site.state)
    assert restarted.handle(packet) == []
    restarted.ledger.close()


# announcements


def announce(world: World, **changes: Any) -> bytes:
    context = task(world, changes.get("attempt", 0)).context
    honest = Announce(context, world.hub.state.sums_done, 0, (), world.hub.state.last)
    return world.packet(dataclasses.replace(honest, **changes))


def test_a_query_that_does_not_follow_from_the_study_is_refused(world: World) -> None:
    state = world.hub.state
    steep = dataclasses.replace(state.inner.model, weights=state.inner.model.weights + np.float32(1))
    trap = dataclasses.replace(state, inner=dataclasses.replace(state.inner, model=steep))
    for context in (asking.task_of(world.hub.rules, trap, 0).context, task(world, 1).context, bytes(32)):
        refused(world, announce(world, context=context), "not the one that follows from the approved study")


def test_a_sum_that_is_behind_the_hospital_is_not_repeated(world: World) -> None:
    refused(world, announce(world, round=0), "behind us")


def test_a_sum_ahead_of_the_hospital_is_answered_with_where_it_stands(world: World) -> None:
    (reply,) = world.sites[ME].handle(announce(world, round=2))
    assert kind_of(reply) == "Behind"


def test_a_second_attempt_needs_proof_that_the_first_is_void(world: World) -> None:
    world.until("ConsentRequest")
    void = Vote(task(world).context, VOID, b"", b"", task(world).last)
    elsewhere = dataclasses.replace(void, context=bytes(32))
    consent = dataclasses.replace(void, choice=CONSENT)
    refused(world, announce(world, attempt=1), "needs a void certificate for each earlier one")
    for votes in (
        [],
        [(void, 2)],
        [(void, 2), (void, 3)],
        [(void, 2), (void, 2), (void, 2)],
        [(void, 2), (void, 3), (elsewhere, 4)],
        [(void, 2), (void, 3), (consent, 4)],
        [(void, 2), (void, 3), (void, 0)],
    ):
        certificate = VoidCertificate(tuple(world.signed(vote, voter) for vote, voter in votes))
        refused(world, announce(world, attempt=1, voids=(certificate,)), "vote")
    refused(
        world, announce(world, attempt=asking.MAX_ATTEMPTS), "more attempts at one sum than any hospital takes part in"
    )
    proof = VoidCertificate(tuple(world.signed(void, voter) for voter in (2, 3, 4)))
    (reply,) = world.sites[ME].handle(announce(world, attempt=1, voids=(proof,)))
    assert kind_of(reply) == "Join"


def test_a_message_of_another_study_or_in_another_hand_is_refused(world: World) -> None:
    message = Announce(task(world).context, 1, 0, ())
    site = world.sites[ME]
    foreign = world.keys.identities[0].sign("Announce", bytes(32), 0, wire.encode(message))
    refused(world, pack("Announce", foreign), "belongs to another study")
    forged = world.keys.identities[2].sign("Announce", site.rules.study, 0, wire.encode(message))
    refused(world, pack("Announce", forged), "forged signature")
    refused(world, world.packet(message, 2), "of hospital 2 where one of 0 belongs")
    refused(world, pack("Joined", world.signed(message)), "expected a 'Joined' message")
    refused(world, pack("Vote", world.signed(message)), "does not take Vote messages")
    refused(world, b"", "no known kind")


def test_a_list_of_joins_with_strangers_in_it_is_evidence(world: World) -> None:
    joins = body(world.until("Joined")[ME], Joined)
    breach(world, world.packet(dataclasses.replace(joins, joins=joins.joins + joins.joins[:1])), "repeated entry")


def test_a_list_of_too_few_joins_gets_no_update(world: World) -> None:
    joins = body(world.until("Joined")[ME], Joined)
    refused(world, world.packet(dataclasses.replace(joins, joins=joins.joins[:2])), "only 2 hospitals joined")


# manifests


def request_of(world: World) -> tuple[ConsentRequest, Manifest]:
    """What the honest coordinator would ask hospital 1 to consent to."""
    packets = world.until("ConsentRequest")
    request = wire.decode(ConsentRequest, unpack(packets[ME])[1])
    return request, signed_body(request.manifest, Manifest)


def asked(world: World, request: ConsentRequest, manifest: Manifest, **changes: Any) -> bytes:
    """The request with a signed manifest in the place of the honest one."""
    made = dataclasses.replace(request, manifest=world.signed(manifest), **changes)
    return pack("ConsentRequest", wire.encode(made))


def listing(headers: dict[int, bytes]) -> tuple[Entry, ...]:
    return tuple(Entry(i, digest("header", data)) for i, data in headers.items())


def header_by(world: World, request: ConsentRequest, hospital: int, **changes: Any) -> bytes:
    """A header that this hospital signs instead of its own."""
    return world.signed(dataclasses.replace(signed_body(request.headers[hospital - 1], Header), **changes), hospital)


def test_a_set_that_is_too_small_is_a_breach(world: World) -> None:
    request, manifest = request_of(world)
    small = dataclasses.replace(manifest, entries=manifest.entries[:2])
    breach(world, asked(world, request, small, headers=request.headers[:2]), "sums 2 hospitals")


@pytest.mark.parametrize("order", [(1, 2, 2, 3), (2, 1, 3, 4), (1, 2, 3, 9), (0, 1, 2, 3)])
def test_repeated_unordered_or_unknown_names_are_a_breach(world: World, order: tuple[int, ...]) -> None:
    request, manifest = request_of(world)
    entries = tuple(Entry(i, manifest.entries[min(max(i, 1), 4) - 1].digest) for i in order)
    odd = dataclasses.replace(manifest, entries=entries)
    breach(world, asked(world, request, odd), "repeats hospitals or lists unknown ones")


def test_two_headers_over_one_ciphertext_are_a_breach(world: World) -> None:
    request, manifest = request_of(world)
    copied = header_by(world, request, 3, payload_digest=signed_body(request.headers[1], Header).payload_digest)
    headers = dict(enumerate((*request.headers[:2], copied, request.headers[3]), start=1))
    doubled = dataclasses.replace(manifest, entries=listing(headers))
    breach(world, asked(world, request, doubled, headers=tuple(headers.values())), "name one ciphertext")


def test_an_altered_contribution_of_mine_is_a_breach(world: World) -> None:
    request, manifest = request_of(world)
    headers = dict(enumerate(request.headers, start=1)) | {ME: header_by(world, request, ME, payload_digest=bytes(32))}
    altered = dataclasses.replace(manifest, entries=listing(headers))
    breach(world, asked(world, request, altered, headers=tuple(headers.values())), "altered contribution of mine")


def test_headers_that_are_forged_missing_or_not_the_listed_ones_get_no_consent(world: World) -> None:
    request, manifest = request_of(world)
    forged = world.signed(signed_body(request.headers[1], Header), 3)
    headers = dict(enumerate(request.headers, start=1)) | {2: forged}
    listed = dataclasses.replace(manifest, entries=listing(headers))
    refused(world, asked(world, request, listed, headers=tuple(headers.values())), "where one of 2 belongs")
    refused(world, asked(world, request, manifest, headers=request.headers[:3]), "differ in number")
    swapped = request.headers[:2] + request.headers[:1:-1]
    refused(world, asked(world, request, manifest, headers=swapped), "is not the one in the manifest")


def test_a_share_is_never_skipped_or_replaced(world: World) -> None:
    request, manifest = request_of(world)
    first, *others = request.shares
    for shares in (
        tuple(others),
        request.shares[:-1],
        (dataclasses.replace(first, sealed=others[0].sealed), *others),
        (dataclasses.replace(first, sealed=b""), *others),
    ):
        refused(world, asked(world, request, manifest, shares=shares), "a share is never skipped")


def test_a_manifest_of_another_sum_gets_no_consent(world: World) -> None:
    request, manifest = request_of(world)
    other = dataclasses.replace(manifest, context=bytes(32))
    refused(world, asked(world, request, other), "not about a sum that I take part in")


def test_one_sum_gets_one_vote_and_asked_again_the_same_bytes(world: World) -> None:
    request, manifest = request_of(world)
    packet = asked(world, request, manifest)
    (vote,) = world.sites[ME].handle(packet)
    subset = dataclasses.replace(manifest, entries=manifest.entries[:3])
    other_total = dataclasses.replace(manifest, total_digest=bytes(32))
    refused(world, asked(world, request, subset, headers=request.headers[:3]), "not for this manifest")
    refused(world, asked(world, request, other_total), "not for this manifest")
    assert world.sites[ME].handle(packet) == [vote]
    (instead,) = world.sites[ME].handle(world.packet(VoidRequest(task(world).context)))
    assert instead == vote


def test_who_left_an_attempt_never_consents_to_it(world: World) -> None:
    request, manifest = request_of(world)
    (vote,) = world.sites[ME].handle(world.packet(VoidRequest(task(world).context)))
    assert body(vote, Vote).choice == VOID
    assert world.sites[ME].handle(asked(world, request, manifest)) == [vote]


# certificates


def certificate_of(world: World) -> Certificate:
    return wire.decode(Certificate, unpack(world.until("Certificate")[ME])[1])


def certified(certificate: Certificate, **changes: Any) -> bytes:
    return pack("Certificate", wire.encode(dataclasses.replace(certificate, **changes)))


def test_nothing_is_released_without_a_certificate_of_enough_distinct_consents(world: World) -> None:
    certificate = certificate_of(world)
    votes = certificate.votes
    vote = signed_body(votes[1], Vote)
    for wrong, words in (
        (votes[:2], "2 vote(s) where the study asks for 3"),
        ((votes[0], votes[1], votes[1]), "counted twice"),
        ((votes[0], votes[1], world.signed(dataclasses.replace(vote, manifest_digest=bytes(32)), 3)), "something else"),
        ((votes[0], votes[1], world.signed(dataclasses.replace(vote, choice=VOID), 3)), "something else"),
        ((votes[0], votes[1], world.signed(vote, 0)), "the coordinator has no vote"),
        ((votes[0], votes[1], world.signed(dataclasses.replace(vote, choice=7), 3)), "neither consent nor void"),
        ((votes[0], votes[1], votes[2][:-1] + bytes([votes[2][-1] ^ 1])), "forged signature"),
        ((), "an empty certificate"),
    ):
        refused(world, certified(certificate, votes=wrong), words)
    (release,) = world.sites[ME].handle(certified(certificate))
    assert kind_of(release) == "Release"
    assert world.sites[ME].handle(certified(certificate)) == [release]


def test_a_certificate_for_a_manifest_that_i_did_not_consent_to_releases_nothing(world: World) -> None:
    certificate = certificate_of(world)
    vote = Vote(task(world).context, CONSENT, bytes(32), b"", task(world).last)
    votes = tuple(world.signed(vote, i) for i in (2, 3, 4))
    refused(world, certified(certificate, manifest_digest=bytes(32), votes=votes), "did not consent to")


def test_who_has_not_consented_has_nothing_to_release(world: World) -> None:
    world.until("ConsentRequest")
    vote = Vote(task(world).context, CONSENT, bytes(32), b"", task(world).last)
    votes = tuple(world.signed(vote, i) for i in (2, 3, 4))
    refused(world, certified(Certificate(bytes(32), votes)), "no consent of mine")


def test_with_three_quorums_that_share_one_holder_only_one_manifest_is_released(world: World) -> None:
    """The holder consents once: of three signed manifests over different sets, two get nothing from it."""
    request, manifest = request_of(world)
    replies = []
    for left_out in (2, 3, 4):
        kept = [i for i in (1, 2, 3, 4) if i != left_out]
        subset = dataclasses.replace(manifest, entries=tuple(manifest.entries[i - 1] for i in kept))
        shares = tuple(share for share in request.shares if share.hospital != left_out)
        headers = tuple(request.headers[i - 1] for i in kept)
        replies.append(world.sites[ME].handle(asked(world, request, subset, headers=headers, shares=shares)))
    assert [len(reply) for reply in replies] == [1, 0, 0]


def test_different_manifests_for_different_hospitals_certify_none_of_them(tmp_path: Path) -> None:
    with World(tmp_path, simulator.agreed(4)) as world:

        def split(packet: Packet) -> list[bytes] | None:
            if packet.kind != "ConsentRequest" or packet.hospital not in (3, 4):
                return None
            request = wire.decode(ConsentRequest, unpack(packet.raw)[1])
            manifest = signed_body(request.manifest, Manifest)
            subset = dataclasses.replace(manifest, entries=manifest.entries[:3])
            shares = tuple(share for share in request.shares if share.hospital != 4)
            return [asked(world, request, subset, headers=request.headers[:3], shares=shares)]

        world.engine.network = BentNetwork(split)
        with pytest.raises(QuorumError, match=r"2 hospital\(s\) consented to the sum, 3 are needed"):
            world.run_sums()
        for site in world.sites.values():
            known = site.ledger.sum(task(world).context)
            assert known is not None
            assert known.vote
            assert not known.release


def test_a_breach_at_one_hospital_ends_the_run_and_names_the_coordinator(tmp_path: Path) -> None:
    with World(tmp_path, simulator.agreed(4)) as world:

        def other_model(packet: Packet) -> list[bytes] | None:
            if packet.kind != "Opening" or packet.hospital != 3 or packet.round != 1:
                return None
            return [world.packet(dataclasses.replace(body(packet.raw, Opening), next_model=bytes(32)))]

        world.engine.network = BentNetwork(other_model)
        with pytest.raises(FaultyCoordinatorError, match="Privacy Breach Detected for Client 3: the announced model"):
            world.run_sums()
        assert [site.stopped for site in world.sites.values()] == [False, False, True, False]
        assert world.sites[3].outcomes[-1].phrase == "Privacy Breach Detected for Client 3"
        assert world.sites[3].state.sums_done == 1
