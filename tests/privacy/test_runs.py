"""Whole runs with privacy: what they say, what they refuse, and what a restart must not change."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from tests import simulator
from tests.installed import needs
from tests.parties.liars_in_a_sum import lies
from tests.simulator import World, holds, run, study

from cipherward.errors import (
    AlreadyReleasedError,
    BudgetExceededError,
    InterruptedRunError,
    RefusedError,
    StorageError,
    StudyError,
)
from cipherward.parties.policy import SIMULATION
from cipherward.privacy import noise
from cipherward.privacy.accounting import Event
from cipherward.privacy.budget import NOT_COVERED, not_covered
from cipherward.simulation.simulate import resume_study
from cipherward.store.ledger import Ledger
from cipherward.tasks.catalogue import make_task

pytestmark = needs("privacy", "opacus", "dp_accounting")

needs_tenseal = pytest.mark.skipif(importlib.util.find_spec("tenseal") is None, reason="TenSEAL is not installed")
UNITS = ["record", "hospital"]
CASES = [
    ("record", "quorum"),
    pytest.param("record", "plain", marks=pytest.mark.thorough),
    ("hospital", "quorum"),
    pytest.param("record", "ckks", marks=needs_tenseal),
    pytest.param("hospital", "ckks", marks=[needs_tenseal, pytest.mark.thorough]),
]


def privacy(unit: str, **changed: Any) -> dict[str, Any]:
    return {"unit": unit, "epsilon": 5.0, "delta": 1e-5, "clipping_norm": 0.5} | changed


@pytest.mark.parametrize("unit", UNITS)
def test_what_the_promise_leaves_out_names_an_earlier_model_and_subgroups(unit: str) -> None:
    plain = study(privacy=privacy(unit))
    assert not_covered(plain, unit) == NOT_COVERED[unit]
    goes_on = plain.with_overrides(training={"continues": "ab" * 32, "first_model": "cd" * 32})
    assert any("goes on from" in said for said in not_covered(goes_on, unit))
    numeric = next(column for column in plain.columns if column.kind == "numeric")
    low, high = numeric.minimum, numeric.maximum
    assert low is not None
    assert high is not None
    asked = plain.with_overrides(evaluation={"subgroups": [{"column": numeric.name, "edges": [(low + high) / 2]}]})
    assert any("subgroup" in said for said in not_covered(asked, unit))


@pytest.mark.parametrize(("unit", "scheme"), CASES)
def test_a_run_with_privacy_verifies_and_says_what_was_spent(tmp_path: Path, unit: str, scheme: str) -> None:
    result = run(tmp_path, study(privacy=privacy(unit), aggregation={"scheme": scheme}))
    assert holds(result.path)
    stated = json.loads((result.path / "result.json").read_text())["privacy"]
    assert (stated["unit"], stated["epsilon"], stated["delta"]) == (unit, 5.0, 1e-5)
    assert stated["not_covered"] == list(NOT_COVERED[unit])
    assert set(stated["hospitals"]) == {f"clinic-{i}" for i in range(1, 6)}
    for report in stated["hospitals"].values():
        assert 4.5 < report["epsilon_spent"] <= 5.0
        assert report["epsilon_left"] == pytest.approx(5.0 - report["epsilon_spent"])
        assert report["releases_charged"] == 2
        assert report["releases_not_covered"] == ["statistics", "evaluate"]
    assert stated["epsilon_spent"] == max(r["epsilon_spent"] for r in stated["hospitals"].values())
    assert len(simulator.log(result.path, "privacy charge")) == 10
    assert len(simulator.log(result.path, "exact release, not covered by privacy")) == 10
    (said,) = simulator.log(result.path, "privacy")
    assert said["epsilon"] == 5.0
    measured = json.loads((result.path / "result.json").read_text())["auroc_by_round"]
    assert [value is None for value in measured] == [unit == "hospital"] * 2 + [False]


def test_a_run_without_privacy_says_so(tmp_path: Path) -> None:
    assert run(tmp_path, study()).summary["privacy"] is None


@pytest.mark.parametrize("unit", UNITS)
def test_another_promise_in_the_result_does_not_verify(tmp_path: Path, unit: str) -> None:
    path = run(tmp_path, study(privacy=privacy(unit))).path
    document = json.loads((path / "result.json").read_text())
    document["privacy"]["epsilon"] = 1.0
    (path / "result.json").write_text(json.dumps(document))
    assert not holds(path)


@pytest.mark.parametrize("unit", UNITS)
def test_a_resumed_run_goes_on_with_its_charges(tmp_path: Path, unit: str) -> None:
    answers = iter([False, False, True])
    with pytest.raises(InterruptedRunError):
        run(tmp_path, study(privacy=privacy(unit)), should_stop=lambda: next(answers))
    result = resume_study(tmp_path / "run", device="cpu")
    assert holds(result.path)
    for report in result.summary["privacy"]["hospitals"].values():
        assert report["releases_charged"] == 2
        assert report["epsilon_spent"] <= 5.0


def charges(ledger: Ledger) -> list[str]:
    return [what for *_, what, event in ledger.charges() if event]


@pytest.mark.parametrize("unit", UNITS)
def test_a_restarted_hospital_sends_the_same_bytes_and_is_charged_once(tmp_path: Path, unit: str) -> None:
    with World(tmp_path, study(privacy=privacy(unit))) as world:
        world.run_sums(1)
        state = world.hub.state
        packets = world.until("Joined")
        (first,) = world.sites[1].handle(packets[1])
        world.sites[1].ledger.close()
        world.sites[1] = world.make_hospital(1, state)
        world.engine.sites = world.sites
        assert world.sites[1].handle(packets[1]) == [first]
        assert charges(world.sites[1].ledger) == ["train"]
        world.finish(packets)
        assert world.hub.state.inner.rounds_done == 1


@pytest.mark.parametrize("unit", UNITS)
def test_a_crash_between_charge_and_update_neither_charges_twice_nor_draws_new_noise(
    tmp_path: Path, unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with World(tmp_path, study(privacy=privacy(unit))) as world:
        world.run_sums(1)
        state = world.hub.state
        packets = world.until("Joined")
        site = world.sites[1]

        def full(*_: object) -> None:
            raise StorageError("disk full")

        monkeypatch.setattr(site.ledger, "record_update", full)
        with pytest.raises(StorageError, match="disk full"):
            site.handle(packets[1])
        (*_, last) = site.ledger.charges()
        kept = site.ledger.contribution(last[0], last[1])
        site.ledger.close()
        world.sites[1] = world.make_hospital(1, state)

        def never(*_: object) -> None:
            raise AssertionError("trained again, with other noise")

        monkeypatch.setattr(world.sites[1].work, "values", never)
        (reply,) = world.sites[1].handle(packets[1])
        assert simulator.kind_of(reply) == "Update"
        assert charges(world.sites[1].ledger) == ["train"]
        assert world.sites[1].ledger.contribution(last[0], last[1]) == kept


@pytest.mark.parametrize("unit", UNITS)
def test_after_a_sum_that_did_not_open_the_same_noise_is_sent_again_and_charged_once(tmp_path: Path, unit: str) -> None:
    numbers = {"threshold": 6, "corrupt": 2, "dropouts": 2, "min_contributors": 4}
    chosen = study(8, privacy=privacy(unit), aggregation=numbers, training={"rounds": 2})
    with World(tmp_path, chosen) as world:
        lies(world, 3, "polynomial", in_sum=2)
        world.run_sums()
        assert [report.round for report in world.hub.reports if not report.opened] == [2]
        assert world.hub.reports[3].purpose == "train"
        assert charges(world.sites[1].ledger) == ["train", "train"]


@pytest.mark.parametrize("unit", UNITS)
def test_the_noisy_contribution_is_erased_with_the_receipt_and_the_charge_stays(tmp_path: Path, unit: str) -> None:
    with World(tmp_path, study(privacy=privacy(unit))) as world:
        world.run_sums(1)
        packets = world.until("Opening")
        for site in world.sites.values():
            (*_, last) = site.ledger.charges()
            assert last[4] == "train"
            assert site.ledger.contribution(last[0], last[1]) is not None
        world.finish(packets)
        for site in world.sites.values():
            (*_, last) = site.ledger.charges()
            assert site.ledger.contribution(last[0], last[1]) is None
        ledger = world.sites[1].ledger
        (*_, last) = ledger.charges()
        with pytest.raises(AlreadyReleasedError, match="fresh noise"):
            ledger.record_charge(last[0], last[1], last[2], last[3], last[4], last[5], b"fresh")
        assert charges(ledger) == ["train"]


@pytest.mark.parametrize("unit", UNITS)
def test_a_study_without_budget_left_stops_and_names_the_hospital(tmp_path: Path, unit: str) -> None:
    with World(tmp_path, study(privacy=privacy(unit))) as world:
        world.run_sums(1)
        ledger, digest = world.sites[2].ledger, world.study.digest()
        spent = Event(0.5, 1.0, 1).to_json()
        ledger.record_charge(digest, b"something else", 0, unit, "train", spent, b"")
        before = world.hub.state.digest()
        with pytest.raises(BudgetExceededError, match=r"hospital 'clinic-2' has no privacy budget left.*study's limit"):
            world.run_sums(1)
        assert world.hub.state.digest() == before
        assert charges(ledger) == ["train"]  # only what was there
        (line,) = simulator.log(world.run.path, "privacy budget spent")
        assert "clinic-2" in line["reason"]
        assert world.sites[2].stopped


@pytest.mark.parametrize("unit", UNITS)
def test_a_hospitals_own_limit_counts_its_other_studies(tmp_path: Path, unit: str) -> None:
    policy = dataclasses.replace(SIMULATION, max_epsilon=6.0)
    with World(tmp_path, study(privacy=privacy(unit)), policy=policy) as world:
        world.run_sums(2)
        other = Event(1.0, 1.0, 1).to_json()
        opposite = "hospital" if unit == "record" else "record"
        world.sites[1].ledger.record_charge(bytes(32), b"q1", 0, opposite, "train", other, b"")
        assert world.sites[1].budget is not None
        event = world.sites[1].work.event(world.sites[1].state)
        assert event is not None
        world.sites[1].budget.check(event)
        world.sites[1].ledger.record_charge(bytes(32), b"q2", 0, unit, "train", other, b"")
        with pytest.raises(BudgetExceededError, match="the hospital's own limit is 6"):
            world.run_sums(1)


def test_a_hospitals_policy_refuses_too_little_privacy_or_none(tmp_path: Path) -> None:
    policy = dataclasses.replace(SIMULATION, max_epsilon=4.0)
    with pytest.raises(RefusedError, match=r"epsilon 5\.0"):
        policy.check(study(privacy=privacy("record")))
    with pytest.raises(RefusedError, match="no differential privacy"):
        policy.check(study())
    policy.check(study(privacy=privacy("record", epsilon=4.0)))
    narrow = dataclasses.replace(SIMULATION, max_range=0.4, max_bits=24)
    with pytest.raises(RefusedError, match=r"clipping_norm 0\.5"):
        narrow.check(study(privacy=privacy("hospital"), aggregation={"range_max": 0.4}))


@pytest.mark.parametrize(
    ("section", "other", "words"),
    [
        (privacy("patient"), {}, "privacy.unit"),
        (privacy("record", epsilon=0.0), {}, "privacy.epsilon"),
        (privacy("record", delta=1.0), {}, "privacy.delta"),
        (privacy("record", delta=0.0), {}, "privacy.delta"),
        (privacy("record", clipping_norm=-1.0), {}, "privacy.clipping_norm"),
        (privacy("record", seed=1), {}, "privacy.seed"),
        (privacy("record", noise_multiplier=1.0), {}, "belongs to unit"),
        (privacy("hospital"), {"aggregation": {"scheme": "plain"}}, "adds whole numbers"),
        (privacy("hospital"), {"training": {"patience": 2}}, "patience 0"),
    ],
)
def test_a_privacy_section_that_cannot_hold_is_refused(section: Any, other: Any, words: str) -> None:
    with pytest.raises(StudyError) as caught:
        make_task(study(privacy=section, **other))
    assert words in str(caught.value)


def test_privacy_enters_the_digest_the_file_and_the_question() -> None:
    plain, private = study(), study(privacy=privacy("record"))
    assert plain.digest() != private.digest()
    changed = private.with_overrides(privacy={"epsilon": 4.0})
    assert changed.digest() != private.digest()
    assert "[privacy]" in private.to_toml()


@pytest.mark.parametrize("unit", UNITS)
def test_the_damaged_record_of_a_charge_stops_the_hospital(tmp_path: Path, unit: str) -> None:
    with World(tmp_path, study(privacy=privacy(unit))) as world:
        world.sites[1].ledger.record_charge(world.study.digest(), b"q", 0, unit, "train", "{", b"")
        with pytest.raises(StorageError, match="damaged"):
            world.run_sums(2)


def test_noise_that_would_not_fit_stops_a_run_before_it_leaves_a_folder(tmp_path: Path) -> None:
    impossible = study(privacy=privacy("hospital", epsilon=0.01, delta=1e-12), training={"rounds": 500})
    with pytest.raises(StudyError, match=r"too narrow|no noise"):
        run(tmp_path, impossible)
    assert not (tmp_path / "run").exists()
    assert noise.honest_shares(impossible) == 2
