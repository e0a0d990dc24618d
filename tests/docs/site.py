"""Builds the documentation's site into a folder; a warning is an error: `python -m tests.docs.site build/site`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIGURATION = ROOT / "mkdocs.yml"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# Zensical fails on its own warnings; what reads the docstrings only prints its own.
_WARNS = re.compile(r"^(griffe|mkdocstrings|mkdocs_autorefs): .*$", re.MULTILINE)


def program() -> str | None:
    """Zensical beside this Python or on the PATH; None where it is not installed."""
    return shutil.which("zensical", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


def build(folder: Path) -> str:
    """Build the site with what `program` names: "" or the warnings. `folder` is replaced."""
    work = folder.with_name(folder.name + "-source")
    for old in (folder, work):
        shutil.rmtree(old, ignore_errors=True)
    for name in ("docs", "src"):
        shutil.copytree(ROOT / name, work / name, ignore=shutil.ignore_patterns("__pycache__", "make.py", "diagram.py"))
    shutil.copy(CONFIGURATION, work)
    command = [program() or "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(command, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    said = _COLOURS.sub("", done.stdout)
    warnings = "\n".join(found.group() for found in _WARNS.finditer(said))
    if not done.returncode:
        shutil.move(work / "build" / "site", folder)
    shutil.rmtree(work)
    return said if done.returncode else warnings


if __name__ == "__main__":
    target = Path(sys.argv[1])
    if problems := build(target):
        sys.exit(problems)
    print(f"{target / 'index.html'}")
