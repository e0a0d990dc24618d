"""What the coordinator knows of blocks when a study starts: blocks begun, splits, successors, who left; as the document shows it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cipherward.consortium.approval import foundings
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.service import declared, giving_up
from cipherward.disclosure.blocks import Block, Register, Split
from cipherward.disclosure.succession import Lineage, Succession
from cipherward.errors import StudyError, VersionError
from cipherward.parties import declarations, listed
from cipherward.runs.folder import RunDirectory
from cipherward.runs.study_folder import StudyFolder
from cipherward.study import Study


@dataclass(frozen=True)
class Known:
    """`blocks`: they stay whole in a new study; `sections`: of its document, with everybody's signatures."""

    blocks: tuple[Block, ...]
    sections: dict[str, Any]


def of_home(home: CoordinatorHome, study: Study) -> Known:
    """What a study over these hospitals has to go by.

    Raises:
        StudyError: one of their blocks has ended.
    """
    members = {hospital.name: home.members.find(hospital.name) for hospital in study.hospitals}
    keys = {member.public_key for member in members.values() if member}
    chain, lineage = _chain(home, keys)
    here = {
        Register(lineage.first(member.public_key), hospital.register_name)
        for hospital in study.hospitals
        if (member := members[hospital.name])
    }
    complete = {s.whole.digest: s for _, s in declared.proposals(home) if declared.is_complete(s)}
    begun, given_up = giving_up.sort(home, here)
    blocks = tuple(_split_up(begun, complete))
    touched = tuple(block for block in blocks if set(block.members) & here)
    _check_ended(home, touched)
    return Known(touched, _sections(home, study, chain, lineage, touched, complete) | {"given_up": given_up})


def blocks_begun(home: CoordinatorHome) -> tuple[Block, ...]:
    """The blocks of studies that have begun here, as they are after every split that all have signed."""
    complete = {s.whole.digest: s for _, s in declared.proposals(home) if declared.is_complete(s)}
    return tuple(
        _split_up([block for _, study in giving_up.studies_begun(home) for block in listed.blocks_in(study)], complete)
    )


def contested(home: CoordinatorHome, digest: bytes) -> str:
    """Which other studies here, none of whose sums was opened, would found other blocks with hospitals of this one."""
    found = list[foundings.Founding]()
    for folder in home.study_folders():
        run, files_of = RunDirectory(folder), StudyFolder(folder)
        if not (folder.name.startswith(".") or files_of.ended() or run.result.exists() or run.rounds_with_openings()):
            with contextlib.suppress(VersionError):
                found += foundings.of_study(giving_up.document_of(home, folder))
    return foundings.conflicts(found).get(digest, "")


def words(home: CoordinatorHome) -> list[str]:
    """What is under way about blocks and keys, one sentence each, for people: who has signed, and who has not."""
    watched = [home.declared, home.splits, home.path / "members", *home.study_folders()]
    return home.remembered.get("blocks", watched, lambda: _words(home))


def _words(home: CoordinatorHome) -> list[str]:
    names, blocks = declared.names_of(home), blocks_begun(home)
    found = []
    for _, each in declared.proposals(home):
        parts = " | ".join(_named(part.members, names) for part in each.parts)
        missing = [m for m in each.whole.members if m.hospital not in each.signers]
        state = (
            f"not signed yet by {_named(missing, names)}"
            if missing
            else "all have signed: it holds for studies that start now"
        )
        found.append(f"split of a block into {parts}: {state}")
    first = declared.first_keys(home)
    for each_key in declared.successions(home):
        old, said = first.get(each_key.body, each_key.subject), declared.who_said(home, each_key)
        mates = {
            m
            for block in blocks
            if old in {m.hospital for m in block.members}
            for m in block.members
            if m.hospital != old
        }
        missing = [m for m in sorted(mates) if names.get(m.hospital) not in said]
        name = names.get(each_key.body, "a hospital")
        state = f"not confirmed yet by {_named(missing, names)}" if missing and name not in said else "confirmed"
        found.append(f"new key of {name} in the place of its old one: {state}; said by {', '.join(said)}")
    members = sorted({member for block in blocks for member in block.members})
    for kind, meaning in (
        (declarations.AGREEMENT, "may be singled out, by its own word"),
        (declarations.END, "has ended, and its block with it"),
    ):
        for register, one in declared.about(home, members, kind):
            found.append(f"{one.name}, table {register.name!r}: {meaning}")
    return found


def _named(members: Iterable[Register], names: dict[bytes, str]) -> str:
    return ", ".join(sorted(names.get(member.hospital, member.hospital.hex()[:12]) for member in members))


def _split_up(blocks: Iterable[Block], complete: dict[bytes, Split]) -> list[Block]:
    found, left = dict[bytes, Block](), list(blocks)
    while left:
        block = left.pop(0)
        if block.digest in complete:
            left += complete[block.digest].parts
        else:
            found[block.digest] = block
    return list(found.values())


def _chain(home: CoordinatorHome, keys: set[bytes]) -> tuple[list[dict[str, Any]], Lineage]:
    """The successions that lead to these keys, oldest first. Whether enough have signed, the document's check says."""
    said = declared.successions(home)
    older = {each.body: each.subject for each in said}
    wanted, left = set[bytes](), list(keys)
    while left:
        key = left.pop()
        if key in older and key not in wanted:
            wanted.add(key)
            left.append(older[key])
    chosen = [each for each in said if each.body in wanted]
    lines = [
        {"old": each.subject.hex(), "new": each.body.hex(), "signatures": declared.signatures(home, each)}
        for each in chosen
    ]
    return lines, Lineage(Succession(each.subject, each.body, frozenset()) for each in chosen)


def _sections(
    home: CoordinatorHome,
    study: Study,
    chain: list[dict[str, Any]],
    lineage: Lineage,
    blocks: tuple[Block, ...],
    complete: dict[bytes, Split],
) -> dict[str, Any]:
    names = {
        lineage.first(member.public_key): hospital.name
        for hospital in study.hospitals
        if (member := home.members.find(hospital.name))
    }
    members = [member for block in blocks for member in block.members]
    agreed = [
        {
            "hospital": names.get(register.hospital, one.key.hex()),
            "register_name": register.name,
            "signature": one.statement.hex(),
        }
        for register, one in declared.about(home, members, declarations.AGREEMENT)
    ]
    return {
        "successions": chain,
        "agreed": agreed,
        "splits": [
            {
                "whole": listed.listed_block(each.whole, names),
                "parts": [listed.listed_block(part, names) for part in each.parts],
                "signatures": declared.signatures(home, declarations.split(each)),
            }
            for each in _led_to(blocks, complete)
        ],
    }


def _led_to(blocks: Iterable[Block], complete: dict[bytes, Split]) -> list[Split]:
    """The splits that these blocks came from, the first one first."""
    found, left = list[Split](), list(blocks)
    while left:
        parent = complete.get(left.pop().parent)
        if parent and parent not in found:
            found.insert(0, parent)
            left.append(parent.whole)
    return found


def _check_ended(home: CoordinatorHome, blocks: Iterable[Block]) -> None:
    for block in blocks:
        for register, one in declared.about(home, block.members, declarations.END):
            raise StudyError(
                f"the block with {one.name} has ended: that hospital's table {register.name!r} stands in no sum any more, and "
                "its block mates only together with it (rule 2)",
                hint="leave the whole block out; its other hospitals take part again with a table of other patients",
            )
