"""Whether XGBoost reads exported trees and predicts the same, in an environment of its own.

    python benchmarks/export_xgboost.py --data FOLDER [--version 3.2.0]

Grows one stage of `diabetes130-trees` (sums without encryption), exports the model, installs xgboost in a new environment, and compares its
predictions of one hospital's rows with ours.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cipherward.data.forest import Forest
from cipherward.data.rare_categories import codes
from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.learning import sgd
from cipherward.runs import exports, modelfile
from cipherward.runs.modelfile import ModelFile
from cipherward.study import Study, load_builtin
from cipherward.tasks import fitted_yardsticks
from cipherward.tasks.boost import Boost
from cipherward.tasks.hospital_work import HospitalWork

READS = """
import numpy as np, sys, xgboost
booster = xgboost.Booster(model_file=sys.argv[1])
given = xgboost.DMatrix(np.load(sys.argv[2]), feature_names=booster.feature_names, feature_types=booster.feature_types)
np.save(sys.argv[3], booster.predict(given))
"""


def grown(study: Study, hospitals: list[HospitalData]) -> ModelFile:
    works = [HospitalWork(k, data, "cpu", time.perf_counter) for k, data in enumerate(hospitals, start=1)]
    model = fitted_yardsticks.fitted(Boost(study), works)
    assert model is not None
    return ModelFile(study, model.groups, model.weights, model.preprocessor)


def inputs(forest: Forest, data: HospitalData) -> NDArray[np.float64]:
    """What the exported model takes: numbers as they are, places of categories, NaN."""
    found = []
    for each in forest.coding.binned:
        series = data.table[each.column.name]
        if each.column.kind == "numeric":
            found.append(series.cast(float).fill_null(float("nan")).to_numpy())
        else:
            own = codes(series, each.column.categories).astype(np.float64)
            found.append(np.where((own < 0) | (own == len(each.column.categories)), np.nan, own))
    return np.column_stack(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of diabetes130")
    parser.add_argument("--version", default="3.2.0", help="of xgboost")
    chosen = parser.parse_args()
    study = load_builtin("diabetes130-trees").with_overrides(noise={"enabled": False}, top={"settings": {"stages": 1}})
    hospitals = load_hospitals(study, chosen.data, Path.cwd())
    model = grown(study, hospitals)
    forest = model.preprocessor
    assert isinstance(forest, Forest)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, "-m", "venv", str(folder / "env")], check=True)
        python = str(folder / "env" / "bin" / "python")
        subprocess.run([python, "-m", "pip", "install", "-q", f"xgboost=={chosen.version}"], check=True)
        modelfile.save(folder / "model.safetensors", model)
        (folder / "trees.json").write_bytes(exports.export(folder / "model.safetensors", "xgboost").data)
        np.save(folder / "x.npy", inputs(forest, hospitals[0]))
        given = [str(folder / each) for each in ("trees.json", "x.npy", "found.npy")]
        subprocess.run([python, "-c", READS, *given], check=True)
        found = np.load(folder / "found.npy")
    own = sgd.scores(model.module(), model.weights, forest.transform(hospitals[0].table))
    off = float(np.abs(found - own).max())
    sys.stdout.write(
        f"xgboost {chosen.version}: {forest.n_trees} trees, {len(own):,} rows, largest difference {off:.1e}\n"
    )
    return int(off > 1e-5)


if __name__ == "__main__":
    sys.exit(main())
