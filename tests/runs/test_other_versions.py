"""What another version has frozen is refused by name, and never misread as damage or as a breach."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import safetensors.numpy
from tests import simulator

from cipherward import study as study_document
from cipherward.errors import VersionError
from cipherward.runs import modelfile
from cipherward.runs.prediction import predict
from cipherward.simulation.simulate import resume_study


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run as the version before wrote it: without a format in its study."""
    path = simulator.run(tmp_path_factory.mktemp("older"), simulator.study(4)).path
    text = (path / "study.toml").read_text()
    (path / "study.toml").write_text("".join(line for line in text.splitlines(True) if not line.startswith("format")))
    for name in ("model.safetensors", "model-initial.safetensors"):
        data = (path / name).read_bytes()
        size = int.from_bytes(data[:8], "little")
        facts = json.loads(data[8 : 8 + size])["__metadata__"]
        document = json.loads(facts["study"])
        del document["format"]
        facts["study"] = json.dumps(document)
        (path / name).write_bytes(safetensors.numpy.save(safetensors.numpy.load(data), metadata=facts))
    return path


def test_a_run_of_another_version_is_refused_by_name(older: Path) -> None:
    with pytest.raises(VersionError, match="another version of cipherward") as caught:
        simulator.lines_of(older)
    assert "the version that made them" in (caught.value.hint or "")


def test_so_are_its_model_and_its_continuation(older: Path, tmp_path: Path) -> None:
    with pytest.raises(VersionError, match="another version"):
        modelfile.load(older / "model.safetensors")
    with pytest.raises(VersionError, match="another version"):
        predict(older, tmp_path / "rows.csv")
    (older / "result.json").unlink()
    with pytest.raises(VersionError, match="another version"):
        resume_study(older)


def test_a_study_that_people_write_needs_no_format() -> None:
    document = simulator.study(4).model_dump(mode="json")
    del document["format"]
    assert study_document.parse(document, origin="tests").format == study_document.FORMAT
    with pytest.raises(VersionError):
        study_document.parse(document | {"format": study_document.FORMAT + 1}, origin="tests")
