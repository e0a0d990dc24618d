"""policy.toml: the privacy officer's floors, in a file that says what each line means."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from cipherward import settings_words
from cipherward.crypto.schemes import CATALOGUE
from cipherward.errors import StorageError
from cipherward.learning.catalogue import KINDS
from cipherward.parties.policy import Policy
from cipherward.store import files

DEFAULT = """\
# What this hospital takes part in. This file belongs to the privacy officer.
#
# A study outside these limits is refused, whoever approved it and whatever the coordinator says. A study inside them
# still needs a person's approval (cipherward hospital review, then approve). No study changes this file.
# After a change: cipherward hospital policy. It says whether the file is right and which studies it refuses.

# How numbers are protected before they leave.
#   quorum  nobody holds a key that opens this hospital's numbers; several hospitals together open the sum only.
#   ckks    the coordinator holds a key that could open this hospital's numbers; a rule and a log say that it does not.
schemes = ["quorum"]

# No sum over fewer hospitals than this. More hospitals hide this one better. At least 3.
min_contributors = 3

# How many other hospitals may work together with the coordinator against this one without success, at least.
min_corrupt = 1

# Training rounds in one study, at most. Every round says a little more about the patients.
max_rounds = 1000

# Differential privacy bounds what anyone can learn about a patient from the training. The smaller epsilon, the stronger.
# With this line, studies without differential privacy or with a larger epsilon are refused, and all studies of this
# hospital together stay below it. Without it there is no such limit.
# max_epsilon = 8.0

# The chance with which that protection may fail altogether. Every epsilon is taken at this delta, whatever a study
# writes; with 1 / number of patients or more it would protect nobody.
max_delta = 1e-5

# Noise on counts, means and histograms, which this hospital adds itself for its own patients: one study's epsilon, at
# max_delta. A study may ask for these numbers without noise, and its review says so; exact_counts = false refuses that.
max_noise_epsilon = 8.0
exact_counts = true

# What carries no such noise promises no patient anything: so many sums in one study at most, and so many models whose
# predictions on this hospital's rows are counted.
max_exact_sums = 1100
max_measured_models = 1100

# A study may measure its model for subgroups of patients (sex, bands of age): exact counts by outcome of each. So many
# subgroups in one study at most; 0 refuses studies that ask for any.
max_subgroups = 30

# Kinds of model: "logistic-regression", "linear" (the same for other outcomes), "mlp" (a small neural network), "tabular" (one that embeds categories), "points" (a table of points), "boosted-trees",
# "cnn" and "sequence" (images and series), "backbone" (a network that was trained elsewhere, and one layer),
# "custom" (see the next line).
models = ["logistic-regression", "linear", "mlp"]

# Model code that this hospital has installed itself and has checked, for studies of kind "custom":
# for example ["icu_models.lstm:build"]. A study can only name code from this list; it never brings its own.
packages = []

# Columns that a study may read, the outcome and the patient column included: "*" for all that the table has, or a
# list such as ["patient_id", "age", "sex", "readmitted_30d"].
columns = "*"

# Technical limits on precision and range of one number. Change them on advice only.
max_bits = 24
max_range = 64.0

# Bins of the histograms in which predicted risks are counted.
max_bins = 4096

# Bins into which the range of a column is divided in a cohort table.
max_column_bins = 256

# The least number of this hospital's rows that are counted together. With fewer rows of what a sum is about, this
# hospital does not count among those that hide each other in it; exact counts by outcome are of so many of its rows or
# of none; and a model that sets fewer of its rows apart from all others is refused.
cell_min = 10

# New patients enter studies in batches of at least so many in every part of the split (training, validation, test). A
# patient who is withdrawn or corrected takes a whole batch out. It counts for batches that are dealt from now on.
rows_min = 10

# Exact sums count a column in all studies over the same range and into as many bins as the first one did: from two
# such grids the few patients between them can be worked out; so from two values at which large inputs of a model are
# cut, where this hospital has such rows. false lets a study choose others.
one_grid = true

# Boosted trees have floors on the rows of their bins and leaves, which a study can turn off; its review says so. true refuses
# such a study. With floors, too, some of the numbers that trees are grown from are of few patients.
row_floors = true

# Whether this hospital takes part where it has more patients than all the others of its block together, by the sizes that
# approvals declare. What is opened of such a block is nearly its own.
may_dominate = true

# Rows of this hospital that share one predicted risk before it is counted, at least; cell_min holds as well.
min_group_rows = 10
"""


def _known_kind(name: str) -> str:
    if name not in KINDS:
        raise ValueError(f"no kind of model is called {name!r}; there are {', '.join(sorted(KINDS))}")
    return name


def _known_scheme(name: str) -> str:
    deployed = sorted(each for each, facts in CATALOGUE.items() if facts.for_deployments)
    if name not in deployed:
        raise ValueError(f"no scheme between hospitals is called {name!r}; there are {', '.join(deployed)}")
    return name


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    schemes: list[Annotated[str, AfterValidator(_known_scheme)]] = Field(min_length=1)
    min_contributors: int = Field(default=3, ge=3)
    min_corrupt: int = Field(default=1, ge=1)
    max_bits: int = Field(default=24, ge=1, le=24)
    max_range: float = Field(default=64.0, gt=0.0)
    max_rounds: int = Field(default=1_000, ge=1)
    max_epsilon: float | None = Field(default=None, gt=0.0)
    max_delta: float = Field(default=1e-5, gt=0.0, lt=0.01)
    max_noise_epsilon: float = Field(default=8.0, gt=0.0)
    exact_counts: bool = True
    max_exact_sums: int = Field(default=1_100, ge=0)
    max_measured_models: int = Field(default=1_100, ge=0)
    max_subgroups: int = Field(default=30, ge=0)
    max_bins: int = Field(default=4_096, ge=64)
    max_column_bins: int = Field(default=256, ge=8)
    cell_min: int = Field(default=10, ge=1)
    rows_min: int = Field(default=10, ge=1)
    min_group_rows: int = Field(default=10, ge=1)
    one_grid: bool = True
    row_floors: bool = True
    may_dominate: bool = True
    models: list[Annotated[str, AfterValidator(_known_kind)]] = Field(min_length=1)
    packages: list[str] = []
    columns: Literal["*"] | list[str] = "*"


def parse(text: str, origin: str) -> Policy:
    """The policy that a file states.

    Raises:
        StorageError: names every mistake; unknown settings are mistakes.
    """
    try:
        document = files.toml_table(text.encode())
    except ValueError as error:
        raise StorageError(f"{origin} is not valid TOML: {error}", hint="correct the file at the place named") from None
    try:
        found = _File.model_validate(document)
    except ValidationError as error:
        problems = sorted({_words(item) for item in error.errors()})
        raise StorageError(
            f"{origin} has {len(problems)} problem(s):\n  - " + "\n  - ".join(problems),
            hint="correct the lines above; until then this hospital takes part in nothing",
        ) from None
    return Policy(
        schemes=frozenset(found.schemes),
        min_contributors=found.min_contributors,
        min_corrupt=found.min_corrupt,
        max_bits=found.max_bits,
        max_range=found.max_range,
        max_rounds=found.max_rounds,
        max_epsilon=found.max_epsilon,
        max_delta=found.max_delta,
        max_noise_epsilon=found.max_noise_epsilon,
        exact_counts=found.exact_counts,
        max_exact_sums=found.max_exact_sums,
        max_measured_models=found.max_measured_models,
        max_subgroups=found.max_subgroups,
        max_bins=found.max_bins,
        max_column_bins=found.max_column_bins,
        cell_min=found.cell_min,
        rows_min=found.rows_min,
        min_group_rows=found.min_group_rows,
        one_grid=found.one_grid,
        row_floors=found.row_floors,
        may_dominate=found.may_dominate,
        models=frozenset(found.models),
        packages=frozenset(found.packages),
        columns=None if found.columns == "*" else frozenset(found.columns),
    )


def load(path: Path) -> Policy:
    """Read and check a policy file.

    Raises:
        StorageError: missing, not TOML, or with mistakes, all of which are named.
    """
    try:
        text = files.read(path).decode()
    except UnicodeDecodeError:
        raise StorageError(f"{path} is not UTF-8 text", hint="save it as UTF-8") from None
    return parse(text, str(path))


def clauses(policy: Policy) -> dict[str, Any]:
    """A policy's clauses by name, as JSON values."""
    return {
        "schemes": sorted(policy.schemes),
        "min_contributors": policy.min_contributors,
        "min_corrupt": policy.min_corrupt,
        "max_rounds": policy.max_rounds,
        "max_epsilon": policy.max_epsilon,
        "max_delta": policy.max_delta,
        "max_noise_epsilon": policy.max_noise_epsilon,
        "exact_counts": policy.exact_counts,
        "max_exact_sums": policy.max_exact_sums,
        "max_measured_models": policy.max_measured_models,
        "max_subgroups": policy.max_subgroups,
        "max_bins": policy.max_bins,
        "max_column_bins": policy.max_column_bins,
        "cell_min": policy.cell_min,
        "rows_min": policy.rows_min,
        "min_group_rows": policy.min_group_rows,
        "one_grid": policy.one_grid,
        "row_floors": policy.row_floors,
        "may_dominate": policy.may_dominate,
        "models": "*" if policy.models is None else sorted(policy.models),
        "packages": sorted(policy.packages),
        "columns": "*" if policy.columns is None else sorted(policy.columns),
        "max_bits": policy.max_bits,
        "max_range": policy.max_range,
    }


def _words(item: ErrorDetails) -> str:
    name, said = str(item["loc"][0]), settings_words.words(item, _File)
    if item["type"] == "missing":
        return f"{name} {said}"
    if name == "columns":
        return 'columns: write "*" or a list of column names'
    return f"{name}: {said[0].lower()}{said[1:]}"
