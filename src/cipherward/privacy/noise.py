"""From a study's privacy section to the noise that its training needs."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass

from cipherward.errors import StudyError
from cipherward.privacy import accounting, discrete
from cipherward.privacy.accounting import RESERVED, TAIL, Event
from cipherward.privacy.lifetime import check_delta
from cipherward.study import LARGEST_BATCH, Privacy, Study

RECORD_GRID = 1 << 18
"""Unit record: a clipped gradient has at most this norm in grid units."""

_LEAST_STDDEV = 8  # sums of discrete Gaussians this wide are Gaussian to 250 digits (`_not_gaussian`)
_LEAST_SENSITIVITY = 64


def accounted_delta(privacy: Privacy) -> float:
    """The delta that the accountant may use."""
    return privacy.delta * (1.0 - RESERVED)


@dataclass(frozen=True)
class RecordNoise:
    """DP-SGD at one hospital: standard deviation `stddev` on a grid where a clipped gradient has norm `RECORD_GRID`.

    `threshold` / 2^53 is the probability with which a row enters a minibatch; `per_round` is what one round costs.
    """

    clipping_norm: float
    stddev: int
    threshold: int
    expected_batch: float
    steps_per_epoch: int
    per_round: Event


def record_noise(study: Study, n_rows: int) -> RecordNoise:
    """The noise for a hospital with `n_rows` training rows, for all rounds that the study plans.

    Raises:
        StudyError: the study has no such privacy, its delta is 1 / rows or more, or no noise suffices.
    """
    privacy, training = study.privacy, study.training
    if privacy is None or privacy.unit != "record":
        raise StudyError("the study does not ask for privacy of records")
    check_delta(privacy.delta, n_rows)
    batch_size = training.batch_size or LARGEST_BATCH
    rate = min(1.0, batch_size / n_rows)
    per_epoch = math.ceil(n_rows / batch_size)
    per_round = per_epoch * training.local_epochs
    steps = per_round * training.rounds
    multiplier = accounting.calibrate(privacy.epsilon, accounted_delta(privacy), rate, steps)
    stddev = math.ceil(multiplier * RECORD_GRID)
    if stddev > discrete.MAX_STDDEV:
        raise StudyError(
            f"epsilon {privacy.epsilon} over {steps} steps needs a noise multiplier of {multiplier:.0f}: too much to learn",
            hint="take fewer training.rounds or local_epochs, or a larger privacy.epsilon",
        )
    event = Event(multiplier, rate, per_round)
    return RecordNoise(privacy.clipping_norm, stddev, math.floor(rate * 2**53), rate * n_rows, per_epoch, event)


@dataclass(frozen=True)
class HospitalNoise:
    """One hospital's share of the noise, in grid units: x = `clipping_norm` is `sensitivity` grid units.

    `bound` is the lane range that goes with it: `sensitivity` + `TAIL` x `stddev` grid units and no less.
    """

    clipping_norm: float
    sensitivity: int
    stddev: int
    honest: int
    bound: float
    per_round: Event


def honest_shares(study: Study) -> int:
    """Contributors whose noise nobody else knows, at least: min_contributors - corrupt."""
    return study.thresholds.min_contributors - study.thresholds.corrupt


def noise_multiplier(study: Study) -> float:
    """What freezing writes into a study of unit hospital: the noise that its rounds need.

    Raises:
        StudyError: as `accounting.calibrate`.
    """
    privacy = study.privacy
    if privacy is None or privacy.unit != "hospital":
        raise StudyError("the study does not ask for privacy of hospitals")
    return accounting.calibrate(privacy.epsilon, accounted_delta(privacy), 1.0, study.training.rounds)


def hospital_noise(study: Study, n_parameters: int) -> HospitalNoise:
    """One hospital's share, from the frozen study: + - * / sqrt only, so that every party gets the same range.

    Raises:
        StudyError: not frozen, or lanes too narrow for this much noise.
    """
    privacy = study.privacy
    if privacy is None or privacy.unit != "hospital" or not privacy.noise_multiplier:
        raise StudyError("the study is not frozen with privacy of hospitals: it states no noise multiplier")
    honest = honest_shares(study)
    half = (1 << (study.bits - 1)) - 1
    ratio = privacy.noise_multiplier / math.sqrt(honest)
    sensitivity = math.floor(half / (1.0 + TAIL * ratio))
    while sensitivity + TAIL * math.ceil(ratio * sensitivity) > half:
        sensitivity -= 1
    stddev = math.ceil(ratio * sensitivity)
    if sensitivity < max(_LEAST_SENSITIVITY, math.sqrt(n_parameters)) or stddev < _LEAST_STDDEV:
        raise StudyError(
            f"lanes of {study.bits} bits are too narrow for noise of {privacy.noise_multiplier:.2f} "
            f"times the clipping norm on {n_parameters} parameters",
            hint="set aggregation.bits = 24, or take fewer training.rounds or a larger privacy.epsilon",
        )
    bound = privacy.clipping_norm * half / sensitivity
    z = privacy.noise_multiplier
    effective = z / (1.0 + z * _not_gaussian(stddev, honest) * math.sqrt(n_parameters))
    return HospitalNoise(privacy.clipping_norm, sensitivity, stddev, honest, bound, Event(effective, 1.0, 1))


def check_study(study: Study) -> None:
    """What can be found wrong with the privacy section before there is data: before anything runs.

    Raises:
        StudyError: a package is missing, or no noise suffices.
    """
    privacy = study.privacy
    if privacy is None:
        return
    if privacy.unit == "hospital":
        stated = {"noise_multiplier": noise_multiplier(study)}
        hospital_noise(study.with_overrides(privacy=stated), n_parameters=1)
    else:
        for package in ("opacus", "dp_accounting"):
            if importlib.util.find_spec(package) is None:
                raise accounting.missing(package.replace("_", "-"))


def check_hospital(study: Study, n_parameters: int) -> None:
    """What a hospital checks before it takes part: that the noise the frozen study states keeps what it promises.

    Raises:
        StudyError: it does not.
    """
    privacy = study.privacy
    if privacy is None:
        return
    if privacy.unit == "hospital":
        event = hospital_noise(study, n_parameters).per_round
        planned = Event(event.noise_multiplier, 1.0, study.training.rounds)
        cost = accounting.epsilon([planned], accounted_delta(privacy))
        if cost > privacy.epsilon:
            raise StudyError(
                f"the noise that the study states costs epsilon {cost:.4g}, more than its {privacy.epsilon:.4g}",
                hint="do not take part; the coordinator froze another study than it announced",
            )
        draws = study.training.rounds * n_parameters * study.n_hospitals
        cut_off = 2.0 * math.exp(-(TAIL**2) / 2) * draws * (1.0 + math.exp(privacy.epsilon))
        if cut_off > RESERVED * privacy.delta:
            raise StudyError(
                "noise beyond a lane's range is too likely for this epsilon, delta and model size",
                hint="take a smaller privacy.epsilon or a larger privacy.delta",
            )


def _not_gaussian(stddev: int, honest: int) -> float:
    """tau of Kairouz, Liu, Steinke 2021 (arXiv 2102.06387, theorem 1): how far a sum of discrete Gaussians is from one.

    With it, the sum of `honest` shares is 1/2 e^2-concentrated DP for e = sensitivity / (sqrt(honest) stddev)
    + tau sqrt(n_parameters).
    """
    exponents = (2.0 * math.pi**2 * stddev**2 * k / (k + 1) for k in range(1, honest))
    return 10.0 * sum(math.exp(-x) for x in exponents)
