"""A new home goes on where an old one ended: with its ledger, or with one that is rebuilt from others' openings (rule 4)."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import cast

from cipherward.consortium.approval import declaring
from cipherward.consortium.homes import lock
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.homes.registers import LOST, Registers
from cipherward.data.sources import load_hospitals
from cipherward.disclosure.blocks import Register
from cipherward.errors import CipherwardError, RefusedError, StorageError
from cipherward.learning.devices import Device
from cipherward.parties import inheritance, listed
from cipherward.privacy.accounting import Event
from cipherward.runs import predecessor, verify
from cipherward.runs.predecessor import Inherited
from cipherward.runs.verify import Run
from cipherward.store import files
from cipherward.store.ledger import Ledger
from cipherward.study import Study
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.state import StudyState

NOBODY_KNOWS = "the file of a register that stood in opened sums is not here, or is an older one"


def succeed(home: HospitalHome, old: HospitalHome) -> None:
    """The old home's key signs this one's, and its ledger moves here: the old home can say nothing any more.

    Raises:
        RefusedError: this home has a ledger, or one of the two is served.
    """
    with _alone(home), _alone(old):
        if home.ledger_file.exists() or not old.ledger_file.exists():
            missing = "a ledger already" if home.ledger_file.exists() else "no predecessor's ledger to take"
            raise RefusedError(
                f"{home.path} has {missing}", hint="a new home takes the old one's ledger before its service first runs"
            )
        declaring.sign_with_old(home, old.identity)
        files.write(home.first_key_file, old.first_key.hex().encode())
        Ledger(old.ledger_file, old.ledger_counter).close()  # whole, in one file
        if old.ledger_counter.exists():
            shutil.copy(
                old.ledger_counter, home.ledger_counter
            )  # stays there, too: the old home is refused without its ledger
        if (registers := old.registers_folder).exists():  # which patients are in which batch, under the ledger's keys
            shutil.move(registers, home.registers_folder)
        shutil.move(old.ledger_file, home.ledger_file)
        ledger = Ledger(home.ledger_file, home.ledger_counter)
        inheritance.note_predecessor(ledger, old.identity.public_key)
        ledger.close()
        home.log("ledger taken over", {"from": str(old.path)})


@dataclass(frozen=True)
class Rebuilt:
    """What a ledger knows again. `lost`: registers that stood in these sums and whose file is not here: their tables are not read."""

    studies: tuple[Inherited, ...]
    lost: tuple[str, ...]


def inherit(home: HospitalHome, folders: Sequence[Path]) -> Rebuilt:
    """Rebuild block, answer and budget of this hospital, and of its earlier keys, from the openings in these folders.

    Which patients stood in them no opening says: of each register the file is taken that lies in the home's registers/.

    Args:
        folders: run directories of other hospitals or of the coordinator, or folders that hold some.

    Raises:
        RefusedError: none of them has this hospital, or the service runs.
        AuditError, StorageError, DataError: openings that do not hold; the table is needed and cannot be read.
    """
    with _alone(home):
        runs = [run for folder in _run_folders(folders) if (run := _run_of(home, folder))]
        firsts = {_own_register(home, run).hospital for run in runs}
        if len(firsts) != 1:
            raise RefusedError(
                "no folder holds a study of this hospital"
                if not firsts
                else "these studies list this hospital under keys that do not follow each other",
                hint="copy models/ of a block mate, whose openings are those in which this hospital stood",
            )
        ledger = Ledger(home.ledger_file, home.ledger_counter)
        try:
            found = [
                predecessor.rebuild(ledger, run, _own_register(home, run), _cost(home, run.first.study)) for run in runs
            ]
            for key in sorted({key for run in runs for key in _keys(home, run)}):
                inheritance.note_predecessor(ledger, key)
            lost = _lost_registers(home, ledger, [run for run, one in zip(runs, found, strict=True) if one.sums])
        finally:
            ledger.close()
        if (first := firsts.pop()) != home.identity.public_key:
            files.write(home.first_key_file, first.hex().encode())
        home.log("ledger rebuilt", {"studies": [one.study for one in found]})
        for name in lost:
            home.alarm("register lost", {"register": name, "reason": NOBODY_KNOWS, "hint": LOST})
        return Rebuilt(tuple(found), lost)


def _lost_registers(home: HospitalHome, ledger: Ledger, runs: Iterable[Run]) -> tuple[str, ...]:
    """The registers that stood in sums of these runs, and whose file cannot be the newest."""
    registers, stood = Registers(home.registers_folder, ledger), dict[str, tuple[int, frozenset[str]]]()
    for run in runs:
        own, study = _own_register(home, run), run.first.study
        index = [hospital.name for hospital in study.hospitals].index(home.name)
        refresh, columns = stood.get(own.name, (0, frozenset()))
        filled = run.beginning.said[index + 1].columns
        stood[own.name] = (
            max(refresh, study.hospitals[index].refresh),
            columns.union(filled, {study.data.outcome}).difference(run.beginning.left_out),
        )
    return tuple(name for name, known in sorted(stood.items()) if not registers.adopt(name, *known))


def _run_folders(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        if (folder / "study.toml").exists():
            yield folder
        else:
            yield from sorted(path.parent for path in folder.glob("*/study.toml"))


def _run_of(home: HospitalHome, folder: Path) -> Run | None:
    """A run of this consortium in which this hospital was, under this key or an earlier one."""
    run = verify.open_run(folder)
    study = run.first.study
    if study.coordinator_key != home.coordinator_key.hex() or home.name not in [h.name for h in study.hospitals]:
        return None
    strange = [h.name for h in study.hospitals if bytes.fromhex(h.public_key) not in home.keys_of(h.name)]
    if strange:
        raise RefusedError(
            f"{folder} lists keys that the confirmed members list never had: {', '.join(strange)}",
            hint="confirm the newest members list first: cipherward hospital confirm; else ask where the folder comes from",
        )
    return run


def _keys(home: HospitalHome, run: Run) -> tuple[bytes, ...]:
    """The key under which this hospital is listed, and those that it stands for."""
    study = run.first.study
    own = next(bytes.fromhex(h.public_key) for h in study.hospitals if h.name == home.name)
    return (own, *listed.lineage_of(study).before(own))


def _own_register(home: HospitalHome, run: Run) -> Register:
    names = [hospital.name for hospital in run.first.study.hospitals]
    return run.rules.register(names.index(home.name) + 1)


def _cost(home: HospitalHome, study: Study) -> predecessor.Cost:
    """What this hospital's rows make training cost; they are read when they are first needed."""
    works: list[HospitalWork] = []

    def cost(state: StudyState) -> Event | None:
        if not works:
            try:
                (own,) = [hospital for hospital in study.hospitals if hospital.name == home.name]
                (data,) = load_hospitals(study, home.source_of(own.register_name), home.path, only=[home.name])
            except CipherwardError as error:
                raise StorageError(
                    f"the budget spent in {study.name!r} depends on this hospital's rows, which cannot be read: {error.logged}",
                    hint="put the table back that the study was run on, then repeat",
                ) from None
            index = [hospital.name for hospital in study.hospitals].index(home.name) + 1
            works.append(HospitalWork(index, data, cast(Device, home.device), perf_counter))
        return works[0].event(state)

    return cost


@contextlib.contextmanager
def _alone(home: HospitalHome) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock.only_one(home))
        except StorageError:
            raise RefusedError(f"the service of {home.path} runs", hint="stop it first") from None
        yield
