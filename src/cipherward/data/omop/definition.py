"""A cohort definition: which events are rows, what is known at each, and what follows. TOML, the same at every hospital.

Windows are days around the index date: -365 to 0 is the year before it and the day itself. What is an input may not look
beyond the index date, and the outcome may not look before it.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cipherward.study_sections import Section

FARTHEST = 40_000
"""Days, either way."""
ConceptId = Annotated[int, Field(ge=1, lt=2**31)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,59}$")]
Domain = Literal["visit", "condition", "drug", "procedure", "device", "measurement", "observation"]


class ConceptSet(Section):
    """Concepts, with all below them where `descendants` says so, less those of `exclude` (and those below them)."""

    concepts: tuple[ConceptId, ...] = Field(min_length=1, max_length=5_000)
    descendants: bool = True
    exclude: tuple[ConceptId, ...] = Field(default=(), max_length=5_000)


class Index(Section):
    """The events that are rows: each one, or each person's first. `day`: which of the event's is the index date. A person is
    observed for `days_before` and `days_after` without a gap; `since` and `until` bound the index date."""

    table: Domain
    concepts: Name
    occurrence: Literal["first", "every"] = "first"
    day: Literal["start", "end"] = "start"
    days_before: int = Field(default=0, ge=0, le=FARTHEST)
    days_after: int = Field(default=0, ge=0, le=FARTHEST)
    since: date | None = None
    until: date | None = None
    age_from: int | None = Field(default=None, ge=0, le=150)
    age_to: int | None = Field(default=None, ge=0, le=150)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.since and self.until and self.since > self.until:
            raise ValueError("since lies after until")
        if self.age_from is not None and self.age_to is not None and self.age_from > self.age_to:
            raise ValueError("age_from lies above age_to")
        return self


class Window(Section):
    """Records of a table in a window of days: of a concept set, or any. The index event itself is none of them."""

    table: Domain | Literal["death"]
    concepts: Name | None = None
    days_from: int = Field(ge=-FARTHEST, le=FARTHEST)
    days_to: int = Field(ge=-FARTHEST, le=FARTHEST)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.days_from > self.days_to:
            raise ValueError("days_from lies after days_to")
        if self.table == "death" and self.concepts:
            raise ValueError("the table death takes no concepts")
        return self


class Exclusion(Window):
    """An event is no row where there is such a record."""


class Feature(Section):
    """An input column. `kind`: "age" in completed years at the index date, "sex", "count" of records, "any" of them (0 or 1), or
    "latest", the value of the last measurement; its unit is `unit` (a concept), or the only one that occurs."""

    name: Name
    kind: Literal["age", "sex", "count", "any", "latest"]
    table: Domain | Literal["death"] | None = None
    concepts: Name | None = None
    days_from: int = Field(default=-365, ge=-FARTHEST, le=FARTHEST)
    days_to: int = Field(default=0, ge=-FARTHEST, le=FARTHEST)
    unit: ConceptId | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.kind in ("age", "sex"):
            if self.model_fields_set - {"name", "kind"}:
                raise ValueError(f"feature {self.name!r}: {self.kind} has no other setting than its name")
            return self
        if self.table is None:
            raise ValueError(f"feature {self.name!r} needs a table")
        if self.kind == "latest" and (self.table not in ("measurement", "observation") or not self.concepts):
            raise ValueError(f"feature {self.name!r}: latest is of measurement or observation, with concepts")
        if self.unit is not None and self.kind != "latest":
            raise ValueError(f"feature {self.name!r}: unit belongs to latest")
        if self.days_to > 0:
            raise ValueError(f"feature {self.name!r} looks {self.days_to} day(s) beyond the index date")
        _ = self.window
        return self

    @property
    def window(self) -> Window:
        """Where its records lie."""
        assert self.table is not None  # noqa: S101 - `_whole` saw to it
        return Window(table=self.table, concepts=self.concepts, days_from=self.days_from, days_to=self.days_to)


class Outcome(Window):
    """1 where there is such a record, else 0."""

    name: Name = "outcome"

    @model_validator(mode="after")
    def _after_index(self) -> Self:
        if self.days_from < 0:
            raise ValueError("the outcome looks before the index date")
        return self


class Definition(Section):
    """A cohort with its table: one row an index event."""

    concept_sets: dict[Name, ConceptSet] = Field(default_factory=dict)
    index: Index
    exclusions: tuple[Exclusion, ...] = Field(default=(), max_length=50)
    features: tuple[Feature, ...] = Field(min_length=1, max_length=500)
    outcome: Outcome

    @model_validator(mode="after")
    def _names(self) -> Self:
        problems = []
        used = [self.index.concepts, self.outcome.concepts, *(each.concepts for each in self.exclusions)]
        used += [each.concepts for each in self.features]
        if unknown := sorted({name for name in used if name and name not in self.concept_sets}):
            problems.append(
                f"no concept set is called {unknown[0]!r}; there are {', '.join(sorted(self.concept_sets))}"
            )
        names = [name.lower() for name in (*self.columns,)]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            problems.append(f"two columns are called {doubled[0]!r}")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the table: person, index date, inputs and outcome."""
        return ("person_id", "index_date", *(each.name for each in self.features), self.outcome.name)

    def digest(self) -> bytes:
        """SHA-256 over the whole definition, 32 bytes: hospitals compare it."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(b"cipherward/v1/cohort-definition\x00" + text.encode()).digest()
