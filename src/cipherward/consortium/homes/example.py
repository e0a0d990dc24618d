"""A trial without real data: the readmission study for a consortium, and one synthetic table for each hospital."""

from __future__ import annotations

import io
from pathlib import Path

from cipherward import study as study_document
from cipherward.consortium.homes.home import prepare
from cipherward.data import cohorts
from cipherward.store import files
from cipherward.study import Cohort


def write(folder: Path, *, n_hospitals: int, encounters: int, seed: int) -> tuple[Path, dict[str, Path]]:
    """study.toml and hospital-1.csv, hospital-2.csv, ... in a new folder: (study, table by hospital).

    The study runs as it is on one machine (`cipherward run`) and in a consortium, where its paths are left out.

    Raises:
        StorageError: the folder is not empty, or cannot be written.
    """
    cohort = Cohort(n_hospitals=n_hospitals, encounters_per_hospital=encounters)
    names = [f"hospital-{number}" for number in range(1, n_hospitals + 1)]
    built_in = study_document.load_builtin("readmission").model_dump(mode="json")
    data = built_in["data"] | {"source": "files", "cohort": None}
    document = built_in | {
        "name": "readmission-trial",
        "title": "30-day readmission, synthetic trial",
        "description": "SYNTHETIC: a trial of a consortium. Every row is generated; no real patient stands behind any.",
        "seed": seed,
        "data": data,
        "hospitals": [{"name": name, "path": f"{name}.csv"} for name in names],
    }
    study = study_document.parse(document, origin="the example")
    prepare(folder)
    tables = {}
    for index, name in enumerate(names):
        table, _ = cohorts.generate(cohort, seed, index)
        buffer = io.BytesIO()
        table.write_csv(buffer)
        tables[name] = folder / f"{name}.csv"
        files.write(tables[name], buffer.getvalue())
    files.write(folder / "study.toml", study.to_toml().encode())
    return folder / "study.toml", tables
