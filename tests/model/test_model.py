"""All states that four hospitals, one of them a liar, can reach in the attempts at one sum; and planted faults are found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.model.explore import Found, Model
from tests.model.hospital import Planted
from tests.model.parts import CASES, Case, Parts
from tests.schedules import world

IN_ONE_BLOCK, ONE_AGREED, ONE_ALONE = CASES
ENOUGH = 1000


@pytest.fixture(scope="module")
def parts() -> Iterator[Parts]:
    """The real steps over the toy ring."""
    with pytest.MonkeyPatch.context() as patch:
        world.hasten(patch)
        yield Parts()
    world.forget()


def check(found: Found) -> None:
    assert found.broken == "", found.moves
    assert found.is_complete
    assert found.n_states > ENOUGH


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_two_attempts_and_a_crash_open_one_sum_over_whole_blocks_with_a_certificate(parts: Parts, case: Case) -> None:
    check(Model(parts, case, attempts=2, crashes=1).explore(ENOUGH))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_so_do_two_attempts_and_two_crashes(parts: Parts, case: Case) -> None:
    check(Model(parts, case, attempts=2, crashes=2).explore(ENOUGH))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_so_do_the_first_eight_moves_of_three_attempts(parts: Parts, case: Case) -> None:
    found = Model(parts, case, attempts=3).explore(8)
    assert (found.broken, found.depth) == ("", 8)
    assert found.n_states > ENOUGH


@pytest.mark.parametrize(
    ("planted", "case", "crashes", "broken"),
    [
        (Planted(no_void_certificates=True), IN_ONE_BLOCK, 0, "two manifests of one sum are certified"),
        # As at 534993e: attempt 1 is announced before attempt 0, of which nobody knows anything yet.
        (Planted(voids_only_where_dealt=True), IN_ONE_BLOCK, 0, "two manifests of one sum are certified"),
        (Planted(own_block_only=True), ONE_ALONE, 0, "a block is opened in part"),
        (Planted(sends_before_ledger=True), IN_ONE_BLOCK, 1, "two manifests of one sum are certified"),
        (Planted(releases_on_consent=True), IN_ONE_BLOCK, 0, "a release without a certificate"),
        # Whose ledger is set back unnoticed counts as corrupt: beside a liar it is one too many.
        (Planted(is_set_back=True), IN_ONE_BLOCK, 1, "two manifests of one sum are certified"),
    ],
    ids=lambda value: str(value) if isinstance(value, Planted) else "",
)
def test_a_planted_fault_is_found(parts: Parts, planted: Planted, case: Case, crashes: int, broken: str) -> None:
    found = Model(parts, case, attempts=2, crashes=crashes, planted=planted).explore(ENOUGH)
    assert found.broken == broken
    assert 0 < len(found.moves) <= 12
