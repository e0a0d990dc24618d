"""A run beside a vault: everything that the study keeps goes in, nothing waits for the store, and what it left comes back."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests import simulator
from tests.vault.faulty import FaultyStore, closed

from cipherward import study as study_document
from cipherward.errors import AuditError, InterruptedRunError, StorageError
from cipherward.runs import archive as archives
from cipherward.runs import in_vault, restoring
from cipherward.runs.archive import Archive
from cipherward.runs.folder import RunDirectory
from cipherward.simulation.simulate import Progress, resume_study
from cipherward.store import files
from cipherward.study import Study
from cipherward.vault import access, keys
from cipherward.vault.access import Address
from cipherward.vault.catalogue import Catalogue, Label
from cipherward.vault.stores import LocalStore
from cipherward.vault.vault import Vault


@pytest.fixture(autouse=True)
def _no_key_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (keys.KEY_VARIABLE, keys.PASSPHRASE_VARIABLE):
        monkeypatch.delenv(name, raising=False)


def run_with(folder: Path, study: Study, archive: Archive, **others: Any) -> Path:
    """Run a study beside an archive; where its tables and the run are."""
    archive.check()
    with archive:
        simulator.run(folder, study, archive=archive, **others)
    return folder / "run"


def opened(folder: Path) -> tuple[Vault, Catalogue]:
    vault = access.open_at(Address(str(folder / "vault")))
    return vault, vault.read_catalogue()


def kinds(catalogue: Catalogue) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in catalogue.of():
        found[entry.label.kind] = found.get(entry.label.kind, 0) + 1
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archived")
    archive = Archive(Address(str(folder / "vault")))
    run_with(folder, simulator.study(4), archive)
    assert archive.left.objects == 0
    return folder


def test_a_finished_run_is_in_its_vault_and_comes_back_verified(finished: Path, tmp_path: Path) -> None:
    vault, catalogue = opened(finished)
    assert kinds(catalogue) == {
        **{"study": 16, "updates": 16, "openings": 4, "receipts": 16},
        **{"models": 3, "result": 4, "log": 6},
    }
    lines = list(in_vault.verify(Address(str(finished / "vault"))))
    assert all(line.holds for line in lines)
    assert sum(line.outcome == "encrypted update" for line in lines) == 16
    (study,) = restoring.studies_in(catalogue)
    restoring.restore(vault, catalogue, study, tmp_path / "back")
    for name in (
        "study.toml",
        "model.safetensors",
        "result.json",
        "rounds.jsonl",
        "receipts/0002/opening.cbor",
        "audit.jsonl",
    ):
        assert (tmp_path / "back" / name).read_bytes() == (finished / "run" / name).read_bytes()


def test_no_key_no_share_and_no_ledger_is_in_the_vault(finished: Path) -> None:
    vault, catalogue = opened(finished)
    whole = b"".join(vault.read(entry, catalogue) for entry in catalogue.of())
    secrets = [path.read_bytes() for path in (finished / "run").rglob("*.key")]
    assert len(secrets) == 5
    for secret in secrets:
        assert secret not in whole
        assert secret.hex().encode() not in whole
    assert b"SQLite format" not in whole
    assert not [entry for entry in catalogue.of() if "ledger" in entry.label.path or "journal" in entry.label.path]
    key = keys.from_file(finished / "vault.key").key
    for path in (finished / "run" / "vault").rglob("*"):
        assert path.is_dir() or key.hex().encode() not in path.read_bytes()


def test_a_changed_update_in_a_restored_run_is_not_the_one_that_was_certified(finished: Path, tmp_path: Path) -> None:
    vault, catalogue = opened(finished)
    (study,) = restoring.studies_in(catalogue)
    restoring.restore(vault, catalogue, study, tmp_path / "back")
    first, second = sorted((tmp_path / "back" / "updates" / "0001").iterdir())[:2]
    first.write_bytes(second.read_bytes())
    bad = [line for line in restoring.update_lines(tmp_path / "back") if not line.holds]
    assert [(line.round, line.hospital) for line in bad] == [(1, "clinic-1")]


def test_with_ckks_a_run_is_in_its_vault_and_the_key_holders_key_is_not(tmp_path: Path) -> None:
    pytest.importorskip("tenseal", reason="the extra ckks is not installed")
    study = simulator.study(3, aggregation={"scheme": "ckks"}, training={"rounds": 1})
    run_with(tmp_path, study, Archive(Address(str(tmp_path / "vault"))))
    vault, catalogue = opened(tmp_path)
    assert kinds(catalogue)["updates"] == 9
    assert all(line.holds for line in in_vault.verify(Address(str(tmp_path / "vault"))))
    assert "ckks-public.key" in {entry.label.path for entry in catalogue.of(kind="study")}
    whole = b"".join(vault.read(entry, catalogue) for entry in catalogue.of())
    for name in ("storage.key", "ckks-secret.sealed", "identity.key"):
        assert files.read(tmp_path / "run" / "coordinator" / name) not in whole


def test_what_the_study_does_not_keep_is_not_in_the_vault_and_what_is_past_its_rounds_is_erased(tmp_path: Path) -> None:
    rules = {"updates": {"rounds": 1}, "models": {"keep": False}, "log": {"keep": False}}
    run_with(tmp_path, simulator.study(4, vault=rules), Archive(Address(str(tmp_path / "vault"))))
    vault, catalogue = opened(tmp_path)
    assert {entry.label.sum for entry in catalogue.of(kind="updates")} == {4}
    assert not catalogue.of(kind="models")
    assert not catalogue.of(kind="log")
    erased = [stone for stone in catalogue.tombstones.values() if stone.label.kind == "updates"]
    assert len(erased) == 12
    assert {stone.reason for stone in erased} == {"updates: kept for 1 round(s)"}
    assert not [finding for finding in vault.check(catalogue) if not finding.holds]
    assert len(list((tmp_path / "vault" / "objects").iterdir())) == len(catalogue.entries)


# stores that are away


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FaultyStore:
    """The store of every vault that is opened in the test; its key is in the environment."""
    faulty = FaultyStore(LocalStore(tmp_path / "vault"))
    monkeypatch.setattr(access, "open_store", lambda url, options=None: faulty)
    monkeypatch.setattr(access, "is_local", lambda address: False)
    monkeypatch.setattr(access, "check_client", lambda url: "faulty")
    monkeypatch.setenv(keys.KEY_VARIABLE, "ab" * 32)
    monkeypatch.setattr(archives, "LONGEST_WAIT", 0.5)
    return faulty


def test_a_store_that_never_answers_holds_no_round_up_and_everything_waits_on_the_disk(
    tmp_path: Path, store: FaultyStore
) -> None:
    archive = Archive(Address(str(tmp_path / "vault")))
    access.open_or_create(archive.address)
    before = list(store.written)
    with closed(store):
        run = run_with(tmp_path, simulator.study(4), archive)
        assert (run / "result.json").exists()
        assert store.written == before
        assert archive.left.objects >= 50
        assert archive.left.size > 16 * 7_680, "four sums of four ciphertexts, and more"
    again = Archive(Address(str(tmp_path / "vault")))
    again.begin(RunDirectory(run), archives_study(run))
    again.end()
    assert again.close(60).objects == 0
    assert kinds(opened(tmp_path)[1])["updates"] == 16
    assert all(line.holds for line in in_vault.verify(Address(str(tmp_path / "vault"))))


def archives_study(run: Path) -> Study:
    return study_document.load(run / "study.toml")


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EACCES, errno.ETIMEDOUT, errno.ENOENT])
def test_a_store_that_refuses_is_said_without_its_words_and_the_run_finishes(
    tmp_path: Path, store: FaultyStore, error: int
) -> None:
    store.error = error
    archive = Archive(Address(str(tmp_path / "vault")))
    run = run_with(tmp_path, simulator.study(3, training={"rounds": 1}), archive)
    assert archive.left.objects
    assert archive.left.reason
    log = files.read(run / "log.jsonl").decode()
    assert "vault away" in log
    assert "hunter2" not in log + archive.left.reason


def test_uploads_that_break_in_the_middle_are_done_again_and_nothing_is_lost(
    tmp_path: Path, store: FaultyStore
) -> None:
    def break_now_and_then(progress: Progress) -> None:
        store.writes_left = 3

    archive = Archive(Address(str(tmp_path / "vault")))
    run = run_with(tmp_path, simulator.study(4), archive, on_progress=break_now_and_then)
    assert archive.left.objects
    store.writes_left = None
    again = Archive(Address(str(tmp_path / "vault")))
    again.begin(RunDirectory(run), archives_study(run))
    again.end()
    assert again.close(60).objects == 0
    catalogue = opened(tmp_path)[1]
    assert kinds(catalogue)["updates"] == 16
    assert all(line.holds for line in in_vault.verify(Address(str(tmp_path / "vault"))))


def test_an_uploader_goes_on_by_itself_when_the_store_is_back(tmp_path: Path, store: FaultyStore) -> None:
    store.error = errno.ETIMEDOUT
    archive = Archive(Address(str(tmp_path / "vault")))
    run_with(tmp_path, simulator.study(3, training={"rounds": 1}), archive)
    again = Archive(Address(str(tmp_path / "vault")))
    again.begin(RunDirectory(tmp_path / "run"), archives_study(tmp_path / "run"))
    until(lambda: bool(again.behind().reason))
    store.error = 0
    until(lambda: again.behind().objects == 0)
    assert again.close(1).reason == ""


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


def test_a_run_that_was_stopped_and_goes_on_writes_the_same_chain(tmp_path: Path) -> None:
    study, address = simulator.study(3), Address(str(tmp_path / "vault"))
    asked = iter([False, False, True])
    with pytest.raises(InterruptedRunError):
        run_with(tmp_path, study, Archive(address), should_stop=lambda: next(asked, True))
    assert archives.address_of(tmp_path / "run") == address
    first = opened(tmp_path)[1]
    again = Archive(address)
    with again:
        resume_study(tmp_path / "run", archive=again)
    catalogue = opened(tmp_path)[1]
    assert set(catalogue.heads) == set(first.heads)
    assert kinds(catalogue)["updates"] == 12
    assert all(line.holds for line in in_vault.verify(address))


def test_a_study_that_stops_has_its_updates_erased_those_that_wait_at_once(tmp_path: Path, store: FaultyStore) -> None:
    archive = Archive(Address(str(tmp_path / "vault")))
    run = run_with(tmp_path, simulator.study(3, training={"rounds": 1}), archive)
    gone = opened(tmp_path)[1].of(kind="updates")
    again = Archive(Address(str(tmp_path / "vault")))
    with closed(store):
        again.begin(RunDirectory(run), archives_study(run))
        again.erase_updates("the study was stopped")
        assert not [item for item in again._queue.items() if item.content and item.label.kind == "updates"]
    again.end()
    assert again.close(60).objects == 0
    vault, catalogue = opened(tmp_path)
    assert gone
    assert not catalogue.of(kind="updates")
    assert {stone.reason for stone in catalogue.tombstones.values()} == {"the study was stopped"}
    assert not [entry for entry in gone if entry.name in catalogue.keys]
    assert not [finding for finding in vault.check(catalogue) if not finding.holds]


def test_a_run_without_a_vault_keeps_no_updates(tmp_path: Path) -> None:
    simulator.run(tmp_path, simulator.study(3, training={"rounds": 1}))
    assert not (tmp_path / "run" / "vault").exists()
    assert not list((tmp_path / "run").rglob("*.payload"))


def test_a_vault_without_a_key_elsewhere_is_refused_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs", reason="the extra s3 is not installed")
    with pytest.raises(StorageError, match="no key for the vault s3://bucket/vault"):
        Archive(Address("s3://bucket/vault")).check()


def test_a_path_that_leads_out_of_the_run_folder_is_not_restored(tmp_path: Path) -> None:
    address = Address(str(tmp_path / "vault"))
    access.create_at(address)
    writer = access.writer_at(address)
    writer.add(Label("study", "ab" * 32, "../outside"), b"x")
    writer.commit()
    vault, catalogue = opened(tmp_path)
    with pytest.raises(AuditError, match="no file of a run"):
        restoring.restore(vault, catalogue, "ab" * 32, tmp_path / "back")
    assert not (tmp_path / "outside").exists()


def test_a_look_at_a_study_that_goes_on_takes_the_newest_sums_and_all_of_them_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_with(tmp_path, simulator.study(3, training={"rounds": 8}), Archive(Address(str(tmp_path / "vault"))))
    again, looked, stamp = Archive(Address(str(tmp_path / "vault"))), list[str](), files.stamp
    again.begin(RunDirectory(run), archives_study(run))

    def stamp_of(path: Path | str) -> files.Stamp | None:
        looked.append(str(path))
        return stamp(path)

    def sums_looked_at() -> set[str]:
        looked.clear()
        again.notice()
        return {Path(path).parent.name for path in looked if path.endswith("/opening.cbor")} - {str(run / "receipts")}

    again.notice()
    monkeypatch.setattr(files, "stamp", stamp_of)
    assert sums_looked_at() == {"0007", "0008", "0009"}
    heads = [path for path in looked if "/checkpoints/" in path]
    assert len(heads) == 3 < len(list((run / "checkpoints").iterdir()))
    again._whole_at = 0.0
    assert len(sums_looked_at()) == 10
    late = run / "receipts" / "0001" / "hospital-9.cbor"
    late.write_bytes(b"late")
    looked.clear()
    again.notice()
    assert str(late) not in looked
    again.end()
    assert str(late) in looked
    again.close(60)
