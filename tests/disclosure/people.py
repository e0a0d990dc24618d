"""Hospitals a, b, c, ... with one table each, and what their headers say."""

from __future__ import annotations

from collections.abc import Iterable

from cipherward.disclosure.blocks import Block, Register
from cipherward.disclosure.standing import Agreement, Statement

NO, YES = Agreement.NO, Agreement.YES


def register(name: str) -> Register:
    """`a` is hospital a's table p; `a/q` another table of the same hospital."""
    hospital, _, table = name.partition("/")
    return Register(hospital.encode(), table or "p")


def block(names: Iterable[str], least: int = 3) -> Block:
    return Block(tuple(sorted(register(name) for name in names)), least)


def says(of: Block, names: Iterable[str], answer: Agreement = NO, *, has_rows: bool = True) -> tuple[Statement, ...]:
    return tuple(Statement(register(name), of.digest, answer, has_rows) for name in names)
