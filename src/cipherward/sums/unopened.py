"""A certified sum that does not open: what its releases prove, the same at the coordinator, hospitals and auditors."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cipherward.crypto.scheme import Scheme, SumTask
from cipherward.errors import FaultyCoordinatorError, ProtocolError, SuspectError
from cipherward.sums import challenge
from cipherward.sums.messages import Opening
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


def check(rules: Rules, task: SumTask, opening: Opening, base: npt.NDArray[np.float64]) -> None:
    """Whether the signed releases of an opening prove that its sum does not open; of one with a challenge, `challenge.verdict`
    finds out.

    Called after `hospital_steps.verify` found that it does not open under the stated witness.

    Raises:
        FaultyCoordinatorError: the stated witness is not what the releases give.
        ProtocolError: releases are missing, forged, repeated or of another manifest.
    """
    if not rules.scheme.deals_shares or opening.challenge:
        return
    found = challenge.signed_releases(rules, task, opening)
    if len(found) < rules.threshold:
        raise ProtocolError(f"the sum is said not to open, with {len(found)} release(s) as evidence")
    shares = {i: challenge.shares_in(data) for i, data in found.items()}
    shown = opened(rules.scheme, task, opening.total, shares, base, len(opening.headers))
    if shown.witness != opening.witness:
        raise FaultyCoordinatorError("the stated witness is not what the signed releases give", culprit="coordinator")
