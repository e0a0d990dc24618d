"""A coordinator's home that was restored from an old backup: it hears so from every hospital, and people at both sides read it."""

from __future__ import annotations

import shutil

import pytest
from tests.cli.test_cli import call
from tests.consortium.consortium import Consortium, document

from cipherward.consortium.homes.alarms import Alarms
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.service.coordinator_desk import CoordinatorDesk
from cipherward.runs.audit_check import verify_run

ME = "clinic-1"


def sums(four: Consortium) -> int:
    return int(four.desks[ME].status()[0]["sums_verified"])


def run_until(four: Consortium, number: int) -> None:
    while sums(four) < number:
        if not four.queue:
            four.poll()
        four.step()


def restore(four: Consortium) -> None:
    shutil.rmtree(four.home.path)
    shutil.copytree(four.folder / "old", four.home.path)
    four.queue.clear()
    four.home = CoordinatorHome(four.home.path)
    four.desk = CoordinatorDesk(four.home, lambda: four.now)
    four.put_down(four.desk.start())
    for name in four.names:
        four.queue.append((name, "coordinator", four.desks[name].sign_of_life(four.now)))
    four.pump()


@pytest.mark.parametrize("of", ["before the offer", "after one sum"])
def test_an_old_copy_is_told_so_and_the_hospitals_are_sent_to_its_people(four: Consortium, of: str) -> None:
    if of == "before the offer":
        shutil.copytree(four.home.path, four.folder / "old")
    four.start(document(4, training={"rounds": 4}))
    four.approve()
    run_until(four, 1)
    if of == "after one sum":
        shutil.copytree(four.home.path, four.folder / "old")
    run_until(four, 3)
    restore(four)
    alarms = [one for one in Alarms(four.home.path).all() if one.event == "home is older than a hospital's"]
    assert {one.who for one in alarms} == set(four.names)
    way_out = "ask the hospitals to withdraw" if of == "before the offer" else "`cipherward coordinator restored STUDY"
    for alarm in alarms:
        assert "bring the current one back; where there is none: " + way_out in alarm.hint
    assert "old copy of itself: call its people" in four.desks[ME].status()[0]["waits"]
    if of == "after one sum":
        assert "restored from an old backup" in four.status()["waits"]
        (hint,) = {one.hint for one in Alarms(four.hospital(ME).path).all() if "behind us" in one.reason}
        assert "the coordinator's home is an old copy" in hint


def test_people_who_say_that_a_study_was_restored_let_it_go_on_with_what_hospitals_have_verified(
    four: Consortium, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = four.begin(document(4, training={"rounds": 4}))
    run_until(four, 1)
    shutil.copytree(four.home.path, four.folder / "old")
    run_until(four, 3)
    restore(four)
    assert "restored from an old backup" in four.status()["waits"]
    assert call(capsys, "coordinator", "restored", "tiny", "--from", "tape of 3 May", "--home", four.home.path)[0] == 0
    for _ in range(4):
        four.now += 700
        for name in four.names:
            four.put_down(four.desk.receive(name, four.desks[name].sign_of_life(four.now)))
        four.pump()
    assert four.status()["phase"] == "finished"
    lines = list(verify_run(folder))
    assert [line for line in lines if not line.holds] == []
    (earlier,) = [line for line in lines if line.outcome == "earlier log"]
    assert "was restored from tape of 3 May" in earlier.detail


def test_a_current_home_is_not_called_old_at_any_sum_nor_after_a_restart(four: Consortium) -> None:
    four.start(document(4, training={"rounds": 3}))
    four.approve()
    while four.status()["phase"] != "finished":
        if not four.queue:
            four.poll()
        four.step()
        for name in four.names:
            four.desk.receive(name, four.desks[name].sign_of_life(four.now))
    four.restart_host()
    for name in four.names:
        four.desk.receive(name, four.desks[name].sign_of_life(four.now))
    assert Alarms(four.home.path).all() == []
