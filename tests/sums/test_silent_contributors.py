"""Contributors that fall silent after they dealt: another contributor attests their fingerprint (ADR 0032)."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.sums.sum_parties import Sum, certified_sum

from cipherward.crypto import ring
from cipherward.crypto.quorum import parameters_of
from cipherward.crypto.scheme import SumTask
from cipherward.errors import ProtocolError
from cipherward.sums import hospital_steps
from cipherward.sums.digests import Entry
from cipherward.sums.messages import Attested, Contribution, Opening

SILENT = 5
VOTERS = (1, 2, 3, 4)


def with_one_silent() -> Sum:
    """Five hospitals dealt, four voted, and the certificate is there."""
    return certified_sum(voters=VOTERS)


def attested(run: Sum, i: int) -> bytes | None:
    return hospital_steps.attest(run.member(i), run.task, run.collection.certificates()[i], run.consents[i])


def opened(run: Sum, *, attesting: bool = True) -> Opening:
    for i in VOTERS:
        if attesting and (message := attested(run, i)):
            assert run.collection.add_attested(i, message)
    run.release(VOTERS)
    return run.open()


def test_one_voter_reads_the_silent_ones_ciphertext_and_nobody_else_gets_it() -> None:
    run = with_one_silent()
    served = {i: [item.hospital for item in one.served] for i, one in run.collection.certificates().items()}
    assert served == {1: [SILENT], 2: [], 3: [], 4: []}
    opening = opened(run)
    assert (len(opening.attested), opening.unsigned) == (1, ())
    for i in run.parties.everyone:
        seen = run.verify(i, opening)
        assert np.array_equal(seen.sums, run.expected(run.collection.contributors))
        assert any("4 signed, 1 by another contributor, 0 recomputed" in check for check in seen.checks)


def test_where_nobody_attests_the_ciphertext_is_in_the_opening() -> None:
    run = with_one_silent()
    opening = opened(run, attesting=False)
    assert [item.hospital for item in opening.unsigned] == [SILENT]
    assert any("4 signed, 1 recomputed" in check for check in run.verify(2, opening).checks)


def test_a_vote_that_comes_late_is_taken_instead() -> None:
    run = with_one_silent()
    message = attested(run, 1)
    assert message
    assert run.collection.add_attested(1, message)
    assert not run.collection.add_attested(1, message)
    run.consent([SILENT])
    run.release(VOTERS)
    opening = run.open()
    assert (opening.attested, opening.unsigned, len(opening.votes)) == ((), (), 5)
    run.verify(3, opening)


def test_a_late_vote_with_a_false_fingerprint_is_refused_although_the_ciphertext_is_gone() -> None:
    run = with_one_silent()
    assert run.collection.add_attested(1, attested(run, 1) or b"")
    answer = run.consent_of(SILENT)
    assert isinstance(answer, hospital_steps.Consent)
    false = dataclasses.replace(answer.vote, fingerprint=bytes(len(answer.vote.fingerprint)))
    with pytest.raises(ProtocolError, match="not that of its sender"):
        run.collection.add_vote(SILENT, run.parties.sign(SILENT, false))


def said(run: Sum, marks: dict[int, bytes], signer: int = 1, task: SumTask | None = None) -> bytes:
    digest = run.consents[1].vote.manifest_digest
    body = Attested((task or run.task).context, digest, tuple(Entry(i, mark) for i, mark in marks.items()))
    return run.parties.sign(signer, body)


def mark_of(run: Sum, i: int) -> bytes:
    digest = run.consents[1].vote.manifest_digest
    return run.parties.rules.scheme.fingerprint(run.task, digest, run.dealt[i].payload)


def test_the_coordinator_takes_no_false_fingerprint_and_none_from_who_signed_none_of_its_own() -> None:
    run = with_one_silent()
    true = mark_of(run, SILENT)
    with pytest.raises(ProtocolError, match="not that of hospital 5"):
        run.collection.add_attested(1, said(run, {SILENT: mark_of(run, 4)}))
    with pytest.raises(ProtocolError, match="signed no fingerprint of its own"):
        run.collection.add_attested(SILENT, said(run, {SILENT: true}, SILENT))
    with pytest.raises(ProtocolError, match="not that of hospital 9"):
        run.collection.add_attested(1, said(run, {9: true}))
    assert [item.hospital for item in run.collection.certificates()[1].served] == [SILENT]


def test_a_ciphertext_that_is_not_the_one_in_the_header_is_not_attested() -> None:
    run = with_one_silent()
    certificate = dataclasses.replace(run.certificate, served=(Contribution(SILENT, run.dealt[4].payload),))
    with pytest.raises(ProtocolError, match="not the one in the header of hospital 5"):
        hospital_steps.attest(run.member(1), run.task, certificate, run.consents[1])


def test_hospitals_take_no_attestation_that_the_coordinator_made_up() -> None:
    run = with_one_silent()
    opening = opened(run)
    true = mark_of(run, SILENT)
    parameters = parameters_of(run.task)
    shape = (ring.N_FINGERPRINTS, parameters.ring.n_primes)
    shifted = (np.frombuffer(true, "<u4").reshape(shape) + 1).astype("<u4").tobytes()
    refused = {
        "none of its own": [said(run, {SILENT: true}, SILENT)],
        "two fingerprints": [said(run, {SILENT: true}, 1), said(run, {SILENT: shifted}, 2)],
        "do not add up": [said(run, {SILENT: shifted}, 2)],
        "another sum": [said(run, {SILENT: true}, 2, run.parties.in_another(round=2).task)],
        "neither a signed": [said(run, {4: mark_of(run, 4)}, 2)],
    }
    for reason, messages in refused.items():
        with pytest.raises(ProtocolError, match=reason):
            run.verify(3, dataclasses.replace(opening, attested=tuple(messages)))
    run.verify(3, dataclasses.replace(opening, attested=(said(run, {SILENT: true}, 2),)))
