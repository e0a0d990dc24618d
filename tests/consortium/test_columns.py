"""Columns between hospitals: each says in its approval what it fills, and what too few of a block fill is asked by nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from tests import simulator
from tests.consortium.consortium import Consortium, document, sign

from cipherward.consortium.approval import approvals, review, review_text
from cipherward.consortium.service import letters
from cipherward.consortium.service.letters import Begun
from cipherward.crypto import wire
from cipherward.errors import DataError
from cipherward.parties import inventories
from cipherward.parties.inventories import Inventory, Shown
from cipherward.runs import modelfile
from cipherward.study import Study

ME = "clinic-1"


@pytest.fixture
def four(tmp_path: Path) -> Iterator[Consortium]:
    made = Consortium(tmp_path, 4, rows=300, own_split=True)
    yield made
    made.close()


def never(n: int = 4, **sections: object) -> Study:
    """One block of all: nobody may be singled out."""
    return document(n, singled_out="never", training={"rounds": 1}, **sections)


def empty(four: Consortium, column: str, *names: str, keep: int = 0) -> None:
    """These hospitals have a value of the column in their first `keep` rows only."""
    for name in names:
        path = four.folder / "tables" / f"{name}.csv"
        table = pl.read_csv(path)
        values = [value if row < keep else None for row, value in enumerate(table[column])]
        table.with_columns(pl.Series(column, values, dtype=table.schema[column])).write_csv(path)


def drop(four: Consortium, column: str, *names: str) -> None:
    for name in names:
        path = four.folder / "tables" / f"{name}.csv"
        pl.read_csv(path).drop(column).write_csv(path)


def beginning(four: Consortium) -> bytes:
    return four.desk._studies[max(four.desk._studies)].beginning.document


def tell(four: Consortium, document: bytes) -> None:
    """The coordinator says to one hospital with whom the study begins."""
    study = approvals.whole_offers(four.hospital(ME))[0][-1].digest
    letter = letters.seal(four.home.identity, ME, study, Begun(document), from_coordinator=True)
    assert four.desks[ME].receive(letter) == []


def declared(four: Consortium, name: str) -> bytes:
    return approvals.whole_offers(four.hospital(name))[0][-1].inventory


def test_a_column_that_one_hospital_alone_fills_is_asked_by_nobody(four: Consortium) -> None:
    empty(four, "dose", *four.names[1:], keep=9)  # with nine patients a hospital does not count
    folder = four.start(never())
    four.approve()
    four.pump()
    assert four.status()["phase"] == "finished"
    why = "1 hospital fills it in one block of hospitals; at least 3 that may not be singled out must"
    assert four.status()["left_out"] == {"dose": why}
    result = json.loads((folder / "result.json").read_text())
    assert result["columns_left_out"] == {"dose": why}
    scaling = modelfile.load(folder / "model.safetensors").preprocessor
    assert scaling is not None
    assert [column.name for column in scaling.columns] == ["age", "ward"]
    assert simulator.holds(folder)
    for name in four.names:
        assert four.alarms(name) == []
        assert four.desks[name].status()[-1]["left_out"] == {"dose": why}


def test_a_hospital_that_lacks_a_column_takes_part_and_the_column_reads_as_missing(four: Consortium) -> None:
    drop(four, "dose", "clinic-4")
    folder = four.start(never())
    four.approve()
    four.pump()
    assert four.status()["phase"] == "finished"
    assert four.status()["left_out"] == {}
    assert simulator.contributors(folder)[0] == [1, 2, 3, 4]
    assert simulator.holds(folder)


def test_the_review_and_the_approval_say_which_columns_are_filled(four: Consortium) -> None:
    empty(four, "dose", ME, keep=9)
    four.start(never())
    home = four.hospital(ME)
    offered = approvals.whole_offers(home)[0][-1]
    text = " ".join(review_text.to_text(review.review(home, offered)).split())
    assert "which columns it fills with at least 10 patients (cell_min of its policy): age, ward." in text
    assert "Not filled here: dose." in text
    assert "about 256 patients" in text
    sign(home, offered)
    assert offered.declared == Inventory(offered.digest, 0, 256, ("age", "ward"))


def test_where_no_column_is_left_the_study_ends_before_its_first_sum(four: Consortium) -> None:
    for column in ("age", "dose", "ward"):
        empty(four, column, *four.names[2:], keep=5)
    four.start(never())
    four.approve()
    four.pump()
    assert four.status()["phase"] == "failed"
    assert "no column of the study 'tiny' is left" in four.status()["reason"]
    assert four.status()["sums_opened"] == 0


def test_a_table_that_does_not_fit_is_not_approved_with(four: Consortium) -> None:
    four.start(never())
    (four.folder / "tables" / f"{ME}.csv").write_text("age,ward,outcome\n1,Z,0\n")
    home = four.hospital(ME)
    with pytest.raises(DataError, match="unknown category"):
        sign(home, approvals.whole_offers(home)[0][-1])


def test_a_table_that_fills_less_than_was_approved_is_not_used(four: Consortium) -> None:
    four.start(never())
    four.approve()
    empty(four, "dose", ME)
    four.pump()
    assert four.status()["sums_opened"] == 0
    assert any("fills 'dose' with fewer than 10 patients now" in said for said in four.alarms(ME))


@pytest.fixture(scope="module")
def begun_once(tmp_path_factory: pytest.TempPathFactory) -> Consortium:
    made = Consortium(tmp_path_factory.mktemp("begun"), 4, rows=300, own_split=True)
    empty(made, "dose", *made.names[1:])
    made.start(never())
    made.approve()
    made.close()
    return made


@pytest.fixture
def begun(begun_once: Consortium, tmp_path: Path) -> Iterator[Consortium]:
    """One hospital alone fills a column; the study has not begun yet at that hospital, which is told lies first."""
    made = begun_once.copied(tmp_path)
    yield made
    made.close()


def test_a_column_is_not_kept_by_leaving_an_inventory_away(begun: Consortium) -> None:
    said = [declared(begun, name) for name in begun.names]
    tell(begun, wire.encode(Shown(tuple(said[:3]))))
    assert any("before every hospital of this one's block has approved" in text for text in begun.alarms(ME))


def test_a_column_is_not_kept_by_an_inventory_that_its_hospital_never_signed(begun: Consortium) -> None:
    said = [declared(begun, name) for name in begun.names]
    offered = approvals.whole_offers(begun.hospital(ME))[0][-1]
    every = Inventory(offered.digest, 0, 64, ("age", "dose", "ward"))
    for place in (1, 2):
        forged = inventories.sign(begun.home.identity, place + 1, every)
        tell(begun, wire.encode(Shown((*said[:place], forged, *said[place + 1 :]))))
    assert sum("forged signature" in text for text in begun.alarms(ME)) >= 1
    assert not begun.desks[ME]._study(offered.digest).beginning.is_known


def test_one_hospital_is_not_counted_twice(begun: Consortium) -> None:
    said = [declared(begun, name) for name in begun.names]
    tell(begun, wire.encode(Shown((said[0], said[0], *said[1:]))))
    assert any("listed twice" in text for text in begun.alarms(ME))


def test_a_hospital_begins_with_its_own_inventory_or_not_at_all(begun: Consortium) -> None:
    said = [declared(begun, name) for name in begun.names]
    offered = approvals.whole_offers(begun.hospital(ME))[0][-1]
    other = inventories.sign(begun.hospital(ME).identity, 1, Inventory(offered.digest, 0, 64, ("age",)))
    tell(begun, wire.encode(Shown((other, *said[1:]))))
    assert any("without this hospital's own inventory" in text for text in begun.alarms(ME))


def test_the_coordinator_cannot_change_the_beginning_afterwards(four: Consortium) -> None:
    empty(four, "dose", *four.names[1:])
    four.start(document(4, training={"rounds": 1}))  # everybody may be singled out, and stands alone
    four.approve()
    four.pump()
    said = [declared(four, name) for name in four.names]
    tell(four, wire.encode(Shown(tuple(said[:3]))))
    assert any("began with other hospitals" in text for text in four.alarms(ME))


def test_inventories_that_were_changed_in_a_run_are_noticed_by_the_audit(four: Consortium) -> None:
    empty(four, "dose", *four.names[1:])
    folder = four.start(never())
    four.approve()
    four.pump()
    path = folder / "inventories.cbor"
    shown = wire.decode(Shown, path.read_bytes())
    path.write_bytes(wire.encode(Shown(shown.first[:3])))  # no block is whole, and no column would be left out
    with pytest.raises(Exception, match="initial model"):
        simulator.lines_of(folder)


@pytest.fixture
def eight(tmp_path: Path) -> Iterator[Consortium]:
    """Two blocks of three, and two hospitals that stand alone; the second block has not approved when the study begins."""
    made = Consortium(tmp_path, 8, rows=300, own_split=True)
    yield made
    made.close()


def with_late_block(eight: Consortium) -> Path:
    """The study has begun with the first block and those who stand alone, and opened a sum."""
    numbers = {"corrupt": 1, "threshold": 5, "min_contributors": 3, "deadline_seconds": 1.0}
    chosen = document(8, singled_out=["clinic-7", "clinic-8"], training={"rounds": 2}, aggregation=numbers)
    folder = eight.start(chosen, begin_after=0.0)
    eight.approve("clinic-1", "clinic-2", "clinic-3", "clinic-4", "clinic-7", "clinic-8")
    while not eight.sums_opened:
        if not eight.queue:
            eight.now += 5.0
            eight.poll()
        eight.step()
    return folder


def finish(eight: Consortium) -> None:
    for _ in range(12):
        eight.pump()
        eight.now += 5.0


def test_a_block_that_comes_later_takes_part_once_it_is_whole(eight: Consortium) -> None:
    folder = with_late_block(eight)
    eight.approve("clinic-5", "clinic-6")
    finish(eight)
    assert eight.status()["phase"] == "finished"
    took_part = simulator.contributors(folder)
    assert took_part[0] == [1, 2, 3, 7, 8]
    assert took_part[-1] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert simulator.holds(folder)
    assert all(eight.alarms(name) == [] for name in eight.names)


def test_a_block_that_comes_later_and_lacks_a_column_stays_out(eight: Consortium) -> None:
    empty(eight, "dose", "clinic-4", "clinic-5")
    folder = with_late_block(eight)
    eight.approve("clinic-5", "clinic-6")
    finish(eight)
    assert eight.status()["phase"] == "finished"
    assert simulator.contributors(folder)[-1] == [1, 2, 3, 7, 8]
    assert any("too few hospitals that fill 'dose'" in reason for reason in eight.alarms("coordinator"))
    later = tuple(declared(eight, f"clinic-{n}") for n in (4, 5, 6))
    shown = wire.decode(Shown, beginning(eight))
    study = approvals.whole_offers(eight.hospital("clinic-6"))[0][-1].digest
    document = wire.encode(Shown(shown.first, later))
    letter = letters.seal(eight.home.identity, "clinic-6", study, Begun(document), from_coordinator=True)
    assert eight.desks["clinic-6"].receive(letter) == []
    assert any("a block that came later has too few" in reason for reason in eight.alarms("clinic-6"))
