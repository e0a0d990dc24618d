"""What a hospital's `status` says of a study, from its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cipherward.consortium.approval import answers
from cipherward.consortium.service import if_missing
from cipherward.disclosure.standing import Agreement
from cipherward.errors import CipherwardError
from cipherward.parties import domination

if TYPE_CHECKING:
    from cipherward.consortium.service.hospital_study import HospitalStudy
    from cipherward.store.ledger import Ledger


def status_of(study: HospitalStudy, ledger: Ledger) -> dict[str, Any]:
    """One study as it stands here now. `keys_erased`: nothing in the ledger opens a sum of it any more."""
    refusal, finished = _refusal(study), study.run.result.exists()
    return {
        "study": study.name,
        "digest": study.digest.hex(),
        "phase": _phase(study, refusal),
        "approved_by": study.offered.approved_by,
        "singled_out": answers.kept(ledger, study.study, study.index),
        "why_not": refusal,
        "left_out": dict(study.beginning.left_out) if study.beginning.is_known else {},
        "sums_verified": len(study.run.rounds_with_openings()),
        "sums_planned": study.study.sums_planned,
        "stopped": study.end.stopped,
        "keys_erased": study.end.is_erased,
        "last_error": study.end.breach or study.last_error,
        "model": study.run.path.name if finished else "",
        "about_data": list(study.brought.noticed),
        "warnings": study.run.warnings(),
        "if_missing": if_missing.lines(study.study, _answers(study)) if not study.is_over else [],
        "sizes": _sizes(study),
    }


def _answers(study: HospitalStudy) -> dict[int, Agreement]:
    """May they be singled out? By roster index, as far as it is known here."""
    if study.beginning.is_known:
        return {index: said.answer for index, said in study.beginning.kept.said.items()}
    return {study.index: study.offered.declared.answer} if study.is_approved else {}


def _sizes(study: HospitalStudy) -> dict[str, int]:
    """The classes of patients that approvals declare, by name; empty before the study begins."""
    known = domination.sizes(study.beginning.kept) if study.beginning.is_known else {}
    return {study.study.hospitals[index - 1].name: size for index, size in known.items()}


def _refusal(study: HospitalStudy) -> str:
    """Empty also where nobody has approved yet: then the study waits for people here, and `waits` says so."""
    if not (study.is_approved or study.is_running or study.boundary.set_aside):
        return ""
    try:
        study.check()
    except CipherwardError as error:
        return f"{error.message}; what to do: {error.hint}" if error.hint else error.message
    if unusable := study.brought.unusable:
        return f"the {' and '.join(sorted(unusable))} here cannot be used: {study.last_error}"
    return ""


def _phase(study: HospitalStudy, refusal: str) -> str:
    found = {
        "breach": bool(study.end.breach),
        "finished": study.run.result.exists(),
        "withdrawn": study.end.is_withdrawn,
        "stopped": bool(study.end.stopped),
        "offered": not study.is_approved,
        "refused": bool(refusal),
        "running": bool(study.run.rounds_with_openings()) or study.is_running,
    }
    return next((phase for phase, is_so in found.items() if is_so), "approved")
