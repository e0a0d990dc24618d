"""AUROC, AUPRC and Brier score with 95 % intervals: a bootstrap over patients and seeds, the same draws for every arm.

A draw takes as many patients from the test rows as there are, with replacement; all rows of a patient come along each
time (Field and Welsh 2007, "Bootstrapping clustered data"). It also takes as many seeds as there are, with replacement.
Because every arm sees the same draws, differences between arms are paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.data.partition import TEST
from cipherward.data.sources import HospitalData
from cipherward.errors import DataError

DRAWS = 1_000
METRICS = ("auroc", "auprc", "brier")
_LOW, _HIGH = 0.025, 0.975
_ROWS_AT_ONCE = 1 << 19  # weights held at a time: arrays of 2 MiB, so that they stay in the cache

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TestRows:
    """The pooled test rows of one seed: `labels` int8[n], `cluster` int64[n] with codes 0 .. n_clusters - 1."""

    __test__ = False  # not a test, whatever pytest thinks of the name

    labels: NDArray[np.int8]
    cluster: NDArray[np.int64] = field(repr=False)

    @property
    def n_clusters(self) -> int:
        return int(self.cluster.max(initial=-1)) + 1


def pooled(hospitals: Sequence[HospitalData]) -> TestRows:
    """All hospitals' test rows in roster order. A patient of two hospitals counts as two: nobody links them."""
    labels, clusters, start = [], [], 0
    for hospital in hospitals:
        chosen = hospital.split == TEST
        labels.append(hospital.outcome[chosen])
        codes = hospital.cluster[chosen] if hospital.cluster is not None else np.arange(int(chosen.sum()))
        found, code = np.unique(codes, return_inverse=True)
        clusters.append(code.astype(np.int64) + start)
        start += len(found)
    return TestRows(np.concatenate(labels), np.concatenate(clusters))


class Draws:
    """The draws of one comparison: how often each patient and each seed is in. A function of the arguments alone.

    Args:
        rows: the test rows by seed; seeds with the very same rows share their patients' draws.
        seed: non-negative.
        count: number of draws.
    """

    def __init__(self, rows: Sequence[TestRows], seed: int, count: int = DRAWS) -> None:
        self.rows = tuple(rows)
        self.count = count
        children = np.random.SeedSequence(seed).spawn(len(rows) + 1)
        k = len(rows)
        self.of_seeds: Floats = np.random.default_rng(children[0]).multinomial(k, np.full(k, 1.0 / k), count) / k
        self._times: list[NDArray[np.uint8]] = []
        for index, own in enumerate(rows):
            earlier = next((j for j in range(index) if _same(rows[j], own)), None)
            self._times.append(
                self._times[earlier]
                if earlier is not None
                else _multiplicities(own.n_clusters, count, children[index + 1])
            )

    def sample(self, index: int, scores: Floats) -> Sampled:
        """The metrics of one model on the test rows of seed number `index`, and in every draw.

        Args:
            scores: float64[n], probabilities in the order of the rows.

        Raises:
            DataError: the rows have one class only.
        """
        rows, times = self.rows[index], self._times[index]
        if rows.labels.min(initial=1) == rows.labels.max(initial=0):
            raise DataError("the test rows have one class only: AUROC and AUPRC need both")
        ranked = _Ranked(scores, rows)
        point = ranked.metrics(np.ones((1, rows.n_clusters), np.uint8))[:, 0]
        step = max(1, _ROWS_AT_ONCE // len(rows.labels))
        parts = [ranked.metrics(times[k : k + step]) for k in range(0, self.count, step)]
        return Sampled(point, np.concatenate(parts, axis=1))

    def over_seeds(self, sampled: Sequence[Sampled]) -> Sampled:
        """The mean over seeds, one `Sampled` for each, with the seeds drawn too."""
        stacked = np.stack([each.draws for each in sampled])  # (seeds, metrics, draws)
        return Sampled(
            np.mean([each.point for each in sampled], axis=0), np.einsum("ds,smd->md", self.of_seeds, stacked)
        )


@dataclass(frozen=True)
class Sampled:
    """`point` float64[3]: AUROC, AUPRC, Brier of the rows as they are; `draws` float64[3, n_draws], NaN where one class
    only was drawn."""

    point: Floats
    draws: Floats = field(repr=False)

    def __sub__(self, other: Sampled) -> Sampled:
        return Sampled(self.point - other.point, self.draws - other.draws)

    def interval(self, metric: str) -> dict[str, float]:
        """Estimate and 95 % percentile interval: {"mean", "low", "high"}."""
        index = METRICS.index(metric)
        low, high = np.nanquantile(self.draws[index], [_LOW, _HIGH])
        return {"mean": float(self.point[index]), "low": float(low), "high": float(high)}


def mean(sampled: Sequence[Sampled]) -> Sampled:
    """The mean over models, draw by draw."""
    return Sampled(np.mean([each.point for each in sampled], axis=0), np.mean([each.draws for each in sampled], axis=0))


class _Ranked:
    """Rows in order of their score, highest first. In a draw, all that is asked of the order is how many rows, and how
    many positive ones, stand before and after each positive row's score: one cumulative sum, read at those places.
    """

    def __init__(self, scores: Floats, rows: TestRows) -> None:
        order = np.argsort(-scores, kind="stable")
        self._cluster = rows.cluster[order]
        ranked, positive = scores[order], rows.labels[order] == 1
        self._positive = np.flatnonzero(positive)
        # Rows with one score stand side by side: the first of them, and the first after them.
        self._first = np.searchsorted(-ranked, -ranked[self._positive], "left")
        self._after = np.searchsorted(-ranked, -ranked[self._positive], "right")
        before = np.concatenate([[0], np.cumsum(positive)])
        self._first_positive, self._after_positive = before[self._first], before[self._after]
        error = np.square(ranked - positive)
        self._error_of = np.bincount(self._cluster, error, minlength=rows.n_clusters)

    def metrics(self, times: NDArray[np.uint8]) -> Floats:
        """float64[3, n_draws] from how often each cluster is in each draw, [n_draws, n_clusters]."""
        weights = np.take(times, self._cluster, axis=1)
        seen = _sums_before(weights)
        own = weights[:, self._positive].astype(np.float64)
        hits = _sums_before(own)
        n_positive, n = hits[:, -1], seen[:, -1].astype(np.float64)
        hits_after, seen_after = hits[:, self._after_positive], seen[:, self._after].astype(np.float64)
        alarms_twice = seen_after - hits_after + seen[:, self._first] - hits[:, self._first_positive]
        with np.errstate(invalid="ignore", divide="ignore"):
            # Of all pairs, those with the negative before the positive are lost, and half of those with one score.
            lost = np.einsum("dp,dp->d", own, alarms_twice) / 2.0 / n_positive / (n - n_positive)
            precision = np.divide(hits_after, seen_after, out=np.zeros_like(hits_after), where=seen_after > 0)
            auprc = np.einsum("dp,dp->d", own, precision) / n_positive
        return np.stack([1.0 - lost, auprc, times @ self._error_of / n])


def _sums_before(weights: NDArray[Any]) -> NDArray[Any]:
    """Per draw the sum of the first 0, 1, ..., n columns: int32 from integers, else float64."""
    kind = np.int32 if weights.dtype.kind == "u" else np.float64
    found = np.zeros((len(weights), weights.shape[1] + 1), dtype=kind)
    np.cumsum(weights, axis=1, dtype=kind, out=found[:, 1:])
    return found


def _same(a: TestRows, b: TestRows) -> bool:
    return np.array_equal(a.labels, b.labels) and np.array_equal(a.cluster, b.cluster)


def _multiplicities(n_clusters: int, count: int, seed: np.random.SeedSequence) -> NDArray[np.uint8]:
    """How often each cluster is in each draw: uint8[count, n_clusters]; 256 times never happens."""
    rng = np.random.default_rng(seed)
    found = np.empty((count, n_clusters), dtype=np.uint8)
    for row in found:
        row[:] = np.bincount(rng.integers(0, n_clusters, n_clusters), minlength=n_clusters)
    return found
