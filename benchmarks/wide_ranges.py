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
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests import simulator

from cipherward.data.robust_constants import BINS
from cipherward.data.sources import load_hospitals
from cipherward.privacy import records
from cipherward.privacy.randomness import SYSTEM
from cipherward.study import Study
from cipherward.tasks import noise, statistics
from cipherward.tasks.catalogue import begin, make_task

_HOSPITALS, _ROWS, _DRAWS = 5, 4_000, 15
_SURE = 3.0


def a_study(scale: str, low: float, high: float, answers: int = 1) -> Study:
    """A study whose first sum carries the noise of `answers` such sums together."""
    columns = simulator.document(_HOSPITALS)["columns"]
    for column in columns[:2]:
        column["minimum"], column["maximum"] = low, high
    sections: dict[str, Any] = {
        "columns": columns,
        "noise": {"enabled": True, "epsilon": 1.0, "delta": 1e-6},
        "training": {"rounds": 2, "batch_size": 0, "learning_rate": 0.05, "scale": scale},
    }
    study = simulator.study(_HOSPITALS, **sections)
    stated = noise.stated(study, make_task(study))
    return study.with_overrides(noise=stated | {"noise_multiplier": records.multiplier(1.0, 1e-6, answers)})


def opened(study: Study, folder: Path) -> tuple[dict[str, NDArray[Any]], float]:
    """The opened statistics, and the standard deviation of the noise on a bin."""
    planned = begin(study).noise
    assert planned is not None
    total: dict[str, NDArray[np.int64]] = {}
    for hospital in load_hospitals(study, None, folder):
        found = records.noisy(statistics.answer(study, hospital)[0], planned, SYSTEM).values
        total = {name: total[name] + values if total else values for name, values in found.items()}
    stddevs = planned.stddevs(_HOSPITALS)
    return records.without_offset(total, planned, _HOSPITALS), stddevs.get("histogram", 0.0)


def constants(study: Study, folder: Path) -> tuple[float, float]:
    """Middle and scale of the column "age", in its own unit."""
    fitted = statistics.fit(study, opened(study, folder)[0], _HOSPITALS)
    low, high = float(study.columns[0].minimum or 0.0), float(study.columns[0].maximum or 0.0)
    return low + (high - low) * fitted.mean[0], (high - low) * fitted.stddev[0]


def narrowed(low: float, high: float, folder: Path) -> tuple[float, float]:
    """The same after a first sum has found the bins beside which noise may be all there is, and one more on either side."""
    sums, stddev = opened(a_study("robust", low, high, answers=2), folder)
    counts, edges = sums["histogram"][:BINS], np.linspace(low, high, BINS + 1)
    sure = _SURE * stddev * np.sqrt(np.arange(1, BINS + 1))
    first = int(np.argmax(np.cumsum(counts) > sure)) - 1
    last = BINS - int(np.argmax(np.cumsum(counts[::-1]) > sure)) + 1
    inner = edges[max(first, 0)], edges[min(last, BINS)]
    return constants(a_study("standard", float(inner[0]), float(inner[1]), answers=2), folder)


def drawn(arm: str, low: float, high: float, folder: Path) -> tuple[float, float]:
    return narrowed(low, high, folder) if arm == "narrowed first" else constants(a_study(arm, low, high), folder)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = simulator.write_tables(Path(name), _HOSPITALS, rows=_ROWS)
        exact = np.concatenate(
            [
                h.table["age"].to_numpy()[h.split == 0]
                for h in load_hospitals(a_study("standard", -8.0, 8.0), None, folder)
            ]
        )
        print(f"true: mean {exact.mean():.3f}, standard deviation {exact.std():.3f}")
        for width in (16.0, 160.0, 500.0, 1600.0):
            low, high = -0.47 * width, 0.53 * width
            for arm in ("standard", "robust", "narrowed first"):
                found = np.array([drawn(arm, low, high, folder) for _ in range(_DRAWS)])
                off = math.sqrt(float(np.mean(np.square(found[:, 0] - exact.mean()))))
                scales = np.median(found[:, 1]), found[:, 1].min(), found[:, 1].max()
                print(
                    f"range {width:g}, {arm}: middle off by {off:.3f}; scale {scales[0]:.2f} ({scales[1]:.2f} to {scales[2]:.2f})"
                )


if __name__ == "__main__":
    main()
