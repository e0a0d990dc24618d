"""What task `describe` can be asked, and the words of its sums."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from cipherward.errors import StudyError
from cipherward.study import Study
from cipherward.tasks import inclusion, settings
from cipherward.tasks.inclusion import Rule
from cipherward.tasks.quantiles import QUARTILES

MEANING = {
    "rows": "how many rows there are, by outcome",
    "present": "for each numeric column and outcome: how many rows have a value",
    "sum": "for each numeric column and outcome: the sum of its values (scaled to 0..1)",
    "square": "for each numeric column and outcome: the sum of its squared values (likewise)",
    "histogram": "for each numeric column and outcome: rows by value, in equal bins of the declared range; a bin may hold one row",
    "categories": "for each categorical column and outcome: rows by category, and without a value; a category may have one row",
    "flow": "how many rows there are, and how many each rule leaves, one after another, without outcomes",
}
FINE = {
    "fine": "for each numeric column, outcome and quantile: rows by value inside the bin that holds it; a bin may hold one row"
}


MOST_QUANTILES = 20
Share = Annotated[float, Field(ge=0.001, le=0.999)]


class Settings(BaseModel):
    """`bins`: of a declared range, and again of the bin that holds a quantile. `cell_min`: smaller counts are not
    shown. `include`: rules that rows have to keep, one after another. `quantiles`: shares of rows below, shown beside
    the quartiles."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bins: int = Field(default=64, ge=8, le=1_024)
    cell_min: int = Field(default=10, ge=1, le=1_000)
    include: tuple[Rule, ...] = Field(default=(), max_length=inclusion.MOST)
    quantiles: tuple[Share, ...] = Field(default=(), max_length=MOST_QUANTILES)

    @property
    def shares(self) -> tuple[float, ...]:
        """All quantiles that are asked: the quartiles, then the others, ascending."""
        return (*QUARTILES, *sorted({*self.quantiles} - {*QUARTILES}))


def parse(study: Study) -> Settings:
    """The study's settings.

    Raises:
        StudyError: they do not fit; `problems` lists every mistake found.
    """
    found = settings.parsed(study, Settings)
    columns = {column.name: column for column in study.columns}
    if problems := [problem for rule in found.include for problem in rule.problems(columns)]:
        raise settings.unfit(study, tuple(problems))
    if found.include and study.own_noise is None:
        raise StudyError(
            "settings.include needs noise on the counts: two exact tables with other rules can be subtracted, and what is left may be the "
            "outcomes of few patients",
            hint="set noise.enabled = true, and a larger noise.epsilon where rows are few; or remove settings.include",
        )
    return found
