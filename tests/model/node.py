"""Every way in which a coordinator and a liar can lead one real hospital node about a sum, to a depth.

The node, its ledger and its steps are those that are deployed. After each message its ledger, what it keeps in memory and what it
has said make a point; points that differ in key material only are one. `tests.model.explore` has all hospitals together;
this adds the messages that come after a certificate, and crashes of the real memory.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from tests.model.one_node import ATTEMPTS, LIAR, Message, Others, Said
from tests.schedules.liars import opened
from tests.schedules.world import Setting, Work

from cipherward.crypto import wire
from cipherward.parties import answers, who_stands
from cipherward.parties.hospital_node import HospitalNode
from cipherward.parties.policy import Policy
from cipherward.store.ledger import Ledger, SumRecord
from cipherward.sums.evidence import Answer, Answered
from cipherward.sums.messages import CONSENT, unsign
from cipherward.tasks.state import StudyState

History = frozenset[str]
Key = tuple[object, ...]


class Found(NamedTuple):
    """What was explored. `broken`: what must not be, with the messages that lead there; "" for nothing."""

    n_points: int
    n_messages: int
    is_complete: bool
    broken: str
    moves: tuple[str, ...]


@dataclass(frozen=True)
class Point:
    """A node between two messages: its ledger's bytes, its memory, and what it has said to others so far."""

    ledger: bytes = field(repr=False)
    state: StudyState = field(repr=False)
    one_time: dict[bytes, bytes] = field(repr=False)
    given: dict[bytes, Any] = field(repr=False)
    is_stopped: bool
    has_ended: bool
    said: History
    moves: tuple[str, ...]


class Explorer:
    """All that node `me` of a study can be led to."""

    def __init__(self, setting: Setting, me: int, folder: Path) -> None:
        self.setting, self.me, self.folder = setting, me, folder
        self.others = Others(setting, me)
        self._n_files = 0
        self._updates: dict[tuple[int, bytes], Said] = {}

    def explore(self, depth: int, *start: str) -> Found:
        """So many messages after those of `start`, which are led to by their names."""
        first = self._first(*start)
        if isinstance(first, Found):
            return first
        seen: set[Key] = set()
        edge, n_messages = [first], 0
        for _ in range(depth):
            after: list[Point] = []
            for point in edge:
                node: HospitalNode | None = None
                for move in self._moves(point):
                    node = node or self._node(point)
                    n_messages += 1
                    before = self._key(node, point)
                    said, broken = move.play(node, point)
                    if broken:
                        node.ledger.close()
                        return Found(len(seen), n_messages, False, broken, (*point.moves, move.name))
                    is_new = said != point.said or move.always
                    new = self._key(node, dataclasses.replace(point, said=said, has_ended=point.has_ended or move.ends))
                    if new == before and not is_new:
                        continue
                    if new not in seen:
                        seen.add(new)
                        after.append(self._point(node, point, said, (*point.moves, move.name), ends=move.ends))
                    node.ledger.close()
                    node = None
                if node is not None:
                    node.ledger.close()
            if not after:
                return Found(len(seen), n_messages, True, "", ())
            edge = after
        return Found(len(seen), n_messages, False, "", ())

    def _first(self, *start: str) -> Point | Found:
        node = self._node(None)
        point = self._point(node, None, frozenset(), ())
        node.ledger.close()
        for name in start:
            node = self._node(point)
            move = next(move for move in self._moves(point) if move.name == name)
            said, broken = move.play(node, point)
            if broken:
                return Found(0, 1, False, broken, (*point.moves, name))
            point = self._point(node, point, said, (*point.moves, name))
            node.ledger.close()
        return point

    # points

    def _node(self, point: Point | None) -> HospitalNode:
        self._n_files += 1
        path = self.folder / f"{self._n_files % 8}" / "ledger.sqlite"
        path.parent.mkdir(exist_ok=True)
        for old in path.parent.glob("ledger.sqlite*"):
            old.unlink()
        if point:
            path.write_bytes(point.ledger)
        study = self.setting.study
        node = HospitalNode(
            rules=self.setting.rules,
            index=self.me,
            identity=self.setting.keys.identities[self.me],
            state=point.state if point else self.setting.first,
            work=Work(self.me),  # type: ignore[arg-type]
            ledger=Ledger(path),
            policy=Policy(),
            log=lambda event, facts: None,
            clock=lambda: 0.0,
            answer=who_stands.answer_of(study, study.hospitals[self.me - 1].name),
        )
        if point:
            node._answers._one_time = dict(point.one_time)
            node._ballot._given = dict(point.given)
            node.stopped = node.stopped or point.is_stopped
        return node

    def _point(
        self, node: HospitalNode, before: Point | None, said: History, moves: tuple[str, ...], *, ends: bool = False
    ) -> Point:
        node.ledger._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        has_ended = ends or bool(before and before.has_ended)
        kept = dict(node._answers._one_time), dict(node._ballot._given)
        return Point(node.ledger.path.read_bytes(), node.state, *kept, node.stopped, has_ended, said, moves)

    def _key(self, node: HospitalNode, point: Point) -> Key:
        """Everything that decides what the node answers, but for the bytes of keys and ciphertexts."""
        names, contexts = self.others.names, self.others.contexts
        records = tuple(self._described(node.ledger.sum(context)) for context in contexts)
        kept = [[a for a in ATTEMPTS if contexts[a] in part] for part in (node._answers._one_time, node._ballot._given)]
        answered = tuple(names.get(self._answered(node, a), "") for a in ATTEMPTS)
        binding, memory = node.standing.binding, node.standing.memory
        standing = (
            tuple(a for a in ATTEMPTS if contexts[a] in binding.open),
            binding.is_founded,
            tuple(a for a in ATTEMPTS if contexts[a] in memory.pending),
            memory.proved,
        )
        return records, str(kept), answered, standing, node.state.sums_done, node.stopped, point.has_ended, point.said

    def _described(self, record: SumRecord | None) -> tuple[object, ...]:
        if record is None:
            return ()
        said = (
            record.joined,
            record.header,
            record.update,
            record.vote,
            record.release,
            record.private_key,
            record.request,
        )
        manifest = self.others.names.get(record.manifest, "") if record.manifest else ""
        return (*map(bool, said), manifest, record.is_void, record.is_closed)

    def _answered(self, node: HospitalNode, attempt: int) -> bytes:
        data = node.ledger.fact(f"challenged {self.others.contexts[attempt].hex()}")
        rules = self.setting.rules
        if not data:
            return b""
        answered = wire.decode(Answered, wire.decode(answers.Said, data).answered)
        return unsign(answered.answer, Answer, study=rules.study, keys=rules.keys).seed

    # moves

    def _moves(self, point: Point) -> list[_Move]:
        node = self._node(point)
        found = []
        for attempt in ATTEMPTS:
            record = node.ledger.sum(self.others.contexts[attempt])
            said = Said(record.joined, record.update) if record else Said(b"", b"")
            if said.update:
                self._updates[attempt, said.join] = said
            elif record and record.header:  # erased here, but in others' hands
                said = self._updates.get((attempt, said.join), said)
            found += [_Sent(self, message.name, message=message) for message in self.others.messages(attempt, said)]
        node.ledger.close()
        return [*found, _Crash(self), _End(self)]


@dataclass(frozen=True)
class _Move(ABC):
    """`always`: it may matter although nothing in the ledger changes. `ends`: nothing may be said any more."""

    explorer: Explorer
    name: str = ""
    always: ClassVar[bool] = False
    ends: ClassVar[bool] = False

    @abstractmethod
    def play(self, node: HospitalNode, point: Point) -> tuple[History, str]:
        """What has been said afterwards, and what must not have been."""


@dataclass(frozen=True)
class _Crash(_Move):
    """The process is gone and starts again from its ledger."""

    always = True
    name: str = "a crash"

    def play(self, node: HospitalNode, point: Point) -> tuple[History, str]:
        node._answers.forget()
        node._ballot.forget()
        return point.said, ""


@dataclass(frozen=True)
class _End(_Move):
    """The study ends at this hospital."""

    ends = True
    always = True
    name: str = "the study ends here"

    def play(self, node: HospitalNode, point: Point) -> tuple[History, str]:
        node.end()
        kept = node.ledger.holds_secrets(self.explorer.setting.study.digest())
        return point.said, "what could open a sum is kept after the study's end" if kept else ""


@dataclass(frozen=True)
class _Sent(_Move):
    """A message arrives."""

    message: Message = field(kw_only=True)

    def play(self, node: HospitalNode, point: Point) -> tuple[History, str]:
        message, said = self.message, set(point.said)
        if message.name.startswith(("announce", "opening")) and message.is_proof:
            said |= {f"shown: {a} is void" for a in range(message.attempt)}
        try:
            replies = node.handle(message.packet)
        except Exception as error:
            return frozenset(said), f"the node fails: {error!r}"
        if replies and point.has_ended:
            return frozenset(said), "something is said after the study's end"
        for reply in replies:
            kind, body = opened(reply)
            check: Callable[[Any, set[str]], str] | None = getattr(self, f"_{kind.lower()}", None)
            broken = check(body, said) if check else ""
            if broken:
                return frozenset(said), broken
        if any(word.startswith("verified") for word in said) and self._holds_keys(node):
            return frozenset(said), "keys of a sum are kept after it was verified"
        return frozenset(said), ""

    def _holds_keys(self, node: HospitalNode) -> bool:
        records = (node.ledger.sum(context) for context in self.explorer.others.contexts)
        return any(record and record.private_key for record in records)

    @property
    def _what(self) -> str:
        return f"{self.message.attempt}/{self.message.variant}"

    def _join(self, body: Any, said: set[str]) -> str:
        attempt = self.message.attempt
        word = f"joined {attempt}"
        if word in said:
            return ""
        if any(f"shown: {a} is void" not in said for a in range(attempt)):
            return "a later attempt is joined without proof that the earlier one is void"
        if any(f"joined {a}" in said for a in ATTEMPTS if a > attempt):
            return "an attempt below one that was joined is joined"
        said.add(word)
        return ""

    def _update(self, body: Any, said: set[str]) -> str:
        said.add(f"dealt {self.message.attempt}")
        return ""

    def _vote(self, body: Any, said: set[str]) -> str:
        attempt = self.message.attempt
        name = self.explorer.others.names.get(body.manifest_digest, "?")
        word = f"consents to {name}" if body.choice == CONSENT else f"votes void on {attempt}"
        earlier = {w for w in said if w.startswith((f"consents to {attempt}/", f"votes void on {attempt}"))}
        if earlier - {word}:
            return "two votes on one attempt"
        if word in said:
            return ""
        if name.endswith("/part"):
            return "consent to a block in part"
        open_ones = [a for a in ATTEMPTS if a != attempt and f"shown: {a} is void" not in said]
        if body.choice == CONSENT and any(w.startswith(f"consents to {a}/") for w in said for a in open_ones):
            return "consent to two attempts at one sum"
        said.add(word)
        return ""

    def _release(self, body: Any, said: set[str]) -> str:
        name = self.explorer.others.names[body.manifest_digest]
        if f"released for {name}" in said:
            return ""
        if not self.message.name.startswith("certificate") or not self.message.is_proof or name != self._what:
            return "a release without a certificate"
        # An attempt that it was shown to be void is over; that both certificates exist takes more liars than f.
        open_ones = [a for a in ATTEMPTS if f"shown: {a} is void" not in said]
        if any(w.startswith(f"released for {a}/") for w in said for a in open_ones):
            return "releases for two manifests of one sum"
        said.add(f"released for {name}")
        return ""

    def _complaint(self, body: Any, said: set[str]) -> str:
        if self.message.variant != "bad share" or body.dealer != LIAR:
            return "a complaint about an honest dealer"
        return ""

    def _answer(self, body: Any, said: set[str]) -> str:
        word = f"answered {self.explorer.others.names[body.seed]}"
        attempt = self.message.attempt
        if {w for w in said if w.startswith(f"answered {attempt}/")} - {word}:
            return "two challenges about one sum are answered"
        said.add(word)
        return ""

    def _shown(self, body: Any, said: set[str]) -> str:
        pairs = {(item.dealer, item.holder) for item in (*body.shares, *body.slices)}
        if not all(LIAR in pair for pair in pairs):
            return f"a share between honest hospitals is shown: {sorted(pairs)}"
        return ""

    def _receipt(self, body: Any, said: set[str]) -> str:
        if body.outcome == "breach":
            consented = {w for w in said if w.startswith(f"consents to {self.message.attempt}/")}
            is_proved = consented - {f"consents to {self._what}"} or f"shown: {self.message.attempt} is void" in said
            return "" if is_proved and self.message.name.startswith("opening") else "a breach without evidence"
        if body.context:
            others = self.explorer.others
            what = others.names.get(body.manifest_digest, "closed")
            word = f"verified {others.contexts.index(body.context)}: {what}"
            earlier = {w for w in said if w.startswith("verified")}
            if earlier - {word}:
                return "two openings of one sum are verified"
            if not (earlier or self.message.is_proof):
                return "an opening is verified without proof that earlier attempts are void"
            said.add(word)
        return ""
