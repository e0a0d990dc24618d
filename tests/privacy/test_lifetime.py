"""A patient's budget is the hospital's own: at its own delta, over all studies of a register, for good."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from tests import simulator

from cipherward.errors import BudgetExceededError, StorageError, StudyError
from cipherward.parties.policy import SIMULATION, Policy
from cipherward.privacy import accounting, budget, claims, noise
from cipherward.privacy.accounting import Event
from cipherward.privacy.lifetime import PATIENT, Lifetime, Limit, check_delta
from cipherward.store.ledger import Ledger
from cipherward.study import Study

LIMIT = Limit(3.0, 1e-6)
ONE = Event(accounting.calibrate(1.0, 1e-6, 1.0, 1), 1.0, 1)


class Kept:
    """The ledger's three functions, in memory."""

    def __init__(self) -> None:
        self.rows: list[tuple[bytes, bytes, int, str, str, str]] = []

    def charges(self) -> list[tuple[bytes, bytes, int, str, str, str]]:
        return self.rows

    def contribution(self, study: bytes, query: bytes) -> bytes | None:
        return None

    def record_charge(
        self, study: bytes, query: bytes, round: int, unit: str, what: str, event: str, contribution: bytes
    ) -> None:
        self.rows.append((study, query, round, unit, what, event))


def test_studies_of_one_register_are_added_until_the_limit_and_other_registers_are_not() -> None:
    charges = Kept()
    registers = {b"a": "stroke", b"b": "stroke", b"c": "births"}
    stroke = Lifetime(charges, "clinic-1", LIMIT, "stroke", registers)
    births = Lifetime(charges, "clinic-1", LIMIT, "births", registers)
    asked = 0
    with contextlib.suppress(BudgetExceededError):
        for asked in range(50):
            stroke.charge(b"a" if asked % 2 else b"b", bytes([asked]), asked, "statistics", ONE, b"")
    assert 3 <= asked < 9, "noise composes by the root: more answers than epsilon 3 by addition, not many more"
    assert stroke.spent(LIMIT) <= 3.0 < LIMIT.cost([*stroke.events(PATIENT), ONE])
    assert len(charges.rows) == asked
    assert births.spent(LIMIT) == 0.0
    births.check(ONE)


def test_a_study_of_no_known_register_counts_against_every_register() -> None:
    charges = Kept()
    Lifetime(charges, "clinic-1", None).charge(b"old", b"q", 0, "statistics", ONE, b"")
    assert Lifetime(charges, "clinic-1", LIMIT, "stroke", {b"new": "stroke"}).spent(LIMIT) > 0.9


def test_noise_on_rows_and_on_patients_is_added_and_noise_on_hospitals_is_not() -> None:
    charges = Kept()
    for unit in ("record", PATIENT, "hospital"):
        charges.record_charge(b"s", unit.encode(), 0, unit, "x", ONE.to_json(), b"")
    lifetime = Lifetime(charges, "clinic-1", LIMIT)
    assert len(lifetime.events("record")) == len(lifetime.events(PATIENT)) == 2
    assert len(lifetime.events("hospital")) == 1


def test_a_refusal_says_epsilon_with_its_delta_and_charges_nothing() -> None:
    charges = Kept()
    with pytest.raises(BudgetExceededError, match=r"at delta 1e-06, the hospital's own limit is 0\.5 \(spent: 0\)"):
        Lifetime(charges, "clinic-1", Limit(0.5, 1e-6)).charge(b"s", b"q", 0, "statistics", ONE, b"")
    assert charges.rows == []


def test_it_keeps_its_charges_in_the_ledger_with_the_answer_that_is_sent_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    with contextlib.closing(ledger):
        Lifetime(ledger, "clinic-1", LIMIT).charge(b"s", b"q", 0, "statistics", ONE, b"noisy counts")
        assert ledger.contribution(b"s", b"q") == b"noisy counts"
        assert Lifetime(ledger, "clinic-1", LIMIT).events(PATIENT) == [ONE]


@pytest.mark.parametrize("unit", ["record", "hospital"])
def test_a_round_is_charged_against_the_study_and_against_the_hospitals_own_limit(unit: str, tmp_path: Path) -> None:
    privacy = {"unit": unit, "epsilon": 3.0, "delta": 1e-6, "clipping_norm": 1.0}
    study = simulator.study(4, privacy=privacy)
    with contextlib.closing(Ledger(tmp_path / "ledger.db")) as ledger:
        own = budget.budget_of(study, ledger, "clinic-1")
        assert own is not None
        ledger.record_charge(study.digest(), b"q0", 0, PATIENT, "statistics", ONE.to_json(), b"")
        assert own.spent == 0.0  # its promise is about rounds alone
        own.charge(b"q1", 0, "train", ONE, b"an update")
        own.charge(b"q2", 1, "evaluate", None, b"exact counts")
        assert (own.kept(b"q1"), own.kept(b"q2")) == (b"an update", None)
        assert own.report()["releases_not_covered"] == ["evaluate"]
        limited = budget.budget_of(study, ledger, "clinic-1", Limit(own.spent + 0.01, 1e-6))
        assert limited is not None
        own.check(ONE)  # the study has more
        with pytest.raises(BudgetExceededError, match="the hospital's own limit"):
            limited.charge(b"q3", 2, "train", ONE, b"another update")
        assert own.report()["releases_charged"] == 2  # the statistics, and one round


def test_a_damaged_charge_is_no_free_charge() -> None:
    charges = Kept()
    charges.record_charge(b"s", b"q", 0, PATIENT, "x", "{", b"")
    with pytest.raises(StorageError, match="damaged"):
        Lifetime(charges, "clinic-1", LIMIT).events(PATIENT)


@pytest.mark.parametrize(("epsilon", "delta"), [(0.0, 0.1), (1.0, 0.0), (1.0, 1.0), (float("nan"), 0.1)])
def test_a_limit_without_a_delta_is_no_limit(epsilon: float, delta: float) -> None:
    with pytest.raises(StudyError):
        Limit(epsilon, delta)


def study(**privacy: object) -> Study:
    asked = {"unit": "record", "epsilon": 1.0, "delta": 1e-5, "clipping_norm": 1.0} | privacy
    return simulator.study(5, privacy=asked, training={"rounds": 10, "batch_size": 32})


@pytest.mark.parametrize("delta", [1e-2, 0.5, 0.9, 0.99])
def test_a_large_delta_does_not_escape_a_policy_of_epsilon_one(delta: float) -> None:
    policy = Policy(max_epsilon=1.0)
    assert policy.broken(study()) == ()
    assert policy.clauses_broken(study(delta=delta)) == ("max_delta",)
    (text,) = policy.broken(study(delta=delta))
    assert "delta" in text
    assert "at most 1e-05" in text


def test_what_a_study_spends_counts_at_the_hospitals_delta_not_at_its_own() -> None:
    pytest.importorskip("dp_accounting")
    loose = study(delta=5e-3)
    (planned,) = claims.planned(loose, 100) or ()
    assert loose.privacy is not None
    assert accounting.epsilon([planned], 5e-3) <= 1.0
    limit = Limit(1.0, 1e-5)
    ((name, text),) = claims.broken(loose.privacy, limit, [planned])
    assert name == "max_epsilon"
    assert "at delta 1e-05" in text
    charges = Kept()
    with pytest.raises(BudgetExceededError):
        Lifetime(charges, "clinic-1", limit).check(planned, "record")


def test_a_promise_at_a_smaller_delta_is_converted_where_it_can_be() -> None:
    hospital = study(unit="hospital", epsilon=1.2, delta=1e-9)
    assert hospital.privacy is not None
    assert claims.broken(hospital.privacy, Limit(1.0, 1e-5), claims.planned(hospital)) == ()
    assert [name for name, _ in claims.broken(hospital.privacy, Limit(1.0, 1e-5))] == ["max_epsilon"]


@pytest.mark.parametrize("rows", [42, 100_000])
def test_a_delta_of_one_over_rows_is_refused(rows: int) -> None:
    check_delta(0.99 / rows, rows)
    with pytest.raises(StudyError, match="promises nothing"):
        check_delta(1.0 / rows, rows)
    with pytest.raises(StudyError, match="promises nothing"):
        noise.record_noise(study(delta=1.0 / rows), rows)


def test_noise_on_counts_is_measured_against_the_same_limit() -> None:
    assert claims.check_noise(ONE.noise_multiplier, 1, Limit(1.001, 1e-6)) == ()
    ((name, text),) = claims.check_noise(ONE.noise_multiplier, 4, Limit(1.001, 1e-6))
    assert name == "max_noise_epsilon"
    assert "noise on counts" in text


def test_more_bins_than_the_policy_allows_are_refused() -> None:
    many = simulator.study(5, evaluation={"bins": 8_192})
    assert SIMULATION.broken(many) == ()
    assert Policy().clauses_broken(many) == ("max_bins",)
