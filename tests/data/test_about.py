from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import pytest

from cipherward.data.about import findings
from cipherward.data.preprocess import fit, is_too_wide, local_statistics
from cipherward.data.sources import load_hospitals
from cipherward.errors import DataError
from cipherward.study import Column, Study

Make = Callable[..., Study]
N = 200
NAMES = ("north", "south", "west")


def said(values: list[Any], outcome: list[int] | None = None, **more: Any) -> list[str]:
    rng = np.random.default_rng(5)
    labels = np.array(outcome if outcome is not None else rng.integers(0, 2, len(values)), dtype=np.int8)
    kind: Literal["numeric", "categorical"] = "categorical" if "categories" in more else "numeric"
    column = Column(
        name=more.pop("name", "x"),
        kind=kind,
        **({"minimum": -1e6, "maximum": 1e6} | more if kind == "numeric" else more),
    )
    dtype = pl.Float64 if kind == "numeric" else pl.String
    table = pl.DataFrame({column.name: pl.Series(values, dtype=dtype)})
    split = np.arange(len(values), dtype=np.uint8) % 3
    return [finding.text for finding in findings(table, labels, split, None, [column])]


def test_a_column_without_news_is_named() -> None:
    assert "no value in any row" in said([None] * N)[0]
    assert "same value in every row" in said([3.0] * N)[0]
    assert "'other' in every row" in said(["other"] * N, categories=("a", "other"))[0]
    assert said(list(np.random.default_rng(1).normal(size=N))) == []


def test_a_missing_value_is_told_from_others_and_counts_as_the_lowest() -> None:
    rng, outcome = np.random.default_rng(2), [k % 2 for k in range(N)]
    values = rng.normal(size=N).tolist()
    told = "alone tells the outcome without error"
    assert told in said([None if each else value for each, value in zip(outcome, values, strict=True)], outcome)[0]
    wards = [None if each else "ab"[k // 2 % 2] for k, each in enumerate(outcome)]
    assert told in said(wards, outcome, categories=("a", "b"))[0]
    units = [f"{k % 40}" for k in range(N)]  # too many for so few rows to say what each tells
    assert (
        told
        in said(
            [None if each else unit for each, unit in zip(outcome, units, strict=True)],
            outcome,
            categories=tuple(sorted(set(units))),
        )[0]
    )
    some_lack_it = [
        9.0 + value if each else None if k % 4 else value
        for k, (each, value) in enumerate(zip(outcome, values, strict=True))
    ]
    assert told in said(some_lack_it, outcome)[0]


def test_a_column_with_a_long_tail_is_named_with_what_suits_it() -> None:
    rng = np.random.default_rng(1)
    skewed = list(np.exp(2.0 * rng.normal(size=N)))
    assert 'transform = "log1p"' in said(skewed, minimum=0.0)[0]
    assert said(skewed, minimum=0.0, transform="log1p") == []
    assert "another unit" in said(skewed, minimum=-1.0)[0], "a logarithm is of a range from 0 on"
    assert said(skewed[:49], minimum=0.0) == [], "of fewer rows nothing is said"
    weights = [*rng.normal(80.0, 15.0, N - 4), *[80_000.0] * 4]
    assert "another unit" in said(weights, minimum=0.0)[0]
    assert said(weights, minimum=0.0, maximum=200.0) == []
    assert "another unit" in said(list(rng.standard_cauchy(10 * N)))[0]
    # few have one at all; and what is skewed only a little
    assert said([0.0] * (N - 3) + [7.0] * 3, minimum=0.0) == []
    assert said(list(rng.exponential(size=N)), minimum=0.0) == []


def test_a_few_outcomes_far_from_the_rest_are_named() -> None:
    rng = np.random.default_rng(2)
    x = pl.DataFrame({"x": rng.normal(size=N)})
    column, split = Column(name="x", kind="numeric", minimum=-9, maximum=9), np.arange(N, dtype=np.uint8) % 3
    outcome = rng.normal(50.0, 5.0, N)
    assert not findings(x, outcome, split, None, [column])
    outcome[:4] += 1_000.0
    assert "a few outcomes lie far" in findings(x, outcome, split, None, [column])[0].text


def test_a_column_that_is_the_outcome_is_named_in_every_disguise() -> None:
    outcome = [int(i % 3 == 0) for i in range(N)]
    assert "alone tells the outcome without error" in said([float(y) for y in outcome], outcome)[0]
    assert "alone tells the outcome without error" in said([-5.0 * y for y in outcome], outcome)[0]
    assert (
        "alone tells the outcome without error" in said(["ab"[y] for y in outcome], outcome, categories=("a", "b"))[0]
    )
    assert (
        "alone tells the outcome without error"
        in said([float(i % 7) if y else None for i, y in enumerate(outcome)], outcome)[0]
    )


def test_an_id_among_the_inputs_is_named() -> None:
    shuffled = np.random.default_rng(2).permutation(N)
    assert "looks like an id" in said([float(i) for i in shuffled])[0]
    assert "looks like an id" in said([float(1_000 * i + 7) for i in shuffled], name="patient_id")[0]
    assert "looks like an id" in said([f"c{i}" for i in range(N)], categories=("c1", "other"))[0]


def test_an_id_for_many_patients_and_rows_that_were_exported_twice_are_said() -> None:
    column = Column(name="x", kind="numeric", minimum=0, maximum=1)
    split = np.arange(N, dtype=np.uint8) % 3
    outcome = (np.arange(N) % 7 == 0).astype(np.int8)

    def about(values: Any, patients: Any) -> list[str]:
        table = pl.DataFrame({"x": values})
        return [one.text for one in findings(table, outcome, split, np.asarray(patients, np.uint32), [column])]

    values = np.random.default_rng(4).random(N)
    assert about(values, range(N)) == []
    assert about(values, [max(i - 20, 0) for i in range(N)]) == [
        "one patient id stands in 21 of 200 rows: is it a code for unknown? All of these rows count as one patient"
    ]
    twice = np.concatenate([values[: N // 2]] * 2)
    outcome = np.concatenate([outcome[: N // 2]] * 2)
    assert about(twice, [i % (N // 2) for i in range(N)]) == [
        "100 rows equal another row of the same patient in everything: exported twice?"
    ]
    assert about(twice, range(N)) == []


def test_a_range_that_hides_its_values_is_named_and_a_generous_one_keeps_them_apart() -> None:
    values = np.exp(np.random.default_rng(3).normal(1.0, 0.8, N))
    too_wide = Column(name="x", kind="numeric", minimum=0, maximum=1e18)
    assert is_too_wide(values, too_wide)
    assert "declared range is so wide" in said(list(values), minimum=0, maximum=1e18)[0]
    generous = Column(name="x", kind="numeric", minimum=0, maximum=1e9)
    assert not is_too_wide(values, generous)
    table = pl.DataFrame({"x": values})
    sums = local_statistics(table, np.zeros(N, np.int8), np.zeros(N, np.uint8), [generous])
    assert fit([generous], sums).transform(table)[:, 0].std() == pytest.approx(1.0, abs=0.05)


def write(folder: Path, good_table: pl.DataFrame, **columns: pl.Expr) -> None:
    rng = np.random.default_rng(8)
    for name in NAMES:
        ages = [f"{age:.1f}" for age in rng.normal(60, 9, 60)]
        good_table.with_columns(pl.Series("age", ages), **columns).write_csv(folder / f"{name}.csv")


def test_a_near_perfect_column_is_refused_until_the_study_confirms_it(
    make_study: Make, good_table: pl.DataFrame, tmp_path: Path
) -> None:
    write(
        tmp_path,
        good_table,
        ward=pl.when(pl.col("readmitted") == "1").then(pl.lit("surgical")).otherwise(pl.lit("medical")),
    )
    with pytest.raises(DataError, match=r"'ward' alone tells the outcome without error.*data\.confirmed_columns"):
        load_hospitals(make_study(), None, tmp_path)
    confirmed = load_hospitals(make_study(confirmed_columns=["ward"]), None, tmp_path)
    assert all(
        any("alone tells the outcome without error" in finding.text for finding in data.about) for data in confirmed
    )


def test_the_same_rows_at_two_hospitals_are_said(make_study: Make, good_table: pl.DataFrame, tmp_path: Path) -> None:
    write(tmp_path, good_table)
    (tmp_path / "west.csv").write_bytes((tmp_path / "north.csv").read_bytes())
    about = {
        data.name: [finding.text for finding in data.about] for data in load_hospitals(make_study(), None, tmp_path)
    }
    assert any("exactly those of north" in text for text in about["west"])
    assert not any("exactly" in text for text in about["south"])


def test_rows_of_no_hospital_of_the_study_are_counted(
    make_study: Make, good_table: pl.DataFrame, tmp_path: Path
) -> None:
    together = pl.concat([good_table.with_columns(site=pl.lit(name)) for name in (*NAMES, "elsewhere")])
    together.write_csv(tmp_path / "all.csv")
    study = make_study(hospitals=[{"name": name} for name in NAMES], path="all.csv", hospital_column="site")
    about = [finding.text for data in load_hospitals(study, None, tmp_path) for finding in data.about]
    assert [text for text in about if "60 row(s)" in text and "no hospital of this study" in text]


def test_a_delta_of_one_over_the_training_rows_is_refused(
    make_study: Make, good_table: pl.DataFrame, tmp_path: Path
) -> None:
    write(tmp_path, good_table)
    for delta, refused in ((0.05, True), (1e-3, False)):
        privacy = {"unit": "record", "epsilon": 2.0, "delta": delta, "clipping_norm": 1.0}
        study = make_study().with_overrides(privacy=privacy)
        if refused:
            with pytest.raises(DataError, match=r"north .*privacy\.delta 0\.05 is not below 1 / \d+ training rows"):
                load_hospitals(study, None, tmp_path)
        else:
            assert len(load_hospitals(study, None, tmp_path)) == 3


def test_a_negative_outcome_that_differs_between_hospitals_is_refused(
    make_study: Make, good_table: pl.DataFrame, tmp_path: Path
) -> None:
    for name, no in zip(NAMES, ("no", "no", "nein"), strict=True):
        good_table.with_columns(pl.col("readmitted").replace({"1": "yes", "0": no})).write_csv(tmp_path / f"{name}.csv")
    with pytest.raises(DataError, match="'nein' at west"):
        load_hospitals(make_study(positive="yes"), None, tmp_path)


def test_a_folder_that_is_not_there_is_called_so(make_study: Make, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file or folder"):
        load_hospitals(make_study(), tmp_path / "nowhere", tmp_path)


def test_a_fingerprint_sees_every_change_of_the_rows_and_nothing_without_its_key(
    make_study: Make, good_table: pl.DataFrame, tmp_path: Path
) -> None:
    def marked(table: pl.DataFrame, key: bytes = b"key") -> bytes:
        write(tmp_path, good_table)
        table.write_csv(tmp_path / "south.csv")
        return load_hospitals(make_study(), None, tmp_path)[1].fingerprint(key)

    first = marked(good_table)
    assert first == marked(good_table.with_columns(note=pl.lit("not read")))
    turned = good_table["readmitted"].to_list()
    turned[7] = "1"
    wards = ["", *good_table["ward"].to_list()[1:]]
    others = [
        good_table.head(59),
        good_table.reverse(),
        good_table.with_columns(pl.Series("readmitted", turned)),
        good_table.with_columns(pl.Series("ward", wards)),
        good_table.with_columns(patient=pl.lit("q") + pl.col("patient")),
    ]
    assert len({first, *map(marked, others)}) == 6
    assert marked(good_table, b"another key") != first
