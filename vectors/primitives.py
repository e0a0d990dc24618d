"""Vectors of digests, messages, envelopes, random streams and parameters."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np

from cipherward.crypto import params, sampling, wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import Identity, Signed, fingerprint
from cipherward.sums.digests import Digests, Entry
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
    Announce,
    Attested,
    Behind,
    Certificate,
    Complaint,
    ConsentRequest,
    Contribution,
    Declined,
    FalseShare,
    Header,
    Join,
    Joined,
    Manifest,
    Notice,
    Opening,
    Query,
    Receipt,
    Release,
    ShareFor,
    Update,
    VoidCertificate,
    VoidRequest,
    Vote,
    context,
)

Content = dict[str, Any]


def fixed(*parts: object, size: int = 32) -> bytes:
    """Bytes that stand for randomness."""
    return hashlib.shake_256(repr(parts).encode()).digest(size)


def as_json(value: Any) -> Any:
    """A message as JSON: its fields in order, byte strings in hexadecimal, text behind "text:"."""
    if dataclasses.is_dataclass(value):
        return [as_json(getattr(value, field.name)) for field in dataclasses.fields(value)]
    if isinstance(value, tuple):
        return [as_json(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    return f"text:{value}" if isinstance(value, str) else value


def digests() -> Content:
    """Tagged SHA-256, query digests and contexts."""
    parts = [("payload", []), ("payload", [b""]), ("payload", [b"ab", b"c"]), ("payload", [b"a", b"bc"])]
    parts += [("header", [b"ab", b"c"]), ("share", [fixed("share", size=100)])]
    queries = [Query("statistics", b"{}", b""), Query("train", b"{}", fixed("model")), Query("evaluate", b"{}", b"")]
    study = fixed("study")
    return {
        "digests": [
            {"label": label, "parts": [part.hex() for part in each], "digest": digest(label, *each).hex()}
            for label, each in parts
        ],
        "contexts": [
            {
                "purpose": query.purpose,
                "parameters": query.parameters.hex(),
                "model": query.model.hex(),
                "query": query.digest().hex(),
                "study": study.hex(),
                "round": round,
                "attempt": attempt,
                "last": last.hex(),
                "context": context(study, query.digest(), round, attempt, last).hex(),
            }
            for query in queries
            for round, attempt, last in (
                (0, 0, bytes(32)),
                (0, 1, bytes(32)),
                (1, 0, fixed("last")),
                (1, 0, fixed("other")),
            )
        ],
        "fingerprints": [
            {"public_key": key.hex(), "fingerprint": fingerprint(key)} for key in (bytes(32), fixed("public key"))
        ],
    }


SHARES = Digests.of({1: fixed("one"), 24: fixed("two")})


def samples() -> list[Any]:
    """A message of every kind."""
    ctx, one, two = fixed("context"), Entry(1, fixed("one")), Entry(24, fixed("two"))
    said = Excerpt(fixed("numbers", size=16), fixed("path"), fixed("above"))
    return [
        Announce(
            ctx,
            300,
            2,
            (VoidCertificate((b"vote 1", b"vote 2")), VoidCertificate(())),
            fixed("last"),
            (FalseShare(b"header", b"shown"),),
        ),
        Behind(2**32, fixed("last")),
        Join(ctx, fixed("key", size=40), fixed("last")),
        Joined(ctx, (b"join 1", b"join 2")),
        Header(ctx, fixed("joined"), fixed("payload"), SHARES, fixed("block"), "register", 0, 1, 0),
        Update(b"header", fixed("payload", size=300), (ShareFor(1, b"sealed"), ShareFor(2**63 - 1, b""))),
        Manifest(ctx, (one, two), fixed("total")),
        ConsentRequest(b"manifest", (b"header 1", b"header 2"), (ShareFor(255, b"sealed"),)),
        Vote(ctx, 1, fixed("manifest"), fixed("fingerprint", size=60), fixed("last")),
        Vote(ctx, 0, b"", b""),
        Complaint(ctx, 65536, "does not open: ä, 病"),
        VoidRequest(ctx),
        VoidCertificate((b"vote",) * 24),
        Certificate(fixed("manifest"), (b"vote 1", b"vote 2", b"vote 3")),
        Certificate(fixed("manifest"), (b"vote 1",), (Contribution(3, b"payload"),)),
        Attested(ctx, fixed("manifest"), (one, two)),
        Release(ctx, fixed("manifest"), fixed("shares", size=64)),
        Opening(
            23,
            1,
            b"manifest",
            (b"h",),
            (b"v",),
            b"total",
            b"witness",
            (Contribution(3, b"payload"),),
            b"model",
            (b"r",),
            b"challenge",
            (b"answer 1", b"answer 2"),
            (Contradiction(3, 2, 3, 1, said, fixed("piece", size=40), fixed("path"), fixed("sealed")),),
            (VoidCertificate((b"vote",)),),
            (FalseShare(b"header", b"shown"),),
            (b"attested",),
        ),
        Challenge(ctx, fixed("manifest"), (one, two), fixed("witness")),
        Answered(b"answer", fixed("table", size=64), b""),
        Answer(fixed("seed"), fixed("released", size=32), fixed("held"), b""),
        ShowRequest(ctx, b"manifest", (Claim(b"answer", 2, 3, 1, said),), (b"complaint",)),
        Shown(
            ctx,
            (ShownShare(2, 3, fixed("share", size=40), fixed("sealed")),),
            (ShownSlice(2, 3, 1, fixed("piece", size=40), fixed("path"), fixed("sealed")),),
        ),
        Receipt(ctx, 65535, fixed("manifest"), "preserved", "", fixed("model"), fixed("last")),
        Notice(ctx, 3, "late", "joined too late"),
        Declined(ctx, "training diverged: not finite"),
        Signed("Vote", fixed("study"), 3, b"body", fixed("signature", size=64)),
    ]


def messages() -> Content:
    """Messages and their bytes."""
    return {
        "cases": [
            {"kind": type(each).__name__, "fields": as_json(each), "bytes": wire.encode(each).hex()}
            for each in samples()
        ]
    }


def bad_messages() -> Content:
    """Bytes that are no message of the named kind."""
    vote = wire.encode(Vote(b"ctx", 1, b"manifest", b""))
    header = wire.encode(Header(b"", b"", b"", SHARES, b"", "", 0, 0, 0))
    listed, fewer, spare = (wire.encode(each) for each in (b"\1\0\x80", b"\1\0\xc0", b"\1\0\x80\0"))
    cases = [
        ("empty", "Vote", b"", "early"),
        ("cut by one byte", "Vote", vote[:-1], "early"),
        ("one byte after the end", "Vote", vote + b"\x00", "after the end"),
        ("two messages", "Vote", vote + vote, "after the end"),
        ("a field too few", "Vote", b"\x84" + vote[1:-34], "wrong number of fields"),
        ("a field too many", "Vote", b"\x86" + vote[1:] + b"\x00", "wrong number of fields"),
        ("array length not shortest", "Vote", b"\x98\x05" + vote[1:], "shortest"),
        ("array of unknown length", "Vote", b"\x9f" + vote[1:] + b"\xff", "unsupported"),
        ("a map", "Vote", b"\xa5" + vote[1:], "expected CBOR type 4"),
        ("a tag", "Vote", b"\xc1" + vote, "expected CBOR type 4"),
        ("number in two bytes", "Behind", bytes.fromhex("821817"), "shortest"),
        ("number in eight bytes", "Behind", bytes.fromhex("821b0000000000000001"), "shortest"),
        ("number of 64 bits", "Behind", bytes.fromhex("821b8000000000000000"), "too large"),
        ("negative number", "Behind", bytes.fromhex("8220"), "expected CBOR type 0"),
        ("false", "Behind", bytes.fromhex("82f4"), "expected CBOR type 0"),
        ("true", "Behind", bytes.fromhex("82f5"), "expected CBOR type 0"),
        ("float", "Behind", bytes.fromhex("82fb3ff0000000000000"), "expected CBOR type 0"),
        ("reserved head", "Behind", bytes.fromhex("821c"), "unsupported"),
        ("text for bytes", "Join", bytes.fromhex("836040"), "expected CBOR type 2"),
        ("bytes for text", "Complaint", bytes.fromhex("83400040"), "expected CBOR type 3"),
        ("text that is not UTF-8", "Complaint", bytes.fromhex("83400061ff"), "UTF-8"),
        ("text with a surrogate", "Complaint", bytes.fromhex("83400063eda080"), "UTF-8"),
        ("text in a longer form of UTF-8", "Complaint", bytes.fromhex("83400062c080"), "UTF-8"),
        ("bytes in chunks", "Join", bytes.fromhex("835f4100ff40"), "unsupported"),
        ("length of 2^63 - 1", "Join", bytes.fromhex("835b7fffffffffffffff"), "early"),
        ("array longer than the message", "Joined", bytes.fromhex("82409a7fffffff40"), "longer than the message"),
        ("nesting", "Joined", b"\x82\x40" + b"\x81" * 200, "expected CBOR type 2"),
        ("another kind", "Join", vote, "wrong number of fields"),
        ("more hospitals than digests", "Header", header.replace(listed, fewer), "not one digest"),
        ("a list of hospitals with a spare byte", "Header", header.replace(listed, spare), "as many bytes"),
    ]
    return {
        "cases": [
            {"name": name, "kind": kind, "bytes": data.hex(), "error": "WireError", "says": says}
            for name, kind, data, says in cases
        ]
    }


def envelopes() -> Content:
    """Ed25519 keys and signed envelopes."""
    cases = []
    for sender, kind, body in ((0, "Manifest", b"a manifest"), (1, "Vote", b""), (50, "Release", fixed("b", size=99))):
        secret = fixed("identity", sender)
        identity = Identity(secret)
        cases.append(
            {
                "secret": secret.hex(),
                "public_key": identity.public_key.hex(),
                "kind": kind,
                "study": fixed("study").hex(),
                "sender": sender,
                "body": body.hex(),
                "envelope": identity.sign(kind, fixed("study"), sender, body).hex(),
            }
        )
    return {"cases": cases}


_ORDER = 2**252 + 27742317777372353535851937790883648493
"""Of the base point (RFC 8032, section 5.1)."""


def _without_nonce(secret: bytes, signed: Signed) -> bytes:
    """What RFC 8032 takes for a signature, made with r = 0, so that R is the neutral point."""
    covered = digest("signature", signed.kind.encode(), signed.study, signed.sender.to_bytes(4, "big"), signed.body)
    scalar = int.from_bytes(hashlib.sha512(secret).digest()[:32], "little") & ~(7 | 1 << 255) | 1 << 254
    point = (1).to_bytes(32, "little")
    challenge = int.from_bytes(hashlib.sha512(point + Identity(secret).public_key + covered).digest(), "little")
    return point + (challenge * scalar % _ORDER).to_bytes(32, "little")


def bad_envelopes() -> Content:
    """Envelopes that must not open as a Vote of hospital 1 in this study."""
    study, identities = fixed("study"), {i: Identity(fixed("identity", i)) for i in (1, 2)}
    good = identities[1].sign("Vote", study, 1, b"body")
    signed = wire.decode(Signed, good)
    scalar = int.from_bytes(signed.signature[32:], "little") + _ORDER
    neutral, again = (1).to_bytes(32, "little"), (2**255 - 18).to_bytes(32, "little")  # y = 1, and y = 1 + the prime

    def but(**changes: Any) -> bytes:
        return wire.encode(dataclasses.replace(signed, **changes))

    cases = [
        ("another kind", identities[1].sign("Join", study, 1, b"body"), "ProtocolError", "expected a 'Vote'"),
        ("kind renamed", but(kind="vote"), "ProtocolError", "expected a 'Vote'"),
        ("kind renamed after signing", identities[1].sign("Join", study, 1, b"body").replace(b"Join", b"Vote"),
         "ProtocolError", "forged"),
        ("another study", identities[1].sign("Vote", fixed("x"), 1, b"body"), "ProtocolError", "another study"),
        ("sender renamed", but(sender=2), "ProtocolError", "forged"),
        ("unknown sender", but(sender=3), "ProtocolError", "unknown sender"),
        ("sender beyond 32 bits", but(sender=2**32 + 1), "ProtocolError", "unknown sender"),
        ("another body", but(body=b"bodY"), "ProtocolError", "forged"),
        ("signed by another", identities[2].sign("Vote", study, 1, b"body"), "ProtocolError", "forged"),
        ("signature with s + L", but(signature=signed.signature[:32] + scalar.to_bytes(32, "little")),
         "ProtocolError", "forged"),
        ("signature of zeros", but(signature=bytes(64)), "ProtocolError", "forged"),
        ("a key of small order", but(sender=4, signature=neutral + bytes(32)), "ProtocolError", "forged"),
        ("a key in another encoding", but(sender=5, signature=neutral + bytes(32)), "ProtocolError", "forged"),
        ("a point R of small order", but(signature=_without_nonce(fixed("identity", 1), signed)), "ProtocolError", "forged"),
        ("signature cut", but(signature=signed.signature[:63]), "WireError", "64 bytes"),
        ("no signature", but(signature=b""), "WireError", "64 bytes"),
        ("byte after the end", good + b"\x00", "WireError", "after the end"),
    ]  # fmt: skip
    return {
        "study": study.hex(),
        "public_keys": {
            **{str(i): identity.public_key.hex() for i, identity in identities.items()},
            "4": neutral.hex(),
            "5": again.hex(),
        },
        "good": good.hex(),
        "cases": [
            {"name": name, "envelope": data.hex(), "error": error, "says": says} for name, data, error, says in cases
        ],
    }


def streams() -> Content:
    """Keystreams, uniform values and centred binomial values of one key."""
    key = fixed("stream key")
    xof = sampling.Xof(key)
    keystreams = []
    for major, minor in ((0, 0), (0, 1), (1, 0), (2**32 - 1, 2**32 - 1)):
        block = np.empty(32, np.uint8)
        xof.start(major, minor)
        xof.fill(block)
        keystreams.append({"major": major, "minor": minor, "bytes": block.tobytes().hex()})
    uniform = []
    for bound in (65521, 2**31 - 1, params.RINGS[1].primes[0]):
        values = np.empty(16, np.uint32)
        sampling.uniform_into(xof, (7, 0), bound, values)
        uniform.append({"major": 7, "minor": 0, "bound": bound, "values": values.tolist()})
    return {
        "key": key.hex(),
        "keystreams": keystreams,
        "uniform": uniform,
        "centred_binomial": sampling.centred_binomial(key, 64).tolist(),
    }


def parameters() -> Content:
    """The parameters that follow from a sum's length, bits, hospitals and threshold."""
    choices = [(1, 16, 3, 3), (8_307, 16, 5, 4), (100_000, 16, 5, 4), (1_000_000, 16, 20, 14), (1_000_000, 16, 50, 34)]
    choices += [(1_000_000, 24, 5, 4), (50_000_000, 16, 5, 4), (10_000, 16, 1_000, 667)]
    cases = []
    for n_lanes, bits, n_hospitals, threshold in choices:
        chosen = params.choose(n_lanes, bits=bits, n_hospitals=n_hospitals, threshold=threshold)
        cases.append(
            {
                "n_lanes": n_lanes,
                "bits": bits,
                "n_hospitals": n_hospitals,
                "threshold": threshold,
                "ring_degree": chosen.ring.ring_degree,
                "primes": list(chosen.ring.primes),
                "lane_base": chosen.lane_base,
                "lanes_per_word": chosen.lanes_per_word,
                "word_bits": chosen.word_bits,
                "lanes_per_coefficient": chosen.lanes_per_coefficient,
                "delta_bits": chosen.delta_bits,
                "n_ciphertexts": chosen.n_ciphertexts,
                "share_modulus": chosen.share_modulus,
                "payload_bytes": chosen.payload_bytes,
                "update_bytes": chosen.update_bytes,
            }
        )
    return {"cases": cases}


def bad_parameters() -> Content:
    """Choices that no sum is made with."""
    cases = [
        ("no hospital", (10, 16, 0, 1), "hospitals"),
        ("too many hospitals", (10, 16, 2**20 + 1, 2), "hospitals"),
        ("threshold 0", (10, 16, 3, 0), "threshold"),
        ("threshold above n", (10, 16, 3, 4), "threshold"),
        ("no bits", (10, 0, 3, 3), "bits"),
        ("25 bits", (10, 25, 3, 3), "bits"),
        ("no lanes", (0, 16, 3, 3), "lanes"),
        ("2^40 lanes", (2**40, 16, 3, 3), "lanes"),
    ]
    return {
        "cases": [
            {"name": name, "n_lanes": lanes, "bits": bits, "n_hospitals": n, "threshold": t, "error": "ValueError", "says": says}
            for name, (lanes, bits, n, t), says in cases
        ]
    }  # fmt: skip
