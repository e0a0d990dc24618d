"""The public state of a study: what every party knows after each opened sum.

It holds the task's own state and what is the same for every task: how many sums were opened, and who may contribute.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cipherward.disclosure.blocks import Blocks
from cipherward.disclosure.standing import Memory, Statement
from cipherward.errors import DataError
from cipherward.privacy import records
from cipherward.privacy.records import RecordNoise
from cipherward.study import Study
from cipherward.tasks.culprit_search import Search
from cipherward.tasks.lanes import Layout
from cipherward.tasks.noise import noise_of
from cipherward.tasks.task import Model, Question, Sums, Task


@dataclass(frozen=True)
class StudyState:
    """State after `sums_done` sums. Built by `catalogue.begin`, moved by `after` or `after_failed`, and then by `seen`.

    `memory`: what the openings so far say of the study's registers.
    """

    study: Study
    task: Task[Any] = field(repr=False)
    inner: Any = field(repr=False)
    sums_done: int = 0
    search: Search = field(default_factory=Search)
    memory: Memory = field(default_factory=Memory, repr=False)

    @cached_property
    def question(self) -> Question | None:
        """The next sum; None when the study is finished."""
        return self.task.ask(self.inner)

    @property
    def asked(self) -> Question:
        """The next sum of a study that is not finished."""
        if self.question is None:
            raise ValueError("a finished study asks nothing")
        return self.question

    @property
    def purpose(self) -> str | None:
        """What the next sum is for; None when the study is finished."""
        return self.question.purpose if self.question else None

    @property
    def layout(self) -> Layout:
        """What the next sum's vector consists of."""
        return self.asked.layout

    @cached_property
    def noise(self) -> RecordNoise | None:
        """What every hospital adds to its answer to the next question for its own patients; None: the answer is exact.

        Raises:
            StudyError: more noise than the lanes have room for, or a study that is not frozen.
        """
        return noise_of(self.study, self.asked)

    @property
    def model(self) -> Model | None:
        """The model so far; None where the task makes none."""
        return self.task.model(self.inner)

    @property
    def n_parameters(self) -> int:
        """Size of the model; 0 where the task makes none."""
        return len(self.model.weights) if self.model else 0

    def admitted(self, attempt: int) -> tuple[int, ...]:
        """The hospitals that may contribute to an attempt at the next sum; () for the whole roster.

        In a culprit search the first attempt at a sum is limited to a group. Where the group was too few, the attempt is
        void and the next one is for everyone who is not excluded.
        """
        if self.question and self.question.may_move_on and attempt == 0 and self.search.group:
            return self.search.group
        return self.search.eligible(self.study.n_hospitals) if self.search.excluded else ()

    def digest(self) -> bytes:
        """SHA-256 over everything that the next sum or the result depends on; 32 bytes."""
        facts = json.dumps([self.sums_done, self.search.facts()]).encode()
        return hashlib.sha256(b"cipherward/v2/state\x00" + self.task.digest(self.inner) + facts).digest()

    def after(self, sums: Sums, n_contributors: int) -> StudyState:
        """The state after the next sum has been opened.

        Args:
            sums: the layout's segments, summed over the contributors; with noise, what its offset leaves may be negative.

        Raises:
            ProtocolError, DataError: as `Task.after`.
        """
        if self.noise:
            sums = records.without_offset(sums, self.noise, n_contributors)
        search = self._search_opened() if self.asked.may_move_on else self.search
        return self._moved(self.task.after(self.inner, sums, n_contributors), search)

    def seen(self, context: bytes, statements: tuple[Statement, ...], blocks: Blocks) -> StudyState:
        """The state that remembers who stood in the opening that led to it."""
        return dataclasses.replace(self, memory=self.memory.opened(context, statements, blocks))

    def after_failed(self, contributors: Sequence[int], releasers: Sequence[int] = ()) -> StudyState:
        """The state after a certified sum that does not open: moved by a public rule, so that the question differs.

        Args:
            contributors: who is in the failed sum.
            releasers: holders whose releases may be at fault instead (`sums.unopened.releasers`).

        Raises:
            DataError: this sum may not be asked in another form; people decide.
        """
        if not self.asked.may_move_on:
            suspects = self.names(self.search.suspects or tuple(contributors))
            raise DataError(
                f"the {self.purpose} sum was certified but does not open, and may not be asked again",
                hint=f"the faulty hospital is one of {suspects}, or releases shares; remove it and start a new study",
            )
        minimum = self.study.thresholds.min_contributors
        search = self.search.after_failed(
            self.sums_done, contributors, self.study.digest(), self.study.n_hospitals, minimum, releasers=releasers
        )
        return self._moved(self.task.after_failed(self.inner), search)

    def names(self, hospitals: Sequence[int]) -> str:
        """Names of hospitals, for people."""
        return ", ".join(self.study.hospitals[i - 1].name for i in hospitals)

    def _moved(self, inner: Any, search: Search) -> StudyState:
        return dataclasses.replace(self, inner=inner, sums_done=self.sums_done + 1, search=search)

    def _search_opened(self) -> Search:
        minimum = self.study.thresholds.min_contributors
        return self.search.after_opened(self.study.digest(), self.study.n_hospitals, minimum)
