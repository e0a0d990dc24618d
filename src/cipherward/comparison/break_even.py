"""From how many parameters on a hospital sends less under `quorum` than the float32 numbers themselves would take."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cipherward import thresholds
from cipherward.crypto import params
from cipherward.crypto.params import SumParameters
from cipherward.crypto.quorum import QuorumScheme
from cipherward.sums.run_sum import Meter, make_parties, run_sum

FLOAT32_BYTES = 4
ALL_KINDS = ("Update", "Join", "Vote", "Release")


def sent_by_one(n_hospitals: int, n_lanes: int) -> dict[str, int]:
    """Bytes of one hospital's messages by kind, in one sum under `quorum` at 16 bits."""
    parties, meter = make_parties(lambda minimum: QuorumScheme(), n_hospitals, n_lanes), Meter()
    lanes = random_lanes(np.random.default_rng(1), n_lanes)
    few, quorum = (parties.hospitals[:n] for n in (parties.rules.min_contributors, parties.rules.threshold))
    run_sum(parties, ((i, lanes) for i in few), voters=quorum, meter=meter)
    return {kind: max(lengths) for kind, lengths in meter.sent.items()}


def random_lanes(rng: np.random.Generator, n_lanes: int, bits: int = 16) -> NDArray[np.uint32]:
    """uint32[n_lanes], uniform below 2^bits."""
    return rng.integers(0, 1 << bits, n_lanes, dtype=np.uint32)


def break_even(n_hospitals: int, kinds: tuple[str, ...] = ALL_KINDS) -> tuple[int, int]:
    """(first, always): the smallest model whose messages of these kinds are smaller than its float32 update, and the
    size from which on every model's are. Both are measured on real messages, at 16 bits."""

    def sent(n_lanes: int) -> int:
        sizes = sent_by_one(n_hospitals, n_lanes)
        return sum(sizes[kind] for kind in kinds)

    first, size = 1_000, sent(1_000)
    while size >= FLOAT32_BYTES * first:
        first = size // FLOAT32_BYTES + 1  # a larger model never has a smaller update: all up to here fail too
        size = sent(first)
    # Updates grow by whole ciphertexts, so the last model that fails is the largest of one such step.
    threshold = thresholds.derive(n_hospitals).threshold

    def over_each_ring(n_lanes: int) -> list[SumParameters]:
        return params.candidates(n_lanes, bits=16, n_hospitals=n_hospitals, threshold=threshold)

    def formula(n_lanes: int) -> int:
        parameters = min(over_each_ring(n_lanes), key=lambda each: each.update_bytes)
        return parameters.update_bytes + ("Release" in kinds) * parameters.share_bytes

    headers = size - formula(first)
    steps = sorted({k * one.lanes_per_ciphertext + 1 for one in over_each_ring(first) for k in range(300)})
    failing = [n for n in steps if n > first and formula(n) + headers >= FLOAT32_BYTES * n]
    always = sent(failing[-1]) // FLOAT32_BYTES + 1 if failing else first
    if not sent(always) < FLOAT32_BYTES * always:
        raise ValueError("the formula of sizes does not give the bytes that are sent")
    return first, always
