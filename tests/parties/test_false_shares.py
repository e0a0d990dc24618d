"""A dealer proved false by a complaint: every voter is shown the proof, and its block goes on without it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import simulator
from tests.parties.liars_in_a_sum import deals_false_shares
from tests.parties.test_journal_recovery import reborn
from tests.simulator import BentNetwork, Packet, World, body, signed_body

from cipherward.errors import SuspectError
from cipherward.parties import asking, culprits
from cipherward.sums.evidence import Shown
from cipherward.sums.hospital_steps import contributors_of
from cipherward.sums.messages import Announce, FalseShare, Header, Opening, Receipt

LIAR, MATES, OTHERS = 1, (2, 3), (4, 5, 6, 7)
REST = (*MATES, *OTHERS)
BLOCKS = {"corrupt": 1, "dropouts": 2, "min_contributors": 3}
"""Of seven hospitals: the liar's block of exactly three, and one of four."""


def seven(folder: Path, *bends: simulator.Bend) -> World:
    return World(folder, simulator.study(7, aggregation=BLOCKS), network=BentNetwork(*bends))


def next_attempt(world: World) -> dict[int, bytes]:
    """The announcements of the attempt that follows on the liar's."""
    requests = world.continue_until(world.until("Joined"), "ConsentRequest")
    return world.continue_until(requests, "Announce")


@pytest.mark.parametrize("in_sum", [0, 1])
def test_its_block_goes_on_without_it_in_the_same_sum_and_for_good(tmp_path: Path, in_sum: int) -> None:
    with seven(tmp_path) as world:
        deals_false_shares(world, LIAR, in_sum)
        world.run_sums()
        found = [contributors_of(world.hub.rules, world.opening(i)) for i in range(world.hub.state.sums_done)]
        assert found == [(LIAR, *REST)] * in_sum + [REST] * (4 - in_sum)
        assert [report.attempt for report in world.hub.reports] == [int(i == in_sum) for i in range(4)]
        assert world.hub.state.excluded == (LIAR,)
        states = {site.state.digest() for i, site in world.sites.items() if i != LIAR}
        assert states == {world.hub.state.digest()}
        liar = world.hub.rules.register(LIAR)
        assert all(liar in world.sites[i].standing.memory.proved for i in REST)
        assert all(world.sites[i].outcomes[-1].phrase == f"Privacy Preserved for Client {i}" for i in REST)
        lines = simulator.lines_of(world.run.path)
        assert all(line.holds for line in lines if line.hospital != "everyone")
        said = f"clinic-1 dealt a false share in sum {in_sum}, as its own signatures prove, and takes no further part"
        assert culprits.sentences(culprits.facts(world.hub.state)) == [said]
        assert said in [line.detail for line in lines]


def test_where_the_sum_opens_all_the_same_the_dealer_is_in_it_for_the_last_time(tmp_path: Path) -> None:
    """One holder complains, and the consents of the others are enough."""
    with seven(tmp_path) as world:
        deals_false_shares(world, LIAR, 1, victims={6})
        world.run_sums()
        found = [contributors_of(world.hub.rules, world.opening(i)) for i in range(world.hub.state.sums_done)]
        assert found == [(LIAR, *REST)] * 2 + [REST] * 2
        assert world.hub.state.excluded == (LIAR,)
        assert {site.state.digest() for i, site in world.sites.items() if i != LIAR} == {world.hub.state.digest()}
        assert all(line.holds for line in simulator.lines_of(world.run.path) if line.hospital != "everyone")


def test_a_voter_that_is_shown_no_proof_votes_void(tmp_path: Path) -> None:
    def without(packet: Packet) -> list[bytes] | None:
        if packet.kind != "Announce" or not (announced := body(packet.raw, Announce)).proofs:
            return None
        return [world.packet(dataclasses.replace(announced, proofs=()))]

    with seven(tmp_path, without) as world:
        deals_false_shares(world, LIAR, 0)
        with pytest.raises(SuspectError, match="found 5 hospitals that consent"):
            world.run_sums()
        assert all(world.sites[i].ledger.receipts(world.study.digest()) == 0 for i in REST)
        assert "the first sum of a block lacks members" in world.refusals()


def test_an_opening_without_the_proof_on_which_its_voters_relied_is_a_breach(tmp_path: Path) -> None:
    with seven(tmp_path) as world:
        deals_false_shares(world, LIAR, 0)
        opening = body(world.until("Opening")[2], Opening)
        assert len(opening.proofs) == 1
        (reply,) = world.sites[2].handle(world.packet(dataclasses.replace(opening, proofs=())))
        assert body(reply, Receipt).outcome == "breach"
        (reply,) = world.sites[3].handle(world.packet(opening))
        assert body(reply, Receipt).outcome == "preserved"


def test_a_coordinator_that_restarts_shows_the_same_proof(tmp_path: Path) -> None:
    with seven(tmp_path) as world:
        deals_false_shares(world, LIAR, 0)
        announced = next_attempt(world)
        again = dict(reborn(world).recover())
        assert again == announced
        world.finish(again)
        assert world.hub.reports[-1].contributors == REST


@pytest.fixture(scope="module")
def proved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Announce, FalseShare]]:
    """The world after the liar was proved, the announcement of the next attempt, and the proof."""
    with seven(tmp_path_factory.mktemp("proved")) as world:
        deals_false_shares(world, LIAR, 0)
        announced = body(next_attempt(world)[2], Announce)
        yield world, announced, announced.proofs[0]


Forge = Callable[[World, FalseShare], FalseShare]


def _shown(world: World, proof: FalseShare, signer: int, **changes: Any) -> FalseShare:
    """The same share shown by somebody else, or with something else said of it."""
    said = signed_body(proof.shown, Shown)
    item = dataclasses.replace(said.shares[0], **changes)
    return dataclasses.replace(proof, shown=world.signed(dataclasses.replace(said, shares=(item,)), signer))


def _headed(world: World, proof: FalseShare, signer: int, **changes: Any) -> FalseShare:
    header = dataclasses.replace(signed_body(proof.header, Header), **changes)
    return dataclasses.replace(proof, header=world.signed(header, signer))


def _of_an_honest_dealer(world: World, proof: FalseShare) -> FalseShare:
    """The header of an honest hospital, and the share that the liar has shown in its own name."""
    known = world.sites[4].ledger.sum(signed_body(proof.header, Header).context)
    assert known is not None
    return dataclasses.replace(proof, header=known.header)


def _right(world: World, proof: FalseShare) -> FalseShare:
    """What an honest dealer shows is what it signed."""
    site, context = world.sites[4], signed_body(proof.header, Header).context
    known, task = site.ledger.sum(context), asking.task_of(world.hub.rules, world.hub.state, 0)
    assert known is not None
    share = site._answers._share(site._me, task, known, 4, 2)
    assert share is not None
    return FalseShare(known.header, world.signed(Shown(context, (share,), ()), 4))


def _nothing(world: World, proof: FalseShare) -> FalseShare:
    return dataclasses.replace(proof, shown=world.signed(Shown(signed_body(proof.shown, Shown).context, (), ()), LIAR))


@pytest.mark.parametrize(
    "forge",
    [
        _of_an_honest_dealer,
        _right,
        _nothing,
        lambda world, proof: _shown(world, proof, signer=4),
        lambda world, proof: _shown(world, proof, signer=0),
        lambda world, proof: _shown(world, proof, signer=LIAR, dealer=4),
        lambda world, proof: _shown(world, proof, signer=LIAR, holder=9),
        lambda world, proof: _headed(world, proof, signer=0),
        lambda world, proof: _headed(world, proof, signer=LIAR, context=bytes(32)),
        lambda world, proof: dataclasses.replace(proof, shown=proof.header),
        lambda world, proof: dataclasses.replace(proof, shown=proof.shown[:-1] + bytes([proof.shown[-1] ^ 1])),
        lambda world, proof: FalseShare(b"", b""),
    ],
    ids=[
        "an honest header", "the right share", "no share", "shown by another", "shown by the coordinator", "another's share", "of no holder",
        "headed by the coordinator", "of another sum", "no Shown", "a forged signature", "nothing",
    ],
)  # fmt: skip
def test_a_forged_proof_names_nobody(proved: tuple[World, Announce, FalseShare], forge: Forge) -> None:
    world, announced, proof = proved
    site = world.sites[2]
    forged = dataclasses.replace(announced, proofs=(forge(world, proof),))
    assert site.handle(world.packet(forged)) == []
    assert site.standing.memory.proved == frozenset()
    assert not site.stopped


def test_a_proof_of_another_attempt_that_was_not_yet_is_none(proved: tuple[World, Announce, FalseShare]) -> None:
    """What is shown of the attempt that begins cannot have happened in it."""
    world, announced, proof = proved
    later = asking.contexts_of(world.hub.rules, world.hub.state, 2)[1]
    both = dataclasses.replace(
        _headed(world, proof, LIAR, context=later),
        shown=world.signed(dataclasses.replace(signed_body(proof.shown, Shown), context=later), LIAR),
    )
    assert world.sites[2].handle(world.packet(dataclasses.replace(announced, proofs=(both,)))) == []
    assert world.sites[2].standing.memory.proved == frozenset()
