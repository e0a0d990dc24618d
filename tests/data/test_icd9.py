from __future__ import annotations

import itertools
from pathlib import Path

import polars as pl
import pytest

from cipherward.data import icd9
from cipherward.data.public import load_diabetes130, locate


@pytest.mark.parametrize(
    ("code", "section"),
    [
        ("250.83", "250"),
        ("428", "428"),
        ("008", "1-139"),
        ("V57", "V codes"),
        ("E888", "E codes"),
        ("139", "1-139"),
        ("140", "140-239"),
        ("995.92", "800-995"),
        ("999", "996-999"),
        ("?", None),
        ("", None),
        (None, None),
        ("409", None),
    ],
)
def test_a_code_is_in_the_section_of_its_number(code: str | None, section: str | None) -> None:
    assert icd9.section(code) == section


def test_sections_are_in_order_and_do_not_overlap() -> None:
    ends = [tuple(map(int, name.split("-"))) for name in icd9.SECTIONS if "codes" not in name]
    flat = [end for pair in ends for end in (pair[0], pair[-1])]
    assert flat == sorted(flat)
    assert all(one[-1] < other[0] for one, other in itertools.pairwise(ends))
    assert len(ends) == 39


def test_the_diabetes_table_has_finer_codes_beside_the_grouped_ones(shared_data: Path) -> None:
    table = load_diabetes130(locate("diabetes130", shared_data / "diabetes130"))
    assert table["icd_1"].drop_nulls().is_in(icd9.SECTIONS).all()
    some = table.select(pl.any_horizontal(pl.col(f"icd_{k}") == "428" for k in (1, 2, 3)).fill_null(False))
    assert ((table["any 428"] == "Yes") == some.to_series()).all()
    # the two codings of one diagnosis agree
    assert (table.filter(pl.col("icd_1") == "250")["diagnosis_1"] == "diabetes").all()
    assert (
        table["n_visits"].to_list()
        == (table["number_outpatient"] + table["number_emergency"] + table["number_inpatient"]).to_list()
    )
    assert table["n_drugs"].min() == 0
    with_drugs = table.filter(pl.col("n_drugs") > 0)["diabetes_medication"]
    assert (with_drugs == "Yes").all()
