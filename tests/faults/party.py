"""One party's process: the service as it is deployed, with subclasses of its parts that stop at a moment, or lie.

A moment is reached when the party is in the phase that a cell names, at its most delicate instant: what it decided is
durable and nothing has been sent, or (training) half way. It says so in its log, event "reached", and waits for the
file `gate.go` in its home, while its network goes on.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any, ClassVar

from tests.consortium.packets_in import packets_in
from tests.faults import cells
from tests.faults.cells import EVALUATE_SUM, STATISTICS_SUM, TRAIN_SUM

import cipherward.cli
import cipherward.cli.coordinator
import cipherward.cli.hospital
import cipherward.transport.coordinator_service as coordinator_service
import cipherward.transport.hospital_service as hospital_service
from cipherward.consortium.homes.home import Home
from cipherward.consortium.service import hospital_study
from cipherward.consortium.service.coordinator_desk import CoordinatorDesk
from cipherward.consortium.service.hospital_desk import HospitalDesk
from cipherward.errors import WireError
from cipherward.parties import records
from cipherward.parties.coordinator_node import CoordinatorNode, Phase
from cipherward.store.outbox import Outbox, Waiting
from cipherward.sums import packets
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.transport import chunks, post, receiving

RANDOM_SHARE = 0.05
"""How many letters the fault "random" hits, each in another way."""

HELD_SECONDS = 1.0
"""How long a letter that is overtaken is held back at most."""

# Which answer of a hospital, in which sum, is about to leave (or which packet is about to be handled) in a phase.
_ANSWERED = {
    "statistics": ("Update", STATISTICS_SUM),
    "close": ("Vote", TRAIN_SUM),
    "release": ("Release", TRAIN_SUM),
    "verify": ("Receipt", TRAIN_SUM),
    "evaluate": ("Update", EVALUATE_SUM),
}
# Which step the coordinator has just taken; nothing of it is sent.
_STEPPED = {
    "train": (Phase.DEAL, TRAIN_SUM),
    "close": (Phase.CONSENT, TRAIN_SUM),
    "release": (Phase.RELEASE, TRAIN_SUM),
    "open": (Phase.VERIFY, TRAIN_SUM),
}
# Which packet the coordinator is about to handle.
_HANDLED = {
    "statistics": ("Update", STATISTICS_SUM),
    "upload": ("Update", TRAIN_SUM),
    "verify": ("Receipt", TRAIN_SUM),
    "evaluate": ("Update", EVALUATE_SUM),
}
# Whose letters a fault on letters hits: kind and sum, by sender. Where a party sends nothing in a phase, it is the
# letter before (train) or after it. A sum is announced with the opening before it, and joined with the receipt: until a
# hospital has the list of joins, it is in the sum before.
LETTERS = {
    "coordinator": {
        "statistics": ("Joined", STATISTICS_SUM),
        "train": ("Announce", TRAIN_SUM - 1),
        "upload": ("Joined", TRAIN_SUM),
        "close": ("ConsentRequest", TRAIN_SUM),
        "release": ("Certificate", TRAIN_SUM),
        "open": ("Opening", TRAIN_SUM),
        "verify": ("Announce", EVALUATE_SUM - 1),
        "evaluate": ("Joined", EVALUATE_SUM),
    },
    "hospital": {
        "statistics": ("Update", STATISTICS_SUM),
        "train": ("Join", TRAIN_SUM - 1),
        "upload": ("Update", TRAIN_SUM),
        "close": ("Vote", TRAIN_SUM),
        "release": ("Release", TRAIN_SUM),
        "open": ("Receipt", TRAIN_SUM),
        "verify": ("Join", EVALUATE_SUM - 1),
        "evaluate": ("Update", EVALUATE_SUM),
    },
    # as the receiver of this side gets them from the server
    "server": {
        "statistics": ("Update", STATISTICS_SUM),
        "train": ("Joined", TRAIN_SUM - 1),
        "upload": ("Update", TRAIN_SUM),
        "close": ("ConsentRequest", TRAIN_SUM),
        "release": ("Release", TRAIN_SUM),
        "open": ("Opening", TRAIN_SUM),
        "verify": ("Receipt", TRAIN_SUM),
        "evaluate": ("Update", EVALUATE_SUM),
    },
}


_late: set[asyncio.Task[None]] = set()


def main(spec: dict[str, Any]) -> int:
    """Serve `spec["home"]` as `spec["role"]`; `gate`: a phase to stop in; `fault` and `phase`: what to do to letters
    (`sender`: "server" when they are hit on their way in)."""
    Moment.take(spec)
    parts: list[tuple[Any, str, type]] = [
        (coordinator_service, "CoordinatorDesk", _Coordinator),
        (hospital_service, "HospitalDesk", _Hospital),
        (hospital_study, "HospitalWork", _Work),
        (records, "CoordinatorNode", _Hub),
        (post, "Outbox", _Outbox),
        (hospital_service, "Outbox", _Outbox),
        (post, "Receiver", _Receiver),
    ]
    for module, name, ours in parts:
        setattr(module, name, ours)
    sys.argv = ["cipherward", spec["role"], "serve", "--home", spec["home"]]
    try:
        cipherward.cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


class Moment:
    """Where this process is, and what it was told to do there."""

    spec: ClassVar[dict[str, Any]] = {}
    sum = -1
    is_over = False
    is_spoilt: ClassVar[set[str]] = set()
    older: ClassVar[dict[str, bytes]] = {}

    @classmethod
    def take(cls, spec: dict[str, Any]) -> None:
        cls.spec, cls.is_over, cls.is_spoilt, cls.older = spec, False, set(), {}

    @classmethod
    def reached(cls, home: Home, phase: str) -> None:
        """Wait here if this is the moment."""
        if cls.is_over or cls.spec.get("gate") != phase:
            return
        cls.is_over = True
        home.log("reached", {"phase": phase, "sum": cls.sum})
        while not (Path(cls.spec["home"]) / "gate.go").exists():
            time.sleep(0.01)

    @classmethod
    def spoils(cls, letter: bytes, sender: str, way: str) -> bool:
        """Whether this letter is the one that the fault hits; once for each way."""
        spec = cls.spec
        if spec.get("fault") == "random":
            return sender == spec["role"] and random.random() < RANDOM_SHARE and bool(kinds_in(letter))
        if spec.get("fault") not in cells.ON_LETTERS or spec.get("sender") != sender or way in cls.is_spoilt:
            return False
        kind, sum = LETTERS[sender][spec["phase"]]
        if kind not in kinds_in(letter) or cls.sum != sum:
            return False
        cls.is_spoilt.add(way)
        _home().log("spoilt", {"kind": kind, "sum": sum, "fault": spec["fault"]})
        return True


def kinds_in(letter: bytes) -> tuple[str, ...]:
    """The kinds of the packets in a letter, none for other letters."""
    try:
        return tuple(packets.view(packet)[0] for packet in packets_in(letter))
    except WireError:
        return ()


def damaged(data: bytes, fault: str) -> bytes:
    if fault == "truncate":
        return data[: len(data) // 2]
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


class _Hub(CoordinatorNode):
    """Notes what it has acknowledged: an update that was accepted, once that is durable."""

    def handle(self, sender: int, packet: bytes | memoryview) -> list[Any]:
        Moment.sum = self.round
        had = self._contributors()
        answer = super().handle(sender, packet)
        if had is not None and (now := self._contributors()) is not None and now > had:
            self.log("accepted", {"sum": self.round, "attempt": len(self._steps.sum.voids), "from": sender})
        return answer

    def _contributors(self) -> frozenset[int] | None:
        return self._steps.sum.collection.contributors if self.phase is Phase.DEAL else None

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        enter = self._steps.enter

        def noted(phase: Phase, outgoing: list[Any]) -> list[Any]:
            found = enter(phase, outgoing)
            Moment.sum = self.round
            if not self._log.replaying:
                self.log("phase", {"sum": self.round, "phase": phase.value})
            return found

        self._steps.enter = noted  # type: ignore[method-assign]


class _Coordinator(CoordinatorDesk):
    def receive(self, member: str, data: bytes | memoryview) -> Any:
        phase = Moment.spec.get("gate", "")
        if _HANDLED.get(phase) in [(kind, Moment.sum) for kind in kinds_in(bytes(data))]:
            Moment.reached(self.home, phase)
        return self._stepped(super().receive(member, data))

    def tick(self) -> Any:
        return self._stepped(super().tick())

    def _stepped(self, out: Any) -> Any:
        phase = Moment.spec.get("gate", "")
        for one in self._studies.values():
            if one._node is not None and _STEPPED.get(phase) == (one._node.phase, one._node.round):
                Moment.reached(self.home, phase)
        return out


class _Hospital(HospitalDesk):
    def receive(self, data: bytes | memoryview) -> list[bytes]:
        for study in self._all_studies():
            Moment.sum = len(study.run.rounds_with_openings())
        phase = Moment.spec.get("gate", "")
        before = Moment.sum
        if (phase, before) == ("open", TRAIN_SUM) and "Opening" in kinds_in(bytes(data)):
            Moment.reached(self.home, phase)
        found = super().receive(data)
        for answer in found:
            if _ANSWERED.get(phase) in [(kind, before) for kind in kinds_in(answer)]:
                Moment.reached(self.home, phase)
        return found


class _Work(HospitalWork):
    def values(self, state: Any) -> Any:
        found = super().values(state)
        if state.sums_done == TRAIN_SUM:
            Moment.reached(_home(), "train")
        return found


class _Outbox(Outbox):
    def put(self, data: Any) -> int:
        letter = bytes(data)
        sender, fault = Moment.spec["role"], Moment.spec.get("fault", "")
        older = Moment.older.setdefault(str(self.folder), letter)
        if fault == "random":
            fault = random.choice(sorted(cells.ON_LETTERS))
        if not Moment.spoils(letter, sender, str(self.folder)):
            number = super().put(letter)
        elif fault == "duplicate":
            super().put(letter)
            number = super().put(letter)
        elif fault == "replay":
            super().put(older)
            number = super().put(letter)
        elif fault == "reorder":
            threading.Timer(HELD_SECONDS, super().put, [letter]).start()
            number = super().put(older)
        else:
            number = super().put(damaged(letter, fault))
        return number

    def _write(self, number: int, nonce: bytes, size: int, data: Any) -> Waiting:
        written = super()._write(number, nonce, size, data)
        # On the disk, and nobody has been woken to send it.
        if Moment.spec["role"] == "hospital" and Moment.sum == TRAIN_SUM and "Update" in kinds_in(bytes(data)):
            Moment.reached(_home(), "upload")
        return written


class _Receiver(receiving.Receiver):
    """What a server that lies, or whose disk does, would hand over in place of what it was given."""

    async def _take(self, message: Any) -> None:
        letter = bytes(message.data[chunks.LABEL_BYTES :])
        fault = Moment.spec.get("fault", "")
        older = Moment.older.setdefault(self._mailbox, bytes(message.data))
        if not Moment.spoils(letter, "server", self._mailbox):
            await super()._take(message)
        elif fault == "duplicate":
            await super()._take(message)
            await super()._take(message)
        elif fault == "reorder":
            _late.add(asyncio.create_task(self._take_later(message)))
        elif fault == "replay":
            genuine, sequence = message.data, message.metadata.sequence.stream
            message.data = older
            await super()._take(message)
            message.data, self._expected = genuine, sequence
            await super()._take(message)
        else:
            message.data = damaged(message.data, fault)
            await super()._take(message)

    async def _take_later(self, message: Any) -> None:
        await asyncio.sleep(HELD_SECONDS)
        await super()._take(message)


def _home() -> Home:
    from cipherward.consortium.homes.coordinator_home import CoordinatorHome
    from cipherward.consortium.homes.hospital_home import HospitalHome

    kind = CoordinatorHome if Moment.spec["role"] == "coordinator" else HospitalHome
    return kind(Path(Moment.spec["home"]))


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
