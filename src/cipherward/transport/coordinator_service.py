"""`coordinator serve`: the desk behind one mailbox per member, with a message server of its own where the home says so."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

from cipherward.consortium.homes import health
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.homes.lock import only_one
from cipherward.consortium.membership.authority import COORDINATOR_NAME
from cipherward.consortium.service.coordinator_desk import CoordinatorDesk, Letters
from cipherward.errors import StorageError, TransportError
from cipherward.report import deployed
from cipherward.transport import serving
from cipherward.transport.configuration import ACCOUNTS_FILE, Users, settings_of, write_accounts
from cipherward.transport.post import CoordinatorPost
from cipherward.transport.receiving import Content
from cipherward.transport.refusals import RefusalAlarms
from cipherward.transport.server import ManagedServer
from cipherward.transport.serving import Complaints, Dispatch, Follower, Worker
from cipherward.transport.tls import Connection
from cipherward.transport.troubles import Troubles

_SERVER_PAUSE = 2.0


async def serve(home: CoordinatorHome, say: serving.Say) -> bool:
    """Run every study of this home until SIGTERM or SIGINT. True: everything in hand was finished; False: something was
    cut off, which is done again after the next start.

    Raises:
        StorageError: another service has this home, or its files are damaged.
        TransportError: the managed server does not start.
    """
    with only_one(home):
        return await _Service(home, say).run()


class _Service:
    def __init__(self, home: CoordinatorHome, say: serving.Say) -> None:
        self.home = home
        self.say = say
        self.worker = Worker()
        self.follower = Follower(home)
        self.complaints = Complaints(home, say)
        self.refusals = RefusalAlarms(home)
        self.troubles = Troubles()
        self._was_full = False
        self.users = home.users()
        self.pace = serving.Pace(serving.POLL_SECONDS)
        self.server = ManagedServer(settings_of(home)) if home.managed else None
        connection = Connection(
            COORDINATOR_NAME, home.servers, home.tls_certificate, home.tls_key, home.authority_certificate
        )
        log = serving.transport_log(home)
        self.post = CoordinatorPost(connection, home.path / "post", log, _members(self.users), replicas=home.replicas)
        self.desk: CoordinatorDesk | None = None
        self.dispatch = Dispatch(self.post.outbox, home, self._remind)

    async def run(self) -> bool:
        stop = serving.stop_event()
        self.home.log("service started", {"service": "coordinator", "members": len(self.users) - 1})
        desk = self.desk = await self.worker.do(CoordinatorDesk, self.home, time.time, deployed.write, time.monotonic)
        await self._start_server()

        async def receive(member: str, letter: Content) -> None:
            await self.worker.do(self._handle, desk, member, letter)

        tasks = (
            asyncio.create_task(serving.keep_running(lambda: self.post.run(receive), self.complaints)),
            asyncio.create_task(serving.keep_running(lambda: self._tick(desk), self.complaints)),
        )
        try:
            await serving.until_stopped(stop, *tasks)
        finally:
            finished = await self._close(desk, *tasks)
        return finished

    # in the worker

    def _remind(self, member: str) -> Letters:
        return self.desk.remind(member) if self.desk else []

    def _handle(self, desk: CoordinatorDesk, member: str, letter: Content) -> None:
        data = serving.read(letter)
        self.pace.notice(data)
        self.dispatch.put(desk.receive(member, data))

    def _look(self, desk: CoordinatorDesk, heartbeat: bool) -> None:
        self.dispatch.put(desk.tick())
        desk.report()
        if heartbeat:
            self._write_status(desk.status(), running=True)

    # in the loop

    async def _tick(self, desk: CoordinatorDesk) -> None:
        clock = asyncio.get_running_loop().time
        beat = pause = 0.0
        while True:
            try:
                await self._say_full()
                if clock() >= pause:
                    await self._mind_server()
                await self._follow_members()
                due = clock() >= beat
                if due:
                    beat = clock() + serving.HEARTBEAT_SECONDS
                await self.worker.do(self._look, desk, due)
                self.complaints.clear()
            except TransportError as error:
                self.complaints.add(error)
                pause = clock() + _SERVER_PAUSE
            except Exception as error:
                self.complaints.add(error)
                await asyncio.sleep(_SERVER_PAUSE)
            for line in self.follower.new_lines():
                self.say(line)
            await asyncio.sleep(self.pace.seconds)

    async def _say_full(self) -> None:
        """Letters cannot say so then."""
        full = health.is_full(self.home) or bool(self.server and self.server.cannot_store())
        if full or self._was_full:
            await self.post.say_state(disk_is_full=full)
        self._was_full = full

    async def _start_server(self) -> None:
        if self.server:
            await asyncio.to_thread(self.server.start, self.users)
            self.home.log("server started", {"listen": self.home.listen, "pid": self.server.pid})
        else:
            write_accounts(self.home.server_folder / ACCOUNTS_FILE, self.users)

    async def _mind_server(self) -> None:
        if not self.server:
            return
        self.refusals.take(self.server.refusals())
        if reason := self.server.cannot_store():
            self.troubles.add("the message server", reason)
        else:
            self.troubles.end("the message server")
        if self.server.needs_restart():
            self.home.alarm("server disk was full", {"listen": self.home.listen, "doing": "restarting the server"})
            await asyncio.to_thread(self.server.stop)
            await self._start_server()
        if not self.server.is_running:
            self.home.alarm("server died", {"listen": self.home.listen})
            await self._start_server()

    async def _follow_members(self) -> None:
        """Members that were admitted, renewed or revoked since: in the server's permissions, then in the mailboxes."""
        users = await asyncio.to_thread(self.home.users)
        if users == self.users:
            return
        if self.server:
            await asyncio.to_thread(self.server.reload, users)
        else:
            write_accounts(self.home.server_folder / ACCOUNTS_FILE, users)
        for name in _members(users):
            self.post.admit(name)
        for name in set(self.users) - set(users):
            await self.post.dismiss(name)
        self.users = users

    def _write_status(self, studies: list[dict[str, Any]], *, running: bool) -> None:
        own = {
            "service": "coordinator",
            "consortium": self.home.consortium,
            "letters_waiting": self.post.status.waiting,
            "members": _members(self.users),
            "seen": self.desk.seen() if self.desk else {},
            "clocks": self.desk.clocks() if self.desk else {},
            "blocks": self.desk.blocks() if self.desk else [],
            "server_pid": self.server.pid if self.server else None,
        }
        common = serving.status_of(self.post, self.follower, studies, running=running, own=self.troubles.found)
        self.home.write_status(own | common)

    async def _close(self, desk: CoordinatorDesk, *tasks: asyncio.Task[Any]) -> bool:
        finished = await serving.close(self.post, self.worker, tasks)
        await asyncio.to_thread(desk.vault.close)
        with contextlib.suppress(StorageError):  # a full disk keeps nobody from stopping
            if finished:
                studies = await self.worker.do(desk.status)
                self._write_status(studies, running=False)
        if self.server:
            await asyncio.to_thread(self.server.stop)
        with contextlib.suppress(StorageError):
            self.home.log("service stopped", {"service": "coordinator", "in_hand": not finished})
        self.worker.close()
        for line in self.follower.new_lines():
            self.say(line)
        return finished


def _members(users: Users) -> list[str]:
    return [name for name in users if name != COORDINATOR_NAME]
