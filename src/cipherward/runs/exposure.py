"""What a run has opened, who stood in its sums, and what could be inferred from that: recomputed from its openings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from cipherward.crypto import schemes
from cipherward.crypto.scheme import Opener
from cipherward.disclosure import inference
from cipherward.disclosure.blocks import ALONE, Register
from cipherward.disclosure.standing import Memory
from cipherward.parties import listed, refreshes, who_stands
from cipherward.privacy.accounting import Event
from cipherward.privacy.lifetime import Limit
from cipherward.runs import verify
from cipherward.runs.verify import Replayed, Run
from cipherward.study import Study
from cipherward.tasks.noise import OWN

LIMITS = (
    "Blocks hide who contributed what, not what was asked: a unit, category or range that one hospital alone has is that "
    "hospital's own, in any sum.",
    "Exact sums promise single patients nothing. Only noise does.",
    "Hospitals that collude shrink a block: all of its members but one together learn what the last one sent.",
    "What is listed as readable is what follows for certain. Sums of neighbouring rounds are similar, so totals of sets that "
    "differ are known roughly even where the sums ask different things.",
)
"""What blocks do not give, in sentences."""


@dataclass(frozen=True)
class Stand:
    """How a register stood in the sums. `block`: hex, empty where it is in none; `agreed`: it may be singled out. `refresh`: the
    step at which its table was read; `entered`: in how many sums new patients entered it since the sum before; `predecessors`: first
    digits of the keys that its hospital's key follows, the newest first."""

    hospital: str
    register: str
    block: str
    agreed: bool
    refresh: int
    entered: int
    predecessors: tuple[str, ...]


@dataclass(frozen=True)
class StoodBlock:
    """A block. `least`: how many members that said no must stand in a sum; `founded`: it stood in an opening."""

    digest: str
    members: tuple[str, ...]
    least: int
    founded: bool


@dataclass(frozen=True)
class OpenedSum:
    """`noise`: whose noise it carries, empty for an exact sum. Not `opened`: certified, and it gave no result."""

    number: int
    purpose: str
    contributors: tuple[str, ...]
    opened: bool
    noise: str


@dataclass(frozen=True)
class Spent:
    """A budget at its own delta. `spent`, `left`: None where only each hospital's own ledger knows."""

    what: str
    epsilon: float | None
    delta: float
    spent: float | None
    left: float | None


@dataclass(frozen=True)
class Inferred:
    """`groups`: who stood in every sum together or not at all; `readable`: those of them whose own total follows by adding
    and subtracting the sums, if they asked the same."""

    groups: tuple[tuple[str, ...], ...]
    readable: tuple[tuple[str, ...], ...]

    @property
    def alone(self) -> tuple[str, ...]:
        """The hospitals whose own contribution follows."""
        return tuple(group[0] for group in self.readable if len(group) == 1)


@dataclass(frozen=True)
class Exposure:
    """One run. `sets`: the registers in each sum. `reader`: who could read single contributions, by the scheme alone."""

    study: str
    digest: str
    scheme: str
    reader: str
    registers: tuple[Stand, ...]
    blocks: tuple[StoodBlock, ...]
    sums: tuple[OpenedSum, ...]
    budget: tuple[Spent, ...]
    inferred: Inferred
    names: Mapping[Register, str] = field(repr=False)
    sets: tuple[frozenset[Register], ...] = field(repr=False)

    @property
    def exact(self) -> int:
        """How many opened sums carry no noise."""
        return sum(one.opened and not one.noise for one in self.sums)

    def to_json(self) -> dict[str, Any]:
        """JSON values, for scripts."""
        found = asdict(replace(self, names={}, sets=()))
        del found["names"], found["sets"]
        return found | {"inferred": to_json(self.inferred), "not_given_by_blocks": list(LIMITS)}


def to_json(inferred: Inferred) -> dict[str, Any]:
    """What could be inferred, as JSON values."""
    return asdict(inferred) | {"alone": list(inferred.alone)}


def infer(sets: Iterable[Collection[Register]], names: Mapping[Register, str]) -> Inferred:
    """What follows from the lists of contributors; hospitals by name, each set once."""
    different = list(dict.fromkeys(frozenset(one) for one in sets))

    def named(found: Iterable[frozenset[Register]]) -> tuple[tuple[str, ...], ...]:
        order = list(names)
        each = (sorted(group, key=order.index) for group in found)
        return tuple(sorted(tuple(names[member] for member in group) for group in each))

    return Inferred(named(inference.groups(different)), named(inference.readable(different)))


def sentences(inferred: Inferred, reader: str, most: int = 1_000) -> list[str]:
    """The same in plain words, at most so many names of a group at a time; `reader`: as `Exposure.reader`."""
    found = []
    if reader:
        found.append(f"Under this scheme {reader} could read every single contribution: no subtraction is needed.")
    for group in inferred.groups:
        readable = "readable" if group in inferred.readable else "not readable"
        named = ", ".join(group[:most]) + (f" and {len(group) - most} more" if len(group) > most else "")
        if len(group) == 1:
            found.append(f"{named} stood apart from all others; what it sent alone is {readable} by subtracting sums.")
        else:
            found.append(f"{named}: always together, so not to be told apart; their total is {readable}.")
    return found or ["Nothing: no sum was opened."]


def of_path(path: Path) -> Exposure:
    """Replay a run directory, finished or not.

    Raises:
        AuditError, StorageError, StudyError, DataError: as `verify.open_run` and `verify.replay`.
    """
    run = verify.open_run(path)
    return of_replayed(run, list(verify.replay(run)))


def of_replayed(run: Run, replayed: Sequence[Replayed]) -> Exposure:
    """The same for states that were replayed already, the first one first."""
    study = run.first.study
    registers = who_stands.registers_of(study)
    names = {register: h.name for register, h in zip(registers, study.hospitals, strict=True)}
    before = [each.state for each in replayed]
    sums, sets = [], []
    for earlier, each in zip(before, replayed[1:], strict=False):
        numbers = each.contributors
        contributors = tuple(study.hospitals[i - 1].name for i in numbers)
        sums.append(OpenedSum(earlier.sums_done, each.purpose, contributors, bool(each.manifest), earlier.whose_noise))
        sets.append(frozenset(registers[i - 1] for i in numbers))
    memory = replayed[-1].state.memory
    facts = schemes.facts(study.aggregation.scheme)
    return Exposure(
        study.name,
        study.digest().hex(),
        facts.name,
        "" if facts.opener is Opener.HOSPITALS else "the coordinator",
        _stands(study, names, replayed),
        _blocks(study, names, memory),
        tuple(sums),
        _budget(study, sums),
        infer(sets, names),
        names,
        tuple(sets),
    )


def _stands(study: Study, names: Mapping[Register, str], replayed: Sequence[Replayed]) -> tuple[Stand, ...]:
    memory, lineage, steps = replayed[-1].state.memory, listed.lineage_of(study), refreshes.refreshes_of(study)
    entered = Counter(said.register for each in replayed for said in each.said if said.has_entered)
    found = []
    for (register, name), hospital in zip(names.items(), study.hospitals, strict=True):
        block = memory.blocks.get(register) or who_stands.blocks_of(study).of(register)
        agreed = memory.known_yes(register) or not who_stands.hides_single_updates(study)
        keys = tuple(key.hex()[:12] for key in lineage.before(bytes.fromhex(hospital.public_key)))
        place = "" if block == ALONE else block.hex()
        found.append(Stand(name, register.name, place, agreed, steps[register], entered[register], keys))
    return tuple(found)


def register_words(stand: Stand) -> tuple[str, ...]:
    """At which refresh the table was read, whether patients entered, and whose key its hospital's follows; () for nothing to say."""
    said = []
    if stand.refresh or stand.entered:
        came = ", with patients who entered since the sum before" if stand.entered else ""
        said.append(f"read at refresh {stand.refresh}{came}")
    if stand.predecessors:
        said.append(f"its key follows {', '.join(stand.predecessors)}")
    return tuple(said)


def _blocks(study: Study, names: Mapping[Register, str], memory: Memory) -> tuple[StoodBlock, ...]:
    return tuple(
        StoodBlock(
            block.digest.hex(),
            tuple(
                sorted(names.get(m, f"{m.hospital.hex()[:12]} (left, by its own signed yes)") for m in block.members)
            ),
            block.least,
            block.digest in memory.founded,
        )
        for block in who_stands.blocks_of(study).listed
    )


def _budget(study: Study, sums: Sequence[OpenedSum]) -> tuple[Spent, ...]:
    found = []
    noise, privacy = study.own_noise, study.privacy
    if noise and noise.noise_multiplier:
        own = [one for one in sums if one.noise == OWN]
        # A sum that did not open and was asked again carried the same noise: it is charged once.
        n = sum(one.opened for one in own) + (bool(own) and not own[-1].opened)
        limit = Limit(noise.epsilon, noise.delta)
        spent = limit.cost([Event(noise.noise_multiplier, 1.0, n)]) if n else 0.0
        what = "noise on counts and sums, for each patient, in this study"
        found.append(Spent(what, noise.epsilon, noise.delta, spent, max(noise.epsilon - spent, 0.0)))
    if privacy:
        what = f"differential privacy of the training, unit {privacy.unit}, in this study"
        found.append(Spent(what, privacy.epsilon, privacy.delta, None, None))
    return tuple(found)
