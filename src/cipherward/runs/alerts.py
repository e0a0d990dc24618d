"""Alerts: new rows whose risk is at least a threshold that follows from what the study opened. Local, as predictions are.

The threshold is that of the study, stated or found on validation rows (`[evaluation]`). Where it has none, it lies between two of the tenths of
the test rows, by predicted risk, whose mean and observed risk the last sum opened (`Metrics.calibration`).
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cipherward.errors import DataError
from cipherward.runs.folder import RunDirectory
from cipherward.runs.prediction import Predictions
from cipherward.store import files


@dataclass(frozen=True)
class Threshold:
    """`risk`: alerts are at it and above; of the hospitals' test rows together `share` lie above, of these `precision` had the outcome, and of
    all with the outcome `sensitivity` lie there. `source`: where it comes from, in words."""

    risk: float
    share: float
    precision: float
    sensitivity: float
    source: str = "chosen on these test rows"

    @property
    def words(self) -> str:
        return (
            f"Alert at a risk of {self.risk:.3f}, {self.source}. Of the hospitals' test rows {self.share:.0%} lie above it, {self.precision:.0%} of them had the "
            f"outcome: {self.sensitivity:.0%} of all that had it."
        )


def threshold_of(run: Path, tenths: int | None = None) -> Threshold:
    """The study's own, or that above which about so many tenths of its test rows lie; of a study without one a single tenth.

    Raises:
        StorageError, DataError: no finished run of a study that measured the risk of a binary outcome, in at least two groups.
    """
    result = files.json_object(files.read(RunDirectory(run).result))
    own = _of_study(result) if tenths is None else None
    return own or _between(result, tenths or 1)


def _of_study(result: dict[str, Any]) -> Threshold | None:
    worth = result.get("worth")
    if not isinstance(worth, dict) or not worth.get("threshold"):
        return None
    try:
        risk, found = float(worth["threshold"]), worth["everybody"]
        rows, positive = int(found["rows"]), int(found["positive"])
        hits, false = float(found["sensitivity"]) * positive, (1.0 - float(found["specificity"])) * (rows - positive)
    except (KeyError, TypeError, ValueError):
        raise DataError(
            "the study has a threshold, and too few test rows on one side of it to say what it is worth",
            hint="choose one with --tenths",
        ) from None
    source = (
        f"which {worth['alerts']:.0%} of the validation rows reach" if worth.get("alerts") else "which the study states"
    )
    share = hits + false
    return Threshold(risk, share / rows, hits / share if share else math.nan, hits / positive, source)


def _between(result: dict[str, Any], tenths: int) -> Threshold:
    measured = result.get("federated")
    groups = measured.get("calibration") if isinstance(measured, dict) and "n_positive" in measured else None
    if not isinstance(groups, list) or len(groups) < 2:
        raise DataError(
            "the run has opened no groups of rows by predicted risk, from which a threshold could follow",
            hint="name a finished run of task train with a binary outcome",
        )
    try:
        rows = [(float(g["mean_predicted"]), float(g["observed_rate"]), int(g["n"])) for g in groups]
    except (KeyError, TypeError, ValueError):
        raise DataError("result.json is damaged: its calibration is no list of groups") from None
    total, positive = sum(n for _, _, n in rows), sum(rate * n for _, rate, n in rows)
    above = min(range(1, len(rows)), key=lambda k: abs(sum(n for _, _, n in rows[k:]) / total - tenths / 10.0))
    count, found = sum(n for _, _, n in rows[above:]), sum(rate * n for _, rate, n in rows[above:])
    risk = (rows[above - 1][0] + rows[above][0]) / 2.0
    return Threshold(risk, count / total, found / count, found / positive if positive else math.nan)


def to_csv(found: Predictions, days: tuple[str, ...], threshold: Threshold) -> str:
    """CSV text: row number, id, day, probability (nine significant digits), whether to alert, and what was assumed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["row", found.id_column or "id", "day", "probability", "alert", "assumed"])
    blank = ("",) * len(found.rows)
    columns = (found.rows, found.ids or blank, days or blank, found.scores, found.assumed)
    for row, name, day, probability, assumed in zip(*columns, strict=True):
        writer.writerow([row, name, day, f"{probability:.9g}", int(probability >= threshold.risk), assumed])
    return out.getvalue()


def by_patient_and_day(found: Predictions, days: tuple[str, ...], threshold: Threshold) -> list[tuple[str, str]]:
    """For each patient, in the table's order, a mark for each day of the table: "!" alert, "." none, " " no row."""
    order = {day: place for place, day in enumerate(dict.fromkeys(days))}
    marks: dict[str, list[str]] = {}
    for name, day, probability in zip(found.ids, days, found.scores, strict=True):
        line = marks.setdefault(name, [" "] * len(order))
        if probability >= threshold.risk or line[order[day]] == " ":
            line[order[day]] = "!" if probability >= threshold.risk else "."
    return [(name, "".join(line)) for name, line in marks.items()]
