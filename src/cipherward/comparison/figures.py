"""The figures of a comparison: accuracy over rounds, each hospital, accuracy against time, time and traffic by scheme."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence

from cipherward.comparison.records import Arm, Comparison, Estimate, Seconds
from cipherward.report.blocks import SHOWN_HOSPITALS, Cell, Figure, count, limited, score, seconds, size
from cipherward.report.blocks import with_interval as both
from cipherward.report.charts import MIN_SPAN, few, level, look_closer, ranked, rows_of
from cipherward.report.costs import PHASES
from cipherward.report.svg import Axis, Chart, key

CENTRALISED, QUORUM, PLAIN = "centralised", "quorum", "plain"

Style = tuple[str, str]
"""Marker and CSS classes: arms differ in marker and dash, never in colour alone."""

_STYLES: Mapping[str, Style] = {
    QUORUM: ("circle", "fed"),
    CENTRALISED: ("square", "cen"),
    PLAIN: ("triangle", "loc broad"),
    "masks": ("diamond", "h8 dash-b"),
    "ckks": ("plus", "h9 dash-c"),
    "dp-8": ("down", "h4 dash-a"),
    "dp-3": ("cross", "h5 dash-b"),
    "dp-1": ("ring", "h6 dash-c"),
    "quorum-dp": ("diamond", "h7 dash-d"),
    "local-only": ("triangle", "loc"),
}
_OTHERS: Sequence[Style] = (("cross", "h8 dash-a"), ("ring", "h9 dash-d"), ("plus", "h4 dash-b"), ("down", "h7 dash-c"))
_AUROC = "AUROC, pooled test rows"


def style_of(name: str) -> Style:
    """How an arm or scheme is drawn, the same in every figure."""
    return _STYLES.get(name) or _OTHERS[sum(name.encode()) % len(_OTHERS)]


def by_round(arm: Arm, rounds: int) -> dict[int, tuple[float, ...]]:
    """AUROC over seeds by training rounds done, where it was measured."""
    found: dict[int, list[float]] = {}
    for seed in arm.seeds:
        values = seed.auroc_by_round or ()
        first = 0 if len(values) > rounds else 1
        for n, value in enumerate(values, start=first):
            if value is not None:
                found.setdefault(n, []).append(value)
    return {n: tuple(values) for n, values in sorted(found.items())}


def accuracy(c: Comparison) -> Figure | None:
    """AUROC over rounds, mean and band over seeds; None where no arm measured it."""
    arms = [arm for arm in c.arms if arm.name in (CENTRALISED, PLAIN, QUORUM) or arm.privacy]
    arms = [arm for arm in _drawing_order(arms) if by_round(arm, c.rounds)]
    if not arms:
        return None
    curves = {arm.name: by_round(arm, c.rounds) for arm in arms}
    every = [(n, value) for curve in curves.values() for n, values in curve.items() for value in values]
    trained = [value for n, value in every if n > 0] or [value for _, value in every]
    low, left_out = look_closer([value for n, value in every if n == 0], trained)
    inside = [*trained, *(value for n, value in every if n == 0 and value not in left_out)]
    x = Axis.over([0, *(n for n, _ in every)], "training rounds done", count=8, whole=True, zero=True)
    chart = Chart(x, Axis.over([low, *inside], _AUROC, least=MIN_SPAN), height=400)
    for arm in arms:
        shown = {n: values for n, values in curves[arm.name].items() if min(values) >= chart.y.low}
        if len(arm.seeds) > 1:
            top, floor = [(n, max(v)) for n, v in shown.items()], [(n, min(v)) for n, v in shown.items()]
            chart.area(top, floor, f"band seeds {style_of(arm.name)[1]}")
    for arm in arms:
        shape, style = style_of(arm.name)
        points = [(float(n), _mean(v)) for n, v in curves[arm.name].items() if min(v) >= chart.y.low]
        chart.line(points, style)
        if len(points) <= 60 and arm.name != PLAIN:
            chart.marks(points, shape, style)
    shows = _accuracy_in_words(c)
    if left_out:
        shows += f" The untrained model ({min(left_out):.3f} to {max(left_out):.3f}) lies below the picture."
    listed = [arm for arm in c.arms if arm.name in curves]
    rounds = sorted({n for n, _ in every})
    rows = [(str(n), *(_spread(curves[arm.name].get(n)) for arm in listed)) for n in rounds]
    head = ("Rounds done", *(arm.label for arm in listed))
    caption = "AUROC on the pooled test rows, mean over seeds (smallest to largest), by rounds done"
    legend = [
        (key("" if arm.name == PLAIN else style_of(arm.name)[0], style_of(arm.name)[1], line=True), arm.label)
        for arm in listed
    ]
    if len(c.seeds) > 1:
        legend.append((key("box", "band"), f"smallest to largest of {len(c.seeds)} seeds"))
    title = "Accuracy over rounds, federated against centralised"
    table = limited(caption, head, rows, "comparison.json")
    return Figure("1", title, shows, chart.svg("figure-1", title, shows), tuple(legend), table)


def _accuracy_in_words(c: Comparison) -> str:
    federated, pooled = c.arm(QUORUM), c.arm(CENTRALISED)
    if federated is None:
        return "The lines are means over seeds; the federated arm with scheme quorum has not run."
    auroc = federated.metrics["auroc"]
    rounds = f"{c.rounds} round{'s' if c.rounds != 1 else ''}"
    text = f"After {rounds} the federated model (scheme quorum) reaches an AUROC of {interval(auroc)}"
    gap = federated.difference_to_centralised
    if pooled is None or gap is None:
        return text + "."
    way = "as good as" if abs(gap.mean) < 0.0005 else f"{abs(gap.mean):.3f} {'above' if gap.mean > 0 else 'below'}"
    return f"{text}, {way} the model trained on all rows in one place ({pooled.metrics['auroc'].mean:.3f})."


def hospitals(c: Comparison) -> Figure | None:
    """Each hospital's own model against the shared ones on the pooled test rows; None where there are none."""
    found = [item for item in c.hospitals_alone if item.local]
    shared = c.hospitals_alone[0] if found else None
    if shared is None or shared.federated is None or shared.centralised is None:
        return None
    lines = (("federated", "fed", shared.federated), ("centralised", "cen", shared.centralised))
    order = sorted(((item, item.local) for item in found if item.local), key=lambda pair: -pair[1].mean)
    values = [v for e in (*(own for _, own in order), *(e for *_, e in lines)) for v in (e.mean, e.low, e.high)]
    if len(order) <= SHOWN_HOSPITALS:
        chart = rows_of([item.hospital for item, _ in order], Axis.over(values, _AUROC), 50)
        low, high, top, floor = shared.federated.low, shared.federated.high, chart.y.high, chart.y.low
        chart.area([(low, floor), (low, top)], [(high, floor), (high, top)], "band")
        for place, (_, own) in enumerate(order):
            chart.segment((own.low, level(place)), (own.high, level(place)), "loc thin")
            chart.marks([(own.mean, level(place))], "triangle", "loc")
        for _, style, e in lines:
            chart.segment((e.mean, chart.y.low), (e.mean, chart.y.high), style)
    else:
        chart = ranked(len(order), Axis.over(values, _AUROC))
        chart.marks([(rank, own.mean) for rank, (_, own) in enumerate(order, start=1)], "triangle", "loc", 3)
        for _, style, e in lines:
            chart.segment((chart.x.low, e.mean), (chart.x.high, e.mean), style)
    better = sum(own.mean < shared.federated.mean for _, own in order)
    lowest, highest = order[-1][1].mean, order[0][1].mean
    shows = (
        f"On the same {count(c.n_test_rows)} pooled test rows the federated model does better than the model that a hospital "
        f"trains alone for {better} of {len(order)} hospitals; alone they reach {lowest:.3f} to {highest:.3f}. Bars, "
        "and the band of the federated model, are 95 % intervals. Simulation only: a deployed coordinator has no figures of a single hospital."
    )
    rows = [(name, "all", interval(e)) for name, _, e in lines]
    rows += [(f"{item.hospital}, alone", few(item.n_test), interval(own)) for item, own in order]
    head = ("Model", "Test rows of the hospital itself", "AUROC (95 % interval)")
    table = limited("AUROC of each model on the pooled test rows, means over seeds", head, rows, "comparison.json")
    legend = (
        (key("triangle", "loc", line=len(order) <= SHOWN_HOSPITALS), "a hospital alone"),
        *((key("", style, line=True), f"{name} ({e.mean:.3f})") for name, style, e in lines),
    )
    title = "What each hospital would have reached alone"
    return Figure("2.1", title, shows, chart.svg("figure-2-1", title, shows), legend, table)


def against_time(c: Comparison) -> Figure | None:
    """AUROC after a round against the seconds it took, one point per round and scheme, means over seeds."""
    points: dict[str, list[tuple[int, float, float]]] = {}
    for arm in c.arms:
        took = [seed.seconds_by_round for seed in arm.seeds if seed.seconds_by_round]
        for n, values in by_round(arm, c.rounds).items():
            spent = [some[n - 1] for some in took if 0 < n <= len(some)]
            if arm.scheme and spent and _mean(spent) > 0:
                points.setdefault(arm.name, []).append((n, _mean(spent), _mean(values)))
    if not points:
        return None
    every = [point for some in points.values() for point in some]
    label = "seconds per round (log scale)"
    x = Axis.log([t for _, t, _ in every], label)
    chart = Chart(x, Axis.over([a for _, _, a in every], "AUROC after the round", least=MIN_SPAN), height=400)
    for arm in _drawing_order([arm for arm in c.arms if arm.name in points]):
        shape, style = style_of(arm.name)
        chart.marks([(t, a) for _, t, a in points[arm.name]], shape, style, 5)
    means = {name: _mean(t for _, t, _ in some) for name, some in points.items()}
    fast, slow = (c.arm(pick(means, key=lambda name: means[name])) for pick in (min, max))
    shows = "One point per round and way to train, all parties one after the other, means over seeds"
    if fast and slow:
        shows += f": a round takes from {seconds(means[fast.name])} ({short_name(fast)}) to {seconds(means[slow.name])} ({short_name(slow)})"
    if QUORUM in means:
        shows += f", with scheme quorum {seconds(means[QUORUM])}"
    shows += ". Further up is more accurate, further left is faster."
    head = ("Way to train", "Round", "Seconds", "AUROC after the round")
    rows: list[tuple[Cell, ...]] = [
        (arm.label, str(n), seconds(t), score(a)) for arm in c.arms for n, t, a in points.get(arm.name, ())
    ]
    table = limited("Seconds and AUROC by scheme and round, means over seeds", head, rows, "comparison.json")
    legend = tuple((key(*style_of(arm.name)), arm.label) for arm in c.arms if arm.name in points)
    title = "Accuracy against processing time, one point per round and scheme"
    return Figure("4", title, shows, chart.svg("figure-4", title, shows), legend, table)


def time(c: Comparison) -> Figure | None:
    """Seconds of a training round by phase, one bar per scheme."""
    timed = [(arm, arm.seconds_per_round) for arm in c.arms if arm.seconds_per_round]
    if not timed:
        return None
    x = Axis.over([max(t.mean, sum(t.by_phase.values())) for _, t in timed if t], "seconds per round", zero=True)
    chart = rows_of([f"{short_name(arm)}: {seconds(t.mean)}" for arm, t in timed if t], x, 56)
    for place, (_, spent) in enumerate(timed):
        floor = 0.0
        for k, phase in enumerate(PHASES, start=1):
            width = spent.by_phase.get(phase, 0.0) if spent else 0.0
            if width:
                chart.box((floor, level(place) + 0.17), (floor + width, level(place) - 0.17), f"p{k} fill")
            floor += width
        rest = _rest(spent) if spent else 0.0
        if rest > 0:
            chart.box((floor, level(place) + 0.17), (floor + rest, level(place) - 0.17), "rest")
    order = sorted((t.mean, short_name(arm)) for arm, t in timed if t)
    shows = (
        f"A round takes from {seconds(order[0][0])} ({order[0][1]}) to {seconds(order[-1][0])} ({order[-1][1]}): all parties one after "
        "the other, means over rounds and seeds. Bars stack the phases in the order of the legend, from the left."
    )
    head = ("Way to train", "A round", *(text.capitalize() for text in PHASES.values()))
    rows = [
        (arm.label, seconds(t.mean), *(seconds(t.by_phase.get(phase, 0.0)) for phase in PHASES))
        for arm, t in timed
        if t
    ]
    table = limited("Seconds per round by phase, all parties together", head, rows, "comparison.json")
    legend = (
        *((key("box", f"p{k} fill"), text) for k, text in enumerate(PHASES.values(), start=1)),
        (key("box", "rest"), "the rest: messages, ledger, start-up"),
    )
    title = "Time of a round by phase and scheme"
    return Figure("6.1", title, shows, chart.svg("figure-6-1", title, shows), legend, table)


def _rest(spent: Seconds) -> float:
    """What the clock shows and no phase accounts for."""
    return max(spent.mean - sum(spent.by_phase.get(phase, 0.0) for phase in PHASES), 0.0)


def traffic(c: Comparison) -> Figure | None:
    """Bytes that a hospital sends and receives in a round, by scheme, beside the plain model as float32."""
    sent = [(arm, arm.bytes_up_per_hospital_round, arm.bytes_down_per_hospital_round) for arm in c.arms]
    known = [(arm, up, down) for arm, up, down in sent if up and down]
    if not known:
        return None
    plain = 4.0 * c.n_parameters
    both_ways = [v for _, up, down in known for v in (up, down)]
    x = Axis.log([plain, *both_ways], "per hospital and round (log scale)", tick_size)
    chart = rows_of([short_name(arm) for arm, _, _ in known], x, 50)
    for place, (_, up, down) in enumerate(known):
        chart.segment((x.low, level(place)), (max(up, down), level(place)), "ideal")
        chart.marks([(down, level(place))], "square", "cen")
        chart.marks([(up, level(place))], "circle", "fed")
    chart.segment((plain, chart.y.low), (plain, chart.y.high), "best dash-b")
    less, more = (pick(known, key=lambda row: row[1]) for pick in (min, max))
    shows = (
        f"In a round a hospital sends from {size(less[1])} ({short_name(less[0])}) to {size(more[1])} ({short_name(more[0])}); the {count(c.n_parameters)} "
        f"parameters alone take {size(plain)} as float32."
    )
    table = limited(
        "Bytes per hospital and round, mean over hospitals, rounds and seeds (all messages)",
        ("Way to train", "Sent", "Received", "Sent per parameter"),
        [(arm.label, size(up), size(down), f"{up / c.n_parameters:.2f}") for arm, up, down in known],
        "comparison.json",
    )
    legend = (
        (key("circle", "fed"), "sent"),
        (key("square", "cen"), "received"),
        (key("", "best dash-b", line=True), "the parameters as float32"),
    )
    title = "Traffic per hospital and round, by scheme"
    return Figure("6.2", title, shows, chart.svg("figure-6-2", title, shows), legend, table)


def short_name(arm: Arm) -> str:
    """A name that fits into a chart: what protects the arm."""
    name = arm.scheme or arm.name
    return f"{name} + DP, epsilon {arm.privacy.epsilon:g}" if arm.privacy else name


def tick_size(n_bytes: float) -> str:
    """A round number of bytes, as a tick's label."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= factor:
            return f"{n_bytes / factor:g} {unit}"
    return f"{n_bytes:g} B"


def interval(found: Estimate) -> str:
    """An estimate with its interval."""
    return both(found.mean, (found.low, found.high))


def _drawing_order(arms: Iterable[Arm]) -> list[Arm]:
    """The last one lies on top: quorum on the broad line of plain."""
    order = (PLAIN, CENTRALISED)
    return sorted(arms, key=lambda arm: (arm.name == QUORUM, arm.name not in order, arm.name))


def _mean(values: Iterable[float]) -> float:
    return statistics.fmean(values)


def _spread(values: Sequence[float] | None) -> str:
    if not values:
        return "–"
    text = f"{_mean(values):.3f}"
    return text if len(values) == 1 else f"{text} ({min(values):.3f} to {max(values):.3f})"
