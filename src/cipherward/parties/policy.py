"""A hospital's own floors. No study, coordinator or command line overrides them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from cipherward.crypto.scheme import Opener
from cipherward.crypto.schemes import CATALOGUE
from cipherward.errors import RefusedError, StudyError
from cipherward.learning.catalogue import KINDS
from cipherward.privacy import claims, records
from cipherward.privacy.lifetime import Limit
from cipherward.study import Study
from cipherward.study_evaluation import MOST_LEVELS
from cipherward.tasks.catalogue import make_task

_Clause = tuple[str, str]  # its name, and what the study wants beside what is allowed

OPENED_BY_HOSPITALS = frozenset(
    name for name, scheme in CATALOGUE.items() if scheme.for_deployments and scheme.opener is Opener.HOSPITALS
)


@dataclass(frozen=True)
class Policy:
    """What this hospital takes part in. Counts are hospitals; `max_range` bounds a clipped update entry.

    `models` are model.kind values, None for every kind installed here; `packages` the installed code that a study with model.package may run here;
    `columns`, when set, are all that a study may read, outcome and patient column included. `max_epsilon`, when set,
    refuses studies without differential privacy or with a larger epsilon, and bounds what all studies in the hospital's
    ledger spend together, all at `max_delta`. `max_bins` are those of a score histogram, `max_column_bins` those of a column's
    range, `min_group_rows` the rows that share a score. With fewer rows than `cell_min` of what a question is about, this hospital does not count among those of its block
    that hide each other; so many of its rows, or none, stand in a cell of exact counts by outcome, and are set apart by a model.
    `one_grid`: exact sums count a column on one grid in all studies, and cut rows here at one value. `row_floors`: no study that turns its task's floors on rows off. `may_dominate` false: no part where this hospital has more
    patients than all the others of its block together. `rows_min`: patients of a new batch of its register in every part of the split, at least.

    `max_noise_epsilon` is for one study's noise on counts, at `max_delta`; `exact_counts` allows a study that asks for
    counts without it. `max_exact_sums` bounds the sums that carry no noise of the hospital's own, `max_measured_models`
    the models whose scores are counted on the hospital's rows, `max_subgroups` the subgroups of rows for which they are.
    """

    schemes: frozenset[str] = OPENED_BY_HOSPITALS
    min_contributors: int = 3
    min_corrupt: int = 1
    max_bits: int = 24
    max_range: float = 64.0
    max_rounds: int = 1_000
    max_epsilon: float | None = None
    max_delta: float = 1e-5
    max_noise_epsilon: float = 8.0
    exact_counts: bool = True
    max_exact_sums: int = 1_100
    max_measured_models: int = 1_100
    max_subgroups: int = 30
    max_bins: int = 4_096
    max_column_bins: int = 256
    cell_min: int = 10
    rows_min: int = 10
    min_group_rows: int = 10
    one_grid: bool = True
    row_floors: bool = True
    may_dominate: bool = True
    models: frozenset[str] | None = None
    packages: frozenset[str] = frozenset()
    columns: frozenset[str] | None = None

    @property
    def limit(self) -> Limit | None:
        """`max_epsilon` with the delta that it is meant at."""
        return None if self.max_epsilon is None else Limit(self.max_epsilon, self.max_delta)

    def check(self, study: Study) -> None:
        """Approve a study or refuse it.

        Raises:
            RefusedError: names every clause that the study breaks.
        """
        broken = self.broken(study)
        if broken:
            raise RefusedError(
                f"this hospital's policy refuses the study {study.name!r}: " + "; ".join(broken),
                hint="change the study, or ask the hospital's privacy officer to change the policy",
            )

    def broken(self, study: Study) -> tuple[str, ...]:
        """Every clause that the study breaks, with the study's value and this policy's; empty: it may run here."""
        return tuple(text for _, text in self._broken(study))

    def clauses_broken(self, study: Study) -> tuple[str, ...]:
        """The same by name, without any value of this policy: all that others are told."""
        return tuple(sorted({name for name, _ in self._broken(study)}))

    def _broken(self, study: Study) -> list[_Clause]:
        return [
            *self._sums(study),
            *self._rounds(study),
            *self._privacy(study),
            *self._counts(study),
            *self._model(study),
            *self._read(study),
        ]

    def _sums(self, study: Study) -> Iterator[_Clause]:
        """Who has to stand in a sum, and how it is hidden."""
        numbers, scheme = study.thresholds, study.aggregation.scheme
        if scheme not in self.schemes:
            yield "schemes", f"scheme {scheme!r} (allowed: {_listed(self.schemes)})"
        if numbers.min_contributors < self.min_contributors:
            yield "min_contributors", f"min_contributors {numbers.min_contributors} (floor: {self.min_contributors})"
        if numbers.corrupt < self.min_corrupt:
            yield "min_corrupt", f"corrupt {numbers.corrupt} (floor: {self.min_corrupt})"

    def _rounds(self, study: Study) -> Iterator[_Clause]:
        """How much an update says, and how often."""
        wanted, rounds = study.aggregation, study.training.rounds
        if study.bits > self.max_bits:
            yield "max_bits", f"bits {study.bits} (at most {self.max_bits})"
        if wanted.range_max > self.max_range:
            yield "max_range", f"range_max {wanted.range_max} (at most {self.max_range})"
        if rounds > self.max_rounds:
            yield "max_rounds", f"rounds {rounds} (at most {self.max_rounds})"

    def _privacy(self, study: Study) -> Iterator[_Clause]:
        privacy = study.privacy
        if privacy and privacy.unit == "hospital" and privacy.clipping_norm > self.max_range:
            yield "max_range", f"clipping_norm {privacy.clipping_norm} (at most {self.max_range})"
        if self.limit is None:
            if privacy and privacy.delta > self.max_delta:
                yield "max_delta", f"delta {privacy.delta:g} (at most {self.max_delta:g})"
            return
        if privacy is None:
            yield (
                "max_epsilon",
                f"no differential privacy (epsilon at most {self.max_epsilon} at delta {self.max_delta:g})",
            )
        else:
            yield from claims.broken(privacy, self.limit, claims.planned(study))

    def _counts(self, study: Study) -> Iterator[_Clause]:
        """Noise on counts, and what carries none."""
        try:
            task = make_task(study)
        except StudyError:
            return  # no such task, or settings that do not fit: the study cannot run, and others say why
        noisy, own = task.noisy_answers(), study.own_noise
        if own and noisy:
            multiplier = own.noise_multiplier or records.multiplier(own.epsilon, own.delta, noisy)
            yield from claims.check_noise(multiplier, noisy, Limit(self.max_noise_epsilon, self.max_delta))
        elif noisy and not self.exact_counts:
            yield "exact_counts", "counts without noise (noise.enabled = false)"
        if self.row_floors and not task.has_floors():
            yield "row_floors", "no floors on the rows of bins and leaves (settings.floors = false)"
        if task.bins() > self.max_column_bins:
            yield "max_column_bins", f"{task.bins()} bins of a column (at most {self.max_column_bins})"
        exact = task.exact_answers() + (0 if own else noisy)
        if exact > self.max_exact_sums:
            yield "max_exact_sums", f"{exact} sums without noise (at most {self.max_exact_sums})"
        if (models := task.measured_models()) > self.max_measured_models:
            yield "max_measured_models", f"{models} measured models (at most {self.max_measured_models})"

    def _model(self, study: Study) -> Iterator[_Clause]:
        if study.evaluation.bins > self.max_bins:
            yield "max_bins", f"bins {study.evaluation.bins} (at most {self.max_bins})"
        if study.group_rows < self.min_group_rows:
            yield "min_group_rows", f"scores in groups of {study.group_rows} rows (floor: {self.min_group_rows})"
        if (subgroups := study.evaluation.n_subgroups(study.columns)) > self.max_subgroups:
            yield "max_subgroups", f"{subgroups} subgroups (at most {self.max_subgroups})"
        model = study.model
        allowed = frozenset(KINDS) if self.models is None else self.models
        if model.kind not in allowed:
            yield "models", f"model {model.kind!r} (allowed: {_listed(allowed)})"
        if model.package and model.package not in self.packages:
            yield "packages", f"package {model.package!r} (allowed: {_listed(self.packages)})"

    def _read(self, study: Study) -> Iterator[_Clause]:
        """What the study reads of the table."""
        if self.columns is None:
            return
        read = {column.name for column in study.columns} | {study.data.outcome, study.data.patient_column}
        if strange := sorted(read - self.columns - {""}):
            yield "columns", f"columns {', '.join(strange)} (not among the columns allowed)"


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"


SIMULATION = Policy(
    min_group_rows=1,
    one_grid=False,
    row_floors=False,
    max_bins=65_536,
    max_column_bins=1_024,
    cell_min=0,
    max_noise_epsilon=50.0,
    max_exact_sums=10_100,
    max_measured_models=10_100,
    max_subgroups=MOST_LEVELS,
    schemes=frozenset(CATALOGUE),
)
"""A simulation also runs the schemes that exist for comparison."""

CLAUSES = frozenset(field.name for field in fields(Policy))
"""What a clause can be called."""
