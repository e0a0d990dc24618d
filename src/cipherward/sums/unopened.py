"""A certified sum that does not open: what its releases prove, the same at the coordinator, hospitals and auditors."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cipherward.crypto import wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import COORDINATOR, open_signed
from cipherward.crypto.scheme import Scheme, SumTask
from cipherward.errors import FaultyCoordinatorError, ProtocolError, SuspectError
from cipherward.sums.messages import Manifest, Opening, Release, read, unsign
from cipherward.sums.votes import Rules


@dataclass(frozen=True)
class Found:
    """What releases open: the witness, and the sums or the reason why they do not open.

    `without`: the holder whose release contradicts the others, 0 for none; `conflict`: how they contradict each other.
    """

    witness: bytes
    sums: npt.NDArray[np.generic] | None
    reason: str
    without: int = 0
    conflict: str = ""


def opened(
    scheme: Scheme,
    task: SumTask,
    total: bytes,
    releases: Mapping[int, bytes],
    base: npt.NDArray[np.float64],
    n_contributors: int,
) -> Found:
    """Open from these releases, without the one that contradicts the others where that can be told.

    Raises:
        SuspectError: a release is malformed, and it cannot be left out.
    """

    def attempt(holders: list[int], without: int = 0, conflict: str = "") -> Found:
        witness = scheme.open(task, total, {i: releases[i] for i in holders}, base, n_contributors)
        try:
            sums = scheme.sums(task, total, witness, n_contributors)
        except ProtocolError as error:
            return Found(witness, None, error.message, without, conflict)
        return Found(witness, sums, "", without, conflict)

    holders = sorted(releases)
    try:
        return attempt(holders)
    except SuspectError as error:
        for holder in holders if len(holders) > task.threshold else ():
            with suppress(SuspectError):
                found = attempt([i for i in holders if i != holder], holder, error.message)
                if found.sums is not None:
                    return found
        # Any quorum's witness will do to show everybody that this sum does not open.
        return attempt(holders[: task.threshold], 0, error.message)


def releasers(rules: Rules, found: frozenset[int] | set[int]) -> tuple[int, ...]:
    """The holders who can have spoiled a sum that these releases do not open, beside its contributors.

    One false release among more than the threshold is found out: the others open the sum without it. Among exactly the
    threshold it cannot be told from a contribution that does not match its shares.
    """
    return () if len(found) > rules.threshold else tuple(sorted(found))


def check(rules: Rules, task: SumTask, opening: Opening, base: npt.NDArray[np.float64]) -> tuple[int, ...]:
    """Whether the signed releases of an opening prove that its sum does not open; as `releasers`.

    Called after `hospital.verify` found that it does not open under the stated witness.

    Raises:
        FaultyCoordinatorError: the stated witness is not what the releases give.
        ProtocolError: releases are missing, forged, repeated or of another manifest.
    """
    if not rules.scheme.deals_shares:
        return ()
    manifest = unsign(opening.manifest, Manifest, study=rules.study, keys=rules.keys, sender=COORDINATOR)
    found: dict[int, bytes] = {}
    for data in opening.releases:
        signed = open_signed(data, study=rules.study, keys=rules.keys, kind="Release")
        body = read(signed, Release)
        if body.context != task.context or body.manifest_digest != digest("manifest", wire.encode(manifest)):
            raise ProtocolError(f"the release of hospital {signed.sender} is for another sum")
        if signed.sender == COORDINATOR or signed.sender in found:
            raise ProtocolError(f"hospital {signed.sender} is counted twice, or is not on the roster")
        found[signed.sender] = body.shares
    if len(found) < rules.threshold:
        raise ProtocolError(f"the sum is said not to open, with {len(found)} release(s) as evidence")
    shown = opened(rules.scheme, task, opening.total, found, base, len(manifest.entries))
    if shown.witness != opening.witness:
        raise FaultyCoordinatorError("the stated witness is not what the signed releases give", culprit="coordinator")
    return releasers(rules, set(found))
