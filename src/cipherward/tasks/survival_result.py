"""What survival curves show: points with intervals, a risk table, and the log-rank test."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cipherward.learning import likelihood, survival, wald
from cipherward.study import Study
from cipherward.tasks import result_figures
from cipherward.tasks.result_figures import Curves
from cipherward.tasks.survival_settings import Settings
from cipherward.tasks.survival_state import Curve, SurvivalState
from cipherward.tasks.task import ResultTable

EVERYBODY = "all"


def of_curve(chosen: Settings, curve: Curve) -> dict[str, Any]:
    """One group: `rows`, and a point at the end of each cell with enough events."""
    found = survival.curve(curve.steps, curve.variances, wald.quantile(chosen.level))
    after, points, start = curve.risk.after, [], 0
    for end, events, numbers in zip(curve.ends, curve.events, found, strict=True):
        left = int(curve.risk.leaving[start:end].sum())
        value, low, high = (wald.rounded(each) for each in numbers)
        point = {"time": float(curve.risk.ends[end - 1]), "at_risk": int(after[end - 1]), "events": events}
        points.append(point | {"censored": left - events, "survival": value, "low": low, "high": high})
        start = end
    median = next((point["time"] for point in points if point["survival"] <= 0.5), None)
    return {"group": curve.name, "rows": curve.risk.rows, "points": points, "median_by": median}


def drawn(chosen: Settings, curves: Sequence[Curve], study: Study) -> Curves:
    """The curves for a report, with the rows at risk as the second sum says them."""
    unit = next((column.unit_words for column in study.columns if column.name == chosen.time), "")
    shown = []
    for curve in curves:
        points = of_curve(chosen, curve)["points"]
        risk = curve.risk
        rows = [(0.0, risk.rows), *zip(risk.ends.tolist(), risk.after.tolist(), strict=True)]
        numbers = ((each["time"], each["survival"], each["low"], each["high"]) for each in points)
        shown.append(result_figures.Curve(curve.name, tuple(numbers), tuple((time, int(n)) for time, n in rows)))
    shows = (
        f"Bands are {100 * chosen.level:g} % intervals. Each mark is the survival at the end of a cell of time with at least {chosen.least} events; "
        "between two marks the line is straight, as when events happened there is not known."
    )
    time = f"{chosen.time} ({unit})" if unit not in ("", chosen.time) else chosen.time
    return Curves(
        "Survival (Kaplan-Meier) over all hospitals", shows, time, "survival", tuple(shown), "at risk", "survival.csv"
    )


def of_test(state: SurvivalState) -> dict[str, Any] | None:
    """The log-rank test; None where it was not asked, or says nothing."""
    if state.score is None or state.covariance is None:
        return None
    n = len(state.score)
    covariance = likelihood.full(state.covariance, n)
    kept = likelihood.independent(covariance)
    if not kept.any():
        return None
    inverse = likelihood.inverse(covariance[np.ix_(kept, kept)])
    score = state.score[kept]
    statistic = math.fsum(float(u) * math.fsum(row * score) for u, row in zip(score, inverse, strict=True))
    df = int(kept.sum())
    last = -math.fsum(state.score)
    beyond = {curve.name: float(each) for curve, each in zip(state.curves, [*state.score, last], strict=True)}
    return {"chi_squared": statistic, "df": df, "p_value": wald.chi_squared(statistic, df), "beyond_expected": beyond}


def tables(result: Mapping[str, Any]) -> Iterator[ResultTable]:
    """`survival.csv`, and with groups `log_rank.csv`."""
    share = f"{result['level']:.0%}"
    header = (
        "group",
        result["time"],
        "at risk after",
        "events",
        "censored",
        "survival",
        f"from ({share})",
        f"to ({share})",
    )
    lines = []
    for each in result["curves"]:
        lines.append((each["group"], "0", f"{each['rows']}", "", "", "1", "", ""))
        for point in each["points"]:
            counts = (str(point[name]) for name in ("at_risk", "events", "censored"))
            lines.append(
                (
                    each["group"],
                    f"{point['time']:g}",
                    *counts,
                    *(f"{point[k]:.4f}" for k in ("survival", "low", "high")),
                )
            )
    title = f"Survival (Kaplan-Meier) over all hospitals; each line is of at least {result['least']} events"
    yield ResultTable("survival", title, header, tuple(lines))
    if result.get("log_rank"):
        test = result["log_rank"]
        beside = [(name, f"{value:.2f}", "", "", "") for name, value in test["beyond_expected"].items()]
        beside.append(
            ("all groups alike?", "", f"{test['chi_squared']:.5g}", str(test["df"]), f"{test['p_value']:.4g}")
        )
        names = ("group", "events beyond those expected", "chi-squared", "df", "p")
        yield ResultTable("log_rank", "Log-rank test, stratified by hospital", names, tuple(beside))


def warnings(result: Mapping[str, Any]) -> Iterator[str]:
    short = [each["group"] for each in result["curves"] if not each["points"]]
    if short:
        yield f"Too few events, or rows that leave, for a point of the curve: {', '.join(short)} (settings.least is {result['least']})."
