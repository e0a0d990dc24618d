"""A ledger that was lost or set back is refused: its hospital has forgotten votes, and would say things twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.consortium.consortium import Consortium, document
from tests.consortium.packets_in import kinds_in
from tests.consortium.test_erased_keys import go_on_until

from cipherward.errors import OldLedgerError, StorageError
from cipherward.store.ledger import Ledger

ME = "clinic-1"
COUNTER = "ledger.count"


def take_away(four: Consortium) -> None:
    for path in (four.folder / ME).glob("ledger.sqlite*"):
        path.unlink()


def set_back(four: Consortium) -> None:
    take_away(four)
    shutil.copy(four.folder / "old.sqlite", four.folder / ME / "ledger.sqlite")


def in_the_middle(four: Consortium) -> None:
    """Two sums are verified everywhere; a copy of the ledger is from after the first."""
    four.begin(document(4, training={"rounds": 4}))
    go_on_until(four, "Receipt", 4)
    four.desks[ME].close()
    shutil.copy(four.folder / ME / "ledger.sqlite", four.folder / "old.sqlite")
    four.restart_hospital(ME)
    go_on_until(four, "Receipt", 5)
    four.desks[ME].close()


@pytest.mark.parametrize("change", [take_away, set_back])
def test_a_ledger_that_has_forgotten_is_refused_at_the_start_with_the_way_out(
    four: Consortium, change: Callable[[Consortium], None]
) -> None:
    in_the_middle(four)
    change(four)
    with pytest.raises(OldLedgerError, match="was lost or set back") as refused:
        four.restart_hospital(ME)
    assert "hospital withdraw" in refused.value.hint
    assert any("ledger too old: the ledger" in line for line in four.alarms(ME))


@pytest.mark.parametrize("change", [take_away, set_back])
def test_without_the_counter_it_is_noticed_by_the_openings_beside_it(
    four: Consortium, change: Callable[[Consortium], None]
) -> None:
    in_the_middle(four)
    change(four)
    (four.folder / ME / COUNTER).unlink()
    four.restart_hospital(ME)
    sent = len(four.carried)
    four.pump()
    said = [letter for sender, _, letter in four.carried[sent:] if sender == ME]
    assert not {"Join", "Update", "Vote", "Release", "Receipt"} & {kind for letter in said for kind in kinds_in(letter)}
    assert any("the ledger is older than what it led to" in line for line in four.alarms(ME))
    assert "older" in four.desks[ME].status()[0]["why_not"]


def test_a_process_that_dies_before_it_has_counted_opens_its_ledger_again(tmp_path: Path) -> None:
    path, counter = tmp_path / "ledger.sqlite", tmp_path / COUNTER
    ledger = Ledger(path, counter)
    before = counter.read_bytes()
    ledger.record_fact("a", b"1")
    assert int(counter.read_bytes()) == int(before) + 1
    ledger.close()
    counter.write_bytes(before)
    ledger = Ledger(path, counter)
    assert ledger.fact("a") == b"1"
    ledger.close()
    counter.write_bytes(b"many")
    with pytest.raises(StorageError, match="holds no number"):
        Ledger(path, counter)
