"""A certified sum that does not open: one challenge, and who is proved to have spoiled it takes no further part."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from tests import simulator
from tests.parties.liars_in_a_sum import lies
from tests.simulator import BentNetwork, World, kind_of, lost, signed_body

from cipherward.crypto import wire
from cipherward.crypto.identity import Signed
from cipherward.crypto.scheme import SumTask
from cipherward.errors import FaultyCoordinatorError, SuspectError
from cipherward.runs import verify
from cipherward.simulation import make_parties
from cipherward.study import Study
from cipherward.sums import challenge
from cipherward.sums.inquiry import Inquiry
from cipherward.sums.messages import Answer, Answered, Challenge, Manifest, Opening, Shown, ShowRequest
from cipherward.sums.packets import unpack
from cipherward.sums.votes import Member

LIAR, OTHER = 3, 6


def eight(rounds: int = 2, **sections: Any) -> Study:
    """Nobody agreed to be singled out, unless `sections` say so."""
    numbers = {"threshold": 6, "corrupt": 2, "dropouts": 2, "min_contributors": 4}
    return simulator.study(8, training={"rounds": rounds}, aggregation=numbers, **sections)


def told(world: World) -> list[str]:
    """What everybody who checks the files is told of sums that did not open."""
    assert simulator.replayed(world.run.path).digest() == world.hub.state.digest()
    assert {site.state.digest() for site in world.sites.values()} == {world.hub.state.digest()}
    assert not any(site.stopped for site in world.sites.values())
    return [line.detail for line in simulator.lines_of(world.run.path) if line.purpose == "unopened"]


@pytest.mark.parametrize("in_sum", [0, 1, 3])
@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        (("release",), "its answers do not add up to what it released"),
        (("release", "blame"), "its answer is not that of the share that hospital 1 dealt it"),
        (("polynomial",), "it answers two things about the share that it dealt to itself"),
        (("polynomial", "answer"), "it answers two things about the share that it dealt to itself"),
    ],
)
def test_one_liar_is_named_and_the_study_finishes_without_it(
    tmp_path: Path, lie: tuple[str, ...], reason: str, in_sum: int
) -> None:
    network = BentNetwork(lost({7}, kinds={"Release"}, rounds={in_sum}) if "release" in lie else lost(set()))
    numbers = {"threshold": 6, "corrupt": 2, "dropouts": 2, "min_contributors": 4}
    with World(tmp_path, simulator.study(8, aggregation=numbers), network=network) as world:
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


def test_a_holder_and_a_dealer_who_lie_at_once_are_both_named(tmp_path: Path) -> None:
    with World(tmp_path, eight()) as world:
        lies(world, LIAR, "release", "blame")
        lies(world, OTHER, "polynomial", "answer")
        world.run_sums()
        assert world.hub.finished
        assert world.hub.state.excluded == (LIAR, OTHER)
        assert len(told(world)) >= 2


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
            rows = site.ledger._db.execute("SELECT private_key, update_bytes, request FROM sums").fetchall()
            assert set(rows) == {(None, None, None)}
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
    """Both parts of a hospital's answer."""
    parts = wire.decode(Answered, unpack(reply)[1]).answers
    return challenge.merged(signed_body(part, Answer) for part in parts)


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
        asked = simulator.body(packets[1], ShowRequest)
        for index, packet in packets.items():
            (reply,) = world.sites[index].handle(packet)
            shown = {(item.dealer, item.holder) for item in simulator.body(reply, Shown).shares}
            assert all(dealer == LIAR for dealer, _ in shown)
            assert index == LIAR or shown == {(LIAR, index)}
        honest = [data for data in asked.messages if wire.decode(Signed, data).sender in (1, 2)]
        calm = dataclasses.replace(asked, messages=tuple(honest))
        assert world.sites[1].handle(world.packet(calm)) == []
        assert "nobody disputes" in world.refusals()[-1]
        # Another manifest, in which dealers stand in other places, would make honest shares seem disputed.
        manifest = signed_body(asked.manifest, Manifest)
        shifted = dataclasses.replace(manifest, entries=manifest.entries[1:])
        other = dataclasses.replace(asked, manifest=world.signed(shifted))
        assert world.sites[1].handle(world.packet(other)) == []
        assert "not its manifest" in world.refusals()[-1]


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
    ("silent", "lie", "released", "shown"),
    [
        ((), ("polynomial",), (), 0),
        ((1, 2), ("polynomial",), (1, 2), 0),
        ((), ("release",), (LIAR, OTHER), 0),
        ((4,), ("release", "blame"), (4, OTHER), 1),
        ((), ("release", "polynomial"), (LIAR, OTHER), 0),
    ],
)
def test_the_opening_holds_the_releases_of_those_who_lied_about_them_or_are_silent_and_no_others(
    tmp_path: Path, silent: tuple[int, ...], lie: tuple[str, ...], released: tuple[int, ...], shown: int
) -> None:
    network = BentNetwork(lost(set(silent), kinds={"Answered"}))
    with World(tmp_path, eight(), network=network) as world:
        lies(world, LIAR, *lie)
        if "release" in lie:
            lies(world, OTHER, "release")
        world.run_sums(2)
        opening = world.opening(1)
        assert set(world.hub.state.excluded) == ({LIAR, OTHER} if "release" in lie else {LIAR})
        assert {wire.decode(Signed, data).sender for data in opening.releases} == set(released)
        assert len(opening.shown) == shown
        dealt = [data for data in opening.answers if signed_body(data, Answer).dealt]
        assert len(dealt) == ("release" not in lie) + shown


def test_evidence_that_leaves_something_out_names_fewer_and_altered_evidence_is_not_believed(tmp_path: Path) -> None:
    with World(tmp_path, eight()) as world:
        lies(world, LIAR, "polynomial")
        world.run_sums(1)
        opening = simulator.body(world.until("Opening")[1], Opening)
        before = world.sites[1].state
        fewer = before.after_failed(range(1, 9))
        held = tuple(data for data in opening.answers if signed_body(data, Answer).held)
        without = dataclasses.replace(opening, answers=held, shown=(), next_model=fewer.digest())
        assert kind_of(world.sites[2].handle(world.packet(without))[0]) == "Receipt"
        assert world.sites[2].state.digest() == fewer.digest()
        blamed = before.after_failed(range(1, 9), [(5, "its answers do not add up to what it released")])
        for lie in (
            dataclasses.replace(opening, next_model=blamed.digest()),
            dataclasses.replace(opening, challenge=opening.manifest),
            dataclasses.replace(opening, answers=(), shown=()),
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
