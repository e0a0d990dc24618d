"""Attempts at one sum: at most one of them is ever opened, and every hospital can tell which (rule 11)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from cipherward.disclosure.refusals import Refusal


@dataclass(frozen=True)
class Attempt:
    """What a hospital's ledger says of one attempt. `is_void`: it voted void; `is_resolved`: a void certificate was
    checked, or an opening was verified."""

    number: int
    is_joined: bool = False
    is_consented: bool = False
    is_void: bool = False
    is_resolved: bool = False


def join_problem(known: Iterable[Attempt], number: int, certified: Collection[int]) -> Refusal | None:
    """Why this attempt must not be joined, if it must not.

    Args:
        certified: the attempts for which a real void certificate was shown and checked.
    """
    attempts = tuple(known)
    if not all(earlier in certified for earlier in range(number)):
        return Refusal(11, "an earlier attempt has no void certificate", "show the void votes of every earlier attempt")
    if any(a.number > number and a.is_joined for a in attempts):
        return Refusal(11, "a later attempt of this sum was joined", "go on with the later attempt")
    if any(a.number == number and a.is_void for a in attempts):
        return Refusal(11, "this attempt was voted void", "begin the next attempt")
    return None


def consent_problem(known: Iterable[Attempt], number: int) -> Refusal | None:
    """Why no manifest of this attempt may have consent, if none may."""
    for a in known:
        if a.number == number and a.is_void:
            return Refusal(11, "this attempt was voted void", "begin the next attempt")
        if a.number != number and a.is_consented and not a.is_resolved:
            return Refusal(
                11, "an attempt of this sum that has consent is not resolved", "open it, or show its void certificate"
            )
        if a.number > number and a.is_joined:
            return Refusal(11, "a later attempt of this sum was joined", "go on with the later attempt")
    return None
