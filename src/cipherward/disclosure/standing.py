"""What hospitals say of themselves in signed headers, and what everybody who saw it remembers (rules 1 to 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cached_property

from cipherward.disclosure.blocks import ALONE, Blocks, Register, Split, parts_problem
from cipherward.disclosure.refusals import Refusal


class Agreement(IntEnum):
    """May this hospital be singled out by what is opened? It holds for a register in all studies."""

    NO = 0
    YES = 1


def widened(earlier: Agreement, later: Agreement) -> Agreement:
    """Rule 3: an agreement only ever widens; what was opened under a yes cannot be taken back."""
    return max(earlier, later)


def of_scheme(answer: Agreement, *, hides_single_updates: bool) -> Agreement:
    """Rule 3: where somebody else can read single updates anyway, taking part is a yes."""
    return answer if hides_single_updates else Agreement.YES


@dataclass(frozen=True)
class Statement:
    """What a hospital's signed header says: the block (its digest, or ALONE), the register, the agreement, whether
    it has at least `cell_min` rows for the question, and whether new batches entered the register since its last opened sum."""

    register: Register
    block: bytes
    agreement: Agreement
    has_rows: bool = True
    has_entered: bool = False


@dataclass(frozen=True)
class Memory:
    """What one party knows of others, from openings that it saw and manifests that it voted for.

    `agreed` also holds registers whose signed yes was shown without an opening. `proved`: registers of hospitals that are proved
    to have spoiled a sum (rule 12): they are protected no longer, and are corrupt ones that a block reckons with. `pending`: statements of manifests that
    may be certified without this party having seen it, by context.
    """

    blocks: Mapping[Register, bytes] = field(default_factory=dict)
    agreed: frozenset[Register] = frozenset()
    founded: frozenset[bytes] = frozenset()
    pending: Mapping[bytes, tuple[Statement, ...]] = field(default_factory=dict)
    proved: frozenset[Register] = frozenset()

    def voted(self, context: bytes, statements: tuple[Statement, ...]) -> Memory:
        """A certified, withheld opening counts from the vote."""
        return replace(self, pending={**self.pending, context: statements})

    def voided(self, context: bytes) -> Memory:
        """A void certificate was shown: what that attempt would have bound, it does not."""
        if context not in self.pending:
            return self
        return replace(self, pending={c: s for c, s in self.pending.items() if c != context})

    def opened(self, context: bytes, statements: tuple[Statement, ...], blocks: Blocks) -> Memory:
        """An opening was seen. What a register named first stays, but for splits of it."""
        named = dict(self.blocks)
        for said in statements:
            before = named.get(said.register)
            if said.block != ALONE and (before is None or blocks.descends(said.block, before)):
                named[said.register] = said.block
        yes = {said.register for said in statements if said.agreement is Agreement.YES}
        founded = {said.block for said in statements if said.block != ALONE}
        left = {c: s for c, s in self.pending.items() if c != context}
        return Memory(named, self.agreed | yes, self.founded | founded, left, self.proved)

    def shown(self, agreed: frozenset[Register]) -> Memory:
        """Signed statements of a yes were shown."""
        return replace(self, agreed=self.agreed | agreed)

    def spoiled(self, by: frozenset[Register]) -> Memory:
        """It was proved that these hospitals spoiled a sum."""
        return replace(self, proved=self.proved | by) if by else self

    @cached_property
    def _said(self) -> Mapping[Register, list[Statement]]:
        said: dict[Register, list[Statement]] = {}
        for statement in (s for statements in self.pending.values() for s in statements):
            said.setdefault(statement.register, []).append(statement)
        return said

    def known_yes(self, register: Register) -> bool:
        """Whether this register is known to be protected no longer: it agreed, or its hospital spoiled a sum."""
        if register in self.agreed or register in self.proved:
            return True
        return any(s.agreement is Agreement.YES for s in self._said.get(register, ()))

    def contradiction(self, said: Statement, blocks: Blocks) -> Refusal | None:
        """Rule 1, second half: a header must not name another block than its register named before, nor narrow.

        Who was in a block does not stand alone later, not even by agreement: where exactly `least` members had said no,
        the rest of an earlier sum of the block would be fewer of them.
        """
        named = [self.blocks.get(said.register, ALONE), *(s.block for s in self._said.get(said.register, ()))]
        for earlier in named:
            if earlier in (said.block, ALONE) or blocks.descends(said.block, earlier):
                continue  # most name what they named before
            return Refusal(
                1, "a register names another block than in an earlier sum", "its hospital names the block that it is in"
            )
        if said.agreement is Agreement.NO and self.known_yes(said.register):
            return Refusal(3, "a register says no after it has said yes", "its hospital keeps the wider answer")
        return None


@dataclass(frozen=True)
class Binding:
    """What a hospital's own ledger keeps of one of its registers. `block` is ALONE while none was named.

    `open`: contexts of sums in whose signed headers the block was named, and which may still be opened.
    """

    register: Register
    block: bytes = ALONE
    agreement: Agreement = Agreement.NO
    open: frozenset[bytes] = frozenset()
    is_founded: bool = False

    @property
    def is_bound(self) -> bool:
        """Whether a sum that names its block was opened, or may still be."""
        return self.is_founded or bool(self.open)

    def problem(self, block: bytes, blocks: Blocks) -> Refusal | None:
        """Rules 1 to 3: why this register must not name this block now, if it must not."""
        if block == ALONE and self.agreement is Agreement.NO:
            return Refusal(3, "a register stands alone only by agreement", "join a block, or answer yes")
        if block != ALONE and (block not in blocks or self.register not in blocks[block].registers):
            return Refusal(1, "the block does not list this register", "the document lists the block that it is in")
        if self.is_bound and not blocks.descends(block, self.block):
            return Refusal(
                2,
                "this register is bound to another block",
                "list that block whole, show a split that all its members signed, or void certificates for every "
                "attempt of its first sum",
            )
        return None

    def named(self, block: bytes, context: bytes) -> Binding:
        """The register, bound: recorded before the header that says so leaves the hospital."""
        return self if block == ALONE else replace(self, block=block, open=self.open | {context})

    def signing_problem(self, split: Split, memory: Memory) -> Refusal | None:
        """Rule 2: why this hospital must not sign that its block splits so, if it must not; `signed` follows at once.

        Once a part has been in a sum, the rest of the block is known as a total. Each part has to hide its own members.
        """
        if split.whole.digest != self.block:
            return Refusal(
                2, "the split is of another block", "sign splits of the block that this register is bound to"
            )
        if refusal := parts_problem(split):
            return refusal
        if self.open:
            return Refusal(
                2, "sums of the whole block may still be opened", "close them first: open them, or void them"
            )
        for part in split.parts:
            no = [member for member in part.members if not memory.known_yes(member)]
            least = part.least - len(memory.proved.intersection(part.members))
            if no and len(no) < least:
                return Refusal(
                    2,
                    f"a part would have {len(no)} members that said no, where none or at least {least} may",
                    "choose parts of which each has enough members that never agreed to be singled out",
                )
        return None

    def signed(self, split: Split) -> Binding:
        """The register, bound to its part: recorded before the signature leaves the hospital. It names the whole block no more."""
        own = next(part for part in split.parts if self.register in part.members)
        return replace(self, block=own.digest)

    def voided(self, context: bytes) -> Binding:
        """A void certificate for this attempt was checked: no header of it will be opened."""
        return self if context not in self.open else replace(self, open=self.open - {context})

    def opened(self, context: bytes) -> Binding:
        """The attempt was opened: the block is founded for good."""
        return replace(self, open=self.open - {context}, is_founded=self.is_founded or context in self.open)

    def widen(self, answer: Agreement) -> Binding:
        """People answered again; a no after a yes changes nothing."""
        return replace(self, agreement=widened(self.agreement, answer))

    def statement(self, block: bytes, has_rows: bool, has_entered: bool = False) -> Statement:
        """For the header; `problem` comes first, and `named` is in the ledger. `has_entered`: as `Refreshes` says."""
        return Statement(self.register, block, self.agreement, has_rows, has_entered)
