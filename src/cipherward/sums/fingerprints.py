"""Step 8, check (4): the fingerprints of all contributors add up to that of the sum. Who signs which stands in ADR 0032.

A contributor signs its own with its vote. For one that dealt and is silent, another contributor that has signed its own
reads the ciphertext and signs what it finds. Where nobody has, the ciphertext itself is in the opening.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cipherward.crypto.identity import open_signed
from cipherward.crypto.scheme import SumTask, payload_digest
from cipherward.errors import ProtocolError
from cipherward.sums.contributions import Contributions
from cipherward.sums.messages import Attested, Contribution, Header, Opening, Vote, read
from cipherward.sums.votes import Rules


class Fingerprints:
    """Those of one attempt at the coordinator, each checked while its ciphertext is there; then that is dropped."""

    def __init__(self, rules: Rules, task: SumTask, updates: Contributions) -> None:
        self._rules, self._task, self._updates = rules, task, updates
        self._found: dict[int, bytes] = {}
        self._own: set[int] = set()
        self._attested: dict[int, bytes] = {}
        self._read_by: dict[int, int] = {}

    def add_own(self, sender: int, mark: bytes, manifest: bytes) -> None:
        """With a consent. Raises ProtocolError: not that of its sender's ciphertext."""
        # Checked while the payload is still here: later, nobody could say whose fingerprint is wrong.
        if mark != self._expected(sender, manifest):
            raise ProtocolError("a consent whose fingerprint is not that of its sender's ciphertext")
        self._own.add(sender)
        self._keep(sender, mark)

    def add_attested(self, sender: int, body: Attested, data: bytes, manifest: bytes) -> bool:
        """Those of silent contributors, from another; whether they are new.

        Raises:
            ProtocolError: the sender has signed none of its own, or one is not that of the ciphertext.
        """
        if sender not in self._own or body.manifest_digest != manifest:
            raise ProtocolError("attests for others, and has signed no fingerprint of its own for this manifest")
        for entry in body.marks:
            if entry.hospital not in self._updates.headers or entry.digest != self._expected(entry.hospital, manifest):
                raise ProtocolError(f"attests a fingerprint that is not that of hospital {entry.hospital}'s ciphertext")
        if sender in self._attested:
            return False
        self._attested[sender] = data
        for entry in body.marks:
            self._read_by.setdefault(entry.hospital, sender)
            self._keep(entry.hospital, entry.digest)
        return True

    def to_attest(self, voters: Iterable[int]) -> dict[int, tuple[Contribution, ...]]:
        """The ciphertexts that each of these is asked to read: every silent contributor's goes to one of them."""
        able = sorted(self._own.intersection(voters))
        share = dict[int, tuple[Contribution, ...]]()
        for place, one in enumerate(self.served() if able else ()):
            reader = able[place % len(able)]
            share[reader] = (*share.get(reader, ()), one)
        return share

    def served(self) -> tuple[Contribution, ...]:
        """The ciphertexts whose fingerprint nobody has signed."""
        if not self._rules.scheme.has_fingerprints:
            return ()
        missing = sorted(set(self._updates.headers) - set(self._found))
        return tuple(Contribution(i, self._updates.payloads[i]) for i in missing)

    def attested(self) -> tuple[bytes, ...]:
        """The signed messages about contributors that have signed none of their own."""
        needed = {reader for silent, reader in self._read_by.items() if silent not in self._own}
        return tuple(self._attested[i] for i in sorted(needed))

    def _expected(self, hospital: int, manifest: bytes) -> bytes:
        if hospital in self._found:
            return self._found[hospital]
        return self._rules.scheme.fingerprint(self._task, manifest, self._updates.payloads[hospital])

    def _keep(self, hospital: int, mark: bytes) -> None:
        if hospital not in self._found:
            self._found[hospital] = mark
            del self._updates.payloads[hospital]


def check(
    rules: Rules,
    task: SumTask,
    opening: Opening,
    manifest: bytes,
    headers: Mapping[int, Header],
    votes: Mapping[int, Vote],
) -> str:
    """Check (4) of an opening whose headers and votes are checked; what a receipt says of it.

    Raises:
        ProtocolError, WireError: they do not add up, or one is missing.
    """
    if not rules.scheme.has_fingerprints:
        return "no fingerprints in this scheme"
    served = {item.hospital: item.payload for item in opening.unsigned}
    own = {i: votes[i].fingerprint for i in headers if i in votes and votes[i].fingerprint}
    attested = _attested(rules, task, opening, manifest, own)
    marks, recomputed = dict(own), 0
    for hospital, header in headers.items():
        if hospital in own:
            continue
        if hospital in served and payload_digest(served[hospital]) == header.payload_digest:
            marks[hospital] = rules.scheme.fingerprint(task, manifest, served[hospital])
            recomputed += 1
        elif hospital in attested:
            marks[hospital] = attested[hospital]
        else:
            raise ProtocolError(f"neither a signed fingerprint nor the ciphertext of hospital {hospital} was served")
    if not rules.scheme.fingerprints_match(task, manifest, opening.total, list(marks.values())):
        raise ProtocolError("the contributions' fingerprints do not add up to the encrypted sum's")
    others = len(headers) - len(own) - recomputed
    by_others = f"{others} by another contributor, " if others else ""
    return f"sum of fingerprints matches ({len(own)} signed, {by_others}{recomputed} recomputed)"


def _attested(
    rules: Rules, task: SumTask, opening: Opening, manifest: bytes, own: Mapping[int, bytes]
) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for data in opening.attested:
        signed = open_signed(data, study=rules.study, keys=rules.keys, kind="Attested")
        body = read(signed, Attested)
        if body.context != task.context or body.manifest_digest != manifest:
            raise ProtocolError(f"hospital {signed.sender} attests fingerprints of another sum or manifest")
        if signed.sender not in own:
            # A contributor that lies here could as well have lied about its own: no new party is trusted.
            raise ProtocolError(f"hospital {signed.sender} attests for others, and has signed none of its own")
        for entry in body.marks:
            if found.setdefault(entry.hospital, entry.digest) != entry.digest:
                raise ProtocolError(f"two fingerprints are attested for hospital {entry.hospital}")
    return found
