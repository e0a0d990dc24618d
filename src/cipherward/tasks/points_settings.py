"""The settings of task `points`, and the floors that follow from the rows where a study sets none."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from cipherward.errors import StudyError
from cipherward.study import Study
from cipherward.tasks import settings


class Settings(BaseModel):
    """`bins`: of a numeric column at most, each of `bin_rows` training rows of all hospitals together or more (0: follows from
    their number). `coarse_bins`, `coarse_rows`: the same of the wider bins that pairs are made of; `cell_rows`: of a pair's cell.
    `pairs`: how many pairs at most; columns of one of the `families` are not paired. `steps`: Newton steps at most, with the first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bins: int = Field(default=32, ge=2, le=64)
    bin_rows: int = Field(default=0, ge=0, le=1_000_000)
    coarse_bins: int = Field(default=5, ge=2, le=16)
    coarse_rows: int = Field(default=0, ge=0, le=1_000_000)
    cell_rows: int = Field(default=20, ge=10, le=1_000_000)
    pairs: int = Field(default=20, ge=0, le=100)
    steps: int = Field(default=3, ge=1, le=20)
    families: tuple[tuple[str, ...], ...] = ()


def parse(study: Study) -> Settings:
    """The study's settings.

    Raises:
        StudyError: they do not fit.
    """
    found = settings.parsed(study, Settings)
    if 0 < found.bin_rows < found.cell_rows or 0 < found.coarse_rows < found.cell_rows:
        raise StudyError(
            "settings.bin_rows and coarse_rows are at least cell_rows", hint="raise them, or leave them out"
        )
    return found


LEAST_BIN_ROWS = 20
"""However few rows there are."""


def default_bin_rows(n_rows: int) -> int:
    """1 of 350 training rows, at least 20 and at most 200."""
    return min(max(n_rows // 350, LEAST_BIN_ROWS), 200)


def default_coarse_rows(n_rows: int) -> int:
    """1 of 35 training rows, at least 40 and at most 2,000."""
    return min(max(n_rows // 35, 40), 2_000)
