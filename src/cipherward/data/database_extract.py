"""A table that one query of a database answers, said in a file: where a study or a command takes a path."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from cipherward.data.database import Database, placed, read_query
from cipherward.data.extract import Extract
from cipherward.data.problems import cannot_read, not_usable
from cipherward.data.tables import RawTable


class DatabaseExtract(Extract):
    """`url` and `query` as `Database` has them; or `query_file`, a file with the query."""

    source: Literal["database"]
    url: str = Field(min_length=1)
    query: str = ""
    query_file: str = ""
    password_env: str = ""
    password_file: str = ""

    @model_validator(mode="after")
    def _one_of_each(self) -> DatabaseExtract:
        if bool(self.query.strip()) == bool(self.query_file):
            raise ValueError("give query, or query_file with the query in a file of its own")
        if self.password_env and self.password_file:
            raise ValueError("give at most one of password_env and password_file")
        return self

    def inner(self, folder: Path) -> Database:
        return self._database(folder, self.query)

    def files(self, folder: Path) -> tuple[Path, ...]:
        return (folder / self.query_file,) if self.query_file else ()

    def read(self, folder: Path, wanted: Collection[str] | None = None) -> RawTable:
        return read_query(self._database(folder, self._query(folder)))

    def _database(self, folder: Path, query: str) -> Database:
        password = folder / self.password_file if self.password_file else None
        return Database(placed(self.url, folder), query, self.password_env, password)

    def _query(self, folder: Path) -> str:
        if self.query:
            return self.query
        path = folder / self.query_file
        try:
            found = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise cannot_read(path, error, "the query", "check query_file") from None
        if not found.strip():
            raise not_usable(path, "is empty", 'write one "SELECT ..." into it', "the query")
        return found
