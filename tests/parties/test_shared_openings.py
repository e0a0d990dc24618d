"""Hospitals of one process share what is public of an opening that one of them has verified; what is a hospital's own each checks itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tests.simulator import World, body, kind_of

from cipherward.parties import asking
from cipherward.sums import hospital_steps
from cipherward.sums.messages import Opening, Receipt

FIRST, ME = 2, 1


@pytest.fixture
def opening(world: World) -> Opening:
    """The honest opening of the first training round, which another hospital has verified."""
    found = body(world.until("Opening")[ME], Opening)
    assert receipt(world, found, FIRST).outcome == "preserved"
    return found


def receipt(world: World, opening: Opening, index: int = ME) -> Receipt:
    (reply,) = world.sites[index].handle(world.packet(opening))
    assert kind_of(reply) == "Receipt"
    return body(reply, Receipt)


def test_the_very_same_opening_is_verified_once_and_each_hospital_says_what_it_found_of_its_own(
    world: World, opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verify(*given: Any, **named: Any) -> None:
        raise AssertionError("verified again")

    monkeypatch.setattr(hospital_steps, "verify", verify)
    mine = receipt(world, opening)
    assert mine.outcome == "preserved"
    assert "own contribution listed unaltered" in mine.detail
    assert mine.next_model == opening.next_model
    assert world.sites[ME].state is world.sites[FIRST].state


def test_only_who_has_the_same_rules_and_state_shares_what_follows(world: World) -> None:
    site = world.sites[FIRST]
    opening = body(world.until("Opening")[ME], Opening)
    before, task = site.state, asking.task_of(site.rules, site.state, opening.attempt)
    assert receipt(world, opening, FIRST).outcome == "preserved"
    judged = site.judged
    assert judged is not None
    assert judged.known(site.rules, task, before, opening)
    assert judged.known(site.rules, task, dataclasses.replace(before), opening) is None
    assert judged.known(dataclasses.replace(site.rules), task, before, opening) is None
    assert judged.known(site.rules, dataclasses.replace(task, context=bytes(32)), before, opening) is None


@pytest.mark.parametrize("what", ["total", "witness", "votes", "headers"])
def test_an_opening_that_differs_anywhere_is_verified_from_the_beginning(
    world: World, opening: Opening, what: str
) -> None:
    value = getattr(opening, what)
    altered: Any = value[:1] if isinstance(value, tuple) else bytes([value[0] ^ 1]) + value[1:]
    before = world.sites[ME].state
    assert receipt(world, dataclasses.replace(opening, **{what: altered})).outcome == "failed"
    assert world.sites[ME].state is before
    assert receipt(world, opening).outcome == "preserved"


def test_another_announced_model_is_a_breach_all_the_same(world: World, opening: Opening) -> None:
    assert receipt(world, dataclasses.replace(opening, next_model=bytes(32))).outcome == "breach"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"manifest": bytes(32)}, "a certificate exists for a manifest other than the one I consented to"),
        ({"header": b"another"}, "the manifest lists an altered contribution of mine"),
    ],
)
def test_what_a_hospital_remembers_of_its_own_is_compared_by_itself(
    world: World, opening: Opening, change: dict[str, bytes], words: str
) -> None:
    site = world.sites[ME]
    task = asking.task_of(site.rules, site.state, opening.attempt)
    site.ledger._change_sum(task.context, **change)
    found = receipt(world, opening)
    assert (found.outcome, words in found.detail) == ("breach", True)


def test_hospitals_with_rules_of_their_own_share_nothing(world: World, opening: Opening) -> None:
    site = world.sites[ME]
    calls = []
    real = hospital_steps.verify

    def verify(*given: Any, **named: Any) -> Any:
        calls.append(given)
        return real(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hospital_steps, "verify", verify)
        apart = dataclasses.replace(site, rules=dataclasses.replace(site.rules))
        (reply,) = apart.handle(world.packet(opening))
    assert body(reply, Receipt).outcome == "preserved"
    assert len(calls) == 1
