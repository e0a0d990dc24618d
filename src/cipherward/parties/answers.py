"""What a hospital says of a sum that does not open, and of a share that somebody disputes: once, its ledger first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cipherward.crypto import slices, wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR, open_signed
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import DealtShare, SumTask, sealed_digest
from cipherward.errors import ProtocolError, RefusedError
from cipherward.parties.contribution import Log
from cipherward.store.ledger import Ledger, SumRecord
from cipherward.sums import challenge, hospital_steps
from cipherward.sums.attribution import Dispute
from cipherward.sums.evidence import Answer, Answered, Challenge, Shown, ShownShare, ShownSlice, ShowRequest
from cipherward.sums.messages import Complaint, ConsentRequest, Header, Manifest, Update, read, sign, unsign
from cipherward.sums.packets import pack
from cipherward.sums.votes import Member


@dataclass(frozen=True)
class Said:
    """What the ledger keeps of a challenge: the manifest that it was about, and the `Answered` as it was sent."""

    manifest_digest: bytes
    answered: bytes = field(repr=False)

    def seed(self, me: Member) -> bytes:
        """Which challenge it answers."""
        signed = wire.decode(Answered, self.answered).answer
        return unsign(signed, Answer, study=me.rules.study, keys=me.rules.keys, sender=me.index).seed


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
        given = challenge.answer(
            me,
            task,
            asked,
            private_key=record.private_key,
            signed_release=record.release,
            held=held,
            header=self._header(me, record),
            one_time=self._one_time.get(task.context, b""),
        )
        said = wire.encode(Said(asked.manifest_digest, wire.encode(given)))
        self.ledger.record_fact(_name(task), said)
        self.log("challenged", {"sum": record.round, "shares held": len(held), "dealt": bool(given.dealt)})
        return self._repeated(me, said, seed)

    def show(self, me: Member, task: SumTask, record: SumRecord, asked: ShowRequest) -> list[bytes]:
        """The shares about which there is a complaint, and the slices about which a claim differs from what I have answered.

        Raises:
            RefusedError: there are none. ProtocolError, WireError: a message is not what it claims to be.
        """
        wanted = {holder for data in asked.complaints for holder in self._complains(me, task, data)}
        disputed = self._disputed(me, task, record, asked) if asked.claims else set()
        if not (wanted or disputed):
            raise RefusedError("asked for shares that nobody disputes")
        shares = [item for holder in sorted(wanted) if (item := self._share(me, task, record, me.index, holder))]
        found = [cut for one in sorted(disputed) if (cut := self._slice(me, task, record, one))]
        if not (shares or found):
            raise RefusedError("what the disputed shares follow from is lost")
        pairs = [(one.dealer, one.holder) for one in disputed] + [(me.index, holder) for holder in wanted]
        self.log("shares shown", {"sum": record.round, "dealer and holder": sorted(map(list, pairs))})
        shown = Shown(task.context, tuple(shares), tuple(found))
        return [pack("Shown", sign(me.identity, me.rules.study, me.index, shown))]

    def _repeated(self, me: Member, data: bytes, seed: bytes) -> list[bytes]:
        said = wire.decode(Said, data)
        if said.seed(me) != seed:
            raise RefusedError("I have answered another challenge about this sum; there is one, ever")
        return [pack("Answered", said.answered)]

    def _complains(self, me: Member, task: SumTask, data: bytes) -> Iterator[int]:
        """Who complains in a signed message about a share that I dealt to it in this sum."""
        signed = open_signed(data, study=me.rules.study, keys=me.rules.keys, kind="Complaint")
        complaint = read(signed, Complaint)
        is_about_me = complaint.context == task.context and complaint.dealer == me.index
        if is_about_me and signed.sender not in (COORDINATOR, me.index):
            yield signed.sender

    def _disputed(self, me: Member, task: SumTask, record: SumRecord, request: ShowRequest) -> set[Dispute]:
        """The slices of shares between me and others about which their signed answers differ from mine."""
        rules, data = me.rules, self.ledger.fact(_name(task))
        if not data:
            raise ProtocolError("an answer to a challenge that I was not asked")
        said = wire.decode(Said, data)
        mine, seed, dealers = wire.decode(Answered, said.answered), said.seed(me), _dealers(me, request, said)
        found = set[Dispute]()
        for claim in request.claims:
            signed = open_signed(claim.answer, study=rules.study, keys=rules.keys, kind="Answer")
            theirs = read(signed, Answer)
            if theirs.seed != seed or signed.sender in (COORDINATOR, me.index):
                raise ProtocolError("an answer to another challenge than mine, or of nobody who holds a share")
            if {claim.dealer, claim.holder} != {me.index, signed.sender} or claim.dealer not in dealers:
                raise ProtocolError("a claim about a share that is not between its sender and me")
            header = (
                self._header(me, record) if claim.dealer == me.index else self._headers(me, record).get(claim.dealer)
            )
            if header and challenge.differ(
                rules, task, dealers, header.shares.holders, claim, signed.sender, theirs, mine
            ):
                found.add(Dispute(claim.dealer, claim.holder, claim.place))
        return found

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

    def _slice(self, me: Member, task: SumTask, record: SumRecord, one: Dispute) -> ShownSlice | None:
        share = self._share(me, task, record, one.dealer, one.holder)
        if share is None:
            return None
        cut = slices.cut(share.share)
        return ShownSlice(
            one.dealer, one.holder, one.place, cut[one.place], slices.path(cut, one.place), share.sealed_digest
        )

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


def _dealers(me: Member, request: ShowRequest, said: Said) -> list[int]:
    """The contributors of the manifest that the challenge which I answered is about."""
    manifest = unsign(request.manifest, Manifest, study=me.rules.study, keys=me.rules.keys, sender=COORDINATOR)
    # Another manifest would put other dealers in the answers' places, and an honest share would seem disputed.
    if digest("manifest", wire.encode(manifest)) != said.manifest_digest:
        raise ProtocolError("not the manifest of the challenge that I answered")
    return [entry.hospital for entry in manifest.entries]


def _name(task: SumTask) -> str:
    return f"challenged {task.context.hex()}"
