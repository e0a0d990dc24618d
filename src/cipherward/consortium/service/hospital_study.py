"""A hospital's part in one study, from the offer to the verified model. Everything it knows is in files.

studies/<digest>/ holds the offer and what people decided; models/<name>-<digest>/ the openings that this hospital
verified, its receipts and the model, laid out as a run directory, so that `cipherward verify` checks it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic, perf_counter, time
from typing import Any, cast

from cipherward.consortium.approval import approvals, earlier_model, own_standing
from cipherward.consortium.approval.approvals import OfferedStudy
from cipherward.consortium.approval.own_standing import OwnStanding
from cipherward.consortium.homes.hospital_home import HospitalHome
from cipherward.consortium.service import final_model, own_results
from cipherward.consortium.service.boundary import DATA, SET_ASIDE, Boundary, BroughtError, Guarded
from cipherward.consortium.service.brought import Brought, logged
from cipherward.consortium.service.hospital_beginning import HospitalBeginning
from cipherward.consortium.service.hospital_status import status_of
from cipherward.consortium.service.notices import UNAPPROVED, explained
from cipherward.consortium.service.study_end import AFTER_THE_END, StudyEnd
from cipherward.errors import CipherwardError, DataError, ProtocolError, RefusedError, StorageError
from cipherward.learning.devices import Device
from cipherward.learning.model_kind import Factory
from cipherward.parties import decisions, roster
from cipherward.parties.hospital_node import HospitalNode
from cipherward.runs import modelfile, verify
from cipherward.runs.folder import RunDirectory
from cipherward.runs.study_folder import StudyFolder
from cipherward.store import counters, files
from cipherward.store.ledger import Ledger
from cipherward.study import Study
from cipherward.sums.messages import Receipt, unsign
from cipherward.sums.packets import unpack
from cipherward.tasks.hospital_work import HospitalWork

BEGINS = ("Announce", "Joined")
"""Packets that lead to a new contribution; the others are about one that was made."""

KEPT_SECONDS = 600.0
"""After the last packet about a study that is over, for so long its node and table stay in memory."""

_ALARMS = {"refused", "breach", "verification failed", "privacy budget spent"}


class HospitalStudy:
    """One study at one hospital, as `approvals.keep_offer` has kept it in the home."""

    def __init__(self, home: HospitalHome, offered: OfferedStudy, ledger: Ledger) -> None:
        self.home = home
        self.offered = offered
        self.files = StudyFolder(offered.folder)
        self.study: Study = offered.study
        self.digest = offered.digest
        self.index = offered.index
        self.run = RunDirectory(home.model_folder(self.study.name, self.digest))
        self.folders = offered.folder, self.run.path
        self.last_error = ""
        self.boundary = Boundary(offered.folder)
        self.brought = Brought(home, offered, self.boundary, ledger)
        self.end = StudyEnd(home, offered, self.run, ledger)
        self.standing = OwnStanding(home, offered, ledger)
        self.beginning = HospitalBeginning(offered, self.run)
        self._ledger = ledger
        self._node: HospitalNode | None = None
        self._used_at = float("-inf")
        self._approved = b"", False
        self._times: tuple[object, ...] = ()
        self._looked_at: set[str] = set()
        self._last_status: dict[str, Any] | None = None
        self._told: tuple[str, ...] | None = None
        self.on_event: Callable[[str, dict[str, object]], None] = lambda event, facts: None

    @property
    def name(self) -> str:
        """The study's name."""
        return self.study.name

    # what people decided

    @property
    def is_approved(self) -> bool:
        """Whether this hospital's people signed exactly this study."""
        signed = self.offered.approval
        if self._approved[0] != signed:
            self._approved = signed, decisions.is_approval_of(self.index, signed, self.study)
        return self._approved[1]

    @property
    def is_over(self) -> bool:
        """Whether nothing more can come of it here: there is a model, or the coordinator has ended it."""
        return self.end.is_over

    @property
    def is_running(self) -> bool:
        """Whether the coordinator has asked for something since this process began."""
        return self._node is not None

    def stop(self, reason: str) -> None:
        """Note that the coordinator ended the study; what could open a sum of it is erased.

        Raises:
            StorageError: this machine's disk; to be called again.
        """
        self.end.stop(reason)
        self.erase()

    def erase(self) -> None:
        """When the study has ended here: forget what could open a sum of it, in memory and in the ledger. Raises: as `stop`."""
        if self.end.has_come and not self.end.is_erased:
            self._node = None
            self.end.erase()

    def let_go(self) -> None:
        """Once nothing has come for a while to a study that is over, its table and model are read back only if something does."""
        if self.is_over and monotonic() > self._used_at + KEPT_SECONDS:
            self._node = None

    def check(self) -> None:
        """Whether this hospital may contribute now. Asked again before every sum, so that people's changes count.

        Raises:
            RefusedError: not approved, withdrawn, stopped, a member that nobody here confirmed, or outside the policy.
        """
        if not self.is_approved:
            raise RefusedError(f"nobody here has approved the study {self.study.name!r}", hint=UNAPPROVED)
        if self.end.is_withdrawn:
            raise RefusedError(f"this hospital has withdrawn from the study {self.study.name!r}")
        if self.end.stopped:
            raise RefusedError(f"the study {self.study.name!r} was stopped: {self.end.stopped}")
        if aside := self.boundary.set_aside:
            raise RefusedError(
                f"the study {self.study.name!r} is set aside: {aside}",
                hint=f"cipherward hospital retry {self.study.name}",
            )
        if self._node and DATA in self.brought.unusable:
            raise RefusedError(
                f"the table was changed while the study {self.study.name!r} runs",
                hint="put the earlier table back (the same rows in the same order), or withdraw from the study",
            )
        if over := self.study.ended(time()):
            raise RefusedError(over)
        if not self.is_running:
            self._check_memory()
        policy = self.brought.policy()
        problems = [*self.brought.broken(), *self.beginning.refused(policy), *self.standing.problems()]
        if problems := [*problems, *approvals.unconfirmed(self.home, self.study)]:
            raise RefusedError(f"the study {self.study.name!r} is refused: " + "; ".join(problems))

    def refusal_to_tell(self) -> tuple[str, ...] | None:
        """The names of what keeps this hospital from the study, when the coordinator has to hear them; otherwise None.

        Told after each start and at each change, and taken back (empty) when nothing does any more. The table is looked at
        once people have approved, and again when it or the settings change.
        """
        if self.end.is_withdrawn or self.is_over:
            return None
        watched = (*self.home.rule_files(), *self.home.data_files(), self.files.approval, self.boundary.watched)
        changed = (files.stamp(path) for path in watched)
        times = (*changed, bool(self.study.ended(time())), self.beginning.is_known, self.standing.problems())
        if times != self._times:
            self._times = times
            if self.is_approved and not self.boundary.set_aside:
                self.last_error = self.brought.try_out() or self.last_error
        elif self.brought.unusable == self._looked_at:
            return None
        self._looked_at = set(self.brought.unusable)
        reasons = self._refused_by()
        told = self.files.refusal_told
        if reasons == self._told or (self._told is None and not reasons and not told.exists()):
            return None
        self._told = reasons
        if reasons:
            files.write(told, ", ".join(reasons).encode())
        else:
            told.unlink(missing_ok=True)
        self.home.log("refusal sent", {"study": self.study.name, "reason": ", ".join(reasons) or "none any more"})
        return reasons

    def _refused_by(self) -> tuple[str, ...]:
        try:
            policy = self.brought.policy()
            dominating = ("may_dominate",) if self.beginning.refused(policy) else ()
            reasons = (*self.brought.clauses_broken(), *dominating)
        except RefusedError:
            reasons = ("policy",)
        if approvals.unconfirmed(self.home, self.study):
            reasons = (*reasons, "members")
        if self.standing.problems():
            reasons = (*reasons, "blocks")
        own = (("until", self.study.ended(time())), (SET_ASIDE, self.boundary.set_aside))
        return (*reasons, *(name for name, why in own if why), *sorted(self.brought.unusable))

    def handle(self, packet: bytes) -> list[bytes]:
        """Answer one packet of the coordinator; what may not be answered is logged and gets nothing.

        Raises:
            StorageError: the ledger cannot be written; nothing was sent.
        """
        try:
            kind = unpack(packet)[0]
            if kind in BEGINS:
                self.check()
            elif not self.is_approved:
                raise RefusedError(f"nobody here has approved the study {self.study.name!r}", hint=UNAPPROVED)
            elif self.end.has_come:
                self.erase()
                if kind not in AFTER_THE_END:
                    raise RefusedError(f"the study {self.study.name!r} is over here and its keys are erased")
            node = self._opened_node()
        except StorageError:
            raise
        except CipherwardError as error:
            self._problem(error)
            return []
        try:
            with self.boundary.around_packet(self.brought.model_words if kind == "Joined" else ""):
                return self._answer(node, kind, packet)
        except StorageError:
            self._node = None  # ahead of its ledger: the next packet finds it as the files say
            raise
        except BroughtError as error:
            self._node = None
            self._problem(error)
            return []

    def _answer(self, node: HospitalNode, kind: str, packet: bytes) -> list[bytes]:
        before = node.state.sums_done
        candidate = self.files.unverified_opening(before)
        if kind == "Opening":
            # Written first: once the receipt is in the ledger, only this opening leads to the next state.
            files.write(candidate, unpack(packet)[1])
        try:
            replies = node.handle(packet)
        except StorageError:
            raise  # this machine's disk, not what the coordinator sent
        except CipherwardError as error:
            self._problem(error)
            return []
        if node.state.sums_done > before:
            self._keep(candidate, before)
            if node.state.question is None:
                self._keep_model(node)
                self.end.erase()
        elif kind == "Opening":
            candidate.unlink(missing_ok=True)
        return replies

    def _opened_node(self) -> HospitalNode:
        self._used_at = monotonic()
        if self._node is None:
            self._check_memory()
            self._node = self._make_node()
        return self._node

    def _check_memory(self) -> None:
        """Raises RefusedError: sums were verified here that the ledger knows nothing of."""
        known, kept = self._ledger.receipts(self.digest), len(self.run.rounds_with_openings())
        if known < kept and not self.end.has_come:
            raise RefusedError(
                f"the ledger is older than what it led to: {kept} sums of the study {self.study.name!r} were verified here, "
                f"and it knows of {known}",
                hint=counters.WAY_OUT,
            )

    def _make_node(self) -> HospitalNode:
        study, home, public = self.study, self.home, self.offered.ckks_public
        policy = self.brought.policy()
        factory = self.brought.model()
        self._prepare_run(public, factory)
        self._keep_unfinished()
        self.brought.unusable.add("files")
        try:
            with self.boundary.around(self.brought.model_words):
                run = verify.open_run(self.run.path, factory)
                state = run.first
                for replayed in verify.replay(run):
                    state = replayed.state
        except CipherwardError as error:
            # Not a disk that fails for everything: the letter must not come again and again, and hold up other studies.
            raise DataError(
                f"the files of the study {study.name!r} here are damaged: {error.message}",
                hint=f"restore {self.run.path} from a backup",
            ) from None
        self.brought.unusable.discard("files")
        data = self.brought.table()
        own_standing.note_name(home, self._ledger, self.standing.register.name)
        self.brought.begin(data)
        work = HospitalWork(self.index, data, cast(Device, home.device), perf_counter, cell_min=policy.cell_min)
        node = HospitalNode(
            rules=roster.rules_of(study, roster.public_scheme(study, public)),
            index=self.index,
            identity=home.identity,
            state=state,
            work=cast(HospitalWork, Guarded(work, self.boundary, self.brought.model_words)),
            ledger=self._ledger,
            policy=policy,
            log=self._log,
            clock=perf_counter,
            answer=self.offered.declared.answer,
        )
        if state.question is None and not self.run.result.exists():
            self._node = node
            self._keep_model(node)
        return node

    def _prepare_run(self, public: bytes, factory: Factory | None) -> None:
        if not self.run.study_digest.exists():
            with self.boundary.around("the first model of this study"):
                first = modelfile.of(earlier_model.begun(self.home, self.study, factory, self.beginning.left_out))
            self.run.path.mkdir(parents=True, exist_ok=True)
            self.beginning.prepare_run()
            if first:
                modelfile.save(self.run.initial_model, first)
            if public:
                files.write(self.run.ckks_public, public)
            self.run.write_study(self.study)

    def _keep_unfinished(self) -> None:
        """Finish what a stop between the ledger's receipt and the run directory left undone."""
        verified, kept = self._ledger.receipts(self.digest), len(self.run.rounds_with_openings())
        candidate = self.files.unverified_opening(kept)
        if verified > kept and candidate.exists():
            self._keep(candidate, kept)

    def _keep(self, candidate: Path, round: int) -> None:
        files.write(self.run.receipt(round, self.index), self._ledger.receipt(self.digest, round))
        files.move(candidate, self.run.opening(round))

    def _keep_model(self, node: HospitalNode) -> None:
        final_model.keep_received(self.home, self.run, node, self.offered.approved_by)

    @property
    def is_unreported(self) -> bool:
        """Whether the study has ended here with a model, and nobody has written its report."""
        return self.run.result.exists() and not StudyFolder(self.run.path).report.exists()

    def keep_own_results(self) -> None:
        """The model on this hospital's own rows beside one that it trains alone; nothing of it is ever sent.

        Raises:
            CipherwardError: the study's files, its table or the disk.
        """
        if not StudyFolder(self.run.path).own_results.exists():
            with self.boundary.around("the own results of this study"):
                node = self._opened_node()
                own_results.keep_examples(self.run.path, node, self.home.examples)
                own_results.keep(self.run.path, node)

    def take_alert(self, hospital: int, receipt: bytes) -> None:
        """Another hospital reports a breach: keep its signed word and raise the alarm.

        Raises:
            ProtocolError, WireError: the evidence is not what it claims to be.
        """
        body = unsign(
            receipt, Receipt, study=self.digest, keys=roster.roster_keys(self.study), sender=hospital or len(receipt)
        )
        if body.outcome != "breach":
            raise ProtocolError("an alert without a breach in it")
        files.write(self.files.alert(hospital), receipt)
        name = self.study.hospitals[hospital - 1].name
        self.home.alarm("breach reported", {"study": self.study.name, "hospital": name, "reason": body.detail})

    def status(self) -> dict[str, Any]:
        """What is true of this study here, from the files; once it is over, only a breach that others report changes it."""
        alerts = sorted(path.stem for path in self.files.alerts.glob("*.cbor")) if self.files.alerts.exists() else []
        if not self.is_over:
            return status_of(self, self._ledger) | {"alerts": alerts}
        if self._last_status is None:
            self._last_status = status_of(self, self._ledger)
        return self._last_status | {"alerts": alerts}

    def _log(self, event: str, facts: dict[str, object]) -> None:
        say = self.home.alarm if event in _ALARMS else self.home.log
        if event == "notice":
            facts = explained(facts)
        say(event, {"study": self.study.name} | facts)
        self.on_event(event, facts)
        if event in _ALARMS or event == "declined":
            self.last_error = str(facts.get("reason", event))

    def _problem(self, error: CipherwardError) -> None:
        self.last_error = logged(error)
        self.home.alarm("refused", {"study": self.study.name, "reason": logged(error), "hint": error.hint})
