"""What a vault keeps no longer: by rounds, by days, and nothing on the edge of either."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.vault.vaults import CHAIN, SOFTWARE, label

from cipherward.study_sections import Kept
from cipherward.study_sections import Vault as Rules
from cipherward.vault import keys, retention
from cipherward.vault.catalogue import Memory
from cipherward.vault.stores import LocalStore
from cipherward.vault.vault import create
from cipherward.vault.writer import Writer

STUDY = "ab" * 32


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    """Models of sums 0 to 4, each stored a day after the one before, and an update that is as old as the first."""
    vault = create(LocalStore(tmp_path / "vault"), keys.make_file(tmp_path / "vault.key"))
    day = 0.0
    found = Writer(vault, CHAIN, Memory(tmp_path / "vault.seen"), SOFTWARE, lambda: day * retention.DAY)
    found.add(label("updates", 4), b"an update")
    for number in range(5):
        day = float(number)
        found.add(label("models", number), f"model {number}".encode())
    found.commit()
    return found


def left(writer: Writer, kind: str = "models") -> list[int]:
    return [entry.label.sum for entry in writer.catalogue.of(kind=kind)]


@pytest.mark.parametrize(
    ("kept", "day", "those"),
    [
        (Kept(rounds=3), 9.0, [0, 2, 3, 4]),  # what is of no sum has no age in rounds
        (Kept(rounds=4), 9.0, [0, 1, 2, 3, 4]),
        (Kept(days=2.0), 4.0, [2, 3, 4]),
        (Kept(days=2.0), 4.1, [3, 4]),
        (Kept(rounds=3, days=2.0), 4.0, [2, 3, 4]),
        (Kept(), 99.0, [0, 1, 2, 3, 4]),
    ],
)
def test_what_is_kept_is_what_the_study_says(writer: Writer, kept: Kept, day: float, those: list[int]) -> None:
    erased = retention.apply(writer, Rules(models=kept), STUDY, now=day * retention.DAY)
    assert left(writer) == those
    assert erased == 5 - len(those)
    assert left(writer, "updates") == [4]
    assert retention.apply(writer, Rules(models=kept), STUDY, now=day * retention.DAY) == 0


def test_only_what_is_older_than_so_many_days_is_erased(writer: Writer) -> None:
    entries = writer.catalogue.of(kind="models")
    assert retention.erase_older(writer, writer.catalogue, entries, 2.0, now=4.0 * retention.DAY) == 2
    assert left(writer) == [2, 3, 4]


def test_another_studys_objects_stay(writer: Writer) -> None:
    assert retention.apply(writer, Rules(models=Kept(rounds=1)), "cd" * 32, now=99.0 * retention.DAY) == 0
    assert left(writer) == [0, 1, 2, 3, 4]
