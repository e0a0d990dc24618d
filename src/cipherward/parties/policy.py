"""A hospital's own floors. No study, coordinator or command line overrides them."""

from __future__ import annotations

from dataclasses import dataclass, fields

from cipherward.crypto.scheme import Opener
from cipherward.crypto.schemes import CATALOGUE
from cipherward.errors import RefusedError
from cipherward.privacy import claims
from cipherward.privacy.lifetime import Limit
from cipherward.study import Study

OPENED_BY_HOSPITALS = frozenset(
    name for name, scheme in CATALOGUE.items() if scheme.for_deployments and scheme.opener is Opener.HOSPITALS
)


@dataclass(frozen=True)
class Policy:
    """What this hospital takes part in. Counts are hospitals; `max_range` bounds a clipped update entry.

    `models` are model.kind values; `packages` the installed code that a study with model.package may run here;
    `columns`, when set, are all that a study may read, outcome and patient column included. `max_epsilon`, when set, refuses studies without differential privacy or with a larger epsilon, and bounds what all
    studies in the hospital's ledger spend together, all at `max_delta`. `max_bins` are those of a score histogram.
    """

    schemes: frozenset[str] = OPENED_BY_HOSPITALS
    min_contributors: int = 3
    min_corrupt: int = 1
    max_bits: int = 24
    max_range: float = 64.0
    max_rounds: int = 1_000
    max_epsilon: float | None = None
    max_delta: float = 1e-5
    max_bins: int = 4_096
    models: frozenset[str] = frozenset({"logistic-regression", "mlp", "custom"})
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

    def _broken(self, study: Study) -> list[tuple[str, str]]:
        numbers, wanted = study.thresholds, study.aggregation
        broken: list[tuple[str, str]] = []
        if wanted.scheme not in self.schemes:
            broken.append(("schemes", f"scheme {wanted.scheme!r} (allowed: {', '.join(sorted(self.schemes))})"))
        if numbers.min_contributors < self.min_contributors:
            broken.append(
                ("min_contributors", f"min_contributors {numbers.min_contributors} (floor: {self.min_contributors})")
            )
        if numbers.corrupt < self.min_corrupt:
            broken.append(("min_corrupt", f"corrupt {numbers.corrupt} (floor: {self.min_corrupt})"))
        if wanted.bits > self.max_bits:
            broken.append(("max_bits", f"bits {wanted.bits} (at most {self.max_bits})"))
        if wanted.range_max > self.max_range:
            broken.append(("max_range", f"range_max {wanted.range_max} (at most {self.max_range})"))
        if study.training.rounds > self.max_rounds:
            broken.append(("max_rounds", f"rounds {study.training.rounds} (at most {self.max_rounds})"))
        privacy = study.privacy
        if privacy and privacy.unit == "hospital" and privacy.clipping_norm > self.max_range:
            broken.append(("max_range", f"clipping_norm {privacy.clipping_norm} (at most {self.max_range})"))
        if self.max_epsilon is not None and privacy is None:
            broken.append(("max_epsilon", f"no differential privacy (epsilon at most {self.max_epsilon})"))
        if self.limit is not None and privacy:
            broken += claims.broken(privacy, self.limit, claims.planned(study))
        if study.evaluation.bins > self.max_bins:
            broken.append(("max_bins", f"bins {study.evaluation.bins} (at most {self.max_bins})"))
        model = study.model
        if model.kind not in self.models:
            broken.append(("models", f"model {model.kind!r} (allowed: {', '.join(sorted(self.models))})"))
        if model.package and model.package not in self.packages:
            broken.append(
                ("packages", f"package {model.package!r} (allowed: {', '.join(sorted(self.packages)) or 'none'})")
            )
        if self.columns is not None:
            read = {column.name for column in study.columns} | {study.data.outcome, study.data.patient_column}
            strange = sorted(read - self.columns - {""})
            if strange:
                broken.append(("columns", f"columns {', '.join(strange)} (not among the columns allowed)"))
        return broken


SIMULATION = Policy(schemes=frozenset(CATALOGUE), max_bins=65_536)
"""A simulation also runs the schemes that exist for comparison."""

CLAUSES = frozenset(field.name for field in fields(Policy))
"""What a clause can be called."""
