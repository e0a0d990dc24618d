"""What is read as what: the rules of docs/data.md, by value."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from cipherward.data.schema import Converted, convert, examine
from cipherward.data.values import MISSING, Rule, names_of
from cipherward.errors import StudyError
from cipherward.study import Column, Study, parse

Make = Callable[..., Study]
DOCS = Path(__file__).parents[2] / "docs" / "data.md"


def read(values: list[Any], *categories: str, **more: Any) -> Converted:
    column = Column(name="code", kind="categorical", categories=categories, **more)
    return convert(pl.DataFrame({"code": values}), [column], np.arange(1, len(values) + 1))


def read_numbers(values: list[Any], **more: Any) -> Converted:
    column = Column(name="lab", kind="numeric", minimum=0, maximum=100, **more)
    return convert(pl.DataFrame({"lab": values}), [column], np.arange(1, len(values) + 1))


def counts(found: Converted) -> dict[Rule, int]:
    return {change.rule: change.count for change in found.changes}


@pytest.mark.parametrize(
    "values",
    [["2", "10"], ["2.0", "10.00"], ["+2", " 10 "], [2.0, 10.0], [2, 10], [Decimal("2.000"), Decimal("10.000")]],
)
def test_a_number_is_the_same_category_however_it_is_written(values: list[Any]) -> None:
    found = read(values, "2", "10")
    assert found.problems == []
    assert found.table["code"].to_list() == ["2", "10"]


def test_a_number_with_a_fraction_is_the_same_category_however_it_is_written() -> None:
    assert read(["1.50", "2.5"], "1.5", "2.5").table["code"].to_list() == ["1.5", "2.5"]


@pytest.mark.parametrize(
    ("value", "declared"), [("I21.0", "I21"), ("V58.0", "V58"), ("07", "7"), ("1E50", "1"), ("7", "007"), ("5.0", "5A")]
)
def test_a_code_is_its_text(value: str, declared: str) -> None:
    (problem,) = read([value], declared).problems
    assert "unknown category" in problem
    assert read([value], declared, "other").table["code"].to_list() == ["other"]


def test_a_number_beside_codes_is_a_code() -> None:
    assert read(["401.0", "E10"], "401", "E10", "other").table["code"].to_list() == ["other", "E10"]


@pytest.mark.parametrize("neighbour", ["250.1", "V58", "E11.9"])
def test_a_number_with_decimals_among_codes_is_refused_as_it_may_be_one(neighbour: str) -> None:
    (problem,) = read(["250.0", neighbour], "250", "401", "other").problems
    assert "row 1: '250.0' may be a code of its own or the number 250" in problem


@pytest.mark.parametrize(
    "word", ["NAN", "None", "n/A", "Null", "<na>", ".", "--", " ? ", "#N/A", "\\N", "nil", "(NULL)"]
)
def test_a_word_for_missing_is_no_value_in_any_column_and_is_counted(
    word: str, make_study: Make, good_table: pl.DataFrame
) -> None:
    found = read([word, "a"], "a", "other")
    assert found.table["code"].to_list() == [None, "a"]
    assert counts(found) == {Rule.MISSING_WORD: 1}
    numbers = read_numbers([word, "5"])
    assert (numbers.problems, numbers.table["lab"].to_list()) == ([], [None, 5.0])
    assert counts(numbers) == {Rule.MISSING_WORD: 1}
    outcomes = good_table["readmitted"].replace({"1": "dead", "0": "alive"}).to_list()
    table = good_table.with_columns(pl.Series("readmitted", [*outcomes[:-1], word]))
    (problem,) = examine(table, make_study(positive="dead"), "north").problems
    assert "row 60 has no outcome" in problem


def test_an_empty_field_is_missing_without_a_count() -> None:
    found = read(["", None, "  ", "a"], "a")
    assert (found.table["code"].null_count(), counts(found)) == (3, {})


def test_a_missing_word_that_is_a_category_is_that_category_spelled_the_same_only() -> None:
    assert read(["none", "a"], "none", "a").table["code"].to_list() == ["none", "a"]
    (problem,) = read(["None"], "none", "a", "other").problems
    assert "'None' may be missing, or the category 'none'" in problem


def test_codes_for_missing_that_the_study_declares_are_no_value() -> None:
    found = read_numbers(["-9", "-9.0", "12", "999"], missing=("-9", "999"))
    assert (found.problems, found.table["lab"].to_list()) == ([], [None, None, 12.0, None])
    assert counts(found) == {Rule.MISSING_CODE: 3}
    assert read(["unk", "9.0", "1"], "1", "2", missing=("unk", "9")).table["code"].to_list() == [None, None, "1"]


@pytest.mark.parametrize(
    "written", ["Gro\u0308\u00dfe", "Gr\u00f6\u00dfe", " Gr\u00f6\u00dfe\u00a0", "\ufeffGr\u00f6\u00dfe"]
)
def test_text_of_the_same_letters_is_the_same_text_in_values_and_in_names(written: str) -> None:
    for declared in ("Gr\u00f6\u00dfe", "Gro\u0308\u00dfe"):
        assert read([written], declared, "other").table["code"].to_list() == [declared]
        column = Column(name=declared, kind="numeric", minimum=0, maximum=9)
        found = convert(pl.DataFrame({written: ["3"]}), [column], np.arange(1, 2))
        assert (found.problems, found.table[declared].to_list()) == ([], [3.0])


def test_categories_of_the_same_letters_cannot_both_be_declared() -> None:
    with pytest.raises(ValueError, match="distinct"):
        Column(name="x", kind="categorical", categories=("caf\u00e9", "cafe\u0301"))


@pytest.mark.parametrize("word", ["1_000", "0x1f", "1,5", "12 mg", "<5", "\uff11\uff12", "5%"])
def test_what_is_not_a_plain_number_is_refused(word: str) -> None:
    (problem,) = read_numbers([word, "3"]).problems
    assert "row 1" in problem
    assert word not in problem.logged


@pytest.mark.parametrize("code", ["-9", "999", "-1.0"])
def test_a_value_outside_the_range_that_repeats_is_a_code_for_missing(code: str) -> None:
    (problem,) = read_numbers([code, code, *map(str, range(40))]).problems
    assert "row 1" in problem
    assert "occurs 2 times" in problem
    assert "declare missing" in problem


def test_single_values_outside_the_range_are_cut_and_counted() -> None:
    found = read_numbers(["101.5", "240", "-3", *map(str, range(40))])
    assert found.problems == []
    assert counts(found) == {Rule.CUT: 3}


def test_an_outcome_is_positive_negative_or_refused(make_study: Make, good_table: pl.DataFrame) -> None:
    values = good_table["readmitted"].replace({"1": "dead", "0": "alive"})
    found = examine(good_table.with_columns(values), make_study(positive="dead"), "north")
    assert (found.problems, found.negative, int(found.outcome.sum())) == ((), "alive", 12)
    third = good_table.with_columns(pl.Series("readmitted", ["unknown", *values.to_list()[1:]]))
    (problem,) = examine(third, make_study(positive="dead"), "north").problems
    assert "data.negative" in problem
    listed = make_study(positive="dead", negative=["alive", "unknown"])
    assert examine(third, listed, "north").problems == ()
    (problem,) = examine(third, make_study(positive="dead", negative=["alive"]), "north").problems
    assert "'unknown' is not an outcome" in problem


def test_a_label_that_no_row_has_names_the_setting(make_study: Make, good_table: pl.DataFrame) -> None:
    table = good_table.with_columns(readmitted=pl.lit("ja"))
    (problem,) = examine(table, make_study(positive="yes"), "north").problems
    assert "data.positive" in problem


def test_a_setting_cannot_name_what_is_not_there(make_study: Make) -> None:
    with pytest.raises(StudyError, match="no input column"):
        make_study(confirmed_columns=["weight"])
    with pytest.raises(StudyError, match=r"listed in data\.negative"):
        make_study(positive="no", negative=["no"])


def test_names_of_patients_are_one_name_in_any_form() -> None:
    assert names_of(pl.Series(["12", "12.0", " 12 ", "012", "n/a", "Jose\u0301"])).series.to_list() == [
        "12",
        "12",
        "12",
        "012",
        None,
        "Jos\u00e9",
    ]
    assert names_of(pl.Series([1.0, 2.5])).series.to_list() == ["1", "2.5"]
    assert names_of(pl.Series(["1" * 30, "1" * 29 + "2"])).series.n_unique() == 2
    plain = names_of(pl.Series(["b", None, "a", "NA", "b", "Nan", "-", "7"]))
    assert (plain.distinct.to_list(), plain.codes.tolist()) == (["7", "a", "b"], [2, -1, 1, -1, 2, -1, -1, 0])


def test_every_rule_and_word_is_in_the_documents() -> None:
    page = DOCS.read_text("utf-8")
    assert [rule for rule in Rule if f"- {rule}\n" not in page] == []
    assert {"nan", "none", "null", "n/a", "<na>", ".", "-", "?"} <= MISSING


def test_a_mistake_in_a_study_names_the_column_and_the_line(tmp_path: Path) -> None:
    from cipherward.study import load

    text = 'name = "x"\n[data]\nsource = "files"\noutcome = "y"\n[[columns]]\nname = "sex"\nkind = "categorical"\n'
    (tmp_path / "s.toml").write_text(text + 'categories = ["f", 2]\n')
    with pytest.raises(StudyError, match=r"column 'sex', categories\.1 \(line 8\)"):
        load(tmp_path / "s.toml")
    with pytest.raises(StudyError, match="column 'sex', categories"):
        parse({"name": "x", "columns": [{"name": "sex", "kind": "categorical", "categories": 3}]}, origin="x")
