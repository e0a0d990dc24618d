"""What a privacy officer reads before saying yes: the study in plain words and computed numbers.

Everything is derived here, from the frozen study and this hospital's own files; no sentence of the coordinator is
repeated except the study's title and description.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from time import time
from typing import Any

from cipherward.consortium.approval import (
    approvals,
    carried,
    choices,
    consequences,
    datacheck,
    earlier_model,
    modelcode,
    other_grids,
    own_inventory,
    own_register,
    own_standing,
    policyfile,
    singling_out,
    what_leaves,
)
from cipherward.consortium.approval.approvals import OfferedStudy
from cipherward.consortium.approval.datacheck import OwnData
from cipherward.consortium.approval.in_short import in_short
from cipherward.consortium.approval.what_leaves import Outgoing
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.membership import members
from cipherward.consortium.membership.members import MembersList
from cipherward.crypto import schemes
from cipherward.crypto.identity import fingerprint
from cipherward.crypto.scheme import Opener
from cipherward.data.registers import Terms
from cipherward.disclosure.standing import Agreement
from cipherward.errors import CipherwardError, TableError
from cipherward.learning import capacity
from cipherward.learning.outcomes import model_words, outcome_of
from cipherward.parties import domination, inventories
from cipherward.privacy import budget as privacy_ledger
from cipherward.privacy import noise as privacy_plan
from cipherward.runs.folder import INVENTORIES
from cipherward.store import files
from cipherward.study import Study
from cipherward.tasks import noise
from cipherward.tasks.catalogue import begin


@dataclass(frozen=True)
class Partner:
    """A hospital of the roster. `standing`: what the confirmed members list says about exactly this key."""

    name: str
    fingerprint: str
    standing: str


@dataclass(frozen=True)
class Review:
    """Everything that `cipherward hospital review` shows. `choices`: of settings that let out more than the same study without them;
    `shown`: what its document says of splits, new keys,
    answers and foundings; `contested`: other foundings that exclude this one's; `refusals`: why it cannot be approved now; empty:
    it can."""

    study: str
    title: str
    description: str
    in_short: tuple[tuple[str, str], ...]
    approved_by: str
    synthetic: bool
    digest: str
    status: str
    hospital: str
    coordinator_fingerprint: str
    outcome: str
    model: str
    n_parameters: int
    rounds: int
    data: OwnData
    leaves: tuple[Outgoing, ...]
    scheme: str
    opening: tuple[str, ...]
    privacy: tuple[str, ...]
    shown: tuple[str, ...]
    contested: str
    singled_out: tuple[str, ...]
    declared: tuple[str, ...]
    choices: tuple[str, ...]
    carried: tuple[str, ...]
    partners: tuple[Partner, ...]
    sizes: tuple[str, ...]
    policy_broken: tuple[str, ...]
    refusals: tuple[str, ...]

    @property
    def total_bytes_up(self) -> int:
        """Sent by this hospital in the whole study, when every sum opens at the first attempt."""
        return sum(kind.times * kind.bytes_up for kind in self.leaves)

    def to_json(self) -> dict[str, Any]:
        """The review as JSON values."""
        return asdict(self) | {"total_bytes_up": self.total_bytes_up, "can_be_approved": not self.refusals}


def review(home: HospitalHome, offered: OfferedStudy, *, table: Path | None = None) -> Review:
    """Look at a study that was offered, with this hospital's own table (`table` instead of the configured one).

    Raises:
        StorageError: a file of the home is missing or damaged, policy.toml has mistakes.
    """
    study = offered.study
    policy = policyfile.load(home.policy_file)
    terms, lost = _terms(home, study, policy.rows_min)
    broken = policy.broken(study)
    unconfirmed = approvals.unconfirmed(home, study)
    earlier = other_grids.beside_earlier(home, offered, policy)
    problems = [*(f"policy: {clause}" for clause in (*broken, *earlier.problems)), *unconfirmed, *lost]
    if over := study.ended(time()):
        problems.insert(0, over)
    leaves: tuple[Outgoing, ...] = ()
    n_parameters = 0
    data: OwnData | None = None
    source = table or home.source_of(study.hospitals[offered.index - 1].register_name)
    try:
        factory = modelcode.factory_of(study, policy)
        first = begin(study, factory)
        n_parameters = first.n_parameters
        leaves = what_leaves.outgoing(study, first)
        asked = dict.fromkeys(group for question, _ in first.task.plan() for group in question.about)
        data = datacheck.check(study, home.name, source, asked, policy.cell_min, terms)
        privacy_plan.check_hospital(study, n_parameters)
        noise.check_hospital(study, first.task, data.used or data.rows or None)
    except CipherwardError as error:
        problems.append(error.message)
    data = data or datacheck.check(study, home.name, source, terms=terms)
    obstacles, contested = own_standing.before_approval(home, offered)
    problems += obstacles
    if data.problems:
        problems.append(f"this hospital's table does not fit the study: {len(data.problems)} problem(s)")
    return Review(
        study=study.name,
        title=study.title,
        description=study.description,
        in_short=in_short(study, leaves),
        approved_by=offered.approved_by,
        synthetic=study.synthetic,
        digest=members.grouped(offered.digest),
        status=offered.status,
        hospital=home.name,
        coordinator_fingerprint=fingerprint(home.coordinator_key),
        outcome=outcome_of(study.data).reviewed,
        model=model_words(study),
        n_parameters=n_parameters,
        rounds=study.training.rounds,
        data=data,
        leaves=leaves,
        scheme=study.aggregation.scheme,
        opening=_opening(study),
        privacy=(*_privacy(study), *_capacity(n_parameters, data)),
        shown=tuple(consequences.of_document(study)),
        contested=contested,
        singled_out=tuple(singling_out.paragraphs(offered)),
        declared=_declared(home, study, table, policy.cell_min),
        choices=choices.words(study),
        carried=(*carried.words(home, study), *earlier_model.words(home, study), *earlier.notes),
        partners=_partners(study, home.confirmed),
        sizes=_sizes(offered, may_dominate=policy.may_dominate),
        policy_broken=broken,
        refusals=tuple(problems),
    )


def _terms(home: HospitalHome, study: Study, rows_min: int) -> tuple[Terms | None, tuple[str, ...]]:
    try:
        return own_register.terms(home, study, rows_min), ()
    except TableError as error:
        return None, (error.message,)


def _declared(home: HospitalHome, study: Study, table: Path | None, cell_min: int) -> tuple[str, ...]:
    """What the approval would say of this hospital's table."""
    try:
        return tuple(own_inventory.words(own_inventory.inventory(home, study, Agreement.NO, table), study, cell_min))
    except CipherwardError:
        return ("Nothing yet: the table cannot be used as it is (section 2).",)


def _opening(study: Study) -> tuple[str, ...]:
    """Who can open what, in words."""
    numbers = study.thresholds
    opener = schemes.facts(study.aggregation.scheme).opener
    said = [numbers.explain(is_shared=opener is Opener.HOSPITALS)]
    if opener is Opener.COORDINATOR:
        said.append(
            f"Scheme {study.aggregation.scheme}: the coordinator holds a key that could open this hospital's own numbers. Other hospitals and "
            "eavesdroppers cannot open them; that the coordinator opens sums only is its rule and its log, not a proof."
        )
    else:
        t, n = numbers.threshold, numbers.n_hospitals
        said.append(
            f"Scheme {study.aggregation.scheme}: no key opens this hospital's own numbers. {t} of the {n} hospitals together open the sum, "
            f"and nothing else, when they find it in order. {t} hospitals that break the rules together with the "
            "coordinator could open a hospital's numbers while the sum is running; after it the keys are erased."
        )
        said.append(f"{n - 1} hospitals that work together learn the numbers of the last one, by subtraction.")
    said += [warning[0].upper() + warning[1:] + "." for warning in numbers.warnings()]
    return (*said, _copies(study))


def _copies(study: Study) -> str:
    """What the study lets its parties' vaults keep, in words."""
    kept = []
    for kind, rule in ((name, getattr(study.vault, name)) for name in type(study.vault).model_fields):
        limits = [f"of {rule.rounds} sum(s)"] if rule.rounds else []
        limits += [f"for {rule.days:g} day(s)"] if rule.days else []
        kept += [f"{kind} {' and '.join(limits) or 'without end'}"] * rule.keep
    return (
        "The coordinator and each hospital may keep encrypted copies in a vault of their own: "
        f"{', '.join(kept) or 'the study only'}. Updates stay encrypted as they were sent; no key of a sum is kept."
    )


def _privacy(study: Study) -> tuple[str, ...]:
    """What differential privacy bounds here, and what it does not."""
    said = []
    if privacy := study.privacy:
        said += _bound(study, privacy.unit, privacy.epsilon, privacy.delta, "all rounds")
    if own := study.own_noise:
        said += _bound(study, "patient", own.epsilon, own.delta, "all sums with noise")
    return tuple(said) or (
        "None. The opened sums and the final model can reveal something about single patients, and nothing in this "
        "study bounds how much.",
    )


def _capacity(n_parameters: int, data: OwnData) -> tuple[str, ...]:
    words = capacity.warning(n_parameters, data.used or data.rows, "this hospital has at most")
    return (words,) if words else ()


def _bound(study: Study, unit: str, epsilon: float, delta: float, answers: str) -> list[str]:
    return [
        f"Of each {unit}: epsilon {epsilon:g}, delta {delta:g}, for {answers} together.",
        f"Covered: {'; '.join(privacy_ledger.COVERED[unit])}.",
        *(f"Not covered: {text}." for text in privacy_ledger.not_covered(study, unit)),
    ]


def _sizes(offered: OfferedStudy, *, may_dominate: bool) -> tuple[str, ...]:
    """What hospitals count for, and what this one's policy says where it would dominate its block."""
    study, kept = offered.study, offered.folder / INVENTORIES
    known = domination.sizes(inventories.read(files.read(kept), study)) if kept.exists() else {}
    names = [f"{study.hospitals[index - 1].name} about {size:,}" for index, size in known.items()]
    said = (
        f"Patients, as declared: {', '.join(names)}."
        if names
        else (
            "How many patients each hospital has, to the next power of two, comes with the approvals and is known to all before the "
            "first sum; review shows it from then on."
        )
    )
    policy = (
        "This hospital's policy lets it dominate (may_dominate = true)."
        if may_dominate
        else "This hospital's policy refuses to take part where it would dominate (may_dominate = false)."
    )
    needed = "" if names else inventories.patients_needed(study)
    return tuple(each for each in (said, needed, domination.MEANING, policy) if each)


def _partners(study: Study, confirmed: MembersList | None) -> tuple[Partner, ...]:
    found = []
    for hospital in study.hospitals:
        key = bytes.fromhex(hospital.public_key)
        member = confirmed.find(hospital.name) if confirmed else None
        if member is None:
            standing = "not confirmed here"
        elif not member.is_active:
            standing = "revoked"
        else:
            standing = "confirmed" if member.public_key == key else "another key than the one confirmed here"
        found.append(Partner(hospital.name, fingerprint(key), standing))
    return tuple(found)
