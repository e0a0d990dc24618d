"""Line, dot and bar charts as inline SVG. Colours are CSS classes of the page, so a chart follows its colour scheme."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

Point = tuple[float, float]

MARKERS = ("circle", "square", "triangle", "diamond", "cross", "down", "plus", "ring")


@dataclass(frozen=True)
class Axis:
    """One axis: the values it spans, and where its ticks stand with their labels."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    label: str
    logarithmic: bool = False

    @classmethod
    def log(cls, values: Iterable[float], label: str, names: Callable[[float], str] = "{:g}".format) -> Axis:
        """A logarithmic axis over the positive ones of the values, with ticks at 1, 2, 5 or powers of ten."""
        given = [float(value) for value in values if value > 0 and math.isfinite(value)] or [1.0, 10.0]
        low, high = min(given), max(given)
        decades = math.log10(high / low)
        factors = (1, 2, 5) if decades < 1.6 else (1, 3) if decades < 2.6 else (1,)
        steps = [
            f * 10.0**k for k in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1) for f in factors
        ]
        first = max((step for step in steps if step <= low * (1 + 1e-9)), default=low)
        last = min((step for step in steps if step >= high * (1 - 1e-9)), default=high)
        if last <= first:
            first, last = first / 2, last * 2
        every = 1 if decades < 7 else 2
        shown = [step for step in steps if first <= step <= last][::every]
        return cls(first, last, tuple((step, names(step)) for step in shown), label, logarithmic=True)

    @classmethod
    def over(
        cls,
        values: Iterable[float],
        label: str,
        *,
        zero: bool = False,
        count: int = 5,
        whole: bool = False,
        least: float = 0.0,
        most: float = math.inf,
    ) -> Axis:
        """An axis that covers the values (and zero), with round ticks; `whole`: ticks at whole numbers only.

        `least`: it spans at least this much, so that small differences do not look large; `most`: it ends here at the latest.
        """
        given = [float(value) for value in values if math.isfinite(value)] or [0.0, 1.0]
        low, high = min([*given, 0.0] if zero else given), max(given)
        end = max(most, high)
        if high <= low:
            low, high = (low, low + 1.0) if zero else (low - 0.5, high + 0.5)
        spare = max(least - (high - low), 0.0) / 2
        beyond = max(high + spare - end, 0.0)
        low, high = low - spare - beyond, high + spare - beyond
        step = _step((high - low) / count, whole)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        ticks = tuple((k * step, _number(k * step, step)) for k in range(first, last + 1))
        if whole:
            return cls(low, high, tuple(tick for tick in ticks if low <= tick[0] <= high), label)
        return cls(ticks[0][0], ticks[-1][0], ticks, label)

    def share(self, value: float) -> float:
        """Where the value stands between the ends, 0 to 1."""
        if self.logarithmic:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def _step(least: float, whole: bool) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= least * (1 - 1e-9))
    return max(1.0, float(math.ceil(step))) if whole else step


def _number(value: float, step: float) -> str:
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    if round(step * 10**places, 6) != round(step * 10**places):
        places += 1
    return f"{value + 0.0:,.{places}f}".replace(",", "\u2009")


@dataclass
class Chart:
    """A drawing area with axes. Add marks in data coordinates, then take `svg`.

    Sizes are in user units; the page scales the chart to its column. `bare`: without axes, as for a diagram.
    """

    x: Axis
    y: Axis
    width: int = 640
    height: int = 360
    left: int = 0
    right: int = 28
    top: int = 16
    bottom: int = 58
    grid: str = "xy"
    y_labels: bool = True
    bare: bool = False
    _parts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Room for the longest tick label at the larger type of small screens.
        self.left = self.left or 48 + 11 * max((len(text) for _, text in self.y.ticks), default=0)

    def at(self, x: float, y: float) -> Point:
        """A data point in user units."""
        wide, high = self.width - self.left - self.right, self.height - self.top - self.bottom
        return self.left + self.x.share(x) * wide, self.top + (1 - self.y.share(y)) * high

    def line(self, points: Sequence[Point], style: str) -> None:
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in (self.at(*point) for point in points))
        self._parts.append(f'<polyline class="line {style}" points="{path}"/>')

    def area(self, upper: Sequence[Point], lower: Sequence[Point], style: str) -> None:
        around = [self.at(*point) for point in (*upper, *reversed(lower))]
        self._parts.append(f'<polygon class="{style}" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in around)}"/>')

    def marks(self, points: Iterable[Point], shape: str, style: str, size: float = 5.0) -> None:
        self._parts += [marker(*self.at(*point), shape, style, size) for point in points]

    def segment(self, start: Point, end: Point, style: str) -> None:
        (a, b), (c, d) = self.at(*start), self.at(*end)
        self._parts.append(f'<line class="line {style}" x1="{a:.1f}" y1="{b:.1f}" x2="{c:.1f}" y2="{d:.1f}"/>')

    def box(self, low: Point, high: Point, style: str) -> None:
        (a, b), (c, d) = self.at(*low), self.at(*high)
        self._parts.append(
            f'<rect class="{style}" x="{min(a, c):.1f}" y="{min(b, d):.1f}" '
            f'width="{abs(c - a):.1f}" height="{abs(d - b):.1f}"/>'
        )

    def text(
        self, point: Point, text: str, *, dx: float = 0, dy: float = 0, anchor: str = "start", style: str = ""
    ) -> None:
        a, b = self.at(*point)
        self._parts.append(_text(a + dx, b + dy, text, anchor, style))

    def svg(self, name: str, title: str, description: str) -> Markup:
        """The chart as one <svg> element; `name` makes its ids unique in the page."""
        head = (
            f'<svg class="chart" viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-labelledby="{name}-title {name}-desc">'
            f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
        )
        return Markup(head + "".join((*self._axes(), *self._parts)) + "</svg>")  # noqa: S704 - every text is escaped

    def _axes(self) -> list[str]:
        if self.bare:
            return []
        parts = []
        right, floor = self.width - self.right, self.height - self.bottom
        for value, label in self.x.ticks:
            a, _ = self.at(value, self.y.low)
            if "x" in self.grid:
                parts.append(f'<line class="grid" x1="{a:.1f}" y1="{self.top}" x2="{a:.1f}" y2="{floor}"/>')
            parts.append(_text(a, floor + 18, label, "middle", "tick"))
        for value, label in self.y.ticks:
            _, b = self.at(self.x.low, value)
            if "y" in self.grid:
                parts.append(f'<line class="grid" x1="{self.left}" y1="{b:.1f}" x2="{right}" y2="{b:.1f}"/>')
            if self.y_labels:
                parts.append(_text(self.left - 8, b + 4, label, "end", "tick"))
        parts.append(f'<line class="axis" x1="{self.left}" y1="{floor}" x2="{right}" y2="{floor}"/>')
        parts.append(_text((self.left + right) / 2, self.height - 12, self.x.label, "middle", "label"))
        if self.y.label:
            middle = (self.top + floor) / 2
            turned = f'transform="rotate(-90 22 {middle:.1f})"'
            parts.append(_text(22, middle, self.y.label, "middle", "label", turned))
        return parts


def marker(x: float, y: float, shape: str, style: str, size: float = 5.0) -> str:
    """One mark around (x, y); shapes differ so that colour is never the only difference."""
    s = size
    if shape in ("circle", "ring"):
        return f'<circle class="mark-{shape} {style}" cx="{x:.1f}" cy="{y:.1f}" r="{s:.1f}"/>'
    paths = {
        "square": f"M{x - s:.1f} {y - s:.1f}h{2 * s:.1f}v{2 * s:.1f}h{-2 * s:.1f}z",
        "triangle": f"M{x:.1f} {y - s * 1.2:.1f}l{s * 1.2:.1f} {s * 2.1:.1f}h{-s * 2.4:.1f}z",
        "down": f"M{x:.1f} {y + s * 1.2:.1f}l{s * 1.2:.1f} {-s * 2.1:.1f}h{-s * 2.4:.1f}z",
        "diamond": f"M{x:.1f} {y - s * 1.35:.1f}l{s * 1.35:.1f} {s * 1.35:.1f}l{-s * 1.35:.1f} {s * 1.35:.1f}"
        f"l{-s * 1.35:.1f} {-s * 1.35:.1f}z",
        "cross": f"M{x - s:.1f} {y - s:.1f}l{2 * s:.1f} {2 * s:.1f}m0 {-2 * s:.1f}l{-2 * s:.1f} {2 * s:.1f}",
        "plus": f"M{x - s * 1.2:.1f} {y:.1f}h{2.4 * s:.1f}M{x:.1f} {y - s * 1.2:.1f}v{2.4 * s:.1f}",
    }
    kind = "open" if shape in ("cross", "plus") else "full"
    return f'<path class="mark-{kind} {style}" d="{paths[shape]}"/>'


def key(shape: str, style: str, *, line: bool = False) -> Markup:
    """A legend's sample of a mark, a line with marks, or (shape "box") a filled area."""
    inner = f'<line class="line {style}" x1="0" y1="8" x2="34" y2="8"/>' if line else ""
    if shape == "box":
        inner += f'<rect class="{style}" x="9" y="2" width="16" height="12"/>'
    elif shape:
        inner += marker(17, 8, shape, style)
    return Markup(f'<svg class="key" viewBox="0 0 34 16" aria-hidden="true">{inner}</svg>')  # noqa: S704 - no text


def _text(x: float, y: float, text: str, anchor: str, style: str, more: str = "") -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(text)}</text>'
