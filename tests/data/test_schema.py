from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cipherward.data.schema import check_table, convert_inputs, examine
from cipherward.data.values import Rule
from cipherward.study import Column, Study

Make = Callable[..., Study]


def change(table: pl.DataFrame, column: str, row: int, value: str | None) -> pl.DataFrame:
    values = table[column].to_list()
    values[row] = value
    return table.with_columns(pl.Series(column, values, dtype=pl.String))


def only(problems: Sequence[str]) -> str:
    assert len(problems) == 1, problems
    return problems[0]


def test_a_good_table_has_no_problems_and_comes_back_typed(make_study: Make, good_table: pl.DataFrame) -> None:
    found = examine(good_table, make_study(), "north")
    assert found.problems == ()
    assert found.table.schema == {"age": pl.Float64, "ward": pl.String}
    assert found.table["age"].to_list()[:6] == [71.0, None, None, None, 58.5, 64.0]
    assert found.table["ward"].to_list()[:3] == ["medical", "surgical", None]
    assert found.outcome.dtype == np.int8
    assert found.outcome.sum() == 12


def test_every_problem_of_a_table_is_reported_at_once(make_study: Make, good_table: pl.DataFrame) -> None:
    table = change(change(good_table, "age", 3, "old"), "ward", 4, "Medical").drop("readmitted")
    problems = check_table(table, make_study(), "north", file="north.csv")
    assert len(problems) == 3
    assert all(text.startswith("north (north.csv): column ") for text in problems)


def test_a_missing_column_is_named_with_the_closest_name_of_the_table(
    make_study: Make, good_table: pl.DataFrame
) -> None:
    problem = only(check_table(good_table.rename({"age": "Age "}), make_study(), "north"))
    assert "column 'age' is missing; did you mean 'Age '?" in problem


def test_text_in_a_numeric_column_is_reported_with_its_row_and_a_remedy(
    make_study: Make, good_table: pl.DataFrame
) -> None:
    problem = only(check_table(change(good_table, "age", 16, "71,5"), make_study(), "north"))
    assert "column 'age', row 17: '71,5' is not a number (use a decimal point) (1 such row(s))" in problem


def test_a_date_and_a_word_that_stands_for_missing_get_advice_of_their_own(
    make_study: Make, good_table: pl.DataFrame
) -> None:
    problem = only(check_table(change(good_table, "age", 0, "2021-05-11"), make_study(), "north"))
    assert "is not a number (a date: make a number of it, such as days or years)" in problem
    problem = only(check_table(change(good_table, "age", 0, "k.A."), make_study(), "north"))
    assert 'or declare missing = ["k.A."] for the column' in problem


def test_nothing_is_said_of_units_where_most_values_are_no_numbers(make_study: Make, good_table: pl.DataFrame) -> None:
    table = good_table.with_columns(pl.Series("age", ["71,5"] * 50 + ["-9"] * 10))
    assert "is not a number" in only(check_table(table, make_study(), "north"))


def test_row_numbers_are_those_of_the_file(make_study: Make, good_table: pl.DataFrame) -> None:
    rows = np.arange(101, 161)
    assert "row 103:" in only(check_table(change(good_table, "age", 2, "x"), make_study(), "north", rows=rows))


@pytest.mark.parametrize("value", ["inf", "-Infinity", "1e999"])
def test_an_infinite_value_is_refused(value: str, make_study: Make, good_table: pl.DataFrame) -> None:
    problem = only(check_table(change(good_table, "age", 0, value), make_study(), "north"))
    assert "row 1 is infinite" in problem


def test_a_float_that_is_not_a_number_is_missing_and_counted(make_study: Make, good_table: pl.DataFrame) -> None:
    table = good_table.with_columns(pl.Series("age", [float("nan"), None] + [50.0] * 58))
    found = examine(table, make_study(), "north")
    assert found.problems == ()
    assert found.table["age"].null_count() == 2
    assert [(change.column, change.rule, change.count) for change in found.changes] == [("age", Rule.MISSING_WORD, 1)]


def test_an_unknown_category_is_an_error_with_the_known_one_it_resembles(
    make_study: Make, good_table: pl.DataFrame
) -> None:
    problem = only(check_table(change(good_table, "ward", 8, "Surgcal"), make_study(), "north"))
    assert "row 9: unknown category: 'Surgcal' (did you mean 'surgical'?)" in problem


def test_an_unknown_category_is_fine_where_the_study_has_other(make_study: Make, good_table: pl.DataFrame) -> None:
    columns = [{"name": "ward", "kind": "categorical", "categories": ["medical", "surgical", "other"]}]
    assert check_table(change(good_table, "ward", 8, "maternity"), make_study(columns), "north") == []


def test_a_category_spelled_like_a_missing_value_is_a_category_where_declared(
    make_study: Make, good_table: pl.DataFrame
) -> None:
    columns = [{"name": "ward", "kind": "categorical", "categories": ["medical", "surgical", "NA"]}]
    found = examine(change(good_table, "ward", 0, "NA"), make_study(columns), "north")
    assert found.table["ward"][0] == "NA"


def test_values_mostly_outside_the_range_point_to_another_unit(make_study: Make, good_table: pl.DataFrame) -> None:
    in_days = good_table.with_columns(pl.Series("age", [26_000.0] * 60))
    assert "60 of 60 values lie outside the declared range 0 to 120 years" in only(
        check_table(in_days, make_study(), "north")
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 0] * 30, 30),
        ([1.0, 0.0] * 30, 30),
        ([True, False] * 30, 30),
        (["1.0", "0.0"] * 30, 30),
        (["TRUE", "false"] * 30, 30),
    ],
)
def test_a_zero_one_outcome_may_be_written_in_the_usual_ways(
    values: list[object], expected: int, make_study: Make, good_table: pl.DataFrame
) -> None:
    found = examine(good_table.with_columns(pl.Series("readmitted", values)), make_study(), "north")
    assert found.problems == ()
    assert found.outcome.sum() == expected


def test_a_missing_or_odd_outcome_is_an_error(make_study: Make, good_table: pl.DataFrame) -> None:
    assert "row 2 has no outcome" in only(check_table(change(good_table, "readmitted", 1, ""), make_study(), "north"))
    assert "row 2: '2' is not an outcome" in only(
        check_table(change(good_table, "readmitted", 1, "2"), make_study(), "north")
    )


def test_another_spelling_of_the_positive_outcome_is_not_taken_for_negative(
    make_study: Make, good_table: pl.DataFrame
) -> None:
    table = good_table.with_columns(pl.Series("readmitted", ["yes", "no", "Yes"] * 20))
    problem = only(check_table(table, make_study(positive="yes"), "north"))
    assert "row 3: 'Yes' is not an outcome (20 such row(s)); the positive outcome is written 'yes'" in problem


@pytest.mark.parametrize(("value", "text"), [("0", "no positive case"), ("1", "only positive cases")])
def test_one_class_only_is_an_error_unless_the_study_allows_it(
    value: str, text: str, make_study: Make, good_table: pl.DataFrame
) -> None:
    table = good_table.with_columns(readmitted=pl.lit(value))
    assert text in only(check_table(table, make_study(), "north"))
    assert check_table(table, make_study(allow_single_class=True), "north") == []


def test_an_empty_table_and_a_missing_patient_id_are_errors(make_study: Make, good_table: pl.DataFrame) -> None:
    assert only(check_table(good_table.head(0), make_study(), "north")) == "north: the table has no rows"
    assert "row 1 has no patient id" in only(check_table(change(good_table, "patient", 0, "?"), make_study(), "north"))


def test_a_column_of_dates_or_lists_is_refused_not_converted(make_study: Make, good_table: pl.DataFrame) -> None:
    table = good_table.with_columns(pl.Series("age", [[1]] * 60), pl.lit("2024-01-01").str.to_date().alias("ward"))
    problems = check_table(table, make_study(), "north")
    assert "holds List(Int64), not numbers" in problems[0]
    assert "holds Date, not categories" in problems[1]


def test_whole_floats_stand_for_the_declared_codes() -> None:
    column = Column(name="code", kind="categorical", categories=("1", "2"))
    for series in (
        pl.Series("code", [1.0, None, 2.0]),
        pl.Series("code", ["1.0", "", "2"]),
        pl.Series("code", [1, None, 2]),
    ):
        problems, table = convert_inputs(pl.DataFrame(series), [column], np.arange(1, 4))
        assert problems == []
        assert table["code"].to_list() == ["1", None, "2"]


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "patient": st.text(max_size=4),
                "age": st.text(max_size=6),
                "ward": st.text(max_size=6),
                "readmitted": st.text(max_size=3),
            }
        ),
        max_size=8,
    )
)
def test_any_text_gives_problems_or_finite_typed_columns_never_a_foreign_error(rows: list[dict[str, str]]) -> None:
    study = Study.model_validate(
        {
            "name": "any",
            "data": {"source": "files", "outcome": "readmitted", "patient_column": "patient"},
            "columns": [
                {"name": "age", "kind": "numeric", "minimum": 0, "maximum": 120},
                {"name": "ward", "kind": "categorical", "categories": ["a", "b"]},
            ],
            "hospitals": [{"name": name, "path": name} for name in "abc"],
        }
    )
    table = pl.DataFrame(rows, schema=dict.fromkeys(("patient", "age", "ward", "readmitted"), pl.String))
    found = examine(table, study, "north")
    assert found.problems or np.isfinite(found.table["age"].drop_nulls().to_numpy()).all()
