"""What the secure sum costs, beside CKKS: bytes, time, memory, exactness, and how large it can get.

    python benchmarks/secure_sum.py            about two minutes
    python benchmarks/secure_sum.py --quick    half a minute: smaller, fewer repeats
    python benchmarks/secure_sum.py --all      also 1,000 hospitals, all to all (many minutes, 8 GB of memory)
    python benchmarks/secure_sum.py --only speed,open

Every bar on speed is a ratio of two medians of one run with the same number of threads. The exit code is 1 when a bar
fails.
"""

from __future__ import annotations

import argparse
import functools
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cipherward.comparison.break_even import FLOAT32_BYTES, break_even, random_lanes, sent_by_one
from cipherward.comparison.sizes import PHASES, Forgets, measure
from cipherward.crypto.identity import COORDINATOR
from cipherward.crypto.quorum import QuorumScheme, parameters_of
from cipherward.parties.records import Spool
from cipherward.sums import hospital_steps
from cipherward.sums.coordinator_steps import Collection
from cipherward.sums.run_sum import Meter, Parties, make_parties, run_sum
from cipherward.tasks.lanes import Layout, RealSegment
from harness import (
    MIB,
    Section,
    alone,
    console,
    headers_read_once,
    machine_line,
    one_thread,
    quiet,
    timed,
    write_results,
)
from memory import peak_mib

MILLION = 1_000_000


def quorum_parties(n_hospitals: int, n_lanes: int = MILLION, bits: int = 16) -> Parties:
    return make_parties(lambda minimum: QuorumScheme(), n_hospitals, n_lanes, bits)


class Joined:
    """A quorum sum up to the list of joins: hospitals deal one at a time, as often as asked."""

    def __init__(self, n_hospitals: int, payloads: MutableMapping[int, bytes] | None = None) -> None:
        self.parties = quorum_parties(n_hospitals)
        members, task = self.parties.members, self.parties.task
        made = {i: hospital_steps.join(members[i], task, os.urandom(96)) for i in self.parties.hospitals}
        self._keys = {i: key for i, (key, _) in made.items()}
        self._joins = {i: message for i, (_, message) in made.items()}
        self.coordinator = self.another_coordinator({} if payloads is None else payloads)

    def another_coordinator(self, payloads: MutableMapping[int, bytes]) -> Collection:
        task = self.parties.task
        collection = Collection(self.parties.members[COORDINATOR], task, np.zeros(task.n_lanes), payloads)
        for i, message in self._joins.items():
            collection.add_join(i, message)
        self._joined = collection.close_joins()
        return collection

    def deal(self, i: int, lanes: NDArray[np.uint32]) -> bytes:
        member, task = self.parties.members[i], self.parties.task
        return hospital_steps.deal(member, task, self._joined, lanes, os.urandom(32), self._keys[i]).update


class Dealing:
    """Random vectors of all hospitals, as `run_sum` takes them, and their sum."""

    def __init__(self, parties: Parties, seed: int) -> None:
        self._task, self._rng = parties.task, np.random.default_rng(seed)
        self.expected = np.zeros(self._task.n_lanes, dtype=np.int64)

    def __iter__(self) -> Iterator[tuple[int, NDArray[np.uint32]]]:
        for i in range(1, self._task.n_hospitals + 1):
            lanes = random_lanes(self._rng, self._task.n_lanes, self._task.bits)
            self.expected += lanes
            yield i, lanes


def bytes_per_parameter(quick: bool) -> Section:
    """Everything that one hospital sends for one sum."""
    section = Section(
        "(a) Bytes that one hospital sends, at 16 bits",
        [
            "hospitals",
            "parameters",
            "Update",
            "Join",
            "Vote",
            "Release",
            "all",
            "bytes per parameter",
            "of plain float32",
        ],
    )
    for n_hospitals, n_lanes, limit in ((8, MILLION, 3.1), (50, MILLION, 4.0), (8, 1_000, 40.0)):
        sizes = sent_by_one(n_hospitals, n_lanes)
        total = sum(sizes.values())
        each = total / n_lanes
        section.rows.append(
            [
                str(n_hospitals),
                f"{n_lanes:,}",
                *(f"{sizes[kind]:,}" for kind in ("Update", "Join", "Vote", "Release")),
                f"{total:,}",
                f"{each:.3f}",
                f"{each / FLOAT32_BYTES:.0%}",
            ]
        )
        section.numbers[f"{n_hospitals} x {n_lanes}"] = {**sizes, "bytes_per_parameter": each}
        section.bar(
            f"{n_hospitals} hospitals, {n_lanes:,} parameters: less than {limit} bytes each",
            f"{each:.3f}",
            each < limit,
        )
    return section


@functools.cache
def _tenseal_vectors(threads: int) -> tuple[Any, Any, Any]:
    """(tenseal, public context, secret context) with the settings that peers use: N = 8192, [60, 40, 40]."""
    import tenseal as ts

    secret = ts.context(ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[60, 40, 40], n_threads=threads)
    secret.global_scale = 2.0**40
    public = ts.context_from(secret.serialize(save_secret_key=False), n_threads=threads)
    return ts, public, secret


def speed(quick: bool) -> Section:
    """From float32 parameters to bytes ready to send, against TenSEAL."""
    repeats = 3 if quick else 9
    threads = os.cpu_count() or 1
    ts, public, _ = _tenseal_vectors(threads)
    values = np.random.default_rng(2).normal(0, 0.05, MILLION).astype(np.float32)
    listed = values.tolist()
    layout = Layout((RealSegment("update", MILLION, 0.25),), 16)
    joined = Joined(8)

    def ours() -> bytes:
        return joined.deal(1, layout.encode({"update": values}))

    def theirs() -> int:
        return len(ts.ckks_vector(public, listed).serialize())

    update_bytes = len(ours())
    seconds = {"ours": [0.0] * repeats, "tenseal": [0.0] * repeats}
    with quiet():
        size = theirs()
        for k in range(repeats):  # alternating, so that both see the same machine
            seconds["ours"][k] = timed(ours)
            seconds["tenseal"][k] = timed(theirs)
    with one_thread():
        alone_seconds = statistics.median(timed(ours) for _ in range(repeats))
    median = {name: statistics.median(found) for name, found in seconds.items()}
    ratio = median["tenseal"] / median["ours"]
    section = Section(
        "(b) Encrypt and serialise 1 M parameters, 8 hospitals",
        ["what", "median", "fastest", "bytes per parameter"],
        [
            [
                "quorum: quantise, encrypt, share, seal, sign, serialise",
                f"{1e3 * median['ours']:.1f} ms",
                f"{1e3 * min(seconds['ours']):.1f} ms",
                f"{update_bytes / MILLION:.2f}",
            ],
            ["the same on one thread", f"{1e3 * alone_seconds:.1f} ms", "", ""],
            [
                "TenSEAL CKKS N=8192 [60,40,40], public key, flat vector",
                f"{1e3 * median['tenseal']:.1f} ms",
                f"{1e3 * min(seconds['tenseal']):.1f} ms",
                f"{size / MILLION:.2f}",
            ],
        ],
        numbers={
            "seconds": seconds,
            "threads": threads,
            "ratio": ratio,
            "ratio_one_thread": median["tenseal"] / alone_seconds,
        },
    )
    section.bar(
        "at least 30 x faster than TenSEAL",
        f"{ratio:.0f} x ({median['tenseal'] / alone_seconds:.0f} x on one thread)",
        ratio >= 30,
    )
    return section


def opening(quick: bool) -> Section:
    """From t releases and the total to exact integers, against TenSEAL's decryption."""
    repeats = 3 if quick else 9
    threads = os.cpu_count() or 1
    ts, _, secret = _tenseal_vectors(threads)
    with quiet():
        vector = ts.ckks_vector(secret, np.random.default_rng(3).normal(0, 0.05, MILLION).tolist())
    seconds = {"ours": [0.0] * repeats, "tenseal": [0.0] * repeats}
    for k in range(-1, repeats):  # the first one warms up
        parties, meter = quorum_parties(8), Meter()
        run_sum(parties, Dealing(parties, 3), meter=meter)
        decrypting = timed(vector.decrypt)
        if k >= 0:
            seconds["ours"][k], seconds["tenseal"][k] = meter.seconds["open"][0], decrypting
    median = {name: statistics.median(found) for name, found in seconds.items()}
    ratio = median["tenseal"] / median["ours"]
    section = Section(
        "(c) Open a sum of 1 M parameters",
        ["what", "median"],
        [
            ["quorum: interpolate, open, check noise, unpack", f"{1e3 * median['ours']:.1f} ms"],
            ["TenSEAL CKKS N=8192 [60,40,40]: decrypt", f"{1e3 * median['tenseal']:.1f} ms"],
        ],
        numbers={"seconds": seconds, "threads": threads, "ratio": ratio},
    )
    section.bar("at least 8 x faster than TenSEAL", f"{ratio:.1f} x", ratio >= 8)
    return section


def peak_after_updates(n_hospitals: int, n_updates: int) -> float:
    """Peak memory (MiB) of a process that deals and adds that many updates of 1 M parameters, one at a time."""
    joined = Joined(n_hospitals, Forgets())
    lanes = random_lanes(np.random.default_rng(4), MILLION)
    for i in joined.parties.hospitals[:n_updates]:
        joined.coordinator.add_update(i, joined.deal(i, lanes))
    return peak_mib()


def adding(quick: bool) -> Section:
    """The coordinator's work for one update, on one core, and its memory."""
    rng = np.random.default_rng(5)
    joined = Joined(8)
    updates = {i: joined.deal(i, random_lanes(rng, MILLION)) for i in joined.parties.hospitals}
    with one_thread():
        seconds, core_seconds = [], []
        for _ in range(3 if quick else 6):
            collection = joined.another_coordinator({})
            for i, data in updates.items():
                used = time.process_time()
                seconds.append(timed(functools.partial(collection.add_update, i, data)))
                core_seconds.append(time.process_time() - used)
    median = statistics.median(core_seconds)
    few, many, n_hospitals = 4, 24, 24
    peaks = {k: alone(peak_after_updates, n_hospitals, k) for k in (few, many)}
    payload_mib = parameters_of(joined.parties.task).payload_bytes / MIB
    growth = peaks[many] - peaks[few]
    section = Section(
        "(d) Add one update of 1 M parameters, one core: decode, signature, digests, sum",
        ["what", "found"],
        [
            ["core time, median", f"{1e3 * median:.2f} ms"],
            [
                "wall time, median and fastest",
                f"{1e3 * statistics.median(seconds):.2f} ms, {1e3 * min(seconds):.2f} ms",
            ],
            *([f"peak memory after {k} of {n_hospitals} updates", f"{peak:.0f} MiB"] for k, peak in peaks.items()),
        ],
        numbers={"seconds": seconds, "core_seconds": core_seconds, "peak_mib": peaks},
    )
    section.bar("at most 3 ms of one core", f"{1e3 * median:.2f} ms", median <= 3e-3)
    section.bar(
        f"{many - few} more updates ({(many - few) * payload_mib:.0f} MiB of ciphertext) need less than 16 MiB more memory",
        f"{growth:+.0f} MiB (their sealed shares)",
        growth < 16,
    )
    return section


def exactness(quick: bool) -> Section:
    """50 hospitals, every opened value against integer arithmetic."""
    n_lanes = 50_000 if quick else MILLION
    section = Section("(e) Exactness: 50 random updates, full range", ["bits", "values compared", "values that differ"])
    for bits in (16, 24):
        parties = quorum_parties(50, n_lanes, bits)
        vectors = Dealing(parties, 6)
        wrong = int(np.count_nonzero(run_sum(parties, vectors) != vectors.expected))
        section.rows.append([str(bits), f"{n_lanes:,}", str(wrong)])
        section.numbers[str(bits)] = {"compared": n_lanes, "wrong": wrong}
        section.bar(f"{bits} bits: none differs", str(wrong), wrong == 0)
    return section


def silent(quick: bool) -> Section:
    """What comes down to those who vote where contributors have fallen silent since they dealt."""
    n_hospitals, n_lanes = 50, 100_000 if quick else MILLION
    section = Section(
        f"(j) Bytes that come down to a voter for each of {n_lanes:,} parameters, {n_hospitals} hospitals, everything counted",
        ["bits", "silent", "mean", "least", "most"],
    )
    for bits, n_silent in ((16, 0), (16, 16), (8, 0), (8, 16)):
        parties, meter = quorum_parties(n_hospitals, n_lanes, bits), Meter()
        voters = parties.hospitals[: n_hospitals - n_silent]
        vectors = Dealing(parties, 9)
        run_sum(parties, vectors, voters=voters, n_releases=len(voters), meter=meter, read=lambda i, sums: None)
        down = [meter.down[i] / n_lanes for i in voters]
        mean = statistics.fmean(down)
        section.rows.append([str(bits), str(n_silent), *(f"{x:.2f}" for x in (mean, min(down), max(down)))])
        section.numbers[f"{bits} bits, {n_silent} silent"] = {"mean": mean, "least": min(down), "most": max(down)}
        if n_silent and bits == 8:  # what networks, the models of this size, have by default
            section.bar(f"{bits} bits, {n_silent} silent: at most 4.5 bytes on the mean", f"{mean:.2f}", mean <= 4.5)
    return section


def sizes_of_plain(quick: bool) -> Section:
    """From how many parameters on what a hospital sends is smaller than its plain float32 update."""
    section = Section(
        "(f) Models whose encrypted update is smaller than plain float32 (16 bits), in parameters",
        ["hospitals", "Update: first", "always from", "with Join, Vote, Release: first", "always from"],
    )
    for n_hospitals in (3, 8, 50) if quick else (3, 5, 8, 20, 50):
        found = [
            *break_even(n_hospitals, ("Update",)),
            *break_even(n_hospitals),
        ]
        section.rows.append([str(n_hospitals), *(f"{n:,}" for n in found)])
        section.numbers[str(n_hospitals)] = dict(
            zip(("update_first", "update_always", "all_first", "all_always"), found, strict=True)
        )
    first = section.numbers["8"]["update_first"]
    section.bar("8 hospitals: an update below 50,000 parameters is smaller already", f"{first:,}", first < 50_000)
    return section


def masks_beside(quick: bool) -> Section:
    """The pairwise-mask baseline through the same protocol, beside quorum."""
    section = Section(
        "(i) quorum beside masks, 1 M parameters, median",
        ["hospitals", "scheme", *PHASES, "bytes up per parameter"],
    )
    for n_hospitals in (5,) if quick else (5, 8, 20):
        rows = {name: measure(name, MILLION, n_hospitals, 1 if quick else 3) for name in ("quorum", "masks")}
        for name, row in rows.items():
            times = (f"{1e3 * row['seconds'][phase]:.1f} ms" for phase in PHASES)
            section.rows.append([str(n_hospitals), name, *times, f"{row['bytes_up_per_parameter']:.3f}"])
        ratio = rows["quorum"]["bytes_up_per_hospital"] / rows["masks"]["bytes_up_per_hospital"]
        section.numbers[str(n_hospitals)] = {**rows, "ratio_of_bytes_up": ratio}
        section.rows.append([str(n_hospitals), f"bytes, quorum / masks: {ratio:.3f}", *([""] * (len(PHASES) + 1))])
    return section


def large(quick: bool) -> Section:
    """A 100 M parameter model, 4 hospitals, payloads on disk as in a real run."""
    n_lanes, n_hospitals = (5 * MILLION if quick else 100 * MILLION), 4
    parties, meter = quorum_parties(n_hospitals, n_lanes), Meter()
    vectors = Dealing(parties, 7)
    with tempfile.TemporaryDirectory() as folder:
        sums = run_sum(parties, vectors, payloads=Spool(Path(folder)), meter=meter)
    phases = ("encrypt", "add", "consent", "release", "open")
    spent = {phase: sum(meter.seconds[phase]) for phase in phases}
    wrong = int(np.count_nonzero(sums != vectors.expected))
    each = meter.sent["Update"][0] / n_lanes
    section = Section(
        f"(g) {n_lanes // MILLION} M parameters, {n_hospitals} hospitals",
        ["what", "found"],
        [
            *([f"{what}, all hospitals", f"{seconds:.1f} s"] for what, seconds in spent.items()),
            ["update", f"{meter.sent['Update'][0] / 1e6:,.0f} MB, {each:.2f} bytes per parameter"],
            ["peak memory, all parties in one process", f"{peak_mib():,.0f} MiB"],
        ],
        numbers={"n_parameters": n_lanes, "seconds": spent, "bytes_per_parameter": each, "peak_mib": peak_mib()},
    )
    section.bar("every sum exact", f"{wrong} differ", wrong == 0)
    return section


def many(quick: bool) -> Section:
    """1,000 hospitals, 10,000 parameters, everyone holds a share of everyone; for simulation only."""
    n_hospitals, n_lanes = (60, 10_000) if quick else (1_000, 10_000)
    start = time.perf_counter()

    class Told(Meter):
        def from_(self, hospital: int, kind: str, data: bytes) -> bytes:
            if hospital % 100 == 0:
                spent = time.perf_counter() - start
                console.print(f"  {kind} {hospital} of {n_hospitals}, {spent:.0f} s, {peak_mib():,.0f} MiB")
            return super().from_(hospital, kind, data)

    parties, meter = quorum_parties(n_hospitals, n_lanes), Told()
    vectors, threshold = Dealing(parties, 8), parties.rules.threshold
    with headers_read_once() as reading:
        sums = run_sum(parties, vectors, voters=parties.hospitals[:threshold], meter=meter)
    total = time.perf_counter() - start
    dealt = sum(sum(meter.seconds[phase]) for phase in ("join", "encrypt", "add"))
    agreed = sum(sum(meter.seconds[phase]) for phase in ("consent", "release"))
    wrong = int(np.count_nonzero(sums != vectors.expected))
    update, whole = max(meter.sent["Update"]), sum(sum(lengths) for lengths in meter.sent.values())
    section = Section(
        f"(h) {n_hospitals:,} hospitals, {n_lanes:,} parameters, all to all",
        ["what", "found"],
        [
            ["all deals and additions", f"{dealt:.0f} s, {1e3 * dealt / n_hospitals:.0f} ms per hospital"],
            [
                f"{threshold} consents and releases",
                f"{agreed:.0f} s, {1e3 * agreed / threshold:.0f} ms per hospital",
            ],
            ["checking all headers (done once here, by every hospital in a study)", f"{reading[0]:.1f} s"],
            ["whole sum", f"{total:.0f} s"],
            ["largest update", f"{update / 1e6:.2f} MB"],
            ["sent by all hospitals together", f"{whole / 1e9:.2f} GB"],
            ["peak memory, all parties in one process", f"{peak_mib():,.0f} MiB"],
        ],
        numbers={
            "seconds": total,
            "deal": dealt,
            "agree": agreed,
            "headers": reading[0],
            "update_bytes": update,
            "sent_bytes": whole,
            "peak_mib": peak_mib(),
        },
    )
    section.bar("every sum exact", f"{wrong} differ", wrong == 0)
    return section


SECTIONS: dict[str, Callable[[bool], Section]] = {
    "bytes": bytes_per_parameter,
    "speed": speed,
    "open": opening,
    "add": adding,
    "exact": exactness,
    "silent": silent,
    "break-even": sizes_of_plain,
    "masks": masks_beside,
    "large": functools.partial(alone, large),
    "many": functools.partial(alone, many),
}


def main() -> int:
    """Run the chosen sections; 0 when every bar holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer repeats")
    parser.add_argument("--all", action="store_true", help="also the sum over 1,000 hospitals")
    parser.add_argument("--only", default="", help=f"some of: {','.join(SECTIONS)}")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else [n for n in SECTIONS if arguments.all or n != "many"]
    if unknown := sorted(set(names) - set(SECTIONS)):
        parser.error(f"unknown section(s): {', '.join(unknown)}")
    console.print(machine_line(), highlight=False, soft_wrap=True)
    console.print()
    sections = []
    for name in names:
        section = SECTIONS[name](arguments.quick)
        section.show()
        sections.append(section)
    suffix = "_quick" if arguments.quick else ""
    partial = f"_{'_'.join(names)}" if arguments.only else ""
    console.print(f"written to {write_results(f'secure_sum{suffix}{partial}', sections).name}")
    return 0 if all(holds for section in sections for _, _, holds in section.bars) else 1


if __name__ == "__main__":
    raise SystemExit(main())
