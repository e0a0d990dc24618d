"""A synthetic ward of wearables: heart rate, steps and sleep by the hour, and onset of hypertension. Nobody stands behind any row.

Each patient has habits (resting heart rate, activity, bed time, length of sleep) and a strain that wanders from week to week:
a mean of the patient's own, and an autoregressive part. Strain raises the resting heart rate, flattens its fall during sleep
("non-dipping"), lowers activity and breaks up sleep. A row is a week, hour by hour from Monday midnight; the outcome is onset within
the 28 days after it, drawn from a logistic model of that week's strain. Weeks of one patient begin 28 days apart, and end with onset.

Devices differ between hospitals: an offset of the heart rate, a factor of the steps, how long they are off. While a device is off
nothing is measured, in stretches of hours, and while it charges.

The effects are plausible in sign and size, chosen for this purpose, and no evidence about medicine. The true probability is known from the
strain, which the signals show through noise: its AUROC is above what any model can reach.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HOURS, DAYS = 24, 7
LENGTH = HOURS * DAYS
SIGNALS = ("heart_rate", "steps", "sleep")
OUTCOME, PATIENT = "onset", "patient_id"
WEEKS_PER_PATIENT = 6
HORIZON = 28
"""Days after a row's week in which the outcome falls; so many days lie between the weeks of a patient."""

_KEEP = 0.8  # of the wandering part of the strain, from one of a patient's weeks to the next
_INTERCEPT, _SLOPE = -2.2, 1.5


@dataclass(frozen=True)
class _Site:
    rate_offset: float
    step_factor: float
    off_stretches: float
    risk_shift: float


@dataclass(frozen=True)
class _Patient:
    """Habits of one patient: beats per minute at rest, a factor of the steps, hour of going to bed, hours of sleep; `mean`: of the strain."""

    resting: float
    activity: float
    bed: float
    asleep: float
    mean: float


def generate(patients: int, heterogeneity: float, seed: int, index: int) -> tuple[pl.DataFrame, Floats]:
    """One hospital's rows, and each row's true probability float64[n_rows].

    Args:
        patients: how many; each has 1 to `WEEKS_PER_PATIENT` rows.
        heterogeneity: how much hospitals differ; 0: not at all.
        index: the hospital's place, 0, 1, ...
    """
    rng = np.random.default_rng([seed, index, 0x77656172])
    site = _site(rng, heterogeneity)
    ids: list[str] = []
    weeks: list[Floats] = []
    outcomes: list[str] = []
    chances: list[float] = []
    for number in range(patients):
        person = _person(rng)
        wandering = rng.normal(0.0, 0.8)
        for _ in range(WEEKS_PER_PATIENT):
            strain = person.mean + wandering
            weeks.append(_hours(rng, person, site, np.full(DAYS, strain)))
            chance = _chance(strain, site)
            has_onset = rng.random() < chance
            ids.append(f"H{index + 1}-{number:05d}")
            outcomes.append("1" if has_onset else "0")
            chances.append(chance)
            if has_onset:
                break
            wandering = _KEEP * wandering + rng.normal(0.0, 0.8 * np.sqrt(1.0 - _KEEP**2))
    return _table(ids, weeks).with_columns(pl.Series(OUTCOME, outcomes)), np.array(chances)


def ward(patients: int, days: int, heterogeneity: float, seed: int, index: int) -> pl.DataFrame:
    """New days of other patients of the same hospital: for each patient and day the week that ends with it, columns `PATIENT`,
    "day" (1, 2, ...) and the signals. The strain moves from day to day."""
    site = _site(np.random.default_rng([seed, index, 0x77656172]), heterogeneity)
    rng = np.random.default_rng([seed, index, 0x77617264])
    ids: list[str] = []
    numbers: list[int] = []
    windows: list[Floats] = []
    for number in range(patients):
        person = _person(rng)
        steps = rng.normal(0.0, 0.25, days + DAYS - 1)
        strain = person.mean + rng.normal(0.0, 0.8) + np.cumsum(steps) - steps[0]
        hours = _hours(rng, person, site, strain)
        for day in range(days):
            ids.append(f"W{index + 1}-{number:05d}")
            numbers.append(day + 1)
            windows.append(hours[:, day * HOURS : day * HOURS + LENGTH])
    return _table(ids, windows).insert_column(1, pl.Series("day", numbers))


def _table(ids: list[str], weeks: list[Floats]) -> pl.DataFrame:
    hours = np.stack(weeks).astype(np.float32)
    signals = [
        pl.Series(name, np.ascontiguousarray(hours[:, k]), dtype=pl.Array(pl.Float32, LENGTH))
        for k, name in enumerate(SIGNALS)
    ]
    return pl.DataFrame([pl.Series(PATIENT, ids), *signals])


def _site(rng: np.random.Generator, heterogeneity: float) -> _Site:
    drawn = rng.normal(0.0, heterogeneity, 4)
    return _Site(
        rate_offset=1.5 * drawn[0],
        step_factor=float(np.exp(0.1 * drawn[1])),
        off_stretches=float(np.clip(2.0 + 1.0 * drawn[2], 0.5, 6.0)),
        risk_shift=0.35 * drawn[3],
    )


def _person(rng: np.random.Generator) -> _Patient:
    return _Patient(
        resting=rng.normal(66.0, 6.0),
        activity=float(np.exp(rng.normal(0.0, 0.35))),
        bed=rng.normal(23.0, 0.8),
        asleep=float(np.clip(rng.normal(7.2, 0.6), 5.0, 9.5)),
        mean=rng.normal(0.0, 0.8),
    )


def _chance(strain: float, site: _Site) -> float:
    return float(1.0 / (1.0 + np.exp(-(_INTERCEPT + site.risk_shift + _SLOPE * strain))))


def _hours(rng: np.random.Generator, person: _Patient, site: _Site, strain: Floats) -> Floats:
    """float64[3, 24 x days]: beats per minute, steps, and minutes asleep of each hour; NaN while nothing is measured."""
    days = len(strain)
    hour = np.arange(days * HOURS, dtype=np.float64)
    burden = np.repeat(strain, HOURS)
    clock = hour % HOURS
    bed = np.repeat(person.bed + rng.normal(0.0, 0.4, days), HOURS)
    since_bed = (clock - bed) % HOURS
    in_bed = np.clip(person.asleep - since_bed, 0.0, 1.0)
    broken = rng.random(len(hour)) < np.clip(0.10 + 0.05 * burden, 0.01, 0.6)
    asleep = in_bed * np.where(broken, rng.uniform(0.2, 0.7, len(hour)), rng.uniform(0.9, 1.0, len(hour)))
    daytime = np.clip(np.sin((clock - 6.0) / 16.0 * np.pi), 0.0, None) * (1.0 - in_bed)
    steps = rng.gamma(1.2, 1.0, len(hour)) * 650.0 * person.activity * np.exp(-0.12 * burden) * daytime
    dip = np.clip(0.17 - 0.035 * burden, 0.0, 0.35)
    rate = (person.resting + 1.5 * burden) * (1.0 - dip * asleep) + 10.0 * daytime + 0.006 * steps
    rate += rng.normal(0.0, 3.0, len(hour)) + site.rate_offset
    found = np.stack([np.round(rate, 1), np.round(steps * site.step_factor), np.round(60.0 * asleep)])
    found[:, _off(rng, len(hour), site)] = np.nan
    return found


def _off(rng: np.random.Generator, n_hours: int, site: _Site) -> NDArray[np.bool_]:
    """bool[n_hours]: nothing is measured."""
    off = rng.random(n_hours) < 1.0 / 48.0  # charging
    for _ in range(rng.poisson(site.off_stretches * n_hours / LENGTH)):
        start = int(rng.integers(n_hours))
        off[start : start + int(rng.integers(3, 19))] = True
    return off
