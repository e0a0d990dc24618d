"""Pictures of a hospital's patients stand in that hospital's own report where it asks for them, and nowhere else."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import simulator
from tests.consortium.consortium import Consortium
from tests.report import deployments
from tests.report.deployments import folder_of
from tests.tasks.test_examples import WAVES, waves

from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.data import png
from cipherward.errors import StorageError
from cipherward.report import deployed
from cipherward.runs.study_folder import OWN_EXAMPLES, OWN_RESULTS

PICTURE = base64.b64encode(png.encoded(np.zeros((4, 4, 3), np.uint8))).decode()
MADE = [
    {"told": "best", "observed": "outcome is <b>1</b>", "predicted": {"probability": "0.9"}, "strongest": ""}
    | {"picture": PICTURE, "map": PICTURE, "width": 4, "height": 4}
]


def written(path: Path) -> str:
    deployed.write(path)
    return (path / "report.html").read_text("utf-8")


@pytest.mark.parametrize("name", ["coordinator", "clinic-2"])
def test_only_a_hospital_s_own_report_shows_them(finished: Consortium, name: str) -> None:
    path = folder_of(finished, name)
    (path / OWN_EXAMPLES).write_text(json.dumps(MADE))
    text = written(path)
    shows = name == "clinic-2"
    assert ("data:image/png" in text) == shows
    assert ("Pictures of this hospital's own patients" in text) == shows
    assert ("img-src data:" in text) == shows
    assert ("Adebayo et al. 2018" in text) == shows
    assert "<b>1</b>" not in text
    assert not re.search(r"https?://|url\(|@import|<script", text)
    (path / OWN_EXAMPLES).unlink()
    assert "data:image" not in written(path)


@pytest.mark.parametrize(
    "damage",
    ["{", "[1]", json.dumps([MADE[0] | {"picture": "PHNjcmlwdD4="}]), json.dumps([MADE[0] | {"map": '"><script>'}])],
)
def test_a_damaged_file_is_named_and_nothing_of_it_is_shown(finished: Consortium, damage: str) -> None:
    path = folder_of(finished, "clinic-3")
    (path / OWN_EXAMPLES).write_text(damage)
    with pytest.raises(StorageError, match=OWN_EXAMPLES):
        deployed.write(path)
    (path / OWN_EXAMPLES).unlink()


@pytest.mark.parametrize("value", ["-1", "25", "true", '"six"'])
def test_a_setting_that_is_no_number_of_examples_is_refused(finished: Consortium, tmp_path: Path, value: str) -> None:
    source = finished.hospital("clinic-1").path / "hospital.toml"
    (tmp_path / "hospital.toml").write_text(f"examples = {value}\n{source.read_text('utf-8')}")
    with pytest.raises(StorageError, match="examples is a whole number from 0 to 24"):
        _ = HospitalHome(tmp_path).examples


def test_a_study_of_series_gives_them_to_the_hospital_that_asked_and_to_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = simulator.document

    def of_series(n: int = 5, /, **sections: Any) -> dict[str, Any]:
        model = {"kind": "sequence", "channels": [4], "width": 3, "norm": "none"}
        return document(n, **({"columns": WAVES, "model": model} | sections))

    def tables(folder: Path, n: int, *, rows: int) -> Path:
        folder.mkdir(parents=True)
        return waves(folder)

    monkeypatch.setattr(simulator, "document", of_series)
    monkeypatch.setattr(simulator, "write_tables", tables)
    four = deployments._reporting(tmp_path, 4)
    try:
        for name in four.names:
            policy = four.hospital(name).policy_file
            policy.write_text(policy.read_text("utf-8").replace('"mlp"]', '"mlp", "sequence"]'))
        settings = four.hospital("clinic-1").path / "hospital.toml"
        settings.write_text(f"examples = 4\n{settings.read_text('utf-8')}")
        four.restart_hospital("clinic-1")
        four.desks["clinic-1"]._report = deployed.write
        from tests.consortium.consortium import document as written_document

        four.start(written_document(4, data={"test_fraction": 0.4}))
        four.approve()
        four.pump()
        deployments._report(four)
        for name in ("coordinator", *four.names):
            folder = folder_of(four, name)
            own = name == "clinic-1"
            assert (folder / OWN_EXAMPLES).exists() == own
            assert ("data:image/png" in (folder / "report.html").read_text("utf-8")) == own
            assert (folder / OWN_RESULTS).exists() == (name != "coordinator")
        made = folder_of(four, "clinic-1") / OWN_EXAMPLES
        assert len(json.loads(made.read_text())) == 4
        assert made.stat().st_mode & 0o077 == 0
        pictures = [each["picture"].encode() for each in json.loads(made.read_text())]
        assert not any(picture in bytes(letter) for *_, letter in four.carried for picture in pictures)
    finally:
        four.close()
