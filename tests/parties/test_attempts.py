"""Attempts at one sum: each follows real proof that the earlier ones are void, carries the same numbers, and one is opened."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests import simulator
from tests.simulator import World, body, kind_of

from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import Protected, SumTask
from cipherward.errors import AuditError
from cipherward.parties import asking
from cipherward.sums.messages import VOID, Announce, Opening, Receipt, VoidCertificate, VoidRequest, Vote

ME = 1


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Four hospitals, of which one may be corrupt; three make a quorum."""
    with World(tmp_path, simulator.agreed(4)) as made:
        yield made


def contexts(world: World) -> tuple[bytes, ...]:
    """Of the attempts at the sum that is next for hospital 1."""
    site = world.sites[ME]
    return asking.contexts_of(site.rules, site.state, 3)


def proof(world: World, context: bytes, voters: tuple[int, ...] = (2, 3, 4)) -> VoidCertificate:
    """Void votes in the name of these hospitals; of more than one of them, with its own key."""
    return VoidCertificate(tuple(world.signed(Vote(context, VOID, b"", b""), i) for i in voters))


def leave(world: World) -> None:
    """Three hospitals leave the attempt that has just got its list of joins."""
    request = world.packet(VoidRequest(world.hub._steps.sum.task.context))
    for i in (2, 3, 4):
        (vote,) = world.sites[i].handle(request)
        world.hub.handle(i, vote)


@pytest.fixture
def second(world: World) -> Opening:
    """The honest opening of a second attempt, which no hospital has seen yet."""
    world.until("Joined")
    leave(world)
    opening = body(world.continue_until({}, "Opening")[ME], Opening)
    assert opening.attempt == 1
    return opening


def test_the_receipt_names_the_attempt_that_was_opened(world: World, second: Opening) -> None:
    first, opened, _ = contexts(world)
    (reply,) = world.sites[ME].handle(world.packet(second))
    receipt = body(reply, Receipt)
    assert receipt.outcome == "agreed"
    assert receipt.context == opened != first
    assert "1 earlier attempt(s) proved void" in receipt.detail


def test_an_opening_of_a_later_attempt_comes_with_proof_that_the_earlier_ones_are_void(
    world: World, second: Opening
) -> None:
    site, (first, opened, _) = world.sites[ME], contexts(world)
    twice = VoidCertificate((*second.voids[0].votes[:2], second.voids[0].votes[0]))
    for voids in (
        (),
        (VoidCertificate(()),),
        (VoidCertificate(second.voids[0].votes[:2]),),
        (twice,),
        (proof(world, opened),),
        (*second.voids, *second.voids),
    ):
        (reply,) = site.handle(world.packet(dataclasses.replace(second, voids=voids)))
        assert body(reply, Receipt).outcome == "failed"
        assert "void" in body(reply, Receipt).detail
        assert site.state.sums_done == 0
    (reply,) = site.handle(world.packet(dataclasses.replace(second, voids=(proof(world, first),))))
    assert body(reply, Receipt).outcome == "agreed"


def test_an_opening_of_an_attempt_that_nobody_takes_part_in_is_refused_at_once(world: World, second: Opening) -> None:
    (reply,) = world.sites[ME].handle(world.packet(dataclasses.replace(second, attempt=2**62)))
    assert "no hospital takes part in" in body(reply, Receipt).detail


def test_an_auditor_asks_for_the_proof_too(world: World, second: Opening) -> None:
    path = world.run.opening(0)
    assert [line.outcome for line in simulator.lines_of(world.run.path)] == ["no receipt"] * 4 + ["not finished"]
    path.write_bytes(world.signed(dataclasses.replace(second, voids=())))
    with pytest.raises(AuditError, match="sum 0: attempt 1 needs a void certificate for each earlier one, and has 0"):
        simulator.lines_of(world.run.path)


def test_who_was_shown_that_an_attempt_is_void_releases_nothing_for_it_and_takes_its_opening_for_a_breach(
    world: World,
) -> None:
    """It takes more than f liars: they vote void, and consent as well."""
    site, (first, following, _) = world.sites[ME], contexts(world)
    certificates = world.continue_until(world.until("ConsentRequest"), "Certificate")
    announced = Announce(following, 0, 1, (proof(world, first),))
    (join,) = site.handle(world.packet(announced))
    assert kind_of(join) == "Join"
    assert site.handle(certificates.pop(ME)) == []
    assert "this attempt is void" in world.refusals()[-1]
    (reply,) = site.handle(world.continue_until(certificates, "Opening")[ME])
    assert body(reply, Receipt).outcome == "breach"
    assert "attempt 0 of this sum is opened, and I was shown that it is void" in body(reply, Receipt).detail


class Noting(QuorumScheme):
    """Notes what is protected."""

    def __init__(self) -> None:
        self.protected: list[tuple[NDArray[Any], bytes]] = []

    def protect(
        self, task: SumTask, sender: int, vector: Any, holders: Any, randomness: bytes, private_key: bytes = b""
    ) -> Protected:
        made = super().protect(task, sender, vector, holders, randomness, private_key)
        self.protected.append((vector.copy(), made.payload))
        return made


@pytest.mark.parametrize("restarts", [False, True])
def test_every_attempt_carries_the_same_numbers_under_fresh_secrets(world: World, restarts: bool) -> None:
    world.run_sums(1)  # a round of training, whose numbers are rounded at random
    noting = Noting()

    def note() -> None:
        site = world.sites[ME]
        site.rules = dataclasses.replace(site.rules, scheme=noting)
        site._me = dataclasses.replace(site._me, rules=site.rules)

    note()
    lists = world.until("Joined")
    world.sites[ME].handle(lists[ME])
    leave(world)
    if restarts:
        state = world.sites[ME].state
        world.sites[ME].ledger.close()
        world.sites[ME] = world.make_hospital(ME, state)
        note()
    world.continue_until({}, "Opening")
    (first, one), (again, other) = noting.protected
    assert np.array_equal(first, again)
    assert one != other
