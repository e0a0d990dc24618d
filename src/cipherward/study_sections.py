"""The parts of a study: whose data it is about, the model, and how it is trained."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import BaseModel, ConfigDict, Field, ValidatorFunctionWrapHandler, field_validator, model_validator

from cipherward.texts import same_text as same_text

_Day = date
HexOf32Bytes = Annotated[str, Field(pattern="^([0-9a-f]{64})?$")]
"""A key or digest that freezing sets; empty before."""


NAME = r"^[a-z][a-z0-9-]{0,31}$"
"""Of a task, a kind of model, a data source or a scheme: each has its catalogue."""

LARGEST_BATCH = 256
"""Rows of a minibatch that follows from the rows, at most (`tasks.rounds.settings`); with privacy of records, always."""


def number_key(text: str) -> str | None:
    """One spelling of a plain number without leading zeros (1.50, +1.5: 1.5); None for codes, such as 007 or 1E50."""
    if not re.fullmatch(r"[+-]?(0|[1-9]\d*)(\.\d+)?", text, re.ASCII):
        return None
    shortest = text.lstrip("+").rstrip("0").rstrip(".") if "." in text else text.lstrip("+")
    return "0" if shortest in ("-0", "") else shortest


def is_number(text: str) -> bool:
    """Whether a text is a plain number as tables may write it: ASCII digits, a decimal point, an exponent."""
    return re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", text, re.ASCII) is not None


class Section(BaseModel):
    """Unknown settings are mistakes, and so are numbers that are none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="wrap")
    @classmethod
    def _no_boolean_for_a_number(cls, given: Any, read: ValidatorFunctionWrapHandler) -> Any:
        found = read(given)
        if isinstance(given, bool) and isinstance(found, int | float) and not isinstance(found, bool):
            raise ValueError(f"a number is wanted, not {str(given).lower()}")
        return found


class Hospital(Section):
    """One roster entry. `path` is the hospital's own table (source "files"): empty in a study for a deployment, where
    each hospital knows its own. `register_name` names the table: one name for all its extracts over time. `refresh` (the step of
    the register at which it is read) and `public_key` (hex) are set by freezing."""

    name: str = Field(min_length=1)
    register_name: str = Field(default="table", pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    path: str = ""
    refresh: int = Field(default=0, ge=0, lt=2**31)
    public_key: HexOf32Bytes = ""


class Member(Section):
    """A register in a block. `hospital`: its name on the roster; of a block that was split, its public key (hex) where the
    roster does not list it."""

    hospital: str = Field(min_length=1)
    register_name: str = "table"


def problems_of_names(people: Sequence[str]) -> Iterator[str]:
    """What is wrong with the hospitals' names together: files and people tell no letter case apart."""
    times = Counter(people)
    alike = Counter(same_text(name).casefold() for name in times)
    for name in sorted(times):
        if times[name] > 1:
            yield f"hospital {name!r} is listed twice"
        if alike[same_text(name).casefold()] > 1:
            yield f"hospital {name!r} differs from another by letter case or space alone"


class ListedBlock(Section):
    """Registers that stand in sums together or not at all. `least`: the fewest members that said no with which it may stand;
    `parent`: digest (hex) of the block that it was split from."""

    members: tuple[Member, ...] = Field(min_length=1)
    least: int = Field(ge=2)
    parent: HexOf32Bytes = ""


class ListedSplit(Section):
    """A block and its parts. `signatures`: every member's signed statement "split" over the digests of the parts (hex)."""

    whole: ListedBlock
    parts: tuple[ListedBlock, ...] = Field(min_length=2)
    signatures: tuple[str, ...] = ()


class ListedSuccession(Section):
    """A key (hex) that has taken the place of a hospital's old one. `signatures`: the statement "succession" over both, signed by
    the old key or by every block mate (hex)."""

    old: HexOf32Bytes = Field(min_length=64)
    new: HexOf32Bytes = Field(min_length=64)
    signatures: tuple[str, ...] = ()


class ListedAgreement(Section):
    """A hospital (its name on the roster, or its key in hex) that may be singled out, with its own signed word for it (hex)."""

    hospital: str = Field(min_length=1)
    register_name: str = "table"
    signature: str


class GivenUp(Section):
    """A sum of an earlier study that was never opened, so that nobody is bound by it: the founding of a block is given up.

    `study`: that study's document, as its digest covers it; `query`: digest of the question (hex); `number`: of the sum;
    `attempts`: for each attempt the signed void votes (hex).
    """

    study: str = Field(min_length=2)
    query: HexOf32Bytes = Field(min_length=64)
    number: int = Field(ge=0)
    attempts: tuple[tuple[str, ...], ...] = Field(min_length=1)


class Cohort(Section):
    """Settings of the synthetic readmission cohort (source "readmission")."""

    n_hospitals: int = Field(default=5, ge=1, le=100_000)
    encounters_per_hospital: int = Field(default=2_000, ge=50, le=10_000_000)
    heterogeneity: float = Field(default=1.0, ge=0.0, le=5.0)


class Noise(Section):
    """Noise on counts and sums: each hospital adds all of it for its own patients, for all of the study's answers that can
    bear it together. Not `enabled`: those answers are exact, and promise no patient anything. Where the study does not say,
    there is noise; only a simulation whose rows are too few for it goes without, says so, and sets `given_up`.
    `rows_per_patient`: more rows of one patient are not counted. `narrow`: a first noisy sum says where each column's values lie
    (`tasks.narrowing`). `noise_multiplier` is set by freezing.
    """

    enabled: bool | None = None
    given_up: bool = False
    epsilon: float = Field(default=1.0, gt=0.0, le=50.0)
    delta: float = Field(default=1e-6, gt=0.0, lt=1.0)
    rows_per_patient: int = Field(default=1, ge=1, le=1_024)
    narrow: bool = False
    noise_multiplier: float = Field(default=0.0, ge=0.0)

    @pydantic.model_serializer(mode="wrap")
    def _without_what_is_not_said(self, write: pydantic.SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A study that does not narrow is the same document, with the same digest, as before there was a way to."""
        found: dict[str, Any] = write(self)
        return found if found.get("narrow") else {name: value for name, value in found.items() if name != "narrow"}


class CarryOver(Section):
    """Constants that an earlier study opened, used again instead of asked again. `study`: its digest (hex). Freezing sets the rest:
    `opening` the digest of the manifest of the sum that opened them, `date` the day (UTC) on which it was opened, and
    `constants`, as JSON text."""

    study: str = Field(pattern="^[0-9a-f]{64}$")
    opening: HexOf32Bytes = ""
    date: _Day | None = None
    constants: str = ""


_NEWER = (
    "outcome_type",
    "classes",
    "outcome_minimum",
    "outcome_maximum",
    "date_column",
    "test_from",
    "index_date",
    "outcome_date",
)


class Data(Section):
    """Where the rows come from (`data/catalogue.py`) and what they mean. The source checks its own settings when the task
    is made: `path`, `hospital_column`, `cohort`, and what else it takes.

    `outcome_type` is of `learning/outcomes.py`, which checks what its outcome column has to declare: `positive` and `negative`,
    the `classes` (of an ordinal outcome in their order), or the range `outcome_minimum` to `outcome_maximum`. `index_date`: the column
    with each row's index date, after which no input may have been recorded; `outcome_date`: with the day of its outcome.
    """

    model_config = ConfigDict(extra="allow")

    source: str = Field(pattern=NAME)
    outcome: str = Field(min_length=1)
    outcome_type: str = Field(default="binary", pattern=NAME)
    positive: str = "1"
    negative: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    outcome_minimum: float | None = None
    outcome_maximum: float | None = None
    patient_column: str = ""
    hospital_column: str = ""
    path: str = ""
    split_salt: str = "cipherward-split-v1"
    test_fraction: float = Field(default=0.2, gt=0.0, lt=0.9)
    validation_fraction: float = Field(default=0.1, gt=0.0, lt=0.9)
    date_column: str = ""
    test_from: _Day | None = None
    index_date: str = ""
    outcome_date: str = ""
    allow_single_class: bool = False
    confirmed_columns: tuple[str, ...] = ()
    cohort: Cohort | None = None

    @pydantic.model_serializer(mode="wrap")
    def _without_what_is_not_said(self, write: pydantic.SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A study of a binary outcome, split by patient, is the same document, with the same digest, as before there was more."""
        found: dict[str, Any] = write(self)
        for name in _NEWER:
            if name in found and getattr(self, name) == type(self).model_fields[name].default:
                del found[name]
        return found

    @property
    def form(self) -> Literal["sides", "labels", "range", "whole"]:
        """What the outcome column holds: one of two sides, one of the listed classes, numbers, or whole numbers from 0."""
        if self.classes:
            return "labels"
        if self.outcome_minimum is not None:
            return "range"
        return "whole" if self.outcome_maximum is not None else "sides"

    def problems(self) -> Iterator[str]:
        """What does not go together here, in words."""
        roles = [self.outcome, self.patient_column, self.hospital_column, self.date_column]
        for name in sorted({role for role in roles if role and roles.count(role) > 1}):
            yield f"data: {name!r} cannot be two of outcome, patient, hospital and date"
        days = {self.index_date, self.outcome_date} - {""}
        for name in sorted(days & {self.outcome, self.patient_column, self.hospital_column}):
            yield f"data: {name!r} cannot be a date and outcome, patient or hospital"
        if self.outcome_date and not self.index_date:
            yield "data.outcome_date needs data.index_date"
        if self.index_date and self.index_date == self.outcome_date:
            yield "data.index_date and data.outcome_date are two columns"
        if self.positive in self.negative:
            yield f"data.positive {self.positive!r} is listed in data.negative, too"
        if len({same_text(text) for text in self.classes}) < len(self.classes):
            yield "data.classes lists one class twice"
        low, high = self.outcome_minimum, self.outcome_maximum
        if low is not None and (high is None or not low < high):
            yield "data.outcome_minimum needs a data.outcome_maximum above it"
        if bool(self.date_column) != (self.test_from is not None):
            yield "data.date_column and data.test_from go together: a split by time needs both"
        if self.test_fraction + self.validation_fraction >= 1.0:
            yield "data.test_fraction + data.validation_fraction must leave rows to train on"


class Model(Section):
    """A kind of model (`learning/catalogue.py`) and its settings, which the kind checks when the task is made.

    `hidden`: layer widths of kind "mlp". `package`: of kind "custom", a torch.nn.Module with one logit per row that is
    passed to the Python API, or made by this "module:function", which every hospital of a deployment has installed itself
    and allows in its policy.
    """

    model_config = ConfigDict(extra="allow")

    kind: str = Field(default="logistic-regression", pattern=NAME)
    hidden: tuple[int, ...] = ()
    package: str = Field(default="", max_length=255, pattern=r"^([A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*)?$")

    @property
    def settings(self) -> dict[str, Any]:
        """What the study sets beside the kind."""
        return self.model_dump(exclude={"kind"}, exclude_defaults=True)

    @property
    def is_linear(self) -> bool:
        """Whether Newton steps can fit it."""
        return self.kind in ("logistic-regression", "linear")

    @property
    def default_bits(self) -> int:
        """Fixed-point bits of an update's entry, chosen by measurement (docs/figures.md): where updates are large, few."""
        return 8 if self.hidden else 16


class Kept(Section):
    """How long vaults keep one kind of object: of the last `rounds` sums, for so many `days`; left out, without end."""

    keep: bool = True
    rounds: int | None = Field(default=None, ge=1)
    days: float | None = Field(default=None, gt=0.0)

    @property
    def is_for_good(self) -> bool:
        return self.keep and self.rounds is None and self.days is None


class Vault(Section):
    """What the parties' vaults keep of the study, where they have one. The study itself is always kept."""

    updates: Kept = Kept()
    openings: Kept = Kept()
    receipts: Kept = Kept()
    models: Kept = Kept()
    result: Kept = Kept()
    log: Kept = Kept()
    report: Kept = Kept()


class Privacy(Section):
    """Differential privacy of the training rounds (docs/privacy.md says of what). `noise_multiplier` is set by freezing."""

    unit: Literal["record", "hospital"]
    epsilon: float = Field(gt=0.0, le=50.0)
    delta: float = Field(gt=0.0, lt=1.0)
    clipping_norm: float = Field(gt=0.0)
    noise_multiplier: float = Field(default=0.0, ge=0.0)


class Aggregation(Section):
    """How sums are protected. What is left out is derived from the number of hospitals (see `thresholds`). The scheme
    (`crypto/schemes.py`) is checked when the task is made."""

    scheme: str = Field(default="quorum", pattern=NAME)
    bits: int | None = Field(
        default=None, ge=4, le=24, description="fixed-point bits of an entry; follows from the model"
    )
    rounding: Literal["nearest", "stochastic"] | None = Field(
        default=None, description="of an update's entries; stochastic below 16 bits, else nearest"
    )
    threshold: int | None = Field(default=None, ge=1)
    corrupt: int | None = Field(default=None, ge=0)
    dropouts: int | None = Field(default=None, ge=0)
    min_contributors: int | None = Field(default=None, ge=1)
    range_initial: float = Field(default=0.25, gt=0.0)
    range_min: float = Field(default=2.0**-20, gt=0.0)
    range_max: float = Field(default=64.0, gt=0.0)
    weight_cap: int = Field(
        default=0, ge=0, description="rows that count as weight 1; 0: 8 x the mean of the opened count"
    )
    max_attempts: int = Field(default=3, ge=1, le=20)
    deadline_seconds: float = Field(
        default=600.0, gt=0.0, le=30 * 86_400.0, description="how long a phase waits for the rest once enough answered"
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.range_min <= self.range_initial <= self.range_max:
            raise ValueError("aggregation: range_min <= range_initial <= range_max must hold")
        return self
