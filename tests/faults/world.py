"""A consortium of real processes and a real server for one cell, its files in memory where the machine allows."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.consortium import consortium
from tests.faults.nursery import Nursery
from tests.faults.proxy import Proxy
from tests.ports import free_port

from cipherward.consortium.approval import approvals
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.homes.home import Home
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.service import offering
from cipherward.consortium.service.coordinator_desk import CoordinatorDesk
from cipherward.consortium.service.hospital_desk import HospitalDesk

N = 4
DEADLINE_SECONDS = 2.0
SECONDS = 120.0
_QUORUM = {"scheme": "quorum", "deadline_seconds": DEADLINE_SECONDS}
_ROWS = 300  # every part of a table is large enough to be summed where nobody may be singled out
_URL = "tls://127.0.0.1:47111"
_DISK_BYTES = 16 << 20


def memory_folder() -> Path:
    """A new folder, in memory where that is possible: hundreds of studies are written here."""
    shared = Path("/dev/shm")  # noqa: S108 - removed again, and nothing secret outlives a test
    return Path(tempfile.mkdtemp(prefix="faults-", dir=shared if os.access(shared, os.W_OK) else None))


class Template:
    """Homes of a consortium with one started study that its hospitals have approved; cells run on copies of them.

    `present`: "all" or, where hospital 1 never approves, "three". `agreement`: as in `cells`.
    """

    def __init__(self, folder: Path, n: int = N, **sections: Any) -> None:
        self.folder, self.n = folder, n
        self._sections = {"training": {"rounds": 2}, "aggregation": _QUORUM} | sections
        consortium.found(folder / "founded", n, url=_URL, rows=_ROWS)
        self.tables = folder / "founded" / "tables"
        self._digests: dict[Path, str] = {}

    def started(self, present: str, agreement: str) -> tuple[Path, str]:
        """The homes after the start, and the name of the study's folder."""
        homes = self.folder / f"{present}-{agreement}"
        if homes not in self._digests:
            shutil.copytree(self.folder / "founded", homes)
            # Who never comes would hold its block up for ever, so it is none of those that may not be singled out.
            away: Any = ["clinic-1"] if present == "three" else "never"
            self._digests[homes] = self._start(homes, present, "all" if agreement == "agreed" else away)
        return homes, self._digests[homes]

    def _start(self, homes: Path, present: str, singled_out: Any) -> str:
        home = CoordinatorHome(homes / "coordinator")
        document = consortium.document(self.n, singled_out=singled_out, **self._sections)
        study = offering.start(home, document, time.time(), begin_after=0.0 if present == "three" else None)
        letters = dict(CoordinatorDesk(home, time.time).start())
        for index in range(2 if present == "three" else 1, self.n + 1):
            hospital = HospitalHome(homes / f"clinic-{index}")
            desk = HospitalDesk(hospital)
            desk.receive(letters[f"clinic-{index}"])
            desk.close()
            consortium.sign(hospital, approvals.offers(hospital)[-1])
        return study.name


class Processes:
    """One cell's homes, proxies and processes."""

    def __init__(self, template: Template, nursery: Nursery, present: str, agreement: str = "agreed") -> None:
        self.nursery = nursery
        self.folder = memory_folder()
        self.mounts: list[Path] = []
        self.port = free_port()
        homes, self.study = template.started(present, agreement)
        here = range(1 if present == "all" else 2, template.n + 1)
        self.names = ["coordinator", *(f"clinic-{i}" for i in here)]
        self.proxies = {name: Proxy(self.port) for name in self.names}
        self.pids: dict[str, int] = {}
        self.tables = Path(shutil.copytree(template.tables, self.folder / "tables"))
        for name in self.names:
            shutil.copytree(homes / name, self.path(name))
            self._configure(name)

    def path(self, name: str) -> Path:
        return self.folder / name

    def home(self, name: str) -> Home:
        return CoordinatorHome(self.path(name)) if name == "coordinator" else HospitalHome(self.path(name))

    @property
    def run(self) -> Path:
        """The study's folder at the coordinator."""
        return self.path("coordinator") / "studies" / self.study

    def _configure(self, name: str) -> None:
        path = self.path(name) / ("consortium.toml" if name == "coordinator" else "hospital.toml")
        text = path.read_text()
        text = text.replace(_URL, f"tls://127.0.0.1:{self.proxies[name].port}")
        text = re.sub(r"^listen = .*$", f'listen = "127.0.0.1:{self.port}"', text, flags=re.MULTILINE)
        path.write_text(text)

    # processes

    def serve(self, name: str, **spec: Any) -> float:
        """Start a party; when (monotonic seconds). `spec`: see `party.main`."""
        role = "coordinator" if name == "coordinator" else "hospital"
        started = time.monotonic()
        out = str(self.folder / f"{name}.out")
        self.pids[name] = self.nursery.serve(role=role, home=str(self.path(name)), out=out, **spec)
        return started

    def kill(self, name: str) -> None:
        pid = self.pids.pop(name)
        os.kill(pid, signal.SIGKILL)
        self.until(lambda: self.nursery.ended(pid) is not None, f"{name} dead")

    def server_pid(self) -> int:
        return int((self.path("coordinator") / "server" / "nats.pid").read_text())

    def close(self) -> None:
        alive = [pid for pid in self.pids.values() if self.nursery.ended(pid) is None]
        for pid in alive:
            os.kill(pid, signal.SIGKILL)
        for pid in alive:
            while self.nursery.ended(pid) is None:
                time.sleep(0.005)
        with contextlib.suppress(OSError, ValueError):
            pid = self.server_pid()
            if str(self.folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
        for proxy in self.proxies.values():
            proxy.close()
        for mount in self.mounts:
            subprocess.run(["umount", "-l", str(mount)], check=False, capture_output=True)
        if not os.environ.get("FAULTS_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    # what happens

    def log(self, name: str, event: str = "", **facts: Any) -> list[dict[str, Any]]:
        """Lines of a party's log with that event and these facts."""
        lines = self.home(name).log_lines()
        return [line for line in lines if event in ("", line["event"]) and facts.items() <= line.items()]

    def until(self, what: Callable[[], Any], words: str, seconds: float = SECONDS) -> float:
        """Wait until it is true; how long that took.

        Raises:
            AssertionError: it never was, or a party ended by itself; says what everybody was doing.
        """
        started = time.monotonic()
        while not what():
            for name, pid in self.pids.items():
                status = self.nursery.ended(pid)
                assert status is None, f"{name} ended with {status}: {self.said(name)}"
            assert time.monotonic() < started + seconds, f"not {words} after {seconds:.0f} s\n{self.everything()}"
            time.sleep(0.02)
        return time.monotonic() - started

    def said(self, name: str) -> str:
        path = self.folder / f"{name}.out"
        return path.read_text(errors="replace")[-1500:] if path.exists() else ""

    def everything(self) -> str:
        status = self.home("coordinator").read_status() or {}
        studies = json.dumps(status.get("studies", [])[-1:])
        return studies + "".join(f"\n--- {name}\n{self.said(name)}" for name in self.names)

    # disks

    def give_small_disk(self, folder: Path) -> None:
        """A file system of 16 MiB under `folder`, with what was there."""
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder.with_name(folder.name + ".moved")
        folder.rename(beside)
        folder.mkdir(mode=0o700)
        command = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES},mode=700", "tmpfs", str(folder)]
        subprocess.run(command, check=True, capture_output=True)
        self.mounts.append(folder)
        for path in beside.iterdir():
            shutil.move(path, folder)
        beside.rmdir()

    @staticmethod
    def fill(folder: Path) -> None:
        """Leave no byte free in the file system of `folder`."""
        with (folder / "ballast").open("ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    @staticmethod
    def free(folder: Path) -> None:
        (folder / "ballast").unlink()


def can_mount() -> bool:
    folder = memory_folder()
    try:
        made = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], check=False, capture_output=True)
        if made.returncode == 0:
            subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)
        return made.returncode == 0
    except OSError:
        return False
    finally:
        shutil.rmtree(folder, ignore_errors=True)
