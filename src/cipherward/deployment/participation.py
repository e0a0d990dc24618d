"""A hospital's part in one study, from the offer to the verified model. Everything it knows is in files.

studies/<digest>/ holds the offer and what people decided; models/<name>-<digest>/ the openings that this hospital
verified, its receipts and the model, laid out as a run directory, so that `cipherward verify` checks it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from cipherward import study as study_document
from cipherward.crypto.identity import Identity
from cipherward.data.sources import load_hospitals
from cipherward.deployment import approvals
from cipherward.errors import CipherwardError, DataError, ProtocolError, RefusedError
from cipherward.learning import models
from cipherward.learning.local import LocalWork
from cipherward.learning.training import Device
from cipherward.nodes import audit, modelfile, roster
from cipherward.nodes.findings import findings
from cipherward.nodes.modelfile import ModelFile
from cipherward.nodes.packets import unpack
from cipherward.nodes.policy import Policy
from cipherward.nodes.rundir import RunDirectory
from cipherward.nodes.site import Site
from cipherward.privacy import ledger as privacy_ledger
from cipherward.protocol.messages import Opening, Receipt, unsign
from cipherward.store import files
from cipherward.store.ledger import Ledger
from cipherward.study import Study

Log = Callable[[str, dict[str, object]], None]

BEGINS = ("Announce", "Joined")
"""Packets that lead to a new contribution; the others are about one that was made."""

_ALARMS = {"refused", "breach", "verification failed", "privacy budget spent"}


@dataclass(frozen=True)
class Office:
    """What a hospital brings to every study.

    Args:
        home: its folder.
        table: its own table; None only where a study generates its data.
        policy, confirmed: read again before every sum, so that people's changes count at once. `confirmed` gives the
            public key of every active member that this hospital's people have confirmed, by name.
        keep_members: takes a members list that the coordinator sent, for people to confirm.
    """

    home: Path
    name: str
    identity: Identity = field(repr=False)
    coordinator_key: bytes
    table: Path | None
    device: Device
    policy: Callable[[], Policy]
    confirmed: Callable[[], Mapping[str, bytes]]
    keep_members: Callable[[bytes], None]
    log: Log
    alarm: Log


class Participation:
    """One study at one hospital. Made from `studies/<digest>/`, which `Seat` writes when an offer comes."""

    def __init__(self, office: Office, folder: Path, ledger: Ledger) -> None:
        self.office = office
        self.folder = folder
        self.study: Study = study_document.load(folder / "study.toml")
        self.digest = self.study.digest()
        if folder.name != self.digest.hex():
            raise ProtocolError(f"{folder / 'study.toml'} is not the study that was offered", hint="remove the folder")
        names = [hospital.name for hospital in self.study.hospitals]
        self.index = names.index(office.name) + 1
        self.run = RunDirectory(office.home / "models" / f"{self.study.name}-{self.digest.hex()[:8]}")
        self.last_error = ""
        self._ledger = ledger
        self._site: Site | None = None

    # what people decided

    @property
    def is_approved(self) -> bool:
        """Whether this hospital's people signed exactly this study."""
        with suppress(CipherwardError):
            data = files.read(self.folder / approvals.APPROVAL)
            approvals.check_approval(data, self.digest, self.office.name, self.office.identity.public_key)
            return True
        return False

    @property
    def is_withdrawn(self) -> bool:
        return (self.folder / approvals.WITHDRAWN).exists()

    @property
    def stopped(self) -> str:
        """Why the coordinator ended the study; empty while it has not."""
        path = self.folder / "stopped"
        return (files.read(path).decode("utf-8", "replace").strip() or "no reason given") if path.exists() else ""

    def stop(self, reason: str) -> None:
        """Note that the coordinator ended the study."""
        files.write(self.folder / "stopped", f"{reason}\n".encode())

    def check(self) -> None:
        """Whether this hospital may contribute now.

        Raises:
            RefusedError: not approved, withdrawn, stopped, a member that nobody here confirmed, or outside the policy.
        """
        confirmed = self.office.confirmed()
        unknown = [h.name for h in self.study.hospitals if confirmed.get(h.name) != bytes.fromhex(h.public_key)]
        if unknown:
            raise RefusedError(
                f"the study {self.study.name!r} lists members that this hospital has not confirmed with these keys: "
                + ", ".join(unknown),
                hint="compare the fingerprints by phone, then `cipherward hospital confirm`",
            )
        self.office.policy().check(self.study)
        if not self.is_approved:
            raise RefusedError(f"nobody here has approved the study {self.study.name!r}")
        if self.is_withdrawn:
            raise RefusedError(f"this hospital has withdrawn from the study {self.study.name!r}")
        if self.stopped:
            raise RefusedError(f"the study {self.study.name!r} was stopped: {self.stopped}")

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
        return self._answer(site, kind, packet)

    def _answer(self, site: Site, kind: str, packet: bytes) -> list[bytes]:
        before = site.state.sums_done
        candidate = self.folder / f"opening-{before:04d}.cbor"
        if kind == "Opening":
            # Written first: once the receipt is in the ledger, only this opening leads to the next state.
            files.write(candidate, unpack(packet)[1])
        try:
            replies = site.handle(packet)
        except CipherwardError as error:
            if type(error).__name__ == "StorageError":
                raise
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

    def _opened_site(self) -> Site:
        if self._site is None:
            self._site = self._make_site()
        return self._site

    def _make_site(self) -> Site:
        study, office = self.study, self.office
        public = files.read(self.folder / "ckks-public.key") if study.aggregation.scheme == "ckks" else b""
        self._prepare_run(public)
        self._keep_unfinished()
        run = audit.open_run(self.run.path)
        state = run.first
        for replayed in audit.replay(run):
            state = replayed.state
        table = office.table if study.data.source == "files" else None
        (data,) = load_hospitals(study, table, office.home, only=[office.name])
        module = models.build(study.model, roster.n_features_of(study), study.seed)
        site = Site(
            rules=roster.rules_of(study, roster.public_scheme(study, public)),
            index=self.index,
            identity=office.identity,
            state=state,
            work=LocalWork(self.index, data, module, office.device, perf_counter),
            ledger=self._ledger,
            policy=office.policy(),
            log=self._log,
            clock=perf_counter,
        )
        if self._request.exists():
            # What I consented to has to be in memory again before its certificate comes.
            site.handle(files.read(self._request))
        if state.final is not None and not self.run.result.exists():
            self._site = site
            self._keep_model(site)
        return site

    def _prepare_run(self, public: bytes) -> None:
        if not self.run.study_digest.exists():
            first = roster.first_state(self.study)
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

    def _keep_model(self, site: Site) -> None:
        state = site.state
        modelfile.save(self.run.model, ModelFile(self.study, state.groups, state.weights, state.preprocessor))
        budgets = {self.office.name: site.budget.report()} if site.budget else {}
        self.run.write_json(
            self.run.result, findings(state) | {"privacy": privacy_ledger.describe(self.study, budgets)}
        )
        self.office.log("model received", {"study": self.study.name, "folder": self.run.path.name})

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
        self.office.alarm("breach reported", {"study": self.study.name, "hospital": name, "reason": body.detail})

    def status(self) -> dict[str, Any]:
        """What is true of this study here, from the files."""
        done = len(self.run.rounds_with_openings())
        breach = self._ledger.fact(f"breach in study {self.digest.hex()}")
        try:
            refusal = ""
            self.check()
        except CipherwardError as error:
            refusal = error.message
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
        say = self.office.alarm if event in _ALARMS else self.office.log
        say(event, {"study": self.study.name} | facts)
        if event in _ALARMS:
            self.last_error = str(facts.get("reason", event))

    def _problem(self, error: CipherwardError) -> None:
        self.last_error = error.message
        self.office.alarm("refused", {"study": self.study.name, "reason": error.message})


def opening_round(packet: bytes, study: bytes, keys: Mapping[int, bytes]) -> int:
    """The sum that an opening is about."""
    return unsign(packet, Opening, study=study, keys=keys, sender=0).round
