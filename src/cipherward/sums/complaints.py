"""Complaints about shares in one attempt: the dealer shows that one share, and its own signed header decides."""

from __future__ import annotations

from cipherward.crypto import wire
from cipherward.crypto.identity import Signed
from cipherward.crypto.scheme import SumTask
from cipherward.errors import FaultyHospitalError, ProtocolError
from cipherward.sums import disputes
from cipherward.sums.evidence import Shown, ShowRequest
from cipherward.sums.messages import Header


class Complaints:
    """`by_dealer`: for each dealer, the signed complaint of every hospital that complains about it."""

    def __init__(self, task: SumTask) -> None:
        self._task = task
        self.by_dealer: dict[int, dict[int, bytes]] = {}
        self._shown: dict[tuple[int, int], bytes] = {}

    def add(self, complainer: int, dealer: int, data: bytes) -> bool:
        """Note a complaint; whether it is new."""
        complaints = self.by_dealer.setdefault(dealer, {})
        is_new = complainer not in complaints
        complaints[complainer] = data
        return is_new

    def asked_to_show(self, complainer: int) -> dict[int, ShowRequest]:
        """What the dealers are asked about whom this hospital complains, and who have not shown their share yet."""
        return {
            dealer: ShowRequest(self._task.context, b"", (), (complaints[complainer],))
            for dealer, complaints in self.by_dealer.items()
            if complainer in complaints and (dealer, complainer) not in self._shown
        }

    def add_shown(self, dealer: int, body: Shown, data: bytes, signed_header: bytes) -> bool:
        """Note shares that a dealer shows; whether there are new ones.

        Raises:
            FaultyHospitalError: one is not the one in the dealer's header; both messages are the evidence.
            ProtocolError: nobody has complained about it.
        """
        header, before = wire.decode(Header, wire.decode(Signed, signed_header).body), len(self._shown)
        for item in body.shares:
            if item.dealer != dealer or item.holder not in self.by_dealer.get(dealer, {}):
                raise ProtocolError("shows a share about which nobody has complained")
            if not disputes.matches(self._task, header, item):
                raise FaultyHospitalError(
                    f"the share that it shows to hospital {item.holder} is not the one in its header",
                    culprit=f"hospital {dealer}",
                    evidence=(signed_header, data),
                )
            self._shown.setdefault((dealer, item.holder), data)
        return len(self._shown) > before

    def shown_by(self, dealer: int) -> frozenset[int]:
        """Whom a dealer has shown their share."""
        return frozenset(holder for shower, holder in self._shown if shower == dealer)

    def shown_to(self, holder: int) -> tuple[bytes, ...]:
        """The signed messages that show a holder its shares."""
        return tuple(data for (_, to), data in sorted(self._shown.items()) if to == holder)

    @property
    def unsettled(self) -> frozenset[int]:
        """Hospitals with a complaint about a dealer who has not shown them their share."""
        pairs = ((i, dealer) for dealer, complaints in self.by_dealer.items() for i in complaints)
        return frozenset(i for i, dealer in pairs if (dealer, i) not in self._shown)
