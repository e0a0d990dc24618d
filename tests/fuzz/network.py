"""What comes from other parties besides the packets of a study: letters and their chunks, members, invitations, offers."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cryptography import x509
from nats.aio.msg import Msg
from tests.consortium.consortium import Consortium, document
from tests.fuzz.decoders import Decoder
from tests.fuzz.mutation import BINARY, TEXT

from cipherward.audit import entries, notes
from cipherward.audit.entries import Event
from cipherward.audit.notes import Checkpoint, Key
from cipherward.audit.witness import Witness
from cipherward.consortium.approval import approvals, offer_check
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.membership import authority, enrolment, invitations, members
from cipherward.consortium.service import letters
from cipherward.consortium.service.statements import Statements
from cipherward.crypto import wire
from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.errors import WireError
from cipherward.parties import decisions, inventories, records, roster, sumlog
from cipherward.store import files, journal
from cipherward.store.handled import Handled
from cipherward.transport import chunks, serving
from cipherward.transport.chunks import Label
from cipherward.transport.receiving import Content, Receiver

NAME, MAILBOX = "clinic-1", "down.clinic-1"


def everything(folder: Path) -> Iterator[Decoder]:
    folder.mkdir(parents=True)
    four = Consortium(folder / "consortium", 4)
    try:
        four.start(document(4))
        four.approve()
        four.poll()
        while four.queue:  # the approvals; the study's packets have decoders of their own
            four.step()
        yield from arriving(folder)
        yield from sealed_letters(four)
        yield from bodies(four)
        yield from audit_logs()
        yield from enrolling(four)
        yield from certificates(four)
        yield from statements(four)
        yield refusals(four)
    finally:
        four.close()


# off the message server


class Server:
    """What nats-py hands on, as a hostile server would have it. Nothing is awaited for real."""

    def __init__(self) -> None:
        self.acknowledged: list[str] = []
        self.answer = b""

    def new_inbox(self) -> str:
        return "_INBOX.x"

    async def publish(self, subject: str, payload: bytes, reply: str = "") -> None:
        self.acknowledged.append(subject)

    async def request(self, subject: str, payload: bytes, timeout: float) -> Any:
        return SimpleNamespace(data=self.answer)


def arriving(folder: Path) -> Iterator[Decoder]:
    def label_of(data: bytes) -> tuple[Label, bytes]:
        label, body = chunks.decode(data)
        return label, bytes(body)

    content = b"letter " * 20
    small = [chunk(content), chunk(b""), chunk(content[:-1])]
    yield Decoder("chunk", small, label_of, lambda data, found: chunks.encode(*found) == data)
    yield delivery(folder / "incoming", content, small)
    yield rewind(folder / "incoming")


def chunk(content: bytes, nonce: bytes = bytes(range(16))) -> bytes:
    letter = chunks.letter_id(MAILBOX, nonce, len(content), [content])
    return chunks.encode(Label(nonce, letter, 0, len(content)), content)


def receiver(folder: Path, server: Server, handled: list[bytes]) -> Receiver:
    async def handle(mailbox: str, letter: bytes, content: Content) -> None:
        handled.append(bytes(serving.read(content)))
        if isinstance(content, Path):
            content.unlink()

    link: Any = SimpleNamespace(client=server, url="tls://nowhere")
    bulk: Any = None
    return Receiver(
        link, "down", NAME, folder, Handled(folder / "handled"), bulk, handle, lambda event, facts: None, 1 << 30
    )


def delivery(folder: Path, content: bytes, small: list[bytes]) -> Decoder:
    """A message of the mailbox: status header, place for the acknowledgement, chunk."""
    (folder / "handled").mkdir(parents=True)
    loop = asyncio.new_event_loop()
    reply = b"$JS.ACK.DOWN_clinic-1.box.1.7.7.1700000000000000000.0"

    def decode(data: bytes) -> list[bytes]:
        status, place, body = (*data.split(b"\x1f", 2), b"", b"")[:3]
        server, handled = Server(), list[bytes]()
        taking = receiver(folder, server, handled)
        headers = {"Status": status.decode("latin-1")} if status else None
        client: Any = server
        waiting = [Msg(client, "_INBOX.x.0", place.decode("utf-8", "replace"), body, headers)]

        async def following(timeout: float) -> Msg:
            if waiting:
                return waiting.pop()
            raise TimeoutError

        taking._next = following  # type: ignore[method-assign]
        try:
            loop.run_until_complete(taking._pull(1, 0))
        finally:
            taking._abandon()
        if not handled:
            raise WireError("nothing was handed over")
        return handled

    valid = [b"\x1f" + reply + b"\x1f" + each for each in small]
    letters_there = (content, b"", content[:-1])
    return Decoder("delivery", valid, decode, lambda data, handled: len(handled) == 1 and handled[0] in letters_there)


def rewind(folder: Path) -> Decoder:
    loop = asyncio.new_event_loop()

    def decode(data: bytes) -> int:
        server = Server()
        server.answer = data
        taking = receiver(folder, server, [])
        loop.run_until_complete(taking._rewind())
        return taking._expected

    valid = [json.dumps(answer).encode() for answer in ({"type": "reset", "reset_seq": 12}, {"reset_seq": 1})]
    return Decoder("rewind-answer", valid, decode, lambda data, value: type(value) is int, mutations=TEXT)


# letters


def sealed_letters(four: Consortium) -> Iterator[Decoder]:
    key = four.home.coordinator_key
    own = four.hospital(NAME).identity
    down = {letter for sender, to, letter in four.carried if to == NAME}
    up = {letter for sender, to, letter in four.carried if sender == NAME}
    for body in (letters.Packets((b"packet",)), letters.Stopped("end"), letters.Alert(2, b"receipt")):
        down.add(letters.seal(four.home.identity, NAME, bytes(32 * [1]), body, from_coordinator=True))
    for statement in (letters.Packets((b"packet",)), letters.Withdrawal(b"statement"), letters.Refusal(("policy",))):
        up.add(letters.seal(own, "coordinator", bytes(32 * [1]), statement, from_coordinator=False))
    others = [letter for _, _, letter in four.carried]
    opens = partial(letters.open_letter, to=NAME, key=key, from_coordinator=True)
    yield Decoder("letter-down", sorted(down, key=len), opens, others=others)
    opens = partial(letters.open_letter, to=authority.COORDINATOR_NAME, key=own.public_key, from_coordinator=False)
    yield Decoder("letter-up", sorted(up, key=len), opens, others=others)


def bodies(four: Consortium) -> Iterator[Decoder]:
    """What is inside, from a member whose signature is good; and what the coordinator's own files hold."""
    valid: dict[str, list[Any]] = {
        "letter-Offer": [letters.Offer("document", b"key")],
        "letter-Approval": [letters.Approval(b"statement")],
        "letter-Begun": [letters.Begun(b"inventories")],
        "letter-Withdrawal": [letters.Withdrawal(b"statement")],
        "letter-Refusal": [letters.Refusal(("policy", "members")), letters.Refusal(())],
        "letter-Members": [letters.Members(four.home.chain())],
        "letter-Alert": [letters.Alert(2, b"receipt")],
        "letter-Stopped": [letters.Stopped("why")],
        "letter-Head": [letters.Head("old 0\n\n", "head")],
        "letter-LogSuccession": [letters.LogSuccession(b"statement", 3)],
        "letter-LostOpening": [letters.LostOpening(3, b"opening")],
        "letter-ModelWithdrawn": [letters.ModelWithdrawn(b"statement")],
        "letter-head": [letters._Head(NAME, bytes(32))],
        "journal-line": [journal._Line("packet", 1, b"data", b"")],
        "journal-Begun": [sumlog.Begun(bytes(32), 3)],
        "inventory": [inventories.Inventory(bytes(32), 1, 64, ("age", "dose"))],
        "inventories": [inventories.Shown((b"signed", b"another"), (b"later",))],
        "evidence": [records.Evidence(1, 2, "reason", (b"one", b"another"))],
    }
    everything = [wire.encode(value) for values in valid.values() for value in values]
    for name, values in valid.items():
        encoded = [wire.encode(value) for value in values]
        decode = partial(wire.decode, type(values[0]))
        yield Decoder(name, encoded, decode, lambda data, value: wire.encode(value) == data, everything)


def audit_logs() -> Iterator[Decoder]:
    """What others are shown of an audit log."""
    author = Identity(b"\x01" * 32)
    key, head = Key("cipherward/log", author.public_key), Checkpoint("cipherward/log", 1, bytes(32))
    line = entries.write(Event("receipt", {"sum": 1, "hospital": "Charité"}, {"a": "b"}), 0, 1.0, "")
    other = entries.write(Event("approved", {"reasons": ["x", "y"]}), 7, 1_700_000_000.0, "ab")
    yield Decoder("audit-entry", [line, other], entries.read, lambda data, entry: entry.line == data)
    signed = notes.sign(author, head)
    both = signed.with_line(notes.cosign(author, "cipherward/hospital-1", head, 5))

    def checked(data: bytes) -> object:
        return notes.parse(data.decode("utf-8", "replace")).signed_by(key)

    texts = [each.text.encode() for each in (signed, both)]
    yield Decoder("audit-checkpoint", texts, checked, lambda data, value: True)

    def cosigned(data: bytes) -> object:
        return Witness(author, "cipherward/hospital-1", key).answer(data.decode("utf-8", "replace"), 1)

    yield Decoder("audit-request", [b"old 0\n\n" + text for text in texts], cosigned, lambda data, value: True, texts)


# joining


def enrolling(four: Consortium) -> Iterator[Decoder]:
    home, own = four.home, HospitalHome(enrolment.create_hospital(four.folder / "new", data=Path(__file__)).path)
    invitation = enrolment.invite(home, "new")
    request = enrolment.accept_invitation(own, invitation)
    admission = enrolment.admit(home, request).admission
    others = [invitation, request, admission]
    own = HospitalHome(own.path)
    reads: dict[str, tuple[bytes, Callable[[bytes], Any]]] = {
        "invitation": (invitation, invitations.read_invitation),
        "request": (request, partial(invitations.read_request, consortium=home.consortium_id)),
        "admission": (
            admission,
            partial(invitations.read_admission, consortium=home.consortium_id, coordinator_key=home.coordinator_key),
        ),
    }
    for name, (text, read) in reads.items():
        found = read(text)
        # Mail may add lines and white space around the block.
        yield Decoder(name, [text], read, partial(_equals, found), others, mutations=(*TEXT, *BINARY))
        yield signed_body(name, found, home.identity, own.identity, home.consortium_id)
    yield certificate_inside(own, admission)
    chain = home.chain()
    opens = partial(members.open_chain, consortium=home.consortium_id, coordinator_key=home.coordinator_key)
    # The start of a chain is a chain; `follow` says whether it is new enough.
    whole = opens(chain)
    yield Decoder("members-chain", [chain], opens, lambda data, value: value == whole[: len(value)])

    def signed_list(data: bytes) -> Any:
        signed = home.identity.sign("members", home.consortium_id, COORDINATOR, data)
        return opens(members.pack_chain((signed,)))[0]

    first = wire.encode(whole[0])
    one = members.successor(members.first(home.consortium_id, 1), whole[-1].members[0], 2)
    yield Decoder(
        "members-list", [first], signed_list, lambda data, v: wire.encode(v) == data, [first, wire.encode(one)]
    )


def _equals(expected: Any, data: bytes, value: Any) -> bool:
    return bool(value == expected)


def signed_body(name: str, found: Any, coordinator: Identity, hospital: Identity, consortium: bytes) -> Decoder:
    """An invitation, request or admission that says something odd, with a good signature."""

    def decode(data: bytes) -> Any:
        if name == "invitation":
            return invitations._invitation(coordinator.sign("invitation", found.consortium_id, COORDINATOR, data))
        if name == "request":
            return invitations._request(hospital.sign("request", consortium, 1, data), consortium)
        signed = coordinator.sign("admission", consortium, COORDINATOR, data)
        return invitations._admission(signed, consortium, coordinator.public_key)

    return Decoder(f"{name}-body", [wire.encode(found)], decode, lambda data, value: wire.encode(value) == data)


def certificate_inside(own: HospitalHome, admission: bytes) -> Decoder:
    """The certificate in an admission that is signed well: taken only as the authority issued it."""
    found = invitations.read_admission(admission, own.consortium_id, own.coordinator_key)

    def check(data: bytes) -> None:
        enrolment._check_admission(own, dataclasses.replace(found, certificate=data))

    others = [found.certificate, files.read(own.authority_certificate)]

    def same(data: bytes, value: None) -> bool:  # with other text around it
        return x509.load_pem_x509_certificate(data) == x509.load_pem_x509_certificate(found.certificate)

    return Decoder("admission-certificate", [found.certificate], check, same, others, (*TEXT, *BINARY))


def certificates(four: Consortium) -> Iterator[Decoder]:
    home = four.home
    certificate, key = files.read(home.authority_certificate), files.read(home.authority_key)
    tls_key = files.read(four.hospital(NAME).tls_key)
    request = authority.signing_request(tls_key, NAME)
    mixed = (*TEXT, *BINARY)

    def issue(data: bytes) -> bytes:
        return authority.client_certificate(certificate, key, data, NAME)

    def issued(data: bytes, value: bytes) -> bool:
        # Text around the block, and white space in it; nothing but name and key is taken from it.
        assert authority.certificate_name(value) == NAME
        return authority.expires(value) > authority.expires(files.read(home.tls_certificate)).replace(year=2000)

    yield Decoder("signing-request", [request], issue, issued, [request, certificate, tls_key], mixed)
    own = files.read(four.hospital(NAME).tls_certificate)

    def read(data: bytes) -> tuple[str, Any]:
        return authority.subject(data), authority.expires(data)

    def subject(data: bytes, value: tuple[str, Any]) -> bool:
        return value[0].startswith("CN=")

    # Whether it was issued by the authority is for the message server to check.
    yield Decoder("certificate", [own], read, subject, [own, request, certificate, tls_key], mixed)
    wrong = [request, certificate, tls_key]
    yield Decoder("tls-key", [tls_key], authority._key, lambda data, value: value.key_size == 256, wrong, mixed)


# studies


def statements(four: Consortium) -> Iterator[Decoder]:
    folder = four.home.study_folders()[0]
    approved = [files.read(path) for path in sorted((folder / "approvals").glob("*.signed"))]
    offered = approvals.offers(four.hospital(NAME))[0]
    study, home = offered.study, four.hospital(NAME)
    yield Decoder("approval", approved, partial(decisions.open_approval, study=study))
    statement = wire.encode(decisions.Withdrawal(study.digest()))
    withdrawn = home.identity.sign("withdrawal", study.digest(), offered.index, statement)
    yield Decoder("withdrawal", [withdrawn], partial(decisions.open_withdrawal, study=study), others=approved)

    def offer(data: bytes) -> Any:
        found = offer_check.parse(data)
        offer_check.check_offer(home, found, b"")
        roster.rules_of(found, roster.public_scheme(found, b""))
        return found

    def same(data: bytes, found: Any) -> bool:
        return bool(offer_check.parse(found.to_toml().encode()).digest() == found.digest())

    # Another study of this coordinator is right to be shown to people.
    yield Decoder("offer", [study.to_toml().encode()], offer, same, mutations=TEXT)


def refusals(four: Consortium) -> Decoder:
    """refusals/1.json at the coordinator."""
    folder = four.folder / "said"
    path = folder / "refusals" / "1.json"
    path.parent.mkdir(parents=True)
    said = Statements(four.home, folder, approvals.offers(four.hospital(NAME))[0].study, lambda *_: None)

    def read(data: bytes) -> tuple[str, ...]:
        path.write_bytes(data)
        found = said.refused
        if 1 not in found:
            raise WireError("refuses nothing")
        return found[1]

    valid = [json.dumps(names).encode() for names in (["members", "policy"], ["max_rounds"])]
    return Decoder(
        "refusals",
        valid,
        read,
        lambda data, value: set(value) <= {*["members", "policy", "max_rounds"]},
        mutations=TEXT,
    )
