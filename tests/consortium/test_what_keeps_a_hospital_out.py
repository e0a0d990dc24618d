"""A hospital that cannot take part says so by one word, which the coordinator's status shows, and takes it back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests import simulator
from tests.consortium.consortium import Consortium, document
from tests.consortium.packets_in import kinds_in
from tests.consortium.test_refusals import refusal_of
from typer.testing import CliRunner

from cipherward.cli import app
from cipherward.consortium.approval import approvals
from cipherward.consortium.service import hospital_study, letters
from cipherward.consortium.service.letters import Offer

ME = "clinic-4"


def table_of(four: Consortium) -> Path:
    table = four.hospital(ME).data_source
    assert isinstance(table, Path)
    return table


def change(path: Path, text: str) -> None:
    """Write the file with a time that differs even on a coarse clock."""
    before = path.stat().st_mtime_ns
    path.write_text(text)
    os.utime(path, ns=(before + 1_000_000_000, before + 1_000_000_000))


def shown(four: Consortium) -> str:
    """What `coordinator status` prints."""
    four.home.write_status({"running": True, "connected": True, "studies": four.desk.status()})
    return CliRunner().invoke(app, ["coordinator", "status", "--home", str(four.home.path)]).output


def test_a_table_that_does_not_fit_is_told_once_people_have_approved_and_taken_back(four: Consortium) -> None:
    good = table_of(four).read_text()
    four.start(document(4, aggregation={"deadline_seconds": 1.0}), begin_after=0.0)
    four.approve()
    change(table_of(four), good.replace(",A,", ",Zzyx,"))  # it fitted when people approved
    four.poll()
    mine = [letter for sender, _, letter in four.queue if sender == ME]
    assert [refusal_of(four, letter, ME) for letter in mine if "Refusal" in kinds_in(letter)] == [("data",)]
    assert not any(b"Zzyx" in letter for letter in mine)
    four.pump()
    assert four.status()["refused"] == {ME: ["data"]}
    assert "refused by the hospital itself: clinic-4 (data: its table cannot be read, or does not" in shown(four)
    (own,) = four.desks[ME].status()
    assert own["phase"] == "refused"
    assert "the data here cannot be used: " in own["why_not"]
    assert "ward" in own["why_not"]
    assert any("table cannot be used" in reason for reason in four.alarms(ME))
    assert four.status()["phase"] == "finished"  # the others did not wait for it
    (folder,) = four.home.study_folders()
    assert simulator.contributors(folder)[0] == [1, 2, 3]


def test_a_table_that_was_corrected_before_the_study_began_lets_it_begin(four: Consortium) -> None:
    good = table_of(four).read_text()
    four.start(document(4))
    four.approve()
    change(table_of(four), good.replace(",A,", ",Zzyx,"))
    four.pump()
    assert (four.status()["phase"], four.status()["refused"]) == ("offered", {ME: ["data"]})
    four.restart_hospital(ME)
    four.pump()
    assert (four.status()["phase"], four.status()["refused"]) == ("offered", {ME: ["data"]})
    change(table_of(four), good)
    four.pump()
    assert (four.status()["phase"], four.status()["refused"]) == ("finished", {})
    (folder,) = four.home.study_folders()
    assert simulator.contributors(folder)[0] == [1, 2, 3, 4]


def test_an_offer_that_cannot_be_kept_is_answered_and_a_later_good_one_takes_it_back(four: Consortium) -> None:
    bad = True
    home = four.hospital(ME)
    hand_over, dropped = four.hand_over, list[bytes]()

    def without_the_good_one(sender: str, to: str, letter: bytes) -> None:
        if not (bad and to == ME and "Offer" in kinds_in(letter)):
            hand_over(sender, to, letter)
            return
        dropped.append(letter)
        offered = letters.open_letter(letter, to=ME, key=four.home.coordinator_key, from_coordinator=True)
        spoiled = Offer(offered.body.document.replace('name = "tiny"', 'name = "tiny\\u0007"'), b"")
        answers = four.desks[ME].receive(
            letters.seal(four.home.identity, ME, offered.study, spoiled, from_coordinator=True)
        )
        assert [refusal_of(four, answer, ME) for answer in answers] == [("offer",)]
        four.queue.extend((ME, "coordinator", answer) for answer in answers)

    four.hand_over = without_the_good_one  # type: ignore[method-assign]
    four.start(document(4))
    four.pump()
    assert dropped
    assert approvals.offers(home) == []
    assert four.status()["refused"] == {ME: ["offer"]}
    assert "clinic-4 (offer: it cannot be used there, or is not for that hospital)" in shown(four)
    bad = False
    four.now += 400  # it is offered again
    four.pump()
    assert len(approvals.offers(home)) == 1
    assert four.status()["refused"] == {}
    four.approve()
    four.pump()
    assert four.status()["phase"] == "finished"


def test_files_of_a_study_that_are_damaged_here_are_told_and_their_repair_is(four: Consortium) -> None:
    four.start(document(4))
    (folder,) = four.hospital(ME).study_folders()
    whole = (folder / "study.toml").read_bytes()
    (folder / "study.toml").write_bytes(whole[:-50])
    four.restart_hospital(ME)
    four.pump()
    assert four.status()["refused"] == {ME: ["files"]}
    (folder / "study.toml").write_bytes(whole)
    four.pump()
    assert four.status()["refused"] == {}


def test_after_the_last_day_nobody_contributes_and_the_coordinator_hears_why(
    four: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    four.start(document(4, until="2099-12-31"), begin_after=0.0)
    four.approve()
    assert four.status()["approved_by"] == {}
    while not four.sums_opened:
        if not four.queue:
            four.poll()
        four.step()
    assert set(four.status()["approved_by"]) == set(four.names)
    assert "approved by: clinic-1 (Dr Example, 20" in shown(four)
    monkeypatch.setattr(hospital_study, "time", lambda: 4_102_444_800.0)  # 2100-01-01
    four.pump()
    assert four.status()["phase"] != "finished"
    assert four.status()["refused"] == {name: ["until"] for name in four.names}
    assert "until: the study's last day has passed" in shown(four)
    (own,) = four.desks[ME].status()
    assert own["why_not"] == "the study 'tiny' ended on 2099-12-31 (until)"
    assert own["approved_by"].startswith("Dr Example, 20")
