"""Hospitals whose software spoils sums: what they deal, release and answer when everybody is asked what happened."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any
from unittest import mock

import numpy as np
from tests.simulator import World

from cipherward.crypto import shamir
from cipherward.crypto.quorum import QuorumScheme, parameters_of
from cipherward.crypto.scheme import DealtShare, Protected, SumTask


class Liar(QuorumScheme):
    """Tells these lies in the sums for which `when` says so.

    secret: shares of another secret than the one it encrypts under. polynomial: shares that are not on the polynomial
    of the others. release: not the sum of its shares. blame: answers that add up to its false release, at the expense of
    the first dealer that it can blame. answer: numbers that are not those of what it dealt.
    """

    def __init__(self, when: Callable[[], bool], *lies: str) -> None:
        self.when, self.lies = when, lies

    def tells(self, lie: str) -> bool:
        return lie in self.lies and self.when()

    def protect(
        self, task: SumTask, sender: int, vector: Any, holders: Any, randomness: bytes, private_key: bytes = b""
    ) -> Protected:
        with mock.patch.object(shamir, "share", self._share(shamir.share)):
            return super().protect(task, sender, vector, holders, randomness)

    def _share(self, honest: Any) -> Any:
        def share(parameters: Any, secret: Any, seeds: Any, holders: Any) -> Any:
            given = np.roll(secret, 1) if self.tells("secret") else secret
            shares = honest(parameters, given, seeds, holders)
            if self.tells("polynomial"):
                # Of two, at least: without the holder of a single one the others would open the sum.
                shares = {i: bent(values, parameters.share_modulus) for i, values in shares.items()}
            return shares

        return share

    def release(self, task: SumTask, holder: int, private_key: bytes, dealt: Mapping[int, DealtShare]) -> bytes:
        released = super().release(task, holder, private_key, dealt)
        if not self.tells("release"):
            return released
        parameters = parameters_of(task)
        return shamir.pack(parameters, bent(shamir.unpack(parameters, released), parameters.share_modulus))

    def numbers_held(
        self, task: SumTask, seed: bytes, holder: int, private_key: bytes, dealt: Mapping[int, DealtShare]
    ) -> dict[int, Any]:
        held = super().numbers_held(task, seed, holder, private_key, dealt)
        if self.tells("blame"):
            parameters, blamed = parameters_of(task), min(i for i in held if i != holder)
            true = super().release(task, holder, private_key, dealt)
            false = shamir.pack(parameters, bent(shamir.unpack(parameters, true), parameters.share_modulus))
            said, meant = (self.numbers_released(task, seed, data).astype(np.int64) for data in (false, true))
            held[blamed] = ((held[blamed] + said - meant) % parameters.share_modulus).astype(np.uint32)
        return held

    def numbers_dealt(
        self, task: SumTask, seed: bytes, sender: int, one_time: bytes, holders: Iterable[int]
    ) -> list[Any]:
        honest = mock.patch.object(
            shamir, "share", self._share(shamir.share) if "secret" in self.lies else shamir.share
        )
        with honest:
            dealt = super().numbers_dealt(task, seed, sender, one_time, holders)
        if self.tells("answer"):
            dealt = [(numbers + 1) % np.uint32(self.share_modulus(task)) for numbers in dealt]
        return dealt


def bent(values: Any, modulus: int) -> Any:
    """Another vector, in one coefficient."""
    other = values.copy()
    other[17] = (other[17] + 1) % modulus
    return other


def lies(world: World, liar: int, *what: str, in_sum: int = 1) -> None:
    """Hospital `liar` tells lies in one sum."""
    site = world.sites[liar]
    scheme = Liar(lambda: site.state.sums_done == in_sum, *what)
    site.rules = dataclasses.replace(site.rules, scheme=scheme)
    site._me = dataclasses.replace(site._me, rules=site.rules)


class FalseDealer(QuorumScheme):
    """Commits to shares for its victims, in the sums for which `when` says so, that it has not dealt, and shows others."""

    def __init__(self, when: Callable[[], bool], victims: Collection[int]) -> None:
        self.when, self.victims = when, victims

    def protect(
        self, task: SumTask, sender: int, vector: Any, holders: Any, randomness: bytes, private_key: bytes = b""
    ) -> Protected:
        made = super().protect(task, sender, vector, holders, randomness)
        if not self.when():
            return made
        shares = {i: bytes(len(sealed)) if i in self.victims else sealed for i, sealed in made.shares.items()}
        return dataclasses.replace(made, shares=shares)


def deals_false_shares(world: World, liar: int, in_sum: int, victims: Collection[int] = ()) -> None:
    """Hospital `liar` deals false shares in one sum, to everybody or these, and shows others when they complain."""
    site = world.sites[liar]
    scheme = FalseDealer(lambda: site.state.sums_done == in_sum, victims or set(world.sites) - {liar})
    site.rules = dataclasses.replace(site.rules, scheme=scheme)
    site._me = dataclasses.replace(site._me, rules=site.rules)
