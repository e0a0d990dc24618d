"""A long study under random faults: does anything grow that should not?"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from tests import simulator
from tests.faults import oracle
from tests.faults.nursery import Nursery
from tests.faults.world import Processes, Template, memory_folder

WARM_ROUNDS = 20
"""Rounds until caches are filled and mailboxes exist; growth counts from here."""

SERVER_WARM_ROUNDS = 80
"""The same for the server: nats-server remembers to whom the last 512 subjects in each mailbox's traffic went, and a round
has about 7 messages for a mailbox, each with a reply subject of its own."""


@dataclass
class Sample:
    """One look at everybody. Bytes of memory, open files, bytes on disk.

    `memory` is resident memory, `own` the part of it that a process has allocated: heap and stacks, without programs,
    libraries and files. Whoever is measured was started afresh, not forked, so both are its own.
    """

    round: int
    memory: dict[str, int]
    own: dict[str, int]
    files: dict[str, int]
    disk: dict[str, int]


@dataclass
class Soak:
    """What a run gave. `killed`: parties that were killed meanwhile, whose memory starts again and does not count."""

    rounds: int
    seconds: float = 0.0
    faults: dict[str, int] = field(default_factory=dict)
    killed: set[str] = field(default_factory=set)
    samples: list[Sample] = field(default_factory=list)
    incomplete: int = 0

    def warm_rounds(self, name: str) -> int:
        """The round from which the growth of a process counts; in a short run half of it."""
        return min(SERVER_WARM_ROUNDS if name == "server" else WARM_ROUNDS, self.rounds // 2)

    def early_and_late(self, name: str, what: str, *, after: int | None = None) -> tuple[float, float]:
        """`memory`, `own` or `files` of a process: medians of the first and the last tenth of the looks after the warm
        rounds, or `after` others. One look may meet a process in the middle of its work."""
        start = self.warm_rounds(name) if after is None else after
        late = [getattr(s, what)[name] for s in self.samples if s.round >= start and name in getattr(s, what)]
        tenth = max(1, len(late) // 10)
        return statistics.median(late[:tenth]), statistics.median(late[-tenth:])

    def growth(self, name: str, what: str = "memory") -> float:
        """Growth after the warm rounds, as a share."""
        early, late = self.early_and_late(name, what)
        return late / early - 1.0


def run(rounds: int, hospitals: int, *, seed: int, tell: Callable[[str], None] = lambda text: None) -> Soak:
    """A study of `rounds` training rounds with a fault every second or so.

    Raises:
        AssertionError: the study does not finish, does not verify, or its model is not that of its contributions.
    """
    folder = memory_folder()
    nursery = Nursery()
    # Decisions of the soak are the same for a seed; where they hit, the machine's timing decides.
    rng = random.Random(seed)
    sections = {
        "training": {"rounds": rounds},
        "aggregation": {"scheme": "quorum", "deadline_seconds": 2.0},
    }
    world: Processes | None = None
    try:
        template = Template(folder, hospitals, **sections)
        world = Processes(template, nursery, "all")
        soak = Soak(rounds)
        _Runner(world, soak, rng, tell).run()
        listed = tuple(tuple(found) for found in simulator.contributors(world.run))
        soak.incomplete = sum(len(found) < hospitals for found in listed)
        assert simulator.holds(world.run)
        assert simulator.weights(world.run).tobytes() == oracle.weights(world.run, world.tables, listed)
        return soak
    finally:
        if world:
            world.close()
        nursery.close()
        shutil.rmtree(folder, ignore_errors=True)


class _Runner:
    def __init__(self, world: Processes, soak: Soak, rng: random.Random, tell: Callable[[str], None]) -> None:
        self.world, self.soak, self.rng, self.tell = world, soak, rng, tell
        self.hospitals = world.names[1:]
        # Two hospitals are killed now and then; everybody else lives from the first round to the last.
        self.mortal = self.hospitals[-2:]
        self.seen = -1

    def run(self) -> None:
        started = time.monotonic()
        for name in self.world.names:
            liar = name in self.hospitals[:2]
            spoils = {"fault": "random", "seed": self.rng.random()} if liar else {}
            self.world.serve(name, fresh=name not in self.mortal, **spoils)
        while not (self.world.run / "result.json").exists():
            self._look()
            self._break()
            assert time.monotonic() < started + 60 + 20 * self.soak.rounds, self.world.everything()
        self._look(last=True)
        self.soak.seconds = time.monotonic() - started

    def _break(self) -> None:
        fault = self.rng.choice(("stop", "partition", "silence", "slow", "kill", "stop-server", "cut-coordinator", ""))
        victim = self.rng.choice(self.hospitals)
        self.soak.faults[fault or "none"] = self.soak.faults.get(fault or "none", 0) + 1
        pause = self.rng.uniform(0.2, 1.5)
        world = self.world
        if fault in ("stop", "stop-server"):
            pid = world.pids[victim] if fault == "stop" else world.server_pid()
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                time.sleep(pause)
                os.kill(pid, signal.SIGCONT)
        elif fault == "kill":
            victim = self.rng.choice(self.mortal)
            world.kill(victim)
            time.sleep(pause)
            world.serve(victim)
            self.soak.killed.add(victim)
        elif fault:
            proxy = world.proxies["coordinator" if fault == "cut-coordinator" else victim]
            if fault == "silence":
                proxy.silence()
            elif fault == "slow":
                proxy.slow(0.02, 400_000.0)
            else:
                proxy.cut()
            time.sleep(pause)
            proxy.heal()
        time.sleep(self.rng.uniform(0.2, 1.0))

    def _look(self, *, last: bool = False) -> None:
        world = self.world
        done = len(list(world.run.glob("receipts/*/opening.cbor"))) - 1
        if done == self.seen and not last:
            return
        self.seen = done
        pids = {name: pid for name, pid in world.pids.items() if name not in self.mortal}
        with contextlib.suppress(OSError, ValueError):
            pids["server"] = world.server_pid()
        found = Sample(done, {}, {}, {}, {})
        for name, pid in pids.items():
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(pid)
                found.memory[name], found.own[name] = _memory(process)
                found.files[name] = process.num_fds()
        for name in world.names:
            found.disk[name] = sum(_size(path) for path in self._kept(name))
        self.soak.samples.append(found)
        self.tell(f"round {done} of {self.soak.rounds}: {_largest(found.memory)}")

    def _kept(self, name: str) -> list[Path]:
        """Ledger, journal, outboxes and inboxes, not the study's own record (openings and receipts)."""
        home = self.world.path(name)
        parts = ("ledger.sqlite*", "outbox/*", "inbox/**/*", "post/**/*", "studies/*/coordinator/**/*")
        return [path for part in parts for path in home.glob(part)]


def _memory(process: psutil.Process) -> tuple[int, int]:
    """Resident memory, and what of it is anonymous (where the system does not say: what is shared with nobody)."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        found = process.memory_full_info()
        return found.rss, found.uss
    sizes = dict(line.split(":", 1) for line in status.read_text().splitlines())
    resident, own = (int(sizes[key].split()[0]) << 10 for key in ("VmRSS", "RssAnon"))
    return resident, own


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size if path.is_file() else 0
    return 0


def _largest(memory: dict[str, int]) -> str:
    return ", ".join(f"{name} {size / 2**20:.0f}" for name, size in memory.items()) + " MiB"
