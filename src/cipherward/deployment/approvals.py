"""The studies that a hospital was offered, and its people's signed yes or no to each.

`studies/<digest>/` of a hospital's home: `study.toml`, `ckks-public.key` (scheme ckks), `approval` and `withdrawal`
(signed statements, made by `cipherward hospital approve` and `withdraw`; the service sends them on).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cipherward.deployment.homes import HospitalHome
from cipherward.study import Study


@dataclass(frozen=True)
class Approval:
    """What an approval states: this study, with the members list (digest) that the hospital had confirmed."""

    study: bytes
    members: bytes


@dataclass(frozen=True)
class OfferedStudy:
    """A study in a hospital's home. `index`: this hospital's roster index, 1..n."""

    folder: Path
    study: Study
    index: int

    @property
    def digest(self) -> bytes:
        return bytes.fromhex(self.folder.name)

    @property
    def ckks_public(self) -> bytes:
        """The coordinator's CKKS key; empty for other schemes."""
        raise NotImplementedError

    @property
    def approval(self) -> bytes:
        """The signed approval, empty while people have not approved."""
        raise NotImplementedError

    @property
    def withdrawal(self) -> bytes:
        """The signed withdrawal, empty unless people withdrew."""
        raise NotImplementedError


def keep_offer(home: HospitalHome, document: bytes, ckks_public: bytes) -> OfferedStudy:
    """Keep a study that the coordinator offers (frozen study.toml), to be reviewed by people.

    Raises:
        StudyError, RefusedError, FaultyCoordinatorError: not a frozen study, not this coordinator's, this hospital is
            not on its roster or with another key; logged as an alarm, nothing was kept. The study of the same digest is kept once.
    """
    raise NotImplementedError


def offers(home: HospitalHome) -> list[OfferedStudy]:
    """Every study that was offered, oldest first."""
    raise NotImplementedError


def find(home: HospitalHome, selector: str) -> OfferedStudy:
    """The study of that name or digest prefix (at least 4 hex digits).

    Raises:
        StudyError: none, or more than one.
    """
    raise NotImplementedError


def unconfirmed(home: HospitalHome, study: Study) -> tuple[str, ...]:
    """Why the roster cannot be dealt shares: members unknown, changed or revoked in the confirmed list, by name."""
    raise NotImplementedError


def check(home: HospitalHome, offered: OfferedStudy) -> None:
    """Everything that must hold before this hospital takes part, whoever approved: policy, roster, keys.

    Raises:
        RefusedError: names every reason; logged as an alarm.
    """
    raise NotImplementedError


def approve(home: HospitalHome, offered: OfferedStudy) -> bytes:
    """Sign the study's digest, after `check`; the same bytes when it is approved already."""
    raise NotImplementedError


def withdraw(home: HospitalHome, offered: OfferedStudy) -> bytes:
    """No further update of this hospital; what is certified is still released. Cannot be taken back."""
    raise NotImplementedError


def open_approval(data: bytes, study: Study) -> int:
    """The roster index of the hospital that signed this approval of a frozen study (the coordinator's check).

    Raises:
        WireError, ProtocolError: malformed, forged, or of another study.
    """
    raise NotImplementedError


def open_withdrawal(data: bytes, study: Study) -> int:
    """Likewise for a withdrawal."""
    raise NotImplementedError
