"""Vaults of a deployment: the coordinator's and a hospital's own, a study that stops, and a coordinator that lost its studies."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests import simulator
from tests.cli.test_cli import call
from tests.consortium.consortium import Consortium, document
from tests.consortium.packets_in import kinds_in

from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.service import letters, offering
from cipherward.consortium.service.auditing import HEAD_PAUSE
from cipherward.consortium.service.coordinator_desk import CoordinatorDesk
from cipherward.consortium.service.vaults import address_of
from cipherward.errors import StorageError
from cipherward.runs import in_vault
from cipherward.runs.audit_check import verify_run
from cipherward.runs.verify import Line
from cipherward.vault import access, keys
from cipherward.vault.access import Address
from cipherward.vault.catalogue import Catalogue
from cipherward.vault.vault import Vault

Capture = pytest.CaptureFixture[str]

SHORT = {"rounds": 1}
SUMS = 3


@pytest.fixture
def four(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Consortium]:
    """The coordinator has a vault elsewhere, clinic-1 one in its home; both services were started with it."""
    for name in (keys.KEY_VARIABLE, keys.PASSPHRASE_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    made = Consortium(tmp_path / "consortium", 4)
    with_vault(made.home.path / "consortium.toml", str(tmp_path / "cloud"))
    with_vault(made.folder / "clinic-1" / "hospital.toml", "vault")
    made.restart_host()
    made.restart_hospital("clinic-1")
    yield made
    made.desk.vault.close()
    made.close()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of the same study on one machine that nothing happened to."""
    folder = tmp_path_factory.mktemp("alone")
    simulator.run(folder, simulator.study(4, training=SHORT))
    return folder


def with_vault(settings: Path, url: str) -> None:
    settings.write_text(settings.read_text("utf-8") + f'\n[vault]\nurl = "{url}"\n', "utf-8")


def coordinators(four: Consortium) -> Address:
    found = address_of(four.home)
    assert found is not None
    return found


def opened(address: Address) -> tuple[Vault, Catalogue]:
    vault = access.open_at(address)
    return vault, vault.read_catalogue()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


def settle(four: Consortium) -> None:
    """Both vaults have everything: the reports are written, the services have looked once more."""
    four.desk.report()
    four.pump()
    until(lambda: four.status()["vault"]["objects"] == 0)
    until(lambda: four.desks["clinic-1"].status()[0]["vault"]["objects"] == 0)


def test_coordinator_and_hospital_have_the_study_in_vaults_of_their_own(four: Consortium) -> None:
    four.start(document(4, training=SHORT))
    four.approve()
    four.pump()
    assert four.status()["phase"] == "finished"
    four.desk._report = lambda folder: (folder / "report.html").write_text("report")
    four.desks["clinic-1"]._report = lambda folder: (folder / "report.html").write_text("report")
    four.desks["clinic-1"].report()
    settle(four)
    lines = list(in_vault.verify(coordinators(four)))
    assert all(line.holds for line in lines)
    assert sum(line.outcome == "encrypted update" for line in lines) == 4 * SUMS
    kept = {entry.label.path for entry in opened(coordinators(four))[1].of()}
    assert {"approvals/1.signed", "started.json", "begun", "model.safetensors", "report.html"} <= kept
    assert not [path for path in kept if "key" in path or "ledger" in path or "journal" in path]
    own = address_of(four.hospital("clinic-1"))
    assert own is not None
    assert all(line.holds for line in in_vault.verify(own))
    theirs = {entry.label.path for entry in opened(own)[1].of()}
    assert {path for path in theirs if "hospital-" in path} == {
        f"receipts/{n:04d}/hospital-1.cbor" for n in range(SUMS)
    }
    assert four.alarms("coordinator") == four.alarms("clinic-1") == []


def test_a_study_that_is_stopped_has_its_updates_and_their_data_keys_erased(four: Consortium) -> None:
    four.start(document(4))
    four.approve()
    gone: set[bytes] = set()

    def before(sender: str, to: str, letter: bytes) -> None:
        if "Update" in kinds_in(letter) and four.sums_opened == 1 and not gone:
            until(lambda: four.status()["vault"]["objects"] == 0)
            gone.update(entry.name for entry in opened(coordinators(four))[1].of(kind="updates"))
            offering.stop(four.home, "tiny", "funding ended")

    four.before = before
    four.pump()
    four.pump()
    until(lambda: four.status()["vault"]["objects"] == 0)
    vault, catalogue = opened(coordinators(four))
    assert len(gone) == 4
    assert catalogue.of(kind="updates") == []
    assert gone <= catalogue.tombstones.keys()
    assert {stone.reason for stone in catalogue.tombstones.values()} == {"stopped: funding ended"}
    assert not gone & catalogue.keys.keys()
    assert not [finding for finding in vault.check(catalogue) if not finding.holds]
    assert catalogue.of(kind="openings")


def restored(four: Consortium, folder: Path, capsys: Capture) -> str:
    """All of the study is lost at the coordinator, an operator brings it back from the vault, and the service starts; what was
    printed."""
    four.desk.vault.close()
    shutil.rmtree(folder)
    address = coordinators(four)
    code, out, err = call(capsys, "vault", "restore", address.url, four.home.path, "--key-file", address.key_file or "")
    assert (code, err) == (0, "")
    four.restart_host()
    return out


def lose(four: Consortium, folder: Path, kind: str, capsys: Capture, *, behind: bool = False) -> bytes:
    """In the second sum, at a letter of this kind, everything of the study is lost at the coordinator, restored from its vault,
    and the service starts again; the opening of the first sum. `behind`: the vault was away since the first one."""
    lost: list[bytes] = []
    closed = False

    def before(sender: str, to: str, letter: bytes) -> None:
        nonlocal closed
        opened_sums = four.sums_opened
        if behind and opened_sums == 1 and not closed:
            until(lambda: four.status()["vault"]["objects"] == 0)
            four.desk.vault.close()
            closed = True
        if behind and "Join" in kinds_in(letter):
            four.now += HEAD_PAUSE
            four.put_down(four.desk.tick())  # hospitals cosign what the vault will never have
        if kind not in kinds_in(letter) or opened_sums != 2 or lost:
            return
        if not behind:
            until(lambda: four.status()["vault"]["objects"] == 0)
        lost.append((folder / "receipts" / "0000" / "opening.cbor").read_bytes())
        restored(four, folder, capsys)

    four.before = before
    four.pump()
    for _ in range(4):
        four.now += 700
        four.pump()
    (found,) = lost
    return found


def check_the_end(four: Consortium, folder: Path, alone: Path, first: bytes) -> list[Line]:
    """The study ended as if nothing had happened, and no sum was opened twice; what its verification says."""
    assert four.status()["phase"] == "finished"
    assert (folder / "receipts" / "0000" / "opening.cbor").read_bytes() == first
    assert simulator.holds(folder)
    assert simulator.weights(folder).tobytes() == simulator.weights(alone / "run").tobytes()
    for name in four.names:
        (own,) = four.hospital(name).models.iterdir()
        for number in range(SUMS):
            opening = f"receipts/{number:04d}/opening.cbor"
            assert (own / opening).read_bytes() == (folder / opening).read_bytes()
    assert not [alarm for alarm in four.alarms("coordinator") if "breach" in alarm]
    lines = list(verify_run(folder))
    assert [line for line in lines if not line.holds] == []
    return lines


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("Joined", marks=pytest.mark.thorough),
        "Update",
        pytest.param("Vote", marks=pytest.mark.thorough),
        "Release",
    ],
)
def test_a_coordinator_that_lost_its_studies_goes_on_from_its_vault(
    four: Consortium, alone: Path, kind: str, capsys: Capture
) -> None:
    """It has its own copies of keys and members, and nothing else: no study, no journal, no spool."""
    folder = four.start(document(4, training=SHORT))
    four.approve()
    first = lose(four, folder, kind, capsys)
    lines = check_the_end(four, folder, alone, first)
    (earlier,) = [line for line in lines if line.outcome == "earlier log"]
    assert not earlier.gap
    assert "and none of 4 hospitals remembers more" in earlier.detail
    for name in four.names:
        assert [alarm.partition(":")[0] for alarm in four.alarms(name)] == ["coordinator's audit log begun again"]


@pytest.mark.parametrize(
    "kind",
    ["Joined", pytest.param("Release", marks=pytest.mark.thorough), "Receipt"],
)
def test_what_the_vault_did_not_have_yet_hospitals_bring_back_and_what_the_log_lost_stays_a_gap(
    four: Consortium, alone: Path, kind: str, capsys: Capture
) -> None:
    folder = four.start(document(4, training=SHORT))
    four.approve()
    first = lose(four, folder, kind, capsys, behind=True)
    lines = check_the_end(four, folder, alone, first)
    (gap,) = [line for line in lines if line.gap]
    assert re.search(
        r"entries \d+ to \d+ are lost: the coordinator was restored from .*; clinic-1, .* cosigned", gap.detail
    )
    code, out, _ = call(capsys, "verify", folder)
    assert (code, "all hold" in out, "with 1 gap(s)" in out) == (0, False, True)
    own = next(four.hospital("clinic-1").models.iterdir())
    noted = [json.loads(line) for line in (own / "audit.jsonl").read_bytes().splitlines()]
    (said,) = [entry for entry in noted if entry["event"] == "coordinator's audit log begun again"]
    assert said["lost"] > 0
    four.desk._report = lambda folder: (folder / "report.html").write_text("report")
    settle(four)
    (again,) = [line for line in in_vault.verify(coordinators(four)) if line.gap or not line.holds]
    assert again == gap


def test_a_coordinator_that_is_restored_twice_has_two_earlier_logs_and_cannot_go_back_to_one(
    four: Consortium, tmp_path: Path, capsys: Capture
) -> None:
    folder = four.start(document(4))
    four.approve()
    lose(four, folder, "Vote", capsys)
    statement = (folder / "earlier-logs" / "1" / "succession.signed").read_bytes()
    four.desk._report = lambda folder: (folder / "report.html").write_text("report")
    settle(four)
    four.now += 10
    restored(four, folder, capsys)
    four.pump()
    found = [line for line in verify_run(folder) if line.outcome == "earlier log"]
    assert [(line.holds, line.gap) for line in found] == [(True, False)] * 2
    assert all(line.holds for line in verify_run(folder))
    body = letters.LogSuccession(statement, 4)
    letter = letters.seal(four.home.identity, "clinic-1", bytes.fromhex(folder.name), body, from_coordinator=True)
    assert four.desks["clinic-1"].receive(letter) == []
    assert "goes back to a log that it had given up" in four.alarms("clinic-1")[-1]


def test_an_opening_that_is_brought_and_proves_nothing_is_refused(four: Consortium, capsys: Capture) -> None:
    folder = four.start(document(4))
    four.approve()
    four.pump()
    digest, clinic = bytes.fromhex(folder.name), four.hospital("clinic-1")
    data = (folder / "receipts" / "0003" / "opening.cbor").read_bytes()
    shutil.rmtree(folder / "receipts" / "0003")
    for round, opening, words in ((4, data, "and 3 are here"), (3, data[:-1] + bytes([data[-1] ^ 1]), "does not hold")):
        body = letters.LostOpening(round, opening)
        letter = letters.seal(clinic.identity, "coordinator", digest, body, from_coordinator=False)
        assert four.desk.receive("clinic-1", letter) == []
        assert words in four.alarms("coordinator")[-1]
    assert not (folder / "receipts" / "0003").exists()


def test_what_a_hospital_that_withdraws_has_contributed_is_erased_in_the_vault(
    four: Consortium, capsys: Capture
) -> None:
    folder = four.start(document(4, training=SHORT))
    four.approve()

    def before(sender: str, to: str, letter: bytes) -> None:
        if "Update" in kinds_in(letter) and four.sums_opened == 1 and not four.status()["withdrawn"]:
            until(lambda: four.status()["vault"]["objects"] == 0)
            four.withdraw("clinic-3")
            four.poll()

    four.before = before
    four.pump()
    for _ in range(4):
        four.now += 700
        four.pump()
    four.desk._report = lambda folder: (folder / "report.html").write_text("report")
    settle(four)
    settle(four)
    catalogue = opened(coordinators(four))[1]
    left = {entry.label.path.rpartition("/")[2] for entry in catalogue.of(kind="updates")}
    assert left == {f"hospital-{n}.payload" for n in (1, 2, 4)}
    assert {stone.reason for stone in catalogue.tombstones.values()} == {"clinic-3 has withdrawn"}
    out = call(capsys, "audit", "show", folder, "--event", "vault objects erased")[1]
    assert "1 object(s) were erased from the vault: clinic-3 has withdrawn" in out
    assert all(line.holds for line in in_vault.verify(coordinators(four)))
    assert all(line.holds for line in verify_run(folder))


def test_a_home_without_a_vault_has_none_and_wrong_settings_are_an_alarm_that_stops_nothing(
    four: Consortium, tmp_path: Path
) -> None:
    assert address_of(four.hospital("clinic-2")) is None
    settings = four.folder / "clinic-2" / "hospital.toml"
    settings.write_text(settings.read_text("utf-8") + "\n[vault]\nplace = 3\n", "utf-8")
    with pytest.raises(StorageError, match="does not say where the vault is"):
        address_of(HospitalHome(settings.parent))
    four.restart_hospital("clinic-2")
    assert "vault cannot be used" in four.alarms("clinic-2")[0]
    four.start(document(4, training=SHORT))
    four.approve()
    four.pump()
    assert four.status()["phase"] == "finished"


def test_the_homes_key_is_made_once_and_is_a_secret_of_the_home(four: Consortium) -> None:
    key = four.home.path / "vault.key"
    assert key in four.home.secret_files()
    before = key.read_bytes()
    again = CoordinatorDesk(CoordinatorHome(four.home.path), lambda: four.now)
    assert key.read_bytes() == before
    again.vault.close()
