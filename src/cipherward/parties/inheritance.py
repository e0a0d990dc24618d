"""A key that follows another (rule 4): what a hospital's ledger keeps of successions, and how a successor's is rebuilt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cipherward.disclosure.blocks import Blocks, Register
from cipherward.disclosure.standing import Agreement, Memory, Statement
from cipherward.errors import RefusedError
from cipherward.parties import cut_updates, listed
from cipherward.parties.standing import Standing
from cipherward.store.ledger import Ledger
from cipherward.study import Study

UNKNOWN = "rule 4: this hospital's key follows another, and its ledger does not know what was said under that one"


def problem(ledger: Ledger, study: Study, index: int) -> RefusedError | None:
    """Why this hospital must not take part in a study whose keys are these, if it must not."""
    for each in study.successions:
        known = ledger.fact(_successor_of(bytes.fromhex(each.old)))
        if known not in (None, bytes.fromhex(each.new)):
            return RefusedError(
                f"rule 4: the study {study.name!r} lists another successor of a key than the one that was accepted here",
                hint="people find out with the hospital which key is its own; a false successor exposes its predecessor",
            )
    for hospital in study.hospitals:
        if ledger.fact(_successor_of(bytes.fromhex(hospital.public_key))):
            return RefusedError(
                f"rule 4: the study {study.name!r} lists a key of {hospital.name} that has a successor",
                hint="ask the coordinator for a study with the new key",
            )
    own = bytes.fromhex(study.hospitals[index - 1].public_key)
    lacking = [key for key in listed.lineage_of(study).before(own) if not ledger.fact(_stands_for(key))]
    if lacking:
        return RefusedError(
            UNKNOWN, hint="rebuild it from the openings that a block mate has: cipherward hospital inherit FOLDER"
        )
    return None


def accept(ledger: Ledger, study: Study) -> None:
    """The study is about to begin here: its successions are kept for good, before anything is said in it."""
    for each in study.successions:
        ledger.record_fact(_successor_of(bytes.fromhex(each.old)), bytes.fromhex(each.new))


def note_predecessor(ledger: Ledger, key: bytes) -> None:
    """The ledger knows what was said under this key: it is that hospital's own, or was rebuilt."""
    ledger.record_fact(_stands_for(key), b"yes")


@dataclass(frozen=True)
class OpenedSum:
    """What one opening says of the predecessor: `said` by all in it; `events`: what its noise cost, as (unit, JSON)."""

    study: bytes
    query: bytes
    number: int
    purpose: str
    context: bytes
    said: tuple[Statement, ...]
    events: tuple[tuple[str, str], ...]


def rebuild(
    ledger: Ledger, register: Register, sums: Iterable[OpenedSum], blocks: Blocks, learnt: Memory, *, refresh: int = 0
) -> int:
    """Block, agreement, budget and memory as the openings of one study say; how many of its sums this register stood in.

    Again, it changes nothing. `refresh`: the one at which the study reads the register.
    """
    standing, charged = Standing(ledger, register, refresh), {(study, query) for study, query, *_ in ledger.charges()}
    found = 0
    for one in sums:
        own = next((said for said in one.said if said.register == register), None)
        if own is None:
            continue
        found += 1
        standing.widen(Agreement(own.agreement))
        standing.named(own.block, one.context)
        standing.opened(one.context, [one.context], one.said, blocks)
        for unit, event in one.events:
            if (one.study, one.query) not in charged:
                charged.add((one.study, one.query))
                ledger.record_charge(one.study, one.query, one.number, unit, one.purpose, event, b"")
    if found:
        cut_updates.note_rebuilt(ledger, register.name)
    standing.learn(learnt)
    return found


def _successor_of(key: bytes) -> str:
    return f"successor of {key.hex()}"


def _stands_for(key: bytes) -> str:
    return f"stands for {key.hex()}"
