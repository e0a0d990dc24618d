"""The coordinator's side of one secure sum: collect joins, add updates, close, collect votes and releases, open.

One object per attempt, no input or output of its own. What is wrong with a message is returned as a reason that names
its sender; a bad message never changes the sum.
"""

from __future__ import annotations

from collections.abc import Collection as AnyOf
from collections.abc import Iterable, MutableMapping

import numpy as np
import numpy.typing as npt

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR
from cipherward.crypto.scheme import SumTask, payload_digest
from cipherward.disclosure.eligibility import eligible
from cipherward.disclosure.standing import Memory, Statement
from cipherward.errors import ProtocolError, QuorumError, WireError
from cipherward.sums import unopened
from cipherward.sums.checks import Check, SetAside, check, check_shares, late, packet_limit, signed_body
from cipherward.sums.complaints import Complaints
from cipherward.sums.messages import (
    CONSENT,
    VOID,
    Body,
    Certificate,
    Complaint,
    ConsentRequest,
    Contribution,
    Declined,
    Entry,
    Header,
    Join,
    Joined,
    Manifest,
    Opening,
    Release,
    ShareFor,
    Shown,
    Update,
    VoidCertificate,
    sign,
)
from cipherward.sums.releases import Releases, same
from cipherward.sums.statements import expected, statement_of
from cipherward.sums.votes import Member, signed_vote

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
        self._payloads = payloads
        self._excluded = frozenset(excluded)
        self._closed = closed
        self._memory = memory
        self._joins: dict[int, bytes] = {}
        self._joined_digest = b""
        self._headers: dict[int, bytes] = {}
        self._said: dict[int, Statement] = {}
        self._shares: dict[int, dict[int, bytes]] = {}
        self._senders: dict[bytes, int] = {}
        self._sum = me.rules.scheme.accumulator(task, base)
        self._manifest = b""
        self._manifest_digest = b""
        self._total = b""
        self._votes: dict[int, bytes] = {}
        self._fingerprints: set[int] = set()
        self._voids: dict[int, bytes] = {}
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
    def statements(self) -> tuple[Statement, ...]:
        """How those who have contributed stand in the sum, by their headers."""
        return tuple(self._said.values())

    @property
    def standing(self) -> frozenset[int]:
        """Whose contributions may be opened together: those of whole blocks, and of who stands alone by agreement."""
        return self.could_stand(self._headers)

    def could_stand(self, hospitals: Iterable[int]) -> frozenset[int]:
        """As `standing`, if these contributed. Who has not yet is taken to have said no, unless it is known to have said
        yes or could not stand otherwise."""
        said = self.as_they_say(hospitals)
        able = eligible((one for _, one in said), self._rules.blocks, self._memory)
        return frozenset(i for i, one in said if one in able)

    def as_they_say(self, hospitals: Iterable[int]) -> tuple[tuple[int, Statement], ...]:
        """How these stand in the sum: as their headers say, or as those are expected to say."""
        return tuple((i, self._said.get(i) or expected(self._rules, i, self._memory)) for i in hospitals)

    @property
    def is_complete(self) -> bool:
        """Whether there are enough contributors for a sum who may be opened together."""
        least = self._rules.min_contributors
        return len(self._headers) >= least and len(self.standing) >= least

    def close_joins(self) -> Joined:
        """The list that every dealer gets."""
        message = Joined(self.task.context, tuple(self._joins[i] for i in sorted(self._joins)))
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
        signed = bytes(update.header)  # what is kept must not hold on to the whole update
        header = self._body(signed, Header, sender)
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
            if sender in self._headers:
                same("update: a duplicate is not added", sender, self._headers[sender], signed)
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
        with check(Check.COPY):
            if self._rules.is_encrypted and header.payload_digest in self._senders:
                # In a manifest, two headers over one ciphertext would be evidence against the coordinator.
                raise ProtocolError(f"copies the ciphertext of hospital {self._senders[header.payload_digest]}")
        with check(Check.RESIDUES):
            self._sum.add(update.payload)
        self._senders[header.payload_digest] = sender
        self._headers[sender], self._said[sender] = signed, said
        self._shares[sender] = {item.hospital: bytes(item.sealed) for item in update.shares}
        self._payloads[sender] = update.payload
        self.declined.pop(sender, None)

    def add_declined(self, sender: int, data: bytes) -> bool:
        """Note that a hospital sends no contribution, and its reason; whether that is new."""
        body = self._body(data, Declined, sender)
        if sender in self._headers or (self._joined_digest and sender not in self._joins):
            raise ProtocolError("declines a sum that it did not join, or has contributed to")
        is_new = self.declined.get(sender) != body.reason
        self.heard.add(sender)
        self.declined[sender] = body.reason
        return is_new

    @property
    def contributors(self) -> frozenset[int]:
        return frozenset(self._headers)

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
                f"{len(self.standing)} contribution(s) that may be opened together, where the study asks for at least "
                f"{self._rules.min_contributors}",
                hint="the study waits until more hospitals are back",
            )
        order = sorted(self.standing)
        self._leave_out(self.contributors.difference(order), rebuild=not total)
        self._total = total or self._sum.total()
        manifest = Manifest(
            self.task.context,
            tuple(Entry(i, digest("header", self._headers[i])) for i in order),
            payload_digest(self._total),
        )
        self._manifest = sign(self._me.identity, self._rules.study, COORDINATOR, manifest)
        self._manifest_digest = digest("manifest", wire.encode(manifest))
        return {holder: self.request_for(holder) for holder in sorted(self._joins)}

    def request_for(self, holder: int) -> ConsentRequest:
        """What this holder is asked to consent to, with the shares that dealers have shown it since."""
        order = sorted(self._headers)
        return ConsentRequest(
            self._manifest,
            tuple(self._headers[i] for i in order),
            tuple(ShareFor(i, self._shares[i][holder]) for i in order if holder in self._shares[i]),
            self.complaints.shown_to(holder),
        )

    def _leave_out(self, hospitals: frozenset[int], *, rebuild: bool) -> None:
        """Contributions whose block is not whole: they are in no sum, and their hospitals deal them again in the next."""
        for i in hospitals:
            del self._headers[i], self._said[i], self._shares[i], self._payloads[i]
        if hospitals and rebuild:
            self._sum = self._rules.scheme.accumulator(self.task, self._base)
            for i in self._headers:
                self._sum.add(self._payloads[i])

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
        voter, vote = signed_vote(self._rules, data)
        if vote.context in self._closed:
            raise late("a vote on a sum or attempt that is over")
        if voter != sender or vote.context != self.task.context:
            raise ProtocolError("a vote of somebody else, or on another sum")
        for earlier, what in ((self._votes.get(sender), "consent"), (self._voids.get(sender), "void vote")):
            if earlier is not None:
                again = vote.choice == CONSENT and what == "consent"
                same(what if again else f"vote after a {what}", sender, earlier, data)
                return False
        if vote.choice == VOID:
            self._voids[sender] = data
            return True
        if not self._manifest or vote.manifest_digest != self._manifest_digest:
            raise ProtocolError("a consent to another manifest")
        if vote.fingerprint and sender in self._headers:
            # Checked while the payload is still here: later, nobody could say whose fingerprint is wrong.
            expected = self._rules.scheme.fingerprint(self.task, self._manifest_digest, self._payloads[sender])
            if vote.fingerprint != expected:
                raise ProtocolError("a consent whose fingerprint is not that of its sender's ciphertext")
            del self._payloads[sender]
            self._fingerprints.add(sender)
        self._votes[sender] = data
        return True

    def add_complaint(self, sender: int, data: bytes) -> bool:
        """Note who complains about which dealer; whether it is new. Raises ProtocolError or WireError."""
        complaint = self._body(data, Complaint, sender)
        if complaint.dealer not in self._headers:
            raise ProtocolError("complains about a hospital that dealt no share")
        return self.complaints.add(sender, complaint.dealer, data)

    def add_shown(self, dealer: int, data: bytes) -> bool:
        """Note shares that a dealer shows to those who complained; whether there are new ones.

        Raises:
            FaultyHospitalError: a share is not the one in the dealer's own signed header; both are the evidence.
            ProtocolError, WireError: anything else.
        """
        body = self._body(data, Shown, dealer)
        if dealer not in self._headers:
            raise ProtocolError("shows a share of a contribution that it has not made")
        return self.complaints.add_shown(dealer, body, data, self._headers[dealer])

    @property
    def voters(self) -> frozenset[int]:
        return frozenset(self._votes)

    @property
    def void_voters(self) -> frozenset[int]:
        return frozenset(self._voids)

    @property
    def complainers(self) -> frozenset[int]:
        """Hospitals with a complaint about a dealer who has not shown them their share."""
        return self.complaints.unsettled

    @property
    def is_certified(self) -> bool:
        return len(self._votes) >= self._rules.threshold

    def certificate(self) -> Certificate:
        return Certificate(self._manifest_digest, tuple(self._votes[i] for i in sorted(self._votes)))

    def void_certificate(self) -> VoidCertificate | None:
        """Proof that this attempt is never certified, once `threshold` hospitals voted void."""
        if len(self._voids) < self._rules.threshold:
            return None
        return VoidCertificate(tuple(self._voids[i] for i in sorted(self._voids)))

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
            self._rules.scheme, self.task, self._total, self._releases.by_hospital, self._base, len(self._headers)
        )

    def opening(
        self, round: int, attempt: int, witness: bytes, next_model: bytes, *, with_releases: bool = False
    ) -> Opening:
        """The message from which every hospital checks the sum and recomputes the model.

        Args:
            with_releases: the sum does not open, and the signed releases are the evidence.
        """
        evidence = [data for _, data in sorted(self._releases.signed.items())] if with_releases else []
        missing = sorted(set(self._headers) - self._fingerprints)
        served = (
            tuple(Contribution(i, self._payloads[i]) for i in missing) if self._rules.scheme.has_fingerprints else ()
        )
        return Opening(
            round,
            attempt,
            self._manifest,
            tuple(self._headers[i] for i in sorted(self._headers)),
            tuple(self._votes[i] for i in sorted(self._votes)),
            self._total,
            witness,
            served,
            next_model,
            tuple(evidence),
        )

    def _body(self, data: bytes, kind: type[Body], sender: int) -> Body:
        return signed_body(self._rules, self.task, data, kind, sender, self._closed)
