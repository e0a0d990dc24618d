"""`describe`: the "Table 1" of a clinical paper over all hospitals, all rows, by outcome group, without a model.

Each hospital adds noise of its own to one sum, from which everything follows (`noisy_cohort`), and the result says how far
noise may move each figure. Without noise counts, means and standard deviations are exact; quartiles come from a histogram over each column's
declared range, and a second sum divides the bins in which they lie once more. A value outside the declared range counts as its end.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.data import preprocess, rare_categories
from cipherward.data.schema import declared_range
from cipherward.data.sources import HospitalData
from cipherward.errors import DataError
from cipherward.learning.drift import Histogram
from cipherward.learning.outcome_binary import BINARY
from cipherward.privacy import records
from cipherward.privacy.randomness import SYSTEM, Randomness
from cipherward.privacy.records import Sensitivity
from cipherward.study import Column, Study
from cipherward.tasks import (
    cells,
    cohort_table,
    describe_histograms,
    describe_settings,
    inclusion,
    moves,
    noise,
    noisy_cohort,
    statistics,
)
from cipherward.tasks.cohort_table import GROUPS
from cipherward.tasks.describe_settings import FINE, MEANING
from cipherward.tasks.lanes import CountSegment, Layout
from cipherward.tasks.noisy_cohort import SCALE
from cipherward.tasks.quantiles import QUARTILES, Histograms, places, quantiles, refined, wanted_bins
from cipherward.tasks.result_figures import Steps
from cipherward.tasks.row_groups import by_outcome
from cipherward.tasks.task import (
    Model,
    Question,
    ResultTable,
    Sums,
    Task,
    Values,
    canonical,
    limbs_for,
    refuse_other_outcomes,
)

if TYPE_CHECKING:
    from cipherward.learning.model_kind import Factory
    from cipherward.tasks.hospital_work import HospitalWork


@dataclass(frozen=True)
class DescribeState:
    """The opened sums by segment: int64 arrays. `first`: of the first question; `fine`: of the second. `n_contributors`: of
    a noisy first one; 0 for an exact one."""

    first: Sums | None = None
    fine: NDArray[np.int64] | None = None
    n_contributors: int = 0


class Describe(Task[DescribeState]):
    """Two questions: everything but the quartiles, and then the quartiles. Missing values are counted, whatever fills them elsewhere."""

    takes_imputation = True

    def __init__(self, study: Study, factory: Factory | None = None, first: Model | None = None) -> None:
        refuse_other_outcomes(study)
        self._settings = describe_settings.parse(study)
        self._study = study
        self._numeric = [column for column in study.columns if column.kind == "numeric"]
        self._categorical = [column for column in study.columns if column.kind == "categorical"]
        self._stddevs = cache(partial(noise.stddevs, study, self))  # by contributors; asked for every column

    def first(self) -> DescribeState:
        return DescribeState()

    def ask(self, state: DescribeState) -> Question | None:
        if state.first is None:
            rules = "; ".join(rule.meaning for rule in self._settings.include)
            meaning = MEANING | {"flow": f"{MEANING['flow']}: {rules}"}
            return self._question("describe", "Rows, values, means and counts of every column", self._parts(), meaning)
        if state.fine is not None or not self._numeric or self._study.own_noise:
            return None
        n_wanted = wanted_bins(self._histograms(state), self._settings.shares).shape[1]
        size = len(self._numeric) * len(GROUPS) * n_wanted * self._settings.bins
        parts = (CountSegment("fine", size, limbs_for(32, self._study.bits)),)
        others = ", ".join(f"{share:g}" for share in self._settings.shares[len(QUARTILES) :])
        title = f"Quartiles{f', and quantiles {others},' if others else ''} of every numeric column"
        return self._question("quartiles", title, parts, FINE, on_state=True)

    def answer(self, state: DescribeState, at: HospitalWork) -> Values:
        with at.timed("describe"):
            if state.first is None:
                kept, dropped = self._kept(at.data, at.randomness)
                at.note("rows_not_counted", dropped)
                steps = inclusion.left(self._settings.include, at.data, kept)
                found = self._counted(at.data, steps[-1], 0 if self._study.own_noise else at.cell_min)
                flow = {"flow": np.array([int(each.sum()) for each in steps], dtype=np.int64)}
                return found | (flow if self._settings.include else {})
            wanted = wanted_bins(self._histograms(state), self._settings.shares)
            values = [cells.grouped(each, at.cell_min) for each in self._scaled(at.data, at.cell_min)]
            return {"fine": refined(values, at.data.outcome, wanted, self._settings.bins, self._settings.shares)}

    def patients_needed(self, n_contributors: int) -> int:
        return noisy_cohort.rows_needed(self._stddevs(n_contributors)) if self._study.own_noise else 0

    def check(self, hospitals: Sequence[HospitalData]) -> None:
        """Rows that do not bear the study's noise are refused before their budget is charged."""
        if self._study.own_noise:
            self._check_rows(self._n_counted(hospitals), self._planned_stddevs(len(hospitals)))

    def after(self, state: DescribeState, sums: Sums, n_contributors: int) -> DescribeState:
        if state.first is None and self._study.own_noise:
            self._check_rows(int(np.sum(sums["rows"])), self._stddevs(n_contributors))
            return DescribeState(dict(sums), n_contributors=n_contributors)
        if state.first is None:
            describe_histograms.check(sums)
            return DescribeState(dict(sums))
        return replace(state, fine=np.asarray(sums["fine"], dtype=np.int64))

    def digest(self, state: DescribeState) -> bytes:
        found = hashlib.sha256(b"describe\x00")
        opened = dict(state.first or {}) | ({} if state.fine is None else {"fine": state.fine})
        for name in sorted(opened):
            found.update(name.encode() + b"\x00" + np.ascontiguousarray(opened[name], "<i8").tobytes())
        found.update(state.n_contributors.to_bytes(8, "big"))
        return found.digest()

    def result(self, state: DescribeState) -> Mapping[str, Any]:
        sums = state.first or {}
        rows = np.asarray(sums["rows"], dtype=np.int64).clip(0)
        columns: dict[str, Any] = {}
        for place, column in enumerate(self._numeric):
            columns[column.name] = self._numbers(state, place, column)
        start = 0
        for column in self._categorical:
            size = len(GROUPS) * (len(column.categories) + 1)
            counts = np.asarray(sums["categories"][start : start + size], dtype=np.int64).reshape(len(GROUPS), -1)
            merged = self._merged(state, column, counts)
            columns[column.name] = cohort_table.categories(
                counts.clip(0), column.categories, self._settings.cell_min, merged, is_exact=not state.n_contributors
            )
            start += size
        each = cohort_table.missing(rows, self._settings.cell_min)[1:]
        shown = dict(zip(GROUPS, each, strict=True))
        ordered = {column.name: columns[column.name] for column in self._study.columns}
        found = {"rows": int(rows.sum()), "groups": shown, "columns": ordered, "cell_min": self._settings.cell_min}
        if self._settings.include:
            counts = np.asarray(sums["flow"], dtype=np.int64).tolist()
            reach = noisy_cohort.Z95 * self._stddevs(state.n_contributors)["flow"]
            found["flow"] = inclusion.flow(self._settings.include, counts, reach, self._settings.cell_min)
        return found | ({"noise_on_counts": self._noise_on_counts(state)} if state.n_contributors else {})

    def plan(self) -> Iterator[tuple[Question, int]]:
        first = self.ask(self.first())
        assert first is not None  # noqa: S101  for the type checker
        yield first, 1
        zeros = {segment.name: np.zeros(segment.size, dtype=np.int64) for segment in first.layout.segments}
        if then := self.ask(DescribeState(zeros)):
            yield then, 1

    def noisy_answers(self) -> int:
        return 1  # with noise there is one question

    def bins(self) -> int:
        return self._settings.bins

    def bears_noise(self, hospitals: Sequence[HospitalData]) -> bool:
        if not self._study.own_noise:
            return True
        wanted = noisy_cohort.rows_wanted(self._planned_stddevs(len(hospitals)), self._settings.bins)
        return self._n_counted(hospitals) >= wanted

    def warnings(self, result: Mapping[str, Any]) -> tuple[str, ...]:
        return (noisy_cohort.GIVEN_UP,) if self._study.noise.given_up else ()

    def words(self, state: DescribeState) -> tuple[str, str]:
        rows = int(np.sum((state.first or {})["rows"]))
        return ("description", f"{rows:,} rows") if state.fine is None else ("quartiles", "")

    def tables(self, result: Mapping[str, Any]) -> tuple[ResultTable, ...]:
        title = "The cohort over all hospitals, by outcome"
        found = [ResultTable("cohort", title, *cohort_table.lines(result)), cohort_table.missing_table(result)]
        return (*found, inclusion.table(result["flow"])) if result.get("flow") else tuple(found)

    def pooled(self, state: DescribeState, hospitals: Sequence[HospitalWork], known: Any = None) -> Mapping[str, Any]:
        """The same from all rows in one place, and the largest difference, as a share of each column's range."""
        included = [self._included(each.data) for each in hospitals]
        found = cohort_table.exact(self._study, included, self._settings.cell_min, self._settings.shares)
        return {
            "pooled": found,
            "largest_difference": cohort_table.largest_difference(self._study, self.result(state), found),
        }

    def histograms(self, state: DescribeState) -> Mapping[str, Histogram]:
        sds = self._stddevs(state.n_contributors) if state.n_contributors else {}
        return describe_histograms.of(state.first or {}, self._numeric, self._categorical, self._settings.bins, sds)

    def figures(self, state: DescribeState) -> tuple[Steps, ...]:
        found = self.result(state).get("flow")
        return (inclusion.drawn(found),) if found else ()

    def _question(
        self,
        purpose: str,
        title: str,
        parts: tuple[CountSegment, ...],
        meaning: Mapping[str, str],
        *,
        on_state: bool = False,
    ) -> Question:
        asked = statistics.shared_parameters(self._study) | {"bins": self._settings.bins}
        if self._settings.quantiles:
            asked["quantiles"] = list(self._settings.shares)
        if self._settings.include:
            asked["include"] = [rule.model_dump(mode="json") for rule in self._settings.include]
        layout, about = Layout(parts, self._study.bits), by_outcome(BINARY)
        if rules := self._settings.include:
            about = tuple(inclusion.IncludedRows(outcome=each, rules=rules) for each in BINARY.classes)
        moved = None if on_state else self._sensitivity()
        rest: dict[str, Any] = {"on_model": on_state, "sensitivity": moved, "about": about}
        return Question(purpose, title, canonical(asked), layout, meaning, **rest)

    def _sensitivity(self) -> Sensitivity:
        n_cells = len(GROUPS) * sum(len(column.categories) + 1 for column in self._categorical)
        numbers = len(self._numeric), self._settings.bins, len(self._categorical)
        found = noisy_cohort.sensitivity(len(GROUPS), *numbers, n_cells)
        steps = len(self._settings.include) + 1
        return found.and_also(moves.of_counts("flow", steps, steps)) if steps > 1 else found

    def _planned_stddevs(self, n_contributors: int) -> dict[str, float]:
        """The same before the study is frozen."""
        return noise.stddevs(noise.in_numbers(self._study, self), self, n_contributors)

    def _n_counted(self, hospitals: Sequence[HospitalData]) -> int:
        return sum(int(self._rows(each, SYSTEM)[0].sum()) for each in hospitals)

    def _check_rows(self, n_rows: int, stddevs: Mapping[str, float]) -> None:
        needed = noisy_cohort.rows_needed(stddevs)
        if n_rows < needed:
            raise DataError(
                f"about {max(n_rows, 0):,} rows of all hospitals together are too few for noise of epsilon "
                f"{self._study.noise.epsilon:g} at delta {self._study.noise.delta:g}: it would drown the figures below {needed:,}",
                hint="start a new study with a larger noise.epsilon or fewer columns, or with noise.enabled = "
                "false for exact counts, which promise no patient anything",
            )

    def _rows(self, data: HospitalData, randomness: Randomness) -> tuple[NDArray[np.bool_], int]:
        """Which rows the table is of, bool[n_rows], and how many of one patient do not count."""
        kept, dropped = self._kept(data, randomness)
        return inclusion.left(self._settings.include, data, kept)[-1], dropped

    def _included(self, data: HospitalData) -> HospitalData:
        rows = inclusion.left(self._settings.include, data, np.ones(len(data.outcome), dtype=bool))[-1]
        return replace(data, table=data.table.filter(pl.Series(rows)), outcome=data.outcome[rows])

    def _kept(self, data: HospitalData, randomness: Randomness) -> tuple[NDArray[np.bool_], int]:
        """Which rows count, bool[n_rows], whatever the rules say, and how many of one patient do not."""
        everybody = np.ones(len(data.outcome), dtype=bool)
        if not self._study.own_noise:
            return everybody, 0
        return records.kept_rows(data.cluster, everybody, self._study.own_noise.rows_per_patient, randomness)

    def _noise_on_counts(self, state: DescribeState) -> dict[str, float]:
        """The half-width of a 95 % interval around a count: of rows, of missing values, of a category, in one group; over
        all rows, root of two times as much."""
        sds = self._stddevs(state.n_contributors)
        found = {"rows": sds["rows"]}
        if self._numeric:
            found["missing"] = float(np.hypot(sds["rows"], sds["present"]))
        if self._categorical:
            found["categories"] = sds["categories"]
        return {name: noisy_cohort.Z95 * value for name, value in found.items()}

    def _merged(self, state: DescribeState, column: Column, counts: NDArray[np.int64]) -> dict[str, str | None]:
        """The categories that so few patients have that they are shown with another, by the noisy counts; of exact counts small
        ones are not shown."""
        if not state.n_contributors:
            return {}
        noise_on_all = self._stddevs(state.n_contributors)["categories"] * math.sqrt(len(GROUPS))
        least = statistics.least_rows(self._study, noise_on_all)
        return dict(dict(rare_categories.merged([column], counts.sum(axis=0)[:-1], least)).get(column.name, ()))

    def _parts(self) -> tuple[CountSegment, ...]:
        bits = self._study.bits
        counts, sums, cells = limbs_for(32, bits), limbs_for(48, bits), len(self._numeric) * len(GROUPS)
        n_categories = sum(len(column.categories) + 1 for column in self._categorical)
        parts = [
            CountSegment("rows", len(GROUPS), counts),
            CountSegment("present", cells, counts),
            CountSegment("sum", cells, sums),
            CountSegment("square", cells, sums),
            CountSegment("histogram", cells * self._settings.bins, counts),
            CountSegment("categories", len(GROUPS) * n_categories, counts),
        ]
        if self._settings.include:
            parts.append(CountSegment("flow", len(self._settings.include) + 1, counts))
        return tuple(part for part in parts if part.size)

    def _scaled(self, data: HospitalData, least: int) -> list[NDArray[np.float64]]:
        """Per numeric column float64[n_rows] in 0..1 of the declared range, NaN = missing, in the column's own unit; as
        `cells.values` lets them be counted."""
        plain = [column.model_copy(update={"transform": "none"}) for column in self._numeric]
        found = (preprocess.scaled(data.table[column.name].to_numpy(), column) for column in plain)
        return [cells.values(values, least) for values in found]

    def _counted(self, data: HospitalData, counted: NDArray[np.bool_], least: int) -> Values:
        bins, groups = self._settings.bins, [counted & (data.outcome == place) for place in range(len(GROUPS))]
        found: dict[str, list[Any]] = {name: [] for name in ("present", "sum", "square", "histogram", "categories")}
        for values in self._scaled(data, least):
            binned = cells.grouped(values, least)
            for group in groups:
                there = group & ~np.isnan(values)
                inside = values[there]
                found["present"].append(len(inside))
                # In integers, row by row: then one row moves a sum by no more than `moves` says.
                found["sum"].append(int(np.rint(inside * SCALE).astype(np.int64).sum()))
                found["square"].append(int(np.rint(np.square(inside) * SCALE).astype(np.int64).sum()))
                found["histogram"] += np.bincount(places(binned[there], bins), minlength=bins).tolist()
        for column in self._categorical:
            n_categories = len(column.categories)
            codes = cells.codes(rare_categories.codes(data.table[column.name], column.categories), n_categories, least)
            for group in groups:
                own = codes[group & (codes >= 0)]
                found["categories"] += np.bincount(own, minlength=n_categories + 1).tolist()
        found["rows"] = [int(group.sum()) for group in groups]
        return {part.name: np.array(found[part.name], dtype=np.int64) for part in self._parts() if part.name in found}

    def _histograms(self, state: DescribeState) -> Histograms:
        """int64[n_numeric, n_groups, bins] of the first question."""
        found = np.asarray((state.first or {})["histogram"], dtype=np.int64)
        return found.reshape(len(self._numeric), len(GROUPS), self._settings.bins)

    def _noisy_numbers(self, state: DescribeState, place: int, column: Column) -> dict[str, Any]:
        sums, n = state.first or {}, len(GROUPS)
        own = slice(place * n, (place + 1) * n)
        sds = self._stddevs(state.n_contributors)
        rows = np.asarray(sums["rows"], dtype=np.int64).clip(0)
        totals = np.stack([np.asarray(sums[key][own], np.int64) for key in ("present", "sum", "square")], axis=1)
        absent = cohort_table.missing((rows - totals[:, 0]).clip(0), self._settings.cell_min)
        low, high = declared_range(column)
        histogram = self._histograms(state)[place]

        def described(part: NDArray[np.int64], counts: NDArray[np.int64], which: int) -> dict[str, Any]:
            present, total, square = (int(value) for value in part)
            found = noisy_cohort.figures(
                (present, total, square), counts, sds, n if which == 0 else 1, self._settings.shares
            )
            scaled = {
                name: None if value is None else (0.0 if name == "sd" else low) + (high - low) * value
                for name, value in found.values.items()
            }
            reach = {name: None if value is None else (high - low) * value for name, value in found.noise.items()}
            return {"missing": absent[which], **cohort_table.nested(scaled), "noise": cohort_table.nested(reach)}

        each = {name: described(totals[k], histogram[k], k + 1) for k, name in enumerate(GROUPS)}
        reached = [float(each[name]["noise"]["mean"] or 0.0) / noisy_cohort.Z95 for name in GROUPS]
        beside = cohort_table.compared(each, totals[:, 0].tolist(), reached)
        return {"all": described(totals.sum(axis=0), histogram.sum(axis=0), 0), "groups": each, "compared": beside}

    def _numbers(self, state: DescribeState, place: int, column: Column) -> dict[str, Any]:
        if state.n_contributors:
            return self._noisy_numbers(state, place, column)
        sums, n = state.first or {}, len(GROUPS)
        own = slice(place * n, (place + 1) * n)
        rows = np.asarray(sums["rows"], dtype=np.int64)
        parts = np.stack(
            [rows, *(np.asarray(sums[key][own], np.int64) for key in ("present", "sum", "square"))], axis=1
        )
        histogram = self._histograms(state)[place : place + 1]
        fine = (np.zeros(0, np.int64) if state.fine is None else state.fine).reshape(len(self._numeric), -1)[place]
        shares, least = self._settings.shares, self._settings.cell_min
        (found,) = quantiles(histogram, fine, self._settings.bins, shares)
        missing = cohort_table.missing(parts[:, 0] - parts[:, 1], least)

        def described(part: NDArray[np.int64], which: int) -> dict[str, Any]:
            _, present, total, square = (int(value) for value in part)
            moments = present, total / SCALE, square / SCALE
            figures = cohort_table.from_sums(column, moments, found[which].tolist(), shares, least)
            return {"missing": missing[which], **figures}

        each = {name: described(parts[k], k + 1) for k, name in enumerate(GROUPS)}
        beside = cohort_table.compared(each, parts[:, 1].tolist())
        return {"all": described(parts.sum(axis=0), 0), "groups": each, "compared": beside}
