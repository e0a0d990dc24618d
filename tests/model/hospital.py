"""The model's honest hospital: what its ledger holds, and what it does about each message.

It decides by `cipherward.disclosure` and by the real steps of the sum; only the ledger is modelled. A message is answered
in two halves, ledger first, so that a crash may come between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.model.parts import Case, Listed, Parts, register

from cipherward.disclosure.attempts import Attempt, consent_problem, join_problem
from cipherward.disclosure.eligibility import refusals
from cipherward.disclosure.standing import Agreement, Memory, Statement

VOID = Listed(-1, ())


class Ledger(NamedTuple):
    """One attempt at one hospital. `sent`: votes that have left it."""

    joined: bool = False
    dealt: bool = False
    vote: Listed | None = None
    is_resolved: bool = False
    sent: frozenset[Listed] = frozenset()


Ledgers = tuple[Ledger, ...]
Step = Callable[..., Ledgers | None]


@dataclass(frozen=True)
class Planted:
    """Faults that the model has to find."""

    no_void_certificates: bool = False
    voids_only_where_dealt: bool = False
    own_block_only: bool = False
    sends_before_ledger: bool = False
    releases_on_consent: bool = False
    is_set_back: bool = False


@dataclass(frozen=True)
class Honest:
    """One hospital's decisions, as pure functions of its ledger."""

    parts: Parts
    case: Case
    index: int
    planted: Planted
    _decided: dict[tuple[object, ...], Ledgers | None] = field(default_factory=dict, compare=False)

    def answer(self, step: Step, ledgers: Ledgers, *args: object) -> Ledgers | None:
        """The same ledger and message always give the same answer, so it is worked out once."""
        key = step.__name__, ledgers, *args
        if key not in self._decided:
            self._decided[key] = step(self, ledgers, *args)
        return self._decided[key]

    def known(self, ledgers: Ledgers) -> list[Attempt]:
        return [
            Attempt(a, one.joined, one.vote not in (None, VOID), one.vote == VOID, one.is_resolved)
            for a, one in enumerate(ledgers)
        ]

    def join(self, ledgers: Ledgers, attempt: int, certified: frozenset[int]) -> Ledgers | None:
        """The ledgers after an announcement with void certificates for these attempts; None: refused."""
        shown: Iterable[int] = certified
        if self.planted.no_void_certificates:
            shown = range(attempt)
        if self.planted.voids_only_where_dealt:  # as at 534993e: an attempt that one knows nothing of needs none
            shown = certified | {a for a in range(attempt) if not ledgers[a].dealt and ledgers[a].vote in (None, VOID)}
        if ledgers[attempt].joined or join_problem(self._asked(ledgers), attempt, frozenset(shown)):
            return None
        resolved = tuple(one._replace(is_resolved=one.is_resolved or a in certified) for a, one in enumerate(ledgers))
        return _with(resolved, attempt, resolved[attempt]._replace(joined=True))

    def _asked(self, ledgers: Ledgers) -> list[Attempt]:
        """At 534993e nothing kept a hospital from joining an attempt below one that it had joined."""
        known = self.known(ledgers)
        is_old = self.planted.voids_only_where_dealt or self.planted.no_void_certificates
        return [a for a in known if a.is_void] if is_old else known

    def deal(self, ledgers: Ledgers, attempt: int) -> Ledgers | None:
        one = ledgers[attempt]
        if not one.joined or one.dealt or one.vote is not None:
            return None
        return _with(ledgers, attempt, one._replace(dealt=True))

    def consent(self, ledgers: Ledgers, listed: Listed) -> Ledgers | None:
        one = ledgers[listed.attempt]
        is_old = self.planted.voids_only_where_dealt or self.planted.no_void_certificates
        if not one.joined or one.vote is not None:
            return None
        if self.index in listed.members and not one.dealt:
            return None
        if not is_old and consent_problem(self.known(ledgers), listed.attempt):
            return None
        said = [self.case.statement(i, listed.variant) for i in listed.members]
        if self.planted.own_block_only:
            own = [s for s in said if s.register == register(self.index)]
            said = [s for s in said if own and s.block == own[0].block]
        if refusals(said, self.case.blocks, self.memory(ledgers)) or not self.parts.consent(listed, self.index):
            return None
        return _with(ledgers, listed.attempt, one._replace(vote=listed))

    def void(self, ledgers: Ledgers, attempt: int) -> Ledgers | None:
        one = ledgers[attempt]
        return None if one.vote is not None else _with(ledgers, attempt, one._replace(vote=VOID))

    def releases(self, ledgers: Ledgers, listed: Listed, voters: frozenset[int]) -> bool:
        """Whether it answers a certificate of these votes with its release."""
        vote = ledgers[listed.attempt].vote
        if vote is None or vote == VOID:
            return False
        if self.planted.releases_on_consent:
            return vote == listed
        return self.parts.releases(listed, self.index, voters, vote)

    def memory(self, ledgers: Ledgers) -> Memory:
        """What it knows of earlier sums, and of manifests that it voted for."""
        case = self.case
        before = Memory()
        if case.founded:
            agreed = frozenset(register(i) for i in case.agreed)
            named = {register(i): case.block.digest for i in case.members}
            before = Memory(named, agreed, frozenset({case.block.digest}))
        for one in ledgers:
            if one.vote is not None and one.vote != VOID and not one.is_resolved:
                before = before.voted(b"%d" % one.vote.attempt, _statements(case, one.vote))
        return before


def _statements(case: Case, listed: Listed) -> tuple[Statement, ...]:
    return tuple(case.statement(i, listed.variant) for i in listed.members)


def _with(ledgers: Ledgers, attempt: int, one: Ledger) -> Ledgers:
    return (*ledgers[:attempt], one, *ledgers[attempt + 1 :])


def protected(case: Case, listed: Listed) -> bool:
    """Whether an opening of this manifest keeps the honest members that said no together."""
    no = {i for i in case.members if case.statement(i).agreement is Agreement.NO} - {4}
    return not no & set(listed.members) or no <= set(listed.members)
