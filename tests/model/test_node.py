"""One real node, led in every way that a liar and the coordinator have; and planted faults are found."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.model.node import Explorer
from tests.schedules import world

from cipherward.disclosure.standing import Memory
from cipherward.parties import attempts
from cipherward.store.ledger import Ledger
from cipherward.sums import challenge, hospital_steps, manifests
from cipherward.sums.messages import ConsentRequest, Manifest, unsign
from cipherward.sums.statements import statements_of
from cipherward.sums.votes import distinct_votes

NOBODY, ONE_ALONE = "never", ("clinic-3",)
DEALT = ("announce 0, proof", "joins of 0")
CONSENTED = (*DEALT, "consent to 0/whole?")
RELEASED = (*CONSENTED, "certificate of 3 over 0/whole")
STARTS = {"from the beginning": (), "after it has dealt": DEALT, "after it has released": RELEASED}


@pytest.fixture(autouse=True, scope="module")
def hasty() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        world.hasten(patch)
        yield
    world.forget()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = world.memory_folder(tmp_path) / f"node-{tmp_path.parent.name}-{tmp_path.name}"
    made.mkdir(exist_ok=True)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def explorer(folder: Path, agreed: Any = NOBODY, me: int = 1) -> Explorer:
    """Hospital 1 of a block of four where nobody agreed; hospital 3 beside a block of three where it did."""
    return Explorer(world.setting(4, 3, 1, agreed), me, folder)


def check(folder: Path, agreed: Any, me: int, depth: int, start: tuple[str, ...]) -> None:
    found = explorer(folder, agreed, me).explore(depth, *start)
    assert found.broken == "", found.moves
    assert found.n_points > 10


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_nothing_leads_a_node_astray_in_two_messages(folder: Path, start: tuple[str, ...]) -> None:
    check(folder, NOBODY, 1, 2, start)


@pytest.mark.slow
@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
@pytest.mark.parametrize(("agreed", "me"), [(NOBODY, 1), (ONE_ALONE, 3)], ids=["in a block", "alone by agreement"])
def test_nor_in_five(folder: Path, agreed: Any, me: int, start: tuple[str, ...]) -> None:
    check(folder, agreed, me, 5, start)


# planted faults


def no_void_certificates(patch: pytest.MonkeyPatch) -> None:
    """Case 04: two attempts at one sum, one beside the other."""
    patch.setattr(attempts, "check_voids", lambda *given: None)


def no_rule_for_attempts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(attempts, "_refuse", lambda refusal: None)


def own_block_only(patch: pytest.MonkeyPatch) -> None:
    def refused(rules: Any, task: Any, request: ConsentRequest, memory: Memory) -> Any:
        manifest = unsign(request.manifest, Manifest, study=rules.study, keys=rules.keys)
        return statements_of(rules, manifests.read_headers(rules, task, manifest, request.headers))

    patch.setattr(hospital_steps, "refused", refused)  # who stands alone has no block to look at


def forgets_its_votes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ledger, "record_vote", lambda *given: None)


def releases_on_its_own_consent(patch: pytest.MonkeyPatch) -> None:
    def one_is_enough(rules: Any, *given: Any) -> Any:
        return distinct_votes(dataclasses.replace(rules, threshold=1), *given)

    patch.setattr(hospital_steps, "distinct_votes", one_is_enough)


def shows_whatever_it_is_asked_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(challenge, "differ", lambda *given: True)


def erases_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ledger, "erase_study", lambda self, study: None)


def keeps_keys(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ledger, "_erase", lambda *given: 0)


@pytest.mark.parametrize(
    ("plant", "agreed", "me", "start", "broken"),
    [
        (no_void_certificates, NOBODY, 1, (), "a later attempt is joined without proof that the earlier one is void"),
        (no_rule_for_attempts, NOBODY, 1, (), "an attempt below one that was joined is joined"),
        (own_block_only, ONE_ALONE, 3, DEALT, "consent to a block in part"),
        (forgets_its_votes, NOBODY, 1, DEALT, "two votes on one attempt"),
        (releases_on_its_own_consent, NOBODY, 1, CONSENTED, "a release without a certificate"),
        (shows_whatever_it_is_asked_for, NOBODY, 1, RELEASED, "a share between honest hospitals is shown"),
        (erases_nothing, NOBODY, 1, DEALT, "what could open a sum is kept after the study's end"),
        (keeps_keys, NOBODY, 1, RELEASED, "keys of a sum are kept after it was verified"),
    ],
)
def test_a_planted_fault_is_found(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[pytest.MonkeyPatch], None],
    agreed: Any,
    me: int,
    start: tuple[str, ...],
    broken: str,
) -> None:
    plant(monkeypatch)
    found = explorer(folder, agreed, me).explore(3, *start)
    assert found.broken.startswith(broken), found
