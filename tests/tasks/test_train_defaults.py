"""What a training study decides for itself where `[training]` says nothing, and what it says of a poor result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import simulator

from cipherward.data.preprocess import Preprocessor
from cipherward.tasks import reservations, rounds


def batch(rows: int, hospitals: int = 4, **sections: Any) -> int:
    study = simulator.study(hospitals, **({"training": {"batch_size": 0}} | sections))
    scaling = Preprocessor(study.columns, (0.0, 0.0), (1.0, 1.0), rows, 1)
    return rounds.settings(study, scaling).batch_size


@pytest.mark.parametrize(("rows", "wanted"), [(4, 16), (520, 16), (4 * 16 * 40, 40), (4 * 100_000, 256)])
def test_minibatches_follow_from_the_opened_rows_and_the_number_of_hospitals(rows: int, wanted: int) -> None:
    assert batch(rows) == wanted


def test_a_stated_batch_size_is_obeyed() -> None:
    assert batch(520, training={"batch_size": 3}) == 3


def test_with_privacy_of_records_minibatches_stay_large() -> None:
    assert batch(520, privacy={"unit": "record", "epsilon": 3.0, "delta": 1e-6, "clipping_norm": 1.0}) == 256


def said(losses: list[float | None], federated: float = 0.8, **alone: float) -> str:
    return " ".join(
        reservations.of(
            {"validation_loss_by_round": losses, "auroc_federated": federated, "auroc_local": alone}
            if alone
            else {"validation_loss_by_round": losses, "auroc_federated": federated}
        )
    )


def test_a_loss_that_still_falls_at_the_end_is_said_with_the_setting_to_change() -> None:
    assert "had not converged" in said(list(np.linspace(0.69, 0.5, 11)))
    assert "training.rounds" in said(list(np.linspace(0.69, 0.5, 11)))


def test_a_large_first_step_does_not_hide_that_the_loss_still_falls() -> None:
    assert "had not converged" in said(
        [0.6931, 0.5560, 0.4872, 0.4505, 0.4275, 0.4132, 0.4043, 0.3980, 0.3939, 0.3909, 0.3878]
    )


def test_a_run_that_has_only_begun_is_said_however_little_the_loss_falls() -> None:
    slow = [0.7407, 0.7289, 0.7192, 0.7118, 0.7060, 0.7015, 0.6973, 0.6938, 0.6911, 0.6882, 0.6859]
    assert "had not converged" in said([*slow], 0.593)
    assert "had not converged" in said([0.6931, 0.6928, 0.6925], 0.734)


def test_a_model_that_knows_nothing_or_far_less_than_the_pooled_one_is_said() -> None:
    assert "0.5 is chance" in said([0.5], 0.53)
    result = {"validation_loss_by_round": [0.5], "auroc_federated": 0.72}
    (words,) = reservations.of(result | {"auroc_centralised": 0.77})
    assert "in one place (AUROC 0.720, there 0.770)" in words
    assert not list(reservations.of(result | {"auroc_centralised": 0.74}))


def test_a_converged_run_says_nothing() -> None:
    assert not said([0.5 + 0.19 * 0.5**k for k in range(11)])
    assert not said([0.69, 0.688, 0.689, 0.687], 0.8, a=0.79, b=0.7)
    assert not said([0.4])
    assert not said([None, None])


def test_a_loss_that_rises_again_is_said() -> None:
    assert "diverged" in said([0.69, 0.5, 0.9])
    assert "training.learning_rate" in said([0.69, 0.5, 0.9])


def test_a_fit_by_newton_steps_is_not_told_to_change_settings_that_it_does_not_have() -> None:
    result = {"validation_loss_by_round": [0.69, 0.60, 0.66], "auroc_federated": 0.8, "converged_early": True}
    assert not list(reservations.of(result, is_fitted=True))
    (said,) = reservations.of(
        result | {"validation_loss_by_round": [0.69, 0.60], "converged_early": False}, is_fitted=True
    )
    assert "Raise training.rounds." in said
    assert "learning_rate" not in said


def test_a_model_below_the_local_ones_is_said() -> None:
    assert "alone" in said([0.5], 0.7, a=0.75, b=0.8, c=0.6)
    assert not said([0.5], 0.76, a=0.75, b=0.8, c=0.6)


def test_a_run_of_one_small_step_warns_in_its_result(tmp_path: Path) -> None:
    study = simulator.study(4, training={"rounds": 3, "batch_size": 256}, aggregation={"scheme": "plain"})
    assert "had not converged" in simulator.run(tmp_path, study).summary["warnings"][0]


def test_few_test_rows_on_one_machine_are_scored_one_by_one_unless_the_study_says_otherwise(tmp_path: Path) -> None:
    open_ended = simulator.study(4, evaluation={"bins": 2_048, "group_rows": None})
    found = simulator.run(tmp_path, open_ended).summary
    assert found["auroc_federated"] == pytest.approx(found["auroc_federated_exact"], abs=2e-3)
    grouped = simulator.run(tmp_path / "grouped", simulator.study(4)).summary
    assert grouped["auroc_federated"] < grouped["auroc_federated_exact"]
