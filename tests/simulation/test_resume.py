"""Stopped between two sums, or killed in the middle of one: the run goes on from its files to the very same model."""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests import simulator
from tests.simulator import (
    PHASES,
    BentNetwork,
    Packet,
    World,
    contributors,
    holds,
    lines_of,
    lost,
    replayed,
    run,
    weights,
)

from cipherward.errors import (
    AuditError,
    CipherwardError,
    FaultyCoordinatorError,
    InterruptedRunError,
    QuorumError,
    StorageError,
    StudyError,
    TableError,
)
from cipherward.runs.folder import RunDirectory
from cipherward.simulation.simulate import RunResult, resume_study
from cipherward.store import files
from cipherward.study import Study
from cipherward.sums.messages import Complaint, Opening

SCHEMES = ["quorum", "plain"]
KINDS = ["Update", "Vote", "Release", "Opening"]
MORE_KINDS = ["Announce", "Join", "Joined", "ConsentRequest", "Certificate", "Receipt"]


def study(scheme: str) -> Study:
    return simulator.agreed(4, aggregation={"scheme": scheme})


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunResult]:
    """Uninterrupted runs of the same studies."""
    return {scheme: run(tmp_path_factory.mktemp(scheme), study(scheme)) for scheme in SCHEMES}


def after(sums: int) -> Callable[[], bool]:
    """True from the given number of calls on; it is asked once before each sum."""
    asked: list[None] = []

    def should_stop() -> bool:
        asked.append(None)
        return len(asked) > sums

    return should_stop


class Killed(BaseException):
    """The process is gone; nothing in it may catch this."""


def crash(kind: str, round: int | None, hospital: int = 3) -> BentNetwork:
    """The process dies when this packet is on its way; without a round, the first such packet."""

    def bend(packet: Packet) -> list[bytes] | None:
        if (packet.kind, packet.hospital) == (kind, hospital) and round in (None, packet.round):
            raise Killed
        return None

    return BentNetwork(bend)


def same(resumed: RunResult, whole: RunResult) -> None:
    assert weights(resumed.path).tobytes() == weights(whole.path).tobytes()
    assert replayed(resumed.path).digest() == replayed(whole.path).digest()
    assert resumed.summary["auroc_by_round"] == whole.summary["auroc_by_round"]
    assert holds(resumed.path)
    assert set(resumed.summary["verified"].values()) == {True}
    assert {line.outcome for line in lines_of(resumed.path)} == {line.outcome for line in lines_of(whole.path)}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("sums", [0, 2, *(pytest.param(more, marks=pytest.mark.thorough) for more in (1, 3))])
def test_a_run_stopped_between_two_sums_resumes_to_the_same_model(
    tmp_path: Path, whole: dict[str, RunResult], scheme: str, sums: int
) -> None:
    with pytest.raises(InterruptedRunError, match=rf"stopped after {sums} sum\(s\)") as caught:
        run(tmp_path, study(scheme), should_stop=after(sums))
    assert "--resume" in caught.value.hint
    assert not (tmp_path / "run" / "result.json").exists()
    assert lines_of(tmp_path / "run")[-1].outcome == "not finished"
    same(resume_study(tmp_path / "run", device="cpu"), whole[scheme])


@pytest.mark.parametrize("kind", [*KINDS, *(pytest.param(kind, marks=pytest.mark.thorough) for kind in MORE_KINDS)])
def test_a_run_killed_in_the_middle_of_a_sum_resumes_to_the_same_model(
    tmp_path: Path, whole: dict[str, RunResult], kind: str
) -> None:
    with pytest.raises(Killed):
        run(tmp_path, study("quorum"), network=crash(kind, 1))
    assert all(line.holds for line in lines_of(tmp_path / "run"))
    same(resume_study(tmp_path / "run", device="cpu"), whole["quorum"])


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["Join", "Update", "Vote", "Release", "Receipt"])
@pytest.mark.parametrize("round", [0, 3])
def test_a_run_killed_in_its_first_or_last_sum_resumes_to_the_same_model(
    tmp_path: Path, whole: dict[str, RunResult], kind: str, round: int
) -> None:
    with pytest.raises(Killed):
        run(tmp_path, study("quorum"), network=crash(kind, round))
    same(resume_study(tmp_path / "run", device="cpu"), whole["quorum"])


@pytest.mark.parametrize(
    "kind",
    ["Update", "Receipt", *(pytest.param(kind, marks=pytest.mark.thorough) for kind in ("Join", "Vote", "Release"))],
)
def test_an_unprotected_run_killed_in_the_middle_of_a_sum_resumes_too(
    tmp_path: Path, whole: dict[str, RunResult], kind: str
) -> None:
    with pytest.raises(Killed):
        run(tmp_path, study("plain"), network=crash(kind, 2))
    same(resume_study(tmp_path / "run", device="cpu"), whole["plain"])


def test_a_run_may_be_killed_again_while_it_is_resumed(tmp_path: Path, whole: dict[str, RunResult]) -> None:
    with pytest.raises(Killed):
        run(tmp_path, study("quorum"), network=crash("Joined", 1))
    for kind in ("Update", "Vote", "Release", "Release", "Opening", "Update", "Receipt", "Receipt"):
        with pytest.raises(Killed):
            resume_study(tmp_path / "run", device="cpu", network=crash(kind, None))
    same(resume_study(tmp_path / "run", device="cpu"), whole["quorum"])


def test_a_contribution_that_was_sent_before_the_crash_is_sent_again_and_not_made_again(tmp_path: Path) -> None:
    sent: dict[int, set[bytes]] = {i: set() for i in (1, 2, 3, 4)}

    def watch(packet: Packet) -> list[bytes] | None:
        if packet.kind == "Update" and packet.round == 1:
            sent[packet.hospital].add(packet.raw)
        return None

    with pytest.raises(Killed):
        run(tmp_path, study("quorum"), network=BentNetwork(watch, *crash("Vote", 1).bends))
    resume_study(tmp_path / "run", device="cpu", network=BentNetwork(watch))
    assert [len(updates) for updates in sent.values()] == [1, 1, 1, 1]


@pytest.mark.parametrize("kind", ["Vote", "Opening"])
def test_a_hospital_that_is_away_when_the_run_resumes_catches_up_later(tmp_path: Path, kind: str) -> None:
    with pytest.raises(Killed):
        run(tmp_path, simulator.agreed(5), network=crash(kind, 1))
    late = BentNetwork(lost({5}, kinds=PHASES["consent"] | PHASES["release"] | PHASES["verify"], rounds={1}))
    resumed = resume_study(tmp_path / "run", device="cpu", network=late)
    assert holds(resumed.path)
    assert set(resumed.summary["verified"].values()) == {True}
    assert contributors(resumed.path)[-1] == [1, 2, 3, 4, 5]


def test_a_void_attempt_is_not_forgotten_over_a_crash(tmp_path: Path) -> None:
    """Everybody left the first attempt; the resumed coordinator finds that out and asks for the next one."""
    with World(tmp_path, simulator.agreed(4)) as world:
        world.run_sums(1)
        world.until("ConsentRequest")
        context = world.hub._steps.sum.task.context
        for index in (1, 2, 3):
            world.hub.handle(index, world.packet(Complaint(context, 4, "no reason"), index))
        requests = dict(world.hub.expire())
        assert {simulator.kind_of(packet) for packet in requests.values()} == {"VoidRequest"}
        for index, packet in requests.items():
            world.sites[index].handle(packet)
        last = {index: site.state for index, site in world.sites.items()}
    files.write(world.run.simulation, json.dumps({"data": "", "base": str(tmp_path / "tables")}).encode())
    assert {state.sums_done for state in last.values()} == {1}
    resumed = resume_study(world.run.path, device="cpu")
    assert holds(resumed.path)
    assert resumed.summary["rounds"] == 2


def test_a_hospital_that_found_a_breach_takes_no_part_in_the_resumed_run(tmp_path: Path) -> None:
    with World(tmp_path, simulator.agreed(4)) as world:
        world.run_sums(1)

        def lie(packet: Packet) -> list[bytes] | None:
            if packet.kind != "Opening" or packet.hospital != 2:
                return None
            opening = simulator.body(packet.raw, Opening)
            return [world.packet(Opening(**{**vars(opening), "next_model": bytes(32)}))]

        world.engine.network = BentNetwork(lie)
        with pytest.raises(FaultyCoordinatorError):
            world.run_sums()
    files.write(world.run.simulation, json.dumps({"data": "", "base": str(tmp_path / "tables")}).encode())
    resumed = resume_study(world.run.path, device="cpu")
    assert contributors(resumed.path)[-1] == [1, 3, 4]
    assert resumed.summary["verified"]["clinic-2"] is False


# what cannot be resumed


@functools.cache
def _stopped(sums: int) -> tempfile.TemporaryDirectory[str]:
    made = tempfile.TemporaryDirectory(prefix="cipherward-stopped-")
    with pytest.raises(InterruptedRunError):
        run(Path(made.name), study("quorum"), should_stop=after(sums))
    return made


def stopped(folder: Path, sums: int = 2) -> RunDirectory:
    """A copy of a run that was stopped after so many sums, with its tables."""
    shutil.copytree(_stopped(sums).name, folder, dirs_exist_ok=True)
    simulation = RunDirectory(folder / "run").simulation
    simulation.write_text(simulation.read_text().replace(_stopped(sums).name, str(folder)))
    return RunDirectory(folder / "run")


def test_a_finished_run_is_not_resumed(whole: dict[str, RunResult]) -> None:
    with pytest.raises(StudyError, match="is finished"):
        resume_study(whole["quorum"].path)


def test_a_folder_that_is_no_run_is_not_resumed(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is not a run directory"):
        resume_study(tmp_path)


def test_a_run_is_not_resumed_with_another_table(tmp_path: Path) -> None:
    interrupted = stopped(tmp_path)
    (noted,) = interrupted.hospital(2).glob("table.fingerprint")
    assert noted.stat().st_mode & 0o077 == 0
    table = tmp_path / "tables" / "clinic-2.csv"
    whole = table.read_text()
    for changed in (whole + "0.1,0.2,A,1\n", whole.replace(",A,", ",B,", 1), "".join(whole.splitlines(True)[:-30])):
        table.write_text(changed)
        with pytest.raises(TableError, match="clinic-2 is not the one that this study was begun with"):
            resume_study(interrupted.path, device="cpu")
    table.write_text(whole)
    assert resume_study(interrupted.path, device="cpu").summary["rounds"]


def test_a_stopped_run_whose_opening_was_changed_is_not_resumed(tmp_path: Path) -> None:
    interrupted = stopped(tmp_path)
    damaged = bytearray(interrupted.opening(1).read_bytes())
    damaged[500] ^= 1
    interrupted.opening(1).write_bytes(bytes(damaged))
    with pytest.raises(AuditError, match="sum 1"):
        resume_study(interrupted.path, device="cpu")


@pytest.mark.parametrize(
    "name", ["simulation.json", "coordinator/identity.key", "hospitals/2/identity.key", "model-initial.safetensors"]
)
def test_a_stopped_run_that_lost_a_file_says_so(tmp_path: Path, name: str) -> None:
    interrupted = stopped(tmp_path, 1)
    (interrupted.path / name).unlink()
    with pytest.raises(StorageError) as caught:
        resume_study(interrupted.path, device="cpu")
    assert caught.value.hint


@pytest.mark.parametrize("content", [b"", b"\0" * 99, b"half"])
def test_damaged_inventories_are_named(tmp_path: Path, content: bytes) -> None:
    interrupted = stopped(tmp_path, 1)
    interrupted.inventories.write_bytes(content)
    with pytest.raises(AuditError, match=r"inventories\.cbor is damaged"):
        resume_study(interrupted.path, device="cpu")


@pytest.mark.thorough
def test_whatever_a_power_failure_takes_of_a_stopped_run_it_goes_on_or_says_why_not(tmp_path: Path) -> None:
    interrupted = stopped(tmp_path / "whole", 2)
    names = sorted(path.relative_to(interrupted.path) for path in interrupted.path.rglob("*") if path.is_file())
    outcomes = set()
    for name in names:
        for left in (lambda data: b"", lambda data: bytes(len(data)), lambda data: data[: len(data) // 2]):
            folder = tmp_path / "damaged"
            shutil.copytree(interrupted.path, folder)
            (folder / name).write_bytes(left((folder / name).read_bytes()))
            try:
                resume_study(folder, device="cpu")
                outcomes.add("goes on")
            except CipherwardError:
                outcomes.add("says why not")
            shutil.rmtree(folder)
    assert len(names) > 30
    assert outcomes == {"goes on", "says why not"}


def test_a_key_of_another_length_is_no_key(tmp_path: Path) -> None:
    interrupted = stopped(tmp_path, 1)
    (interrupted.path / "hospitals" / "2" / "identity.key").write_bytes(b"short")
    with pytest.raises(StorageError, match="is not a key"):
        resume_study(interrupted.path, device="cpu")


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"data": 7, "base": 7}'])
def test_a_damaged_note_of_where_the_data_were_is_a_storage_error(tmp_path: Path, text: str) -> None:
    interrupted = stopped(tmp_path, 0)
    interrupted.simulation.write_text(text)
    with pytest.raises(StorageError, match="is not an interrupted run"):
        resume_study(interrupted.path, device="cpu")


def test_a_hospital_that_lost_its_ledger_takes_no_further_part_and_accuses_nobody(tmp_path: Path) -> None:
    interrupted = stopped(tmp_path)
    for path in interrupted.hospital(3).glob("ledger.sqlite*"):
        path.unlink()
    resumed = resume_study(interrupted.path, device="cpu")
    assert holds(resumed.path)
    assert contributors(resumed.path)[2:] == [[1, 2, 4]] * 2
    assert resumed.summary["verified"] == {"clinic-1": True, "clinic-2": True, "clinic-3": False, "clinic-4": True}
    reasons = [line["reason"] for line in simulator.log(resumed.path, "refused") if line["who"] == "hospital 3"]
    assert any("was it lost or set back?" in reason for reason in reasons)


@pytest.mark.parametrize("lost_journal", [False, True])
def test_a_sum_dealt_among_fewer_hospitals_goes_on_among_them_unless_the_journal_is_lost(
    tmp_path: Path, lost_journal: bool
) -> None:
    """The updates of before the crash were sealed to four holders; the fifth is there when the run resumes."""
    with pytest.raises(Killed):
        run(tmp_path, simulator.agreed(5), network=BentNetwork(lost({5}, rounds={1}), *crash("Update", 1).bends))
    if lost_journal:
        shutil.rmtree(tmp_path / "run" / "coordinator" / "journal")
    resumed = resume_study(tmp_path / "run", device="cpu")
    assert holds(resumed.path)
    first = [1, 2, 3, 4, 5] if lost_journal else [1, 2, 3, 4]
    assert contributors(resumed.path)[1:] == [first, [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]]


def test_a_full_disk_in_the_middle_stops_the_run_which_then_resumes(
    tmp_path: Path, whole: dict[str, RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = files.write

    def full(path: Path, data: bytes, *, private: bool = False) -> None:
        if path.parent.name == "0002":
            raise StorageError(f"cannot write {path}: No space left on device")
        honest(path, data, private=private)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write", full)
        with pytest.raises(StorageError, match="No space left"):
            run(tmp_path, study("quorum"))
    shutil.rmtree(tmp_path / "run" / "receipts" / "0002", ignore_errors=True)
    same(resume_study(tmp_path / "run", device="cpu"), whole["quorum"])


def test_a_full_disk_at_the_coordinator_is_not_blamed_on_a_hospital(tmp_path: Path) -> None:
    with World(tmp_path, study("quorum")) as world:

        class Full(dict[int, bytes]):
            def __setitem__(self, hospital: int, payload: bytes) -> None:
                raise StorageError("cannot keep an update: No space left on device")

        world.hub.payloads = Full
        with pytest.raises(StorageError, match="No space left"):
            world.run_sums()
        assert world.hub.set_aside == []


def test_a_study_that_waits_for_hospitals_resumes_when_they_are_back(
    tmp_path: Path, whole: dict[str, RunResult]
) -> None:
    with pytest.raises(QuorumError, match="clinic-1, clinic-2"):
        run(tmp_path, study("quorum"), network=BentNetwork(lost({1, 2}, rounds={2})))
    same(resume_study(tmp_path / "run", device="cpu"), whole["quorum"])


def test_a_damaged_journal_stops_the_resume_and_its_hint_leads_to_the_same_model(
    tmp_path: Path, whole: dict[str, RunResult]
) -> None:
    with pytest.raises(Killed):
        run(tmp_path, study("quorum"), network=crash("Release", 1))
    journal = tmp_path / "run" / "coordinator" / "journal"
    content = bytearray((journal / "journal").read_bytes())
    content[200] ^= 1
    (journal / "journal").write_bytes(bytes(content))
    with pytest.raises(StorageError, match="is damaged") as caught:
        resume_study(tmp_path / "run", device="cpu")
    assert "move the folder" in caught.value.hint
    journal.rename(tmp_path / "damaged")
    same(resume_study(tmp_path / "run", device="cpu"), whole["quorum"])


def test_a_run_killed_after_its_last_receipt_notes_that_sum_once(tmp_path: Path, whole: dict[str, RunResult]) -> None:
    honest = files.append

    def killed(path: Path, line: str) -> None:
        if path.name == "rounds.jsonl" and json.loads(line)["sum"] == 2:
            raise Killed
        honest(path, line)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "append", killed)
        with pytest.raises(Killed):
            run(tmp_path, study("quorum"))
    resumed = resume_study(tmp_path / "run", device="cpu")
    same(resumed, whole["quorum"])
    lines = [json.loads(line) for line in (resumed.path / "rounds.jsonl").read_text().splitlines()]
    assert [line["sum"] for line in lines] == [0, 1, 2, 3]
    assert [line["purpose"] for line in lines] == ["statistics", "train", "train", "evaluate"]
