"""One study at the coordinator: offered, approved, run sum by sum with whoever is there, finished or stopped.

Its folder is a run directory (`cipherward verify` checks it) with what people and hospitals decided beside it. State is
read back from these files and from the journal of the current sum, so that a restart at any instant goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from cipherward.consortium.approval import foundings
from cipherward.consortium.approval.foundings import Founding
from cipherward.consortium.homes.coordinator_home import CoordinatorHome
from cipherward.consortium.service import final_model, lost_openings, offering, recovery
from cipherward.consortium.service.coordinator_beginning import CoordinatorBeginning
from cipherward.consortium.service.coordinator_status import by_name, iso, status_of
from cipherward.consortium.service.deadlines import LONGEST_PAUSE, Deadlines
from cipherward.consortium.service.giving_up import GivingUp, document_of
from cipherward.consortium.service.letters import Begun, Breach, Ended, Offer, Out
from cipherward.consortium.service.statements import Statements
from cipherward.crypto import schemes
from cipherward.errors import CipherwardError, DataError, ProtocolError, QuorumError, RefusedError, StorageError
from cipherward.parties import left_open
from cipherward.parties.coordinator_node import CoordinatorNode, Outgoing, Phase, SumReport
from cipherward.runs.folder import RunDirectory
from cipherward.runs.result import sum_line
from cipherward.runs.study_folder import BREACHES, FAILED, STOPPED, StudyFolder, words_in
from cipherward.store import files
from cipherward.sums.packets import pack
from cipherward.tasks.state import StudyState

OFFER_PAUSE = 300.0
"""Seconds between the first two times that a hospital which does not answer is sent the offer."""
KEPT_SECONDS = 600.0
"""After the last letter about a study that is over, for so long its node stays in memory."""


class CoordinatorStudy:
    """`clock` gives Unix seconds, `ticks` seconds that never jump; `gone` are the hospitals on the roster that are no active members any more, `contested` says which
    foundings of other studies exclude this one's."""

    def __init__(
        self, home: CoordinatorHome, folder: Path, clock: Callable[[], float], ticks: Callable[[], float]
    ) -> None:
        self.folder, self.folders = folder, (folder,)
        self.files = StudyFolder(folder)
        self.study = document_of(home, folder)
        self.digest = self.study.digest()
        if folder.name != self.digest.hex():
            raise StorageError(f"{folder} holds another study than its name says", hint="restore it from a backup")
        self.names = [hospital.name for hospital in self.study.hospitals]
        self.run = RunDirectory(folder)
        self.statements = Statements(home, folder, self.study, self._tell_breach)
        self.beginning = CoordinatorBeginning(home, self.study, self.run, self.statements)
        self._home = home
        self._clock = clock
        self._ticks = ticks
        self._everyone = frozenset(range(1, len(self.names) + 1))
        self._node: CoordinatorNode | None = None
        self._news: Out = []
        self.patience = Deadlines(self.names, clock, ticks, self._log)
        self._recorded, self._end_told = 0, False
        self._offer_at, self._offer_pause = float("-inf"), OFFER_PAUSE
        self.giving_up = GivingUp(folder, self.study)
        self._used_at = float("-inf")
        self.gone: frozenset[int] = frozenset()
        self.on_sum: Callable[[SumReport, StudyState], None] = lambda report, state: None
        self.contested, self.last_error = "", ""

    @property
    def name(self) -> str:
        """The study's name."""
        return self.study.name

    @cached_property
    def foundings(self) -> tuple[Founding, ...]:
        """The blocks that it would found."""
        return foundings.of_study(self.study)

    @property
    def is_over(self) -> bool:
        return files.stamp(self.run.result) is not None or self.files.ended() is not None

    @property
    def is_unreported(self) -> bool:
        """Whether the study has a final model and nobody has written its report."""
        return self.run.result.exists() and not self.files.report.exists()

    def offered_to(self) -> frozenset[int]:
        """Who has not answered the offer yet."""
        return frozenset() if self.is_over else self._everyone - self.statements.approved - self.statements.withdrawn

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
        public = files.read(self.run.ckks_public) if schemes.facts(self.study.aggregation.scheme).has_key_pair else b""
        return Offer(self.study.to_toml(), public)

    def take_approval(self, hospital: int, statement: bytes) -> Out:
        """A hospital's signed approval; what it missed goes to it when the study runs already.

        Raises:
            ProtocolError, WireError: not this hospital's approval of this study.
        """
        return self._admit() if self.statements.take_approval(hospital, statement) and self.has_begun else []

    def take_refusal(self, hospital: int, reasons: tuple[str, ...]) -> Out:
        """A hospital says by name what keeps it from contributing; none: nothing does any more, and it gets what it missed.

        Raises:
            ProtocolError: a reason that is none of the names that there are.
        """
        if self.files.ended() or (reasons and self.is_over):
            return []
        self.statements.take_refusal(hospital, reasons)
        return self._admit() if self.has_begun and not reasons else []

    def _admit(self) -> Out:
        return [one for each in sorted(self.beginning.admit(self.willing)) for one in self.remind(each)]

    def remind(self, hospital: int) -> Out:
        """Letters to this hospital were lost: what it needs to find out where the study is. It asks for the rest."""
        if ended := self.files.ended():
            return [(hospital, Ended(ended[1]))]
        if hospital not in self._taking_part:
            return []
        opened, is_finished = self.run.rounds_with_openings(), self.run.result.exists()
        if is_finished and opened and self.run.receipt(opened[-1], hospital).exists():
            return []
        if self._node is None and not is_finished:
            self._load()
        newest = [(hospital, pack("Opening", files.read(self.run.opening(opened[-1]))))] if opened else []
        outstanding = self._node.outstanding(hospital) if self._node else []
        return self._tell_beginning([hospital]) + self._reachable([*newest, *outstanding])

    # running

    def resume(self) -> Out:
        """After a start: take the study up where its files say it is."""
        if (ended := self.files.ended()) and not self.files.end_told.exists():
            return self._tell_end(ended[1])
        if self.is_over:
            return []
        for hospital in sorted(self.statements.breached):
            self._tell_breach(hospital, files.read(self.files.said(BREACHES, hospital)))
        return self._take_up() if self.has_begun else self._take_news()

    @property
    def has_begun(self) -> bool:
        return self.files.begun.exists()

    def _take_up(self) -> Out:
        """The node as its files say, and what it has to send again."""
        self.beginning.admit(self.willing)
        told = self._tell_beginning(self._taking_part)
        return told + self._reachable(self._load()) + self._go_on(lambda node: []) + self._take_news()

    def handle(self, hospital: int, packets: Sequence[bytes | memoryview]) -> Out:
        """Packets of a hospital that came together; what follows from them waits for the last.

        Raises:
            ProtocolError: the study is not running.
            StorageError: the coordinator's disk failed.
        """
        out: Out = []
        if self.files.ended():
            packets = [packet for packet in packets if not self.giving_up.take(hospital, packet)]
        self._used_at = self._ticks()
        if self._node is None:
            if self.files.ended():
                return []  # sent before the news of the end arrived
            if self.run.result.exists():
                self._load()  # a receipt that comes late, or somebody who catches up
            elif self.has_begun:
                out = self._take_up()  # the disk had failed
            else:
                raise ProtocolError(f"the study {self.study.name!r} is not running")
        self.patience.hear(hospital)
        answers = self._go_on(lambda node: [one for packet in packets for one in node.handle(hospital, packet)])
        return out + answers + self._take_news()

    def let_go(self) -> None:
        """Once nothing has come for a while to a study that is over, its model is read back only if something comes after all."""
        if self.is_over and self._ticks() > self._used_at + KEPT_SECONDS:
            self._node = None

    def bring(self, round: int, opening: bytes) -> None:
        """A sum that was lost here, as a hospital verified it. Raises: as `lost_openings.keep`."""
        if lost_openings.keep(self.run, round, opening):
            self._node = None

    def tick(self) -> Out:
        """What time and people bring: the beginning, a deadline, a stop. What it returned before has been put by now."""
        if self._end_told:
            files.write(self.files.end_told, b"")
            self._end_told = False
        if self.is_over:
            return self._ask_for_void_votes()
        if self._may_stop() and (why := self._why_stop()):
            return self._end(STOPPED, why)
        if self._node is None:
            if self.has_begun:
                return self._take_up()  # the disk had failed
            return self._begin() if self._is_due() else []
        return self._go_on(self._tick) + self._take_news()

    def _why_stop(self) -> str:
        """Empty: neither people nor the study's last day end it now."""
        asked = self.files.stop_asked
        return words_in(asked) or "no reason given" if asked.exists() else self.study.ended(self._clock())

    def _tick(self, node: CoordinatorNode) -> list[Outgoing]:
        self.patience.note(node, self._recorded)
        if self.patience.is_over(node):
            return self.patience.expire(node)
        if self.last_error or self.patience.is_short(node):
            self.patience.say_short(node)
        return self.patience.ask_again(node)

    def _is_due(self) -> bool:
        if self.contested or self.willing == self._everyone:
            return not self.contested
        facts = offering.facts(self.folder)
        after = facts.get("begin_after")
        over = after is not None and self._clock() >= facts["offered"] + after
        return over and self.beginning.is_enough(self.willing)

    @property
    def willing(self) -> frozenset[int]:
        return self.statements.approved - self.lost - self.statements.refused.keys()

    @property
    def _taking_part(self) -> frozenset[int]:
        """Who approved, and is told of sums: its block is whole."""
        return self.statements.approved & self.beginning.hospitals

    def _tell_beginning(self, hospitals: Iterable[int]) -> Out:
        return [(each, Begun(self.beginning.document)) for each in sorted(hospitals)]

    def _begin(self) -> Out:
        try:
            self.beginning.fix(self.willing)
        except (DataError, RefusedError) as error:
            return self._end(FAILED, f"{error.message}; {error.hint}")
        files.write(self.files.begun, b"")
        self._log("begun", {"approved": [self.names[i - 1] for i in sorted(self.statements.approved)]})
        return self._take_up()

    def _load(self) -> list[Outgoing]:
        """The node as it was, and what it has to send again."""
        node = recovery.node(self._home.identity, self.run, self.study, self.statements, self._log)
        sent = node.recover()
        self._node = node  # not before: if the disk fails in the middle, half of a sum would go on
        self._log("recovered", {"sum": node.state.sums_done, "phase": node.phase.value, "packets": len(sent)})
        return sent

    def _go_on(self, step: Callable[[CoordinatorNode], list[Outgoing]]) -> Out:
        """One step of the node, then everything that follows from it without waiting for anybody."""
        node = self._node
        if node is None:
            return []
        packets: list[Outgoing] = []
        too_few = ""
        try:
            packets += step(node)
            while not self.is_over:
                if node.phase is Phase.IDLE:
                    self._record(node)
                    if node.finished:
                        self._finish(node)
                    elif self.files.stop_asked.exists():
                        break
                    else:
                        packets += node.begin(self.lost | self.statements.refused.keys())
                elif not node.waiting:
                    packets += node.advance()
                elif node.enough and node.waiting <= self._silent(node):
                    packets += node.expire()
                else:
                    break
        except QuorumError as error:
            too_few = error.message
            if too_few != self.last_error:
                self._log("waiting for hospitals", {"reason": too_few})
            packets += self.patience.ask_again(node)
        except StorageError:
            self._node = None  # behind or ahead of its disk: the next occasion recovers another
            raise
        except CipherwardError as error:
            return self._reachable(packets) + self._end(FAILED, error.message)
        if self.patience.note(node, self._recorded):
            self.last_error = ""
        self.last_error = too_few or self.last_error
        return self._reachable(packets)

    def _silent(self, node: CoordinatorNode) -> frozenset[int]:
        """Who will not answer, whatever the time: nobody waits for them once there are enough others."""
        silent = (self._everyone - self._taking_part) | self.statements.breached | self.gone | self.patience.away.keys()
        if node.phase in (Phase.JOIN, Phase.DEAL):
            return silent | self.statements.withdrawn | self.statements.refused.keys()
        # Who has said nothing in this whole sum is away, and verifies when it is back.
        return silent | self.patience.unheard(self._everyone) if node.phase is Phase.VERIFY else silent

    def _reachable(self, packets: Iterable[Outgoing]) -> Out:
        """Packets for those who approved: to anybody else they would be an alarm."""
        there = self._taking_part - self.statements.breached - self.gone
        return [(hospital, packet) for hospital, packet in packets if hospital in there]

    # records

    def _record(self, node: CoordinatorNode) -> None:
        """One line for a finished sum, once."""
        reports, node.reports[:] = list(node.reports), []
        for report in reports:
            self._recorded += 1
            if self.run.sums_noted() > report.round:
                continue
            line = sum_line(report, node.state) | {"finished": iso(self._clock())}
            self.run.note_sum(line)
            self.on_sum(report, node.state)
            self._log("sum finished", {k: line[k] for k in ("sum", "purpose", "contributors", "opened")})

    def _finish(self, node: CoordinatorNode) -> None:
        final_model.keep_opened(self.run, node.state, self.approved_by())
        self._log("finished", {"model": node.state.digest().hex()})

    def _end(self, how: str, reason: str) -> Out:
        files.write(self.folder / how, f"{reason or 'no reason given'}\n".encode())
        say = self._home.alarm if how == FAILED else self._home.log
        say(how, {"study": self.study.name, "reason": reason})
        self.last_error = reason if how == FAILED else ""
        if self._node and (left := left_open.of(self._node)):
            self.giving_up.begin(left)
        return self._tell_end(reason)

    def _ask_for_void_votes(self) -> Out:
        """Of a sum that was under way when the study ended: with a quorum of votes its blocks are free again."""
        return self._reachable(self.giving_up.requests_due(self._home.identity, self._ticks()))

    def _tell_end(self, reason: str) -> Out:
        self._end_told = True
        return [(hospital, Ended(reason)) for hospital in sorted(self._everyone)]

    def _may_stop(self) -> bool:
        """Between two sums; or in a sum that waits, before anything in it is certified, for a quorum: any, or one that never comes."""
        node = self._node
        if node is None or node.phase is Phase.IDLE:
            return True
        never = len(self._everyone - (self.lost & node.waiting)) < self.study.thresholds.threshold
        early = (Phase.JOIN, Phase.DEAL, *((Phase.CONSENT, Phase.VOID) if never else ()))
        return node.phase in early and not node.enough

    def _tell_breach(self, hospital: int, receipt: bytes) -> None:
        self._news += [(other, Breach(hospital, receipt)) for other in sorted(self._everyone - {hospital})]

    def _take_news(self) -> Out:
        news, self._news = self._news, []
        return news

    # words

    def status(self) -> dict[str, Any]:
        """What is true now, from the files and the node."""
        return status_of(self, self._node, self.patience)

    def approved_by(self) -> dict[str, str]:
        return {self.names[i - 1]: words for i, words in self.statements.approvers.items()}

    @property
    def awaited(self) -> tuple[frozenset[int], str]:
        """Whose answer the study waits for, and in which step of a sum; an empty step before the first."""
        if not self.has_begun:
            return self.offered_to(), ""
        return (self._node.waiting, self._node.phase.value) if self._node else (frozenset(), "")

    @property
    def lost(self) -> frozenset[int]:
        """Who has left the study for good."""
        return self.statements.withdrawn | self.statements.breached | self.gone

    def named(self, hospitals: Iterable[int]) -> list[str]:
        return [self.names[i - 1] for i in sorted(hospitals)]

    def _log(self, event: str, facts: dict[str, object]) -> None:
        self._home.log(event, {"study": self.study.name} | by_name(facts, self.names))
