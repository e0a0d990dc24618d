"""One sum from which missing numbers follow: linear regressions of some columns on the others (`data.imputation`).

For each of these columns products of inputs are added up over the training rows that have a value of it. Such sums can
be subtracted, from each other and from sums over all training rows, and what is left are rows that lack one value and
have another. So at every hospital these sums are over the same few groups of rows, by which of the columns have a
value, each of `least` rows or more (`counted`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import imputation
from cipherward.data.cuts import CLIP_STDDEV, Cuts
from cipherward.data.imputation import Regression
from cipherward.data.preprocess import Preprocessor
from cipherward.data.sources import HospitalData
from cipherward.errors import DataError, ProtocolError, StudyError
from cipherward.learning import newton
from cipherward.learning.elimination import solved
from cipherward.study import Study
from cipherward.tasks import statistics
from cipherward.tasks.lanes import CountSegment, Layout
from cipherward.tasks.newton import MOST_ROWS
from cipherward.tasks.row_groups import RowGroup
from cipherward.tasks.rows import TRAIN, rows_of
from cipherward.tasks.task import Model, Question, ResultTable, Sums, Values, canonical, limbs_for

TITLE = "Before training: how columns follow from each other, so that missing numbers can be predicted"

MEANING = {
    "impute/rows": "for each column whose missing numbers are predicted: how many training rows with a value of it count",
    "impute/products": "for each of these columns, over those rows: for each pair of inputs (numbers, and 0 or 1 for a category) the sum of "
    "their products, and the sum of each; of categories these are counts of patients, also by two of them, and may be of one row",
}

_SCALE = 2.0**28
_BITS = 53


@dataclass(frozen=True)
class CountedRows(RowGroup):
    """The training rows with a value of `column`, as `counted` lets a hospital count them; `predicted`: as there."""

    column: str = ""
    predicted: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return f"training rows with a value of the column {self.column!r}, in groups by which columns have one"

    def count(self, data: HospitalData, least: int) -> int:
        own = counted(data.table.filter(pl.Series(data.split == TRAIN)), self.predicted, least)
        return int(own[self.predicted.index(self.column)].sum())


def counted(table: pl.DataFrame, predicted: Sequence[str], least: int) -> NDArray[np.bool_]:
    """Which rows of a table count for which of these columns, bool[n_columns, n_rows]: those with a value of it, but
    for rows whose columns with a value fewer than `least` rows share. Where there are such, so many others join them
    that no fewer are left out: the same ones whatever order a study lists its columns in."""
    there = np.stack([table[name].is_not_null().to_numpy() for name in predicted])
    _, which, sizes = np.unique(there, axis=1, return_inverse=True, return_counts=True)
    which = which.reshape(-1)
    few: NDArray[np.bool_] = np.asarray(sizes < least)
    if least < 2 or not few.any():
        return there
    out = few[which]
    whole = np.flatnonzero(there.all(axis=0) & ~out)
    if len(whole) < least:
        return np.zeros_like(there)
    values = table[min(predicted)].to_numpy()[whole]
    nearest = np.argsort(np.abs(values - np.median(values)), kind="stable")
    out[whole[nearest[: least if len(whole) >= 2 * least else len(whole)]]] = True
    return there & ~out


def is_wanted(study: Study, model: Model) -> bool:
    """Whether the study predicts missing numbers, and what its statistics say is all that is known yet."""
    scaling = model.preprocessor
    return isinstance(scaling, Preprocessor) and not scaling.imputed and bool(imputation.predicted(study.columns))


def planned(study: Study, scaling: Preprocessor) -> Preprocessor:
    """The scaling as if the sum had been opened, for a plan of questions."""
    found = tuple(Regression(name, 0, 0.0, ()) for name in imputation.predicted(study.columns))
    return dataclasses.replace(scaling, imputed=found)


def question(study: Study, model: Model) -> Question:
    """Ask for the sums of all columns that need them at once."""
    scaling = _scaling(model)
    names, size = imputation.predicted(study.columns), len(_places(scaling)) + 1
    limbs = limbs_for(_BITS, study.bits)
    parts = (
        CountSegment("impute/rows", len(names), limbs),
        CountSegment("impute/products", len(names) * (size * (size + 1) // 2), limbs),
    )
    about = tuple(CountedRows(TRAIN, column=name, predicted=names) for name in names)
    listed = ", ".join(names)
    meaning = {name: f"{words} ({listed})" for name, words in MEANING.items()}
    asked = statistics.shared_parameters(study) | {"bits": study.bits}
    return Question("imputation", TITLE, canonical(asked), Layout(parts, study.bits), meaning, about=about)


def answer(study: Study, model: Model, data: HospitalData, least: int = 0, cuts: Cuts = ()) -> Values:
    """One hospital's sums. `least`: rows that share which columns have a value, or they do not count. `cuts`: as in
    `Preprocessor.transform`.

    Raises:
        DataError: more rows than a sum has room for.
    """
    scaling = _scaling(model)
    features, _ = rows_of(data, scaling, TRAIN, cuts)
    if len(features) >= MOST_ROWS:
        raise DataError(
            f"{len(features)} training rows: a sum for predicting missing numbers is of at most {MOST_ROWS - 1}",
            hint='leave impute = "regression" out of the columns',
        )
    inputs = features[:, _places(scaling)]
    chosen = counted(data.table.filter(pl.Series(data.split == TRAIN)), imputation.predicted(study.columns), least)
    upper, found = np.triu_indices(inputs.shape[1] + 1), []
    for rows in chosen:
        (products,) = newton.weighted_squares(inputs[rows], [np.ones(int(rows.sum()))])
        terms = (products / _reach(scaling))[upper]
        found.append(np.rint((terms + rows.sum()) * _SCALE).astype(np.int64))
    return {"impute/rows": chosen.sum(axis=1).astype(np.int64), "impute/products": np.concatenate(found)}


def fit(study: Study, model: Model, sums: Sums) -> Preprocessor:
    """The scaling with the regressions that follow, by + - * / in a fixed order.

    Raises:
        ProtocolError: sums that no rows give.
    """
    scaling = _scaling(model)
    names, reach = imputation.predicted(study.columns), _reach(scaling)
    rows, size = [int(n) for n in sums["impute/rows"]], len(reach)
    found = []
    for name, n, entries in zip(names, rows, np.split(sums["impute/products"], len(names)), strict=True):
        if not 0 <= n < MOST_ROWS:
            raise ProtocolError(f"the opened sums for predicting {name!r} are of {n} rows")
        terms = entries.astype(np.float64) / _SCALE - n
        products = newton.symmetric(terms, size) * reach
        found.append(_fitted(study, scaling, name, n, products))
    return dataclasses.replace(scaling, imputed=tuple(found))


def rows_needed(study: Study, n_inputs: int) -> int:
    """Rows of all hospitals together that a regression on so many inputs needs."""
    return max(math.ceil(statistics.least_rows(study)), n_inputs)


def facts(scaling: object) -> Mapping[str, Any]:
    """What the result says: by column the rows that it was fitted to, and the share of their variance that it explains;
    None: too few."""
    found = scaling.imputed if isinstance(scaling, Preprocessor) else ()
    if not found:
        return {}
    return {
        "imputed": {
            each.column: {"rows": each.rows, "explained": each.explained if each.weights else None} for each in found
        }
    }


def tables(result: Mapping[str, Any]) -> tuple[ResultTable, ...]:
    """`imputation.csv`, where missing numbers are predicted."""
    rows = tuple(
        (name, f"{each['rows']:,}", "too few rows" if each["explained"] is None else f"{each['explained']:.1%}")
        for name, each in result.get("imputed", {}).items()
    )
    head = ("column", "training rows with a value", "variance explained by the other columns")
    return (
        (ResultTable("imputation", "Missing numbers that are predicted from the other columns", head, rows),)
        if rows
        else ()
    )


def words(scaling: object) -> str:
    """The opened sum for a person at a terminal; "" where nothing is predicted."""
    found = scaling.imputed if isinstance(scaling, Preprocessor) else ()
    n = sum(bool(each.weights) for each in found)
    return f"{n} of {len(found)} columns predicted where they have no value" if found else ""


def warnings(result: Mapping[str, Any]) -> tuple[str, ...]:
    """Columns that are not predicted after all."""
    few = [name for name, each in result.get("imputed", {}).items() if each["explained"] is None]
    return (
        (
            f"Too few training rows have a value of {', '.join(few)} to predict missing ones from the other columns: they count as the "
            'middle of their column. Leave impute = "regression" out there.',
        )
        if few
        else ()
    )


def refuse(study: Study, *, takes_it: bool) -> None:
    """For `impute = "regression"`.

    Raises:
        StudyError: the task fills no missing values, or something else in the study does not go with it.
    """
    names = imputation.predicted(study.columns)
    if not names:
        return
    listed = ", ".join(names)
    if not takes_it:
        raise StudyError(
            f'task {study.task!r} predicts no missing values: impute = "regression" of {listed}',
            hint="remove impute from these columns",
        )
    if apart := sorted(study.evaluation.apart.intersection(names)):
        raise StudyError(
            f"the model does not see {', '.join(apart)} (evaluation.subgroups): no missing value is predicted there",
            hint="remove impute from these columns",
        )
    if study.privacy or study.carry_over:
        other = "privacy" if study.privacy else "carry_over"
        why = "its sums are exact, and no budget covers them" if study.privacy else "its sums would be asked anew"
        raise StudyError(
            f'impute = "regression" ({listed}) does not go with [{other}]: {why}',
            hint=f"remove impute from these columns, or [{other}]",
        )


def _scaling(model: Model) -> Preprocessor:
    if not isinstance(model.preprocessor, Preprocessor):
        raise DataError("the preprocessing statistics are not known yet")
    return model.preprocessor


def _places(scaling: Preprocessor) -> list[int]:
    return [place for each in scaling.value_places.values() for place in each]


def _reach(scaling: Preprocessor) -> NDArray[np.float64]:
    """How large the product of every two inputs, and the intercept's 1, can be, float64[p, p]."""
    numeric = {column.name for column in scaling.columns if column.kind == "numeric"}
    own = [CLIP_STDDEV if name in numeric else 1.0 for name, each in scaling.value_places.items() for _ in each]
    return np.outer([*own, 1.0], [*own, 1.0])


def _fitted(study: Study, scaling: Preprocessor, name: str, n: int, products: NDArray[np.float64]) -> Regression:
    """A ridge regression of this column on all others, as scikit-learn's Ridge(alpha=1) of standardised values."""
    places = _places(scaling)
    at = places.index(scaling.value_places[name].start)
    others = [k for k in range(len(places) + 1) if k != at]  # the intercept comes last
    if n < rows_needed(study, len(others)):
        return Regression(name, n, 0.0, ())
    ridge = newton.default_ridge(n)
    matrix, right = products[np.ix_(others, others)] / n, products[others, at] / n
    pulled = np.arange(len(others) - 1)
    matrix[pulled, pulled] += ridge
    weights = solved(matrix, right)
    mean, square = float(products[-1, at]) / n, float(products[at, at]) / n
    spread = square - mean * mean
    # By the equations solved, w'Aw = w'b - ridge w'w.
    left = square - math.fsum(weights * right) - ridge * math.fsum(weights[:-1] * weights[:-1])
    explained = min(max(1.0 - left / spread, 0.0), 1.0) if spread > 0.0 else 0.0
    whole = np.zeros(len(places) + 1)
    whole[others] = weights
    return Regression(name, n, explained, tuple(whole.tolist()))
