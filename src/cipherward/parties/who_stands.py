"""Blocks, registers and answers: from a study document to `disclosure`, and back when it is frozen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cipherward.crypto import schemes
from cipherward.crypto.scheme import Opener
from cipherward.disclosure import succession
from cipherward.disclosure.blocks import ALONE, Block, Blocks, Register, default_blocks, listing_problem
from cipherward.disclosure.missing import Setting
from cipherward.disclosure.standing import Agreement, of_scheme
from cipherward.errors import StudyError
from cipherward.parties import listed
from cipherward.parties.listed import registers_of as registers_of
from cipherward.study import Study

_MOST_NAMES = 12


def hides_single_updates(study: Study) -> bool:
    """Whether nobody can read one hospital's update by the scheme alone; where somebody can, taking part is a yes."""
    return schemes.facts(study.aggregation.scheme).opener is Opener.HOSPITALS


def answer_of(study: Study, name: str) -> Agreement:
    """May this hospital be singled out? As the study says: what a simulation goes by."""
    return of_scheme(Agreement(study.names_alone(name)), hides_single_updates=hides_single_updates(study))


def blocks_of(study: Study) -> Blocks:
    """The blocks of a frozen study.

    Raises:
        StudyError: they break rule 1, 2 or 4, or something in the document is not signed by whom it says.
    """
    blocks, registers = Blocks(listed.blocks_in(study), listed.splits_in(study)), registers_of(study)
    problem = listing_problem(blocks, study.thresholds.min_contributors)
    if refusal := problem or succession.refusal(listed.successions_of(study), blocks.listed):
        raise StudyError(f"the study {study.name!r} lists blocks that may not be: {refusal}", hint=refusal.way_out)
    if len(set(registers)) < len(registers):
        raise StudyError(
            f"the study {study.name!r} lists a hospital twice, under an old key and a new one (rule 4)",
            hint="list the new key alone",
        )
    strange = {m for block in blocks.listed for m in block.members} - set(registers) - listed.agreed_of(study)
    if strange:
        raise StudyError(
            f"the study {study.name!r} lists a block with {len(strange)} register(s) that are not in the study",
            hint="list every member of a block among the hospitals, with the register that the block names; only who has "
            "signed that it may be singled out can be left out",
        )
    return blocks


def with_blocks(study: Study, existing: Iterable[Block] = (), others: Mapping[bytes, str] | None = None) -> Study:
    """A study with keys, and the blocks that its hospitals stand in: those that people wrote, or as many as fit.

    Args:
        existing: blocks of earlier studies. others: names of hospitals outside this one, by key.

    Raises:
        StudyError: a hospital is in a block that is not in this study whole; and as `blocks_of`.
    """
    if study.blocks is None:
        registers, agreed = registers_of(study), listed.agreed_of(study)
        names = {r.hospital: hospital.name for r, hospital in zip(registers, study.hospitals, strict=True)}
        known = tuple(block for block in existing if set(block.members) & set(registers))
        _check_whole(registers, known, {**(others or {}), **names}, agreed)
        bound = {member for block in known for member in block.members}
        open_to = [r for r in registers if r in bound or _joins(study, names[r.hospital])]
        away = sorted((agreed & bound).difference(registers))
        made = default_blocks([*open_to, *away], study.thresholds.min_contributors, known)
        study = study.with_overrides(top={"blocks": [listed.listed_block(block, names) for block in made]})
    blocks_of(study)
    return study


def _joins(study: Study, name: str) -> bool:
    """Whether a new block has room for it: who may not be singled out; where sums are of single blocks, whoever the scheme alone
    makes say yes, too."""
    if study.training.combines_blocks:
        return not study.names_alone(name)
    return answer_of(study, name) is Agreement.NO


def setting_of(study: Study, answers: dict[int, Agreement] | None = None) -> Setting:
    """Registers with their answers, for the table of what a missing hospital means.

    Args:
        answers: by roster index; whoever is not in it answers as the study says.
    """
    given = answers or {}
    said = {
        register: of_scheme(
            given.get(i, answer_of(study, study.hospitals[i - 1].name)),
            hides_single_updates=hides_single_updates(study),
        )
        for i, register in enumerate(registers_of(study), start=1)
    }
    numbers = study.thresholds
    by_block = study.training.combines_blocks
    return Setting(said, blocks_of(study), numbers.threshold, numbers.min_contributors, by_block)


def if_missing(study: Study, answers: dict[int, Agreement] | None = None) -> list[str]:
    """What a missing hospital means for a frozen study, one line for those of whom the same is true; `answers` as in
    `setting_of`."""
    setting = setting_of(study, answers)
    names = {r.hospital: hospital.name for r, hospital in zip(registers_of(study), study.hospitals, strict=True)}
    said = {register.hospital: answer for register, answer in setting.answers.items()}
    alike: dict[str, list[str]] = {}
    for each in setting.table():
        answer = "may be singled out" if said[each.hospital] else "may not be singled out"
        text = f"{answer}; before its update is there, the sum {each.before}; afterwards it {each.after}"
        alike.setdefault(text, []).append(names[each.hospital])
    return [
        "If one hospital is missing (a study that waits ends when its people stop it):",
        *(f"  {_listed(those)}: {text}" for text, those in alike.items()),
        "  The first sum of a block waits for all its members, whatever they answered.",
    ]


def _listed(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= _MOST_NAMES else f"{', '.join(names[:_MOST_NAMES])}, {len(names)} in all"


def check_can_start(study: Study) -> None:
    """Raises StudyError: with the answers that the study gives, no sum of it could ever be opened."""
    setting = setting_of(study)
    if setting.can_start():
        return
    names = {register: hospital.name for register, hospital in zip(registers_of(study), study.hospitals, strict=True)}
    alone = [names[r] for r, answer in setting.answers.items() if not answer and setting.blocks.of(r) == ALONE]
    raise StudyError(
        f"no sum of the study {study.name!r} could be opened: fewer than {setting.min_contributors} of its hospitals may "
        f"stand in one together (said no, and in no block: {', '.join(alone) or 'none'})",
        hint="at least min_contributors hospitals that may not be singled out make a block; add hospitals, or have them agree",
    )


def _check_whole(
    registers: Iterable[Register], existing: Iterable[Block], names: Mapping[bytes, str], agreed: frozenset[Register]
) -> None:
    """Rule 2: who is in a block takes part with the whole block, or not at all, or has signed that it may be singled out."""
    here = set(registers)
    for block in existing:
        inside = sorted(names[m.hospital] for m in block.members if m in here)
        missing = [m.hospital for m in block.members if m not in here and m not in agreed]
        gone = sorted(names.get(key, key.hex()[:12]) for key in missing)
        if inside and gone:
            listed = {names[m.hospital] for m in here}
            why = (
                "of which this study lists a new key that its block mates have not confirmed"
                if listed.issuperset(gone)
                else "which this study does not list"
            )
            raise StudyError(
                f"{', '.join(inside)} stand in sums only together with {', '.join(gone)}, {why} (rule 2: they are one block since "
                "an earlier study)",
                hint="list the whole block or none of it. A hospital leaves by its own word (cipherward hospital widen, or "
                "end-register); all of the block can sign a split (cipherward coordinator split); a hospital with a new key is "
                "confirmed by its block mates (cipherward hospital confirm-successor, rule 4); the founding of a block that was in "
                "no opened sum is given up when its study has been stopped and a quorum has voted void (coordinator status)",
            )
