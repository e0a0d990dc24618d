"""A synthetic cohort for 30-day readmission. No real patient stands behind any row.

Hospitals differ as real ones do: in size, case-mix, how often a laboratory value is measured, how they code. The outcome
is drawn from a known logistic model with a few non-linear terms and interactions (`_log_odds`). It depends only on what
the table records, so the true probability is the best score that any model could reach, and its AUROC is the ceiling.
The effects are plausible in sign and size, chosen for this purpose, and no evidence about medicine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cipherward.study import Cohort

OUTCOME = "readmitted_30d"
PATIENT = "patient_id"
# patients in the catchment per encounter; those seen have about 1.3 encounters each
PATIENTS_PER_ENCOUNTER = 1.8
MIN_ENCOUNTERS = 50

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SEX = ("female", "male")
ADMISSION = ("emergency", "urgent", "elective")
# share of encounters, log odds of readmission
DIAGNOSES: dict[str, tuple[float, float]] = {
    "heart failure": (0.12, 0.55),
    "ischaemic heart disease": (0.11, 0.00),
    "COPD": (0.08, 0.45),
    "pneumonia": (0.09, 0.15),
    "sepsis": (0.07, 0.40),
    "stroke": (0.06, -0.05),
    "renal disease": (0.06, 0.40),
    "liver disease": (0.03, 0.60),
    "diabetes": (0.05, 0.20),
    "gastrointestinal": (0.10, 0.05),
    "injury": (0.08, -0.35),
    "joint replacement": (0.07, -0.75),
    "cancer": (0.05, 0.50),
    "other": (0.03, 0.00),
}
DISCHARGE: dict[str, tuple[float, float]] = {
    "home": (0.60, 0.0),
    "home care": (0.17, 0.25),
    "nursing facility": (0.14, 0.40),
    "rehabilitation": (0.07, 0.10),
    "against advice": (0.02, 1.00),
}
INSULIN = ("no", "steady", "changed")
YES_NO = ("no", "yes")
NOT_RECORDED = 2  # past the last label: missing


@dataclass(frozen=True)
class _Laboratory:
    """`measured`: usual share of encounters with a value; `missing_effect`: log odds when there is none."""

    mean: float
    stddev: float
    low: float
    high: float
    digits: int
    measured: float
    missing_effect: float


LABORATORIES: dict[str, _Laboratory] = {
    "haemoglobin": _Laboratory(12.2, 1.9, 4.0, 19.0, 1, 0.92, -0.20),
    "sodium": _Laboratory(138.0, 4.0, 110.0, 165.0, 0, 0.93, -0.15),
    "creatinine": _Laboratory(0.05, 0.45, 0.2, 15.0, 2, 0.90, -0.15),  # of the logarithm
    "albumin": _Laboratory(3.5, 0.6, 1.0, 5.5, 1, 0.60, -0.10),
    "hba1c": _Laboratory(6.4, 1.4, 4.0, 16.0, 1, 0.25, 0.00),
    "bnp": _Laboratory(5.0, 1.3, 5.0, 35_000.0, 0, 0.35, -0.15),  # of the logarithm
}


@dataclass(frozen=True)
class _Habits:
    """How one hospital differs from the average."""

    n_encounters: int
    age_shift: float
    diagnosis_shares: Floats
    severity_shift: float
    measured_shift: dict[str, float]
    coded_other: float
    follow_up_recorded: float
    intercept_shift: float


def generate(cohort: Cohort, seed: int, hospital_index: int) -> tuple[pl.DataFrame, Floats]:
    """One hospital's synthetic encounters, and the true probability of readmission, float64[n_rows].

    Depends only on the arguments: hospitals can be made in any order, on any machine. The table holds patient_id
    (String; about 1.3 encounters each), readmitted_30d (Int64 0/1), Float64 and String inputs with null = missing.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(hospital_index,)))
    habits = _draw_habits(rng, cohort)
    numbers, texts, patient = _draw_encounters(rng, habits)
    probability = 1.0 / (1.0 + np.exp(-_log_odds(numbers, texts) - habits.intercept_shift))
    outcome = (rng.random(habits.n_encounters) < probability).astype(np.int64)
    prefix = f"H{hospital_index + 1}-P"
    table = pl.DataFrame(
        {
            PATIENT: pl.select(pl.lit(prefix) + pl.Series("", patient).cast(pl.String)).to_series(),
            OUTCOME: outcome,
            **{name: pl.Series(name, values, nan_to_null=True) for name, values in numbers.items()},
            **{
                name: pl.Series(name, codes).replace_strict(
                    list(range(len(labels))), list(labels), default=None, return_dtype=pl.String
                )
                for name, (labels, codes) in texts.items()
            },
        }
    )
    return table, probability


def _draw_habits(rng: np.random.Generator, cohort: Cohort) -> _Habits:
    h = cohort.heterogeneity
    spread = 0.45 * h
    factor = float(np.exp(rng.normal(-spread * spread / 2, spread))) if spread else 1.0
    shares = np.log([share for share, _ in DIAGNOSES.values()]) + rng.normal(0.0, 0.45 * h, len(DIAGNOSES))
    weights = np.exp(shares - shares.max())
    return _Habits(
        n_encounters=max(round(cohort.encounters_per_hospital * factor), MIN_ENCOUNTERS),
        age_shift=float(rng.normal(0.0, 3.5 * h)),
        diagnosis_shares=weights / weights.sum(),
        severity_shift=float(rng.normal(0.0, 0.2 * h)),
        measured_shift={name: float(rng.normal(0.0, 0.9 * h)) for name in LABORATORIES},
        coded_other=float(rng.beta(1.2, 12.0)) * min(h, 1.0),
        follow_up_recorded=1.0 - 0.35 * float(rng.random()) * min(h, 1.0),
        intercept_shift=float(rng.normal(0.0, 0.12 * h)),
    )


def _draw_encounters(
    rng: np.random.Generator, habits: _Habits
) -> tuple[dict[str, Floats], dict[str, tuple[tuple[str, ...], Ints]], Ints]:
    n = habits.n_encounters
    n_patients = int(n * PATIENTS_PER_ENCOUNTER)
    patient = np.sort(rng.integers(0, n_patients, n))
    age = np.clip(np.round(88.0 - rng.gamma(2.2, 10.5, n_patients) + habits.age_shift), 18, 104)[patient]
    sex = (rng.random(n_patients) < 0.48).astype(np.int64)[patient]
    frailty = (rng.normal(0.0, 1.0, n_patients))[patient] * 0.8 + rng.normal(0.0, 0.6, n) + habits.severity_shift

    diagnosis = rng.choice(len(DIAGNOSES), n, p=habits.diagnosis_shares).astype(np.int64)
    names = list(DIAGNOSES)
    coded_other = rng.random(n) < habits.coded_other
    recorded = np.where(coded_other, names.index("other"), diagnosis)

    comorbidity = np.clip(rng.poisson(np.exp(0.35 + 0.35 * frailty + 0.012 * (age - 65.0))), 0, 15).astype(np.float64)
    prior = np.clip(rng.poisson(np.exp(-0.75 + 0.85 * frailty)), 0, 20).astype(np.float64)
    emergency = np.clip(rng.poisson(np.exp(-0.9 + 0.75 * frailty)), 0, 30).astype(np.float64)
    stay = np.clip(np.ceil(rng.gamma(1.5, 2.9, n) * np.exp(0.18 * frailty)), 1, 60)
    drugs = np.clip(np.round(7.0 + 1.6 * comorbidity + rng.normal(0.0, 3.0, n)), 0, 40)
    elective = np.where(diagnosis == names.index("joint replacement"), 0.8, 0.12)
    draw = rng.random(n)
    admission = np.where(draw < elective, 2, np.where(draw < elective + 0.2, 1, 0)).astype(np.int64)
    intensive = (rng.random(n) < 1.0 / (1.0 + np.exp(2.3 - 0.5 * frailty))).astype(np.int64)
    shares = np.log([share for share, _ in DISCHARGE.values()])
    pull = np.array([-0.5, 0.15, 0.45, 0.25, -0.2])[None, :] * (0.6 * frailty + (age - 65.0) / 18.0)[:, None]
    discharge = np.argmax(shares + pull + rng.gumbel(size=(n, len(DISCHARGE))), axis=1).astype(np.int64)
    diabetic = (rng.random(n) < 0.26) | (diagnosis == names.index("diabetes"))
    insulin = np.where(diabetic, rng.choice(3, n, p=[0.45, 0.35, 0.2]), 0).astype(np.int64)
    booked = (rng.random(n) < 0.45).astype(np.int64)
    follow_up = np.where(rng.random(n) < habits.follow_up_recorded, booked, NOT_RECORDED)

    numbers = {
        "age": age,
        "prior_admissions": prior,
        "ed_visits": emergency,
        "length_of_stay": stay,
        "comorbidity_score": comorbidity,
        "n_medications": drugs,
        **_draw_laboratories(rng, habits, frailty, recorded, diabetic),
    }
    texts = {
        "sex": (SEX, sex),
        "admission_type": (ADMISSION, admission),
        "diagnosis_group": (tuple(DIAGNOSES), recorded),
        "intensive_care": (YES_NO, intensive),
        "insulin": (INSULIN, insulin),
        "discharge_to": (tuple(DISCHARGE), discharge),
        "follow_up_booked": (YES_NO, follow_up),
    }
    return numbers, texts, patient


def _draw_laboratories(
    rng: np.random.Generator, habits: _Habits, frailty: Floats, diagnosis: Ints, diabetic: NDArray[np.bool_]
) -> dict[str, Floats]:
    names = list(DIAGNOSES)
    renal, failing = diagnosis == names.index("renal disease"), diagnosis == names.index("heart failure")
    shift = {
        "haemoglobin": -0.35 * frailty,
        "sodium": -0.25 * frailty,
        "creatinine": 0.25 * frailty + 1.3 * renal,
        "albumin": -0.35 * frailty,
        "hba1c": 0.9 * diabetic,
        "bnp": 0.25 * frailty + 1.4 * failing,
    }
    more_often = {"hba1c": 1.6 * diabetic, "bnp": 1.8 * failing}
    values: dict[str, Floats] = {}
    for name, laboratory in LABORATORIES.items():
        value = laboratory.mean + laboratory.stddev * (shift[name] + rng.normal(0.0, 0.95, len(frailty)))
        value = np.exp(value) if name in ("creatinine", "bnp") else value
        value = np.round(np.clip(value, laboratory.low, laboratory.high), laboratory.digits)
        usual = np.log(laboratory.measured / (1.0 - laboratory.measured)) + habits.measured_shift[name]
        odds = usual + 0.15 * frailty + more_often.get(name, 0.0)
        values[name] = np.where(rng.random(len(frailty)) < 1.0 / (1.0 + np.exp(-odds)), value, np.nan)
    return values


def _log_odds(numbers: dict[str, Floats], texts: dict[str, tuple[tuple[str, ...], Ints]]) -> Floats:
    """The generating model: float64[n_rows], log odds of readmission within 30 days, hospital shift not included."""
    names = list(DIAGNOSES)
    diagnosis, discharge = texts["diagnosis_group"][1], texts["discharge_to"][1]
    insulin, follow_up = texts["insulin"][1], texts["follow_up_booked"][1]
    age, prior, stay = numbers["age"], numbers["prior_admissions"], numbers["length_of_stay"]
    failing = diagnosis == names.index("heart failure")

    eta = np.full(len(age), -3.62)
    eta += 0.74 * np.log1p(prior) + 0.46 * np.log1p(numbers["ed_visits"]) + 0.11 * numbers["comorbidity_score"]
    eta += 0.010 * (age - 65.0) + 0.025 * np.maximum(age - 80.0, 0.0)
    eta += 0.30 * np.log1p(stay) + 0.25 * (stay <= 1)
    eta += 0.018 * numbers["n_medications"]
    eta += np.array([effect for _, effect in DIAGNOSES.values()])[diagnosis]
    eta += np.array([effect for _, effect in DISCHARGE.values()])[discharge]
    eta += np.array([0.20, 0.05, -0.35])[texts["admission_type"][1]]
    eta += (
        0.20 * (texts["intensive_care"][1] == 1)
        + np.array([0.0, 0.05, 0.30])[insulin]
        + np.array([0.0, -0.35, -0.10])[follow_up]
    )
    eta += 0.20 * failing * np.log1p(prior)

    terms = {
        "haemoglobin": -0.13 * (numbers["haemoglobin"] - 12.0) + 0.35 * (numbers["haemoglobin"] < 8.0),
        "sodium": -0.045 * (numbers["sodium"] - 138.0),
        "creatinine": 0.35 * np.log(numbers["creatinine"]) * (1.0 + 0.6 * failing),
        "albumin": -0.40 * (numbers["albumin"] - 3.5),
        "hba1c": 0.07 * (numbers["hba1c"] - 6.5) * (1.0 + (insulin == 2)),
        "bnp": 0.14 * (np.log(numbers["bnp"]) - 5.0),
    }
    for name, term in terms.items():
        eta += np.where(np.isnan(term), LABORATORIES[name].missing_effect, term)
    return eta
