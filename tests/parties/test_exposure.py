"""No differencing: one query over one hospital's data is answered once, whatever it is asked and whatever it forgets."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests import simulator
from tests.simulator import World, body, exposed, kind_of, signed_body

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.errors import AlreadyReleasedError, StorageError
from cipherward.parties import asking
from cipherward.parties.hospital_node import HospitalNode
from cipherward.sums.digests import Entry
from cipherward.sums.messages import (
    CONSENT,
    VOID,
    Announce,
    Certificate,
    ConsentRequest,
    Join,
    Joined,
    Manifest,
    ShareFor,
    Update,
    VoidCertificate,
    VoidRequest,
    Vote,
)
from cipherward.sums.packets import pack, unpack

ME = 1


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, simulator.study(4)) as made:
        yield made


def announce(world: World, attempt: int, voids: tuple[VoidCertificate, ...] = ()) -> bytes:
    site = world.sites[ME]
    context = asking.task_of(site.rules, site.state, attempt).context
    return world.packet(Announce(context, site.state.sums_done, attempt, voids))


def joined(world: World, attempt: int) -> bytes:
    """A list of joins for an attempt, with help from the other hospitals and their keys."""
    site = world.sites[ME]
    task = asking.task_of(site.rules, site.state, attempt)
    known = site.ledger.sum(task.context)
    assert known is not None
    joins = {ME: known.joined}
    for other in (2, 3, 4):
        _, public = site.rules.scheme.make_key(bytes([other]) * 96)
        joins[other] = world.signed(Join(task.context, public), other)
    return world.packet(Joined(task.context, tuple(joins.values())))


def nothing() -> VoidCertificate:
    return VoidCertificate(())


def void_proof(world: World, attempt: int) -> VoidCertificate:
    site = world.sites[ME]
    vote = Vote(asking.task_of(site.rules, site.state, attempt).context, VOID, b"", b"")
    return VoidCertificate(tuple(world.signed(vote, i) for i in (2, 3, 4)))


def test_a_second_attempt_is_not_joined_without_proof_that_the_first_is_void_whichever_is_announced_first(
    world: World,
) -> None:
    """Two attempts side by side, each with half of the hospitals, would be two openings of one sum."""
    site = world.sites[ME]
    assert site.handle(announce(world, 1, (nothing(),))) == []
    (reply,) = site.handle(announce(world, 0))
    assert kind_of(reply) == "Join"
    assert site.handle(announce(world, 1, (nothing(),))) == []
    sent = site.handle(joined(world, 0))
    assert {kind_of(reply) for reply in sent} == {"Update"}
    query = asking.query_of(site.state).digest()
    assert len(exposed(site.ledger, query)) == 1


def test_nothing_below_an_attempt_that_was_joined_is_joined(world: World) -> None:
    site = world.sites[ME]
    (reply,) = site.handle(announce(world, 1, (void_proof(world, 0),)))
    assert kind_of(reply) == "Join"
    assert site.handle(announce(world, 0)) == []
    assert "a later attempt of this sum was joined" in world.refusals()[-1]


def test_a_void_attempt_frees_the_data_for_one_more_and_not_for_two(world: World) -> None:
    site = world.sites[ME]
    site.handle(announce(world, 0))
    (first,) = site.handle(joined(world, 0))
    assert site.handle(announce(world, 1, (nothing(),))) == []
    (join,) = site.handle(announce(world, 1, (void_proof(world, 0),)))
    assert kind_of(join) == "Join"
    assert site.handle(joined(world, 0)) == []
    assert "this attempt is over" in world.refusals()[-1]
    (second,) = site.handle(joined(world, 1))
    one, two = (wire.decode(Update, unpack(packet)[1]) for packet in (first, second))
    assert one.payload != two.payload
    assert site.handle(announce(world, 2, (void_proof(world, 0), nothing()))) == []


def test_the_key_of_an_attempt_that_was_only_joined_goes_with_it(world: World) -> None:
    site = world.sites[ME]
    site.handle(announce(world, 0))
    context = asking.task_of(site.rules, site.state, 0).context
    before = site.ledger.sum(context)
    assert before is not None
    assert len(before.private_key) == 96
    site.handle(announce(world, 1, (void_proof(world, 0),)))
    after = site.ledger.sum(context)
    assert after is not None
    assert after.private_key == b""
    assert site.handle(joined(world, 0)) == []


def test_who_voted_to_leave_an_attempt_does_not_join_it_when_its_announcement_comes_late(world: World) -> None:
    site = world.sites[ME]
    context = asking.task_of(site.rules, site.state, 0).context
    (vote,) = site.handle(world.packet(VoidRequest(context)))
    assert body(vote, Vote).choice == VOID
    assert site.handle(announce(world, 0)) == []
    assert "voted to leave this attempt" in world.refusals()[-1]
    assert site.handle(world.packet(VoidRequest(context))) == [vote]
    assert site.handle(world.packet(VoidRequest(bytes(32)))) == []


def test_a_dead_statistic_stays_dead_for_its_contributors(world: World) -> None:
    """Stopped after dealing, resumed with another announcement: the same bytes, or nothing."""
    held = world.until("Joined")
    (update,) = world.sites[ME].handle(held[ME])
    query = asking.query_of(world.sites[ME].state).digest()
    (sent,) = exposed(world.sites[ME].ledger, query)
    assert pack("Update", sent.update) == update
    assert world.sites[ME].handle(announce(world, 1, (nothing(),))) == []


# a ledger that forgets


def restored(world: World, backup: Path) -> None:
    """Hospital 1 comes back with the ledger of the backup, its memory gone."""
    site = world.sites[ME]
    site.ledger.close()
    folder = world.run.hospital(ME)
    shutil.rmtree(folder)
    shutil.copytree(backup, folder)
    world.sites[ME] = world.make_hospital(ME, site.state)


@pytest.fixture
def agreed(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, simulator.agreed(4)) as made:
        yield made


def test_a_rolled_back_ledger_makes_fresh_secrets_and_never_a_second_certificate(agreed: World, tmp_path: Path) -> None:
    world = agreed
    lists = world.until("Joined")
    shutil.copytree(world.run.hospital(ME), tmp_path / "backup")
    requests = world.continue_until(lists, "ConsentRequest")
    request = wire.decode(ConsentRequest, unpack(requests[ME])[1])
    votes = {i: world.sites[i].handle(packet) for i, packet in requests.items()}
    assert [len(reply) for reply in votes.values()] == [1, 1, 1, 1]
    context = signed_body(request.manifest, Manifest).context
    known = world.sites[ME].ledger.sum(context)
    assert known is not None
    first = wire.decode(Update, known.update)

    restored(world, tmp_path / "backup")
    site = world.sites[ME]
    (again,) = site.handle(lists[ME])
    second = wire.decode(Update, unpack(again)[1])
    # The same rows and the same question, and yet no secret of the first contribution comes again.
    assert second.payload != first.payload
    assert {s.sealed for s in first.shares}.isdisjoint(s.sealed for s in second.shares)

    headers = (second.header, *request.headers[1:3])
    entries = tuple(Entry(i, digest("header", header)) for i, header in enumerate(headers, start=1))
    manifest = world.signed(dataclasses.replace(signed_body(request.manifest, Manifest), entries=entries))
    consents = []
    for index, packet in requests.items():
        old = wire.decode(ConsentRequest, unpack(packet)[1])
        own = next(share.sealed for share in second.shares if share.hospital == index)
        shares = (ShareFor(ME, own), *(share for share in old.shares if share.hospital in (2, 3)))
        asked = ConsentRequest(manifest, headers, shares)
        consents += world.sites[index].handle(pack("ConsentRequest", wire.encode(asked)))
    assert [body(vote, Vote).choice for vote in consents] == [CONSENT]
    assert len(consents) < world.hub.rules.threshold


def test_the_message_enters_the_one_time_secret_even_when_the_randomness_repeats(world: World) -> None:
    site = world.sites[ME]
    task = asking.task_of(site.rules, site.state, 0)
    _, public = site.rules.scheme.make_key(bytes(96))
    holders = dict.fromkeys(range(1, 5), public)
    vector = asking.vector_of(site.rules.scheme, site.state, site.work.values(site.state))
    one = site.rules.scheme.protect(task, ME, vector, holders, bytes(64))
    assert site.rules.scheme.protect(task, ME, vector, holders, bytes(64)).payload == one.payload
    other = vector.copy()
    other[0] ^= 1
    two = site.rules.scheme.protect(task, ME, other, holders, bytes(64))
    # With one secret for both, the ciphertexts would differ in one coefficient's worth of message only.
    assert sum(a == b for a, b in zip(one.payload, two.payload, strict=True)) < len(one.payload) / 50


def test_the_ledger_itself_refuses_a_second_vote(world: World) -> None:
    site = world.sites[ME]
    site.handle(announce(world, 0))
    context = asking.task_of(site.rules, site.state, 0).context
    site.ledger.record_vote(context, b"first", b"manifest")
    site.ledger.record_vote(context, b"first", b"manifest")
    with pytest.raises(AlreadyReleasedError):
        site.ledger.record_vote(context, b"second", b"manifest")


# repeats


def test_every_packet_asked_twice_is_answered_with_the_same_bytes(tmp_path: Path) -> None:
    with World(tmp_path, simulator.study(4)) as world:
        for site in world.sites.values():
            honest = site.handle

            def twice(packet: bytes, honest: Callable[[bytes], list[bytes]] = honest) -> list[bytes]:
                replies = honest(packet)
                assert replies
                assert honest(packet) == replies
                return replies

            site.handle = twice  # type: ignore[method-assign]
        world.run_sums()
        assert world.hub.finished
        assert world.hub.set_aside == []


def restart(world: World) -> HospitalNode:
    site = world.sites[ME]
    site.ledger.close()
    world.sites[ME] = world.make_hospital(ME, site.state)
    return world.sites[ME]


@pytest.mark.parametrize("kind", ["Announce", "Joined", "ConsentRequest", "Certificate"])
def test_a_hospital_that_restarts_says_the_same_again(world: World, kind: str) -> None:
    world.run_sums(1)
    held = world.until(kind)
    replies = world.sites[ME].handle(held[ME])
    restarted = restart(world)
    assert restarted.handle(held[ME]) == replies != []
    world.finish(held)
    assert world.hub.reports[-1].contributors == (1, 2, 3, 4)
    assert restarted.state.digest() == world.hub.state.digest()
    assert restarted.outcomes[-1].phrase == "Privacy Preserved for Client 1"


def asked(site: HospitalNode, context: bytes) -> bytes:
    known = site.ledger.sum(context)
    assert known is not None
    return known.request


def test_a_hospital_that_restarts_after_consenting_releases_the_same_from_its_ledger(world: World) -> None:
    requests = world.until("ConsentRequest")
    certificates = world.continue_until(requests, "Certificate")
    restarted = restart(world)
    context = asking.task_of(restarted.rules, restarted.state, 0).context
    assert asked(restarted, context) == unpack(requests[ME])[1]
    (release,) = restarted.handle(certificates[ME])
    assert kind_of(release) == "Release"
    assert restarted.handle(certificates[ME]) == [release]
    (vote,) = restarted.handle(requests[ME])
    assert unpack(vote)[1] in wire.decode(Certificate, unpack(certificates[ME])[1]).votes


def test_a_ledger_that_cannot_be_written_stops_the_hospital_before_it_says_anything(world: World) -> None:
    site = world.sites[ME]
    site.handle(announce(world, 0))
    packet = joined(world, 0)
    pages = site.ledger._db.execute("PRAGMA page_count").fetchone()[0]
    site.ledger._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageError, match="full") as caught:
        site.handle(packet)
    assert "disk space" in caught.value.hint
    site.ledger._db.execute("PRAGMA max_page_count = 100000")
    (update,) = site.handle(packet)
    assert site.handle(packet) == [update]


def test_the_key_of_a_sum_is_nowhere_on_disk_once_the_sum_has_been_verified(world: World) -> None:
    world.run_sums(1)
    requests = world.until("ConsentRequest")
    site = world.sites[ME]
    known = site.ledger.sum(asking.task_of(site.rules, site.state, 0).context)
    assert known is not None
    assert found_on_disk(world, known.private_key)
    openings = world.continue_until(requests, "Opening")
    assert found_on_disk(world, known.private_key), "the hospital may still have to show what it released"
    world.finish(openings)
    assert not found_on_disk(world, known.private_key)
    # A third of it is as good as all of it: either half of the key is one of the two secrets.
    for start in range(0, 96, 32):
        assert not found_on_disk(world, known.private_key[start : start + 32])


def found_on_disk(world: World, secret: bytes) -> bool:
    return any(secret in path.read_bytes() for path in world.run.hospital(ME).iterdir())
