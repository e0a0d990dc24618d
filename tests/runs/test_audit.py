"""The audit log of a run: whatever is altered, added or taken away in the folder afterwards, `verify` says so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests import simulator

from cipherward.audit import entries, notes, reading
from cipherward.audit.entries import Event
from cipherward.audit.reading import checkpoint_file
from cipherward.crypto.identity import Identity
from cipherward.crypto.merkle import Tree, leaf_hash
from cipherward.errors import AuditError, InterruptedRunError
from cipherward.runs.audit_check import verify_run
from cipherward.runs.audit_trail import OPENED
from cipherward.runs.folder import RunDirectory
from cipherward.runs.verify import Line
from cipherward.simulation import witnessed
from cipherward.simulation.simulate import resume_study


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four hospitals and two rounds, with its report, that no test changes."""
    path = simulator.run(tmp_path_factory.mktemp("finished"), simulator.study(4)).path
    (path / "report.html").write_text("the report")
    witnessed.look(path)
    return path


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def bad(path: Path, *heads: Path) -> list[Line]:
    return [line for line in verify_run(path, heads) if not line.holds]


def said(path: Path, *heads: Path) -> str:
    return "\n".join(f"{line.outcome}: {line.detail}" for line in bad(path, *heads))


def log_of(path: Path) -> list[bytes]:
    return (path / "audit.jsonl").read_bytes().splitlines()


def put(path: Path, lines: list[bytes]) -> None:
    (path / "audit.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))


def entry_of(path: Path, name: str) -> int:
    return max(n for n, line in enumerate(log_of(path)) if name in entries.read(line).files)


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def test_a_run_as_it_was_written_holds_and_says_what_is_proved_and_by_whom(finished: Path) -> None:
    lines = [line for line in verify_run(finished) if line.purpose == "audit"]
    assert [line.outcome for line in lines] == ["sums in the log", "log signed"]
    assert lines[0].detail == "4 of at most 4 sums; the study has ended"
    assert lines[1].detail == (
        "28 of 28 entries are cosigned by at least 3 hospitals; the newest head by clinic-1, clinic-2, clinic-3, clinic-4"
    )
    assert bad(finished) == []


def test_an_opening_has_its_entry_with_who_was_in_it_and_who_consented(finished: Path) -> None:
    opened = [found for line in log_of(finished) if (found := entries.read(line)).event == OPENED]
    assert [entry.facts["sum"] for entry in opened] == [0, 1, 2, 3]
    assert opened[1].facts["hospitals"] == opened[1].facts["consents"] == [f"clinic-{n}" for n in (1, 2, 3, 4)]
    assert len(opened[1].facts["updates"]) == 4


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("report.html", "report", "better report"),
        ("result.json", '"seconds"', '"Seconds"'),
        ("simulation.json", "tables", "others"),
    ],
)
def test_a_file_that_people_are_shown_cannot_be_edited(run: Path, name: str, before: str, after: str) -> None:
    edit(run / name, before, after)
    assert f"file changed: entry {entry_of(run, name)}: {name} is not as it was" in said(run)


@pytest.mark.parametrize("line", [0, 2, 3])
def test_times_and_metrics_in_the_record_of_rounds_cannot_be_edited(run: Path, line: int) -> None:
    lines = (run / "rounds.jsonl").read_text().splitlines()
    found = json.loads(lines[line])
    lines[line] = json.dumps(found | {"seconds": 0.1})
    (run / "rounds.jsonl").write_text("\n".join(lines) + "\n")
    assert f"line {line + 1} of rounds.jsonl is not as it was noted" in said(run)


def test_a_line_of_the_record_of_rounds_cannot_be_added_or_removed(run: Path) -> None:
    data = (run / "rounds.jsonl").read_bytes()
    (run / "rounds.jsonl").write_bytes(data + data.splitlines()[0] + b"\n")
    assert "no audit entry: line 5 of rounds.jsonl" in said(run)
    (run / "rounds.jsonl").write_bytes(data[: data.rstrip(b"\n").rfind(b"\n") + 1])
    assert "line 4 of rounds.jsonl is missing" in said(run)
    (run / "rounds.jsonl").unlink()
    assert "line 1 of rounds.jsonl is missing" in said(run)


def test_all_receipts_of_one_hospital_cannot_be_removed(run: Path) -> None:
    for path in run.glob("receipts/*/hospital-3.cbor"):
        path.unlink()
    found = bad(run)
    assert [line.outcome for line in found] == ["file missing"] * 4
    assert "receipts/0000/hospital-3.cbor is not here any more" in found[0].detail


def test_the_last_two_sums_cannot_be_removed_with_model_and_result(run: Path) -> None:
    drop_sums(run)
    text = said(run)
    assert "sums missing: 2 of 4 sums: entry 14 says that sum 2 was opened" in text
    assert "model.safetensors is not here any more" in text


def drop_sums(run: Path) -> None:
    for name in ("receipts/0002", "receipts/0003"):
        shutil.rmtree(run / name)
    for name in ("model.safetensors", "result.json", "report.html", "thresholds.csv", "calibration.csv"):
        (run / name).unlink()
    lines = (run / "rounds.jsonl").read_text().splitlines()
    (run / "rounds.jsonl").write_text("\n".join(lines[:2]) + "\n")


def test_a_log_that_was_cut_with_the_sums_is_missed_by_every_hospital_that_cosigned_it(
    run: Path, tmp_path: Path
) -> None:
    drop_sums(run)
    put(run, log_of(run)[:14])
    for path in reading.checkpoint_files(run):
        if int(path.name) > 14:
            path.unlink()
    assert said(run) == "log was altered: entry 14 is missing: there were 28 entries when a head was signed"
    kept = (run / "hospitals" / "1" / "witnessed").rename(tmp_path / "head")
    shutil.rmtree(run / "hospitals")
    lines = list(verify_run(run))
    assert all(line.holds for line in lines)
    assert "2 of at most 4 sums; the study has not ended" in [line.detail for line in lines]
    assert "entry 14 is missing" in said(run, kept)


def test_an_empty_file_has_its_entry_too(run: Path) -> None:
    (run / "stopped").write_bytes(b"")
    witnessed.look(run)
    assert bad(run) == []
    assert "stopped" in entries.read(log_of(run)[-1]).files


def test_a_file_that_was_put_there_later_has_no_entry(run: Path) -> None:
    for name in ("approvals/1.signed", "receipts/0001/hospital-9.cbor", "failed", "made-up.csv"):
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).write_bytes(b"x")
        assert f"no audit entry: {name} is here" in said(run)


def change(lines: list[bytes]) -> list[bytes]:
    lines[9] = lines[9].replace(b"clinic-1", b"clinic-2")
    return lines


EDITS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "change": change,
    "delete": lambda lines: lines[:9] + lines[10:],
    "insert": lambda lines: [*lines[:9], lines[8], *lines[9:]],
    "reorder": lambda lines: [*lines[:9], lines[10], lines[9], *lines[11:]],
    "cut the tail": lambda lines: lines[:9],
}


@pytest.mark.parametrize("name", EDITS)
def test_every_edit_of_the_log_is_found_and_the_first_bad_entry_named(run: Path, name: str) -> None:
    put(run, EDITS[name](log_of(run)))
    first = bad(run)[0]
    assert first.outcome == "log was altered"
    # A copy of entry 8 in place 9 cannot be told from entry 8 in its own.
    assert first.detail.startswith(f"entry {8 if name == 'insert' else 9} ")


def sign_again(run: Path, lines: list[bytes], first: int, key: Identity) -> None:
    """What a coordinator can do to its own log: number, link and sign everything from entry `first` on anew."""
    after, made, tree = entries.FIRST, list[bytes](), Tree()
    for number, line in enumerate(lines):
        entry = entries.read(line)
        if number >= first:
            line = entries.write(Event(entry.event, entry.facts, entry.files), number, 1_800_000_000.0, after)
        made.append(line)
        tree.append(leaf_hash(line))
        after = reading.after(leaf_hash(line))
        path = checkpoint_file(run, number + 1)
        if number >= first and path.exists():
            origin = reading.read_checkpoint(path).checkpoint.origin
            path.write_text(notes.sign(key, notes.Checkpoint(origin, number + 1, tree.root())).text)
    put(run, made)


def test_a_log_that_the_coordinator_signed_again_is_told_by_its_missing_cosignatures(run: Path) -> None:
    key = Identity((run / "coordinator" / "identity.key").read_bytes())
    sign_again(run, change(log_of(run)), 9, key)
    shutil.rmtree(run / "hospitals")
    first = next(line for line in bad(run) if line.outcome == "not cosigned")
    assert "8 of 28 entries are cosigned by at least 3 hospitals" in first.detail
    assert "entry 8 and later openings are the coordinator's word alone" in first.detail


def test_a_second_history_is_told_by_the_head_that_one_hospital_has(run: Path, finished: Path) -> None:
    key = Identity((run / "coordinator" / "identity.key").read_bytes())
    sign_again(run, change(log_of(run)), 9, key)
    shutil.rmtree(run / "hospitals")
    assert "entries 8 to 27 is not the one" not in said(run)
    assert "is not the one in the log of 28 entries that" in said(run, finished / "hospitals" / "2" / "witnessed")


def test_the_log_of_another_key_and_a_log_that_is_gone_are_no_proof(run: Path) -> None:
    sign_again(run, log_of(run), 0, Identity(b"\x09" * 32))
    assert "not a head that" in said(run)
    shutil.rmtree(run / "checkpoints")
    shutil.rmtree(run / "hospitals")
    assert "0 of 28 entries are cosigned" in said(run)
    (run / "audit.jsonl").unlink()
    assert [line.outcome for line in bad(run)] == ["no audit log"]


def test_an_entry_that_is_added_at_the_end_is_under_no_signed_head(run: Path) -> None:
    lines = log_of(run)
    after = leaf_hash(lines[-1]).hex()[:32]
    put(run, [*lines, entries.write(Event("receipt", {"hospital": "clinic-1", "sum": 9}), len(lines), 1.8e9, after)])
    assert (
        said(run)
        == f"not signed: entries {len(lines)} to {len(lines)} are under no signed head: nobody vouches for them"
    )


def test_a_head_of_another_log_is_not_passed_over(run: Path, tmp_path: Path) -> None:
    other = simulator.run(tmp_path / "other", simulator.study(4)).path
    head = sorted((other / "checkpoints").iterdir())[-1]
    assert "log was altered: a head is of another log than the one here" in said(run, head)


def test_a_damaged_opening_is_named_by_its_entry_too(run: Path) -> None:
    path = RunDirectory(run).opening(1)
    path.write_bytes(path.read_bytes()[:-1])
    found = bad(run)
    assert found[0].outcome == "do not verify"
    assert "entry 8: receipts/0001/opening.cbor is not as it was" in said(run)


def test_a_run_that_stops_and_goes_on_has_one_log(tmp_path: Path) -> None:
    stops = iter([False, False, True])
    with pytest.raises(InterruptedRunError):
        simulator.run(tmp_path, simulator.study(4), should_stop=lambda: next(stops))
    path = tmp_path / "run"
    lines = list(verify_run(path))
    assert all(line.holds for line in lines)
    assert "2 of at most 4 sums; the study has not ended" in [line.detail for line in lines]
    before = log_of(path)
    resume_study(path, device="cpu")
    assert log_of(path)[: len(before)] == before
    assert bad(path) == []


def test_a_run_whose_log_was_altered_does_not_go_on(tmp_path: Path) -> None:
    stops = iter([False, False, True])
    with pytest.raises(InterruptedRunError):
        simulator.run(tmp_path, simulator.study(4), should_stop=lambda: next(stops))
    put(tmp_path / "run", log_of(tmp_path / "run")[:5])
    with pytest.raises(AuditError, match="is not the log of"):
        resume_study(tmp_path / "run", device="cpu")
