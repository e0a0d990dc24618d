"""One secure sum from the first key to the last receipt, with every party in this process.

`run_sum` is the whole protocol in one function. The steps and the messages are those of a deployment; only the network
and the ledgers are missing. docs/protocol.md has the same steps in words.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward import thresholds
from cipherward.crypto import wire
from cipherward.crypto.identity import COORDINATOR, Identity
from cipherward.crypto.scheme import Scheme, SumTask
from cipherward.errors import ProtocolError
from cipherward.sums import hospital_steps
from cipherward.sums.coordinator_steps import Collection
from cipherward.sums.hospital_steps import Consent, Dealt
from cipherward.sums.messages import Announce, Receipt, context, sign
from cipherward.sums.packets import pack
from cipherward.sums.votes import Member, Rules


@dataclass(frozen=True)
class Parties:
    """Hospitals 1..n and a coordinator (0) with fresh identities, and the sum that they are about to make."""

    rules: Rules
    task: SumTask
    members: Mapping[int, Member]

    @property
    def hospitals(self) -> range:
        return range(1, self.task.n_hospitals + 1)

    def sign(self, sender: int, body: Any) -> bytes:
        return sign(self.members[sender].identity, self.rules.study, sender, body)


def make_parties(make_scheme: Callable[[int], Scheme], n_hospitals: int, n_lanes: int, bits: int = 16) -> Parties:
    """Everyone in a sum of `n_lanes` numbers below 2^bits, with the default thresholds.

    Args:
        make_scheme: called with the fewest contributors that a sum may have.
    """
    numbers = thresholds.derive(n_hospitals)
    identities = [Identity(os.urandom(32)) for _ in range(n_hospitals + 1)]
    keys = {index: identity.public_key for index, identity in enumerate(identities)}
    scheme = make_scheme(numbers.min_contributors)
    rules = Rules(os.urandom(32), keys, numbers.threshold, numbers.min_contributors, scheme)
    ctx = context(rules.study, os.urandom(32), 1, 1)
    task = SumTask(ctx, n_hospitals, numbers.threshold, bits, n_lanes, n_lanes, n_lanes)
    return Parties(rules, task, {index: Member(rules, index, identity) for index, identity in enumerate(identities)})


@dataclass
class Meter:
    """What a sum costs. `sent[kind]` lists the bytes of every message that hospitals send, in the order of sending; `up`
    and `down` hold the bytes of all packets by hospital; `seconds[phase]` lists the seconds of every step."""

    sent: dict[str, list[int]] = field(default_factory=dict)
    up: dict[int, int] = field(default_factory=dict)
    down: dict[int, int] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def to(self, hospital: int, kind: str, data: bytes) -> None:
        """The coordinator sends a message."""
        self.down[hospital] = self.down.get(hospital, 0) + len(pack(kind, data))

    def from_(self, hospital: int, kind: str, data: bytes) -> bytes:
        """A hospital sends a message; the bytes as they arrive."""
        self.sent.setdefault(kind, []).append(len(data))
        self.up[hospital] = self.up.get(hospital, 0) + 1 + len(data)  # a packet names its kind in one byte
        return data

    @contextmanager
    def time(self, phase: str) -> Iterator[None]:
        """One step of a phase."""
        started = perf_counter()
        yield
        self.seconds.setdefault(phase, []).append(perf_counter() - started)


def run_sum(
    parties: Parties,
    vectors: Iterable[tuple[int, NDArray[Any]]],
    *,
    voters: Iterable[int] | None = None,
    n_releases: int | None = None,
    payloads: MutableMapping[int, bytes] | None = None,
    meter: Meter | None = None,
    read: Callable[[int, NDArray[Any]], None] | None = None,
) -> NDArray[Any]:
    """The whole protocol, steps 1 to 8, among honest parties. Returns the sums that the coordinator opens.

    Args:
        vectors: (hospital, uint32[n_lanes]) of each contributor, in order of arrival; made as they are needed.
        voters: who is there to consent; default all. Of them the first `n_releases` release; default the threshold.
        payloads: where ciphertexts wait until their sender has signed a fingerprint; default memory.
        read: called with each hospital and the sums that it reads in the opening by itself; without it nobody does.

    Raises:
        ProtocolError: the sum does not open, or a hospital complains.
    """
    rules, task, members, hospitals = parties.rules, parties.task, parties.members, parties.hospitals
    cost = meter or Meter()
    waiting: MutableMapping[int, bytes] = {} if payloads is None else payloads
    coordinator = Collection(members[COORDINATOR], task, np.zeros(task.n_lanes), waiting)

    # 1. Join: every hospital makes a key for this sum; the coordinator sends all of them to all.
    keys: dict[int, bytes] = {}
    announce = parties.sign(COORDINATOR, Announce(task.context, 1, 0, ()))
    for i in hospitals:
        cost.to(i, "Announce", announce)
        with cost.time("join"):
            keys[i], join = hospital_steps.join(members[i], task, os.urandom(96))
        coordinator.add_join(i, cost.from_(i, "Join", join))
    joined = coordinator.close_joins()
    for i in hospitals:
        cost.to(i, "Joined", parties.sign(COORDINATOR, joined))

    # 2. and 3. Deal, sum: a contributor encrypts its vector under a one-time secret, shares the secret among all, and
    # signs both; ciphertexts are added as they come.
    headers: dict[int, bytes] = {}
    for i, lanes in vectors:
        vector = lanes if rules.scheme.fixed_point else lanes.astype(np.float64)
        with cost.time("encrypt"):
            dealt = hospital_steps.deal(members[i], task, joined, vector, os.urandom(32), keys[i])
        cost.from_(i, "Update", dealt.update)
        with cost.time("add"):
            coordinator.add_update(i, dealt.update)
        headers[i] = dealt.header  # of the rest, one copy is enough in one process: the coordinator's
        del dealt

    # 4. Manifest: the coordinator fixes whose contributions are in the sum.
    requests = coordinator.close()

    # 5. and 6. Consent, certificate: a hospital checks the manifest and its shares, and votes once.
    consents: dict[int, Consent] = {}
    for i in hospitals if voters is None else voters:
        cost.to(i, "ConsentRequest", wire.encode(requests[i]))
        own = Dealt(headers[i], waiting.get(i, b""), b"") if i in headers else None
        with cost.time("consent"):
            given = hospital_steps.consent(members[i], task, requests[i], private_key=keys[i], own=own)
        if not isinstance(given, Consent):
            raise ProtocolError(f"hospital {i} complains about hospital {given.dealer}: {given.reason}")
        consents[i] = given
        coordinator.add_vote(i, cost.from_(i, "Vote", parties.sign(i, given.vote)))
    certificates = coordinator.certificates()

    # 7. Release, open: on the certificate holders release the sum of their shares, which opens the sum and nothing else.
    for i in list(consents)[: n_releases or rules.threshold]:
        cost.to(i, "Certificate", wire.encode(certificates[i]))
        with cost.time("release"):
            release = hospital_steps.release(members[i], task, certificates[i], consents[i], keys[i])
            attested = hospital_steps.attest(members[i], task, certificates[i], consents[i])
        if attested:
            coordinator.add_attested(i, cost.from_(i, "Attested", attested))
        coordinator.add_release(i, cost.from_(i, "Release", release))
    with cost.time("open"):
        found = coordinator.open()
    if found.sums is None:
        raise ProtocolError(f"the sum does not open: {found.reason}")

    # 8. Verify: every hospital checks the opening and reads the sums by itself.
    next_model = os.urandom(32)
    opening = coordinator.opening(1, 0, found.witness, next_model)
    for i in hospitals if read else ():
        cost.to(i, "Opening", parties.sign(COORDINATOR, opening))
        consented = consents[i].vote.manifest_digest if i in consents else None
        with cost.time("verify"):
            seen = hospital_steps.verify(members[i], task, opening, own_header=headers.get(i), consented=consented)
        detail = "; ".join((*seen.checks, *seen.assumed))
        receipt = Receipt(task.context, 1, seen.manifest_digest, "preserved", detail, next_model)
        cost.from_(i, "Receipt", parties.sign(i, receipt))
        if read:
            read(i, seen.sums)
    return found.sums
