"""Further odd and broken inputs, for `test_odd_inputs`: spreadsheets, terminals, statistics programs, pipes and hostile archives."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyreadstat
from tests.data.odd_inputs import (
    GOOD,
    HEADER,
    ROWS,
    WORD,
    Case,
    N,
    cell,
    cells,
    csv,
    each,
    excel,
    frame,
    gz,
    parquet,
    put,
    text,
)

from cipherward.data.values import Rule

OTHER_WARD: dict[str, Any] = {"changed": {("ward", Rule.UNDECLARED): 1}, "values": {("ward", 2): "other"}}
DRAWN = "is a printed table, with lines of dashes"


def lines(separator: str, rule: str, *, above: bool = False) -> Callable[[Path], object]:
    """As a terminal prints a table."""
    rows = [separator.join(fields) for fields in (HEADER, *ROWS)]
    return csv("\n".join([*([rule] * above), rows[0], rule, *rows[1:]]) + "\n")


def below_header(line: str) -> Callable[[Path], object]:
    head, _, rest = GOOD.partition("\n")
    return csv(f"{head}\n{line}\n{rest}")


def header(old: str, new: str) -> Callable[[Path], object]:
    return csv(GOOD.replace(old, new, 1))


def moved(sheet: Any) -> None:
    sheet.insert_cols(1)


def moved_down(sheet: Any) -> None:
    moved(sheet)
    sheet.insert_rows(1)


def hidden(sheet: Any) -> None:
    sheet.parent.create_sheet("empty")
    sheet.sheet_state = "hidden"


def shown_as_percent(sheet: Any) -> None:
    for row in range(2, N + 2):
        sheet.cell(row, 3).number_format = "0%"


def filtered(sheet: Any) -> None:
    for row in range(2, 20):
        sheet.row_dimensions[row].hidden = True


def long_ids(sheet: Any) -> None:
    for row in range(2, N + 2):
        sheet.cell(row, 1).value = 12345678901234567890 + row


def portable(path: Path) -> None:
    pyreadstat.write_por(frame(), str(path))


IDS = pl.Series([16777216 + i for i in range(N)])
MORE = {
    "sep= behind a mark": Case(csv("\ufeffsep=;\n" + text(separator=";")), assumed="sep= obeyed"),
    "two marks": Case(csv("\ufeff\ufeff" + GOOD)),
    "lines that end in a carriage return": Case(csv(GOOD.replace("\n", "\r")), assumed="carriage return"),
    "line ends of two systems": Case(csv(GOOD.replace("\n", "\r\n", 5))),
    "an end of DOS": Case(csv(GOOD.encode() + b"\x1a")),
    "zero bytes behind the table": Case(csv(GOOD.encode() + bytes(512)), ("binary data",)),
    "a hard space behind a name": Case(header("age", "age\u00a0")),
    "a space of no width in a name": Case(header("age", "a\u200bge"), ("column 'age' is missing; did you mean 'a\\u200bge'?",)),
    "a mark of direction in a category": Case(cell("sex", "male\u200f"), ("'sex', row 2: unknown category: 'male\\u200f' (did you mean 'male'?)",)),
    "a soft hyphen in a category": Case(cell("sex", "ma\u00adle"), ("did you mean 'male'?",)),
    "a line break in a name": Case(header("crp", '"crp\n(mg/L)"'), ("column 'crp' is missing; did you mean 'crp\\n(mg/L)'?",)),
    "a line break in a field": Case(cell("ward", '"medi\ncal"'), **OTHER_WARD),
    "rows behind a line break keep their number": Case(csv(text(cells({("ward", 2): '"oth\ner"', ("age", 5): "x"}))), ("'age', row 5: 'x' is not a number",)),
    "a field of two million letters": Case(cell("ward", "x" * 2_000_000), **OTHER_WARD),
    "separators behind every row": Case(csv(GOOD.replace("\n", ",\n"))),
    "separators behind rows, not the header": Case(csv(GOOD.replace("\n", ",\n").replace(",\n", "\n", 1)), ("every row ends with a separator",)),
    "fields in apostrophes": Case(csv("\n".join(",".join(f"'{each}'" for each in row) for row in (HEADER, *ROWS))), ("the header line has \"'age'\"", "without these quotation marks")),
    "numbers as formulas of text": Case(each("crp", lambda v: f'="{v}"'), ("'crp', row 1",)),
    "names of rows in the first column": Case(csv("," + GOOD.replace("\n", "\n1,").removesuffix("1,"))),
    "names of rows without a name, from R": Case(csv(GOOD.partition("\n")[0] + "\n" + "".join(f"{i},{','.join(row)}\n" for i, row in enumerate(ROWS))), ("the header line has 6 fields, the rows below have 7", "row.names = FALSE")),
    "a line of units below the header": Case(below_header("id,years,mg/L,,,0"), ("'age', row 1: 'years' is not a number", "a second line of names or units does not belong below the header: remove it")),
    "as psql prints it": Case(lines(" | ", "-----+-----+-----"), (DRAWN, "psql --csv")),
    "as mysql prints it": Case(lines(" | ", "+---+---+", above=True), (DRAWN, "mysql --batch")),
    "as Markdown has it": Case(lines(" | ", "|---|---|---|"), (DRAWN,)),
    "a footnote": Case(csv(GOOD + "* without day cases,,,,,\n"), ("'y', row 61 has no outcome",)),
    "a comment above the header": Case(csv("# exported\n" + GOOD), ("the header line has 1 fields, the rows below have 6",)),
    "a name that differs in capitals only": Case(header("ward", "AGE"), values={("ward", row): None for row in range(1, N + 1)}),
    "a name twice but for space": Case(header("crp", "age "), ("column 'age' appears 2 times",)),
    "half a UTF-16 letter at the end": Case(csv(GOOD.encode("utf-16")[:-1]), ("is not UTF-16 text, from row 60 on",)),
    "surrogates": Case(csv(GOOD.encode().replace(b"male", b"\xed\xa0\x80", 1)), ("is not UTF-8 text, from row 1 on",)),
    "a hexadecimal number": Case(cell("crp", "0x10"), ("'crp', row 2: '0x10' is not a number",)),
    "a number with an underscore": Case(cell("crp", "1_000"), ("'1_000' is not a number",)),
    "a minus sign of typesetters": Case(cell("crp", "\u22125"), ("'crp', row 2", "write -5, in plain digits")),
    "a number of an accountant": Case(cell("crp", "(5)"), ("'(5)' is not a number",)),
    "a letter O for a nought": Case(cell("crp", "O5"), ("'O5' is not a number",)),
    "a range for an age": Case(cell("age", "40-49"), ("'age', row 2: '40-49' is not a number",)),
    "an outcome with a nought in front": Case(cell("y", "01"), ("'y', row 2: '01' is not an outcome",)),
    "an outcome in wide digits": Case(cell("y", "\uff10"), changed={("y", Rule.NUMBER): 1}),
    "gzip of two parts": Case(csv(gz(GOOD[:500].encode()) + gz(GOOD[500:].encode())), name="t.csv.gz"),
    "gzip with something behind": Case(csv(gz(GOOD.encode()) + b"more"), ("the gzip data is damaged or cut short",), name="t.csv.gz"),
    "gzip of nothing": Case(csv(gz(b"")), ("is empty",), name="t.csv.gz"),
    "a pipe": Case(os.mkfifo, ("it is a pipe or a device", "save it as a file")),
    "a link to itself": Case(lambda path: path.symlink_to(path), ("cannot read", "check the path")),
    "a workbook whose table begins in column B": Case(excel(moved), name="t.xlsx"),
    "a workbook whose table begins in cell B2": Case(excel(moved_down), ("row 1 of the sheet", "is blank"), name="t.xlsx"),
    "a workbook with a hidden sheet alone": Case(excel(hidden), ("no visible sheet with cells: hidden sheet 'Sheet', sheet 'empty' without cells",), name="t.xlsx"),
    "a workbook that shows percent": Case(excel(shown_as_percent), name="t.xlsx"),
    "a workbook with a filter": Case(excel(filtered), name="t.xlsx", assumed="18 hidden row(s) read as the others are"),
    "a workbook with true for a number": Case(excel(put(B3=True)), ("'age', row 2: 'TRUE' is not a number",), name="t.xlsx"),
    "a workbook with a time for a number": Case(excel(put(B3=datetime.time(5, 30))), ("'age', row 2: '05:30:00' is not a number",), name="t.xlsx"),
    "a workbook with ids beyond 15 digits": Case(excel(long_ids), ("'patient', row 1: a spreadsheet has cut the digits",), name="t.xlsx"),
    "a workbook with a cell far below": Case(excel(put(A5000=" ")), ("'patient', row 4999 has no patient id",), name="t.xlsx"),
    "Parquet with decimals": Case(parquet(crp=pl.col("crp").cast(pl.Decimal(10, 2))), name="t.parquet"),
    "Parquet with ids of 64 bits": Case(parquet(patient=pl.Series([2**63 + i for i in range(N)], dtype=pl.UInt64)), name="t.parquet"),
    "Parquet with ids as short floats": Case(parquet(patient=IDS.cast(pl.Float32)), ("'patient', row 1: a spreadsheet has cut the digits of this id (60 such row(s))", "export the column as text"), name="t.parquet"),
    "Parquet with ids as long floats": Case(parquet(patient=IDS.cast(pl.Float64)), name="t.parquet"),
    "Parquet with bytes": Case(parquet(sex=pl.col("sex").cast(pl.Binary)), ("column 'sex' holds Binary, not categories",), name="t.parquet"),
    "Parquet with structures": Case(parquet(sex=pl.struct("sex")), ("column 'sex' holds Struct",), name="t.parquet"),
    "Parquet with durations": Case(parquet(age=pl.Series([datetime.timedelta(days=1)] * N)), ("column 'age' holds Duration",), name="t.parquet"),
    "Parquet with a NaN": Case(parquet(crp=pl.when(pl.col("patient") == "p1").then(float("nan")).otherwise(pl.col("crp"))), name="t.parquet",
                               changed={("crp", WORD): 1}, values={("crp", 2): None}),
    "Parquet with an infinity": Case(parquet(crp=pl.when(pl.col("patient") == "p1").then(float("inf")).otherwise(pl.col("crp"))), ("'crp', row 2 is infinite",), name="t.parquet"),
    "Parquet with times for an outcome": Case(parquet(y=pl.Series([datetime.datetime(2024, 1, 1)] * N)), ("column 'y' holds Datetime", "write 0 and 1"), name="t.parquet"),
    "Parquet without rows": Case(lambda path: frame().head(0).write_parquet(path), ("has no rows",), name="t.parquet"),
    "Parquet under the name of a CSV": Case(parquet()),
    "CSV under the name of a workbook": Case(csv(GOOD), name="t.xlsx"),
    "CSV under the name of Stata": Case(csv(GOOD), ("is not a readable Stata file",), name="t.dta"),
    "a portable SPSS file": Case(portable, name="t.por", mapping="".join(f'\n[columns.{name}]\nfrom = "{name.upper()}"\n' for name in HEADER), assumed="SPSS portable file"),
    "a portable SPSS file of an encoding": Case(portable, ("encoding of a portable SPSS file cannot be set",), name="t.por", mapping='\n[file]\nencoding = "cp1252"\n'),
    "a recoded number written in two ways": Case(csv(GOOD), ("a number written in two ways, stands twice",), mapping='\n[columns.sex]\nrecode = { "1" = "male", "1.0" = "female" }\n'),
    "a code for missing as a number": Case(csv(GOOD), ("columns.crp.missing",), mapping="\n[columns.crp]\nmissing = [-9]\n"),
    "a factor that is no number": Case(csv(GOOD), ("factor",), mapping="\n[columns.crp]\nfactor = nan\n"),
    "a date without its day": Case(csv(GOOD), ("a form has day (%d)",), mapping='\n[columns.crp]\ndate = "%m/%Y"\n'),
}  # fmt: skip
