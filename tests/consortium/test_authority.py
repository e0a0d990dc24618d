from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cipherward.consortium.membership import authority
from cipherward.errors import ProtocolError, StorageError

CERT, KEY = authority.create_authority("Consortium")


def request_for(*names: str, key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | None = None) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    key = key or ec.generate_private_key(ec.SECP256R1())
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.PEM)


def test_a_certificate_is_for_the_key_and_name_of_the_request_and_for_clients_only() -> None:
    key = authority.new_tls_key()
    pem = authority.client_certificate(CERT, KEY, authority.signing_request(key, "alpha"), "alpha", valid_days=10)
    loaded = x509.load_pem_x509_certificate(pem)
    loaded.verify_directly_issued_by(x509.load_pem_x509_certificate(CERT))
    assert authority.certificate_name(pem) == "alpha"
    assert authority.subject(pem) == f"CN=alpha,OU={x509.load_pem_x509_certificate(pem).serial_number:040x}"
    assert loaded.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value == x509.ExtendedKeyUsage(
        [ExtendedKeyUsageOID.CLIENT_AUTH]
    )
    assert not loaded.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    left = authority.expires(pem) - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(days=9) < left <= datetime.timedelta(days=10)


@pytest.mark.parametrize("names", [("beta",), ("alpha", "beta"), ("beta", "alpha"), ("Alpha",), (), ("alpha ",)])
def test_a_request_for_another_name_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ProtocolError, match="not for alpha") as caught:
        authority.client_certificate(CERT, KEY, request_for(*names), "alpha")
    assert caught.value.hint


@pytest.mark.parametrize(
    "name", ["", "-alpha", "Alpha", "al.pha", "a>b", "a*", "a b", "ä", "a" * 64, "coordinator", "a\n"]
)
def test_a_name_that_means_something_to_the_server_is_refused(name: str) -> None:
    with pytest.raises(ProtocolError, match="cannot be the name"):
        authority.check_name(name)


def test_a_request_that_asks_to_be_an_authority_gets_no_more_than_others() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alpha")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("coordinator")]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    loaded = x509.load_pem_x509_certificate(authority.client_certificate(CERT, KEY, request, "alpha"))
    assert not loaded.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    with pytest.raises(x509.ExtensionNotFound):
        loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName)


def test_requests_with_other_kinds_of_keys_or_broken_signatures_are_refused() -> None:
    with pytest.raises(ProtocolError, match="P-256"):
        authority.client_certificate(CERT, KEY, request_for("alpha", key=ed25519.Ed25519PrivateKey.generate()), "alpha")
    with pytest.raises(ProtocolError, match="P-256"):
        authority.client_certificate(
            CERT, KEY, request_for("alpha", key=ec.generate_private_key(ec.SECP384R1())), "alpha"
        )
    der = bytearray(x509.load_pem_x509_csr(request_for("alpha")).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    try:
        forged = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM)
    except ValueError:
        forged = b"broken"
    with pytest.raises(ProtocolError):
        authority.client_certificate(CERT, KEY, forged, "alpha")


@pytest.mark.parametrize("data", [b"", b"nonsense", CERT, KEY])
def test_a_request_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="malformed"):
        authority.client_certificate(CERT, KEY, data, "alpha")


def test_an_authority_with_another_ones_key_signs_nothing() -> None:
    other = authority.create_authority("Other")[1]
    with pytest.raises(StorageError, match="does not belong"):
        authority.client_certificate(CERT, other, request_for("alpha"), "alpha")
    with pytest.raises(StorageError, match="P-256"):
        authority.signing_request(b"nonsense", "alpha")


def test_a_server_certificate_names_its_hosts_and_needs_one() -> None:
    pem = authority.server_certificate(CERT, KEY, authority.new_tls_key(), ["hub.example.org", "10.0.0.1", "::1"])
    names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["hub.example.org"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1", "::1"]
    with pytest.raises(ProtocolError, match="host"):
        authority.server_certificate(CERT, KEY, authority.new_tls_key(), [])


def test_fingerprints_differ_and_can_be_read_aloud() -> None:
    other = authority.create_authority("Consortium")[0]
    assert authority.fingerprint(CERT) != authority.fingerprint(other)
    assert len(authority.fingerprint(CERT).split()) == 8
