"""What a study promises, compared with what a hospital asks for: epsilon and delta together, or not at all."""

from __future__ import annotations

from collections.abc import Sequence

from cipherward.privacy import noise as privacy_plan
from cipherward.privacy.accounting import Event
from cipherward.privacy.lifetime import Limit
from cipherward.study import Privacy, Study


def planned(study: Study, n_rows: int | None = None) -> tuple[Event, ...] | None:
    """All that the study's `[privacy]` plans to charge; None where that depends on the rows and they are not given.

    Raises:
        StudyError: as `noise.record_noise` and `noise.noise_multiplier`.
    """
    privacy = study.privacy
    if privacy is None:
        return ()
    if privacy.unit == "hospital":
        multiplier = privacy.noise_multiplier or privacy_plan.noise_multiplier(study)
        return (Event(multiplier, 1.0, study.training.rounds),)
    if n_rows is None:
        return None
    step = privacy_plan.record_noise(study, n_rows).per_round
    return (Event(step.noise_multiplier, step.sampling_rate, step.steps * study.training.rounds),)


def broken(privacy: Privacy, limit: Limit, events: Sequence[Event] | None = None) -> tuple[tuple[str, str], ...]:
    """Clauses of a policy that a promise breaks: (name, text with both values). An epsilon counts at the limit's delta.

    With `events` (`planned`) the promise is converted to that delta. Without, an (epsilon, delta) promise holds at every
    larger delta and at no smaller one, so both numbers must be within the limit.
    """
    if events is not None:
        cost = limit.cost(events)
        text = f"epsilon {cost:.4g} at delta {limit.delta:g} (at most {limit.epsilon})"
        return () if limit.allows(cost) else (("max_epsilon", text),)
    found = []
    if not limit.allows(privacy.epsilon):
        found.append(("max_epsilon", f"epsilon {privacy.epsilon} at delta {privacy.delta:g} (at most {limit})"))
    if privacy.delta > limit.delta:
        text = f"delta {privacy.delta:g} (at most {limit.delta:g}): epsilon {privacy.epsilon} at it says less than it seems to"
        found.append(("max_delta", text))
    return tuple(found)


def check_noise(multiplier: float, answers: int, limit: Limit) -> tuple[tuple[str, str], ...]:
    """The same for noise on counts: so many answers, each with this noise multiplier."""
    cost = limit.cost([Event(multiplier, 1.0, answers)])
    text = f"noise on counts: epsilon {cost:.4g} at delta {limit.delta:g} (at most {limit.epsilon})"
    return () if limit.allows(cost) else (("max_noise_epsilon", text),)
