"""Every interleaving of one sum's attempts, votes, voids, crashes and restarts, to a depth; the adversary moves.

Left out is only what gives the adversary nothing. A release changes nothing that its hospital says later, so what matters
is checked in every state: which releases it would answer. A hospital that has verified an opening says nothing more about
the sum. A fork needs two openings of one sum. A void vote on the last attempt opens no other one. Who never joined the first
attempt can do later only what one that joined can.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from typing import NamedTuple

from tests.model.hospital import VOID, Honest, Ledger, Ledgers, Planted, protected
from tests.model.parts import EVERYBODY, HONEST, LIAR, VARIANTS, Case, Listed, Parts

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
    """One case, with the faults that are planted in all honest hospitals."""

    def __init__(
        self, parts: Parts, case: Case, *, attempts: int, crashes: int = 0, planted: Planted = Planted()
    ) -> None:
        self.case = case
        self.planted = planted
        self.parts = parts
        self.honest = {i: Honest(parts, case, i, planted) for i in HONEST}
        self.attempts = attempts
        there, dealt = Ledger(joined=True), Ledger(joined=True, dealt=True)
        rest = (Ledger(),) * (attempts - 1)
        self.first = [
            State(tuple((one, *rest) for one in ones), crashes) for ones in product((dealt, there), repeat=len(HONEST))
        ]
        self.manifests = {a: tuple(_manifests(a)) for a in range(attempts)}

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
            for a in range(self.attempts):
                joined = who.answer(Honest.join, ledgers, a, certified & frozenset(range(a)))
                yield from self._quiet(state, at, f"{i} joins {a}", joined)
                both = who.answer(Honest.deal, joined, a) if joined else None
                yield from self._quiet(state, at, f"{i} joins {a} and deals", both)
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
        certified = [m for (_, m), voters in heard.items() if m != VOID and len(voters) >= THRESHOLD]
        if len(certified) > 1:
            return "two manifests of one sum are certified"
        if not all(protected(self.case, listed) for listed in certified):
            return "a block is opened in part"
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


def _manifests(attempt: int) -> Iterator[Listed]:
    for size in (3, 4):
        for members in combinations(EVERYBODY, size):
            for variant in range(VARIANTS if LIAR in members else 1):
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
