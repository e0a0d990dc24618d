"""Every flipped bit of a message is refused, or changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from tests.sums.sum_parties import Sum, certified_sum, closed_sum, opened_sum, parties, plain_parties
from tests.sums.test_certificates import void_of

from cipherward.crypto import wire
from cipherward.crypto.identity import COORDINATOR
from cipherward.errors import ProtocolError, WireError
from cipherward.sums.hospital_steps import Consent
from cipherward.sums.messages import Certificate, ConsentRequest, Joined, Opening, VoidCertificate, unsign
from cipherward.sums.votes import check_void

N_FLIPS = 250


@cache
def opened(scheme: str) -> Sum:
    """One opened sum; hospital 5 dealt and then left, so that its ciphertext is served."""
    return opened_sum(parties() if scheme == "quorum" else plain_parties(), voters=(1, 2, 3, 4))


@cache
def closed(scheme: str) -> Sum:
    return closed_sum(parties() if scheme == "quorum" else plain_parties())


def flips(data: bytes, seed: int, n: int = N_FLIPS) -> Iterator[bytes]:
    """The message with one bit flipped: n random places, as many at the start (where the structure is), all if short."""
    rng = np.random.default_rng(seed)
    n_bits = 8 * len(data)
    places: set[int] = set(rng.integers(0, n_bits, n).tolist()) | set(rng.integers(0, min(n_bits, 8000), n).tolist())
    for place in sorted(places if n_bits > 2 * n else range(n_bits)):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        yield bytes(flipped)


def refused(use: Callable[[bytes], Any], data: bytes, seed: int, unchanged: Callable[[Any], bool] | None = None) -> int:
    """How many flips were refused; each of the others must give a result that `unchanged` accepts."""
    n_refused = 0
    for flipped in flips(data, seed):
        try:
            result = use(flipped)
        except (WireError, ProtocolError):
            n_refused += 1
            continue
        assert unchanged is not None
        assert unchanged(result)
    return n_refused


both = pytest.mark.parametrize("scheme", ["quorum", "plain"])


@both
def test_every_flipped_bit_of_an_update_is_refused_and_leaves_the_sum_unchanged(scheme: str) -> None:
    run = Sum(closed(scheme).parties)
    run.join()
    run.deal((1, 2, 3, 4))
    update = run.deal_one(5).update
    n = sum(1 for _ in flips(update, 1))
    assert refused(lambda data: run.collection.add_update(5, data), update, 1) == n
    run.collection.add_update(5, update)
    run.close()
    run.consent()
    run.release()
    assert np.array_equal(run.verify(1, run.open()).sums, run.expected(range(1, 6)))


@both
def test_every_flipped_bit_of_a_join_is_refused(scheme: str) -> None:
    run = closed(scheme)
    collection = run.parties.collection()
    n = sum(1 for _ in flips(run.joined.joins[0], 2))
    assert refused(lambda data: collection.add_join(1, data), run.joined.joins[0], 2) == n
    assert collection.joined == frozenset()


@both
def test_every_flipped_bit_of_the_signed_list_of_joins_is_refused(scheme: str) -> None:
    run = closed(scheme)
    rules = run.parties.rules
    signed = run.parties.sign(COORDINATOR, run.joined)

    def read(data: bytes) -> Joined:
        return unsign(data, Joined, study=rules.study, keys=rules.keys, sender=COORDINATOR)

    assert read(signed) == run.joined
    assert refused(read, signed, 3) == sum(1 for _ in flips(signed, 3))


@both
def test_every_flipped_bit_of_a_consent_request_is_refused_or_changes_nothing(scheme: str) -> None:
    run = closed(scheme)
    request = wire.encode(run.requests[2])
    honest = run.consent_of(2)

    def ask(data: bytes) -> object:
        return run.consent_of(2, wire.decode(ConsentRequest, data))

    assert isinstance(honest, Consent)
    n = sum(1 for _ in flips(request, 4))
    assert refused(ask, request, 4, lambda answer: bool(answer == honest)) == n


@both
def test_every_flipped_bit_of_a_vote_is_refused(scheme: str) -> None:
    run = Sum(closed(scheme).parties)
    run.join()
    run.deal()
    run.close()
    answer = run.consent_of(1)
    assert isinstance(answer, Consent)
    vote = run.parties.sign(1, answer.vote)
    assert refused(lambda data: run.collection.add_vote(1, data), vote, 5) == sum(1 for _ in flips(vote, 5))
    assert run.collection.voters == frozenset()


@both
def test_every_flipped_bit_of_a_certificate_is_refused(scheme: str) -> None:
    run = opened(scheme)
    certificate = wire.encode(run.certificate)

    def answer(data: bytes) -> bytes:
        return run.release_of(1, wire.decode(Certificate, data))

    assert refused(answer, certificate, 6) == sum(1 for _ in flips(certificate, 6))


def test_every_flipped_bit_of_a_void_certificate_is_refused() -> None:
    who = closed("quorum").parties
    certificate = wire.encode(VoidCertificate(tuple(void_of(who, i) for i in (1, 2, 3, 4))))

    def check(data: bytes) -> None:
        check_void(who.rules, who.task.context, wire.decode(VoidCertificate, data).votes)

    check(certificate)
    assert refused(check, certificate, 7) == sum(1 for _ in flips(certificate, 7))


@both
def test_every_flipped_bit_of_a_release_is_refused(scheme: str) -> None:
    run = certified_sum(opened(scheme).parties)
    release = run.release_of(1)
    assert refused(lambda data: run.collection.add_release(1, data), release, 8) == sum(1 for _ in flips(release, 8))
    assert run.collection.releases == frozenset()
    run.release()
    assert np.array_equal(run.verify(1, run.open()).sums, run.expected(range(1, 6)))


@both
def test_every_flipped_bit_of_an_opening_is_refused_or_changes_no_sum(scheme: str) -> None:
    # As if the coordinator had signed the altered opening: round, attempt and next model are the node's to check.
    run = opened(scheme)
    opening = wire.encode(run.opening)
    honest = run.verify(1)

    def unchanged(verified: Any) -> bool:
        same: bool = np.array_equal(verified.sums, honest.sums) and verified.manifest_digest == honest.manifest_digest
        return same

    n_refused = refused(lambda data: run.verify(1, wire.decode(Opening, data)), opening, 9, unchanged)
    assert n_refused > 0.8 * sum(1 for _ in flips(opening, 9))


def test_every_flipped_bit_of_a_signed_opening_is_refused() -> None:
    run = opened("quorum")
    rules = run.parties.rules
    signed = run.parties.sign(COORDINATOR, run.opening)

    def read(data: bytes) -> Opening:
        return unsign(data, Opening, study=rules.study, keys=rules.keys, sender=COORDINATOR)

    assert read(signed) == run.opening
    assert refused(read, signed, 10) == sum(1 for _ in flips(signed, 10))
