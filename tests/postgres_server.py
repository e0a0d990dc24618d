"""A PostgreSQL server of our own on this machine, for as long as it is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port


def is_installed() -> bool:
    """Whether the server's programs are on this machine."""
    return bool(_program("initdb") and _program("pg_ctl"))


@contextmanager
def running(user: str, password: str) -> Iterator[str]:
    """host:port of a new server, whose superuser has this name and password."""
    owner = None if os.geteuid() else "nobody"  # the server refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="cipherward-pg-"))
    port = free_port()
    if owner:
        shutil.chown(folder, owner)
    (folder / "pw").write_text(password)
    (folder / "pw").chmod(0o644)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"

    def run(program: str, *words: str) -> None:
        command = [_program(program) or program, "-D", f"{folder}/data", *words]
        quiet = subprocess.DEVNULL
        subprocess.run(command, check=True, user=owner, cwd=folder, stdin=quiet, stdout=quiet)

    try:
        run("initdb", "-A", "scram-sha-256", "-U", user, f"--pwfile={folder}/pw", "-E", "UTF8")
        run("pg_ctl", "-o", options, "-l", f"{folder}/log", "-w", "start")
        try:
            yield f"127.0.0.1:{port}"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _program(name: str) -> str | None:
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(installed[-1]) if installed else None)
