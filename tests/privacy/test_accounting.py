"""The accountant against Opacus' and against a tighter one, and that it never promises too much."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.installed import needs

from cipherward.errors import StudyError
from cipherward.privacy import accounting
from cipherward.privacy.accounting import Event, calibrate, epsilon

pytestmark = needs("privacy", "dp_accounting")


def random_settings() -> list[tuple[float, float, int, float]]:
    rng = np.random.default_rng(20260101)
    found = []
    for _ in range(20):
        rate = float(rng.choice([1.0, 10 ** rng.uniform(-3, -0.3)]))
        steps = int(10 ** rng.uniform(0, 1.5 if rate == 1.0 else 3.5))
        found.append((float(rng.uniform(0.8, 8.0)), rate, steps, float(10 ** rng.uniform(-8, -4))))
    return found


@pytest.mark.parametrize(("noise", "rate", "steps", "delta"), random_settings())
def test_it_agrees_with_opacus_within_one_percent(noise: float, rate: float, steps: int, delta: float) -> None:
    opacus = pytest.importorskip("opacus.accountants", reason="Opacus is not installed (extra `privacy`)")
    other = opacus.RDPAccountant()
    other.history = [(noise, rate, steps)]
    found = epsilon([Event(noise, rate, steps)], delta)
    assert found == pytest.approx(other.get_epsilon(delta, alphas=list(accounting.ORDERS)), rel=0.01)


@pytest.mark.parametrize(("noise", "rate", "steps", "delta"), random_settings()[:5])
def test_it_never_undercuts_the_privacy_loss_distribution(noise: float, rate: float, steps: int, delta: float) -> None:
    import dp_accounting

    tight = dp_accounting.pld.PLDAccountant()
    tight.compose(dp_accounting.PoissonSampledDpEvent(rate, dp_accounting.GaussianDpEvent(noise)), steps)
    assert epsilon([Event(noise, rate, steps)], delta) >= tight.get_epsilon(delta) - 1e-6


@given(
    target=st.floats(0.1, 20.0),
    delta=st.floats(1e-9, 1e-3),
    rate=st.sampled_from([1.0, 0.3, 0.02]),
    steps=st.integers(1, 2_000),
)
@settings(max_examples=15, deadline=None)
def test_calibrated_noise_is_the_least_that_keeps_the_target(
    target: float, delta: float, rate: float, steps: int
) -> None:
    try:
        noise = calibrate(target, delta, rate, steps)
    except StudyError:
        assert epsilon([Event(1000.0, rate, steps)], delta) > target, "refused only where no noise would do"
        return
    assert epsilon([Event(noise, rate, steps)], delta) <= target
    less = noise - 1.0 / accounting.STEPS_PER_UNIT
    assert less <= 0 or epsilon([Event(less, rate, steps)], delta) > target


def test_many_small_charges_cost_what_one_large_one_costs() -> None:
    whole = epsilon([Event(2.0, 0.1, 100)], 1e-5)
    assert epsilon([Event(2.0, 0.1, 10)] * 10, 1e-5) == whole
    assert epsilon([Event(2.0, 0.1, 100), Event(5.0, 1.0, 1)], 1e-5) > whole
    assert epsilon([], 1e-5) == 0.0


def test_a_target_that_no_noise_reaches_is_a_study_error() -> None:
    with pytest.raises(StudyError, match="no noise keeps"):
        calibrate(1e-6, 1e-9, 1.0, 100_000)


def test_an_event_survives_the_ledger() -> None:
    event = Event(1.234, 1 / 3, 7)
    assert Event.from_json(event.to_json()) == event


def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "dp_accounting", None)
    with pytest.raises(StudyError, match="dp-accounting, which is not installed") as caught:
        epsilon([Event(1.0, 0.9, 12345)], 1e-5)
    assert "cipherward[privacy]" in caught.value.hint


@given(noise=st.floats(0.3, 400.0), steps=st.integers(1, 200), delta=st.floats(1e-12, 1e-2))
@settings(max_examples=40, deadline=None)
def test_releases_of_everything_cost_what_the_library_says_without_the_library(
    noise: float, steps: int, delta: float
) -> None:
    import dp_accounting

    library = dp_accounting.rdp.RdpAccountant(list(accounting.ORDERS))
    library.compose(dp_accounting.GaussianDpEvent(noise), steps)
    assert epsilon([Event(noise, 1.0, steps)], delta) == pytest.approx(library.get_epsilon(delta), rel=1e-9, abs=1e-12)
