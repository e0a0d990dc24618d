"""Before people approve: whether a study would count a column on another grid than an earlier one did (rule 6), or weigh updates
otherwise (rules 1 and 8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.errors import StudyError
from cipherward.parties.grids import Grids
from cipherward.parties.policy import Policy
from cipherward.parties.weighing import WAY_OUT, Weighing
from cipherward.store.ledger import Ledger
from cipherward.tasks.catalogue import make_task

if TYPE_CHECKING:
    from cipherward.consortium.approval.approvals import OfferedStudy


def problems(home: HospitalHome, offered: OfferedStudy, policy: Policy) -> Mapping[str, str]:
    """Which columns, by name, and what else, each with the way out; none where no exact sum was answered yet.

    Raises:
        StorageError: the ledger is damaged.
    """
    if not home.ledger_file.exists():
        return {}
    try:
        task = make_task(offered.study)
    except StudyError:
        return {}  # the study cannot run, and others say why
    ledger = Ledger(home.ledger_file)
    try:
        register = offered.study.hospitals[offered.index - 1].register_name
        grids = Grids(ledger, register, policy.cell_min)
        found = grids.problems(offered.study, task) if policy.one_grid else {}
        weighed = Weighing(ledger, register).problem(task)
        return {f"{each} (one_grid)": hint for each, hint in found.items()} | ({weighed: WAY_OUT} if weighed else {})
    finally:
        ledger.close()
