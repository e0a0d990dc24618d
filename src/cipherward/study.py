"""A study is a document: `study.toml`, validated whole, frozen, digested.

Everything a run depends on stands in it; command-line overrides enter the frozen copy. Freezing adds the roster (one
public signature key per hospital, and the coordinator's), and the digest of the frozen document is what every hospital
approves and what every message carries.
"""

from __future__ import annotations

import copy
import hashlib
import json
import tomllib
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from cipherward import settings_words, study_dictionary, study_places, thresholds, tomlfile
from cipherward.errors import StudyError, VersionError
from cipherward.study_columns import Column as Column
from cipherward.study_columns import days_without_index, input_shape
from cipherward.study_evaluation import Evaluation as Evaluation
from cipherward.study_sections import LARGEST_BATCH as LARGEST_BATCH
from cipherward.study_sections import (
    NAME,
    Aggregation,
    GivenUp,
    HexOf32Bytes,
    ListedAgreement,
    ListedBlock,
    ListedSplit,
    ListedSuccession,
    Section,
    problems_of_names,
)
from cipherward.study_sections import CarryOver as CarryOver
from cipherward.study_sections import Cohort as Cohort
from cipherward.study_sections import Data as Data
from cipherward.study_sections import Hospital as Hospital
from cipherward.study_sections import Model as Model
from cipherward.study_sections import Noise as Noise
from cipherward.study_sections import Privacy as Privacy
from cipherward.study_sections import Vault as Vault
from cipherward.study_sections import same_text as same_text
from cipherward.study_training import Defence as Defence
from cipherward.study_training import Training as Training
from cipherward.study_training import with_fitting_kind, with_network_defaults
from cipherward.thresholds import Thresholds

FORMAT = 6
"""Of a frozen study: goes up when its fields, questions or messages change their meaning."""


class Study(Section):
    """A checked study. Frozen when `coordinator_key` and every hospital's `public_key` are set. `until`: its last day, UTC."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    title: str = ""
    description: str = ""
    purpose: str = ""
    contact: str = ""
    legal_basis: str = ""
    until: date | None = None
    synthetic: bool = False
    seed: int = Field(default=0, ge=0, lt=2**63)
    format: int = FORMAT
    task: str = Field(default="train", pattern=NAME)
    settings: dict[str, Any] = Field(default_factory=dict, description="the task's own, checked by the task")
    data: Data
    columns: tuple[Column, ...] = Field(min_length=1)
    model: Model = Model()
    training: Training = Training()
    aggregation: Aggregation = Aggregation()
    evaluation: Evaluation = Evaluation()
    privacy: Privacy | None = None
    noise: Noise = Noise()
    vault: Vault = Vault()
    carry_over: CarryOver | None = None
    hospitals: tuple[Hospital, ...] = ()
    blocks: tuple[ListedBlock, ...] | None = Field(
        default=None, description="who stands in sums together or not at all; left out: as many blocks as fit"
    )
    splits: tuple[ListedSplit, ...] = ()
    refresh: bool = Field(default=False, description="new patients enter: every block goes one refresh on")
    successions: tuple[ListedSuccession, ...] = ()
    agreed: tuple[ListedAgreement, ...] = ()
    given_up: tuple[GivenUp, ...] = ()
    singled_out: Literal["never", "all"] | tuple[str, ...] = Field(
        default="never", description="hospitals that may be singled out by what is opened, in a simulation"
    )
    coordinator_key: HexOf32Bytes = ""
    ckks_key_digest: HexOf32Bytes = ""

    @model_validator(mode="before")
    @classmethod
    def _with_defaults(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return with_network_defaults(with_fitting_kind(study_dictionary.with_roles(given)))

    @model_validator(mode="after")
    def _whole(self) -> Self:
        problems: list[str] = []
        names = [column.name for column in self.columns]
        problems += [f"column {name!r} is declared twice" for name in sorted({n for n in names if names.count(n) > 1})]
        data = self.data
        days = {data.index_date, data.outcome_date, *(column.recorded for column in self.columns)}
        reserved = {data.outcome, data.patient_column, data.hospital_column, data.date_column, *days} - {""}
        problems += [
            f"column {name!r} cannot be both input and outcome, patient, hospital or date"
            for name in names
            if name in reserved
        ]
        problems += days_without_index(self.columns, data.index_date)
        people = [hospital.name for hospital in self.hospitals]
        problems += problems_of_names(people)
        problems += [
            f"data.confirmed_columns names {name!r}, which is no input column"
            for name in self.data.confirmed_columns
            if name not in names
        ]
        problems += (*self.data.problems(), *self.evaluation.problems(self.columns))
        if isinstance(self.singled_out, tuple):
            problems += [f"singled_out names {name!r}, no hospital" for name in self.singled_out if name not in people]
        carried = self.carry_over
        if carried and self.coordinator_key and not (carried.opening and carried.date and carried.constants):
            problems.append("carry_over: a frozen study states the opening, its date and the constants")
        problems += self._privacy_problems()
        problems += self._method_problems()
        if self.n_hospitals:
            problems += [f"quorum arithmetic: {problem}" for problem in self.thresholds.problems()]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _method_problems(self) -> list[str]:
        if self.training.method != "newton":
            return list(self.training.defence_problems(self.privacy))
        if not self.model.is_linear or self.privacy is not None:
            return ['training.method "newton" fits a linear model, in a study without [privacy]']
        if self.training.asks_for_sgd:
            return [
                'training.method "newton" takes no local_epochs, batch_size, learning_rate, momentum, proximal, server, halves_rate or defence'
            ]
        return []

    def _privacy_problems(self) -> list[str]:
        if self.privacy is None:
            return []
        problems: list[str] = []
        if not self.training.local_epochs:
            problems.append("privacy needs training.local_epochs: what it costs follows from them")
        if self.privacy.unit == "hospital":
            wanted = ["halves_rate false"] * self.training.halves_rate + ["patience 0"] * bool(self.training.patience)
            said = "its rounds carry no validation loss"
            problems += [f'privacy.unit "hospital" needs training.{each}: {said}' for each in wanted]
        elif self.privacy.noise_multiplier:
            problems.append('privacy.noise_multiplier belongs to unit "hospital" and is set by freezing')
        return problems

    @property
    def bits(self) -> int:
        """Fixed-point bits of an entry: the study's own, else the model's; noise of whole hospitals needs room."""
        needs_room = self.privacy is not None and self.privacy.unit == "hospital"
        return self.aggregation.bits or (16 if needs_room else self.model.default_bits)

    @property
    def fits_by_newton(self) -> bool:
        """Whether the model is fitted by Newton steps; otherwise by rounds of SGD at the hospitals."""
        if self.training.method is not None:
            return self.training.method == "newton"
        return self.model.is_linear and self.privacy is None and not self.training.asks_for_sgd

    @property
    def has_stochastic_rounding(self) -> bool:
        """Whether a weighted update is rounded at random."""
        return (self.aggregation.rounding or ("stochastic" if self.bits < 16 else "nearest")) == "stochastic"

    @property
    def n_hospitals(self) -> int:
        """Number of hospitals on the roster, or that the synthetic cohort will have."""
        return len(self.hospitals) or (self.data.cohort.n_hospitals if self.data.cohort else 0)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """How a model's input row is folded: of images (channels, height, width), of series (channels, length), of a table see
        `study_columns.input_shape`."""
        return input_shape(self.columns)

    @property
    def hospital_names(self) -> tuple[str, ...]:
        """The roster's names, or those that the synthetic cohort's hospitals get: hospital-1, hospital-2, ..."""
        if self.hospitals:
            return tuple(hospital.name for hospital in self.hospitals)
        width = len(str(self.n_hospitals))
        return tuple(f"hospital-{number:0{width}d}" for number in range(1, self.n_hospitals + 1))

    @property
    def thresholds(self) -> Thresholds:
        """The quorum numbers, with what the study leaves out derived."""
        a = self.aggregation
        return thresholds.derive(
            self.n_hospitals,
            threshold=a.threshold,
            corrupt=a.corrupt,
            dropouts=a.dropouts,
            min_contributors=a.min_contributors,
        )

    @property
    def group_rows(self) -> int:
        """Test rows of a hospital that share a score before it is counted, at least."""
        return self.evaluation.group_rows or 10

    @property
    def own_noise(self) -> Noise | None:
        """The noise that every hospital adds for its own patients where an answer can carry it; None: all sums are exact."""
        return self.noise if self.noise.enabled is not False else None

    @property
    def sums_planned(self) -> int:
        """How many sums a study that trains a model asks, at most."""
        before = (0 if self.carry_over else 1 + self.noise.narrow) + any(column.is_predicted for column in self.columns)
        return before + self.training.rounds * self.training.sums_in_round(len(self.blocks or ())) + 1

    def names_alone(self, name: str) -> bool:
        """Whether `singled_out` names this hospital."""
        return self.singled_out == "all" or (isinstance(self.singled_out, tuple) and name in self.singled_out)

    @property
    def is_frozen(self) -> bool:
        return bool(self.coordinator_key and self.hospitals and all(h.public_key for h in self.hospitals))

    def ended(self, now: float) -> str:
        """Why nothing more may be computed at `now` (Unix seconds); empty until the last day is over."""
        over = self.until is not None and datetime.fromtimestamp(now, UTC).date() > self.until
        return f"the study {self.name!r} ended on {self.until} (until)" if over else ""

    def canonical(self) -> str:
        """The whole document as canonical JSON: sorted keys, no white space."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def digest(self) -> bytes:
        """SHA-256 over the canonical document; 32 bytes."""
        return self._digest

    @cached_property
    def _digest(self) -> bytes:
        return hashlib.sha256(b"cipherward/v1/study\x00" + self.canonical().encode()).digest()

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Study:
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("_digest", None)  # of the other document
        return copied

    def without_columns(self, names: Collection[str]) -> Study:
        """What is asked where columns are left out; no document by itself, and with another digest."""
        kept = tuple(column for column in self.columns if column.name not in names)
        changed = {"columns": kept, "evaluation": self.evaluation.without(names)}
        return self.model_copy(update=changed) if len(kept) < len(self.columns) else self

    def with_overrides(self, **sections: dict[str, Any]) -> Study:
        """A new, validated study with the given keys of the given sections replaced (`top` for top-level keys)."""
        document = self.model_dump(mode="json")
        for section, values in sections.items():
            if section == "top":
                document.update(values)
            else:
                document[section] = {**(document[section] or {}), **values}
        return parse(document, origin=self.name)

    def to_toml(self) -> str:
        """The document as TOML; `load` gives the same study back, with the same digest."""
        import tomli_w

        return tomli_w.dumps(_without_none(self.model_dump(mode="json")))


def _refuse_other_formats(document: dict[str, Any], origin: str) -> None:
    """A frozen study means what it meant when it was signed, or nothing at all."""
    found = document.get("format", 1 if document.get("coordinator_key") else FORMAT)
    if found != FORMAT:
        raise VersionError(
            f"the study {origin} was frozen by another version of cipherward (format {found}; this one reads {FORMAT})",
            hint="verify and use its runs with the version that made them; here, start it anew as a new study",
        )


def parse(document: dict[str, Any], *, origin: str, text: str = "") -> Study:
    """Check a parsed document and return the Study. What the task, the kind of model, the data source and the scheme say of it
    comes when the task is made (`tasks.catalogue.make_task`). `text`: the TOML that it was read from, whose lines are named in
    mistakes.

    Raises:
        StudyError: `problems` lists every mistake found, each with its place in the document.
        VersionError: frozen by another version.
    """
    _refuse_other_formats(document, origin)
    try:
        return Study.model_validate(document)
    except ValidationError as error:
        problems: list[str] = []
        for item in _all_errors(document, error):
            place = study_places.describe(item["loc"], document, text)
            said = settings_words.words(item, Study)
            problems += [f"{place}: {line}" if place else line for line in said.split("\n")]
        raise StudyError(
            f"the study {origin} has {len(problems)} problem(s):\n  - " + "\n  - ".join(problems),
            problems=tuple(problems),
            hint="correct the lines above in the study file; docs/study.md explains every setting",
        ) from None


def _all_errors(document: dict[str, Any], error: ValidationError) -> list[ErrorDetails]:
    """The errors found, and those that unknown keys hid: pydantic checks a section as a whole only without them."""
    found = error.errors(include_url=False)
    unknown = [item for item in found if item["type"] == "extra_forbidden"]
    if not unknown:
        return found
    known = copy.deepcopy(document)
    for item in unknown:
        section: Any = known
        for part in item["loc"][:-1]:
            section = section[part]
        del section[item["loc"][-1]]
    try:
        Study.model_validate(known)
    except ValidationError as further:
        return unknown + further.errors(include_url=False)
    return unknown


_TABLES = {".csv", ".tsv", ".txt", ".gz", ".parquet", ".xlsx", ".xls"}


def load(path: Path) -> Study:
    """Read and check a study file, see `parse`.

    Raises:
        StudyError: not readable, not TOML, or not a valid study.
    """
    try:
        written = path.read_bytes()
        document = tomlfile.table(written)
    except OSError as error:
        raise StudyError(
            f"cannot read the study file {path}: {error.strerror or error}",
            hint="give the path of a study.toml, or the name of a built-in study (`cipherward studies`)",
        ) from None
    except ValueError as error:
        if path.suffix.lower() in _TABLES:
            raise StudyError(
                f"{path} is a table, not a study", hint="write a study.toml that names it; docs/study.md shows one"
            ) from None
        raise StudyError(
            f"{path} is not valid TOML: {error}", hint="correct the file at the place named above"
        ) from None
    document = study_dictionary.with_file(document, path.parent)
    return parse(document, origin=str(path), text=written.decode("utf-8-sig"))


def builtin_names() -> list[str]:
    """Names of the studies that come with the package."""
    folder = resources.files("cipherward") / "studies"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_builtin(name: str) -> Study:
    """A study that comes with the package, by name.

    Raises:
        StudyError: no built-in study has that name.
    """
    if name not in builtin_names():
        if Path(name).is_dir():
            raise StudyError(
                f"{name} is a folder, not a study",
                hint="give the study file in it, or the run in it to `cipherward run --resume`",
            )
        raise StudyError(
            f"no built-in study is called {name!r}, and there is no such file",
            hint=f"built-in studies: {', '.join(builtin_names())}; or give the path of a study.toml",
        )
    text = (resources.files("cipherward") / "studies" / f"{name}.toml").read_text(encoding="utf-8")
    return parse(tomllib.loads(text), origin=name)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_none(item) for item in value]
    return value
