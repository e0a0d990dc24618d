"""`verify` on a finished run: it holds as it was written, and no file can be changed without a finding."""

from __future__ import annotations

import dataclasses
import json
import random
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests import simulator
from tests.simulator import World, holds, lines_of

from cipherward.crypto import wire
from cipherward.crypto.identity import Signed
from cipherward.errors import AuditError, CipherwardError, DataError, StorageError, StudyError
from cipherward.parties import days
from cipherward.runs import modelfile
from cipherward.runs.folder import RunDirectory
from cipherward.runs.verify import Line, verify_sums
from cipherward.store import files
from cipherward.sums.messages import Receipt, read

FLIPS = 12


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four hospitals and two rounds that no test changes for long."""
    return simulator.run(tmp_path_factory.mktemp("finished"), simulator.study(4)).path


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> RunDirectory:
    """A copy of the finished run."""
    shutil.copytree(finished, tmp_path / "run")
    return RunDirectory(tmp_path / "run")


def bad_lines(path: Path) -> list[Line]:
    return [line for line in verify_sums(path) if not line.holds]


def is_found(path: Path, *also: type[CipherwardError]) -> bool:
    """Whether `verify` finds something: a line that does not hold, or one of the errors it promises."""
    try:
        return bool(bad_lines(path))
    except CipherwardError as error:
        return isinstance(error, (AuditError, DataError, StudyError, *also))


def test_a_receipt_states_the_day_on_which_it_was_signed(tmp_path: Path) -> None:
    before = datetime.now(UTC).date()
    run = RunDirectory(simulator.run(tmp_path, simulator.study(3)).path)
    signed = wire.decode(Signed, files.read(run.receipt(0, 1)))
    assert days.of_receipt(read(signed, Receipt)) in (before, datetime.now(UTC).date())


def test_a_run_as_it_was_written_holds_with_a_line_per_hospital_and_sum(finished: Path) -> None:
    lines = lines_of(finished)
    assert all(line.holds for line in lines)
    assert [(line.round, line.purpose, line.hospital) for line in lines[:-1]] == [
        (round, purpose, f"clinic-{i}")
        for round, purpose in enumerate(("statistics", "train", "train", "evaluate"))
        for i in (1, 2, 3, 4)
    ]
    assert {line.outcome for line in lines[:-1]} == {f"Privacy Preserved for Client {i}" for i in (1, 2, 3, 4)}
    assert {line.detail for line in lines[:-1]} == {"contributed"}
    assert (lines[-1].outcome, lines[-1].hospital) == ("recomputed", "everyone")


KINDS = {
    "opening of the statistics": "receipts/0000/opening.cbor",
    "opening of a round": "receipts/0002/opening.cbor",
    "receipt": "receipts/0001/hospital-3.cbor",
    "study": "study.toml",
    "digest": "study.digest",
    "model": "model.safetensors",
    "initial model": "model-initial.safetensors",
}


@pytest.mark.parametrize("kind", KINDS)
def test_one_changed_byte_in_any_file_is_found(finished: Path, kind: str) -> None:
    path = finished / KINDS[kind]
    honest = path.read_bytes()
    rng = random.Random(kind)
    # The digest ends in a line break, and any other white space there says the same.
    size = len(honest) - (kind == "digest")
    try:
        for at in (0, size - 1, *(rng.randrange(size) for _ in range(FLIPS))):
            damaged = bytearray(honest)
            damaged[at] ^= 1 << rng.randrange(7)
            path.write_bytes(bytes(damaged))
            assert is_found(finished), f"byte {at} of {path.name}"
    finally:
        path.write_bytes(honest)
    assert holds(finished)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [0, 1, 40])
def test_a_truncated_file_is_found(run: RunDirectory, kind: str, size: int) -> None:
    path = run.path / KINDS[kind]
    path.write_bytes(path.read_bytes()[:size])
    assert is_found(run.path)


@pytest.mark.parametrize("kind", [k for k in KINDS if "opening" not in k and k != "receipt"])
def test_a_missing_file_is_found(run: RunDirectory, kind: str) -> None:
    (run.path / KINDS[kind]).unlink()
    assert is_found(run.path, StorageError)


@pytest.mark.parametrize(
    "key",
    [
        "auroc_federated", "auroc_by_round", "validation_loss_by_round", "rounds", "seed", "scheme", "study_digest",
        "n_hospitals", "n_train_rows", "n_parameters", "hospitals", "synthetic", "federated",
    ],
)  # fmt: skip
def test_a_result_that_the_sums_do_not_give_is_found(run: RunDirectory, key: str) -> None:
    document = json.loads(run.result.read_text())
    others: tuple[Any, ...] = (None, 0.999, "x", [])
    for wrong in others:
        run.result.write_text(json.dumps(document | {key: wrong}))
        (line,) = bad_lines(run.path)
        assert key in line.detail
    del document[key]
    run.result.write_text(json.dumps(document))
    assert bad_lines(run.path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", "[" * 100_000, '{"auroc_federated": NaN}'])
def test_a_result_that_is_no_result_is_found(run: RunDirectory, text: str) -> None:
    run.result.write_text(text)
    (line,) = bad_lines(run.path)
    assert line.outcome == "differs"


def test_an_opening_missing_in_the_middle_is_named(run: RunDirectory) -> None:
    run.opening(1).unlink()
    with pytest.raises(AuditError, match="sum 1: the opening of sum 1 is missing"):
        lines_of(run.path)


def test_a_missing_last_opening_leaves_a_study_that_is_not_finished(run: RunDirectory) -> None:
    run.opening(3).unlink()
    assert lines_of(run.path)[-1].outcome == "not finished"


def test_openings_in_another_order_prove_nothing(run: RunDirectory) -> None:
    first, second = run.opening(1).read_bytes(), run.opening(2).read_bytes()
    run.opening(1).write_bytes(second)
    run.opening(2).write_bytes(first)
    with pytest.raises(AuditError, match="sum 1: "):
        lines_of(run.path)


def test_an_opening_after_the_end_is_found(run: RunDirectory) -> None:
    files.write(run.opening(4), run.opening(3).read_bytes())
    with pytest.raises(AuditError, match="after the end of the study"):
        lines_of(run.path)


def test_files_of_another_run_of_the_same_study_do_not_fit(run: RunDirectory, tmp_path: Path) -> None:
    other = RunDirectory(simulator.run(tmp_path / "other", simulator.study(4)).path)
    assert other.study_digest.read_text() != run.study_digest.read_text()
    for name in ("receipts/0001/opening.cbor", "model.safetensors", "model-initial.safetensors"):
        honest = (run.path / name).read_bytes()
        (run.path / name).write_bytes((other.path / name).read_bytes())
        assert is_found(run.path), name
        (run.path / name).write_bytes(honest)
    assert holds(run.path)


def test_receipts_that_changed_places_are_bad(run: RunDirectory) -> None:
    one, two = run.receipt(1, 1), run.receipt(1, 2)
    first = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(first)
    assert [line.hospital for line in bad_lines(run.path)] == ["clinic-1", "clinic-2"]
    shutil.copy(run.receipt(2, 3), run.receipt(1, 3))
    assert [line.hospital for line in bad_lines(run.path)] == ["clinic-1", "clinic-2", "clinic-3"]


def test_a_missing_receipt_is_told_as_such_and_is_no_lie(run: RunDirectory) -> None:
    run.receipt(1, 3).unlink()
    (line,) = (line for line in lines_of(run.path) if line.outcome == "no receipt")
    assert (line.round, line.hospital, line.holds) == (1, "clinic-3", True)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, simulator.study(4)) as made:
        made.run_sums(2)
        yield made


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: dataclasses.replace(r, outcome="breach"), ""),
        (lambda r: dataclasses.replace(r, outcome="whatever"), ""),
        (lambda r: dataclasses.replace(r, next_model=bytes(32)), "another manifest or model"),
        (lambda r: dataclasses.replace(r, manifest_digest=b""), "another manifest or model"),
        (lambda r: dataclasses.replace(r, context=bytes(32)), "about another sum"),
        (lambda r: dataclasses.replace(r, round=0), "about another sum"),
    ],
)
def test_a_receipt_that_its_hospital_signed_and_that_says_otherwise_does_not_hold(
    world: World, change: Callable[[Receipt], Receipt], words: str
) -> None:
    assert holds(world.run.path)
    path = world.run.receipt(1, 2)
    path.write_bytes(world.signed(change(simulator.signed_body(path.read_bytes(), Receipt)), 2))
    (line,) = bad_lines(world.run.path)
    assert line.hospital == "clinic-2"
    assert words in line.detail


def test_an_unfinished_run_holds_as_far_as_it_goes(world: World) -> None:
    lines = lines_of(world.run.path)
    assert all(line.holds for line in lines)
    assert lines[-1].outcome == "not finished"
    assert "2 sum(s) so far" in lines[-1].detail


def test_a_coordinator_that_signs_a_wrong_model_is_found_by_the_audit_too(world: World) -> None:
    lie = dataclasses.replace(world.opening(1), next_model=bytes(32))
    world.run.opening(1).write_bytes(world.signed(lie))
    with pytest.raises(AuditError, match="not the one that follows from the certified sum"):
        lines_of(world.run.path)


def test_a_model_from_another_seed_is_no_start_of_this_study(world: World) -> None:
    initial = modelfile.load(world.run.initial_model)
    weights = initial.weights.copy()
    weights[0] = -weights[0]
    modelfile.save(world.run.initial_model, dataclasses.replace(initial, weights=weights))
    with pytest.raises(AuditError, match="not the one that the study's seed gives"):
        lines_of(world.run.path)


def test_a_folder_that_is_no_run_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is not a run directory"):
        lines_of(tmp_path)
    (tmp_path / "study.toml").write_text(simulator.study(4).to_toml())
    with pytest.raises(AuditError, match="not a frozen study"):
        lines_of(tmp_path)
