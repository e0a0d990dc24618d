"""Of updates that follow from one model, or nearly the same, what was cut or coarsely rounded stays as it was: in all
studies over a register, and in all rounds.

Every entry of an update is cut at a public range. Where two sums of the same updates have other ranges, or follow from
other steps, their difference is of the hospitals that were cut, often of one: the largest. So a hospital remembers, for
each update that left, from which model it was made, in which way, and how much was taken off its own. From the same
model it sends no update in another way where something is taken off its own now, or was then.

Models are the same here where their difference changes an update by less than a quarter of what was taken off. A model
is kept as a sketch: signed sums of its weights over places that follow from the ledger's secret, whose distances are
about those of the models (Charikar et al. 2002, Finding frequent items in data streams).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.crypto.hashing import digest
from cipherward.errors import UnfitUpdateError
from cipherward.parties.weighing import Weighing
from cipherward.store.ledger import Ledger
from cipherward.study import Study
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.sent_update import SentUpdate, settings
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Model, Values

CUT_OTHERWISE = "updates cut otherwise than before"
NEAR = 0.25
"""Of what was taken off. Rounds of honest studies are farther apart (docs/security.md)."""

WAY_OUT = (
    "where the earlier update was not cut, set aggregation.range_initial wider (four times as wide costs no accuracy that was measured). Otherwise train as the "
    "earlier study did (aggregation and steps), or from another model: another seed of a network, training.continues; Newton steps have no ranges"
)

HARDLY_MOVES = (
    "the model hardly moves any more, or came back to where it was: end training earlier, with fewer training.rounds or with "
    "training.patience; a wider aggregation.range_min keeps ranges from becoming too narrow"
)

FORGOTTEN = "this hospital's update is cut, and its ledger does not know how earlier ones of a first model were"

_PLACES = 64


@dataclass(frozen=True)
class Earlier:
    """An update that left before. `settings`: as its study states them."""

    study: str
    outcome: str
    sketch: NDArray[np.float32]
    is_first: bool
    bent: float
    reach: float
    way: bytes
    settings: dict[str, Any]


def shows(one: Earlier | SentUpdate, other: Earlier | SentUpdate, distance: float) -> bool:
    """Whether sums with both say what was taken off this hospital's, where their models are so far apart."""
    bent = max(one.bent, other.bent)
    return bent > 0.0 and one.way != other.way and min(one.reach, other.reach) * distance <= NEAR * bent


@dataclass(frozen=True)
class CutUpdates:
    """Of one register."""

    ledger: Ledger
    register: str

    def hold(self, work: HospitalWork, state: StudyState, query: bytes, values: Values) -> None:
        """Called before an answer leaves: where it is an update, the ledger knows from now on how it was cut.

        `query`: what is asked; the same, asked again in this study, was looked at before.

        Raises:
            UnfitUpdateError: an update from this model left in another way, and this hospital's is cut, or was; nothing
                may be sent.
        """
        study, update = state.study, state.task.sent(state.inner, work, values)
        name = f"{self._prefix}{study.digest().hex()} {query.hex()}"
        if update is None or self.ledger.standing(name):
            return
        if update.bent and update.is_first and has_forgotten(self.ledger, self.register):
            raise UnfitUpdateError(FORGOTTEN, reason=CUT_OTHERWISE, hint=WAY_OUT)
        sketch = self._sketch(update.start)
        for earlier in self._earlier(study):
            # Most were cut in the same way, or not at all: however near they are, they show nothing.
            if shows(earlier, update, 0.0) and shows(earlier, update, _distance(earlier.sketch, sketch)):
                raise _refusal(earlier, study, update)
        kept = {
            "study": study.name,
            "outcome": study.data.outcome,
            "sketch": sketch.astype("<f4").tobytes().hex(),
            "is_first": update.is_first,
            "bent": update.bent,
            "reach": update.reach,
            "way": update.way.hex(),
            "settings": settings(study),
        }
        self.ledger.record_standing(name, json.dumps(kept).encode())

    def pairs(self, study: Study, first: Model) -> dict[str, bool]:
        """The earlier studies that trained from this first model with other settings of ranges or steps, in words; True
        where this hospital's update was cut then, so that it declines now."""
        sketch, asked = self._sketch(first.weights), settings(study)
        found: dict[str, bool] = {}
        for earlier in self._earlier(study):
            if earlier.is_first and earlier.settings != asked and not _distance(earlier.sketch, sketch):
                words = f"the study {earlier.study!r} trained from the same first model with other {_changed(earlier, asked)}"
                found[words] = found.get(words, False) or bool(earlier.bent)
        return found

    def _earlier(self, study: Study) -> Iterator[Earlier]:
        """Updates for the same outcome; for another one, those of the same rows are others."""
        for data in self.ledger.standing_under(self._prefix):
            if (kept := _read(data)).outcome == study.data.outcome:
                yield kept

    def _sketch(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        codes = np.frombuffer(
            hashlib.shake_256(digest("places of a sketch", self.ledger.device_key)).digest(len(weights)), np.uint8
        )
        signed = np.where(codes & _PLACES, -weights.astype(np.float64), weights)
        return np.bincount(codes % _PLACES, signed, _PLACES).astype(np.float32)

    @property
    def _prefix(self) -> str:
        return f"update {digest('register', self.register.encode()).hex()[:32]} "


@lru_cache(maxsize=1 << 15)
def _read(data: bytes) -> Earlier:
    kept = json.loads(data)
    sketch = np.frombuffer(bytes.fromhex(kept["sketch"]), "<f4")
    return Earlier(**kept | {"sketch": sketch, "way": bytes.fromhex(kept["way"])})


def note_rebuilt(ledger: Ledger, register: str) -> None:
    """The ledger of this register was rebuilt from openings, which do not say how its hospital's updates were cut."""
    ledger.record_standing(_rebuilt(register), b"yes")


def has_forgotten(ledger: Ledger, register: str) -> bool:
    """Whether sums of this register left of which the ledger does not know how they were cut."""
    return bool(ledger.standing(_rebuilt(register))) or Weighing(ledger, register).knows_no_cuts


def _rebuilt(register: str) -> str:
    return f"updates forgotten {register}"


def _distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(one.astype(np.float64) - other))


def _changed(earlier: Earlier, asked: Mapping[str, Any]) -> str:
    return ", ".join(name for name, value in asked.items() if earlier.settings.get(name) != value)


def _refusal(earlier: Earlier, study: Study, update: SentUpdate) -> UnfitUpdateError:
    changed = _changed(earlier, settings(study))
    whose = "this hospital's is cut now" if update.bent else "this hospital's was cut then"
    return UnfitUpdateError(
        f"the study {earlier.study!r} had an update from this model, or nearly the same, with other "
        f"{changed or 'ranges of the round, or constants of columns'}, and {whose}",
        reason=CUT_OTHERWISE,
        hint=WAY_OUT if changed or earlier.study != study.name else HARDLY_MOVES,
    )
