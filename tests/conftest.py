"""No test is timed: on a busy machine an example may take longer than hypothesis would allow. None fails by chance: noise and
examples are the same in every run (`make test-all` looks for others). No test waits for the disk where there is memory to write to."""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from tests import chance, readers

settings.register_profile("searching", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", settings.get_profile("searching"), derandomize=True)
settings.load_profile("repeatable")

MEMORY = Path("/dev/shm")  # noqa: S108
ENOUGH = 4 * 1024**3
"""Bytes that a whole run leaves room for; a container often has 64 MiB there."""

_made = pytest.StashKey[str]()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """With `-n auto`, one worker more than processors: some tests wait for a timeout or for another process."""
    if os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else None


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """What collecting makes stays until the end: nobody looks for garbage in it, now or later."""
    gc.disable()
    if session.config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        _share_compiling()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(10_000, 20, 50)  # whatever a worker keeps is looked through again and again otherwise
        gc.enable()


def _share_compiling() -> None:
    """Each worker begins at another module: in a fresh clone it finds most of the others compiled, with their asserts rewritten."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers == 1:
        return
    root = Path(__file__).parents[1]
    modules = sorted(".".join(path.relative_to(root).with_suffix("").parts) for path in root.glob("tests/**/test_*.py"))
    begin = len(modules) * int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")) // workers
    for module in modules[begin:] + modules[:begin]:
        with contextlib.suppress(Exception, pytest.skip.Exception):  # collecting comes to it again, and says so
            importlib.import_module(module)


def pytest_configure(config: pytest.Config) -> None:
    if config.option.basetemp or not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK)):
        return
    if shutil.disk_usage(MEMORY).free >= ENOUGH:
        config.option.basetemp = config.stash[_made] = tempfile.mkdtemp(prefix="cipherward-tests-", dir=MEMORY)


def pytest_unconfigure(config: pytest.Config) -> None:
    if made := config.stash.get(_made, ""):
        shutil.rmtree(made, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    with chance.named(f"{fixturedef.baseid} {fixturedef.argname} {getattr(request, 'param_index', 0)}"):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    with chance.named(item.nodeid):
        return (yield)


@pytest.fixture(autouse=True, scope="session")
def seeded_noise() -> Iterator[Callable[..., None]]:
    """Noise is the same in every run. How it begins otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        yield chance.seed_noise(patch)


@pytest.fixture
def real_noise(seeded_noise: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise is drawn as it is for users."""
    monkeypatch.setattr("cipherward.privacy.randomness.Words.__init__", seeded_noise)


@pytest.fixture(autouse=True, scope="session")
def commands_made_once() -> Iterator[None]:
    """typer makes all commands anew for each call of one; here many are called in one process."""
    from typer import main, testing

    made = functools.cache(main.get_command)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main, "get_command", made)
        patch.setattr(testing, "_get_command", made)
        yield


@pytest.fixture(autouse=True, scope="session")
def quick_readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Readers of files begin as copies of one process. What starts one otherwise."""
    from cipherward.data import child

    really = child.start
    if sys.platform != "linux":
        yield really
        return
    nursery = readers.Nursery(tmp_path_factory.mktemp("readers"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "start", nursery.start)
        yield really
    nursery.close()


@pytest.fixture
def real_readers(quick_readers: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers of files begin as they do for users."""
    monkeypatch.setattr("cipherward.data.child.start", quick_readers)
