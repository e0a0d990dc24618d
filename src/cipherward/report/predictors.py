"""What a model looks at: its predictors with unit, range and missing share, and the coefficients of a linear one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cipherward.data.inputs import Inputs
from cipherward.data.preprocess import Preprocessor
from cipherward.data.rare_categories import counts_as
from cipherward.data.schema import declared_range
from cipherward.learning.catalogue import kind_of
from cipherward.learning.outcomes import outcome_of
from cipherward.report.blocks import Table, limited, percent
from cipherward.report.facts import Facts, clean
from cipherward.study import Column, Study


def outcome(study: Study) -> str:
    """What the model predicts, as a clause."""
    return clean(outcome_of(study.data).predicted)


def predictors(facts: Facts) -> Table | None:
    """Every input column, from the study and its opened statistics; None where no statistics were opened."""
    found = facts.model.preprocessor if facts.model else None
    if found is None:
        return None
    scales = {scale.column.name: scale for scale in _scales(found)}
    present = dict(zip(scales, facts.present, strict=False))
    merged = _merged(found)
    described = any(column.description for column in found.columns)
    rows = [
        (
            clean(column.name),
            *([clean(column.description) or "–"] if described else []),
            clean(column.unit_words) or "–",
            _range(column, merged.get(column.name, {})),
            scales[column.name].mean_and_sd if column.name in scales else "–",
            _missing(found.n_rows, present.get(column.name), facts.off),
        )
        for column in found.columns
    ]
    is_robust = facts.study.training.is_robust
    middle = "Median (robust SD)" if is_robust else "Mean (SD)"
    head = ("Predictor", *(["Meaning"] if described else []), "Unit", "Range or categories", middle, "Missing")
    note = (
        "Mean, standard deviation (SD) and missing share are those of the training rows of all hospitals together, from the opened "
        "statistics; where the study takes a logarithm, they are of log(1 + value). A value outside the range is cut to it. "
        "Missing categories are not counted in any sum. Categories of few patients count as another (docs/study.md)."
    )
    if is_robust:
        note = note.replace(
            "Mean, standard deviation (SD)",
            "Median, the standard deviation that a normal distribution of the same quartiles has (robust SD),",
        )
    if facts.off:
        note += (
            " All of them carry the study's noise: missing shares are given as they are in 19 of 20 cases, and a standard deviation is "
            "never given below its own noise, so it is too large where the declared range is much wider than the values."
        )
    return limited("Predictors", head, rows, "study.toml", note)


def coefficients(facts: Facts) -> Table | None:
    """Coefficients of a linear model; None for other models, and where no model came to be."""
    found = facts.model.preprocessor if facts.model else None
    if facts.model is None or not isinstance(found, Preprocessor) or not kind_of(facts.study.model).is_linear:
        return None
    if facts.study.data.outcome_type != "binary":
        return _of_others(facts, found)
    weights = [float(value) for value in facts.model.weights]
    scales = {scale.column.name: scale for scale in _scales(found)}
    never = {
        f"{name} is missing"
        for name, n in zip(scales, facts.present, strict=False)
        if n == found.n_rows and not facts.off
    }
    never |= {f"{name} is missing" for name in found.unmarked or ()}
    never |= {f"{name} = {category}" for name, pairs in _merged(found).items() for category in pairs}
    intercept = weights.pop()
    shift = 0.0
    rows = []
    for name, weight in zip(found.feature_names, weights, strict=True):
        if name in never:
            continue
        scale = scales.get(name)
        per_unit = weight / scale.sd if scale else weight
        shift += per_unit * scale.mean if scale else 0.0
        rows.append((clean(name), _signed(weight), f"{per_unit:+.3g}".replace("-", "−"), _unit(scale)))
    rows.insert(0, ("intercept", _signed(intercept), _signed(intercept - shift), "–"))
    head = ("Input", "Standardised (per SD)", "Original (per unit)", "Unit")
    note = (
        f"The risk is 1 / (1 + exp(-s)), s being the sum of intercept and coefficients times inputs. A missing value counts as the "
        f"mean{_predicted(found)} and has a coefficient of its own, shown where enough training rows lack a value. Fitted for prediction: these are no effects of a treatment, and have no intervals."
    )
    return limited("Coefficients of the logistic regression (log odds)", head, rows, "model.safetensors", note)


def _of_others(facts: Facts, found: Preprocessor) -> Table:
    """The coefficients of a linear model of another outcome, for standardised inputs: one column for each output of its own."""
    outcome = outcome_of(facts.study.data, found.outcome)
    size, weights = outcome.outputs.size, [float(value) for value in facts.model.weights] if facts.model else []
    slopes, biases = weights[:-size], weights[-size:]
    of_each = [
        slopes[first : first + len(found.feature_names)] for first in range(0, len(slopes), len(found.feature_names))
    ]
    names = [clean(name) for name in facts.study.data.classes] if len(of_each) > 1 else ["Standardised (per SD)"]
    rows = [(clean(name), *map(_signed, each)) for name, *each in zip(found.feature_names, *of_each, strict=True)]
    if len(biases) == len(of_each):
        rows.insert(0, ("intercept", *map(_signed, biases)))
    else:
        above = facts.study.data.classes[:-1]
        rows[:0] = [(clean(f"above {grade}"), _signed(bias)) for grade, bias in zip(above, biases, strict=True)]
    note = (
        f"{outcome.scale_words} A missing value counts as the mean{_predicted(found)} and has a coefficient of its own. Fitted for prediction: these are no "
        "effects of a treatment, and have no intervals."
    )
    return limited(f"Coefficients of the {outcome.model_words}", ("Input", *names), rows, "model.safetensors", note)


@dataclass(frozen=True)
class _Scale:
    """How a numeric column is standardised, in its own unit, or in that of its logarithm."""

    column: Column
    mean: float
    sd: float

    @property
    def mean_and_sd(self) -> str:
        return f"{self.mean:.4g} ({self.sd:.3g}){' of log(1 + value)' if self.column.transform == 'log1p' else ''}"


def _scales(found: Inputs) -> Iterator[_Scale]:
    if not isinstance(found, Preprocessor):
        return
    numeric = [column for column in found.columns if column.kind != "categorical"]
    for column, mean, sd in zip(numeric, found.mean, found.stddev, strict=True):
        low, high = declared_range(column)
        if column.transform == "log1p":
            low, high = math.log1p(low), math.log1p(high)
        yield _Scale(column, low + mean * (high - low), sd * (high - low))


def _missing(rows: int, present: int | None, off: float) -> str:
    if present is None:
        return "not counted"
    if off:
        least, most = (min(max((rows - present + side) / rows, 0.0), 1.0) for side in (-off, off))
        return f"{percent(least)} to {percent(most)}" if least else f"at most {percent(most)}"
    return percent(1 - present / rows) if present < rows else "none"


def _range(column: Column, merged: Mapping[str, str | None]) -> str:
    if column.kind != "categorical":
        low, high = declared_range(column)
        return f"{low:g} to {high:g}"
    names = [f"{name} (few: {counts_as(merged[name])})" if name in merged else name for name in column.categories]
    return clean(", ".join(names))


def _merged(found: Inputs) -> Mapping[str, Mapping[str, str | None]]:
    return {name: dict(pairs) for name, pairs in found.merged} if isinstance(found, Preprocessor) else {}


def _predicted(found: Preprocessor) -> str:
    named = [clean(each.column) for each in found.imputed if each.weights]
    return (
        f" (of {', '.join(named)} as what a linear regression on the other columns predicts; it is in model.safetensors)"
        if named
        else ""
    )


def _unit(scale: _Scale | None) -> str:
    if scale is None:
        return "yes or no"
    unit = clean(scale.column.unit_words) or "its own"
    return f"log(1 + {unit})" if scale.column.transform == "log1p" else unit


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
