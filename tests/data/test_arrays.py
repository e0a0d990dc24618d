from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from cipherward.data import arrays, row_digests
from cipherward.data.preprocess import Preprocessor, fit, local_statistics
from cipherward.data.schema import convert
from cipherward.data.sources import HospitalData
from cipherward.errors import StudyError
from cipherward.study import Column, parse

RATE = Column(name="rate", kind="series", shape=(4,), minimum=0, maximum=100, missing=("-9",))
PICTURE = Column(name="picture", kind="image", shape=(1, 2, 2), minimum=0, maximum=10)
ROWS = np.array([1, 2, 3])


def typed(column: Column, values: pl.Series) -> pl.Series:
    found = convert(pl.DataFrame([values.rename(column.name)]), (column,), ROWS[: len(values)])
    assert not found.problems
    return found.table[column.name]


def problems(column: Column, values: pl.Series) -> list[str]:
    return convert(pl.DataFrame([values.rename(column.name)]), (column,), np.arange(1, len(values) + 1)).problems  # type: ignore[return-value]


def test_a_series_is_read_alike_from_text_and_from_lists() -> None:
    text = typed(RATE, pl.Series(["1;2;;NA", "", "-9;4;5;6"]))
    lists = typed(RATE, pl.Series([[1.0, 2.0, None, None], None, [None, 4.0, 5.0, 6.0]]))
    assert text.null_count() == lists.null_count() == 1
    assert np.array_equal(text.to_numpy(), lists.to_numpy(), equal_nan=True)
    assert np.isnan(text.to_numpy()).sum(axis=1).tolist() == [2, 4, 1]
    assert (
        row_digests.of_cells(pl.DataFrame([text]), ["rate"], b"k" * 32).tolist()
        == row_digests.of_cells(pl.DataFrame([lists]), ["rate"], b"k" * 32).tolist()
    )


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        (RATE, pl.Series(["1;2;3"]), "column 'rate', row 1: not 4 numbers"),
        (RATE, pl.Series(["1;2;3;4", "1;two;3;4"]), "row 2: holds text that is no number"),
        (RATE, pl.Series(["1;2;3;inf"]), "holds an infinite number"),
        (RATE, pl.Series([[1.0, 2.0]]), "not 4 numbers"),
        (RATE, pl.Series([1.5]), "are no series"),
        (RATE, pl.Series(["900;900;900;1"]), "have values outside the declared range 0 to 100"),
        (PICTURE, pl.Series([[1, 2, 3, 4], [1, 2, 3]]), "row 2: not 4 numbers"),
        (PICTURE, pl.Series([[1.0, 2.0, float("nan"), 4.0]]), "holds pixels that are not numbers"),
        (PICTURE, pl.Series([[1, 2, None, 4]]), "holds pixels that are not numbers"),
        (PICTURE, pl.Series([[1, 2, 3, 4], None]), "row 2: has no image"),
    ],
)
def test_what_is_no_image_or_series_is_refused_with_its_row_and_without_a_value(
    column: Column, values: pl.Series, words: str
) -> None:
    (found,) = problems(column, values)
    assert words in found
    assert "two" not in found.replace("two rows", "")
    assert "900" not in found


def test_a_row_moves_the_opened_sums_as_a_single_number_does() -> None:
    series = typed(RATE, pl.Series(["0;100;;", "50;50;50;50", ""]))
    table = pl.DataFrame([series])
    found = local_statistics(table, np.array([0, 1, 0], np.int8), np.zeros(3, np.uint8), (RATE,))
    unit = 2.0**20
    assert found["rows"].tolist() == [3, 1]
    assert found["present"].tolist() == [2]
    assert found["sum"][0] / unit == pytest.approx(0.5 + 0.5)
    assert found["square"][0] / unit == pytest.approx(0.5 + 0.25)


def test_inputs_are_standardised_and_a_missing_value_is_told() -> None:
    series = typed(RATE, pl.Series(["0;100;;", "50;50;50;50"]))
    table = pl.DataFrame([series])
    sums = local_statistics(table, np.array([0, 1], np.int8), np.zeros(2, np.uint8), (RATE,))
    fitted = fit((RATE,), sums)
    assert fitted.n_features == len(fitted.feature_names) == 8
    again = Preprocessor.from_json(fitted.to_json())
    rows = again.transform(table)
    assert rows.dtype == np.float32
    assert rows[0, 2:].tolist() == [0, 0, 0, 0, 1, 1]
    assert rows[0, 0] == -rows[0, 1] != 0
    assert rows[1].tolist() == [0] * 8


def test_a_table_of_images_has_a_fingerprint_that_sees_a_pixel() -> None:
    one = typed(PICTURE, pl.Series([[1, 2, 3, 4], [5, 6, 7, 8]]))
    other = typed(PICTURE, pl.Series([[1, 2, 3, 4], [5, 6, 7, 9]]))
    prints = [
        HospitalData("north", pl.DataFrame([s]), np.zeros(2, np.int8), np.zeros(2, np.uint8)).fingerprint(b"k")
        for s in (one, other, typed(PICTURE, pl.Series([[1.0, 2, 3, 4], [5, 6, 7, 8]])))
    ]
    assert prints[0] != prints[1]
    assert prints[0] == prints[2]


def test_what_is_written_as_text_is_read_back(tmp_path: Path) -> None:
    series = typed(RATE, pl.Series(["1;2.5;;4", ""]))
    arrays.as_text(pl.DataFrame([series])).write_csv(tmp_path / "t.csv")
    back = typed(RATE, pl.read_csv(tmp_path / "t.csv", infer_schema=False)["rate"])
    assert np.array_equal(back.to_numpy(), series.to_numpy(), equal_nan=True)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ({"kind": "image", "minimum": 0, "maximum": 1}, r"needs shape = \[channels, height, width\]"),
        ({"kind": "image", "shape": [2, 8, 8], "minimum": 0, "maximum": 1}, "with 1 or 3 channels"),
        ({"kind": "image", "shape": [1, 8, 8]}, "needs minimum < maximum"),
        ({"kind": "image", "shape": [3, 1024, 1024], "minimum": 0, "maximum": 1}, "more than 1,048,576 numbers"),
        ({"kind": "image", "shape": [1, 8, 8], "minimum": 0, "maximum": 1, "missing": ["0"]}, "missing pixels"),
        ({"kind": "series", "shape": [8, 2], "minimum": 0, "maximum": 1}, r"needs shape = \[length\]"),
        ({"kind": "series", "shape": [8], "minimum": 0, "maximum": 1, "fit": "stretch"}, "fit and window are of"),
        ({"kind": "numeric", "shape": [8], "minimum": 0, "maximum": 1}, "cannot have a shape"),
    ],
)
def test_a_column_that_cannot_be_is_refused(column: dict[str, Any], words: str) -> None:
    with pytest.raises(StudyError, match=words):
        parse(
            {"name": "x", "data": {"source": "files", "outcome": "y"}, "columns": [{"name": "a", **column}]}, origin="t"
        )
