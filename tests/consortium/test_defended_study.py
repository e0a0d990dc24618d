"""A study with defences between hospitals: the same sums and the same model as on the local engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import simulator
from tests.consortium.consortium import Consortium, document, opened
from tests.tasks.test_block_sums import BLOCKS, study

from cipherward.consortium.approval import approvals, review


@pytest.fixture
def nine(tmp_path: Path) -> Iterator[Consortium]:
    made = Consortium(tmp_path / "consortium", 9, rows=300)
    yield made
    made.close()


def test_blocks_are_summed_one_by_one_between_hospitals_too(nine: Consortium, tmp_path: Path) -> None:
    chosen = study(clip_norm=1.0, bounds=True, vote=True).with_overrides(training={"rounds": 1})
    kept = {name: chosen.model_dump(mode="json")[name] for name in ("training", "aggregation")}
    everybody = list(range(1, 10))
    folder = nine.start(document(9, singled_out="never", **kept))
    home = nine.hospital("clinic-5")
    shown = review.review(home, approvals.whole_offers(home)[0][-1])
    assert not shown.refusals
    (of_blocks,) = [kind for kind in shown.leaves if kind.purpose == "train-block"]
    assert of_blocks.times == 3
    assert "of each of the 3 blocks by itself" in of_blocks.title
    assert "cut to 1 before" in " ".join(group.meaning for group in of_blocks.groups)
    (votes,) = [kind for kind in shown.leaves if kind.purpose == "vote"]
    assert votes.times == 1
    nine.approve()
    nine.pump()
    assert nine.status()["phase"] == "finished"
    assert nine.status()["sums_planned"] == nine.status()["sums_opened"] == 6
    assert simulator.contributors(folder)[1:5] == [*BLOCKS, everybody]
    assert simulator.holds(folder)
    local = simulator.run(tmp_path / "local", chosen).path
    assert len(opened(folder)) == len(opened(local)) == 6
    assert all(nine.alarms(name) == [] for name in nine.names)
