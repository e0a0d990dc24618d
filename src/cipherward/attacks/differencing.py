"""Attack "differencing": sums that are subtracted, counts of few, scores about one patient, and a hospital that is most of a sum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from cipherward.attacks import apart
from cipherward.attacks.attack import Attack, Found, Measure, Settings
from cipherward.attacks.context import Context
from cipherward.attacks.fitting import Trainer
from cipherward.attacks.intervals import clopper_pearson
from cipherward.attacks.updates import Trainer as Updates
from cipherward.attacks.updates import all_rows, some
from cipherward.data import rare_categories
from cipherward.data.partition import TEST
from cipherward.disclosure.blocks import Register, default_blocks
from cipherward.learning import binning, linear, score_groups
from cipherward.learning.picking import logits, picks_out_few
from cipherward.study import Study
from cipherward.tasks import cells

LEAST = 10
"""Rows of a cell and of a group of scores, as a hospital's policy has them by default."""


class DifferencingSettings(Settings):
    """`rounds`: of which the middle one lacks a hospital. `n_targets`: patients at whom a steered model points. `large`: share of all rows that the
    hospital has which dominates, beside four others."""

    rounds: int = Field(default=12, ge=6)
    n_targets: int = Field(default=100, ge=1)
    large: float = Field(default=0.9, gt=0.2, lt=1.0)


class Differencing(Attack):
    name = "differencing"
    title = "Subtracting sums, and counts of few"
    explanation = (
        "Every sum that is opened is safe by itself: it is about several hospitals. But hundreds are opened, and sums can be subtracted. If one round lacks a hospital, the difference to its neighbours is about that hospital alone. "
        "So hospitals stand in sums in fixed blocks, all of a block or none, unless a hospital has agreed to be singled out; we measure what is read of one that has. "
        "A count can also be about few patients by itself: a category that one patient has, a place in a list of scores where one patient stands, a model that was steered to set one patient apart, "
        "or a sum that one large hospital makes up nearly alone. For each we measure what follows, without the rule that bounds it and with it. Where there is no such rule the page says so."
    )

    def __init__(self, settings: DifferencingSettings | None = None) -> None:
        self.chosen = settings or DifferencingSettings()
        super().__init__(self.chosen)

    def why_not(self, study: Study) -> str:
        if any(column.is_array for column in study.columns):
            return "its columns are images or series; rows of numbers are needed"
        return ""

    def run(self, at: Context) -> Found:
        study = at.study.with_overrides(top={"model": {"kind": "logistic-regression"}}, training={"defence": None})
        found = [*self._missing(at, study), *_sets(at)]
        at.may_go_on("exact cells")
        found += [*_cells(at), *_cuts(at)]
        at.may_go_on("histograms of scores")
        found += self._scores(at, study)
        at.may_go_on("a hospital that dominates")
        found += self._dominance(at, study)
        return Found(tuple(found))

    def _missing(self, at: Context, study: Study) -> Iterator[Measure]:
        rounds, n = self.chosen.rounds, len(at.hospitals)
        largest = max(len(each.outcome) for each in at.hospitals)
        plain = {"rounds": rounds, "patience": 0, "method": "sgd"}
        ways = {
            "full batches, one step a round": {**plain, "batch_size": largest, "local_epochs": 1},
            "full batches, five steps a round": {**plain, "batch_size": largest, "local_epochs": 5},
            "the study's own minibatches": plain,
        }
        for words, training in ways.items():
            at.may_go_on(f"a hospital is missing in one round, {words}")
            played = [
                apart.play(study.with_overrides(training=training), at.hospitals, victim, rounds // 2)
                for victim in range(1, n + 1)
            ]
            setting = f"a hospital that agreed to be singled out misses one of {rounds} rounds, {words}"
            for name, errors in (
                ("by difference to the round before", [each.error(each.by_difference) for each in played]),
                ("by regression over all other rounds", [each.error(each.by_regression) for each in played]),
            ):
                told = (
                    f"median over each of {n} hospitals in turn, {min(errors):.3g} to {max(errors):.3g}; 1 is no better than zeros. Rule 3: "
                    "people are asked for the agreement, and told this"
                )
                yield Measure(setting, f"error of its update, {name}", float(np.median(errors)), told)

    def _scores(self, at: Context, study: Study) -> Iterator[Measure]:
        trainer = Trainer(at, study)
        weights = trainer.fit(list(at.hospitals)).weights
        features = [trainer.features(each)[each.split == TEST] for each in at.hospitals]
        labels = [each.outcome[each.split == TEST] for each in at.hospitals]
        scores = [linear.sigmoid(linear.logits(weights, x)) for x in features]
        for group, words in ((1, "every row by itself"), (LEAST, f"in groups of {LEAST} rows of a hospital")):
            positive, sure = _sure(scores, labels, at.study.evaluation.bins, group)
            yield _share(
                f"histogram of scores of all hospitals, {words}",
                "patients with the outcome of whom it follows",
                int(sure.sum()),
                int(positive.sum()),
                "who knows a patient's record knows the score, and so the place; nobody without the outcome stands there"
                + ("" if group == 1 else ". Rule 6; a group of patients that all have the outcome shows it"),
            )
        yield from self._steered(at, features, labels)

    def _steered(
        self, at: Context, features: Sequence[NDArray[np.float32]], labels: Sequence[NDArray[np.int8]]
    ) -> Iterator[Measure]:
        """Models that set one patient apart: a linear one as far as the rows' covariance allows, and one that knows nothing but this row."""
        bins, generator = at.study.evaluation.bins, at.generator("targets")
        everybody = np.concatenate(features).astype(np.float64)
        mean = everybody.mean(axis=0)
        inverse = np.linalg.pinv(np.cov(everybody.T) + 1e-6 * np.eye(everybody.shape[1]))
        ill = [(k, int(row)) for k, y in enumerate(labels) for row in np.flatnonzero(y == 1)]
        chosen = [ill[i] for i in generator.permutation(len(ill))[: self.chosen.n_targets]]

        def far(target: NDArray[np.float64]) -> list[NDArray[np.float64]]:
            direction = inverse @ (target - mean)
            scale = 12.0 / max(float(np.abs((everybody - mean) @ direction).max()), 1e-12)
            return [linear.sigmoid(scale * ((x - mean) @ direction)) for x in features]

        def only(target: NDArray[np.float64]) -> list[NDArray[np.float64]]:
            return [linear.sigmoid(8.0 * np.exp(-((x - target) ** 2).sum(axis=1) / 0.02) - 2.0) for x in features]

        for words, steer in (("a linear model", far), ("a network that knows one record", only)):
            read, declined = {1: 0, LEAST: 0}, 0
            for who, row in chosen:
                at.may_go_on()
                scores = steer(features[who][row].astype(np.float64))
                for group in read:
                    read[group] += _is_sure(scores, labels, bins, group, who, row)
                declined += picks_out_few(logits(scores[who]), LEAST)
            setting = f"{words}, steered at one patient with the outcome, {len(chosen)} patients"
            told = "nobody without the outcome stands at its place"
            yield _share(f"{setting}, every row by itself", "patients read", read[1], len(chosen), told)
            yield _share(
                f"{setting}, in groups of {LEAST} rows", "patients read", read[LEAST], len(chosen), f"{told} (rule 6)"
            )
            told = "its own hospital declines, by the rule on scores that are set apart; where it does not, only noise bounds what follows (rule 5)"
            yield _share(setting, "hospitals that decline to measure it", declined, len(chosen), told)

    def _dominance(self, at: Context, study: Study) -> Iterator[Measure]:
        data = all_rows(at)
        order = at.generator("dominance").permutation(len(data.outcome))
        sizes = {"one hospital has {:.0%} of the rows": self.chosen.large, "five hospitals of one size": 0.2}
        trainer = Updates(at, study)
        for words, share in sizes.items():
            edges = np.cumsum([share] + [(1.0 - share) / 4.0] * 3) * len(order)
            parts = [some(data, np.sort(part)) for part in np.split(order, edges.astype(int))]
            weights = np.array([len(part.outcome) for part in parts], dtype=np.float64)
            works = trainer.works(data, [np.sort(part) for part in np.split(order, edges.astype(int))])
            updates = np.stack([trainer.flat(trainer.values(work)) for work in works])
            opened = weights @ updates / weights.sum()
            own = updates[0]
            error = float(np.linalg.norm(opened - own) / max(float(np.linalg.norm(own)), 1e-12))
            rates = [float(part.outcome.mean()) for part in parts]
            rate = abs(float(weights @ rates / weights.sum()) - rates[0])
            setting = f"a sum that weighs by rows, {words.format(share)}"
            told = "of the opened mean, taken for its own. Rule 8: a hospital may refuse a block that it dominates (may_dominate); by default it does not"
            yield Measure(setting, "error of the large hospital's update", error, told)
            yield Measure(
                setting,
                "error of its share of patients with the outcome",
                rate,
                "of the opened share, taken for its own",
            )


def _sets(at: Context) -> Iterator[Measure]:
    """Whose total follows when one hospital, or its block, misses a sum."""
    n, least = len(at.hospitals), at.study.thresholds.min_contributors
    roster = list(range(1, n + 1))
    without = [i for i in roster if i != n]
    setting = "sums with and without the last hospital"
    words = "of the smallest group whose total follows by adding and subtracting sums"
    told = f"{words}; nobody stands in blocks, since all agreed to be singled out (rule 3)"
    yield Measure(setting, "hospitals", float(apart.smallest_group([roster, without])), told)
    blocks = default_blocks([Register(bytes([i]), "") for i in roster], least)
    away = {
        member.hospital[0]
        for block in blocks
        if any(m.hospital[0] == n for m in block.members)
        for member in block.members
    }
    rest = [i for i in roster if i not in away]
    sums = [roster, rest] if rest else [roster]
    bar = f"at least {min(least, n)}"
    yield Measure(
        "sums with and without the last hospital's block",
        "hospitals",
        float(apart.smallest_group(sums)),
        f"{words}: a block stands in sums whole or not at all (rule 1)",
        bar=bar,
    )


def _cells(at: Context) -> Iterator[Measure]:
    """Of every category's count by outcome: whose outcome follows."""
    columns = [column for column in at.study.columns if column.kind == "categorical"]
    if not columns:
        yield Measure(
            "exact counts by category", "patients whose outcome follows", None, "the study has no categorical column"
        )
        return
    n_rows = sum(len(each.outcome) for each in at.hospitals)
    together = list(range(len(at.hospitals)))
    for whose, groups in (("all hospitals", [together]), ("one hospital, the others collude", [[k] for k in together])):
        for least, words in ((0, "as they are"), (LEAST, f"of at least {LEAST} rows of a hospital, or of none")):
            read, few = set[Row](), set[Row]()
            for column in columns:
                found = [rare_categories.codes(each.table[column.name], column.categories) for each in at.hospitals]
                counted = [cells.codes(each, len(column.categories), least) if least else each for each in found]
                for group in groups:
                    for rows in _categories(counted, group, len(column.categories) + 1):
                        few |= rows if len(rows) < LEAST else set()
                        read |= rows if len({int(at.hospitals[k].outcome[row]) for k, row in rows}) == 1 else set()
            setting = f"exact counts by category and outcome of {whose}, {words}"
            told = f"in any of {len(columns)} columns (rule 6; noise, which cohort tables have by default, is rule 5)"
            yield _share(setting, f"patients in a category of fewer than {LEAST}", len(few), n_rows, told)
            told = "all patients of a category have the same outcome; no rule on cells forbids that, only noise does (rule 5)"
            yield _share(setting, "patients whose outcome follows", len(read), n_rows, told)


def _cuts(at: Context) -> Iterator[Measure]:
    """Two exact counts by outcome of one column whose cut lies below and above a value differ by who has it."""
    read, n_rows = set[int](), sum(len(each.outcome) for each in at.hospitals)
    for column in at.study.columns:
        if column.kind == "numeric":
            values = np.concatenate([each.table[column.name].to_numpy() for each in at.hospitals])
            _, first, times = np.unique(values[~np.isnan(values)], return_index=True, return_counts=True)
            read |= {int(row) for row in np.flatnonzero(~np.isnan(values))[first[times == 1]]}
    yield _share(
        "two exact counts by outcome whose cut moves past one value",
        "patients whose outcome follows",
        len(read),
        n_rows,
        "who has a value that nobody else has, in some numeric column. Rule 6: a hospital declines a second grid of a column (one_grid)",
    )


Row = tuple[int, int]
"""A hospital, from 0, and a row of it."""


def _categories(counted: Sequence[NDArray[np.int64]], group: Sequence[int], n_places: int) -> Iterator[set[Row]]:
    """The rows of these hospitals in each category that somebody has."""
    for place in range(n_places):
        if rows := {(k, int(row)) for k in group for row in np.flatnonzero(counted[k] == place)}:
            yield rows


def _places(scores: Sequence[NDArray[np.float64]], bins: int, group: int) -> list[NDArray[np.int64]]:
    """The bin of each row of each hospital, as it is counted (`learning.metrics.local_counts`); -1 where it is not measured."""
    return [
        binning.places(logits(score_groups.grouped(each, group)), bins).astype(np.int64)
        if score_groups.may_measure(len(each), group)
        else np.full(len(each), -1, dtype=np.int64)
        for each in scores
    ]


def _counts(places: Sequence[NDArray[np.int64]], labels: Sequence[NDArray[np.int8]], bins: int) -> NDArray[np.int64]:
    """Rows without and with the outcome by bin, of all hospitals: int64[2, bins]."""
    where, outcome = np.concatenate(places), np.concatenate(labels)
    counted = where >= 0
    return np.stack([np.bincount(where[counted & (outcome == y)], minlength=bins) for y in (0, 1)])


def _sure(
    scores: Sequence[NDArray[np.float64]], labels: Sequence[NDArray[np.int8]], bins: int, group: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows have the outcome, and of which of these it follows: nobody without it is in their bin."""
    places = _places(scores, bins, group)
    negative = _counts(places, labels, bins)[0]
    where, positive = np.concatenate(places), np.concatenate(labels) == 1
    return positive, positive & (where >= 0) & (negative[np.maximum(where, 0)] == 0)


def _is_sure(
    scores: Sequence[NDArray[np.float64]], labels: Sequence[NDArray[np.int8]], bins: int, group: int, who: int, row: int
) -> bool:
    """Whether it follows that one row has the outcome: nobody without it is in its bin."""
    places = _places(scores, bins, group)
    place = int(places[who][row])
    return place >= 0 and not _counts(places, labels, bins)[0, place]


def _share(setting: str, measure: str, hits: int, total: int, words: str) -> Measure:
    low, high = clopper_pearson(hits, max(total, 1))
    return Measure(setting, measure, hits / max(total, 1), f"{hits} of {total}; {words}", low, high)
