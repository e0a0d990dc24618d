"""Before people approve: whether a study would count a column on another grid than an earlier one did (rule 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.errors import StudyError
from cipherward.parties.grids import Grids
from cipherward.parties.policy import Policy
from cipherward.store.ledger import Ledger
from cipherward.tasks.catalogue import make_task

if TYPE_CHECKING:
    from cipherward.consortium.approval.approvals import OfferedStudy


def problems(home: HospitalHome, offered: OfferedStudy, policy: Policy) -> tuple[str, ...]:
    """Which columns, by name; none where the policy does not ask, or no exact sum was answered yet.

    Raises:
        StorageError: the ledger is damaged.
    """
    if not policy.one_grid or not home.ledger_file.exists():
        return ()
    try:
        task = make_task(offered.study)
    except StudyError:
        return ()  # the study cannot run, and others say why
    ledger = Ledger(home.ledger_file)
    try:
        register = offered.study.hospitals[offered.index - 1].register_name
        return tuple(f"{each} (one_grid)" for each in Grids(ledger, register).problems(offered.study, task))
    finally:
        ledger.close()
