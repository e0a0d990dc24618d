"""What reading an export costs: FHIR resources as a table of readmissions, and a cohort from an OMOP database.

    python benchmarks/extracts.py [--encounters 90000] [--visits 200000]      about a minute and a half of processor time

Generated patients, three encounters each, with one diagnosis for each encounter; a DuckDB file with four visits, ten diagnoses and ten
measurements a person, read by `examples/omop/cohort.toml`. Each way of reading runs in a process of its own, so that its peak of memory is its own.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

import cipherward
import harness
from cipherward.data.tables import read_table
from memory import peak_mib

SHIPPED = 'source = "fhir"\npath = "export"\ntable = "readmission"\n'
COHORT = Path(__file__).parents[1] / "examples" / "omop" / "cohort.toml"
_CDM = """
CREATE TABLE person AS SELECT n AS person_id, 1930 + n % 70 AS year_of_birth, 1 + n % 12 AS month_of_birth,
    1 + n % 28 AS day_of_birth, 8507 + 25 * (n % 2) AS gender_concept_id FROM range({people}) AS s(n);
CREATE TABLE observation_period AS SELECT n AS person_id, DATE '2008-01-01' AS observation_period_start_date,
    DATE '2021-12-31' AS observation_period_end_date FROM range({people}) AS s(n);
CREATE TABLE visit_occurrence AS SELECT n AS visit_occurrence_id, n % {people} AS person_id, 9201 AS visit_concept_id,
    DATE '2010-01-01' + CAST(hash(n) % 3650 AS INTEGER) AS visit_start_date, visit_start_date + CAST(n % 9 AS INTEGER)
    AS visit_end_date FROM range(4 * {people}) AS s(n);
CREATE TABLE condition_occurrence AS SELECT n AS condition_occurrence_id, n % {people} AS person_id,
    201820 + n % 40 AS condition_concept_id, DATE '2010-01-01' + CAST(hash(n) % 3650 AS INTEGER) AS condition_start_date
    FROM range(10 * {people}) AS s(n);
CREATE TABLE measurement AS SELECT n AS measurement_id, n % {people} AS person_id, 3004410 + n % 5 AS measurement_concept_id,
    DATE '2010-01-01' + CAST(hash(n) % 3650 AS INTEGER) AS measurement_date, CAST(measurement_date AS TIMESTAMP)
    AS measurement_datetime, 4.0 + n % 80 / 10.0 AS value_as_number, 8554 AS unit_concept_id
    FROM range(10 * {people}) AS s(n);
CREATE TABLE concept AS SELECT unnest([9201, 262, 201820, 4058243, 3004410, 8554]) AS concept_id, 'S' AS standard_concept;
CREATE TABLE concept_ancestor AS SELECT 201820 AS ancestor_concept_id, 201820 + n AS descendant_concept_id
    FROM range(20) AS s(n);
"""


def resources(n_encounters: int) -> Iterator[dict[str, Any]]:
    """An export: a patient, then three encounters with a diagnosis each."""
    system = "http://snomed.info/sct"
    for n in range(n_encounters):
        patient = {"reference": f"Patient/{n // 3}", "display": f"Patient {n // 3}"}
        if n % 3 == 0:
            yield {
                "resourceType": "Patient",
                "id": f"{n // 3}",
                "gender": "female",
                "birthDate": f"{1930 + n % 70}-02-11",
            }
        first = date(2010, 1, 1) + timedelta(days=n * 7919 % 3650)
        period = {"start": f"{first}T08:00:00+02:00", "end": f"{first + timedelta(days=n % 9)}T17:30:00+02:00"}
        yield {
            "resourceType": "Encounter",
            "id": f"encounter-{n}",
            "meta": {"profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-encounter"]},
            "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP" if n % 3 else "AMB"},
            "type": [{"coding": [{"system": system, "code": "185347001", "display": "Encounter for problem"}]}],
            "subject": patient,
            "participant": [{"period": period, "individual": {"reference": f"Practitioner/{n % 500}"}}],
            "period": period,
            "reasonCode": [{"coding": [{"system": system, "code": "46177005", "display": "End-stage renal disease"}]}],
            "serviceProvider": {"reference": f"Organization/{n % 8}", "display": "General hospital"},
        }
        yield {
            "resourceType": "Condition",
            "id": f"condition-{n}",
            "subject": patient,
            "code": {"coding": [{"system": system, "code": f"{n % 900}", "display": "a diagnosis"}]},
            "onsetDateTime": period["start"],
            "recordedDate": period["start"],
        }


def made(folder: Path, n_encounters: int, n_visits: int) -> int:
    """Write everything that is read; how many FHIR resources there are."""
    (folder / "export").mkdir()
    count = 0
    with (folder / "export" / "all.ndjson").open("w") as lines:
        for each in resources(n_encounters):
            lines.write(json.dumps(each) + "\n")
            count += 1
    (folder / "fhir.toml").write_text(SHIPPED)
    views = Path(cipherward.__file__).parent / "data" / "fhir" / "views"
    own = {name: f"{name}.json" for name in ("encounters", "patients", "conditions")}
    for file in own.values():
        view = json.loads((views / file).read_text())
        for column in view["select"][0]["column"]:
            column["path"] += ".where(true)"  # the same values, by a path that is not plain
        (folder / file).write_text(json.dumps(view))
    listed = ", ".join(f'{name} = "{file}"' for name, file in own.items())
    (folder / "views.toml").write_text(f"{SHIPPED}views = {{ {listed} }}\n")
    with duckdb.connect(folder / "cdm.duckdb") as database:
        database.execute(_CDM.format(people=n_visits // 4))
    (folder / "cohort.toml").write_text(COHORT.read_text())
    (folder / "omop.toml").write_text(
        f'source = "omop"\ndefinition = "cohort.toml"\nurl = "duckdb:///{folder}/cdm.duckdb"\n'
    )
    return count


def measure(path: Path) -> tuple[int, float, float, float]:
    """Read one table in this process: rows, processor seconds, and MiB before and at most."""
    before, begun = peak_mib(), time.process_time()
    rows = read_table(path).table.height
    return rows, time.process_time() - begun, before, peak_mib()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encounters", type=int, default=90_000)
    parser.add_argument("--visits", type=int, default=200_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        n_resources = made(Path(name), chosen.encounters, chosen.visits)
        for file, words in (
            ("fhir", "FHIR, the shipped views"),
            ("views", "FHIR, paths that are not plain"),
            ("omop", "OMOP"),
        ):
            rows, seconds, before, peak = harness.alone(measure, Path(name) / f"{file}.toml")
            said = (
                f"{words}: {rows:,} rows, {seconds:.1f} s of processor time, peak {peak:.0f} MiB ({before:.0f} before)"
            )
            if file != "omop":
                each = (peak - before) * 2**20 / chosen.encounters
                said += f"; of {n_resources:,} resources {seconds / n_resources * 1e6:.0f} µs each, {each:,.0f} bytes an encounter"
            print(said)


if __name__ == "__main__":
    main()
