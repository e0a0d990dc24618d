"""Openings that are not what they claim: what a hospital finds out by itself, and how sure it is whose fault it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import simulator
from tests.simulator import World, body, kind_of, signed_body

from cipherward.crypto import ring, wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.quorum import QuorumScheme, parameters_of
from cipherward.crypto.scheme import payload_digest
from cipherward.errors import StorageError
from cipherward.parties import asking
from cipherward.parties.judging import Judgement
from cipherward.sums.digests import Entry
from cipherward.sums.messages import CONSENT, Header, Manifest, Opening, Receipt, Release, VoidRequest, Vote

ME = 1


@pytest.fixture
def opening(world: World) -> Opening:
    """The honest opening of the first training round, which no hospital has seen yet."""
    return body(world.until("Opening")[ME], Opening)


def preserved(world: World, opening: Opening) -> None:
    (reply,) = world.sites[ME].handle(world.packet(opening))
    receipt = body(reply, Receipt)
    assert receipt.outcome == "preserved"
    assert receipt.next_model == opening.next_model == world.sites[ME].state.digest()
    assert world.sites[ME].outcomes[-1].phrase == "Privacy Preserved for Client 1"


def failed(world: World, opening: Opening, words: str) -> None:
    """The hospital does not believe the opening, keeps its model, and believes the honest one afterwards."""
    site = world.sites[ME]
    before = site.state.digest()
    (reply,) = site.handle(world.packet(opening))
    assert body(reply, Receipt).outcome == "failed"
    assert words in site.outcomes[-1].detail
    assert site.outcomes[-1].phrase == "Verification failed for Client 1"
    assert site.state.digest() == before
    assert not site.stopped


def breach(world: World, opening: Opening, words: str) -> None:
    site = world.sites[ME]
    before = site.state.digest()
    (reply,) = site.handle(world.packet(opening))
    assert body(reply, Receipt).outcome == "breach"
    assert words in site.outcomes[-1].detail
    assert site.outcomes[-1].phrase == "Privacy Breach Detected for Client 1"
    assert site.stopped
    assert site.state.digest() == before
    assert site.handle(world.packet(opening)) == []


def recertified(world: World, opening: Opening, manifest: Manifest, **changes: Any) -> Opening:
    """The opening with another manifest, certified by three hospitals that help the liar."""
    marked = digest("manifest", wire.encode(manifest))
    votes = tuple(
        world.signed(dataclasses.replace(signed_body(vote, Vote), manifest_digest=marked), hospital)
        for hospital, vote in enumerate(opening.votes, start=1)
        if hospital != ME
    )
    return dataclasses.replace(opening, manifest=world.signed(manifest), votes=votes, **changes)


def test_an_announced_model_that_the_sum_does_not_give_is_a_breach(world: World, opening: Opening) -> None:
    breach(world, dataclasses.replace(opening, next_model=bytes(32)), "not the one that follows")


def test_a_second_certificate_for_one_sum_is_a_breach(world: World, opening: Opening) -> None:
    manifest = signed_body(opening.manifest, Manifest)
    subset = dataclasses.replace(manifest, entries=manifest.entries[:3])
    breach(
        world,
        recertified(world, opening, subset, headers=opening.headers[:3]),
        "a certificate exists for a manifest other than the one I consented to",
    )


def test_a_certified_manifest_that_alters_my_contribution_is_a_breach_even_where_i_never_voted(
    tmp_path: Path,
) -> None:
    network = simulator.BentNetwork(simulator.lost({ME}, kinds={"ConsentRequest"}))
    with World(tmp_path, simulator.study(4), network=network) as world:
        world.run_sums(1)
        packets = world.until("ConsentRequest")
        del packets[ME]
        opening = body(world.continue_until(packets, "Opening")[ME], Opening)
        manifest = signed_body(opening.manifest, Manifest)
        mine = dataclasses.replace(signed_body(opening.headers[0], Header), joined=bytes(32))
        headers = (world.signed(mine, ME), *opening.headers[1:])
        entries = (Entry(ME, digest("header", headers[0])), *manifest.entries[1:])
        votes = [(i, signed_body(vote, Vote)) for i, vote in zip((2, 3, 4), opening.votes, strict=True)]
        altered = dataclasses.replace(manifest, entries=entries)
        marked = digest("manifest", wire.encode(altered))
        certified = tuple(world.signed(dataclasses.replace(vote, manifest_digest=marked), i) for i, vote in votes)
        breach(
            world,
            dataclasses.replace(opening, manifest=world.signed(altered), headers=headers, votes=certified),
            "altered contribution of mine",
        )


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda o: dataclasses.replace(o, votes=o.votes[:2]), "2 vote(s) where the study asks for 3"),
        (lambda o: dataclasses.replace(o, votes=(*o.votes[:2], o.votes[1])), "counted twice"),
        (lambda o: dataclasses.replace(o, headers=o.headers[:3]), "differ in number"),
        (lambda o: dataclasses.replace(o, headers=o.headers[::-1]), "not the one in the manifest"),
        (lambda o: dataclasses.replace(o, total=o.total[:-1] + b"\x00\x01"), "not the one in the manifest"),
        (lambda o: dataclasses.replace(o, total=b""), "not the one in the manifest"),
        (lambda o: dataclasses.replace(o, witness=b""), "four bytes per coefficient"),
        (lambda o: dataclasses.replace(o, witness=bytes(len(o.witness))), "does not open"),
        (lambda o: dataclasses.replace(o, attempt=1), "about something else"),
        (lambda o: dataclasses.replace(o, manifest=o.votes[0]), "expected a 'Manifest'"),
        (lambda o: dataclasses.replace(o, manifest=b"\x00"), ""),
    ],
)
def test_an_opening_that_does_not_add_up_is_not_believed_and_the_true_one_still_is(
    world: World, opening: Opening, spoil: Callable[[Opening], Opening], words: str
) -> None:
    failed(world, spoil(opening), words)
    preserved(world, opening)


def test_a_fingerprint_that_differs_from_what_others_were_shown_does_not_add_up(world: World, opening: Opening) -> None:
    vote = signed_body(opening.votes[3], Vote)
    other = dataclasses.replace(vote, fingerprint=bytes(len(vote.fingerprint)))
    lie = dataclasses.replace(opening, votes=(*opening.votes[:3], world.signed(other, 4)))
    failed(world, lie, "fingerprints do not add up")
    short = dataclasses.replace(vote, fingerprint=b"\x01")
    failed(world, dataclasses.replace(opening, votes=(*opening.votes[:3], world.signed(short, 4))), "do not add up")
    silent = dataclasses.replace(vote, fingerprint=b"")
    lie = dataclasses.replace(opening, votes=(*opening.votes[:3], world.signed(silent, 4)))
    failed(world, lie, "neither a signed fingerprint nor the ciphertext of hospital 4")
    preserved(world, opening)


def test_an_aggregate_forged_after_the_release_opens_and_is_not_believed(world: World, opening: Opening) -> None:
    """C' = a S_A + e + Delta M' is easy to make once S_A is public; the consents came before and are about C."""
    site = world.sites[ME]
    task = asking.task_of(site.rules, site.state, 0)
    parameters = parameters_of(task)
    residues = ring.unpack_sum(parameters, opening.total).copy()
    primes = np.array(parameters.ring.primes, dtype=np.uint64)
    # A constant polynomial has the same value in every slot of the number-theoretic transform.
    delta = np.array([(1 << parameters.delta_bits) % int(p) for p in primes], dtype=np.uint64)
    shaped = residues.reshape(-1, len(primes), parameters.ring.ring_degree).astype(np.uint64)
    shaped[0] = (shaped[0] + delta[:, None]) % primes[:, None]
    forged = ring.pack_sum(parameters, shaped.astype(residues.dtype).reshape(residues.shape))
    scheme = QuorumScheme()
    honest = scheme.sums(task, opening.total, opening.witness, 4)
    assert not np.array_equal(scheme.sums(task, forged, opening.witness, 4), honest)

    failed(world, dataclasses.replace(opening, total=forged), "not the one in the manifest")
    manifest = dataclasses.replace(signed_body(opening.manifest, Manifest), total_digest=payload_digest(forged))
    lie = dataclasses.replace(opening, total=forged, manifest=world.signed(manifest))
    failed(world, lie, "about something else")
    marked = digest("manifest", wire.encode(manifest))
    mark = scheme.fingerprint(task, marked, forged)
    vote = Vote(task.context, CONSENT, marked, mark, task.last)
    alone = dataclasses.replace(lie, votes=(world.signed(vote, 2),))
    failed(world, alone, "1 vote(s) where the study asks for 3")
    preserved(world, opening)


def test_a_void_round_is_believed_only_with_releases_that_do_not_open_the_sum(world: World, opening: Opening) -> None:
    moved = world.sites[ME].state.after_failed(range(1, 5))
    breach(world, dataclasses.replace(opening, next_model=moved.digest()), "not the one that follows")
    other, releases = world.sites[2], world.hub._steps.sum.collection._releases.signed
    before = other.state.digest()
    unopened = dataclasses.replace(opening, witness=bytes(len(opening.witness)), next_model=moved.digest())
    two = tuple(releases[i] for i in (1, 2))
    manifest = digest("manifest", wire.encode(signed_body(opening.manifest, Manifest)))
    context = signed_body(releases[1], Release).context
    forged = tuple(world.signed(Release(context, manifest, bytes(8192)), 1) for _ in range(3))
    foreign = tuple(world.signed(Release(bytes(32), manifest, bytes(8192)), i) for i in (1, 2, 3))
    for evidence, reason in (
        ((), "does not open"),
        (two, "2 release(s) as evidence"),
        ((*two, releases[1]), "counted twice"),
        (forged, "counted twice"),
        (foreign, "another sum"),
    ):
        (reply,) = other.handle(world.packet(dataclasses.replace(unopened, releases=evidence)))
        assert body(reply, Receipt).outcome == "failed"
        assert reason in body(reply, Receipt).detail
        assert other.state.digest() == before
    honest = dataclasses.replace(unopened, releases=tuple(releases[i] for i in sorted(releases)))
    (reply,) = other.handle(world.packet(honest))
    assert body(reply, Receipt).outcome == "breach"
    assert "not what the signed releases give" in body(reply, Receipt).detail
    assert other.state.digest() == before


@pytest.mark.parametrize("opens", [True, False])
def test_a_receipt_that_cannot_be_recorded_moves_nothing_and_the_repeated_opening_does(
    world: World, opening: Opening, opens: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = world.sites[ME]
    before = site.state
    if not opens:
        void = Judgement(before.after_failed(range(1, 5)), (1, 2, 3, 4), (), None, "does not open")
        monkeypatch.setattr("cipherward.parties.hospital_node.judge", lambda *_, **__: void)
        opening = dataclasses.replace(opening, next_model=void.following.digest())

    def full(*values: object, **named: object) -> None:
        raise StorageError("no space left on device", hint="free space")

    with monkeypatch.context() as patch:
        patch.setattr(site.ledger, "record_receipt", full)
        with pytest.raises(StorageError):
            site.handle(world.packet(opening))
    assert site.state is before
    assert site.ledger.receipts(site.rules.study) == before.sums_done
    (reply,) = site.handle(world.packet(opening))
    assert body(reply, Receipt).context
    assert site.ledger.receipts(site.rules.study) == site.state.sums_done == before.sums_done + 1


def test_an_opening_of_a_past_or_future_sum_moves_nothing(world: World, opening: Opening) -> None:
    site = world.sites[ME]
    (reply,) = site.handle(world.packet(dataclasses.replace(opening, round=0)))
    assert body(reply, Receipt).round == 0  # as it was given, whatever this opening says
    (reply,) = site.handle(world.packet(dataclasses.replace(opening, round=7)))
    assert kind_of(reply) == "Behind"
    preserved(world, opening)
    assert site.handle(world.packet(opening)) == site.handle(world.packet(opening))
    assert site.state.sums_done == 2


def test_after_the_last_sum_nothing_more_is_answered(world: World) -> None:
    world.run_sums()
    site = world.sites[ME]
    end, last = site.state.digest(), world.opening(3)
    for packet in (
        world.packet(dataclasses.replace(last, round=site.state.sums_done)),
        world.packet(VoidRequest(bytes(32))),
        world.packet(dataclasses.replace(last, round=2**62)),
    ):
        for reply in site.handle(packet):
            assert kind_of(reply) in ("Receipt", "Behind")
    assert site.state.digest() == end
    assert not site.stopped
