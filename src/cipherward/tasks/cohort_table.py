"""The cohort table: what of it is shown, the same from all rows in one place, for comparison in a simulation, and for
people: rows of a "Table 1"."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data import rare_categories
from cipherward.data.schema import declared_range
from cipherward.data.small_counts import hidden
from cipherward.data.sources import HospitalData
from cipherward.data.values import OTHER
from cipherward.learning import comparing
from cipherward.study import Column, Study
from cipherward.tasks.quantiles import QUARTILES, Shares, is_shown
from cipherward.tasks.task import ResultTable

GROUPS = ("negative", "positive")
"""Rows without and with the study's outcome."""

NUMBERS = ("mean", "sd", "q1", "median", "q3")


def names_of(shares: Shares) -> tuple[str, ...]:
    """What each quantile is called, the quartiles first: others are called by their share."""
    return (*NUMBERS[2:], *(f"{share:g}" for share in shares[3:]))


def nested(found: Mapping[str, float | None]) -> dict[str, Any]:
    """Figures by name, those that are called by a share under "quantiles", where there are some."""
    others = {name: value for name, value in found.items() if name not in NUMBERS}
    rest: dict[str, Any] = {name: value for name, value in found.items() if name in NUMBERS}
    return rest | ({"quantiles": others} if others else {})


def from_sums(
    column: Column, moments: tuple[int, float, float], cut: Sequence[float], shares: Shares, least: int
) -> dict[str, Any]:
    """The figures of a numeric column, in its own unit, None where they are not shown.

    Args:
        moments: rows with a value, their sum and that of their squares; and `cut` the quantiles: all scaled to [0, 1].
    """
    (n, total, square), names, (low, high) = moments, names_of(shares), declared_range(column)
    if n < least:
        return nested(dict.fromkeys(("mean", "sd", *names)))
    mean, width = total / n, high - low
    variance = max(square - n * mean * mean, 0.0) / max(n - 1, 1)
    both = zip(shares, cut, strict=True)
    shown = [low + width * value if is_shown(share, n, least) else None for share, value in both]
    figures = {"mean": low + width * mean, "sd": width * math.sqrt(variance)}
    return figures | nested(dict(zip(names, shown, strict=True)))


def exact(study: Study, hospitals: Sequence[HospitalData], cell_min: int, shares: Shares = QUARTILES) -> dict[str, Any]:
    """As the result of task `describe`, with numpy, from the values themselves."""
    outcome = np.concatenate([each.outcome for each in hospitals])
    subsets = {"all": np.ones(len(outcome), dtype=bool), "negative": outcome == 0, "positive": outcome == 1}
    columns: dict[str, Any] = {}
    for column in study.columns:
        values = [each.table[column.name] for each in hospitals]
        if column.kind == "numeric":
            low, high = declared_range(column)
            numbers = np.clip(np.concatenate([each.to_numpy() for each in values]), low, high)
            absent = np.array([int(np.isnan(numbers[rows]).sum()) for rows in subsets.values()], dtype=np.int64)
            few = missing(absent[1:], cell_min)
            found = {
                name: {"missing": gone} | _numbers(numbers[rows], cell_min, shares)
                for (name, rows), gone in zip(subsets.items(), few, strict=True)
            }
            everybody = found.pop("all")
            present = [int((~np.isnan(numbers[subsets[name]])).sum()) for name in GROUPS]
            columns[column.name] = {"all": everybody, "groups": found, "compared": compared(found, present)}
            continue
        codes = np.concatenate([rare_categories.codes(each, column.categories) for each in values])
        size = len(column.categories)
        counts = np.stack([np.bincount(codes[outcome == group], minlength=size + 1) for group in range(len(GROUPS))])
        columns[column.name] = categories(counts, column.categories, cell_min)
    n_rows = np.bincount(outcome, minlength=len(GROUPS)).astype(np.int64)
    groups = dict(zip(GROUPS, missing(n_rows, cell_min)[1:], strict=True))
    return {"rows": len(outcome), "groups": groups, "columns": columns, "cell_min": cell_min}


def categories(
    counts: NDArray[np.int64],
    names: Sequence[str],
    cell_min: int,
    merged: Mapping[str, str | None] | None = None,
    *,
    is_exact: bool = True,
) -> dict[str, Any]:
    """A categorical column of the result.

    Args:
        counts: int64[n_groups, n_categories + 1], the last for rows without a value.
        merged: categories that are shown as one with what they count as (`rare_categories`); with nothing left, as
            `OTHER`.
        is_exact: whether the counts carry no noise.
    """
    if merged:
        shown = {name: merged.get(name, name) or OTHER for name in names}
        lines = list(dict.fromkeys(shown[name] for name in names))
        parts = [sum(counts[:, i] for i, name in enumerate(names) if shown[name] == line) for line in lines]
        together = np.stack([*parts, counts[:, -1]], axis=1)
        return categories(together, lines, cell_min, is_exact=is_exact) | {"merged": dict(merged)}
    table = np.concatenate([counts.sum(axis=0, keepdims=True), counts])
    absent_out = hidden(table[:, -1:], cell_min, total_known=False)
    out = np.concatenate([hidden(table[:, :-1], cell_min), absent_out], axis=1)
    each = []
    for line, gone in zip(table, out, strict=True):
        *values, absent = (None if hide else int(n) for n, hide in zip(line, gone, strict=True))
        each.append({"missing": absent, "counts": dict(zip(names, values, strict=True))})
    compared = comparing.of_categories(counts[:, :-1], is_exact=is_exact)
    if out[:, :-1].any():  # with the margins, the test of a table tells a cell that is not shown
        compared = dict.fromkeys(compared)
    return {"all": each[0], "groups": dict(zip(GROUPS, each[1:], strict=True)), "compared": compared}


def compared(
    of_groups: Mapping[str, Mapping[str, Any]], present: Sequence[int], noise: Sequence[float] = (0.0, 0.0)
) -> dict[str, float | None]:
    """A numeric column's groups beside each other. `present`: rows with a value; `noise`: on the means."""
    first, second = (of_groups[name] for name in GROUPS)
    if first["mean"] is None or second["mean"] is None:
        return {"difference": None, "p_value": None}
    both = [(int(n), each["mean"], each["sd"]) for n, each in zip(present, (first, second), strict=True)]
    return comparing.of_means(both[0], both[1], (float(noise[0]), float(noise[1])))


def missing(counts: NDArray[np.int64], cell_min: int) -> list[int | None]:
    """Counts by group, int64[n_groups], as they may be shown: of all rows, then of each group."""
    table = np.array([[counts.sum()], *([n] for n in counts)], dtype=np.int64)
    out = hidden(table, cell_min, total_known=False)
    return [None if hide else int(n) for n, hide in zip(table[:, 0], out[:, 0], strict=True)]


def largest_difference(study: Study, ours: Mapping[str, Any], pooled: Mapping[str, Any]) -> dict[str, float]:
    """The largest difference of a mean or standard deviation, and of a quartile or other quantile, as a share of its
    column's range; and the largest of a count."""
    found = {"mean_sd": 0.0, "quartile": 0.0, "count": 0.0}
    for column in study.columns:
        for own, other in _pairs(ours["columns"][column.name], pooled["columns"][column.name]):
            if column.kind == "categorical":
                together = {name or OTHER for name in ours["columns"][column.name].get("merged", {}).values()}
                shown = [name for name in own["counts"] if name not in together]
                both = [(own["missing"], other["missing"])]
                both += [(own["counts"][name], other["counts"][name]) for name in shown]
                found["count"] = max([found["count"], *(abs((a or 0) - (b or 0)) for a, b in both)])
                continue
            low, high = declared_range(column)
            for name in NUMBERS:
                if own[name] is not None:
                    kind = "mean_sd" if name in ("mean", "sd") else "quartile"
                    found[kind] = max(found[kind], abs(own[name] - other[name]) / (high - low))
            for name, value in own.get("quantiles", {}).items():
                if value is not None:
                    off = abs(value - other["quantiles"][name]) / (high - low)
                    found["quartile"] = max(found["quartile"], off)
            found["count"] = max(found["count"], abs((own["missing"] or 0) - (other["missing"] or 0)))
    return found


def lines(found: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """(header, rows) of a "Table 1": what, all rows, and each group."""
    groups = list(found["groups"])
    header = (
        "",
        f"all (n = {found['rows']:,})",
        *(f"{name} (n = {_count(n)})" for name, n in found["groups"].items()),
        "standardised difference",
        "p",
    )
    rows = [row for name, column in found["columns"].items() for row in _lines(name, column, groups, found)]
    for what, reach in found.get("noise_on_counts", {}).items():
        each = (f"± {reach:.0f}" for _ in groups)
        rows.append((f"noise may move a count of {what} by", f"± {reach * math.sqrt(len(groups)):.0f}", *each, "", ""))
    return header, tuple(rows)


def _lines(
    name: str, column: Mapping[str, Any], groups: list[str], found: Mapping[str, Any]
) -> Iterator[tuple[str, ...]]:
    rows = [found["rows"], *found["groups"].values()]
    each = [column["all"], *(column["groups"][group] for group in groups)]
    beside = _compared(column["compared"])
    if "counts" in column["all"]:
        merged = column.get("merged", {})
        together = {name or OTHER for name in merged.values()}
        yield (name, *("" for _ in each), *beside)
        for category in column["all"]["counts"]:
            name_of = f"{category} ({', '.join(merged)})" if category in together else category
            yield (
                f"  {name_of}",
                *(_share(part["counts"][category], n, part["missing"]) for part, n in zip(each, rows, strict=True)),
                "",
                "",
            )
    else:
        yield (f"{name}, mean (sd)", *(_pair(part, "{mean} ({sd})") for part in each), *beside)
        yield (f"{name}, median (q1 to q3)", *(_pair(part, "{median} ({q1} to {q3})") for part in each), "", "")
        if others := list(column["all"].get("quantiles", ())):
            shares = ", ".join(f"{float(share):.4g}" for share in others)
            yield (f"{name}, quantiles {shares}", *(_quantiles(part["quantiles"], "{}") for part in each), "", "")
        if "noise" in each[0]:
            reached = ({"mean": part["mean"], **part["noise"]} for part in each)
            text = "± {mean} (± {sd}); ± {median} (± {q1}, ± {q3})"
            text_of_others = [_quantiles(part["noise"]["quantiles"], "± {}") for part in each] if others else []
            cells = [_pair(part, text) for part in reached]
            yield (
                "  noise may move these by",
                *(
                    f"{cell}; {more}" if more else cell
                    for cell, more in zip(cells, text_of_others or [""] * len(cells), strict=True)
                ),
                "",
                "",
            )
    if any(part["missing"] != 0 for part in each):
        yield ("  missing", *(_absent(part["missing"], n) for part, n in zip(each, rows, strict=True)), "", "")


def missing_table(found: Mapping[str, Any]) -> ResultTable:
    """`missing.csv`: rows without a value, by column."""
    groups, rows = list(found["groups"]), [found["rows"], *found["groups"].values()]
    lines = []
    for name, column in found["columns"].items():
        each = [column["all"], *(column["groups"][group] for group in groups)]
        lines.append((name, *(_absent(part["missing"], n) for part, n in zip(each, rows, strict=True))))
    return ResultTable(
        "missing", "Rows without a value, by column and outcome", ("column", "all", *groups), tuple(lines)
    )


def _compared(found: Mapping[str, float | None]) -> tuple[str, str]:
    difference, p = found["difference"], found["p_value"]
    return "–" if difference is None else f"{difference:.3f}", "–" if p is None else f"{p:.3g}"


def _absent(count: int | None, rows: int | None) -> str:
    return f"{count:,} ({count / rows:.1%})" if count and rows else _count(count)


def _pair(part: Mapping[str, Any], text: str) -> str:
    if part["mean"] is None:
        return "–"
    return text.format(**{name: f"{part[name]:.4g}" for name in NUMBERS})


def _quantiles(values: Mapping[str, float | None], text: str) -> str:
    return "; ".join("–" if value is None else text.format(f"{value:.4g}") for value in values.values())


def _share(count: int | None, rows: int | None, missing: int | None) -> str:
    """A count, and its share of the rows with a value."""
    total = (rows or 0) - (missing or 0)
    return f"{count:,} ({count / total:.1%})" if count and total else _count(count)


def _count(count: int | None) -> str:
    return "–" if count is None else f"{count:,}"


def _pairs(own: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    yield own["all"], other["all"]
    for name in own["groups"]:
        yield own["groups"][name], other["groups"][name]


def _numbers(values: NDArray[np.float64], cell_min: int, shares: Shares) -> dict[str, Any]:
    inside = values[~np.isnan(values)]
    names = names_of(shares)
    if len(inside) < cell_min:
        return nested(dict.fromkeys(("mean", "sd", *names)))
    cut = [
        value if is_shown(share, len(inside), cell_min) else None
        for share, value in zip(shares, np.quantile(inside, shares).tolist(), strict=True)
    ]
    sd = float(inside.std(ddof=1)) if len(inside) > 1 else 0.0
    return {"mean": math.fsum(inside) / len(inside), "sd": sd, **nested(dict(zip(names, cut, strict=True)))}
