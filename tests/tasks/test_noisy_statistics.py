"""From tables to noisy scaling numbers, as hospitals and readers do it, through real lanes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cipherward import load_builtin_study
from cipherward.data.noisy_constants import fit_noisy
from cipherward.data.partition import TRAIN
from cipherward.data.preprocess import fit, local_statistics
from cipherward.data.sources import load_hospitals
from cipherward.privacy import records
from cipherward.privacy.randomness import SYSTEM
from cipherward.tasks import moves
from cipherward.tasks.lanes import CountSegment, Layout


@pytest.mark.parametrize("missing", [0, 2])
def test_noisy_constants_are_near_the_exact_ones_whoever_drops_out(missing: int) -> None:
    study = load_builtin_study("readmission")
    present = load_hospitals(study, None, Path())[missing:]
    n_numeric = sum(column.kind == "numeric" for column in study.columns)
    noise = records.plan(moves.of_statistics(n_numeric), records.multiplier(records.EPSILON, records.DELTA, 1), 1)
    layout = Layout(tuple(CountSegment(s.name, s.size, 3) for s in noise.segments), 16)
    records.check_room(noise, dict.fromkeys(noise.bounds(), 2**48 - 1), 1 << 44)
    exact, lanes = [], np.zeros(layout.n_lanes, dtype=np.int64)
    for hospital in present:
        counted, _ = records.kept_rows(hospital.cluster, hospital.split == TRAIN, 1, SYSTEM)
        found = local_statistics(hospital.table, hospital.outcome, hospital.split, study.columns, counted)
        values = {name: found[name] for name in ("rows", "present", "sum", "square")}  # what the noise covers
        exact.append(values)
        lanes += layout.encode(records.noisy(values, noise, SYSTEM).values)
    opened = records.without_offset(layout.decode(lanes, len(present)), noise, len(present))
    fitted = fit_noisy(study.columns, opened, noise.stddevs(len(present)))
    true = fit(study.columns, {name: np.sum([part[name] for part in exact], axis=0) for name in exact[0]})
    assert abs(fitted.n_rows - true.n_rows) < 8 * noise.stddevs(len(present))["rows"]
    np.testing.assert_allclose(fitted.mean, true.mean, atol=0.1)
    assert all(0.4 < a / b < 2.5 for a, b in zip(fitted.stddev, true.stddev, strict=True))
    assert fitted != true
