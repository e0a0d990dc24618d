"""What people are told about training sums that did not open: log lines, the result, the report, `verify`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cipherward.learning.state import StudyState


def facts(state: StudyState) -> dict[str, Any]:
    """Where the culprit search stands, by hospital name: JSON values."""
    search, names = state.search, state.study.hospitals

    def named(hospitals: tuple[int, ...]) -> list[str]:
        return [names[i - 1].name for i in hospitals]

    return {
        "suspects": named(search.suspects),
        "failed_sums": [number for number, _ in search.failed],
        "groups": [named(group) for group in search.groups] if state.purpose == "train" else [],
        "excluded": [{"hospital": names[e.hospital - 1].name, "sums": list(e.sums)} for e in search.excluded],
        "unexplained": [{"possible": named(c.possible), "sums": list(c.sums)} for c in search.contradictions],
    }


def sentences(told: Mapping[str, Any]) -> list[str]:
    """The same in words, from `facts`; empty where every training sum opened."""
    lines = [
        f"{item['hospital']} is excluded: no other can have spoiled each of the failed {_listed(item['sums'])}"
        for item in told["excluded"]
    ]
    lines += [
        f"no single hospital explains the failed {_listed(item['sums'])}: several "
        f"spoil sums, or a holder releases false shares; possible: {', '.join(item['possible'])}"
        for item in told["unexplained"]
    ]
    if told["failed_sums"]:
        doing = "; training rounds are summed in groups, to find it" if told["groups"] else ""
        lines.append(f"one of {', '.join(told['suspects'])} spoiled the failed {_listed(told['failed_sums'])}{doing}")
    return lines


def _listed(sums: list[int]) -> str:
    return f"sum{'s' * (len(sums) > 1)} {', '.join(str(number) for number in sums)}"
