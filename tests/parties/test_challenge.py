"""A certified sum that does not open: one challenge, and who is proved to have spoiled it takes no further part."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from tests import simulator
from tests.parties.liars_in_a_sum import lies
from tests.simulator import BentNetwork, World, kind_of, lost, signed_body

from cipherward.crypto import slices, wire
from cipherward.crypto.identity import Signed
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import SumTask
from cipherward.errors import FaultyCoordinatorError, SuspectError
from cipherward.parties import asking
from cipherward.runs import verify
from cipherward.simulation import make_parties
from cipherward.study import Study
from cipherward.sums.cases import shape_of
from cipherward.sums.evidence import Answer, Answered, Challenge, Claim, Shown, ShowRequest
from cipherward.sums.inquiry import Inquiry
from cipherward.sums.messages import ConsentRequest, Manifest, Opening
from cipherward.sums.packets import unpack
from cipherward.sums.votes import Member

LIAR, OTHER = 3, 6


def eight(rounds: int = 1, **sections: Any) -> Study:
    """Nobody agreed to be singled out, unless `sections` say so."""
    numbers = {"threshold": 6, "corrupt": 2, "dropouts": 2, "min_contributors": 4}
    return simulator.study(8, training={"rounds": rounds}, aggregation=numbers, **sections)


def told(world: World) -> list[str]:
    """What everybody who checks the files is told of sums that did not open."""
    assert simulator.replayed(world.run.path).digest() == world.hub.state.digest()
    assert {site.state.digest() for site in world.sites.values()} == {world.hub.state.digest()}
    assert not any(site.stopped for site in world.sites.values())
    return [line.detail for line in simulator.lines_of(world.run.path) if line.purpose == "unopened"]


REASONS = {
    ("release",): "its answers do not add up to what it released",
    ("release", "blame"): "its answer is not that of the share that hospital 1 dealt it",
    ("polynomial",): "it answers two things about the share that it dealt to itself",
    ("polynomial", "answer"): "it answers two things about the share that it dealt to itself",
}
QUICK = (("release",), 0), (("release", "blame"), 1), (("polynomial",), 2), (("polynomial", "answer"), 1)


@pytest.mark.parametrize(
    ("lie", "in_sum"),
    [
        pytest.param(
            lie, in_sum, id=f"{'+'.join(lie)}-{in_sum}", marks=[] if (lie, in_sum) in QUICK else [pytest.mark.thorough]
        )
        for lie in REASONS
        for in_sum in (0, 1, 2)
    ],
)
def test_one_liar_is_named_and_the_study_finishes_without_it(tmp_path: Path, lie: tuple[str, ...], in_sum: int) -> None:
    reason = REASONS[lie]
    network = BentNetwork(lost({7}, kinds={"Release"}, rounds={in_sum}) if "release" in lie else lost(set()))
    with World(tmp_path, eight(), network=network) as world:
        lies(world, LIAR, *lie, in_sum=in_sum)
        if "release" in lie:
            lies(world, OTHER, "release", in_sum=in_sum)  # one false release alone would be left out
        world.run_sums()
        assert world.hub.finished
        failed = [report for report in world.hub.reports if not report.opened]
        assert [report.round for report in failed] == [in_sum]
        named = dict(world.hub.state.failed[0].culprits)
        assert set(named) == ({LIAR, OTHER} if "release" in lie else {LIAR})
        assert named[LIAR] == reason
        honest = tuple(i for i in range(1, 9) if i not in named)
        assert all(report.contributors == honest for report in world.hub.reports[in_sum + 1 :])
        assert f"clinic-3 spoiled sum {in_sum} and takes no further part: {reason}" in told(world)
    late = [line for line in simulator.lines_of(world.run.path) if line.round > in_sum and line.hospital == "clinic-3"]
    assert all(line.holds for line in late)
    assert "set aside: it had spoiled an earlier sum" in late[0].detail


def test_the_sum_is_asked_once_more_and_gives_the_model_of_the_honest_rest(tmp_path: Path) -> None:
    with World(tmp_path / "a", eight()) as world:
        lies(world, LIAR, "polynomial")
        world.run_sums()
        lied = simulator.replayed(world.run.path)
    network = BentNetwork(lost({LIAR}, rounds=range(1, 100)))
    with World(tmp_path / "b", eight(singled_out=[f"clinic-{LIAR}"]), network=network) as other:
        other.run_sums()
        honest = simulator.replayed(other.run.path)
    assert lied.inner.model.weights.tobytes() == honest.inner.model.weights.tobytes()
    assert lied.sums_done == honest.sums_done + 1


def test_f_holders_and_dealers_who_lie_at_once_are_all_named_by_little_evidence(tmp_path: Path) -> None:
    numbers = {"threshold": 6, "corrupt": 3, "dropouts": 2, "min_contributors": 5}
    with World(tmp_path, simulator.study(8, training={"rounds": 2}, aggregation=numbers)) as world:
        lies(world, LIAR, "release", "blame")
        lies(world, OTHER, "polynomial", "answer")
        lies(world, 8, "release", "answer")
        with pytest.raises(
            SuspectError, match="clinic-3, clinic-6, clinic-8 spoiled sums"
        ):  # five are left, six open a sum
            world.run_sums()
        assert world.hub.state.excluded == (LIAR, OTHER, 8)
        assert len(told(world)) >= 3
        assert world.opening(1).releases == ()
        assert all(len(wire.encode(item)) < slices.SLICE_BYTES + 500 for item in world.opening(1).contradictions)


def test_a_false_ciphertext_is_nobodys_proved_fault_and_people_decide(tmp_path: Path) -> None:
    with World(tmp_path, eight()) as world:
        lies(world, LIAR, "secret")
        with pytest.raises(SuspectError, match="nobody is proved to have spoiled it") as caught:
            world.run_sums()
        assert "in it were clinic-1, clinic-2, clinic-3," in caught.value.hint
        (line,) = told(world)
        assert line.startswith("sum 1 does not open, and nobody is proved to have spoiled it; in it were clinic-1, ")
        # It counts as opened: whoever asks for the next sum gets no answer, and nothing of it is left in a ledger.
        for site in world.sites.values():
            assert set(site.ledger._db.execute("SELECT private_key FROM sums").fetchall()) == {(None,)}
            assert not site.ledger._db.execute("SELECT name FROM large").fetchall()
        assert world.hub.state.unexplained is not None


def test_who_does_not_answer_is_not_named_and_the_liar_still_is(tmp_path: Path) -> None:
    network = BentNetwork(lost({1, 2}, kinds={"Answered"}))
    with World(tmp_path, eight(), network=network) as world:
        lies(world, LIAR, "polynomial")
        world.run_sums()
        assert world.hub.state.excluded == (LIAR,)
        told(world)


def test_a_liar_that_does_not_answer_is_not_named_either(tmp_path: Path) -> None:
    network = BentNetwork(lost({LIAR}, kinds={"Answered"}))
    with World(tmp_path, eight(), network=network) as world:
        lies(world, LIAR, "polynomial")
        with pytest.raises(SuspectError, match="nobody is proved"):
            world.run_sums()
        assert world.hub.state.excluded == ()


def test_a_dealer_that_was_killed_has_lost_its_seed_and_is_not_named(tmp_path: Path) -> None:
    with World(tmp_path, eight()) as world:
        lies(world, LIAR, "polynomial")
        world.run_sums(1)
        packets = world.until("Challenge")
        for index in (1, 2):
            world.sites[index] = dataclasses.replace(world.sites[index])  # the same files, nothing in memory
        answers = {index: world.sites[index].handle(packet) for index, packet in packets.items()}
        bodies = {i: whole(reply) for i, (reply,) in answers.items()}
        assert {i for i, body in bodies.items() if not body.dealt} == {1, 2}
        assert all(body.held for body in bodies.values())
        world.finish(packets)
        assert world.hub.state.excluded == (LIAR,)


def whole(reply: bytes) -> Answer:
    """A hospital's answer."""
    return signed_body(wire.decode(Answered, unpack(reply)[1]).answer, Answer)


def test_a_hospital_answers_one_challenge_about_a_sum_ever_and_the_same_again(tmp_path: Path) -> None:
    with World(tmp_path, eight()) as world:
        lies(world, LIAR, "polynomial")
        world.run_sums(1)
        packet = world.until("Challenge")[1]
        asked = simulator.body(packet, Challenge)
        other = dataclasses.replace(asked, releases=asked.releases[:-1])
        site = world.sites[1]
        first = site.handle(packet)
        assert kind_of(first[0]) == "Answered"
        for again in (site, dataclasses.replace(site)):  # also after a restart, when its seed is lost
            assert again.handle(packet) == first
            assert again.handle(world.packet(other)) == []
        assert "there is one, ever" in world.refusals()[-1]
        foreign = dataclasses.replace(asked, manifest_digest=bytes(32))
        assert world.sites[2].handle(world.packet(foreign)) == []
        assert "did not consent to" in world.refusals()[-1]
        few = dataclasses.replace(asked, releases=asked.releases[:5])
        assert world.sites[2].handle(world.packet(few)) == []


def test_nobody_shows_a_share_about_which_nobody_differs(tmp_path: Path) -> None:
    with World(tmp_path, eight()) as world:
        lies(world, LIAR, "polynomial", "answer")
        world.run_sums(1)
        packets = world.continue_until(world.until("Challenge"), "ShowRequest")
        first = min(packets)
        asked = simulator.body(packets[first], ShowRequest)
        for index, packet in packets.items():
            (reply,) = world.sites[index].handle(packet)
            body = simulator.body(reply, Shown)
            assert all(item.dealer == LIAR for item in body.slices)
            assert index == LIAR or [item.holder for item in body.slices] == [index]
            assert body.shares == ()
        calm = dataclasses.replace(asked, claims=())
        assert world.sites[first].handle(world.packet(calm)) == []
        assert "nobody disputes" in world.refusals()[-1]
        # Another manifest, in which dealers stand in other places, would make honest shares seem disputed.
        manifest = signed_body(asked.manifest, Manifest)
        shifted = dataclasses.replace(manifest, entries=manifest.entries[1:])
        other = dataclasses.replace(asked, manifest=world.signed(shifted))
        assert world.sites[first].handle(world.packet(other)) == []
        assert "not the manifest" in world.refusals()[-1]
        # Nor is a share shown that is not between the one who claims and the one who is asked, or for what nobody has signed.
        (claim,) = asked.claims
        said = dataclasses.replace(claim.said, numbers=bytes(len(claim.said.numbers)))
        for lie in (
            dataclasses.replace(claim, holder=8),
            dataclasses.replace(claim, dealer=first, holder=LIAR),
            dataclasses.replace(claim, said=said),
            dataclasses.replace(claim, place=1 - claim.place),
            dataclasses.replace(claim, place=2),
            dataclasses.replace(claim, answer=asked.manifest),
        ):
            assert world.sites[first].handle(world.packet(dataclasses.replace(asked, claims=(lie,)))) == []


@pytest.mark.parametrize("says", [True, False], ids=["an honest answer", "another's answer"])
def test_an_honest_answer_disputes_no_share(tmp_path: Path, says: bool) -> None:
    """The coordinator asks hospital 1 for slices by what hospital 2 has truly signed, or as if that were of hospital 4."""
    with World(tmp_path, eight()) as world:
        lies(world, LIAR, "polynomial")
        world.run_sums(1)
        packets = world.until("Challenge")
        replies = {i: site.handle(packets[i])[0] for i, site in world.sites.items()}
        asked, answered = simulator.body(packets[1], Challenge), wire.decode(Answered, unpack(replies[2])[1])
        consent = wire.decode(ConsentRequest, world.sites[1].ledger.sum(asked.context).request)  # type: ignore[union-attr]
        task = asking.task_of(world.sites[1].rules, world.sites[1].state, 0)
        scheme = QuorumScheme()
        held, dealt = shape_of(scheme, task, 8), shape_of(scheme, task, 6)
        dealer = 2 if says else 4
        for claim in (
            Claim(answered.answer, 1, 2, 1, held.entry(held.read(answered.held), 1, 0)),
            Claim(answered.answer, dealer, 1, 1, dealt.row(dealt.read(answered.dealt), 1)),
        ):
            request = ShowRequest(asked.context, consent.manifest, (claim,), ())
            assert world.sites[1].handle(world.packet(request)) == []
            words = "nobody disputes" if says or claim.dealer == 1 else "not between its sender and me"
            assert words in world.refusals()[-1]
        # Nor by numbers of the coordinator's own, which would ask for the secret at 0.
        row = held.read(answered.held)
        made_up = dataclasses.replace(signed_body(answered.answer, Answer), held=held.root(row))
        claim = Claim(world.signed(made_up), 1, 0, 1, held.entry(row, 1, 0))
        assert world.sites[1].handle(world.packet(ShowRequest(asked.context, consent.manifest, (claim,), ()))) == []
        assert "nobody who holds a share" in world.refusals()[-1]


@pytest.mark.parametrize("stop", ["Challenge", "ShowRequest", "Opening"])
def test_a_coordinator_that_restarts_in_the_middle_of_it_goes_on_with_the_same_challenge(
    tmp_path: Path, stop: str
) -> None:
    with World(tmp_path, eight()) as world:
        lies(world, LIAR, "polynomial", "answer")
        world.run_sums(1)
        packets = world.until(stop)
        states = list(verify.replay(verify.open_run(world.run.path)))
        world.hub = make_parties.make_coordinator(world.study, world.keys, states[-1].state, world.run)
        again = dict(world.hub.recover())
        assert again == packets
        world.finish(again)
        assert world.hub.state.excluded == (LIAR,)
        world.engine.hub = world.hub
        world.run_sums()
        told(world)


def other(witness: bytes) -> bytes:
    """Another witness, in one coefficient."""
    return bytes([witness[0] ^ 1]) + witness[1:]


def test_a_witness_that_the_releases_do_not_give_is_a_breach_although_they_are_not_in_the_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The coordinator would call a sum unopened that opens; its challenge fixes the witness before anybody has answered."""

    def about_another(me: Member, task: SumTask, opening: Opening, manifest_digest: bytes) -> Inquiry:
        return Inquiry(me, task, dataclasses.replace(opening, witness=other(opening.witness)), manifest_digest)

    monkeypatch.setattr("cipherward.parties.steps.Inquiry", about_another)
    with World(tmp_path, eight()) as world:
        lies(world, LIAR, "polynomial")
        with pytest.raises(FaultyCoordinatorError, match="witness is not what the signed releases give"):
            world.run_sums()
        assert world.opening(1).releases == ()


@pytest.mark.parametrize(
    ("silent", "lie"),
    [
        ((), ("polynomial",)),
        ((1, 2), ("polynomial",)),
        pytest.param((), ("release",), marks=pytest.mark.thorough),
        ((4,), ("release", "blame")),
        ((), ("release", "polynomial")),
        pytest.param((), ("polynomial", "answer"), marks=pytest.mark.thorough),
    ],
)
def test_the_opening_holds_the_releases_of_those_who_are_silent_and_one_slice_against_each_liar(
    tmp_path: Path, silent: tuple[int, ...], lie: tuple[str, ...]
) -> None:
    network = BentNetwork(lost(set(silent), kinds={"Answered"}))
    with World(tmp_path, eight(), network=network) as world:
        lies(world, LIAR, *lie)
        if "release" in lie:
            lies(world, OTHER, "release")
        world.run_sums(2)
        opening = world.opening(1)
        assert set(world.hub.state.excluded) == ({LIAR, OTHER} if "release" in lie else {LIAR})
        assert {wire.decode(Signed, data).sender for data in opening.releases} == set(silent)
        assert {item.hospital for item in opening.contradictions} == set(world.hub.state.excluded)
        assert all(len(wire.encode(item)) < slices.SLICE_BYTES + 500 for item in opening.contradictions)


def test_evidence_that_leaves_something_out_names_fewer_and_altered_evidence_is_not_believed(tmp_path: Path) -> None:
    with World(tmp_path, eight()) as world:
        lies(world, LIAR, "polynomial")
        world.run_sums(1)
        opening = simulator.body(world.until("Opening")[1], Opening)
        before = world.sites[1].state
        fewer = before.after_failed(range(1, 9))
        without = dataclasses.replace(opening, contradictions=(), next_model=fewer.digest())
        assert kind_of(world.sites[2].handle(world.packet(without))[0]) == "Receipt"
        assert world.sites[2].state.digest() == fewer.digest()
        blamed = before.after_failed(range(1, 9), [(5, "its answers do not add up to what it released")])
        (proof,) = opening.contradictions
        bent = dataclasses.replace(proof.said, numbers=other(proof.said.numbers))
        for lie in (
            *(
                dataclasses.replace(opening, contradictions=against)
                for against in (
                    (proof, proof),
                    (dataclasses.replace(proof, hospital=5),),
                    (dataclasses.replace(proof, hospital=5, dealer=5, holder=5),),
                    (dataclasses.replace(proof, dealer=0),),
                    (dataclasses.replace(proof, dealer=9),),
                    (dataclasses.replace(proof, holder=9),),
                    (dataclasses.replace(proof, place=1 - proof.place),),
                    (dataclasses.replace(proof, place=2),),
                    (dataclasses.replace(proof, said=bent),),
                    (dataclasses.replace(proof, other=other(proof.other)),),
                    (dataclasses.replace(proof, other=b""),),
                    (dataclasses.replace(proof, path=b""),),
                )
            ),
            dataclasses.replace(opening, next_model=blamed.digest()),
            dataclasses.replace(opening, challenge=opening.manifest),
            dataclasses.replace(opening, answers=(), contradictions=()),
            dataclasses.replace(opening, answers=opening.answers[1:]),
            dataclasses.replace(opening, witness=other(opening.witness)),
            dataclasses.replace(opening, answers=(*opening.answers, opening.answers[0])),
            dataclasses.replace(opening, answers=(opening.manifest,)),
        ):
            world.sites[1].handle(world.packet(lie))
            assert world.sites[1].state is before
            assert world.sites[1].outcomes[-1].outcome == "failed"
        world.sites[1].handle(world.packet(opening))
        assert world.sites[1].state.excluded == (LIAR,)
