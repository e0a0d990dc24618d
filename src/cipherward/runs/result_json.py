"""result.json and rounds.jsonl, read and checked: what a damaged or hostile file lacks is an error here, and nowhere later.

A task may add what it likes: unknown keys are left aside.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cipherward.errors import StorageError
from cipherward.runs.worth_json import Worth
from cipherward.store import files

Count = Annotated[int, Field(ge=0, le=10**15)]
Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0, le=1e15)]


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class CalibrationGroup(_Read):
    n: Count
    mean_predicted: Share
    observed_rate: Share


class Measured(_Read):
    """What a model reaches on the pooled test rows. `roc`: (false, true positive rate), from (0, 0) on."""

    n: Count
    n_positive: Count
    auroc: Share
    auprc: Share
    brier: Amount
    log_loss: Amount
    calibration: tuple[CalibrationGroup, ...]
    roc: Annotated[tuple[tuple[Share, Share], ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not 0 < self.n_positive < self.n:
            raise ValueError("test rows of both classes are needed")
        rates = [rate for rate, _ in self.roc]
        if rates[0] != 0 or rates[-1] != 1 or any(b < a for a, b in pairwise(rates)):
            raise ValueError("a ROC curve leads from 0 to 1")
        return self


class OwnRows(_Read):
    federated: Share | None
    centralised: Share | None
    local: Share | None


class AtHospital(_Read):
    """One simulated hospital's rows and outcomes, and three models on its own test rows (None: one class only)."""

    name: str
    rows: Count
    positive: Count
    train_rows: Count
    train_positive: Count
    validation_rows: Count
    validation_positive: Count
    test_rows: Count
    test_positive: Count
    auroc_on_own_rows: OwnRows

    def counts(self, split: str) -> tuple[int, int]:
        """Rows, and rows with the outcome, of a split ("train", "validation", "test"), or of all ("")."""
        part = f"{split}_" if split else ""
        return getattr(self, f"{part}rows"), getattr(self, f"{part}positive")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        parts = [self.counts(split) for split in ("train", "validation", "test")]
        if any(positive > rows for rows, positive in parts):
            raise ValueError("a split has more rows with the outcome than rows")
        if self.counts("") != tuple(map(sum, zip(*parts, strict=True))):
            raise ValueError("the splits do not add up to the hospital's rows")
        own = self.auroc_on_own_rows
        if 0 < self.test_positive < self.test_rows and None in (own.federated, own.centralised, own.local):
            raise ValueError("a model was not measured")
        return self


class Privacy(_Read):
    """The budget that a study promised and spent; what was spent is None where the party does not know it."""

    unit: Literal["record", "hospital"]
    epsilon: Amount
    delta: Share
    clipping_norm: Amount
    epsilon_spent: Amount | None
    epsilon_left: float | None
    covered: tuple[str, ...]
    not_covered: tuple[str, ...]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.epsilon_spent is None) != (self.epsilon_left is None):
            raise ValueError("epsilon_spent and epsilon_left are known together")
        return self


class Proved(_Read):
    hospital: str
    reason: str


class FailedSum(_Read):
    """What `parties.culprits.facts` says of a sum that did not open."""

    sum: Count
    contributors: tuple[str, ...]
    proved: tuple[Proved, ...]


class FalseShare(_Read):
    """What it says of a dealer whose own signatures prove that it dealt a false share."""

    sum: Count
    hospital: str


class OwnFigures(_Read):
    """own.json of a trained model: what a hospital found for itself. Counts are None where they are small.

    `auroc` by model, the federated one first; empty where it would be of few patients.
    """

    rows: Count | None
    positive: Count | None
    train_rows: Count | None
    test_rows: Count | None
    test_positive: Count | None = None
    auroc: dict[Literal["federated", "local"], Share] = {}
    why_not: str = ""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        n, positive = self.test_rows, self.test_positive
        if self.auroc and ("federated" not in self.auroc or n is None or positive is None or not 0 < positive < n):
            raise ValueError("an AUROC needs the federated model's, and test rows of both classes")
        return self


class SetAside(_Read):
    sender: int
    kind: str
    reason: str


class Changed(_Read):
    """How many values of a column were changed when a hospital's table was read, and by which rule."""

    hospital: str
    column: str
    rule: str
    count: Count


class Noticed(_Read):
    """What stands out in a hospital's table; `column` is empty where it is the table as a whole."""

    hospital: str
    column: str
    text: str


class Result(_Read):
    """What every run has, finished or not; the rounds are 0 where a task has none. `warnings`: sentences that make the
    result less than it could be. `changes` and `about_data`: of a simulation, which sees the tables."""

    failed_sums: tuple[FailedSum, ...] = ()
    false_shares: tuple[FalseShare, ...] = ()
    privacy: Privacy | None = None
    set_aside: tuple[SetAside, ...] = ()
    verified: dict[str, bool] = {}
    approved_by: dict[str, str] | None = None
    warnings: tuple[str, ...] = ()
    changes: tuple[Changed, ...] = ()
    about_data: tuple[Noticed, ...] = ()
    rounds: Count = 0
    auroc_by_round: tuple[Share | None, ...] = ()


class Trained(Result):
    """A trained model. `centralised` and what else only a simulation can know has a default."""

    n_parameters: Count
    n_hospitals: Annotated[int, Field(ge=1)]
    n_train_rows: Count
    rounds: Count
    converged_early: bool
    auroc_federated: Share
    federated: Measured
    auroc_centralised: Share | None = None
    centralised: Measured | None = None
    auroc_centralised_by_round: tuple[Share, ...] = ()
    auroc_best_possible: Share | None = None
    by_hospital: tuple[AtHospital, ...] = ()
    worth: Worth | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.auroc_centralised is None) != (self.centralised is None):
            raise ValueError("the centralised model is measured, or there is none")
        return self


class Other(_Read):
    """A model of another kind, of all rows in one place, on the same test rows."""

    name: str
    measured: Measured


class Simulated(Trained):
    """A model trained in a simulation, beside the centralised one and each hospital's own. `others`: what else it is compared with."""

    auroc_federated_exact: Share
    auroc_centralised: Share
    centralised: Measured
    auroc_local: Annotated[dict[str, Share], Field(min_length=1)]
    others: tuple[Other, ...] = ()
    bytes_up_per_hospital_round: Amount | None
    device: str
    versions: dict[str, str]

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        if len(self.auroc_local) != self.n_hospitals:
            raise ValueError("auroc_local has not one value for each hospital")
        return self


class TrainedOther(Result):
    """A trained model of an outcome that is not binary; `headline`: the key of the metric that figures show. Metrics are as their type
    of outcome reads them (`Outcome.read`). What only a simulation can know has a default. `by_hospital`: as
    `tasks.by_hospital.facts`."""

    outcome_type: str
    headline: str
    n_parameters: Count
    n_hospitals: Annotated[int, Field(ge=1)]
    n_train_rows: Count
    n_test_rows: Count
    converged_early: bool
    reached: float
    by_round: tuple[float | None, ...]
    federated: dict[str, Any]
    exactly: float | None = None
    pooled: float | None = None
    centralised: dict[str, Any] | None = None
    pooled_by_round: tuple[float, ...] = ()
    alone: dict[str, float] = {}
    by_hospital: tuple[dict[str, Any], ...] = ()
    bytes_up_per_hospital_round: Amount | None = None
    device: str = ""
    versions: dict[str, str] = {}

    @model_validator(mode="before")
    @classmethod
    def _named(cls, found: Any) -> Any:
        key = found.get("headline") if isinstance(found, dict) else None
        names = {
            "federated": "reached", "by_round": "by_round", "federated_exact": "exactly", "centralised": "pooled",
            "centralised_by_round": "pooled_by_round", "local": "alone",
        }  # fmt: skip
        return (
            {**found, **{to: found[f"{key}_{name}"] for name, to in names.items() if f"{key}_{name}" in found}}
            if key
            else found
        )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.pooled is None) != (self.centralised is None):
            raise ValueError("the centralised model is measured, or there is none")
        return self


class Recorded(_Read):
    """What only a simulation can record of a sum."""

    seconds_by_phase: dict[str, Amount] = {}
    local_distance: dict[Count, Amount] = {}


class Reached(_Read):
    """The metrics of a model; of a binary outcome the AUROC is needed, of another its type's headline is one of them."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)

    auroc: Share | None = None

    def value(self, key: str) -> float | None:
        """One of the metrics; None where it is not there, or no number."""
        found = self.auroc if key == "auroc" else (self.model_extra or {}).get(key)
        return float(found) if isinstance(found, int | float) else None


class SumLine(_Read):
    """One line of rounds.jsonl. `seconds` and what follows: of a simulation."""

    sum: Annotated[int, Field(ge=0, le=10**6)]
    purpose: str
    opened: bool
    metrics_of_incoming_model: Reached | None = None
    validation_loss: Amount | None = None
    seconds: Amount | None = None
    bytes_up: dict[str, Count] = {}
    bytes_down: dict[str, Count] = {}
    simulation: Recorded = Recorded()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.simulation.seconds_by_phase and self.seconds is None:
            raise ValueError("seconds by phase without their sum")
        return self


R = TypeVar("R", bound=BaseModel)


def parse(path: Path, data: bytes, kind: type[R]) -> R:
    """The content of a result.json (`path`, for the error) as this kind of result.

    Raises:
        StorageError: not JSON, or it lacks something; names what is wrong in it.
    """
    return _checked(path, document(path, data), kind)


def read(path: Path, kind: type[R]) -> R:
    """result.json. Raises StorageError as `parse`, and where it cannot be read."""
    return parse(path, files.read(path), kind)


def document(path: Path, data: bytes) -> dict[str, Any]:
    """The JSON object in a file of a run. Raises StorageError: it holds none."""
    try:
        return files.json_object(data)
    except ValueError as error:
        raise StorageError(f"{path} is damaged: {error}", hint="restore it from a backup") from None


def sum_lines(path: Path, data: bytes) -> dict[int, SumLine]:
    """The lines of rounds.jsonl by sum.

    Raises:
        StorageError: damaged; names what is wrong in it.
    """
    lines = [parse(path, text, SumLine) for text in data.splitlines()]
    return {line.sum: line for line in lines}


def _checked(path: Path, found: dict[str, Any], kind: type[R]) -> R:
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        items = error.errors(include_url=False, include_input=False, include_context=False)
        said = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in items[:3])
        more = f"; and {len(items) - 3} more" if len(items) > 3 else ""
        raise StorageError(
            f"{path} is damaged or of another version: {said}{more}",
            hint="restore it from a backup; a run of another version needs that version's report",
        ) from None
