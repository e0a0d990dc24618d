"""Attacks of a study: kept, resumed, refused, and written for people and programs."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.coin import Coin, CoinSettings

from cipherward.attacks import catalogue, page, results
from cipherward.attacks.attack import Attack, Found, Measure, Part
from cipherward.attacks.context import Context
from cipherward.attacks.running import Options, Step, attack_study
from cipherward.errors import InterruptedRunError, StorageError, StudyError
from cipherward.study import Study


class Never(Attack):
    name = "never"
    title = "Never run"
    explanation = "For studies of another kind."

    def why_not(self, study: Study) -> str:
        return f"{study.name} has no stars"

    def run(self, at: Context) -> Found:
        raise AssertionError


@pytest.fixture(autouse=True)
def only_test_attacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "ATTACKS", {"coin": Coin, "never": Never})


def run(study: Study, out: Path, n_seeds: int = 1, names: tuple[str, ...] | None = None, **how: Any) -> results.Attacks:
    return attack_study(study, out, Options(names, n_seeds=n_seeds, command="cipherward attack readmission"), **how)


def test_every_measured_thing_is_a_line_of_the_table_and_the_page_says_it(small: Study, tmp_path: Path) -> None:
    found = run(small, tmp_path / "out", n_seeds=2)
    with (tmp_path / "out" / results.TABLE).open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["seed"] for line in lines] == ["1", "2"]
    assert tuple(lines[0]) == ("attack", "setting", "seed", "measure", "value", "low", "high", "bar", "words")
    assert float(lines[0]["low"]) < float(lines[0]["value"]) < float(lines[0]["high"])
    page.write(tmp_path / "out")
    text = (tmp_path / "out" / "report.html").read_text()
    for words in (
        "What is asked for",
        "share guessed right",
        "The attacker knows nothing",
        "no stars",
        "<svg",
        "tosses = 50",
    ):
        assert words in text
    assert found == results.read(tmp_path / "out")
    assert found.finished


def test_what_is_done_is_not_run_again_and_a_new_attack_joins_it(small: Study, tmp_path: Path) -> None:
    steps: list[Step] = []
    first = run(small, tmp_path / "out")
    again = run(small, tmp_path / "out", n_seeds=2, on_step=steps.append)
    assert [(step.seed, step.kept) for step in steps if step.seconds is not None] == [(1, True), (2, False)]
    assert again.rows[0] == first.rows[0]


def test_attacks_that_are_stopped_go_on_where_they_were(small: Study, tmp_path: Path) -> None:
    calls = iter([False] * 60 + [True] * 60)
    with pytest.raises(InterruptedRunError) as stopped:
        run(small, tmp_path / "out", n_seeds=2, should_stop=lambda: next(calls))
    assert "--out" in stopped.value.hint
    assert not results.read(tmp_path / "out").finished
    page.write(tmp_path / "out")
    assert "not finished" in (tmp_path / "out" / "report.html").read_text()
    steps: list[Step] = []
    run(small, tmp_path / "out", n_seeds=2, on_step=steps.append)
    assert [step.kept for step in steps if step.seconds is not None] == [True, False]


def test_other_settings_of_an_attack_are_measured_anew(
    small: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(small, tmp_path / "out")
    monkeypatch.setattr(catalogue, "ATTACKS", {"coin": lambda: Coin(CoinSettings(tosses=7))})
    found = run(small, tmp_path / "out")
    assert found.rows[0].words == "of 7 rows"


def test_a_folder_of_another_study_is_refused_and_left_as_it_was(small: Study, tmp_path: Path) -> None:
    run(small, tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    with pytest.raises(StudyError, match="another study"):
        run(small.with_overrides(training={"rounds": 3}), tmp_path / "out")
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == before
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(StorageError, match="not an empty folder"):
        run(small, tmp_path / "full")


def test_results_on_other_rows_are_not_mixed(small: Study, tmp_path: Path) -> None:
    run(small, tmp_path / "out")
    cell = tmp_path / "out" / "cells" / "coin" / "seed-1.json"
    document = json.loads(cell.read_text())
    cell.write_text(json.dumps(document | {"basis": "0" * 64}))
    with pytest.raises(StudyError, match="data are not those"):
        run(small, tmp_path / "out")


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"format": "cipherward-attack-1"}'])
def test_a_damaged_file_is_named(small: Study, tmp_path: Path, damage: str) -> None:
    run(small, tmp_path / "out")
    (tmp_path / "out" / "cells" / "coin" / "seed-1.json").write_text(damage)
    with pytest.raises(StorageError, match=r"seed-1\.json is damaged"):
        run(small, tmp_path / "out")
    (tmp_path / "out" / results.NAME).write_text(damage)
    with pytest.raises(StorageError, match=r"attacks\.json is damaged"):
        page.write(tmp_path / "out")


def test_markup_in_a_result_stays_text_on_the_page(small: Study, tmp_path: Path) -> None:
    run(small, tmp_path / "out")
    path = tmp_path / "out" / results.NAME
    document = json.loads(path.read_text())
    document["rows"][0]["words"] = "<script>alert(1)</script>"
    document["exhibits"][1]["pictures"][0]["name"] = '"><script>'
    path.write_text(json.dumps(document))
    page.write(tmp_path / "out")
    assert "<script" not in (tmp_path / "out" / "report.html").read_text()


def test_a_name_that_no_attack_has_is_refused(small: Study, tmp_path: Path) -> None:
    for names in (("coin", "heist"), ()):
        with pytest.raises(StudyError) as refused:
            run(small, tmp_path / "out", names=names)
        assert "coin" in refused.value.hint
    assert not (tmp_path / "out").exists()


def test_a_study_that_no_attack_fits_is_refused_before_anything_runs(tmp_path: Path) -> None:
    from cipherward import study as study_document

    for name in ("tcga-brca", "diabetes130-trees", "retina-grades"):
        with pytest.raises(StudyError):
            run(study_document.load_builtin(name), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_number_that_is_not_finite_is_never_written() -> None:
    with pytest.raises(ValueError, match="finite"):
        results.cell_of(Found((Measure("a", "b", float("nan"), "c"),)), "coin", 1, "", {}, 1.0)


class Split(Coin):
    """An attack of which one part needs a package that nobody has."""

    name = "split"
    parts = (Part("with a rare tool", "rare", ("a_rare_tool",)),)


def test_a_part_that_needs_what_is_not_installed_is_named_before_anything_runs_and_run_after_the_installation(
    small: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "ATTACKS", {"coin": Coin, "split": Split})
    told: list[str] = []
    first = run(
        small,
        tmp_path / "out",
        on_not_run=lambda name, words: told.append(f"{name}: {words}"),
        on_data=lambda _: told.append("tables"),
    )
    assert told[1:] == ["tables"]
    for words in ("split: with a rare tool", "needs a-rare-tool, which is not installed", "cipherward[rare]"):
        assert words in told[0]
    assert first.attacks[0].not_run == ()
    assert f"split: {first.attacks[1].not_run[0]}" == told[0]
    page.write(tmp_path / "out")
    assert "Not everything was run" in (tmp_path / "out" / "report.html").read_text()

    steps: list[Step] = []
    run(small, tmp_path / "out", on_step=steps.append)
    assert all(step.kept for step in steps if step.seconds is not None)

    monkeypatch.setattr(Split, "parts", (Part("with a rare tool", "rare", ("json",)),))
    steps.clear()
    whole = run(small, tmp_path / "out", on_step=steps.append)
    assert [(step.attack, step.kept) for step in steps if step.seconds is not None] == [
        ("coin", True),
        ("split", False),
    ]
    assert whole.attacks[1].not_run == ()

    monkeypatch.setattr(Split, "parts", (Part("with a rare tool", "rare", ("a_rare_tool",)),))
    steps.clear()
    assert run(small, tmp_path / "out", on_step=steps.append).attacks[1].not_run == ()
    assert all(step.kept for step in steps if step.seconds is not None)
