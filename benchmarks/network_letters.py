"""Letters of network.py: keys of a consortium, its server, and processes that send and take letters over TLS."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from cipherward.consortium.membership import authority
from cipherward.store import files
from cipherward.store.outbox import Outbox
from cipherward.transport import serving
from cipherward.transport.configuration import ServerSettings
from cipherward.transport.post import CoordinatorPost, HospitalPost
from cipherward.transport.receiving import Content
from cipherward.transport.server import ManagedServer
from cipherward.transport.tls import Connection
from harness import console


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


def users(folder: Path, names: list[str]) -> dict[str, str]:
    return {name: authority.subject(files.read(folder / name / "tls.crt")) for name in ["coordinator", *names]}


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

    async def answer(member: str, content: Content) -> None:
        outbox.put(serving.read(content))

    async def arrived(member: str, content: Content) -> None:
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

    async def receive(member: str, content: Content) -> None:
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

    async def receive(member: str, content: Content) -> None:
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
