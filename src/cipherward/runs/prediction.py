"""Local prediction: a table in, a prediction per row out, with what was assumed for each row."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import substitutes as substitutes_of
from cipherward.data.inputs import Inputs
from cipherward.data.problems import table_error
from cipherward.data.schema import Converted, convert, declared_range
from cipherward.data.sources import load_table_for_prediction
from cipherward.data.tables import read_table
from cipherward.data.values import Rule, as_text
from cipherward.errors import DataError
from cipherward.learning import sgd
from cipherward.learning.model_kind import Module
from cipherward.runs import modelfile, withdrawn
from cipherward.runs.modelfile import ModelFile
from cipherward.study import Column
from cipherward.tasks.yardsticks import outcome_at

_AS_WRITTEN = (Rule.DECIMAL_COMMA, Rule.THOUSANDS)
_BATCH = 1024
EMPTY = "no value in any column: the prediction says nothing of this row"


@dataclass(frozen=True)
class Predictions:
    """One entry per row of the file: `rows` int64, its number in the file (1 is the first below the header);
    `scores`: as `Outcome.scores` gives them, of a binary outcome its probability, float64; `columns` and `cells`: what is written
    of them; `assumed`: what was taken for granted, "" for nothing; `ids`: the column that was asked for;
    `caution`: see `Outcome.caution`."""

    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    columns: tuple[str, ...]
    cells: list[tuple[str, ...]] = field(repr=False)
    assumed: tuple[str, ...]
    id_column: str = ""
    ids: tuple[str, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()
    caution: str = ""

    def to_csv(self) -> str:
        """CSV text: row number, the id if there is one, the prediction (nine significant digits), and what was assumed."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["row", *([self.id_column] if self.id_column else []), *self.columns, "assumed"])
        ids = self.ids or ("",) * len(self.rows)
        for row, name, cells, assumed in zip(self.rows, ids, self.cells, self.assumed, strict=True):
            writer.writerow([row, *([name] if self.id_column else []), *cells, assumed])
        return out.getvalue()


def predict(path: Path, table: Path, *, module: Module | None = None) -> NDArray[np.float64]:
    """The study's outcome, predicted for each row of a table.

    Args:
        path: a run directory, or a model file.
        table: a file with the study's columns; others are ignored.
        module: the torch module of a study with model.kind "custom".

    Returns:
        In the file's row order: of a binary outcome its probability, float64[n_rows]; of several classes or grades their
        probabilities, float64[n_rows, classes]; of a number its expected value, float64[n_rows], in its own unit.

    Raises:
        StorageError, DataError: the model or the table cannot be read, or columns are missing.
    """
    return predict_rows(path, table, module=module).scores


def predict_rows(path: Path, table: Path, *, module: Module | None = None, id_column: str = "") -> Predictions:
    """As `predict`, with each row's number and what was assumed for it. Every row is read as if it were alone.

    Args:
        id_column: a column of the table to carry along, so that rows can be told apart.

    Raises:
        as `predict`; DataError: the table has no such column.
    """
    model, inputs = finished(path)
    columns = inputs.columns
    raw, found = load_table_for_prediction(table, columns)
    if id_column and id_column not in raw.table.columns:
        raise DataError(
            f"{table} has no column {id_column!r} to carry along", hint=f"its columns: {', '.join(raw.table.columns)}"
        )
    outcome = outcome_at(model.study, inputs)
    if id_column in ("row", *outcome.columns(), "assumed"):
        raise DataError(
            f"the output has a column {id_column!r} of its own",
            hint="rename the column of the table that is to be carried",
        )
    scores = scores_of(model, model.module(module), inputs, found.table)
    ids = tuple(as_text(raw.table[id_column]).fill_null("").to_list()) if id_column else ()
    assumed = assumptions(found, inputs)
    written = outcome.columns(), outcome.cells(scores)
    unused = substitutes_of.unused(inputs)
    ignored = (f"not looked at by this model: {', '.join(map(repr, unused))}",) if unused else ()
    notes = (*raw.assumed, *numbers_as_written(found), *ignored)
    return Predictions(raw.rows, scores, *written, assumed, id_column, ids, notes, outcome.caution)


def finished(path: Path) -> tuple[ModelFile, Inputs]:
    """A model to predict with, and its inputs.

    Raises:
        StorageError, DataError: it cannot be read, is withdrawn, or is not of a finished run.
    """
    model = modelfile.load(path / "model.safetensors" if path.is_dir() else path)
    withdrawn.check(path, model.study)
    if model.preprocessor is None:
        raise DataError(
            f"{path} is an initial model without preprocessing", hint="use the model.safetensors of a finished run"
        )
    return model, model.preprocessor


def carried(table: Path, column: str) -> tuple[str, ...]:
    """A column of a table that is predicted on, as text; "" where there is no value.

    Raises:
        DataError: unreadable, or no such column.
    """
    raw = read_table(table).table
    if column not in raw.columns:
        raise DataError(f"{table} has no column {column!r}", hint=f"its columns: {', '.join(raw.columns[:20])}")
    return tuple(as_text(raw[column]).fill_null("").to_list())


def typed(table: pl.DataFrame, columns: Sequence[Column]) -> Converted:
    """The input columns of a table in memory; every row is read as if it were alone.

    Raises:
        TableError: a column is missing, or a value cannot be read.
    """
    found = convert(table, columns, np.arange(1, table.height + 1), each_row_alone=True)
    if found.problems:
        raise table_error(
            "the table cannot be read", found.problems, hint="write it as the study's data dictionary says"
        )
    return found


def scores_of(model: ModelFile, module: Module, inputs: Inputs, table: pl.DataFrame) -> NDArray[np.float64]:
    """Predictions for a typed table, as `predict` gives them: in batches of one size, filled up with zeros, since the last bits of
    a product depend on a batch's size."""
    outcome, features, found = outcome_at(model.study, inputs), inputs.transform(table), []
    for start in range(0, len(features), _BATCH):
        batch = np.zeros((_BATCH, features.shape[1]), dtype=np.float32)
        part = features[start : start + _BATCH]
        batch[: len(part)] = part
        found.append(sgd.scores(module, model.weights, batch, outcome=outcome)[: len(part)])
    return np.concatenate(found)


def numbers_as_written(found: Converted) -> tuple[str, ...]:
    """Of each column in words: how its numbers are written, where that left no doubt; no row rests on it."""
    return tuple(
        f"column {mark.column!r}: {mark.rule}, in {mark.rows.sum():,} row(s)"
        for mark in found.marks
        if mark.rule in _AS_WRITTEN and mark.rows.any()
    )


def assumptions(found: Converted, inputs: Inputs) -> tuple[str, ...]:
    """For each row in words: what was cut, taken for another value, or missing."""
    said: list[list[str]] = [[] for _ in range(found.table.height)]
    by_name = {column.name: column for column in inputs.columns}
    for mark in found.marks:
        if mark.rule in (Rule.MISSING_WORD, Rule.MISSING_CODE, *_AS_WRITTEN):
            continue  # said below, as for an empty field, or of the whole column
        for row in np.flatnonzero(mark.rows):
            said[row].append(_sentence(by_name[mark.column], mark.rule, found.table[mark.column][int(row)]))
    substitutes = substitutes_of.of(inputs)
    for name, pairs in substitutes.items():
        for category, clause in pairs.items():
            if category is not None:
                for row in np.flatnonzero((found.table[name] == category).fill_null(False).to_numpy()):
                    said[row].append(f"{name} {category!r} {clause}")
    empty = found.table.select(pl.all_horizontal(pl.all().is_null()).alias("empty"))["empty"].to_numpy()
    ignored = substitutes_of.unused(inputs)
    for name, series in zip(found.table.columns, found.table.get_columns(), strict=True):
        if name in ignored:
            continue
        clause = substitutes.get(name, {}).get(None, "")
        for row in np.flatnonzero(series.is_null().to_numpy() & ~empty):
            said[row].append(f"{name} missing" + (f", {clause}" if clause else ""))
    for row in np.flatnonzero(empty):
        said[row] = [EMPTY]
    return tuple("; ".join(parts) for parts in said)


def _sentence(column: Column, rule: Rule, value: object) -> str:
    if rule is Rule.CUT and isinstance(value, float):
        low, high = declared_range(column)
        return f"{column.name} {value:g} outside the declared range, cut to {low if value < low else high:g}"
    return f"{column.name}: {rule}"
