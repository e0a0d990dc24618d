"""A hospital's one vote on each sum, and what it releases for it: in its ledger before anybody sees it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from cipherward.crypto import wire
from cipherward.crypto.scheme import SumTask, payload_digest
from cipherward.disclosure.refusals import Refusal
from cipherward.errors import ProtocolError, RefusedError
from cipherward.parties.contribution import Log
from cipherward.parties.standing import Standing
from cipherward.store.ledger import Ledger, SumRecord
from cipherward.sums import hospital_steps
from cipherward.sums.hospital_steps import Consent, Dealt
from cipherward.sums.messages import (
    CONSENT,
    Certificate,
    Complaint,
    ConsentRequest,
    Header,
    Manifest,
    Update,
    sign,
    unsign,
)
from cipherward.sums.packets import pack
from cipherward.sums.votes import Member

_LARGEST_KEPT = 1 << 18


@dataclass
class Ballot:
    """Votes and releases of one hospital; asked again, the same bytes.

    `_given` holds consents that have not been released for, with the shares that they rest on; `_dealt` own contributions that
    are short, as they stand in the ledger.
    """

    ledger: Ledger
    log: Log
    _given: dict[bytes, Consent] = field(default_factory=dict, repr=False)
    _dealt: dict[bytes, Dealt] = field(default_factory=dict, repr=False)

    def keep(self, context: bytes, dealt: Dealt) -> None:
        """A contribution has been made, and is in the ledger."""
        if len(dealt.payload) <= _LARGEST_KEPT:
            self._dealt[context] = replace(dealt, update=b"", one_time=b"")

    def consent(
        self,
        me: Member,
        task: SumTask,
        record: SumRecord,
        request: ConsentRequest,
        data: bytes,
        manifest_digest: bytes,
        standing: Standing,
    ) -> list[bytes]:
        """Step 5: the vote, or a complaint that names a dealer. What must not be opened together gets the other vote.

        Args:
            data: the request as it came.

        Raises:
            FaultyCoordinatorError, ProtocolError, WireError: see `hospital_steps.consent`.
            RefusedError: I have voted otherwise.
        """
        if record.is_void:
            raise RefusedError("this attempt is void")
        if record.vote and not record.manifest:
            return [pack("Vote", record.vote)]
        if record.vote and record.manifest != manifest_digest:
            raise RefusedError("I have voted on this sum, and not for this manifest")
        if record.release:
            return [pack("Vote", record.vote)]
        said = hospital_steps.refused(me.rules, task, request, standing.memory)
        if isinstance(said, Refusal):
            self.log(
                "refused", {"kind": "ConsentRequest", "rule": said.rule, "reason": said.what, "hint": said.way_out}
            )
            return self.void(me, task)
        answer = self._checked(me, task, record, request)
        if isinstance(answer, Complaint):
            self.log("complaint", {"dealer": answer.dealer, "reason": answer.reason})
            return [pack("Complaint", sign(me.identity, me.rules.study, me.index, answer))]
        vote = sign(me.identity, me.rules.study, me.index, answer.vote)
        with self.ledger.together():
            standing.voted(task.context, said)
            self.ledger.record_vote(task.context, vote, manifest_digest, data)
        self._given[task.context] = answer
        return [pack("Vote", vote)]

    def void(self, me: Member, task: SumTask) -> list[bytes]:
        """The other vote. The sum is in the ledger, and nothing has been voted on it."""
        vote = sign(me.identity, me.rules.study, me.index, hospital_steps.void(task))
        self.ledger.record_vote(task.context, vote, b"")
        return [pack("Vote", vote)]

    def release(self, me: Member, task: SumTask, record: SumRecord, certificate: Certificate) -> list[bytes]:
        """Step 7: on a certificate over the manifest that I consented to.

        Raises:
            RefusedError: I have not consented, or the attempt is void. ProtocolError: see `hospital_steps.release`.
        """
        if record.release:
            return [pack("Release", record.release)]
        if record.is_void:
            raise RefusedError("this attempt is void")
        given = self._given.get(task.context) or self._recalled(me, task)
        if given is None or given.vote.choice != CONSENT:
            raise RefusedError("no consent of mine to release for")
        message = hospital_steps.release(me, task, certificate, given, record.private_key)
        attested = hospital_steps.attest(me, task, certificate, given)
        self.ledger.record_release(task.context, message)
        self._given.pop(task.context, None)
        # The release last, since a sum may be opened as soon as it is there.
        return [*([pack("Attested", attested)] if attested else []), pack("Release", message)]

    def forget(self) -> None:
        """The sum is over."""
        self._given.clear()
        self._dealt.clear()

    def _recalled(self, me: Member, task: SumTask) -> Consent | None:
        """The consent in the ledger, worked out again after a restart from the request that it answered."""
        record = self.ledger.sum(task.context)
        if record is None or not record.request or not record.manifest or record.is_void:
            return None
        answer = self._checked(me, task, record, wire.decode(ConsentRequest, record.request))
        return answer if isinstance(answer, Consent) and answer.vote.manifest_digest == record.manifest else None

    def _checked(self, me: Member, task: SumTask, record: SumRecord, request: ConsentRequest) -> Consent | Complaint:
        own = self._dealt.get(task.context) or _own(me, record, record.update or self.ledger.update(task.context))
        return hospital_steps.consent(me, task, request, private_key=record.private_key, own=own)


def manifest_of(me: Member, request: ConsentRequest) -> Manifest:
    """The coordinator's manifest, signature checked."""
    return unsign(request.manifest, Manifest, study=me.rules.study, keys=me.rules.keys, sender=0)


def _own(me: Member, record: SumRecord, data: bytes) -> Dealt | None:
    if not data:
        return None
    update = wire.decode(Update, data)
    header = unsign(record.header, Header, study=me.rules.study, keys=me.rules.keys, sender=me.index)
    if payload_digest(update.payload) != header.payload_digest:
        raise ProtocolError("my own stored update does not match its header")
    return Dealt(record.header, update.payload, data)
