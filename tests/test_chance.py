"""What tests draw is the same in every run, and never the same twice in one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from tests import chance

from cipherward.privacy import discrete
from cipherward.privacy.randomness import SYSTEM, Words


def noise() -> NDArray[np.int64]:
    return discrete.gaussian(Words(SYSTEM), 1_000, 64)


@pytest.fixture(scope="module")
def of_a_fixture() -> NDArray[np.int64]:
    return noise()


def test_noise_depends_on_who_draws_it_and_how_often_alone(of_a_fixture: NDArray[np.int64]) -> None:
    drawn = {"here": noise(), "here again": noise(), "in a fixture": of_a_fixture}
    for name in ("one", "another"):
        with chance.named(name):
            drawn[name] = noise()
        with chance.named(name):
            assert (noise() == drawn[name]).all()
    assert len({each.tobytes() for each in drawn.values()}) == len(drawn)
    with chance.named("one"):
        assert chance.drawn(4).hex() == "d95164c7", "in every process"


@pytest.mark.usefixtures("real_noise")
def test_real_noise_is_drawn_from_the_system() -> None:
    with chance.named("one"):
        seeded = chance.drawn(32)
    with chance.named("one"):
        assert (noise() != discrete.gaussian(Words(lambda _: seeded), 1_000, 64)).any()
