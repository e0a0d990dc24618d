"""A hospital's part in one study, from the offer to the verified model. Everything it knows is in files.

studies/<digest>/ holds the offer and what people decided; models/<name>-<digest>/ the openings that this hospital
verified, its receipts and the model, laid out as a run directory, so that `cipherward verify` checks it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, cast

from torch import nn

from cipherward.consortium.approval import approvals, modelcode, policyfile
from cipherward.consortium.approval.approvals import OfferedStudy
from cipherward.consortium.homes import received_models as received
from cipherward.consortium.homes.homes import HospitalHome
from cipherward.consortium.service import own_results
from cipherward.data.sources import HospitalData, load_hospitals
from cipherward.errors import CipherwardError, DataError, ProtocolError, RefusedError, StorageError
from cipherward.learning import models
from cipherward.learning.sgd import Device
from cipherward.parties import roster
from cipherward.parties.hospital_node import HospitalNode, Outcome
from cipherward.parties.policy import Policy
from cipherward.privacy import budget as privacy_ledger
from cipherward.runs import fingerprint, modelfile, verify
from cipherward.runs.folder import RunDirectory
from cipherward.runs.modelfile import ModelFile
from cipherward.runs.result import findings
from cipherward.store import files
from cipherward.store.ledger import Ledger
from cipherward.study import Study
from cipherward.sums.messages import Receipt, unsign
from cipherward.sums.packets import unpack
from cipherward.tasks.hospital_work import LocalWork

REFUSAL_TOLD = "refusal-told"
"""The file in a study's folder that says what the coordinator was last told."""

BEGINS = ("Announce", "Joined")
"""Packets that lead to a new contribution; the others are about one that was made."""

_ALARMS = {"refused", "breach", "verification failed", "privacy budget spent"}


class HospitalStudy:
    """One study at one hospital, as `approvals.keep_offer` has kept it in the home."""

    def __init__(self, home: HospitalHome, offered: OfferedStudy, ledger: Ledger) -> None:
        self.home = home
        self.offered = offered
        self.folder = offered.folder
        self.study: Study = offered.study
        self.digest = offered.digest
        self.index = offered.index
        self.run = RunDirectory(home.model_folder(self.study.name, self.digest))
        self.last_error = ""
        self._ledger = ledger
        self._site: HospitalNode | None = None
        self._times: tuple[int, ...] = ()
        self._looked_at: set[str] = set()
        self._told: tuple[str, ...] | None = None
        self._unusable: set[str] = set()

    # what people decided

    @property
    def is_approved(self) -> bool:
        """Whether this hospital's people signed exactly this study."""
        try:
            return approvals.open_approval(self.offered.approval, self.study) == self.index
        except CipherwardError:
            return False

    @property
    def is_withdrawn(self) -> bool:
        return bool(self.offered.withdrawal)

    @property
    def stopped(self) -> str:
        """Why the coordinator ended the study; empty while it has not."""
        path = self.folder / "stopped"
        return (files.read(path).decode("utf-8", "replace").strip() or "no reason given") if path.exists() else ""

    def stop(self, reason: str) -> None:
        """Note that the coordinator ended the study."""
        if self.stopped:
            return
        self.home.log("study stopped", {"study": self.study.name, "reason": reason[:500]})
        files.write(self.folder / "stopped", f"{reason}\n".encode())

    def check(self) -> None:
        """Whether this hospital may contribute now. Asked again before every sum, so that people's changes count.

        Raises:
            RefusedError: not approved, withdrawn, stopped, a member that nobody here confirmed, or outside the policy.
        """
        if not self.is_approved:
            raise RefusedError(f"nobody here has approved the study {self.study.name!r}")
        if self.is_withdrawn:
            raise RefusedError(f"this hospital has withdrawn from the study {self.study.name!r}")
        if self.stopped:
            raise RefusedError(f"the study {self.study.name!r} was stopped: {self.stopped}")
        if self._site and "data" in self._unusable:
            raise RefusedError(f"the table was changed while the study {self.study.name!r} runs: {self.last_error}")
        problems = [*self._policy().broken(self.study), *approvals.unconfirmed(self.home, self.study)]
        if problems:
            raise RefusedError(f"the study {self.study.name!r} is refused: " + "; ".join(problems))

    def refusal_to_tell(self) -> tuple[str, ...] | None:
        """The names of what keeps this hospital from the study, when the coordinator has to hear them; otherwise None.

        Told after each start and at each change, and taken back (empty) when nothing does any more. The table is looked at
        once people have approved, and again when it or the settings change.
        """
        if self.is_withdrawn or self.stopped or self.run.result.exists():
            return None
        watched = (*self.home.rule_files(), *self.home.data_files(), self.folder / "approval")
        times = tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in watched)
        if times != self._times:
            self._times = times
            if self.is_approved:
                self._look_at_table()
        elif self._unusable == self._looked_at:
            return None
        self._looked_at = set(self._unusable)
        reasons = self._refused_by()
        told = self.folder / REFUSAL_TOLD
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
            reasons = self._policy().clauses_broken(self.study)
        except RefusedError:
            reasons = ("policy",)
        if approvals.unconfirmed(self.home, self.study):
            reasons = (*reasons, "members")
        return (*reasons, *sorted(self._unusable))

    def _look_at_table(self) -> None:
        try:
            self._load_table()
        except CipherwardError as error:
            facts = {"study": self.study.name, "reason": error.logged, "hint": error.hint}
            self.home.alarm("table cannot be used", facts)
            self.last_error = error.logged

    def _load_table(self) -> HospitalData:
        """Raises DataError, StorageError: it does not fit the study, cannot be read, or nothing says where it is."""
        self._unusable.add("data")
        table = self.home.data_source if self.study.data.source == "files" else None
        (data,) = load_hospitals(self.study, table, self.home.path, only=[self.home.name])
        if (self.folder / fingerprint.NAME).exists():
            fingerprint.check(self.folder, data)
        self._unusable.discard("data")
        return data

    def _policy(self) -> Policy:
        try:
            return policyfile.load(self.home.policy_file)
        except StorageError as error:
            raise RefusedError(f"without a readable policy nothing leaves: {error.message}") from None

    # packets

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
                raise RefusedError(f"nobody here has approved the study {self.study.name!r}")
            site = self._opened_site()
        except (RefusedError, ProtocolError, DataError) as error:
            self._problem(error)
            return []
        try:
            return self._answer(site, kind, packet)
        except StorageError:
            self._site = None  # ahead of its ledger: the next packet finds it as the files say
            raise

    def _answer(self, site: HospitalNode, kind: str, packet: bytes) -> list[bytes]:
        before = site.state.sums_done
        candidate = self.folder / f"opening-{before:04d}.cbor"
        if kind == "Opening":
            # Written first: once the receipt is in the ledger, only this opening leads to the next state.
            files.write(candidate, unpack(packet)[1])
        try:
            replies = site.handle(packet)
        except StorageError:
            raise  # this machine's disk, not what the coordinator sent
        except CipherwardError as error:
            self._problem(error)
            return []
        answered = {unpack(reply)[0] for reply in replies}
        if kind == "ConsentRequest" and "Vote" in answered:
            files.write(self._request, packet, private=True)
        if "Release" in answered or site.state.sums_done > before:
            self._request.unlink(missing_ok=True)
        if site.state.sums_done > before:
            self._keep(candidate, before)
            if site.state.final is not None:
                self._keep_model(site)
        elif kind == "Opening":
            candidate.unlink(missing_ok=True)
        return replies

    # the node

    def _opened_site(self) -> HospitalNode:
        if self._site is None:
            self._site = self._make_site()
        return self._site

    def _make_site(self) -> HospitalNode:
        study, home, public = self.study, self.home, self.offered.ckks_public
        policy = self._policy()
        factory = modelcode.factory_of(study, policy)
        self._prepare_run(public, factory)
        self._keep_unfinished()
        self._unusable.add("files")
        try:
            run = verify.open_run(self.run.path)
            state = run.first
            for replayed in verify.replay(run):
                state = replayed.state
        except CipherwardError as error:
            # Not a disk that fails for everything: the letter must not come again and again, and hold up other studies.
            raise DataError(
                f"the files of the study {study.name!r} here are damaged: {error.message}",
                hint=f"restore {self.run.path} from a backup",
            ) from None
        self._unusable.discard("files")
        data = self._load_table()
        fingerprint.hold(self.folder, data)
        module = models.build(study.model, roster.n_features_of(study), study.seed, factory)
        site = HospitalNode(
            rules=roster.rules_of(study, roster.public_scheme(study, public)),
            index=self.index,
            identity=home.identity,
            state=state,
            work=LocalWork(self.index, data, module, cast(Device, home.device), perf_counter),
            ledger=self._ledger,
            policy=policy,
            log=self._log,
            clock=perf_counter,
            cut=home.data_cut,
        )
        if self._request.exists():
            # What I consented to has to be in memory again before its certificate comes.
            site.handle(files.read(self._request))
        if state.final is not None and not self.run.result.exists():
            self._site = site
            self._keep_model(site)
        return site

    def _prepare_run(self, public: bytes, factory: Callable[[int], nn.Module] | None) -> None:
        if not self.run.study_digest.exists():
            first = roster.first_state(self.study, factory)
            self.run.path.mkdir(parents=True, exist_ok=True)
            modelfile.save(self.run.initial_model, ModelFile(self.study, first.groups, first.weights, None))
            if public:
                files.write(self.run.ckks_public, public)
            self.run.write_study(self.study)

    def _keep_unfinished(self) -> None:
        """Finish what a stop between the ledger's receipt and the run directory left undone."""
        verified, kept = self._ledger.receipts(self.digest), len(self.run.rounds_with_openings())
        candidate = self.folder / f"opening-{kept:04d}.cbor"
        if verified > kept and candidate.exists():
            self._keep(candidate, kept)

    def _keep(self, candidate: Path, round: int) -> None:
        files.write(self.run.receipt(round, self.index), self._ledger.receipt(self.digest, round))
        files.write(self.run.opening(round), files.read(candidate))
        candidate.unlink()

    def _keep_model(self, site: HospitalNode) -> None:
        state = site.state
        model = ModelFile(self.study, state.groups, state.weights, state.preprocessor)
        auroc = state.final.auroc if state.final else None
        received.keep(self.home, model, self._outcomes(), rounds=state.rounds_done, auroc=auroc)
        budgets = {self.home.name: site.budget.report()} if site.budget else {}
        self.run.write_json(
            self.run.result, findings(state) | {"privacy": privacy_ledger.describe(self.study, budgets)}
        )

    @property
    def is_unreported(self) -> bool:
        """Whether the study has ended here with a model, and nobody has written its report."""
        return self.run.result.exists() and not (self.run.path / "report.html").exists()

    def keep_own_results(self) -> None:
        """The model on this hospital's own rows beside one that it trains alone; nothing of it is ever sent.

        Raises:
            CipherwardError: the study's files, its table or the disk.
        """
        if not (self.run.path / own_results.NAME).exists():
            first = modelfile.load(self.run.initial_model)
            own_results.keep(self.run.path, self._opened_site(), first.weights)

    def _outcomes(self) -> list[Outcome]:
        """What this hospital signed about every sum, from its own receipts."""
        found = []
        for round in self.run.rounds_with_openings():
            data = files.read(self.run.receipt(round, self.index))
            receipt = unsign(data, Receipt, study=self.digest, keys=roster.roster_keys(self.study), sender=self.index)
            found.append(Outcome(round, receipt.outcome, self.index, receipt.detail))
        return found

    # words

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
        files.write(self.folder / "alerts" / f"hospital-{hospital}.cbor", receipt)
        name = self.study.hospitals[hospital - 1].name
        self.home.alarm("breach reported", {"study": self.study.name, "hospital": name, "reason": body.detail})

    def status(self) -> dict[str, Any]:
        """What is true of this study here, from the files."""
        done = len(self.run.rounds_with_openings())
        breach = self._ledger.fact(f"breach in study {self.digest.hex()}")
        try:
            refusal = ""
            self.check()
        except CipherwardError as error:
            refusal = error.message
        if self._unusable and not refusal:
            refusal = f"the {' and '.join(sorted(self._unusable))} here cannot be used: {self.last_error}"
        if breach is not None:
            phase = "breach"
        elif self.run.result.exists():
            phase = "finished"
        elif self.is_withdrawn:
            phase = "withdrawn"
        elif self.stopped:
            phase = "stopped"
        elif not self.is_approved:
            phase = "offered"
        elif refusal:
            phase = "refused"
        else:
            phase = "running" if done or self._site else "approved"
        return {
            "study": self.study.name,
            "digest": self.digest.hex(),
            "phase": phase,
            "why_not": refusal,
            "sums_verified": done,
            "sums_planned": self.study.training.rounds + 2,
            "stopped": self.stopped,
            "alerts": sorted(path.stem for path in (self.folder / "alerts").glob("*.cbor")),
            "last_error": breach.decode("utf-8", "replace") if breach else self.last_error,
            "model": self.run.path.name if self.run.result.exists() else "",
        }

    @property
    def _request(self) -> Path:
        return self.folder / "consent-request.packet"

    def _log(self, event: str, facts: dict[str, object]) -> None:
        say = self.home.alarm if event in _ALARMS else self.home.log
        say(event, {"study": self.study.name} | facts)
        if event in _ALARMS or event == "declined":
            self.last_error = str(facts.get("reason", event))

    def _problem(self, error: CipherwardError) -> None:
        self.last_error = error.logged
        self.home.alarm("refused", {"study": self.study.name, "reason": error.logged})
