"""No name of a scheme decides anything outside `crypto/`: what is true of a scheme stands at its class (ADR 0005)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from cipherward.crypto.schemes import CATALOGUE

SOURCE = Path(__file__).parents[1] / "src" / "cipherward"

OTHER_MEANINGS = {
    ("study_sections.py", "quorum"),  # the default of a study document
    ("runs/result.py", "quorum"),  # a key of result.json: the numbers of the quorum, for every scheme
    ("report/page.py", "quorum"),  # the same numbers, for the page
}


def names_in(path: Path) -> Iterator[str]:
    text = path.read_text("utf-8")
    if not any(name in text for name in CATALOGUE):
        return
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Constant) and node.value in CATALOGUE:
                yield str(node.value)
    else:
        yield from re.findall(rf"[\"']({'|'.join(CATALOGUE)})[\"']", text)


def test_no_name_of_a_scheme_stands_outside_crypto() -> None:
    files = [path for path in sorted(SOURCE.rglob("*")) if path.suffix in (".py", ".html")]
    places = [(path.relative_to(SOURCE).as_posix(), name) for path in files for name in names_in(path)]
    outside = [place for place in places if not place[0].startswith("crypto/")]
    assert set(outside) == OTHER_MEANINGS
    assert len(outside) == len(OTHER_MEANINGS)
    assert {name for place, name in places if place.startswith("crypto/")} == set(CATALOGUE)


def test_every_scheme_says_what_people_need_to_know_of_it() -> None:
    for facts in CATALOGUE.values():
        assert facts.protection.format(threshold=3, n=4)
        assert "3 needed" in facts.opening.format(threshold=3, consents=4)
        assert facts.for_deployments or facts.caution
