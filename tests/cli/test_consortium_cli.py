"""A consortium from the command line, as its people type it."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path

import pytest
from tests.cli.test_cli import call

from cipherward import study as study_document
from cipherward.consortium.approval import approvals
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.service import offering

Capture = pytest.CaptureFixture[str]


class Desk:
    """Types commands in one folder and insists that they succeed."""

    def __init__(self, capsys: Capture, folder: Path) -> None:
        self.capsys, self.folder = capsys, folder

    def ok(self, *words: object) -> str:
        code, out, err = call(self.capsys, *words)
        assert code == 0, err
        return out

    def refused(self, *words: object) -> str:
        code, _, err = call(self.capsys, *words)
        assert code == 1
        assert "what to do:" in err
        assert "Traceback" not in err
        return err

    def join(self, name: str) -> None:
        self.ok("hospital", "init", f"home-{name}", "--data", f"trial/{name}.csv")
        self.ok("coordinator", "invite", name, "--home", "c")
        self.ok("hospital", "enroll", f"{name}-invitation.txt", "--home", f"home-{name}")
        self.ok("coordinator", "admit", f"{name}-request.txt", "--home", "c")
        self.ok("hospital", "enroll", f"{name}-admission.txt", "--home", f"home-{name}")


@pytest.fixture
def desk(capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A folder with an example for three hospitals and a consortium of nobody."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CIPHERWARD_HOME", raising=False)
    found = Desk(capsys, tmp_path)
    assert "synthetic" in found.ok("data", "example", "trial", "--hospitals", 3, "--encounters", 400)
    assert "identity" in found.ok("coordinator", "init", "c", "--name", "icu-net")
    return found


def offer(desk: Desk, name: str) -> None:
    """What the service does: freeze, offer."""
    home = CoordinatorHome(desk.folder / "c")
    study = study_document.load(desk.folder / "trial" / "study.toml")
    frozen = offering.freeze(study, home.members, home.coordinator_key)
    approvals.keep_offer(HospitalHome(desk.folder / f"home-{name}"), frozen.to_toml().encode(), b"")


def test_from_nothing_to_an_approved_study(desk: Desk) -> None:
    names = ["hospital-1", "hospital-2", "hospital-3"]
    for name in names:
        desk.join(name)
    listed = json.loads(
        desk.ok("coordinator", "members", "--home", "c", "--json", "--out", "members.txt").split("\nMembers list:")[0]
    )
    assert [m["name"] for m in listed["members"]] == names
    own = ("--home", "home-hospital-1")
    shown = desk.ok("hospital", "members", *own)
    assert "No members list is confirmed here" in shown
    confirmed = desk.ok("hospital", "confirm", "--members", "members.txt", "--yes", *own)
    assert all(m["fingerprint"] in confirmed for m in listed["members"])
    assert listed["fingerprint"] in confirmed
    assert "already" in desk.ok("hospital", "confirm", "--yes", *own)
    offer(desk, "hospital-1")
    assert "pending review" in desk.ok("hospital", "review", *own)
    text = desk.ok("hospital", "review", "readmission-trial", "--out", "review.txt", *own)
    assert "This study can be approved" in text
    assert (desk.folder / "review.txt").read_text() == text
    assert json.loads(desk.ok("hospital", "review", "readmission-trial", "--json", *own))["can_be_approved"]
    assert "allowed" in desk.ok("hospital", "policy", *own)
    assert "Approved" in desk.ok(
        "hospital", "approve", "readmission-trial", "--as", "Dr Example", "--singled-out", "no", *own
    )
    assert "approved" in desk.ok("hospital", "review", *own)
    assert "Withdrawn" in desk.ok("hospital", "withdraw", "readmission-trial", "--yes", *own)
    assert "withdrawn" in desk.refused(
        "hospital", "approve", "readmission-trial", "--as", "Dr Example", "--singled-out", "no", *own
    )


def test_both_ends_show_the_same_fingerprints(desk: Desk) -> None:
    started = desk.ok("hospital", "init", "h", "--data", "trial/hospital-1.csv")
    desk.ok("coordinator", "invite", "north", "--home", "c")
    enrolled = desk.ok("hospital", "enroll", "north-invitation.txt", "--home", "h")
    admitted = desk.ok("coordinator", "admit", "north-request.txt", "--home", "c")
    finished = desk.ok("hospital", "enroll", "north-admission.txt", "--home", "h")
    identity = started.split("Identity of this hospital:")[1].split("\n")[0].strip()
    assert len(identity.replace(" ", "")) * 4 >= 128
    for text in (enrolled, admitted, finished):
        assert identity in text
    certificate = admitted.split("Certificate of north:")[1].split("\n")[0].strip()
    assert certificate in finished


def test_a_token_is_taken_once_and_a_tampered_request_never(desk: Desk) -> None:
    desk.ok("hospital", "init", "h", "--data", "trial/hospital-1.csv")
    desk.ok("coordinator", "invite", "north", "--home", "c")
    desk.ok("hospital", "enroll", "north-invitation.txt", "--home", "h")
    request = desk.folder / "north-request.txt"
    good = request.read_text()
    body = good.splitlines()
    body[5] = body[5][::-1]
    request.write_text("\n".join(body))
    desk.refused("coordinator", "admit", request, "--home", "c")
    request.write_text(good)
    desk.ok("coordinator", "admit", request, "--home", "c")
    assert "has been used" in desk.refused("coordinator", "admit", request, "--home", "c")
    assert len(CoordinatorHome(desk.folder / "c").members.active) == 1


def test_an_admission_for_another_hospital_is_refused(desk: Desk) -> None:
    desk.join("hospital-1")
    desk.join("hospital-2")
    assert "other keys" in desk.refused("hospital", "enroll", "hospital-1-admission.txt", "--home", "home-hospital-2")
    assert "request file" in desk.refused("hospital", "enroll", "hospital-1-request.txt", "--home", "home-hospital-2")
    assert "what to do" in desk.refused("hospital", "enroll", "trial/study.toml", "--home", "home-hospital-2")


def test_revoking_takes_one_hospital_out_of_the_servers_permissions(desk: Desk) -> None:
    for name in ("hospital-1", "hospital-2"):
        desk.join(name)
    permissions = desk.folder / "c" / "server" / "members.conf"
    assert "CN=hospital-1" in permissions.read_text()
    desk.ok("coordinator", "revoke", "hospital-1", "--home", "c")
    assert "CN=hospital-1" not in permissions.read_text()
    assert "CN=hospital-2" in permissions.read_text()
    assert "revoked" in desk.ok("coordinator", "members", "--home", "c")
    assert "not an active member" in desk.refused("coordinator", "revoke", "hospital-1", "--home", "c")
    desk.ok("coordinator", "members", "--home", "c", "--out", "m.txt")
    shown = desk.ok("hospital", "confirm", "--members", "m.txt", "--yes", "--home", "home-hospital-2")
    assert "hospital-1: revoked" in shown


def test_certificates_are_renewed_without_a_new_member(desk: Desk) -> None:
    desk.join("hospital-1")
    own = ("--home", "home-hospital-1")
    before = json.loads(desk.ok("coordinator", "members", "--home", "c", "--json"))["members"]
    assert "is a member already" in desk.refused("coordinator", "invite", "hospital-1", "--home", "c")
    desk.ok("coordinator", "invite", "hospital-1", "--renew", "--home", "c")
    desk.ok("hospital", "enroll", "hospital-1-invitation.txt", *own)
    desk.ok("coordinator", "admit", "hospital-1-request.txt", "--home", "c")
    desk.ok("hospital", "enroll", "hospital-1-admission.txt", *own)
    assert json.loads(desk.ok("coordinator", "members", "--home", "c", "--json"))["members"] == before
    assert "valid until" in desk.ok("coordinator", "renew", "--home", "c")


def test_people_are_asked_whether_they_compared(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.join("hospital-1")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    code, out, _ = call(desk.capsys, "hospital", "confirm", "--home", "home-hospital-1")
    assert code == 1
    assert "Compare by phone" in out
    assert HospitalHome(desk.folder / "home-hospital-1").confirmed is None


def test_an_old_members_file_is_a_rollback_and_ends_in_an_alarm(desk: Desk) -> None:
    desk.join("hospital-1")
    desk.ok("coordinator", "members", "--home", "c", "--out", "old.txt")
    desk.join("hospital-2")
    desk.ok("hospital", "confirm", "--yes", "--home", "home-hospital-2")
    code, _, err = call(
        desk.capsys, "hospital", "confirm", "--members", "old.txt", "--yes", "--home", "home-hospital-2"
    )
    assert code == 3
    assert "rollback" in err
    code, out, _ = call(desk.capsys, "hospital", "health", "--home", "home-hospital-2")
    assert code == 1
    assert "members list refused" in out


def test_the_home_is_an_option_a_variable_or_the_current_folder(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "version 1" in desk.ok("coordinator", "members", "--home", "c")
    monkeypatch.setenv("CIPHERWARD_HOME", "c")
    assert "version 1" in desk.ok("coordinator", "members")
    monkeypatch.delenv("CIPHERWARD_HOME")
    monkeypatch.chdir(desk.folder / "c")
    assert "version 1" in desk.ok("coordinator", "members")
    monkeypatch.chdir(desk.folder)
    assert "no consortium.toml" in desk.refused("coordinator", "members")
    assert "no hospital.toml" in desk.refused("hospital", "policy")


def test_an_existing_server_gets_a_permission_file_and_no_server_of_ours(desk: Desk) -> None:
    out = desk.ok("coordinator", "init", "d", "--server", "tls://a.example:4222", "--server", "tls://b.example:4222")
    assert "members.conf" in out
    home = CoordinatorHome(desk.folder / "d")
    assert not home.managed
    assert home.servers == ("tls://a.example:4222", "tls://b.example:4222")
    assert not (home.server_folder / "nats.conf").exists()
    assert (home.server_folder / "members.conf").exists()


def test_nothing_is_overwritten_and_key_files_are_closed(desk: Desk) -> None:
    assert "not an empty folder" in desk.refused("coordinator", "init", "c")
    desk.join("hospital-1")
    refused = desk.refused("hospital", "init", "home-hospital-1", "--data", "trial/hospital-1.csv")
    assert "nothing was overwritten" in refused
    keys = [path for folder in ("c", "home-hospital-1") for path in (desk.folder / folder).rglob("*.key")]
    assert len(keys) == 6
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
    assert stat.S_IMODE((desk.folder / "hospital-1-invitation.txt").stat().st_mode) == 0o600


def test_models_and_predictions_read_well_when_there_are_none(desk: Desk) -> None:
    desk.join("hospital-1")
    own = ("--home", "home-hospital-1")
    assert "No model" in desk.ok("hospital", "models", *own)
    assert json.loads(desk.ok("hospital", "models", "--json", *own)) == []
    assert "none yet" in desk.refused("hospital", "predict", "x", "trial/hospital-1.csv", *own)
    assert "No study" in desk.ok("hospital", "review", *own)
    assert "no study" in desk.refused("hospital", "approve", "x", "--as", "Dr Example", "--singled-out", "no", *own)


def test_health_is_for_people_and_for_scripts(desk: Desk) -> None:
    code, out, _ = call(desk.capsys, "coordinator", "health", "--home", "c", "--json")
    assert code == 1
    found = {line["what"]: line["holds"] for line in json.loads(out)["findings"]}
    assert found["keys"]
    assert not found["service"]


@pytest.mark.parametrize(
    "command",
    [f"coordinator {name}" for name in ("init", "invite", "admit", "members", "revoke", "renew", "health")]
    + [
        f"hospital {name}"
        for name in (
            "init", "enroll", "members", "confirm", "review", "approve", "withdraw", "policy", "models", "predict", "health",
        )
    ]
    + ["data example"],
)  # fmt: skip
def test_every_command_explains_itself(capsys: Capture, command: str) -> None:
    code, out, _ = call(capsys, *command.split(), "--help")
    assert code == 0
    assert f"Usage: cipherward {command}" in out
