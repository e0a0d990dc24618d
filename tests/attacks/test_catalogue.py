"""Every attack of the catalogue is explained where people look for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cipherward.attacks import catalogue
from cipherward.attacks.attack import Attack

PAGE = (Path(__file__).parents[2] / "docs" / "attacks.md").read_text("utf-8")


@pytest.mark.parametrize("attack", catalogue.choose(), ids=lambda attack: attack.name)
def test_every_attack_has_its_section_and_words(attack: Attack) -> None:
    assert catalogue.choose([attack.name])[0].title == attack.title
    assert f"\n## {attack.name}: " in PAGE
    assert len(attack.explanation) > 200
