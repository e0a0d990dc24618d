"""Where each sum is announced with the opening before it, hospitals join with their receipts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.schedules import world as toy
from tests.schedules.liars import kind_of
from tests.schedules.world import ForgetfulParties, setting

from cipherward.parties import asking, early_joins
from cipherward.parties.coordinator_node import Outgoing, Phase
from cipherward.parties.sumlog import Opened
from cipherward.sums.checks import Check
from cipherward.sums.messages import Announce, Join, sign
from cipherward.sums.packets import pack
from cipherward.sums.votes import Member
from cipherward.tasks.state import StudyState


@pytest.fixture(autouse=True)
def _toy_ring(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    toy.hasten(monkeypatch)
    yield
    toy.forget()


@pytest.fixture
def parties(tmp_path: Path) -> Iterator[ForgetfulParties]:
    made = ForgetfulParties(tmp_path, setting(4, 3, singled_out="never"), ahead=True)
    yield made
    made.close()


class Carried:
    """Carries packets, but to nobody who is `away`; `up` and `down` hold their kinds and the hospital."""

    def __init__(self, parties: ForgetfulParties, away: Iterable[int] = ()) -> None:
        self.parties, self.away = parties, set(away)
        self.up: list[tuple[str, int]] = []
        self.down: list[tuple[str, int]] = []

    def one_sum(self) -> None:
        hub = self.parties.hub
        self._carry(hub.begin())
        while hub.phase is not Phase.IDLE:
            self._carry(hub.expire() if hub.waiting else hub.advance())

    def _carry(self, outgoing: list[Outgoing]) -> None:
        queue = list(outgoing)
        while queue:
            hospital, packet = queue.pop(0)
            self.down.append((kind_of(packet), hospital))
            for reply in self.parties.sites[hospital].handle(packet) if hospital not in self.away else ():
                self.up.append((kind_of(reply), hospital))
                queue += self.parties.hub.handle(hospital, reply)


def test_the_next_sum_begins_without_asking_anybody(parties: ForgetfulParties) -> None:
    Carried(parties).one_sum()
    carried = Carried(parties)
    carried.one_sum()
    for said, kinds in (
        (carried.down, ["Joined", "ConsentRequest", "Certificate", "Opening", "Announce"]),
        (carried.up, ["Update", "Vote", "Release", "Receipt", "Join"]),
    ):
        assert Counter(said) == Counter((kind, hospital) for kind in kinds for hospital in (1, 2, 3, 4))
    while not parties.hub.finished:
        carried = Carried(parties)
        carried.one_sum()
    assert {kind for kind, _ in carried.down} == {"Joined", "ConsentRequest", "Certificate", "Opening"}, (
        "no sum follows"
    )
    assert [step.contributors for step in parties.replayed()[1:]] == [(1, 2, 3, 4)] * parties.hub.state.sums_done


def test_whose_early_join_is_lost_is_asked_and_says_the_same(parties: ForgetfulParties) -> None:
    Carried(parties).one_sum()
    hub = parties.hub
    early = dict(hub._early._said)
    assert sorted(early) == [1, 2, 3, 4]
    del hub._early._said[3]
    ((asked, announce),) = hub.begin()
    assert (asked, kind_of(announce), hub.waiting) == (3, "Announce", frozenset({3}))
    assert parties.sites[3].handle(announce) == list(early[3])


def test_a_coordinator_that_restarts_has_forgotten_early_joins_and_asks_again(parties: ForgetfulParties) -> None:
    Carried(parties).one_sum()
    early = dict(parties.hub._early._said)
    parties.restart_hub()
    announced = parties.hub.begin()
    assert [(i, kind_of(packet)) for i, packet in announced] == [(i, "Announce") for i in (1, 2, 3, 4)]
    assert all(parties.sites[i].handle(packet) == list(early[i]) for i, packet in announced)


def test_a_coordinator_that_restarts_after_the_beginning_has_the_early_joins_in_its_journal(
    parties: ForgetfulParties,
) -> None:
    Carried(parties).one_sum()
    assert parties.hub.begin() == []
    parties.restart_hub()
    assert (parties.hub.phase, parties.hub.waiting) == (Phase.JOIN, frozenset())
    assert {kind_of(packet) for _, packet in parties.hub.advance()} == {"Joined"}


def test_an_early_join_that_its_sender_did_not_sign_is_set_aside_at_once(parties: ForgetfulParties) -> None:
    carried = Carried(parties)
    carried.one_sum()
    hub = parties.hub
    (join,) = hub._early._said.pop(2)
    hub.handle(2, join[:-1] + bytes([join[-1] ^ 1]))
    hub.handle(3, join)
    assert [(item.sender, item.kind, item.verdict) for item in hub.set_aside] == [
        (2, "Join", "faulty"),
        (3, "Join", "faulty"),
    ]
    assert 2 not in hub._early._said
    assert [hospital for hospital, _ in hub.begin()] == [2]


def test_two_early_joins_that_differ_are_evidence_and_the_first_one_counts(parties: ForgetfulParties) -> None:
    Carried(parties).one_sum()
    hub = parties.hub
    (first,) = hub._early._said[2]
    identity, rules = parties.setting.keys.identities[2], parties.rules
    context = asking.contexts_of(rules, hub.state, 1)[0]
    for number in range(5):
        _, key = rules.scheme.make_key(bytes([number]) * 96)
        other = pack("Join", sign(identity, rules.study, 2, Join(context, key, hub.state.last)))
        hub.handle(2, other)
    assert len(hub._early._said[2]) == 2, "what waits is bounded"
    hub.begin()
    assert hub.current_sum.collection._joins[2] == first[1:]
    assert any("join" in item.reason and item.sender == 2 for item in hub.set_aside)


def test_a_join_waits_for_the_next_sum_only(parties: ForgetfulParties) -> None:
    """One of a sum that is over is late, and after the last sum every one is."""
    hub = parties.hub
    Carried(parties).one_sum()
    (old,) = hub._early._said[2]
    while not hub.finished:
        Carried(parties).one_sum()
        before = dict(hub._early._said)
        hub.handle(2, old)
        assert hub._early._said == before
        assert [(item.sender, item.kind, item.verdict) for item in hub.set_aside[-1:]] == [(2, "Join", "late")]
    assert not hub._early._said


def test_nothing_is_announced_ahead_of_a_sum_that_did_not_open_or_to_who_takes_no_part(
    parties: ForgetfulParties,
) -> None:
    """After a sum that did not open people may have to decide; who dealt a false share contributes no more."""
    Carried(parties).one_sum()
    state, me = parties.hub.state, Member(parties.rules, 0, parties.setting.keys.identities[0])
    opened = Opened(0, 0, "", (1, 2, 3, 4), 1, "")

    def told(opened: Opened, state: StudyState) -> list[int]:
        return [hospital for hospital, _ in early_joins.announced(me, state, opened, frozenset({1, 2, 3}))]

    assert told(opened, state) == [1, 2, 3]
    assert told(replace(opened, opened=0), state) == []
    assert told(opened, replace(state, false_dealers=((0, 2),))) == [1, 3]


def test_a_join_that_waits_is_no_longer_than_joins_are(parties: ForgetfulParties) -> None:
    """Nor is it kept in memory: a sum's updates may be far longer."""
    Carried(parties).one_sum()
    hub, rules = parties.hub, parties.rules
    kept = dict(hub._early._said)
    join = Join(asking.contexts_of(rules, hub.state, 1)[0], bytes(early_joins._LARGEST), hub.state.last)
    hub.handle(2, pack("Join", sign(parties.setting.keys.identities[2], rules.study, 2, join)))
    assert [(item.sender, item.check, item.verdict) for item in hub.set_aside] == [(2, Check.SIZE, "faulty")]
    assert hub._early._said == kept


def test_who_left_since_is_no_part_of_the_sum_that_it_joined_early(parties: ForgetfulParties) -> None:
    Carried(parties).one_sum()
    hub = parties.hub
    assert [hospital for hospital, _ in hub.begin(frozenset({3}))] == [3], "asked as everybody was before"
    assert hub.current_sum.collection.joined == {1, 2, 4}


def test_a_sum_that_nobody_can_verify_is_not_followed_by_a_join(parties: ForgetfulParties) -> None:
    """An announcement proves nothing: a hospital that has not verified the opening says that it is behind."""
    Carried(parties).one_sum()
    hub = parties.hub
    rules, after = parties.rules, parties.sites[1].state
    announce = Announce(asking.contexts_of(rules, after, 1)[0], after.sums_done + 1, 0, (), after.last)
    packet = pack("Announce", sign(parties.setting.keys.identities[0], rules.study, 0, announce))
    assert [kind_of(reply) for reply in parties.sites[1].handle(packet)] == ["Behind"]
    assert hub.phase is Phase.IDLE


def test_who_contributed_nothing_is_announced_nothing_ahead(tmp_path: Path) -> None:
    """It may be behind, and would say so twice."""
    parties = ForgetfulParties(tmp_path, setting(4, 3), ahead=True)
    carried = Carried(parties, away=[4])
    carried.one_sum()
    assert [hospital for kind, hospital in carried.down if kind == "Announce"] == [1, 2, 3, 4, 1, 2, 3]
    assert [hospital for hospital, _ in parties.hub.begin()] == [4]
    parties.close()
