"""What a hospital has answered before, by its ledger: with whom it may answer again."""

from __future__ import annotations

from dataclasses import dataclass

from cipherward.errors import AlreadyReleasedError
from cipherward.store.ledger import Ledger
from cipherward.sums import asked_before
from cipherward.sums.votes import Rules


@dataclass
class EarlierSums:
    """The sums in a hospital's ledger, with hospitals named by their numbers in this study."""

    rules: Rules
    ledger: Ledger

    def together(self, query: bytes) -> tuple[int, ...]:
        """The hospitals with which I answered this query before, by their numbers in this study; () if I did not.

        Raises:
            AlreadyReleasedError: they cannot answer it again together here.
        """
        sets = [self.ledger.contributors(record.context) for record in self.ledger.exposed(query)]
        if not sets:
            return ()
        if not all(sets):
            raise AlreadyReleasedError(
                "I have contributed to this question before, in a sum that I did not see opened", hint=asked_before.HINT
            )
        numbers = {self.rules.keys[i]: i for i in range(1, self.rules.n_hospitals + 1)}
        if len(set(sets)) > 1 or not all(key in numbers for key in sets[0]):
            raise AlreadyReleasedError(
                "I have contributed to this question before, in a sum of hospitals that are not all in this study",
                hint=asked_before.HINT,
            )
        return tuple(sorted(numbers[key] for key in sets[0]))
