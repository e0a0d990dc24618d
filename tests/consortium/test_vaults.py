"""Vaults of a deployment: the coordinator's and a hospital's own, a study that stops, and a coordinator that lost its studies."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests import simulator
from tests.consortium.consortium import Consortium, document
from tests.consortium.test_coordinator_and_hospital import kind_of

from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.service import offering
from cipherward.consortium.service.coordinator_desk import CoordinatorDesk
from cipherward.consortium.service.vaults import address_of
from cipherward.errors import StorageError
from cipherward.runs import in_vault, restoring
from cipherward.vault import access, keys
from cipherward.vault.access import Address
from cipherward.vault.catalogue import Catalogue
from cipherward.vault.vault import Vault


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
    four.start(document(4))
    four.approve()
    four.pump()
    assert four.status()["phase"] == "finished"
    four.desk._report = lambda folder: (folder / "report.html").write_text("report")
    four.desks["clinic-1"]._report = lambda folder: (folder / "report.html").write_text("report")
    four.desks["clinic-1"].report()
    settle(four)
    lines = list(in_vault.verify(coordinators(four)))
    assert all(line.holds for line in lines)
    assert sum(line.outcome == "encrypted update" for line in lines) == 16
    kept = {entry.label.path for entry in opened(coordinators(four))[1].of()}
    assert {"approvals/1.signed", "started.json", "begun", "model.safetensors", "report.html"} <= kept
    assert not [path for path in kept if "key" in path or "ledger" in path or "journal" in path]
    own = address_of(four.hospital("clinic-1"))
    assert own is not None
    assert all(line.holds for line in in_vault.verify(own))
    theirs = {entry.label.path for entry in opened(own)[1].of()}
    assert {path for path in theirs if "hospital-" in path} == {f"receipts/{n:04d}/hospital-1.cbor" for n in range(4)}
    assert four.alarms("coordinator") == four.alarms("clinic-1") == []


def test_a_study_that_is_stopped_has_its_updates_and_their_data_keys_erased(four: Consortium) -> None:
    four.start(document(4))
    four.approve()
    gone: set[bytes] = set()

    def before(sender: str, to: str, letter: bytes) -> None:
        if kind_of(letter) == "Update" and four.status()["sums_opened"] == 1 and not gone:
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


def lose(four: Consortium, folder: Path, kind: str, bring: Callable[[str], None]) -> bytes:
    """In the second sum, at a letter of this kind, everything of the study is lost at the coordinator, restored from its vault,
    and the service starts again; the opening of the first sum. `bring`: what else people do, told who sent the letter."""
    lost: list[bytes] = []

    def before(sender: str, to: str, letter: bytes) -> None:
        if kind_of(letter) != kind or four.status()["sums_opened"] != 2 or lost:
            return
        until(lambda: four.status()["vault"]["objects"] == 0)
        lost.append((folder / "receipts" / "0000" / "opening.cbor").read_bytes())
        four.desk.vault.close()
        shutil.rmtree(folder)
        vault, catalogue = opened(coordinators(four))
        (study,) = restoring.studies_in(catalogue)
        assert study == folder.name
        restoring.restore(vault, catalogue, study, folder)
        bring(sender)
        four.restart_host()

    four.before = before
    four.pump()
    for _ in range(4):
        four.now += 700
        four.pump()
    (found,) = lost
    return found


def check_the_end(four: Consortium, folder: Path, alone: Path, first: bytes) -> None:
    """The study ended as if nothing had happened, and no sum was opened twice."""
    assert four.status()["phase"] == "finished"
    assert (folder / "receipts" / "0000" / "opening.cbor").read_bytes() == first
    assert simulator.holds(folder)
    assert simulator.weights(folder).tobytes() == simulator.weights(alone / "run").tobytes()
    for name in four.names:
        (own,) = four.hospital(name).models.iterdir()
        for number in range(4):
            opening = f"receipts/{number:04d}/opening.cbor"
            assert (own / opening).read_bytes() == (folder / opening).read_bytes()
    assert not [alarm for alarm in four.alarms("coordinator") if "breach" in alarm]


@pytest.mark.parametrize("kind", ["Joined", "Update", "Vote", "Release"])
def test_a_coordinator_that_lost_its_studies_goes_on_from_its_vault(
    four: Consortium, tmp_path: Path, kind: str
) -> None:
    """It has its own copies of keys and members, and nothing else: no study, no journal, no spool."""
    simulator.run(tmp_path / "alone", simulator.study(4))
    folder = four.start(document(4))
    four.approve()
    first = lose(four, folder, kind, lambda sender: None)
    check_the_end(four, folder, tmp_path / "alone", first)


def test_an_opening_that_the_vault_did_not_have_yet_is_brought_by_a_hospital_that_verified_it(
    four: Consortium, tmp_path: Path
) -> None:
    simulator.run(tmp_path / "alone", simulator.study(4))
    folder = four.start(document(4))
    four.approve()

    def bring(sender: str) -> None:
        name = "receipts/0001/opening.cbor"
        assert not (folder / name).exists()
        (own,) = four.hospital(sender).models.iterdir()
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(own / name, folder / name)

    first = lose(four, folder, "Receipt", bring)
    check_the_end(four, folder, tmp_path / "alone", first)


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
    four.start(document(4))
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
