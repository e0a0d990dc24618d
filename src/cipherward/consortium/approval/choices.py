"""What a study chooses that lets out more, or something else, than the same study without it, in words for `hospital review`."""

from __future__ import annotations

from collections.abc import Iterator

from cipherward.parties import who_stands
from cipherward.study import Study


def words(study: Study) -> tuple[str, ...]:
    """A sentence or more for each such setting; () where the study has none."""
    return (*_of_evaluation(study), *_of_class_weights(study), *_of_defence(study))


def _of_evaluation(study: Study) -> Iterator[str]:
    asked, columns = study.evaluation, {column.name: column for column in study.columns}
    parts = [
        f"{each.column} ({each.size(columns[each.column])} {'bands' if each.edges else 'categories'})"
        for each in asked.subgroups
        if each.column in columns
    ]
    if parts:
        yield (
            f"The model is measured apart for subgroups of patients: {', '.join(parts)}. Of each that at least "
            f"{study.thresholds.min_contributors} hospitals have, exact histograms of its scores by outcome are opened, of at least 10 test rows "
            "of this hospital or of none. How many of a subgroup have the outcome follows from them; where all have it, that, too."
        )
    if asked.asks_validation:
        what = " and ".join(
            ["prediction sets"] * bool(asked.coverage) + ["a threshold for alerts"] * bool(asked.alerts)
        )
        yield (
            f"For {what} exact histograms of the model's scores on validation rows by outcome are opened, which other studies do not open."
        )


def _of_class_weights(study: Study) -> Iterator[str]:
    weights = study.training.class_weights
    if weights:
        stated = weights if isinstance(weights, str) else ", ".join(f"{weight:g}" for weight in weights)
        yield (
            f"Training rows count by their outcome (class_weights: {stated}), a rare outcome for more: an update then says more about the few "
            "patients who have it. What the model calls a probability is no risk."
        )


def _of_defence(study: Study) -> Iterator[str]:
    defence = study.training.defence
    if defence is None:
        return
    if study.training.combines_blocks:
        n = len(who_stands.blocks_of(study).listed)
        yield (
            f"Each of the {n} blocks is added up by itself in every round ({defence.combine} of blocks): this hospital is hidden among its own "
            "block only, no longer among all hospitals."
        )
    if defence.vote:
        yield (
            "After each round hospitals try the next model on their validation rows: how many find it worse, by class of outcome, is opened "
            "exactly. Of this hospital alone nobody learns it; if all or none were against, it follows."
        )
