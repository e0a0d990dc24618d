"""The report's figures of what a run cost and how far hospitals stood apart: time, traffic, distance."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from cipherward.report.blocks import SHOWN_HOSPITALS, Cell, Figure, limited, seconds, size
from cipherward.report.facts import Facts
from cipherward.report.figures import Sample
from cipherward.report.svg import MARKERS, Axis, Chart, key

PHASES = {
    "train": "local training",
    "encrypt": "encryption, dealing of shares",
    "add": "adding ciphertexts",
    "consent": "checks and consent",
    "release": "release of shares",
    "open": "opening the sum",
    "verify": "verification, next model",
    "evaluate": "evaluation",
}
_LINES = 8


def time(facts: Facts) -> Figure | None:
    """Seconds by phase and round, stacked; None where the run did not record them."""
    recorded = {n: line.simulation.seconds_by_phase for n, line in facts.rounds.items()}
    phases = {n: by_phase for n, by_phase in sorted(recorded.items()) if by_phase}
    trained = {n: by_phase for n, by_phase in phases.items() if facts.rounds[n].purpose == "train"}
    if not trained:
        return None
    tops = [sum(by_phase.values()) for by_phase in trained.values()]
    x = Axis.over([1, *trained], "training round", count=10, whole=True)
    x = Axis(x.low - 0.7, x.high + 0.7, x.ticks, x.label) if len(trained) > 1 else x
    chart = Chart(x, Axis.over(tops, "seconds, all parties", zero=True), grid="y")
    for n, by_phase in trained.items():
        floor = 0.0
        for k, phase in enumerate(PHASES, start=1):
            spent = by_phase.get(phase, 0.0)
            chart.box((n - 0.38, floor), (n + 0.38, floor + spent), f"p{k} fill")
            floor += spent
    total = {phase: sum(by.get(phase, 0.0) for by in trained.values()) for phase in PHASES}
    every = sum(total.values()) or 1.0
    first, second = sorted(total, key=lambda phase: -total[phase])[:2]
    shows = (
        f"A training round spends most time on {PHASES[first]} ({100 * total[first] / every:.0f} %) and on "
        f"{PHASES[second]} ({100 * total[second] / every:.0f} %); hospitals that work side by side would need less. Bars stack the phases in the order of the legend, from below."
    )
    head = ("Sum", *(text.capitalize() for text in PHASES.values()), "Wall clock")
    rows = [
        (
            label(facts, n),
            *(seconds(by.get(phase, 0.0)) for phase in PHASES),
            seconds(facts.rounds[n].seconds or 0.0),
        )
        for n, by in phases.items()
    ]
    note = "The first sum of a process includes the one-off compilation of numerical kernels."
    table = limited("Seconds by sum and phase, all parties together", head, rows, "rounds.jsonl", note)
    title = "Time by phase and round"
    return Figure("7.1", title, shows, chart, phase_keys(), table)


def phase_keys() -> tuple[Sample, ...]:
    """The legend of stacked phases."""
    return tuple((key("box", f"p{k} fill"), text) for k, text in enumerate(PHASES.values(), start=1))


def traffic(facts: Facts) -> Figure | None:
    """Mean bytes per hospital, up and down, by sum."""
    sums = {n: (_mean(line.bytes_up), _mean(line.bytes_down)) for n, line in sorted(facts.rounds.items())}
    if not sums:
        return None
    unit, factor = next((u, f) for u, f in (("MB", 1e6), ("kB", 1e3)) if u == "kB" or max(map(max, sums.values())) >= f)
    y = Axis.over([v / factor for pair in sums.values() for v in pair], f"{unit} per hospital", zero=True)
    chart = Chart(
        Axis.over(
            [0, *sums], "sum (0: statistics; then rounds; last: final evaluation)", count=8, whole=True, zero=True
        ),
        y,
    )
    series = (("sent", 0, "circle", "fed"), ("received", 1, "square", "cen"))
    for _, which, shape, style in series:
        points = [(float(n), pair[which] / factor) for n, pair in sums.items()]
        chart.line(points, style)
        if len(points) <= 60:
            chart.marks(points, shape, style)
    up, down = (sum(pair[k] for pair in sums.values()) / len(sums) for k in (0, 1))
    shows = f"Per sum a hospital sends {size(up)} and receives {size(down)} on average."
    table = limited(
        "Bytes per hospital and sum, mean over hospitals (all messages)",
        ("Sum", "Sent", "Received"),
        [(label(facts, n), size(a), size(b)) for n, (a, b) in sums.items()],
        "rounds.jsonl",
    )
    legend = tuple((key(shape, style, line=True), name) for name, _, shape, style in series)
    title = "Traffic per hospital and sum"
    return Figure("7.2", title, shows, chart, legend, table)


def distance(facts: Facts) -> Figure | None:
    """How far each hospital's local training moves away from the shared model, by round."""
    found = {n: line.simulation.local_distance for n, line in facts.rounds.items()}
    rounds = {n: by for n, by in sorted(found.items()) if by}
    if not rounds:
        return None
    each = len(facts.names) <= _LINES
    chart, legend = _each_distance(facts.names, rounds) if each else _spread_of_distance(rounds)
    middle = {n: statistics.median(by.values()) for n, by in rounds.items()}
    first, last = min(rounds), max(rounds)
    way = "falls" if middle[last] < middle[first] else "grows"
    shows = (
        f"The distance between a hospital's locally trained model and the shared one it starts from {way} from "
        f"{middle[first]:.3g} in round {first} to {middle[last]:.3g} in round {last} (median hospital). "
        "Simulation only: in a deployment this number stays in the hospital."
    )
    summary = ("Smallest", "Median", "Largest")
    named = facts.names if len(facts.names) <= SHOWN_HOSPITALS else ()
    rows: list[tuple[Cell, ...]] = [
        (
            str(n),
            *(f"{value:.4g}" for value in (min(by.values()), middle[n], max(by.values()))),
            *(f"{by[k]:.4g}" if k in by else "–" for k in range(1, len(named) + 1)),
        )
        for n, by in rounds.items()
    ]
    caption = "L2 distance between local and shared model by round"
    table = limited(caption, ("Round", *summary, *named), rows, "rounds.jsonl")
    title = "Distance between local and global model by round"
    return Figure("8", title, shows, chart, tuple(legend), table)


_Distances = Mapping[int, Mapping[int, float]]
"""By round, by hospital."""


def _distance_chart(rounds: _Distances) -> Chart:
    x = Axis.over([1, *rounds], "training round", count=8, whole=True)
    return Chart(x, Axis.over([v for by in rounds.values() for v in by.values()], "distance (L2)", zero=True))


def _each_distance(names: Sequence[str], rounds: _Distances) -> tuple[Chart, list[Sample]]:
    chart, legend = _distance_chart(rounds), []
    for index, (name, shape) in enumerate(zip(names, MARKERS, strict=False), start=1):
        points = [(float(n), by[index]) for n, by in rounds.items() if index in by]
        chart.line(points, f"h{index}")
        chart.marks(points if len(points) <= 40 else points[-1:], shape, f"h{index}", 4.5)
        legend.append((key(shape, f"h{index}", line=True), name))
    return chart, legend


def _spread_of_distance(rounds: _Distances) -> tuple[Chart, list[Sample]]:
    chart = _distance_chart(rounds)
    spans = {n: tuple(by.values()) for n, by in rounds.items()}
    chart.area([(n, max(v)) for n, v in spans.items()], [(n, min(v)) for n, v in spans.items()], "band")
    chart.line([(float(n), statistics.median(v)) for n, v in spans.items()], "fed")
    return chart, [(key("", "fed", line=True), "median hospital"), (key("box", "band"), "smallest to largest")]


def label(facts: Facts, n: int) -> str:
    """How a sum is called for people."""
    purpose = facts.rounds[n].purpose if n in facts.rounds else _purpose(facts, n)
    names = {
        "ranges": "ranges",
        "statistics": "statistics",
        "imputation": "missing numbers",
        "evaluate": "final evaluation",
        "subgroup_sizes": "hospitals by subgroup",
        "subgroups": "subgroups",
    }
    return names.get(purpose, f"round {n}")


def _purpose(facts: Facts, n: int) -> str:
    return next((item.purpose for item in facts.sums if item.round == n), "")


def _mean(by_hospital: Mapping[str, int]) -> float:
    return sum(by_hospital.values()) / len(by_hospital) if by_hospital else 0.0
