"""What the coordinator's notices mean to the people of a hospital: who said what, and whether anything is to be done."""

from __future__ import annotations

_MEANING = {
    "late": (
        "the coordinator got a message of this hospital after it had gone on; the sum goes on without it",
        "nothing; if it comes in every round, this machine or its connection is too slow for the study's deadline",
    ),
    "duplicate": ("the coordinator got the same message of this hospital twice; the first one counts", "nothing"),
    "faulty": (
        "the coordinator could not use a message of this hospital, and has kept it aside",
        "once: nothing, it was damaged on the way; again and again: compare versions with the coordinator's people",
    ),
    "excluded": (
        "the coordinator takes nothing more of this hospital in this study, since it reported a breach",
        "look at: cipherward hospital alarms",
    ),
}
_ELSE = (
    "the coordinator has a remark about a message of this hospital",
    "compare versions with the coordinator's people",
)

_OLD_COPY = "this home may be an old copy: bring the current one back; where there is none,"
UNAPPROVED = (
    f"where somebody here has, {_OLD_COPY} withdraw: cipherward hospital withdraw STUDY; else ask why it was asked"
)
UNKNOWN = f"{_OLD_COPY} ask the coordinator's people to end the study and to start it under a new name"


def explained(facts: dict[str, object]) -> dict[str, object]:
    """The facts of a notice with its meaning first; what developers need comes last."""
    means, to_do = _MEANING.get(str(facts.get("code")), _ELSE)
    return {"means": means, "to_do": to_do} | facts
