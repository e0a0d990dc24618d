from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from cipherward.data.partition import TEST, TRAIN, VALIDATION, buckets, split_patients
from cipherward.data.values import Names, names_of


def test_the_bucket_is_the_published_rule() -> None:
    digest = hashlib.sha256(b"diabetes130-split-v1:8222157").digest()
    assert buckets(["8222157"], "diabetes130-split-v1")[0] == int.from_bytes(digest[:4], "big") % 10_000


@given(st.lists(st.text(max_size=5), max_size=40), st.text(max_size=5))
def test_rows_of_one_patient_are_on_one_side_wherever_they_stand(patients: list[str], salt: str) -> None:
    def sides(names: list[str]) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
        found = pl.Series(names, dtype=pl.String).unique().sort()
        places = np.array([found.to_list().index(name) for name in names], dtype=np.int64)
        return split_patients(Names(found, places), salt=salt, test_fraction=0.3, validation_fraction=0.3)

    once = sides(patients)
    assert once.dtype == np.uint8
    assert sides(patients[::-1])[::-1].tolist() == once.tolist()
    expected = [TEST if b < 3000 else VALIDATION if b < 6000 else TRAIN for b in buckets(patients, salt)]
    assert once.tolist() == expected


def test_fractions_are_kept_and_their_binary_rounding_moves_no_patient() -> None:
    patients = names_of(pl.Series(range(20_000)))
    sides = split_patients(patients, salt="s", test_fraction=0.2, validation_fraction=0.1)
    shares = np.bincount(sides, minlength=3) / 20_000
    assert np.allclose(shares, [0.7, 0.1, 0.2], atol=0.01)
    # 0.2 + 0.1 is a little more than 0.3 in binary; bucket 3000 must still train
    edge = int(np.flatnonzero(buckets([str(number) for number in range(100_000)], "s") == 3000)[0])
    assert split_patients(names_of(pl.Series([edge])), salt="s", test_fraction=0.2, validation_fraction=0.1)[0] == TRAIN
