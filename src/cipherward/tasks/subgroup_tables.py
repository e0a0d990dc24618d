"""What a model is worth for whom, as tables and sentences for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cipherward.tasks.task import ResultTable

EVERYBODY = "all test rows"
_SHOWN = 5


def tables(worth: Mapping[str, Any], at_hospitals: Sequence[Mapping[str, Any]] = ()) -> Iterator[ResultTable]:
    """`subgroups.csv`, and of a simulation `at_hospitals.csv`.

    Args:
        worth: of result.json.
    """
    if worth["everybody"]:
        lines = [_line(worth, EVERYBODY, worth["everybody"], "–", "")]
        for each in worth["groups"]:
            said = "; ".join(each["worse"]) or "–"
            lines.append(_line(worth, f"{each['column']}: {each['level']}", each, str(each["hospitals"]), said))
        for each in worth["not_opened"]:
            name = f"{each['column']}: {each['level']}"
            lines.append(_line(worth, name, {}, str(each["hospitals"]), _why_closed(each["hospitals"], worth)))
        title = "Whom the model serves, and how well (95 % intervals)"
        if worth["groups"]:
            title += "; of a group that is served as everybody is, one such mark in 40 comes by chance"
        yield ResultTable("subgroups", title, _header(worth, "rows"), tuple(lines))
    if any(len(each) > 1 for each in at_hospitals):
        lines = [
            _line(worth, each["name"], each, "–", "" if len(each) > 1 else "too few test rows") for each in at_hospitals
        ]
        title = "Each hospital's own test rows (a simulation only; between hospitals these figures stay where they are)"
        yield ResultTable("at_hospitals", title, _header(worth, "hospital"), tuple(lines))


def warnings(worth: Mapping[str, Any]) -> Iterator[str]:
    """Sentences about groups that are served worse."""
    found = [each for each in worth["groups"] if each["worse"]]
    if found:
        named = "; ".join(f"{each['column']} {each['level']} ({', '.join(each['worse'])})" for each in found[:_SHOWN])
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        yield f"The model serves some groups worse than everybody (subgroups.csv): {named}{more}."


def _why_closed(hospitals: int, worth: Mapping[str, Any]) -> str:
    if hospitals < worth["hospitals_needed"]:
        return "not opened: too few hospitals have enough rows"
    return "not opened: a subgroup that too few hospitals have would follow by subtraction"


def _header(worth: Mapping[str, Any], first: str) -> tuple[str, ...]:
    found = [first, "hospitals", "test rows", "with the outcome", "AUROC", "AUPRC", "Brier score"]
    found += ["calibration slope", "calibration intercept", "calibration in the large"]
    if worth["threshold"]:
        at = f"at {worth['threshold']:.3g}"
        found += [f"sensitivity {at}", f"specificity {at}", f"net benefit {at}"]
    if worth["coverage"]:
        found += [f"coverage (wanted {worth['coverage']:.0%})", "outcomes in a set"]
    return (*found, "worse than for everybody")


def _line(worth: Mapping[str, Any], name: str, of: Mapping[str, Any], hospitals: str, said: str) -> tuple[str, ...]:
    few = f"{of['rows']}" if "rows" in of else "–"
    found = [name, hospitals, few, _whole(of.get("positive")), _with_ends(of, "auroc")]
    found += [_number(of.get(key)) for key in ("auprc", "brier", "slope", "intercept", "in_the_large")]
    if worth["threshold"]:
        found += [_share(of, "sensitivity"), _share(of, "specificity"), _number(of.get("net_benefit"), 4)]
    if worth["coverage"]:
        found += [_share(of, "coverage"), _number(of.get("set_size"), 2)]
    few_words = "too few test rows with, or without, the outcome" if "rows" in of and "auroc" not in of else said
    return (*found, few_words)


def _whole(value: int | None) -> str:
    return "–" if value is None else str(value)


def _number(value: float | None, places: int = 3) -> str:
    return "–" if value is None else f"{value:.{places}f}"


def _with_ends(of: Mapping[str, Any], name: str) -> str:
    ends = of.get(f"{name}_interval")
    return _number(of.get(name)) + (f" ({ends[0]:.3f} to {ends[1]:.3f})" if ends else "")


def _share(of: Mapping[str, Any], name: str) -> str:
    ends = of.get(f"{name}_interval")
    value = of.get(name)
    return "–" if value is None else f"{value:.1%}" + (f" ({ends[0]:.1%} to {ends[1]:.1%})" if ends else "")
