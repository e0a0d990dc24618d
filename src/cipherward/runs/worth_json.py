"""What result.json says of a model for subgroups, read and checked (`tasks.evaluated`)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Ends = Annotated[tuple[Share, ...], Field(max_length=2)]


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Served(_Read):
    """Some test rows; of few there is no AUROC. `worse`: in which ways the model serves them worse than everybody."""

    column: str = ""
    level: str = ""
    rows: Annotated[int, Field(ge=0, le=10**15)] = 0
    auroc: Share | None = None
    auroc_interval: Ends = ()
    worse: tuple[str, ...] = ()

    @property
    def is_measured(self) -> bool:
        return self.auroc is not None and len(self.auroc_interval) == 2


class Worth(_Read):
    everybody: Served
    groups: tuple[Served, ...] = ()
