"""Tables given with the study: a file or query per hospital, or one with every hospital's rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from cipherward.data import pictures, recorded_days
from cipherward.data.database import Database, Source, read_source
from cipherward.data.problems import Problem, problems_of
from cipherward.data.schema import with_declared_names
from cipherward.data.source import DataSource, Found, blocks
from cipherward.errors import DataError
from cipherward.study import Study


class Files(DataSource):
    words = "tables given with the study"
    is_own_tables = True
    settings = frozenset({pictures.SETTING})

    def problems(self, study: Study) -> Iterator[str]:
        data = study.data
        if not study.hospitals:
            yield (
                'source "files" needs [[hospitals]]: one entry per hospital, with its path or its value in hospital_column'
            )
        if data.hospital_column and not data.path:
            yield "data.hospital_column needs data.path, the one file that holds every hospital's rows"
        unreadable = (data.model_extra or {}).get(pictures.SETTING, pictures.LEAVE_OUT)
        if unreadable != pictures.LEAVE_OUT:
            yield f'data.{pictures.SETTING}: "{pictures.LEAVE_OUT}", or nothing at all'
        missing = [hospital.name for hospital in study.hospitals if not hospital.path]
        # A study between hospitals is frozen without paths: each hospital keeps its own to itself.
        if missing and not data.hospital_column and not study.is_frozen:
            yield f"no path for hospital(s) {', '.join(missing)} (or give data.path and data.hospital_column)"

    def tables(
        self, study: Study, wanted: Sequence[str], given: Source | None, base: Path, problems: list[Problem]
    ) -> Iterator[Found]:
        data = study.data
        if isinstance(given, Path) and not given.exists():
            said = "there is no such file or folder"
            problems.append(Problem(f"{given}: {said} (--data)", said))
            return
        folder = given if isinstance(given, Path) and given.is_dir() else base
        one = given if isinstance(given, Database) or (given is not None and not given.is_dir()) else None
        if data.hospital_column:
            yield from _told_apart(one or folder / data.path, data.hospital_column, wanted, problems, names_read(study))
            return
        if one is not None and len(wanted) != 1:
            said = f"one file, but the study has {len(wanted)} hospitals with a file each"
            problems.append(Problem(f"{one} is {said}; give a folder", said))
            return
        paths = {hospital.name: hospital.path for hospital in study.hospitals}
        for name in wanted:
            if one is None and not paths[name]:
                said = f"{name}: the study names no path for its table (it was frozen for a deployment)"
                problems.append(Problem(said, said))
                continue
            try:
                yield Found(name, read_source(one or folder / paths[name], names_read(study)))
            except DataError as error:
                problems += [problem.at(name) for problem in problems_of(error)]


def names_read(study: Study) -> tuple[str, ...]:
    """The columns of a table that a study looks at."""
    data = study.data
    keys = (data.outcome, data.patient_column, data.hospital_column, data.date_column)
    days = recorded_days.names(data, study.columns)
    return (*(column.name for column in study.columns), *(name for name in keys if name), *days)


def _told_apart(
    table: Source, column: str, wanted: Sequence[str], problems: list[Problem], read: Collection[str]
) -> Iterator[Found]:
    raw = read_source(table, read)
    raw = dataclasses.replace(raw, table=with_declared_names(raw.table, [column]))
    if column not in raw.table.columns:
        said = f"column {column!r} (data.hospital_column) is missing"
        problems.append(Problem(f"{raw.origin}: {said}; found: {', '.join(raw.table.columns[:20])}", said))
        return
    yield from blocks(raw, column, wanted, problems)
