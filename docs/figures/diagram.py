"""Boxes and arrows as SVG, for make.py. A box is as high as its text; text that does not fit its box is an error."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.sax.saxutils import escape

COLOURS = {"hospital": ("#e3f0f8", "#0072B2"), "coordinator": ("#fbeadd", "#D55E00"), "quorum": ("#e0f3ec", "#009E73")}
COLOURS |= {"plain": ("#ffffff", "#444444"), "group": ("none", "#888888")}
HEAD, LINE, SMALL = 13.5, 12.5, 12.0
_FONT = "Helvetica, Arial, sans-serif"
_STEP, _PAD = 18, 12


# Advance widths of DejaVu Sans and DejaVu Sans Bold for the characters 32 to 126, in thousandths of the size.
_WIDTHS = (
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636, 636,
    636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863, 748, 787,
    603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635,
    634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
)  # fmt: skip
_BOLD = (
    348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696, 696, 696, 696, 696, 696,
    696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683, 683, 821, 837, 372, 372, 775, 637, 995, 837, 850,
    733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725, 457, 365, 457, 838, 500, 500, 675, 716, 593, 716, 678, 435, 716,
    712, 343, 343, 665, 343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838,
)  # fmt: skip
_CONDENSED, _OTHER = 0.9, 1000


def width_of(text: str, size: float, *, bold: bool = False) -> float:
    """Width of text in user units, in DejaVu Sans Condensed, which is wider than the fonts named in the file."""
    widths = dict(enumerate(_BOLD if bold else _WIDTHS, start=32))
    return _CONDENSED * size * sum(widths.get(ord(character), _OTHER) for character in text) / 1000


@dataclass(frozen=True)
class Box:
    x: float
    y: float
    w: float
    h: float

    @property
    def left(self) -> tuple[float, float]:
        return self.x, self.y + self.h / 2

    @property
    def right(self) -> tuple[float, float]:
        return self.x + self.w, self.y + self.h / 2

    @property
    def top(self) -> tuple[float, float]:
        return self.x + self.w / 2, self.y

    @property
    def bottom(self) -> tuple[float, float]:
        return self.x + self.w / 2, self.y + self.h


@dataclass
class Diagram:
    """A drawing with a title and a description for those who cannot see it."""

    name: str
    width: int
    height: int
    title: str
    description: str
    _parts: list[str] = field(default_factory=list)

    def box(
        self, x: float, y: float, w: float, head: str, lines: tuple[str, ...] = (), kind: str = "plain", h: float = 0
    ) -> Box:
        """A box with a heading and lines of text."""
        h = h or 2 * _PAD + 12 + _STEP * len(lines)
        fill, edge = COLOURS[kind]
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="6" fill="{fill}" stroke="{edge}" stroke-width="1.4"/>'
        )
        self._inside(head, HEAD, w, bold=True)
        self._text(x + _PAD, y + _PAD + 11, head, "head")
        for k, line in enumerate(lines, start=1):
            self._inside(line, LINE, w)
            self._text(x + _PAD, y + _PAD + 11 + _STEP * k, line, "text")
        return Box(x, y, w, h)

    def group(self, x: float, y: float, w: float, h: float, head: str) -> Box:
        """A dashed frame around boxes that belong together."""
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="9" fill="none" stroke="#888" stroke-dasharray="5 4"/>'
        )
        self._inside(head, HEAD, w, bold=True)
        self._text(x + _PAD, y + 21, head, "head")
        return Box(x, y, w, h)

    def arrow(self, *points: tuple[float, float], dashed: bool = False, both: bool = False) -> None:
        """A line through the points, with a head at its end (and its start)."""
        path = "M" + " L".join(f"{x:g} {y:g}" for x, y in points)
        more = ' stroke-dasharray="5 4"' if dashed else ""
        more += ' marker-start="url(#head)"' if both else ""
        self._parts.append(
            f'<path d="{path}" fill="none" stroke="#444" stroke-width="1.6" marker-end="url(#head)"{more}/>'
        )

    def note(self, x: float, y: float, text: str, *, anchor: str = "start", style: str = "small") -> None:
        """Free text; it must stay inside the drawing."""
        wide = width_of(text, SMALL)
        start = x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
        if start < 0 or start + wide > self.width:
            raise ValueError(f"{self.name}: {text!r} does not fit")
        self._text(x, y, text, style, anchor)

    def svg(self) -> str:
        """The whole file."""
        return "\n".join(
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" font-family="{_FONT}" '
                'role="img" aria-labelledby="title desc">',
                f'<title id="title">{escape(self.title)}</title>',
                f'<desc id="desc">{escape(self.description)}</desc>',
                '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
                'orient="auto-start-reverse"><path d="M0 0 L10 5 L0 10 z" fill="#444"/></marker></defs>',
                f"<style>.head {{ font-size: {HEAD}px; font-weight: bold; fill: #222 }} .text {{ font-size: {LINE}px; fill: #333 }} "
                f".small {{ font-size: {SMALL:g}px; fill: #555 }}</style>",
                f'<rect width="{self.width}" height="{self.height}" fill="#fff"/>',
                *self._parts,
                "</svg>\n",
            )
        )

    def _inside(self, text: str, size: float, w: float, *, bold: bool = False) -> None:
        if width_of(text, size, bold=bold) > w - 2 * _PAD + 4:
            raise ValueError(f"{self.name}: {text!r} does not fit into {w:g}")

    def _text(self, x: float, y: float, text: str, style: str, anchor: str = "start") -> None:
        more = f' text-anchor="{anchor}"' if anchor != "start" else ""
        self._parts.append(f'<text x="{x:g}" y="{y:g}" class="{style}"{more}>{escape(text)}</text>')
