"""Alarms: each thing once with how often it came, kept apart from the log, and acknowledged by people."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.consortium import enrolled
from typer.testing import CliRunner

from cipherward.cli import app
from cipherward.consortium.homes import alarms, health
from cipherward.consortium.homes.alarms import MOST, Alarms, open_alarms
from cipherward.errors import StorageError
from cipherward.transport.serving import Complaints


def test_what_comes_a_thousand_times_is_one_entry_and_a_few_lines_of_the_log(tmp_path: Path) -> None:
    home = enrolled.coordinator(tmp_path / "c")
    home.alarm("breach", {"hospital": "south", "reason": "real"})
    for number in range(1000):
        home.alarm("letter refused", {"hospital": "north", "reason": f"number {number}"})
    real, noise = open_alarms(home.path)
    assert (real.event, real.times) == ("breach", 1)
    assert (noise.event, noise.who, noise.times, noise.reason) == ("letter refused", "north", 1000, "number 999")
    assert noise.first < noise.last
    assert len(home.alarms()) < 40


def test_other_kinds_and_parties_do_not_push_out_what_nobody_has_seen(tmp_path: Path) -> None:
    book = Alarms(tmp_path)
    book.add("breach", {"hospital": "south"}, "2026-01-01T00:00:00+00:00")
    book.acknowledge()
    book.add("study refused", {"study": "s"}, "2026-01-02T00:00:00+00:00")
    for number in range(MOST - 1):
        book.add("refused", {"study": f"s{number}"}, f"2026-02-01T00:00:00.{number:06d}+00:00")
    kept = book.all()
    assert len(kept) == MOST
    assert "study refused" in {alarm.event for alarm in kept}
    assert "breach" not in {alarm.event for alarm in kept}  # people had seen it


def test_acknowledged_alarms_leave_health_in_order_until_they_come_again(tmp_path: Path) -> None:
    home = enrolled.coordinator(tmp_path / "c")
    now = datetime.now(UTC)
    home.alarm("breach", {"hospital": "south"})
    assert not health._alarms(home, now).holds
    shown = CliRunner().invoke(app, ["coordinator", "alarms", "--seen", "--home", str(home.path)])
    assert "NEW  breach, by south" in shown.output
    assert "1 alarm(s) acknowledged" in shown.output
    assert health._alarms(home, now).holds
    home.alarm("breach", {"hospital": "south"})
    assert open_alarms(home.path)[0].times == 1
    assert not health._alarms(home, now).holds


def test_a_damaged_file_of_alarms_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "alarms.json").write_text('{"alarms": [{"event": 1}]}')
    book = Alarms(tmp_path)
    assert book.all() == []
    book.add("one", {}, "2026-01-01T00:00:00+00:00")
    assert [alarm.event for alarm in book.all()] == ["one"]
    assert alarms.open_alarms(tmp_path / "nowhere") == []


def test_a_full_disk_is_shown_at_once_and_its_alarm_is_written_when_there_is_room(tmp_path: Path) -> None:
    home = enrolled.coordinator(tmp_path / "c")
    said: list[dict[str, object]] = []
    complaints = Complaints(home, said.append)
    write = home.alarm

    def full(event: str, facts: object) -> None:
        raise StorageError("cannot append: No space left on device")

    home.alarm = full  # type: ignore[method-assign]
    for _ in range(3):
        complaints.add(StorageError("cannot write the ledger: No space left on device", hint="free space"))
    complaints.clear()
    assert [line["event"] for line in said] == ["trouble here"]
    home.alarm = write  # type: ignore[method-assign]
    complaints.clear()
    (alarm,) = open_alarms(home.path)
    assert "No space left" in alarm.reason
