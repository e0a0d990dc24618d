"""AUROC of `diabetes130` with either scale of numbers: logistic regression by Newton steps, with noise on the counts and without.

python benchmarks/scales.py --data FOLDER      six whole runs of scheme plain, about two minutes of processor time
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from cipherward.simulation.simulate import run_study
from cipherward.study import Study, load_builtin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of diabetes130")
    chosen = parser.parse_args()
    document = load_builtin("diabetes130").model_dump(mode="json", exclude_unset=True)
    document["aggregation"] = {"scheme": "plain"}
    for scale in ("standard", "robust"):
        for epsilon in (1.0, 8.0, 0.0):
            document["training"] = {"method": "newton", "rounds": 30, "scale": scale}
            document["noise"] = {"enabled": True, "epsilon": epsilon, "delta": 1e-6} if epsilon else {"enabled": False}
            with tempfile.TemporaryDirectory() as out:
                study = Study.model_validate(document)
                found = run_study(study, data=chosen.data, out=Path(out) / "run", device="cpu").summary
            print(
                f"{scale}, {f'epsilon {epsilon:g}' if epsilon else 'no noise'}: AUROC {found['auroc_federated_exact']:.4f} "
                f"after {found['rounds']} steps, all rows in one place {found['auroc_centralised']:.4f}"
            )


if __name__ == "__main__":
    main()
