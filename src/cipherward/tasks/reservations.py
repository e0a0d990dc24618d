"""What a finished run says against its own model: not trained to the end, diverged, or no better than hospitals alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from cipherward.learning import capacity
from cipherward.learning.class_weights import NO_RISKS
from cipherward.learning.outcome import Outcome
from cipherward.learning.outcome_binary import BINARY
from cipherward.study import Study

NOISE_GIVEN_UP = (
    "So few training rows do not bear the noise on counts that a study has by default, so this run's sums are exact and promise "
    "no patient anything. A study between hospitals has to decide: noise.enabled = false, or a larger noise.epsilon."
)

_END = 4  # the last quarter of the rounds
_STILL_FALLING = 0.01
_OF_ALL = 0.05  # of the whole fall, in the last quarter: a steady small fall is a run that has only begun
_ROSE = 1.05
_BELOW = 0.005
_FAR_BELOW = 0.03


def of_study(study: Study) -> tuple[str, ...]:
    """Sentences that the study alone gives reason for."""
    given_up = (NOISE_GIVEN_UP,) if study.noise.given_up else ()
    return (*given_up, *((NO_RISKS,) if study.training.class_weights else ()))


def of(result: Mapping[str, Any], outcome: Outcome = BINARY, *, is_fitted: bool = False) -> Iterator[str]:
    """Sentences about a trained model, from result.json: validation losses by round, headline metric of each hospital alone.

    `is_fitted`: by Newton steps, which have no learning rate and end by their own criterion, whatever validation rows lose.
    """
    if words := capacity.warning(
        result.get("n_parameters", 0), result.get("n_train_rows", 0), "all hospitals together have"
    ):
        yield words
    losses, ended = result["validation_loss_by_round"], bool(result.get("converged_early"))
    if len(losses) > 1 and None not in losses:
        yield from _of_fit(losses, is_converged=ended) if is_fitted else _of_losses(losses, is_converged=ended)
    key, title = outcome.key, outcome.title
    alone, reached = (
        [*result.get(f"{key}_local", {}).values()],
        float(result.get(f"{key}_federated_exact", result[f"{key}_federated"])),
    )
    pooled = result.get(f"{key}_centralised")
    if reached < outcome.floor and outcome.form != "sides":
        yield (
            f"The model hardly knows anything of the outcome ({title} {reached:.3f}): train longer, or ask whether these inputs know "
            "anything of it."
        )
    elif reached < outcome.floor:
        yield (
            f"The model hardly tells positive rows from negative ones (AUROC {reached:.3f}, where 0.5 is chance): train longer, "
            "or ask whether these inputs know anything of the outcome."
        )
    elif pooled is not None and reached < pooled - _FAR_BELOW:
        yield (
            f"The shared model is far below the same model on all rows in one place ({title} {reached:.3f}, there {pooled:.3f}): "
            "raise training.rounds or training.learning_rate."
        )
    if alone and reached < median(alone) - _BELOW:
        yield (
            f"The shared model is worse than what half of the hospitals reach alone ({title} {reached:.3f}, alone "
            f"{median(alone):.3f}): raise training.rounds; if that does not help, lower training.local_epochs or set "
            "training.proximal."
        )


def _of_fit(losses: Sequence[float], *, is_converged: bool) -> Iterator[str]:
    if not is_converged and losses[-2] - losses[-1] > _STILL_FALLING * losses[-2]:
        yield (
            f"The fit had not converged: the validation loss still fell in its last step, from {losses[-2]:.3f} to "
            f"{losses[-1]:.3f}. Raise training.rounds."
        )


def _of_losses(losses: Sequence[float], *, is_converged: bool) -> Iterator[str]:
    lowest, last = min(losses), losses[-1]
    if last > _ROSE * lowest:
        yield (
            f"Training diverged: the validation loss rose from {lowest:.3f} after round {losses.index(lowest)} to {last:.3f} at "
            "the end. Lower training.learning_rate or training.momentum, or end earlier with training.patience."
        )
        return
    before = losses[-1 - max(len(losses) // _END, 1)]
    late = losses[len(losses) // 2 - 1 :]
    is_steady = all(later < earlier for earlier, later in pairwise(late))
    falls = before - last > _STILL_FALLING * before
    if not is_converged and (falls or (is_steady and before - last > _OF_ALL * (losses[0] - last))):
        yield (
            f"Training had not converged: the validation loss still fell at the end, from {before:.4f} to {last:.4f} in the last "
            "quarter of the rounds. Raise training.rounds, training.local_epochs or training.learning_rate."
        )
