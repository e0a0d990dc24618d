"""The SQL of a cohort definition, for DuckDB and PostgreSQL: one SELECT, a row for each candidate event.

Names in it are of the CDM, or made here; values are bound. Rules are columns of truth values, so that who is left out by
which rule can be counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cipherward.data.omop.definition import ConceptSet, Definition, Feature, Window

TABLES = {
    "visit": ("visit_occurrence", "visit_occurrence_id", "visit_concept_id", "visit_start_date", "visit_end_date"),
    "condition": (
        "condition_occurrence",
        "condition_occurrence_id",
        "condition_concept_id",
        "condition_start_date",
        "condition_end_date",
    ),
    "drug": (
        "drug_exposure",
        "drug_exposure_id",
        "drug_concept_id",
        "drug_exposure_start_date",
        "drug_exposure_end_date",
    ),
    "procedure": (
        "procedure_occurrence",
        "procedure_occurrence_id",
        "procedure_concept_id",
        "procedure_date",
        "procedure_end_date",
    ),
    "device": (
        "device_exposure",
        "device_exposure_id",
        "device_concept_id",
        "device_exposure_start_date",
        "device_exposure_end_date",
    ),
    "measurement": ("measurement", "measurement_id", "measurement_concept_id", "measurement_date", "measurement_date"),
    "observation": ("observation", "observation_id", "observation_concept_id", "observation_date", "observation_date"),
    "death": ("death", "person_id", "cause_concept_id", "death_date", "death_date"),
}
"""Of each domain: its table, key, concept, first and last day (OMOP CDM 5.4)."""
_CLOCK = {"measurement": "measurement_datetime", "observation": "observation_datetime"}
FIXED = ("person_id", "is_person", "index_date", "born_year", "born_month", "born_day", "gender", "n", "is_observed")
"""The first columns of every query, before exclusions, features and the outcome."""


@dataclass
class Query:
    """A query as it is written: `text` with parameters, and their values."""

    parameter: Callable[[str], str]
    """How a parameter of this name is written."""
    values: dict[str, Any] = field(default_factory=dict)

    def bind(self, value: int | date) -> str:
        """A value's place in the text."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"CAST({self.parameter(name)} AS {'DATE' if isinstance(value, date) else 'INTEGER'})"


def rows(definition: Definition, query: Query, table: Callable[[str], str]) -> str:
    """The SELECT with `FIXED`, a truth value for each exclusion, the features (of "latest" value and unit; of "age" and "sex"
    none), the outcome, and whether the person is observed to the end of the outcome's window.

    Args:
        query: takes the values.
        table: how a table of the CDM is written in FROM.
    """
    sets = {name: f"set_{number}" for number, name in enumerate(sorted(definition.concept_sets))}
    parts = [f"{sets[name]} AS ({_concepts(each, query, table)})" for name, each in definition.concept_sets.items()]
    index = definition.index
    source, key, concept, first, last = TABLES[index.table]
    day = last if index.day == "end" else first
    parts.append(
        f"candidate AS (SELECT e.person_id, e.{key} AS event_id, e.{day} AS index_date, "
        f"ROW_NUMBER() OVER (PARTITION BY e.person_id ORDER BY e.{day} NULLS LAST, e.{key}) AS n "
        f"FROM {table(source)} AS e WHERE e.{concept} IN (SELECT concept_id FROM {sets[index.concepts]}))"
    )
    before, after = query.bind(index.days_before), query.bind(index.days_after)

    def records(window: Window) -> str:
        return _records(window, index.table, query, table, sets)

    def observed(before: str, after: str) -> str:
        return (
            f"EXISTS (SELECT 1 FROM {table('observation_period')} AS o WHERE o.person_id = c.person_id "
            f"AND o.observation_period_start_date <= c.index_date - {before} "
            f"AND o.observation_period_end_date >= c.index_date + {after})"
        )

    columns = [
        "c.person_id",
        "p.person_id IS NOT NULL",
        "c.index_date",
        "p.year_of_birth",
        "p.month_of_birth",
        "p.day_of_birth",
        "p.gender_concept_id",
        "c.n",
        observed(before, after),
    ]
    columns += [f"EXISTS (SELECT 1 {records(each)})" for each in definition.exclusions]
    for each in definition.features:
        columns += _feature(each, records, query)
    columns.append(f"EXISTS (SELECT 1 {records(definition.outcome)})")
    columns.append(observed(query.bind(0), query.bind(definition.outcome.days_to)))
    named = ", ".join(f"{text} AS c{number}" for number, text in enumerate(columns))
    return (
        f"WITH {', '.join(parts)} SELECT {named} FROM candidate AS c "
        f"LEFT JOIN {table('person')} AS p ON p.person_id = c.person_id ORDER BY c.person_id, c.index_date, c.event_id"
    )


def known(concepts: Sequence[int], query: Query, table: Callable[[str], str]) -> str:
    """The SELECT of those of the concepts that the vocabulary has, each with its mark as a standard one ("S")."""
    listed = ", ".join(query.bind(each) for each in concepts)
    return f"SELECT concept_id, standard_concept FROM {table('concept')} WHERE concept_id IN ({listed})"


def unit_codes(concepts: Sequence[int], query: Query, table: Callable[[str], str]) -> str:
    """The SELECT of the UCUM codes of those of the concepts that are units."""
    listed = ", ".join(query.bind(each) for each in concepts)
    return f"SELECT concept_id, concept_code FROM {table('concept')} WHERE vocabulary_id = 'UCUM' AND concept_id IN ({listed})"


def any_ancestor(table: Callable[[str], str]) -> str:
    """The SELECT of one row where concept_ancestor has any."""
    return f"SELECT 1 AS found FROM {table('concept_ancestor')} LIMIT 1"


def _concepts(each: ConceptSet, query: Query, table: Callable[[str], str]) -> str:
    wanted = _listed(each.concepts, each.descendants, query, table)
    return f"({wanted}) EXCEPT ({_listed(each.exclude, each.descendants, query, table)})" if each.exclude else wanted


def _listed(concepts: Sequence[int], descendants: bool, query: Query, table: Callable[[str], str]) -> str:
    places = [query.bind(each) for each in concepts]
    found = " UNION ".join(f"SELECT {place} AS concept_id" for place in places)
    if not descendants:
        return found
    return (
        f"{found} UNION SELECT a.descendant_concept_id FROM {table('concept_ancestor')} AS a "
        f"WHERE a.ancestor_concept_id IN ({', '.join(places)})"
    )


def _records(window: Window, index_table: str, query: Query, table: Callable[[str], str], sets: dict[str, str]) -> str:
    """FROM and WHERE of the records in a window around a candidate's index date."""
    source, key, concept, first, _ = TABLES[window.table]
    text = (
        f"FROM {table(source)} AS r WHERE r.person_id = c.person_id "
        f"AND r.{first} >= c.index_date + {query.bind(window.days_from)} "
        f"AND r.{first} <= c.index_date + {query.bind(window.days_to)}"
    )
    if window.concepts:
        text += f" AND r.{concept} IN (SELECT concept_id FROM {sets[window.concepts]})"
    if window.table == index_table:
        text += f" AND r.{key} <> c.event_id"
    return text


def _feature(each: Feature, records: Callable[[Window], str], query: Query) -> list[str]:
    if each.kind in ("age", "sex"):
        return []
    where = records(each.window)
    if each.kind == "count":
        return [f"(SELECT COUNT(*) {where})"]
    if each.kind == "any":
        return [f"EXISTS (SELECT 1 {where})"]
    _, key, _, first, _ = TABLES[each.window.table]
    where += " AND r.value_as_number IS NOT NULL"
    if each.unit is not None:
        where += f" AND r.unit_concept_id = {query.bind(each.unit)}"
    where += f" ORDER BY r.{first} DESC, r.{_CLOCK[each.window.table]} DESC NULLS LAST, r.{key} DESC LIMIT 1"
    return [f"(SELECT r.value_as_number {where})", f"(SELECT r.unit_concept_id {where})"]
