"""What the benchmarks share: tables and bars, timing, memory, the machine's line."""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from rich.console import Console
from rich.table import Table

from cipherward.comparison.sizes import cpu_model
from cipherward.crypto.scheme import SumTask
from cipherward.sums import manifests
from cipherward.sums.messages import Manifest
from cipherward.sums.votes import Rules

T = TypeVar("T")

console = Console() if sys.stdout.isatty() else Console(width=120)
RESULTS = Path(__file__).resolve().parent / "results"
MIB = 1 << 20


@dataclass
class Section:
    """One part of a benchmark: its table, and its bars with PASS or FAIL."""

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    bars: list[tuple[str, str, bool]] = field(default_factory=list)
    numbers: dict[str, Any] = field(default_factory=dict)

    def bar(self, wanted: str, found: str, holds: bool) -> None:
        """Note one bar: what is wanted, what was found, whether it holds."""
        self.bars.append((wanted, found, bool(holds)))

    def show(self) -> None:
        """Print the table and the bars."""
        table = Table(title=self.title, title_justify="left", title_style="bold")
        for column in self.columns:
            table.add_column(column)
        for row in self.rows:
            table.add_row(*row)
        console.print(table)
        for wanted, found, holds in self.bars:
            verdict = "[green]PASS[/green]" if holds else "[red]FAIL[/red]"
            console.print(f"  {verdict}  {wanted}: {found}")
        console.print()


@contextmanager
def headers_read_once() -> Iterator[list[float]]:
    """Let all simulated hospitals share one reading of the headers; gives the list of seconds that readings took.

    Every hospital checks the same signed headers, each with one entry per holder. In a real study that is parallel;
    in one process with n hospitals it would be n^3 entries.
    """
    real = manifests.read_headers
    known: dict[bytes, Any] = {}
    seconds: list[float] = []

    def shared(rules: Rules, task: SumTask, manifest: Manifest, headers: tuple[bytes, ...]) -> Any:
        if manifest.total_digest not in known:
            start = time.perf_counter()
            known[manifest.total_digest] = real(rules, task, manifest, headers)
            seconds.append(time.perf_counter() - start)
        return known[manifest.total_digest]

    with mock.patch.object(manifests, "read_headers", shared):
        yield seconds


def timed(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@contextmanager
def one_thread() -> Iterator[None]:
    """What divides its work among processors does not, while this lasts."""
    with mock.patch.object(os, "cpu_count", return_value=1):
        yield


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing on stdout and stderr, not even from C++: TenSEAL warns about every vector longer than a ciphertext."""
    sys.stdout.flush()
    saved = os.dup(1), os.dup(2)
    with Path(os.devnull).open("w") as nothing:
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        for target, descriptor in enumerate(saved, start=1):
            os.dup2(descriptor, target)
            os.close(descriptor)


def alone(work: Callable[..., T], *arguments: object) -> T:
    """The result of `work` in a fresh process, so that its peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def machine() -> dict[str, str]:
    """CPU, cores, memory and versions, for the line above every table."""
    packages = {}
    for name in ("numpy", "llvmlite", "cryptography", "tenseal"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = "not installed"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30 if hasattr(os, "sysconf") else 0.0
    return {
        "cpu": cpu_model(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "threads": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **packages,
    }


def machine_line() -> str:
    """`machine` as one line."""
    facts = machine()
    return ", ".join([facts.pop("cpu"), *(f"{name} {value}" for name, value in facts.items())])


def write_results(name: str, sections: list[Section]) -> Path:
    """Write benchmarks/results/<name>.json: the machine, every number, every bar."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    document = {
        "machine": machine(),
        "sections": [
            {
                "title": section.title,
                "numbers": section.numbers,
                "bars": [{"wanted": w, "found": f, "holds": h} for w, f, h in section.bars],
            }
            for section in sections
        ],
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
    return path


def finish(name: str, section: Section) -> None:
    """Show the section, write its results, and end with exit code 1 if a bar does not hold."""
    section.show()
    write_results(name, [section])
    if not all(holds for _, _, holds in section.bars):
        sys.exit(1)
