"""From two empty folders to a member of the consortium, step by step; each step is one command of one party.

1. `create_coordinator`, `create_hospital` make the homes.
2. `invite` (coordinator), `accept_invitation` (hospital: makes its keys), `admit` (coordinator), `accept_admission`
   (hospital). What passes between them is in `invitations`.
3. `revoke` (coordinator). A revoked hospital can be invited again under its name.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import time

import tomli_w
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from cipherward.consortium.approval import policyfile
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.homes.home import prepare
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.membership import addresses, authority, invitations, members, settings_file
from cipherward.consortium.membership.invitations import Admission, Invitation
from cipherward.consortium.membership.members import ACTIVE, REVOKED, Member, MembersList
from cipherward.data.database import Source
from cipherward.errors import ProtocolError, RefusedError, StorageError
from cipherward.store import files

DAY = 86_400
INVITATION_DAYS = 14
_CLUSTER = 3
"""With that many servers that somebody else runs, they are a cluster, and keep that many copies of a mailbox."""


@dataclass(frozen=True)
class Admitted:
    """A new member and the admission file for it."""

    member: Member
    admission: bytes


def create_coordinator(
    path: Path,
    *,
    name: str,
    servers: Sequence[str],
    listen: str,
    hosts: Sequence[str] = (),
    managed: bool = True,
    now: float | None = None,
) -> CoordinatorHome:
    """A consortium of nobody yet: its authority, the coordinator's keys, version 1 of the members list.

    Args:
        path: new or empty folder.
        servers: URLs under which hospitals reach the message server.
        listen: host:port for a managed server.
        hosts: further names and addresses for the server's certificate.

    Raises:
        StorageError, ProtocolError: the folder is not empty, or a URL names no host.
    """
    if not name or len(name) > 63 or not name.isprintable():
        raise ProtocolError(f"{name!r} cannot be a consortium's name", hint="use 1 to 63 printable characters")
    servers = [addresses.url(server) for server in servers]
    hosts = [addresses.host(host) for host in hosts]
    prepare(path)
    with _whole(path):
        return _create_coordinator(path, name, servers, listen, hosts, managed=managed, now=now)


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[None]:
    """A home that cannot be made leaves nothing behind, so that the next try finds an empty folder."""
    try:
        yield
    except BaseException:
        for left in path.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        raise


def _create_coordinator(
    path: Path,
    name: str,
    servers: Sequence[str],
    listen: str,
    hosts: Sequence[str],
    *,
    managed: bool,
    now: float | None,
) -> CoordinatorHome:
    settings = {
        "consortium": name,
        "servers": list(servers),
        "listen": listen,
        "managed": managed,
        "replicas": 1 if managed or len(servers) < _CLUSTER else _CLUSTER,
        "hosts": list(hosts),
    }
    files.write(path / "identity.key", os.urandom(32), private=True)
    certificate, key = authority.create_authority(name)
    files.write(path / "authority.key", key, private=True)
    files.write(path / "authority.crt", certificate)
    head = "# The consortium, as the coordinator runs it. docs/operations.md explains every line.\n"
    files.write(path / "consortium.toml", (head + tomli_w.dumps(settings)).encode())
    home = CoordinatorHome(path)
    renew(home)
    home.publish(members.first(home.consortium_id, _seconds(now)))
    home.log("consortium created", {"consortium": name})
    return home


def create_hospital(path: Path, *, data: Source) -> HospitalHome:
    """A hospital's home before it belongs to anything: where its table is, its policy, its identity key.

    Raises:
        StorageError: the folder is not empty.
        DataError: there is no such table, or the database's URL is none or holds a password. Nothing is asked of it.
    """
    settings = settings_file.data_settings(data)
    prepare(path)
    files.write(path / "identity.key", os.urandom(32), private=True)
    files.write(path / "policy.toml", policyfile.DEFAULT.encode())
    files.write(path / "hospital.toml", settings_file.before(settings).encode())
    home = HospitalHome(path)
    home.log("home created", {})
    return home


def invite(
    home: CoordinatorHome, name: str, *, days: int = INVITATION_DAYS, renew: bool = False, now: float | None = None
) -> bytes:
    """An invitation file with a fresh one-time token; an earlier invitation of that name is void. Only the token's
    digest is kept. `renew`: to an active member, who gets a new certificate for the identity key that it has.

    Raises:
        ProtocolError: not a possible name.
        RefusedError: an active member has that name, or, to `renew`, none has.
    """
    authority.check_name(name)
    known = home.members.find(name)
    if renew and not (known and known.is_active):
        raise RefusedError(f"{name} is not an active member", hint="to admit it: invite it without --renew")
    if known and known.is_active and not renew:
        raise RefusedError(
            f"{name} is a member already",
            hint=f"to replace its keys: cipherward coordinator revoke {name}, then invite",
        )
    token = os.urandom(invitations.TOKEN_BYTES)
    expires = _seconds(now) + days * DAY
    kept = {"token_key": invitations.token_key(token).hex(), "expires": expires, "used": False}
    files.write(_invitation_file(home, name), tomli_w.dumps(kept).encode(), private=True)
    until = f"{datetime.fromtimestamp(expires, UTC):%Y-%m-%d %H:%M} UTC"
    home.log("invited", {"hospital": name, "expires": until})
    invitation = Invitation(
        home.consortium,
        home.servers,
        files.read(home.authority_certificate),
        home.coordinator_key,
        name,
        token,
        expires,
    )
    return invitations.write_invitation(home.identity, invitation)


def accept_invitation(home: HospitalHome, text: bytes, *, now: float | None = None) -> bytes:
    """Make a new TLS key, note consortium and coordinator, and write the request; the keys stay here. At a renewal the old
    key is in use until the certificate for the new one is there.

    Raises:
        WireError, ProtocolError: the invitation is damaged or altered.
        RefusedError: it has expired, or this home belongs to another consortium or name.
    """
    invitation = invitations.read_invitation(text)
    if _seconds(now) > invitation.expires:
        raise RefusedError("the invitation has expired", hint="ask the coordinator for a new one")
    if home.is_enrolled and (home.name != invitation.name or home.consortium_id != invitation.consortium_id):
        raise RefusedError(
            f"this home is that of {home.name} in the consortium {home.consortium}; the invitation is for "
            f"{invitation.name} in {invitation.consortium}",
            hint="make another folder for another membership: cipherward hospital init DIR --data TABLE",
        )
    key = _asked_for(home)
    files.write(home.authority_certificate, invitation.authority)
    _write_settings(home, invitation)
    request = authority.signing_request(key, invitation.name)
    home.log("invitation accepted", {"consortium": invitation.consortium, "name": invitation.name})
    return invitations.write_request(home.identity, invitation, request)


def admit(home: CoordinatorHome, text: bytes, *, now: float | None = None) -> Admitted:
    """Check a request against its invitation, issue the certificate, and publish the next version of the members list.

    Raises:
        WireError, ProtocolError: damaged, altered, or not for this consortium.
        RefusedError: not invited, the token is used, expired or another; logged as an alarm.
    """
    request = invitations.read_request(text, home.consortium_id)
    current = home.members
    try:
        kept = _open_invitation(home, request.name, _seconds(now))
        invitations.check_proof(request, kept)
        if any(m.public_key == request.public_key and m.name != request.name for m in current.members):
            raise RefusedError(f"the request of {request.name} announces the identity key of another member")
        known = current.find(request.name)
        if known and known.is_active and known.public_key != request.public_key:
            raise RefusedError(
                f"{request.name} is a member with another identity key",
                hint=f"if it lost its keys: cipherward coordinator revoke {request.name}, then invite it",
            )
    except RefusedError as error:
        home.alarm("request refused", {"hospital": request.name, "reason": error.message})
        raise
    certificate = authority.client_certificate(
        files.read(home.authority_certificate), files.read(home.authority_key), request.signing_request, request.name
    )
    member = Member(request.name, request.public_key, _digest(certificate), ACTIVE)
    _mark_used(home, request.name)  # first: a crash in between costs a new invitation, never a second admission
    files.write(home.certificate(request.name), certificate)
    home.publish(members.successor(current, member, _seconds(now)))
    home.log("admitted", {"hospital": request.name, "identity": member.fingerprint, "version": current.version + 1})
    admission = Admission(home.consortium_id, request.name, request.public_key, certificate, home.chain())
    return Admitted(member, invitations.write_admission(home.identity, admission, home.consortium))


def accept_admission(home: HospitalHome, text: bytes) -> Admission:
    """Check that the admission is from this coordinator and for this hospital's own keys; keep the certificate.

    Raises:
        WireError, ProtocolError: damaged, forged, or for other keys; logged as an alarm, nothing was kept.
        RefusedError: this hospital has not accepted an invitation.
    """
    if not home.settings.get("name"):
        raise RefusedError("this hospital has not accepted an invitation", hint="give the invitation file first")
    try:
        admission = invitations.read_admission(text, home.consortium_id, home.coordinator_key)
        key = _check_admission(home, admission)
    except ProtocolError as error:
        home.alarm("admission refused", {"reason": error.message})
        raise
    home.receive_members(admission.members)
    # The certificate first: a stop in between is put right by giving the admission again, since the new key is still there.
    files.write(home.tls_certificate, admission.certificate)
    files.write(home.tls_key, key, private=True)
    if home.next_tls_key.exists() and files.read(home.next_tls_key) == key:
        files.remove(home.next_tls_key)
    home.log("admitted", {"name": admission.name, "certificate": authority.fingerprint(admission.certificate)})
    return admission


def revoke(home: CoordinatorHome, name: str, *, now: float | None = None) -> MembersList:
    """Publish a version in which `name` is revoked. The server's permissions must be rewritten after it.

    Raises:
        RefusedError: no active member has that name.
    """
    current = home.members
    member = current.find(name)
    if member is None or not member.is_active:
        listed = ", ".join(each.name for each in current.active) or "none"
        raise RefusedError(f"{name!r} is not an active member", hint=f"active members: {listed}")
    following = members.successor(current, Member(name, member.public_key, member.certificate, REVOKED), _seconds(now))
    home.publish(following)
    home.log("revoked", {"hospital": name, "version": following.version})
    return following


def renew(home: CoordinatorHome) -> None:
    """Fresh keys and certificates for the message server and the coordinator's own connection."""
    certificate, key = files.read(home.authority_certificate), files.read(home.authority_key)
    server_key, own_key = authority.new_tls_key(), authority.new_tls_key()
    request = authority.signing_request(own_key, home.name)
    issued = authority.server_certificate(certificate, key, server_key, home.hosts)
    own = authority.client_certificate(certificate, key, request, home.name)
    files.write(home.server_key, server_key, private=True)
    files.write(home.server_certificate, issued)
    files.write(home.tls_key, own_key, private=True)
    files.write(home.tls_certificate, own)
    home.log("certificates renewed", {})


def _asked_for(home: HospitalHome) -> bytes:
    """The key for which a certificate is asked: made now, or at an earlier request that was not answered."""
    path = home.next_tls_key if home.tls_certificate.exists() else home.tls_key
    in_use = files.read(home.tls_key) if path == home.next_tls_key and home.tls_key.exists() else b""
    if not path.exists() or files.read(path) == in_use:
        files.write(path, authority.new_tls_key(), private=True)
    return files.read(path)


def _check_admission(home: HospitalHome, admission: Admission) -> bytes:
    """The key that the certificate is for. Raises ProtocolError."""
    elsewhere = "the admission is for other keys than this hospital's"
    if admission.name != home.name or admission.public_key != home.identity.public_key:
        raise ProtocolError(elsewhere, hint="give this hospital's own admission file, or enroll again")
    try:
        certificate = x509.load_pem_x509_certificate(admission.certificate)
        issuer = x509.load_pem_x509_certificate(files.read(home.authority_certificate))
        certificate.verify_directly_issued_by(issuer)
        own = [files.read(path) for path in (home.next_tls_key, home.tls_key) if path.exists()]
        keys = [
            key for key in own if certificate.public_key() == serialization.load_pem_private_key(key, None).public_key()
        ]
    except authority.MALFORMED:
        raise ProtocolError(
            "the certificate in the admission is not one of the consortium's authority", hint="ask the coordinator"
        ) from None
    if not keys or authority.certificate_name(admission.certificate) != home.name:
        raise ProtocolError(elsewhere, hint="give this hospital's own admission file, or enroll again")
    newest = members.open_chain(admission.members, home.consortium_id, home.coordinator_key)[-1]
    expected = Member(home.name, home.identity.public_key, _digest(admission.certificate), ACTIVE)
    if newest.find(home.name) != expected:
        raise ProtocolError("the members list in the admission does not list this hospital as admitted")
    return keys[0]


def _open_invitation(home: CoordinatorHome, name: str, now: int) -> bytes:
    path = _invitation_file(home, name)
    if not path.exists():
        raise RefusedError(f"{name} is not invited", hint=f"cipherward coordinator invite {name}")
    kept = _read_invitation(path)
    if kept["used"]:
        raise RefusedError(
            f"the invitation of {name} has been used",
            hint="a token works once; invite the hospital again if it lost keys",
        )
    if now > int(kept["expires"]):
        raise RefusedError(f"the invitation of {name} has expired", hint=f"cipherward coordinator invite {name}")
    return bytes.fromhex(kept["token_key"])


def _mark_used(home: CoordinatorHome, name: str) -> None:
    path = _invitation_file(home, name)
    files.write(path, tomli_w.dumps(_read_invitation(path) | {"used": True}).encode(), private=True)


def _read_invitation(path: Path) -> dict[str, str]:
    try:
        kept = files.toml_table(files.read(path))
        if len(bytes.fromhex(kept["token_key"])) == 32 and isinstance(kept["used"], bool) and int(kept["expires"]) > 0:
            return kept
    except (ValueError, KeyError, TypeError, OverflowError):
        pass
    raise StorageError(f"{path} is damaged", hint="restore it from a backup, or invite the hospital again")


def _invitation_file(home: CoordinatorHome, name: str) -> Path:
    return home.path / "invitations" / f"{authority.check_name(name)}.toml"


def _write_settings(home: HospitalHome, invitation: Invitation) -> None:
    text = settings_file.enrolled(invitation, home.device, home.data_settings, home.register_settings)
    files.write(home.path / home.settings_file, text.encode())
    home.settings = tomllib.loads(text)


def _digest(certificate: bytes) -> bytes:
    return x509.load_pem_x509_certificate(certificate).fingerprint(hashes.SHA256())


def _seconds(now: float | None) -> int:
    return int(time() if now is None else now)
