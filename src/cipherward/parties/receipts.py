"""What hospitals say about openings, and how whoever was away catches up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cipherward.errors import FaultyCoordinatorError, ProtocolError
from cipherward.parties.pending import Outgoing
from cipherward.sums import checks, forks
from cipherward.sums.messages import Behind, Receipt
from cipherward.sums.packets import pack
from cipherward.tasks.state import StudyState


@dataclass
class Receipts:
    """The receipts of the newest opening, by hospital, and the breaches that stop a study.

    `caught_up` and `asked_again` remember who was sent what it has missed, and the newest opening a second time.
    """

    load_opening: Callable[[int], bytes]
    load_receipt: Callable[[int, int], bytes] = lambda round, hospital: b""
    received: dict[int, Receipt] = field(default_factory=dict)
    breaches: dict[int, str] = field(default_factory=dict)
    caught_up: set[int] = field(default_factory=set)
    asked_again: set[int] = field(default_factory=set)

    def expect(self) -> None:
        """A new opening is out."""
        self.received = {}
        self.asked_again.clear()

    def check_breaches(self) -> None:
        """Raises FaultyCoordinatorError: a hospital reported a breach that stops the study."""
        if self.breaches:
            client, reason = min(self.breaches.items())
            raise FaultyCoordinatorError(
                f"Privacy Breach Detected for Client {client}: {reason}",
                hint="the study stops here; compare the evidence in the log with the coordinator's operator",
                culprit="coordinator",
            )

    def missed(self, sender: int, body: Behind, state: StudyState) -> list[Outgoing]:
        """The openings since the last one that the sender has verified; at most once until `caught_up` forgets it."""
        if not body.round < state.sums_done:
            raise ProtocolError("says that it is behind, and is not")
        forks.check(f"hospital {sender}", body.last, state.last_of(body.round))
        if sender in self.caught_up:
            raise checks.late("was sent what it has missed already")
        self.caught_up.add(sender)
        rounds = range(body.round, state.sums_done)
        # Its own word first, if it has verified one of them: it is not behind then, its ledger is.
        own = [data for round in reversed(rounds) if (data := self.load_receipt(round, sender))][:1]
        packets = [pack("Receipt", data) for data in own] + [
            pack("Opening", self.load_opening(round)) for round in rounds
        ]
        return [(sender, packet) for packet in packets]
