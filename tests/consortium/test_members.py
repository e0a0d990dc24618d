"""The members list: what follows from what, and what a hospital refuses to follow."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.consortium.enrolled import Consortium, alarms, coordinator, hospital, join

from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.membership import members
from cipherward.consortium.membership.members import ACTIVE, REVOKED, Member, MembersList
from cipherward.crypto.identity import Identity
from cipherward.errors import FaultyCoordinatorError, ProtocolError, RefusedError, WireError

KEY = Identity(bytes(32))
ID = members.consortium_id("north", KEY.public_key)


def member(name: str, number: int = 1, status: str = ACTIVE) -> Member:
    return Member(name, bytes([number]) * 32, bytes([number, 9]) * 16, status)


def history(*added: Member) -> list[MembersList]:
    versions = [members.first(ID, 100)]
    for index, each in enumerate(added):
        versions.append(members.successor(versions[-1], each, 101 + index))
    return versions


def packed(versions: list[MembersList], identity: Identity = KEY) -> bytes:
    return members.pack_chain(tuple(members.sign(identity, version) for version in versions))


def test_a_chain_gives_back_every_version() -> None:
    versions = history(member("a", 1), member("b", 2), member("a", 1, REVOKED))
    assert members.open_chain(packed(versions), ID, KEY.public_key) == tuple(versions)
    assert [m.name for m in versions[-1].active] == ["b"]


def test_a_list_that_somebody_else_signed_is_forged() -> None:
    with pytest.raises(ProtocolError, match="forged"):
        members.open_chain(packed(history(member("a")), Identity(b"\x07" * 32)), ID, KEY.public_key)


def test_the_list_of_another_consortium_is_refused() -> None:
    with pytest.raises(ProtocolError, match="another"):
        members.open_chain(packed(history(member("a"))), members.consortium_id("south", KEY.public_key), KEY.public_key)


@pytest.mark.parametrize("broken", ["gap", "order", "start", "none"])
def test_versions_that_do_not_follow_from_each_other_are_refused(broken: str) -> None:
    versions = history(member("a", 1), member("b", 2), member("c", 3))
    wrong = {
        "gap": [versions[0], versions[1], versions[3]],
        "order": [versions[1], versions[0]],
        "start": versions[1:],
        "none": [],
    }[broken]
    with pytest.raises(ProtocolError):
        members.open_chain(packed(wrong), ID, KEY.public_key)


@pytest.mark.parametrize(
    "odd",
    [
        member("Big"),
        member("coordinator"),
        member(""),
        Member("a", b"short", bytes(32), ACTIVE),
        Member("a", bytes(32), b"short", ACTIVE),
        Member("a", bytes(32), bytes(32), "honorary"),
    ],
)
def test_a_member_that_cannot_be_is_refused_even_when_signed(odd: Member) -> None:
    with pytest.raises(ProtocolError):
        members.open_chain(packed(history(odd)), ID, KEY.public_key)


def test_two_members_with_one_key_or_one_name_are_refused() -> None:
    one = members.first(ID, 100)
    for pair in ((member("a", 1), member("b", 1)), (member("a", 1), member("a", 2))):
        two = MembersList(ID, 2, one.digest(), 101, pair)
        with pytest.raises(ProtocolError, match="contradicts"):
            members.open_chain(packed([one, two]), ID, KEY.public_key)


def test_an_older_list_is_a_rollback_and_another_history_a_fork() -> None:
    versions = history(member("a", 1), member("b", 2))
    assert members.follow(versions[1], tuple(versions)) == versions[2]
    assert members.follow(None, tuple(versions)) == versions[2]
    with pytest.raises(FaultyCoordinatorError, match="rollback"):
        members.follow(versions[2], tuple(versions[:2]))
    other = history(member("a", 1), member("x", 7), member("y", 8))
    with pytest.raises(FaultyCoordinatorError, match="fork"):
        members.follow(versions[2], tuple(other))


def test_changes_name_what_is_new_and_nothing_else() -> None:
    old = history(member("a", 1), member("b", 2), member("c", 3))[-1]
    replaced = dataclasses.replace(member("b", 2), certificate=bytes(32))
    for change, kind in (
        (member("d", 4), "added"),
        (member("a", 1, REVOKED), "revoked"),
        (member("a", 5), "new identity key"),
        (replaced, "new certificate"),
    ):
        new = members.successor(old, change, 200)
        assert [(c.kind, c.member) for c in members.changes(old, new)] == [(kind, change)]
        assert change.name in members.changes(old, new)[0].text


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([ACTIVE, REVOKED])), max_size=8))
def test_whatever_happens_to_one_member_the_others_stay_as_they_are(steps: list[tuple[str, str]]) -> None:
    versions = history(*(member(name, ord(name), status) for name, status in steps))
    for (name, _), old, new in zip(steps, versions, versions[1:], strict=False):
        kept = [m for m in new.members if m.name != name]
        assert kept == [m for m in old.members if m.name != name]
        assert {change.member.name for change in members.changes(old, new)} <= {name}
    assert members.open_chain(packed(versions), ID, KEY.public_key) == tuple(versions)


@given(st.data())
def test_a_damaged_chain_is_never_accepted_and_never_a_crash(data: st.DataObject) -> None:
    chain = packed(history(member("a", 1)))
    at = data.draw(st.integers(0, len(chain) - 1))
    changed = chain[:at] + bytes([chain[at] ^ data.draw(st.integers(1, 255))]) + chain[at + 1 :]
    for damaged in (changed, chain[:at], chain + b"\x00"):
        with pytest.raises((WireError, ProtocolError)):
            members.open_chain(damaged, ID, KEY.public_key)


# a hospital's pinned version


def test_nothing_is_confirmed_until_people_confirm_and_then_exactly_what_they_saw(tmp_path: Path) -> None:
    home = coordinator(tmp_path / "c")
    own = hospital(tmp_path / "h")
    join(home, own, "north")
    assert own.confirmed is None
    seen = own.offered
    assert seen is not None
    join(home, hospital(tmp_path / "h2"), "south")
    own.receive_members(home.chain())
    with pytest.raises(RefusedError, match="meanwhile"):
        own.confirm_members(seen)
    assert own.confirmed is None
    assert own.confirm_members(own.offered).version == 3
    assert HospitalHome(own.path).confirmed == home.members


def test_a_rollback_and_a_fork_are_refused_kept_out_and_alarmed(tmp_path: Path) -> None:
    everyone = Consortium(tmp_path, 3)
    own, pinned = everyone.first, everyone.coordinator.members
    versions = members.open_chain(everyone.coordinator.chain(), own.consortium_id, own.coordinator_key)
    identity = everyone.coordinator.identity
    forked = members.successor(versions[-2], member("evil", 66), 100)
    later = members.successor(forked, member("evil-2", 67), 101)
    for chain in ([*versions[:-1]], [*versions[:-1], forked], [*versions[:-1], forked, later]):
        with pytest.raises(FaultyCoordinatorError):
            own.receive_members(packed(chain, identity))
    assert own.confirmed == own.offered == pinned
    assert alarms(own) == ["members list refused"] * 3


def test_two_lists_of_one_version_are_a_fork_even_before_either_is_confirmed(tmp_path: Path) -> None:
    everyone = Consortium(tmp_path, 3)
    own, versions = everyone.first, [everyone.coordinator.members]
    before = members.open_chain(everyone.coordinator.chain(), own.consortium_id, own.coordinator_key)
    for number in (66, 67):
        versions.append(members.successor(before[-1], member("new", number), 100))
    own.receive_members(packed([*before, versions[1]], everyone.coordinator.identity))
    with pytest.raises(FaultyCoordinatorError, match="fork"):
        own.receive_members(packed([*before, versions[2]], everyone.coordinator.identity))
    assert own.offered == versions[1]


def test_a_forged_list_is_alarmed(tmp_path: Path) -> None:
    everyone = Consortium(tmp_path, 3)
    with pytest.raises(ProtocolError):
        everyone.first.receive_members(packed(history(member("a"))))
    assert alarms(everyone.first) == ["members list refused"]
