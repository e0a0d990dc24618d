"""What a comparison found, read from its files and checked: a damaged or hostile file is an error, never a page.

comparison.json and the others are written by `cipherward compare`; every text in them is cleaned for display here and
escaped by the template.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from cipherward.errors import StorageError
from cipherward.report.facts import clean, shortened
from cipherward.runs import result_json
from cipherward.runs.result_json import Amount, Count, Share

NAME, SIZES, SHIFT, STUDY = "comparison.json", "sizes.json", "shift.json", "study.toml"
_MAX_WORDS = 600
_RUN = re.compile(r"arms/[A-Za-z0-9][\w.-]*/seed-\d+")


def _words(text: str) -> str:
    text = clean(text)
    return text if len(text) <= _MAX_WORDS else text[: _MAX_WORDS - 1] + "…"


def _inside(text: str) -> str:
    if not _RUN.fullmatch(text):
        raise ValueError("a run lies in arms/ARM/seed-NUMBER")
    return text


Name = Annotated[str, AfterValidator(lambda text: shortened(clean(text)))]
Number = Annotated[float, Field(ge=-1e15, le=1e15)]
Words = Annotated[str, AfterValidator(_words)]
Run = Annotated[str, AfterValidator(_inside)]


class _Checked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Estimate(_Checked):
    """A mean over seeds with its 95 % interval."""

    mean: Number
    low: Number
    high: Number


class Seconds(_Checked):
    """Seconds of a training round, all parties, and how they divide by phase."""

    mean: Amount
    by_phase: dict[Name, Amount] = {}


class Convergence(_Checked):
    mean: Amount
    min: Amount
    max: Amount


class Budget(_Checked):
    """Differential privacy of an arm: what it may spend and what it spent."""

    unit: Literal["record", "hospital"]
    epsilon: Amount
    delta: Share
    epsilon_spent: Amount


class Seed(_Checked):
    """One training of an arm. `auroc_by_round`: before the first round and after each, or after each."""

    seed: Count
    auroc: Share
    auprc: Share | None = None
    brier: Amount | None = None
    auroc_by_round: tuple[Share | None, ...] | None = None
    seconds_by_round: tuple[Amount, ...] | None = None
    run: Run | None = None


class Arm(_Checked):
    """One way to train the model."""

    name: Name
    label: Name
    scheme: Name | None
    privacy: Budget | None
    objective: Words
    methodology: Words
    primary_contribution: Words
    metrics: dict[Name, Estimate]
    difference_to_centralised: Estimate | None = None
    seconds_per_round: Seconds | None = None
    bytes_up_per_hospital_round: Amount | None = None
    bytes_down_per_hospital_round: Amount | None = None
    rounds_to_convergence: Convergence | None = None
    who_can_read_one_update: Words
    dropouts_tolerated: Count | None = None
    warnings: tuple[Words, ...] = ()
    seeds: tuple[Seed, ...]

    @model_validator(mode="after")
    def _has_auroc(self) -> Self:
        if "auroc" not in self.metrics:
            raise ValueError("an arm without its AUROC")
        return self


class Difference(_Checked):
    max_auroc_difference_per_seed: Amount


class Hospital(_Checked):
    name: Name
    rows: Count | None
    positive: Count | None


class Alone(_Checked):
    """What a hospital's own model reaches on the pooled test rows, beside the shared ones; `n_test`: its own rows."""

    hospital: Name
    n_test: Count
    n_test_positive: Count | None
    local: Estimate | None
    federated: Estimate | None
    centralised: Estimate | None


class Comparison(_Checked):
    """comparison.json."""

    kind: Literal["comparison"]
    version: Literal[1]
    study: Name
    title: Words
    synthetic: bool
    source: Name
    outcome: Name
    seeds: tuple[Count, ...]
    rounds: Annotated[int, Field(ge=1)]
    n_hospitals: Annotated[int, Field(ge=1)]
    hospitals: tuple[Name, ...]
    n_test_rows: Count
    n_test_positive: Count
    n_parameters: Count
    data: tuple[Hospital, ...] = ()
    model: Words
    device: Words
    versions: dict[Name, Name]
    command: Words
    finished: bool
    arms: tuple[Arm, ...]
    equal_to_plain: dict[Name, Difference] = {}
    hospitals_alone: tuple[Alone, ...] = ()

    def arm(self, name: str) -> Arm | None:
        """The arm of that name; None where it has not run (yet)."""
        return next((arm for arm in self.arms if arm.name == name), None)


class Size(_Checked):
    """Time and bytes of one scheme for one number of parameters."""

    n_parameters: Annotated[int, Field(ge=1)]
    scheme: Name
    seconds: dict[Name, Amount]
    bytes_up_per_hospital: Amount
    bytes_down_per_hospital: Amount
    bytes_up_per_parameter: Amount


class BreakEven(_Checked):
    """From how many parameters all that a hospital sends takes less than plain float32: the first, and every one from."""

    first: Count | None = None
    always: Count | None = None


class LeftOut(_Checked):
    scheme: Name
    reason: Words


class Sizes(_Checked):
    """sizes.json."""

    n_hospitals: Count
    threshold: Count
    bits: Count
    repeats: Count
    machine: Words
    rows: tuple[Size, ...]
    float32_bytes_per_parameter: Amount = 4
    ratio_to_masks: dict[Name, Amount] = {}
    break_even_parameters: BreakEven | None = None
    left_out: tuple[LeftOut, ...] = ()


Scores = dict[Name, Share | None]


class ShiftRound(_Checked):
    round: Count
    federated: Scores
    local: Scores


class ShiftPoint(_Checked):
    federated: Scores
    local: Scores


class Shift(_Checked):
    """shift.json: AUROC by hospital on the test rows of its case mix at the time.

    `at_shift`: the models of the last round before the change, on the new case mix.
    """

    study: Name
    scheme: Name
    rounds: Count
    shift_round: Count
    hospitals_shifted: tuple[Name, ...]
    case_mix: Words
    by_round: tuple[ShiftRound, ...]
    before: ShiftPoint
    at_shift: ShiftPoint | None = None
    after: ShiftPoint


T = TypeVar("T", bound=BaseModel)


def read(path: Path) -> Comparison:
    """comparison.json of a compare directory.

    Raises:
        StorageError: not a compare directory, or the file is damaged; names the file and what is wrong in it.
    """
    if not (path / NAME).exists():
        raise StorageError(
            f"{path} is not a compare directory: it has no {NAME}", hint="give the folder that a comparison printed"
        )
    return _read(path / NAME, Comparison)


def read_sizes(path: Path) -> Sizes | None:
    """The size sweep; None where it was not run. Raises StorageError as `read`."""
    return _read(path / SIZES, Sizes) if (path / SIZES).exists() else None


def read_shift(path: Path) -> Shift | None:
    """The shift run; None where it was not run. Raises StorageError as `read`."""
    return _read(path / SHIFT, Shift) if (path / SHIFT).exists() else None


def _read(path: Path, kind: type[T]) -> T:
    try:
        return result_json.read(path, kind)
    except StorageError as error:
        raise StorageError(
            clean(error.message),
            hint="restore it from a backup, or delete it and run the comparison again: finished arms are kept",
        ) from None
