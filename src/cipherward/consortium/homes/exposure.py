"""What a hospital's own home knows of its exposure: ledger, receipts, and every study's openings, replayed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from cipherward.consortium.approval import approvals, declaring, policyfile
from cipherward.consortium.approval.approvals import OfferedStudy
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.homes.registers import Registers
from cipherward.disclosure.blocks import Register
from cipherward.errors import CipherwardError, StorageError
from cipherward.parties import who_stands
from cipherward.parties.standing import Standing
from cipherward.privacy.lifetime import PATIENT, Lifetime, Limit
from cipherward.runs import exposure
from cipherward.runs.exposure import LIMITS, Exposure, Inferred, Spent
from cipherward.store.ledger import Ledger


@dataclass(frozen=True)
class OwnStand:
    """How one register of this hospital stands, by its ledger. `block`: hex, empty while it has named none; `ended`: its people
    have ended it; `began_under`: first digits of the earlier key of this hospital under which it was begun, empty for its own.
    `refreshes`: at which it stood in opened sums; `open_refreshes`: in such as may still be opened; `rows`: counts of its batches, as
    `Registers.facts`, empty where its file cannot be read or was never made."""

    register: str
    block: str
    founded: bool
    agreed: bool
    ended: bool
    began_under: str
    refreshes: tuple[int, ...]
    open_refreshes: tuple[int, ...]
    rows: Mapping[str, int]


@dataclass(frozen=True)
class OfStudy:
    """One study here. `receipts`: sums that this hospital has verified; `run` None, with `problem`: nothing to replay."""

    study: str
    digest: str
    receipts: int
    run: Exposure | None
    problem: str

    def to_json(self) -> dict[str, Any]:
        """JSON values, for scripts."""
        return asdict(replace(self, run=None)) | {"run": self.run.to_json() if self.run else None}


@dataclass(frozen=True)
class OwnExposure:
    """`pending`: sums that this hospital voted for and has not seen opened; they count as opened. `inferred`: from the
    sums of all `studies`, and those."""

    hospital: str
    registers: tuple[OwnStand, ...]
    studies: tuple[OfStudy, ...]
    pending: int
    budget: tuple[Spent, ...]
    inferred: Inferred

    def to_json(self) -> dict[str, Any]:
        """JSON values, for scripts."""
        return {
            "hospital": self.hospital,
            "registers": [asdict(one) for one in self.registers],
            "studies": [one.to_json() for one in self.studies],
            "pending": self.pending,
            "budget": [asdict(one) for one in self.budget],
            "inferred": exposure.to_json(self.inferred),
            "not_given_by_blocks": list(LIMITS),
        }


def own(home: HospitalHome, selector: str = "") -> OwnExposure:
    """The exposure of a hospital; `selector` (as in `approvals.find`): in one study only. Budget and register are of all.

    Raises:
        StorageError: no ledger yet, or a damaged one. StudyError: no such study.
    """
    if not home.ledger_file.exists():
        raise StorageError(
            f"{home.path} has no ledger: this hospital has taken part in nothing yet",
            hint="it is made when the service first runs: cipherward hospital serve",
        )
    offered = [approvals.find(home, selector)] if selector else approvals.whole_offers(home)[0]
    ledger = Ledger(home.ledger_file)
    try:
        return _of(home, ledger, offered)
    finally:
        ledger.close()


def _of(home: HospitalHome, ledger: Ledger, offered: Sequence[OfferedStudy]) -> OwnExposure:
    studies = tuple(_study(home, ledger, each) for each in offered)
    registers = dict.fromkeys(who_stands.registers_of(each.study)[each.index - 1] for each in offered)
    standings = [Standing(ledger, register) for register in registers]
    pending = standings[0].memory.pending if standings else {}
    waiting = [frozenset(said.register for said in statements) for statements in pending.values()]
    sets = [one for study in studies if study.run for one in study.run.sets] + waiting
    return OwnExposure(
        home.name,
        tuple(_stand(home, ledger, each) for each in standings),
        studies,
        len(waiting),
        (_lifetime(home, ledger),),
        exposure.infer(sets, _names(offered, sets)),
    )


def _stand(home: HospitalHome, ledger: Ledger, standing: Standing) -> OwnStand:
    binding, refreshes, register = standing.binding, standing.refreshes, standing.register
    files = Registers(home.registers_folder, ledger, looks_on=True)
    rows: Mapping[str, int] = {}
    with contextlib.suppress(CipherwardError):
        rows = files.facts(kept) if (kept := files.load(register.name)) else {}
    return OwnStand(
        register.name,
        binding.block.hex(),
        binding.is_founded,
        bool(binding.agreement),
        declaring.has_ended(home, register),
        "" if register.hospital == home.identity.public_key else register.hospital.hex()[:12],
        tuple(sorted(refreshes.opened)),
        tuple(sorted(set(refreshes.open.values()))),
        rows,
    )


def _names(offered: Sequence[OfferedStudy], sets: Sequence[frozenset[Register]]) -> dict[Register, str]:
    """Names by register, with the register's where it is another table than usual; the first digits of a key unnamed here."""
    found = {}
    for each in offered:
        for register, hospital in zip(who_stands.registers_of(each.study), each.study.hospitals, strict=True):
            usual = type(hospital).model_fields["register_name"].default
            found[register] = hospital.name + (f" ({register.name})" if register.name != usual else "")
    for register in sorted({member for one in sets for member in one} - found.keys()):
        found[register] = f"{register.hospital.hex()[:12]} ({register.name})"
    return found


def _study(home: HospitalHome, ledger: Ledger, offered: OfferedStudy) -> OfStudy:
    study, digest = offered.study, offered.digest
    receipts = ledger.receipts(digest)
    folder = home.model_folder(study.name, digest)
    if not receipts and not folder.exists():
        return OfStudy(study.name, digest.hex(), 0, None, "no sum of it was verified here")
    try:
        run = exposure.of_path(folder)
    except CipherwardError as error:
        return OfStudy(
            study.name, digest.hex(), receipts, None, f"its openings here cannot be replayed: {error.message}"
        )
    missing = receipts - len(run.sums)
    problem = f"{missing} sum(s) that this hospital has verified are missing in {folder.name}" if missing > 0 else ""
    return OfStudy(study.name, digest.hex(), receipts, run, problem)


def _lifetime(home: HospitalHome, ledger: Ledger) -> Spent:
    policy = policyfile.load(home.policy_file)
    life = Lifetime(ledger, home.name, policy.limit)
    spent = life.spent(Limit(1.0, policy.max_delta), PATIENT)
    what = "noise for this hospital's patients, over all studies in its ledger"
    if policy.limit is None:
        return Spent(what, None, policy.max_delta, spent, None)
    return Spent(what, policy.limit.epsilon, policy.limit.delta, spent, max(policy.limit.epsilon - spent, 0.0))
