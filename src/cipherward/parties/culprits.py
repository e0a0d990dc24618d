"""What people are told about sums that did not open: log lines, the result, the report, `verify`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cipherward.tasks.state import Failed, StudyState


def facts(state: StudyState) -> dict[str, Any]:
    """The sums that did not open and the false shares that were proved, by hospital name: JSON values."""
    false = [{"sum": number, "hospital": state.names([i])} for number, i in state.false_dealers]
    return {"failed_sums": [_told(state, failed) for failed in state.failed], "false_shares": false}


def _told(state: StudyState, failed: Failed) -> dict[str, Any]:
    names = [hospital.name for hospital in state.study.hospitals]
    proved = [{"hospital": names[i - 1], "reason": reason} for i, reason in failed.culprits]
    return {"sum": failed.number, "contributors": [names[i - 1] for i in failed.contributors], "proved": proved}


def sentences(told: Mapping[str, Any]) -> list[str]:
    """The same in words, from `facts`; empty where every sum opened."""
    lines = [
        f"{item['hospital']} dealt a false share in sum {item['sum']}, as its own signatures prove, and takes no further part"
        for item in told["false_shares"]
    ]
    for failed in told["failed_sums"]:
        lines += [
            f"{item['hospital']} spoiled sum {failed['sum']} and takes no further part: {item['reason']}"
            for item in failed["proved"]
        ]
        if not failed["proved"]:
            lines.append(
                f"sum {failed['sum']} does not open, and nobody is proved to have spoiled it; "
                f"in it were {', '.join(failed['contributors'])}"
            )
    return lines
