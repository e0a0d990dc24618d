"""Joining and leaving: one token, own keys only, nothing secret in what is carried."""

from __future__ import annotations

import ssl
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.consortium.enrolled import NOW, Consortium, alarms, coordinator, hospital, join

from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.membership import authority, enrolment, invitations, members
from cipherward.consortium.membership.invitations import Admission
from cipherward.crypto.identity import Identity
from cipherward.errors import CipherwardError, DataError, ProtocolError, RefusedError, StorageError, WireError
from cipherward.store import files


@pytest.fixture
def home(tmp_path: Path) -> CoordinatorHome:
    return coordinator(tmp_path / "c")


@pytest.fixture
def own(tmp_path: Path) -> HospitalHome:
    return hospital(tmp_path / "h")


def test_after_the_three_files_both_sides_know_the_same_member(home: CoordinatorHome, own: HospitalHome) -> None:
    join(home, own, "north")
    opened = HospitalHome(own.path)
    assert (opened.name, opened.consortium, opened.is_enrolled) == ("north", "icu-net", True)
    assert opened.coordinator_key == home.coordinator_key
    assert opened.consortium_id == home.consortium_id
    assert opened.servers == home.servers
    member = home.members.find("north")
    assert member is not None
    assert member.public_key == opened.identity.public_key
    certificate = opened.tls_certificate.read_bytes()
    assert authority.certificate_name(certificate) == "north"
    assert members.grouped(member.certificate) == authority.fingerprint(certificate)


def test_a_token_works_once(home: CoordinatorHome, own: HospitalHome) -> None:
    request = enrolment.accept_invitation(own, enrolment.invite(home, "north"))
    enrolment.admit(home, request)
    with pytest.raises(RefusedError, match="has been used"):
        enrolment.admit(home, request)
    assert home.members.version == 2
    assert alarms(home) == ["request refused"]


def test_one_invitation_admits_one_of_two_who_hold_it(home: CoordinatorHome, own: HospitalHome, tmp_path: Path) -> None:
    invitation = enrolment.invite(home, "north")
    first = enrolment.accept_invitation(own, invitation)
    second = enrolment.accept_invitation(hospital(tmp_path / "thief"), invitation)
    enrolment.admit(home, second)
    with pytest.raises(RefusedError, match="has been used"):
        enrolment.admit(home, first)


def test_an_expired_invitation_is_refused_on_both_sides(home: CoordinatorHome, own: HospitalHome) -> None:
    invitation = enrolment.invite(home, "north", days=1, now=NOW)
    with pytest.raises(RefusedError, match="expired"):
        enrolment.accept_invitation(own, invitation, now=NOW + enrolment.DAY + 1)
    request = enrolment.accept_invitation(own, invitation, now=NOW)
    with pytest.raises(RefusedError, match="expired"):
        enrolment.admit(home, request, now=NOW + enrolment.DAY + 1)
    enrolment.admit(home, request, now=NOW + enrolment.DAY)


def test_a_second_invitation_makes_the_first_void(home: CoordinatorHome, own: HospitalHome) -> None:
    old = enrolment.accept_invitation(own, enrolment.invite(home, "north"))
    new = enrolment.accept_invitation(own, enrolment.invite(home, "north"))
    with pytest.raises(RefusedError, match="not made with the token"):
        enrolment.admit(home, old)
    enrolment.admit(home, new)


def test_nobody_is_admitted_under_a_name_that_was_not_invited(home: CoordinatorHome, own: HospitalHome) -> None:
    other = coordinator(own.path.parent / "other")
    with pytest.raises(ProtocolError, match="another consortium"):
        enrolment.admit(home, enrolment.accept_invitation(own, enrolment.invite(other, "north")))
    stranger = Identity(b"\x09" * 32)
    invitation = invitations.read_invitation(enrolment.invite(home, "north"))
    file = home.path / "invitations" / "north.toml"
    file.unlink()
    csr = authority.signing_request(authority.new_tls_key(), "north")
    with pytest.raises(RefusedError, match="north is not invited"):
        enrolment.admit(home, invitations.write_request(stranger, invitation, csr))


def test_a_request_whose_certificate_is_for_another_name_is_refused(home: CoordinatorHome) -> None:
    invitation = invitations.read_invitation(enrolment.invite(home, "north"))
    for name in ("south", "coordinator"):
        csr = authority.signing_request(authority.new_tls_key(), name)
        with pytest.raises(ProtocolError, match="not for north"):
            enrolment.admit(home, invitations.write_request(Identity(b"\x09" * 32), invitation, csr))
    assert home.members.active == ()


def test_the_identity_key_of_one_member_cannot_join_under_a_second_name(home: CoordinatorHome) -> None:
    identity = Identity(b"\x09" * 32)
    texts = []
    for name in ("north", "south"):
        invitation = invitations.read_invitation(enrolment.invite(home, name))
        csr = authority.signing_request(authority.new_tls_key(), name)
        texts.append(invitations.write_request(identity, invitation, csr))
    enrolment.admit(home, texts[0])
    with pytest.raises(RefusedError, match="identity key of another member"):
        enrolment.admit(home, texts[1])


def test_an_admission_for_other_keys_or_another_hospital_is_refused_and_alarmed(tmp_path: Path) -> None:
    home = coordinator(tmp_path / "c")
    north, south = hospital(tmp_path / "n"), hospital(tmp_path / "s")
    texts = {}
    for name, each in (("north", north), ("south", south)):
        request = enrolment.accept_invitation(each, enrolment.invite(home, name))
        texts[name] = enrolment.admit(home, request).admission
    with pytest.raises(ProtocolError, match="other keys"):
        enrolment.accept_admission(south, texts["north"])
    lost = hospital(tmp_path / "again")
    enrolment.accept_invitation(lost, enrolment.invite(coordinator(tmp_path / "c2"), "north"))
    with pytest.raises(ProtocolError):
        enrolment.accept_admission(lost, texts["north"])
    assert alarms(south) == alarms(lost) == ["admission refused"]
    assert not south.is_enrolled
    enrolment.accept_admission(north, texts["north"])


def test_a_forged_admission_is_refused_however_it_is_forged(home: CoordinatorHome, own: HospitalHome) -> None:
    request = enrolment.accept_invitation(own, enrolment.invite(home, "north"))
    read = invitations.read_request(request, home.consortium_id)
    good = enrolment.admit(home, request)
    honest = invitations.read_admission(good.admission, home.consortium_id, home.coordinator_key)
    foreign_certificate, foreign_key = authority.create_authority("icu-net")
    foreign = authority.client_certificate(foreign_certificate, foreign_key, read.signing_request, "north")
    other_key = authority.signing_request(authority.new_tls_key(), "north")
    elsewhere = authority.client_certificate(
        home.authority_certificate.read_bytes(), home.authority_key.read_bytes(), other_key, "north"
    )
    without = members.pack_chain((members.sign(home.identity, members.first(home.consortium_id, 1)),))
    for change in (
        {"certificate": foreign},
        {"certificate": elsewhere},
        {"certificate": b"nonsense"},
        {"members": without},
    ):
        forged = Admission(**{**honest.__dict__, **change})
        with pytest.raises((ProtocolError, WireError)):
            enrolment.accept_admission(own, invitations.write_admission(home.identity, forged, "icu-net"))
    with pytest.raises(ProtocolError, match="forged"):
        enrolment.accept_admission(own, invitations.write_admission(Identity(bytes(32)), honest, "icu-net"))
    assert not own.is_enrolled
    enrolment.accept_admission(own, good.admission)


def test_an_admission_before_any_invitation_says_what_comes_first(home: CoordinatorHome, tmp_path: Path) -> None:
    own = hospital(tmp_path / "h")
    request = enrolment.accept_invitation(own, enrolment.invite(home, "north"))
    text = enrolment.admit(home, request).admission
    with pytest.raises(RefusedError, match="has not accepted an invitation"):
        enrolment.accept_admission(hospital(tmp_path / "h2"), text)


def test_a_revoked_hospital_is_out_and_can_join_again_with_other_keys(tmp_path: Path) -> None:
    everyone = Consortium(tmp_path, 3)
    home = everyone.coordinator
    others = [m for m in home.members.members if m.name != "clinic-2"]
    earlier = home.users()
    enrolment.revoke(home, "clinic-2")
    assert [m.name for m in home.members.active] == ["clinic-1", "clinic-3"]
    assert set(home.users()) == set(earlier) - {"clinic-2"}
    with pytest.raises(RefusedError, match="not an active member"):
        enrolment.revoke(home, "clinic-2")
    join(home, hospital(tmp_path / "new-2"), "clinic-2")
    assert {name for name, subject in home.users().items() if earlier[name] != subject} == {"clinic-2"}
    everyone.first.receive_members(home.chain())
    kinds = [(c.kind, c.member.name) for c in members.changes(everyone.first.confirmed, home.members)]
    assert kinds == [("new identity key", "clinic-2")]
    assert [m for m in home.members.members if m.name != "clinic-2"] == others


def test_an_active_member_is_not_invited_again(tmp_path: Path) -> None:
    everyone = Consortium(tmp_path, 3)
    with pytest.raises(RefusedError, match="is a member already"):
        enrolment.invite(everyone.coordinator, "clinic-1")


def test_a_certificate_is_renewed_for_the_same_identity_only(tmp_path: Path) -> None:
    everyone = Consortium(tmp_path, 3)
    home, own = everyone.coordinator, everyone.first
    before, identity = own.tls_certificate.read_bytes(), own.identity.public_key
    invitation = enrolment.invite(home, "clinic-1", renew=True)
    thief = enrolment.accept_invitation(hospital(tmp_path / "thief"), invitation)
    with pytest.raises(RefusedError, match="another identity key"):
        enrolment.admit(home, thief)
    enrolment.accept_admission(own, enrolment.admit(home, enrolment.accept_invitation(own, invitation)).admission)
    assert own.tls_certificate.read_bytes() != before
    assert [c.kind for c in members.changes(own.confirmed, home.members)] == ["new certificate"]
    assert own.identity.public_key == identity
    with pytest.raises(RefusedError, match="not an active member"):
        enrolment.invite(home, "clinic-9", renew=True)


def fits(own: HospitalHome) -> bool:
    """Whether a server's connection can be made of the TLS key and the certificate."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(own.tls_certificate, own.tls_key)
    except ssl.SSLError:
        return False
    return True


def test_a_renewal_makes_a_new_tls_key_and_the_old_one_serves_until_the_certificate_comes(tmp_path: Path) -> None:
    everyone = Consortium(tmp_path, 3)
    home, own = everyone.coordinator, everyone.first
    key, certificate = own.tls_key.read_bytes(), own.tls_certificate.read_bytes()
    enrolment.accept_invitation(own, enrolment.invite(home, "clinic-1", renew=True))
    waiting = own.next_tls_key.read_bytes()
    assert waiting != key
    assert own.next_tls_key.stat().st_mode & 0o077 == 0
    assert own.next_tls_key in own.secret_files()
    assert (own.tls_key.read_bytes(), own.tls_certificate.read_bytes()) == (key, certificate)
    # The request was lost: a second invitation asks for the same key.
    request = enrolment.accept_invitation(own, enrolment.invite(home, "clinic-1", renew=True))
    assert own.next_tls_key.read_bytes() == waiting
    admission = enrolment.admit(home, request).admission
    enrolment.accept_admission(own, admission)
    assert own.tls_key.read_bytes() == waiting
    assert own.tls_key.stat().st_mode & 0o077 == 0
    assert not own.next_tls_key.exists()
    assert own.tls_certificate.read_bytes() != certificate
    assert fits(own)
    enrolment.accept_admission(own, admission)  # given again: nothing changes
    assert (own.tls_key.read_bytes(), fits(own)) == (waiting, True)
    enrolment.accept_invitation(own, enrolment.invite(home, "clinic-1", renew=True))
    third = own.next_tls_key.read_bytes()
    assert third not in (key, waiting)
    enrolment.accept_admission(own, admission)  # an old one does not take away the key that another was asked for
    assert (own.next_tls_key.read_bytes(), fits(own)) == (third, True)


@pytest.mark.parametrize("stops_at", ["tls.key", "tls-next.key"])
def test_a_renewal_that_was_cut_off_is_put_right_by_giving_the_admission_again(
    tmp_path: Path, stops_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    everyone = Consortium(tmp_path, 3)
    home, own = everyone.coordinator, everyone.first
    request = enrolment.accept_invitation(own, enrolment.invite(home, "clinic-1", renew=True))
    admission = enrolment.admit(home, request).admission

    def stops(name: str) -> Callable[..., None]:
        honest = getattr(files, name)

        def stop(path: Path, *given: object, **options: object) -> None:
            if path.name == stops_at:
                raise StorageError("the power went out")
            honest(path, *given, **options)

        return stop

    with monkeypatch.context() as patch:
        for name in ("write", "remove"):
            patch.setattr(files, name, stops(name))
        with pytest.raises(StorageError, match="the power went out"):
            enrolment.accept_admission(own, admission)
    enrolment.accept_admission(own, admission)
    assert fits(own)
    assert not own.next_tls_key.exists()


def test_the_servers_own_certificates_are_renewed_for_the_same_hosts(home: CoordinatorHome) -> None:
    before = home.server_certificate.read_bytes(), home.server_key.read_bytes(), home.tls_certificate.read_bytes()
    enrolment.renew(home)
    after = home.server_certificate.read_bytes(), home.server_key.read_bytes(), home.tls_certificate.read_bytes()
    assert all(old != new for old, new in zip(before, after, strict=True))
    assert authority.certificate_name(home.tls_certificate.read_bytes()) == "coordinator"
    assert b"localhost" in ssl.PEM_cert_to_DER_cert(after[0].decode())


@pytest.mark.parametrize("name", ["coordinator", "North", "a b", "", "../x", "a" * 64])
def test_a_name_that_cannot_be_a_mailbox_is_not_invited(home: CoordinatorHome, name: str) -> None:
    with pytest.raises(ProtocolError):
        enrolment.invite(home, name)


def test_a_member_does_not_slip_into_another_consortium(tmp_path: Path) -> None:
    everyone = Consortium(tmp_path, 3)
    before = (everyone.first.path / "hospital.toml").read_bytes()
    foreign = enrolment.invite(coordinator(tmp_path / "other", "elsewhere"), "clinic-1")
    with pytest.raises(RefusedError, match="this home is that of"):
        enrolment.accept_invitation(everyone.first, foreign)
    assert (everyone.first.path / "hospital.toml").read_bytes() == before


# files


def test_secrets_are_readable_by_their_owner_only_and_leave_in_no_file(tmp_path: Path) -> None:
    home, own = coordinator(tmp_path / "c"), hospital(tmp_path / "h")
    invitation = enrolment.invite(home, "north")
    request = enrolment.accept_invitation(own, invitation)
    admission = enrolment.admit(home, request).admission
    enrolment.accept_admission(own, admission)
    carried = home.chain() + invitations.dearmour("invitation", invitation)
    carried += invitations.dearmour("request", request) + invitations.dearmour("admission", admission)
    token = invitations.read_invitation(invitation).token
    for folder in (home, own):
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
        assert {path.name for path in folder.secret_files()} >= {"identity.key", "tls.key"}
        for path in folder.secret_files():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
            secret = path.read_bytes()
            body = secret if len(secret) == 32 else b"".join(secret.splitlines()[1:-1])
            assert body not in carried
            assert body.hex().encode() not in carried
        for path in folder.path.rglob("*"):
            if path.is_file():
                assert token not in path.read_bytes()
                assert token.hex().encode() not in path.read_bytes()
    assert str(own.data_source).encode() not in carried


def test_the_homes_repr_and_logs_hold_no_secret(tmp_path: Path) -> None:
    home, own = coordinator(tmp_path / "c"), hospital(tmp_path / "h")
    join(home, own, "north")
    for folder in (home, own):
        secret = (folder.path / "identity.key").read_bytes()
        log = (folder.path / "log.jsonl").read_bytes()
        assert secret not in log
        assert secret.hex().encode() not in log
        assert secret.hex() not in repr(folder) + repr(folder.identity) + repr(folder.__dict__)


def test_a_home_is_never_overwritten(tmp_path: Path) -> None:
    home = coordinator(tmp_path / "c")
    with pytest.raises(StorageError, match="not an empty folder"):
        coordinator(tmp_path / "c")
    with pytest.raises(StorageError, match="not an empty folder"):
        hospital(tmp_path / "c")
    assert CoordinatorHome(home.path).identity.public_key == home.identity.public_key


def test_a_hospital_without_a_table_is_told_so_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no table"):
        enrolment.create_hospital(tmp_path / "h", data=tmp_path / "none.csv")
    assert not (tmp_path / "h").exists()


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    own = hospital(tmp_path / "h")
    (own.path / "identity.key").chmod(0o644)
    with pytest.raises(StorageError, match="open to other users") as caught:
        _ = HospitalHome(own.path).identity
    assert "chmod 600" in caught.value.hint


def read_settings(path: Path) -> object:
    opened = HospitalHome(path)
    return opened.data_source, opened.device, opened.servers, opened.coordinator_key


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "not valid TOML"),
        ("", "does not say where"),
        ("[data]\npath = 3", "does not say where"),
        ('device = "tpu"\n[data]\npath = "x"', "device is"),
        ('servers = "x"\n[data]\npath = "x"', "servers is not a list"),
        ('coordinator_key = "zz"\nconsortium = "x"\n[data]\npath = "x"', "coordinator_key is not a key"),
    ],
)
def test_damaged_settings_are_named(tmp_path: Path, text: str, words: str) -> None:
    own = hospital(tmp_path / "h")
    (own.path / "hospital.toml").write_text(text)
    with pytest.raises(StorageError, match=words):
        read_settings(own.path)


def test_a_folder_that_is_no_home_says_how_to_make_one(tmp_path: Path) -> None:
    for kind in (CoordinatorHome, HospitalHome):
        with pytest.raises(StorageError) as caught:
            kind(tmp_path)
        assert "init" in caught.value.hint


def test_unusual_paths_and_names_survive_the_settings_file(tmp_path: Path) -> None:
    odd = tmp_path / 'ta"ble \\ \x7f ü.csv'
    odd.write_text("a\n1\n")
    own = hospital(tmp_path / "h", odd)
    join(coordinator(tmp_path / "c", 'Klinik "Süd" \\ 🏥'), own, "north")
    opened = HospitalHome(own.path)
    assert opened.data_source == odd.resolve()
    assert opened.consortium == 'Klinik "Süd" \\ 🏥'


def test_damaged_invitation_records_are_reported_not_trusted(home: CoordinatorHome, own: HospitalHome) -> None:
    request = enrolment.accept_invitation(own, enrolment.invite(home, "north"))
    (home.path / "invitations" / "north.toml").write_text("used = false\n")
    with pytest.raises(StorageError, match="damaged"):
        enrolment.admit(home, request)
    with pytest.raises(CipherwardError):
        enrolment.admit(home, b"nothing")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[file]\nskip_lines = 2\n", "has no line `source`"),
        ('source = "mapping"\n', "table: not given"),
        ('source = "database"\nurl = "duckdb://"\n', "give query, or query_file"),
    ],
)
def test_a_home_is_not_made_for_an_extract_that_is_wrong(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(text)
    with pytest.raises(DataError, match=said):
        enrolment.create_hospital(tmp_path / "home", data=tmp_path / "map.toml")
    assert not (tmp_path / "home").exists()
