"""What a review says of few rows and other grids, and that neither can be approved away."""

from __future__ import annotations

from typing import Any

import pytest
from tests import simulator
from tests.consortium.consortium import Consortium, document

from cipherward.consortium.approval import approvals, review, review_text
from cipherward.disclosure.standing import Agreement
from cipherward.errors import RefusedError
from cipherward.study import Study


def ages_up_to(maximum: float, **more: Any) -> Study:
    columns = simulator.document(4)["columns"]
    columns[0]["maximum"] = maximum
    return document(4, columns=columns, task="describe", **more)


def offered(four: Consortium) -> approvals.OfferedStudy:
    return approvals.whole_offers(four.hospital("clinic-1"))[0][-1]


def reviewed(four: Consortium) -> str:
    found = review.review(four.hospital("clinic-1"), offered(four))
    return " ".join(review_text.to_text(found).split())


def test_a_review_names_the_groups_of_rows_that_are_few_here(four: Consortium) -> None:
    four.start(document(4))
    assert "Too few rows here (cell_min in policy.toml) of these: " in reviewed(four)
    assert "validation rows" in reviewed(four)


def test_a_review_of_enough_rows_says_nothing_of_few(large: Consortium) -> None:
    large.start(document(4))
    assert "Too few rows here" not in reviewed(large)


def test_another_grid_of_a_column_cannot_be_approved_and_the_first_one_can(large: Consortium) -> None:
    large.start(ages_up_to(8.0))
    large.approve()
    large.pump()
    assert large.status()["phase"] == "finished"
    large.start(ages_up_to(2.0, name="second"))
    assert "column 'age' was counted before with maximum 8.0, and now with 2.0 (one_grid)" in reviewed(large)
    home = large.hospital("clinic-1")
    with pytest.raises(RefusedError, match="was counted before with maximum 8") as caught:
        approvals.approve(home, offered(large), "Dr Example", Agreement.YES)
    assert "use the column as it was used before" in caught.value.hint
    home.policy_file.write_text(home.policy_file.read_text().replace("one_grid = true", "one_grid = false"))
    assert "counted before" not in reviewed(large)
    approvals.approve(home, offered(large), "Dr Example", Agreement.YES)


def test_a_study_about_rows_that_too_few_have_says_so_to_the_coordinators_people(four: Consortium) -> None:
    four.start(document(4, singled_out="never"))
    four.approve()
    four.pump()
    assert four.status()["sums_opened"] < 2
    assert "have enough rows for this question (rule 1)" in four.status()["last_error"]
