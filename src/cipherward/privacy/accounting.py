"""The accountant: what noisy releases cost together, by Renyi differential privacy (Google's dp-accounting).

Integer orders only. Releases of everything need no library: they cost order x rho, with rho = 1 / (2 multiplier^2). For them the bound on the Poisson-subsampled Gaussian (Mironov, Talwar, Zhang 2019, arXiv
1908.10530) is a sum over the Renyi divergences of the unsampled mechanism, which the discrete Gaussian also has
(Canonne, Kamath, Steinke 2020, proposition 5): what is accounted is the noise that is drawn, not its continuous limit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from cipherward.errors import StudyError

ORDERS: tuple[int, ...] = (*range(2, 65), 80, 96, 128, 192, 256, 512, 1024)
STEPS_PER_UNIT = 1_000
"""Noise multipliers are whole thousandths, rounded up."""

TAIL = 14
"""Noise beyond so many standard deviations does not fit into a lane and is cut off."""
RESERVED = 1e-6
"""The part of delta that is kept back for noise that is cut off, which no accountant sees."""

_LARGEST = 1_000 * STEPS_PER_UNIT


@dataclass(frozen=True)
class Event:
    """`steps` releases of a sum with Gaussian noise of `noise_multiplier` times one unit's largest influence, each over a
    Poisson sample of rate `sampling_rate` (1: of everything)."""

    noise_multiplier: float
    sampling_rate: float
    steps: int

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Event:
        """The event that `to_json` wrote.

        Raises:
            ValueError: another text.
        """
        try:
            found = cls(**json.loads(text))
            numbers = found.noise_multiplier, found.sampling_rate, found.steps
            is_sound = all(type(n) in (int, float) for n in numbers) and type(found.steps) is int and found.steps > 0
            is_sound = is_sound and 0 < found.noise_multiplier < math.inf and 0 < found.sampling_rate <= 1
        except (TypeError, RecursionError):
            is_sound = False
        if not is_sound:
            raise ValueError("not an event")
        return found


def epsilon(events: Iterable[Event], delta: float) -> float:
    """The epsilon at `delta` of all events together; 0.0 for none.

    Raises:
        StudyError: some are over samples and dp-accounting is not installed.
    """
    steps: dict[tuple[float, float], int] = {}
    for event in events:
        key = (event.noise_multiplier, event.sampling_rate)
        steps[key] = steps.get(key, 0) + event.steps
    return _epsilon(tuple(sorted(steps.items())), delta) if steps else 0.0


@lru_cache(maxsize=4096)
def _epsilon(steps: tuple[tuple[tuple[float, float], int], ...], delta: float) -> float:
    if all(rate == 1.0 for (_, rate), _ in steps):
        rho = math.fsum(count / (2.0 * noise * noise) for (noise, _), count in steps)
        return min(_at_order(order, order * rho, delta) for order in ORDERS)
    dp = _library()
    accountant = dp.rdp.RdpAccountant(list(ORDERS), dp.NeighboringRelation.ADD_OR_REMOVE_ONE)
    for (noise, rate), count in steps:
        event = dp.GaussianDpEvent(noise)
        accountant.compose(dp.PoissonSampledDpEvent(rate, event) if rate < 1.0 else event, count)
    return float(accountant.get_epsilon(delta))


def _at_order(order: int, divergence: float, delta: float) -> float:
    """From Renyi divergence to epsilon at `delta` (Canonne, Kamath, Steinke 2020, proposition 12)."""
    if delta >= 1.0 or delta * delta + math.expm1(-divergence) >= 0.0:
        return 0.0  # so little that delta alone covers it (Bretagnolle and Huber)
    return max(0.0, divergence + math.log1p(-1.0 / order) - math.log(delta * order) / (order - 1.0))


@lru_cache(maxsize=1024)
def calibrate(target: float, delta: float, sampling_rate: float, steps: int) -> float:
    """The least noise multiplier, in thousandths, with which `steps` releases cost at most `target`.

    Raises:
        StudyError: no noise multiplier up to 1000 suffices, or dp-accounting is not installed.
    """

    def costs_too_much(thousandths: int) -> bool:
        return epsilon([Event(thousandths / STEPS_PER_UNIT, sampling_rate, steps)], delta) > target

    low, high = 0, STEPS_PER_UNIT // 2
    while costs_too_much(high):
        if high == _LARGEST:
            raise StudyError(
                f"no noise keeps {steps} steps within epsilon {target} at delta {delta}",
                hint="take fewer training.rounds or local_epochs, or a larger privacy.epsilon",
            )
        low, high = high, min(2 * high, _LARGEST)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if costs_too_much(middle) else (low, middle)
    return high / STEPS_PER_UNIT


def _library() -> Any:
    try:
        import dp_accounting
        import dp_accounting.rdp
    except ImportError:
        raise missing("dp-accounting") from None
    return dp_accounting


def missing(package: str) -> StudyError:
    """The error for a package of the extra that is not there."""
    return StudyError(
        f"[privacy] needs the package {package}, which is not installed",
        hint='install the extra: python -m pip install "cipherward[privacy]"',
    )
