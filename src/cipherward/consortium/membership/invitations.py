"""How a hospital joins: three files that people carry, and fingerprints that people compare by phone.

1. The coordinator's *invitation* names the consortium, its servers, certificate authority and public key, the hospital,
   and a one-time token. It is the only one that must be handed over privately.
2. The hospital's *request* holds public parts only: its identity key, a signing request for its TLS key, and proofs that
   it has both keys and the token. The token itself is not in it.
3. The coordinator's *admission* holds the TLS certificate and the members list.

The files are text with one line that says what they are, so that mail and chat do not break them. Reading one gives
exactly what was written, or an error.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from cipherward.consortium.membership.authority import check_name
from cipherward.consortium.membership.members import MAX_CHAIN_BYTES, consortium_id
from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR, Identity, Signed, open_signed
from cipherward.crypto.signatures import KEY_BYTES
from cipherward.errors import ProtocolError, RefusedError, WireError

Kind = Literal["invitation", "request", "admission", "members"]
KINDS: tuple[Kind, ...] = ("invitation", "request", "admission", "members")
TOKEN_BYTES = 32
MAX_FILE_BYTES = 2 * MAX_CHAIN_BYTES
_APPLICANT = 1
_MAX_PEM = 16_384
_MAX_SERVERS, _MAX_TEXT = 16, 255

_SAYS: dict[Kind, str] = {
    "invitation": "CONFIDENTIAL until used: it holds a one-time token. Give it to the hospital's IT privately.",
    "request": "Public parts only. Send it back to the coordinator.",
    "admission": "Nothing secret. Give it to the hospital's IT.",
    "members": "The consortium's members, signed by the coordinator. Nothing secret.",
}
_DASHES = b"-----"
_BEGIN, _END = b"-----BEGIN CIPHERWARD ", b"-----END CIPHERWARD "
T = TypeVar("T")


@dataclass(frozen=True)
class Invitation:
    """`authority` is the CA certificate (PEM), `expires` Unix seconds, `token` 32 random bytes."""

    consortium: str
    servers: tuple[str, ...]
    authority: bytes
    coordinator_key: bytes
    name: str
    token: bytes = field(repr=False)
    expires: int

    @property
    def consortium_id(self) -> bytes:
        return consortium_id(self.consortium, self.coordinator_key)


@dataclass(frozen=True)
class Request:
    """A hospital's public parts: Ed25519 key (32 bytes), TLS signing request (PEM), proof that it holds the token."""

    consortium: bytes
    name: str
    public_key: bytes
    signing_request: bytes
    token_proof: bytes


@dataclass(frozen=True)
class Admission:
    """The certificate (PEM) for exactly the keys of the request, and the members list as a chain of signed versions."""

    consortium: bytes
    name: str
    public_key: bytes
    certificate: bytes
    members: bytes


def write_invitation(identity: Identity, invitation: Invitation) -> bytes:
    """The invitation as a text file, signed by the coordinator."""
    body = wire.encode(invitation)
    signed = identity.sign("invitation", invitation.consortium_id, COORDINATOR, body)
    return armour("invitation", f"of {invitation.name} to the consortium {invitation.consortium}", signed)


def read_invitation(text: bytes) -> Invitation:
    """An invitation file. The signature binds its parts together; who signed is for people to compare by phone.

    Raises:
        WireError, ProtocolError: damaged, altered, or not an invitation.
    """
    with _reading("invitation"):
        return _invitation(dearmour("invitation", text))


def _invitation(signed: bytes) -> Invitation:
    invitation = _body(Invitation, signed)
    texts = (invitation.consortium, *invitation.servers)
    check_name(invitation.name)
    if (
        len(invitation.coordinator_key) != KEY_BYTES
        or len(invitation.token) != TOKEN_BYTES
        or not 1 <= len(invitation.servers) <= _MAX_SERVERS
        or not all(1 <= len(text) <= _MAX_TEXT and text.isprintable() for text in texts)
        or len(invitation.authority) > _MAX_PEM
    ):
        raise ProtocolError("the invitation is not complete", hint="ask the coordinator for a new one")
    keys = {COORDINATOR: invitation.coordinator_key}
    open_signed(signed, study=invitation.consortium_id, keys=keys, kind="invitation")
    return invitation


def token_key(token: bytes) -> bytes:
    """What the coordinator keeps of a token: its digest, 32 bytes, with which it checks a request's proof."""
    return digest("invitation-token", token)


def write_request(identity: Identity, invitation: Invitation, signing_request: bytes) -> bytes:
    """The request as a text file, signed with the identity key that it announces."""
    unproved = Request(invitation.consortium_id, invitation.name, identity.public_key, signing_request, b"")
    proof = _proof(token_key(invitation.token), unproved)
    request = Request(
        unproved.consortium, unproved.name, unproved.public_key, unproved.signing_request, token_proof=proof
    )
    signed = identity.sign("request", request.consortium, _APPLICANT, wire.encode(request))
    return armour("request", f"of {request.name} to join the consortium {invitation.consortium}", signed)


def read_request(text: bytes, consortium: bytes) -> Request:
    """A request file: well formed, for this consortium, signed with the key that it announces.

    Raises:
        WireError, ProtocolError: damaged, altered, or for another consortium.
    """
    with _reading("request"):
        return _request(dearmour("request", text), consortium)


def _request(signed: bytes, consortium: bytes) -> Request:
    request = _body(Request, signed)
    check_name(request.name)
    if len(request.public_key) != KEY_BYTES or len(request.signing_request) > _MAX_PEM:
        raise ProtocolError("the request is not complete", hint="ask the hospital to enroll again")
    if request.consortium != consortium:
        raise ProtocolError("the request is for another consortium", hint="the hospital used another invitation")
    open_signed(signed, study=consortium, keys={_APPLICANT: request.public_key}, kind="request")
    return request


def check_proof(request: Request, key: bytes) -> None:
    """Raises RefusedError unless the request was made with the invitation's token (`key`: its `token_key`)."""
    if not hmac.compare_digest(request.token_proof, _proof(key, request)):
        raise RefusedError(
            f"the request of {request.name!r} was not made with the token of its invitation",
            hint="ask the hospital by phone; invite it again if need be",
            culprit=request.name,
        )


def write_admission(identity: Identity, admission: Admission, consortium: str) -> bytes:
    """The admission as a text file, signed by the coordinator."""
    signed = identity.sign("admission", admission.consortium, COORDINATOR, wire.encode(admission))
    return armour("admission", f"of {admission.name} to the consortium {consortium}", signed)


def read_admission(text: bytes, consortium: bytes, coordinator_key: bytes) -> Admission:
    """An admission file: well formed and signed by this coordinator for this consortium.

    Raises:
        WireError, ProtocolError: damaged, altered, or of another coordinator.
    """
    with _reading("admission"):
        return _admission(dearmour("admission", text), consortium, coordinator_key)


def _admission(signed: bytes, consortium: bytes, coordinator_key: bytes) -> Admission:
    opened = open_signed(signed, study=consortium, keys={COORDINATOR: coordinator_key}, kind="admission")
    admission = wire.decode(Admission, opened.body)
    if admission.consortium != consortium or len(admission.certificate) > _MAX_PEM:
        raise ProtocolError("the admission contradicts itself", hint="ask the coordinator for a new one")
    return admission


def armour(kind: Kind, what: str, data: bytes) -> bytes:
    """Bytes as a text file that mail does not break."""
    lines = textwrap.wrap(base64.b64encode(data).decode(), 64)
    label = f"CIPHERWARD {kind.upper()}"
    head = f"This is the {kind} {what}.\n{_SAYS[kind]}\n\n"
    return (head + "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"]) + "\n").encode()


def kind_of(text: bytes) -> Kind:
    """Which of the files this is.

    Raises:
        WireError: none of them, damaged, or too large.
    """
    label = _block(text)[0]
    for kind in KINDS:
        if kind.upper().encode() == label:
            return kind
    raise WireError("a file of an unknown kind", hint="a newer version of cipherward may have written it")


def dearmour(kind: Kind, text: bytes) -> bytes:
    """The bytes that `armour` wrote, whatever stands around the block.

    Raises:
        WireError: not such a file, damaged, or too large.
    """
    found = kind_of(text)
    if found != kind:
        article = "an" if found[0] in "ai" else "a"
        raise WireError(f"this is {article} {found} file; needed: the {kind}", hint="give that file")
    content = _block(text)[1]
    try:
        data = base64.b64decode(content, validate=True)
    except binascii.Error:
        data = b""
    if not data or base64.b64encode(data) != content:
        raise WireError(f"the {kind} file is damaged", hint="copy it again, whole and unchanged")
    return data


@contextlib.contextmanager
def _reading(kind: Kind) -> Iterator[None]:
    """What is wrong inside a file, in words for whoever carries it."""
    try:
        yield
    except (WireError, ProtocolError) as error:
        if error.hint:
            raise
        raise type(error)(
            f"the {kind} is damaged, altered, or from somebody else: {error.message}",
            hint="copy the file again, whole and unchanged; if that does not help, ask its sender by phone",
        ) from None


def _block(text: bytes) -> tuple[bytes, bytes]:
    """Label and content of the one block in a file. Mail may add lines around it and white space to its lines."""
    if len(text) > MAX_FILE_BYTES:
        raise WireError(f"a file of {len(text)} bytes is too large (at most {MAX_FILE_BYTES})")
    lines = [line.strip() for line in text.splitlines()]
    starts = [i for i, line in enumerate(lines) if line.startswith(_BEGIN)]
    ends = [i for i, line in enumerate(lines) if line.startswith(_END)]
    if len(starts) == len(ends) == 1 and starts[0] < ends[0]:
        label = lines[starts[0]].removeprefix(_BEGIN)
        if lines[ends[0]] == _END + label:
            return label.removesuffix(_DASHES), b"".join(lines[starts[0] + 1 : ends[0]])
    raise WireError(
        "not a cipherward invitation, request, admission or members file, or damaged",
        hint="give the file as it was written, with its BEGIN and END lines",
    )


def _body(kind: type[T], signed: bytes) -> T:
    return wire.decode(kind, wire.decode(Signed, signed).body)


def _proof(key: bytes, request: Request) -> bytes:
    parts = (request.consortium, request.name.encode(), request.public_key, request.signing_request)
    return hmac.new(key, digest("invitation-proof", *parts), hashlib.sha256).digest()
