"""Which sheet of an Excel workbook holds the table, and what the others are. Runs in a child process, as `workbook`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openpyxl.reader.excel import ExcelReader

from cipherward.data.refused import RefusedFile

_NAMED = 5
_KINDS = {
    "chartsheet": "chart sheet",
    "dialogsheet": "dialog sheet",
    "xlmacrosheet": "macro sheet",
    "xlintlmacrosheet": "macro sheet",
}
"""By the last part of the relationship's type (ECMA-376 part 1, section 12.3; MS-OFFMACRO2): what is no table, cells or not."""
_STATES = {"hidden": "hidden ", "veryHidden": "very hidden "}


@dataclass(frozen=True)
class _Left:
    """A sheet that the table is not in: its name; what it is, in words."""

    name: str
    words: str


class _Reader(ExcelReader):  # type: ignore[misc]
    """Leaves the sheets that are no tables closed: openpyxl gives up a workbook over a chart that it cannot draw."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.open("rb"), read_only=True, data_only=True, keep_links=False)
        self.left: list[_Left] = []

    def read_workbook(self) -> None:
        super().read_workbook()
        kept = []
        for sheet in self.parser.sheets:
            related = self.parser.rels.get(sheet.id)
            kind = _KINDS.get(related.Type.rpartition("/")[2].lower()) if related else None
            if kind:
                self.left.append(_Left(sheet.name, f"{_STATES.get(sheet.state, '')}{kind} {sheet.name!r}"))
            else:
                kept.append(sheet)
        self.parser.sheets = kept


def chosen(path: Path, wanted: str) -> tuple[Any, list[str]]:
    """openpyxl's sheet with the table, and what was assumed, in words.

    Args:
        wanted: the sheet's name; "": the only visible one with cells.

    Raises:
        RefusedFile: there is no such sheet, or more than one.
    """
    reader = _Reader(path)
    reader.read()
    sheets = {sheet.title: sheet for sheet in reader.wb.worksheets}
    for sheet in sheets.values():
        sheet.reset_dimensions()  # some programs write a size that is not the sheet's
    if wanted:
        if wanted not in sheets:
            _refuse_wanted(wanted, sheets, reader.left)
        return sheets[wanted], [f"sheet {wanted!r} of an Excel workbook, as set"]
    seen, left = dict[str, Any](), list[_Left]()
    for name, sheet in sheets.items():
        state = _STATES.get(sheet.sheet_state, "")
        if not _has_cells(sheet):
            left.append(_Left(name, f"{state}sheet {name!r} without cells"))
        elif state:
            left.append(_Left(name, f"{state}sheet {name!r}"))
        else:
            seen[name] = sheet
    left += reader.left
    if not seen:
        said = "the workbook has no visible sheet with cells"
        tables = any(each.name in sheets for each in left)
        raise RefusedFile(
            f"{said}: {_listed(left)}" if left else said,
            "name the one with the table in a mapping file ([file] sheet)"
            if tables
            else "give the workbook with the table; a chart or a macro holds none",
            logged=said,
        )
    if len(seen) > 1:
        said = f"the workbook has {len(seen)} sheets with cells"
        raise RefusedFile(
            f"{said}: {', '.join(map(repr, seen))}",
            "name the one with the table in a mapping file ([file] sheet)",
            logged=said,
        )
    ((name, sheet),) = seen.items()
    return sheet, [f"sheet {name!r} of an Excel workbook", *([f"{_listed(left)} left out"] if left else [])]


def _refuse_wanted(wanted: str, sheets: dict[str, Any], left: list[_Left]) -> None:
    kinds = [each.words for each in left if each.name == wanted]
    found = f"{kinds[0]} of the workbook is no table" if kinds else f"the workbook has no sheet {wanted!r}"
    listed = ", ".join(map(repr, sheets))
    raise RefusedFile(
        f"{found}; its sheets: {listed}" if listed else f"{found}; none of its sheets is a table",
        "correct [file] sheet in the mapping file",
        logged="the workbook has no sheet of the name that was set",
    )


def _listed(left: list[_Left]) -> str:
    more = f" and {len(left) - _NAMED} more sheet(s)" if len(left) > _NAMED else ""
    return ", ".join(each.words for each in left[:_NAMED]) + more


def _has_cells(sheet: Any) -> bool:
    return any(value is not None for row in sheet.iter_rows(values_only=True) for value in row)
