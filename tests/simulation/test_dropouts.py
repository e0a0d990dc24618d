"""Hospitals that are away: for one phase, for several sums, too many at once. Five hospitals tolerate one of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from tests import simulator
from tests.simulator import (
    PHASES,
    BentNetwork,
    Packet,
    World,
    contributors,
    holds,
    lines_of,
    lost,
    replayed,
    run,
    weights,
)

from cipherward.crypto import wire
from cipherward.errors import QuorumError
from cipherward.simulation.simulate import resume_study
from cipherward.sums.messages import Certificate, Opening
from cipherward.sums.packets import pack, unpack

EVERYONE = [1, 2, 3, 4, 5]
STATISTICS, TRAIN, EVALUATE = 0, 1, 3


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(
    "round", [TRAIN, *(pytest.param(other, marks=pytest.mark.thorough) for other in (STATISTICS, EVALUATE))]
)
def test_a_hospital_away_in_one_phase_of_one_sum_does_not_stop_the_study(
    tmp_path: Path, phase: str, round: int
) -> None:
    result = run(tmp_path, simulator.agreed(5), network=BentNetwork(lost({2}, kinds=PHASES[phase], rounds={round})))
    expected = [EVERYONE] * 4
    if phase in ("join", "deal"):
        expected[round] = [1, 3, 4, 5]
    assert contributors(result.path) == expected
    assert result.summary["rounds"] == 2
    assert holds(result.path)
    assert weights(result.path).tobytes() == replayed(result.path).inner.model.weights.tobytes()
    missing = [(line.round, line.hospital) for line in lines_of(result.path) if line.outcome == "no receipt"]
    # whoever misses an opening catches up before the next sum; after the last there is none
    assert missing == ([(3, "clinic-2")] if (phase, round) == ("verify", EVALUATE) else [])


def test_a_hospital_that_misses_the_last_opening_is_not_reported_as_having_verified(tmp_path: Path) -> None:
    network = BentNetwork(lost({2}, kinds=PHASES["verify"], rounds={EVALUATE}))
    verified = run(tmp_path, simulator.agreed(5), network=network).summary["verified"]
    assert verified == {"clinic-1": True, "clinic-2": False, "clinic-3": True, "clinic-4": True, "clinic-5": True}


def test_a_hospital_away_for_several_sums_catches_up_and_takes_part_again(tmp_path: Path) -> None:
    study = simulator.agreed(5, training={"rounds": 4})
    result = run(tmp_path, study, network=BentNetwork(lost({3}, rounds={1, 2, 3})))
    away = [1, 2, 4, 5]
    assert contributors(result.path) == [EVERYONE, away, away, away, EVERYONE, EVERYONE]
    assert holds(result.path)
    outcomes = [(line.round, line.detail) for line in lines_of(result.path) if line.hospital == "clinic-3"]
    assert outcomes == [
        (0, "contributed"),
        *((round, "took no part") for round in (1, 2, 3)),
        (4, "contributed"),
        (5, "contributed"),
    ]
    assert [line["from"] for line in simulator.log(result.path, "catching up")] == [1]
    assert weights(result.path).tobytes() == replayed(result.path).inner.model.weights.tobytes()


def test_a_hospital_away_from_the_very_beginning_catches_up_too(tmp_path: Path) -> None:
    result = run(tmp_path, simulator.agreed(5), network=BentNetwork(lost({5}, rounds={0, 1})))
    assert contributors(result.path) == [[1, 2, 3, 4]] * 2 + [EVERYONE] * 2
    assert holds(result.path)


def test_different_hospitals_may_be_away_in_every_sum(tmp_path: Path) -> None:
    bends = [
        lost({1}, rounds={0}),
        lost({2}, kinds=PHASES["deal"], rounds={1}),
        lost({3}, kinds=PHASES["release"], rounds={2}),
        lost({4}, kinds=PHASES["consent"], rounds={3}),
    ]
    result = run(tmp_path, simulator.agreed(5), network=BentNetwork(*bends))
    assert contributors(result.path) == [[2, 3, 4, 5], [1, 3, 4, 5], EVERYONE, EVERYONE]
    assert holds(result.path)


def test_eight_hospitals_go_on_with_two_missing_in_every_phase_and_stop_with_three(tmp_path: Path) -> None:
    study = simulator.agreed(8, training={"rounds": 1})
    away = [lost({i, i % 8 + 1}, kinds=kinds, rounds={1}) for i, kinds in ((1, PHASES["deal"]), (3, PHASES["consent"]))]
    # The two without an update still hold shares, and whoever consented must not be missed twice.
    result = run(tmp_path, study, network=BentNetwork(*away))
    assert contributors(result.path)[1] == [3, 4, 5, 6, 7, 8]
    assert holds(result.path)
    with pytest.raises(QuorumError, match=r"missing: clinic-3, clinic-4, clinic-5$"):
        run(tmp_path, study, name="stopped", network=BentNetwork(lost({3, 4, 5}, kinds=PHASES["release"])))


@pytest.mark.parametrize("attesting", [True, False])
def test_who_leaves_before_consenting_is_verified_from_its_ciphertext_by_one_or_by_all(
    tmp_path: Path, attesting: bool
) -> None:
    away = [lost({4}, kinds={"ConsentRequest"}), *([] if attesting else [lost({1, 2, 3, 5}, kinds={"Attested"})])]
    with World(tmp_path, simulator.study(5), network=BentNetwork(*away)) as world:
        world.run_sums()
        for round in range(4):
            opening = world.opening(round)
            assert [item.hospital for item in opening.unsigned] == ([] if attesting else [4])
            assert (len(opening.votes), len(opening.attested)) == (4, int(attesting))
        for index, site in world.sites.items():
            assert [outcome.outcome for outcome in site.outcomes] == ["preserved"] * 4, index
            how = "1 by another contributor, 0 recomputed" if attesting else "1 recomputed"
            assert f"sum of fingerprints matches (4 signed, {how})" in site.outcomes[1].detail
        assert world.sites[4].state.digest() == world.hub.state.digest()


def test_the_served_ciphertext_must_be_the_one_that_its_sender_signed(tmp_path: Path) -> None:
    with World(tmp_path, simulator.study(5)) as world:
        requests = world.until("ConsentRequest")
        del requests[4]
        certificates = world.continue_until(requests, "Certificate")
        one = wire.decode(Certificate, unpack(certificates[1])[1])
        unread = pack("Certificate", wire.encode(dataclasses.replace(one, served=())))
        opening = simulator.body(world.continue_until(dict.fromkeys(certificates, unread), "Opening")[1], Opening)
        (served,) = opening.unsigned
        damaged = bytearray(served.payload)
        damaged[-1] ^= 1
        forged = dataclasses.replace(opening, unsigned=(dataclasses.replace(served, payload=bytes(damaged)),))
        for packet in (world.packet(forged), world.packet(dataclasses.replace(opening, unsigned=()))):
            world.sites[1].handle(packet)
            assert world.sites[1].outcomes[-1].phrase == "Verification failed for Client 1"
            assert "neither a signed fingerprint nor the ciphertext" in world.sites[1].outcomes[-1].detail
            assert world.sites[1].state.sums_done == 0
        world.sites[1].handle(world.packet(opening))
        assert world.sites[1].outcomes[-1].phrase == "Privacy Preserved for Client 1"


@pytest.mark.parametrize("phase", PHASES)
def test_too_many_drop_outs_stop_the_study_and_the_missing_are_named(tmp_path: Path, phase: str) -> None:
    network = BentNetwork(lost({2, 4}, kinds=PHASES[phase], rounds={TRAIN}))
    with pytest.raises(
        QuorumError, match=r"sum \d \(\w+\): 3 hospital\(s\) .*; missing: clinic-2, clinic-4$"
    ) as caught:
        run(tmp_path, simulator.agreed(5), network=network)
    assert "resume" in caught.value.hint


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which nobody is away."""
    return run(tmp_path_factory.mktemp("undisturbed"), simulator.agreed(5)).path


@pytest.mark.parametrize(
    "phase",
    [
        "deal",
        "release",
        *(pytest.param(each, marks=pytest.mark.thorough) for each in PHASES if each not in ("deal", "release")),
    ],
)
def test_once_the_missing_are_back_a_stopped_study_goes_on_to_the_same_model(
    tmp_path: Path, undisturbed: Path, phase: str
) -> None:
    network = BentNetwork(lost({2, 4}, kinds=PHASES[phase], rounds={TRAIN}))
    with pytest.raises(QuorumError):
        run(tmp_path, simulator.agreed(5), name="stopped", network=network)
    resumed = resume_study(tmp_path / "stopped", device="cpu")
    assert weights(resumed.path).tobytes() == weights(undisturbed).tobytes()
    assert holds(resumed.path)


@pytest.mark.parametrize("kind", ["ConsentRequest", "Vote"])
def test_a_lost_question_or_answer_never_turns_into_a_vote_to_leave(tmp_path: Path, kind: str) -> None:
    """Three have consented; two void votes would rule out the certificate, and the void certificate, for ever."""
    with pytest.raises(QuorumError, match="missing: clinic-2, clinic-4"):
        run(tmp_path, simulator.agreed(5), network=BentNetwork(lost({2, 4}, kinds={kind}, rounds={TRAIN})))
    resumed = resume_study(tmp_path / "run", device="cpu")
    assert contributors(resumed.path) == [EVERYONE] * 4
    assert holds(resumed.path)


def test_with_three_hospitals_one_missing_hospital_stops_the_sum(tmp_path: Path) -> None:
    with pytest.raises(QuorumError, match="missing: clinic-2"):
        run(tmp_path, simulator.agreed(3), network=BentNetwork(lost({2})))


def test_packets_that_arrive_twice_or_late_change_nothing(tmp_path: Path) -> None:
    held: list[bytes] = []

    def untidy(packet: Packet) -> list[bytes] | None:
        if not packet.up:
            return [packet.raw, packet.raw]
        if packet.hospital == 2 and packet.kind in ("Join", "Vote"):
            held.append(packet.raw)  # arrives behind the next thing that this hospital says
            return []
        late = [held.pop() for _ in range(len(held))] if packet.hospital == 2 else []
        return [packet.raw, *late, packet.raw]

    untidy_run = run(tmp_path, simulator.agreed(5), name="untidy", network=BentNetwork(untidy))
    assert holds(untidy_run.path)
    assert untidy_run.summary["rounds"] == 2
    reasons = {(item["hospital"], item["kind"]) for item in simulator.log(untidy_run.path, "set aside")}
    assert {(1, "Update"), (2, "Join")} <= reasons
    np.testing.assert_array_equal(weights(untidy_run.path), replayed(untidy_run.path).inner.model.weights)
