"""What people are told about training sums that did not open: log lines, the result, the report, `verify`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cipherward.tasks.state import StudyState


def facts(state: StudyState) -> dict[str, Any]:
    """Where the culprit search stands, by hospital name: JSON values."""
    search, names = state.search, state.study.hospitals

    def named(hospitals: tuple[int, ...]) -> list[str]:
        return [names[i - 1].name for i in hospitals]

    return {
        "culprits": search.explained.size,
        "suspects": named(search.suspects),
        "failed_sums": [number for number, _ in search.failed],
        "groups": [named(group) for group in search.groups] if state.question and state.question.may_move_on else [],
        "excluded": [
            {"hospital": names[e.hospital - 1].name, "sums": list(e.sums), "culprits": e.culprits}
            for e in search.excluded
        ],
        "readmitted": [{"hospital": names[r.hospital - 1].name, "sums": list(r.sums)} for r in search.readmitted],
        "unexplained": [
            {"possible": named(c.possible), "sums": list(c.sums), "culprits": c.culprits} for c in search.contradictions
        ],
    }


def sentences(told: Mapping[str, Any]) -> list[str]:
    """The same in words, from `facts`; empty where every training sum opened."""
    lines = [f"{item['hospital']} is excluded: {_reason(item)}" for item in told["excluded"]]
    out = {item["hospital"] for item in told["excluded"]}
    lines += [
        f"{item['hospital']} was excluded and is readmitted: {_listed(item['sums'])} failed without it"
        for item in told["readmitted"]
        if item["hospital"] not in out
    ]
    lines += [
        f"more than {item['culprits']} hospital{'s' * (item['culprits'] > 1)} spoiled the failed "
        f"{_listed(item['sums'])}, or released false shares, and are not looked for; "
        f"possible: {', '.join(item['possible'])}"
        for item in told["unexplained"]
    ]
    if told["suspects"]:
        lines.append(_suspicion(told))
    return lines


def _reason(item: Mapping[str, Any]) -> str:
    sums, fewest = _listed(item["sums"]), item["culprits"]
    if fewest == 1:
        return f"no other can have spoiled each of the failed {sums}"
    return f"at least {fewest} hospitals spoiled the failed {sums}, and no {fewest} without it can have done so"


def _suspicion(told: Mapping[str, Any]) -> str:
    fewest, sums = told["culprits"], _listed(told["failed_sums"])
    known = [item for item in told["excluded"] if item["sums"] == told["failed_sums"]]
    doing = "; training rounds are summed in groups, to find it" if told["groups"] else ""
    suspects = ", ".join(told["suspects"])
    if fewest == 1:
        return f"one of {suspects} spoiled the failed {sums}{doing}"
    return (
        f"at least {fewest} hospitals spoiled the failed {sums}; "
        f"{fewest - len(known)} of them among {suspects}{doing.replace('find it', 'find them')}"
    )


def _listed(sums: list[int]) -> str:
    return f"sum{'s' * (len(sums) > 1)} {', '.join(str(number) for number in sums)}"
