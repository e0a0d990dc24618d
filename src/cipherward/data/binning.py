"""Which bins and cells there are, from opened counts by a public rule: none is smaller than a floor that the study names, and
neither is what is left of a column beside one of its bins, because two bins are the fewest that a column has.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from cipherward.data.coding import Binned, Coding, Pair, n_values
from cipherward.errors import DataError
from cipherward.study import Column


def bins_of(column: Column, counts: NDArray[np.int64], most: int, floor: int) -> Binned | None:
    """A column's bins from how many rows have each of its fine values, as far as these counts, which may carry noise, say;
    None where one bin holds nearly all rows.

    A numeric column gets at most `most` bins of neighbouring values, about equally full; categories below the floor go
    together, and with the rarest other one where they are too few even so. Rows without a value are treated as a category.

    Args:
        counts: int64[n_values(column)].
    """
    present = counts[:-1]
    groups = (
        list(_runs(present, most, floor)) if column.kind == "numeric" else [[place] for place in range(len(present))]
    )
    return _grouped(column, [*groups, [len(present)]], counts, floor)


def merged(each: Binned, counts: NDArray[np.int64], floor: int) -> Binned | None:
    """The same bins, those below the floor put together with others as `bins_of` says.

    Args:
        counts: int64[each.size], exact.
    """
    values: list[list[int]] = [[] for _ in range(each.size)]
    for value, place in enumerate(each.places):
        values[place].append(value)
    if each.column.kind == "numeric":
        last = len(each.places) - 1
        line = [place for place in range(each.size) if values[place] != [last]]
        runs = _runs(counts[line], each.size, floor, even=False)
        groups = [[value for k in run for value in values[line[k]]] for run in runs]
        groups += [[last]] if len(line) < each.size else []
    else:
        groups = values
    of_value = np.zeros(len(each.places), dtype=np.int64)
    for place, own in enumerate(values):
        of_value[own[0]] = counts[place]
    return _grouped(each.column, groups, of_value, floor)


def _grouped(column: Column, groups: list[list[int]], counts: NDArray[np.int64], floor: int) -> Binned | None:
    """Groups of fine values as bins, those below the floor put together."""
    size = [sum(int(counts[value]) for value in group) for group in groups]
    kept = [k for k in range(len(groups)) if size[k] >= floor]
    small = [k for k in range(len(groups)) if k not in kept]
    if not kept:
        return None
    if column.kind == "numeric":  # few without a value, or all with one: they count as the fullest bin
        home = dict.fromkeys(small, max(kept, key=lambda k: size[k]))
    elif sum(size[k] for k in small) >= floor:
        home = dict.fromkeys(small, small[0])
    else:
        home = dict.fromkeys(small, min(kept, key=lambda k: size[k]))
    order = sorted({home.get(k, k) for k in range(len(groups))})
    places = [0] * len(counts)
    for k, group in enumerate(groups):
        for value in group:
            places[value] = order.index(home.get(k, k))
    return Binned(column, tuple(places)) if len(order) > 1 else None


def coding_of(
    columns: tuple[Column, ...],
    rows: NDArray[np.int64],
    values: NDArray[np.int64],
    most: int,
    floor_of: Callable[[int], int],
) -> Coding:
    """Bins of all columns from their opened counts, which may carry noise.

    Args:
        rows: int64[2], training rows, and those with the outcome; values: int64, by fine value, one column after the other.
        most: bins of a numeric column, at most. floor_of: rows of a bin, from the number of all.

    Raises:
        DataError: no column has two bins.
    """
    n_rows, n_positive = (max(int(value), 0) for value in rows)
    floor, start, found = floor_of(n_rows), 0, []
    for column in columns:
        counts = np.asarray(values[start : start + n_values(column)], dtype=np.int64)
        start += len(counts)
        found.append(bins_of(column, counts, most, floor))
    return _of_some(columns, found, n_rows, n_positive, floor)


def with_floor(before: Coding, rows: NDArray[np.int64], floor: int) -> tuple[Coding, NDArray[np.int64]]:
    """The same coding with bins below the floor put together, and how many rows each bin then has.

    Args:
        rows: int64[n_bins], exact.

    Raises:
        DataError: no column has two bins left.
    """
    found = [
        merged(each, rows[start : start + size], floor)
        for each, (start, size) in zip(before.binned, before.terms, strict=False)
    ]
    n_rows = int(rows[: before.sizes[0]].sum())
    after = _of_some(before.columns, found, n_rows, before.n_positive, floor)
    counts, old = np.zeros(after.n_bins, dtype=np.int64), {each.column.name: k for k, each in enumerate(before.binned)}
    for each, start in zip(after.binned, after.starts, strict=True):
        at = old[each.column.name]
        for place in range(before.sizes[at]):
            value = before.binned[at].places.index(place)
            counts[start + each.places[value]] += rows[before.starts[at] + place]
    return after, counts


def _of_some(
    columns: tuple[Column, ...], found: Sequence[Binned | None], n_rows: int, n_positive: int, floor: int
) -> Coding:
    binned = tuple(each for each in found if each)
    if not binned:
        raise DataError(
            f"no column has two bins of {floor} training rows of all hospitals together",
            hint="declare narrower ranges, lower settings.bin_rows, or start a study with more rows",
        )
    return Coding(columns, binned, (), n_rows, n_positive)


def widened(each: Binned, counts: NDArray[np.int64], most: int, floor: int) -> Binned:
    """The same bins with wider ones over them of at least `floor` rows, or one over all: of a numeric column at most `most`.

    Args:
        counts: int64[each.size], exact.
    """
    if each.column.kind == "numeric":
        missing = each.places[-1]
        alone = each.places.count(missing) == 1  # a bin of its own for rows without a value
        line = [place for place in range(each.size) if not (alone and place == missing)]
        groups = [[line[k] for k in run] for run in _runs(counts[line], most - alone, floor)]
        groups += [[missing]] if alone else []
    else:
        kept = [[place] for place in range(each.size) if counts[place] >= floor]
        groups = [*kept, [place for place in range(each.size) if counts[place] < floor]]
    groups.sort(key=lambda group: -int(counts[group].sum()))
    enough = [group for group in groups if counts[group].sum() >= floor] or groups[:1]
    of_place = {place: at for at, group in enumerate(sorted(enough)) for place in group}
    # Few values of a category go with the rarest that is left, few without a value with the fullest bin.
    home = of_place[enough[0 if each.column.kind == "numeric" else -1][0]]
    return Binned(each.column, each.places, tuple(of_place.get(place, home) for place in range(each.size)))


def cells_of(first: int, second: int, counts: NDArray[np.int64], floor: int) -> Pair | None:
    """Two columns' cells: every two wide bins that hold at least `floor` rows together are one, all others one together,
    which the smallest cell takes in where they are fewer. None: there would be one cell.

    Args:
        counts: int64[wide bins of the first, wide bins of the second].
    """
    flat = counts.reshape(-1).tolist()
    kept = [cell for cell in range(len(flat)) if flat[cell] >= floor]
    rest = [cell for cell in range(len(flat)) if flat[cell] < floor]
    if not kept:
        return None
    places = {cell: at for at, cell in enumerate(kept)}
    few = sum(flat[cell] for cell in rest) < floor
    places |= dict.fromkeys(rest, places[min(kept, key=lambda cell: flat[cell])] if few else len(kept))
    if max(places.values()) == 0:
        return None
    return Pair(first, second, tuple(places[cell] for cell in range(len(flat))))


def rearranged(joint: NDArray[np.float64], before: Coding, after: Coding) -> NDArray[np.float64]:
    """Counts of rows in every two bins, float64[p, p], for bins that are some of those before, whole or put together."""
    goes_to = np.full(before.n_features, -1)
    start_of = {each.column.name: (each, start) for each, start in zip(before.binned, before.starts, strict=True)}
    for each, start in zip(after.binned, after.starts, strict=True):
        old, first = start_of[each.column.name]
        for value, place in enumerate(old.places):
            goes_to[first + place] = start + each.places[value]
    return _put_together(joint, goes_to)


def wide_counts(coding: Coding, joint: NDArray[np.float64]) -> Callable[[int, int], NDArray[np.int64]]:
    """For two columns the rows in every two wide bins of theirs, int64[wide bins of the first, of the second]."""
    sizes = [each.coarse_size for each in coding.binned]
    starts = (0, *itertools.accumulate(sizes))
    goes_to = np.concatenate(
        [np.array(each.coarse) + start for each, start in zip(coding.binned, starts, strict=False)]
    )
    wide = _put_together(joint, goes_to).astype(np.int64)
    return lambda first, second: wide[starts[first] : starts[first + 1], starts[second] : starts[second + 1]]


def _put_together(joint: NDArray[np.float64], goes_to: NDArray[np.int64]) -> NDArray[np.float64]:
    """Counts in every two bins, float64[p, p], added up over the bins that go to one place; those below 0 are left out."""
    order = np.argsort(goes_to, kind="stable")[(goes_to < 0).sum() :]
    firsts = np.flatnonzero(np.diff(goes_to[order], prepend=-1))
    if len(firsts) == len(joint):
        return joint[np.ix_(order, order)]
    # Whole numbers below 2^53: exact in any order.
    rows = np.add.reduceat(joint[order], firsts, axis=0)
    return np.asarray(np.add.reduceat(rows[:, order], firsts, axis=1))


def _runs(counts: NDArray[np.int64], most: int, floor: int, *, even: bool = True) -> Iterator[list[int]]:
    """Neighbouring places in runs, each at least the floor, and with `even` about equally full; one run where they are too few
    for two."""
    left = int(counts.sum())
    target = max(floor, -(-left // max(most, 1))) if even else floor
    run: list[int] = []
    inside = 0
    for place, count in enumerate(counts.tolist()):
        run.append(place)
        inside += count
        if inside >= target and left - inside >= floor:
            yield run
            left -= inside
            run, inside = [], 0
    if run:
        yield run
