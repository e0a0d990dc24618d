"""A part of a result as a figure for people: what a report draws of a task that it knows nothing about."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Curve:
    """One curve. `points`: (x, y, low, high), x ascending; the interval is between low and high. `rows`: (x, rows that are left from there
    on), x ascending."""

    name: str
    points: tuple[tuple[float, float, float, float], ...]
    rows: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True)
class Curves:
    """Curves with intervals in one figure, and the rows that are left as a table below. `shows`: a sentence; y runs from 0 to 1. `where`: the
    file that has the numbers."""

    title: str
    shows: str
    x: str
    y: str
    curves: tuple[Curve, ...]
    left: str
    where: str


@dataclass(frozen=True)
class Step:
    """What is left after a rule, and what the rule excluded; "" where nothing is said."""

    rule: str
    left: str
    excluded: str = ""


@dataclass(frozen=True)
class Steps:
    """Rules one after another, as a flow diagram. `where`: the file that has the numbers."""

    title: str
    shows: str
    steps: tuple[Step, ...]
    where: str


Drawn = Curves | Steps
