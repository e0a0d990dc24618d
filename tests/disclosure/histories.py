"""Random histories of foundings, splits, newcomers, loners, successors, two registers, concurrent studies, liars and restored ledgers.

Honest hospitals decide by the functions of `cipherward.disclosure` alone. Whoever plays against them is the coordinator:
it writes studies, chooses who deals, whose headers it lists to whom, what it withholds and from whom. Liars sign anything.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cipherward import thresholds
from cipherward.disclosure.blocks import ALONE, Block, Blocks, Register, Split, default_blocks, split, split_problem
from cipherward.disclosure.eligibility import refusals
from cipherward.disclosure.inference import readable
from cipherward.disclosure.standing import Agreement, Binding, Memory, Statement
from cipherward.disclosure.succession import Succession, refusal


@dataclass(frozen=True)
class Planted:
    """Faults that the harness has to find, and what becomes of ledgers that are set back."""

    own_block_only: bool = False
    no_void_certificates: bool = False
    no_memory: bool = False
    no_pending: bool = False
    splits_anyhow: bool = False
    ideal_memory: bool = False
    restores: bool = False
    noticed: bool = True
    successors: bool = True
    hasty_successors: bool = False
    false_successors: bool = False


@dataclass
class Hospital:
    """An honest hospital's ledger. `n_before`: attempts that there were when it was set back or lost."""

    key: bytes
    bindings: dict[str, Binding]
    memory: Memory = field(default_factory=Memory)
    votes: dict[bytes, bytes] = field(default_factory=dict)
    is_recovering: bool = False
    has_lost_its_key: bool = False
    n_before: int = 0

    def copy(self) -> tuple[dict[str, Binding], Memory, dict[bytes, bytes]]:
        return dict(self.bindings), self.memory, dict(self.votes)


@dataclass(eq=False)
class Study:
    """`keys`: by first key the one that the roster lists."""

    roster: tuple[Register, ...]
    threshold: int
    blocks: Blocks
    keys: Mapping[bytes, bytes]
    successions: tuple[Succession, ...] = ()

    @property
    def usurped(self) -> frozenset[bytes]:
        """First keys in whose place the document puts a key of somebody else."""
        return frozenset(first(s.old) for s in self.successions if s.new.startswith(b"false"))


@dataclass(eq=False)
class Attempt:
    """One attempt at a sum. `consents`: by the manifest that they name."""

    context: bytes
    study: Study
    headers: dict[bytes, Statement] = field(default_factory=dict)
    consents: dict[frozenset[Statement], set[bytes]] = field(default_factory=dict)
    voids: set[bytes] = field(default_factory=set)
    opened: frozenset[Statement] = frozenset()
    is_void: bool = False
    is_calm: bool = False


VOID = b"void"


def first(key: bytes) -> bytes:
    """Under which a hospital began; each new key has a mark more."""
    return key.rstrip(b"'")


class History:
    """One history. `broken` says afterwards how an honest hospital that said no is apart from its block, if one is."""

    def __init__(self, seed: int, planted: Planted = Planted()) -> None:
        self.random = random.Random(seed)
        self.planted = planted
        n = self.random.randint(4, 10)
        self.keys = tuple(b"%02d" % i for i in range(n))
        self.numbers = thresholds.derive(n)
        self.liars = frozenset(self.random.sample(self.keys, self.random.randint(0, self.numbers.corrupt)))
        self.honest = {key: self._newcomer(key) for key in self.keys if key not in self.liars}
        self.yes = {r for h in self.honest.values() for r in (b.register for b in h.bindings.values() if b.agreement)}
        self.backups = {key: hospital.copy() for key, hospital in self.honest.items()}
        self.studies: list[Study] = []
        self.attempts: list[Attempt] = []
        self.splits: list[Split] = []
        self.known: dict[bytes, Block] = {}

        self.proved: frozenset[Register] = frozenset()
        self.successions: list[Succession] = []
        self.current = {key: key for key in self.keys}

    def _newcomer(self, key: bytes) -> Hospital:
        says = [Agreement(self.random.random() < 0.2) for _ in range(2)]
        return Hospital(
            key, {name: Binding(Register(key, name), agreement=a) for name, a in zip("pq", says, strict=True)}
        )

    def play(self, steps: int = 22) -> History:
        self.write_study()
        moves = [self.sum] * 9 + [self.write_study] * 2 + [self.split, self.void, self.resume, self.widen, self.show]
        moves += [self.prove]
        if self.planted.successors:
            moves += [self.lose_machine, self.forge_successor]
        if self.planted.restores:
            moves += [self.back_up, self.restore, self.restore]
        for _ in range(steps):
            self.random.choice(moves)()
        for attempt in self.attempts:
            self.open(attempt)
        return self

    # what the coordinator does

    def write_study(self, among: Sequence[Block] = ()) -> None:
        """A document over some of the hospitals, at most f of them liars; its blocks are the default, made up, or `among`
        some."""
        r = self.random
        size = len(self.keys) if not self.studies or r.random() < 0.5 else r.randint(3, len(self.keys))
        keys = self.keys if among else r.sample(self.keys, size)
        size = len(keys)
        if size < 3:
            return
        n_liars = len(self.liars & set(keys))
        most = thresholds.derive(size).corrupt
        if n_liars > most:
            return
        # A study may reckon with fewer liars than it could: its blocks are larger than they must be, and can be split.
        numbers = thresholds.derive(size, corrupt=r.choice([most, r.randint(max(n_liars, 1), most)]) if most else None)
        if numbers.problems():
            return
        names = {m.hospital: m.name for block in among for m in block.members}
        roster = tuple(Register(key, names.get(key, "p" if r.random() < 0.9 else "q")) for key in keys)
        choice = among or self.known.values()
        existing = [b for b in choice if r.random() < 0.7 and set(b.members) <= set(roster)]
        apart: list[Block] = []
        for block in r.sample(existing, len(existing)):
            if not any(set(block.members) & set(other.members) for other in apart):
                apart.append(block)
        least = numbers.min_contributors
        # Who is known to agree is left out of blocks, as when a study is frozen, or not.
        in_blocks = [x for x in roster if x not in self.yes or r.random() < 0.4]
        known = apart if r.random() < 0.8 else ()
        listed = default_blocks(in_blocks, least, known)
        if not known and len(in_blocks) >= least and r.random() < 0.5:
            listed = (Block(tuple(sorted(in_blocks)), least),)
        self.known |= {block.digest: block for block in listed}
        here = {x.hospital for x in roster}
        blocks = Blocks(listed, self.splits)
        shown = tuple(self._vouched(s, blocks) for s in self.successions if first(s.old) in here)
        self.studies.append(Study(roster, numbers.threshold, blocks, dict(self.current), shown))
        del self.studies[:-3]

    def sum(self) -> None:
        """A sum over whole blocks, or nearly; then the votes, and perhaps the opening."""
        study = self.random.choice(self.studies)
        attempt = Attempt(b"sum %d" % len(self.attempts), study, is_calm=self.random.random() < 0.6)
        self.attempts.append(attempt)
        chosen = self._targets(attempt)
        for register in study.roster:
            if register in chosen:
                self._deal(attempt, register)
        self._propose(attempt)
        if self.random.random() < 0.7:
            self.open(attempt)
        if self.random.random() < 0.3:
            self._void(attempt)

    def resume(self) -> None:
        """A late header, another manifest or other voters for an attempt that was left lying."""
        left = [a for a in self.attempts if not a.opened and not a.is_void]
        if left:
            attempt = self.random.choice(left)
            self._deal(attempt, self.random.choice(attempt.study.roster))
            self._propose(attempt)
            self.open(attempt)

    def void(self) -> None:
        if self.attempts:
            self._void(self.random.choice(self.attempts))

    def split(self) -> None:
        """Some block in two, signed by those who agree to it; parts of any size, signatures of anybody."""
        large = [b for b in self.known.values() if len(b.members) >= 2 * b.least]
        if not large:
            return
        founded = {s.block for a in self.attempts for s in a.opened}
        whole = self.random.choice([b for b in large if b.digest in founded] or large)
        order = self.random.sample(whole.members, len(whole.members))
        cut = whole.least if self.random.random() < 0.8 else self.random.randint(1, len(order) - 1)
        parts = split(whole, (order[:cut], order[cut:]))
        proposed = Split(whole, parts, frozenset())
        signers = frozenset(m.hospital for m in order if self._signs(m, proposed))
        self.splits.append(replace(proposed, signers=signers))
        self.known |= {part.digest: part for part in parts}
        if self.random.random() < 0.7:
            self.known.pop(whole.digest)
        self.write_study(list(parts))

    def _signs(self, member: Register, split: Split) -> bool:
        hospital = self.honest.get(member.hospital)
        if hospital is None:
            return True
        binding = hospital.bindings[member.name]
        if not self.planted.splits_anyhow:
            if binding.signing_problem(split, hospital.memory) or hospital.is_recovering:
                return False
            if self.random.random() < 0.95:
                hospital.bindings[member.name] = binding.signed(split)
                return True
        return self.random.random() < 0.95

    def prove(self) -> None:
        """A liar spoiled a sum that it was in, and is proved to have done it (rule 12); some see the proof later than others."""
        spoiled = [s.register for a in self.attempts for s in a.opened if s.register.hospital in self.liars]
        if spoiled:
            self.proved |= {self.random.choice(spoiled)}

    def lose_machine(self) -> None:
        """An honest hospital comes back with a new key and an empty ledger; its block mates are called, and most of them confirm."""
        key = self.random.choice(list(self.honest))
        old = self.current[key]
        self.current[key] = old + b"'"
        self.successions.append(Succession(old, self.current[key], frozenset()))
        for (
            attempt
        ) in self.attempts:  # people stop the studies of the old key, and mostly see to it that nothing of them is open
            if key in attempt.study.keys and self.random.random() < 0.9:
                self.open(attempt)
                self._void(attempt)
        lost = self.honest[key]
        fresh = {name: Binding(binding.register) for name, binding in lost.bindings.items()}
        self.honest[key] = Hospital(key, fresh, is_recovering=True, has_lost_its_key=True, n_before=len(self.attempts))
        self.backups[key] = self.honest[key].copy()

    def _vouched(self, succession: Succession, blocks: Blocks) -> Succession:
        """With the signatures of the block mates in a document: honest ones sign for whom they have called."""
        if succession.new.startswith(b"false"):
            return succession
        of_old = [b for b in blocks.listed if first(succession.old) in {m.hospital for m in b.members}]
        mates = {m.hospital for b in of_old for m in b.members} - {first(succession.old)}
        signers = {self.current[m] for m in mates if m in self.liars or self.random.random() < 0.98}
        return replace(succession, signers=succession.signers | signers)

    def forge_successor(self) -> None:
        """Liars sign that one of them is an honest hospital, in the next document only; nobody called anybody."""
        if not self.liars:
            return
        key = self.random.choice(list(self.honest))
        forged = Succession(self.current[key], b"false " + key, frozenset(self.current[liar] for liar in self.liars))
        self.successions.append(forged)
        self.write_study()
        self.successions.remove(forged)

    def _refuses(self, hospital: Hospital, study: Study) -> bool:
        """Whether its document keeps an honest hospital out: with another key than it has, or a succession that nobody vouches for."""
        if study.keys[hospital.key] != self.current[hospital.key]:
            return True
        return not self.planted.false_successors and bool(refusal(study.successions, study.blocks.listed))

    def show(self) -> None:
        """An opening or a signed yes comes to somebody who has not seen it."""
        for attempt in self.attempts:
            if attempt.opened and self.random.random() < 0.3:
                self._publish(attempt)
        for hospital in self.honest.values():
            hospital.memory = hospital.memory.shown(frozenset(r for r in self.yes if self.random.random() < 0.7))
            hospital.memory = hospital.memory.spoiled(frozenset(r for r in self.proved if self.random.random() < 0.7))

    # what people at hospitals do

    def widen(self) -> None:
        hospital = self.random.choice(list(self.honest.values()))
        binding = self.random.choice(list(hospital.bindings.values()))
        hospital.bindings[binding.register.name] = binding.widen(Agreement.YES)
        self.yes.add(binding.register)

    def back_up(self) -> None:
        key = self.random.choice(list(self.honest))
        self.backups[key] = self.honest[key].copy()

    def restore(self) -> None:
        """A ledger is set back; up to f of them, liars included. Noticed (rule 13), it is rebuilt from openings first."""
        key = self.random.choice(list(self.honest))
        hospital = self.honest[key]
        bindings, memory, hospital.votes = self.backups[key]
        hospital.memory = hospital.memory if self.planted.ideal_memory else memory
        hospital.bindings = dict(bindings)
        hospital.votes = dict(hospital.votes)
        hospital.is_recovering, hospital.n_before = self.planted.noticed, len(self.attempts)

    def _recover(self, hospital: Hospital) -> bool:
        """Rule 13: sums in flight close first; then openings that others signed say what this hospital has been."""
        before = self.attempts[: hospital.n_before]
        studies = [a for a in before if any(r.hospital == hospital.key for r in a.study.roster)]
        hasty = self.planted.hasty_successors and hospital.has_lost_its_key
        if not hasty and any(not a.opened and not a.is_void for a in studies):
            return False
        for attempt in studies:
            self._learn(hospital, attempt)
        for signed in self.splits:
            for binding in list(hospital.bindings.values()):
                if hospital.key in map(first, signed.signers) and binding.block == signed.whole.digest:
                    hospital.bindings[binding.register.name] = binding.signed(signed)
        hospital.is_recovering = False
        return True

    # one sum

    def _targets(self, attempt: Attempt) -> set[Register]:
        r, study = self.random, attempt.study
        blocks = {m for b in study.blocks.listed if r.random() < 0.85 for m in b.members}
        listed = {m for b in study.blocks.listed for m in b.members}
        if r.random() < 0.8:
            blocks -= self.proved
        chosen = blocks | {reg for reg in study.roster if reg not in listed and r.random() < 0.6}
        if not attempt.is_calm and r.random() < 0.7:
            gone = r.choice(study.roster)
            chosen.discard(gone)
        return chosen

    def _deal(self, attempt: Attempt, register: Register) -> None:
        listed = next((b.digest for b in attempt.study.blocks.listed if register in b.members), ALONE)
        key = register.hospital
        if key in attempt.headers:
            return
        if key in self.liars | attempt.study.usurped:
            attempt.headers[key] = self._lie(attempt, register, listed)
            return
        hospital = self.honest[key]
        if self._refuses(hospital, attempt.study):
            return
        if hospital.is_recovering and not self._recover(hospital):
            return
        binding = hospital.bindings[register.name]
        if self.planted.no_void_certificates:
            binding = replace(binding, open=frozenset())
            hospital.memory = replace(hospital.memory, pending={})
        if binding.problem(listed, attempt.study.blocks):
            return
        hospital.bindings[register.name] = binding.named(listed, attempt.context)
        attempt.headers[key] = binding.statement(listed, attempt.is_calm or self.random.random() < 0.95)

    def _lie(self, attempt: Attempt, register: Register, listed: bytes) -> Statement:
        if attempt.is_calm:
            return Statement(register, listed, Agreement.NO)
        block = self.random.choice([listed, listed, listed, ALONE, *attempt.study.blocks])
        return Statement(register, block, Agreement(self.random.random() < 0.3))

    def _propose(self, attempt: Attempt) -> None:
        """One manifest to some voters; often a second one to the others."""
        everybody = list(attempt.study.roster)
        self.random.shuffle(everybody)
        for voters in (everybody, everybody[: len(everybody) // 2]):
            listed = frozenset(s for s in attempt.headers.values() if attempt.is_calm or self.random.random() < 0.97)
            if not listed:
                return
            for register in voters:
                self._vote(attempt, listed, register)
            if self.random.random() < 0.7:
                return

    def _vote(self, attempt: Attempt, listed: frozenset[Statement], register: Register) -> None:
        consents = attempt.consents.setdefault(listed, set())
        if register.hospital in self.liars | attempt.study.usurped:
            consents.add(register.hospital)
            return
        hospital = self.honest[register.hospital]
        if attempt.context in hospital.votes or hospital.is_recovering or self._refuses(hospital, attempt.study):
            return
        checked: Iterable[Statement] = listed
        if self.planted.own_block_only:
            own = attempt.headers.get(hospital.key)
            checked = [s for s in listed if own and s.block == own.block]
        memory = hospital.memory
        if self.planted.no_memory:
            memory = replace(memory, blocks={}, pending={})
        if self.planted.no_pending:
            memory = replace(memory, pending={})
        if refusals(checked, attempt.study.blocks, memory):
            return
        hospital.votes[attempt.context] = attempt.context
        hospital.memory = hospital.memory.voted(attempt.context, tuple(listed))
        consents.add(hospital.key)

    def open(self, attempt: Attempt) -> None:
        """A certificate and everything that follows; the coordinator tells whom it likes."""
        for listed, voters in attempt.consents.items():
            if len(voters) >= attempt.study.threshold and not attempt.opened:
                attempt.opened = listed
                self._publish(attempt)

    def _publish(self, attempt: Attempt) -> None:
        for register in attempt.study.roster:
            hospital = self.honest.get(register.hospital)
            is_here = hospital and attempt.study.keys[hospital.key] == self.current[hospital.key]
            if hospital and is_here and not hospital.is_recovering and self.random.random() < 0.8:
                self._learn(hospital, attempt)
        if self.planted.ideal_memory:
            for hospital in self.honest.values():
                self._learn(hospital, attempt)

    def _learn(self, hospital: Hospital, attempt: Attempt) -> None:
        if not attempt.opened:
            return
        if not hospital.is_recovering and refusals(attempt.opened, attempt.study.blocks, hospital.memory):
            return  # its verification fails: what it has seen elsewhere speaks against this sum
        hospital.memory = hospital.memory.opened(attempt.context, tuple(attempt.opened), attempt.study.blocks)
        said = next((s for s in attempt.opened if s.register.hospital == hospital.key), None)
        if said is None:
            return
        binding = hospital.bindings[said.register.name].widen(said.agreement)
        if said.block != ALONE and attempt.context not in binding.open and not binding.is_founded:
            binding = binding.named(said.block, attempt.context)
        hospital.bindings[said.register.name] = binding.opened(attempt.context)

    def _void(self, attempt: Attempt) -> None:
        for register in attempt.study.roster:
            hospital = self.honest.get(register.hospital)
            if hospital is None:
                attempt.voids.add(register.hospital)
            elif self._refuses(hospital, attempt.study):
                continue
            elif attempt.context not in hospital.votes and not hospital.is_recovering:
                hospital.votes[attempt.context] = VOID
                attempt.voids.add(hospital.key)
        if len(attempt.voids) >= attempt.study.threshold:
            attempt.is_void = True
            for hospital in self.honest.values():
                if self.random.random() < 0.8:
                    hospital.memory = hospital.memory.voided(attempt.context)
                    for name, binding in hospital.bindings.items():
                        hospital.bindings[name] = binding.voided(attempt.context)

    # what came of it

    @property
    def family(self) -> list[frozenset[Statement]]:
        return [a.opened for a in self.attempts if a.opened]

    @property
    def sums(self) -> list[frozenset[Register]]:
        """Whose numbers are in each opened sum; what stands there for a hospital whose place somebody took is known to liars."""
        opened = [a for a in self.attempts if a.opened]
        return [frozenset(s.register for s in a.opened if s.register.hospital not in a.study.usurped) for a in opened]

    def _protected(self) -> set[Register]:
        """Registers of honest hospitals whose people never answered yes."""
        said = {s.register for opened in self.family for s in opened}
        return {r for r in said - self.yes if r.hospital in self.honest}

    def broken(self) -> str:
        """Why an honest hospital that said no is apart from its block; "" if none is."""
        sums = self.sums
        honest = self._protected()
        named = {s.block for opened in self.family for s in opened}
        if any(s.block == ALONE and s.register in honest for opened in self.family for s in opened):
            return "one that said no stood alone"
        together = Counter(tuple(m in members for members in sums) for m in self._said_no())
        if any(together[tuple(m in members for members in sums)] < 2 for m in honest):
            return "one honest member that said no is read from the sums and what liars know"
        for digest in named - {ALONE}:
            for part in self._parts(digest, named):
                if len({tuple(m in members for members in sums) for m in part if m in honest}) > 1:
                    return "members of a block are apart"
        return ""

    def _said_no(self) -> set[Register]:
        """Registers of honest hospitals that said no in every opened sum, whatever they answered since."""
        yes = {s.register for opened in self.family for s in opened if s.agreement is Agreement.YES}
        said = {s.register for opened in self.family for s in opened} - yes
        return {r for r in said if r.hospital in self.honest}

    def _parts(self, digest: bytes, named: set[bytes]) -> list[tuple[Register, ...]]:
        """A block's members, by the parts that it was split into if one of them has been in a sum."""
        for s in self.splits:
            if s.whole.digest == digest and not split_problem(s):
                parts = [members for part in s.parts for members in self._parts(part.digest, named)]
                if named & {part.digest for part in self._offspring(s)}:
                    return parts
        found = [b for a in self.attempts for b in a.study.blocks.values()] + [b for s in self.splits for b in s.parts]
        return [next(b for b in found if b.digest == digest).members]

    def _offspring(self, split: Split) -> Iterator[Block]:
        """The parts of a split, and theirs."""
        for part in split.parts:
            yield part
            for later in self.splits:
                if later.whole.digest == part.digest and not split_problem(later):
                    yield from self._offspring(later)

    def read_alone(self) -> list[Register]:
        """By elimination, with all that liars know: registers of honest hospitals that said no, read by themselves."""
        sums = self.sums
        everybody = {register for members in sums for register in members}
        told = [register for register in everybody if register.hospital in self.liars]
        return [r for group in readable(sums, told) if len(group) == 1 for r in group if r in self._protected()]
