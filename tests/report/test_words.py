"""The report's fixed sentences keep up with the code and with docs/security.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from cipherward import study as study_document
from cipherward.crypto.scheme import Opener
from cipherward.report import blocks, costs, words
from cipherward.report.facts import clean
from cipherward.report.svg import Axis
from cipherward.simulation.simulate import PHASES

SECURITY = " ".join((Path(__file__).parents[2] / "docs" / "security.md").read_text("utf-8").lower().split())


def test_every_phase_and_opener_has_its_words() -> None:
    assert tuple(costs.PHASES) == PHASES
    assert set(words.READABLE) == set(words.READERS) == set(Opener)


def test_only_studies_that_are_synthetic_are_called_so() -> None:
    for name in study_document.builtin_names():
        study = study_document.load_builtin(name)
        assert study.synthetic == (study.data.source in ("readmission", "wearables"))


@pytest.mark.parametrize(
    "threat",
    [
        "sums and the final model can reveal training data",
        "sets of contributors that differ between rounds leak differences of similar updates",
        "who took part, sizes and timing are visible",
        "secrecy of the final model",
        "poison",
        "authentication of the people who run a node",
    ],
)
def test_what_is_not_protected_is_what_the_security_page_says(threat: str) -> None:
    assert threat in SECURITY
    said = " ".join((words.LEAKAGE[False], *words.NOT_PROTECTED)).lower()
    kept = {"secrecy of the final model": "the final model is not secret"}
    kept["sets of contributors that differ between rounds leak differences of similar updates"] = (
        "sums of neighbouring rounds are similar, so totals of sets that differ are known roughly"
    )
    kept["authentication of the people who run a node"] = "authenticates the people who run a node"
    assert kept.get(threat, threat) in said


def test_numbers_read_well() -> None:
    assert [blocks.size(n) for n in (12, 79_174, 812_000, 2_500_000)] == ["12 bytes", "79.2 kB", "812 kB", "2.5 MB"]
    assert [label for _, label in Axis.over([0.72, 0.79], "").ticks][:2] == ["0.72", "0.74"]
    assert [label for _, label in Axis.over([0, 10], "", count=5, whole=True).ticks] == ["0", "2", "4", "6", "8", "10"]
    assert Axis.over([0.5], "").low < 0.5 < Axis.over([0.5], "").high
    perfect = Axis.over([1.0, 1.0], "AUROC", most=1.0)
    assert perfect.low < 1.0 == perfect.high
    assert clean("a\x00b\u202ec\nd") == "a\ufffdb\ufffdc\nd"
