"""What a study of few rows reaches with `[training]` left out: AUROC beside a fit of all rows in one place.

python benchmarks/few_rows.py               5 seeds, about two minutes on one core; no file
python benchmarks/few_rows.py --seeds 20

A synthetic stand-in for four hospitals' heart tables: 185 rows each on average, 10 columns of both kinds, some values missing,
a logistic truth. Scheme plain: the sums are the same within rounding.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression
from torch import nn

from cipherward import run_study
from cipherward import study as study_document
from cipherward.data.partition import TEST, TRAIN
from cipherward.data.sources import load_hospitals
from cipherward.learning import metrics
from cipherward.study import Study
from cipherward.tasks import yardsticks

ROWS = (303, 261, 130, 46)
NUMERIC = {"age": (29, 77), "pressure": (90, 200), "cholesterol": (120, 560), "rate": (70, 202), "depression": (0, 6)}
CATEGORIES = {
    "sex": ["f", "m"],
    "pain": ["typical", "atypical", "other pain", "none"],
    "sugar": ["low", "high"],
    "ecg": ["normal", "wave", "hypertrophy"],
    "angina": ["no", "yes"],
}


def write_tables(folder: Path, seed: int) -> None:
    """One CSV file per hospital."""
    rng = np.random.default_rng(seed)
    slopes = rng.normal(0.0, 0.9, len(NUMERIC))
    effects = {name: rng.normal(0.0, 0.8, len(values)) for name, values in CATEGORIES.items()}
    for index, n in enumerate(ROWS, start=1):
        z = rng.normal(0.15 * (index - 2.5), 1.0, (n, len(NUMERIC)))
        codes = {name: rng.integers(0, len(values), n) for name, values in CATEGORIES.items()}
        risk = z @ slopes + sum(effects[name][codes[name]] for name in CATEGORIES)
        outcome = rng.random(n) < 1.0 / (1.0 + np.exp(-risk))
        table: dict[str, Any] = {}
        for k, (name, (low, high)) in enumerate(NUMERIC.items()):
            values = np.clip((low + high) / 2 + z[:, k] * (high - low) / 6, low, high).round(1)
            table[name] = [None if lost else value for value, lost in zip(values, rng.random(n) < 0.03, strict=True)]
        table |= {name: [CATEGORIES[name][code] for code in codes[name]] for name in CATEGORIES}
        pl.DataFrame(table | {"disease": outcome.astype(int)}).write_csv(folder / f"clinic-{index}.csv")


def study(seed: int, **sections: Any) -> Study:
    """The study, with `[training]` left out unless given."""
    columns = [
        *({"name": n, "kind": "numeric", "minimum": lo, "maximum": hi} for n, (lo, hi) in NUMERIC.items()),
        *({"name": n, "kind": "categorical", "categories": values} for n, values in CATEGORIES.items()),
    ]
    document = {
        "name": "few-rows",
        "seed": seed,
        "data": {"source": "files", "outcome": "disease"},
        "columns": columns,
        "aggregation": {"scheme": "plain"},
        "hospitals": [{"name": f"clinic-{k}", "path": f"clinic-{k}.csv"} for k in range(1, len(ROWS) + 1)],
    }
    return study_document.parse(document | sections, origin="benchmark")


def pooled_fit(chosen: Study, folder: Path) -> float:
    """AUROC of a converged fit of all training rows together."""
    hospitals = load_hospitals(chosen, None, folder)
    scaling, works = yardsticks.prepare(chosen, hospitals, "cpu")
    (x, y), (test_x, test_y) = (
        tuple(np.concatenate(part) for part in zip(*yardsticks.rows_of_all(works, scaling, split), strict=True))
        for split in (TRAIN, TEST)
    )
    fitted = LogisticRegression(C=1e3, max_iter=5_000).fit(x, y)
    return metrics.exact(fitted.predict_proba(test_x)[:, 1], test_y).auroc


def random_start(n_features: int) -> nn.Module:
    """Logistic regression that starts from torch's random weights."""
    return nn.Linear(n_features, 1)


ARMS: Mapping[str, tuple[dict[str, Any], Callable[[int], nn.Module] | None]] = {
    "random start, batches of 256": ({"model": {"kind": "custom"}, "training": {"batch_size": 256}}, random_start),
    "zero start, batches of 256": ({"training": {"batch_size": 256}}, None),
    "[training] left out": ({}, None),
    "5 epochs, batches of 32": ({"training": {"local_epochs": 5, "batch_size": 32}}, None),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(1, parser.parse_args().seeds + 1)
    reached: dict[str, list[float]] = {name: [] for name in ("pooled fit", *ARMS)}
    warned = dict.fromkeys(reached, 0)
    with tempfile.TemporaryDirectory() as place:
        for seed in seeds:
            folder = Path(place) / str(seed)
            folder.mkdir()
            write_tables(folder, seed)
            reached["pooled fit"].append(pooled_fit(study(seed), folder))
            for k, (name, (sections, module)) in enumerate(ARMS.items()):
                done = run_study(
                    study(seed, **sections), base=folder, out=folder / f"run-{k}", device="cpu", module=module
                )
                reached[name].append(float(done.summary["auroc_federated"]))
                warned[name] += bool(done.summary.get("warnings"))
    for name, values in reached.items():
        print(
            f"{name:<30} AUROC {fmean(values):.3f} (worst seed {min(values):.3f}), warned {warned[name]} of {len(seeds)}"
        )


if __name__ == "__main__":
    main()
