"""What a declared range that is far too wide costs under noise: middle and scale of a column by its mean and standard deviation, by its
quartiles, and by its mean and standard deviation in a narrower range that a first noisy sum has found, with half of the budget each.

    PYTHONPATH=. python benchmarks/wide_ranges.py

Five hospitals, 20,000 rows, two columns of numbers and one of categories, noise of epsilon 1 at delta 1e-6. The true mean is 0.3 and the
standard deviation about 1.02; declared are 16, 160, 500 (of which 95 % of the values fill 1 %) and 1,600.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from tests import simulator

from cipherward.data.preprocess import Preprocessor
from cipherward.data.sources import load_hospitals
from cipherward.tasks import noise
from cipherward.tasks.catalogue import begin, make_task
from cipherward.tasks.hospital_work import HospitalWork

_HOSPITALS, _ROWS, _DRAWS = 5, 4_000, 40


def constants(arm: str, low: float, high: float, folder: Path) -> tuple[float, float]:
    """Middle and scale of the column "age" as one run opens them, in its own unit."""
    columns = simulator.document(_HOSPITALS)["columns"]
    for column in columns[:2]:
        column["minimum"], column["maximum"] = low, high
    scale = "robust" if arm == "robust" else "standard"
    sections: dict[str, Any] = {
        "columns": columns,
        "noise": {"enabled": True, "epsilon": 1.0, "delta": 1e-6, "narrow": arm == "narrowed first"},
        "training": {"rounds": 2, "batch_size": 0, "learning_rate": 0.05, "scale": scale},
    }
    study = simulator.study(_HOSPITALS, **sections)
    state = begin(study.with_overrides(noise=noise.stated(study, make_task(study))))
    works = [HospitalWork(k, h, "cpu", perf_counter) for k, h in enumerate(load_hospitals(study, None, folder))]
    while state.model is None or state.model.preprocessor is None:
        each = [at.values(state) for at in works]
        state = state.after({name: np.stack([own[name] for own in each]).sum(axis=0) for name in each[0]}, _HOSPITALS)
    scaling = state.model.scaling
    if not isinstance(scaling, Preprocessor):
        raise TypeError("a study of task train scales its inputs")
    return low + (high - low) * scaling.mean[0], (high - low) * scaling.stddev[0]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = simulator.write_tables(Path(name), _HOSPITALS, rows=_ROWS)
        exact = np.concatenate(
            [h.table["age"].to_numpy()[h.split == 0] for h in load_hospitals(simulator.study(_HOSPITALS), None, folder)]
        )
        print(f"true: mean {exact.mean():.3f}, standard deviation {exact.std():.3f}")
        for width in (16.0, 160.0, 500.0, 1600.0):
            low, high = -0.47 * width, 0.53 * width
            for arm in ("standard", "robust", "narrowed first"):
                found = np.array([constants(arm, low, high, folder) for _ in range(_DRAWS)])
                off = math.sqrt(float(np.mean(np.square(found[:, 0] - exact.mean()))))
                scales = np.median(found[:, 1]), found[:, 1].min(), found[:, 1].max()
                print(
                    f"range {width:g}, {arm}: middle off by {off:.3f}; scale {scales[0]:.2f} ({scales[1]:.2f} to {scales[2]:.2f})"
                )


if __name__ == "__main__":
    main()
