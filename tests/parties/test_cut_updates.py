"""Updates of one model that are cut at other ranges, or after other steps, are equations for whoever was cut: the second is refused."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests import simulator
from tests.parties.test_grids import again
from tests.parties.test_weightings import LARGE, vector
from tests.simulator import World

from cipherward.errors import DeclinedError, UnfitUpdateError
from cipherward.parties import asking, cut_updates
from cipherward.parties.cut_updates import CUT_OTHERWISE, FORGOTTEN, HARDLY_MOVES, note_rebuilt, shows
from cipherward.parties.policy import SIMULATION
from cipherward.store.ledger import Ledger
from cipherward.study import Study
from cipherward.sums.hospital_steps import contributors_of
from cipherward.tasks.rows import TRAIN, rows_at
from cipherward.tasks.sent_update import SentUpdate
from cipherward.tasks.state import StudyState

NARROW = 0.0018
"""Between the largest entry of all hospitals' updates, which is LARGE's, and the second largest."""
ENTRY = 1
WIDE = 0.25
CAP = 630.4
"""Rows that count as weight 1, as these tables give it."""

Entries = NDArray[np.float64]


def study(name: str = "first", rounds: int = 1, **sections: Any) -> Study:
    """One step over all rows in each round, so that the same model gives the same updates."""
    training = {"rounds": rounds, "batch_size": 1_000, "learning_rate": 0.05} | sections.pop("training", {})
    aggregation = {"bits": 24} | sections.pop("aggregation", {})
    return simulator.study(5, name=name, training=training, aggregation=aggregation, **sections)


def rounds_of(world: World, count: int) -> tuple[list[StudyState], list[Entries]]:
    """The states in which so many sums of updates were asked, and what everybody reads in them."""
    if not world.hub.state.sums_done:
        world.run_sums(1)
    states, sums = [], []
    for _ in range(count):
        state = world.hub.state
        world.run_sums(1)
        states.append(state)
        sums.append(vector(opened(world, state)))
    return states, sums


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, StudyState, Entries]:
    """The first study after its first sum of updates, closed; the state in which that was asked, and what everybody reads."""
    with World(tmp_path_factory.mktemp("once"), study()) as made:
        (state,), (wide,) = rounds_of(made, 1)
    return made, state, wide


@pytest.fixture
def first(once: tuple[World, StudyState, Entries], tmp_path: Path) -> Iterator[World]:
    """That study, by hospitals with copies of their ledgers."""
    with once[0].copied(tmp_path / "ledgers") as made:
        yield made


def opened(world: World, state: StudyState) -> Any:
    rules, opening = world.hub.rules, world.opening(state.sums_done)
    task, n = asking.task_of(rules, state, opening.attempt), len(contributors_of(rules, opening))
    return asking.named_sums(rules.scheme, state, rules.scheme.sums(task, opening.total, opening.witness, n), n)


def largest(world: World, state: StudyState) -> float:
    """The entry that nobody may read."""
    return float(vector(world.sites[LARGE].work.values(state))[ENTRY])


def forgetful(first: World, folder: Path, wanted: Study) -> World:
    """Another study of the same hospitals, which remember nothing."""
    return World(folder, wanted, identities={i: first.keys.identities[i] for i in range(6)})


def declined(first: World, folder: Path, wanted: Study, after: int = 1) -> dict[str, Any]:
    """What a hospital says that declines, with its ledger, the sum that follows `after` others of another study."""
    with again(first, folder, wanted, SIMULATION) as other:
        other.run_sums(after)
        with pytest.raises(DeclinedError, match=CUT_OTHERWISE):
            other.run_sums(1)
        assert len(other.run.rounds_with_openings()) == after
        told, *_ = simulator.log(other.run.path, "declined")
        return told


SECOND: dict[str, tuple[dict[str, Any], float, float]] = {
    "range": ({"aggregation": {"range_initial": NARROW}}, 1.0, NARROW),
    "rate": ({"aggregation": {"range_initial": 2 * NARROW}, "training": {"learning_rate": 0.1}}, 2.0, 2 * NARROW),
    "cap": ({"aggregation": {"range_initial": 4 * NARROW, "weight_cap": 158}}, CAP / 158, 4 * NARROW),
    "bits": ({"aggregation": {"range_initial": NARROW, "bits": 16}}, 1.0, NARROW),
    "alerts": ({"aggregation": {"range_initial": NARROW}, "evaluation": {"alerts": 0.2}}, 1.0, NARROW),
}
"""The second study; how much larger its updates are; and where they are cut."""


@pytest.mark.parametrize(
    "edit", ["range", "rate", *(pytest.param(edit, marks=pytest.mark.thorough) for edit in ("cap", "bits", "alerts"))]
)
def test_a_second_study_that_cuts_the_same_updates_shows_the_largest_and_is_refused(
    once: tuple[World, StudyState, Entries], first: World, tmp_path: Path, edit: str
) -> None:
    sections, scale, bound = SECOND[edit]
    _, state, wide = once
    assert state.inner.weight_cap == CAP
    entry = largest(first, state)
    assert abs(entry) < WIDE
    with forgetful(first, tmp_path / "forgetful", study("second", **sections)) as second:
        _, (narrow,) = rounds_of(second, 1)
    assert (scale * wide - narrow)[ENTRY] + bound == pytest.approx(scale * entry, rel=1e-3)
    told = declined(first, tmp_path / "second", study("third", **sections))
    assert told["reason"].endswith("and this hospital's is cut now")
    assert "the study 'first'" in told["reason"]
    assert "aggregation.range_initial" in told["reason"]


def test_a_study_that_cuts_nobody_after_one_that_cut_the_largest_is_refused(tmp_path: Path) -> None:
    with World(tmp_path / "first", study(aggregation={"range_initial": NARROW})) as first:
        rounds_of(first, 1)
        told = declined(first, tmp_path / "second", study("second"))
        assert told["reason"].endswith("with other aggregation.range_initial, and this hospital's was cut then")


def test_a_grid_too_coarse_for_updates_shows_how_many_are_beyond_half_a_step_and_is_refused(
    first: World, tmp_path: Path
) -> None:
    """Bisected over studies, that is the largest hospital's entry."""
    steps = 7
    coarse = {"bits": 4, "rounding": "nearest", "range_initial": 2 * steps * NARROW}
    with forgetful(first, tmp_path / "forgetful", study("second", aggregation=coarse)) as second:
        _, (read,) = rounds_of(second, 1)
    assert read[ENTRY] == pytest.approx(2 * NARROW)  # one step: one hospital, the others are below half of one
    told = declined(first, tmp_path / "second", study("third", aggregation=coarse))
    assert "aggregation.range_initial, aggregation.bits" in told["reason"]
    dithered = study("fourth", aggregation=coarse | {"rounding": "stochastic"})
    with again(first, tmp_path / "third", dithered, SIMULATION) as third:
        rounds_of(third, 1)


def test_two_studies_that_part_in_the_second_round_are_refused_there(tmp_path: Path) -> None:
    bound = 0.06
    fast = {"learning_rate": 0.5, "batch_size": 32, "local_epochs": 3}
    wider, narrow = {"range_initial": bound}, {"range_initial": bound, "range_max": bound}
    with World(tmp_path / "first", study(rounds=2, training=fast, aggregation=wider)) as first:
        (_, state), (_, wide) = rounds_of(first, 2)
        assert state.inner.ranges[0] == 2 * bound
        entry = largest(first, state)
        second = study("second", rounds=2, training=fast, aggregation=narrow)
        with forgetful(first, tmp_path / "forgetful", second) as other:
            _, (_, cut) = rounds_of(other, 2)
        assert (wide - cut)[ENTRY] + bound == pytest.approx(entry, rel=1e-3)
        told = declined(first, tmp_path / "second", second, after=2)
        assert "aggregation.range_max" in told["reason"]


@pytest.mark.parametrize(("moved", "is_refused"), [(0.0, True), (0.2, True), (0.3, False)])
def test_models_are_the_same_until_they_change_an_update_by_a_quarter_of_what_was_cut(
    tmp_path: Path, moved: float, *, is_refused: bool
) -> None:
    with World(tmp_path, study(aggregation={"range_initial": NARROW})) as world:
        (state,), _ = rounds_of(world, 1)
        site = world.sites[LARGE]
        values, cuts = site.work.values(state), site._contributions.cut_updates
        sent = state.task.sent(state.inner, site.work, values)
        assert sent is not None
        assert sent.reach == pytest.approx(
            0.05 / 4, rel=1e-3
        )  # one step of this rate, half of the rows with the outcome
        away = sent.start.copy()
        away[ENTRY] += moved * sent.bent / sent.reach
        inner = dataclasses.replace(
            state.inner,
            model=dataclasses.replace(state.inner.model, weights=away),
            ranges=tuple(2 * bound for bound in state.inner.ranges),
        )
        later = dataclasses.replace(state, inner=inner)
        if is_refused:
            with pytest.raises(UnfitUpdateError, match="with other ranges of the round") as caught:
                cuts.hold(site.work, later, bytes(32), values)
            assert caught.value.hint == HARDLY_MOVES  # of the same study, with the same settings
        else:
            cuts.hold(site.work, later, bytes(32), values)
            cuts.hold(site.work, later, bytes(32), values)  # another attempt


@pytest.mark.parametrize(
    ("bents", "ways", "reaches", "distance", "is_shown"),
    [
        ((1.0, 0.0), (b"a", b"b"), (0.5, 0.5), 0.5, True),
        ((0.0, 1.0), (b"a", b"b"), (0.5, 0.5), 0.5, True),
        ((0.0, 0.0), (b"a", b"b"), (0.5, 0.5), 0.0, False),
        ((1.0, 1.0), (b"a", b"a"), (0.5, 0.5), 0.0, False),
        ((1.0, 0.0), (b"a", b"b"), (0.5, 0.5), 0.51, False),
        ((1.0, 0.0), (b"a", b"b"), (0.5, 1.0), 0.5, True),
        ((1.0, 0.0), (b"a", b"b"), (1.0, 0.5), 0.5, True),
        ((4.0, 1.0), (b"a", b"b"), (0.5, 0.5), 2.0, True),
    ],
)
def test_two_ways_show_what_the_larger_cut_took_where_the_lesser_reach_moves_it_by_a_quarter_at_most(
    bents: tuple[float, float],
    ways: tuple[bytes, bytes],
    reaches: tuple[float, float],
    distance: float,
    *,
    is_shown: bool,
) -> None:
    start = np.zeros(1, np.float32)
    one, other = (SentUpdate(start, True, *each) for each in zip(bents, reaches, ways, strict=True))
    assert shows(one, other, distance) is is_shown


def test_a_ledger_that_has_forgotten_refuses_first_updates_alone_and_of_these_those_that_are_cut(
    tmp_path: Path,
) -> None:
    with World(tmp_path, study(aggregation={"range_initial": NARROW})) as world:
        world.run_sums(1)
        state, cut, whole = world.hub.state, world.sites[LARGE], world.sites[1]
        later = dataclasses.replace(state, inner=dataclasses.replace(state.inner, rounds_done=1))
        for site in (cut, whole):
            note_rebuilt(site.ledger, site.standing.register.name)
        for site, asked in ((cut, later), (whole, state)):
            site._contributions.cut_updates.hold(site.work, asked, bytes(32), site.work.values(asked))
        with pytest.raises(UnfitUpdateError, match="does not know"):
            cut._contributions.cut_updates.hold(cut.work, state, bytes(31), cut.work.values(state))


def test_updates_for_another_outcome_are_other_updates(tmp_path: Path) -> None:
    other = {"data": {"outcome": "ward", "positive": "A"}, "columns": simulator.document()["columns"][:2]}
    with World(tmp_path / "first", study(aggregation={"range_initial": NARROW})) as first:
        rounds_of(first, 1)
        with again(first, tmp_path / "second", study("second", **other), SIMULATION) as second:
            rounds_of(second, 1)


@pytest.mark.parametrize("doublings", [0, 3])
def test_a_range_that_grows_while_updates_hardly_change_shows_the_largest_in_one_study_and_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doublings: int
) -> None:
    """Whether the first range is narrower than all entries, or lies between them already."""
    bound, rounds = NARROW / 100, doublings + 2
    slow = {"learning_rate": 0.0005}
    asked = study(rounds=rounds, training=slow, aggregation={"range_initial": bound / 2**doublings})
    with World(tmp_path / "first", asked) as first:
        first.run_sums(2)
        with pytest.raises(DeclinedError, match=CUT_OTHERWISE):
            first.run_sums(1)
        assert "with other ranges of the round" in simulator.log(first.run.path, "declined")[0]["reason"]
    monkeypatch.setattr(cut_updates, "NEAR", -1.0)
    with World(tmp_path / "second", asked) as second:
        states, sums = rounds_of(second, rounds)
        assert states[-2].inner.ranges[0] == bound
        read = (sums[-1] - sums[-2])[ENTRY] + bound
        assert read == pytest.approx(largest(second, states[-1]), rel=0.01)


def test_a_study_is_asked_again_and_with_other_steps_and_ranges_where_nobody_was_cut(
    first: World, tmp_path: Path
) -> None:
    honest: dict[str, dict[str, Any]] = {
        "again": {},
        "longer": {"rounds": 3},
        "wider": {"aggregation": {"range_initial": 1.0}},
        "narrower": {"aggregation": {"range_initial": 0.0625}},
        "rate": {"training": {"learning_rate": 0.1}},
    }
    for name, sections in honest.items():
        with again(first, tmp_path / name, study(name, **sections), SIMULATION) as other:
            rounds_of(other, sections.get("rounds", 1))
        first = other


def test_a_cut_study_is_asked_again_in_the_same_way_also_with_more_rounds(tmp_path: Path) -> None:
    narrow = {"range_initial": NARROW, "range_max": NARROW}
    with World(tmp_path / "first", study(rounds=2, aggregation=narrow)) as first:
        rounds_of(first, 2)
        with again(first, tmp_path / "second", study("second", rounds=3, aggregation=narrow), SIMULATION) as second:
            rounds_of(second, 3)


def test_a_hospital_that_starts_again_gives_the_same_cut_update(tmp_path: Path) -> None:
    with World(tmp_path / "first", study(aggregation={"range_initial": NARROW})) as first:
        first.run_sums(1)
        query, state = asking.asked_of(first.hub.state), first.hub.state
        sent = [first.sites[LARGE]._contributions.vector(first.sites[LARGE].work, state)]
        first.sites[LARGE].ledger.close()
        first.sites[LARGE] = first.make_hospital(LARGE, state)
        sent.append(first.sites[LARGE]._contributions.vector(first.sites[LARGE].work, state))
        assert sent[0].tobytes() == sent[1].tobytes()
        assert len(query) == 32


def test_a_ledger_of_before_does_not_know_what_was_cut_so_no_first_update_is_until_it_fits(
    first: World, tmp_path: Path
) -> None:
    narrow = {"range_initial": NARROW}
    for site in first.sites.values():
        forget(site.ledger, site.standing.register.name)
    assert declined(first, tmp_path / "second", study("second", aggregation=narrow))["reason"] == FORGOTTEN
    with again(first, tmp_path / "third", study("third", rounds=2), SIMULATION) as third:
        rounds_of(third, 2)


def test_a_rebuilt_ledger_is_one_of_before(tmp_path: Path) -> None:
    with World(tmp_path / "first", study(aggregation={"range_initial": NARROW})) as first:
        first.run_sums(1)
        for site in first.sites.values():
            note_rebuilt(site.ledger, site.standing.register.name)
        with pytest.raises(DeclinedError, match=CUT_OTHERWISE):
            first.run_sums(1)


def test_a_study_with_privacy_of_records_is_refused_before_its_budget_is_charged(first: World, tmp_path: Path) -> None:
    """Noise of records hides patients, not hospitals."""
    private: dict[str, Any] = {"privacy": {"unit": "record", "epsilon": 8.0, "delta": 1e-5, "clipping_norm": 1.0}}
    narrow = study("second", aggregation={"range_initial": NARROW / 8}, **private)
    declined(first, tmp_path / "second", narrow)
    refused = Ledger(first.sites[LARGE].ledger.path)
    assert [what for _, _, _, unit, what, event in refused.charges() if event] == []
    refused.close()


def test_noise_of_hospitals_bounds_what_an_update_shows_so_no_rule_does(first: World, tmp_path: Path) -> None:
    private: dict[str, Any] = {"privacy": {"unit": "hospital", "epsilon": 8.0, "delta": 1e-5, "clipping_norm": 0.001}}
    with again(first, tmp_path / "second", study("second", **private), SIMULATION) as second:
        second.run_sums(2)
        assert len(second.run.rounds_with_openings()) == 2


def test_reach_is_the_rate_times_the_steps(tmp_path: Path) -> None:
    """With momentum a step counts on; no update follows more than the whole change of its start."""
    steps = {"batch_size": 32, "local_epochs": 2, "learning_rate": 0.02}
    for training, reach in ((steps, 0.02), (steps | {"momentum": 0.5}, 0.04), (steps | {"learning_rate": 5.0}, 1.0)):
        with World(tmp_path / str(reach), study(training=training)) as world:
            world.run_sums(1)  # half of the rows have the outcome
            state, work = world.hub.state, world.sites[1].work
            assert len(rows_at(work, state.inner.model.scaling, TRAIN)[1]) in range(33, 65)  # two minibatches
            sent = state.task.sent(state.inner, work, work.values(state))
            assert sent is not None
            assert sent.reach == pytest.approx(reach, rel=1e-3)


def forget(ledger: Ledger, register: str) -> None:
    """The ledger as an earlier version left it."""
    ledger.record_standing(f"weighing {register}", json.dumps({"weights": "class", "cut": 0}).encode())
    ledger._db.execute("DELETE FROM standing WHERE substr(name, 1, 7) = 'update '")
