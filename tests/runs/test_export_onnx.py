"""Exported models give what `predict` gives, of every kind, on tables that are as awkward as tables are."""

from __future__ import annotations

import csv
import dataclasses
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from tests import simulator
from tests.learning.factorisation import FactorisationMachine
from torch import nn
from typer.testing import CliRunner

from cipherward.cli import app
from cipherward.data import graphs
from cipherward.data.coding import FINE, Binned, Coding, Pair, fine_values
from cipherward.data.forest import Forest
from cipherward.data.imputation import Regression
from cipherward.data.inputs import Inputs
from cipherward.data.preprocess import Preprocessor
from cipherward.errors import CipherwardError, DataError, StudyError
from cipherward.learning import catalogue, models
from cipherward.learning.outcomes import OUTCOMES, outcome_of
from cipherward.runs import export_onnx, exports, modelfile, onnx_check, onnx_file
from cipherward.runs.export_onnx import Exported
from cipherward.runs.export_onnx import write as export
from cipherward.runs.modelfile import ModelFile
from cipherward.runs.prediction import predict
from cipherward.study import Column
from cipherward.study_columns import input_shape

onnx = pytest.importorskip("onnx", reason='onnx is not installed (pip install "cipherward[onnx]")')
pytest.importorskip("onnxruntime", reason='onnxruntime is not installed (pip install "cipherward[onnx]")')

AGE = Column(name="age", kind="numeric", minimum=0.0, maximum=110.0, unit="years", missing=("-9",))
STAYS = Column(name="stays", kind="numeric", minimum=0.0, maximum=255.0, transform="log1p")
BMI = Column(name="body mass", kind="numeric", minimum=-8.0, maximum=8.5)
WARD = Column(name="ward", kind="categorical", categories=("A", "B", "C", "other"), missing=("X",))
GRADE = Column(name="grade", kind="categorical", categories=("1", "2", "3"))
COLUMNS = (AGE, STAYS, BMI, WARD, GRADE)
SCALED = Preprocessor(
    COLUMNS, (0.6, 0.2, 0.5), (0.15, 0.01, 0.3), 500, 100, (("grade", (("1", "3"),)),)
)  # stays: to its limit of 10 standard deviations and beyond
WIDTH = 3 + len(WARD.categories) + len(GRADE.categories)
FILLED = dataclasses.replace(  # age stays in the middle: few rows had one
    SCALED,
    columns=tuple(
        column.model_copy(update={"impute": "regression"}) if column in (AGE, BMI) else column for column in COLUMNS
    ),
    imputed=(
        Regression("age", 12, 0.0, ()),
        Regression("body mass", 400, 0.3, (0.4, -0.9, 0.0, *np.linspace(-2.0, 2.0, WIDTH - 3).tolist(), 0.25)),
    ),
)
CODING = Coding(
    COLUMNS,
    (
        Binned(AGE, (*([0] * 20 + [1] * 20 + [2] * 24), 3), (0, 0, 1, 2)),
        Binned(STAYS, (*[part // 8 for part in range(FINE)], 8), (0, 0, 0, 0, 1, 1, 1, 1, 0)),
        Binned(WARD, (0, 1, 2, 1, 2)),
        Binned(GRADE, (0, 1, 1, 0), (0, 1)),
    ),
    (Pair(0, 1, (0, 1, 2, 0, 1, 2)), Pair(0, 3, (0, 1, 1, 0, 1, 0))),
    500,
    100,
)


def forest() -> Forest:
    """40 random trees of different depths."""
    source, found = np.random.default_rng(4), Forest.empty(CODING)
    for tree in range(40):
        inner = tree % 7
        feature = np.array([source.integers(0, 4) for _ in range(inner)] + [-1] * (inner + 1), np.int32)
        children = np.arange(1, 2 * inner + 1, dtype=np.int32).reshape(inner, 2)  # one level after the other
        ends = np.full(inner + 1, -1, np.int32)
        left, right = (np.concatenate([children[:, side], ends]).astype(np.int32) for side in (0, 1))
        goes_left = source.random((len(feature), 9)) < 0.5
        goes_left[inner:] = False
        found = found.grown(np.zeros(1, np.int32), feature, left, right, goes_left)
    return Forest.from_json(found.to_json())


class OwnNetwork(nn.Module):
    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(n_features, 6), nn.LayerNorm(6), nn.Linear(6, 1)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.last(torch.tanh(self.norm(self.first(rows)))).squeeze(1)
        return found


class TakesALook(OwnNetwork):
    """Decides in Python, which no trace holds: traced on zeros, it gives what it gives there."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        found = super().forward(rows)
        return found if float(rows.abs().sum()) == 0.0 else -found


KINDS: dict[str, tuple[dict[str, Any], str, Callable[[], Inputs]]] = {
    "logistic-regression": ({}, "train", lambda: SCALED),
    "linear": ({}, "train", lambda: SCALED),
    "mlp": ({"hidden": [7, 5]}, "train", lambda: SCALED),
    "tabular": ({"hidden": [6], "embedding": 3}, "train", lambda: SCALED),
    "custom": ({}, "train", lambda: SCALED),
    "points": ({}, "points", lambda: CODING),
    "boosted-trees": ({}, "boost", forest),
}


SHAPED: dict[str, tuple[Column, dict[str, Any]]] = {
    "cnn": (
        Column(name="eye", kind="image", shape=(3, 8, 12), minimum=0.0, maximum=255.0),
        {"channels": [4, 6], "augment": ["flip-horizontal", "shift"]},
    ),
    "sequence": (
        Column(name="pulse", kind="series", shape=(24,), minimum=0.0, maximum=220.0, transform="log1p", missing=("-1",)),
        {"channels": [4, 6], "width": 5},
    ),
    "backbone": (
        Column(name="scan", kind="image", shape=(1, 16, 20), minimum=0.0, maximum=255.0),
        {"network": "resnet10", "weights": "seeded", "size": 24},
    ),
}  # fmt: skip


def a_model(
    folder: Path,
    kind: str,
    factory: Callable[[int], nn.Module] = OwnNetwork,
    constants: tuple[float, ...] = (),
    **data: Any,
) -> tuple[Path, nn.Module | None]:
    """A model file with random weights, and its module where that is the user's own. `data`: what [data] says of the outcome."""
    settings, task, make = KINDS[kind]
    columns = [column.model_dump(mode="json", exclude_defaults=True) for column in COLUMNS]
    study = simulator.study(3, task=task, model={"kind": kind, **settings}, columns=columns, training={}, data=data)
    inputs = make()
    if constants:
        inputs = dataclasses.replace(SCALED, outcome=constants)
    own = factory if kind == "custom" else None
    outputs = outcome_of(study.data).model_outputs
    module = models.build(study.model, inputs.n_features, study.seed, own, outputs, study.input_shape)
    source = np.random.default_rng(9)
    weights = source.normal(0.0, 0.4, models.n_parameters(module)).astype(np.float32)
    path = folder / "model.safetensors"
    modelfile.save(path, ModelFile(study, models.groups(module), weights, inputs))
    return path, module if isinstance(module, nn.Module) and own else None


def run(path: Path, columns: dict[str, list[Any]]) -> list[float]:
    """What the file gives for raw columns."""
    found: list[float] = onnx_check.run(path.read_bytes(), pl.DataFrame(columns))[:, 0].tolist()
    return found


def written(folder: Path, kind: str) -> Exported:
    path, module = a_model(folder, kind)
    return export(path, folder / "model.onnx", module=module)


def test_every_kind_of_model_is_tried_here() -> None:
    assert set(KINDS) == set(catalogue.KINDS) - set(SHAPED)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("float32", [False, True])
def test_an_exported_model_gives_what_predict_gives_for_a_table(kind: str, float32: bool, tmp_path: Path) -> None:
    path, module = a_model(tmp_path, kind)
    found = export(path, tmp_path / "model.onnx", module=module, float32=float32)
    assert found.difference is not None
    assert found.difference < 1e-6
    assert found.rows >= 2_000
    table = onnx_check.rows(COLUMNS, "float32" if float32 else "float64")[:300]
    with (tmp_path / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table.columns)
        writer.writerows([["" if cell is None else cell for cell in row] for row in table.iter_rows()])
    wanted = predict(path, tmp_path / "table.csv", module=module)
    given = onnx_check.run(found.path.read_bytes(), table)[:, 0]
    assert np.abs(given - wanted).max() < 1e-6
    assert np.ptp(wanted) > 0.1
    assert [port.dtype for port in found.inputs].count("string") == 2


@pytest.mark.parametrize("float32", [False, True])
def test_missing_numbers_are_predicted_from_the_other_columns_as_predict_does(float32: bool, tmp_path: Path) -> None:
    path, _ = a_model(tmp_path, "mlp")
    modelfile.save(path, dataclasses.replace(modelfile.load(path), preprocessor=FILLED))
    found = export(path, tmp_path / "model.onnx", float32=float32)
    assert found.difference is not None
    assert found.difference < 1e-6
    filled = onnx_check.rows(COLUMNS, "float32" if float32 else "float64")
    there = filled["body mass"].is_not_null() & filled["body mass"].is_not_nan()
    data = found.path.read_bytes()
    modelfile.save(path, dataclasses.replace(modelfile.load(path), preprocessor=SCALED))
    plain = export(path, tmp_path / "plain.onnx", float32=float32).path.read_bytes()
    both = [onnx_check.run(each, filled.filter(~there))[:, 0] for each in (data, plain)]
    assert np.nanmax(np.abs(both[0] - both[1])) > 0.01
    both = [onnx_check.run(each, filled.filter(there))[:, 0] for each in (data, plain)]
    np.testing.assert_array_equal(both[0], both[1])


@pytest.mark.parametrize("float32", [False, True])
def test_where_few_lack_a_value_a_missing_one_counts_as_it_does_in_predict(float32: bool, tmp_path: Path) -> None:
    path, _ = a_model(tmp_path, "mlp")
    unmarked = dataclasses.replace(FILLED, unmarked=("age", "body mass", "ward", "grade"))
    outputs = []
    for name, inputs in (("unmarked", unmarked), ("marked", FILLED)):
        modelfile.save(path, dataclasses.replace(modelfile.load(path), preprocessor=inputs))
        found = export(path, tmp_path / f"{name}.onnx", float32=float32)
        assert found.difference is not None
        assert found.difference < 1e-6
        rows = onnx_check.rows(COLUMNS, "float32" if float32 else "float64")
        outputs.append(onnx_check.run(found.path.read_bytes(), rows)[:, 0])
    assert np.nanmax(np.abs(outputs[0] - outputs[1])) > 0.01


def test_every_type_of_outcome_is_tried_here() -> None:
    assert set(OUTCOMES) == {"binary", "multiclass", "ordinal", "continuous", "counts"}


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"outcome_type": "continuous", "outcome_minimum": 20.0, "outcome_maximum": 260.0}, "prediction"),
        ({"outcome_type": "counts", "outcome_maximum": 10_000.0}, "expected_count"),
    ],
)
def test_numbers_come_out_in_their_own_unit(data: dict[str, Any], name: str, tmp_path: Path) -> None:
    path, _ = a_model(tmp_path, "mlp", constants=(0.3, 0.1), **data)
    found = export(path, tmp_path / "model.onnx")
    assert found.difference is not None
    assert found.difference < 1e-6
    assert (found.output.name, found.output.width) == (name, 1)
    assert np.ptp(onnx_check.run(found.path.read_bytes(), onnx_check.rows(COLUMNS)[:200])) > 1.0


@pytest.mark.parametrize("case", ["cnn", "sequence", "gru", pytest.param("backbone", marks=pytest.mark.thorough)])
def test_images_and_series_go_in_as_their_numbers(case: str, tmp_path: Path) -> None:
    if case == "backbone":
        pytest.importorskip("monai", reason="MONAI is not installed")
    kind = {"gru": "sequence"}.get(case, case)
    column, settings = SHAPED[kind]
    if case == "gru":
        settings = {"cell": "gru", "units": 5, "steps": 3}
    document = column.model_dump(mode="json", exclude_defaults=True)
    study = simulator.study(3, model={"kind": kind, **settings}, columns=[document], training={})
    inputs = Preprocessor((column,), (0.4,), (0.2,), 500, 100)
    shape = input_shape((column,))
    module = models.build(study.model, inputs.n_features, study.seed, shape=shape)
    weights = np.random.default_rng(2).normal(0.0, 0.5, models.n_parameters(module)).astype(np.float32)
    path = tmp_path / "model.safetensors"
    modelfile.save(path, ModelFile(study, models.groups(module), weights, inputs))
    found = export(path, tmp_path / "model.onnx")
    assert found.difference is not None
    assert found.difference < (1e-5 if case == "backbone" else 1e-6)
    (port,) = found.inputs
    assert (port.dtype, port.width) == ("float32", column.size)
    data = found.path.read_bytes()
    table = onnx_check.rows((column,))[:40]
    usual = onnx_check.run(data, table)
    assert np.ptp(usual) > 0.01
    values = table[column.name].to_numpy().copy()
    values[3, 5] = np.inf
    values[7, 2] = np.nan
    changed = onnx_check.run(data, pl.DataFrame({column.name: pl.Series(values, dtype=table.schema[column.name])}))
    assert np.isnan(changed).ravel().tolist() == [
        row == 3 or (row == 7 and column.kind == "image") for row in range(40)
    ]


@pytest.mark.parametrize("kind", ["linear", "mlp"])
@pytest.mark.parametrize("type_of_outcome", ["multiclass", "ordinal"])
def test_classes_and_grades_have_a_probability_each(kind: str, type_of_outcome: str, tmp_path: Path) -> None:
    classes = ["none", "mild", "moderate", "severe"]
    path, _ = a_model(tmp_path, kind, outcome_type=type_of_outcome, classes=classes)
    found = export(path, tmp_path / "model.onnx")
    assert found.difference is not None
    assert found.difference < 1e-6
    assert (found.output.name, found.output.width) == ("probabilities", 4)
    assert found.output.words.startswith("none, mild, moderate, severe: ")
    given = onnx_check.run(found.path.read_bytes(), onnx_check.rows(COLUMNS)[:200])
    assert given.shape == (200, 4)
    assert np.allclose(given.sum(axis=1), 1.0)
    assert (np.ptp(given, axis=0) > 0.01).sum() >= 2  # thresholds out of order leave grades empty


def test_missing_values_codes_and_spellings_are_read_as_predict_reads_them(tmp_path: Path) -> None:
    path = written(tmp_path, "points").path
    plain: dict[str, list[Any]] = {
        "age": [None, 30.0, 200.0], "stays": [None, 3.0, 3.0], "body mass": [0.0] * 3,
        "ward": [None, "other", "A"], "grade": [None, "2", "2"],
    }  # fmt: skip
    same = plain | {"age": [-9.0, 30.0, 110.0], "ward": ["N/A", "somewhere", "A"], "grade": ["nan", "2.0", "+2"]}
    assert run(path, plain) == run(path, same)
    assert run(path, plain | {"ward": ["X", "other", "A"]}) == run(path, plain)
    assert len(set(run(path, plain))) == 3


@pytest.mark.parametrize("kind", ["mlp", "boosted-trees"])
def test_a_row_that_predict_refuses_gets_no_prediction_and_others_keep_theirs(kind: str, tmp_path: Path) -> None:
    path = written(tmp_path, kind).path
    plain: dict[str, list[Any]] = {
        "age": [30.0, 40.0, 50.0], "stays": [3.0] * 3, "body mass": [0.0] * 3, "ward": ["A"] * 3, "grade": ["2"] * 3
    }  # fmt: skip
    usual = run(path, plain)
    assert np.isfinite(usual).all()
    for name, wrong in (("age", np.inf), ("stays", -np.inf), ("grade", "4"), ("grade", "II")):
        column = list(plain[name])
        column[1] = wrong
        found = run(path, plain | {name: column})
        assert np.isnan(found[1])
        assert [found[0], found[2]] == [usual[0], usual[2]]
        table = tmp_path / "one.csv"
        table.write_text(f"age,stays,body mass,ward,grade\n30,3,0,A,2\n{'inf' if name == 'age' else 40},"
                         f"{'-inf' if name == 'stays' else 3},0,A,{wrong if name == 'grade' else 2}\n")  # fmt: skip
        with pytest.raises(DataError):
            predict(tmp_path / "model.safetensors", table)


@pytest.mark.parametrize("column", [AGE, STAYS, BMI], ids=lambda column: str(column.name))
def test_cut_points_are_the_smallest_value_of_each_part_to_the_last_bit(column: Column) -> None:
    cuts = graphs.cuts(column)
    parts = np.arange(1, FINE)
    assert fine_values(pl.Series(cuts), column).tolist() == parts.tolist()
    assert fine_values(pl.Series(np.nextafter(cuts, -np.inf)), column).tolist() == (parts - 1).tolist()


def test_the_file_says_what_it_is_and_what_it_expects_and_is_the_same_every_time(tmp_path: Path) -> None:
    path, _ = a_model(tmp_path, "logistic-regression")
    first, again = (export(path, tmp_path / name) for name in ("one.onnx", "two.onnx"))
    assert first.path.read_bytes() == again.path.read_bytes()
    model = onnx.load(first.path)
    facts = {each.key: each.value for each in model.metadata_props}
    study = modelfile.load(path).study
    assert facts["study"] == "tiny"
    assert facts["study_digest"] == study.digest().hex()
    assert facts["predicts"] == "outcome is 1"
    assert [column["unit"] for column in json.loads(facts["columns"])] == ["years", "", "", "", ""]
    words = {each.name: each.doc_string for each in (*model.graph.input, *model.graph.output)}
    assert list(words) == ["age", "stays", "body mass", "ward", "grade", "probability"]
    assert words["age"].startswith("number, 0 to 110 years; values outside are cut")
    assert words["age"].endswith("read as no value: -9")
    assert "any other text counts as 'other'" in words["ward"]
    assert "the row gets no prediction" in words["grade"]


def test_a_module_that_no_trace_holds_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    path, module = a_model(tmp_path, "custom", TakesALook)
    with pytest.raises(DataError, match="differs from predict by") as caught:
        export(path, tmp_path / "model.onnx", module=module)
    assert "must not decide by a row's values" in caught.value.hint
    with pytest.raises(DataError, match="does not contain") as told:
        export(path, tmp_path / "model.onnx")
    assert "cipherward.export_onnx" in told.value.hint
    assert not (tmp_path / "model.onnx").exists()


def test_a_kind_without_such_a_form_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalogue.KINDS, "factorisation", FactorisationMachine)
    monkeypatch.setitem(KINDS, "factorisation", ({"rank": 2}, "train", lambda: SCALED))
    path, _ = a_model(tmp_path, "factorisation")
    with pytest.raises(StudyError, match="a factorisation machine cannot be exported"):
        export(path, tmp_path / "model.onnx")


def test_without_onnx_the_extra_is_named_and_without_onnxruntime_the_file_is_not_called_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = a_model(tmp_path, "mlp")
    real, gone = importlib.util.find_spec, {"onnxruntime"}

    def find(name: str) -> Any:
        return None if name in gone else real(name)

    monkeypatch.setattr(export_onnx, "find_spec", find)
    monkeypatch.setattr(onnx_file, "find_spec", find)
    result = CliRunner().invoke(app, ["export", str(path), str(tmp_path / "model.onnx")])
    assert result.exit_code == 0
    assert "not checked: onnxruntime is not installed" in result.output
    own, module = a_model(tmp_path, "custom")
    with pytest.raises(StudyError, match="onnxruntime is not installed"):
        export(own, tmp_path / "own.onnx", module=module)
    gone.add("onnx")
    with pytest.raises(StudyError, match="onnx is not installed") as caught:
        export(path, tmp_path / "none.onnx")
    assert "cipherward[onnx]" in caught.value.hint


def test_a_column_named_like_the_output_and_a_file_that_is_no_model_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = Column(name="probability", kind="numeric", minimum=0.0, maximum=1.0)
    inputs = Preprocessor((named,), (0.5,), (0.2,), 500, 100)
    study = simulator.study(3, columns=[named.model_dump(mode="json", exclude_defaults=True)])
    module = models.build(study.model, 2, 0)
    path = tmp_path / "model.safetensors"
    modelfile.save(path, ModelFile(study, models.groups(module), models.flatten(module), inputs))
    with pytest.raises(StudyError, match="a column of the study is called 'probability'"):
        export(path, tmp_path / "model.onnx")
    path.write_bytes(b"no model")
    with pytest.raises(CipherwardError, match="not a complete cipherward model file"):
        export(path, tmp_path / "model.onnx")


def test_the_command_says_what_goes_in_and_the_largest_difference(tmp_path: Path) -> None:
    path, _ = a_model(tmp_path, "boosted-trees")
    result = CliRunner().invoke(app, ["export", str(path), str(tmp_path / "model.onnx"), "--to", "onnx-float32"])
    assert result.exit_code == 0, result.output
    assert "age (float32[rows, 1]): number, 0 to 110 years" in result.output
    assert "largest difference from predict over" in result.output
    assert onnx.load(tmp_path / "model.onnx").graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_the_format_follows_from_the_ending_of_the_file() -> None:
    assert exports.format_of(Path("Model.ONNX")) == "onnx"
    assert exports.format_of(Path("trees.json")) == "xgboost"
    with pytest.raises(DataError, match="says no format") as caught:
        exports.format_of(Path("model.bin"))
    assert "onnx-float32" in caught.value.hint
