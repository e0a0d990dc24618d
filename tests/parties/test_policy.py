"""A hospital's own floors: no study, coordinator or command line overrides them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tests import simulator
from tests.simulator import World

from cipherward.errors import RefusedError, StudyError
from cipherward.parties.policy import SIMULATION, Policy
from cipherward.simulation import make_parties

STRICT = Policy(
    schemes=frozenset({"ckks"}), min_contributors=6, min_corrupt=4, max_bits=16, max_range=1.0, max_rounds=1
)


def test_every_clause_that_a_study_breaks_is_named_at_once() -> None:
    study = simulator.study(5, aggregation={"scheme": "plain", "bits": 24}, training={"rounds": 3})
    with pytest.raises(RefusedError) as caught:
        STRICT.check(study)
    for clause in (
        "scheme 'plain' (allowed: ckks)",
        "min_contributors 4 (floor: 6)",
        "corrupt 2 (floor: 4)",
        "bits 24 (at most 16)",
        "range_max 64.0 (at most 1.0)",
        "rounds 3 (at most 1)",
    ):
        assert clause in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("clause", "words"),
    [
        ({"schemes": frozenset({"ckks"})}, "scheme 'quorum'"),
        ({"min_contributors": 5}, "min_contributors 4"),
        ({"min_corrupt": 3}, "corrupt 2"),
        ({"max_bits": 8}, "bits 16"),
        ({"max_range": 63.0}, "range_max 64.0"),
        ({"max_rounds": 1}, "rounds 2"),
        ({"exact_counts": False}, "noise.enabled = false"),
        ({"max_exact_sums": 3}, "4 sums without noise (at most 3)"),
        ({"min_group_rows": 11}, "scores in groups of 10 rows (floor: 11)"),
        ({"max_measured_models": 2}, "3 measured models (at most 2)"),
        ({"max_bins": 63}, "bins 64 (at most 63)"),
    ],
)
def test_each_clause_alone_refuses_the_study_and_nothing_else_is_said(clause: dict[str, object], words: str) -> None:
    policy = dataclasses.replace(Policy(), **clause)  # type: ignore[arg-type]
    with pytest.raises(RefusedError) as caught:
        policy.check(simulator.study(5))
    assert caught.value.message.count(";") == 0
    assert words in caught.value.message


def test_a_study_that_is_exactly_what_the_policy_allows_may_run() -> None:
    at_the_edge = Policy(
        min_contributors=4,
        min_corrupt=2,
        max_bits=16,
        max_range=64.0,
        max_rounds=2,
        max_exact_sums=4,
        max_measured_models=3,
        max_bins=64,
        min_group_rows=10,
    )
    assert at_the_edge.broken(simulator.study(5)) == ()


def test_the_columns_allowed_hold_outcome_and_patient_too() -> None:
    data = simulator.document(5)["data"] | {"patient_column": "mrn"}
    study = simulator.study(5, data=data)
    read = frozenset({"age", "dose", "ward", "mrn", study.data.outcome})
    assert Policy(columns=read).broken(study) == ()
    for name in sorted(read):
        assert Policy(columns=read - {name}).broken(study) == (f"columns {name} (not among the columns allowed)",)


def test_a_norm_bounds_what_leaves_only_where_it_is_a_hospitals() -> None:
    norms = {
        unit: simulator.study(5, privacy={"unit": unit, "epsilon": 1.0, "delta": 1e-6, "clipping_norm": 65.0})
        for unit in ("record", "hospital")
    }
    assert "max_range" not in Policy().clauses_broken(norms["record"])
    assert Policy().clauses_broken(norms["hospital"]) == ("max_range",)


def test_subgroups_have_a_ceiling_and_none_refuses_studies_that_ask_for_any() -> None:
    asking = simulator.study(5, evaluation={"subgroups": [{"column": "ward"}, {"column": "age", "edges": [-1.0, 1.0]}]})
    assert Policy().broken(asking) == ()
    assert Policy(max_subgroups=4).broken(asking) == ("5 subgroups (at most 4)",)
    none = Policy(max_subgroups=0)
    assert none.clauses_broken(asking) == ("max_subgroups",)
    assert none.broken(simulator.study(5)) == ()


def test_bins_of_a_column_and_a_delta_have_ceilings_of_their_own() -> None:
    described = simulator.study(5, task="describe", settings={"bins": 512})
    assert Policy().broken(described) == ("512 bins of a column (at most 256)",)
    private = {"unit": "record", "epsilon": 1.0, "delta": 0.9, "clipping_norm": 1.0}
    assert Policy().broken(simulator.study(5, privacy=private)) == ("delta 0.9 (at most 1e-05)",)
    assert Policy().broken(simulator.study(5, privacy=private | {"delta": 1e-6})) == ()


def test_noise_on_counts_is_compared_with_the_hospital_s_ceiling_at_the_hospital_s_delta() -> None:
    def asking(**wanted: object) -> tuple[str, ...]:
        return Policy(max_exact_sums=3, exact_counts=False).broken(simulator.study(5, noise={"enabled": True} | wanted))

    assert asking(epsilon=8.0, delta=1e-6) == ()
    (text,) = asking(epsilon=12.0, delta=1e-6)
    assert "noise on counts: epsilon" in text
    assert "at delta 1e-05 (at most 8.0)" in text
    (text,) = asking(epsilon=4.0, delta=0.9)
    assert "at delta 1e-05 (at most 8.0)" in text
    stated = simulator.study(5, noise={"enabled": True, "noise_multiplier": 0.1})
    assert "noise on counts" in Policy().broken(stated)[0]


def test_a_hospitals_default_policy_takes_part_in_encrypted_studies_only() -> None:
    Policy().check(simulator.study(5))
    SIMULATION.check(simulator.study(5, aggregation={"scheme": "plain"}))
    for scheme in ("plain", "ckks"):
        with pytest.raises(RefusedError):
            Policy().check(simulator.study(5, aggregation={"scheme": scheme}))


def test_a_hospital_whose_policy_refuses_does_not_even_start(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="rounds 2"):
        World(tmp_path, simulator.study(4), policy=dataclasses.replace(SIMULATION, max_rounds=1))


def test_a_study_that_was_downgraded_after_its_approval_is_not_the_approved_one(tmp_path: Path) -> None:
    with World(tmp_path, simulator.study(4)) as world:
        approved = world.sites[1]
        weaker = world.study.with_overrides(aggregation={"scheme": "plain"})
        with pytest.raises(StudyError, match="not the one whose digest was approved"):
            dataclasses.replace(approved, state=dataclasses.replace(world.first, study=weaker))
        downgraded = make_parties.make_coordinator(
            weaker, world.keys, dataclasses.replace(world.first, study=weaker), world.run
        )
        for _, packet in downgraded.begin():
            assert approved.handle(packet) == []
        assert "belongs to another study" in world.refusals()[-1]


def test_a_changed_roster_is_another_study_for_everybody_on_it(tmp_path: Path) -> None:
    with World(tmp_path, simulator.study(4)) as world:
        hospitals = [hospital.model_dump() for hospital in world.study.hospitals]
        hospitals[3]["public_key"] = "ab" * 32
        other = world.study.with_overrides(top={"hospitals": hospitals})
        hub = make_parties.make_coordinator(other, world.keys, dataclasses.replace(world.first, study=other), world.run)
        assert [world.sites[i].handle(packet) for i, packet in hub.begin()] == [[]] * 4
