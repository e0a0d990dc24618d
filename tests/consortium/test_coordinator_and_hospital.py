"""A consortium's study from the offer to the verified model, in one process, with homes, keys and letters as deployed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests import simulator
from tests.consortium.consortium import Consortium, document, opened
from tests.consortium.packets_in import kinds_in

from cipherward.consortium.approval import approvals
from cipherward.consortium.homes import received_models as received
from cipherward.consortium.service import letters, offering
from cipherward.consortium.service.coordinator_desk import CoordinatorDesk
from cipherward.disclosure.standing import Agreement


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same study with the same tables and seeds on the local engine."""
    return simulator.run(tmp_path_factory.mktemp("local"), simulator.study(4)).path


ONE = {"rounds": 1}


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With one round."""
    return simulator.run(tmp_path_factory.mktemp("short"), simulator.study(4, training=ONE)).path


def same_as(local: Path, path: Path) -> None:
    """The opened integers and the model after every sum are those of the local run."""
    ours, theirs = opened(path), opened(local)
    assert [digest for digest, _ in ours] == [digest for digest, _ in theirs]
    for (_, mine), (_, other) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert simulator.weights(path).tobytes() == simulator.weights(local).tobytes()


def ends_as(short: Path, four: Consortium) -> Path:
    """A study of one round that all approve ends with what the local run gave; its folder at the coordinator."""
    folder = four.start(document(4, training=ONE))
    four.approve()
    four.pump()
    assert four.status()["phase"] == "finished"
    same_as(short, folder)
    return folder


def test_a_study_goes_from_offer_to_verified_model_with_the_sums_of_the_local_engine(
    four: Consortium, local: Path
) -> None:
    folder = four.start(document(4))
    assert four.status()["phase"] == "offered"
    assert four.status()["waiting_for"] == four.names
    four.approve()
    four.pump()
    assert four.status()["phase"] == "finished"
    same_as(local, folder)
    assert simulator.holds(folder)
    for name in four.names:
        (model,) = received.received(four.hospital(name))
        assert model.verified
        assert simulator.holds(model.folder)
        assert simulator.weights(model.folder).tobytes() == simulator.weights(folder).tobytes()
        assert four.alarms(name) == []
    assert four.alarms("coordinator") == []


def test_status_says_what_a_missing_hospital_means_by_the_answers_that_came(large: Consortium) -> None:
    large.start(document(4, singled_out="never"))
    assert "clinic-1, clinic-2, clinic-3, clinic-4: may not be" in "\n".join(large.status()["if_missing"])
    home = large.hospital("clinic-2")
    approvals.approve(home, approvals.whole_offers(home)[0][-1], "Dr Example", Agreement.YES)
    large.pump()
    said = "\n".join(large.status()["if_missing"])
    assert "clinic-1, clinic-3, clinic-4: may not be singled out; before its update is there, the sum waits" in said
    assert "clinic-2: may be singled out; before its update is there, the sum goes on" in said
    own = "\n".join(large.desks["clinic-2"].status()[0]["if_missing"])
    assert "clinic-2: may be singled out" in own
    large.approve("clinic-1", "clinic-3", "clinic-4")
    large.pump()
    assert large.status()["phase"] == "finished"
    assert large.status()["if_missing"] == []


def test_the_first_sum_of_a_second_study_over_the_same_tables_waits_for_the_whole_block(
    large: Consortium,
) -> None:
    large.start(document(4, singled_out="never"))
    large.approve()
    large.pump()
    folder = large.start(document(4, name="second", training={"rounds": 1}, singled_out="never"), begin_after=10.0)
    large.approve(*large.names[:3])
    large.pump()
    for _ in range(2):  # it could begin with three by its time, and waits for the rest of their block
        large.now += 100_000
        large.pump()
    assert large.status()["phase"] == "offered"
    assert large.status()["needed"] == ["clinic-4"]
    assert large.status()["waiting_for"] == ["clinic-4"]
    large.approve("clinic-4")
    large.pump()
    assert large.status()["phase"] == "finished"
    assert simulator.contributors(folder)[0] == [1, 2, 3, 4]
    assert all(large.alarms(name) == [] for name in large.names)


KINDS = ["Offer", "Approval", "Begun", "Announce", "Join", "Joined", "Update", "ConsentRequest", "Vote", "Certificate"]
KINDS += ["Release", "Opening", "Receipt"]


def test_a_hospital_that_restarts_before_every_letter_takes_part_all_the_same(four: Consortium, short: Path) -> None:
    def before(sender: str, to: str, letter: bytes) -> None:
        if to == "clinic-2":
            four.restart_hospital(to)

    four.before = before
    ends_as(short, four)
    assert received.received(four.hospital("clinic-2"))[0].verified
    assert four.alarms("clinic-2") == []


@pytest.mark.parametrize("answered", [False, True], ids=["before its answers left", "after its answers left"])
def test_a_hospital_that_dies_before_a_letter_counts_as_handled_gets_it_again(
    four: Consortium, short: Path, answered: bool
) -> None:
    def before(sender: str, to: str, letter: bytes) -> None:
        if to == "clinic-3":
            answers = four.desks[to].receive(letter)
            if answered:
                four.queue.extend((to, sender, answer) for answer in answers)
            four.restart_hospital(to)

    four.before = before
    ends_as(short, four)
    assert received.received(four.hospital("clinic-3"))[0].verified


TO_COORDINATOR = ("Approval", "Join", "Update", "Vote", "Release", "Receipt")
DEATHS = [(kind, False) for kind in KINDS] + [(kind, True) for kind in TO_COORDINATOR]
REPRESENTATIVE = [(kind, False) for kind in ("Update", "Certificate")]
REPRESENTATIVE += [(kind, True) for kind in ("Approval", "Join", "Vote")]


@pytest.mark.parametrize(
    ("kind", "lost"),
    [
        pytest.param(
            *death,
            id=f"{death[0]}-{'after it was taken' if death[1] else 'before'}",
            marks=[] if death in REPRESENTATIVE else [pytest.mark.thorough],
        )
        for death in DEATHS
    ],
)
def test_a_coordinator_that_dies_goes_on_to_the_same_model(
    four: Consortium, short: Path, kind: str, lost: bool
) -> None:
    """It dies at some letters of each kind; what it was about to send may be lost with it."""
    seen = 0

    def before(sender: str, to: str, letter: bytes) -> None:
        nonlocal seen
        if kind not in kinds_in(letter):
            return
        seen += 1
        if seen in (3, 7, 12):
            if lost:
                assert to == "coordinator"
                four.desk.receive(sender, letter)
            four.restart_host()

    four.before = before
    folder = ends_as(short, four)
    assert seen
    assert simulator.holds(folder)


# people


def test_a_sum_takes_four_letters_each_way(four: Consortium) -> None:
    """The next sum is announced with the opening, and joined with the receipt."""
    four.begin(document(4, training={"rounds": 3}))
    four.pump()
    for name in four.names:
        own = [
            (sender, *kinds_in(letter))
            for sender, to, letter in four.carried
            if name in (sender, to) and "Head" not in kinds_in(letter)
        ]
        second, third = [i for i, one in enumerate(own) if one == ("coordinator", "Joined")][2:4]
        assert own[second:third] == [
            ("coordinator", "Joined"), (name, "Update"), ("coordinator", "ConsentRequest"), (name, "Vote"),
            ("coordinator", "Certificate"), (name, "Release"), ("coordinator", "Opening", "Announce"), (name, "Receipt", "Join"),
        ]  # fmt: skip


def test_without_its_people_s_approval_nothing_leaves_a_hospital(four: Consortium) -> None:
    four.start(document(4, training=ONE), begin_after=60.0)
    four.approve("clinic-1", "clinic-2", "clinic-3")
    four.now += 61
    four.pump()
    assert four.status()["phase"] == "finished"
    assert four.status()["approved"] == ["clinic-1", "clinic-2", "clinic-3"]
    assert not [letter for sender, _, letter in four.carried if sender == "clinic-4"]
    assert not received.received(four.hospital("clinic-4"))


def test_a_study_waits_for_everybody_listed_unless_it_may_begin_earlier(four: Consortium) -> None:
    four.start(document(4))
    four.approve("clinic-1", "clinic-2", "clinic-3")
    four.now += 1e6
    four.pump()
    assert four.status()["phase"] == "offered"
    assert four.status()["waiting_for"] == ["clinic-4"]


def test_who_approves_late_catches_up_and_takes_part(four: Consortium) -> None:
    four.start(document(4), begin_after=60.0)
    four.approve("clinic-1", "clinic-2", "clinic-3")
    four.now += 61

    def before(sender: str, to: str, letter: bytes) -> None:
        if "Opening" in kinds_in(letter) and four.sums_opened == 2:
            four.approve("clinic-4")
            four.queue.extend(("clinic-4", "coordinator", told) for told in four.desks["clinic-4"].poll())

    four.before = before
    four.pump()
    assert four.status()["phase"] == "finished"
    lines = simulator.contributors(four.home.study_folders()[0])
    assert [4 in line for line in lines] == [False, False, True, True]
    assert received.received(four.hospital("clinic-4"))[0].verified


def test_who_withdraws_contributes_and_releases_no_more_and_still_verifies(four: Consortium) -> None:
    """Its keys are erased at once: for the sum that is under way it counts as a hospital that vanished."""
    folder = four.begin(document(4, aggregation={"deadline_seconds": 30.0}))
    in_flight: list[str] = []

    def before(sender: str, to: str, letter: bytes) -> None:
        if "ConsentRequest" in kinds_in(letter) and four.sums_opened == 1 and not in_flight:
            four.withdraw("clinic-4")
        if in_flight or four.desks["clinic-4"].status()[0]["phase"] == "withdrawn":
            in_flight.extend(kinds_in(letter) if sender == "clinic-4" else ("",))

    four.before = before
    four.pump()
    four.now += 31.0
    four.pump()
    assert four.status()["phase"] == "finished"
    assert four.status()["withdrawn"] == ["clinic-4"]
    assert [4 in line for line in simulator.contributors(folder)] == [True, True, False, False]
    assert "Receipt" in in_flight
    assert not {"Join", "Update", "Vote", "Release"}.intersection(in_flight)
    assert four.desks["clinic-4"].status()[0]["keys_erased"]
    assert received.received(four.hospital("clinic-4"))[0].verified
    assert simulator.holds(folder)


@pytest.mark.parametrize("leaves", ["withdraws", "refuses"])
def test_who_leaves_after_it_joined_early_is_no_part_of_the_sum_and_nobody_waits_for_it(
    four: Consortium, leaves: str
) -> None:
    """Others would seal shares to a hospital that is gone, and wait for what it says."""
    folder = four.begin(document(4, aggregation={"deadline_seconds": 30.0}))
    policy = four.hospital("clinic-1").policy_file
    gone: list[int] = []

    def before(sender: str, to: str, letter: bytes) -> None:
        if kinds_in(letter) == ("Receipt", "Join") and sender == "clinic-4" and four.sums_opened == 2:
            if leaves == "withdraws":
                four.withdraw("clinic-1")
            else:
                policy.write_text(policy.read_text().replace("max_rounds = 1000", "max_rounds = 1"))
            for told in four.desks["clinic-1"].poll():
                four.hand_over("clinic-1", to, told)
            gone.append(len(four.carried))

    four.before = before
    four.pump()
    assert four.status()["phase"] == "finished", "without any deadline"
    said = {kind for sender, _, letter in four.carried[gone[0] :] for kind in kinds_in(letter) if sender == "clinic-1"}
    assert "Receipt" in said
    assert not {"Join", "Update", "Vote", "Release"}.intersection(said)
    assert [1 in line for line in simulator.contributors(folder)] == [True, True, False, False]
    assert simulator.holds(folder)


@pytest.mark.parametrize("jump", [-400 * 86_400, 400 * 86_400])
def test_deadlines_do_not_follow_a_clock_that_jumps(four: Consortium, jump: int) -> None:
    ticks = 0.0
    four.desk = CoordinatorDesk(four.home, lambda: four.now, ticks=lambda: ticks)
    folder = four.start(document(4, training=ONE, aggregation={"deadline_seconds": 30.0}))
    four.approve()
    four.poll()
    four.reachable.discard("clinic-2")
    four.now += jump
    four.pump()
    assert not (folder / "rounds.jsonl").exists()  # nobody was called late before the time
    ticks = 31.0
    four.pump()
    assert four.status()["phase"] == "finished"
    assert simulator.contributors(folder)[1] == [1, 3, 4]


def test_a_hospital_that_is_away_is_missed_only_until_the_deadline(four: Consortium) -> None:
    folder = four.begin(document(4, training=ONE, aggregation={"deadline_seconds": 30.0}))
    four.poll()
    four.reachable.discard("clinic-2")
    four.pump()
    status = four.status()
    assert (status["phase"], status["step"], status["waiting_for"]) == ("running", "join", ["clinic-2"])
    four.now += 31  # one deadline for all sums
    four.pump()
    assert four.status()["phase"] == "finished"
    assert [2 in line for line in simulator.contributors(folder)] == [False] * 3
    assert list(four.status()["away"]) == ["clinic-2"]
    four.come_back("clinic-2")
    four.pump()
    assert received.received(four.hospital("clinic-2"))[0].verified
    assert four.status()["away"] == {}
    assert simulator.holds(folder)


def test_a_hospital_that_was_away_is_waited_for_again_once_it_has_spoken(four: Consortium) -> None:
    folder = four.begin(document(4, aggregation={"deadline_seconds": 30.0}))
    four.poll()
    four.reachable.discard("clinic-2")
    four.pump()
    four.now += 31
    back = False

    def before(sender: str, to: str, letter: bytes) -> None:
        nonlocal back
        if not back and four.sums_opened == 2:
            back = True
            assert list(four.status()["away"]) == ["clinic-2"]
            four.come_back("clinic-2")

    four.before = before
    four.pump()
    assert four.status()["phase"] == "finished"
    assert [2 in line for line in simulator.contributors(folder)][-1]
    assert [line["event"] for line in four.home.log_lines() if "away" in line["event"] or "back" in line["event"]] == [
        "hospital is away",
        "hospital is back",
    ]


def test_a_hospital_whose_rules_refuse_says_which_by_name_and_takes_it_back(four: Consortium) -> None:
    home = four.hospital("clinic-3")
    good = home.policy_file.read_text()
    strict = good.replace("max_rounds = 1000", "max_rounds = 1").replace(
        "min_contributors = 3", "min_contributors = 77"
    )
    home.policy_file.write_text(strict)
    folder = four.start(document(4))
    assert four.status()["refused"] == {"clinic-3": ["max_rounds", "min_contributors"]}
    sent = [letter for sender, _, letter in four.carried if sender == "clinic-3"]
    assert [kinds_in(letter) for letter in sent] == [("Refusal",)]
    assert b"77" not in bytes(letters._parts(sent[0])[1])
    assert "study refused: max_rounds, min_contributors" in four.alarms("coordinator")
    four.restart_hospital("clinic-3")
    four.restart_host()
    four.pump()
    assert four.status()["refused"] == {"clinic-3": ["max_rounds", "min_contributors"]}
    home.policy_file.write_text(good)
    four.pump()
    assert four.status()["refused"] == {}
    four.approve()
    four.pump()
    assert four.status()["phase"] == "finished"
    assert simulator.holds(folder)


def test_a_policy_that_becomes_stricter_is_told_and_the_sum_does_not_wait(four: Consortium) -> None:
    folder = four.begin(document(4))
    policy = four.hospital("clinic-4").policy_file

    def before(sender: str, to: str, letter: bytes) -> None:
        if four.sums_opened == 1 and "max_rounds = 1000" in policy.read_text():
            policy.write_text(policy.read_text().replace("max_rounds = 1000", "max_rounds = 1"))

    four.before = before
    four.pump()
    assert four.status()["phase"] == "finished"
    assert four.status()["refused"] == {"clinic-4": ["max_rounds"]}
    assert [4 in line for line in simulator.contributors(folder)][-1] is False


def test_a_refusal_in_other_words_than_names_of_rules_is_refused(four: Consortium) -> None:
    folder = four.start(document(4))
    letter = letters.seal(
        four.hospital("clinic-1").identity,
        "coordinator",
        bytes.fromhex(folder.name),
        letters.Refusal(("because of patient 17",)),
        from_coordinator=False,
    )
    assert four.desk.receive("clinic-1", letter) == []
    assert "a reason that does not exist" in four.alarms("coordinator")[-1]
    assert four.status()["refused"] == {}


@pytest.mark.parametrize("opened", [1, 4], ids=["while it runs", "after its end"])
def test_a_hospital_whose_letters_were_dropped_catches_up(four: Consortium, opened: int) -> None:
    folder = four.begin(document(4, aggregation={"deadline_seconds": 30.0}))
    four.poll()
    four.reachable.discard("clinic-2")

    def before(sender: str, to: str, letter: bytes) -> None:
        if not four.reachable >= {"clinic-2"} and len(list(folder.glob("receipts/*/opening.cbor"))) >= opened:
            four.held["clinic-2"].clear()
            four.come_back("clinic-2")
            four.put_down(four.desk.remind("clinic-2"))

    four.before = before
    four.pump()
    four.now += 31
    four.pump()
    assert four.status()["phase"] == "finished"
    assert received.received(four.hospital("clinic-2"))[0].verified
    assert [2 in line for line in simulator.contributors(folder)][-1] == (opened == 1)


def test_without_a_quorum_the_study_waits_and_says_for_whom(four: Consortium, short: Path) -> None:
    folder = four.begin(document(4, training=ONE, aggregation={"deadline_seconds": 30.0}))
    four.poll()
    four.reachable -= {"clinic-2", "clinic-3"}
    four.pump()
    for _ in range(3):
        four.now += 1000
        four.pump()
    status = four.status()
    assert (status["phase"], status["waiting_for"]) == ("waiting for quorum", ["clinic-2", "clinic-3"])
    assert not list((folder / "receipts").glob("*"))
    four.restart_host()
    four.now += 1000
    four.come_back("clinic-2")
    four.come_back("clinic-3")
    four.pump()
    assert four.status()["phase"] == "finished"
    same_as(short, folder)


def test_a_study_is_stopped_after_its_current_sum_and_hospitals_are_told(four: Consortium) -> None:
    folder = four.begin(document(4))

    def before(sender: str, to: str, letter: bytes) -> None:
        if "Update" in kinds_in(letter) and four.sums_opened == 1:
            offering.stop(four.home, "tiny", "funding ended")

    four.before = before
    four.pump()
    status = four.status()
    assert (status["phase"], status["reason"], status["sums_opened"]) == ("stopped", "funding ended", 2)
    assert {four.desks[name].status()[0]["phase"] for name in four.names} == {"stopped"}
    assert simulator.holds(folder)
    four.restart_host()
    four.pump()
    assert four.status()["phase"] == "stopped"


def test_the_ckks_scheme_goes_through_a_restart_of_everybody_too(four: Consortium) -> None:
    pytest.importorskip("tenseal")
    for name in four.names:
        file = four.hospital(name).policy_file
        file.write_text(file.read_text().replace('schemes = ["quorum"]', 'schemes = ["ckks"]'))
    seen = 0

    def before(sender: str, to: str, letter: bytes) -> None:
        nonlocal seen
        if to == "clinic-2":
            four.restart_hospital(to)
        seen += "Update" in kinds_in(letter)
        if "Update" in kinds_in(letter) and seen in (6, 10):
            four.restart_host()

    four.before = before
    folder = four.start(document(4, training=ONE, aggregation={"scheme": "ckks"}))
    four.approve()
    four.pump()
    assert four.status()["phase"] == "finished"
    assert simulator.holds(folder)
    assert received.received(four.hospital("clinic-2"))[0].verified
