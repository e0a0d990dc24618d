"""The diagrams of docs/figures are those that make.py draws, readable without seeing them, and named where they belong."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from cipherward.report import pictures

FIGURES = Path(__file__).parents[2] / "docs" / "figures"
SVG = "{http://www.w3.org/2000/svg}"


def _loaded() -> Any:
    spec = importlib.util.spec_from_file_location("diagrams_make", FIGURES / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make = _loaded()
diagram = sys.modules["diagram"]
DRAWN = {drawn.name: drawn for drawn in (draw() for draw in make.DIAGRAMS)}


@pytest.mark.parametrize("name", DRAWN)
def test_every_diagram_is_up_to_date(name: str) -> None:
    assert (FIGURES / name).read_text("utf-8") == DRAWN[name].svg(), "make figures"


def test_every_svg_is_drawn_from_source() -> None:
    of_a_run = {pictures.AUROC, pictures.HOSPITALS}
    assert {path.name for path in FIGURES.glob("*.svg")} == set(DRAWN) | of_a_run


@pytest.mark.parametrize("name", DRAWN)
def test_every_diagram_is_valid_has_a_title_and_a_description_and_loads_nothing(name: str) -> None:
    text = (FIGURES / name).read_text("utf-8")
    root = ElementTree.fromstring(text)  # noqa: S314 - from this repository
    assert root.tag == f"{SVG}svg"
    labels = {child.get("id"): child.text or "" for child in root if child.tag in (f"{SVG}title", f"{SVG}desc")}
    assert (root.get("aria-labelledby") or "").split() == list(labels)
    assert len(labels["desc"]) > len(labels["title"]) > 5
    assert not re.search(r"href|<script|<image|@import|url\((?!#)", text)
    assert text.count("http") == 1, "the namespace"


@pytest.mark.parametrize("name", DRAWN)
def test_no_text_leaves_its_diagram(name: str) -> None:
    root = ElementTree.fromstring((FIGURES / name).read_text("utf-8"))  # noqa: S314 - from this repository
    _, _, width, height = map(float, (root.get("viewBox") or "").split())
    sizes = {"head": diagram.HEAD, "text": diagram.LINE, "small": diagram.SMALL}
    for found in root.iter(f"{SVG}text"):
        style = found.get("class") or ""
        wide = diagram.width_of(found.text or "", sizes[style], bold=style == "head")
        start = float(found.get("x") or 0) - {"middle": wide / 2, "end": wide}.get(found.get("text-anchor") or "", 0.0)
        assert start >= 0, found.text
        assert start + wide <= width, found.text
        assert 8 <= float(found.get("y") or 0) <= height - 3, found.text
    for box in root.iter(f"{SVG}rect"):
        x, y, w, h = (float(box.get(key) or 0) for key in ("x", "y", "width", "height"))
        assert x + w <= width
        assert y + h <= height


def test_text_that_does_not_fit_its_box_is_an_error() -> None:
    drawing = diagram.Diagram("x.svg", 300, 100, "title", "description")
    with pytest.raises(ValueError, match="does not fit"):
        drawing.box(0, 0, 100, "much too long for a box so narrow")


def test_every_figure_of_the_original_design_and_every_diagram_has_its_row() -> None:
    page = (FIGURES.parent / "figures.md").read_text("utf-8")
    rows = re.findall(r"^\| ((?:figure|table) \d+) \|", page, re.MULTILINE)
    assert rows == [*(f"figure {n}" for n in range(1, 14)), "table 1"]
    assert {name for name in DRAWN if f"(figures/{name})" in page} == set(DRAWN)
