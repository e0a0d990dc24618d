"""How a study begins at a hospital: with which hospitals, and so which of its columns are left out."""

from __future__ import annotations

from collections.abc import Mapping

from cipherward.consortium.approval.approvals import OfferedStudy
from cipherward.errors import ProtocolError, RefusedError
from cipherward.parties import domination, inventories
from cipherward.parties.inventories import Beginning
from cipherward.parties.policy import Policy
from cipherward.runs.folder import INVENTORIES, RunDirectory
from cipherward.store import files


class HospitalBeginning:
    """What the coordinator sent of it, checked: `inventories.cbor` beside the offer, and in `run` once there is a run."""

    def __init__(self, offered: OfferedStudy, run: RunDirectory) -> None:
        self._offered, self._run = offered, run
        self._file = offered.folder / INVENTORIES
        self._kept: Beginning | None = None

    def take(self, document: bytes) -> None:
        """Check what the coordinator says of the beginning, and keep it.

        Raises:
            RefusedError, ProtocolError, WireError: not approved here, or as `inventories.read` and `check_own`; another
                beginning than it said before.
            DataError: so few patients do not bear the study's noise. Nothing was charged.
            StorageError: this machine's disk.
        """
        study = self._offered.study
        found = inventories.read(document, study)
        inventories.check_own(found, study, self._offered.index, self._offered.inventory)
        inventories.check_patients(found, study)
        if self.is_known and self.kept.shown.first != found.shown.first:
            raise ProtocolError("the coordinator says that the study began with other hospitals", culprit="coordinator")
        files.write(self._file, document)
        self._kept = found
        if self._run.inventories.exists():
            files.write(self._run.inventories, document)

    @property
    def is_known(self) -> bool:
        """Whether the coordinator has said with whom the study begins."""
        return self._file.exists()

    def refused(self, policy: Policy) -> tuple[str, ...]:
        """What of the declared sizes this hospital's policy refuses; nothing before they are known."""
        if policy.may_dominate or not self.is_known:
            return ()
        problem = domination.problem(self._offered.study, self.kept, self._offered.index)
        return (problem,) if problem else ()

    @property
    def kept(self) -> Beginning:
        """What was kept.

        Raises:
            RefusedError: the coordinator has not said yet with whom the study begins.
        """
        if self._kept is None:
            if not self.is_known:
                raise RefusedError(
                    f"the coordinator has not said with which hospitals the study {self._offered.study.name!r} begins",
                    hint="it says so before the first sum, and again when it is asked; nothing was sent",
                )
            self._kept = inventories.read(files.read(self._file), self._offered.study)
        return self._kept

    @property
    def left_out(self) -> Mapping[str, str]:
        """The columns that nothing is asked about, each with the reason. Raises: as `kept`."""
        return self.kept.left_out

    def prepare_run(self) -> None:
        """Put it beside the study in the run's folder, for `verify`."""
        files.write(self._run.inventories, files.read(self._file))
