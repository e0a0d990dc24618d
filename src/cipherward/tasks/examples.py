"""Test rows of one hospital as pictures, and beside each which of its numbers the model's output moves with (`learning.saliency`).

They are patients' pictures: they are made where that hospital's own settings ask for them, for its own report, and never leave.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data import arrays, png
from cipherward.learning.linear import Linear
from cipherward.learning.model_kind import Module
from cipherward.learning.outcome import Outcome
from cipherward.study import Column, Study
from cipherward.tasks.hospital_work import HospitalWork
from cipherward.tasks.rows import TEST, rows_at
from cipherward.tasks.task import Model

_SIDE = 168  # pixels that a small picture is enlarged to, at least
_MOST = 256  # pixels of a large picture; more are left out evenly
_BAND, _GAP, _WIDE = 14, 2, 480  # of a series: height of its band, space below, width of the picture
_TOP = 99.0  # percentile of a map that is drawn as full red
_SEED = 0x73616C
Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]


def examples(
    study: Study, module: Module, model: Model, at: HospitalWork, outcome: Outcome, most: int
) -> list[dict[str, Any]]:
    """At most so many of the hospital's test rows, as JSON values; [] where the inputs are no image or series.

    Of each outcome in turn the row that the model tells best and the one that it tells worst, by loss, then the next ones. `picture` and
    `map` are PNG in base64.

    Args:
        module: from `models.build`; scratch.
    """
    from cipherward.learning import network_sgd, saliency

    columns = study.columns
    if not most or not columns[0].is_array or not study.input_shape or isinstance(module, Linear):
        return []
    features, labels = rows_at(at, model.scaling, TEST)
    if not len(labels):
        return []
    outputs = network_sgd.outputs(module, model.weights, features)
    losses = outcome.losses(outputs, labels)
    chosen = [*_chosen(losses, labels if outcome.classes else np.zeros(len(labels)), most)]
    rows = np.array([row for row, _ in chosen])
    scores = outcome.scores(outputs[rows])
    several = outputs.ndim == 2 and not outcome.outputs.is_shared
    places = outputs[rows].argmax(axis=1) if several else np.zeros(len(rows), dtype=np.int64)
    moved = np.concatenate([_is_value(column) for column in columns])
    maps = saliency.gradients(module, model.weights, features[rows], places, moved=moved, seed=_SEED)
    cells = [
        arrays.scaled(at.data.table[column.name].filter(at.data.split == TEST)[rows.tolist()], column)
        for column in columns
    ]
    found = []
    for k, (row, told) in enumerate(chosen):
        drawn = _drawn(columns, [each[k] for each in cells], _parts(columns, maps[k]))
        predicted = dict(zip(outcome.columns(), outcome.cells(scores[k : k + 1])[0], strict=True))
        found.append({"told": told, "observed": _observed(outcome, labels[row]), "predicted": predicted} | drawn)
    return found


def _chosen(losses: Floats, groups: NDArray[Any], most: int) -> Iterator[tuple[int, str]]:
    """Rows with how the model tells them: of each group the best, then the worst, then the second best, ..."""
    lines = []
    for group in np.unique(groups):
        order = np.flatnonzero(groups == group)
        order = order[np.argsort(losses[order], kind="stable")]
        half = (len(order) + 1) // 2
        pairs = zip_longest(order[:half], order[: half - 1 : -1])
        lines.append(
            [
                (int(row), told)
                for pair in pairs
                for row, told in zip(pair, ("best", "worst"), strict=True)
                if row is not None
            ]
        )
    taken = [each for turn in zip_longest(*lines) for each in turn if each is not None]
    yield from taken[:most]


def _is_value(column: Column) -> NDArray[np.bool_]:
    """Of a column's inputs: which are its numbers, not whether they are missing."""
    return np.arange(arrays.width(column)) < column.size


def _parts(columns: Sequence[Column], found: Floats) -> list[Floats]:
    """A map by column, float64[size] each: of a series the larger of what its value and its being missing move."""
    ends = np.cumsum([arrays.width(column) for column in columns])[:-1]
    return [
        part.reshape(-1, column.size).max(axis=0) for column, part in zip(columns, np.split(found, ends), strict=True)
    ]


def _drawn(columns: Sequence[Column], values: Sequence[Floats], maps: Sequence[Floats]) -> dict[str, Any]:
    strength = np.concatenate(maps)
    full = float(np.percentile(strength, _TOP)) or float(strength.max()) or 1.0
    if columns[0].kind == "image":
        picture, red = _of_image(columns[0], values[0], maps[0] / full)
        said = ""
    else:
        picture, red = _of_series(values, [each / full for each in maps])
        place = int(strength.argmax())
        size = columns[0].size
        said = f"{columns[place // size].name}, value {place % size + 1} of {size}"
    text = [base64.b64encode(png.encoded(each)).decode() for each in (picture, red)]
    return {
        "picture": text[0],
        "map": text[1],
        "width": picture.shape[1],
        "height": picture.shape[0],
        "strongest": said,
    }


def _of_image(column: Column, values: Floats, strength: Floats) -> tuple[Pixels, Pixels]:
    shown = values.reshape(column.shape)
    colours = np.repeat(shown, 3, axis=0) if len(shown) == 1 else shown
    by_place = np.minimum(strength.reshape(column.shape).sum(axis=0) / len(shown) ** 0.5, 1.0)
    times = max(1, -(-_SIDE // max(column.shape[1:])))
    thin = -(-max(column.shape[1:]) // _MOST)
    shown, colours, by_place = shown[:, ::thin, ::thin], colours[:, ::thin, ::thin], by_place[::thin, ::thin]
    return _enlarged(colours.transpose(1, 2, 0), times, times), _enlarged(
        _red(shown.mean(axis=0), by_place), times, times
    )


def _of_series(values: Sequence[Floats], strength: Sequence[Floats]) -> tuple[Pixels, Pixels]:
    """One band for each series, from left to right; where nothing was measured it is blue."""
    times = max(1, -(-_WIDE // len(values[0])))
    pictures, maps = [], []
    for series, own in zip(values, strength, strict=True):
        missing = np.isnan(series)
        low, high = (np.nanmin(series), np.nanmax(series)) if not missing.all() else (0.0, 1.0)
        grey = np.nan_to_num((series - low) / (high - low or 1.0))
        colours = np.repeat(grey[:, None], 3, axis=1)
        colours[missing] = (0.35, 0.5, 0.9)
        space = np.ones((_GAP, len(series) * times, 3), np.uint8) * 255
        pictures += [_enlarged(colours[None], _BAND, times), space]
        maps += [_enlarged(_red(np.zeros((1, len(series))), np.minimum(own, 1.0)[None]), _BAND, times), space]
    return np.concatenate(pictures), np.concatenate(maps)


def _red(grey: Floats, strength: Floats) -> Floats:
    """float64[height, width, 3]: the picture darkened, and red where the map is strong."""
    dark = 0.5 * grey * (1.0 - strength)
    return np.stack([dark + strength, dark, dark], axis=2)


def _enlarged(colours: Floats, down: int, across: int) -> Pixels:
    whole = np.rint(np.clip(colours, 0.0, 1.0) * 255.0).astype(np.uint8)
    return np.repeat(np.repeat(whole, down, axis=0), across, axis=1)


def _observed(outcome: Outcome, label: Any) -> str:
    data = outcome.data
    if outcome.form == "sides":
        return f"{data.outcome} is {data.positive}" if label else f"{data.outcome} is not {data.positive}"
    return f"{data.outcome}: {data.classes[int(label)] if data.classes else f'{float(label):g}'}"
