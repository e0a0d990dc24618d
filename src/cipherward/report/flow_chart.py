"""A flow diagram: what each rule leaves, one box below the other, and what it excludes beside it."""

from __future__ import annotations

import textwrap

from cipherward.report.blocks import Figure, limited
from cipherward.report.facts import clean
from cipherward.report.svg import Axis, Chart
from cipherward.tasks.result_figures import Steps

_BOX, _BESIDE = 0.52, 0.62
_STEP, _LINE = 120, 22


def figure(number: str, found: Steps) -> Figure:
    """The steps as a figure with this number."""
    rows = [(clean(each.rule), each.left, each.excluded or "–") for each in found.steps]
    table = limited(clean(found.title), ("Rule", "Rows left", "Excluded"), rows, found.where)
    return Figure(number, clean(found.title), clean(found.shows), _drawn(found), (), table)


def _drawn(found: Steps) -> Chart:
    n = len(found.steps)
    x, y = Axis(0.0, 1.0, (), ""), Axis(-float(n) + 0.4, 0.0, (), "")
    chart = Chart(x, y, height=_STEP * n, left=4, right=4, top=4, bottom=4, bare=True)
    for place, step in enumerate(found.steps):
        top, middle = -float(place), _BOX / 2
        if place:
            chart.segment((middle, top + 0.4), (middle, top), "ideal solid thin")
            chart.marks([(middle, top + 0.05)], "down", "ideal", 5)
            chart.segment((middle, top + 0.2), (_BESIDE, top + 0.2), "ideal solid thin")
            chart.box((_BESIDE, top + 0.36), (1.0, top + 0.04), "rest")
            words = f"excluded: {step.excluded}"
            chart.text(((_BESIDE + 1.0) / 2, top + 0.2), words, dy=5, anchor="middle")
        chart.box((0.0, top), (_BOX, top - 0.6), "rest")
        lines = _lines(step.rule)
        for number, line in enumerate(lines):
            chart.text((middle, top), line, dy=26 + 20 * number, anchor="middle", style="name")
        chart.text((middle, top), f"{step.left} rows", dy=28 + 20 * len(lines), anchor="middle")
    return chart


def _lines(text: str) -> list[str]:
    """On one line, or two; what is longer is in the table."""
    return textwrap.wrap(clean(text), _LINE, max_lines=2, placeholder=" …") or [""]
