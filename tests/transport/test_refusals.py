"""A port scan is one thing for people to read, not a thousand."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from tests.consortium import enrolled

from cipherward.transport.link import Link
from cipherward.transport.refusals import RefusalAlarms


def test_failed_handshakes_are_told_at_once_and_then_counted_once_a_minute(tmp_path: Path) -> None:
    home = enrolled.coordinator(tmp_path / "c")
    now = 0.0
    alarms = RefusalAlarms(home, lambda: now)
    for second in range(150):
        now = float(second)
        alarms.take([f"[1] 10.0.0.9:{second} - TLS handshake error: EOF"] * 10)
    told = home.alarms()
    assert [alarm.get("failed_handshakes") for alarm in told] == [None, 599, 600]
    for second in range(150, 400):
        now = float(second)
        alarms.take([])
    assert [alarm.get("failed_handshakes") for alarm in home.alarms()] == [None, 599, 600, 300]
    alarms.take(["[1] 10.0.0.9:7 - TLS handshake error: EOF"])
    assert len(home.alarms()) == 5


def test_what_a_member_is_refused_is_told_each_time(tmp_path: Path) -> None:
    home = enrolled.coordinator(tmp_path / "c")
    alarms = RefusalAlarms(home, lambda: 0.0)
    alarms.take(["[ERR] Publish Violation - User alpha"] * 3)
    assert len(home.alarms()) == 3


def test_asyncio_s_remark_about_tls_is_no_news_and_other_remarks_are(caplog: pytest.LogCaptureFixture) -> None:
    Link("tls://localhost:4222", lambda event, facts: None)
    log = logging.getLogger("asyncio")
    log.warning("returning true from eof_received() has no effect when using ssl")
    log.warning("Task was destroyed but it is pending!")
    assert [record.getMessage() for record in caplog.records] == ["Task was destroyed but it is pending!"]
