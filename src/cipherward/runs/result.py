"""What a finished run states that anybody can recompute from its opened sums: written once, checked by the audit."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

from cipherward.errors import DataError
from cipherward.learning.metrics import Metrics
from cipherward.parties import culprits
from cipherward.parties.coordinator_state import SumReport
from cipherward.tasks.state import StudyState


def findings(state: StudyState) -> dict[str, Any]:
    """The provable part of result.json, from the state after the last sum.

    Raises:
        DataError: the study is not finished.
    """
    study, final = state.study, state.final
    if final is None:
        raise DataError("the study has no final evaluation")
    return {
        "study": study.name,
        "title": study.title,
        "synthetic": study.synthetic,
        "study_digest": study.digest().hex(),
        "scheme": study.aggregation.scheme,
        "seed": study.seed,
        "hospitals": [hospital.name for hospital in study.hospitals],
        "n_hospitals": study.n_hospitals,
        "n_parameters": len(state.weights),
        "n_train_rows": state.n_train,
        "n_test_rows": final.n,
        "rounds": state.rounds_done,
        "converged_early": state.has_converged,
        "quorum": study.thresholds.explain(),
        "auroc_federated": final.auroc,
        "auroc_by_round": [*_before_rounds(state), final.auroc],
        "validation_loss_by_round": [_stated(loss) for loss in state.losses],
        "federated": metrics_json(final),
        "culprit_search": culprits.facts(state),
    }


def _stated(loss: float) -> float | None:
    """None for the loss of no validation rows at all: JSON has no infinity."""
    return loss if math.isfinite(loss) else None


def _before_rounds(state: StudyState) -> list[float | None]:
    """AUROC before each round; None where training sums carry nothing but the update."""
    if state.adds_noise_shares:
        return [None] * state.rounds_done
    return list(state.history)


def measured_by(report: SumReport, state: StudyState) -> Metrics | None:
    """What a sum measured of the model that came into it, if it did. `state`: the one that follows from the sum."""
    is_new = report.purpose == "train" and report.opened and not state.adds_noise_shares
    return state.final or (state.measured if is_new else None)


def sum_line(report: SumReport, state: StudyState) -> dict[str, Any]:
    """What every engine notes of a sum in rounds.jsonl. `state`: the one that follows from the sum."""
    return {
        "sum": report.round,
        "purpose": report.purpose,
        "attempt": report.attempt,
        "opened": report.opened,
        "reason": report.reason,
        "contributors": list(report.contributors),
        "verified": sorted(i for i, receipt in report.receipts.items() if receipt.manifest),
        "model_digest": state.digest().hex(),
        "metrics_of_incoming_model": metrics_json(measured_by(report, state)),
        "validation_loss": _stated(state.losses[-1]) if state.losses and not state.search.last else None,
        "group": list(state.search.last) if report.purpose == "train" else [],
    }


def contradictions(state: StudyState, result: dict[str, Any]) -> list[str]:
    """The keys of result.json that say something else than the opened sums."""
    proved = json.loads(json.dumps(findings(state)))
    return [key for key, value in proved.items() if key not in result or result[key] != value]


def metrics_json(measured: Metrics | None) -> dict[str, Any] | None:
    """Metrics as JSON values."""
    return dataclasses.asdict(measured) if measured else None
