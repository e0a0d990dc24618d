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


def trained(name: str, first_range: float, rate: float = 0.5) -> Study:
    return document(
        4,
        name=name,
        training={"rounds": 1, "batch_size": 32, "learning_rate": rate},
        aggregation={"range_initial": first_range},
    )


def test_a_review_names_an_earlier_study_of_the_same_first_model_with_other_ranges_or_steps(large: Consortium) -> None:
    large.start(trained("wide", 0.25))
    assert "From this study on, updates are weighed by the class of the hospital's rows in all studies" in reviewed(
        large
    )
    large.approve()
    large.pump()
    assert large.status()["phase"] == "finished"
    large.start(trained("again", 0.25))
    assert "trained from the same first model" not in reviewed(large)
    assert "From this study on" not in reviewed(large)
    large.approve()
    large.pump()
    large.start(trained("other", 0.25, rate=0.25))
    assert "'wide' trained from the same first model with other training.learning_rate. The difference" in reviewed(
        large
    )
    assert "This study can be approved" in reviewed(large)


def test_where_this_hospitals_update_was_cut_another_study_of_the_same_first_model_cannot_be_approved(
    large: Consortium,
) -> None:
    large.start(trained("narrow", 0.001))
    large.approve()
    large.pump()
    assert large.status()["phase"] == "finished"
    large.start(trained("wide", 0.25))
    said = "'narrow' trained from the same first model with other aggregation.range_initial; this hospital's update was cut then"
    assert said in reviewed(large)
    with pytest.raises(RefusedError, match="update was cut then") as caught:
        approvals.approve(large.hospital("clinic-1"), offered(large), "Dr Example", Agreement.YES)
    assert "train as the earlier study did" in caught.value.hint


def test_a_study_about_rows_that_too_few_have_says_so_to_the_coordinators_people(four: Consortium) -> None:
    four.begin(document(4, singled_out="never"))
    four.pump()
    assert four.status()["sums_opened"] < 2
    assert "have enough rows for this question (rule 1)" in four.status()["last_error"]
