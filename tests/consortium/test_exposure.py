"""`cipherward exposure` at a hospital: its own ledger, receipts and openings, over all its studies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.consortium.consortium import Consortium, document
from typer.testing import CliRunner

from cipherward.cli import app
from cipherward.consortium.homes import exposure
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.errors import StorageError


@pytest.fixture
def four(tmp_path: Path) -> Iterator[Consortium]:
    made = Consortium(tmp_path, 4, rows=300)
    yield made
    made.close()


def run(four: Consortium, **sections: object) -> None:
    four.start(document(4, **{"training": {"rounds": 1}, **sections}))
    four.approve()
    four.pump()


def test_a_hospital_that_said_no_sees_its_block_its_receipts_and_nobody_apart(four: Consortium) -> None:
    run(four, singled_out="never")
    found = exposure.own(four.hospital("clinic-2"))
    (stand,) = found.registers
    assert (stand.founded, stand.agreed, len(stand.block)) == (True, False, 64)
    (study,) = found.studies
    assert study.run is not None
    assert study.receipts == len(study.run.sums) == 3
    assert study.problem == ""
    assert found.inferred.alone == ()
    assert found.pending == 0
    (budget,) = found.budget
    assert budget.spent == 0.0


def test_studies_are_added_and_who_left_one_is_readable(four: Consortium) -> None:
    run(four)
    four.start(document(3, name="second", training={"rounds": 1}))
    four.approve(*four.names[:3])
    four.pump()
    found = exposure.own(four.hospital("clinic-1"))
    assert [study.study for study in found.studies] == ["tiny", "second"]
    assert all(study.run and study.run.inferred.alone == () for study in found.studies)
    assert found.inferred.alone == ("clinic-4",)
    assert exposure.own(four.hospital("clinic-1"), "second").inferred.alone == ()


def test_the_command_says_so_in_words_and_in_json(four: Consortium) -> None:
    run(four)
    home = str(four.hospital("clinic-3").path)
    text = CliRunner().invoke(app, ["exposure", "--home", home])
    assert text.exit_code == 0, text.output
    assert "Hospital clinic-3, by its own ledger and receipts." in text.stdout
    assert "agreed to be singled out" in text.stdout
    assert "opened at refresh 0; 1 batches, 0 of them out for good" in text.stdout
    assert "over all studies in its ledger: " in text.stdout
    result = CliRunner().invoke(app, ["exposure", "tiny", "--home", home, "--json"])
    found = json.loads(result.stdout)
    assert found["hospital"] == "clinic-3"
    assert found["registers"][0]["agreed"] is True
    assert found["registers"][0]["refreshes"] == [0]
    assert found["studies"][0]["run"]["study"] == "tiny"
    assert found["budget"][0]["delta"] > 0.0


def test_sums_that_are_missing_in_the_folder_are_said(four: Consortium) -> None:
    run(four)
    home = four.hospital("clinic-1")
    (opening,) = home.models.glob("*/receipts/0002/opening.cbor")
    opening.unlink()
    (study,) = exposure.own(home).studies
    assert "1 sum(s) that this hospital has verified are missing" in study.problem


def test_a_home_without_a_ledger_is_refused_and_none_is_made(four: Consortium, tmp_path: Path) -> None:
    four.close()
    home = four.hospital("clinic-1")
    for file in home.path.glob("ledger.sqlite*"):
        file.unlink()
    with pytest.raises(StorageError, match="has taken part in nothing yet"):
        exposure.own(HospitalHome(home.path))
    assert not home.ledger_file.exists()
