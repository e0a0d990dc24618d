"""What a hospital says of a sum that does not open, and of a share that somebody disputes: once, its ledger first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR, open_signed
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import DealtShare, SumTask, sealed_digest
from cipherward.errors import ProtocolError, RefusedError
from cipherward.parties.contribution import Log
from cipherward.store.ledger import Ledger, SumRecord
from cipherward.sums import challenge, hospital_steps
from cipherward.sums.messages import (
    Answer,
    Answered,
    Challenge,
    Complaint,
    ConsentRequest,
    Header,
    Manifest,
    Shown,
    ShownShare,
    ShowRequest,
    Update,
    read,
    sign,
    unsign,
)
from cipherward.sums.packets import pack
from cipherward.sums.votes import Member


@dataclass
class Answers:
    """One hospital's answers; asked again, the same bytes.

    `_one_time` holds the secrets of its contributions until their sums are over. They are in no file: who was killed
    meanwhile answers for the shares that it holds only, and is not named for that.
    """

    ledger: Ledger
    log: Log
    _one_time: dict[bytes, bytes] = field(default_factory=dict, repr=False)

    def keep(self, context: bytes, one_time: bytes) -> None:
        """A contribution has been made."""
        self._one_time[context] = one_time

    def forget(self) -> None:
        """The sums so far are over."""
        self._one_time.clear()

    def answer(self, me: Member, task: SumTask, record: SumRecord, asked: Challenge) -> list[bytes]:
        """The answer to the one challenge about this sum.

        Raises:
            RefusedError: another challenge about it was answered, or it may not be challenged.
            ProtocolError: malformed, or about another manifest than the one that I consented to.
        """
        seed = challenge.seed_of(me.rules, asked)
        if said := self.ledger.fact(_name(task)):
            return self._repeated(me, said, seed)
        if record.is_void or not (record.release or record.header):
            raise RefusedError("a challenge about a sum that I neither dealt to nor released for")
        if record.manifest and record.manifest != asked.manifest_digest:
            raise ProtocolError("a challenge about a manifest that I did not consent to")
        held = self._held(me, task, record) if challenge.lists(asked, me.index, record.release) else {}
        parts = challenge.answer(
            me,
            task,
            asked,
            private_key=record.private_key,
            held=held,
            header=self._header(me, record),
            one_time=self._one_time.get(task.context, b""),
        )
        said = wire.encode(Answered(tuple(sign(me.identity, me.rules.study, me.index, part) for part in parts)))
        self.ledger.record_fact(_name(task), said)
        self.log("challenged", {"sum": record.round, "shares held": len(held), "dealt": any(p.dealt for p in parts)})
        return self._repeated(me, self.ledger.fact(_name(task)) or b"", seed)

    def show(self, me: Member, task: SumTask, record: SumRecord, asked: ShowRequest) -> list[bytes]:
        """The shares about which a signed message in the request differs from what I say.

        Raises:
            RefusedError: there are none. ProtocolError, WireError: a message is not what it claims to be.
        """
        wanted = {item for data in asked.messages for item in self._disputed(me, task, record, asked, data)}
        if not wanted:
            raise RefusedError("asked for shares that nobody disputes")
        shares = [item for dealer, holder in sorted(wanted) if (item := self._share(me, task, record, dealer, holder))]
        if not shares:
            raise RefusedError("what the disputed shares follow from is lost")
        self.log("shares shown", {"sum": record.round, "dealer and holder": [[i.dealer, i.holder] for i in shares]})
        return [pack("Shown", sign(me.identity, me.rules.study, me.index, Shown(task.context, tuple(shares))))]

    def _repeated(self, me: Member, said: bytes, seed: bytes) -> list[bytes]:
        if self._mine(me, said).seed != seed:
            raise RefusedError("I have answered another challenge about this sum; there is one, ever")
        return [pack("Answered", said)]

    def _mine(self, me: Member, said: bytes) -> Answer:
        """My whole answer, from the ledger."""
        study, keys = me.rules.study, me.rules.keys
        parts = wire.decode(Answered, said).answers
        return challenge.merged(unsign(part, Answer, study=study, keys=keys, sender=me.index) for part in parts)

    def _disputed(
        self, me: Member, task: SumTask, record: SumRecord, request: ShowRequest, data: bytes
    ) -> Iterator[tuple[int, int]]:
        """(dealer, holder) of the shares between me and the sender of a signed message about which it differs."""
        rules = me.rules
        signed = open_signed(data, study=rules.study, keys=rules.keys)
        if signed.sender in (COORDINATOR, me.index):
            return
        if signed.kind == "Complaint":
            complaint = read(signed, Complaint)
            if complaint.context == task.context and complaint.dealer == me.index:
                yield me.index, signed.sender
            return
        if signed.kind != "Answer":
            raise ProtocolError(f"a {signed.kind} message disputes no share")
        theirs, said = read(signed, Answer), self.ledger.fact(_name(task))
        if not said or not request.challenge:
            raise ProtocolError("an answer to a challenge that I was not asked")
        mine = self._mine(me, said)
        dealers = self._dealers(me, request, mine.seed)
        if theirs.context != task.context or theirs.seed != mine.seed:
            raise ProtocolError("an answer to another challenge than mine")
        pairs = ((me.index, signed.sender, mine, theirs), (signed.sender, me.index, theirs, mine))
        for dealer, holder, dealt, held in pairs:
            header = self._header(me, record) if dealer == me.index else self._headers(me, record).get(dealer)
            if header is None or dealer not in dealers:
                continue
            holders, place = header.shares.holders, dealers.index(dealer)
            if challenge.differ(rules, task, holders, holder, place, dealt.dealt, held.held):
                yield dealer, holder

    def _dealers(self, me: Member, request: ShowRequest, seed: bytes) -> list[int]:
        """The contributors of the manifest that the challenge which I answered is about."""
        study, keys = me.rules.study, me.rules.keys
        asked = unsign(request.challenge, Challenge, study=study, keys=keys, sender=COORDINATOR)
        manifest = unsign(request.manifest, Manifest, study=study, keys=keys, sender=COORDINATOR)
        # Another manifest would put other dealers in the answers' places, and an honest share would seem disputed.
        if (
            challenge.seed_of(me.rules, asked) != seed
            or digest("manifest", wire.encode(manifest)) != asked.manifest_digest
        ):
            raise ProtocolError("not the challenge that I answered, or not its manifest")
        return [entry.hospital for entry in manifest.entries]

    def _share(self, me: Member, task: SumTask, record: SumRecord, dealer: int, holder: int) -> ShownShare | None:
        scheme = me.rules.scheme
        if not isinstance(scheme, QuorumScheme):
            return None
        if dealer == me.index:
            header, one_time = self._header(me, record), self._one_time.get(task.context)
            if not (header and one_time and record.update):
                return None
            holders = header.shares.holders
            sealed = {item.hospital: item.sealed for item in wire.decode(Update, record.update).shares}
            share = scheme.share_shown(task, me.index, one_time, holders, holder)
            return ShownShare(dealer, holder, share, sealed_digest(sealed[holder]))
        held = self._held(me, task, record)
        if dealer not in held:
            return None
        share = scheme.share_held(task, me.index, record.private_key, dealer, held[dealer])
        return ShownShare(dealer, holder, share, sealed_digest(held[dealer].sealed))

    def _held(self, me: Member, task: SumTask, record: SumRecord) -> dict[int, DealtShare]:
        if not (record.request and record.private_key):
            return {}
        request = wire.decode(ConsentRequest, record.request)
        return hospital_steps.shares_for(me, task, request, self._headers(me, record))

    def _header(self, me: Member, record: SumRecord) -> Header | None:
        if not record.header:
            return None
        return unsign(record.header, Header, study=me.rules.study, keys=me.rules.keys, sender=me.index)

    def _headers(self, me: Member, record: SumRecord) -> dict[int, Header]:
        """Those of the manifest that I consented to; checked before I did."""
        if not record.request:
            return {}
        opened = [
            open_signed(data, study=me.rules.study, keys=me.rules.keys, kind="Header")
            for data in wire.decode(ConsentRequest, record.request).headers
        ]
        return {signed.sender: read(signed, Header) for signed in opened}


def _name(task: SumTask) -> str:
    return f"challenged {task.context.hex()}"
