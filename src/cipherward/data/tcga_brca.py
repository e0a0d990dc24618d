"""Breast-cancer survival in six regions (TCGA-BRCA, Fed-TCGA-BRCA of FLamby): from the published CSV to one prepared table.

Source: NCI Genomic Data Commons, open-access clinical data (Liu et al., Cell 173:400, 2018), in the preparation of FLamby (Ogier du
Terrail et al., NeurIPS 2022, data set Fed-TCGA-BRCA). The hospitals are its regions: characters 6 and 7 of a patient's barcode name the
tissue source site. Nobody may try to identify a patient (GDC policy).
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import polars as pl

from cipherward.errors import DataError

SITES: Mapping[str, str] = {
    "Northeast": "3C AO BH E2 LD OK PE S3 UL",
    "West": "4H A1 A2 AC AN Z7",
    "South": "5T A7 AQ B6 EW GM LL UU V7 W8",
    "Europe": "A8 D8",
    "Midwest": "AR E9 GI LQ MS OL WT XX",
    "Canada": "C8 HN",
}
"""Tissue source sites by region; the eight patients of three further sites belong to none."""
HOSPITALS = tuple(SITES)
ELSEWHERE = "elsewhere"

EVENT, TIME, PATIENT = "died", "days", "patient"

# One-hot columns of the file by category; where none is set, the category is the last one.
STAGES = {"I": ("i", "ia"), "II": ("iia", "iib"), "III": ("iiia", "iiic")}
HISTOLOGIES = {"ductal": "Infiltrating duct carcinoma, NOS", "lobular": "Lobular carcinoma, NOS"}
RACES = ("white", "black or african american", "asian", "not reported")
TREATED = {"yes": "treatment_or_therapy_yes", "not reported": "treatment_or_therapy_not reported"}


def prepare(content: bytes) -> pl.DataFrame:
    """The prepared table from the CSV's bytes: 1,096 rows, one for each patient.

    Columns: patient, hospital (String), died (Int64 0/1), days (Float64, to death or last contact), age (Float64, years at diagnosis)
    and, as String, stage, histology, race, treatment ("no", "yes", "not reported"), prior_malignancy ("no", "yes").
    """
    try:
        raw = pl.read_csv(io.BytesIO(content), infer_schema=False)
        return raw.select(_columns())
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise DataError(
            f"brca.csv has not the published columns: {str(error).splitlines()[0]}",
            hint="use the file as FLamby publishes it",
        ) from None


def _columns() -> list[pl.Expr]:
    region = {site: name for name, sites in SITES.items() for site in sites.split()}
    stages = {name: [f"tumor_stage_stage {part}" for part in parts] for name, parts in STAGES.items()}
    histologies = {name: [f"primary_diagnosis_{text}"] for name, text in HISTOLOGIES.items()}
    return [
        pl.col("pid").alias(PATIENT),
        pl.col("pid").str.slice(5, 2).replace_strict(region, default=ELSEWHERE).alias("hospital"),
        pl.col("E").cast(pl.Float64).cast(pl.Int64).alias(EVENT),
        pl.col("T").cast(pl.Float64).alias(TIME),
        pl.col("age_at_index").cast(pl.Float64).alias("age"),
        _category(stages, "other").alias("stage"),
        _category(histologies, "other").alias("histology"),
        _category({name: [f"race_{name}"] for name in RACES}, "other").alias("race"),
        _category({name: [column] for name, column in TREATED.items()}, "no").alias("treatment"),
        _category({"yes": ["prior_malignancy_yes"]}, "no").alias("prior_malignancy"),
    ]


def _category(columns: Mapping[str, list[str]], rest: str) -> pl.Expr:
    found: pl.Expr = pl.lit(rest)
    for name, parts in columns.items():
        is_set = pl.any_horizontal([pl.col(part) == "1" for part in parts])
        found = pl.when(is_set).then(pl.lit(name)).otherwise(found)
    return found
