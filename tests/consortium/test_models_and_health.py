"""Models that arrived, and whether a party is in order."""

from __future__ import annotations

import dataclasses
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests import simulator
from tests.consortium.enrolled import Consortium, hospital
from typer.testing import CliRunner

from cipherward import study as study_document
from cipherward.cli import app
from cipherward.cli.data import write_example
from cipherward.consortium.approval import modelcode, policyfile
from cipherward.consortium.homes import health, received_models
from cipherward.consortium.homes.lock import is_served, only_one
from cipherward.data.preprocess import Preprocessor
from cipherward.errors import DataError, RefusedError, StorageError, StudyError
from cipherward.parties.outcomes import FAILED, PRESERVED, Outcome
from cipherward.parties.policy import Policy
from cipherward.runs import prediction
from cipherward.runs.modelfile import ModelFile
from cipherward.tasks import catalogue


@pytest.fixture(scope="module")
def everyone(tmp_path_factory: pytest.TempPathFactory) -> Consortium:
    return Consortium(tmp_path_factory.mktemp("consortium"))


def trained(everyone: Consortium, **sections: object) -> ModelFile:
    first = catalogue.begin(everyone.freeze(simulator.study(4, **sections)))
    fitted = Preprocessor(first.study.columns, (0.0, 0.0), (1.0, 1.0), 100, 40)
    return ModelFile(first.study, first.inner.model.groups, first.inner.model.weights, fitted)


def outcomes(*kinds: str) -> list[Outcome]:
    return [Outcome(round, kind, 1, "checked") for round, kind in enumerate(kinds)]


def test_a_received_model_predicts_offline_and_says_that_every_sum_was_verified(everyone: Consortium) -> None:
    model = trained(everyone)
    folder = received_models.keep(everyone.first, model, outcomes(PRESERVED, PRESERVED), rounds=1, auroc=0.7)
    found = received_models.find(everyone.first, model.study.digest().hex()[:8])
    assert found.folder == folder
    assert found.verified
    assert found.auroc == 0.7
    assert found.outcomes[0] == "Privacy Preserved for Client 1"
    scores = prediction.predict(found.file, Path(str(everyone.first.data_source)))
    assert scores.shape == (110,)
    assert bool(np.all((scores > 0) & (scores < 1)))
    assert json.dumps(received_models.to_json(found))


def test_a_received_model_is_fine_tuned_on_the_hospitals_own_rows_and_stays_in_its_home(everyone: Consortium) -> None:
    own = everyone.first
    model = trained(everyone, seed=10, data={"validation_fraction": 0.4})
    wrong = np.where(np.arange(len(model.weights)) < 3, -3.0, 0.0).astype(np.float32)
    model = dataclasses.replace(model, weights=wrong)
    folder = received_models.keep(own, model, outcomes(PRESERVED), rounds=1, auroc=0.7)
    table, home = str(own.data_source), ["--home", str(own.path)]
    missing = CliRunner().invoke(app, ["hospital", "predict", folder.name, table, "--personal", *home])
    assert isinstance(missing.exception, StorageError)
    assert "hospital personalise" in missing.exception.hint
    done = CliRunner().invoke(app, ["hospital", "personalise", folder.name, *home])
    assert done.exit_code == 0, done.output
    assert "clinic-1: moved" in done.stdout
    personal = CliRunner().invoke(app, ["hospital", "predict", folder.name, table, "--personal", *home])
    shared = CliRunner().invoke(app, ["hospital", "predict", folder.name, table, *home])
    assert personal.stdout.count("\n") == shared.stdout.count("\n") == 111
    assert personal.stdout != shared.stdout
    assert received_models.find(own, folder.name).file.name == "model.safetensors"
    assert (folder / "personalised.json").stat().st_mode & 0o077 == 0


def test_a_model_with_one_sum_not_verified_is_not_verified(everyone: Consortium) -> None:
    model = trained(everyone, seed=11)
    received_models.keep(everyone.first, model, outcomes(PRESERVED, FAILED), rounds=1, auroc=None)
    assert not received_models.find(everyone.first, model.study.digest().hex()).verified
    nothing = trained(everyone, seed=12)
    received_models.keep(everyone.first, nothing, [], rounds=0, auroc=None)
    assert not received_models.find(everyone.first, nothing.study.digest().hex()).verified


def test_a_model_of_another_study_or_with_damaged_findings_is_not_used(everyone: Consortium) -> None:
    one, two = trained(everyone, seed=21), trained(everyone, seed=22)
    first = received_models.keep(everyone.first, one, outcomes(PRESERVED), rounds=1, auroc=None)
    second = received_models.keep(everyone.first, two, outcomes(PRESERVED), rounds=1, auroc=None)
    (first / "model.safetensors").write_bytes((second / "model.safetensors").read_bytes())
    with pytest.raises(DataError, match="belongs to another study"):
        received_models.find(everyone.first, first.name)
    (second / "verification.json").write_text("{}")
    with pytest.raises(DataError, match="missing or damaged"):
        received_models.find(everyone.first, second.name)
    with pytest.raises(StudyError, match="no model"):
        received_models.find(everyone.first, "nothing")


def test_model_code_is_loaded_from_the_list_in_the_policy_only() -> None:
    study = simulator.study(5, model={"kind": "custom", "package": "torch.nn:Identity"})
    with pytest.raises(RefusedError, match="does not allow the model package"):
        modelcode.factory_of(study, Policy())
    allowed = Policy(packages=frozenset({"torch.nn:Identity", "no_such_module:f", "os:sep"}))
    assert modelcode.factory_of(study, allowed) is not None
    for name in ("no_such_module:f", "os:sep"):
        with pytest.raises(StudyError):
            modelcode.factory_of(simulator.study(5, model={"kind": "custom", "package": name}), allowed)
    assert modelcode.factory_of(simulator.study(5), Policy()) is None


# health


def bad(findings: list[health.Finding]) -> dict[str, str]:
    return {finding.what: finding.detail for finding in findings if not finding.holds}


def test_a_party_whose_service_runs_is_in_order(tmp_path: Path) -> None:
    everyone = Consortium(tmp_path, 3)
    assert set(bad(health.hospital(everyone.first))) == {"service"}
    assert set(bad(health.coordinator(everyone.coordinator))) == {"service"}
    for home in (everyone.first, everyone.coordinator):
        home.write_status({"connected": True, "doing": "waiting"})
    assert "last seen" in bad(health.coordinator(everyone.coordinator))["service"]
    with only_one(everyone.first), only_one(everyone.coordinator):
        assert bad(health.hospital(everyone.first)) == {}
        assert bad(health.coordinator(everyone.coordinator)) == {}
        everyone.first.write_status({"connected": True, "time": "2020-01-01T00:00:00+00:00"})
        assert "has said nothing for" in bad(health.hospital(everyone.first))["service"]


def test_a_home_is_served_by_one_process_at_most(tmp_path: Path) -> None:
    home = Consortium(tmp_path, 3).first
    assert not is_served(home)
    with only_one(home):
        assert is_served(home)
        with pytest.raises(StorageError, match=r"runs on .* already"), only_one(home):
            pass
    assert not is_served(home)


def test_everything_that_is_not_in_order_is_found(tmp_path: Path) -> None:
    everyone = Consortium(tmp_path, 3)
    own = everyone.first
    (own.path / "tls.key").chmod(0o644)
    own.policy_file.write_text("schemes = 1")
    Path(str(own.data_source)).unlink()
    own.alarm("letter refused", {})
    own.write_status({"connected": False, "reason": "no route to host"})
    with only_one(own):
        found = bad(health.hospital(own, datetime.now(UTC)))
    assert set(found) == {"keys", "policy", "table", "service", "alarms"}
    assert "no route to host" in found["service"]
    later = bad(health.hospital(own, datetime.now(UTC) + timedelta(days=390)))
    assert "expires in" in later["certificate tls.crt"]
    assert "not running" in later["service"]
    assert "alarms" not in later
    assert "expired" in bad(health.hospital(own, datetime.now(UTC) + timedelta(days=500)))["certificate tls.crt"]


def test_a_full_disk_is_named_by_health_and_status_at_both_sides_though_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everyone = Consortium(tmp_path, 3)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1 << 20))
    for role, home, findings in (
        ("hospital", everyone.first, health.hospital(everyone.first)),
        ("coordinator", everyone.coordinator, health.coordinator(everyone.coordinator)),
    ):
        (found,) = [finding for finding in findings if finding.what == "disk"]
        assert not found.holds
        assert found.detail == "the disk is full: 1 MiB free"
        assert "free space" in found.hint
        home.write_status({"connected": True, "time": "2020-01-01T00:00:00+00:00"})
        with only_one(home):
            said = CliRunner().invoke(app, [role, "status", "--home", str(home.path)]).output
        assert "the disk is full: 1 MiB free; free space" in said


def test_a_clock_before_the_certificates_begin_is_named_at_both_sides(tmp_path: Path) -> None:
    everyone = Consortium(tmp_path, 3)
    early = datetime.now(UTC) - timedelta(days=400)
    for found in (bad(health.hospital(everyone.first, early)), bad(health.coordinator(everyone.coordinator, early))):
        assert "wrong clock" in found["certificate tls.crt"]


def test_a_damaged_certificate_shuts_out_its_member_only_and_is_a_finding(tmp_path: Path) -> None:
    everyone = Consortium(tmp_path, 3)
    home = everyone.coordinator
    names = {member.name for member in home.members.active}
    assert set(home.users()) == {"coordinator", *names}
    first = min(names)
    home.certificate(first).write_text("damaged")
    assert set(home.users()) == {"coordinator", *(names - {first})}
    assert first in bad(health.coordinator(home))["certificates of members"]
    later = datetime.now(UTC) + timedelta(days=380)
    assert all(name in bad(health.coordinator(home, later))["certificates of members"] for name in names)


def test_a_waiting_members_list_is_a_finding(tmp_path: Path) -> None:
    from cipherward.consortium.membership import enrolment

    everyone = Consortium(tmp_path, 3)
    enrolment.revoke(everyone.coordinator, "clinic-3")
    everyone.first.receive_members(everyone.coordinator.chain())
    assert "waits for confirmation" in bad(health.hospital(everyone.first))["members"]
    assert "not enrolled" in bad(health.hospital(hospital(tmp_path / "new")))["membership"]


def test_a_log_cut_short_by_a_crash_is_read_up_to_there(tmp_path: Path) -> None:
    own = hospital(tmp_path / "h")
    own.alarm("one", {"n": 1})
    with (own.path / "log.jsonl").open("ab") as file:
        file.write(b'{"time": "2026-')
    assert [line["event"] for line in own.alarms()] == ["one"]


# the example


def test_the_example_is_synthetic_fits_its_tables_and_needs_no_paths_in_a_consortium(tmp_path: Path) -> None:
    path, tables = write_example(tmp_path / "trial", n_hospitals=3, encounters=60, seed=5)
    study = study_document.load(path)
    assert study.synthetic
    assert list(tables) == [hospital.name for hospital in study.hospitals]
    from cipherward.data.sources import load_hospitals

    loaded = load_hospitals(study, None, path.parent)
    assert all(data.table.height >= 50 for data in loaded)
    assert len({data.table.height for data in loaded}) > 1
    with pytest.raises(StorageError, match="not an empty folder"):
        write_example(tmp_path / "trial", n_hospitals=3, encounters=60, seed=5)
    policyfile.parse(policyfile.DEFAULT, "x").check(study)
