"""Every place where bytes from elsewhere become something, with valid inputs and what acceptance must mean."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from tests.fuzz.mutation import BINARY, Mutation
from tests.schedules.liars import UNSIGNED, kind_of, opened, packet_of
from tests.schedules.world import ForgetfulParties
from tests.sums.sum_parties import N_LANES, parties

from cipherward.crypto import masks, quorum, ring, sealing, seeds, shamir, wire
from cipherward.crypto.identity import Signed, open_signed
from cipherward.crypto.masks import MasksScheme
from cipherward.crypto.plain import PlainScheme
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import DealtShare, Protected, SumTask, payload_digest
from cipherward.errors import WireError
from cipherward.parties import sumlog
from cipherward.parties.coordinator_node import Phase
from cipherward.sums.digests import Entry
from cipherward.sums.evidence import (
    Answer,
    Answered,
    Challenge,
    Claim,
    Contradiction,
    Excerpt,
    Shown,
    ShownShare,
    ShownSlice,
    ShowRequest,
)
from cipherward.sums.messages import (
    KINDS,
    Attested,
    Behind,
    Complaint,
    Contribution,
    Declined,
    FalseShare,
    Notice,
    ShareFor,
    VoidCertificate,
    VoidRequest,
    sign,
)
from cipherward.sums.packets import pack, unpack

OWN_FILE = 10_000
SHARE = ShownShare(2, 3, b"share" * 40, bytes(32))
SLICE = ShownSlice(2, 3, 1, b"piece" * 40, bytes(64), bytes(32))
CLAIM = Claim(b"answer", 2, 3, 1, Excerpt(bytes(16), bytes(64), bytes(32)))
"""Tries against what reads a file that this very party has written, or its own table."""


@dataclass(frozen=True)
class Decoder:
    """`decode` gives a value or raises a CipherwardError.

    valid: inputs that are accepted. holds: whether it is right that other bytes gave this value, (bytes, value): because
    they are another valid encoding; None: other bytes are never right. others: to splice with; default `valid`.
    tries: fewer than 100,000 only for what is no message: `OWN_FILE`, and pages.
    remembers: valid input would change what it makes of the next. refuses: False for a file of which it leaves out what is
    damaged, and takes the rest.
    """

    name: str
    valid: Sequence[bytes]
    decode: Callable[[bytes], Any]
    holds: Callable[[bytes, Any], bool] | None = None
    others: Sequence[bytes] = ()
    mutations: Sequence[Mutation] = BINARY
    tries: int = 100_000
    remembers: bool = False
    refuses: bool = True

    def accepts_only_what_is_right(self, data: bytes) -> bool:
        """Decode malformed bytes. False: refused; True: accepted, and rightly so.

        Raises:
            AssertionError: accepted, and it should not be. CipherwardError: refused.
        """
        value = self.decode(data)
        assert self.holds is not None, f"{self.name} accepts {data[:80].hex()}"
        assert self.holds(data, value), f"{self.name} accepts {data[:80].hex()}, which is not what it makes of it"
        return True


# messages


def packets_of(world: ForgetfulParties) -> tuple[list[tuple[int, bytes]], list[tuple[int, bytes]]]:
    """Every packet of a whole study, up and down; and one of each kind that it had no use for."""
    ups: list[tuple[int, bytes]] = []
    downs: list[tuple[int, bytes]] = []
    hub = world.hub
    while not hub.finished:
        queue = list(hub.begin())
        while hub.phase is not Phase.IDLE:
            while queue:
                hospital, packet = queue.pop(0)
                downs.append((hospital, packet))
                for reply in world.sites[hospital].handle(packet):
                    ups.append((hospital, reply))
                    queue += hub.handle(hospital, reply)
            queue += hub.expire() if hub.waiting else hub.advance()
    context = opened(downs[0][1])[1].context
    signed = partial(packet_of, world.setting)
    ups += [(2, signed(2, Behind(1))), (2, signed(2, Complaint(context, 3, "its share does not open")))]
    ups += [(2, signed(2, Declined(context, "diverged")))]
    answer = Answer(bytes(32), bytes(128), bytes(32), b"")
    message = sign(world.setting.keys.identities[2], world.setting.study.digest(), 2, answer)
    ups += [(2, signed(2, Answered(message, bytes(640), b"")))]
    ups += [(2, signed(2, Attested(context, bytes(32), (Entry(3, bytes(20)),))))]
    ups += [(2, signed(2, Shown(context, (SHARE,), (SLICE,))))]
    downs += [(1, signed(0, Challenge(context, bytes(32), (Entry(1, bytes(32)), Entry(3, b"x" * 32)), bytes(32))))]
    downs += [(1, signed(0, ShowRequest(context, b"manifest", (CLAIM,), (unpack(ups[0][1])[1],))))]
    downs += [(1, signed(0, VoidRequest(context))), (1, signed(0, Notice(context, 0, "late", "an update")))]
    return ups, downs


def _signed_inside(kind: str, body: Any) -> list[bytes]:
    """The signed messages that a body carries."""
    if kind == "Opening":
        return [body.manifest, *body.headers]
    return [body.header] if kind == "Update" else [body.answer] if kind == "Answered" else []


def wire_kinds(ups: Sequence[tuple[int, bytes]], downs: Sequence[tuple[int, bytes]]) -> Iterator[Decoder]:
    """The wire decoder with every type that travels."""
    bodies: dict[type, list[bytes]] = {}
    envelopes: list[bytes] = []
    for _, packet in (*ups, *downs):
        kind, body = opened(packet)
        bodies.setdefault(KINDS[kind], []).append(wire.encode(body))
        inner = _signed_inside(kind, body)
        if kind not in UNSIGNED:
            inner.append(unpack(packet)[1])
        envelopes += inner
        for data in inner:
            signed = wire.decode(Signed, data)
            bodies.setdefault(KINDS[signed.kind], []).append(signed.body)
        if kind == "Certificate":
            bodies.setdefault(VoidCertificate, []).append(wire.encode(VoidCertificate(body.votes)))
    small = (
        [SHARE],
        [SLICE],
        [CLAIM],
        [CLAIM.said],
        [Contradiction(3, 2, 3, 1, CLAIM.said, b"piece" * 40, bytes(64), bytes(32))],
        [Entry(3, bytes(32)), Entry(300, b"x" * 32)],
        [ShareFor(2, b"sealed" * 20)],
        [Contribution(1, b"payload")],
        [FalseShare(b"header", b"shown")],
    )
    for values in small:
        bodies[type(values[0])] = [wire.encode(value) for value in values]
    bodies[Signed] = envelopes[:40]
    bodies[sumlog.Opened] = [wire.encode(sumlog.Opened(2, 0, "train", (1, 2, 4), 1, ""))]
    bodies[seeds.Dealing] = [wire.encode(seeds.Dealing((1, 2, 5), bytes(3 * seeds.SHARE_BYTES)))]
    bodies[seeds.SeedTable] = [wire.encode(seeds.SeedTable((1, 2), (4,), bytes(4 * seeds.SHARE_BYTES)))]
    everything = [min(valid, key=len) for valid in bodies.values()]
    assert {each.__name__ for each in bodies} >= set(KINDS)
    for each, valid in sorted(bodies.items(), key=lambda item: item[0].__name__):
        yield Decoder(
            f"wire-{each.__name__}",
            sorted(set(valid), key=len)[:12],
            partial(wire.decode, each),
            lambda data, value: wire.encode(value) == data,
            everything,
        )


def packets(ups: Sequence[tuple[int, bytes]], downs: Sequence[tuple[int, bytes]]) -> Decoder:
    def again(data: bytes, value: tuple[str, bytes]) -> bool:
        return pack(*value) == data

    return Decoder("packet", [packet for _, packet in (*ups, *downs)][:30], unpack, again)


def signatures(
    world: ForgetfulParties, ups: Sequence[tuple[int, bytes]], downs: Sequence[tuple[int, bytes]]
) -> Decoder:
    signed = [unpack(packet)[1] for _, packet in (*ups, *downs) if kind_of(packet) not in UNSIGNED]
    keys, study = world.rules.keys, world.rules.study
    return Decoder("signed", signed, partial(open_signed, study=study, keys=keys))


# nodes


def hospital_node(world: ForgetfulParties) -> Decoder:
    """A hospital that has consented and has not released, and every packet that it was sent or may be sent next."""
    site, before, hub = world.sites[1], world.sites[1].state, world.hub
    mine: list[bytes] = []
    others: list[bytes] = []
    honest: set[bytes] = set()
    queue = list(hub.begin())
    while hub.phase is not Phase.RELEASE:
        for hospital, packet in queue:
            replies = world.sites[hospital].handle(packet)
            if hospital == 1:
                honest.update(replies)
            (mine if hospital == 1 else others).append(packet)
            for reply in replies:
                hub.handle(hospital, reply)
        queue = list(hub.advance())
    mine += [packet for hospital, packet in queue if hospital == 1]

    def decode(data: bytes) -> list[bytes]:
        world.logs[1].clear()
        site.outcomes.clear()
        replies = site.handle(data)
        assert site.state is before, "a malformed packet moved the model"
        assert not site.stopped, "a malformed packet looks like a breach"
        if not replies or (kind_of(replies[0]) == "Receipt" and not opened(replies[0])[1].context):
            raise WireError("refused")
        return replies

    def holds(data: bytes, replies: list[bytes]) -> bool:
        if kind_of(replies[0]) == "Release":  # the same votes in another order are a certificate too
            votes = opened(data)[1].votes
            return len(set(votes)) >= world.rules.threshold and set(votes) <= set(opened(mine[-1])[1].votes)
        return set(replies) <= honest

    return Decoder("hospital", mine, decode, holds, others=[*mine, *others], remembers=True)


def coordinator_node(world: ForgetfulParties, ups: Sequence[tuple[int, bytes]], phase: Phase) -> Decoder:
    """A coordinator in one phase, and packets in the name of hospital 1."""
    hub = world.hub
    queue = list(hub.begin())
    asked: dict[int, list[bytes]] = {}
    while hub.phase is not phase:
        while queue:
            hospital, packet = queue.pop(0)
            for reply in world.sites[hospital].handle(packet):
                hub.handle(hospital, reply)
        queue = list(hub.advance())
    for hospital, packet in queue:
        asked[hospital] = world.sites[hospital].handle(packet)
    state = hub.state

    def decode(data: bytes) -> None:
        world.logs[0].clear()
        hub.set_aside.clear()
        answers = hub.handle(1, data)
        assert all(hospital == 1 and kind_of(packet) == "Notice" for hospital, packet in answers)
        assert hub.state is state
        assert hub.phase is phase
        if hub.set_aside:
            raise WireError(hub.set_aside[0].reason)

    mine = [packet for hospital, packet in ups if hospital == 1]
    return Decoder(f"coordinator-{phase.value}", asked[1], decode, others=[*mine, *asked[2]], remembers=True)


# the schemes


def task(n: int = 5) -> SumTask:
    return parties(n).task


def lanes(n: int = N_LANES) -> Any:
    return np.arange(n, dtype=np.uint32) * 3 + 1


class _Sum:
    """One sum of five hospitals, opened."""

    def __init__(self, scheme: Any, who: SumTask) -> None:
        self.private = {i: bytes([i]) * 96 for i in range(1, 6)}
        public = {i: scheme.make_key(self.private[i])[1] for i in self.private}
        self.sent: dict[int, Protected] = {
            i: scheme.protect(who, i, lanes(), public, bytes([i]) * 64, own) for i, own in self.private.items()
        }
        self.payloads = [protected.payload for protected in self.sent.values()]
        total = scheme.accumulator(who, np.zeros(N_LANES))
        for payload in self.payloads:
            total.add(payload)
        self.total: bytes = total.total()
        self.releases: dict[int, bytes] = {
            j: scheme.release(who, j, own, self._dealt(j)) for j, own in self.private.items()
        }
        self.witness: bytes = scheme.open(who, self.total, self.releases, np.zeros(N_LANES), 5)

    def _dealt(self, holder: int) -> dict[int, DealtShare]:
        return {i: DealtShare(p.shares[holder], payload_digest(p.payload)) for i, p in self.sent.items()}


def quorum_parsers() -> Iterator[Decoder]:
    scheme, who = QuorumScheme(), task()
    numbers = quorum.parameters_of(who)
    made = _Sum(scheme, who)
    payloads, total, releases, witness = made.payloads, made.total, made.releases, made.witness
    marks = [scheme.fingerprint(who, b"m" * 32, payload) for payload in payloads]

    def add(data: bytes) -> bytes:
        fresh = ring.zero_sum(numbers)
        try:
            ring.add_payload(numbers, fresh, data)
        except WireError:
            assert not fresh.any(), "a refused update changed the sum"
            raise
        return ring.pack_sum(numbers, fresh)

    def match(data: bytes) -> None:
        if not scheme.fingerprints_match(who, b"m" * 32, total, [data, *marks[1:]]):
            raise WireError("no match")

    yield Decoder("quorum-payload", payloads, add, lambda data, value: value == data)
    yield Decoder("quorum-total", [total], lambda data: scheme.sums(who, data, witness, 5))
    yield Decoder(
        "quorum-witness", [witness], lambda data: scheme.sums(who, total, data, 5), others=[*releases.values()]
    )
    yield Decoder("quorum-fingerprint", [marks[0]], match, others=marks)
    yield Decoder(
        "quorum-release",
        [*releases.values()],
        partial(shamir.unpack, numbers),
        lambda data, v: shamir.pack(numbers, v) == data,
    )
    share, key = sealing.committed(made.sent[2].shares[1])[1], sealing.private_key(made.private[1])
    purpose = sealing.info(who, 2, 1, payload_digest(payloads[1]))
    others = [sealing.committed(each)[1] for each in (made.sent[3].shares[1], made.sent[2].shares[3])]
    yield Decoder("sealed-share", [share], lambda data: sealing.unseal(data, key, purpose), others=others)
    public = [scheme.make_key(made.private[i])[1] for i in made.private]

    def usable(data: bytes) -> None:
        if not scheme.key_is_usable(data):
            raise WireError("not a key")

    yield Decoder("join-key", public, usable, lambda data, value: len(data) == sealing.PUBLIC_BYTES)


def masks_parsers() -> Iterator[Decoder]:
    scheme, who = MasksScheme(), dataclasses.replace(task(), bits=16)
    form = masks.form_of(who)
    made = _Sum(scheme, who)
    payloads, total, releases, witness = made.payloads, made.total, made.releases, made.witness

    def sums(data: bytes) -> Any:
        return scheme.sums(who, total, data, 5)

    def reopened(data: bytes) -> bytes:
        return scheme.open(who, total, {**releases, 2: data}, np.zeros(N_LANES), 5)

    yield Decoder("masks-payload", payloads, lambda data: form.unpack(data, "it"), lambda data, v: form.pack(v) == data)
    yield Decoder("masks-witness", [witness], sums, others=[*releases.values()])
    yield Decoder("masks-release", [releases[2]], reopened, others=[*releases.values(), witness])

    def dealt(data: bytes) -> Any:
        return seeds.read_dealing(who, 1, 2, data)

    inside = [seeds.Dealing(joined, bytes(len(joined) * seeds.SHARE_BYTES)) for joined in ((1, 2), (1, 2, 3, 5))]
    packed = [wire.encode(dealing) for dealing in inside]
    yield Decoder("masks-dealing", packed, dealt, lambda data, value: wire.encode(value) == data)

    def key_is_usable(data: bytes) -> None:
        if not scheme.key_is_usable(data):
            raise WireError("not a key")

    public = [scheme.make_key(made.private[i])[1] for i in made.private]
    yield Decoder("masks-join-key", public, key_is_usable, lambda data, value: len(data) == seeds.PUBLIC_BYTES)


def plain_parsers() -> Iterator[Decoder]:
    scheme, who = PlainScheme(), dataclasses.replace(task(), n_real=7)
    payload = scheme.protect(who, 1, np.linspace(-2, 9, N_LANES), {}, b"").payload

    def add(data: bytes) -> Any:
        total = scheme.accumulator(who, np.zeros(N_LANES))
        total.add(data)
        return np.frombuffer(total.total(), "<f8")

    def same(data: bytes, value: Any) -> bool:
        again = scheme.protect(who, 1, value, {}, b"").payload
        return bool(np.isfinite(value).all()) and np.array_equal(add(again), value) and len(again) == len(data)

    def finite(data: bytes, value: Any) -> bool:
        return bool(np.isfinite(value).all()) and len(data) == 8 * N_LANES

    yield Decoder("plain-payload", [payload], add, same)
    yield Decoder("plain-total", [add(payload).tobytes()], lambda data: scheme.sums(who, data, b"", 3), finite)
