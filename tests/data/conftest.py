"""What the data tests share: a small study, tables for it, and the folder of public data where there is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests import public_data

from cipherward.study import Study, parse


@pytest.fixture
def shared_data() -> Path:
    """The folder of public data sets, which is not part of the repository."""
    return public_data.found("diabetes130/diabetic_data.csv.gz").parents[1]


@pytest.fixture
def make_study() -> Callable[..., Study]:
    """A study over three hospitals with one file each: age (numeric), ward (categorical), readmitted 0/1."""

    def make(columns: list[dict[str, Any]] | None = None, hospitals: Any = None, **data: Any) -> Study:
        document = {
            "name": "small",
            "data": {"source": "files", "outcome": "readmitted", "patient_column": "patient", **data},
            "columns": columns
            or [
                {"name": "age", "kind": "numeric", "minimum": 0, "maximum": 120, "unit": "years"},
                {"name": "ward", "kind": "categorical", "categories": ["medical", "surgical"]},
            ],
            "hospitals": hospitals or [{"name": name, "path": f"{name}.csv"} for name in ("north", "south", "west")],
        }
        return parse(document, origin="test")

    return make


@pytest.fixture
def good_table() -> pl.DataFrame:
    """60 rows that fit `make_study`, as text, with missing values of every allowed spelling."""
    ages = [["71", "", "?", "NA", "58.5", " 64 "][row % 6] for row in range(60)]
    wards = [["medical", "surgical", ""][row % 3] for row in range(60)]
    return pl.DataFrame(
        {
            "patient": [f"p{row // 2}" for row in range(60)],
            "age": ages,
            "ward": wards,
            "readmitted": [str(int(row % 5 == 0)) for row in range(60)],
        }
    )
