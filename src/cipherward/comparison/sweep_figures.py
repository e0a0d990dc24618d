"""The figures of the size sweep and of the shift run."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

from cipherward.comparison.figures import style_of
from cipherward.comparison.records import Shift, ShiftPoint, Size, Sizes
from cipherward.report.blocks import Figure, Table, count, limited, score, seconds, size
from cipherward.report.costs import PHASES
from cipherward.report.figures import MIN_SPAN
from cipherward.report.svg import Axis, Chart, key

_PER_HOSPITAL = ("encrypt", "add", "consent", "release", "verify")


def time(s: Sizes) -> Figure | None:
    """Seconds of one secure sum against the number of parameters."""
    found = {name: [(row.n_parameters, whole(s, row)) for row in rows] for name, rows in _by_scheme(s).items()}
    label = "seconds per sum"
    slowest = max(found, key=lambda name: found[name][-1][1], default="")
    if not slowest:
        return None
    n = found[slowest][-1][0]
    largest = {name: dict(points).get(n) for name, points in found.items()}
    said = ", ".join(f"{name} {seconds(t)}" for name, t in largest.items() if t is not None)
    shows = f"The cryptography of one sum of {count(n)} parameters takes: {said} (all {s.n_hospitals} hospitals and the coordinator, one after the other; training is not counted)."
    head = ("Scheme and parameters", "One sum", *(PHASES.get(p, p).capitalize() for p in (*_PER_HOSPITAL, "open")))
    rows = [
        (
            f"{row.scheme}, {count(row.n_parameters)}",
            _short(whole(s, row)),
            *(_short(row.seconds.get(phase, 0.0)) for phase in (*_PER_HOSPITAL, "open")),
        )
        for rows in _by_scheme(s).values()
        for row in rows
    ]
    note = "Phases are medians: per hospital (adding: per update), opening once."
    table = limited("Time of a secure sum by scheme and number of parameters", head, rows, "sizes.json", note)
    return _curves(
        "7.3", "Time of a secure sum against the size of the model", label, "{:g}".format, found, shows, table
    )


def bytes_up(s: Sizes) -> Figure | None:
    """Bytes per parameter that one hospital sends, against the number of parameters, beside plain float32."""
    found = {
        name: [(row.n_parameters, row.bytes_up_per_parameter) for row in rows] for name, rows in _by_scheme(s).items()
    }
    if not found:
        return None
    shows = (
        " ".join((*_break_even(s), *_ratio(s)))
        or "Bytes that one hospital sends for one sum, over the number of parameters."
    )
    head = ("Scheme and parameters", "Sent", "Received", "Sent, bytes per parameter")
    rows = [
        (
            f"{row.scheme}, {count(row.n_parameters)}",
            size(row.bytes_up_per_hospital),
            size(row.bytes_down_per_hospital),
            f"{row.bytes_up_per_parameter:.2f}",
        )
        for rows in _by_scheme(s).values()
        for row in rows
    ]
    caption = "Bytes per hospital for one sum, by scheme and number of parameters"
    table = limited(caption, head, rows, "sizes.json")
    spans = sorted({row.n_parameters for row in s.rows})
    float32 = [(n, s.float32_bytes_per_parameter) for n in (spans[0], spans[-1])]
    title = "What a hospital sends per parameter, against the size of the model"
    return _curves("7.4", title, "bytes per parameter", "{:g}".format, found, shows, table, float32)


def _curves(
    number: str,
    title: str,
    label: str,
    names: Callable[[float], str],
    found: Mapping[str, Sequence[tuple[int, float]]],
    shows: str,
    table: Table,
    float32: Sequence[tuple[int, float]] = (),
) -> Figure:
    values = [value for points in found.values() for _, value in points if value > 0]
    x = Axis.log([n for points in found.values() for n, _ in points], "parameters (log scale)", _amount)
    y = Axis.log([*values, *(v for _, v in float32)], f"{label} (log scale)", names)
    chart = Chart(x, y, height=400)
    if float32:
        chart.line([(float(n), v) for n, v in float32], "best")
    for name, points in found.items():
        shape, style = style_of(name)
        shown = [(float(n), value) for n, value in points if value > 0]
        chart.line(shown, style)
        chart.marks(shown, shape, style)
    legend = [(key(*style_of(name), line=True), f"scheme {name}") for name in found]
    if float32:
        legend.append((key("", "best", line=True), "the parameters as float32, unencrypted"))
    return Figure(number, title, shows, chart, tuple(legend), table)


def whole(s: Sizes, row: Size) -> float:
    """Seconds of one sum, every hospital and the coordinator one after the other."""
    each = sum(row.seconds.get(phase, 0.0) for phase in _PER_HOSPITAL)
    return s.n_hospitals * each + row.seconds.get("open", 0.0)


def _by_scheme(s: Sizes) -> dict[str, list[Size]]:
    found: dict[str, list[Size]] = {}
    for row in sorted(s.rows, key=lambda row: row.n_parameters):
        found.setdefault(row.scheme, []).append(row)
    return found


def _break_even(s: Sizes) -> tuple[str, ...]:
    even = s.break_even_parameters
    if even is None or even.first is None:
        return ()
    from_there = f", and always from {count(even.always)} on" if even.always is not None else ""
    return (
        f"With {s.n_hospitals} hospitals, all that a hospital sends under quorum takes less than the parameters as plain float32 "
        f"from {count(even.first)} parameters{from_there}.",
    )


def _ratio(s: Sizes) -> tuple[str, ...]:
    given = [(int(n), ratio) for n, ratio in s.ratio_to_masks.items() if n.isdecimal()]
    if not given:
        return ()
    said = ", ".join(f"{ratio:.2f} at {count(n)}" for n, ratio in sorted(given))
    return (f"Bytes of quorum over those of masks: {said} parameters.",)


def shift(s: Shift) -> Figure | None:
    """AUROC by round where some hospitals' case mix changes: federated against local models."""
    rounds = {item.round: item for item in s.by_round}
    changed = set(s.hospitals_shifted)
    curves: dict[str, dict[int, float]] = {}
    for n, item in sorted(rounds.items()):
        for kind, scores in (("federated", item.federated), ("local", item.local)):
            for where, names in (("changed", changed), ("same", set(scores) - changed)):
                if (mean := _mean_of(scores, sorted(names))) is not None:
                    curves.setdefault(f"{kind} {where}", {})[n] = mean
    if not curves:
        return None
    values = [value for curve in curves.values() for value in curve.values()]
    x = Axis.over([min(rounds), max(rounds)], "training round", count=8, whole=True)
    chart = Chart(x, Axis.over(values, "AUROC, mean over hospitals", least=MIN_SPAN, most=1.0))
    if x.low <= s.shift_round <= x.high:
        chart.segment((s.shift_round, chart.y.low), (s.shift_round, chart.y.high), "ideal")
    legend = []
    for name, shape, style, text in _SHIFTED:
        if name in curves:
            points = [(float(n), value) for n, value in curves[name].items()]
            chart.line(points, style)
            chart.marks(points, shape, style)
            legend.append((key(shape, style, line=True), text))
    legend.append((key("", "ideal", line=True), f"the case mix changes (round {s.shift_round})"))
    rows = [(str(n), *(score(curves[name].get(n)) for name, *_ in _SHIFTED if name in curves)) for n in sorted(rounds)]
    head = ("Round", *(text.capitalize() for name, _, _, text in _SHIFTED if name in curves))
    table = limited("AUROC by round, mean over hospitals", head, rows, "shift.json")
    title = "When patients change: federated against local models"
    shows = _shift_in_words(s)
    return Figure("2.3", title, shows, chart, tuple(legend), table)


_SHIFTED = (
    ("federated changed", "circle", "fed", "federated, hospitals that change"),
    ("local changed", "triangle", "cen", "local models, hospitals that change"),
    ("federated same", "ring", "h8 dash-b", "federated, the other hospitals"),
    ("local same", "plus", "h7 dash-a", "local models, the other hospitals"),
)


def _shift_in_words(s: Shift) -> str:
    said = []
    for kind, name in (("federated", "the federated model"), ("local", "the hospitals' own models")):
        points = [_mean_of(getattr(point, kind), s.hospitals_shifted) if point else None for point in _points(s)]
        if points[0] is not None and points[2] is not None:
            drop = f", {points[1]:.3f} on the new patients at first" if points[1] is not None else ""
            said.append(f"{name}: {points[0]:.3f} before{drop}, {points[2]:.3f} at the end")
    n = len(s.hospitals_shifted)
    where = " and ".join(s.hospitals_shifted) if n < 4 else f"{n} hospitals"
    return f"From round {s.shift_round} on {where} see other patients. Mean AUROC on their patients of the time: {'; '.join(said) or 'not recorded'}."


def _points(s: Shift) -> tuple[ShiftPoint | None, ...]:
    return s.before, s.at_shift, s.after


def _mean_of(scores: Mapping[str, float | None], names: Sequence[str]) -> float | None:
    found = [value for name in names if (value := scores.get(name)) is not None]
    return statistics.fmean(found) if found else None


def shift_table(s: Shift) -> Table:
    """Each hospital before and after, federated and local."""
    names = sorted({*s.before.federated, *s.after.federated}, key=lambda name: (name not in s.hospitals_shifted, name))
    points = [(label, p) for label, p in zip(("before", "at the change", "at the end"), _points(s), strict=True) if p]
    rows = [
        (
            name if name in s.hospitals_shifted else f"{name} (unchanged)",
            *(score(scores.get(name)) for _, p in points for scores in (p.federated, p.local)),
        )
        for name in names
    ]
    head = ("Hospital", *(f"{kind}, {label}" for label, _ in points for kind in ("Federated", "Local")))
    note = "At the change: the models of the round before, on the new patients." if s.at_shift else ""
    return limited("AUROC on each hospital's patients of the time", head, rows, "shift.json", note)


def _amount(n: float) -> str:
    for unit, factor in (("M", 1e6), ("k", 1e3)):
        if n >= factor:
            return f"{n / factor:g} {unit}"
    return f"{n:g}"


def _short(value: float) -> str:
    return f"{1e3 * value:.3g} ms" if value < 1 else seconds(value)
