"""The hospital's steps of a secure sum: join, deal, consent, release, verify. Each is a pure function.

Durable memory (one vote per sum, the exposure rule, the same bytes when asked again) is the node's; what these steps
need of it is an argument. The numbered checks are those of docs/protocol.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy.typing as npt

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR, open_signed
from cipherward.crypto.scheme import DealtShare, SumTask, payload_digest, share_digest
from cipherward.disclosure.eligibility import refusals
from cipherward.disclosure.refusals import Refusal
from cipherward.disclosure.standing import Memory, Statement
from cipherward.errors import FaultyCoordinatorError, ProtocolError, SuspectError
from cipherward.sums import disputes, fingerprints, forks, manifests
from cipherward.sums.digests import Digests, Entry
from cipherward.sums.messages import (
    CONSENT,
    VOID,
    Attested,
    Certificate,
    Complaint,
    ConsentRequest,
    Header,
    Join,
    Joined,
    Manifest,
    Opening,
    Release,
    ShareFor,
    Update,
    Vote,
    read,
    sign,
    unsign,
)
from cipherward.sums.statements import alone, statements_of
from cipherward.sums.votes import Member, Rules, check_voids, distinct_votes

OLD_COPY = (
    "this home is an old copy: bring the current one back; where there is none, cipherward hospital withdraw STUDY, stop the service, "
    "move ledger.sqlite* and ledger.count away, cipherward hospital inherit FOLDER with the models/ of a block mate, and start it; new "
    "studies are not touched by it"
)
"""What people do where a hospital does not remember what it has signed."""


@dataclass(frozen=True)
class Dealt:
    """A contribution as it leaves the hospital. `header` and `payload` are kept until the sum is verified.

    `one_time`: the secret from which its shares can be made again, where the scheme has one; it stays in memory.
    """

    header: bytes
    payload: bytes = field(repr=False)
    update: bytes = field(repr=False)
    one_time: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Consent:
    """A consent that may be given, with what the release will need. `vote` is not signed yet."""

    vote: Vote
    manifest: Manifest
    dealt: Mapping[int, DealtShare] = field(repr=False)


@dataclass(frozen=True)
class Verified:
    """An opening that passed. `sums` are the opened sums (int64[n_lanes], or float64[n_values] for `plain`)."""

    manifest_digest: bytes
    contributors: tuple[int, ...]
    statements: tuple[Statement, ...]
    sums: npt.NDArray[Any] = field(repr=False)
    checks: tuple[str, ...]
    assumed: tuple[str, ...]


def join(me: Member, task: SumTask, randomness: bytes) -> tuple[bytes, bytes]:
    """Step 1. A fresh key pair for this sum: (private key, signed Join).

    Args:
        randomness: 96 bytes from the OS.
    """
    private, public = me.rules.scheme.make_key(randomness)
    return private, sign(me.identity, me.rules.study, me.index, Join(task.context, public, task.last))


def holders_of(rules: Rules, task: SumTask, joined: Joined) -> dict[int, bytes]:
    """The public key of every hospital that joined, by roster index; every Join's signature is checked."""
    if joined.context != task.context:
        raise FaultyCoordinatorError("the list of joins belongs to another sum", culprit="coordinator")
    holders: dict[int, bytes] = {}
    for data in joined.joins:
        signed = open_signed(data, study=rules.study, keys=rules.keys, kind="Join")
        body = read(signed, Join)
        forks.check(f"hospital {signed.sender}", body.last, task.last, signed_by_coordinator=True)
        if signed.sender == COORDINATOR or signed.sender in holders or body.context != task.context:
            raise FaultyCoordinatorError("the list of joins holds a foreign or repeated entry", culprit="coordinator")
        holders[signed.sender] = body.key
    if len(holders) < max(rules.threshold, rules.min_contributors):
        raise ProtocolError(f"only {len(holders)} hospitals joined")
    return holders


def deal(
    me: Member,
    task: SumTask,
    joined: Joined,
    vector: npt.NDArray[Any],
    randomness: bytes,
    private_key: bytes = b"",
    said: Statement | None = None,
    holders: Mapping[int, bytes] | None = None,
) -> Dealt:
    """Step 2. Encrypt the vector, seal a share to every holder, sign the header.

    Args:
        vector: uint32[n_lanes] lanes below 2^bits (float64[n_values] for `plain`).
        randomness: OS randomness and device key; never reused.
        private_key: from `join`; only `masks` needs it.
        said: how my register stands in this sum; None: alone, since it has agreed to be singled out.
        holders: what `holders_of` gives for this list, where that has been called.
    """
    said = said or alone(me.rules, me.index)
    holders = holders or holders_of(me.rules, task, joined)
    if me.index not in holders:
        raise FaultyCoordinatorError("the list of joins leaves me out but asks for my update", culprit="coordinator")
    protected = me.rules.scheme.protect(task, me.index, vector, holders, randomness, private_key)
    shares = tuple(sorted(protected.shares.items()))
    header = sign(
        me.identity,
        me.rules.study,
        me.index,
        Header(
            task.context,
            digest("joined", wire.encode(joined)),
            protected.payload_digest,
            Digests.of({holder: share_digest(sealed) for holder, sealed in shares}),
            said.block,
            said.register.name,
            int(said.agreement),
            int(said.has_rows),
            int(said.has_entered),
        ),
    )
    update = Update(header, protected.payload, tuple(ShareFor(holder, sealed) for holder, sealed in shares))
    return Dealt(header, protected.payload, wire.encode(update), protected.one_time)


def refused(rules: Rules, task: SumTask, request: ConsentRequest, memory: Memory) -> Refusal | tuple[Statement, ...]:
    """Step 5, before the shares: why this manifest must not have my vote, or what its headers say.

    Args:
        memory: what I know of all registers, from every study.

    Raises:
        as `consent`.
    """
    manifest = unsign(request.manifest, Manifest, study=rules.study, keys=rules.keys, sender=COORDINATOR)
    said = statements_of(rules, manifests.read_headers(rules, task, manifest, request.headers))
    return next(iter(refusals(said, rules.blocks, memory)), said)


def statements_in(rules: Rules, task: SumTask, opening: Opening) -> tuple[Statement, ...]:
    """What the headers of an opening say, every signature checked. Raises: as `verify`."""
    manifest = unsign(opening.manifest, Manifest, study=rules.study, keys=rules.keys, sender=COORDINATOR)
    return statements_of(rules, manifests.read_headers(rules, task, manifest, opening.headers))


def contributors_of(rules: Rules, opening: Opening) -> tuple[int, ...]:
    """Who is in an opened sum, by its signed manifest."""
    manifest = unsign(opening.manifest, Manifest, study=rules.study, keys=rules.keys, sender=COORDINATOR)
    return tuple(entry.hospital for entry in manifest.entries)


def check_own(me: Member, manifest: Manifest, own_header: bytes | None) -> None:
    """Check 4: the own contribution is listed as it was sent, or not at all. Comes after the headers' signatures."""
    listed = {entry.hospital: entry.digest for entry in manifest.entries}.get(me.index)
    if listed is None:
        return
    if own_header is None:
        # It bears my signature, which the coordinator cannot make: my memory is at fault, or my key is not mine alone.
        raise ProtocolError(
            "a contribution of mine that I do not remember is listed: was my ledger lost or set back?",
            hint=OLD_COPY,
        )
    if listed != digest("header", own_header):
        raise FaultyCoordinatorError("the manifest lists an altered contribution of mine", culprit="coordinator")


def consent(
    me: Member,
    task: SumTask,
    request: ConsentRequest,
    *,
    private_key: bytes,
    own: Dealt | None,
) -> Consent | Complaint:
    """Step 5. Check the manifest and every share sealed to me.

    Returns:
        The consent to be recorded and then signed, or a complaint that names the first bad dealer.

    Raises:
        FaultyCoordinatorError: the signed manifest itself breaks a rule.
        ProtocolError: malformed, or not bound to this sum.
    """
    rules = me.rules
    manifest = unsign(request.manifest, Manifest, study=rules.study, keys=rules.keys, sender=COORDINATOR)
    headers = manifests.read_headers(rules, task, manifest, request.headers)
    check_own(me, manifest, own.header if own else None)
    dealt = shares_for(me, task, request, headers)
    opened, bad = rules.scheme.open_shares(task, me.index, private_key, dealt)
    if bad:
        return Complaint(task.context, bad[0], "the sealed share does not open to a well-formed share")
    manifest_digest = digest("manifest", wire.encode(manifest))
    mark = rules.scheme.fingerprint(task, manifest_digest, own.payload) if own and me.index in headers else b""
    return Consent(Vote(task.context, CONSENT, manifest_digest, mark, task.last), manifest, opened)


def shares_for(
    me: Member, task: SumTask, request: ConsentRequest, headers: Mapping[int, Header]
) -> dict[int, DealtShare]:
    """The shares in a request by dealer, each as its signed header says; those that a dealer has shown in the clear too.

    Raises:
        ProtocolError, WireError: one is missing, or is not the one that the header signs.
    """
    rules = me.rules
    sealed = {item.hospital: item.sealed for item in request.shares}
    shown = disputes.read_shown(rules, task, request.shown, headers)
    dealt: dict[int, DealtShare] = {}
    for dealer, header in headers.items() if rules.scheme.deals_shares else ():
        expected = header.shares.get(me.index)
        if expected is None or dealer not in sealed or share_digest(sealed[dealer]) != expected:
            raise ProtocolError(f"no share of dealer {dealer} that matches its signed header: a share is never skipped")
        dealt[dealer] = DealtShare(sealed[dealer], header.payload_digest, shown.get((dealer, me.index), b""))
    return dealt


def void(task: SumTask) -> Vote:
    """The other vote: this attempt will not have my consent."""
    return Vote(task.context, VOID, b"", b"", task.last)


def release(me: Member, task: SumTask, certificate: Certificate, given: Consent, private_key: bytes) -> bytes:
    """Step 7. Only on a certificate over the manifest that I consented to: the signed sum of my shares."""
    if certificate.manifest_digest != given.vote.manifest_digest:
        raise ProtocolError("the certificate is about a manifest that I did not consent to")
    distinct_votes(me.rules, task, certificate.votes, CONSENT, certificate.manifest_digest)
    shares = me.rules.scheme.release(task, me.index, private_key, given.dealt)
    return sign(me.identity, me.rules.study, me.index, Release(task.context, certificate.manifest_digest, shares))


def attest(me: Member, task: SumTask, certificate: Certificate, given: Consent) -> bytes | None:
    """Step 7, beside the release: the fingerprints of the silent contributors whose ciphertexts came with it, signed.

    None: there are none, or I have signed none of my own, so that nobody would take mine for them.

    Raises:
        ProtocolError, WireError: a ciphertext is not the one in its signed header.
    """
    if not certificate.served or not given.vote.fingerprint:
        return None
    marks = []
    for item in certificate.served:
        if (
            item.hospital not in given.dealt
            or payload_digest(item.payload) != given.dealt[item.hospital].payload_digest
        ):
            raise ProtocolError(f"the ciphertext to attest is not the one in the header of hospital {item.hospital}")
        mark = me.rules.scheme.fingerprint(task, certificate.manifest_digest, item.payload)
        marks.append(Entry(item.hospital, mark))
    body = Attested(task.context, certificate.manifest_digest, tuple(marks))
    return sign(me.identity, me.rules.study, me.index, body)


_OWN = ("took no part in this sum", "own contribution listed unaltered")


def verified_here(
    me: Member, opening: Opening, verified: Verified, *, own_header: bytes | None, consented: bytes | None
) -> Verified:
    """What `verify` gives, where another party with the same rules and state has verified the very same opening: what
    remains are the checks of what is this hospital's own.

    Raises:
        FaultyCoordinatorError, ProtocolError: as `verify`.
    """
    _check_consented(consented, verified.manifest_digest)
    manifest = unsign(opening.manifest, Manifest, study=me.rules.study, keys=me.rules.keys, sender=COORDINATOR)
    check_own(me, manifest, own_header)
    own = _OWN[me.index in verified.contributors]
    return replace(verified, checks=tuple(own if one in _OWN else one for one in verified.checks))


def _check_consented(consented: bytes | None, manifest_digest: bytes) -> None:
    if consented is not None and consented != manifest_digest:
        raise FaultyCoordinatorError(
            "a certificate exists for a manifest other than the one I consented to", culprit="coordinator"
        )


def verify(
    me: Member,
    task: SumTask,
    opening: Opening,
    *,
    own_header: bytes | None,
    consented: bytes | None,
    memory: Memory = Memory(),
    earlier: Sequence[bytes] = (),
) -> Verified:
    """Step 8, checks (1) to (5). The caller recomputes the model from the sums: check (6).

    Args:
        own_header: my signed header of this sum, if I contributed.
        consented: digest of the manifest that I consented to, if any.
        memory: what the earlier openings of this study say of its registers.
        earlier: the contexts of the attempts at this sum before this one.

    Raises:
        FaultyCoordinatorError: evidence against the coordinator (a breach).
        SuspectError: the total does not open.
        ProtocolError, WireError: anything else that does not hold (verification failed; ask again).
    """
    rules, scheme = me.rules, me.rules.scheme
    manifest = unsign(opening.manifest, Manifest, study=rules.study, keys=rules.keys, sender=COORDINATOR)
    manifest_digest = digest("manifest", wire.encode(manifest))
    votes = distinct_votes(rules, task, opening.votes, CONSENT, manifest_digest)
    _check_consented(consented, manifest_digest)
    checks = [f"certificate of {len(votes)} hospitals, {rules.threshold} needed"]
    check_voids(rules, earlier, opening.voids)
    if earlier:
        checks.append(f"{len(earlier)} earlier attempt(s) proved void")
    headers = manifests.read_headers(rules, task, manifest, opening.headers)
    said = statements_of(rules, headers)
    if problems := refusals(said, rules.blocks, memory):
        raise FaultyCoordinatorError(f"a sum is certified that must not be: {problems[0]}", culprit="coordinator")
    checks.append("every block stands in the sum whole, by its members' headers")
    if payload_digest(opening.total) != manifest.total_digest:
        raise ProtocolError("the encrypted sum is not the one in the manifest")
    checks.append("encrypted sum matches the manifest")
    check_own(me, manifest, own_header)
    checks.append(_OWN[me.index in headers])
    checks.append(fingerprints.check(rules, task, opening, manifest_digest, headers, votes))
    try:
        sums = scheme.sums(task, opening.total, opening.witness, len(headers))
    except ProtocolError as error:
        raise SuspectError(
            f"the certified sum does not open: {error.message}", culprit="a holder or a contributor"
        ) from None
    checks.append("sum opens within noise, range and weight bounds")
    assumed = (scheme.assumes,) if scheme.assumes else ()
    return Verified(manifest_digest, tuple(sorted(headers)), said, sums, tuple(checks), assumed)
