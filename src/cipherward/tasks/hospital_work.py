"""One hospital's own work: from its rows and the public state to the values that may leave, encrypted.

Nothing here is sent; the result is a dict of named arrays that the question's layout turns into lanes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from cipherward.data.cuts import Cuts
from cipherward.data.sources import HospitalData
from cipherward.learning.devices import Device
from cipherward.privacy import records
from cipherward.privacy.accounting import Event
from cipherward.privacy.randomness import SYSTEM, Randomness
from cipherward.tasks import row_groups
from cipherward.tasks.state import StudyState
from cipherward.tasks.task import Values

T = TypeVar("T")


@dataclass
class HospitalWork:
    """A hospital's data, and what a task keeps there between questions.

    Args:
        index: the hospital's roster index, part of its training seed.
        device: where models are trained and scored.
        clock: seconds; used to report what the work costs.
        randomness: of differential privacy's noise and sampling.
        cell_min: of the hospital's policy: so many rows are counted together by outcome in an exact answer, or none.
        secret: 32 bytes of the hospital's own for this study, from which follows what it draws in secret and must draw alike again after
            a restart.

    `cuts`: where the sum that is being answered cuts training rows nearer to the middle than inputs end (`parties.cut_inputs`).
    `spent`: seconds by kind of work. `notes`: by sum, of the last two, figures about this hospital's own work; they stay here.
    """

    index: int
    data: HospitalData = field(repr=False)
    device: Device
    clock: Callable[[], float]
    spent: dict[str, float] = field(default_factory=dict)
    notes: dict[int, dict[str, float]] = field(default_factory=dict, repr=False)
    randomness: Randomness = field(default=SYSTEM, repr=False)
    cell_min: int = 0
    cuts: Cuts = field(default=(), repr=False)
    secret: bytes = field(default_factory=lambda: os.urandom(32), repr=False)
    _kept: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    @property
    def n_rows(self) -> int:
        """The rows of this hospital's table that studies may ask about."""
        return len(self.data.outcome)

    @property
    def steps(self) -> tuple[int, ...]:
        """The refreshes at which the rows of this table entered; none in a simulation, whose tables do not change."""
        return self.data.reading.steps if self.data.reading else ()

    def has_rows(self, state: StudyState, least: int) -> bool:
        """Whether so many rows are here of every group that the state's next question is about."""
        return not row_groups.small(state.asked.about, self.data, least)

    def values(self, state: StudyState) -> Values:
        """The named values of the state's next sum, as its layout expects them.

        Raises:
            DataError: nothing may be sent, and why.
        """
        for old in [number for number in self.notes if number < state.sums_done - 1]:
            del self.notes[old]
        self.notes[state.sums_done] = {}
        answer = state.task.answer(state.inner, self)
        if state.noise is None:
            return answer
        found = records.noisy(answer, state.noise, self.randomness)
        self.note("noise_cut_off", found.cut_off)
        return dict(found.values)

    def event(self, state: StudyState) -> Event | None:
        """What the state's next sum costs the budget of the study's [privacy]; None for an exact sum, or one whose noise
        is the hospital's own.

        Raises:
            StudyError: the study plans more than its noise can cover.
        """
        return state.task.cost(state.inner, self)

    def note(self, name: str, value: float) -> None:
        """Keep a figure about the sum that is being answered."""
        self.notes.setdefault(max(self.notes, default=0), {})[name] = value

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made once: a module, prepared rows."""
        if key not in self._kept:
            self._kept[key] = make()
        return cast(T, self._kept[key])

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Count the seconds of a block as this kind of work."""
        started = self.clock()
        yield
        self.spent[name] = self.spent.get(name, 0.0) + self.clock() - started
