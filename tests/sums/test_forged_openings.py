"""A coordinator that lies about the opened sum, alone or with hospitals: what every other hospital refuses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.sums.sum_parties import (
    N_LANES,
    Sum,
    certified_sum,
    closed_sum,
    contribution,
    opened_sum,
    parties,
    plain_parties,
    random_bytes,
    shares_in,
    vector_of,
)

from cipherward.crypto import ring, wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR
from cipherward.crypto.quorum import parameters_of
from cipherward.crypto.scheme import payload_digest
from cipherward.errors import FaultyCoordinatorError, ProtocolError, SuspectError, WireError
from cipherward.sums import hospital_steps
from cipherward.sums.digests import Entry
from cipherward.sums.hospital_steps import Consent
from cipherward.sums.messages import CONSENT, Contribution, Manifest, Opening, Vote

SHIFT = np.arange(N_LANES, dtype=np.uint32) * 100


def moved(run: Sum, total: bytes, shift: NDArray[np.uint32]) -> bytes:
    """The total with Delta * shift added: it opens under the same witness, to sums moved by `shift`."""
    parameters = parameters_of(run.task)
    nothing = np.zeros(parameters.ring.ring_degree, np.int8)
    a_key, error_key = random_bytes("any a", size=32), random_bytes("error", size=32)
    plain, moved_plain = (ring.encrypt(parameters, a_key, nothing, error_key, v) for v in (0 * shift, shift))
    primes = np.array(parameters.ring.primes, np.uint64)[None, :, None]
    difference = ring.unpack_sum(parameters, moved_plain).astype(np.uint64) + primes
    difference -= ring.unpack_sum(parameters, plain)
    residues = (ring.unpack_sum(parameters, total) + difference) % primes
    return ring.pack_sum(parameters, residues.astype(np.uint32))


def made_to_match(run: Sum, manifest_digest: bytes, total: bytes, others: Iterable[bytes]) -> bytes:
    """<rho, total> minus other fingerprints: what a liar has to sign so that the fingerprints add up to any total."""
    parameters = parameters_of(run.task)
    primes = np.array(parameters.ring.primes, np.uint64)
    scheme = run.parties.rules.scheme
    value = np.frombuffer(scheme.fingerprint(run.task, manifest_digest, total), "<u4").reshape(5, -1).astype(np.uint64)
    for mark in others:
        value = (value + primes - np.frombuffer(mark, "<u4").reshape(5, -1)) % primes
    return value.astype("<u4").tobytes()


def fingerprints(run: Sum, who: Iterable[int]) -> list[bytes]:
    return [run.consents[i].vote.fingerprint for i in who]


def with_vote(run: Sum, opening: Opening, i: int, *, fingerprint: bytes) -> Opening:
    """The opening with another vote of hospital i, signed by itself."""
    votes = list(opening.votes)
    votes[i - 1] = run.parties.sign(i, dataclasses.replace(run.consents[i].vote, fingerprint=fingerprint))
    return dataclasses.replace(opening, votes=tuple(votes))


def test_the_forgery_tool_works_so_that_only_the_checks_can_stop_it() -> None:
    run = opened_sum()
    opened = run.parties.rules.scheme.sums(run.task, moved(run, run.opening.total, SHIFT), run.witness, 5)
    assert np.array_equal(opened, run.expected(range(1, 6)) + SHIFT)


def test_an_aggregate_forged_after_the_release_is_refused_even_with_matching_fingerprints() -> None:
    run = opened_sum()
    forged = moved(run, run.opening.total, SHIFT)
    # Hospital 5 colludes and signs the fingerprint that makes the forgery add up.
    mark = made_to_match(run, run.certificate.manifest_digest, forged, fingerprints(run, (1, 2, 3, 4)))
    opening = with_vote(run, dataclasses.replace(run.opening, total=forged), 5, fingerprint=mark)
    for i in (1, 2, 3, 4):
        with pytest.raises(ProtocolError, match="not the one in the manifest"):
            run.verify(i, opening)


def test_a_second_manifest_for_an_aggregate_forged_after_the_release_finds_no_certificate() -> None:
    run = opened_sum()
    forged = moved(run, run.opening.total, SHIFT)
    manifest = dataclasses.replace(run.manifest, total_digest=payload_digest(forged))
    manifest_digest = digest("manifest", wire.encode(manifest))
    # Two liars sign it, as many as this study tolerates; the honest votes are about the first manifest.
    new = [run.parties.sign(i, Vote(run.task.context, CONSENT, manifest_digest, b"")) for i in (4, 5)]
    for votes in ((*run.opening.votes[:3], *new), tuple(new), (*new, *new)):
        opening = dataclasses.replace(
            run.opening, manifest=run.parties.sign(COORDINATOR, manifest), total=forged, votes=votes
        )
        for i in (1, 2, 3):
            with pytest.raises(ProtocolError):
                run.verify(i, opening)


def test_a_certificate_for_another_manifest_than_the_one_consented_to_is_evidence() -> None:
    # More liars than the study tolerates (4 of 5): the last honest hospital holds the proof.
    run = opened_sum()
    forged = moved(run, run.opening.total, SHIFT)
    manifest = dataclasses.replace(run.manifest, total_digest=payload_digest(forged))
    manifest_digest = digest("manifest", wire.encode(manifest))
    votes = tuple(run.parties.sign(i, Vote(run.task.context, CONSENT, manifest_digest, b"")) for i in (2, 3, 4, 5))
    opening = dataclasses.replace(
        run.opening, manifest=run.parties.sign(COORDINATOR, manifest), total=forged, votes=votes
    )
    with pytest.raises(FaultyCoordinatorError, match="other than the one I consented to") as caught:
        run.verify(1, opening)
    assert caught.value.culprit == "coordinator"


def lying_about_the_total(run: Sum, shift: NDArray[np.uint32]) -> Opening:
    """The coordinator puts another total than the sum of the ciphertexts into the manifest, before anybody votes."""
    parameters = parameters_of(run.task)
    total = ring.zero_sum(parameters)
    for dealt in run.dealt.values():
        ring.add_payload(parameters, total, dealt.payload)
    forged = moved(run, ring.pack_sum(parameters, total), shift)
    manifest = dataclasses.replace(run.manifest, total_digest=payload_digest(forged))
    for i in run.parties.everyone:
        answer = run.consent_of(i, run.request_for(i, manifest))
        assert isinstance(answer, Consent)
        run.consents[i] = answer
    votes = tuple(run.parties.sign(i, run.consents[i].vote) for i in run.parties.everyone)
    run.certificate = dataclasses.replace(
        run.collection.certificate(), manifest_digest=digest("manifest", wire.encode(manifest)), votes=votes
    )
    run.release_of(1)
    honest = opened_sum()
    return Opening(
        3, 0, run.parties.sign(COORDINATOR, manifest), run.requests[1].headers, votes, forged, honest.witness, (), b""
    )


def test_a_total_that_is_not_the_sum_of_the_ciphertexts_is_refused_although_it_opens() -> None:
    run = closed_sum()
    opening = lying_about_the_total(run, SHIFT)
    opened = run.parties.rules.scheme.sums(run.task, opening.total, opening.witness, 5)
    assert np.array_equal(opened, run.expected(range(1, 6)) + SHIFT)
    for i in run.parties.everyone:
        with pytest.raises(ProtocolError, match="do not add up"):
            run.verify(i, opening)


def test_a_colluding_contributor_gains_by_its_fingerprint_what_its_ciphertext_could_have_said() -> None:
    # Not prevented, and no more than that hospital could do by encrypting SHIFT itself. All still see one sum.
    run = closed_sum()
    opening = lying_about_the_total(run, SHIFT)
    mark = made_to_match(run, run.certificate.manifest_digest, opening.total, fingerprints(run, (1, 2, 3, 4)))
    opening = with_vote(run, opening, 5, fingerprint=mark)
    seen = {run.verify(i, opening).sums.tobytes() for i in (1, 2, 3, 4)}
    assert seen == {(run.expected(range(1, 6)) + SHIFT).tobytes()}


def test_different_fingerprint_lists_for_different_hospitals_show_nobody_another_sum() -> None:
    run = opened_sum()
    forged = moved(run, run.opening.total, SHIFT)
    mark = made_to_match(run, run.certificate.manifest_digest, forged, fingerprints(run, (1, 2, 3, 4)))
    lists = [run.opening, with_vote(run, run.opening, 5, fingerprint=mark)]
    lists += [dataclasses.replace(each, total=forged) for each in lists]
    seen = set()
    for i, opening in ((i, opening) for i in (1, 2, 3, 4) for opening in lists):
        try:
            seen.add(run.verify(i, opening).sums.tobytes())
        except ProtocolError:
            continue
    assert seen == {run.expected(range(1, 6)).tobytes()}
    with pytest.raises(ProtocolError, match="do not add up"):
        run.verify(2, lists[1])


def test_a_contributor_without_a_signed_fingerprint_is_served_and_recomputed() -> None:
    run = opened_sum()
    bare = with_vote(run, run.opening, 3, fingerprint=b"")
    with pytest.raises(ProtocolError, match="neither a signed fingerprint nor the ciphertext of hospital 3"):
        run.verify(1, bare)
    served = dataclasses.replace(bare, unsigned=(Contribution(3, run.dealt[3].payload),))
    assert np.array_equal(run.verify(1, served).sums, run.expected(range(1, 6)))


@pytest.mark.parametrize("what", ["another hospital's", "altered", "empty", "moved"])
def test_a_served_ciphertext_that_is_not_the_signed_one_is_refused(what: str) -> None:
    run = opened_sum(voters=(1, 2, 3, 4))
    payload = run.dealt[5].payload
    wrong = {
        "another hospital's": run.dealt[4].payload,
        "altered": payload[:-1] + bytes([payload[-1] ^ 1]),
        "empty": b"",
        "moved": moved(run, payload, SHIFT),
    }[what]
    for unsigned in ((Contribution(5, wrong),), (), (Contribution(5, payload), Contribution(5, wrong))):
        with pytest.raises(ProtocolError, match="nor the ciphertext of hospital 5"):
            run.verify(1, dataclasses.replace(run.opening, unsigned=unsigned))


@pytest.mark.parametrize("kept", [(), (0, 1, 2), (0, 1, 2, 2), (0, 0, 0, 0, 0)])
def test_an_opening_without_a_certificate_is_refused(kept: tuple[int, ...]) -> None:
    run = opened_sum()
    votes = tuple(run.opening.votes[k] for k in kept)
    with pytest.raises(ProtocolError):
        run.verify(1, dataclasses.replace(run.opening, votes=votes))


def test_a_certified_set_that_is_too_small_is_evidence() -> None:
    run = opened_sum()
    manifest = dataclasses.replace(run.manifest, entries=run.manifest.entries[:3])
    opening = _certified_by_everybody(run, manifest, run.opening.headers[:3])
    with pytest.raises(FaultyCoordinatorError, match="sums 3 hospitals, the study asks for at least 4"):
        hospital_steps.verify(run.member(1), run.task, opening, own_header=run.dealt[1].header, consented=None)


def test_an_altered_contribution_of_mine_in_a_certified_sum_is_evidence() -> None:
    run = opened_sum()
    other = hospital_steps.deal(run.member(1), run.task, run.joined, vector_of(run.parties, 1), random_bytes("other"))
    consented = run.certificate.manifest_digest
    with pytest.raises(FaultyCoordinatorError, match="altered contribution of mine"):
        hospital_steps.verify(run.member(1), run.task, run.opening, own_header=other.header, consented=consented)
    with pytest.raises(ProtocolError, match="that I do not remember") as caught:
        hospital_steps.verify(run.member(1), run.task, run.opening, own_header=None, consented=consented)
    assert not isinstance(caught.value, FaultyCoordinatorError)


def test_two_headers_over_one_ciphertext_in_a_certified_sum_are_evidence() -> None:
    run = opened_sum()
    copy = contribution(run.parties, 5, run.joined, run.dealt[2].payload, shares_in(run.dealt[5]))
    manifest = dataclasses.replace(
        run.manifest, entries=(*run.manifest.entries[:4], Entry(5, digest("header", copy.header)))
    )
    opening = _certified_by_everybody(run, manifest, (*run.opening.headers[:4], copy.header))
    with pytest.raises(FaultyCoordinatorError, match="two headers of the manifest name one ciphertext"):
        hospital_steps.verify(run.member(1), run.task, opening, own_header=run.dealt[1].header, consented=None)


def _certified_by_everybody(run: Sum, manifest: Manifest, headers: tuple[bytes, ...]) -> Opening:
    manifest_digest = digest("manifest", wire.encode(manifest))
    votes = tuple(
        run.parties.sign(i, Vote(run.task.context, CONSENT, manifest_digest, b"")) for i in run.parties.everyone
    )
    return dataclasses.replace(
        run.opening, manifest=run.parties.sign(COORDINATOR, manifest), headers=headers, votes=votes
    )


@pytest.mark.parametrize("position", [0, 1, 7, 2047])
def test_a_witness_that_is_not_the_sum_of_the_secrets_is_refused(position: int) -> None:
    run = opened_sum()
    witness = np.frombuffer(run.witness, "<i4").copy()
    for change in (1, -1, 1000):
        witness[position] += change
        with pytest.raises(SuspectError, match="does not open"):
            run.verify(1, dataclasses.replace(run.opening, witness=witness.astype("<i4").tobytes()))
        witness[position] -= change


@pytest.mark.parametrize("witness", [b"", b"\x00" * 8191, b"\x00" * 8193])
def test_a_witness_of_another_length_is_malformed(witness: bytes) -> None:
    run = opened_sum()
    with pytest.raises(WireError):
        run.verify(1, dataclasses.replace(run.opening, witness=witness))


def test_the_opening_of_another_sum_is_refused() -> None:
    run = opened_sum()
    for elsewhere in (run.parties.in_another(round=2), run.parties.in_another(attempt=1)):
        old = opened_sum(elsewhere)
        with pytest.raises(ProtocolError):
            run.verify(1, old.opening)
    with pytest.raises(ProtocolError, match="another study"):
        run.verify(1, opened_sum(run.parties.in_another(study=digest("study", b"another"))).opening)


@pytest.mark.parametrize("signer", [1, 5])
def test_a_manifest_that_a_hospital_signed_is_refused(signer: int) -> None:
    run = opened_sum()
    opening = dataclasses.replace(run.opening, manifest=run.parties.sign(signer, run.manifest))
    with pytest.raises(ProtocolError):
        run.verify(2, opening)


def test_headers_left_out_added_or_swapped_are_refused() -> None:
    run = opened_sum()
    headers = run.opening.headers
    for wrong in ((), headers[:4], (*headers, headers[4]), (headers[1], headers[0], *headers[2:])):
        with pytest.raises(ProtocolError):
            run.verify(1, dataclasses.replace(run.opening, headers=wrong))


def test_an_altered_total_of_an_unprotected_sum_is_refused_too() -> None:
    run = opened_sum(plain_parties())
    total = np.frombuffer(run.opening.total, "<f8") + 1.0
    with pytest.raises(ProtocolError, match="not the one in the manifest"):
        run.verify(1, dataclasses.replace(run.opening, total=total.tobytes()))


def test_everybody_who_verifies_sees_the_same_sums_and_manifest() -> None:
    run = opened_sum(parties(5), voters=(1, 2, 4, 5))
    verified = [run.verify(i) for i in run.parties.everyone]
    assert len({v.manifest_digest for v in verified}) == 1
    assert len({v.sums.tobytes() for v in verified}) == 1
    assert "sums" not in repr(verified[0])
    assert len(certified_sum().certificate.votes) == 5
