"""What random schedules found, one at a time and on purpose."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from tests.schedules.liars import kind_of, opened, packet_of
from tests.schedules.world import ForgetfulParties, setting

from cipherward.parties.coordinator_node import Outgoing, Phase

Change = Callable[[int, bytes], bytes | None]


def play(world: ForgetfulParties, outgoing: list[Outgoing], change: Change) -> None:
    """Deliver packets and their answers; `change` says what arrives of an answer, None for nothing."""
    queue = list(outgoing)
    while queue:
        hospital, packet = queue.pop(0)
        for reply in world.sites[hospital].handle(packet):
            arrived = change(hospital, reply)
            queue += world.hub.handle(hospital, arrived) if arrived else []


def finish(world: ForgetfulParties, change: Change) -> None:
    while not world.hub.finished:
        finish_one(world, change)


def finish_one(world: ForgetfulParties, change: Change) -> None:
    """One sum, with its receipts."""
    hub = world.hub
    play(world, hub.begin(), change)
    while hub.phase is not Phase.IDLE:
        play(world, hub.expire() if hub.waiting else hub.advance(), change)


class Absent:
    """A hospital that is switched off."""

    def handle(self, packet: bytes) -> list[bytes]:
        return []


def test_openings_that_are_lost_on_the_way_to_a_hospital_that_is_behind_are_sent_again(tmp_path: Path) -> None:
    world = ForgetfulParties(tmp_path, setting(4, 3))
    away = world.sites.pop(1)
    world.sites[1] = Absent()  # type: ignore[assignment]
    finish(world, lambda hospital, reply: reply)
    world.sites[1] = away
    for _ in range(3):
        ((hospital, opening),) = world.hub.last_call()
        (behind,) = away.handle(opening)
        assert (hospital, kind_of(behind)) == (1, "Behind")
        sent = world.hub.handle(1, behind)
        assert [kind_of(packet) for _, packet in sent] == ["Opening"] * 3
    world.close()


def test_a_malformed_release_is_set_aside_and_the_others_open_the_sum(tmp_path: Path) -> None:
    world = ForgetfulParties(tmp_path, setting(4, 3))

    def empty_release(hospital: int, reply: bytes) -> bytes:
        if hospital == 1 and kind_of(reply) == "Release":
            return packet_of(world.setting, 1, dataclasses.replace(opened(reply)[1], shares=b""))
        return reply

    finish(world, empty_release)
    assert [report.opened for report in world.hub.reports] == [True] * 3
    assert ("Release", "a release that is not a sum of shares") in {(a.kind, a.reason) for a in world.hub.set_aside}
    world.close()


def test_a_coordinator_starts_again_after_it_went_on_without_a_receipt(tmp_path: Path) -> None:
    """Seed 1320. The second request for a receipt was in its journal, and not taken up again from there."""
    world = ForgetfulParties(tmp_path, setting(4, 3))
    finish_one(world, lambda hospital, reply: None if (hospital, kind_of(reply)) == (1, "Receipt") else reply)
    assert world.hub.phase is Phase.IDLE
    assert set(world.hub.reports[-1].receipts) == {2, 3, 4}
    world.note(0)
    assert world.restart_hub() == []
    assert world.hub.phase is Phase.IDLE
    assert set(world.hub.reports[-1].receipts) == {2, 3, 4}
    world.close()
