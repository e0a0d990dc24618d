"""Rule 4 through the real nodes: a new key stands where the old one stood, or nowhere."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests import simulator
from tests.parties.test_blocks import ended, sums_of
from tests.simulator import World

from cipherward.crypto.identity import Identity
from cipherward.disclosure.blocks import Register
from cipherward.disclosure.inference import readable
from cipherward.errors import RefusedError, StudyError
from cipherward.parties import declarations, inheritance, who_stands
from cipherward.runs import predecessor, verify
from cipherward.store.ledger import Ledger

LOST = 5
NOISE = {"noise": {"enabled": True, "epsilon": 8.0}}


@pytest.fixture
def first(tmp_path: Path) -> Iterator[World]:
    """A study whose block of five has stood in a sum with each hospital's noise; its hospital 5 loses its machine."""
    with World(tmp_path / "first", simulator.study(5, **NOISE)) as made:
        made.run_sums(1)
        yield made


def succession(old: Identity, new: Identity, signers: Collection[Identity]) -> dict[str, Any]:
    """The lines of a study document."""
    declared = declarations.succession(old.public_key, new.public_key)
    return {
        "old": old.public_key.hex(),
        "new": new.public_key.hex(),
        "signatures": [declarations.sign(signer, declared).hex() for signer in signers],
    }


def new_key() -> Identity:
    return Identity(os.urandom(32))


def mates(first: World, *without: int) -> list[Identity]:
    return [first.keys.identities[i] for i in range(1, 5) if i not in without]


def second(
    earlier: World,
    folder: Path,
    keys: Mapping[int, Identity],
    successions: list[dict[str, Any]],
    ledger: Path | None = None,
    **sections: Any,
) -> World:
    """A later study of hospitals that remember the earlier one, with new keys for some, and hospital 5's ledger."""
    chosen = simulator.study(5, **({"name": "second", "successions": successions} | NOISE | sections))
    return World(
        folder,
        chosen,
        identities={i: earlier.keys.identities[i] for i in range(6)} | dict(keys),
        ledgers={i: path for i in earlier.sites if (path := ledger if i == LOST else ledger_of(earlier, i))},
    )


def ledger_of(world: World, hospital: int) -> Path:
    ledger = world.sites[hospital].ledger
    ledger.close()
    return ledger.path


def inherited(first: World, path: Path, keys: Collection[bytes] = ()) -> Path:
    """A ledger as a successor rebuilds it from the openings of a block mate."""
    ledger = Ledger(path)
    run = verify.open_run(first.run.path)
    predecessor.rebuild(ledger, run, run.rules.register(LOST), lambda state: None)
    for key in keys or [first.keys.identities[LOST].public_key]:
        inheritance.note_predecessor(ledger, key)
    ledger.close()
    return path


def test_a_successor_that_every_mate_confirmed_stands_in_the_block_with_its_budget(
    first: World, tmp_path: Path
) -> None:
    old, new = first.keys.identities[LOST], new_key()
    ledger = inherited(first, tmp_path / "ledger.sqlite")
    rebuilt, was = Ledger(ledger), first.sites[LOST].ledger
    assert [(c[0], c[1], c[5]) for c in rebuilt.charges()] == [(c[0], c[1], c[5]) for c in was.charges()]
    assert rebuilt.charges()
    rebuilt.close()
    with second(first, tmp_path / "second", {LOST: new}, [succession(old, new, mates(first))], ledger) as later:
        standing = later.sites[LOST].standing
        assert standing.register.hospital == old.public_key
        assert standing.binding.is_founded
        assert standing.binding.block == who_stands.blocks_of(first.study).listed[0].digest
        assert ended(later, 2) == ""
        assert set(sums_of(later)) == {(1, 2, 3, 4, 5)}
        assert readable([*sums_of(first), *sums_of(later)]) == (frozenset({1, 2, 3, 4, 5}),)
    assert simulator.holds(later.run.path) or not later.hub.finished


def test_a_key_that_the_old_one_signed_needs_nobody_else(first: World, tmp_path: Path) -> None:
    old, new = first.keys.identities[LOST], new_key()
    ledger = inherited(first, tmp_path / "ledger.sqlite")
    with second(first, tmp_path / "second", {LOST: new}, [succession(old, new, [old])], ledger) as later:
        assert ended(later, 1) == ""
        assert sums_of(later) == [(1, 2, 3, 4, 5)]


def test_a_successor_that_knows_nothing_of_its_predecessor_says_nothing(first: World, tmp_path: Path) -> None:
    old, new = first.keys.identities[LOST], new_key()
    with pytest.raises(RefusedError, match="its ledger does not know") as caught:
        second(first, tmp_path / "second", {LOST: new}, [succession(old, new, mates(first))])
    assert "hospital inherit" in caught.value.hint


def test_a_forged_successor_is_in_no_document(first: World, tmp_path: Path) -> None:
    """Signed by itself, by all mates but one, by a mate twice, or by mates about another key."""
    old, new, stranger = first.keys.identities[LOST], new_key(), new_key()
    about_another = succession(old, stranger, mates(first)) | {"new": new.public_key.hex()}
    nothing = succession(old, new, []) | {"signatures": ["00", "no hex"]}
    for forged in (
        succession(old, new, [new, stranger]),
        succession(old, new, mates(first, 2)),
        succession(old, new, [*mates(first, 2), *mates(first, 2, 3)]),
        about_another,
        nothing,
    ):
        with pytest.raises(StudyError, match="rule 4: a new key that neither the old one nor every block mate"):
            second(first, tmp_path / os.urandom(4).hex(), {LOST: new}, [forged])


def test_a_false_block_does_not_make_a_mate_of_whoever_signs(first: World, tmp_path: Path) -> None:
    """The coordinator lists the old key in a block of its friends: hospitals that know the real one take no part."""
    old, new = first.keys.identities[LOST], new_key()
    blocks = [{"members": [{"hospital": f"clinic-{i}"} for i in (1, 2, 4, 5)], "least": 4, "parent": ""}]
    false = {
        "blocks": blocks,
        "singled_out": ["clinic-3"],
        "aggregation": {"corrupt": 1, "min_contributors": 4},
    }
    signed = [succession(old, new, mates(first, 3))]
    with second(
        first, tmp_path / "false", {LOST: new}, signed, inherited(first, tmp_path / "ledger.sqlite"), **false
    ) as later:
        assert ended(later)
        assert sums_of(later) == []


def test_the_successor_of_a_successor_stands_for_the_first_key(first: World, tmp_path: Path) -> None:
    old, middle, new = first.keys.identities[LOST], new_key(), new_key()
    chain = [succession(old, middle, mates(first)), succession(middle, new, [middle])]
    ledger = inherited(first, tmp_path / "ledger.sqlite", [old.public_key, middle.public_key])
    with second(first, tmp_path / "second", {LOST: new}, chain, ledger) as later:
        assert later.hub.rules.register(LOST) == Register(old.public_key, "table")
        assert ended(later, 1) == ""
    with pytest.raises(StudyError, match="rule 4"):
        # The first key has been followed: it vouches for nobody any more.
        second(first, tmp_path / "third", {LOST: new}, [chain[0], succession(middle, new, [old])])
    with pytest.raises(StudyError, match="rule 4"):
        second(first, tmp_path / "fourth", {LOST: new}, list(reversed([chain[0], succession(middle, new, [new])])))


def test_a_mate_with_a_new_key_vouches_with_that_one(first: World, tmp_path: Path) -> None:
    old, new, mate, mate_new = first.keys.identities[LOST], new_key(), first.keys.identities[4], new_key()
    follows = succession(mate, mate_new, [mate])
    others = mates(first, 4)
    ledger = inherited(first, tmp_path / "ledger.sqlite")
    inheritance.note_predecessor(first.sites[4].ledger, mate.public_key)
    chain = [follows, succession(old, new, [*others, mate_new])]
    with pytest.raises(StudyError, match="rule 4"):
        second(first, tmp_path / "a", {4: mate_new, LOST: new}, [follows, succession(old, new, [*others, mate])])
    with second(first, tmp_path / "b", {4: mate_new, LOST: new}, chain, ledger) as later:
        assert ended(later, 1) == ""
        assert sums_of(later) == [(1, 2, 3, 4, 5)]


def test_two_successors_of_one_key_are_refused_in_one_document_and_one_after_the_other(
    first: World, tmp_path: Path
) -> None:
    old, new, other = first.keys.identities[LOST], new_key(), new_key()
    one, two = succession(old, new, mates(first)), succession(old, other, mates(first))
    with pytest.raises(StudyError, match="two successors"):
        second(first, tmp_path / "both", {LOST: new}, [one, two])
    ledger = inherited(first, tmp_path / "ledger.sqlite")
    with second(first, tmp_path / "second", {LOST: new}, [one], ledger) as later:
        assert ended(later, 1) == ""
        with pytest.raises(RefusedError, match="another successor of a key than the one that was accepted here"):
            second(later, tmp_path / "third", {LOST: other}, [two])


def test_a_key_that_was_followed_stands_in_no_later_study(first: World, tmp_path: Path) -> None:
    old, new = first.keys.identities[LOST], new_key()
    ledger = inherited(first, tmp_path / "ledger.sqlite")
    with second(first, tmp_path / "second", {LOST: new}, [succession(old, new, mates(first))], ledger) as later:
        assert ended(later, 1) == ""
        with pytest.raises(RefusedError, match="lists a key of clinic-5 that has a successor"):
            second(later, tmp_path / "third", {LOST: old}, [])


def test_nobody_stands_twice_under_two_keys(first: World, tmp_path: Path) -> None:
    old, new = first.keys.identities[LOST], new_key()
    chosen = simulator.study(6, name="twice", successions=[succession(old, new, [old])])
    identities = {i: first.keys.identities[i] for i in range(6)} | {6: new}
    with pytest.raises(StudyError, match=r"two blocks|lists a hospital twice"):
        World(tmp_path / "twice", chosen, identities=identities)


def test_another_hospitals_key_is_nobodys_successor(first: World, tmp_path: Path) -> None:
    old, neighbour = first.keys.identities[LOST], first.keys.identities[4]
    with pytest.raises(StudyError, match=r"rule 4|twice|two blocks"):
        second(first, tmp_path / "second", {LOST: new_key()}, [succession(old, neighbour, mates(first))])
