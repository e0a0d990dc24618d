"""What a hospital's ledger keeps of who stands in sums: its own binding (rules 1 to 3) and refreshes (rule 7), and what it
knows of everybody.

All are read from the ledger whenever they are needed: several studies of one hospital share it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from cipherward.crypto import wire
from cipherward.disclosure.blocks import Blocks, Register, Split
from cipherward.disclosure.refreshes import Refreshes
from cipherward.disclosure.refusals import Refusal
from cipherward.disclosure.standing import Agreement, Binding, Memory, Statement
from cipherward.errors import StorageError, WireError
from cipherward.store.ledger import Ledger

T = TypeVar("T")
_MEMORY = "memory"


@dataclass(frozen=True)
class _Said:
    hospital: bytes
    register: str
    block: bytes
    agreement: int
    has_rows: int


@dataclass(frozen=True)
class _Voted:
    context: bytes
    said: tuple[_Said, ...]


@dataclass(frozen=True)
class _Memory:
    """`named`: the blocks that registers named; `agreed`: those that said yes; `proved`: those of hospitals that spoiled a sum."""

    named: tuple[_Said, ...]
    agreed: tuple[_Said, ...]
    proved: tuple[_Said, ...]
    founded: tuple[bytes, ...]
    pending: tuple[_Voted, ...]


@dataclass(frozen=True)
class _Binding:
    block: bytes
    agreement: int
    open: tuple[bytes, ...]
    is_founded: int


@dataclass(frozen=True)
class _Open:
    context: bytes
    refresh: int


@dataclass(frozen=True)
class _Refreshes:
    opened: tuple[int, ...]
    open: tuple[_Open, ...]


@dataclass
class Standing:
    """One register at its hospital, as a study reads it: at this `refresh`, with batches that entered at these `steps`.

    `_read_before`: what the memory's bytes in the ledger say.
    """

    ledger: Ledger
    register: Register
    refresh: int = 0
    steps: tuple[int, ...] = ()
    _read_before: tuple[bytes, Memory] = field(default=(b"", Memory()), repr=False)

    # the own register

    @property
    def binding(self) -> Binding:
        """The block that this register named, and what people answered."""
        data = self.ledger.standing(self._name)
        if not data:
            return Binding(self.register)
        kept = self._read(_Binding, data)
        return Binding(
            self.register, kept.block, Agreement(kept.agreement), frozenset(kept.open), bool(kept.is_founded)
        )

    @property
    def refreshes(self) -> Refreshes:
        """At which refreshes this register stood in sums."""
        data = self.ledger.standing(self._refreshes_name)
        if not data:
            return Refreshes()
        kept = self._read(_Refreshes, data)
        return Refreshes(frozenset(kept.opened), {one.context: one.refresh for one in kept.open})

    def widen(self, answer: Agreement) -> None:
        """People have answered: may this hospital be singled out?"""
        before = self.binding
        self._bind(before, before.widen(answer))

    def named(self, block: bytes, context: bytes) -> None:
        """Called before the header that says so leaves the hospital."""
        binding, refreshes = self.binding, self.refreshes
        self._bind(binding, binding.named(block, context))
        self._step(refreshes, refreshes.named(self.refresh, context))

    def signing_problem(self, split: Split) -> Refusal | None:
        """Why this hospital must not sign that its block splits so, if it must not."""
        return self.binding.signing_problem(split, self.memory)

    def signed(self, split: Split) -> None:
        """Called before the signature leaves the hospital: from now on the register stands with its part only."""
        before = self.binding
        self._bind(before, before.signed(split))

    def problem(self, block: bytes, blocks: Blocks) -> Refusal | None:
        """Why this register must not name this block now, or be read as this study does, if it must not."""
        return self.binding.problem(block, blocks) or self.refreshes.problem(self.refresh)

    def statement(self, block: bytes, *, has_rows: bool) -> Statement:
        """For the header; `problem` comes first, and `named` is in the ledger."""
        return self.binding.statement(block, has_rows, self.refreshes.has_entered(self.refresh, self.steps))

    # everybody's

    @property
    def memory(self) -> Memory:
        """What all studies of this hospital have shown."""
        data = self.ledger.standing(_MEMORY)
        if data != self._read_before[0]:
            self._read_before = data, self._memory_in(data)
        return self._read_before[1]

    def _memory_in(self, data: bytes) -> Memory:
        return self._memory_of(self._read(_Memory, data))

    @staticmethod
    def _memory_of(kept: _Memory) -> Memory:
        return Memory(
            {_register(said): said.block for said in kept.named},
            frozenset(_register(said) for said in kept.agreed),
            frozenset(kept.founded),
            {voted.context: tuple(_statement(said) for said in voted.said) for voted in kept.pending},
            frozenset(_register(said) for said in kept.proved),
        )

    def voted(self, context: bytes, statements: tuple[Statement, ...]) -> None:
        """Called before the vote leaves the hospital: a certified opening that is withheld counts from the vote."""
        before = self.memory
        self._remember(before, before.voted(context, statements))

    def void(self, contexts: Collection[bytes]) -> None:
        """Void certificates for these attempts were checked."""
        if not contexts:
            return
        before = memory, binding, refreshes = self.memory, self.binding, self.refreshes
        for context in contexts:
            memory, binding, refreshes = memory.voided(context), binding.voided(context), refreshes.voided(context)
        self._keep(before, (memory, binding, refreshes))

    def opened(self, context: bytes, attempts: Iterable[bytes], said: tuple[Statement, ...], blocks: Blocks) -> None:
        """An opening was checked. No other attempt at its sum, among `attempts`, will be opened.

        Called before the receipt is in the ledger; again, it changes nothing.
        """
        before = memory, binding, refreshes = self.memory, self.binding, self.refreshes
        memory = memory.opened(context, said, blocks)
        is_in = any(one.register == self.register for one in said)
        for other in attempts:
            memory = memory.voided(other)
            is_here = other == context and is_in
            binding = binding.opened(other) if is_here else binding.voided(other)
            refreshes = refreshes.was_opened(other) if is_here else refreshes.voided(other)
        self._keep(before, (memory, binding, refreshes))

    def spoiled(self, by: frozenset[Register]) -> None:
        """It was proved that these hospitals dealt false shares, or spoiled a sum."""
        if by:
            before = self.memory
            self._remember(before, before.spoiled(by))

    def learn(self, of_study: Memory) -> None:
        """What the openings of a study say that this hospital has verified; a ledger may be younger than they are."""
        known = self.memory
        merged = replace(
            known,
            blocks={**of_study.blocks, **known.blocks},
            agreed=known.agreed | of_study.agreed,
            founded=known.founded | of_study.founded,
            proved=known.proved | of_study.proved,
        )
        self._remember(known, merged)

    # the ledger

    @property
    def _name(self) -> str:
        return f"binding {self.register.name}"

    @property
    def _refreshes_name(self) -> str:
        return f"refreshes {self.register.name}"

    def _keep(self, before: tuple[Memory, Binding, Refreshes], now: tuple[Memory, Binding, Refreshes]) -> None:
        self._remember(before[0], now[0])
        self._bind(before[1], now[1])
        self._step(before[2], now[2])

    def _step(self, before: Refreshes, refreshes: Refreshes) -> None:
        if refreshes == before:
            return
        still = tuple(_Open(context, refresh) for context, refresh in sorted(refreshes.open.items()))
        kept = _Refreshes(tuple(sorted(refreshes.opened)), still)
        self.ledger.record_standing(self._refreshes_name, wire.encode(kept))

    def _bind(self, before: Binding, binding: Binding) -> None:
        if binding == before:
            return
        kept = _Binding(binding.block, int(binding.agreement), tuple(sorted(binding.open)), int(binding.is_founded))
        self.ledger.record_standing(self._name, wire.encode(kept))

    def _remember(self, before: Memory, memory: Memory) -> None:
        if memory == before:
            return
        kept = _Memory(
            tuple(_kept(Statement(register, block, Agreement.NO)) for register, block in sorted(memory.blocks.items())),
            _all(memory.agreed),
            _all(memory.proved),
            tuple(sorted(memory.founded)),
            tuple(_Voted(context, tuple(map(_kept, said))) for context, said in sorted(memory.pending.items())),
        )
        data = wire.encode(kept)
        self.ledger.record_standing(_MEMORY, data)
        self._read_before = data, self._memory_of(kept)

    def _read(self, kind: type[T], data: bytes) -> T:
        try:
            return wire.decode(kind, data)
        except WireError as error:
            raise StorageError(
                f"the ledger {self.ledger.path} does not say how this hospital stands in sums: {error.message}",
                hint="docs/operations.md says what to do with a damaged ledger",
            ) from None


def _all(registers: Iterable[Register]) -> tuple[_Said, ...]:
    return tuple(_kept(Statement(register, b"", Agreement.YES)) for register in sorted(registers))


def _kept(said: Statement) -> _Said:
    return _Said(said.register.hospital, said.register.name, said.block, int(said.agreement), int(said.has_rows))


def _register(said: _Said) -> Register:
    return Register(said.hospital, said.register)


def _statement(said: _Said) -> Statement:
    return Statement(_register(said), said.block, Agreement(said.agreement), bool(said.has_rows))
