"""The examples of other fields run on a small scale, and reach what all rows in one place reach."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from tests import simulator

from examples import other_fields


@pytest.mark.parametrize("name", other_fields.FIELDS)
def test_each_field_is_a_study_that_runs_and_reaches_the_pooled_fit(tmp_path: Path, name: str) -> None:
    result = other_fields.run(name, tmp_path, rows=900, aggregation={"scheme": "plain"})
    found = result.summary
    key, least = ("d2", 0.4) if other_fields.FIELDS[name].most else ("auroc", 0.7)
    assert found[f"{key}_federated_exact"] == pytest.approx(found[f"{key}_centralised"], abs=0.01)
    assert found[f"{key}_federated_exact"] > least
    assert simulator.holds(result.path)


def test_rows_of_one_district_stay_together_and_tables_repeat_under_a_seed(tmp_path: Path) -> None:
    field = other_fields.FIELDS["surveillance"]
    for name in ("one", "two"):
        other_fields.write_tables(field, tmp_path / name, 300, seed=4)
    for party in field.parties:
        one = (tmp_path / "one" / f"{party}.csv").read_text()
        assert one == (tmp_path / "two" / f"{party}.csv").read_text()
        found = pl.read_csv(tmp_path / "one" / f"{party}.csv")
        assert found.group_by("district").len()["len"].max() == field.rows_of_each
        cases = found["cases_next_week"].to_numpy()
        assert 0 <= cases.min() < cases.max() <= field.most
