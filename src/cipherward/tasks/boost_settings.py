"""The settings of task `boost`, and the floors on rows that follow from them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from cipherward.errors import StudyError
from cipherward.study import Study
from cipherward.tasks import points_settings, settings

LEAF_ROWS = 500
"""Training rows of a leaf, with the floors on, at least."""
_BIN_SHARE = 100
"""A bin holds 1 of so many training rows, with the floors on."""
_LEAST_ROWS = 10


class Settings(BaseModel):
    """`stages` of so many `trees`, which are grown side by side from the same scores, level by level, and added with
    `learning_rate` / `trees`. A tree sees `subsample` of each hospital's training rows and `colsample` of the columns.

    `bins`: of a numeric column at most. `bin_rows`, `leaf_rows`: training rows of all hospitals together in a bin and in a leaf, at
    least; `floors`: no bin under 1 % of the rows, no leaf under 500. Without floors 0 follows from the number of rows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    stages: int = Field(default=4, ge=1, le=200)
    trees: int = Field(default=64, ge=1, le=256)
    max_depth: int = Field(default=6, ge=1, le=8)
    max_leaves: int = Field(default=48, ge=2, le=256)
    learning_rate: float = Field(default=1.5, gt=0.0, le=4.0)
    subsample: float = Field(default=0.7, gt=0.0, le=1.0)
    colsample: float = Field(default=0.3, gt=0.0, le=1.0)
    bins: int = Field(default=32, ge=2, le=64)
    floors: bool = True
    bin_rows: int = Field(default=0, ge=0, le=1_000_000)
    leaf_rows: int = Field(default=0, ge=0, le=1_000_000)

    def bin_floor(self, n_rows: int) -> int:
        """Training rows of a bin, of `n_rows` in all, at least."""
        if self.floors:
            return max(self.bin_rows, -(-n_rows // _BIN_SHARE), points_settings.LEAST_BIN_ROWS)
        return self.bin_rows or points_settings.default_bin_rows(n_rows)

    def leaf_floor(self, n_rows: int) -> int:
        """The same of a leaf."""
        if self.floors:
            return max(self.leaf_rows, LEAF_ROWS)
        return self.leaf_rows or points_settings.default_bin_rows(n_rows)


def parse(study: Study) -> Settings:
    """The study's settings.

    Raises:
        StudyError: they do not fit.
    """
    found = settings.parsed(study, Settings)
    if found.floors and 0 < found.leaf_rows < LEAF_ROWS:
        raise StudyError(
            f"settings.leaf_rows is {found.leaf_rows}; with the floors on it is {LEAF_ROWS} or more",
            hint="leave it out, or set settings.floors = false, which every hospital's review shows",
        )
    for name in ("bin_rows", "leaf_rows"):
        if 0 < getattr(found, name) < _LEAST_ROWS:
            raise StudyError(f"settings.{name} is 0 or at least {_LEAST_ROWS}", hint="raise it, or leave it out")
    return found
