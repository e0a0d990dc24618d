"""Many honest studies of all kinds, one after another over the same registers: hospitals decline none of them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.consortium.consortium import Consortium
from tests.consortium.test_what_keeps_a_hospital_out import change

from cipherward import study as study_document

N = 5
STUDIES = 16
DAY = 86_400.0
HEAD = "mrn,age,dose,lab,ward,grade,days,died,outcome\n"
COLUMNS: dict[str, dict[str, Any]] = {
    "age": {"kind": "numeric", "minimum": 0.0, "maximum": 120.0},
    "dose": {"kind": "numeric", "minimum": 0.0, "maximum": 25.0},
    "lab": {"kind": "numeric", "minimum": 0.0, "maximum": 20.0},
    "ward": {"kind": "categorical", "categories": ["A", "B"]},
    "grade": {"kind": "categorical", "categories": ["I", "II", "III"]},
    "days": {"kind": "numeric", "minimum": 0.0, "maximum": 2000.0},
}
"""`lab` has a long tail and some missing values."""


def lines(seed: int, hospital: int, numbers: range) -> str:
    rng = np.random.default_rng([seed, hospital, numbers.start])
    found = []
    for number in numbers:
        age, dose = np.clip(rng.normal(60 + 2 * hospital, 12), 18, 110), min(rng.gamma(2, 1.5), 25.0)
        lab, ward, grade = min(rng.lognormal(0, 0.6), 20.0), "AB"[rng.integers(2)], ("I", "II", "III")[rng.integers(3)]
        risk = 0.04 * (age - 65) + 0.3 * dose - 0.8 * (ward == "A") + 0.5 * np.log(lab) - 1
        outcome = int(rng.random() < 1 / (1 + np.exp(-risk)))
        days = min(rng.exponential(800 * np.exp(-0.3 * risk)), 2000.0)
        died = int(days < 2000 and rng.random() < 0.7)
        shown = "" if rng.random() < 0.03 else f"{lab:.3f}"
        found.append(
            f"H{hospital}-{number:05d},{age:.0f},{dose:.2f},{shown},{ward},{grade},{days:.0f},{died},{outcome}\n"
        )
    return "".join(found)


def drawn(name: str, chance: random.Random) -> dict[str, Any]:
    """A study as people write it. Networks weigh by rows, as the review of the first one advises."""
    kind = chance.choice(["newton", "sgd", "mlp", "describe", "regression", "survival", "boost", "points", "private"])
    columns = chance.sample(["age", "dose", "lab", "ward", "grade"], chance.randint(2, 5))
    data = {"source": "files", "outcome": "outcome", "patient_column": "mrn"}
    found: dict[str, Any] = {"name": name, "data": data, "seed": chance.choice([0, 0, 0, chance.randrange(100)])}
    by_rows = {"weights": "rows", "rounds": chance.choice([3, 8])}
    if kind == "sgd":
        found["training"] = by_rows | {"method": "sgd", "learning_rate": chance.choice([0.05, 0.3])}
    elif kind == "mlp":
        found |= {"model": {"kind": "mlp", "hidden": [8]}, "training": by_rows}
    elif kind == "private":
        found["privacy"] = {"unit": "record", "epsilon": 3.0, "delta": 1e-5, "clipping_norm": 1.0}
        found["training"] = by_rows
    elif kind != "newton":
        found["task"] = kind
    if kind == "survival":
        columns, data["outcome"] = ["days", "ward"], "died"
        found["settings"] = {"time": "days", "group": "ward"}
    if chance.random() < 0.3:
        found["noise"] = {"enabled": False}
    found["columns"] = [{"name": each, **COLUMNS[each]} for each in columns]
    return found | {"hospitals": [{"name": f"clinic-{i}"} for i in range(1, N + 1)]}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [5, 6, 7])
def test_studies_of_all_kinds_over_the_same_registers_are_all_answered(tmp_path: Path, seed: int) -> None:
    chance, made = random.Random(seed), Consortium(tmp_path, N, own_split=True)
    rows = {hospital: 900 + 60 * hospital for hospital in range(1, N + 1)}
    for hospital, name in enumerate(made.names, start=1):
        change(tmp_path / "tables" / f"{name}.csv", HEAD + lines(seed, hospital, range(rows[hospital])))
        policy = made.hospital(name).policy_file
        policy.write_text(policy.read_text().replace("models = [", 'models = ["points", "boosted-trees", '))
        made.restart_hospital(name)
    for number in range(STUDIES):
        document = drawn(f"study-{number}", chance)
        if chance.random() < 0.15:
            document["refresh"] = True
            for hospital, name in enumerate(made.names, start=1):
                table, first = tmp_path / "tables" / f"{name}.csv", rows[hospital]
                rows[hospital] += 300
                change(table, table.read_text() + lines(seed, hospital, range(first, rows[hospital])))
                made.restart_hospital(name)
        made.start(study_document.parse(document, origin="tests"))
        made.approve()
        made.pump()
        assert made.status()["phase"] == "finished", (document, made.status()["last_error"])
        made.now += DAY
    made.close()
