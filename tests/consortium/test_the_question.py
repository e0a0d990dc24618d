"""Every approval answers whether this hospital may be singled out, and a study over a deployment keeps to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.consortium.consortium import Consortium, document

from cipherward.consortium.approval import approvals, singling_out
from cipherward.disclosure.standing import Agreement
from cipherward.errors import RefusedError, StudyError
from cipherward.parties import decisions


@pytest.fixture
def four(tmp_path: Path) -> Iterator[Consortium]:
    made = Consortium(tmp_path, 4, rows=300)
    yield made
    made.close()


def offered(four: Consortium, name: str) -> approvals.OfferedStudy:
    return approvals.whole_offers(four.hospital(name))[0][-1]


def test_a_no_without_a_block_is_refused_and_a_yes_is_signed(four: Consortium) -> None:
    four.start(document(4))
    mine = offered(four, "clinic-1")
    with pytest.raises(RefusedError, match="lists no block for this hospital"):
        approvals.approve(four.hospital("clinic-1"), mine, "Dr Example", Agreement.NO)
    data = approvals.approve(four.hospital("clinic-1"), mine, "Dr Example", Agreement.YES)
    assert decisions.approval_of(data, mine.study)[1].answer is Agreement.YES


def test_the_question_names_block_and_price_in_plain_words(four: Consortium) -> None:
    four.start(document(4, singled_out="never"))
    words = singling_out.words(offered(four, "clinic-2"))
    assert "clinic-1, clinic-3, clinic-4" in words
    for said in ("MAY THIS HOSPITAL BE SINGLED OUT", "never back", "a sum waits for it", "what was opened before"):
        assert said in words


def test_where_nobody_agreed_a_study_waits_for_a_hospital_and_says_why(four: Consortium) -> None:
    four.start(document(4, singled_out="never"), begin_after=0.0)
    four.approve(*four.names[:3])
    four.pump()
    four.now += 10_000.0
    four.pump()
    study = four.status()
    assert study["sums_opened"] == 0
    assert study["needed"] == ["clinic-4"]
    four.approve("clinic-4")
    four.pump()
    assert four.status()["phase"] == "finished"


def test_a_second_study_without_a_hospital_of_the_block_is_not_started(four: Consortium) -> None:
    four.start(document(4, singled_out="never"))
    four.approve()
    four.pump()
    with pytest.raises(StudyError, match="together with clinic-4, which this study does not list"):
        four.start(document(3, name="second", singled_out="never"))
    four.start(document(4, name="third", singled_out="never"))
