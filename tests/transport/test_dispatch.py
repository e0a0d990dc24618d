"""Letters that an outbox cannot take are kept, bounded, and never silently missed."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from tests.consortium import enrolled

from cipherward.errors import StorageError
from cipherward.store.outbox import Outbox
from cipherward.transport.serving import UNSENT, Dispatch


def deliver(outbox: Outbox) -> list[bytes]:
    found = []
    for letter in outbox.pending():
        found.append(b"".join(letter.pieces(1 << 20)))
        outbox.done(letter)
    return found


def test_letters_wait_in_order_for_room_in_the_outbox(tmp_path: Path) -> None:
    home = enrolled.coordinator(tmp_path / "c")
    outbox = Outbox(tmp_path / "outbox", max_letters=2)
    dispatch = Dispatch(lambda name: outbox, home)
    with pytest.raises(StorageError, match="full"):
        dispatch.put(("clinic-1", bytes([k])) for k in range(5))
    received = deliver(outbox)
    for _ in range(2):
        with contextlib.suppress(StorageError):
            dispatch.put(())
        received += deliver(outbox)
    assert received == [bytes([k]) for k in range(5)]
    assert home.alarms() == []


def test_dropped_letters_are_an_alarm_and_the_member_is_reminded_once_there_is_room(tmp_path: Path) -> None:
    home = enrolled.coordinator(tmp_path / "c")
    full, other = Outbox(tmp_path / "full", max_letters=1), Outbox(tmp_path / "other")
    reminded: list[str] = []

    def remind(name: str) -> list[tuple[str, bytes]]:
        reminded.append(name)
        return [(name, b"look where the study is")]

    dispatch = Dispatch(lambda name: full if name == "clinic-1" else other, home, remind)
    with pytest.raises(StorageError):
        dispatch.put(("clinic-1", b"old") for _ in range(UNSENT + 2))
    assert [alarm["event"] for alarm in home.alarms()] == ["letters dropped"]
    for _ in range(3):
        with pytest.raises(StorageError):
            dispatch.put([("clinic-2", b"others go on")])
    assert len(deliver(other)) == 3
    assert deliver(full) == [b"old"]
    dispatch.put(())
    dispatch.put(())
    assert deliver(full) == [b"look where the study is"]
    assert reminded == ["clinic-1"]
