"""`cipherward audit`, and `verify` of what it writes, as people use them."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from tests import simulator
from tests.cli.test_cli import call
from tests.consortium.consortium import Consortium, document

from cipherward.audit import notes, proofs
from cipherward.consortium.service import offering
from cipherward.errors import StudyError
from cipherward.runs import audit_export
from cipherward.runs.audit_export import open_log
from cipherward.runs.audit_trail import sha256
from cipherward.runs.log_names import author, witnesses

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulator.run(tmp_path_factory.mktemp("run"), simulator.study(4)).path


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy, since an export adds an entry."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def test_a_log_is_shown_in_words_and_filtered(run: Path, capsys: Capture) -> None:
    code, out, _ = call(capsys, "audit", "show", run)
    assert code == 0
    assert "Study tiny" in out
    assert "log of the coordinator:" in out
    assert "sum 1 was opened; in it: clinic-1, clinic-2, clinic-3, clinic-4; consented: clinic-1" in out
    assert "clinic-3 verified sum 0: preserved" in out
    code, out, _ = call(capsys, "audit", "show", run, "--hospital", "clinic-3", "--event", "receipt", "--json")
    assert [row["sum"] for row in json.loads(out)] == [0, 1, 2, 3]
    assert {row["hospital"] for row in json.loads(out)} == {"clinic-3"}
    assert json.loads(call(capsys, "audit", "show", run, "--until", "2001-01-01", "--json")[1]) == []
    assert len(json.loads(call(capsys, "audit", "show", run, "--since", "2001-01-01", "--json")[1])) == 27


def test_an_exported_log_verifies_without_the_run_and_not_after_a_change(
    run: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "log.json"
    assert call(capsys, "audit", "export", run, "--out", out)[0] == 0
    code, said, _ = call(capsys, "verify", out)
    assert code == 0
    assert "27 of 27 entries are cosigned by at least 3 hospitals" in said
    found = json.loads(out.read_text("utf-8"))
    assert "[data]" in found["study"]
    found["entries"][9] = found["entries"][9].replace("clinic-1", "clinic-2")
    out.write_text(json.dumps(found), "utf-8")
    code, said, _ = call(capsys, "verify", out)
    assert code == 4
    assert "entry 9 was changed" in said
    for wrong in ("{}", "[]", "x", json.dumps(found | {"hospital": 9}), json.dumps(found | {"study": "x = 1"})):
        out.write_text(wrong)
        assert call(capsys, "verify", out)[0] in (1, 4)


def test_an_exported_table_has_a_row_for_each_entry(run: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "log.csv"
    assert call(capsys, "audit", "export", run, "--out", out)[0] == 0
    rows = list(csv.reader(io.StringIO(out.read_text("utf-8"))))
    assert rows[0][:5] == ["entry", "time", "event", "hospital", "sum"]
    assert len(rows) == 28
    assert call(capsys, "audit", "export", run, "--out", tmp_path / "log.txt")[0] == 1
    shown = json.loads(call(capsys, "audit", "show", run, "--event", "exported", "--json")[1])
    assert [(row["file"], row["sha256"]) for row in shown] == [("log.csv", sha256(out.read_bytes()))]


def test_a_proof_is_small_and_holds_for_its_line(run: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "entry.tlog-proof"
    code, said, _ = call(capsys, "audit", "prove", run, "--entry", "9", "--out", out)
    assert code == 0
    line = next(each for each in said.splitlines() if each.startswith("{")).encode()
    log = open_log(run)
    head, who = proofs.check(out.read_text("utf-8"), line, author(log.study), witnesses(log.study))
    assert (head.size, len(who)) == (27, log.study.thresholds.threshold)
    assert author(log.study).words in said
    assert out.stat().st_size < 2_000
    assert call(capsys, "audit", "prove", run, "--entry", "9", "--since-size", "8", "--out", out)[0] == 0
    assert out.read_text("utf-8").startswith("old 8\n")
    assert call(capsys, "audit", "prove", run, "--entry", "99", "--out", out)[0] == 1


def test_a_proof_for_which_the_cosignatures_are_too_long_has_them_in_a_file_beside_it(
    run: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "entry.tlog-proof"
    monkeypatch.setattr(audit_export, "MOST_BYTES", 700)
    assert call(capsys, "audit", "prove", run, "--entry", "9", "--out", out)[0] == 0
    log = open_log(run)
    line = next(each for number, each in enumerate(log.lines) if number == 9)
    head, who = proofs.check(out.read_text("utf-8"), line, log.author, witnesses(log.study))
    assert len(who) < log.study.thresholds.threshold
    beside = notes.parse((tmp_path / "entry.tlog-proof.head").read_text("utf-8"))
    assert beside.checkpoint == head
    assert len(beside.signers(witnesses(log.study))) == 4


def test_a_folder_without_a_log_says_so(run: Path, tmp_path: Path, capsys: Capture) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    (copy / "audit.jsonl").unlink()
    shutil.rmtree(copy / "checkpoints")
    code, _, err = call(capsys, "audit", "show", copy)
    assert (code, "has no audit log" in err) == (1, True)
    code, said, _ = call(capsys, "verify", copy)
    assert (code, "no audit log" in said) == (4, True)


def test_the_privacy_officer_reads_on_one_page_what_a_study_did(tmp_path: Path, capsys: Capture) -> None:
    four = Consortium(tmp_path / "consortium", 4)
    four.start(document(4, purpose="To try it", vault={"updates": {"keep": False}}))
    home = four.hospital("clinic-2").path
    before = call(capsys, "audit", "study", "tiny", "--home", home)[1]
    assert "Nobody here has approved it" in before
    assert "Nothing yet." in before
    four.approve()
    four.pump()
    code, out, _ = call(capsys, "audit", "study", "tiny", "--home", home)
    text = " ".join(out.split())
    assert code == 0
    assert "Inputs: age, dose, ward. Predicted: outcome." in text
    assert "Approved by Dr Example, 20" in text
    assert "4 encrypted updates left" in text
    assert "4 sums were opened in the study; 4 of them over our rows" in text
    assert "Purpose: To try it" in text
    assert "is as this hospital's audit log says" in text
    assert "keep our encrypted updates" not in text
    assert "it was erased here when the sum was verified, and nothing of it is left" in text
    with pytest.raises(StudyError, match="is finished: there is nothing to stop"):
        offering.stop(four.home, "tiny", "too late")
    shown = call(capsys, "audit", "show", home, "--study", "tiny", "--event", "approved")[1]
    assert "log of clinic-2" in shown
    assert "clinic-2 approved; Dr Example signed" in shown
    assert call(capsys, "audit", "show", home, "--study", "another")[0] == 1
    four.close()


def test_a_record_of_processing_is_made_of_a_study_and_leaves_open_what_it_does_not_know(
    run: Path, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "record.md"
    assert call(capsys, "audit", "record", run, "--out", out)[0] == 0
    text = out.read_text("utf-8")
    for article in ("30(1)(a)", "(b)", "(c)", "(d)", "(e)", "(f)", "(g)"):
        assert article in text
    assert "`age`" in text
    assert "opened by 3 of 4 hospitals" in text
    assert "[ ]" in text
    assert "no statement that the processing complies" in text
    assert "generated patients" in call(capsys, "audit", "record", "readmission")[1]
