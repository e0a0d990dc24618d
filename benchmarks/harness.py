"""What the benchmarks share: one secure sum with every party simulated, peers' settings, tables, the machine's line."""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import numba
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from cipherward import thresholds
from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import SumTask
from cipherward.protocol import hospital
from cipherward.protocol.coordinator import Collection
from cipherward.protocol.hospital import Consent, Dealt
from cipherward.protocol.messages import Manifest, context, sign
from cipherward.protocol.party import Member, Rules

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


class SimulatedSum:
    """One sum under `quorum`: the messages are the real ones, only the network is missing.

    `sent[kind]` lists the length in bytes of every message of that kind, in roster order.
    """

    def __init__(
        self, n_hospitals: int, n_lanes: int, bits: int = 16, payloads: MutableMapping[int, bytes] | None = None
    ) -> None:
        numbers = thresholds.derive(n_hospitals)
        identities = [Identity(os.urandom(32)) for _ in range(n_hospitals + 1)]
        keys = {index: identity.public_key for index, identity in enumerate(identities)}
        rules = Rules(os.urandom(32), keys, numbers.threshold, numbers.min_contributors, QuorumScheme())
        self.members = {index: Member(rules, index, identity) for index, identity in enumerate(identities)}
        self.task = SumTask(
            context(rules.study, os.urandom(32), 1, 1),
            n_hospitals,
            numbers.threshold,
            bits,
            n_lanes,
            n_lanes,
            n_lanes,
        )
        self.rules = rules
        self.payloads: MutableMapping[int, bytes] = {} if payloads is None else payloads
        self.collection = self.new_collection(self.payloads)
        self.sent: dict[str, list[int]] = {}
        self._private: dict[int, bytes] = {}
        self._headers: dict[int, bytes] = {}
        self._consents: dict[int, Consent] = {}
        self._joins: dict[int, bytes] = {}
        self._join()

    def new_collection(self, payloads: MutableMapping[int, bytes]) -> Collection:
        """A fresh coordinator for the same sum (call `rejoin` on it before it takes updates)."""
        return Collection(self.members[COORDINATOR], self.task, np.zeros(self.task.n_lanes), payloads)

    def rejoin(self, collection: Collection) -> Collection:
        """Give another coordinator the joins of this sum."""
        for index, data in self._joins.items():
            collection.add_join(index, data)
        collection.close_joins()
        return collection

    @property
    def hospitals(self) -> range:
        return range(1, self.task.n_hospitals + 1)

    def _join(self) -> None:
        for i in self.hospitals:
            self._private[i], data = hospital.join(self.members[i], self.task, os.urandom(96))
            self._note("Join", data)
            self._joins[i] = data
            self.collection.add_join(i, data)
        self.joined = self.collection.close_joins()

    def deal(self, i: int, lanes: NDArray[np.uint32]) -> bytes:
        """Hospital i's encoded Update: encryption, shares, sealing, signature, serialisation."""
        dealt = hospital.deal(self.members[i], self.task, self.joined, lanes, os.urandom(32))
        self._headers[i] = dealt.header
        self._note("Update", dealt.update)
        return dealt.update

    @contextmanager
    def headers_read_once(self) -> Iterator[list[float]]:
        """Let all simulated hospitals share one reading of the headers; gives the list of seconds that readings took.

        Every hospital checks the same signed headers, each with one entry per holder. In a real study that is parallel;
        in one process with n hospitals it would be n^3 entries.
        """
        real = hospital.read_headers
        known: dict[bytes, Any] = {}
        seconds: list[float] = []

        def shared(rules: Rules, task: SumTask, manifest: Manifest, headers: tuple[bytes, ...]) -> Any:
            if manifest.total not in known:
                start = time.perf_counter()
                known[manifest.total] = real(rules, task, manifest, headers)
                seconds.append(time.perf_counter() - start)
            return known[manifest.total]

        with mock.patch.object(hospital, "read_headers", shared):
            yield seconds

    def agree(
        self, voters: Iterable[int] | None = None, progress: Callable[[str, int], None] = lambda what, i: None
    ) -> None:
        """Manifest, consent of every voter (default: all), certificate, `threshold` releases."""
        requests = self.collection.close()
        for i in self.hospitals if voters is None else voters:
            member = self.members[i]
            own = Dealt(self._headers[i], self.payloads[i], b"") if i in self._headers else None
            given = hospital.consent(member, self.task, requests[i], private_key=self._private[i], own=own)
            assert isinstance(given, Consent)
            vote = sign(member.identity, self.rules.study, i, given.vote)
            self._note("Vote", vote)
            self.collection.add_vote(i, vote)
            self._consents[i] = given
            progress("consent", i)
        certificate = self.collection.certificate()
        for i in list(self._consents)[: self.rules.threshold]:
            data = hospital.release(self.members[i], self.task, certificate, self._consents[i], self._private[i])
            self._note("Release", data)
            self.collection.add_release(i, data)
            progress("release", i)

    def open(self) -> NDArray[Any]:
        """The opened integer sums, int64[n_lanes]."""
        _, sums, reason = self.collection.open()
        assert sums is not None, reason
        return sums

    def _note(self, kind: str, data: bytes) -> None:
        self.sent.setdefault(kind, []).append(len(data))


def random_lanes(rng: np.random.Generator, n_lanes: int, bits: int = 16) -> NDArray[np.uint32]:
    """uint32[n_lanes], uniform below 2^bits."""
    return rng.integers(0, 1 << bits, n_lanes, dtype=np.uint32)


def timed(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


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


def peak_mib() -> float:
    """Largest resident set of this process so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count the parent's memory from before this program was loaded
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (MIB if sys.platform == "darwin" else 1024)


def alone(work: Callable[..., T], *arguments: object) -> T:
    """The result of `work` in a fresh process, so that its peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def machine() -> dict[str, str]:
    """CPU, cores, memory and versions, for the line above every table."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        cpu = names[0] if names else cpu
    packages = {}
    for name in ("numpy", "numba", "cryptography", "tenseal"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = "not installed"
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30 if hasattr(os, "sysconf") else 0.0
    return {
        "cpu": cpu,
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "threads": str(numba.get_num_threads()),
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
