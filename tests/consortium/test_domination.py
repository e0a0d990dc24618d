"""A hospital may refuse a block of which it is more than half, before the first sum, from what approvals declare."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import simulator
from tests.consortium.consortium import Consortium, document

from cipherward.consortium.approval import approvals, review, review_text
from cipherward.errors import RefusedError

ME = "clinic-4"


@pytest.fixture
def uneven(tmp_path: Path) -> Iterator[Consortium]:
    """clinic-4 has about sixteen times the patients of each of the others."""
    made = Consortium(tmp_path, 4, rows=300, own_split=True)
    large = simulator.write_tables(tmp_path / "large", 4, rows=5_000)
    (large / f"{ME}.csv").replace(tmp_path / "tables" / f"{ME}.csv")
    yield made
    made.close()


def say(four: Consortium, answer: str) -> None:
    policy = four.hospital(ME).policy_file
    policy.write_text(policy.read_text().replace("may_dominate = true", f"may_dominate = {answer}"))


def reviewed(four: Consortium) -> str:
    home = four.hospital(ME)
    return " ".join(review_text.to_text(review.review(home, approvals.whole_offers(home)[0][-1])).split())


@pytest.mark.parametrize("answer", ["true", "false"])
def test_who_would_dominate_its_block_takes_part_only_where_its_policy_lets_it(uneven: Consortium, answer: str) -> None:
    say(uneven, answer)
    folder = uneven.start(document(4, singled_out="never", training={"rounds": 1}))
    assert f"may_dominate = {answer}" in reviewed(uneven)
    uneven.approve()
    uneven.pump()
    if answer == "true":
        assert uneven.status()["phase"] == "finished"
        assert simulator.holds(folder)
        return
    assert uneven.status()["sums_opened"] == 0
    assert uneven.status()["refused"] == {ME: ["may_dominate"]}
    own = uneven.desks[ME].status()[0]
    assert "dominates its block: about 4,096 patients, the 3 others together about 768" in own["why_not"]
    assert own["sizes"] == {"clinic-1": 256, "clinic-2": 256, "clinic-3": 256, ME: 4096}
    assert "clinic-1 about 256, clinic-2 about 256, clinic-3 about 256, clinic-4 about 4,096" in reviewed(uneven)


def test_people_may_change_their_policy_and_the_study_goes_on(uneven: Consortium) -> None:
    say(uneven, "false")
    uneven.start(document(4, singled_out="never", training={"rounds": 1}))
    uneven.approve()
    uneven.pump()
    study = uneven.desks[ME]._studies  # as a running service has it
    with pytest.raises(RefusedError, match="dominates its block"):
        next(iter(study.values())).check()
    policy = uneven.hospital(ME).policy_file
    policy.write_text(policy.read_text().replace("may_dominate = false", "may_dominate = true"))
    uneven.now += 100_000
    uneven.pump()
    assert uneven.status()["refused"] == {}


def test_equal_hospitals_dominate_nobody(large: Consortium) -> None:
    say(large, "false")
    large.start(document(4, singled_out="never", training={"rounds": 1}))
    large.approve()
    large.pump()
    assert large.status()["phase"] == "finished"
