"""What a hospital's export can look like: each change of a good file is read as a person would read it, or refused with its
place and the remedy. Expected values were read by hand."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.data.values import Rule
from cipherward.errors import DataError
from cipherward.study import parse

HEADER = ("patient", "age", "crp", "sex", "dx", "y")
N = 60
ROWS = [
    [f"p{i}", str(40 + i % 40), f"{i * 7 % 90}.5", ("female", "male")[i % 2], ("E11", "I10", "other")[i % 3],
     str(int(i % 3 == 0 or i % 7 == 0))]
    for i in range(N)
]  # fmt: skip
"""Row 1 is p0, 40, 0.5, female, E11, 1; row 2 is p1, 41, 7.5, male, I10, 0."""
STUDY = parse(
    {
        "name": "exports",
        "data": {"source": "files", "outcome": "y", "patient_column": "patient"},
        "hospitals": [{"name": name, "path": f"{name}.csv"} for name in ("north", "south", "west")],
        "columns": [
            {"name": "age", "kind": "numeric", "minimum": 0, "maximum": 110},
            {"name": "crp", "kind": "numeric", "minimum": 0, "maximum": 500},
            {"name": "sex", "kind": "categorical", "categories": ["female", "male"]},
            {"name": "dx", "kind": "categorical", "categories": ["E11", "I10", "other"]},
        ],
    },
    origin="the test",
)


def written(rows: list[list[str]], header: tuple[str, ...] = HEADER, separator: str = ",", end: str = "\n") -> str:
    return "".join(separator.join(fields) + end for fields in (list(header), *rows))


GOOD = written(ROWS)


def cell(column: str, value: str, row: int = 2) -> str:
    rows = [list(fields) for fields in ROWS]
    rows[row - 1][HEADER.index(column)] = value
    return written(rows)


def each(column: str, change: Callable[[str], str]) -> str:
    at = HEADER.index(column)
    return written([[*fields[:at], change(fields[at]), *fields[at + 1 :]] for fields in ROWS])


def load(folder: Path, content: str | bytes) -> HospitalData:
    (folder / "north.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    (data,) = load_hospitals(STUDY, None, folder, only=["north"])
    return data


def with_notes(length: int, separator: str) -> str:
    """Every row with a clinical note of so many characters: line breaks, quotation marks and separators in it."""
    note = ('seen; stable, says ""fine""\nnext\tvisit in 2 weeks | ' * (length // 50 + 1))[:length].rstrip('"')
    return written([[f'"{note}"', *fields] for fields in ROWS], ("note", *HEADER), separator)


def wide(n_columns: int, separator: str) -> str:
    names = [f"gene{i:05}" for i in range(n_columns)]
    return written([["1"] * n_columns + fields for fields in ROWS], (*names, *HEADER), separator)


def workbook() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return out.getvalue()


SAME = {
    "a mark at the beginning": "\ufeff" + GOOD,
    "a mark before a quoted name": '\ufeff"patient"' + GOOD[7:],
    "a hard space in the header": GOOD.replace("age", "age\u00a0", 1),
    "hard spaces around a category": cell("sex", "\u00a0male"),
    "a hard space after a number": cell("crp", "7.5\u00a0"),
    "spaces around a number": cell("crp", " 7.5 "),
    "a plus": cell("crp", "+7.5"),
    "an exponent": cell("crp", "0.75e1"),
    "zeros": cell("crp", "07.50"),
    "everything in quotation marks": written([[f'"{field}"' for field in fields] for fields in ROWS]),
    "a line break in a quoted category": cell("dx", '"I10\n"'),
    "lines that end in CR LF": GOOD.replace("\n", "\r\n"),
    "lines that end in CR": GOOD.replace("\n", "\r"),
    "lines of both kinds": GOOD.replace("\n", "\r\n", 20),
    "no end of the last line": GOOD[:-1],
    "empty lines at the end": GOOD + "\n\n\r\n",
    "an empty line above the header": "\n" + GOOD,
    "the end mark of DOS": GOOD + "\x1a",
    "an unnamed column of row numbers": "".join(f"{i or ''},{line}\n" for i, line in enumerate(GOOD.splitlines())),
    "a column more": "".join(f"x,{line}\n" for line in GOOD.splitlines()),
    "a separator at the end of all lines": GOOD.replace("\n", ",\n"),
    "another order": written([fields[::-1] for fields in ROWS], HEADER[::-1]),
    "tabs": written(ROWS, separator="\t"),
    "bars": written(ROWS, separator="|"),
    "sep=; after a mark": "\ufeffsep=;\r\n" + written(ROWS, separator=";", end="\r\n"),
    "UTF-16": GOOD.encode("utf-16"),
    "gzip under the name csv": gzip.compress(GOOD.encode()),
    "ids as floats": each("patient", lambda text: text[1:] + ".0"),
    "ids with zeros in front": each("patient", lambda text: f"{int(text[1:]):08}"),
    "ids beyond 64 bits": each("patient", lambda text: f"18446744073709551616{text[1:]:>02}"),
    "notes with line breaks and semicolons": with_notes(5_000, ";"),
    "notes with line breaks and tabs": with_notes(5_000, "\t"),
    "notes longer than Python's reader takes": with_notes(200_000, ";"),
    "12,000 columns": wide(12_000, ","),
    "12,000 columns, tabs, UTF-16": wide(12_000, "\t").encode("utf-16"),
    "sep= with a tab": "sep=\t\n" + written(ROWS, separator="\t"),
    "a carriage return twice": GOOD.replace("\n", "\r\r\n"),
    "UTF-32": GOOD.encode("utf-32"),
    "UTF-16 without a mark": GOOD.encode("utf-16-le"),
    "spaces after commas": GOOD.replace(",", ", "),
    "gzip in two members": gzip.compress(GOOD[:200].encode()) + gzip.compress(GOOD[200:].encode()),
}
MORE = {"12,000 columns, tabs, UTF-16": pytest.mark.thorough}


@pytest.mark.parametrize(
    "content", [pytest.param(content, id=name, marks=MORE.get(name, ())) for name, content in SAME.items()]
)
def test_the_same_table_in_another_dress_is_read_as_the_same_table(content: str | bytes, tmp_path: Path) -> None:
    data = load(tmp_path, content)
    assert data.changes == ()
    assert data.table["age"].to_list() == [float(fields[1]) for fields in ROWS]
    assert data.table["crp"].to_list() == [float(fields[2]) for fields in ROWS]
    assert data.table["sex"].to_list() == [fields[3] for fields in ROWS]
    assert data.table["dx"].to_list() == [fields[4] for fields in ROWS]
    assert data.outcome.tolist() == [int(fields[5]) for fields in ROWS]


COUNTED = {
    "a full-width code": (cell("dx", "\uff29\uff11\uff10"), "dx", Rule.LETTERS, "I10"),
    "a code with .0": (cell("dx", "I10.0"), "dx", Rule.UNDECLARED, "other"),
    "a code in small letters": (cell("dx", "i10"), "dx", Rule.UNDECLARED, "other"),
    "a Cyrillic letter in a code": (cell("dx", "\u041510"), "dx", Rule.UNDECLARED, "other"),
    "a zero-width space inside a code": (cell("dx", "I\u200b10"), "dx", Rule.UNDECLARED, "other"),
    "a quoted word for missing": (cell("crp", '"NA"'), "crp", Rule.MISSING_WORD, None),
    "an error of a spreadsheet": (cell("crp", "#DIV/0!"), "crp", Rule.MISSING_WORD, None),
    "a letter of Latin-1": (cell("dx", "K\u00f6ln").encode("latin-1"), "dx", Rule.UNDECLARED, "other"),
    "a code for missing that stands alone": (cell("crp", "-9"), "crp", Rule.CUT, -9.0),
    "an outcome 0.0": (cell("y", "0.0"), "y", Rule.NUMBER, 0),
    "an outcome -0": (cell("y", "-0"), "y", Rule.NUMBER, 0),
    "an outcome FALSE": (cell("y", "FALSE"), "y", Rule.NUMBER, 0),
    "an outcome False": (cell("y", "False"), "y", Rule.NUMBER, 0),
}


COUNTED["decimal commas in a file with semicolons"] = (
    written([[*row[:2], row[2].replace(".", ","), *row[3:]] for row in ROWS], separator=";"), "crp", Rule.DECIMAL_COMMA, 7.5)  # fmt: skip


@pytest.mark.parametrize(("content", "column", "rule", "value"), COUNTED.values(), ids=COUNTED.keys())
def test_a_changed_value_is_counted(
    content: str, column: str, rule: Rule, value: str | float | None, tmp_path: Path
) -> None:
    data = load(tmp_path, content)
    assert [(change.column, change.rule, change.count) for change in data.changes] == [
        (column, rule, N if rule == Rule.DECIMAL_COMMA else 1)
    ]
    assert (data.outcome[1] if column == "y" else data.table[column][1]) == value


REFUSED = {
    "decimal comma": (cell("crp", '"7,5"'), "'crp', row 2", "with a decimal point"),
    "full-width digits": (cell("crp", "\uff11\uff12"), "'crp', row 2", "write 12, in plain digits"),
    "a minus of typography": (cell("crp", "\u22125"), "'crp', row 2", "write -5"),
    "a leading apostrophe": (cell("crp", "'7.5"), "'crp', row 2", "write 7.5"),
    "a percent sign": (cell("crp", "5%"), "'crp', row 2", "write a number"),
    "below a limit": (cell("crp", "<5"), "'crp', row 2", "write a number"),
    "a date": (cell("crp", "2024-01-03"), "'crp', row 2", "write a number"),
    "a number beyond all": (cell("crp", "1e400"), "'crp', row 2", "leave the field empty"),
    "TRUE as a number": (cell("crp", "TRUE"), "'crp', row 2", "write a number"),
    "a code for missing that repeats": (each("crp", lambda v: "-9" if v[0] == "7" else v), "'crp', row 2", "missing ="),
    "a category in capitals": (cell("sex", "Male"), "'sex', row 2", "did you mean 'male'"),
    "a soft hyphen": (cell("sex", "ma\u00adle"), "'sex', row 2", "did you mean 'male'"),
    "an outcome 00": (cell("y", "00"), "'y', row 2", "outcomes are 0 or 1"),
    "an outcome 2": (cell("y", "2"), "'y', row 2", "of more than two values, set data.outcome_type"),
    "outcomes in words": (each("y", lambda v: ("no", "yes")[int(v)]), "'y', row 1", "data.positive"),
    "no outcome": (cell("y", "n/a"), "'y', row 2", "leave out rows"),
    "no patient": (cell("patient", "-"), "'patient', row 2", "give every row an id"),
    "a zero byte": (cell("dx", "I\x0010"), "row 2 holds a zero byte", "copy or export the file again"),
    "a name twice": (GOOD.replace("age,crp", "age,age", 1), "'age' appears 2 times", "keep one column"),
    "a name in capitals": (GOOD.replace("age", "AGE", 1), "'age' is missing", "did you mean 'AGE'"),
    "a separator more in rows": (GOOD.replace("\n", ",\n").replace(",\n", "\n", 1), "the rows below have 7", "ends with"),
    "a separator more in the header": (GOOD.replace("\n", ",\n", 1), "the rows below have 6", "ends with a separator"),
    "a title": ("Export 2024\n" + GOOD, "has 1 field", "remove the lines above"),
    "a title with separators": ("Export,,,,,\n" + GOOD, "5 columns without a name", "remove what stands above"),
    "a second header of units": (GOOD.replace("\n", "\n,years,mg/l,,,\n", 1), "'age', row 1", "write a number"),
    "a line of totals": (GOOD + "Total,60,,,,\n", "row 61 has no outcome", "leave out rows"),
    "a line of totals with a value everywhere": (GOOD + "Total,60,3,male,other,1\n", "row 61 is a line of totals", "skip_last = 1"),
    "a footer": (GOOD + "60 rows\n", "row 61", "cut short there"),
    "cut short in a row": (GOOD[:-9], "row 60", "cut short there"),
    "a separator in a row": (cell("dx", "I10, other"), "row 2", "quotation marks"),
    "an open quotation mark": (cell("dx", '"I10'), "row 2", "close it"),
    "sep= of another file": ("sep=;\n" + GOOD, "says sep=;", "remove that line"),
    "carets": (written(ROWS, separator="^"), "read as one column", "separate its fields by a comma"),
    "a workbook": (workbook(), "Excel workbook", "save the sheet as CSV"),
    "bzip2": (bz2.compress(GOOD.encode()), "compressed (bzip2)", "unpack the archive"),
    "xz": (lzma.compress(GOOD.encode()), "compressed (xz)", "unpack the archive"),
    "a gzip cut short": (gzip.compress(GOOD.encode())[:-9], "gzip data is damaged", "copy the file again"),
    "ids that a spreadsheet has cut": (each("patient", lambda v: f"1.2345{v[1:]:>02}E+17"), "'patient', row 1", "as text"),
    "ids as floats with too few digits": (each("patient", lambda v: f"1.152921504606{v[1:]}e18"), "row 1", "as text"),
    "one row": ("\n".join(GOOD.split("\n")[:2]) + "\n", "only positive cases", ""),
    "a number in hex": (cell("crp", "0x1F"), "'crp', row 2", "write a number"),
    "a number of Python": (cell("crp", "1_000"), "'crp', row 2", "write a number"),
    "an open age class": (cell("age", "89+"), "'age', row 2", "write a number"),
    "outcomes 1 and 2": (each("y", lambda v: str(int(v) + 1)), "'y', row 1", "data.positive"),
    "comments above the header": ("# exported\n" + GOOD, "the rows below have 6", "remove the lines above"),
    "the header again": (GOOD + GOOD, "'age', row 61", "write a number"),
    "Avro": (b"Obj\x01\x04\x16avro.schema", "an Avro file", "give that file"),
    "ORC": (b"ORC\x08\x03\x10\x00\x00", "an ORC file", "give that file"),
    "HDF5": (b"\x89HDF\r\n\x1a\n\x00", "an HDF5 file", "give that file"),
    "NumPy": (b"\x93NUMPY\x01\x00", "a NumPy file", "give that file"),
    "pickle": (b"\x80\x04\x95\x0c\x00\x00", "a Python pickle", "give that file"),
    "an R object": (gzip.compress(b"X\n\x00\x00\x00\x03\x00\x04"), "an R object", "give that file"),
    "a picture": (b"\x89PNG\r\n\x1a\n", "a picture", "give that file"),
    "gzip twice": (gzip.compress(gzip.compress(GOOD.encode())), "compressed twice", "unpack"),
    "a PDF": (b"%PDF-1.4\n%\xe2\xe3", "a PDF document", "save the sheet as CSV"),
    "a web page": ("\n <HTML>", "a web page", "save the sheet as CSV"),
    "JSON": ('[\n {"age": 4}]', "a JSON document", "save the sheet as CSV"),
    "lz4": (b"\x04\x22\x4d\x18xx", "compressed (lz4)", "unpack"),
    "RAR": (b"Rar!\x1a\x07xx", "a RAR archive", "unpack"),
    "PGP": ("-----BEGIN PGP MESSAGE-----\n\nab\n", "encrypted (PGP)", "give that file"),
    "ARFF": ("@relation heart\n@attribute age numeric\n" + GOOD, "a Weka file", "give that file"),
    "SQL": ("INSERT INTO t VALUES (1, 2);\n", "SQL statements", "give that file"),
    "row names of R": (GOOD.replace("\n", "\n1,").rstrip("1,"), "the rows below have 7", "row.names = FALSE"),
    "fields in single quotation marks": (written([[f"'{v}'" for v in row] for row in ROWS], tuple(f"'{n}'" for n in HEADER)),
                                         "the header line has \"'age'\"", "without these quotation marks"),
    "spaces before quotation marks": (written([[f' "{v}"' for v in row] for row in ROWS], tuple(f' "{n}"' for n in HEADER)),
                                      "'age' is missing", "with nothing before"),
    "one id for everybody": (each("patient", lambda v: "unknown"), "all 60 rows have the same patient id", "'patient'"),
    "dates of a spreadsheet as numbers": (each("age", lambda v: f"450{v}"), "60 of 60 values lie outside", "declared unit"),
    "a special missing value of SAS": (cell("crp", ".A"), "'crp', row 2", "leave the field empty"),
    "EBCDIC": (GOOD.encode("cp037"), "not UTF-8", "encoding UTF-8"),
    "a header alone": (GOOD.partition("\n")[0], "has no rows", ""),
    "nothing": (b"", "is empty", "a CSV with one header line"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "place", "remedy"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_read_rightly_is_refused_with_its_place_and_the_remedy(
    content: str | bytes, place: str, remedy: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as caught:
        load(tmp_path, content)
    said = caught.value.message
    assert "north.csv" in said
    assert place in said
    assert remedy in said + caught.value.hint


def test_only_a_word_is_offered_to_be_declared_as_missing(tmp_path: Path) -> None:
    for text, offered in (("unknown", True), ('"7,5"', False), ("7.5 mg/l", False)):
        with pytest.raises(DataError) as caught:
            load(tmp_path, cell("crp", text))
        assert ("or declare missing = " in caught.value.message) is offered
