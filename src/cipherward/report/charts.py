"""A run's figures of how well the model does: over rounds, by hospital, against time, calibration, ROC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cipherward.learning.intervals import auroc_interval
from cipherward.report.blocks import (
    SHOWN_HOSPITALS,
    SMALL,
    TOO_FEW,
    Figure,
    Table,
    count,
    limited,
    score,
    seconds,
    with_interval,
)
from cipherward.report.facts import Facts
from cipherward.report.figures import (
    SIMULATED,
    Scored,
    Way,
    against_time,
    alone,
    by_round,
    level,
    ranked,
    reached,
    rows_of,
    with_ends,
)
from cipherward.report.svg import Axis, Chart, Point, key
from cipherward.runs.result_json import AtHospital, Measured, Simulated

_CENTRALISED, _FEDERATED = ("centralised", "square", "cen"), ("federated", "circle", "fed")


BY_ROW = " (both measured row by row)"
"""Of the figure that hospitals open scores are counted in groups of rows."""


def _auroc(facts: Facts) -> Way:
    """The federated model after each round, and what the round took, which a deployed party does not know."""
    timed = {n: line.seconds for n, line in facts.rounds.items() if line.purpose == "train"}
    seconds = {n: took for n, took in timed.items() if took is not None}
    return Way(*_FEDERATED, {n: (value,) for n, value in facts.auroc_by_round()}, seconds, layer=1)


def auroc(facts: Facts) -> Figure:
    """AUROC over rounds, federated against centralised (which a deployed study does not have)."""
    result = facts.trained
    central = result.auroc_centralised_by_round
    first = max(result.rounds + 1 - len(central), 0)  # a model that no rounds train has one figure, at the end
    pooled = {n: (value,) for n, value in enumerate(central, start=first)}
    ways = [_auroc(facts), *([Way(*_CENTRALISED, pooled)] if pooled else [])]
    last = result.auroc_federated
    exact = result.auroc_federated_exact if isinstance(result, Simulated) else last
    gap = exact - result.auroc_centralised if pooled and result.auroc_centralised is not None else None
    shows = reached(result.rounds, "the federated model", with_interval(last, facts.interval(last)), gap, BY_ROW)
    lines = facts.rounds.items()
    # A hospital's record has no losses.
    losses = {
        n - 1: line.validation_loss
        for n, line in lines
        if n > 0 and line.opened and "validation_loss" in line.model_fields_set
    }
    against = ", federated against centralised" if pooled else ""
    best = result.auroc_best_possible
    return by_round(ways, shows, "rounds.jsonl", against=against, best=best, losses=losses)


def hospitals_pooled(facts: Facts) -> Figure:
    """Each hospital's own model against the shared ones, all on the same pooled test rows."""
    result = facts.simulated

    def scored(name: str, value: float) -> Scored:
        return Scored(name, value, *facts.interval(value))

    own = [scored(name, v) for name, v in zip(facts.names, result.auroc_local.values(), strict=True)]
    federated = scored("federated", result.auroc_federated)
    centralised = scored("centralised", result.auroc_centralised)
    return alone(own, federated, centralised, count(result.federated.n), "result.json")


def time_scatter(facts: Facts) -> Figure:
    """AUROC after each round against the seconds that the round took."""
    way = _auroc(facts)
    took = [t for _, t, _ in way.timed]
    shows = (
        f"Each point is one of {len(took)} training rounds, numbered where there is room: a round took "
        f"{seconds(sum(took) / len(took) if took else 0.0)} on average, training, encryption, opening and verification included."
    )
    return against_time([way], shows, "rounds.jsonl")


_MODELS = (("local", "triangle", "loc"), _FEDERATED, _CENTRALISED)
_OWN = "AUROC, the hospital's own test rows"


def hospitals_own(facts: Facts) -> Figure | None:
    """The three models on each hospital's own test rows; None where the run did not record them."""
    each = facts.trained.by_hospital
    if len(each) != len(facts.names):
        return None
    found = {k: _on_own_rows(item) for k, item in enumerate(each) if _enough(item)}
    hidden = (f"not shown: {TOO_FEW} with or without the outcome", "–", "–")
    rows = [
        (name, few(item.train_rows), few(item.test_rows))
        + (tuple(with_interval(*found[k][name]) for name, _, _ in _MODELS) if k in found else hidden)
        for k, (name, item) in enumerate(zip(facts.names, each, strict=True))
    ]
    caption = "AUROC (95 % interval) of three models on each hospital's own test rows"
    head = ("Hospital", "Training rows", "Own test rows", "Alone", "Federated", "Centralised")
    table = limited(caption, head, rows, "result.json")
    title = "The three models on each hospital's own test rows"
    if not found:
        none = f"No hospital has {SMALL} test rows with and {SMALL} without the outcome: nothing is shown."
        return Figure("2.2", title, none, None, (), table)
    gained = sum(models["federated"][0] > models["local"][0] for models in found.values())
    shows = (
        f"On its own patients, the federated model does better than the hospital's own one at {gained} of {len(found)} "
        f"hospitals with enough test rows; where intervals overlap widely, that may be chance. {SIMULATED}"
    )
    many = len(found) > SHOWN_HOSPITALS
    chart = _own_in_order(found) if many else _own_by_name([facts.names[k] for k in found], list(found.values()))
    named = {"local": "hospital alone", "federated": "federated", "centralised": "centralised"}
    legend = tuple((key(shape, style), named[name]) for name, shape, style in (_MODELS[:2] if many else _MODELS))
    return Figure("2.2", title, shows, chart, legend, table)


Own = Mapping[str, tuple[float, tuple[float, float]]]
"""AUROC on a hospital's own test rows and its interval, by model."""


def _on_own_rows(hospital: AtHospital) -> Own:
    positive, negative = hospital.test_positive, hospital.test_rows - hospital.test_positive
    values = {name: float(getattr(hospital.auroc_on_own_rows, name)) for name, _, _ in _MODELS}
    return {name: (value, auroc_interval(value, positive, negative)) for name, value in values.items()}


def _own_by_name(names: Sequence[str], found: Sequence[Own]) -> Chart:
    x = Axis.over([v for models in found for value, ends in models.values() for v in (value, *ends)], _OWN)
    chart = rows_of(names, x, 68)
    for place, models in enumerate(found):
        for offset, (name, shape, style) in zip((0.24, 0.04, -0.16), _MODELS, strict=True):
            with_ends(chart, level(place) + offset, *models[name], shape, style, "solid")
    return chart


def _own_in_order(found: Mapping[int, Own]) -> Chart:
    order = sorted(found.values(), key=lambda models: -models["federated"][0])
    chart = ranked(len(order), Axis.over([models[name][0] for models in order for name, *_ in _MODELS[:2]], _OWN))
    for name, shape, style in _MODELS[:2]:
        chart.marks([(rank, models[name][0]) for rank, models in enumerate(order, start=1)], shape, style, 3)
    return chart


def _enough(hospital: AtHospital) -> bool:
    """Whether the hospital's test rows have enough of both outcomes to show a figure of them."""
    return min(hospital.test_positive, hospital.test_rows - hospital.test_positive) >= SMALL


def few(n: int) -> str:
    """A count of one hospital's rows, hidden where it is small."""
    return count(n) if n >= SMALL else TOO_FEW


_CURVES = (_CENTRALISED, _FEDERATED)
"""In the order in which they are drawn: the last one lies on top."""


def _evaluated(facts: Facts) -> dict[str, Measured]:
    """The measured models; a run of a comparison has no centralised model of its own."""
    result = facts.trained
    return {"federated": result.federated} | ({"centralised": result.centralised} if result.centralised else {})


def calibration(facts: Facts) -> Figure:
    """Predicted risk against what happened, in tenths of the test rows."""
    models = _evaluated(facts)
    found = {name: measured.calibration for name, measured in models.items()}
    kept = {name: [row for row in rows if row.n >= SMALL] for name, rows in found.items()}
    every = [v for rows in kept.values() for row in rows for v in (row.mean_predicted, row.observed_rate)]
    top = Axis.over([*every, 0.0], "mean predicted risk", zero=True)
    chart = Chart(top, Axis(top.low, top.high, top.ticks, "observed rate"))
    chart.segment((top.low, top.low), (top.high, top.high), "ideal")
    for name, shape, style in _CURVES:
        if name not in kept:
            continue
        points: list[Point] = [(row.mean_predicted, row.observed_rate) for row in kept[name]]
        chart.line(points, style)
        chart.marks(points, shape, style)
    off = sum(row.n * abs(row.mean_predicted - row.observed_rate) for row in kept["federated"])
    n = sum(row.n for row in kept["federated"])
    shows = (
        "On the dotted diagonal, as many patients have the outcome as the model predicts; "
        f"the federated model is off by {100 * off / n:.1f} percentage points on average over tenths of the test rows."
        if n
        else f"No tenth of the test rows has {SMALL} of them: too few to say how well predicted risks fit what happened."
    )
    rows = [
        (f"{name}, group {k}", count(row.n), score(row.mean_predicted), score(row.observed_rate))
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
    return Figure("3.1", title, shows, chart, legend, table)


def roc(facts: Facts) -> Figure:
    """The ROC curves of both models."""
    curves = {name: measured.roc for name, measured in _evaluated(facts).items()}
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
    return Figure("3.2", title, shows, chart, legend, table)


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
