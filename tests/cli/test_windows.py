"""Coordinator and hospital on Windows: nothing that only POSIX systems have is needed, and every file's name is legal."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.consortium.consortium import Consortium, document
from tests.hasty import hasty_disk

from cipherward.consortium.membership import authority
from cipherward.errors import ProtocolError

__all__ = ["hasty_disk"]

AS_ON_WINDOWS = """
import importlib.abc, os, signal, sys, warnings

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in ("fcntl", "pwd", "grp", "resource", "termios", "pty"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

# what the standard library itself needs here is there already; ours has to do without
import asyncio, concurrent.futures, pathlib, shutil, subprocess, tarfile
warnings.simplefilter("ignore")
for name in ("fcntl", "pwd", "grp", "resource", "termios", "pty"):
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Absent())
for name in ("SIGHUP", "SIGUSR1", "SIGKILL", "SIGALRM"):
    delattr(signal, name)
for name in ("pread", "pwrite", "fork", "getuid", "fdatasync", "fchmod"):
    delattr(os, name)
"""

EVERY_MODULE = """
import importlib, pkgutil, cipherward
for package in ("cli", "consortium", "transport", "store", "runs", "parties"):
    top = importlib.import_module(f"cipherward.{package}")
    for found in pkgutil.walk_packages(top.__path__, f"cipherward.{package}."):
        importlib.import_module(found.name)
"""

COMMANDS = """
import asyncio
from pathlib import Path
from typer.testing import CliRunner
from cipherward.cli import app
from cipherward.store.outbox import Outbox
from cipherward.transport import serving

def call(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code in (0, 1) and not isinstance(result.exception, (ImportError, AttributeError)), result
    return result

folder = Path(sys.argv[1])
(folder / "north.csv").write_text("age,y\\n70,0\\n")
def at(party):
    return "--home", folder / party
call("coordinator", "init", folder / "c", "--name", "t")
call("coordinator", "invite", "north", "--out", folder / "invitation.txt", *at("c"))
call("hospital", "init", folder / "h", "--data", folder / "north.csv")
call("hospital", "enroll", folder / "invitation.txt", "--out", folder / "request.txt", *at("h"))
call("coordinator", "admit", folder / "request.txt", "--out", folder / "admission.txt", *at("c"))
call("hospital", "enroll", folder / "admission.txt", *at("h"))
for party, role in (("c", "coordinator"), ("h", "hospital")):
    for command in ("status", "health", "alarms", "members"):
        call(role, command, *at(party))
call("hospital", "confirm", "--yes", *at("h"))
call("hospital", "review", *at("h"))
call("hospital", "policy", *at("h"))
call("hospital", "doctor", *at("h"))
outbox = Outbox(folder / "outbox")
outbox.put(b"small")
outbox.put(bytes(1 << 20))
assert [letter.size for letter in outbox.pending()] == [5, 1 << 20]
for letter in outbox.pending():
    outbox.done(letter)

async def stopped():
    loop = asyncio.get_running_loop()
    def refuse(*_):
        raise NotImplementedError
    loop.add_signal_handler = refuse
    stop = serving.stop_event()
    signal.raise_signal(signal.SIGTERM)
    await asyncio.wait_for(stop.wait(), 60)

asyncio.run(stopped())
"""


def test_nothing_that_only_posix_has_is_needed(tmp_path: Path) -> None:
    code = AS_ON_WINDOWS + EVERY_MODULE + COMMANDS
    child = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=300)
    assert child.returncode == 0, child.stderr[-3000:]


_ILLEGAL = re.compile(r'[<>:"|?*\\\x00-\x1f]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)


def test_every_file_of_a_consortium_has_a_name_that_windows_takes(tmp_path: Path) -> None:
    made = Consortium(tmp_path / "consortium", 4)
    made.start(document(4))
    made.approve()
    made.pump()
    made.close()
    names = [path.name for path in (tmp_path / "consortium").rglob("*")]
    assert len(names) > 100
    assert [name for name in names if _ILLEGAL.search(name)] == []


@pytest.mark.parametrize("name", ["con", "nul", "com1", "lpt9"])
def test_a_member_is_not_called_like_a_device(name: str) -> None:
    with pytest.raises(ProtocolError, match="Windows"):
        authority.check_name(name)
