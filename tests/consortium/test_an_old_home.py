"""A hospital's home that was restored from an old copy alarms, contributes nothing twice, and is told the way out."""

from __future__ import annotations

import shutil

import pytest
from tests import simulator
from tests.consortium.consortium import Consortium, document
from tests.consortium.test_what_keeps_a_hospital_out import ME

from cipherward.consortium.homes.alarms import Alarms
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.service.hospital_desk import HospitalDesk


def copy_home(four: Consortium) -> None:
    """As a backup that takes all of it, which nobody should make."""
    four.desks[ME].close()
    shutil.copytree(four.folder / ME, four.folder / "old")
    four.desks[ME] = HospitalDesk(HospitalHome(four.folder / ME))


def run_until(four: Consortium, sums: int) -> None:
    while four.desks[ME].status()[0]["sums_verified"] < sums:
        if not four.queue:
            four.poll()
        four.step()


@pytest.mark.parametrize(
    "of", [pytest.param("before the offer", marks=pytest.mark.thorough), "before the approval", "after one sum"]
)
def test_an_old_home_alarms_with_the_way_out_and_the_others_go_on(four: Consortium, of: str) -> None:
    if of == "before the offer":
        copy_home(four)
    four.start(document(4, training={"rounds": 4}, aggregation={"deadline_seconds": 1.0}), begin_after=0.0)
    if of == "before the approval":
        copy_home(four)
    four.approve()
    if of == "after one sum":
        run_until(four, 1)
        copy_home(four)
    run_until(four, 3)
    four.desks[ME].close()
    shutil.rmtree(four.folder / ME)
    shutil.copytree(four.folder / "old", four.folder / ME)
    four.desks[ME] = HospitalDesk(HospitalHome(four.folder / ME))
    for _ in range(6):
        four.pump()
        four.now += 10.0
    assert four.status()["phase"] == "finished"
    (folder,) = four.home.study_folders()
    assert simulator.contributors(folder)[3:] == [[1, 2, 3]] * 3
    hints = [alarm.hint for alarm in Alarms(four.hospital(ME).path).all()]
    assert hints
    for hint in hints:
        assert "bring the current one back; where there is none" in hint
    four.start(document(4, name="another"))
    four.pump()
    four.approve()
    four.pump()
    assert (four.status()["study"], four.status()["phase"]) == ("another", "finished")
    assert simulator.contributors(four.home.study_folders()[-1])[0] == [1, 2, 3, 4]
