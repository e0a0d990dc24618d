"""Our secure sum, whole: at a hospital from its key to its release, at the server from the joins to the opened sum.

python benchmarks/peers/ours.py BITS
"""

from __future__ import annotations

import os
import sys
from functools import partial
from importlib.metadata import version
from typing import Any
from unittest import mock

import numpy as np

from cipherward.crypto.identity import Identity
from cipherward.crypto.quorum import QuorumScheme
from cipherward.crypto.scheme import SumTask
from cipherward.sums import hospital_steps as steps
from cipherward.sums.coordinator_steps import Collection
from cipherward.sums.messages import context, sign
from cipherward.sums.votes import Member, Rules
from cipherward.thresholds import derive
from work import N_PARAMETERS, N_PARTIES, Spent, report

BITS = int(sys.argv[1])


def one_sum(n_parameters: int) -> tuple[Spent, int]:
    """What a sum takes, and the bytes that one hospital sends."""
    spent, everybody, numbers = Spent(), range(1, N_PARTIES + 1), derive(N_PARTIES)
    identities = [Identity(os.urandom(32)) for _ in range(N_PARTIES + 1)]
    public = {i: one.public_key for i, one in enumerate(identities)}
    rules = Rules(os.urandom(32), public, numbers.threshold, numbers.min_contributors, QuorumScheme())
    members = {i: Member(rules, i, one) for i, one in enumerate(identities)}
    ctx = context(rules.study, os.urandom(32), 1, 1)
    task = SumTask(ctx, N_PARTIES, numbers.threshold, BITS, n_parameters, n_parameters, n_parameters)
    server, up = Collection(members[0], task, np.zeros(n_parameters), {}), 0
    keys = {i: os.urandom(96) for i in everybody}
    for i in everybody:
        _, join = spent.hospital(partial(steps.join, members[i], task, keys[i]))
        up += len(join)
        spent.server(partial(server.add_join, i, join))
    joined = spent.server(server.close_joins)
    lanes = np.random.default_rng(1).integers(0, 1 << BITS, n_parameters, dtype=np.uint32)
    dealt: dict[int, Any] = {}
    for i in everybody:
        dealt[i] = spent.hospital(partial(steps.deal, members[i], task, joined, lanes, os.urandom(32), keys[i]))
        up += len(dealt[i].update)
        spent.server(partial(server.add_update, i, dealt[i].update))
    requests, given = spent.server(server.close), {}
    for i in everybody:
        asked = partial(steps.consent, members[i], task, requests[i], private_key=keys[i], own=dealt[i])
        given[i] = spent.hospital(asked)
        vote = sign(identities[i], rules.study, i, given[i].vote)
        up += len(vote)
        spent.server(partial(server.add_vote, i, vote))
    certificate = server.certificate()
    for i in everybody:
        release = spent.hospital(partial(steps.release, members[i], task, certificate, given[i], keys[i]))
        up += len(release)
        spent.server(partial(server.add_release, i, release))
    spent.server(server.open)
    return spent, up // N_PARTIES


with mock.patch.object(os, "cpu_count", return_value=1):  # what divides its work among processors does not
    one_sum(1_000)
    report(version("cipherward"), lambda: one_sum(N_PARAMETERS))
