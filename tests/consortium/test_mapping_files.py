"""A hospital whose table goes through a mapping file: the study runs, nothing of the file leaves, and another mapping is noticed."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from tests.consortium.consortium import Consortium, document

from cipherward.consortium.approval import own_mapping
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.data import extract
from cipherward.data.local_mapping import Mapping
from cipherward.errors import StorageError

SECRET = "KLINIK_SPALTE"


def mapped(three: Consortium, folder: Path, name: str) -> Path:
    """That hospital's table under another name for its column of age, and a mapping file in its settings."""
    table = folder / "tables" / f"{name}.csv"
    pl.read_csv(table, infer_schema=False).rename({"age": SECRET}).write_csv(table)
    file = folder / "map.toml"
    file.write_text(f'source = "mapping"\ntable = "{table}"\n\n[columns.age]\nfrom = "{SECRET}"\n')
    three.give_table(name, f'path = "{file}"')
    return file


def test_a_study_runs_through_a_mapping_file_whose_digest_stands_beside_the_approval(
    three: Consortium, tmp_path: Path
) -> None:
    file = mapped(three, tmp_path, "clinic-2")
    three.start(document(3))
    three.approve()
    three.pump()
    assert three.status()["phase"] == "finished"
    found = extract.load(file)
    assert isinstance(found, Mapping)
    for name, kept in (("clinic-1", own_mapping.NONE), ("clinic-2", found.digest().hex())):
        (folder,) = three.hospital(name).study_folders()
        assert (folder / own_mapping.NAME).read_text() == kept
    assert SECRET.encode() not in b"".join(letter for _, _, letter in three.carried)


def test_a_study_does_not_run_through_another_mapping_than_it_was_approved_with(
    three: Consortium, tmp_path: Path
) -> None:
    file = mapped(three, tmp_path, "clinic-2")
    three.start(document(3))
    three.approve()
    file.write_text(file.read_text() + 'missing = ["42"]\n')
    three.pump()
    assert three.status()["phase"] != "finished"
    said = "table cannot be used: the mapping file, extract or query is not the one that the study was approved with"
    assert said in three.alarms("clinic-2")


def test_two_mapping_files_about_one_table_are_one_table(three: Consortium, tmp_path: Path) -> None:
    file = mapped(three, tmp_path, "clinic-2")
    other = tmp_path / "other.toml"
    other.write_text(file.read_text())
    home = three.hospital("clinic-2")
    settings = home.path / "hospital.toml"
    settings.write_text(f'{settings.read_text()}\n[registers.second]\npath = "{other}"\n')
    with pytest.raises(StorageError, match="are one table"):
        HospitalHome(home.path).source_of("second")
