"""What a finished run says against its own model: not trained to the end, diverged, or no better than hospitals
alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from cipherward.learning import capacity
from cipherward.learning.class_weights import NO_RISKS
from cipherward.learning.outcome import Outcome
from cipherward.learning.outcome_binary import BINARY
from cipherward.study import Study, Training
from cipherward.study_training import has_network_defaults

NOISE_GIVEN_UP = (
    "So few training rows do not bear the noise on counts that a study has by default, so this run's sums are exact and promise "
    "no patient anything. A study between hospitals has to decide: noise.enabled = false, or a larger noise.epsilon."
)

_END = 4  # the last quarter of the rounds
_STILL_FALLING = 0.01
_OF_ALL = 0.05  # of the whole fall, in the last quarter: a steady small fall is a run that has only begun
_ROSE = 1.05
_BELOW = 0.005
_BELOW_POOLED = 0.01
_BY_CHANCE = 0.2  # over the root of the test rows: two models of the same rows may be measured so far apart
_UNITS = "look whether a column has another unit or other codes at one of them"


def of_study(study: Study) -> tuple[str, ...]:
    """Sentences that the study alone gives reason for."""
    given_up = (NOISE_GIVEN_UP,) if study.noise.given_up else ()
    return (*given_up, *((NO_RISKS,) if study.training.class_weights else ()))


def of(
    result: Mapping[str, Any], outcome: Outcome = BINARY, training: Training = Training(), *, is_fitted: bool = False
) -> Iterator[str]:
    """Sentences about a trained model, from result.json: validation losses by round, headline metric of each hospital
    alone.

    `training`: the study's, so that only settings are named that help. `is_fitted`: by Newton steps, which have no
    learning rate and end by their own criterion, whatever validation rows lose.
    """
    if words := capacity.warning(
        result.get("n_parameters", 0), result.get("n_train_rows", 0), "all hospitals together have"
    ):
        yield words
    losses, ended = result["validation_loss_by_round"], bool(result.get("converged_early"))
    if len(losses) > 1 and None not in losses:
        if is_fitted:
            yield from _of_fit(losses, is_converged=ended)
        else:
            yield from _of_losses(losses, training, is_converged=ended)
    if is_fitted:
        yield from _of_headline(result, outcome, "" if ended else "training.rounds")
    else:
        yield from _of_headline(result, outcome, "training.patience" if ended else "training.rounds")


def _of_headline(result: Mapping[str, Any], outcome: Outcome, longer: str) -> Iterator[str]:
    """`longer`: the setting that trains longer, which is not rounds where patience ended them; "": nothing does."""
    key, title = outcome.key, outcome.title
    opened = float(result[f"{key}_federated"])
    alone, reached = [*result.get(f"{key}_local", {}).values()], float(result.get(f"{key}_federated_exact", opened))
    pooled, is_sided = result.get(f"{key}_centralised"), outcome.form == "sides"
    margin = _margin(result)
    if reached < outcome.floor:
        others = 'model.kind = "mlp"' + (', or task = "points" with model.kind = "points"' if is_sided else "")
        knows = (
            f"tells positive rows from negative ones (AUROC {opened:.3f}, where 0.5 is chance)"
            if is_sided
            else f"knows anything of the outcome ({title} {opened:.3f})"
        )
        advice = (
            f"raise {longer}"
            if longer
            else f"a linear model sees no curves and no combinations of columns, so try {others}"
        )
        yield f"The model hardly {knows}: {advice}, or ask whether these inputs know anything of the outcome."
    elif pooled is not None and reached < pooled - margin:
        advice = (
            f"raise {longer}; if that does not help, hospitals differ and averaging falls behind: {_UNITS}"
            if longer
            else "the noise on the counts that scale its inputs is why, or the rounding of sums; a larger noise.epsilon shows which"
        )
        yield (
            f"The shared model is below the same model on all rows in one place ({title} {reached:.3f}, there {pooled:.3f}): {advice}."
        )
    if alone and reached < median(alone) - max(_BELOW, margin / 2.0):
        advice = f"raise {longer}; if that does not help, {_UNITS}" if longer else _UNITS
        yield (
            f"The shared model is worse than what half of the hospitals reach alone ({title} {reached:.3f}, alone "
            f"{median(alone):.3f}): {advice}."
        )


def _of_fit(losses: Sequence[float], *, is_converged: bool) -> Iterator[str]:
    if not is_converged and losses[-2] - losses[-1] > _STILL_FALLING * losses[-2]:
        yield (
            f"The fit had not converged: the validation loss still fell in its last step, from {losses[-2]:.3f} to "
            f"{losses[-1]:.3f}. Raise training.rounds."
        )


def _of_losses(losses: Sequence[float], training: Training, *, is_converged: bool) -> Iterator[str]:
    """A network whose study says nothing of SGD is told to change nothing of it: one such setting would take all
    these defaults away."""
    lowest, last, is_default = min(losses), losses[-1], has_network_defaults(training)
    if last > _ROSE * lowest:
        advice = "Lower training.learning_rate or training.momentum, or end earlier with training.patience"
        yield (
            f"Training diverged: the validation loss rose from {lowest:.3f} after round {losses.index(lowest)} to {last:.3f} at "
            f"the end. {'Lower training.patience or training.rounds' if is_default else advice}."
        )
        return
    before = losses[-1 - max(len(losses) // _END, 1)]
    late = losses[len(losses) // 2 - 1 :]
    is_steady = all(later < earlier for earlier, later in pairwise(late))
    falls = before - last > _STILL_FALLING * before
    if not is_converged and (falls or (is_steady and before - last > _OF_ALL * (losses[0] - last))):
        others = "" if is_default else ", training.local_epochs or training.learning_rate"
        yield (
            f"Training had not converged: the validation loss still fell at the end, from {before:.4f} to {last:.4f} in the last "
            f"quarter of the rounds. Raise training.rounds{others}."
        )


def of_binned(result: Mapping[str, Any], advice: str) -> Iterator[str]:
    """Sentences about a model that is fitted by sums over binned rows, from result.json. `advice`: what to do where
    boosting of all rows in one place, which a run on one machine has beside it, is better."""
    reached = float(result.get("auroc_federated_exact", result["auroc_federated"]))
    margin = _margin(result)
    for other in result.get("others", ()):
        best = float(other["measured"]["auroc"])
        if reached < best - margin:
            yield f"{other['name']} on all rows in one place is better (AUROC {best:.3f}, here {reached:.3f}): {advice}."


def _margin(result: Mapping[str, Any]) -> float:
    return max(_BELOW_POOLED, _BY_CHANCE / math.sqrt(result.get("n_test_rows") or math.inf))
