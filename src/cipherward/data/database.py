"""A hospital's table from its own database: one query, read only, with a password that stands in no configuration.

SQLAlchemy 2 (extra `sql`) and the database's driver are loaded when a query is run; a DuckDB file is read by its own library
(`duckdb_query`). Rows come in batches. What comes back passes the same checks as a table file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from cipherward.data.tables import RawTable, read_table
from cipherward.data.typed import Batches
from cipherward.errors import DataError, TableError

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

_INSTALL = "pip install 'cipherward[sql]'"
BATCH = 10_000
"""Rows that are fetched at a time."""
_CONNECT_SECONDS = 15
_RELATIVE = re.compile(r"((?:sqlite(?:\+\w+)?|duckdb):///)((?![A-Za-z]:[/\\])[^/\\:?][^?]*)(\?.*)?")
"""The URL of a file by a relative path: neither `:memory:`, nor absolute."""
_SECRETIVE = ("password", "passwd", "pwd", "secret", "token")


@dataclass(frozen=True)
class Database:
    """Where to ask, and what. `url` is SQLAlchemy's (dialect+driver://user@host/database), without a password.

    The password is in the environment variable `password_env`, or alone in the file `password_file`, which only its
    owner can read; without either, the database asks for none.
    """

    url: str
    query: str
    password_env: str = ""
    password_file: Path | None = None

    def __str__(self) -> str:
        return f"the database {self.url}"

    def digest(self) -> bytes:
        """SHA-256 over what decides which rows come: the URL and the query's text, not where the password is; 32 bytes."""
        text = json.dumps({"database": self.url, "query": self.query}, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(b"cipherward/v1/query\x00" + text.encode()).digest()


Source = Path | Database
"""Where a hospital's table is: a file, or a query."""


def read_source(source: Source, wanted: Collection[str] | None = None) -> RawTable:
    """The table of a file or of a query; see `read_table` (also for `wanted`) and `read_query`."""
    if not isinstance(source, Database):
        return read_table(source, wanted=wanted)
    raw = read_query(source)
    return dataclasses.replace(raw, assumed=(*raw.assumed, f"by a query, digest {source.digest().hex()[:16]}"))


def read_query(database: Database) -> RawTable:
    """Run the query in a transaction that is rolled back; whatever it answers is a table. Rows are fetched `BATCH` at a time,
    from PostgreSQL through a cursor at the server, and typed as they come.

    Raises:
        DataError: no driver, no connection, no password, or an answer that is no table. It names neither the password
            nor any value of the table.
    """
    batches = None
    with asked(database) as answer:
        for rows in answer.batches:
            batches = batches or Batches(answer.names)
            batches.add(rows)
        batches = batches or Batches(answer.names)
    return RawTable(batches.table(), np.arange(1, batches.n_rows + 1), str(database))


@dataclass(frozen=True)
class Answer:
    """What a query answers: its columns' names, each once, and its rows in batches, to be read once."""

    names: tuple[str, ...]
    batches: Iterator[Sequence[Sequence[Any]]]


@contextmanager
def asked(database: Database, bound: Mapping[str, Any] | None = None) -> Iterator[Answer]:
    """Run the query; what it answers can be read while the context lasts.

    Args:
        bound: values of the query's parameters `:name`. Without them a colon is a colon.

    Raises:
        DataError: as `read_query`.
    """
    if is_duckdb(database.url):
        from cipherward.data import duckdb_query

        with duckdb_query.asked(database, bound) as (names, batches):
            yield Answer(_distinct(names, database), batches)
        return
    url = check_url(database.url)
    password = _password(database)
    if password:
        url = url.set(password=password)
    from sqlalchemy import text

    engine = _engine(url, database)
    try:
        with _foreign(database, password), engine.connect() as connection:
            streaming = connection.execution_options(stream_results=True, max_row_buffer=BATCH)
            query = database.query.replace(":", "\\:") if bound is None else database.query
            answer = streaming.execute(text(query), dict(bound or {}))
            if not answer.returns_rows:
                connection.rollback()
                raise no_table(database)
            yield Answer(_distinct(list(answer.keys()), database), answer.partitions(BATCH))
            connection.rollback()
    finally:
        engine.dispose()


def no_table(database: Database) -> DataError:
    """The query is none that answers rows."""
    return DataError(f"the query on {database} returns no table", hint="[data] query is one SELECT")


def _distinct(names: Sequence[str], database: Database) -> tuple[str, ...]:
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        problems = tuple(f"{database}: the query names column {name!r} more than once" for name in doubled)
        raise DataError("; ".join(problems), problems=problems, hint="name each column once, with AS")
    return tuple(names)


def placed(url: str, folder: Path) -> str:
    """The URL of an SQLite or DuckDB file with its whole path: a relative one starts at the folder. Any other URL stays."""
    found = _RELATIVE.fullmatch(url)
    if not found:
        return url
    scheme, name, rest = found.groups()
    place = folder.resolve().as_posix()
    return f"{scheme}{quote(place, safe='/:') if is_duckdb(url) else place}/{name}{rest or ''}"


def is_duckdb(url: str) -> bool:
    """Whether DuckDB's own library reads it."""
    return url.startswith("duckdb:")


def check_url(url: str) -> URL:
    """Parse a database URL.

    Raises:
        DataError: it is none, or it holds a password; neither is repeated.
    """
    try:
        from sqlalchemy import exc, make_url
    except ImportError:
        raise DataError("reading from a database needs SQLAlchemy, which is not installed", hint=_INSTALL) from None
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise DataError(
            "what is given as the database's URL is not a database URL",
            hint="write it as dialect+driver://user@host/database, for example postgresql+psycopg://reader@db/clinic",
        ) from None
    if parsed.password is not None or any(_is_secretive(key, value) for key, value in parsed.query.items()):
        raise DataError(
            "the database URL holds a password",
            hint="take it out; name an environment variable (password_env) or a file of mode 0600 (password_file)",
        )
    return parsed


def _is_secretive(key: str, value: str | tuple[str, ...]) -> bool:
    """Whether a part of a URL's query names a password, or holds one in a list of settings (`odbc_connect=...;PWD=...`)."""
    texts = value if isinstance(value, tuple) else (value,)
    listed = (name for text in texts for name in re.findall(r"([\w\s]+)=", text))
    return any(word in name.lower() for name in (key, *listed) for word in _SECRETIVE)


def _password(database: Database) -> str:
    if database.password_env:
        found = os.environ.get(database.password_env, "")
        if not found:
            raise DataError(
                f"the environment variable {database.password_env} with the database's password is not set",
                hint="set it for this command and for the service",
            )
        return found
    path = database.password_file
    if path is None:
        return ""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise DataError(
                f"{path} holds a password and is open to other users (mode {mode:03o})", hint=f"chmod 600 {path}"
            )
        found = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise DataError(
            f"cannot read the password file {path}: {reason}", hint="it holds the password alone, mode 0600"
        ) from None
    if not found:
        raise DataError(f"the password file {path} is empty", hint="write the database's password into it")
    return found


def _engine(url: URL, database: Database) -> Engine:
    from sqlalchemy import create_engine, exc
    from sqlalchemy.pool import NullPool

    # Values of the table are parameters and results: never in an error or a log.
    options: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True, "echo": False}
    backend = url.get_backend_name()
    if backend == "sqlite":
        options["creator"] = _sqlite(url)
    elif backend == "postgresql":
        options |= {"execution_options": {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}}
        options |= {"connect_args": {"connect_timeout": _CONNECT_SECONDS}}
    try:
        return create_engine(url, **options)
    except ImportError as error:
        raise DataError(
            f"{database} needs the Python package {error.name or 'of its driver'}, which is not installed",
            hint=f"{_INSTALL} brings PostgreSQL's; install another database's driver beside cipherward",
        ) from None
    except (exc.SQLAlchemyError, TypeError):
        raise DataError(
            f"{database}: no such kind of database is known here",
            hint="write it as dialect+driver://user@host/database, for example postgresql+psycopg://reader@db/clinic",
        ) from None


def _sqlite(url: URL) -> Any:
    import sqlite3

    path = Path(url.database or "")
    if not path.is_file():
        raise DataError(f"there is no database file {path}", hint="check the path; sqlite:////absolute/path")
    return lambda: sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)


@contextmanager
def _foreign(database: Database, password: str) -> Iterator[None]:
    from sqlalchemy import exc

    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, exc.ProgrammingError) as error:
        # Of a connection, or of the query's own text; other errors may quote a value of the table.
        reason = (str(error.orig).strip().splitlines() or [type(error.orig).__name__])[0][:300]
        reason = reason.partition(" with text ")[0]  # SQLite's reader quotes a text that is not UTF-8
        reason = reason.replace(password, "***") if password else reason
        raise no_answer(database, reason, error) from None
    except exc.SQLAlchemyError as error:
        raise no_answer(database, type(getattr(error, "orig", None) or error).__name__, error) from None


def no_answer(database: Database, reason: str, error: BaseException) -> TableError:
    """The database refuses the query. `reason`: words without a value of a table."""
    return TableError(
        f"{database} does not answer the query: {reason}",
        logged=f"the database does not answer the query: {type(error).__name__}",
        hint=_ADVICE,
    )


_ADVICE = "try the query with the database's own client as the same user; check the network and its permissions"
