"""A query on a DuckDB file, or on Parquet files through DuckDB, by its own library (extra `duckdb`).

No SQLAlchemy dialect stands between: the one that there is follows DuckDB's releases late, and adds nothing that one query
in a read-only connection needs. `duckdb:////absolute/clinic.duckdb` opens a file; `duckdb://` has no file, for a query such as
`SELECT * FROM read_parquet('stays/*.parquet')`. No extension is installed or loaded for a query: it reaches files of this
machine, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from cipherward.errors import DataError, TableError

if TYPE_CHECKING:
    from cipherward.data.database import Database

INSTALL = "pip install 'cipherward[duckdb]'"
SCHEME = "duckdb://"
"""How its URLs begin."""
_CONFIGURED = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


@contextmanager
def asked(
    database: Database, bound: Mapping[str, Any] | None
) -> Iterator[tuple[list[str], Iterator[Sequence[Sequence[Any]]]]]:
    """The names of the columns, and the rows in batches; see `database.asked`.

    Raises:
        DataError: no DuckDB, no such file, a password, or a query that answers no table. It names no value of a table.
    """
    from cipherward.data import database as databases

    try:
        import duckdb
    except ImportError:
        raise DataError(f"{database} needs DuckDB, which is not installed", hint=INSTALL) from None
    if database.password_env or database.password_file:
        raise DataError("a DuckDB file has no password", hint="leave password_env and password_file out")
    path = file_of(database.url)
    try:
        connection = duckdb.connect(path or ":memory:", read_only=bool(path), config=dict(_CONFIGURED))
    except duckdb.Error as error:
        reason = "another program has it open" if "lock" in str(error).lower() else type(error).__name__
        raise TableError(
            f"{database} cannot be opened: {reason}",
            logged=f"the database cannot be opened: {type(error).__name__}",
            hint="close it elsewhere, and check that this version of DuckDB wrote it",
        ) from None
    try:
        statements = connection.extract_statements(database.query)
        if len(statements) != 1 or statements[0].type.name not in ("SELECT", "SELECT_STATEMENT"):
            raise databases.no_table(database)
        connection.execute(statements[0], dict(bound) if bound else None)
        names = [str(each[0]) for each in connection.description or ()]
        yield names, _batches(connection, databases.BATCH)
    except (duckdb.ParserException, duckdb.CatalogException, duckdb.BinderException) as error:
        # Of the query's own text; other errors may quote a value of the table.
        raise databases.no_answer(database, str(error).strip().splitlines()[0][:300], error) from None
    except duckdb.Error as error:
        raise databases.no_answer(database, type(error).__name__, error) from None
    finally:
        connection.close()


def _batches(connection: Any, size: int) -> Iterator[Sequence[Sequence[Any]]]:
    while rows := connection.fetchmany(size):
        yield rows


def file_of(url: str) -> str:
    """The file of a URL, "" for none.

    Raises:
        DataError: it is no URL of DuckDB, or there is no such file.
    """
    if not url.startswith(SCHEME) or "?" in url:
        raise DataError(
            "what is given as the database's URL is not a URL of DuckDB",
            hint="write duckdb:////absolute/path/clinic.duckdb, or duckdb:// for a query on Parquet files",
        )
    found = unquote(url.removeprefix(SCHEME))
    path = found.removeprefix("/")
    if not path or path == ":memory:":
        return ""
    if not found.startswith("/") or not Path(path).is_file():
        raise DataError(f"there is no database file {path}", hint="check the path; duckdb:////absolute/path")
    return path
