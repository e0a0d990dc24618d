"""Faults of a network and of a disk between real services, each in a network namespace of its own: what people read at both sides."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.consortium import consortium
from tests.transport.test_troubles import fill, small_disk

pytestmark = pytest.mark.slow

PROGRAM = [sys.executable, "-c", "from cipherward.cli import main; main()"]
THERE, HERE = "10.77.0.1", "10.77.0.2"
URL = f"tls://{THERE}:4222"


def ip(*words: str) -> bool:
    try:
        return subprocess.run(["ip", *words], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


class World:
    """A coordinator and one hospital, a cable between them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.spaces = folder, {"coordinator": f"cwc{os.getpid()}", "clinic-1": f"cwh{os.getpid()}"}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        here, there = self.spaces["clinic-1"], self.spaces["coordinator"]
        steps: list[tuple[str, ...]] = [("netns", "add", here), ("netns", "add", there)]
        steps += [("link", "add", "cwc", "netns", there, "type", "veth", "peer", "name", "cwh", "netns", here)]
        for space, device, address in ((there, "cwc", THERE), (here, "cwh", HERE)):
            steps += [("-n", space, "addr", "add", f"{address}/24", "dev", device)]
            steps += [("-n", space, "link", "set", each, "up") for each in ("lo", device)]
        self._steps = steps

    def make(self) -> None:
        if not all(ip(*step) for step in self._steps):
            pytest.skip("making network namespaces needs root and iproute2")
        consortium.found(self.folder, 3, url=URL)

    def serve(self, *names: str) -> None:
        for name in names:
            with (self.folder / f"{name}.out").open("ab") as out:
                self.processes[name] = subprocess.Popen(self._command(name, "serve"), stdout=out, stderr=out)

    def stop(self, name: str) -> None:
        process = self.processes.pop(name)
        process.terminate()
        process.wait(60)

    def said(self, name: str, command: str) -> str:
        return subprocess.run(self._command(name, command), check=False, capture_output=True, text=True).stdout

    def until(self, name: str, command: str, words: str, seconds: float = 120.0) -> str:
        """What the command says once `words` are in it."""
        ends = time.monotonic() + seconds
        while words not in (said := self.said(name, command)):
            assert time.monotonic() < ends, f"{words!r} is not in what {name} says:\n{said}"
            time.sleep(1)
        return said

    def heard_of_coordinator(self, name: str) -> float:
        return float(json.loads((self.folder / name / "status.json").read_text())["seen"]["coordinator"])

    def rewrite(self, name: str, file: str, old: str, new: str) -> None:
        path = self.folder / name / file
        path.write_text(path.read_text().replace(old, new))

    def _command(self, name: str, command: str) -> list[str]:
        role = "coordinator" if name == "coordinator" else "hospital"
        inside = ["ip", "netns", "exec", self.spaces[name]]
        return [*inside, *PROGRAM, role, command, "--home", str(self.folder / name)]

    def stop_all(self) -> None:
        for name in list(self.processes):
            self.stop(name)

    def close(self) -> None:
        self.stop_all()
        for space in self.spaces.values():
            ip("netns", "del", space)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    try:
        made.make()
        yield made
    finally:
        made.close()


CONNECTED = "running, connected"


def test_lost_packets_a_missing_route_and_a_silent_hospital_are_told_apart_at_both_sides(world: World) -> None:
    here = world.spaces["clinic-1"]
    world.serve("coordinator", "clinic-1")
    world.until("clinic-1", "status", "coordinator: its service is alive")
    # A wrong hardware address: whatever is sent goes nowhere, without a word.
    ip("-n", here, "neigh", "replace", THERE, "lladdr", "02:00:00:00:00:99", "dev", "cwh", "nud", "permanent")
    world.until("clinic-1", "status", "does not answer, neither yes nor no")
    assert "blocked port" in world.said("clinic-1", "doctor")
    ip("-n", here, "neigh", "del", THERE, "dev", "cwh")
    world.until("clinic-1", "status", CONNECTED)
    ip("-n", here, "link", "set", "cwh", "down")
    assert "cipherward hospital doctor" in world.until("clinic-1", "status", "unreachable network")
    assert "this machine has no route" in world.said("clinic-1", "doctor")
    heard = world.until("coordinator", "status", "clinic-1: no sign of life since", 400.0)
    assert "call clinic-1: there, cipherward hospital status" in heard
    assert "BAD hospitals: clinic-1: no sign of life" in world.said("coordinator", "health")


def test_a_changed_port_and_a_name_that_the_certificate_does_not_hold_are_told_apart(world: World) -> None:
    world.serve("coordinator", "clinic-1")
    world.until("clinic-1", "status", CONNECTED)
    world.stop("coordinator")
    world.rewrite("coordinator", "consortium.toml", ":4222", ":4333")
    world.serve("coordinator")
    world.until("clinic-1", "status", "refused port")
    assert "whether the port was changed" in world.said("clinic-1", "doctor")
    world.stop("clinic-1")
    ip("-n", world.spaces["coordinator"], "addr", "add", "10.77.0.3/24", "dev", "cwc")
    world.stop("coordinator")
    world.rewrite("coordinator", "consortium.toml", f'listen = "{THERE}', 'listen = "0.0.0.0')
    world.rewrite("coordinator", "consortium.toml", "hosts = []", 'hosts = ["10.77.0.3"]')
    world.rewrite("clinic-1", "hospital.toml", f"{THERE}:4222", "10.77.0.3:4333")
    world.serve("coordinator", "clinic-1")
    world.until("clinic-1", "status", "the name 10.77.0.3 is not in the server's certificate")
    assert "the name 10.77.0.3 is not in the server's certificate" in world.said("clinic-1", "doctor")
    named = world.said("coordinator", "health")
    assert "server.crt is not for 10.77.0.3" in named
    assert "cipherward coordinator renew" in named


def test_a_full_disk_at_the_coordinator_is_seen_there_and_by_whoever_sends(world: World) -> None:
    moved = world.folder / "moved"
    (world.folder / "coordinator").rename(moved)
    with small_disk(world.folder / "coordinator"):
        subprocess.run(["cp", "-a", f"{moved}/.", str(world.folder / "coordinator")], check=True)
        try:
            world.serve("coordinator", "clinic-1")
            world.until("clinic-1", "status", "coordinator: its service is alive")
            fill(world.folder / "coordinator" / "filler")
            world.until("coordinator", "status", "the disk is full")
            assert "BAD disk: the disk is full" in world.said("coordinator", "health")
            told = world.until("clinic-1", "status", "the coordinator since", 30.0)
            assert "its disk is full, it says" in told
            assert "Call them; nothing has to be done here" in told
            assert "Letters wait, nothing is lost" in told
            assert "BAD coordinator: its disk is full" in world.said("clinic-1", "health")
            assert "coordinator: its disk is full" in world.said("clinic-1", "doctor")
            (world.folder / "coordinator" / "filler").unlink()
            world.until("coordinator", "alarms", "server disk was full", 30.0)
            freed = time.time()
            world.until("clinic-1", "status", CONNECTED + "\n", 60.0)
            # The next sign of life is due a minute after the last; that it is answered shows that letters pass both ways.
            while world.heard_of_coordinator("clinic-1") < freed:
                assert time.time() < freed + 75
                time.sleep(1)
            assert "coordinator: its service is alive" in world.said("clinic-1", "status")
        finally:
            world.stop_all()
