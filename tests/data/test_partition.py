from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from cipherward.data.partition import TEST, TRAIN, VALIDATION, bucket, split_patients


def test_the_bucket_is_the_published_rule() -> None:
    digest = hashlib.sha256(b"diabetes130-split-v1:8222157").digest()
    assert bucket("8222157", "diabetes130-split-v1") == int.from_bytes(digest[:4], "big") % 10_000


@given(st.lists(st.text(max_size=5), max_size=40), st.text(max_size=5))
def test_rows_of_one_patient_are_on_one_side_wherever_they_stand(patients: list[str], salt: str) -> None:
    def sides(names: list[str]) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
        series = pl.Series(names, dtype=pl.String)
        return split_patients(series, salt=salt, test_fraction=0.3, validation_fraction=0.3)

    once = sides(patients)
    assert once.dtype == np.uint8
    assert sides(patients[::-1])[::-1].tolist() == once.tolist()
    expected = [TEST if b < 3000 else VALIDATION if b < 6000 else TRAIN for b in (bucket(p, salt) for p in patients)]
    assert once.tolist() == expected


def test_fractions_are_kept_and_their_binary_rounding_moves_no_patient() -> None:
    patients = pl.Series([str(number) for number in range(20_000)])
    sides = split_patients(patients, salt="s", test_fraction=0.2, validation_fraction=0.1)
    shares = np.bincount(sides, minlength=3) / len(patients)
    assert np.allclose(shares, [0.7, 0.1, 0.2], atol=0.01)
    # 0.2 + 0.1 is a little more than 0.3 in binary; bucket 3000 must still train
    edge = next(str(number) for number in range(10**6) if bucket(str(number), "s") == 3000)
    assert split_patients(pl.Series([edge]), salt="s", test_fraction=0.2, validation_fraction=0.1)[0] == TRAIN
