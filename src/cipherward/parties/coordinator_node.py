"""The coordinator's node: runs the study's sums one after the other with whoever is there.

It speaks bytes only: `begin` starts the next sum, `handle` takes one hospital's packet, `expire` says that waiting is
over. Each returns the packets to send. It cannot read an update, and no hospital believes what it cannot check.

What it has accepted and decided is in the journal before it answers; after a restart at any instant `recover` goes on
with the same attempt. A hub that raised StorageError is behind or ahead of its disk: drop it and recover another.
"""

from __future__ import annotations

from cipherward.errors import (
    CipherwardError,
    FaultyHospitalError,
    ProtocolError,
    StorageError,
    WireError,
)
from cipherward.parties import sumlog
from cipherward.parties.coordinator_state import Outgoing, Phase, SumReport
from cipherward.parties.phases import Phases
from cipherward.store.journal import Record
from cipherward.sums import checks
from cipherward.sums.checks import Check, SetAside
from cipherward.sums.messages import Behind, Notice, Receipt, unsign
from cipherward.sums.packets import pack, view

__all__ = ["CoordinatorNode", "Outgoing", "Phase", "SumReport"]


MAX_SET_ASIDE = 1_000
"""The newest messages set aside that `CoordinatorNode.set_aside` remembers; the log has all."""


class CoordinatorNode(Phases):
    """The coordinator; `CoordinatorState` says what it is made of."""

    @property
    def enough(self) -> bool:
        """Whether `expire` would take the current phase to its end with the answers that are there.

        While openings are verified, the first `expire` asks those who have not answered once more.
        """
        if self.phase is Phase.IDLE:
            return False
        if self.phase is Phase.VERIFY:
            return len(self._receipts) >= self.rules.threshold
        found = self._collection
        if self.phase is Phase.JOIN:
            return len(found.joined) >= self._holders_needed and found.joined.issuperset(found.only or ())
        if self.phase is Phase.DEAL:
            return self._can_close or self._has_left or self._may_widen or self._could_start_again
        if self.phase is Phase.CONSENT:
            return found.is_certified or not self._consent_may_come or self._could_leave
        if self.phase is Phase.VOID:
            return found.is_certified or found.void_certificate() is not None
        return found.can_open

    def recover(self) -> list[Outgoing]:
        """After a restart: take the journal's sum up where it was, and give what is still to be answered.

        Called once, on a fresh hub whose `state` follows from the openings on disk. The same attempt goes on with the
        same list of joins and the same manifest. Nothing to recover: [], and the phase is IDLE; `reports` then holds the
        last sum's report if it had just finished.

        Raises:
            StorageError: the journal is damaged, or is not of this study or state; its hint says the way out.
        """
        if self.phase is not Phase.IDLE or self.reports:
            raise ProtocolError("only a coordinator that has done nothing yet can recover")
        self.excluded -= self._log.excluded()
        self._log.replaying = True
        try:
            for record in self._log.to_replay(self.state.sums_done):
                self._replay(record)
        except StorageError:
            raise
        except CipherwardError as error:
            raise self._does_not_fit(error.message) from None
        finally:
            self._log.replaying, self._noted_total = False, b""
        if self.phase is not Phase.IDLE:
            facts = {"sum": self.round, "phase": self.phase.value, "waiting": sorted(self._waiting)}
            self.log("sum recovered", facts)
        return self.outstanding()

    def begin(self) -> list[Outgoing]:
        """Start the next sum."""
        if self.phase is not Phase.IDLE or self.state.purpose is None:
            raise ProtocolError(f"cannot begin a sum: the coordinator is in phase {self.phase.value}")
        with self._durable():
            self._log.begin(self.state.sums_done)
        self._voids, self._refused = (), 0
        return self._attempt(())

    def handle(self, sender: int, packet: bytes | memoryview) -> list[Outgoing]:
        """Take one hospital's packet. What cannot be used is set aside with the reason, and nothing else happens.

        What is faulty is kept in quarantine. Who sends something faulty, or joins or contributes too late, is told.

        Raises:
            StorageError: the coordinator's disk failed.
        """
        kind = "?"
        with self._durable():
            try:
                with checks.check(Check.SIZE):
                    if self.phase not in (Phase.IDLE, Phase.VERIFY) and len(packet) > self._limit:
                        raise WireError(f"a packet of {len(packet)} bytes, more than this sum can need")
                with checks.check(Check.ENCODING):
                    kind, _ = view(packet)
                return self._take(sender, packet)
            except StorageError:
                raise  # this machine's disk, not what the hospital sent
            except CipherwardError as error:
                return self._put_aside(sender, kind, bytes(packet), error)

    def expire(self) -> list[Outgoing]:
        """Waiting is over: go on with whoever is there.

        After a QuorumError the phase is the same, waits for the hospitals without which it cannot end (`waiting_for`),
        and goes on when they answer.

        Raises:
            QuorumError: too few are there; the study waits for people. DeclinedError: too few can contribute.
            SuspectError: the sum cannot be opened and cannot be asked again.
            FaultyCoordinatorError: a hospital reported a breach, and `on_breach` is "stop".
            StorageError: the coordinator's disk failed.
        """
        missing = sorted(self._waiting)
        if missing:
            self.log("deadline", {"phase": self.phase.value, "missing": missing})
        self._waiting.clear()
        return self._advance()

    def _take(self, sender: int, packet: bytes | memoryview) -> list[Outgoing]:
        kind, content = view(packet)
        with checks.check(Check.ROSTER):
            if sender not in self._everyone:
                raise ProtocolError("not on the roster")
            if sender in self.excluded:
                raise ProtocolError("takes no further part: it reported a breach")
        data = b"" if kind == "Update" else bytes(content)  # an update stays where it is
        if kind == "Behind":
            return self._catch_up(
                sender, unsign(data, Behind, study=self.rules.study, keys=self.rules.keys, sender=sender)
            )
        answers: list[Outgoing] = []
        if kind == "Receipt":
            is_new = self._receipt(sender, data)
            if not is_new:
                return []
        elif kind == "Join" and self.phase in (Phase.JOIN, Phase.DEAL, Phase.CONSENT):
            is_new = self._collection.add_join(sender, data)
        elif kind == "Update" and self.phase is Phase.DEAL:
            started = self.clock()
            self._collection.add_update(sender, content)
            self._spend("add", started)
            is_new = True
        elif kind == "Declined" and self.phase in (Phase.JOIN, Phase.DEAL):
            is_new = self._collection.add_declined(sender, data)
            if is_new:
                self.log("declined", {"hospital": sender, "reason": self._collection.declined[sender]})
        elif kind == "Vote" and self.phase in (Phase.DEAL, Phase.CONSENT, Phase.VOID):
            is_new = self._collection.add_vote(sender, data)
        elif kind == "Vote" and self.phase is Phase.RELEASE:
            is_new = self._collection.add_vote(sender, data)
            answers = self._late_consent(sender) if is_new else []
        elif kind == "Complaint" and self.phase is Phase.CONSENT:
            is_new = self._collection.add_complaint(sender, data)
        elif kind == "Release" and self.phase is Phase.RELEASE:
            is_new = self._collection.add_release(sender, data)
        else:
            raise checks.late(f"a {kind} message has no place in phase {self.phase.value!r}")
        if is_new:
            self._log.write(sumlog.PACKET, sender, packet)
        if not answers:
            self._waiting.discard(sender)
        return answers

    def _late_consent(self, sender: int) -> list[Outgoing]:
        """The sum is certified, and one more hospital may release: perhaps in the place of one that is gone."""
        if sender not in self._collection.voters:
            return []
        self._packets[sender] = pack("Certificate", self._certificate)
        self._waiting.add(sender)
        return [(sender, self._packets[sender])]

    def _put_aside(self, sender: int, kind: str, packet: bytes, error: CipherwardError) -> list[Outgoing]:
        """Note a message that is not used, keep it where it is faulty, and tell its sender what it needs to know."""
        item = checks.set_aside(sender, kind, error)
        self.set_aside.append(item)
        del self.set_aside[:-MAX_SET_ASIDE]
        facts: dict[str, object] = {"hospital": sender, "kind": kind, "reason": item.reason, "check": item.check}
        self.log("set aside", facts | {"verdict": item.verdict})
        if sender not in self._everyone:
            return []
        if isinstance(error, FaultyHospitalError) and len(error.evidence) == 2:
            self.keep_evidence(self.round, sender, (error.evidence[0], error.evidence[1]), item.reason)
            self.log("evidence", {"hospital": sender, "kind": kind, "reason": item.reason})
        if item.verdict == "faulty":
            self.keep_quarantine(self.round, sender, packet, item.reason)
        if self.phase is Phase.DEAL and kind == "Update" and item.check >= Check.HOLDERS:
            # Signed by this hospital for this sum: nothing better will come from it.
            self._waiting.discard(sender)
            self._note(sumlog.STALE if sender in self._collection.stale else sumlog.HEARD, sender)
        if kind == "Join" and self.phase in (Phase.DEAL, Phase.CONSENT) and sender in self._collection.latecomers:
            self._waiting.discard(sender)
            self._note(sumlog.LATECOMER, sender)
        if item.verdict == "faulty" or (item.verdict == "late" and not self._is_counted(sender, kind)):
            return self._notice(sender, item)
        return []

    def _note(self, kind: str, sender: int) -> None:
        """Write into the journal, once for an attempt, what a message that is set aside says about its sender."""
        if (kind, sender) not in self._noted:
            self._noted.add((kind, sender))
            self._log.write(kind, sender)

    def _is_counted(self, sender: int, kind: str) -> bool:
        """Whether a late message is a repeat of one that was in time, or not one that its sender would miss."""
        if kind not in ("Join", "Update"):
            return True
        if self.phase in (Phase.IDLE, Phase.VERIFY):
            return sender in self._opened.contributors
        return sender in (self._collection.joined if kind == "Join" else self._collection.contributors)

    def _notice(self, sender: int, item: SetAside) -> list[Outgoing]:
        is_sum = self.phase is not Phase.IDLE and self.phase is not Phase.VERIFY
        context = self._task.context if is_sum else b""
        numbered = f"check {item.check}: {item.reason}" if item.check else item.reason
        code = "excluded" if sender in self.excluded else item.verdict
        return self._send({sender}, "Notice", self._sign(Notice(context, self.round, code, f"{item.kind}: {numbered}")))

    def advance(self) -> list[Outgoing]:
        """Go on if everyone has answered. Engines call it after `handle`.

        Raises:
            as `expire`.
        """
        return [] if self._waiting else self._advance()

    def _catch_up(self, sender: int, body: Behind) -> list[Outgoing]:
        if not body.round < self.state.sums_done:
            raise ProtocolError("says that it is behind, and is not")
        if sender in self._caught_up:
            raise checks.late("was sent what it has missed already")
        self._caught_up.add(sender)
        self.log("catching up", {"hospital": sender, "from": body.round, "to": self.state.sums_done})
        missed = [(sender, pack("Opening", self.load_opening(r))) for r in range(body.round, self.state.sums_done)]
        if self.phase is Phase.JOIN:
            missed += self._send({sender}, "Announce", self._sign(self._announce()))
        return missed

    def _receipt(self, sender: int, data: bytes) -> bool:
        """Note a receipt; whether it is new and answers what the current phase waits for."""
        body = unsign(data, Receipt, study=self.rules.study, keys=self.rules.keys, sender=sender)
        if body.outcome == "breach":
            self._breach(sender, body.detail, data)
            return False
        if not body.round < self.state.sums_done + (not body.context):
            raise ProtocolError("a receipt for a sum that has not been opened")
        if body.context:
            self.keep_receipt(body.round, sender, data)
        else:
            self.log("verification failed", {"hospital": sender, "reason": body.detail})
        if self.phase is not Phase.VERIFY or body.round != self.round:
            return False
        if not body.context:
            self._waiting.discard(sender)
            return False
        is_new = sender not in self._receipts
        self._receipts[sender] = body
        self._waiting.discard(sender)
        return is_new

    def _breach(self, sender: int, reason: str, receipt: bytes) -> None:
        self.keep_breach(sender, receipt)
        self.log("breach reported", {"hospital": sender, "reason": reason})
        if self.on_breach == "stop":
            self._breaches[sender] = reason
            self._waiting.discard(sender)
        else:
            self._log.write(sumlog.EXCLUDE, sender)
            self._exclude(sender)

    def _exclude(self, hospital: int) -> None:
        self.excluded.add(hospital)
        self._waiting.discard(hospital)

    def last_call(self) -> list[Outgoing]:
        """The newest opening once more, for whoever has left no receipt.

        After the study's last sum no later one makes the absent catch up, and after a restart receipts may be missing.
        """
        if self.phase is not Phase.IDLE or not self.state.sums_done:
            return []
        late = self._taking_part - set(self._receipts)
        self._caught_up -= late
        return self._send(late, "Opening", self.load_opening(self.state.sums_done - 1))

    def _replay(self, record: Record) -> None:
        if record.kind == sumlog.BEGIN:
            self._voids, self._refused = (), 0
            self._attempt(())
        elif record.kind == sumlog.PACKET:
            self._take(record.hospital, record.data)
        elif record.kind in (sumlog.STALE, sumlog.HEARD):
            self._collection.heard.add(record.hospital)
            if record.kind == sumlog.STALE:
                self._collection.stale.add(record.hospital)
            self._waiting.discard(record.hospital)
        elif record.kind == sumlog.LATECOMER:
            self._collection.latecomers.add(record.hospital)
            self._waiting.discard(record.hospital)
        elif record.kind == sumlog.EXCLUDE:
            self._exclude(record.hospital)
        elif record.kind == sumlog.TOTAL:
            self._noted_total = record.data
        elif record.kind == sumlog.OPENED and self.phase is Phase.IDLE:
            opened = sumlog.read_opened(record)
            self._publish(opened, self.load_opening(opened.round))
        elif record.kind == sumlog.ADVANCE:
            self._replay_advance(*record.data.decode(errors="replace").split(" ", 1))

    def _replay_advance(self, before: str, after: str) -> None:
        if (before, self.phase) == (Phase.RELEASE.value, Phase.VERIFY):
            return  # the opening is on disk, and `state` follows from it
        if before != self.phase.value:
            raise self._does_not_fit(f"phase {self.phase.value} where {before} ended")
        self._advance()
        if after != self.phase.value:
            raise self._does_not_fit(f"phase {before} ended in {self.phase.value}, not {after}")

    def _does_not_fit(self, what: str) -> StorageError:
        return StorageError(
            f"the coordinator's journal does not fit what is on disk: {what}",
            hint="move the journal's folder away: the sum is then asked for from its beginning, "
            "and hospitals answer with what they sent before",
        )
