"""Categories that few rows have count as one that is kept, in one study and in several."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cipherward.data.preprocess import Preprocessor, local_statistics
from cipherward.data.rare_categories import codes, merged, merged_words, rarely_missing
from cipherward.errors import DataError
from cipherward.study import Column

LEAST = 30.0


def column(*categories: str, name: str = "ward") -> Column:
    return Column(name=name, kind="categorical", categories=categories)


def of(categories: tuple[str, ...], counts: list[int]) -> dict[str, str | None]:
    found = merged([column(*categories)], np.array(counts, dtype=np.int64), LEAST)
    return dict(dict(found).get("ward", ()))


@pytest.mark.parametrize(
    ("categories", "counts", "expected"),
    [
        (("A", "B"), [400, 300], {}),
        (("A", "B", "C"), [400, 300, 5], {"C": "B"}),
        (("A", "B", "C", "D"), [400, 20, 300, 15], {"B": "C", "D": "C"}),
        (("A", "B", "other"), [400, 300, 50], {}),
        (("A", "B", "other", "C"), [400, 5, 50, 90], {"B": "other"}),
        (("A", "B", "other"), [400, 300, 5], {"other": "B"}),  # and not B, which many have, as other
        (("A", "B", "C"), [400, 300, -7], {"C": "B"}),
        (("A", "B"), [5, 6], {"A": None, "B": None}),
    ],
)
def test_few_rows_count_as_a_category_that_is_kept(
    categories: tuple[str, ...], counts: list[int], expected: dict[str, str | None]
) -> None:
    assert of(categories, counts) == expected


def test_a_column_of_which_few_rows_lack_a_value_is_named_whatever_its_kind() -> None:
    columns = [
        Column(name="age", kind="numeric", minimum=0, maximum=9),
        column("A", "B"),
        Column(name="dose", kind="numeric", minimum=0, maximum=9),
        column("C", "D", name="unit"),
    ]
    least = {"age": 30.0, "ward": 30.0, "dose": 30.0, "unit": 45.0}
    found = rarely_missing(columns, 500, np.array([471, 470]), np.array([300, 171, 200, 256]), least)
    assert found == ("age", "ward", "unit")
    assert rarely_missing(columns, 500, np.array([510, 0]), np.array([0, 0, 501, 20]), least) == ("age", "unit")


def names_of(counts: list[int], has_other: bool) -> tuple[str, ...]:
    return (*"ABCDEF"[: len(counts) - has_other], *(("other",) if has_other else ()))


@given(st.lists(st.integers(-50, 200), min_size=2, max_size=6), st.booleans())
def test_what_is_told_apart_has_enough_rows(counts: list[int], has_other: bool) -> None:
    names = names_of(counts, has_other)
    out = of(names, counts)
    assert all((n < LEAST) == (name in out) for name, n in zip(names, counts, strict=True))
    assert not {*out.values()} & {*out}
    assert (None in out.values()) == (len(out) == len(names))


@given(
    st.integers(2, 6).flatmap(
        lambda n: st.lists(st.lists(st.integers(0, 60), min_size=n, max_size=n), min_size=1, max_size=8)
    ),
    st.booleans(),
)
def test_studies_with_other_noise_do_not_together_set_a_category_apart_that_each_of_them_merges(
    studies: list[list[int]], has_other: bool
) -> None:
    names = names_of(studies[0], has_other)
    merges = [of(names, counts) for counts in studies]
    sets = [[merge.get(name, name) == line for name in names] for merge in merges for line in (*names, None)]
    sums = np.array([one for one in sets if any(one)], dtype=float)
    for place in (i for i, name in enumerate(names) if all(name in merge for merge in merges)):
        alone = np.eye(len(names))[place]
        solution = np.linalg.lstsq(sums.T, alone, rcond=None)[0]
        assert not np.allclose(sums.T @ solution, alone, atol=1e-6)


def test_each_column_is_merged_by_its_own_counts() -> None:
    columns = [column("A", "B", name="ward"), column("x", "y", "other", name="unit")]
    counts = np.array([100, 100, 3, 200, 90], dtype=np.int64)
    assert merged(columns, counts, LEAST) == (("unit", (("x", "other"),)),)


def test_a_merged_category_counts_as_the_one_that_is_kept_or_as_no_value() -> None:
    columns = (
        column("A", "B", "C"),
        column("x", "y", "other", name="unit"),
        column("p", "other", name="payer"),
        column("k", name="kind"),
    )
    merges = (("ward", (("A", "C"), ("B", "C"))), ("payer", (("other", "p"),)), ("kind", (("k", None),)))
    fitted = Preprocessor(columns, (), (), 10, 5, merges)
    table = pl.DataFrame(
        {
            "ward": ["A", "B", "C", None],
            "unit": ["x", "y", "other", "z"],
            "payer": ["p", "other", None, "z"],
            "kind": ["k", "k", None, "z"],
        }
    )
    assert fitted.transform(table).tolist() == [
        [0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1],
        [0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1],
        [0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1],
        [0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0],
    ]
    assert Preprocessor.from_json(fitted.to_json()) == fitted


@pytest.mark.parametrize(
    "merged",
    [
        [["ward", [["A", "A"]]]],
        [["ward", [["A", "B"], ["B", "C"]]]],
        [["ward", [["A", None]]]],
        [["ward", [["A", "D"]]]],
        [["ward", []]],
        [["unit", [["A", "B"]]]],
        [["ward", ["A"]]],
        {"ward": {"A": "B"}},
    ],
)
def test_a_document_that_merges_what_cannot_be_merged_is_refused(merged: object) -> None:
    document = json.loads(Preprocessor((column("A", "B", "C"),), (), (), 10, 5).to_json())
    with pytest.raises(DataError, match="not a preprocessing document"):
        Preprocessor.from_json(json.dumps(document | {"merged": merged}))


def test_categories_are_counted_over_training_rows_and_missing_ones_are_not() -> None:
    table = pl.DataFrame({"ward": ["A", "B", None, "A", "B"]})
    split = np.array([0, 0, 0, 2, 1], dtype=np.uint8)
    found = local_statistics(table, np.zeros(5, np.int8), split, [column("A", "B")])
    assert found["categories"].tolist() == [1, 1]


def test_many_merged_categories_are_said_in_one_sentence_with_what_to_do() -> None:
    assert merged_words({"C": "B", "D": "B"}) == "too few patients have 'C', 'D': each counts as 'B'"
    assert merged_words({"C": None}) == "too few patients have 'C': counts as missing"
    said = merged_words({f"C{k:03d}": "other" for k in range(160)})
    assert "160 of its categories ('C000', " in said
    assert "'C008'" not in said
    assert "broader categories" in said


@pytest.mark.parametrize("repeated", [1, 2000])
@pytest.mark.parametrize("missing", [None, "B"])
def test_codes_are_places_whether_rows_are_few_or_many(repeated: int, missing: str | None) -> None:
    series = pl.Series(["A", None, "B", "C", "no such", "other"] * repeated, dtype=pl.String)
    found = codes(series, ("A", "B", "C", "other"), {"C": "A", "other": "B"}, missing)
    assert found.dtype == np.int64
    assert found.tolist() == [0, 4 if missing is None else 1, 1, 0, 1, 1] * repeated
    found = codes(series.set(series == "other", None), ("A", "B", "C"), {}, missing)
    assert found.tolist() == [0, 3 if missing is None else 1, 1, 2, -1, 3 if missing is None else 1] * repeated
