"""A table that changes while a study runs is noticed, also over a restart; the study goes on without that hospital."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests import simulator
from tests.consortium.consortium import Consortium, document
from tests.consortium.test_what_keeps_a_hospital_out import ME, change, shown, table_of


def more_rows(text: str) -> str:
    return text + "".join(text.splitlines(keepends=True)[1:6])


def another_name(text: str) -> str:
    return text.replace("dose", "amount", 1)


def half_of_the_rows(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(lines[: len(lines) // 2])


def another_value(text: str) -> str:
    head, first, *rest = text.splitlines(keepends=True)
    return "".join([head, "0.1234" + first[first.index(",") :], *rest])


def run_until_the_first_sum(four: Consortium) -> None:
    """Everybody takes part, and `ME` has verified the first sum."""
    four.begin(document(4, training={"rounds": 2}, aggregation={"deadline_seconds": 1.0}), begin_after=0.0)
    while not four.desks[ME].status()[0]["sums_verified"]:
        if not four.queue:
            four.poll()
        four.step()


def finish(four: Consortium) -> None:
    for _ in range(10):
        four.pump()
        four.now += 10.0


@pytest.mark.parametrize(
    ("changed", "restarted"),
    [
        pytest.param(another_name, False, id="another name, running"),
        pytest.param(another_name, True, id="another name, restarted", marks=pytest.mark.thorough),
        pytest.param(half_of_the_rows, False, id="half of the rows, running", marks=pytest.mark.thorough),
        pytest.param(half_of_the_rows, True, id="half of the rows, restarted"),
        pytest.param(another_value, False, id="another value, running"),
        pytest.param(another_value, True, id="another value, restarted", marks=pytest.mark.thorough),
    ],
)
def test_a_change_is_noticed_and_said_and_the_study_goes_on_without_this_hospital(
    four: Consortium, changed: Callable[[str], str], restarted: bool
) -> None:
    run_until_the_first_sum(four)
    change(table_of(four), changed(table_of(four).read_text()))
    if restarted:
        four.restart_hospital(ME)
    finish(four)
    assert four.status()["phase"] == "finished"
    (folder,) = four.home.study_folders()
    took_part = simulator.contributors(folder)
    assert took_part[0] == [1, 2, 3, 4]
    assert all(len(who) == 3 and 4 not in who for who in took_part[2:]), took_part
    assert four.status()["refused"] == {ME: ["data"]}
    assert "data: its table cannot be read, or does not fit the study" in shown(four)
    said = [alarm for alarm in four.hospital(ME).alarms() if alarm["event"] == "table cannot be used"]
    assert said, four.alarms(ME)
    assert said[-1]["hint"]
    missing, other = (
        "column 'dose', which an earlier study read, is missing",
        "is not the one that this study was begun with",
    )
    assert (missing if changed is another_name else other) in said[-1]["reason"]


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
def test_new_rows_wait_for_the_next_refresh_and_the_study_goes_on_with_those_that_it_began_with(
    four: Consortium, restarted: bool
) -> None:
    run_until_the_first_sum(four)
    change(table_of(four), more_rows(table_of(four).read_text()))
    if restarted:
        four.restart_hospital(ME)
    finish(four)
    assert (four.status()["phase"], four.status()["refused"]) == ("finished", {})
    (folder,) = four.home.study_folders()
    assert simulator.contributors(folder)[-1] == [1, 2, 3, 4]
    assert four.alarms(ME) == []


@pytest.mark.parametrize("restarted", [False, True], ids=["running", "restarted"])
def test_the_earlier_table_put_back_lets_the_hospital_take_part_again(four: Consortium, restarted: bool) -> None:
    run_until_the_first_sum(four)
    good = table_of(four).read_text()
    change(table_of(four), another_value(good))
    four.poll()
    assert four.desks[ME].status()[0]["phase"] == "refused"
    change(table_of(four), good)
    if restarted:
        four.restart_hospital(ME)
    finish(four)
    assert (four.status()["phase"], four.status()["refused"]) == ("finished", {})
    (folder,) = four.home.study_folders()
    assert simulator.contributors(folder)[-1] == [1, 2, 3, 4]
