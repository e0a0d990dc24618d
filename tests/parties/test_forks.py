"""One sum opened twice: hard to bring about, and noticed by the next message that crosses between the two histories."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import simulator
from tests.parties.forked import LIARS, ONE, OTHER, Fork, fork
from tests.simulator import BentNetwork, World, body, kind_of, signed_body

from cipherward.crypto import wire
from cipherward.errors import FaultyCoordinatorError
from cipherward.parties import asking
from cipherward.parties.hospital_node import HospitalNode
from cipherward.store.ledger import Ledger
from cipherward.sums.messages import (
    Announce,
    Behind,
    Certificate,
    ConsentRequest,
    Join,
    Joined,
    Notice,
    Receipt,
    VoidCertificate,
    Vote,
)
from cipherward.sums.packets import pack, unpack

SAYS = {"Join", "Update", "Vote", "Complaint", "Release", "Answered", "Shown"}
"""What a hospital says only in a sum that it takes part in."""


def names(hospital: HospitalNode) -> str:
    """How people read the last opening that a hospital has seen."""
    return hospital.state.last.hex()[:16]


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fork]:
    """Two histories that parted in the second sum and have gone on for one more."""
    with fork(tmp_path_factory.mktemp("fork"), common=1, apart=2) as made:
        yield made


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Fork]:
    """Two histories that parted in the last sum."""
    with fork(tmp_path) as made:
        yield made


# it takes more than f liars


def test_of_two_attempts_that_are_announced_in_the_wrong_order_one_is_joined_and_one_is_opened(tmp_path: Path) -> None:
    """Announced with an empty proof before the first, the second attempt was joined: each was opened over half of them."""
    with World(tmp_path, simulator.agreed(4)) as world:
        attempts = [asking.task_of(world.hub.rules, world.hub.state, attempt) for attempt in (0, 1)]
        early = world.packet(Announce(attempts[1].context, 0, 1, (VoidCertificate(()),)))
        assert [site.handle(early) for site in world.sites.values()] == [[]] * 4
        lists = world.until("Joined")
        assert [site.handle(early) for site in world.sites.values()] == [[]] * 4
        world.finish(lists)
        assert world.hub.reports[-1].contributors == (1, 2, 3, 4)
        assert [site.handle(early) for site in world.sites.values()] == [[]] * 4
        assert len({site.state.last for site in world.sites.values()} | {world.hub.state.last}) == 1


def test_with_more_liars_than_the_study_reckons_with_a_sum_opens_twice_and_each_half_believes_its_own(
    fresh: Fork,
) -> None:
    one, other = fresh.one.sites[ONE], fresh.other.sites[OTHER]
    assert (fresh.one.hub.reports[-1].contributors, fresh.other.hub.reports[-1].contributors) == ((1, 3, 4), (2, 3, 4))
    assert one.outcomes[-1].is_verified
    assert other.outcomes[-1].is_verified
    assert one.state.openings[0] == other.state.openings[0]
    assert one.state.last != other.state.last
    assert fresh.one.sites[LIARS[0]].state.last == one.state.last


# noticed by the next message


def test_who_is_asked_to_follow_on_an_opening_that_it_has_not_seen_reports_a_breach_and_says_who_saw_what(
    fresh: Fork,
) -> None:
    hospital = fresh.other.sites[OTHER]
    announced = dict(fresh.one.hub.begin())[OTHER]
    (reply,) = hospital.handle(announced)
    receipt = body(reply, Receipt)
    assert receipt.outcome == "breach"
    mine, theirs = names(hospital), names(fresh.one.sites[ONE])
    assert f"the coordinator names {theirs} as the last opening, and here it is {mine}" in receipt.detail
    assert receipt.last == hospital.state.last
    assert hospital.handle(fresh.packet(OTHER, "Announce")) == []
    fresh.one.hub.handle(OTHER, reply)
    with pytest.raises(FaultyCoordinatorError, match="opened twice"):
        fresh.one.hub.expire()


def test_a_list_of_joins_from_both_histories_is_evidence_against_the_coordinator(fresh: Fork) -> None:
    """This coordinator tells each hospital the opening that it has seen, and then has to bring them together."""
    joins = dict(fresh.one.hub.begin()) | {OTHER: dict(fresh.other.hub.begin())[OTHER]}
    said = {i: site.handle(joins[i])[0] for i, site in {**fresh.one.sites, OTHER: fresh.other.sites[OTHER]}.items()}
    assert {kind_of(packet) for packet in said.values()} == {"Join"}
    both = Joined(body(said[ONE], Join).context, tuple(unpack(said[i])[1] for i in (1, 2, 3, 4)))
    (reply,) = fresh.one.sites[ONE].handle(fresh.one.packet(both))
    assert body(reply, Receipt).outcome == "breach"
    mine, theirs = names(fresh.one.sites[ONE]), names(fresh.other.sites[OTHER])
    assert f"hospital 2 names {theirs} as the last opening, and here it is {mine}" in body(reply, Receipt).detail


def test_an_honest_coordinator_sets_a_join_of_another_history_aside_tells_its_sender_and_goes_on(fresh: Fork) -> None:
    hub = fresh.one.hub
    announced = hub.begin()
    (join,) = fresh.other.sites[OTHER].handle(dict(fresh.other.hub.begin())[OTHER])
    ((told, notice),) = hub.handle(OTHER, join)
    assert told == OTHER
    assert f"hospital 2 names {names(fresh.other.sites[OTHER])}" in body(notice, Notice).reason
    assert hub.excluded == set()  # perhaps it is right, and this coordinator's disk was set back
    fresh.one.finish({i: packet for i, packet in announced if i != OTHER})
    assert hub.reports[-1].contributors == (1, 3, 4)


def test_votes_of_another_history_certify_nothing(fresh: Fork) -> None:
    fresh.go_on(1)
    site = fresh.one.sites[ONE]
    certificates = {i: p for i, p in _until(fresh.one, "Certificate", without=OTHER).items() if i == ONE}
    right = wire.decode(Certificate, unpack(certificates[ONE])[1])
    theirs = unpack(fresh.packet(OTHER, "Vote"))[1]
    bent = dataclasses.replace(right, votes=(*right.votes[:2], theirs))
    assert site.handle(pack("Certificate", wire.encode(bent))) == []
    assert f"hospital 2 names {signed_body(theirs, Vote).last.hex()[:16]}" in fresh.one.refusals()[-1]
    # Nor does a vote on this very sum that names another opening.
    crooked = dataclasses.replace(signed_body(right.votes[2], Vote), last=bytes(range(32)))
    bent = dataclasses.replace(right, votes=(*right.votes[:2], fresh.one.signed(crooked, 4)))
    assert site.handle(pack("Certificate", wire.encode(bent))) == []
    assert "hospital 4 names 0001020304050607" in fresh.one.refusals()[-1]
    assert kind_of(site.handle(certificates[ONE])[0]) == "Release"


def _until(world: World, kind: str, *, without: int) -> dict[int, bytes]:
    """As `World.until`, while one hospital hears and says nothing."""
    honest, world.sites[without].handle = world.sites[without].handle, lambda packet: []  # type: ignore[method-assign]
    try:
        return world.until(kind)
    finally:
        world.sites[without].handle = honest  # type: ignore[method-assign]


def test_an_auditor_takes_no_receipt_of_another_history_and_the_coordinator_keeps_none(fresh: Fork) -> None:
    round, receipt = fresh.common, fresh.packet(OTHER, "Receipt")
    assert body(receipt, Receipt).last == fresh.other.sites[OTHER].state.last
    fresh.one.hub.handle(OTHER, receipt)
    assert "hospital 2 names" in fresh.one.hub.set_aside[-1].reason
    assert not fresh.one.run.receipt(round, OTHER).exists()
    assert simulator.holds(fresh.one.run.path)
    # Even one that agrees on everything but what came before.
    mine = body(fresh.packet(ONE, "Receipt"), Receipt)
    crooked = fresh.one.signed(dataclasses.replace(mine, last=bytes(range(32))), OTHER)
    fresh.one.run.receipt(round, OTHER).write_bytes(crooked)
    bad = [line for line in simulator.lines_of(fresh.one.run.path) if not line.holds]
    assert [(line.hospital, line.outcome) for line in bad] == [("clinic-2", "bad receipt")]
    assert "the receipt of clinic-2 names 0001020304050607 as the last opening" in bad[0].detail


def test_who_says_that_it_is_behind_in_another_history_is_sent_no_openings_of_this_one(fresh: Fork) -> None:
    fresh.go_on(1)
    hospital = fresh.other.sites[OTHER]
    behind = Behind(fresh.common + 1, fresh.other.hub.state.last_of(fresh.common + 1))
    assert behind.last == hospital.state.last_of(fresh.common + 1)
    (answer,) = fresh.one.hub.handle(OTHER, fresh.one.packet(behind, OTHER))
    assert kind_of(answer[1]) == "Notice"
    assert "hospital 2 names" in fresh.one.hub.set_aside[-1].reason


def test_a_hospital_that_was_away_catches_up_first_and_nobody_says_a_word_about_it(tmp_path: Path) -> None:
    network = BentNetwork(simulator.lost({2}, rounds={1, 2}))
    with World(tmp_path, simulator.agreed(4, training={"rounds": 3}), network=network) as world:
        world.run_sums()
        assert world.hub.reports[3].contributors == (1, 2, 3, 4)
        assert not any("opening" in item.reason for item in world.hub.set_aside)
        assert all(site.state.openings == world.hub.state.openings for site in world.sites.values())
        assert len(world.hub.state.openings) == world.hub.state.sums_done
        lines = [line for line in simulator.lines_of(world.run.path) if line.hospital != "everyone"]
        assert len(lines) == 20
        assert all(line.holds for line in lines)


# a coordinator that tries everything


@dataclass
class Crossing:
    """Two histories, hospital 1's packets of its next sum and its ledger before each of them; and what a coordinator can show
    it that comes from the other history, alone or mixed with its own."""

    fork: Fork = field(repr=False)
    packets: list[bytes] = field(default_factory=list, repr=False)
    ledgers: list[Path] = field(default_factory=list, repr=False)
    crossed: list[bytes] = field(default_factory=list, repr=False)


@pytest.fixture(scope="module")
def crossing(apart: Fork, tmp_path_factory: pytest.TempPathFactory) -> Crossing:
    made, site, folder = Crossing(apart), apart.one.sites[ONE], tmp_path_factory.mktemp("ledgers")
    honest, before = site.handle, site.state

    def handle(packet: bytes) -> list[bytes]:
        made.ledgers.append(shutil.copytree(apart.one.run.hospital(ONE), folder / str(len(made.ledgers))))
        made.packets.append(packet)
        return honest(packet)

    site.handle = handle  # type: ignore[method-assign]
    apart.go_on(1)
    site.handle, site.state = honest, before  # type: ignore[method-assign]
    made.crossed = _crossed(apart)
    return made


def _crossed(made: Fork) -> list[bytes]:
    """What the coordinator can show hospital 1 that comes from the other history, alone or mixed with its own."""
    mine = {kind: made.packet(ONE, kind) for kind in ("Announce", "Joined", "ConsentRequest", "Certificate")}
    theirs = {kind: made.packet(OTHER, kind) for kind in (*mine, "Opening")}
    join, vote = (unpack(made.packet(OTHER, kind))[1] for kind in ("Join", "Vote"))
    joined, certificate = body(mine["Joined"], Joined), wire.decode(Certificate, unpack(mine["Certificate"])[1])
    request, foreign = (wire.decode(ConsentRequest, unpack(kinds["ConsentRequest"])[1]) for kinds in (mine, theirs))
    announced = body(mine["Announce"], Announce)
    return [
        *theirs.values(),
        made.one.packet(dataclasses.replace(joined, joins=(joined.joins[0], join, *joined.joins[1:]))),
        pack("ConsentRequest", wire.encode(dataclasses.replace(request, headers=foreign.headers))),
        pack("ConsentRequest", wire.encode(dataclasses.replace(foreign, headers=request.headers))),
        pack("Certificate", wire.encode(dataclasses.replace(certificate, votes=(*certificate.votes[:2], vote)))),
        made.one.packet(dataclasses.replace(announced, last=body(theirs["Announce"], Announce).last)),
        made.one.packet(dataclasses.replace(body(theirs["Announce"], Announce), last=announced.last)),
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 4), order=st.lists(st.integers(0, 10), min_size=1, max_size=4, unique=True))
def test_whatever_a_coordinator_shows_across_the_fork_nobody_takes_part_with_those_who_saw_the_other_opening(
    crossing: Crossing, tmp_path_factory: pytest.TempPathFactory, place: int, order: list[int]
) -> None:
    made, next_one = crossing.fork, crossing.packets[place]
    said_before = {packet.raw for packet in made.sent[ONE] if packet.up}
    folder = shutil.copytree(crossing.ledgers[place], tmp_path_factory.mktemp("again") / "hospital")
    site = dataclasses.replace(made.one.sites[ONE], ledger=Ledger(folder / "ledger.sqlite"), outcomes=[])
    before = site.state.last
    for packet in (crossing.crossed[number] for number in order):
        said = {reply for reply in site.handle(packet) if kind_of(reply) in SAYS}
        assert said <= said_before  # a repeat
    assert site.state.last == before
    kinds = [kind_of(reply) for reply in site.handle(next_one)]
    if site.stopped:
        assert kinds == []
        assert any(words in site.outcomes[0].detail for words in ("was opened twice", "belongs to another sum"))
    else:
        assert kinds == [("Join", "Update", "Vote", "Release", "Receipt")[place]]
    site.ledger.close()
