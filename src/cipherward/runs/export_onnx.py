"""A trained model as an ONNX file with its preprocessing inside, which other software runs without cipherward."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from cipherward.data import graphs
from cipherward.data.inputs import Inputs
from cipherward.errors import DataError, StudyError
from cipherward.graph import Graph, Port
from cipherward.learning.catalogue import kind_of
from cipherward.learning.model_kind import Module, ShapedKind
from cipherward.runs import modelfile, onnx_check, onnx_file
from cipherward.runs.exports import Content
from cipherward.runs.modelfile import ModelFile
from cipherward.runs.prediction import finished, scores_of, typed
from cipherward.store import files
from cipherward.tasks.yardsticks import outcome_at

FORMAT = "cipherward-onnx-1"
TOLERANCE = 1e-5
"""The largest difference from `predict` with which a file is written, in probability or in ranges of a number."""


@dataclass(frozen=True)
class Exported:
    """A written file: the inputs that it expects, its output, and the largest difference from `predict` over `rows` generated rows;
    None: not checked, as onnxruntime is not installed."""

    path: Path
    inputs: tuple[Port, ...]
    output: Port
    difference: float | None
    rows: int


def export(model: ModelFile) -> Content:
    """The file's content, numbers in float64.

    Raises:
        StudyError, DataError: as `write`.
    """
    return _content(model, "float64")


def export_float32(model: ModelFile) -> Content:
    """As `export`, numbers in float32."""
    return _content(model, "float32")


def write(path: Path, out: Path, *, module: Module | None = None, float32: bool = False) -> Exported:
    """Write a run's model as an ONNX file, after a comparison with `predict`.

    Args:
        path: a run directory, or a model file.
        out: the file to write.
        module: the torch module of a study with model.kind "custom".
        float32: numbers come in and go out as float32 instead of float64.

    Raises:
        StudyError: onnx is not installed; the model's kind or type of outcome has no such form.
        StorageError, DataError: the model cannot be read, is not of a finished run, or the file would differ from `predict`.
    """
    model, _ = finished(path)
    data, graph, apart, rows = _made(model, module, "float32" if float32 else "float64")
    files.write(out, data)
    return Exported(out, tuple(graph.inputs), graph.outputs[0], apart, rows)


def _content(model: ModelFile, number: str) -> Content:
    data, graph, apart, rows = _made(model, None, number)
    (output,) = graph.outputs
    notes = ["inputs:", *(f"  {each.name} ({each.dtype}[rows, {each.width}]): {each.words}" for each in graph.inputs)]
    notes += ["output:", f"  {output.name} ({output.dtype}[rows, {output.width}]): {output.words}"]
    if apart is None:
        notes.append('not checked: onnxruntime is not installed (pip install "cipherward[onnx]")')
    else:
        notes.append(f"largest difference from predict over {rows} generated rows: {apart:.1e}")
    return Content(data, tuple(notes))


def _made(model: ModelFile, module: Module | None, number: str) -> tuple[bytes, Graph, float | None, int]:
    """The file's content, its graph, the largest difference from `predict`, and over how many rows."""
    onnx_file.need("onnx")
    if kind_of(model.study.model).is_own_code and module is None:
        raise DataError(
            "this model is a torch module of the user's own, which its file does not contain",
            hint="export it from Python: cipherward.export_onnx(run, out, module=YourModule(...))",
        )
    if model.preprocessor is None:
        raise DataError("this is an initial model", hint="use the model.safetensors of a finished run")
    inputs, own = model.preprocessor, model.module(module)
    is_checked = find_spec("onnxruntime") is not None
    is_traced = module is not None or isinstance(kind_of(model.study.model), ShapedKind)
    if is_traced and not is_checked:
        onnx_file.need("onnxruntime")  # what was traced has to be compared
    graph = _graph(model, own, inputs, number)
    data = onnx_file.to_bytes(graph, model.study.name, _words(model, inputs), _facts(model, inputs))
    if not is_checked:
        return data, graph, None, 0
    apart, rows = _compared(data, model, own, inputs, number)
    if not apart <= TOLERANCE:
        raise DataError(
            f"the exported model differs from predict by {apart:.2g} on generated rows, more than {TOLERANCE:g}; nothing was written",
            hint="a module of your own must not decide by a row's values in Python; of another kind, report this as a defect",
        )
    return data, graph, apart, rows


def _graph(model: ModelFile, module: Module, inputs: Inputs, number: str) -> Graph:
    kind, outcome, graph = kind_of(model.study.model), outcome_at(model.study, inputs), Graph(number)
    features = graphs.add(graph, inputs)
    name, scores = outcome.exported(graph, kind.exported(module, graph, features, inputs.n_features))
    if name in (column.name for column in inputs.columns):
        raise StudyError(
            f"a column of the study is called {name!r}, as the model's output is",
            hint="an ONNX file cannot have both; predict with cipherward itself: cipherward predict",
        )
    is_refused = graph.refused[0]
    for other in graph.refused[1:]:
        is_refused = graph.add("Or", is_refused, other)
    found = graph.add("Where", is_refused, graph.constant([float("nan")]), scores)
    classes = outcome.predicted_classes
    words = f"{', '.join(classes)}: " if classes else ""
    words += f"{outcome.predicted}; NaN: the row holds what cipherward predict refuses"
    graph.output(graph.cast(found, number), Port(name, number, max(1, len(classes)), words))
    return graph


def _compared(data: bytes, model: ModelFile, module: Module, inputs: Inputs, number: str) -> tuple[float, int]:
    """The largest difference, and over how many rows."""
    table = onnx_check.rows(inputs.columns, number)
    wanted = scores_of(model, module, inputs, typed(table, inputs.columns).table)
    apart = onnx_check.difference(onnx_check.run(data, table), wanted)
    return apart / outcome_at(model.study, inputs).unit, table.height


def _words(model: ModelFile, inputs: Inputs) -> str:
    outcome = outcome_at(model.study, inputs)
    return (
        f"Study {model.study.name}: {kind_of(model.study.model).describe(model.study.model)} for {outcome.predicted}. "
        "Raw columns in, one row each; the preprocessing is inside. Every input says what it expects."
    )


def _facts(model: ModelFile, inputs: Inputs) -> Mapping[str, str]:
    study, outcome = model.study, outcome_at(model.study, inputs)
    return {
        "format": FORMAT,
        "cipherward": version("cipherward"),
        "study": study.name,
        "study_digest": study.digest().hex(),
        "model_digest": hashlib.sha256(modelfile.to_bytes(model)).hexdigest(),
        "model_kind": study.model.kind,
        "outcome": study.data.outcome,
        "outcome_type": outcome.type,
        "predicts": outcome.predicted,
        "classes": json.dumps(outcome.predicted_classes, ensure_ascii=False),
        "training_rows": str(inputs.n_rows),
        **({"caution": outcome.caution} if outcome.caution else {}),
        "columns": json.dumps([column.model_dump(mode="json") for column in inputs.columns], ensure_ascii=False),
    }
