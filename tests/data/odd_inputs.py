"""Odd and broken inputs, as hospitals send them: what is made of each. `test_odd_inputs` runs them through the real command."""

from __future__ import annotations

import datetime
import gzip
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pyreadstat

from cipherward.data.values import Rule

N = 60
HEADER = ("patient", "age", "crp", "sex", "ward", "y")
ROWS = [
    [f"p{i}", str(40 + i % 40), f"{i * 7 % 90}.5", ("female", "male")[i % 2], ("medical", "surgical", "other")[i % 3], str(int(i % 5 == 0))]
    for i in range(N)
]  # fmt: skip
"""Row 1 is p0, 40, 0.5, female, medical, 1; row 2 is p1, 41, 7.5, male, surgical, 0."""
STUDY = """
name = "odd"
[data]
source = "files"
outcome = "y"
patient_column = "patient"
[[columns]]
name = "age"
kind = "numeric"
minimum = 0
maximum = 120
unit = "a"
required = true
[[columns]]
name = "crp"
kind = "numeric"
minimum = 0
maximum = 5000
unit = "mg/L"
missing = ["-77"]
[[columns]]
name = "sex"
kind = "categorical"
categories = ["female", "male"]
codes = { F = "female", M = "male" }
[[columns]]
name = "ward"
kind = "categorical"
categories = ["medical", "surgical", "other"]
"""

Cells = dict[tuple[str, int], Any]


@dataclass(frozen=True)
class Case:
    """`write` makes the table at a path; `name` is its file, `mapping` the rest of a mapping file for it ("": none). It fits (`said`
    empty), with `changed` (column, rule): count and `values` (column, row): value other than in ROWS, `rows` left; or it is refused
    with every text of `said`."""

    write: Callable[[Path], object]
    said: tuple[str, ...] = ()
    changed: dict[tuple[str, Rule], int] = field(default_factory=dict)
    values: Cells = field(default_factory=dict)
    name: str = "t.csv"
    mapping: str = ""
    rows: int = N
    assumed: str = ""


def text(rows: list[list[str]] | None = None, header: tuple[str, ...] = HEADER, separator: str = ",") -> str:
    return "".join(separator.join(fields) + "\n" for fields in (list(header), *(rows or ROWS)))


GOOD = text()


def csv(content: str | bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content if isinstance(content, bytes) else content.encode())


def cells(changes: Cells) -> list[list[str]]:
    rows = [list(fields) for fields in ROWS]
    for (column, row), value in changes.items():
        rows[row - 1][HEADER.index(column)] = str(value)
    return rows


def cell(column: str, value: str, row: int = 2) -> Callable[[Path], object]:
    return csv(text(cells({(column, row): value})))


def each(column: str, change: Callable[[str], str], separator: str = ",") -> Callable[[Path], object]:
    at = HEADER.index(column)
    return csv(text([[*row[:at], change(row[at]), *row[at + 1 :]] for row in ROWS], separator=separator))


def frame(**columns: pl.Series | pl.Expr) -> pl.DataFrame:
    table = pl.DataFrame({name: [row[at] for row in ROWS] for at, name in enumerate(HEADER)})
    table = table.with_columns(pl.col("age").cast(pl.Int64), pl.col("crp").cast(pl.Float64), pl.col("y").cast(pl.Int64))
    return table.with_columns(**columns)


def parquet(**columns: pl.Series | pl.Expr) -> Callable[[Path], object]:
    return lambda path: frame(**columns).write_parquet(path)


def excel(change: Callable[[Any], object] = lambda _sheet: None) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        import openpyxl

        book = openpyxl.Workbook()
        sheet: Any = book.active
        sheet.append(HEADER)
        for row in ROWS:
            sheet.append([row[0], int(row[1]), float(row[2]), row[3], row[4], int(row[5])])
        change(sheet)
        book.save(path)

    return write


def put(**values: Any) -> Callable[[Any], object]:
    def change(sheet: Any) -> None:
        for place, value in values.items():
            sheet[place] = value

    return change


def archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("t.csv", GOOD)


def packed(*members: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as out:
            for member in members:
                out.writestr(member, "x")

    return write


def old_office(stream: str) -> Callable[[Path], object]:
    return csv(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + stream.encode("utf-16-le") + bytes(600))


def cut(write: Callable[[Path], object], share: float) -> Callable[[Path], object]:
    def half(path: Path) -> None:
        write(path)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return half


def spss(path: Path) -> None:
    table = frame(sex=(pl.col("sex") == "male").cast(pl.Float64) + 1.0).with_columns(
        crp=pl.Series([999.0 if i == 1 else float(row[2]) for i, row in enumerate(ROWS)])
    )
    pyreadstat.write_sav(
        table, str(path), variable_value_labels={"sex": {1.0: "female", 2.0: "male"}}, missing_ranges={"crp": [999]}
    )


def gz(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def html(path: Path) -> None:
    path.write_text("<html><table><tr><td>patient</td></tr></table></html>")


COMMA, THOUSANDS, WORD = Rule.DECIMAL_COMMA, Rule.THOUSANDS, Rule.MISSING_WORD
FILE = "\n[file]\n"
COMMAS = each("crp", lambda v: v.replace(".", ","), ";")

ENCODINGS = {
    "UTF-16 with a mark": Case(csv(GOOD.encode("utf-16")), assumed="encoding UTF-16"),
    "UTF-16 big-endian without a mark": Case(csv(GOOD.encode("utf-16-be")), assumed="UTF-16-BE"),
    "Windows-1252": Case(csv(text(cells({("ward", 2): "Köln"})).encode("cp1252")), assumed="Windows-1252 (Western European)",
                         changed={("ward", Rule.UNDECLARED): 1}, values={("ward", 2): "other"}),
    "the encoding of DOS": Case(csv(text(cells({("ward", 2): "Köln"})).encode("cp850")), ("from row 2 on", "[file] encoding")),
    "the encoding of DOS, named": Case(csv(text(cells({("ward", 2): "Köln"})).encode("cp850")), mapping=FILE + 'encoding = "cp850"',
                                       assumed="encoding cp850, as set", changed={("ward", Rule.UNDECLARED): 1}, values={("ward", 2): "other"}),
    "another encoding than named": Case(csv(text(cells({("ward", 2): "Köln"})).encode("cp1252")), ("is not utf-8 text, from row 2 on",),
                                        mapping=FILE + 'encoding = "utf-8"'),
    "two encodings in one file": Case(csv(text(cells({("ward", 2): "Köln"})).encode() + "x,1,1,male,Köln,1\n".encode("latin-1")), ("from row 61 on",)),
    "a letter cut in two at the end": Case(csv(text(cells({("ward", 60): "Köl"})).encode()[:-6]), ("row 60",)),
    "EBCDIC": Case(csv(GOOD.encode("cp037")), ("is not UTF-8 text", "from the header line on")),
}  # fmt: skip
SEPARATORS = {
    "semicolons and decimal commas": Case(COMMAS, changed={("crp", COMMA): N}, assumed="semicolons"),
    "tabs": Case(csv(text(separator="\t")), assumed="tabs"),
    "bars": Case(csv(text(separator="|")), assumed="'|'"),
    "carets": Case(csv(text(separator="^")), ("the file was read as one column",)),
    "carets, named": Case(csv(text(separator="^")), mapping=FILE + 'separator = "^"', assumed="as set"),
    "fixed width": Case(csv(text(separator="   ")), ("the file was read as one column",)),
    "sep= of another file": Case(csv("sep=;\n" + GOOD), ("says sep=;", "remove that line")),
    "a separator inside a field": Case(cell("ward", "medical, 2nd floor"), ("row 2", "quotation marks")),
    "a row cut short": Case(csv(GOOD[:-8]), ("row 60", "fewer fields")),
    "a quotation mark left open": Case(cell("ward", '"medical'), ("row 2", "close it")),
    "blank lines": Case(csv(GOOD.replace("\n", "\n\n", 3)), assumed="3 blank line(s) left out"),
    "lines of metadata": Case(csv("Export of ward 3\nby: nobody\n" + GOOD), ("2 line(s) with fewer fields than the others stand above", "[file] skip_lines = 2")),
    "lines of metadata, named": Case(csv("Export of ward 3\nby: nobody\n" + GOOD), mapping=FILE + "skip_lines = 2", assumed="2 line(s) above"),
    "one line of metadata": Case(csv("Export of ward 3\n" + GOOD), ("the header line has 1 fields, the rows below have 6", "[file] skip_lines")),
    "more lines left out than there are": Case(csv(GOOD), ("all of them are left out",), mapping=FILE + "skip_lines = 100"),
    "a footer, named": Case(csv(GOOD + "60 rows\n\n"), mapping=FILE + "skip_last = 1", assumed="1 line(s) at the end"),
    "a line of totals": Case(csv(GOOD + "Total,60,9.5,male,other,20\n"), ("row 61 is a line of totals", "skip_last")),
    "the header again": Case(csv(GOOD + GOOD), ("'age', row 61", "'age' is not a number")),
}  # fmt: skip
NUMBERS = {
    "a comma that means one of two things": Case(cell("crp", '"1,234"'), ("'crp', row 2", "may have a decimal comma, or a comma between thousands")),
    "the same, named": Case(cell("crp", '"1,234"'), mapping=FILE + 'thousands = ","', changed={("crp", THOUSANDS): 1}, values={("crp", 2): 1234.0}),
    "thousands with apostrophes": Case(cell("crp", "1'234.5"), changed={("crp", THOUSANDS): 1}, values={("crp", 2): 1234.5}),
    "thousands with hard spaces": Case(cell("crp", "1\u00a0234"), changed={("crp", THOUSANDS): 1}, values={("crp", 2): 1234.0}),
    "both decimal signs": Case(cell("crp", '"7,5"'), ("'crp', row 2", "a decimal comma, and other numbers of the column a decimal point")),
    "a percent sign": Case(cell("crp", "5%"), ("'crp', row 2: '5%' is not a number",)),
    "below a limit": Case(cell("crp", "<5"), ("'crp', row 2: '<5' is not a number",)),
    "a unit in the cell": Case(cell("crp", "5 mg/L"), ("'crp', row 2: '5 mg/L' is not a number",)),
    "a blood pressure": Case(cell("crp", "120/80"), ("'crp', row 2: '120/80' is not a number",)),
    "a number beyond all": Case(cell("crp", "1e999"), ("'crp', row 2 is infinite", "leave the field empty")),
    "Arabic digits": Case(cell("crp", "٧"), ("'crp', row 2",)),
    "a number with a word for missing": Case(cell("crp", "NaN"), changed={("crp", WORD): 1}, values={("crp", 2): None}),
    "another unit in most rows": Case(each("age", lambda v: str(int(v) * 365)), ("60 of 60 values lie outside", "convert them to the declared unit")),
    "another unit, mapped": Case(each("age", lambda v: str(int(v) * 12)), mapping='\n[columns.age]\nunit = "mo"\nto = "a"\n', changed={("age", Rule.CONVERTED): N}),
    "another unit than the study's, mapped": Case(csv(GOOD), ("the study declares 'a'", "correct `to`"), mapping='\n[columns.age]\nunit = "a"\nto = "mo"\n'),
    "a unit that is none": Case(csv(GOOD), ("'years' is no UCUM unit", "write 'a'"), mapping='\n[columns.age]\nunit = "years"\nto = "a"\n'),
    "a date in place of an age": Case(cell("age", "12.03.1950"), ("'age', row 2", "a date: make a number of it")),
    "days of a spreadsheet in place of an age": Case(each("age", lambda v: f"450{v}"), ("60 of 60 values lie outside",)),
}  # fmt: skip
MISSING = {
    "many words for missing": Case(csv(text(cells({("crp", 2): "NA", ("crp", 3): ".", ("crp", 4): "NULL", ("sex", 2): "#N/A", ("age", 2): "", ("ward", 2): "-"}))),
                                   changed={("crp", WORD): 3, ("sex", WORD): 1, ("ward", WORD): 1},
                                   values={("crp", 2): None, ("crp", 3): None, ("crp", 4): None, ("sex", 2): None, ("age", 2): None, ("ward", 2): None}),
    "a declared code, written in two ways": Case(csv(text(cells({("crp", 2): "-77", ("crp", 3): "-77.0"}))), changed={("crp", Rule.MISSING_CODE): 2},
                                                 values={("crp", 2): None, ("crp", 3): None}),
    "a code that nobody declared": Case(csv(text(cells({("age", 2): "999", ("age", 5): "999"}))), ("'age', row 2: 999 lies outside", "occurs 2 times", 'missing = ["999"]')),
    "the same, mapped": Case(csv(text(cells({("age", 2): "999", ("age", 5): "999.0"}))), mapping='\n[columns.age]\nmissing = ["999"]\n',
                             changed={("age", Rule.MAPPED_MISSING): 2}, values={("age", 2): None, ("age", 5): None}),
    "one value outside the range": Case(cell("age", "130"), changed={("age", Rule.CUT): 1}, values={("age", 2): 130.0}),
    "a word that nobody knows": Case(cell("age", "unknown"), ("'age', row 2: 'unknown' is not a number", 'declare missing = ["unknown"]')),
}  # fmt: skip
CATEGORIES = {
    "codes of categories": Case(each("sex", lambda v: v[0].upper()), changed={("sex", Rule.CODE): N}),
    "a category in capitals": Case(cell("sex", "MALE"), ("'sex', row 2: unknown category: 'MALE' (did you mean 'male'?)",)),
    "categories in another language, mapped": Case(each("sex", lambda v: {"female": "Frau", "male": "Mann"}[v]), changed={("sex", Rule.RECODED): N},
                                                   mapping='\n[columns.sex]\nrecode = { Frau = "female", Mann = "male" }\n'),
    "an outcome in words": Case(each("y", lambda v: ("nein", "ja")[int(v)]), ("'y', row 1: 'ja' is not an outcome", "data.positive")),
    "an outcome in words, mapped": Case(each("y", lambda v: ("nein", "ja")[int(v)]), mapping='\n[columns.y]\nrecode = { nein = "0", ja = "1" }\n',
                                        changed={("y", Rule.RECODED): N}),
    "a third outcome": Case(cell("y", "2"), ("'y', row 2: '2' is not an outcome",)),
    "no outcome in a row": Case(cell("y", ""), ("'y', row 2 has no outcome (1 such row(s))", "leave out rows")),
    "one outcome only": Case(each("y", lambda _v: "0"), ("'y' has no positive case",)),
}  # fmt: skip
COLUMNS = {
    "a name twice": Case(csv(GOOD.replace("crp", "age", 1)), ("column 'age' appears 2 times", "keep one column")),
    "no name for two columns": Case(csv(GOOD.replace("crp,sex", ",", 1)), ("2 columns without a name",)),
    "no header": Case(csv("\n".join(GOOD.split("\n")[1:])), ("column 'age' is missing",)),
    "a required column that is absent": Case(csv(GOOD.replace("age", "born", 1)), ("column 'age' is missing",)),
    "an optional column that is absent": Case(csv(GOOD.replace("ward", "unit_code", 1)), values={("ward", row): None for row in range(1, N + 1)}),
    "a name in other letters": Case(csv(GOOD.replace("crp", "CRP", 1)), ("column 'crp' is missing; did you mean 'CRP'?",)),
    "a name in other letters, mapped": Case(csv(GOOD.replace("crp", "CRP", 1)), mapping='\n[columns.crp]\nfrom = "CRP"\n', assumed="'CRP' is 'crp'"),
    "a mapped column that is not there": Case(csv(GOOD), ("no column 'CPR' (from)", "did you mean 'crp'?"), mapping='\n[columns.crp]\nfrom = "CPR"\n'),
    "ids without digits": Case(each("patient", lambda v: f"1.2345{v[1:]:>02}E+17"), ("'patient', row 1: a spreadsheet has cut the digits",)),
    "a row without an id": Case(cell("patient", ""), ("'patient', row 2 has no patient id",)),
}  # fmt: skip
FILES = {
    "nothing": Case(csv(b""), ("is empty",)),
    "space": Case(csv(b" \n \n"), ("is empty",)),
    "a header alone": Case(csv(GOOD.partition("\n")[0]), ("has no rows",)),
    "gzip": Case(csv(gz(GOOD.encode("utf-16"))), name="t.csv.gz", assumed="encoding UTF-16"),
    "gzip cut short": Case(csv(gz(GOOD.encode())[:-9]), ("the gzip data is damaged or cut short", "copy the file again"), name="t.csv.gz"),
    "gzip twice": Case(csv(gz(gz(GOOD.encode()))), ("compressed twice",), name="t.csv.gz"),
    "a zip archive": Case(archive, ("is a zip archive", "unpack"), name="t.zip"),
    "a web page under the name of a workbook": Case(html, ("is a web page", "save the sheet as CSV"), name="t.xls"),
    "an old workbook": Case(old_office("Workbook"), ("is an old Excel workbook (.xls)", "save it as Excel workbook (.xlsx)"), name="t.xls"),
    "a workbook with a password": Case(old_office("EncryptedPackage"), ("is an Excel workbook with a password", "take the password off"), name="t.xlsx"),
    "an OpenDocument spreadsheet": Case(packed("mimetype", "content.xml"), ("is an OpenDocument spreadsheet (.ods)", "save it as Excel workbook (.xlsx)"), name="t.ods"),
    "a binary workbook": Case(packed("[Content_Types].xml", "xl/workbook.bin"), ("is a binary Excel workbook (.xlsb)", "(.xlsx)"), name="t.xlsx"),
    "JSON": Case(csv('[{"age": 4}]'), ("is a JSON document",)),
    "binary data": Case(csv(bytes(range(256)) * 4), ("binary data",)),
    "a folder": Case(lambda path: path.mkdir(), ("cannot read",)),
    "no file": Case(lambda _path: None, ("cannot read",)),
}  # fmt: skip
TYPED = {
    "Parquet": Case(parquet(), name="t.parquet"),
    "Parquet cut short": Case(cut(parquet(), 0.7), ("is not a readable Parquet file", "copy or write the file again"), name="t.parquet"),
    "Parquet with dates in place of numbers": Case(parquet(age=pl.Series([datetime.date(1950, 1, 1)] * N)), ("column 'age' holds Date, not numbers",), name="t.parquet"),
    "Parquet with lists": Case(parquet(age=pl.Series([[1, 2]] * N)), ("column 'age' holds List(Int64), not numbers",), name="t.parquet"),
    "Parquet with true and false": Case(parquet(y=pl.col("y") == 1), name="t.parquet"),
    "Parquet with enumerations": Case(parquet(sex=pl.col("sex").cast(pl.Enum(["male", "female"]))), name="t.parquet"),
    "a workbook": Case(excel(), name="t.xlsx", assumed="sheet 'Sheet'"),
    "a workbook with errors of formulas": Case(excel(put(C3="#N/A", B3="#DIV/0!")), name="t.xlsx", changed={("crp", WORD): 1, ("age", WORD): 1},
                                               values={("crp", 2): None, ("age", 2): None}),
    "a workbook that was never calculated": Case(excel(put(C3="=B3*2")), ("cell C3 holds a formula without a stored result", "let it calculate"), name="t.xlsx"),
    "a workbook with merged cells": Case(excel(lambda sheet: sheet.merge_cells("D2:D5")), ("D2:D5 are merged", "unmerge"), name="t.xlsx"),
    "a workbook with a date in place of a number": Case(excel(put(B3=datetime.datetime(1950, 3, 12))), ("'age', row 2: '1950-03-12' is not a number (a date",), name="t.xlsx"),
    "a workbook with a title": Case(excel(lambda sheet: (sheet.insert_rows(1), sheet.__setitem__("A1", "Ward 3"))), ("5 columns without a name", "skip_lines"), name="t.xlsx"),
    "a workbook with a title, named": Case(excel(lambda sheet: (sheet.insert_rows(1), sheet.__setitem__("A1", "Ward 3"))), name="t.xlsx", mapping=FILE + "skip_lines = 1"),
    "a workbook with a line of totals": Case(excel(lambda sheet: sheet.append(["Total", 60, 1, "male", "other", 0])), ("row 61 is a line of totals",), name="t.xlsx"),
    "a workbook with two sheets": Case(excel(lambda sheet: sheet.parent.create_sheet("Codes").append(["x"])), ("2 sheets with cells: 'Sheet', 'Codes'",), name="t.xlsx"),
    "a workbook without the sheet that is named": Case(excel(), ("has no sheet 'Data'; its sheets: 'Sheet'",), name="t.xlsx", mapping=FILE + 'sheet = "Data"'),
    "a workbook cut short": Case(cut(excel(), 0.6), ("is not a readable Excel workbook",), name="t.xlsx"),
    "an SPSS file": Case(spss, name="t.sav", changed={("sex", Rule.LABEL): N, ("crp", Rule.MISSING_IN_FILE): 1}, values={("crp", 2): None}),
    "an SPSS file cut short": Case(cut(spss, 0.5), ("is not a readable SPSS file",), name="t.sav"),
}  # fmt: skip
ALL = ENCODINGS | SEPARATORS | NUMBERS | MISSING | CATEGORIES | COLUMNS | FILES | TYPED
