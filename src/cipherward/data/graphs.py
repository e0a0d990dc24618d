"""Preprocessing as part of a graph (`cipherward.graph`): a table's columns in, a model's inputs out.

What a table's cells are read as follows `data.values` as far as a graph can say it. A row that `predict` would refuse (an infinite number, a
category that was not declared where there is no "other") is marked and gets no prediction. Texts are compared as they are, with the
spellings of `spellings`: no Unicode forms, no spaces around.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import arrays
from cipherward.data.coding import FINE, Binned, Coding, fine_values
from cipherward.data.cuts import CLIP_STDDEV
from cipherward.data.forest import Forest, width_of
from cipherward.data.inputs import Inputs
from cipherward.data.preprocess import Preprocessor
from cipherward.data.schema import declared_range
from cipherward.data.values import MISSING, OTHER, of_column
from cipherward.errors import DataError
from cipherward.graph import ML, Graph
from cipherward.study import Column

_LEAST = np.int64(-(2**63))


def add(graph: Graph, inputs: Inputs) -> str:
    """Append the columns and their preprocessing. Inputs that are scaled: float32[rows, n_features]; bins: their places,
    int64[rows, n_terms]; trees: the places of leaves, int64[rows, n_trees].

    Raises:
        DataError: inputs that no graph can say.
    """
    if isinstance(inputs, Preprocessor):
        return _scaled(graph, inputs)
    if isinstance(inputs, Coding):
        return graph.joined(_terms(graph, inputs))
    if isinstance(inputs, Forest):
        return _leaves(graph, inputs)
    raise DataError(
        f"inputs of the form {type(inputs).__name__} cannot be exported",
        hint="predict with cipherward itself: cipherward predict",
    )


def words(column: Column) -> str:
    """What an input expects, for people."""
    if column.kind != "categorical":
        low, high = declared_range(column)
        shape = f"{column.kind}, {' x '.join(map(str, column.shape))} numbers, " if column.is_array else "number, "
        unit = f" {column.unit_words}" if column.unit_words else ""
        found = f"{shape}{low:g} to {high:g}{unit}; values outside are cut to this range"
        found += "; NaN: the row gets no prediction" if column.kind == "image" else "; NaN: no value"
    else:
        found = f"text, one of: {', '.join(column.categories)}; empty: no value"
        if OTHER in column.categories:
            found += f"; any other text counts as {OTHER!r}"
        else:
            found += "; any other text: the row gets no prediction (NaN)"
    codes = f"; read as no value: {', '.join(column.missing)}" if column.missing else ""
    return found + codes + (f". {column.description}" if column.description else "")


def spellings(column: Column) -> dict[str, int]:
    """Each text that a graph knows of a categorical column, and the place of its category; len(categories): no value,
    one more: refused. Every text is read by the rules for tables; those that are read like any unknown one are left away."""
    labels, size = of_column(column), len(column.categories)
    texts: dict[str, None] = {}
    for text in (*column.categories, *column.missing, *sorted(MISSING)):
        forms = (text, text.strip(), text.lower(), text.upper(), text.capitalize())
        texts |= dict.fromkeys([*forms, f"{text}.0", f"+{text}"])
    found = {}
    for text in texts:
        reading = labels.read(text)
        if reading.trouble:
            place = size + 1
        else:
            place = size if reading.value is None else column.categories.index(reading.value)
        if place != unknown(column):
            found[text] = place
    return found


def unknown(column: Column) -> int:
    """The place of a text that is none of `spellings`."""
    return column.categories.index(OTHER) if OTHER in column.categories else len(column.categories) + 1


def cuts(column: Column) -> NDArray[np.float64]:
    """The smallest value of a numeric column in each fine part but the first, float64[FINE - 1], in its own unit, to the last bit."""
    low, high = (np.full(FINE - 1, end) for end in declared_range(column))
    parts = np.arange(1, FINE)
    below, above = _ordered(low), _ordered(high)
    while (below + 1 < above).any():
        middle = (below & above) + ((below ^ above) >> 1)  # their mean, without an overflow
        reached = fine_values(pl.Series(_number(middle)), column) >= parts
        below, above = np.where(reached, below, middle), np.where(reached, middle, above)
    return _number(above)


def _ordered(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole numbers in the order of the values, neighbours for neighbours."""
    bits = (values + 0.0).view(np.int64)
    return np.where(bits < 0, _LEAST - bits, bits)


def _number(ordered: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(ordered < 0, _LEAST - ordered, ordered).view(np.float64)


def _numbers(graph: Graph, column: Column) -> str:
    """A numeric column, float64[rows, 1], NaN = no value."""
    raw = graph.input(column.name, graph.number, words(column))
    value = raw if graph.number == "float64" else graph.cast(raw, "float64")
    graph.refused.append(graph.add("IsInf", value if graph.number == "float64" else raw))
    nothing = graph.constant([np.nan], "float64")
    for code in column.missing:
        coded = graph.add("Equal", raw, graph.constant([float(code)], graph.number))
        value = graph.add("Where", coded, nothing, value)
    return value


def _places(graph: Graph, column: Column) -> str:
    """A categorical column: places of categories, len(categories) = no value or refused, int64[rows, 1]."""
    known, size = spellings(column), len(column.categories)
    raw = graph.input(column.name, "string", words(column))
    place = graph.add(
        "LabelEncoder",
        raw,
        domain=ML,
        keys_strings=list(known),
        values_int64s=list(known.values()),
        default_int64=unknown(column),
    )
    top = graph.constant([size], "int64")
    graph.refused.append(graph.add("Greater", place, top))
    return graph.add("Min", place, top)


def _scaled(graph: Graph, inputs: Preprocessor) -> str:
    numeric = [column for column in inputs.columns if column.kind == "numeric"]
    constants = _ranged(inputs)
    parts: list[str] = []
    order: dict[str, list[int]] = {}
    start = 0
    if numeric:
        numbers = graph.joined([_numbers(graph, column) for column in numeric])
        parts += _standardised(graph, numbers, numeric, constants)
        order = {column.name: [at, len(numeric) + at] for at, column in enumerate(numeric)}
        start = 2 * len(numeric)
    for column in inputs.columns:
        if column.is_array:
            parts += _array(graph, column, constants)
            order[column.name] = list(range(start, start + arrays.width(column)))
            start += arrays.width(column)
    raw = {column.name: _places(graph, column) for column in inputs.columns if column.kind == "categorical"}
    for column in inputs.columns:
        if column.kind == "categorical":
            width = len(column.categories) + 1
            hot = np.zeros((width, width), np.float32)
            series = pl.Series([*column.categories, None], dtype=pl.String)
            for row, place in enumerate(inputs.places(series, column).tolist()):
                hot[row, place] = 1.0
            each = graph.looked_up(hot, raw[column.name])
            parts.append(graph.add("Reshape", each, graph.constant([-1, width], "int64")))
            order[column.name] = list(range(start, start + width))
            start += width
    places = [place for column in inputs.columns for place in order[column.name]]
    found = graph.joined(parts)
    if places != list(range(start)):
        found = graph.add("Gather", found, graph.constant(places, "int64"), axis=1)
    found = _filled(graph, inputs, found)
    if inputs.off_places:
        kept = np.ones((1, inputs.n_features), np.float32)
        kept[0, inputs.off_places] = 0.0
        found = graph.add("Mul", found, graph.constant(kept))
    return found


def _filled(graph: Graph, inputs: Preprocessor, features: str) -> str:
    """With predictions in place of missing numbers, which count as 0 before."""
    regressions, values = [each for each in inputs.imputed if each.weights], inputs.value_places
    if not regressions:
        return features
    at = [values[each.column].start for each in regressions]
    weights, spread = np.zeros((inputs.n_features, len(at))), np.zeros((len(at), inputs.n_features))
    weights[[place for each in values.values() for place in each]] = np.array([e.weights[:-1] for e in regressions]).T
    spread[np.arange(len(at)), at] = 1.0
    wide = graph.cast(features, "float64")
    products = graph.add("MatMul", wide, graph.constant(weights))
    predicted = graph.add("Add", products, graph.constant([each.weights[-1] for each in regressions], "float64"))
    low, high = zip(*(inputs.ends[each.column] for each in regressions), strict=True)
    predicted = graph.add("Max", predicted, graph.constant([low], "float64"))
    predicted = graph.add("Min", predicted, graph.constant([high], "float64"))
    is_missing = graph.add("Gather", wide, graph.constant([place + 1 for place in at], "int64"), axis=1)
    there = graph.add("MatMul", graph.add("Mul", is_missing, predicted), graph.constant(spread))
    return graph.cast(graph.add("Add", wide, there), "float32")


def _ranged(inputs: Preprocessor) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of each column that is not categorical."""
    names = [column.name for column in inputs.columns if column.kind != "categorical"]
    return dict(zip(names, zip(inputs.mean, inputs.stddev, strict=True), strict=True))


def _standardised(
    graph: Graph, value: str, columns: Sequence[Column], constants: Mapping[str, tuple[float, float]]
) -> tuple[str, str]:
    """Numbers of these columns, float64[rows, n], or of one column any number of them, standardised; and whether there is no value:
    both float32."""
    low, high = (np.array([ends]) for ends in zip(*map(declared_range, columns), strict=True))
    mean, stddev = (np.array([each]) for each in zip(*(constants[column.name] for column in columns), strict=True))
    missing = graph.add("IsNaN", value)
    value = graph.add("Where", missing, graph.constant(low), value)
    value = graph.add("Min", graph.add("Max", value, graph.constant(low)), graph.constant(high))
    is_log = np.array([[column.transform == "log1p" for column in columns]])
    if is_log.any():
        logarithm = graph.add("Log", graph.add("Add", value, graph.constant([1.0], "float64")))
        value = graph.add("Where", graph.constant(is_log), logarithm, value)
        low, high = (np.where(is_log, np.log1p(np.where(is_log, end, 0.0)), end) for end in (low, high))
    value = graph.add("Div", graph.add("Sub", value, graph.constant(low)), graph.constant(high - low))
    value = graph.add("Div", graph.add("Sub", value, graph.constant(mean)), graph.constant(stddev))
    value = graph.add("Max", value, graph.constant([-CLIP_STDDEV], "float64"))
    value = graph.add("Min", value, graph.constant([CLIP_STDDEV], "float64"))
    value = graph.add("Where", missing, graph.constant([0.0], "float64"), value)
    return graph.cast(value, "float32"), graph.cast(missing, "float32")


def _array(graph: Graph, column: Column, constants: Mapping[str, tuple[float, float]]) -> list[str]:
    """What an image or series gives: float32[rows, size], and of a series whether each number is missing."""
    raw = graph.input(column.name, "float32", words(column), column.size)
    wrong = graph.add("IsInf", raw)
    if column.kind == "image":
        wrong = graph.add("Or", wrong, graph.add("IsNaN", raw))
    most = graph.add("ReduceMax", graph.cast(wrong, "float32"), axes=[1], keepdims=1)
    graph.refused.append(graph.cast(most, "bool"))
    value = graph.cast(raw, "float64")
    for code in column.missing:
        coded = graph.add("Equal", raw, graph.constant([float(code)], "float32"))
        value = graph.add("Where", coded, graph.constant([np.nan], "float64"), value)
    found = _standardised(graph, value, [column], constants)
    return [*found] if column.kind == "series" else [found[0]]


def _bins(graph: Graph, each: Binned) -> str:
    """The bin of a column, counted from 0, int64[rows, 1]."""
    if each.column.kind == "categorical":
        return graph.looked_up(each.places, _places(graph, each.column), "int64")
    value = _numbers(graph, each.column)
    changes = [part for part in range(1, FINE) if each.places[part] != each.places[part - 1]]
    of_run = [each.places[0], *(each.places[part] for part in changes), each.places[-1]]
    edges = cuts(each.column)[[part - 1 for part in changes]]
    reached = graph.cast(graph.add("GreaterOrEqual", value, graph.constant([edges], "float64")), "int64")
    run = graph.add("ReduceSum", reached, graph.constant([1], "int64"), keepdims=1)
    no_value = graph.constant([len(of_run) - 1], "int64")
    return graph.looked_up(of_run, graph.add("Where", graph.add("IsNaN", value), no_value, run), "int64")


def _columns(graph: Graph, coding: Coding) -> list[str]:
    """The bins of all binned columns; the columns that have one bin are read, so that a table is the same for every model."""
    of_name = {each.column.name: each for each in coding.binned}
    found = {}
    for column in coding.columns:
        if column.name in of_name:
            found[column.name] = _bins(graph, of_name[column.name])
        else:
            (_numbers if column.kind == "numeric" else _places)(graph, column)
    return [found[each.column.name] for each in coding.binned]


def _terms(graph: Graph, coding: Coding) -> list[str]:
    bins = _columns(graph, coding)
    of_pairs = {place for pair in coding.pairs for place in (pair.first, pair.second)}
    wide = {place: graph.looked_up(coding.binned[place].coarse, bins[place], "int64") for place in sorted(of_pairs)}
    found = [
        graph.add("Add", own, graph.constant([start], "int64")) for own, start in zip(bins, coding.starts, strict=False)
    ]
    for pair, start in zip(coding.pairs, coding.starts[len(bins) :], strict=True):
        size = coding.binned[pair.second].coarse_size
        row = graph.add("Mul", wide[pair.first], graph.constant([size], "int64"))
        both = graph.add("Add", row, wide[pair.second])
        found.append(graph.looked_up(np.array(pair.cells) + start, both, "int64"))
    return found


def _leaves(graph: Graph, forest: Forest) -> str:
    """Every row goes down all trees at once, one level after the other; a leaf is its own child."""
    bins, width = graph.joined(_columns(graph, forest.coding)), width_of(forest.coding)
    inner = forest.feature >= 0
    itself = np.arange(len(forest.feature))
    tables = [
        np.where(inner, forest.feature, 0),
        np.where(inner, forest.left, itself),
        np.where(inner, forest.right, itself),
    ]
    feature, left, right = (graph.constant(table, "int64") for table in tables)
    goes_left, stride = graph.constant(forest.goes_left.reshape(-1)), graph.constant([width], "int64")
    first = graph.add("Gather", bins, graph.constant([0], "int64"), axis=1)
    node = graph.add(
        "Add", graph.add("Mul", first, graph.constant([0], "int64")), graph.constant([forest.roots], "int64")
    )
    for _ in range(_depth(forest)):
        own = graph.add("GatherElements", bins, graph.add("Gather", feature, node, axis=0), axis=1)
        place = graph.add("Add", graph.add("Mul", node, stride), own)
        is_left = graph.add("Gather", goes_left, place, axis=0)
        node = graph.add(
            "Where", is_left, graph.add("Gather", left, node, axis=0), graph.add("Gather", right, node, axis=0)
        )
    return graph.looked_up(forest.leaf, node, "int64")


def _depth(forest: Forest) -> int:
    """Steps from a root to the leaf that is farthest."""
    depth = np.zeros(len(forest.feature), np.int64)
    for node in np.flatnonzero(forest.feature >= 0).tolist():  # parents come first
        depth[[forest.left[node], forest.right[node]]] = depth[node] + 1
    return int(depth.max(initial=0))
