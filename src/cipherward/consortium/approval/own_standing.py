"""What speaks against a study because of blocks, keys and foundings, by what this hospital's ledger and people have said."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from cipherward.consortium.approval import approvals, declaring, foundings
from cipherward.consortium.approval.approvals import OfferedStudy
from cipherward.consortium.approval.declaring import ProposedSplit
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.disclosure.blocks import Register, Split
from cipherward.disclosure.refusals import Refusal
from cipherward.disclosure.standing import Agreement, Binding, widened
from cipherward.errors import RefusedError
from cipherward.parties import declarations, given_up, inheritance, listed, who_stands
from cipherward.parties.standing import Standing
from cipherward.runs.study_folder import ended
from cipherward.store import files
from cipherward.store.ledger import Ledger

_NAME_OF_DATA = "register of data"


class OwnStanding:
    """This hospital's register in one study that was offered here. `ledger`: None where nothing has run yet."""

    def __init__(self, home: HospitalHome, offered: OfferedStudy, ledger: Ledger | None) -> None:
        self._home, self._offered, self._ledger = home, offered, ledger
        self.register: Register = who_stands.registers_of(offered.study)[offered.index - 1]
        self._known: tuple[object, tuple[str, ...]] = (None, ())

    def problems(self) -> tuple[str, ...]:
        """Why this hospital must not take part now; it may be that it waits for people elsewhere."""
        others = tuple((each.digest, each.status) for each in _under_way(self._home))
        now = (self._binding, others, declaring.declared_here(self._home))
        if self._known[0] != now:
            contested = self.contested()
            self._known = now, (*self.obstacles(), *([contested] if contested else []))
        return self._known[1]

    def obstacles(self) -> tuple[str, ...]:
        """What no approval changes."""
        return tuple(self._obstacles())

    def contested(self, *, with_offers: bool = False) -> str:
        """Which other studies that people here approved would found another block with this hospital; empty if none would.

        Args:
            with_offers: look at studies that nobody here has answered yet as well.
        """
        if self._binding.is_bound:
            return ""
        others = _under_way(self._home, is_approved=not with_offers)
        studies = {each.digest: each.study for each in (*others, self._offered)}
        known = [one for study in studies.values() for one in foundings.of_study(study)]
        return foundings.conflicts(known, self.register).get(self._offered.digest, "")

    @property
    def _binding(self) -> Binding:
        return Standing(self._ledger, self.register).binding if self._ledger else Binding(self.register)

    def _obstacles(self) -> Iterator[str]:
        study, index = self._offered.study, self._offered.index
        if declaring.has_ended(self._home, self.register):
            yield f"rule 2: people here have ended the table {self.register.name!r}"
        if self._ledger and (refused := inheritance.problem(self._ledger, study, index)):
            yield f"{refused.message}; {refused.hint}"
        elif not self._ledger and listed.lineage_of(study).before(self._home.identity.public_key):
            yield inheritance.UNKNOWN
        if self._ledger and (other := named_otherwise(self._home, self._ledger, self.register.name)):
            yield other
        if bound := bound_elsewhere(self._binding, self._offered):
            yield bound


def named_otherwise(home: HospitalHome, ledger: Ledger, register: str) -> str:
    """Why the table of [data] must not be read under this name, if it must not; the first name that is noted is its own."""
    if register in home.register_settings:
        return ""
    known = ledger.fact(_NAME_OF_DATA)
    if known is None or known == register.encode():
        return ""
    return (
        f"the table of [data] is the register {known.decode(errors='replace')!r}, and this study reads it as {register!r}: two names "
        f"for one table escape every rule; a table of other patients has its own place, [registers.{register}] in hospital.toml"
    )


def note_name(home: HospitalHome, ledger: Ledger, register: str) -> None:
    """A study is about to begin that reads the table under this name."""
    if register not in home.register_settings:
        ledger.record_fact(_NAME_OF_DATA, register.encode())


def bound_elsewhere(binding: Binding, offered: OfferedStudy) -> str:
    """Why this register must not stand where the study lists it, since it has named another block; empty if it may."""
    blocks = who_stands.blocks_of(offered.study)
    for context in given_up.contexts_of(offered.study):
        binding = binding.voided(context)
    refusal = binding.problem(blocks.of(binding.register), blocks) if binding.is_bound else None
    return str(refusal) if refusal and refusal.rule == 2 else ""


def before_approval(home: HospitalHome, offered: OfferedStudy) -> tuple[tuple[str, ...], str]:
    """What no approval changes, and what is contested; for commands, whether or not the service runs."""
    with contextlib.ExitStack() as stack:
        ledger = None
        if home.ledger_file.exists():
            ledger = stack.enter_context(contextlib.closing(Ledger(home.ledger_file)))
        standing = OwnStanding(home, offered, ledger)
        return standing.obstacles(), standing.contested(with_offers=True)


def wider(home: HospitalHome, offered: OfferedStudy, answer: Agreement) -> Agreement:
    """The answer that an approval gives: a yes that was ever given for the table stays."""
    register = who_stands.registers_of(offered.study)[offered.index - 1]
    if declaring.has_widened(home, register):
        return Agreement.YES
    if not home.ledger_file.exists():
        return answer
    with contextlib.closing(Ledger(home.ledger_file)) as ledger:
        return widened(Standing(ledger, register).binding.agreement, answer)


def check(home: HospitalHome, offered: OfferedStudy) -> None:
    """Raises RefusedError: a block, a key or a founding speaks against this study, whoever approves it."""
    if obstacles := before_approval(home, offered)[0]:
        raise RefusedError(
            f"the study {offered.study.name!r} is refused: {'; '.join(obstacles)}",
            hint="docs/operations.md, 'A second study over the same tables', has the ways out",
        )


def check_split(home: HospitalHome, proposed: ProposedSplit) -> None:
    """Raises RefusedError: this hospital must not sign the split, by its own ledger (rule 2)."""
    refusal = None
    if home.ledger_file.exists():
        with contextlib.closing(Ledger(home.ledger_file)) as ledger:
            refusal = _split_problem(home, ledger, proposed.split)
    else:
        refusal = Refusal(2, "this hospital has stood in no sum yet", "a block is split after it was founded")
    if refusal:
        raise RefusedError(str(refusal), hint=refusal.way_out)


def apply(home: HospitalHome, ledger: Ledger, statement: bytes) -> None:
    """Put what people signed into the ledger, before anybody hears of it.

    Raises:
        RefusedError: a split that must not be signed (any more).
    """
    declared = declarations.read(statement)
    for register in declaring.own_registers(home):
        if declared == declarations.agreement(register):
            Standing(ledger, register).widen(Agreement.YES)
    for proposed in declaring.proposals(home):
        if declared == declarations.split(proposed.split):
            _sign(home, ledger, proposed.split)


def _sign(home: HospitalHome, ledger: Ledger, split: Split) -> None:
    standing = Standing(ledger, _own(home, split))
    if standing.binding.block in {part.digest for part in split.parts}:
        return  # in the ledger since an earlier start
    if refusal := standing.signing_problem(split):
        raise RefusedError(f"a split that was signed here is not sent: {refusal}", hint=refusal.way_out)
    standing.signed(split)


def _split_problem(home: HospitalHome, ledger: Ledger, split: Split) -> Refusal | None:
    return Standing(ledger, _own(home, split)).signing_problem(split)


def _own(home: HospitalHome, split: Split) -> Register:
    return next(member for member in split.whole.members if member.hospital == home.first_key)


def _under_way(home: HospitalHome, *, is_approved: bool = True) -> list[OfferedStudy]:
    """The studies that go on and that people here said yes to; not `is_approved`: or have not answered."""
    return [
        each
        for each in approvals.whole_offers(home)[0]
        if not _is_over(home, each) and (each.approval or not is_approved) and not each.withdrawal
    ]


def _is_over(home: HospitalHome, offered: OfferedStudy) -> bool:
    """Looked up until it is so: what is over stays over."""
    if offered.folder not in home.over and (
        ended(offered.folder)
        or files.stamp(f"{home.model_folder(offered.study.name, offered.digest)}/result.json") is not None
    ):
        home.over.add(offered.folder)
    return offered.folder in home.over
