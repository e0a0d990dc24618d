"""Noise is drawn by lot in hospitals, and in tests from the name of who asks for it, so that a test passes always or never:
each test and each fixture has its own draws, whichever came before it. `real_noise` has a test draw as users do."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

_asking = [("nobody", itertools.count())]


@contextmanager
def named(name: str) -> Iterator[None]:
    """What is drawn in this block is drawn by this test or fixture."""
    _asking.append((name, itertools.count()))
    try:
        yield
    finally:
        _asking.pop()


def drawn(count: int) -> bytes:
    """As `os.urandom`: other bytes at every call, and the same in every run."""
    name, numbers = _asking[-1]
    return hashlib.shake_256(f"{next(numbers)} {name}".encode()).digest(count)


def seed_noise(patch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Noise, samples of rows and lots that ask the system are given `drawn`. How they begin otherwise."""
    from cipherward.privacy.randomness import SYSTEM, Randomness, Words

    really = Words.__init__

    def begin(words: Words, randomness: Randomness) -> None:
        really(words, drawn if randomness is SYSTEM else randomness)

    patch.setattr(Words, "__init__", begin)
    return really
