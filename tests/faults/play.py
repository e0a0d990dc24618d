"""One cell: a study, a party in a phase, a fault, and what must be true when it is over."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import time
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from tests import simulator
from tests.faults import oracle
from tests.faults.cells import DEALT, ON_LETTERS, Cell
from tests.faults.nursery import Nursery
from tests.faults.world import DEADLINE_SECONDS, N, Processes, Template

from cipherward.disclosure.missing import Effect
from cipherward.parties import who_stands
from cipherward.runs import verify
from cipherward.store.outbox import Outbox

STOP_SECONDS = float(os.environ.get("FAULTS_STOP_SECONDS", "5"))
PARTITION_SECONDS = 2.0
DISK_SECONDS = 2.0
LATENCY_SECONDS, BYTES_PER_SECOND = 0.05, 150_000.0


@dataclass
class Result:
    """How a cell ended. `recovery`: seconds from the start of a killed coordinator to its next progress. `foretold`: where a
    hospital stayed away, what the table of missing hospitals says of it; `happened`: what the study did."""

    cell: str
    party: str
    phase: str
    fault: str
    agreement: str = "agreed"
    ended: str = ""
    seconds: float = 0.0
    recovery: float | None = None
    contributors: list[list[int]] = field(default_factory=list)
    same_as_fault_free: bool = False
    foretold: str = ""
    happened: str = ""
    alarms: list[str] = field(default_factory=list)


def play(cell: Cell, template: Template, nursery: Nursery) -> Result:
    """Run the cell.

    Raises:
        AssertionError: something that must hold does not.
    """
    result = Result(str(cell), cell.party, cell.phase, cell.fault, cell.agreement)
    world = Processes(template, nursery, "three" if cell.party == "last-needed" else "all", cell.agreement)
    started = time.monotonic()
    try:
        _Player(cell, world, result).run()
        result.ended = result.ended or "finished"
        result.seconds = round(time.monotonic() - started, 1)
        check(world, result)
        return result
    finally:
        world.close()


class _Player:
    def __init__(self, cell: Cell, world: Processes, result: Result) -> None:
        self.cell, self.world, self.result = cell, world, result
        # The server is nobody's process to stop at a moment: it is hit while the coordinator stands at that moment.
        self.victim = {"contributor": "clinic-2", "last-needed": "clinic-4"}.get(cell.party, "coordinator")
        self.of_server = cell.party == "server"

    def run(self) -> None:
        world, cell = self.world, self.cell
        if cell.fault == "disk-full":
            self.disk.mkdir(exist_ok=True)
            world.give_small_disk(self.disk)
        for name in world.names:
            world.serve(name, **self._spec(name))
        if cell.fault in ON_LETTERS:
            self._finish()
            return
        phase = {"phase": cell.phase, "sum": cell.sum}
        world.until(lambda: world.log(self.victim, "reached", phase=cell.phase), f"{self.victim} in {phase}")
        getattr(self, "_" + cell.fault.replace("-", "_"))()
        self._finish()

    def _spec(self, name: str) -> dict[str, Any]:
        cell = self.cell
        if cell.fault not in ON_LETTERS:
            return {"gate": cell.phase} if name == self.victim else {}
        if self.of_server or name == self.victim:
            role = "coordinator" if name == "coordinator" else "hospital"
            return {"fault": cell.fault, "phase": cell.phase, "sender": "server" if self.of_server else role}
        return {}

    @property
    def disk(self) -> Any:
        home = self.world.path(self.victim)
        return home / "server" if self.of_server else home

    def _go(self) -> None:
        (self.world.path(self.victim) / "gate.go").touch()

    def _finish(self) -> None:
        world = self.world
        world.until(lambda: world.log("coordinator", "finished"), "finished")
        for name in world.names[1:]:
            world.until(lambda name=name: list(world.path(name).glob("models/*/result.json")), f"received by {name}")  # type: ignore[misc]

    # faults

    def _kill(self) -> None:
        world = self.world
        if self.of_server:
            os.kill(world.server_pid(), signal.SIGKILL)
            self._go()
            world.until(lambda: world.log("coordinator", "server died"), "noticed")
            return
        world.kill(self.victim)
        self._wait_for_consequences()
        before = len(world.log(self.victim))
        world.serve(self.victim)
        if self.victim == "coordinator":
            self._measure(before)

    def _measure(self, before: int) -> None:
        """From the start of the process to the first thing that moves the study on."""

        def progress() -> list[dict[str, Any]]:
            lines = self.world.log("coordinator")[before:]
            return [line for line in lines if line["event"] in ("accepted", "phase", "sum finished", "finished")]

        begun = time.time()
        self.world.until(progress, "going on")
        first = datetime.fromisoformat(progress()[0]["time"]).timestamp()
        self.result.recovery = round(first - begun, 2)

    def _stop(self) -> None:
        pid = self.world.server_pid() if self.of_server else self.world.pids[self.victim]
        os.kill(pid, signal.SIGSTOP)
        self._go()
        time.sleep(STOP_SECONDS)
        os.kill(pid, signal.SIGCONT)

    def _partition(self) -> None:
        world = self.world
        proxies = list(world.proxies.values()) if self.of_server else [world.proxies[self.victim]]
        for proxy in proxies:
            proxy.silence()
        self._go()
        time.sleep(PARTITION_SECONDS)
        for proxy in proxies:
            proxy.cut()
        self._wait_for_consequences()
        for proxy in proxies:
            proxy.heal()

    def _slow(self) -> None:
        world = self.world
        proxies = list(world.proxies.values()) if self.of_server else [world.proxies[self.victim]]
        for proxy in proxies:
            proxy.slow(LATENCY_SECONDS, BYTES_PER_SECOND)
        self._go()
        world.until(lambda: world.log("coordinator", "sum finished", sum=self.cell.sum), "through the slow link")
        for proxy in proxies:
            proxy.heal()

    def _disk_full(self) -> None:
        self.world.fill(self.disk)
        self._go()
        time.sleep(DISK_SECONDS)
        self.world.free(self.disk)

    def _wait_for_consequences(self) -> None:
        """A hospital stays away until the study has gone on without it, or has said that it waits, and waited: whichever the
        table says that people see before the study starts."""
        if self.cell.party not in ("contributor", "last-needed"):
            return
        world, result = self.world, self.result
        foretold = self._foretold()
        if foretold is Effect.WAITS:
            world.until(self._says_that_it_waits, "waiting for it")
            time.sleep(2 * DEADLINE_SECONDS)
            is_waiting = not world.log("coordinator", "sum finished", sum=self.cell.sum)
            result.ended = "waited for it, then finished"
        else:
            world.until(lambda: world.log("coordinator", "sum finished", sum=self.cell.sum), "gone on without it")
            is_waiting = False
        happened = Effect.WAITS if is_waiting else Effect.GOES_ON
        result.foretold, result.happened = str(foretold), str(happened)
        assert happened is foretold, f"the study {happened} where the table says that it {foretold}"

    def _says_that_it_waits(self) -> bool:
        return any(self.world.log("coordinator", event) for event in ("waiting for quorum", "waiting for hospitals"))

    def _foretold(self) -> Effect:
        study = verify.open_run(self.world.run).first.study
        away = {h for h in study.hospitals if h.name not in self.world.names or h.name == self.victim}
        missing = {bytes.fromhex(hospital.public_key) for hospital in away}
        setting = who_stands.setting_of(study)
        return setting.after_dealing(missing) if self.cell.phase in DEALT else setting.without(missing)


def check(world: Processes, result: Result) -> None:
    """What must hold at the end of every cell, whatever happened in it."""
    runs = [world.run, *(next(world.path(name).glob("models/*")) for name in world.names[1:])]
    for run in runs:
        assert simulator.holds(run), f"{run} does not verify"
    result.contributors = simulator.contributors(world.run)
    listed = tuple(tuple(found) for found in result.contributors)
    expected = oracle.weights(world.run, world.tables, listed)
    for run in runs:
        assert simulator.weights(run).tobytes() == expected, f"{run}: not the model that its contributions make"
    everyone = tuple(i for i in range(1, N + 1) if f"clinic-{i}" in world.names)
    result.same_as_fault_free = set(listed) == {everyone}
    assert result.same_as_fault_free or result.agreement == "agreed", f"a block stood in a sum in part: {listed}"
    _nothing_released_twice(world)
    _nothing_acknowledged_lost(world)
    for name in world.names:
        result.alarms += [f"{name}: {line['event']}: {line.get('reason', '')}" for line in world.home(name).alarms()]
    if result.fault in ON_LETTERS:
        assert any(world.log(name, "spoilt") for name in world.names), "the letter that was to be hit never came"
    text = "\n".join(result.alarms)
    assert "breach" not in text, text
    if result.fault not in ON_LETTERS:
        assert "letter refused" not in text, text
        assert "faulty message" not in text, text
    _check_alarms(result)


def _check_alarms(result: Result) -> None:
    """A damaged letter is noticed by whoever gets it; a disk that was full by its owner (its log may have been full)."""
    if result.fault in ("corrupt", "truncate"):
        noticed = [alarm for alarm in result.alarms if "refused" in alarm or "bad chunk" in alarm]
        assert noticed, f"nobody noticed the damaged letter: {result.alarms}"


def _nothing_released_twice(world: Processes) -> None:
    for name in world.names[1:]:
        with contextlib.closing(sqlite3.connect(world.path(name) / "ledger.sqlite")) as ledger:
            rows = ledger.execute(
                "SELECT round, COUNT(DISTINCT manifest) FROM sums WHERE release IS NOT NULL GROUP BY study, round"
            ).fetchall()
        assert all(count == 1 for _, count in rows), f"{name} released two manifests of one round: {rows}"


def _nothing_acknowledged_lost(world: Processes) -> None:
    lines = [json.loads(line) for line in (world.run / "rounds.jsonl").read_text().splitlines()]
    opened = {(line["sum"], line["attempt"]): line["contributors"] for line in lines}
    accepted = world.log("coordinator", "accepted")
    assert accepted
    for line in accepted:
        contributors = opened.get((line["sum"], line["attempt"]))
        assert contributors is None or line["from"] in contributors, f"an acknowledged update was lost: {line}"
    for name in world.names:
        boxes = [world.path(name) / "outbox", *(world.path(name) / "post" / "outboxes").glob("*")]
        absent = [box for box in boxes if box.name not in world.names and box.name != "outbox"]
        waiting = [box for box in boxes if box not in absent]
        world.until(lambda boxes=waiting: not any(Outbox(box).pending() for box in boxes), f"{name} sent", 20.0)  # type: ignore[misc]


def record(result: Result) -> str:
    """One line of JSON."""
    return json.dumps(asdict(result))
