"""auroc.svg (or rounds.svg) and hospitals.svg: two figures of the report as files of their own, for papers and slides.

Each is one SVG without scripts, fonts or links. It says whose patients and which scheme it shows, and has the same bytes
whenever it is made.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files as packaged
from pathlib import Path

from markupsafe import Markup, escape

from cipherward.crypto.scheme import Opener
from cipherward.report.blocks import Figure
from cipherward.report.facts import Facts, clean
from cipherward.store import files

AUROC, BY_ROUND, HOSPITALS = "auroc.svg", "rounds.svg", "hospitals.svg"

_WIDTH, _MARGIN, _LINE = 640, 16, 19
_TITLE, _TEXT = 58, 86  # characters that fit into a line
_SAMPLE, _LETTER = 42, 7.2


def write(path: Path, facts: Facts, figures: Mapping[str, Figure | None]) -> None:
    """Write figures into a run directory, by the names of their files; None: there is nothing to draw.

    Raises:
        StorageError: a file cannot be written.
    """
    for name, figure in figures.items():
        if figure:
            files.write(path / name, standalone(figure, facts).encode())


def standalone(figure: Figure, facts: Facts) -> str:
    """A figure with its title, legend and sentence as one SVG document."""
    study = facts.study
    patients = "SYNTHETIC DATA: no real patients" if study.synthetic else "not synthetic data"
    scheme = f"scheme {facts.scheme.name}{' (no protection)' if facts.scheme.opener is Opener.ANYONE else ''}"
    title = clean(study.title or study.name)
    head = [
        *((line, "head") for line in textwrap.wrap(title, _TITLE, max_lines=2, placeholder=" …")),
        (f"{patients}  |  {len(facts.names)} hospitals  |  {scheme}", "small"),
        *((line, "name") for line in textwrap.wrap(figure.title, _TEXT)),
    ]
    parts, y = list(_lines(head, _MARGIN)), _MARGIN + _LINE * len(head) + 8
    samples, y = _legend(figure.legend, y)
    high = figure.chart.height if figure.chart else 0
    parts += [samples, f'<svg y="{y}" width="{_WIDTH}" height="{high}">{figure.svg}</svg>']
    below = [(line, "small") for line in textwrap.wrap(figure.shows, _TEXT)]
    parts += _lines(below, y + high + 4)
    height = y + high + 4 + _LINE * len(below) + _MARGIN
    style = (packaged("cipherward.report") / "templates" / "chart.css").read_text("utf-8")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="system-ui, sans-serif" role="img" aria-labelledby="name about">'
        f'<title id="name">{escape(title)}: {escape(figure.title)}</title><desc id="about">{escape(figure.shows)}</desc>'
        f'<style>{style}</style><rect class="paper" width="{_WIDTH}" height="{height}"/>{"".join(parts)}</svg>\n'
    )


def _lines(lines: Sequence[tuple[str, str]], top: float) -> Iterator[str]:
    for k, (text, style) in enumerate(lines, start=1):
        yield f'<text class="{style}" x="{_MARGIN}" y="{top + _LINE * k - 4}">{escape(text)}</text>'


def _legend(entries: Sequence[tuple[Markup, str]], top: int) -> tuple[str, int]:
    """Samples with their names, as many in a line as fit, and where the next thing may begin."""
    parts, x, y = [], float(_MARGIN), top
    for sample, text in entries:
        wide = _SAMPLE + _LETTER * len(text) + 14
        if x > _MARGIN and x + wide > _WIDTH - _MARGIN:
            x, y = float(_MARGIN), y + _LINE + 3
        parts.append(f'<svg x="{x:.1f}" y="{y}" width="34" height="16">{sample}</svg>')
        parts.append(f'<text x="{x + _SAMPLE:.1f}" y="{y + 13}">{escape(text)}</text>')
        x += wide
    return "".join(parts), y + _LINE + 5
