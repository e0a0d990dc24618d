"""The report's figures of how well the model does: over rounds, by hospital, against time, calibration, ROC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from cipherward.report.blocks import SHOWN_HOSPITALS, SMALL, TOO_FEW, Figure, Table, count, limited, score, seconds
from cipherward.report.blocks import with_interval as both
from cipherward.report.facts import Facts
from cipherward.report.intervals import auroc_interval
from cipherward.report.svg import Axis, Chart, Point, key

_SIMULATED = "Simulation only: a deployed coordinator has no figures of a single hospital."
_MAX_NAME = 60
MIN_SPAN = 0.03
_AUROC = "AUROC, pooled test rows"


def accuracy(facts: Facts) -> Figure:
    """AUROC over rounds, federated against centralised (which a deployed study does not have)."""
    result = facts.result
    federated = facts.accuracy()
    pooled = tuple(enumerate(float(value) for value in result.get("auroc_centralised_by_round", ())))
    best = result.get("auroc_best_possible")
    trained = [v for n, v in (*federated, *pooled) if n > 0] or [v for _, v in federated]
    low, left_out = look_closer([v for n, v in federated if n == 0], trained)
    values = [*trained, *([best] if best is not None else []), *([] if left_out else [v for _, v in federated])]
    x = Axis.over([0, *(n for n, _ in (*federated, *pooled))], "training rounds done", count=8, whole=True, zero=True)
    chart = Chart(x, Axis.over([low, *values], _AUROC, least=MIN_SPAN))
    legend = [(key("circle", "fed", line=True), "federated")]
    legend += [(key("square", "cen", line=True), "centralised")] if pooled else []
    if best is not None:
        chart.segment((x.low, best), (x.high, best), "best")
        legend.append((key("", "best", line=True), f"best possible on these synthetic patients ({best:.3f})"))
    for points, shape, style in ((pooled, "square", "cen"), (federated, "circle", "fed")):
        shown = [point for point in points if point[1] >= chart.y.low]
        chart.line(shown, style)
        if len(shown) <= 60:
            chart.marks(shown, shape, style)
    last, rounds = float(result["auroc_federated"]), int(result["rounds"])
    shows = f"After {rounds} round{'s' if rounds != 1 else ''} the federated model reaches an AUROC of {both(last, facts.interval(last))}"
    if pooled:
        gap = last - float(result["auroc_centralised"])
        compared = "as good as" if abs(gap) < 0.0005 else f"{abs(gap):.3f} {'above' if gap > 0 else 'below'}"
        shows += f", {compared} the model trained on all rows in one place"
    shows += "."
    if left_out:
        shows += f" The untrained model ({left_out[0]:.3f}) lies below the picture."
    losses = {n - 1: line.get("validation_loss") for n, line in facts.rounds.items() if line["opened"] and n > 0}
    by_federated, by_pooled = dict(federated), dict(pooled)
    # A hospital's record has no losses.
    columns: list[tuple[str, Mapping[int, float | None], int]] = [("Federated AUROC", by_federated, 3)]
    columns += [("Centralised AUROC", by_pooled, 3)] if pooled else []
    columns += [("Federated validation loss", losses, 4)] if losses else []
    done = sorted(set(by_federated) | set(by_pooled))
    rows = [(str(n), *(score(known.get(n), places) for _, known, places in columns)) for n in done]
    head = ("Rounds done", *(name for name, _, _ in columns))
    title = "Accuracy over rounds" + (", federated against centralised" if pooled else "")
    table = limited(
        f"AUROC on the pooled test rows{' and validation loss' if losses else ''}, by rounds done",
        head,
        rows,
        "rounds.jsonl",
    )
    return Figure("1", title, shows, chart.svg("figure-1", title, shows), tuple(legend), table)


def look_closer(untrained: Sequence[float], trained: Sequence[float]) -> tuple[float, list[float]]:
    """The lowest value to show, and untrained ones that would squeeze all others together."""
    span = max(max(trained) - min(trained), MIN_SPAN)
    left_out = [value for value in untrained if value < min(trained) - 2 * span]
    return min([*trained, *(value for value in untrained if value not in left_out)]), left_out


def hospitals_pooled(facts: Facts) -> Figure:
    """Each hospital's own model against the shared ones, all on the same pooled test rows."""
    result = facts.result
    alone = [float(value) for value in result["auroc_local"].values()]
    shared = {name: float(result[f"auroc_{name}"]) for name in ("federated", "centralised")}
    order = sorted(range(len(alone)), key=lambda k: -alone[k])
    intervals = [facts.interval(value) for value in alone]
    lines = [("fed", shared["federated"]), ("cen", shared["centralised"])]
    values = [*alone, *shared.values(), *(end for pair in intervals for end in pair)]
    if len(alone) <= SHOWN_HOSPITALS:
        chart = rows_of([facts.names[k] for k in order], Axis.over(values, _AUROC), 50)
        for place, k in enumerate(order):
            chart.segment((intervals[k][0], level(place)), (intervals[k][1], level(place)), "loc thin")
            chart.marks([(alone[k], level(place))], "triangle", "loc")
        for style, value in lines:
            chart.segment((value, chart.y.low), (value, chart.y.high), style)
    else:
        chart = ranked(len(alone), Axis.over([*alone, *shared.values()], _AUROC))
        chart.marks([(rank + 1, alone[k]) for rank, k in enumerate(order)], "triangle", "loc", 3)
        for style, value in lines:
            chart.segment((chart.x.low, value), (chart.x.high, value), style)
    better = sum(value < shared["federated"] for value in alone)
    shows = (
        f"On the same {count(int(facts.federated['n']))} pooled test rows the federated model does better than the model "
        f"that a hospital trains alone for {better} of {len(alone)} hospitals; alone they reach {min(alone):.3f} to "
        f"{max(alone):.3f}. {_SIMULATED}"
    )
    table = limited(
        "AUROC (95 % interval) of each model on the pooled test rows",
        ("Model", "Test rows", "AUROC (95 % interval)"),
        [(name, count(int(facts.federated["n"])), both(v, facts.interval(v))) for name, v in shared.items()]
        + [(f"{facts.names[k]}, alone", count(int(facts.federated["n"])), both(alone[k], intervals[k])) for k in order],
        "result.json",
    )
    legend = (
        (key("triangle", "loc", line=len(alone) <= SHOWN_HOSPITALS), "a hospital alone"),
        (key("", "fed", line=True), f"federated ({shared['federated']:.3f})"),
        (key("", "cen", line=True), f"centralised ({shared['centralised']:.3f})"),
    )
    title = "What each hospital would have reached alone"
    return Figure("2.1", title, shows, chart.svg("figure-2-1", title, shows), legend, table)


_MODELS = (("local", "triangle", "loc"), ("federated", "circle", "fed"), ("centralised", "square", "cen"))


def hospitals_own(facts: Facts) -> Figure | None:
    """The three models on each hospital's own test rows; None where the run did not record them."""
    each: Sequence[Mapping[str, Any]] = facts.result.get("by_hospital", [])
    if len(each) != len(facts.names):
        return None
    shown = [k for k, facts_of in enumerate(each) if enough(facts_of)]
    found = {k: {name: float(each[k]["auroc_on_own_rows"][name]) for name, _, _ in _MODELS} for k in shown}
    spans = {
        (k, name): auroc_interval(value, each[k]["test_positive"], each[k]["test_rows"] - each[k]["test_positive"])
        for k in shown
        for name, value in found[k].items()
    }
    rows = [
        (facts.names[k], few(item["train_rows"]), few(item["test_rows"]))
        + (
            tuple(both(found[k][name], spans[k, name]) for name, _, _ in _MODELS)
            if k in found
            else (f"not shown: {TOO_FEW} with or without the outcome", "–", "–")
        )
        for k, item in enumerate(each)
    ]
    caption = "AUROC (95 % interval) of three models on each hospital's own test rows"
    head = ("Hospital", "Training rows", "Own test rows", "Alone", "Federated", "Centralised")
    table = limited(caption, head, rows, "result.json")
    label = "AUROC, the hospital's own test rows"
    values = [v for models in found.values() for v in models.values()]
    models = _MODELS if len(shown) <= SHOWN_HOSPITALS else _MODELS[:2]
    if len(shown) <= SHOWN_HOSPITALS:
        x = Axis.over([*values, *(end for pair in spans.values() for end in pair)], label)
        chart = rows_of([facts.names[k] for k in shown], x, 68)
        for place, k in enumerate(shown):
            for offset, (name, shape, style) in zip((0.0, 0.2, 0.4), _MODELS, strict=True):
                height = level(place) + 0.24 - offset
                low, high = spans[k, name]
                chart.segment((low, height), (high, height), f"{style} thin solid")
                chart.marks([(found[k][name], height)], shape, style)
    else:
        chart = ranked(len(shown), Axis.over(values, label))
        for name, shape, style in models:
            ordered = sorted(shown, key=lambda k: -found[k]["federated"])
            chart.marks([(rank + 1, found[k][name]) for rank, k in enumerate(ordered)], shape, style, 3)
    gained = sum(found[k]["federated"] > found[k]["local"] for k in shown)
    shows = (
        f"On its own patients, the federated model does better than the hospital's own one at {gained} of {len(shown)} "
        f"hospitals with enough test rows; where intervals overlap widely, that may be chance. {_SIMULATED}"
    )
    named = {"local": "hospital alone", "federated": "federated", "centralised": "centralised"}
    legend = tuple((key(shape, style), named[name]) for name, shape, style in models)
    title = "The three models on each hospital's own test rows"
    if not shown:
        none = f"No hospital has {SMALL} test rows with and {SMALL} without the outcome: nothing is shown."
        return Figure("2.2", title, none, Markup(""), (), table)
    return Figure("2.2", title, shows, chart.svg("figure-2-2", title, shows), legend, table)


def enough(hospital: Mapping[str, Any]) -> bool:
    """Whether the hospital's test rows have enough of both outcomes to show a figure of them."""
    positive = int(hospital["test_positive"])
    return min(positive, int(hospital["test_rows"]) - positive) >= SMALL


def few(n: int) -> str:
    """A count of one hospital's rows, hidden where it is small."""
    return count(n) if n >= SMALL else TOO_FEW


def rows_of(names: Sequence[str], x: Axis, height: int) -> Chart:
    """A chart with one row per name, the name above the row's marks."""
    n = max(len(names), 1)
    chart = Chart(x, Axis(-float(n), 0.0, (), ""), height=height * n + 74, left=36, right=44, grid="x", y_labels=False)
    for place, name in enumerate(names):
        shown = name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 1] + "…"
        chart.text((x.low, -float(place)), shown, dy=18, dx=2, style="name")
    return chart


def level(place: int) -> float:
    """Where the marks of row `place` of `rows_of` stand."""
    return -place - 0.7


def ranked(n: int, y: Axis) -> Chart:
    """A chart of many hospitals in order, without their names."""
    return Chart(Axis.over([0, n], "hospitals, in order", count=8, whole=True, zero=True), y)


def against_time(facts: Facts) -> Figure:
    """AUROC after each round against the seconds that the round took."""
    after = dict(facts.accuracy())
    took = {n: float(line["seconds"]) for n, line in facts.rounds.items() if line["purpose"] == "train"}
    points = [(n, took[n], after[n]) for n in sorted(took) if n in after]
    x = Axis.over([t for _, t, _ in points], "seconds for the round, all parties one after the other", zero=True)
    chart = Chart(x, Axis.over([a for _, _, a in points], "AUROC after the round", least=MIN_SPAN))
    chart.marks([(t, a) for _, t, a in points], "circle", "fed", 5.5)
    labelled: list[Point] = []
    for n, t, a in (*points[:1], *points[:0:-1]):
        left, top = chart.at(t, a)
        if all(abs(left - x) > 26 or abs(top - y) > 18 for x, y in labelled):
            chart.text((t, a), str(n), dx=8, dy=-6, style="small")
            labelled.append((left, top))
    mean = sum(t for _, t, _ in points) / len(points) if points else 0.0
    shows = (
        f"Each point is one of {len(points)} training rounds, numbered where there is room: a round took {seconds(mean)} on average, "
        "training, encryption, opening and verification included."
    )
    table = limited(
        "Seconds and AUROC of each training round",
        ("Round", "Seconds", "AUROC after the round"),
        [(str(n), seconds(t), score(a)) for n, t, a in points],
        "rounds.jsonl",
    )
    title = "Accuracy against processing time, one point per round"
    legend = ((key("circle", "fed"), "a training round, federated"),)
    return Figure("4", title, shows, chart.svg("figure-4", title, shows), legend, table)


_CURVES = (("centralised", "square", "cen"), ("federated", "circle", "fed"))
"""In the order in which they are drawn: the last one lies on top."""


def _evaluated(facts: Facts) -> dict[str, Mapping[str, Any]]:
    """The measured models; a run of a comparison has no centralised model of its own."""
    return {name: facts.result[name] for name in ("federated", "centralised") if facts.result.get(name)}


def calibration(facts: Facts) -> Figure:
    """Predicted risk against what happened, in tenths of the test rows."""
    models = _evaluated(facts)
    found = {name: measured["calibration"] for name, measured in models.items()}
    kept = {name: [row for row in rows if row["n"] >= SMALL] for name, rows in found.items()}
    every = [v for rows in kept.values() for row in rows for v in (row["mean_predicted"], row["observed_rate"])]
    top = Axis.over([*every, 0.0], "mean predicted risk", zero=True)
    chart = Chart(top, Axis(top.low, top.high, top.ticks, "observed rate"))
    chart.segment((top.low, top.low), (top.high, top.high), "ideal")
    for name, shape, style in _CURVES:
        if name not in kept:
            continue
        points: list[Point] = [(row["mean_predicted"], row["observed_rate"]) for row in kept[name]]
        chart.line(points, style)
        chart.marks(points, shape, style)
    off = sum(row["n"] * abs(row["mean_predicted"] - row["observed_rate"]) for row in kept["federated"])
    n = sum(row["n"] for row in kept["federated"])
    shows = (
        "On the dotted diagonal, as many patients have the outcome as the model predicts; "
        f"the federated model is off by {100 * off / n if n else 0:.1f} percentage points on average over tenths of the test rows."
    )
    rows = [
        (f"{name}, group {k}", count(row["n"]), score(row["mean_predicted"]), score(row["observed_rate"]))
        for name, some in kept.items()
        for k, row in enumerate(some, start=1)
    ]
    head = ("Model and group, lowest risk first", "Test rows", "Mean predicted risk", "Observed rate")
    table = Table(
        f"Calibration in tenths of the pooled test rows; groups of {TOO_FEW} rows are left out", head, tuple(rows)
    )
    legend = (
        *((key(shape, style, line=True), name) for name, shape, style in reversed(_CURVES) if name in kept),
        (key("", "ideal", line=True), "perfect calibration"),
    )
    title = "Calibration: predicted risk against observed rate"
    return Figure("5.1", title, shows, chart.svg("figure-5-1", title, shows), legend, table)


def roc(facts: Facts) -> Figure:
    """The ROC curves of both models."""
    curves = {name: measured["roc"] for name, measured in _evaluated(facts).items()}
    unit = [0.0, 1.0]
    chart = Chart(Axis.over(unit, "false positive rate (1 - specificity)"), Axis.over(unit, "sensitivity"))
    chart.segment((0, 0), (1, 1), "ideal")
    for name, _, style in _CURVES:
        if name in curves:
            chart.line([(float(a), float(b)) for a, b in _thinned(curves[name])], style)
    at_tenth = {name: _sensitivity(points, 0.1) for name, points in curves.items()}
    centralised = f", the centralised one {100 * at_tenth['centralised']:.0f} %" if "centralised" in curves else ""
    shows = (
        f"Where one patient in ten without the outcome is flagged, the federated model finds {100 * at_tenth['federated']:.0f} % "
        f"of those who have it{centralised}."
    )
    levels = [0.01, 0.02, 0.05, *(k / 10 for k in range(1, 10))]
    rows = [(f"{level:.2f}", *(score(_sensitivity(curves[name], level)) for name in curves)) for level in levels]
    head = ("False positive rate", *(f"{name.capitalize()}: true positive rate" for name in curves))
    legend = (
        *((key("", style, line=True), name) for name, _, style in reversed(_CURVES) if name in curves),
        (key("", "ideal", line=True), "chance"),
    )
    title = "ROC curve: sensitivity at every false positive rate"
    table = Table("Points of the ROC curves", head, tuple(rows))
    return Figure("5.2", title, shows, chart.svg("figure-5-2", title, shows), legend, table)


def _thinned(points: Sequence[Sequence[float]], most: int = 400) -> Sequence[Sequence[float]]:
    step = max(1, len(points) // most)
    return [*points[:-1:step], points[-1]]


def _sensitivity(points: Sequence[Sequence[float]], false_rate: float) -> float:
    """True positive rate at a false positive rate, linear between the curve's points."""
    before = points[0]
    for point in points:
        if point[0] > false_rate:
            share = (false_rate - before[0]) / (point[0] - before[0])
            return float(before[1] + share * (point[1] - before[1]))
        before = point
    return float(before[1])
