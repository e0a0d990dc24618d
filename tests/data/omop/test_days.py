"""Every window of a cohort definition begins and ends on the day that it names: people who are on its first or last day, or a day beyond."""

from __future__ import annotations

from pathlib import Path

import pytest

from cipherward.data.tables import RawTable, read_table

duckdb = pytest.importorskip("duckdb")

DEFINITION = """
[concept_sets.emergency]
concepts = [9203]
[concept_sets.inpatient]
concepts = [9201]
[concept_sets.asthma]
concepts = [100]
exclude = [102]
[concept_sets.pressure]
concepts = [200]

[index]
table = "visit"
concepts = "emergency"
occurrence = "every"
day = "end"
days_before = 10
days_after = 2

[[exclusions]]
table = "visit"
concepts = "inpatient"
days_from = -3
days_to = -1

[[features]]
name = "visits"
kind = "count"
table = "visit"
days_from = -30
[[features]]
name = "asthma"
kind = "any"
table = "condition"
concepts = "asthma"
days_from = -5
days_to = -1
[[features]]
name = "systolic"
kind = "latest"
table = "measurement"
concepts = "pressure"
days_from = -20
unit = 8876

[outcome]
name = "back"
table = "visit"
days_from = 1
days_to = 5
"""

TABLES = {
    "person": "person_id INTEGER, gender_concept_id INTEGER, year_of_birth INTEGER, month_of_birth INTEGER, day_of_birth INTEGER",
    "observation_period": "person_id INTEGER, observation_period_start_date DATE, observation_period_end_date DATE",
    "visit_occurrence": "person_id INTEGER, visit_occurrence_id INTEGER, visit_concept_id INTEGER, visit_start_date DATE, visit_end_date DATE",
    "condition_occurrence": "person_id INTEGER, condition_occurrence_id INTEGER, condition_concept_id INTEGER, condition_start_date DATE",
    "measurement": "person_id INTEGER, measurement_id INTEGER, measurement_concept_id INTEGER, measurement_date DATE, "
    "measurement_datetime TIMESTAMP, value_as_number DOUBLE, unit_concept_id INTEGER",
    "concept": "concept_id INTEGER, standard_concept VARCHAR, vocabulary_id VARCHAR, concept_code VARCHAR",
    "concept_ancestor": "ancestor_concept_id INTEGER, descendant_concept_id INTEGER",
}
LONG = ("2020-06-20", "2020-07-02")
"""From exactly ten days before the index date, 30 June, to exactly two after."""


class Hospital:
    """A small CDM, each of whose people has one emergency visit that begins on 28 June and ends on 30 June."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.number = folder, 0
        self.connection = duckdb.connect(str(folder / "cdm.duckdb"))
        for name, columns in TABLES.items():
            self.connection.execute(f"CREATE TABLE {name} ({columns})")
        self.add("concept_ancestor", 100, 101)
        self.add("concept_ancestor", 100, 102)

    def add(self, table: str, *values: object) -> None:
        self.connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608

    def person(self, who: int, observed: tuple[str, str] = LONG) -> None:
        self.add("person", who, 8507, 1960, 1, 1)
        self.add("observation_period", who, *observed)
        self.visit(who, "2020-06-28", 9203, "2020-06-30")

    def visit(self, who: int, start: str, concept: int = 9202, end: str = "") -> None:
        self.number += 1
        self.add("visit_occurrence", who, self.number, concept, start, end or start)

    def condition(self, who: int, day: str, concept: int) -> None:
        self.number += 1
        self.add("condition_occurrence", who, self.number, concept, day)

    def measure(self, who: int, at: str, value: float | None, unit: int = 8876) -> None:
        self.number += 1
        self.add("measurement", who, self.number, 200, at[:10], at, value, unit)

    def table(self) -> RawTable:
        """The cohort's table; the database is closed."""
        self.connection.close()
        (self.folder / "cohort.toml").write_text(DEFINITION)
        path = self.folder / "extract.toml"
        path.write_text('source = "omop"\ndefinition = "cohort.toml"\nurl = "duckdb:///cdm.duckdb"\n')
        return read_table(path)

    def column(self, name: str) -> dict[int, str | None]:
        """What the cohort's table says in a column, by person."""
        table = self.table().table
        return dict(zip(map(int, table["person_id"]), table[name].to_list(), strict=True))


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    return Hospital(tmp_path)


def test_observed_is_from_the_first_day_that_is_asked_for_to_the_last(hospital: Hospital) -> None:
    hospital.person(1)
    hospital.person(2, ("2020-06-21", "2020-07-02"))
    hospital.person(3, ("2020-06-20", "2020-07-01"))
    hospital.person(4, ("2020-06-01", "2020-08-01"))
    assert set(hospital.column("index_date")) == {1, 4}


def test_a_record_excludes_on_the_first_and_last_day_of_the_window(hospital: Hospital) -> None:
    for who, day in enumerate(("2020-06-26", "2020-06-27", "2020-06-29", "2020-06-30"), start=1):
        hospital.person(who)
        hospital.visit(who, day, 9201)
    assert set(hospital.column("index_date")) == {1, 4}


def test_the_outcome_is_from_its_first_day_to_its_last(hospital: Hospital) -> None:
    for who, day in enumerate(("2020-06-30", "2020-07-01", "2020-07-05", "2020-07-06"), start=1):
        hospital.person(who)
        hospital.visit(who, day)
    assert hospital.column("back") == {1: "0", 2: "1", 3: "1", 4: "0"}


def test_a_count_has_both_ends_of_its_window_and_not_the_index_event(hospital: Hospital) -> None:
    hospital.person(1)
    hospital.person(2)
    for day in ("2020-05-30", "2020-05-31", "2020-06-30", "2020-07-01"):
        hospital.visit(2, day)
    assert hospital.column("visits") == {1: "0", 2: "2"}


def test_descendants_count_and_what_is_excluded_does_not(hospital: Hospital) -> None:
    cases = [("2020-06-25", 100), ("2020-06-29", 101), ("2020-06-27", 102), ("2020-06-24", 101), ("2020-06-30", 101)]
    for who, (day, concept) in enumerate(cases, start=1):
        hospital.person(who)
        hospital.condition(who, day, concept)
    assert hospital.column("asthma") == {1: "1", 2: "1", 3: "0", 4: "0", 5: "0"}


def test_the_latest_value_is_by_day_then_by_time_and_of_the_unit_that_is_named(hospital: Hospital) -> None:
    hospital.person(1)
    for at, value in (("2020-06-29 09:00", 140.0), ("2020-06-29 17:00", 150.0), ("2020-06-29 08:00", 130.0)):
        hospital.measure(1, at, value)
    hospital.measure(1, "2020-06-28 23:00", 120.0)
    hospital.measure(1, "2020-06-30 10:00", None)
    hospital.measure(1, "2020-06-30 11:00", 19.0, unit=1)
    hospital.measure(1, "2020-07-01 11:00", 160.0)
    assert [float(value or 0) for value in hospital.column("systolic").values()] == [150.0]


@pytest.mark.parametrize("is_known", [True, False])
def test_the_unit_concept_s_ucum_code_comes_along_or_it_is_said_that_there_is_none(
    hospital: Hospital, is_known: bool
) -> None:
    hospital.person(1)
    hospital.measure(1, "2020-06-29 09:00", 140.0)
    hospital.add("concept", 8876, "S", "UCUM" if is_known else "Own", "mm[Hg]")
    found = hospital.table()
    assert found.carried == ({"systolic": "mm[Hg]"} if is_known else {})
    said = "feature 'systolic' has the unit 8876, no UCUM unit in this vocabulary"
    assert any(said in text for text in found.assumed) is not is_known
