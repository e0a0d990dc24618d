"""What has moved between two cohort tables is found by their opened histograms, and what chance explains is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import simulator
from tests.cli.test_cli import call

from cipherward.errors import AuditError, CipherwardError, DataError
from cipherward.learning import drift as index
from cipherward.learning.drift import Histogram, moved
from cipherward.runs import drift
from cipherward.simulation.simulate import run_study


def tables(folder: Path, *, shift: float = 0.0, share: float = 0.5, seed: int = 0, rows: int = 1500) -> Path:
    folder.mkdir(parents=True)
    for k in range(1, 5):
        rng = np.random.default_rng(1000 * seed + k)
        age, dose = rng.normal(shift, 1.0, rows), rng.normal(0.0, 1.0, rows)
        ward, outcome = rng.random(rows) < share, rng.random(rows) < 0.3
        lines = [
            f"{a:.3f},{d:.3f},{'BA'[int(w)]},{int(o)}" for a, d, w, o in zip(age, dose, ward, outcome, strict=True)
        ]
        (folder / f"clinic-{k}.csv").write_text("\n".join(["age,dose,ward,outcome", *lines]) + "\n")
    return folder


def described(folder: Path, **more: Any) -> Path:
    sections = more.pop("sections", {})
    study = simulator.study(4, **({"task": "describe"} | sections))
    return run_study(study, base=tables(folder / "tables", **more), out=folder / "run", device="cpu").path


@pytest.fixture(scope="module")
def then(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return described(tmp_path_factory.mktemp("then"))


def test_what_has_moved_is_named_and_what_has_not_is_stable(then: Path, tmp_path: Path) -> None:
    found = drift.between(then, described(tmp_path, shift=0.6, share=0.64, seed=1))
    assert {name: found.of(name) for name in found.moved} == {
        "age": "retrain", "dose": "stable", "ward": "stable", "outcome outcome": "stable",
    }  # fmt: skip
    assert found.verdict == "retrain"
    assert 0.05 < found.moved["ward"].psi < 0.1
    assert found.moved["dose"].psi < found.moved["dose"].chance < 0.05
    stricter = drift.between(then, tmp_path / "run", watch=0.05, retrain=0.3)
    assert stricter.of("ward") == "watch"


def test_the_index_of_a_category_is_the_textbooks(then: Path, tmp_path: Path) -> None:
    found = drift.between(then, described(tmp_path, share=0.7, seed=2)).moved["ward"]
    p, q = np.array([0.5, 0.5]), np.array([0.7, 0.3])
    assert found.psi == pytest.approx(float(((q - p) * np.log(q / p)).sum()), rel=0.15)


def test_chance_alone_passes_its_bound_in_one_of_twenty_cases() -> None:
    rng, beyond, noise = np.random.default_rng(3), {0.0: 0, 6.0: 0}, 600
    for stddev in beyond:
        for _ in range(noise):
            both = [
                rng.multinomial(n, np.full(12, 1 / 12)) + np.rint(rng.normal(0, stddev, 12)).astype(np.int64)
                for n in (3000, 1200)
            ]
            found = moved(*(Histogram(each, stddev, is_ordered=False) for each in both))
            assert found is not None
            beyond[stddev] += found.psi > found.chance
    assert all(0.02 < n / noise < 0.09 for n in beyond.values())


def test_neighbouring_bins_are_put_together_until_a_tenth_is_in_each() -> None:
    counts = np.concatenate([np.full(64, 10), [5]]).astype(np.int64)
    found = moved(Histogram(counts), Histogram(counts))
    assert found is not None
    assert (found.psi, found.bins) == (0.0, 11)
    assert sorted(np.concatenate(index._groups(counts)).tolist()) == list(range(65))
    heap = np.zeros(65, dtype=np.int64)
    heap[7] = 900
    assert sorted(np.concatenate(index._groups(heap)).tolist()) == list(range(65))
    assert moved(Histogram(heap), Histogram(heap)) is None  # one value: nothing can move


def test_noise_of_both_runs_is_no_drift(tmp_path: Path) -> None:
    sections = {"noise": {"enabled": True, "epsilon": 4.0, "delta": 1e-6}}
    runs = [described(tmp_path / str(k), seed=k, sections=sections) for k in (5, 6)]
    found = drift.between(*runs)
    assert found.verdict == "stable"
    assert found.moved["age"].chance > 0.01


def test_columns_that_are_described_otherwise_are_named(then: Path, tmp_path: Path) -> None:
    columns = simulator.document()["columns"]
    columns[0]["maximum"] = 9.0
    found = drift.between(then, described(tmp_path, seed=7, sections={"columns": columns}))
    assert found.unlike == ("age",)
    assert set(found.moved) == {"dose", "ward", "outcome outcome"}
    turned = described(tmp_path / "turned", seed=7, sections={"data": {"positive": "0"}})
    assert drift.between(then, turned).unlike == ("outcome outcome",)


def test_runs_that_cannot_be_compared_are_refused(then: Path, tmp_path: Path) -> None:
    trained = simulator.run(tmp_path, simulator.study(4)).path
    with pytest.raises(DataError, match="has opened no histograms") as caught:
        drift.between(then, trained)
    assert "describe" in caught.value.hint
    with pytest.raises(DataError, match="limits"):
        drift.between(then, then, watch=0.3, retrain=0.1)
    with pytest.raises(CipherwardError):
        drift.between(then, tmp_path / "nothing")


def test_a_run_whose_sums_were_changed_is_refused(tmp_path: Path) -> None:
    run = described(tmp_path, seed=8, rows=200)
    opening = run / "receipts" / "0000" / "opening.cbor"
    data = bytearray(opening.read_bytes())
    data[len(data) // 2] ^= 1
    opening.write_bytes(bytes(data))
    with pytest.raises(AuditError):
        drift.between(run, run)


def test_the_command_says_it_in_words_as_a_file_and_as_json(
    then: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = described(tmp_path, shift=0.6, seed=1)
    code, out, err = call(capsys, "drift", then, now, "--csv", tmp_path / "drift.csv")
    assert (code, err) == (0, "")
    assert "Retrain: the rows of now" in out
    assert (tmp_path / "drift.csv").read_text().splitlines()[0] == "column,index,by chance up to,bins,verdict"
    code, out, _ = call(capsys, "drift", then, now, "--json", "--retrain", "5")
    assert json.loads(out)["verdict"] == "watch"


def test_what_chance_explains_is_stable_and_limits_belong_to_what_lies_above_them() -> None:
    found = [
        index.Moved(psi, chance, 10).verdict() for psi, chance in ((0.3, 0.3), (0.3, 0.29), (0.25, 0.0), (0.249, 0.0))
    ]
    assert found == ["stable", "retrain", "retrain", "watch"]
    assert [index.Moved(psi, 0.0, 10).verdict() for psi in (0.1, 0.099)] == ["watch", "stable"]
    assert index.Moved(0.1, 0.0, 10).verdict(0.05, 0.1) == "retrain"
