"""One secure sum among honest parties, step by step, and the tools that liars need.

`run_secure_sum` shows the whole protocol top to bottom. A test that needs a liar takes the steps of `Sum` one at a
time and changes, forges or withholds what the liar would.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward import thresholds
from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.crypto.plain import PlainScheme
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import Scheme, SumTask, payload_digest, share_digest
from cipherward.sums import hospital_steps
from cipherward.sums.coordinator_steps import Collection
from cipherward.sums.digests import Digests
from cipherward.sums.hospital_steps import Consent, Dealt, Verified
from cipherward.sums.messages import (
    Certificate,
    Complaint,
    ConsentRequest,
    Header,
    Joined,
    Manifest,
    Opening,
    Query,
    ShareFor,
    Update,
    context,
    sign,
    unsign,
)
from cipherward.sums.votes import Member, Rules

Vector = NDArray[Any]

N_LANES = 12
STUDY = digest("study", b"the study of these tests")
QUERY = Query("train", b"parameters", digest("model", b"model 0"))


def random_bytes(*parts: object, size: int = 96) -> bytes:
    """What the operating system would give, but the same in every run."""
    return hashlib.shake_256(repr(parts).encode()).digest(size)


@dataclass(frozen=True)
class Parties:
    """A study's members and the sum that they are about to make."""

    rules: Rules
    task: SumTask
    members: Mapping[int, Member]

    @property
    def everyone(self) -> tuple[int, ...]:
        return tuple(i for i in sorted(self.members) if i != COORDINATOR)

    def sign(self, sender: int, body: Any) -> bytes:
        """A message in the name of any member: liars sign what they like, with their own key."""
        return sign(self.members[sender].identity, self.rules.study, sender, body)

    def collection(self, excluded: Iterable[int] = ()) -> Collection:
        return Collection(self.members[COORDINATOR], self.task, np.zeros(N_LANES), {}, excluded)

    def in_another(self, *, study: bytes = STUDY, query: Query = QUERY, round: int = 3, attempt: int = 0) -> Parties:
        """The same people in another sum."""
        rules = dataclasses.replace(self.rules, study=study)
        members = {i: dataclasses.replace(member, rules=rules) for i, member in self.members.items()}
        task = dataclasses.replace(self.task, context=context(study, query.digest(), round, attempt))
        return Parties(rules, task, members)


def parties(n: int = 5, *, scheme: Scheme | None = None, **numbers: int) -> Parties:
    """n hospitals and a coordinator, with the study's default thresholds unless others are given."""
    chosen = thresholds.derive(n, **numbers)
    identities = {i: Identity(random_bytes("identity", i, size=32)) for i in range(n + 1)}
    keys = {i: identity.public_key for i, identity in identities.items()}
    rules = Rules(STUDY, keys, chosen.threshold, chosen.min_contributors, scheme or QuorumScheme())
    task = SumTask(
        context(STUDY, QUERY.digest(), 3, 0),
        n_hospitals=n,
        threshold=chosen.threshold,
        bits=16,
        n_lanes=N_LANES,
        n_values=N_LANES,
        n_real=N_LANES,
    )
    return Parties(rules, task, {i: Member(rules, i, identity) for i, identity in identities.items()})


def plain_parties(n: int = 5) -> Parties:
    return parties(n, scheme=PlainScheme())


@dataclass
class Sum:
    """A sum under way; each step fills in what it produced."""

    parties: Parties
    collection: Collection = field(init=False)
    private: dict[int, bytes] = field(default_factory=dict)
    joined: Joined = field(init=False)
    vectors: dict[int, Vector] = field(default_factory=dict)
    dealt: dict[int, Dealt] = field(default_factory=dict)
    requests: dict[int, ConsentRequest] = field(default_factory=dict)
    consents: dict[int, Consent] = field(default_factory=dict)
    certificate: Certificate = field(init=False)
    witness: bytes = b""

    def __post_init__(self) -> None:
        self.collection = self.parties.collection()

    def join(self, who: Iterable[int] | None = None) -> None:
        for i in self.parties.everyone if who is None else who:
            self.private[i], message = hospital_steps.join(self.member(i), self.task, random_bytes("join", i))
            self.collection.add_join(i, message)
        self.joined = self.collection.close_joins()

    def deal(self, who: Iterable[int] | None = None) -> None:
        for i in self.collection.joined if who is None else who:
            self.collection.add_update(i, self.deal_one(i).update)

    def deal_one(self, i: int) -> Dealt:
        """Hospital i's update, not sent yet."""
        self.vectors[i] = vector_of(self.parties, i)
        self.dealt[i] = hospital_steps.deal(
            self.member(i),
            self.task,
            self.joined,
            self.vectors[i],
            random_bytes("deal", i, self.task.context),
            self.private.get(i, b""),
        )
        return self.dealt[i]

    def close(self) -> None:
        self.requests = self.collection.close()

    def consent_of(self, i: int, request: ConsentRequest | None = None) -> Consent | Complaint:
        """What hospital i answers to a request (its own, unless another is given)."""
        return hospital_steps.consent(
            self.member(i),
            self.task,
            request or self.requests[i],
            private_key=self.private[i],
            own=self.dealt.get(i),
        )

    def consent(self, who: Iterable[int] | None = None) -> None:
        for i in self.requests if who is None else who:
            answer = self.consent_of(i)
            assert isinstance(answer, Consent), answer
            self.consents[i] = answer
            self.collection.add_vote(i, self.parties.sign(i, answer.vote))
        self.certificate = self.collection.certificate()

    def release_of(self, i: int, certificate: Certificate | None = None) -> bytes:
        return hospital_steps.release(
            self.member(i), self.task, certificate or self.certificate, self.consents[i], self.private[i]
        )

    def release(self, who: Iterable[int] | None = None) -> None:
        for i in self.consents if who is None else who:
            self.collection.add_release(i, self.release_of(i))

    def open(self) -> Opening:
        found = self.collection.open()
        assert not found.reason, found.reason
        self.witness = found.witness
        return self.opening

    @property
    def opening(self) -> Opening:
        return self.collection.opening(3, 0, self.witness, digest("model", b"model 1"))

    def verify(self, i: int, opening: Opening | None = None) -> Verified:
        """Hospital i checks an opening (the honest one, unless another is given) against what it remembers."""
        return hospital_steps.verify(
            self.member(i),
            self.task,
            opening or self.opening,
            own_header=self.dealt[i].header if i in self.dealt else None,
            consented=self.consents[i].vote.manifest_digest if i in self.consents else None,
        )

    @property
    def task(self) -> SumTask:
        return self.parties.task

    def member(self, i: int) -> Member:
        return self.parties.members[i]

    @property
    def manifest(self) -> Manifest:
        """The body of the coordinator's signed manifest."""
        rules = self.parties.rules
        signed = next(iter(self.requests.values())).manifest
        return unsign(signed, Manifest, study=rules.study, keys=rules.keys, sender=COORDINATOR)

    def request_for(self, i: int, manifest: Manifest, headers: tuple[bytes, ...] | None = None) -> ConsentRequest:
        """A request that the coordinator signs over any manifest it likes."""
        signed = self.parties.sign(COORDINATOR, manifest)
        return ConsentRequest(signed, self.requests[i].headers if headers is None else headers, self.requests[i].shares)

    def expected(self, contributors: Iterable[int]) -> Vector:
        total: Vector = np.sum([self.vectors[i].astype(np.int64) for i in contributors], axis=0)
        return total


def run_secure_sum(
    who: Parties, *, absent_before_deal: frozenset[int] = frozenset(), absent_after_deal: frozenset[int] = frozenset()
) -> Sum:
    """The whole protocol of docs/protocol.md among honest parties, steps 1 to 8."""
    run = Sum(who)
    present = set(who.everyone)

    # 1. Every hospital makes a key for this sum; the coordinator sends all of them to all.
    run.join(present)
    # 2. and 3. Every hospital encrypts its vector under a one-time secret and shares that secret; ciphertexts are added.
    present -= absent_before_deal
    run.deal(present)
    # 4. The coordinator fixes whose contributions are in the sum.
    run.close()
    # 5. and 6. Every hospital checks the manifest and its shares, and votes; enough votes are a certificate.
    present -= absent_after_deal
    run.consent(present)
    # 7. On the certificate, holders release the sum of their shares; enough releases open the sum.
    run.release(present)
    run.open()
    # 8. Every hospital checks the opening, also those that were away.
    for i in who.everyone:
        assert np.array_equal(run.verify(i).sums, run.expected(run.collection.contributors))
    return run


def vector_of(who: Parties, i: int) -> Vector:
    """Hospital i's lanes; the same in every run."""
    lanes = np.random.default_rng(i).integers(0, 1 << who.task.bits, N_LANES, dtype=np.uint32)
    return lanes if who.rules.scheme.fixed_point else lanes.astype(np.float64)


def closed_sum(who: Parties | None = None, contributors: Iterable[int] | None = None) -> Sum:
    """An honest sum whose manifest has just been fixed."""
    run = Sum(who or parties())
    run.join()
    run.deal(contributors)
    run.close()
    return run


def certified_sum(who: Parties | None = None, voters: Iterable[int] | None = None) -> Sum:
    """An honest sum up to its certificate."""
    run = closed_sum(who)
    run.consent(voters)
    return run


def opened_sum(who: Parties | None = None, voters: Iterable[int] | None = None) -> Sum:
    """An honest sum up to its opening."""
    run = certified_sum(who, voters)
    run.release()
    run.open()
    return run


def altered(message: bytes, kind: type, **changes: Any) -> bytes:
    """An unsigned message with some fields changed."""
    decoded: Any = wire.decode(kind, message)
    return wire.encode(dataclasses.replace(decoded, **changes))


def update_of(who: Parties, sender: int, dealt: Dealt, **changes: Any) -> bytes:
    """An update with other fields in its header, signed again by its sender; payload and shares as they were."""
    update = wire.decode(Update, dealt.update)
    header = unsign(update.header, Header, study=who.rules.study, keys=who.rules.keys)
    again = who.sign(sender, dataclasses.replace(header, **changes))
    return wire.encode(dataclasses.replace(update, header=again))


def contribution(who: Parties, sender: int, joined: Joined, payload: bytes, shares: Mapping[int, bytes]) -> Dealt:
    """A well-formed, signed update around any payload and any sealed shares."""
    listed = Digests.of({holder: share_digest(sealed) for holder, sealed in shares.items()})
    joined_digest = digest("joined", wire.encode(joined))
    header = who.sign(
        sender, Header(who.task.context, joined_digest, payload_digest(payload), listed, b"", "table", 1, 1, 0)
    )
    sent = tuple(ShareFor(holder, sealed) for holder, sealed in sorted(shares.items()))
    return Dealt(header, payload, wire.encode(Update(header, payload, sent)))


def shares_in(dealt: Dealt) -> dict[int, bytes]:
    return {item.hospital: item.sealed for item in wire.decode(Update, dealt.update).shares}
