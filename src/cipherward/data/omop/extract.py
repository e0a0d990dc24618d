"""A table from an OMOP CDM: the hospital says where its database is, the definition what the rows are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from cipherward.data.database import Database, Source, asked, is_duckdb, placed
from cipherward.data.dates import completed_years
from cipherward.data.extract import Extract, document
from cipherward.data.omop import sql
from cipherward.data.omop.definition import Definition
from cipherward.data.omop.sql import Query
from cipherward.data.tables import RawTable
from cipherward.data.typed import Batches
from cipherward.errors import TableError

_SEX = {8507: "male", 8532: "female", 8521: "other"}
_HINT = "docs/data.md says what a cohort definition holds"


class OmopExtract(Extract):
    """`url`: a database with the CDM's tables in `schema_name`; or `path`, a folder with a Parquet file for each table (read by
    DuckDB). `definition`: the cohort definition's file."""

    source: Literal["omop"]
    definition: str = Field(min_length=1)
    url: str = ""
    path: str = ""
    schema_name: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_]{0,62})?$")
    vocabulary_schema: str = Field(default="", pattern=r"^([A-Za-z_][A-Za-z0-9_]{0,62})?$")
    password_env: str = ""
    password_file: str = ""

    @model_validator(mode="after")
    def _one_place(self) -> OmopExtract:
        if bool(self.url) == bool(self.path):
            raise ValueError("give url, a database, or path, a folder of Parquet files")
        if self.url and not (is_duckdb(self.url) or self.url.startswith("postgresql")):
            raise ValueError("url: SQL is written for PostgreSQL and DuckDB")
        if self.path and (self.schema_name or self.vocabulary_schema or self.password_env or self.password_file):
            raise ValueError("schemas and passwords belong to url")
        if self.password_env and self.password_file:
            raise ValueError("give at most one of password_env and password_file")
        return self

    def inner(self, folder: Path) -> Source:
        return folder / self.path if self.path else Database(placed(self.url, folder), "")

    def files(self, folder: Path) -> tuple[Path, ...]:
        return (folder / self.definition,)

    def read(self, folder: Path, wanted: Collection[str] | None = None) -> RawTable:
        definition = load(folder / self.definition)
        reader = _Reader(self, folder)
        cohort = _Cohort(definition)
        query = reader.query()
        for rows in reader.ask(sql.rows(definition, query, reader.table), query):
            cohort.add(rows)
        if not cohort.batches.n_rows:
            said = "; ".join(cohort.words())
            raise TableError(
                f"{reader.place} gives no row: {said}",
                logged="the OMOP database gives no row",
                hint="compare the definition's concepts and windows with the database",
            )
        table = cohort.table()
        carried, unnamed = reader.units(cohort.units)
        digest = f"cohort definition, digest {definition.digest().hex()[:16]}"
        notes = (*cohort.words(), *reader.vocabulary(definition), *unnamed, digest)
        return RawTable(table, np.arange(1, table.height + 1), reader.place, notes, carried=carried)


def load(path: Path) -> Definition:
    """A cohort definition, checked.

    Raises:
        TableError: unreadable, not TOML, or not a definition; every mistake with its line.
    """
    return document(path, "the definition", Definition.model_validate, _HINT)


class _Reader:
    """Asks one database; knows how tables and parameters are written there."""

    def __init__(self, extract: OmopExtract, folder: Path) -> None:
        self.extract = extract
        self.folder = folder / extract.path if extract.path else None
        self.url = placed(extract.url, folder) or "duckdb://"
        self.password = folder / extract.password_file if extract.password_file else None
        self.place = str(self.folder or f"the database {self.url}")
        if self.folder and not self.folder.is_dir():
            raise TableError(
                f"there is no folder {self.folder}", logged="there is no folder with the CDM", hint="check the path"
            )

    @cached_property
    def _catalogue(self) -> str:
        """What stands before a schema: of DuckDB the file's own name there, since a schema may be called like its file."""
        if not is_duckdb(self.url):
            return ""
        (name,) = (row[0] for rows in self.ask("SELECT current_database() AS name", self.query()) for row in rows)
        quoted = str(name).replace('"', '""')
        return f'"{quoted}".'

    def query(self) -> Query:
        """An empty query."""
        return Query((lambda name: f"${name}") if is_duckdb(self.url) else (lambda name: f":{name}"))

    def table(self, name: str) -> str:
        """A table of the CDM in FROM. Parquet files are found whatever the case of their names."""
        if self.folder is None:
            is_vocabulary = name in ("concept", "concept_ancestor")
            schema = (self.extract.vocabulary_schema if is_vocabulary else "") or self.extract.schema_name
            return f'{self._catalogue}"{schema}".{name}' if schema else name
        files = [file for file in self.folder.iterdir() if file.name.lower() == f"{name}.parquet"]
        if len(files) != 1:
            said = f"has no file {name}.parquet" if not files else f"has {len(files)} files for the table {name}"
            raise TableError(
                f"{self.folder} {said}", logged=f"the CDM's folder {said}", hint="give one Parquet file for each table"
            )
        quoted = str(files[0]).replace("'", "''")
        return f"read_parquet('{quoted}')"

    def ask(self, text: str, query: Query) -> Iterator[Sequence[Sequence[Any]]]:
        """The rows that a query answers, in batches."""
        database = Database(self.url, text, self.extract.password_env, self.password)
        with asked(database, query.values) as answer:
            yield from answer.batches

    def units(self, found: Mapping[str, Collection[object]]) -> tuple[dict[str, str], list[str]]:
        """The UCUM code of each feature's unit, and in words which have none. `found`: by feature its one unit's concept, or None."""
        concepts = {name: unit for name, (unit,) in found.items()}
        wanted = sorted({unit for unit in concepts.values() if isinstance(unit, int)})
        codes: dict[Any, str] = {}
        if wanted:
            query = self.query()
            asked_for = self.ask(sql.unit_codes(wanted, query, self.table), query)
            codes = {row[0]: str(row[1]) for rows in asked_for for row in rows}
        unnamed = [
            f"feature {name!r} has {'no unit' if unit is None else f'the unit {unit}, no UCUM unit in this vocabulary'}: "
            "it is not compared with the study's"
            for name, unit in sorted(concepts.items())
            if unit not in codes
        ]
        return {name: codes[unit] for name, unit in concepts.items() if unit in codes}, unnamed

    def vocabulary(self, definition: Definition) -> Iterator[str]:
        """What the vocabulary of this database does not have of what the definition names, in words."""
        sets = definition.concept_sets.values()
        named = sorted({concept for each in sets for concept in (*each.concepts, *each.exclude)})
        query = self.query()
        found = {row[0]: row[1] for rows in self.ask(sql.known(named, query, self.table), query) for row in rows}
        for words, strange in (
            ("not in this database's vocabulary", [each for each in named if each not in found]),
            ("not standard", [each for each in named if each in found and found[each] != "S"]),
        ):
            if strange:
                yield f"{len(strange)} concept(s) of the definition are {words}: {', '.join(map(str, strange[:10]))}"
        if any(each.descendants for each in sets):
            query = self.query()
            if not any(rows for rows in self.ask(sql.any_ancestor(self.table), query)):
                yield "concept_ancestor is empty: concept sets have no descendants here"


class _Cohort:
    """Rows as they come: left out by the first rule that they break, or kept."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.batches = Batches(definition.columns)
        self.left_out: Counter[str] = Counter()
        self.units: dict[str, set[object]] = {}
        self.n_events = self.n_outcomes = self.guessed = self.unobserved = 0
        self.people: set[int] = set()

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        self.n_events += len(rows)
        self.batches.add([kept for row in rows if (kept := self._kept(row)) is not None])

    def table(self) -> Any:
        """The rows kept.

        Raises:
            TableError: the values of a measurement are in several units.
        """
        for name, units in sorted(self.units.items()):
            if len(units) > 1:
                listed = ", ".join(sorted("none" if unit is None else str(unit) for unit in units))
                said = f"feature {name!r} has values in several units (concepts {listed})"
                raise TableError(said, logged=said, hint="name one by unit in the definition, or convert them before")
        return self.batches.table()

    def words(self) -> list[str]:
        """How many were left out by which rule, and what else to know."""
        n = self.batches.n_rows
        said = [
            f"{self.n_events} index event(s), {n} row(s) of {len(self.people)} people, {self.n_outcomes} with the outcome"
        ]
        said += [f"{count} event(s) {why}: left out" for why, count in self.left_out.items()]
        if self.guessed:
            said.append(f"{self.guessed} row(s) of people without a day of birth: age as if born in the middle")
        if self.unobserved:
            said.append(
                f"{self.unobserved} row(s) without the outcome whose person is not observed to the end of its window: counted as 0"
            )
        return said

    def _kept(self, row: Sequence[Any]) -> tuple[Any, ...] | None:
        fixed = dict(zip(sql.FIXED, row, strict=False))
        rest = iter(row[len(sql.FIXED) :])
        excluded = [next(rest) for _ in self.definition.exclusions]
        at, age = _day(fixed["index_date"]), None
        if at and fixed["born_year"] is not None:
            month, day = fixed["born_month"], fixed["born_day"]
            age = completed_years(_born(fixed["born_year"], month, day), at)
        if why := self._rule(fixed, excluded, at, age):
            self.left_out[why] += 1
            return None
        values: list[Any] = []
        for each in self.definition.features:
            if each.kind == "age":
                values.append(age)
                self.guessed += age is not None and None in (fixed["born_month"], fixed["born_day"])
            elif each.kind == "sex":
                values.append(_SEX.get(fixed["gender"]))
            elif each.kind == "latest":
                value, unit = next(rest), next(rest)
                values.append(None if value is None else float(value))
                if value is not None:
                    self.units.setdefault(each.name, set()).add(unit or None)
            else:
                values.append(int(next(rest)))
        outcome, is_observed = bool(next(rest)), bool(next(rest))
        self.n_outcomes += outcome
        self.unobserved += not outcome and not is_observed
        self.people.add(fixed["person_id"])
        return (str(fixed["person_id"]), at.isoformat() if at else None, *values, int(outcome))

    def _rule(self, fixed: dict[str, Any], excluded: list[Any], at: date | None, age: int | None) -> str:
        """The first rule that an event breaks, in words; "" for none."""
        index = self.definition.index
        if index.occurrence == "first" and fixed["n"] != 1:
            return "that are not the person's first"
        if not fixed["is_person"]:
            return "of nobody in the table person"
        if at is None:
            return "without an index date"
        if not fixed["is_observed"]:
            return f"of people not observed from {index.days_before} days before to {index.days_after} days after"
        if (index.since and at < index.since) or (index.until and at > index.until):
            return "before `since` or after `until`"
        if index.age_from is not None and (age is None or age < index.age_from):
            return f"of people younger than {index.age_from}"
        if index.age_to is not None and (age is None or age > index.age_to):
            return f"of people older than {index.age_to}"
        for number, is_hit in enumerate(excluded, 1):
            if is_hit:
                return f"by exclusion {number}"
        return ""


def _day(found: object) -> date | None:
    """A date that a database gives, also where its column holds times."""
    if isinstance(found, datetime):
        return found.date()
    return found if isinstance(found, date) else None


def _born(year: int, month: int | None, day: int | None) -> date:
    if month is None:
        return date(year, 7, 1)
    return date(year, month, 15 if day is None else day)
