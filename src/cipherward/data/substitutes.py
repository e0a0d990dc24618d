"""What a model takes in place of a category or of no value, in words: what few rows have counts as something else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cipherward.data.coding import Binned
from cipherward.data.forest import Forest
from cipherward.data.inputs import Inputs
from cipherward.data.preprocess import Preprocessor
from cipherward.data.rare_categories import counts_as

_NAMED = 4

Substitutes = Mapping[str, Mapping[str | None, str]]
"""By column: a clause for each category (None: no value) that does not count as itself alone."""


def of(inputs: Inputs) -> Substitutes:
    """Of all columns that have any."""
    if isinstance(inputs, Preprocessor):
        return _scaled(inputs)
    coding = inputs.coding if isinstance(inputs, Forest) else inputs
    return {each.column.name: dict(_shared(each)) for each in coding.binned}


def unused(inputs: Inputs) -> tuple[str, ...]:
    """Columns that the model does not look at, as nearly all training rows had the same of them."""
    if isinstance(inputs, Preprocessor):
        return ()
    coding = inputs.coding if isinstance(inputs, Forest) else inputs
    binned = {each.column.name for each in coding.binned}
    return tuple(column.name for column in coding.columns if column.name not in binned)


def _scaled(inputs: Preprocessor) -> Substitutes:
    filled = {each.column for each in inputs.imputed if each.weights}
    merged = dict(inputs.merged)
    found: dict[str, dict[str | None, str]] = {}
    for column in inputs.columns:
        own = found[column.name] = {
            category: f"had few patients, {counts_as(into)}" for category, into in merged.get(column.name, ())
        }
        if column.name in filled:
            own[None] = "predicted from the other columns"
        elif (into := inputs.missing_as(column)) is not None:
            own[None] = counts_as(into)
    return found


def _shared(each: Binned) -> Iterator[tuple[str | None, str]]:
    """Which of them had few patients is not known of a bin: only that it holds enough."""
    missing = len(each.places) - 1
    if each.column.kind == "numeric":
        if each.places.count(each.places[missing]) > 1:
            yield None, f"counts as {each.names[each.places[missing]].removesuffix(', no value')}"
        return
    for value, place in enumerate(each.places):
        others = [other for other, own in enumerate(each.places) if own == place and other != value]
        if others:
            category = None if value == missing else each.column.categories[value]
            yield category, f"counts as one with {_listed([_name(each, other) for other in others])}"


def _name(each: Binned, value: int) -> str:
    return "no value" if value == len(each.places) - 1 else repr(each.column.categories[value])


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
