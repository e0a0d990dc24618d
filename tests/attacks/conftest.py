from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import chance

from cipherward import study as study_document
from cipherward.attacks.context import Context, for_attacks
from cipherward.data.sources import load_hospitals
from cipherward.study import Study


@pytest.fixture(autouse=True, scope="module")
def seeded_rounding() -> Iterator[None]:
    """Attacks round and encrypt with the system's randomness, and measure shares of what they try."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "urandom", chance.drawn)
        yield


@pytest.fixture(scope="session")
def small() -> Study:
    """The built-in study with three small hospitals and short training."""
    study = study_document.load_builtin("readmission")
    cohort = {"n_hospitals": 3, "encounters_per_hospital": 200}
    return study.with_overrides(data={"cohort": cohort}, training={"rounds": 2, "local_epochs": 1})


@pytest.fixture(scope="session")
def at(small: Study) -> Context:
    """Where attacks on it run."""
    study = for_attacks(small)
    return Context(study, load_hospitals(study, None, Path()), study.seed)
