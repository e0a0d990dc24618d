"""What a declared range that is far too wide costs under noise: the scale of a column by its mean and standard deviation, or by its quartiles.

    PYTHONPATH=. python benchmarks/wide_ranges.py

Five hospitals, 20,000 rows, two columns of numbers and one of categories, noise of epsilon 1 at delta 1e-6. The true standard deviation is
about 1.02; declared are 16 of it, 160 and 1,600.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests import simulator

from cipherward.data.sources import load_hospitals
from cipherward.privacy import records
from cipherward.privacy.randomness import SYSTEM
from cipherward.tasks import noise, statistics
from cipherward.tasks.catalogue import begin, make_task

_HOSPITALS, _ROWS, _DRAWS = 5, 4_000, 9
_WIDTH = 16.0


def scaled(scale: str, times: float) -> float:
    """The opened scale of the column "age", in its own unit."""
    columns = simulator.document(_HOSPITALS)["columns"]
    for column in columns[:2]:
        column["minimum"], column["maximum"] = -_WIDTH / 2 * times, _WIDTH / 2 * times
    sections: dict[str, Any] = {
        "columns": columns,
        "noise": {"enabled": True, "epsilon": 1.0, "delta": 1e-6},
        "training": {"rounds": 2, "batch_size": 0, "learning_rate": 0.05, "scale": scale},
    }
    study = simulator.study(_HOSPITALS, **sections)
    study = study.with_overrides(noise=noise.stated(study, make_task(study)))
    with tempfile.TemporaryDirectory() as folder:
        hospitals = load_hospitals(study, None, simulator.write_tables(Path(folder), _HOSPITALS, rows=_ROWS))
    planned = begin(study).noise
    assert planned is not None
    total: dict[str, NDArray[np.int64]] = {}
    for hospital in hospitals:
        found = records.noisy(statistics.answer(study, hospital)[0], planned, SYSTEM).values
        total = {name: total[name] + values if total else values for name, values in found.items()}
    fitted = statistics.fit(study, records.without_offset(total, planned, _HOSPITALS), _HOSPITALS)
    return fitted.stddev[0] * _WIDTH * times


def main() -> None:
    for times in (1.0, 10.0, 100.0):
        for scale in ("standard", "robust"):
            found = [scaled(scale, times) for _ in range(_DRAWS)]
            print(f"range x{times:g}, {scale}: median {np.median(found):.2f}, {min(found):.2f} to {max(found):.2f}")


if __name__ == "__main__":
    main()
