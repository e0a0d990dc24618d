"""`plain`: no protection at all. For comparison on one machine; every engine that leaves the machine refuses it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from cipherward.crypto.scheme import Accumulator, Opener, Protected, SumTask, WithoutShares
from cipherward.errors import ProtocolError, WireError

_MAX_EXACT = 2.0**53  # up to here every whole number is a float64, and sums of finite values stay finite


class _PlainSum:
    def __init__(self, task: SumTask) -> None:
        self._task = task
        self._total = np.zeros(task.n_values, dtype=np.float64)

    def add(self, payload: bytes) -> None:
        self._total += _parse(self._task, payload)

    def total(self) -> bytes:
        return self._total.astype("<f8").tobytes()


class PlainScheme(WithoutShares):
    """Updates travel as float32 (counts as float64) and are added in float64."""

    name = "plain"
    protection = (
        "Nothing is protected: the coordinator reads every hospital's contribution. The scheme exists for comparison."
    )
    opening = (
        "There was nothing to open; {consents} hospitals consented to the list of contributions ({threshold} needed)."
    )
    caution = "Scheme plain protects nothing: it exists for comparison on one machine."
    opener = Opener.ANYONE
    fixed_point = False
    assumes = "nothing is protected: the coordinator reads every update"

    def protect(
        self,
        task: SumTask,
        sender: int,
        vector: npt.NDArray[np.generic],
        holders: Mapping[int, bytes],
        randomness: bytes,
        private_key: bytes = b"",
    ) -> Protected:
        real, exact = vector[: task.n_real], vector[task.n_real :]
        return Protected(real.astype("<f4").tobytes() + exact.astype("<f8").tobytes(), {})

    def update_limit(self, task: SumTask) -> int:
        return 8 * task.n_values

    def accumulator(self, task: SumTask, base: npt.NDArray[np.float64]) -> Accumulator:
        return _PlainSum(task)

    def open(
        self,
        task: SumTask,
        total: bytes,
        releases: Mapping[int, bytes],
        base: npt.NDArray[np.float64],
        n_contributors: int,
    ) -> bytes:
        return b""

    def sums(self, task: SumTask, total: bytes, witness: bytes, n_contributors: int) -> npt.NDArray[np.generic]:
        if len(total) != 8 * task.n_values:
            raise WireError(f"a total of {task.n_values} values has {8 * task.n_values} bytes, found {len(total)}")
        sums = np.frombuffer(total, dtype="<f8").astype(np.float64)
        if not np.isfinite(sums).all():
            raise ProtocolError("the plain total holds NaN or infinity")
        return sums


def _parse(task: SumTask, payload: bytes) -> npt.NDArray[np.float64]:
    expected = 4 * task.n_real + 8 * (task.n_values - task.n_real)
    if len(payload) != expected:
        raise WireError(f"a plain update of {task.n_values} values has {expected} bytes, found {len(payload)}")
    real = np.frombuffer(payload, dtype="<f4", count=task.n_real)
    exact = np.frombuffer(payload, dtype="<f8", offset=4 * task.n_real)
    # Before the cast: numpy warns when it widens a NaN that signals.
    if not (np.isfinite(real).all() and np.isfinite(exact).all()):
        raise WireError("a plain update holds NaN or infinity")
    if (np.abs(exact) > _MAX_EXACT).any():
        raise WireError("a plain update holds a count beyond 2^53")
    return np.concatenate([real.astype(np.float64), exact])
