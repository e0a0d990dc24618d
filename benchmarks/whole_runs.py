"""Whole runs of this checkout against those of another one, in turn: processor time of the process and what it starts.

    git worktree add ../before 534993e
    python benchmarks/whole_runs.py --against ../before            three runs each, about two minutes
    python benchmarks/whole_runs.py --against ../before --cold     one each with nothing compiled yet

`diabetes130` is read from CIPHERWARD_DATA, the cache, or ../shared/data. The other checkout runs in this environment: what it needs
beside (matplotlib, for old ones) has to be installed, or be on PYTHONPATH.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import Section, finish, machine_line

HERE = Path(__file__).resolve().parents[1]
SHARED = HERE.parent / "shared" / "data" / "diabetes130"
CACHES = ("CIPHERWARD_CACHE", "NUMBA_CACHE_DIR")  # the second is read by revisions that compile with numba
BARS = {"readmission": 0.4, "diabetes130": 0.3, "readmission, first run": 0.5}


def processor_seconds(checkout: Path, study: str, cache: Path | None) -> float:
    """Of one `cipherward run`. `cache`: an empty folder for compiled kernels."""
    paths = [str(checkout / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = (
        os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | ({name: str(cache) for name in CACHES} if cache else {})
    )
    data = ["--data", str(SHARED)] if study == "diabetes130" and SHARED.exists() else []
    program = "from cipherward.cli import main; main()"
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-c", program, "run", study, *data, "--out", str(Path(folder) / "run")]
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, required=True, help="another checkout")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--cold", action="store_true", help="the quick start with nothing compiled")
    given = parser.parse_args()
    section = Section(f"Processor time of whole runs; {machine_line()}", ["run", "before", "now", "ratio"])
    for study in ("readmission",) if given.cold else ("readmission", "diabetes130"):
        seconds: dict[Path, list[float]] = {given.against.resolve(): [], HERE: []}
        for turn in range(given.runs + (not given.cold)):
            for checkout, found in seconds.items():
                with tempfile.TemporaryDirectory() as cache:
                    spent = processor_seconds(checkout, study, Path(cache) if given.cold else None)
                if turn or given.cold:  # otherwise the first one compiles
                    found.append(spent)
        before, now = (statistics.median(found) for found in seconds.values())
        name = f"{study}, first run" if given.cold else study
        section.rows.append([name, f"{before:.1f} s", f"{now:.1f} s", f"{now / before:.2f}"])
        section.numbers[name] = {str(k): found for k, found in enumerate(seconds.values())}
        section.bar(f"{name}: at most {BARS[name]}", f"{now / before:.2f}", now <= BARS[name] * before)
    finish("first_run" if given.cold else "whole_runs", section)


if __name__ == "__main__":
    main()
