"""The coordinator's side of one secure sum: collect joins, add updates, close, collect votes and releases, open.

One object per attempt, no input or output of its own. What is wrong with a message is returned as a reason that names
its sender; a bad message never changes the sum.
"""

from __future__ import annotations

from collections.abc import Collection as AnyOf
from collections.abc import Iterable, MutableMapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR
from cipherward.crypto.scheme import SumTask, payload_digest
from cipherward.disclosure.standing import Memory
from cipherward.errors import ProtocolError, QuorumError, WireError
from cipherward.sums import unopened
from cipherward.sums.checks import Check, SetAside, check, check_shares, late, packet_limit, signed_body
from cipherward.sums.complaints import Complaints
from cipherward.sums.contributions import Contributions
from cipherward.sums.counted_votes import CountedVotes, in_order
from cipherward.sums.digests import Entry
from cipherward.sums.evidence import Shown
from cipherward.sums.fingerprints import Fingerprints
from cipherward.sums.messages import (
    VOID,
    Attested,
    Body,
    Certificate,
    Complaint,
    ConsentRequest,
    Declined,
    Header,
    Join,
    Joined,
    Manifest,
    Opening,
    Release,
    Update,
    VoidCertificate,
    sign,
)
from cipherward.sums.releases import Releases, same
from cipherward.sums.statements import statement_of
from cipherward.sums.votes import Member

__all__ = ["Collection", "SetAside"]


class Collection:
    """One attempt of one sum, from the first join to the opening.

    Args:
        base: float64[n_lanes] in grid units; where a scheme that starts from Enc(model) starts.
        payloads: where accepted payloads wait until their sender's fingerprint is there (memory or disk).
        excluded: hospitals whose updates are not accepted in this attempt.
        closed: contexts of sums and attempts that are over.
        memory: what the study's earlier openings say of its registers.

    Attributes:
        updates: those in the running sum.
        stale: hospitals that dealt to another list of holders.
        heard: hospitals that joined and have answered the list of joins, with whatever their key signed.
        latecomers: hospitals that joined after the list was closed.
    """

    def __init__(
        self,
        me: Member,
        task: SumTask,
        base: npt.NDArray[np.float64],
        payloads: MutableMapping[int, bytes],
        excluded: Iterable[int] = (),
        closed: AnyOf[bytes] = (),
        memory: Memory = Memory(),
    ) -> None:
        self._me = me
        self._rules = me.rules
        self.task = task
        self._base = base
        self._excluded = frozenset(excluded)
        self._closed = closed
        self._joins: dict[int, bytes] = {}
        self._joined_digest = b""
        self.updates = Contributions(me.rules, task, base, payloads, memory)
        self._manifest = b""
        self._manifest_digest = b""
        self._total = b""
        self._votes = CountedVotes(me.rules, task, closed)
        self._fingerprints = Fingerprints(me.rules, task, self.updates)
        self._releases = Releases(me.rules, task)
        self.declined: dict[int, str] = {}
        self.complaints = Complaints(task)
        self.stale: set[int] = set()
        self.heard: set[int] = set()
        self.latecomers: set[int] = set()

    # 1. join

    def add_join(self, sender: int, data: bytes) -> bool:
        """Note a hospital's key for this sum; whether it is new. Raises ProtocolError or WireError."""
        body = self._body(data, Join, sender)
        if self._joined_digest:
            self.latecomers |= {sender} - self.joined - self._excluded
            raise late("joined too late")
        if sender in self._excluded:
            raise ProtocolError("set aside for this attempt")
        if not self._rules.scheme.key_is_usable(body.key):
            raise WireError("a join whose key nothing can be sealed to")
        if sender in self._joins:
            same("join", sender, self._joins[sender], data)
            return False
        self._joins[sender] = data
        self.declined.pop(sender, None)
        return True

    @property
    def joined(self) -> frozenset[int]:
        return frozenset(self._joins)

    @property
    def dealers(self) -> frozenset[int]:
        """Who has joined and may contribute."""
        return frozenset(i for i in self._joins if self.task.admits(i))

    @property
    def is_complete(self) -> bool:
        """Whether there are enough contributors for a sum who may be opened together."""
        least = self._rules.min_contributors
        return len(self.updates.headers) >= least and len(self.updates.standing) >= least

    def close_joins(self) -> Joined:
        """The list that every dealer gets."""
        message = Joined(self.task.context, in_order(self._joins))
        self._joined_digest = digest("joined", wire.encode(message))
        return message

    # 2. and 3. deal, sum

    def add_update(self, sender: int, data: bytes | memoryview) -> None:
        """The numbered checks of one update; then it is added to the running sum.

        Raises:
            WireError, ProtocolError: with the reason and the number of the check; the sum is unchanged.
        """
        with check(Check.SIZE):
            if len(data) > packet_limit(self._rules, self.task):
                raise WireError(f"an update of {len(data)} bytes, more than this sum can need")
        with check(Check.ENCODING):
            update = wire.decode(Update, data, copies=False)
        header = self._body(bytes(update.header), Header, sender)
        if self._manifest:
            raise late("came after the sum was closed")
        with check(Check.ROSTER):
            if sender not in self._joins:
                raise ProtocolError("did not join this sum")
            if sender not in self.dealers:
                raise ProtocolError("contributes to a sum that does not admit it")
            said = statement_of(self._rules, sender, header)
            if said.block != self._rules.blocks.of(said.register):
                raise ProtocolError("names another block than the one in which the study lists it")
        self.heard.add(sender)
        with check(Check.DUPLICATE):
            if sender in self.updates.headers:
                same("update: a duplicate is not added", sender, self.updates.headers[sender], bytes(update.header))
                raise ProtocolError("duplicate of an update that is already in the sum")
        with check(Check.HOLDERS):
            if header.joined != self._joined_digest:
                self.stale.add(sender)
                raise ProtocolError("was made for another list of holders")
        with check(Check.PAYLOAD):
            if payload_digest(update.payload) != header.payload_digest:
                raise ProtocolError("the ciphertext is not the one that the header signs")
        with check(Check.SHARES):
            check_shares(update, header, sorted(self._joins) if self._rules.scheme.deals_shares else [])
        self.updates.add(sender, update, header, said)
        self.declined.pop(sender, None)

    def add_declined(self, sender: int, data: bytes) -> bool:
        """Note that a hospital sends no contribution, and its reason; whether that is new."""
        body = self._body(data, Declined, sender)
        if sender in self.updates.headers or (self._joined_digest and sender not in self._joins):
            raise ProtocolError("declines a sum that it did not join, or has contributed to")
        is_new = self.declined.get(sender) != body.reason
        self.heard.add(sender)
        self.declined[sender] = body.reason
        return is_new

    @property
    def contributors(self) -> frozenset[int]:
        return frozenset(self.updates.headers)

    @property
    def excluded(self) -> frozenset[int]:
        return self._excluded

    @property
    def is_closed(self) -> bool:
        """Whether there is a manifest, on which hospitals may have voted."""
        return bool(self._manifest)

    # 4. manifest

    def close(self, total: bytes = b"") -> dict[int, ConsentRequest]:
        """Fix the set of contributors, those of `standing`; one request per hospital that joined.

        Args:
            total: the total of these very contributions, when it has been computed before; `ckks` adds randomness.

        Raises:
            QuorumError: fewer than min_contributors.
        """
        if not self.is_complete:
            raise QuorumError(
                f"{len(self.updates.standing)} contribution(s) that may be opened together, where the study asks for at least "
                f"{self._rules.min_contributors}",
                hint="the study waits until more hospitals are back",
            )
        order = sorted(self.updates.standing)
        self.updates.leave_out(self.contributors.difference(order), rebuild=not total)
        self._total = total or self.updates.total()
        manifest = Manifest(
            self.task.context,
            tuple(Entry(i, digest("header", self.updates.headers[i])) for i in order),
            payload_digest(self._total),
        )
        self._manifest = sign(self._me.identity, self._rules.study, COORDINATOR, manifest)
        self._manifest_digest = digest("manifest", wire.encode(manifest))
        return {holder: self.request_for(holder) for holder in sorted(self._joins)}

    def request_for(self, holder: int) -> ConsentRequest:
        """What this holder is asked to consent to, with the shares that dealers have shown it since."""
        return ConsentRequest(
            self._manifest,
            in_order(self.updates.headers),
            self.updates.shares_for(holder),
            self.complaints.shown_to(holder),
        )

    # 5. and 6. consent, certificate

    @property
    def total(self) -> bytes:
        """The sum's canonical bytes; empty before `close`."""
        return self._total

    def add_vote(self, sender: int, data: bytes) -> bool:
        """Note a consent or a void vote; whether it is new.

        Raises:
            FaultyHospitalError: it contradicts an earlier vote of its sender; both are the evidence.
            ProtocolError, WireError: anything else.
        """
        vote = self._votes.first(sender, data)
        if vote is None:
            return False
        if vote.choice == VOID:
            self._votes.voids[sender] = data
            return True
        if not self._manifest or vote.manifest_digest != self._manifest_digest:
            raise ProtocolError("a consent to another manifest")
        if vote.fingerprint and sender in self.updates.headers:
            self._fingerprints.add_own(sender, vote.fingerprint, self._manifest_digest)
        self._votes.consents[sender] = data
        return True

    def add_complaint(self, sender: int, data: bytes) -> bool:
        """Note who complains about which dealer; whether it is new. Raises ProtocolError or WireError."""
        complaint = self._body(data, Complaint, sender)
        if complaint.dealer not in self.updates.headers:
            raise ProtocolError("complains about a hospital that dealt no share")
        return self.complaints.add(sender, complaint.dealer, data)

    def add_shown(self, dealer: int, data: bytes) -> bool:
        """Note shares that a dealer shows to those who complained; whether there are new ones.

        Raises:
            FaultyHospitalError: a share is not the one in the dealer's own signed header; both are the evidence.
            ProtocolError, WireError: anything else.
        """
        body = self._body(data, Shown, dealer)
        if dealer not in self.updates.headers:
            raise ProtocolError("shows a share of a contribution that it has not made")
        return self.complaints.add_shown(dealer, body, data, self.updates.headers[dealer])

    @property
    def voters(self) -> frozenset[int]:
        return frozenset(self._votes.consents)

    @property
    def void_voters(self) -> frozenset[int]:
        return frozenset(self._votes.voids)

    @property
    def complainers(self) -> frozenset[int]:
        """Hospitals with a complaint about a dealer who has not shown them their share."""
        return self.complaints.unsettled

    @property
    def is_certified(self) -> bool:
        return self._votes.is_certified

    def certificate(self) -> Certificate:
        return Certificate(self._manifest_digest, in_order(self._votes.consents))

    def certificates(self) -> dict[int, Certificate]:
        """For every voter: with the ciphertexts of silent contributors that it is asked to attest."""
        served, plain = self._fingerprints.to_attest(self.voters), self.certificate()
        return {i: replace(plain, served=served.get(i, ())) for i in sorted(self.voters)}

    def add_attested(self, sender: int, data: bytes) -> bool:
        """Note fingerprints of silent contributors; whether they are new. Raises ProtocolError or WireError."""
        body = self._body(data, Attested, sender)
        return self._fingerprints.add_attested(sender, body, data, self._manifest_digest)

    def void_certificate(self) -> VoidCertificate | None:
        """Proof that this attempt is never certified, once `threshold` hospitals voted void."""
        return self._votes.void_certificate()

    # 7. release, open

    def add_release(self, sender: int, data: bytes) -> bool:
        """Note one holder's release; whether it is new.

        Raises:
            FaultyHospitalError: a second, different release for one manifest; both are the evidence.
            ProtocolError, WireError: anything else.
        """
        body = self._body(data, Release, sender)
        if not self._manifest or body.manifest_digest != self._manifest_digest or sender not in self._joins:
            raise ProtocolError("a release for another manifest, or of somebody who holds no share")
        return self._releases.add(sender, body.shares, data)

    @property
    def manifest_digest(self) -> bytes:
        """Of the manifest on which hospitals vote; empty before `close`."""
        return self._manifest_digest

    @property
    def releases(self) -> frozenset[int]:
        return frozenset(self._releases.by_hospital)

    @property
    def can_open(self) -> bool:
        return len(self._releases.by_hospital) >= self._rules.threshold

    def open(self) -> unopened.Found:
        """What the releases open, without one that contradicts the others where that can be told.

        Raises:
            SuspectError: a release is malformed, and there are no more than the threshold.
        """
        return unopened.opened(
            self._rules.scheme,
            self.task,
            self._total,
            self._releases.by_hospital,
            self._base,
            len(self.updates.headers),
        )

    def opening(
        self, round: int, attempt: int, witness: bytes, next_model: bytes, *, with_releases: bool = False
    ) -> Opening:
        """The message from which every hospital checks the sum and recomputes the model.

        Args:
            with_releases: the sum does not open, and the signed releases are the evidence.
        """
        evidence = in_order(self._releases.signed) if with_releases else ()
        return Opening(
            round,
            attempt,
            self._manifest,
            in_order(self.updates.headers),
            in_order(self._votes.consents),
            self._total,
            witness,
            self._fingerprints.served(),
            next_model,
            evidence,
            attested=self._fingerprints.attested(),
        )

    def _body(self, data: bytes, kind: type[Body], sender: int) -> Body:
        return signed_body(self._rules, self.task, data, kind, sender, self._closed)
