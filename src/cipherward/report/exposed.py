"""The report's section on what all sums of a run together give away; `runs.exposure` has the facts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cipherward.report.blocks import Cell, Code, Mark, Table, limited
from cipherward.report.facts import Facts, clean, shortened
from cipherward.runs import exposure
from cipherward.runs.exposure import Inferred, OpenedSum, Spent

_MOST_NAMES = 10
_WHERE = "the output of cipherward exposure"


def tables(facts: Facts) -> list[Table]:
    """Who stood in the sums, what they were, and the budget; [] where nothing is proved."""
    found = facts.exposure
    if found is None:
        return []
    stands: list[tuple[Cell, ...]] = [
        (
            _name(one.hospital),
            Code(one.register),
            f"its block, {one.block[:12]}" if one.block else "alone",
            Mark(None, "yes, it agreed") if one.agreed else Mark(True, "no"),
            "; ".join(exposure.register_words(one)) or "–",
        )
        for one in found.registers
    ]
    head = ("Hospital", "Table", "Stands in sums with", "May be singled out", "Refresh, earlier keys")
    note = "A block stands in a sum whole or not at all, in all studies."
    return [
        limited("Who stands in the sums", head, stands, _WHERE, note),
        _sums(found.sums, len(facts.names)),
        *([_budget(found.budget)] if found.budget else []),
    ]


def inferred(facts: Facts) -> list[str]:
    """What could be inferred, in sentences."""
    found = facts.exposure
    if found is None:
        return []
    groups, readable = (_named(each) for each in (found.inferred.groups, found.inferred.readable))
    return exposure.sentences(Inferred(groups, readable), found.reader, _MOST_NAMES)


def _named(groups: Iterable[Iterable[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(map(_name, group)) for group in groups)


def _sums(sums: Sequence[OpenedSum], n: int) -> Table:
    kinds: dict[tuple[str, int, str, bool], int] = {}
    for one in sums:
        kind = one.purpose, len(one.contributors), one.noise, one.opened
        kinds[kind] = kinds.get(kind, 0) + 1
    rows: list[tuple[Cell, ...]] = [
        (
            purpose,
            str(times),
            f"{members} of {n}",
            f"noise, {noise}" if noise else "exact: promises no patient anything",
            "opened" if opened else "gave no result, counts as opened",
        )
        for (purpose, members, noise, opened), times in kinds.items()
    ]
    head = ("Sums", "How many", "Hospitals in each", "Exact, or with whose noise", "Opened")
    return limited("What the sums carry", head, rows, _WHERE)


def _budget(budget: Sequence[Spent]) -> Table:
    rows = [
        (
            one.what,
            "no limit" if one.epsilon is None else f"{one.epsilon:.3g}",
            "in each hospital's own ledger" if one.spent is None else f"{one.spent:.3g}",
            "–" if one.left is None else f"{one.left:.3g}",
            f"{one.delta:.1g}",
        )
        for one in budget
    ]
    note = "Epsilon says nothing without its delta. What a patient has left over all studies is in the hospital's own ledger."
    return limited(
        "Privacy budget of this study", ("Of", "Epsilon", "Spent", "Left", "Delta"), rows, _WHERE, note, prose=True
    )


def _name(name: str) -> str:
    return shortened(clean(name))
