"""Numbers in the forms that hospitals write. Expected values were read by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from cipherward.data.file_settings import FileSettings
from cipherward.data.number_forms import plain_numbers
from cipherward.data.values import Rule

SPACE, NARROW = "\u00a0", "\u202f"
COMMA, THOUSANDS = Rule.DECIMAL_COMMA, Rule.THOUSANDS


def read(
    texts: list[str | None], settings: dict[str, str] | None = None, *, each_row_alone: bool = False
) -> tuple[list[float | None], dict[Rule, int], list[str]]:
    table = pl.DataFrame({"x": pl.Series(texts, dtype=pl.String)})
    rows = np.arange(1, len(texts) + 1)
    chosen = FileSettings.model_validate(settings or {})
    found, marks, problems = plain_numbers(table, {"x"}, rows, chosen, each_row_alone=each_row_alone)
    counts = {mark.rule: int(mark.rows.sum()) for mark in marks}
    return found["x"].cast(pl.Float64, strict=False).to_list(), counts, [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("texts", "values", "counts"),
    [
        (["7,5", "12", "0,25"], [7.5, 12.0, 0.25], {COMMA: 2}),
        (["7,5", "1,234"], [7.5, 1.234], {COMMA: 2}),
        (["1.234,5", "1.234"], [1234.5, 1234.0], {COMMA: 1, THOUSANDS: 1}),
        (["1,234.5", "2,000"], [1234.5, 2000.0], {THOUSANDS: 2}),
        (["1,234,567", "1,234"], [1234567.0, 1234.0], {THOUSANDS: 2}),
        (["1.234.567", "1.234"], [1234567.0, 1234.0], {THOUSANDS: 2}),
        ([f"1{SPACE}234", f"1{NARROW}234,5", "1 234"], [1234.0, 1234.5, 1234.0], {THOUSANDS: 2, COMMA: 1}),
        (["1'234", "1\u2019234\u2019567"], [1234.0, 1234567.0], {THOUSANDS: 2}),
        (["-0,5", "+1,5", "1,5e3"], [-0.5, 1.5, 1500.0], {COMMA: 3}),
        (["0,123", None, "NA"], [0.123, None, None], {COMMA: 1}),
        (["1.234", "5.5", "7"], [1.234, 5.5, 7.0], {}),
        (["1.234", "2.345"], [1.234, 2.345], {}),
    ],
)
def test_a_form_that_only_one_reading_fits_is_read_and_counted(
    texts: list[str | None], values: list[float | None], counts: dict[Rule, int]
) -> None:
    assert read(texts) == (values, counts, [])


def test_forms_are_told_in_the_order_of_the_numbers_that_have_them() -> None:
    assert list(read(["0,5", "1.234.567"])[1]) == [COMMA, THOUSANDS]
    assert list(read(["1.234.567", "7,5"])[1]) == [THOUSANDS, COMMA]


@pytest.mark.parametrize(
    ("texts", "place", "said"),
    [
        (["7", "1,234"], "row 2", "may have a decimal comma, or a comma between thousands"),
        (["7,5", "1.234"], "row 2", "may have a decimal point, or a point between thousands"),
        (["7,5", "3.25"], "row 1", "other numbers of the column a decimal point"),
        (["7.5", "1,234"], "row 2", "may have a decimal comma"),
        (["7.5", "1.234.567"], "row 2", "a point between thousands"),
        (["1,234.5", "1.234,5"], "row 2", "a decimal comma"),
    ],
)
def test_a_form_that_two_readings_fit_is_refused_with_its_row(texts: list[str | None], place: str, said: str) -> None:
    _, counts, problems = read(texts)
    assert counts == {}
    assert any(place in text for text in problems)
    assert any(said in text for text in problems)
    assert all("mapping file" in text for text in problems)


@pytest.mark.parametrize(
    ("texts", "settings", "values"),
    [
        (["1,234", "7"], {"decimal": ","}, [1.234, 7.0]),
        (["1,234", "7"], {"thousands": ","}, [1234.0, 7.0]),
        (["1.234", "7,5"], {"decimal": ","}, [1234.0, 7.5]),
        (["1.234", "7.5"], {"decimal": "."}, [1.234, 7.5]),
        (["1 234,5"], {"decimal": ",", "thousands": " "}, [1234.5]),
    ],
)
def test_what_the_hospital_says_decides(texts: list[str | None], settings: dict[str, str], values: list[float]) -> None:
    found, _, problems = read(texts, settings)
    assert (found, problems) == (values, [])


def test_a_number_that_does_not_fit_what_the_hospital_says_is_refused() -> None:
    for texts, settings in ((["1.5"], {"decimal": ","}), (["7,5"], {"decimal": "."}), (["1.5"], {"decimal": ","})):
        _, counts, problems = read([*texts], settings)
        assert counts == {}
        assert len(problems) == 1
        assert "row 1" in problems[0]


def test_a_row_that_is_read_alone_is_read_alike_in_any_company() -> None:
    assert read(["7,5", "1 234"], each_row_alone=True)[0] == [7.5, 1234.0]
    for texts in (["1,234"], ["1,234", "7,5"], ["1,234", "1,234.5"]):
        _, _, problems = read([*texts], each_row_alone=True)
        assert "row 1" in problems[0]


def test_the_marks_that_a_hospital_says_are_two() -> None:
    with pytest.raises(ValueError, match="both"):
        FileSettings(decimal=",", thousands=",")
    with pytest.raises(ValueError, match="both"):
        FileSettings(thousands=".")


def test_every_number_that_is_written_in_a_usual_form_comes_back() -> None:
    generator = np.random.default_rng(5)
    numbers = [round(float(value), 2) for value in generator.uniform(-99_999, 99_999, 400)]
    forms: dict[str, Callable[[str], str]] = {
        "german": lambda text: text.replace(",", " ").replace(".", ",").replace(" ", "."),
        "french": lambda text: text.replace(",", NARROW).replace(".", ","),
        "swiss": lambda text: text.replace(",", "\u2019"),
        "english": lambda text: text,
    }
    for form in forms.values():
        values, counts, problems = read([form(f"{number:,.2f}") for number in numbers])
        assert values == numbers
        assert sum(counts.values()) >= 390
        assert problems == []
