"""The partial likelihood is what its definition says, risk set by risk set, ties included."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cipherward.learning import cox
from cipherward.learning.cox import Ties
from cipherward.learning.likelihood import full

F64 = NDArray[np.float64]
Bools = NDArray[np.bool_]


def rows(seed: int, n: int = 40, p: int = 3) -> tuple[F64, F64, Bools]:
    """Few distinct times, so that many events share one, with rows that are censored then."""
    rng = np.random.default_rng(seed)
    time = rng.integers(0, 9, n).astype(np.float64)
    return rng.uniform(-0.5, 0.5, (n, p)), time, np.asarray(rng.random(n) < 0.6)


def slowly(w: F64, x: F64, time: F64, event: Bools, ties: Ties, g: F64) -> tuple[float, F64, F64]:
    """Loss, weighed score and weighed information by loops over events, as in Therneau and Grambsch 2000, 3.3."""
    loss, score, information = 0.0, np.zeros(x.shape[1]), np.zeros((x.shape[1], x.shape[1]))
    for t in np.unique(time[event]):
        risk, dead = time >= t, event & (time == t)
        for k, i in enumerate(np.flatnonzero(dead)):
            part = k / dead.sum() if ties == "efron" else 0.0
            weight = np.exp(x @ w) * (risk - part * dead)
            mean = weight @ x / weight.sum()
            second = (x.T * weight) @ x / weight.sum() - np.outer(mean, mean)
            loss += np.log(weight.sum()) - x[i] @ w
            score += g[i] * (x[i] - mean)
            information += g[i] * second
    return loss, score, information


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("seed", range(5))
def test_sums_are_those_of_every_risk_set(seed: int, ties: Ties) -> None:
    x, time, event = rows(seed)
    w = np.asarray(np.random.default_rng(seed + 100).normal(0.0, 2.0, x.shape[1]))
    loss, score, information = slowly(w, x, time, event, ties, np.ones(len(time)))
    found = cox.sums_at(w, x, time, event, ties)
    assert found.loss == pytest.approx(loss, rel=1e-12)
    assert np.allclose(found.gradient, -score, atol=1e-12)
    assert np.allclose(full(found.curvature, len(w)), information, atol=1e-12)
    g = time / 10.0
    in_time = cox.in_time(w, x, time, event, g, ties)
    _, weighed, mixed = slowly(w, x, time, event, ties, g)
    assert np.allclose(in_time.score, weighed, atol=1e-12)
    assert np.allclose(full(in_time.mixed, len(w)), mixed, atol=1e-12)
    assert np.allclose(full(in_time.squared, len(w)), slowly(w, x, time, event, ties, g**2)[2], atol=1e-12)


def test_rows_without_an_event_say_nothing() -> None:
    x, time, _ = rows(1)
    found = cox.sums_at(np.ones(3), x, time, np.zeros(len(time), dtype=bool))
    assert found.loss == 0.0
    assert not found.gradient.any()
    assert not found.curvature.any()
    assert not cox.in_time(np.ones(3), x, time, np.zeros(len(time), dtype=bool), time).score.any()


@pytest.mark.parametrize("least", [1, 5, 10, 40, 41])
def test_no_event_is_counted_among_fewer_rows_at_risk_than_wanted(least: int) -> None:
    x, time, event = rows(2)
    until, counted = cox.ended(time, event, least)
    at_risk = np.array([(time >= t).sum() for t in time])
    assert np.array_equal(counted, event & (at_risk >= least))
    w = np.ones(3)
    # events that are left count as they did: their risk sets are whole
    of_left, _, _ = slowly(w, x, time, counted, "efron", np.ones(len(time)))
    assert cox.sums_at(w, x, until, counted).loss == pytest.approx(of_left, rel=1e-12)
