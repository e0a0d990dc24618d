"""Boosted trees for people and programs: what they ask about most, and how few rows their histograms were of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cipherward.data.forest import Forest
from cipherward.tasks.boost_settings import Settings
from cipherward.tasks.boost_state import SMALL, BoostState
from cipherward.tasks.task import ResultTable

FEW_LEAVES = 8.0
"""Leaves of a tree in the mean, below which it can say little."""

BETTER = 'more stages or narrower ranges may help; where trees have few leaves, task = "points" needs fewer rows'


def facts(state: BoostState, settings: Settings) -> dict[str, Any]:
    """JSON values: `trees`, `leaves`, `stages`, `cut_short`; `importance`: [{name, gain, splits}], the largest first; `floors`,
    `bin_rows`, `leaf_rows`; `cells`: {all, of_one_row, under_5_rows, under_10_rows} of histograms by outcome."""
    forest = state.forest
    return {
        "trees": forest.n_trees,
        "leaves": forest.n_features,
        "stages": state.stages,
        "cut_short": state.cut_short,
        "importance": _importance(state, forest),
        "floors": settings.floors,
        "bin_rows": settings.bin_floor(forest.n_rows),
        "leaf_rows": settings.leaf_floor(forest.n_rows),
        "cells": dict(
            zip(("all", "of_one_row", *(f"under_{most + 1}_rows" for most in SMALL[1:])), state.cells, strict=True)
        ),
    }


def tables(found: Mapping[str, Any]) -> tuple[ResultTable, ...]:
    """Importance of columns, and the small cells."""
    whole = sum(one["gain"] for one in found["importance"]) or 1.0
    importance = tuple(
        (one["name"], f"{100.0 * one['gain'] / whole:.1f} %", f"{one['splits']:,}") for one in found["importance"]
    )
    title = f"Columns that {found['trees']:,} trees ask about: share of the gain of all their splits"
    cells = found["cells"]
    small = tuple(
        (name, f"{cells[key]:,}", f"{100.0 * cells[key] / max(cells['all'], 1):.2f} %")
        for name, key in (
            ("one row, whose outcome the histogram shows", "of_one_row"),
            ("1 to 4 rows", "under_5_rows"),
            ("1 to 9 rows", "under_10_rows"),
            ("all", "all"),
        )
    )
    floors = f"bins of {found['bin_rows']:,} rows or more, leaves of {found['leaf_rows']:,}"
    return (
        ResultTable("importance", title, ("Column", "Share of the gain", "Splits"), importance),
        ResultTable(
            "cells",
            f"Numbers by outcome that were opened: of how few training rows of all hospitals together ({floors}; "
            f"{'floors on' if found['floors'] else 'FLOORS OFF'})",
            ("Rows", "Numbers", "Share"),
            small,
        ),
    )


def warnings(found: Mapping[str, Any]) -> tuple[str, ...]:
    """What a reader must not overlook."""
    cells, said = found["cells"], []
    if cells["of_one_row"]:
        said.append(
            f"{cells['of_one_row']:,} of {cells['all']:,} numbers by outcome were of exactly one training row, whose outcome they show, without "
            f"saying whose ({cells['under_10_rows']:,} were of fewer than 10). Task 'points' opens none of fewer rows than settings.cell_rows."
        )
    if not found["floors"]:
        said.append(
            f"the floors on rows were off (settings.floors): bins of {found['bin_rows']} rows, leaves of {found['leaf_rows']}"
        )
    per_tree = found["leaves"] / max(found["trees"], 1)
    if found["floors"] and per_tree < FEW_LEAVES:
        said.append(
            f"so few training rows leave a tree {per_tree:.1f} leaves in the mean, as each has {found['leaf_rows']} rows or more: try task "
            '"points", or settings.floors = false, which every hospital\'s review shows'
        )
    if found["cut_short"]:
        said.append(
            f"{found['cut_short']} of {found['stages']} stages ended early: other hospitals, or other rows, stood in a sum than in the one before"
        )
    return tuple(said)


def _importance(state: BoostState, forest: Forest) -> list[dict[str, Any]]:
    found = [
        {"name": each.column.name, "gain": float(gain), "splits": int(splits)}
        for each, gain, splits in zip(forest.coding.binned, state.gain, state.splits, strict=True)
    ]
    return sorted(found, key=lambda one: -float(one["gain"]))
