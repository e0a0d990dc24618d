"""The vectors of a whole sum: every party still says these bytes, and refuses the bad ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from tests.test_vectors import Case, cases, refused, vector

from cipherward.crypto import wire
from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.crypto.plain import PlainScheme
from cipherward.crypto.scheme import SumTask
from cipherward.sums import hospital_steps, messages
from cipherward.sums.coordinator_steps import Collection
from cipherward.sums.hospital_steps import Consent, Dealt
from cipherward.sums.messages import Certificate, ConsentRequest, Joined, Opening, Update, unsign
from cipherward.sums.votes import Member, Rules


def parties(content: dict[str, Any]) -> tuple[Rules, SumTask]:
    keys = {int(i): bytes.fromhex(key) for i, key in content["public_keys"].items()}
    rules = Rules(
        bytes.fromhex(content["study"]), keys, content["threshold"], content["min_contributors"], PlainScheme()
    )
    n = content["n_values"]
    return rules, SumTask(bytes.fromhex(content["context"]), 3, content["threshold"], 16, n, n, content["n_real"])


def test_a_whole_sum_has_these_messages() -> None:
    content = vector("sum")
    rules, task = parties(content)
    members = {int(i): Member(rules, int(i), Identity(bytes.fromhex(s))) for i, s in content["secrets"].items()}
    collection = Collection(members[COORDINATOR], task, np.zeros(task.n_lanes), {})
    for i in (3, 1, 2):
        assert hospital_steps.join(members[i], task, b"")[1].hex() == content["joins"][str(i)]
        collection.add_join(i, bytes.fromhex(content["joins"][str(i)]))
    collection.close_joins()
    joined = unsign(bytes.fromhex(content["joined"]), Joined, study=rules.study, keys=rules.keys, sender=COORDINATOR)
    dealt = {}
    for i in (2, 3, 1):
        dealt[i] = hospital_steps.deal(members[i], task, joined, np.array(content["values"][str(i)]), b"")
        assert dealt[i].update.hex() == content["updates"][str(i)]
        collection.add_update(i, dealt[i].update)
    requests = collection.close()
    certificate = wire.decode(Certificate, bytes.fromhex(content["certificate"]))
    for i, request in requests.items():
        assert wire.encode(request).hex() == content["requests"][str(i)]
        consent = hospital_steps.consent(members[i], task, request, private_key=b"", own=dealt[i])
        assert isinstance(consent, Consent)
        vote = messages.sign(members[i].identity, rules.study, i, consent.vote)
        assert vote.hex() == content["votes"][str(i)]
        collection.add_vote(i, vote)
        release = hospital_steps.release(members[i], task, certificate, consent, b"")
        assert release.hex() == content["releases"][str(i)]
        collection.add_release(i, release)
    assert collection.certificate() == certificate
    opening = wire.decode(Opening, bytes.fromhex(content["opening"]))
    assert collection.opening(1, 0, collection.open().witness, opening.next_model) == opening
    for i, member in members.items():
        if i != COORDINATOR:
            verified = hospital_steps.verify(
                member, task, opening, own_header=dealt[i].header, consented=certificate.manifest_digest
            )
            assert verified.sums.tolist() == content["sums"]


def hospital_1(content: dict[str, Any]) -> tuple[Member, SumTask, Dealt, Consent]:
    """Hospital 1 as it stands after its consent to the honest manifest."""
    rules, task = parties(content)
    honest = vector("sum")
    me = Member(rules, content["receiver"], Identity(bytes.fromhex(honest["secrets"]["1"])))
    sent = bytes.fromhex(honest["updates"]["1"])
    update = wire.decode(Update, sent)
    own = Dealt(update.header, update.payload, sent)
    request = wire.decode(ConsentRequest, bytes.fromhex(honest["requests"]["1"]))
    given = hospital_steps.consent(me, task, request, private_key=b"", own=own)
    assert isinstance(given, Consent)
    return me, task, own, given


@cases("sum_bad_updates")
def test_these_updates_are_set_aside(case: Case) -> None:
    honest = vector("sum")
    rules, task = parties(vector("sum_bad_updates"))
    me = Member(rules, COORDINATOR, Identity(bytes.fromhex(honest["secrets"]["0"])))
    collection = Collection(me, task, np.zeros(task.n_lanes), {})
    for i in (1, 2, 3):
        collection.add_join(i, bytes.fromhex(honest["joins"][str(i)]))
    collection.close_joins()
    refused(case, lambda: collection.add_update(2, bytes.fromhex(case["message"])))
    for i in (1, 2, 3):
        collection.add_update(i, bytes.fromhex(honest["updates"][str(i)]))
    assert wire.encode(collection.close()[1]).hex() == honest["requests"]["1"]


@cases("sum_bad_requests")
def test_these_requests_are_not_consented_to(case: Case) -> None:
    me, task, own, _ = hospital_1(vector("sum_bad_requests"))

    def ask() -> object:
        request = wire.decode(ConsentRequest, bytes.fromhex(case["message"]))
        return hospital_steps.consent(me, task, request, private_key=b"", own=own)

    refused(case, ask)


@cases("sum_bad_certificates")
def test_on_these_certificates_nothing_is_released(case: Case) -> None:
    me, task, _, given = hospital_1(vector("sum_bad_certificates"))

    def release() -> bytes:
        certificate = wire.decode(Certificate, bytes.fromhex(case["message"]))
        return hospital_steps.release(me, task, certificate, given, b"")

    refused(case, release)


@cases("sum_bad_openings")
def test_these_openings_are_not_verified(case: Case) -> None:
    me, task, own, given = hospital_1(vector("sum_bad_openings"))

    def verify() -> object:
        opening = wire.decode(Opening, bytes.fromhex(case["message"]))
        return hospital_steps.verify(me, task, opening, own_header=own.header, consented=given.vote.manifest_digest)

    refused(case, verify)
