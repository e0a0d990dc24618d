"""Whatever is counted, no cell that is opened has fewer rows that leave, and none that is shown fewer events, than the study says."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cipherward.learning.survival import AtRisk
from cipherward.tasks import survival_grid

COUNTS = st.lists(st.integers(0, 25), min_size=1, max_size=60)


def at_risk(counts: list[int], least: int, more: int) -> AtRisk:
    """Cells by the first rule, and as many rows as leave, and more."""
    ends = survival_grid.leaving(np.array(counts), least)
    starts = [0, *ends][:-1]
    leaving = np.array([sum(counts[a:b]) for a, b in zip(starts, ends, strict=True)], dtype=np.int64)
    grid = np.array(ends, dtype=np.float64)
    risk = AtRisk(grid, leaving, np.full(len(ends), 0.5), sum(counts) + more)
    return survival_grid.watched(risk, least)


@given(COUNTS, st.integers(1, 20))
def test_enough_rows_leave_in_every_cell_and_none_is_lost_but_at_the_end(counts: list[int], least: int) -> None:
    ends = survival_grid.leaving(np.array(counts), least)
    starts = [0, *ends][:-1]
    sizes = [sum(counts[a:b]) for a, b in zip(starts, ends, strict=True)]
    assert all(size >= max(1, least // 3) for size in sizes)
    assert sum(counts) - sum(sizes) < max(1, least // 3)
    assert all(size - counts[b - 1] < max(1, least // 3) for size, b in zip(sizes, ends, strict=True))


@given(COUNTS, st.integers(1, 20), st.integers(0, 400))
def test_noise_makes_cells_wider_never_narrower(counts: list[int], least: int, stddev: int) -> None:
    plain = survival_grid.leaving(np.array(counts), least)
    noisy = survival_grid.leaving(np.array(counts), least, stddev / 10.0)
    assert len(noisy) <= len(plain)
    assert all(a <= b for a, b in zip(plain, noisy, strict=False))


@given(COUNTS, st.integers(1, 20), st.integers(0, 100), st.floats(0.0, 1.0), st.integers(0, 2**32))
@settings(max_examples=60)
def test_events_are_counted_in_cells_that_enough_rows_leave_while_enough_are_at_risk(
    counts: list[int], least: int, more: int, share: float, seed: int
) -> None:
    risk = at_risk(counts, least, more)
    rng = np.random.default_rng(seed)
    events = rng.binomial(risk.leaving, share)

    def of(ends: list[int]) -> list[int]:
        return [int(events[a:b].sum()) for a, b in zip([0, *ends][:-1], ends, strict=True)]

    coarse = survival_grid.coarse(risk, float(events.sum()), least)
    fine = survival_grid.fine(risk, coarse, of(coarse), least)
    assert set(coarse) <= set(fine)
    for ends in (coarse, fine):
        assert ends == sorted(set(ends))
        assert not ends or ends[-1] == len(risk.ends)
        assert all(int(risk.leaving[a:b].sum()) >= least for a, b in zip([0, *ends][:-1], ends, strict=True))
        assert all(risk.after[end - 1] >= 2 * least for end in ends)
    shown, numbers = survival_grid.released(fine, of(fine), least)
    assert numbers == of(shown)
    assert all(number >= least for number in numbers)
    assert set(shown) <= set(fine)
    assert bool(shown) == (int(events.sum()) >= least and bool(fine))
