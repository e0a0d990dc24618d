"""Hospitals and coordinators that lie, each with its own key only: what they send instead of what they should.

A liar takes one packet that its honest software would send and answers with the packets that it sends instead.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

from tests.schedules.world import TOY_RING, Setting

from cipherward.crypto import params, slices, wire
from cipherward.crypto.identity import Signed
from cipherward.crypto.scheme import payload_digest, share_digest
from cipherward.crypto.shamir import N_CHALLENGES
from cipherward.errors import CipherwardError
from cipherward.sums.digests import Digests
from cipherward.sums.evidence import Answer, Answered, Shown, ShownSlice
from cipherward.sums.messages import (
    CONSENT,
    KINDS,
    VOID,
    Certificate,
    Complaint,
    ConsentRequest,
    Header,
    Manifest,
    Release,
    ShareFor,
    Update,
    Vote,
    sign,
)
from cipherward.sums.packets import pack, unpack
from cipherward.sums.tables import Shape

UNSIGNED = ("Update", "ConsentRequest", "Certificate", "Answered")


def kind_of(packet: bytes) -> str:
    try:
        return unpack(packet)[0]
    except CipherwardError:
        return "?"


def opened(packet: bytes) -> tuple[str, Any]:
    """Kind and body of a packet, whoever signed it."""
    kind, data = unpack(packet)
    return kind, wire.decode(KINDS[kind], data if kind in UNSIGNED else wire.decode(Signed, data).body)


def packet_of(setting: Setting, sender: int, body: Any) -> bytes:
    kind = type(body).__name__
    if kind in UNSIGNED:
        return pack(kind, wire.encode(body))
    return pack(kind, sign(setting.keys.identities[sender], setting.study.digest(), sender, body))


def flipped(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


# hospitals

Lie = Callable[[Setting, int, Any, Random], list[Any]]


def bad_shares(setting: Setting, me: int, body: Update, rng: Random) -> list[Any]:
    """Some holders get a share that does not open, and the signed header says so."""
    victims = {item.hospital for item in body.shares if rng.random() < 0.5}
    shares = tuple(
        ShareFor(item.hospital, flipped(item.sealed, rng) if item.hospital in victims else item.sealed)
        for item in body.shares
    )
    return [_with_header(setting, me, body, body.payload, shares)]


def noise_for_a_payload(setting: Setting, me: int, body: Update, rng: Random) -> list[Any]:
    """A ciphertext that is not the one whose key was shared: the sum it is in does not open."""
    words = [rng.getrandbits(29) for _ in range(len(body.payload) // 4)]
    payload = b"".join(word.to_bytes(4, "little") for word in words)
    return [_with_header(setting, me, body, payload, body.shares)]


def _with_header(setting: Setting, me: int, body: Update, payload: bytes, shares: tuple[ShareFor, ...]) -> Update:
    header = wire.decode(Header, wire.decode(Signed, body.header).body)
    entries = Digests.of({item.hospital: share_digest(item.sealed) for item in shares})
    changed = dataclasses.replace(header, payload_digest=payload_digest(payload), shares=entries)
    return Update(sign(setting.keys.identities[me], setting.study.digest(), me, changed), payload, shares)


def altered_update(setting: Setting, me: int, body: Update, rng: Random) -> list[Any]:
    """Another ciphertext than the signed one, or shares that the header does not name."""
    if rng.random() < 0.5:
        return [dataclasses.replace(body, payload=flipped(body.payload, rng))]
    return [dataclasses.replace(body, shares=body.shares[1:])]


def two_updates(setting: Setting, me: int, body: Update, rng: Random) -> list[Any]:
    """A second contribution to the same sum."""
    return [body, *noise_for_a_payload(setting, me, body, rng)]


def double_vote(setting: Setting, me: int, body: Vote, rng: Random) -> list[Any]:
    """Consent and void, in any order."""
    other = Vote(body.context, VOID, b"", b"", body.last) if body.choice == CONSENT else body
    return rng.sample([body, other], 2)


def false_fingerprint(setting: Setting, me: int, body: Vote, rng: Random) -> list[Any]:
    return [dataclasses.replace(body, fingerprint=rng.randbytes(len(body.fingerprint)))]


def false_complaint(setting: Setting, me: int, body: Vote, rng: Random) -> list[Any]:
    """Complains about an innocent dealer instead of consenting."""
    return [Complaint(body.context, rng.choice(list(setting.everyone)), "because")]


def wrong_release(setting: Setting, me: int, body: Release, rng: Random) -> list[Any]:
    return [dataclasses.replace(body, shares=flipped(body.shares, rng))]


def malformed_release(setting: Setting, me: int, body: Release, rng: Random) -> list[Any]:
    return [dataclasses.replace(body, shares=rng.choice([b"", b"\xff" * len(body.shares), body.shares[:-2]]))]


def two_releases(setting: Setting, me: int, body: Release, rng: Random) -> list[Any]:
    return rng.sample([body, *wrong_release(setting, me, body, rng)], 2)


def false_answer(setting: Setting, me: int, body: Answered, rng: Random) -> list[Any]:
    """Other numbers about what it holds, has dealt or has released, signed or not, or none."""
    part = wire.decode(Answer, wire.decode(Signed, body.answer).body)
    name = rng.choice([name for name in ("released", "held", "dealt") if getattr(part, name)] or ["seed"])
    if name in ("released", "seed"):
        lie = dataclasses.replace(part, **{name: flipped(getattr(part, name), rng)})
    elif rng.random() < 0.2:
        lie = dataclasses.replace(part, **{name: b""})
    else:
        n_slices, packed = slices.n_slices(2 * TOY_RING.ring_degree), getattr(body, name)
        shape = Shape(n_slices, len(packed) // (2 * N_CHALLENGES * n_slices), params.SHARE_MODULI[0])
        table = shape.read(packed)
        at = tuple(map(rng.randrange, table.shape))
        table[at] = (table[at] + rng.randrange(1, shape.modulus)) % shape.modulus
        body = dataclasses.replace(body, **{name: shape.pack(table)})
        lie = dataclasses.replace(part, **{name: shape.root(table)}) if rng.random() < 0.9 else part
    return [dataclasses.replace(body, answer=sign(setting.keys.identities[me], setting.study.digest(), me, lie))]


def two_answers(setting: Setting, me: int, body: Answered, rng: Random) -> list[Any]:
    return rng.sample([body, *false_answer(setting, me, body, rng)], 2)


def false_share(setting: Setting, me: int, body: Shown, rng: Random) -> list[Any]:
    """Shows other shares than those in the headers, or somebody else's."""
    name = rng.choice(["share", "sealed_digest", "dealer", "holder"])

    def bent(item: Any) -> Any:
        field = "piece" if name == "share" and isinstance(item, ShownSlice) else name
        value = getattr(item, field)
        lie: Any = flipped(value, rng) if isinstance(value, bytes) else rng.choice(list(setting.everyone))
        return dataclasses.replace(item, **{field: lie})

    return [dataclasses.replace(body, shares=tuple(map(bent, body.shares)), slices=tuple(map(bent, body.slices)))]


WITHIN = ("secret", "polynomial", "release", "blame", "answer")


def lies_within(rng: Random) -> list[str]:
    """What a liar's own software computes falsely (`tests.parties.liars_in_a_sum.Liar`)."""
    return rng.sample(WITHIN, rng.randint(1, 3))


def false_receipt(setting: Setting, me: int, body: Any, rng: Random) -> list[Any]:
    """A receipt for another model, or one that says that the opening could not be verified."""
    if rng.random() < 0.5:
        return [dataclasses.replace(body, next_model=rng.randbytes(32))]
    return [dataclasses.replace(body, outcome="failed", context=b"", manifest_digest=b"")]


def silence(setting: Setting, me: int, body: Any, rng: Random) -> list[Any]:
    return []


LIES: Mapping[str, tuple[tuple[str, ...], Lie]] = {
    "bad shares": (("Update",), bad_shares),
    "noise for a payload": (("Update",), noise_for_a_payload),
    "altered update": (("Update",), altered_update),
    "two updates": (("Update",), two_updates),
    "double vote": (("Vote",), double_vote),
    "false fingerprint": (("Vote",), false_fingerprint),
    "false complaint": (("Vote",), false_complaint),
    "wrong release": (("Release",), wrong_release),
    "malformed release": (("Release",), malformed_release),
    "two releases": (("Release",), two_releases),
    "false receipt": (("Receipt",), false_receipt),
    "false answer": (("Answered",), false_answer),
    "two answers": (("Answered",), two_answers),
    "false share": (("Shown",), false_share),
    "silence": (("Join", "Update", "Vote", "Release", "Receipt", "Answered", "Shown"), silence),
}


class LyingHospital:
    """Tells some lies, now and then."""

    def __init__(self, setting: Setting, me: int, rng: Random) -> None:
        self.setting, self.me, self.rng = setting, me, rng
        self.lies = rng.sample(sorted(LIES), rng.randint(1, 3))
        self.habit = rng.choice([0.3, 1.0])

    def __repr__(self) -> str:
        return f"hospital {self.me}: {', '.join(self.lies)}"

    def said(self, packet: bytes) -> list[bytes]:
        kind, body = opened(packet)
        if kind == "Receipt" and body.outcome == "breach" and self.rng.random() < 0.9:
            return []  # its own software noticed the lie and accuses the coordinator, which would end the study
        for name in self.lies:
            kinds, lie = LIES[name]
            if kind in kinds and self.rng.random() < self.habit:
                return [packet_of(self.setting, self.me, item) for item in lie(self.setting, self.me, body, self.rng)]
        return [packet]


# the coordinator


class LyingCoordinator:
    """Shows hospitals different manifests, collects votes on each, and alters what it publishes."""

    def __init__(self, setting: Setting, rng: Random) -> None:
        self.setting, self.rng = setting, rng
        self.lies = rng.sample(sorted(("manifests", "openings", "models", "joins", "voids")), rng.randint(1, 2))
        self.votes: dict[bytes, dict[int, bytes]] = {}
        self.other: dict[bytes, Manifest] = {}

    def __repr__(self) -> str:
        return f"coordinator: {', '.join(self.lies)}"

    def heard(self, hospital: int, packet: bytes) -> Iterator[tuple[int, bytes]]:
        """What it sends because of what it received: certificates for any manifest that found enough votes."""
        try:
            kind, body = opened(packet)
        except CipherwardError:
            return
        if kind != "Vote" or body.choice != CONSENT or "manifests" not in self.lies:
            return
        votes = self.votes.setdefault(body.manifest_digest, {})
        votes[hospital] = unpack(packet)[1]
        if len(votes) >= self.setting.rules.threshold - self.rng.randrange(2):
            certificate = Certificate(body.manifest_digest, tuple(votes[i] for i in sorted(votes)))
            for i in self.setting.everyone:
                yield i, packet_of(self.setting, 0, certificate)

    def said(self, hospital: int, packet: bytes) -> list[bytes]:
        kind, body = opened(packet)
        rng = self.rng

        def pack_(item: Any) -> bytes:
            return packet_of(self.setting, 0, item)

        if kind == "ConsentRequest" and "manifests" in self.lies:
            both = [packet, pack_(self._other_manifest(body))]
            return rng.sample(both, rng.choice([1, 1, 2]))
        if kind == "Opening" and "openings" in self.lies and rng.random() < 0.7:
            name = rng.choice(["total", "witness", "next_model", "manifest"])
            return [pack_(dataclasses.replace(body, **{name: flipped(getattr(body, name) or b"\0", rng)}))]
        if kind == "Opening" and "models" in self.lies and rng.random() < 0.7:
            return [pack_(dataclasses.replace(body, next_model=rng.randbytes(32)))]
        if kind == "Joined" and "joins" in self.lies and rng.random() < 0.7:
            return [pack_(dataclasses.replace(body, joins=tuple(rng.sample(body.joins, len(body.joins) - 1))))]
        if kind == "Announce" and "voids" in self.lies and rng.random() < 0.5:
            return [packet, pack_(dataclasses.replace(body, attempt=body.attempt + 1, context=rng.randbytes(32)))]
        return [packet]

    def _other_manifest(self, body: ConsentRequest) -> ConsentRequest:
        """The sum without one of its contributors, or the same hospitals with another total."""
        manifest = wire.decode(Manifest, wire.decode(Signed, body.manifest).body)
        if manifest.context not in self.other:
            spare = len(manifest.entries) > self.setting.rules.min_contributors
            left_out = self.rng.randrange(len(manifest.entries) + 1) if spare else -1
            kept = tuple(entry for k, entry in enumerate(manifest.entries) if k != left_out)
            self.other[manifest.context] = Manifest(manifest.context, kept, self.rng.randbytes(32))
        other = self.other[manifest.context]
        listed = {entry.hospital for entry in other.entries}
        headers = tuple(
            data for entry, data in zip(manifest.entries, body.headers, strict=True) if entry.hospital in listed
        )
        signed = sign(self.setting.keys.identities[0], self.setting.study.digest(), 0, other)
        return ConsentRequest(signed, headers, tuple(item for item in body.shares if item.hospital in listed))
