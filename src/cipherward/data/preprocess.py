"""From typed columns to a feature matrix, with scaling numbers that every hospital shares.

Each hospital contributes exact integer sums over its training rows; only their total over hospitals is ever opened.
Mean and standard deviation follow from the totals, so every hospital scales alike. A numeric value is clipped to the
declared range, transformed, and mapped to [0, 1] by the declared range before anything is summed.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import ValidationError

from cipherward.data import arrays, imputation
from cipherward.data.cuts import CLIP_STDDEV, Cuts, limits_of
from cipherward.data.imputation import Regression
from cipherward.data.partition import TRAIN
from cipherward.data.rare_categories import Merged, codes, host
from cipherward.data.schema import declared_range
from cipherward.errors import DataError
from cipherward.study import Column

FRACTION_BITS = 20
FINE_BITS = 40
"""Sums count in units of 2^-60 of the declared range, so that a generous range leaves its values apart: a whole number of
2^-20, and the rest, which travels as a second number, as neither alone may exceed 2^48."""
_FINE = (1 << FINE_BITS) - 1
TOTALS = ("present", "sum", "square", "sum_fine", "square_fine")
"""What is summed of each numeric column."""
# A variance below this many rounding steps of the sums, or this share of the squared mean, is that of a constant column.
ROUNDING_STEPS = 64
ROUNDING_SHARE = 2.0**-46


def scaled(values: NDArray[np.float64], column: Column) -> NDArray[np.float64]:
    """float64[n], unit of the column, NaN = missing -> [0, 1] by the declared (transformed) range, NaN kept."""
    low, high = declared_range(column)
    clipped = np.clip(values, low, high)
    if column.transform == "log1p":
        clipped, low, high = np.log1p(clipped), math.log1p(low), math.log1p(high)
    return np.asarray((clipped - low) / (high - low), dtype=np.float64)


def local_statistics(
    table: pl.DataFrame,
    outcome: NDArray[Any],
    split: NDArray[np.uint8],
    columns: Sequence[Column],
    counted: NDArray[np.bool_] | None = None,
    classes: Sequence[int] = (1,),
) -> dict[str, NDArray[np.int64]]:
    """One hospital's sums over its training rows (of them, those in `counted`), all int64 and >= 0.

    "rows": training rows, and those with each outcome in `classes` (of a binary one: the positive). Per numeric column, in declared order: "present" [n_numeric]
    counts; per categorical column and category "categories": counts; "sum" and "square" [n_numeric]: totals of the scaled value and of its square, in units of 2^-20, rounded down;
    "sum_fine" and "square_fine" [n_numeric]: the rest of them, in units of 2^-60. Rows are added as integers, so that one
    row moves a total by at most 2^20, to the last bit, and the order of rows changes nothing.
    """
    train = split == TRAIN if counted is None else (split == TRAIN) & counted
    present, total, square = [], [], []
    for column in _ranged(columns):
        values, squares = _entries(table[column.name], train, column)
        known = ~np.isnan(values)
        present.append(int(known.sum()))
        total.append(_total(values[known]))
        square.append(_total(squares[known]))
    with_each = [int((outcome[train] == each).sum()) for each in classes]
    found = {"rows": [int(train.sum()), *with_each], "present": present}
    for name, sums in (("sum", total), ("square", square)):
        found[name] = [value >> FINE_BITS for value in sums]
        found[f"{name}_fine"] = [value & _FINE for value in sums]
    cells = [
        n for column in columns if column.kind == "categorical" for n in _counted(table[column.name], train, column)
    ]
    if cells:
        found["categories"] = cells
    return {name: np.array(values, dtype=np.int64) for name, values in found.items()}


def _entries(
    series: pl.Series, train: NDArray[np.bool_], column: Column
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each row adds to the sums, in [0, 1]: its value and the square; of many numbers their mean and mean square."""
    if column.is_array:
        return arrays.moments(series.filter(pl.Series(train)), column)
    values = scaled(series.to_numpy()[train], column)
    return values, np.square(values)


def _counted(series: pl.Series, train: NDArray[np.bool_], column: Column) -> list[int]:
    """Training rows by category."""
    places = codes(series, column.categories)[train]
    size = len(column.categories)
    found: list[int] = np.bincount(places[(places >= 0) & (places < size)], minlength=size).tolist()
    return found


def _total(values: NDArray[np.float64]) -> int:
    units = np.rint(values * 2.0 ** (FRACTION_BITS + FINE_BITS)).astype(np.int64)
    return (int((units >> FINE_BITS).sum()) << FINE_BITS) + int((units & _FINE).sum(dtype=np.uint64))


def n_features(columns: Sequence[Column]) -> int:
    """Width of a model's input: a numeric column and whether it is missing, or one place per category and missing."""
    return sum(_widths(columns))


def _widths(columns: Sequence[Column]) -> list[int]:
    return [
        arrays.width(c) if c.is_array else 1 + (len(c.categories) if c.kind == "categorical" else 1) for c in columns
    ]


@dataclass(frozen=True)
class Preprocessor:
    """Public scaling numbers. `mean`, `stddev`: per column that is not categorical, in scaled units; `n_rows`, `n_positive`: training
    rows of all hospitals together; `merged`: the categories that count as others, by column (`rare_categories`); `outcome`:
    mean and standard deviation of an outcome that is a number, in units of its declared range, else (); `class_rows`: training
    rows of each class of several, where the study weighs them, else (); `imputed`: how missing numbers of some columns are predicted;
    `unmarked`: the columns of which so few rows lack a value that this is no input; None: not looked at."""

    columns: tuple[Column, ...]
    mean: tuple[float, ...]
    stddev: tuple[float, ...]
    n_rows: int
    n_positive: int
    merged: Merged = ()
    outcome: tuple[float, ...] = ()
    class_rows: tuple[int, ...] = ()
    imputed: tuple[Regression, ...] = ()
    unmarked: tuple[str, ...] | None = None

    def __hash__(self) -> int:
        return hash((self.mean, self.stddev, self.n_rows))  # columns take long

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name per feature: `age`, `age is missing`, `sex = female`, ..., `sex is missing`."""
        names: list[str] = []
        for column in self.columns:
            if column.is_array:
                names += arrays.names(column)
                continue
            if column.kind == "numeric":
                names.append(column.name)
            else:
                names += [f"{column.name} = {category}" for category in column.categories]
            names.append(f"{column.name} is missing")
        return tuple(names)

    @property
    def n_features(self) -> int:
        return n_features(self.columns)

    def restricted(self, names: Sequence[str]) -> Preprocessor:
        """The same for these of its columns, in this order."""
        numeric = [column.name for column in _ranged(self.columns)]
        places = {name: numeric.index(name) for name in names if name in numeric}
        by_name = {column.name: column for column in self.columns}
        merged = dict(self.merged)
        return Preprocessor(
            tuple(by_name[name] for name in names),
            tuple(self.mean[place] for place in places.values()),
            tuple(self.stddev[place] for place in places.values()),
            self.n_rows,
            self.n_positive,
            tuple((name, merged[name]) for name in names if name in merged),
            self.outcome,
            self.class_rows,
            unmarked=None if self.unmarked is None else tuple(name for name in names if name in self.unmarked),
        )

    def places(self, series: pl.Series, column: Column) -> NDArray[np.int64]:
        """As `codes`, of a categorical column."""
        merged = dict(dict(self.merged).get(column.name, ()))
        return codes(series, column.categories, merged, self.missing_as(column))

    def missing_as(self, column: Column) -> str | None:
        """What a missing category of this column counts as; None: as missing."""
        if column.name not in (self.unmarked or ()):
            return None
        return host(column.categories, dict(dict(self.merged).get(column.name, ())))

    def of_outcome(self, columns: Sequence[Column]) -> Preprocessor:
        """The same for these columns, of which the last numeric one that was scaled was the outcome."""
        outcome = self.mean[-1], self.stddev[-1]
        return dataclasses.replace(
            self, columns=tuple(columns), mean=self.mean[:-1], stddev=self.stddev[:-1], outcome=outcome
        )

    def transform(self, table: pl.DataFrame, cuts: Cuts = ()) -> NDArray[np.float32]:
        """float32[n_rows, n_features], C order, for a typed table (see `schema.Examined`). `cuts`: where numbers of
        some columns end nearer to the middle.

        Numeric: standardised, clipped to +-10 standard deviations, missing -> 0 (the mean) or as `imputed` predicts, then a missing indicator.
        Images and series: each number, standardised by one mean and deviation of the column (`arrays.features`).
        Categorical: one-hot, then a missing indicator; an undeclared value counts as "other", or as all zeros.
        Of a column in `unmarked` no indicator is set: a missing category counts as one that is kept (`rare_categories.host`).
        """
        matrix = np.zeros((table.height, self.n_features), dtype=np.float32)
        cut_at, at = dict(cuts), 0
        scaling = iter(zip(self.mean, self.stddev, strict=True))
        for column in self.columns:
            if column.is_array:
                after = at + arrays.width(column)
                mean, stddev = next(scaling)
                limits = limits_of(cut_at.get(column.name), mean, stddev)
                matrix[:, at:after] = arrays.features(table[column.name], column, mean, stddev, limits)
                at = after
                continue
            if column.kind == "numeric":
                mean, stddev = next(scaling)
                values = (scaled(table[column.name].to_numpy(), column) - mean) / stddev
                limits, missing = limits_of(cut_at.get(column.name), mean, stddev), np.isnan(values)
                matrix[:, at] = np.where(missing, 0.0, np.clip(values, *limits))
                matrix[:, at + 1] = missing
                at += 2
                continue
            places = self.places(table[column.name], column)
            rows = np.flatnonzero(places >= 0)
            matrix[rows, at + places[rows]] = 1.0
            at += len(column.categories) + 1
        if self.imputed:
            imputation.fill(matrix, self.value_places, self.imputed, self.ends)
        matrix[:, self.off_places] = 0.0  # after what is predicted where they are set
        return matrix

    @property
    def off_places(self) -> list[int]:
        """Where the inputs stand that say whether a number of a column in `unmarked` is missing: they are 0."""
        numbers = {column.name for column in self.columns if column.kind == "numeric"}
        return [self.value_places[name].stop for name in self.unmarked or () if name in numbers]

    @property
    def value_places(self) -> Mapping[str, range]:
        """As `imputation.value_places`."""
        return imputation.value_places(self.columns, _widths(self.columns))

    @property
    def ends(self) -> dict[str, tuple[float, float]]:
        """The ends of each column's declared range in standard deviations from its middle, at most 10."""
        scales = zip(_ranged(self.columns), self.mean, self.stddev, strict=True)
        return {
            column.name: (max(-mean / stddev, -CLIP_STDDEV), min((1.0 - mean) / stddev, CLIP_STDDEV))
            for column, mean, stddev in scales
        }

    def to_json(self) -> str:
        """JSON text; `from_json` gives the same numbers back, bit for bit."""
        return self._json

    @cached_property
    def _json(self) -> str:
        document: dict[str, Any] = {
            "columns": [column.model_dump(mode="json") for column in self.columns],
            "mean": list(self.mean),
            "stddev": list(self.stddev),
            "n_rows": self.n_rows,
            "n_positive": self.n_positive,
            "merged": self.merged,
        }
        document |= {"outcome": list(self.outcome)} if self.outcome else {}
        document |= {"class_rows": list(self.class_rows)} if self.class_rows else {}
        document |= {"imputed": [dataclasses.asdict(each) for each in self.imputed]} if self.imputed else {}
        document |= {"unmarked": self.unmarked} if self.unmarked is not None else {}
        return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Preprocessor:
        """The inverse of `to_json`.

        Raises:
            DataError: not such a document, or with numbers that cannot be scaling numbers.
        """
        try:
            document: dict[str, Any] = json.loads(text)
            result = cls(
                columns=tuple(Column.model_validate(column) for column in document.pop("columns")),
                mean=tuple(float(value) for value in document.pop("mean")),
                stddev=tuple(float(value) for value in document.pop("stddev")),
                n_rows=int(document.pop("n_rows")),
                n_positive=int(document.pop("n_positive")),
                merged=tuple(
                    (name, tuple((one, into) for one, into in pairs)) for name, pairs in document.pop("merged")
                ),
                outcome=tuple(float(value) for value in document.pop("outcome", ())),
                class_rows=tuple(int(value) for value in document.pop("class_rows", ())),
                imputed=tuple(
                    Regression(
                        each["column"], int(each["rows"]), float(each["explained"]), tuple(map(float, each["weights"]))
                    )
                    for each in document.pop("imputed", ())
                ),
                unmarked=tuple(document.pop("unmarked")) if "unmarked" in document else None,
            )
            n_numeric = len(_ranged(result.columns))
            known = {column.name: {*column.categories} for column in result.columns}
            sound = all(_is_merge(dict(pairs), known.get(name, set())) for name, pairs in result.merged)
            sound = sound and not document and len(result.mean) == len(result.stddev) == n_numeric
            sound = sound and (not result.outcome or (len(result.outcome) == 2 and 0 < result.outcome[1] < math.inf))
            sound = (
                sound
                and all(n >= 0 for n in result.class_rows)
                and all(map(math.isfinite, (*result.mean, *result.outcome)))
                and all(0 < s < math.inf for s in result.stddev)
                and imputation.is_sound(result.imputed, result.columns, result.value_places)
                and set(result.unmarked or ()) <= result.value_places.keys()
            )
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError, ValidationError):
            sound = False
        if not sound:
            raise DataError("not a preprocessing document", hint="use the file that the run wrote, unchanged")
        return result


def fit(columns: Sequence[Column], sums: Mapping[str, NDArray[np.int64]]) -> Preprocessor:
    """The shared preprocessor from the totals over hospitals of `local_statistics`.

    Without the fine digits, as in a study with differential privacy, values are told apart less well. The standard deviation is 1 where nothing is present or the variance is zero (up to the rounding of the sums).
    Only + - * / and sqrt on exact integers and float64, so that every machine gets the same bits.

    Raises:
        DataError: totals that no data gives, which an honest opened sum never has.
    """
    n_numeric = len(_ranged(columns))
    rows = np.asarray(sums["rows"], dtype=np.int64)
    present, total, square = (np.asarray(sums[key], dtype=np.int64) for key in ("present", "sum", "square"))
    has_fine = "sum_fine" in sums
    fine = [
        np.asarray(sums[key] if has_fine else np.zeros(n_numeric), dtype=np.int64)
        for key in ("sum_fine", "square_fine")
    ]
    problems = []
    if rows.ndim != 1 or not rows.size or any(array.shape != (n_numeric,) for array in (present, total, square, *fine)):
        problems.append("they do not have one entry per numeric column")
    elif (rows < 0).any() or not rows[1:].sum() <= rows[0] < 2**40 or (present < 0).any() or (present > rows[0]).any():
        problems.append("their counts contradict each other")
    else:
        slack = 2 * present + 2  # totals are rounded once per hospital, and a hospital with data has a row
        top = (present << FRACTION_BITS) + slack
        if (total < 0).any() or (square < 0).any() or (total > top).any() or (square > total + slack).any():
            problems.append("a sum lies outside what values in the declared ranges give")
        elif any((rest < 0).any() or (rest >> FINE_BITS > present).any() for rest in fine):
            problems.append("the rest of a sum is more than rounding leaves")
    if problems:
        raise DataError(
            f"the preprocessing sums cannot come from data: {problems[0]}",
            hint="one hospital sent false sums; ask every hospital to check its software and start again",
        )
    mean, stddev, unit = [], [], 1 << (FRACTION_BITS + FINE_BITS)
    exact = [(coarse.astype(object) << FINE_BITS) + rest for coarse, rest in zip((total, square), fine, strict=True)]
    for n, first, second in zip(present.tolist(), *exact, strict=True):
        centre = int(first) / unit / n if n else 0.0
        # In exact integers: the variance may be a billionth of the squares that it is the difference of.
        variance = (n * int(second) * unit - int(first) ** 2) / (n * unit) ** 2 if n else 0.0
        mean.append(centre)
        stddev.append(
            1.0
            if n == 0 or _is_constant(variance, centre, n, FRACTION_BITS + FINE_BITS * has_fine)
            else math.sqrt(variance)
        )
    return Preprocessor(tuple(columns), tuple(mean), tuple(stddev), int(rows[0]), n_positive(rows))


def n_positive(rows: NDArray[np.int64]) -> int:
    """Of the counts "rows": the positive ones of a binary outcome, 0 of another."""
    return int(rows[1]) if len(rows) == 2 else 0


def is_too_wide(values: NDArray[np.float64], column: Column) -> bool:
    """Whether values that differ (float64[n], NaN = missing) would count as constant: their range was declared too wide."""
    inside = scaled(values[~np.isnan(values)], column)
    if not len(inside) or inside.min() == inside.max():
        return False
    return _is_constant(float(inside.var()), float(inside.mean()), len(inside))


def _is_constant(variance: float, mean: float, n: int, bits: int = FRACTION_BITS + FINE_BITS) -> bool:
    return variance <= max(ROUNDING_STEPS * 2.0**-bits / n, ROUNDING_SHARE * mean * mean)


def _ranged(columns: Sequence[Column]) -> list[Column]:
    return [column for column in columns if column.kind != "categorical"]


def _is_merge(pairs: Mapping[str, str | None], known: set[str]) -> bool:
    """Whether some of the known categories all count as one of the others; where none is left, as no value."""
    left: set[str | None] = {*(known - pairs.keys())}
    into = set(pairs.values())
    return pairs.keys() <= known and len(into) == 1 and into <= (left or {None})
