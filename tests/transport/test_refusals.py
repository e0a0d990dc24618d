"""A port scan is one thing for people to read, not a thousand."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from tests.consortium import enrolled

from cipherward.consortium.homes.alarms import open_alarms
from cipherward.consortium.membership import authority, enrolment
from cipherward.store import files
from cipherward.transport.link import Link
from cipherward.transport.refusals import RefusalAlarms

HANDSHAKE = "[1] 10.0.0.9:7 - TLS handshake error: EOF"


def test_a_stray_handshake_is_news_and_no_alarm_and_does_not_make_health_bad(tmp_path: Path) -> None:
    home = enrolled.coordinator(tmp_path / "c")
    now = 0.0
    alarms = RefusalAlarms(home, lambda: now)
    for hour in range(30):
        now = 3600.0 * hour
        alarms.take([HANDSHAKE])
    assert home.alarms() == []
    assert open_alarms(home.path) == []
    told = [line for line in home.log_lines() if line["event"] == "connection refused"]
    assert told
    assert {line["from"] for line in told} == {"10.0.0.9"}
    assert "hospital doctor" in told[0]["hint"]


def test_a_port_scan_is_one_alarm_with_its_count_however_long_it_lasts(tmp_path: Path) -> None:
    home = enrolled.coordinator(tmp_path / "c")
    now = 0.0
    alarms = RefusalAlarms(home, lambda: now)
    for minute in range(3 * 61 + 1):
        now = 60.0 * minute
        alarms.take([HANDSHAKE] * 10)
    (alarm,) = open_alarms(home.path)
    assert (alarm.event, alarm.times) == ("many failed connections", 3)


def test_what_a_member_is_refused_is_one_entry_with_its_name_and_how_often(tmp_path: Path) -> None:
    home = enrolled.coordinator(tmp_path / "c")
    member = enrolled.hospital(tmp_path / "north")
    enrolled.join(home, member, "north")
    serial = authority.subject(files.read(member.tls_certificate)).rpartition("=")[2]
    alarms = RefusalAlarms(home, lambda: 0.0)
    alarms.take([f'[ERR] 10.0.0.9:{n} - cid:{n} - authentication error - User "{serial}"' for n in range(1000)])
    alarms.take(["[ERR] Publish Violation - CN=south,OU=1"])
    found = {alarm.who: alarm for alarm in open_alarms(home.path)}
    assert found["north"].times == 1000
    assert found["south"].times == 1
    assert len(home.alarms()) < 40


def test_a_certificate_that_counts_no_more_is_one_entry_that_names_who_was_revoked(tmp_path: Path) -> None:
    home = enrolled.coordinator(tmp_path / "c")
    for name in ("north", "south"):
        enrolled.join(home, enrolled.hospital(tmp_path / name), name)
    lines = [f"[7] 2026/11/29 02:10:03.53 [ERR] 10.0.0.9:{n} - cid:{n} - authentication error" for n in range(100)]
    alarms = RefusalAlarms(home, lambda: 0.0)
    alarms.take(lines[:50])
    (alarm,) = open_alarms(home.path)
    assert (alarm.who, alarm.times) == ("10.0.0.9", 50)
    assert "from before a renewal" in alarm.hint
    enrolment.revoke(home, "north")
    alarms.take(lines[50:])
    (alarm,) = open_alarms(home.path)
    assert (alarm.who, alarm.times) == ("10.0.0.9", 100)
    assert "the service of north, revoked, that still runs: stop it" in alarm.hint


def test_asyncio_s_remark_about_tls_is_no_news_and_other_remarks_are(caplog: pytest.LogCaptureFixture) -> None:
    Link("tls://localhost:4222", lambda event, facts: None)
    log = logging.getLogger("asyncio")
    log.warning("returning true from eof_received() has no effect when using ssl")
    log.warning("Task was destroyed but it is pending!")
    assert [record.getMessage() for record in caplog.records] == ["Task was destroyed but it is pending!"]
