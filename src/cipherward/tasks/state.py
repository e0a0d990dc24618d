"""The public state of a study: what every party knows after each opened sum.

It holds the task's own state and what is the same for every task: how many sums were opened, and which did not open.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cipherward.crypto.scheme import NOTHING_OPENED
from cipherward.disclosure.blocks import Blocks, Register
from cipherward.disclosure.standing import Memory, Statement
from cipherward.privacy import records
from cipherward.privacy.records import RecordNoise
from cipherward.study import Study
from cipherward.tasks.lanes import Layout
from cipherward.tasks.noise import noise_of, whose
from cipherward.tasks.task import Model, Question, Sums, Task

_NOBODY = (0,)
"""No hospital's index: () would admit the whole roster."""


@dataclass(frozen=True)
class Failed:
    """A certified sum that does not open: who was in it, and (hospital, reason) of those proved to have spoiled it."""

    number: int
    contributors: tuple[int, ...]
    culprits: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class StudyState:
    """State after `sums_done` sums. Built by `catalogue.begin`, moved by `after` or `after_failed`, and then by `seen`.

    `memory`: what the openings so far say of the study's registers. `failed`: the sums that did not open. `openings`: the
    digest of each opening, by sum. `false_dealers`: (sum, hospital) of those who are proved to have dealt a false share.
    `left_out`: columns of the study that nothing is asked about, each with the reason.
    """

    study: Study
    task: Task[Any] = field(repr=False)
    inner: Any = field(repr=False)
    sums_done: int = 0
    failed: tuple[Failed, ...] = ()
    memory: Memory = field(default_factory=Memory, repr=False)
    openings: tuple[bytes, ...] = ()
    false_dealers: tuple[tuple[int, int], ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)

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
    def whose_noise(self) -> str:
        """Whose noise the next sum carries, in words; empty for an exact one. Raises: as `noise`."""
        return whose(self.study, self.asked.purpose, self.noise)

    @property
    def model(self) -> Model | None:
        """The model so far; None where the task makes none."""
        return self.task.model(self.inner)

    @cached_property
    def result(self) -> Mapping[str, Any]:
        """What the task's result says of a study that is finished; not to be changed."""
        return self.task.result(self.inner)

    @property
    def n_parameters(self) -> int:
        """Size of the model; 0 where the task makes none."""
        return len(self.model.weights) if self.model else 0

    @property
    def excluded(self) -> tuple[int, ...]:
        """The hospitals that are proved to have spoiled a sum, or dealt a false share; they take no further part."""
        spoilers = {hospital for failed in self.failed for hospital, _ in failed.culprits}
        return tuple(sorted(spoilers.union(hospital for _, hospital in self.false_dealers)))

    @property
    def admitted(self) -> tuple[int, ...]:
        """The hospitals that may contribute to the next sum; () for the whole roster."""
        out, asked = self.excluded, self.question.asked if self.question else ()
        if not (out or asked):
            return ()
        return tuple(i for i in asked or range(1, self.study.n_hospitals + 1) if i not in out) or _NOBODY

    @property
    def unexplained(self) -> Failed | None:
        """The newest failed sum, if nobody is proved to have spoiled it: then people decide, and no sum follows."""
        return next((failed for failed in self.failed[-1:] if not failed.culprits), None)

    @property
    def last(self) -> bytes:
        """What messages about the next sum name as the last opening."""
        return self.last_of(len(self.openings))

    def last_of(self, sums: int) -> bytes:
        """What whoever has verified this many sums names as the last opening."""
        return (NOTHING_OPENED, *self.openings)[: sums + 1][-1]

    def digest(self) -> bytes:
        """SHA-256 over everything that the next sum or the result depends on; 32 bytes."""
        return self._digest

    @cached_property
    def inner_digest(self) -> bytes:
        """Of the task's own state; 32 bytes."""
        return self.task.digest(self.inner)

    @cached_property
    def _digest(self) -> bytes:
        failed = [dataclasses.astuple(failed) for failed in self.failed]
        facts = json.dumps([self.sums_done, failed, self.false_dealers]).encode()
        return hashlib.sha256(b"cipherward/v2/state\x00" + self.inner_digest + facts).digest()

    def after(self, sums: Sums, n_contributors: int) -> StudyState:
        """The state after the next sum has been opened.

        Args:
            sums: the layout's segments, summed over the contributors; with noise, what its offset leaves may be negative.

        Raises:
            ProtocolError, DataError: as `Task.after`.
        """
        if self.noise:
            sums = records.without_offset(sums, self.noise, n_contributors)
        inner = self.task.after(self.inner, sums, n_contributors)
        return dataclasses.replace(self, inner=inner, sums_done=self.sums_done + 1)

    def seen(
        self,
        opening: bytes,
        context: bytes,
        statements: tuple[Statement, ...],
        blocks: Blocks,
        spoilers: frozenset[Register],
    ) -> StudyState:
        """The state that remembers the opening that led to it, and who stood in it. Proof that a hospital spoiled a sum
        (`spoilers`: the registers of the `excluded`) removes it from its block's protection, so that the honest rest may stand.

        Args:
            opening: its digest.
        """
        memory = self.memory.opened(context, statements, blocks).spoiled(spoilers)
        return self._asking_the_same(memory=memory, openings=(*self.openings, opening))

    def proved(self, dealers: Collection[int], registers: frozenset[Register]) -> StudyState:
        """The same state, in which these are proved to have dealt false shares in the next sum; they take no part after it."""
        named = [(self.sums_done, hospital) for hospital in sorted(dealers) if hospital not in self.excluded]
        if not named and registers <= self.memory.proved:
            return self
        memory = self.memory.spoiled(registers)
        return self._asking_the_same(false_dealers=(*self.false_dealers, *named), memory=memory)

    def after_failed(self, contributors: Sequence[int], culprits: Sequence[tuple[int, str]] = ()) -> StudyState:
        """The state after a certified sum that does not open: the same is asked again, without `culprits`.

        Args:
            contributors: who is in the failed sum.
            culprits: who is proved to have spoiled it, with the reason.
        """
        named: dict[int, str] = {}
        for hospital, reason in culprits:
            named.setdefault(hospital, reason)
        failed = Failed(self.sums_done, tuple(contributors), tuple(sorted(named.items())))
        return self._asking_the_same(sums_done=self.sums_done + 1, failed=(*self.failed, failed))

    def _asking_the_same(self, **changes: Any) -> StudyState:
        """A state of the same task's state: what its question was worked out to be stays."""
        changed = dataclasses.replace(self, **changes)
        kept = {name: value for name, value in vars(self).items() if name in ("question", "noise", "inner_digest")}
        vars(changed).update(kept)
        return changed

    def names(self, hospitals: Sequence[int]) -> str:
        """Names of hospitals, for people."""
        return ", ".join(self.study.hospitals[i - 1].name for i in hospitals)
