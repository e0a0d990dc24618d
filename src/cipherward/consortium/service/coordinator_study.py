"""One study at the coordinator: offered, approved, run sum by sum with whoever is there, finished or stopped.

Its folder is a run directory (`cipherward verify` checks it) with what people and hospitals decided beside it. State is
read back from these files and from the journal of the current sum, so that a restart at any instant goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from cipherward import study as study_document
from cipherward.consortium.homes.homes import CoordinatorHome
from cipherward.consortium.service import offering
from cipherward.consortium.service.deadlines import LONGEST_PAUSE, Deadlines
from cipherward.consortium.service.letters import Offer
from cipherward.consortium.service.news import Breach, Ended, Out
from cipherward.consortium.service.statements import Said
from cipherward.errors import CipherwardError, ProtocolError, QuorumError, StorageError
from cipherward.parties import roster
from cipherward.parties.coordinator_node import CoordinatorNode, Outgoing, Phase
from cipherward.privacy import budget as privacy_ledger
from cipherward.runs import ckks_key, modelfile, verify
from cipherward.runs.folder import RunDirectory, Spool
from cipherward.runs.result import findings, sum_line
from cipherward.store import files
from cipherward.store.journal import Journal
from cipherward.sums.packets import pack

OFFER_PAUSE = 300.0
"""Seconds between the first two times that a hospital which does not answer is sent the offer."""

STOP, STOPPED, FAILED, TOLD = "stop", "stopped", "failed", "told"


class CoordinatorStudy:
    """`clock` gives Unix seconds, `ticks` seconds that never jump; `gone` are the hospitals on the roster that are no active members any more."""

    def __init__(
        self, home: CoordinatorHome, folder: Path, clock: Callable[[], float], ticks: Callable[[], float]
    ) -> None:
        self.folder = folder
        self.study = study_document.load(folder / "study.toml")
        self.digest = self.study.digest()
        if folder.name != self.digest.hex():
            raise StorageError(f"{folder} holds another study than its name says", hint="restore it from a backup")
        self.names = [hospital.name for hospital in self.study.hospitals]
        self.run = RunDirectory(folder)
        self.said = Said(home, folder, self.study)
        self._home = home
        self._clock = clock
        self._ticks = ticks
        self._everyone = frozenset(range(1, len(self.names) + 1))
        self._hub: CoordinatorNode | None = None
        self._news: Out = []
        self._patience = Deadlines(self.names, clock, ticks, self._log)
        self._recorded = 0
        self._offer_at, self._offer_pause = float("-inf"), OFFER_PAUSE
        self._end_told = False
        self.gone: frozenset[int] = frozenset()
        self.last_error = ""

    @property
    def is_over(self) -> bool:
        return self.run.result.exists() or bool(self._ended())

    @property
    def is_unreported(self) -> bool:
        """Whether the study has a final model and nobody has written its report."""
        return self.run.result.exists() and not (self.folder / "report.html").exists()

    def offered_to(self) -> frozenset[int]:
        """Who has not answered the offer yet."""
        return frozenset() if self.is_over else self._everyone - self.said.approved - self.said.withdrawn

    def offer_due(self) -> frozenset[int]:
        """To whom the offer goes now: at once, and after ever longer pauses to whoever has not answered, for offer or
        answer may have been damaged on the way."""
        if self._ticks() < self._offer_at:
            return frozenset()
        self._offer_at = self._ticks() + self._offer_pause
        self._offer_pause = min(2 * self._offer_pause, LONGEST_PAUSE)
        return self.offered_to()

    @property
    def offer(self) -> Offer:
        public = files.read(self.run.ckks_public) if self.study.aggregation.scheme == "ckks" else b""
        return Offer(self.study.to_toml(), public)

    def take_approval(self, hospital: int, statement: bytes) -> Out:
        """A hospital's signed approval; what it missed goes to it when the study runs already.

        Raises:
            ProtocolError, WireError: not this hospital's approval of this study.
        """
        if not self.said.take_approval(hospital, statement) or self._hub is None:
            return []
        return self._reachable(self._hub.outstanding(hospital))

    def take_refusal(self, hospital: int, reasons: tuple[str, ...]) -> None:
        """A hospital says by name what keeps it from contributing; none: nothing does any more.

        Raises:
            ProtocolError: a reason that is none of the names that there are.
        """
        if not self.is_over:
            self.said.take_refusal(hospital, reasons)

    def remind(self, hospital: int) -> Out:
        """Letters to this hospital were lost: what it needs to find out where the study is. It asks for the rest."""
        if self._ended():
            return [(hospital, Ended(files.read(self.folder / self._ended()).decode("utf-8", "replace").strip()))]
        if hospital not in self.said.approved or not (self.folder / "begun").exists():
            return []
        if self._hub is None:
            self._load()
        opened = self.run.rounds_with_openings()
        newest = [(hospital, pack("Opening", files.read(self.run.opening(opened[-1]))))] if opened else []
        outstanding = self._hub.outstanding(hospital) if self._hub else []
        return self._reachable([*newest, *outstanding])

    # running

    def resume(self) -> Out:
        """After a start: take the study up where its files say it is."""
        if self._ended() and not (self.folder / TOLD).exists():
            return self._tell_end(files.read(self.folder / self._ended()).decode("utf-8", "replace").strip())
        if self.is_over:
            return []
        for hospital in sorted(self.said.breached):
            self._tell_breach(hospital, self.said.breach(hospital))
        return self._take_up() if self._has_begun else self._take_news()

    @property
    def _has_begun(self) -> bool:
        return (self.folder / "begun").exists()

    def _take_up(self) -> Out:
        """The hub as its files say, and what it has to send again."""
        return self._reachable(self._load()) + self._go_on(lambda hub: []) + self._take_news()

    def handle(self, hospital: int, packet: bytes | memoryview) -> Out:
        """One packet of a hospital.

        Raises:
            ProtocolError: the study is not running.
            StorageError: the coordinator's disk failed.
        """
        out: Out = []
        if self._hub is None:
            if self._ended():
                return []  # sent before the news of the end arrived
            if self.run.result.exists():
                self._load()  # a receipt that comes late, or somebody who catches up
            elif self._has_begun:
                out = self._take_up()  # the disk had failed
            else:
                raise ProtocolError(f"the study {self.study.name!r} is not running")
        self._patience.hear(hospital)
        return out + self._go_on(lambda hub: hub.handle(hospital, packet)) + self._take_news()

    def tick(self) -> Out:
        """What time and people bring: the beginning, a deadline, a stop. What it returned before has been put by now."""
        if self._end_told:
            files.write(self.folder / TOLD, b"")
            self._end_told = False
        if self.is_over:
            return []
        if (self.folder / STOP).exists() and self._may_stop():
            return self._end(STOPPED, files.read(self.folder / STOP).decode("utf-8", "replace").strip())
        if self._hub is None:
            if self._has_begun:
                return self._take_up()  # the disk had failed
            return self._begin() if self._is_due() else []
        return self._go_on(self._tick) + self._take_news()

    def _tick(self, hub: CoordinatorNode) -> list[Outgoing]:
        self._patience.note(hub, self._recorded)
        if self._patience.is_over(hub):
            return self._patience.expire(hub)
        if self._is_short(hub):
            self._patience.say_short(hub)
        return self._patience.ask_again(hub)

    def _is_due(self) -> bool:
        willing = self.said.approved - self.said.withdrawn - self.said.breached - self.gone - set(self.said.refused)
        if willing == self._everyone:
            return True
        facts = offering.facts(self.folder)
        numbers = self.study.thresholds
        enough = len(willing) >= max(numbers.threshold, numbers.min_contributors)
        after = facts.get("begin_after")
        return enough and after is not None and self._clock() >= facts["offered"] + after

    def _begin(self) -> Out:
        files.write(self.folder / "begun", b"")
        self._log("begun", {"approved": [self.names[i - 1] for i in sorted(self.said.approved)]})
        return self._take_up()

    def _load(self) -> list[Outgoing]:
        """The hub as it was, and what it has to send again."""
        run = verify.open_run(self.folder)
        state, closed = run.first, list[bytes]()
        for replayed in verify.replay(run):
            state = replayed.state
            closed += replayed.closed
        public, secret = b"", b""
        if self.study.aggregation.scheme == "ckks":
            public, secret = ckks_key.load(self.run)
        self._hub = CoordinatorNode(
            rules=roster.rules_of(self.study, ckks_key.scheme(self.study, self.run, public, secret)),
            identity=self._home.identity,
            state=state,
            payloads=lambda: Spool(self.run.coordinator / "spool"),
            keep_opening=lambda round, data: files.write(self.run.opening(round), data),
            load_opening=lambda round: files.read(self.run.opening(round)),
            keep_receipt=lambda round, hospital, data: files.write(self.run.receipt(round, hospital), data),
            log=self._log,
            clock=perf_counter,
            journal=Journal(self.run.coordinator / "journal"),
            on_breach="exclude",
            keep_breach=self._keep_breach,
            keep_quarantine=self.said.keep_quarantine,
            keep_evidence=self.said.keep_evidence,
            closed=closed,
            excluded=set(self.said.breached),
        )
        sent = self._hub.recover()
        self._log("recovered", {"sum": state.sums_done, "phase": self._hub.phase.value, "packets": len(sent)})
        return sent

    def _go_on(self, step: Callable[[CoordinatorNode], list[Outgoing]]) -> Out:
        """One step of the hub, then everything that follows from it without waiting for anybody."""
        hub = self._hub
        if hub is None:
            return []
        packets: list[Outgoing] = []
        too_few = ""
        try:
            packets += step(hub)
            while not self.is_over:
                if hub.phase is Phase.IDLE:
                    self._record(hub)
                    if hub.finished:
                        self._finish(hub)
                    elif (self.folder / STOP).exists():
                        break
                    else:
                        packets += hub.begin()
                elif not hub.waiting:
                    packets += hub.advance()
                elif hub.enough and hub.waiting <= self._silent(hub):
                    packets += hub.expire()
                else:
                    break
        except QuorumError as error:
            too_few = error.message
            if too_few != self.last_error:
                self._log("waiting for hospitals", {"reason": too_few})
            packets += self._patience.ask_again(hub)
        except StorageError:
            self._hub = None  # behind or ahead of its disk: the next occasion recovers another
            raise
        except CipherwardError as error:
            return self._reachable(packets) + self._end(FAILED, error.message)
        if self._patience.note(hub, self._recorded):
            self.last_error = ""
        self.last_error = too_few or self.last_error
        return self._reachable(packets)

    def _is_short(self, hub: CoordinatorNode) -> bool:
        return bool(self.last_error) or self._patience.is_short(hub)

    def _silent(self, hub: CoordinatorNode) -> frozenset[int]:
        """Who will not answer, whatever the time: nobody waits for them once there are enough others."""
        silent = (self._everyone - self.said.approved) | self.said.breached | self.gone | self._patience.away.keys()
        if hub.phase in (Phase.JOIN, Phase.DEAL):
            return silent | self.said.withdrawn | self.said.refused.keys()
        # Who has said nothing in this whole sum is away, and verifies when it is back.
        return silent | self._patience.unheard(self._everyone) if hub.phase is Phase.VERIFY else silent

    def _reachable(self, packets: Iterable[Outgoing]) -> Out:
        """Packets for those who approved: to anybody else they would be an alarm."""
        approved = self.said.approved - self.said.breached - self.gone
        return [(hospital, packet) for hospital, packet in packets if hospital in approved]

    # records

    def _record(self, hub: CoordinatorNode) -> None:
        """One line for a finished sum, once."""
        reports, hub.reports[:] = list(hub.reports), []
        for report in reports:
            self._recorded += 1
            if files.count_lines(self.run.rounds) > report.round:
                continue
            line = sum_line(report, hub.state) | {"finished": _iso(self._clock())}
            files.append(self.run.rounds, json.dumps(line))
            self._log("sum finished", {k: line[k] for k in ("sum", "purpose", "contributors", "opened")})

    def _finish(self, hub: CoordinatorNode) -> None:
        state = hub.state
        if model := modelfile.of(state):
            modelfile.save(self.run.model, model)
        own = {"privacy": privacy_ledger.describe(self.study, {})}
        found = findings(state) | own
        self.run.write_tables(state.task.tables(found))
        self.run.write_json(self.run.result, found)
        self._log("finished", {"model": state.digest().hex()})

    def _end(self, how: str, reason: str) -> Out:
        files.write(self.folder / how, f"{reason or 'no reason given'}\n".encode())
        say = self._home.alarm if how == FAILED else self._home.log
        say(how, {"study": self.study.name, "reason": reason})
        self.last_error = reason if how == FAILED else ""
        return self._tell_end(reason)

    def _tell_end(self, reason: str) -> Out:
        self._end_told = True
        return [(hospital, Ended(reason)) for hospital in sorted(self._everyone)]

    def _ended(self) -> str:
        return next((how for how in (STOPPED, FAILED) if (self.folder / how).exists()), "")

    def _may_stop(self) -> bool:
        """Between two sums; or in a sum that waits for a quorum before anything in it is certified."""
        hub = self._hub
        if hub is None or hub.phase is Phase.IDLE:
            return True
        return hub.phase in (Phase.JOIN, Phase.DEAL) and not hub.enough

    def _keep_breach(self, hospital: int, receipt: bytes) -> None:
        self.said.keep_breach(hospital, receipt)
        self._tell_breach(hospital, receipt)

    def _tell_breach(self, hospital: int, receipt: bytes) -> None:
        self._news += [(other, Breach(hospital, receipt)) for other in sorted(self._everyone - {hospital})]

    def _take_news(self) -> Out:
        news, self._news = self._news, []
        return news

    # words

    def status(self) -> dict[str, Any]:
        """What is true now, from the files and the hub."""
        hub, sums = self._hub, len(self.run.rounds_with_openings())
        ended = self._ended()
        begun = (self.folder / "begun").exists()
        phase = "finished" if self.run.result.exists() else ended or ("running" if begun else "offered")
        found: dict[str, Any] = {
            "study": self.study.name,
            "digest": self.digest.hex(),
            "phase": phase,
            "sums_opened": sums,
            "sums_planned": self.study.training.rounds + 2,
            "hospitals": self.names,
            "approved": self._named(self.said.approved),
            "withdrawn": self._named(self.said.withdrawn),
            "breached": self._named(self.said.breached),
            "refused": {self.names[i - 1]: list(reasons) for i, reasons in sorted(self.said.refused.items())},
            "away": {self.names[i - 1]: _iso(since) for i, since in sorted(self._patience.away.items())},
            "stop_asked": (self.folder / STOP).exists(),
            "reason": files.read(self.folder / ended).decode("utf-8", "replace").strip() if ended else "",
            "last_error": self.last_error,
            "folder": self.folder.name,
        }
        if phase == "offered":
            found["waiting_for"] = self._named(self.offered_to())
        if phase == "running" and hub is not None and hub.phase is not Phase.IDLE:
            found |= {
                "phase": "waiting for quorum" if self._is_short(hub) else "running",
                "sum": hub.round,
                "purpose": hub.state.purpose or "done",
                "step": hub.phase.value,
                "waiting_for": self._named(hub.waiting),
                "answered": self._named(self.said.approved - hub.waiting),
                "since": _iso(self._patience.since),
                "enough": hub.enough,
                "only": self._named(hub.only),
            }
        return found

    def _named(self, hospitals: Iterable[int]) -> list[str]:
        return [self.names[i - 1] for i in sorted(hospitals)]

    def _log(self, event: str, facts: dict[str, object]) -> None:
        self._home.log(event, {"study": self.study.name} | facts)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
