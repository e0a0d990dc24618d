"""What hospitals have said about a study besides its sums, kept at the coordinator with their signatures.

approvals/, withdrawals/ and breaches/ hold one signed statement per roster index; refusals/ the names of the rules that
keep a hospital out for now; quarantine/ what was faulty, evidence/ the pairs of messages in which a hospital contradicts
itself.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.disclosure.standing import Agreement
from cipherward.errors import CipherwardError, ProtocolError
from cipherward.parties import decisions
from cipherward.parties.decisions import Approval
from cipherward.parties.policy import CLAUSES
from cipherward.parties.records import Records
from cipherward.runs.study_folder import APPROVALS, BREACHES, REFUSALS, WITHDRAWALS, StudyFolder
from cipherward.store import files
from cipherward.study import Study

REASONS = CLAUSES | {"policy", "members", "blocks", "until", "offer", "data", "model", "files", "set-aside"}
"""Why a hospital refuses, by name and without any value of its own: a clause of its policy, an unreadable policy, members
that nobody confirmed, blocks, keys or foundings that speak against it, a last day that has passed, an offer that cannot be kept, a table or model code that cannot be used, damaged files of the
study, a study that was set aside because it ended or held up the service."""


class Statements(Records):
    """Reads the files each time: they are few, and people look at them too."""

    def __init__(
        self, home: CoordinatorHome, folder: Path, study: Study, on_breach: Callable[[int, bytes], None]
    ) -> None:
        super().__init__(folder)
        self._home = home
        self._files = StudyFolder(folder)
        self._study = study
        self._on_breach = on_breach
        self._opened: dict[int, Approval] = {}

    @property
    def approved(self) -> frozenset[int]:
        return frozenset(self._files.who_said(APPROVALS))

    @property
    def _said(self) -> dict[int, Approval]:
        """What each hospital's signed approval states, in roster order."""
        for hospital, path in self._files.who_said(APPROVALS).items():
            if hospital not in self._opened:
                with contextlib.suppress(CipherwardError):
                    self._opened[hospital] = decisions.approval_of(files.read(path), self._study)[1]
        return dict(sorted(self._opened.items()))

    @property
    def approvers(self) -> dict[int, str]:
        """Who approved at each hospital and when."""
        return {hospital: said.words for hospital, said in self._said.items()}

    @property
    def inventories(self) -> dict[int, bytes]:
        """What each hospital that approved declares of its table, signed by itself."""
        return {hospital: said.inventory for hospital, said in self._said.items()}

    @property
    def agreed(self) -> frozenset[int]:
        """Hospitals whose people said, with their approval, that they may be singled out by what is opened."""
        return frozenset(hospital for hospital, said in self._said.items() if said.answer is Agreement.YES)

    @property
    def withdrawn(self) -> frozenset[int]:
        return frozenset(self._files.who_said(WITHDRAWALS))

    def who_left(self) -> dict[int, str]:
        """Which hospitals have left the study by their own signed word, and why."""
        names = [hospital.name for hospital in self._study.hospitals]
        found = {hospital: f"{names[hospital - 1]} has withdrawn" for hospital in self.withdrawn}
        return found | {each: f"{names[each - 1]} has reported a breach" for each in self.breached}

    @property
    def breached(self) -> frozenset[int]:
        """Hospitals that reported a breach, and take no further part."""
        return frozenset(self._files.who_said(BREACHES))

    @property
    def refused(self) -> dict[int, tuple[str, ...]]:
        """Hospitals whose own rules refuse the study as it is: the names of these rules."""
        found = {}
        for hospital, path in self._files.who_said(REFUSALS).items():
            with contextlib.suppress(ValueError):
                found[hospital] = _reasons(files.read(path))
        return found

    def take_refusal(self, hospital: int, reasons: tuple[str, ...]) -> None:
        """Keep which rules of a hospital refuse the study; an empty list takes an earlier one back.

        Raises:
            ProtocolError: not names of rules, of which the letter holds nothing else.
        """
        if not set(reasons) <= REASONS or len(reasons) > len(REASONS):
            raise ProtocolError("a refusal for a reason that does not exist")
        if reasons == self.refused.get(hospital, ()):
            return
        path = self._files.said(REFUSALS, hospital)
        if reasons:
            files.write(path, json.dumps(sorted(reasons)).encode())
            self._home.alarm("study refused", self._facts(hospital) | {"reason": ", ".join(reasons)})
        else:
            path.unlink(missing_ok=True)
            self._home.log("study no longer refused", self._facts(hospital))

    def take_approval(self, hospital: int, statement: bytes) -> bool:
        """Keep a hospital's signed approval; whether it is new.

        Raises:
            ProtocolError, WireError: not this hospital's approval of this study.
        """
        if decisions.open_approval(statement, self._study) != hospital:
            raise ProtocolError("an approval signed by somebody else")
        if hospital in self.approved:
            return False
        self._keep(APPROVALS, "approved", hospital, statement)
        return True

    def take_withdrawal(self, hospital: int, statement: bytes) -> None:
        """Keep a hospital's signed withdrawal: it contributes no more, and what it has contributed stays.

        Raises:
            ProtocolError, WireError: not this hospital's withdrawal from this study.
        """
        if decisions.open_withdrawal(statement, self._study) != hospital:
            raise ProtocolError("a withdrawal signed by somebody else")
        if hospital not in self.withdrawn:
            self._keep(WITHDRAWALS, "withdrawn", hospital, statement)

    def keep_breach(self, hospital: int, receipt: bytes) -> None:
        super().keep_breach(hospital, receipt)
        self._home.alarm("breach", self._facts(hospital))
        self._on_breach(hospital, receipt)

    def keep_quarantine(self, round: int, hospital: int, packet: bytes, reason: str) -> None:
        super().keep_quarantine(round, hospital, packet, reason)
        self._home.alarm("faulty message", self._facts(hospital) | {"reason": reason})

    def keep_evidence(self, round: int, hospital: int, messages: tuple[bytes, bytes], reason: str) -> None:
        super().keep_evidence(round, hospital, messages, reason)
        self._home.alarm("a hospital contradicts itself", self._facts(hospital) | {"reason": reason})

    def _keep(self, what: str, event: str, hospital: int, statement: bytes) -> None:
        files.write(self._files.said(what, hospital), statement)
        self._home.log(event, self._facts(hospital))

    def _facts(self, hospital: int) -> dict[str, object]:
        return {"study": self._study.name, "hospital": self._study.hospitals[hospital - 1].name}


def _reasons(data: bytes) -> tuple[str, ...]:
    """What `take_refusal` has written; whatever else is in the file refuses nothing, and the hospital says it again."""
    try:
        found = json.loads(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, list) or not all(isinstance(reason, str) and reason in REASONS for reason in found):
        raise ValueError("not names of rules")
    return tuple(found)
