"""A server that answers and stores nothing: what does not pass, why and since when, until it passes again."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.transport.consortium import Consortium, on, running, three_servers, until
from tests.transport.test_services import Deployment

from cipherward.transport.post import CoordinatorPost
from cipherward.transport.troubles import Trouble, Troubles


def test_a_trouble_keeps_the_time_of_its_first_failure_until_it_ends() -> None:
    now = 10.0
    troubles = Troubles(lambda: now)
    troubles.add("letters to a", "full")
    now = 20.0
    troubles.add("letters to a", "gone")
    troubles.add("letters to b", "gone")
    assert troubles.found == {"letters to a": Trouble("gone", 10.0), "letters to b": Trouble("gone", 20.0)}
    troubles.end("letters to a")
    troubles.end("letters to a")
    now = 30.0
    troubles.add("letters to a", "full")
    assert troubles.found["letters to a"] == Trouble("full", 30.0)


@pytest.mark.slow
def test_a_cluster_without_its_majority_is_told_from_one_that_stores(tmp_path: Path) -> None:
    made = Consortium(tmp_path, ["alpha"])
    cluster = three_servers(made, tmp_path)
    made.url = f"tls://localhost:{cluster[0].settings.port}"  # the one that stays

    async def story() -> None:
        folder, own = tmp_path / "hub", made.connection("coordinator")
        coordinator = CoordinatorPost(own, folder, made.log, made.members, replicas=3, mailbox_bytes=64 << 20)
        alpha = made.hospital("alpha")
        async with running(coordinator) as up, running(alpha) as down:
            alpha._outbox.put(b"before")
            coordinator.outbox("alpha").put(b"before")
            await until(lambda: up.got and down.got)
            await until(lambda: not coordinator.status.troubles and not alpha.status.troubles)
            for server in cluster[1:]:
                await asyncio.to_thread(server.stop)
            alpha._outbox.put(b"after")
            await until(lambda: "letters from alpha" in coordinator.status.troubles)
            expected = {"letters to the coordinator", "letters from the coordinator"}
            await until(lambda: alpha.status.troubles.keys() == expected)
            assert alpha.status.connected
            assert coordinator.status.connected
            since = {what: trouble.since for what, trouble in alpha.status.troubles.items()}
            await asyncio.sleep(4)
            assert {what: trouble.since for what, trouble in alpha.status.troubles.items()} == since
            for server in cluster[1:]:
                await asyncio.to_thread(server.start, made.users())
            await until(lambda: up.of("alpha") == [b"before", b"after"], 90)
            await until(lambda: not coordinator.status.troubles and not alpha.status.troubles)

    on(cluster, made, story())


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m,mode=700", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            if file.write(bytes(4096)) < 4096:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.slow
def test_a_server_whose_disk_is_full_says_so_and_so_does_who_sends(tmp_path: Path) -> None:
    made = Consortium(tmp_path, ["alpha"])
    server, filler = made.server, made.settings.folder / "filler"

    async def story() -> None:
        alpha, hub = made.hospital("alpha"), made.coordinator(mailbox_bytes=8 << 20)
        async with running(hub) as up, running(alpha):
            alpha._outbox.put(b"before")
            await until(lambda: up.got and not alpha.status.troubles)
            assert server.cannot_store() == ""
            fill(filler)
            assert "disk is full" in server.cannot_store()
            # Small letters still fit into the last page that the server has; what it acknowledges it has written.
            sent = [b"%03d" % number * 50 for number in range(60)]
            for letter in sent:
                alpha._outbox.put(letter)
            await until(lambda: "letters to the coordinator" in alpha.status.troubles)
            assert "stored a letter" in alpha.status.troubles["letters to the coordinator"].reason
            assert len(up.got) < 61
            await hub.say_state(disk_is_full=True)
            await until(lambda: "the coordinator" in alpha.status.troubles)
            assert "Call them" in alpha.status.troubles["the coordinator"].reason
            await hub.say_state(disk_is_full=False)
            await until(lambda: "the coordinator" not in alpha.status.troubles)
            assert alpha.status.connected
            filler.unlink()
            server.refusals()
            assert "started anew" in server.cannot_store()
            assert server.needs_restart()
            assert server.cannot_store() == ""
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start, made.users())
            await until(lambda: len(up.got) == 61)
            assert up.of("alpha") == [b"before", *sent]
            await until(lambda: not alpha.status.troubles)

    with small_disk(made.settings.folder):
        server.start(made.users())
        try:
            asyncio.run(story())
        finally:
            server.stop()


@pytest.mark.slow
def test_the_coordinator_s_status_says_that_the_disk_of_its_server_is_full(tmp_path: Path) -> None:
    parties = Deployment(tmp_path)
    server = parties.paths["coordinator"] / "server"

    def well() -> bool:
        status = parties.status("coordinator")
        return bool(status.get("connected")) and not status["troubles"]

    with small_disk(server):
        try:
            parties.serve("coordinator")
            parties.until(well, "well")
            fill(server / "filler")
            parties.until(lambda: "the message server" in parties.status("coordinator")["troubles"], "told")
            assert parties.status("coordinator")["connected"]
            (server / "filler").unlink()
            parties.until(well, "well again")
        finally:
            parties.close()
