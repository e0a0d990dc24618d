"""A study goes on from the last model of an earlier one, which whoever took part there has verified, and from no other."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import simulator
from tests.cli.test_cli import call
from tests.consortium.consortium import Consortium, document

from cipherward import study as study_document
from cipherward.comparison.compare import compare_study
from cipherward.consortium.approval import approvals, earlier_model, review, review_text
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.service import offering
from cipherward.disclosure.standing import Agreement
from cipherward.errors import AuditError, CipherwardError, InterruptedRunError, RefusedError, StudyError
from cipherward.runs import continuing, modelfile
from cipherward.runs.folder import RunDirectory
from cipherward.simulation.simulate import resume_study, run_study
from cipherward.study import Study, load_builtin
from cipherward.tasks.catalogue import make_task
from cipherward.tasks.task import Model

MLP: dict[str, Any] = {
    "model": {"kind": "mlp", "hidden": [4]},
    "training": {"rounds": 4, "batch_size": 32, "learning_rate": 0.3},
}


def study(**more: Any) -> Study:
    return simulator.study(4, **(MLP | more))


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("earlier")
    return run_study(
        study(), base=simulator.write_tables(folder / "tables", 4, rows=200), out=folder / "run", device="cpu"
    ).path


def go_on(earlier: Path, folder: Path, chosen: Study | None = None) -> Path:
    tables = simulator.write_tables(folder / "tables", 4, rows=260)
    named = chosen or study(name="later")
    return run_study(named, base=tables, out=folder / "run", device="cpu", continued=earlier).path


@pytest.fixture(scope="module")
def gone_on(earlier: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return go_on(earlier, tmp_path_factory.mktemp("gone-on"))


def test_it_begins_with_that_model_verifies_and_says_so(earlier: Path, gone_on: Path) -> None:
    path = gone_on
    last, first = (modelfile.load(each) for each in (earlier / "model.safetensors", path / "model-initial.safetensors"))
    assert last.weights.tobytes() == first.weights.tobytes()
    assert simulator.holds(path)
    frozen = study_document.load(path / "study.toml")
    assert frozen.training.continues == study_document.load(earlier / "study.toml").digest().hex()
    assert frozen.training.first_model == continuing.digest_of(last)
    losses = json.loads((path / "result.json").read_text())["validation_loss_by_round"]
    anew = json.loads((earlier / "result.json").read_text())["validation_loss_by_round"]
    assert losses[0] < anew[0]  # it knows what the earlier rows taught


def test_a_hospital_knows_the_model_that_its_own_openings_lead_to_and_no_other(earlier: Path, tmp_path: Path) -> None:
    (tmp_path / HospitalHome.settings_file).write_text('name = "clinic-1"\n')
    home, (later, model) = HospitalHome(tmp_path), continuing.stated(study(name="later"), earlier)
    assert earlier_model.of(home, study()) is None
    assert earlier_model.words(home, study()) == ()
    with pytest.raises(RefusedError, match="has not verified"):
        earlier_model.of(home, later)
    own = home.models / f"earlier-{later.training.continues[:12]}"
    shutil.copytree(earlier, own)
    found = earlier_model.of(home, later)
    assert found is not None
    assert found.weights.tobytes() == model.weights.tobytes()
    assert earlier_model.begun(home, later, None, {}).model is not None
    assert "has verified that model itself" in earlier_model.words(home, later)[0]
    for changed in (
        {"first_model": continuing.digest_of(dataclasses.replace(model, weights=model.weights + np.float32(1e-6)))},
        {"continues": later.training.continues[:12] + "0" * 52},
    ):
        other = later.with_overrides(training=changed)
        with pytest.raises(RefusedError, match="not the one that this hospital verified"):
            earlier_model.of(home, other)
        assert "not the one" in earlier_model.words(home, other)[0]
    (own / "study.toml").write_text("")
    with pytest.raises(RefusedError, match="cannot be recomputed here"):
        earlier_model.of(home, later)


def test_another_first_model_does_not_verify(gone_on: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(gone_on, tmp_path / "run"))
    initial = RunDirectory(path).initial_model
    found = modelfile.load(initial)
    modelfile.save(initial, dataclasses.replace(found, weights=found.weights + np.float32(0.5)))
    with pytest.raises(AuditError, match="not the one that the study states"):
        simulator.lines_of(path)


def test_a_run_that_has_not_ended_has_no_model_to_go_on_from(tmp_path: Path) -> None:
    tables = simulator.write_tables(tmp_path / "tables", 4, rows=260)
    stops = iter([False, False, True])
    with pytest.raises(InterruptedRunError):
        run_study(study(), base=tables, out=tmp_path / "run", device="cpu", should_stop=lambda: next(stops, False))
    with pytest.raises(StudyError, match="no final model"):
        continuing.last_model(tmp_path / "run")
    resume_study(tmp_path / "run", device="cpu")
    _, model = continuing.last_model(tmp_path / "run")
    assert model.weights.tobytes() == simulator.weights(tmp_path / "run").tobytes()


def test_it_is_resumed_from_that_model(earlier: Path, tmp_path: Path) -> None:
    tables = simulator.write_tables(tmp_path / "tables", 4, rows=260)
    stops = iter([False, False, True])
    with pytest.raises(InterruptedRunError):
        run_study(
            study(),
            base=tables,
            out=tmp_path / "run",
            device="cpu",
            continued=earlier,
            should_stop=lambda: next(stops, False),
        )
    result = resume_study(tmp_path / "run", device="cpu")
    assert simulator.holds(result.path)
    whole = go_on(earlier, tmp_path / "whole", study())
    assert simulator.weights(result.path).tobytes() == simulator.weights(whole).tobytes()


@pytest.mark.parametrize(
    "sections",
    [
        {"model": {"kind": "mlp", "hidden": [5]}},
        {"columns": simulator.document()["columns"][:2]},
        {"model": {"kind": "logistic-regression"}},
    ],
    ids=["layers", "columns", "kind"],
)
def test_a_model_with_other_parts_is_refused_before_anything_runs(
    earlier: Path, tmp_path: Path, sections: dict[str, Any]
) -> None:
    with pytest.raises(StudyError, match="other parts"):
        go_on(earlier, tmp_path, study(**sections))
    assert not (tmp_path / "run").exists()


def test_what_goes_on_from_nothing_or_from_another_study_is_refused(earlier: Path, tmp_path: Path) -> None:
    stated = study(training=MLP["training"] | {"continues": "ab" * 32})
    with pytest.raises(StudyError, match="names the study abababababab"):
        go_on(earlier, tmp_path, stated)
    with pytest.raises(StudyError, match="goes on from an earlier one"):
        simulator.run(tmp_path, stated)
    with pytest.raises(StudyError, match="goes on from an earlier one"):
        compare_study(stated, tmp_path / "compared")
    with pytest.raises(StudyError, match="goes on from no earlier model"):
        make_task(simulator.study(4, task="describe", training={"continues": "ab" * 32}))
    table = simulator.run(tmp_path / "table", simulator.study(4, task="describe")).path
    with pytest.raises(StudyError, match="no final model"):
        go_on(table, tmp_path / "other")
    with pytest.raises(CipherwardError):
        go_on(tmp_path / "nothing", tmp_path / "third")


def test_the_digest_of_a_model_is_of_its_parts_and_every_weight() -> None:
    weights = np.arange(6, dtype=np.float32)
    models = [
        Model((("a", 2), ("b", 4)), weights),
        Model((("a", 4), ("b", 2)), weights),
        Model((("c", 2), ("b", 4)), weights),
    ]
    for place in range(6):
        other = weights.copy()
        other[place] = np.nextafter(other[place], np.float32(9.0))
        models.append(Model(models[0].groups, other))
    assert len({continuing.digest_of(each) for each in models}) == len(models)
    assert continuing.digest_of(Model(models[0].groups, weights.astype(">f4"))) == continuing.digest_of(models[0])


def test_a_study_that_goes_on_from_nothing_is_the_document_that_it_was() -> None:
    assert not {"continues", "first_model"} & set(load_builtin("readmission").model_dump(mode="json")["training"])


def test_the_command_takes_the_run_to_go_on_from(
    earlier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = simulator.write_tables(tmp_path / "tables", 4, rows=260)
    (tables / "study.toml").write_text(study(name="later").to_toml())
    code, _, err = call(capsys, "run", tables / "study.toml", "--continue", earlier, "--out", tmp_path / "run")
    assert code == 0, err
    assert simulator.holds(tmp_path / "run")


@pytest.fixture
def five(tmp_path: Path) -> Iterator[Consortium]:
    """Five hospitals, of which the first four have trained a model together."""
    made = Consortium(tmp_path, 5)
    made.start(document(4, name="earlier", training={"rounds": 2, "batch_size": 32, "learning_rate": 0.5}))
    made.approve(*made.names[:4])
    made.pump()
    assert made.status()["phase"] == "finished"
    yield made
    made.close()


def later(five: Consortium, *numbers: int) -> Study:
    digest = study_document.load(offering.find(five.home, "earlier") / "study.toml").digest().hex()
    hospitals = [{"name": f"clinic-{number}"} for number in numbers]
    training = {"rounds": 2, "batch_size": 32, "learning_rate": 0.5, "continues": digest}
    made = document(4, name="later", training=training)
    return study_document.parse(made.model_dump(mode="json") | {"hospitals": hospitals}, origin="tests")


@pytest.mark.thorough
def test_hospitals_that_trained_it_go_on_together_and_compare_it_themselves(five: Consortium) -> None:
    folder = five.start(later(five, 1, 2, 3, 4))
    home = five.hospital("clinic-1")
    text = " ".join(review_text.to_text(review.review(home, approvals.whole_offers(home)[0][-1])).split())
    assert "Training goes on from the last model of an earlier study" in text
    assert "This hospital has verified that model itself." in text
    five.approve(*five.names[:4])
    five.pump()
    assert five.status()["phase"] == "finished", five.status()
    assert simulator.holds(folder)
    first = modelfile.load(folder / "model-initial.safetensors")
    last = modelfile.load(offering.find(five.home, "earlier") / "model.safetensors")
    assert first.weights.tobytes() == last.weights.tobytes()


@pytest.mark.thorough
def test_a_hospital_that_did_not_take_part_or_is_told_of_another_model_refuses(five: Consortium) -> None:
    five.start(later(five, 1, 2, 3, 5))
    with pytest.raises(RefusedError, match="which this hospital has not verified"):
        five.approve("clinic-5")
    frozen = offering.freeze(
        offering._continuing(five.home, later(five, 1, 2, 3, 4))[0], five.home.members, five.home.coordinator_key
    )
    lied = frozen.with_overrides(training={"first_model": "cd" * 32})
    offered = approvals.keep_offer(five.hospital("clinic-2"), lied.to_toml().encode(), b"")
    with pytest.raises(RefusedError, match="not the one that this hospital verified"):
        approvals.approve(five.hospital("clinic-2"), offered, "Dr Example", Agreement.YES)
