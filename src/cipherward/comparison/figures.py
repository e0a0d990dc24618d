"""The figures of a comparison: AUROC over rounds, each hospital, AUROC against time, time and traffic by scheme."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from cipherward.comparison.arms import ARMS, CENTRALISED, EXACT, LOCAL, PROTECTED, UNPROTECTED
from cipherward.comparison.records import Arm, Comparison, Estimate, Seconds
from cipherward.report import figures
from cipherward.report.blocks import Figure, count, limited, seconds, size
from cipherward.report.costs import PHASES, phase_keys
from cipherward.report.figures import Scored, Way, level, rows_of
from cipherward.report.svg import Axis, Chart, key

Style = tuple[str, str]
"""Marker and CSS classes."""

_OTHERS: Sequence[Style] = (("cross", "h8 dash-a"), ("ring", "h9 dash-d"), ("plus", "h4 dash-b"), ("down", "h7 dash-c"))


def style_of(name: str) -> Style:
    """How an arm or scheme is drawn, the same in every figure."""
    return ARMS[name].style if name in ARMS else _OTHERS[sum(name.encode()) % len(_OTHERS)]


def way_of(arm: Arm, rounds: int) -> Way:
    """How figures draw an arm: AUROC of each seed, and mean seconds, by training rounds done, where they were measured."""
    found: dict[int, list[float]] = {}
    for seed in arm.seeds:
        values = seed.auroc_by_round or ()
        first = 0 if len(values) > rounds else 1
        for n, value in enumerate(values, start=first):
            if value is not None:
                found.setdefault(n, []).append(value)
    took: dict[int, list[float]] = {}
    for seed in arm.seeds:
        for n, spent in enumerate(seed.seconds_by_round or (), start=1):
            took.setdefault(n, []).append(spent)
    means = {n: mean for n, spent in took.items() if (mean := statistics.fmean(spent)) > 0}
    shape, style = style_of(arm.name)
    layer = ARMS[arm.name].layer if arm.name in ARMS else 2
    return Way(arm.label, shape, style, found, means, layer, marked=arm.name != UNPROTECTED)


def federated_arm(c: Comparison) -> Arm | None:
    """The federated arm that a page speaks of: the best protected that has run, of those without noise."""
    return next((arm for name in EXACT if (arm := c.arm(name))), None)


def auroc(c: Comparison) -> Figure | None:
    """AUROC over rounds, mean and band over seeds; None where no arm measured it."""
    names = {arm.name for arm in c.arms}
    # Schemes that open the same sums as plain would lie on its line.
    kept = [
        arm
        for arm in c.arms
        if arm.privacy or arm.name in (CENTRALISED, UNPROTECTED, PROTECTED) or UNPROTECTED not in names
    ]
    ways = [way for way in (way_of(arm, c.rounds) for arm in kept) if way.auroc]
    if not ways:
        return None
    both = federated_arm(c) and CENTRALISED in names
    against = ", federated against centralised" if both else ", by way to train" if len(ways) > 1 else ""
    return figures.by_round(ways, _auroc_in_words(c, ways), "comparison.json", against=against)


def _auroc_in_words(c: Comparison, ways: Sequence[Way]) -> str:
    arm = federated_arm(c)
    if arm is None:
        return f"Means over seeds: {'; '.join(way.name for way in ways)}."
    gap = arm.difference_to_centralised if c.arm(CENTRALISED) else None
    model = f"the federated model (scheme {arm.scheme})"
    return figures.reached(c.rounds, model, interval(arm.metrics["auroc"]), gap.mean if gap else None)


def not_drawn(c: Comparison) -> list[str]:
    """Arms that figure 1 leaves out because the line of the unprotected one is theirs."""
    return [arm.name for arm in c.arms if arm.name in EXACT[1:-1] and c.arm(UNPROTECTED)]


def hospitals(c: Comparison) -> Figure | None:
    """Each hospital's own model against the shared ones on the pooled test rows; None where there are none."""
    own = [scored(item.hospital, item.local) for item in c.hospitals_alone if item.local]
    first = c.hospitals_alone[0] if own and c.arm(LOCAL) else None
    if first is None or first.federated is None:
        return None
    pooled = scored(CENTRALISED, first.centralised) if first.centralised and c.arm(CENTRALISED) else None
    return figures.alone(own, scored("federated", first.federated), pooled, count(c.n_test_rows), "comparison.json")


def against_time(c: Comparison) -> Figure | None:
    """AUROC after a round against the seconds it took, one point per round and scheme, means over seeds."""
    timed = {arm.name: way for arm in c.arms if arm.scheme and (way := way_of(arm, c.rounds)).timed}
    if not timed:
        return None
    means = {name: statistics.fmean(t for _, t, _ in way.timed) for name, way in timed.items()}
    order = sorted((mean, short_name(arm)) for arm in c.arms if (mean := means.get(arm.name)))
    (least, fast), (most, slow) = order[0], order[-1]
    took = (
        f"takes from {seconds(least)} ({fast}) to {seconds(most)} ({slow})"
        if len(order) > 1
        else f"takes {seconds(least)}"
    )
    shows = (
        f"One point per round{' and way to train' if len(order) > 1 else ''}, all parties one after the other, means over seeds: "
        f"a round {took}. Further up is more accurate, further left is faster."
    )
    return figures.against_time(list(timed.values()), shows, "comparison.json")


def time(c: Comparison) -> Figure | None:
    """Seconds of a training round by phase, one bar per scheme."""
    timed = [(arm, arm.seconds_per_round) for arm in c.arms if arm.seconds_per_round]
    if not timed:
        return None
    x = Axis.over([max(t.mean, sum(t.by_phase.values())) for _, t in timed], "seconds per round", zero=True)
    chart = rows_of([f"{short_name(arm)}: {seconds(t.mean)}" for arm, t in timed], x, 56)
    for place, (_, spent) in enumerate(timed):
        _stack(chart, place, spent)
    order = sorted((t.mean, short_name(arm)) for arm, t in timed)
    took = f"from {seconds(order[0][0])} ({order[0][1]}) to {seconds(order[-1][0])} ({order[-1][1]})"
    shows = (
        f"A round takes {took if len(order) > 1 else seconds(order[0][0])}: all parties one after "
        "the other, means over rounds and seeds. Bars stack the phases in the order of the legend, from the left."
    )
    head = ("Way to train", "A round", *(text.capitalize() for text in PHASES.values()))
    rows = [
        (arm.label, seconds(t.mean), *(seconds(t.by_phase.get(phase, 0.0)) for phase in PHASES)) for arm, t in timed
    ]
    table = limited("Seconds per round by phase, all parties together", head, rows, "comparison.json")
    rest = (key("box", "rest"), "the rest: messages, ledger, start-up")
    return Figure("7.1", "Time of a round by phase and scheme", shows, chart, (*phase_keys(), rest), table)


def _stack(chart: Chart, place: int, spent: Seconds) -> None:
    """One bar of phases, and what the clock shows and no phase accounts for."""
    parts = [(f"p{k} fill", spent.by_phase.get(phase, 0.0)) for k, phase in enumerate(PHASES, start=1)]
    floor = 0.0
    for style, width in (*parts, ("rest", spent.mean - sum(width for _, width in parts))):
        if width > 0:
            chart.box((floor, level(place) + 0.17), (floor + width, level(place) - 0.17), style)
            floor += width


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
    return Figure("7.2", title, shows, chart, legend, table)


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


def scored(name: str, found: Estimate) -> Scored:
    return Scored(name, found.mean, found.low, found.high)


def interval(found: Estimate) -> str:
    """An estimate with its interval."""
    return str(scored("", found))
