"""Fed-TCGA-BRCA: the published file, and nothing else, gives the published numbers."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from tests import public_data

from cipherward.data import public, tcga_brca
from cipherward.data.sources import load_hospitals
from cipherward.errors import DataError
from cipherward.study import load_builtin


@pytest.fixture
def tcga() -> Path:
    return public_data.found("tcga_brca/brca.csv").parents[1]


def test_the_published_file_gives_the_published_numbers(tcga: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIPHERWARD_DATA", str(tcga))
    table = public.load_tcga_brca(public.locate("tcga-brca"))
    assert table.height == table[tcga_brca.PATIENT].n_unique() == 1_096
    assert table[tcga_brca.EVENT].sum() == 151
    by_region = dict(table.group_by("hospital").len().iter_rows())
    assert by_region == {
        "Northeast": 311, "West": 206, "South": 196, "Europe": 162, "Midwest": 162, "Canada": 51, "elsewhere": 8
    }  # fmt: skip
    stages = dict(table.group_by("stage").len().iter_rows())
    assert stages == {"I": 176, "II": 615, "III": 220, "other": 85}
    assert dict(table.group_by("histology").len().iter_rows()) == {"ductal": 778, "lobular": 201, "other": 117}


def test_the_built_in_study_reads_every_declared_category_and_no_other(tcga: Path) -> None:
    study = load_builtin("tcga-brca-cox")
    hospitals = load_hospitals(study, tcga / "tcga_brca", Path())
    assert [each.name for each in hospitals] == list(tcga_brca.HOSPITALS)
    whole = pl.concat([each.table for each in hospitals])
    assert whole.height == 1_088
    assert whole.null_count().row(0) == (0,) * whole.width
    for column in study.columns:
        if column.kind == "categorical":
            assert set(whole[column.name].unique()) == set(column.categories)


def test_another_file_is_refused_by_its_digest(tmp_path: Path) -> None:
    (tmp_path / "brca.csv").write_text("pid,E,T\n")
    with pytest.raises(DataError, match="SHA-256"):
        public.load_tcga_brca(tmp_path / "brca.csv")
    with pytest.raises(DataError, match="cannot read"):
        public.load_tcga_brca(tmp_path)
    with pytest.raises(DataError, match="columns"):
        tcga_brca.prepare(b"pid,E,T\nTCGA-E2-A9RU,0,1\n")
