"""A lying coordinator against real parties: nothing is opened that must not be, and a fault that is planted is found."""

from __future__ import annotations

import pytest

from cipherward.attacks import coordinator
from cipherward.attacks.attack import Found, Measure
from cipherward.attacks.context import Context
from cipherward.attacks.coordinator import Coordinator
from cipherward.attacks.parties import parties
from cipherward.parties import hospital_node


@pytest.fixture(scope="module")
def found(at: Context) -> Found:
    return Coordinator().run(at)


def of(found: Found, name: str) -> dict[str, Measure]:
    return {each.measure: each for each in found.measures if each.setting == name}


@pytest.mark.parametrize("name", [each.name for each in coordinator.tries()])
def test_no_lie_opens_a_sum_that_must_not_be_and_somebody_says_so(found: Found, name: str) -> None:
    measured = of(found, name)
    assert measured["sums opened that must not be"].value == 0.0
    told = measured["hospitals that refused, or said so"].value
    assert told
    assert told >= 1
    (shown,) = [each for each in found.exhibits if each.title == f"Lie: {name}"]
    assert len(shown.rows) == 7


def test_another_model_for_one_hospital_is_a_breach_there(found: Found) -> None:
    measured = of(found, "a different model for one hospital")
    assert measured["hospitals that reported a breach"].value == 1.0
    (shown,) = [each for each in found.exhibits if each.title == "Lie: a different model for one hospital"]
    assert shown.rows[coordinator.VICTIM - 1][2] == "Privacy Breach Detected for Client 2"


def test_forged_constants_are_refused_by_all_who_verified_the_true_ones(found: Found) -> None:
    measured = of(found, coordinator.CARRY_OVER)
    assert measured["studies begun that must not be"].value == 0.0
    assert measured["hospitals that refused, or said so"].value == 7.0
    assert measured["hospitals that vouch for the true constants"].value == 7.0


def test_hospitals_that_do_not_compare_models_are_found_by_the_attack(
    at: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hospital_node, "agrees", lambda judgement, opening: True)
    study, hospitals = Coordinator()._study(at)
    (lie,) = [each for each in coordinator.tries() if each.name == "a different model for one hospital"]
    with parties(study, hospitals) as made:
        made.lie = lie.lie
        made.run_sums(1)
        reactions = made.reactions()
    assert all(each.did == "took part" and "Breach" not in each.printed for each in reactions)
