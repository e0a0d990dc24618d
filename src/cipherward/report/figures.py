"""The figures that a run and a comparison share: AUROC by round, of each hospital alone, and against time."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from cipherward.report.blocks import SHOWN_HOSPITALS, Figure, Table, limited, score, seconds, with_interval
from cipherward.report.svg import Axis, Chart, Point, key

SIMULATED = "Simulation only: a deployed coordinator has no figures of a single hospital."
MIN_SPAN = 0.03
"""The least that an axis of AUROC spans."""

_MANY = 60
_MAX_NAME = 60
_LINEAR = 20
_EQUAL = 0.0005

Sample = tuple[Markup, str]


@dataclass(frozen=True)
class Way:
    """A way to train, as figures draw it. `auroc`: of each seed, by training rounds done; `seconds` of each round.

    Ways differ in marker or dash, never in colour alone; those of a higher `layer` lie on top.
    """

    name: str
    shape: str
    style: str
    auroc: Mapping[int, Sequence[float]]
    seconds: Mapping[int, float] = field(default_factory=dict)
    layer: int = 0
    marked: bool = True

    @property
    def timed(self) -> list[tuple[int, float, float]]:
        """(round, its seconds, the mean AUROC after it), where all are known."""
        return [(n, t, statistics.fmean(self.auroc[n])) for n, t in sorted(self.seconds.items()) if n in self.auroc]


@dataclass(frozen=True)
class Scored:
    """A model's AUROC with its 95 % interval."""

    name: str
    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return with_interval(self.mean, (self.low, self.high))


def plural(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' if n != 1 else ''}"


def beside(gap: float) -> str:
    """How a model stands beside another, from the difference of their AUROC."""
    return "as good as" if abs(gap) < _EQUAL else f"{abs(gap):.3f} {'above' if gap > 0 else 'below'}"


def reached(rounds: int, model: str, auroc: str, gap: float | None, how: str = "") -> str:
    """What a federated model reached. `gap`: to the model of all rows in one place; None where that was not trained. `how`: both were measured for it."""
    pooled = f", {beside(gap)} the model trained on all rows in one place{how}" if gap is not None else ""
    return f"After {plural(rounds, 'round')} {model} reaches an AUROC of {auroc}{pooled}."


def by_round(
    ways: Sequence[Way],
    shows: str,
    where: str,
    *,
    against: str = "",
    best: float | None = None,
    losses: Mapping[int, float | None] | None = None,
    metric: str = "AUROC",
) -> Figure:
    """AUROC, or another metric, over rounds, with a band over seeds. `best`: what no model exceeds; `where`: the file that has every row."""
    low, left_out = _look_closer(ways)
    every = [value for way in ways for values in way.auroc.values() for value in values if value >= low]
    x = Axis.over({0}.union(*(way.auroc for way in ways)), "training rounds done", count=8, whole=True, zero=True)
    y = Axis.over(
        [*every, *([best] if best is not None else [])], f"{metric}, pooled test rows", least=MIN_SPAN, most=1.0
    )
    chart = Chart(x, y, height=400 if len(ways) > 2 else 360)
    if best is not None:
        chart.segment((x.low, best), (x.high, best), "best")
    for draw in (_band, _line):
        for way in sorted(ways, key=lambda way: way.layer):
            draw(chart, way, low)
    if left_out:
        shows += f" The untrained model ({_from_to(left_out)}) lies below the picture."
    title = f"{_capital(metric)} over rounds{against}"
    return Figure("1", title, shows, chart, (*_legend(ways, best),), _rounds_table(ways, losses or {}, where, metric))


def _look_closer(ways: Sequence[Way]) -> tuple[float, list[float]]:
    """The lowest value to show, and untrained ones that would squeeze all others together."""
    untrained = [value for way in ways for value in way.auroc.get(0, ())]
    trained = [value for way in ways for n, values in way.auroc.items() for value in values if n > 0] or untrained
    lowest = min(trained) - 2 * max(max(trained) - min(trained), MIN_SPAN)
    return min(value for value in (*trained, *untrained) if value >= lowest), [v for v in untrained if v < lowest]


def _band(chart: Chart, way: Way, low: float) -> None:
    shown = {n: values for n, values in way.auroc.items() if min(values) >= low}
    if any(len(values) > 1 for values in shown.values()):
        upper, lower = [(n, max(v)) for n, v in shown.items()], [(n, min(v)) for n, v in shown.items()]
        chart.area(upper, lower, f"band seeds {way.style}")


def _line(chart: Chart, way: Way, low: float) -> None:
    points = [(float(n), statistics.fmean(v)) for n, v in sorted(way.auroc.items()) if min(v) >= low]
    chart.line(points, way.style)
    if way.marked and len(points) <= _MANY:
        chart.marks(points, way.shape, way.style)


def _legend(ways: Sequence[Way], best: float | None) -> Iterable[Sample]:
    for way in ways:
        yield key(way.shape if way.marked else "", way.style, line=True), way.name
    if best is not None:
        yield key("", "best", line=True), f"best possible on these synthetic patients ({best:.3f})"
    if (n_seeds := _n_seeds(ways)) > 1:
        yield key("box", "band"), f"smallest to largest of {n_seeds} seeds"


def _n_seeds(ways: Sequence[Way]) -> int:
    return max(len(values) for way in ways for values in way.auroc.values())


def _capital(metric: str) -> str:
    return metric[0].upper() + metric[1:]


def _rounds_table(ways: Sequence[Way], losses: Mapping[int, float | None], where: str, metric: str) -> Table:
    rounds = sorted({n for way in ways for n in way.auroc})
    head = ["Rounds done", *(way.name.capitalize() for way in ways), *(["Validation loss"] if losses else [])]
    rows = [
        [str(n), *(_spread(way.auroc.get(n)) for way in ways), *([score(losses.get(n), 4)] if losses else [])]
        for n in rounds
    ]
    of_seeds = ", mean over seeds (smallest to largest)" if _n_seeds(ways) > 1 else ""
    return limited(f"{_capital(metric)} on the pooled test rows{of_seeds}, by rounds done", head, rows, where)


def _spread(values: Sequence[float] | None) -> str:
    if not values:
        return "–"
    text = f"{statistics.fmean(values):.3f}"
    return text if len(values) == 1 else f"{text} ({min(values):.3f} to {max(values):.3f})"


def _from_to(values: Sequence[float]) -> str:
    low, high = f"{min(values):.3f}", f"{max(values):.3f}"
    return low if low == high else f"{low} to {high}"


def alone(
    hospitals: Sequence[Scored],
    federated: Scored,
    centralised: Scored | None,
    n_test: str,
    where: str,
    metric: str = "AUROC",
) -> Figure:
    """What each hospital would have reached alone, beside the shared models, on the same pooled test rows. Metrics other than AUROC
    are without intervals."""
    order = sorted(hospitals, key=lambda own: -own.mean)
    shared = [(federated, "fed"), *([(centralised, "cen")] if centralised else [])]
    named = len(order) <= SHOWN_HOSPITALS
    ends = [v for one in (*order, *(each for each, _ in shared)) for v in (one.mean, one.low, one.high)]
    x = Axis.over(ends, f"{metric}, pooled test rows", most=1.0)
    chart = _named(order, shared, x) if named else _in_order(order, shared, x.label)
    has_intervals = metric == "AUROC"
    better = sum(own.mean < federated.mean for own in order)
    shows = (
        f"On the same {n_test} pooled test rows the federated model does better than the model that a hospital trains alone "
        f"for {better} of {len(order)} hospitals; alone they reach {order[-1].mean:.3f} to {order[0].mean:.3f}. "
        f"{'Bars, and the band of the federated model, are 95 % intervals. ' if named and has_intervals else ''}{SIMULATED}"
    )
    rows = [(one.name, str(one)) for one, _ in shared] + [(f"{own.name}, alone", str(own)) for own in order]
    if not has_intervals:
        rows = [(one.name, f"{one.mean:.3f}") for one, _ in shared] + [
            (f"{o.name}, alone", f"{o.mean:.3f}") for o in order
        ]
    head = ("Model", f"{metric} (95 % interval)" if has_intervals else _capital(metric))
    table = limited(f"{_capital(metric)} on the pooled test rows, by model", head, rows, where)
    legend = (
        (key("triangle", "loc", line=named), "a hospital alone"),
        *((key("", style, line=True), f"{one.name} ({one.mean:.3f})") for one, style in shared),
    )
    return Figure("2.1", "What each hospital would have reached alone", shows, chart, legend, table)


def _named(order: Sequence[Scored], shared: Sequence[tuple[Scored, str]], x: Axis) -> Chart:
    chart = rows_of([own.name for own in order], x, 50)
    top, floor, federated = chart.y.high, chart.y.low, shared[0][0]
    chart.area([(federated.low, floor), (federated.low, top)], [(federated.high, floor), (federated.high, top)], "band")
    for place, own in enumerate(order):
        with_ends(chart, level(place), own.mean, (own.low, own.high), "triangle", "loc")
    for one, style in shared:
        chart.segment((one.mean, floor), (one.mean, top), style)
    return chart


def _in_order(order: Sequence[Scored], shared: Sequence[tuple[Scored, str]], label: str) -> Chart:
    means = [one.mean for one in (*order, *(each for each, _ in shared))]
    chart = ranked(len(order), Axis.over(means, label, most=1.0))
    chart.marks([(rank, own.mean) for rank, own in enumerate(order, start=1)], "triangle", "loc", 3)
    for one, style in shared:
        chart.segment((chart.x.low, one.mean), (chart.x.high, one.mean), style)
    return chart


def against_time(ways: Sequence[Way], shows: str, where: str) -> Figure:
    """AUROC after a round against the seconds that it took, one point per round and way."""
    every = [point for way in ways for point in way.timed]
    y = Axis.over([value for *_, value in every], "AUROC after the round", least=MIN_SPAN, most=1.0)
    chart = Chart(_seconds_axis([t for _, t, _ in every]), y, height=400 if len(ways) > 2 else 360)
    for way in sorted(ways, key=lambda way: way.layer):
        chart.marks([(t, value) for _, t, value in way.timed], way.shape, way.style, 5.5)
    if len(ways) == 1:
        _number(chart, every)
    named = len(ways) > 1
    rows = [
        (*([way.name] if named else []), str(n), seconds(t), score(value)) for way in ways for n, t, value in way.timed
    ]
    head = (*(["Way to train"] if named else []), "Round", "Seconds", "AUROC after the round")
    table = limited("Seconds and AUROC of each training round", head, rows, where)
    title = f"AUROC against processing time, one point per round{' and way to train' if named else ''}"
    return Figure("6", title, shows, chart, tuple((key(way.shape, way.style), way.name) for way in ways), table)


def _seconds_axis(times: Sequence[float]) -> Axis:
    """Logarithmic where rounds of some ways take many times as long as those of others."""
    if times and max(times) > _LINEAR * min(times):
        return Axis.log(times, "seconds for a round, all parties (log scale)")
    return Axis.over(times, "seconds for a round, all parties one after the other", zero=True)


def _number(chart: Chart, points: Sequence[tuple[int, float, float]]) -> None:
    """Write the number of a round beside its point, where there is room."""
    labelled: list[Point] = []
    for n, t, value in (*points[:1], *points[:0:-1]):
        left, top = chart.at(t, value)
        if all(abs(left - x) > 26 or abs(top - y) > 18 for x, y in labelled):
            chart.text((t, value), str(n), dx=8, dy=-6, style="small")
            labelled.append((left, top))


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


def with_ends(
    chart: Chart, height: float, value: float, ends: tuple[float, float], shape: str, style: str, more: str = ""
) -> None:
    """A mark and its interval, in a chart of `rows_of`."""
    chart.segment((ends[0], height), (ends[1], height), f"{style} thin {more}".rstrip())
    chart.marks([(value, height)], shape, style)


def ranked(n: int, y: Axis) -> Chart:
    """A chart of many hospitals in order, without their names."""
    return Chart(Axis.over([0, n], "hospitals, in order", count=8, whole=True, zero=True), y)
