"""Workbooks and files of SAS, SPSS and Stata: read like the CSV of the same table, or refused with the place and the remedy."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import datetime
import gzip
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pyreadstat
import pytest

from cipherward.data import child
from cipherward.data.file_settings import FileSettings
from cipherward.data.reader_settings import ReaderSettings
from cipherward.data.sources import load_hospitals
from cipherward.data.tables import read_table
from cipherward.data.values import Rule
from cipherward.errors import DataError, TableError
from cipherward.study import Study

Sheet = Any
HEADER = ("patient", "age", "ward", "readmitted")
N = 60


def only(path: str) -> list[dict[str, str]]:
    """A roster whose first hospital has this table."""
    return [{"name": "north", "path": path}, {"name": "south", "path": "x"}, {"name": "west", "path": "y"}]


def rows() -> list[list[Any]]:
    return [[f"p{i}", 40 + i % 40, ("medical", "surgical")[i % 2], int(i % 5 == 0)] for i in range(N)]


def workbook(path: Path, change: Callable[[Sheet], object] = lambda _sheet: None, *, header: int = 1) -> Path:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for number in range(1, header):
        sheet.cell(number, 1, "Export of 2026")
    for place, name in enumerate(HEADER, 1):
        sheet.cell(header, place, name)
    for number, fields in enumerate(rows(), header + 1):
        for place, value in enumerate(fields, 1):
            sheet.cell(number, place, value)
    change(sheet)
    book.save(path)
    return path


@pytest.mark.usefixtures("real_readers")
def test_a_workbook_is_read_like_the_csv_of_its_sheet(make_study: Callable[..., Study], tmp_path: Path) -> None:
    workbook(tmp_path / "north.csv")  # whatever its name is
    (data,) = load_hospitals(make_study(), None, tmp_path, only=["north"])
    assert data.table["age"].to_list() == [float(fields[1]) for fields in rows()]
    assert data.table["ward"].to_list() == [fields[2] for fields in rows()]
    assert data.outcome.tolist() == [fields[3] for fields in rows()]
    assert data.changes == ()
    assert data.assumed == ("sheet 'Sheet' of an Excel workbook",)


def test_cells_keep_their_digits_and_dates_and_errors_of_formulas_are_words(tmp_path: Path) -> None:
    def change(sheet: Sheet) -> None:
        cells: dict[str, Any] = {
            "B2": 0.1 + 0.2,
            "B3": 1e-7,
            "B4": datetime.datetime(2024, 2, 29),
            "B5": "'5",
            "B6": "#N/A",
        }
        for place, value in (cells | {"B7": 123456789012345678, "B8": datetime.datetime(2024, 2, 29, 23, 5)}).items():
            sheet[place] = value
        for row in range(2, N + 2):
            sheet.cell(row, 4).value = bool(row % 2)

    raw = read_table(workbook(tmp_path / "t.xlsx", change))
    found = raw.table["age"].to_list()[:7]
    assert found[0] in ("0.3", repr(0.1 + 0.2))
    assert found[1:5] == ["1e-07", "2024-02-29", "'5", "#N/A"]
    assert found[5] == "1.23456789012346E+17"  # too few digits for an id, which is refused as such
    assert found[6] == "2024-02-29 23:05:00"
    assert raw.table.schema["readmitted"] == pl.Boolean


def test_blank_rows_of_a_sheet_are_left_out_and_row_numbers_stay(tmp_path: Path) -> None:
    def change(sheet: Sheet) -> None:
        sheet.insert_rows(4)
        sheet.row_dimensions[9].hidden = True

    raw = read_table(workbook(tmp_path / "t.xlsx", change))
    assert raw.rows.tolist() == [1, 2, *range(4, N + 2)]
    assert raw.assumed[1:] == ("1 blank row(s) left out", "1 hidden row(s) read as the others are")


REFUSED: dict[str, tuple[Callable[[Sheet], object], str, str]] = {
    "merged names": (lambda sheet: sheet.merge_cells("B1:C1"), "B1:C1 are merged", "unmerge"),
    "merged rows": (lambda sheet: sheet.merge_cells("A2:A5"), "A2:A5 are merged", "write name or value into each"),
    "a formula that was never calculated": (lambda sheet: sheet.__setitem__("B7", "=B6+1"), "cell B7 holds a formula", "let it calculate"),
    "a blank line above": (lambda sheet: sheet.insert_rows(1), "row 1 of the sheet", "skip_lines"),
    "a title above": (lambda sheet: (sheet.insert_rows(1), sheet.__setitem__("A1", "Export")), "3 columns without a name", "skip_lines"),
    "two sheets with cells": (lambda sheet: sheet.parent.create_sheet("Notes").append(["x"]), "2 sheets with cells: 'Sheet', 'Notes'", "sheet"),
    "a name twice": (lambda sheet: sheet.__setitem__("C1", "age"), "'age' appears 2 times", "keep one column"),
    "columns without a name": (lambda sheet: (sheet.__setitem__("F2", 1), sheet.__setitem__("G2", 1)), "columns without a name", "name them all"),
    "an empty sheet": (lambda sheet: sheet.delete_rows(1, 99), "no visible sheet with cells", "sheet"),
}  # fmt: skip


def become(path: Path, kinds: dict[int, str]) -> Path:
    """Make sheets of a workbook, by number from 1, sheets of another kind: a dialog, or macros as Excel 4 had them."""
    types = {
        "dialogsheet": "http://schemas.openxmlformats.org/officeDocument/2006/relationships/dialogsheet",
        "macrosheet": "http://schemas.microsoft.com/office/2006/relationships/xlMacrosheet",
    }
    worksheet = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for number, kind in kinds.items():
        for name, content in list(parts.items()):
            parts[name] = content.replace(
                f'"{worksheet}" Target="/xl/worksheets/sheet{number}.xml"'.encode(),
                f'"{types[kind]}" Target="/xl/{kind}s/sheet{number}.xml"'.encode(),
            )
        parts[f"xl/{kind}s/sheet{number}.xml"] = parts.pop(f"xl/worksheets/sheet{number}.xml")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def charted(sheet: Sheet) -> None:
    """A chart of the sheet's numbers on a sheet of its own."""
    from openpyxl.chart import BarChart, Reference

    chart = BarChart()
    chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=N), titles_from_data=True)
    sheet.parent.create_chartsheet("Ages", 0).add_chart(chart)


def more_sheets(sheet: Sheet) -> None:
    for name in ("Dialog", "Macros", "Old", "Older", "Spare"):
        sheet.parent.create_sheet(name).append(["x"] if name != "Spare" else [])
    sheet.parent["Old"].sheet_state = "hidden"
    sheet.parent["Older"].sheet_state = "veryHidden"


def test_sheets_that_are_no_tables_are_left_out_and_named(tmp_path: Path) -> None:
    plain = read_table(workbook(tmp_path / "plain.xlsx"))
    with_chart = read_table(workbook(tmp_path / "chart.xlsx", charted))
    assert with_chart.table.equals(plain.table)
    assert with_chart.assumed == ("sheet 'Sheet' of an Excel workbook", "chart sheet 'Ages' left out")
    path = become(workbook(tmp_path / "many.xlsx", more_sheets), {2: "dialogsheet", 3: "macrosheet"})
    many = read_table(path)
    assert many.table.equals(plain.table)
    assert many.assumed[1] == (
        "hidden sheet 'Old', very hidden sheet 'Older', sheet 'Spare' without cells, dialog sheet 'Dialog', "
        "macro sheet 'Macros' left out"
    )


def test_a_chart_without_a_drawing_ends_nothing(tmp_path: Path) -> None:
    path = workbook(tmp_path / "t.xlsx", charted)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist() if "chart" not in name or "sheet" in name}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            if "chartsheets/_rels" not in name:
                archive.writestr(name, content)
    assert read_table(path).assumed[1] == "chart sheet 'Ages' left out"


def test_a_workbook_of_charts_alone_is_refused_with_their_names(tmp_path: Path) -> None:
    def alone(sheet: Sheet) -> None:
        charted(sheet)
        del sheet.parent["Sheet"]

    with pytest.raises(TableError, match="no visible sheet with cells: chart sheet 'Ages'") as refused:
        read_table(workbook(tmp_path / "t.xlsx", alone))
    assert "give the workbook with the table" in refused.value.hint


def test_a_chart_that_a_mapping_file_names_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="chart sheet 'Ages' of the workbook is no table; its sheets: 'Sheet'"):
        read_table(workbook(tmp_path / "t.xlsx", charted), FileSettings(sheet="Ages"))


def test_a_reader_is_told_of_the_settings_what_it_takes_and_nothing_twice() -> None:
    told = {each.name: each for each in dataclasses.fields(ReaderSettings)}
    assert told.keys() < FileSettings.model_fields.keys()
    assert all(each.default is dataclasses.MISSING for each in told.values())
    assert FileSettings(sheet="Stays", skip_last=2).for_reader() == ReaderSettings("", 0, 2, "Stays")


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_a_hidden_sheet_is_read_where_a_mapping_file_names_it(state: str, tmp_path: Path) -> None:
    def change(sheet: Sheet) -> None:
        sheet.parent.create_sheet("Notes").append(["x"])
        sheet.sheet_state = state

    path = workbook(tmp_path / "t.xlsx", change)
    assert read_table(path, FileSettings(sheet="Sheet")).table.height == N


@pytest.mark.parametrize(("change", "said", "remedy"), REFUSED.values(), ids=REFUSED.keys())
def test_a_sheet_that_is_no_plain_table_is_refused(
    change: Callable[[Sheet], object], said: str, remedy: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as caught:
        read_table(workbook(tmp_path / "t.xlsx", change))
    assert said in caught.value.message
    assert remedy in caught.value.message + caught.value.hint
    assert "t.xlsx" in caught.value.message


def test_a_mapping_file_names_the_sheet_and_the_lines_around_the_table(
    make_study: Callable[..., Study], tmp_path: Path
) -> None:
    def change(sheet: Sheet) -> None:
        sheet.title = "Stays"
        sheet.parent.create_sheet("Notes").append(["x"])
        sheet.append(["Total", None, None, 12])

    workbook(tmp_path / "t.xlsx", change, header=3)
    (tmp_path / "north.toml").write_text(
        'source = "mapping"\ntable = "t.xlsx"\n\n[file]\nsheet = "Stays"\nskip_lines = 2\nskip_last = 1\n'
    )
    (data,) = load_hospitals(make_study(hospitals=only("north.toml")), None, tmp_path, only=["north"])
    assert data.table["age"].to_list() == [float(fields[1]) for fields in rows()]
    assert any("as set" in text for text in data.assumed)
    assert any(text.startswith("by a mapping file, digest ") for text in data.assumed)


@pytest.mark.parametrize("total", [["Total", None, None, "=SUM(D5:D64)"], [None, None, None, "=SUM(D5:D64)"]])
def test_formulas_in_lines_that_are_left_out_need_no_result(total: list[str | None], tmp_path: Path) -> None:
    def change(sheet: Sheet) -> None:
        sheet["A1"] = "=TODAY()"
        sheet.merge_cells("A1:D1")
        sheet.append(total)

    raw = read_table(workbook(tmp_path / "t.xlsx", change, header=3), FileSettings(skip_lines=2, skip_last=1))
    assert raw.table["age"].to_list() == [str(fields[1]) for fields in rows()]
    assert raw.assumed[1:] == ("2 row(s) above the header left out, as set", "1 row(s) at the end left out, as set")
    with pytest.raises(TableError, match=f"cell D{N + 4} holds a formula") as caught:
        read_table(tmp_path / "t.xlsx", FileSettings(skip_lines=2))
    assert "skip_last" in caught.value.hint


def frame() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "patient": [fields[0] for fields in rows()],
            "age": [999.0 if i == 3 else float(fields[1]) for i, fields in enumerate(rows())],
            "ward": [1.0 + i % 2 for i in range(N)],
            "readmitted": [float(fields[3]) for fields in rows()],
        }
    )


def spss(path: Path) -> None:
    pyreadstat.write_sav(
        frame(),
        str(path),
        variable_value_labels={"ward": {1.0: "medical", 2.0: "surgical"}},
        missing_ranges={"age": [999]},
    )


def stata(path: Path) -> None:
    pyreadstat.write_dta(
        frame().with_columns(pl.col("age").replace(999.0, 43.0)),
        str(path),
        variable_value_labels={"ward": {1: "medical", 2: "surgical"}},
    )


@pytest.mark.usefixtures("real_readers")
@pytest.mark.parametrize(("write", "suffix"), [(spss, ".sav"), (stata, ".dta")])
def test_labels_and_missing_values_of_a_statistics_file_are_used_and_counted(
    write: Callable[[Path], None], suffix: str, make_study: Callable[..., Study], tmp_path: Path
) -> None:
    write(tmp_path / f"t{suffix}")
    study = make_study(hospitals=only(f"t{suffix}"))
    (data,) = load_hospitals(study, None, tmp_path, only=["north"])
    ages = [float(fields[1]) for fields in rows()]
    assert data.table["age"].to_list() == [None if suffix == ".sav" and i == 3 else age for i, age in enumerate(ages)]
    assert data.table["ward"].to_list() == [fields[2] for fields in rows()]
    counts = {(change.column, change.rule): change.count for change in data.changes}
    assert counts.pop(("ward", Rule.LABEL)) == N
    assert counts == ({("age", Rule.MISSING_IN_FILE): 1} if suffix == ".sav" else {})


def test_codes_stay_codes_where_the_study_declares_them(make_study: Callable[..., Study], tmp_path: Path) -> None:
    spss(tmp_path / "t.sav")
    columns = [{"name": "ward", "kind": "categorical", "categories": ["1", "2"]}]
    (data,) = load_hospitals(make_study(columns, only("t.sav")), None, tmp_path, only=["north"])
    assert data.table["ward"].to_list() == [str(1 + i % 2) for i in range(N)]
    assert data.changes == ()


@pytest.mark.usefixtures("real_readers")
@pytest.mark.parametrize("version", [5, 8])
def test_a_sas_transport_file_is_read(version: Literal[5, 8], tmp_path: Path) -> None:
    pyreadstat.write_xport(
        frame().rename({"readmitted": "readm"}), str(tmp_path / "t.xpt"), file_format_version=version
    )
    raw = read_table(tmp_path / "t.xpt")
    assert raw.table["age"].to_list() == frame()["age"].to_list()
    assert raw.table["patient"].to_list() == frame()["patient"].to_list()


SAS = (
    "H4sIAAAAAAACA+3Vz4uUZRwA8PfdHXUqSRfmYBA0WOAeatl1lk0hcEZ2U2G3hJ1Dgv1YXU1pR0E0XAjaoIMHoR94KTp06A8IvEQUmR7yZmSHwA"
    "7VoYN0MAxNU7d533nn19NuLqaH6vOB533m+53n+z7PO88zM1HUdvriGy+dLPSd+/zdfHTfV0PH1zyyuq+0NiqV4p6huDGkEEW9cVe+FD9aigqF"
    "qNgbN+8zWZksPr1tfGyyMrF9fKx4x0Yr1UrSJ/dct/eh/MvvXKg0+3Si4mfldp9MH0dx1G3jwODw4NBEaXz/gSNHO/LrB0YGSuufGNk4MjC0Ye"
    "DJgaAsOrph5MWR4XaczPtK/6u1ZgvHf7PlTKVznREAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAMC/zPktZyoL5U9czl70FKJV9e67G42wv7d73Kksvyao33e90T/X053/+Fqj/6SZiBvdzixfDfJf/97ojwf5Y1l+a5DfmuXLwX"
    "ryi+TPXl04f2yR/NZF8vlF8mev/H0+WH70/nuJXzclr+fOfVsvm4tOHryQ7dGlTZ19+Ycfy1NZXSl1uZHf//2p+s6sevbTn76MuqdP++Lzv5V3"
    "ZYm9ic1vnVr4dDTny7eWv7uzbu+VL9LgXJTMM/dz//LT3fNl65z5pTzdPV/j/Vvz81198HxJfo+vKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAHfBrT/mU2G+EPWmre3DKFe/fpBeb1+/st6KXZm308rjd1w/l1a+tsT6RH9XNBPl"
    "69fp9Hr7+vuz1laNltev4+n1TtZfTlf+1BLXH2etbTCNHw+ytxrl88PR2dej9P2GFdED9ZErsmh5ayeX1XNxvepGMOON7D5HW7O11xHlelrj0k"
    "8vF7c+xWa8OojXBHExiPuDuFO2lPlyK/NY9qkP19efGM3inVl8OIvfzOITwS5F0c3snh915IqB0Uq1Mlkd216b3b1v6lAya6PVZg8cqdX7zWOT"
    "1aTVZqenDu+Joh07JiZGR9v99OH9tT3J6irVseq2ibHKMztGq6PVidrszNSumc76g4emu+7XKExqkrbQxjTXnWvt772xckX3eYhbJ6jjPHTEN4"
    "NxuWBcLtjTuHUOu8ctC85zHDxnGGdfm/nbPc/1JY67tsRx/xVX6hY6R1frkv5SFvcF7/cNrk37DcG+hcL7Nn+X1nX9wrW9kOs+J/P/s/34p85v"
    "OVO5G/dp7kpPED8YxKuDuBDE+Xv2pPmOf9BCxzwr09cPL3HmXH2l8V/+JWqtWy9b/KNJ/QkgOSmHAAACAA=="
)
"""`test_data/basic/sample.sas7bdat` of pyreadstat (Roche, Apache License 2.0), gzipped: five rows that nobody stands behind."""


@pytest.mark.usefixtures("real_readers")
def test_a_sas_file_is_read_with_its_dates_and_inside_gzip_refused(tmp_path: Path) -> None:
    (tmp_path / "t.sas7bdat").write_bytes(gzip.decompress(base64.b64decode(SAS)))
    raw = read_table(tmp_path / "t.sas7bdat")
    assert raw.table["mychar"].to_list() == ["a", "b", "c", "d", "e"]
    assert raw.table["mynum"].to_list() == [1.1, 1.2, -1000.3, -1.4, 1000.3]
    assert raw.table["mydate"].to_list()[:2] == [datetime.date(2018, 5, 6), datetime.date(1880, 5, 6)]
    assert raw.assumed == ("SAS file, encoding UTF-8",)
    (tmp_path / "t.sas7bdat.gz").write_bytes(base64.b64decode(SAS))
    with pytest.raises(TableError, match="a SAS file inside gzip"):
        read_table(tmp_path / "t.sas7bdat.gz")


def every_kind(folder: Path) -> dict[str, Path]:
    workbook(folder / "t.xlsx")
    spss(folder / "t.sav")
    stata(folder / "t.dta")
    pyreadstat.write_xport(frame().rename({"readmitted": "readm"}), str(folder / "t.xpt"))
    frame().write_parquet(folder / "t.parquet")
    (folder / "t.sas7bdat").write_bytes(gzip.decompress(base64.b64decode(SAS)))
    return {path.suffix: path for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("suffix", [".xlsx", ".sav", ".dta", ".xpt", ".parquet", ".sas7bdat"])
def test_a_file_cut_short_or_damaged_gives_a_table_or_an_error_in_words(suffix: str, tmp_path: Path) -> None:
    content = every_kind(tmp_path)[suffix].read_bytes()
    path = tmp_path / f"cut{suffix}"
    flipped = bytearray(content)
    flipped[len(content) // 3] ^= 0xFF
    for damaged in (content[: len(content) // 2], content[:-9], bytes(flipped)):
        path.write_bytes(damaged)
        with contextlib.suppress(TableError):
            read_table(path)
    path.write_bytes(content[:40])
    with pytest.raises(TableError, match=f"cut{suffix}") as caught:
        read_table(path)
    assert str(path) not in caught.value.logged
    assert caught.value.hint


def test_columns_of_a_parquet_file_that_no_study_reads_are_not_loaded(
    make_study: Callable[..., Study], tmp_path: Path
) -> None:
    table = frame().with_columns(ward=pl.Series([fields[2] for fields in rows()]), note=pl.lit("x" * 99))
    table.rename({"age": "age "}).write_parquet(tmp_path / "t.parquet")
    raw = read_table(tmp_path / "t.parquet", wanted=["age", "none"])
    assert raw.table.columns == ["patient", "age ", "ward", "readmitted", "note"]
    assert raw.table.height == N
    assert [raw.table[name].null_count() for name in raw.table.columns] == [N, 0, N, N, N]
    assert read_table(tmp_path / "t.parquet", wanted=["none"]).table.height == N
    (data,) = load_hospitals(make_study(hospitals=only("t.parquet")), None, tmp_path, only=["north"])
    assert data.table["ward"].to_list() == table["ward"].to_list()
    (tmp_path / "m.toml").write_text('source = "mapping"\ntable = "t.parquet"\n[columns.age]\nfrom = "age "\n')
    (mapped,) = load_hospitals(make_study(hospitals=only("m.toml")), None, tmp_path, only=["north"])
    assert mapped.table.equals(data.table)


@pytest.mark.usefixtures("real_readers")
def test_a_reader_that_takes_too_long_or_too_much_is_stopped(tmp_path: Path) -> None:
    workbook(tmp_path / "t.xlsx")
    with pytest.raises(TableError, match=r"more than 0\.01 seconds"):
        child.parse("excel", tmp_path / "t.xlsx", FileSettings(), seconds=0.01)
    if sys.platform != "linux":
        pytest.skip("no limit of memory")
    bomb, memory = tmp_path / "bomb.xlsx", 400 << 20
    with zipfile.ZipFile(tmp_path / "t.xlsx") as good, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED, True, 1) as bad:
        for name in good.namelist():
            before, found, after = good.read(name).partition(b"<t>patient" if name.endswith("sheet1.xml") else b"\0")
            with bad.open(name, "w") as written:
                written.write(before + found)
                for _ in range(400 if found else 0):
                    written.write(b"x" * (1 << 20))
                written.write(after)
    assert child.parse("excel", tmp_path / "t.xlsx", FileSettings(), memory=memory).table.height == N
    with pytest.raises(TableError, match=r"memory|ended the reader"):
        child.parse("excel", bomb, FileSettings(), memory=memory)


def test_a_reader_imports_nothing_that_only_checking_documents_takes() -> None:
    script = (
        "import sys, cipherward.data.child_readers, cipherward.data.workbook, cipherward.data.statistics_files\n"
        "assert not {'pydantic', 'torch', 'cryptography'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_reader_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workbook(tmp_path / "t.xlsx")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(TableError, match="needs the Python package openpyxl") as caught:
        read_table(tmp_path / "t.xlsx")
    assert "cipherward[formats]" in caught.value.hint


@pytest.mark.parametrize(
    ("encoding", "named", "text"),
    [
        ("cp1252", "", "Größe"),
        ("latin-1", "", "forêt d’été".replace("’", "'")),
        ("cp1250", "cp1250", "Łódź"),
        ("cp850", "cp850", "Köln"),
        ("mac-roman", "mac-roman", "Köln"),
        ("utf-16-le", "utf-16-le", "Köln"),
        ("koi8-r", "koi8-r", "Москва"),
    ],
)
def test_an_encoding_is_told_or_named(encoding: str, named: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(f"a,b\n{text},2\n".encode(encoding))
    raw = read_table(tmp_path / "t.csv", FileSettings(encoding=named))
    assert raw.table["a"].to_list() == [text]
    assert any("Windows-1252" in said or "as set" in said for said in raw.assumed)


@pytest.mark.parametrize(
    "content",
    ["Łódź".encode("cp1250"), "Köln".encode("cp850"), "Köln".encode("mac-roman"), "Москва".encode("koi8-r"),
     "Москва".encode("cp1251"), "Köln ".encode() + "Köln".encode("latin-1"), "Αθήνα".encode("iso8859-7"), "Wałęsa".encode("iso8859-2")],
)  # fmt: skip
def test_bytes_that_are_hardly_western_are_refused_with_their_row(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"a,b\n1,2\n" + content + b",2\n")
    with pytest.raises(TableError, match="from row 2 on") as caught:
        read_table(tmp_path / "t.csv")
    assert "[file] encoding" in caught.value.hint
