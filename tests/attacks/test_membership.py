"""Who was trained on: the attack finds those who stand out, and nobody where there is nothing to find."""

from __future__ import annotations

import numpy as np
import pytest

from cipherward.attacks import lira
from cipherward.attacks.attack import Measure
from cipherward.attacks.context import Context
from cipherward.attacks.fitting import Trainer, members
from cipherward.attacks.membership import Membership, MembershipSettings
from cipherward.attacks.updates import some

SMALL = MembershipSettings(n_models=4, n_private=4, n_few=8, few_rows=20, longer=5, epsilons=(1.0,))


def test_every_patient_is_in_half_of_the_models_with_all_rows() -> None:
    groups = np.repeat(np.arange(30), 2)
    inside = lira.halves(groups, 6, np.random.default_rng(1))
    assert (inside.sum(axis=0) == 3).all()
    assert (inside[:, ::2] == inside[:, 1::2]).all()
    assert (inside[::2] == ~inside[1::2]).all()


@pytest.mark.parametrize("n_models", [4, 8])
@pytest.mark.parametrize("n_features", [1, 5])
def test_where_nothing_differs_members_are_found_by_chance(n_models: int, n_features: int) -> None:
    generator = np.random.default_rng(n_models)
    inside = lira.halves(np.arange(4000), n_models, generator)
    hard = generator.normal(0.0, 3.0, (1, 4000, n_features))  # rows differ much more than models do
    seen = hard + generator.normal(0.0, 1.0, (n_models, 4000, n_features))
    scores = lira.ratios(seen, inside)
    assert lira.auc(scores, inside) == pytest.approx(0.5, abs=0.02)
    found = lira.rate(scores, inside, 0.01)
    assert found.low <= 0.01 <= found.high


def test_members_that_stand_out_are_found_at_few_false_alarms() -> None:
    generator = np.random.default_rng(2)
    inside = lira.halves(np.arange(2000), 16, generator)
    seen = (
        generator.normal(0.0, 3.0, (1, 2000, 1)) + generator.normal(0.0, 1.0, (16, 2000, 1)) + 4.0 * inside[:, :, None]
    )
    scores = lira.ratios(seen, inside)
    found = lira.rate(scores, inside, 0.001)
    assert found.value > 0.3
    assert (
        lira.rate(seen[:, :, 0], inside, 0.001).value < 0.1
    )  # a threshold on the loss alone does not know which rows are hard


def test_the_interval_of_a_rate_holds_the_rate_as_often_as_it_says() -> None:
    generator = np.random.default_rng(3)
    inside = np.arange(2000) % 2 == 0
    held = sum(
        found.low <= 0.01 <= found.high
        for found in (lira.rate(generator.normal(size=2000), inside, 0.01) for _ in range(400))
    )
    assert held >= 0.93 * 400


def test_a_rate_and_an_area_are_those_counted_by_hand() -> None:
    members, others = [0.95, 0.75, 0.65, 0.4, 0.1], [0.9, 0.8, 0.7, 0.6, 0.5, 0.3, 0.2, 0.05]
    scores = np.array(members + others)
    inside = np.arange(len(scores)) < len(members)
    found = lira.rate(scores, inside, 0.25)  # two of eight others may be accused: those above 0.7
    assert (found.hits, found.false, found.value) == (2, 2, 0.4)
    assert lira.rate(scores, inside, 0.0).hits == 1
    pairs = [member > other for member in members for other in others]
    assert lira.auc(scores, inside) == pytest.approx(np.mean(pairs))
    assert lira.auc(-scores, inside) == pytest.approx(1.0 - np.mean(pairs))


def test_a_rate_without_members_is_refused() -> None:
    with pytest.raises(ValueError, match="members and others"):
        lira.rate(np.zeros(3), np.zeros(3, np.bool_), 0.1)


def test_training_for_attacks_is_the_study_s_own(at: Context) -> None:
    """The same weights as a run of the study gives, but for what rounding draws and what rows of the other splits change."""
    from cipherward.attacks import federation

    *_, last = federation.train(at.study, at.hospitals)
    fitted = Trainer(at, at.study).fit(at.hospitals)
    assert len(fitted.path) == at.study.training.rounds + 1
    assert federation.model_of(last.after).weights == pytest.approx(fitted.weights, abs=1e-4)
    moved = np.abs(fitted.weights - fitted.path[0]).max()
    assert moved > 0.1


def test_encryption_changes_the_model_by_no_more_than_rounding(at: Context) -> None:
    first, second = (Trainer(at, at.study, encrypted=encrypted).fit(at.hospitals) for encrypted in (False, True))
    assert first.weights == pytest.approx(second.weights, abs=1e-3)


def test_only_members_decide_the_model(at: Context) -> None:
    trainer = Trainer(at, at.study, encrypted=False)
    half = [np.flatnonzero(np.arange(len(each.outcome)) % 2 == 0) for each in at.hospitals]
    kept = [members(each, np.arange(len(each.outcome)) % 2 == 0) for each in at.hospitals]
    alone = [some(each, rows) for each, rows in zip(at.hospitals, half, strict=True)]
    assert (trainer.fit(kept).weights == trainer.fit(alone).weights).all()


@pytest.fixture(scope="module")
def measured(at: Context) -> tuple[Measure, ...]:
    return Membership(SMALL).run(at).measures


def test_the_attack_measures_every_scheme_and_epsilon_beside_its_accuracy(measured: tuple[Measure, ...]) -> None:
    settings = dict.fromkeys(each.setting.split("hospitals), ")[1] for each in measured)
    assert list(settings) == ["scheme plain, no noise", "scheme quorum, no noise", "scheme quorum, epsilon 1"]
    per_setting = [each.measure for each in measured if each.setting == measured[0].setting]
    assert len(per_setting) == 10
    assert per_setting[-1] == "accuracy: AUROC"
    assert [each.bar for each in measured if each.bar] == ["0.001 inside the interval"] * 6


@pytest.mark.thorough
def test_at_epsilon_one_no_more_members_are_found_than_others_are_accused(at: Context) -> None:
    settings = MembershipSettings(n_models=4, n_private=8, n_few=16, epsilons=(1.0,))
    found = [each for each in Membership(settings).run(at).measures if each.bar]
    assert len(found) == 6
    # Intervals of 95 % miss now and then, and the noise is new each time: most of them, and none by far.
    assert sorted(each.low for each in found if each.low is not None)[3] <= 0.001
    assert max(each.value for each in found if each.value is not None) < 0.01
