"""What predicting missing numbers is worth: test AUROC of a study on generated tables in which a laboratory value is missing.

python benchmarks/imputation.py [--seeds 5]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

import numpy as np
import polars as pl

from cipherward.simulation.simulate import run_study
from cipherward.study import parse

_HOSPITALS, _ROWS = 5, 1500
_ARMS = ("nothing missing", "middle", "regression")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(1, parser.parse_args().seeds + 1)
    for kind in ("logistic-regression", "mlp"):
        for share in (0.2, 0.5):
            found = [dict(_arms(kind, share, seed)) for seed in seeds]
            means = ", ".join(f"{arm} {mean(each[arm] for each in found):.4f}" for arm in _ARMS)
            gains = [each["regression"] - each["middle"] for each in found]
            print(f"{kind}, {share:.0%} of two columns missing: {means}; gain {min(gains):+.4f} to {max(gains):+.4f}")


def _arms(kind: str, share: float, seed: int) -> Iterator[tuple[str, float]]:
    for arm in _ARMS:
        with tempfile.TemporaryDirectory() as folder:
            for index in range(_HOSPITALS):
                _table(share if arm != "nothing missing" else 0.0, seed, index).write_csv(f"{folder}/h{index}.csv")
            impute = {"impute": "regression"} if arm == "regression" else {}
            study = parse(_document(kind, impute, seed), origin="benchmark")
            result = run_study(study, base=Path(folder), out=Path(folder) / "run", device="cpu")
            yield arm, result.summary["auroc_federated"]


def _document(kind: str, impute: dict[str, str], seed: int) -> dict[str, object]:
    ends = {"kind": "numeric", "minimum": -8.0, "maximum": 8.0}
    columns: list[dict[str, object]] = [{"name": name, **ends} for name in ("age", "creatinine", "pressure")]
    columns += [{"name": name, **ends, **impute} for name in ("albumin", "sodium")]
    return {
        "name": "imputation",
        "seed": seed,
        "data": {"source": "files", "outcome": "outcome", "split_salt": f"salt-{seed}"},
        "columns": columns,
        "model": {"kind": kind},
        "aggregation": {"scheme": "plain"},
        "noise": {"enabled": False},
        "hospitals": [{"name": f"h{index}", "path": f"h{index}.csv"} for index in range(_HOSPITALS)],
    }


def _table(share: float, seed: int, index: int) -> pl.DataFrame:
    """Albumin and sodium follow from other columns to about two thirds of their variance, and are missing more often in the young."""
    source = np.random.default_rng([seed, index])
    age, creatinine, pressure = source.normal(0.0, 1.0, (3, _ROWS))
    albumin = -0.7 * age + 0.5 * creatinine + source.normal(0.0, 0.6, _ROWS)
    sodium = 0.6 * albumin + 0.6 * pressure + source.normal(0.0, 0.6, _ROWS)
    outcome = source.random(_ROWS) < 1.0 / (1.0 + np.exp(1.5 - 0.4 * age + 1.0 * albumin - 0.8 * sodium))
    rate = share * 2.0 / (1.0 + np.exp(age))
    for values in (albumin, sodium):
        values[source.random(_ROWS) < rate] = np.nan
    cells = {"age": age, "creatinine": creatinine, "pressure": pressure, "albumin": albumin, "sodium": sodium}
    return pl.DataFrame(cells).fill_nan(None).with_columns(pl.Series("outcome", outcome.astype(int)))


if __name__ == "__main__":
    main()
