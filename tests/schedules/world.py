"""A whole study in milliseconds: real nodes, ledgers and cryptography over a toy ring, and no rows at all.

What a hospital contributes follows from its index and the model it starts from, so a test can say what any sum must be.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.hasty import without_fsync

from cipherward import study as study_document
from cipherward.crypto import params, quorum, signatures, slices, wire
from cipherward.crypto.identity import Identity
from cipherward.crypto.scheme import Scheme
from cipherward.errors import StorageError
from cipherward.parties import asking, roster, who_stands
from cipherward.parties.coordinator_node import CoordinatorNode, Outgoing
from cipherward.parties.hospital_node import HospitalNode
from cipherward.parties.inventories import Beginning, Shown
from cipherward.parties.policy import Policy
from cipherward.runs import verify as audit
from cipherward.runs.folder import RunDirectory
from cipherward.simulation.make_parties import Keys, freeze
from cipherward.store import files
from cipherward.store.journal import Journal
from cipherward.store.ledger import Ledger
from cipherward.study import Study
from cipherward.sums.votes import Rules
from cipherward.tasks.catalogue import begin
from cipherward.tasks.state import StudyState

TOY_RING = params.ring(128, 3)
BINS = 64
Agreed = str | tuple[str, ...]


# A fifth of a schedule went into signatures checked before. A failure is not remembered.
_check = lru_cache(maxsize=4096)(signatures.check)


def _decode(kind: Any, data: bytes | memoryview, *, copies: bool = True) -> Any:
    """Decoding that remembers messages, which nothing can change: another fifth."""
    return _decoded(kind, data) if isinstance(data, bytes) else _decode_anew(kind, data, copies=copies)


_decode_anew: Callable[..., Any] = wire.decode
_decoded = lru_cache(maxsize=4096)(_decode_anew)  # a refusal is not remembered


def hasten(patch: pytest.MonkeyPatch) -> None:
    """No fsync, and the toy ring, for as long as `patch` lasts; call `forget` after it."""
    without_fsync(patch)
    patch.setattr(wire, "decode", _decode)
    patch.setattr(params, "RINGS", (TOY_RING,))
    patch.setattr(slices, "SLICE_BYTES", 64)
    patch.setattr(signatures, "check", _check)
    forget()


def forget() -> None:
    """Parameters are remembered by shape; those of the toy ring serve no other test."""
    quorum._parameters.cache_clear()


def memory_folder(otherwise: Path) -> Path:
    """Where files cost nothing."""
    shared = Path("/dev/shm")  # noqa: S108
    return shared if shared.is_dir() and os.access(shared, os.W_OK) else otherwise


def secret(*parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode()).digest()


@lru_cache(maxsize=256)
def setting(n: int, threshold: int, rounds: int = 1, singled_out: Agreed = "all") -> Setting:
    """The frozen study of n hospitals with this threshold, and everything that follows from it.

    Args:
        singled_out: "all" where any hospital may be missing from a sum, "never" where all stand in blocks; or the names of
            those that may be missing.
    """
    document: dict[str, Any] = {
        "name": "tiny",
        "data": {"source": "files", "outcome": "outcome"},
        "columns": [{"name": "ward", "kind": "categorical", "categories": ["A"]}],
        "training": {"rounds": rounds, "method": "sgd"},
        "noise": {"enabled": False},  # what a sum must be is known to the last digit
        "aggregation": {"scheme": "quorum", "threshold": threshold},
        "evaluation": {"bins": BINS},
        "singled_out": singled_out,
        "hospitals": [{"name": f"clinic-{i}", "path": f"clinic-{i}.csv"} for i in range(1, n + 1)],
    }
    draft = study_document.parse(document, origin="tests")
    keys = Keys({i: Identity(secret("identity", i)) for i in range(n + 1)})
    frozen = freeze(draft, [hospital.name for hospital in draft.hospitals], keys)
    first = begin(frozen)
    return Setting(frozen, keys, first, roster.rules_of(frozen, roster.public_scheme(frozen, b"")))


@dataclass(frozen=True)
class Setting:
    study: Study
    keys: Keys = field(repr=False)
    first: StudyState
    rules: Rules

    @property
    def everyone(self) -> range:
        return range(1, self.rules.n_hospitals + 1)


def values_of(hospital: int, state: StudyState) -> dict[str, NDArray[Any]]:
    """What a hospital contributes to the state's next sum: arbitrary, in range, the same whenever it is asked."""
    seed = hashlib.sha256(b"%d" % hospital + state.digest()).digest()
    rng = np.random.Generator(np.random.PCG64(int.from_bytes(seed[:16], "big")))
    if state.purpose == "statistics":
        positive = int(rng.integers(1, 40))
        rows = positive + int(rng.integers(1, 60))
        return {"rows": np.array([rows, positive]), "categories": np.array([rows])}
    found: dict[str, NDArray[Any]] = {
        "test/negative": rng.integers(0, 3, BINS) + (np.arange(BINS) == hospital),
        "test/positive": rng.integers(0, 3, BINS) + (np.arange(BINS) == 2 * hospital),
        "test/brier": rng.integers(0, 1000, 1),
        "test/log_loss": rng.integers(0, 1000, 1),
        "validation": rng.integers(1, 1000, 2),
    }
    if state.purpose == "evaluate":
        return found
    found |= {f"update/{name}": rng.uniform(-0.2, 0.2, size) for name, size in state.inner.model.groups}
    counts = {name: rng.integers(0, 2, len(state.inner.model.groups)) for name in ("clipped", "crowded")}
    return found | counts | {"weight": rng.uniform(0.1, 1.0, 1)}


def vector_of(rules: Rules, hospital: int, state: StudyState) -> NDArray[Any]:
    """The same as lanes: uint32[n_lanes]."""
    return asking.vector_of(rules.scheme, state, values_of(hospital, state))


def sum_of(rules: Rules, hospitals: Iterable[int], state: StudyState) -> NDArray[np.int64]:
    """What a sum over these hospitals must open to: int64[n_lanes]."""
    vectors = [vector_of(rules, i, state).astype(np.int64) for i in hospitals]
    total: NDArray[np.int64] = np.sum(vectors, axis=0)
    return total


class Work:
    """Stands where `HospitalWork` does."""

    n_rows = 100
    steps: tuple[int, ...] = ()

    def __init__(self, index: int) -> None:
        self.index = index
        self.data = SimpleNamespace(outcome=(), split=np.empty(0, np.int8))
        self.spent: dict[str, float] = {}
        self.times_asked = 0

    def values(self, state: StudyState) -> dict[str, NDArray[Any]]:
        self.times_asked += 1
        return values_of(self.index, state)

    def event(self, state: StudyState) -> None:
        return None

    def kept(self, name: object, make: object) -> tuple[None, range]:
        """Of its rows nobody asks more than how many there are."""
        return None, range(self.n_rows)

    def has_rows(self, state: StudyState, least: int) -> bool:
        return self.n_rows >= least


class KilledError(BaseException):
    """The process is gone; nothing in it may catch this."""


class Fuse:
    """Kills a process, or fills its disk, at one of its next writes: before it, after it, or (where that can be) in it.

    `part` of a write that is cut short is on the disk.
    """

    def __init__(self) -> None:
        self.left = -1
        self.is_full = False
        self.part = 0.5
        self.torn = 0

    def write(self, done: Callable[[], Any], tear: Callable[[float], Any] | None = None) -> Any:
        self._burn()
        if tear and (self.is_full or self.left == 0):
            self.torn += 1
            tear(self.part)
        if tear:
            self._burn()
        if self.is_full:
            raise StorageError("no space left on device", hint="free space")
        result = done()
        self._burn()
        return result

    def _burn(self) -> None:
        self.left -= 1
        if self.left == -1:
            raise KilledError


class ShakyLedger(Ledger):
    """A ledger whose process may die around any write."""

    def __init__(self, path: Path, fuse: Fuse) -> None:
        self.fuse = fuse
        super().__init__(path)

    def record_fact(self, *values: Any) -> None:
        self.fuse.write(lambda: Ledger.record_fact(self, *values))

    def record_standing(self, *values: Any) -> None:
        self.fuse.write(lambda: Ledger.record_standing(self, *values))

    def begin(self, *values: Any) -> None:
        self.fuse.write(lambda: Ledger.begin(self, *values))

    def record_update(self, *values: Any) -> None:
        self.fuse.write(lambda: Ledger.record_update(self, *values))

    def record_vote(self, *values: Any) -> None:
        self.fuse.write(lambda: Ledger.record_vote(self, *values))

    def record_release(self, *values: Any) -> None:
        self.fuse.write(lambda: Ledger.record_release(self, *values))

    def mark_void(self, *values: Any) -> None:
        self.fuse.write(lambda: Ledger.mark_void(self, *values))

    def record_receipt(self, *values: Any, **named: Any) -> None:
        self.fuse.write(lambda: Ledger.record_receipt(self, *values, **named))


class ShakyJournal(Journal):
    """The same of the coordinator."""

    def __init__(self, folder: Path, fuse: Fuse) -> None:
        self.fuse = fuse
        super().__init__(folder)

    def append(self, kind: str, hospital: int = 0, data: bytes | memoryview = b"") -> None:
        def tear(part: float) -> None:
            """The record, as far as it came: some of its bytes, or all of them with the last ones still zero."""
            path = self._folder / "journal"
            before = path.stat().st_size
            Journal.append(self, kind, hospital, data)
            content = path.read_bytes()
            kept = before + int((len(content) - before) * part)
            is_sparse = int(part * 1000) % 3 == 0
            path.write_bytes(content[:kept] + bytes(len(content) - kept) * is_sparse)

        self.fuse.write(lambda: Journal.append(self, kind, hospital, data), tear)

    def clear(self) -> None:
        self.fuse.write(lambda: Journal.clear(self))


class ForgetfulParties:
    """The parties of one study under `folder`, each of which can lose its memory and start again from its files."""

    def __init__(self, folder: Path, chosen: Setting, *, ahead: bool = False) -> None:
        self.setting, self.ahead = chosen, ahead
        self.rules = chosen.rules
        self.files = RunDirectory(folder)
        self.logs: dict[int, list[tuple[str, Mapping[str, object]]]] = {i: [] for i in (0, *chosen.everyone)}
        self.states: dict[int, list[StudyState]] = {i: [chosen.first] for i in (0, *chosen.everyone)}
        self.fuses = {i: Fuse() for i in (0, *chosen.everyone)}
        self.quarantined: list[tuple[int, str]] = []
        self.liars: dict[int, Scheme] = {}
        self.hub = self._make_hub(chosen.first)
        self.sites = {i: self._make_site(i) for i in chosen.everyone}

    def _make_hub(self, state: StudyState, closed: Iterable[bytes] = ()) -> CoordinatorNode:
        fuse = self.fuses[0]
        return CoordinatorNode(
            rules=self.rules,
            identity=self.setting.keys.identities[0],
            state=state,
            payloads=dict,
            keep_opening=lambda round, data: fuse.write(lambda: files.write(self.files.opening(round), data)),
            load_opening=lambda round: files.read(self.files.opening(round)),
            keep_receipt=lambda round, hospital, data: files.write(self.files.receipt(round, hospital), data),
            log=lambda event, facts: self.logs[0].append((event, facts)),
            clock=lambda: 0.0,
            journal=ShakyJournal(self.files.journal, fuse),
            keep_quarantine=lambda round, hospital, packet, reason: self.quarantined.append((hospital, reason)),
            closed=closed,
            ahead=self.ahead,
        )

    def _make_site(self, index: int) -> HospitalNode:
        ledger = ShakyLedger(self.files.hospital(index) / "ledger.sqlite", self.fuses[index])
        verified = ledger.receipts(self.rules.study)
        known = self.states[index][: verified + 1]
        if len(known) <= verified:  # killed between its receipt and its next state
            known = [step.state for step in self.replayed()][: verified + 1]
        self.states[index] = known
        return HospitalNode(
            rules=dataclasses.replace(self.rules, scheme=self.liars.get(index, self.rules.scheme)),
            index=index,
            identity=self.setting.keys.identities[index],
            state=known[-1],
            work=Work(index),  # type: ignore[arg-type]
            ledger=ledger,
            policy=Policy(),
            log=lambda event, facts: self.logs[index].append((event, facts)),
            clock=lambda: 0.0,
            answer=who_stands.answer_of(self.setting.study, self.setting.study.hospitals[index - 1].name),
        )

    def make_liar(self, index: int, scheme: Scheme) -> None:
        """This hospital's software computes something else, also after a restart."""
        self.liars[index] = scheme
        self.restart_site(index)

    def note(self, party: int) -> None:
        """Remember the state that a party has reached."""
        state = self.hub.state if party == 0 else self.sites[party].state
        if state is not self.states[party][-1]:
            self.states[party][state.sums_done :] = [state]

    def restart_site(self, index: int) -> None:
        """The process is gone and starts again: only its ledger and its states are left."""
        self.sites[index].ledger.close()
        self.fuses[index] = Fuse()
        self.sites[index] = self._make_site(index)

    def restart_hub(self) -> list[Outgoing]:
        """The coordinator starts again from what is on its disk; what it says first."""
        self.fuses[0] = Fuse()
        replayed = self.replayed()
        closed = [context for step in replayed for context in step.closed]
        self.hub = self._make_hub(replayed[-1].state, closed)
        return self.hub.recover()

    def as_run(self) -> audit.Run:
        return audit.Run(self.files, self.rules, self.setting.first, Beginning(Shown(()), {}, {}))

    def replayed(self) -> list[audit.Replayed]:
        """The states that follow from the openings on disk."""
        return list(audit.replay(self.as_run()))

    def close(self) -> None:
        for site in self.sites.values():
            site.ledger.close()
        shutil.rmtree(self.files.path, ignore_errors=True)
