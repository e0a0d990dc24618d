"""Curves of a result, with intervals as bands and the rows that are left as a table below them."""

from __future__ import annotations

from cipherward.report.blocks import Figure, count, limited
from cipherward.report.facts import clean
from cipherward.report.svg import MARKERS, Axis, Chart, key
from cipherward.tasks.result_figures import Curve, Curves

_STYLES = ("h1", "h2", "h4", "h5", "h6", "h7", "h8", "h3")
_DASHES = ("solid", "dash-b", "dash-a", "dash-d", "dash-c", "solid", "dash-b", "dash-a")
_HEIGHT, _ROW, _HEAD = 340, 46, 34
_LONGEST = 40


def figure(number: str, found: Curves) -> Figure:
    """The curves as a figure with this number."""
    drawn = [each for each in found.curves if each.points][: len(_STYLES)]
    x = Axis.over([0.0, *(point[0] for each in drawn for point in each.points)], clean(found.x), zero=True)
    chart = _drawn(drawn, x, found)
    left = len([each for each in found.curves if each.points]) - len(drawn)
    shows = clean(found.shows) + (f" {left} more curves are in the table only." if left else "")
    rows = [
        (clean(each.name), f"{a:g}", f"{y:.3f}", f"{low:.3f} to {high:.3f}", _left(each, a))
        for each in found.curves
        for a, y, low, high in each.points
    ]
    head = (
        "Curve",
        clean(found.x).capitalize(),
        clean(found.y).capitalize(),
        "Interval",
        clean(found.left).capitalize(),
    )
    legend = tuple(
        (key(shape, f"{style} {dash}", line=True), _short(each.name))
        for each, shape, style, dash in zip(drawn, MARKERS, _STYLES, _DASHES, strict=False)
    )
    table = limited(clean(found.title), head, rows, found.where)
    return Figure(number, clean(found.title), shows, chart if drawn else None, legend, table)


def _drawn(drawn: list[Curve], x: Axis, found: Curves) -> Chart:
    has_rows = any(each.rows for each in drawn)
    below = _HEAD + _ROW * len(drawn) if has_rows else 0
    y = Axis(0.0, 1.0, tuple((k / 5, f"{k / 5:.1f}") for k in range(6)), clean(found.y))
    chart = Chart(x, y, height=_HEIGHT + below, bottom=58 + below, right=36)
    looks = list(zip(drawn, MARKERS, _STYLES, _DASHES, strict=False))
    for each, _, style, _ in looks:
        upper = [(0.0, 1.0), *((a, high) for a, _, _, high in each.points)]
        chart.area(upper, [(0.0, 1.0), *((a, low) for a, _, low, _ in each.points)], f"band seeds {style}")
    for each, shape, style, dash in looks:
        points = [(a, value) for a, value, _, _ in each.points]
        chart.line([(0.0, 1.0), *points], f"{style} {dash}")
        chart.marks(points, shape, style, 4.0)
    if has_rows:
        floor = 44.0
        chart.text((x.low, 0.0), clean(found.left).capitalize(), dy=floor, dx=-chart.left + 8, style="name")
        for place, (each, _, _, _) in enumerate(looks):
            top = floor + 20 + _ROW * place
            chart.text((x.low, 0.0), _short(each.name), dy=top, dx=-chart.left + 8, style="small")
            for tick, _ in x.ticks:
                chart.text((tick, 0.0), _left(each, tick), dy=top + 21, anchor="middle", style="tick")
    return chart


def _left(curve: Curve, at: float) -> str:
    """Rows that are left at x, as last known before; a dash beyond what is known, or where nothing is."""
    if not curve.rows or at > curve.rows[-1][0] + 1e-9:
        return "–"
    known = [n for since, n in curve.rows if since <= at + 1e-9]
    return count(known[-1]) if known else "–"


def _short(name: str) -> str:
    shown = clean(name)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"
