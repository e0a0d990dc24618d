"""The updates of one attempt at the coordinator: those in the running sum, and which of them may be opened together."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping

import numpy as np
import numpy.typing as npt

from cipherward.crypto.scheme import SumTask
from cipherward.disclosure.eligibility import eligible, refusals
from cipherward.disclosure.refusals import Refusal
from cipherward.disclosure.standing import Memory, Statement
from cipherward.errors import CipherwardError, ProtocolError
from cipherward.sums.checks import Check, check
from cipherward.sums.messages import Header, ShareFor, Update
from cipherward.sums.statements import expected
from cipherward.sums.votes import Rules


class Contributions:
    """Arguments as in `Collection`.

    Attributes:
        headers: the signed headers by hospital.
        payloads: each hospital's contribution, until its fingerprint is there.
    """

    def __init__(
        self,
        rules: Rules,
        task: SumTask,
        base: npt.NDArray[np.float64],
        payloads: MutableMapping[int, bytes],
        memory: Memory,
    ) -> None:
        self._rules, self._task, self._base, self._memory = rules, task, base, memory
        self.headers: dict[int, bytes] = {}
        self.payloads = payloads
        self._said: dict[int, Statement] = {}
        self._shares: dict[int, dict[int, bytes]] = {}
        self._senders: dict[bytes, int] = {}
        self._sum = rules.scheme.accumulator(task, base)

    def add(self, sender: int, update: Update, header: Header, said: Statement) -> None:
        """Add an update whose header was checked to the running sum.

        Raises:
            ProtocolError, WireError: a copy of another, or not a contribution; the sum is unchanged.
            StorageError: no room for it; the sum is unchanged.
        """
        with check(Check.COPY):
            if self._rules.is_encrypted and header.payload_digest in self._senders:
                # In a manifest, two headers over one ciphertext would be evidence against the coordinator.
                raise ProtocolError(f"copies the ciphertext of hospital {self._senders[header.payload_digest]}")
        self.payloads[sender] = update.payload  # first: where the disk is full, nothing else has changed
        try:
            with check(Check.RESIDUES):
                self._sum.add(update.payload)
        except CipherwardError:
            del self.payloads[sender]
            raise
        self._senders[header.payload_digest] = sender
        # What is kept must not hold on to the whole update.
        self.headers[sender], self._said[sender] = bytes(update.header), said
        self._shares[sender] = {item.hospital: bytes(item.sealed) for item in update.shares}

    def leave_out(self, hospitals: frozenset[int], *, rebuild: bool) -> None:
        """Drop those whose block is not whole: their hospitals deal again in the next sum."""
        for i in hospitals:
            del self.headers[i], self._said[i], self._shares[i], self.payloads[i]
        if hospitals and rebuild:
            self._sum = self._rules.scheme.accumulator(self._task, self._base)
            for i in self.headers:
                self._sum.add(self.payloads[i])

    def total(self) -> bytes:
        """The sum's canonical bytes."""
        return self._sum.total()

    def shares_for(self, holder: int) -> tuple[ShareFor, ...]:
        """The sealed shares that the dealers made for this holder."""
        return tuple(ShareFor(i, self._shares[i][holder]) for i in sorted(self.headers) if holder in self._shares[i])

    # who may be opened together

    @property
    def statements(self) -> tuple[Statement, ...]:
        """How those who have contributed stand in the sum, by their headers."""
        return tuple(self._said.values())

    @property
    def stepped_too_few(self) -> Refusal | None:
        """Rule 7: why a block cannot stand in the sum although all of it is there, if new patients entered at too few of it."""
        found = refusals(self.statements, self._rules.blocks, self._memory)
        return next((refusal for refusal in found if refusal.rule == 7), None)

    @property
    def standing(self) -> frozenset[int]:
        """Whose contributions may be opened together: those of whole blocks, and of who stands alone by agreement."""
        return self.could_stand(self.headers)

    def could_stand(self, hospitals: Iterable[int]) -> frozenset[int]:
        """As `standing`, if these contributed. Who has not yet is taken to have said no, unless it is known to have said
        yes or could not stand otherwise."""
        said = self.as_they_say(hospitals)
        able = eligible((one for _, one in said), self._rules.blocks, self._memory)
        return frozenset(i for i, one in said if one in able)

    def as_they_say(self, hospitals: Iterable[int]) -> tuple[tuple[int, Statement], ...]:
        """How these stand in the sum: as their headers say, or as those are expected to say."""
        return tuple((i, self._said.get(i) or expected(self._rules, i, self._memory)) for i in hospitals)
