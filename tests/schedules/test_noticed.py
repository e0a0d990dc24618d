"""The schedules find what they look for: parties with one rule taken out are caught within a few of them."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest
from tests.schedules.schedule import Schedule
from tests.schedules.world import ShakyLedger

from cipherward.crypto import quorum
from cipherward.errors import CipherwardError
from cipherward.parties.coordinator_node import CoordinatorNode
from cipherward.store.ledger import Ledger, SumRecord

ENOUGH = 300


def found(folder: Path, *, lying_coordinator: bool = False, first: int = 0) -> str:
    """What the first schedule says in which something breaks; only some have a lying coordinator."""
    for seed in range(first, first + ENOUGH):
        schedule = Schedule(seed, folder / str(seed))
        if lying_coordinator and not (schedule.coordinator and "manifests" in schedule.coordinator.lies):
            schedule.world.close()
            continue
        try:
            schedule.run()
        except (AssertionError, CipherwardError, RecursionError) as error:
            return str(error)
    return ""


def test_a_hospital_that_forgets_its_votes_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_vote(self: Ledger, context: bytes) -> SumRecord | None:
        record = Ledger.in_brief(self, context)
        return dataclasses.replace(record, vote=b"", manifest=b"") if record else None

    def record_vote(self: Ledger, context: bytes, vote: bytes, *rest: Any) -> None:
        self._change_sum(context, vote=vote)

    monkeypatch.setattr(ShakyLedger, "in_brief", without_vote)  # `sum` begins with it
    monkeypatch.setattr(ShakyLedger, "record_vote", record_vote)
    assert "voted twice" in found(tmp_path, lying_coordinator=True)


def test_an_update_that_is_acknowledged_and_lost_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    added: list[None] = []
    honest = quorum._RingSum.add

    def forgetful(self: Any, payload: bytes) -> None:
        added.append(None)
        if len(added) % 7:
            honest(self, payload)

    monkeypatch.setattr(quorum._RingSum, "add", forgetful)
    assert "fingerprints do not add up" in found(tmp_path)


def test_a_coordinator_that_starts_over_after_a_crash_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CoordinatorNode, "recover", lambda self: [])
    said = found(tmp_path, first=130)  # none of those before crashes where it matters
    assert any(
        words in said
        for words in ("did not end as foretold", "an honest coordinator", "honest messages are in quarantine")
    )


def test_a_journal_that_keeps_half_a_record_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "truncate", lambda path, length: None)
    assert found(tmp_path)


def test_a_sum_of_others_than_those_listed_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.schedules.schedule.sum_of", lambda rules, hospitals, state: 0)
    assert "is not theirs" in found(tmp_path)
