"""`hospital serve`: a desk behind a mailbox. It dials the configured servers and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from functools import partial
from typing import Any

from cipherward.consortium.approval import declaring
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.homes.lock import only_one
from cipherward.consortium.membership.authority import COORDINATOR_NAME
from cipherward.consortium.service.hospital_desk import HospitalDesk
from cipherward.consortium.service.signs_of_life import LONGEST_PERIOD_SECONDS, PERIOD_SECONDS
from cipherward.errors import RefusedError, StorageError
from cipherward.report import deployed
from cipherward.store.outbox import Outbox
from cipherward.transport import serving
from cipherward.transport.post import HospitalPost
from cipherward.transport.receiving import Content
from cipherward.transport.serving import Complaints, Dispatch, Follower, Worker
from cipherward.transport.tls import Connection


async def serve(home: HospitalHome, say: serving.Say) -> bool:
    """Take part until SIGTERM or SIGINT. True: everything in hand was finished; False: something was cut off, which is
    done again after the next start.

    Raises:
        RefusedError: this hospital is not enrolled.
        StorageError: another service has this home, or the disk failed.
        TransportError: certificate or server settings that can never work.
    """
    if not home.is_enrolled:
        raise RefusedError("this hospital is not enrolled yet", hint="cipherward hospital enroll INVITATION")
    with only_one(home):
        return await _Service(home, say).run()


LOOK_SECONDS = 2.0
"""How often what people decide here is looked for."""


class _OverdueError(Exception):
    """Something that a study brought does not come to an end."""


class _Service:
    def __init__(self, home: HospitalHome, say: serving.Say) -> None:
        self.home = home
        self.say = say
        self.worker = Worker()
        self.follower = Follower(home)
        self.complaints = Complaints(home, say)
        self.outbox = Outbox(home.outbox_folder)
        self._said_at, self._pause, self._is_well = 0.0, PERIOD_SECONDS, False
        self._seen: dict[str, float] = {}
        self._clocks: dict[str, float] = {}
        self.pace = serving.Pace(LOOK_SECONDS)
        self.dispatch = Dispatch(lambda _: self.outbox, home)
        connection = Connection(home.name, home.servers, home.tls_certificate, home.tls_key, home.authority_certificate)
        self.post = HospitalPost(connection, self.outbox, home.path / "inbox", serving.transport_log(home))

    async def run(self) -> bool:
        stop = serving.stop_event()
        self.home.log("service started", {"service": "hospital", "name": self.home.name})
        desk = await self.worker.do(HospitalDesk, self.home, deployed.write)
        tasks = [
            asyncio.create_task(serving.keep_running(partial(work, desk), self.complaints))
            for work in (self._run_post, self._poll)
        ]
        watching = asyncio.create_task(self._watch(desk))
        try:
            await serving.until_stopped(stop, *tasks, watching)
        except _OverdueError:
            self.home.log("service restarts", {"reason": "a study held it up, and was set aside"})
            self._start_again()
        finally:
            desk.let_go()
            finished = await self._close(desk, *tasks, watching)
        return finished

    async def _run_post(self, desk: HospitalDesk) -> None:
        await self.post.run(partial(self._receive, desk))

    async def _watch(self, desk: HospitalDesk) -> None:
        """Code of a study cannot be stopped from outside; the process that runs it can be replaced."""
        while True:
            await asyncio.sleep(serving.WATCH_SECONDS)
            if desk.overdue():
                raise _OverdueError

    def _start_again(self) -> None:
        """This process becomes a new one of the same command: what is on the disk is all that it needs."""
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - the command that started us

    async def _receive(self, desk: HospitalDesk, member: str, letter: Content) -> None:
        await self.worker.do(self._handle, desk, letter)

    def _handle(self, desk: HospitalDesk, letter: Content) -> None:
        data = serving.read(letter)
        self.pace.notice(data)
        self.dispatch.put((COORDINATOR_NAME, letter) for letter in desk.receive(data))

    def _look(self, desk: HospitalDesk, heartbeat: bool) -> None:
        self.dispatch.put((COORDINATOR_NAME, letter) for letter in desk.poll())
        if heartbeat:
            desk.report()
            self._say_alive(desk)
            self._seen, self._clocks = desk.seen.all(), desk.seen.clocks
            self._write_status(desk.status(), running=True)

    async def _poll(self, desk: HospitalDesk) -> None:
        clock = asyncio.get_running_loop().time
        beat = 0.0
        while True:
            due = clock() >= beat
            try:
                if not self.worker.is_busy:
                    await self.worker.do(self._look, desk, due)
                elif due:
                    self._heartbeat()
                self.complaints.clear()
            except Exception as error:
                self.complaints.add(error)
            if due:
                beat = clock() + serving.HEARTBEAT_SECONDS
            self._tell()
            await asyncio.sleep(self.pace.seconds)

    def _say_alive(self, desk: HospitalDesk) -> None:
        """Every minute while it is answered or the way was just mended, ever less often while it is not; nothing where
        letters wait anyway."""
        now = time.time()
        answered = desk.seen.all().get(COORDINATOR_NAME, 0.0)
        was_well, self._is_well = self._is_well, self.post.status.connected and not self.post.status.troubles
        if answered >= self._said_at or (self._is_well and not was_well):
            self._pause = PERIOD_SECONDS
        if now < self._said_at + self._pause or not self.post.status.connected or self.outbox.pending():
            return
        if self._said_at and answered < self._said_at:
            self._pause = min(2 * self._pause, LONGEST_PERIOD_SECONDS)
        self._said_at = float(int(now))
        self.outbox.put(desk.sign_of_life(now))

    def _heartbeat(self) -> None:
        """The worker trains: the studies stand as they stood."""
        before = self.home.read_status() or {}
        self._write_status(before.get("studies", []), running=True)

    def _write_status(self, studies: list[Any], *, running: bool) -> None:
        own = {
            "service": "hospital",
            "name": self.home.name,
            "letters_waiting": len(self.outbox.pending()),
            "seen": self._seen,
            "clocks": self._clocks,
            "blocks": declaring.words(self.home),
        }
        self.home.write_status(own | serving.status_of(self.post, self.follower, studies, running=running))

    def _tell(self) -> None:
        for line in self.follower.new_lines():
            self.say(line)

    async def _close(self, desk: HospitalDesk, *tasks: asyncio.Task[Any]) -> bool:
        finished = await serving.close(self.post, self.worker, tasks)
        with contextlib.suppress(StorageError):  # a full disk keeps nobody from stopping
            if finished:
                await self.worker.do(self._closed, desk)
            self.home.log("service stopped", {"service": "hospital", "in_hand": not finished})
        self.worker.close()
        self._tell()
        return finished

    def _closed(self, desk: HospitalDesk) -> None:
        self._write_status(desk.status(), running=False)
        desk.close()
