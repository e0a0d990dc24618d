"""What the coordinator's `status` says of a study, from its files and its node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cipherward.parties.coordinator_node import CoordinatorNode, Phase

if TYPE_CHECKING:
    from cipherward.consortium.service.coordinator_study import CoordinatorStudy
    from cipherward.consortium.service.deadlines import Deadlines


def status_of(study: CoordinatorStudy, node: CoordinatorNode | None, patience: Deadlines) -> dict[str, Any]:
    """What is true now, from the files and the node."""
    sums = len(study.run.rounds_with_openings())
    ended, why = study.files.ended() or ("", "")
    phase = "finished" if study.run.result.exists() else ended or ("running" if study.has_begun else "offered")
    found: dict[str, Any] = {
        "study": study.study.name,
        "digest": study.digest.hex(),
        "phase": phase,
        "sums_opened": sums,
        "sums_planned": study.study.sums_planned,
        "hospitals": study.names,
        "approved": study.named(study.statements.approved),
        "approved_by": study.approved_by(),
        "agreed": study.named(study.statements.agreed),
        "withdrawn": study.named(study.statements.withdrawn),
        "breached": study.named(study.statements.breached),
        "refused": {study.names[i - 1]: list(reasons) for i, reasons in sorted(study.statements.refused.items())},
        "away": {study.names[i - 1]: iso(since) for i, since in sorted(patience.away.items())},
        "stop_asked": study.files.stop_asked.exists(),
        "reason": why,
        "left_out": dict(study.beginning.left_out),
        "last_error": study.last_error,
        "folder": study.folder.name,
        "contested": "" if study.is_over else study.contested,
        "given_up": _given_up(study) if study.is_over else "",
    }
    if phase == "finished":
        found["warnings"] = study.run.warnings()
    if phase == "offered":
        found["waiting_for"] = study.named(study.offered_to())
        found["needed"] = study.named(study.beginning.waits_for(study.willing))
    if phase == "running" and node is not None and node.phase is not Phase.IDLE:
        found |= {
            "phase": "waiting for quorum" if study.last_error or patience.is_short(node) else "running",
            "sum": node.round,
            "purpose": node.state.purpose or "done",
            "step": node.phase.value,
            "waiting_for": study.named(node.waiting),
            "answered": study.named(study.statements.approved - node.waiting),
            "since": iso(patience.since),
            "enough": node.enough,
            "needed": study.named(node.needed),
        }
    return found


def _given_up(study: CoordinatorStudy) -> str:
    voting, needed = study.giving_up, study.study.thresholds.threshold
    if not voting.is_asked:
        return ""
    if voting.is_proved:
        return "a quorum has voted void: nothing of it will be opened, and a new study need not list the blocks that it would have founded"
    return (
        f"{len(voting.voted)} of {needed} void votes are here ({', '.join(study.named(voting.voted)) or 'nobody'}); until then a new "
        "study lists its blocks whole"
    )


def iso(seconds: float) -> str:
    """Unix seconds as UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


_NUMBERED = {"hospital", "hospitals", "missing", "contributors", "holders", "dealer"}


def by_name(facts: Mapping[str, object], names: Sequence[str]) -> dict[str, object]:
    """Facts of a node, which knows hospitals by their place on the roster (from 1), as people read them."""

    def named(value: object) -> object:
        if isinstance(value, (list, tuple)):
            return [named(one) for one in value]
        return names[value - 1] if isinstance(value, int) and 1 <= value <= len(names) else value

    return {key: named(value) if key in _NUMBERED else value for key, value in facts.items()}
