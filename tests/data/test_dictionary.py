"""The data dictionary: what is required, codes of categories, roles, and a file of its own; studies that use none of it stay as they were."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cipherward import study as study_document
from cipherward.data import carried_units
from cipherward.data.schema import examine
from cipherward.data.sources import load_hospitals
from cipherward.data.values import Rule
from cipherward.errors import DataError, StudyError
from cipherward.study import Study

Make = Callable[..., Study]
WARD = {"name": "ward", "kind": "categorical", "categories": ["medical", "surgical"]}
AGE = {"name": "age", "kind": "numeric", "minimum": 0, "maximum": 120}
ROSTER = [{"name": name, "path": f"{name}.csv"} for name in ("north", "south", "west")]


def document(**changes: Any) -> dict[str, Any]:
    return {
        "name": "small",
        "data": {"source": "files", "outcome": "readmitted", "patient_column": "patient"},
        "columns": [AGE, WARD],
        "hospitals": ROSTER,
    } | changes


def test_what_a_study_does_not_say_is_not_in_its_document_or_digest(make_study: Make) -> None:
    study = make_study()
    for word in ("required", "codes", "role", "dictionary"):
        assert word not in study.canonical()
    plain = study_document.parse(document(), origin="x")
    said = study_document.parse(document(columns=[AGE | {"required": False}, WARD | {"codes": {}}]), origin="x")
    assert plain.digest() == said.digest()
    required = study_document.parse(document(columns=[AGE | {"required": True}, WARD]), origin="x")
    assert required.digest() != plain.digest()
    coded = study_document.parse(
        document(columns=[AGE, WARD | {"codes": {"2": "surgical", "1": "medical"}}]), origin="x"
    )
    assert coded.model_dump(mode="json")["columns"][1]["codes"] == {"2": "surgical", "1": "medical"}
    assert study_document.parse(coded.model_dump(mode="json"), origin="x").digest() == coded.digest()
    assert len({*required.columns, *coded.columns}) == 4
    assert study_document.parse(required.model_dump(mode="json"), origin="x").digest() == required.digest()


UNITS = {
    "a": "years",
    "d": "days",
    "{points}": "points",
    "{drugs}": "drugs",
    "{stays}": "in 12 months",
    "{visits}": "in 6 months",
}


def test_a_built_in_study_has_the_digest_that_it_had_but_for_its_units() -> None:
    chosen = study_document.load_builtin("readmission")
    columns = [
        column | {"unit": UNITS.get(column["unit"], column["unit"])} for column in chosen.model_dump()["columns"]
    ]
    as_before = chosen.with_overrides(top={"columns": columns})
    assert as_before.digest().hex() == "caebe92cc439e8270fb2e36bd09600136a4b98eceb6d67920c2d730f48364183"


@pytest.mark.parametrize("name", study_document.builtin_names())
def test_the_units_of_a_built_in_study_are_ucum_codes(name: str) -> None:
    assert list(carried_units.undeclared(study_document.load_builtin(name).columns)) == []


def test_an_optional_column_may_be_absent_and_that_is_said_and_a_required_one_may_not(
    make_study: Make, good_table: pl.DataFrame, tmp_path: Path
) -> None:
    for name in ("north", "south"):
        good_table.drop("ward").write_csv(tmp_path / f"{name}.csv")
    (data,) = load_hospitals(make_study(), None, tmp_path, only=["north"])
    assert data.table["ward"].null_count() == 60
    (said,) = [finding.text for finding in data.about if finding.column == "ward"]
    assert "60 rows" in said
    assert "optional" in said
    study = make_study([AGE, WARD | {"required": True}])
    with pytest.raises(DataError, match="column 'ward' is missing"):
        load_hospitals(study, None, tmp_path, only=["south"])


def test_codes_are_read_as_their_categories_and_counted(make_study: Make, good_table: pl.DataFrame) -> None:
    column = WARD | {"codes": {"1": "medical", "C": "surgical"}}
    table = good_table.with_columns(ward=pl.Series(["1", "1.0", "C", "medical", "c", ""] * 10))
    found = examine(table, make_study([AGE, column]), "north")
    assert [problem for problem in found.problems if "'c'" not in problem] == []
    assert len(found.problems) == 1  # a code's letters differ
    table = good_table.with_columns(ward=pl.Series(["1", "1.0", "C", "medical", "C", ""] * 10))
    found = examine(table, make_study([AGE, column]), "north")
    assert found.problems == ()
    assert found.table["ward"].to_list()[:6] == ["medical", "medical", "surgical", "medical", "surgical", None]
    assert {change.rule: change.count for change in found.changes if change.column == "ward"} == {Rule.CODE: 40}


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (WARD | {"codes": {"1": "medicine"}}, "no category of it"),
        (WARD | {"codes": {"medical": "surgical"}}, "both a code and a category"),
        (WARD | {"codes": {"9": "surgical"}, "missing": ["9"]}, "both a code and a category, or missing"),
        (WARD | {"codes": {"1": "medical", " 1": "surgical"}}, "one code twice"),
        (AGE | {"codes": {"1": "medical"}}, "cannot have codes"),
    ],
)
def test_codes_that_contradict_the_column_are_refused(column: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        study_document.parse(document(columns=[column]), origin="x")


def test_roles_say_what_the_study_says_elsewhere() -> None:
    columns = [
        AGE | {"role": "feature"},
        WARD,
        {"name": "patient", "role": "patient", "description": "the hospital's number"},
        {
            "name": "readmitted",
            "role": "outcome",
            "kind": "categorical",
            "categories": ["no", "yes"],
            "positive": "yes",
        },
    ]
    with_roles = study_document.parse(document(columns=columns, data={"source": "files"}), origin="x")
    data = {
        "source": "files",
        "outcome": "readmitted",
        "patient_column": "patient",
        "positive": "yes",
        "negative": ["no"],
    }
    assert with_roles.digest() == study_document.parse(document(data=data), origin="x").digest()


def test_the_time_of_follow_up_and_groups_stand_in_the_settings() -> None:
    time = {"name": "months", "kind": "numeric", "minimum": 0, "maximum": 60}
    columns = [time | {"role": "time"}, WARD | {"role": "group"}, {"name": "died", "role": "event"}]
    given = {"task": "survival", "columns": columns, "data": {"source": "files"}}
    found = study_document.parse(document(**given), origin="x")
    assert found.settings == {"time": "months", "group": "ward"}
    assert found.data.outcome == "died"
    assert [column.name for column in found.columns] == ["months", "ward"]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ([AGE | {"role": "index"}], "role is one of feature, outcome"),
        ([AGE, {"name": "died", "role": "outcome"}], "say it once"),
        ([AGE, {"name": "pid", "role": "patient"}], "say it once"),
        ([AGE, {"name": "readmitted", "role": "outcome", "missing": ["9"]}], "missing is not for role 'outcome'"),
        ([AGE, {"name": "patient", "role": "patient", "kind": "numeric"}], "kind is not for role 'patient'"),
    ],
)
def test_roles_that_contradict_the_study_are_refused(columns: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        study_document.parse(document(columns=columns), origin="x")


def write(path: Path, columns: list[dict[str, Any]], **more: Any) -> None:
    import tomli_w

    path.write_text(tomli_w.dumps({"columns": columns, **more}))


def test_a_dictionary_may_be_a_file_that_several_studies_name(tmp_path: Path) -> None:
    import tomli_w

    roles = [{"name": "patient", "role": "patient"}, {"name": "readmitted", "role": "outcome"}]
    write(tmp_path / "columns.toml", [AGE, WARD, *roles])
    given = document(data={"source": "files"}) | {"dictionary": "columns.toml"}
    del given["columns"]
    (tmp_path / "study.toml").write_text(tomli_w.dumps(given))
    found = study_document.load(tmp_path / "study.toml")
    assert found.digest() == study_document.parse(document(), origin="x").digest()
    assert "dictionary" not in found.to_toml()


@pytest.mark.parametrize(
    ("content", "more", "said"),
    [
        (None, {}, "cannot read the data dictionary"),
        ("columns = 3", {}, "is no data dictionary"),
        ("[[columns]]\nname = 'age'\n[data]\n", {}, "it holds data"),
        ("[[columns]\n", {}, "is not valid TOML"),
        ("[[columns]]\nname = 'age'\n", {"columns": [AGE]}, "both dictionary and"),
        ("[[columns]]\nname = 'age'\nkind = 'number'\n", {}, "column 'age', kind"),
    ],
)
def test_a_dictionary_that_is_none_is_refused(
    content: str | None, more: dict[str, Any], said: str, tmp_path: Path
) -> None:
    import tomli_w

    if content is not None:
        (tmp_path / "columns.toml").write_text(content)
    given = document() | {"dictionary": "columns.toml"}
    del given["columns"]
    (tmp_path / "study.toml").write_text(tomli_w.dumps(given | more))
    with pytest.raises(StudyError, match=said):
        study_document.load(tmp_path / "study.toml")
