"""The model's honest hospital: what its ledger holds, and what it does about each message.

It decides by `cipherward.disclosure` and by the real steps of the sum; only the ledger is modelled. A message is answered
in two halves, ledger first, so that a crash may come between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from tests.model.parts import HONEST, Case, Listed, Parts, register

from cipherward.disclosure.attempts import Attempt, consent_problem, join_problem
from cipherward.disclosure.eligibility import refusals
from cipherward.disclosure.standing import Agreement, Binding, Memory, Statement

VOID = Listed(-1, ())


class Ledger(NamedTuple):
    """One attempt at one hospital. `sent`: votes that have left it. `proved`: dealers of false shares, as shown with it."""

    joined: bool = False
    dealt: bool = False
    vote: Listed | None = None
    is_resolved: bool = False
    sent: frozenset[Listed] = frozenset()
    proved: frozenset[int] = frozenset()


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
    believes_accusations: bool = False
    binds_to_nothing: bool = False
    is_among_strangers: bool = False
    has_no_refreshes: bool = False
    forgets_how_it_began: bool = False


@dataclass(frozen=True)
class Honest:
    """One hospital's decisions, as pure functions of its ledger. `studies`: of which study each attempt is."""

    parts: Parts
    case: Case
    index: int
    planted: Planted
    studies: tuple[int, ...]
    _decided: dict[tuple[object, ...], Ledgers | None] = field(default_factory=dict, compare=False)

    def answer(self, step: Step, ledgers: Ledgers, *args: object) -> Ledgers | None:
        """The same ledger and message always give the same answer, so it is worked out once."""
        key = step.__name__, ledgers, *args
        if key not in self._decided:
            self._decided[key] = step(self, ledgers, *args)
        return self._decided[key]

    def beside(self, attempt: int) -> list[int]:
        """All attempts at the sum of this one."""
        return [a for a, study in enumerate(self.studies) if study == self.studies[attempt]]

    def known(self, ledgers: Ledgers, attempt: int) -> list[Attempt]:
        known = ((a, ledgers[a]) for a in self.beside(attempt))
        return [
            Attempt(a, one.joined, one.vote not in (None, VOID), one.vote == VOID, one.is_resolved) for a, one in known
        ]

    def join(
        self, ledgers: Ledgers, attempt: int, certified: frozenset[int], proved: frozenset[int] = frozenset()
    ) -> Ledgers | None:
        """The ledgers after an announcement with void certificates for these attempts, and with proofs; None: refused."""
        shown: Iterable[int] = certified
        earlier = [a for a in self.beside(attempt) if a < attempt]
        if self.planted.no_void_certificates:
            shown = earlier
        if self.planted.voids_only_where_dealt:  # as at 534993e: an attempt that one knows nothing of needs none
            shown = certified | {a for a in earlier if not ledgers[a].dealt and ledgers[a].vote in (None, VOID)}
        first = self.beside(attempt)[0]
        known = [replace(a, number=a.number - first) for a in self._asked(ledgers, attempt)]
        if ledgers[attempt].joined or join_problem(known, attempt - first, frozenset(a - first for a in shown)):
            return None
        if not all(self.parts.proves(dealer) or self.planted.believes_accusations for dealer in proved):
            return None
        if self.case.is_again and not self._begins(ledgers, attempt):
            return None
        resolved = self.voided(ledgers, certified)
        return _with(resolved, attempt, resolved[attempt]._replace(joined=True, proved=proved))

    def voided(self, ledgers: Ledgers, certified: frozenset[int]) -> Ledgers:
        """The ledgers after void certificates for these attempts were checked; of what it never heard of it keeps nothing."""
        return tuple(
            one._replace(is_resolved=one.is_resolved or (a in certified and (one.joined or one.vote is not None)))
            for a, one in enumerate(ledgers)
        )

    def _begins(self, ledgers: Ledgers, attempt: int) -> bool:
        """The beginning that it was shown first is on its disk."""
        kept = next((self.studies[a] for a, one in enumerate(ledgers) if one.joined), -1)
        return self.planted.forgets_how_it_began or self.parts.begins(self.index, kept, self.studies[attempt])

    def _asked(self, ledgers: Ledgers, attempt: int) -> list[Attempt]:
        """At 534993e nothing kept a hospital from joining an attempt below one that it had joined."""
        known = self.known(ledgers, attempt)
        is_old = self.planted.voids_only_where_dealt or self.planted.no_void_certificates
        return [a for a in known if a.is_void] if is_old else known

    def deal(self, ledgers: Ledgers, attempt: int) -> Ledgers | None:
        one, study = ledgers[attempt], self.studies[attempt]
        if not one.joined or one.dealt or one.vote is not None or one.is_resolved:
            return None
        block = self.case.listed[study].of(register(self.index))
        if not self.planted.binds_to_nothing and self.binding(ledgers).problem(block, self.case.listed[study]):
            return None
        return _with(ledgers, attempt, one._replace(dealt=True))

    def consent(self, ledgers: Ledgers, listed: Listed) -> Ledgers | None:
        one, study = ledgers[listed.attempt], self.studies[listed.attempt]
        is_old = self.planted.voids_only_where_dealt or self.planted.no_void_certificates
        if not one.joined or one.vote is not None or one.is_resolved:
            return None
        if self.index in listed.members and not one.dealt:
            return None
        if not is_old and consent_problem(self.known(ledgers, listed.attempt), listed.attempt):
            return None
        said = [*self._statements(listed)]
        if self.planted.own_block_only:
            own = [s for s in said if s.register == register(self.index)]
            said = [s for s in said if own and s.block == own[0].block]
        if self.planted.has_no_refreshes:
            said = [replace(s, has_entered=False) for s in said]
        memory = self.memory(ledgers)
        if refusals(said, self.case.listed[study], memory) or not self.parts.consent(listed, self.index):
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

    def binding(self, ledgers: Ledgers) -> Binding:
        """To which block it is bound by what it dealt."""
        binding = Binding(register(self.index), agreement=Agreement(self.index in self.case.agreed))
        if self.case.founded:
            binding = replace(binding, block=self.case.listed[0].of(binding.register), is_founded=True)
        for a, one in enumerate(ledgers):
            if one.dealt and not one.is_resolved:
                binding = binding.named(self.case.listed[self.studies[a]].of(binding.register), b"%d" % a)
        return binding

    def memory(self, ledgers: Ledgers) -> Memory:
        """What it knows of earlier sums, and of manifests that it voted for."""
        case = self.case
        proved = frozenset(register(dealer) for one in ledgers for dealer in one.proved)
        known = Memory(proved=proved)
        if case.founded:
            agreed = frozenset(register(i) for i in case.agreed)
            named = {register(i): case.block().digest for i in case.members}
            known = Memory(named, agreed, frozenset({case.block().digest}), proved=proved)
        for one in ledgers if not self.planted.is_among_strangers else ():
            if one.vote is not None and one.vote != VOID and not one.is_resolved:
                known = known.voted(b"%d" % one.vote.attempt, tuple(self._statements(one.vote)))
        return known

    def _statements(self, listed: Listed) -> Iterator[Statement]:
        study = self.studies[listed.attempt]
        return (self.case.statement(i, listed.variant, study) for i in listed.members)


def _with(ledgers: Ledgers, attempt: int, one: Ledger) -> Ledgers:
    return (*ledgers[:attempt], one, *ledgers[attempt + 1 :])


def is_whole(case: Case, listed: Listed, study: int) -> bool:
    """Whether an opening of this manifest keeps the honest members that said no together."""
    no = {i for i in HONEST if case.listed[study].of(register(i)) and i not in case.agreed}
    return not no & set(listed.members) or no <= set(listed.members)


def apart(case: Case, opened: Iterable[Listed]) -> str:
    """What is wrong with these openings: honest hospitals that said no are to be in the same of them, two at least."""
    no = frozenset(i for i in HONEST if i not in case.agreed)
    new = frozenset(case.entered) & no
    sums = {no.intersection(listed.members) for listed in opened}
    by_sums = {frozenset(s for s in sums if i in s) for i in no}
    together = [{i for i in no if frozenset(s for s in sums if i in s) == which} for which in by_sums if which]
    if any(len(some) < 2 for some in together):
        return "a hospital is apart from its block"
    if any(len(s & new) == 1 for s in sums):
        return "one hospital's new patients enter alone"
    return ""
