"""A process with everything imported that forks the parties of a cell: a start costs no import, a kill -9 is real.

A forked party shares its memory with the nursery until either writes to it, so nothing can be said about how much it
uses: a party whose memory is measured is started afresh (`fresh`), which costs the imports.

Spoken to in JSON lines over its standard input and output; `Nursery` is the other end.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


class Nursery:
    """Starts parties and tells whether they live."""

    def __init__(self) -> None:
        paths = os.pathsep.join((str(ROOT / "src"), str(ROOT)))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1", "CIPHERWARD_HOME": "", "PYTHONPATH": paths},
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == b"ready\n"

    def serve(self, **spec: Any) -> int:
        """Start a party; its process id. `fresh`: with the memory of a process of its own. `party.main` says the rest."""
        return int(self._ask({"serve": spec}))

    def ended(self, pid: int) -> int | None:
        """The exit status of a party that has ended, negative for a signal."""
        status = self._ask({"ended": pid})
        return None if status is None else int(status)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _ask(self, command: dict[str, Any]) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def _warm() -> None:
    """Load what every party loads, without starting a thread: those would not survive the fork."""
    import torch
    from tests.faults import party
    from tests.sums.sum_parties import parties, run_secure_sum

    torch.set_num_threads(1)
    assert party
    run_secure_sum(parties(4))


def _fork(spec: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        os.setsid()
        out = os.open(spec["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(out, 1)
        os.dup2(out, 2)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - it lives as long as the process
        sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
        if spec.pop("fresh", False):
            os.execv(sys.executable, [sys.executable, "-m", "tests.faults.party", json.dumps(spec)])  # noqa: S606
        random.seed()
        from tests.faults import party

        code = party.main(spec)
    except BaseException:  # anything: this process must not go on as a second nursery
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        os._exit(code)


def main() -> None:
    _warm()
    left: dict[int, int] = {}
    print("ready", flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        if "serve" in command:
            started = _fork(command["serve"])
            left.pop(started, None)  # numbers of processes come round again
            answer: int | None = started
        else:
            pid = command["ended"]
            if pid not in left:
                with contextlib.suppress(ChildProcessError):
                    done, status = os.waitpid(pid, os.WNOHANG)
                    if done:
                        left[pid] = os.waitstatus_to_exitcode(status)
            answer = left.get(pid)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
