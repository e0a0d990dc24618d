"""Whom a model serves, and how well: the AUROC of each subgroup beside that of all test rows."""

from __future__ import annotations

from cipherward.report.blocks import Figure, count, limited, with_interval
from cipherward.report.facts import Facts, clean
from cipherward.report.figures import level, rows_of, with_ends
from cipherward.report.svg import Axis, key
from cipherward.runs.result_json import Trained
from cipherward.runs.worth_json import Served

_DRAWN = 40


def figure(facts: Facts) -> Figure | None:
    """None where the study names no subgroups, or none could be measured."""
    found = facts.result.worth if isinstance(facts.result, Trained) else None
    if found is None or not found.everybody.is_measured:
        return None
    measured = [each for each in found.groups if each.is_measured]
    if not measured:
        return None
    whole = _scored(found.everybody)
    drawn = sorted(measured, key=lambda each: len(each.worse) == 0)[:_DRAWN]
    drawn = [each for each in measured if each in drawn]
    spans = [_scored(each) for each in drawn]
    x = Axis.over([whole[0], *(end for _, ends in spans for end in ends)], "AUROC, test rows of the subgroup", most=1.0)
    chart = rows_of([_name(each) for each in drawn], x, 50)
    chart.segment((whole[0], chart.y.low), (whole[0], chart.y.high), "cen")
    for place, (each, (value, ends)) in enumerate(zip(drawn, spans, strict=True)):
        with_ends(
            chart,
            level(place),
            value,
            ends,
            "diamond" if each.worse else "circle",
            "h6" if each.worse else "fed",
            "solid",
        )
    worse = [each for each in found.groups if each.worse]
    shows = f"Bars are 95 % intervals, the line is the AUROC of all test rows ({whole[0]:.3f}). " + (
        f"By one figure or more the model serves {len(worse)} of {len(found.groups)} subgroups worse than everybody; with many figures "
        "some such marks come by chance."
        if worse
        else "By none of the figures does the model serve a subgroup worse than everybody, as far as the intervals can tell."
    )
    rows = [
        (_name(each), count(each.rows), with_interval(*_scored(each)), "; ".join(map(clean, each.worse)) or "–")
        for each in measured
    ]
    head = ("Subgroup", "Test rows", "AUROC (95 % interval)", "Served worse than everybody")
    table = limited("AUROC of each subgroup", head, rows, "subgroups.csv")
    samples = [(key("circle", "fed"), "a subgroup"), (key("diamond", "h6"), "one that is served worse, by some figure")]
    legend = (*samples[: 1 + bool(worse)], (key("", "cen", line=True), "all test rows"))
    return Figure("3.3", "Whom the model serves worse", shows, chart, legend, table)


def _name(each: Served) -> str:
    return f"{clean(each.column)}: {clean(each.level)}"


def _scored(each: Served) -> tuple[float, tuple[float, float]]:
    low, high = each.auroc_interval
    return each.auroc or 0.0, (low, high)
