"""From the public state to the next sum and back: what hospital and coordinator compute alike."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.crypto.scheme import Opener, Scheme, SumTask
from cipherward.errors import ProtocolError, StorageError, SuspectError
from cipherward.sums.messages import Query, context
from cipherward.sums.votes import Rules
from cipherward.tasks.lanes import RealSegment
from cipherward.tasks.state import StudyState

MAX_ATTEMPTS = 32
"""Attempts at one sum that a hospital takes part in, whatever the reason for leaving the earlier ones."""


def query_of(state: StudyState) -> Query:
    """What the state's next sum asks. A question that depends on no model names none."""
    asked = state.asked
    return Query(asked.purpose, asked.parameters, state.digest() if asked.on_model else b"")


def asked_of(state: StudyState) -> bytes:
    """What a hospital answers in the state's next sum, 32 bytes: the query, but for what was learnt of hospitals that spoiled sums.

    After a sum that did not open the next one asks the same, and a contribution that was charged is sent again as it was.
    """
    asked = state.asked
    return Query(asked.purpose, asked.parameters, state.inner_digest if asked.on_model else b"").digest()


def task_of(rules: Rules, state: StudyState, attempt: int) -> SumTask:
    """The next sum of a study, everything computed from what this party knows itself."""
    layout = state.layout
    n_real = sum(segment.size for segment in layout.segments if isinstance(segment, RealSegment))
    return SumTask(
        context=context(rules.study, query_of(state).digest(), state.sums_done, attempt, state.last),
        n_hospitals=rules.n_hospitals,
        threshold=rules.threshold,
        bits=layout.bits,
        n_lanes=layout.n_lanes,
        n_values=layout.n_values,
        n_real=n_real,
        admitted=state.admitted,
        last=state.last,
    )


def attempt_of(rules: Rules, state: StudyState, named: bytes) -> int | None:
    """Which attempt at the state's next sum has this context."""
    contexts = contexts_of(rules, state, MAX_ATTEMPTS)
    return contexts.index(named) if named in contexts else None


def contexts_of(rules: Rules, state: StudyState, attempts: int) -> tuple[bytes, ...]:
    """The contexts of the first `attempts` attempts at the state's next sum."""
    return _contexts(rules.study, query_of(state).digest(), state.sums_done, state.last, attempts)


@lru_cache(maxsize=64)
def _contexts(study: bytes, query: bytes, round: int, last: bytes, attempts: int) -> tuple[bytes, ...]:
    return tuple(context(study, query, round, attempt, last) for attempt in range(attempts))


def vector_of(
    scheme: Scheme, state: StudyState, values: dict[str, NDArray[Any]], rounding: bytes = b""
) -> NDArray[Any]:
    """Named values as the scheme adds them: uint32 lanes, or float64 for an unprotected sum. `rounding`: see `Layout.encode`."""
    layout = state.layout
    return layout.encode(values, rounding) if scheme.fixed_point else layout.flatten(values)


def stored(scheme: Scheme, vector: NDArray[Any]) -> bytes:
    """A vector as the ledger keeps it with its charge."""
    return vector.astype("<u4" if scheme.fixed_point else "<f8").tobytes()


def from_stored(scheme: Scheme, state: StudyState, data: bytes) -> NDArray[Any]:
    """The vector that `stored` wrote.

    Raises:
        StorageError: it is not one of this sum.
    """
    layout = state.layout
    size, dtype = (layout.n_lanes, np.dtype("<u4")) if scheme.fixed_point else (layout.n_values, np.dtype("<f8"))
    if len(data) != size * dtype.itemsize:
        raise StorageError("the contribution in the privacy ledger does not fit this sum", hint="restore the ledger")
    return np.frombuffer(data, dtype=dtype).copy()


def named_sums(scheme: Scheme, state: StudyState, sums: NDArray[Any], n_contributors: int) -> dict[str, NDArray[Any]]:
    """Opened sums by name."""
    layout = state.layout
    decode = layout.decode if scheme.fixed_point else layout.unflatten
    return decode(sums, n_contributors)


def following(scheme: Scheme, state: StudyState, sums: NDArray[Any], n_contributors: int) -> StudyState:
    """The state after an opened sum.

    Raises:
        SuspectError: it opened to numbers that honest contributions never give, such as a weight sum below zero.
        DataError: the sums make no model (no rows, one class only).
    """
    try:
        return state.after(named_sums(scheme, state, sums, n_contributors), n_contributors)
    except ProtocolError as error:
        raise SuspectError(f"the opened sum is refused: {error.message}", culprit="a contributor") from None


def base_of(scheme: Scheme, state: StudyState) -> NDArray[np.float64]:
    """Where the sum starts, float64[n_lanes] in grid units: where the coordinator opens, at the task's base; else at zeros
    (which take no memory until somebody writes to them)."""
    base = state.task.base(state.inner) if scheme.opener is Opener.COORDINATOR else {}
    return state.layout.grid(base) if base else np.zeros(state.layout.n_lanes)
