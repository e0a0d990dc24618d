"""Two studies whose rows would differ by one patient, between real homes: what outsiders subtract is whole batches or nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.consortium.consortium import Consortium, document, opened
from tests.consortium.test_what_keeps_a_hospital_out import change, shown
from typer.testing import CliRunner

from cipherward.cli import app
from cipherward.consortium.approval import approvals, review
from cipherward.consortium.homes import inheriting
from cipherward.consortium.homes.registers import Registers
from cipherward.consortium.service import offering
from cipherward.parties import asking
from cipherward.runs import exposure, verify
from cipherward.study import Study

ROWS_MIN = 10
ME = "clinic-2"
N = 240  # two batches


def lines(hospital: int, numbers: range) -> str:
    rng = np.random.default_rng(1_000 * hospital + numbers.start)
    found = []
    for number in numbers:
        a, d, w, o = rng.normal(), rng.normal(), "AB"[rng.integers(2)], rng.integers(2)
        found.append(f"C{hospital}-{number:05d},{a:.4f},{d:.4f},{w},{o}\n")
    return "".join(found)


@pytest.fixture(scope="module")
def one_study(tmp_path_factory: pytest.TempPathFactory) -> Consortium:
    """Four hospitals that have finished study "one"; closed."""
    made = Consortium(tmp_path_factory.mktemp("one"), 4, own_split=True)
    for hospital in range(1, 5):
        change(table(made, hospital), "mrn,age,dose,ward,outcome\n" + lines(hospital, range(N)))
    run(made, study("one"))
    made.close()
    return made


@pytest.fixture
def four(one_study: Consortium, tmp_path: Path) -> Iterator[Consortium]:
    """A copy of them that goes on."""
    made = one_study.copied(tmp_path)
    yield made
    made.close()


def first_of(four: Consortium) -> Path:
    """The folder of study "one" at the coordinator."""
    (found,) = four.home.study_folders()
    return found


def table(four: Consortium, hospital: int) -> Path:
    return four.folder / "tables" / f"clinic-{hospital}.csv"


def study(name: str, data: dict[str, object] | None = None, **others: object) -> Study:
    """Nobody may be singled out, and no update is cut or coarsely rounded: whether one would be follows from the rows that a secret
    key deals into the training part, and who was cut declines the same model with other rows."""
    read = {"patient_column": "mrn"} | (data or {})
    wide = {
        "range_initial": 4.0,
        "bits": 24,
        "rounding": "stochastic",
    }  # an intercept's update can be of a few steps by chance
    return document(4, name=name, singled_out="never", training={"rounds": 1}, aggregation=wide, data=read, **others)


def run(four: Consortium, chosen: Study) -> Path:
    """The study's folder at the coordinator, once it is finished."""
    folder = four.start(chosen)
    four.approve()
    four.pump()
    assert four.status()["phase"] == "finished", (four.status(), shown(four))
    return folder


def statistics(folder: Path) -> dict[str, np.ndarray]:
    """The exact counts and sums over the training rows, as anybody reads them in the first opening."""
    opened_run = verify.open_run(folder)
    first = next(iter(verify.replay(opened_run))).state
    return asking.named_sums(opened_run.rules.scheme, first, opened(folder)[0][1], 4)


def difference(before: Path, after: Path) -> dict[str, np.ndarray]:
    old, new = statistics(before), statistics(after)
    return {name: new[name] - old[name] for name in old}


def test_a_moved_split_moves_nobody(four: Consortium) -> None:
    first = first_of(four)
    moved = {"validation_fraction": 0.1001, "test_fraction": 0.2104, "split_salt": "another"}
    second = run(four, study("two", moved))
    assert statistics(first)["rows"][0] > 600
    assert all((found == 0).all() for found in difference(first, second).values())


def comes(text: str) -> str:
    return text + "C2-99999,3.1415,-2.7182,B,1\n"


def changes(text: str) -> str:
    head, target, *rest = text.splitlines(keepends=True)
    return "".join([head, target.split(",")[0] + ",3.1415,-2.7182,B,1\n", *rest])


def goes(text: str) -> str:
    head, _, *rest = text.splitlines(keepends=True)
    return "".join([head, *rest])


@pytest.mark.parametrize("happens", [comes, changes, goes])
def test_one_patient_who_comes_changes_or_goes_is_not_told_from_the_batch(
    four: Consortium, happens: Callable[[str], str]
) -> None:
    first = first_of(four)
    change(table(four, 2), happens(table(four, 2).read_text()))
    second = run(four, study("two"))
    found = difference(first, second)
    if happens is comes:
        assert all((each == 0).all() for each in found.values())
        return
    register = Registers(four.folder / ME / "registers").load("table")
    assert register is not None
    (batch,) = np.flatnonzero(register.out)
    parts = register.parts[register.batches == batch]
    assert found["rows"][0] == -(parts == 0).sum()  # the training rows of the whole batch
    assert min(np.bincount(parts, minlength=3)) >= ROWS_MIN
    assert [a for a in four.alarms(ME) if a.startswith("batches out")]


def test_new_patients_of_one_hospital_alone_are_opened_by_nobody(four: Consortium) -> None:
    first = first_of(four)
    change(table(four, 2), table(four, 2).read_text() + lines(2, range(N, 2 * N)))
    folder = four.start(study("two", refresh=True))
    said = review.review(four.hospital(ME), approvals.find(four.hospital(ME), "two")).data.register
    assert any("one refresh on" in line for line in said), said
    four.approve()
    four.pump()
    four.now += 10_000.0
    four.pump()
    assert four.status()["phase"] != "finished"
    assert not list(folder.glob("receipts/*/opening.cbor"))
    assert "rule 7" in shown(four), shown(four)
    offering.stop(four.home, "two", "too few new patients")
    four.pump()
    # The way out gives nothing away: the earlier refresh, and the same rows.
    third = run(four, study("three"))
    assert all((each == 0).all() for each in difference(first, third).values())
    # Nothing of the step can be opened any more, as a quorum has voted: a later one takes everybody along.
    for hospital in (1, 3):
        change(table(four, hospital), table(four, hospital).read_text() + lines(hospital, range(N, 2 * N)))
    grown = run(four, study("four", refresh=True))
    assert difference(first, grown)["rows"][0] == 3 * 168


def test_new_patients_of_enough_hospitals_enter_together(four: Consortium) -> None:
    first = first_of(four)
    for hospital in (1, 2, 3):
        change(table(four, hospital), table(four, hospital).read_text() + lines(hospital, range(N, 2 * N)))
    second = run(four, study("two"))  # they wait
    assert all((each == 0).all() for each in difference(first, second).values())
    grown = run(four, study("three", refresh=True))
    assert difference(first, grown)["rows"][0] == 3 * 168
    said = [exposure.register_words(stand) for stand in exposure.of_path(grown).registers]
    assert said == [("read at refresh 1, with patients who entered since the sum before",)] * 3 + [
        ("read at refresh 1",)
    ]
    again = run(four, study("four"))
    assert all((each == 0).all() for each in difference(grown, again).values())


def test_a_patient_who_is_withdrawn_stops_a_running_study_here_and_the_next_one_reads_a_batch_less(
    four: Consortium,
) -> None:
    before = first_of(four)
    four.start(study("two"))
    four.approve()
    while not four.desks[ME].status()[-1]["sums_verified"]:
        if not four.queue:
            four.poll()
        four.step()
    (ids := four.folder / "ids").write_text("C2-00007\n")
    home = ["--home", str(four.folder / ME)]
    done = CliRunner().invoke(app, ["hospital", "withdraw-patients", "--file", str(ids), "--yes", *home])
    assert "of whom registers know 1; batches that go out: 1" in done.output, done.output
    four.pump()
    assert four.desks[ME].status()[-1]["phase"] == "refused"
    offering.stop(four.home, "two", "a patient was withdrawn")
    four.pump()
    after = run(four, study("three"))
    lost = -difference(before, after)["rows"][0]
    assert lost >= 0.7 * N / 2 - 1
    listed = CliRunner().invoke(app, ["hospital", "register", *home]).output
    assert "Out for good: 1 batches with 120 rows." in listed, listed
    log = (four.folder / ME / "log.jsonl").read_text()
    assert "C2-00007" not in log + listed


def test_a_register_that_is_lost_with_the_ledger_is_not_dealt_anew(four: Consortium) -> None:
    """A patient more, and the new register would hold all of them: the difference would be that one."""
    first = first_of(four)
    change(table(four, 2), comes(table(four, 2).read_text()))
    home = four.hospital(ME)
    four.desks[ME].close()
    kept = shutil.copytree(home.registers_folder, four.folder / "kept")
    shutil.rmtree(home.registers_folder)
    for path in home.path.glob("ledger.*"):
        path.unlink()
    told = (
        CliRunner()
        .invoke(app, ["hospital", "inherit", str(four.hospital("clinic-1").models), "--home", str(home.path)])
        .output
    )
    assert "TABLE 'table' IS NOT READ ANY MORE" in told, told
    assert "hospital widen" in told
    four.restart_hospital(ME)
    second = four.start(study("two"))
    said = review.review(home, approvals.find(home, "two"))
    assert "is gone" in str(said), said
    four.desks[ME].close()
    shutil.copytree(kept, home.registers_folder)
    assert inheriting.inherit(home, [four.hospital("clinic-1").models]).lost == ()
    four.restart_hospital(ME)
    four.approve()
    four.pump()
    assert four.status()["phase"] == "finished", (four.status(), shown(four))
    assert all((each == 0).all() for each in difference(first, second).values())


def test_a_table_of_which_most_has_changed_is_read_only_when_people_say_that_it_is_right(four: Consortium) -> None:
    rows = table(four, 2).read_text().splitlines(keepends=True)
    change(
        table(four, 2), "".join([rows[0], *rows[41:]])
    )  # 40 rows: which batch a row is in is drawn, and both lose some
    four.start(study("two"))
    said = review.review(four.hospital(ME), approvals.find(four.hospital(ME), "two"))
    assert any("is this the right table?" in problem for problem in said.data.problems), said.data.problems
    done = CliRunner().invoke(app, ["hospital", "register", "--accept-changes", "--home", str(four.folder / ME)])
    assert "takes the table as it is then" in done.output
    change(table(four, 2), "".join([rows[0], *rows[41:]]) + lines(2, range(N, 2 * N)))
    said = review.review(four.hospital(ME), approvals.find(four.hospital(ME), "two"))
    assert said.data.problems != ()  # both batches are out, and the new rows wait


def test_a_home_of_an_earlier_version_begins_its_register_with_all_rows_of_the_day_and_says_so(
    four: Consortium,
) -> None:
    (line,) = [line for line in four.hospital(ME).log_lines() if line["event"] == "register read"]
    assert (line["register"], line["refresh"], line["rows"], line["waiting"]) == ("table", 0, N, 0)
