"""Whom a study at the coordinator waits for, for what, and whether they are there, in words."""

from __future__ import annotations

from cipherward.consortium.service import if_missing, offering
from cipherward.consortium.service.coordinator_study import CoordinatorStudy
from cipherward.consortium.service.signs_of_life import AWAITED, LastSeen
from cipherward.disclosure.standing import Agreement


def in_words(study: CoordinatorStudy, seen: LastSeen, now: float) -> str:
    """One sentence for each hospital; or that the study can never go on, and what to do. Empty: it waits for nobody."""
    if study.is_over:
        return ""
    if never := _never(study):
        return f"{never}; end it: cipherward coordinator stop {study.name}"
    awaited, step = study.awaited
    what = AWAITED.get(step, "its answer") if study.has_begun else "its people's approval"
    refused = study.statements.refused
    said: dict[str, list[str]] = {}
    for hospital in sorted(awaited - study.lost):
        name, rules = study.names[hospital - 1], refused.get(hospital, ())
        why = f", which its own rules refuse ({', '.join(rules)})" if rules else ""
        said.setdefault(f"{what}{why}; {seen.words(name, now)}", []).append(name)
    return "; ".join(f"{', '.join(names)}: {words}" for words, names in said.items())


def if_one_is_missing(study: CoordinatorStudy) -> list[str]:
    """What a missing hospital means for this study, with the answers that came with approvals; [] once it is over."""
    if study.is_over:
        return []
    said = study.statements
    answers = {i: Agreement.YES if i in said.agreed else Agreement.NO for i in said.approved}
    return if_missing.lines(study.study, answers)


def _never(study: CoordinatorStudy) -> str:
    numbers = study.study.thresholds
    needed = max(numbers.threshold, numbers.min_contributors)
    gone = ", ".join(study.names[hospital - 1] for hospital in sorted(study.lost))
    if len(study.names) - len(study.lost) < needed:
        return f"it can never go on: {gone} left for good, and {needed} hospitals are needed"
    if gone and not study.has_begun and offering.facts(study.folder)["begin_after"] is None:
        return f"it can never begin: it waits for every hospital listed, and {gone} left for good"
    return ""
