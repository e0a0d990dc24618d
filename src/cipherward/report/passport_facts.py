"""What is known of a model for its passport: from the study, its verified sums and its figures; in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cipherward.crypto.scheme import Opener
from cipherward.data import catalogue as sources
from cipherward.data.preprocess import Preprocessor
from cipherward.data.rare_categories import counts_as
from cipherward.learning import catalogue as kinds
from cipherward.learning.outcomes import model_words
from cipherward.report import predictors, words
from cipherward.report.blocks import count, with_interval
from cipherward.report.facts import Facts, clean
from cipherward.runs.result_json import Simulated, Trained
from cipherward.study import Column, Study

_ONE_LINE = 5


@dataclass(frozen=True)
class Known:
    """`facts` of a run whose files prove it, with a model."""

    facts: Facts
    software: str

    @property
    def study(self) -> Study:
        return self.facts.study

    @property
    def digest(self) -> str:
        return self.facts.digest

    @property
    def names(self) -> tuple[str, ...]:
        return self.facts.names

    @property
    def title(self) -> str:
        return clean(self.study.title or self.study.name)

    @property
    def opener(self) -> Opener:
        return self.facts.scheme.opener

    @property
    def proved(self) -> Mapping[str, Any]:
        """Of result.json, what follows from the opened sums."""
        return self.facts.proved

    @property
    def is_simulated(self) -> bool:
        return isinstance(self.facts.result, Simulated)

    @property
    def source(self) -> str:
        return clean(sources.words(self.study.data.source)) + (", synthetic" if self.study.synthetic else "")

    @property
    def outcome(self) -> str:
        return predictors.outcome(self.study)

    @property
    def used(self) -> tuple[Column, ...]:
        gone = {*self.facts.left_out, *self.study.evaluation.apart}
        return tuple(column for column in self.study.columns if column.name not in gone)

    @property
    def columns(self) -> list[str]:
        return [self._column(column) for column in self.used]

    @property
    def described(self) -> bool:
        return all(column.description for column in self.used)

    @property
    def left_out(self) -> str:
        gone = self.facts.left_out
        return f"left out by the rules of disclosure: {', '.join(gone)}." if gone else "none was left out."

    @property
    def preparation(self) -> str:
        merged = [
            f"{clean(name)}: {', '.join(clean(each) for each, _ in pairs)} {counts_as(pairs[0][1])}"
            for name, pairs in (self._scaling.merged if self._scaling else ())
        ]
        rare = f" Rare categories merged: {'; '.join(merged)}." if merged else " No category was merged."
        return (
            f"Values outside a column's declared range count as its end; codes of missing values are the study's.{rare}"
        )

    @property
    def sizes(self) -> str:
        result = self.facts.result
        trained = f"{count(int(self.proved['n_train_rows']))} training rows"
        tested = f"{count(int(self.proved['n_test_rows']))} test rows"
        if isinstance(result, Trained):
            tested += f", {count(result.federated.n_positive)} of them with the outcome"
        noisy = ", their number with noise" if self.study.own_noise else ""
        return f"{trained} of all hospitals together{noisy}; {tested}."

    @property
    def missing(self) -> str:
        table = predictors.predictors(self.facts)
        shares = (
            [f"{row[0]} {row[-1]}" for row in table.rows if row[-1] not in ("–", "0.0 %", "not counted")]
            if table
            else []
        )
        shown = f" Missing: {'; '.join(shares)}." if shares else ""
        if not self._scaling:
            return f"A missing value is a bin of its own where enough rows have one.{shown}"
        named = [clean(each.column) for each in self._scaling.imputed if each.weights]
        filled = f", of {', '.join(named)} what a linear regression on the other columns predicts" if named else ""
        return (
            f"A missing number counts as the {self._middle} of all training rows{filled}, with an input of its own that says so; a missing category "
            f"sets none of its inputs.{shown}"
        )

    @property
    def parts(self) -> str:
        data = self.study.data
        if data.test_from:
            return (
                f"By time: rows from {data.test_from} on are the test rows; of the patients without such rows, "
                f"{data.validation_fraction:.0%} went to validation and the rest to training. Earlier rows of the others are not used, so "
                "that no patient is on two sides."
            )
        left = 1.0 - data.test_fraction - data.validation_fraction
        return (
            f"Patients of each hospital were dealt at random: {left:.0%} to training, {data.validation_fraction:.0%} to validation, "
            f"{data.test_fraction:.0%} to test; all rows of a patient are in one part."
        )

    @property
    def handled(self) -> str:
        logs = [clean(column.name) for column in self.used if column.transform == "log1p"]
        if not self._scaling:
            return "Numbers are cut into bins that the opened counts give; categories are bins."
        of_logs = f"; of {', '.join(logs)} the logarithm of 1 + value" if logs else ""
        return f"Numbers are standardised by {self._scale} of all training rows{of_logs}; each category is an input of 0 or 1."

    @property
    def building(self) -> str:
        study, rounds = self.study, self.proved.get("rounds", 0)
        how = (
            f"by Newton steps over secure sums, {rounds} of them"
            if study.fits_by_newton
            else f"in {rounds} rounds over secure sums"
        )
        kind = clean(model_words(study))
        return f"{kind[0].upper()}{kind[1:]}, fitted {how}; settings were fixed in the study before. The validation rows' loss was watched, and nothing was tuned by the test rows."

    @property
    def measures(self) -> str:
        if self.study.data.outcome_type != "binary":
            return "Those of the type of outcome, in result.json, with calibration."
        return "AUROC with 95 % interval, AUPRC, Brier score, log loss, calibration (slope, intercept, curve), sensitivity, specificity and net benefit over thresholds."

    @property
    def imbalance(self) -> str:
        weights = self.study.training.class_weights
        return (
            f"Rows were weighed by their outcome (class_weights = {weights}), so that scores are no risks."
            if weights
            else "Nothing was done about it."
        )

    @property
    def has_subgroups(self) -> bool:
        return bool(self.study.evaluation.subgroups)

    @property
    def threshold(self) -> float | None:
        return self.study.evaluation.threshold

    @property
    def fairness(self) -> str:
        if not self.has_subgroups:
            return ""
        names = ", ".join(clean(each.column) for each in self.study.evaluation.subgroups)
        return f"The model was measured for subgroups of {names}; nothing was done to make their figures alike."

    @property
    def output(self) -> str:
        cut = (
            f" A row counts as positive from a predicted risk of {self.threshold:g} on, which the study fixed."
            if self.threshold
            else ""
        )
        what = "A probability" if self.study.data.outcome_type == "binary" else "A prediction"
        return f"{what}: {self.outcome}.{cut}"

    @property
    def specification(self) -> str:
        return f"model.safetensors: weights, preprocessing and study, {count(int(self.proved['n_parameters']))} parameters; every hospital recomputed it from the opened sums."

    @property
    def of_subgroups(self) -> str:
        return f"subgroups.csv; served worse: {', '.join(self._worse) or 'none, by its figures'}."

    @property
    def performance(self) -> str:
        found = [f"{name} {value}" for name, value in self.figures]
        return "; ".join(found) + "." + (f" Subgroups: {self.of_subgroups}" if self.has_subgroups else "")

    @property
    def by_hospital(self) -> str:
        if not self.is_simulated:
            return "Not opened: each hospital has its own."
        alone = sorted(each for each in self._own_aurocs if each is not None)
        return f"AUROC on hospitals' own test rows: {alone[0]:.3f} to {alone[-1]:.3f} (report.html)." if alone else ""

    @property
    def characteristics(self) -> str:
        return (
            "Mean, standard deviation and missing share of each number over all training rows: report.html, Predictors."
        )

    @property
    def at_use(self) -> str:
        return "`cipherward predict` says for each row what was assumed: values outside the range, unknown categories, missing values, categories that count as another; a row without any value is predicted all the same, and said so."

    @property
    def limits(self) -> list[str]:
        found = [clean(text) for text in self.facts.result.warnings]
        when = "in later rows" if self.study.data.test_from else "at the same time"
        found.append(
            f"The model was measured on other patients of the hospitals that trained it, {when}, and nowhere else."
        )
        if self.study.synthetic:
            found.append("No real patient stands behind any row.")
        return found

    @property
    def privacy(self) -> list[str]:
        return [". ".join(words.noise_on_counts(self.study)), words.LEAKAGE[self.facts.result.privacy is not None]]

    @cached_property
    def figures(self) -> list[tuple[str, str]]:
        """Name and value of what the test rows of all hospitals together say."""
        result = self.facts.result
        if isinstance(result, Trained):
            found = result.federated
            auroc = result.auroc_federated
            named = [("AUROC (95 % interval)", with_interval(auroc, self.facts.interval(auroc)))]
            named += [
                (name, f"{value:.3f}")
                for name, value in (("AUPRC", found.auprc), ("Brier score", found.brier), ("log loss", found.log_loss))
            ]
            return named + list(self._calibrated())
        measured = self.proved["federated"]
        return [(str(name), f"{value:.4g}") for name, value in measured.items() if isinstance(value, float)]

    def _calibrated(self) -> Iterator[tuple[str, str]]:
        line = self.proved["federated"].get("calibration_line")
        if line:
            yield "calibration slope", f"{line['slope']:.3f} (standard error {line['slope_error']:.3f})"
            yield (
                "calibration in the large",
                f"{line['in_the_large']:.3f} (standard error {line['in_the_large_error']:.3f})",
            )

    @property
    def numbers(self) -> list[tuple[str, str, float]]:
        """Key, name and value of the headline figures, for machines."""
        measured = self.proved["federated"]
        keys = ("auroc", "auprc", "brier", "log_loss") if "auroc" in measured else tuple(measured)
        return [
            (key, key.replace("_", " "), float(measured[key])) for key in keys if isinstance(measured.get(key), float)
        ]

    @property
    def kind(self) -> str:
        return clean(kinds.words(self.study.model.kind))

    @property
    def _middle(self) -> str:
        return "median" if self.study.training.is_robust else "mean"

    @property
    def _scale(self) -> str:
        return "median and quartiles" if self.study.training.is_robust else "mean and standard deviation"

    @property
    def _scaling(self) -> Preprocessor | None:
        found = self.facts.model.preprocessor if self.facts.model else None
        return found if isinstance(found, Preprocessor) else None

    @property
    def _worse(self) -> list[str]:
        worth = self.proved.get("worth") or {"groups": []}
        return [f"{each['column']} {each['level']}" for each in worth["groups"] if each["worse"]][:_ONE_LINE]

    @property
    def _own_aurocs(self) -> list[float | None]:
        result = self.facts.result
        return [each.auroc_on_own_rows.federated for each in result.by_hospital] if isinstance(result, Trained) else []

    def _column(self, column: Column) -> str:
        unit = f", {clean(column.unit_words)}" if column.unit_words else ""
        said = (
            f" ({clean(column.description)}{unit})"
            if column.description
            else (f" ({clean(column.unit_words)})" if unit else "")
        )
        return f"{clean(column.name)}{said}"
