"""A unit that a source says is the study's, becomes it, or is refused by name; two units are never one column."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyreadstat
import pytest

from cipherward.data import carried_units, checking, unit_hints, units
from cipherward.data.local_mapping import MappedColumn, Mapping
from cipherward.data.problems import Problem
from cipherward.data.registers import Terms
from cipherward.data.sources import Admitted, admit, load_table_for_prediction
from cipherward.data.tables import RawTable, read_table
from cipherward.data.values import Rule
from cipherward.errors import DataError
from cipherward.study import Column, Study

Make = Callable[..., Study]
N = 60
ROSTER = [{"name": name, "path": f"{name}.csv"} for name in ("north", "south", "west")]
COLUMNS: list[dict[str, Any]] = [
    {"name": "weight", "kind": "numeric", "minimum": 0, "maximum": 300, "unit": "kg", "missing": ["-9"]},
    {"name": "glucose", "kind": "numeric", "minimum": 0, "maximum": 600, "unit": "mg/dL"},
]


def study(make_study: Make, **changes: dict[str, Any]) -> Study:
    return make_study([column | changes.get(column["name"], {}) for column in COLUMNS], ROSTER)


def table(folder: Path, **columns: list[str]) -> Path:
    own = {
        "patient": [f"p{i}" for i in range(N)],
        "weight": [f"{150 + i},5" for i in range(N)],
        "glucose": [str(90 + i) for i in range(N)],
        "unit": ["mg/dL"] * N,
        "readmitted": [str(int(i % 5 == 0)) for i in range(N)],
    }
    pl.DataFrame(own | columns).write_csv(folder / "t.csv", separator=";")
    (folder / "map.toml").write_text('source = "mapping"\ntable = "t.csv"\n')
    return folder / "map.toml"


def mapped(path: Path, text: str) -> Path:
    path.write_text(path.read_text() + text)
    return path


def counts(found: Admitted) -> dict[tuple[str, Rule], int]:
    return {(change.column, change.rule): change.count for change in found.examined.changes}


def weights(found: Admitted) -> list[float | None]:
    assert found.data is not None, found.problems
    return found.data.table["weight"].to_list()


POUNDS = [round((150.5 + i) * 0.45359237, 9) for i in range(N)]


def test_the_table_s_unit_alone_is_enough_and_codes_for_missing_stay_codes(make_study: Make, tmp_path: Path) -> None:
    texts = ["-9" if i == 3 else "NA" if i == 4 else f"{150 + i},5" for i in range(N)]
    path = mapped(table(tmp_path, weight=texts), '[columns.weight]\nunit = "[lb_av]"\n')
    found = admit(read_table(path), study(make_study), "north")
    wanted = [None if i in (3, 4) else value for i, value in enumerate(POUNDS)]
    assert [None if value is None else round(value, 9) for value in weights(found)] == wanted
    assert counts(found) == {
        ("weight", Rule.DECIMAL_COMMA): N - 2,
        ("weight", Rule.UNIT): N - 2,
        ("weight", Rule.MISSING_CODE): 1,
        ("weight", Rule.MISSING_WORD): 1,
    }


def test_a_study_in_another_unit_takes_no_row_of_a_register_for_a_changed_one(make_study: Make, tmp_path: Path) -> None:
    found = read_table(mapped(table(tmp_path), '[columns.weight]\nunit = "kg"\n'))
    terms = Terms(bytes(32), None, 0, 2)
    first = admit(found, study(make_study), "north", terms=terms)
    assert first.data is not None
    assert first.data.reading is not None
    in_pounds = study(make_study, weight={"unit": "[lb_av]", "maximum": 700})
    later = admit(found, in_pounds, "north", terms=dataclasses.replace(terms, register=first.data.reading.register))
    assert later.data is not None, later.problems
    assert later.data.reading is not None
    assert later.data.reading.lost_rows == 0
    assert weights(later)[0] == pytest.approx((weights(first)[0] or 0.0) / 0.45359237)


def test_a_prediction_converts_as_training_did(make_study: Make, tmp_path: Path) -> None:
    path = mapped(table(tmp_path), '[columns.weight]\nunit = "[lb_av]"\n')
    _, found = load_table_for_prediction(path, study(make_study).columns)
    assert found.table["weight"].round(9).to_list() == POUNDS


def test_a_column_of_units_says_the_unit_where_a_value_is(make_study: Make, tmp_path: Path) -> None:
    rows = ["" if i == 2 else str(90 + i) for i in range(N)]
    path = table(tmp_path, glucose=rows, unit=["g/L" if i == 2 else "mg/dL" for i in range(N)])
    found = admit(read_table(mapped(path, '[columns.glucose]\nunit_column = "unit"\n')), study(make_study), "north")
    assert found.data is not None
    assert ("glucose", Rule.UNIT) not in counts(found)
    found = admit(read_table(path), study(make_study, glucose={"unit": "g/L"}), "north")
    assert counts(found)["glucose", Rule.UNIT] == N - 1
    assert found.data is not None
    assert found.data.table["glucose"][0] == pytest.approx(0.9)


WRONG = {
    "two units in one column": (
        {"unit": ["mmol/L" if i > 39 else "mg/dL" for i in range(N)]},
        '[columns.glucose]\nunit_column = "unit"\n',
        "'glucose' is in 2 units, says 'unit': 'mg/dL' from row 1 on (40 row(s)), 'mmol/L' from row 41 on (20 row(s)); convert them",
    ),
    "a unit in some rows": (
        {"unit": ["" if i == 7 else "mg/dL" for i in range(N)]},
        '[columns.glucose]\nunit_column = "unit"\n',
        "none from row 8 on (1)",
    ),
    "a column of units that is not there": ({}, '[columns.glucose]\nunit_column = "units"\n', "no column 'units' (unit_column); did you mean 'unit'?"),
    "another kind of thing": ({}, '[columns.glucose]\nunit = "mmol/L"\n', "the source has it in 'mmol/L', and the study declares 'mg/dL': 'mmol/L' cannot become"),
    "no unit": ({}, '[columns.weight]\nunit = "pud"\n', "'pud' is no UCUM unit"),
    "unit and its column": ({}, '[columns.glucose]\nunit = "g/L"\nunit_column = "unit"\n', "not both"),
}  # fmt: skip


@pytest.mark.parametrize(("columns", "mapping", "said"), list(WRONG.values()), ids=list(WRONG))
def test_units_that_do_not_fit_are_refused_by_name(
    columns: dict[str, list[str]], mapping: str, said: str, make_study: Make, tmp_path: Path
) -> None:
    path = mapped(table(tmp_path, **columns), mapping)
    try:
        problems = admit(read_table(path), study(make_study), "north").problems
        text = " / ".join(problems)
    except DataError as error:
        text = f"{error} {error.problems}"
    assert said in text


def test_a_unit_that_people_write_is_taken_for_the_code_that_they_mean(make_study: Make, tmp_path: Path) -> None:
    path = mapped(table(tmp_path), '[columns.weight]\nunit = "lbs"\n')
    found = admit(read_table(path), study(make_study), "north")
    assert [round(value or 0, 9) for value in weights(found)] == POUNDS


def test_a_unit_beside_a_study_that_declares_none_is_said(make_study: Make, tmp_path: Path) -> None:
    path = mapped(table(tmp_path), '[columns.glucose]\nunit_column = "unit"\n')
    found = admit(read_table(path), study(make_study, glucose={"unit": ""}), "north")
    assert found.data is not None
    assert "column 'glucose' is in 'mg/dL', says the source; the study declares no unit for it" in found.data.assumed


def test_a_mapping_file_that_speaks_against_its_table_s_unit_is_refused_and_a_factor_takes_its_place() -> None:
    raw = dataclasses.replace(RawTable(pl.DataFrame({"weight": ["80"]}), np.array([1]), "t"), carried={"weight": "kg"})

    def said(**settings: Any) -> tuple[str, list[str]]:
        problems: list[Problem] = []
        found = carried_units.said(raw, "weight", MappedColumn(**settings), None, problems)
        return found.carried.get("weight", ""), [str(problem) for problem in problems]

    assert said() == ("kg", [])
    assert said(unit="kg") == ("kg", [])
    assert "the mapping file says '[lb_av]', and the table itself says 'kg'" in said(unit="[lb_av]")[1][0]
    assert said(factor=0.001) == ("", []), "what a number becomes is in no unit that the table says"
    assert said(unit="kg", to="g") == ("", [])


def test_without_the_libraries_the_same_unit_passes_and_another_is_refused(
    make_study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = mapped(table(tmp_path), '[columns.glucose]\nunit = "mg/dL"\n')
    units._registry.cache_clear()
    units._unit.cache_clear()
    monkeypatch.setattr(units, "can_be_told", lambda: False)
    assert admit(read_table(path), study(make_study), "north").data is not None
    found = admit(read_table(mapped(path, '[columns.weight]\nunit = "[lb_av]"\n')), study(make_study), "north")
    assert "column 'weight': the source has it in '[lb_av]'" in found.problems[0]
    assert "not installed" in found.problems[0]


def test_a_mapping_file_without_the_new_setting_keeps_its_digest() -> None:
    written = {"source": "mapping", "table": "t.csv", "columns": {"a": {"from": "A", "unit": "g", "to": "kg"}}}
    assert "unit_column" not in json.dumps(Mapping.model_validate(written).model_dump(mode="json", by_alias=True))
    written["columns"]["a"] = {"unit_column": "u"}  # type: ignore[index]
    assert "unit_column" in json.dumps(Mapping.model_validate(written).model_dump(mode="json", by_alias=True))


# FHIR


def fhir(folder: Path, *quantities: dict[str, Any]) -> Path:
    """An extract of one view over Observations with these quantities, and an outcome for each."""
    pytest.importorskip("fhirpathpy")
    (folder / "export").mkdir()
    lines = [
        {"resourceType": "Observation", "id": f"o{i}", "subject": {"reference": f"Patient/p{i}"}, "valueQuantity": each}
        for i, each in enumerate(quantities)
    ]  # fmt: skip
    (folder / "export" / "all.ndjson").write_text("\n".join(map(json.dumps, lines)) + "\n")
    columns = [
        {"name": "patient", "path": "subject.getReferenceKey(Patient)"},
        {"name": "glucose", "path": "value.ofType(Quantity).value", "type": "decimal"},
        {"name": "again", "path": "value.ofType(Quantity).value.first()", "type": "decimal"},
        {"name": "readmitted", "path": "iif(id.endsWith('3') or id.endsWith('7'), 1, 0)"},
    ]
    (folder / "v.json").write_text(json.dumps({"resource": "Observation", "select": [{"column": columns}]}))
    (folder / "x.toml").write_text('source = "fhir"\npath = "export"\nview = "v.json"\n')
    return folder / "x.toml"


def quantity(value: float, code: str = "mmol/L", **more: str) -> dict[str, Any]:
    return {"value": value, "code": code, "system": "http://unitsofmeasure.org", **more}


def test_the_unit_of_a_fhir_quantity_comes_along(make_study: Make, tmp_path: Path) -> None:
    raw = read_table(fhir(tmp_path, *(quantity(90.0 + i, "mg/dL") for i in range(N))))
    assert raw.carried == {"glucose": "mg/dL", "again": "mg/dL"}
    found = admit(raw, make_study([COLUMNS[1] | {"unit": "g/L"}], ROSTER), "north")
    assert found.data is not None, found.problems
    assert found.data.table["glucose"].to_list() == pytest.approx([(90 + i) / 100 for i in range(N)])
    assert counts(found) == {("glucose", Rule.UNIT): N}
    refused = admit(raw, make_study([COLUMNS[1] | {"unit": "mmol/L"}], ROSTER), "north")
    assert "in 'mg/dL', and the study declares 'mmol/L'" in refused.problems[0]
    assert "factor" in refused.problems[0] or "measure different things" in refused.problems[0]


def test_a_unit_of_another_system_is_what_people_read(tmp_path: Path) -> None:
    own = {"value": 90.0, "code": "258797006", "system": "http://snomed.info/sct", "unit": "mg/dL"}
    assert read_table(fhir(tmp_path, own)).carried == {"glucose": "mg/dL", "again": "mg/dL"}


def test_two_units_of_quantities_are_refused_with_their_places_and_logged_without(tmp_path: Path) -> None:
    for second in (quantity(5.1), {"value": 5.1}):
        folder = tmp_path / str(len(second))
        folder.mkdir()
        with pytest.raises(DataError, match="line 2 gives column 'glucose'") as caught:
            read_table(fhir(folder, quantity(90, "mg/dL"), second))
        assert "line 1 gives it in 'mg/dL'" in str(caught.value)
        assert "Quantity" in caught.value.hint
        assert str(tmp_path) not in caught.value.logged


def test_a_limit_is_no_value(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 2 does not fit the view: column 'glucose' holds a limit") as caught:
        read_table(fhir(tmp_path, quantity(90, "mg/dL"), quantity(5, "mg/dL", comparator="<")))
    assert "comparator.empty()" in str(caught.value)


# Hints


@pytest.mark.parametrize(
    ("text", "code"),
    [("glucose_mg_dl", "mg/dL"), ("Glucose.mmol.L", "mmol/L"), ("Serum glucose (mg/dL)", "mg/dL"), ("WT_LB", "[lb_av]"), ("Body weight [kg]", "kg"),
     ("Creatinine (µmol/l)", "umol/L"), ("age_years", "a"), ("temp (°C)", "Cel"), ("glucose", ""), ("kg", ""), ("days", ""), ("stage (I-IV)", ""),
     ("hospital", ""), ("pct", ""), ("sodium (mmol/L) at admission", "")],
)  # fmt: skip
def test_a_unit_in_a_name_is_seen_and_nothing_else(text: str, code: str) -> None:
    assert unit_hints.named_in(text) == code


def test_data_check_says_where_a_name_or_a_label_says_another_unit(make_study: Make, tmp_path: Path) -> None:
    path = table(tmp_path)
    (tmp_path / "t.csv").write_text((tmp_path / "t.csv").read_text().replace("weight", "WT_LB", 1))
    found = checking.check(read_table(mapped(path, '[columns.weight]\nfrom = "WT_LB"\n')), study(make_study))
    assert any("'WT_LB' looks like the unit '[lb_av]', and the study declares 'kg'" in text for text in found.units)
    found = checking.check(read_table(mapped(path, 'unit = "[lb_av]"\n')), study(make_study))
    assert found.units == ()
    frame = pl.read_csv(tmp_path / "t.csv", separator=";", infer_schema=False).rename({"WT_LB": "weight"})
    frame = frame.with_columns(pl.col("glucose", "readmitted").cast(pl.Float64))
    pyreadstat.write_sav(frame, tmp_path / "t.sav", column_labels={"glucose": "Glucose (mmol/L)"})
    found = checking.check(read_table(tmp_path / "t.sav"), study(make_study))
    assert any("'Glucose (mmol/L)' looks like the unit 'mmol/L'" in text for text in found.units)
    assert len(found.units) == 1
    alike = [Column(name="WT_KG", kind="numeric", minimum=0, maximum=300, unit="kg")]
    assert not list(unit_hints.hints(alike, {"WT_KG": ("Weight (kg)",)}))


def test_usual_units_are_known_without_the_library_and_as_the_library_knows_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = ("{visits}", "{grey_levels}", "{a1_B}")
    for code in (*units._USUAL_CODES, *units._USUAL.values(), *counted):
        assert units._unit(code) is not None, code
    monkeypatch.setattr(units, "_unit", lambda _text: pytest.fail("loads the registry"))
    assert all(map(units.is_code, (*units._USUAL_CODES, *counted)))
    assert units.converter("mg/dL", "mg/dL")(np.array([1.5, np.nan])).tolist()[0] == 1.5


def test_one_registry_is_made() -> None:
    code = (
        "import pint; made = []; init = pint.UnitRegistry.__init__\n"
        "pint.UnitRegistry.__init__ = lambda self, *a, **k: (made.append(1), init(self, *a, **k))[1]\n"
        "from cipherward.data import units; assert units.converter('[lb_av]', 'kg')(2.0) > 0.9; print(len(made))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
