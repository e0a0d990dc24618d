"""What each hospital says of its own table, and with it how a study begins: which of its columns are left out.

An inventory is signed with the approval; `Beginning` is what the coordinator hands to everybody. Which columns are left
out follows from the signed inventories alone, at every party, and the columns asked about are part of every question: a
coordinator that shows hospitals different inventories has different questions asked, and no sum of them is certified.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cipherward.crypto import wire
from cipherward.crypto.identity import COORDINATOR, Identity, open_signed
from cipherward.data.filled import filled, n_patients
from cipherward.data.sources import HospitalData
from cipherward.disclosure import columns
from cipherward.disclosure.blocks import ALONE, Block, Register
from cipherward.disclosure.columns import Filled
from cipherward.disclosure.standing import Agreement
from cipherward.errors import DataError, ProtocolError, RefusedError
from cipherward.learning.weights import row_class
from cipherward.parties import listed, roster, who_stands
from cipherward.study import Study
from cipherward.tasks.catalogue import make_task

KIND = "inventory"


_MORE_PATIENTS = (
    "with a larger noise.epsilon or more hospitals, or with noise.enabled = false, which promises no patient anything"
)


@dataclass(frozen=True)
class Inventory:
    """Of a hospital, about its register and this study (digest).

    `singled_out`: the answer to the question of rule 3, 1 for yes; `patients`: the class of their number
    (`learning.weights.row_class`); `columns`: those of the study that enough patients have a value in; `verified`: digest of
    the opening whose constants the study carries over, where this hospital has verified it itself.
    """

    study: bytes
    singled_out: int
    patients: int
    columns: tuple[str, ...]
    verified: bytes = b""

    @property
    def answer(self) -> Agreement:
        """May this hospital be singled out by what is opened?"""
        return Agreement(self.singled_out)


@dataclass(frozen=True)
class Shown:
    """The signed inventories that a study begins with, and of hospitals that came later, each in roster order."""

    first: tuple[bytes, ...]
    later: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Beginning:
    """A checked `Shown`. `said` by roster index; `left_out`: for each such column of the study the reason, in words."""

    shown: Shown = field(repr=False)
    said: Mapping[int, Inventory]
    left_out: Mapping[str, str]

    def verified_by(self, study: Study) -> tuple[int, ...]:
        """Who has verified the opening whose constants the study carries over; () where it carries none."""
        wanted = bytes.fromhex(study.carry_over.opening) if study.carry_over else b""
        return tuple(index for index, each in sorted(self.said.items()) if wanted and each.verified == wanted)


def carried_words(beginning: Beginning, study: Study) -> str:
    """From which study and date constants are carried over, and who answers for them; empty where none are."""
    if study.carry_over is None:
        return ""
    names = [study.hospitals[index - 1].name for index in beginning.verified_by(study)]
    return (
        f"constants of the study {study.carry_over.study[:12]}, opened on {study.carry_over.date}, were used again; "
        f"{', '.join(names)} verified that opening themselves ({study.thresholds.threshold} of the hospitals had to)"
    )


def of_table(study: Study, data: HospitalData, answer: Agreement, cell_min: int, verified: bytes = b"") -> Inventory:
    """What a hospital has to declare. `cell_min`: its policy's; `verified`: as in `Inventory`."""
    return Inventory(study.digest(), int(answer), row_class(n_patients(data)), filled(data, cell_min), verified)


def sign(identity: Identity, index: int, inventory: Inventory) -> bytes:
    """The inventory, signed. `index`: the hospital's on the roster."""
    return identity.sign(KIND, inventory.study, index, wire.encode(inventory))


def opened(data: bytes, study: Study) -> tuple[int, Inventory]:
    """The roster index of the hospital that signed it, and what it declares.

    Raises:
        WireError, ProtocolError: malformed, forged, of another study, or about columns that are not the study's.
    """
    signed = open_signed(data, study=study.digest(), keys=roster.roster_keys(study), kind=KIND)
    if signed.sender == COORDINATOR:
        raise ProtocolError("the coordinator cannot sign a hospital's inventory")
    said = wire.decode(Inventory, signed.body)
    known = [column.name for column in study.columns]
    if said.study != study.digest() or said.singled_out not in (0, 1):
        raise ProtocolError("an inventory about another study, or without an answer")
    if [name for name in known if name in said.columns] != list(said.columns):
        raise ProtocolError("an inventory about columns that are not the study's")
    return signed.sender, said


def read(data: bytes, study: Study) -> Beginning:
    """The beginning that a coordinator states (an encoded `Shown`), checked against the study.

    Raises:
        WireError, ProtocolError: as `opened`; two inventories of one hospital; a block that came later and has too few
            hospitals for a column that is asked about.
        RefusedError: no column is left; too few hospitals have verified the opening whose constants are carried over.
    """
    shown = wire.decode(Shown, data)
    first, later = (dict(opened(each, study) for each in part) for part in (shown.first, shown.later))
    said = first | later
    if len(said) != len(shown.first) + len(shown.later) or shown != _sorted(shown, study):
        raise ProtocolError("a hospital's inventory is listed twice, or out of order")
    names = [column.name for column in study.columns]
    out = columns.left_out(_whole(study, first), _filled(study, first), names)
    kept = [name for name in names if name not in out]
    if not kept:
        raise RefusedError(
            f"no column of the study {study.name!r} is left: each is filled by too few hospitals of a block (rule 9)",
            hint="ask for columns that the hospitals have; cipherward hospital review STUDY shows each its own",
        )
    if short := columns.left_out(_whole(study, said), _filled(study, said), kept):
        raise ProtocolError(
            f"a block that came later has too few hospitals that fill {', '.join(map(repr, short))} (rule 9)",
            culprit="coordinator",
        )
    beginning = Beginning(shown, said, {name: str(why) for name, why in out.items()})
    n, needed = len(beginning.verified_by(study)), study.thresholds.threshold
    if study.carry_over and n < needed:
        raise RefusedError(
            f"only {n} of the hospitals with which the study {study.name!r} begins have verified the opening whose constants it "
            f"carries over, and {needed} have to (rule 10)",
            hint="wait for approvals of hospitals that took part in the earlier study, or start a study that asks again",
        )
    return beginning


def check_own(beginning: Beginning, study: Study, index: int, inventory: bytes) -> None:
    """Whether a hospital may take part in what begins so: with its own inventory, and its block whole.

    Raises:
        ProtocolError: another inventory of this hospital, or none, is in it.
        RefusedError: its block is not whole in it: nothing is known of the columns of the others.
    """
    if inventory not in (*beginning.shown.first, *beginning.shown.later):
        raise ProtocolError("the study begins without this hospital's own inventory", culprit="coordinator")
    blocks = who_stands.blocks_of(study)
    own = blocks.of(_registers(study)[index])
    if own != ALONE and own not in {block.digest for block in _whole(study, beginning.said)}:
        raise RefusedError(
            f"the study {study.name!r} begins before every hospital of this one's block has approved it",
            hint="wait for the others of the block; the coordinator sends word when they are there",
        )


def check_patients(beginning: Beginning, study: Study) -> None:
    """Whether the patients of the hospitals that it begins with bear the study's noise, before any budget is charged.

    Raises:
        DataError: by the classes declared there may be too few; it names both ways out.
    """
    needed = make_task(study.without_columns(beginning.left_out)).patients_needed(len(beginning.shown.first))
    known = (opened(each, study)[1].patients for each in beginning.shown.first)
    least = math.floor(sum(known) / math.sqrt(2.0))  # a class is within root 2 of the number, either way
    if least < needed:
        raise DataError(
            f"the hospitals together declare at least {least:,} patients, which are too few for noise of epsilon "
            f"{study.noise.epsilon:g} at delta {study.noise.delta:g}: below {needed:,} it would spoil the result. Nothing was "
            "asked, and no budget was charged",
            hint=f"start a new study {_MORE_PATIENTS}",
        )


def patients_needed(study: Study) -> str:
    """How many patients the noise of a frozen study needs, for people before they begin it; empty where it needs none."""
    needed = make_task(study).patients_needed(study.n_hospitals)
    if not needed:
        return ""
    return (
        f"Noise of epsilon {study.noise.epsilon:g} needs at least {needed:,} patients in all hospitals together, and with {2 * needed:,} "
        "there are surely enough: each declares the power of two next to its number. With fewer the study ends before its first sum; "
        f"then start another {_MORE_PATIENTS}."
    )


def block_of(study: Study, hospital: int) -> frozenset[int]:
    """The roster indices of a hospital's block; itself, where it stands by itself."""
    registers = _registers(study)
    for block in who_stands.blocks_of(study).listed:
        if registers[hospital] in block.members:
            return frozenset(index for index, register in registers.items() if register in block.members)
    return frozenset({hospital})


def joined(study: Study, shown: Shown, later: Iterable[bytes]) -> Shown:
    """The same with inventories of hospitals that came later."""
    return _sorted(Shown(shown.first, tuple({*shown.later, *later})), study)


def missing_members(study: Study, there: Iterable[int]) -> dict[int, frozenset[int]]:
    """For each hospital that is there (roster index) and whose block is not whole: who of its block is missing."""
    present = frozenset(there)
    found = {index: block_of(study, index) - present for index in _registers(study)}
    return {index: away for index, away in found.items() if away and index in present}


def _sorted(shown: Shown, study: Study) -> Shown:
    def place(data: bytes) -> int:
        return opened(data, study)[0]

    return Shown(tuple(sorted(shown.first, key=place)), tuple(sorted(shown.later, key=place)))


def _registers(study: Study) -> dict[int, Register]:
    return dict(enumerate(who_stands.registers_of(study), start=1))


def _filled(study: Study, said: Mapping[int, Inventory]) -> dict[Register, Filled]:
    """By register, also of members of blocks that are not on the roster: only who agreed can be left out of a study."""
    registers, agreed = _registers(study), listed.agreed_of(study)
    found = {register: Filled(Agreement.YES, frozenset()) for register in agreed}
    for index, each in said.items():
        register = registers[index]
        answer = Agreement.YES if register in agreed else each.answer
        found[register] = Filled(answer, frozenset(each.columns))
    return found


def _whole(study: Study, said: Mapping[int, Inventory]) -> tuple[Block, ...]:
    """The blocks of which everybody on the roster is there."""
    registers = _registers(study)
    away = listed.agreed_of(study).difference(registers.values())
    return columns.whole(who_stands.blocks_of(study).listed, {*away, *(registers[index] for index in said)})
