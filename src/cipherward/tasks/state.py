"""The public state of a study: what every party knows after each opened sum, and the rule that moves it on.

Hospitals and coordinator hold the same state and apply the same rule to the same opened integers, so the model is
recomputed everywhere and trusted nowhere. A study is a fixed sequence of sums: the preprocessing statistics, the
training rounds (each also measures the model it starts from), and the final evaluation.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cipherward.data import preprocess
from cipherward.data.preprocess import Preprocessor
from cipherward.errors import DataError
from cipherward.learning import averaging, metrics
from cipherward.learning.metrics import Metrics
from cipherward.privacy import noise as privacy_plan
from cipherward.study import Study
from cipherward.tasks.culprit_search import Search
from cipherward.tasks.lanes import CountSegment, Layout, RealSegment, Segment

Purpose = Literal["statistics", "train", "evaluate"]
Sums = Mapping[str, NDArray[Any]]

LOSS_SCALE = 2**20


@dataclass(frozen=True)
class StudyState:
    """State after `sums_done` sums. Built by `begin`, moved by `after` or `after_failed`.

    `weights` is float32[n_parameters]; `ranges` holds one clipping bound per parameter tensor; `history` holds the
    federated AUROC of the model at the start of each training round, `measured` all metrics (without the ROC curve) of
    the last one; `losses` the validation losses. A round adds two numbers to it, so a long study stays small in memory.
    """

    study: Study
    groups: tuple[tuple[str, int], ...]
    weights: NDArray[np.float32] = field(repr=False)
    ranges: tuple[float, ...]
    preprocessor: Preprocessor | None = None
    n_train: int = 0
    n_positive: int = 0
    weight_cap: float = 0.0
    sums_done: int = 0
    rounds_done: int = 0
    losses: tuple[float, ...] = ()
    history: tuple[float, ...] = ()
    measured: Metrics | None = None
    final: Metrics | None = None
    search: Search = field(default_factory=Search)

    @property
    def purpose(self) -> Purpose | None:
        """What the next sum is for; None when the study is finished."""
        if self.preprocessor is None:
            return "statistics"
        if self.final is not None:
            return None
        settings = self.study.training
        converged = averaging.has_converged(self.losses, settings.patience, settings.min_improvement)
        return "evaluate" if converged or self.rounds_done >= settings.rounds else "train"

    def admitted(self, attempt: int) -> tuple[int, ...]:
        """The hospitals that may contribute to an attempt at the next sum; () for the whole roster.

        In a culprit search the first attempt at a training sum is limited to a group. Where the group was too few, the
        attempt is void and the next one is for everyone who is not excluded.
        """
        if self.purpose == "train" and attempt == 0 and self.search.group:
            return self.search.group
        return self.search.eligible(self.study.n_hospitals) if self.search.excluded else ()

    @property
    def adds_noise_shares(self) -> bool:
        """Whether training sums carry noise of privacy unit "hospital", and nothing but the update."""
        return self.study.privacy is not None and self.study.privacy.unit == "hospital"

    @property
    def has_converged(self) -> bool:
        """Whether training ended before its last round because the validation loss stopped falling."""
        return self.purpose in ("evaluate", None) and self.rounds_done < self.study.training.rounds

    def digest(self) -> bytes:
        """SHA-256 over everything that the next sum or a prediction depends on; 32 bytes."""
        facts = {
            "preprocessor": self.preprocessor.to_json() if self.preprocessor else None,
            "ranges": [bound.hex() for bound in self.ranges],
            "weight_cap": float(self.weight_cap).hex(),
            "groups": self.groups,
            "losses": [loss.hex() for loss in self.losses],
            "counters": [self.sums_done, self.rounds_done, self.n_train, self.n_positive],
            "final": self.final is not None,
            "search": self.search.facts(),
        }
        state = hashlib.sha256(b"cipherward/v1/model\x00" + json.dumps(facts, sort_keys=True).encode() + b"\x00")
        state.update(np.ascontiguousarray(self.weights, "<f4").data)
        return state.digest()

    def parameters(self) -> bytes:
        """The parameters of the next sum's query: equal questions have equal bytes, in any study."""
        study = self.study.model_dump(mode="json")
        parts: dict[str, object] = {"columns": study["columns"], "outcome": study["data"]["outcome"]}
        parts["split"] = [
            study["data"][key] for key in ("split_salt", "test_fraction", "validation_fraction", "positive")
        ]
        if self.purpose == "train":
            parts |= {"training": study["training"], "model": study["model"], "bits": self.study.aggregation.bits}
            if self.study.privacy:
                parts["privacy"] = study["privacy"]
        if self.purpose != "statistics":
            parts["bins"] = self.study.evaluation.bins
        return json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()

    def layout(self) -> Layout:
        """What the next sum's vector consists of."""
        bits = self.study.aggregation.bits
        limbs = -(-48 // bits)
        if self.purpose == "statistics":
            n_numeric = sum(column.kind == "numeric" for column in self.study.columns)
            parts = [CountSegment("rows", 2, limbs)]
            if n_numeric:
                parts += [CountSegment(name, n_numeric, limbs) for name in preprocess.TOTALS]
            return Layout(tuple(parts), bits)
        updates: tuple[Segment, ...] = tuple(
            RealSegment(f"update/{name}", size, bound)
            for (name, size), bound in zip(self.groups, self.ranges, strict=True)
        )
        if self.purpose == "train" and self.adds_noise_shares:
            return Layout(updates, bits)
        measured: tuple[Segment, ...] = metrics.segments("test/", self.study.evaluation.bins, bits)
        measured += (CountSegment("validation", 2, limbs),)
        if self.purpose == "evaluate":
            return Layout(measured, bits)
        own: tuple[Segment, ...] = (RealSegment("weight", 1, 1.0),)
        own += tuple(CountSegment(name, len(self.groups), limbs) for name in ("clipped", "crowded"))
        return Layout(updates + own + measured, bits)

    def after(self, sums: Sums, n_contributors: int) -> StudyState:
        """The state after the next sum has been opened.

        Args:
            sums: the layout's segments, summed over the contributors.

        Raises:
            DataError: the sums make no model (no rows, one class only, no weight).
        """
        if self.purpose == "statistics":
            return self._after_statistics(sums)
        if self.purpose == "train" and self.adds_noise_shares:
            return dataclasses.replace(
                self,
                weights=self._next_weights(sums, n_contributors),
                sums_done=self.sums_done + 1,
                rounds_done=self.rounds_done + 1,
                search=self._search_opened(),
            )
        measured = metrics.from_counts(sums, prefix="test/")
        if self.purpose == "evaluate":
            return dataclasses.replace(
                self, sums_done=self.sums_done + 1, final=measured, losses=(*self.losses, _loss(sums))
            )
        return dataclasses.replace(
            self,
            weights=self._next_weights(sums, n_contributors),
            ranges=self._next_ranges(sums, n_contributors),
            sums_done=self.sums_done + 1,
            rounds_done=self.rounds_done + 1,
            # The rows of a group alone are no measure of progress: early stopping does not look at them.
            losses=self.losses if self.search.group else (*self.losses, _loss(sums)),
            history=(*self.history, measured.auroc),
            measured=dataclasses.replace(measured, roc=()),
            search=self._search_opened(),
        )

    def after_failed(self, contributors: Sequence[int], releasers: Sequence[int] = ()) -> StudyState:
        """The state after a certified training sum that does not open: moved by a public rule, so that Q differs.

        Args:
            contributors: who is in the failed sum.
            releasers: holders whose releases may be at fault instead (`protocol.void.releasers`).

        Raises:
            DataError: a statistic that fails is dead; people decide.
        """
        if self.purpose != "train":
            suspects = self.names(self.search.suspects or tuple(contributors))
            raise DataError(
                f"the {self.purpose} sum was certified but does not open, and may not be asked again",
                hint=f"the faulty hospital is one of {suspects}, or releases shares; remove it and start a new study",
            )
        minimum = self.study.thresholds.min_contributors
        search = self.search.after_failed(
            self.sums_done, contributors, self.study.digest(), self.study.n_hospitals, minimum, releasers=releasers
        )
        return dataclasses.replace(
            self,
            weights=averaging.moved_weights(self.weights),
            sums_done=self.sums_done + 1,
            rounds_done=self.rounds_done + 1,
            search=search,
        )

    def names(self, hospitals: Sequence[int]) -> str:
        """Names of hospitals, for people."""
        return ", ".join(self.study.hospitals[i - 1].name for i in hospitals)

    def _search_opened(self) -> Search:
        minimum = self.study.thresholds.min_contributors
        return self.search.after_opened(self.study.digest(), self.study.n_hospitals, minimum)

    def _after_statistics(self, sums: Sums) -> StudyState:
        n_train, n_positive = (int(value) for value in sums["rows"])
        if n_train == 0 or n_positive in (0, n_train):
            raise DataError(
                f"the hospitals together have {n_train} training rows, {n_positive} with the outcome: one class only",
                hint="check data.outcome and data.positive in the study",
            )
        # Update and weight share one lane range: the cap leaves room for a hospital of eight times the mean size.
        cap = float(self.study.aggregation.weight_cap) or 8.0 * n_train / self.study.n_hospitals
        return dataclasses.replace(
            self,
            preprocessor=preprocess.fit(self.study.columns, self._all_statistics(sums)),
            n_train=n_train,
            n_positive=n_positive,
            weight_cap=cap,
            sums_done=self.sums_done + 1,
        )

    def _all_statistics(self, sums: Sums) -> dict[str, NDArray[Any]]:
        empty = np.zeros(0, dtype=np.int64)
        return dict.fromkeys(preprocess.TOTALS, empty) | dict(sums)

    def _next_weights(self, sums: Sums, n_contributors: int) -> NDArray[np.float32]:
        total = np.concatenate([np.asarray(sums[f"update/{name}"], dtype=np.float64) for name, _ in self.groups])
        weight = float(n_contributors) if self.adds_noise_shares else float(sums["weight"][0])
        return averaging.next_weights(self.weights, averaging.mean_update(total, weight, n_contributors))

    def _next_ranges(self, sums: Sums, n_contributors: int) -> tuple[float, ...]:
        limits = self.study.aggregation
        if limits.scheme == "plain":
            return self.ranges
        return tuple(
            averaging.next_range(
                bound,
                int(sums["clipped"][k]),
                float(np.abs(sums[f"update/{name}"]).max(initial=0.0)),
                limits.bits,
                limits.range_min,
                limits.range_max,
                n_contributors,
                crowded_total=int(sums["crowded"][k]),
            )
            for k, ((name, _), bound) in enumerate(zip(self.groups, self.ranges, strict=True))
        )


def _loss(sums: Sums) -> float:
    total, count = int(sums["validation"][0]), int(sums["validation"][1])
    return total / LOSS_SCALE / count if count else float("inf")


def begin(study: Study, groups: tuple[tuple[str, int], ...], weights: NDArray[np.float32]) -> StudyState:
    """The state before the first sum, from the initial model.

    Raises:
        StudyError: privacy of hospitals in a study that is not frozen, or with lanes too narrow for the noise.
    """
    bound = study.aggregation.range_initial
    if study.privacy and study.privacy.unit == "hospital":
        bound = privacy_plan.hospital_noise(study, len(weights)).bound  # fixed: no range may follow private data
    return StudyState(study, groups, weights, (bound,) * len(groups))
