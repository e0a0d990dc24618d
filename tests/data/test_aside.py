"""A throwaway part of the patients: whole patients, the same in every extract, never in both files."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cipherward.data.aside import set_aside
from cipherward.errors import DataError


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    rows = [f"p{number % 300},{number}" for number in range(900)]
    path.write_text("\n".join(["patient,value", *rows]) + "\n")
    return path


def parted(table: Path, key: str, share: float = 0.2) -> tuple[set[str], set[str]]:
    folder = table.parent
    part, rest = folder / f"{key}-part.csv", folder / f"{key}-rest.csv"
    for path in (part, rest):
        path.unlink(missing_ok=True)
    set_aside(table, "patient", share, folder / key, part=part, rest=rest)
    return set(pl.read_csv(part)["patient"]), set(pl.read_csv(rest)["patient"])


def test_a_patient_is_on_one_side_with_all_rows(table: Path) -> None:
    part, rest = parted(table, "key")
    assert not part & rest
    assert len(part | rest) == 300
    assert 30 <= len(part) <= 90, "a share of 0.2, within five standard deviations"
    assert (table.parent / "key").stat().st_mode & 0o777 == 0o600
    assert (table.parent / "key-part.csv").stat().st_mode & 0o777 == 0o600


def test_a_later_extract_is_parted_in_the_same_way_and_another_key_parts_it_otherwise(table: Path) -> None:
    part, _ = parted(table, "key")
    table.write_text(table.read_text() + "".join(f"new{number},1\n" for number in range(200)))
    later, _ = parted(table, "key")
    assert {name for name in later if not name.startswith("new")} == part
    assert {name for name in later if name.startswith("new")}
    assert parted(table, "another")[0] != later


def test_what_cannot_be_parted_is_said(table: Path, tmp_path: Path) -> None:
    def refused(words: str, *, column: str = "patient", share: float = 0.2, key: str = "key", part: str = "a") -> None:
        with pytest.raises(DataError, match=words):
            set_aside(table, column, share, tmp_path / key, part=tmp_path / part, rest=tmp_path / "b")

    refused("no column 'person'", column="person")
    (tmp_path / "there").touch()
    refused("exists", part="there")
    (tmp_path / "short").write_bytes(b"12")
    refused("not a key", key="short")
    refused("no rows", share=1e-9)
    table.write_text(table.read_text() + ",7\n")
    refused("without a value")
