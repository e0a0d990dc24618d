"""Diabetes 130-US Hospitals (UCI 296): from the published CSV to one prepared table.

Source: Clore, Cios, DeShazo, Strack (2014), DOI 10.24432/C5230J, CC BY 4.0; Strack et al., BioMed Res. Int. 2014,
art. 781670. The public file has no hospital id, so the hospitals of this study are simulated: eight contiguous blocks
of patient numbers, which differ in size, outcome rate and coding habits as hospitals do.
"""

from __future__ import annotations

import io

import polars as pl

from cipherward.data import icd9
from cipherward.errors import DataError

# Inclusive upper bounds of patient_nbr; the eighth block is the rest.
BLOCK_BOUNDS = (3157866, 12088717, 27201162, 40631772, 60578250, 78102198, 94681731)
HOSPITALS = tuple(f"hospital-{index}" for index in range(1, len(BLOCK_BOUNDS) + 2))
OUTCOME = "readmitted_30d"
PATIENT = "patient_nbr"

# Died or hospice: cannot be readmitted.
DROPPED_DISCHARGES = ("11", "13", "14", "19", "20", "21")

# Strack et al. 2014, Table 2 (whole numbers are inclusive ranges of the code's integer part); the rest is "other".
DIAGNOSIS_GROUPS: dict[str, tuple[tuple[int, int], ...]] = {
    "circulatory": ((390, 459), (785, 785)),
    "respiratory": ((460, 519), (786, 786)),
    "digestive": ((520, 579), (787, 787)),
    "diabetes": ((250, 250),),
    "injury": ((800, 999),),
    "musculoskeletal": ((710, 739),),
    "genitourinary": ((580, 629), (788, 788)),
    "neoplasms": ((140, 239),),
}

# Identifiers of IDs_mapping.csv; those not listed are "not available", "NULL", "not mapped", "unknown": missing.
ADMISSION_TYPES = {"1": "emergency", "2": "urgent", "3": "elective", "4": "other", "7": "other"}
DISCHARGES = {
    **dict.fromkeys(("1",), "home"),
    **dict.fromkeys(("6", "8"), "home care"),
    **dict.fromkeys(("2", "9", "10", "15", "27", "29"), "other hospital"),
    **dict.fromkeys(("3", "4", "24"), "nursing facility"),
    "5": "other inpatient",
    "22": "rehabilitation",
    "23": "long-term care",
    "28": "psychiatric",
    "7": "against advice",
    **dict.fromkeys(("12", "16", "17", "30"), "other"),
}
ADMISSION_SOURCES = {
    **dict.fromkeys(("1", "2", "3"), "referral"),
    **dict.fromkeys(("4", "10", "22"), "other hospital"),
    **dict.fromkeys(("5", "6", "18", "19", "25", "26"), "other facility"),
    "7": "emergency room",
    **dict.fromkeys(("8", "11", "12", "13", "14", "23", "24"), "other"),
}
NUMBERS = (
    "time_in_hospital",
    "num_lab_procedures",
    "num_procedures",
    "num_medications",
    "number_outpatient",
    "number_emergency",
    "number_inpatient",
    "number_diagnoses",
)
DRUGS = (
    "metformin",
    "repaglinide",
    "glimepiride",
    "glipizide",
    "glyburide",
    "pioglitazone",
    "rosiglitazone",
    "insulin",
)
RARE_DRUGS = (
    "nateglinide",
    "chlorpropamide",
    "acetohexamide",
    "tolbutamide",
    "acarbose",
    "miglitol",
    "troglitazone",
    "tolazamide",
    "examide",
    "citoglipton",
    "glyburide-metformin",
    "glipizide-metformin",
    "glimepiride-pioglitazone",
    "metformin-rosiglitazone",
    "metformin-pioglitazone",
)


def diagnosis_group(code: str | None) -> str | None:
    """The group of Strack et al. 2014 for an ICD-9 code ("428", "250.83", "V57"); None stays None (missing)."""
    if code is None:
        return None
    whole = code.split(".", 1)[0]
    if not whole.isdigit():
        return "other"  # E and V codes
    number = int(whole)
    for group, ranges in DIAGNOSIS_GROUPS.items():
        if any(low <= number <= high for low, high in ranges):
            return group
    return "other"


def prepare(content: bytes) -> pl.DataFrame:
    """The prepared table from the CSV's bytes: 99,343 rows, one per encounter that can lead to a readmission.

    Columns: patient_nbr, hospital (String), readmitted_30d (Int64 0/1), age (midpoint, years) and the counts of
    `NUMBERS` (Float64), and categorical columns (String, null = missing): race, gender, admission_type, discharge,
    admission_source, payer, specialty, diagnosis_1..3, max_glu_serum, a1c_result, the drugs, other_diabetes_drug,
    medication_change, diabetes_medication.

    Finer: icd_1..3 (`icd9.SECTIONS`), "any <section>" for each section (Yes, No), discharge_code (the identifier as it is), n_drugs
    and n_visits (Float64).
    """
    try:
        raw = pl.read_csv(io.BytesIO(content), infer_schema=False)
        kept = raw.filter(~pl.col("discharge_disposition_id").is_in(DROPPED_DISCHARGES))
        return kept.select(_columns(kept))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise DataError(
            f"diabetic_data.csv has not the published columns: {str(error).splitlines()[0]}",
            hint="use the file as UCI publishes it",
        ) from None


def _columns(table: pl.DataFrame) -> list[pl.Series | pl.Expr]:
    patient = pl.col("patient_nbr").cast(pl.Int64)
    block = pl.lit(HOSPITALS[-1])
    for bound, name in reversed(list(zip(BLOCK_BOUNDS, HOSPITALS, strict=False))):
        block = pl.when(patient <= bound).then(pl.lit(name)).otherwise(block)
    # "[70-80)" -> 75
    age = pl.col("age").str.extract(r"\[(\d+)-", 1).cast(pl.Float64) + 5.0
    codes = pl.concat([table[f"diag_{place}"] for place in (1, 2, 3)]).unique().to_list()
    groups = {code: None if code == "?" else diagnosis_group(code) for code in codes}
    sections = {code: None if code == "?" else icd9.section(code) for code in codes}
    of_place = [_mapped(f"diag_{place}", sections) for place in (1, 2, 3)]
    taken = pl.sum_horizontal((pl.col(name) != "No").cast(pl.Float64) for name in (*DRUGS, *RARE_DRUGS))
    visits = ("number_outpatient", "number_emergency", "number_inpatient")
    return [
        pl.col("patient_nbr"),
        block.alias("hospital"),
        (pl.col("readmitted") == "<30").cast(pl.Int64).alias(OUTCOME),
        age.alias("age"),
        *(pl.col(name).cast(pl.Float64) for name in NUMBERS),
        _known("race"),
        pl.col("gender").replace({"Unknown/Invalid": None}),
        _mapped("admission_type_id", ADMISSION_TYPES).alias("admission_type"),
        _mapped("discharge_disposition_id", DISCHARGES).alias("discharge"),
        _mapped("admission_source_id", ADMISSION_SOURCES).alias("admission_source"),
        _known("payer_code").alias("payer"),
        _known("medical_specialty").alias("specialty"),
        *(_mapped(f"diag_{place}", groups).alias(f"diagnosis_{place}") for place in (1, 2, 3)),
        # "None" = not measured, which is a fact of its own here, not a gap in the record
        pl.col("max_glu_serum").replace({"None": "not measured"}),
        pl.col("A1Cresult").replace({"None": "not measured"}).alias("a1c_result"),
        *(pl.col(name) for name in DRUGS),
        _yes_or_no(pl.any_horizontal(pl.col(name) != "No" for name in RARE_DRUGS)).alias("other_diabetes_drug"),
        pl.col("change").replace({"Ch": "Yes"}).alias("medication_change"),
        pl.col("diabetesMed").alias("diabetes_medication"),
        *(each.alias(f"icd_{place}") for place, each in enumerate(of_place, start=1)),
        *(
            _yes_or_no(pl.any_horizontal(each.eq_missing(pl.lit(name)) for each in of_place)).alias(f"any {name}")
            for name in icd9.SECTIONS
        ),
        pl.col("discharge_disposition_id").alias("discharge_code"),
        taken.alias("n_drugs"),
        pl.sum_horizontal(pl.col(name).cast(pl.Float64) for name in visits).alias("n_visits"),
    ]


def _yes_or_no(holds: pl.Expr) -> pl.Expr:
    return pl.when(holds).then(pl.lit("Yes")).otherwise(pl.lit("No"))


def _known(name: str) -> pl.Expr:
    return pl.col(name).replace({"?": None})


def _mapped(name: str, mapping: dict[str, str] | dict[str, str | None]) -> pl.Expr:
    return pl.col(name).replace_strict(mapping, default=None, return_dtype=pl.String)
