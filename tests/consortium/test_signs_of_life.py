"""Everybody sees when the others were last heard of, and whom a study waits for and why."""

from __future__ import annotations

import re
import shutil
import time

import pytest
from tests.consortium.consortium import NOW, Consortium, document
from typer.testing import CliRunner

from cipherward.cli import app
from cipherward.consortium.homes import health, lock
from cipherward.consortium.homes.alarms import open_alarms
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.membership import enrolment
from cipherward.consortium.membership.authority import COORDINATOR_NAME
from cipherward.consortium.service.hospital_desk import HospitalDesk

LATER = 1_000.0


@pytest.fixture
def signs(four: Consortium) -> Consortium:
    for desk in four.desks.values():
        desk._clock = lambda: four.now
    return four


def say_alive(four: Consortium, *names: str) -> None:
    for name in names:
        four.queue.append((name, COORDINATOR_NAME, four.desks[name].sign_of_life(four.now)))
    four.pump()


def test_a_dead_machine_and_people_who_have_not_decided_are_told_apart(signs: Consortium) -> None:
    signs.start(document(4))
    say_alive(signs, *signs.names)
    signs.approve("clinic-1", "clinic-2")
    signs.now += LATER
    say_alive(signs, "clinic-1", "clinic-2", "clinic-3")
    words = signs.status()["waits"]
    assert "clinic-3: its people's approval; its service is alive" in words
    assert "clinic-4: its people's approval; no sign of life since 2027-01-15" in words
    assert "clinic-1" not in words


def test_a_hospital_hears_of_the_others_and_whom_its_study_waits_for(signs: Consortium) -> None:
    signs.start(document(4))
    signs.approve("clinic-1", "clinic-2", "clinic-3")
    say_alive(signs, *signs.names)
    say_alive(signs, "clinic-1")
    desk = signs.desks["clinic-1"]
    assert desk.seen.all() == {COORDINATOR_NAME: NOW} | dict.fromkeys(signs.names[1:], NOW)
    assert "clinic-4: its people's approval" in desk.status()[0]["waits"]
    assert (
        signs.desks["clinic-4"].status()[0]["waits"] == "this hospital's own approval: cipherward hospital review tiny"
    )


def test_who_was_revoked_is_not_looked_for_any_more(signs: Consortium) -> None:
    say_alive(signs, *signs.names)
    enrolment.revoke(signs.home, "clinic-4")
    say_alive(signs, "clinic-1")
    assert set(signs.desk.seen()) == {"clinic-1", "clinic-2", "clinic-3"}
    assert set(signs.desks["clinic-1"].seen.all()) == {COORDINATOR_NAME, "clinic-2", "clinic-3"}


def test_whoever_is_waited_for_is_named_however_many_they_are(signs: Consortium) -> None:
    signs.start(document(4))
    say_alive(signs, *signs.names)
    assert signs.status()["waits"] == (
        "clinic-1, clinic-2, clinic-3, clinic-4: its people's approval; its service is alive"
    )
    everybody = ", ".join(f"clinic-{number}" for number in range(200))
    signs.home.write_status({"studies": [signs.status() | {"waits": f"{everybody}: its update"}]})
    said = CliRunner().invoke(app, ["coordinator", "status", "--home", str(signs.home.path)]).output
    assert f"waits for: {everybody}: its update" in said


def test_a_study_of_another_version_is_no_damage_and_no_alarm(signs: Consortium) -> None:
    signs.start(document(4))
    for path in [signs.home.path, *(signs.hospital(name).path for name in signs.names)]:
        (frozen,) = path.glob("studies/*/study.toml")
        frozen.write_text(re.sub(r"(?m)^format = \d+$", "format = 1", frozen.read_text()))
    signs.restart_host()
    signs.desks["clinic-1"].close()
    home = HospitalHome(signs.hospital("clinic-1").path)
    signs.desks["clinic-1"] = HospitalDesk(home)
    for found in (signs.status(), signs.desks["clinic-1"].status()[0]):
        assert (found["study"], found["phase"]) == ("tiny", "of another version")
        assert "frozen by another version of cipherward" in found["last_error"]
    assert not open_alarms(signs.home.path)
    assert not open_alarms(home.path)
    (finding,) = [each for each in health.hospital(home) if each.what == "studies"]
    assert finding.holds
    assert "1 of another version" in finding.detail


def test_an_old_letter_that_waited_in_a_mailbox_is_no_sign_of_life_of_now(signs: Consortium) -> None:
    letter = signs.desks["clinic-1"].sign_of_life(signs.now)
    signs.now += LATER
    signs.desk.receive("clinic-1", letter)
    assert signs.desk.seen() == {"clinic-1": NOW}
    ahead = signs.desks["clinic-2"].sign_of_life(signs.now + 10 * LATER)
    signs.desk.receive("clinic-2", ahead)
    assert signs.desk.seen()["clinic-2"] == signs.now


def test_a_study_that_can_never_go_on_says_so_and_how_to_end_it(signs: Consortium) -> None:
    signs.start(document(4))
    signs.approve("clinic-1", "clinic-2")
    signs.pump()
    enrolment.revoke(signs.home, "clinic-4")
    signs.pump()
    assert "it can never begin" in signs.status()["waits"]
    assert "clinic-4 left for good" in signs.status()["waits"]
    assert "cipherward coordinator stop tiny" in signs.status()["waits"]
    enrolment.revoke(signs.home, "clinic-3")
    signs.pump()
    assert "it can never go on" in signs.status()["waits"]


def test_a_coordinator_that_is_silent_makes_a_hospital_s_health_bad_while_it_runs(
    signs: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "is_served", lambda home: True)
    home = signs.hospital("clinic-1")
    home.write_status({"running": True, "connected": True, "seen": {COORDINATOR_NAME: 1_000_000.0}})
    (finding,) = [each for each in health.hospital(home) if each.what == "coordinator"]
    assert not finding.holds
    assert "no sign of life since 1970" in finding.detail
    home.write_status({"running": True, "connected": False, "seen": {COORDINATOR_NAME: 1_000_000.0}})
    (finding,) = [each for each in health.hospital(home) if each.what == "coordinator"]
    assert finding.holds
    assert "not known while this hospital is not connected" in finding.detail


def test_hospitals_that_are_silent_make_the_coordinator_s_health_bad_with_what_to_do(
    signs: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "is_served", lambda home: True)
    own, names = signs.home, ["clinic-1", "clinic-2"]

    def hospitals(**status: object) -> health.Finding:
        own.write_status({"running": True, "connected": True, "members": names} | status)
        return next(each for each in health.coordinator(own) if each.what == "hospitals")

    assert hospitals(seen={"clinic-1": time.time()}).holds
    assert "clinic-2: no sign of life yet" in hospitals(seen={"clinic-1": time.time()}).detail
    found = hospitals(seen={"clinic-1": 1_000_000.0, "clinic-2": time.time()})
    assert not found.holds
    assert found.detail == "clinic-1: no sign of life since 1970-01-12 13:46 UTC"
    assert found.hint.startswith("call clinic-1: there, cipherward hospital status")
    assert hospitals(seen={"clinic-1": 1_000_000.0}, connected=False).holds


def test_a_name_that_the_server_s_certificate_does_not_hold_is_found_at_the_coordinator(signs: Consortium) -> None:
    (found,) = [each for each in health.coordinator(signs.home) if each.what == "names"]
    assert found.holds
    signs.home.settings["hosts"] = ["10.0.0.9", "hub.example.org"]
    (found,) = [each for each in health.coordinator(signs.home) if each.what == "names"]
    assert "server.crt is not for 10.0.0.9, hub.example.org" in found.detail
    assert "coordinator renew" in found.hint
    enrolment.renew(signs.home)
    (found,) = [each for each in health.coordinator(signs.home) if each.what == "names"]
    assert found.holds


def test_a_study_of_a_coordinator_that_is_silent_waits_for_the_coordinator(signs: Consortium) -> None:
    signs.start(document(4))
    signs.approve("clinic-1", "clinic-2", "clinic-3")
    say_alive(signs, *signs.names)
    desk = signs.desks["clinic-1"]
    assert "clinic-4: its people's approval" in desk.status()[0]["waits"]
    signs.now += LATER
    assert desk.status()[0]["waits"] == "the coordinator: no sign of life since 2027-01-15 08:00 UTC"


def test_the_status_of_a_hospital_does_not_call_others_dead_because_the_coordinator_is(
    signs: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = signs.hospital("clinic-1")
    now = time.time()
    home.write_status({"connected": True, "seen": {COORDINATOR_NAME: now - LATER, "clinic-2": now - LATER}})
    with lock.only_one(home):
        said = CliRunner().invoke(app, ["hospital", "status", "--home", str(home.path)]).output
        assert "coordinator: no sign of life since" in said
        assert "clinic-2: not known, since the coordinator is silent" in said
        home.write_status({"connected": True, "seen": {COORDINATOR_NAME: now, "clinic-2": now - 200}})
        said = CliRunner().invoke(app, ["hospital", "status", "--home", str(home.path)]).output
        assert "clinic-2: its last sign of life was 3 minutes ago" in said
    said = CliRunner().invoke(app, ["hospital", "status", "--home", str(home.path)]).output
    assert "clinic-2: last heard of" in said


@pytest.mark.parametrize("off", [7200.0, -7200.0], ids=["hospital ahead", "hospital behind"])
def test_a_wrong_clock_is_told_from_a_dead_party_at_both_sides(signs: Consortium, off: float) -> None:
    desk = signs.desks["clinic-1"]
    desk._clock = lambda: signs.now + off
    signs.start(document(4))
    for _ in range(3):
        signs.now += 60.0
        signs.queue.append(("clinic-1", COORDINATOR_NAME, desk.sign_of_life(signs.now + off)))
        signs.pump()
    there, here = ("ahead of", "behind") if off > 0 else ("behind", "ahead of")
    waits = signs.status()["waits"]
    assert f"clinic-1: its people's approval; its service is alive; its clock is 120 minutes {there} this" in waits
    assert desk.seen.all()[COORDINATOR_NAME] == signs.now + off
    for home, clocks, name, which in (
        (signs.home, signs.desk.clocks(), "clinic-1", there),
        (signs.hospital("clinic-1"), desk.seen.clocks, COORDINATOR_NAME, here),
    ):
        assert set(clocks) == {name}
        home.write_status({"clocks": clocks})
        found = health.clocks(home)
        assert not found.holds
        assert f"wrong clock, here or there: {name}: its clock is 120 minutes {which} this machine's" in found.detail


def test_letters_that_waited_on_their_way_are_no_sign_of_a_wrong_clock(signs: Consortium) -> None:
    late = [signs.desks["clinic-1"].sign_of_life(signs.now + 60.0 * minute) for minute in range(5)]
    signs.now += 7200.0
    for letter in late:
        signs.now += 1.0
        signs.desk.receive("clinic-1", letter)
    assert signs.desk.clocks() == {}


def test_health_names_the_study_that_waits_for_review_and_the_admission_that_has_not_come(signs: Consortium) -> None:
    signs.start(document(4))
    (finding,) = [each for each in health.hospital(signs.hospital("clinic-1")) if each.what == "studies"]
    assert finding.holds
    assert "tiny waits for review: cipherward hospital review tiny" in finding.detail
    enrolment.create_hospital(signs.folder / "new", data=signs.folder / "tables" / "clinic-1.csv")
    new = HospitalHome(signs.folder / "new")
    (finding,) = [each for each in health.hospital(new) if each.what == "membership"]
    assert "not invited yet" in finding.detail
    enrolment.accept_invitation(new, enrolment.invite(signs.home, "new"))
    (finding,) = [each for each in health.hospital(HospitalHome(new.path)) if each.what == "membership"]
    assert "wait for the admission" in finding.hint


def test_a_coordinator_that_was_restored_from_an_old_backup_is_told_so_by_its_own_alarm(signs: Consortium) -> None:
    copy = signs.folder / "backup"
    shutil.copytree(signs.home.path, copy)
    enrolment.revoke(signs.home, "clinic-4")
    signs.pump()
    shutil.rmtree(signs.home.path)
    shutil.copytree(copy, signs.home.path)
    signs.restart_host()
    say_alive(signs, "clinic-1", "clinic-1")
    (alarm,) = [alarm for alarm in open_alarms(signs.home.path) if "older" in alarm.event]
    assert (alarm.who, alarm.times) == ("clinic-1", 1)
    assert "found a new consortium" in alarm.hint


def test_what_was_heard_outlives_a_restart(signs: Consortium) -> None:
    say_alive(signs, "clinic-1")
    signs.home.write_status({"seen": signs.desk.seen()})
    signs.restart_host()
    assert signs.desk.seen() == {"clinic-1": NOW}
    home = signs.hospital("clinic-2")
    home.write_status({"seen": {COORDINATOR_NAME: 5.0}})
    signs.desks["clinic-2"].close()
    signs.desks["clinic-2"] = HospitalDesk(HospitalHome(home.path))
    assert signs.desks["clinic-2"].seen.all() == {COORDINATOR_NAME: 5.0}
