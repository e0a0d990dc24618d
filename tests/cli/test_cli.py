"""The command line as a person or a script meets it."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from tests import simulator

from cipherward import cli, load_builtin_study
from cipherward.cli.terminal import Lasting
from cipherward.runs.folder import LATEST


def called(*arguments: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command, run in this process."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.MonkeyPatch.context() as patch:
        out, err = io.StringIO(), io.StringIO()
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        patch.setattr(sys, "argv", ["cipherward", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        finally:
            signal.signal(signal.SIGINT, before)
    return code, out.getvalue(), err.getvalue()


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """The same through pytest's own standard output, which has what pytest's has."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["cipherward", *map(str, arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        finally:
            signal.signal(signal.SIGINT, before)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished two-round quick start."""
    path = tmp_path_factory.mktemp("cli") / "run"
    code, _, err = called("run", "--rounds", 2, "--out", path)
    assert code == 0, err
    return path


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys; sys.argv = ['cipherward', '--help']\n"
        "from cipherward.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'numba', 'polars', 'pydantic', 'cryptography'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "verify" in done.stdout


def test_importing_the_package_loads_nothing_heavy() -> None:
    script = (
        "import sys, cipherward\n"
        "heavy = {'torch', 'numpy', 'numba', 'polars', 'pydantic', 'cryptography', 'typer'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_services_that_wait_hold_no_compiler_and_no_torch() -> None:
    script = (
        "import sys, cipherward.transport.hospital_service, cipherward.transport.coordinator_service\n"
        "heavy = {'torch', 'numba', 'llvmlite', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (
        ["run"],
        ["compare"],
        ["predict"],
        ["report"],
        ["verify"],
        ["studies"],
        ["data"],
        ["data", "list"],
        ["data", "fetch"],
    ):
        code, out, _ = call(capsys, *command, "--help")
        assert code == 0
        assert "Usage: cipherward" in out


def test_a_run_says_what_it_did_and_where_the_results_are(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = call(capsys, "run", "--rounds", "1")
    assert code == 0
    run = tmp_path / "runs" / (tmp_path / "runs" / LATEST).read_text().strip()
    for client in range(1, 6):
        assert f"Privacy Preserved for Client {client}" in out
    assert "synthetic" in out
    assert "can still reveal training data" in out
    assert "may not be singled out; before its update is there, the sum waits; afterwards it goes on" in out
    assert run.name in out
    for name in (
        "study.toml",
        "study.digest",
        "model.safetensors",
        "result.json",
        "report.html",
        "rounds.jsonl",
        "log.jsonl",
    ):
        assert (run / name).stat().st_size > 0
    for name in ("auroc.svg", "hospitals.svg"):
        assert (run / name).read_text().startswith("<svg")


def test_json_output_is_the_result_and_nothing_else(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = call(capsys, "run", "breast-cancer", "--rounds", "1", "--json", "--out", tmp_path / "r")
    assert code == 0
    assert json.loads(out) == json.loads((tmp_path / "r" / "result.json").read_text())
    assert "Privacy Preserved for Client 4" in err


def test_scheme_plain_never_claims_that_privacy_was_preserved(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out, _ = call(capsys, "run", "breast-cancer", "--rounds", "1", "--scheme", "plain", "--out", tmp_path / "r")
    assert code == 0
    assert "Privacy Preserved" not in out
    assert "protects nothing" in out


def test_command_line_overrides_enter_the_frozen_study(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ("--rounds", "1", "--seed", "77", "--hospitals", "6", "--encounters", "200")
    code, _, _ = call(capsys, "run", *arguments, "--out", tmp_path / "r")
    assert code == 0
    frozen = (tmp_path / "r" / "study.toml").read_text()
    assert "seed = 77" in frozen
    assert frozen.count("[[hospitals]]") == 6


def test_verify_says_verdict_and_counts_first_and_every_check_when_asked(
    capsys: pytest.CaptureFixture[str], run_dir: Path
) -> None:
    code, out, _ = call(capsys, "verify", run_dir)
    assert code == 0
    assert out.splitlines()[0] == "verified: 23 checks, all hold"
    assert "20  Privacy Preserved" in out
    assert "audit log: 4 of at most 4 sums; the study has ended" in out
    assert "entries are cosigned by at least 4 hospitals" in out
    assert "Client 3" not in out
    code, out, _ = call(capsys, "verify", run_dir, "--verbose")
    assert code == 0
    assert out.count("Privacy Preserved for Client 3") == 4
    code, out, _ = call(capsys, "verify", run_dir, "--json")
    assert code == 0
    assert json.loads(out)["holds"] is True


def test_verify_fails_with_its_own_exit_code_when_a_file_was_changed(
    capsys: pytest.CaptureFixture[str], run_dir: Path, tmp_path: Path
) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(run_dir, copy)
    opening = copy / "receipts" / "0001" / "opening.cbor"
    data = bytearray(opening.read_bytes())
    data[len(data) // 2] ^= 1
    opening.write_bytes(data)
    code, out, err = call(capsys, "verify", copy)
    assert code == 4
    assert "sum 1" in out
    assert "receipts/0001/opening.cbor is not as it was when the entry was written" in out
    assert "Traceback" not in err


def test_predictions_are_one_probability_per_row(
    capsys: pytest.CaptureFixture[str], run_dir: Path, tmp_path: Path
) -> None:
    table = run_dir / "example-rows.csv"
    code, out, _ = call(capsys, "predict", run_dir, table)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "row,probability,assumed"
    assert len(lines) == len(table.read_text().splitlines())
    assert [line.split(",")[0] for line in lines[1:]] == [str(row) for row in range(1, len(lines))]
    assert all(0.0 < float(line.split(",")[1]) < 1.0 for line in lines[1:])
    code, printed, err = call(capsys, "predict", run_dir, table, "--out", tmp_path / "p.csv")
    assert (code, printed) == (0, "")
    assert (tmp_path / "p.csv").read_text() == out
    assert "written" in err


def test_predicting_needs_every_column_and_names_the_missing_one(
    capsys: pytest.CaptureFixture[str], run_dir: Path, tmp_path: Path
) -> None:
    rows = (run_dir / "example-rows.csv").read_text().splitlines()
    first = rows[0].split(",")[0]
    (tmp_path / "t.csv").write_text("\n".join(row.split(",", 1)[1] for row in rows))
    code, out, err = call(capsys, "predict", run_dir, tmp_path / "t.csv")
    assert (code, out) == (1, "")
    assert repr(first) in err
    assert "what to do" in err


def test_unknown_studies_and_missing_files_are_explained(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = call(capsys, "run", "no-such-study")
    assert code == 1
    assert "readmission" in err
    code, _, err = call(capsys, "run", tmp_path / "absent.toml")
    assert code == 1
    assert "absent.toml" in err
    code, _, err = call(capsys, "verify", tmp_path)
    assert code == 1
    assert "not a run directory" in err
    code, _, err = call(capsys, "predict", tmp_path, tmp_path / "t.csv")
    assert code == 1
    assert "model.safetensors" in err


def test_an_existing_folder_is_never_overwritten(capsys: pytest.CaptureFixture[str], run_dir: Path) -> None:
    before = (run_dir / "result.json").read_bytes()
    code, _, err = call(capsys, "run", "--rounds", "1", "--out", run_dir)
    assert code == 1
    assert "nothing was overwritten" in err
    assert (run_dir / "result.json").read_bytes() == before


def test_two_hospitals_are_refused_with_the_reason(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = call(capsys, "run", "--hospitals", "2", "--out", tmp_path / "r")
    assert code == 2
    assert "greater than or equal to 3" in err
    assert not (tmp_path / "r").exists()


def test_three_hospitals_are_warned_that_none_may_be_missing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ("run", "--hospitals", "3", "--encounters", "200", "--rounds", "1", "--out", tmp_path / "r")
    code, out, _ = call(capsys, *arguments)
    assert code == 0
    assert "no drop-out is possible" in out


def test_your_own_tables_need_a_study_file_and_nothing_else(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import numpy as np

    study = ['name = "own"', "[data]", 'source = "files"', 'outcome = "readmitted"', 'positive = "yes"']
    study += ["[training]", "rounds = 5", "batch_size = 32", "learning_rate = 0.5"]
    study += ["[[columns]]", 'name = "age"', 'kind = "numeric"', "minimum = 0", "maximum = 120"]
    study += ["[[columns]]", 'name = "sex"', 'kind = "categorical"', 'categories = ["f", "m"]']
    rng = np.random.default_rng(3)
    for name in ("north", "south", "east", "west"):
        age = rng.integers(20, 95, 300)
        outcome = rng.random(300) < 1 / (1 + np.exp(-(age - 70) / 10))
        rows = [
            f"{a},{s},{'yes' if y else 'no'}" for a, s, y in zip(age, rng.choice(["f", "m"], 300), outcome, strict=True)
        ]
        (tmp_path / f"{name}.csv").write_text("\n".join(["age,sex,readmitted", *rows]) + "\n")
        study += ["[[hospitals]]", f'name = "{name}"', f'path = "{name}.csv"']
    (tmp_path / "study.toml").write_text("\n".join(study) + "\n")
    code, _out, err = call(capsys, "run", tmp_path / "study.toml", "--out", tmp_path / "r")
    assert code == 0, err
    assert json.loads((tmp_path / "r" / "result.json").read_text())["auroc_federated"] > 0.8
    (tmp_path / "east.csv").write_text("age,gender,readmitted\n61,f,yes\n")
    (tmp_path / "west.csv").unlink()
    code, _, err = call(capsys, "run", tmp_path / "study.toml", "--out", tmp_path / "r2")
    assert code == 1
    assert "east.csv" in err
    assert "west.csv" in err
    assert not (tmp_path / "r2").exists()


def test_data_sets_are_listed_with_licence(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "data", "list")
    assert code == 0
    assert "diabetes130" in out
    assert "CC BY 4.0" in out
    code, out, _ = call(capsys, "studies", "--json")
    assert code == 0
    assert {study["name"] for study in json.loads(out)} >= {"readmission", "diabetes130", "breast-cancer"}


STOPPED_IN_ITS_SECOND_ROUND = """
import os, signal, sys
from cipherward.cli import main
written = sys.stdout.write
def write(text):
    if "round  2" in text:
        os.kill(os.getpid(), signal.SIGINT)
    return written(text)
sys.stdout.write = write
main()
"""


def test_ctrl_c_stops_after_the_current_sum_and_the_run_can_be_resumed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    exact = tmp_path / "exact.toml"  # noise would differ between the two runs
    exact.write_text(load_builtin_study("readmission").with_overrides(noise={"enabled": False}).to_toml())
    call(capsys, "run", exact, "--rounds", 6, "--out", whole)
    command = [sys.executable, "-c", STOPPED_IN_ITS_SECOND_ROUND, "run", str(exact), "--rounds", "6"]
    process = subprocess.run(
        [*command, "--out", str(stopped)], capture_output=True, text=True, timeout=300, check=False
    )
    assert process.returncode == 130, process.stderr
    assert "--resume" in process.stderr
    code, _, err = call(capsys, "run", "--resume", stopped)
    assert code == 0, err
    first, second = (json.loads((path / "result.json").read_text()) for path in (whole, stopped))
    assert first["auroc_by_round"] == second["auroc_by_round"]
    assert first["auroc_federated"] == second["auroc_federated"]


def test_report_rebuilds_the_page_and_names_it(capsys: pytest.CaptureFixture[str], run_dir: Path) -> None:
    page = run_dir / "report.html"
    before = page.read_bytes()
    page.unlink()
    code, out, _ = call(capsys, "report", run_dir)
    assert code == 0
    assert str(page) in out
    assert page.read_bytes() == before


def test_report_of_a_run_that_does_not_hold_is_written_and_fails(
    capsys: pytest.CaptureFixture[str], run_dir: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(run_dir, tmp_path / "copy"))
    (copy / "receipts" / "0001" / "hospital-1.cbor").write_bytes(b"x")
    code, _, err = call(capsys, "report", copy)
    assert code == 4
    assert "NOT verified" in err
    assert "do not prove its result" in (copy / "report.html").read_text("utf-8")


def test_report_of_what_is_no_finished_run_says_what_to_do(
    capsys: pytest.CaptureFixture[str], run_dir: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(run_dir, tmp_path / "copy"))
    (copy / "result.json").unlink()
    code, _, err = call(capsys, "report", copy)
    assert code == 1
    assert "not finished" in err
    assert "--resume" in err
    code, _, err = call(capsys, "report", tmp_path / "nothing")
    assert code == 1
    assert "not a run directory" in err


@pytest.mark.parametrize(
    "stderr",
    [pytest.param(subprocess.PIPE, marks=pytest.mark.thorough), subprocess.STDOUT],
    ids=["output", "errors too"],
)
def test_a_run_goes_on_when_nobody_reads_it_any_more(stderr: int, tmp_path: Path) -> None:
    tables = simulator.write_tables(tmp_path / "tables", 3)
    (tables / "s.toml").write_text(simulator.study(3, training={"rounds": 1}).to_toml())
    command = [sys.executable, "-u", "-c", "from cipherward.cli import main; main()", "run", str(tables / "s.toml")]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "r")], stdout=subprocess.PIPE, stderr=stderr, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read() if process.stderr is not None else ""
    assert process.wait(120) == 0, err
    assert (tmp_path / "r" / "report.html").exists()


def test_a_command_that_takes_its_time_says_once_that_nobody_reads_its_output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    now = 100.0
    monkeypatch.setattr("cipherward.cli.terminal.time.monotonic", lambda: now)
    with os.fdopen(writer, "w", buffering=1) as stream:
        lasting = Lasting(stream, "output")
        for moment in (100.0, 100.9, 101.1, 103.0):
            now = moment
            lasting.write("a line\n")
    assert capsys.readouterr().err == "standard output was closed; the command goes on without it\n"


@pytest.mark.parametrize("extra", [["readmission"], ["--rounds", "7"], ["--seed", "0"], ["--scheme", "plain"]])
def test_what_cannot_be_given_with_resume_is_refused(
    extra: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = call(capsys, "run", "--resume", tmp_path, *extra)
    assert code == 1
    assert "cannot be given with it" in err
    assert (extra[0] if extra[0].startswith("--") else "STUDY") in err


def test_resuming_what_is_no_run_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = call(capsys, "run", "--resume", tmp_path / "nothing")
    assert code == 1
    assert "not a run directory" in err


def test_a_ward_is_written_as_parquet_and_under_no_other_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = call(capsys, "data", "ward", tmp_path / "ward.csv")
    assert code == 1
    assert "ends in .parquet" in err
    code, out, _ = call(capsys, "data", "ward", tmp_path / "ward.parquet", "--patients", "2", "--days", "3")
    assert code == 0
    assert "synthetic" in out
    assert pl.read_parquet(tmp_path / "ward.parquet").height == 6
    assert not (tmp_path / "ward.csv").exists()


def test_commands_to_copy_are_quoted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = call(capsys, "data", "example", tmp_path / "a folder; rm", "--hospitals", "3")
    assert code == 0
    assert f"cipherward run '{tmp_path}/a folder; rm/" in out


def test_a_mistake_in_a_study_is_answered_before_anything_heavy_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text("nme = 1\n")
    script = (
        f"import sys; sys.argv = ['cipherward', 'run', {str(tmp_path / 's.toml')!r}]\n"
        "from cipherward.cli import main\n"
        "try: main()\n"
        "except SystemExit as stopped: assert stopped.code == 1\n"
        "heavy = {'torch', 'numpy', 'numba', 'polars', 'matplotlib', 'cryptography'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "nme: unknown setting" in done.stderr.replace(" (line 1)", "")


def test_colour_is_for_terminals_that_want_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import typer

    from cipherward.cli import terminal

    styled: list[object] = []
    monkeypatch.setattr(typer, "secho", lambda text, **style: styled.append(style["fg"]))
    monkeypatch.setattr(typer, "echo", lambda text, **style: styled.append(None))
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal.say("a", fg="red")
    monkeypatch.setenv("NO_COLOR", "1")
    terminal.say("a", fg="red")
    assert styled == ["red", None]


def test_what_was_changed_in_reading_is_said_before_training_and_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tables = simulator.write_tables(tmp_path / "tables", 3)
    text = (tables / "clinic-2.csv").read_text().replace(",A,", ",NaN,", 4)
    (tables / "clinic-2.csv").write_text(text + "-77.5,0,A,1\n" + ",,,0\n")
    (tables / "s.toml").write_text(simulator.study(3, training={"rounds": 1}).to_toml())
    code, out, err = call(capsys, "run", tables / "s.toml", "--out", tmp_path / "r")
    assert code == 0, err
    assert out.index("About this data:") < out.index("statistics")
    assert "column 'ward': word for missing, read as no value: 4 value(s) of clinic-2" in out
    changes = json.loads((tmp_path / "r" / "result.json").read_text())["changes"]
    assert [(c["hospital"], c["column"], c["count"]) for c in changes] == [
        ("clinic-2", "age", 1),
        ("clinic-2", "ward", 4),
    ]
