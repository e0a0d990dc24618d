"""What a study needs of this hospital, and brings to it: the table as its dictionary describes it, and code for its model.

Both are somebody else's: they are tried before anybody waits for them, and each time behind the boundary.
"""

from __future__ import annotations

import dataclasses

from cipherward.consortium.approval import modelcode, own_inventory, own_mapping, own_register, policyfile
from cipherward.consortium.approval.approvals import OfferedStudy
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.homes.registers import Registers
from cipherward.consortium.service.boundary import DATA, MODEL, Boundary
from cipherward.data import catalogue as sources
from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.errors import CipherwardError, RefusedError, StorageError
from cipherward.learning.catalogue import kind_of
from cipherward.learning.model_kind import Factory
from cipherward.parties.policy import Policy
from cipherward.runs import fingerprint
from cipherward.store.ledger import Ledger
from cipherward.tasks.catalogue import begin


class Brought:
    """`unusable` names what cannot be used here at the moment, as the coordinator is told it; `noticed`: what stands out in
    the table, in column names and counts."""

    def __init__(self, home: HospitalHome, offered: OfferedStudy, boundary: Boundary, ledger: Ledger) -> None:
        self._home, self._offered, self._boundary = home, offered, boundary
        self._study, self._folder = offered.study, offered.folder
        self._registers = Registers(home.registers_folder, ledger)
        self.unusable: set[str] = set()
        self.noticed: tuple[str, ...] = ()
        self._looked_at: tuple[Policy | None, tuple[str, ...], tuple[str, ...]] = (None, (), ())

    def policy(self) -> Policy:
        """Raises RefusedError where it cannot be read."""
        try:
            file = self._home.policy_file
            return self._home.remembered.get("policy", [file], lambda: policyfile.load(file))
        except StorageError as error:
            raise RefusedError(f"without a readable policy nothing leaves: {error.message}") from None

    def broken(self) -> tuple[str, ...]:
        """The clauses of the policy that the study breaks, as `Policy.broken`. Raises: as `policy`."""
        return self._against_policy()[1]

    def clauses_broken(self) -> tuple[str, ...]:
        """The same by name. Raises: as `policy`."""
        return self._against_policy()[2]

    def _against_policy(self) -> tuple[Policy | None, tuple[str, ...], tuple[str, ...]]:
        """A study never changes; it is compared again when the policy is another one."""
        policy = self.policy()
        if self._looked_at[0] is not policy:
            self._looked_at = policy, policy.broken(self._study), policy.clauses_broken(self._study)
        return self._looked_at

    def table(self) -> HospitalData:
        """The rows that the register allows, which stay the same once the study has begun here.

        Raises:
            DataError, StorageError: they are other rows, fill less than the approval says, do not fit the study, cannot be read, or nothing says where they are.
        """
        study, home = self._study, self._home
        self.unusable.add(DATA)
        own = own_register.entry(home, study)
        source = home.source_of(own.register_name) if sources.source(study.data.source).is_own_tables else None
        terms = own_register.terms(home, study, self.policy().rows_min, self._registers)
        terms = dataclasses.replace(terms, is_begun=self._is_begun)
        if self._offered.approval:
            own_mapping.check(home, study, self._folder)
        with self._boundary.around("reading this hospital's table"):
            (data,) = load_hospitals(study, source, home.path, only=[home.name], terms=terms)
        if self._is_begun:
            fingerprint.check(self._folder, data)
        if self._offered.approval:
            own_inventory.check_table(self._offered.declared, study, data, self.policy().cell_min)
        self.unusable.discard(DATA)
        self.noticed = tuple(finding.text for finding in data.about)
        return data

    @property
    def _is_begun(self) -> bool:
        return (self._folder / fingerprint.NAME).exists()

    def begin(self, data: HospitalData) -> None:
        """The study begins here with these rows, or goes on with them: what its first reading made of the register is kept first.

        Raises: as `table`.
        """
        if not self._is_begun and (reading := data.reading):
            name = own_register.entry(self._home, self._study).register_name
            self._registers.keep(name, reading.register)
            facts: dict[str, object] = {"study": self._study.name, "register": name, "refresh": reading.refresh}
            self._home.log("register read", facts | {"rows": len(reading.rows), "waiting": reading.wait})
            if reading.lost:
                said = "rows of theirs have changed or are gone; sums from before and after show their totals"
                self._home.alarm("batches out", facts | {"batches": reading.lost, "reason": said})
        fingerprint.hold(self._folder, data)

    def model(self) -> Factory | None:
        """What makes the study's model where that is somebody's own code, tried once; None for the built-in kinds.

        Raises:
            RefusedError, StudyError, BroughtError: it may not run here, is not installed, or cannot be trained.
        """
        study = self._study
        if not kind_of(study.model).is_own_code:
            return None
        policy = self.policy()
        self.unusable.add(MODEL)
        with self._boundary.around(self.model_words):
            factory = modelcode.factory_of(study, policy)
            begin(study, factory)
        self.unusable.discard(MODEL)
        return factory

    @property
    def model_words(self) -> str:
        """What trains and measures, in words."""
        package = self._study.model.package
        return f"the model code {package}" if package else "the training"

    def try_out(self) -> str:
        """Look at both, with an alarm for what cannot be used; the last reason for the terminal here, empty when all is well."""
        found = ""
        for event, load in (("table cannot be used", self.table), ("model cannot be used", self.model)):
            try:
                load()
            except CipherwardError as error:
                found = error.logged
                hint = error.hint or f"cipherward hospital review {self._study.name} lists every problem"
                self._home.alarm(event, {"study": self._study.name, "reason": logged(error), "hint": hint})
        return found


def logged(error: CipherwardError) -> str:
    """An error as it may stand in a log, which is passed on: what was found in a table is for this hospital's terminal."""
    return error.logged
