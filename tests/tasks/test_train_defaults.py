"""What a training study decides for itself where `[training]` says nothing, and what it says of a poor result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import simulator

from cipherward import study as study_document
from cipherward.cli.run import Teller
from cipherward.data.preprocess import Preprocessor
from cipherward.learning import baselines, models
from cipherward.report import page
from cipherward.report.figures import beside
from cipherward.study import Model, Study, Training
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
    assert list(reservations.of(result | {"auroc_centralised": 0.731, "n_test_rows": 800}))
    # of so few test rows the difference says nothing
    assert not list(reservations.of(result | {"auroc_centralised": 0.731, "n_test_rows": 100}))
    assert not list(reservations.of(result | {"auroc_centralised": 0.729}))


def test_what_is_said_of_a_model_that_knows_nothing_is_the_figure_that_was_printed() -> None:
    result = {"validation_loss_by_round": [0.5], "auroc_federated": 0.497, "auroc_federated_exact": 0.495}
    (words,) = reservations.of(result)
    assert "AUROC 0.497" in words


BELOW = {"auroc_federated": 0.72, "auroc_centralised": 0.80, "auroc_local": {"a": 0.75, "b": 0.76}}


def test_only_settings_that_train_longer_are_named() -> None:
    ended = BELOW | {"validation_loss_by_round": [0.69, 0.6, 0.61], "converged_early": True}
    below, alone = reservations.of(ended)
    assert "raise training.patience" in below
    assert "raise training.patience" in alone
    assert "training.rounds" not in below + alone
    below, alone = reservations.of(ended | {"converged_early": False})
    assert "raise training.rounds" in below
    assert "raise training.rounds" in alone


def test_a_fit_that_is_done_is_not_told_to_train_longer() -> None:
    done = {"validation_loss_by_round": [0.69, 0.69], "converged_early": True}
    found = [
        *reservations.of(done | BELOW, is_fitted=True),
        *reservations.of(done | {"auroc_federated": 0.5}, is_fitted=True),
    ]
    assert len(found) == 3
    assert not any("training." in words for words in found)
    assert 'model.kind = "mlp"' in found[-1]


def test_a_network_with_default_training_is_not_told_to_set_what_would_take_the_defaults_away() -> None:
    falls = {"validation_loss_by_round": list(np.linspace(0.69, 0.5, 11)), "auroc_federated": 0.8}
    defaults, own = parsed(training={"rounds": 10}).training, parsed(training={"learning_rate": 0.1}).training
    (words,) = reservations.of(falls, training=defaults)
    assert words.endswith("Raise training.rounds.")
    (words,) = reservations.of(falls, training=own)
    assert words.endswith("Raise training.rounds, training.local_epochs or training.learning_rate.")
    (words,) = reservations.of(falls | {"validation_loss_by_round": [0.69, 0.5, 0.9]}, training=defaults)
    assert "learning_rate" not in words


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


def test_few_test_rows_on_one_machine_are_scored_one_by_one_unless_the_study_says_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_ended = simulator.study(4, evaluation={"bins": 2_048, "group_rows": None})
    found = simulator.run(tmp_path, open_ended).summary
    assert found["auroc_federated"] == pytest.approx(found["auroc_federated_exact"], abs=2e-3)
    run = simulator.run(tmp_path / "grouped", simulator.study(4))
    grouped = run.summary
    assert grouped["auroc_federated"] < grouped["auroc_federated_exact"]
    page.write(run.path)
    gap = grouped["auroc_federated_exact"] - grouped["auroc_centralised"]
    said = f"{beside(gap)} the model trained on all rows in one place (both measured row by row)"
    assert said in (run.path / page.NAME).read_text()
    Teller(to_stderr=False).finish(run)
    exact = f"(row by row {grouped['auroc_federated_exact']:.4f})"
    assert f"federated {grouped['auroc_federated']:.4f} {exact}" in capsys.readouterr().out


def minimal(**sections: Any) -> dict[str, Any]:
    document = simulator.document(4)
    del document["training"]
    return document | {"model": {"kind": "mlp"}} | sections


def parsed(**sections: Any) -> Study:
    return study_document.parse(minimal(**sections), origin="tests")


def test_a_network_whose_study_says_nothing_of_training_gets_rounds_that_end_by_themselves() -> None:
    study = parsed()
    assert study.model.hidden == (32, 16)
    chosen = study.training
    assert (chosen.rounds, chosen.patience, chosen.momentum, chosen.halves_rate) == (40, 5, 0.9, True)
    assert parsed(training={"rounds": 7}).training.rounds == 7
    # whoever states how to train gets what is stated
    assert parsed(training={"learning_rate": 0.1}).training == Training(learning_rate=0.1)
    private = {"unit": "record", "epsilon": 1.0, "delta": 1e-6, "clipping_norm": 1.0}
    assert parsed(privacy=private).training == Training()
    assert parsed(model={}).training == Training()
    assert study_document.parse(study.model_dump(mode="json"), origin="frozen").digest() == study.digest()


@pytest.mark.parametrize(("rows", "epochs"), [(40, 8), (4 * 23, 6), (4 * 100, 2), (4 * 128, 1), (4 * 100_000, 1)])
def test_epochs_give_a_hospital_of_mean_size_eight_steps(rows: int, epochs: int) -> None:
    study = parsed()
    scaling = Preprocessor(study.columns, (0.0, 0.0), (1.0, 1.0), rows, 1)
    assert rounds.settings(study, scaling).local_epochs == epochs


def test_a_rate_that_is_too_large_is_found_in_the_first_rounds_and_halved() -> None:
    study = parsed(training={"learning_rate": 4.0, "halves_rate": True})
    scaling = Preprocessor(study.columns, (0.0, 0.0), (1.0, 1.0), 1_000, 1)
    assert rounds.settings(study, scaling, [0.7, 0.9, 1.4]).learning_rate == 1.0
    assert rounds.settings(parsed(training={"learning_rate": 4.0}), scaling, [0.7, 0.9]).learning_rate == 4.0


def test_the_yardsticks_of_a_study_that_ends_early_end_early_too() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3)).astype(np.float32)
    y = (rng.random(300) < 0.5).astype(np.int64)  # nothing to learn: every epoch makes it worse
    module = models.build(Model(kind="mlp", hidden=(16,)), 3, 1)
    settings = Training(rounds=60, batch_size=16, learning_rate=0.3, momentum=0.9, patience=3)
    train, held = [(x[:100], y[:100])], [(x[100:200], y[100:200])]
    start, test = models.flatten(module), [(x[200:], y[200:])]
    found = baselines.centralised(module, start, train, test, settings, seed=1, validation_rows=held)
    assert len(found.by_round) < 15


def test_a_model_with_more_parameters_than_rows_is_said_to_have_room_for_them() -> None:
    result = {"validation_loss_by_round": [0.5], "auroc_federated": 0.8, "n_parameters": 24_001, "n_train_rows": 1_080}
    (words,) = reservations.of(result)
    assert "24,001 parameters and all hospitals together have 1,080 training rows" in words
    assert not list(reservations.of(result | {"n_parameters": 1_080}))


def test_a_table_of_points_or_trees_that_boosting_in_one_place_outdoes_is_said() -> None:
    result = {"auroc_federated": 0.72, "n_test_rows": 800}
    others = [{"name": "boosting", "measured": {"auroc": 0.74}}]
    (words,) = reservations.of_binned(result | {"others": others}, "look there")
    assert words == "boosting on all rows in one place is better (AUROC 0.740, here 0.720): look there."
    assert not list(reservations.of_binned(result, ""))
    assert not list(reservations.of_binned(result | {"others": others, "n_test_rows": 50}, ""))
