"""Holders' releases at the coordinator: one from each, and enough of them open a sum."""

from __future__ import annotations

from cipherward.crypto.scheme import SumTask
from cipherward.errors import FaultyHospitalError, WireError
from cipherward.sums.votes import Rules


def same(what: str, sender: int, first: bytes, second: bytes) -> None:
    """Honest hospitals repeat themselves byte by byte, from their ledger; whoever does not has signed the evidence.

    Raises:
        FaultyHospitalError: the two signed messages differ.
    """
    if first != second:
        raise FaultyHospitalError(f"a second, different {what}", culprit=f"hospital {sender}", evidence=(first, second))


class Releases:
    """The releases of one attempt. `by_hospital`: the sums of shares; `signed`: the messages, as evidence."""

    def __init__(self, rules: Rules, task: SumTask) -> None:
        self._rules, self._task = rules, task
        self.by_hospital: dict[int, bytes] = {}
        self.signed: dict[int, bytes] = {}

    def add(self, sender: int, shares: bytes, data: bytes) -> bool:
        """Note one holder's release, `data` as it was signed; whether it is new.

        Raises:
            FaultyHospitalError: a second, different release; both are the evidence.
            WireError: it is not a sum of shares.
        """
        if sender in self.by_hospital:
            same("release", sender, self.signed[sender], data)
            return False
        if not self._rules.scheme.release_is_usable(self._task, shares):
            # Noticed here it costs its sender's release; in `open` it would cost the sum.
            raise WireError("a release that is not a sum of shares")
        self.by_hospital[sender], self.signed[sender] = shares, data
        return True
