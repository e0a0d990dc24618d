"""What a page is made of, and how numbers read in it. No markup here: the template writes it, and escapes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cipherward.report.svg import Chart

SMALL = 10
"""Counts of one hospital's patients below this are not shown."""

SHOWN_HOSPITALS = 50
"""Above this many hospitals, figures show their distribution instead of each one."""

MAX_ROWS = 200
_NARROW = 3

TOO_FEW = f"fewer than {SMALL}"


@dataclass(frozen=True)
class Mark:
    """A verdict: a sign and words, never a colour alone. `good` None: neither good nor bad."""

    good: bool | None
    text: str

    @property
    def sign(self) -> str:
        return {True: "✓", False: "✗", None: "–"}[self.good]


@dataclass(frozen=True)
class Code:
    """A digest or a name in a file."""

    text: str


Cell = str | Mark | Code


@dataclass(frozen=True)
class Table:
    """A table; the first cell of each row is its heading. `prose`: it has sentences, so its rows are cards on a phone, as those of
    a wide one are."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    prose: bool = False

    @property
    def wide(self) -> bool:
        """Whether it needs more room than a phone has."""
        return self.prose or len(self.head) > _NARROW


@dataclass(frozen=True)
class Figure:
    """A chart with one sentence that says what it shows, its legend, and the same facts as a table."""

    number: str
    title: str
    shows: str
    chart: Chart | None
    legend: tuple[tuple[Markup, str], ...]
    data: Table

    @property
    def name(self) -> str:
        return "figure-" + self.number.replace(".", "-")

    @property
    def svg(self) -> Markup:
        """The chart as an element; empty where there is nothing to draw."""
        return self.chart.svg(self.name, self.title, self.shows) if self.chart else Markup("")


def limited(
    caption: str,
    head: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    where: str,
    note: str = "",
    *,
    prose: bool = False,
) -> Table:
    """A table of at most MAX_ROWS rows that says where the others are."""
    every = [tuple(row) for row in rows]
    left = len(every) - MAX_ROWS
    if left > 0:
        note = f"{note} The first {MAX_ROWS} of {len(every)} rows; all are in {where}.".strip()
    return Table(caption, tuple(head), tuple(every[:MAX_ROWS]), note, prose)


def score(value: float | None, places: int = 3) -> str:
    return "not known" if value is None else f"{value:.{places}f}"


def with_interval(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def count(value: int) -> str:
    """Digits in groups of three."""
    return f"{value:,}".replace(",", "\u202f")


def size(n_bytes: float) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.1f} {unit}" if n_bytes < 100 * factor else f"{n_bytes / factor:.0f} {unit}"
    return f"{n_bytes:.0f} bytes"


def seconds(value: float) -> str:
    return f"{value:.0f} s" if value >= 100 else f"{value:.2f} s"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def short(digest: str) -> Code:
    """The first 16 hexadecimal digits, or a dash where there is none."""
    return Code(digest[:16] if digest else "–")
