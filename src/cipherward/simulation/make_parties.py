"""Makes the parties of a local run: keys, the frozen study, the hospitals' nodes and the coordinator's."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from cipherward.crypto import schemes, wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.data.sources import HospitalData
from cipherward.errors import StorageError
from cipherward.learning.devices import Device
from cipherward.parties import inventories, records, roster, who_stands
from cipherward.parties.coordinator_node import CoordinatorNode
from cipherward.parties.hospital_node import HospitalNode
from cipherward.parties.judging import Judged
from cipherward.parties.policy import SIMULATION, Policy
from cipherward.runs import ckks_key
from cipherward.runs.archive import kept_updates
from cipherward.runs.folder import RunDirectory
from cipherward.store import files
from cipherward.store.ledger import Ledger
from cipherward.study import Study
from cipherward.sums.votes import Rules
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.state import StudyState


@dataclass(frozen=True)
class Keys:
    """Long-lived keys of everyone in a simulation, by roster index; the CKKS pair belongs to the coordinator."""

    identities: Mapping[int, Identity] = field(repr=False)
    ckks_public: bytes = field(default=b"", repr=False)
    ckks_secret: bytes = field(default=b"", repr=False)


def make_keys(run: RunDirectory, n_hospitals: int, scheme: str) -> Keys:
    """Fresh keys from the operating system's randomness, each in its owner's folder, readable by its owner only."""
    identities = {}
    for index in range(n_hospitals + 1):
        secret = os.urandom(32)
        files.write(_key_file(run, index), secret, private=True)
        identities[index] = Identity(secret)
    if not schemes.facts(scheme).has_key_pair:
        return Keys(identities)
    return Keys(identities, *ckks_key.make(run))


def load_keys(run: RunDirectory, n_hospitals: int, scheme: str) -> Keys:
    """The keys of an interrupted run.

    Raises:
        StorageError: a key file is missing or damaged.
    """
    identities = {}
    for index in range(n_hospitals + 1):
        secret = files.read(_key_file(run, index))
        if len(secret) != 32:
            raise StorageError(f"{_key_file(run, index)} is not a key", hint="start a new run")
        identities[index] = Identity(secret)
    if not schemes.facts(scheme).has_key_pair:
        return Keys(identities)
    return Keys(identities, *ckks_key.load(run))


def freeze(study: Study, names: Sequence[str], keys: Keys) -> Study:
    """The study with its roster: every public key enters the document, and so its digest.

    Raises:
        StudyError: the roster breaks the quorum arithmetic, or too few hospitals may stand in a sum together.
    """
    listed = {hospital.name: hospital.path for hospital in study.hospitals}
    hospitals = {
        name: (listed.get(name, ""), keys.identities[index].public_key) for index, name in enumerate(names, start=1)
    }
    frozen = roster.freeze(study, hospitals, keys.identities[COORDINATOR].public_key, keys.ckks_public)
    who_stands.check_can_start(frozen)
    return frozen


def declare(
    study: Study, hospitals: Sequence[HospitalData], keys: Keys, run: RunDirectory, policy: Policy = SIMULATION
) -> Mapping[str, str]:
    """Every hospital declares what its table has of a frozen study's columns; those that are left out, with the reasons.

    Raises:
        RefusedError: none is left.
    """
    shown = _inventories(study, hospitals, keys, policy)
    beginning = inventories.read(shown, study)
    files.write(run.inventories, shown)
    return beginning.left_out


def kept_columns(study: Study, hospitals: Sequence[HospitalData], policy: Policy = SIMULATION) -> Study:
    """A study without the columns that its run leaves out, for runs of it that are compared.

    Raises:
        RefusedError: none is left.
    """
    keys = Keys({index: Identity(os.urandom(32)) for index in range(len(hospitals) + 1)})
    frozen = freeze(study, [hospital.name for hospital in hospitals], keys)
    left_out = inventories.read(_inventories(frozen, hospitals, keys, policy), frozen).left_out
    columns = study.without_columns(left_out).model_dump(mode="json")["columns"]
    return study.with_overrides(top={"columns": columns}) if left_out else study


def _inventories(study: Study, hospitals: Sequence[HospitalData], keys: Keys, policy: Policy) -> bytes:
    said = [
        inventories.of_table(study, data, who_stands.answer_of(study, data.name), policy.cell_min) for data in hospitals
    ]
    signed = tuple(inventories.sign(keys.identities[i], i, each) for i, each in enumerate(said, start=1))
    return wire.encode(inventories.Shown(signed))


def make_coordinator(
    study: Study,
    keys: Keys,
    state: StudyState,
    run: RunDirectory,
    closed: Iterable[bytes] = (),
    *,
    keeps_updates: bool = False,
) -> CoordinatorNode:
    """The coordinator's node, writing to the run directory. `closed`: as in `CoordinatorNode`; `keeps_updates`: for a vault."""
    scheme = ckks_key.scheme(study, run, keys.ckks_public, keys.ckks_secret)

    def log(event: str, facts: dict[str, object]) -> None:
        run.write_log("coordinator", event, facts)

    return records.make_coordinator(
        run,
        records.Records(run.coordinator),
        rules=roster.rules_of(study, scheme),
        identity=keys.identities[COORDINATOR],
        state=state,
        log=log,
        closed=closed,
        kept_updates=kept_updates(run) if keeps_updates else None,
    )


@dataclass(frozen=True)
class Shared:
    """What the hospitals of one process have in common: public facts, and what is made of them."""

    rules: Rules
    judged: Judged = field(default_factory=Judged)


def share(study: Study, keys: Keys) -> Shared:
    """Of a frozen study. Raises StudyError, ProtocolError: as `roster.rules_of` and `roster.public_scheme`."""
    return Shared(roster.rules_of(study, roster.public_scheme(study, keys.ckks_public)))


def make_hospital(
    study: Study,
    index: int,
    keys: Keys,
    state: StudyState,
    data: HospitalData,
    run: RunDirectory,
    *,
    device: Device,
    policy: Policy = SIMULATION,
    shared: Shared | None = None,
) -> HospitalNode:
    """One hospital's node, with its own ledger file. `shared`: with the other hospitals of the process."""
    shared = shared or share(study, keys)

    def log(event: str, facts: dict[str, object]) -> None:
        run.write_log(f"hospital {index}", event, facts)

    return HospitalNode(
        rules=shared.rules,
        index=index,
        identity=keys.identities[index],
        state=state,
        work=HospitalWork(index, data, device, perf_counter, cell_min=policy.cell_min),
        ledger=Ledger(run.hospital(index) / "ledger.sqlite"),
        policy=policy,
        log=log,
        clock=perf_counter,
        answer=who_stands.answer_of(study, study.hospitals[index - 1].name),
        rounding_key=digest("simulated rounding", study.seed.to_bytes(8, "big"), index.to_bytes(4, "big")),
        judged=shared.judged,
    )


def _key_file(run: RunDirectory, index: int) -> Path:
    return (run.coordinator if index == COORDINATOR else run.hospital(index)) / "identity.key"
