"""No test is timed: on a busy machine an example may take longer than hypothesis would allow. No test waits for the disk where
there is memory to write to."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

MEMORY = Path("/dev/shm")  # noqa: S108
ENOUGH = 4 * 1024**3
"""Bytes that a whole run leaves room for; a container often has 64 MiB there."""

_made = pytest.StashKey[str]()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """With `-n auto`, one worker more than processors: some tests wait for a timeout or for another process."""
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else None


def pytest_configure(config: pytest.Config) -> None:
    if config.option.basetemp or not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK)):
        return
    if shutil.disk_usage(MEMORY).free >= ENOUGH:
        config.option.basetemp = config.stash[_made] = tempfile.mkdtemp(prefix="cipherward-tests-", dir=MEMORY)


def pytest_unconfigure(config: pytest.Config) -> None:
    if made := config.stash.get(_made, ""):
        shutil.rmtree(made, ignore_errors=True)
