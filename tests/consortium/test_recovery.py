"""What is lost on the way is asked for again; a disk that fails costs time, never a study; logs do not grow for ever."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import pytest
from tests import simulator
from tests.consortium.consortium import Consortium, document
from tests.consortium.packets_in import kinds_in

from cipherward.consortium.homes import home as homes
from cipherward.consortium.service import offering
from cipherward.errors import StorageError
from cipherward.parties.records import Spool
from cipherward.runs.folder import RunDirectory
from cipherward.store import files
from cipherward.store.ledger import Ledger

SUMS = [[1, 2, 3, 4]] * 3
"""Who is in the sums of a study that lost nobody: statistics, one round, evaluation."""


def begun(world: Consortium) -> Path:
    folder = world.start(document(4, training={"rounds": 1}))
    world.approve()
    world.poll()
    return folder


def cases(every: Iterable[Any], quick: Collection[Any]) -> list[Any]:
    """Parameters, of which `make test` takes the quick ones."""
    marks = pytest.mark.thorough
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=[] if case in quick else [marks])
        for case in every
    ]


LETTERS = ["Announce", "Joined", "Update", "ConsentRequest", "Vote", "Certificate", "Release", "Opening", "Receipt"]


@pytest.mark.parametrize("kind", cases(LETTERS, ("Joined", "Update", "Receipt")))
def test_a_letter_that_is_damaged_on_its_way_is_asked_for_again(four: Consortium, kind: str) -> None:
    damaged = 0
    folder = begun(four)
    for _ in range(12):
        while four.queue:
            sender, to, letter = four.queue.popleft()
            if damaged < 4 and kind in kinds_in(letter):
                damaged += 1
                letter = letter[:-1] + bytes([letter[-1] ^ 1])
            four.hand_over(sender, to, letter)
            if not four.queue:
                four.poll()
        if four.status()["phase"] == "finished":
            break
        four.now += 700.0
        four.poll()
    assert damaged == 4
    assert four.status()["phase"] == "finished"
    assert simulator.contributors(folder) == SUMS
    assert simulator.holds(folder)


@pytest.mark.parametrize("kind", ["Offer", "Approval"])
def test_an_offer_or_its_answer_that_is_damaged_comes_again(four: Consortium, kind: str) -> None:
    offering.start(four.home, document(4), four.now)
    hit = 0

    def carry() -> None:
        nonlocal hit
        four.poll()
        while four.queue:
            sender, to, letter = four.queue.popleft()
            if hit < 4 and kind in kinds_in(letter):
                hit += 1
                letter = letter[:-1]
            four.hand_over(sender, to, letter)

    carry()
    if kind == "Approval":
        four.approve()
        carry()
    assert hit == 4
    four.now += 400.0
    if kind == "Offer":
        carry()
        four.approve()
    carry()
    assert four.status()["approved"] == four.names


def test_a_hospital_that_stays_away_is_asked_ever_less_often(four: Consortium) -> None:
    begun(four)
    four.reachable -= {"clinic-1", "clinic-2"}
    four.pump()
    for _ in range(7 * 24 * 6):
        four.now += 600.0
        four.poll()
    assert 8 <= len(four.held["clinic-1"]) <= 40, "a week of silence fills no mailbox"


def once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, *, after: bool) -> list[int]:
    """The disk fails the third time that `name` is called: before anything is done, or after all of it."""
    calls: list[int] = []
    real = getattr(owner, name)

    def failing(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        found = real(*args, **kwargs) if after or len(calls) != 3 else None
        if len(calls) == 3:
            raise StorageError("no space left")
        return found

    monkeypatch.setattr(owner, name, failing)
    return calls


WRITES = ["record_update", "record_vote", "record_release", "record_receipt", "begin"]


@pytest.mark.parametrize(
    ("name", "after"),
    cases(
        itertools.product(WRITES, [False, True]), [("record_update", False), ("record_vote", True), ("begin", False)]
    ),
)
def test_a_hospital_whose_ledger_fails_once_goes_on_with_the_letter_that_comes_again(
    four: Consortium, monkeypatch: pytest.MonkeyPatch, name: str, after: bool
) -> None:
    calls = once(monkeypatch, Ledger, name, after=after)
    folder = finish(four)
    assert len(calls) > 3
    assert simulator.contributors(folder) == SUMS
    assert four.alarms("coordinator") == []


def test_a_ledger_that_fails_between_two_packets_of_a_letter_answers_both_when_it_comes_again(
    four: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The opening is verified and its receipt written; the join that the next packet asks for is not."""
    failed: set[int] = set()
    real = Ledger.begin

    def failing(self: Ledger, context: bytes, study: bytes, query: bytes, round: int, *rest: Any) -> None:
        if round == 1 and id(self) not in failed:
            failed.add(id(self))
            raise StorageError("no space left")
        real(self, context, study, query, round, *rest)

    monkeypatch.setattr(Ledger, "begin", failing)
    folder = finish(four)
    assert len(failed) == 4
    assert simulator.contributors(folder) == SUMS
    said = [kinds_in(letter) for sender, _, letter in four.carried if sender == "clinic-3"]
    assert said.count(("Receipt", "Join")) == 2, "of three sums"
    assert all(four.alarms(name) == [] for name in ("coordinator", *four.names))


FILES = ["opening.cbor", "begun", "result.json", ".payload", "hospital-2.cbor"]


@pytest.mark.parametrize(
    ("suffix", "after"),
    cases(
        itertools.product(FILES, [False, True]),
        [
            ("opening.cbor", False),
            ("begun", True),
            ("result.json", False),
            ("result.json", True),
            ("hospital-2.cbor", True),
        ],
    ),
)
def test_a_coordinator_whose_disk_fails_once_recovers_and_loses_nothing(
    four: Consortium, monkeypatch: pytest.MonkeyPatch, suffix: str, after: bool
) -> None:
    failed: list[Path] = []
    real = files.write

    def failing(path: Path, data: bytes, **how: Any) -> None:
        hit = not failed and "coordinator" in path.parts and path.name.endswith(suffix)
        if after or not hit:
            real(path, data, **how)
        if hit:
            failed.append(path)
            raise StorageError("no space left")

    monkeypatch.setattr(files, "write", failing)
    folder = finish(four)
    assert bool(failed) or suffix == ".payload", "the study is small: its packets stay within the journal"
    assert simulator.contributors(folder) == SUMS
    assert RunDirectory(folder).result.exists()


@pytest.mark.parametrize("first", cases([2, 3, 4], [3]))
def test_a_disk_that_is_still_full_when_a_coordinator_recovers_leaves_no_half_of_a_sum(
    four: Consortium, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    calls: list[int] = []
    real = Spool.__setitem__

    def failing(self: Spool, hospital: int, payload: bytes) -> None:
        calls.append(hospital)
        if len(calls) in (first, first + 1):  # as it comes, and as it is read from the journal
            raise StorageError("no space left")
        real(self, hospital, payload)

    monkeypatch.setattr(Spool, "__setitem__", failing)
    folder = finish(four)
    assert len(calls) > first + 2
    assert simulator.contributors(folder) == SUMS
    assert four.alarms("coordinator") == []


def finish(world: Consortium) -> Path:
    """Carry letters as the post does: one that meets a failing disk comes again."""
    folder = begun(world)
    for _ in range(3):
        while world.queue:
            sender, to, letter = world.queue[0]
            try:
                world.hand_over(sender, to, letter)
                world.carried.append(world.queue.popleft())
                if not world.queue:
                    world.poll()
            except StorageError:
                patient_poll(world)
        patient_poll(world)
    assert world.status()["phase"] == "finished"
    assert simulator.holds(folder)
    return folder


def patient_poll(world: Consortium) -> None:
    for _ in range(3):
        try:
            world.poll()
            return
        except StorageError:
            continue


def test_a_log_is_turned_when_it_is_large_and_the_oldest_lines_go(
    four: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(homes, "LOG_BYTES", 2_000)
    home = four.hospital("clinic-1")
    for number in range(1_000):
        home.log("line", {"number": number})
    numbers = [line["number"] for line in home.log_lines() if line["event"] == "line"]
    assert numbers == list(range(numbers[0], 1_000))
    assert 50 < len(numbers) < 500
    assert sum(path.stat().st_size for path in home.path.glob("log*.jsonl")) < 8 * 2_200
