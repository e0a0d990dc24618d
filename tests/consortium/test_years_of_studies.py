"""Many studies over the same tables, one after the other: what is over costs a service a glance, and comes back when it is needed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.consortium.consortium import Consortium, document
from tests.consortium.packets_in import kinds_in

from cipherward import study as study_document
from cipherward.audit import entries, reading
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.service import hospital_study, offering, resting
from cipherward.runs import erasures, withdrawn
from cipherward.runs.audit_trail import ERASED
from cipherward.runs.folder import RunDirectory
from cipherward.store import files
from cipherward.study import Study
from cipherward.sums.packets import view

N, FEW, MORE = 3, 3, 6
GLANCE = 64
"""Calls for a study that is over: its folder is found, and looked at from outside. To look into it takes ten times that."""


def finish(three: Consortium, name: str) -> Path:
    folder = three.start(document(N, name=name, training={"rounds": 1}))
    three.approve()
    three.pump()
    assert three.status()["phase"] == "finished"
    three.carried.clear()
    three.now += 3600.0
    return folder


def calls(step: Callable[[], object]) -> int:
    """How many functions of Python a step calls."""
    found = 0

    def called(frame: Any, event: str, arg: Any) -> None:
        nonlocal found
        found += event == "call"

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        step()
    finally:
        sys.setprofile(before)
    return found


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that came a moment ago count as written long ago; of studies that are over, each look takes one in turn."""
    set_up(monkeypatch)


def set_up(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(files, "SETTLED_SECONDS", -1.0)
    patch.setattr(resting, "IN_TURN", 1)


Counted = dict[int, dict[str, int]]


@pytest.fixture(scope="module")
def years(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Consortium, Counted]]:
    """The calls of what is done when nothing happens, by how many studies are over."""
    with pytest.MonkeyPatch.context() as patch:
        set_up(patch)
        three, found = Consortium(tmp_path_factory.mktemp("years"), N), {}
        for number in range(1, FEW + MORE + 1):
            finish(three, f"study-{number}")
            if number in (FEW, FEW + MORE):
                found[number] = look_round(three, number)
    yield three, found
    three.close()


def look_round(three: Consortium, studies: int) -> dict[str, int]:
    coordinator, hospital = three.desk, three.desks["clinic-1"]
    steps = {
        "tick": coordinator.tick,
        "poll": hospital.poll,
        "coordinator's status": coordinator.status,
        "hospital's status": hospital.status,
    }
    for _ in range(studies + 1):
        for step in steps.values():
            step()
    return {name: calls(step) for name, step in steps.items()}


@pytest.mark.parametrize("what", ["tick", "poll", "coordinator's status", "hospital's status"])
def test_a_look_round_is_a_glance_at_each_study_that_is_over(years: tuple[Consortium, Counted], what: str) -> None:
    few, many = (years[1][studies][what] for studies in (FEW, FEW + MORE))
    assert (many - few) / MORE < GLANCE, (few, many)


def test_a_new_study_is_started_with_each_earlier_document_read_once(
    years: tuple[Consortium, Counted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = years[0].copied(tmp_path)
    documents, load = list[Path](), study_document.load

    def loaded(path: Path) -> Study:
        documents.append(path)
        return load(path)

    monkeypatch.setattr(study_document, "load", loaded)
    offering.start(CoordinatorHome(again.home.path), document(N, name="one-more"), again.now)
    assert len(documents) == len(set(documents)) == FEW + MORE
    again.close()


def test_a_start_looks_at_the_studies_that_are_over_one_after_the_other_and_writes_nothing_for_them(
    years: tuple[Consortium, Counted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = years[0].copied(tmp_path)
    again.restart_hospital("clinic-1")
    home, seen = again.hospital("clinic-1"), list[Path]()
    counted, read = files.read(home.ledger_counter), files.read

    def read_of(path: Path, start: int = 0) -> bytes:
        if path.name == "opening.cbor":
            seen.append(path.parents[2])
        return read(path, start)

    monkeypatch.setattr(files, "read", read_of)
    for looks in range(1, FEW + MORE + 1):
        assert again.desks["clinic-1"].poll() == []
        assert len(set(seen)) == looks
    assert files.read(home.ledger_counter) == counted
    sums = len(seen)
    again.desks["clinic-1"].poll()
    assert len(seen) == sums
    again.restart_host()
    seen.clear()
    again.poll()
    assert len(set(seen)) <= 3
    again.close()


def test_what_comes_to_a_study_that_is_over_is_seen_at_once_or_in_its_turn(
    years: tuple[Consortium, Counted], tmp_path: Path
) -> None:
    again = years[0].copied(tmp_path)
    for _ in range(FEW + MORE + 1):
        again.poll()
    folders = again.home.study_folders()
    study = study_document.load(folders[-1] / "study.toml")
    withdrawn.withdraw(RunDirectory(folders[-1]), study, again.home.identity, "a fault", again.now)
    again.pump()
    assert [again.alarms(name) for name in again.names] == [["model withdrawn: a fault"]] * N
    files.write(folders[0] / erasures.FOLDER / "1.json", b"{}")
    for _ in range(FEW + MORE):
        again.desk.tick()
    assert ERASED in [entries.read(line).event for line in reading.lines(folders[0] / reading.LOG, 0)]
    again.close()


def test_a_letter_about_a_study_that_is_over_is_answered_although_its_table_and_model_are_no_longer_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    three = Consortium(tmp_path, N)
    opened = list[bytes]()

    def before(sender: str, to: str, letter: bytes) -> None:
        if to == "clinic-1" and "Opening" in kinds_in(letter):
            opened.append(letter)

    three.before = before
    folder = finish(three, "over")
    study, own = three.desk._studies[folder.name], three.desks["clinic-1"]._studies[bytes.fromhex(folder.name)]
    three.poll()
    assert own.is_running
    monkeypatch.setattr(hospital_study, "KEPT_SECONDS", -1.0)
    three.poll()
    assert not own.is_running
    assert study._node is None
    answers = three.desks["clinic-1"].receive(opened[-1])
    assert [kinds_in(answer) for answer in answers] == [("Receipt",)]
    assert three.desk.receive("clinic-1", answers[0]) == []
    assert study._node is not None
    three.close()


def test_whoever_has_verified_all_of_a_study_is_not_reminded_of_it(tmp_path: Path) -> None:
    three = Consortium(tmp_path, N)
    folder = finish(three, "over")
    study = three.desk._studies[folder.name]
    study.let_go()
    assert study.remind(1) == []
    study.run.receipt(study.run.rounds_with_openings()[-1], 1).unlink()
    assert [kind for _, packet in study.remind(1) if isinstance(packet, bytes) for kind in [view(packet)[0]]] == [
        "Opening"
    ]
    assert study._node is None
    three.close()
