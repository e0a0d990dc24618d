"""The studies that a hospital was offered, and its people's signed yes or no to each.

`studies/<digest>/` of a hospital's home: `study.toml`, `ckks-public.key` (scheme ckks), `approval` and `withdrawal`
(signed statements, made by `cipherward hospital approve` and `withdraw`; the service sends them on).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import Literal

from cipherward import study as study_document
from cipherward.consortium.approval import answers, offer_check, other_grids, own_inventory, own_mapping, policyfile
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.crypto import wire
from cipherward.disclosure.standing import Agreement
from cipherward.errors import CipherwardError, RefusedError, StorageError, StudyError
from cipherward.parties import inventories
from cipherward.parties.decisions import APPROVAL, MAX_NAME, WITHDRAWAL, Approval, Withdrawal, approval_of, is_name
from cipherward.parties.inventories import Inventory
from cipherward.runs.study_folder import CKKS_PUBLIC, STOPPED, STUDY
from cipherward.store import files
from cipherward.study import Study

_MIN_PREFIX = 4


@dataclass(frozen=True)
class OfferedStudy:
    """A study in a hospital's home. `index`: this hospital's roster index, 1..n."""

    folder: Path
    study: Study = field(repr=False)
    index: int

    @property
    def digest(self) -> bytes:
        return bytes.fromhex(self.folder.name)

    @property
    def ckks_public(self) -> bytes:
        """The coordinator's CKKS key; empty for other schemes."""
        return self._kept(CKKS_PUBLIC)

    @property
    def approval(self) -> bytes:
        """The signed approval, empty while people have not approved."""
        return self._kept(APPROVAL)

    @property
    def approved_by(self) -> str:
        """Who approved and when; empty while nobody has, or where the approval is damaged."""
        try:
            return approval_of(self.approval, self.study)[1].words if self.approval else ""
        except CipherwardError:
            return ""

    @property
    def declared(self) -> Inventory:
        """What this hospital declared of its table with the approval.

        Raises:
            WireError, ProtocolError: there is no approval, or a damaged one.
        """
        return approval_of(self.approval, self.study)[1].declared

    @property
    def inventory(self) -> bytes:
        """What this hospital declared of its table, signed with the approval; empty while people have not approved."""
        return approval_of(self.approval, self.study)[1].inventory if self.approval else b""

    @property
    def withdrawal(self) -> bytes:
        """The signed withdrawal, empty unless people withdrew."""
        return self._kept(WITHDRAWAL)

    @property
    def status(self) -> Literal["pending review", "approved", "withdrawn"]:
        """Where this hospital's people stand."""
        if self.withdrawal:
            return "withdrawn"
        return "approved" if self.approval else "pending review"

    def _kept(self, name: str) -> bytes:
        return files.content(f"{self.folder}/{name}")


def keep_offer(home: HospitalHome, document: bytes, ckks_public: bytes) -> OfferedStudy:
    """Keep a study that the coordinator offers (frozen study.toml), to be reviewed by people.

    Raises:
        StudyError: not a complete, frozen study.
        RefusedError, ProtocolError: not this coordinator's, or this hospital is not on its roster with its own key.
            Either is logged as an alarm and nothing was kept. A study that was offered before stays as it is.
    """
    try:
        study = offer_check.parse(document)
        offer_check.check_offer(home, study, ckks_public)
    except CipherwardError as error:
        home.alarm("study offer refused", {"reason": error.message})
        raise
    folder = home.study_folder(study.digest())
    if not (folder / STUDY).exists():
        if ckks_public:
            files.write(folder / CKKS_PUBLIC, ckks_public)
        files.write(folder / STUDY, study.to_toml().encode())
        review = f"read it, then approve it or not: cipherward hospital review {study.name}"
        home.log("study offered", {"study": study.name, "digest": study.digest().hex(), "hint": review})
    return open_offer(home, folder)


def offers(home: HospitalHome) -> list[OfferedStudy]:
    """Every study that was offered, oldest first.

    Raises:
        StorageError: a study file in the home was changed.
    """
    return [open_offer(home, folder) for folder in home.study_folders()]


def whole_offers(home: HospitalHome) -> tuple[list[OfferedStudy], dict[Path, CipherwardError]]:
    """Every study that was offered, oldest first, and what is wrong with the folders that cannot be used."""
    found, damaged = [], {}
    for folder in home.study_folders():
        try:
            found.append(open_offer(home, folder))
        except CipherwardError as error:
            damaged[folder] = error
    return found, damaged


def find(home: HospitalHome, selector: str) -> OfferedStudy:
    """The study of that name or digest prefix (at least 4 hex digits).

    Raises:
        StudyError: none, or more than one.
        StorageError: its file was changed.
    """
    known, damaged = whole_offers(home)
    prefix = selector.lower() if len(selector) >= _MIN_PREFIX else "-"
    for folder, error in damaged.items():
        if folder.name.startswith(prefix):
            raise error
    found = [offer for offer in known if offer.study.name == selector or offer.folder.name.startswith(prefix)]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{offer.study.name} ({offer.folder.name[:12]})" for offer in found or known) or "none"
    if found:
        raise StudyError(
            f"{len(found)} studies are called {selector!r}: {listed}", hint="give the digest's first digits"
        )
    raise StudyError(f"no study {selector!r} was offered to this hospital", hint=f"studies offered: {listed}")


def unconfirmed(home: HospitalHome, study: Study) -> tuple[str, ...]:
    """Why the roster cannot be dealt shares: members unknown, changed or revoked in the confirmed list, by name."""
    confirmed = home.confirmed
    if confirmed is None:
        return ("no members list is confirmed here",)
    problems = []
    for hospital in study.hospitals:
        member = confirmed.find(hospital.name)
        if member is None:
            problems.append(f"{hospital.name} is not on the members list that was confirmed here")
        elif not member.is_active:
            problems.append(f"{hospital.name} is revoked")
        elif member.public_key.hex() != hospital.public_key:
            problems.append(f"{hospital.name} has another identity key than the one that was confirmed here")
    return tuple(problems)


def check(home: HospitalHome, offered: OfferedStudy) -> None:
    """Everything that must hold before this hospital takes part, whoever approved: policy, roster, keys, last day.

    Raises:
        RefusedError: names every reason; logged as an alarm.
    """
    problems = list(unconfirmed(home, offered.study))
    hint = "compare fingerprints and confirm: cipherward hospital members, then cipherward hospital confirm"
    policy = policyfile.load(home.policy_file)
    if grids := other_grids.beside_earlier(home, offered, policy).problems:
        problems, hint = [*grids, *problems], next(iter(grids.values()))
    try:
        policy.check(offered.study)
    except RefusedError as error:
        problems.insert(0, error.message)
        hint = error.hint
    if over := offered.study.ended(time()):
        problems, hint = [over], "ask the coordinator for a new study with a later date"
    if problems:
        reason = "; ".join(problems)
        home.alarm("study refused", {"digest": offered.digest.hex(), "reason": reason})
        raise RefusedError(f"the study {offered.study.name!r} is refused: {reason}", hint=hint)


def approve(home: HospitalHome, offered: OfferedStudy, approver: str, answer: Agreement) -> bytes:
    """Sign the study's digest with the person's name, the time, and what the hospital declares: the answer (`answers`) and what
    its table has of the study's columns; after `check`. The same bytes when it is approved already.

    Raises:
        RefusedError: as `check`, `answers.check` and `carried.verified_here`, no name of a person, or this hospital has withdrawn.
        DataError: this hospital's table cannot be read as the study's.
    """
    if offered.withdrawal:
        raise RefusedError(
            f"this hospital has withdrawn from the study {offered.study.name!r}",
            hint="a withdrawal is final; ask the coordinator for a new study",
        )
    if offered.approval:
        return offered.approval
    if not is_name(approver):
        raise RefusedError(
            f"an approval names the person who gives it, in 1 to {MAX_NAME} characters",
            hint='cipherward hospital approve STUDY --as "NAME"',
        )
    check(home, offered)
    answers.check(offered.study, offered.index, answer)
    try:
        declared = own_inventory.inventory(home, offered.study, answer)
    except RefusedError as error:
        home.alarm("study refused", {"digest": offered.digest.hex(), "reason": error.message})
        raise
    confirmed = home.confirmed
    members = confirmed.digest() if confirmed else b""
    signed = inventories.sign(home.identity, offered.index, declared)
    statement = Approval(offered.digest, members, approver, int(time()), signed)
    mapping = own_mapping.keep(home, offered.study, offered.folder)
    return _state(home, offered, APPROVAL, wire.encode(statement), {"mapping": mapping})


def check_open(home: HospitalHome, offered: OfferedStudy) -> None:
    """Raises RefusedError when the study is over here: there is nothing left to withdraw from."""
    name, folder = offered.study.name, home.model_folder(offered.study.name, offered.digest)
    if (folder / "result.json").exists():
        raise RefusedError(
            f"the study {name!r} is finished: nothing more leaves this hospital for it",
            hint=f"what was opened stays in the model, in {folder}; whether it is used here, people here decide",
        )
    if (offered.folder / STOPPED).exists():
        raise RefusedError(
            f"the coordinator stopped the study {name!r}: nothing more leaves this hospital for it",
            hint=f"nothing is left to do; the sums verified until then are in {folder}",
        )


def withdraw(home: HospitalHome, offered: OfferedStudy) -> bytes:
    """No further update and no release of this hospital. Cannot be taken back.

    Raises:
        RefusedError: the study is over here (`check_open`), and this hospital had not withdrawn before.
    """
    if not offered.withdrawal:
        check_open(home, offered)
    return offered.withdrawal or _state(home, offered, WITHDRAWAL, wire.encode(Withdrawal(offered.digest)))


def _state(
    home: HospitalHome, offered: OfferedStudy, kind: str, body: bytes, more: Mapping[str, object] | None = None
) -> bytes:
    signed = home.identity.sign(kind, offered.digest, offered.index, body)
    files.write(offered.folder / kind, signed)
    facts: dict[str, object] = {"study": offered.study.name, "digest": offered.digest.hex()}
    home.log(f"study {kind} signed", facts | dict(more or {}))
    return signed


def open_offer(home: HospitalHome, folder: Path) -> OfferedStudy:
    """The study in that folder of the home.

    Raises:
        StorageError, StudyError: its file is damaged or was changed.
    """

    def read() -> OfferedStudy:
        study = study_document.load(folder / STUDY)
        if study.digest().hex() == folder.name:
            return OfferedStudy(folder, study, offer_check.own_index(home, study))
        raise StorageError(
            f"{folder / STUDY} was changed: it is not the study whose digest names its folder",
            hint="restore the folder from its backup; the coordinator can offer the study again",
        )

    return home.remembered.get(folder, [folder / STUDY], read)
