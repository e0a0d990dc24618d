"""The audit log of a simulation: the coordinator writes it, every hospital cosigns its heads, all of them on this machine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from cipherward import study as study_document
from cipherward.audit import entries
from cipherward.audit.witness import MEMORY, Witness
from cipherward.crypto.identity import COORDINATOR
from cipherward.runs.audit_trail import REPORT, Trail
from cipherward.runs.folder import RunDirectory
from cipherward.runs.log_names import author, witness_name, witnesses
from cipherward.simulation import make_parties
from cipherward.simulation.make_parties import Keys
from cipherward.store import files
from cipherward.study import Study


class WitnessedLog:
    """Raises AuditError, StorageError: what is there is not this run's log, whole."""

    def __init__(self, run: RunDirectory, study: Study, keys: Keys) -> None:
        self.trail = Trail(run, study, keys.identities[COORDINATOR])
        self._run, self._keys = run, witnesses(study)
        self._memories = {
            index: self._file(index).read_text("utf-8") if self._file(index).exists() else "" for index in self._keys
        }
        log = author(study)
        self._witnesses = {
            index: Witness(keys.identities[index], witness_name(index), log, memory, partial(self._remember, index))
            for index, memory in self._memories.items()
        }

    def look(self) -> None:
        """What the run's folder has got since comes into the log, and every hospital cosigns its head.

        Raises:
            ForkError: a hospital has cosigned another history. StorageError: the disk failed.
        """
        self.trail.look()
        log, now = self.trail.log, int(time.time())
        if (head := log.checkpoint()) is None:
            return
        due = {i: witness for i, witness in self._witnesses.items() if witness.known != head.checkpoint}
        answers = {i: witness.answer(log.request(head, witness.known.size), now) for i, witness in due.items()}
        log.take((answer, self._keys[i]) for i, answer in answers.items())

    def close(self) -> None:
        """Write down what the hospitals remember; one that forgets its last heads asks for more proof, not for less."""
        for index, head in self._memories.items():
            if head:
                files.write(self._file(index), head.encode())

    def _file(self, index: int) -> Path:
        return self._run.hospital(index) / MEMORY

    def _remember(self, index: int, head: str) -> None:
        self._memories[index] = head


def look(path: Path, event: str = "", facts: Mapping[str, object] = MappingProxyType({})) -> bool:
    """The same for the folder of a run that has ended, where its keys are in it: a report was written anew, or `event` happened.
    Whether they are.

    Raises:
        CipherwardError: the folder's study, keys or log cannot be used.
    """
    run = RunDirectory(path)
    if not run.simulation.exists() or not (run.coordinator / "identity.key").exists():
        return False
    study = study_document.load(run.study)
    keys = make_parties.load_keys(run, study.n_hospitals, study.aggregation.scheme)
    log = WitnessedLog(run, study, keys)
    log.trail.written_anew(REPORT)
    if event:
        log.trail.note(event, entries.plain(facts))
    log.look()
    log.close()
    return True
