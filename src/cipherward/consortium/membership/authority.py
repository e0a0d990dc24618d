"""The consortium's certificate authority: ECDSA P-256 certificates for the server and for each member.

A member's certificate carries the consortium-wide name and its own serial number in the subject. The server maps the whole
subject to permissions: of all the certificates that a name ever had, only the newest opens its mailbox.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import re
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cipherward.errors import ProtocolError, StorageError

COORDINATOR_NAME = "coordinator"
AUTHORITY_DAYS = 3650
SERVER_DAYS = 825
CLIENT_DAYS = 398
MALFORMED = (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.InvalidVersion)
"""What `cryptography` raises about a certificate, a request or a key that it cannot make sense of."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
_SERIAL = re.compile(r"[0-9a-f]{40}")
_CLOCK_SKEW = datetime.timedelta(minutes=5)


def check_name(name: str, *, reserved: bool = False) -> str:
    """`name` if it can name a member: `[a-z0-9][a-z0-9-]{0,62}`; "coordinator" only where `reserved`.

    Raises:
        ProtocolError: anything else.
    """
    if name in _DEVICES:
        raise ProtocolError(f"{name!r} cannot be the name of a member: no file of this name can be made on Windows")
    if not _NAME.fullmatch(name) or (name == COORDINATOR_NAME and not reserved):
        raise ProtocolError(
            f"{name!r} cannot be the name of a member",
            hint='use small letters, digits and hyphens, at most 63; "coordinator" is reserved',
        )
    return name


def new_tls_key() -> bytes:
    """A fresh P-256 private key as PEM (PKCS#8, not encrypted: store it with mode 0600)."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def create_authority(name: str, *, valid_days: int = AUTHORITY_DAYS) -> tuple[bytes, bytes]:
    """A new authority for the consortium `name`: (certificate PEM, private key PEM)."""
    key_pem = new_tls_key()
    key = _key(key_pem)
    subject = _subject(f"{name} authority"[:64])
    certificate = (
        _builder(subject, subject, key.public_key(), valid_days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _pem(certificate), key_pem


def server_certificate(
    authority_cert: bytes, authority_key: bytes, key_pem: bytes, hosts: Sequence[str], *, valid_days: int = SERVER_DAYS
) -> bytes:
    """The server's certificate (PEM) for the key in `key_pem`, valid for `hosts` (DNS names and IP addresses).

    Servers of a cluster dial one another with it, so it is good for both ends of a connection; its common name is no
    member's, so it opens no mailbox.

    Raises:
        ProtocolError: no host.
        StorageError: the authority's or the server's key cannot be read.
    """
    if not hosts:
        raise ProtocolError("a server certificate needs a host", hint="name the host that hospitals dial")
    names: list[x509.GeneralName] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return _issue(authority_cert, authority_key, "nats server", _key(key_pem).public_key(), valid_days, both, names)


def signing_request(key_pem: bytes, name: str) -> bytes:
    """A certificate signing request (PEM) of `name` for its own key: public parts only.

    Raises:
        ProtocolError: not a member's name.
        StorageError: the key cannot be read.
    """
    key = _key(key_pem)
    request = x509.CertificateSigningRequestBuilder().subject_name(_subject(check_name(name, reserved=True)))
    return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def client_certificate(
    authority_cert: bytes, authority_key: bytes, csr_pem: bytes, name: str, *, valid_days: int = CLIENT_DAYS
) -> bytes:
    """The certificate (PEM) of member `name` for the key of its request. Nothing but the key is taken from the request.

    Raises:
        ProtocolError: malformed, another name, another kind of key, or a signature that does not prove the key.
        StorageError: the authority's key cannot be read.
    """
    check_name(name, reserved=True)
    try:
        request = x509.load_pem_x509_csr(csr_pem)
        names = [attribute.value for attribute in request.subject]
        key = request.public_key()
        genuine = request.is_signature_valid
    except MALFORMED:
        raise ProtocolError(
            "malformed certificate request", hint="ask the hospital to send its request again"
        ) from None
    if not genuine:
        raise ProtocolError("the certificate request is not signed by its own key", hint="ask for a new request")
    if names != [name]:
        raise ProtocolError(
            f"the certificate request is for {', '.join(map(str, names)) or 'nobody'!s}, not for {name}",
            hint="admit the request under the invited name only",
        )
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ProtocolError("the certificate request is not for a P-256 key", hint="ask for a new request")
    return _issue(authority_cert, authority_key, name, key, valid_days, [ExtendedKeyUsageOID.CLIENT_AUTH], [])


def certificate_name(cert_pem: bytes) -> str:
    """The common name of a certificate.

    Raises:
        ProtocolError: not a certificate, or without exactly one common name.
    """
    names = _certificate(cert_pem).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1:
        raise ProtocolError("a certificate without one common name")
    return str(names[0].value)


def subject(cert_pem: bytes) -> str:
    """The subject of a client certificate as the message server maps it: `CN=<name>,OU=<serial number, 40 hex digits>`.

    Raises:
        ProtocolError: not a certificate, or one with another kind of subject.
    """
    name = certificate_name(cert_pem)
    units = _certificate(cert_pem).subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    return check_subject(name, f"CN={name},OU={','.join(str(unit.value) for unit in units)}")


def check_subject(name: str, text: str) -> str:
    """`text` if it can be the subject of a certificate of `name`.

    Raises:
        ProtocolError: anything else.
    """
    start = f"CN={check_name(name, reserved=True)},OU="
    if not text.startswith(start) or not _SERIAL.fullmatch(text.removeprefix(start)):
        raise ProtocolError(
            f"the certificate of {name!r} is of an older kind",
            hint="issue it again: cipherward coordinator invite NAME --renew; the coordinator's own: coordinator renew",
        )
    return text


def expires(cert_pem: bytes) -> datetime.datetime:
    """The last moment (UTC) at which a certificate is valid.

    Raises:
        ProtocolError: not a certificate.
    """
    return _certificate(cert_pem).not_valid_after_utc


def hosts(cert_pem: bytes) -> frozenset[str]:
    """Names and addresses that a server's certificate is for.

    Raises:
        ProtocolError: not a certificate.
    """
    try:
        found = _certificate(cert_pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    names = found.get_values_for_type(x509.DNSName)
    return frozenset((*names, *map(str, found.get_values_for_type(x509.IPAddress))))


def begins(cert_pem: bytes) -> datetime.datetime:
    """The first moment (UTC) at which a certificate is valid.

    Raises:
        ProtocolError: not a certificate.
    """
    return _certificate(cert_pem).not_valid_before_utc


def fingerprint(cert_pem: bytes) -> str:
    """SHA-256 of the certificate, for people: 8 groups of 4 hex digits.

    Raises:
        ProtocolError: not a certificate.
    """
    text = hashlib.sha256(_certificate(cert_pem).public_bytes(serialization.Encoding.DER)).hexdigest()[:32]
    return " ".join(text[i : i + 4] for i in range(0, 32, 4))


def _issue(
    authority_cert: bytes,
    authority_key: bytes,
    name: str,
    key: ec.EllipticCurvePublicKey,
    valid_days: int,
    purposes: list[x509.ObjectIdentifier],
    hosts: list[x509.GeneralName],
) -> bytes:
    issuer, issuer_key = _certificate(authority_cert), _key(authority_key)
    if issuer.public_key() != issuer_key.public_key():
        raise StorageError("the authority's key does not belong to its certificate", hint="restore both from a backup")
    serial = x509.random_serial_number()
    builder = (
        _builder(_subject(name, f"{serial:040x}"), issuer.subject, key, valid_days, serial)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
    return _pem(builder.sign(issuer_key, hashes.SHA256()))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, valid_days: int, serial: int | None = None
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    end = now + datetime.timedelta(days=valid_days)
    start = min(now, end) - _CLOCK_SKEW
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _subject(name: str, unit: str = "") -> x509.Name:
    units = [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit)] if unit else []
    return x509.Name([*units, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _certificate(pem: bytes) -> x509.Certificate:
    try:
        found = x509.load_pem_x509_certificate(pem)
        # Parsed only when asked for, so ask for all that is used.
        _ = found.subject, found.issuer, found.not_valid_before_utc, found.not_valid_after_utc, found.public_key()
        return found
    except MALFORMED:
        raise ProtocolError("malformed certificate", hint="ask for the file again") from None


def _key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, None)
    except MALFORMED:
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise StorageError("a TLS key file does not hold a P-256 key", hint="restore it from a backup")
    return key
