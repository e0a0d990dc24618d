"""Every arm on the same data and seeds; what is done stays done; what cannot run is refused before anything runs."""

from __future__ import annotations

import csv
import importlib.util
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import simulator

from cipherward.comparison import arms
from cipherward.comparison.compare import NAME, TABLE, Options, Step, compare_study
from cipherward.comparison.results import convergence
from cipherward.crypto.plain import PlainScheme
from cipherward.data.sources import load_hospitals
from cipherward.errors import DataError, InterruptedRunError, StorageError, StudyError
from cipherward.simulation.simulate import run_study
from cipherward.study import Study
from cipherward.tasks import yardsticks

N_SEEDS = 2
QUICK = ("centralised", "local-only", "plain", "quorum")
Finished = tuple[Path, dict[str, Any], list[Step]]


def compare(folder: Path, study: Study, names: tuple[str, ...] | None = QUICK, **how: Any) -> dict[str, Any]:
    """A comparison in `folder`/out, without size sweep and shift run."""
    tables = folder / "tables"
    if not tables.exists():
        simulator.write_tables(tables, study.n_hospitals)
    given: dict[str, Any] = {"n_seeds": N_SEEDS, "base": tables, "device": "cpu", "sizes": False, "shift": False}
    given |= {key: how.pop(key) for key in tuple(how) if key in given}
    return compare_study(study, folder / "out", Options(names, **given), **how)


def files_below(path: Path) -> dict[str, tuple[int, bytes]]:
    """Modification time and content of every file."""
    return {
        str(file.relative_to(path)): (file.stat().st_mtime_ns, file.read_bytes())
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished comparison of every arm."""
    folder = tmp_path_factory.mktemp("whole")
    compare(folder, simulator.study(4), None)
    return folder / "out"


@pytest.fixture(scope="module")
def document(whole: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((whole / NAME).read_text())
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A finished comparison of the quick arms, what it found and its steps; nobody changes it."""
    folder, steps = tmp_path_factory.mktemp("finished"), list[Step]()
    found = compare(folder, simulator.study(4), on_step=steps.append)
    return folder, found, steps


@pytest.fixture
def copied(finished: Finished, tmp_path: Path) -> Path:
    """The finished comparison, to go on with."""
    shutil.copytree(finished[0], tmp_path / "copy")
    return tmp_path / "copy"


def arm_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(arm for arm in document["arms"] if arm["name"] == name)


def test_every_arm_is_there_with_every_figure(document: dict[str, Any]) -> None:
    assert document["finished"]
    assert document["seeds"] == [3, 4]
    assert [arm["name"] for arm in document["arms"]] == list(arms.ARMS)
    for arm in document["arms"]:
        for metric in ("auroc", "auprc", "brier"):
            found = arm["metrics"][metric]
            assert 0.0 <= found["low"] <= found["mean"] <= found["high"] <= 1.0
        assert arm["objective"]
        assert arm["methodology"]
        assert arm["primary_contribution"]
        assert [seed["seed"] for seed in arm["seeds"]] == [3, 4]
        mean = np.mean([seed["auroc"] for seed in arm["seeds"]])
        assert arm["metrics"]["auroc"]["mean"] == pytest.approx(mean)
        if arm["scheme"]:
            assert arm["seconds_per_round"]["mean"] > 0
            assert arm["bytes_up_per_hospital_round"] > 0
            assert arm["rounds_to_convergence"]["max"] <= document["rounds"]
            assert all(len(seed["auroc_by_round"]) == document["rounds"] + 1 for seed in arm["seeds"])
            assert all(len(seed["seconds_by_round"]) == document["rounds"] for seed in arm["seeds"])


def test_the_protected_arms_are_as_accurate_as_plain(document: dict[str, Any]) -> None:
    assert set(document["equal_to_plain"]) == {"quorum", "ckks", "masks"}
    for found in document["equal_to_plain"].values():
        assert found["max_auroc_difference_per_seed"] <= 1e-3


def test_every_run_is_an_ordinary_one_that_holds_and_shares_its_seeds_yardsticks(
    whole: Path, document: dict[str, Any]
) -> None:
    centralised = {seed["seed"]: seed["auroc"] for seed in arm_of(document, "centralised")["seeds"]}
    for arm in document["arms"]:
        for seed in arm["seeds"]:
            if not arm["scheme"]:
                assert seed["run"] is None
                continue
            path = whole / seed["run"]
            result = json.loads((path / "result.json").read_text())
            assert result["auroc_centralised"] == pytest.approx(centralised[seed["seed"]])
            assert result["auroc_federated_exact"] == pytest.approx(seed["auroc"])
            assert result["seed"] == seed["seed"]
            assert result["scheme"] == arm["scheme"]
            assert (path / "report.html").exists()
            assert simulator.holds(path)


def test_given_yardsticks_are_those_that_a_run_computes_itself(whole: Path, tmp_path: Path) -> None:
    own = run_study(
        arms.study_of(arms.ARMS["quorum"], simulator.study(4), 4, 100),
        base=whole.parent / "tables",
        out=tmp_path / "run",
        device="cpu",
    ).summary
    shared = json.loads((whole / "arms/quorum/seed-4/result.json").read_text())
    for key in ("centralised", "auroc_centralised_by_round", "auroc_local", "auroc_federated_exact", "by_hospital"):
        assert json.loads(json.dumps(own[key])) == shared[key], key


def test_yardsticks_of_another_seed_are_refused(whole: Path, tmp_path: Path) -> None:
    found = yardsticks.load(whole / "yardsticks/seed-4.json")
    with pytest.raises(StudyError, match="other data, another seed"):
        run_study(
            simulator.study(4), base=whole.parent / "tables", out=tmp_path / "run", device="cpu", yardsticks=found
        )


def test_damaged_yardsticks_are_named(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "seed-4.json").write_text("{}")
    shutil.copy(whole / "yardsticks/seed-4.safetensors", tmp_path)
    with pytest.raises(DataError, match="no yardsticks"):
        yardsticks.load(tmp_path / "seed-4.json")


def test_who_can_read_follows_from_the_scheme_that_ran(document: dict[str, Any]) -> None:
    words = {arm["name"]: arm["who_can_read_one_update"] for arm in document["arms"]}
    assert "not encrypted" in words["plain"]
    assert "the coordinator, who holds the only key" in words["ckks"]
    thresholds = simulator.study(4).thresholds
    for name in ("quorum", "masks"):
        assert words[name] == f"nobody, while at most {thresholds.corrupt} of 4 hospitals collude with the coordinator"
    assert words["quorum-dp"].endswith("bounded for one record (epsilon 3 at delta 1e-05)")
    assert arm_of(document, "quorum")["dropouts_tolerated"] == thresholds.dropouts
    assert arm_of(document, "centralised")["dropouts_tolerated"] is None


def test_who_can_read_changes_with_the_scheme_object(whole: Path) -> None:
    from dataclasses import replace

    from cipherward.runs import verify

    run = verify.open_run(whole / "arms/quorum/seed-3")
    bare = replace(run, rules=replace(run.rules, scheme=PlainScheme()))
    assert arms.who_can_read(arms.ARMS["quorum"], run).startswith("nobody")
    assert "not encrypted" in arms.who_can_read(arms.ARMS["quorum"], bare)


def test_privacy_arms_spend_no_more_than_they_may(document: dict[str, Any]) -> None:
    asked = {"dp-1": 1.0, "dp-3": 3.0, "dp-8": 8.0, "quorum-dp": 3.0}
    for name, epsilon in asked.items():
        privacy = arm_of(document, name)["privacy"]
        assert privacy["unit"] == "record"
        assert privacy["epsilon"] == epsilon
        assert 0.5 * epsilon < privacy["epsilon_spent"] <= epsilon
        assert privacy["delta"] <= 1e-5
    assert arm_of(document, "quorum")["privacy"] is None


def test_delta_stays_below_one_over_the_rows_of_the_largest_hospital() -> None:
    chosen = arms.study_of(arms.ARMS["dp-3"], simulator.study(4), 1, 1_000_000)
    assert chosen.privacy is not None
    assert chosen.privacy.delta == pytest.approx(1e-7)


def test_a_studys_own_privacy_reaches_the_private_arms_only() -> None:
    own = {"unit": "record", "epsilon": 5.0, "delta": 1e-7, "clipping_norm": 0.25}
    study = simulator.study(4, privacy=own)
    private = arms.study_of(arms.ARMS["dp-8"], study, 1, 100).privacy
    assert private is not None
    assert (private.epsilon, private.delta, private.clipping_norm) == (8.0, 1e-7, 0.25)
    assert arms.study_of(arms.ARMS["quorum"], study, 1, 100).privacy is None


def test_the_table_has_every_column_and_a_line_for_each_arm(whole: Path, document: dict[str, Any]) -> None:
    with (whole / TABLE).open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["name"] for line in lines] == list(arms.ARMS)
    wanted = {"objective", "methodology", "primary_contribution", "auroc", "auroc_low", "auroc_high", "auprc", "brier"}
    wanted |= {"auroc_minus_centralised", "auroc_minus_centralised_low", "seconds_per_round", "seconds_encrypt"}
    wanted |= {"bytes_up_per_hospital_round", "bytes_down_per_hospital_round", "rounds_to_convergence_mean"}
    wanted |= {"who_can_read_one_update", "dropouts_tolerated", "privacy_epsilon", "privacy_delta"}
    assert wanted <= set(lines[0])
    for line, arm in zip(lines, document["arms"], strict=True):
        assert float(line["auroc"]) == arm["metrics"]["auroc"]["mean"]
        assert line["dropouts_tolerated"] == ("1" if arm["scheme"] else "")


def test_counts_that_point_at_few_people_are_left_out(document: dict[str, Any]) -> None:
    for hospital in document["hospitals_alone"]:
        assert hospital["n_test"] < 30
        assert hospital["n_test_positive"] is None or 10 <= hospital["n_test_positive"] <= hospital["n_test"] - 10
    assert all(hospital["positive"] >= 10 for hospital in document["data"])


def test_a_finished_comparison_runs_nothing_again(finished: Finished, copied: Path) -> None:
    before = files_below(copied / "out" / "arms") | files_below(copied / "out" / "yardsticks")
    steps: list[Step] = []
    again = compare(copied, simulator.study(4), on_step=steps.append)
    assert files_below(copied / "out" / "arms") | files_below(copied / "out" / "yardsticks") == before
    assert all(step.kept for step in steps if step.seconds is not None)
    assert again == finished[1]


@pytest.mark.parametrize("stop_after", [0, 3, pytest.param(6, marks=pytest.mark.thorough)])
def test_stopped_anywhere_it_goes_on_and_ends_with_the_same_accuracy(
    tmp_path: Path, finished: Finished, stop_after: int
) -> None:
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > stop_after

    with pytest.raises(InterruptedRunError) as stopped:
        compare(tmp_path / "parts", simulator.study(4), should_stop=should_stop)
    assert str(tmp_path / "parts" / "out") in stopped.value.hint
    again = compare(tmp_path / "parts", simulator.study(4))
    for name in QUICK:
        assert arm_of(again, name)["metrics"] == arm_of(finished[1], name)["metrics"]
    assert simulator.holds(tmp_path / "parts" / "out" / "arms/plain/seed-3")


def test_a_run_that_was_killed_before_its_first_sum_starts_anew(finished: Finished, copied: Path) -> None:
    run = copied / "out/arms/quorum/seed-4"
    for file in ("result.json", "study.toml", "study.digest"):
        (run / file).unlink()
    again = compare(copied, simulator.study(4))
    assert arm_of(again, "quorum")["metrics"] == arm_of(finished[1], "quorum")["metrics"]
    assert simulator.holds(run)


def test_another_study_or_other_settings_are_refused_and_nothing_is_changed(copied: Path) -> None:
    before = files_below(copied / "out")
    other = simulator.study(4, training={"rounds": 2, "batch_size": 32, "learning_rate": 0.25})
    with pytest.raises(StudyError, match="another comparison: the study or an override"):
        compare(copied, other)
    with pytest.raises(StudyError, match="--schemes"):
        compare(copied, simulator.study(4), ("plain",))
    with pytest.raises(StudyError, match="--seeds"):
        compare(copied, simulator.study(4), n_seeds=3)
    assert files_below(copied / "out") == before


def test_other_data_are_refused_too(copied: Path) -> None:
    before = files_below(copied / "out")
    simulator.write_tables(copied / "tables", 4, rows=90)
    with pytest.raises(StudyError, match="not those with which"):
        compare(copied, simulator.study(4))
    assert files_below(copied / "out") == before


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("ten years of work")
    with pytest.raises(StorageError, match="not an empty folder"):
        compare(tmp_path, simulator.study(4))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("package", "extra", "named"), [("tenseal", "ckks", "ckks"), ("opacus", "privacy", "dp-1, dp-3, dp-8, quorum-dp")]
)
def test_a_missing_extra_is_found_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, extra: str, named: str
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == package else real(name, *rest))
    with pytest.raises(StudyError) as error:
        compare(tmp_path, simulator.study(4), None)
    assert f"{named} need(s) cipherward[{extra}]" in error.value.message
    assert f"cipherward[{extra}]" in error.value.hint
    left = error.value.hint.split("--schemes ")[1].split(",")
    assert set(left) == set(arms.ARMS) - set(named.split(", "))
    assert not (tmp_path / "out").exists()
    assert arms.choose(left)


def test_a_study_that_an_arm_cannot_run_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="custom"):
        compare(tmp_path, simulator.study(4, model={"kind": "custom"}))
    (tmp_path / "tables" / "clinic-2.csv").write_text("age,dose\n1,2\n")
    with pytest.raises(DataError, match="clinic-2"):
        compare(tmp_path, simulator.study(4))
    assert not (tmp_path / "out").exists()


def test_an_unknown_arm_is_refused_with_the_list_of_arms(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no arm is called 'paillier'") as error:
        compare(tmp_path, simulator.study(4), ("plain", "paillier"))
    assert "quorum-dp" in error.value.hint


def test_a_synthetic_cohort_is_made_anew_for_each_seed(tmp_path: Path) -> None:
    from cipherward.study import load_builtin

    cohort = {"n_hospitals": 3, "encounters_per_hospital": 100}
    study = load_builtin("readmission").with_overrides(data={"cohort": cohort}, training={"rounds": 1})
    found = compare(tmp_path, study, ("plain", "centralised"))
    assert found["synthetic"]
    rows = [
        len(load_hospitals(study.with_overrides(top={"seed": seed}), None, tmp_path)[0].outcome)
        for seed in found["seeds"]
    ]
    runs = [json.loads((tmp_path / f"out/arms/plain/seed-{seed}/result.json").read_text()) for seed in found["seeds"]]
    assert [run["by_hospital"][0]["rows"] for run in runs] == rows


def test_convergence_is_the_first_round_after_which_nothing_moves() -> None:
    assert convergence([[0.5, 0.7, 0.72, 0.7205, 0.72]]) == {"mean": 2.0, "min": 2, "max": 2}
    assert convergence([[0.72, 0.5, 0.72]]) == {"mean": 2.0, "min": 2, "max": 2}
    assert convergence([[0.72, 0.72], [0.5, 0.6]]) == {"mean": 0.5, "min": 0, "max": 1}
    assert convergence([[None, 0.7]]) is None


def test_the_estimate_of_what_remains_ends_at_nothing(finished: Finished) -> None:
    ended = [step for step in finished[2] if step.seconds is not None]
    assert [step.number for step in ended] == list(range(1, ended[0].total + 1))
    assert ended[-1].seconds_left == 0
    assert all(step.seconds_left and math.isfinite(step.seconds_left) for step in ended[:-1])
