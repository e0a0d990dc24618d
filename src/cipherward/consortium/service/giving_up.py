"""A study that ended in the middle of a sum: void votes prove that the sum is never opened, and whoever it bound is free (rule 2).

`studies/<digest>/void/`: `asked.json`, the sum and the void certificates of its earlier attempts; `<hospital>.signed`, votes.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from cipherward import study as study_document
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.crypto import wire
from cipherward.crypto.identity import COORDINATOR, Identity, Signed
from cipherward.crypto.quorum import QuorumScheme
from cipherward.disclosure.blocks import ALONE, Block, Register
from cipherward.errors import CipherwardError, DataError, VersionError
from cipherward.parties import given_up, listed, roster
from cipherward.parties.left_open import LeftOpen
from cipherward.parties.pending import Outgoing
from cipherward.runs.folder import RunDirectory
from cipherward.runs.study_folder import StudyFolder
from cipherward.store import files
from cipherward.study import Study
from cipherward.sums.messages import VOID, Header, Opening, VoidRequest, sign
from cipherward.sums.packets import pack, view
from cipherward.sums.votes import Rules, signed_vote

ASK_PAUSE = 300.0
"""Seconds between two times that hospitals are asked for their void votes."""


class GivingUp:
    """The votes about the sum that a study has left; reads its files each time."""

    def __init__(self, folder: Path, study: Study) -> None:
        self._folder = folder / "void"
        self._study = study
        self._ask_at = float("-inf")

    def begin(self, left: LeftOpen) -> None:
        """The study has ended in this sum. Again, it changes nothing."""
        if not self._asked_file.exists():
            voids = [[vote.hex() for vote in votes] for votes in left.voids]
            document = {"query": left.query.hex(), "number": left.number, "voids": voids, "context": left.context.hex()}
            files.write(self._asked_file, json.dumps(document).encode())

    @property
    def is_asked(self) -> bool:
        """Whether there is a sum to be voted on."""
        return self._asked_file.exists()

    @property
    def is_proved(self) -> bool:
        """Whether nothing of it can be opened; also where no sum was under way."""
        return not self.is_asked or len(self.voted) >= self._study.thresholds.threshold

    @property
    def voted(self) -> frozenset[int]:
        """Whose void votes are here, by roster index."""
        paths = self._folder.glob("[0-9]*.signed") if self._folder.exists() else ()
        return frozenset(int(path.stem) for path in paths if path.stem.isdecimal())

    def requests_due(self, identity: Identity, now: float) -> list[Outgoing]:
        """What asks those for their vote who have not given it, after each pause; `now`: seconds."""
        if now < self._ask_at or self.is_proved:
            return []
        self._ask_at = now + ASK_PAUSE
        request = VoidRequest(bytes.fromhex(self._asked()["context"]))
        packet = pack("VoidRequest", sign(identity, self._study.digest(), COORDINATOR, request))
        return [(i, packet) for i in range(1, self._study.n_hospitals + 1) if i not in self.voted]

    def take(self, hospital: int, packet: bytes | memoryview) -> bool:
        """Keep a void vote on the sum; whether this packet is a vote at all.

        Raises:
            ProtocolError, WireError: forged, or malformed.
        """
        kind, content = view(packet)
        if kind != "Vote":
            return False
        sender, vote = signed_vote(self._rules, bytes(content))
        if (
            self.is_asked
            and sender == hospital
            and vote.choice == VOID
            and vote.context.hex() == self._asked()["context"]
        ):
            files.write(self._folder / f"{hospital}.signed", bytes(content))
        return True

    def section(self) -> dict[str, Any]:
        """What a study document shows of it, when `is_proved`.

        Raises:
            ProtocolError, WireError, DataError: the files do not prove it.
        """
        asked = self._asked()
        last = [files.read(self._folder / f"{i}.signed") for i in sorted(self.voted)]
        attempts = [*([bytes.fromhex(vote) for vote in votes] for votes in asked["voids"]), last]
        query, number = bytes.fromhex(asked["query"]), int(asked["number"])
        given_up.check_attempts(self._study, query, number, attempts)
        return given_up.section(self._study, query, number, attempts)

    @property
    def _asked_file(self) -> Path:
        return self._folder / "asked.json"

    def _asked(self) -> dict[str, Any]:
        try:
            found = files.json_object(files.read(self._asked_file))
            if (
                len(bytes.fromhex(found["query"])) == len(bytes.fromhex(found["context"])) == 32
                and found["number"] >= 0
            ):
                return found
        except (ValueError, KeyError, TypeError):
            pass
        raise DataError(f"{self._asked_file} is damaged", hint="restore it from a backup")

    @property
    def _rules(self) -> Rules:
        numbers, keys = self._study.thresholds, roster.roster_keys(self._study)
        return Rules(self._study.digest(), keys, numbers.threshold, numbers.min_contributors, QuorumScheme())


def studies_begun(home: CoordinatorHome) -> Iterator[tuple[Path, Study]]:
    """The studies that have begun here: their hospitals may have named the blocks, and are then bound."""
    for folder in home.study_folders():
        if StudyFolder(folder).begun.exists():
            with contextlib.suppress(VersionError):  # what it opened, its hospitals' ledgers know
                yield folder, document_of(home, folder)


def document_of(home: CoordinatorHome, folder: Path) -> Study:
    """The study in a folder, read once. Raises: as `study_document.load`."""
    file = StudyFolder(folder).study
    return home.remembered.get(("document", folder), [file], lambda: study_document.load(file))


def sort(home: CoordinatorHome, here: Collection[Register]) -> tuple[list[Block], list[dict[str, Any]]]:
    """The blocks begun that stay whole in a study over these registers, and sections that give up the foundings of others.

    Raises:
        ProtocolError, WireError, DataError: as `GivingUp.section`.
    """
    kept, free = dict[bytes, Block](), list[tuple[Block, GivingUp]]()
    for folder, study in studies_begun(home):
        blocks = listed.blocks_in(study)
        voting, founded = GivingUp(folder, study), founded_in(folder, {block.digest for block in blocks})
        has_ended = StudyFolder(folder).ended() or RunDirectory(folder).result.exists()
        for block in blocks:
            if block.parent != ALONE or block.digest in founded or not (has_ended and voting.is_proved):
                kept[block.digest] = block
            else:
                free.append((block, voting))
    shown = list(_steps_given_up(home, here))
    for block, voting in free:
        if set(block.members) <= set(here):
            kept[block.digest] = block
        elif set(block.members) & set(here) and block.digest not in kept and voting.is_asked and voting not in shown:
            shown.append(voting)
    return list(kept.values()), [voting.section() for voting in shown]


def _steps_given_up(home: CoordinatorHome, here: Collection[Register]) -> Iterator[GivingUp]:
    """Studies over these registers that ended at a new refresh (rule 7) before anything was opened, and is proved void: until that is
    shown, the hospitals step nowhere else."""
    for folder, study in studies_begun(home):
        voting, is_opened = GivingUp(folder, study), bool(RunDirectory(folder).rounds_with_openings())
        is_step = any(hospital.refresh for hospital in study.hospitals) and not is_opened
        if is_step and set(listed.registers_of(study)) & set(here) and voting.is_asked and voting.is_proved:
            yield voting


def founded_in(folder: Path, blocks: Collection[bytes]) -> frozenset[bytes]:
    """Of these blocks, by digest, those that the headers of a study's openings name: as a rule, the first opening names all."""
    run, found = RunDirectory(folder), set[bytes]()
    for number in run.rounds_with_openings():
        if found >= set(blocks):
            break
        with contextlib.suppress(CipherwardError):  # `verify` says what is wrong with it
            opening = wire.decode(Opening, wire.decode(Signed, files.read(run.opening(number))).body)
            found |= {wire.decode(Header, wire.decode(Signed, data).body).block for data in opening.headers}
    return frozenset(found & set(blocks))
