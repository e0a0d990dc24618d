"""A compare directory for the report's tests: one real run of scheme quorum, and every other number made up.

`cipherward compare` writes the same files; its own tests check that what it writes can be reported.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from cipherward import study as study_document
from cipherward.simulation import simulate

ROUNDS = 2
SEEDS = (7, 8, 9)
ARMS: tuple[tuple[str, str, str | None, float, float, float, int | None], ...] = (
    # name, label, scheme, AUROC, seconds per round, bytes sent, drop-outs
    ("centralised", "centralised, all rows pooled", None, 0.788, 0, 0, None),
    ("local-only", "each hospital alone", None, 0.761, 0, 0, None),
    ("plain", "traditional federated learning", "plain", 0.787, 0.11, 52_000, 1),
    ("dp-1", "federated + differential privacy, epsilon 1", "plain", 0.769, 1.3, 52_000, 1),
    ("dp-3", "federated + differential privacy, epsilon 3", "plain", 0.781, 1.25, 52_000, 1),
    ("dp-8", "federated + differential privacy, epsilon 8", "plain", 0.784, 1.2, 52_000, 1),
    ("masks", "secure multi-party computation (pairwise masks)", "masks", 0.787, 0.19, 39_000, 1),
    ("ckks", "homomorphic encryption, key at the coordinator (CKKS)", "ckks", 0.787, 0.45, 330_000, 1),
    ("quorum", "homomorphic encryption, opened by a quorum", "quorum", 0.787, 0.22, 79_000, 1),
    ("quorum-dp", "quorum + differential privacy, epsilon 3", "quorum", 0.780, 1.4, 79_000, 1),
)
_PHASES = {
    "train": 0.5,
    "encrypt": 0.2,
    "add": 0.05,
    "consent": 0.1,
    "release": 0.02,
    "open": 0.03,
    "verify": 0.05,
    "evaluate": 0.05,
}


def make(path: Path, *, title: str = "Readmission within 30 days", names: tuple[str, ...] = ()) -> Path:
    """Write a finished comparison with its size sweep and shift run."""
    study = study_document.load_builtin("readmission").model_dump(mode="json")
    if names:
        study["hospitals"] = [{"name": name} for name in names]
    study["training"]["rounds"] = ROUNDS
    study["data"]["cohort"] |= {"encounters_per_hospital": 200} | ({"n_hospitals": len(names)} if names else {})
    study["noise"]["enabled"] = False  # so few rows bear none
    study["title"] = title
    parsed = study_document.parse(study, origin="test")
    run = simulate.run_study(parsed, out=path / "arms" / "quorum" / "seed-7")
    (path / "study.toml").write_text(parsed.to_toml(), "utf-8")
    shown = [each["name"] for each in run.summary["by_hospital"]]
    write(path / "comparison.json", document(dict(run.summary), shown, title))
    write(path / "sizes.json", sizes())
    write(path / "shift.json", shift(shown))
    return path


def write(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document), "utf-8")


def estimate(mean: float, half: float = 0.012) -> dict[str, float]:
    return {"mean": mean, "low": mean - half, "high": mean + half}


def document(result: dict[str, Any], names: list[str], title: str) -> dict[str, Any]:
    """comparison.json around one run's result."""
    return {
        "kind": "comparison",
        "version": 1,
        "study": "readmission",
        "title": title,
        "synthetic": True,
        "source": "readmission",
        "outcome": "readmitted",
        "seeds": list(SEEDS),
        "rounds": ROUNDS,
        "n_hospitals": len(names),
        "hospitals": names,
        "n_test_rows": result["federated"]["n"],
        "n_test_positive": result["federated"]["n_positive"],
        "n_parameters": result["n_parameters"],
        "data": [
            {
                "name": each["name"],
                "rows": each["rows"],
                "positive": each["positive"] if each["positive"] >= 10 else None,
            }
            for each in result["by_hospital"]
        ],
        "model": "mlp",
        "device": "cpu",
        "versions": result["versions"],
        "command": "cipherward compare readmission --seeds 3",
        "bootstrap_draws": 1000,
        "finished": True,
        "arms": [_arm(*arm) for arm in ARMS],
        "equal_to_plain": {name: {"max_auroc_difference_per_seed": 2.5e-5} for name in ("quorum", "ckks", "masks")},
        "hospitals_alone": [
            {
                "hospital": name,
                "n_test": 40 + 3 * k,
                "n_test_positive": 11 + k,
                "local": estimate(0.745 + 0.005 * k, 0.02),
                "federated": estimate(0.787),
                "centralised": estimate(0.788),
            }
            for k, name in enumerate(names)
        ],
    }


def _arm(
    name: str, label: str, scheme: str | None, auroc: float, took: float, sent: float, dropouts: int | None
) -> dict[str, Any]:
    epsilon = 3.0 if name == "quorum-dp" else float(name[3:]) if name.startswith("dp-") else None
    curve = [0.42, *(auroc - 0.05 * math.exp(-n) for n in range(1, ROUNDS)), auroc]
    return {
        "name": name,
        "label": label,
        "scheme": scheme,
        "privacy": epsilon
        and {
            "unit": "record",
            "epsilon": epsilon,
            "delta": 1e-5,
            "clipping_norm": 1.0,
            "epsilon_spent": 0.999 * epsilon,
        },
        "objective": "add updates without any key that opens one",
        "methodology": "additive RLWE under one-time secrets that are shared among hospitals; a quorum opens the sum",
        "primary_contribution": "no party can open one update, and every hospital verifies the sum",
        "metrics": {"auroc": estimate(auroc), "auprc": estimate(0.41, 0.03), "brier": estimate(0.101, 0.004)},
        "difference_to_centralised": None if name == "centralised" else estimate(auroc - 0.788, 0.003),
        "seconds_per_round": {"mean": took, "by_phase": {k: took * v for k, v in _PHASES.items()}} if scheme else None,
        "bytes_up_per_hospital_round": sent or None,
        "bytes_down_per_hospital_round": 3.1 * sent or None,
        "rounds_to_convergence": None if name == "local-only" else {"mean": 1.3, "min": 1, "max": 2},
        "who_can_read_one_update": "the coordinator, who holds the only key"
        if name == "ckks"
        else "nobody, while at most 1 of 5 hospitals collude with the coordinator",
        "dropouts_tolerated": dropouts,
        "seeds": [
            {
                "seed": seed,
                "auroc": auroc,
                "auprc": 0.41,
                "brier": 0.101,
                "auroc_by_round": None if name == "local-only" else [value + 0.002 * (k - 1) for value in curve],
                "seconds_by_round": [took * (1 + 0.1 * k) for k in range(ROUNDS)] if scheme else [],
                "run": f"arms/{name}/seed-{seed}" if scheme else None,
            }
            for k, seed in enumerate(SEEDS)
        ],
    }


def sizes() -> dict[str, Any]:
    """sizes.json, with the proportions of a real sweep."""
    per_parameter = {"plain": 4.0, "masks": 3.0, "quorum": 2.9, "ckks": 32.5}
    nanoseconds = {"plain": 5, "masks": 120, "quorum": 20, "ckks": 900}
    rows = [
        {
            "n_parameters": n,
            "scheme": scheme,
            "seconds": dict.fromkeys(
                ("encrypt", "add", "consent", "release", "open", "verify"), n * nanoseconds[scheme] * 1e-09 + 0.001
            ),
            "bytes_up_per_hospital": n * rate + (0 if scheme in ("plain", "ckks") else 14_000),
            "bytes_down_per_hospital": n * rate * 1.1 + 20_000,
            "bytes_up_per_parameter": rate + 14_000 / n,
        }
        for n in (10_000, 100_000, 1_000_000, 10_000_000)
        for scheme, rate in per_parameter.items()
    ]
    return {
        "n_hospitals": 5,
        "threshold": 4,
        "bits": 16,
        "repeats": 3,
        "machine": "2 cores, a processor",
        "rows": rows,
        "float32_bytes_per_parameter": 4,
        "ratio_to_masks": {"10000": 1.31, "1000000": 0.97, "10000000": 0.96},
        "break_even_parameters": {"first": 18_000, "always": 66_000},
        "left_out": [],
    }


def shift(names: list[str]) -> dict[str, Any]:
    """shift.json for the first two hospitals."""
    changed = names[:2]

    def scores(federated: float, local: float) -> dict[str, dict[str, float]]:
        return {
            "federated": {name: federated + 0.004 * k for k, name in enumerate(changed)},
            "local": {name: local + 0.003 * k for k, name in enumerate(changed)},
        }

    before = [(0.70 + 0.02 * r, 0.66 + 0.02 * r) for r in range(1, 5)]
    after = [(0.77 + 0.002 * r, 0.69 + 0.006 * r) for r in range(5, 11)]
    return {
        "study": "readmission",
        "scheme": "quorum",
        "rounds": 10,
        "shift_round": 5,
        "hospitals_shifted": changed,
        "case_mix": f"From round 5 on {' and '.join(changed)} see other patients: rows are halved at a principal component.",
        "by_round": [{"round": n, **scores(*pair)} for n, pair in enumerate((*before, *after), start=1)],
        "before": scores(*before[-1]),
        "at_shift": scores(0.76, 0.65),
        "after": scores(*after[-1]),
    }
