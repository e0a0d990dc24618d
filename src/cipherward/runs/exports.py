"""Models in formats that other software reads: a new format is a file and a line here. Exporters are imported when asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cipherward import entries
from cipherward.errors import DataError
from cipherward.runs import modelfile, withdrawn
from cipherward.runs.modelfile import ModelFile

Export = Callable[[ModelFile], bytes]
"""The file's content. Raises DataError: this kind of model has none in that format."""

EXPORTS: dict[str, str | Export] = {
    "xgboost": "cipherward.runs.export_xgboost:export",
}
"""name -> "module:callable", or the callable itself."""


def export(path: Path, name: str) -> bytes:
    """A trained model in another format.

    Args:
        path: a run directory, or a model file.
        name: of the format.

    Raises:
        StorageError, DataError: the model cannot be read, there is no such format, or none for this kind of model.
    """
    if name not in EXPORTS:
        raise DataError(entries.unknown(EXPORTS, name, "format"), hint=f"formats: {', '.join(sorted(EXPORTS))}")
    model = modelfile.load(path / "model.safetensors" if path.is_dir() else path)
    withdrawn.check(path, model.study)
    if model.preprocessor is None:
        raise DataError(f"{path} is an initial model", hint="use the model.safetensors of a finished run")
    chosen: Export = entries.load(EXPORTS[name])
    return chosen(model)
