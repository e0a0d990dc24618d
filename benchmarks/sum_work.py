"""What one hospital computes for one secure sum of a small model, beside another version of this package.

    git worktree add /tmp/before 534993e
    python benchmarks/sum_work.py --against /tmp/before            about two minutes

Processor time of hospital 1, on one thread, from its key to the opening it has checked; the least of some sums, each in a process of its
own, the versions in turn. The other parties do what they must for that, and are not measured.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

BARS = {50: 0.6, 200: 0.15}
STEPS = ("join", "deal", "consent", "release", "verify")
N_LANES, REPEATS = 1_000, 3
ME = 1


def _module(*names: str) -> Any:
    """The first of these that this version has: earlier ones had other names."""
    for name in names:
        try:
            return importlib.import_module(f"cipherward.{name}")
        except ModuleNotFoundError:
            continue
    raise ModuleNotFoundError(f"none of {names}")


class Work:
    """The steps of one hospital, measured."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STEPS, 0.0)
        # Parties remember what they have read and checked. One process runs all of them here, and this one has its own memory.
        modules = _module("crypto.identity"), _module("sums.messages", "protocol.messages")
        self._others = [
            (module, name, found)
            for module in modules
            for name in ("_verify", "_verify_again", "_decode_again")
            if (found := getattr(module, name, None))
        ]
        self._own = [lru_cache(4096)(remembered.__wrapped__) for _, _, remembered in self._others]

    def __call__(self, step: str, work: Callable[[], Any]) -> Any:
        """What `work` gives."""
        for (module, name, _), own in zip(self._others, self._own, strict=True):
            setattr(module, name, own)
        began = process_time()
        result = work()
        self.seconds[step] += process_time() - began
        for module, name, others in self._others:
            setattr(module, name, others)
        return result


def one_sum(n: int, n_lanes: int) -> dict[str, float]:
    """Processor seconds of hospital 1 in one sum of all n hospitals, by step."""
    steps, messages = _module("sums.hospital_steps", "protocol.hospital"), _module("sums.messages", "protocol.messages")
    votes, coordinating = (
        _module("sums.votes", "protocol.party"),
        _module("sums.coordinator_steps", "protocol.coordinator"),
    )
    wire, scheme, quorum = _module("crypto.wire"), _module("crypto.scheme"), _module("crypto.quorum")
    numbers = importlib.import_module("cipherward.thresholds").derive(n)
    identities = [_module("crypto.identity").Identity(os.urandom(32)) for _ in range(n + 1)]
    public = {i: one.public_key for i, one in enumerate(identities)}
    chosen = quorum.QuorumScheme()
    rules = votes.Rules(os.urandom(32), public, numbers.threshold, numbers.min_contributors, chosen)
    members = {i: votes.Member(rules, i, one) for i, one in enumerate(identities)}
    ctx = messages.context(rules.study, os.urandom(32), 1, 1)
    task = scheme.SumTask(ctx, n, numbers.threshold, 16, n_lanes, n_lanes, n_lanes)
    collection = coordinating.Collection(members[0], task, np.zeros(n_lanes), {})
    everybody, holders, mine = range(1, n + 1), range(2, numbers.threshold + 1), Work()
    keys, dealt = {i: os.urandom(96) for i in everybody}, dict[int, Any]()

    def sign(i: int, body: Any) -> bytes:
        data: bytes = messages.sign(identities[i], rules.study, i, body)
        return data

    for i in everybody:
        join = partial(steps.join, members[i], task, keys[i])
        collection.add_join(i, (mine("join", join) if i == ME else join())[1])
    joined = collection.close_joins()
    lanes = np.random.default_rng(1).integers(0, 1 << 16, n_lanes, dtype=np.uint32)
    for i in reversed(everybody):
        deal = partial(steps.deal, members[i], task, joined, lanes, os.urandom(32), keys[i])
        dealt[i] = mine("deal", deal) if i == ME else deal()
        collection.add_update(i, dealt[i].update)

    requests = {i: wire.encode(request) for i, request in collection.close().items()}
    request = mine("consent", partial(wire.decode, messages.ConsentRequest, requests[ME]))
    given = mine("consent", partial(steps.consent, members[ME], task, request, private_key=keys[ME], own=dealt[ME]))
    manifest = getattr(given.vote, "manifest_digest", None) or given.vote.manifest
    collection.add_vote(ME, sign(ME, given.vote))
    for i in holders:
        mark = chosen.fingerprint(task, manifest, dealt[i].payload)
        collection.add_vote(i, sign(i, messages.Vote(ctx, messages.CONSENT, manifest, mark)))

    release = partial(steps.release, members[ME], task, collection.certificate(), given, keys[ME])
    collection.add_release(ME, mine("release", release))
    for i in holders:
        asked = wire.decode(messages.ConsentRequest, requests[i])
        shares = {
            item.hospital: scheme.DealtShare(item.sealed, scheme.payload_digest(dealt[item.hospital].payload))
            for item in asked.shares
        }
        body = messages.Release(ctx, manifest, chosen.release(task, i, keys[i], shares))
        collection.add_release(i, sign(i, body))
    found = collection.open()
    opening = wire.encode(collection.opening(1, 0, found[0] if isinstance(found, tuple) else found.witness, bytes(32)))
    read, header = mine("verify", partial(wire.decode, messages.Opening, opening)), dealt[ME].header
    seen = mine("verify", partial(steps.verify, members[ME], task, read, own_header=header, consented=manifest))
    if not np.array_equal(seen.sums, n * lanes.astype(np.int64)):
        raise ValueError("the sum is not the sum of the vectors")
    return mine.seconds


def measured(source: Path, n: int) -> dict[str, float]:
    """`one_sum` in a fresh process, with the package in `source`."""
    command = [sys.executable, __file__, "--worker", str(n)]
    environment = {**os.environ, "PYTHONPATH": str(source)}
    found = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    seconds: dict[str, float] = json.loads(found.stdout)
    return seconds


def compare(against: Path, counts: list[int]) -> int:
    """The table and its bars."""
    from harness import Section, console, finish, machine_line

    here = Path(__file__).resolve().parents[1] / "src"
    section = Section(
        f"One hospital's processor time for one sum, {N_LANES:,} parameters, 16 bits",
        ["hospitals", "version", *STEPS, "all"],
    )
    console.print(machine_line())
    for n in counts:
        found: dict[str, list[dict[str, float]]] = {"before": [], "now": []}
        for _ in range(REPEATS):
            for name, source in (("before", against / "src"), ("now", here)):
                found[name].append(measured(source, n))
        least = {name: min(runs, key=lambda run: sum(run.values())) for name, runs in found.items()}
        for name, run in least.items():
            times = [*(run[step] for step in STEPS), sum(run.values())]
            section.rows.append([str(n), name, *(f"{1e3 * time:.1f} ms" for time in times)])
        ratio = sum(least["now"].values()) / sum(least["before"].values())
        section.numbers[str(n)] = least | {"ratio": ratio}
        section.bar(f"{n} hospitals: at most {BARS[n]} of before", f"{ratio:.3f}", ratio <= BARS[n])
    finish("sum_work", section)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="a checkout of the other version")
    parser.add_argument("--counts", default="50,200", help="numbers of hospitals, of 50 and 200")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        one_sum(3, 100)  # loads the compiled kernels
        print(json.dumps(one_sum(options.worker, N_LANES)))
        return 0
    if not options.against:
        parser.error("--against: which version to compare with")
    return compare(options.against, [int(n) for n in options.counts.split(",")])


if __name__ == "__main__":
    sys.exit(main())
