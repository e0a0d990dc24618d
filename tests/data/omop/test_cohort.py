"""Cohort and features of an OMOP CDM are what SQL written by hand gives, on DuckDB and on PostgreSQL."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import postgres_server, public_data

from cipherward.data.extract import load as load_extract
from cipherward.data.omop import sql
from cipherward.data.omop.extract import OmopExtract, load
from cipherward.data.omop.sql import Query
from cipherward.data.tables import RawTable, read_table
from cipherward.errors import DataError

duckdb = pytest.importorskip("duckdb")

DEFINITION = """
[concept_sets.emergency]
concepts = [9203]
[concept_sets.inpatient]
concepts = [9201]
[concept_sets.sinusitis]
concepts = [40481087, 257012]
[concept_sets.pressure]
concepts = [3004249]

[index]
table = "visit"
concepts = "emergency"
occurrence = "every"
day = "end"
days_before = 365
age_from = 2

[[exclusions]]
table = "visit"
concepts = "inpatient"
days_from = -30
days_to = 0

[[features]]
name = "age"
kind = "age"
[[features]]
name = "sex"
kind = "sex"
[[features]]
name = "visits"
kind = "count"
table = "visit"
[[features]]
name = "sinusitis"
kind = "any"
table = "condition"
concepts = "sinusitis"
days_from = -3650
[[features]]
name = "systolic"
kind = "latest"
table = "measurement"
concepts = "pressure"
days_from = -1000

[outcome]
name = "back"
table = "visit"
days_from = 1
days_to = 90
"""

BY_HAND = """
WITH stays AS (
    SELECT v.*, v.visit_end_date AS at, p.gender_concept_id,
           date_part('year', age(v.visit_end_date, make_date(p.year_of_birth, p.month_of_birth, p.day_of_birth))) AS years
    FROM visit_occurrence v JOIN person p USING (person_id)
    WHERE v.visit_concept_id = 9203
)
SELECT s.person_id, s.at, s.years, s.gender_concept_id,
       (SELECT count(*) FROM visit_occurrence o WHERE o.person_id = s.person_id
            AND o.visit_occurrence_id <> s.visit_occurrence_id
            AND o.visit_start_date BETWEEN s.at - 365 AND s.at) AS visits,
       (SELECT count(*) FROM condition_occurrence o WHERE o.person_id = s.person_id
            AND o.condition_concept_id IN (40481087, 257012)
            AND o.condition_start_date BETWEEN s.at - 3650 AND s.at) > 0 AS sinusitis,
       (SELECT max(value_as_number) FROM (
            SELECT value_as_number, rank() OVER (
                ORDER BY measurement_date DESC, measurement_datetime DESC, measurement_id DESC) AS place
            FROM measurement m WHERE m.person_id = s.person_id AND m.measurement_concept_id = 3004249
                AND m.value_as_number IS NOT NULL AND m.measurement_date BETWEEN s.at - 1000 AND s.at) AS ranked
        WHERE place = 1) AS systolic,
       (SELECT count(*) FROM visit_occurrence o WHERE o.person_id = s.person_id
            AND o.visit_occurrence_id <> s.visit_occurrence_id
            AND o.visit_start_date BETWEEN s.at + 1 AND s.at + 90) > 0 AS back
FROM stays s
WHERE s.years >= 2
  AND EXISTS (SELECT 1 FROM observation_period o WHERE o.person_id = s.person_id
        AND o.observation_period_start_date <= s.at - 365 AND o.observation_period_end_date >= s.at)
  AND NOT EXISTS (SELECT 1 FROM visit_occurrence o WHERE o.person_id = s.person_id AND o.visit_concept_id = 9201
        AND o.visit_start_date BETWEEN s.at - 30 AND s.at)
ORDER BY s.person_id, s.at, s.visit_occurrence_id
"""


@pytest.fixture(scope="module")
def cdm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The public OMOP sample, one Parquet file a table; it is not part of the repository."""
    packed = public_data.found("omop_synthea27/Synthea27NjParquet_5.4.zip")
    folder = tmp_path_factory.mktemp("omop")
    with zipfile.ZipFile(packed) as archive:
        for name in archive.namelist():
            if name.endswith(".parquet") and "__MACOSX" not in name:
                (folder / Path(name).name).write_bytes(archive.read(name))
    return folder


TABLES = [
    "person",
    "visit_occurrence",
    "condition_occurrence",
    "measurement",
    "observation_period",
    "death",
    "concept",
    "concept_ancestor",
]


@pytest.fixture(scope="module")
def own(cdm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in a DuckDB file, schema "cdm", where two concepts stand below another."""
    path = tmp_path_factory.mktemp("duck") / "cdm.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE SCHEMA cdm")
        for name in TABLES:
            connection.execute(f"CREATE TABLE cdm.cdm.{name} AS SELECT * FROM read_parquet('{cdm}/{name}.parquet')")  # noqa: S608
        connection.execute(
            "INSERT INTO cdm.cdm.concept_ancestor VALUES (1, 40481087, 1, 1), (1, 257012, 2, 2), (1, 1, 0, 0)"
        )
    return path


def extract(folder: Path, place: str, definition: str = DEFINITION) -> RawTable:
    (folder / "cohort.toml").write_text(definition)
    (folder / "extract.toml").write_text(f'source = "omop"\ndefinition = "cohort.toml"\n{place}\n')
    return read_table(folder / "extract.toml")


def plain(raw: RawTable) -> list[tuple[Any, ...]]:
    return [
        (int(row[0]), row[1], int(row[2]), row[3], int(row[4]), row[5] == "1", row[6], row[7] == "1")
        for row in raw.table.rows()
    ]


def by_hand(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    sexes = {8507: "male", 8532: "female"}
    return [
        (who, str(at), int(years), sexes[sex], visits, ill, None if value is None else float(value), back)
        for who, at, years, sex, visits, ill, value, back in found
    ]


def test_the_public_sample_gives_what_sql_by_hand_gives(cdm: Path, tmp_path: Path) -> None:
    raw = extract(tmp_path, f'path = "{cdm}"')
    with duckdb.connect() as connection:
        for name in TABLES:
            connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{cdm}/{name}.parquet')")  # noqa: S608
        expected = by_hand(connection.execute(BY_HAND).fetchall())
    assert len(expected) > 40
    assert 0 < sum(row[-1] for row in expected) < len(expected)
    assert plain(raw) == expected
    n_people, n_back = len({row[0] for row in expected}), sum(row[-1] for row in expected)
    assert (
        raw.assumed[0] == f"56 index event(s), {len(expected)} row(s) of {n_people} people, {n_back} with the outcome"
    )
    assert "concept_ancestor is empty: concept sets have no descendants here" in raw.assumed


def test_a_duckdb_file_with_a_schema_gives_the_same_and_descendants_count(own: Path, tmp_path: Path) -> None:
    place = f'url = "duckdb:///{own}"\nschema_name = "cdm"'
    listed = extract(tmp_path, place)
    below = extract(tmp_path, place, DEFINITION.replace("[40481087, 257012]", "[1]"))
    assert below.table.equals(listed.table)
    assert "1 concept(s) of the definition are not in this database's vocabulary: 1" in below.assumed
    alone = extract(tmp_path, place, DEFINITION.replace("[40481087, 257012]", "[1]\ndescendants = false"))
    assert set(alone.table["sinusitis"]) == {"0"}
    less = extract(tmp_path, place, DEFINITION.replace("[40481087, 257012]", "[1]\nexclude = [40481087]"))
    only = extract(tmp_path, place, DEFINITION.replace("[40481087, 257012]", "[257012]"))
    assert less.table.equals(only.table)
    assert not only.table.equals(listed.table)


def test_first_events_are_each_persons_first(cdm: Path, tmp_path: Path) -> None:
    every = extract(tmp_path, f'path = "{cdm}"', DEFINITION.replace("age_from = 2", ""))
    first = extract(tmp_path, f'path = "{cdm}"', DEFINITION.replace("age_from = 2", "").replace('"every"', '"first"'))
    assert first.table["person_id"].is_unique().all()
    assert set(first.table.rows()) <= set(every.table.rows())
    assert any("that are not the person's first: left out" in text for text in first.assumed)


def test_events_that_a_rule_leaves_out_are_counted(cdm: Path, tmp_path: Path) -> None:
    change = "since = 2010-01-01\nuntil = 2015-12-31\nage_to = 60\nage_from = 2"
    raw = extract(tmp_path, f'path = "{cdm}"', DEFINITION.replace("age_from = 2", change))
    counted = [int(text.split()[0]) for text in raw.assumed if text.endswith("left out")]
    assert sum(counted) + raw.table.height == 56
    assert len(counted) >= 3


@pytest.fixture(scope="module")
def postgres(cdm: Path) -> Iterator[str]:
    """URL of a PostgreSQL server with the sample in schema "cdm"; its password is in CIPHERWARD_TEST_DATABASE."""
    psycopg = pytest.importorskip("psycopg")
    if not postgres_server.is_installed():
        pytest.skip("no PostgreSQL server binaries (initdb, pg_ctl) on this machine")
    with postgres_server.running("reader", "not-secret") as address, duckdb.connect() as source:
        host, _, port = address.partition(":")
        login = {"host": host, "port": int(port), "user": "reader", "password": "not-secret", "dbname": "postgres"}
        with psycopg.connect(**login) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA cdm")
            for name in TABLES:
                found = source.execute(f"SELECT * FROM read_parquet('{cdm}/{name}.parquet')")  # noqa: S608
                columns = ", ".join(f"{each[0]} {_TYPES.get(str(each[1]), 'numeric')}" for each in found.description)
                cursor.execute(f"CREATE TABLE cdm.{name} ({columns})")
                with cursor.copy(f"COPY cdm.{name} FROM STDIN") as copy:
                    for row in found.fetchall():
                        copy.write_row(row)
        yield f"postgresql+psycopg://reader@{address}/postgres"


_TYPES = {"INTEGER": "integer", "DATE": "date", "TIMESTAMP": "timestamp", "VARCHAR": "text"}


def test_postgresql_gives_the_same_as_duckdb(
    cdm: Path, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIPHERWARD_TEST_DATABASE", "not-secret")
    place = f'url = "{postgres}"\nschema_name = "cdm"\npassword_env = "CIPHERWARD_TEST_DATABASE"'
    there, here = extract(tmp_path, place), extract(tmp_path, f'path = "{cdm}"')
    assert there.table.equals(here.table)
    assert there.assumed == here.assumed
    with pytest.raises(DataError, match="does not exist"):
        extract(tmp_path, place.replace('"cdm"', '"elsewhere"'))


def test_values_of_several_units_are_refused_unless_one_is_named(own: Path, tmp_path: Path) -> None:
    place = f'url = "duckdb:///{own}"\nschema_name = "cdm"'
    mixed = DEFINITION.replace("[3004249]", "[3004249, 3025315]")  # pressure and weight
    with pytest.raises(DataError, match="'systolic' has values in several units"):
        extract(tmp_path, place, mixed)
    one = extract(tmp_path, place, mixed.replace('concepts = "pressure"', 'concepts = "pressure"\nunit = 8876'))
    assert one.table["systolic"].equals(extract(tmp_path, place).table["systolic"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("days_from = -3650", "days_from = -30\ndays_to = 1"), "'sinusitis' looks 1 day(s) beyond the index date"),
        (("days_from = 1\n", "days_from = -1\n"), "the outcome looks before the index date"),
        (("days_to = 90", "days_to = 0"), "days_from lies after days_to"),
        (('name = "sinusitis"', 'name = "sin\\"; DROP TABLE person; --"'), "String should match pattern"),
        (('name = "sex"', 'name = "AGE"'), "two columns are called 'age'"),
        (('name = "sex"', 'name = "person_id"'), "two columns are called 'person_id'"),
        (("[9203]", "[0]"), "greater than or equal to 1"),
        (("[9203]", "['9203 OR 1=1']"), "valid integer"),
        (("[9203]", "[]"), "at least 1 item"),
        (('concepts = "emergency"', 'concepts = "emergencies"'), "no concept set is called 'emergencies'"),
        (('table = "condition"', 'table = "person"'), "Input should be"),
        (('kind = "latest"', 'kind = "latest"\nunit = true'), "a number is wanted"),
        (('kind = "age"', 'kind = "age"\ndays_from = 3'), "age has no other setting"),
        (('occurrence = "every"', 'occurrence = "last"'), "occurrence (line"),
        (("age_from = 2", "age_from = 2\nage_to = 1"), "age_from lies above age_to"),
        (("age_from = 2", "limit = 10"), "unknown setting"),
    ],
)
def test_a_wrong_definition_is_refused_with_its_place(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    assert change[0] in DEFINITION
    with pytest.raises(DataError) as caught:
        extract(tmp_path, 'url = "duckdb://"', DEFINITION.replace(*change))
    assert words in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("", "give url, a database, or path"),
        ('url = "duckdb://"\npath = "x"', "give url, a database, or path"),
        ('url = "sqlite:///x.db"', "SQL is written for PostgreSQL and DuckDB"),
        ('url = "duckdb://"\nschema_name = "cdm; DROP TABLE person"', "String should match pattern"),
        ('path = "nowhere"', "there is no folder"),
        ('path = "."', "has no file"),
        ('url = "duckdb://"', "does not exist"),
    ],
)
def test_a_place_without_a_cdm_is_refused(tmp_path: Path, place: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        extract(tmp_path, place)
    assert words in caught.value.message
    assert caught.value.hint


def test_the_example_is_a_definition_with_an_extract() -> None:
    folder = Path(__file__).parents[3] / "examples" / "omop"
    found = load_extract(folder / "extract.toml")
    assert isinstance(found, OmopExtract)
    columns = load(folder / found.definition).columns
    assert columns == ("person_id", "index_date", "age", "sex", "previous_stays", "diabetes", "hba1c", "readmitted")


def test_no_value_of_a_definition_stands_in_the_text(tmp_path: Path) -> None:
    (tmp_path / "cohort.toml").write_text(DEFINITION + "\n[concept_sets.unused]\nconcepts = [1234567]\n")
    query = Query(lambda name: f":{name}")
    text = sql.rows(load(tmp_path / "cohort.toml"), query, lambda name: name)
    for value in ("9203", "9201", "40481087", "3004249", "1234567", "365", "3650", "1000", "90"):
        assert value not in text
        assert int(value) in {abs(each) for each in query.values.values()}


def test_the_digest_is_of_the_definition_and_not_of_how_it_is_written(tmp_path: Path) -> None:
    paths = [tmp_path / "a.toml", tmp_path / "b.toml", tmp_path / "c.toml"]
    paths[0].write_text(DEFINITION)
    paths[1].write_text("# the same\n" + DEFINITION.replace("[9203]", "[ 9203, ]"))
    paths[2].write_text(DEFINITION.replace("[9203]", "[9203, 9201]"))
    digests = [load(path).digest() for path in paths]
    assert digests[0] == digests[1] != digests[2]
