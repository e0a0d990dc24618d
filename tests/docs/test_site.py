"""The documentation as a site: it builds without a warning, leaves no page out, and loads nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs import site

DOCS = site.ROOT / "docs"


def listed() -> list[str]:
    navigation = site.CONFIGURATION.read_text("utf-8").split("\nnav:\n")[1]
    return re.findall(r"([\w/-]+\.md)$", navigation, re.MULTILINE)


def test_every_page_stands_in_the_navigation_once() -> None:
    assert sorted(listed()) == sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


def test_the_navigation_has_the_four_kinds_of_documentation() -> None:
    navigation = site.CONFIGURATION.read_text("utf-8").split("\nnav:\n")[1]
    assert re.findall(r"^  - ([\w-]+):", navigation, re.MULTILINE) == [
        "Home", "Tutorial", "How-to", "Reference", "Explanation",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not site.program():
        pytest.skip("Zensical is not installed (extra `docs`): make docs")
    folder = tmp_path_factory.mktemp("site") / "site"
    assert site.build(folder) == ""
    return folder


def test_the_site_has_every_page(built: Path) -> None:
    for name in listed():
        page = re.sub(r"README\.md$", "index.md", name)
        assert (built / page).with_suffix(".html").exists(), name


def test_no_page_loads_anything_from_elsewhere(built: Path) -> None:
    for page in built.rglob("*.html"):
        top = built if page.name == "404.html" else page.parent  # a server shows that one at any address
        text = page.read_text("utf-8")
        loaded = re.findall(r"<(?:script|img|iframe|source)[^>]* src=\"?([^\" >]+)", text)
        loaded += re.findall(r"<link[^>]* href=\"?([^\" >]+)", text)
        assert loaded
        assert [name for name in loaded if re.match(r"(https?:)?//", name)] == [], page.name
        assert [name for name in loaded if not (top / name.split("?")[0].lstrip("/")).exists()] == [], page.name


def test_no_style_sheet_loads_anything_from_elsewhere(built: Path) -> None:
    sheets = list(built.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        assert re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//", sheet.read_text("utf-8")) == [], sheet.name


def test_the_reference_has_the_public_names(built: Path) -> None:
    page = (built / "api" / "runs.html").read_text("utf-8")
    for name in ("run_study", "resume_study", "verify_run", "predict", "load", "load_builtin"):
        assert re.search(rf'id="cipherward\.[\w.]+\.{name}"', page), name


def test_a_fault_in_a_docstring_or_a_link_fails_the_build(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert built
    (tmp_path / "docs").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "faulty.py").write_text(
        'def f(x: int) -> int:\n    """F.\n\n    Raises:\n        no pair\n    """\n'
    )
    configuration = (
        "site_name: x\nsite_dir: build/site\nplugins:\n  - mkdocstrings: {handlers: {python: {paths: [src]}}}\n"
    )
    (tmp_path / "mkdocs.yml").write_text(configuration)
    monkeypatch.setattr(site, "ROOT", tmp_path)
    monkeypatch.setattr(site, "CONFIGURATION", tmp_path / "mkdocs.yml")
    for text, expected in (
        ("::: faulty.f", "griffe"),
        ("[a](b.md)", "page does not exist"),
        ("::: absent.f", "absent.f"),
    ):
        (tmp_path / "docs" / "index.md").write_text(f"# Home\n\n{text}\n")
        assert expected in site.build(tmp_path / "out")
