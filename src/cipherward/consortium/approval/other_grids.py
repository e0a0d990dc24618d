"""Before people approve: whether a study would count a column on another grid than an earlier one did (rule 6), or
weigh or cut updates otherwise (rules 1 and 8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.errors import StudyError
from cipherward.learning.catalogue import kind_of
from cipherward.parties.cut_updates import WAY_OUT as AS_BEFORE
from cipherward.parties.cut_updates import CutUpdates
from cipherward.parties.grids import Grids
from cipherward.parties.policy import Policy
from cipherward.parties.weighing import Weighing, settles
from cipherward.store.ledger import Ledger
from cipherward.study import Study
from cipherward.tasks.catalogue import make_task
from cipherward.tasks.task import Task

if TYPE_CHECKING:
    from cipherward.consortium.approval.approvals import OfferedStudy

NOT_CUT = (
    "{}. The difference of their sums would show how much updates were cut, perhaps this hospital's alone. Nothing was taken off its first update then; "
    "where something is now, it declines. Ask why the same model is trained anew."
)


@dataclass(frozen=True)
class Found:
    """`problems`: why the study cannot be approved, each with the way out; `notes`: for who reads a review."""

    problems: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def beside_earlier(home: HospitalHome, offered: OfferedStudy, policy: Policy) -> Found:
    """Which columns, by name, and what else, each with the way out; no problem where no exact sum was answered yet.

    Raises:
        StorageError: the ledger is damaged.
    """
    study = offered.study
    try:
        task = make_task(study)
    except StudyError:
        return Found()  # the study cannot run, and others say why
    if not home.ledger_file.exists():
        return Found(notes=_said(settles(task.weights())))
    ledger = Ledger(home.ledger_file)
    try:
        register = study.hospitals[offered.index - 1].register_name
        grids = Grids(ledger, register, policy.cell_min)
        found = grids.problems(study, task) if policy.one_grid else {}
        weighing = Weighing(ledger, register)
        weighed = weighing.problem(task)
        pairs = _pairs(CutUpdates(ledger, register), study, task)
        return Found(
            {f"{each} (one_grid)": hint for each, hint in found.items()}
            | ({weighed: weighing.way_out(task)} if weighed else {})
            | {f"{each}; this hospital's update was cut then": AS_BEFORE for each, is_cut in pairs.items() if is_cut},
            (
                *_said(weighing.settled_by(task)),
                *(NOT_CUT.format(each) for each, is_cut in pairs.items() if not is_cut),
            ),
        )
    finally:
        ledger.close()


def _said(words: str) -> tuple[str, ...]:
    return (words,) if words else ()


def _pairs(updates: CutUpdates, study: Study, task: Task[Any]) -> Mapping[str, bool]:
    """Of a study that is trained in rounds from a first model that its seed gives. What a study brings as code is run
    by the service only, which declines all the same."""
    if study.task != "train" or study.fits_by_newton or study.training.continues or kind_of(study.model).is_own_code:
        return {}
    first = task.model(task.first())
    return updates.pairs(study, first) if first else {}
