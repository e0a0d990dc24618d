"""Two case mixes of one hospital, for the shift run: which patients it sees before, and which after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import preprocess
from cipherward.data.preprocess import Preprocessor
from cipherward.data.sources import HospitalData
from cipherward.errors import DataError
from cipherward.study import Column, Study
from cipherward.tasks.rows import TEST, TRAIN

MOSTLY = 0.9
"""Share of the low half of a hospital's patients that it sees before; of the high half it sees 1 - MOSTLY."""


@dataclass(frozen=True)
class CaseMix:
    """One hospital's rows, cut in two. Every row is in exactly one part, and keeps its split."""

    before: HospitalData
    after: HospitalData


@dataclass(frozen=True)
class Score:
    """A direction in the model's inputs: `loadings` float64[n_features], the first principal component of them."""

    preprocessor: Preprocessor
    loadings: NDArray[np.float64]

    def of(self, hospital: HospitalData) -> NDArray[np.float64]:
        """float64[n_rows]."""
        return self.preprocessor.transform(hospital.table).astype(np.float64) @ self.loadings

    def leading(self, count: int = 3) -> list[str]:
        """The inputs that weigh most, with the direction in which they count."""
        order = np.argsort(-np.abs(self.loadings), kind="stable")[:count]
        names = self.preprocessor.feature_names
        return [f"{'more' if self.loadings[k] > 0 else 'less'} {names[k]}" for k in order]


def score_of(columns: Sequence[Column], hospitals: Sequence[HospitalData]) -> Score:
    """The first principal component over all hospitals' training rows: a simulation's privilege.

    The largest loading counts as positive, so that the direction does not depend on the solver.
    """
    parts = [preprocess.local_statistics(h.table, h.outcome, h.split, columns) for h in hospitals]
    totals = {name: np.sum([part[name] for part in parts], axis=0) for name in parts[0]}
    preprocessor = preprocess.fit(columns, totals)
    rows = np.concatenate(
        [preprocessor.transform(h.table.filter(pl.Series(h.split == TRAIN))).astype(np.float64) for h in hospitals]
    )
    _, vectors = np.linalg.eigh(np.cov(rows, rowvar=False))
    first = vectors[:, -1]
    return Score(preprocessor, first * np.sign(first[np.argmax(np.abs(first))]))


def cut(hospital: HospitalData, score: Score, seed: Sequence[int]) -> CaseMix:
    """Both case mixes of a hospital; halves by the median of the score over its rows (ties in row order)."""
    order = np.argsort(score.of(hospital), kind="stable")
    high = np.zeros(len(order), dtype=np.bool_)
    high[order[len(order) // 2 :]] = True
    usual = np.random.default_rng(list(seed)).random(len(order)) < MOSTLY
    later = high == usual
    return CaseMix(_where(hospital, ~later), _where(hospital, later))


def choose(study: Study, hospitals: Sequence[HospitalData], score: Score, count: int = 2) -> dict[int, CaseMix]:
    """The `count` hospitals with the most test rows, by roster index (ties: roster order), with their case mixes.

    Raises:
        DataError: fewer than `count` have both outcomes to train and to test on in both case mixes.
    """
    largest = sorted(range(1, len(hospitals) + 1), key=lambda i: (-int((hospitals[i - 1].split == TEST).sum()), i))
    found: dict[int, CaseMix] = {}
    for index in largest:
        mixes = cut(hospitals[index - 1], score, (study.seed, index))
        if all(_has_both(mix, split) for mix in (mixes.before, mixes.after) for split in (TRAIN, TEST)):
            found[index] = mixes
        if len(found) == count:
            return dict(sorted(found.items()))
    raise DataError(
        f"a shift needs {count} hospitals with both outcomes among the training and test rows of both case mixes; "
        f"{len(found)} of {len(hospitals)} have them",
        hint="take hospitals with more rows, or a larger data.test_fraction",
    )


def _has_both(mix: HospitalData, split: int) -> bool:
    outcome = mix.outcome[mix.split == split]
    return 0 < int(outcome.sum()) < len(outcome)


def _where(hospital: HospitalData, rows: NDArray[np.bool_]) -> HospitalData:
    best = None if hospital.best_score is None else hospital.best_score[rows]
    table = hospital.table.filter(pl.Series(rows))
    return HospitalData(hospital.name, table, hospital.outcome[rows], hospital.split[rows], best)
