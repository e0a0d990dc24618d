"""report.html of attacks: each one explained, what it measured, and what it got beside what is true. Made from attacks.json alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markupsafe import Markup

from cipherward.attacks import results
from cipherward.attacks.results import Attacks, Picture, Row, Shown
from cipherward.report import blocks, rendering
from cipherward.report import page as run_page
from cipherward.report.facts import clean
from cipherward.store import files

_PIXEL, _STEP = 6, 16


def is_attacks(path: Path) -> bool:
    """Whether the folder is one of attacks."""
    return (path / results.NAME).exists()


def write(path: Path) -> Attacks:
    """Write report.html into a folder of attacks, finished or not, and give back what it was made from.

    Raises:
        StorageError: no such folder, a damaged file in it, or the page cannot be written.
    """
    found = results.read(path)
    files.write(path / run_page.NAME, rendering.render("attacks.html", _content(path, found)).encode())
    return found


def _content(path: Path, found: Attacks) -> dict[str, Any]:
    study = path / results.STUDY
    toml = clean(files.read(study).decode("utf-8", "replace")) if study.exists() else ""
    sections = [
        {
            "told": told,
            "table": _table([row for row in found.rows if row.attack == told.name], found),
            "shown": [_exhibit(each, found) for each in found.exhibits if each.attack == told.name],
            "seconds": blocks.seconds(found.seconds[told.name]) if told.name in found.seconds else "",
            "settings": ", ".join(f"{name} = {value}" for name, value in told.settings.items()),
        }
        for told in found.attacks
    ]
    return {
        "title": found.title or found.study,
        "found": found,
        "bars": _bars(found),
        "contents": [
            ("bars", "What is asked for"),
            *((told.name, told.title) for told in found.attacks),
            ("repeat", "How to repeat this"),
        ],
        "sections": sections,
        "toml": toml[: run_page.MAX_TOML],
        "toml_cut": len(toml) > run_page.MAX_TOML,
    }


def _bars(found: Attacks) -> blocks.Table | None:
    """What this project asks for beside what was measured, of all attacks together."""
    rows = [row for row in found.rows if row.bar]
    titles = {told.name: told.title for told in found.attacks}
    head = ("attack", "setting", "seed", "measured", "value (95 % interval)", "bar")
    lines = [
        (titles[row.attack], row.setting, str(row.seed), row.measure, interval(row), row.bar)
        for row in rows
        if row.attack in titles
    ]
    return (
        blocks.limited("What is asked for, and what was measured", head, lines, results.TABLE, prose=True)
        if lines
        else None
    )


def number(value: float | None) -> str:
    """A measured number, with as many digits as it needs."""
    if value is None:
        return "–"
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.1e}" if abs(value) < 1e-3 or abs(value) >= 1e6 else f"{value:.4g}"


def interval(row: Row) -> str:
    """A number with its interval, where it has one."""
    if row.value is None or row.low is None or row.high is None:
        return number(row.value)
    return f"{number(row.value)} ({number(row.low)} to {number(row.high)})"


def _table(rows: list[Row], found: Attacks) -> blocks.Table | None:
    if not rows:
        return None
    several = len(found.seeds) > 1
    head = ("setting", *(("seed",) if several else ()), "measured", "value (95 % interval)", "bar", "what it is")
    lines = [
        (row.setting, *((str(row.seed),) if several else ()), row.measure, interval(row), row.bar or "–", row.words)
        for row in rows
    ]
    return blocks.limited("What was measured", head, lines, results.TABLE, prose=True)


def _exhibit(shown: Shown, found: Attacks) -> dict[str, Any]:
    of_seed = f" (seed {shown.seed})" if len(found.seeds) > 1 else ""
    title = shown.title + of_seed
    table = blocks.limited(title, shown.head, shown.rows, results.NAME) if shown.rows else None
    pictures = [
        (
            each.name,
            [_picture(one, f"{each.name}: {head}") for one, head in zip(each.pictures, shown.head[1:], strict=False)],
        )
        for each in shown.pictures
    ]
    return {"title": title, "words": shown.words, "head": shown.head, "table": table, "pictures": pictures}


def _picture(picture: Picture, name: str) -> Markup:
    """A grey picture as SVG: one path for each of 16 shades, so that the page needs no image files."""
    height, width = len(picture), max(map(len, picture), default=0)
    paths: dict[int, list[str]] = {}
    for y, line in enumerate(picture):
        start = 0
        for x in range(1, len(line) + 1):
            shade = line[start] // _STEP
            if x == len(line) or line[x] // _STEP != shade:
                paths.setdefault(shade, []).append(f"M{start} {y}h{x - start}v1h{start - x}z")
                start = x
    drawn = Markup("").join(
        Markup('<path fill="#{0}{0}{0}" d="{1}"/>').format(f"{shade:x}" * 2, "".join(parts))
        for shade, parts in sorted(paths.items())
    )
    return Markup(
        '<svg class="pixels" role="img" aria-label="{}" width="{}" height="{}" viewBox="0 0 {} {}" '
        'shape-rendering="crispEdges">{}</svg>'
    ).format(name, width * _PIXEL, height * _PIXEL, width, height, drawn)
