"""The figures of a result, as its task describes them (`tasks.result_figures`)."""

from __future__ import annotations

from cipherward.report import curves_chart, flow_chart
from cipherward.report.blocks import Figure
from cipherward.report.facts import Facts
from cipherward.tasks.result_figures import Curves


def figures(facts: Facts) -> list[Figure]:
    """In the task's order, as the opened sums prove them."""
    return [
        curves_chart.figure(f"1.{n}", each) if isinstance(each, Curves) else flow_chart.figure(f"1.{n}", each)
        for n, each in enumerate(facts.figures, start=1)
    ]
