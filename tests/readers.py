"""Readers of files (`cipherward.data.child`) that begin as copies of one process, which has imported what they need: each is a process of
its own under the limits of `child_readers.main`, and costs a tenth. The fixture
`real_readers` has them begin as they do for users."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

_LIBRARIES = {"parquet": (), "excel": ("openpyxl", "cipherward.data.workbook")}
_OTHERS = ("pyreadstat", "cipherward.data.statistics_files")


class Nursery:
    """The process that the readers are copies of; it begins with the first file."""

    def __init__(self, folder: Path) -> None:
        self._answer = folder / "answer"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, task: str, seconds: float) -> subprocess.CompletedProcess[bytes]:
        """As `child.start`."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "tests.readers", str(self._answer)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1],
            )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([task, seconds, str(Path.cwd())]).encode() + b"\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        if code == -signal.SIGALRM:
            raise subprocess.TimeoutExpired("a reader", seconds)
        return subprocess.CompletedProcess([], code, self._answer.read_bytes(), b"")

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate(timeout=60)


def _serve(answer: str) -> None:
    from cipherward.data import child_readers

    for line in sys.stdin.buffer:
        task, seconds, folder = json.loads(line)
        for name in _LIBRARIES.get(json.loads(task)[0], _OTHERS):
            importlib.import_module(name)
        Path(answer).write_bytes(b"")
        if not (copy := os.fork()):
            code = 1
            try:
                os.chdir(folder)
                signal.setitimer(signal.ITIMER_REAL, seconds)
                nothing = os.open(os.devnull, os.O_RDWR)
                os.dup2(os.open(answer, os.O_WRONLY), 1)
                os.dup2(nothing, 0)
                os.dup2(nothing, 2)
                code = child_readers.main(task)
            finally:
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]), flush=True)


if __name__ == "__main__":
    _serve(sys.argv[1])
