"""What a binary model is worth at thresholds of predicted risk, and whether its risks are the right size, as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cipherward.tasks.task import ResultTable

_RATES = ("sensitivity", "specificity", "positive_predictive_value", "negative_predictive_value")


def tables(measured: Mapping[str, Any]) -> Iterator[ResultTable]:
    """`thresholds.csv` and `calibration.csv`.

    Args:
        measured: `learning.metrics.Metrics` as JSON values.
    """
    if measured.get("decisions"):
        header = (
            "predicted risk at least",
            "test rows",
            *(name.replace("_", " ") for name in _RATES),
            "net benefit",
            "if all",
        )
        lines = []
        for each in measured["decisions"]:
            rates = (f"{each[name]:.1%}" for name in _RATES)
            benefit = (f"{each[name]:.4f}" for name in ("net_benefit", "net_benefit_of_all"))
            lines.append((f"{each['threshold']:.0%}", f"{each['above']}", *rates, *benefit))
        title = "What the model is worth at a threshold (decision curve; net benefit for a row, if none: 0)"
        yield ResultTable("thresholds", title, header, tuple(lines))
    if line := measured.get("calibration_line"):
        shown = (
            ("slope (1: risks are spread as they should be; below: too extreme)", "slope"),
            ("intercept beside that slope", "intercept"),
            ("calibration in the large (0: as many outcomes as predicted)", "in_the_large"),
        )
        lines = [(words, f"{line[name]:.4f}", f"{line[name + '_error']:.4f}") for words, name in shown]
        yield ResultTable(
            "calibration", "Calibration of the predicted risks", ("", "estimate", "standard error"), tuple(lines)
        )
