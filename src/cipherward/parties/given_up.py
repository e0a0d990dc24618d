"""Foundings that a study document gives up: void certificates for every attempt at a sum that was never opened (rule 2).

An attempt follows another only when that one is proved void, so the list begins with attempt 0. That there was none after the
last one, each hospital that was in the old study knows by its own ledger: it stays bound while an attempt that it dealt to is open.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from cipherward import study as study_document
from cipherward.crypto.quorum import QuorumScheme
from cipherward.disclosure.blocks import Block
from cipherward.errors import CipherwardError, StudyError
from cipherward.parties import listed, roster
from cipherward.study import Study
from cipherward.study_sections import GivenUp
from cipherward.sums.messages import context
from cipherward.sums.votes import Rules, check_void, signed_vote


@dataclass(frozen=True)
class Proved:
    """A sum of another study of which no attempt will be opened. `blocks`: those that the study lists."""

    name: str
    study: bytes
    blocks: tuple[Block, ...]
    contexts: tuple[bytes, ...]


def proved(study: Study) -> tuple[Proved, ...]:
    """The foundings that a study gives up, every vote checked.

    Raises:
        StudyError: a void certificate does not hold.
    """
    return tuple(_proved(study.name, each) for each in study.given_up)


def contexts_of(study: Study) -> tuple[bytes, ...]:
    """The attempts that it proves void. Raises: as `proved`."""
    return tuple(named for each in proved(study) for named in each.contexts)


def section(study: Study, query: bytes, number: int, attempts: Sequence[Sequence[bytes]]) -> dict[str, object]:
    """The section that gives up the sum of `study` with these void votes, by attempt."""
    return {
        "study": study.canonical(),
        "query": query.hex(),
        "number": number,
        "attempts": [[vote.hex() for vote in votes] for votes in attempts],
    }


def check_attempts(study: Study, query: bytes, number: int, attempts: Sequence[Sequence[bytes]]) -> tuple[bytes, ...]:
    """The contexts of these attempts, if each has enough valid void votes.

    Raises:
        ProtocolError, WireError: one has not.
    """
    numbers = study.thresholds
    digest = study.digest()
    rules = Rules(digest, roster.roster_keys(study), numbers.threshold, numbers.min_contributors, QuorumScheme())
    first = next((vote for votes in attempts for vote in votes), b"")
    last = signed_vote(rules, first)[1].last  # the votes say on which opening their sum followed
    contexts = tuple(context(digest, query, number, attempt, last) for attempt in range(len(attempts)))
    for named, votes in zip(contexts, attempts, strict=True):
        check_void(rules, named, tuple(votes))
    return contexts


def _proved(name: str, given: GivenUp) -> Proved:
    try:
        old = study_document.parse(json.loads(given.study), origin="that is given up")
        if not old.is_frozen or old.canonical() != given.study:
            raise StudyError("the study that is given up is not a frozen document in its canonical form")
        attempts = [[bytes.fromhex(vote) for vote in votes] for votes in given.attempts]
        contexts = check_attempts(old, bytes.fromhex(given.query), given.number, attempts)
        return Proved(old.name, old.digest(), listed.blocks_in(old), contexts)
    except (ValueError, RecursionError, CipherwardError) as error:
        said = error.message if isinstance(error, CipherwardError) else "it is not what it should be"
        raise StudyError(
            f"the study {name!r} gives up a founding without void certificates for every attempt of its sum (rule 2): {said}",
            hint="stop the earlier study and wait until a quorum of its hospitals has voted void; coordinator status says so",
        ) from None
