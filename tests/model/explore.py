"""Every interleaving of a sum's attempts, votes, voids, crashes and restarts, to a depth; the adversary moves. Beside it there
may be a sum of another study, or of another beginning of the same one.

Left out is only what gives the adversary nothing. A release changes nothing that its hospital says later, so what matters
is checked in every state: which releases it would answer. A hospital that has verified an opening says nothing more about
the sum. A fork needs two openings of one sum. A void vote on the last attempt opens no other one. Who never joined the first
attempt can do later only what one that joined can.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, groupby, product
from typing import NamedTuple

from tests.model.hospital import VOID, Honest, Ledger, Ledgers, Planted, apart, is_whole
from tests.model.parts import EVERYBODY, HONEST, LIAR, Case, Listed, Parts

THRESHOLD = 3
_LIAR = frozenset({LIAR})
Heard = dict[tuple[int, Listed], frozenset[int]]


class State(NamedTuple):
    """`ledgers`: of hospitals 1 to 3. `crashes`: how many are left."""

    ledgers: tuple[Ledgers, ...]
    crashes: int


class Found(NamedTuple):
    """What was explored. `broken`: an invariant that fails, with the moves that lead there; "" if none does."""

    n_states: int
    depth: int
    is_complete: bool
    broken: str
    moves: tuple[str, ...]


class Model:
    """One case, with the faults that are planted in all honest hospitals.

    Args:
        attempts: at the first sum; `second`: at the sum of the case's second study.
        crashes: how many there may be. `proofs`: whether a dealer may be proved false.
    """

    def __init__(
        self,
        parts: Parts,
        case: Case,
        *,
        attempts: int,
        second: int = 0,
        crashes: int = 0,
        proofs: bool = False,
        planted: Planted = Planted(),
    ) -> None:
        self.case = case
        self.planted = planted
        self.parts = parts
        self.studies = (0,) * attempts + (1,) * second
        self.honest = {i: Honest(parts, case, i, planted, self.studies) for i in HONEST}
        self.attempts = len(self.studies)
        self.proofs = [frozenset({dealer}) for dealer in EVERYBODY] if proofs else []
        self.first = [State(ones, crashes) for ones in product(self._starts(), repeat=len(HONEST))]
        self.manifests = {a: tuple(_manifests(a, case.variants)) for a in range(self.attempts)}

    def _starts(self) -> list[Ledgers]:
        """A hospital has joined the first attempt at each sum, and dealt in the first one of all or not."""
        firsts = [self.studies.index(study) for study in sorted(set(self.studies))]
        if self.case.is_again:  # it is in one of them only
            return [self._start({a}, dealt) for a in firsts for dealt in ({a}, set[int]())]
        return [self._start(set(firsts), dealt) for dealt in ({0}, set[int]())]

    def _start(self, joined: set[int], dealt: set[int]) -> Ledgers:
        return tuple(Ledger(joined=a in joined, dealt=a in dealt) for a in range(self.attempts))

    def explore(self, depth: int, limit: int = 10**9) -> Found:
        """Breadth first, so that a broken invariant comes with the fewest moves.

        It begins with whoever has joined the first attempt, and dealt in it: until somebody votes, nothing hangs on when.
        """
        seen: dict[State, tuple[State, str] | None] = dict.fromkeys(self.first)
        edge = self.first
        for level in range(depth):
            after: list[State] = []
            for state in edge:
                for move, new in self.moves(state):
                    if new in seen:
                        continue
                    seen[new] = state, move
                    broken = self.broken(new)
                    if broken:
                        return Found(len(seen), level + 1, False, broken, _path(seen, new))
                    after.append(new)
            if not after or len(seen) > limit:
                return Found(len(seen), level, not after, "", ())
            edge = after
        return Found(len(seen), depth, False, "", ())

    # what the coordinator and the liar can do

    def moves(self, state: State) -> Iterator[tuple[str, State]]:
        heard = _heard(state)
        certified = frozenset(a for a in range(self.attempts) if self.parts.is_void(a, heard.get((a, VOID), _LIAR)))
        dealers = [
            {LIAR} | {i for i, own in zip(HONEST, state.ledgers, strict=True) if own[a].dealt} for a in self.manifests
        ]
        possible = {a: [m for m in ms if dealers[a].issuperset(m.members)] for a, ms in self.manifests.items()}
        for at, i in enumerate(HONEST):
            ledgers, who = state.ledgers[at], self.honest[i]
            if self.planted.is_set_back and state.crashes:
                forgot = tuple(Ledger(joined=a == 0, sent=one.sent) for a, one in enumerate(ledgers))
                yield f"{i} is set back", _put(state, at, forgot)._replace(crashes=state.crashes - 1)
            for study in set(self.studies[1:]) - {0}:
                of_others = frozenset(a for a in certified if self.studies[a] != study)
                shown = who.answer(Honest.voided, ledgers, of_others)
                yield from self._quiet(state, at, f"{i} is shown that {sorted(of_others)} are void", shown)
            for a in range(self.attempts):
                earlier = certified.intersection(b for b in who.beside(a) if b < a)
                for proved in (frozenset[int](), *(self.proofs if earlier else ())):
                    joined = who.answer(Honest.join, ledgers, a, earlier, proved)
                    move = f"{i} joins {a}" + (f", where {sorted(proved)} is proved false" if proved else "")
                    yield from self._quiet(state, at, move, joined)
                    both = who.answer(Honest.deal, joined, a) if joined else None
                    yield from self._quiet(state, at, f"{move}, and deals", both)
                yield from self._quiet(state, at, f"{i} deals in {a}", who.answer(Honest.deal, ledgers, a))
                if a + 1 < self.attempts:
                    yield from self._said(state, at, a, f"{i} votes void on {a}", who.answer(Honest.void, ledgers, a))
                yield from self._votes(state, at, a, possible[a])

    def _votes(self, state: State, at: int, a: int, possible: list[Listed]) -> Iterator[tuple[str, State]]:
        who, ledgers, i = self.honest[HONEST[at]], state.ledgers[at], HONEST[at]
        for listed in possible if ledgers[a].joined and ledgers[a].vote is None else ():
            consent = who.answer(Honest.consent, ledgers, listed)
            yield from self._said(state, at, a, f"{i} consents to {listed}", consent)
        # What the ledger holds is said again to whoever asks.
        one = ledgers[a]
        if one.vote is not None and one.vote not in one.sent:
            yield from self._quiet(
                state, at, f"{i} repeats its vote on {a}", _set(ledgers, a, sent=one.sent | {one.vote})
            )

    def _quiet(self, state: State, at: int, move: str, new: Ledgers | None) -> Iterator[tuple[str, State]]:
        if new is not None:
            yield move, _put(state, at, new)

    def _said(self, state: State, at: int, a: int, move: str, new: Ledgers | None) -> Iterator[tuple[str, State]]:
        if new is None or (vote := new[a].vote) is None:
            return
        sent = new[a].sent | {vote}
        yield move, _put(state, at, _set(new, a, sent=sent))
        if state.crashes:
            kept = _set(state.ledgers[at], a, sent=sent) if self.planted.sends_before_ledger else new
            yield f"{move}, and crashes", _put(state, at, kept)._replace(crashes=state.crashes - 1)

    # what must hold

    def broken(self, state: State) -> str:
        heard = _heard(state)
        certified = sorted({m for (_, m), voters in heard.items() if m != VOID and len(voters) >= THRESHOLD})
        for _, of_one in groupby(certified, lambda m: not self.case.is_again and self.studies[m.attempt]):
            if len([*of_one]) > 1:
                return "two manifests of one sum are certified"
        if not all(is_whole(self.case, listed, self.studies[listed.attempt]) for listed in certified):
            return "a block is opened in part"
        if wrong := apart(self.case, certified):
            return wrong
        for i, ledgers in zip(HONEST, state.ledgers, strict=True):
            for (_, choice), voters in heard.items():
                # Whatever is shown as a certificate: all the votes there are, or too few of them.
                shown = [frozenset(some) for some in combinations(sorted(voters), min(len(voters), THRESHOLD))]
                is_certified = choice == VOID or choice in certified
                if not is_certified and any(self.honest[i].releases(ledgers, choice, some) for some in shown):
                    return "a release without a certificate"
        return ""


def _heard(state: State) -> Heard:
    """Who has been heard to vote for what; the liar votes for everything."""
    heard: Heard = {}
    for i, own in zip(HONEST, state.ledgers, strict=True):
        for a, one in enumerate(own):
            for choice in one.sent:
                heard[a, choice] = heard.get((a, choice), _LIAR) | {i}
    return heard


def _manifests(attempt: int, variants: int) -> Iterator[Listed]:
    for size in (3, 4):
        for members in combinations(EVERYBODY, size):
            for variant in range(variants if LIAR in members else 1):
                yield Listed(attempt, members, variant)


def _put(state: State, at: int, new: Ledgers) -> State:
    return state._replace(ledgers=(*state.ledgers[:at], new, *state.ledgers[at + 1 :]))


def _set(ledgers: Ledgers, attempt: int, **changes: object) -> Ledgers:
    return (*ledgers[:attempt], ledgers[attempt]._replace(**changes), *ledgers[attempt + 1 :])  # type: ignore[arg-type]


def _path(seen: dict[State, tuple[State, str] | None], state: State) -> tuple[str, ...]:
    moves: list[str] = []
    while (step := seen[state]) is not None:
        state, move = step
        moves.append(move)
    return tuple(reversed(moves))
