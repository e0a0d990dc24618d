"""Which columns a table fills, for the approval: columns are named where enough patients have a value, and counted nowhere."""

from __future__ import annotations

import numpy as np

from cipherward.data.sources import HospitalData


def filled(data: HospitalData, cell_min: int) -> tuple[str, ...]:
    """The columns in which at least `cell_min` patients, and one, have a value; where patients have no id, rows."""
    found, least = [], max(cell_min, 1)
    for series in data.table.get_columns():
        there = series.is_not_null().to_numpy()
        if data.cluster is None:
            is_filled = int(there.sum()) >= least
        else:
            patients = data.cluster[there]
            is_filled = any(len(np.unique(part)) >= least for part in (patients[: 8 * least], patients))
        if is_filled:
            found.append(series.name)
    return tuple(found)


def n_patients(data: HospitalData) -> int:
    """How many patients the table has; where they have no id, rows."""
    return len(data.outcome) if data.cluster is None else len(np.unique(data.cluster))
