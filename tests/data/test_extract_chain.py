"""What stands behind extracts, and a digest of all that decides how a table is made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cipherward.data import extract
from cipherward.data.database import Database
from cipherward.data.extract_chain import digest, innermost
from cipherward.errors import DataError

DATES = '[[intervals]]\nname = "days"\nstart = "a"\nend = "b"\n'


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_what_is_read_in_the_end_is_found_through_every_kind(tmp_path: Path) -> None:
    for text, found in (
        ('source = "fhir"\npath = "export"\ntable = "readmission"', tmp_path / "export"),
        ('source = "omop"\npath = "cdm"\ndefinition = "c.toml"', tmp_path / "cdm"),
        (f'source = "dates"\ntable = "t.csv"\n{DATES}', tmp_path / "t.csv"),
        ('source = "mapping"\ntable = "t.csv"', tmp_path / "t.csv"),
    ):
        path = write(tmp_path, "x.toml", text)
        assert innermost(path) == found
        assert innermost(write(tmp_path, "y.toml", f'source = "dates"\ntable = "x.toml"\n{DATES}')) == found
    for text in (
        'source = "database"\nurl = "duckdb://"\nquery = "SELECT 1"',
        'source = "omop"\nurl = "duckdb://"\ndefinition = "c.toml"',
    ):
        assert str(innermost(write(tmp_path, "x.toml", text))) == str(Database("duckdb://", ""))
    for text in ("", "source = [", 'source = "dates"'):
        assert innermost(write(tmp_path, "x.toml", text)) == tmp_path / "x.toml"
    round_about = write(tmp_path, "x.toml", f'source = "dates"\ntable = "x.toml"\n{DATES}')
    assert innermost(round_about) == round_about


def test_the_digest_changes_with_everything_that_decides_how_the_table_is_made(tmp_path: Path) -> None:
    view = write(tmp_path, "v.json", json.dumps({"resource": "Patient", "select": []}))
    inner = write(tmp_path, "x.toml", 'source = "fhir"\npath = "export"\nview = "v.json"')
    outer = write(tmp_path, "y.toml", f'source = "dates"\ntable = "x.toml"\n{DATES}')
    seen = {digest(inner), digest(outer)}
    assert len(seen) == 2
    view.write_text(view.read_text() + " ")
    seen |= {digest(inner), digest(outer)}
    assert len(seen) == 4
    inner.write_text('source = "fhir"\npath = "other"\nview = "v.json"')
    seen |= {digest(inner), digest(outer)}
    assert len(seen) == 6
    before = digest(outer)
    outer.write_text("# a remark\n" + outer.read_text())
    assert digest(outer) == before
    assert digest(write(tmp_path, "t.csv", "a\n1\n")) is None
    view.unlink()
    with pytest.raises(DataError, match="cannot read"):
        digest(outer)


def test_a_mapping_file_alone_keeps_its_own_digest(tmp_path: Path) -> None:
    path = write(tmp_path, "m.toml", 'source = "mapping"\ntable = "t.csv"')
    found = extract.load(path)
    assert digest(path) == found.digest()  # type: ignore[attr-defined]
