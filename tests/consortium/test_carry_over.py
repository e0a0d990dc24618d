"""Constants that an earlier study opened are used again: by hospitals that verified that opening, bit for bit, with its date."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import simulator
from tests.consortium.consortium import NOW, Consortium, document, sign

from cipherward import study as study_document
from cipherward.consortium.approval import approvals, review, review_text
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.service import letters, offering
from cipherward.consortium.service.letters import Begun
from cipherward.crypto import wire
from cipherward.errors import RefusedError, StudyError
from cipherward.parties import days, decisions
from cipherward.parties.inventories import Shown
from cipherward.report import deployed
from cipherward.runs import carry_over
from cipherward.study import Study

ME = "clinic-1"
NOISE = {"enabled": True, "epsilon": 6.0, "delta": 1e-5}
DAY = datetime.datetime.fromtimestamp(NOW, datetime.UTC).date()


@pytest.fixture(scope="module", autouse=True)
def at_the_time_of_the_coordinators_clock() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(days, "today", lambda: int(NOW // 86_400))
        yield


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Consortium:
    """Six hospitals, of which the first four have opened constants together; closed."""
    made = Consortium(tmp_path_factory.mktemp("earlier"), 6)
    made.start(document(4, name="earlier", training={"rounds": 1, "learning_rate": 0.5}, noise=NOISE))
    made.approve(*made.names[:4])
    made.pump()
    assert made.status()["phase"] == "finished"
    made.close()
    return made


@pytest.fixture
def six(earlier: Consortium, tmp_path: Path) -> Iterator[Consortium]:
    made = earlier.copied(tmp_path)
    yield made
    made.close()


def later(six: Consortium, *numbers: int, **sections: Any) -> Study:
    """A study of these hospitals that carries the constants over."""
    hospitals = [{"name": f"clinic-{number}"} for number in numbers]
    wanted = {"study": first_of(six).name}
    named = {"name": "later", "noise": NOISE, "carry_over": wanted, "training": {"rounds": 1, "learning_rate": 0.5}}
    made = simulator.document(len(numbers), **({"singled_out": "all"} | named | sections | {"hospitals": hospitals}))
    return study_document.parse(made, origin="tests")


def first_of(six: Consortium) -> Path:
    return offering.find(six.home, "earlier")


def approve(six: Consortium, *numbers: int) -> None:
    six.approve(*(f"clinic-{number}" for number in numbers))


def offer(six: Consortium, study: Study, name: str = ME) -> approvals.OfferedStudy:
    """This very document is offered to one hospital."""
    return approvals.keep_offer(six.hospital(name), study.to_toml().encode(), b"")


def frozen(home: CoordinatorHome, study: Study) -> Study:
    return offering.freeze(offering._carrying(home, study), home.members, home.coordinator_key)


def test_constants_are_used_again_without_a_sum_or_a_charge_and_everybody_says_so(six: Consortium) -> None:
    charges = {name: len(six.desks[name]._ledger.charges()) for name in six.names}
    assert charges[ME] == 1
    folder = six.start(later(six, 1, 2, 3, 5))
    home = six.hospital(ME)
    text = " ".join(review_text.to_text(review.review(home, approvals.whole_offers(home)[0][-1])).split())
    assert f"opened on {DAY}, are used again" in text
    assert "This hospital has: the constants follow from its own files." in text
    newcomer = six.hospital("clinic-5")
    text = " ".join(review_text.to_text(review.review(newcomer, approvals.whole_offers(newcomer)[0][-1])).split())
    assert "This hospital has not: it relies on those that have." in text
    approve(six, 1, 2, 3, 5)
    six.pump()
    assert six.status()["phase"] == "finished", six.status()
    assert (six.status()["sums_opened"], six.status()["sums_planned"]) == (2, 2)
    assert {name: len(six.desks[name]._ledger.charges()) for name in six.names} == charges
    scaling = carry_over.opened_in(first_of(six)).constants
    last = simulator.replayed(folder).model
    assert last is not None
    assert last.scaling == scaling
    stated = json.loads((folder / "result.json").read_text())["carried_over"]
    assert stated == {
        "study": first_of(six).name,
        "opening": carry_over.opened_in(first_of(six)).manifest.hex(),
        "date": str(DAY),
    }
    line = simulator.lines_of(folder)[0]
    assert line.holds
    assert "clinic-1, clinic-2, clinic-3 verified that opening themselves (3 of the hospitals had to)" in line.detail
    assert str(DAY) in line.detail
    assert simulator.holds(folder)
    assert simulator.holds(home.model_folder("later", bytes.fromhex(folder.name)))
    deployed.write(folder)
    assert "Carried over: constants of the study" in (folder / "report.html").read_text("utf-8")
    assert all(six.alarms(name) == [] for name in six.names)


def test_fewer_than_the_threshold_are_not_enough_for_the_coordinator_or_for_a_hospital(six: Consortium) -> None:
    six.start(later(six, 1, 2, 5, 6))
    approve(six, 1, 2, 5, 6)
    study = approvals.whole_offers(six.hospital(ME))[0][-1]
    said = tuple(approvals.whole_offers(six.hospital(f"clinic-{n}"))[0][-1].inventory for n in (1, 2, 5, 6))
    letter = letters.seal(six.home.identity, ME, study.digest, Begun(wire.encode(Shown(said))), from_coordinator=True)
    assert six.desks[ME].receive(letter) == []
    assert any("only 2 of the hospitals" in reason for reason in six.alarms(ME))
    six.pump()
    assert six.status()["phase"] == "failed"
    assert "only 2 of the hospitals with which the study 'later' begins have verified" in six.status()["reason"]
    assert six.status()["sums_opened"] == 0


def test_changed_constants_are_refused_by_whoever_verified_them(six: Consortium) -> None:
    real = frozen(six.home, later(six, 1, 2, 3, 5))
    assert real.carry_over is not None
    constants = json.loads(real.carry_over.constants)
    for name, value in (("mean", [0.5, 0.5]), ("n_rows", 10_000), ("stddev", [1e-3, 1.0])):
        text = json.dumps(constants | {name: value}, sort_keys=True, separators=(",", ":"))
        lie = real.with_overrides(carry_over={"constants": text})
        with pytest.raises(RefusedError, match="not those that this hospital verified"):
            sign(six.hospital(ME), offer(six, lie))
    assert sum("study refused" in reason for reason in six.alarms(ME)) == 3
    assert decisions.approval_of(sign(six.hospital(ME), offer(six, real)), real)[0] == 1


def test_an_opening_that_nobody_verified_begins_no_study(six: Consortium) -> None:
    real = frozen(six.home, later(six, 3, 4, 5, 6))
    for change in ({"opening": "ab" * 32}, {"study": "cd" * 32}):
        lie = real.with_overrides(carry_over=change)
        # Whoever took part refuses another opening of that study; of a study that it does not know it verified nothing.
        if "opening" in change:
            with pytest.raises(RefusedError, match="not those that this hospital verified"):
                sign(six.hospital("clinic-3"), offer(six, lie, "clinic-3"))
        else:
            offered = offer(six, lie, "clinic-3")
            sign(six.hospital("clinic-3"), offered)
            assert offered.declared.verified == b""
        newcomer = offer(six, lie, "clinic-5")
        sign(six.hospital("clinic-5"), newcomer)
        assert newcomer.declared.verified == b""


def test_a_day_later_than_that_of_the_own_verification_is_refused(six: Consortium) -> None:
    real = frozen(six.home, later(six, 1, 2, 3, 5))
    home = six.hospital(ME)
    lie = real.with_overrides(carry_over={"date": str(DAY + datetime.timedelta(days=40))})
    with pytest.raises(RefusedError, match="had verified them on"):
        sign(home, offer(six, lie))
    sign(home, offer(six, real))


def test_a_receipt_of_somebody_else_proves_nothing(six: Consortium) -> None:
    found = carry_over.opened_in(first_of(six))
    home = six.hospital(ME)
    receipts = home.model_folder("earlier", found.study.digest()) / "receipts" / f"{found.round:04d}"
    (receipts / "hospital-1.cbor").write_bytes(
        (first_of(six) / "receipts" / receipts.name / "hospital-2.cbor").read_bytes()
    )
    offered = offer(six, frozen(six.home, later(six, 1, 2, 3, 5)))
    sign(home, offered)
    assert offered.declared.verified == b""


@pytest.mark.parametrize(
    ("sections", "reason"),
    [
        ({"columns": [{"name": "age", "kind": "numeric", "minimum": -9.0, "maximum": 8.0}]}, "described otherwise"),
        ({"columns": [{"name": "bmi", "kind": "numeric", "minimum": -9.0, "maximum": 8.0}]}, "is not among them"),
        ({"data": {"split_salt": "another"}}, "data.split_salt differs"),
        ({"task": "describe", "training": {}, "settings": {}}, "carries no constants over"),
        ({"carry_over": {"study": "ab" * 32}}, "no study abababababab was started here"),
    ],
)
def test_constants_that_do_not_fit_are_refused_when_the_study_starts(
    six: Consortium, sections: dict[str, Any], reason: str
) -> None:
    with pytest.raises(StudyError, match=reason):
        six.start(later(six, 1, 2, 3, 5, **sections))


def test_some_of_the_columns_can_be_carried_over(six: Consortium) -> None:
    columns = [column.model_dump(mode="json") for column in document(4).columns if column.name != "age"]
    folder = six.start(later(six, 1, 2, 3, 4, columns=columns))
    approve(six, 1, 2, 3, 4)
    six.pump()
    assert six.status()["phase"] == "finished"
    last = simulator.replayed(folder).model
    assert last is not None
    assert last.scaling == carry_over.opened_in(first_of(six)).constants.restricted(["dose", "ward"])


def test_a_run_on_one_machine_has_nobody_to_vouch_for_constants(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="hospitals vouch for constants"):
        simulator.run(tmp_path, simulator.study(5, carry_over={"study": "ab" * 32}))
