"""A mistake in a table, told twice: to the hospital's people with the cell in question, and to logs without any."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cipherward.errors import DataError, TableError


class Problem(str):
    """The sentence for people; `logged` is the one for logs: names of the study, row numbers and counts only."""

    logged: str

    def __new__(cls, text: str, logged: str = "the table has another form") -> Problem:
        problem = super().__new__(cls, text)
        problem.logged = logged
        return problem

    def at(self, hospital: str, file: str = "") -> Problem:
        """The same with its place in front. A file's name is for people only."""
        place = f"{hospital} ({file})" if file else hospital
        return Problem(f"{place}: {self}", f"{hospital}: {self.logged}")


def first_of(bad: NDArray[np.bool_], rows: NDArray[np.int64], name: str) -> str:
    """The place of the first bad row in words, or "" when there is none. `rows`: the number of each row in its file."""
    where = np.flatnonzero(bad)
    return f"column {name!r}, row {rows[where[0]]}" if len(where) else ""


def problems_of(error: DataError) -> list[Problem]:
    """An error's problems, or the error as the only one; its advice follows, so that it is not lost among others."""
    if error.problems:
        return [text if isinstance(text, Problem) else Problem(text) for text in error.problems]
    return [Problem(f"{error.message}; {error.hint}" if error.hint else error.message, error.logged)]


def table_error(title: str, problems: Iterable[Problem], *, hint: str = "") -> TableError:
    """One error with every problem."""
    found = tuple(problems)
    return TableError(
        f"{title}:\n  - " + "\n  - ".join(found),
        logged=f"{len(found)} problem(s) in the data: " + "; ".join(problem.logged for problem in found),
        problems=found,
        hint=hint,
    )


def cannot_read(path: Path, error: OSError | UnicodeError, what: str, hint: str) -> TableError:
    """A file that cannot be read. `what`: it is, for logs, which name no file of a hospital."""
    reason = "not UTF-8 text" if isinstance(error, UnicodeError) else error.strerror or type(error).__name__
    return TableError(f"cannot read {path}: {reason}", logged=f"cannot read {what}: {reason}", hint=hint)


def not_usable(path: Path, fact: str, hint: str, what: str = "the table") -> TableError:
    """A file that is not as it should be. `fact` quotes no cell; `what`: as in `cannot_read`."""
    return TableError(f"{path} {fact}", logged=f"{what} {fact}", hint=hint)
