"""What a finished run states that anybody can recompute from its opened sums: written once, checked by the audit."""

from __future__ import annotations

import functools
import json
from typing import Any

from cipherward.crypto import schemes
from cipherward.crypto.scheme import Opener
from cipherward.errors import DataError
from cipherward.parties import culprits
from cipherward.parties.coordinator_node import SumReport
from cipherward.study import Study
from cipherward.tasks.state import StudyState


def findings(state: StudyState) -> dict[str, Any]:
    """The provable part of result.json, from the state after the last sum.

    Raises:
        DataError: the study is not finished.
    """
    study = state.study
    if state.question is not None:
        raise DataError(f"the study is not finished: its {state.purpose} sum has not been opened")
    return {
        "study": study.name,
        "title": study.title,
        "synthetic": study.synthetic,
        "study_digest": study.digest().hex(),
        "scheme": study.aggregation.scheme,
        "seed": study.seed,
        "hospitals": [hospital.name for hospital in study.hospitals],
        "n_hospitals": study.n_hospitals,
        "task": study.task,
        "n_parameters": state.n_parameters,
        "quorum": study.thresholds.explain(
            is_shared=schemes.facts(study.aggregation.scheme).opener is Opener.HOSPITALS
        ),
        "noise": study.own_noise.model_dump(mode="json") if study.own_noise else None,
        "columns_left_out": dict(state.left_out),
        "carried_over": _carried(study),
        **culprits.facts(state),
        **state.result,
    }


def _carried(study: Study) -> dict[str, Any] | None:
    return study.carry_over.model_dump(mode="json", exclude={"constants"}) if study.carry_over else None


def sum_line(report: SumReport, state: StudyState) -> dict[str, Any]:
    """What every engine notes of a sum in rounds.jsonl. `state`: the one that follows from the sum."""
    return {
        "sum": report.round,
        "purpose": report.purpose,
        "attempt": report.attempt,
        "opened": report.opened,
        "reason": report.reason,
        "contributors": list(report.contributors),
        "verified": sorted(i for i, receipt in report.receipts.items() if receipt.manifest_digest),
        "model_digest": state.digest().hex(),
        **state.task.shown(state.inner),
    }


def contradictions(state: StudyState, result: dict[str, Any]) -> list[str]:
    """The keys of result.json that say something else than the opened sums."""
    proved = json.loads(json.dumps(findings(state)))
    return [key for key, value in proved.items() if key not in result or result[key] != value]


def versions() -> dict[str, str]:
    """What a result depends on, as this process first found it installed."""
    return dict(_installed())


@functools.cache
def _installed() -> tuple[tuple[str, str], ...]:
    from importlib.metadata import version

    return tuple(
        (name, version(name)) for name in ("cipherward", "torch", "numpy", "llvmlite", "cryptography", "pynacl")
    )
