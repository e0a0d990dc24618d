"""One secure sum with every party in this process: what it costs, with no training and no nodes around it.

The steps are those of `sums`, the messages are the ones that a run sends; only the network and the ledgers are
missing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward import thresholds
from cipherward.crypto import ckks, wire
from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.crypto.masks import MasksScheme
from cipherward.crypto.plain import PlainScheme
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import Scheme, SumTask
from cipherward.errors import ProtocolError
from cipherward.sums import hospital_steps
from cipherward.sums.coordinator_steps import Collection
from cipherward.sums.hospital_steps import Consent, Dealt
from cipherward.sums.messages import Announce, Opening, Receipt, context, sign
from cipherward.sums.packets import pack
from cipherward.sums.votes import Member, Rules

SCHEMES = ("plain", "masks", "ckks", "quorum")


class Forgets(MutableMapping[int, bytes]):
    """A payload store that keeps nothing: for schemes that never read a payload again, or in place of a disk."""

    def __getitem__(self, key: int) -> bytes:
        raise KeyError(key)

    def __setitem__(self, key: int, value: bytes) -> None: ...

    def __delitem__(self, key: int) -> None: ...

    def __iter__(self) -> Iterator[int]:
        return iter(())

    def __len__(self) -> int:
        return 0


class SimulatedSum:
    """One sum of `n_lanes` parameters under `scheme`, from the joins to the receipts.

    Args:
        payloads: where updates wait for their sender's consent; default memory.

    `sent[kind]` lists the length in bytes of every message of that kind, in roster order; `up` and `down` hold the bytes
    of all packets by hospital; `seconds[phase]` lists the seconds of every step (open: once, add: by update, the
    others: by hospital).

    Raises:
        StudyError: scheme ckks without TenSEAL.
    """

    def __init__(
        self,
        n_hospitals: int,
        n_lanes: int,
        bits: int = 16,
        payloads: MutableMapping[int, bytes] | None = None,
        *,
        scheme: str = "quorum",
    ) -> None:
        numbers = thresholds.derive(n_hospitals)
        identities = [Identity(os.urandom(32)) for _ in range(n_hospitals + 1)]
        keys = {index: identity.public_key for index, identity in enumerate(identities)}
        chosen = _scheme(scheme, numbers.min_contributors)
        rules = Rules(os.urandom(32), keys, numbers.threshold, numbers.min_contributors, chosen)
        self.members = {index: Member(rules, index, identity) for index, identity in enumerate(identities)}
        self.task = SumTask(
            context(rules.study, os.urandom(32), 1, 1), n_hospitals, numbers.threshold, bits, n_lanes, n_lanes, n_lanes
        )
        self.rules = rules
        self.payloads: MutableMapping[int, bytes] = {} if payloads is None else payloads
        self.collection = self.new_collection(self.payloads)
        self.sent: dict[str, list[int]] = {}
        self.up = dict.fromkeys(self.hospitals, 0)
        self.down = dict.fromkeys(self.hospitals, 0)
        self.seconds: dict[str, list[float]] = {}
        self._private: dict[int, bytes] = {}
        self._headers: dict[int, bytes] = {}
        self._consents: dict[int, Consent] = {}
        self._joins: dict[int, bytes] = {}
        self._join_seconds: dict[int, float] = {}
        self._witness = b""
        self._join()

    def new_collection(self, payloads: MutableMapping[int, bytes]) -> Collection:
        """A fresh coordinator for the same sum (call `rejoin` on it before it takes updates)."""
        return Collection(self.members[COORDINATOR], self.task, np.zeros(self.task.n_lanes), payloads)

    def rejoin(self, collection: Collection) -> Collection:
        """Give another coordinator the joins of this sum."""
        for index, data in self._joins.items():
            collection.add_join(index, data)
        collection.close_joins()
        return collection

    @property
    def hospitals(self) -> range:
        return range(1, self.task.n_hospitals + 1)

    def _join(self) -> None:
        announce = pack("Announce", self._signed(Announce(self.task.context, 1, 0, ())))
        for i in self.hospitals:
            self.down[i] += len(announce)
            started = perf_counter()
            self._private[i], data = hospital_steps.join(self.members[i], self.task, os.urandom(96))
            self._join_seconds[i] = perf_counter() - started
            self._note(i, "Join", data)
            self._joins[i] = data
            self.collection.add_join(i, data)
        self.joined = self.collection.close_joins()
        packet = pack("Joined", self._signed(self.joined))
        for i in self.hospitals:
            self.down[i] += len(packet)

    def deal(self, i: int, lanes: NDArray[np.uint32]) -> bytes:
        """Hospital i's encoded Update: encryption, shares, sealing, signature, serialisation."""
        vector: NDArray[Any] = lanes if self.rules.scheme.fixed_point else lanes.astype(np.float64)
        started = perf_counter()
        dealt = hospital_steps.deal(self.members[i], self.task, self.joined, vector, os.urandom(32), self._private[i])
        self._spent("encrypt", self._join_seconds[i] + perf_counter() - started)
        self._headers[i] = dealt.header
        self._note(i, "Update", dealt.update)
        return dealt.update

    def add(self, i: int, update: bytes) -> None:
        """The coordinator takes hospital i's update."""
        started = perf_counter()
        self.collection.add_update(i, update)
        self._spent("add", perf_counter() - started)

    def agree(
        self,
        voters: Iterable[int] | None = None,
        progress: Callable[[str, int], None] = lambda what, i: None,
        n_releases: int | None = None,
    ) -> None:
        """Manifest, consent of every voter (default: all), certificate, `n_releases` releases (default: t)."""
        requests = self.collection.close()
        for i in self.hospitals if voters is None else voters:
            self.down[i] += len(pack("ConsentRequest", wire.encode(requests[i])))
            member = self.members[i]
            own = Dealt(self._headers[i], self.payloads.get(i, b""), b"") if i in self._headers else None
            started = perf_counter()
            given = hospital_steps.consent(member, self.task, requests[i], private_key=self._private[i], own=own)
            self._spent("consent", perf_counter() - started)
            if not isinstance(given, Consent):
                raise ProtocolError(f"hospital {i} complains about hospital {given.dealer}: {given.reason}")
            vote = self._signed(given.vote, i)
            self._note(i, "Vote", vote)
            self.collection.add_vote(i, vote)
            self._consents[i] = given
            progress("consent", i)
        certificate = self.collection.certificate()
        packet = pack("Certificate", wire.encode(certificate))
        for i in list(self._consents)[: n_releases or self.rules.threshold]:
            self.down[i] += len(packet)
            started = perf_counter()
            data = hospital_steps.release(self.members[i], self.task, certificate, self._consents[i], self._private[i])
            self._spent("release", perf_counter() - started)
            self._note(i, "Release", data)
            self.collection.add_release(i, data)
            progress("release", i)

    def open(self) -> NDArray[Any]:
        """The opened sums: int64[n_lanes], or float64[n_lanes] under `plain`."""
        started = perf_counter()
        self._witness, sums, reason = self.collection.open()
        self._spent("open", perf_counter() - started)
        if sums is None:
            raise ProtocolError(f"the sum does not open: {reason}")
        return sums

    def verify(self) -> Iterator[NDArray[Any]]:
        """After `open`: what each hospital in turn finds in the opening, checked by the rules of a run."""
        next_model = os.urandom(32)
        opening: Opening = self.collection.opening(1, 0, self._witness, next_model)
        packet_bytes = len(pack("Opening", self._signed(opening)))
        for i in self.hospitals:
            self.down[i] += packet_bytes
            consented = self._consents[i].vote.manifest if i in self._consents else None
            started = perf_counter()
            found = hospital_steps.verify(
                self.members[i], self.task, opening, own_header=self._headers.get(i), consented=consented
            )
            self._spent("verify", perf_counter() - started)
            detail = "; ".join((*found.checks, *found.assumed))
            receipt = Receipt(self.task.context, 1, found.manifest_digest, "preserved", detail, next_model)
            self._note(i, "Receipt", self._signed(receipt, i))
            yield found.sums

    def _signed(self, body: Any, sender: int = COORDINATOR) -> bytes:
        return sign(self.members[sender].identity, self.rules.study, sender, body)

    def _note(self, i: int, kind: str, data: bytes) -> None:
        self.sent.setdefault(kind, []).append(len(data))
        self.up[i] += 1 + len(data)  # a packet names its kind in one byte

    def _spent(self, phase: str, seconds: float) -> None:
        self.seconds.setdefault(phase, []).append(seconds)


def random_lanes(rng: np.random.Generator, n_lanes: int, bits: int = 16) -> NDArray[np.uint32]:
    """uint32[n_lanes], uniform below 2^bits."""
    return rng.integers(0, 1 << bits, n_lanes, dtype=np.uint32)


def _scheme(name: str, min_contributors: int) -> Scheme:
    if name == "ckks":
        pair = ckks.generate_keys()
        return ckks.CkksScheme(pair.public_context, ckks.KeyHolder(pair.secret_context, min_contributors))
    others: dict[str, Scheme] = {"plain": PlainScheme(), "masks": MasksScheme(), "quorum": QuorumScheme()}
    return others[name]
