"""The page of a model of an outcome that is not binary, in a simulation or of a deployed study: what its type of outcome shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cipherward.data import catalogue as sources
from cipherward.data import small_counts
from cipherward.errors import StorageError
from cipherward.learning import catalogue as kinds
from cipherward.learning.measured import Measured
from cipherward.learning.outcome import Curve, OtherOutcome, Outcome
from cipherward.learning.outcomes import model_words, outcome_of
from cipherward.report import blocks, costs, figures, page, rendering, rows, words
from cipherward.report.blocks import SMALL, Figure, Table, count, limited, score
from cipherward.report.facts import Facts, clean
from cipherward.report.figures import Scored, Way
from cipherward.report.svg import MARKERS, Axis, Chart, key

_FEDERATED, _CENTRALISED = ("federated", "circle", "fed"), ("centralised", "square", "cen")
_PARTS = ("", "train_", "validation_", "test_")
_STYLES = ("h1", "h2", "h3", "h4", "h5", "h6", "h7", "h8")


@dataclass(frozen=True)
class Pictures:
    """The figures that a simulation also writes as files of their own."""

    by_round: Figure
    alone: Figure | None


def pictures(facts: Facts) -> Pictures:
    """The headline metric over rounds, and of each hospital alone, where the run knows it."""
    return Pictures(by_round(facts), alone(facts))


def render(facts: Facts, more: Mapping[str, Any]) -> str:
    """The page as text.

    Args:
        more: what the page of this party shows beside: `page.details`, and of a deployed study `deployed.shared_content`.
    """
    return rendering.render("outcome.html", {**content(facts), **more})


def content(facts: Facts) -> dict[str, Any]:
    """What the page shows, whoever's it is."""
    study, result, outcome = facts.study, facts.other, _outcome(facts)
    toml = clean(study.to_toml())
    found = {name: _read(outcome, given) for name, given in _measured(facts).items()}
    shown = {name: outcome.figures(each) for name, each in found.items()}
    values = [
        (name, *(score(dict(each.metrics)[name], 4) for each in shown.values()))
        for name, _ in shown["federated"].metrics
    ]
    confusion = shown["federated"].table
    return {
        "metric": outcome.title,
        "type": outcome.words,
        "simulated": bool(result.alone),
        "sees_all": True,
        "title": clean(study.title or study.name),
        "description": clean(study.description),
        "name": study.name,
        "synthetic": study.synthetic,
        "own_tables": sources.source(study.data.source).is_own_tables,
        "own_code": kinds.kind_of(study.model).is_own_code,
        "source": sources.words(study.data.source),
        "model": f"{model_words(study)}, {count(result.n_parameters)} parameters",
        "reached": {name: f"{value:.3f}" for name, value in _headlines(facts).items()},
        "alone": f"{min(result.alone.values()):.3f} to {max(result.alone.values()):.3f}" if result.alone else "",
        "n_test": found["federated"].n,
        "n_train": result.n_train_rows,
        "rounds": result.rounds,
        "converged": result.converged_early,
        "by_round": by_round(facts),
        "alone_figure": alone(facts),
        "curves": [figure for name, each in shown.items() for figure in _curves(each.curves, name)],
        "values": Table(
            "Metrics on the test rows of all hospitals together",
            ("Metric", *(name.capitalize() for name in shown)),
            tuple(values),
        ),
        "confusion": Table(
            shown["federated"].table_title,
            tuple(map(clean, confusion[0])),
            tuple(tuple(map(clean, row)) for row in confusion[1:]),
            "Of the federated model. Where few rows of a class share a prediction at a hospital, they are counted as not told."
            if "not told" in confusion[0]
            else "Of the federated model.",
        )
        if confusion
        else None,
        "data": _data(facts, outcome),
        "time": costs.time(facts),
        "traffic": costs.traffic(facts),
        "distance": costs.distance(facts),
        "versions": Table(
            "Versions",
            ("Package", "Version"),
            tuple((clean(name), blocks.Code(clean(value))) for name, value in result.versions.items()),
        )
        if result.versions
        else None,
        "budget": result.privacy,
        "noise": words.noise_on_counts(study),
        "not_protected": (words.LEAKAGE[result.privacy is not None], *words.NOT_PROTECTED),
        "terms": terms(facts),
        "toml": toml[: page.MAX_TOML],
        "toml_cut": len(toml) > page.MAX_TOML,
        "device": clean(result.device),
        "small": SMALL,
        "breaches": [],
        "decisions": None,
        "role": "",
        "taking_part": None,
        "own_rows": None,
        "own_why_not": "",
        "changed": rows.changed(facts),
        "noticed": rows.noticed(facts),
    }


def terms(facts: Facts) -> list[tuple[str, str]]:
    """The words that the page uses."""
    unused = {"95 % interval"} | (set() if _outcome(facts).classes else {"AUROC"})
    unused |= set() if facts.other.alone else {"Centralised"}
    return [entry for entry in words.TERMS if entry[0] not in unused]


def own_table(facts: Facts, own: Mapping[str, Any]) -> Table:
    """A hospital's own.json: its rows, and the headline metric of the shared model and of one trained there alone."""
    outcome = _outcome(facts)
    named = (("Rows", "rows"), ("Training rows", "train_rows"), ("Test rows", "test_rows"))
    lines = [(text, blocks.TOO_FEW if own.get(name) is None else count(int(own[name]))) for text, name in named]
    reached = own.get(outcome.key)
    for name, text in (("federated", "federated model"), ("local", "model trained alone")):
        if isinstance(reached, dict) and isinstance(reached.get(name), float):
            lines.append((f"{outcome.title}, {text}, own test rows", score(reached[name])))
    return Table("This hospital's own rows", ("What", "Value"), tuple(lines), "Computed here, and never sent.")


def by_round(facts: Facts) -> Figure:
    """The headline metric over rounds, federated against centralised (which a deployed study does not have)."""
    result, outcome = facts.other, _outcome(facts)
    reached = {n: (value,) for n, value in _by_round(facts).items()}
    pooled = {n: (value,) for n, value in enumerate(result.pooled_by_round)}
    ways = [Way(*_FEDERATED, reached, layer=1), *([Way(*_CENTRALISED, pooled)] if pooled else [])]
    exact = result.reached if result.exactly is None else result.exactly
    gap = exact - result.pooled if result.pooled is not None else None
    beside = (
        f", {figures.beside(gap)} the model trained on all rows in one place (both measured row by row)"
        if gap is not None
        else ""
    )
    shows = f"After {figures.plural(result.rounds, 'round')} the federated model reaches {outcome.title} {result.reached:.3f}{beside}."
    losses = {n - 1: line.validation_loss for n, line in facts.rounds.items() if n > 0 and line.opened}
    against = ", federated against centralised" if pooled else ""
    return figures.by_round(ways, shows, "rounds.jsonl", against=against, losses=losses, metric=outcome.title)


def alone(facts: Facts) -> Figure | None:
    """Each hospital's own model against the shared ones on the same pooled test rows; None in a deployed study."""
    result, outcome = facts.other, _outcome(facts)
    if len(result.alone) != len(facts.names) or result.pooled is None:
        return None

    def scored(name: str, value: float) -> Scored:
        return Scored(name, value, value, value)

    own = [scored(name, value) for name, value in zip(facts.names, result.alone.values(), strict=True)]
    shared = scored("federated", result.reached), scored("centralised", result.pooled)
    return figures.alone(own, *shared, count(result.n_test_rows), "result.json", outcome.title)


def _outcome(facts: Facts) -> OtherOutcome:
    scaling = facts.model.preprocessor if facts.model else None
    found = outcome_of(facts.study.data, getattr(scaling, "outcome", ()))
    if not isinstance(found, OtherOutcome):
        raise TypeError("a binary outcome has a page of its own")
    return found


def _measured(facts: Facts) -> dict[str, dict[str, Any]]:
    result = facts.other
    return {"federated": result.federated} | ({"centralised": result.centralised} if result.centralised else {})


def _headlines(facts: Facts) -> dict[str, float]:
    result = facts.other
    return {"federated": result.reached} | ({"centralised": result.pooled} if result.pooled is not None else {})


def _read(outcome: Outcome, document: Mapping[str, Any]) -> Measured:
    try:
        return outcome.read(document)
    except ValueError as error:
        raise StorageError(
            f"result.json is damaged or of another version: {error}", hint="restore it from a backup"
        ) from None


def _by_round(facts: Facts) -> dict[int, float]:
    result, outcome = facts.other, _outcome(facts)
    opened = [item.round for item in facts.sums if item.purpose == "train" and item.opened]
    points: dict[int, float] = {}
    if not facts.rounds:
        points = {n: value for n, value in zip(range(len(opened)), result.by_round, strict=False) if value is not None}
    for number, line in facts.rounds.items():
        measured = line.metrics_of_incoming_model
        value = measured.value(outcome.key) if measured else None
        if value is not None and line.purpose == "train" and line.opened:
            points[sum(earlier < number for earlier in opened)] = value
    points[result.rounds] = result.reached
    return dict(sorted(points.items()))


def _curves(curves: Sequence[Curve], whose: str) -> list[Figure]:
    """One figure for each kind of curve, all classes together."""
    found = []
    for number, (kind, title, x_label, y_label) in enumerate(
        (
            ("calibration", "Calibration: predicted against observed", "mean prediction", "observed"),
            ("roc", "ROC curves, one class against the rest", "false positive rate", "sensitivity"),
        ),
        start=1,
    ):
        own = [curve for curve in curves if curve.kind == kind]
        if own:
            place = f"3.{number}{'' if whose == 'federated' else 'c'}"
            found.append(_curve_figure(own, place, f"{title} ({whose} model)", x_label, y_label))
    return found


def _curve_figure(curves: Sequence[Curve], number: str, title: str, x_label: str, y_label: str) -> Figure:
    is_group = curves[0].kind == "calibration"
    kept = {c.name: [(x, y, n) for x, y, n in c.points if not is_group or n >= SMALL] for c in curves}
    values = [value for points in kept.values() for x, y, _ in points for value in (x, y)] or [0.0, 1.0]
    span = Axis.over(values, x_label)
    chart = Chart(span, Axis(span.low, span.high, span.ticks, y_label))
    chart.segment((span.low, span.low), (span.high, span.high), "ideal")
    legend = []
    for place, (name, points) in enumerate(kept.items()):
        style, shape = _STYLES[place % len(_STYLES)], MARKERS[place % len(MARKERS)]
        thin = points[:: max(1, len(points) // 400)] + points[-1:]
        chart.line([(x, y) for x, y, _ in thin], style)
        if is_group:
            chart.marks([(x, y) for x, y, _ in points], shape, style)
        legend.append((key(shape if is_group else "", style, line=True), clean(name)))
    shows = (
        "On the dotted diagonal the outcome is on average as predicted; each point is a tenth of the test rows."
        if is_group
        else "On the dotted diagonal a class is found no better than by chance."
    )
    lines = [
        (clean(name), f"{x:.3g}", f"{y:.3g}", *([count(n)] if is_group else []))
        for name, points in kept.items()
        for x, y, n in (points if is_group else points[:: max(1, len(points) // 20)])
    ]
    head = ("Curve", x_label.capitalize(), y_label.capitalize(), *(["Test rows"] if is_group else []))
    note = f"Groups of {blocks.TOO_FEW} rows are left out." if is_group else ""
    return Figure(number, title, shows, chart, tuple(legend), limited(title, head, lines, "result.json", note))


def _data(facts: Facts, outcome: Outcome) -> Table | None:
    """Rows by hospital and split, and by class, without small counts; None where the run did not record them."""
    each = facts.other.by_hospital
    if len(each) != len(facts.names):
        return None
    try:
        of_parts = np.array([[int(item[f"{part}rows"]) for part in _PARTS] for item in each], dtype=np.int64)
        of_classes = np.array([[int(n) for n in item["classes"]] for item in each], dtype=np.int64)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise StorageError("result.json is damaged: by_hospital", hint="restore it from a backup") from None
    of_classes = of_classes.reshape(len(each), -1)
    if of_classes.shape[1] != len(outcome.classes):
        raise StorageError("result.json is damaged: by_hospital.classes", hint="restore it from a backup")
    lines = []
    few = small_counts.hidden(np.vstack([of_parts.sum(axis=0), of_parts]))
    out = small_counts.hidden(np.vstack([of_classes.sum(axis=0), of_classes]))[1:] | few[1:, :1]
    for place, name in enumerate(facts.names):
        cells = ["not shown" if few[place + 1][k] else count(int(n)) for k, n in enumerate(of_parts[place])]
        cells += ["not shown" if out[place][k] else count(int(n)) for k, n in enumerate(of_classes[place])]
        lines.append((name, *cells))
    names = facts.study.data.classes if outcome.classes else ()
    head = ("Hospital", "Rows", "Training rows", "Validation rows", "Test rows", *(clean(f"Rows: {n}") for n in names))
    note = (
        f"Counts of {blocks.TOO_FEW} rows, and those from which they would follow, are not shown."
        if few.any() or out.any()
        else ""
    )
    return limited("Rows by hospital", head, lines, "result.json", note)
