"""A hospital's mapping file: names, codes, texts and units are brought to the study's, and every changed value is counted."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from cipherward.data import drafting, extract, units
from cipherward.data.extract_chain import digest, innermost
from cipherward.data.local_mapping import Mapping, of_table
from cipherward.data.sources import HospitalData, load_hospitals, load_table_for_prediction
from cipherward.data.tables import read_table
from cipherward.data.values import Rule
from cipherward.errors import DataError, TableError
from cipherward.study import Study

Make = Callable[..., Study]
N = 60
COLUMNS = [
    {"name": "weight", "kind": "numeric", "minimum": 0, "maximum": 300, "unit": "kg"},
    {"name": "glucose", "kind": "numeric", "minimum": 0, "maximum": 60, "unit": "mmol/L"},
    {"name": "sex", "kind": "categorical", "categories": ["female", "male"]},
]
MAPPING = """
source = "mapping"
table = "t.csv"

[columns.patient]
from = "PATNR"

[columns.weight]
from = "WT_LB"
unit = "[lb_av]"
to = "kg"
missing = ["-9"]

[columns.glucose]
from = "GLUC"
factor = 0.0555

[columns.sex]
from = "SEXE"
recode = { "1" = "male", "2" = "female" }
missing = ["9"]

[columns.readmitted]
from = "READM"
recode = { ja = "1", nein = "0" }
"""


def table() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "PATNR": [f"p{i}" for i in range(N)],
            "WT_LB": ["-9" if i == 4 else "NA" if i == 5 else f"{150 + i},5" for i in range(N)],
            "GLUC": [str(90 + i) for i in range(N)],
            "SEXE": ["9" if i == 6 else str(1 + i % 2) for i in range(N)],
            "READM": ["ja" if i % 5 == 0 else "nein" for i in range(N)],
        }
    )


def load(make_study: Make, folder: Path, text: str = MAPPING, frame: pl.DataFrame | None = None) -> HospitalData:
    (folder / "map.toml").write_text(text)
    (frame if frame is not None else table()).write_csv(folder / "t.csv", separator=";")
    roster = [{"name": "north", "path": "map.toml"}, {"name": "south", "path": "x"}, {"name": "west", "path": "y"}]
    (data,) = load_hospitals(make_study(COLUMNS, roster), None, folder, only=["north"])
    return data


def test_a_mapped_table_is_the_study_s_table_and_every_change_is_counted(make_study: Make, tmp_path: Path) -> None:
    data = load(make_study, tmp_path)
    pounds = [None if i in (4, 5) else 150.5 + i for i in range(N)]
    found = data.table["weight"].to_list()
    assert [found[i] for i in (4, 5)] == [None, None]
    for value, pound in zip(found, pounds, strict=True):
        assert value == (None if pound is None else pytest.approx(pound * 0.45359237, abs=1e-9))
    assert data.table["glucose"].to_list() == pytest.approx([(90 + i) * 0.0555 for i in range(N)])
    assert data.table["sex"].to_list()[:7] == ["male", "female", "male", "female", "male", "female", None]
    assert data.outcome.tolist() == [int(i % 5 == 0) for i in range(N)]
    assert {(change.column, change.rule): change.count for change in data.changes} == {
        ("weight", Rule.MAPPED_MISSING): 1,
        ("weight", Rule.MISSING_WORD): 1,
        ("weight", Rule.DECIMAL_COMMA): N - 2,
        ("weight", Rule.CONVERTED): N - 2,
        ("glucose", Rule.CONVERTED): N,
        ("sex", Rule.MAPPED_MISSING): 1,
        ("sex", Rule.RECODED): N - 1,
        ("readmitted", Rule.RECODED): N,
    }
    assert any("'WT_LB' is 'weight'" in text for text in data.assumed)


def changed(old: str, new: str) -> str:
    assert old in MAPPING
    return MAPPING.replace(old, new)


def test_a_number_becomes_itself_times_the_factor_plus_the_offset(make_study: Make, tmp_path: Path) -> None:
    data = load(make_study, tmp_path, changed("factor = 0.0555", "factor = 0.5\noffset = -20.0"))
    assert data.table["glucose"].to_list() == pytest.approx([(90 + i) * 0.5 - 20.0 for i in range(N)])


WRONG = {
    "a column that is not there": (changed('"WT_LB"', '"WTLB"'), "no column 'WTLB' (from); did you mean 'WT_LB'?"),
    "a unit that is none": (changed('"[lb_av]"', '"lbs"'), "'lbs' is no UCUM unit; write '[lb_av]'"),
    "units of different things": (changed('"[lb_av]"', '"cm"'), "'cm' cannot become 'kg'"),
    "the study's unit is another": (changed('to = "kg"', 'to = "g"'), "converts it to 'g', and the study declares 'kg'"),
    "a target without its unit": (changed('unit = "[lb_av]"\n', ""), "to needs unit"),
    "an offset alone": (changed("factor = 0.0555", "offset = 2"), "offset needs a factor"),
    "unit and factor": (changed('unit = "[lb_av]"', 'unit = "[lb_av]"\nfactor = 2'), "not both"),
    "a text twice": (changed('missing = ["9"]', 'missing = ["1"]'), "stands twice"),
    "one column for two": (changed('"GLUC"', '"WT_LB"'), "'WT_LB' is mapped twice"),
    "a setting that is none": (changed("recode = { ja", "recodes = { ja"), "columns.readmitted.recodes"),
    "no table": (changed('table = "t.csv"\n', ""), 'table: not given; write table = "FILE"'),
    "no source": (changed('source = "mapping"\n', ""), 'write source = "mapping" as the first line'),
    "a study": ('name = "x"\n[data]\noutcome = "y"\n', "looks like a study file"),
    "a name that wants quotation marks": (changed("{ ja =", "{ männlich ="), "names with other characters"),
    "a table that is not there": (changed('"t.csv"', '"u.csv"'), "cannot read"),
    "no mapping": (changed('source = "mapping"', 'source = "map"'), "`source` is one of"),
    "an encoding that is none": (MAPPING + '\n[file]\nencoding = "utf-9"\n', "no encoding 'utf-9' is known"),
    "a separator that is none": (MAPPING + '\n[file]\nseparator = "ab"\n', "file.separator"),
    "a number that is text": (changed("factor = 0.0555", 'factor = "x"'), "columns.glucose.factor"),
    "no TOML": (changed("[columns.patient]", "[columns.patient"), "is not TOML"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_mapping_that_is_wrong_is_refused_with_the_place(
    text: str, said: str, make_study: Make, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as caught:
        load(make_study, tmp_path, text)
    assert said in caught.value.message + caught.value.hint


def test_a_number_that_cannot_be_converted_is_refused_with_its_row(make_study: Make, tmp_path: Path) -> None:
    frame = table().with_columns(GLUC=pl.Series(["<90" if i == 8 else str(90 + i) for i in range(N)]))
    with pytest.raises(
        TableError, match=r"column 'glucose', row 9: '<90' is no number and cannot be converted \(1 such"
    ) as caught:
        load(make_study, tmp_path, MAPPING, frame)
    assert "<90" not in caught.value.logged


def test_a_name_that_the_table_has_already_is_refused(make_study: Make, tmp_path: Path) -> None:
    frame = table().with_columns(weight=pl.lit("1"))
    with pytest.raises(TableError, match="the table has a column of this name already"):
        load(make_study, tmp_path, MAPPING, frame)


def test_two_names_may_be_exchanged(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    (tmp_path / "m.toml").write_text(
        'source = "mapping"\ntable = "t.csv"\n[columns.a]\nfrom = "b"\n[columns.b]\nfrom = "a"\n'
    )
    assert read_table(tmp_path / "m.toml").table.to_dicts() == [{"a": "2", "b": "1"}]


@pytest.mark.parametrize(
    ("given", "wanted", "value", "expected"),
    [
        ("mg/dL", "g/L", 100.0, 1.0),
        ("[degF]", "Cel", 98.6, 37.0),
        ("[lb_av]", "kg", 1.0, 0.45359237),
        ("[in_i]", "cm", 1.0, 2.54),
        ("mo", "a", 12.0, 1.0),
        ("g/L", "g/dL", 140.0, 14.0),
        ("10*9/L", "10*3/uL", 7.0, 7.0),
        ("umol/L", "mmol/L", 88.4, 0.0884),
        ("mm[Hg]", "kPa", 120.0, 15.998),
        ("%", "1", 50.0, 0.5),
        ("/100", "1", 50.0, 0.5),
        ("10.L", "mL", 2.0, 20_000.0),
    ],
)
def test_units_convert_as_tables_of_units_say(given: str, wanted: str, value: float, expected: float) -> None:
    import numpy as np

    (found,) = units.converter(given, wanted)(np.array([value]))
    assert found == pytest.approx(expected, rel=1e-4)


def test_units_that_measure_different_things_name_the_factor_as_the_way_out() -> None:
    with pytest.raises(DataError, match="different things") as caught:
        units.converter("mg/dL", "mmol/L")
    assert "factor" in caught.value.hint


def test_a_mapping_may_be_about_a_query(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    with sqlite3.connect(tmp_path / "clinic.db") as connection:
        connection.execute("CREATE TABLE stays (WT REAL)")
        connection.executemany("INSERT INTO stays VALUES (?)", [(100.0,), (None,)])
    connection.close()
    where = f'source = "database"\nurl = "sqlite:///{tmp_path}/clinic.db"\n'
    query = 'query = "SELECT * FROM stays"\n'
    (tmp_path / "q.toml").write_text(where + query)
    (tmp_path / "m.toml").write_text(
        'source = "mapping"\ntable = "q.toml"\n[columns.weight]\nfrom = "WT"\nunit = "[lb_av]"\nto = "kg"\n'
    )
    raw = read_table(tmp_path / "m.toml")
    assert raw.table["weight"].to_list() == [45.359237, None]
    assert [(change.rule, change.count) for change in raw.changes] == [(Rule.CONVERTED, 1)]


def test_a_model_predicts_through_the_mapping(make_study: Make, tmp_path: Path) -> None:
    load(make_study, tmp_path)
    raw, found = load_table_for_prediction(tmp_path / "map.toml", make_study(COLUMNS).columns)
    assert raw.table.height == N
    assert found.table["sex"].to_list()[:2] == ["male", "female"]


def test_the_digest_is_of_the_whole_document_and_of_nothing_else(tmp_path: Path) -> None:
    def digest(text: str) -> bytes:
        (tmp_path / "m.toml").write_text(text)
        found = extract.load(tmp_path / "m.toml")
        assert isinstance(found, Mapping)
        return found.digest()

    assert digest(MAPPING) == digest("# a comment\n" + MAPPING)
    others = [
        changed('"GLUC"', '"GLU"'),
        changed("0.0555", "0.0556"),
        changed('["9"]', '["8"]'),
        MAPPING + "\n[file]\nskip_lines = 1\n",
    ]
    assert len({digest(text) for text in (MAPPING, *others)}) == 5


def test_a_mapping_of_a_mapping_is_refused_and_the_table_behind_one_is_found(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n")
    (tmp_path / "m.toml").write_text('source = "mapping"\ntable = "t.csv"\n')
    (tmp_path / "n.toml").write_text('source = "mapping"\ntable = "m.toml"\n')
    with pytest.raises(TableError, match="another mapping file"):
        read_table(tmp_path / "n.toml")
    assert innermost(tmp_path / "m.toml") == tmp_path / "t.csv"
    assert innermost(tmp_path / "t.csv") == tmp_path / "t.csv"
    assert digest(tmp_path / "t.csv") is None


def test_a_mapping_file_of_data_check_needs_no_table_of_its_own(tmp_path: Path) -> None:
    table().write_csv(tmp_path / "t.csv")
    (tmp_path / "map.toml").write_text('source = "mapping"\n[columns.weight]\nfrom = "WT_LB"\n')
    assert "weight" in of_table(tmp_path / "map.toml", tmp_path / "t.csv").table.columns


def test_a_mapping_may_call_a_code_by_the_label_that_the_file_gives_it(make_study: Make, tmp_path: Path) -> None:
    pyreadstat = pytest.importorskip("pyreadstat")
    frame = table().with_columns(
        SEXE=pl.Series([1.0 + i % 3 for i in range(N)]), READM=pl.Series([float(i % 5 == 0) for i in range(N)])
    )
    labels = {"SEXE": {1: "Mann", 2: "Frau", 3: "unbekannt"}, "READM": {0: "nein", 1: "ja"}}
    pyreadstat.write_dta(frame, str(tmp_path / "t.dta"), variable_value_labels=labels)
    text = changed('"t.csv"', '"t.dta"').replace(
        '{ "1" = "male", "2" = "female" }', '{ Mann = "male", "2" = "female" }'
    )
    data = load(make_study, tmp_path, text.replace('missing = ["9"]', 'missing = ["unbekannt"]'))
    assert data.table["sex"].to_list() == [("male", "female", None)[i % 3] for i in range(N)]
    assert data.outcome.tolist() == [int(i % 5 == 0) for i in range(N)]
    counts = {(change.column, change.rule): change.count for change in data.changes}
    assert counts["sex", Rule.MAPPED_MISSING] == N // 3
    assert counts["sex", Rule.RECODED] == 2 * N // 3


@pytest.mark.parametrize("unit", [" lb", "kg", " mmol/L", " %", "€"])
def test_numbers_with_their_unit_are_refused_with_a_remedy_that_works(
    unit: str, make_study: Make, tmp_path: Path
) -> None:
    frame = table().with_columns(WT_LB=pl.Series([f"{150 + i}.5{unit}" for i in range(N)]))
    with pytest.raises(TableError, match="a number with its unit: export the column as the number alone"):
        load(make_study, tmp_path, MAPPING, frame)
    said = drafting.draft(read_table(tmp_path / "t.csv"), outcome="READM").said
    assert any(line.startswith("column 'WT_LB': left out, as it holds numbers with their unit") for line in said)
