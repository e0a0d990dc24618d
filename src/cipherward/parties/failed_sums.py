"""When no further sum can follow, and what people are told then."""

from __future__ import annotations

from cipherward.errors import SuspectError
from cipherward.sums.coordinator_steps import Collection
from cipherward.sums.votes import Rules
from cipherward.tasks.state import StudyState


def check(state: StudyState, rules: Rules) -> None:
    """Whether another sum may follow.

    Raises:
        SuspectError: the last one did not open, and nobody is proved to have spoiled it, or too few are left.
    """
    if closed := state.unexplained:
        raise SuspectError(
            f"sum {closed.number} was certified, does not open, and nobody is proved to have spoiled it",
            hint=f"it stays closed and counts as opened; in it were {state.names(closed.contributors)}: decide "
            "together whom to leave out, and start a new study without it",
        )
    left = rules.n_hospitals - len(state.excluded)
    if state.excluded and left < max(rules.threshold, rules.min_contributors):
        raise SuspectError(
            f"{state.names(state.excluded)} spoiled sums, as the openings prove, and too few hospitals are left",
            hint="start a new study without them",
            culprit=state.names(state.excluded),
        )


def complaints(state: StudyState, found: Collection) -> str:
    """Who complains about whose shares, in words; "" for nobody."""
    by_dealer = sorted(found.complaints.by_dealer.items())
    return "; ".join(f"{state.names(sorted(by))} about {state.names([dealer])}" for dealer, by in by_dealer)
