"""Audit logs of a deployment: the coordinator's, cosigned by hospitals who refuse another history, and each hospital's own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.test_cli import call
from tests.consortium.consortium import Consortium, document
from tests.consortium.packets_in import kinds_in
from tests.runs.test_audit import bad, log_of, said, sign_again

from cipherward import study as study_file
from cipherward.audit import entries, reading, witness
from cipherward.audit.notes import Checkpoint, parse, sign
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.service import letters, offering
from cipherward.consortium.service.coordinator_desk import CoordinatorDesk
from cipherward.consortium.service.hospital_desk import HospitalDesk
from cipherward.consortium.service.letters import Head
from cipherward.errors import AuditError
from cipherward.runs import own_heads, withdrawn
from cipherward.runs.audit_check import verify_run
from cipherward.runs.log_names import origin

OWN_LOG = "hospital's own log"


def study_of(four: Consortium) -> Path:
    return four.home.study_folders()[-1]


def model_of(four: Consortium, name: str) -> Path:
    return next((four.folder / name / "models").iterdir())


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Consortium:
    """A study of four hospitals with everybody's reports; nobody changes it, so that tests copy its folders."""
    four = Consortium(tmp_path_factory.mktemp("finished") / "consortium", 4)
    four.start(document(4))
    four.approve()
    four.pump()
    desks: list[CoordinatorDesk | HospitalDesk] = [four.desk, *four.desks.values()]
    for desk in desks:
        desk._report = lambda folder: (folder / "report.html").write_text("the report")
        desk.report()
    four.pump()
    four.close()
    assert four.status()["phase"] == "finished"
    assert [four.alarms(name) for name in ("coordinator", *four.names)] == [[]] * 5
    return four


@pytest.fixture
def run(finished: Consortium, tmp_path: Path) -> Path:
    return Path(shutil.copytree(study_of(finished), tmp_path / "run"))


@pytest.fixture
def own(finished: Consortium, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_of(finished, "clinic-2"), tmp_path / "own"))


def test_the_coordinators_log_is_cosigned_and_says_who_approved_and_when(run: Path) -> None:
    found = [line for line in verify_run(run) if line.purpose == "audit"]
    assert all(line.holds for line in verify_run(run))
    assert [line.hospital for line in found if line.outcome == "approved"] == [f"clinic-{n}" for n in (1, 2, 3, 4)]
    assert found[0].detail.startswith("by Dr Example, 20")
    n = len(log_of(run))
    assert f"{n} of {n} entries are cosigned by at least 3 hospitals" in found[-1].detail
    events = [entries.read(line).event for line in log_of(run)]
    assert events[:2] == ["study", "study offered"]
    assert events.count("approved") == 4
    assert [event for event in events if event != OWN_LOG][-2:] == ["study ended", "report written"]
    assert events[-1] == OWN_LOG


def test_a_hospitals_own_log_has_its_approval_its_receipts_and_its_results(own: Path) -> None:
    assert all(line.holds for line in verify_run(own))
    events = [entries.read(line).event for line in log_of(own)]
    assert {"approved", "sum opened", "receipt", "study ended", "own results", "report written"} <= set(events)
    assert events.count("receipt") == 4


def garbage(run: Path) -> None:
    for path in (run / "approvals").iterdir():
        path.write_bytes(b"garbage")


def without_approvals(run: Path) -> None:
    shutil.rmtree(run / "approvals")


def without_sums(run: Path) -> None:
    for name in ("receipts/0002", "receipts/0003"):
        shutil.rmtree(run / name)
    for name in ("model.safetensors", "result.json"):
        (run / name).unlink()


def without_receipts(run: Path) -> None:
    for path in run.glob("receipts/*/hospital-2.cbor"):
        path.unlink()


def edited(name: str, before: str, after: str) -> Callable[[Path], None]:
    def edit(run: Path) -> None:
        text = (run / name).read_text()
        assert before in text
        (run / name).write_text(text.replace(before, after, 1))

    return edit


OVERLOOKED: dict[str, tuple[Callable[[Path], None], str]] = {
    "approvals deleted": (without_approvals, "approvals/1.signed is not here any more"),
    "approvals garbage": (garbage, "approvals/1.signed is not as it was when the entry was written"),
    "time of a sum edited": (edited("rounds.jsonl", '"finished": "20', '"finished": "19'), "line 1 of rounds.jsonl"),
    "metric of a sum edited": (
        edited("rounds.jsonl", '"validation_loss": 0', '"validation_loss": 1'),
        "of rounds.jsonl",
    ),
    "time of the offer edited": (
        edited("started.json", '"offered": 1', '"offered": 2'),
        "started.json is not as it was",
    ),
    "report edited": (edited("report.html", "the", "a better"), "report.html is not as it was"),
    "last two sums removed": (without_sums, "sums missing: 2 of 4 sums"),
    "receipts of a hospital removed": (without_receipts, "receipts/0000/hospital-2.cbor is not here any more"),
}


@pytest.mark.parametrize("name", OVERLOOKED)
def test_what_verification_overlooked_is_found(run: Path, name: str) -> None:
    alter, words = OVERLOOKED[name]
    assert bad(run) == []
    alter(run)
    assert words in said(run)


def test_a_hospitals_own_figures_cannot_be_edited(own: Path) -> None:
    (own / "own.json").write_text((own / "own.json").read_text() + " ")
    assert "own.json is not as it was when the entry was written" in said(own)


def test_a_coordinator_that_signs_its_log_again_has_no_cosignatures(run: Path, finished: Consortium) -> None:
    lines = log_of(run)
    at = next(n for n, line in enumerate(lines) if b'"approved"' in line)
    lines[at] = lines[at].replace(b"clinic-1", b"clinic-9")
    sign_again(run, lines, at, finished.home.identity)
    assert "and later openings are the coordinator's word alone" in said(run)
    head = finished.folder / "clinic-3" / witness.MEMORY / study_of(finished).name
    assert "is not the one in the log of" in said(run, head)


def test_a_coordinator_that_goes_on_with_another_history_is_refused_and_the_proof_is_kept(tmp_path: Path) -> None:
    with_four = Consortium(tmp_path / "consortium", 4)
    folder = with_four.start(document(4))
    with_four.approve()
    seen = 0

    def stop_after_one(sender: str, to: str, letter: bytes) -> None:
        nonlocal seen
        seen += "Opening" in kinds_in(letter)
        if seen == 1:
            offering.stop(with_four.home, "tiny", "funding ended")

    with_four.before = stop_after_one
    with_four.pump()
    lines = log_of(folder)
    lines[1] = lines[1].replace(b'"offered_at"', b'"offered_by"') if b"offered_at" in lines[1] else lines[1]
    sign_again(folder, [lines[0], lines[2], *lines[2:]], 1, with_four.home.identity)
    with_four.now += 10
    with_four.restart_host()
    with_four.pump()
    for name in with_four.names:
        (alarm,) = [text for text in with_four.alarms(name) if "rewritten" in text]
        assert "the coordinator's audit log of 'tiny' was rewritten" in alarm
        kept = sorted(path.name for path in (with_four.folder / name / witness.MEMORY).iterdir())
        assert len(kept) == 2
        assert kept[1].startswith(f"{kept[0]}-rewritten-")
    with_four.close()


def test_a_coordinator_that_starts_again_asks_nobody_twice(finished: Consortium, tmp_path: Path) -> None:
    before = len(finished.carried)
    finished.restart_host()
    assert [kinds_in(letter) for _, _, letter in finished.carried[before:]] == []
    assert [to for _, to, letter in finished.queue if "Head" in kinds_in(letter)] == []
    finished.queue.clear()


def test_while_sums_follow_each_other_fast_heads_wait_but_not_the_last(tmp_path: Path) -> None:
    def heads(folder: Path, seconds: float) -> int:
        """How many clinic-1 is asked to cosign where the coordinator looks round after each letter, so many seconds apart."""
        four = Consortium(folder, 4)
        run = four.start(document(4))
        four.approve()

        def look(sender: str, to: str, letter: bytes) -> None:
            four.now += seconds
            four.put_down(four.desk.tick())

        four.before = look
        four.pump()
        four.close()
        assert four.status()["phase"] == "finished"
        assert [line for line in verify_run(run) if not line.holds] == []
        return [(to, *kinds_in(letter)) for _, to, letter in four.carried].count(("clinic-1", "Head"))

    slowly, fast = heads(tmp_path / "slowly", 1.0), heads(tmp_path / "fast", 0.0)
    assert 1 <= fast <= 5
    assert slowly > 2 * fast


def test_a_file_that_is_edited_while_the_service_runs_does_not_become_the_true_one(tmp_path: Path) -> None:
    two = Consortium(tmp_path / "consortium", 4)
    folder = two.start(document(4))
    two.approve()
    two.pump()
    edited("result.json", '"seed": 3', '"seed": 4')(folder)
    (folder / "note.txt").write_text("the folder's time changes")
    two.restart_host()
    two.pump()
    assert entries.read(log_of(folder)[-1]).event == "file was changed"
    assert "result.json is not as it was when the entry was written" in said(folder)
    two.close()


def test_a_letter_that_is_no_head_is_refused_with_an_alarm(tmp_path: Path) -> None:
    four = Consortium(tmp_path / "consortium", 3)
    folder = four.start(document(3))
    digest = bytes.fromhex(folder.name)
    for text in ("", "old 0\n\nx\n", "7", "9999999999999999999999\n"):
        letter = letters.seal(four.home.identity, "clinic-1", digest, Head(text), from_coordinator=True)
        assert four.desks["clinic-1"].receive(letter) == []
        back = letters.seal(
            four.hospital("clinic-1").identity, "coordinator", digest, Head(text), from_coordinator=False
        )
        assert four.desk.receive("clinic-1", back) == []
    assert len(four.alarms("clinic-1")) == 4
    assert len(four.alarms("coordinator")) == 4
    assert reading.checkpoint_files(folder)
    four.close()


def test_a_withdrawn_model_is_signed_logged_told_and_predicts_nothing_any_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    four = Consortium(tmp_path / "consortium", 4)
    folder = four.start(document(4))
    home = four.home.path
    code, _, err = call(capsys, "coordinator", "withdraw-model", "tiny", "--reason", "a fault", "--home", home)
    assert (code, "has no final model here" in err) == (1, True)
    four.approve()
    four.pump()
    table = four.folder / "tables" / "clinic-1.csv"
    own = model_of(four, "clinic-2")
    assert call(capsys, "predict", folder, table)[0] == call(capsys, "predict", own, table)[0] == 0
    reason = "a consent was withdrawn"
    assert call(capsys, "coordinator", "withdraw-model", "tiny", "--reason", reason, "--home", home)[0] == 0
    four.pump()
    for name in four.names:
        assert four.alarms(name) == [f"model withdrawn: {reason}"]
        assert all(line.holds for line in verify_run(model_of(four, name)))
    for model in (folder, own, own / "model.safetensors"):
        code, out, err = call(capsys, "predict", model, table)
        assert (code, out) == (1, "")
        assert "must not be used: withdrawn on 20" in err
    assert call(capsys, "hospital", "predict", "tiny", table, "--home", four.folder / "clinic-3")[0] == 1
    assert "model withdrawn" in [line.outcome for line in verify_run(folder)]
    assert "model withdrawn" in [entries.read(line).event for line in log_of(folder)]
    (own / withdrawn.FILE).unlink()
    assert "withdrawn.signed is not here any more" in said(own)
    (own / withdrawn.FILE).write_bytes(b"forged")
    assert call(capsys, "predict", own, table)[0] == 1
    before = len(four.alarms("clinic-2"))
    four.restart_host()
    four.pump()
    assert [len(four.alarms(name)) for name in four.names] == [before] * 4
    four.close()


def test_a_home_has_a_log_of_members_settings_and_decisions_that_it_signs(
    finished: Consortium, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Path(shutil.copytree(finished.folder / "clinic-1", tmp_path / "home"))
    code, out, _ = call(capsys, "verify", home)
    assert (code, "signed by this home's own key" in out) == (0, True)
    shown = json.loads(call(capsys, "audit", "show", home, "--json")[1])
    events = {row["event"] for row in shown if row["log"] == "home"}
    assert {"members list confirmed", "study offered", "study approval signed", "settings changed"} <= events
    (home / "policy.toml").write_text((home / "policy.toml").read_text() + "\n")
    code, out, _ = call(capsys, "verify", home)
    assert (code, "policy.toml was changed since" in out) == (4, True)
    again = HospitalHome(home)
    again.look_at_settings()
    again.look_at_settings()
    assert call(capsys, "verify", home)[0] == 0
    log = home / "audit" / "audit.jsonl"
    assert entries.read(log.read_bytes().splitlines()[-1]).files.keys() == {"policy.toml"}
    log.write_bytes(log.read_bytes().replace(b"members list confirmed", b"members list admired"))
    code, out, _ = call(capsys, "verify", home)
    assert (code, "log was altered" in out) == (4, True)
    HospitalHome(home).look_at_settings()
    assert "audit log cannot be written" in HospitalHome(home).alarms()[-1]["event"]


def test_a_head_of_a_hospitals_own_log_with_fewer_or_other_entries_is_refused_and_the_known_one_stays(
    finished: Consortium, run: Path
) -> None:
    study = study_file.load(run / "study.toml")
    identity, name = finished.hospital("clinic-2").identity, origin(study.digest(), 2)
    before = own_heads.file(run, 2).read_text("utf-8")
    size, root = parse(before).checkpoint.size, parse(before).checkpoint.root

    def head(entries: int, root: bytes, log: str = name) -> str:
        return sign(identity, Checkpoint(log, entries, root)).text

    for shown, words in (
        (head(size - 1, bytes(32)), f"shows {size - 1} now"),
        (head(size, bytes(32)), "shows others now"),
        (head(size + 1, root, origin(study.digest(), 3)), "not a head that clinic-2 has signed"),
        (sign(finished.hospital("clinic-3").identity, Checkpoint(name, size + 1, root)).text, "not a head that"),
    ):
        with pytest.raises(AuditError, match=words):
            own_heads.take(run, study, 2, shown)
        assert own_heads.file(run, 2).read_text("utf-8") == before
    assert not own_heads.take(run, study, 2, before)
    assert own_heads.take(run, study, 2, head(size + 1, bytes(32)))
