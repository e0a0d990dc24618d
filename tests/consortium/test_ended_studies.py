"""A study that is over, finished or stopped: nothing can be withdrawn from it, and verifying it says what is true."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests import simulator
from tests.consortium.consortium import Consortium, document
from tests.consortium.packets_in import kinds_in
from typer.testing import CliRunner, Result

from cipherward.cli import app
from cipherward.cli.terminal import NOT_VERIFIED
from cipherward.consortium.approval import approvals
from cipherward.consortium.service import hospital_study, offering
from cipherward.errors import RefusedError, StorageError


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    """Four hospitals; the study "stopped" was stopped in its second sum, the study "finished" is finished."""
    four = Consortium(tmp_path_factory.mktemp("ended"), 4)
    four.start(document(4, name="stopped"))
    four.approve()

    def before(sender: str, to: str, letter: bytes) -> None:
        if "Update" in kinds_in(letter) and four.sums_opened == 1:
            offering.stop(four.home, "stopped", "funding ended")

    four.before = before
    four.pump()
    assert four.status()["phase"] == "stopped"
    four.before = lambda sender, to, letter: None
    four.start(document(4, name="finished", data={"test_fraction": 0.4}))
    four.approve()
    four.pump()
    assert four.desk.status()[-1]["phase"] == "finished"
    yield four
    four.close()


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.parametrize(
    ("study", "what", "next_"),
    [
        ("finished", "the study 'finished' is finished: nothing more leaves", "what was opened stays in the model, in"),
        ("stopped", "the coordinator stopped the study 'stopped'", "nothing is left to do"),
    ],
)
def test_nobody_withdraws_from_a_study_that_is_over(ended: Consortium, study: str, what: str, next_: str) -> None:
    home = ended.hospital("clinic-1")
    for words in ((), ("--yes",)):  # refused before anything is asked
        refused = call("hospital", "withdraw", study, *words, "--home", home.path)
        assert isinstance(refused.exception, RefusedError)
        assert what in refused.exception.message
        assert next_ in refused.exception.hint
        assert "for good" not in refused.output
    offered = approvals.find(home, study)
    assert (offered.status, offered.withdrawal) == ("approved", b"")
    folder = home.model_folder(study, offered.digest)
    assert simulator.lines_of(folder)
    assert ended.desks["clinic-1"].poll() == []


def model_folder(ended: Consortium, name: str, study: str) -> Path:
    (found,) = ended.hospital(name).models.glob(f"{study}-*")
    return found


@pytest.mark.parametrize("study", ["finished", "stopped"])
def test_verifying_at_a_hospital_does_not_say_that_the_others_were_away(ended: Consortium, study: str) -> None:
    shown = call("verify", "--verbose", model_folder(ended, "clinic-2", study))
    assert shown.exit_code == 0
    about = {
        name: [line for line in shown.output.splitlines() if f" {name}: " in line and "audit" not in line]
        for name in ended.names
    }
    assert all("Sum verified for Client 2 (it agreed to be singled out" in line for line in about["clinic-2"])
    for name in ("clinic-1", "clinic-3", "clinic-4"):
        assert about[name]
        assert all("(contributed; its receipt went to the coordinator: " in line for line in about[name])
    assert "away" not in shown.output


def test_verifying_at_the_coordinator_says_what_may_be_behind_a_missing_receipt(
    ended: Consortium, tmp_path: Path
) -> None:
    (folder,) = (path for path in ended.home.study_folders() if (path / "result.json").exists())
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / "receipts" / "0001" / "hospital-3.cbor").unlink()
    (missing,) = (line for line in simulator.lines_of(copy) if line.outcome == "no receipt")
    assert (missing.hospital, missing.round) == ("clinic-3", 1)
    assert missing.detail == (
        "contributed; none has arrived here: it was away when the sum was verified, or found that it did not verify"
    )


def folder_of(ended: Consortium, name: str, study: str) -> Path:
    if name != "coordinator":
        return model_folder(ended, name, study)
    (found,) = (path for path in ended.home.study_folders() if f'name = "{study}"' in (path / "study.toml").read_text())
    return found


@pytest.mark.parametrize("name", ["coordinator", "clinic-2"])
def test_the_report_of_a_stopped_study_is_of_the_sums_until_then_and_says_so(ended: Consortium, name: str) -> None:
    folder = folder_of(ended, name, "stopped")
    made = call("report", folder)
    assert made.exit_code == 0, made.output
    assert "ended before its last sum" in made.output
    text = (folder / "report.html").read_text("utf-8")
    assert "This study was stopped by the coordinator after 2 of 4 sums" in text
    assert "funding ended" in text
    assert "no final model" in text
    assert "holds</span>" in text
    assert "Seen by the coordinator" in text if name == "coordinator" else f"Seen by <bdi>{name}</bdi>" in text
    assert (name == "coordinator") == ("No message was set aside" in text)
    assert (name == "coordinator") == ("Receipts that hold" in text)
    assert "was away" not in text


def test_a_stopped_study_whose_files_do_not_prove_it_is_reported_as_such(ended: Consortium, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder_of(ended, "coordinator", "stopped"), tmp_path / "copy"))
    opening = copy / "receipts" / "0001" / "opening.cbor"
    opening.write_bytes(opening.read_bytes()[:-1])
    made = call("report", copy)
    assert made.exit_code == NOT_VERIFIED
    assert "do not prove its sums" in (copy / "report.html").read_text("utf-8")


def test_a_study_that_runs_or_has_no_sum_says_why_there_is_no_report(tmp_path: Path) -> None:
    four = Consortium(tmp_path, 4)
    try:
        folder = four.start(document(4))
        nothing = call("report", folder)
        assert isinstance(nothing.exception, StorageError)
        assert "the study 'tiny' has not ended: 0 of 4 sums" in nothing.exception.message
        assert "cipherward verify" in nothing.exception.hint
        offering.stop(four.home, "tiny", "too early")
        four.pump()
        nothing = call("report", folder)
        assert isinstance(nothing.exception, StorageError)
        assert "was stopped by the coordinator before a sum was opened (too early)" in nothing.exception.message
    finally:
        four.close()


def test_a_study_whose_last_day_passes_in_the_middle_ends_everywhere_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    four = Consortium(tmp_path, 4)
    monkeypatch.setattr(hospital_study, "time", lambda: four.now)
    last_day = datetime.fromtimestamp(four.now, UTC).date()
    four.start(document(4, name="short", until=last_day.isoformat()))
    four.approve()

    def days_later(sender: str, to: str, letter: bytes) -> None:
        if "Update" in kinds_in(letter) and four.sums_opened == 1:
            four.now += 2 * 86_400

    four.before = days_later
    four.pump()
    four.now += 1
    four.pump()
    why = f"the study 'short' ended on {last_day} (until)"
    status = four.status()
    assert (status["phase"], status["reason"]) == ("stopped", why)
    assert status["sums_opened"] in (1, 2)
    for desk in four.desks.values():
        (mine,) = desk.status()
        assert (mine["phase"], mine["stopped"]) == ("stopped", why)
    four.close()


def test_a_study_whose_votes_can_never_be_enough_ends_when_people_stop_it(tmp_path: Path) -> None:
    three = Consortium(tmp_path, 3)
    three.start(document(3))
    three.approve()

    def before(sender: str, to: str, letter: bytes) -> None:
        if to == "clinic-1" and "ConsentRequest" in kinds_in(letter) and not three.status().get("withdrawn"):
            three.withdraw("clinic-1")

    three.before = before
    three.pump()
    assert (three.status()["phase"], three.status()["step"]) == ("running", "consent")
    assert "it can never go on: clinic-1 left for good" in three.status()["waits"]
    offering.stop(three.home, "tiny", "clinic-1 left")
    three.pump()
    assert three.status()["phase"] == "stopped"
    assert {three.desks[name].status()[0]["phase"] for name in ("clinic-2", "clinic-3")} == {"stopped"}
    three.close()
