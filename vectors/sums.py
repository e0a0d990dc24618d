"""Vectors of a whole sum: every message of three hospitals and a coordinator, and messages that each must refuse.

The scheme is `plain`, whose messages are short and hold no randomness; the flow, the signatures and the checks on
manifests, votes and openings are those of every scheme.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.crypto.plain import PlainScheme
from cipherward.crypto.scheme import SumTask, payload_digest
from cipherward.sums import hospital_steps
from cipherward.sums.coordinator_steps import Collection
from cipherward.sums.digests import Entry
from cipherward.sums.hospital_steps import Consent, Dealt
from cipherward.sums.messages import (
    CONSENT,
    VOID,
    Certificate,
    Complaint,
    ConsentRequest,
    Header,
    Manifest,
    Opening,
    Query,
    ShareFor,
    Update,
    Vote,
    context,
    sign,
    unsign,
)
from cipherward.sums.votes import Member, Rules
from vectors.primitives import Content, fixed

STUDY, QUERY = fixed("study"), Query("train", b"{}", fixed("model"))
HOSPITALS = (1, 2, 3)
IDENTITIES = {i: Identity(fixed("identity", i)) for i in (COORDINATOR, *HOSPITALS)}
RULES = Rules(STUDY, {i: identity.public_key for i, identity in IDENTITIES.items()}, 3, 3, PlainScheme())
MEMBERS = {i: Member(RULES, i, identity) for i, identity in IDENTITIES.items()}
TASK = SumTask(
    context(STUDY, QUERY.digest(), 1, 0), n_hospitals=3, threshold=3, bits=16, n_lanes=4, n_values=4, n_real=2
)
VECTORS = {1: [0.5, -0.25, 7.0, 0.0], 2: [1.5, 0.125, 1.0, 2.0**40], 3: [-1.0, 0.0, 0.0, 1.0]}


@dataclass
class Transcript:
    """The bytes of one sum."""

    joins: dict[int, bytes] = field(default_factory=dict)
    joined: bytes = b""
    updates: dict[int, bytes] = field(default_factory=dict)
    headers: dict[int, bytes] = field(default_factory=dict)
    requests: dict[int, bytes] = field(default_factory=dict)
    votes: dict[int, bytes] = field(default_factory=dict)
    certificate: bytes = b""
    releases: dict[int, bytes] = field(default_factory=dict)
    opening: bytes = b""


def by_sender(messages: dict[int, bytes]) -> dict[str, str]:
    return {str(i): data.hex() for i, data in messages.items()}


@cache
def transcript() -> Transcript:
    """Steps 1 to 8 of docs/protocol.md."""
    made = Transcript()
    collection = Collection(MEMBERS[COORDINATOR], TASK, np.zeros(4), {})
    dealt: dict[int, Dealt] = {}
    consents: dict[int, Consent] = {}
    for i in HOSPITALS:
        _, made.joins[i] = hospital_steps.join(MEMBERS[i], TASK, b"")
        collection.add_join(i, made.joins[i])
    joined = collection.close_joins()
    made.joined = by(COORDINATOR, joined)
    for i in HOSPITALS:
        dealt[i] = hospital_steps.deal(MEMBERS[i], TASK, joined, np.array(VECTORS[i]), b"")
        made.headers[i], made.updates[i] = dealt[i].header, dealt[i].update
        collection.add_update(i, made.updates[i])
    for i, request in collection.close().items():
        made.requests[i] = wire.encode(request)
        answer = hospital_steps.consent(MEMBERS[i], TASK, request, private_key=b"", own=dealt[i])
        if isinstance(answer, Complaint):
            raise TypeError("an honest request was complained about")
        consents[i] = answer
        made.votes[i] = by(i, answer.vote)
        collection.add_vote(i, made.votes[i])
    certificate = collection.certificate()
    made.certificate = wire.encode(certificate)
    for i in HOSPITALS:
        made.releases[i] = hospital_steps.release(MEMBERS[i], TASK, certificate, consents[i], b"")
        collection.add_release(i, made.releases[i])
    witness = collection.open().witness
    made.opening = wire.encode(collection.opening(1, 0, witness, fixed("next model")))
    return made


def by(sender: int, body: Any) -> bytes:
    return sign(IDENTITIES[sender], STUDY, sender, body)


def setting() -> Content:
    return {
        "study": STUDY.hex(),
        "context": TASK.context.hex(),
        "threshold": RULES.threshold,
        "min_contributors": RULES.min_contributors,
        "n_values": TASK.n_values,
        "n_real": TASK.n_real,
        "public_keys": {str(i): key.hex() for i, key in RULES.keys.items()},
    }


def whole_sum() -> Content:
    """Every message of an honest sum, and what it opens to."""
    made = transcript()
    return {
        "about": "scheme plain: nothing is protected; flow, signatures and checks are those of every scheme",
        **setting(),
        "secrets": {str(i): fixed("identity", i).hex() for i in IDENTITIES},
        "values": {str(i): VECTORS[i] for i in HOSPITALS},
        "joins": by_sender(made.joins),
        "joined": made.joined.hex(),
        "updates": by_sender(made.updates),
        "requests": by_sender(made.requests),
        "votes": by_sender(made.votes),
        "certificate": made.certificate.hex(),
        "releases": by_sender(made.releases),
        "opening": made.opening.hex(),
        "sums": np.sum([VECTORS[i] for i in HOSPITALS], axis=0).tolist(),
    }


def bad(receiver: int, cases: list[tuple[str, bytes, str, str]]) -> Content:
    return {
        **setting(),
        "receiver": receiver,
        "cases": [
            {"name": name, "message": data.hex(), "error": error, "says": says} for name, data, error, says in cases
        ],
    }


def header(i: int) -> Header:
    return unsign(transcript().headers[i], Header, study=STUDY, keys=RULES.keys)


def manifest() -> Manifest:
    request = wire.decode(ConsentRequest, transcript().requests[1])
    return unsign(request.manifest, Manifest, study=STUDY, keys=RULES.keys)


def bad_updates() -> Content:
    """Updates in the name of hospital 2 that the coordinator sets aside."""
    good = wire.decode(Update, transcript().updates[2])

    def update(signer: int = 2, shares: tuple[ShareFor, ...] = (), **changes: Any) -> bytes:
        return wire.encode(Update(by(signer, dataclasses.replace(header(2), **changes)), good.payload, shares))

    def carrying(payload: bytes) -> bytes:
        signed = by(2, dataclasses.replace(header(2), payload_digest=payload_digest(payload)))
        return wire.encode(Update(signed, payload, ()))

    other = context(STUDY, QUERY.digest(), 0, 0)
    nan = np.array([np.nan, 0], "<f4").tobytes() + bytes(16)
    short = good.payload[:-1]
    forged = IDENTITIES[3].sign("Header", STUDY, 2, wire.encode(header(2)))
    foreign = IDENTITIES[2].sign("Header", fixed("x"), 2, wire.encode(header(2)))
    return bad(
        COORDINATOR,
        [
            ("of an older round", update(context=other), "ProtocolError", "another study, query, round or attempt"),
            (
                "of another study",
                wire.encode(dataclasses.replace(good, header=foreign)),
                "ProtocolError",
                "another study",
            ),
            ("for another list of holders", update(joined=fixed("x")), "ProtocolError", "another list of holders"),
            ("signed by another hospital", update(signer=3), "ProtocolError", "of hospital 3 where one of 2"),
            (
                "with a forged signature",
                wire.encode(dataclasses.replace(good, header=forged)),
                "ProtocolError",
                "forged",
            ),
            (
                "with another payload",
                wire.encode(dataclasses.replace(good, payload=bytes(24))),
                "ProtocolError",
                "not the one that the header signs",
            ),
            ("with a share that is not signed", update(shares=(ShareFor(1, b"x"),)), "ProtocolError", "sealed shares"),
            ("with NaN", carrying(nan), "WireError", "NaN"),
            ("with a short payload", carrying(short), "WireError", "23"),
            ("cut", transcript().updates[2][:-1], "WireError", "early"),
        ],
    )


def bad_requests() -> Content:
    """Consent requests that hospital 1 does not consent to."""
    good = wire.decode(ConsentRequest, transcript().requests[1])
    entries, h = manifest().entries, good.headers

    def request(headers: tuple[bytes, ...] = h, signer: int = COORDINATOR, **changes: Any) -> bytes:
        return wire.encode(ConsentRequest(by(signer, dataclasses.replace(manifest(), **changes)), headers, ()))

    other = by(1, dataclasses.replace(header(1), payload_digest=fixed("x")))
    elsewhere = by(3, dataclasses.replace(header(3), context=fixed("x")))
    coordinator, unsure = "FaultyCoordinatorError", "ProtocolError"
    return bad(
        1,
        [
            ("for another sum", request(context=fixed("x")), coordinator, "another sum"),
            ("a name twice", request((h[0], h[1], h[1]), entries=(entries[0], entries[1], entries[1])), coordinator, "repeats"),
            ("names out of order", request(h[::-1], entries=entries[::-1]), coordinator, "repeats"),
            ("an unknown name", request(entries=(*entries[:2], Entry(4, entries[2].digest))), coordinator, "unknown"),
            ("the coordinator as contributor", request(entries=(Entry(0, b""), *entries[1:])), coordinator, "unknown"),
            ("too few contributors", request(h[:2], entries=entries[:2]), coordinator, "sums 2 hospitals"),
            ("nobody", request((), entries=()), coordinator, "sums 0 hospitals"),
            ("a header left out", request(h[:2]), unsure, "differ in number"),
            ("headers swapped", request((h[1], h[0], h[2])), unsure, "not the one in the manifest"),
            ("own header altered", request((other, *h[1:]), entries=(Entry(1, digest("header", other)), *entries[1:])), coordinator, "altered contribution"),
            ("a header of another sum", request((*h[:2], elsewhere), entries=(*entries[:2], Entry(3, digest("header", elsewhere)))), coordinator, "header of hospital 3 belongs to another sum"),
            ("a header under another name", request((*h[:2], h[1]), entries=(*entries[:2], Entry(3, entries[1].digest))), unsure, "of hospital 2 where one of 3"),
            ("signed by a hospital", request(signer=2), unsure, "where one of 0 belongs"),
            ("empty", b"", "WireError", "early"),
        ],
    )  # fmt: skip


def bad_certificates() -> Content:
    """Certificates on which hospital 1 releases nothing."""
    good = wire.decode(Certificate, transcript().certificate)
    votes, ctx = good.votes, TASK.context

    def certificate(*signed: bytes, manifest: bytes = good.manifest_digest) -> bytes:
        return wire.encode(Certificate(manifest, signed))

    elsewhere = tuple(by(i, Vote(ctx, CONSENT, fixed("x"), b"")) for i in HOSPITALS)
    voids = tuple(by(i, Vote(ctx, VOID, b"", b"")) for i in HOSPITALS)
    replayed = by(3, Vote(fixed("x"), CONSENT, good.manifest_digest, b""))
    forged = IDENTITIES[2].sign("Vote", STUDY, 3, wire.encode(Vote(ctx, CONSENT, good.manifest_digest, b"")))
    own = by(COORDINATOR, Vote(ctx, CONSENT, good.manifest_digest, b""))
    odd = by(3, Vote(ctx, 2, good.manifest_digest, b""))
    return bad(
        1,
        [
            ("no votes", certificate(), "ProtocolError", "0 vote(s)"),
            ("a vote too few", certificate(*votes[:2]), "ProtocolError", "2 vote(s)"),
            ("a vote twice", certificate(*votes[:2], votes[1]), "ProtocolError", "counted twice"),
            (
                "about another manifest",
                certificate(*elsewhere, manifest=fixed("x")),
                "ProtocolError",
                "did not consent",
            ),
            ("votes about another manifest", certificate(*elsewhere), "ProtocolError", "something else"),
            ("void votes", certificate(*voids), "ProtocolError", "something else"),
            ("a vote of another sum", certificate(*votes[:2], replayed), "ProtocolError", "something else"),
            ("a forged vote", certificate(*votes[:2], forged), "ProtocolError", "forged"),
            ("a vote of the coordinator", certificate(*votes[:2], own), "ProtocolError", "no vote"),
            ("neither consent nor void", certificate(*votes[:2], odd), "ProtocolError", "neither"),
            ("a vote that is no vote", certificate(*votes[:2], transcript().joins[3]), "ProtocolError", "'Vote'"),
            ("cut", transcript().certificate[:-1], "WireError", "early"),
        ],
    )


def bad_openings() -> Content:
    """Openings that hospital 1, which consented to the honest manifest, does not verify."""
    good = wire.decode(Opening, transcript().opening)
    total = np.array([9.0, 0.0, 0.0, 0.0], "<f8").tobytes()

    def opening(**changes: Any) -> bytes:
        return wire.encode(dataclasses.replace(good, **changes))

    second = dataclasses.replace(manifest(), total_digest=payload_digest(total))
    second_digest = digest("manifest", wire.encode(second))
    votes = tuple(by(i, Vote(TASK.context, CONSENT, second_digest, b"")) for i in HOSPITALS)
    signed = by(COORDINATOR, second)
    return bad(
        1,
        [
            ("another total", opening(total=total), "ProtocolError", "not the one in the manifest"),
            ("a second manifest without votes", opening(manifest=signed, total=total), "ProtocolError", "something else"),
            ("a second certified manifest", opening(manifest=signed, total=total, votes=votes), "FaultyCoordinatorError", "other than the one I consented to"),
            ("a vote too few", opening(votes=good.votes[:2]), "ProtocolError", "2 vote(s)"),
            ("a vote twice", opening(votes=(*good.votes[:2], good.votes[0])), "ProtocolError", "counted twice"),
            ("a header left out", opening(headers=good.headers[:2]), "ProtocolError", "differ in number"),
            ("headers swapped", opening(headers=good.headers[::-1]), "ProtocolError", "not the one in the manifest"),
            ("manifest signed by a hospital", opening(manifest=by(2, manifest())), "ProtocolError", "where one of 0 belongs"),
            ("a join in place of the manifest", opening(manifest=transcript().joins[1]), "ProtocolError", "'Manifest'"),
            ("cut", transcript().opening[:-1], "WireError", "early"),
        ],
    )  # fmt: skip
