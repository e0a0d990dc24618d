"""What a hospital adds to curves and tests is what their definitions say."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cipherward.learning import survival, wald
from cipherward.learning.survival import AtRisk

F64 = NDArray[np.float64]


def rows(seed: int, n: int = 200) -> tuple[F64, NDArray[np.bool_], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    died, left = rng.exponential(20.0, n), rng.exponential(25.0, n)
    return np.ceil(np.minimum(died, left)), np.asarray(died <= left), rng.integers(0, 3, n)


def at_risk(time: F64, ends: F64) -> AtRisk:
    k, into = survival.places(ends, time[time <= ends[-1]], survival.unit(time))
    leaving = np.bincount(k, minlength=len(ends))
    place = np.bincount(k, weights=into, minlength=len(ends)) / np.maximum(leaving, 1)
    return AtRisk(ends, leaving.astype(np.int64), place, len(time))


@pytest.mark.parametrize("seed", range(5))
def test_a_hospital_that_is_alone_gets_its_own_curve_exactly_where_no_two_events_share_a_time(seed: int) -> None:
    time, event, _ = rows(seed)
    time = time + np.linspace(0.0, 0.9, len(time))
    ends = np.array([4.0, 9.0, 15.0, 22.0, 30.0])
    down, variance = survival.steps(at_risk(time, ends), time, event, 0.0, np.arange(5), np.zeros(5))
    assert np.allclose(np.exp(np.cumsum(down)), survival.exact(time, event, ends), atol=1e-12)
    greenwood = [
        sum(1.0 / (n * (n - 1.0)) for t in time[event & (time <= end)] if (n := float((time >= t).sum())))
        for end in ends
    ]
    assert np.allclose(np.cumsum(variance), greenwood)


@pytest.mark.parametrize("written_in", [0.001, 1.0, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_the_curve_of_many_hospitals_is_that_of_all_rows_however_coarsely_time_was_written_down(
    seed: int, written_in: float
) -> None:
    rng = np.random.default_rng(seed)
    died, left = rng.exponential(20.0, 1000), rng.exponential(25.0, 1000)
    time, event = np.ceil(np.minimum(died, left) / written_in) * written_in, np.asarray(died <= left)
    ends, at = np.arange(3.0, 46.0, 3.0), rng.integers(0, 6, 1000)
    risk = at_risk(time, ends)
    k = survival.cells(ends, time[event & (time <= ends[-1])])[0]
    hazard = np.bincount(k, minlength=len(ends)) / risk.spent
    parts = [
        survival.steps(risk, time[at == h], event[at == h], survival.unit(time), np.arange(len(ends)), hazard)
        for h in range(6)
    ]
    found = np.exp(np.cumsum(np.sum([down for down, _ in parts], axis=0)))
    enough = risk.after >= 20
    assert np.abs(found - survival.exact(time, event, ends))[enough].max() < 0.002


@pytest.mark.parametrize("seed", range(5))
def test_the_log_rank_test_counts_group_by_group_at_every_event(seed: int) -> None:
    time, event, group = rows(seed, 80)
    score, covariance = np.zeros(3), np.zeros((3, 3))
    for t in np.unique(time[event]):
        risk, died = time >= t, event & (time == t)
        n, d = risk.sum(), died.sum()
        share = np.array([(risk & (group == k)).sum() / n for k in range(3)])
        score += [(died & (group == k)).sum() - d * share[k] for k in range(3)]
        if n > 1:
            covariance += d * (n - d) / (n - 1) * (np.diag(share) - np.outer(share, share))
    found, upper = survival.log_rank(time, event, group, 3)
    assert np.allclose(found, score[:2])
    assert np.allclose(upper, covariance[:2, :2][np.triu_indices(2)])


def test_a_hospital_without_events_adds_nothing() -> None:
    time, event, group = rows(1)
    none = np.zeros(len(event), dtype=bool)
    risk = at_risk(time, np.array([10.0, 20.0]))
    assert not any(part.any() for part in survival.steps(risk, time, none, 1.0, np.arange(2), np.zeros(2)))
    assert not any(part.any() for part in survival.log_rank(time, none, group, 3))
    empty = AtRisk(np.zeros(0), np.zeros(0, np.int64), np.zeros(0), 5)
    assert survival.steps(empty, time, event, 1.0, np.zeros(0, np.int64), np.zeros(0))[0].shape == (0,)


def test_intervals_are_those_of_the_log_log_scale() -> None:
    # R: summary(survfit(Surv(c(1, 2, 3, 4), c(1, 1, 0, 1)) ~ 1, conf.type = "log-log")) at times 1 and 2
    down = [np.log(3 / 4), np.log(2 / 3)]
    found = survival.curve(down, [1 / 12, 1 / 6], wald.quantile(0.95))
    assert np.allclose(found[0], (0.75, 0.1279, 0.9605), atol=1e-4)
    assert np.allclose(found[1], (0.5, 0.0578, 0.8449), atol=1e-4)
    assert survival.curve([0.0], [0.0], 1.96) == [(1.0, 1.0, 1.0)]
