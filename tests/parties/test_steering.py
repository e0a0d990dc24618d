"""A coordinator and a liar that choose what they do next by what was opened so far, over all rounds of a study."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from tests.parties.liars_in_a_sum import Liar
from tests.parties.test_blocks import sums_of
from tests.parties.test_challenge import eight
from tests.simulator import BentNetwork, Packet, World

from cipherward.disclosure.inference import readable
from cipherward.errors import CipherwardError

LIAR = 3
TRICKS = (
    "drop its update",
    "drop its vote",
    "show it no opening",
    "drop its whole block",
    "release falsely",
    "share falsely",
    "be silent",
    "push the model",
)


class Steering:
    """One coordinator and hospital `LIAR`: before each sum they look at every model that was opened, and pick a victim and a trick."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.seed, self.trick, self.victim = seed, "", 0
        self.played: Counter[str] = Counter()
        self.world = World(folder, eight(4), network=BentNetwork(self._bent))
        site = self.world.sites[LIAR]
        self.lying = Liar(lambda: self.trick in ("release falsely", "share falsely"), "release", "polynomial")
        self.lying.tells = self._tells  # type: ignore[method-assign]
        site.rules = dataclasses.replace(site.rules, scheme=self.lying)
        site._me = dataclasses.replace(site._me, rules=site.rules)
        self.honest_values = site.work.values
        site.work.values = self._values  # type: ignore[method-assign]

    def _tells(self, lie: str) -> bool:
        return {"release": "release falsely", "polynomial": "share falsely"}.get(lie) == self.trick

    def _values(self, state: Any) -> Any:
        found = dict(self.honest_values(state))
        for name, part in found.items() if self.trick == "push the model" else ():
            if name.startswith("update/"):
                found[name] = np.sign(np.asarray(part)) * 0.2
        return found

    def _bent(self, packet: Packet) -> list[bytes] | None:
        mine = packet.hospital == self.victim
        block = (packet.hospital <= 4) == (self.victim <= 4)
        gone = (
            (self.trick == "drop its update" and mine and packet.kind == "Update")
            or (self.trick == "drop its vote" and mine and packet.kind == "Vote")
            or (self.trick == "show it no opening" and mine and packet.kind == "Opening")
            or (self.trick == "drop its whole block" and block and packet.kind == "Update")
            or (
                self.trick == "be silent"
                and packet.up
                and packet.hospital == LIAR
                and packet.kind in ("Vote", "Release")
            )
        )
        return [] if gone else None

    def play(self) -> None:
        """Until the study is finished, or waits for somebody whom they keep out. They leave the first sum alone: it waits for everybody."""
        self.world.run_sums(1)
        while not self.world.hub.finished:
            read = hashlib.sha256(self.world.hub.state.digest() + bytes([self.seed])).digest()
            drawn = Random(read)
            self.victim = drawn.choice([i for i in self.world.sites if i != LIAR])
            self.trick = drawn.choice(TRICKS)
            self.played[self.trick] += 1
            try:
                self.world.run_sums(1)
            except CipherwardError:
                return


@pytest.mark.parametrize(
    "seed",
    [
        1,
        pytest.param(3, marks=pytest.mark.thorough),
        *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(4, 24)),
    ],
)
def test_whatever_they_choose_no_honest_hospital_is_read_apart_and_none_is_named(tmp_path: Path, seed: int) -> None:
    steering = Steering(tmp_path, seed)
    with steering.world as world:
        steering.play()
        opened = [frozenset(one) for one in sums_of(world)]
        for group in readable(opened, [LIAR]):
            assert len(group) >= 2, (steering.played, opened)
        assert set(world.hub.state.excluded) <= {LIAR}
        assert not any(site.stopped for i, site in world.sites.items() if i != LIAR), steering.played
        # Without a whole block too few of eight are left to answer: played first, it ends the study there.
        assert len(opened) > 1 or steering.trick == "drop its whole block", steering.played
