"""A study can fail, a service cannot: whatever model code, a table or a driver does, the others hear a name and go on."""

from __future__ import annotations

import builtins
import functools
import subprocess
import sys
import time
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tests.consortium.consortium import Consortium, document
from torch import nn

from cipherward.consortium.approval import modelcode
from cipherward.consortium.service import brought, own_results
from cipherward.consortium.service.boundary import DEATHS, Boundary, BroughtError, Guarded
from cipherward.errors import CipherwardError
from cipherward.study import Study

NAME = "brought_by_a_study"
PACKAGE = f"{NAME}:make"
ME = "clinic-1"
CELL = "Mrs Example 555-0100"

_NEEDS = {
    UnicodeDecodeError: ("utf-8", b"x", 0, 1, CELL),
    UnicodeEncodeError: ("utf-8", "x", 0, 1, CELL),
    UnicodeTranslateError: ("x", 0, 1, CELL),
    BaseExceptionGroup: (CELL, [ValueError(CELL)]),
    ExceptionGroup: (CELL, [ValueError(CELL)]),
}
EVERY = [
    kind(*_NEEDS.get(kind, (CELL,)))
    for kind in vars(builtins).values()
    if isinstance(kind, type) and issubclass(kind, BaseException) and kind is not KeyboardInterrupt
]


class Panic(BaseException):
    """As native code raises it."""


HOOKS = ("import", "make", "mode", "parameters", "forward", "backward", "read", "own", "report")
"""Where code that a study or a data source brings is called: the module's and its factory's, the table's, the results'."""


class Net(nn.Module):
    """A module whose author can be heard in `forward`."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.layer = nn.Linear(n_features, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        say = sys.modules[NAME].say
        found: torch.Tensor = self.layer(x)
        if len(x) != 2:  # not the two rows of zeros with which a module is tried
            say("forward")
            if found.requires_grad:
                found.register_hook(lambda gradient: say("backward"))  # type: ignore[no-untyped-call]
        return found

    def train(self, mode: bool = True) -> Net:
        sys.modules[NAME].say("mode")
        super().train(mode)
        return self

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        sys.modules[NAME].say("parameters")
        return super().parameters(recurse)


@pytest.fixture
def code(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Installed model code; `code.say` is called with the hook that runs."""
    module: Any = types.ModuleType(NAME)
    module.say = lambda hook: None

    def make(n_features: int) -> nn.Module:
        module.say("make")
        made: nn.Module = Net(n_features)
        return made

    module.make = make
    monkeypatch.setitem(sys.modules, NAME, module)
    return module


What = BaseException | Callable[[], None]


SHORT = {"rounds": 1}


def theirs() -> Study:
    """A study that brings its model's code."""
    return document(4, name="theirs", training=SHORT, model={"kind": "custom", "package": PACKAGE})


def allow(four: Consortium) -> None:
    for name in four.names:
        policy = four.hospital(name).policy_file
        text = policy.read_text().replace("packages = []", f'packages = ["{PACKAGE}"]')
        policy.write_text(text.replace("models = [", 'models = ["custom", '))


@pytest.mark.parametrize("error", EVERY, ids=lambda error: type(error).__name__)
def test_every_exception_comes_out_as_ours_and_without_its_text(tmp_path: Path, error: BaseException) -> None:
    own = Boundary(tmp_path)
    with pytest.raises(BroughtError) as caught, own.around("the model code"):
        raise error
    assert type(error).__name__ in caught.value.message
    assert CELL not in caught.value.message + caught.value.hint + caught.value.reason
    assert not (tmp_path / "in-hand.json").exists()
    assert (tmp_path / "failure.txt").stat().st_mode & 0o077 == 0
    assert own.set_aside == ""


def test_an_interrupt_is_a_person_s_in_the_main_thread_and_the_study_s_where_a_service_works(tmp_path: Path) -> None:
    def work() -> None:
        with Boundary(tmp_path).around("the model code"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    with ThreadPoolExecutor(1) as pool, pytest.raises(BroughtError, match="KeyboardInterrupt"):
        pool.submit(work).result()


def test_an_error_of_ours_passes_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(CipherwardError, match="said by us"), Boundary(tmp_path).around("the table"):
        raise CipherwardError("said by us")


QUICK = ("forward", "own")
"""Hooks that break in `make test`; there the others are seen to run where that is recognised."""

MATRIX = [
    pytest.param(hook, SystemExit(CELL), id=f"{hook}-SystemExit", marks=[] if hook in QUICK else [pytest.mark.thorough])
    for hook in HOOKS
] + [
    pytest.param(hook, error, id=f"{hook}-{type(error).__name__}", marks=pytest.mark.slow)
    for hook in HOOKS
    for error in (*EVERY, Panic(CELL))
    if not isinstance(error, SystemExit)
]


@pytest.mark.parametrize(("hook", "error"), MATRIX)
def test_whatever_a_hook_raises_ends_the_study_here_and_nothing_else(
    four: Consortium, code: Any, hook: str, error: BaseException
) -> None:
    allow(four)
    breaking = Breaking(four, code, {hook: error})
    four.start(theirs(), begin_after=0.0)
    four.approve()
    with breaking:
        four.pump()
        for _ in range(3):
            four.now += 1_000
            four.pump()
        for desk in four.desks.values():
            desk.report()
    assert CELL not in four.home.path.joinpath("log.jsonl").read_text()
    for name in four.names:
        assert CELL not in four.hospital(name).path.joinpath("log.jsonl").read_text()
    status = {study["study"]: study for study in four.desk.status()}["theirs"]
    if hook in ("own", "report"):
        (line,) = (line for line in four.hospital(ME).alarms() if line["event"] == "report not written")
        assert type(error).__name__ in str(line["reason"])
    else:
        told = str(status["refused"]) + four.home.path.joinpath("log.jsonl").read_text()
        assert "model" in told or "data" in told
        assert four.hospital(ME).alarms() or "declined" in told, (status, four.hospital(ME).log_lines()[-5:])
    four.start(document(4, name="ours", training=SHORT))
    four.approve()
    four.pump()
    assert {study["study"]: study["phase"] for study in four.desk.status()}["ours"] == "finished"


def test_every_hook_runs_where_a_crash_and_a_hang_are_recognised(four: Consortium, code: Any) -> None:
    """A process that dies in the hook leaves the note by which the next one knows; one that hangs is seen by the clock."""
    allow(four)
    four.start(theirs(), begin_after=0.0)
    four.approve()
    seen: dict[str, set[tuple[bool, bool]]] = {}

    def look(hook: str) -> None:
        found = [study.boundary for study in four.desks[ME]._all_studies()]
        recognised = any(own._running.exists() for own in found), any(own.seconds > 0 for own in found)
        seen.setdefault(hook, set()).add(recognised)

    with Breaking(four, code, {hook: functools.partial(look, hook) for hook in HOOKS}):
        four.pump()
        for desk in four.desks.values():
            desk.report()
    assert seen == {hook: {(True, True)} for hook in HOOKS}


class Breaking:
    """Hooks of `ME` break; those of the other hospitals do not."""

    def __init__(self, four: Consortium, code: Any, broken: dict[str, What]) -> None:
        self.four, self.code, self.broken = four, code, broken
        self.patch = pytest.MonkeyPatch()
        self.now = ""

    def __enter__(self) -> None:
        desk, broken = self.four.desks[ME], self.broken
        receive, poll, report = desk.receive, desk.poll, desk.report

        def inside(work: Callable[..., Any]) -> Callable[..., Any]:
            def call(*given: Any) -> Any:
                self.code.say = self.happen
                self.now = ME
                try:
                    return work(*given)
                finally:
                    self.code.say = lambda hook: None
                    self.now = ""

            return call

        desk.receive, desk.poll, desk.report = inside(receive), inside(poll), inside(report)  # type: ignore[method-assign]
        for hook, room, name in (
            ("import", modelcode, "factory_of"),
            ("read", brought, "load_hospitals"),
            ("own", own_results, "compute"),
        ):
            if hook in broken:
                self.patch.setattr(room, name, self.before(hook, getattr(room, name)))
        if not broken.keys().isdisjoint(("own", "report")):
            desk._report = lambda folder: self.happen("report")

    def happen(self, hook: str) -> None:
        what = self.broken.get(hook)
        if isinstance(what, BaseException):
            raise what
        if what:
            what()

    def before(self, hook: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            if self.now == ME:
                self.happen(hook)
            return real(*given, **named)

        return call

    def __exit__(self, *_: object) -> None:
        self.patch.undo()
        self.four.restart_hospital(ME)


CHILD = """
import os, sys
from pathlib import Path
from cipherward.consortium.service.boundary import Boundary
own = Boundary(Path(sys.argv[1]))
if own.set_aside:
    print("set aside:", own.set_aside)
    raise SystemExit
with own.around("the model code h5net:make"):
    os.abort()
"""


def test_a_native_crash_that_repeats_is_recognised_at_start_and_the_study_is_set_aside(tmp_path: Path) -> None:
    said = [
        subprocess.run([sys.executable, "-c", CHILD, str(tmp_path)], capture_output=True, text=True).stdout
        for _ in range(DEATHS + 1)
    ]
    assert said[:DEATHS] == [""] * DEATHS
    assert "the service ended 3 times in a row while the model code h5net:make was running" in said[DEATHS]
    Boundary(tmp_path).retry()
    assert Boundary(tmp_path).set_aside == ""


def test_a_service_that_is_stopped_in_the_middle_of_its_work_is_no_crash(tmp_path: Path) -> None:
    for _ in range(2 * DEATHS):
        own = Boundary(tmp_path)

        def stopped() -> None:
            with own.around("the training"):  # noqa: B023
                own.let_go()  # noqa: B023
                raise SystemExit

        with pytest.raises(BroughtError):
            stopped()
    assert own.set_aside == ""


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return clock


def test_a_study_that_does_not_come_to_an_end_is_set_aside_told_by_name_and_goes_on_when_people_say_so(
    four: Consortium, hours: list[float]
) -> None:
    four.begin(document(4, name="endless", training=SHORT), begin_after=0.0)
    four.poll()
    desk = four.desks[ME]
    (study,) = desk._all_studies()
    with study.boundary.around("the training"):
        hours[0] = 23 * 3600.0
        assert not desk.overdue()
        hours[0] = 25 * 3600.0
        assert desk.overdue()
    four.restart_hospital(ME)
    four.pump()
    assert four.status()["refused"] == {ME: ["set-aside"]}
    (mine,) = four.desks[ME].status()
    assert "the training took longer than" in mine["why_not"]
    assert four.status()["phase"] == "finished", "the others went on without it"
    Boundary(study.offered.folder).retry()
    four.restart_hospital(ME)
    four.pump()
    assert four.desks[ME]._all_studies()[0].boundary.set_aside == ""
    assert four.desks[ME]._all_studies()[0].is_over


def test_a_study_that_breaks_at_the_coordinator_keeps_no_other_from_running(
    four: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = four.start(document(4, name="broken", training=SHORT))
    (folder / "started.json").write_text("damaged")
    four.approve()
    four.start(document(4, name="whole", training=SHORT))
    four.approve(*four.names)
    four.pump()
    assert {study["study"]: study["phase"] for study in four.desk.status()}["whole"] == "finished"
    assert four.desk.status()[0]["last_error"] != "" or four.desk.status()[0]["phase"] == "finished"


def test_what_a_node_sets_on_its_work_reaches_the_work_behind_the_boundary(tmp_path: Path) -> None:
    """Where rows are cut, and the secret that tasks draw with."""
    work = SimpleNamespace(cuts=())
    work.seen = lambda: work.cuts
    guarded = Guarded(work, Boundary(tmp_path), "the study")
    guarded.cuts = (("lab", (0.0, 0.5)),)
    assert guarded.seen() == work.cuts == (("lab", (0.0, 0.5)),)
