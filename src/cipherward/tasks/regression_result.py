"""What a regression found, as R prints it: estimates, standard errors, intervals, p-values, and the test of proportional hazards."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cipherward.learning import likelihood, wald
from cipherward.learning.cox import InTime
from cipherward.learning.likelihood import Fit
from cipherward.tasks.regression_questions import Spread
from cipherward.tasks.regression_settings import Settings
from cipherward.tasks.regression_terms import Terms
from cipherward.tasks.task import ResultTable

RATIOS = {"logistic": "odds_ratio", "cox": "hazard_ratio", "poisson": "rate_ratio"}
TITLES = {
    "linear": "Linear regression over all hospitals",
    "logistic": "Logistic regression over all hospitals",
    "cox": "Cox regression, stratified by hospital",
    "poisson": "Poisson regression over all hospitals",
}

_LARGE = 50.0
_MANY_LEFT_OUT = 0.1  # of all rows, from which on what is left may be others than those
_PARTED = 1e-3
_DISPERSED = 1.5


def estimates(
    chosen: Settings,
    terms: Terms,
    fit: Fit,
    rows: int,
    outcome: tuple[float, float],
    spread: Spread | None = None,
) -> list[dict[str, Any]]:
    """One dict a term, in the columns' own units; None for a term that the rows do not tell apart from those before it.

    Args:
        outcome: the declared range of one that is a number. spread: what robust standard errors follow from; None: those of the model.
    """
    kept = fit.kept
    weights = terms.in_units()[np.ix_(kept, kept)]
    values = np.array([math.fsum(row * fit.next_weights[kept]) for row in weights])
    covariance, unit = likelihood.inverse(fit.information[np.ix_(kept, kept)]), 1.0
    is_robust = spread is not None and len(spread.scatter) > 0
    if spread is not None and is_robust:
        _, covariance = wald.combined(covariance, likelihood.full(spread.scatter, len(kept))[np.ix_(kept, kept)])
    errors, _ = wald.combined(weights, covariance)
    reach, at, found = wald.quantile(chosen.level), 0, []
    ratio, df = RATIOS.get(chosen.family, ""), rows - int(kept.sum())
    if chosen.is_linear:
        low, high = outcome
        unit = high - low if is_robust else residual_error(fit, df, outcome)
        values, errors = values * (high - low), errors * unit
        values[0] += low + 0.5 * (high - low)  # the intercept comes first
        reach = wald.student_quantile(chosen.level, df)
    for name, is_kept in zip(terms.names, kept, strict=True):
        if not is_kept:
            found.append({"term": name} | dict.fromkeys(_figures(ratio)))
            continue
        value, error = float(values[at]), float(errors[at])
        low, high = value - reach * error, value + reach * error
        z = value / error if error else 0.0
        ratios = [_ratio(each) for each in (value, low, high)] if ratio else []
        p_value = wald.student(z, df) if chosen.is_linear else wald.normal(z)
        numbers = (value, error, *ratios, low, high, z, p_value)
        found.append({"term": name} | dict(zip(_figures(ratio), numbers, strict=True)))
        at += 1
    return found


def hazards(terms: Terms, fit: Fit, opened: InTime) -> dict[str, Any]:
    """The score test of a trend of each term in time, beside the others, and of all together (Grambsch and Therneau 1994, as `cox.zph`
    of R's survival from version 3 on)."""
    p, kept = len(terms.names), fit.kept
    names = [name for name, is_kept in zip(terms.names, kept, strict=True) if is_kept]
    cut = np.ix_(kept, kept)
    base = likelihood.inverse(fit.information[cut])
    mixed, squared = (likelihood.full(each, p)[cut] for each in (opened.mixed, opened.squared))
    _, explained = wald.combined(mixed, base)
    left, score = squared - explained, opened.score[kept]
    found = []
    for j, name in enumerate(names):
        statistic = score[j] * score[j] / left[j, j] if left[j, j] > 0.0 else 0.0
        found.append({"term": name, **_tested(float(statistic), 1)})
    apart = likelihood.independent(left)
    both = np.ix_(apart, apart)
    inverse = likelihood.inverse(left[both])
    total = math.fsum(float(s) * math.fsum(row * score[apart]) for s, row in zip(score[apart], inverse, strict=True))
    return {"terms": found, "global": _tested(total, int(apart.sum()))}


def residual_error(fit: Fit, df: int, outcome: tuple[float, float]) -> float:
    """The standard deviation of a linear regression's residuals, in the outcome's own unit."""
    return math.sqrt(max(2.0 * fit.loss, 0.0) / max(df, 1)) * (outcome[1] - outcome[0])


def of_fit(chosen: Settings, fit: Fit, rows: int, events: int, outcome: tuple[float, float]) -> dict[str, Any]:
    """The log likelihood, that of a model without inputs, and the test of one against the other; of a linear regression the error of its
    residuals."""
    if chosen.is_linear:
        df = rows - int(fit.kept.sum())
        return {"residual_standard_error": residual_error(fit, df, outcome), "df": df}
    if chosen.is_cox or chosen.is_poisson:
        without = -fit.first_loss
    else:
        parts = [(events, rows), (rows - events, rows)]
        without = wald.rounded(math.fsum(k * math.log(k / n) for k, n in parts if k), 12)
    df = int(fit.kept.sum()) - (0 if chosen.is_cox else 1)
    tested = _tested(2.0 * (-fit.loss - without), df) if df > 0 else None
    return {"log_likelihood": -fit.loss, "log_likelihood_without": without, "against_none": tested}


def of_spread(
    chosen: Settings, fit: Fit, rows: int, totals: tuple[float, float] | None, spread: Spread | None
) -> dict[str, Any]:
    """What kind of standard errors these are, where not the model's; of counts their sum, that of the exposures, and the dispersion: Pearson's
    statistic by its degrees of freedom, about 1 if counts vary as a Poisson distribution says."""
    found: dict[str, Any] = {"errors": chosen.errors} if chosen.is_robust else {}
    if totals is not None and spread is not None:
        df = max(rows - int(fit.kept.sum()), 1)
        found |= {"errors": chosen.errors, "exposure": wald.rounded(totals[1]), "dispersion": spread.pearson / df}
    return found


def tables(result: Mapping[str, Any]) -> Iterator[ResultTable]:
    """`estimates.csv`, and of a Cox regression `hazards.csv`."""
    ratio, share = RATIOS.get(result["family"], ""), f"{result['level']:.0%}"
    test = "z" if ratio else "t"
    shown = [ratio.replace("_", " ")] if ratio else []
    header = ("term", "estimate", "standard error", *shown, f"from ({share})", f"to ({share})", test, "p")
    ends = (ratio, f"{ratio}_low", f"{ratio}_high") if ratio else ("low", "high")
    order = ("estimate", "standard_error", *ends, "z", "p_value")
    lines = [(each["term"], *(_shown(each[name]) for name in order)) for each in result["terms"]]
    counted = (
        f", {result['events']:,} {'counted' if result['family'] == 'poisson' else 'with the outcome'}" if ratio else ""
    )
    rows = f"{result['rows']:,} rows{counted}" + (
        ", robust standard errors" if result.get("errors") == "robust" else ""
    )
    yield ResultTable("estimates", f"{TITLES[result['family']]}: {rows}", header, tuple(lines))
    if result.get("hazards"):
        found = [*result["hazards"]["terms"], {"term": "all together", **result["hazards"]["global"]}]
        lines = [
            (each["term"], _shown(each["chi_squared"]), str(each["df"]), _shown(each["p_value"])) for each in found
        ]
        title = "Proportional hazards: a small p says that a hazard ratio changes over time"
        yield ResultTable("hazards", title, ("term", "chi-squared", "df", "p"), tuple(lines))


def warnings(result: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with these estimates, in sentences."""
    if not result["converged"]:
        yield f"The fit had not converged after {result['steps']} steps: raise settings.steps, or see the next lines."
    n_left, n_all = result["rows_left_out"], result["rows_left_out"] + result["rows"]
    if n_left > _MANY_LEFT_OUT * n_all:
        yield (
            f"{n_left:,} of {n_all:,} rows are left out, as they have no value in some column: where values are missing for a reason, these "
            'estimates are wrong for all rows together. Leave out columns that are often missing; task = "describe" lists them in missing.csv.'
        )
    gone = [each["term"] for each in result["terms"] if each["estimate"] is None]
    if gone:
        yield (
            f"Not estimated, since the rows do not tell them apart from the terms before them: {', '.join(gone)}. Leave a column out, or "
            "name another reference."
        )
    wide = [each["term"] for each in result["terms"] if (each["standard_error"] or 0.0) > _LARGE * _unit(each)]
    if result.get("log_likelihood", -math.inf) > -_PARTED:
        yield "The terms part the rows with the outcome from those without it, without error: estimates run away, and mean nothing."
    elif wide and result["family"] != "linear":
        yield f"All or none of the rows with some value may have the outcome (the estimates run away): {', '.join(wide)}."
    if result.get("dispersion", 0.0) > _DISPERSED and result["errors"] == "model":
        yield (
            f"Counts vary {result['dispersion']:.1f} times as much as a Poisson distribution says, so that these standard errors are too small: "
            'set settings.errors = "robust".'
        )
    if result.get("hazards") and result["hazards"]["global"]["p_value"] < 1.0 - result["level"]:
        yield (
            "Hazards are not proportional (hazards.csv): a hazard ratio is then a mean over time, and a p-value rests on a wrong model."
        )


def _unit(each: Mapping[str, Any]) -> float:
    """A standard error beyond so many of these is none of a category's logarithm of a ratio."""
    return 1.0 if " = " in each["term"] else math.inf


def _figures(ratio: str) -> Sequence[str]:
    ratios = (ratio, f"{ratio}_low", f"{ratio}_high") if ratio else ()
    return ("estimate", "standard_error", *ratios, "low", "high", "z", "p_value")


def _ratio(value: float) -> float | None:
    return wald.rounded(math.exp(value)) if value < 700.0 else None


def _tested(statistic: float, df: int) -> dict[str, Any]:
    return {"chi_squared": statistic, "df": df, "p_value": wald.chi_squared(statistic, df)}


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"


def largest_difference(ours: Sequence[Mapping[str, Any]], pooled: Sequence[Mapping[str, Any]]) -> float:
    """Of an estimate, in standard errors."""
    both = [
        (a, b) for a, b in zip(ours, pooled, strict=True) if a["estimate"] is not None and b["estimate"] is not None
    ]
    return max(
        (abs(a["estimate"] - b["estimate"]) / b["standard_error"] for a, b in both if b["standard_error"]), default=0.0
    )
