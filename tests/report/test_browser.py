"""report.html in a real browser. Skipped, with the reason, where there is none.

Environment: CIPHERWARD_CHROMIUM names the browser; CIPHERWARD_AXE the file axe.min.js, which is otherwise fetched with npm.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests import simulator
from tests.comparison import compared
from tests.report import deployments
from tests.tasks import test_survival

from cipherward import study as study_document
from cipherward.comparison import page as comparison_page
from cipherward.report import page
from cipherward.simulation import simulate

pytestmark = pytest.mark.slow

RULES = [
    {"column": "days", "minimum": 1.0},
    {"column": "ward", "categories": ["A"], "name": "admitted to ward A, and not moved elsewhere on the first day"},
]
NOISE = {"enabled": True, "epsilon": 20.0, "delta": 1e-5}

LIGHT, DARK = 1, 0
PHONE, DESKTOP = 390, 1280
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--enable-logging=stderr",
    "--allow-file-access-from-files", "--virtual-time-budget=30000", "--dump-dom",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> str:
    named = os.environ.get("CIPHERWARD_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if not named:
        pytest.skip("no Chromium found; install it, or name it in CIPHERWARD_CHROMIUM")
    return named


@pytest.fixture(
    scope="module",
    params=[
        "run", "subgroups", "survival", "flow", "comparison", "coordinator", "clinic-2", "troubled coordinator",
        "troubled clinic-3",
    ],
)  # fmt: skip
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("browser") / request.param
    if request.param == "comparison":
        path.mkdir()
        comparison_page.write(compared.make(path))
        return path / page.NAME
    if request.param in ("survival", "flow"):
        of = {
            "survival": test_survival.SURVIVAL,
            "flow": {"task": "describe", "settings": {"include": RULES}, "noise": NOISE},
        }
        tables = test_survival.write_tables(tmp_path_factory.mktemp("tables"), 4, rows=1200)
        study = simulator.study(4, **({"columns": test_survival.COLUMNS} | of[request.param]))
        simulate.run_study(study, base=tables, out=path)
        page.write(path)
        return path / page.NAME
    if request.param not in ("run", "subgroups"):
        trouble, _, name = request.param.rpartition(" ")
        made = (deployments.troubled if trouble else deployments.finished)(path)
        made.close()
        return deployments.folder_of(made, name) / page.NAME
    asked = {
        "threshold": 0.2,
        "coverage": 0.9,
        "subgroups": [{"column": "sex"}, {"column": "age", "edges": [50, 65, 80]}],
    }
    evaluation = asked if request.param == "subgroups" else {}
    study = study_document.load_builtin("readmission").with_overrides(training={"rounds": 2}, evaluation=evaluation)
    simulate.run_study(study, out=path)
    page.write(path)
    return path / page.NAME


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    if named := os.environ.get("CIPHERWARD_AXE"):
        return Path(named).read_text("utf-8")
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("no axe-core: name axe.min.js in CIPHERWARD_AXE, or install npm")
    folder = tmp_path_factory.mktemp("axe")
    command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), "axe-core@4"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        pytest.skip("npm could not fetch axe-core: name axe.min.js in CIPHERWARD_AXE")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


def visit(browser: str, path: Path, profile: Path, *, scheme: int = LIGHT) -> tuple[str, list[str]]:
    """The document after loading, and what the browser wrote to the console."""
    look = (f"--user-data-dir={profile}", f"--blink-settings=preferredColorScheme={scheme}", "--window-size=1400,1000")
    done = subprocess.run(
        [browser, *_FLAGS, *look, path.as_uri()], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout, re.findall(r"CONSOLE[^\n]*", done.stderr)


def asked(browser: str, report: Path, folder: Path, script: str, *, width: int, scheme: int = LIGHT) -> Any:
    """What a script, run inside the report at a given width, finds: it returns a promise of something for JSON."""
    text = re.sub(r"<meta http-equiv[^>]*>", "", report.read_text("utf-8"))
    tell = f"(async () => parent.postMessage(JSON.stringify(await (async () => {{ {script} }})()), '*'))()"
    (folder / "inner.html").write_text(text.replace("</body>", f"<script>{tell}</script></body>"), "utf-8")
    outer = (
        "<!doctype html><meta charset=utf-8><meta name=color-scheme content='light dark'><pre id=found></pre>"
        "<script>onmessage = e => { document.getElementById('found').textContent = e.data }</script>"
        f"<iframe title=report src=inner.html style='width:{width}px;height:900px;border:0'></iframe>"
    )
    (folder / "outer.html").write_text(outer, "utf-8")
    shown, _ = visit(browser, folder / "outer.html", folder / "profile", scheme=scheme)
    found = re.search(r'<pre id="found">(.*?)</pre>', shown, re.DOTALL)
    assert found is not None
    return json.loads(html.unescape(found[1]))


def test_the_report_opens_from_a_file_without_a_word_on_the_console(browser: str, report: Path, tmp_path: Path) -> None:
    shown, console = visit(browser, report, tmp_path)
    assert any(last in shown for last in ("12. How to repeat this", "10. The study", "5. The study"))
    assert console == []


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_the_page_never_scrolls_sideways(browser: str, report: Path, tmp_path: Path, width: int) -> None:
    script = "return [document.documentElement.scrollWidth, innerWidth]"
    needed, given = asked(browser, report, tmp_path, script, width=width)
    assert given == width
    assert needed <= given


def test_no_table_is_cut_on_a_phone(browser: str, report: Path, tmp_path: Path) -> None:
    script = """
    for (const details of document.querySelectorAll('details')) details.open = true
    return [...document.querySelectorAll('.scroll, .stack')].filter(box => box.scrollWidth > box.clientWidth)
      .map(box => box.getAttribute('aria-label'))
    """
    assert asked(browser, report, tmp_path, script, width=PHONE) == []


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_the_text_of_a_chart_stays_inside_it_and_is_large_enough_to_read(
    browser: str, report: Path, tmp_path: Path, width: int
) -> None:
    script = """
    const bad = []
    for (const text of document.querySelectorAll('.chart text')) {
      const inner = text.getBoundingClientRect(), outer = text.closest('svg').getBoundingClientRect()
      const size = parseFloat(getComputedStyle(text).fontSize) * outer.width / 640
      if (inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.top < outer.top - 2 || size < 10)
        bad.push([text.textContent, inner.left - outer.left, outer.right - inner.right, size])
    }
    return bad
    """
    assert asked(browser, report, tmp_path, script, width=width) == []


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_axe_finds_no_barrier(browser: str, report: Path, axe: str, tmp_path: Path, width: int, scheme: int) -> None:
    script = (
        f"{axe}\nfor (const d of document.querySelectorAll('details')) d.open = true;"
        "const found = await axe.run(document, {resultTypes: ['violations']});"
        "return [matchMedia('(prefers-color-scheme: dark)').matches,"
        "found.violations.map(v => [v.impact, v.id, v.nodes.slice(0, 3).map(n => n.html.slice(0, 200))])]"
    )
    is_dark, violations = asked(browser, report, tmp_path, script, width=width, scheme=scheme)
    assert is_dark == (scheme == DARK)
    assert violations == []
