"""Models in formats that other software reads: a new format is a file and a line here. Exporters are imported when asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cipherward import entries
from cipherward.errors import DataError
from cipherward.runs.modelfile import ModelFile
from cipherward.runs.prediction import finished


@dataclass(frozen=True)
class Content:
    """A file's content, and lines for the people who write it."""

    data: bytes = field(repr=False)
    notes: tuple[str, ...] = ()


Export = Callable[[ModelFile], Content]
"""Raises DataError, StudyError: this kind of model has none in that format."""

EXPORTS: dict[str, str | Export] = {
    "onnx": "cipherward.runs.export_onnx:export",
    "onnx-float32": "cipherward.runs.export_onnx:export_float32",
    "xgboost": "cipherward.runs.export_xgboost:export",
}
"""name -> "module:callable", or the callable itself."""


_ENDINGS = {".onnx": "onnx", ".json": "xgboost"}


def format_of(path: Path) -> str:
    """The format that a file's ending says.

    Raises:
        DataError: it says none.
    """
    if path.suffix.lower() not in _ENDINGS:
        raise DataError(
            f"the ending of {path} says no format",
            hint=f"end it in {' or '.join(_ENDINGS)}, or name one with --to: {', '.join(sorted(EXPORTS))}",
        )
    return _ENDINGS[path.suffix.lower()]


def export(path: Path, name: str) -> Content:
    """A trained model in another format.

    Args:
        path: a run directory, or a model file.
        name: of the format.

    Raises:
        StorageError, DataError, StudyError: the model cannot be read, there is no such format, or none for this kind of model; what the
            format needs is not installed.
    """
    if name not in EXPORTS:
        raise DataError(entries.unknown(EXPORTS, name, "format"), hint=f"formats: {', '.join(sorted(EXPORTS))}")
    model, _ = finished(path)
    chosen: Export = entries.load(EXPORTS[name])
    return chosen(model)
