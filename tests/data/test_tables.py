from __future__ import annotations

import gzip
import io
from pathlib import Path

import polars as pl
import pytest

from cipherward.data import child
from cipherward.data.tables import read_table
from cipherward.errors import DataError

TABLE = pl.DataFrame({"age": [71, 58], "ward": ["medical", None]})


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_is_read_as_text_with_any_usual_separator(separator: str, tmp_path: Path) -> None:
    content = "\ufeffage,ward \r\n71,medical\r\n\r\n58,\r\n".replace(",", separator).encode()
    raw = read_table(write(tmp_path / "t.csv", content))
    assert raw.table.to_dicts() == [{"age": "71", "ward": "medical"}, {"age": "58", "ward": None}]
    assert raw.rows.tolist() == [1, 3]


def test_gzip_that_unpacks_to_more_than_memory_should_hold_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = b"age\n" + b"7\n" * 498
    monkeypatch.setattr(child, "limit", lambda _path: len(rows))
    assert read_table(write(tmp_path / "a.csv.gz", gzip.compress(rows))).table.height == 498
    with pytest.raises(DataError, match="unpacks to more than memory should hold") as error:
        read_table(write(tmp_path / "b.csv.gz", gzip.compress(rows + b"\n")))
    assert "unpack it" in error.value.hint


@pytest.mark.usefixtures("real_readers")
def test_gzipped_csv_and_parquet_are_known_by_their_content(tmp_path: Path) -> None:
    assert read_table(write(tmp_path / "a", gzip.compress(b"age\n7\n"))).table["age"].to_list() == ["7"]
    TABLE.write_parquet(tmp_path / "b")
    assert read_table(tmp_path / "b").table.equals(TABLE)


def parquet() -> bytes:
    buffer = io.BytesIO()
    TABLE.write_parquet(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b" \n\n", "is empty"),
        ("t.csv", b"a,b\n1,2,3\n", "a row has more fields than the header"),
        ("t.csv", b"a,b\n\xff\xfe,2\n", "is not UTF-8 text, from row 1 on"),
        ("t.csv", b"a\xff,b\n1,2\n", "is not UTF-8"),
        ("t.csv", b"a,b\n\x00\x01", "binary data"),
        ("t.xlsx", b"PK\x03\x04....", "Excel"),
        ("t.csv.gz", gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:-9], "cut short"),
        ("t.parquet", b"a,b\n1,2\n", "not a Parquet file"),
        ("t.parquet", b"PAR1", "damaged or cut short"),
        ("t.parquet", b"PAR1" + b"x" * 40 + b"PAR1", "damaged or cut short"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_words(name: str, content: bytes, text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=text) as error:
        read_table(write(tmp_path / name, content))
    assert error.value.hint
    assert name in error.value.message


@pytest.mark.usefixtures("real_readers")
def test_a_parquet_file_whose_reading_ends_the_reader_is_refused() -> None:
    (damaged,) = (Path(__file__).parents[1] / "corpus" / "table-parquet").glob("*.bin")
    with pytest.raises(DataError, match="reading it ended the reader"):
        read_table(damaged)


def test_a_parquet_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content = parquet()
    for length in range(4, len(content), 97):
        with pytest.raises(DataError):
            read_table(write(tmp_path / "t.parquet", content[:length]))


def test_a_parquet_file_with_flipped_bytes_gives_a_table_or_a_data_error(tmp_path: Path) -> None:
    content = parquet()
    for place in range(4, len(content), 61):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        try:
            read_table(write(tmp_path / "t.parquet", bytes(damaged)))
        except DataError:
            continue


def test_a_doubled_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column 'a' appears 2 times"):
        read_table(write(tmp_path / "t.csv", b"a,b,a\n1,2,3\n"))


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(DataError, match="cannot read"):
            read_table(path)


@pytest.mark.parametrize(
    ("content", "assumed"),
    [
        ("age|ward\n71|a\n", "'|'"),
        ("sep=;\nage;ward\n71;a\n", "sep="),
        ('"age";"ward"\n71;"a"\n', "semicolons"),
        ('age;ward\n71;"a"\n', "semicolons"),
    ],
)
def test_the_separator_is_told_from_the_content_and_said(content: str, assumed: str, tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        if encoding == "utf-16-be" and len(content) < 8:
            continue
        raw = read_table(write(tmp_path / "t.csv", content.encode(encoding)))
        assert raw.table.to_dicts() == [{"age": "71", "ward": "a"}]
        assert any(assumed in text for text in raw.assumed)
        assert ("utf-8" in encoding) or any("UTF-" in text for text in raw.assumed)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ('"Name; first; last",age,"x;y"\n"Doe; J; K",70,1\n', ["Name; first; last", "age", "x;y"]),
        ('"Sodium, serum";"Weight, kg";age\n140,5;70,1;3\n', ["Sodium, serum", "Weight, kg", "age"]),
        ('"a\nb",c\n1,2\n', ["a\nb", "c"]),
    ],
)
def test_separators_inside_quotation_marks_do_not_count(content: str, names: list[str], tmp_path: Path) -> None:
    raw = read_table(write(tmp_path / "t.csv", content.encode()))
    assert (raw.table.columns, raw.table.height) == (names, 1)


def test_a_row_of_empty_fields_is_a_row_and_a_blank_line_is_none(tmp_path: Path) -> None:
    raw = read_table(write(tmp_path / "t.csv", b'a,b\n1,2\n,\n\n"",""\n3,4\n\n'))
    assert raw.table.height == 4
    assert raw.rows.tolist() == [1, 2, 4, 5]
    assert "1 blank line(s) left out" in raw.assumed


@pytest.mark.parametrize(
    ("content", "row"),
    [
        (b"id,y,crp,age\np1,0,1,2\np2,1,3", 2),
        (b"id,y,crp,age\np1,0\np2,1,3,4\n", 1),
        (b'id,y\n"p,1",0\n"p,2"\n', 2),
        (b"id,y\np1,0\n\np2\n", 3),
        (b'id,y\np1,0\np2,"1\n', 2),
        (b'id,y\np1,5" tube\n', 1),
    ],
)
def test_a_row_cut_short_or_a_quotation_mark_left_open_is_refused_by_number(
    content: bytes, row: int, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=f"row {row}") as error:
        read_table(write(tmp_path / "t.csv", content))
    assert f"row {row}" in error.value.logged
    assert "t.csv" not in error.value.logged


def test_a_header_that_fits_two_separators_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="commas or semicolons"):
        read_table(write(tmp_path / "t.csv", b"a,b;c\n1,2;3\n"))
