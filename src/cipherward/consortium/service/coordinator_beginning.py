"""How a study begins at the coordinator: with which hospitals, and so with which of its columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cipherward.consortium.approval import modelcode
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.service.statements import Statements
from cipherward.crypto import wire
from cipherward.errors import CipherwardError
from cipherward.learning.model_kind import Factory
from cipherward.parties import inventories
from cipherward.parties.inventories import Beginning, Shown
from cipherward.runs import continuing, modelfile
from cipherward.runs.folder import RunDirectory
from cipherward.store import files
from cipherward.study import Study
from cipherward.tasks.catalogue import begin
from cipherward.tasks.state import StudyState


class CoordinatorBeginning:
    """`inventories.cbor` of the study's folder, made of the inventories in the approvals. Hospitals whose block is not whole
    yet are not in it, and take no part until it is."""

    def __init__(self, home: CoordinatorHome, study: Study, run: RunDirectory, statements: Statements) -> None:
        self._home, self._study, self._run, self._statements = home, study, run, statements
        self._kept: Beginning | None = None

    @property
    def document(self) -> bytes:
        """An encoded `Shown`, as every hospital is sent it; empty before the beginning."""
        return files.read(self._run.inventories) if self._run.inventories.exists() else b""

    @property
    def hospitals(self) -> frozenset[int]:
        """Who takes part; nobody before the beginning."""
        return frozenset(self._known.said) if self._known else frozenset()

    @property
    def left_out(self) -> Mapping[str, str]:
        """The study's columns that nothing is asked about, each with the reason; none before the beginning."""
        return self._known.left_out if self._known else {}

    @property
    def _known(self) -> Beginning | None:
        if self._kept is None and self.document:
            self._kept = inventories.read(self.document, self._study)
        return self._kept

    def standing(self, willing: Collection[int]) -> frozenset[int]:
        """Of the hospitals that approved: those that stand by themselves, or with their whole block."""
        return frozenset(willing) - inventories.missing_members(self._study, willing).keys()

    def waits_for(self, willing: Collection[int]) -> frozenset[int]:
        """Who is missing in blocks that are not whole."""
        return frozenset().union(*inventories.missing_members(self._study, willing).values())

    def is_enough(self, willing: Collection[int]) -> bool:
        """Whether the study can begin with these hospitals."""
        numbers, there = self._study.thresholds, self.standing(willing)
        if len(there) < max(numbers.threshold, numbers.min_contributors):
            return False
        try:
            inventories.check_patients(inventories.read(self._shown(there), self._study), self._study)
        except CipherwardError:
            return False
        return True

    def fix(self, willing: Collection[int]) -> None:
        """Begin with these hospitals: their inventories, and the first model, are written.

        Raises:
            RefusedError: no column is left. DataError: so few patients do not bear the study's noise.
        """
        shown = self._shown(self.standing(willing))
        found = inventories.read(shown, self._study)
        inventories.check_patients(found, self._study)
        factory = modelcode.coordinators_factory(self._study)
        if first := modelfile.of(self._first(factory, found.left_out)):
            modelfile.save(self._run.initial_model, first)
        files.write(self._run.inventories, shown)
        if found.left_out:
            self._home.log("columns left out", {"study": self._study.name, "columns": sorted(found.left_out)})

    def _first(self, factory: Factory | None, left_out: Mapping[str, str]) -> StudyState:
        if not self._study.training.continues:
            return begin(self._study, factory, left_out=left_out)
        earlier = self._home.study_folder(bytes.fromhex(self._study.training.continues))
        return continuing.begun(self._study, factory, continuing.last_model(earlier)[1], left_out)

    def admit(self, willing: Collection[int]) -> frozenset[int]:
        """Take in who approved since, block by block; those who are new."""
        new = frozenset[int]()
        for hospital in sorted(self.standing(self.hospitals | set(willing)) - self.hospitals):
            if hospital not in self.hospitals:
                new |= self._admit(hospital, willing)
        return new

    def _admit(self, hospital: int, willing: Collection[int]) -> frozenset[int]:
        group = inventories.block_of(self._study, hospital) & (frozenset(willing) - self.hospitals)
        said = self._statements.inventories
        shown = wire.decode(Shown, self.document)
        try:
            data = wire.encode(inventories.joined(self._study, shown, (said[each] for each in group)))
            found = inventories.read(data, self._study)
        except CipherwardError as error:
            self._home.alarm("block cannot join", {"study": self._study.name, "reason": error.message})
            return frozenset()
        files.write(self._run.inventories, data)
        self._kept = found
        return group

    def _shown(self, hospitals: Collection[int]) -> bytes:
        said = self._statements.inventories
        return wire.encode(Shown(tuple(said[each] for each in sorted(hospitals))))
